/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.sgp32.Profile */
#include "internal.h"

GETTER_TEXT(get_iccid, target->profile->iccid)
GETTER_TEXT(get_isdp_aid, target->profile->isdp_aid)
GETTER_TEXT(get_class, profile_class_text(target->profile->class))
GETTER_TEXT(get_smdp_address, target->profile->smdp_address)
GETTER_TEXT(get_service_provider, target->profile->service_provider)
GETTER_TEXT(get_name, target->profile->name)
GETTER_TEXT(get_state, target->profile->enabled ? "enabled" : "disabled")
GETTER_TEXT(get_nickname, target->profile->nickname)
GETTER(get_fallback, "b", target->profile->fallback)
GETTER(get_fallback_allowed, "b", target->profile->fallback_allowed)
GETTER(get_emergency, "b", target->profile->emergency)

static int get_owner(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const CardProfile *profile = ((const Target *)userdata)->profile;
	g_autofree char *mccmnc = bus_text(profile->owner_mccmnc);
	g_autofree char *gid1 = bus_text(profile->owner_gid1);
	g_autofree char *gid2 = bus_text(profile->owner_gid2);

	return sd_bus_message_append(reply, "(sss)", mccmnc, gid1, gid2);
}

static int get_policy_rules(sd_bus *bus, const char *path, const char *interface,
	const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	/* bits of pprIds, in their order */
	static char *const rules[] = { "ppr-update-control", "ppr1", "ppr2" };
	unsigned bits = ((const Target *)userdata)->profile->policy_rules;
	char *texts[G_N_ELEMENTS(rules) + 1] = { NULL };
	unsigned n = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(rules); i++)
		if (bits & 1U << i)
			texts[n++] = rules[i];
	return sd_bus_message_append_strv(reply, texts);
}

static int method_get_icon(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const CardProfile *profile = ((const Target *)userdata)->profile;
	Span icon = span_of(profile->icon);
	g_autoptr(sd_bus_message) reply = NULL;
	int r;

	r = sd_bus_message_new_method_return(call, &reply);
	if (r >= 0)
		r = sd_bus_message_append(reply, "s", profile->icon ? profile->icon_mime : "");
	if (r >= 0)
		r = sd_bus_message_append_array(reply, 'y', icon.data, icon.size);
	return r < 0 ? r : sd_bus_message_send(reply);
}

const sd_bus_vtable profile_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("GetIcon", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", mime, "ay", data),
		method_get_icon, METHOD),
	SD_BUS_PROPERTY("Iccid", "s", get_iccid, 0, CONSTANT),
	SD_BUS_PROPERTY("IsdpAid", "s", get_isdp_aid, 0, CONSTANT),
	SD_BUS_PROPERTY("Class", "s", get_class, 0, CONSTANT),
	SD_BUS_PROPERTY("SmdpAddress", "s", get_smdp_address, 0, CHANGES),
	SD_BUS_PROPERTY("ServiceProvider", "s", get_service_provider, 0, CHANGES),
	SD_BUS_PROPERTY("Name", "s", get_name, 0, CHANGES),
	SD_BUS_PROPERTY("Owner", "(sss)", get_owner, 0, CHANGES),
	SD_BUS_PROPERTY("State", "s", get_state, 0, CHANGES),
	SD_BUS_PROPERTY("Nickname", "s", get_nickname, 0, CHANGES),
	SD_BUS_PROPERTY("PolicyRules", "as", get_policy_rules, 0, CHANGES),
	SD_BUS_PROPERTY("Fallback", "b", get_fallback, 0, CHANGES),
	SD_BUS_PROPERTY("FallbackAllowed", "b", get_fallback_allowed, 0, CHANGES),
	SD_BUS_PROPERTY("Emergency", "b", get_emergency, 0, CHANGES),
	SD_BUS_VTABLE_END,
};
