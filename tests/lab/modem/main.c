/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lab-modem: a modem with a card behind it and QMI in front of it.
 */
#include "modem.h"

#include <glib-unix.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lab/common/control.h"

#define IMEI_DEFAULT "359072066128009"
/* What was sent last still reaches the host before it sees the hang-up. */
#define LINGER_MS 50

/* ---- the device on its bus ---- */

static void ports_up(Modem *modem)
{
	g_autoptr(GError) error = NULL;

	if (!ports_open(modem->ports, &error)) {
		g_warning("%s", error->message);
		g_main_loop_quit(modem->loop);
		return;
	}
	modem->here = true;
}

static void device_down(Modem *modem)
{
	if (modem->boot)
		g_source_remove(modem->boot);
	modem->boot = 0;
	modem->here = false;
	ports_close(modem->ports);
	qmi_forget_clients(modem);
	radio_restart(modem);
}

static gboolean device_up(gpointer data)
{
	Modem *modem = data;

	modem->boot = 0;
	modem->mode = MODE_ONLINE;
	ports_up(modem);
	card_link_send(modem->link, card_job_new(CARD_JOB_RESTART));
	radio_restart(modem);
	return G_SOURCE_REMOVE;
}

static gboolean reset_now(gpointer data)
{
	Modem *modem = data;

	modem->boot = 0;
	modem->resets++;
	device_down(modem);
	modem->boot = g_timeout_add((guint)modem->options.boot_ms, device_up, modem);
	return G_SOURCE_REMOVE;
}

void modem_reset(Modem *modem)
{
	if (modem->boot)
		g_source_remove(modem->boot);
	modem->boot = g_timeout_add(LINGER_MS, reset_now, modem);
}

void modem_drop(Modem *modem)
{
	device_down(modem);
}

void modem_plug(Modem *modem)
{
	if (modem->here || modem->boot)
		return;
	modem->boot = g_timeout_add((guint)modem->options.boot_ms, device_up, modem);
}

/* ---- notes of the card ---- */

static void note_handle(Modem *modem, CardNote *note)
{
	CardState before = modem->card;

	modem->card = note->state;
	switch (note->kind) {
	case CARD_NOTE_JOB: uim_job_done(modem, note->job); break;
	case CARD_NOTE_STATE:
		if (modem->here && !note->quiet)
			uim_card_changed(modem, &before);
		if (before.resets != modem->card.resets || before.phase != modem->card.phase ||
			before.has_iccid != modem->card.has_iccid ||
			memcmp(before.iccid, modem->card.iccid, sizeof(before.iccid)) != 0)
			radio_restart(modem);
		break;
	case CARD_NOTE_REFRESH: uim_refresh(modem, note->stage, note->mode); break;
	}
}

static gboolean notes_ready(gint fd, GIOCondition condition, gpointer data)
{
	Modem *modem = data;
	CardNote *note;

	while ((note = post_box_take(modem->notes)) != NULL) {
		note_handle(modem, note);
		card_note_free(note);
	}
	return G_SOURCE_CONTINUE;
}

/* ---- start and end ---- */

static gboolean stop(gpointer data)
{
	g_main_loop_quit(data);
	return G_SOURCE_CONTINUE;
}

static bool modem_start(Modem *modem, GError **error)
{
	const ModemOptions *o = &modem->options;
	CardOptions card = {
		.address = o->card,
		.read_eid = !o->no_eid,
		.timeout_ms = (unsigned)o->card_timeout_ms,
		.refresh_ms = (unsigned)o->refresh_ms,
	};

	if (o->state_dir && g_mkdir_with_parents(o->state_dir, 0755) < 0)
		return sgp32_fail(error, SGP32_ERROR_FAILED, "%s cannot be made", o->state_dir);
	radio_init(modem);
	modem->notes = post_box_new((GDestroyNotify)card_note_free);
	g_unix_fd_add(post_box_fd(modem->notes), G_IO_IN, notes_ready, modem);
	modem->ports = ports_new(modem);
	if (!ports_open(modem->ports, error))
		return false;
	modem->here = true;
	if (!verbs_listen(modem, error))
		return false;
	modem->link = card_link_new(&card, modem->notes, error);
	if (!modem->link)
		return false;
	radio_restart(modem);
	return true;
}

static void modem_end(Modem *modem)
{
	verbs_close(modem);
	g_clear_pointer(&modem->link, card_link_free);
	g_ptr_array_set_size(modem->clients, 0);
	g_clear_pointer(&modem->ports, ports_free);
	radio_clear(modem);
	g_clear_pointer(&modem->notes, post_box_unref);
}

static bool options_check(ModemOptions *o, GError **error)
{
	g_autofree char *dir = g_strdup(o->state_dir ? o->state_dir : ".");

	if (!o->card)
		o->card = g_strdup_printf("unix:%s/card", dir);
	if (!o->pty)
		o->pty = g_strdup_printf("%s/cdc-wdm0", dir);
	if (!*o->pty)
		g_clear_pointer(&o->pty, g_free);
	if (!o->proxy && !o->no_proxy)
		o->proxy = g_strdup("qmi-proxy");
	if (!o->imei)
		o->imei = g_strdup(IMEI_DEFAULT);
	if (o->no_proxy || (o->proxy && !*o->proxy))
		g_clear_pointer(&o->proxy, g_free);
	if (strspn(o->imei, "0123456789") != strlen(o->imei) || strlen(o->imei) < 15 ||
		strlen(o->imei) > 16)
		return sgp32_fail(
			error, SGP32_ERROR_INVALID_ARGUMENT, "%s is not an IMEI", o->imei);
	if (o->attach_ms < 0 || o->boot_ms < 0 || o->card_timeout_ms <= 0 || o->refresh_ms < 0)
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "a time below zero");
	return true;
}

static bool options_parse(ModemOptions *o, int *argc, char ***argv, GError **error)
{
	char *pki = NULL;
	const GOptionEntry entries[] = {
		{ "state", 0, 0, G_OPTION_ARG_FILENAME, &o->state_dir,
			"Folder for what survives a restart", "DIR" },
		{ "control", 0, 0, G_OPTION_ARG_FILENAME, &o->control, "Socket for verbs", "PATH" },
		{ "card", 0, 0, G_OPTION_ARG_STRING, &o->card,
			"Where the card connects: unix:PATH or tcp:HOST:PORT", "ADDRESS" },
		{ "pty", 0, 0, G_OPTION_ARG_FILENAME, &o->pty, "Name of the QMI port; empty: none",
			"PATH" },
		{ "proxy", 0, 0, G_OPTION_ARG_STRING, &o->proxy,
			"Abstract socket to serve as qmi-proxy does", "NAME" },
		{ "no-proxy", 0, 0, G_OPTION_ARG_NONE, &o->no_proxy, "Serve no proxy socket",
			NULL },
		{ "link-hook", 0, 0, G_OPTION_ARG_STRING, &o->link_hook,
			"Command run with up, down or no-eim", "COMMAND" },
		{ "imei", 0, 0, G_OPTION_ARG_STRING, &o->imei, "IMEI", "DIGITS" },
		{ "attach-ms", 0, 0, G_OPTION_ARG_INT, &o->attach_ms, "Time of a registration",
			"MS" },
		{ "boot-ms", 0, 0, G_OPTION_ARG_INT, &o->boot_ms, "Time of a start after a reset",
			"MS" },
		{ "card-timeout-ms", 0, 0, G_OPTION_ARG_INT, &o->card_timeout_ms,
			"A card that is silent so long is gone", "MS" },
		{ "refresh-ms", 0, 0, G_OPTION_ARG_INT, &o->refresh_ms,
			"Time that hosts have for refresh-complete", "MS" },
		{ "no-eid", 0, 0, G_OPTION_ARG_NONE, &o->no_eid, "Do not read the EID", NULL },
		{ "long-answers", 0, 0, G_OPTION_ARG_NONE, &o->long_answers,
			"Collect 61xx; answers of more than 1024 octets come as indications",
			NULL },
		{ "broadcast", 0, 0, G_OPTION_ARG_NONE, &o->broadcast,
			"Send indications to client id FF", NULL },
		{ "pki", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &pki, "", "DIR" },
		{},
	};
	g_autoptr(GOptionContext) context = g_option_context_new(
		"- the modem of the lab\n  lab-modem ctl --control PATH VERB …");
	bool ok;

	g_option_context_add_main_entries(context, entries, NULL);
	ok = g_option_context_parse(context, argc, argv, error);
	g_free(pki);
	if (ok && *argc > 1)
		return sgp32_fail(
			error, SGP32_ERROR_INVALID_ARGUMENT, "%s is not an option", (*argv)[1]);
	return ok && options_check(o, error);
}

static void options_clear(ModemOptions *o)
{
	g_free(o->state_dir);
	g_free(o->pty);
	g_free(o->proxy);
	g_free(o->card);
	g_free(o->control);
	g_free(o->link_hook);
	g_free(o->imei);
}

int main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	Modem modem = { .options = {
				.attach_ms = 300,
				.boot_ms = 500,
				.card_timeout_ms = 30000,
				.refresh_ms = 3000,
			} };
	int status = EXIT_SUCCESS;

	setlocale(LC_ALL, "");
	if (argc > 1 && strcmp(argv[1], "ctl") == 0)
		return control_client_main(argc - 1, argv + 1);
	g_log_set_writer_func(g_log_writer_standard_streams, NULL, NULL);
	g_log_writer_default_set_use_stderr(TRUE);
	modem.loop = g_main_loop_new(NULL, FALSE);
	modem.clients = g_ptr_array_new_with_free_func(g_free);
	modem.counts = g_hash_table_new(NULL, NULL);
	modem.faults.list = g_array_new(FALSE, FALSE, sizeof(Fault));
	g_unix_signal_add(SIGTERM, stop, modem.loop);
	g_unix_signal_add(SIGINT, stop, modem.loop);
	if (!options_parse(&modem.options, &argc, &argv, &error) || !modem_start(&modem, &error)) {
		g_printerr("lab-modem: %s\n", error->message);
		status = EXIT_FAILURE;
	} else {
		puts("ready");
		fflush(stdout);
		g_main_loop_run(modem.loop);
	}
	modem_end(&modem);
	g_array_unref(modem.faults.list);
	g_hash_table_unref(modem.counts);
	g_ptr_array_unref(modem.clients);
	g_main_loop_unref(modem.loop);
	options_clear(&modem.options);
	return status;
}
