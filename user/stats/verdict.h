/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names what an endpoint's time is bound by, and the evidence, in words.
 * Used by the snapshot maker, when all other figures of the endpoint are there.
 * Never: a verdict that less than half of the mean wall stands behind.
 */
#ifndef IOCPU_STATS_VERDICT_H
#define IOCPU_STATS_VERDICT_H

#include "stats/snapshot.h"

/* Fills endpoint->verdict and endpoint->verdict_text from the endpoint's other fields. */
void verdict_find(struct snapshot_endpoint *endpoint);

#endif
