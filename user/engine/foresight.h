/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events that are held back, so that it is known when a thread was off its core before others' records are judged by that: its own record
 * tells it only once its next call is over.
 * Called by engine.c with all events, while there are loops for which rule 11 has asked for it; rules_ahead_order.c looks.
 * Never: changes the order of events, or looks at anything but windows.
 */
#ifndef IOCPU_ENGINE_FORESIGHT_H
#define IOCPU_ENGINE_FORESIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "util/event.h"

struct engine;
struct held;

/* Behind the event that came last: of a step that is at work for as long the others have been judged, be it wrongly. */
#define FORESIGHT_NS 4000000

/* First in, first out. All zero: none. */
struct foresight {
	struct held *first, *last;
	uint32_t held_count;
	uint32_t wanted_by; /* loops for which a rule looks ahead; 0: nothing is held */
	struct event due;
};

/* A copy of the event is kept. False: no memory. */
bool foresight_hold(struct engine *engine, const struct event *event);
/* The first one if it has been held long enough, or `all` are due; it is valid until foresight_drop. NULL: none is. */
const struct event *foresight_due(struct foresight *foresight, bool all);
/* The first one. */
void foresight_drop(struct foresight *foresight);

#endif
