/* SPDX-License-Identifier: BSD-2-Clause */
#include "common_blocking.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common_clock.h"
#include "common_device.h"
#include "common_net.h"
#include "common_truth.h"

/* A request while it is served. */
struct exchange {
	struct worker *worker;
	int fd;
	const struct http_request *request;
	const struct began *began;
	const struct plan *plan;
	unsigned calls; /* made so far */
	unsigned status;
	struct truth_row truth;
};

static pthread_mutex_t *shared_mutex(void)
{
	pthread_mutex_t *mutex = mmap(NULL, sizeof *mutex, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t attributes;

	if (mutex == MAP_FAILED)
		return NULL;
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(mutex, &attributes);
	pthread_mutexattr_destroy(&attributes);
	return mutex;
}

void workplace_init(struct workplace *workplace, const struct server *server)
{
	*workplace = (struct workplace){.server = server, .lock = shared_mutex()};
	server_must(server, "the lock", workplace->lock ? 0 : -ENOMEM);
	server_must(server, "--pool", caller_pool_init(&workplace->pool, server));
}

void worker_init(struct worker *worker, struct workplace *workplace)
{
	worker->workplace = workplace;
	caller_init(&worker->caller, workplace->server);
}

void worker_fini(struct worker *worker)
{
	caller_fini(&worker->caller);
}

struct began began_now(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return (struct began){
		.at_ns = now_ns(), .thread_cpu_ns = thread_cpu_ns(), .voluntary = usage.ru_nvcsw, .involuntary = usage.ru_nivcsw};
}

/* The steps: each returns 0, or -errno. */

static int burn(struct exchange *exchange, const struct step *step)
{
	truth_burn(&exchange->truth, step->ns);
	return 0;
}

static int call(struct exchange *exchange, const struct step *step)
{
	return caller_call(&exchange->worker->caller, step->peer, call_id(exchange->request->id, exchange->calls++), step->ns);
}

static int call_all(struct exchange *exchange, const struct step *step)
{
	unsigned long first_id = call_id(exchange->request->id, exchange->calls);

	exchange->calls += CALLS_AT_ONCE;
	return caller_call_all(&exchange->worker->caller, first_id, step->ns);
}

static int pool_call(struct exchange *exchange, const struct step *step)
{
	return caller_pool_call(&exchange->worker->workplace->pool, call_id(exchange->request->id, exchange->calls++), step->ns);
}

static int sleep_awhile(struct exchange *exchange, const struct step *step)
{
	struct timespec rest = timespec_of_ns(step->ns);

	(void)exchange;
	return clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, NULL);
}

static int lock(struct exchange *exchange, const struct step *step)
{
	struct truth_lock *truth = &exchange->truth.lock;
	int error;

	(void)step;
	truth->asked_ns = now_ns();
	error = -pthread_mutex_lock(exchange->worker->workplace->lock);
	truth->got_ns = now_ns();
	return error;
}

static int unlock(struct exchange *exchange, const struct step *step)
{
	(void)step;
	exchange->truth.lock.released_ns = now_ns();
	return -pthread_mutex_unlock(exchange->worker->workplace->lock);
}

static int read_disk(struct exchange *exchange, const struct step *step)
{
	(void)exchange, (void)step;
	return disk_read();
}

static int write_log(struct exchange *exchange, const struct step *step)
{
	(void)exchange, (void)step;
	return log_write();
}

static int send_response(const struct exchange *exchange)
{
	struct http_response response;
	size_t sent = 0, count;
	int error = 0;

	http_response_init(&response, exchange->status, exchange->request, exchange->plan->body_bytes);
	for (;;) {
		const char *piece = http_response_piece(&response, sent, &count);

		if (error || !count)
			return error;
		error = send_all(exchange->fd, piece, count);
		sent += count;
	}
}

static int respond(struct exchange *exchange, const struct step *step)
{
	int error = send_response(exchange);
	struct began ended = began_now();
	struct truth_row *truth = &exchange->truth;

	(void)step;
	truth->end_ns = ended.at_ns;
	truth->handler_cpu_ns = ended.thread_cpu_ns - exchange->began->thread_cpu_ns;
	truth->voluntary = ended.voluntary - exchange->began->voluntary;
	truth->involuntary = ended.involuntary - exchange->began->involuntary;
	return error;
}

static int (*const run_step[STEP_KINDS])(struct exchange *, const struct step *) = {
	[STEP_BURN] = burn, [STEP_CALL] = call,     [STEP_CALL_ALL] = call_all, [STEP_POOL_CALL] = pool_call, [STEP_SLEEP] = sleep_awhile,
	[STEP_LOCK] = lock, [STEP_UNLOCK] = unlock, [STEP_DISK] = read_disk,    [STEP_LOG] = write_log,       [STEP_RESPOND] = respond,
};

/* A step that fails ends the plan; before the response it makes that a 502. */
static int run_plan(struct exchange *exchange)
{
	bool responded = false;

	for (const struct step *step = exchange->plan->steps; step->kind != STEP_END; step++) {
		int error = run_step[step->kind](exchange, step);

		if (error && step->kind == STEP_RESPOND)
			return error;
		if (error) {
			fprintf(stderr, "%s: request %lu: %s\n", exchange->request->path, exchange->request->id, strerror(-error));
			exchange->status = 502;
			return responded ? 0 : respond(exchange, step);
		}
		responded = responded || step->kind == STEP_RESPOND;
	}
	return 0;
}

int serve_request(struct worker *worker, int fd, const struct http_request *request, const struct began *began)
{
	struct plan plan;
	struct exchange exchange = {.worker = worker, .fd = fd, .request = request, .began = began, .plan = &plan};
	int error;

	truth_begin();
	plan_request(&plan, request);
	exchange.status = plan.status;
	exchange.truth = (struct truth_row){.id = request->id, .thread_id = gettid(), .start_ns = began->at_ns};
	truth_set_path(&exchange.truth, request->path);
	error = run_plan(&exchange);
	truth_end(&exchange.truth);
	return error;
}

/* The next whole request: 1; 0 at the stream's end, else -errno. began: when its first byte had been read. */
static int next_request(struct http_reader *reader, int fd, struct began *began)
{
	bool begun = false;

	for (;;) {
		ssize_t received = 1;
		int found;

		if (!http_reader_buffered(reader))
			received = http_reader_receive(reader, fd);
		if (received <= 0)
			return (int)received;
		if (!begun)
			*began = began_now();
		begun = true;
		found = http_reader_next(reader);
		if (found)
			return found;
	}
}

void serve_connection(struct worker *worker, int fd)
{
	struct http_reader reader;
	struct began began;

	http_reader_init(&reader);
	while (next_request(&reader, fd, &began) > 0)
		if (serve_request(worker, fd, &reader.request, &began) || !reader.request.keep_alive)
			break;
	close(fd);
}
