/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86-64 code, as far as it takes to find a place for a uprobe: one that the kernel emulates, at a tenth of the price of those that it
 * has to single-step.
 * Called by the readers of single runtimes.
 * Never: guesses. An instruction that it does not know ends the search.
 */
#ifndef IOCPU_RUNTIME_CODE_H
#define IOCPU_RUNTIME_CODE_H

#include <stddef.h>

#include "runtime/image.h"

/* A set of them, by the numbers that instructions use. */
enum code_registers { CODE_RCX = 1 << 1, CODE_RSI = 1 << 6, CODE_RDI = 1 << 7, CODE_R8 = 1 << 8 };

/* How far into a function the search goes: beyond its prologue, and what it loads first. */
#define CODE_SEARCHED_MAX 96

/*
 * The first instruction of a function that the kernel emulates (push, jump, call), if all code before it runs straight on and leaves
 * these registers alone: there they still have what the caller passed in them, at every call. Returns its distance; −ENOENT: there is none.
 */
int code_emulated(struct stretch function, unsigned int arguments);

#endif
