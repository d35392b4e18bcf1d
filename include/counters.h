/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the kernel half could not keep, counted where it is dropped and shown to the user. Each early return that loses something has a
 * row here.
 * Counted by bpf/, named by user/probe. A name is the key in JSON and in the man page's LOSSES; the table shows it with spaces.
 * Never: a reason to lose time. A record that does not get in leaves its time in the thread's account.
 */
#ifndef IOCPU_COUNTERS_H
#define IOCPU_COUNTERS_H

/* clang-format off */
#define LOSSES(row)                                                                                              \
	row(LOSS_RECORDS, "records")                 /* ring full: detail is gone, the time goes to the next record */ \
	row(LOSS_THREADS, "threads")                 /* no room for a thread's account: untraced until found again */   \
	row(LOSS_PROCESSES, "processes")             /* table of processes full: what one forks goes untraced */       \
	row(LOSS_CONN_ROLES, "connection_roles")     /* no room for a connection's role: described again at each use */ \
	row(LOSS_LISTENERS, "listeners")             /* no room for a listening port: its connections read as downstream */ \
	row(LOSS_PAYLOADS, "payloads")               /* a read's bytes were not in memory: no route for that request */ \
	row(LOSS_SWITCHES, "hidden_switches")        /* a switch that no hook saw, and of which the scheduler left no time */ \
	row(LOSS_STRANDS, "strands")                 /* a runtime's memory could not be read: its strand's time is the runtime's */ \
	row(LOSS_SNAPSHOTS, "snapshots")             /* an account that kept changing while it was read */
/* clang-format on */

#define LOSS_ENUM(name, text) name,
enum loss { LOSSES(LOSS_ENUM) LOSS_KINDS };
#undef LOSS_ENUM

#endif
