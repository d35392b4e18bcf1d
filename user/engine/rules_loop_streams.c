/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 11 for streams. Their messages have turns as requests have, but nothing of them counts for how a loop defers: they are written
 * without having been read, and read without being answered.
 */
#include "engine/rules_loop.h"

void rule_11_stream_read(const struct moment *moment, struct context *stream)
{
	struct continuations *loop = rule_11_loop_of(moment->thread);

	if (loop && (continuations_ahead(loop) || continuations_collect(loop) || continuations_known_to_defer(loop)))
		rule_11_read(moment, stream, SIDE_SERVER);
	else if (loop)
		loop->reading = true;
}

/*
 * It was made ready by something within the process: what was due may have run before it, and made no call. Or it runs now, and writes this
 * before its response.
 */
static void begin_unexpected_turn(const struct moment *moment, struct continuations *loop)
{
	struct context *step = present_step(moment->thread);

	if (!step || !continuations_known_to_defer(loop) || !continuations_first_due(loop) || !thread_has_worked(moment->thread, step))
		return;
	leave_unclaimed(moment->engine, step);
	continuations_publish(moment->engine, loop, step);
	turn_to_segment(moment, ORIGIN_EVENT, NULL, false);
}

void rule_11_stream_write(const struct moment *moment, struct context *stream)
{
	struct continuations *loop = rule_11_loop_of(moment->thread);
	struct continuation *taken = loop ? continuations_find_of(loop, stream) : NULL;

	if (!loop || !rule_11_in_steps(moment->thread))
		return;
	if (continuations_ahead(loop)) {
		if (taken)
			ahead_server_write(moment, stream);
		return;
	}
	if (continuations_collect(loop)) {
		collect_server_write(moment, stream);
		return;
	}
	if (taken)
		begin_turn(moment, taken);
	else
		begin_unexpected_turn(moment, loop);
	continuations_drop_of(moment->engine, loop, stream);
}

void claim_published(const struct moment *moment, struct continuations *loop, const struct continuation *taken, struct context *request)
{
	const struct context *step = present_step(moment->thread);

	if (loop->published && taken == continuations_first_due(loop) && step && !thread_has_worked(moment->thread, step))
		context_bind(moment->engine, loop->published, request);
	continuations_publish(moment->engine, loop, NULL);
}
