/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ends an output step: pushes it out and tells whether all of it got there.
 * Used by every view and export as its last line.
 * Never: closes the stream.
 */
#ifndef IOCPU_UTIL_FLUSH_H
#define IOCPU_UTIL_FLUSH_H

#include <stdio.h>

/* 0, or the −errno of the flush; −EIO when an earlier write failed and only the stream's error mark is left of it. */
int flush_stream(FILE *out);

#endif
