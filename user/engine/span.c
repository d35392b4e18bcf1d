/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A record closes its thread's span. Here the span is laid out in time (core, blocked, ready, core again), and rule 6 says where in it
 * work for one owner ends and a free stretch begins that only the record's own rule can give to somebody.
 */
#include "engine/goroutines.h"
#include "engine/line.h"
#include "engine/model.h"
#include "engine/pool_ahead.h"
#include "engine/rules_loop.h"
#include "engine/set_aside.h"
#include "engine/stolen.h"
#include "engine/workers.h"
#include "engine/strands.h"
#include "engine/turns.h"

#include <stdlib.h>

#define ASLEEP_NS 10000 /* who waits for a lock is let go on sooner */

/* What a thread that is blocked for this cause does to the request that it works for. */
static const uint8_t state_by_cause[WAIT_CAUSES] = {
	[WAIT_RUNNABLE] = STATE_READY, [WAIT_NET] = STATE_SOCKET_UNSETTLED,
	[WAIT_POLL] = STATE_SLEEP, /* a call in flight outranks it */
	[WAIT_DISK] = STATE_DISK,      [WAIT_LOCK] = STATE_LOCK,
	[WAIT_SLEEP] = STATE_SLEEP,    [WAIT_LOG] = STATE_LOG,
	[WAIT_PIPE] = STATE_OTHER,     [WAIT_OTHER] = STATE_OTHER,
};

static const uint8_t part_by_cause[READY_CAUSES] = {
	[READY_WAKEUP] = READY_PART_WAKEUP,
	[READY_PREEMPTED] = READY_PART_PREEMPTED,
	[READY_THROTTLED] = READY_PART_THROTTLED,
};

/* ---- rule 6: hard boundaries ------------------------------------------------------------------------------------------------ */

struct boundary {
	uint64_t at_ns; /* 0: none */
	enum origin origin;
	bool set_up;          /* the thread waits for a connection's first request: what it did before may have readied that */
	bool sleeps, returns; /* of an epoll: the thread blocked there, its return is known */
};

static struct boundary boundary_at(uint64_t at_ns, enum origin origin)
{
	return (struct boundary){.at_ns = at_ns, .origin = origin};
}

static bool waits_for_new_request(const struct conn *conn)
{
	return conn->role == CONN_SERVER && !context_is_open_request(conn->last_request);
}

static struct boundary socket_boundary(const struct thread *thread, const struct event *event, const struct conn *conn)
{
	const struct record *record = event_record(event);
	struct boundary here = boundary_at(event->window->off_at_ns, ORIGIN_SOCKET);
	struct boundary none = {0};

	if (record->head.kind != RECORD_IO)
		return thread->soft || thread_is_active(thread) ? none : here; /* in a soft tail the call may be more of the response */
	switch (record->head.op) {
	case IO_ACCEPT:
		return here;
	case IO_WRITE:
		return none; /* a full send buffer: it works for whomever it writes for */
	case IO_READ:
		here.set_up = conn && !conn->turns;
		if (conn && waits_for_new_request(conn))
			return here;
		if (conn && conn->role == CONN_PAIR && !thread_is_active(thread))
			return boundary_at(event->window->off_at_ns, ORIGIN_HANDOFF);
		return conn || thread_is_active(thread) ? none : here; /* no connection: it has ended meanwhile */
	default:
		return thread_is_active(thread) ? none : here;
	}
}

/* It was given something to do, or may have taken it by itself after its last answer, and nobody has said yet whose that is. */
static bool may_have_taken_work(const struct thread *thread)
{
	const struct context *root = context_root(thread->context);

	return thread->soft || (context_is_segment(root) && (root->origin == ORIGIN_FUTEX || root->origin == ORIGIN_HANDOFF));
}

/* Where its work ends is told. A strand that holds its thread in a blocking call, or is a loop itself, may still wait for something new. */
static bool strand_may_park(const struct thread *thread, const struct event *event)
{
	if (event_record(event)->epoll_at_ns && proc_has_tasks(thread->proc))
		return true;
	return thread->strand && (event_record(event)->epoll_at_ns || (event->window && event->window->cause == WAIT_NET));
}

/* What begins behind an epoll return. Of a timeout Go's scheduler may run any goroutine: it says nothing of timers. */
static enum origin origin_after_epoll(const struct thread *thread, bool any_events)
{
	if (thread->carrier && proc_has_tasks(thread->proc))
		return ORIGIN_RUNTIME;
	if (!any_events)
		return thread_runs_untold_goroutines(thread) ? ORIGIN_PARK : ORIGIN_TIMER;
	return thread->carrier ? ORIGIN_STRAND : ORIGIN_EVENT;
}

/*
 * Pending work ends where the thread waits for something new: at epoll always; at a blocking read for a new request; at poll, futex, pipe
 * and sleep only when it works for nobody; but who has just been handed work sleeps in the middle of it. A goroutine never blocks in a
 * futex: there it is the thread that ran out of goroutines.
 */
static struct boundary find_boundary(const struct thread *thread, const struct event *event, const struct conn *conn)
{
	const struct record *record = event_record(event);
	const struct window *window = event->window;
	bool go = thread_runs_untold_goroutines(thread);
	struct boundary none = {0};

	if (thread->carrier && !strand_may_park(thread, event))
		return none;
	if (record->epoll_at_ns) {
		bool idle = window && (window->cause == WAIT_POLL || (go && window->cause == WAIT_LOCK));
		bool blocked = idle && window->on_at_ns <= record->epoll_at_ns;

		return (struct boundary){.at_ns = blocked ? window->off_at_ns : record->epoll_at_ns,
					 .origin = origin_after_epoll(thread, record->epoll_events),
					 .sleeps = blocked,
					 .returns = true};
	}
	if (!window)
		return none;
	switch (window->cause) {
	case WAIT_NET:
		return socket_boundary(thread, event, conn);
	case WAIT_POLL:
		if (thread_is_active(thread) && !thread->loop)
			return none;
		return (struct boundary){.at_ns = window->off_at_ns,
					 .origin = record->head.op == IO_POLL && record->result == 0 ? ORIGIN_TIMER : ORIGIN_EVENT,
					 .sleeps = true};
	case WAIT_LOCK:
		if (thread_is_active(thread) || (go && goroutine_may_resume(thread)))
			return none;
		return boundary_at(window->off_at_ns, go ? ORIGIN_PARK : ORIGIN_FUTEX);
	case WAIT_SLEEP:
		if ((thread_is_active(thread) || may_have_taken_work(thread)) && !go)
			return none;
		return boundary_at(window->off_at_ns, go ? ORIGIN_PARK : ORIGIN_TIMER);
	case WAIT_PIPE:
		return thread_is_active(thread) ? none : boundary_at(window->off_at_ns, ORIGIN_HANDOFF);
	case WAIT_OTHER:
		return thread_is_active(thread) ? none : boundary_at(window->off_at_ns, ORIGIN_EVENT);
	default:
		return none;
	}
}

/* ---- the layout ------------------------------------------------------------------------------------------------------------- */

struct layout {
	struct engine *engine;
	struct thread *thread;
	struct boundary boundary; /* not passed yet; at_ns 0: there is none any more */
	uint64_t begins_ns;       /* when the work behind it could begin: after a wait, when the thread was woken */
};

/* The thread was made for it, or woken with it. */
static bool was_given_a_connection(const struct context *segment)
{
	return !segment->is_request && !segment->evidence &&
	       (segment->origin == ORIGIN_START || segment->origin == ORIGIN_FUTEX || segment->origin == ORIGIN_HANDOFF);
}

static void begin_segment(struct layout *layout, enum origin origin, uint64_t begins_ns)
{
	struct context *segment = context_new_segment(layout->engine, origin, NULL, begins_ns);

	if (segment && layout->thread->strand)
		segment->helper_only = false; /* a strand is the program's own work, on whatever thread */
	thread_switch(layout->engine, layout->thread, segment, false);
	context_put(layout->engine, segment);
}

static void pass_boundary(struct layout *layout)
{
	struct thread *thread = layout->thread;
	bool in_futex = layout->boundary.origin == ORIGIN_FUTEX;
	bool in_steps = (layout->boundary.sleeps && rule_11_sleeps(layout->engine, thread, layout->boundary.at_ns)) ||
			(in_futex && shared_ends(layout->engine, thread, layout->boundary.at_ns));
	bool aside = in_futex && set_aside_at_futex(layout->engine, thread, layout->boundary.at_ns);
	struct context *before;

	if (!aside)
		set_aside_end(layout->engine, thread);
	in_steps |= layout->boundary.returns && rule_11_round_begins(layout->engine, thread, layout->boundary.at_ns);
	if (layout->boundary.returns)
		strand_leaves_loop(layout->engine, thread, layout->boundary.at_ns);
	if (layout->boundary.sleeps || layout->boundary.returns)
		workers_turn_ends(layout->engine, thread, layout->boundary.at_ns);
	if (layout->boundary.sleeps || layout->boundary.returns)
		turns_end(layout->engine, thread);
	rule_12_turn_ends(layout->engine, thread, layout->boundary.at_ns);
	/* A soft tail whose thread parks is its request's. */
	before = context_root(thread->context);
	if (!in_steps && !aside && before && before->hint && (thread->soft || thread_worked_after_response(thread)))
		context_bind(layout->engine, before, before->hint);
	else if (before && layout->boundary.set_up && was_given_a_connection(before))
		before->sets_up = true;
	begin_segment(layout, layout->boundary.origin, layout->begins_ns);
	thread->boundary_ns = layout->boundary.at_ns;
	layout->boundary.at_ns = 0;
}

/* These only grow: what was taken back is not counted next time. */
static void count_core_time(struct thread *thread, uint64_t cpu_ns)
{
	uint64_t counted_ns = cpu_ns > thread->miscounted_ns ? cpu_ns - thread->miscounted_ns : 0;

	thread->miscounted_ns -= cpu_ns - counted_ns;
	thread->proc->told.on_core_ns += counted_ns;
	thread->stint_ns += counted_ns;
}

static void pend(struct layout *layout, uint64_t start_ns, uint64_t end_ns, uint8_t state, uint8_t ready_part)
{
	thread_pend(layout->engine, layout->thread,
		    (struct interval){.start_ns = start_ns, .end_ns = end_ns, .state = state, .ready_part = ready_part});
	if (state == STATE_CPU)
		count_core_time(layout->thread, end_ns - start_ns);
}

static void lay(struct layout *layout, uint64_t start_ns, uint64_t end_ns, uint8_t state, uint8_t ready_part)
{
	struct thread *thread = layout->thread;
	uint64_t boundary_ns = layout->boundary.at_ns;

	if (start_ns < thread->applied_until_ns)
		start_ns = thread->applied_until_ns;
	if (boundary_ns && boundary_ns > start_ns && boundary_ns < end_ns) {
		lay(layout, start_ns, boundary_ns, state, ready_part);
		start_ns = boundary_ns;
	}
	if (layout->boundary.at_ns && layout->boundary.at_ns <= start_ns)
		pass_boundary(layout);
	if (end_ns <= start_ns)
		return;
	if (state == STATE_CPU && goroutine_seen_until(thread) < end_ns) {
		uint64_t lost_ns = later_ns(goroutine_seen_until(thread), start_ns);

		pend(layout, start_ns, lost_ns, state, ready_part);
		goroutine_lose_sight(layout->engine, thread, lost_ns);
		start_ns = lost_ns;
	}
	pend(layout, start_ns, end_ns, state, ready_part);
}

/*
 * A stretch on a core, of which the scheduler did not charge stolen_ns, at its end if there is room; else where there was. What was told
 * before that was known is owed.
 */
static void lay_core(struct layout *layout, uint64_t start_ns, uint64_t off_ns, uint64_t stolen_ns)
{
	struct thread *thread = layout->thread;
	uint64_t from_ns = later_ns(start_ns, thread->applied_until_ns);
	uint64_t room_ns = off_ns > from_ns ? off_ns - from_ns : 0;
	uint64_t taken_ns;

	thread->owed_stolen_ns += stolen_ns;
	if (thread->owed_stolen_ns > room_ns)
		thread->owed_stolen_ns -= stolen_take_back(layout->engine, thread, thread->owed_stolen_ns, room_ns);
	taken_ns = thread->owed_stolen_ns < room_ns ? thread->owed_stolen_ns : room_ns;
	thread->owed_stolen_ns -= taken_ns;
	lay(layout, start_ns, off_ns - taken_ns, STATE_CPU, 0);
	lay(layout, off_ns - taken_ns, off_ns, STATE_READY, READY_PART_STOLEN);
	if (thread->owed_stolen_ns)
		thread->owed_stolen_ns -= stolen_take_back(layout->engine, thread, thread->owed_stolen_ns, 0);
}

static void count_switches(struct thread *thread, const struct window *window)
{
	uint32_t voluntary = window->voluntary - thread->applied_voluntary;
	uint32_t involuntary = window->involuntary - thread->applied_involuntary;

	thread->pending_voluntary += voluntary;
	thread->pending_involuntary += involuntary;
	thread->proc->told.voluntary_switches += voluntary;
	thread->proc->told.involuntary_switches += involuntary;
	thread->applied_voluntary = window->voluntary;
	thread->applied_involuntary = window->involuntary;
}

struct shape {
	uint64_t start_ns, off_ns, ready_from_ns, on_ns, end_ns;
	uint64_t core_inside_ns; /* of windows that were merged because records were lost */
	bool open;               /* a snapshot: still off the core */
};

static uint64_t clamp(uint64_t value, uint64_t low, uint64_t high)
{
	return value < low ? low : value > high ? high : value;
}

/* Clocks of two cores and lost records may contradict the order of things; then time moves to the next allowed instant. */
static struct shape shape_of(const struct thread *thread, const struct event *event)
{
	const struct record *record = event_record(event);
	const struct window *window = event->window;
	struct shape shape = {.start_ns = thread->span_start_ns};
	uint64_t around_ns;

	shape.end_ns = later_ns(record->head.at_ns, shape.start_ns);
	shape.off_ns = shape.on_ns = shape.ready_from_ns = shape.end_ns;
	if (!window)
		return shape;
	shape.off_ns = clamp(window->off_at_ns, shape.start_ns, shape.end_ns);
	shape.on_ns = clamp(window->on_at_ns, shape.off_ns, shape.end_ns);
	shape.ready_from_ns = shape.on_ns - (window->ready_ns < shape.on_ns - shape.off_ns ? window->ready_ns : shape.on_ns - shape.off_ns);
	around_ns = shape.off_ns - shape.start_ns + (shape.end_ns - shape.on_ns);
	if (record->core_ns > around_ns)
		shape.core_inside_ns = clamp(record->core_ns - around_ns, 0, shape.ready_from_ns - shape.off_ns);
	shape.open = record->head.kind == RECORD_SNAPSHOT && !(record->head.flags & RECORD_ON_CORE);
	return shape;
}

/* The thread ran out of goroutines, or waits for the one that is locked to it. The free stretch begins here, if it turns to another one. */
static void lay_goroutine_wait(struct layout *layout, uint64_t start_ns, uint64_t end_ns)
{
	goroutine_sleeps(layout->engine, layout->thread, start_ns);
	lay(layout, start_ns, end_ns, STATE_OTHER, 0);
	layout->thread->boundary_ns = start_ns;
}

static void lay_wait(struct layout *layout, uint64_t start_ns, uint64_t end_ns, uint8_t cause)
{
	if (cause == WAIT_LOCK && thread_runs_untold_goroutines(layout->thread))
		lay_goroutine_wait(layout, start_ns, end_ns);
	else
		lay(layout, start_ns, end_ns, state_by_cause[cause], 0);
}

/* Of a loop's that several threads run: it was blocked in the midst of a step. */
static bool waited_for_lock(const struct thread *thread, const struct event *event, const struct shape *shape)
{
	uint64_t futex_at = event->head->kind == RECORD_FUTEX ? event_record(event)->futex_at : 0;

	return !shape->open && event->window && event->window->cause == WAIT_LOCK &&
	       shared_sleeps_for_lock(thread, futex_at, shape->off_ns);
}

/* in_step: it waited in the midst of one. */
static void lay_window(struct layout *layout, const struct shape *shape, const struct window *window, bool in_step)
{
	uint64_t inside_from_ns = shape->ready_from_ns - shape->core_inside_ns;
	uint8_t part = window->ready_cause < READY_CAUSES ? part_by_cause[window->ready_cause] : READY_PART_WAKEUP;
	uint8_t cause = window->cause < WAIT_CAUSES ? window->cause : WAIT_OTHER;
	bool at_boundary = layout->thread->boundary_ns == shape->off_ns; /* passed already */
	bool asleep = (cause == WAIT_POLL || cause == WAIT_LOCK) && shape->ready_from_ns > shape->off_ns + ASLEEP_NS;

	asleep = asleep && !in_step;
	if (asleep)
		pool_ahead_sleeps(layout->engine, layout->thread, shape->off_ns);
	/* At a boundary the wait was for something new: nobody's. So is a loop's sleep after the epoll return that this record tells of. */
	if (layout->boundary.at_ns && layout->boundary.at_ns <= shape->off_ns)
		pass_boundary(layout);
	else if (!at_boundary && (cause == WAIT_POLL ? rule_11_sleeps(layout->engine, layout->thread, shape->off_ns)
						     : asleep && shared_ends(layout->engine, layout->thread, shape->off_ns)))
		begin_segment(layout, ORIGIN_EVENT, shape->ready_from_ns);
	else if (cause != WAIT_RUNNABLE && !at_boundary)
		lay_wait(layout, shape->off_ns, inside_from_ns, cause);
	lay(layout, inside_from_ns, shape->ready_from_ns, STATE_CPU, 0);
	lay(layout, shape->ready_from_ns, shape->on_ns, STATE_READY, part);
}

static void count_loop_time(struct thread *thread, const struct shape *shape, bool idle, uint64_t from_ns, uint64_t until_ns)
{
	uint64_t idle_from_ns = later_ns(shape->off_ns, from_ns);

	thread->proc->told.loop_time_ns += until_ns - from_ns;
	thread->proc->told.loop_busy_ns += until_ns - from_ns;
	if (idle && shape->ready_from_ns > idle_from_ns)
		thread->proc->told.loop_busy_ns -= shape->ready_from_ns - idle_from_ns;
}

/* Loop threads: how much of their time they do not wait in epoll, and what kept the iteration's events from being read. */
static void follow_loop(struct engine *engine, struct thread *thread, const struct event *event, const struct shape *shape)
{
	const struct record *record = event_record(event);
	const struct window *window = event->window;
	bool go = thread_runs_untold_goroutines(thread);
	bool idle = window && window->cause == WAIT_POLL;
	uint64_t from_ns = thread->applied_until_ns, until_ns = shape->open ? shape->off_ns : shape->end_ns;

	if (record->epoll_at_ns && !thread->loop) {
		thread->loop = true;
		thread->proc->told.loop_threads += !go;
		/* It has been one before, if another program's strands ran on it since. */
		if (!thread->history)
			thread->history = calloc(HISTORY_MAX, sizeof(*thread->history));
		if (!go && !thread->continuations)
			rule_11_loop_found(engine, thread, record);
	}
	if (!go && thread->loop && until_ns > from_ns)
		count_loop_time(thread, shape, idle && !shape->open, from_ns, until_ns);
	if (record->epoll_at_ns) {
		rule_16_waits_at(engine, thread, record);
		thread->timer_iteration = !record->epoll_events && !go;
		thread->due_from_ns = idle ? shape->ready_from_ns : thread->epoll_at_ns;
		thread->epoll_at_ns = thread->held_from_ns = record->epoll_at_ns;
		pool_ahead_round(engine, thread, record->epoll_at_ns);
		thread->wake_from_ns = idle ? shape->ready_from_ns : 0;
		thread->wake_until_ns = idle ? shape->on_ns : 0;
	}
}

/* Before RECORD_ABI 3 it says −1. */
static uint32_t core_of_snapshot(const struct record *record)
{
	return record->core > 0 ? (uint32_t)record->core : 0;
}

static void end_stint(struct engine *engine, struct thread *thread, uint32_t core)
{
	core_use_add(&engine->core_use, core, thread->stint_ns);
	thread->stint_ns = 0;
}

void span_apply(struct engine *engine, struct thread *thread, const struct event *event, const struct conn *conn)
{
	const struct window *window = event->window;
	struct shape shape = shape_of(thread, event);
	struct layout layout = {.engine = engine, .thread = thread};
	bool snapshot = event->head->kind == RECORD_SNAPSHOT, in_step = waited_for_lock(thread, event, &shape);
	uint64_t until_ns;

	if (!thread->carrier || proc_has_tasks(thread->proc))
		follow_loop(engine, thread, event, &shape);
	if ((window && window->cause != WAIT_RUNNABLE) || event_record(event)->epoll_at_ns || event->head->op == IO_POLL)
		rule_16_has_waited(thread);
	if (!shape.open && window && window->cause != WAIT_RUNNABLE && window->cause != WAIT_POLL)
		workers_sleep(engine, thread, shape.off_ns);
	if (!shape.open && window && window->cause == WAIT_POLL)
		workers_slept(engine, thread, shape.ready_from_ns);
	if (!shape.open && window && window->cause != WAIT_POLL)
		workers_loop_held_up(thread, shape.off_ns, shape.on_ns);
	if (!shape.open && !in_step)
		layout.boundary = find_boundary(thread, event, conn);
	layout.begins_ns = layout.boundary.at_ns == shape.off_ns && window ? shape.ready_from_ns : layout.boundary.at_ns;
	/* A snapshot may have passed it already. */
	if (layout.boundary.at_ns && layout.boundary.at_ns == thread->boundary_ns)
		layout.boundary.at_ns = 0;
	else if (!snapshot)
		thread->boundary_ns = 0;
	if (window) {
		bool told_by_snapshot = shape.off_ns < thread->applied_until_ns;

		lay_core(&layout, shape.start_ns, shape.off_ns, window->stolen_ns - thread->applied_stolen_ns);
		thread->applied_stolen_ns = window->stolen_ns;
		if (!told_by_snapshot)
			end_stint(engine, thread, window->core);
		if (!shape.open) {
			lay_window(&layout, &shape, window, in_step);
			stolen_stint_begins(thread, shape.on_ns);
		}
		count_switches(thread, window);
	}
	if (!shape.open)
		lay_core(&layout, window ? shape.on_ns : shape.start_ns, shape.end_ns, window ? window->stolen_after_ns : 0);
	if (layout.boundary.at_ns)
		pass_boundary(&layout);
	/* A snapshot read between a call's taking the time and its telling it lies behind the record: that much is given already. */
	until_ns = shape.open ? shape.off_ns : shape.end_ns;
	if (until_ns > thread->applied_until_ns)
		thread->applied_until_ns = until_ns;
	if (snapshot) {
		if (event->head->flags & RECORD_ON_CORE)
			end_stint(engine, thread, core_of_snapshot(event_record(event)));
		return;
	}
	thread->span_start_ns = shape.end_ns;
	thread->applied_voluntary = thread->applied_involuntary = 0;
	thread->applied_stolen_ns = 0;
}
