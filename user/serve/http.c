/* SPDX-License-Identifier: BSD-2-Clause */
#include "serve/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve/accept.h"
#include "serve/clients.h"
#include "util/clock.h"

/* Scrapers are few; a hundred at once is a storm, and gets its answers. Each takes MEMORY_PER_CLIENT for its headers. */
#define CLIENTS_MAX       128
#define MEMORY_PER_CLIENT (16 * 1024)
/* A client that neither sends nor takes anything for so long is cut off. */
#define IDLE_S 10
/* The totals are shown once a window of a second: what is older was not made by a healthy tracer. */
#define HEALTHY_NS 15000000000ull

struct http_server {
	struct MHD_Daemon *daemon;
	struct exhibit *exhibit;
	struct clients *clients;
};

/* ---- answers -------------------------------------------------------------------------------------------------------------- */

static enum MHD_Result send_text(struct MHD_Connection *client, unsigned status, const char *type, const char *text, const char *allow)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result queued = MHD_NO;

	if (!response)
		return MHD_NO;
	if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) &&
	    (!allow || MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow)))
		queued = MHD_queue_response(client, status, response);
	MHD_destroy_response(response);
	return queued;
}

static const char plain[] = "text/plain; charset=utf-8";

static void put_page(void *context)
{
	exhibit_put_page(context);
}

static enum MHD_Result send_page(struct MHD_Connection *client, const struct page *page, enum metrics_format format, bool gzip)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer_with_free_callback_cls(page->size, (void *)page->bytes, put_page, (void *)page);
	enum MHD_Result queued = MHD_NO;

	if (!response) {
		exhibit_put_page(page);
		return MHD_NO;
	}
	if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, metrics_content_types[format]) &&
	    MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, "Accept, Accept-Encoding") &&
	    (!gzip || MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip")))
		queued = MHD_queue_response(client, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return queued;
}

static int weight_of(struct MHD_Connection *client, const char *header, const char *thing)
{
	return accept_weight(MHD_lookup_connection_value(client, MHD_HEADER_KIND, header), thing);
}

/* OpenMetrics goes only to those who name it, and do not like the other one better. */
static enum metrics_format format_for(struct MHD_Connection *client)
{
	int openmetrics = weight_of(client, MHD_HTTP_HEADER_ACCEPT, "application/openmetrics-text");

	if (openmetrics > 0 && openmetrics >= weight_of(client, MHD_HTTP_HEADER_ACCEPT, "text/plain"))
		return METRICS_OPENMETRICS;
	return METRICS_PROMETHEUS;
}

static const char *why_no_page(int err)
{
	switch (err) {
	case EAGAIN:
		return "nothing was measured yet\n";
	case EBUSY:
		return "too many clients take their pages too slowly\n";
	default:
		return "out of memory\n";
	}
}

static enum MHD_Result answer_metrics(struct http_server *server, struct MHD_Connection *client)
{
	enum metrics_format format = format_for(client);
	bool gzip = weight_of(client, MHD_HTTP_HEADER_ACCEPT_ENCODING, "gzip") > 0;
	const struct page *page = exhibit_page(server->exhibit, format, gzip);

	if (page)
		return send_page(client, page, format, gzip);
	return send_text(client, MHD_HTTP_SERVICE_UNAVAILABLE, plain, why_no_page(errno), NULL);
}

static enum MHD_Result answer_health(struct http_server *server, struct MHD_Connection *client)
{
	uint64_t shown_ns = exhibit_shown_ns(server->exhibit);

	if (shown_ns && monotonic_ns() - shown_ns < HEALTHY_NS)
		return send_text(client, MHD_HTTP_OK, plain, "ok\n", NULL);
	return send_text(client, MHD_HTTP_SERVICE_UNAVAILABLE, plain, "the tracer has shown no figures for 15 s\n", NULL);
}

static enum MHD_Result answer_front(struct http_server *server, struct MHD_Connection *client)
{
	(void)server;
	return send_text(client, MHD_HTTP_OK, "text/html; charset=utf-8",
			 "<!DOCTYPE html>\n<html lang=\"en\"><title>iocpu-trace</title>\n"
			 "<h1>iocpu-trace " IOCPU_VERSION "</h1>\n"
			 "<p>Where the time of each request goes, for Prometheus: <a href=\"/metrics\">/metrics</a>.\n"
			 "<p>Is it alive: <a href=\"/healthz\">/healthz</a>.\n</html>\n",
			 NULL);
}

static const struct route_row {
	const char *path;
	enum MHD_Result (*answer)(struct http_server *server, struct MHD_Connection *client);
} route_rows[] = {
	{"/metrics", answer_metrics},
	{"/healthz", answer_health},
	{"/", answer_front},
};

static const struct route_row *find_route(const char *path)
{
	for (size_t i = 0; i < sizeof(route_rows) / sizeof(route_rows[0]); i++)
		if (!strcmp(path, route_rows[i].path))
			return &route_rows[i];
	return NULL;
}

static bool has_body(struct MHD_Connection *client)
{
	return MHD_lookup_connection_value(client, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH) ||
	       MHD_lookup_connection_value(client, MHD_HEADER_KIND, MHD_HTTP_HEADER_TRANSFER_ENCODING);
}

/* ---- who comes and goes --------------------------------------------------------------------------------------------------- */

static struct client *client_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **client, enum MHD_ConnectionNotificationCode code)
{
	struct http_server *server = context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		*client = clients_add(server->clients, MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
				      monotonic_ns());
	else
		clients_remove(server->clients, *client);
}

static void on_answered(void *context, struct MHD_Connection *connection, void **request, enum MHD_RequestTerminationCode code)
{
	struct http_server *server = context;

	(void)request;
	(void)code;
	clients_answered(server->clients, client_of(connection), monotonic_ns());
}

/* ---- questions ------------------------------------------------------------------------------------------------------------ */

/*
 * Called when the headers are there, and again behind the body. Who is answered at the first call is cut off then, whatever would have
 * followed; the others may go on to ask.
 */
static enum MHD_Result on_request(void *context, struct MHD_Connection *client, const char *path, const char *method, const char *version,
				  const char *body, size_t *body_size, void **request)
{
	const struct route_row *route = find_route(path);
	struct http_server *server = context;
	bool first = !*request;

	(void)version;
	(void)body;
	(void)body_size;
	if (first)
		clients_asked(server->clients, client_of(client), monotonic_ns());
	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
		return send_text(client, MHD_HTTP_METHOD_NOT_ALLOWED, plain, "only GET and HEAD\n", "GET, HEAD");
	if (first && has_body(client))
		return send_text(client, MHD_HTTP_CONTENT_TOO_LARGE, plain, "a question has no body here\n", NULL);
	*request = context;
	if (first)
		return MHD_YES;
	if (route)
		return route->answer(server, client);
	return send_text(client, MHD_HTTP_NOT_FOUND, plain, "there are /metrics, /healthz and /\n", NULL);
}

/* ---- the server ----------------------------------------------------------------------------------------------------------- */

/* The socket is made here and not by the library, which would not say what was wrong with it. Its number, or −errno. */
static int open_socket(const struct listen_address *address, struct listen_address *bound)
{
	int fd = socket(address->socket.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

	if (fd < 0)
		return -errno;
	*bound = *address;
	/* A restart must not wait for the connections of before to be forgotten. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) || bind(fd, &address->socket.any, address->length) ||
	    listen(fd, CLIENTS_MAX) || getsockname(fd, &bound->socket.any, &bound->length)) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static struct MHD_Daemon *start_daemon(struct http_server *server, int fd)
{
	const struct MHD_OptionItem options[] = {
		{MHD_OPTION_LISTEN_SOCKET, fd, NULL},
		{MHD_OPTION_CONNECTION_LIMIT, CLIENTS_MAX, NULL},
		{MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, NULL},
		{MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY_PER_CLIENT, NULL},
		{MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, server},
		{MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_answered, server},
		{MHD_OPTION_END, 0, NULL},
	};

	return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, on_request, server, MHD_OPTION_ARRAY, options,
				MHD_OPTION_END);
}

int http_open(struct http_server **opened, const struct listen_address *address, struct exhibit *exhibit, struct listen_address *bound)
{
	struct http_server *server = calloc(1, sizeof(*server));
	int fd;

	*opened = NULL;
	if (!server)
		return -ENOMEM;
	server->exhibit = exhibit;
	server->clients = clients_open(CLIENTS_MAX);
	fd = server->clients ? open_socket(address, bound) : -ENOMEM;
	if (fd < 0) {
		http_close(server);
		return fd;
	}
	server->daemon = start_daemon(server, fd);
	if (!server->daemon) {
		close(fd);
		http_close(server);
		return -ENOMEM;
	}
	*opened = server;
	return 0;
}

void http_relieve(struct http_server *server)
{
	clients_relieve(server->clients, monotonic_ns());
}

void http_close(struct http_server *server)
{
	if (!server)
		return;
	if (server->daemon)
		MHD_stop_daemon(server->daemon);
	clients_close(server->clients);
	free(server);
}
