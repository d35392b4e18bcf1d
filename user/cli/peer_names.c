/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/peer_names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Addresses with a name; they are looked through one by one, and whoever has more keeps a name server. */
#define ADDRESSES_MAX 512
/* Longest name of a peer without its port, with its end. */
#define NAME_BYTES 64

struct address {
	int family;
	unsigned char bytes[16];
};

struct named_address {
	struct address address;
	char name[NAME_BYTES]; /* empty: it was asked for, and is not known yet, or there is none */
};

struct peer_names {
	const char *hosts_path;
	struct timespec hosts_time;
	struct named_address *entries; /* the given ones, then those of the hosts */
	size_t count, given;
	bool (*ask)(void *context, const char *address); /* NULL: nobody */
	void *ask_context;
	char told[PEER_NAME_MAX];
};

struct peer_names *peer_names_open(const char *hosts_path)
{
	struct peer_names *names = calloc(1, sizeof(*names));

	if (names)
		names->hosts_path = hosts_path;
	return names;
}

/* An address of version 4 in the clothes of version 6 is one of version 4. */
static bool parse_address(const char *text, struct address *address)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

	memset(address, 0, sizeof(*address));
	address->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(address->family, text, address->bytes) != 1)
		return false;
	if (address->family == AF_INET6 && !memcmp(address->bytes, mapped, sizeof(mapped))) {
		memmove(address->bytes, address->bytes + sizeof(mapped), 4);
		memset(address->bytes + 4, 0, 12);
		address->family = AF_INET;
	}
	return true;
}

static bool is_loopback(const struct address *address)
{
	static const unsigned char loopback[16] = {[15] = 1};

	return address->family == AF_INET ? address->bytes[0] == 127 : !memcmp(address->bytes, loopback, sizeof(loopback));
}

static struct named_address *find_address(const struct peer_names *names, const struct address *address)
{
	for (size_t i = 0; i < names->count; i++)
		if (!memcmp(&names->entries[i].address, address, sizeof(*address)))
			return &names->entries[i];
	return NULL;
}

/* 0 or −ENOMEM. The first name of an address counts. */
static int add(struct peer_names *names, const struct address *address, const char *name)
{
	struct named_address *grown;

	if (find_address(names, address))
		return 0;
	grown = realloc(names->entries, (names->count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	names->entries = grown;
	grown[names->count].address = *address;
	snprintf(grown[names->count].name, sizeof(grown[names->count].name), "%s", name);
	names->count++;
	return 0;
}

/* "IP=NAME": the address, and where the name begins; NULL: it is none. */
static const char *parse_given(const char *given, struct address *address)
{
	const char *equals = strchr(given, '=');
	char text[INET6_ADDRSTRLEN];

	if (!equals || !equals[1] || strlen(equals + 1) >= NAME_BYTES || (size_t)(equals - given) >= sizeof(text))
		return NULL;
	snprintf(text, sizeof(text), "%.*s", (int)(equals - given), given);
	return parse_address(text, address) ? equals + 1 : NULL;
}

bool peer_name_is_sound(const char *given)
{
	struct address address;

	return parse_given(given, &address);
}

int peer_names_add(struct peer_names *names, const char *given)
{
	struct address address;
	const char *name = parse_given(given, &address);
	int err = name ? add(names, &address, name) : -EINVAL;

	names->given = names->count;
	return err;
}

/* "10.0.0.5  db db.example  # comment": the address and its first name. What is meant for this machine itself says nothing of a peer. */
static void read_line(struct peer_names *names, char *line)
{
	char *rest = line, *text, *name;
	struct address address;

	line[strcspn(line, "#\n")] = 0;
	text = strsep(&rest, " \t");
	do {
		name = strsep(&rest, " \t");
	} while (name && !*name);
	if (name && parse_address(text, &address) && !is_loopback(&address) && names->count < ADDRESSES_MAX)
		add(names, &address, name);
}

void peer_names_tick(struct peer_names *names)
{
	char line[1024];
	struct stat stat_;
	FILE *file;

	if (stat(names->hosts_path, &stat_) ||
	    (stat_.st_mtim.tv_sec == names->hosts_time.tv_sec && stat_.st_mtim.tv_nsec == names->hosts_time.tv_nsec))
		return;
	file = fopen(names->hosts_path, "re");
	if (!file)
		return;
	names->hosts_time = stat_.st_mtim;
	names->count = names->given;
	while (fgets(line, sizeof(line), file))
		read_line(names, line);
	fclose(file);
}

void peer_names_set_asker(struct peer_names *names, bool (*ask)(void *context, const char *address), void *context)
{
	names->ask = ask;
	names->ask_context = context;
}

/* The entry without a name remembers that it was asked for. */
static void ask_for(struct peer_names *names, const struct address *address, const char *text)
{
	if (!names->ask || is_loopback(address) || names->count >= ADDRESSES_MAX)
		return;
	if (names->ask(names->ask_context, text))
		add(names, address, "");
}

void peer_names_answer(struct peer_names *names, const char *text, const char *name)
{
	struct address address;
	struct named_address *entry = parse_address(text, &address) ? find_address(names, &address) : NULL;

	if (entry && !entry->name[0])
		snprintf(entry->name, sizeof(entry->name), "%s", name);
}

const char *peer_names_get(struct peer_names *names, const char *peer)
{
	const char *begin = *peer == '[' ? peer + 1 : peer;
	const char *port = strrchr(peer, ':');
	const struct named_address *found;
	char text[INET6_ADDRSTRLEN];
	struct address address;
	size_t length;

	if ((!names->count && !names->ask) || !port || port < begin)
		return peer;
	length = (size_t)(port - begin) - (*peer == '[');
	if (length >= sizeof(text))
		return peer;
	snprintf(text, sizeof(text), "%.*s", (int)length, begin);
	if (!parse_address(text, &address))
		return peer;
	found = find_address(names, &address);
	if (!found)
		ask_for(names, &address, text);
	if (!found || !found->name[0])
		return peer;
	snprintf(names->told, sizeof(names->told), "%s%s", found->name, port);
	return names->told;
}

void peer_names_close(struct peer_names *names)
{
	if (!names)
		return;
	free(names->entries);
	free(names);
}
