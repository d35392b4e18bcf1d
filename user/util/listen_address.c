/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/listen_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "util/number.h"

static int parse_host(const char *host, uint16_t port, struct listen_address *address)
{
	struct sockaddr_in6 *v6 = &address->socket.v6;
	struct sockaddr_in *v4 = &address->socket.v4;
	size_t length = strlen(host);

	if (*host == '[' && host[length - 1] == ']') {
		char inner[INET6_ADDRSTRLEN];

		snprintf(inner, sizeof(inner), "%.*s", (int)(length - 2), host + 1);
		*v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
		address->length = sizeof(*v6);
		return inet_pton(AF_INET6, inner, &v6->sin6_addr) == 1 && strlen(inner) == length - 2 ? 0 : -EINVAL;
	}
	*v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
	address->length = sizeof(*v4);
	if (!strcmp(host, "*"))
		return 0;
	if (!strcmp(host, "localhost"))
		host = "127.0.0.1";
	return inet_pton(AF_INET, host, &v4->sin_addr) == 1 ? 0 : -EINVAL;
}

int listen_address_parse(const char *text, struct listen_address *address)
{
	const char *colon = strrchr(text, ':');
	char host[LISTEN_ADDRESS_TEXT];
	uint64_t port;

	memset(address, 0, sizeof(*address));
	if (!colon || parse_count(colon + 1, strlen(colon + 1), UINT16_MAX, &port))
		return -EINVAL;
	if (colon == text || (size_t)(colon - text) >= sizeof(host))
		return -EINVAL;
	snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
	return parse_host(host, (uint16_t)port, address);
}

void listen_address_print(const struct listen_address *address, char text[LISTEN_ADDRESS_TEXT])
{
	char host[INET6_ADDRSTRLEN];

	if (address->socket.any.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &address->socket.v6.sin6_addr, host, sizeof(host));
		snprintf(text, LISTEN_ADDRESS_TEXT, "[%s]:%u", host, ntohs(address->socket.v6.sin6_port));
	} else {
		inet_ntop(AF_INET, &address->socket.v4.sin_addr, host, sizeof(host));
		snprintf(text, LISTEN_ADDRESS_TEXT, "%s:%u", host, ntohs(address->socket.v4.sin_port));
	}
}
