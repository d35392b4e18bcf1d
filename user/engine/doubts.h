/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is guessed of whose call it is, or whose step, and how often that has proved right (rule 13).
 * Used by model.h; the votes are doubts.c's.
 * Never: says whose it is.
 */
#ifndef IOCPU_ENGINE_DOUBTS_H
#define IOCPU_ENGINE_DOUBTS_H

#include <stdint.h>

struct context;

/* Why it may be another request's call, or step. Bits of struct context's `doubts`. */
enum doubt {
	DOUBT_NONE,
	DOUBT_LINE,   /* it was made in the course of work that went on because of its place in a line */
	DOUBT_SELF,   /* the thread worked for this one, but another one may have been given the connection */
	DOUBT_NEXT,   /* … had asked or answered for this one before: another one's callback may have begun since */
	DOUBT_MUX,    /* another call was in flight there: answers may come in another order */
	DOUBT_ORDER,  /* rule 11: in a loop that defers, by the order of the reads */
	DOUBT_TURN,   /* in a loop that calls back at once, by what was read last */
	DOUBT_FREE,   /* as DOUBT_SELF, but nobody is known to wait who could have been given it */
	DOUBT_THREAD, /* a thread works for whom it read for last, but a runtime may have it run several in turns, and tells of none */
	DOUBT_UNREAD, /* in a loop that calls back at once, where callbacks run for which nothing was read */
	DOUBT_LET_GO, /* it waited in what seems a loop, and has gone on unseen: a JVM's other threads let those go on that wait there */
	DOUBTS
};

/* A connection seems to be given on to whoever waits for one: it is written again in the turn of the loop in which it was answered … */
enum given {
	GIVEN_NOT,
	GIVEN_AT_ONCE, /* … in the callback of its answer */
	GIVEN_LATER,   /* … after whoever ran then has asked, or answered */
	GIVEN_IDLE,    /* or after that one is taken that had been idle before */
	GIVEN_NEW,     /* or another one is made, after that */
	GIVEN_MADE,    /* or one is made in the callback of a request that comes to wait behind others */
	GIVEN_WORKER,  /* or a worker thread is free (rule 9) */
	GIVEN_TO_ANY,  /* or, where threads run each other's requests, it was given back on any of them */
	GIVENS
};

/* For what those wait in a loop that stand in line. */
enum line_kind {
	LINE_ANY,     /* a connection, or whatever else there is within the process */
	LINE_WORKERS, /* one of the loop's worker threads: rule 9 */
	LINES
};

/* The request is about to be told: it is ambiguous if what made calls its has often been wrong. */
void doubts_settle(struct context *request);
/* Would a few more responses say whether it is? */
bool doubts_are_undecided(const struct context *request);
/* The responses mostly contradict who seemed to run in which turn of the request's loop, or thread. */
bool doubts_refute_turns(const struct context *request);

#endif
