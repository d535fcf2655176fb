/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lab/common/state.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

json_t *state_load(const char *path, GError **error)
{
	json_error_t where;
	json_t *state;

	if (!g_file_test(path, G_FILE_TEST_EXISTS))
		return json_object();
	state = json_load_file(path, 0, &where);
	if (!json_is_object(state)) {
		json_decref(state);
		sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "%s:%d: %s", path, where.line,
			where.text);
		return NULL;
	}
	return state;
}

static bool sync_path(const char *path, int flags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
	bool good = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return good;
}

bool state_save(const char *path, json_t *state, GError **error)
{
	g_autofree char *new_path = g_strconcat(path, ".new", NULL);
	g_autofree char *dir = g_path_get_dirname(path);

	if (json_dump_file(state, new_path, JSON_INDENT(1)) != 0 || !sync_path(new_path, 0) ||
		g_rename(new_path, path) != 0 || !sync_path(dir, O_DIRECTORY))
		return sgp32_fail(
			error, SGP32_ERROR_STORE_UNAVAILABLE, "%s: %s", path, g_strerror(errno));
	return true;
}

const char *state_string(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

int64_t state_integer(json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

bool state_flag(json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

void state_set_string(json_t *object, const char *key, const char *value)
{
	if (!value) {
		json_object_del(object, key);
	} else {
		/* Text from the network may be anything. */
		g_autofree char *valid = g_utf8_make_valid(value, -1);

		json_object_set_new(object, key, json_string(valid));
	}
}

void state_set_integer(json_t *object, const char *key, int64_t value)
{
	json_object_set_new(object, key, json_integer(value));
}

void state_set_flag(json_t *object, const char *key, bool value)
{
	json_object_set_new(object, key, json_boolean(value));
}

void state_set_octets(json_t *object, const char *key, Span octets)
{
	g_autofree char *text = NULL;

	if (!octets.data) {
		json_object_del(object, key);
		return;
	}
	text = g_base64_encode(octets.data, octets.size);
	json_object_set_new(object, key, json_string(text));
}

GBytes *state_octets(json_t *object, const char *key)
{
	const char *text = state_string(object, key);
	g_autofree char *dense = NULL;
	uint8_t *octets;
	gsize size = 0;
	char *to;

	if (!text)
		return NULL;
	to = dense = g_malloc(strlen(text) + 1);
	for (; *text; text++) {
		if (g_ascii_isspace(*text))
			continue;
		if (!g_ascii_isalnum(*text) && !strchr("+/=", *text))
			return NULL;
		*to++ = *text;
	}
	*to = 0;
	if (strlen(dense) % 4)
		return NULL;
	octets = g_base64_decode(dense, &size);
	return g_bytes_new_take(octets, size);
}

json_t *state_object(json_t *object, const char *key)
{
	json_t *member = json_object_get(object, key);

	if (!json_is_object(member)) {
		member = json_object();
		json_object_set_new(object, key, member);
	}
	return member;
}

json_t *state_array(json_t *object, const char *key)
{
	json_t *member = json_object_get(object, key);

	if (!json_is_array(member)) {
		member = json_array();
		json_object_set_new(object, key, member);
	}
	return member;
}

void state_stamp(json_t *object)
{
	state_set_integer(object, "time", clock_realtime() / USEC_PER_SEC);
}

char *state_time_text(json_t *object)
{
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(state_integer(object, "time"));

	return time ? g_date_time_format(time, "%H:%M:%S") : g_strdup("?");
}
