/* SPDX-License-Identifier: BSD-2-Clause */
/* Two slow things that a handler may have to wait for and that no event loop can wait for asynchronously: a disk read past the page
 * cache, and a log pipe whose reader is slow. Used by both kinds of servers; both calls block.
 */
#ifndef SERVERS_COMMON_DEVICE_H
#define SERVERS_COMMON_DEVICE_H

/* Makes the file that disk_read reads, in $TMPDIR or /var/tmp, already unlinked: 0, or -errno (a file system without O_DIRECT).
 * Before any fork or thread.
 */
int disk_open(void);

/* Some dozens of direct reads at scattered places: 0, or -errno. */
int disk_read(void);

/* Writes some lines into the pipe; the first call of a process makes it, with its slow reader thread. 0, or -errno. */
int log_write(void);

#endif
