/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arithmetic with the downstream calls of struct request.
 * Used by the engine, which sums up those to one address, and by the totals, where several addresses may be one peer.
 * Never: which call is whose; that is the engine's to say.
 */
#ifndef IOCPU_UTIL_CALLS_H
#define IOCPU_UTIL_CALLS_H

#include "util/request.h"

/*
 * The part of the call's net_ns behind *until_ns, which moves to the call's end. Of calls in the order of their start, beginning with 0,
 * these parts sum to the time with any of them in flight.
 */
uint64_t call_net_beyond(const struct request_call *call, uint64_t *until_ns);

#endif
