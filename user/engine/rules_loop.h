/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of rule 11 share: the step that a loop is in.
 * Used by those of loops that defer (rules_loop*.c), collect their writes (rules_collect.c) or read ahead (rules_ahead*.c), and by what
 * asks which of these a thread is: the line (rule 12), turns and doubts (rule 13), and where a span passes a boundary.
 * Never: what other rules decide.
 */
#ifndef IOCPU_ENGINE_RULES_LOOP_H
#define IOCPU_ENGINE_RULES_LOOP_H

#include "engine/continuations.h"
#include "engine/moment.h"

#define SILENT_NS 200000 /* of CPU: less than this epoll, or accepting, may have taken by itself */

#define CHILD_NS 300000 /* of CPU: less than this may be the step of one more task that makes a call for the same parent */

/* The thread's present segment, if it has no evidence of its own: the end of a step, and the beginning of the next. NULL: it has. */
struct context *present_step(const struct thread *thread);
/* Several continuations ran in this step: whose time is whose nobody can tell. It stays nobody's. */
void leave_unclaimed(struct engine *engine, struct context *step);
void hint_at(struct engine *engine, struct context *segment, struct context *request);
/* What the request is taken to have gone on with; NULL: no longer. */
void guess_at(struct engine *engine, struct context *request, struct context *segment);

/* NULL: the thread is no loop, or one whose events other threads take too, or whose strands a runtime tells. */
struct continuations *rule_11_loop_of(const struct thread *thread);

/* ---- loops.c ---- */

/* It falls asleep in epoll, or that returns: what it has read right before that does not run at once. */
void rule_11_turns_to_epoll(struct engine *engine, struct thread *thread, uint64_t at_ns) __attribute__((nonnull));

/* ---- rules_put_off.c ---- */

/* The thread asks, or answers for the first time: has another one's callback come to it, for which nothing was read? */
void rule_11_acts(const struct moment *moment) __attribute__((nonnull));

/* ---- rules_loop_midst.c ---- */

/* Has the loop not slept since, in so many rounds at most? */
bool came_in_its_midst(const struct thread *thread, uint64_t rounds);
/* Its connection was made before the trace, and is written for the first time: for whoever has connected, not for who is due. */
bool is_of_one_who_connected(const struct moment *moment, const struct context *step);

/* ---- rules_loop_anew.c ---- */

/* A response contradicts the order. Of a loop to which the tracer has come in its midst within the last second few such say nothing. */
void rule_11_vote_against_order(const struct moment *moment);
/* The request is answered: what it seemed to have begun with was another one's, if that still waits for an answer. */
void rule_11_step_was_anothers(const struct moment *moment, struct continuations *loop, struct context *request);
/*
 * The first response, of `shown`, has told that a request waits longer for its step than was taken: the steps until then were of those who
 * came first, in their order, and not of whose turn is still to come.
 */
void rule_11_turns_told(const struct moment *moment, struct continuations *loop, const struct context *shown);
/* The request is answered that nothing was ready for. True: what asked in this round is nobody's who is known, now. */
bool rule_11_one_more_ran(const struct moment *moment, struct continuations *loop, const struct context *request);
/*
 * Where nobody waits for a connection, or it was a guess whose answer it is, who is due first is who is answered: if that had been taken
 * for another one's, it is this request's, and what had been taken for this one's is the other's. True: it was so.
 */
bool rule_11_change_places(const struct moment *moment, struct continuations *loop, struct context *request);
/* How many rounds a request waits for its step was not known until this response: who is due, and whose calls they were, is learnt anew. */
void rule_11_begin_anew(const struct moment *moment, struct continuations *loop, struct context *shown);

/* ---- futex_words.c ---- */

/* One that runs a loop's events together with others fell asleep in this futex (0: not told) then: for a lock, in the midst of a step? */
bool shared_sleeps_for_lock(const struct thread *thread, uint64_t futex_at, uint64_t off_ns);

/* ---- rules_ahead.c ---- */

/* Before a read is given to anybody, or after one that found nothing: the steps before it are over. */
void ahead_before_read(const struct moment *moment);
/* The loop falls asleep, or epoll returns. */
void ahead_ends(struct engine *engine, struct thread *thread, bool sleeps);
struct context *ahead_owner(const struct moment *moment);
/* Work that was taken for it by the order of the reads has led to its response. But a step that made no call leads nowhere. */
void ahead_bear_out(const struct proc *proc, struct context *context);
void ahead_server_write(const struct moment *moment, struct context *request) __attribute__((nonnull));
/* The same of a response to a request from before the trace. */
void ahead_unknown_write(const struct moment *moment) __attribute__((nonnull));

/* ---- rules_ahead_midst.c ---- */

/* May what the loop does before it waits for anything show that it reads ahead? */
bool ahead_may_show(const struct thread *thread, const struct continuations *loop) __attribute__((nonnull));
/* It turns out to: if the tracer came in the midst of its work, whose that seemed to be is forgotten. */
void ahead_began_unseen(struct engine *engine, struct continuations *loop) __attribute__((nonnull));
/* It tries to read on the moment's connection. */
void ahead_note_try(const struct moment *moment, struct continuations *loop) __attribute__((nonnull));
/* Is what it finds on a connection that was not used since the tracer came found at the first try? */
bool ahead_tries_first(const struct continuations *loop) __attribute__((nonnull));

/* ---- rules_ahead_order.c ---- */

/* The thread ended what it did before, and took its present step: whom it woke by that may have run first. */
uint64_t shared_took_at_ns(const struct thread *thread, const struct context *step) __attribute__((nonnull));
/* The thread reads or writes again: when what it wrote last was queued is known by that. */
void shared_queues(struct engine *engine, struct thread *thread);
/* What it has read, or accepted, at at_ns is queued then, as far as is foreseen: it may be taken off its core before that. */
uint64_t shared_queues_at_ns(const struct thread *thread, uint64_t at_ns) __attribute__((nonnull));
/* … or then: it left its core behind that, and nothing tells whether it had queued it by then. 0: it cannot be. */
uint64_t shared_or_queues_at_ns(const struct thread *thread, uint64_t at_ns) __attribute__((nonnull));
/* What was written last there; *early_ns: it may have been queued already then. */
uint64_t shared_queued_at_ns(struct continuations *loop, const struct conn *conn, uint64_t *early_ns) __attribute__((nonnull));
/* What else was queued at about the same time may have been so in either order. */
uint64_t shared_surely_before(uint64_t queued_ns);
/* A try to read right behind a write, or a response: the thread took between from_ns and until_ns what had been queued at queued_ns. */
void shared_shows(struct engine *engine, struct thread *thread, const struct shown *shown) __attribute__((nonnull));
/* The first that was read ahead then, by any of the threads, and was not taken yet. *of: in whose list it is. NULL: there is none. */
struct continuation *shared_first_between(struct continuations *loop, uint64_t after_ns, uint64_t before_ns, struct continuations **of);
/* So many were queued before before_ns, and behind all that any thread has shown to have taken. */
unsigned int shared_count_not_shown(const struct continuations *loop, uint64_t before_ns) __attribute__((nonnull));
/* Something else stands closely in front of what the same thread queued then. */
bool shared_may_overtake(const struct continuations *in, uint64_t queued_ns) __attribute__((nonnull));
/* Who is expected to run in a step. *of: in whose list it is. NULL: nobody. */
struct continuation *shared_expected(struct thread *thread, const struct context *step, struct continuations **of);
/* The step is taken for what is queued, in `of`; before it is given to anybody. */
void shared_is_taken(struct engine *engine, const struct thread *thread, struct context *step, struct continuation *queued,
		     struct continuations *of) __attribute__((nonnull));
/* All that was queued up to then had been taken by took_ns. */
uint64_t shared_shown_by_ns(const struct thread *thread, uint64_t took_ns) __attribute__((nonnull));
/* What had been shown to be taken by when the step began is not what it goes on with. */
bool shared_ran_before(const struct thread *thread, const struct context *step, const struct continuation *queued);
/* The step went on with something nevertheless, which somebody else had been taken for. */
void shared_note_nobody(struct thread *thread, const struct context *step);
/* Such a step may have been of this one. Each is so for one. */
bool shared_was_nobodys(struct continuations *loop, const struct continuation *queued);

/* What was read for it has been delivered, and nothing that was taken for another one's has proven to be that. */
bool shared_lacks_a_step(struct continuations *loop, const struct context *request) __attribute__((nonnull));
/* All threads' steps that are still to come. */
unsigned int shared_count_to_come(const struct continuations *loop) __attribute__((nonnull));

/* ---- rules_ahead_links.c ---- */

/* The step is taken to go on with `below`, if that is a step. */
void links_put_on(struct engine *engine, struct context *segment, struct context *below) __attribute__((nonnull(1, 2)));
/* What the step goes on with, if that is a step of nobody's, too. NULL: none. */
struct context *links_below(const struct context *segment) __attribute__((nonnull));
/* From `last` on down to `until` all is taken for the request's. */
void links_hint(struct engine *engine, struct context *last, const struct context *until, struct context *request)
	__attribute__((nonnull(1, 2)));
/* All that the step goes on with is the request's. */
void links_bind(struct engine *engine, struct context *last, struct context *request) __attribute__((nonnull));
/* What was taken for the request's, and has not led to its response, is nobody's. */
void links_let_go(struct engine *engine, struct context *last, const struct context *request) __attribute__((nonnull(1, 3)));
/*
 * The step `segment` ends in the response, and had been taken for another request's. queued: what was read ahead for this one and is not
 * known to have gone on, in `of`; it is dropped if it was that. NULL: nothing.
 */
void links_give_back(const struct moment *moment, struct context *segment, struct context *request, struct continuation *queued,
		     struct continuations *of) __attribute__((nonnull(1, 2, 3)));

/* ---- rules_ahead_heal.c ---- */

/* If the step goes on with what is queued there it overtakes several that can't be at work by now. */
bool heal_overtakes_several(const struct moment *moment, const struct context *step, const struct continuation *queued)
	__attribute__((nonnull));
/* The step goes on with what is queued there, which may have been queued at either of two moments: at which of them? */
void heal_when(const struct moment *moment, const struct context *step, struct continuation *queued) __attribute__((nonnull));
/* The step ends in a response to the request, but another one has been taken for what it goes on with: is an entry left over in front? */
void heal_before(const struct moment *moment, const struct context *step, struct context *request) __attribute__((nonnull));

/*
 * The step goes on with what is queued there, in *of; but what was queued behind that has been taken before. What is it then that the step
 * goes on with, and in whose list?
 */
struct continuation *heal_order(const struct moment *moment, const struct context *step, struct continuation *queued,
				struct continuations **of) __attribute__((nonnull));

/* ---- rules_ahead_shared.c ---- */

/* NULL: not such a loop. */
struct continuations *rule_11_shared_ahead(const struct thread *thread);
/* Other threads that have been in a step since before_ns of which nobody knows yet whose it is: each may have taken one that was queued. */
unsigned int shared_count_in_steps(const struct thread *thread, uint64_t before_ns) __attribute__((nonnull));
/* Of threads that may turn out to read ahead. */
void shared_may_queue(const struct moment *moment, struct context *context, enum side side);
/* What was taken for the request's has not led to its response: it is nobody's, unless steps without a call are seen, which lead nowhere.
 */
void shared_let_go(struct engine *engine, struct continuations *loop, struct context *last, const struct context *request)
	__attribute__((nonnull(1, 2, 4)));
void shared_drop_of(struct engine *engine, struct continuations *loop, const struct context *request);
void shared_before_read(const struct moment *moment);
/* The thread falls asleep, in epoll or in a futex, or epoll returns. False: it is not of such a loop. */
bool shared_ends(struct engine *engine, struct thread *thread, uint64_t at_ns);
struct context *shared_owner(const struct moment *moment);
void shared_server_write(const struct moment *moment, struct context *request) __attribute__((nonnull));

/* ---- rules_loop.c ---- */

/*
 * It is the turn of `taken`. Those that were due before it have had theirs, and made no call that would show it: what they computed lies in
 * this step too. Only who was woken, and found nothing, computed nothing.
 */
void begin_turn(const struct moment *moment, const struct continuation *taken);
/* Rule 12, of loops: it stood in line until somebody gave back the connection that it calls on now. */
void name_pool_wait(const struct moment *moment, struct context *context, const struct context *request, uint64_t until_ns);

/* ---- rules_loop_streams.c ---- */

/* What was written on streams right before this response was written for it, if its step was the first that was due. */
void claim_published(const struct moment *moment, struct continuations *loop, const struct continuation *taken, struct context *request);

/* ---- rules_collect.c ---- */

/* Before a loop has shown that it collects, all that ran after the reads seems to be for what was read last: it is nobody's. */
void collect_take_back(struct engine *engine, struct thread *thread);
/* The round is over. */
void collect_end(struct engine *engine, struct thread *thread);
struct context *collect_owner(const struct moment *moment);
/* It is known who asks, but what ran before this is sent was for any of those that were read. */
void collect_reserved_asks(const struct moment *moment);
void collect_server_write(const struct moment *moment, struct context *request) __attribute__((nonnull));

#endif
