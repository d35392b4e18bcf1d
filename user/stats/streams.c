/* SPDX-License-Identifier: BSD-2-Clause */
#include "stats/streams.h"

int stream_sums_open(struct stream_sums *sums, const struct request *opener)
{
	uint64_t opening_ns = opener->end_ns - opener->start_ns;
	int err = histogram_reserve(&sums->opening, opening_ns);

	if (err)
		return err;
	histogram_add(&sums->opening, opening_ns);
	sums->kind = opener->opens;
	sums->open++;
	sums->opened++;
	return 0;
}

/* One that was opened before we looked, or whose opening no memory was left for, may end all the same. */
static void close_some(struct stream_sums *sums, uint64_t count)
{
	sums->open -= count < sums->open ? count : sums->open;
	sums->ended += count;
}

int stream_sums_add(struct stream_sums *sums, const struct stream *stream)
{
	int err = stream->ended ? histogram_reserve(&sums->lasted, stream->lasted_ns) : 0;

	if (err)
		return err;
	sums->kind = stream->kind;
	sums->reads += stream->reads;
	sums->writes += stream->writes;
	sums->read_bytes += stream->read_bytes;
	sums->written_bytes += stream->written_bytes;
	sums->cpu_ns += stream->cpu_ns;
	if (stream->ended) {
		histogram_add(&sums->lasted, stream->lasted_ns);
		close_some(sums, 1);
	}
	return 0;
}

int stream_sums_merge(struct stream_sums *into, const struct stream_sums *from)
{
	int err = histogram_reserve_merge(&into->opening, &from->opening);

	if (!err)
		err = histogram_reserve_merge(&into->lasted, &from->lasted);
	if (err)
		return err;
	histogram_merge(&into->opening, &from->opening);
	histogram_merge(&into->lasted, &from->lasted);
	into->kind = from->kind ? from->kind : into->kind;
	into->open += from->opened;
	into->opened += from->opened;
	close_some(into, from->ended);
	into->reads += from->reads;
	into->writes += from->writes;
	into->read_bytes += from->read_bytes;
	into->written_bytes += from->written_bytes;
	into->cpu_ns += from->cpu_ns;
	return 0;
}

bool stream_sums_any(const struct stream_sums *sums)
{
	return sums->open || sums->opened || sums->ended || sums->reads || sums->writes || sums->cpu_ns;
}

void stream_sums_clear(struct stream_sums *sums)
{
	struct stream_sums kept = {.kind = sums->kind, .open = sums->open, .opening = sums->opening, .lasted = sums->lasted};

	histogram_clear(&kept.opening);
	histogram_clear(&kept.lasted);
	*sums = kept;
}

void stream_sums_fini(struct stream_sums *sums)
{
	histogram_fini(&sums->opening);
	histogram_fini(&sums->lasted);
}
