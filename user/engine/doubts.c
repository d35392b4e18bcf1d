/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 13 for connections that several requests use. Whose call it is, or whose answer, is there told by an order that the program need not
 * keep. Each response says whether what led to it had been taken for the right one's: where that was often wrong, all that was told by
 * that order is ambiguous.
 */
#include "engine/chains.h"
#include "engine/line.h"
#include "engine/rules_loop.h"

#define VOTES_MAX         128
#define RIGHT_PER_WRONG   32
#define VOTES_ENOUGH      16
#define RIGHT_PER_MARKED  8 /* in a loop of one thread a mistake leads to responses that contradict it, and mark whom it touches */
#define RIGHT_MIN         4
#define RIGHT_PER_MISTAKE 4 /* where what is guessed leads to responses that bear it out */
#define RIGHT_PER_UNREAD  16
#define UNREAD_TRIES      4
#define RIGHT_PER_TURN    4  /* what contradicts is marked by itself */
#define RIGHT_PER_EXCUSED 2  /* until then what was excused may be worth what it seems */
#define TRIES_SHARED      64 /* so often may the line be wrong on a connection that is known to be shared */
#define TRIES             4
#define RIGHT_PER_KEPT    8 /* where connections are given on, who had one rarely goes on with it */
#define OF_THE_THREAD                                                                                                                      \
	(1u << DOUBT_ORDER | 1u << DOUBT_TURN | 1u << DOUBT_UNREAD | 1u << DOUBT_THREAD) /* and not of a connection that several use */
#define BY_WHO_RUNS  (1u << DOUBT_SELF | 1u << DOUBT_NEXT | 1u << DOUBT_ORDER)
#define TRIES_GIVEN  8
#define TRIES_TO_ANY 32 /* a response that tells that it was kept puts that right */

_Static_assert(DOUBTS <= 16, "struct context keeps them as bits of 16");

void doubts_vote(struct proc *proc, enum doubt doubt, bool right)
{
	if (doubt != DOUBT_NONE)
		score_count(&proc->doubts[doubt], right, VOTES_MAX);
	if (doubt == DOUBT_ORDER && right)
		proc->order_right_run++;
	else if (doubt == DOUBT_ORDER)
		doubts_order_contradicted(proc);
}

void doubts_order_contradicted(struct proc *proc)
{
	proc->order_contradicted++;
	proc->order_right_run = 0;
}

void doubts_vote_given(struct proc *proc, enum given given, bool right)
{
	score_count(&proc->given[given], right, VOTES_MAX);
}

bool doubts_mostly_right(const struct proc *proc, enum doubt doubt)
{
	const struct score *score = &proc->doubts[doubt];

	return score->wrong * RIGHT_PER_MISTAKE <= score->right;
}

bool doubts_hardly_wrong(const struct proc *proc, enum doubt doubt)
{
	const struct score *score = &proc->doubts[doubt];

	return score->right >= RIGHT_MIN && score->wrong * RIGHT_PER_WRONG <= score->right;
}

/*
 * A loop that now seems to call back at once, and now to defer, in an order that is wrong as a rule, does neither. One of a runtime whose
 * tasks nobody tells of is trusted once somebody was answered in its own turn, and hardly anybody in the midst of what is nobody's.
 */
static bool is_turn_trusted(const struct proc *proc)
{
	const struct score *score = &proc->doubts[DOUBT_TURN];
	uint32_t right_per_wrong = doubts_mostly_right(proc, DOUBT_ORDER) ? RIGHT_PER_TURN : RIGHT_PER_WRONG;

	if (proc_hides_wakeups(proc)) /* what seems to be a loop of a JVM's may be a thread that runs virtual threads in turns */
		right_per_wrong = VOTES_MAX;
	return score->wrong * right_per_wrong <= score->right && (score->right || !proc_has_tasks(proc));
}

/*
 * Where no step has been taken for one of several the order tells nothing that could be wrong; but a runtime whose tasks nobody tells of
 * may have run others' in any case, if somebody was answered in the midst of another one's work.
 */
static bool is_order_guessed(const struct proc *proc)
{
	return proc->order_guessed || (proc_has_tasks(proc) && proc->doubts[DOUBT_TURN].wrong);
}

static bool is_order_borne_out(const struct proc *proc)
{
	uint32_t right = proc->doubts[DOUBT_ORDER].right;

	if (proc->excused * RIGHT_PER_EXCUSED > right)
		return false;
	return !is_order_guessed(proc) || right >= (proc_has_tasks(proc) ? RIGHT_MIN : 1);
}

/*
 * Threads that run each other's requests hide more of who runs: there it takes some responses that bear it out. Those that are known to run
 * strands which nobody tells of must not have been contradicted at all: most switches between these no response shows.
 */
static bool is_trusted(const struct proc *proc, enum doubt doubt)
{
	const struct score *score = &proc->doubts[doubt];
	uint32_t right = score->right + (doubt == DOUBT_SELF ? proc->doubts[DOUBT_FREE].right : 0);

	if (doubt == DOUBT_LET_GO)
		return !proc->lets_go_unseen;
	if (doubt == DOUBT_TURN)
		return is_turn_trusted(proc);
	if (doubt == DOUBT_UNREAD)
		return score->wrong * RIGHT_PER_UNREAD <= right + RIGHT_PER_UNREAD * UNREAD_TRIES;
	if (doubt == DOUBT_FREE)
		return score->wrong * RIGHT_PER_TURN <= right + RIGHT_PER_TURN;
	if (doubt == DOUBT_ORDER && !is_order_borne_out(proc))
		return false;
	if (doubt == DOUBT_THREAD)
		return score->wrong * (proc->hides_strands ? VOTES_MAX : RIGHT_PER_WRONG) <= score->right &&
		       !(proc->hides_strands && proc->asks_beside);
	if (!proc->threads_share && BY_WHO_RUNS & 1u << doubt)
		return score->wrong * RIGHT_PER_MARKED <= right;
	return score->wrong * RIGHT_PER_WRONG <= right && (!proc->threads_share || right >= RIGHT_MIN);
}

/* Whatever the order was before, nothing has contradicted it since this one came. */
static bool is_order_right_since(const struct context *request)
{
	return is_order_guessed(request->proc) && request->order_contradicted == request->proc->order_contradicted;
}

static bool is_borne_out_since(const struct context *request)
{
	return is_order_right_since(request) && request->proc->order_right_run >= RIGHT_PER_WRONG;
}

/* Too few have said yet whether it is right; or what contradicted was excused, and may be outweighed. */
static bool is_undecided(const struct proc *proc, enum doubt doubt)
{
	const struct score *score = &proc->doubts[doubt];
	bool few = score->right + score->wrong < VOTES_ENOUGH;
	bool excused = proc->excused * RIGHT_PER_EXCUSED > score->right && score->wrong * RIGHT_PER_MARKED <= score->right;

	if (doubt == DOUBT_TURN)
		return (proc_has_tasks(proc) || proc_hides_wakeups(proc)) && few;
	if (doubt == DOUBT_THREAD)
		return proc_hides_wakeups(proc) && few;
	/* Nothing speaks against it but that. */
	if (proc->threads_share && (doubt == DOUBT_SELF || doubt == DOUBT_ORDER) && !score->wrong && score->right < RIGHT_MIN)
		return true;
	return doubt == DOUBT_ORDER && is_order_guessed(proc) && (few || excused);
}

bool doubts_are_undecided(const struct context *request)
{
	for (enum doubt doubt = DOUBT_NONE + 1; doubt < DOUBTS; doubt++)
		if (request->doubts & 1u << doubt && is_undecided(request->proc, doubt))
			return !request->ambiguous;
	return request->doubts & 1u << DOUBT_ORDER && !request->ambiguous && !is_trusted(request->proc, DOUBT_ORDER) &&
	       is_order_right_since(request) && !is_borne_out_since(request);
}

bool doubts_is_kept(const struct proc *proc, enum given given)
{
	uint32_t tries = given == GIVEN_TO_ANY ? TRIES_TO_ANY : TRIES_GIVEN;

	return proc->given[given].wrong * RIGHT_PER_KEPT > proc->given[given].right + tries;
}

bool doubts_is_mostly_kept(const struct proc *proc, enum given given)
{
	return doubts_is_kept(proc, given) && proc->given[given].wrong > proc->given[given].right;
}

bool doubts_try_line(const struct proc *proc, const struct conn *conn, enum given given)
{
	const struct score *line = &proc->doubts[DOUBT_LINE], *self = &proc->doubts[DOUBT_SELF];

	return !doubts_is_kept(proc, given) && line->wrong <= line->right + self->wrong + (conn->shared ? TRIES_SHARED : TRIES);
}

bool doubts_is_given_on(const struct proc *proc, enum given given)
{
	const struct score *on = &proc->given[given];

	return on->right && on->wrong * RIGHT_PER_KEPT <= on->right;
}

/* Requests of several of the server's connections call on it: it is of a pool, or multiplexed. */
static void note_user(struct conn *conn, const struct context *owner)
{
	if (!conn || !owner || !owner->is_request)
		return;
	conn->shared |= conn->user_conn_id && conn->user_conn_id != owner->conn_id;
	conn->user_conn_id = owner->conn_id;
}

static bool told_by_order(const struct continuations *loop)
{
	return continuations_ahead(loop) || (continuations_known_to_defer(loop) && !continuations_collect(loop));
}

/*
 * A loop that is taken for one that collects its writes now may have been taken for one of those before. Where the order of the reads is
 * mostly wrong, what seems to need none is of such as were taken for another one's, too.
 */
static void doubt_turn(const struct thread *thread, struct context *request)
{
	const struct continuations *loop = rule_11_loop_of(thread);

	if (loop && !told_by_order(loop))
		request->doubts |= 1u << DOUBT_TURN | 1u << DOUBT_UNREAD;
	else if (loop && ((loop->reading && !continuations_ahead(loop)) || !doubts_mostly_right(thread->proc, DOUBT_ORDER)))
		request->doubts |= 1u << DOUBT_ORDER;
}

/*
 * Threads that serve one request at a time never contradict that. Where several wait at the same epoll fd what they take over from each
 * other is in doubt by itself, so here it takes more; but in a JVM those may yet show to run virtual threads.
 */
static void doubt_thread(const struct thread *thread, struct context *request, bool judged, bool right)
{
	struct proc *proc = thread->proc;

	if (rule_11_loop_of(thread) || rule_11_shared_ahead(thread) || thread->carrier || proc->told.runtime == RUNTIME_GO)
		return; /* rule 11 has the doubts of its loops, and rule 16 those of goroutines */
	if (judged)
		doubts_vote(proc, DOUBT_THREAD, right);
	if (!thread->loop || proc_hides_wakeups(proc) || !doubts_mostly_right(proc, DOUBT_THREAD))
		request->doubts |= 1u << DOUBT_THREAD;
}

/* It went on there unseen: where others do so, too, what ran there before may be theirs. */
static void doubt_return(const struct thread *thread, struct context *request, const struct context *before)
{
	if (before != request && thread_turns_untold(thread))
		request->doubts |= 1u << DOUBT_LET_GO;
}

/* Where tasks run that nobody tells of, an answer in the midst of what is nobody's contradicts as much as one in another one's. */
static bool tells_of_turns(const struct thread *thread, const struct context *before, bool judged)
{
	bool untold = before && !before->is_request && proc_has_tasks(thread->proc);

	return (judged || untold) && loop_calls_back_at_once(thread);
}

/* In Go: or it may turn out so. */
static bool is_marked(const struct context *context)
{
	return context->ambiguous || context->left_ns || context->unlinked;
}

/* Requests are put off, but their answers are not: what a request's first step led to says at once whose it was. */
static bool is_first_step(const struct thread *thread, const struct context *before)
{
	const struct continuations *loop = rule_11_loop_of(thread);

	return loop && loop->reading && continuations_put_off(loop) && context_is_segment(before) && before->evidence && before->hint;
}

void doubts_judge(const struct moment *moment, struct context *request, bool contradicted)
{
	struct thread *thread = moment->thread;
	const struct context *before = context_root(thread->context);
	bool marked = thread_runs_untold_go(thread) && (is_marked(request) || (before && is_marked(before)));

	thread->proc->threads_share |= !thread->continuations || thread->continuations->shared;
	if (thread->via_doubt == DOUBT_LINE)
		thread->via_doubt = DOUBT_NONE; /* rule 12 votes on those */
	if (before == request || (contradicted && !marked))
		doubts_vote(thread->proc, thread->via_doubt, before == request);
	doubt_turn(thread, request);
	doubt_thread(thread, request, before == request || contradicted, before == request);
	/* What is read there belongs to what was read for; who is answered in the midst of another one's shows that it does not. */
	if (tells_of_turns(thread, before, before == request || contradicted)) {
		doubts_vote(thread->proc, DOUBT_TURN, before == request);
		if (before == request)
			doubts_vote(thread->proc, DOUBT_UNREAD, true);
	} else if (is_first_step(thread, before))
		doubts_vote(thread->proc, DOUBT_ORDER, context_root(before->hint) == request);
	else if (before && !before->is_request && before->hint && context_root(before->hint) != request && !marked)
		doubts_vote(thread->proc, thread->via_doubt, false);
	doubt_return(thread, request, before);
	if (before == request || contradicted || (before && !before->is_request))
		note_user(conn_of(moment->engine, thread->via_conn_id), request);
	thread->via_doubt = DOUBT_NONE;
	for (const struct call *call = request->calls_in_flight; call; call = call->next_in_flight) {
		if (!marked)
			doubts_vote(thread->proc, call->doubt, false);
		call->conn->shared |= call->doubt != DOUBT_LINE; /* somebody else's, as a rule */
	}
}

/*
 * A call that a place in the line told is in no doubt by that alone. But of threads that run each other's requests, and are often at
 * another one's than it seems, some other than those in line go on as well.
 */
static bool is_place_doubted(const struct context *request)
{
	const struct proc *proc = request->proc;
	const struct score *self = &proc->doubts[DOUBT_SELF];

	return proc->threads_share && request->doubts & 1u << DOUBT_NONE && self->wrong * RIGHT_PER_WRONG > self->right;
}

bool doubts_refute_turns(const struct context *request)
{
	for (enum doubt doubt = DOUBT_NONE + 1; doubt < DOUBTS; doubt++)
		if (request->doubts & OF_THE_THREAD & 1u << doubt && !doubts_mostly_right(request->proc, doubt))
			return true;
	return false;
}

void doubts_settle(struct context *request)
{
	struct proc *proc = request->proc;
	uint16_t guessed = 0;

	if (request->names_in_order)
		request->doubts |= 1u << DOUBT_MUX;
	for (enum doubt doubt = DOUBT_NONE + 1; doubt < DOUBTS; doubt++)
		if (!is_trusted(proc, doubt) && !(doubt == DOUBT_ORDER && is_borne_out_since(request)))
			guessed |= request->doubts & (1u << doubt);
	if (is_place_doubted(request))
		guessed |= 1u << DOUBT_LINE;
	request->ambiguous |= guessed || request->names_guessed;
	proc->told.shared_conn_ambiguous += (guessed & ~OF_THE_THREAD) != 0;
}

/*
 * The thread seems to work for the owner. A loop that calls back at once does so until it has asked; what goes on behind a call that is in
 * doubt by that is, too. Work that is nobody's yet a response will name.
 */
static enum doubt doubt_of_own(const struct thread *thread, const struct context *owner)
{
	const struct continuations *loop = rule_11_loop_of(thread);

	if (!loop || continuations_collect(loop) || lines_began_unseen(thread))
		return DOUBT_SELF;
	if (!owner->is_request)
		return DOUBT_NONE;
	return thread->asked || thread->via_doubt == DOUBT_NEXT ? DOUBT_NEXT : DOUBT_SELF;
}

enum doubt doubt_of_call(const struct moment *moment, struct context *owner, bool by_line, bool named)
{
	const struct thread *thread = moment->thread;
	const struct continuations *loop = thread->continuations;
	const struct conn *conn = moment->conn;
	enum doubt doubt = DOUBT_NONE;

	/* The name says whose the answer is, but not which goroutine goes on with it, and when. */
	named = named && !thread_runs_untold_goroutines(moment->thread);
	if (thread->carrier && proc_has_tasks(thread->proc))
		doubt = conn->first_call && !named ? DOUBT_MUX : DOUBT_NONE; /* else only a task's own answer can come */
	else if (thread->carrier || (!thread->loop && !thread->hides_strands) || (loop && told_by_order(loop)))
		return DOUBT_NONE; /* a strand's own, one that waits for its answer, or rule 11's to judge */
	else if (by_line)
		doubt = owner->handed_again ? DOUBT_LINE : DOUBT_NONE;
	else if (conn->first_call && !named)
		doubt = DOUBT_MUX;
	else if ((conn->shared && !named) || (loop && loop->shared))
		doubt = chains_nobody_waits(moment) ? DOUBT_FREE : doubt_of_own(thread, owner);
	owner->doubts |= (uint16_t)(1u << doubt);
	return doubt;
}
