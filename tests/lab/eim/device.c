/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices, their queues, and who waits for them. An item:
 *
 *   id, kind, label, state (queued, sent, done, failed), reason, sent (how often), time
 *   transactionId (octets), counter, list ("psmo" or "eco"), content (octets), results [..], verified,
 *   seqNumber, rolledBack, plainTransaction
 */
#include "lab/eim/eim.h"

#include <stdlib.h>
#include <string.h>

json_t *device_get(LabServer *server, const char *eid, bool create)
{
	json_t *devices = state_object(server->state, "devices");
	json_t *device = json_object_get(devices, eid);

	if (!device && create) {
		device = json_object();
		state_set_string(device, "eid", eid);
		state_set_integer(device, "counter", 0);
		json_object_set_new(devices, eid, device);
		state_array(device, "queue");
		lab_server_save(server);
	}
	return device;
}

const char *device_eid(json_t *device)
{
	return state_string(device, "eid");
}

json_t *item_new(LabServer *server, json_t *device, const char *kind, const char *label, bool front)
{
	json_t *queue = state_array(device, "queue");
	json_t *item = json_object(), *other;
	uint8_t transaction[8];
	size_t at = json_array_size(queue), i;

	crypto_random(transaction, sizeof(transaction));
	state_set_integer(item, "id", lab_server_next(server, "nextItem"));
	state_set_string(item, "kind", kind);
	state_set_string(item, "label", label);
	state_set_string(item, "state", "queued");
	state_set_octets(item, "transactionId", SPAN_ARRAY(transaction));
	state_set_integer(item, "sent", 0);
	state_stamp(item);
	if (front) {
		json_array_foreach(queue, i, other)
		{
			if (!item_finished(other)) {
				at = i;
				break;
			}
		}
	}
	json_array_insert_new(queue, at, item);
	return item;
}

bool item_finished(json_t *item)
{
	const char *state = state_string(item, "state");

	return g_strcmp0(state, "done") == 0 || g_strcmp0(state, "failed") == 0;
}

json_t *item_next(json_t *device)
{
	json_t *item;
	size_t i;

	json_array_foreach(state_array(device, "queue"), i, item)
	{
		if (!item_finished(item))
			return item;
	}
	return NULL;
}

json_t *item_by_transaction(json_t *device, Span transaction_id)
{
	json_t *item;
	size_t i;

	json_array_foreach(state_array(device, "queue"), i, item)
	{
		g_autoptr(GBytes) own = state_octets(item, "transactionId");

		if (own && span_equal(span_of(own), transaction_id))
			return item;
	}
	return NULL;
}

json_t *item_by_counter(json_t *device, int64_t counter)
{
	json_t *item;
	size_t i;

	json_array_foreach(state_array(device, "queue"), i, item)
	{
		if (json_object_get(item, "counter") && state_integer(item, "counter") == counter)
			return item;
	}
	return NULL;
}

json_t *item_sent(json_t *device, const char *kind)
{
	json_t *item;
	size_t i;

	json_array_foreach(state_array(device, "queue"), i, item)
	{
		if (g_strcmp0(state_string(item, "state"), "sent") == 0 &&
			g_strcmp0(state_string(item, "kind"), kind) == 0)
			return item;
	}
	return NULL;
}

void item_set_state(
	LabServer *server, json_t *device, json_t *item, const char *state, const char *reason)
{
	state_set_string(item, "state", state);
	state_set_string(item, "reason", reason);
	lab_server_log(server, NULL, "%s: item %d (%s): %s%s%s", device_eid(device),
		(int)state_integer(item, "id"), state_string(item, "label"), state,
		reason ? ", " : "", reason ? reason : "");
	device_changed(server, device);
}

void device_error(LabServer *server, json_t *device, const char *format, ...)
{
	g_autofree char *text = NULL;
	json_t *entry = json_object(), *list = state_array(device, "errors");
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	state_stamp(entry);
	state_set_string(entry, "text", text);
	json_array_append_new(list, entry);
	while (json_array_size(list) > 200)
		json_array_remove(list, 0);
	lab_server_log(server, NULL, "%s: %s", device_eid(device), text);
}

/* ---- waiting ---- */
typedef struct Waiter {
	LabServer *server;
	ControlCall *call;
	char *eid, *until;
	GArray *items; /* ids that it waits for */
	int64_t contacts; /* until a later one */
	struct event *timeout;
} Waiter;

static void waiter_free(void *data)
{
	Waiter *waiter = data;

	if (waiter->timeout)
		event_free(waiter->timeout);
	g_array_unref(waiter->items);
	g_free(waiter->eid);
	g_free(waiter->until);
	g_free(waiter);
}

GPtrArray *waiters_new(void)
{
	return g_ptr_array_new_with_free_func(waiter_free);
}

void waiters_dismiss(LabServer *server)
{
	GPtrArray *waiters = EIM(server)->waiters;

	for (guint i = 0; i < waiters->len; i++) {
		Waiter *waiter = g_ptr_array_index(waiters, i);

		control_reply(waiter->call, false, "the program ends", NULL);
	}
	g_ptr_array_set_size(waiters, 0);
}

static json_t *item_by_id(json_t *device, int64_t id)
{
	json_t *item;
	size_t i;

	json_array_foreach(state_array(device, "queue"), i, item)
	{
		if (state_integer(item, "id") == id)
			return item;
	}
	return NULL;
}

/* 1 reached, 0 not yet; *ret_good false if something that was waited for failed. */
static bool waiter_reached(const Waiter *waiter, json_t *device, bool *ret_good)
{
	bool sent = g_str_equal(waiter->until, "sent");

	*ret_good = true;
	if (g_str_equal(waiter->until, "contact"))
		return state_integer(device, "contacts") > waiter->contacts;
	for (guint i = 0; i < waiter->items->len; i++) {
		json_t *item = item_by_id(device, g_array_index(waiter->items, int64_t, i));

		if (!item)
			continue;
		if (!item_finished(item) &&
			(!sent || g_strcmp0(state_string(item, "state"), "queued") == 0))
			return false;
		if (g_strcmp0(state_string(item, "state"), "failed") == 0)
			*ret_good = false;
	}
	return true;
}

static void waiter_answer(Waiter *waiter, json_t *device, bool good, const char *what)
{
	g_autoptr(GString) text = g_string_new(NULL);
	json_t *data = json_array();

	for (guint i = 0; i < waiter->items->len; i++) {
		json_t *item = item_by_id(device, g_array_index(waiter->items, int64_t, i));
		const char *reason = state_string(item, "reason");

		if (!item)
			continue;
		json_array_append(data, item);
		g_string_append_printf(text, "%s: %s%s%s\n", state_string(item, "label"),
			state_string(item, "state"), reason ? ", " : "", reason ? reason : "");
	}
	if (what)
		g_string_append(text, what);
	control_reply(waiter->call, good, text->len ? text->str : "reached", data);
	g_ptr_array_remove_fast(EIM(waiter->server)->waiters, waiter);
}

static void on_timeout(evutil_socket_t fd, short what, void *user)
{
	Waiter *waiter = user;

	waiter_answer(
		waiter, device_get(waiter->server, waiter->eid, false), false, "the time is over");
}

void device_changed(LabServer *server, json_t *device)
{
	GPtrArray *waiters = EIM(server)->waiters;

	lab_server_save(server);
	for (guint i = waiters->len; i > 0; i--) {
		Waiter *waiter = g_ptr_array_index(waiters, i - 1);
		bool good;

		if (g_str_equal(waiter->eid, device_eid(device)) &&
			waiter_reached(waiter, device, &good))
			waiter_answer(waiter, device, good, NULL);
	}
}

static void waiter_pick_items(Waiter *waiter, json_t *device, int64_t one)
{
	json_t *item;
	size_t i;

	json_array_foreach(state_array(device, "queue"), i, item)
	{
		int64_t id = state_integer(item, "id");

		if (one ? id == one : !item_finished(item))
			g_array_append_val(waiter->items, id);
	}
}

void verb_wait(LabServer *server, ControlCall *call, int argc, char **args)
{
	static const char *const goals[] = { "done", "sent", "contact", NULL };
	Waiter *waiter = g_new0(Waiter, 1);
	struct timeval delay = { .tv_sec = 60 };
	const char *eid = NULL, *until = "done";
	uint8_t octets[16];
	json_t *device;
	int64_t item = 0;
	bool good, bad = false;

	for (int i = 1; i < argc; i++) {
		if (g_str_equal(args[i], "--until") && i + 1 < argc)
			until = args[++i];
		else if (g_str_equal(args[i], "--timeout") && i + 1 < argc)
			delay.tv_sec = strtol(args[++i], NULL, 10);
		else if (g_str_equal(args[i], "--item") && i + 1 < argc)
			item = strtol(args[++i], NULL, 10);
		else if (!eid)
			eid = args[i];
		else
			bad = true;
	}
	/* Also for a card that has not called yet. */
	device = eid && eid_from_text(eid, false, octets) ? device_get(server, eid, true) : NULL;
	waiter->items = g_array_new(FALSE, FALSE, sizeof(int64_t));
	if (bad || !device || !g_strv_contains(goals, until) || delay.tv_sec < 0) {
		waiter_free(waiter);
		control_reply_format(call, false,
			"usage: wait EID [--until done|sent|contact] [--item N] [--timeout S]");
		return;
	}
	waiter->server = server;
	waiter->call = call;
	waiter->eid = g_strdup(eid);
	waiter->until = g_strdup(until);
	waiter->contacts = state_integer(device, "contacts");
	waiter_pick_items(waiter, device, item);
	g_ptr_array_add(EIM(server)->waiters, waiter);
	if (waiter_reached(waiter, device, &good)) {
		waiter_answer(waiter, device, good, NULL);
		return;
	}
	waiter->timeout = event_new(server->base, -1, 0, on_timeout, waiter);
	event_add(waiter->timeout, &delay);
}
