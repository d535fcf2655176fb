/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgp32ctl: the command line of sgp32d. Verb first, then its targets. */
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build-config.h"
#include "ctl.h"

static const struct Verb {
	const char *group; /* printed before it; NULL: the one above goes on */
	const char *name, *arguments, *help;
	unsigned min, max; /* arguments */
	int (*run)(Ctl *ctl, char **arguments);
} verbs[] = {
	{ "Look", "list", "", "eUICCs, one a line (what happens without a verb)", 0, 0, verb_list },
	{ NULL, "show", "[EUICC]", "all there is to know of one eUICC, or of all", 0, 1,
		verb_show },
	{ NULL, "profiles", "[EUICC]", "profiles", 0, 1, verb_profiles },
	{ NULL, "eims", "[EUICC]", "eIMs, and how polling them went", 0, 1, verb_eims },
	{ NULL, "notifications", "[EUICC]", "notifications that wait for their delivery", 0, 1,
		verb_notifications },
	{ NULL, "slots", "", "all slots and readers, and why one shows no eUICC", 0, 0,
		verb_slots },
	{ NULL, "jobs", "", "what is being done, and what was done just now", 0, 0, verb_jobs },
	{ NULL, "history", "[EUICC]", "what was done", 0, 1, verb_history },
	{ NULL, "monitor", "", "what happens, as it happens", 0, 0, verb_monitor },
	{ "Act", "poll", "[EIM]", "asks the eIMs that are due, or this one, for packages", 0, 1,
		verb_poll },
	{ NULL, "download", "[CODE|-]",
		"downloads a profile; “-” reads the activation code from the standard input,\n"
		"no code means the default SM-DP+",
		0, 1, verb_download },
	{ NULL, "refresh", "[EUICC]", "reads everything from the card again", 0, 1, verb_refresh },
	{ "Jobs", "cancel", "JOB", "asks a job to stop", 1, 1, verb_cancel },
	{ NULL, "answer", "JOB [yes|no]", "answers the question of a job", 1, 2, verb_answer },
};

#define ARGUMENTS_WIDTH 26

static void print_verb(const struct Verb *verb)
{
	g_autofree char *usage = g_strdup_printf("%s %s", verb->name, verb->arguments);
	g_auto(GStrv) lines = g_strsplit(verb->help, "\n", 0);

	printf("  %-*s %s\n", ARGUMENTS_WIDTH, usage, lines[0]);
	for (unsigned i = 1; lines[i]; i++)
		printf("  %-*s %s\n", ARGUMENTS_WIDTH, "", lines[i]);
}

static void print_help(void)
{
	puts("sgp32ctl [OPTION…] [VERB] [TARGET…]\n\n"
	     "Shows and steers the eSIMs that sgp32d looks after.");
	for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++) {
		if (verbs[i].group)
			printf("\n%s:\n", verbs[i].group);
		print_verb(&verbs[i]);
	}
	puts("\nOptions:\n"
	     "  -e, --euicc=EUICC          the card that is meant\n"
	     "      --force                poll: due or not, and though polling is off\n"
	     "      --accept               download, answer: yes, without a question\n"
	     "      --confirmation-code=FILE\n"
	     "                             reads the confirmation code; “-” is the standard input\n"
	     "  -n, --lines=N              history: the most lines\n"
	     "      --no-wait              prints the path of the job and leaves it alone\n"
	     "      --timeout=SECONDS      waits no longer than that for a job\n"
	     "  -j, --json=short|pretty|off\n"
	     "                             for programs; -j is pretty on a terminal, else short\n"
	     "      --full                 identifiers in full\n"
	     "      --no-legend            no headings and no counts\n"
	     "  -h, --help\n"
	     "      --version\n\n"
	     "An EUICC is an EID, its last four digits or more, a device, or “any” if there is\n"
	     "just one, which is the default. An EIM is its id, or how just one begins or ends.\n\n"
	     "Exit status: 0 well, 1 failed, 2 wrong use, 3 not authorised, 4 not there, 5 busy,\n"
	     "6 forbidden by a rule, 7 network, server or time, 8 cancelled or rejected, 9 not\n"
	     "supported, 10 the card refused, 11 package refused, 12 state cannot be stored,\n"
	     "130 the job was left alone.");
}

enum {
	OPTION_FORCE = 256,
	OPTION_ACCEPT,
	OPTION_CONFIRMATION_CODE,
	OPTION_NO_WAIT,
	OPTION_TIMEOUT,
	OPTION_JSON,
	OPTION_FULL,
	OPTION_NO_LEGEND,
	OPTION_VERSION,
};

static const struct option options[] = {
	{ "euicc", required_argument, NULL, 'e' },
	{ "force", no_argument, NULL, OPTION_FORCE },
	{ "accept", no_argument, NULL, OPTION_ACCEPT },
	{ "confirmation-code", required_argument, NULL, OPTION_CONFIRMATION_CODE },
	{ "lines", required_argument, NULL, 'n' },
	{ "no-wait", no_argument, NULL, OPTION_NO_WAIT },
	{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
	{ "json", required_argument, NULL, OPTION_JSON },
	{ "full", no_argument, NULL, OPTION_FULL },
	{ "no-legend", no_argument, NULL, OPTION_NO_LEGEND },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ 0 },
};

static int set_json(Ctl *ctl, const char *mode)
{
	static const char *const modes[] = { "off", "short", "pretty" };

	for (unsigned i = 0; i < G_N_ELEMENTS(modes); i++)
		if (strcmp(modes[i], mode) == 0) {
			ctl->json = i;
			return 0;
		}
	return complain(2, "--json is “short”, “pretty” or “off”");
}

static int set_number(const char *name, const char *text, guint64 max, guint64 *ret)
{
	if (!g_ascii_string_to_unsigned(text, 10, 1, max, ret, NULL))
		return complain(2, "%s is a number from 1 on", name);
	return 0;
}

/* Exit status; negative: go on. */
static int apply_option(Ctl *ctl, int option)
{
	guint64 number = 0;
	int status = 0;

	switch (option) {
	case 'e': ctl->euicc = optarg; break;
	case OPTION_FORCE: ctl->force = true; break;
	case OPTION_ACCEPT: ctl->accept = true; break;
	case OPTION_CONFIRMATION_CODE: ctl->confirmation_code = optarg; break;
	case OPTION_NO_WAIT: ctl->wait = false; break;
	case OPTION_FULL: ctl->full = true; break;
	case OPTION_NO_LEGEND: ctl->legend = false; break;
	case 'j': ctl->json = isatty(STDOUT_FILENO) ? JSON_PRETTY : JSON_SHORT; break;
	case OPTION_JSON: status = set_json(ctl, optarg); break;
	case 'n':
		status = set_number("--lines", optarg, 1000, &number);
		ctl->lines = (unsigned)number;
		break;
	case OPTION_TIMEOUT:
		status = set_number("--timeout", optarg, 86400, &number);
		ctl->timeout = number * 1000000;
		break;
	case 'h': print_help(); return 0;
	case OPTION_VERSION: puts("sgp32ctl " SGP32_VERSION); return 0;
	default: fputs("“sgp32ctl --help” tells more.\n", stderr); return 2;
	}
	return status ? status : -1;
}

static int run(Ctl *ctl, const struct Verb *verb, char **arguments)
{
	int r, status;

	r = sd_bus_open_system(&ctl->bus);
	if (r < 0)
		return complain(1, "cannot reach the system bus: %s", g_strerror(-r));
	(void)sd_bus_set_allow_interactive_authorization(ctl->bus, true);
	status = verb->run(ctl, arguments);
	sd_bus_flush_close_unref(ctl->bus);
	return status;
}

int main(int argc, char **argv)
{
	Ctl ctl = {
		.legend = true,
		.wait = true,
		.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR"),
	};
	const char *name = "list";
	unsigned count;
	int option;

	setlocale(LC_ALL, "");
	while ((option = getopt_long(argc, argv, "e:n:jh", options, NULL)) >= 0) {
		int status = apply_option(&ctl, option);

		if (status >= 0)
			return status;
	}
	if (optind < argc)
		name = argv[optind++];
	count = (unsigned)(argc - optind);
	for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++) {
		if (strcmp(verbs[i].name, name) != 0)
			continue;
		if (count < verbs[i].min || count > verbs[i].max)
			return complain(2, "usage: sgp32ctl %s %s", name, verbs[i].arguments);
		return run(&ctl, &verbs[i], argv + optind);
	}
	return complain(2, "there is no verb “%s”; “sgp32ctl --help” lists them", name);
}
