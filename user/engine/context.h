/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose work something is: a request, or a segment of a thread's work of which nobody has said yet whose it is.
 * Part of the engine's world (model.h), which includes it; of the files of user/engine alone.
 * Never: decides whose work it is; that is what rules are for.
 *
 * References: a context lives while a thread works for it, a call or a queue waits for it, another context hints at it or was bound to it,
 * or it is an open request. Each of these holds one count (context_get, context_put).
 */
#ifndef IOCPU_ENGINE_CONTEXT_H
#define IOCPU_ENGINE_CONTEXT_H

#include "engine/engine.h"
#include "engine/timeline.h"

/* Caps: what lies beyond is counted in struct engine_losses. */
#define CALLS_MAX          1024 /* listed calls of one request */
#define THREADS_LISTED_MAX 16

struct call;
struct conn;
struct handout;
struct hold;
struct open_stream;
struct party;
struct proc;

/* What a segment of a thread's work began with. It names the time before it, and sorts what no request ever claims. */
enum origin {
	ORIGIN_UNKNOWN,  /* attached in the middle of it */
	ORIGIN_START,    /* a new thread */
	ORIGIN_EVENT,    /* an epoll or poll return with events */
	ORIGIN_TIMER,    /* one without, or the end of a sleep */
	ORIGIN_FUTEX,    /* woken from a futex while it worked for nobody */
	ORIGIN_SOCKET,   /* a blocking read or accept while it worked for nobody */
	ORIGIN_HANDOFF,  /* something read from an eventfd or pipe */
	ORIGIN_SOFT,     /* after a response: still that request's, or already the next one's */
	ORIGIN_DETACHED, /* a call that outlived the request that made it */
	ORIGIN_PARK,     /* a goroutine left the thread */
	ORIGIN_MISSED,   /* work for a request that began before the trace */
	ORIGIN_POOL,     /* a call on a connection that another request just gave back */
	ORIGIN_SETUP,    /* a connection's handshake */
	ORIGIN_PUBLISH,  /* messages written on streams, while the thread worked for a request */
	ORIGIN_RUNTIME,  /* what a runtime does on a carrier for no strand */
	ORIGIN_STRAND,   /* a strand goes on of which nobody has said whose work it does */
	ORIGIN_MADE,     /* a new strand's: of whoever made it */
	ORIGIN_WORKER,   /* a worker thread was given it, or the loop while it had it: rule 9 */
	ORIGIN_WOKEN,    /* a strand's that was given something by another one */
	ORIGINS
};

struct done_call {
	uint64_t start_ns;
	uint64_t write_ns;
	uint64_t arrived_ns;
	uint64_t read_ns;
	uint64_t loop_until_ns; /* read by a loop thread that was busy with others until then; 0: not so */
	uint64_t connect_ns;
	uint32_t number; /* which it is of its context's, from 1 */
	uint16_t peer;
};

struct cpu_share {
	struct cpu_share *next;
	struct proc *proc;
	uint64_t before_ns, within_ns, after_ns; /* of the response's end */
};

struct context {
	uint32_t refs;
	bool is_request;
	bool evidence; /* a segment: it touched a socket, so what precedes the next read is not that read's */
	bool ambiguous;
	bool fans_out;    /* rule 11: it called, and called again before it could have been answered */
	uint8_t origin;   /* of a segment: enum origin */
	bool helper_only; /* a segment: of threads that never touched a socket or pipe */
	bool took_back;   /* a segment: what it did before it waited for a connection had been set aside; begun_ns is when that began */
	bool at_worker, came_back; /* rule 9: a worker thread of its loop has it; it came back from one, and has not asked since */
	bool handed_again;         /* rule 12: a segment that has waited and been given a connection since it began */
	bool sets_up;              /* a segment: it accepted a connection, or readied one before its first request */
	bool made_tasks;           /* a segment: in its course tasks were made, which are hinted at it */
	bool tells_late;           /* a worker's soft tail: what it computed for its hint until then its next record will tell */
	struct context *bound_to;
	struct context *hint;    /* whose work this probably is, if no evidence comes */
	struct context *resumes; /* of a segment, in Go: whose goroutine was last seen on the thread; rule 11: the step before it */
	uint64_t queued_ns;      /* rule 11: … and when it was queued that the segment is taken to go on with; 0: it is not */
	bool slept;              /* … which fell asleep since, with nothing else to do */
	bool stray;              /* of a segment: it is among the strays */
	uint64_t handed;         /* rule 12: of a segment that began with a connection that was given on: its number in a struct line */
	uint8_t given;           /* … how: enum given */
	uint8_t went_on;         /* … on a connection that it may have given on so, as that is not followed any more; 0: it did not */
	uint8_t exchanged;       /* … so often has it changed places with others there; of a request, too */
	struct context *instead; /* … and whose work it is if the connection was not given on */
	uint16_t doubts;         /* enum doubt, as bits: of its calls */
	uint32_t names_guessed;  /* so many of its calls were told by words that nothing has proven to be names yet … */
	uint32_t names_in_order; /* … or by these and by their order */
	struct proc *proc; /* of a request: who read it; of a segment: whose CPU it got first. Others have a share, and be it of 0 ns */
	struct timeline timeline;
	struct cpu_share *folded_cpu;
	struct handout *handouts; /* of CPU that was given to it, or to what was bound to it and is gone */
	struct done_call *calls;
	uint32_t call_count, call_capacity, calls_numbered;
	struct call *calls_in_flight; /* of a root: its own, and those of what was bound to it */
	struct hold *holds;           /* rule 10 */
	uint32_t hold_count, hold_capacity;
	struct party *party; /* as which waits in futexes know it; NULL: none do */
	uint32_t voluntary, involuntary;
	uint64_t begun_ns;       /* of a segment */
	uint64_t last_active_ns; /* the end of its latest interval */
	uint32_t threads[THREADS_LISTED_MAX];
	uint32_t thread_count;
	uint64_t suspected_in, suspected_ns; /* the search for a culprit that saw it last, and how long it had held the loop there */

	/* Of a request. */
	struct context *next_open, **prev_open; /* the engine's list of requests not closed yet, or of those withheld */
	struct context *next_on_conn;
	struct conn *conn; /* NULL: it ended */
	uint64_t conn_id;
	uint32_t turn;
	uint8_t stream_kind;             /* enum wire_stream: what it opens, or is */
	struct open_stream *stream;      /* it is a stream, and open */
	uint32_t reader_tid, writer_tid; /* of its first read, its last write */
	uint64_t handler_strand_id;      /* the strand that read it last; 0: none is told */
	bool has_task;                   /* a task was made for it, or has turned to it */
	bool has_turn_in_doubt;          /* it has asked when it seemed its turn among others' */
	uint16_t port;
	char *unix_path;
	char *line; /* method, 0, target, 0 */
	const char *target;
	bool target_cut;
	uint8_t protocol;
	uint16_t status;
	bool answered, aborted;
	bool closed;            /* nothing is given to it any more: what it was is told, or withheld until its order is decided */
	bool ran_long, watched; /* in Go: it may have been taken off its thread; only the byte is read that watches a connection */
	uint64_t start_ns, first_read_ns, first_write_ns, last_write_ns;
	uint64_t last_read_ns;
	uint64_t watched_ns;       /* in Go: its connection's watcher ran then, behind somebody whom no record shows; 0: not so */
	uint64_t left_ns;          /* in Go: it had left its thread by then, unseen, if all that had run there was its; 0: not so */
	uint64_t partial_since_ns; /* its last write found the send buffer full; 0: it did not */
	struct context *culprit;
	uint64_t culprit_ns;
	bool connects;                   /* it has asked for a connection of its own, and not called since */
	bool awaits_call_in;             /* rule 9: it has gone on with what a thread will call in with only now: called_in.c */
	bool unlinked;                   /* rule 12: answered, and what it did between two waits will be known soon: chains_before.c */
	uint64_t line_ticket;            /* rule 12: its place in a struct line; of a segment too; 0: it has none */
	uint64_t in_line_ns;             /* rule 11: since then it waits for something within the process; 0: it does not */
	struct context *guess;           /* rule 11: a segment that is hinted at this one for no better reason than its place in a line */
	struct context *step;            /* rule 11: … than the order of the reads: what it seems to have begun with */
	uint32_t order_contradicted;     /* rule 11: how often the process's order had been when it came */
	uint64_t read_round, read_order; /* rule 11: of its loop, when it was read; 0: that was none yet */
};

/* ---- context.c ---- */

struct context *context_new_segment(struct engine *engine, enum origin origin, struct context *hint, uint64_t now_ns);
/* It has a story of its own (evidence): what it does is the program's work, and not for whatever the thread reads next. NULL is fine. */
void context_note_evidence(struct context *context);
struct context *context_new_request(struct engine *engine, uint64_t start_ns);
/* Who it was found to be: itself, or what it was bound to. NULL for NULL. */
static inline struct context *context_root(struct context *context)
{
	while (context && context->bound_to)
		context = context->bound_to;
	return context;
}
struct context *context_get(struct context *context);
void context_put(struct engine *engine, struct context *context);
/* *slot holds `context` (NULL: none) from now on, with a reference of its own, in place of what it held. */
void context_hold(struct engine *engine, struct context **slot, struct context *context);
/* Gives a segment's time and calls to another context for good. */
void context_bind(struct engine *engine, struct context *segment, struct context *to);
/* The same of what it did from since_ns on; the rest stays its own. */
void context_give_since(struct engine *engine, struct context *segment, struct context *to, uint64_t since_ns);
/* One interval of work or waiting. */
void context_add_interval(struct engine *engine, struct context *context, struct interval interval);
/* The same of a wait that nothing but its state is known of: not for a core, nor for a peer. None if it ends before it begins. */
void context_add_wait(struct engine *engine, struct context *context, uint64_t from_ns, uint64_t until_ns, enum state state);
/* The number that it has there; 0: not listed. */
uint32_t context_add_call(struct engine *engine, struct context *context, const struct done_call *call);
/* Takes the call of that number out of the list, if it began at since_ns or later. False: it is not there, or older. */
bool context_take_call(struct context *context, uint32_t number, uint64_t since_ns, struct done_call *call);
void context_list_thread(struct context *context, uint32_t tid);
/* It counts nobody's CPU any more. */
void context_forget_procs(struct context *context);
/* CPU that no open context takes: to the process's parts, by where it came from. */
void context_charge_unclaimed(struct context *context, struct proc *proc, uint64_t cpu_ns);

static inline bool context_is_segment(const struct context *context)
{
	return context && !context->is_request;
}

static inline bool context_is_open_request(const struct context *context)
{
	return context && context->is_request && !context->answered && !context->closed;
}

/* It works for somebody who is known, or whom a response will name. */
static inline bool context_is_active(const struct context *context)
{
	return context && (context->is_request ? context_is_open_request(context) : context->evidence);
}

/* It has asked a peer, or for a connection of its own, and waits for that. */
static inline bool context_awaits_peer(const struct context *context)
{
	return context->calls_in_flight || context->connects;
}

/* Its time becomes states, and its calls are listed: it is no stream, and not closed yet. */
static inline bool context_keeps_time(const struct context *context)
{
	return !context->closed && !context->stream;
}

/* ---- fold.c ---- */

/* The list of intervals has grown too long: the older half becomes sums. */
void context_fold(struct engine *engine, struct context *context);
/* What was folded of `from` becomes folded in `to`. */
void context_move_folded(struct engine *engine, struct context *from, struct context *to);
/* Takes off the interval what lies in time that is folded already. */
void context_settle_late(struct context *context, struct interval *interval);
/* The same of a call, but for what lies before from_ns, which is known already. */
void context_settle_call(struct context *context, const struct done_call *call, uint64_t from_ns);
/* NET and LOOP of the calls that began before until_ns become intervals. */
void context_lay_calls(struct context *context, uint64_t until_ns);
/* NULL: no memory. */
struct cpu_share *context_share_of(struct context *context, struct proc *proc);

/* ---- finish.c ---- */

/* The request is over: takes it from the open ones and its connection's queue, and tells it. */
void request_tell(struct engine *engine, struct context *request);
/* One that was withheld. */
void request_tell_withheld(struct engine *engine, struct context *request);
/* Its connection ended before its response: it is over, and told when its threads have said what they did for it. */
void request_abort(struct engine *engine, struct context *request, uint64_t now_ns);
/* As it is told: connection and turn. */
void request_write_id(const struct context *request, char id[REQUEST_ID_MAX]);
/* It is over, and lets its connection go; but it is told only when it has been quiet, as a thread has still to say what it did for it. */
void request_hold_back(struct engine *engine, struct context *request);
/* The trace ends before its response: its CPU is counted as requests' CPU, nothing is told. */
void request_drop(struct engine *engine, struct context *request);

#endif
