/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An answer that comes out of order repeats something of its question: a number, a stream, a key. Where in each it stands is learnt: of two
 * places, one in questions and one in answers, that always show the same word in exactly one of the questions that wait.
 */
#include "engine/names.h"

#include <stdlib.h>
#include <string.h>

#define RIGHT_MIN         3
#define RIGHT_PER_WRONG   8
#define EARLIER_PER_RIGHT 2          /* of answers to what was asked before the trace: where these are many, chance has more occasions */
#define LEARNING_MAX      16         /* answers; where still nothing is known, nothing is repeated, and words are the same by chance */
#define COMPARED_MAX      512        /* answers; by then names are known even where many had been asked before the trace … */
#define COMPARED_EVERY    16         /* … and since then one in so many is compared, as each costs 64 looks at every call */
#define COUNTED_MAX       (1u << 20) /* connections live for weeks */
#define ANSWERED_KEPT     CALLS_WAITING_MAX /* power of two; an answer may end behind those of all others that waited */
#define GUESSES_MAX       64

/* A place in questions, and one in answers. */
struct pair {
	struct score score; /* how often they showed the same word in exactly one question that waits */
	uint32_t earlier;   /* and in none, as it may have been asked before the trace: no vote */
};

/* Whose an answer seemed to be, while nothing was known. */
struct guess {
	struct context *context;
	uint64_t pairs; /* as bits: which say so */
	bool oldest;    /* its order says so too */
};

struct correlation {
	struct pair pairs[WIRE_TOKENS_MAX][WIRE_TOKENS_MAX]; /* by place in the question, and in the answer */
	uint32_t learnt_from;                                /* answers for which several waited, until it is known; at most COMPARED_MAX */
	uint32_t come_since;                                 /* of such ones, since there are so many */
	uint32_t earlier;                                    /* answers that had no word of any question that waits … */
	uint32_t passed_over;                                /* … and were taken for nobody's, until it is known */
	uint32_t most_waiting;                               /* calls, at once; but those that passed-over answers may have been to */
	bool known;
	bool known_before;              /* and forgotten again, as it was wrong */
	uint8_t in_question, in_answer; /* if it is known: where what names a question stands */
	uint32_t answered[ANSWERED_KEPT];
	uint32_t answered_count;
	struct guess guesses[GUESSES_MAX];
	uint32_t guess_count;
};

void names_expect(struct call *call, const struct wire_message *question)
{
	call->token_count = (uint8_t)question->token_count;
	memcpy(call->tokens, question->tokens, question->token_count * sizeof(*question->tokens));
}

bool names_known(const struct conn *conn)
{
	return conn->correlation && conn->correlation->known;
}

bool names_are_in(const struct conn *conn, const struct wire_message *message)
{
	return names_known(conn) && conn->correlation->in_question < message->token_count;
}

/* ---- the calls that wait ------------------------------------------------------------------------------------------------------------- */

/* How many have this word at this place; *call: the oldest of them. */
static uint32_t count_with(const struct conn *conn, uint32_t place, uint32_t token, struct call **call)
{
	uint32_t count = 0;

	for (struct call *each = conn->first_call; each; each = each->next) {
		if (each->answered_ns || each->token_count <= place || each->tokens[place] != token)
			continue;
		if (!count++)
			*call = each;
	}
	return count;
}

static struct call *oldest_waiting(const struct conn *conn)
{
	struct call *call = conn->first_call;

	while (call && call->answered_ns)
		call = call->next;
	return call;
}

/* How many questions were not seen; *call: the oldest. */
static uint32_t count_unseen(const struct conn *conn, struct call **call)
{
	uint32_t count = 0;

	for (struct call *each = conn->first_call; each; each = each->next)
		if (!each->answered_ns && !each->token_count && !count++)
			*call = each;
	return count;
}

/* ---- guesses ------------------------------------------------------------------------------------------------------------------------- */

static void drop_guess(struct engine *engine, struct correlation *correlation, uint32_t at)
{
	context_put(engine, correlation->guesses[at].context);
	correlation->guesses[at] = correlation->guesses[--correlation->guess_count];
}

/* Who has been told needs no proof any more. */
static void drop_told(struct engine *engine, struct correlation *correlation)
{
	for (uint32_t i = correlation->guess_count; i-- > 0;)
		if (context_root(correlation->guesses[i].context)->closed)
			drop_guess(engine, correlation, i);
}

/* One for which there is no room stays a guess. */
static void note_guess(struct engine *engine, struct conn *conn, const struct call *call, uint64_t pairs)
{
	struct correlation *correlation = conn->correlation;
	struct context *root = context_root(call->context);
	bool oldest = call == oldest_waiting(conn);

	if (!root)
		return;
	if (oldest)
		root->names_in_order++;
	else
		root->names_guessed++;
	if (correlation->guess_count == GUESSES_MAX)
		drop_told(engine, correlation);
	if (correlation->guess_count < GUESSES_MAX)
		correlation->guesses[correlation->guess_count++] = (struct guess){context_get(root), pairs, oldest};
}

/* What names a question is known now: what it says of earlier answers, too, is no guess. */
static void prove_guesses(struct engine *engine, struct correlation *correlation)
{
	uint64_t known = 1ull << (correlation->in_question * WIRE_TOKENS_MAX + correlation->in_answer);

	while (correlation->guess_count) {
		const struct guess *guess = &correlation->guesses[0];
		struct context *root = context_root(guess->context);

		if (guess->pairs & known && guess->oldest)
			root->names_in_order--;
		else if (guess->pairs & known)
			root->names_guessed--;
		drop_guess(engine, correlation, 0);
	}
}

void names_close(struct engine *engine, struct correlation *correlation)
{
	while (correlation && correlation->guess_count)
		drop_guess(engine, correlation, correlation->guess_count - 1);
	free(correlation);
}

/* ---- learning ------------------------------------------------------------------------------------------------------------------------ */

/* So many answers may be to what was asked before the trace: as many as have waited at once since, and some more at the beginning. */
static uint32_t earlier_max(const struct conn *conn)
{
	return conn->connect_seen || conn->correlation->known_before ? 0 : LEARNING_MAX + conn->correlation->most_waiting;
}

/* Each answer that is passed over leaves its call waiting, if it had been to one: that must not make room for more of them. */
static void note_waiting(struct conn *conn)
{
	struct correlation *correlation = conn->correlation;
	uint32_t passed_over = correlation->known ? 0 : correlation->passed_over;

	if (conn->waiting_calls > correlation->most_waiting + passed_over)
		correlation->most_waiting = conn->waiting_calls - passed_over;
}

/* False: it is for what may have been asked before the trace, and no vote. */
static bool count(const struct conn *conn, struct pair *pair, uint32_t with_it)
{
	bool earlier = !with_it && pair->earlier < earlier_max(conn);

	if (earlier)
		pair->earlier++;
	else
		score_count(&pair->score, with_it == 1, COUNTED_MAX);
	return !earlier;
}

static bool is_right(const struct pair *pair)
{
	return pair->score.right >= pair->score.wrong * RIGHT_PER_WRONG;
}

static void choose_pair(struct correlation *correlation)
{
	uint32_t most = 0;

	for (uint8_t i = 0; i < WIRE_TOKENS_MAX; i++) {
		for (uint8_t j = 0; j < WIRE_TOKENS_MAX; j++) {
			const struct pair *pair = &correlation->pairs[i][j];

			if (pair->score.right <= most || pair->score.right < RIGHT_MIN + pair->earlier / EARLIER_PER_RIGHT ||
			    !is_right(pair))
				continue;
			most = pair->score.right;
			correlation->known = true;
			correlation->in_question = i;
			correlation->in_answer = j;
		}
	}
}

/* What an answer and the questions that wait have in common. */
struct common {
	struct call *call; /* that all places point at which point at one alone; NULL: they do not agree, or none does */
	uint64_t pairs;    /* as bits: these do */
	bool agree;
	bool any; /* a word of several, at least */
};

static struct common compare(struct conn *conn, const struct wire_message *answer, bool all_seen)
{
	struct common common = {.agree = true};
	bool several = conn->waiting_calls > 1;

	for (uint32_t i = 0; i < WIRE_TOKENS_MAX; i++) {
		for (uint32_t j = 0; j < answer->token_count; j++) {
			struct call *call = NULL;
			uint32_t with_it = count_with(conn, i, answer->tokens[j], &call);

			if (several && (with_it || all_seen))
				count(conn, &conn->correlation->pairs[i][j], with_it);
			common.any |= with_it != 0;
			if (with_it != 1)
				continue;
			common.pairs |= 1ull << (i * WIRE_TOKENS_MAX + j);
			common.agree &= !common.call || common.call == call;
			common.call = call;
		}
	}
	if (!common.agree)
		common.call = NULL;
	return common;
}

/* Nothing is repeated there, so it was whoever asked first, and not before the trace. One call is left, for this answer. */
static void take_back_earlier(struct engine *engine, struct conn *conn)
{
	struct call *call;

	for (; conn->correlation->passed_over && (call = oldest_waiting(conn)) && call != conn->last_call;
	     conn->correlation->passed_over--) {
		struct context *root = context_root(call->context);

		if (root)
			root->ambiguous = true; /* when its answer came nobody went on with it */
		engine->losses.calls++;
		conn_drop_call(engine, conn, call);
	}
}

/*
 * No question that waits has a word of it. Where it may have been asked before the trace: is it passed over? One that waits alone, where
 * never more have waited, has been answered all the same, as far as is known.
 */
static bool was_asked_earlier(struct engine *engine, struct conn *conn)
{
	struct correlation *correlation = conn->correlation;
	uint32_t max = earlier_max(conn);

	if (correlation->earlier <= max)
		correlation->earlier++;
	if (correlation->earlier > max) {
		take_back_earlier(engine, conn);
		return false;
	}
	correlation->passed_over += correlation->most_waiting > 1;
	return correlation->most_waiting > 1;
}

/* What a server sends unasked, or late, names none of the questions that were seen, either: nothing proves that it is not that. */
static enum named_by guess_unseen(const struct call *call)
{
	struct context *root = context_root(call->context);

	if (root)
		root->names_guessed++;
	return NAMED_GUESSED;
}

static enum named_by guess(struct engine *engine, struct conn *conn, const struct common *common, bool all_seen, struct call **call)
{
	struct correlation *correlation = conn->correlation;
	bool several = conn->waiting_calls > 1;

	if (!common->any && all_seen && was_asked_earlier(engine, conn))
		return NAMED_EARLIER;
	if (several && !common->any && count_unseen(conn, call) == 1)
		return guess_unseen(*call);
	*call = several ? common->call : oldest_waiting(conn);
	if (!*call)
		return NAMED_NOBODY;
	if (!several && (!correlation->earlier || correlation->earlier > earlier_max(conn)))
		return correlation->learnt_from <= LEARNING_MAX ? NAMED_ALONE : NAMED_UNSEEN;
	note_guess(engine, conn, *call, common->pairs);
	return NAMED_GUESSED;
}

/* ---- by name ------------------------------------------------------------------------------------------------------------------------- */

static bool was_answered(const struct correlation *correlation, uint32_t token)
{
	for (uint32_t i = 0; i < ANSWERED_KEPT && i < correlation->answered_count; i++)
		if (correlation->answered[i] == token)
			return true;
	return false;
}

static void forget(struct correlation *correlation)
{
	uint32_t most_waiting = correlation->most_waiting;

	memset(correlation, 0, sizeof(*correlation)); /* known, it has no guesses */
	correlation->most_waiting = most_waiting;
	correlation->known_before = true;
}

/* It names no question that waits, nor one that was answered just now: oftener than once in a while, and what was learnt is forgotten. */
static enum named_by note_missed(struct conn *conn)
{
	struct correlation *correlation = conn->correlation;
	struct pair *pair = &correlation->pairs[correlation->in_question][correlation->in_answer];

	if (!count(conn, pair, 0))
		return NAMED_EARLIER;
	if (!is_right(pair))
		forget(correlation);
	return NAMED_NOBODY;
}

static enum named_by find_named(struct conn *conn, const struct wire_message *answer, bool guesses, struct call **call)
{
	struct correlation *correlation = conn->correlation;
	uint32_t token, unseen;

	if (correlation->in_answer >= answer->token_count)
		return NAMED_NOBODY;
	token = answer->tokens[correlation->in_answer];
	if (count_with(conn, correlation->in_question, token, call)) {
		count(conn, &correlation->pairs[correlation->in_question][correlation->in_answer], 1);
		correlation->answered[correlation->answered_count++ % ANSWERED_KEPT] = token;
		return NAMED_SURELY;
	}
	if (was_answered(correlation, token))
		return NAMED_NOBODY; /* it goes on */
	unseen = count_unseen(conn, call);
	if (!unseen)
		return note_missed(conn);
	return unseen == 1 && guesses ? guess_unseen(*call) : NAMED_UNSEEN;
}

/* Of what has not shown a name for long not all is compared. Counts it. */
static bool is_compared(const struct conn *conn)
{
	struct correlation *correlation = conn->correlation;

	if (conn->waiting_calls <= 1)
		return true;
	if (correlation->learnt_from == COMPARED_MAX)
		return ++correlation->come_since % COMPARED_EVERY == 0;
	correlation->learnt_from++;
	return true;
}

enum named_by names_find(struct engine *engine, struct conn *conn, const struct wire_message *answer, bool guesses, struct call **call)
{
	struct correlation *correlation;
	struct common common;
	struct call *unseen;
	bool all_seen;

	*call = NULL;
	if (!conn->correlation)
		conn->correlation = calloc(1, sizeof(*conn->correlation));
	correlation = conn->correlation;
	if (!correlation || !oldest_waiting(conn))
		return NAMED_NOBODY;
	note_waiting(conn);
	if (correlation->known)
		return find_named(conn, answer, guesses, call);
	if (!is_compared(conn))
		return NAMED_NOBODY;
	all_seen = !count_unseen(conn, &unseen);
	common = compare(conn, answer, all_seen);
	choose_pair(correlation);
	if (correlation->known) {
		prove_guesses(engine, correlation);
		return find_named(conn, answer, guesses, call);
	}
	return guesses ? guess(engine, conn, &common, all_seen, call) : NAMED_NOBODY;
}
