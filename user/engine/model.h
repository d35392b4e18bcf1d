/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine's world: processes, threads, connections, calls, and who refers to whom. Contexts: context.h.
 * Shared by the files of user/engine, and by nobody else.
 * Never: seen from outside this room.
 */
#ifndef IOCPU_ENGINE_MODEL_H
#define IOCPU_ENGINE_MODEL_H

#include "engine/context.h"
#include "engine/continuations.h"
#include "engine/doubts.h"
#include "engine/engine.h"
#include "engine/foresight.h"
#include "engine/timeline.h"
#include "engine/votes.h"
#include "util/idmap.h"

/* Caps: what lies beyond is counted in struct engine_losses. */
#define CONTEXTS_MAX      (1u << 19)
#define CONNS_MAX         (1u << 18)
#define PEERS_MAX         4096 /* names; the rest are "(other)" */
#define PIPELINE_MAX      1024 /* requests waiting on one connection */
#define HANDOFFS_MAX      64   /* writes waiting in one eventfd, pipe or socketpair */
#define CALLS_WAITING_MAX 256  /* for an answer on one connection; on a one-way one (statsd, syslog) none ever comes */
#define HISTORY_MAX       128  /* what a loop thread did last: power of two */
#define PENDING_MAX       128
#define HANDOUTS_MAX      8
#define EPOLLS_MAX        16  /* where two take turns in one place, that threads share them shows later */
#define PROCS_ENDED_MAX   128 /* told on their own; of more, the oldest are told as one */
#define STRANDS_MAX       (1u << 18)

/* A response without a further byte for this long is over, if the connection does not say so earlier. */
#define RESPONSE_QUIET_NS 500000000ull

/*
 * Less CPU than this in one piece is no work of its own, but the end of what was done before, or the way to what comes next: waking up,
 * looking at a queue, asking. Measured in servers whose handlers compute 200 µs and more at a time: of 5,400 looks at such pieces 87% found
 * less (63% under 10 µs), 1% up to 200 µs, 12% more.
 */
#define WORK_MIN_NS 50000

struct thread;
struct conn;
struct context;
struct strand;
struct line;
struct party;
struct hold;
struct chains;
struct calls_in;
struct pool_ahead;
struct futexes;
struct stray;
struct open_stream;
struct moved;
struct correlation;
struct idle;
struct turns;

/* An epoll fd of a process. */
struct epoll {
	int32_t fd;
	uint32_t tid;    /* who has waited there last; 0: nobody has */
	bool by_several; /* another thread had, which is still there */
	bool by_strands; /* a thread has that runs strands of which nobody tells */
};

#define FUTEX_WORDS 16 /* of more the one at which they have slept least gives way */

/* Where threads have slept in a futex that run a loop's events together. */
struct futex_word {
	uint64_t futex_at;
	uint32_t sleeps;
	bool paired; /* they have slept in the word beside it, too */
};

/*
 * Lives while it has a thread, a context counts CPU of it, or a child of it lives; then it is kept for a while, to be told on its own.
 * Each of these holds one count (proc_get, proc_put).
 */
struct proc {
	struct process told; /* counters so far, as engine_processes tells them */
	uint32_t refs;
	bool ended; /* all its threads have */
	uint32_t open_requests;
	uint64_t open_since_ns;              /* request_time_ns is right up to here */
	uint32_t blocking_reads, loop_reads; /* requests begun by threads of either kind */
	uint32_t strand_reads;               /* … of them, by or for a strand */
	uint32_t handed_over;                /* requests answered by another thread than the one that read them */
	uint32_t conns_served, threads_serving;
	uint32_t conns_by_new_threads, conns_by_old_threads; /* connections accepted in the trace, by who read their first request */
	bool forked;                                         /* from a followed process, and has not executed another program */
	struct proc *parent;
	bool any_child_serves;         /* of one listener with it: pre-fork */
	struct idmap strands;          /* those of which something is known */
	struct score doubts[DOUBTS];   /* of responses: did they bear out what had been taken for so? */
	uint32_t excused;              /* rule 11: responses that contradicted the order when little was known yet */
	uint32_t order_contradicted;   /* … and all that ever did, this program or another one before */
	uint32_t order_right_run;      /* responses that have borne it out since the latest of these */
	bool order_guessed;            /* … a call was taken for one of several by the order of the reads */
	struct score given[GIVENS];    /* right: it was given on; wrong: who had it went on with it */
	bool threads_share;            /* some of them run each other's requests */
	bool asks_beside;              /* a thread has asked once more for a request whose answer it still had to read */
	bool lets_go_unseen;           /* in a JVM: what waited for an answer in a loop, or what seems one, is let go on by other threads */
	bool reads_for_others;         /* in Go: a goroutine reads answers for others, on a connection that several requests use */
	struct idmap idle_by_peer;     /* rule 12, in Go: connections that lie idle (struct idle) */
	int64_t burst_ns;              /* rule 16: so much a goroutine computes at one go, the average of the latest … */
	int32_t burst_count;           /* … so many */
	bool has_readers;              /* in Go: each connection's answers are read by a goroutine of its own, for whoever has asked */
	bool answers_unknown;          /* answers were read to what had been asked before the trace */
	struct chains *chains;         /* rule 12, of threads that run each other's requests; NULL: nobody has waited */
	struct calls_in *calls_in;     /* rule 9: with what threads have called in at a loop of tasks; NULL: none has */
	struct pool_ahead *pool_ahead; /* … of several threads that run a loop that reads ahead; NULL: likewise */
	struct futex_word slept_at[FUTEX_WORDS]; /* … at which its threads have slept in futexes */
	struct futexes *futexes;                 /* rule 10: who woke whom in those that are its own; NULL: nobody */
	/* Some of its threads hide strands; its epoll fds, by fd % EPOLLS_MAX, the latest of these. */
	bool hides_strands;
	struct epoll epolls[EPOLLS_MAX];
};

/* When an answer had come. 0: not known. */
struct came {
	uint64_t at_ns;
	uint64_t not_before_ns, by_ns; /* known of most of which at_ns is not */
};

/* One downstream call, from its last byte written to its answer's first byte read. */
struct call {
	struct call *next; /* younger, on the same connection */
	struct conn *conn;
	struct context *context;
	struct call *next_in_flight, **prev_in_flight; /* of its context's root; prev_in_flight NULL: in no list */
	uint64_t start_ns;                             /* connecting began, or as write_ns */
	uint64_t write_ns;
	uint64_t connect_ns; /* how long connecting took */
	uint32_t asker_tid;
	uint8_t doubt; /* enum doubt: may it be another one's? */
	bool put_off;  /* its task has left it to the loop to write it, which has not done so yet */
	/* On a connection that several requests use at once: answers.h. */
	uint8_t token_count; /* of what its question begins with; 0: not seen */
	uint32_t tokens[WIRE_TOKENS_MAX];
	uint64_t answered_ns; /* a strand has read its answer then, which is not given to it yet; 0: none has */
	struct came came;     /* … which had come so */
};

struct handoffs;
struct handed_back;

/* What has come of reading there since something was last read or written. */
enum read_state {
	READ_UNKNOWN, /* it has not been used since the tracer came */
	READ_NOT_TRIED,
	READ_TRIED, /* nothing was there */
};

struct conn {
	uint64_t id;
	uint8_t family, type, role;
	bool accepted;   /* while we looked */
	bool puts_off;   /* a task has left to its loop what it writes, and not all of that is written */
	uint16_t port;   /* the local one */
	uint16_t peer;   /* index of the remote end's name */
	char *unix_path; /* of a server-side Unix socket */
	uint64_t last_used_ns;
	uint64_t put_off_ns; /* since then nothing of it is written; 0: a part is */
	/* Server side: requests not closed yet, oldest first. */
	struct context *first_request, *last_request;
	uint32_t request_count, turns;
	struct context *last_closed;
	struct context *stream;
	bool answered_unseen;        /* to a request from before the trace: what else is written before the next one is the rest of it */
	bool read_is_longer;         /* than what is carried along of it: request lines may lie behind */
	uint64_t answerer_strand_id; /* the task that answered there last; 0: none has */
	/* Downstream. */
	struct call *first_call, *last_call;
	uint32_t waiting_calls;
	struct context *answering; /* whose answer was read last, and may go on */
	uint64_t answer_read_ns;
	uint64_t written_ns;       /* last; of either side, as read_state is */
	uint64_t written_early_ns; /* … and what that queued was queued then at the earliest (rule 11) */
	uint8_t read_state;        /* enum read_state */
	bool used_before;          /* it has been in use since before the trace, and never idle */
	uint64_t idle_until_ns;    /* rule 12: then it was used again, and not given on in the callback of its answer; 0: never */
	struct idle *idle;         /* … in Go: among which it lies idle; NULL: among none */
	struct conn *next_idle, *prev_idle;
	uint64_t idle_from_ns;
	struct context *reserved; /* rule 7: whose the next call on it is */
	uint64_t user_conn_id;    /* the server side's connection whose request called last; 0: none has */
	bool shared;              /* such requests of several connections have */
	uint64_t asker_strand_id; /* who asked there last; 0: no strand has */
	bool read_for_others;     /* in Go: a goroutine of its own reads there for whoever has asked */
	bool claimed;             /* who reads there for several requests has told whose an answer is, by whom it woke */
	bool connect_seen;        /* so nothing was asked there before the trace */
	bool connecting;
	uint64_t connecting_since_ns, connect_ns, connect_start_ns;
	uint64_t connected_ns; /* and not yet written to; 0: not so */
	/* … that several requests use at once: what names the question that an answer is to (names.c). NULL: nothing is known. */
	struct correlation *correlation;
	/* Eventfd, pipe, socketpair. */
	uint64_t other_end_id;     /* of a socketpair: what is written here is read there; 0: unknown, or no socketpair */
	bool crosses;              /* one process writes, another one reads */
	struct handoffs *handoffs; /* what was written here, and not read yet */
};

/* One stretch of a thread's CPU, and who was given it. It keeps nobody alive. */
struct handout {
	struct context *context; /* NULL: that is gone */
	struct handout *next, **prev;
	uint64_t start_ns, end_ns;
};

/* What a loop thread did, to name who made others wait. */
struct history_entry {
	uint64_t start_ns, end_ns;
	struct context *context;
};

struct thread {
	uint32_t tid;
	struct proc *proc;
	struct context *context; /* NULL: memory ran out; its time is unattributed */
	bool soft;               /* context is a segment after a response */
	bool asked;              /* of a loop: since it came to its context it has asked a downstream in its name */
	bool born;               /* while we looked */
	bool touched_io;
	bool loop;
	bool carrier;          /* a runtime tells which strands it runs: never a loop, but where these are tasks of one */
	bool hides_strands;    /* it runs a runtime's own threads in turns, and nobody tells which: as Go's do without a hook */
	bool awaits_answer;    /* to what its request has just asked: it has done nothing since, nor waited for anything */
	bool reads_outside;    /* of a loop of tasks: it reads, and calls back then (uvloop), where asyncio's own reads in callbacks */
	bool just_read;        /* … and this was the last that was heard of it */
	bool just_accepted;    /* its last call was an accept, be it one that found nothing more */
	struct strand *strand; /* of a carrier: the one that it runs, whose state the thread has meanwhile. NULL: the runtime itself */
	bool timer_iteration;  /* of a loop: its last epoll return was a timeout, or it has read a timer since */
	uint64_t epoll_at_ns;  /* of a loop: its last epoll return */
	uint64_t due_from_ns;  /* of a loop: a timer whose callback runs in this iteration had not run out before this … */
	uint64_t held_from_ns; /* … and had run out by then */
	uint64_t shown_ns;     /* of Go: its last record that shows a goroutine */
	uint64_t heard_ns;     /* its last record, but for those that only say that it is still blocked in a write */
	uint64_t acted_ns;     /* the same, but for those that do not show what its loop has come to: of futexes, of waits for a core */
	uint64_t span_start_ns;
	uint64_t applied_until_ns; /* snapshots have given this much of the span already */
	uint32_t applied_voluntary, applied_involuntary;
	uint64_t applied_stolen_ns;
	uint64_t owed_stolen_ns; /* stolen time whose core time had been given, and told, before it was known */
	uint64_t stint_from_ns;  /* it came onto its core then */
	uint64_t miscounted_ns;  /* what was counted as time on a core, and taken back since */
	uint64_t stint_ns;       /* on a core, which one is told when it leaves */
	uint64_t boundary_ns;    /* in the present span: where the free stretch begins that nobody owns yet; 0: there is none */
	/* Since the last change of owner: given to the context when the owner changes. */
	struct interval pending[PENDING_MAX];
	uint32_t pending_count;
	uint32_t pending_voluntary, pending_involuntary;
	struct handout handouts[HANDOUTS_MAX]; /* the longest since it came onto its core: stolen.c */
	uint32_t handout_count;
	uint32_t via_call;    /* the number of the call whose answer brought the thread to its context; 0: none */
	uint8_t via_doubt;    /* enum doubt: that call's */
	uint64_t via_conn_id; /* its connection's; 0: the thread has come to its context in another way */
	/* The wait for a core that ended the last idle stretch of a loop: it delayed all that this iteration reads. */
	uint64_t wake_from_ns, wake_until_ns;
	uint8_t wake_part;
	uint64_t last_server_conn_id; /* of which it has read a request; 0: of none */
	bool answers;                 /* it has answered one */
	bool touched_socket;
	uint64_t given_conn_id, wakes_conn_id; /* rule 9, of a worker thread: by which eventfds it is given work, and wakes its loop … */
	struct context *holds;                 /* … and what it has taken, and not handed back. NULL: nothing that is known */
	struct handed_back *handed_back;       /* rule 9, of a loop: what its worker threads have handed back; NULL: nothing ever */
	uint64_t took_ns;                      /* rule 8: it has read a request just now, and done nothing since; 0: it has not */
	uint64_t last_read_conn_id;            /* the callback that runs now is of what was read there */
	struct interval message_wait; /* rule 9: of the message from another process by which it came to its context; no length: by none */
	struct moved *moved;          /* by its last read or write on a connection that several requests use at once; NULL: never */
	struct turns *turns;          /* of a loop: those for whom answers have come together, whose turn is to come; NULL: never any */
	struct line *lines[LINES];    /* rule 12, of a loop that calls back at once; NULL: nobody has waited */
	struct context *aside;        /* what it did for nobody known before it fell asleep in a futex, if that may go on; NULL: nothing */
	uint64_t aside_from_ns;       /* it has slept since, but for when it was woken in vain */
	uint64_t held_until_ns;       /* rule 10: up to here it is known who made it wait in futexes */
	struct continuations *continuations; /* rule 11, of loop threads; NULL: it runs strands that nobody tells of, or no memory */
	struct history_entry *history;       /* HISTORY_MAX entries, of loop threads */
	uint32_t history_next;
};

struct engine {
	struct engine_sink sink;
	struct engine_losses losses;
	struct foresight foresight;
	struct idmap procs, threads, conns;
	struct proc **procs_in_order;
	size_t proc_count, proc_capacity;
	struct core_use core_use;
	struct process ended; /* the sum of those that are not told on their own any more */
	uint64_t ended_count;
	struct context *open_requests, **open_requests_end; /* oldest first */
	struct context *withheld, *withheld_last;           /* by next_open, oldest first; the last one of none is of no use */
	uint32_t withheld_count;
	struct open_stream *streams;
	struct context *free_contexts;
	struct stray *strays;
	size_t stray_count, stray_capacity;
	uint32_t context_count;
	char *peer_names[PEERS_MAX];
	uint32_t peer_count;
	uint64_t now_ns;
	uint64_t conns_swept_ns;
	uint64_t culprit_searches;
	struct futexes *shared_futexes; /* rule 10: as a process's own */
	uint32_t strand_count;          /* of all processes */
	uint64_t strands_swept_ns;
};

/* ---- streams.c ---- */

/* CPU that was used for a stream, open or not. */
void stream_charge(struct context *context, struct proc *proc, uint64_t cpu_ns);
/* Tells of all streams on which something has happened. */
void streams_tell(struct engine *engine);
/* No stream on the connection: nothing happens. */
void stream_end(struct engine *engine, struct conn *conn, uint64_t end_ns);
/* It has ended before now, with what was seen of it last. */
void stream_end_unseen(struct engine *engine, struct conn *conn);
/* The trace ends, and they do not. */
void streams_finish(struct engine *engine);

/* ---- withheld.c ---- */

/* Takes over the engine's reference. False: it may be told at once. */
bool withheld_take(struct engine *engine, struct context *request);
/* Tells those that wait for nothing any more. */
void withheld_tell_due(struct engine *engine);
void withheld_tell_of(struct engine *engine, const struct proc *proc);
void withheld_tell_all(struct engine *engine);

/* ---- proc.c ---- */

struct proc *proc_of(struct engine *engine, uint32_t tgid);
struct proc *proc_get(struct proc *proc);
/* NULL is fine. */
void proc_put(struct proc *proc);
/* Sums up the oldest ended processes that nothing refers to, when there are many. */
void procs_sweep(struct engine *engine);
void proc_count_open_requests(struct proc *proc, int change, uint64_t now_ns);
/* All that happened before now_ns has been told: what is open was open until then. A record behind that may still say otherwise. */
void procs_count_open_requests(struct engine *engine, uint64_t now_ns);
/* What is told of it, but for the sum of its CPU. */
void proc_describe(const struct proc *proc, struct process *told);
struct thread *thread_of(struct engine *engine, uint32_t tid);
struct thread *thread_add(struct engine *engine, uint32_t tid, uint32_t tgid, uint64_t start_ns, bool born);
/* Nothing is known of what it did until then: its account could not be made, and was made only now. */
void thread_begins_late(struct thread *thread, uint64_t at_ns);
/* If it was counted as a loop it is no more: it ends, or shows to run strands. */
void thread_uncount_loop(struct thread *thread);
void thread_remove(struct engine *engine, struct thread *thread);
void thread_forget_history(struct engine *engine, struct thread *thread);
/* It executes another program: whether that is a loop, and of which kind, is learnt anew. */
void thread_begins_program(struct engine *engine, struct thread *thread);
/* The thread works for `context` from here on; its pending time goes to the one before. Takes its own reference. */
void thread_switch(struct engine *engine, struct thread *thread, struct context *context, bool soft);
/* The thread has worked for `context` since the owner changed last: its pending time goes to that. Takes its own reference. */
void thread_take_over(struct engine *engine, struct thread *thread, struct context *context);
/* Gives the pending time to the thread's context now. */
void thread_commit(struct engine *engine, struct thread *thread);
void thread_pend(struct engine *engine, struct thread *thread, struct interval interval);
/* CPU that is not given to its context yet: what it has computed since it acted, or came to that. */
uint64_t thread_computed_ns(const struct thread *thread);
/* CPU of its present segment, given to that or pending. */
uint64_t thread_segment_cpu_ns(const struct thread *thread, const struct context *segment);
/* Is that a piece of work of its own? */
static inline bool thread_has_worked(const struct thread *thread, const struct context *segment)
{
	return thread_segment_cpu_ns(thread, segment) >= WORK_MIN_NS;
}

/* Does it work for somebody: an open request, or a segment that touched a socket? */
bool thread_is_active(const struct thread *thread);
/* Has it done something of its own after a response, that nobody else will name if it turns to a new request now? Never so in a loop. */
bool thread_worked_after_response(const struct thread *thread);

/* Which goroutines it runs, or virtual threads, must be guessed. */
static inline bool thread_runs_untold_goroutines(const struct thread *thread)
{
	return (thread->proc->told.runtime == RUNTIME_GO || thread->hides_strands) && !thread->carrier;
}

/* It may turn to others while somebody waits there, and no hook tells of that. */
static inline bool thread_turns_untold(const struct thread *thread)
{
	return (thread->loop || thread->hides_strands) && !thread->carrier;
}

/* They are Go's, and no virtual threads. */
static inline bool thread_runs_untold_go(const struct thread *thread)
{
	return thread->proc->told.runtime == RUNTIME_GO && !thread->carrier;
}

static inline bool proc_runs_untold_goroutines(const struct proc *proc)
{
	return proc->told.runtime == RUNTIME_GO || proc->hides_strands;
}

/* Other threads take its loop's events, too, and no hook tells whose tasks they run. */
static inline bool thread_shares_events(const struct thread *thread)
{
	return thread->continuations && thread->continuations->shared && !thread->carrier;
}

/* Its hook tells of tasks and callbacks of event loops: who runs has waited for the loop, not for a core. */
static inline bool proc_has_tasks(const struct proc *proc)
{
	return proc->told.runtime == RUNTIME_PYTHON;
}

/* Its hook does not tell which strand wakes which. */
static inline bool proc_hides_wakeups(const struct proc *proc)
{
	return proc->told.runtime == RUNTIME_JVM;
}

/* ---- conn.c ---- */

struct conn *conn_of(struct engine *engine, uint64_t id);
void conn_describe(struct engine *engine, const struct record_conn *record, const char *path, size_t path_len);
/* Tells the requests that are answered, oldest first, up to the first that is not. */
void conn_tell_answered(struct engine *engine, struct conn *conn, bool ended);
void conn_ended(struct engine *engine, struct conn *conn, uint64_t now_ns);
void conn_remove(struct engine *engine, struct conn *conn);
void conn_push_request(struct conn *conn, struct context *request);
struct call *conn_push_call(struct conn *conn, struct context *context, uint64_t now_ns);
void conn_drop_call(struct engine *engine, struct conn *conn, struct call *call);
/* The call is one of `root`'s in flight from here on, or of nobody's. */
void call_enlist(struct call *call, struct context *root);
void call_delist(struct call *call);
void conns_sweep(struct engine *engine, uint64_t now_ns);

/* ---- span.c ---- */

/* Lays out the time since the thread's previous record, and finds where in it a new owner's time begins (rule 6). */
void span_apply(struct engine *engine, struct thread *thread, const struct event *event, const struct conn *conn);

/* ---- rules.c ---- */

void rules_io(struct engine *engine, struct thread *thread, const struct event *event, struct conn *conn);
/* A connection that was being made is up. */
void rules_connected(struct engine *engine, struct conn *conn, uint64_t now_ns);

/* ---- untold.c ---- */

/* The thread has waited at an epoll fd, as a loop does; but where several threads take turns at several, they run strands. */
void rule_16_waits_at(struct engine *engine, struct thread *thread, const struct record *epoll);
/* It has waited for something. */
void rule_16_has_waited(struct thread *thread);
/* Another program runs there now. */
void rule_16_forget(struct thread *thread);

/* ---- rules_loop.c ---- */

void rule_11_loop_found(struct engine *engine, struct thread *thread, const struct record *epoll);
/* A loop falls asleep in epoll; epoll returns. False: the thread's steps are not told apart here, its soft tail is the caller's to end. */
bool rule_11_sleeps(struct engine *engine, struct thread *thread, uint64_t at_ns);
bool rule_11_round_begins(struct engine *engine, struct thread *thread, uint64_t at_ns);
/* Is the thread a loop that defers, and has not come to this round's reads yet? */
bool rule_11_in_steps(const struct thread *thread);
void rule_11_forget(struct engine *engine, struct thread *thread);

#endif
