/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lab/card/verbs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- create ---- */
void create_options_clear(CreateOptions *o)
{
	char **texts[] = { &o->state, &o->pki, &o->eid, &o->profile, &o->first_ci, &o->smdp,
		&o->smds, &o->apn, &o->templates, &o->isdr_aid };

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		g_clear_pointer(texts[i], g_free);
}

bool create_options_parse(CreateOptions *o, int argc, char **args, GError **error)
{
	const GOptionEntry entries[] = {
		{ "state", 0, 0, G_OPTION_ARG_FILENAME, &o->state, "Folder of the card", "DIR" },
		{ "pki", 0, 0, G_OPTION_ARG_FILENAME, &o->pki, "Folder of certificates", "DIR" },
		{ "eid", 0, 0, G_OPTION_ARG_STRING, &o->eid, "32 digits", "EID" },
		{ "profile", 0, 0, G_OPTION_ARG_STRING, &o->profile, "What is on it",
			"bootstrap|none" },
		{ "first-ci", 0, 0, G_OPTION_ARG_STRING, &o->first_ci, "The preferred CI",
			"nist|brainpool" },
		{ "smdp", 0, 0, G_OPTION_ARG_STRING, &o->smdp,
			"Receiver of the bootstrap profile's notifications", "HOST" },
		{ "smds", 0, 0, G_OPTION_ARG_STRING, &o->smds, "Root SM-DS", "HOST" },
		{ "apn", 0, 0, G_OPTION_ARG_STRING, &o->apn,
			"Connectivity parameters of the bootstrap profile", "APN" },
		{ "templates", 0, 0, G_OPTION_ARG_STRING, &o->templates,
			"Where E0 and E1 are in the answer to SELECT", "fci|a5|after|none" },
		{ "isdr-aid", 0, 0, G_OPTION_ARG_STRING, &o->isdr_aid, "Another AID of the ISD-R",
			"HEX" },
		{ "consumer", 0, 0, G_OPTION_ARG_NONE, &o->consumer, "A card of SGP.22", NULL },
		{ "ipae", 0, 0, G_OPTION_ARG_NONE, &o->ipae, "Its template speaks of an IPAe",
			NULL },
		{ 0 },
	};
	g_autoptr(GOptionContext) context = g_option_context_new("- make a card");
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	g_auto(GStrv) copy = NULL;
	g_autoptr(GError) cause = NULL;

	for (int i = 0; i < argc; i++)
		g_strv_builder_add(builder, args[i]);
	copy = g_strv_builder_end(builder);
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse_strv(context, &copy, &cause))
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "%s", cause->message);
	if (g_strv_length(copy) > 1)
		return sgp32_fail(
			error, SGP32_ERROR_INVALID_ARGUMENT, "%s: not an option", copy[1]);
	if (o->profile && !g_str_equal(o->profile, "bootstrap") && !g_str_equal(o->profile, "none"))
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
			"%s: neither bootstrap nor none", o->profile);
	o->create = (EuiccCreate) {
		.pki = o->pki,
		.eid = o->eid,
		.first_ci = o->first_ci,
		.consumer = o->consumer,
		.bootstrap = g_strcmp0(o->profile, "none") != 0,
		.smdp = o->smdp,
		.smds = o->smds,
		.apn = o->apn,
		.templates = o->templates,
		.isdr_aid = o->isdr_aid,
		.ipae = o->ipae,
	};
	return true;
}

/* A new card in the place of this one: as if somebody had exchanged it. */
static void verb_create(ControlCall *call, int argc, char **args, Lab *lab)
{
	g_auto(CreateOptions) options = { 0 };
	g_autoptr(GError) error = NULL;
	g_autofree char *pki = NULL;
	bool inserted = link_inserted(lab->link);
	Euicc *fresh;

	if (!create_options_parse(&options, argc, args, &error))
		return control_reply_error(call, g_steal_pointer(&error));
	pki = options.pki ? control_call_path(call, options.pki) : g_strdup(lab->pki);
	if (!pki || options.state)
		return control_reply_format(call, false, "create: --pki is needed, --state is not");
	options.create.pki = pki;
	if (!euicc_create(lab->state, &options.create, &error))
		return control_reply_error(call, g_steal_pointer(&error));
	fresh = euicc_open(lab->state, &error);
	if (!fresh)
		return control_reply_error(call, g_steal_pointer(&error));
	/* The old card must not write into the new one's folder when it loses power. */
	euicc_forget(lab->euicc);
	link_pull(lab->link);
	euicc_free(lab->euicc);
	lab->euicc = fresh;
	if (inserted)
		link_insert(lab->link);
	control_reply(call, true, "a new card", NULL);
}

/* ---- show ---- */
static const char *text_of(json_t *object, const char *key, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : otherwise;
}

static int64_t number_of(json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static char *show_text(json_t *show)
{
	static const char *const classes[] = { "test", "provisioning", "operational" };
	static const char *const events[] = { "install", "enable", "disable", "delete" };
	GString *text = g_string_new(NULL);
	json_t *item;
	size_t i;

	g_string_append_printf(text, "EID %s (%s)%s%s%s\n", text_of(show, "eid", "?"),
		json_is_true(json_object_get(show, "consumer")) ? "SGP.22" : "SGP.32",
		json_is_true(json_object_get(show, "inserted")) ? "" : ", pulled",
		json_is_true(json_object_get(show, "connected")) ? "" : ", not connected",
		json_is_true(json_object_get(show, "refresh_pending")) ? ", REFRESH waits" : "");
	json_array_foreach(json_object_get(show, "profiles"), i, item)
	{
		bool enabled = json_is_true(json_object_get(item, "enabled"));

		g_string_append_printf(text, "profile %s %s, %s, \"%s\"%s\n",
			text_of(item, "iccid", "?"), enabled ? "enabled" : "disabled",
			classes[number_of(item, "profile_class") % 3],
			text_of(item, "profile_name", ""),
			json_is_true(json_object_get(item, "fallback_attribute"))
				? ", fallback profile"
				: "");
	}
	json_array_foreach(json_object_get(show, "eims"), i, item) g_string_append_printf(text,
		"eIM %s at %s, counter %" PRId64 ", association token %" PRId64 "\n",
		text_of(item, "id", "?"), text_of(item, "fqdn", "(no address)"),
		number_of(item, "counter"), number_of(item, "token"));
	json_array_foreach(json_object_get(show, "notifications"), i, item)
		g_string_append_printf(text, "notification %" PRId64 ": %s of %s for %s\n",
			number_of(item, "seq"), events[number_of(item, "event") & 3],
			text_of(item, "iccid", "?"), text_of(item, "address", "?"));
	json_array_foreach(json_object_get(show, "results"), i, item) g_string_append_printf(text,
		"result %" PRId64 ": package %" PRId64 " of eIM %s\n", number_of(item, "seq"),
		number_of(item, "counter"), text_of(item, "eim_id", "?"));
	if (json_object_get(show, "switch_to"))
		g_string_append_printf(
			text, "switch to %s waits for REFRESH\n", text_of(show, "switch_to", ""));
	if (json_is_true(json_object_get(show, "rollback")))
		g_string_append_printf(
			text, "rollback to %s is allowed\n", text_of(show, "rollback_to", "?"));
	if (json_is_true(json_object_get(show, "emergency")))
		g_string_append(text, "emergency profile is enabled\n");
	if (text->len && text->str[text->len - 1] == '\n')
		g_string_truncate(text, text->len - 1);
	return g_string_free(text, FALSE);
}

static void verb_show(ControlCall *call, Lab *lab)
{
	json_t *show = euicc_show(lab->euicc);
	g_autofree char *text = NULL;

	json_object_set_new(show, "inserted", json_boolean(link_inserted(lab->link)));
	json_object_set_new(show, "connected", json_boolean(link_connected(lab->link)));
	text = show_text(show);
	control_reply(call, true, text, show);
}

/* ---- counts ---- */
static void verb_counts(ControlCall *call, int argc, char **args, Lab *lab)
{
	json_t *counts = euicc_counts(lab->euicc), *value;
	GString *text = g_string_new(NULL);
	const char *const sets[] = { "isdr", "other" };
	const char *key;

	for (size_t i = 0; i < G_N_ELEMENTS(sets); i++) {
		value = json_object_get(counts, sets[i]);
		g_string_append_printf(text,
			"%-5s %6" PRId64 " APDUs %8" PRId64 " octets sent %8" PRId64 " answered\n",
			sets[i], number_of(value, "apdus"), number_of(value, "command_octets"),
			number_of(value, "answer_octets"));
	}
	json_object_foreach(json_object_get(counts, "es10"), key, value)
		g_string_append_printf(text,
			"%-5s %6" PRId64 " commands %5" PRId64 " octets sent %8" PRId64
			" answered, at least %" PRId64 " APDUs\n",
			key, number_of(value, "commands"), number_of(value, "command_octets"),
			number_of(value, "answer_octets"), number_of(value, "floor"));
	g_string_append_printf(text, "floor %6" PRId64 " APDUs", number_of(counts, "floor"));
	if (argc > 1 && g_str_equal(args[1], "reset"))
		euicc_counts_reset(lab->euicc);
	control_reply(call, true, text->str, counts);
	g_string_free(text, TRUE);
}

/* ---- faults ---- */
static bool hex_number(const char *text, uint32_t *ret)
{
	char *end = NULL;
	unsigned long value = strtoul(text, &end, 16);

	if (!*text || *end || value > UINT32_MAX)
		return false;
	*ret = (uint32_t)value;
	return true;
}

static bool number(const char *text, unsigned *ret)
{
	uint64_t value;

	if (!g_ascii_string_to_unsigned(text, 10, 0, 100000, &value, NULL))
		return false;
	*ret = (unsigned)value;
	return true;
}

/* fault SW | garbage TAG | oversize TAG | clear, then [after N] [for TAG] [times K] */
static bool fault_parse(int argc, char **args, EuiccFault *ret)
{
	EuiccFault fault = { .kind = EUICC_FAULT_SW, .times = 1 };
	uint32_t sw;
	int i = 2;

	if (argc < 2)
		return false;
	if (g_str_equal(args[1], "garbage") || g_str_equal(args[1], "oversize")) {
		fault.kind = *args[1] == 'g' ? EUICC_FAULT_GARBAGE : EUICC_FAULT_OVERSIZE;
		if (argc < 3 || !hex_number(args[2], &fault.tag))
			return false;
		i = 3;
	} else if (!hex_number(args[1], &sw) || strlen(args[1]) != 4) {
		return false;
	} else {
		fault.sw = (uint16_t)sw;
	}
	for (; i + 1 < argc; i += 2) {
		if (g_str_equal(args[i], "after")) {
			if (!number(args[i + 1], &fault.after))
				return false;
		} else if (g_str_equal(args[i], "times")) {
			if (!number(args[i + 1], &fault.times))
				return false;
		} else if (!g_str_equal(args[i], "for") || !hex_number(args[i + 1], &fault.tag)) {
			return false;
		}
	}
	*ret = fault;
	return i == argc;
}

static void verb_fault(ControlCall *call, int argc, char **args, Lab *lab)
{
	EuiccFault fault;

	if (argc == 2 && g_str_equal(args[1], "clear")) {
		euicc_clear_faults(lab->euicc);
		return control_reply(call, true, "no faults", NULL);
	}
	if (!fault_parse(argc, args, &fault))
		return control_reply(call, false,
			"fault SW|garbage TAG|oversize TAG|clear [after N] [for TAG] [times K]",
			NULL);
	euicc_fault(lab->euicc, &fault);
	control_reply(call, true, "the fault waits", NULL);
}

static void verb_pull_at(ControlCall *call, int argc, char **args, Lab *lab)
{
	EuiccFault fault = { .kind = EUICC_FAULT_PULL, .times = 1 };
	g_auto(GStrv) parts = argc == 2 ? g_strsplit(args[1], ":", 2) : NULL;
	unsigned segment = 1;

	if (!parts || !parts[0] || !hex_number(parts[0], &fault.tag) ||
		(parts[1] && (!number(parts[1], &segment) || segment == 0)))
		return control_reply(call, false, "pull-at TAG[:N]", NULL);
	fault.after = segment - 1;
	euicc_fault(lab->euicc, &fault);
	control_reply(call, true, "the card will vanish", NULL);
}

/* ---- switches ---- */
/* "on" unless "off" is said; false: something else is. */
static bool switch_parse(int argc, char **args, bool *ret)
{
	*ret = !(argc == 2 && g_str_equal(args[1], "off"));
	return argc == 1 || (argc == 2 && (!*ret || g_str_equal(args[1], "on")));
}

static void verb_switch(ControlCall *call, int argc, char **args, Lab *lab)
{
	bool on;

	if (!switch_parse(argc, args, &on))
		return control_reply_format(call, false, "%s [on|off]", args[0]);
	if (g_str_equal(args[0], "hang"))
		link_hang(lab->link, on);
	else if (g_str_equal(args[0], "mute-refresh"))
		euicc_mute_refresh(lab->euicc, on);
	else
		euicc_cat_busy(lab->euicc, on);
	control_reply_format(call, true, "%s is %s", args[0], on ? "on" : "off");
}

static void verb_link(ControlCall *call, int argc, char **args, Lab *lab)
{
	if (argc != 1)
		return control_reply_format(call, false, "%s takes nothing", args[0]);
	if (!g_str_equal(args[0], "insert"))
		link_pull(lab->link);
	if (!g_str_equal(args[0], "pull"))
		link_insert(lab->link);
	control_reply_format(
		call, true, "the card is %s", link_inserted(lab->link) ? "inserted" : "pulled");
}

static void verb_delay(ControlCall *call, int argc, char **args, Lab *lab)
{
	unsigned delay;

	if (argc != 2 || !number(args[1], &delay))
		return control_reply(call, false, "delay MILLISECONDS", NULL);
	link_delay(lab->link, delay);
	control_reply_format(call, true, "%u ms per APDU", delay);
}

static void verb_refresh_mode(ControlCall *call, int argc, char **args, Lab *lab)
{
	uint32_t qualifier;

	if (argc != 2 || !hex_number(args[1], &qualifier) || qualifier > 9)
		return control_reply(call, false, "refresh-mode 00…09 (TS 102 223 8.6)", NULL);
	euicc_refresh_qualifier(lab->euicc, (uint8_t)qualifier);
	control_reply_format(call, true, "REFRESH has qualifier %02X", qualifier);
}

static void verb_apn(ControlCall *call, int argc, char **args, Lab *lab)
{
	g_autoptr(GError) error = NULL;

	if (argc != 3)
		return control_reply(call, false, "apn ICCID APN", NULL);
	if (!euicc_set_apn(lab->euicc, args[1], args[2], &error))
		return control_reply_error(call, g_steal_pointer(&error));
	control_reply(call, true, "done", NULL);
}

void verb_handle(ControlCall *call, int argc, char **args, void *user)
{
	Lab *lab = user;
	const char *verb = argc ? args[0] : "";

	if (g_str_equal(verb, "show"))
		verb_show(call, lab);
	else if (g_str_equal(verb, "counts"))
		verb_counts(call, argc, args, lab);
	else if (g_str_equal(verb, "fault"))
		verb_fault(call, argc, args, lab);
	else if (g_str_equal(verb, "pull-at"))
		verb_pull_at(call, argc, args, lab);
	else if (g_str_equal(verb, "delay"))
		verb_delay(call, argc, args, lab);
	else if (g_str_equal(verb, "create"))
		verb_create(call, argc, args, lab);
	else if (g_str_equal(verb, "refresh-mode"))
		verb_refresh_mode(call, argc, args, lab);
	else if (g_str_equal(verb, "apn"))
		verb_apn(call, argc, args, lab);
	else if (g_str_equal(verb, "hang") || g_str_equal(verb, "mute-refresh") ||
		g_str_equal(verb, "cat-busy"))
		verb_switch(call, argc, args, lab);
	else if (g_str_equal(verb, "pull") || g_str_equal(verb, "insert") ||
		g_str_equal(verb, "reset"))
		verb_link(call, argc, args, lab);
	else
		control_reply(call, false,
			"verbs: show, counts [reset], fault, pull-at, pull, insert, reset, delay, hang, "
			"mute-refresh, refresh-mode, cat-busy, apn, create",
			NULL);
}
