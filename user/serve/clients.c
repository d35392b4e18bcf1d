/* SPDX-License-Identifier: BSD-2-Clause */
#include "serve/clients.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#define NS_PER_SECOND 1000000000ull

enum client_phase { CLIENT_ASKS, CLIENT_TAKES, CLIENT_PHASES };

/*
 * How long each may keep a place that others want. A question comes in one piece; who is done and stays only might ask again. Prometheus
 * gives up on an answer after ten seconds.
 */
static const uint64_t patience_ns[CLIENT_PHASES] = {[CLIENT_ASKS] = NS_PER_SECOND, [CLIENT_TAKES] = 10 * NS_PER_SECOND};

struct client {
	struct client *next, **link;
	int fd;
	enum client_phase phase;
	uint64_t since_ns;
};

struct clients {
	pthread_mutex_t lock;
	struct client *first;
	size_t count, places;
};

struct clients *clients_open(size_t places)
{
	struct clients *clients = calloc(1, sizeof(*clients));

	if (!clients)
		return NULL;
	pthread_mutex_init(&clients->lock, NULL);
	clients->places = places;
	return clients;
}

struct client *clients_add(struct clients *clients, int fd, uint64_t now_ns)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	pthread_mutex_lock(&clients->lock);
	*client = (struct client){.next = clients->first, .link = &clients->first, .fd = fd, .since_ns = now_ns};
	if (client->next)
		client->next->link = &client->next;
	clients->first = client;
	clients->count++;
	pthread_mutex_unlock(&clients->lock);
	return client;
}

static void begin(struct clients *clients, struct client *client, enum client_phase phase, uint64_t now_ns)
{
	if (!client)
		return;
	pthread_mutex_lock(&clients->lock);
	client->phase = phase;
	client->since_ns = now_ns;
	pthread_mutex_unlock(&clients->lock);
}

void clients_asked(struct clients *clients, struct client *client, uint64_t now_ns)
{
	begin(clients, client, CLIENT_TAKES, now_ns);
}

void clients_answered(struct clients *clients, struct client *client, uint64_t now_ns)
{
	begin(clients, client, CLIENT_ASKS, now_ns);
}

void clients_remove(struct clients *clients, struct client *client)
{
	if (!client)
		return;
	pthread_mutex_lock(&clients->lock);
	*client->link = client->next;
	if (client->next)
		client->next->link = client->link;
	clients->count--;
	pthread_mutex_unlock(&clients->lock);
	free(client);
}

void clients_relieve(struct clients *clients, uint64_t now_ns)
{
	pthread_mutex_lock(&clients->lock);
	if (clients->count >= clients->places)
		for (struct client *client = clients->first; client; client = client->next)
			if (now_ns > client->since_ns + patience_ns[client->phase])
				shutdown(client->fd, SHUT_RDWR);
	pthread_mutex_unlock(&clients->lock);
}

void clients_close(struct clients *clients)
{
	if (!clients)
		return;
	pthread_mutex_destroy(&clients->lock);
	free(clients);
}
