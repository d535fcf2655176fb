/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"

#include <time.h>

#include "build-config.h"

static int64_t clock_read(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * USEC_PER_SEC + now.tv_nsec / 1000;
}

int64_t clock_realtime(void)
{
	return clock_read(CLOCK_REALTIME);
}

int64_t clock_boottime(void)
{
	return clock_read(CLOCK_BOOTTIME);
}

int64_t clock_monotonic(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

int64_t clock_plausible(int64_t last_seen)
{
	int64_t now = clock_realtime() / USEC_PER_SEC;

	if (now < SGP32_BUILD_TIME)
		now = SGP32_BUILD_TIME;
	return now < last_seen ? last_seen : now;
}
