/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/flush.h"

#include <errno.h>

int flush_stream(FILE *out)
{
	if (!fflush(out) && !ferror(out))
		return 0;
	return errno ? -errno : -EIO;
}
