/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What survives: tables of fields, one reader and one writer of JSON for all of them, and the write that
 * a power cut cannot halve.
 */
#include "lab/card/card.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATE_VERSION 1
#define STATE_NAME "state.json"
#define OCTETS_MAX (1 << 20)

typedef enum FieldKind { TEXT, OCTETS, INTEGER, BOOLEAN, LIST, SECRET } FieldKind;

typedef struct Record Record;

typedef struct Field {
	const char *name;
	FieldKind kind;
	size_t offset;
	const Record *record; /* LIST */
} Field;

struct Record {
	size_t size;
	void (*free)(void *);
	const Field *fields;
	size_t n;
};

#define F(Type, member, kind)                                                                      \
	{                                                                                          \
#member, kind, offsetof(Type, member), NULL                                        \
	}
#define L(Type, member, record)                                                                    \
	{                                                                                          \
#member, LIST, offsetof(Type, member), record                                      \
	}
#define RECORD(Type, fields, destroy)                                                              \
	{                                                                                          \
		sizeof(Type), (void (*)(void *))(destroy), fields, G_N_ELEMENTS(fields)            \
	}

/* clang-format off */
static const Field profile_fields[] = {
	F(Profile, iccid, TEXT), F(Profile, isdp, INTEGER), F(Profile, enabled, BOOLEAN),
	F(Profile, delete_pending, BOOLEAN), F(Profile, preloaded, BOOLEAN),
	F(Profile, nickname, TEXT), F(Profile, service_provider_name, TEXT),
	F(Profile, profile_name, TEXT), F(Profile, icon_type, INTEGER), F(Profile, icon, OCTETS),
	F(Profile, profile_class, INTEGER), F(Profile, notification_configuration, OCTETS),
	F(Profile, owner, OCTETS), F(Profile, dp_proprietary, OCTETS),
	F(Profile, policy_rules, OCTETS), F(Profile, service_data, OCTETS),
	F(Profile, iot_data, OCTETS), F(Profile, ecall_indication, INTEGER),
	F(Profile, fallback_allowed, INTEGER), F(Profile, fallback_attribute, BOOLEAN),
	F(Profile, smdp_oid, OCTETS), F(Profile, smdp_address, TEXT), F(Profile, ci, TEXT),
	F(Profile, http_params, OCTETS), F(Profile, imsi, TEXT), F(Profile, size, INTEGER),
	F(Profile, digest, TEXT),
};
static const Field eim_fields[] = {
	F(Eim, id, TEXT), F(Eim, fqdn, TEXT), F(Eim, id_type, INTEGER), F(Eim, counter, INTEGER),
	F(Eim, token, INTEGER), F(Eim, public_key, OCTETS), F(Eim, tls, OCTETS),
	F(Eim, protocol, OCTETS), F(Eim, ci, OCTETS), F(Eim, indirect, BOOLEAN),
	F(Eim, proprietary, OCTETS),
};
static const Field notification_fields[] = {
	F(Notification, seq, INTEGER), F(Notification, event, INTEGER),
	F(Notification, address, TEXT), F(Notification, iccid, TEXT),
	F(Notification, metadata, OCTETS), F(Notification, whole, OCTETS),
};
static const Field result_fields[] = {
	F(Result, seq, INTEGER), F(Result, counter, INTEGER), F(Result, eim_id, TEXT),
	F(Result, whole, OCTETS),
};
static const Field one_time_fields[] = {
	F(OneTimeKey, point, OCTETS), F(OneTimeKey, number, SECRET),
	F(OneTimeKey, brainpool, INTEGER), F(OneTimeKey, smdp_oid, OCTETS),
};
/* clang-format on */

static void one_time_free(OneTimeKey *key)
{
	if (!key)
		return;
	g_clear_pointer(&key->point, g_bytes_unref);
	wipe_bytes_unref(key->number);
	g_clear_pointer(&key->smdp_oid, g_bytes_unref);
	g_free(key);
}

static const Record profile_record = RECORD(Profile, profile_fields, profile_free);
static const Record eim_record = RECORD(Eim, eim_fields, eim_free);
static const Record notification_record =
	RECORD(Notification, notification_fields, notification_free);
static const Record result_record = RECORD(Result, result_fields, result_free);
static const Record one_time_record = RECORD(OneTimeKey, one_time_fields, one_time_free);

/* clang-format off */
static const Field state_fields[] = {
	F(State, version, INTEGER), F(State, eid, TEXT), F(State, consumer, BOOLEAN),
	F(State, ipae, BOOLEAN), F(State, templates, TEXT), F(State, isdr_aid, OCTETS),
	F(State, rat, OCTETS), F(State, ci_names, TEXT), F(State, max_profiles, INTEGER),
	F(State, max_eims, INTEGER), F(State, max_notifications, INTEGER),
	F(State, max_results, INTEGER), F(State, max_result_size, INTEGER), F(State, nvm, INTEGER),
	L(State, profiles, &profile_record), L(State, eims, &eim_record),
	L(State, notifications, &notification_record), L(State, results, &result_record),
	L(State, one_time_keys, &one_time_record),
	F(State, seq, INTEGER), F(State, token, INTEGER), F(State, isdp, INTEGER),
	F(State, smdp_address, TEXT), F(State, smds_address, TEXT), F(State, switch_to, TEXT),
	F(State, switch_quiet, BOOLEAN), F(State, rollback, BOOLEAN), F(State, rollback_to, TEXT),
	F(State, rollback_eim, TEXT), F(State, rollback_counter, INTEGER),
	F(State, rollback_seq, INTEGER), F(State, rollback_first, INTEGER),
	F(State, rollback_last, INTEGER), F(State, rollback_transaction, OCTETS),
	F(State, fallback_return, TEXT), F(State, emergency, BOOLEAN),
	F(State, emergency_previous, TEXT), F(State, immediate, BOOLEAN),
	F(State, immediate_oid, OCTETS), F(State, immediate_address, TEXT),
};
/* clang-format on */

static const Record state_record = RECORD(State, state_fields, state_free);

#define AT(base, field, Type) (*(Type *)((char *)(base) + (field)->offset))

static void record_clear(const Record *record, void *item)
{
	for (size_t i = 0; i < record->n; i++) {
		const Field *field = &record->fields[i];

		if (field->kind == TEXT)
			g_clear_pointer(&AT(item, field, char *), g_free);
		else if (field->kind == OCTETS)
			g_clear_pointer(&AT(item, field, GBytes *), g_bytes_unref);
		else if (field->kind == LIST)
			g_clear_pointer(&AT(item, field, GPtrArray *), g_ptr_array_unref);
	}
}

void profile_free(Profile *profile)
{
	if (!profile)
		return;
	record_clear(&profile_record, profile);
	g_free(profile);
}

void eim_free(Eim *eim)
{
	if (!eim)
		return;
	record_clear(&eim_record, eim);
	g_free(eim);
}

void notification_free(Notification *notification)
{
	if (!notification)
		return;
	record_clear(&notification_record, notification);
	g_free(notification);
}

void result_free(Result *result)
{
	if (!result)
		return;
	record_clear(&result_record, result);
	g_free(result);
}

void state_free(State *state)
{
	if (!state)
		return;
	record_clear(&state_record, state);
	g_free(state);
}

Profile *profile_new(void)
{
	Profile *profile = g_new0(Profile, 1);

	profile->icon_type = -1;
	profile->ecall_indication = -1;
	profile->fallback_allowed = -1;
	profile->profile_class = 2;
	return profile;
}

State *state_new(void)
{
	State *state = g_new0(State, 1);

	state->version = STATE_VERSION;
	for (size_t i = 0; i < state_record.n; i++)
		if (state_fields[i].kind == LIST)
			AT(state, &state_fields[i], GPtrArray *) =
				g_ptr_array_new_with_free_func(state_fields[i].record->free);
	return state;
}

/* ---- JSON ---- */
static json_t *record_write(const Record *record, const void *item, bool secrets)
{
	json_t *object = json_object();

	for (size_t i = 0; i < record->n; i++) {
		const Field *field = &record->fields[i];
		json_t *value = NULL;

		switch (field->kind) {
		case TEXT:
			if (AT(item, field, char *))
				value = json_string(AT(item, field, char *));
			break;
		case SECRET:
			if (!secrets)
				break;
			/* fall through */
		case OCTETS:
			if (AT(item, field, GBytes *)) {
				char *hex = hex_encode(span_of(AT(item, field, GBytes *)));

				value = json_string(hex);
				wipe_free(hex);
			}
			break;
		case INTEGER: value = json_integer(AT(item, field, int64_t)); break;
		case BOOLEAN: value = json_boolean(AT(item, field, bool)); break;
		case LIST: {
			GPtrArray *list = AT(item, field, GPtrArray *);

			value = json_array();
			for (unsigned k = 0; k < list->len; k++)
				json_array_append_new(value,
					record_write(field->record, list->pdata[k], secrets));
			break;
		}
		}
		if (value)
			json_object_set_new(object, field->name, value);
	}
	return object;
}

/* item is zeroed but for its lists, and may be half filled on failure. */
static bool record_read(const Record *record, json_t *object, void *item, GError **error)
{
	for (size_t i = 0; i < record->n; i++) {
		const Field *field = &record->fields[i];
		json_t *value = json_object_get(object, field->name), *child;
		bool good = true;
		size_t k;

		if (!value)
			continue;
		switch (field->kind) {
		case TEXT:
			good = json_is_string(value);
			AT(item, field, char *) = g_strdup(json_string_value(value));
			break;
		case SECRET:
		case OCTETS:
			good = json_is_string(value) &&
				(AT(item, field, GBytes *) =
						hex_decode(json_string_value(value), OCTETS_MAX));
			break;
		case INTEGER:
			good = json_is_integer(value);
			AT(item, field, int64_t) = json_integer_value(value);
			break;
		case BOOLEAN:
			good = json_is_boolean(value);
			AT(item, field, bool) = json_is_true(value);
			break;
		case LIST:
			good = json_is_array(value);
			json_array_foreach(value, k, child)
			{
				void *element = g_malloc0(field->record->size);

				g_ptr_array_add(AT(item, field, GPtrArray *), element);
				if (!record_read(field->record, child, element, error))
					return false;
			}
			break;
		}
		if (!good)
			return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
				"%s in the state of the card is malformed", field->name);
	}
	return true;
}

json_t *state_to_json(const State *state, bool secrets)
{
	return record_write(&state_record, state, secrets);
}

State *state_from_json(json_t *json, GError **error)
{
	g_autoptr(State) state = state_new();

	state->version = 0;
	if (!record_read(&state_record, json, state, error))
		return NULL;
	if (state->version != STATE_VERSION || !state->eid || !state->ci_names ||
		!state->isdr_aid || !state->templates) {
		sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
			"the state of the card is incomplete, or of version %" PRId64,
			state->version);
		return NULL;
	}
	return g_steal_pointer(&state);
}

State *state_load(const char *dir, GError **error)
{
	g_autofree char *path = g_build_filename(dir, STATE_NAME, NULL);
	json_error_t where;
	json_t *json = json_load_file(path, 0, &where);
	State *state;

	if (!json) {
		bool there = g_file_test(path, G_FILE_TEST_EXISTS);

		sgp32_fail(error, there ? SGP32_ERROR_INVALID_ARGUMENT : SGP32_ERROR_NOT_FOUND,
			"%s: %s", path, there ? where.text : "there is no card");
		return NULL;
	}
	state = state_from_json(json, error);
	json_decref(json);
	if (!state)
		g_prefix_error(error, "%s: ", path);
	return state;
}

/* ---- the write ---- */
static bool write_all(int fd, const char *text, size_t size)
{
	while (size) {
		ssize_t n = write(fd, text, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		text += n;
		size -= (size_t)n;
	}
	return true;
}

static bool sync_folder(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return good;
}

bool state_save(const State *state, const char *dir, int die, GError **error)
{
	g_autofree char *path = g_build_filename(dir, STATE_NAME, NULL);
	g_autofree char *fresh = g_strconcat(path, ".new", NULL);
	json_t *json = state_to_json(state, true);
	char *text = json_dumps(json, JSON_INDENT(1));
	size_t size = strlen(text);
	bool good;
	int fd;

	json_decref(json);
	if (die == DIE_BEFORE)
		_exit(77);
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	good = fd >= 0;
	if (good && die == DIE_DURING) {
		good = write_all(fd, text, size / 2);
		_exit(77);
	}
	good = good && write_all(fd, text, size) && fsync(fd) == 0;
	if (fd >= 0 && close(fd) < 0)
		good = false;
	good = good && rename(fresh, path) == 0 && sync_folder(dir);
	if (!good)
		sgp32_fail(error, SGP32_ERROR_STORE_UNAVAILABLE, "%s: %s", path, g_strerror(errno));
	wipe_free(text);
	if (good && die == DIE_AFTER)
		_exit(77);
	return good;
}
