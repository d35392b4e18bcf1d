/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Takes back CPU that turns out to have been stolen. Called by span.c, when a thread has left its core.
 * Never: takes what ran before the thread came onto that core, nor what has been told already.
 */
#ifndef IOCPU_ENGINE_STOLEN_H
#define IOCPU_ENGINE_STOLEN_H

#include "engine/model.h"

/*
 * So much was stolen of what the thread has run in this stint, beyond what its present span has of it: the latest of what it was given
 * before becomes READY, for whom it worked last. Returns how much was found, at most stolen_ns.
 */
uint64_t stolen_take_back(struct engine *engine, struct thread *thread, uint64_t stolen_ns);

#endif
