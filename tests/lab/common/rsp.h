/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mutual authentication as SM-DP+ and SM-DS do it on ES9+ and ES11 (SGP.22 5.6.1 to 5.6.3), JSON binding.
 */
#pragma once

#include "lab/common/server.h"

/* Subject and reason code of SGP.22; subject NULL: success. */
typedef struct RspStatus {
	const char *subject, *reason;
	char message[160];
} RspStatus;

typedef struct RspSession {
	uint8_t id[16]; /* transactionId */
	char *id_text; /* upper-case hex */
	const PkiSet *set; /* whose certificates this server uses */
	uint8_t euicc_challenge[16], server_challenge[16];
	char *address; /* serverAddress */
	/* After authenticateClient. */
	bool authenticated;
	uint8_t eid[16];
	X509 *euicc;
	GBytes *euicc_der, *eum_der;
	uint8_t euicc_signature1[CRYPTO_SIGNATURE_SIZE];
	char *matching_id; /* "" if absent or empty */
	GBytes *euicc_info2; /* BF22, whole */
	/* Of the program. */
	void *own;
	GDestroyNotify free_own;
} RspSession;

typedef struct Rsp Rsp;

/* host: the name, with a port if it is not 443, that clients use. */
Rsp *rsp_new(LabServer *server, const char *host);
void rsp_free(Rsp *rsp);

/* Refuses: returns false, for one-line guards. */
bool rsp_fail(RspStatus *status, const char *subject, const char *reason, const char *format, ...)
	G_GNUC_PRINTF(4, 5);
/* Answers with reply (stolen, NULL for none), the header made from status. */
void rsp_reply(HttpsRequest *request, json_t *reply, const RspStatus *status, const Fault *fault);

/* The session of the member transactionId; NULL and 8.10.1/3.9 if there is none. */
RspSession *rsp_session(Rsp *rsp, json_t *request, RspStatus *status);
void rsp_session_end(Rsp *rsp, RspSession *session);

/* initiateAuthentication: fills reply. Faults: wrong-address, bad-signature, wrong-transaction. */
bool rsp_initiate(Rsp *rsp, json_t *request, json_t *reply, const Fault *fault, RspStatus *status);
/* The first half of authenticateClient: who the eUICC is. On failure the session has ended. */
RspSession *rsp_authenticate(Rsp *rsp, json_t *request, RspStatus *status);
/* cancelSession: checks; ret_reason -1 if the eUICC answered with an error. The session is still there. */
RspSession *rsp_cancel(Rsp *rsp, json_t *request, int64_t *ret_reason, RspStatus *status);
