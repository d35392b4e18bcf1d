/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the engine tells, as text that is compared word for word: every field that is not zero, times relative to the events' base.
 * Used by tests/golden/run.c.
 * Never: rounds.
 */
#ifndef TESTS_GOLDEN_TEXT_PRINT_H
#define TESTS_GOLDEN_TEXT_PRINT_H

#include <stdio.h>

#include "engine/engine.h"

void print_request(FILE *out, const struct request *request);
/* One piece of it. */
void print_stream(FILE *out, const struct stream *stream);
void print_process(FILE *out, const struct process *process);
void print_losses(FILE *out, const struct engine_losses *losses);

#endif
