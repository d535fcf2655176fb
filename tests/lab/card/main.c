/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lab-card: the software eUICC as a program.
 *
 *   lab-card create --state DIR/card --pki DIR/pki [--eid EID] …
 *   lab-card --state DIR/card --connect unix:PATH|tcp:HOST:PORT [--control PATH]
 *   lab-card ctl --control PATH VERB ARGS…
 */
#include "lab/card/verbs.h"

#include <gio/gio.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static gboolean on_signal(gpointer user)
{
	g_main_loop_quit(user);
	return G_SOURCE_CONTINUE;
}

static int create_main(int argc, char **argv)
{
	g_auto(CreateOptions) options = { 0 };
	g_autoptr(GError) error = NULL;

	if (!create_options_parse(&options, argc, argv, &error) || !options.state || !options.pki) {
		fprintf(stderr, "lab-card create: %s\n",
			error ? error->message : "--state and --pki are needed");
		return 2;
	}
	if (!euicc_create(options.state, &options.create, &error)) {
		fprintf(stderr, "lab-card create: %s\n", error->message);
		return 1;
	}
	return 0;
}

static int serve_main(int argc, char **argv)
{
	g_autofree char *state = NULL, *pki = NULL, *control = NULL, *connect = NULL, *die = NULL;
	const GOptionEntry entries[] = {
		{ "state", 0, 0, G_OPTION_ARG_FILENAME, &state, "Folder of the card", "DIR" },
		{ "pki", 0, 0, G_OPTION_ARG_FILENAME, &pki,
			"Make a bootstrap card from these certificates if there is none", "DIR" },
		{ "control", 0, 0, G_OPTION_ARG_FILENAME, &control, "Socket for the verbs",
			"PATH" },
		{ "connect", 0, 0, G_OPTION_ARG_STRING, &connect, "The modem or reader",
			"unix:PATH|tcp:HOST:PORT" },
		{ "die-at", 0, 0, G_OPTION_ARG_STRING, &die, "End at the k-th write",
			"k[:before|:during|:after]" },
		{ 0 },
	};
	g_autoptr(GOptionContext) context = g_option_context_new("- a software eUICC");
	g_autoptr(GMainLoop) loop = NULL;
	g_autoptr(GError) error = NULL;
	g_autoptr(Link) link = NULL;
	g_autoptr(Euicc) euicc = NULL;
	g_autoptr(Control) server = NULL;
	Lab lab = { 0 };
	GSource *source = NULL;

	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error) || argc > 1 || !state ||
		!connect) {
		fprintf(stderr, "lab-card: %s\n",
			error ? error->message : "--state and --connect are needed");
		return 2;
	}
	euicc = euicc_open(state, &error);
	if (!euicc && pki && sgp32_error_is(error, SGP32_ERROR_NOT_FOUND)) {
		const EuiccCreate create = { .pki = pki, .bootstrap = true };

		g_clear_error(&error);
		if (euicc_create(state, &create, &error))
			euicc = euicc_open(state, &error);
	}
	if (euicc && die && !euicc_die_at(euicc, die))
		sgp32_fail(&error, SGP32_ERROR_INVALID_ARGUMENT, "--die-at is k[:before|:after]");
	if (!error)
		link = link_new(connect, &lab.euicc, &error);
	lab = (Lab) { .euicc = euicc, .link = link, .state = state, .pki = pki };
	if (!error && control)
		server = control_listen(control, verb_handle, &lab, &error);
	if (error) {
		fprintf(stderr, "lab-card: %s\n", error->message);
		return 1;
	}
	loop = g_main_loop_new(NULL, FALSE);
	g_unix_signal_add(SIGTERM, on_signal, loop);
	g_unix_signal_add(SIGINT, on_signal, loop);
	if (server) {
		source = control_source_new(server);
		g_source_attach(source, NULL);
	}
	link_insert(link);
	puts("ready");
	fflush(stdout);
	g_main_loop_run(loop);
	/* `create` exchanges the card. */
	g_steal_pointer(&euicc);
	euicc = lab.euicc;
	if (source) {
		g_source_destroy(source);
		g_source_unref(source);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1 && g_str_equal(argv[1], "ctl"))
		return control_client_main(argc - 1, argv + 1);
	if (argc > 1 && g_str_equal(argv[1], "create"))
		return create_main(argc - 1, argv + 1);
	return serve_main(argc, argv);
}
