/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An SM-DP+ in a few lines for the tests of the card: it signs what a card must accept, and what it must
 * not.
 */
#pragma once

#include "card/host.h"
#include "lab/common/bsp.h"

typedef struct Server {
	const char *pki; /* another folder of certificates */
	const char *ci; /* "nist" or "brainpool" */
	const char *auth, *pb; /* names of the certificates: "dpauth", "dppb" */
	const char *address;
	const char *metadata; /* hex of the content of BF25 */
	size_t size; /* octets of profile elements */
	bool ppk; /* with ReplaceSessionKeys */
	bool bad_signature1, bad_challenge, bad_signature2, bad_bpp_signature, bad_transaction;
	uint8_t key_type, operation; /* 0: as they should be */
	unsigned damaged; /* the n-th protected segment has a wrong octet; 0: none */
	GBytes *bound_to; /* bppEuiccOtpk: a package was bound to that key before (borrowed) */
	/* As the session goes on. */
	GBytes *challenge, *signed2_signature, *signature1, *card_point;
} Server;

void server_clear(Server *server);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Server, server_clear)

#define SERVER_METADATA(iccid) "5a0a" iccid " 91025350 92025031 b60f300d800204f08107736d64702e6578"

/* Each sends its command and gives the answer; the state of the server follows. */
GBytes *server_challenge(Server *server, Host *host);
GBytes *server_authenticate(Server *server, Host *host);
GBytes *server_prepare(Server *server, Host *host);
/* The chains of the bound profile package, ready for ES10. */
GPtrArray *server_package(Server *server);
/* Sends them until one is answered with data; that answer (BF37), or NULL with the status word. */
GBytes *server_load(Server *server, Host *host);
/* All of it; the answer of the last step. */
GBytes *server_download(Server *server, Host *host);
/* Error code of A1{80,02 code} in an answer; 0: A0. */
int server_code(GBytes *answer);
/* bppCommandId << 8 | errorReason of a PIR; 0: success. Checks the signature (card of nist only). */
int server_pir(Host *host, GBytes *pir);
