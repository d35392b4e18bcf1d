/* SPDX-License-Identifier: BSD-2-Clause */
#include "common_loop_server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common_clock.h"
#include "common_device.h"
#include "common_http.h"
#include "common_net.h"
#include "common_truth.h"

#define DRAIN_MAX_NS   (2 * NS_PER_S)
#define DRAIN_ROUND_MS 10

/* A client's connection. It has one job at a time; requests that come meanwhile wait in the reader's buffer. */
struct client {
	struct watcher watcher;
	struct loop_server *loop_server;
	LIST_ENTRY(client) link;
	struct job *job;         /* whose response is owed; NULL: none */
	uint32_t watched_events; /* at present */
	bool ended;              /* it will send no more */
	bool blocked;            /* it does not read its response as fast as we write */
	uint64_t began_ns;       /* when the first byte of the next request was read; 0: none yet */
	struct http_reader reader;
};

/* A request on its way through its plan. It may outlive its client, and it goes on after its response. */
struct job {
	struct watcher nap; /* the timer of a sleep; closed otherwise */
	struct loop_server *loop_server;
	LIST_ENTRY(job) link;
	struct client *client; /* NULL: it was answered, or has gone */
	struct http_request request;
	struct plan plan;
	const struct step *step; /* the present one */
	unsigned status, calls, calls_in_flight;
	int error; /* of the calls in flight */
	struct http_response response;
	size_t sent; /* of the response */
	struct truth_row truth;
};

enum progress {
	STEP_DONE,
	STEP_WAITS, /* the loop calls back */
	STEP_FAILED,
};

/* The CPU time since the present callback began, or since the last charge in it, was this job's. Only the way to the response counts. */
static void charge(struct job *job)
{
	struct loop *loop = &job->loop_server->loop;
	uint64_t cpu_ns = thread_cpu_ns();

	if (!job->truth.end_ns)
		job->truth.handler_cpu_ns += cpu_ns - loop->callback_cpu_ns;
	loop->callback_cpu_ns = cpu_ns;
}

static void drop_client(struct client *client)
{
	LIST_REMOVE(client, link);
	if (client->job)
		client->job->client = NULL;
	client->job = NULL;
	loop_discard(&client->loop_server->loop, &client->watcher);
}

/* Watches the client for what we can use now. */
static void watch_client(struct client *client)
{
	bool wants_more = !client->ended && !http_reader_full(&client->reader);
	uint32_t events = (wants_more ? EPOLLIN : 0) | (client->blocked ? EPOLLOUT : 0);

	if (events == client->watched_events)
		return;
	client->watched_events = events;
	loop_rewatch(&client->loop_server->loop, &client->watcher, events);
}

/* ---- the steps */

static void resume(struct job *job);

static enum progress burn(struct job *job)
{
	truth_burn(&job->truth, job->step->ns);
	return STEP_DONE;
}

static void on_call_done(void *owner, int error)
{
	struct job *job = owner;

	if (!job->error)
		job->error = error;
	if (--job->calls_in_flight)
		charge(job);
	else
		resume(job);
}

static int start_call(struct job *job, struct call_pool *pool)
{
	struct call call = {.id = call_id(job->request.id, job->calls++), .hold_ns = job->step->ns, .owner = job, .on_done = on_call_done};
	int error = call_start(pool, call);

	if (!error)
		job->calls_in_flight++;
	else if (!job->error)
		job->error = error;
	return error;
}

static enum progress call(struct job *job)
{
	return start_call(job, &job->loop_server->peers[job->step->peer]) ? STEP_FAILED : STEP_WAITS;
}

static enum progress call_all(struct job *job)
{
	for (unsigned i = 0; i < CALLS_AT_ONCE; i++)
		start_call(job, &job->loop_server->peers[typical_peers[i]]);
	return job->calls_in_flight ? STEP_WAITS : STEP_FAILED;
}

static enum progress pool_call(struct job *job)
{
	return start_call(job, &job->loop_server->limited) ? STEP_FAILED : STEP_WAITS;
}

static void on_nap_over(struct watcher *watcher, uint32_t events)
{
	(void)events;
	timer_take(watcher->fd);
	loop_close(watcher);
	resume((struct job *)watcher);
}

static enum progress sleep_awhile(struct job *job)
{
	job->nap = (struct watcher){.fd = timer_open(), .on_ready = on_nap_over};
	if (job->nap.fd < 0 || loop_watch(&job->loop_server->loop, &job->nap, EPOLLIN))
		return STEP_FAILED;
	timer_set(job->nap.fd, now_ns() + job->step->ns);
	return STEP_WAITS;
}

static enum progress read_disk(struct job *job)
{
	job->error = disk_read();
	return job->error ? STEP_FAILED : STEP_DONE;
}

static enum progress write_log(struct job *job)
{
	job->error = log_write();
	return job->error ? STEP_FAILED : STEP_DONE;
}

/* One thread has nobody to share a lock with. */
static enum progress refuse(struct job *job)
{
	job->status = 501;
	return STEP_FAILED;
}

/* Sends what the socket takes: true if that was all there is, or all that will ever go. */
static bool send_response(struct job *job)
{
	struct client *client = job->client;

	for (;;) {
		size_t count;
		const char *piece = http_response_piece(&job->response, job->sent, &count);
		ssize_t sent = count ? send(client->watcher.fd, piece, count, MSG_NOSIGNAL) : 0;

		if (!count)
			return true;
		if (sent < 0 && errno == EAGAIN)
			return false;
		if (sent < 0) {
			drop_client(client);
			return true;
		}
		job->sent += (size_t)sent;
	}
}

static enum progress respond(struct job *job)
{
	struct client *client = job->client;

	if (client && !job->sent)
		http_response_init(&job->response, job->status, &job->request, job->plan.body_bytes);
	if (client) {
		client->blocked = !send_response(job);
		if (client->blocked) {
			watch_client(client);
			return STEP_WAITS;
		}
	}
	charge(job);
	job->truth.end_ns = now_ns();
	if (job->client) {
		client->job = NULL;
		job->client = NULL;
		if (!job->request.keep_alive)
			drop_client(client);
	}
	return STEP_DONE;
}

static enum progress (*const start_step[STEP_KINDS])(struct job *) = {
	[STEP_BURN] = burn,   [STEP_CALL] = call,     [STEP_CALL_ALL] = call_all, [STEP_POOL_CALL] = pool_call, [STEP_SLEEP] = sleep_awhile,
	[STEP_LOCK] = refuse, [STEP_UNLOCK] = refuse, [STEP_DISK] = read_disk,    [STEP_LOG] = write_log,       [STEP_RESPOND] = respond,
};

/* ---- a job's way */

static void end_job(struct job *job)
{
	truth_end(&job->truth);
	LIST_REMOVE(job, link);
	loop_discard(&job->loop_server->loop, &job->nap);
}

/* A plan that fails before its response goes on there, with an error's status; behind it, it ends. */
static void skip_after_failure(struct job *job)
{
	if (job->status == 200)
		job->status = 502;
	fprintf(stderr, "%s: request %lu: %s\n", job->request.path, job->request.id, job->error ? strerror(-job->error) : "not here");
	while (job->step->kind != STEP_END && job->step->kind != STEP_RESPOND)
		job->step++;
}

static void run_job(struct job *job)
{
	while (job->step->kind != STEP_END) {
		switch (start_step[job->step->kind](job)) {
		case STEP_DONE:
			job->step++;
			break;
		case STEP_WAITS:
			charge(job);
			return;
		case STEP_FAILED:
			skip_after_failure(job);
			break;
		}
	}
	end_job(job);
}

static void start_job(struct client *client)
{
	struct loop_server *loop_server = client->loop_server;
	struct job *job = calloc(1, sizeof *job);

	if (!job) {
		drop_client(client);
		return;
	}
	truth_begin();
	job->nap.fd = -1;
	job->loop_server = loop_server;
	LIST_INSERT_HEAD(&loop_server->jobs, job, link);
	job->client = client;
	client->job = job;
	job->request = client->reader.request;
	plan_request(&job->plan, &job->request);
	job->status = job->plan.status;
	job->step = job->plan.steps;
	job->truth = (struct truth_row){
		.id = job->request.id, .thread_id = gettid(), .start_ns = client->began_ns, .voluntary = -1, .involuntary = -1};
	truth_set_path(&job->truth, job->request.path);
	client->began_ns = 0;
	run_job(job);
}

/* ---- a client's requests */

/* Begins jobs as long as whole requests are there and none is under way. */
static void serve_client(struct client *client)
{
	while (client->watcher.fd >= 0 && !client->job && http_reader_buffered(&client->reader)) {
		int found;

		if (!client->began_ns)
			client->began_ns = now_ns();
		found = http_reader_next(&client->reader);
		if (found > 0)
			start_job(client);
		else if (found < 0)
			drop_client(client);
	}
	if (client->watcher.fd >= 0 && client->ended && !client->job)
		drop_client(client);
	if (client->watcher.fd >= 0)
		watch_client(client);
}

/* What the job waited for has come. (A client that is dropped on the way stays in memory until the round is over.) */
static void resume(struct job *job)
{
	struct client *client = job->client;

	if (job->error)
		skip_after_failure(job);
	else
		job->step++;
	run_job(job);
	if (client)
		serve_client(client);
}

static void on_client_ready(struct watcher *watcher, uint32_t events)
{
	struct client *client = (struct client *)watcher;
	ssize_t received = 1;

	if (events & EPOLLIN)
		received = http_reader_receive(&client->reader, watcher->fd);
	if ((events & (EPOLLERR | EPOLLHUP)) || (received < 0 && received != -EAGAIN)) {
		drop_client(client);
		return;
	}
	if (!received)
		client->ended = true;
	if (events & EPOLLOUT)
		run_job(client->job); /* which goes on with its response */
	serve_client(client);
}

static void on_listener_ready(struct watcher *watcher, uint32_t events)
{
	struct loop_server *loop_server = ((struct loop_listener *)watcher)->loop_server;
	int fd = accept4(watcher->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *client;

	(void)events;
	if (fd < 0)
		return; /* it went away, or another loop took it */
	send_without_delay(fd);
	client = malloc(sizeof *client);
	if (!client) {
		close(fd);
		return;
	}
	client->watcher = (struct watcher){.fd = fd, .on_ready = on_client_ready};
	client->loop_server = loop_server;
	client->job = NULL;
	client->watched_events = EPOLLIN;
	client->ended = client->blocked = false;
	client->began_ns = 0;
	http_reader_init(&client->reader);
	LIST_INSERT_HEAD(&loop_server->clients, client, link);
	if (loop_watch(&loop_server->loop, &client->watcher, EPOLLIN))
		drop_client(client);
}

/* ---- the whole */

int loop_server_init(struct loop_server *loop_server, const struct server *server, const int *listener_fds, unsigned listener_count)
{
	int error = loop_init(&loop_server->loop);

	if (error)
		return error;
	loop_server->server = server;
	loop_server->listener_count = listener_count;
	LIST_INIT(&loop_server->clients);
	LIST_INIT(&loop_server->jobs);
	for (enum peer peer = 0; peer < PEERS; peer++)
		call_pool_init(&loop_server->peers[peer], &loop_server->loop, server, peer, 0);
	call_pool_init(&loop_server->limited, &loop_server->loop, server, PEER_DB, server->pool_size);
	for (unsigned i = 0; i < listener_count && !error; i++) {
		struct loop_listener *listener = &loop_server->listeners[i];

		*listener = (struct loop_listener){.watcher = {.fd = listener_fds[i], .on_ready = on_listener_ready},
						   .loop_server = loop_server};
		set_nonblocking(listener_fds[i]);
		error = loop_watch(&loop_server->loop, &listener->watcher, EPOLLIN);
	}
	return error;
}

void loop_server_drain(struct loop_server *loop_server)
{
	uint64_t end_ns = now_ns() + DRAIN_MAX_NS;

	while (!LIST_EMPTY(&loop_server->jobs) && now_ns() < end_ns)
		if (loop_round(&loop_server->loop, DRAIN_ROUND_MS))
			break;
}

void loop_server_fini(struct loop_server *loop_server)
{
	struct job *job;

	for (unsigned i = 0; i < loop_server->listener_count; i++)
		loop_close(&loop_server->listeners[i].watcher);
	while (!LIST_EMPTY(&loop_server->clients))
		drop_client(LIST_FIRST(&loop_server->clients));
	while ((job = LIST_FIRST(&loop_server->jobs)))
		end_job(job);
	for (enum peer peer = 0; peer < PEERS; peer++)
		call_pool_fini(&loop_server->peers[peer]);
	call_pool_fini(&loop_server->limited);
	loop_fini(&loop_server->loop);
}
