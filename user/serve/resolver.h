/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of addresses from whatever name service this machine uses, in a thread of its own.
 * Called by cli's collector, with --resolve.
 * Never: keeps its caller waiting, also not at the end, though name services may take half a minute.
 */
#ifndef IOCPU_SERVE_RESOLVER_H
#define IOCPU_SERVE_RESOLVER_H

#include <netinet/in.h>
#include <stdbool.h>

/* Longest name that is taken, with its end. */
#define RESOLVED_NAME_MAX 64

struct resolver;

struct resolved {
	char address[INET6_ADDRSTRLEN];
	char name[RESOLVED_NAME_MAX]; /* empty: it has none, or a longer one */
};

/* NULL: no memory or no thread. */
struct resolver *resolver_open(void);

/* false: too many are being asked for already; to be tried again later. */
bool resolver_ask(struct resolver *resolver, const char *address);

/* The next answer; false: none has come. */
bool resolver_take(struct resolver *resolver, struct resolved *answer);

/* NULL is fine. */
void resolver_close(struct resolver *resolver);

#endif
