/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Profiles and their orders. A profile in the state:
 *
 *   iccid, name, spn, class, ppr [..], owner {mccmnc,gid1,gid2}, icon, iconType, notify [{events,address}],
 *   ecall, fallbackAllowed, size, body, mode ("session" or "ppk")
 *   matchingId, orderedEid, cc, ccTries, ccMax, downloads, downloadsMax, expired, rebind, checkMemory
 *   state: unreleased released linked downloading installed enabled disabled deleted error
 *   reason: why state is error; eid: of whom has it; transactions [hex]
 *   binding {otskDp, otpkEuicc, euiccCertificate, eumCertificate}, ppk {initialMCV, ppkEnc, ppkCmac}
 */
#include "lab/smdp/smdp.h"

#include <string.h>

/* ---- finding ---- */
static json_t *find(LabServer *server, const char *key, const char *value)
{
	json_t *profile;
	size_t i;

	json_array_foreach(state_array(server->state, "profiles"), i, profile)
	{
		if (value && g_strcmp0(state_string(profile, key), value) == 0)
			return profile;
	}
	return NULL;
}

json_t *order_by_iccid(LabServer *server, const char *iccid)
{
	return find(server, "iccid", iccid);
}

json_t *order_by_transaction(LabServer *server, const char *transaction_id)
{
	json_t *profile, *item;
	size_t i, j;

	json_array_foreach(state_array(server->state, "profiles"), i, profile)
	{
		json_array_foreach(state_array(profile, "transactions"), j, item)
		{
			if (g_strcmp0(json_string_value(item), transaction_id) == 0)
				return profile;
		}
	}
	return NULL;
}

void order_set_state(LabServer *server, json_t *profile, const char *state, const char *reason)
{
	state_set_string(profile, "state", state);
	state_set_string(profile, "reason", reason);
	lab_server_log(server, NULL, "profile %s: %s%s%s", state_string(profile, "iccid"), state,
		reason ? ", " : "", reason ? reason : "");
	lab_server_save(server);
}

static bool is_open(json_t *profile)
{
	static const char *const open[] = { "released", "linked", "downloading", NULL };

	return g_strv_contains(open, state_string(profile, "state"));
}

static json_t *find_for_eid(LabServer *server, const char *eid)
{
	json_t *profile;
	size_t i;

	json_array_foreach(state_array(server->state, "profiles"), i, profile)
	{
		if (is_open(profile) && g_strcmp0(state_string(profile, "orderedEid"), eid) == 0)
			return profile;
	}
	return NULL;
}

json_t *order_match(LabServer *server, const char *matching_id, Span eid, RspStatus *status)
{
	g_autofree char *eid_text = eid_to_text(eid);
	json_t *profile = *matching_id ? find(server, "matchingId", matching_id)
				       : find_for_eid(server, eid_text);
	const char *ordered = state_string(profile, "orderedEid");
	const char *bound = state_string(profile, "eid");
	int64_t most = state_integer(profile, "downloadsMax");

	if (!profile) {
		rsp_fail(status, "8.2.6", "3.8", "no order for this matching id or EID");
	} else if (g_strcmp0(state_string(profile, "state"), "unreleased") == 0) {
		rsp_fail(status, "8.2", "1.2", "the profile is not released");
	} else if (!is_open(profile)) {
		rsp_fail(status, "8.2.6", "3.8", "the order is used up");
	} else if ((ordered && !g_str_equal(ordered, eid_text)) ||
		(bound && !g_str_equal(bound, eid_text))) {
		rsp_fail(status, "8.1.1", "3.8", "the profile is for another EID");
	} else if (state_flag(profile, "expired")) {
		rsp_fail(status, "8.8.5", "4.1", "the order expired");
	} else if (most > 0 && state_integer(profile, "downloads") >= most) {
		order_set_state(server, profile, "error", "too many downloads");
		rsp_fail(status, "8.8.5", "6.4", "too many tries");
	} else {
		return profile;
	}
	return NULL;
}

/* ---- add ---- */
typedef struct AddOptions {
	char *iccid, *name, *spn, *class, **ppr, *icon, *cc, *matching_id, *eid, *mode, *owner,
		*gid1, *gid2, **notify, *body;
	int size, cc_tries, downloads;
	gboolean ecall, fallback_allowed, unreleased, expired, no_rebind, check_memory, ineligible,
		no_oid;
} AddOptions;

static void add_options_clear(AddOptions *o)
{
	char **strings[] = { &o->iccid, &o->name, &o->spn, &o->class, &o->icon, &o->cc,
		&o->matching_id, &o->eid, &o->mode, &o->owner, &o->gid1, &o->gid2, &o->body };

	for (size_t i = 0; i < G_N_ELEMENTS(strings); i++)
		g_clear_pointer(strings[i], g_free);
	g_clear_pointer(&o->ppr, g_strfreev);
	g_clear_pointer(&o->notify, g_strfreev);
}

static bool parse_add(AddOptions *o, char **args, GError **error)
{
	/* FILENAME: octets as they come, UTF-8 here, whatever the locale. */
	GOptionEntry entries[] = {
		{ "iccid", 0, 0, G_OPTION_ARG_FILENAME, &o->iccid },
		{ "name", 0, 0, G_OPTION_ARG_FILENAME, &o->name },
		{ "spn", 0, 0, G_OPTION_ARG_FILENAME, &o->spn },
		{ "class", 0, 0, G_OPTION_ARG_FILENAME, &o->class },
		{ "ppr", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &o->ppr },
		{ "icon", 0, 0, G_OPTION_ARG_FILENAME, &o->icon },
		{ "size", 0, 0, G_OPTION_ARG_INT, &o->size },
		{ "body", 0, 0, G_OPTION_ARG_FILENAME, &o->body },
		{ "cc", 0, 0, G_OPTION_ARG_FILENAME, &o->cc },
		{ "cc-tries", 0, 0, G_OPTION_ARG_INT, &o->cc_tries },
		{ "matching-id", 0, 0, G_OPTION_ARG_FILENAME, &o->matching_id },
		{ "eid", 0, 0, G_OPTION_ARG_FILENAME, &o->eid },
		{ "mode", 0, 0, G_OPTION_ARG_FILENAME, &o->mode },
		{ "owner", 0, 0, G_OPTION_ARG_FILENAME, &o->owner },
		{ "gid1", 0, 0, G_OPTION_ARG_FILENAME, &o->gid1 },
		{ "gid2", 0, 0, G_OPTION_ARG_FILENAME, &o->gid2 },
		{ "notify", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &o->notify },
		{ "ecall", 0, 0, G_OPTION_ARG_NONE, &o->ecall },
		{ "fallback-allowed", 0, 0, G_OPTION_ARG_NONE, &o->fallback_allowed },
		{ "unreleased", 0, 0, G_OPTION_ARG_NONE, &o->unreleased },
		{ "expired", 0, 0, G_OPTION_ARG_NONE, &o->expired },
		{ "max-downloads", 0, 0, G_OPTION_ARG_INT, &o->downloads },
		{ "no-rebind", 0, 0, G_OPTION_ARG_NONE, &o->no_rebind },
		{ "check-memory", 0, 0, G_OPTION_ARG_NONE, &o->check_memory },
		{ "not-eligible", 0, 0, G_OPTION_ARG_NONE, &o->ineligible },
		{ "with-oid", 0, 0, G_OPTION_ARG_NONE, &o->no_oid },
		{ NULL },
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_auto(GStrv) copy = g_strdupv(args);

	g_option_context_add_main_entries(context, entries, NULL);
	g_option_context_set_help_enabled(context, FALSE);
	o->size = 2000;
	o->cc_tries = 3;
	if (!g_option_context_parse_strv(context, &copy, error))
		return false;
	if (copy[0] && copy[1])
		return sgp32_fail(error, SGP32_ERROR_UNKNOWN_OPTION, "add: %s?", copy[1]);
	return true;
}

/* 89490 and a counter, with a Luhn digit: 19 digits. */
static char *next_iccid(LabServer *server)
{
	g_autofree char *digits =
		g_strdup_printf("89490%013" G_GINT64_FORMAT, lab_server_next(server, "nextIccid"));
	unsigned sum = 0;

	for (size_t i = 0; digits[i]; i++) {
		unsigned d = (digits[i] - '0') * ((strlen(digits) - i) % 2 ? 2 : 1);

		sum += d > 9 ? d - 9 : d;
	}
	return g_strdup_printf("%s%u", digits, (10 - sum % 10) % 10);
}

static char *random_matching_id(void)
{
	static const char letters[] = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
	uint8_t octets[16];
	GString *text = g_string_new(NULL);

	crypto_random(octets, sizeof(octets));
	for (size_t i = 0; i < sizeof(octets); i++) {
		if (i > 0 && i % 4 == 0)
			g_string_append_c(text, '-');
		g_string_append_c(text, letters[octets[i] % (sizeof(letters) - 1)]);
	}
	return g_string_free(text, FALSE);
}

static bool add_words(json_t *list, char **values, const char *const *allowed, GError **error)
{
	for (char **value = values; value && *value; value++) {
		g_auto(GStrv) words = g_strsplit(*value, ",", -1);

		for (char **word = words; *word; word++) {
			if (!g_strv_contains(allowed, *word))
				return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
					"%s is not known here", *word);
			json_array_append_new(list, json_string(*word));
		}
	}
	return true;
}

/* --notify EVENTS[@ADDRESS]: EVENTS is "none", "all" (enable, disable, delete) or a list of words. */
static bool add_notify(Smdp *smdp, json_t *profile, char **values, GError **error)
{
	static const char *const words[] = { "install", "enable", "disable", "delete", NULL };
	static char *all[] = { (char *)"all", NULL };
	json_t *list = state_array(profile, "notify");

	for (char **value = values ? values : all; *value; value++) {
		g_auto(GStrv) parts = g_strsplit(*value, "@", 2);
		json_t *entry, *events;

		if (g_str_equal(*value, "none"))
			continue;
		entry = json_object();
		json_array_append_new(list, entry);
		events = state_array(entry, "events");
		state_set_string(entry, "address", parts[0] && parts[1] ? parts[1] : smdp->host);
		if (g_str_equal(parts[0], "all")) {
			for (int i = 1; words[i]; i++)
				json_array_append_new(events, json_string(words[i]));
		} else {
			char *one[] = { parts[0], NULL };

			if (!add_words(events, one, words, error))
				return false;
		}
	}
	return true;
}

static bool add_icon(ControlCall *call, json_t *profile, const char *file, GError **error)
{
	g_autofree char *path = control_call_path(call, file);
	g_autofree char *data = NULL;
	gsize size;

	if (!g_file_get_contents(path, &data, &size, error))
		return false;
	if (size == 0 || size > 1024)
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
			"an icon has 1 to 1024 octets, not %zu", size);
	state_set_octets(profile, "icon", span(data, size));
	state_set_integer(profile, "iconType", memcmp(data, "\x89", 1) == 0 ? 1 : 0);
	return true;
}

static bool add_body(ControlCall *call, json_t *profile, const char *file, GError **error)
{
	g_autofree char *path = control_call_path(call, file);
	g_autofree char *data = NULL;
	gsize size;

	if (!g_file_get_contents(path, &data, &size, error))
		return false;
	state_set_octets(profile, "body", span(data, size));
	return true;
}

static bool is_plmn(const char *text)
{
	size_t size = strspn(text, "0123456789");

	return text[size] == 0 && (size == 5 || size == 6);
}

static bool check_names(LabServer *server, const AddOptions *o, GError **error)
{
	static const char *const classes[] = { "test", "provisioning", "operational", NULL };
	static const char *const modes[] = { "session", "ppk", NULL };
	uint8_t octets[16];

	if (o->iccid && !iccid_from_text(o->iccid, octets))
		return sgp32_fail(
			error, SGP32_ERROR_INVALID_ARGUMENT, "%s is not an ICCID", o->iccid);
	if (o->iccid && order_by_iccid(server, o->iccid))
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "%s exists", o->iccid);
	if (o->matching_id && *o->matching_id && find(server, "matchingId", o->matching_id))
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "matching id %s exists",
			o->matching_id);
	if (o->eid && !eid_from_text(o->eid, false, octets))
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "%s is not an EID", o->eid);
	if (o->class && !g_strv_contains(classes, o->class))
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "class %s?", o->class);
	if (o->mode && !g_strv_contains(modes, o->mode))
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "mode %s?", o->mode);
	if (o->owner && !is_plmn(o->owner))
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
			"owner %s: MCC and MNC, 5 or 6 digits", o->owner);
	if ((o->name && strlen(o->name) > 58) || (o->spn && strlen(o->spn) > 32))
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
			"a name has at most 58 octets, an SPN 32");
	return true;
}

static bool fill_profile(
	LabServer *server, ControlCall *call, json_t *profile, const AddOptions *o, GError **error)
{
	static const char *const rules[] = { "update-control", "ppr1", "ppr2", NULL };
	g_autofree char *iccid = o->iccid ? g_strdup(o->iccid) : next_iccid(server);
	g_autofree char *matching =
		o->matching_id || o->eid ? g_strdup(o->matching_id) : random_matching_id();

	state_set_string(profile, "iccid", iccid);
	state_set_string(profile, "name", o->name ? o->name : "Lab profile");
	state_set_string(profile, "spn", o->spn ? o->spn : "Lab operator");
	state_set_string(profile, "class", o->class ? o->class : "operational");
	state_set_string(profile, "mode", o->mode ? o->mode : "session");
	state_set_string(profile, "matchingId", matching && *matching ? matching : NULL);
	state_set_string(profile, "orderedEid", o->eid);
	state_set_string(profile, "cc", o->cc);
	state_set_integer(profile, "ccMax", o->cc_tries);
	state_set_integer(profile, "ccTries", 0);
	state_set_integer(profile, "downloads", 0);
	state_set_integer(profile, "downloadsMax", o->downloads);
	state_set_integer(profile, "size", CLAMP(o->size, 0, 4 * 1024 * 1024));
	state_set_flag(profile, "ecall", o->ecall);
	state_set_flag(profile, "fallbackAllowed", o->fallback_allowed);
	state_set_flag(profile, "expired", o->expired);
	state_set_flag(profile, "rebind", !o->no_rebind);
	state_set_flag(profile, "checkMemory", o->check_memory);
	state_set_flag(profile, "notEligible", o->ineligible);
	state_set_string(profile, "state", o->unreleased ? "unreleased" : "released");
	if (o->owner)
		state_set_string(state_object(profile, "owner"), "mccmnc", o->owner);
	if (o->owner && o->gid1)
		state_set_string(state_object(profile, "owner"), "gid1", o->gid1);
	if (o->owner && o->gid2)
		state_set_string(state_object(profile, "owner"), "gid2", o->gid2);
	return add_words(state_array(profile, "ppr"), o->ppr, rules, error) &&
		add_notify(SMDP(server), profile, o->notify, error) &&
		(!o->icon || add_icon(call, profile, o->icon, error)) &&
		(!o->body || add_body(call, profile, o->body, error));
}

static char *activation_code(LabServer *server, json_t *profile, bool with_oid)
{
	const char *matching = state_string(profile, "matchingId");
	const char *cc = state_string(profile, "cc");
	g_autofree char *oid = with_oid ? der_oid_to_text(span_of(server->pki->sets[0].oid)) : NULL;

	return g_strdup_printf("LPA:1$%s$%s%s%s%s", SMDP(server)->host, matching ? matching : "",
		oid || cc ? "$" : "", oid ? oid : "", cc ? "$1" : "");
}

static void verb_add(LabServer *server, ControlCall *call, int argc, char **args)
{
	AddOptions options = { 0 };
	g_autoptr(GError) error = NULL;
	g_autofree char *code = NULL;
	json_t *profile = json_object();
	json_t *data;

	if (!parse_add(&options, args, &error) || !check_names(server, &options, &error) ||
		!fill_profile(server, call, profile, &options, &error)) {
		json_decref(profile);
		add_options_clear(&options);
		control_reply_error(call, g_steal_pointer(&error));
		return;
	}
	code = activation_code(server, profile, options.no_oid);
	state_set_string(profile, "activationCode", code);
	json_array_append_new(state_array(server->state, "profiles"), profile);
	lab_server_save(server);
	data = json_pack(
		"{s:s,s:s}", "activationCode", code, "iccid", state_string(profile, "iccid"));
	add_options_clear(&options);
	control_reply(call, true, code, data);
}

/* ---- showing ---- */
/* Without keys and bulk. */
static json_t *public_profile(LabServer *server, json_t *profile)
{
	static const char *const hidden[] = { "binding", "ppk", "body", "icon" };
	json_t *copy = json_copy(profile), *item, *list;
	const char *iccid = state_string(profile, "iccid");
	size_t i;

	for (i = 0; i < G_N_ELEMENTS(hidden); i++)
		json_object_del(copy, hidden[i]);
	list = json_array();
	json_array_foreach(state_array(server->state, "notifications"), i, item)
	{
		if (g_strcmp0(state_string(item, "iccid"), iccid) == 0)
			json_array_append(list, item);
	}
	json_object_set_new(copy, "notifications", list);
	return copy;
}

static void verb_list(LabServer *server, ControlCall *call, int argc, char **args)
{
	g_autoptr(GString) text = g_string_new(NULL);
	json_t *data = json_array(), *profile;
	size_t i;

	json_array_foreach(state_array(server->state, "profiles"), i, profile)
	{
		const char *reason = state_string(profile, "reason");

		json_array_append_new(data, public_profile(server, profile));
		g_string_append_printf(text, "%-20s  %-11s  %-24s  %s%s%s\n",
			state_string(profile, "iccid"), state_string(profile, "state"),
			state_string(profile, "name"), state_string(profile, "activationCode"),
			reason ? "  " : "", reason ? reason : "");
	}
	control_reply(call, true, text->len ? text->str : "no profiles", data);
}

static json_t *named_profile(LabServer *server, ControlCall *call, int argc, char **args)
{
	json_t *profile = argc == 2 ? order_by_iccid(server, args[1]) : NULL;

	if (argc == 2 && !profile)
		profile = find(server, "matchingId", args[1]);
	if (argc == 2 && !profile)
		profile = find(server, "activationCode", args[1]);
	if (!profile)
		control_reply_format(call, false,
			"%s: name a profile by its ICCID, matching id or activation code", args[0]);
	return profile;
}

static void verb_show(LabServer *server, ControlCall *call, int argc, char **args)
{
	json_t *profile;

	if (argc == 1) {
		verb_list(server, call, argc, args);
		return;
	}
	profile = named_profile(server, call, argc, args);
	if (profile)
		control_reply(call, true, NULL, public_profile(server, profile));
}

static void verb_release(LabServer *server, ControlCall *call, int argc, char **args)
{
	json_t *profile = named_profile(server, call, argc, args);

	if (!profile)
		return;
	json_object_del(profile, "eid");
	json_object_del(profile, "binding");
	state_set_integer(profile, "ccTries", 0);
	state_set_integer(profile, "downloads", 0);
	state_set_flag(profile, "expired", false);
	order_set_state(server, profile, "released", NULL);
	control_reply(call, true, "released", public_profile(server, profile));
}

static void verb_remove(LabServer *server, ControlCall *call, int argc, char **args)
{
	json_t *profiles = state_array(server->state, "profiles"), *item;
	json_t *profile = named_profile(server, call, argc, args);
	size_t i;

	if (!profile)
		return;
	json_array_foreach(profiles, i, item)
	{
		if (item == profile) {
			json_array_remove(profiles, i);
			break;
		}
	}
	lab_server_save(server);
	control_reply(call, true, "removed", NULL);
}

static void verb_notifications(LabServer *server, ControlCall *call, int argc, char **args)
{
	g_autoptr(GString) text = g_string_new(NULL);
	json_t *list = state_array(server->state, "notifications"), *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		g_autofree char *time = state_time_text(item);
		const char *problem = state_string(item, "problem");

		g_string_append_printf(text, "%s  %-8s  %5d  %-20s  %s\n", time,
			state_string(item, "event"), (int)state_integer(item, "seq"),
			state_string(item, "iccid") ? state_string(item, "iccid") : "-",
			problem ? problem : "verified");
	}
	control_reply(call, true, text->len ? text->str : "no notifications", json_incref(list));
}

const LabVerb smdp_verbs[] = {
	{ "add", verb_add,
		"add [--iccid N] [--name T] [--spn T] [--class test|provisioning|operational]\n"
		"    [--ppr ppr1,ppr2] [--icon FILE] [--owner MCCMNC [--gid1 HEX] [--gid2 HEX]]\n"
		"    [--notify all|none|EVENT,…[@ADDRESS]]… [--ecall] [--fallback-allowed]\n"
		"    [--size N | --body FILE] [--mode session|ppk]\n"
		"    [--matching-id ID] [--eid EID] [--cc CODE [--cc-tries N]] [--with-oid]\n"
		"    [--unreleased] [--expired] [--max-downloads N] [--no-rebind] [--check-memory]\n"
		"    [--not-eligible]" },
	{ "list", verb_list, "list" },
	{ "show", verb_show, "show [ICCID|MATCHING-ID|ACTIVATION-CODE]" },
	{ "release", verb_release, "release ICCID|MATCHING-ID|ACTIVATION-CODE" },
	{ "remove", verb_remove, "remove ICCID|MATCHING-ID|ACTIVATION-CODE" },
	{ "notifications", verb_notifications, "notifications" },
	{ NULL },
};
