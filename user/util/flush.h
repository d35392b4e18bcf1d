/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ends an output step: pushes it out and tells whether all of it got there.
 * Used by every view and export as its last line.
 * Never: closes the stream.
 */
#ifndef IOCPU_UTIL_FLUSH_H
#define IOCPU_UTIL_FLUSH_H

#include <stdio.h>

/*
 * 0, or −errno of the write that failed, this one or an earlier one: the stream keeps only a mark of those, so it is errno as it still
 * stands, or −EIO.
 */
int flush_stream(FILE *out);

#endif
