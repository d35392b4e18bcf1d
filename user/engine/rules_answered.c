/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 5: what a downstream sends, to whom it is, and what it had been waited for. */
#include "engine/answers.h"
#include "engine/chains.h"
#include "engine/goroutines.h"
#include "engine/idle.h"
#include "engine/moment.h"
#include "engine/strands.h"
#include "engine/turns.h"

/*
 * What was read now had been awaited since then: until when it was on its way, which is returned, and until when it waited for the loop (0:
 * it did not). The thread works for the context already.
 */
static uint64_t split_wait(const struct moment *moment, struct context *context, uint64_t since_ns, uint64_t *loop_until_ns)
{
	uint64_t arrived_ns = later_ns(moment->arrived_ns, since_ns);

	thread_commit(moment->engine, moment->thread);
	*loop_until_ns = 0;
	if (moment->arrived_later) { /* not before that; and the time until it was there is nobody's */
		if (moment->came_by_ns)
			context_add_wait(moment->engine, context, moment->came_by_ns, blame_loop(moment, context, moment->came_by_ns),
					 STATE_LOOP);
		return arrived_ns;
	}
	if (!moment->arrival_known && moment->thread->loop)
		return blame_loop_unstamped(moment, context, since_ns);
	if (moment->arrival_known)
		strand_was_due(moment->engine, moment->thread, context, arrived_ns);
	*loop_until_ns = blame_loop(moment, context, arrived_ns);
	return arrived_ns;
}

/* The same of a wait that is no call's. Returns until when it was on its way. */
static uint64_t name_wait(const struct moment *moment, struct context *context, uint64_t since_ns)
{
	uint64_t loop_until_ns, arrived_ns = split_wait(moment, context, since_ns, &loop_until_ns);

	context_add_interval(moment->engine, context,
			     (struct interval){.start_ns = since_ns, .end_ns = arrived_ns, .state = STATE_NET, .peer = moment->conn->peer});
	context_add_wait(moment->engine, context, arrived_ns, loop_until_ns, STATE_LOOP);
	return arrived_ns;
}

/* More of an answer whose first bytes came before: what had not arrived by then was still on its way. */
static void read_further_answer(const struct moment *moment)
{
	struct conn *conn = moment->conn;
	struct context *context = context_root(conn->answering);

	if (!context) { /* attached in the middle */
		chains_unknown_answer(moment);
		conn->answer_read_ns = moment->at_ns;
		rule_12_unknown_answer(moment);
		(void)rule_11_unknown_answer(moment);
		rule_11_read(moment, downstream_owner(moment), SIDE_DOWNSTREAM);
		return;
	}
	if (!context->closed)
		work_for(moment, context);
	(void)name_wait(moment, context, conn->answer_read_ns);
	conn->answer_read_ns = moment->at_ns;
	if (conn->idle)
		idle_begins(moment->thread->proc, conn, moment->at_ns);
	if (!context->closed)
		rule_11_read(moment, context, SIDE_DOWNSTREAM);
}

/*
 * Nobody has asked yet: a server that speaks first (SMTP, MySQL). Whoever connected has waited for that; it answers no call, and belongs to
 * the connecting of the one that comes.
 */
static bool read_greeting(const struct moment *moment)
{
	struct conn *conn = moment->conn;
	struct context *context = context_root(conn->reserved);
	uint64_t arrived_ns;

	rules_connected(moment->engine, conn, moment->arrived_ns);
	if (!conn->connected_ns || conn->answer_read_ns || !context || (context->is_request && !context_is_open_request(context)))
		return false;
	work_for(moment, context);
	arrived_ns = name_wait(moment, context, conn->connected_ns);
	if (!conn->connect_ns)
		conn->connect_start_ns = conn->connected_ns;
	conn->connect_ns = arrived_ns - conn->connect_start_ns;
	conn->connected_ns = moment->at_ns; /* it may go on */
	rule_11_read(moment, context, SIDE_DOWNSTREAM);
	return true;
}

/*
 * In a JVM a thread that serves nobody, and is no loop, has read what was asked in what seems to be one: whom that lets go on, and when, is
 * not seen. It does not matter where threads wait for their answers, whatever they have been before.
 */
static void doubt_who_goes_on(const struct moment *moment, const struct call *call, struct context *asker)
{
	const struct thread *reader = moment->thread, *thread = thread_of(moment->engine, call->asker_tid);

	if (!proc_hides_wakeups(reader->proc) || thread_turns_untold(reader) || reader->carrier || reader->last_server_conn_id)
		return;
	if (!thread || !thread_turns_untold(thread))
		return;
	asker->doubts |= 1u << DOUBT_LET_GO;
	reader->proc->lets_go_unseen |= context_root(thread->context) != asker;
}

/* The call is answered, and its context has waited for that; it goes on now, or when its turn comes. */
static struct context *end_call(const struct moment *moment, struct call *call, bool goes_on, uint32_t *number)
{
	struct conn *conn = moment->conn;
	struct context *context = context_root(call->context);
	struct done_call done = {
		.start_ns = call->start_ns,
		.write_ns = call->write_ns,
		.read_ns = moment->at_ns,
		.connect_ns = call->connect_ns,
		.peer = conn->peer,
	};

	context_hold(moment->engine, &conn->answering, context);
	conn->answer_read_ns = moment->at_ns;
	if (context)
		doubt_who_goes_on(moment, call, context);
	conn_drop_call(moment->engine, conn, call);
	if (!context)
		return NULL;
	if (goes_on)
		work_for(moment, context);
	done.arrived_ns = split_wait(moment, context, done.write_ns, &done.loop_until_ns);
	if (goes_on)
		rule_11_read(moment, context, SIDE_DOWNSTREAM);
	*number = context_add_call(moment->engine, context, &done);
	return context;
}

void rule_5_answered(const struct moment *moment, struct call *call)
{
	uint8_t doubt = call->doubt;
	uint32_t number = 0;
	struct context *context = end_call(moment, call, true, &number);

	if (!context)
		return;
	chains_released(moment);
	moment->thread->via_call = context->is_request ? number : 0; /* a segment's calls get other numbers when it is bound */
	moment->thread->via_doubt = doubt;
	moment->thread->via_conn_id = moment->conn->id;
}

/* One of several answers of a read. */
static struct moment moment_of_answer(const struct moment *moment, const struct call *call, bool first)
{
	struct moment answer = *moment;

	answers_tell(&answer, call->came, first);
	return answer;
}

/* NULL: nobody known. */
static const struct context *asker_of(const struct named *named, uint32_t at)
{
	return named->calls[at] ? context_root(named->calls[at]->context) : NULL;
}

static bool are_of_several(const struct named *named)
{
	for (uint32_t i = 1; i < named->count; i++)
		if (!named->calls[i] || asker_of(named, i) != asker_of(named, 0))
			return true;
	return false;
}

/*
 * None of these calls is the thread's own: it reads for others, which it lets go on. Threads that share a loop's events take these from
 * each other, in no order that is known.
 */
static bool reads_for_others(const struct moment *moment, const struct named *named)
{
	const struct thread *thread = moment->thread;

	if (thread->carrier)
		return false;
	if (thread->loop)
		return thread_shares_events(thread) && are_of_several(named);
	if (thread_runs_untold_goroutines(moment->thread))
		return goroutine_reads_for_all(thread, moment->conn);
	for (uint32_t i = 0; i < named->count; i++)
		if (named->calls[i] && asker_of(named, i) == context_root(thread->context))
			return false;
	return true;
}

/* In a loop that defers, whoever had asked for it goes on in a step of its own. */
static void queue_step_of_unknown(const struct moment *moment)
{
	if (rule_11_unknown_answer(moment))
		rule_11_read(moment, downstream_owner(moment), SIDE_DOWNSTREAM);
}

/*
 * What names a question is known, and nobody who waits is named: it is the rest of an answer, or one that was told before. Or nobody who
 * waits can be. Who goes on with it will show itself. False: an answer may begin in what was not seen.
 */
static bool names_nobody(const struct moment *moment, const struct named *named)
{
	const struct moved *moved = moment->moved;
	bool known = moved && names_known(moment->conn) && (moved->message_count || moved->length <= PAYLOAD_ANSWERS_MAX);

	if (!known && !named->earlier)
		return false;
	if (turns_are_told(moment->thread))
		turns_of_nobody(moment);
	for (uint32_t i = 0; i < named->unknown; i++)
		queue_step_of_unknown(moment);
	return true;
}

/* Whoever is answered goes on in turn. */
static void read_in_turn(const struct moment *moment, const struct named *named)
{
	turns_begin(moment);
	for (uint32_t i = 0; i < named->count; i++) {
		struct call *call = named->calls[i];
		struct context *context;
		enum doubt doubt;
		uint32_t number;
		struct moment answer;

		if (!call) {
			turns_add_unknown(moment);
			continue;
		}
		answer = moment_of_answer(moment, call, i == 0);
		rule_12_asked_in_first_turn(moment, call);
		doubt = call->doubt;
		context = end_call(&answer, call, false, &number);
		if (!context)
			continue;
		context->ambiguous |= named->guessed; /* who comes after whom is a guess, too */
		turns_add(&answer, context, doubt);
	}
}

/* Whoever is answered is let go on, elsewhere. */
static void hand_on(const struct moment *moment, const struct named *named)
{
	bool goroutines = thread_runs_untold_goroutines(moment->thread);

	end_soft_tail(moment);
	for (uint32_t i = 0; i < named->count; i++) {
		struct moment answer;
		uint32_t number;

		if (!named->calls[i])
			continue;
		answer = moment_of_answer(moment, named->calls[i], i == 0);
		rule_12_asked_in_first_turn(moment, named->calls[i]);
		strand_is_answered(moment, named->calls[i]);
		end_call(&answer, named->calls[i], false, &number);
	}
	turn_to_segment(moment, goroutines ? ORIGIN_PARK : ORIGIN_SOCKET, NULL, false);
	moment->thread->proc->reads_for_others |= goroutines;
}

static void read_at_once(const struct moment *moment, const struct named *named)
{
	if (moment->thread->continuations)
		moment->thread->continuations->reads_for_several |= are_of_several(named);
	for (uint32_t i = 0; i < named->count; i++) {
		struct moment answer;

		if (!named->calls[i]) {
			queue_step_of_unknown(moment);
			continue;
		}
		answer = moment_of_answer(moment, named->calls[i], i == 0);
		rule_12_asked_in_first_turn(moment, named->calls[i]);
		rule_5_answered(&answer, named->calls[i]);
		moment->thread->via_call = 0; /* it is certain whose it was */
	}
}

/* Answers that say to which question each is. False: they do not. */
static bool read_named_answers(const struct moment *moment)
{
	struct named named;

	answers_name(moment->engine, moment->conn, moment->moved, false, &named);
	if (turns_are_told(moment->thread) && are_of_several(&named))
		read_in_turn(moment, &named);
	else if (named.count == named.unknown)
		return names_nobody(moment, &named);
	else if (reads_for_others(moment, &named))
		hand_on(moment, &named);
	else
		read_at_once(moment, &named);
	return true;
}

/* Its question was seen, so that its answer might have named it; but it is taken for the oldest one's. */
static void doubt_order(const struct moment *moment, struct call *oldest)
{
	struct context *root = context_root(oldest->context);

	if (root && oldest->token_count && oldest->next && oldest->doubt == DOUBT_NONE)
		oldest->doubt = (uint8_t)doubt_of_call(moment, root, false, false);
}

/* Nothing says whose it is. */
static void read_of_oldest(const struct moment *moment)
{
	struct call *oldest = moment->conn->first_call; /* now: the names may have shown that older ones had been answered before */

	if (!oldest)
		return;
	if (!moment->moved && oldest->next)
		rule_11_maybe_more_answers(moment);
	rule_12_asked_in_first_turn(moment, oldest);
	doubt_order(moment, oldest);
	rule_5_answered(moment, oldest);
}

void rule_5_downstream_read(const struct moment *moment)
{
	if (!moment->conn->first_call) {
		if (!read_greeting(moment))
			read_further_answer(moment);
	} else if (!strand_reads_answer(moment) && !read_named_answers(moment)) {
		read_of_oldest(moment);
	}
}
