/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/apportion.h"

#include <stdbool.h>

uint64_t apportion(const uint64_t *parts, size_t count, uint64_t unit, uint64_t *units)
{
	bool raised[APPORTION_PARTS_MAX] = {false};
	uint64_t sum = 0, floors = 0, total;

	for (size_t i = 0; i < count; i++) {
		sum += parts[i];
		units[i] = parts[i] / unit;
		floors += units[i];
	}
	total = sum / unit + (sum % unit >= unit - unit / 2);
	for (uint64_t missing = total - floors; missing; missing--) {
		size_t best = count;

		for (size_t i = 0; i < count; i++)
			if (!raised[i] && (best == count || parts[i] % unit > parts[best] % unit))
				best = i;
		raised[best] = true;
		units[best]++;
	}
	return total;
}
