/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.sgp32.Ipa */
#include "internal.h"

GETTER(get_polling_enabled, "b", target->euicc->ipa->polling_enabled)
GETTER(get_next_poll, "t", target->euicc->ipa->next_poll)
GETTER(get_last_poll, "t", target->euicc->ipa->last_poll)
GETTER_TEXT(get_last_result, target->euicc->ipa->last_result)
GETTER_TEXT(get_package_phase, target->euicc->ipa->package_phase)
GETTER(get_rollback_deadline, "t", target->euicc->ipa->rollback_deadline)
GETTER(get_rollback_available, "b", target->euicc->ipa->rollback_available)
GETTER_TEXT(get_immediate_enable, target->euicc->ipa->immediate_enable)
GETTER_STRINGS(get_capabilities, target->euicc->ipa->capabilities)

static int set_polling_enabled(sd_bus *bus, const char *path, const char *interface,
	const char *property, sd_bus_message *value, void *userdata, sd_bus_error *ret_error)
{
	const Target *target = userdata;
	g_autoptr(GError) error = NULL;
	int enabled, r;

	r = sd_bus_message_read(value, "b", &enabled);
	if (r < 0)
		return r;
	if (!manager_set_polling_enabled(target->manager, target->euicc->eid, enabled, &error))
		return reply_error(ret_error, error);
	return 0;
}

static int method_poll(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const Target *target = userdata;
	g_autoptr(JobRequest) request = job_request_new(JOB_POLL, JOB_BY_USER);
	const Option options[] = { { "force", 'b', &request->force, NULL }, { 0 } };
	int r;

	r = message_read_options(call, options, error);
	if (r < 0)
		return r;
	return submit_and_reply(call, target, g_steal_pointer(&request), error);
}

const sd_bus_vtable ipa_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("Poll", SD_BUS_ARGS("a{sv}", options), SD_BUS_RESULT("o", job),
		method_poll, METHOD),
	SD_BUS_WRITABLE_PROPERTY("PollingEnabled", "b", get_polling_enabled, set_polling_enabled, 0,
		CHANGES_WRITABLE),
	SD_BUS_PROPERTY("NextPoll", "t", get_next_poll, 0, CHANGES),
	SD_BUS_PROPERTY("LastPoll", "t", get_last_poll, 0, CHANGES),
	SD_BUS_PROPERTY("LastResult", "s", get_last_result, 0, CHANGES),
	SD_BUS_PROPERTY("PackagePhase", "s", get_package_phase, 0, CHANGES),
	SD_BUS_PROPERTY("RollbackDeadline", "t", get_rollback_deadline, 0, CHANGES),
	SD_BUS_PROPERTY("RollbackAvailable", "b", get_rollback_available, 0, CHANGES),
	SD_BUS_PROPERTY("ImmediateEnableConfigured", "s", get_immediate_enable, 0, CHANGES),
	SD_BUS_PROPERTY("Capabilities", "as", get_capabilities, 0, CHANGES),
	SD_BUS_VTABLE_END,
};
