/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Clocks, in microseconds. Schedules count on CLOCK_BOOTTIME, which goes on in suspend.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define USEC_PER_SEC INT64_C(1000000)
#define USEC_PER_MSEC INT64_C(1000)

int64_t clock_realtime(void);
int64_t clock_boottime(void);
int64_t clock_monotonic(void);
/*
 * A device without a clock: the latest of clock, build time and last time seen (seconds since 1970).
 * The answer is the least that "now" can be, for certificate validity.
 */
int64_t clock_plausible(int64_t last_seen);
