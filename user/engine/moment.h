/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a rule is asked about, and what rules do to a thread. Shared by the files of rules.
 * Used by all that rules ask: owner.c, blame.c, gap.c, lines and chains, strands, goroutines, streams, turns, doubts.
 * Never: outlives the record that it is about.
 */
#ifndef IOCPU_ENGINE_MOMENT_H
#define IOCPU_ENGINE_MOMENT_H

#include "engine/model.h"

struct moment {
	struct engine *engine;
	struct thread *thread;
	struct conn *conn;
	const struct event *event;
	const struct record *record;
	uint64_t at_ns;
	uint64_t arrived_ns;       /* reads: when its data had come, as well as is known; at most at_ns */
	bool arrival_known;        /* arrived_ns is more than at_ns */
	bool arrived_later;        /* of an answer: it came behind arrived_ns, but how much is not known … */
	uint64_t came_by_ns;       /* … but that it was there then; 0: nor is that */
	const struct moved *moved; /* NULL: not told */
};

/* ---- owner.c ---- */

/* A soft tail is its request's as soon as the thread turns to something else. */
void end_soft_tail(const struct moment *moment);
/* A soft tail turned out to be the next one's work; but what ran before that one had come was still the last one's. */
void split_soft_tail(const struct moment *moment, struct context *tail, uint64_t start_ns);
/* The thread begins a new segment here. */
void turn_to_segment(const struct moment *moment, enum origin origin, struct context *hint, bool soft);
/* The thread works for `context` now; a free stretch before it, without evidence of its own, was for it too. */
void work_for(const struct moment *moment, struct context *context);
/* Socket waits of this call can be named now: the call has returned, and the connection has a side. */
void settle_socket_waits(const struct moment *moment);
/* Whose downstream work the thread does: after a response it is a segment's own, until a server-side write names it. NULL: no memory. */
struct context *downstream_owner(const struct moment *moment);

/* ---- strand.c ---- */

/*
 * The thread's strand asks a downstream, or connects to one. If it is in doubt whether it serves whoever gave it something last: it does,
 * unless that was this connection, which the giver had used until then, or leave to make one.
 */
void strand_asks(const struct moment *moment, bool on_new_connection);

/*
 * An answer was read where several requests wait for one: it is the thread's strand's own, or will be told by whom that wakes. False: it is
 * the oldest call's.
 */
bool strand_reads_answer(const struct moment *moment);

/* The call's answer is read: where the runtime tells of no wake-ups (Java) that lets go on the strand that reads its request. */
void strand_is_answered(const struct moment *moment, const struct call *call);

/* ---- blame.c ---- */

/*
 * Data waited from arrived to this read, on a loop thread. Until the free stretch began the loop was busy with others (LOOP); the loop's
 * own wait for a core delayed everybody whose data was there (READY). Returns the end of the LOOP part, 0: none.
 */
uint64_t blame_loop(const struct moment *moment, struct context *victim, uint64_t arrived_ns);

/*
 * The answer to a call was read on a loop thread, and nobody knows when it came (Unix sockets have no stamps): not before the loop's last
 * busy stretch began, and by the epoll return. Returns the former; the wait after the latter is LOOP, and what lies between stays unnamed.
 */
uint64_t blame_loop_unstamped(const struct moment *moment, struct context *victim, uint64_t write_ns);

/* Data was read at from_ns, and what waited for it ran from until_ns on: the loop was busy with others (LOOP). */
void blame_hop(struct engine *engine, struct thread *thread, struct context *victim, uint64_t from_ns, uint64_t until_ns);

/* ---- gap.c ---- */

/* Names what `request` waited for until `segment`, which turned out to be its next work; marks it ambiguous if that can't be. */
void name_gap(const struct moment *moment, struct context *request, const struct context *segment);

/* ---- untold.c ---- */

/* The thread has asked a downstream. */
void rule_16_asked(const struct moment *moment);
/* Before any other rule. A thread that should wait for an answer, and turns to somebody else at once, runs strands in turns. */
void rule_16_acts(const struct moment *moment);

/* ---- goroutines.c ---- */

/* In Go, before any other rule: which goroutine does the record show, and whose is what ran unseen before it? */
void rule_16_goroutine_shown(const struct moment *moment);

/* ---- rules_loop.c: rule 11 ---- */

/* Before all other rules: the thread has tried to read; it has accepted the connection; it writes or connects. */
void rule_11_tries_to_read(const struct moment *moment);
void rule_11_accepts(const struct moment *moment);
void rule_11_calls(const struct moment *moment);
/* It finds something to read: what has it done since it read last? */
void rule_11_reads_on(const struct moment *moment);
/* Before a read is given to anybody: the steps of this round are over. */
void rule_11_reads_begin(const struct moment *moment);
/* `context` was read for: its continuation will run in a later round. */
void rule_11_read(const struct moment *moment, struct context *context, enum side side);
/*
 * Of a loop that will prove to defer (CPython's), in whose midst the tracer came: each call for nobody known, and each answer to one from
 * before the trace, is of another step than what comes next.
 */
void rule_11_unknown_called(const struct moment *moment, const struct context *owner) __attribute__((nonnull));
/* True: the thread works for nobody known from here on, in a loop that defers. */
bool rule_11_unknown_answer(const struct moment *moment);
/* Several calls wait there, and what was read is taken for the oldest one's answer; but of its bytes nothing is known. */
void rule_11_maybe_more_answers(const struct moment *moment) __attribute__((nonnull));
/* In the steps of a round: whose step it is that calls a downstream; the thread works for it. NULL: no memory. */
struct context *rule_11_step_owner(const struct moment *moment);
/* Whoever has the connection reserved asks on it: the step is its, unless writes are collected. */
void rule_11_reserved_asks(const struct moment *moment);
/* What comes next is the end of that step, or the next one. */
void rule_11_step_called(const struct moment *moment, struct context *owner);
/*
 * A stream's message is read; it is written on. Nothing of streams counts for how a loop defers: they are written without having been read,
 * and read without being answered.
 */
void rule_11_stream_read(const struct moment *moment, struct context *stream);
void rule_11_stream_write(const struct moment *moment, struct context *stream);
/* A call in the callback of a read itself: this loop does not defer. */
void rule_11_called_at_once(const struct moment *moment);
/* `request` is answered here: whatever was ready for it has run. */
void rule_11_server_write(const struct moment *moment, struct context *request);
/* So is a request from before the trace. */
void rule_11_unknown_write(const struct moment *moment);

/* ---- line.c ---- */

/*
 * The connection was answered in this turn, and is written again: if somebody waits for one, the work that goes on with that. The reference
 * is the caller's. NULL: nobody waits.
 */
struct context *rule_12_next_in_line(const struct moment *moment, enum given given);
/* Does anybody who is known wait for the connection, if those are served in order? */
bool rule_12_could_be_given(const struct moment *moment, enum given given);
/* The call is answered. If it went out in the turn in which the tracer came, whose callbacks had begun unseen, it is nobody known's. */
void rule_12_asked_in_first_turn(const struct moment *moment, struct call *call);
/*
 * The connection is used again, and nobody was given it: it lay idle, so nobody waited for it. If it was answered in this turn, some may
 * still have waited since before the trace, whom the pool resumes behind it.
 */
void rule_12_lay_idle(const struct moment *moment, bool in_this_turn);
/* A worker is given something outside of the callbacks of what was handed back: it was free, so nobody waited for one. */
void rule_12_nobody_waits_for_workers(const struct moment *moment);
/* The answer to a call from before the trace: what waited for it goes on, in whosever name. */
void rule_12_unknown_answer(const struct moment *moment);
/* `request` is answered, maybe in the course of such work: was it its turn to be given the connection? */
void rule_12_answered(const struct moment *moment, struct context *request) __attribute__((nonnull));

/* ---- doubts.c ---- */

/*
 * May a call that begins now be another one's than the owner's? Counts who uses the connection. named: its answer will say that it is its.
 */
enum doubt doubt_of_call(const struct moment *moment, struct context *owner, bool by_line, bool named);
/* Whether something was rightly taken for so. */
void doubts_vote(struct proc *proc, enum doubt doubt, bool right);
/* The order of the reads was wrong, be it that this is no vote. */
void doubts_order_contradicted(struct proc *proc);
/* `request` is answered by this thread: a vote on what led to it. contradicted: it had seemed to work for another one. */
void doubts_judge(const struct moment *moment, struct context *request, bool contradicted) __attribute__((nonnull));
/* Those who have a connection keep it too often, where it seems to be given on so; or oftener than not. */
bool doubts_is_kept(const struct proc *proc, enum given given);
bool doubts_is_mostly_kept(const struct proc *proc, enum given given);
bool doubts_try_line(const struct proc *proc, const struct conn *conn, enum given given);
/* Has it been seen to be given on so, and hardly ever kept? */
bool doubts_is_given_on(const struct proc *proc, enum given given);
/* So seldom wrong that two mistakes hardly make up for each other. */
bool doubts_mostly_right(const struct proc *proc, enum doubt doubt);
/* … nor where many are taken for each other. */
bool doubts_hardly_wrong(const struct proc *proc, enum doubt doubt);
/* A response says whether the connection was given on at all. */
void doubts_vote_given(struct proc *proc, enum given given, bool right);

/* ---- streams.c ---- */

/* The request's response makes its connection a stream: the request is told, and all that works for it works for the stream. */
void stream_open(const struct moment *moment, struct context *request);
void stream_read(const struct moment *moment);
/* Whoever writes on it has worked for it, or publishes something. */
void stream_ran(const struct moment *moment);
/* A write to it is carried out. Whose work that is; NULL: the stream ends with it. */
struct context *stream_goes_out(const struct moment *moment);

/* ---- rules_handoff.c: rule 9, eventfds, pipes and socketpairs ---- */

void rule_9_handoff_write(const struct moment *moment);
void rule_9_handoff_read(const struct moment *moment);

/* ---- rules_queued.c ---- */

/* The thread's task leaves to its loop what it writes. */
void rules_put_off(struct engine *engine, struct thread *thread, const struct record *record);
/* That is written now. */
void rules_go_out(const struct moment *moment);

/* ---- rules_server.c, rules_downstream.c, rules_answered.c ---- */

void rule_1_server_read(const struct moment *moment);
void rule_2_server_write(const struct moment *moment);
/* The part of rule 2 that says who ran: whatever the thread has done until now was for this request. */
void rule_2_ran_for(const struct moment *moment, struct context *request);
/* The rest of it, where that is known already. Returns the request that is written for; NULL: none. */
struct context *rule_2_carry_out(const struct moment *moment);
void rule_4_downstream_write(const struct moment *moment);
void rule_5_downstream_read(const struct moment *moment);
/* What was read at at_ns is the answer to this call. */
void rule_5_answered(const struct moment *moment, struct call *call);
/*
 * Rule 7: whoever connected, or looked at an idle connection and found nothing to read (a pool's check, a reader that arms itself), has it
 * reserved: the next call on it is its.
 */
void rule_7_reserve(const struct moment *moment, struct context *owner);
void connect_begins(const struct moment *moment);

#endif
