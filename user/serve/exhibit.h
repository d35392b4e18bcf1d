/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The present totals, and the pages made of them: what the tracing thread hands over and the HTTP thread hands out.
 * Called by cli's collector (exhibit_show) and by http.c (all else).
 * Never: lets a reader hold up the tracing thread, or the pages grow in number with the readers.
 */
#ifndef IOCPU_SERVE_EXHIBIT_H
#define IOCPU_SERVE_EXHIBIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "export/metrics.h"

struct exhibit;

/* The text of one snapshot in one form; never changes. */
struct page {
	const char *bytes;
	size_t size;
};

/* NULL: no memory. */
struct exhibit *exhibit_open(void);

/* The snapshot is the exhibit's from now on; the one before is freed when the last who reads it is done. */
void exhibit_show(struct exhibit *exhibit, const struct totals_snapshot *snapshot);

/* When the present snapshot was shown, ns of CLOCK_MONOTONIC; 0: none has been. */
uint64_t exhibit_shown_ns(struct exhibit *exhibit);

/*
 * The metrics of the present snapshot; of one shortly before while too many pages are still being read. Made once for all who ask, by one
 * thread. To be given back with exhibit_put_page. NULL and errno: EAGAIN: nothing has been shown yet; EBUSY: so many pages are still being
 * read that only an old one could be given; ENOMEM.
 */
const struct page *exhibit_page(struct exhibit *exhibit, enum metrics_format format, bool gzip);
void exhibit_put_page(const struct page *page);

/* After the last page was given back. NULL is fine. */
void exhibit_close(struct exhibit *exhibit);

#endif
