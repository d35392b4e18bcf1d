/* SPDX-License-Identifier: BSD-2-Clause */
/* The load generator: one epoll thread that sends exactly the requests it was told to, and logs the client's truth of each as CSV:
 * id,path,sent_ns,first_byte_ns,done_ns,status,bytes (CLOCK_MONOTONIC; status 0: no whole response came). Closed loop by default, every
 * connection asking again when it was answered; with --rate an open loop, which asks whether or not it was. Always bounded in count
 * and time; SIGUSR1: no new requests from now on. Exits 1 if any request failed.
 */
#include <errno.h>
#include <http_parser.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common_clock.h"
#include "common_latency.h"
#include "common_loop.h"
#include "common_net.h"
#include "common_options.h"
#include "common_workload.h"

#define PIPELINE_MAX      64
#define REQUEST_MAX       512
#define SPLIT_BYTES       6 /* in the middle of the request line */
#define SPLIT_PAUSE_NS    (5 * NS_PER_MS)
#define SLOW_READ_BYTES   4096  /* then a pause, as long as the rate asks for */
#define SLOW_RCVBUF_BYTES 16384 /* so that the server soon feels a slow reader */

struct request {
	unsigned long id;
	char path[MIX_PATH_MAX];
	uint64_t sent_ns, first_byte_ns, done_ns;
	unsigned status;
	size_t bytes; /* of the response's body */
};

/* One connection at a time; with --close one after another. Either idle (in the list) or with requests in flight. */
struct connection {
	struct watcher watcher;
	TAILQ_ENTRY(connection) idle_link;
	bool connecting, last; /* last: the server will close it */
	http_parser parser;
	struct request requests[PIPELINE_MAX]; /* a batch, in order; those before `answered` are through */
	unsigned request_count, answered;
	char unsent[PIPELINE_MAX * REQUEST_MAX];
	size_t unsent_from, unsent_to;
	uint64_t resume_ns; /* goes on then: the rest of a request, or a slow reader's next sip; 0: need not */
};

static struct options {
	unsigned long port, connections, requests, rate, pipeline, slow_read, first_id, duration_s, timeout_s, seed;
	const char *unix_path, *log_path;
	bool ipv6, poisson, split_request, close, linger;
	struct mix mix;
} options = {.connections = 1, .pipeline = 1, .first_id = 1, .timeout_s = 120, .seed = 1};

static struct loop loop;
static struct watcher timer;
static FILE *request_log; /* NULL without --log */
static struct connection *connections;
static TAILQ_HEAD(, connection) idle = TAILQ_HEAD_INITIALIZER(idle);
static unsigned long issued, finished, failed;
static unsigned long due = ULONG_MAX; /* of an open loop: how many should have been issued by now */
static uint64_t began_ns, next_arrival_ns, duration_end_ns = UINT64_MAX, timeout_ns;
static uint64_t received_ns;       /* when the bytes now being parsed were read */
static struct latencies latencies; /* of whole responses */

static void die(const char *what, int error)
{
	fprintf(stderr, "loadgen: %s: %s\n", what, strerror(-error));
	exit(1);
}

/* Is there still a request to come, now or later? */
static bool more_to_come(void)
{
	return !load_has_ended() && (!options.requests || issued < options.requests) && now_ns() < duration_end_ns;
}

static void finish_request(const struct request *request)
{
	finished++;
	if (request->status < 200 || request->status >= 400)
		failed++;
	if (request->status && latencies_add(&latencies, request->done_ns - request->sent_ns))
		die("latencies", -ENOMEM);
	if (request_log)
		fprintf(request_log, "%lu,%s,%lu,%lu,%lu,%u,%zu\n", request->id, request->path, request->sent_ns, request->first_byte_ns,
			request->done_ns, request->status, request->bytes);
}

/* ---- the timer: the next arrival, pauses, the ends */

static void arm_timer(void)
{
	uint64_t at_ns = timeout_ns;

	if (now_ns() < duration_end_ns)
		at_ns = earlier_ns(at_ns, duration_end_ns);
	if (options.rate && more_to_come())
		at_ns = earlier_ns(at_ns, next_arrival_ns);
	for (unsigned long i = 0; i < options.connections; i++)
		if (connections[i].resume_ns)
			at_ns = earlier_ns(at_ns, connections[i].resume_ns);
	timer_set(timer.fd, at_ns);
}

static void resume_later(struct connection *connection, uint64_t pause_ns)
{
	connection->resume_ns = now_ns() + pause_ns;
	arm_timer();
}

static void count_arrivals(void)
{
	for (uint64_t now = now_ns(); next_arrival_ns <= now; due++) {
		double gap = options.poisson ? exponential_gap() : 1;

		next_arrival_ns += (uint64_t)(gap * (double)NS_PER_S / (double)options.rate);
	}
}

/* ---- a connection's life */

/* Ends the connection; what was still in flight on it has failed. */
static void hang_up(struct connection *connection)
{
	loop_close(&connection->watcher);
	connection->connecting = false;
	connection->resume_ns = 0;
	connection->unsent_from = connection->unsent_to = 0;
	while (connection->answered < connection->request_count) {
		struct request *request = &connection->requests[connection->answered++];

		request->status = 0;
		finish_request(request);
	}
}

/* Sends at most `most` bytes; what the socket does not take follows later. */
static void send_unsent(struct connection *connection, size_t most)
{
	size_t count = connection->unsent_to - connection->unsent_from;
	ssize_t sent =
		send(connection->watcher.fd, connection->unsent + connection->unsent_from, count < most ? count : most, MSG_NOSIGNAL);

	if (sent < 0 && errno != EAGAIN) {
		hang_up(connection);
		return;
	}
	connection->unsent_from += sent < 0 ? 0 : (size_t)sent;
	if (connection->unsent_from < connection->unsent_to)
		resume_later(connection, SPLIT_PAUSE_NS);
}

/* All requests of a batch leave in one write, so that the server finds them in one read. */
static void send_batch(struct connection *connection)
{
	connection->unsent_from = connection->unsent_to = 0;
	for (unsigned i = 0; i < connection->request_count; i++) {
		const struct request *request = &connection->requests[i];

		connection->unsent_to += (size_t)snprintf(connection->unsent + connection->unsent_to, REQUEST_MAX,
							  "GET %s HTTP/1.1\r\nHost: localhost\r\nX-Id: %lu\r\n%s\r\n", request->path,
							  request->id, options.close ? "Connection: close\r\n" : "");
	}
	for (unsigned i = 0; i < connection->request_count; i++)
		connection->requests[i].sent_ns = now_ns();
	send_unsent(connection, options.split_request ? SPLIT_BYTES : SIZE_MAX);
}

static void on_connection_ready(struct watcher *watcher, uint32_t events);

/* Makes the connection. Failing here is the end of the run: the server is not there. */
static void open_connection(struct connection *connection)
{
	int receive_buffer = SLOW_RCVBUF_BYTES;
	int fd = options.unix_path ? connect_unix(options.unix_path, true)
				   : connect_tcp((uint16_t)options.port, (struct tcp_options){.ipv6 = options.ipv6, .nonblocking = true});

	if (fd < 0)
		die("connect", fd);
	if (options.slow_read)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
	connection->watcher = (struct watcher){.fd = fd, .on_ready = on_connection_ready};
	connection->connecting = true;
	connection->last = options.close;
	http_parser_init(&connection->parser, HTTP_RESPONSE);
	connection->parser.data = connection;
	if (loop_watch(&loop, &connection->watcher, EPOLLOUT))
		die("epoll", -errno);
}

static void on_connected(struct connection *connection)
{
	socklen_t length = sizeof(int);
	int error = 0;

	getsockopt(connection->watcher.fd, SOL_SOCKET, SO_ERROR, &error, &length);
	if (error)
		die("connect", -error);
	connection->connecting = false;
	loop_rewatch(&loop, &connection->watcher, EPOLLIN);
	send_batch(connection);
}

/* ---- who asks when */

static void start_batch(struct connection *connection)
{
	unsigned long most = options.rate ? 1 : options.pipeline;

	TAILQ_REMOVE(&idle, connection, idle_link);
	connection->request_count = connection->answered = 0;
	while (connection->request_count < most && more_to_come()) {
		struct request *request = &connection->requests[connection->request_count++];

		*request = (struct request){.id = options.first_id + issued++};
		mix_next(&options.mix, request->path, request->id);
	}
	if (connection->watcher.fd < 0)
		open_connection(connection);
	else
		send_batch(connection);
}

/* After anything that may have ended a batch. A connection that will not be needed again leaves its server thread to others. */
static void settle(struct connection *connection)
{
	if (connection->answered < connection->request_count)
		return;
	if (connection->last || !(options.linger || more_to_come()))
		hang_up(connection);
	if (connection->request_count)
		TAILQ_INSERT_TAIL(&idle, connection, idle_link);
	connection->request_count = connection->answered = 0;
}

/* Puts idle connections to work; ends the run when all is done. */
static void issue(void)
{
	while (!TAILQ_EMPTY(&idle) && issued < due && more_to_come()) {
		struct connection *connection = TAILQ_FIRST(&idle);

		start_batch(connection);
		settle(connection);
	}
	if (finished == issued && !more_to_come())
		loop.stopped = true;
}

/* ---- answers */

static struct request *awaited(http_parser *parser)
{
	struct connection *connection = parser->data;

	return connection->answered < connection->request_count ? &connection->requests[connection->answered] : NULL;
}

static int on_message_begin(http_parser *parser)
{
	struct request *request = awaited(parser);

	if (!request)
		return -1; /* nobody asked */
	request->first_byte_ns = received_ns;
	return 0;
}

static int on_body(http_parser *parser, const char *bytes, size_t count)
{
	(void)bytes;
	awaited(parser)->bytes += count;
	return 0;
}

static int on_message_complete(http_parser *parser)
{
	struct connection *connection = parser->data;
	struct request *request = awaited(parser);

	request->status = parser->status_code;
	request->done_ns = received_ns;
	connection->answered++;
	if (!http_should_keep_alive(parser))
		connection->last = true;
	finish_request(request);
	return 0;
}

static const http_parser_settings callbacks = {
	.on_message_begin = on_message_begin, .on_body = on_body, .on_message_complete = on_message_complete};

static void receive(struct connection *connection)
{
	static char buffer[1 << 16];
	ssize_t received = recv(connection->watcher.fd, buffer, options.slow_read ? SLOW_READ_BYTES : sizeof buffer, 0);
	size_t parsed;

	if (received < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	received_ns = now_ns();
	if (received < 0) {
		hang_up(connection);
		return;
	}
	parsed = http_parser_execute(&connection->parser, &callbacks, buffer, (size_t)received);
	if (!received || parsed < (size_t)received || HTTP_PARSER_ERRNO(&connection->parser) != HPE_OK) {
		hang_up(connection);
	} else if (options.slow_read) {
		loop_rewatch(&loop, &connection->watcher, 0);
		resume_later(connection, (uint64_t)received * NS_PER_S / options.slow_read);
	}
}

static void on_connection_ready(struct watcher *watcher, uint32_t events)
{
	struct connection *connection = (struct connection *)watcher;

	(void)events;
	if (connection->connecting)
		on_connected(connection);
	else
		receive(connection);
	settle(connection);
	issue();
}

static void resume(struct connection *connection)
{
	connection->resume_ns = 0;
	if (connection->unsent_from < connection->unsent_to)
		send_unsent(connection, SIZE_MAX);
	else
		loop_rewatch(&loop, &connection->watcher, EPOLLIN);
	settle(connection);
}

static void on_timer(struct watcher *watcher, uint32_t events)
{
	uint64_t expirations, now = now_ns();

	(void)events;
	if (read(watcher->fd, &expirations, sizeof expirations) != sizeof expirations)
		return;
	if (now >= timeout_ns)
		loop.stopped = true;
	for (unsigned long i = 0; i < options.connections; i++)
		if (connections[i].resume_ns && connections[i].resume_ns <= now)
			resume(&connections[i]);
	if (options.rate)
		count_arrivals();
	issue();
	arm_timer();
}

/* ---- the run */

static int parse_host(void *target, const char *text)
{
	struct options *into = target;

	into->ipv6 = !strcmp(text, "::1");
	return into->ipv6 || !strcmp(text, "127.0.0.1") || !strcmp(text, "localhost") ? 0 : -EINVAL;
}

static int parse_path(void *target, const char *text)
{
	return mix_add(&((struct options *)target)->mix, 1, text, strlen(text));
}

static int parse_mix(void *target, const char *text)
{
	return mix_parse(&((struct options *)target)->mix, text);
}

static const struct option_row option_rows[] = {
	{"port", OPTION_NUMBER, offsetof(struct options, port), NULL, "PORT of the server"},
	{"host", OPTION_CALL, 0, parse_host, "127.0.0.1 (the default) or ::1: only the loopback"},
	{"unix", OPTION_TEXT, offsetof(struct options, unix_path), NULL, "PATH: a Unix socket rather than a port"},
	{"connections", OPTION_NUMBER, offsetof(struct options, connections), NULL, "N (default 1)"},
	{"requests", OPTION_NUMBER, offsetof(struct options, requests), NULL, "N: exactly so many (default 1 without --duration)"},
	{"duration", OPTION_NUMBER, offsetof(struct options, duration_s), NULL, "S: no new requests after so many seconds"},
	{"timeout", OPTION_NUMBER, offsetof(struct options, timeout_s), NULL, "S: what is unanswered then has failed (default 120)"},
	{"rate", OPTION_NUMBER, offsetof(struct options, rate), NULL, "R: open loop, R requests a second in all, evenly spaced"},
	{"poisson", OPTION_FLAG, offsetof(struct options, poisson), NULL, "with --rate: spaced as a Poisson process"},
	{"seed", OPTION_NUMBER, offsetof(struct options, seed), NULL, "N: of --poisson's random numbers (default 1)"},
	{"path", OPTION_CALL, 0, parse_path, "P: a # in it becomes the request's id; may be repeated (default /json)"},
	{"mix", OPTION_CALL, 0, parse_mix, "'WEIGHT PATH, WEIGHT PATH...': in turns, by weight"},
	{"pipeline", OPTION_NUMBER, offsetof(struct options, pipeline), NULL, "K: so many requests in one write, then their answers"},
	{"slow-read", OPTION_NUMBER, offsetof(struct options, slow_read), NULL, "BYTES a second that each connection reads"},
	{"split-request", OPTION_FLAG, offsetof(struct options, split_request), NULL, "send the request line in two writes, 5 ms apart"},
	{"close", OPTION_FLAG, offsetof(struct options, close), NULL, "a new connection for every request"},
	{"linger", OPTION_FLAG, offsetof(struct options, linger), NULL,
	 "when all is answered, say so and keep the connections open until standard input ends"},
	{"first-id", OPTION_NUMBER, offsetof(struct options, first_id), NULL, "N: X-Id of the first request (default 1)"},
	{"log", OPTION_TEXT, offsetof(struct options, log_path), NULL, "FILE: CSV of every request"},
};

static void parse_options(int argc, char **argv)
{
	options_parse(argc, argv, option_rows, sizeof option_rows / sizeof *option_rows, &options);
	if (!options.mix.count)
		mix_add(&options.mix, 1, "/json", strlen("/json"));
	if (!options.requests && !options.duration_s)
		options.requests = 1;
	if (options.close)
		options.pipeline = 1;
	if (!options.connections || !options.pipeline || options.pipeline > PIPELINE_MAX || !options.timeout_s ||
	    options.port > UINT16_MAX || !options.port == !options.unix_path) {
		fprintf(stderr, "loadgen: --port or --unix; --connections, --timeout at least 1; --pipeline 1 to %d\n", PIPELINE_MAX);
		exit(2);
	}
}

static int set_up(void)
{
	int error = loop_init(&loop);

	raise_descriptor_limit();
	if (!error)
		error = loop_stop_on_signals(&loop);
	if (error)
		return error;
	timer = (struct watcher){.fd = timer_open(), .on_ready = on_timer};
	connections = calloc(options.connections, sizeof *connections);
	if (timer.fd < 0 || !connections)
		return timer.fd < 0 ? timer.fd : -ENOMEM;
	for (unsigned long i = 0; i < options.connections; i++) {
		connections[i].watcher.fd = -1;
		TAILQ_INSERT_TAIL(&idle, &connections[i], idle_link);
	}
	if (options.log_path && !(request_log = fopen(options.log_path, "we")))
		return -errno;
	if (request_log)
		fprintf(request_log, "id,path,sent_ns,first_byte_ns,done_ns,status,bytes\n");
	return loop_watch(&loop, &timer, EPOLLIN);
}

static void start_clocks(void)
{
	srand48((long)options.seed);
	began_ns = next_arrival_ns = now_ns();
	timeout_ns = began_ns + options.timeout_s * NS_PER_S;
	if (options.duration_s)
		duration_end_ns = began_ns + options.duration_s * NS_PER_S;
	if (options.rate)
		due = 0;
	arm_timer();
}

/* Requests that never went out because of the timeout have failed as well. */
static void summarise(void)
{
	double seconds = (double)(now_ns() - began_ns) / (double)NS_PER_S;
	unsigned long unsent = options.requests && !options.duration_s ? options.requests - issued : 0;

	failed += unsent;
	printf("%lu requests, %lu errors, ", finished + unsent, failed);
	latencies_print(&latencies);
	printf(", %.1f req/s\n", (double)finished / seconds);
}

static void tear_down(void)
{
	for (unsigned long i = 0; i < options.connections; i++)
		hang_up(&connections[i]);
	loop_close(&timer);
	loop_fini(&loop);
}

int main(int argc, char **argv)
{
	int error;

	parse_options(argc, argv);
	error = set_up();
	if (error)
		die("start", error);
	load_end_on_signal();
	start_clocks();
	issue();
	error = loop_run(&loop);
	if (error)
		die("epoll", error);
	if (options.linger && puts("lingering") != EOF && !fflush(stdout))
		while (getchar() != EOF)
			;
	tear_down();
	summarise();
	free(connections);
	latencies_fini(&latencies);
	if (request_log && fclose(request_log))
		die(options.log_path, -errno);
	return failed ? 1 : 0;
}
