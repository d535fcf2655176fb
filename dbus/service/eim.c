/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.sgp32.Eim */
#include "internal.h"

/* eimSupportedProtocol (SGP.32 2.11.1.1.1): how packages are retrieved; injection is no polling. */
enum {
	PROTOCOL_RETRIEVE_HTTPS = 1 << 0,
	PROTOCOL_RETRIEVE_COAPS = 1 << 1,
};

static const char *id_type_text(int id_type)
{
	return id_type == 1 ? "oid" : id_type == 2 ? "fqdn" : "proprietary";
}

/* The store's part; zero until the store knows the eIM. */
static const EimState *state_of(const Target *target)
{
	static const EimState unknown = { .eim_id = "", .last_result = "", .enabled = true };

	return target->eim_state ? target->eim_state : &unknown;
}

GETTER_TEXT(get_eim_id, target->eim->eim_id)
GETTER_TEXT(get_id_type, id_type_text(target->eim->id_type))
GETTER_TEXT(get_fqdn, target->eim->fqdn)
GETTER_TEXT(get_trust, target->eim->trust)
GETTER(get_last_poll, "t", state_of(target)->last_poll)
GETTER_TEXT(get_last_result, state_of(target)->last_result)
GETTER(get_next_poll, "t", state_of(target)->next_poll)
GETTER(get_failures, "u", state_of(target)->failures)
GETTER(get_interval, "u", state_of(target)->interval)
GETTER(get_enabled, "b", state_of(target)->enabled)

static int get_protocols(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	unsigned bits = ((const Target *)userdata)->eim->protocols;
	char *texts[3] = { NULL };
	unsigned n = 0;

	if (bits & PROTOCOL_RETRIEVE_HTTPS)
		texts[n++] = "https";
	if (bits & PROTOCOL_RETRIEVE_COAPS)
		texts[n++] = "coap";
	return sd_bus_message_append_strv(reply, texts);
}

static int set_enabled(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *value, void *userdata, sd_bus_error *ret_error)
{
	const Target *target = userdata;
	g_autoptr(GError) error = NULL;
	int enabled, r;

	r = sd_bus_message_read(value, "b", &enabled);
	if (r < 0)
		return r;
	if (!manager_set_eim_enabled(
		    target->manager, target->euicc->eid, target->eim->eim_id, enabled, &error))
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
	request->eim_id = g_strdup(target->eim->eim_id);
	return submit_and_reply(call, target, g_steal_pointer(&request), error);
}

const sd_bus_vtable eim_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("Poll", SD_BUS_ARGS("a{sv}", options), SD_BUS_RESULT("o", job),
		method_poll, METHOD),
	SD_BUS_PROPERTY("EimId", "s", get_eim_id, 0, CONSTANT),
	SD_BUS_PROPERTY("IdType", "s", get_id_type, 0, CONSTANT),
	SD_BUS_PROPERTY("Fqdn", "s", get_fqdn, 0, CHANGES),
	SD_BUS_PROPERTY("Protocols", "as", get_protocols, 0, CHANGES),
	SD_BUS_PROPERTY("Trust", "s", get_trust, 0, CHANGES),
	SD_BUS_PROPERTY("LastPoll", "t", get_last_poll, 0, CHANGES),
	SD_BUS_PROPERTY("LastResult", "s", get_last_result, 0, CHANGES),
	SD_BUS_PROPERTY("NextPoll", "t", get_next_poll, 0, CHANGES),
	SD_BUS_PROPERTY("Failures", "u", get_failures, 0, CHANGES),
	SD_BUS_PROPERTY("Interval", "u", get_interval, 0, CHANGES),
	SD_BUS_WRITABLE_PROPERTY("Enabled", "b", get_enabled, set_enabled, 0, CHANGES_WRITABLE),
	SD_BUS_VTABLE_END,
};
