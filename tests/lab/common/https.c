/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lab/common/https.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lab/common/crypto.h"

#define OVERSIZE_DEFAULT (16 * 1024 * 1024)

typedef struct Stats {
	uint64_t requests, connections, failed, orderly, in, out;
} Stats;

struct Https {
	struct event_base *base;
	struct evhttp *http;
	SSL_CTX *good, *wrong;
	FaultList *faults;
	HttpsHandler handler;
	void *user;
	const char *header_name, *header_value;
	int port;
	Stats stats;
	GPtrArray *connections; /* Connection, all that are open */
};

/* One TLS connection; it lives as long as its SSL. */
typedef struct Connection {
	Https *https;
	SSL *ssl;
	struct evhttp_connection *evcon; /* NULL before the first request */
	bool handshaken, orderly;
	unsigned pending; /* requests without an answer */
	struct event *end; /* a close that is due later */
} Connection;

struct HttpsRequest {
	struct evhttp_request *evreq;
	Connection *connection;
	char *path;
};

static int ssl_slot = -1;

/* ---- TLS ---- */
static void connection_gone(
	void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	Connection *connection = ptr;
	Https *https;
	BIO *bio;

	if (!connection)
		return;
	https = connection->https;
	bio = SSL_get_rbio(connection->ssl);
	if (bio) {
		https->stats.in += BIO_number_read(bio);
		https->stats.out += BIO_number_written(bio);
	}
	if (!connection->handshaken)
		https->stats.failed++;
	else if (connection->orderly)
		https->stats.orderly++;
	if (connection->end)
		event_free(connection->end);
	g_ptr_array_remove_fast(https->connections, connection);
	g_free(connection);
}

static void tls_info(const SSL *ssl, int where, int value)
{
	Connection *connection = SSL_get_ex_data(ssl, ssl_slot);

	if (!connection)
		return;
	if ((where & SSL_CB_HANDSHAKE_DONE) && !connection->handshaken) {
		connection->handshaken = true;
		connection->https->stats.connections++;
	}
	/* close_notify, sent by the client before our own */
	if (where == SSL_CB_READ_ALERT && (value & 0xff) == SSL_AD_CLOSE_NOTIFY)
		connection->orderly = true;
}

static SSL_CTX *new_context(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	g_assert(ctx);
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_info_callback(ctx, tls_info);
	return ctx;
}

static SSL_CTX *good_context(const char *certificate, const char *key, GError **error)
{
	SSL_CTX *ctx = new_context();

	if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1)
		sgp32_fail(error, SGP32_ERROR_NOT_FOUND, "%s: no certificate", certificate);
	else if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		sgp32_fail(error, SGP32_ERROR_NOT_FOUND, "%s: no key, or not the right one", key);
	else
		return ctx;
	ERR_clear_error();
	SSL_CTX_free(ctx);
	return NULL;
}

/* The same names under a key that nobody knows, signed by itself. */
static SSL_CTX *wrong_context(const char *certificate, GError **error)
{
	g_autoptr(EVP_PKEY) key = crypto_key_generate(CRYPTO_CURVE_P256);
	g_autoptr(X509) wrong = crypto_certificate_load(certificate, error);
	SSL_CTX *ctx;

	if (!wrong)
		return NULL;
	ctx = new_context();
	X509_set_issuer_name(wrong, X509_get_subject_name(wrong));
	X509_set_pubkey(wrong, key);
	X509_sign(wrong, key, EVP_sha256());
	SSL_CTX_use_certificate(ctx, wrong);
	SSL_CTX_use_PrivateKey(ctx, key);
	return ctx;
}

static struct bufferevent *accept_connection(struct event_base *base, void *user)
{
	Https *https = user;
	bool wrong = fault_take_wrong_cert(https->faults);
	SSL *ssl = SSL_new(wrong ? https->wrong : https->good);
	Connection *connection = g_new0(Connection, 1);
	struct bufferevent *bev;

	g_assert(ssl);
	connection->https = https;
	connection->ssl = ssl;
	SSL_set_ex_data(ssl, ssl_slot, connection);
	g_ptr_array_add(https->connections, connection);
	bev = bufferevent_openssl_socket_new(
		base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	g_assert(bev);
	return bev;
}

/* ---- ends that are not HTTP's own ---- */
static void reset_now(evutil_socket_t fd, short what, void *user)
{
	Connection *connection = user;
	struct bufferevent *bev = evhttp_connection_get_bufferevent(connection->evcon);
	struct sockaddr nowhere = { .sa_family = AF_UNSPEC };

	/* No close_notify and no FIN: to disconnect a TCP socket sends RST. */
	SSL_set_quiet_shutdown(connection->ssl, 1);
	connect(bufferevent_getfd(bev), &nowhere, sizeof(nowhere));
	evhttp_connection_free(connection->evcon);
}

static void close_now(evutil_socket_t fd, short what, void *user)
{
	Connection *connection = user;

	evhttp_connection_free(connection->evcon);
}

/* libevent has let go of the connection; its SSL may stay a little. */
static void connection_closed(struct evhttp_connection *evcon, void *user)
{
	Connection *connection = user;

	connection->evcon = NULL;
	if (connection->end)
		event_del(connection->end);
}

/* The connection ends outside of the callback that asks for it: libevent still uses it there. */
static void end_later(Connection *connection, bool reset, double seconds)
{
	struct timeval delay = { .tv_sec = (time_t)seconds,
		.tv_usec = (suseconds_t)((seconds - (time_t)seconds) * 1e6) };

	if (connection->end)
		return;
	connection->end = event_new(
		connection->https->base, -1, 0, reset ? reset_now : close_now, connection);
	event_add(connection->end, &delay);
}

/* Text straight to the peer, past libevent's own HTTP. */
static void write_raw(Connection *connection, const char *head, Span body)
{
	struct bufferevent *bev = evhttp_connection_get_bufferevent(connection->evcon);

	bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
	bufferevent_enable(bev, EV_WRITE);
	bufferevent_write(bev, head, strlen(head));
	bufferevent_write(bev, body.data, body.size);
}

/* ---- requests ---- */
static void handle(struct evhttp_request *evreq, void *user)
{
	Https *https = user;
	struct evhttp_connection *evcon = evhttp_request_get_connection(evreq);
	SSL *ssl = bufferevent_openssl_get_ssl(evhttp_connection_get_bufferevent(evcon));
	Connection *connection = SSL_get_ex_data(ssl, ssl_slot);
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(evreq));
	HttpsRequest *request = g_new0(HttpsRequest, 1);

	if (!connection->evcon) {
		int on = 1, fd = bufferevent_getfd(evhttp_connection_get_bufferevent(evcon));

		evhttp_connection_set_closecb(evcon, connection_closed, connection);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	}
	connection->evcon = evcon;
	connection->pending++;
	https->stats.requests++;
	request->evreq = evreq;
	request->connection = connection;
	request->path = g_strdup(path && *path ? path : "/");
	https->handler(request, https->user);
}

const char *https_request_method(const HttpsRequest *request)
{
	switch (evhttp_request_get_command(request->evreq)) {
	case EVHTTP_REQ_GET: return "GET";
	case EVHTTP_REQ_POST: return "POST";
	case EVHTTP_REQ_HEAD: return "HEAD";
	case EVHTTP_REQ_PUT: return "PUT";
	default: return "?";
	}
}

const char *https_request_path(const HttpsRequest *request)
{
	return request->path;
}

const char *https_request_header(const HttpsRequest *request, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(request->evreq), name);
}

Span https_request_body(const HttpsRequest *request)
{
	struct evbuffer *buffer = evhttp_request_get_input_buffer(request->evreq);
	size_t size = evbuffer_get_length(buffer);
	const uint8_t *data = evbuffer_pullup(buffer, -1);

	return (Span) { data ? data : (const uint8_t *)"", data ? size : 0 };
}

static void request_free(HttpsRequest *request)
{
	request->connection->pending--;
	g_free(request->path);
	g_free(request);
}

static void send_reply(
	HttpsRequest *request, int status, const char *type, Span body, size_t announced)
{
	Https *https = request->connection->https;
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request->evreq);
	struct evbuffer *buffer = evbuffer_new();

	if (https->header_name)
		evhttp_add_header(headers, https->header_name, https->header_value);
	if (body.data) {
		if (type)
			evhttp_add_header(headers, "Content-Type", type);
		evbuffer_add(buffer, body.data, body.size);
	}
	if (announced) {
		g_autofree char *text = g_strdup_printf("%zu", announced);

		evhttp_add_header(headers, "Content-Length", text);
		evhttp_add_header(headers, "Connection", "close");
	} else if (!body.data && status != 204) {
		evhttp_add_header(headers, "Content-Length", "0");
	}
	evhttp_send_reply(request->evreq, status, NULL, buffer);
	evbuffer_free(buffer);
}

static void reply_slowly(HttpsRequest *request, const char *type, Span body, const Fault *fault)
{
	g_autofree char *head = g_strdup_printf("HTTP/1.1 200 OK\r\nContent-Type: %s\r\n"
						"Connection: close\r\n\r\n",
		type ? type : "application/octet-stream");

	write_raw(request->connection, head, body);
	end_later(request->connection, false,
		fault->argument ? g_ascii_strtod(fault->argument, NULL) : 3);
}

static void reply_oversize(HttpsRequest *request, const char *type, Span body, const Fault *fault)
{
	size_t size = fault->argument ? strtoul(fault->argument, NULL, 10) : OVERSIZE_DEFAULT;
	g_autofree uint8_t *huge = g_malloc0(size + 1);

	/* It starts like the right one: only the size gives it away. */
	memset(huge, ' ', size);
	memcpy(huge, body.data ? body.data : (const uint8_t *)"", MIN(size, body.size));
	send_reply(request, 200, type, span(huge, size), 0);
}

void https_reply(
	HttpsRequest *request, int status, const char *content_type, Span body, const Fault *fault)
{
	uint8_t garbage[64];

	switch (fault ? fault->kind : FAULT_NONE) {
	case FAULT_HANG:
		/* Stays as it is until the client gives up or the program ends. */
		break;
	case FAULT_RESET: end_later(request->connection, true, 0); break;
	case FAULT_HTTP: send_reply(request, atoi(fault->name), NULL, (Span) { NULL, 0 }, 0); break;
	case FAULT_HALF_BODY:
		send_reply(request, status, content_type, span(body.data, body.size / 2),
			MAX(body.size, 1));
		break;
	case FAULT_TRUNCATED:
		send_reply(request, status, content_type, span(body.data, body.size / 2), 0);
		break;
	case FAULT_GARBAGE:
		crypto_random(garbage, sizeof(garbage));
		send_reply(request, 200, content_type, SPAN_ARRAY(garbage), 0);
		break;
	case FAULT_OVERSIZE: reply_oversize(request, content_type, body, fault); break;
	case FAULT_SLOW_CLOSE: reply_slowly(request, content_type, body, fault); break;
	default: send_reply(request, status, content_type, body, 0); break;
	}
	request_free(request);
}

/* ---- the server ---- */
static bool split_address(const char *text, char **ret_host, int *ret_port)
{
	const char *colon = strrchr(text, ':');
	char *end;
	long port;

	if (!colon)
		return false;
	port = strtol(colon + 1, &end, 10);
	if (*end || end == colon + 1 || port < 0 || port > 65535)
		return false;
	if (text[0] == '[' && colon > text + 1 && colon[-1] == ']')
		*ret_host = g_strndup(text + 1, colon - text - 2);
	else
		*ret_host = g_strndup(text, colon - text);
	*ret_port = port;
	return true;
}

static int bound_port(int fd)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		return -1;
	if (address.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
	return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

static bool https_bind(Https *https, const char *listen, GError **error)
{
	struct evhttp_bound_socket *bound;
	g_autofree char *host = NULL;
	int port;

	if (!split_address(listen, &host, &port))
		return sgp32_fail(
			error, SGP32_ERROR_INVALID_ARGUMENT, "%s: not ADDRESS:PORT", listen);
	bound = evhttp_bind_socket_with_handle(https->http, host, port);
	if (!bound)
		return sgp32_fail(error, SGP32_ERROR_FAILED, "cannot listen on %s: %s", listen,
			evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
	https->port = bound_port(evhttp_bound_socket_get_fd(bound));
	return true;
}

Https *https_new(const HttpsConfig *config, GError **error)
{
	Https *https = g_new0(Https, 1);

	if (ssl_slot < 0)
		ssl_slot = SSL_get_ex_new_index(0, NULL, NULL, NULL, connection_gone);
	https->base = config->base;
	https->faults = config->faults;
	https->handler = config->handler;
	https->user = config->user;
	https->header_name = config->header_name;
	https->header_value = config->header_value;
	https->connections = g_ptr_array_new();
	https->http = evhttp_new(config->base);
	evhttp_set_bevcb(https->http, accept_connection, https);
	evhttp_set_gencb(https->http, handle, https);
	evhttp_set_max_body_size(https->http, HTTPS_BODY_MAX);
	evhttp_set_max_headers_size(https->http, 16384);
	evhttp_set_allowed_methods(https->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST);
	https->good = good_context(config->certificate, config->key, error);
	https->wrong = https->good ? wrong_context(config->certificate, error) : NULL;
	if (!https->wrong || !https_bind(https, config->listen, error)) {
		https_free(https);
		return NULL;
	}
	return https;
}

void https_free(Https *https)
{
	if (!https)
		return;
	evhttp_free(https->http);
	/* libevent frees the TLS of the connections in its loop. */
	event_base_loop(https->base, EVLOOP_NONBLOCK);
	SSL_CTX_free(https->good);
	SSL_CTX_free(https->wrong);
	g_ptr_array_unref(https->connections);
	g_free(https);
}

int https_port(const Https *https)
{
	return https->port;
}

void https_close_idle(Https *https)
{
	for (guint i = https->connections->len; i > 0; i--) {
		Connection *connection = g_ptr_array_index(https->connections, i - 1);

		if (connection->evcon && connection->pending == 0)
			evhttp_connection_free(connection->evcon);
	}
}

json_t *https_stats(const Https *https)
{
	Stats stats = https->stats;

	for (guint i = 0; i < https->connections->len; i++) {
		Connection *connection = g_ptr_array_index(https->connections, i);
		BIO *bio = SSL_get_rbio(connection->ssl);

		stats.in += bio ? BIO_number_read(bio) : 0;
		stats.out += bio ? BIO_number_written(bio) : 0;
	}
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "requests", (json_int_t)stats.requests,
		"connections", (json_int_t)stats.connections, "handshakes_failed",
		(json_int_t)stats.failed, "orderly_closes", (json_int_t)stats.orderly, "bytes_in",
		(json_int_t)stats.in, "bytes_out", (json_int_t)stats.out);
}
