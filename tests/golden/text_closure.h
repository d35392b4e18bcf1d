/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What must be true of any run, whatever its events: time closes, CPU is conserved.
 * Used by tests/golden/run.c, which shows it everything that goes into the engine and comes out.
 * Never: takes the engine's own sums for granted; CPU is added up from the events.
 */
#ifndef TESTS_GOLDEN_TEXT_CLOSURE_H
#define TESTS_GOLDEN_TEXT_CLOSURE_H

#include <stdbool.h>

#include "engine/engine.h"

struct closure;

struct closure *closure_open(void);

/* Before the engine takes it. */
void closure_of_event(struct closure *closure, const struct event *event);
void closure_of_request(struct closure *closure, const struct request *request);
/* At the end, all processes. */
void closure_of_processes(struct closure *closure, const struct process *processes, size_t count);

/* Something is wrong: prints it as a comment. */
void closure_fault(struct closure *closure, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Frees. True: nothing was wrong. */
bool closure_close(struct closure *closure);

#endif
