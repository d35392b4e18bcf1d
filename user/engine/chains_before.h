/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 12 where threads run each other's requests, and the tracer came while some waited: who came to wait since, and what each connection
 * that was given back has led to, both in their order. By how many the latter are behind the former the responses tell.
 * Used by chains.c and chains_answered.c, whose places it fills as soon as that is known.
 * Never: used where the line was seen from its beginning.
 */
#ifndef IOCPU_ENGINE_CHAINS_BEFORE_H
#define IOCPU_ENGINE_CHAINS_BEFORE_H

#include "engine/chains_places.h"

/* Nobody has been given a connection yet, but whoever comes to wait from now on may stand behind others. */
void chains_before_begin(struct chains *chains);
/* The responses contradict the line: somebody's coming or going was missed, or taken for another's. All are paired anew. */
void chains_before_again(struct engine *engine, struct chains *chains);
/* The thread has given a connection back. */
void chains_before_released(struct chains *chains, uint32_t tid);
/* The thread lets another goroutine go on. */
void chains_before_lets_go_on(struct chains *chains, uint32_t tid);
/* This segment has begun with one, on this thread. */
void chains_before_begun(struct engine *engine, struct chains *chains, uint32_t tid, struct context *segment);
/* A response: the thread runs `segment`. */
void chains_before_answered(struct engine *engine, struct chains *chains, struct context *segment, struct context *request);
/* A connection has lain idle for long: nobody has stood in front of who came since. */
void chains_before_left_idle(struct engine *engine, struct chains *chains);
/* The response has told of how many are unknown, or nobody will: from now on chains.c goes by what is in the places, if that is known. */
void chains_before_end(struct engine *engine, struct chains *chains);

#endif
