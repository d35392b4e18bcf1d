/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/answers.h"

#include <stdlib.h>
#include <string.h>

#include "engine/moment.h"

/*
 * What a read brings behind the segment that it begins in came at most so much later; and what was joined with that, at most as much sooner
 * as is left of the 4.3 s which halves of times reach.
 */
#define READ_REACHES_NS 3000000000ull

/* A segment that nobody saw come, but to be there within so short a time, has come then: a loop's turn takes as long. */
#define ARRIVAL_KNOWN_NS 1000000u

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
	moved->arrival_count = (uint8_t)record_arrival_count(RECORD_MESSAGES, record->head.flags);
	memcpy(moved->arrivals, record + 1, moved->arrival_count * sizeof(*moved->arrivals));
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

/* The lower halves of times. */
struct segment {
	uint32_t end;
	uint32_t since_ns, by_ns; /* it came between; the same if it was seen to come */
};

/* Of the same end. */
static void widen(struct segment *segment, const struct arrival *arrival)
{
	if (behind(arrival->at_ns, segment->since_ns) < 0)
		segment->since_ns = arrival->at_ns;
	if (behind(arrival->at_ns, segment->by_ns) > 0)
		segment->by_ns = arrival->at_ns;
}

/*
 * The segment that holds the byte of this number; false: not known. All came in order, so if the one before is known, none lies between;
 * if not, that byte may have come long before.
 */
static bool find_segment(const struct moved *moved, uint32_t sequence, struct segment *segment)
{
	bool any_before = false, found = false;

	for (uint32_t i = 0; i < moved->arrival_count; i++) {
		const struct arrival *arrival = &moved->arrivals[i];

		if (!arrival->end && !arrival->at_ns)
			continue;
		if (behind(arrival->end, sequence) <= 0) {
			any_before = true;
			continue;
		}
		if (!found || behind(arrival->end, segment->end) < 0)
			*segment = (struct segment){arrival->end, arrival->at_ns, arrival->at_ns};
		else if (arrival->end == segment->end)
			widen(segment, arrival);
		found = true;
	}
	if (found && !any_before)
		segment->since_ns = segment->by_ns - ARRIVAL_SPAN_MAX_NS;
	return found;
}

static uint32_t sequence_at(const struct moved *moved, uint32_t offset)
{
	return moved->until - moved->length + offset;
}

/* No segment came after this. An answer may wait to be read for longer than the halves of times reach. */
static uint64_t all_came_by(const struct moved *moved)
{
	return moved->last_ns && moved->last_ns + READ_REACHES_NS < moved->at_ns ? moved->last_ns + READ_REACHES_NS : moved->at_ns;
}

/*
 * A read has the stamp of the segment that it begins in, or of the last one that was joined with that: what it begins with had come by
 * then, and if nothing else was read with it, that is when.
 */
static void narrow(const struct moved *moved, bool alone, struct came *came)
{
	if (!moved->last_ns || came->at_ns || moved->last_ns < came->not_before_ns || moved->last_ns > came->by_ns)
		return;
	came->by_ns = moved->last_ns;
	if (alone)
		came->at_ns = moved->last_ns;
}

struct came answers_came(const struct moved *moved, uint32_t offset)
{
	uint64_t last_by_ns = all_came_by(moved);
	struct came came = {0};
	struct segment segment;
	uint32_t span_ns;

	if (!find_segment(moved, sequence_at(moved, offset), &segment))
		return came;
	came.by_ns = last_by_ns - ((uint32_t)last_by_ns - segment.by_ns);
	span_ns = segment.by_ns - segment.since_ns;
	if (span_ns <= ARRIVAL_KNOWN_NS)
		came.at_ns = came.by_ns;
	if (span_ns < ARRIVAL_SPAN_MAX_NS)
		came.not_before_ns = came.by_ns - span_ns;
	if (!offset)
		narrow(moved, !answers_next(moved, &offset), &came);
	return came;
}

void answers_tell(struct moment *read, struct came came, bool first)
{
	read->arrived_later = false;
	read->came_by_ns = 0;
	if (came.at_ns && came.at_ns <= read->at_ns) {
		read->arrived_ns = came.at_ns;
		read->arrival_known = true;
	} else if (came.not_before_ns && came.not_before_ns <= read->at_ns) {
		read->arrived_ns = came.not_before_ns;
		read->arrival_known = false;
		read->arrived_later = true;
		read->came_by_ns = came.by_ns;
	} else {
		read->arrived_later = !first;
		if (came.by_ns && came.by_ns < read->arrived_ns)
			read->arrived_ns = came.by_ns;
	}
}

bool answers_next(const struct moved *moved, uint32_t *offset)
{
	struct segment segment;
	uint32_t next;

	if (!find_segment(moved, sequence_at(moved, *offset), &segment))
		return false;
	next = segment.end - sequence_at(moved, 0);
	if (segment.since_ns != segment.by_ns && (!moved->message_count || next > PAYLOAD_ANSWERS_MAX))
		return false;
	for (uint32_t i = 0; segment.since_ns != segment.by_ns && i < moved->message_count; i++)
		if (moved->messages[i].at > *offset && moved->messages[i].at < next)
			next = moved->messages[i].at;
	*offset = next;
	return next < moved->length;
}

/* ---- which call ---------------------------------------------------------------------------------------------------------------------- */

/* Nobody has said whose it is: it is the oldest call that may be. */
static void doubt_answer(struct call *call)
{
	struct context *root = context_root(call->context);

	call->doubt = DOUBT_MUX;
	if (root)
		root->doubts |= 1u << DOUBT_MUX;
}

/* Words of one question alone say so, but may do by chance. */
static bool is_sure(enum named_by found)
{
	return found == NAMED_SURELY || found == NAMED_ALONE;
}

/* To whom an answer is nobody knows: those whose questions were not seen may have it, and lack it then. */
static void doubt_unseen(const struct conn *conn)
{
	for (const struct call *call = conn->first_call; call; call = call->next) {
		struct context *root = context_root(call->context), *hint = root ? context_root(root->hint) : NULL;

		if (call->token_count || call->answered_ns || !root)
			continue;
		root->ambiguous = true;
		if (hint && !root->is_request)
			hint->ambiguous = true;
	}
}

void answers_name(struct engine *engine, struct conn *conn, const struct moved *moved, bool sure, struct named *named)
{
	uint32_t at = 0;

	*named = (struct named){0};
	if (!moved)
		return;
	for (uint32_t i = 0; i < moved->message_count; i++) {
		struct call *call;
		enum named_by found = names_find(engine, conn, &moved->messages[i], !sure, &call);
		bool earlier = found == NAMED_EARLIER, guessed = found == NAMED_NOBODY && !names_known(conn);

		named->earlier |= earlier;
		named->guessed |= guessed;
		if (earlier || guessed) {
			named->calls[named->count++] = NULL;
			named->unknown++;
			if (!sure) /* else who is let go on tells */
				doubt_unseen(conn);
		}
		if (!call || (sure && !is_sure(found)))
			continue;
		if (found == NAMED_UNSEEN)
			doubt_answer(call);
		else if (found == NAMED_GUESSED)
			call->doubt = DOUBT_MUX;
		call->answered_ns = moved->at_ns;
		at = moved->messages[i].at;
		call->came = answers_came(moved, at);
		named->calls[named->count++] = call;
	}
	if (names_known(conn) && named->count == 1 && named->calls[0] && !at) /* what else there was is the rest of it */
		narrow(moved, true, &named->calls[0]->came);
}
