/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lab/common/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_MAX 1000

typedef struct Options {
	char *state, *pki, *control, *listen, *certificate, *key;
} Options;

void lab_server_save(LabServer *server)
{
	g_autoptr(GError) error = NULL;

	if (!state_save(server->state_path, server->state, &error)) {
		fprintf(stderr, "%s: %s\n", server->program->name, error->message);
		exit(1);
	}
}

void lab_server_log(LabServer *server, json_t *data, const char *format, ...)
{
	g_autofree char *text = NULL;
	json_t *entry = data ? data : json_object();
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	fprintf(stderr, "%s: %s\n", server->program->name, text);
	state_stamp(entry);
	state_set_string(entry, "text", text);
	g_queue_push_tail(&server->log, entry);
	if (server->log.length > LOG_MAX)
		json_decref(g_queue_pop_head(&server->log));
}

int64_t lab_server_next(LabServer *server, const char *counter)
{
	int64_t value = state_integer(server->state, counter) + 1;

	state_set_integer(server->state, counter, value);
	return value;
}

/* ---- verbs ---- */
static void verb_log(LabServer *server, ControlCall *call, int argc, char **args)
{
	g_autoptr(GString) text = g_string_new(NULL);
	json_t *data = json_array();

	for (GList *l = server->log.head; l; l = l->next) {
		g_autofree char *time = state_time_text(l->data);

		g_string_append_printf(text, "%s %s\n", time, state_string(l->data, "text"));
		json_array_append(data, l->data);
	}
	control_reply(call, true, text->str, data);
}

static void verb_stats(LabServer *server, ControlCall *call, int argc, char **args)
{
	control_reply(call, true, NULL, https_stats(server->https));
}

static void verb_address(LabServer *server, ControlCall *call, int argc, char **args)
{
	json_t *data = json_pack("{s:i}", "port", https_port(server->https));

	control_reply(call, true, NULL, data);
}

static void verb_fault(LabServer *server, ControlCall *call, int argc, char **args)
{
	/* A connection that is kept alive would hide the certificate. */
	if (argc > 2 && g_str_equal(args[2], "wrong-cert"))
		https_close_idle(server->https);
	fault_verb(server->faults, call, argc, args);
}

static const LabVerb common_verbs[] = {
	{ "fault", verb_fault,
		"fault FUNCTION KIND [ARGUMENT] [--count N] [--after]\nfault list\nfault clear" },
	{ "log", verb_log, "log" },
	{ "stats", verb_stats, "stats" },
	{ "address", verb_address, "address" },
	{ NULL },
};

static void append_help(GString *text, const LabVerb *verbs)
{
	for (; verbs->name; verbs++) {
		g_auto(GStrv) lines = g_strsplit(verbs->help, "\n", -1);

		for (char **line = lines; *line; line++)
			g_string_append_printf(text, "  %s\n", *line);
	}
}

static const LabVerb *find_verb(const LabVerb *verbs, const char *name)
{
	for (; verbs->name; verbs++)
		if (g_str_equal(verbs->name, name))
			return verbs;
	return NULL;
}

static void control_call(ControlCall *call, int argc, char **args, void *user)
{
	LabServer *server = user;
	const LabVerb *verb = find_verb(server->program->verbs, args[0]);
	g_autoptr(GString) help = NULL;

	if (!verb)
		verb = find_verb(common_verbs, args[0]);
	if (verb) {
		verb->run(server, call, argc, args);
		return;
	}
	help = g_string_new("verbs (all take --json):\n");
	append_help(help, server->program->verbs);
	append_help(help, common_verbs);
	control_reply(call, g_str_equal(args[0], "help"), help->str, NULL);
}

/* ---- the program ---- */
static void on_signal(evutil_socket_t fd, short what, void *user)
{
	event_base_loopbreak(user);
}

static void on_control(evutil_socket_t fd, short what, void *user)
{
	control_dispatch(user);
}

static void on_handler(HttpsRequest *request, void *user)
{
	LabServer *server = user;

	server->program->handler(request, server);
}

static bool parse_options(
	const LabProgram *program, Options *options, int *argc, char ***argv, GError **error)
{
	GOptionEntry entries[] = {
		{ "state", 0, 0, G_OPTION_ARG_FILENAME, &options->state,
			"folder of what it keeps (state.json)", "DIR" },
		{ "pki", 0, 0, G_OPTION_ARG_FILENAME, &options->pki,
			"certificates and keys, laid out like those of lab-pki", "DIR" },
		{ "control", 0, 0, G_OPTION_ARG_FILENAME, &options->control, "socket of its verbs",
			"PATH" },
		{ "listen", 0, 0, G_OPTION_ARG_STRING, &options->listen,
			"where it serves (port 0: any, see the verb address)", "ADDRESS:PORT" },
		{ "cert", 0, 0, G_OPTION_ARG_FILENAME, &options->certificate,
			"TLS certificate, in place of that of the PKI", "PEM" },
		{ "key", 0, 0, G_OPTION_ARG_FILENAME, &options->key, "its key", "PEM" },
		{ NULL },
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autofree char *summary = g_strdup_printf(
		"Verbs: %s ctl --control PATH VERB… (\"help\" lists them)", program->name);

	g_option_context_set_summary(context, summary);
	g_option_context_add_main_entries(context, entries, NULL);
	if (program->options)
		g_option_context_add_main_entries(context, program->options, NULL);
	if (!g_option_context_parse(context, argc, argv, error))
		return false;
	if (!options->state || !options->pki || !options->control || *argc > 1)
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
			"--state, --pki and --control are needed, and nothing else (see --help)");
	if (!options->listen)
		options->listen = g_strdup(program->listen);
	if (!options->certificate != !options->key)
		return sgp32_fail(
			error, SGP32_ERROR_INVALID_ARGUMENT, "--cert and --key go together");
	if (!options->certificate) {
		options->certificate =
			g_strdup_printf("%s/%s.pem", options->pki, program->certificate);
		options->key = g_strdup_printf("%s/%s.key", options->pki, program->certificate);
	}
	return true;
}

static void options_clear(Options *options)
{
	g_free(options->state);
	g_free(options->pki);
	g_free(options->control);
	g_free(options->listen);
	g_free(options->certificate);
	g_free(options->key);
}

static bool server_open(LabServer *server, const Options *options, GError **error)
{
	const LabProgram *program = server->program;
	HttpsConfig https = {
		.base = server->base,
		.listen = options->listen,
		.certificate = options->certificate,
		.key = options->key,
		.handler = on_handler,
		.user = server,
		.header_name = program->header_name,
		.header_value = program->header_value,
	};

	if (g_mkdir_with_parents(options->state, 0700) != 0)
		return sgp32_fail(error, SGP32_ERROR_FAILED, "%s: cannot be made", options->state);
	server->state_path = g_build_filename(options->state, "state.json", NULL);
	server->pki_dir = g_strdup(options->pki);
	server->tls_certificate = g_strdup(options->certificate);
	server->faults = fault_list_new(program->functions, program->faults);
	https.faults = server->faults;
	server->state = state_load(server->state_path, error);
	if (!server->state)
		return false;
	server->pki = pki_load(options->pki, program->certificates, error);
	if (!server->pki)
		return false;
	if (program->start && !program->start(server, error))
		return false;
	server->https = https_new(&https, error);
	if (!server->https)
		return false;
	server->control = control_listen(options->control, control_call, server, error);
	return server->control != NULL;
}

static void server_close(LabServer *server)
{
	control_free(server->control);
	if (server->program->stop)
		server->program->stop(server);
	https_free(server->https);
	fault_list_free(server->faults);
	pki_free(server->pki);
	json_decref(server->state);
	g_queue_clear_full(&server->log, (GDestroyNotify)json_decref);
	g_free(server->state_path);
	g_free(server->pki_dir);
	g_free(server->tls_certificate);
}

static void server_run(LabServer *server)
{
	struct event *term = evsignal_new(server->base, SIGTERM, on_signal, server->base);
	struct event *interrupt = evsignal_new(server->base, SIGINT, on_signal, server->base);
	struct event *control = event_new(server->base, control_fd(server->control),
		EV_READ | EV_PERSIST, on_control, server->control);

	event_add(term, NULL);
	event_add(interrupt, NULL);
	event_add(control, NULL);
	puts("ready");
	fflush(stdout);
	event_base_dispatch(server->base);
	event_free(control);
	event_free(interrupt);
	event_free(term);
}

int lab_server_main(const LabProgram *program, int argc, char **argv)
{
	LabServer server = { .program = program };
	g_autoptr(GError) error = NULL;
	Options options = { 0 };
	bool good;

	if (argc > 1 && g_str_equal(argv[1], "ctl"))
		return control_client_main(argc - 1, argv + 1);
	signal(SIGPIPE, SIG_IGN);
	if (!parse_options(program, &options, &argc, &argv, &error)) {
		fprintf(stderr, "%s: %s\n", program->name, error->message);
		options_clear(&options);
		return 2;
	}
	server.base = event_base_new();
	g_queue_init(&server.log);
	good = server_open(&server, &options, &error);
	if (good)
		server_run(&server);
	else
		fprintf(stderr, "%s: %s\n", program->name, error->message);
	server_close(&server);
	event_base_free(server.base);
	options_clear(&options);
	return good ? 0 : 1;
}
