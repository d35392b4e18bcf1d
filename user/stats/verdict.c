/* SPDX-License-Identifier: BSD-2-Clause */
#include "stats/verdict.h"

#include <stdio.h>
#include <string.h>

const char *const verdict_names[VERDICTS] = {
	[VERDICT_IO_BOUND] = "io-bound",     [VERDICT_CPU_BOUND] = "cpu-bound",       [VERDICT_CORE_BOUND] = "core-bound",
	[VERDICT_LOOP_BOUND] = "loop-bound", [VERDICT_QUEUE_BOUND] = "queue-bound",   [VERDICT_POOL_BOUND] = "pool-bound",
	[VERDICT_LOCK_BOUND] = "lock-bound", [VERDICT_CLIENT_BOUND] = "client-bound", [VERDICT_MIXED] = "mixed",
};

/* "client-bound: " */
#define LABEL_MAX 16

struct evidence {
	char text[sizeof(((struct snapshot_endpoint *)0)->verdict_text) - LABEL_MAX];
};

#define SAY(evidence, ...) snprintf((evidence)->text, sizeof((evidence)->text), __VA_ARGS__)

/* Milliseconds for a sentence: as many digits as matter. */
struct spoken_ms {
	char text[24];
};

static struct spoken_ms spoken_ms(uint64_t ns)
{
	double ms = (double)ns / 1e6;
	struct spoken_ms spoken;

	snprintf(spoken.text, sizeof(spoken.text), "%.*f ms", ms >= 99.95 ? 0 : ms >= 0.995 ? 1 : 2, ms);
	return spoken;
}

static double percent(uint64_t part_ns, uint64_t whole_ns)
{
	return whole_ns ? 100.0 * (double)part_ns / (double)whole_ns : 0;
}

static void say_io(const struct snapshot_endpoint *endpoint, struct evidence *evidence)
{
	uint64_t net_ns = endpoint->state[STATE_NET].mean, disk_ns = endpoint->state[STATE_DISK].mean;
	double share;

	if (disk_ns > net_ns) {
		SAY(evidence, "disk is %.0f%% of the time", percent(disk_ns, endpoint->wall.mean));
	} else if (!endpoint->peer_count) {
		SAY(evidence, "downstream calls are %.0f%% of the time", percent(net_ns, endpoint->wall.mean));
	} else {
		/* Calls in flight while the request also computes are in the peer's time, but not in the state. */
		share = percent(endpoint->peers[0].net_union_mean_ns, net_ns);
		SAY(evidence, "%s is %.0f%% of NET", endpoint->peers[0].peer, share > 100 ? 100 : share);
	}
}

static void say_cpu(const struct snapshot_endpoint *endpoint, struct evidence *evidence)
{
	double delayed = (double)endpoint->delayed_requests / (double)endpoint->requests;
	struct spoken_ms cpu = spoken_ms(endpoint->state[STATE_CPU].mean);

	if (endpoint->delayed_requests)
		SAY(evidence, "holds the loop %s, delays %.*f others", cpu.text, delayed < 9.95, delayed);
	else
		SAY(evidence, "computes for %s", cpu.text);
}

static void say_core(const struct snapshot_endpoint *endpoint, struct evidence *evidence)
{
	static const struct {
		const char *before, *after;
	} words[READY_PARTS] = {
		[READY_PART_WAKEUP] = {"waits", "for a core after wake-ups"},
		[READY_PART_PREEMPTED] = {"waits", "for a core that other threads took"},
		[READY_PART_THROTTLED] = {"stopped", "by its cgroup's CPU quota"},
		[READY_PART_STOLEN] = {"loses", "of its core to the hypervisor or interrupts"},
	};
	int largest = 0;

	for (int part = 1; part < READY_PARTS; part++)
		if (endpoint->ready_mean_ns[part] > endpoint->ready_mean_ns[largest])
			largest = part;
	SAY(evidence, "%s %s %s", words[largest].before, spoken_ms(endpoint->ready_mean_ns[largest]).text, words[largest].after);
}

static void say_loop(const struct snapshot_endpoint *endpoint, struct evidence *evidence)
{
	if (!endpoint->culprit_count)
		SAY(evidence, "waits %s for a busy loop", spoken_ms(endpoint->state[STATE_LOOP].mean).text);
	else if (!strcmp(endpoint->culprits[0].endpoint, endpoint->endpoint))
		SAY(evidence, "waits for others of its own kind");
	else
		SAY(evidence, "waits for %s", endpoint->culprits[0].endpoint);
}

static void say_queue(const struct snapshot_endpoint *endpoint, struct evidence *evidence)
{
	SAY(evidence, "waits %s until a worker begins it", spoken_ms(endpoint->state[STATE_QUEUE].mean).text);
}

static void say_pool(const struct snapshot_endpoint *endpoint, struct evidence *evidence)
{
	SAY(evidence, "waits %s for a free downstream connection", spoken_ms(endpoint->state[STATE_POOL].mean).text);
}

static void say_lock(const struct snapshot_endpoint *endpoint, struct evidence *evidence)
{
	struct spoken_ms waited = spoken_ms(endpoint->state[STATE_LOCK].mean);

	if (!endpoint->lock_count)
		SAY(evidence, "waits %s for locks", waited.text);
	else if (!strcmp(endpoint->locks[0].endpoint, endpoint->endpoint))
		SAY(evidence, "waits %s for locks that others of its own kind hold", waited.text);
	else
		SAY(evidence, "waits %s for locks that %s holds", waited.text, endpoint->locks[0].endpoint);
}

static void say_client(const struct snapshot_endpoint *endpoint, struct evidence *evidence)
{
	SAY(evidence, "waits %s for the client to send or to read", spoken_ms(endpoint->state[STATE_CLIENT].mean).text);
}

/* No group has half, nor any state: the two largest states. */
static void say_mixed(const struct snapshot_endpoint *endpoint, struct evidence *evidence)
{
	int first = 0, second = -1;

	for (int state = 1; state < STATES; state++) {
		if (endpoint->state[state].mean > endpoint->state[first].mean) {
			second = first;
			first = state;
		} else if (second < 0 || endpoint->state[state].mean > endpoint->state[second].mean) {
			second = state;
		}
	}
	SAY(evidence, "%s %.0f%%, %s %.0f%%", state_names[first].column, percent(endpoint->state[first].mean, endpoint->wall.mean),
	    state_names[second].column, percent(endpoint->state[second].mean, endpoint->wall.mean));
}

struct verdict_group {
	const char *label;
	void (*say_evidence)(const struct snapshot_endpoint *endpoint, struct evidence *evidence);
};

static const struct verdict_group verdict_groups[VERDICTS] = {
	[VERDICT_IO_BOUND] = {"I/O-bound", say_io},
	[VERDICT_CPU_BOUND] = {"CPU-bound", say_cpu},
	[VERDICT_CORE_BOUND] = {"core-bound", say_core},
	[VERDICT_LOOP_BOUND] = {"loop-bound", say_loop},
	[VERDICT_QUEUE_BOUND] = {"queue-bound", say_queue},
	[VERDICT_POOL_BOUND] = {"pool-bound", say_pool},
	[VERDICT_LOCK_BOUND] = {"lock-bound", say_lock},
	[VERDICT_CLIENT_BOUND] = {"client-bound", say_client},
	[VERDICT_MIXED] = {"mixed", say_mixed},
};

/* Which group a state's time stands behind. LOG, SLEEP and OTHER stand behind none. */
static const enum verdict group_of_state[STATES] = {
	[STATE_CPU] = VERDICT_CPU_BOUND,       [STATE_READY] = VERDICT_CORE_BOUND, [STATE_DISK] = VERDICT_IO_BOUND,
	[STATE_NET] = VERDICT_IO_BOUND,        [STATE_LOOP] = VERDICT_LOOP_BOUND,  [STATE_QUEUE] = VERDICT_QUEUE_BOUND,
	[STATE_LOCK] = VERDICT_LOCK_BOUND,     [STATE_POOL] = VERDICT_POOL_BOUND,  [STATE_LOG] = VERDICT_MIXED,
	[STATE_CLIENT] = VERDICT_CLIENT_BOUND, [STATE_SLEEP] = VERDICT_MIXED,      [STATE_OTHER] = VERDICT_MIXED,
};

static bool is_half(uint64_t part_ns, const struct snapshot_endpoint *endpoint)
{
	return part_ns && part_ns >= endpoint->wall.mean - endpoint->wall.mean / 2;
}

/* One state may have half and more though no group is named after it: nobody would call that mixed. Says what it means. */
static bool say_state_alone(struct snapshot_endpoint *endpoint)
{
	int state = 0;

	while (state < STATES && !is_half(endpoint->state[state].mean, endpoint))
		state++;
	if (state == STATES)
		return false;
	snprintf(endpoint->verdict_text, sizeof(endpoint->verdict_text), "%s %.0f%%: %s", state_names[state].column,
		 percent(endpoint->state[state].mean, endpoint->wall.mean), state_names[state].means);
	return true;
}

void verdict_find(struct snapshot_endpoint *endpoint)
{
	uint64_t group_ns[VERDICTS] = {0};
	struct evidence evidence = {""};

	for (int state = 0; state < STATES; state++)
		group_ns[group_of_state[state]] += endpoint->state[state].mean;
	endpoint->verdict = VERDICT_MIXED;
	for (int verdict = 0; verdict < VERDICT_MIXED; verdict++)
		if (is_half(group_ns[verdict], endpoint)) {
			endpoint->verdict = (enum verdict)verdict;
			break;
		}
	if (endpoint->verdict == VERDICT_MIXED && say_state_alone(endpoint))
		return;
	verdict_groups[endpoint->verdict].say_evidence(endpoint, &evidence);
	snprintf(endpoint->verdict_text, sizeof(endpoint->verdict_text), "%s: %s", verdict_groups[endpoint->verdict].label, evidence.text);
}
