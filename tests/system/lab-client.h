/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The other side of the lab's servers, for their tests: starts a server on a free port of the loopback,
 * speaks HTTPS by libcurl, asks its verbs, and plays the eUICC with the keys of the PKI folder.
 */
#pragma once

#include <jansson.h>

#include "lab/common/bsp.h"
#include "lab/common/crypto.h"

#define LAB_EID "89049032123451234512345678901235"

/* ---- server ---- */
typedef struct LabClient {
	char *program, *dir, *pki, *control;
	const char *host; /* "smdp.lab.test" */
	char *ca; /* PEM that its TLS certificate is checked with */
	GPid pid;
	int out;
	int port;
	void *curl; /* keeps its connection */
} LabClient;

/* Makes the PKI in a new folder; ends the test program if it cannot. */
char *lab_pki_new(void);
void lab_remove_tree(const char *dir);
/* name: the folder of its state below dir. extra: more arguments, NULL at the end; may be NULL. */
LabClient *lab_client_start(const char *program, const char *dir, const char *name,
	const char *host, const char *ca, const char *const *extra);
void lab_client_stop(LabClient *client);
/* Ends the program and starts it again on its state. */
void lab_client_restart(LabClient *client);

/* A verb; the test fails if the answer is no. data may be NULL, else it is a new reference. */
char *lab_client_verb(LabClient *client, json_t **ret_data, ...) G_GNUC_NULL_TERMINATED;
/* The same, whether it is yes or no. */
bool lab_client_try(LabClient *client, char **ret_text, ...) G_GNUC_NULL_TERMINATED;

typedef struct LabAnswer {
	long http; /* 0: no answer */
	int curl; /* CURLcode */
	GByteArray *body;
	char *type;
	bool admin_protocol; /* the header X-Admin-Protocol came */
} LabAnswer;

LabAnswer *lab_client_post(LabClient *client, const char *path, const char *type, Span body);
void lab_answer_free(LabAnswer *answer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LabAnswer, lab_answer_free)
/* Drops the kept connection. */
void lab_client_hang_up(LabClient *client);

/* ---- eUICC ---- */
typedef struct LabEuicc {
	uint8_t eid[16];
	EVP_PKEY *key;
	GBytes *certificate, *eum; /* DER */
	GBytes *ci_ski;
	CryptoCurve curve;
	EVP_PKEY *otsk;
	int64_t seq;
	uint8_t challenge[16];
} LabEuicc;

/* set: "nist", "brainpool" */
LabEuicc *lab_euicc_new(const char *pki, const char *set);
void lab_euicc_free(LabEuicc *euicc);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LabEuicc, lab_euicc_free)

GBytes *lab_euicc_info1(const LabEuicc *euicc);
/* AuthenticateServerResponse ok. matching_id NULL: none. */
GBytes *lab_euicc_authenticate(LabEuicc *euicc, Span server_signed1, const char *matching_id);
/* PrepareDownloadResponse ok; a new otPK unless there is one. code NULL: no hash. */
GBytes *lab_euicc_prepare(
	LabEuicc *euicc, Span transaction_id, Span smdp_signature2, const char *code);
/* BPP to metadata (BF25) and profile elements; asserts all that a card checks, smdpSign with dppb too. */
void lab_euicc_install(
	LabEuicc *euicc, Span bpp, X509 *dppb, GBytes **ret_metadata, GBytes **ret_body);
/* ProfileInstallationResult; reason 0: success. */
GBytes *lab_euicc_pir(LabEuicc *euicc, Span transaction_id, const char *oid, const char *address,
	const char *iccid, int command, int reason);
/* OtherSignedNotification; event: bit 1 enable, 2 disable, 3 delete. */
GBytes *lab_euicc_notification(LabEuicc *euicc, int event, const char *address, const char *iccid);
GBytes *lab_euicc_cancel(LabEuicc *euicc, Span transaction_id, const char *oid, int reason);
/* 30{…} content with signature over it and more, as "30… 5F37…". */
GByteArray *lab_euicc_signed(LabEuicc *euicc, uint32_t tag, GByteArray *content, Span more);

/* Verifies with the openssl tool, which shares no code with the lab. */
bool lab_openssl_verifies(X509 *certificate, Span data, Span signature);
