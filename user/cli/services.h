/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The names of services: "node:8080", the name of the process that listens and its port (or its Unix path).
 * Called by the pipeline for each event and each finished request.
 * Never: two names for the workers of one listener; one name for two programs that listen on the same port in two containers.
 */
#ifndef IOCPU_CLI_SERVICES_H
#define IOCPU_CLI_SERVICES_H

#include "util/event.h"

/* Each byte of it may stand as %XX. */
#define SERVICE_COMM_MAX (3 * COMM_MAX)
#define SERVICE_NAME_MAX (SERVICE_COMM_MAX + UNIX_PATH_MAX + 2)

struct services;

/* NULL: no memory. */
struct services *services_open(void);

/* Learns who is called what and who listens where. The parent is the process of the thread that forked what a RECORD_THREAD tells of, or a
 * found one's; 0: not known. 0 or −ENOMEM. */
int services_read(struct services *services, const struct event *event, uint32_t parent_tgid);

/*
 * The service of whatever came to process tgid by this port (0: by this path) into name[SERVICE_NAME_MAX]. No port and no path: the
 * process's name alone. Bytes that are no printable characters stand as %XX, so that what is shown is what the services are told apart by.
 */
void services_name(const struct services *services, uint32_t tgid, uint16_t port, const char *unix_path, char *name);

void services_close(struct services *services);

#endif
