/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 12: those who stand in a loop's line are found to wait for something else, or together with those of other threads. */
#include "engine/chains.h"
#include "engine/line.h"
#include "engine/line_places.h"

void rule_12_workers_found(struct engine *engine, struct thread *thread)
{
	struct line *line = thread->lines[LINE_ANY];

	for (; line && line->first < line->end; line_drop_first(engine, line)) {
		struct place place = *place_at(line, line->first);

		if (still_waits(line, line->first) && line_of(thread, LINE_WORKERS))
			line_stand_in(engine, thread->lines[LINE_WORKERS], place.context, place.since_ns);
	}
}

void rule_12_events_shared(struct engine *engine, struct thread *thread)
{
	struct line *line = thread->lines[LINE_ANY];

	while (line && line->first < line->end) {
		struct place place = *place_at(line, line->first);
		bool waits = still_waits(line, line->first);

		context_get(place.context);
		line_drop_first(engine, line);
		if (waits)
			chains_wait(engine, thread, place.context, place.since_ns);
		context_put(engine, place.context);
	}
	for (; line && line->first_handed < line->end_handed; line_drop_first_handed(engine, line))
		if (is_unnamed(line, line->first_handed))
			chains_begun(engine, thread, *handed_at(line, line->first_handed));
}
