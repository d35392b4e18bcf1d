/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an event loop has read and not run yet, in the order in which it will run, and who waits for something within the process.
 * Used by rule 11 (rules_loop*.c, rules_ahead*.c, rules_collect.c, loops.c, queue_before.c); chains.c, doubts.c and line.c ask what a loop
 * does. Never: looks at a record, or gives time to anybody.
 *
 * A round is what lies between two epoll returns: first the steps that earlier rounds made ready, in that order, then this round's reads.
 */
#ifndef IOCPU_ENGINE_CONTINUATIONS_H
#define IOCPU_ENGINE_CONTINUATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/votes.h"

#define CONTINUATIONS_MAX 1024 /* the oldest are forgotten: their work is then found by the response alone */
#define NOBODY_MAX        16   /* what came of older ones has been answered, as a rule */
#define SHOWN_MAX         64   /* of longer ago it only says less */
#define AWAY_MAX          64   /* within the time that is looked ahead */
#define HOPS_MAX          4    /* rounds between a read and what waits for it; more are not looked for */

struct engine;
struct thread;
struct context;

enum side { SIDE_SERVER, SIDE_DOWNSTREAM, SIDES };

/* How a read came to find something. */
enum found {
	FOUND_UNKNOWN,   /* nothing, or it is not known */
	FOUND_FIRST_TRY, /* since something was read or written there */
	FOUND_LATER_TRY, /* after one that had found nothing */
	FOUND_KINDS
};

enum turn {
	TURN_TO_COME, /* it was read for, and has not run since */
	TURN_IN_LINE, /* it ran, and made no call: it waits for something within the process, as a connection of a pool */
	TURN_WOKEN,   /* it stood first in line when a connection was given back; of what several threads deliver: it was overtaken */
	TURN_TAKEN,   /* of what several threads deliver: a step was taken for its */
	TURN_OVER,    /* it ran, and waits for nothing: it goes with the next that are dropped as dead */
};

struct continuation {
	struct context *context;
	uint64_t conn_id; /* that was read, or given back; 0: several ask on it at once */
	uint64_t read_at_ns;
	uint64_t other_ns;     /* of what several threads deliver: it may have been queued then as well; 0: it was not */
	uint64_t taken_ns;     /* TURN_TAKEN: that step was taken then … */
	uint64_t taken_by_ns;  /* … or by then: nothing tells which */
	struct context *taker; /* … and is this one; NULL: it is not known */
	uint64_t round;        /* in which it was read, or woken */
	uint64_t ran_round;    /* in line: since when */
	uint64_t order;        /* of those that are due the lowest runs first */
	uint64_t place;        /* in line: the lowest is woken first */
	uint8_t side;          /* enum side: of what was read */
	bool first_try;        /* that found it */
	bool overtaken;        /* of what several threads deliver: it ran, and who was taken for another one then */
	uint8_t turn;          /* enum turn */
};

/*
 * The thread took what had been queued at queued_ns, or already at early_ns, between these moments: it may have been taken off its core in
 * between.
 */
struct shown {
	uint64_t from_ns, until_ns, queued_ns, early_ns;
};

/* The thread was taken off its core. */
struct away {
	uint64_t off_ns, on_ns;
	uint64_t acted_ns;  /* its last call before that, or epoll return */
	uint64_t stolen_ns; /* of what it had run before, as the kernel found then: by an interrupt that took it off, as a rule */
	bool reads_next;    /* the first call behind it is a read */
};

/* What a step goes on with was queued behind after_ns and before before_ns. */
struct bounds {
	uint64_t after_ns, before_ns;
};

struct queue_before;

struct continuations {
	struct thread *thread;
	struct continuations *next_sharing; /* those of threads that wait at the same epoll fd, in a ring; itself if there are none */
	uint64_t since_ns;                  /* the first epoll return */
	struct shown shown[SHOWN_MAX];      /* shared: what the thread showed last, the oldest at shown_count % SHOWN_MAX */
	uint32_t shown_count;
	struct away away[AWAY_MAX]; /* … also in spans that are still to come, as far as that is foreseen */
	uint32_t away_count;
	uint64_t will_act_ns;             /* … its last call, or epoll return */
	uint64_t wrote_conn_id;           /* shared: by the last step; 0: it did not write */
	struct bounds nobody[NOBODY_MAX]; /* shared: where a step was seen for which nobody was queued */
	uint32_t nobody_count;
	uint64_t crowded_ns;   /* shared: so many were queued that their order says little; 0: never */
	uint64_t swept_ns;     /* shared: what was nobody's for long was looked for then */
	uint64_t round;        /* epoll returns so far */
	uint64_t slept_round;  /* the last one that began after the loop had slept: all that was ready before had run */
	uint64_t unseen_round; /* the last one in which more answers may have been read than one; 0: none */
	uint64_t returned_ns;  /* the last epoll return: of loops that read ahead */
	uint64_t missed_ns;    /* … what was read at the first try by then seemed to run at once, and may be queued still; 0: not so */
	uint64_t next_order;
	uint64_t unknown_answered_ns; /* the last response to a request from before the trace, or answer to nobody known; 0: none */
	struct queue_before *before;  /* who may stand in front since before the trace; NULL: nobody */
	uint64_t parent_round;        /* the last one in which a call seemed to be of a task that an earlier step had made */
	int32_t epoll_fd;
	bool shared;            /* with other threads: each works at once */
	bool has_workers;       /* threads that it gives work to: what comes rounds later came back from one. It calls back at once */
	bool answered_unknown;  /* what was asked before the trace, and nobody came to wait since */
	bool wants_foresight;   /* a rule looks ahead for it */
	bool reading;           /* this round's steps are over */
	bool sleeps;            /* since the last return */
	bool reads_for_several; /* one of its reads has brought answers to several requests */
	bool wrote;             /* since the last read of this round */
	bool sending;           /* of one that collects: what this round's reads brought has run */
	uint32_t reads;         /* of this round */
	uint64_t last_read_order;
	uint32_t votes[SIDES][HOPS_MAX];
	uint32_t acted_on[SIDES][2]; /* of reads behind which it reads on in the same round: nothing was done in between; something was */
	uint32_t ran_behind;         /* callbacks, each behind another one that had computed and acted in the same round */
	bool has_acted;              /* it has computed since it read last, and asked or answered then */
	bool has_shown;              /* … for so long that that was a callback's work */
	enum side last_side;         /* of what it read last; SIDES: of neither */
	bool event_read;             /* … in this round, and that was an eventfd: a thread of its process has woken it */
	uint32_t sent[2];            /* in rounds of several reads: later, at once */
	uint8_t found;               /* enum found: how what was read last came, if it has neither read nor called since */
	uint64_t found_at_ns;        /* … and when */
	uint32_t acted[FOUND_KINDS][2]; /* on such a read: not at once, at once */
	/* Before it has slept: what else may show that it reads ahead. */
	bool has_read;             /* in this round, and done nothing since */
	bool has_read_on;          /* … it has read again then */
	bool has_stepped;          /* … and computed, and called, behind that */
	bool seems_ahead;          /* … and read on once more */
	bool began_unseen;         /* that it reads ahead was known once before it had slept: what had seemed to be whose is forgotten */
	bool tried_written;        /* it has tried to read on a connection that it was seen to write */
	uint32_t read_on[2];       /* of what it read: it computed, or called next; it read on */
	struct score line;         /* of responses: did they bear out who had been taken for the first in line? */
	struct score given_back;   /* of connections that seemed to be: they were asked on again, or ended */
	struct context *published; /* in this round: what ran up to a write on a stream, of a step that nobody has shown yet. NULL: none */
	uint32_t count;
	struct continuation waiting[CONTINUATIONS_MAX]; /* in no order */
};

/* Has the loop shown how many rounds later what waits for an answer runs? */
bool continuations_know_answers(const struct continuations *loop);
/* Does what waits for a read run in a later round? Until the loop has shown it: yes. */
bool continuations_defer(const struct continuations *loop);
/* Has it shown that it does? One that hands all work to other threads never shows anything. */
bool continuations_known_to_defer(const struct continuations *loop);
/* Does it send what was written only after all that was read has been worked for? */
bool continuations_collect(const struct continuations *loop);
/* Does it put off what a round's reads bring, on either side, until it has read them all? continuations_hops says for which. */
bool continuations_put_off(const struct continuations *loop);
/* Is anybody's turn still to come of whom that was so? */
bool continuations_anybody_put_off(const struct continuations *loop);
/* It reads on; has it acted, or computed, since it read last? */
void continuations_note_read_on(struct continuations *loop, bool acted);
/* at_once: it wrote, and then went on reading, or answered what it had read last; otherwise it answered something before that. */
void continuations_vote_on_sending(struct continuations *loop, bool at_once);
bool continuations_sending_known(const struct continuations *loop);
/* Is what it finds at the first try to read delivered later, but at once what it finds after an event? */
bool continuations_ahead(const struct continuations *loop);
/* It reads, and has computed since it did so last (acted), or not. found: it finds something. */
void continuations_read_on(struct continuations *loop, bool acted, bool found);
/* It has computed, and calls. */
void continuations_step(struct continuations *loop);
/* at_once: it has called now, or computed, right after what it read last. */
void continuations_judge_last_read(struct continuations *loop, bool at_once);
/* What waited for this read has run now: so many rounds later it is. */
void continuations_vote(struct continuations *loop, const struct continuation *waiting);
/* The same, of what was read so many rounds ago. */
void continuations_vote_rounds(struct continuations *loop, enum side side, uint64_t hops);
/* So many rounds later it is, as far as is known; and has anything told of it? */
unsigned int continuations_hops(const struct continuations *loop, enum side side);
bool continuations_hops_told(const struct continuations *loop, enum side side);
bool continuation_is_due(const struct continuations *loop, const struct continuation *waiting);
/* Is its answer read, and its step to come, so that the connection may be given back by that? */
bool continuation_may_give_back(const struct continuation *waiting);
/* Was it read on this connection to a downstream? */
static inline bool continuation_is_answer_on(const struct continuation *waiting, uint64_t conn_id)
{
	return waiting->side == SIDE_DOWNSTREAM && waiting->conn_id == conn_id;
}

/* The request that it belongs to, as far as is known. NULL: nobody's yet. */
struct context *continuation_request(const struct continuation *waiting);

/* Something was read at read_at_ns, what waits for it will run in its turn. Takes a reference of its own to the context. */
void continuations_push(struct engine *engine, struct continuations *loop, struct continuation read);
/* The request, which is not in the list, is to come as when it was read; that was not in this round. Not if the list is full. */
void continuations_push_again(struct continuations *loop, struct context *request);
/* The last one takes the place in memory of the one that is dropped. */
void continuations_drop(struct engine *engine, struct continuations *loop, struct continuation *waiting);
void continuations_drop_of(struct engine *engine, struct continuations *loop, const struct context *request);
/* Those whose request or turn is over; and nobody was woken for a connection that has ended. */
void continuations_drop_dead(struct engine *engine, struct continuations *loop);
/* The loop falls asleep: that it does not do before all that is ready has run. */
void continuations_sleep(struct continuations *loop);
void continuations_next_round(struct engine *engine, struct continuations *loop);
/* NULL: nothing is published any more. */
void continuations_publish(struct engine *engine, struct continuations *loop, struct context *step);

typedef bool continuation_test(const struct continuations *loop, const struct continuation *waiting, const void *argument);

/* Of those that pass the test, which is given the argument, who runs first. NULL: none does. */
struct continuation *continuations_first(struct continuations *loop, continuation_test *test, const void *argument);
struct continuation *continuations_first_due(struct continuations *loop);
/* Who is woken first of those that stand at `place` or behind it. NULL: nobody. */
struct continuation *continuations_first_in_line(struct continuations *loop, uint64_t place);
/* NULL: none. Of a request's several the one that is due is found first. */
struct continuation *continuations_find_of(struct continuations *loop, const struct context *request);

/* How many stand in line, for something within the process, as far as is known: their steps have made no call. */
unsigned int continuations_count_in_line(const struct continuations *loop);
/* It has run, and made no call. If an answer had brought it its turn, the answer's connection may have been given back by that. */
void continuations_stand_in_line(struct engine *engine, struct continuations *loop, struct continuation *waiting);
/* The step `by` has given a connection back: who stands first in line runs a round later, after all that stood before `by`. */
void continuations_wake(struct engine *engine, struct continuations *loop, const struct continuation *by);
/* `segment` is due as who is woken by that. */
void continuations_push_woken(struct engine *engine, struct continuations *loop, const struct continuation *by, struct context *segment);
/* Was who stood first in line for a connection the one who got it? */
void continuations_vote_on_line(struct continuations *loop, bool right);
bool continuations_trust_line(const struct continuations *loop);
/* A connection that was answered on is asked on again, or it has ended. */
void continuations_vote_on_giving_back(struct engine *engine, struct continuations *loop, bool asked_again);
/* Do steps give connections back, as far as is known, so that somebody may wait for one? */
bool continuations_give_back(const struct continuations *loop);
/* It stands first in line. */
void continuations_wait_again(struct engine *engine, struct continuations *loop, struct context *request);

#endif
