/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The service over a manager without cards, on the bus of DBUS_SYSTEM_BUS_ADDRESS. Prints "ready"
 * when it has its name, then answers each line of its standard input with one line; ends with its
 * input. With "--uid N" it becomes that user first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "fake-manager.h"
#include "names.h"
#include "service.h"

static int level = 6;
static char target[16] = "console";

static int get_level(void *user)
{
	return level;
}

static void set_level(void *user, int value)
{
	level = value;
}

static const char *get_target(void *user)
{
	return target;
}

static bool set_target(void *user, const char *text)
{
	if (strcmp(text, "console") != 0 && strcmp(text, "journal") != 0)
		return false;
	g_strlcpy(target, text, sizeof(target));
	return true;
}

static const DbusLogControl log_control = {
	.syslog_identifier = "fake",
	.level = get_level,
	.set_level = set_level,
	.target = get_target,
	.set_target = set_target,
};

static int on_line(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	char line[512];
	g_autofree char *answer = NULL;

	/* One line at a time: the test waits for the answer before it writes the next. */
	if (!fgets(line, sizeof(line), stdin))
		return sd_event_exit(sd_event_source_get_event(source), 0);
	answer = fake_manager_control(userdata, g_strchomp(line));
	puts(answer);
	fflush(stdout);
	return 0;
}

static int fail(const char *what, int r)
{
	fprintf(stderr, "fake-service: %s: %s\n", what, strerror(-r));
	return 1;
}

int main(int argc, char **argv)
{
	g_autoptr(DbusService) service = NULL;
	g_autoptr(GError) error = NULL;
	sd_event *event = NULL;
	sd_bus *bus = NULL;
	Manager *manager;
	int r;

	if (argc == 3 && strcmp(argv[1], "--uid") == 0) {
		uid_t uid = (uid_t)strtoul(argv[2], NULL, 10);

		if (setresuid(uid, uid, uid) < 0)
			return fail("setresuid", -1);
	}
	r = sd_event_default(&event);
	if (r >= 0)
		r = sd_bus_default_system(&bus);
	if (r >= 0)
		r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
	if (r < 0)
		return fail("bus", r);
	(void)sd_bus_set_close_on_exit(bus, 0); /* those who wait are told first */
	manager = fake_manager_new(event);
	service = dbus_service_new(bus, manager, &log_control, &error);
	if (!service) {
		fprintf(stderr, "fake-service: %s\n", error->message);
		return 1;
	}
	r = sd_event_add_io(event, NULL, STDIN_FILENO, EPOLLIN, on_line, manager);
	if (r >= 0)
		r = sd_bus_request_name(bus, SGP32_BUS_NAME, 0);
	if (r < 0)
		return fail(SGP32_BUS_NAME, r);
	puts("ready");
	fflush(stdout);
	r = sd_event_loop(event);
	g_clear_pointer(&service, dbus_service_free);
	manager_free(manager);
	sd_bus_flush_close_unref(bus);
	sd_event_unref(event);
	return r < 0 ? fail("loop", r) : 0;
}
