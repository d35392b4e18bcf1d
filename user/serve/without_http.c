/* SPDX-License-Identifier: BSD-2-Clause */
/* Stands in for http.c in `make static`: libmicrohttpd needs GnuTLS, of which Debian's p11-kit is part and has no static library. */
#include <errno.h>
#include <stddef.h>

#include "serve/http.h"

int http_open(struct http_server **server, const struct listen_address *address, struct exhibit *exhibit, struct listen_address *bound)
{
	(void)exhibit;
	*bound = *address;
	*server = NULL;
	return -ENOTSUP;
}

void http_close(struct http_server *server)
{
	(void)server;
}
