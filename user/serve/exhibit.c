/* SPDX-License-Identifier: BSD-2-Clause */
#include "serve/exhibit.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "util/clock.h"

/* Pages in memory at once, those that slow readers still hold included. */
#define PAGES_MAX 16
/* By so many snapshots a page may be behind where they are full; an older one would look like a service that stands still. */
#define BEHIND_MAX 15

/* The fastest level that still finds the repeated names; each level above takes twice the time for a tenth of the size. */
#define GZIP_LEVEL 1
/* zlib's way to ask for the largest window, with gzip's header instead of its own. */
#define GZIP_WINDOW (15 + 16)

struct shown {
	const struct totals_snapshot *snapshot;
	uint64_t number; /* of the snapshot, from 1 */
	unsigned readers;
	bool replaced;
};

struct counted_page {
	struct page page; /* first */
	uint64_t number;  /* of its snapshot */
	atomic_uint references;
	atomic_uint *pages;
};

struct exhibit {
	pthread_mutex_t lock; /* held for a few instructions only: the tracing thread takes it */
	struct shown *shown;
	uint64_t shown_ns;
	uint64_t number;
	atomic_uint pages;
	struct counted_page *kept[METRICS_FORMATS][2]; /* the HTTP thread's */
};

struct exhibit *exhibit_open(void)
{
	struct exhibit *exhibit = calloc(1, sizeof(*exhibit));

	if (exhibit)
		pthread_mutex_init(&exhibit->lock, NULL);
	return exhibit;
}

/* ---- snapshots ------------------------------------------------------------------------------------------------------------ */

static void free_shown(struct shown *shown)
{
	totals_snapshot_close(shown->snapshot);
	free(shown);
}

void exhibit_show(struct exhibit *exhibit, const struct totals_snapshot *snapshot)
{
	struct shown *shown = calloc(1, sizeof(*shown)), *before;
	bool unread;

	if (!shown) {
		totals_snapshot_close(snapshot);
		return;
	}
	pthread_mutex_lock(&exhibit->lock);
	*shown = (struct shown){.snapshot = snapshot, .number = ++exhibit->number};
	before = exhibit->shown;
	exhibit->shown = shown;
	exhibit->shown_ns = monotonic_ns();
	unread = before && !before->readers;
	if (before)
		before->replaced = true;
	pthread_mutex_unlock(&exhibit->lock);
	if (unread)
		free_shown(before);
}

uint64_t exhibit_shown_ns(struct exhibit *exhibit)
{
	uint64_t shown_ns;

	pthread_mutex_lock(&exhibit->lock);
	shown_ns = exhibit->shown_ns;
	pthread_mutex_unlock(&exhibit->lock);
	return shown_ns;
}

static struct shown *get_shown(struct exhibit *exhibit)
{
	struct shown *shown;

	pthread_mutex_lock(&exhibit->lock);
	shown = exhibit->shown;
	if (shown)
		shown->readers++;
	pthread_mutex_unlock(&exhibit->lock);
	return shown;
}

static void put_shown(struct exhibit *exhibit, struct shown *shown)
{
	bool last;

	pthread_mutex_lock(&exhibit->lock);
	last = !--shown->readers && shown->replaced;
	pthread_mutex_unlock(&exhibit->lock);
	if (last)
		free_shown(shown);
}

/* ---- pages ---------------------------------------------------------------------------------------------------------------- */

/* Replaces *bytes by what gzip makes of it. 0 or −ENOMEM. */
static int compress_bytes(char **bytes, size_t *size)
{
	z_stream stream = {0};
	char *compressed;
	size_t room;
	int ended;

	if (deflateInit2(&stream, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, MAX_MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	room = deflateBound(&stream, *size);
	compressed = room <= UINT32_MAX && *size <= UINT32_MAX ? malloc(room) : NULL;
	if (!compressed) {
		deflateEnd(&stream);
		return -ENOMEM;
	}
	stream.next_in = (Bytef *)*bytes;
	stream.avail_in = (uInt)*size;
	stream.next_out = (Bytef *)compressed;
	stream.avail_out = (uInt)room;
	ended = deflate(&stream, Z_FINISH);
	*size = stream.total_out;
	deflateEnd(&stream);
	free(*bytes);
	*bytes = compressed;
	return ended == Z_STREAM_END ? 0 : -ENOMEM;
}

static int print_bytes(const struct totals_snapshot *snapshot, enum metrics_format format, char **bytes, size_t *size)
{
	FILE *out = open_memstream(bytes, size);
	int err;

	if (!out)
		return -ENOMEM;
	err = metrics_print(out, snapshot, format);
	if (fclose(out) && !err)
		err = -ENOMEM;
	return err;
}

static struct counted_page *make_page(struct exhibit *exhibit, const struct shown *shown, enum metrics_format format, bool gzip)
{
	struct counted_page *page = calloc(1, sizeof(*page));
	char *bytes = NULL;
	size_t size = 0;

	if (!page)
		return NULL;
	if (print_bytes(shown->snapshot, format, &bytes, &size) || (gzip && compress_bytes(&bytes, &size))) {
		free(bytes);
		free(page);
		return NULL;
	}
	page->page = (struct page){bytes, size};
	page->number = shown->number;
	page->references = 1;
	page->pages = &exhibit->pages;
	exhibit->pages++;
	return page;
}

static void drop_page(struct counted_page *page)
{
	if (!page || --page->references)
		return;
	--*page->pages;
	free((char *)page->page.bytes);
	free(page);
}

void exhibit_put_page(const struct page *page)
{
	drop_page((struct counted_page *)page);
}

const struct page *exhibit_page(struct exhibit *exhibit, enum metrics_format format, bool gzip)
{
	struct counted_page **kept = &exhibit->kept[format][gzip];
	struct shown *shown = get_shown(exhibit);
	uint64_t number;

	if (!shown) {
		errno = EAGAIN;
		return NULL;
	}
	if (!*kept || ((*kept)->number != shown->number && exhibit->pages < PAGES_MAX)) {
		struct counted_page *page = make_page(exhibit, shown, format, gzip);

		if (page) {
			drop_page(*kept);
			*kept = page;
		}
	}
	number = shown->number;
	put_shown(exhibit, shown);
	if (!*kept || (*kept)->number + BEHIND_MAX < number) {
		errno = *kept && exhibit->pages >= PAGES_MAX ? EBUSY : ENOMEM;
		return NULL;
	}
	(*kept)->references++;
	return &(*kept)->page;
}

void exhibit_close(struct exhibit *exhibit)
{
	if (!exhibit)
		return;
	for (int format = 0; format < METRICS_FORMATS; format++)
		for (int gzip = 0; gzip < 2; gzip++)
			drop_page(exhibit->kept[format][gzip]);
	if (exhibit->shown)
		free_shown(exhibit->shown);
	pthread_mutex_destroy(&exhibit->lock);
	free(exhibit);
}
