/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/target_watch.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "util/clock.h"

#define NS_PER_SECOND 1000000000ull

/* Between two looks lies at least this, and this many times what the last one cost in CPU, but never more than the longest. */
#define LOOK_EVERY_NS   NS_PER_SECOND
#define LOOK_COST_TIMES 100
#define LOOK_LONGEST_NS (60 * NS_PER_SECOND)

struct target_watch {
	const struct options *options;
	pthread_t thread;
	bool started;
	struct pid_list present; /* at the last look; the thread's */
	bool looked;             /* once at least */
	bool *ended;             /* a process id that has ended: who bears it later is somebody else */
	pthread_mutex_t lock;    /* of what follows */
	pthread_cond_t closing;
	bool closed;
	struct pid_list found;  /* new since the last take */
	struct pid_list missed; /* since the last look: to be found once more */
	bool *up;
};

/* What comes and goes is worth a line in the log; that it is there at the start is not. */
static void tell_change(const struct target_watch *watch, size_t i, bool up)
{
	struct totals_target target;

	if (watch->looked ? up == watch->up[i] : up)
		return;
	target_describe(&watch->options->targets[i], target.name, sizeof(target.name));
	if (up)
		remark("%s is there", target.name);
	else
		remark(watch->ended[i] ? "%s has ended for good" : "waiting for %s", target.name);
}

/* All of them that are there now. What cannot be found for lack of memory or files is looked for again soon. */
static void find_all(struct target_watch *watch, struct pid_list *now)
{
	const struct options *options = watch->options;

	for (size_t i = 0; i < options->target_count; i++) {
		struct pid_list list = {0};
		bool up = !watch->ended[i] && !target_find(&options->targets[i], &list) && list.count;

		watch->ended[i] = options->targets[i].kind == TARGET_PID && !up;
		for (size_t j = 0; j < list.count; j++)
			pid_list_add(now, list.pids[j]);
		pid_list_fini(&list);
		tell_change(watch, i, up);
		pthread_mutex_lock(&watch->lock);
		watch->up[i] = up;
		pthread_mutex_unlock(&watch->lock);
	}
	watch->looked = true;
}

static void look(struct target_watch *watch)
{
	struct pid_list now = {0};

	find_all(watch, &now);
	pthread_mutex_lock(&watch->lock);
	for (size_t i = 0; i < now.count; i++)
		if (!pid_list_has(&watch->present, now.pids[i]) || pid_list_has(&watch->missed, now.pids[i]))
			pid_list_add(&watch->found, now.pids[i]);
	pid_list_fini(&watch->missed);
	pthread_mutex_unlock(&watch->lock);
	pid_list_fini(&watch->present);
	watch->present = now;
}

/* How long to wait after a look that cost so much. */
static uint64_t pause_ns(uint64_t cost_ns)
{
	uint64_t pause = cost_ns * LOOK_COST_TIMES;

	if (pause < LOOK_EVERY_NS)
		return LOOK_EVERY_NS;
	return pause < LOOK_LONGEST_NS ? pause : LOOK_LONGEST_NS;
}

static void *keep_looking(void *context)
{
	struct target_watch *watch = context;
	uint64_t cost_ns = 0;

	pthread_mutex_lock(&watch->lock);
	while (!watch->closed) {
		uint64_t until_ns = monotonic_ns() + pause_ns(cost_ns), before_ns;
		const struct timespec until = {(time_t)(until_ns / NS_PER_SECOND), (long)(until_ns % NS_PER_SECOND)};

		if (pthread_cond_timedwait(&watch->closing, &watch->lock, &until) != ETIMEDOUT)
			continue;
		pthread_mutex_unlock(&watch->lock);
		before_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		look(watch);
		cost_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - before_ns;
		pthread_mutex_lock(&watch->lock);
	}
	pthread_mutex_unlock(&watch->lock);
	return NULL;
}

static void init_lock(struct target_watch *watch)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&watch->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&watch->closing, &attributes);
	pthread_condattr_destroy(&attributes);
}

/* Refuses what can never come: ids that nobody has, and paths that are no cgroup's. */
static enum exit_code refuse_impossible(const struct options *options)
{
	enum exit_code code = EXIT_DONE;

	for (size_t i = 0; i < options->target_count && !code; i++) {
		struct pid_list list = {0};

		if (options->targets[i].kind == TARGET_PID || target_find(&options->targets[i], &list) == -EINVAL)
			code = target_resolve(&options->targets[i], &list);
		pid_list_fini(&list);
	}
	return code;
}

enum exit_code target_watch_open(const struct options *options, struct target_watch **opened)
{
	enum exit_code code = refuse_impossible(options);
	struct target_watch *watch;

	*opened = NULL;
	if (code)
		return code;
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return complain(EXIT_FAILED, NULL, "out of memory");
	watch->options = options;
	init_lock(watch);
	watch->ended = calloc(options->target_count + 1, sizeof(*watch->ended));
	watch->up = calloc(options->target_count + 1, sizeof(*watch->up));
	if (watch->ended && watch->up) {
		look(watch);
		watch->started = !pthread_create(&watch->thread, NULL, keep_looking, watch);
	}
	if (!watch->started) {
		target_watch_close(watch);
		return complain(EXIT_FAILED, NULL, "out of memory");
	}
	*opened = watch;
	return EXIT_DONE;
}

int target_watch_take(struct target_watch *watch, struct pid_list *list)
{
	int err = 0;

	pthread_mutex_lock(&watch->lock);
	for (size_t i = 0; i < watch->found.count && !err; i++)
		err = pid_list_add(list, watch->found.pids[i]);
	pid_list_fini(&watch->found);
	pthread_mutex_unlock(&watch->lock);
	return err;
}

int target_watch_miss(struct target_watch *watch, pid_t pid)
{
	int err;

	pthread_mutex_lock(&watch->lock);
	err = pid_list_add(&watch->missed, pid);
	pthread_mutex_unlock(&watch->lock);
	return err;
}

static bool is_told(const struct totals_target *targets, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(targets[i].name, name))
			return true;
	return false;
}

size_t target_watch_read(struct target_watch *watch, struct totals_target *targets, size_t max)
{
	size_t count = 0;

	pthread_mutex_lock(&watch->lock);
	for (size_t i = 0; i < watch->options->target_count && count < max; i++) {
		struct totals_target *target = &targets[count];

		target_describe(&watch->options->targets[i], target->name, sizeof(target->name));
		target->up = watch->up[i];
		count += !is_told(targets, count, target->name);
	}
	pthread_mutex_unlock(&watch->lock);
	return count;
}

void target_watch_close(struct target_watch *watch)
{
	if (!watch)
		return;
	pthread_mutex_lock(&watch->lock);
	watch->closed = true;
	pthread_cond_signal(&watch->closing);
	pthread_mutex_unlock(&watch->lock);
	if (watch->started)
		pthread_join(watch->thread, NULL);
	pthread_cond_destroy(&watch->closing);
	pthread_mutex_destroy(&watch->lock);
	pid_list_fini(&watch->present);
	pid_list_fini(&watch->found);
	pid_list_fini(&watch->missed);
	free(watch->ended);
	free(watch->up);
	free(watch);
}
