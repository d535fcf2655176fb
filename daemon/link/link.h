/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Is the device online, and by what: values for the manager. Main thread, sd-event. This watches the
 * kernel's links and addresses (rtnetlink).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "base/error.h"

typedef struct Link Link;

/* changed() is called from the loop after each change of generation. Errors: Failed. */
Link *link_new(
	sd_event *event, void (*changed)(void *user), void *user, GError **error) SGP32_CHECK;
void link_free(Link *link);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Link, link_free)

/* Grows with every change of links, addresses or routes; never 0. */
uint64_t link_generation(const Link *link);
/* When that was: µs CLOCK_BOOTTIME, 0: nothing changed yet. */
int64_t link_changed_at(const Link *link);
/* Whether that interface (NULL: any but loopback) is running and has an address of more than link scope. */
bool link_usable(const Link *link, const char *interface);
/* Whether there is a way from that interface (NULL: any) to the Internet, as far as routes tell. A device in a
 * private network may have none and be online all the same: good for waiting a little, not for refusing. */
bool link_routed(const Link *link, const char *interface);
