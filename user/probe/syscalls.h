/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why a thread that left its core inside a system call did so, by the call's number on this machine.
 * Called by the loader before the kernel half is loaded and attached.
 */
#ifndef IOCPU_PROBE_SYSCALLS_H
#define IOCPU_PROBE_SYSCALLS_H

#include <stddef.h>
#include <stdint.h>

#include "config.h"

/* Fills in enum wait_cause or enum wait_by_file for each number. */
void syscalls_wait_causes(uint8_t causes[SYSCALL_MAX]);

/*
 * The number of a call that is made to wait, and that few servers make: it gets its hook once a thread was seen blocked in it.
 * −1: any other event of a call.
 */
int syscalls_hooked_late(const char *event);

#define SYSCALLS_ALIKE_MAX 4

/* The events that the program on this one is for, this one first: how many. */
size_t syscalls_handled_alike(const char *event, const char *events[SYSCALLS_ALIKE_MAX]);

/* Fills in 1 for each number that writes, else 0. */
void syscalls_that_write(uint8_t writes[SYSCALL_MAX]);

#endif
