/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Verbs that look at cards: list, show, profiles, eims, notifications. */
#include <stdio.h>
#include <string.h>

#include "ctl.h"

/* The eUICCs that a target means: all of them for NULL. Exit status, 0 with a new array. */
static int read_euiccs(Ctl *ctl, const char *target, json_t **ret_euiccs)
{
	g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
	g_autoptr(json_t) all = NULL;
	g_autofree char *path = NULL;
	json_t *euicc;
	size_t index;
	int r;

	if (target && strcmp(target, "all") != 0) {
		r = find_euicc(ctl, target, &path, &error);
		if (r < 0)
			return complain_bus(&error, r);
	}
	r = read_world(ctl, &all);
	if (r != 0)
		return r;
	*ret_euiccs = json_array();
	json_array_foreach(json_object_get(all, "euiccs"), index, euicc) if (!path ||
		strcmp(text_of(euicc, "path"), path) == 0) json_array_append(*ret_euiccs, euicc);
	return 0;
}

static const char *target_of(const Ctl *ctl, char **arguments)
{
	return arguments[0] ? arguments[0] : ctl->euicc;
}

/* "wwan0 #1" */
static char *device_text(const json_t *euicc)
{
	g_autofree char *name = g_path_get_basename(text_of(euicc, "device"));

	return g_strdup_printf("%s #%" JSON_INTEGER_FORMAT, name, number_of(euicc, "slot"));
}

static const json_t *enabled_profile(const json_t *euicc)
{
	const json_t *profile;
	size_t index;

	json_array_foreach(json_object_get(euicc, "profiles"), index,
		profile) if (strcmp(text_of(profile, "state"), "enabled") == 0) return profile;
	return NULL;
}

static char *profile_text(const Ctl *ctl, const json_t *profile)
{
	g_autofree char *iccid = NULL;

	if (!profile)
		return g_strdup("");
	iccid = short_id(ctl, text_of(profile, "iccid"));
	return *profile_name(profile) ? g_strdup_printf("%s (%s)", profile_name(profile), iccid)
				      : g_steal_pointer(&iccid);
}

/* "42 min" of polling, or why there is none. */
static char *next_poll_text(const json_t *ipa)
{
	if (!json_is_object(ipa))
		return g_strdup("");
	return truth_of(ipa, "polling_enabled") ? relative_time(number_of(ipa, "next_poll"))
						: g_strdup("off");
}

static void print_euicc_table(const Ctl *ctl, const json_t *euiccs)
{
	static const char *const headings[] = { "EID", "KIND", "STATE", "DEVICE", "PROFILES",
		"ENABLED", "EIM", "NEXT POLL", NULL };
	Table *table = table_new(ctl, headings);
	const json_t *euicc;
	size_t index;

	json_array_foreach(euiccs, index, euicc)
	{
		g_autofree char *eid = short_id(ctl, text_of(euicc, "eid"));
		g_autofree char *device = device_text(euicc);
		g_autofree char *enabled = profile_text(ctl, enabled_profile(euicc));
		g_autofree char *next = next_poll_text(json_object_get(euicc, "ipa"));
		g_autofree char *count =
			g_strdup_printf("%zu", json_array_size(json_object_get(euicc, "profiles")));
		const char *state = text_of(euicc, "state");

		table_cell(table, eid);
		table_cell(table, text_of(euicc, "kind"));
		table_cell_tinted(table, state, tint_of_state(state));
		table_cell(table, device);
		table_cell(table, count);
		table_cell(table, enabled);
		table_cell(table, text_of(euicc, "managed_by"));
		table_cell(table, next);
	}
	table_print(table, "");
}

static void print_no_euicc(const Ctl *ctl)
{
	puts("No eUICC.");
	if (ctl->legend)
		puts("“sgp32ctl slots” tells what is in each slot.");
}

int verb_list(Ctl *ctl, char **arguments)
{
	g_autoptr(json_t) euiccs = NULL;
	int status = read_euiccs(ctl, ctl->euicc, &euiccs);

	if (status != 0 || print_json(ctl, "euiccs", json_incref(euiccs)))
		return status;
	if (json_array_size(euiccs) == 0) {
		print_no_euicc(ctl);
		return 0;
	}
	print_euicc_table(ctl, euiccs);
	print_count(ctl, json_array_size(euiccs), "eUICC", "eUICCs");
	return 0;
}

/* ---- profiles ---- */

static char *profile_notes(const json_t *profile)
{
	static const char *const keys[] = { "fallback", "emergency" };
	g_autofree char *rules = list_text(profile, "policy_rules");
	GString *out = g_string_new(rules);

	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
		if (truth_of(profile, keys[i]))
			g_string_append_printf(out, "%s%s", out->len ? ", " : "", keys[i]);
	return g_string_free(out, FALSE);
}

static void add_profile(const Ctl *ctl, Table *table, const json_t *profile, bool with_euicc)
{
	g_autofree char *iccid = short_id(ctl, text_of(profile, "iccid"));
	g_autofree char *eid = short_id(ctl, text_of(profile, "euicc"));
	g_autofree char *notes = profile_notes(profile);
	const char *state = text_of(profile, "state");

	table_cell(table, iccid);
	table_cell_tinted(table, state, tint_of_state(state));
	table_cell(table, text_of(profile, "class"));
	table_cell(table, profile_name(profile));
	table_cell(table, text_of(profile, "service_provider"));
	table_cell(table, notes);
	table_cell(table, with_euicc ? eid : "");
}

static void print_profiles(
	const Ctl *ctl, const json_t *profiles, bool with_euicc, const char *indent)
{
	static const char *const headings[] = { "ICCID", "STATE", "CLASS", "NAME", "PROVIDER",
		"NOTES", "EUICC", NULL };
	Table *table = table_new(ctl, headings);
	const json_t *profile;
	size_t index;

	json_array_foreach(profiles, index, profile) add_profile(ctl, table, profile, with_euicc);
	table_print(table, indent);
}

/* All members `key` of some eUICCs in one array. */
static json_t *gather(const json_t *euiccs, const char *key)
{
	json_t *all = json_array(), *euicc;
	size_t index;

	json_array_foreach((json_t *)euiccs, index, euicc)
		json_array_extend(all, json_object_get(euicc, key));
	return all;
}

int verb_profiles(Ctl *ctl, char **arguments)
{
	g_autoptr(json_t) euiccs = NULL, profiles = NULL;
	int status = read_euiccs(ctl, target_of(ctl, arguments), &euiccs);

	if (status != 0)
		return status;
	profiles = gather(euiccs, "profiles");
	if (print_json(ctl, "profiles", json_incref(profiles)))
		return 0;
	if (json_array_size(profiles) == 0) {
		puts("No profile.");
		return 0;
	}
	print_profiles(ctl, profiles, json_array_size(euiccs) > 1, "");
	print_count(ctl, json_array_size(profiles), "profile", "profiles");
	return 0;
}

/* ---- eIMs ---- */

static void add_eim(const Ctl *ctl, Table *table, const json_t *eim, bool with_euicc)
{
	g_autofree char *eid = short_id(ctl, text_of(eim, "euicc"));
	g_autofree char *protocols = list_text(eim, "protocols");
	g_autofree char *last = relative_time(number_of(eim, "last_poll"));
	g_autofree char *next = truth_of(eim, "enabled")
		? relative_time(number_of(eim, "next_poll"))
		: g_strdup("off");
	g_autofree char *failures = number_of(eim, "failures")
		? g_strdup_printf("%" JSON_INTEGER_FORMAT, number_of(eim, "failures"))
		: g_strdup("");
	const char *result = text_of(eim, "last_result");
	bool well = *result == '\0' || strcmp(result, "ok") == 0 || strcmp(result, "nothing") == 0;
	const char *fqdn = text_of(eim, "fqdn");

	table_cell(table, text_of(eim, "eim_id"));
	table_cell(table, strcmp(fqdn, text_of(eim, "eim_id")) == 0 ? "" : fqdn);
	table_cell(table, protocols);
	table_cell(table, text_of(eim, "trust"));
	table_cell(table, last);
	table_cell_tinted(table, result, well ? TINT_NONE : TINT_RED);
	table_cell(table, failures);
	table_cell(table, next);
	table_cell(table, with_euicc ? eid : "");
}

static void print_eims(const Ctl *ctl, const json_t *eims, bool with_euicc, const char *indent)
{
	static const char *const headings[] = { "EIM", "ADDRESS", "PROTOCOLS", "TRUST", "LAST POLL",
		"RESULT", "FAILURES", "NEXT POLL", "EUICC", NULL };
	Table *table = table_new(ctl, headings);
	const json_t *eim;
	size_t index;

	json_array_foreach(eims, index, eim) add_eim(ctl, table, eim, with_euicc);
	table_print(table, indent);
}

int verb_eims(Ctl *ctl, char **arguments)
{
	g_autoptr(json_t) euiccs = NULL, eims = NULL;
	int status = read_euiccs(ctl, target_of(ctl, arguments), &euiccs);

	if (status != 0)
		return status;
	eims = gather(euiccs, "eims");
	if (print_json(ctl, "eims", json_incref(eims)))
		return 0;
	if (json_array_size(eims) == 0) {
		puts("No eIM.");
		return 0;
	}
	print_eims(ctl, eims, json_array_size(euiccs) > 1, "");
	print_count(ctl, json_array_size(eims), "eIM", "eIMs");
	return 0;
}

/* ---- show ---- */

#define LABEL_WIDTH 16

static void line(const char *label, const char *text)
{
	g_autofree char *shown = printable(text ? text : "");

	if (*shown)
		printf("%*s: %s\n", LABEL_WIDTH, label, shown);
}

static void show_ipa(const json_t *ipa)
{
	g_autofree char *next = next_poll_text(ipa);
	g_autofree char *last = relative_time(number_of(ipa, "last_poll"));
	g_autofree char *deadline = relative_time(number_of(ipa, "rollback_deadline"));
	g_autofree char *capabilities = list_text(ipa, "capabilities");
	g_autofree char *polling = NULL, *package = NULL;
	const char *result = text_of(ipa, "last_result"), *phase = text_of(ipa, "package_phase");

	polling = *result ? g_strdup_printf("next %s, last %s: %s", next, last, result)
			  : g_strdup_printf("next %s", next);
	line("Polling", polling);
	if (*phase && strcmp(phase, "idle") != 0) {
		package = number_of(ipa, "rollback_deadline")
			? g_strdup_printf("%s, rolled back %s unless it is online", phase, deadline)
			: g_strdup(phase);
		line("Package", package);
	}
	line("Rollback", truth_of(ipa, "rollback_available") ? "still possible" : "");
	if (strcmp(text_of(ipa, "immediate_enable_configured"), "unknown") != 0)
		line("Enable at once", text_of(ipa, "immediate_enable_configured"));
	line("IPA", capabilities);
}

static void show_last_error(const json_t *euicc)
{
	const json_t *error = json_object_get(euicc, "last_error");
	g_autofree char *when = NULL, *text = NULL;
	const char *name;

	if (!json_is_object(error))
		return;
	name = text_of(error, "name");
	if (g_str_has_prefix(name, SGP32_ERROR_PREFIX))
		name += strlen(SGP32_ERROR_PREFIX);
	when = relative_time(number_of(error, "time"));
	text = number_of(error, "time")
		? g_strdup_printf("%s (%s), %s", text_of(error, "message"), name, when)
		: g_strdup_printf("%s (%s)", text_of(error, "message"), name);
	line("Last error", text);
}

static void show_card(const Ctl *ctl, const json_t *euicc)
{
	g_autofree char *device = g_strdup_printf("%s, slot %" JSON_INTEGER_FORMAT " (%s)",
		text_of(euicc, "device"), number_of(euicc, "slot"), text_of(euicc, "plugin"));
	g_autofree char *versions = g_strdup_printf("firmware %s, profiles %s, SVN %s",
		text_of(euicc, "firmware_version"), text_of(euicc, "profile_version"),
		text_of(euicc, "svn_version"));
	g_autofree char *memory = size_text(number_of(euicc, "free_memory"));
	g_autofree char *smds = list_text(euicc, "root_smds");
	g_autofree char *capabilities = list_text(euicc, "capabilities");
	g_autofree char *pending = number_of(euicc, "pending_notifications")
		? g_strdup_printf("%" JSON_INTEGER_FORMAT " not delivered yet",
			  number_of(euicc, "pending_notifications"))
		: g_strdup("");

	line("Device", device);
	line("Modem", text_of(euicc, "modem_path"));
	line("Versions", versions);
	line("Free memory", memory);
	line("Capabilities", ctl->full ? capabilities : "");
	line("Default SM-DP+", text_of(euicc, "default_smdp"));
	line("Root SM-DS", smds);
	line("Managed by", text_of(euicc, "managed_by"));
	line("Notifications", pending);
	line("Job", text_of(euicc, "current_job"));
}

static void show_euicc(const Ctl *ctl, const json_t *euicc)
{
	g_autofree char *eid = short_id(ctl, text_of(euicc, "eid"));
	const char *state = text_of(euicc, "state");
	Tint tint = tint_of_state(state);
	const json_t *ipa = json_object_get(euicc, "ipa");
	const json_t *profiles = json_object_get(euicc, "profiles");
	const json_t *eims = json_object_get(euicc, "eims");

	printf("%s●%s %s%s%s – %s eUICC, %s%s%s\n", tint_start(ctl, tint), tint_end(ctl, tint),
		tint_start(ctl, TINT_BOLD), eid, tint_end(ctl, TINT_BOLD), text_of(euicc, "kind"),
		tint_start(ctl, tint), state, tint_end(ctl, tint));
	show_card(ctl, euicc);
	if (json_is_object(ipa))
		show_ipa(ipa);
	show_last_error(euicc);
	if (json_array_size(profiles)) {
		putchar('\n');
		print_profiles(ctl, profiles, false, "  ");
	}
	if (json_array_size(eims)) {
		putchar('\n');
		print_eims(ctl, eims, false, "  ");
	}
}

int verb_show(Ctl *ctl, char **arguments)
{
	g_autoptr(json_t) euiccs = NULL;
	const json_t *euicc;
	size_t index;
	int status = read_euiccs(ctl, target_of(ctl, arguments), &euiccs);

	if (status != 0 || print_json(ctl, "euiccs", json_incref(euiccs)))
		return status;
	if (json_array_size(euiccs) == 0)
		print_no_euicc(ctl);
	json_array_foreach(euiccs, index, euicc)
	{
		if (index)
			putchar('\n');
		show_euicc(ctl, euicc);
	}
	return 0;
}

/* ---- notifications ---- */

static int read_notifications(Ctl *ctl, const json_t *euicc, json_t *all)
{
	g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
	g_autoptr(sd_bus_message) reply = NULL;
	g_autoptr(json_t) list = NULL;
	json_t *notification;
	size_t index;
	int r;

	r = sd_bus_call_method(ctl->bus, SGP32_BUS_NAME, text_of(euicc, "path"),
		SGP32_INTERFACE_EUICC, "ListNotifications", &error, &reply, NULL);
	if (r >= 0)
		list = message_to_json(reply);
	if (!list)
		return complain_bus(&error, r < 0 ? r : -1);
	json_array_foreach(list, index, notification)
		json_object_set(notification, "euicc", json_object_get(euicc, "eid"));
	json_array_extend(all, list);
	return 0;
}

static void print_notifications(const Ctl *ctl, const json_t *list, bool with_euicc)
{
	static const char *const headings[] = { "SEQ", "OPERATION", "ICCID", "RECEIVER", "STATE",
		"EUICC", NULL };
	Table *table = table_new(ctl, headings);
	const json_t *item;
	size_t index;

	json_array_foreach(list, index, item)
	{
		g_autofree char *seq =
			g_strdup_printf("%" JSON_INTEGER_FORMAT, number_of(item, "seq"));
		g_autofree char *iccid = short_id(ctl, text_of(item, "iccid"));
		g_autofree char *eid = short_id(ctl, text_of(item, "euicc"));

		table_cell(table, seq);
		table_cell(table, text_of(item, "operation"));
		table_cell(table, iccid);
		table_cell(table, text_of(item, "address"));
		table_cell(table, text_of(item, "state"));
		table_cell(table, with_euicc ? eid : "");
	}
	table_print(table, "");
}

int verb_notifications(Ctl *ctl, char **arguments)
{
	g_autoptr(json_t) euiccs = NULL, all = json_array();
	const json_t *euicc;
	size_t index;
	int status = read_euiccs(ctl, target_of(ctl, arguments), &euiccs);

	if (status != 0)
		return status;
	json_array_foreach(euiccs, index, euicc)
	{
		status = read_notifications(ctl, euicc, all);
		if (status != 0)
			return status;
	}
	if (print_json(ctl, "notifications", json_incref(all)))
		return 0;
	if (json_array_size(all) == 0) {
		puts("No notification waits for its delivery.");
		return 0;
	}
	print_notifications(ctl, all, json_array_size(euiccs) > 1);
	print_count(ctl, json_array_size(all), "notification", "notifications");
	return 0;
}
