/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 15, the part of who works for whom: strands that wait for something do the work of whoever gives it to them, and who gives something
 * to the strand that reads a request has worked for it.
 */
#include "engine/called_in.h"
#include "engine/strand.h"

/* ---- whose ------------------------------------------------------------------------------------------------------------------------- */

#define HINTS_FOLLOWED 8

struct context *strand_whose(struct context *context)
{
	context = context_root(context);
	for (int i = 0; i < HINTS_FOLLOWED && context_is_segment(context) && context->hint; i++)
		context = context_root(context->hint);
	return context;
}

struct context *strand_request_of(struct context *context)
{
	context = strand_whose(context);
	return context_is_open_request(context) ? context : NULL;
}

/* It is not any more once it has read somebody's answer, or answered a request: then it works for that one. */
static bool in_doubt(const struct thread *thread)
{
	const struct context *root = context_root(thread->context);

	return thread->strand && thread->strand->own && context_is_segment(root) && root->origin == ORIGIN_WOKEN && !root->evidence;
}

struct context *strand_given_by(const struct thread *thread)
{
	struct context *root = context_root(thread->context), *request;

	/* A loop may call back what has been read without telling of it (uvloop). */
	if ((!thread->strand && !proc_has_tasks(thread->proc)) || !root)
		return NULL;
	request = strand_request_of(in_doubt(thread) ? thread->strand->own : root);
	return request ? request : !root->is_request && root->evidence && !thread->soft ? root : NULL;
}

/* The open request that the strand itself reads; NULL: there is none. */
static struct context *handled_by(const struct strand *strand)
{
	struct context *root = context_root(strand_context(strand));

	return context_is_open_request(root) && root->handler_strand_id == strand->id ? root : NULL;
}

struct context *strand_segment(struct engine *engine, enum origin origin, struct context *hint, uint64_t at_ns)
{
	struct context *segment = context_new_segment(engine, origin, hint, at_ns);

	/* A strand is the program's own work, on whatever thread. */
	if (segment)
		segment->helper_only = false;
	return segment;
}

void strand_settle_hint(struct engine *engine, struct context *context)
{
	struct context *root = context_root(context);

	if (context_is_segment(root) && root->hint)
		context_bind(engine, root, root->hint);
}

/* ---- doubt ------------------------------------------------------------------------------------------------------------------------- */

/* The doubt is over: it went on with its own work, or does the giver's, or that of whom it has shown since. */
static void decide(struct engine *engine, struct thread *thread, bool own)
{
	struct strand *strand = thread->strand;

	if (own && in_doubt(thread))
		context_bind(engine, thread->context, strand->own);
	else
		strand_settle_hint(engine, strand->own);
	context_hold(engine, &strand->own, NULL);
}

#define DOUBT_NS 100000 /* less CPU than this is not worth a mark */

void strand_decide_in_doubt(struct engine *engine, struct thread *thread, uint64_t at_ns)
{
	struct context *giver = strand_whose(thread->context), *maker = strand_whose(thread->strand->own);

	if (in_doubt(thread) && at_ns - thread->strand->runs_since_ns >= DOUBT_NS && giver && maker)
		giver->ambiguous = maker->ambiguous = true; /* rule 13 */
	decide(engine, thread, true);
}

/*
 * It was given a connection, to go on with its own work: others have used that, the giver until then, who may not have been answered there
 * yet, or whoever, by strands of their own. A servant's connection nobody else asks on.
 */
static bool was_given_connection(const struct thread *thread, const struct conn *conn)
{
	struct context *giver = strand_whose(thread->context), *last = strand_whose(conn->answering);
	bool anothers = conn->asker_strand_id != thread->strand->id;

	if (last && last != strand_whose(thread->strand->own))
		return last == giver || anothers;
	return anothers && (conn->shared || (giver && giver->is_request && conn->user_conn_id == giver->conn_id));
}

static void note_asker(struct conn *conn, const struct strand *strand, const struct context *request)
{
	if (request) {
		conn->shared |= conn->user_conn_id && conn->user_conn_id != request->conn_id && conn->asker_strand_id != strand->id;
		conn->user_conn_id = request->conn_id;
	}
	conn->asker_strand_id = strand->id;
}

/* It was given something more while it runs, and has done with what it was given before, or has asked for that: what it asks now is the
 * new. */
static void take_while_running(const struct moment *moment)
{
	struct thread *thread = moment->thread;
	struct strand *strand = thread->strand;
	struct context *root = context_root(thread->context), *given = strand->given;

	if (!given || strand->woken_at_ns <= strand->runs_since_ns || !context_is_segment(root) || proc_has_tasks(thread->proc))
		return;
	if (root->origin == ORIGIN_SOFT ? !thread->soft : root->origin != ORIGIN_WOKEN || !root->evidence)
		return;
	end_soft_tail(moment);
	turn_to_segment(moment, ORIGIN_WOKEN, given, false);
	strand->given = NULL;
	context_put(moment->engine, given);
}

/*
 * Who gives a strand something, and lets it go on then, may be held up in between: if the strand runs meanwhile, as another one has let it
 * go on before, it finds what was given, and asks for that. So the one that lets it go on behind a question, and ran before that, may have
 * given it that question; so may one that has let it go on while it seemed to run already.
 */
static void note_late_giver(const struct moment *moment, struct strand *strand, struct context *given)
{
	const struct strand *giver = moment->thread->strand;

	if (giver && giver->runs_since_ns < strand->asked_at_ns && strand_request_of(given))
		context_hold(moment->engine, &strand->late, strand_request_of(given));
}

/* The one before it was no late giver's, as this one is. */
static void note_question(const struct moment *moment, struct strand *strand)
{
	strand_settle_hint(moment->engine, strand->open);
	context_hold(moment->engine, &strand->open, NULL);
	strand->asked_at_ns = moment->at_ns;
	context_hold(moment->engine, &strand->late, strand->woken_at_ns > strand->runs_since_ns ? strand_request_of(strand->given) : NULL);
}

void strand_asks(const struct moment *moment, bool on_new_connection)
{
	struct thread *thread = moment->thread;

	if (!thread->strand)
		return;
	thread->strand->waits_since_ns = 0;
	strand_asks_behind(moment, on_new_connection);
	take_while_running(moment);
	if (thread->strand->own)
		decide(moment->engine, thread, on_new_connection || was_given_connection(thread, moment->conn));
	if (on_new_connection)
		return;
	note_question(moment, thread->strand);
	note_asker(moment->conn, thread->strand, strand_request_of(thread->context));
}

void strand_writes_response(const struct moment *moment)
{
	struct thread *thread = moment->thread;

	/* Who answers is no servant: it goes on with its own, of which nobody has said yet whose it is. */
	if (thread->strand && thread->strand->own && !strand_whose(thread->strand->own)->is_request)
		decide(moment->engine, thread, true);
}

/* ---- taking what is given ----------------------------------------------------------------------------------------------------------- */

/*
 * A strand that waited for something to be given to it does the giver's work from here on, unless it has work that it is known to do, as
 * its own request.
 */
static bool takes_what_is_given(const struct strand *strand)
{
	struct context *root = context_root(strand->context), *mine = strand_request_of(root);

	if (!strand->given || (strand->left_at_ns && strand->left != WAIT_PIPE))
		return false;
	if (!root || strand->soft)
		return true;
	if (mine && mine == strand_request_of(strand->given))
		return false;
	if (root->is_request || root->origin == ORIGIN_WOKEN || root->origin == ORIGIN_MADE)
		return !root->is_request || !mine;
	return !mine && (!root->evidence || root->origin == ORIGIN_STRAND);
}

/* Of what it did before it may go on with that now: an open request has made it for that, or it is not known whose that was. */
static bool may_have_own(const struct strand *strand, struct context *root)
{
	if (!root || root->is_request || strand->soft)
		return false;
	return root->origin == ORIGIN_MADE ? strand_request_of(root) != NULL : root->origin == ORIGIN_STRAND && root->evidence;
}

/* What comes behind a response is none: it belongs to that. */
static bool has_work_of_its_own(const struct strand *strand, const struct context *segment)
{
	return strand->made && !strand->answered_conn_id &&
	       intervals_cpu_ns(segment->timeline.intervals, segment->timeline.count) >= WORK_MIN_NS;
}

/*
 * A task works for one request until that is answered, whoever lets it go on; but one that is let go on by answers, and by nothing else,
 * hands them on. Without a request it works for whoever wakes it, but for what it has asked for or computed already: whose that was a
 * response will say.
 */
static bool is_free_task(const struct strand *strand)
{
	struct context *root = context_root(strand->context);

	if (strand_request_of(root))
		return strand->dispatches && strand->given_by_answer;
	return !root || strand->soft || strand_whose(root)->is_request || (!root->evidence && !has_work_of_its_own(strand, root));
}

static void take_as_task(struct engine *engine, struct strand *strand, uint64_t at_ns)
{
	struct context *before = strand->context, *taken = context_root(strand->given), *next = strand_next_request(engine, strand);

	if (next && is_free_task(strand) && strand_goes_on_behind(engine, strand, taken, at_ns))
		return;
	strand->goes_on = strand->may_turn = false;
	if (next && !strand_request_of(taken))
		taken = next;
	if (!taken || !is_free_task(strand))
		return;
	taken->has_task = true;
	strand->turns |= strand->answered_conn_id && taken->conn_id == strand->answered_conn_id && context_is_open_request(taken);
	strand->via_doubt = strand->given_doubt;
	strand->dispatches = strand->given_by_answer;
	strand_settle_hint(engine, before);
	strand->context = context_get(taken);
	strand->waits_since_ns = 0;
	strand->soft = false;
	strand->via_call = 0;
	context_put(engine, before);
}

/* What it was given last may be what it had asked before: for whom that was, shows whom the answer lets go on. */
static bool is_open(const struct strand *strand, const struct context *root)
{
	return context_is_segment(root) && root->origin == ORIGIN_WOKEN && root->calls_in_flight && strand->late &&
	       context_root(strand->late) == strand_request_of(strand->given);
}

/*
 * One that an open request made may be that one's part, which was given leave to go on (a token, a connection), or serve whoever comes: in
 * doubt until it shows.
 */
static void take_what_is_given(struct engine *engine, struct strand *strand, uint64_t at_ns)
{
	struct context *before = strand->context, *root = context_root(before);

	if (!takes_what_is_given(strand))
		return;
	if (may_have_own(strand, root))
		strand->own = context_get(root);
	else if (is_open(strand, root))
		context_hold(engine, &strand->open, root);
	else
		strand_settle_hint(engine, before);
	strand->context = strand_segment(engine, ORIGIN_WOKEN, strand->given, at_ns);
	strand->soft = false;
	strand->via_call = 0;
	context_put(engine, before);
}

/* It waited to be given something, and goes on, but who gave it that was not seen: it may be anybody's. */
static bool is_given_unseen(const struct strand *strand)
{
	const struct context *root = context_root(strand->context);

	return !strand->given && !strand->woken_at_ns && strand->left_at_ns && strand->left == WAIT_PIPE && context_is_segment(root) &&
	       root->origin == ORIGIN_WOKEN && !root->calls_in_flight;
}

static void begin_anew(struct engine *engine, struct strand *strand)
{
	strand_settle_hint(engine, strand->context);
	context_hold(engine, &strand->context, NULL);
	strand->soft = false;
	strand->via_call = 0;
}

void strand_take_what_is_given(struct engine *engine, const struct proc *proc, struct strand *strand, uint64_t at_ns)
{
	if (proc_has_tasks(proc))
		take_as_task(engine, strand, at_ns);
	else if (is_given_unseen(strand))
		begin_anew(engine, strand);
	else
		take_what_is_given(engine, strand, at_ns);
	context_hold(engine, &strand->given, NULL);
}

/* ---- for whom a task is made ------------------------------------------------------------------------------------------------------- */

void strand_made_for_unnamed(struct engine *engine, const struct thread *thread, struct strand *strand, uint64_t at_ns)
{
	struct context *maker = context_root(thread->context);

	if (!thread->strand || !maker || thread->soft || strand->context || strand_whose(maker)->is_request)
		return;
	strand->context = strand_segment(engine, ORIGIN_MADE, maker, at_ns);
	maker->made_tasks = true;
}

void strands_follow(struct engine *engine, struct proc *proc, struct context *request)
{
	struct strand *strand;
	size_t cursor = 0;

	while ((strand = idmap_next(&proc->strands, &cursor))) {
		struct context *root = context_root(strand->context);

		if (context_is_segment(root) && root->origin == ORIGIN_MADE && !strand->soft && strand_whose(root) == request)
			context_bind(engine, root, request);
	}
}

/* ---- waking ------------------------------------------------------------------------------------------------------------------------ */

static void gives_to_handler(const struct moment *moment, const struct strand *strand, struct context *request) __attribute__((nonnull));

/*
 * Whoever gives something to the strand that reads a request, and waits, has worked for that request: as a server-side write says who ran,
 * so does this. What it does next is open, as after a response.
 */
static void gives_to_handler(const struct moment *moment, const struct strand *strand, struct context *request)
{
	struct thread *thread = moment->thread;
	struct context *root = context_root(thread->context), *mine = strand_request_of(root);

	if (strand->thread || strand->left != WAIT_PIPE || !root)
		return;
	if (thread->strand->own && strand_request_of(thread->strand->own) == request) {
		decide(moment->engine, thread, true);
		root = context_root(thread->context);
		mine = strand_request_of(root);
	}
	if (root->is_request ? root != request : mine && mine != request && !thread->soft)
		return;
	if (!root->is_request) {
		request->ambiguous |= root->evidence && mine != request; /* rule 13: or a token, that anybody may give */
		context_bind(moment->engine, root, request);
	}
	turn_to_segment(moment, ORIGIN_SOFT, request, true);
}

/* A callback that nobody made in the loop, and that has read nothing. */
static bool is_call_in(const struct thread *thread)
{
	const struct context *root = context_root(thread->context);

	return thread->strand && !thread->strand->made && !thread->via_conn_id && context_is_segment(root) && !root->evidence &&
	       !root->hint;
}

/*
 * Where many calls are in flight on one connection, whom an answer lets go on tells whether it was the oldest one's. An answer to a call
 * that nobody has claimed, which lets a task go on, was to that one's. And what is let go on for nobody's sake in a round that a timer
 * began, after the loop had nothing to do, had slept.
 */
static void wakes_task(const struct moment *moment, struct strand *strand)
{
	struct thread *thread = moment->thread;
	struct context *root = context_root(thread->context), *mine = strand_request_of(strand->context);

	if (mine && !strand->dispatches && thread->via_doubt == DOUBT_MUX)
		doubts_vote(thread->proc, DOUBT_MUX, mine == strand_request_of(root));
	if (mine && thread->via_conn_id && root && !strand_whose(root)->is_request)
		context_bind(moment->engine, root, mine);
	else if (!strand_given_by(thread) && thread->timer_iteration && thread->wake_from_ns)
		strand->left = WAIT_SLEEP;
	if (mine && is_call_in(thread))
		called_in_goes_on(moment, mine);
}

/*
 * A servant, or one that was made and has just read an answer, lets a strand go on which works for the same request; or, where the
 * servant's is over by now and it has just read an answer, for another one, or for who may have given it the question as well: that is whom
 * it has served. NULL: nobody that is known.
 */
static struct context *served_by(const struct thread *thread, const struct strand *strand)
{
	struct context *root = context_root(thread->context), *mine = strand_request_of(root);
	struct context *request = strand_request_of(strand_context(strand));
	bool servant = context_is_segment(root) && root->origin == ORIGIN_WOKEN;
	bool made = context_is_segment(root) && root->origin == ORIGIN_MADE && !handled_by(strand);

	if (!servant && !(made && thread->via_conn_id))
		return NULL;
	if (servant && request && thread->via_conn_id && request == strand_request_of(thread->strand->late))
		return request;
	return mine == request || (!mine && thread->via_conn_id) ? request : NULL;
}

static void serve(const struct moment *moment, struct context *request)
{
	struct thread *thread = moment->thread;
	bool made_for_it = context_root(thread->context)->origin == ORIGIN_MADE && strand_request_of(thread->context) == request;

	if (thread->strand->own)
		decide(moment->engine, thread, strand_request_of(thread->strand->own) == request);
	context_hold(moment->engine, &thread->strand->late, NULL);
	context_hold(moment->engine, &thread->strand->open, NULL);
	context_bind(moment->engine, thread->context, request);
	turn_to_segment(moment, made_for_it ? ORIGIN_MADE : ORIGIN_SOFT, request, !made_for_it);
}

/*
 * What a strand had waited for, as who wakes it shows: another one gave it something; the runtime does it for a socket, or a timer, which
 * is certain only where it had looked for sockets in vain.
 */
static uint8_t woken_for(const struct thread *thread)
{
	if (thread->strand || !thread->carrier)
		return WAIT_PIPE;
	return thread->timer_iteration ? WAIT_SLEEP : WAIT_NET;
}

/* Of several that wake it before it runs, one that gives it something counts. */
static void note_woken(struct strand *strand, uint8_t cause, uint64_t at_ns)
{
	if (!strand->woken_at_ns || cause == WAIT_PIPE)
		strand->woken_for = cause;
	strand->woken_at_ns = at_ns;
	if (strand->polled && !strand->thread)
		strand->left = strand->woken_for;
}

void strand_wakes(const struct moment *moment)
{
	struct thread *thread = moment->thread;
	struct strand *strand = idmap_get(&thread->proc->strands, moment->record->strand_id);
	struct context *given, *request;

	if (thread->strand && thread->strand->answer.conn_id) {
		if (!strand && proc_has_tasks(thread->proc))
			strand = strand_get(moment->engine, thread->proc, moment->record->strand_id);
		if (!strand || !strand_hands_on(moment, strand))
			strand_claims(moment, strand);
	}
	given = strand_given_by(thread);
	if (!strand && given)
		strand = strand_get(moment->engine, thread->proc, moment->record->strand_id);
	if (!strand)
		return;
	note_woken(strand, strand == thread->strand ? WAIT_RUNNABLE : woken_for(thread), moment->at_ns);
	strand->woken_behind |= strand == thread->strand || thread->soft;
	/* A task that lets others go first wakes itself. */
	if (strand == thread->strand)
		return;
	note_late_giver(moment, strand, given);
	if (proc_has_tasks(thread->proc)) {
		wakes_task(moment, strand);
	} else if (thread->strand && (request = served_by(thread, strand))) {
		serve(moment, request);
		return;
	} else if (thread->strand && (request = handled_by(strand))) {
		gives_to_handler(moment, strand, request);
		return;
	}
	if (!given && !proc_has_tasks(thread->proc))
		return;
	if ((request = strand_hands_next(moment->engine, thread, strand)))
		given = request;
	context_hold(moment->engine, &strand->given, given);
	strand->given_doubt = thread->via_doubt;
	strand->given_by_answer = thread->via_conn_id != 0;
}
