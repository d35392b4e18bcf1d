/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/format.h"

#define BUFFER_BYTES (256u << 10)
/* A recorder that is killed loses at most this much of its end. */
#define FLUSH_EVERY_NS 1000000000ull

_Static_assert(sizeof(struct frame_header) + FRAME_BODY_MAX <= BUFFER_BYTES, "any frame fits the buffer");

struct recording_writer {
	int fd;
	int error; /* the first −errno; nothing is written after it */
	bool has_payload;
	bool regular;         /* a device or a pipe can be neither cut nor synced */
	uint64_t whole_bytes; /* in the file, up to the last whole frame */
	uint64_t flushed_at_ns;
	size_t used;
	uint8_t buffer[BUFFER_BYTES];
};

/* Writes all, or as much as there is room for: *written says how much. */
static int write_all(int fd, const uint8_t *bytes, size_t size, size_t *written)
{
	for (*written = 0; *written < size;) {
		ssize_t n = write(fd, bytes + *written, size - *written);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		*written += (size_t)n;
	}
	return 0;
}

/* How many of the buffer's first `written` bytes are whole frames. */
static size_t whole_frames(const struct recording_writer *writer, size_t written)
{
	size_t whole = 0;
	struct frame_header frame;

	while (whole + sizeof(frame) <= written) {
		memcpy(&frame, writer->buffer + whole, sizeof(frame));
		if (whole + sizeof(frame) + frame.body_bytes > written)
			break;
		whole += sizeof(frame) + frame.body_bytes;
	}
	return whole;
}

/* The buffer holds whole frames only. When they do not all fit, the file is cut behind the last that does. */
static int flush(struct recording_writer *writer)
{
	size_t written;
	int err = write_all(writer->fd, writer->buffer, writer->used, &written);

	writer->whole_bytes += err ? whole_frames(writer, written) : written;
	writer->used = 0;
	if (!err)
		return 0;
	if (!writer->error)
		writer->error = err;
	if (writer->regular && (ftruncate(writer->fd, (off_t)writer->whole_bytes) || lseek(writer->fd, 0, SEEK_END) < 0))
		return -errno;
	return err;
}

static void put(struct recording_writer *writer, const void *bytes, size_t size)
{
	memcpy(writer->buffer + writer->used, bytes, size);
	writer->used += size;
}

static bool note_is_empty(const struct wire_note *note)
{
	return !note->protocol && !note->begun && !note->line_count && !note->late_line && !note->handshake && !note->stream &&
	       !note->stream_ends && !note->status && !note->message_count;
}

static void put_line(struct recording_writer *writer, const struct wire_line *line)
{
	struct note_line kept = {
		.method_bytes = line->method_len < NOTE_METHOD_MAX ? line->method_len : NOTE_METHOD_MAX,
		.target_bytes = line->target_len < NOTE_TARGET_MAX ? line->target_len : NOTE_TARGET_MAX,
		.cut = line->cut || line->target_len > NOTE_TARGET_MAX,
	};

	put(writer, &kept, sizeof(kept));
	put(writer, line->method, kept.method_bytes);
	put(writer, line->target, kept.target_bytes);
}

static void put_message(struct recording_writer *writer, const struct wire_message *message)
{
	struct note_message kept = {.at = message->at, .token_count = message->token_count};

	put(writer, &kept, sizeof(kept));
	put(writer, message->tokens, kept.token_count * sizeof(*message->tokens));
}

static void put_note(struct recording_writer *writer, const struct wire_note *note)
{
	struct note_header header = {
		.protocol = note->protocol,
		.begun = note->begun,
		.line_count = note->line_count < WIRE_LINES_MAX ? note->line_count : WIRE_LINES_MAX,
		.flags = (uint8_t)((note->late_line ? NOTE_LATE_LINE : 0) | (note->handshake ? NOTE_HANDSHAKE : 0) |
				   (note->stream_ends ? NOTE_STREAM_ENDS : 0)),
		.status = note->status,
		.stream = note->stream,
		.message_count = note->message_count,
	};

	if (note_is_empty(note))
		return;
	put(writer, &header, sizeof(header));
	for (int i = 0; i < header.line_count; i++)
		put_line(writer, &note->lines[i]);
	for (int i = 0; i < header.message_count; i++)
		put_message(writer, &note->messages[i]);
}

/* The record without its payload, unless that was asked for. A connection's "payload" is its path, which says who the peer is: kept. */
static size_t put_record(struct recording_writer *writer, const struct event *event)
{
	size_t fixed = record_fixed_size(event->head->kind, event->head->flags), start = writer->used;
	bool keep = event->payload_len && (writer->has_payload || event->head->kind == RECORD_CONN);

	put(writer, event->head, fixed);
	event_set_payload_len(writer->buffer + start, keep ? event->payload_len : 0);
	if (keep)
		put(writer, event->payload, event->payload_len);
	return writer->used - start;
}

struct recording_writer *recording_create(const char *path, const struct recording_info *info)
{
	struct recording_writer *writer = calloc(1, sizeof(*writer));
	struct file_header header = {
		.magic = RECORDING_MAGIC,
		.version = RECORDING_VERSION,
		.header_bytes = sizeof(header),
		.unix_offset_ns = info->unix_offset_ns,
		.start_ns = info->start_ns,
		.cores = info->cores,
		.flags = info->has_payload ? RECORDING_HAS_PAYLOAD : 0,
		.record_abi = RECORD_ABI,
	};
	struct stat stat;
	size_t written;
	int err;

	if (!writer)
		return NULL;
	memcpy(header.kernel, info->kernel, sizeof(header.kernel));
	memcpy(header.arch, info->arch, sizeof(header.arch));
	memcpy(header.tool_version, info->tool_version, sizeof(header.tool_version));
	writer->has_payload = info->has_payload;
	/* No link at the end: as root, in a directory that others write to, it could lead to any file of the system. */
	writer->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (writer->fd < 0) {
		err = -errno;
		free(writer);
		errno = -err;
		return NULL;
	}
	writer->regular = !fstat(writer->fd, &stat) && S_ISREG(stat.st_mode);
	/* A file that existed keeps its mode when it is opened. Never a device: /dev/full must stay as it is. */
	err = writer->regular && fchmod(writer->fd, 0600) ? -errno : 0;
	if (!err)
		err = write_all(writer->fd, (const uint8_t *)&header, sizeof(header), &written);
	if (err) {
		close(writer->fd);
		free(writer);
		errno = -err;
		return NULL;
	}
	writer->whole_bytes = written;
	return writer;
}

int recording_write(struct recording_writer *writer, const struct event *event)
{
	struct frame_header frame = {.kind = FRAME_EVENT};
	size_t start;
	bool due;

	if (writer->error)
		return writer->error;
	if (sizeof(frame) + FRAME_BODY_MAX > BUFFER_BYTES - writer->used && flush(writer))
		return writer->error;
	start = writer->used;
	writer->used += sizeof(frame);
	frame.record_bytes = (uint16_t)put_record(writer, event);
	put_note(writer, &event->note);
	frame.body_bytes = (uint32_t)(writer->used - start - sizeof(frame));
	memcpy(writer->buffer + start, &frame, sizeof(frame));

	due = event->head->kind == RECORD_TICK && event->head->at_ns - writer->flushed_at_ns >= FLUSH_EVERY_NS;
	if (due) {
		writer->flushed_at_ns = event->head->at_ns;
		flush(writer);
	}
	return writer->error;
}

static void put_trailer(struct recording_writer *writer, const struct recording_trailer *trailer)
{
	uint32_t loss_count = trailer->loss_count < RECORDING_LOSSES_MAX ? trailer->loss_count : RECORDING_LOSSES_MAX;
	struct trailer_header header = {
		.end_ns = trailer->end_ns,
		.tool_kernel_ns = trailer->tool_kernel_ns,
		.tool_user_cpu_ns = trailer->tool_user_cpu_ns,
		.loss_count = loss_count,
	};
	struct frame_header frame = {
		.kind = FRAME_TRAILER,
		.body_bytes = (uint32_t)(sizeof(header) + loss_count * sizeof(struct trailer_loss)),
	};

	put(writer, &frame, sizeof(frame));
	put(writer, &header, sizeof(header));
	for (uint32_t i = 0; i < loss_count; i++) {
		struct trailer_loss loss = {.count = trailer->losses[i].count};

		memcpy(loss.name, trailer->losses[i].name, sizeof(loss.name));
		put(writer, &loss, sizeof(loss));
	}
}

int recording_close(struct recording_writer *writer, const struct recording_trailer *trailer)
{
	int err;

	if (!writer->error)
		flush(writer);
	/* Even behind an error: when the disk is full, the cut may have left room for it. */
	if (trailer) {
		put_trailer(writer, trailer);
		flush(writer);
	}
	if (writer->regular && fsync(writer->fd) && !writer->error)
		writer->error = -errno;
	if (close(writer->fd) && !writer->error)
		writer->error = -errno;
	err = writer->error;
	free(writer);
	return err;
}
