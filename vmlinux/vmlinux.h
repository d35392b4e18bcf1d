/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The kernel's types as far as bpf/ reads them, one file for x86-64 and arm64. Included by bpf/ only, instead of a full vmlinux.h:
 * it also says, a member a line, what of the kernel this tool depends on.
 * Never: trusted for an offset or a width. libbpf looks each member up in the running kernel's BTF. It fits the width of unsigned
 * integers only, so integers are unsigned here even where the kernel's are not (task_struct.on_cpu is an int up to 6.18, a u8 in 7.3).
 *
 * Constants and map types come from <linux/bpf.h>. Nothing else may come from the user's headers: their longs and sizes have 32 bits
 * when the compiler's target is bpf.
 */
#ifndef IOCPU_VMLINUX_H
#define IOCPU_VMLINUX_H

#include <stdbool.h>
#include <linux/types.h>
#include <linux/bpf.h>

/* <bpf/bpf_tracing.h> uses the kernel's short names. */
typedef __s32 s32;
typedef __u32 u32;
typedef __u64 u64;
typedef __u16 u16;

/* Laid out by the ABI and read whole from a traced process: complete, and outside the relocated part. */
struct iovec {
	void *iov_base;
	unsigned long iov_len;
};

struct user_msghdr {
	void *msg_name;
	int msg_namelen;
	struct iovec *msg_iov;
	unsigned long msg_iovlen;
	void *msg_control;
	unsigned long msg_controllen;
	unsigned int msg_flags;
};

/* What a syscall's exit tracepoint hands to a program: the tracing ABI, nothing to relocate. Read as the long of trace_event_raw_sys_exit,
 * `nr` has garbage in its upper half. */
struct syscall_trace_exit {
	__u64 common;
	int nr;
	long ret;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long orig_ax; /* the syscall's number, -1 outside of one */
	unsigned long di;      /* its arguments, as it was called */
	unsigned long si;
	unsigned long dx;
	unsigned long r14; /* of uprobes in Go: the goroutine */
	unsigned long r10;
	unsigned long ax; /* of Go's functions: the first argument … */
	unsigned long bx; /* … and the second */
	unsigned long cx; /* of C's and Rust's: the fourth … */
	unsigned long r8; /* … and the fifth */
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	u64 regs[31];
	u64 orig_x0;   /* the first argument; regs[0] holds the result by now */
	u32 syscallno; /* an s32; sign-extended, 6.1's verifier loses its bound */
};
#else
#error "no register names for this architecture"
#endif

/* ---- tasks */

struct sched_info {
	unsigned long long run_delay;    /* ready time, all of it, as far as it is over */
	unsigned long long last_arrival; /* on a core, by the scheduler's clock */
	unsigned long long last_queued;  /* waiting for a core since; 0: it does not */
};

struct cfs_rq {
	unsigned int throttle_count; /* CONFIG_CFS_BANDWIDTH */
};

struct sched_entity {
	u64 sum_exec_runtime;  /* what the scheduler charged; exact at a switch-out */
	struct cfs_rq *cfs_rq; /* CONFIG_FAIR_GROUP_SCHED */
};

typedef struct {
	unsigned int counter;
} atomic_t;

struct signal_struct {
	atomic_t live; /* threads that have not begun to exit */
};

struct files_struct;

#if defined(__TARGET_ARCH_x86)
struct thread_struct {
	unsigned long fsbase; /* where user space keeps what each thread has of its own */
};
#endif

struct task_struct {
	unsigned int __state; /* up to 5.13: state */
	unsigned int on_cpu;
	struct sched_entity se;
	struct sched_info sched_info;
	unsigned int in_iowait : 1;
	unsigned long nvcsw;
	unsigned long nivcsw;
	unsigned int pid;
	unsigned int tgid;
	char comm[16];
	struct task_struct *real_parent;
	struct files_struct *files;
	struct signal_struct *signal;
#if defined(__TARGET_ARCH_x86)
	struct thread_struct thread;
#endif
};

/* 6.18 and later take each task of a throttled group off the core on its own, and say so here. */
struct task_struct___throttled {
	bool throttled;
};

struct bpf_iter__task {
	struct task_struct *task;
};

/* ---- files */

struct super_block {
	unsigned long s_magic; /* tells anonymous files, which are regular ones by mode since 6.16, and pipes without a name */
};

struct inode {
	unsigned short i_mode;
	struct super_block *i_sb;
	unsigned long i_ino;
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct qstr d_name; /* "[eventfd]" */
};

struct path {
	struct dentry *dentry;
};

struct file_operations;

struct file {
	const struct file_operations *f_op; /* tells eventfds, once one has been told by its name */
	void *private_data;                 /* the socket; an eventfd's kernel object */
	struct inode *f_inode;
	struct path f_path;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

/* ---- sockets */

/* A timerfd's private_data (fs/timerfd.c): when it ran out. ktime_t is ns. */
struct timerqueue_node {
	__u64 expires;
};

struct hrtimer {
	struct timerqueue_node node;
};

struct timerfd_ctx {
	union {
		struct hrtimer tmr;
	} t;
	__u64 tintv;
	unsigned int clockid;
};

struct in6_addr {
	union {
		__be32 u6_addr32[4];
	} in6_u;
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	unsigned char skc_state;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sk_buff {
	u64 tstamp; /* realtime of arrival, while some socket of the host asked for it; else 0 */
};

struct sk_buff_head {
	struct sk_buff *next, *prev;
	__u32 qlen;
};

struct socket;

struct sock {
	struct sock_common __sk_common;
	struct sk_buff_head sk_receive_queue;
	struct socket *sk_socket;
	unsigned short sk_type, sk_protocol;
	unsigned char sk_shutdown;
};

struct socket {
	unsigned long flags;
	struct file *file;
	struct sock *sk;
};

struct inet_connection_sock {
	struct {
		__u32 lrcvtime; /* jiffies of the last data segment */
	} icsk_ack;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	u64 tcp_mstamp; /* µs of the last segment in or out */
	u32 rcv_nxt;    /* the sequence number behind all that has come */
	u32 copied_seq; /* … and been read */
	u64 bytes_received;
	u32 rcv_ooopack; /* so many segments came out of order */
};

struct udp_sock {
	struct sk_buff_head reader_queue; /* datagrams that a reader has taken over from sk_receive_queue, to be read first */
};

struct sockaddr_un {
	unsigned short sun_family;
	char sun_path[108];
};

struct unix_address {
	unsigned int len;
	struct sockaddr_un name[0];
};

struct unix_sock {
	struct unix_address *addr;
	struct sock *peer;
};

#pragma clang attribute pop

#endif
