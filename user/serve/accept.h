/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The headers with which a client says what it takes.
 * Used by http.c.
 * Never: fails on nonsense; what cannot be read was not said.
 */
#ifndef IOCPU_SERVE_ACCEPT_H
#define IOCPU_SERVE_ACCEPT_H

/*
 * How much a header such as Accept or Accept-Encoding wants a thing, in thousandths (RFC 9110, 12.4.2): 0–1000, the most where it is named
 * more than once; −1 when it is not named, or there is no header (NULL). Wildcards name nothing.
 */
int accept_weight(const char *header, const char *thing);

#endif
