/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/foresight.h"

#include <stdlib.h>
#include <string.h>

#include "engine/model.h"

#define HELD_MAX 65536 /* of more the first is due, however little time has passed: they take memory */

struct held {
	struct held *next;
	uint64_t at_ns;
	size_t fixed, payload_len;
	bool has_window, has_payload;
	uint64_t bytes[]; /* record, payload, note: of that only as many lines and messages as it has; what the lines point to */
};

/* The thread's loop knows when it will have been taken off its core, and behind what. */
static void note_away(struct engine *engine, const struct event *event)
{
	const struct thread *thread = thread_of(engine, event->head->tid);
	struct continuations *loop = thread ? thread->continuations : NULL;
	const struct window *window = event->window;
	bool calls = event->head->kind == RECORD_IO;
	uint64_t epoll_at_ns = window ? event_record(event)->epoll_at_ns : 0;

	if (!loop)
		return;
	if (window && epoll_at_ns && epoll_at_ns < window->off_at_ns)
		loop->will_act_ns = epoll_at_ns;
	if (window && window->cause == WAIT_RUNNABLE)
		loop->away[loop->away_count++ % AWAY_MAX] = (struct away){
			.off_ns = window->off_at_ns,
			.on_ns = window->on_at_ns,
			.acted_ns = loop->will_act_ns,
			.stolen_ns = window->stolen_ns,
			.reads_next = calls && event->head->op == IO_READ,
		};
	if (calls)
		loop->will_act_ns = event->head->at_ns;
	else if (epoll_at_ns)
		loop->will_act_ns = epoll_at_ns;
}

static size_t size_of_lines(const struct wire_note *note)
{
	size_t size = 0;

	for (uint8_t i = 0; i < note->line_count; i++)
		size += (size_t)note->lines[i].method_len + note->lines[i].target_len;
	return size;
}

/* Its lines and messages behind what all notes have. */
static size_t size_of_note(const struct wire_note *note)
{
	return offsetof(struct wire_note, lines) + note->line_count * sizeof(note->lines[0]) +
	       note->message_count * sizeof(note->messages[0]);
}

static uint8_t *put(uint8_t *to, const void *from, size_t size)
{
	if (size)
		memcpy(to, from, size);
	return to + size;
}

static const char *put_text(uint8_t **to, const char *text, size_t len)
{
	uint8_t *copy = *to;

	*to = put(copy, text, len);
	return (const char *)copy;
}

static void pack_note(uint8_t *to, const struct wire_note *note)
{
	uint8_t *text = to + size_of_note(note);

	to = put(to, note, offsetof(struct wire_note, lines));
	for (uint8_t i = 0; i < note->line_count; i++) {
		struct wire_line line = note->lines[i];

		line.method = put_text(&text, line.method, line.method_len);
		line.target = put_text(&text, line.target, line.target_len);
		to = put(to, &line, sizeof(line));
	}
	put(to, note->messages, note->message_count * sizeof(note->messages[0]));
}

static void unpack_note(struct wire_note *note, const uint8_t *from)
{
	memcpy(note, from, offsetof(struct wire_note, lines));
	from += offsetof(struct wire_note, lines);
	memcpy(note->lines, from, note->line_count * sizeof(note->lines[0]));
	from += note->line_count * sizeof(note->lines[0]);
	memcpy(note->messages, from, note->message_count * sizeof(note->messages[0]));
}

static struct held *copy_of(const struct event *event)
{
	size_t fixed = record_fixed_size(event->head->kind, event->head->flags);
	struct held *held = malloc(sizeof(*held) + fixed + event->payload_len + size_of_note(&event->note) + size_of_lines(&event->note));
	uint8_t *to;

	if (!held)
		return NULL;
	*held = (struct held){.at_ns = event->head->at_ns,
			      .fixed = fixed,
			      .payload_len = event->payload_len,
			      .has_window = event->window,
			      .has_payload = event->payload};
	to = put((uint8_t *)held->bytes, event->head, fixed);
	to = put(to, event->payload, event->payload_len);
	pack_note(to, &event->note);
	return held;
}

static void unpack(struct event *event, const struct held *held)
{
	const uint8_t *bytes = (const uint8_t *)held->bytes;

	event->head = (const struct record_head *)bytes;
	event->window = held->has_window ? (const struct window *)(bytes + sizeof(struct record)) : NULL;
	event->payload = held->has_payload ? bytes + held->fixed : NULL;
	event->payload_len = held->payload_len;
	unpack_note(&event->note, bytes + held->fixed + held->payload_len);
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
	foresight->held_count++;
	note_away(engine, event);
	return true;
}

/* The times of a damaged recording may be any: none keeps the others for ever. */
static bool is_due(const struct foresight *foresight)
{
	uint64_t first_ns = foresight->first->at_ns, last_ns = foresight->last->at_ns;

	return last_ns < first_ns || last_ns - first_ns >= FORESIGHT_NS || foresight->held_count > HELD_MAX;
}

const struct event *foresight_due(struct foresight *foresight, bool all)
{
	if (!foresight->first || !(all || !foresight->wanted_by || is_due(foresight)))
		return NULL;
	unpack(&foresight->due, foresight->first);
	return &foresight->due;
}

void foresight_drop(struct foresight *foresight)
{
	struct held *first = foresight->first;

	foresight->first = first->next;
	if (!foresight->first)
		foresight->last = NULL;
	foresight->held_count--;
	free(first);
}
