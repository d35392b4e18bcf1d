/* SPDX-License-Identifier: BSD-2-Clause */
#include "view/timeline.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "util/apportion.h"
#include "util/flush.h"
#include "util/order.h"
#include "view/text.h"

#define BAR_MIN     10
#define BAR_MAX     80
#define BAR_DEFAULT 40

/* Peers that a line names before it counts the rest. */
#define PEERS_SHOWN 3

static const char state_letters[STATES + 1] = {
	[STATE_CPU] = 'C',  [STATE_READY] = 'R', [STATE_DISK] = 'D', [STATE_NET] = 'N',    [STATE_LOOP] = 'L',  [STATE_QUEUE] = 'Q',
	[STATE_LOCK] = 'K', [STATE_POOL] = 'P',  [STATE_LOG] = 'G',  [STATE_CLIENT] = 'W', [STATE_SLEEP] = 'S', [STATE_OTHER] = '.',
};

int timeline_print_legend(FILE *out, unsigned width)
{
	char line[512];
	size_t used = 0;

	for (int i = 0; i < STATES; i++) {
		enum state state = state_display_order[i];

		used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%c %s", i ? " · " : "", state_letters[state],
					 state_names[state].key);
	}
	snprintf(line + used, sizeof(line) - used, " · in ms; each letter is what took most of its slice\n");
	text_wrap(out, line, width ? width : SIZE_MAX);
	return flush_stream(out);
}

static void print_peers(FILE *out, const struct request *request)
{
	if (!request->peer_count)
		return;
	fputs(" (", out);
	for (size_t i = 0; i < request->peer_count && i < PEERS_SHOWN; i++) {
		fputs(i ? ", " : "", out);
		text_print(out, request->peers[i].peer, PEER_NAME_MAX);
		if (request->peers[i].calls > 1)
			fprintf(out, " ×%" PRIu32, request->peers[i].calls);
	}
	if (request->peer_count > PEERS_SHOWN)
		fprintf(out, " and %zu more", request->peer_count - PEERS_SHOWN);
	fputc(')', out);
}

/* The states that took any time, in units that sum to the wall as printed before them. */
static void print_states(FILE *out, const struct request *request, int decimals)
{
	uint64_t units[STATES];

	apportion(request->state_ns, STATES, ms_unit_ns(decimals), units);
	for (int i = 0; i < STATES; i++) {
		enum state state = state_display_order[i];

		if (!units[state])
			continue;
		fprintf(out, " %s %.*f", state_names[state].key, decimals, (double)(units[state] * ms_unit_ns(decimals)) / 1e6);
		if (state == STATE_NET)
			print_peers(out, request);
	}
}

static void print_status(FILE *out, const struct request *request)
{
	if (request->aborted)
		fputs(" aborted", out);
	else if (request->status)
		fprintf(out, " %u", request->status);
	else if (request->protocol == WIRE_HTTP1)
		fputs(" ?", out);
}

static void print_words(FILE *out, const struct request *request, const char *endpoint)
{
	uint64_t wall_ns = request->end_ns - request->start_ns, units;
	int decimals = ms_decimals(wall_ns);

	text_print(out, request->id, REQUEST_ID_MAX);
	fputc(' ', out);
	text_print(out, endpoint, SIZE_MAX);
	print_status(out, request);
	apportion(&wall_ns, 1, ms_unit_ns(decimals), &units);
	fprintf(out, " %.*f ms ", decimals, (double)(units * ms_unit_ns(decimals)) / 1e6);
	print_states(out, request, decimals);
	if (request->ambiguous)
		fputs(" ambiguous", out);
}

/* How much of each state lies in each of the bar's slices. */
static void spread_stretches(const struct request *request, size_t slices, uint64_t slice_state_ns[BAR_MAX][STATES])
{
	uint64_t wall_ns = request->end_ns - request->start_ns;

	memset(slice_state_ns, 0, slices * sizeof(slice_state_ns[0]));
	for (size_t i = 0; i < request->stretch_count; i++) {
		const struct request_stretch *stretch = &request->stretches[i];
		uint64_t from_ns = stretch->start_ns - request->start_ns, to_ns = stretch->end_ns - request->start_ns;

		for (size_t slice = 0; slice < slices; slice++) {
			uint64_t slice_from_ns = wall_ns * slice / slices, slice_to_ns = wall_ns * (slice + 1) / slices;
			uint64_t first_ns = later_ns(from_ns, slice_from_ns);
			uint64_t last_ns = earlier_ns(to_ns, slice_to_ns);

			if (last_ns > first_ns)
				slice_state_ns[slice][stretch->state] += last_ns - first_ns;
		}
	}
}

static void print_bar(FILE *out, const struct request *request, size_t slices)
{
	uint64_t slice_state_ns[BAR_MAX][STATES];

	if (!request->stretch_count)
		return;
	spread_stretches(request, slices, slice_state_ns);
	fputs("  |", out);
	for (size_t slice = 0; slice < slices; slice++) {
		int largest = STATE_OTHER;

		for (int state = 0; state < STATES; state++)
			if (slice_state_ns[slice][state] > slice_state_ns[slice][largest])
				largest = state;
		fputc(state_letters[largest], out);
	}
	fputc('|', out);
}

static size_t bar_slices(const char *words, unsigned width)
{
	size_t taken = text_columns(words) + strlen("  ||");

	if (!width)
		return BAR_DEFAULT;
	if (width < taken + BAR_MIN)
		return BAR_MIN;
	return width - taken < BAR_MAX ? width - taken : BAR_MAX;
}

int timeline_print(FILE *out, const struct request *request, const char *endpoint, unsigned width)
{
	char *words = NULL;
	size_t size = 0;
	FILE *line = open_memstream(&words, &size);

	if (!line)
		return -ENOMEM;
	print_words(line, request, endpoint);
	if (fclose(line)) {
		free(words);
		return -ENOMEM;
	}
	fwrite(words, 1, size, out);
	print_bar(out, request, bar_slices(words, width));
	fputc('\n', out);
	free(words);
	return flush_stream(out);
}
