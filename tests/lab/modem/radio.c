/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The network as this modem sees it: what each profile gets, and the link that follows from it.
 */
#include "modem.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

static const char *const state_names[] = {
	[RADIO_COVERED] = "covered",
	[RADIO_NO_REGISTRATION] = "no-registration",
	[RADIO_NO_DATA] = "no-data",
	[RADIO_NO_EIM] = "no-eim",
};

static const char *const link_names[] = {
	[LINK_DOWN] = "down",
	[LINK_UP] = "up",
	[LINK_NO_EIM] = "no-eim",
};

bool radio_state_parse(const char *text, RadioState *ret)
{
	for (size_t i = 0; i < G_N_ELEMENTS(state_names); i++) {
		if (strcmp(text, state_names[i]) == 0) {
			*ret = (RadioState)i;
			return true;
		}
	}
	return false;
}

const char *radio_state_name(RadioState state)
{
	return state_names[state];
}

const char *link_state_name(LinkState state)
{
	return link_names[state];
}

/* ---- the hook: one at a time, and the last state wins ---- */

static void hook_settle(Modem *modem);

static void hook_ended(GPid pid, gint status, gpointer data)
{
	Modem *modem = data;
	g_autoptr(GError) error = NULL;

	modem->radio.hook = 0;
	modem->radio.hook_failed = !g_spawn_check_wait_status(status, &error);
	if (error)
		g_warning("link hook: %s", error->message);
	g_spawn_close_pid(pid);
	hook_settle(modem);
}

static void hook_settle(Modem *modem)
{
	Radio *radio = &modem->radio;
	g_autoptr(GError) error = NULL;
	g_auto(GStrv) words = NULL;
	g_autoptr(GPtrArray) argv = g_ptr_array_new();

	if (radio->hook || (radio->known && radio->applied == radio->wanted))
		return;
	radio->applied = radio->wanted;
	radio->known = true;
	if (!modem->options.link_hook)
		return;
	if (!g_shell_parse_argv(modem->options.link_hook, NULL, &words, &error)) {
		radio->hook_failed = true;
		g_warning("link hook: %s", error->message);
		return;
	}
	for (unsigned i = 0; words[i]; i++)
		g_ptr_array_add(argv, words[i]);
	g_ptr_array_add(argv, (char *)link_names[radio->applied]);
	g_ptr_array_add(argv, NULL);
	if (!g_spawn_async(NULL, (char **)argv->pdata, NULL,
		    G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH, NULL, NULL, &radio->hook,
		    &error)) {
		radio->hook_failed = true;
		g_warning("link hook: %s", error->message);
		return;
	}
	g_child_watch_add(radio->hook, hook_ended, modem);
}

/* ---- state ---- */

static bool usable(const Modem *modem)
{
	return modem->here && modem->mode == MODE_ONLINE && modem->card.phase == CARD_READY &&
		modem->card.has_iccid;
}

RadioState radio_now(const Modem *modem)
{
	g_autofree char *iccid = NULL;
	void *value;

	if (!modem->card.has_iccid)
		return modem->radio.fallback;
	iccid = iccid_to_text(SPAN_ARRAY(modem->card.iccid));
	if (iccid && g_hash_table_lookup_extended(modem->radio.states, iccid, NULL, &value))
		return (RadioState)GPOINTER_TO_UINT(value);
	return modem->radio.fallback;
}

static void radio_apply(Modem *modem)
{
	Radio *radio = &modem->radio;
	RadioState state = radio_now(modem);
	bool was_registered = radio->registered;
	LinkState was = radio->wanted;

	radio->registered = radio->attached && usable(modem) && state != RADIO_NO_REGISTRATION;
	radio->wanted = LINK_DOWN;
	if (radio->registered && state == RADIO_COVERED)
		radio->wanted = LINK_UP;
	if (radio->registered && state == RADIO_NO_EIM)
		radio->wanted = LINK_NO_EIM;
	hook_settle(modem);
	if (was_registered != radio->registered)
		nas_changed(modem);
	if (was != radio->wanted)
		wds_changed(modem);
}

static gboolean radio_attached(gpointer data)
{
	Modem *modem = data;

	modem->radio.timer = 0;
	modem->radio.attached = true;
	radio_apply(modem);
	return G_SOURCE_REMOVE;
}

void radio_restart(Modem *modem)
{
	Radio *radio = &modem->radio;

	if (radio->timer)
		g_source_remove(radio->timer);
	radio->timer = 0;
	radio->attached = false;
	radio_apply(modem);
	if (usable(modem))
		radio->timer =
			g_timeout_add((guint)modem->options.attach_ms, radio_attached, modem);
}

/* ---- the table ---- */

static char *table_path(const Modem *modem)
{
	return modem->options.state_dir
		? g_build_filename(modem->options.state_dir, "radio.ini", NULL)
		: NULL;
}

static void table_save(Modem *modem)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autofree char *path = table_path(modem);
	g_autoptr(GError) error = NULL;
	GHashTableIter iter;
	void *key, *value;

	if (!path)
		return;
	g_key_file_set_string(file, "radio", "default", state_names[modem->radio.fallback]);
	g_hash_table_iter_init(&iter, modem->radio.states);
	while (g_hash_table_iter_next(&iter, &key, &value))
		g_key_file_set_string(file, "radio", key, state_names[GPOINTER_TO_UINT(value)]);
	if (!g_key_file_save_to_file(file, path, &error))
		g_warning("%s", error->message);
}

static void table_load(Modem *modem)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autofree char *path = table_path(modem);
	g_auto(GStrv) keys = NULL;

	if (!path || !g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, NULL))
		return;
	keys = g_key_file_get_keys(file, "radio", NULL, NULL);
	for (unsigned i = 0; keys && keys[i]; i++) {
		g_autofree char *text = g_key_file_get_string(file, "radio", keys[i], NULL);
		RadioState state;

		if (!text || !radio_state_parse(text, &state))
			g_warning("%s: %s is not a state", path, keys[i]);
		else if (strcmp(keys[i], "default") == 0)
			modem->radio.fallback = state;
		else
			g_hash_table_insert(
				modem->radio.states, g_strdup(keys[i]), GUINT_TO_POINTER(state));
	}
}

void radio_set(Modem *modem, const char *iccid, RadioState state)
{
	LinkState was = modem->radio.wanted;

	if (iccid)
		g_hash_table_insert(modem->radio.states, g_strdup(iccid), GUINT_TO_POINTER(state));
	else
		modem->radio.fallback = state;
	table_save(modem);
	/* Losing a network is seen at once, finding one takes the time of an attach. */
	if (radio_now(modem) == RADIO_COVERED && was == LINK_DOWN)
		radio_restart(modem);
	else
		radio_apply(modem);
}

void radio_init(Modem *modem)
{
	modem->radio.states = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	table_load(modem);
}

static gboolean tick_continue(gpointer data)
{
	return G_SOURCE_CONTINUE;
}

/* How long the end of the modem waits for a hook that still works. */
#define HOOK_END_MS 2000

void radio_clear(Modem *modem)
{
	gint64 end = g_get_monotonic_time() + HOOK_END_MS * 1000;
	guint tick;

	if (modem->radio.timer)
		g_source_remove(modem->radio.timer);
	modem->radio.wanted = modem->radio.applied; /* no other hook after it */
	tick = g_timeout_add(100, G_SOURCE_FUNC(tick_continue), NULL);
	while (modem->radio.hook && g_get_monotonic_time() < end)
		g_main_context_iteration(NULL, TRUE);
	g_source_remove(tick);
	g_clear_pointer(&modem->radio.states, g_hash_table_unref);
}
