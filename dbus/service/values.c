/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Errors, options and values on their way to and from the bus. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "internal.h"

int reply_error(sd_bus_error *ret, const GError *error)
{
	const Sgp32ErrorDetails *details = sgp32_error_details(error);
	const ErrorRow *row = error_row_of(error);
	g_autofree char *text = NULL, *valid = NULL;

	text = details && details->hint && *details->hint
		? g_strdup_printf("%s (%s)", error->message, details->hint)
		: g_strdup(error ? error->message : "no reason was given");
	valid = bus_text(text);
	sd_bus_error_set(ret, row->name, valid);
	return -row->number;
}

int reply_failure(sd_bus_error *ret, Sgp32Error code, const char *format, ...)
{
	g_autofree char *text = NULL, *valid = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	valid = bus_text(text);
	sd_bus_error_set(ret, error_row(code)->name, valid);
	return -error_row(code)->number;
}

char *bus_text(const char *text)
{
	return g_utf8_make_valid(text ? text : "", -1);
}

const char *error_bus_name(const GError *error)
{
	return error ? error_row_of(error)->name : "";
}

int caller_uid(sd_bus_message *call, uint32_t *ret_uid)
{
	sd_bus_creds *creds = NULL;
	uid_t uid = 0;
	int r;

	/* A round trip to the bus driver, which always answers at once. */
	r = sd_bus_query_sender_creds(call, SD_BUS_CREDS_EUID, &creds);
	if (r >= 0)
		r = sd_bus_creds_get_euid(creds, &uid);
	sd_bus_creds_unref(creds);
	if (r >= 0)
		*ret_uid = uid;
	return r;
}

static int append_children(
	sd_bus_message *message, GVariant *value, char container, const char *contents)
{
	GVariantIter iter;
	GVariant *child;
	int r;

	r = sd_bus_message_open_container(message, container, contents);
	g_variant_iter_init(&iter, value);
	while (r >= 0 && (child = g_variant_iter_next_value(&iter))) {
		r = message_append_variant(message, child);
		g_variant_unref(child);
	}
	return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_basic(sd_bus_message *message, GVariant *value)
{
	char type = *g_variant_get_type_string(value);
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
	} number = { 0 };

	switch (g_variant_classify(value)) {
	case G_VARIANT_CLASS_STRING:
	case G_VARIANT_CLASS_OBJECT_PATH:
	case G_VARIANT_CLASS_SIGNATURE:
		return sd_bus_message_append_basic(
			message, type, g_variant_get_string(value, NULL));
	case G_VARIANT_CLASS_BOOLEAN: number.b = g_variant_get_boolean(value); break;
	case G_VARIANT_CLASS_BYTE: number.y = g_variant_get_byte(value); break;
	case G_VARIANT_CLASS_INT16: number.n = g_variant_get_int16(value); break;
	case G_VARIANT_CLASS_UINT16: number.q = g_variant_get_uint16(value); break;
	case G_VARIANT_CLASS_INT32: number.i = g_variant_get_int32(value); break;
	case G_VARIANT_CLASS_UINT32: number.u = g_variant_get_uint32(value); break;
	case G_VARIANT_CLASS_INT64: number.x = g_variant_get_int64(value); break;
	case G_VARIANT_CLASS_UINT64: number.t = g_variant_get_uint64(value); break;
	case G_VARIANT_CLASS_DOUBLE: number.d = g_variant_get_double(value); break;
	default: return -EOPNOTSUPP; /* maybe types and handles, which D-Bus lacks */
	}
	return sd_bus_message_append_basic(message, type, &number);
}

int message_append_variant(sd_bus_message *message, GVariant *value)
{
	const char *type = g_variant_get_type_string(value);
	g_autofree char *contents = NULL;

	switch (g_variant_classify(value)) {
	case G_VARIANT_CLASS_VARIANT: {
		g_autoptr(GVariant) inner = g_variant_get_variant(value);

		return append_children(message, value, 'v', g_variant_get_type_string(inner));
	}
	case G_VARIANT_CLASS_ARRAY:
		if (strcmp(type, "ay") == 0) {
			size_t size;
			const void *data = g_variant_get_fixed_array(value, &size, 1);

			return sd_bus_message_append_array(message, 'y', data, size);
		}
		return append_children(message, value, 'a', type + 1);
	case G_VARIANT_CLASS_TUPLE:
	case G_VARIANT_CLASS_DICT_ENTRY:
		contents = g_strndup(type + 1, strlen(type) - 2);
		return append_children(message, value, *type == '(' ? 'r' : 'e', contents);
	default: return append_basic(message, value);
	}
}

int message_append_entry(sd_bus_message *message, const char *key, const char *type, ...)
{
	va_list args;
	int r;

	r = sd_bus_message_open_container(message, 'e', "sv");
	if (r >= 0)
		r = sd_bus_message_append_basic(message, 's', key);
	if (r >= 0)
		r = sd_bus_message_open_container(message, 'v', type);
	if (r >= 0) {
		va_start(args, type);
		r = sd_bus_message_appendv(message, type, args);
		va_end(args);
	}
	if (r >= 0)
		r = sd_bus_message_close_container(message);
	if (r >= 0)
		r = sd_bus_message_close_container(message);
	return r;
}

int message_append_text_entry(sd_bus_message *message, const char *key, const char *text)
{
	g_autofree char *valid = bus_text(text);

	return message_append_entry(message, key, "s", valid);
}

static int read_option(sd_bus_message *message, const Option *option, sd_bus_error *error)
{
	const char contents[] = { option->type, '\0' };
	const char *actual;
	char kind;
	int r;

	r = sd_bus_message_peek_type(message, &kind, &actual);
	if (r < 0)
		return r;
	if (kind != 'v' || strcmp(actual, contents) != 0)
		return reply_failure(error, SGP32_ERROR_INVALID_ARGUMENT,
			"option “%s” is of type “%s”, not “%s”", option->key, contents, actual);
	if (option->type == 'b') {
		int value;

		r = sd_bus_message_read(message, "v", contents, &value);
		if (r >= 0)
			*(bool *)option->ret = value;
	} else {
		r = sd_bus_message_read(message, "v", contents, option->ret);
	}
	if (r >= 0 && option->ret_given)
		*option->ret_given = true;
	return r;
}

int message_read_options(sd_bus_message *message, const Option *options, sd_bus_error *error)
{
	int r;

	r = sd_bus_message_enter_container(message, 'a', "{sv}");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
		const Option *option = options;
		const char *key;

		r = sd_bus_message_read_basic(message, 's', &key);
		if (r < 0)
			return r;
		while (option->key && strcmp(option->key, key) != 0)
			option++;
		if (!option->key)
			return reply_failure(error, SGP32_ERROR_UNKNOWN_OPTION,
				"there is no option “%.64s”", key);
		r = read_option(message, option, error);
		if (r >= 0)
			r = sd_bus_message_exit_container(message);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int submit(sd_bus_message *call, Manager *manager, const char *eid, JobRequest *request,
	sd_bus_error *ret_error)
{
	g_autoptr(GError) error = NULL;
	uint32_t uid;
	const Job *job;
	int r;

	r = caller_uid(call, &uid);
	if (r < 0) {
		job_request_free(request);
		return r;
	}
	request->uid = uid;
	job = manager_submit(manager, eid, request, &error);
	if (!job)
		return reply_error(ret_error, error);
	return sd_bus_reply_method_return(call, "o", job->path);
}

int submit_and_reply(
	sd_bus_message *call, const Target *target, JobRequest *request, sd_bus_error *error)
{
	return submit(call, target->manager, target->euicc->eid, request, error);
}

int submit_for_none_and_reply(
	sd_bus_message *call, Manager *manager, JobRequest *request, sd_bus_error *error)
{
	return submit(call, manager, NULL, request, error);
}
