/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/foresight.h"

#include <stdlib.h>
#include <string.h>

#include "engine/model.h"

struct held {
	struct held *next;
	struct event event; /* of its note only as many lines and messages as it has */
	uint64_t bytes[];   /* what it points to */
};

/* The thread's loop knows when it will have been off its core. */
static void note_away(struct engine *engine, const struct event *event)
{
	const struct thread *thread = event->window ? thread_of(engine, event->head->tid) : NULL;
	struct continuations *loop = thread ? thread->continuations : NULL;

	if (loop)
		loop->away[loop->away_count++ % AWAY_MAX] = (struct away){event->window->off_at_ns, event->window->on_at_ns};
}

static size_t size_of_lines(const struct wire_note *note)
{
	size_t size = 0;

	for (uint8_t i = 0; i < note->line_count; i++)
		size += (size_t)note->lines[i].method_len + note->lines[i].target_len;
	return size;
}

static const char *copy_text(char **to, const char *text, size_t len)
{
	char *copy = *to;

	if (len)
		memcpy(copy, text, len);
	*to += len;
	return copy;
}

static void copy_note(struct wire_note *to, const struct wire_note *note, char *text)
{
	memcpy(to, note, offsetof(struct wire_note, lines));
	memcpy(to->messages, note->messages, note->message_count * sizeof(note->messages[0]));
	for (uint8_t i = 0; i < note->line_count; i++) {
		to->lines[i] = note->lines[i];
		to->lines[i].method = copy_text(&text, note->lines[i].method, note->lines[i].method_len);
		to->lines[i].target = copy_text(&text, note->lines[i].target, note->lines[i].target_len);
	}
}

static struct held *copy_of(const struct event *event)
{
	size_t fixed = record_fixed_size(event->head->kind, event->head->flags);
	struct held *held = malloc(sizeof(*held) + fixed + event->payload_len + size_of_lines(&event->note));
	uint8_t *bytes;

	if (!held)
		return NULL;
	bytes = (uint8_t *)held->bytes;
	memcpy(bytes, event->head, fixed);
	held->next = NULL;
	held->event.head = (const struct record_head *)bytes;
	held->event.window = event->window ? (const struct window *)(bytes + sizeof(struct record)) : NULL;
	held->event.payload = event->payload ? bytes + fixed : NULL;
	held->event.payload_len = event->payload_len;
	if (event->payload)
		memcpy(bytes + fixed, event->payload, event->payload_len);
	copy_note(&held->event.note, &event->note, (char *)bytes + fixed + event->payload_len);
	return held;
}

bool foresight_hold(struct engine *engine, const struct event *event)
{
	struct foresight *foresight = &engine->foresight;
	struct held *held = copy_of(event);

	if (!held)
		return false;
	if (foresight->last)
		foresight->last->next = held;
	else
		foresight->first = held;
	foresight->last = held;
	if (event->head->at_ns > foresight->newest_ns)
		foresight->newest_ns = event->head->at_ns;
	note_away(engine, event);
	return true;
}

const struct event *foresight_due(const struct foresight *foresight, bool all)
{
	const struct held *first = foresight->first;

	return first && (all || first->event.head->at_ns + FORESIGHT_NS <= foresight->newest_ns) ? &first->event : NULL;
}

void foresight_drop(struct foresight *foresight)
{
	struct held *first = foresight->first;

	foresight->first = first->next;
	if (!foresight->first)
		foresight->last = NULL;
	free(first);
}
