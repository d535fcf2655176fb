/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.freedesktop.LogControl1, systemd's interface; userdata is the daemon's DbusLogControl. */
#include <string.h>

#include "internal.h"

static const char *const levels[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info",
	"debug" };

static int get_level(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const DbusLogControl *control = userdata;

	return sd_bus_message_append(
		reply, "s", levels[CLAMP(control->level(control->user), 0, 7)]);
}

static int set_level(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *value, void *userdata, sd_bus_error *error)
{
	const DbusLogControl *control = userdata;
	const char *text;
	int r;

	r = sd_bus_message_read(value, "s", &text);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < G_N_ELEMENTS(levels); i++)
		if (strcmp(levels[i], text) == 0) {
			control->set_level(control->user, (int)i);
			return 0;
		}
	return sd_bus_error_setf(
		error, SD_BUS_ERROR_INVALID_ARGS, "“%.32s” is not a log level", text);
}

static int get_target(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const DbusLogControl *control = userdata;

	return sd_bus_message_append(reply, "s", control->target(control->user));
}

static int set_target(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *value, void *userdata, sd_bus_error *error)
{
	const DbusLogControl *control = userdata;
	const char *text;
	int r;

	r = sd_bus_message_read(value, "s", &text);
	if (r < 0)
		return r;
	if (!control->set_target(control->user, text))
		return sd_bus_error_setf(
			error, SD_BUS_ERROR_INVALID_ARGS, "“%.32s” is not a log target", text);
	return 0;
}

static int get_identifier(sd_bus *bus, const char *path, const char *interface,
	const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const DbusLogControl *control = userdata;

	return sd_bus_message_append(reply, "s", control->syslog_identifier);
}

const sd_bus_vtable log_control_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_WRITABLE_PROPERTY(
		"LogLevel", "s", get_level, set_level, 0, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_WRITABLE_PROPERTY(
		"LogTarget", "s", get_target, set_target, 0, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_PROPERTY("SyslogIdentifier", "s", get_identifier, 0, CONSTANT),
	SD_BUS_VTABLE_END,
};
