/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of downstreams instead of their addresses: those that the user gave, those of /etc/hosts, those that somebody is asked for.
 * Called by collector.c.
 * Never: waits for a name.
 */
#ifndef IOCPU_CLI_PEER_NAMES_H
#define IOCPU_CLI_PEER_NAMES_H

#include <stdbool.h>

#include "util/request.h"

struct peer_names;

/* hosts_path (/etc/hosts) is borrowed. NULL: no memory. */
struct peer_names *peer_names_open(const char *hosts_path);

/* "10.0.0.5=db", as --peer-name has it; before peer_names_tick reads the hosts, so that it goes before theirs. 0, −EINVAL or −ENOMEM. */
int peer_names_add(struct peer_names *names, const char *given);

/* Is this "IP=NAME"? */
bool peer_name_is_sound(const char *given);

/*
 * With --resolve: whom to ask for the name of an address that has none, once for each; false: try again later. peer_names_answer has what
 * came of it; an empty name: there is none.
 */
void peer_names_set_asker(struct peer_names *names, bool (*ask)(void *context, const char *address), void *context);
void peer_names_answer(struct peer_names *names, const char *address, const char *name);

/* Once a window: reads the hosts anew if their file has changed. */
void peer_names_tick(struct peer_names *names);

/*
 * "10.0.0.5:5432" → "db:5432", "[fd00::5]:53/udp" → "dns:53/udp"; what has no name stays as it is, and so do addresses of the loopback.
 * Lives until the next call.
 */
const char *peer_names_get(struct peer_names *names, const char *peer);

/* NULL is fine. */
void peer_names_close(struct peer_names *names);

#endif
