/* SPDX-License-Identifier: BSD-2-Clause */
#include "common_call.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common_clock.h"
#include "common_net.h"

static void forget(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Connects first if need be. A failed connection is forgotten, so that the next call makes a new one. */
static int ask(const struct server *server, enum peer peer, int *fd, unsigned long id, uint64_t hold_ns)
{
	char query[64];
	int error, length = snprintf(query, sizeof query, "Q %lu %lu\n", id, hold_ns / NS_PER_US);

	if (*fd < 0)
		*fd = server_connect_peer(server, peer, false);
	if (*fd < 0)
		return *fd;
	error = send_all(*fd, query, (size_t)length);
	if (error)
		forget(fd);
	return error;
}

/* One call is in flight on fd, so what comes is its answer and nothing else. */
static int await_answer(int *fd, unsigned long id)
{
	char answer[64], expected[64];
	size_t received = 0, length = (size_t)snprintf(expected, sizeof expected, "R %lu ok\n", id);

	while (received < length) {
		ssize_t got = recv(*fd, answer + received, sizeof answer - received, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			forget(fd);
			return got ? -errno : -ECONNRESET;
		}
		received += (size_t)got;
	}
	return received == length && !memcmp(answer, expected, length) ? 0 : -EPROTO;
}

void caller_init(struct caller *caller, const struct server *server)
{
	caller->server = server;
	for (unsigned i = 0; i < CALLS_AT_ONCE; i++)
		caller->fds[i] = -1;
}

void caller_fini(struct caller *caller)
{
	for (unsigned i = 0; i < CALLS_AT_ONCE; i++)
		forget(&caller->fds[i]);
}

int caller_call(struct caller *caller, enum peer peer, unsigned long id, uint64_t hold_ns)
{
	int *fd = caller->fds, error;

	while (typical_peers[fd - caller->fds] != peer)
		fd++;
	error = ask(caller->server, peer, fd, id, hold_ns);
	return error ? error : await_answer(fd, id);
}

int caller_call_all(struct caller *caller, unsigned long first_id, uint64_t hold_ns)
{
	unsigned asked = 0;
	int error = 0;

	while (asked < CALLS_AT_ONCE && !error) {
		error = ask(caller->server, typical_peers[asked], &caller->fds[asked], first_id + asked, hold_ns);
		if (!error)
			asked++;
	}
	for (unsigned i = 0; i < asked; i++) {
		int failed = await_answer(&caller->fds[i], first_id + i);

		if (!error)
			error = failed;
	}
	return error;
}

int caller_pool_init(struct caller_pool *pool, const struct server *server)
{
	*pool = (struct caller_pool){.server = server, .mutex = PTHREAD_MUTEX_INITIALIZER, .freed = PTHREAD_COND_INITIALIZER};
	pool->idle_fds = calloc(server->pool_size, sizeof *pool->idle_fds);
	if (!pool->idle_fds)
		return -ENOMEM;
	while (pool->idle < server->pool_size)
		pool->idle_fds[pool->idle++] = -1;
	return 0;
}

void caller_pool_fini(struct caller_pool *pool)
{
	while (pool->idle)
		forget(&pool->idle_fds[--pool->idle]);
	free(pool->idle_fds);
}

static int take(struct caller_pool *pool)
{
	int fd;

	pthread_mutex_lock(&pool->mutex);
	while (!pool->idle)
		pthread_cond_wait(&pool->freed, &pool->mutex);
	fd = pool->idle_fds[--pool->idle];
	pthread_mutex_unlock(&pool->mutex);
	return fd;
}

static void give_back(struct caller_pool *pool, int fd)
{
	pthread_mutex_lock(&pool->mutex);
	pool->idle_fds[pool->idle++] = fd;
	pthread_cond_signal(&pool->freed);
	pthread_mutex_unlock(&pool->mutex);
}

int caller_pool_call(struct caller_pool *pool, unsigned long id, uint64_t hold_ns)
{
	int fd = take(pool), error = ask(pool->server, PEER_DB, &fd, id, hold_ns);

	if (!error)
		error = await_answer(&fd, id);
	give_back(pool, fd);
	return error;
}
