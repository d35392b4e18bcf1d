/* SPDX-License-Identifier: BSD-2-Clause */
/* Burns CPU time, measured. Used by the sample servers' handlers; never sleeps and makes no system call but the clock's. */
#ifndef SERVERS_COMMON_CPU_H
#define SERVERS_COMMON_CPU_H

#include <stdint.h>

/* Computes until the calling thread's CPU clock advanced by at least wanted_ns; returns by how much it really did. */
uint64_t cpu_burn(uint64_t wanted_ns);

#endif
