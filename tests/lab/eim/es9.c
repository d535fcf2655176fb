/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lab/eim/es9.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define THREADS 4
#define ANSWER_MAX (8 * 1024 * 1024)
#define TIMEOUT_SECONDS 30L

struct Es9 {
	LabServer *server;
	GThread *threads[THREADS];
	GAsyncQueue *todo, *finished; /* Job */
	int wake;
	struct event *event;
	gint stopping;
	struct curl_slist *connect_to;
	GByteArray *anchors; /* PEM of the CIs */
};

typedef struct Job {
	Es9 *es9;
	char *url, *body;
	GByteArray *answer;
	long http;
	Es9Done done;
	void *user;
} Job;

static void job_free(Job *job)
{
	g_free(job->url);
	free(job->body);
	g_byte_array_unref(job->answer);
	g_free(job);
}

static size_t on_body(char *data, size_t size, size_t n, void *user)
{
	Job *job = user;

	if (job->answer->len + size * n > ANSWER_MAX)
		return 0;
	g_byte_array_append(job->answer, (const uint8_t *)data, size * n);
	return size * n;
}

static int on_progress(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	Job *job = user;

	return g_atomic_int_get(&job->es9->stopping);
}

static void perform(Job *job)
{
	CURL *curl = curl_easy_init();
	struct curl_slist *headers = NULL;
	struct curl_blob anchors = { .data = job->es9->anchors->data,
		.len = job->es9->anchors->len };

	headers = curl_slist_append(headers, "Content-Type: application/json;charset=UTF-8");
	headers = curl_slist_append(headers, "X-Admin-Protocol: gsma/rsp/v2.1.0");
	curl_easy_setopt(curl, CURLOPT_URL, job->url);
	curl_easy_setopt(curl, CURLOPT_CONNECT_TO, job->es9->connect_to);
	curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &anchors);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_SECONDS);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "gsma-rsp-lpad");
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, job->body);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, job);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, job);
	if (curl_easy_perform(curl) == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &job->http);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
}

/* Takes jobs until the end, which is told by the queue's own address. */
static gpointer work(gpointer user)
{
	Es9 *es9 = user;
	uint64_t one = 1;
	gpointer job;

	while ((job = g_async_queue_pop(es9->todo)) != es9->todo) {
		if (!g_atomic_int_get(&es9->stopping))
			perform(job);
		g_async_queue_push(es9->finished, job);
		if (write(es9->wake, &one, sizeof(one)) < 0)
			g_error("eventfd: the loop cannot be woken");
	}
	return NULL;
}

static void finish(Es9 *es9)
{
	Job *job;

	while ((job = g_async_queue_try_pop(es9->finished))) {
		json_t *reply =
			json_loadb((const char *)job->answer->data, job->answer->len, 0, NULL);

		job->done(es9->server, job->http, reply, job->user);
		json_decref(reply);
		job_free(job);
	}
}

static void on_wake(evutil_socket_t fd, short what, void *user)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) > 0)
		finish(user);
}

/* "HOST:ADDRESS:PORT" as libcurl wants it: "HOST::ADDRESS:PORT", for any port asked for. */
static bool add_resolve(Es9 *es9, char **resolve, GError **error)
{
	for (; resolve && *resolve; resolve++) {
		const char *colon = strchr(*resolve, ':');
		g_autofree char *entry = NULL;

		if (!colon || !strchr(colon + 1, ':'))
			return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
				"%s: not HOST:ADDRESS:PORT", *resolve);
		entry = g_strdup_printf("%.*s::%s", (int)(colon - *resolve), *resolve, colon + 1);
		es9->connect_to = curl_slist_append(es9->connect_to, entry);
	}
	return true;
}

static void add_anchors(Es9 *es9)
{
	for (unsigned i = 0; i < es9->server->pki->n_sets; i++) {
		g_autofree char *path = g_strdup_printf(
			"%s/%s/ci.pem", es9->server->pki_dir, es9->server->pki->sets[i].name);
		g_autofree char *pem = NULL;
		gsize size;

		if (g_file_get_contents(path, &pem, &size, NULL))
			g_byte_array_append(es9->anchors, (const uint8_t *)pem, size);
	}
}

Es9 *es9_new(LabServer *server, char **resolve, GError **error)
{
	Es9 *es9 = g_new0(Es9, 1);
	bool good;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	es9->server = server;
	es9->anchors = g_byte_array_new();
	es9->todo = g_async_queue_new();
	es9->finished = g_async_queue_new();
	es9->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	g_assert(es9->wake >= 0);
	es9->event = event_new(server->base, es9->wake, EV_READ | EV_PERSIST, on_wake, es9);
	event_add(es9->event, NULL);
	add_anchors(es9);
	good = add_resolve(es9, resolve, error);
	for (int i = 0; i < THREADS; i++)
		es9->threads[i] = g_thread_new("es9", work, es9);
	if (!good) {
		es9_free(es9);
		return NULL;
	}
	return es9;
}

void es9_free(Es9 *es9)
{
	if (!es9)
		return;
	g_atomic_int_set(&es9->stopping, 1);
	for (int i = 0; i < THREADS; i++)
		g_async_queue_push(es9->todo, es9->todo);
	for (int i = 0; i < THREADS; i++)
		g_thread_join(es9->threads[i]);
	finish(es9);
	event_free(es9->event);
	close(es9->wake);
	g_async_queue_unref(es9->todo);
	g_async_queue_unref(es9->finished);
	curl_slist_free_all(es9->connect_to);
	g_byte_array_unref(es9->anchors);
	g_free(es9);
	curl_global_cleanup();
}

void es9_post(
	Es9 *es9, const char *address, const char *function, json_t *body, Es9Done done, void *user)
{
	Job *job = g_new0(Job, 1);

	job->es9 = es9;
	job->url = g_strdup_printf("https://%s/gsma/rsp2/es9plus/%s", address, function);
	job->body = json_dumps(body, JSON_COMPACT);
	job->answer = g_byte_array_new();
	job->done = done;
	job->user = user;
	json_decref(body);
	g_async_queue_push(es9->todo, job);
}
