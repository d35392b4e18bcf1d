/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stands in for http.c and resolver.c in `make static`: libmicrohttpd needs GnuTLS, of which Debian's p11-kit is part and has no static
 * library; glibc's name service loads shared ones.
 */
#include <errno.h>
#include <stddef.h>

#include "serve/http.h"
#include "serve/resolver.h"

int http_open(struct http_server **server, const struct listen_address *address, struct exhibit *exhibit, struct listen_address *bound)
{
	(void)exhibit;
	*bound = *address;
	*server = NULL;
	return -ENOTSUP;
}

void http_relieve(struct http_server *server)
{
	(void)server;
}

void http_close(struct http_server *server)
{
	(void)server;
}

struct resolver *resolver_open(void)
{
	return NULL;
}

bool resolver_ask(struct resolver *resolver, const char *address)
{
	(void)resolver;
	(void)address;
	return false;
}

bool resolver_take(struct resolver *resolver, struct resolved *answer)
{
	(void)resolver;
	(void)answer;
	return false;
}

void resolver_close(struct resolver *resolver)
{
	(void)resolver;
}
