/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * uvloop: what a task writes is put into a stream's buffer, and the stream into a set; only when all that was ready has run is it written,
 * in the order of the set. A uprobe on the calls that put something into a set tells which task it was. Never: something in another set. A
 * stream's handle must point back to it, and be a socket's.
 */
#ifndef IOCPU_UVLOOP_BPF_H
#define IOCPU_UVLOOP_BPF_H

#include "conn.bpf.h"
#include "python.bpf.h"

/* A uvloop object: its handle lies behind Python's head of an object and Cython's table of methods. */
#define UVLOOP_HANDLE 24

/* Of libuv's uv_stream_t, which is part of its stable interface. */
struct uv_handle {
	__u64 data; /* uvloop's object */
	__u64 loop;
	__u32 type;
	__u32 pad;
};

#define UV_STREAM_FD  184
#define UV_NAMED_PIPE 7
#define UV_TCP        12

/* The fd of the stream that a uvloop object is; −1: it is none. */
static __always_inline __s32 fd_of_stream(__u64 object)
{
	struct uv_handle handle = {};
	__u64 at = 0;
	__s32 fd = -1;

	if (bpf_probe_read_user(&at, sizeof(at), (const void *)(object + UVLOOP_HANDLE)))
		return -1;
	if (bpf_probe_read_user(&handle, sizeof(handle), (const void *)at) || handle.data != object)
		return -1;
	if (handle.type != UV_TCP && handle.type != UV_NAMED_PIPE)
		return -1;
	bpf_probe_read_user(&fd, sizeof(fd), (const void *)(at + UV_STREAM_FD));
	return fd;
}

SEC("?uprobe")
int on_uvloop_queues(struct pt_regs *ctx)
{
	ON_THE_THREADS_STACK(ctx);
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = loop_at_hook(task);
	struct end end;
	__s32 fd;

	if (!thread)
		return 0;
	if (!layout_of_python(bpf_get_attach_cookie(ctx)))
		return 0;
	fd = fd_of_stream(C_ARG1(ctx));
	if (fd < 0)
		return 0;
	find_end(task, fd, &end);
	if (end.kind == END_SOCKET && role_of_conn(task, &end, bpf_ktime_get_ns()))
		tell_of_other_strand(thread, task, STRAND_QUEUES, end.conn_id);
	return 0;
}

#endif
