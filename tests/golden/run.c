/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Golden tests of the engine: each tests/golden/NAME.events goes through it, and what it tells must be NAME.expected, word for word.
 * Whatever the expectation says, time must close: states sum to the wall, stretches fill it, CPU is conserved.
 *
 *	run [--update] [FOLDER]	from the project's top; --update rewrites what is expected
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "golden/text_closure.h"
#include "golden/text_print.h"
#include "golden/text.h"

#define PROCESSES_MAX 64

struct told {
	FILE *out;
	struct closure *closure;
};

static void on_request(void *context, const struct request *request)
{
	struct told *told = context;

	print_request(told->out, request);
	closure_of_request(told->closure, request);
}

static void on_stream(void *context, const struct stream *stream)
{
	struct told *told = context;

	print_stream(told->out, stream);
}

static void print_outcome(FILE *out, const struct engine *engine, struct closure *closure)
{
	struct process processes[PROCESSES_MAX];
	struct engine_losses losses;
	size_t count = engine_processes(engine, processes, PROCESSES_MAX);

	for (size_t i = 0; i < count && i < PROCESSES_MAX; i++)
		print_process(out, &processes[i]);
	engine_losses(engine, &losses);
	print_losses(out, &losses);
	closure_of_processes(closure, processes, count < PROCESSES_MAX ? count : PROCESSES_MAX);
}

/* A written event must read as the same event; checked on every event there is. */
static void check_round_trip(const struct event *event, struct closure *closure)
{
	struct text_event *again = malloc(sizeof(*again));
	char *first = NULL, *second = NULL, *line;
	size_t first_size, second_size;
	FILE *out = open_memstream(&first, &first_size);
	const char *why = "";

	text_write(out, event, TEXT_BASE_NS);
	fclose(out);
	line = strdup(first);
	if (text_parse(line, again, &why) != 1) {
		closure_fault(closure, "%s: %s", why, first);
	} else {
		out = open_memstream(&second, &second_size);
		text_write(out, &again->event, TEXT_BASE_NS);
		fclose(out);
		if (strcmp(first, second) != 0)
			closure_fault(closure, "reads back as another event: %s%s", first, second);
	}
	free(line);
	free(first);
	free(second);
	free(again);
}

/* All that the engine tells of a file, for the caller to free. NULL: the file could not be read to its end. */
static char *run_events(const char *path, struct closure *closure)
{
	struct event_source *source = text_open(path);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct told told = {out, closure};
	struct engine *engine = engine_open(&(struct engine_sink){&told, on_request, on_stream});
	struct event event;
	int err = source ? 0 : -errno;

	while (source && (err = source->next(source, &event)) > 0) {
		check_round_trip(&event, closure);
		closure_of_event(closure, &event);
		engine_handle(engine, &event);
	}
	if (!source)
		fprintf(stderr, "%s: %s\n", path, strerror(-err));
	else
		source->close(source);
	engine_finish(engine);
	print_outcome(out, engine, closure);
	engine_close(engine);
	fclose(out);
	if (err < 0) {
		free(text);
		return NULL;
	}
	return text;
}

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	if (!file)
		return NULL;
	if (getdelim(&text, &size, 0, file) < 0) {
		free(text);
		text = strdup("");
	}
	fclose(file);
	return text;
}

static bool write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (!file)
		return false;
	fputs(text, file);
	return fclose(file) == 0;
}

/* Tells the first line that differs. */
static void print_difference(const char *expected, const char *told)
{
	unsigned int line = 1;

	while (*expected && strcspn(expected, "\n") == strcspn(told, "\n") && strncmp(expected, told, strcspn(told, "\n") + 1) == 0) {
		expected += strcspn(expected, "\n");
		told += strcspn(told, "\n");
		expected += *expected == '\n';
		told += *told == '\n';
		line++;
	}
	printf("# line %u\n#   expected: %.*s\n#   told:     %.*s\n", line, (int)strcspn(expected, "\n"), expected,
	       (int)strcspn(told, "\n"), told);
}

static bool run_test(const char *folder, const char *name, bool update)
{
	char events_path[4096], expected_path[4096];
	struct closure *closure = closure_open();
	char *told, *expected;
	bool good;

	snprintf(events_path, sizeof(events_path), "%s/%s.events", folder, name);
	snprintf(expected_path, sizeof(expected_path), "%s/%s.expected", folder, name);
	told = run_events(events_path, closure);
	good = closure_close(closure) && told;
	if (told && update)
		good = write_file(expected_path, told) && good;
	expected = read_file(expected_path);
	if (told && !expected) {
		printf("# %s: %s\n", expected_path, strerror(errno));
		good = false;
	} else if (told && strcmp(told, expected) != 0) {
		print_difference(expected, told);
		good = false;
	}
	free(expected);
	free(told);
	return good;
}

static int is_events_file(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && strcmp(dot, ".events") == 0;
}

int main(int argc, char **argv)
{
	bool update = argc > 1 && strcmp(argv[1], "--update") == 0;
	const char *folder = argc > 1 + update ? argv[1 + update] : "tests/golden";
	struct dirent **entries;
	int count = scandir(folder, &entries, is_events_file, alphasort);
	int failed = 0;

	if (count <= 0) {
		fprintf(stderr, "%s: %s\n", folder, count < 0 ? strerror(errno) : "no *.events there");
		return 1;
	}
	printf("1..%d\n", count);
	for (int i = 0; i < count; i++) {
		bool good;

		*strrchr(entries[i]->d_name, '.') = 0;
		good = run_test(folder, entries[i]->d_name, update);
		printf("%s %d - golden: %s\n", good ? "ok" : "not ok", i + 1, entries[i]->d_name);
		failed += !good;
		free(entries[i]);
	}
	free(entries);
	return failed != 0;
}
