/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/http.h"

#include "base/clock.h"
#include "net/pipe-guard.h"
#include "net/resolve.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADERS_MAX (32 * 1024)
#define CONTENT_TYPE_MAX 128
#define PEERS_MAX 8
#define POLL_MS_MAX 1000

/* A connection of the pool, for counting. */
typedef struct HttpSocket {
	int fd;
	uint64_t up, down;
} HttpSocket;

/*
 * One server under one trust over one interface. Each has a pool of its own: libcurl does not know what
 * a trust is and would use a connection again that another one had vouched for.
 */
typedef struct HttpPeer {
	Http *http;
	char *host;
	uint16_t port;
	char *name; /* for texts */
	char *interface;
	Trust *trust;
	TrustCheck *check;
	CURLM *multi; /* NULL between runs */
	CURL *easy; /* keeps the TLS sessions */
	struct curl_slist *addresses; /* for CURLOPT_RESOLVE, within a run */
	int64_t used;
	int bind_errno;
} HttpPeer;

struct Http {
	GPtrArray *peers;
	GArray *sockets; /* of HttpSocket, open ones */
	HttpCount count;
	char *proxy;
};

/* One request under way. */
typedef struct HttpExchange {
	HttpPeer *peer;
	const HttpRequest *request;
	HttpLimits limits;
	GByteArray *body;
	size_t headers_size;
	bool body_too_large, headers_too_large;
	bool connected;
	bool chunked;
	bool lost; /* a kept connection died under a request that is not repeatable */
	size_t sent;
	unsigned retry_after; /* seconds, of the answer */
	char error_text[CURL_ERROR_SIZE];
} HttpExchange;

void http_answer_clear(HttpAnswer *answer)
{
	g_clear_pointer(&answer->content_type, g_free);
	g_clear_pointer(&answer->body, wipe_bytes_unref);
}

/* ---- sockets: binding and counting ---- */

static void socket_count(Http *http, HttpSocket *sock)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);

	if (getsockopt(sock->fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
		return;
	http->count.up += info.tcpi_bytes_sent - sock->up;
	http->count.down += info.tcpi_bytes_received - sock->down;
	sock->up = info.tcpi_bytes_sent;
	sock->down = info.tcpi_bytes_received;
}

static uint64_t sockets_count(Http *http)
{
	for (unsigned i = 0; i < http->sockets->len; i++)
		socket_count(http, &g_array_index(http->sockets, HttpSocket, i));
	return http->count.up + http->count.down;
}

static int socket_close(void *data, curl_socket_t fd)
{
	Http *http = data;

	for (unsigned i = 0; i < http->sockets->len; i++) {
		HttpSocket *sock = &g_array_index(http->sockets, HttpSocket, i);

		if (sock->fd != fd)
			continue;
		socket_count(http, sock);
		g_array_remove_index_fast(http->sockets, i);
		break;
	}
	return close(fd);
}

/* ---- peers ---- */

static void peer_close(HttpPeer *peer)
{
	/* libcurl sends close_notify on what is still open. */
	if (peer->multi)
		curl_multi_cleanup(peer->multi);
	peer->multi = NULL;
	curl_slist_free_all(peer->addresses);
	peer->addresses = NULL;
}

static void peer_free(HttpPeer *peer)
{
	peer_close(peer);
	curl_easy_cleanup(peer->easy);
	trust_check_free(peer->check);
	trust_unref(peer->trust);
	g_free(peer->host);
	g_free(peer->name);
	g_free(peer->interface);
	g_free(peer);
}

static HttpPeer *peer_new(Http *http, const HttpRequest *request)
{
	HttpPeer *peer = g_new0(HttpPeer, 1);

	peer->http = http;
	peer->host = g_strdup(request->host);
	peer->port = request->port;
	if (request->port == 443)
		peer->name = g_strdup(request->host);
	else if (strchr(request->host, ':'))
		peer->name = g_strdup_printf("[%s]:%u", request->host, request->port);
	else
		peer->name = g_strdup_printf("%s:%u", request->host, request->port);
	peer->interface = g_strdup(request->route.interface);
	peer->trust = trust_ref(request->trust);
	peer->check = trust_check_new(request->trust, request->host);
	peer->easy = curl_easy_init();
	return peer;
}

static HttpPeer *peer_get(Http *http, const HttpRequest *request)
{
	HttpPeer *peer = NULL;
	unsigned oldest = 0;

	for (unsigned i = 0; i < http->peers->len; i++) {
		HttpPeer *one = http->peers->pdata[i];

		if (trust_equal(one->trust, request->trust) && one->port == request->port &&
			g_ascii_strcasecmp(one->host, request->host) == 0 &&
			g_strcmp0(one->interface, request->route.interface) == 0)
			peer = one;
		if (one->used < ((HttpPeer *)http->peers->pdata[oldest])->used)
			oldest = i;
	}
	if (!peer) {
		if (http->peers->len >= PEERS_MAX)
			g_ptr_array_remove_index_fast(http->peers, oldest);
		peer = peer_new(http, request);
		g_ptr_array_add(http->peers, peer);
	}
	peer->used = clock_monotonic();
	if (!peer->multi)
		peer->multi = curl_multi_init();
	return peer;
}

static bool backend_check(GError **error)
{
	const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

	/* With several, the ones in parentheses are not in use. */
	if (info->ssl_version && g_str_has_prefix(info->ssl_version, "OpenSSL/"))
		return true;
	sgp32_fail(error, SGP32_ERROR_NOT_SUPPORTED, "this libcurl does its TLS with %s",
		info->ssl_version ? info->ssl_version : "nothing");
	if (error)
		sgp32_error_set_hint(
			*error, "install the OpenSSL flavour of libcurl (Debian: libcurl4)");
	return false;
}

Http *http_new(const HttpOptions *options, GError **error)
{
	static gsize once;
	Http *http;

	if (g_once_init_enter(&once)) {
		curl_global_init(CURL_GLOBAL_DEFAULT);
		g_once_init_leave(&once, 1);
	}
	if (!backend_check(error))
		return NULL;
	http = g_new0(Http, 1);
	http->peers = g_ptr_array_new_with_free_func((GDestroyNotify)peer_free);
	http->sockets = g_array_new(FALSE, FALSE, sizeof(HttpSocket));
	http->proxy = g_strdup(options ? options->proxy : NULL);
	return http;
}

void http_close(Http *http)
{
	PipeGuard guard = pipe_guard_begin();

	for (unsigned i = 0; i < http->peers->len; i++)
		peer_close(http->peers->pdata[i]);
	pipe_guard_end(guard);
}

void http_free(Http *http)
{
	if (!http)
		return;
	http_close(http);
	g_ptr_array_unref(http->peers);
	g_array_unref(http->sockets);
	g_free(http->proxy);
	g_free(http);
}

HttpCount http_count(Http *http)
{
	sockets_count(http);
	return http->count;
}

/* ---- callbacks of libcurl ---- */

static curl_socket_t socket_open(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
	HttpExchange *exchange = data;
	HttpPeer *peer = exchange->peer;
	HttpSocket sock = { 0 };

	/* libcurl begins again where a kept connection dies before the answer. */
	if (exchange->sent) {
		exchange->lost = true;
		return CURL_SOCKET_BAD;
	}
	sock.fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	if (sock.fd < 0)
		return CURL_SOCKET_BAD;
	/* CURLOPT_INTERFACE falls back to the address of the interface where binding to the device
	 * fails: then routes decide. Here it has to succeed. */
	peer->bind_errno = peer->interface ? resolve_bind_socket(sock.fd, peer->interface) : 0;
	if (peer->bind_errno) {
		close(sock.fd);
		return CURL_SOCKET_BAD;
	}
	g_array_append_val(peer->http->sockets, sock);
	return sock.fd;
}

static CURLcode prepare_tls(CURL *easy, void *ssl_ctx, void *data)
{
	HttpExchange *exchange = data;

	/* libcurl leaves tickets of TLS 1.2 out; with them a poll costs a third of a full handshake. */
	SSL_CTX_clear_options(ssl_ctx, SSL_OP_NO_TICKET);
	return trust_check_configure(exchange->peer->check, ssl_ctx, NULL) ? CURLE_OK
									   : CURLE_SSL_CERTPROBLEM;
}

/* The connection stands, nothing is sent yet: the last look at who is there. */
static int before_request(void *data, char *their_ip, char *our_ip, int their_port, int our_port)
{
	HttpExchange *exchange = data;
	struct curl_tlssessioninfo *session = NULL;

	exchange->connected = true;
	if (curl_easy_getinfo(exchange->peer->easy, CURLINFO_TLS_SSL_PTR, &session) != CURLE_OK ||
		!session || session->backend != CURLSSLBACKEND_OPENSSL || !session->internals)
		return CURL_PREREQFUNC_ABORT;
	if (!trust_check_finished(exchange->peer->check, session->internals, NULL))
		return CURL_PREREQFUNC_ABORT;
	return CURL_PREREQFUNC_OK;
}

static size_t take_header(char *data, size_t one, size_t size, void *user)
{
	static const char retry_after[] = "Retry-After:",
			  transfer_encoding[] = "Transfer-Encoding:";
	HttpExchange *exchange = user;

	exchange->headers_size += size;
	if (exchange->headers_size > HEADERS_MAX) {
		exchange->headers_too_large = true;
		return 0;
	}
	if (g_ascii_strncasecmp(data, "HTTP/", MIN(size, 5)) == 0)
		exchange->chunked = false;
	if (size > sizeof(transfer_encoding) &&
		g_ascii_strncasecmp(data, transfer_encoding, sizeof(transfer_encoding) - 1) == 0)
		exchange->chunked = true;
	if (size > sizeof(retry_after) &&
		g_ascii_strncasecmp(data, retry_after, sizeof(retry_after) - 1) == 0) {
		g_autofree char *value =
			g_strndup(data + sizeof(retry_after) - 1, size - sizeof(retry_after) + 1);
		uint64_t seconds;

		if (g_ascii_string_to_unsigned(g_strstrip(value), 10, 1, 86400, &seconds, NULL))
			exchange->retry_after = seconds;
	}
	return size;
}

static size_t take_body(char *data, size_t one, size_t size, void *user)
{
	HttpExchange *exchange = user;

	if (size > exchange->limits.body_max - exchange->body->len) {
		exchange->body_too_large = true;
		return 0;
	}
	g_byte_array_append(exchange->body, (const uint8_t *)data, size);
	return size;
}

/* Only for what is not repeatable: unlike CURLOPT_POSTFIELDS it can refuse to begin again. */
static size_t give_body(char *data, size_t one, size_t max, void *user)
{
	HttpExchange *exchange = user;
	size_t size = MIN(max, exchange->request->body.size - exchange->sent);

	memcpy(data, exchange->request->body.data + exchange->sent, size);
	exchange->sent += size;
	return size;
}

static int rewind_body(void *user, curl_off_t offset, int origin)
{
	HttpExchange *exchange = user;

	if (exchange->sent == 0)
		return CURL_SEEKFUNC_OK;
	exchange->lost = true;
	return CURL_SEEKFUNC_FAIL;
}

/* ---- errors ---- */

G_GNUC_PRINTF(4, 5)
static bool fail_hint(GError **error, Sgp32Error code, const char *hint, const char *format, ...)
{
	va_list args;

	if (!error)
		return false;
	va_start(args, format);
	*error = g_error_new_valist(SGP32_ERROR, code, format, args);
	va_end(args);
	if (hint)
		sgp32_error_set_hint(*error, hint);
	return false;
}

static const char check_address[] = "check the address of the server and the path of its binding";

static const struct {
	long status;
	const char *word, *hint;
} statuses[] = {
	{ 400, " (bad request)" },
	{ 401, " (forbidden)", "the server wants to know this device first: ask its operator" },
	{ 403, " (forbidden)", "the server wants to know this device first: ask its operator" },
	{ 404, " (not found)", check_address },
	{ 405, " (method not allowed)", check_address },
	{ 415, " (unsupported content type)",
		"check the content type that is set for this server" },
	{ 429, " (too many requests)", "try again later" },
	{ 500, " (internal error)" },
	{ 502, " (not available)", "try again later" },
	{ 503, " (not available)", "try again later" },
	{ 504, " (not available)", "try again later" },
};

static bool fail_status(const HttpExchange *exchange, long status, GError **error)
{
	const char *hint = NULL, *word = "";
	g_autofree char *later = NULL;

	if (!error)
		return false;
	for (size_t i = 0; i < G_N_ELEMENTS(statuses); i++)
		if (statuses[i].status == status) {
			word = statuses[i].word;
			hint = statuses[i].hint;
		}
	if (status < 400) {
		word = " (redirection, which is not followed)";
		hint = check_address;
	}
	if (exchange->retry_after)
		hint = later = g_strdup_printf("try again in %u s", exchange->retry_after);
	fail_hint(error, SGP32_ERROR_SERVER_REFUSED, hint, "%s answered with HTTP status %ld%s",
		exchange->peer->name, status, word);
	sgp32_error_set_http(*error, status);
	return false;
}

static bool fail_too_large(const HttpExchange *exchange, GError **error)
{
	if (exchange->headers_too_large)
		return sgp32_fail(error, SGP32_ERROR_SERVER_MALFORMED,
			"the headers of the answer of %s are longer than the limit of %d octets",
			exchange->peer->name, HEADERS_MAX);
	return sgp32_fail(error, SGP32_ERROR_SERVER_MALFORMED,
		"the answer of %s is longer than the limit of %zu octets", exchange->peer->name,
		exchange->limits.body_max);
}

static bool fail_timeout(
	const HttpExchange *exchange, const char *what, uint32_t ms, GError **error)
{
	return fail_hint(error, SGP32_ERROR_TIMEOUT,
		"check the connection, and whether the server is up", "%s %s within %u.%03u s",
		exchange->peer->name, what, ms / 1000, ms % 1000);
}

static bool fail_tls(const HttpExchange *exchange, CURLcode code, GError **error)
{
	const GError *failure = trust_check_failure(exchange->peer->check);

	if (failure) {
		if (error)
			*error = g_error_copy(failure);
		return false;
	}
	if (code == CURLE_SSL_CONNECT_ERROR)
		return fail_hint(error, SGP32_ERROR_NETWORK_UNAVAILABLE, "try again later",
			"the connection with %s broke off in the TLS handshake",
			exchange->peer->name);
	return sgp32_fail(error, SGP32_ERROR_TLS_UNTRUSTED, "%s is not trusted: %s",
		exchange->peer->name, exchange->error_text);
}

static bool fail_curl(const HttpExchange *exchange, CURLcode code, GError **error)
{
	const HttpPeer *peer = exchange->peer;
	const char *text = *exchange->error_text ? exchange->error_text : curl_easy_strerror(code);
	long number = 0;

	if (exchange->lost)
		return fail_hint(error, SGP32_ERROR_NETWORK_UNAVAILABLE, "try again later",
			"the connection with %s was lost under a request that must not be repeated",
			peer->name);
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return fail_hint(error, SGP32_ERROR_NETWORK_UNAVAILABLE,
			"check the connection and the name of the server", "cannot resolve %s",
			peer->host);
	case CURLE_COULDNT_CONNECT:
	case CURLE_INTERFACE_FAILED:
		if (peer->bind_errno)
			return fail_hint(error, SGP32_ERROR_NETWORK_UNAVAILABLE,
				"check whether the bearer is connected",
				"cannot use the interface %s: %s", peer->interface,
				g_strerror(peer->bind_errno));
		curl_easy_getinfo(peer->easy, CURLINFO_OS_ERRNO, &number);
		return fail_hint(error, SGP32_ERROR_NETWORK_UNAVAILABLE,
			"check the connection, and whether the server is up",
			"cannot connect to %s: %s", peer->name, number ? g_strerror(number) : text);
	case CURLE_OPERATION_TIMEDOUT:
		return fail_timeout(
			exchange, "cannot be reached", exchange->limits.connect_ms, error);
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_ABORTED_BY_CALLBACK: return fail_tls(exchange, code, error);
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
		/* Of what is wrong with chunks libcurl tells only in words. */
		if (strstr(text, "Chunked") || strstr(text, "chunk"))
			return sgp32_fail(error, SGP32_ERROR_SERVER_MALFORMED,
				"the answer of %s has malformed chunks", peer->name);
		return fail_hint(error, SGP32_ERROR_NETWORK_UNAVAILABLE, "try again later",
			"the connection with %s broke off before the end of the answer: %s",
			peer->name, text);
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_HTTP_RETURNED_ERROR:
	case CURLE_BAD_CONTENT_ENCODING:
		return sgp32_fail(error, SGP32_ERROR_SERVER_MALFORMED,
			"the answer of %s cannot be understood: %s", peer->name, text);
	default: return sgp32_fail(error, SGP32_ERROR_FAILED, "%s: %s", peer->name, text);
	}
}

/* ---- one exchange ---- */

static HttpLimits limits_complete(HttpLimits limits)
{
	if (!limits.body_max)
		limits.body_max = HTTP_BODY_MAX;
	if (!limits.connect_ms)
		limits.connect_ms = 30 * 1000;
	if (!limits.idle_ms)
		limits.idle_ms = 60 * 1000;
	if (!limits.total_ms)
		limits.total_ms = 300 * 1000;
	return limits;
}

/* With an interface: the addresses as its name servers know them. */
static bool exchange_resolve(
	HttpExchange *exchange, PostCancel *cancel, int64_t deadline, GError **error)
{
	HttpPeer *peer = exchange->peer;
	g_auto(GStrv) addresses = NULL;
	g_autoptr(GString) entry = NULL;
	uint8_t binary[16];

	if (!peer->interface || peer->addresses || peer->http->proxy ||
		inet_pton(AF_INET, peer->host, binary) == 1 ||
		inet_pton(AF_INET6, peer->host, binary) == 1)
		return true;
	addresses = resolve_host(peer->host, &exchange->request->route, cancel, deadline, error);
	if (!addresses)
		return false;
	entry = g_string_new(NULL);
	g_string_append_printf(entry, "%s:%u:", peer->host, peer->port);
	for (unsigned i = 0; addresses[i]; i++)
		g_string_append_printf(entry, strchr(addresses[i], ':') ? "%s[%s]" : "%s%s",
			i ? "," : "", addresses[i]);
	peer->addresses = curl_slist_append(NULL, entry->str);
	return true;
}

static struct curl_slist *request_headers(const HttpRequest *request)
{
	/* What libcurl adds by itself and nobody needs. */
	struct curl_slist *headers = curl_slist_append(NULL, "Expect:");

	headers = curl_slist_append(headers, "Accept:");
	for (unsigned i = 0; request->headers && request->headers[i]; i++)
		headers = curl_slist_append(headers, request->headers[i]);
	return headers;
}

static void exchange_setup(
	HttpExchange *exchange, const char *url, struct curl_slist *headers, uint32_t connect_ms)
{
	const HttpRequest *request = exchange->request;
	HttpPeer *peer = exchange->peer;
	CURL *easy = peer->easy;

	curl_easy_reset(easy);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* "" keeps the environment out. */
	curl_easy_setopt(easy, CURLOPT_PROXY, peer->http->proxy ? peer->http->proxy : "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
	/* A cancelled question to the system's resolver ends by itself later. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->error_text);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
	if (peer->addresses)
		curl_easy_setopt(easy, CURLOPT_RESOLVE, peer->addresses);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, socket_open);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, exchange);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, socket_close);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, peer->http);

	/* Trust is trust.c's: libcurl loads no certificates. Its own look at the host name is a second
	 * one; a pinned key has no name. */
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, trust_needs_name(peer->trust) ? 2L : 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, prepare_tls);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, exchange);
	curl_easy_setopt(easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, exchange);

	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.size);
	if (request->repeatable) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
			request->body.size ? (const char *)request->body.data : "");
	} else {
		curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body);
		curl_easy_setopt(easy, CURLOPT_READDATA, exchange);
		curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, rewind_body);
		curl_easy_setopt(easy, CURLOPT_SEEKDATA, exchange);
	}
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
	curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)exchange->limits.body_max);
}

/* Drives the transfer to its end; *ret_code is libcurl's. Errors: Timeout, Cancelled. */
static bool exchange_drive(HttpExchange *exchange, PostCancel *cancel, int64_t deadline,
	CURLcode *ret_code, GError **error)
{
	HttpPeer *peer = exchange->peer;
	int64_t idle = exchange->limits.idle_ms * USEC_PER_MSEC;
	int64_t moved = clock_monotonic();
	uint64_t octets = 0;
	bool was_connected = false;

	for (;;) {
		struct curl_waitfd extra = { .fd = cancel ? post_cancel_fd(cancel) : -1,
			.events = CURL_WAIT_POLLIN };
		int running = 0, left;
		int64_t now, wait;
		CURLMsg *message;
		uint64_t count;

		if (post_cancel_is_set(cancel))
			return sgp32_fail(error, SGP32_ERROR_CANCELLED, "cancelled");
		curl_multi_perform(peer->multi, &running);
		while ((message = curl_multi_info_read(peer->multi, &left)))
			if (message->msg == CURLMSG_DONE) {
				*ret_code = message->data.result;
				return true;
			}

		now = clock_monotonic();
		count = sockets_count(peer->http);
		if (count != octets || exchange->connected != was_connected)
			moved = now;
		octets = count;
		was_connected = exchange->connected;
		if (now >= deadline)
			return fail_timeout(exchange, "did not finish its answer",
				exchange->limits.total_ms, error);
		wait = deadline - now;
		/* Until the connection stands, CURLOPT_CONNECTTIMEOUT_MS counts. */
		if (exchange->connected) {
			if (now >= moved + idle)
				return fail_timeout(exchange, "did not answer",
					exchange->limits.idle_ms, error);
			wait = MIN(wait, moved + idle - now);
		}
		wait = MIN((wait + USEC_PER_MSEC - 1) / USEC_PER_MSEC, POLL_MS_MAX);
		curl_multi_poll(peer->multi, &extra, cancel ? 1 : 0, wait, NULL);
	}
}

static char *content_type_copy(CURL *easy)
{
	char *type = NULL;

	curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
	return type && http_header_is_valid(type) && strlen(type) <= CONTENT_TYPE_MAX
		? g_strdup(type)
		: NULL;
}

/* An answer whose end is the end of the connection is whole only if the server says so by close_notify. */
static bool exchange_is_whole(const HttpExchange *exchange, long status)
{
	curl_off_t size = -1;

	curl_easy_getinfo(exchange->peer->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &size);
	return status == 204 || size >= 0 || exchange->chunked ||
		trust_check_closed(exchange->peer->check);
}

static bool exchange_judge(HttpExchange *exchange, CURLcode code, HttpAnswer *ret, GError **error)
{
	HttpPeer *peer = exchange->peer;
	long status = 0;

	curl_easy_getinfo(peer->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code != CURLE_OK && (exchange->lost || !exchange->connected || status < 200))
		status = 0;
	/* A refusal counts, whatever became of the page that explains it. */
	if (status >= 300)
		return fail_status(exchange, status, error);
	if (exchange->headers_too_large || exchange->body_too_large ||
		code == CURLE_FILESIZE_EXCEEDED)
		return fail_too_large(exchange, error);
	if (code != CURLE_OK)
		return fail_curl(exchange, code, error);
	if (status < 200)
		return sgp32_fail(error, SGP32_ERROR_SERVER_MALFORMED,
			"%s answered with HTTP status %ld, which cannot end an answer", peer->name,
			status);
	if (!exchange_is_whole(exchange, status))
		return fail_hint(error, SGP32_ERROR_NETWORK_UNAVAILABLE, "try again later",
			"the connection with %s broke off before the end of the answer",
			peer->name);
	ret->status = status;
	ret->content_type = content_type_copy(peer->easy);
	ret->body = g_byte_array_free_to_bytes(g_steal_pointer(&exchange->body));
	return true;
}

static bool request_check(const HttpRequest *request, GError **error)
{
	if (!request->trust)
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "nobody is trusted");
	if (!http_host_is_valid(request->host) || !request->port)
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "no address of a server");
	if (!http_path_is_valid(request->path))
		return sgp32_fail(
			error, SGP32_ERROR_INVALID_ARGUMENT, "the path is not one of a URL");
	if (request->route.interface &&
		(!*request->route.interface || strlen(request->route.interface) > 15))
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "no name of an interface");
	for (unsigned i = 0; request->headers && request->headers[i]; i++)
		if (!http_header_is_valid(request->headers[i]))
			return sgp32_fail(
				error, SGP32_ERROR_INVALID_ARGUMENT, "a header is not printable");
	return true;
}

static bool exchange_run(
	HttpExchange *exchange, PostCancel *cancel, HttpAnswer *ret, GError **error)
{
	const HttpRequest *request = exchange->request;
	HttpPeer *peer = exchange->peer;
	int64_t begin = clock_monotonic();
	int64_t connect_by = begin + exchange->limits.connect_ms * USEC_PER_MSEC;
	int64_t deadline = begin + exchange->limits.total_ms * USEC_PER_MSEC;
	g_autofree char *url = NULL;
	struct curl_slist *headers;
	CURLcode code = CURLE_OK;
	int64_t left;
	bool ok;

	if (!exchange_resolve(exchange, cancel, MIN(connect_by, deadline), error))
		return false;
	left = (MIN(connect_by, deadline) - clock_monotonic()) / USEC_PER_MSEC;
	url = g_strdup_printf(strchr(peer->host, ':') ? "https://[%s]:%u%s" : "https://%s:%u%s",
		peer->host, peer->port, request->path);
	headers = request_headers(request);
	trust_check_begin(peer->check, request->now ? request->now : clock_plausible(0));
	peer->bind_errno = 0;
	exchange_setup(exchange, url, headers, MAX(left, 1));
	curl_multi_add_handle(peer->multi, peer->easy);
	ok = exchange_drive(exchange, cancel, deadline, &code, error) &&
		exchange_judge(exchange, code, ret, error);

	long connections = 0;

	curl_easy_getinfo(peer->easy, CURLINFO_NUM_CONNECTS, &connections);
	peer->http->count.connections += connections;
	peer->http->count.requests++;
	/* Closes the connection where the answer is not complete. */
	curl_multi_remove_handle(peer->multi, peer->easy);
	curl_easy_reset(peer->easy);
	curl_slist_free_all(headers);
	sockets_count(peer->http);
	/* Addresses that did not work are asked for again. */
	if (!ok && !exchange->connected)
		peer_close(peer);
	return ok;
}

bool http_post(
	Http *http, const HttpRequest *request, PostCancel *cancel, HttpAnswer *ret, GError **error)
{
	HttpExchange exchange = { .request = request, .limits = limits_complete(request->limits) };
	PipeGuard guard;
	bool ok;

	if (!request_check(request, error))
		return false;
	if (post_cancel_is_set(cancel))
		return sgp32_fail(error, SGP32_ERROR_CANCELLED, "cancelled");
	guard = pipe_guard_begin();
	exchange.peer = peer_get(http, request);
	exchange.body = g_byte_array_new();
	ok = exchange_run(&exchange, cancel, ret, error);
	if (exchange.body)
		g_byte_array_unref(exchange.body);
	pipe_guard_end(guard);
	return ok;
}
