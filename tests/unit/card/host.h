/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A host in front of the software eUICC, for its tests: APDUs, ES10 commands, packages of an eIM.
 */
#pragma once

#include "lab/card/euicc.h"
#include "lab/common/crypto.h"

#define BOOTSTRAP "8988211000000000003"
#define BOOTSTRAP_BCD "988812010000000000f3"

typedef struct Host {
	char *dir; /* of everything */
	char *card; /* folder of the card */
	Euicc *euicc;
	EVP_PKEY *eim_key; /* the one of digest 15.2 */
	uint16_t sw; /* of the last command */
	bool started; /* channel 1 is open and has the ISD-R */
} Host;

/* A card as create says (pki is filled in); NULL: with a bootstrap profile. The certificates are made
 * once for all tests of a program. */
Host *host_new(const EuiccCreate *create);
void host_free(Host *host);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Host, host_free)
/* Folder of the certificates. */
const char *host_pki(void);
/* One of the folders that are wrong in one thing (lab-pki --negative). */
char *host_pki_negative(const char *name);
/* Takes the card out of its folder again, as after a power cut. */
void host_reopen(Host *host);

GBytes *hex_bytes(const char *hex);
void assert_span_hex(Span actual, const char *expected);

/* One APDU; the answer without its status word, which is in host->sw. NULL: the card vanished. */
GBytes *host_apdu(Host *host, Span apdu);
GBytes *host_apdu_hex(Host *host, const char *hex);
/* Expects that status word, and that answer if it is not NULL. */
void host_expect(Host *host, const char *apdu, uint16_t sw, const char *answer);

/* One ES10 command on channel 1 (opened if need be), blocks and GET RESPONSE included. */
GBytes *host_es10(Host *host, Span command);
GBytes *host_es10_hex(Host *host, const char *hex);
/* Expects 9000 or 91xx and that answer. */
void host_es10_expect(Host *host, const char *command, const char *answer);
/* FETCH and TERMINAL RESPONSE of the REFRESH, then the reset a modem does. */
void host_refresh(Host *host);
void host_reset(Host *host);

/* ---- the eIM "eim1" of the tests ---- */
/* AddInitialEim; with a token. */
void host_add_eim(Host *host);
/* BF51 with a PSMO (A0…) or eCO (A1…) list, signed for that token. */
GBytes *host_package(Host *host, int64_t counter, int64_t token, const char *list);
/* Loads it, expects a signed result of the card's key and that list of results (content of its 30).
 * Its number. */
int64_t host_load_expect(Host *host, int64_t counter, const char *list, const char *results);
/* The entry of EimConfigurationData: 30 {…} for id, with the key of the tests. */
char *host_eim_entry(Host *host, const char *id, const char *fields);
json_t *host_show(Host *host);
/* Members of the state, as JSON text: "profiles", "seq". */
char *host_member(Host *host, const char *member);
/* A second profile, disabled, put into the card's folder by hand: ICCID of digits, other members as JSON
 * (may be NULL). The card is opened again. */
void host_add_profile(Host *host, const char *iccid, const char *members);
const char *host_enabled(Host *host); /* ICCID, NULL: none; until the next call */
/* Checks the signature of an answer's 30 {…} by the card's certificate: signed || token object. */
void host_check_signature(Host *host, Span signed_part, int64_t token, Span signature);
