/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * No server: reads a file READS times through io_uring's workers, threads that the kernel makes in this process. Prints what CPU the
 * process has used when it is READY and when it is DONE, and waits for standard input before and after.
 *
 *     uring_reader READS
 */
#include <errno.h>
#include <linux/io_uring.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define READ_BYTES (1u << 20)

struct uring {
	int fd;
	unsigned int *sq_tail, *sq_mask, *sq_array, *cq_head;
	struct io_uring_sqe *sqes;
};

static void *map(const struct uring *uring, size_t size, off_t offset)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, uring->fd, offset);

	if (at == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return at;
}

/* False: not allowed here. */
static bool uring_init(struct uring *uring)
{
	struct io_uring_params params = {};
	char *sq, *cq;

	uring->fd = (int)syscall(SYS_io_uring_setup, 1, &params);
	if (uring->fd < 0)
		return false;
	sq = map(uring, params.sq_off.array + params.sq_entries * sizeof(*uring->sq_array), IORING_OFF_SQ_RING);
	cq = map(uring, params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING);
	uring->sqes = map(uring, params.sq_entries * sizeof(*uring->sqes), IORING_OFF_SQES);
	uring->sq_tail = (unsigned int *)(void *)(sq + params.sq_off.tail);
	uring->sq_mask = (unsigned int *)(void *)(sq + params.sq_off.ring_mask);
	uring->sq_array = (unsigned int *)(void *)(sq + params.sq_off.array);
	uring->cq_head = (unsigned int *)(void *)(cq + params.cq_off.head);
	return true;
}

/* Waits for its end, so that there is one at a time. */
static void read_by_worker(struct uring *uring, int file, void *buffer)
{
	unsigned int at = *uring->sq_tail & *uring->sq_mask;

	uring->sqes[at] = (struct io_uring_sqe){
		.opcode = IORING_OP_READ, .flags = IOSQE_ASYNC, .fd = file, .addr = (unsigned long)buffer, .len = READ_BYTES};
	uring->sq_array[at] = at;
	__atomic_store_n(uring->sq_tail, *uring->sq_tail + 1, __ATOMIC_RELEASE);
	while (syscall(SYS_io_uring_enter, uring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0) {
		if (errno == EINTR)
			continue;
		perror("io_uring_enter");
		exit(1);
	}
	__atomic_store_n(uring->cq_head, *uring->cq_head + 1, __ATOMIC_RELEASE);
}

static unsigned long long cpu_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (unsigned long long)time.tv_sec * 1000000000 + (unsigned long long)time.tv_nsec;
}

int main(int argc, char **argv)
{
	int reads = argc == 2 ? atoi(argv[1]) : 0;
	char *buffer = calloc(1, READ_BYTES);
	struct uring uring = {};
	FILE *file = tmpfile();
	bool allowed;

	if (reads <= 0 || !buffer || !file || fwrite(buffer, READ_BYTES, 1, file) != 1 || fflush(file)) {
		fprintf(stderr, "usage: uring_reader READS\n");
		return 2;
	}
	allowed = uring_init(&uring);
	printf("READY pid=%d io_uring=%s cpu_ns=%llu\n", getpid(), allowed ? "yes" : "no", cpu_ns());
	fflush(stdout);
	if (getchar() == EOF || !allowed)
		return 0;
	for (int i = 0; i < reads; i++)
		read_by_worker(&uring, fileno(file), buffer);
	printf("DONE cpu_ns=%llu\n", cpu_ns());
	fflush(stdout);
	getchar();
	return 0;
}
