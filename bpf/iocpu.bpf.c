/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The kernel half as one object: the hooks by subsystem, over what they share. One compilation, not several linked ones: libbpf 1.1's
 * linker cannot merge two files that declare the same kernel function.
 */
#include "futex.bpf.h"
#include "go.bpf.h"
#include "hotspot.bpf.h"
#include "tokio.bpf.h"
#include "io.bpf.h"
#include "iter.bpf.h"
#include "python.bpf.h"
#include "sched.bpf.h"
#include "sock.bpf.h"
#include "uvloop.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
