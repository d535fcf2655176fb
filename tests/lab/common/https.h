/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The HTTPS server of the lab's programs: HTTP/1.1 with keep-alive over TLS 1.2 and later (libevent,
 * OpenSSL), counters, and the faults of the transport.
 */
#pragma once

#include <event2/event.h>
#include <jansson.h>
#include <openssl/x509.h>

#include "base/bytes.h"
#include "base/error.h"
#include "lab/common/fault.h"

#define HTTPS_BODY_MAX (1024 * 1024)

typedef struct Https Https;
typedef struct HttpsRequest HttpsRequest;

/* Answers the request with https_reply, at once or later, exactly once. */
typedef void (*HttpsHandler)(HttpsRequest *request, void *user);

typedef struct HttpsConfig {
	struct event_base *base;
	const char *listen; /* ADDRESS:PORT, [ADDRESS]:PORT; port 0: any */
	const char *certificate, *key; /* PEM; the chain may follow the certificate */
	FaultList *faults;
	HttpsHandler handler;
	void *user;
	/* Header that every answer carries, "X-Admin-Protocol" and its value; may be NULL. */
	const char *header_name, *header_value;
} HttpsConfig;

/* Errors: NotFound, InvalidArgument (certificate, key), Failed (address in use). */
Https *https_new(const HttpsConfig *config, GError **error) SGP32_CHECK;
void https_free(Https *https);

/* Where it listens: the port that was found for port 0. */
int https_port(const Https *https);
/* Closes the connections that wait for their next request, so that the next one needs a handshake. Not
 * from a handler. */
void https_close_idle(Https *https);
/* {"requests","connections","handshakes_failed","orderly_closes","bytes_in","bytes_out"}: octets on the
 * wire, TLS included. A new reference. */
json_t *https_stats(const Https *https);

const char *https_request_method(const HttpsRequest *request);
/* Path without the query. */
const char *https_request_path(const HttpsRequest *request);
/* NULL if the header is absent. */
const char *https_request_header(const HttpsRequest *request, const char *name);
Span https_request_body(const HttpsRequest *request);

/* body.data == NULL: no body (204 and errors). fault (may be NULL, stays the caller's) is committed here
 * if it is one of the transport. The request is gone afterwards. */
void https_reply(
	HttpsRequest *request, int status, const char *content_type, Span body, const Fault *fault);
