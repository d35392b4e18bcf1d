/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/recording.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/format.h"

struct recording_reader {
	struct event_source source; /* first: a source is a reader */
	FILE *file;
	int ended; /* 1: at the end; −errno: damaged; both stay */
	bool has_trailer;
	struct recording_trailer trailer;
	_Alignas(8) uint8_t body[FRAME_BODY_MAX];
};

/* 1: read; 0: the end, exactly before them; −EPROTO: the file ends within them. */
static int read_bytes(struct recording_reader *reader, void *bytes, size_t size)
{
	size_t n = fread(bytes, 1, size, reader->file);

	if (n == size)
		return 1;
	if (ferror(reader->file))
		return -EIO;
	return n ? -EPROTO : 0;
}

/*
 * What readers take for granted of a record, and what a damaged or forged file may break: indexes in range, strings that end.
 * Times and sums are not looked at; no sum of a forged file is right anyway.
 */
static bool record_is_sound(const struct event *event)
{
	const struct record_head *head = event->head;
	const struct record_conn *conn = (const struct record_conn *)head;
	const struct record_thread *thread = (const struct record_thread *)head;
	const struct record_process *process = (const struct record_process *)head;

	if (event->window && (event->window->cause >= WAIT_CAUSES || event->window->ready_cause >= READY_CAUSES))
		return false;
	switch (head->kind) {
	case RECORD_IO:
		return head->op && head->op < IO_OPS;
	case RECORD_MESSAGES:
		return head->op == IO_READ || head->op == IO_WRITE;
	case RECORD_FUTEX:
		return head->op && head->op < FUTEX_OPS && event_record(event)->result >= 0;
	case RECORD_STRAND:
		return head->op && head->op < STRAND_OPS && event_record(event)->result >= 0 &&
		       (head->op == STRAND_MADE || event_record(event)->result < WAIT_CAUSES);
	case RECORD_CONN:
		return conn->conn_id && conn->family && conn->family <= CONN_TIMERFD && conn->role && conn->role <= CONN_PAIR &&
		       conn->type <= CONN_DATAGRAM && head->payload_len <= UNIX_PATH_MAX;
	case RECORD_THREAD:
		return thread->origin && thread->origin <= THREAD_EXECED && memchr(thread->comm, 0, COMM_MAX);
	case RECORD_PROCESS:
		return process->runtime < RUNTIMES && memchr(process->comm, 0, COMM_MAX);
	default:
		return true;
	}
}

static bool is_printable(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] < 0x20 || bytes[i] > 0x7e)
			return false;
	return true;
}

/* Reads one line of a note from [*at, end); moves *at behind it. */
static int read_line(struct wire_line *line, const uint8_t **at, const uint8_t *end)
{
	struct note_line kept;

	if ((size_t)(end - *at) < sizeof(kept))
		return -EPROTO;
	memcpy(&kept, *at, sizeof(kept));
	*at += sizeof(kept);
	if ((size_t)(end - *at) < (size_t)kept.method_bytes + kept.target_bytes ||
	    !is_printable(*at, (size_t)kept.method_bytes + kept.target_bytes))
		return -EPROTO;
	line->method = (const char *)*at;
	line->method_len = kept.method_bytes;
	line->target = (const char *)*at + kept.method_bytes;
	line->target_len = kept.target_bytes;
	line->cut = kept.cut != 0;
	*at += (size_t)kept.method_bytes + kept.target_bytes;
	return 0;
}

/* The same of a message. */
static int read_message(struct wire_message *message, const uint8_t **at, const uint8_t *end)
{
	struct note_message kept;

	if ((size_t)(end - *at) < sizeof(kept))
		return -EPROTO;
	memcpy(&kept, *at, sizeof(kept));
	*at += sizeof(kept);
	if (kept.token_count > WIRE_TOKENS_MAX || (size_t)(end - *at) < kept.token_count * sizeof(*message->tokens))
		return -EPROTO;
	message->at = kept.at;
	message->token_count = kept.token_count;
	memcpy(message->tokens, *at, kept.token_count * sizeof(*message->tokens));
	*at += kept.token_count * sizeof(*message->tokens);
	return 0;
}

static int read_note(struct wire_note *note, const uint8_t *at, const uint8_t *end)
{
	struct note_header header;

	if (at == end)
		return 0;
	if ((size_t)(end - at) < sizeof(header))
		return -EPROTO;
	memcpy(&header, at, sizeof(header));
	at += sizeof(header);
	if (header.line_count > WIRE_LINES_MAX || header.message_count > WIRE_MESSAGES_MAX || header.protocol > WIRE_TLS ||
	    header.stream >= WIRE_STREAMS)
		return -EPROTO;
	note->protocol = header.protocol;
	note->begun = header.begun;
	note->line_count = header.line_count;
	note->late_line = header.flags & NOTE_LATE_LINE;
	note->handshake = header.flags & NOTE_HANDSHAKE;
	note->stream_ends = header.flags & NOTE_STREAM_ENDS;
	note->status = header.status;
	note->stream = header.stream ? header.stream : header.flags & NOTE_UPGRADED && header.status ? WIRE_UPGRADED : WIRE_NO_STREAM;
	for (int i = 0; i < header.line_count; i++)
		if (read_line(&note->lines[i], &at, end))
			return -EPROTO;
	note->message_count = header.message_count;
	for (int i = 0; i < header.message_count; i++)
		if (read_message(&note->messages[i], &at, end))
			return -EPROTO;
	return at == end ? 0 : -EPROTO;
}

static int read_event(struct recording_reader *reader, const struct frame_header *frame, struct event *event)
{
	const uint8_t *body = reader->body;

	if (frame->record_bytes > frame->body_bytes || event_decode(event, body, frame->record_bytes))
		return -EPROTO;
	if (record_fixed_size(event->head->kind, event->head->flags) + event->payload_len != frame->record_bytes)
		return -EPROTO;
	if (!record_is_sound(event))
		return -EPROTO;
	return read_note(&event->note, body + frame->record_bytes, body + frame->body_bytes);
}

static int read_trailer(struct recording_reader *reader, const struct frame_header *frame)
{
	struct recording_trailer *trailer = &reader->trailer;
	struct trailer_header header;
	struct trailer_loss loss;

	if (frame->body_bytes < sizeof(header))
		return -EPROTO;
	memcpy(&header, reader->body, sizeof(header));
	if (header.loss_count > RECORDING_LOSSES_MAX || frame->body_bytes != sizeof(header) + header.loss_count * sizeof(loss))
		return -EPROTO;
	trailer->end_ns = header.end_ns;
	trailer->tool_kernel_ns = header.tool_kernel_ns;
	trailer->tool_user_cpu_ns = header.tool_user_cpu_ns;
	trailer->loss_count = header.loss_count;
	for (uint32_t i = 0; i < header.loss_count; i++) {
		memcpy(&loss, reader->body + sizeof(header) + i * sizeof(loss), sizeof(loss));
		if (!memchr(loss.name, 0, sizeof(loss.name)) || !is_printable((const uint8_t *)loss.name, strlen(loss.name)))
			return -EPROTO;
		memcpy(trailer->losses[i].name, loss.name, sizeof(loss.name));
		trailer->losses[i].count = loss.count;
	}
	reader->has_trailer = true;
	return 0;
}

/* 1: an event; 0: the end; −errno. */
static int read_frame(struct recording_reader *reader, struct event *event)
{
	struct frame_header frame;
	int got = read_bytes(reader, &frame, sizeof(frame));

	if (got <= 0)
		return got;
	if (frame.body_bytes > sizeof(reader->body))
		return -EPROTO;
	got = read_bytes(reader, reader->body, frame.body_bytes);
	if (got <= 0)
		return got ? got : -EPROTO;
	if (frame.kind == FRAME_TRAILER)
		return read_trailer(reader, &frame);
	if (frame.kind != FRAME_EVENT)
		return -EPROTO;
	got = read_event(reader, &frame, event);
	return got ? got : 1;
}

static int recording_next(struct event_source *source, struct event *event)
{
	struct recording_reader *reader = (struct recording_reader *)source;
	int got;

	if (reader->ended)
		return reader->ended < 0 ? reader->ended : 0;
	got = read_frame(reader, event);
	if (got <= 0)
		reader->ended = got ? got : 1;
	return got;
}

static void recording_reader_close(struct event_source *source)
{
	struct recording_reader *reader = (struct recording_reader *)source;

	fclose(reader->file);
	free(reader);
}

static int read_header(struct recording_reader *reader, struct recording_info *info)
{
	struct file_header header;
	int got = read_bytes(reader, &header, sizeof(header));

	/* The version stands in front of all that may change with it. */
	if (got == -EIO)
		return errno == EISDIR ? -EISDIR : -EIO;
	if (got != 1 || memcmp(header.magic, RECORDING_MAGIC, sizeof(header.magic)))
		return -EPROTO;
	if (header.version > RECORDING_VERSION || header.record_abi > RECORD_ABI)
		return -EPROTONOSUPPORT;
	if (!header.version || header.header_bytes != sizeof(header))
		return -EPROTO;
	memset(info, 0, sizeof(*info));
	info->version = header.version;
	info->unix_offset_ns = header.unix_offset_ns;
	info->start_ns = header.start_ns;
	info->cores = header.cores;
	info->has_payload = header.flags & RECORDING_HAS_PAYLOAD;
	memcpy(info->kernel, header.kernel, sizeof(info->kernel) - 1);
	memcpy(info->arch, header.arch, sizeof(info->arch) - 1);
	memcpy(info->tool_version, header.tool_version, sizeof(info->tool_version) - 1);
	return 0;
}

struct event_source *recording_open(const char *path, struct recording_info *info)
{
	struct recording_reader *reader = calloc(1, sizeof(*reader));
	int err;

	if (!reader)
		return NULL;
	reader->source.next = recording_next;
	reader->source.close = recording_reader_close;
	reader->file = fopen(path, "re");
	err = reader->file ? read_header(reader, info) : -errno;
	if (!err)
		return &reader->source;
	if (reader->file)
		fclose(reader->file);
	free(reader);
	errno = -err;
	return NULL;
}

bool recording_trailer(const struct event_source *source, struct recording_trailer *trailer)
{
	const struct recording_reader *reader = (const struct recording_reader *)source;

	if (reader->has_trailer)
		*trailer = reader->trailer;
	return reader->has_trailer;
}
