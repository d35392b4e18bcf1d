/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events as text that people can read and write, one a line: the form of golden tests.
 * Used by tests/golden/run.c and by tests/tools/rec_to_text.c, which makes such text from a recording.
 * Never: loses a field that the engine reads; what is not written is 0.
 *
 *	# a comment
 *	0 thread tid=7 tgid=7 origin=found comm=node
 *	0 conn conn=5 tgid=7 family=inet type=stream role=server local=127.0.0.1:8080 remote=127.0.0.1:40000
 *	9000 io read tid=7 conn=5 result=80 core=2000 arrived=8000 off=1000 on=8000 ready=500 voluntary=1 cause=poll ready_cause=wakeup
 *		protocol=http1 begun=1 line="GET /users/17"
 *
 * (an event is one line; it is broken here to fit). Times are ns relative to a base, so that a recording's are short; lengths are ns.
 * off=… means that there is a window. `line` may come several times; `cut_line` is one whose target went on. Of messages (RECORD_MESSAGES)
 * `arrivals=END@TIME,…` are the segments, of at most 2 s before or after the base; `message=AT:TOKEN,…` may come several times.
 */
#ifndef TESTS_GOLDEN_TEXT_H
#define TESTS_GOLDEN_TEXT_H

#include <stdint.h>
#include <stdio.h>

#include "util/event.h"

/* What a text's time 0 is to the engine: late enough that something may have happened before, as 0 means "unknown" in records. */
#define TEXT_BASE_NS 1000000000000ull

/* An event read from text, and all that it points to. */
struct text_event {
	struct event event;
	_Alignas(8) uint8_t record[RECORD_SIZE_MAX + PAYLOAD_ANSWERS_MAX]; /* with its window and payload, as a ring holds it */
	uint8_t payload[PAYLOAD_ANSWERS_MAX];                              /* until it is known where in the record it belongs */
	size_t payload_len;
	char strings[16384]; /* of the note's lines */
	size_t strings_len;
};

/* Writes one line. base_ns: what is written as time 0. 0 or −EIO. */
int text_write(FILE *out, const struct event *event, uint64_t base_ns);

/* Reads one line, which it changes. 1: an event; 0: the line holds none; −EPROTO: then *why says what is wrong, and where. */
int text_parse(char *line, struct text_event *parsed, const char **why);

/* Opens a file of such lines as a source of events. A line that cannot be read is told on stderr. NULL: errno. */
struct event_source *text_open(const char *path);

#endif
