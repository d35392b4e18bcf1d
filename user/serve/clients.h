/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who holds the server's places, and since when: those who trickle their question or their answer must not keep all others out.
 * Called by http.c: from the HTTP thread as clients come and go, and from the tracing thread once a window.
 * Never: ends anybody while there are places, or anybody who asks and listens as fast as a scraper does.
 */
#ifndef IOCPU_SERVE_CLIENTS_H
#define IOCPU_SERVE_CLIENTS_H

#include <stddef.h>
#include <stdint.h>

struct clients;
struct client;

/* NULL: no memory. */
struct clients *clients_open(size_t places);

/* One has come by this socket, and is expected to ask. NULL: no memory; the others know that for nobody. */
struct client *clients_add(struct clients *clients, int fd, uint64_t now_ns);

/* Its question is whole: it is expected to take its answer. */
void clients_asked(struct clients *clients, struct client *client, uint64_t now_ns);

/* It has its answer, and may ask again. */
void clients_answered(struct clients *clients, struct client *client, uint64_t now_ns);

/* It is gone; before its socket is closed. */
void clients_remove(struct clients *clients, struct client *client);

/* Where all places are taken, those who have kept theirs too long are shut out: whoever reads their sockets finds them at their end. */
void clients_relieve(struct clients *clients, uint64_t now_ns);

/* After the last one is gone. NULL is fine. */
void clients_close(struct clients *clients);

#endif
