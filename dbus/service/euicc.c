/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.sgp32.Euicc */
#include <string.h>

#include "internal.h"

/* ModemManager's "/" is our "": the property is a string, for people. */
static const char *modem_path(const Euicc *euicc)
{
	return euicc->modem_path && strcmp(euicc->modem_path, "/") != 0 ? euicc->modem_path : "";
}

/* On an IoT card the first associated eIM is the one that owns the profiles. */
static const char *managed_by(const Euicc *euicc)
{
	const GPtrArray *eims = euicc->snapshot->eims;

	return euicc_has_ipa(euicc) && eims->len
		? ((const CardEim *)g_ptr_array_index(eims, 0))->eim_id
		: "";
}

GETTER_TEXT(get_eid, target->euicc->eid)
GETTER_TEXT(get_kind, euicc_kind_text(target->euicc->snapshot->kind))
GETTER_TEXT(get_device, target->euicc->device)
GETTER_TEXT(get_plugin, target->euicc->plugin)
GETTER(get_slot, "u", target->euicc->slot)
GETTER_TEXT(get_modem_path, modem_path(target->euicc))
GETTER_TEXT(get_state, euicc_state_text(target->euicc->state))
GETTER_TEXT(get_profile_version, target->euicc->snapshot->profile_version)
GETTER_TEXT(get_svn_version, target->euicc->snapshot->svn_version)
GETTER_TEXT(get_firmware_version, target->euicc->snapshot->firmware_version)
GETTER_STRINGS(get_capabilities, target->euicc->snapshot->capabilities)
GETTER_STRINGS(get_ci_pk_ids, target->euicc->snapshot->ci_pk_ids)
GETTER(get_free_memory, "t", target->euicc->snapshot->free_memory)
GETTER_TEXT(get_default_smdp, target->euicc->snapshot->default_smdp)
GETTER(get_current_job, "o", target->euicc->current_job ? target->euicc->current_job->path : "/")
GETTER(get_pending_notifications, "u", target->euicc->snapshot->notifications->len)
GETTER_TEXT(get_managed_by, managed_by(target->euicc))

static int get_root_smds(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	g_autofree char *address = bus_text(((const Target *)userdata)->euicc->snapshot->root_smds);
	char *addresses[] = { *address ? address : NULL, NULL };

	return sd_bus_message_append_strv(reply, addresses);
}

static int append_profile(sd_bus_message *reply, const Euicc *euicc, const CardProfile *profile)
{
	g_autofree char *path = profile ? profile_path(euicc, profile->iccid) : g_strdup("/");

	return sd_bus_message_append(reply, "o", path);
}

static int get_enabled_profile(sd_bus *bus, const char *path, const char *interface,
	const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const Euicc *euicc = ((const Target *)userdata)->euicc;

	return append_profile(reply, euicc, snapshot_enabled_profile(euicc->snapshot));
}

static int get_fallback_profile(sd_bus *bus, const char *path, const char *interface,
	const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const Euicc *euicc = ((const Target *)userdata)->euicc;
	const GPtrArray *profiles = euicc->snapshot->profiles;

	for (unsigned i = 0; i < profiles->len; i++) {
		const CardProfile *profile = g_ptr_array_index(profiles, i);

		if (profile->fallback)
			return append_profile(reply, euicc, profile);
	}
	return append_profile(reply, euicc, NULL);
}

static int get_last_error(sd_bus *bus, const char *path, const char *interface,
	const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const Euicc *euicc = ((const Target *)userdata)->euicc;
	const GError *last = euicc->last_error;
	g_autofree char *text = bus_text(last ? last->message : NULL);

	return sd_bus_message_append(reply, "(sst)", error_bus_name(last), text,
		last ? euicc->last_error_time : UINT64_C(0));
}

static int method_refresh(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return submit_and_reply(call, userdata, job_request_new(JOB_REFRESH, JOB_BY_USER), error);
}

static int method_download(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	g_autoptr(JobRequest) request = job_request_new(JOB_DOWNLOAD, JOB_BY_USER);
	const char *activation_code, *confirmation_code = NULL, *accept = "ask";
	const Option options[] = {
		{ "confirmation-code", 's', &confirmation_code, NULL },
		{ "accept", 's', &accept, NULL },
		{ 0 },
	};
	int r;

	r = sd_bus_message_read(call, "s", &activation_code);
	if (r < 0)
		return r;
	r = message_read_options(call, options, error);
	if (r < 0)
		return r;
	if (strcmp(accept, "auto") != 0 && strcmp(accept, "ask") != 0)
		return reply_failure(
			error, SGP32_ERROR_INVALID_ARGUMENT, "option “accept” is “ask” or “auto”");
	if (*activation_code) {
		g_autoptr(GError) reason = NULL;
		g_autoptr(ActivationCode) code = activation_code_parse(activation_code, &reason);

		if (!code)
			return reply_error(error, reason);
	}
	request->activation_code = g_strdup(activation_code);
	request->confirmation_code = g_strdup(confirmation_code);
	request->accept = strcmp(accept, "auto") == 0;
	return submit_and_reply(call, userdata, g_steal_pointer(&request), error);
}

static int append_notification(sd_bus_message *reply, const CardNotification *notification)
{
	int r;

	r = sd_bus_message_open_container(reply, 'a', "{sv}");
	if (r >= 0)
		r = message_append_entry(reply, "seq", "t", (uint64_t)notification->seq);
	if (r >= 0)
		r = message_append_text_entry(reply, "operation", notification->operation);
	if (r >= 0)
		r = message_append_text_entry(reply, "address", notification->address);
	if (r >= 0)
		r = message_append_text_entry(reply, "iccid", notification->iccid);
	if (r >= 0)
		r = message_append_text_entry(reply, "state", "pending");
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int method_list_notifications(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const GPtrArray *list = ((const Target *)userdata)->euicc->snapshot->notifications;
	g_autoptr(sd_bus_message) reply = NULL;
	int r;

	r = sd_bus_message_new_method_return(call, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "a{sv}");
	for (unsigned i = 0; r >= 0 && i < list->len; i++)
		r = append_notification(reply, g_ptr_array_index(list, i));
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	return r < 0 ? r : sd_bus_message_send(reply);
}

static int method_process_notifications(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const Option options[] = { { 0 } };
	const void *seq;
	size_t size;
	int r;

	r = sd_bus_message_read_array(call, 't', &seq, &size);
	if (r < 0)
		return r;
	r = message_read_options(call, options, error);
	if (r < 0)
		return r;
	if (size)
		return reply_failure(error, SGP32_ERROR_NOT_SUPPORTED,
			"only all pending notifications can be delivered; give no numbers");
	return submit_and_reply(
		call, userdata, job_request_new(JOB_NOTIFICATIONS, JOB_BY_USER), error);
}

const sd_bus_vtable euicc_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS(
		"Refresh", SD_BUS_NO_ARGS, SD_BUS_RESULT("o", job), method_refresh, METHOD),
	SD_BUS_METHOD_WITH_ARGS("Download", SD_BUS_ARGS("s", activation_code, "a{sv}", options),
		SD_BUS_RESULT("o", job), method_download, METHOD_SECRET),
	SD_BUS_METHOD_WITH_ARGS("ListNotifications", SD_BUS_NO_ARGS,
		SD_BUS_RESULT("aa{sv}", notifications), method_list_notifications, METHOD),
	SD_BUS_METHOD_WITH_ARGS("ProcessNotifications", SD_BUS_ARGS("at", seq, "a{sv}", options),
		SD_BUS_RESULT("o", job), method_process_notifications, METHOD),
	SD_BUS_PROPERTY("Eid", "s", get_eid, 0, CONSTANT),
	SD_BUS_PROPERTY("Kind", "s", get_kind, 0, CHANGES),
	SD_BUS_PROPERTY("Device", "s", get_device, 0, CHANGES),
	SD_BUS_PROPERTY("Plugin", "s", get_plugin, 0, CHANGES),
	SD_BUS_PROPERTY("Slot", "u", get_slot, 0, CHANGES),
	SD_BUS_PROPERTY("ModemPath", "s", get_modem_path, 0, CHANGES),
	SD_BUS_PROPERTY("State", "s", get_state, 0, CHANGES),
	SD_BUS_PROPERTY("ProfileVersion", "s", get_profile_version, 0, CONSTANT),
	SD_BUS_PROPERTY("SvnVersion", "s", get_svn_version, 0, CONSTANT),
	SD_BUS_PROPERTY("FirmwareVersion", "s", get_firmware_version, 0, CONSTANT),
	SD_BUS_PROPERTY("Capabilities", "as", get_capabilities, 0, CONSTANT),
	SD_BUS_PROPERTY("CiPkIds", "as", get_ci_pk_ids, 0, CONSTANT),
	SD_BUS_PROPERTY("FreeMemory", "t", get_free_memory, 0, CHANGES),
	SD_BUS_PROPERTY("DefaultSmdp", "s", get_default_smdp, 0, CHANGES),
	SD_BUS_PROPERTY("RootSmds", "as", get_root_smds, 0, CHANGES),
	SD_BUS_PROPERTY("EnabledProfile", "o", get_enabled_profile, 0, CHANGES),
	SD_BUS_PROPERTY("FallbackProfile", "o", get_fallback_profile, 0, CHANGES),
	SD_BUS_PROPERTY("CurrentJob", "o", get_current_job, 0, CHANGES),
	SD_BUS_PROPERTY("PendingNotifications", "u", get_pending_notifications, 0, CHANGES),
	SD_BUS_PROPERTY("ManagedBy", "s", get_managed_by, 0, CHANGES),
	SD_BUS_PROPERTY("LastError", "(sst)", get_last_error, 0, CHANGES),
	SD_BUS_VTABLE_END,
};
