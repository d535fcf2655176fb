/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.sgp32.Manager */
#include "build-config.h"
#include "internal.h"

#define HISTORY_DEFAULT 100
#define HISTORY_MAX 1000

static char *const spec_versions[] = { "SGP.32 1.2", "SGP.22 2.5", NULL };

GETTER(get_version, "s", target ? SGP32_VERSION : "")
GETTER(get_api_version, "u", target ? SGP32_API_VERSION : 0)
GETTER_STRINGS(get_spec_versions, target ? spec_versions : NULL)
GETTER_STRINGS(get_plugins, manager_plugins(target->manager))
GETTER(get_online, "b", manager_online(target->manager))
GETTER(get_online_source, "s", manager_online_source(target->manager))

static int append_slot(sd_bus_message *reply, const SlotRow *row)
{
	int r;

	r = sd_bus_message_open_container(reply, 'a', "{sv}");
	if (r >= 0)
		r = message_append_text_entry(reply, "device", row->device);
	if (r >= 0)
		r = message_append_text_entry(reply, "plugin", row->plugin);
	if (r >= 0)
		r = message_append_entry(reply, "physical-slot", "u", row->physical_slot);
	if (r >= 0)
		r = message_append_entry(reply, "logical-slot", "u", row->logical_slot);
	if (r >= 0)
		r = message_append_text_entry(reply, "atr", row->atr);
	if (r >= 0)
		r = message_append_text_entry(reply, "state", row->state);
	if (r >= 0)
		r = message_append_text_entry(reply, "reason", row->reason);
	if (r >= 0)
		r = message_append_text_entry(reply, "hint", row->hint);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int get_slots(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const GPtrArray *slots = manager_slots(((const Target *)userdata)->manager);
	int r;

	r = sd_bus_message_open_container(reply, 'a', "a{sv}");
	for (unsigned i = 0; r >= 0 && i < slots->len; i++)
		r = append_slot(reply, g_ptr_array_index(slots, i));
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int method_rescan(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const Target *target = userdata;

	return submit_for_none_and_reply(
		call, target->manager, job_request_new(JOB_RESCAN, JOB_BY_USER), error);
}

static int method_find_euicc(sd_bus_message *call, void *userdata, sd_bus_error *ret_error)
{
	const Target *target = userdata;
	g_autoptr(GError) error = NULL;
	const Euicc *euicc;
	const char *text;
	int r;

	r = sd_bus_message_read(call, "s", &text);
	if (r < 0)
		return r;
	euicc = manager_find_euicc(target->manager, text, &error);
	if (!euicc)
		return reply_error(ret_error, error);
	return sd_bus_reply_method_return(call, "o", euicc->path);
}

static int method_parse_activation_code(
	sd_bus_message *call, void *userdata, sd_bus_error *ret_error)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(ActivationCode) code = NULL;
	const char *text;
	int r;

	r = sd_bus_message_read(call, "s", &text);
	if (r < 0)
		return r;
	code = activation_code_parse(text, &error);
	if (!code)
		return reply_error(ret_error, error);
	return sd_bus_reply_method_return(call, "a{sv}", 4, "smdp", "s", code->smdp_address,
		"matching-id", "b", *code->matching_id != '\0', "confirmation-code-required", "b",
		code->confirmation_code_required, "smdp-oid", "s", code->smdp_oid);
}

static int method_reload(sd_bus_message *call, void *userdata, sd_bus_error *ret_error)
{
	const Target *target = userdata;
	g_autoptr(GError) error = NULL;

	if (!manager_reload(target->manager, &error))
		return reply_error(ret_error, error);
	return sd_bus_reply_method_return(call, NULL);
}

static int append_history_row(sd_bus_message *reply, const HistoryRow *row)
{
	int r;

	r = sd_bus_message_open_container(reply, 'a', "{sv}");
	if (r >= 0)
		r = message_append_text_entry(reply, "eid", row->eid);
	if (r >= 0)
		r = message_append_text_entry(reply, "operation", row->operation);
	if (r >= 0)
		r = message_append_text_entry(reply, "initiator", row->initiator);
	if (r >= 0)
		r = message_append_text_entry(reply, "result", row->result);
	if (r >= 0)
		r = message_append_text_entry(reply, "error", row->error);
	if (r >= 0)
		r = message_append_text_entry(reply, "message", row->message);
	if (r >= 0)
		r = message_append_text_entry(reply, "details", row->details);
	if (r >= 0)
		r = message_append_entry(reply, "start-time", "t", row->start_time);
	if (r >= 0)
		r = message_append_entry(reply, "end-time", "t", row->end_time);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int method_get_history(sd_bus_message *call, void *userdata, sd_bus_error *ret_error)
{
	const Target *target = userdata;
	g_autoptr(sd_bus_message) reply = NULL;
	g_autoptr(GPtrArray) rows = NULL;
	g_autoptr(GError) error = NULL;
	const char *eid;
	uint32_t max;
	int r;

	r = sd_bus_message_read(call, "su", &eid, &max);
	if (r < 0)
		return r;
	max = MIN(max ? max : HISTORY_DEFAULT, HISTORY_MAX);
	rows = manager_history(target->manager, eid, max, &error);
	if (!rows)
		return reply_error(ret_error, error);
	r = sd_bus_message_new_method_return(call, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "a{sv}");
	for (unsigned i = 0; r >= 0 && i < rows->len; i++)
		r = append_history_row(reply, g_ptr_array_index(rows, i));
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	return r < 0 ? r : sd_bus_message_send(reply);
}

const sd_bus_vtable manager_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS(
		"Rescan", SD_BUS_NO_ARGS, SD_BUS_RESULT("o", job), method_rescan, METHOD),
	SD_BUS_METHOD_WITH_ARGS("FindEuicc", SD_BUS_ARGS("s", text), SD_BUS_RESULT("o", euicc),
		method_find_euicc, METHOD),
	SD_BUS_METHOD_WITH_ARGS("ParseActivationCode", SD_BUS_ARGS("s", activation_code),
		SD_BUS_RESULT("a{sv}", parts), method_parse_activation_code, METHOD_SECRET),
	SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_reload, METHOD),
	SD_BUS_METHOD_WITH_ARGS("GetHistory", SD_BUS_ARGS("s", eid, "u", max),
		SD_BUS_RESULT("aa{sv}", rows), method_get_history, METHOD),
	SD_BUS_SIGNAL_WITH_ARGS("JobNew", SD_BUS_ARGS("u", id, "o", job), 0),
	SD_BUS_SIGNAL_WITH_ARGS(
		"JobRemoved", SD_BUS_ARGS("u", id, "o", job, "s", result, "s", error), 0),
	SD_BUS_PROPERTY("Version", "s", get_version, 0, CONSTANT),
	SD_BUS_PROPERTY("ApiVersion", "u", get_api_version, 0, CONSTANT),
	SD_BUS_PROPERTY("SpecVersions", "as", get_spec_versions, 0, CONSTANT),
	SD_BUS_PROPERTY("Plugins", "as", get_plugins, 0, CONSTANT),
	SD_BUS_PROPERTY("Online", "b", get_online, 0, CHANGES),
	SD_BUS_PROPERTY("OnlineSource", "s", get_online_source, 0, CHANGES),
	SD_BUS_PROPERTY("Slots", "aa{sv}", get_slots, 0, INVALIDATED),
	SD_BUS_VTABLE_END,
};
