/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Takes back CPU that turns out to have been stolen, whoever has been given it meanwhile. Called by span.c, when a thread has left its
 * core; by proc.c and context.c, which say who is given what. Never: takes what ran before the thread came onto that core, nor what has
 * been told already.
 */
#ifndef IOCPU_ENGINE_STOLEN_H
#define IOCPU_ENGINE_STOLEN_H

#include "engine/model.h"

/* The thread came onto its core; 0: it ends. What it ran before is not looked at any more. */
void stolen_stint_begins(struct thread *thread, uint64_t at_ns);

/* The context, which is a root, or NULL, is given this CPU of the thread's. */
void stolen_note_handout(struct thread *thread, struct context *root, const struct interval *cpu);

/* A context ends; `to` has its time now. NULL: nobody has. */
void stolen_move_handouts(struct context *from, struct context *to);

/*
 * So much was stolen of what the thread has run in this stint: stretches of it that are longer than longer_than_ns become READY, the
 * longest first, for whoever has been given them. Returns how much was found, at most stolen_ns.
 */
uint64_t stolen_take_back(struct engine *engine, struct thread *thread, uint64_t stolen_ns, uint64_t longer_than_ns);

#endif
