/* SPDX-License-Identifier: BSD-2-Clause */
#include "common_device.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common_clock.h"

#define DISK_BLOCK  4096
#define DISK_BLOCKS 1024 /* 4 MB */
#define DISK_READS  32

#define LOG_LINE       1024
#define LOG_LINES      16
#define LOG_PIPE_BYTES 4096 /* the smallest there is: a reader that lags is felt at once */
#define LOG_PAUSE_NS   (2 * NS_PER_MS)

static int disk_fd = -1;

/* What came instead of a whole block or line: a failure, or a piece. */
static int short_transfer(ssize_t count)
{
	return count < 0 ? -errno : -EIO;
}

static int fill_disk_file(void)
{
	char block[DISK_BLOCK];

	memset(block, 'x', sizeof block);
	for (off_t i = 0; i < DISK_BLOCKS; i++) {
		ssize_t written = pwrite(disk_fd, block, sizeof block, i * DISK_BLOCK);

		if (written != (ssize_t)sizeof block)
			return short_transfer(written);
	}
	if (fsync(disk_fd) || fcntl(disk_fd, F_SETFL, O_DIRECT))
		return -errno;
	return 0;
}

int disk_open(void)
{
	const char *directory = getenv("TMPDIR");
	char path[4096];
	int error;

	if (snprintf(path, sizeof path, "%s/iocpu-sample.XXXXXX", directory ? directory : "/var/tmp") >= (int)sizeof path)
		return -ENAMETOOLONG;
	disk_fd = mkostemp(path, O_CLOEXEC);
	if (disk_fd < 0)
		return -errno;
	unlink(path);
	error = fill_disk_file();
	if (error) {
		close(disk_fd);
		disk_fd = -1;
	}
	return error;
}

int disk_read(void)
{
	static _Thread_local _Alignas(DISK_BLOCK) char block[DISK_BLOCK];
	off_t at = 0;

	if (disk_fd < 0)
		return -ENXIO;
	for (int i = 0; i < DISK_READS; i++) {
		ssize_t got;

		at = (at + 389) % DISK_BLOCKS; /* no two neighbours, no place twice */
		got = pread(disk_fd, block, sizeof block, at * DISK_BLOCK);
		if (got != (ssize_t)sizeof block)
			return short_transfer(got);
	}
	return 0;
}

static struct {
	pthread_once_t once;
	int reader_fd, writer_fd, error;
} log_pipe = {.once = PTHREAD_ONCE_INIT};

static void *log_reader(void *unused)
{
	struct timespec pause = timespec_of_ns(LOG_PAUSE_NS);
	char bytes[LOG_PIPE_BYTES];

	while (read(log_pipe.reader_fd, bytes, sizeof bytes) > 0)
		nanosleep(&pause, NULL);
	return unused;
}

static void log_open(void)
{
	sigset_t all, before;
	pthread_t thread;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC)) {
		log_pipe.error = -errno;
		return;
	}
	log_pipe.reader_fd = ends[0];
	log_pipe.writer_fd = ends[1];
	fcntl(ends[1], F_SETPIPE_SZ, LOG_PIPE_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before); /* signals are the server's business */
	log_pipe.error = -pthread_create(&thread, NULL, log_reader, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!log_pipe.error)
		pthread_detach(thread);
}

int log_write(void)
{
	char line[LOG_LINE];

	pthread_once(&log_pipe.once, log_open);
	if (log_pipe.error)
		return log_pipe.error;
	memset(line, '.', sizeof line - 1);
	line[sizeof line - 1] = '\n';
	for (int i = 0; i < LOG_LINES; i++) {
		ssize_t written = write(log_pipe.writer_fd, line, sizeof line);

		if (written != (ssize_t)sizeof line)
			return short_transfer(written);
	}
	return 0;
}
