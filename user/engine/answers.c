/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An answer that comes out of order repeats something of its question: a number, a stream, a key. Where in each it stands is learnt: of two
 * places, one in questions and one in answers, that always show the same word in exactly one of the questions that wait.
 */
#include "engine/answers.h"

#include <stdlib.h>
#include <string.h>

#define RIGHT_MIN       3
#define RIGHT_PER_WRONG 8
#define LEARNING_MAX    16         /* answers; where still nothing is known, nothing is repeated, and words are the same by chance */
#define COUNTED_MAX     (1u << 20) /* connections live for weeks */
#define ANSWERED_KEPT   16         /* power of two */

/* The kernel's own stamp of a segment, and the time when the hook saw that, differ by far less. */
#define STAMPS_DIFFER_NS 1000000000ull

struct correlation {
	struct score pairs[WIRE_TOKENS_MAX][WIRE_TOKENS_MAX]; /* by place in the question, and in the answer */
	uint32_t learnt_from;                                 /* answers for which several waited, until it is known */
	bool known;
	uint8_t in_question, in_answer; /* if it is: where what names a question stands */
	uint32_t answered[ANSWERED_KEPT];
	uint32_t answered_count;
};

/* ---- what was moved ------------------------------------------------------------------------------------------------------------------ */

void answers_note(struct engine *engine, const struct event *event)
{
	const struct record_messages *record = (const struct record_messages *)event->head;
	struct thread *thread = thread_of(engine, record->head.tid);
	struct moved *moved;

	if (!thread)
		return;
	if (!thread->moved)
		thread->moved = calloc(1, sizeof(*thread->moved));
	moved = thread->moved;
	if (!moved)
		return;
	moved->at_ns = record->head.at_ns;
	moved->conn_id = record->conn_id;
	moved->length = record->length;
	moved->until = record->until;
	moved->op = record->head.op;
	moved->has_arrivals = record->head.flags & RECORD_HAS_ARRIVALS;
	if (moved->has_arrivals)
		memcpy(moved->arrivals, record + 1, sizeof(moved->arrivals));
	moved->message_count = event->note.message_count;
	memcpy(moved->messages, event->note.messages, moved->message_count * sizeof(*moved->messages));
}

const struct moved *answers_moved(const struct thread *thread, const struct event *event)
{
	const struct record *record = event_record(event);
	struct moved *moved = thread->moved;

	if (!moved || moved->at_ns != record->head.at_ns || moved->conn_id != record->conn_id || moved->op != record->head.op)
		return NULL;
	moved->last_ns = record->arrived_ns;
	return moved;
}

/* Sequence numbers go round. */
static int32_t behind(uint32_t end, uint32_t sequence)
{
	return (int32_t)(end - sequence);
}

/* The segment that holds the byte of this number; NULL: not known. All came in order, so if the one before is known, none lies between. */
static const struct arrival *segment_of(const struct moved *moved, uint32_t sequence)
{
	const struct arrival *found = NULL;
	bool any_before = false;

	for (uint32_t i = 0; moved->has_arrivals && i < ARRIVALS_MAX; i++) {
		const struct arrival *arrival = &moved->arrivals[i];

		if (!arrival->end && !arrival->at_ns)
			continue;
		if (behind(arrival->end, sequence) <= 0)
			any_before = true;
		else if (!found || behind(arrival->end, found->end) < 0)
			found = arrival;
	}
	return any_before ? found : NULL;
}

static uint32_t sequence_at(const struct moved *moved, uint32_t offset)
{
	return moved->until - moved->length + offset;
}

/* No segment came after this. An answer may wait to be read for longer than the halves of times reach, 4.3 s. */
static uint64_t all_came_by(const struct moved *moved)
{
	return moved->last_ns && moved->last_ns + STAMPS_DIFFER_NS < moved->at_ns ? moved->last_ns + STAMPS_DIFFER_NS : moved->at_ns;
}

uint64_t answers_arrival(const struct moved *moved, uint32_t offset)
{
	const struct arrival *segment = segment_of(moved, sequence_at(moved, offset));
	uint64_t by_ns = all_came_by(moved);

	return segment ? by_ns - (uint32_t)((uint32_t)by_ns - segment->at_ns) : 0;
}

bool answers_next_segment(const struct moved *moved, uint32_t *offset)
{
	const struct arrival *segment = segment_of(moved, sequence_at(moved, *offset));

	if (!segment || behind(moved->until, segment->end) <= 0)
		return false;
	*offset = segment->end - (moved->until - moved->length);
	return true;
}

/* ---- which call ---------------------------------------------------------------------------------------------------------------------- */

void answers_expect(struct call *call, const struct wire_message *question)
{
	call->token_count = (uint8_t)question->token_count;
	memcpy(call->tokens, question->tokens, question->token_count * sizeof(*question->tokens));
}

bool answers_named(const struct conn *conn)
{
	return conn->correlation && conn->correlation->known;
}

bool answers_is_question(const struct conn *conn, const struct wire_message *message)
{
	return answers_named(conn) && conn->correlation->in_question < message->token_count;
}

/* How many calls that wait have this word at this place; *call: the oldest of them. */
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

/* How many of them were not seen; *call: the oldest. */
static uint32_t count_unseen(const struct conn *conn, struct call **call)
{
	uint32_t count = 0;

	for (struct call *each = conn->first_call; each; each = each->next)
		if (!each->answered_ns && !each->token_count && !count++)
			*call = each;
	return count;
}

static void choose_pair(struct correlation *correlation)
{
	uint32_t most = RIGHT_MIN - 1;

	for (uint8_t i = 0; i < WIRE_TOKENS_MAX; i++) {
		for (uint8_t j = 0; j < WIRE_TOKENS_MAX; j++) {
			const struct score *score = &correlation->pairs[i][j];

			if (score->right <= most || score->right < score->wrong * RIGHT_PER_WRONG)
				continue;
			most = score->right;
			correlation->known = true;
			correlation->in_question = i;
			correlation->in_answer = j;
		}
	}
}

/* Nothing is known yet: the call is taken that all places point at which point at one alone. NULL: they do not agree, or none does. */
static struct call *learn(struct conn *conn, const struct wire_message *answer)
{
	struct correlation *correlation = conn->correlation;
	struct call *agreed = NULL, *unseen;
	bool all_seen = !count_unseen(conn, &unseen), agree = true, several = conn->waiting_calls > 1;

	for (uint32_t i = 0; i < WIRE_TOKENS_MAX; i++) {
		for (uint32_t j = 0; j < answer->token_count; j++) {
			struct call *call = NULL;
			uint32_t with_it = count_with(conn, i, answer->tokens[j], &call);

			if (several && (with_it || all_seen))
				score_count(&correlation->pairs[i][j], with_it == 1, COUNTED_MAX);
			if (with_it != 1)
				continue;
			agree &= !agreed || agreed == call;
			agreed = call;
		}
	}
	choose_pair(correlation);
	correlation->learnt_from += several && correlation->learnt_from <= LEARNING_MAX;
	if (several)
		return agree ? agreed : NULL;
	return conn->first_call->answered_ns ? NULL : conn->first_call;
}

static bool was_answered(const struct correlation *correlation, uint32_t token)
{
	for (uint32_t i = 0; i < ANSWERED_KEPT && i < correlation->answered_count; i++)
		if (correlation->answered[i] == token)
			return true;
	return false;
}

static void note_found(struct correlation *correlation, uint32_t token)
{
	score_count(&correlation->pairs[correlation->in_question][correlation->in_answer], true, COUNTED_MAX);
	correlation->answered[correlation->answered_count++ % ANSWERED_KEPT] = token;
}

/* It names no question that waits, nor one that was answered just now: oftener than once in a while, and what was learnt is forgotten. */
static void note_missed(struct conn *conn)
{
	struct correlation *correlation = conn->correlation;
	struct score *score = &correlation->pairs[correlation->in_question][correlation->in_answer];

	score_count(score, false, COUNTED_MAX);
	if (score->wrong * RIGHT_PER_WRONG > score->right)
		memset(correlation, 0, sizeof(*correlation));
}

static struct call *find_named(struct conn *conn, const struct wire_message *answer, bool *sure)
{
	struct correlation *correlation = conn->correlation;
	uint32_t token = answer->tokens[correlation->in_answer], unseen;
	struct call *call = NULL;

	if (count_with(conn, correlation->in_question, token, &call)) {
		note_found(correlation, token);
		*sure = true;
		return call;
	}
	if (was_answered(correlation, token))
		return NULL; /* it goes on */
	unseen = count_unseen(conn, &call);
	if (!unseen)
		note_missed(conn);
	*sure = unseen == 1;
	return call;
}

struct call *answers_find(struct conn *conn, const struct wire_message *answer, bool *sure)
{
	struct call *call;

	*sure = false;
	if (!conn->correlation)
		conn->correlation = calloc(1, sizeof(*conn->correlation));
	if (!conn->correlation || !conn->first_call)
		return NULL;
	if (conn->correlation->known)
		return conn->correlation->in_answer < answer->token_count ? find_named(conn, answer, sure) : NULL;
	call = learn(conn, answer);
	*sure = call && conn->correlation->learnt_from <= LEARNING_MAX;
	return call;
}

/* Nobody has said whose it is: it is the oldest call that may be. */
static void doubt_answer(struct call *call)
{
	struct context *root = context_root(call->context);

	call->doubt = DOUBT_MUX;
	if (root)
		root->doubts |= 1u << DOUBT_MUX;
}

uint32_t answers_name(struct conn *conn, const struct moved *moved, bool sure, struct call *calls[WIRE_MESSAGES_MAX])
{
	uint32_t count = 0;
	bool is_sure;

	for (uint32_t i = 0; moved && i < moved->message_count; i++) {
		struct call *call = answers_find(conn, &moved->messages[i], &is_sure);

		if (!call || (sure && !is_sure))
			continue;
		if (!is_sure)
			doubt_answer(call);
		call->answered_ns = moved->at_ns;
		call->arrived_ns = answers_arrival(moved, moved->messages[i].at);
		calls[count++] = call;
	}
	return count;
}
