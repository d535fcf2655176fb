/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * HTTPS client of one worker thread: POST over a pool of connections that is kept within a run, closed
 * in an orderly way (close_notify) at its end. libcurl with OpenSSL; nothing but TLS 1.2 or later, no
 * redirects, no cookies, no proxy from the environment. Trust comes from trust.h and cannot be switched
 * off: connections are never shared between two trusts or two bearers.
 *
 * Errors of every call: NetworkUnavailable (resolve, connect, reset, end in mid-answer), Timeout,
 * TlsUntrusted, ServerRefused (details carry the HTTP status), ServerMalformed, Cancelled,
 * InvalidArgument. They carry a hint where the reader can do something.
 */
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "base/post.h"
#include "net/trust.h"

/* 0 in a member: the default. */
typedef struct HttpLimits {
	size_t body_max; /* octets of the answer's body; default HTTP_BODY_MAX */
	uint32_t connect_ms; /* name, TCP and TLS together; default 30 000 */
	uint32_t idle_ms; /* without an octet either way, once connected; default 60 000 */
	uint32_t total_ms; /* default 300 000 */
} HttpLimits;

#define HTTP_BODY_MAX ((size_t)64 * 1024)
#define HTTP_BODY_MAX_BPP ((size_t)1024 * 1024)

/* The way out. Binding to an interface binds the questions to the name servers too. */
typedef struct HttpRoute {
	const char *interface; /* NULL: whatever the routing table says */
	/* With an interface: the name servers of that bearer, "10.0.0.1" or "[2001:db8::1]:53". NULL or
	 * empty: those of resolv.conf, as far as they are not on this host. */
	const char *const *name_servers;
} HttpRoute;

typedef struct HttpRequest {
	const char *host; /* checked by http_authority_parse() */
	uint16_t port;
	const char *path; /* "/gsma/rsp2/asn1" */
	const char *const *headers; /* "Name: value"; NULL-terminated; may be NULL */
	Span body;
	Trust *trust;
	HttpRoute route;
	HttpLimits limits;
	/* The least that the time can be (clock_plausible()), seconds since 1970, for the validity of
	 * certificates; 0: clock_plausible(0). */
	int64_t now;
	/* True: sent again by itself when a kept connection turns out to be closed and nothing had been
	 * received. False for what a server must not see twice. */
	bool repeatable;
} HttpRequest;

typedef struct HttpAnswer {
	unsigned status; /* 200 to 299 */
	char *content_type; /* NULL if absent */
	GBytes *body; /* never NULL */
} HttpAnswer;

void http_answer_clear(HttpAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HttpAnswer, http_answer_clear)

/* Octets of TCP payload (TLS included) as the kernel counts them, and what they were needed for. */
typedef struct HttpCount {
	uint64_t up, down;
	uint32_t connections, requests;
} HttpCount;

typedef struct HttpOptions {
	const char *proxy; /* NULL: none. "http://host:port" or "socks5h://…" */
} HttpOptions;

typedef struct Http Http;

/* options may be NULL. Errors: NotSupported with a libcurl whose TLS is not OpenSSL. */
Http *http_new(const HttpOptions *options, GError **error) SGP32_CHECK;
/* Closes, then frees. */
void http_free(Http *http);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Http, http_free)

/* Waits for the answer, the limits, or cancel (may be NULL). ret is filled on status 200 to 299 only. */
bool http_post(Http *http, const HttpRequest *request, PostCancel *cancel, HttpAnswer *ret,
	GError **error) SGP32_CHECK;
/* The end of a run: close_notify on every connection. TLS sessions are kept for a shorter next
 * handshake. */
void http_close(Http *http);
/* All since http_new(). */
HttpCount http_count(Http *http);

/* "host", "host:port", "192.0.2.1", "[2001:db8::1]:443" as a host name of at most 253 octets and a port.
 * Errors: InvalidArgument, with what is wrong. */
bool http_authority_parse(const char *text, uint16_t default_port, char **ret_host,
	uint16_t *ret_port, GError **error) SGP32_CHECK;
/* A DNS name, or an IP address without brackets. */
bool http_host_is_valid(const char *host);
/* A path for a URL: begins with "/", printable ASCII without space, "?" and "#". */
bool http_path_is_valid(const char *path);
/* A value for a header: printable ASCII. */
bool http_header_is_valid(const char *value);
