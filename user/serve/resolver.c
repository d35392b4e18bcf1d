/* SPDX-License-Identifier: BSD-2-Clause */
#include "serve/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Questions and answers on their way at once. */
#define QUEUE_MAX 64

struct queue {
	struct resolved entries[QUEUE_MAX];
	size_t first, count;
};

/* Lives until both the owner and the thread have let go of it. */
struct resolver {
	pthread_mutex_t lock;
	pthread_cond_t asked;
	struct queue questions, answers;
	size_t in_work;
	unsigned holders;
};

static void put(struct queue *queue, const struct resolved *entry)
{
	queue->entries[(queue->first + queue->count++) % QUEUE_MAX] = *entry;
}

static bool take(struct queue *queue, struct resolved *entry)
{
	if (!queue->count)
		return false;
	*entry = queue->entries[queue->first];
	queue->first = (queue->first + 1) % QUEUE_MAX;
	queue->count--;
	return true;
}

/* Called with the lock held, and gives it back. */
static void let_go(struct resolver *resolver)
{
	bool last = !--resolver->holders;

	pthread_mutex_unlock(&resolver->lock);
	if (!last)
		return;
	pthread_cond_destroy(&resolver->asked);
	pthread_mutex_destroy(&resolver->lock);
	free(resolver);
}

static void find_name(struct resolved *entry)
{
	const struct addrinfo numbers = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;

	entry->name[0] = 0;
	if (getaddrinfo(entry->address, NULL, &numbers, &found))
		return;
	if (getnameinfo(found->ai_addr, found->ai_addrlen, entry->name, sizeof(entry->name), NULL, 0, NI_NAMEREQD))
		entry->name[0] = 0;
	freeaddrinfo(found);
}

static void *keep_answering(void *context)
{
	struct resolver *resolver = context;
	struct resolved entry;

	pthread_mutex_lock(&resolver->lock);
	while (resolver->holders > 1) {
		if (!take(&resolver->questions, &entry)) {
			pthread_cond_wait(&resolver->asked, &resolver->lock);
			continue;
		}
		resolver->in_work = 1;
		pthread_mutex_unlock(&resolver->lock);
		find_name(&entry);
		pthread_mutex_lock(&resolver->lock);
		resolver->in_work = 0;
		put(&resolver->answers, &entry);
	}
	let_go(resolver);
	return NULL;
}

struct resolver *resolver_open(void)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));
	pthread_t thread;

	if (!resolver)
		return NULL;
	resolver->holders = 2;
	pthread_mutex_init(&resolver->lock, NULL);
	pthread_cond_init(&resolver->asked, NULL);
	if (pthread_create(&thread, NULL, keep_answering, resolver)) {
		resolver->holders = 1;
		resolver_close(resolver);
		return NULL;
	}
	pthread_detach(thread);
	return resolver;
}

bool resolver_ask(struct resolver *resolver, const char *address)
{
	struct resolved entry = {0};
	bool room;

	snprintf(entry.address, sizeof(entry.address), "%s", address);
	pthread_mutex_lock(&resolver->lock);
	/* So that there is always room for the answers. */
	room = resolver->questions.count + resolver->in_work + resolver->answers.count < QUEUE_MAX;
	if (room) {
		put(&resolver->questions, &entry);
		pthread_cond_signal(&resolver->asked);
	}
	pthread_mutex_unlock(&resolver->lock);
	return room;
}

bool resolver_take(struct resolver *resolver, struct resolved *answer)
{
	bool taken;

	pthread_mutex_lock(&resolver->lock);
	taken = take(&resolver->answers, answer);
	pthread_mutex_unlock(&resolver->lock);
	return taken;
}

void resolver_close(struct resolver *resolver)
{
	if (!resolver)
		return;
	pthread_mutex_lock(&resolver->lock);
	pthread_cond_signal(&resolver->asked);
	let_go(resolver);
}
