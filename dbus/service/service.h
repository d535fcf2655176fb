/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The objects of org.sgp32 on a bus: a view of the manager's model, and the way in for what people
 * ask. Main thread only. Nothing here waits for a card, a server or polkit.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "manager.h"

typedef struct DbusService DbusService;

/*
 * What org.freedesktop.LogControl1 reads and sets (systemctl service-log-level,
 * service-log-target). The strings are borrowed and valid until the next call.
 */
typedef struct DbusLogControl {
	void *user;
	const char *syslog_identifier; /* "sgp32d" */
	int (*level)(void *user); /* 0…7, as in syslog.h */
	void (*set_level)(void *user, int level);
	const char *(*target)(void *user); /* "console", "kmsg", "journal", "syslog", … */
	bool (*set_target)(void *user, const char *target); /* false: not a target it knows */
} DbusLogControl;

/*
 * Registers all objects on the bus, the gate (polkit.h) in front of them, and itself as the
 * manager's listener. The bus is attached to the event loop by the caller, who asks for the name
 * SGP32_BUS_NAME (names.h) afterwards, best when manager_start() is done, so that a client started
 * by activation finds what it asks for. log_control is copied; NULL: no such object. Errors: Failed
 * (the bus refuses; a member that the gate does not list).
 */
DbusService *dbus_service_new(sd_bus *bus, Manager *manager, const DbusLogControl *log_control,
	GError **error) SGP32_CHECK;
/*
 * Takes the objects off the bus and answers everyone who waits with Cancelled. Before
 * manager_free(). The bus has to be open still: it is closed with the event loop unless
 * sd_bus_set_close_on_exit(bus, false).
 */
void dbus_service_free(DbusService *service);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbusService, dbus_service_free)
