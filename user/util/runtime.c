/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/runtime.h"

const struct runtime_words runtime_words[RUNTIMES] = {
	[0] = {.name = "an unknown runtime"},
	[RUNTIME_NATIVE] = {"native", "native", NULL},
	[RUNTIME_GO] = {"go", "Go", "Go's scheduler"},
	[RUNTIME_NODE] = {"node", "Node.js", NULL},
	[RUNTIME_JVM] = {"jvm", "Java", "the JVM's virtual threads"},
	[RUNTIME_PYTHON] = {"python", "Python", "asyncio's loop"},
	[RUNTIME_RUST] = {"rust", "Rust", "tokio's scheduler"},
};
