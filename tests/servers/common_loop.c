/* SPDX-License-Identifier: BSD-2-Clause */
#include "common_loop.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common_clock.h"

#define EVENTS_PER_ROUND 64

int loop_init(struct loop *loop)
{
	*loop = (struct loop){.epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
	return loop->epoll_fd < 0 ? -errno : 0;
}

static void free_discarded(struct loop *loop)
{
	while (loop->discarded) {
		struct watcher *watcher = loop->discarded;

		loop->discarded = watcher->next_discarded;
		free(watcher);
	}
}

void loop_fini(struct loop *loop)
{
	if (loop->stop_watcher)
		loop_discard(loop, loop->stop_watcher);
	free_discarded(loop);
	close(loop->epoll_fd);
}

static int control(struct loop *loop, int operation, struct watcher *watcher, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watcher};

	return epoll_ctl(loop->epoll_fd, operation, watcher->fd, &event) ? -errno : 0;
}

int loop_watch(struct loop *loop, struct watcher *watcher, uint32_t events)
{
	return control(loop, EPOLL_CTL_ADD, watcher, events);
}

int loop_rewatch(struct loop *loop, struct watcher *watcher, uint32_t events)
{
	return control(loop, EPOLL_CTL_MOD, watcher, events);
}

void loop_close(struct watcher *watcher)
{
	if (watcher->fd >= 0)
		close(watcher->fd);
	watcher->fd = -1;
}

void loop_discard(struct loop *loop, struct watcher *watcher)
{
	loop_close(watcher);
	watcher->next_discarded = loop->discarded;
	loop->discarded = watcher;
}

struct stop_watcher {
	struct watcher watcher;
	struct loop *loop;
};

static void on_stop_signal(struct watcher *watcher, uint32_t events)
{
	(void)events;
	((struct stop_watcher *)watcher)->loop->stopped = true;
}

int loop_stop_on_signals(struct loop *loop)
{
	struct stop_watcher *stop = calloc(1, sizeof *stop);
	sigset_t signals;

	if (!stop)
		return -ENOMEM;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	*stop = (struct stop_watcher){.watcher = {.fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC), .on_ready = on_stop_signal},
				      .loop = loop};
	loop->stop_watcher = &stop->watcher;
	return stop->watcher.fd < 0 ? -errno : loop_watch(loop, &stop->watcher, EPOLLIN);
}

int timer_open(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

void timer_set(int timer_fd, uint64_t at_ns)
{
	struct itimerspec when = {.it_value = timespec_of_ns(at_ns)};

	timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

void timer_take(int timer_fd)
{
	uint64_t expirations;

	while (read(timer_fd, &expirations, sizeof expirations) < 0 && errno == EINTR)
		;
}

int loop_round(struct loop *loop, int timeout_ms)
{
	struct epoll_event events[EVENTS_PER_ROUND];
	int count = epoll_wait(loop->epoll_fd, events, EVENTS_PER_ROUND, timeout_ms);

	if (count < 0 && errno != EINTR)
		return -errno;
	for (int i = 0; i < count; i++) {
		struct watcher *watcher = events[i].data.ptr;

		if (watcher->fd < 0)
			continue;
		loop->callback_cpu_ns = thread_cpu_ns();
		watcher->on_ready(watcher, events[i].events);
	}
	free_discarded(loop);
	return 0;
}

int loop_run(struct loop *loop)
{
	int error = 0;

	while (!loop->stopped && !error)
		error = loop_round(loop, -1);
	return error;
}
