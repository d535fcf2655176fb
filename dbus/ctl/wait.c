/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Follows a job to its end: progress, questions, Ctrl-C. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>
#include <termios.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "ctl.h"
#include "errors.h"

#define BAR_WIDTH 24
#define REDRAW (200 * USEC_PER_MSEC)

typedef struct Follow {
	Ctl *ctl;
	sd_event *event;
	const char *path;
	json_t *job; /* its properties */
	int64_t start; /* CLOCK_MONOTONIC */
	bool live; /* one line that is drawn again and again */
	char *shown; /* the last plain line */
	unsigned interrupts;
	bool cancel_wanted;
	bool asked; /* the question is on the terminal */
	bool secret; /* its answer is not shown */
	sd_event_source *input;
	int status;
} Follow;

static bool has_ended(const json_t *job)
{
	const char *state = text_of(job, "state");

	return strcmp(state, "done") == 0 || strcmp(state, "failed") == 0 ||
		strcmp(state, "cancelled") == 0;
}

/* ---- what a person sees meanwhile ---- */

static char *doing_text(const json_t *job)
{
	static const struct {
		const char *state, *text;
	} texts[] = {
		{ "queued", "waits for its turn" },
		{ "waiting-user", "waits for an answer" },
		{ "waiting-network", "waits for the network" },
		{ "waiting-card", "waits for the card" },
		{ "confirming", "waits for its confirmation" },
	};
	const char *state = text_of(job, "state");

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		if (strcmp(texts[i].state, state) == 0)
			return g_strdup(texts[i].text);
	return words_of(*text_of(job, "step") ? text_of(job, "step") : state);
}

static void print_bar(const Ctl *ctl, double progress)
{
	unsigned full = (unsigned)lround(CLAMP(progress, 0, 1) * BAR_WIDTH);

	fputs("  ", stderr);
	fputs(tint_start(ctl, TINT_GREEN), stderr);
	for (unsigned i = 0; i < full; i++)
		fputs("━", stderr);
	fputs(tint_end(ctl, TINT_GREEN), stderr);
	for (unsigned i = full; i < BAR_WIDTH; i++)
		fputs("─", stderr);
	fprintf(stderr, " %3.0f %%", 100 * CLAMP(progress, 0, 1));
}

static void show_live(const Follow *follow)
{
	g_autofree char *doing = doing_text(follow->job);
	g_autofree char *took = duration_text(clock_monotonic() - follow->start);
	g_autofree char *deadline = relative_time(number_of(follow->job, "deadline"));

	fprintf(stderr, "\r\033[K%s: %-22s", text_of(follow->job, "operation"), doing);
	if (truth_of(follow->job, "progress_valid"))
		print_bar(follow->ctl, json_number_value(json_object_get(follow->job, "progress")));
	fprintf(stderr, "  %s", took);
	if (number_of(follow->job, "deadline"))
		fprintf(stderr, ", until %s", deadline);
	fflush(stderr);
}

static void show(Follow *follow)
{
	g_autofree char *doing = NULL;

	if (follow->ctl->json != JSON_OFF || has_ended(follow->job) || follow->asked)
		return;
	if (follow->live) {
		show_live(follow);
		return;
	}
	doing = doing_text(follow->job);
	if (g_strcmp0(doing, follow->shown) == 0)
		return;
	fprintf(stderr, "%s: %s\n", text_of(follow->job, "operation"), doing);
	g_free(follow->shown);
	follow->shown = g_steal_pointer(&doing);
}

static void clear_line(const Follow *follow)
{
	if (follow->live)
		fputs("\r\033[K", stderr);
}

/* ---- questions ---- */

static void set_echo(bool on)
{
	struct termios mode;

	if (tcgetattr(STDIN_FILENO, &mode) < 0)
		return;
	if (on)
		mode.c_lflag |= (tcflag_t)ECHO;
	else
		mode.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSANOW, &mode);
}

static int on_input(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	Follow *follow = userdata;
	char line[512];
	ssize_t size = read(fd, line, sizeof(line) - 1);
	bool accept;

	follow->input = sd_event_source_unref(follow->input);
	follow->asked = false;
	if (follow->secret) {
		set_echo(true);
		fputc('\n', stderr);
	}
	if (size < 0)
		size = 0;
	line[size] = '\0';
	g_strchomp(line);
	accept = follow->secret ? *line != '\0' : g_ascii_tolower(*line) == 'y';
	send_answer(follow->ctl, follow->path, accept, follow->secret && accept ? line : NULL);
	wipe(line, sizeof(line));
	return 0;
}

static void print_question(const Follow *follow, const json_t *question)
{
	const char *kind = text_of(question, "kind");
	g_autofree char *name = printable(text_of(question, "profile_name"));
	g_autofree char *provider = printable(text_of(question, "service_provider"));
	g_autofree char *list = list_text(question, "policy_rules");
	g_autofree char *rules = printable(list), *asked = printable(kind);
	g_autofree char *words = words_of(asked);

	clear_line(follow);
	if (*name || *provider)
		fprintf(stderr, "Profile: %s%s%s\n", *name ? name : "(no name)",
			*provider ? ", of " : "", provider);
	if (*rules)
		fprintf(stderr, "Its policy rules: %s\n", rules);
	if (strcmp(kind, "confirmation-code") == 0)
		fputs("Confirmation code: ", stderr);
	else if (strcmp(kind, "install") == 0)
		fputs("Install it? [y/N] ", stderr);
	else if (strcmp(kind, "policy-rules") == 0)
		fputs("Install it with these rules? [y/N] ", stderr);
	else if (strcmp(kind, "replace-enabled") == 0)
		fputs("Enable it in place of the profile that is enabled now? [y/N] ", stderr);
	else
		fprintf(stderr, "%s? [y/N] ", words);
	fflush(stderr);
}

/* Asks on the terminal, or says how to answer. */
static void look_at_question(Follow *follow)
{
	const json_t *question = json_object_get(follow->job, "question");

	if (strcmp(text_of(follow->job, "state"), "waiting-user") != 0 ||
		json_object_size(question) == 0 || follow->asked)
		return;
	if (follow->ctl->json != JSON_OFF || !on_terminal()) {
		fprintf(stderr,
			"The job waits for an answer: sgp32ctl answer %" JSON_INTEGER_FORMAT
			" yes|no\n",
			number_of(follow->job, "id"));
		return;
	}
	follow->asked = true;
	follow->secret = strcmp(text_of(question, "kind"), "confirmation-code") == 0;
	if (follow->secret)
		set_echo(false);
	print_question(follow, question);
	(void)sd_event_add_io(
		follow->event, &follow->input, STDIN_FILENO, EPOLLIN, on_input, follow);
}

/* ---- the end ---- */

static void print_result(const json_t *result)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)result, key, value)
	{
		g_autofree char *words = words_of(key);
		char *text =
			json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
		g_autofree char *shown =
			printable(json_is_string(value) ? json_string_value(value) : text);

		printf("  %s: %s\n", words, shown);
		free(text);
	}
}

static void print_details(const json_t *details)
{
	GString *out = g_string_new(NULL);
	g_autofree char *subject = printable(text_of(details, "subject"));
	g_autofree char *reason = printable(text_of(details, "reason"));
	g_autofree char *hint = printable(text_of(details, "hint"));

	if (number_of(details, "sw"))
		g_string_append_printf(
			out, ", status word %04X", (unsigned)number_of(details, "sw"));
	if (number_of(details, "spec"))
		g_string_append_printf(out, ", result %d", (int)number_of(details, "spec"));
	if (number_of(details, "http"))
		g_string_append_printf(out, ", HTTP %d", (int)number_of(details, "http"));
	if (*subject)
		g_string_append_printf(out, ", subject %s", subject);
	if (*reason)
		g_string_append_printf(out, ", reason %s", reason);
	if (out->len)
		fprintf(stderr, "  details: %s\n", out->str + 2);
	if (*hint)
		fprintf(stderr, "  hint: %s\n", hint);
	g_string_free(out, TRUE);
}

static int conclude(const Follow *follow)
{
	const json_t *error = json_object_get(follow->job, "error");
	const char *operation = text_of(follow->job, "operation");
	const char *state = text_of(follow->job, "state"), *name = text_of(error, "name");
	const ErrorRow *row = error_row_find(name);
	g_autofree char *took = duration_text(clock_monotonic() - follow->start);
	bool done = strcmp(state, "done") == 0;

	if (print_json(follow->ctl, "job", json_incref(follow->job)))
		return done ? 0 : exit_status_of(name);
	if (done) {
		printf("%s: %sdone%s (%s)\n", operation, tint_start(follow->ctl, TINT_GREEN),
			tint_end(follow->ctl, TINT_GREEN), took);
		print_result(json_object_get(follow->job, "result"));
		return 0;
	}
	complain(0, "%s %s: %s (%s)", operation, state, text_of(error, "message"),
		row ? error_row_short_name(row) : name);
	print_details(json_object_get(error, "details"));
	return exit_status_of(name);
}

static int leave(Follow *follow, int status)
{
	follow->status = status;
	return sd_event_exit(follow->event, 0);
}

/* ---- what the bus tells ---- */

static int on_cancel_reply(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
	Follow *follow = userdata;
	const sd_bus_error *error = sd_bus_message_get_error(reply);

	if (!error || sd_bus_error_has_name(error, SGP32_ERROR_PREFIX "NotFound"))
		return 0;
	clear_line(follow);
	if (sd_bus_error_has_name(error, SGP32_ERROR_PREFIX "NotSupported")) {
		/* Sent again as soon as the job can hear it. */
		fputs("It cannot be stopped at this point; it will be when it can.\n", stderr);
		return 0;
	}
	follow->cancel_wanted = false;
	complain_bus(error, -EIO);
	return 0;
}

static void send_cancel(Follow *follow)
{
	(void)sd_bus_call_method_async(follow->ctl->bus, NULL, SGP32_BUS_NAME, follow->path,
		SGP32_INTERFACE_JOB, "Cancel", on_cancel_reply, follow, NULL);
}

static void update(Follow *follow, json_t *changed)
{
	bool cancelable = truth_of(follow->job, "cancelable");

	tidy_properties(changed);
	json_object_update(follow->job, changed);
	if (follow->cancel_wanted && !cancelable && truth_of(follow->job, "cancelable"))
		send_cancel(follow);
}

/* Everything once more: the result may have come after the state. */
static int finish(Follow *follow)
{
	g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
	json_t *job = read_object(follow->ctl, follow->path, SGP32_INTERFACE_JOB, &error);

	if (job) {
		json_decref(follow->job);
		follow->job = job;
	}
	clear_line(follow);
	return leave(follow, conclude(follow));
}

static int on_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	Follow *follow = userdata;
	g_autoptr(json_t) changed = NULL;
	const char *interface;

	if (sd_bus_message_read(message, "s", &interface) < 0 ||
		strcmp(interface, SGP32_INTERFACE_JOB) != 0)
		return 0;
	changed = message_to_json(message);
	if (!json_is_object(changed))
		return 0;
	update(follow, changed);
	if (has_ended(follow->job))
		return finish(follow);
	look_at_question(follow);
	show(follow);
	return 0;
}

static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	Follow *follow = userdata;

	clear_line(follow);
	return leave(follow, complain(1, "sgp32d went away; the job goes on when it is back"));
}

static int on_interrupt(
	sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	Follow *follow = userdata;

	clear_line(follow);
	if (++follow->interrupts > 1) {
		fprintf(stderr, "\nThe job goes on: sgp32ctl jobs\n");
		return leave(follow, EXIT_DETACHED);
	}
	fprintf(stderr, "\nCancelling; Ctrl-C once more leaves the job alone.\n");
	follow->cancel_wanted = true;
	send_cancel(follow);
	return 0;
}

static int on_redraw(sd_event_source *source, uint64_t now, void *userdata)
{
	show(userdata);
	(void)sd_event_source_set_time_relative(source, REDRAW);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_timeout(sd_event_source *source, uint64_t now, void *userdata)
{
	Follow *follow = userdata;

	clear_line(follow);
	return leave(follow,
		complain(exit_status_of("Timeout"), "the job goes on: sgp32ctl jobs (Timeout)"));
}

/* ---- following ---- */

static int watch(Follow *follow)
{
	sd_bus *bus = follow->ctl->bus;
	sigset_t mask;
	int r;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	r = sd_event_new(&follow->event);
	if (r >= 0)
		r = sd_bus_attach_event(bus, follow->event, SD_EVENT_PRIORITY_NORMAL);
	if (r >= 0)
		r = sd_bus_set_close_on_exit(bus, 0);
	if (r >= 0)
		r = sd_event_add_signal(follow->event, NULL, SIGINT, on_interrupt, follow);
	if (r >= 0)
		r = sd_bus_match_signal(bus, NULL, SGP32_BUS_NAME, follow->path,
			"org.freedesktop.DBus.Properties", "PropertiesChanged", on_changed, follow);
	if (r >= 0)
		r = sd_bus_add_match(bus, NULL,
			"type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',"
			"arg0='" SGP32_BUS_NAME "'",
			on_owner_changed, follow);
	if (r >= 0 && follow->live)
		r = sd_event_add_time_relative(
			follow->event, NULL, CLOCK_MONOTONIC, REDRAW, 0, on_redraw, follow);
	if (r >= 0 && follow->ctl->timeout)
		r = sd_event_add_time_relative(follow->event, NULL, CLOCK_MONOTONIC,
			follow->ctl->timeout, 0, on_timeout, follow);
	return r;
}

static int follow_to_end(Follow *follow)
{
	g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
	int r;

	/* First the signals, then the state they start from. */
	r = watch(follow);
	if (r < 0)
		return complain(1, "cannot follow the job: %s", g_strerror(-r));
	follow->job = read_object(follow->ctl, follow->path, SGP32_INTERFACE_JOB, &error);
	if (!follow->job)
		return complain_bus(&error, -EIO);
	if (has_ended(follow->job))
		return conclude(follow);
	look_at_question(follow);
	show(follow);
	r = sd_event_loop(follow->event);
	if (follow->asked && follow->secret)
		set_echo(true);
	return r < 0 ? complain(1, "cannot follow the job: %s", g_strerror(-r)) : follow->status;
}

int follow_job(Ctl *ctl, const char *path)
{
	Follow follow = {
		.ctl = ctl,
		.path = path,
		.start = clock_monotonic(),
		.live = ctl->json == JSON_OFF && isatty(STDERR_FILENO),
	};
	int status;

	if (!ctl->wait) {
		if (!print_json(ctl, "job", json_pack("{s:s}", "path", path)))
			puts(path);
		return 0;
	}
	status = follow_to_end(&follow);
	sd_bus_detach_event(ctl->bus);
	sd_event_source_unref(follow.input);
	sd_event_unref(follow.event);
	json_decref(follow.job);
	g_free(follow.shown);
	return status;
}
