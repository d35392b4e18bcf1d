/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a file descriptor stands for, right now. Another thread may have closed or replaced it while a call on it blocked: an answer is a
 * connection's identity at this moment, not the number's history.
 */
#ifndef IOCPU_FILE_BPF_H
#define IOCPU_FILE_BPF_H

#include "maps.bpf.h"

#define S_IFMT              0170000
#define S_IFSOCK            0140000
#define S_IFREG             0100000
#define S_IFBLK             0060000
#define S_IFIFO             0010000
#define ANON_INODE_FS_MAGIC 0x09041934
#define PIPEFS_MAGIC        0x50495045

#define AF_UNIX     1
#define AF_INET     2
#define AF_INET6    10
#define SOCK_STREAM 1
#define SOCK_DGRAM  2
#define IPPROTO_TCP 6

/* All eventfds have the same, and all timerfds; learnt from the first one that its name told. */
__u64 eventfd_operations = 0;
__u64 timerfd_operations = 0;

enum end_kind { END_OTHER, END_SOCKET, END_PIPE, END_EVENTFD, END_TIMERFD };

/* One end of a connection. */
struct end {
	__u64 conn_id;
	struct file *file;
	struct sock *sk; /* of a socket */
	__u8 kind;       /* enum end_kind */
};

static __always_inline struct file *file_of_fd(struct task_struct *task, __u32 fd)
{
	struct fdtable *table = task->files->fdt;

	return fd < table->max_fds ? load_pointer(&table->fd[fd]) : NULL;
}

static __always_inline unsigned long file_system_of(struct inode *inode)
{
	struct super_block *super = LOAD(inode, inode, i_sb);

	return LOAD(super_block, super, s_magic);
}

static __always_inline bool is_anonymous(struct inode *inode)
{
	return file_system_of(inode) == ANON_INODE_FS_MAGIC;
}

static __always_inline enum end_kind anonymous_kind(struct file *file)
{
	__u64 operations = (__u64)LOAD(file, file, f_op);
	char name[8] = {};

	if (operations == eventfd_operations)
		return END_EVENTFD;
	if (operations == timerfd_operations)
		return END_TIMERFD;
	bpf_probe_read_kernel(name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
	if (__builtin_memcmp(name, "[eventfd", 8) == 0) {
		eventfd_operations = operations;
		return END_EVENTFD;
	}
	if (__builtin_memcmp(name, "[timerfd", 8) == 0) {
		timerfd_operations = operations;
		return END_TIMERFD;
	}
	return END_OTHER;
}

/* The kernel object behind a file, as an id. Not by LOAD: an id must be a number, no pointer. */
static __always_inline __u64 object_of(struct file *file)
{
	return (__u64)BPF_CORE_READ(file, private_data);
}

/* Sockets, pipes, eventfds and timerfds have ends; anything else is END_OTHER. */
static __always_inline void find_end(struct task_struct *task, __u32 fd, struct end *end)
{
	struct file *file = file_of_fd(task, fd);
	struct socket *socket;
	struct inode *inode;
	__u16 type;

	end->kind = END_OTHER;
	end->sk = NULL;
	end->file = file;
	if (!file)
		return;
	inode = LOAD(file, file, f_inode);
	type = LOAD(inode, inode, i_mode) & S_IFMT;
	end->conn_id = LOAD(inode, inode, i_ino);
	if (type == S_IFSOCK) {
		end->kind = END_SOCKET;
		socket = LOAD(file, file, private_data);
		end->sk = LOAD(socket, socket, sk);
	} else if (type == S_IFIFO) {
		end->kind = END_PIPE;
		/* Sockets and pipes have their numbers from one counter; a named pipe has its own from a disk. */
		if (file_system_of(inode) != PIPEFS_MAGIC)
			end->conn_id = object_of(file);
	} else if (is_anonymous(inode)) {
		/* All anonymous files may share one inode. */
		end->kind = anonymous_kind(file);
		end->conn_id = object_of(file);
	}
}

static __always_inline __u16 family_of(struct sock *sk)
{
	return LOAD(sock, sk, __sk_common.skc_family);
}

/* TCP stamps each segment as it comes; neither Unix sockets nor UDP have segments, and a read finds no stamp there. */
static __always_inline bool lacks_stamps(const struct sock *sk)
{
	return family_of((struct sock *)sk) == AF_UNIX || LOAD(sock, sk, sk_type) == SOCK_DGRAM;
}

/* MPTCP's own socket has no sequence numbers: those of TCP's layout are something else there. */
static __always_inline bool is_tcp(const struct sock *sk)
{
	return LOAD(sock, sk, sk_protocol) == IPPROTO_TCP;
}

static __always_inline struct unix_address *unix_address_of(struct sock *sk)
{
	return LOAD(unix_sock, sk, addr);
}

/* Of a thread that left its core in a call that reads from or writes to this file. */
static __always_inline __u8 wait_cause_of_file(struct task_struct *task, __u32 fd, bool writes)
{
	struct file *file = file_of_fd(task, fd);
	struct inode *inode;
	__u16 type;

	if (!file)
		return WAIT_OTHER;
	inode = LOAD(file, file, f_inode);
	type = LOAD(inode, inode, i_mode) & S_IFMT;
	if (type == S_IFSOCK)
		return WAIT_NET;
	if (type == S_IFBLK)
		return WAIT_DISK;
	if (type == S_IFREG && !is_anonymous(inode))
		return writes ? WAIT_LOG : WAIT_DISK;
	return writes ? WAIT_LOG : WAIT_PIPE;
}

#endif
