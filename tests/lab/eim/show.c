/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Verbs: device, config, queue (queue.c), retry, drop, show, results, notifications, wait (device.c). */
#include "lab/eim/eim.h"

#include <stdlib.h>
#include <string.h>

static void show_item(GString *text, json_t *item)
{
	const char *reason = state_string(item, "reason");
	json_t *result;
	size_t i;

	g_string_append_printf(text, "  %3d  %-6s  %s%s%s\n", (int)state_integer(item, "id"),
		state_string(item, "state"), state_string(item, "label"), reason ? ": " : "",
		reason ? reason : "");
	json_array_foreach(json_object_get(item, "results"), i, result)
	{
		g_autofree char *line = decode_line(result);

		g_string_append_printf(text, "       - %s\n", line);
	}
	if (state_string(item, "result"))
		g_string_append_printf(text, "       - %s\n", state_string(item, "result"));
}

static void show_notification(GString *text, json_t *item)
{
	g_autofree char *time = state_time_text(item);
	const char *iccid = state_string(item, "iccid"), *result = state_string(item, "result");
	const char *problem = state_string(item, "problem");

	g_string_append_printf(text, "  %s  seq %-4d %-8s %-20s %s%s%s\n", time,
		(int)state_integer(item, "seq"), state_string(item, "event"), iccid ? iccid : "-",
		state_flag(item, "verified") ? "verified" : "not verified", result ? ", " : "",
		result ? result : "");
	if (problem)
		g_string_append_printf(text, "      %s\n", problem);
}

static void show_device(GString *text, json_t *device)
{
	static const char *const strings[] = { "defaultSmdpAddress", "rootSmdsAddress", "rPLMN" };
	json_t *item;
	size_t i;

	g_string_append_printf(text, "EID %s\n", device_eid(device));
	g_string_append_printf(text, "  contacts %d, counter %d, %s, token %s",
		(int)state_integer(device, "contacts"), (int)state_integer(device, "counter"),
		state_flag(device, "learned") ? "certificates known" : "certificates not known",
		json_object_get(device, "token") ? "" : "none");
	if (json_object_get(device, "token"))
		g_string_append_printf(text, "%d", (int)state_integer(device, "token"));
	g_string_append_c(text, '\n');
	for (i = 0; i < G_N_ELEMENTS(strings); i++)
		if (state_string(device, strings[i]))
			g_string_append_printf(
				text, "  %s %s\n", strings[i], state_string(device, strings[i]));
	if (json_object_get(device, "stateChangeCause"))
		g_string_append_printf(text, "  last state change: cause %d\n",
			(int)state_integer(device, "stateChangeCause"));
	json_array_foreach(json_object_get(device, "profiles"), i, item)
	{
		g_string_append_printf(text, "  profile %s %s %s\n",
			state_string(item, "iccid") ? state_string(item, "iccid") : "-",
			state_string(item, "state") ? state_string(item, "state") : "-",
			state_string(item, "name") ? state_string(item, "name") : "");
	}
	if (json_array_size(json_object_get(device, "queue")) > 0)
		g_string_append(text, " queue\n");
	json_array_foreach(json_object_get(device, "queue"), i, item)
	{
		show_item(text, item);
	}
	if (json_array_size(json_object_get(device, "notifications")) > 0)
		g_string_append(text, " notifications\n");
	json_array_foreach(json_object_get(device, "notifications"), i, item)
	{
		show_notification(text, item);
	}
	if (json_array_size(json_object_get(device, "errors")) > 0)
		g_string_append(text, " errors\n");
	json_array_foreach(json_object_get(device, "errors"), i, item)
	{
		g_autofree char *time = state_time_text(item);

		g_string_append_printf(text, "  %s  %s\n", time, state_string(item, "text"));
	}
}

/* The device that args[1] names; answers if there is none. */
static json_t *named_device(LabServer *server, ControlCall *call, int argc, char **args)
{
	json_t *device = argc > 1 ? device_get(server, args[1], false) : NULL;

	if (!device)
		control_reply_format(call, false, "%s: %s", args[0],
			argc > 1 ? "no device with that EID" : "for which EID?");
	return device;
}

static void verb_show(LabServer *server, ControlCall *call, int argc, char **args)
{
	g_autoptr(GString) text = g_string_new(NULL);
	json_t *devices = state_object(server->state, "devices"), *device;
	const char *eid;

	if (argc > 1) {
		device = named_device(server, call, argc, args);
		if (!device)
			return;
		show_device(text, device);
		control_reply(call, true, text->str, json_incref(device));
		return;
	}
	json_object_foreach(devices, eid, device)
	{
		show_device(text, device);
	}
	control_reply(call, true, text->len ? text->str : "no devices", json_incref(devices));
}

static void show_list(LabServer *server, ControlCall *call, int argc, char **args, const char *key,
	void (*show)(GString *text, json_t *item))
{
	g_autoptr(GString) text = g_string_new(NULL);
	json_t *devices = state_object(server->state, "devices"), *device, *item, *data;
	const char *eid;
	size_t i;

	if (argc > 1 && !named_device(server, call, argc, args))
		return;
	data = json_object();
	json_object_foreach(devices, eid, device)
	{
		if (argc > 1 && !g_str_equal(args[1], eid))
			continue;
		g_string_append_printf(text, "EID %s\n", eid);
		json_array_foreach(json_object_get(device, key), i, item)
		{
			show(text, item);
		}
		json_object_set(data, eid, state_array(device, key));
	}
	control_reply(call, true, text->len ? text->str : "no devices", data);
}

static void verb_results(LabServer *server, ControlCall *call, int argc, char **args)
{
	show_list(server, call, argc, args, "queue", show_item);
}

static void verb_notifications(LabServer *server, ControlCall *call, int argc, char **args)
{
	show_list(server, call, argc, args, "notifications", show_notification);
}

/* ---- device ---- */
static void verb_device(LabServer *server, ControlCall *call, int argc, char **args)
{
	uint8_t eid[16];
	json_t *device;

	if (argc < 2 || !eid_from_text(args[1], false, eid)) {
		control_reply_format(call, false,
			"usage: device EID [--counter N] [--token N|--no-token] [--forget] [--remove]");
		return;
	}
	if (argc == 3 && g_str_equal(args[2], "--remove")) {
		json_object_del(state_object(server->state, "devices"), args[1]);
		lab_server_save(server);
		control_reply(call, true, "removed", NULL);
		return;
	}
	device = device_get(server, args[1], true);
	for (int i = 2; i < argc; i++) {
		if (g_str_equal(args[i], "--counter") && i + 1 < argc) {
			state_set_integer(device, "counter", strtol(args[++i], NULL, 10));
		} else if (g_str_equal(args[i], "--token") && i + 1 < argc) {
			state_set_integer(device, "token", strtol(args[++i], NULL, 10));
		} else if (g_str_equal(args[i], "--no-token")) {
			json_object_del(device, "token");
		} else if (g_str_equal(args[i], "--forget")) {
			state_set_flag(device, "learned", false);
			state_set_integer(device, "learnTries", 0);
		} else {
			control_reply_format(call, false, "device: %s?", args[i]);
			return;
		}
	}
	lab_server_save(server);
	control_reply(call, true, args[1], json_incref(device));
}

/* ---- config ---- */
static bool parse_config(ConfigOptions *options, int argc, char **args, const char **ret_out,
	const char **ret_eid, const char **ret_format)
{
	static const char *const pins[] = { "key", "cert", "ca", "none", NULL };
	static const char *const signs[] = { "key", "cert", NULL };
	static const char *const formats[] = { "der", "hex", "conf", NULL };

	for (int i = 1; i < argc; i++) {
		bool more = i + 1 < argc;

		if (g_str_equal(args[i], "--out") && more)
			*ret_out = args[++i];
		else if (g_str_equal(args[i], "--pin") && more)
			options->pin = args[++i];
		else if (g_str_equal(args[i], "--sign") && more)
			options->sign = args[++i];
		else if (g_str_equal(args[i], "--format") && more)
			*ret_format = args[++i];
		else if (g_str_equal(args[i], "--fqdn") && more)
			options->fqdn = args[++i];
		else if (g_str_equal(args[i], "--counter") && more)
			options->counter = strtol(args[++i], NULL, 10);
		else if (g_str_equal(args[i], "--no-counter"))
			options->counter = -1;
		else if (g_str_equal(args[i], "--token"))
			options->token = true;
		else if (g_str_equal(args[i], "--no-token"))
			options->token = false;
		else if (g_str_equal(args[i], "--indirect"))
			options->indirect = true;
		else if (args[i][0] != '-' && !*ret_eid)
			*ret_eid = args[i];
		else
			return false;
	}
	return g_strv_contains(pins, options->pin) && g_strv_contains(signs, options->sign) &&
		(!*ret_format || g_strv_contains(formats, *ret_format));
}

static void reply_config(
	ControlCall *call, Span der, const char *eid, const char *out, const char *format)
{
	g_autofree char *hex = hex_encode(der);
	g_autofree char *conf = g_strdup_printf("[Match]\n%s%s\n\n[Eim]\nData=%s\n",
		eid ? "Eid=" : "EidPrefix=", eid ? eid : "8", hex);
	bool is_conf = g_strcmp0(format, "conf") == 0;
	const char *text = is_conf ? conf : hex;
	g_autoptr(GError) error = NULL;
	json_t *data = json_pack("{s:s}", "data", hex);

	if (out) {
		g_autofree char *path = control_call_path(call, out);
		bool is_der = !format || g_str_equal(format, "der");

		if (!g_file_set_contents(path, is_der ? (const char *)der.data : text,
			    is_der ? (gssize)der.size : -1, &error)) {
			json_decref(data);
			control_reply_error(call, g_steal_pointer(&error));
			return;
		}
	}
	control_reply(call, true, out ? out : text, data);
}

static void verb_config(LabServer *server, ControlCall *call, int argc, char **args)
{
	ConfigOptions options = { .pin = "key", .sign = "key", .token = true };
	const char *out = NULL, *eid = NULL, *format = NULL;
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) der = NULL;
	uint8_t octets[16];

	if (!parse_config(&options, argc, args, &out, &eid, &format) ||
		(eid && !eid_from_text(eid, false, octets))) {
		control_reply_format(call, false,
			"usage: config [EID] [--pin key|cert|ca|none] [--sign key|cert] [--fqdn NAME]\n"
			"       [--counter N|--no-counter] [--token|--no-token] [--indirect]\n"
			"       [--out FILE] [--format der|hex|conf]");
		return;
	}
	der = config_build(server, &options, &error);
	if (!der) {
		control_reply_error(call, g_steal_pointer(&error));
		return;
	}
	if (eid) {
		json_t *device = device_get(server, eid, true);

		if (options.counter > state_integer(device, "counter"))
			state_set_integer(device, "counter", options.counter);
		lab_server_save(server);
	}
	reply_config(call, span_of(der), eid, out, format);
}

/* ---- items ---- */
static json_t *named_item(
	LabServer *server, ControlCall *call, int argc, char **args, json_t **ret_device)
{
	json_t *item;
	size_t i;

	*ret_device = named_device(server, call, argc, args);
	if (!*ret_device)
		return NULL;
	json_array_foreach(state_array(*ret_device, "queue"), i, item)
	{
		if (argc == 3 && state_integer(item, "id") == strtol(args[2], NULL, 10))
			return item;
	}
	control_reply_format(call, false, "%s: no such item", args[0]);
	return NULL;
}

static void verb_retry(LabServer *server, ControlCall *call, int argc, char **args)
{
	json_t *device, *item = named_item(server, call, argc, args, &device);

	if (!item)
		return;
	/* With a counter of its own: the card may have used the old one. */
	json_object_del(item, "counter");
	json_object_del(item, "results");
	state_set_integer(item, "sent", 0);
	item_set_state(server, device, item, "queued", NULL);
	control_reply(call, true, "queued again", json_incref(item));
}

static void verb_drop(LabServer *server, ControlCall *call, int argc, char **args)
{
	json_t *device, *item;
	json_t *queue;

	if (argc == 2) {
		device = named_device(server, call, argc, args);
		if (!device)
			return;
		while ((item = item_next(device)))
			item_set_state(server, device, item, "failed", "dropped");
		control_reply(call, true, "the queue is empty", NULL);
		return;
	}
	item = named_item(server, call, argc, args, &device);
	if (!item)
		return;
	queue = state_array(device, "queue");
	for (size_t i = 0; i < json_array_size(queue); i++)
		if (json_array_get(queue, i) == item)
			json_array_remove(queue, i--);
	device_changed(server, device);
	control_reply(call, true, "dropped", NULL);
}

const LabVerb eim_verbs[] = {
	{ "device", verb_device,
		"device EID [--counter N] [--token N|--no-token] [--forget] [--remove]" },
	{ "config", verb_config,
		"config [EID] [--pin key|cert|ca|none] [--sign key|cert] [--fqdn NAME]\n"
		"    [--counter N|--no-counter] [--token|--no-token] [--indirect]\n"
		"    [--out FILE] [--format der|hex|conf]" },
	{ "queue", verb_queue,
		"queue EID WORD… [-- WORD…]… [--no-transaction] (\"queue\" alone lists the words)" },
	{ "retry", verb_retry, "retry EID ITEM" },
	{ "drop", verb_drop, "drop EID [ITEM]" },
	{ "show", verb_show, "show [EID]" },
	{ "results", verb_results, "results [EID]" },
	{ "notifications", verb_notifications, "notifications [EID]" },
	{ "wait", verb_wait, "wait EID [--until done|sent|contact] [--item N] [--timeout S]" },
	{ NULL },
};
