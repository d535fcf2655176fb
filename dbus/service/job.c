/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.sgp32.Job */
#include <errno.h>
#include <string.h>

#include "internal.h"

GETTER(get_id, "u", target->job->id)
GETTER_TEXT(get_operation, job_operation_text(target->job->operation))
GETTER(get_object, "o", target->job->object_path)
GETTER_TEXT(get_initiator, job_initiator_text(target->job->initiator))
GETTER(get_uid, "u", target->job->uid)
GETTER(get_start_time, "t", target->job->start_time)
GETTER_TEXT(get_state, job_status_text(target->job->status))
GETTER_TEXT(get_step, target->job->step)
GETTER(get_progress, "d", target->job->progress)
GETTER(get_progress_valid, "b", target->job->progress_valid)
GETTER(get_cancelable, "b", target->job->cancelable)
GETTER(get_deadline, "t", target->job->deadline)

static int get_question(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	return message_append_variant(reply, ((const Target *)userdata)->job->question);
}

static int get_result(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	return message_append_variant(reply, ((const Target *)userdata)->job->result);
}

static int append_details(sd_bus_message *reply, const Sgp32ErrorDetails *details)
{
	int r = 0;

	if (details->sw)
		r = message_append_entry(reply, "sw", "q", details->sw);
	if (r >= 0 && details->spec)
		r = message_append_entry(reply, "spec", "i", details->spec);
	if (r >= 0 && details->http)
		r = message_append_entry(reply, "http", "u", details->http);
	if (r >= 0 && details->subject)
		r = message_append_text_entry(reply, "subject", details->subject);
	if (r >= 0 && details->reason)
		r = message_append_text_entry(reply, "reason", details->reason);
	if (r >= 0 && details->hint)
		r = message_append_text_entry(reply, "hint", details->hint);
	return r;
}

static int get_error(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const GError *reason = ((const Target *)userdata)->job->error;
	const Sgp32ErrorDetails *details = sgp32_error_details(reason);
	g_autofree char *text = bus_text(reason ? reason->message : NULL);
	int r;

	r = sd_bus_message_open_container(reply, 'r', "ssa{sv}");
	if (r >= 0)
		r = sd_bus_message_append(reply, "ss", error_bus_name(reason), text);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "{sv}");
	if (r >= 0 && details)
		r = append_details(reply, details);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int method_cancel(sd_bus_message *call, void *userdata, sd_bus_error *ret_error)
{
	const Target *target = userdata;
	g_autoptr(GError) error = NULL;

	if (!manager_job_cancel(target->manager, target->job->id, &error))
		return reply_error(ret_error, error);
	return sd_bus_reply_method_return(call, NULL);
}

static void add_to_answer(GVariantBuilder *answer, const char *key, GVariant *value)
{
	g_variant_builder_add_value(answer,
		g_variant_new_dict_entry(g_variant_new_string(key), g_variant_new_variant(value)));
}

typedef struct Wiped {
	size_t size;
	uint8_t data[] __attribute__((aligned(8))); /* as GVariant wants it */
} Wiped;

static void wiped_free(void *data)
{
	Wiped *wiped = data;

	wipe(wiped->data, wiped->size);
	g_free(wiped);
}

/* The same value, all of it in one piece of memory that is wiped when the last reference goes. */
static GVariant *variant_in_wiped_memory(GVariant *value)
{
	size_t size = g_variant_get_size(value);
	Wiped *wiped = g_malloc(sizeof(Wiped) + size);

	wiped->size = size;
	g_variant_store(value, wiped->data);
	return g_variant_ref_sink(g_variant_new_from_data(
		g_variant_get_type(value), wiped->data, size, TRUE, wiped_free, wiped));
}

/* The code is only ever in memory that is wiped. */
static GVariant *answer_new(const bool *accept, const char *code)
{
	g_autoptr(GVariant) answer = NULL;
	GVariantBuilder builder;

	g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
	if (accept)
		add_to_answer(&builder, "accept", g_variant_new_boolean(*accept));
	if (code) {
		char *copy = g_strdup(code);

		add_to_answer(&builder, "confirmation-code",
			g_variant_new_from_data(G_VARIANT_TYPE_STRING, copy, strlen(copy) + 1, TRUE,
				(GDestroyNotify)wipe_free, copy));
	}
	answer = g_variant_ref_sink(g_variant_builder_end(&builder));
	return variant_in_wiped_memory(answer);
}

static int method_answer(sd_bus_message *call, void *userdata, sd_bus_error *ret_error)
{
	const Target *target = userdata;
	const char *code = NULL;
	bool accept = false, accept_given = false;
	const Option options[] = {
		{ "accept", 'b', &accept, &accept_given },
		{ "confirmation-code", 's', &code, NULL },
		{ 0 },
	};
	g_autoptr(GVariant) answer = NULL;
	g_autoptr(GError) error = NULL;
	int r;

	r = message_read_options(call, options, ret_error);
	if (r < 0)
		return r;
	answer = answer_new(accept_given ? &accept : NULL, code);
	if (!manager_job_answer(target->manager, target->job->id, answer, &error))
		return reply_error(ret_error, error);
	return sd_bus_reply_method_return(call, NULL);
}

int job_reply_end(sd_bus_message *call, const Job *job)
{
	g_autoptr(sd_bus_message) reply = NULL;
	g_autofree char *text = bus_text(job->error ? job->error->message : NULL);
	int r;

	r = sd_bus_message_new_method_return(call, &reply);
	if (r >= 0)
		r = sd_bus_message_append(
			reply, "sss", job_result_text(job), error_bus_name(job->error), text);
	if (r >= 0)
		r = message_append_variant(reply, job->result);
	return r < 0 ? r : sd_bus_message_send(reply);
}

static int method_wait(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const Target *target = userdata;
	int r;

	if (job_status_ended(target->job->status))
		return job_reply_end(call, target->job);
	r = waiters_add(target->service->waiters, target->job->id, call, error);
	return r < 0 ? r : 1;
}

const sd_bus_vtable job_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("Cancel", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_cancel, METHOD),
	SD_BUS_METHOD_WITH_ARGS("Answer", SD_BUS_ARGS("a{sv}", answer), SD_BUS_NO_RESULT,
		method_answer, METHOD_SECRET),
	SD_BUS_METHOD_WITH_ARGS("Wait", SD_BUS_NO_ARGS,
		SD_BUS_RESULT("s", result, "s", error, "s", message, "a{sv}", details), method_wait,
		METHOD),
	SD_BUS_SIGNAL_WITH_ARGS("Completed", SD_BUS_ARGS("s", result, "s", error, "s", message), 0),
	SD_BUS_PROPERTY("Id", "u", get_id, 0, CONSTANT),
	SD_BUS_PROPERTY("Operation", "s", get_operation, 0, CONSTANT),
	SD_BUS_PROPERTY("Object", "o", get_object, 0, CONSTANT),
	SD_BUS_PROPERTY("Initiator", "s", get_initiator, 0, CONSTANT),
	SD_BUS_PROPERTY("Uid", "u", get_uid, 0, CONSTANT),
	SD_BUS_PROPERTY("StartTime", "t", get_start_time, 0, CONSTANT),
	SD_BUS_PROPERTY("State", "s", get_state, 0, CHANGES),
	SD_BUS_PROPERTY("Step", "s", get_step, 0, CHANGES),
	SD_BUS_PROPERTY("Progress", "d", get_progress, 0, CHANGES),
	SD_BUS_PROPERTY("ProgressValid", "b", get_progress_valid, 0, CHANGES),
	SD_BUS_PROPERTY("Cancelable", "b", get_cancelable, 0, CHANGES),
	SD_BUS_PROPERTY("Deadline", "t", get_deadline, 0, CHANGES),
	SD_BUS_PROPERTY("Question", "a{sv}", get_question, 0, CHANGES),
	SD_BUS_PROPERTY("Result", "a{sv}", get_result, 0, CHANGES),
	SD_BUS_PROPERTY("Error", "(ssa{sv})", get_error, 0, CHANGES),
	SD_BUS_VTABLE_END,
};
