/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/answers.h"

#include <stdlib.h>
#include <string.h>

/* The kernel's own stamp of a segment, and the time when the hook saw that, differ by far less. */
#define STAMPS_DIFFER_NS 1000000000ull

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

/* The segment that holds the byte of this number; NULL: not known. All came in order, so if the one before is known, none lies between. */
static const struct arrival *segment_of(const struct moved *moved, uint32_t sequence)
{
	const struct arrival *found = NULL;
	bool any_before = false;

	for (uint32_t i = 0; i < moved->arrival_count; i++) {
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
	*named = (struct named){0};
	for (uint32_t i = 0; moved && i < moved->message_count; i++) {
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
		call->arrived_ns = answers_arrival(moved, moved->messages[i].at);
		named->calls[named->count++] = call;
	}
}
