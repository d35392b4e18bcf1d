/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 10: whoever wakes a thread in a futex had what it waited for. A lock is handed on from waiter to waiter, so each stretch of a wait
 * is that of whoever ended it, by waking this waiter or one before it.
 * Rule 8: unless the thread waited for work, and the waker has just read a request: then that is what it was given.
 */
#include <stdlib.h>

#include "engine/locks.h"
#include "engine/set_aside.h"

#define WAKES_MAX 1024 /* the last ones; power of two */
#define WAITS_MAX 64   /* that ended, and of which nobody has told yet to have ended them. Power of two */

/* A core that sleeps deeply takes so long to find that it has a thread to run: only then that is woken, by the scheduler's word. */
#define WAKE_UP_NS 200000
/* After reading a request, so soon does a thread hand it over. */
#define HAND_OVER_NS 2000000
/* Records of different threads may come in the wrong order by so much. */
#define DISORDER_NS 1000000
/* A waker that was taken off its core before it could tell is back by then. What woke a waiter that waits for longer is never told. */
#define TOLD_LATE_NS 100000000

struct wake {
	uint64_t futex_at;
	uint64_t at_ns; /* its call had returned by then */
	struct party *waker;
	bool hands_over; /* the waker had just read its request, and done nothing since */
	uint32_t untold; /* of those that it woke, how many have not said so yet */
};

struct wait {
	uint64_t futex_at; /* 0: none */
	uint64_t start_ns; /* woken_ns: it waited for work */
	uint64_t woken_ns;
	uint32_t tid;
	struct party *waiter;
};

struct futexes {
	struct wake wakes[WAKES_MAX];
	uint64_t wake_count; /* so far: the last one is at (wake_count − 1) % WAKES_MAX */
	struct wait waits[WAITS_MAX];
	uint32_t next_wait;
};

/* NULL: no memory. */
static struct futexes *futexes_of(struct engine *engine, struct proc *proc, uint64_t futex_at)
{
	struct futexes **futexes = futex_at & FUTEX_SHARED ? &engine->shared_futexes : &proc->futexes;

	if (!*futexes)
		*futexes = calloc(1, sizeof(**futexes));
	return *futexes;
}

static struct wake *wake_at(struct futexes *futexes, uint64_t number)
{
	return &futexes->wakes[number % WAKES_MAX];
}

static uint64_t oldest_wake(const struct futexes *futexes)
{
	return futexes->wake_count > WAKES_MAX ? futexes->wake_count - WAKES_MAX : 0;
}

/* ---- joining ---------------------------------------------------------------------------------------------------------------------- */

/* The first wake at or after the moment when the waiter was woken, if it woke more than have said so. wake_count: it is not told yet. */
static uint64_t find_wake(struct futexes *futexes, const struct wait *wait)
{
	uint64_t first = futexes->wake_count;

	for (uint64_t number = futexes->wake_count; number-- > oldest_wake(futexes);) {
		const struct wake *wake = wake_at(futexes, number);

		if (wake->at_ns + DISORDER_NS < wait->woken_ns)
			break;
		if (wake->futex_at == wait->futex_at && wake->untold && wake->at_ns + WAKE_UP_NS >= wait->woken_ns)
			first = number;
	}
	return first;
}

/* Whoever woke others there meanwhile had it before. What lies so long ago that it is forgotten, nobody is named for. */
static void blame_holders(struct engine *engine, struct futexes *futexes, const struct wait *wait, uint64_t last)
{
	uint64_t since_ns = wait->start_ns, number = oldest_wake(futexes);

	if (number && wake_at(futexes, number)->at_ns > since_ns)
		since_ns = wake_at(futexes, number)->at_ns;
	for (; number < last; number++) {
		const struct wake *wake = wake_at(futexes, number);

		if (wake->futex_at != wait->futex_at || wake->at_ns <= since_ns || wake->at_ns >= wait->woken_ns)
			continue;
		holds_add(engine, wait->waiter, wake->waker, since_ns, wake->at_ns);
		since_ns = wake->at_ns;
	}
	holds_add(engine, wait->waiter, wake_at(futexes, last)->waker, since_ns, wait->woken_ns);
}

/* A hint, as another thread may have been quicker. Who reads requests is given none, and who has shown what it does needs none. */
static void rule_8_hand_over(struct engine *engine, const struct wait *wait, const struct wake *wake)
{
	struct thread *thread = thread_of(engine, wait->tid);
	struct context *segment = party_context(wait->waiter), *request = party_context(wake->waker);

	if (!wake->hands_over || !thread || thread->last_server_conn_id || !segment || context_root(thread->context) != segment)
		return;
	set_aside_end(engine, thread);
	if (context_is_open_request(request) && segment->origin == ORIGIN_FUTEX && !segment->evidence && !segment->hint)
		segment->hint = context_get(request);
}

static void join(struct engine *engine, struct futexes *futexes, const struct wait *wait, uint64_t number)
{
	wake_at(futexes, number)->untold--;
	if (wait->start_ns < wait->woken_ns)
		blame_holders(engine, futexes, wait, number);
	else
		rule_8_hand_over(engine, wait, wake_at(futexes, number));
}

/* Its waker may have been taken off its core before it could tell. */
static void keep_wait(struct futexes *futexes, const struct wait *wait)
{
	struct wait *place = &futexes->waits[futexes->next_wait++ % WAITS_MAX];

	party_put(place->waiter);
	*place = *wait;
}

/* Those that it woke may have told first. */
static void join_kept(struct engine *engine, struct futexes *futexes, uint64_t number)
{
	const struct wake *wake = wake_at(futexes, number);

	for (uint32_t i = 0; i < WAITS_MAX && wake->untold; i++) {
		struct wait *wait = &futexes->waits[(futexes->next_wait + i) % WAITS_MAX];

		if (wait->futex_at != wake->futex_at || wait->woken_ns > wake->at_ns + WAKE_UP_NS ||
		    wait->woken_ns + TOLD_LATE_NS < wake->at_ns)
			continue;
		join(engine, futexes, wait, number);
		party_put(wait->waiter);
		*wait = (struct wait){0};
	}
}

/* ---- records ---------------------------------------------------------------------------------------------------------------------- */

static void on_woke(struct engine *engine, struct thread *thread, const struct record *record)
{
	struct futexes *futexes = futexes_of(engine, thread->proc, record->futex_at);
	struct wake *wake;

	if (!futexes)
		return;
	wake = wake_at(futexes, futexes->wake_count++);
	party_put(wake->waker);
	*wake = (struct wake){
		.futex_at = record->futex_at,
		.at_ns = record->head.at_ns,
		.waker = party_of(thread),
		.hands_over = thread->took_ns && record->head.at_ns - thread->took_ns <= HAND_OVER_NS,
		.untold = (uint32_t)record->result,
	};
	join_kept(engine, futexes, futexes->wake_count - 1);
}

/* That of a full list may have been given away before it was told. A wait for something new is nobody's, and of no length here. */
static struct lock_wait last_wait(struct thread *thread, const struct window *window)
{
	struct lock_wait waited = lock_waits_before(thread, false);

	if (waited.begun_ns || !window || window->cause != WAIT_LOCK)
		return waited;
	waited = (struct lock_wait){window->off_at_ns, window->on_at_ns - window->ready_ns};
	if (thread->boundary_ns == window->off_at_ns)
		waited.begun_ns = waited.until_ns;
	return waited;
}

static void on_woken(struct engine *engine, struct thread *thread, const struct record *record, const struct window *window)
{
	struct futexes *futexes = futexes_of(engine, thread->proc, record->futex_at);
	struct lock_wait waited = last_wait(thread, window);
	struct wait wait = {.futex_at = record->futex_at, .tid = thread->tid, .start_ns = waited.begun_ns, .woken_ns = waited.until_ns};
	uint64_t number;

	if (!futexes || !waited.begun_ns)
		return;
	if (wait.start_ns < thread->held_until_ns)
		wait.start_ns = thread->held_until_ns;
	thread->held_until_ns = wait.woken_ns;
	wait.waiter = party_of(thread);
	number = find_wake(futexes, &wait);
	if (number == futexes->wake_count) {
		keep_wait(futexes, &wait);
		return;
	}
	join(engine, futexes, &wait, number);
	party_put(wait.waiter);
}

void rules_futex(struct engine *engine, struct thread *thread, const struct event *event)
{
	const struct record *record = event_record(event);

	/* There the runtime says who wakes whom; without a hook, who sleeps in a futex is a thread that has no goroutine. */
	if (thread->carrier || thread_runs_untold_goroutines(thread))
		return;
	if (record->head.op == FUTEX_WOKE)
		on_woke(engine, thread, record);
	else
		on_woken(engine, thread, record, event->window);
}

void futexes_forget(struct futexes **futexes)
{
	if (!*futexes)
		return;
	for (size_t i = 0; i < WAKES_MAX; i++)
		party_put((*futexes)->wakes[i].waker);
	for (size_t i = 0; i < WAITS_MAX; i++)
		party_put((*futexes)->waits[i].waiter);
	free(*futexes);
	*futexes = NULL;
}
