/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The terminal that standard output may be.
 * Called by the live table and by `requests`.
 * Never: leaves it otherwise than it was found.
 */
#ifndef IOCPU_CLI_TERMINAL_H
#define IOCPU_CLI_TERMINAL_H

#include <stdbool.h>

/* Can a table be refreshed in place there? */
bool terminal_is_live(void);

/* Columns and lines of standard output; both 0 when it is no terminal. Asked each time, as windows are resized. */
void terminal_size(unsigned *width, unsigned *height);

/* Hides the cursor and scrolls to an empty screen; the cursor comes back with _leave, and in any case when the process exits. */
void terminal_enter(void);
void terminal_leave(void);

#endif
