/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What people are told about each language runtime.
 * Called by doctor and for --hooks.
 * Never: decides anything; that is the engine's.
 */
#ifndef IOCPU_CLI_RUNTIMES_H
#define IOCPU_CLI_RUNTIMES_H

#include <stdint.h>

#include "record.h"

/* How far requests are told apart in such a program, by the kernel's evidence alone. */
const char *runtime_note(uint8_t runtime);

#endif
