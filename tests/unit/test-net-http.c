/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "net/http.h"
#include "net-server.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool isolated;
static Cert *cert; /* of most servers */
static Trust *pin; /* its key */

typedef struct Fixture {
	Server *server;
	Http *http;
	HttpRequest request;
	HttpAnswer answer;
	GError *error;
	PostCancel *cancel;
} Fixture;

static void begin_with(Fixture *f, const ServerOptions *options, const Step *steps)
{
	f->server = server_new(cert, options, steps);
	f->http = http_new(NULL, NULL);
	g_assert_nonnull(f->http);
	f->request = (HttpRequest) {
		.host = "127.0.0.1",
		.port = f->server->port,
		.path = "/gsma/rsp2/asn1",
		.body = SPAN_LITERAL("question"),
		.trust = pin,
		.repeatable = true,
	};
}

static void begin(Fixture *f, const Step *steps)
{
	begin_with(f, NULL, steps);
}

static void end(Fixture *f)
{
	http_free(f->http);
	server_free(f->server);
	http_answer_clear(&f->answer);
	g_clear_error(&f->error);
	post_cancel_unref(f->cancel);
}

static void posts(Fixture *f)
{
	bool ok;

	g_clear_error(&f->error);
	http_answer_clear(&f->answer);
	ok = http_post(f->http, &f->request, f->cancel, &f->answer, &f->error);
	g_assert_no_error(f->error);
	g_assert_true(ok);
}

/* The text says so, and the error carries a name and what can be done. */
static void fails(Fixture *f, Sgp32Error code, const char *text)
{
	g_clear_error(&f->error);
	http_answer_clear(&f->answer);
	g_assert_false(http_post(f->http, &f->request, f->cancel, &f->answer, &f->error));
	g_assert_error(f->error, SGP32_ERROR, (int)code);
	if (!strstr(f->error->message, text))
		g_error("\"%s\" is not in \"%s\"", text, f->error->message);
	g_assert_null(f->answer.body);
}

static void answers(Fixture *f, const char *body)
{
	g_assert_true(span_equal(span_of(f->answer.body), span_string(body)));
}

static const char *hint(Fixture *f)
{
	return sgp32_error_details(f->error)->hint;
}

/* ---- what works ---- */

static void test_posts_and_takes_the_answer(void)
{
	static const Step steps[] = { { STEP_ACCEPT }, { STEP_READ },
		{ STEP_SEND, ANSWER("application/x-gsma-rsp-asn1", 6, "answer") },
		{ STEP_AWAIT_CLOSE }, { STEP_END } };
	static const char *const headers[] = { "User-Agent: gsma-rsp-ipad",
		"Content-Type: application/x-gsma-rsp-asn1", NULL };
	Fixture f = { 0 };
	HttpCount count;

	begin(&f, steps);
	f.request.headers = headers;
	posts(&f);
	answers(&f, "answer");
	g_assert_cmpuint(f.answer.status, ==, 200);
	g_assert_cmpstr(f.answer.content_type, ==, "application/x-gsma-rsp-asn1");
	http_close(f.http);
	server_join(f.server);

	g_autofree char *expected = g_strdup_printf("POST /gsma/rsp2/asn1 HTTP/1.1\r\n"
						    "Host: 127.0.0.1:%u\r\n"
						    "User-Agent: gsma-rsp-ipad\r\n"
						    "Content-Type: application/x-gsma-rsp-asn1\r\n"
						    "Content-Length: 8\r\n"
						    "\r\n"
						    "question",
		f.server->port);
	g_assert_cmpstr(f.server->requests->pdata[0], ==, expected);
	/* Everything on the connection is counted, the handshake too. */
	count = http_count(f.http);
	g_assert_cmpuint(count.connections, ==, 1);
	g_assert_cmpuint(count.requests, ==, 1);
	g_assert_cmpuint(count.up, >, strlen(expected) + 200);
	g_assert_cmpuint(count.up, <, 2000);
	g_assert_cmpuint(count.down, >, 400);
	g_assert_cmpuint(count.down, <, 4000);
	end(&f);
}

static void test_keeps_the_connection_and_ends_it_with_close_notify(void)
{
	static const Step steps[] = { { STEP_ACCEPT }, { STEP_READ },
		{ STEP_SEND, ANSWER("a/b", 1, "1") }, { STEP_READ },
		{ STEP_SEND, ANSWER("a/b", 1, "2") }, { STEP_AWAIT_CLOSE }, { STEP_ACCEPT },
		{ STEP_READ }, { STEP_SEND, ANSWER("a/b", 1, "3") }, { STEP_AWAIT_CLOSE },
		{ STEP_END } };
	Fixture f = { 0 };

	begin(&f, steps);
	posts(&f);
	answers(&f, "1");
	posts(&f);
	answers(&f, "2");
	http_close(f.http);
	/* The next run connects again, and resumes the session. */
	posts(&f);
	answers(&f, "3");
	http_close(f.http);
	server_join(f.server);
	g_assert_cmpuint(f.server->close_notifies, ==, 2);
	g_assert_cmpuint(f.server->handshakes, ==, 2);
	g_assert_cmpuint(f.server->resumed, ==, 1);
	g_assert_cmpuint(http_count(f.http).connections, ==, 2);
	end(&f);
}

static void test_resumes_a_session_of_tls_1_2(void)
{
	static const Step steps[] = { { STEP_ACCEPT }, { STEP_READ },
		{ STEP_SEND, ANSWER("a/b", 1, "1") }, { STEP_AWAIT_CLOSE }, { STEP_ACCEPT },
		{ STEP_READ }, { STEP_SEND, ANSWER("a/b", 1, "2") }, { STEP_AWAIT_CLOSE },
		{ STEP_END } };
	static const ServerOptions options = { .max_version = TLS1_2_VERSION };
	Fixture f = { 0 };

	begin_with(&f, &options, steps);
	posts(&f);
	http_close(f.http);
	posts(&f);
	http_close(f.http);
	server_join(f.server);
	g_assert_cmpuint(f.server->resumed, ==, 1);
	end(&f);
}

static void test_prefers_the_suites_of_the_specification(void)
{
	static const Step steps[] = { { STEP_ACCEPT }, { STEP_READ },
		{ STEP_SEND, ANSWER("a/b", 1, "1") }, { STEP_AWAIT_CLOSE }, { STEP_END } };
	static const ServerOptions options = { .max_version = TLS1_2_VERSION };
	Fixture f = { 0 };

	begin_with(&f, &options, steps);
	posts(&f);
	http_close(f.http);
	server_join(f.server);
	g_assert_cmpstr(f.server->suite, ==, "ECDHE-ECDSA-AES128-GCM-SHA256");
	end(&f);
}

static void test_takes_chunks(void)
{
	static const Step steps[] = { { STEP_ACCEPT }, { STEP_READ },
		{ STEP_SEND,
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n" },
		{ STEP_SEND, "0\r\n\r\n" }, { STEP_AWAIT_CLOSE }, { STEP_END } };
	Fixture f = { 0 };

	begin(&f, steps);
	posts(&f);
	answers(&f, "hello world");
	g_assert_cmpstr(f.answer.content_type, ==, NULL);
	end(&f);
}

static void test_takes_204_without_a_body(void)
{
	static const Step steps[] = { { STEP_ACCEPT }, { STEP_READ },
		{ STEP_SEND, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n" },
		{ STEP_READ }, { STEP_SEND, ANSWER("a/b", 1, "1") }, { STEP_AWAIT_CLOSE },
		{ STEP_END } };
	Fixture f = { 0 };

	begin(&f, steps);
	posts(&f);
	answers(&f, "");
	g_assert_cmpuint(f.answer.status, ==, 204);
	posts(&f);
	answers(&f, "1");
	end(&f);
}

static void test_takes_a_body_that_ends_with_the_connection(void)
{
	static const Step steps[] = { { STEP_ACCEPT }, { STEP_READ },
		{ STEP_SEND, "HTTP/1.1 200 OK\r\n\r\nall of it" }, { STEP_CLOSE }, { STEP_END } };
	Fixture f = { 0 };

	begin(&f, steps);
	posts(&f);
	answers(&f, "all of it");
	end(&f);
}

static void test_environment_sets_no_proxy(void)
{
	static const Step steps[] = { { STEP_ACCEPT }, { STEP_READ },
		{ STEP_SEND, ANSWER("a/b", 1, "1") }, { STEP_AWAIT_CLOSE }, { STEP_END } };
	Fixture f = { 0 };

	g_setenv("https_proxy", "http://127.0.0.1:1", TRUE);
	g_setenv("ALL_PROXY", "http://127.0.0.1:1", TRUE);
	begin(&f, steps);
	posts(&f);
	g_unsetenv("https_proxy");
	g_unsetenv("ALL_PROXY");
	end(&f);
}

static void test_configured_proxy_is_used(void)
{
	static const Step steps[] = { { STEP_ACCEPT_TCP },
		{ STEP_SEND, "HTTP/1.1 403 Forbidden\r\n\r\n" }, { STEP_AWAIT_CLOSE },
		{ STEP_END } };
	g_autofree char *proxy = NULL;
	Fixture f = { 0 };

	begin(&f, steps);
	http_free(f.http);
	proxy = g_strdup_printf("http://127.0.0.1:%u", f.server->port);
	f.http = http_new(&(HttpOptions) { .proxy = proxy }, NULL);
	f.request.host = "eim.lab.test";
	f.request.port = 443;
	/* It is the proxy that was reached, and its word is not taken for the server's. */
	fails(&f, SGP32_ERROR_NETWORK_UNAVAILABLE, "403");
	server_join(f.server);
	end(&f);
}

/* ---- kept connections ---- */

static void test_connects_again_after_the_server_closed(void)
{
	static const Step steps[] = { { STEP_ACCEPT }, { STEP_READ },
		{ STEP_SEND, ANSWER("a/b", 1, "1") }, { STEP_CLOSE }, { STEP_TELL },
		{ STEP_ACCEPT }, { STEP_READ }, { STEP_SEND, ANSWER("a/b", 1, "2") },
		{ STEP_AWAIT_CLOSE }, { STEP_END } };

	for (unsigned repeatable = 0; repeatable < 2; repeatable++) {
		Fixture f = { 0 };

		begin(&f, steps);
		f.request.repeatable = repeatable;
		posts(&f);
		server_wait_told(f.server);
		posts(&f);
		answers(&f, "2");
		http_close(f.http);
		server_join(f.server);
		g_assert_cmpuint(f.server->requests->len, ==, 2);
		end(&f);
	}
}

static void test_repeats_a_repeatable_request_on_a_kept_connection_that_dies(void)
{
	static const Step steps[] = { { STEP_ACCEPT }, { STEP_READ },
		{ STEP_SEND, ANSWER("a/b", 1, "1") }, { STEP_READ }, { STEP_DROP }, { STEP_ACCEPT },
		{ STEP_READ }, { STEP_SEND, ANSWER("a/b", 1, "2") }, { STEP_AWAIT_CLOSE },
		{ STEP_END } };
	Fixture f = { 0 };

	begin(&f, steps);
	posts(&f);
	posts(&f);
	answers(&f, "2");
	http_close(f.http);
	server_join(f.server);
	g_assert_cmpuint(f.server->requests->len, ==, 3);
	end(&f);
}

static void test_never_repeats_what_is_not_repeatable(void)
{
	static const Step steps[] = { { STEP_ACCEPT }, { STEP_READ },
		{ STEP_SEND, ANSWER("a/b", 1, "1") }, { STEP_READ }, { STEP_RESET },
		{ STEP_ACCEPT }, { STEP_READ }, { STEP_SEND, ANSWER("a/b", 1, "3") },
		{ STEP_AWAIT_CLOSE }, { STEP_END } };
	Fixture f = { 0 };

	begin(&f, steps);
	f.request.repeatable = false;
	f.request.body = SPAN_LITERAL("first");
	posts(&f);
	f.request.body = SPAN_LITERAL("second");
	fails(&f, SGP32_ERROR_NETWORK_UNAVAILABLE, "must not be repeated");
	f.request.body = SPAN_LITERAL("third");
	posts(&f);
	answers(&f, "3");
	http_close(f.http);
	server_join(f.server);
	g_assert_cmpuint(f.server->requests->len, ==, 3);
	g_assert_true(g_str_has_suffix(f.server->requests->pdata[1], "\r\n\r\nsecond"));
	g_assert_true(g_str_has_suffix(f.server->requests->pdata[2], "\r\n\r\nthird"));
	end(&f);
}

/* ---- bad servers ---- */

static void test_answer_lost(void)
{
	static const struct {
		Step steps[8];
		const char *text;
	} cases[] = {
		{ { { STEP_ACCEPT_TCP }, { STEP_RESET }, { STEP_END } }, "TLS handshake" },
		{ { { STEP_ACCEPT_TCP }, { STEP_DROP }, { STEP_END } }, "TLS handshake" },
		{ { { STEP_ACCEPT }, { STEP_RESET }, { STEP_END } }, "" },
		{ { { STEP_ACCEPT }, { STEP_READ }, { STEP_CLOSE }, { STEP_END } }, "" },
		{ { { STEP_ACCEPT }, { STEP_READ }, { STEP_RESET }, { STEP_END } }, "" },
		{ { { STEP_ACCEPT }, { STEP_READ }, { STEP_SEND, "HTTP/1.1 200 OK\r\nContent-" },
			  { STEP_RESET }, { STEP_END } },
			"" },
		{ { { STEP_ACCEPT }, { STEP_READ },
			  { STEP_SEND, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf" },
			  { STEP_CLOSE }, { STEP_END } },
			"" },
		{ { { STEP_ACCEPT }, { STEP_READ },
			  { STEP_SEND, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf" },
			  { STEP_RESET }, { STEP_END } },
			"" },
		{ { { STEP_ACCEPT }, { STEP_READ },
			  { STEP_SEND,
				  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf" },
			  { STEP_CLOSE }, { STEP_END } },
			"" },
		/* Without close_notify nobody knows whether that is all. */
		{ { { STEP_ACCEPT }, { STEP_READ },
			  { STEP_SEND, "HTTP/1.1 200 OK\r\n\r\nall of it?" }, { STEP_DROP },
			  { STEP_END } },
			"" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		Fixture f = { 0 };

		g_test_message("case %zu", i);
		begin(&f, cases[i].steps);
		fails(&f, SGP32_ERROR_NETWORK_UNAVAILABLE, cases[i].text);
		g_assert_nonnull(hint(&f));
		server_join(f.server);
		end(&f);
	}
}

static void test_answer_malformed(void)
{
	static const struct {
		Step steps[8];
		const char *text;
	} cases[] = {
		{ { { STEP_ACCEPT }, { STEP_READ }, { STEP_SEND, "SSH-2.0-OpenSSH\r\n" },
			  { STEP_AWAIT_CLOSE }, { STEP_END } },
			"" },
		{ { { STEP_ACCEPT }, { STEP_READ },
			  { STEP_SEND,
				  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n" },
			  { STEP_AWAIT_CLOSE }, { STEP_END } },
			"chunks" },
		{ { { STEP_ACCEPT }, { STEP_READ },
			  { STEP_SEND, "HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n" },
			  { STEP_AWAIT_CLOSE }, { STEP_END } },
			"limit of 65536 octets" },
		{ { { STEP_ACCEPT }, { STEP_READ },
			  { STEP_SEND, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" },
			  { STEP_SEND_MANY, "10\r\n0123456789abcdef\r\n", 5000 },
			  { STEP_AWAIT_CLOSE }, { STEP_END } },
			"limit of 65536 octets" },
		{ { { STEP_ACCEPT }, { STEP_READ }, { STEP_SEND, "HTTP/1.1 200 OK\r\n" },
			  { STEP_SEND_MANY, "X-Long: 0123456789abcdef\r\n", 5000 },
			  { STEP_AWAIT_CLOSE }, { STEP_END } },
			"headers" },
		{ { { STEP_ACCEPT }, { STEP_READ },
			  { STEP_SEND_MANY, "HTTP/1.1 100 Continue\r\n\r\n", 5000 },
			  { STEP_AWAIT_CLOSE }, { STEP_END } },
			"headers" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		Fixture f = { 0 };

		g_test_message("case %zu", i);
		begin(&f, cases[i].steps);
		fails(&f, SGP32_ERROR_SERVER_MALFORMED, cases[i].text);
		server_join(f.server);
		end(&f);
	}
}

static void test_limit_of_the_body_is_exact(void)
{
	static const Step steps[] = { { STEP_ACCEPT }, { STEP_READ },
		{ STEP_SEND, ANSWER("a/b", 8, "12345678") }, { STEP_READ },
		{ STEP_SEND, ANSWER("a/b", 9, "123456789") }, { STEP_AWAIT_CLOSE }, { STEP_END } };
	Fixture f = { 0 };

	begin(&f, steps);
	f.request.limits.body_max = 8;
	posts(&f);
	answers(&f, "12345678");
	http_answer_clear(&f.answer);
	fails(&f, SGP32_ERROR_SERVER_MALFORMED, "limit of 8 octets");
	end(&f);
}

static void test_status_of_refusal(void)
{
	static const struct {
		Step steps[6];
		unsigned status;
		const char *text, *hint;
	} cases[] = {
		{ { { STEP_ACCEPT }, { STEP_READ },
			  { STEP_SEND,
				  "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\noops" },
			  { STEP_AWAIT_CLOSE }, { STEP_END } },
			500, "HTTP status 500", NULL },
		{ { { STEP_ACCEPT }, { STEP_READ },
			  { STEP_SEND,
				  "HTTP/1.1 404 Not Found\r\nContent-Length: 1000000\r\n\r\n" },
			  { STEP_AWAIT_CLOSE }, { STEP_END } },
			404, "HTTP status 404", "path" },
		{ { { STEP_ACCEPT }, { STEP_READ },
			  { STEP_SEND,
				  "HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:1/\r\n"
				  "Set-Cookie: a=b\r\nContent-Length: 0\r\n\r\n" },
			  { STEP_AWAIT_CLOSE }, { STEP_END } },
			302, "not followed", "address" },
		{ { { STEP_ACCEPT }, { STEP_READ },
			  { STEP_SEND,
				  "HTTP/1.1 503 Busy\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n" },
			  { STEP_AWAIT_CLOSE }, { STEP_END } },
			503, "HTTP status 503", "120 s" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		Fixture f = { 0 };

		begin(&f, cases[i].steps);
		fails(&f, SGP32_ERROR_SERVER_REFUSED, cases[i].text);
		g_assert_cmpuint(sgp32_error_details(f.error)->http, ==, cases[i].status);
		if (cases[i].hint)
			g_assert_nonnull(strstr(hint(&f), cases[i].hint));
		http_close(f.http);
		server_join(f.server);
		end(&f);
	}
}

static void test_no_server(void)
{
	static const Step steps[] = { { STEP_END } };
	Fixture f = { 0 };

	begin(&f, steps);
	server_join(f.server);
	shutdown(f.server->fd, SHUT_RD);
	fails(&f, SGP32_ERROR_NETWORK_UNAVAILABLE, "Connection refused");
	g_assert_nonnull(hint(&f));
	end(&f);
}

static void test_name_unknown(void)
{
	static const Step steps[] = { { STEP_END } };
	Fixture f = { 0 };

	if (!isolated) {
		g_test_skip("needs a network namespace, so that no name server is asked");
		return;
	}
	begin(&f, steps);
	f.request.host = "nobody.invalid";
	fails(&f, SGP32_ERROR_NETWORK_UNAVAILABLE, "nobody.invalid");
	g_assert_nonnull(hint(&f));
	end(&f);
}

/* ---- time ---- */

static void test_hanging_server_ends_in_time(void)
{
	static const struct {
		Step steps[6];
		HttpLimits limits;
		const char *text;
	} cases[] = {
		{ { { STEP_ACCEPT_TCP }, { STEP_AWAIT_CLOSE }, { STEP_END } },
			{ .connect_ms = 200 }, "cannot be reached within 0.200 s" },
		{ { { STEP_ACCEPT }, { STEP_READ }, { STEP_AWAIT_CLOSE }, { STEP_END } },
			{ .idle_ms = 200 }, "did not answer within 0.200 s" },
		{ { { STEP_ACCEPT }, { STEP_READ },
			  { STEP_SEND, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf" },
			  { STEP_AWAIT_CLOSE }, { STEP_END } },
			{ .idle_ms = 200 }, "did not answer within 0.200 s" },
		{ { { STEP_ACCEPT }, { STEP_READ },
			  { STEP_SEND, "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n" },
			  { STEP_DRIP, "drip" }, { STEP_END } },
			{ .idle_ms = 200, .total_ms = 500 },
			"did not finish its answer within 0.500 s" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		int64_t start = clock_monotonic(), took;
		Fixture f = { 0 };

		g_test_message("case %zu", i);
		begin(&f, cases[i].steps);
		f.request.limits = cases[i].limits;
		fails(&f, SGP32_ERROR_TIMEOUT, cases[i].text);
		took = clock_monotonic() - start;
		g_assert_cmpint(took, >=, 190 * USEC_PER_MSEC);
		g_assert_cmpint(took, <, 5000 * USEC_PER_MSEC);
		server_join(f.server);
		end(&f);
	}
}

typedef struct Canceller {
	Server *server;
	PostCancel *cancel;
	int64_t at;
} Canceller;

static void *cancel_when_told(void *data)
{
	Canceller *canceller = data;

	server_wait_told(canceller->server);
	canceller->at = clock_monotonic();
	post_cancel_set(canceller->cancel);
	return NULL;
}

static void test_cancel_ends_every_wait_at_once(void)
{
	static const struct {
		Step steps[6];
	} cases[] = {
		{ { { STEP_ACCEPT_TCP }, { STEP_TELL }, { STEP_AWAIT_CLOSE }, { STEP_END } } },
		{ { { STEP_ACCEPT }, { STEP_READ }, { STEP_TELL }, { STEP_AWAIT_CLOSE },
			{ STEP_END } } },
		{ { { STEP_ACCEPT }, { STEP_READ },
			{ STEP_SEND, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf" },
			{ STEP_TELL }, { STEP_AWAIT_CLOSE }, { STEP_END } } },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		Fixture f = { 0 };
		Canceller canceller = { 0 };
		GThread *thread;
		int64_t took;

		begin(&f, cases[i].steps);
		f.cancel = post_cancel_new();
		canceller = (Canceller) { f.server, f.cancel, 0 };
		thread = g_thread_new("canceller", cancel_when_told, &canceller);
		fails(&f, SGP32_ERROR_CANCELLED, "");
		took = clock_monotonic() - canceller.at;
		g_thread_join(thread);
		/* Milliseconds; the rest is for a busy machine. */
		g_assert_cmpint(took, <, 200 * USEC_PER_MSEC);
		server_join(f.server);
		/* Once set it stays: nothing is sent. */
		fails(&f, SGP32_ERROR_CANCELLED, "");
		end(&f);
	}
}

/* ---- interface of the bearer ---- */

static void test_interface_resolves_and_connects_there(void)
{
	static const Step steps[] = { { STEP_ACCEPT }, { STEP_READ },
		{ STEP_SEND, ANSWER("a/b", 1, "1") }, { STEP_READ },
		{ STEP_SEND, ANSWER("a/b", 1, "2") }, { STEP_AWAIT_CLOSE }, { STEP_END } };
	NameServer names = { 0 };
	Fixture f = { 0 };

	name_server_start(&names);
	begin(&f, steps);
	f.request.host = "eim.lab.test";
	f.request.route = (HttpRoute) { "lo", (const char *const[]) { names.address, NULL } };
	posts(&f);
	posts(&f);
	answers(&f, "2");
	http_close(f.http);
	server_join(f.server);
	g_assert_cmpstr(f.server->server_name, ==, "eim.lab.test");
	/* A and AAAA, once within a run. */
	g_assert_cmpuint(names.questions, ==, 2);

	f.request.host = "nobody.invalid";
	fails(&f, SGP32_ERROR_NETWORK_UNAVAILABLE, "cannot resolve nobody.invalid on lo");
	g_assert_nonnull(hint(&f));
	end(&f);
	name_server_stop(&names);
}

static void test_interface_that_is_not_there_is_never_replaced(void)
{
	static const Step steps[] = { { STEP_END } };
	Fixture f = { 0 };

	begin(&f, steps);
	f.request.route.interface = "wwan77";
	fails(&f, SGP32_ERROR_NETWORK_UNAVAILABLE, "wwan77");
	f.request.host = "eim.lab.test";
	f.request.route.name_servers = (const char *const[]) { "127.0.0.1:5", NULL };
	fails(&f, SGP32_ERROR_NETWORK_UNAVAILABLE, "wwan77");
	end(&f);
}

static void test_interface_without_name_servers_says_so(void)
{
	static const Step steps[] = { { STEP_END } };
	Fixture f = { 0 };

	begin(&f, steps);
	f.request.host = "eim.lab.test";
	f.request.route = (HttpRoute) { "lo", (const char *const[]) { "nonsense", NULL } };
	fails(&f, SGP32_ERROR_NETWORK_UNAVAILABLE, "name servers of lo");
	end(&f);
}

static void *cancel_soon(void *data)
{
	Canceller *canceller = data;

	g_usleep(50 * 1000);
	canceller->at = clock_monotonic();
	post_cancel_set(canceller->cancel);
	return NULL;
}

static void test_silent_name_server_ends_in_time_or_by_cancel(void)
{
	static const Step steps[] = { { STEP_END } };
	NameServer names = { .silent = true };
	Canceller canceller = { 0 };
	Fixture f = { 0 };
	GThread *thread;

	name_server_start(&names);
	begin(&f, steps);
	f.request.host = "eim.lab.test";
	f.request.route = (HttpRoute) { "lo", (const char *const[]) { names.address, NULL } };
	f.request.limits.connect_ms = 200;
	fails(&f, SGP32_ERROR_TIMEOUT, "name servers of lo did not answer");

	f.request.limits.connect_ms = 0;
	f.cancel = post_cancel_new();
	canceller.cancel = f.cancel;
	thread = g_thread_new("canceller", cancel_soon, &canceller);
	fails(&f, SGP32_ERROR_CANCELLED, "");
	g_assert_cmpint(clock_monotonic() - canceller.at, <, 200 * USEC_PER_MSEC);
	g_thread_join(thread);
	end(&f);
	name_server_stop(&names);
}

/* ---- addresses ---- */

static void test_addresses(void)
{
	static const struct {
		const char *text, *host;
		uint16_t port;
	} good[] = {
		{ "eim.lab.test", "eim.lab.test", 443 },
		{ "eim.lab.test:8443", "eim.lab.test", 8443 },
		{ "EIM-1.Example.com.", "EIM-1.Example.com.", 443 },
		{ "localhost:1", "localhost", 1 },
		{ "192.0.2.1:65535", "192.0.2.1", 65535 },
		{ "[2001:db8::1]", "2001:db8::1", 443 },
		{ "[2001:db8::1]:444", "2001:db8::1", 444 },
	};
	static const char *const bad[] = { "", ":443", "host:", "host:0", "host:65536", "host:+1",
		"host:1a", "host name", "host/path", "user@host", "https://host", "a..b", ".a",
		"-a.b", "a-.b", "host\n", "h\xc3\xb6st", "[::1", "[host]", "[::1]x", "2001:db8::1",
		"host?x", "host#x", "host\\x", "host%00" };
	g_autofree char *longer = g_strnfill(300, 'a');
	g_autofree char *label = g_strnfill(64, 'a');

	for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
		g_autoptr(GError) error = NULL;
		g_autofree char *host = NULL;
		uint16_t port = 0;

		g_assert_true(http_authority_parse(good[i].text, 443, &host, &port, &error));
		g_assert_cmpstr(host, ==, good[i].host);
		g_assert_cmpuint(port, ==, good[i].port);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(bad) + 2; i++) {
		const char *text = i < G_N_ELEMENTS(bad) ? bad[i]
			: i == G_N_ELEMENTS(bad)         ? longer
							 : label;
		g_autoptr(GError) error = NULL;
		char *host = NULL;
		uint16_t port = 7;

		if (http_authority_parse(text, 443, &host, &port, &error))
			g_error("\"%s\" passes for an address", text);
		g_assert_error(error, SGP32_ERROR, SGP32_ERROR_INVALID_ARGUMENT);
		g_assert_null(host);
		g_assert_cmpuint(port, ==, 7);
	}
	g_assert_true(http_path_is_valid("/gsma/rsp2/asn1"));
	g_assert_false(http_path_is_valid("gsma"));
	g_assert_false(http_path_is_valid("/a b"));
	g_assert_false(http_path_is_valid("/a\r\nX: y"));
	g_assert_false(http_header_is_valid("a\r\nX: y"));
}

static void test_refuses_what_cannot_be_asked(void)
{
	static const Step steps[] = { { STEP_END } };
	static const char *const split[] = { "A: b\r\nC: d", NULL };
	Fixture f = { 0 };

	begin(&f, steps);
	f.request.trust = NULL;
	fails(&f, SGP32_ERROR_INVALID_ARGUMENT, "trusted");
	f.request.trust = pin;
	f.request.headers = split;
	fails(&f, SGP32_ERROR_INVALID_ARGUMENT, "header");
	f.request.headers = NULL;
	f.request.host = "a b";
	fails(&f, SGP32_ERROR_INVALID_ARGUMENT, "address");
	f.request.host = "127.0.0.1";
	f.request.path = "/a b";
	fails(&f, SGP32_ERROR_INVALID_ARGUMENT, "path");
	end(&f);
}

/* ---- another server ---- */

/* openssl s_server sends what it reads, and writes what it gets, among remarks of its own. */
typedef struct SServer {
	int in, out;
	GString *seen;
} SServer;

static bool s_server_read(SServer *server)
{
	char buffer[4096];
	ssize_t size = read(server->out, buffer, sizeof(buffer));

	if (size <= 0)
		return false;
	g_string_append_len(server->seen, buffer, size);
	return true;
}

static void *s_server_answer(void *data)
{
	static const char reply[] =
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\nyes";
	SServer *server = data;

	while (!strstr(server->seen->str, "question") && s_server_read(server))
		;
	g_assert_cmpint(write(server->in, reply, sizeof(reply) - 1), ==, sizeof(reply) - 1);
	while (s_server_read(server))
		;
	return NULL;
}

static void test_speaks_with_openssl_s_server(void)
{
	g_autofree char *dir = g_dir_make_tmp("net-XXXXXX", NULL);
	g_autofree char *cert_path = g_build_filename(dir, "cert.pem", NULL);
	g_autofree char *key_path = g_build_filename(dir, "key.pem", NULL);
	const char *argv[] = { "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", cert_path,
		"-key", key_path, "-tls1_2", "-naccept", "1", NULL };
	g_autofree char *program = g_find_program_in_path("openssl");
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) seen = g_string_new(NULL);
	SServer server = { .seen = seen };
	Fixture f = { 0 };
	static const Step steps[] = { { STEP_END } };
	const char *at = NULL;
	GThread *thread;
	GPid pid;

	if (!program) {
		g_test_skip("there is no openssl program");
		rmdir(dir);
		return;
	}
	cert_write_pem(cert, cert_path);
	cert_write_key(cert, key_path);
	begin(&f, steps);
	g_assert_true(g_spawn_async_with_pipes(NULL, (char **)argv, NULL,
		G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL | G_SPAWN_DO_NOT_REAP_CHILD, NULL,
		NULL, &pid, &server.in, &server.out, NULL, &error));
	while (!(at = strstr(seen->str, "ACCEPT 127.0.0.1:")) || !strchr(at, '\n'))
		g_assert_true(s_server_read(&server));
	f.request.port = strtoul(at + strlen("ACCEPT 127.0.0.1:"), NULL, 10);
	thread = g_thread_new("s_server", s_server_answer, &server);
	posts(&f);
	answers(&f, "yes");
	http_close(f.http);
	g_thread_join(thread);
	/* Its own words for close_notify and what it got. */
	g_assert_nonnull(strstr(seen->str, "POST /gsma/rsp2/asn1 HTTP/1.1"));
	g_assert_nonnull(strstr(seen->str, "ECDHE-ECDSA-AES128-GCM-SHA256"));
	g_assert_nonnull(strstr(seen->str, "shutting down SSL"));
	close(server.in);
	close(server.out);
	g_spawn_close_pid(pid);
	end(&f);
	unlink(cert_path);
	unlink(key_path);
	rmdir(dir);
}

int main(int argc, char **argv)
{
	static const CertSpec spec = { .name = "eim.lab.test",
		.san = "DNS:eim.lab.test,IP:127.0.0.1" };
	g_autoptr(GBytes) spki = NULL;
	int status;

	isolated = net_isolate();
	g_test_init(&argc, &argv, NULL);
	cert = cert_new(&spec);
	spki = cert_spki(cert);
	pin = trust_new_key(span_of(spki), NULL);
	g_assert_nonnull(pin);
	g_test_add_func("/http/posts-and-takes-the-answer", test_posts_and_takes_the_answer);
	g_test_add_func("/http/keeps-the-connection-and-ends-it-with-close-notify",
		test_keeps_the_connection_and_ends_it_with_close_notify);
	g_test_add_func("/http/resumes-a-session-of-tls-1.2", test_resumes_a_session_of_tls_1_2);
	g_test_add_func("/http/prefers-the-suites-of-the-specification",
		test_prefers_the_suites_of_the_specification);
	g_test_add_func("/http/takes-chunks", test_takes_chunks);
	g_test_add_func("/http/takes-204-without-a-body", test_takes_204_without_a_body);
	g_test_add_func("/http/takes-a-body-that-ends-with-the-connection",
		test_takes_a_body_that_ends_with_the_connection);
	g_test_add_func("/http/environment-sets-no-proxy", test_environment_sets_no_proxy);
	g_test_add_func("/http/configured-proxy-is-used", test_configured_proxy_is_used);
	g_test_add_func("/http/connects-again-after-the-server-closed",
		test_connects_again_after_the_server_closed);
	g_test_add_func("/http/repeats-a-repeatable-request-on-a-kept-connection-that-dies",
		test_repeats_a_repeatable_request_on_a_kept_connection_that_dies);
	g_test_add_func("/http/never-repeats-what-is-not-repeatable",
		test_never_repeats_what_is_not_repeatable);
	g_test_add_func("/http/answer-lost", test_answer_lost);
	g_test_add_func("/http/answer-malformed", test_answer_malformed);
	g_test_add_func("/http/limit-of-the-body-is-exact", test_limit_of_the_body_is_exact);
	g_test_add_func("/http/status-of-refusal", test_status_of_refusal);
	g_test_add_func("/http/no-server", test_no_server);
	g_test_add_func("/http/name-unknown", test_name_unknown);
	g_test_add_func("/http/hanging-server-ends-in-time", test_hanging_server_ends_in_time);
	g_test_add_func(
		"/http/cancel-ends-every-wait-at-once", test_cancel_ends_every_wait_at_once);
	g_test_add_func("/http/interface-resolves-and-connects-there",
		test_interface_resolves_and_connects_there);
	g_test_add_func("/http/interface-that-is-not-there-is-never-replaced",
		test_interface_that_is_not_there_is_never_replaced);
	g_test_add_func("/http/interface-without-name-servers-says-so",
		test_interface_without_name_servers_says_so);
	g_test_add_func("/http/silent-name-server-ends-in-time-or-by-cancel",
		test_silent_name_server_ends_in_time_or_by_cancel);
	g_test_add_func("/http/addresses", test_addresses);
	g_test_add_func("/http/refuses-what-cannot-be-asked", test_refuses_what_cannot_be_asked);
	g_test_add_func("/http/speaks-with-openssl-s-server", test_speaks_with_openssl_s_server);
	status = g_test_run();
	trust_unref(pin);
	cert_free(cert);
	return status;
}
