/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Verbs that do something: poll, refresh, download, cancel, answer. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/bytes.h"
#include "ctl.h"

#define SECRET_MAX 1024

/* ---- secrets ---- */

char *read_secret(const char *file, int *ret_status)
{
	char text[SECRET_MAX];
	FILE *stream = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
	char *copy = NULL;

	if (!stream) {
		*ret_status = complain(2, "cannot open “%s”: %s", file, g_strerror(errno));
		return NULL;
	}
	if (stream == stdin)
		setvbuf(stdin, NULL, _IONBF, 0); /* a second secret may follow */
	if (fgets(text, sizeof(text), stream))
		copy = g_strdup(g_strchomp(text));
	else
		*ret_status = complain(2, "“%s” has no first line", file);
	if (stream != stdin)
		fclose(stream);
	wipe(text, sizeof(text));
	return copy;
}

/* Asks on the terminal without showing what is typed. NULL: nothing came. */
static char *prompt_secret(const char *question)
{
	struct termios before, silent;
	char *text = NULL;
	int status;

	if (tcgetattr(STDIN_FILENO, &before) < 0)
		return NULL;
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	fprintf(stderr, "%s: ", question);
	text = read_secret("-", &status);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	fputc('\n', stderr);
	return text;
}

bool on_terminal(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

/* ---- calls that give a job ---- */

static int follow_reply(Ctl *ctl, sd_bus_message *call)
{
	g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
	g_autoptr(sd_bus_message) reply = NULL;
	const char *path;
	int r;

	/* A person may have to type a password first. */
	r = sd_bus_call(ctl->bus, call, 300 * UINT64_C(1000000), &error, &reply);
	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &path);
	return r < 0 ? complain_bus(&error, r) : follow_job(ctl, path);
}

static int call_with_force(Ctl *ctl, const char *path, const char *interface)
{
	g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
	g_autoptr(sd_bus_message) call = NULL;
	int r;

	r = sd_bus_message_new_method_call(
		ctl->bus, &call, SGP32_BUS_NAME, path, interface, "Poll");
	if (r >= 0)
		r = ctl->force ? sd_bus_message_append(call, "a{sv}", 1, "force", "b", 1)
			       : sd_bus_message_append(call, "a{sv}", 0);
	return r < 0 ? complain_bus(&error, r) : follow_reply(ctl, call);
}

/* The eIM that a person means: its id, or what begins or ends just one. Exit status. */
static int find_eim(Ctl *ctl, const char *text, char **ret_path)
{
	g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
	g_autoptr(json_t) all = NULL;
	g_autoptr(GString) candidates = g_string_new(NULL);
	g_autofree char *only = NULL;
	const json_t *euicc, *eim, *found = NULL;
	size_t i, k;
	unsigned n = 0;
	int status, r;

	if (ctl->euicc) {
		r = find_euicc(ctl, ctl->euicc, &only, &error);
		if (r < 0)
			return complain_bus(&error, r);
	}
	status = read_world(ctl, &all);
	if (status != 0)
		return status;
	json_array_foreach(json_object_get(all, "euiccs"), i, euicc)
	{
		if (only && strcmp(only, text_of(euicc, "path")) != 0)
			continue;
		json_array_foreach(json_object_get(euicc, "eims"), k, eim)
		{
			const char *id = text_of(eim, "eim_id");
			g_autofree char *eid = short_id(ctl, text_of(eim, "euicc"));

			if (!g_str_has_prefix(id, text) && !g_str_has_suffix(id, text))
				continue;
			g_string_append_printf(candidates, "%s%s of %s", n++ ? ", " : "", id, eid);
			found = eim;
		}
	}
	if (n == 0)
		return complain(exit_status_of("NotFound"), "there is no eIM “%s”", text);
	if (n > 1)
		return complain(exit_status_of("InvalidArgument"),
			"“%s” may be any of: %s; --euicc= says of which card", text,
			candidates->str);
	*ret_path = g_strdup(text_of(found, "path"));
	return 0;
}

int verb_poll(Ctl *ctl, char **arguments)
{
	g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
	g_autofree char *path = NULL;
	int r;

	if (arguments[0]) {
		r = find_eim(ctl, arguments[0], &path);
		return r != 0 ? r : call_with_force(ctl, path, SGP32_INTERFACE_EIM);
	}
	r = find_euicc(ctl, ctl->euicc, &path, &error);
	return r < 0 ? complain_bus(&error, r) : call_with_force(ctl, path, SGP32_INTERFACE_IPA);
}

int verb_refresh(Ctl *ctl, char **arguments)
{
	g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
	g_autoptr(sd_bus_message) call = NULL;
	g_autofree char *path = NULL;
	int r;

	r = find_euicc(ctl, arguments[0] ? arguments[0] : ctl->euicc, &path, &error);
	if (r >= 0)
		r = sd_bus_message_new_method_call(
			ctl->bus, &call, SGP32_BUS_NAME, path, SGP32_INTERFACE_EUICC, "Refresh");
	return r < 0 ? complain_bus(&error, r) : follow_reply(ctl, call);
}

/* ---- download ---- */

/* Whether the code asks for a confirmation code; negative errno with error set if it is no code. */
static int needs_confirmation(Ctl *ctl, const char *code, bool *ret_needed, sd_bus_error *error)
{
	g_autoptr(sd_bus_message) call = NULL, reply = NULL;
	g_autoptr(json_t) parts = NULL;
	int r;

	r = sd_bus_message_new_method_call(ctl->bus, &call, SGP32_BUS_NAME, SGP32_PATH_ROOT,
		SGP32_INTERFACE_MANAGER, "ParseActivationCode");
	if (r >= 0)
		r = sd_bus_message_sensitive(call);
	if (r >= 0)
		r = sd_bus_message_append(call, "s", code);
	if (r >= 0)
		r = sd_bus_call(ctl->bus, call, 0, error, &reply);
	if (r < 0)
		return r;
	parts = message_to_json(reply);
	*ret_needed = truth_of(parts, "confirmation_code_required");
	return 0;
}

static int append_options(sd_bus_message *call, const Ctl *ctl, const char *confirmation_code)
{
	int r;

	r = sd_bus_message_open_container(call, 'a', "{sv}");
	if (r >= 0)
		r = sd_bus_message_append(
			call, "{sv}", "accept", "s", ctl->accept ? "auto" : "ask");
	if (r >= 0 && confirmation_code)
		r = sd_bus_message_append(
			call, "{sv}", "confirmation-code", "s", confirmation_code);
	return r < 0 ? r : sd_bus_message_close_container(call);
}

static int download(Ctl *ctl, const char *code, const char *confirmation_code)
{
	g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
	g_autoptr(sd_bus_message) call = NULL;
	g_autofree char *path = NULL;
	int r;

	r = find_euicc(ctl, ctl->euicc, &path, &error);
	if (r >= 0)
		r = sd_bus_message_new_method_call(
			ctl->bus, &call, SGP32_BUS_NAME, path, SGP32_INTERFACE_EUICC, "Download");
	if (r >= 0)
		r = sd_bus_message_sensitive(call);
	if (r >= 0)
		r = sd_bus_message_append(call, "s", code);
	if (r >= 0)
		r = append_options(call, ctl, confirmation_code);
	return r < 0 ? complain_bus(&error, r) : follow_reply(ctl, call);
}

static int download_code(Ctl *ctl, const char *code)
{
	g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
	char *confirmation_code = NULL;
	bool needed = false;
	int r, status = 0;

	if (*code) {
		r = needs_confirmation(ctl, code, &needed, &error);
		if (r < 0)
			return complain_bus(&error, r);
	}
	if (ctl->confirmation_code)
		confirmation_code = read_secret(ctl->confirmation_code, &status);
	else if (needed && on_terminal())
		confirmation_code = prompt_secret("Confirmation code");
	else if (needed)
		status = complain(exit_status_of("ConfirmationCodeRequired"),
			"this activation code needs a confirmation code; "
			"--confirmation-code=FILE reads it, “-” is the standard input");
	if (status == 0)
		status = download(ctl, code, confirmation_code);
	wipe_free(confirmation_code);
	return status;
}

int verb_download(Ctl *ctl, char **arguments)
{
	char *code;
	int status = 0;

	if (!arguments[0])
		return download_code(ctl, "");
	if (strcmp(arguments[0], "-") != 0) {
		/* At least no longer for ps to show; a shell's history has it anyway. */
		code = g_strdup(arguments[0]);
		wipe_string(arguments[0]);
	} else {
		code = on_terminal() ? prompt_secret("Activation code") : read_secret("-", &status);
	}
	if (!code)
		return status ? status : 2;
	status = download_code(ctl, code);
	wipe_free(code);
	return status;
}

/* ---- jobs ---- */

/* "7" or "/org/sgp32/job/7". NULL when it was complained about. */
static char *job_path(const char *text)
{
	guint64 id;

	if (g_str_has_prefix(text, SGP32_PATH_JOB "/"))
		text += strlen(SGP32_PATH_JOB "/");
	if (!g_ascii_string_to_unsigned(text, 10, 1, UINT32_MAX, &id, NULL)) {
		complain(2, "“%s” is not the number of a job", text);
		return NULL;
	}
	return g_strdup_printf(SGP32_PATH_JOB "/%" G_GUINT64_FORMAT, id);
}

int verb_cancel(Ctl *ctl, char **arguments)
{
	g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
	g_autofree char *path = job_path(arguments[0]);
	int r;

	if (!path)
		return 2;
	r = sd_bus_call_method(
		ctl->bus, SGP32_BUS_NAME, path, SGP32_INTERFACE_JOB, "Cancel", &error, NULL, NULL);
	return r < 0 ? complain_bus(&error, r) : 0;
}

int send_answer(Ctl *ctl, const char *path, bool accept, const char *confirmation_code)
{
	g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
	g_autoptr(sd_bus_message) call = NULL;
	int r;

	r = sd_bus_message_new_method_call(
		ctl->bus, &call, SGP32_BUS_NAME, path, SGP32_INTERFACE_JOB, "Answer");
	if (r >= 0)
		r = sd_bus_message_sensitive(call);
	if (r >= 0)
		r = confirmation_code
			? sd_bus_message_append(call, "a{sv}", 2, "accept", "b", (int)accept,
				  "confirmation-code", "s", confirmation_code)
			: sd_bus_message_append(call, "a{sv}", 1, "accept", "b", (int)accept);
	if (r >= 0)
		r = sd_bus_call(ctl->bus, call, 0, &error, NULL);
	return r < 0 ? complain_bus(&error, r) : 0;
}

int verb_answer(Ctl *ctl, char **arguments)
{
	g_autofree char *path = job_path(arguments[0]);
	char *confirmation_code = NULL;
	const char *word = arguments[1];
	bool accept = ctl->accept || ctl->confirmation_code;
	int status = 0;

	if (!path)
		return 2;
	if (!word && !accept && on_terminal())
		return follow_job(ctl, path); /* which shows the question and asks */
	if (word && strcmp(word, "yes") == 0)
		accept = true;
	else if (word && strcmp(word, "no") == 0)
		accept = false;
	else if (word || !accept)
		return complain(2,
			"say “yes” or “no” after the job, or give --accept or "
			"--confirmation-code=FILE");
	if (accept && ctl->confirmation_code)
		confirmation_code = read_secret(ctl->confirmation_code, &status);
	if (status == 0)
		status = send_answer(ctl, path, accept, confirmation_code);
	wipe_free(confirmation_code);
	return status;
}
