/* SPDX-License-Identifier: BSD-2-Clause */
/* A minimal event loop: epoll, one callback a descriptor, called back at once, level-triggered.
 * Used by the loop servers, the mock downstream and the load generator; never blocks but in epoll_wait, never makes threads.
 */
#ifndef SERVERS_COMMON_LOOP_H
#define SERVERS_COMMON_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

/* Stands first in whatever watches a descriptor, so that the callback can cast it back. Owns its descriptor. */
struct watcher {
	int fd; /* -1 once closed: no callback comes any more */
	void (*on_ready)(struct watcher *watcher, uint32_t events);
	struct watcher *next_discarded;
};

struct loop {
	int epoll_fd;
	bool stopped;                 /* set by anyone: loop_run returns after the present round */
	struct watcher *discarded;    /* to be freed at the end of the round: later events of it may still point to them */
	struct watcher *stop_watcher; /* NULL without loop_stop_on_signals */
	uint64_t callback_cpu_ns;     /* the thread's CPU clock when the present callback began */
};

int loop_init(struct loop *loop);
void loop_fini(struct loop *loop);

/* Calls back while any of events (EPOLLIN, EPOLLOUT) holds. 0, or -errno. */
int loop_watch(struct loop *loop, struct watcher *watcher, uint32_t events);
int loop_rewatch(struct loop *loop, struct watcher *watcher, uint32_t events);

/* Stops watching and closes the descriptor. The watcher's memory stays the caller's. */
void loop_close(struct watcher *watcher);

/* loop_close, and free() of the watcher (with what it stands first in) when this round's events are through. */
void loop_discard(struct loop *loop, struct watcher *watcher);

/* SIGTERM and SIGINT set `stopped` instead of killing the process. 0, or -errno. */
int loop_stop_on_signals(struct loop *loop);

/* A timer as a descriptor, not yet set: the descriptor, or -errno. timer_set with 0 disarms. */
int timer_open(void);
void timer_set(int timer_fd, uint64_t at_ns);
/* Takes the news that it has run out. */
void timer_take(int timer_fd);

/* Waits up to timeout_ms (-1: for ever) and calls back whatever is ready: 0, or -errno. */
int loop_round(struct loop *loop, int timeout_ms);

/* Rounds until stopped: 0, or -errno. */
int loop_run(struct loop *loop);

#endif
