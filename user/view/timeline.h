/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One request as one line: what it was, how long each state took, and a bar in which each letter is a slice of its time.
 * Called by cli's `requests`, for each request as it ends.
 * Never: lets a control character of a name through, adds requests up.
 */
#ifndef IOCPU_VIEW_TIMELINE_H
#define IOCPU_VIEW_TIMELINE_H

#include <stdio.h>

#include "util/request.h"

/*
 * What the letters of the bar mean, to be printed once before the first request: one line, or as many as the width (0: no terminal) takes.
 * 0 or −errno of the write.
 */
int timeline_print_legend(FILE *out, unsigned width);

/*
 * 9f3a61-7 GET /users/:id 200 52.1 ms  cpu 1.1 ready 0.2 net 46.5 (127.0.0.1:5432 ×5)  |CNNNNNNL..C|
 *
 * width: of the terminal, in columns; the bar takes what the words leave of it. 0: no terminal, a bar of fixed length.
 * Flushes. 0, −ENOMEM, or −errno of the write.
 */
int timeline_print(FILE *out, const struct request *request, const char *endpoint, unsigned width);

#endif
