/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The floor that any tracer of these hooks pays: a program that does nothing on each hook of the kernel half.
 * hooks.h is made from the kernel half's object, a line HOOK("section") a hook, so that the two cannot drift apart.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define NAME_OF_LINE(line) empty_##line
#define NAME(line)         NAME_OF_LINE(line)
#define HOOK(section)                                                                                                                      \
	SEC(section)                                                                                                                       \
	int NAME(__LINE__)(void *ctx)                                                                                                      \
	{                                                                                                                                  \
		(void)ctx;                                                                                                                 \
		return 0;                                                                                                                  \
	}

#include "hooks.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
