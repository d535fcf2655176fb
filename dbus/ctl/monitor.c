/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verb monitor: what happens, line by line. */
#include <stdio.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "base/clock.h"
#include "ctl.h"
#include "errors.h"

/* "job 7", "profile …0017 of …1235", "eUICC …1235" of a path */
static char *subject_text(const Ctl *ctl, const char *path)
{
	g_auto(GStrv) parts = g_strsplit(path + 1, "/", 0); /* org sgp32 euicc EID profile ICCID */
	unsigned n = g_strv_length(parts);
	g_autofree char *id = n > 3 ? short_id(ctl, parts[3]) : NULL;
	g_autofree char *part = NULL;

	if (n > 3 && strcmp(parts[2], "job") == 0)
		return g_strdup_printf("job %s", parts[3]);
	if (n > 5) {
		char *decoded = NULL;
		g_autofree char *escaped = g_strdup_printf("/%s", parts[5]);

		if (strcmp(parts[4], "eim") == 0 && sd_bus_path_decode(escaped, "/", &decoded) > 0)
			part = g_strdup(decoded);
		else
			part = short_id(ctl, parts[5]);
		free(decoded);
		return g_strdup_printf(
			"%s %s of %s", strcmp(parts[4], "eim") == 0 ? "eIM" : "profile", part, id);
	}
	return n > 3 ? g_strdup_printf("eUICC %s", id) : g_strdup("sgp32d");
}

/* "CardLost" of "org.sgp32.Error.CardLost" */
static const char *error_word(const char *name)
{
	const ErrorRow *row = error_row_find(name);

	return row ? error_row_short_name(row) : name;
}

/* A value as a person reads it; of a path the last part, as the key says what it is. */
static char *value_text(const Ctl *ctl, const char *key, const json_t *value)
{
	char *dump;
	char *text;

	if (json_is_null(value) || (json_is_array(value) && json_array_size(value) == 0) ||
		(json_is_object(value) && json_object_size(value) == 0))
		return g_strdup("none");
	if (json_is_boolean(value))
		return g_strdup(json_is_true(value) ? "yes" : "no");
	if (json_is_string(value) && g_str_has_prefix(json_string_value(value), SGP32_PATH_ROOT))
		return short_id(ctl, strrchr(json_string_value(value), '/') + 1);
	if (json_is_string(value))
		return g_strdup(json_string_value(value));
	if (json_is_real(value) && strcmp(key, "progress") == 0)
		return g_strdup_printf("%.0f %%", 100 * json_real_value(value));
	if (json_is_integer(value) &&
		(g_str_has_suffix(key, "_poll") || g_str_has_suffix(key, "deadline")))
		return relative_time(json_integer_value(value));
	if (json_is_object(value) && *text_of(value, "message"))
		return g_strdup_printf(
			"%s (%s)", text_of(value, "message"), error_word(text_of(value, "name")));
	if (json_is_array(value) && json_is_string(json_array_get(value, 0))) {
		g_autoptr(json_t) holder = json_pack("{s:O}", "list", value);

		return list_text(holder, "list");
	}
	dump = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
	text = g_strdup(dump);
	free(dump);
	return text;
}

static void print_line(const Ctl *ctl, const char *path, const char *what)
{
	g_autofree char *subject = subject_text(ctl, path);
	g_autofree char *time = absolute_time(clock_realtime());
	g_autofree char *shown_subject = printable(subject), *shown = printable(what);

	printf("%s%s%s  %s%s%s: %s\n", tint_start(ctl, TINT_FAINT), strchr(time, ' ') + 1,
		tint_end(ctl, TINT_FAINT), tint_start(ctl, TINT_BOLD), shown_subject,
		tint_end(ctl, TINT_BOLD), shown);
	fflush(stdout);
}

/* One object of JSON; takes what is in it. */
static void print_event(const Ctl *ctl, const char *event, const char *path, json_t *more)
{
	json_t *line =
		json_pack("{s:s, s:I}", "event", event, "time", (json_int_t)clock_realtime());

	if (path)
		json_object_set_new(line, "path", json_string(path));
	json_object_update(line, more);
	json_decref(more);
	print_json_line(ctl, line);
}

/* "Euicc" of "org.sgp32.Euicc"; NULL: not ours */
static const char *interface_word(const char *interface)
{
	return g_str_has_prefix(interface, SGP32_BUS_NAME ".")
		? interface + strlen(SGP32_BUS_NAME ".")
		: NULL;
}

/* What says nothing to a person who watches. */
static bool is_noise(const char *key, const json_t *value)
{
	static const char *const details[] = { "progress_valid", "cancelable", "result" };
	static const char *const mostly_empty[] = { "question", "error", "deadline" };

	for (size_t i = 0; i < G_N_ELEMENTS(details); i++)
		if (strcmp(key, details[i]) == 0)
			return true;
	for (size_t i = 0; i < G_N_ELEMENTS(mostly_empty); i++)
		if (strcmp(key, mostly_empty[i]) == 0)
			return json_is_null(value) ||
				(json_is_object(value) && json_object_size(value) == 0) ||
				(json_is_integer(value) && json_integer_value(value) == 0);
	return false;
}

static int on_changed(const Ctl *ctl, sd_bus_message *message)
{
	g_autoptr(json_t) changes = NULL, invalidated = NULL;
	const char *interface, *key, *path = sd_bus_message_get_path(message);
	static char *last; /* what was said last */
	GString *text;
	json_t *value;

	if (sd_bus_message_read(message, "s", &interface) < 0 || !interface_word(interface))
		return 0;
	changes = message_to_json(message);
	invalidated = message_to_json(message);
	if (!changes || !invalidated)
		return 0;
	tidy_properties(changes);
	if (ctl->json != JSON_OFF) {
		print_event(ctl, "changed", path,
			json_pack("{s:s, s:O, s:O}", "interface", interface_word(interface),
				"properties", changes, "invalidated", invalidated));
		return 0;
	}
	text = g_string_new(NULL);
	json_object_foreach(changes, key, value)
	{
		g_autofree char *words = words_of(key);
		g_autofree char *shown = value_text(ctl, key, value);

		if (!is_noise(key, value))
			g_string_append_printf(
				text, "%s%s %s", text->len ? ", " : "", words, shown);
	}
	if (json_array_size(invalidated)) {
		g_autoptr(json_t) holder = json_pack("{s:O}", "list", invalidated);
		g_autofree char *names = list_text(holder, "list");

		g_string_append_printf(text, "%s%s changed", text->len ? ", " : "", names);
	}
	/* Progress often comes in steps that are too small to be seen. */
	if (text->len && g_strcmp0(text->str, last) != 0)
		print_line(ctl, path, text->str);
	g_free(last);
	last = g_string_free(text, FALSE);
	return 0;
}

static int on_added(const Ctl *ctl, sd_bus_message *message)
{
	g_autoptr(json_t) interfaces = NULL, ours = json_object();
	const char *path, *name;
	json_t *properties;

	if (sd_bus_message_read(message, "o", &path) < 0)
		return 0;
	interfaces = message_to_json(message);
	json_object_foreach(interfaces, name, properties)
	{
		tidy_properties(properties);
		if (interface_word(name))
			json_object_set(ours, interface_word(name), properties);
	}
	if (ctl->json != JSON_OFF)
		print_event(ctl, "added", path, json_pack("{s:O}", "interfaces", ours));
	else if (!json_object_get(ours, "Job"))
		print_line(ctl, path, "is there");
	return 0;
}

static int on_removed(const Ctl *ctl, sd_bus_message *message)
{
	g_autoptr(json_t) interfaces = NULL, ours = json_array();
	const char *path;
	json_t *name;
	size_t index;

	if (sd_bus_message_read(message, "o", &path) < 0)
		return 0;
	interfaces = message_to_json(message);
	json_array_foreach(interfaces, index, name) if (interface_word(json_string_value(name)))
		json_array_append_new(ours, json_string(interface_word(json_string_value(name))));
	if (ctl->json != JSON_OFF)
		print_event(ctl, "removed", path, json_pack("{s:O}", "interfaces", ours));
	else if (!g_str_has_prefix(path, SGP32_PATH_JOB))
		print_line(ctl, path, "is gone");
	return 0;
}

static int on_job_new(Ctl *ctl, sd_bus_message *message)
{
	g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
	g_autofree char *text = NULL, *object = NULL;
	json_t *job;
	const char *path;
	uint32_t id;

	if (sd_bus_message_read(message, "uo", &id, &path) < 0)
		return 0;
	if (ctl->json != JSON_OFF) {
		print_event(ctl, "job-new", path, json_pack("{s:i}", "id", (int)id));
		return 0;
	}
	job = read_object(ctl, path, SGP32_INTERFACE_JOB, &error);
	object = job && *text_of(job, "object") ? subject_text(ctl, text_of(job, "object"))
						: g_strdup("sgp32d");
	text = g_strdup_printf("%s of %s, asked by %s", text_of(job, "operation"), object,
		text_of(job, "initiator"));
	print_line(ctl, path, text);
	json_decref(job);
	return 0;
}

static int on_job_removed(const Ctl *ctl, sd_bus_message *message)
{
	const char *path, *result, *error;
	g_autofree char *text = NULL;
	uint32_t id;

	if (sd_bus_message_read(message, "uoss", &id, &path, &result, &error) < 0)
		return 0;
	if (ctl->json != JSON_OFF) {
		print_event(ctl, "job-removed", path,
			json_pack("{s:i, s:s, s:s}", "id", (int)id, "result", result, "error",
				error));
		return 0;
	}
	text = *error ? g_strdup_printf("%s (%s)", result, error_word(error)) : g_strdup(result);
	print_line(ctl, path, text);
	return 0;
}

static int on_signal(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	Ctl *ctl = userdata;
	const char *member = sd_bus_message_get_member(message);

	if (strcmp(member, "PropertiesChanged") == 0)
		return on_changed(ctl, message);
	if (strcmp(member, "InterfacesAdded") == 0)
		return on_added(ctl, message);
	if (strcmp(member, "InterfacesRemoved") == 0)
		return on_removed(ctl, message);
	if (strcmp(member, "JobNew") == 0)
		return on_job_new(ctl, message);
	if (strcmp(member, "JobRemoved") == 0)
		return on_job_removed(ctl, message);
	return 0; /* Completed says what JobRemoved says */
}

static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	const Ctl *ctl = userdata;
	const char *name, *old, *new;

	if (sd_bus_message_read(message, "sss", &name, &old, &new) < 0)
		return 0;
	if (ctl->json != JSON_OFF)
		print_event(ctl, *new ? "started" : "stopped", NULL, json_object());
	else
		print_line(ctl, SGP32_PATH_ROOT, *new ? "started" : "stopped");
	return 0;
}

int verb_monitor(Ctl *ctl, char **arguments)
{
	g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
	sd_event *event = NULL;
	json_t *manager;
	int r;

	r = sd_event_new(&event);
	if (r >= 0)
		r = sd_bus_attach_event(ctl->bus, event, SD_EVENT_PRIORITY_NORMAL);
	if (r >= 0)
		r = sd_bus_match_signal(
			ctl->bus, NULL, SGP32_BUS_NAME, NULL, NULL, NULL, on_signal, ctl);
	if (r >= 0)
		r = sd_bus_add_match(ctl->bus, NULL,
			"type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',"
			"arg0='" SGP32_BUS_NAME "'",
			on_owner_changed, ctl);
	if (r < 0)
		return complain(1, "cannot listen to the bus: %s", g_strerror(-r));
	/* The first line says that all is heard from now on. */
	manager = read_object(ctl, SGP32_PATH_ROOT, SGP32_INTERFACE_MANAGER, &error);
	if (ctl->json != JSON_OFF)
		print_event(ctl, "listening", NULL,
			json_pack("{s:i, s:O?}", "version", JSON_VERSION, "manager", manager));
	else if (ctl->legend)
		print_line(ctl, SGP32_PATH_ROOT,
			manager ? "listening; Ctrl-C ends" : "does not run; waiting for it");
	json_decref(manager);
	r = sd_event_loop(event);
	sd_event_unref(event);
	return r < 0 ? complain(1, "the bus is gone: %s", g_strerror(-r)) : 0;
}
