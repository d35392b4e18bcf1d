/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The states of a request, in the order of their precedence: where two could hold at an instant, the first wins.
 * Used by engine, statistics and views; names are those of the JSON contract.
 * Never: a thirteenth state for what is not known. That is OTHER.
 */
#ifndef IOCPU_UTIL_STATE_H
#define IOCPU_UTIL_STATE_H

enum state {
	STATE_CPU,
	STATE_READY,
	STATE_DISK,
	STATE_NET,
	STATE_LOOP,
	STATE_QUEUE,
	STATE_LOCK,
	STATE_POOL,
	STATE_LOG,
	STATE_CLIENT,
	STATE_SLEEP,
	STATE_OTHER,
	STATES
};

/* The parts of READY. */
enum ready { READY_PART_WAKEUP, READY_PART_PREEMPTED, READY_PART_THROTTLED, READY_PART_STOLEN, READY_PARTS };

struct state_name {
	const char *key;    /* in JSON */
	const char *column; /* in the table */
	const char *means;  /* one line for people */
};

extern const struct state_name state_names[STATES];
/* The order in which people and exports see them: as a request lives through them, rare ones last. */
extern const enum state state_display_order[STATES];
extern const char *const ready_part_names[READY_PARTS];

#endif
