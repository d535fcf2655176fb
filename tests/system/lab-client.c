/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lab-client.h"

#include <curl/curl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/common/control.h"
#include "lab/common/state.h"

static void run(const char *const *argv)
{
	g_autoptr(GError) error = NULL;
	int status = -1;

	g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL,
		NULL, NULL, NULL, NULL, &status, &error);
	g_assert_no_error(error);
	g_assert_cmpint(status, ==, 0);
}

char *lab_pki_new(void)
{
	const char *lab_pki = g_getenv("LAB_PKI");
	char *dir = g_dir_make_tmp("lab-XXXXXX", NULL);
	g_autofree char *pki = g_build_filename(dir, "pki", NULL);
	const char *argv[] = { lab_pki, pki, NULL };

	g_assert_nonnull(lab_pki);
	run(argv);
	return dir;
}

void lab_remove_tree(const char *dir)
{
	const char *argv[] = { "rm", "-rf", dir, NULL };

	run(argv);
}

/* ---- server ---- */
static void wait_ready(LabClient *client)
{
	char line[64] = "";
	size_t size = 0;

	while (!memchr(line, '\n', size)) {
		struct pollfd p = { .fd = client->out, .events = POLLIN };
		ssize_t n;

		g_assert_cmpint(poll(&p, 1, 10000), ==, 1);
		n = read(client->out, line + size, sizeof(line) - 1 - size);
		g_assert_cmpint(n, >, 0);
		size += n;
	}
	g_assert_cmpstr(line, ==, "ready\n");
}

/* A test that aborts leaves nothing behind. */
static void die_with_parent(gpointer user)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void spawn(LabClient *client, const char *name, const char *const *extra)
{
	g_autofree char *state = g_build_filename(client->dir, name, NULL);
	g_autoptr(GPtrArray) argv = g_ptr_array_new();
	g_autoptr(GError) error = NULL;
	const char *fixed[] = { client->program, "--state", state, "--pki", client->pki,
		"--control", client->control, "--listen", "127.0.0.1:0" };
	json_t *data = NULL;

	for (size_t i = 0; i < G_N_ELEMENTS(fixed); i++)
		g_ptr_array_add(argv, (char *)fixed[i]);
	for (; extra && *extra; extra++)
		g_ptr_array_add(argv, (char *)*extra);
	g_ptr_array_add(argv, NULL);
	g_spawn_async_with_pipes(NULL, (char **)argv->pdata, NULL,
		G_SPAWN_DO_NOT_REAP_CHILD | (g_test_verbose() ? 0 : G_SPAWN_STDERR_TO_DEV_NULL),
		die_with_parent, NULL, &client->pid, NULL, &client->out, NULL, &error);
	g_assert_no_error(error);
	wait_ready(client);
	g_free(lab_client_verb(client, &data, "address", NULL));
	client->port = state_integer(data, "port");
	json_decref(data);
}

LabClient *lab_client_start(const char *program, const char *dir, const char *name,
	const char *host, const char *ca, const char *const *extra)
{
	LabClient *client = g_new0(LabClient, 1);

	client->program = g_strdup(program);
	client->dir = g_strdup(dir);
	client->pki = g_build_filename(dir, "pki", NULL);
	client->control = g_strdup_printf("%s/%s.control", dir, name);
	client->host = host;
	client->ca = g_build_filename(client->pki, ca, NULL);
	spawn(client, name, extra);
	return client;
}

static void end(LabClient *client)
{
	int status = -1;

	lab_client_hang_up(client);
	kill(client->pid, SIGTERM);
	g_assert_cmpint(waitpid(client->pid, &status, 0), ==, client->pid);
	g_assert_cmpint(status, ==, 0);
	close(client->out);
}

void lab_client_stop(LabClient *client)
{
	end(client);
	g_free(client->program);
	g_free(client->dir);
	g_free(client->pki);
	g_free(client->control);
	g_free(client->ca);
	g_free(client);
}

void lab_client_restart(LabClient *client)
{
	g_autofree char *name = g_path_get_basename(client->control);

	end(client);
	*strrchr(name, '.') = 0;
	spawn(client, name, NULL);
}

/* ---- verbs ---- */
static bool verb(
	LabClient *client, char **ret_text, json_t **ret_data, GError **error, va_list words)
{
	g_autoptr(GPtrArray) args = g_ptr_array_new();
	const char *word;

	while ((word = va_arg(words, const char *)))
		g_ptr_array_add(args, (char *)word);
	g_ptr_array_add(args, NULL);
	return control_request(
		client->control, (const char *const *)args->pdata, ret_text, ret_data, error);
}

char *lab_client_verb(LabClient *client, json_t **ret_data, ...)
{
	g_autoptr(GError) error = NULL;
	char *text = NULL;
	va_list words;
	bool ok;

	va_start(words, ret_data);
	ok = verb(client, &text, ret_data, &error, words);
	va_end(words);
	g_assert_no_error(error);
	g_assert_true(ok);
	return text;
}

bool lab_client_try(LabClient *client, char **ret_text, ...)
{
	va_list words;
	bool ok;

	va_start(words, ret_text);
	ok = verb(client, ret_text, NULL, NULL, words);
	va_end(words);
	return ok;
}

/* ---- HTTPS ---- */
static size_t on_body(char *data, size_t size, size_t n, void *user)
{
	g_byte_array_append(user, (const uint8_t *)data, size * n);
	return size * n;
}

static size_t on_header(char *data, size_t size, size_t n, void *user)
{
	LabAnswer *answer = user;

	if (size * n > 17 && g_ascii_strncasecmp(data, "X-Admin-Protocol:", 17) == 0)
		answer->admin_protocol = true;
	return size * n;
}

LabAnswer *lab_client_post(LabClient *client, const char *path, const char *type, Span body)
{
	LabAnswer *answer = g_new0(LabAnswer, 1);
	g_autofree char *url = g_strdup_printf("https://%s:%d%s", client->host, client->port, path);
	g_autofree char *pin = g_strdup_printf("%s:%d:127.0.0.1", client->host, client->port);
	g_autofree char *content = g_strdup_printf("Content-Type: %s", type);
	struct curl_slist *resolve = curl_slist_append(NULL, pin);
	struct curl_slist *headers = curl_slist_append(NULL, content);
	char *answered = NULL;
	CURL *curl;

	if (!client->curl)
		client->curl = curl_easy_init();
	curl = client->curl;
	curl_easy_reset(curl);
	answer->body = g_byte_array_new();
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_RESOLVE, resolve);
	curl_easy_setopt(curl, CURLOPT_CAINFO, client->ca);
	curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)body.size);
	curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, body.data);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer->body);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, answer);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 2000L);
	answer->curl = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->http);
	curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &answered);
	answer->type = g_strdup(answered);
	curl_slist_free_all(resolve);
	curl_slist_free_all(headers);
	return answer;
}

void lab_answer_free(LabAnswer *answer)
{
	if (!answer)
		return;
	g_byte_array_unref(answer->body);
	g_free(answer->type);
	g_free(answer);
}

void lab_client_hang_up(LabClient *client)
{
	if (client->curl)
		curl_easy_cleanup(client->curl);
	client->curl = NULL;
}
