/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon as seen over the bus. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "ctl.h"
#include "errors.h"

/* ---- errors ---- */

int exit_status_of(const char *error_name)
{
	static const struct {
		const char *name;
		Sgp32Error code;
	} others[] = {
		{ SD_BUS_ERROR_ACCESS_DENIED, SGP32_ERROR_NOT_AUTHORIZED },
		{ SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, SGP32_ERROR_NOT_AUTHORIZED },
		{ SD_BUS_ERROR_UNKNOWN_OBJECT, SGP32_ERROR_NOT_FOUND },
		{ SD_BUS_ERROR_UNKNOWN_INTERFACE, SGP32_ERROR_NOT_SUPPORTED },
		{ SD_BUS_ERROR_UNKNOWN_METHOD, SGP32_ERROR_NOT_SUPPORTED },
		{ SD_BUS_ERROR_UNKNOWN_PROPERTY, SGP32_ERROR_NOT_SUPPORTED },
		{ SD_BUS_ERROR_INVALID_ARGS, SGP32_ERROR_INVALID_ARGUMENT },
		{ SD_BUS_ERROR_LIMITS_EXCEEDED, SGP32_ERROR_BUSY },
		{ SD_BUS_ERROR_NO_REPLY, SGP32_ERROR_TIMEOUT },
		{ SD_BUS_ERROR_TIMEOUT, SGP32_ERROR_TIMEOUT },
	};
	const ErrorRow *row = error_row_find(error_name);

	for (size_t i = 0; !row && error_name && i < G_N_ELEMENTS(others); i++)
		if (strcmp(others[i].name, error_name) == 0)
			row = error_row(others[i].code);
	return (row ? row : error_row(SGP32_ERROR_FAILED))->exit_code;
}

int complain(int status, const char *format, ...)
{
	g_autofree char *text = NULL, *shown = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	shown = printable(text);
	fprintf(stderr, "sgp32ctl: %s\n", shown);
	return status;
}

int complain_bus(const sd_bus_error *error, int r)
{
	const ErrorRow *row = error->name ? error_row_find(error->name) : NULL;
	int status;

	if (!error->name)
		return complain(1, "%s", g_strerror(-r));
	status = exit_status_of(error->name);
	if (strcmp(error->name, SD_BUS_ERROR_SERVICE_UNKNOWN) == 0 ||
		strcmp(error->name, SD_BUS_ERROR_NAME_HAS_NO_OWNER) == 0)
		return complain(1, "sgp32d does not run: nobody is " SGP32_BUS_NAME " on the bus");
	if (strcmp(error->name, SD_BUS_ERROR_UNKNOWN_OBJECT) == 0)
		return complain(status, "there is no such object (NotFound)");
	if (strcmp(error->name, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED) == 0)
		return complain(status, "not authorised; try as root");
	return complain(status, "%s (%s)", error->message ? error->message : "no reason was given",
		row ? error_row_short_name(row) : error->name);
}

/* ---- values as JSON ---- */

char *snake_case(const char *name)
{
	GString *out = g_string_new(NULL);

	for (const char *p = name; *p; p++) {
		if (g_ascii_isupper(*p) && p != name && !g_ascii_isupper(p[-1]))
			g_string_append_c(out, '_');
		g_string_append_c(out, *p == '-' ? '_' : g_ascii_tolower(*p));
	}
	return g_string_free(out, FALSE);
}

static json_t *basic_to_json(sd_bus_message *message, char type)
{
	union {
		uint8_t y;
		int b;
		int16_t n;
		uint16_t q;
		int32_t i;
		uint32_t u;
		int64_t x;
		uint64_t t;
		double d;
		const char *s;
	} value;

	if (sd_bus_message_read_basic(message, type, &value) < 0)
		return NULL;
	switch (type) {
	case 'y': return json_integer(value.y);
	case 'b': return json_boolean(value.b);
	case 'n': return json_integer(value.n);
	case 'q': return json_integer(value.q);
	case 'i': return json_integer(value.i);
	case 'u': return json_integer(value.u);
	case 'x': return json_integer(value.x);
	case 't': return json_integer((json_int_t)value.t);
	case 'd': return json_real(value.d);
	case 'o': return strcmp(value.s, "/") == 0 ? json_null() : json_string(value.s);
	case 's':
	case 'g': return json_string(value.s);
	default: return NULL;
	}
}

/* An array of dict entries; only property names and words are keys, paths stay as they are. */
static json_t *dictionary_to_json(sd_bus_message *message)
{
	g_autoptr(json_t) object = json_object();
	const char *contents;
	char type;
	int r;

	while ((r = sd_bus_message_peek_type(message, &type, &contents)) > 0) {
		g_autofree char *key = NULL;
		const char *raw;
		json_t *value;

		if (sd_bus_message_enter_container(message, 'e', contents) <= 0 ||
			sd_bus_message_read_basic(message, contents[0], &raw) <= 0)
			return NULL;
		key = *raw == '/' || strchr(raw, '.') ? g_strdup(raw) : snake_case(raw);
		value = message_to_json(message);
		if (!value || json_object_set_new(object, key, value) < 0 ||
			sd_bus_message_exit_container(message) < 0)
			return NULL;
	}
	return r < 0 ? NULL : g_steal_pointer(&object);
}

static json_t *items_to_json(sd_bus_message *message)
{
	g_autoptr(json_t) array = json_array();
	int r;

	while ((r = sd_bus_message_at_end(message, false)) == 0) {
		json_t *item = message_to_json(message);

		if (!item || json_array_append_new(array, item) < 0)
			return NULL;
	}
	return r < 0 ? NULL : g_steal_pointer(&array);
}

json_t *message_to_json(sd_bus_message *message)
{
	g_autoptr(json_t) value = NULL;
	const char *contents;
	char type;

	if (sd_bus_message_peek_type(message, &type, &contents) <= 0)
		return NULL;
	if (type == 'a' && strcmp(contents, "y") == 0) {
		const void *data;
		size_t size;
		g_autofree char *hex = NULL;

		if (sd_bus_message_read_array(message, 'y', &data, &size) < 0)
			return NULL;
		hex = hex_encode(span(data, size));
		return json_string(hex);
	}
	if (!strchr("avr", type))
		return basic_to_json(message, type);
	if (sd_bus_message_enter_container(message, type, contents) < 0)
		return NULL;
	if (type == 'v')
		value = message_to_json(message);
	else if (type == 'a' && contents[0] == '{')
		value = dictionary_to_json(message);
	else
		value = items_to_json(message);
	if (!value || sd_bus_message_exit_container(message) < 0)
		return NULL;
	return g_steal_pointer(&value);
}

/* A struct with names for its parts; null if its first part says that there is nothing. */
static void tidy_struct(json_t *properties, const char *key, const char *const *names)
{
	json_t *list = json_object_get(properties, key);
	json_t *object;

	if (!json_is_array(list))
		return;
	if (strcmp(key, "owner") != 0 && *json_string_value(json_array_get(list, 0)) == '\0') {
		json_object_set_new(properties, key, json_null());
		return;
	}
	object = json_object();
	for (size_t i = 0; names[i]; i++)
		json_object_set(object, names[i], json_array_get(list, i));
	json_object_set_new(properties, key, object);
}

void tidy_properties(json_t *properties)
{
	static const char *const last_error[] = { "name", "message", "time", NULL };
	static const char *const error[] = { "name", "message", "details", NULL };
	static const char *const owner[] = { "mccmnc", "gid1", "gid2", NULL };

	tidy_struct(properties, "last_error", last_error);
	tidy_struct(properties, "error", error);
	tidy_struct(properties, "owner", owner);
}

/* ---- reading ---- */

int find_euicc(Ctl *ctl, const char *target, char **ret_path, sd_bus_error *error)
{
	g_autoptr(sd_bus_message) reply = NULL;
	const char *path;
	int r;

	r = sd_bus_call_method(ctl->bus, SGP32_BUS_NAME, SGP32_PATH_ROOT, SGP32_INTERFACE_MANAGER,
		"FindEuicc", error, &reply, "s", target ? target : "any");
	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &path);
	if (r >= 0)
		*ret_path = g_strdup(path);
	if (!target && sd_bus_error_has_name(error, SGP32_ERROR_PREFIX "InvalidArgument")) {
		sd_bus_error_free(error);
		sd_bus_error_set(error, SGP32_ERROR_PREFIX "InvalidArgument",
			"there is more than one eUICC (sgp32ctl list); say which one");
	}
	return r;
}

json_t *read_object(Ctl *ctl, const char *path, const char *interface, sd_bus_error *error)
{
	g_autoptr(sd_bus_message) reply = NULL;
	json_t *properties;

	if (sd_bus_call_method(ctl->bus, SGP32_BUS_NAME, path, "org.freedesktop.DBus.Properties",
		    "GetAll", error, &reply, "s", interface) < 0)
		return NULL;
	properties = message_to_json(reply);
	if (!properties) {
		sd_bus_error_set_errno(error, -EBADMSG);
		return NULL;
	}
	tidy_properties(properties);
	json_object_set_new(properties, "path", json_string(path));
	return properties;
}

/*
 * The properties of one interface of an object, with its path first. NULL: it has no such
 * interface.
 */
static json_t *part_of(const char *path, json_t *interfaces, const char *interface)
{
	json_t *properties = json_object_get(interfaces, interface);
	json_t *object;

	if (!properties)
		return NULL;
	object = json_object();
	json_object_set_new(object, "path", json_string(path));
	json_object_update(object, properties);
	tidy_properties(object);
	return object;
}

static void add_euicc(json_t *euiccs, const char *path, json_t *interfaces)
{
	json_t *euicc = part_of(path, interfaces, SGP32_INTERFACE_EUICC);
	json_t *ipa = json_object_get(interfaces, SGP32_INTERFACE_IPA);

	if (!euicc)
		return;
	json_object_set(euicc, "ipa", ipa ? ipa : json_null());
	json_object_set_new(euicc, "profiles", json_array());
	json_object_set_new(euicc, "eims", json_array());
	json_array_append_new(euiccs, euicc);
}

/* Puts a profile or eIM into the eUICC whose path begins its own. */
static void add_part(json_t *euiccs, const char *key, json_t *part)
{
	const char *path = text_of(part, "path");
	json_t *euicc;
	size_t index;

	json_array_foreach(euiccs, index, euicc)
	{
		const char *prefix = text_of(euicc, "path");

		if (g_str_has_prefix(path, prefix) && path[strlen(prefix)] == '/') {
			json_object_set(part, "euicc", json_object_get(euicc, "eid"));
			json_array_append(json_object_get(euicc, key), part);
			return;
		}
	}
}

static json_t *world_of(json_t *objects)
{
	json_t *euiccs = json_array(), *jobs = json_array();
	const char *path;
	json_t *interfaces;

	json_object_foreach(objects, path, interfaces) add_euicc(euiccs, path, interfaces);
	json_object_foreach(objects, path, interfaces)
	{
		g_autoptr(json_t) profile = part_of(path, interfaces, SGP32_INTERFACE_PROFILE);
		g_autoptr(json_t) eim = part_of(path, interfaces, SGP32_INTERFACE_EIM);
		g_autoptr(json_t) job = part_of(path, interfaces, SGP32_INTERFACE_JOB);

		if (profile)
			add_part(euiccs, "profiles", profile);
		if (eim)
			add_part(euiccs, "eims", eim);
		if (job)
			json_array_append(jobs, job);
	}
	return json_pack("{s:o, s:o}", "euiccs", euiccs, "jobs", jobs);
}

int read_world(Ctl *ctl, json_t **ret_world)
{
	g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
	g_autoptr(sd_bus_message) reply = NULL;
	g_autoptr(json_t) objects = NULL;
	json_t *manager;
	int r;

	manager = read_object(ctl, SGP32_PATH_ROOT, SGP32_INTERFACE_MANAGER, &error);
	if (!manager)
		return complain_bus(&error, -EIO);
	r = sd_bus_call_method(ctl->bus, SGP32_BUS_NAME, SGP32_PATH_ROOT,
		"org.freedesktop.DBus.ObjectManager", "GetManagedObjects", &error, &reply, NULL);
	if (r >= 0)
		objects = message_to_json(reply);
	if (!objects) {
		json_decref(manager);
		return complain_bus(&error, r < 0 ? r : -EBADMSG);
	}
	*ret_world = world_of(objects);
	json_object_set_new(*ret_world, "manager", manager);
	return 0;
}
