/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What language runtimes are called, and what of them a hook can ask.
 * Used by views, exports and cli.
 * Never: decides anything; that is the engine's.
 */
#ifndef IOCPU_UTIL_RUNTIME_H
#define IOCPU_UTIL_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#include "record.h"

struct runtime_words {
	const char *key;  /* for machines; NULL: not known */
	const char *name; /* for people */
	const char *hook; /* into what, where there can be one: "Go's scheduler"; NULL: there is none for this runtime */
};

/* Row 0: not known. */
extern const struct runtime_words runtime_words[RUNTIMES];

/* Row 0 for what a newer recording may hold. */
static inline const struct runtime_words *runtime_words_of(uint8_t runtime)
{
	return &runtime_words[runtime < RUNTIMES ? runtime : 0];
}

#endif
