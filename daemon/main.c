/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgp32d: the loop, the bus, the signals, the watchdog. The only file that knows dbus/. */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <systemd/sd-journal.h>

#include "base/redact.h"
#include "build-config.h"
#include "dbus/names.h"
#include "dbus/service/service.h"
#include "manager.h"

/* ---- log: GLib's writer, with a level that can be set at run time ---- */

static int log_level = LOG_INFO;
static const char *log_target = "console";

static int priority_of(GLogLevelFlags level)
{
	switch (level & G_LOG_LEVEL_MASK) {
	case G_LOG_LEVEL_ERROR: return LOG_CRIT;
	case G_LOG_LEVEL_CRITICAL: return LOG_ERR;
	case G_LOG_LEVEL_WARNING: return LOG_WARNING;
	case G_LOG_LEVEL_MESSAGE: return LOG_NOTICE;
	case G_LOG_LEVEL_INFO: return LOG_INFO;
	default: return LOG_DEBUG;
	}
}

static GLogWriterOutput log_write(
	GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user)
{
	const char *message = NULL, *domain = NULL;
	int priority = priority_of(level);
	g_autofree char *masked = NULL;

	if (priority > g_atomic_int_get(&log_level))
		return G_LOG_WRITER_HANDLED;
	for (gsize i = 0; i < n_fields; i++) {
		if (strcmp(fields[i].key, "MESSAGE") == 0)
			message = fields[i].value;
		else if (strcmp(fields[i].key, "GLIB_DOMAIN") == 0)
			domain = fields[i].value;
	}
	if (!message)
		return G_LOG_WRITER_UNHANDLED;
	/* Texts of libraries may hold identifiers, too. */
	masked = redact_path(message);
	if (strcmp(log_target, "journal") == 0)
		sd_journal_send("MESSAGE=%s", masked, "PRIORITY=%i", priority,
			"SYSLOG_IDENTIFIER=sgp32d", "GLIB_DOMAIN=%s", domain ? domain : "", NULL);
	else
		fprintf(stderr, "%s%s%s%s\n", priority <= LOG_WARNING ? "warning: " : "",
			domain ? domain : "", domain ? ": " : "", masked);
	return G_LOG_WRITER_HANDLED;
}

static int get_level(void *user)
{
	return g_atomic_int_get(&log_level);
}

static void set_level(void *user, int level)
{
	g_atomic_int_set(&log_level, level);
}

static const char *get_target(void *user)
{
	return log_target;
}

static bool set_target(void *user, const char *target)
{
	static const char *const known[] = { "console", "journal" };

	for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
		if (strcmp(known[i], target) == 0) {
			log_target = known[i];
			return true;
		}
	}
	return false;
}

/* ---- options ---- */

typedef struct Options {
	char *config_dir, *state_dir, *runtime_dir, *plugin_dir;
	gboolean no_udev, debug, version, check;
} Options;

static void options_clear(Options *options)
{
	g_free(options->config_dir);
	g_free(options->state_dir);
	g_free(options->runtime_dir);
	g_free(options->plugin_dir);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

static bool options_parse(Options *options, int argc, char **argv, GError **error)
{
	const GOptionEntry entries[] = {
		{ "config-dir", 0, 0, G_OPTION_ARG_FILENAME, &options->config_dir,
			"Configuration (" SGP32_CONFIG_DIR ")", "DIR" },
		{ "state-dir", 0, 0, G_OPTION_ARG_FILENAME, &options->state_dir,
			"What survives a reboot (" SGP32_STATE_DIR ")", "DIR" },
		{ "runtime-dir", 0, 0, G_OPTION_ARG_FILENAME, &options->runtime_dir,
			"What lasts until the next boot (" SGP32_RUNTIME_DIR ")", "DIR" },
		{ "plugin-dir", 0, 0, G_OPTION_ARG_FILENAME, &options->plugin_dir,
			"Plugins (" SGP32_PLUGIN_DIR ")", "DIR" },
		{ "no-udev", 0, 0, G_OPTION_ARG_NONE, &options->no_udev,
			"Only the [Device] sections of sgp32.conf", NULL },
		{ "check-config", 0, 0, G_OPTION_ARG_NONE, &options->check,
			"Read the configuration and say what is wrong", NULL },
		{ "debug", 0, 0, G_OPTION_ARG_NONE, &options->debug, "Log everything", NULL },
		{ "version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Show the version", NULL },
		{ NULL },
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);

	g_option_context_set_summary(context,
		"The eSIM daemon: finds eUICCs, serves their eIMs (GSMA SGP.32), and "
		"publishes them as " SGP32_BUS_NAME " on the system bus.");
	g_option_context_add_main_entries(context, entries, NULL);
	return g_option_context_parse(context, &argc, &argv, error);
}

static void replace(char **member, char *value)
{
	if (!value)
		return;
	g_free(*member);
	*member = g_strdup(value);
}

/* ---- life ---- */

static void on_stopped(void *user)
{
	sd_event_exit(user, 0);
}

static int on_terminate(sd_event_source *source, const struct signalfd_siginfo *info, void *user)
{
	Manager *manager = user;

	sd_notify(false, "STOPPING=1");
	g_message("Stopping at the next safe point");
	manager_stop(manager, on_stopped, sd_event_source_get_event(source));
	return 0;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *user)
{
	g_autoptr(GError) error = NULL;

	sd_notify(false, "RELOADING=1");
	if (!manager_reload(user, &error))
		g_warning("The configuration is not taken: %s", error->message);
	sd_notify(false, "READY=1");
	return 0;
}

/* What the process cannot do without is gone: systemd starts it again. */
static int on_disconnected(sd_bus_message *message, void *user, sd_bus_error *bus_error)
{
	g_warning("The connection to the system bus is lost");
	manager_stop(user, on_stopped, sd_bus_get_event(sd_bus_message_get_bus(message)));
	return 0;
}

static bool run_bus(
	sd_event *event, Manager *manager, sd_bus **ret, DbusService **ret_service, GError **error)
{
	static const DbusLogControl log_control = { NULL, "sgp32d", get_level, set_level,
		get_target, set_target };
	sd_bus *bus = NULL;
	int r = sd_bus_open_system(&bus);

	if (r >= 0)
		r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
	if (r >= 0)
		r = sd_bus_set_close_on_exit(bus, false);
	if (r >= 0)
		r = sd_bus_match_signal_async(bus, NULL, "org.freedesktop.DBus.Local",
			"/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local", "Disconnected",
			on_disconnected, NULL, manager);
	*ret = bus;
	if (r < 0)
		return sgp32_fail(error, SGP32_ERROR_FAILED, "System bus: %s", g_strerror(-r));
	*ret_service = dbus_service_new(bus, manager, &log_control, error);
	if (!*ret_service || !manager_watch_bus(manager, bus, error))
		return false;
	/* Before the first port is opened: who does not get the name takes nothing from who has it. */
	r = sd_bus_request_name(bus, SGP32_BUS_NAME, 0);
	if (r < 0)
		return sgp32_fail(error, SGP32_ERROR_FAILED, "The name %s: %s", SGP32_BUS_NAME,
			r == -EEXIST ? "another daemon has it" : g_strerror(-r));
	return manager_start(manager, error);
}

static int run(const Options *options, GError **error)
{
	g_autoptr(Config) config =
		config_load(options->config_dir ? options->config_dir : SGP32_CONFIG_DIR, error);
	sd_event *event = NULL;
	sd_bus *bus = NULL;
	DbusService *service = NULL;
	Manager *manager = NULL;
	sigset_t signals;
	int code = 1;

	if (!config)
		return 2;
	if (options->check) {
		puts("The configuration is good.");
		return 0;
	}
	replace(&config->state_dir, options->state_dir);
	replace(&config->runtime_dir, options->runtime_dir);
	replace(&config->plugin_dir, options->plugin_dir);
	config->use_udev = !options->no_udev;
	/* Before the first thread, so that all inherit it. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGPIPE);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	if (sd_event_default(&event) < 0) {
		sgp32_fail(error, SGP32_ERROR_FAILED, "No event loop");
		return 1;
	}
	sd_event_set_watchdog(event, true);
	manager = manager_new(event, g_steal_pointer(&config), error);
	if (manager && sd_event_add_signal(event, NULL, SIGTERM, on_terminate, manager) >= 0 &&
		sd_event_add_signal(event, NULL, SIGINT, on_terminate, manager) >= 0 &&
		sd_event_add_signal(event, NULL, SIGHUP, on_hangup, manager) >= 0 &&
		run_bus(event, manager, &bus, &service, error)) {
		sd_notifyf(false, "READY=1\nSTATUS=sgp32d %s", SGP32_VERSION);
		code = sd_event_loop(event) < 0;
	}
	dbus_service_free(service);
	manager_free(manager);
	sd_bus_flush_close_unref(bus);
	sd_event_unref(event);
	return code;
}

int main(int argc, char **argv)
{
	g_auto(Options) options = { 0 };
	g_autoptr(GError) error = NULL;
	const char *journal = g_getenv("JOURNAL_STREAM");
	int code;

	setlocale(LC_ALL, "");
	if (!options_parse(&options, argc, argv, &error)) {
		fprintf(stderr, "%s\n", error->message);
		return 2;
	}
	if (options.version) {
		puts("sgp32d " SGP32_VERSION);
		return 0;
	}
	if (options.debug)
		log_level = LOG_DEBUG;
	if (journal && journal[0])
		log_target = "journal";
	g_log_set_writer_func(log_write, NULL, NULL);
	code = run(&options, &error);
	if (error)
		g_warning("%s", error->message);
	return code;
}
