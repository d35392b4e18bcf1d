/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/event.h"

#include <errno.h>

static const size_t body_size_by_kind[RECORD_KINDS] = {
	[RECORD_IO] = sizeof(struct record),
	[RECORD_EPOLL] = sizeof(struct record),
	[RECORD_WINDOW] = sizeof(struct record),
	[RECORD_THREAD_EXIT] = sizeof(struct record),
	[RECORD_SNAPSHOT] = sizeof(struct record),
	[RECORD_THREAD] = sizeof(struct record_thread),
	[RECORD_CONN] = sizeof(struct record_conn),
	[RECORD_CONN_STATE] = sizeof(struct record_conn_state),
	[RECORD_PROCESS] = sizeof(struct record_process),
	[RECORD_TICK] = sizeof(struct record_head),
	[RECORD_STRAND] = sizeof(struct record),
	[RECORD_FUTEX] = sizeof(struct record),
	[RECORD_MESSAGES] = sizeof(struct record_messages),
};

uint32_t record_arrival_count(uint8_t kind, uint8_t flags)
{
	if (kind != RECORD_MESSAGES)
		return 0;
	return flags & RECORD_ALL_ARRIVALS    ? ARRIVALS_MAX
	       : flags & RECORD_SOME_ARRIVALS ? ARRIVALS_SOME
	       : flags & RECORD_FEW_ARRIVALS  ? ARRIVALS_FEW
					      : 0;
}

size_t record_fixed_size(uint8_t kind, uint8_t flags)
{
	size_t size = kind < RECORD_KINDS ? body_size_by_kind[kind] : 0;

	if (size && record_kind_has_span(kind) && (flags & RECORD_HAS_WINDOW))
		size += sizeof(struct window);
	return size + record_arrival_count(kind, flags) * sizeof(struct arrival);
}

/* The record's first `size` bytes are there. */
static size_t payload_len_of(const struct record_head *head, size_t size)
{
	if (head->kind == RECORD_MESSAGES)
		return size < sizeof(struct record_messages) ? 0 : ((const struct record_messages *)head)->prefix_len;
	return head->payload_len;
}

void event_set_payload_len(void *record, size_t len)
{
	uint16_t prefix_len = (uint16_t)len;
	struct record_head head;

	memcpy(&head, record, sizeof(head));
	if (head.kind == RECORD_MESSAGES)
		memcpy((uint8_t *)record + offsetof(struct record_messages, prefix_len), &prefix_len, sizeof(prefix_len));
	else
		((uint8_t *)record)[offsetof(struct record_head, payload_len)] = (uint8_t)len;
}

int event_decode(struct event *event, const void *bytes, size_t size)
{
	const struct record_head *head = bytes;
	size_t fixed, payload_len;

	event->head = NULL;
	event->window = NULL;
	event->payload = NULL;
	event->payload_len = 0;
	wire_note_clear(&event->note);
	if (size < sizeof(*head))
		return -EPROTO;
	fixed = record_fixed_size(head->kind, head->flags);
	payload_len = payload_len_of(head, size);
	if (!fixed || size < fixed + payload_len)
		return -EPROTO;
	event->head = head;
	if (record_kind_has_span(head->kind) && (head->flags & RECORD_HAS_WINDOW))
		event->window = (const struct window *)((const uint8_t *)bytes + sizeof(struct record));
	if (payload_len) {
		event->payload = (const uint8_t *)bytes + fixed;
		event->payload_len = payload_len;
	}
	return 0;
}
