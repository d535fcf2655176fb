/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A TLS server on loopback that follows a script, step by step, in a thread of its own; and the
 * certificates for it.
 */
#pragma once

#include "base/bytes.h"

#include <openssl/ssl.h>

/* ---- certificates ---- */
typedef struct Cert {
	X509 *x509;
	EVP_PKEY *key;
} Cert;

typedef struct CertSpec {
	const char *curve; /* NULL: P-256 */
	const char *name; /* CN */
	const char *san; /* as in openssl.cnf; NULL: none */
	const char *usage; /* extendedKeyUsage; NULL: none */
	bool ca;
	int begins, ends; /* days from now; 0, 0: -1 to 30 */
	const Cert *issuer; /* NULL: itself */
	const Cert *same_key; /* NULL: a new one */
} CertSpec;

Cert *cert_new(const CertSpec *spec);
void cert_free(Cert *cert);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Cert, cert_free)
GBytes *cert_der(const Cert *cert);
GBytes *cert_spki(const Cert *cert);
void cert_write_pem(const Cert *cert, const char *path);
void cert_write_key(const Cert *cert, const char *path);

/* ---- server ---- */
typedef enum StepKind {
	STEP_END,
	STEP_ACCEPT, /* TCP and TLS; fails the test if the handshake does */
	STEP_ACCEPT_REFUSED, /* TCP, and a handshake that the client breaks off */
	STEP_ACCEPT_TCP, /* TCP alone */
	STEP_READ, /* one request, kept in requests */
	STEP_READ_NONE, /* the client closes without a request */
	STEP_SEND, /* text; count octets of it unless 0 */
	STEP_SEND_MANY, /* text, count times, until the client goes away */
	STEP_DRIP, /* text, one octet each 50 ms, until the client goes away */
	STEP_TELL, /* raises the event of the server */
	STEP_CLOSE, /* close_notify and FIN */
	STEP_DROP, /* FIN alone */
	STEP_RESET, /* RST */
	STEP_AWAIT_CLOSE, /* the client closes; close_notify is counted */
} StepKind;

typedef struct Step {
	StepKind kind;
	const char *text;
	unsigned count;
} Step;

typedef struct ServerOptions {
	const char *suites; /* OpenSSL's words; NULL: its own choice */
	int max_version; /* 0: TLS 1.3 */
	const Cert *chain; /* sent too */
} ServerOptions;

typedef struct Server {
	uint16_t port;
	int event; /* eventfd of STEP_TELL */
	/* What was seen: read after server_join(). */
	GPtrArray *requests; /* char *, headers and body */
	unsigned handshakes, resumed, close_notifies;
	char *suite;
	char *server_name; /* SNI */

	/* own */
	int fd, stop;
	SSL_CTX *ctx;
	GThread *thread;
	const Step *steps;
	char *failure;
} Server;

/* options may be NULL; steps must outlive the server. */
Server *server_new(const Cert *cert, const ServerOptions *options, const Step *steps);
/* Waits for the end of the script; fails the test if it did not come to its end. */
void server_join(Server *server);
/* Joins unless that was done. */
void server_free(Server *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Server, server_free)
/* Waits for STEP_TELL. */
void server_wait_told(Server *server);

#define ANSWER(type, size, body)                                                                   \
	"HTTP/1.1 200 OK\r\nContent-Type: " type "\r\nContent-Length: " #size "\r\n\r\n" body

/* ---- name server ---- */
/* On loopback: knows every host of lab.test as 127.0.0.1 and no other, or does not answer at all. */
typedef struct NameServer {
	int fd;
	bool silent;
	char *address; /* "127.0.0.1:port" */
	unsigned questions;
	GThread *thread;
} NameServer;

void name_server_start(NameServer *server);
void name_server_stop(NameServer *server);

/* ---- namespace ---- */
/* A network namespace of our own with loopback, so that no packet leaves: false if that is not possible
 * here. Before any thread. */
bool net_isolate(void);
