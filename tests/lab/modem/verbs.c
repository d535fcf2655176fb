/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The verbs of the control socket: look, set the radio, make faults.
 */
#include "modem.h"

#include <stdlib.h>

#include "lab/common/control.h"

typedef struct Verbs {
	Control *control;
	GSource *source;
} Verbs;

/* ---- faults ---- */

bool faults_hang(Modem *modem)
{
	gint64 until = modem->faults.hang_until;

	return until == G_MAXINT64 || until > g_get_monotonic_time();
}

const Fault *faults_take(Modem *modem, uint8_t service, uint16_t id)
{
	static Fault taken;
	GArray *list = modem->faults.list;

	for (unsigned i = 0; i < list->len; i++) {
		Fault *fault = &g_array_index(list, Fault, i);

		if (fault->service != service || fault->id != id)
			continue;
		taken = *fault;
		if (fault->times && --fault->times == 0)
			g_array_remove_index(list, i);
		return &taken;
	}
	return NULL;
}

/* "uim/0x3b", "11/59", or "0x3b" of UIM. */
static bool message_parse(const char *text, uint8_t *ret_service, uint16_t *ret_id)
{
	const char *slash = strchr(text, '/');
	g_autofree char *name = slash ? g_strndup(text, (gsize)(slash - text)) : g_strdup("uim");
	const char *number = slash ? slash + 1 : text;
	char *end;
	unsigned long value = strtoul(number, &end, 0);
	unsigned long service = G_MAXULONG;

	if (*number == 0 || *end || value > 0xffff)
		return false;
	for (unsigned i = 0; i < 256; i++)
		if (g_strcmp0(qmi_service_name(i), name) == 0)
			service = i;
	if (service == G_MAXULONG) {
		service = strtoul(name, &end, 0);
		if (*name == 0 || *end || service > 0xff)
			return false;
	}
	*ret_service = (uint8_t)service;
	*ret_id = (uint16_t)value;
	return true;
}

static char *message_name(uint8_t service, uint16_t id)
{
	const char *name = qmi_service_name(service);

	return name ? g_strdup_printf("%s/0x%04x", name, id)
		    : g_strdup_printf("%u/0x%04x", service, id);
}

static bool number_parse(const char *text, guint64 max, guint64 *ret)
{
	guint64 n;
	char *end;

	if (!g_ascii_isdigit(text[0]))
		return false;
	n = g_ascii_strtoull(text, &end, 0);
	if (*end || n > max)
		return false;
	*ret = n;
	return true;
}

static void usage(ControlCall *call, const char *text)
{
	control_reply_format(call, false, "usage: %s", text);
}

static void verb_mute(Modem *modem, ControlCall *call, int argc, char **args)
{
	Fault fault = { .mute = true };
	guint64 times = 0;

	if (argc < 2 || argc > 3 || !message_parse(args[1], &fault.service, &fault.id) ||
		(argc == 3 && !number_parse(args[2], G_MAXUINT, &times))) {
		usage(call, "mute [SERVICE/]ID [TIMES]");
		return;
	}
	fault.times = (unsigned)times;
	g_array_append_val(modem->faults.list, fault);
	control_reply(call, true, NULL, NULL);
}

static void verb_error(Modem *modem, ControlCall *call, int argc, char **args)
{
	Fault fault = {};
	guint64 code = 0, times = 0;

	if (argc < 3 || argc > 4 || !message_parse(args[1], &fault.service, &fault.id) ||
		!number_parse(args[2], 0xffff, &code) || code == 0 ||
		(argc == 4 && !number_parse(args[3], G_MAXUINT, &times))) {
		usage(call, "error [SERVICE/]ID CODE [TIMES]");
		return;
	}
	fault.error = (uint16_t)code;
	fault.times = (unsigned)times;
	g_array_append_val(modem->faults.list, fault);
	control_reply(call, true, NULL, NULL);
}

static void verb_hang(Modem *modem, ControlCall *call, int argc, char **args)
{
	guint64 seconds = 0;

	if (argc > 2 || (argc == 2 && !number_parse(args[1], 86400, &seconds))) {
		usage(call, "hang [SECONDS]");
		return;
	}
	modem->faults.hang_until =
		argc == 2 ? g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC : G_MAXINT64;
	control_reply(call, true, NULL, NULL);
}

static void verb_delay(Modem *modem, ControlCall *call, int argc, char **args)
{
	guint64 ms;

	if (argc != 2 || !number_parse(args[1], 600000, &ms)) {
		usage(call, "delay MS");
		return;
	}
	modem->faults.delay_ms = (unsigned)ms;
	control_reply(call, true, NULL, NULL);
}

static void lose_refresh(Modem *modem, CardLose what)
{
	CardJob *job = card_job_new(CARD_JOB_LOSE_REFRESH);

	job->number = what;
	card_link_send(modem->link, job);
}

static void verb_clear(Modem *modem, ControlCall *call, int argc, char **args)
{
	g_array_set_size(modem->faults.list, 0);
	modem->faults.hang_until = 0;
	modem->faults.delay_ms = 0;
	lose_refresh(modem, CARD_LOSE_NONE);
	control_reply(call, true, NULL, NULL);
}

static void verb_lose_refresh(Modem *modem, ControlCall *call, int argc, char **args)
{
	static const struct {
		const char *name;
		CardLose what;
	} names[] = {
		{ "refresh", CARD_LOSE_REFRESH },
		{ "all", CARD_LOSE_ALL },
		{ "end", CARD_LOSE_END },
		{ "fetch", CARD_LOSE_FETCH },
		{ "off", CARD_LOSE_NONE },
	};
	const char *name = argc == 2 ? args[1] : "refresh";

	for (size_t i = 0; argc <= 2 && i < G_N_ELEMENTS(names); i++) {
		if (strcmp(name, names[i].name) == 0) {
			lose_refresh(modem, names[i].what);
			control_reply(call, true, NULL, NULL);
			return;
		}
	}
	usage(call, "lose-refresh [refresh|all|end|fetch|off]");
}

static void send_octets(Port *port, void *user)
{
	const Span *octets = user;
	GByteArray *frame = g_byte_array_new();

	array_append_span(frame, *octets);
	port_send(port, frame);
}

static void verb_garbage(Modem *modem, ControlCall *call, int argc, char **args)
{
	/* No marker; a response of UIM whose TLVs are longer than it says; a TLV that overruns it; a
	 * length below the least. */
	static const uint8_t marker[] = { 0x47, 0x41, 0x52, 0x42, 0x41, 0x47, 0x45, 0x0a };
	static const uint8_t length[] = { 0x01, 0x13, 0x00, 0x80, 0x0b, 0xff, 0x04, 0x00, 0x00,
		0x32, 0x00, 0xff, 0x00, 0x10, 0x04, 0x00, 0x01, 0x02, 0x03, 0x04 };
	static const uint8_t tlv[] = { 0x01, 0x13, 0x00, 0x80, 0x0b, 0xff, 0x04, 0x00, 0x00, 0x32,
		0x00, 0x07, 0x00, 0x10, 0xff, 0x0f, 0x01, 0x02, 0x03, 0x04 };
	static const uint8_t shorter[] = { 0x01, 0x02, 0x00, 0x80, 0x0b, 0xff };
	static const struct {
		const char *name;
		Span octets;
	} kinds[] = {
		{ "marker", { marker, sizeof(marker) } },
		{ "length", { length, sizeof(length) } },
		{ "tlv", { tlv, sizeof(tlv) } },
		{ "short", { shorter, sizeof(shorter) } },
	};
	const char *name = argc == 2 ? args[1] : "marker";

	for (size_t i = 0; argc <= 2 && i < G_N_ELEMENTS(kinds); i++) {
		if (strcmp(name, kinds[i].name) == 0) {
			ports_each(modem->ports, send_octets, (void *)&kinds[i].octets);
			control_reply(call, true, NULL, NULL);
			return;
		}
	}
	usage(call, "garbage [marker|length|tlv|short]");
}

/* ---- the device ---- */

static void verb_reset(Modem *modem, ControlCall *call, int argc, char **args)
{
	modem_reset(modem);
	control_reply(call, true, NULL, NULL);
}

static void verb_drop(Modem *modem, ControlCall *call, int argc, char **args)
{
	modem_drop(modem);
	control_reply(call, true, NULL, NULL);
}

static void verb_plug(Modem *modem, ControlCall *call, int argc, char **args)
{
	modem_plug(modem);
	control_reply(call, true, NULL, NULL);
}

static void verb_power(Modem *modem, ControlCall *call, int argc, char **args)
{
	bool on = argc == 2 && strcmp(args[1], "on") == 0;
	CardJob *job;

	if (argc != 2 || (!on && strcmp(args[1], "off") != 0)) {
		usage(call, "power on|off");
		return;
	}
	job = card_job_new(CARD_JOB_POWER);
	job->flag = on;
	card_link_send(modem->link, job);
	control_reply(call, true, NULL, NULL);
}

static json_t *show_radio(Modem *modem);

static bool all_digits(const char *text)
{
	return strspn(text, "0123456789") == strlen(text) && strlen(text) >= 18 &&
		strlen(text) <= 20;
}

static void verb_radio(Modem *modem, ControlCall *call, int argc, char **args)
{
	const char *who = argc == 3 ? args[1] : "default";
	bool fallback = strcmp(who, "default") == 0;
	RadioState state;

	if (argc == 1) {
		control_reply(call, true, NULL, show_radio(modem));
		return;
	}
	if (argc < 2 || argc > 3 || (!fallback && !all_digits(who)) ||
		!radio_state_parse(args[argc - 1], &state)) {
		usage(call, "radio [ICCID|default] covered|no-registration|no-data|no-eim");
		return;
	}
	/* Without a name it is for all of them. */
	if (argc == 2)
		g_hash_table_remove_all(modem->radio.states);
	radio_set(modem, fallback ? NULL : who, state);
	control_reply(call, true, NULL, NULL);
}

/* ---- show ---- */

static const char *phase_name(CardPhase phase)
{
	static const char *const names[] = {
		[CARD_ABSENT] = "absent",
		[CARD_OFF] = "off",
		[CARD_STARTING] = "starting",
		[CARD_READY] = "ready",
		[CARD_MUTE] = "mute",
	};

	return names[phase];
}

static void set_text(json_t *object, const char *key, char *text)
{
	if (text)
		json_object_set_new(object, key, json_string(text));
	g_free(text);
}

static json_t *show_card(Modem *modem)
{
	const CardState *card = &modem->card;
	json_t *object = json_object(), *channels = json_array();

	json_object_set_new(object, "state", json_string(phase_name(card->phase)));
	json_object_set_new(object, "present", json_boolean(card->phase != CARD_ABSENT));
	if (card->atr_size)
		set_text(object, "atr", hex_encode(span(card->atr, card->atr_size)));
	if (card->has_eid)
		set_text(object, "eid", eid_to_text(SPAN_ARRAY(card->eid)));
	if (card->has_iccid)
		set_text(object, "iccid", iccid_to_text(SPAN_ARRAY(card->iccid)));
	if (card->imsi[0])
		json_object_set_new(object, "imsi", json_string(card->imsi));
	for (int i = 1; i < CARD_CHANNELS; i++)
		if (card->channels[i])
			json_array_append_new(channels, json_integer(i));
	json_object_set_new(object, "channels", channels);
	json_object_set_new(object, "starts", json_integer(card->resets));
	json_object_set_new(object, "host_apdus", json_integer(card->host_apdus));
	json_object_set_new(object, "own_apdus", json_integer(card->own_apdus));
	return object;
}

static json_t *show_radio(Modem *modem)
{
	const Radio *radio = &modem->radio;
	json_t *object = json_object(), *states = json_object();
	char mcc[4], mnc[4];
	GHashTableIter iter;
	void *key, *value;

	json_object_set_new(object, "registered", json_boolean(radio->registered));
	if (radio->registered && nas_plmn(modem, mcc, mnc))
		set_text(object, "plmn", g_strconcat(mcc, mnc, NULL));
	json_object_set_new(object, "link", json_string(link_state_name(radio->wanted)));
	/* False while the hook still works on an older state. */
	json_object_set_new(object, "settled",
		json_boolean(!radio->hook && radio->known && radio->applied == radio->wanted));
	json_object_set_new(object, "hook_failed", json_boolean(radio->hook_failed));
	json_object_set_new(object, "default", json_string(radio_state_name(radio->fallback)));
	g_hash_table_iter_init(&iter, radio->states);
	while (g_hash_table_iter_next(&iter, &key, &value))
		json_object_set_new(states, key,
			json_string(radio_state_name((RadioState)GPOINTER_TO_UINT(value))));
	json_object_set_new(object, "profiles", states);
	return object;
}

static json_t *show_clients(Modem *modem)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < modem->clients->len; i++) {
		const Client *client = g_ptr_array_index(modem->clients, i);
		json_t *object = json_object();

		json_object_set_new(
			object, "service", json_string(qmi_service_name(client->service)));
		json_object_set_new(object, "cid", json_integer(client->cid));
		json_object_set_new(object, "owned", json_boolean(client->port != 0));
		json_object_set_new(object, "refresh", json_boolean(client->uim_refresh));
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *show_messages(Modem *modem)
{
	json_t *object = json_object();
	GHashTableIter iter;
	void *key, *value;

	g_hash_table_iter_init(&iter, modem->counts);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		unsigned k = GPOINTER_TO_UINT(key);
		g_autofree char *name = message_name((uint8_t)(k >> 16), (uint16_t)k);

		json_object_set_new(object, name, json_integer(GPOINTER_TO_UINT(value)));
	}
	return object;
}

static void pty_in_use(Port *port, void *user)
{
	if (port->kind == PORT_PTY && port->ready)
		*(bool *)user = true;
}

static void verb_show(Modem *modem, ControlCall *call, int argc, char **args)
{
	json_t *data = json_object();
	bool in_use = false;

	ports_each(modem->ports, pty_in_use, &in_use);
	json_object_set_new(data, "imei", json_string(modem->options.imei));
	json_object_set_new(data, "present", json_boolean(modem->here));
	json_object_set_new(data, "mode", json_integer(modem->mode));
	json_object_set_new(data, "resets", json_integer(modem->resets));
	if (modem->options.pty)
		json_object_set_new(data, "pty", json_string(modem->options.pty));
	json_object_set_new(data, "pty_in_use", json_boolean(in_use));
	if (modem->options.proxy)
		json_object_set_new(data, "proxy", json_string(modem->options.proxy));
	json_object_set_new(data, "card", show_card(modem));
	json_object_set_new(data, "radio", show_radio(modem));
	json_object_set_new(data, "clients", show_clients(modem));
	json_object_set_new(data, "messages", show_messages(modem));
	control_reply(call, true, NULL, data);
}

/* ---- dispatch ---- */

static void verb_help(Modem *modem, ControlCall *call, int argc, char **args)
{
	control_reply(call, true,
		"show                              what the modem, its card and its hosts are\n"
		"radio [[ICCID|default] STATE]     covered, no-registration, no-data, no-eim\n"
		"reset                             the modem starts again\n"
		"power on|off                      of the card\n"
		"hang [SECONDS]                    answer nothing; 0 ends it\n"
		"mute [SERVICE/]ID [TIMES]         do it, but lose the answer\n"
		"error [SERVICE/]ID CODE [TIMES]   refuse it with that error of QMI\n"
		"delay MS                          send everything later\n"
		"drop, plug                        take the device off its bus, and put it back\n"
		"garbage [marker|length|tlv|short] send a frame that is none\n"
		"lose-refresh [refresh|all|end|fetch|off]\n"
		"clear                             no more faults",
		NULL);
}

static const struct {
	const char *name;
	void (*verb)(Modem *modem, ControlCall *call, int argc, char **args);
} verbs[] = {
	{ "help", verb_help },
	{ "show", verb_show },
	{ "radio", verb_radio },
	{ "reset", verb_reset },
	{ "power", verb_power },
	{ "hang", verb_hang },
	{ "mute", verb_mute },
	{ "error", verb_error },
	{ "delay", verb_delay },
	{ "drop", verb_drop },
	{ "plug", verb_plug },
	{ "garbage", verb_garbage },
	{ "lose-refresh", verb_lose_refresh },
	{ "clear", verb_clear },
};

static void verb_called(ControlCall *call, int argc, char **args, void *user)
{
	g_autoptr(GString) names = NULL;

	for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++) {
		if (strcmp(args[0], verbs[i].name) == 0) {
			verbs[i].verb(user, call, argc, args);
			return;
		}
	}
	names = g_string_new(NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++)
		g_string_append_printf(names, " %s", verbs[i].name);
	control_reply_format(call, false, "%s is not a verb; there are:%s", args[0], names->str);
}

bool verbs_listen(Modem *modem, GError **error)
{
	Verbs *v;
	Control *control;

	if (!modem->options.control)
		return true;
	control = control_listen(modem->options.control, verb_called, modem, error);
	if (!control)
		return false;
	v = g_new0(Verbs, 1);
	v->control = control;
	v->source = control_source_new(control);
	g_source_attach(v->source, NULL);
	modem->verbs = v;
	return true;
}

void verbs_close(Modem *modem)
{
	Verbs *v = g_steal_pointer(&modem->verbs);

	if (!v)
		return;
	g_source_destroy(v->source);
	g_source_unref(v->source);
	control_free(v->control);
	g_free(v);
}
