/* SPDX-License-Identifier: BSD-2-Clause */
/* Child processes that serve while the parent waits. Used by prefork and reuseport_loops. */
#ifndef SERVERS_COMMON_CHILDREN_H
#define SERVERS_COMMON_CHILDREN_H

#include "common_server.h"

/* Makes server->threads children; each calls serve with its number, from 0 on, and ends when that returns, when it is sent SIGTERM, or with
 * its parent. Ends the process if one cannot be made.
 */
void children_start(const struct server *server, void (*serve)(const struct server *server, void *argument, unsigned long number),
		    void *argument);

/* Waits for the signal to stop, closes the server once requests under way are through, ends the children. Returns main's exit code. */
int children_finish(struct server *server);

#endif
