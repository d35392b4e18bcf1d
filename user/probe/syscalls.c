/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/syscalls.h"

#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

#include "record.h"

struct row {
	short nr;
	uint8_t cause;
};

/* Calls that are not here wait for something that has no name of its own: WAIT_OTHER. */
static const struct row rows[] = {
	{SYS_read, WAIT_BY_READ_FILE},
	{SYS_readv, WAIT_BY_READ_FILE},
	{SYS_write, WAIT_BY_WRITE_FILE},
	{SYS_writev, WAIT_BY_WRITE_FILE},
	{SYS_sendfile, WAIT_BY_WRITE_FILE},
	{SYS_splice, WAIT_BY_THIRD_FILE},
	{SYS_recvfrom, WAIT_NET},
	{SYS_recvmsg, WAIT_NET},
	{SYS_recvmmsg, WAIT_NET},
	{SYS_sendto, WAIT_NET},
	{SYS_sendmsg, WAIT_NET},
	{SYS_sendmmsg, WAIT_NET},
	{SYS_accept, WAIT_NET},
	{SYS_accept4, WAIT_NET},
	{SYS_connect, WAIT_NET},
	{SYS_shutdown, WAIT_NET},
	{SYS_epoll_pwait, WAIT_POLL},
	{SYS_ppoll, WAIT_POLL},
	{SYS_pselect6, WAIT_POLL},
	{SYS_futex, WAIT_LOCK},
	{SYS_flock, WAIT_LOCK},
	{SYS_nanosleep, WAIT_SLEEP},
	{SYS_clock_nanosleep, WAIT_SLEEP},
	/* Waiting for the journal does not set in_iowait. */
	{SYS_fsync, WAIT_DISK},
	{SYS_fdatasync, WAIT_DISK},
	{SYS_sync, WAIT_DISK},
	{SYS_syncfs, WAIT_DISK},
	{SYS_sync_file_range, WAIT_DISK},
	{SYS_msync, WAIT_DISK},
	{SYS_pread64, WAIT_DISK},
	{SYS_preadv, WAIT_DISK},
	{SYS_preadv2, WAIT_DISK},
	{SYS_pwrite64, WAIT_DISK},
	{SYS_pwritev, WAIT_DISK},
	{SYS_pwritev2, WAIT_DISK},
	{SYS_io_getevents, WAIT_DISK},
	{SYS_ftruncate, WAIT_DISK},
	{SYS_fallocate, WAIT_DISK},
	{SYS_unlinkat, WAIT_DISK},
	{SYS_renameat2, WAIT_DISK},
	{SYS_getdents64, WAIT_DISK},
/* Older architectures have calls that newer ones never had, newer kernels those that older headers do not name. */
#ifdef SYS_epoll_wait
	{SYS_epoll_wait, WAIT_POLL},
	{SYS_poll, WAIT_POLL},
	{SYS_select, WAIT_POLL},
	{SYS_unlink, WAIT_DISK},
	{SYS_rename, WAIT_DISK},
#endif
#ifdef SYS_epoll_pwait2
	{SYS_epoll_pwait2, WAIT_POLL},
#endif
#ifdef SYS_futex_waitv
	{SYS_futex_waitv, WAIT_LOCK},
#endif
#ifdef SYS_futex_wait
	{SYS_futex_wait, WAIT_LOCK},
#endif
};

static const short writing_calls[] = {SYS_write, SYS_writev, SYS_sendto, SYS_sendmsg, SYS_sendmmsg, SYS_sendfile, SYS_splice};

/*
 * Each hook takes the end of a run 40 ms (loader.c). None of the calls that need not block, as sendfile, is here: nothing would show it.
 * Nor is a common one, as epoll_wait: a busy loop may not block for seconds.
 */
static const struct {
	const char *event;
	short nr;
} hooked_late[] = {
	{"sys_exit_ppoll", SYS_ppoll},
	{"sys_exit_pselect6", SYS_pselect6},
#ifdef SYS_select
	{"sys_exit_select", SYS_select},
#endif
#ifdef SYS_epoll_pwait2
	{"sys_exit_epoll_pwait2", SYS_epoll_pwait2},
#endif
};

int syscalls_hooked_late(const char *event)
{
	for (size_t i = 0; i < sizeof(hooked_late) / sizeof(hooked_late[0]); i++)
		if (!strcmp(event, hooked_late[i].event))
			return hooked_late[i].nr;
	return -1;
}

/*
 * The kernel half does the same for the events of a row: one program, on the first of them, as the verifier takes its time for each. One
 * too many for its row the compiler tells as an excess initializer.
 */
static const char *const handled_alike[][SYSCALLS_ALIKE_MAX] = {
	{"sys_exit_read", "sys_exit_recvfrom"},
	{"sys_exit_readv", "sys_exit_recvmsg"},
	{"sys_exit_write", "sys_exit_sendto"},
	{"sys_exit_writev", "sys_exit_sendmsg"},
	{"sys_exit_sendmmsg", "sys_exit_recvmmsg", "sys_exit_sendfile64", "sys_exit_splice"},
	{"sys_exit_accept", "sys_exit_accept4"},
	{"sys_exit_epoll_pwait", "sys_exit_epoll_wait", "sys_exit_epoll_pwait2"},
	{"sys_exit_ppoll", "sys_exit_poll", "sys_exit_select", "sys_exit_pselect6"},
};

size_t syscalls_handled_alike(const char *event, const char *events[SYSCALLS_ALIKE_MAX])
{
	events[0] = event;
	for (size_t i = 0; i < sizeof(handled_alike) / sizeof(handled_alike[0]); i++) {
		size_t count = 1;

		if (strcmp(event, handled_alike[i][0]))
			continue;
		for (; count < SYSCALLS_ALIKE_MAX && handled_alike[i][count]; count++)
			events[count] = handled_alike[i][count];
		return count;
	}
	return 1;
}

void syscalls_that_write(uint8_t writes[SYSCALL_MAX])
{
	memset(writes, 0, SYSCALL_MAX);
	for (size_t i = 0; i < sizeof(writing_calls) / sizeof(writing_calls[0]); i++)
		writes[writing_calls[i]] = 1;
}

void syscalls_wait_causes(uint8_t causes[SYSCALL_MAX])
{
	memset(causes, WAIT_OTHER, SYSCALL_MAX);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		causes[rows[i].nr] = rows[i].cause;
}
