/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the answers of a download hold, the same from an SM-DP+ (es9plus.h) and from an eIM (esipa.h).
 * Every GBytes is one whole DER object, tag included, as received, unless it says otherwise.
 */
#pragma once

#include "base/bytes.h"

/* InitiateAuthentication. That serverSigned1 names the same transaction and the address that was asked
 * is checked by the caller (SGP.32 digest 7.1 step 3). */
typedef struct RspInitiated {
	GBytes *transaction_id; /* the octets alone, 1 to 16 */
	GBytes *server_signed1; /* 30 */
	GBytes *server_signature1; /* 5F37 */
	GBytes *euicc_ci_pk_id_to_be_used; /* 04 */
	GBytes *server_certificate; /* 30 */
	char *matching_id; /* eIM only; may be NULL. Secret: wiped */
	GBytes *ctx_params1; /* A0, eIM only; may be NULL: the eIM's eimCtxParams1Generation */
} RspInitiated;

typedef struct RspEvent {
	char *event_id;
	char *rsp_server_address;
} RspEvent;

/* AuthenticateClient: a profile (smdp_signed2 set), the events of an SM-DS (events set, perhaps empty),
 * or the eIM's download trigger for an event it found (download_trigger set). */
typedef struct RspAuthenticated {
	GBytes *profile_metadata; /* BF25; NULL if the eIM verifies it itself */
	GBytes *smdp_signed2; /* 30 */
	GBytes *smdp_signature2; /* 5F37 */
	GBytes *smdp_certificate; /* 30 */
	GBytes *hash_cc; /* 04, eIM only; may be NULL */
	GPtrArray *events; /* of RspEvent; NULL unless from an SM-DS */
	GBytes *download_trigger; /* BF54, eIM only; may be NULL */
} RspAuthenticated;

void rsp_event_free(RspEvent *event);
void rsp_initiated_clear(RspInitiated *initiated);
void rsp_authenticated_clear(RspAuthenticated *authenticated);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(RspInitiated, rsp_initiated_clear)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(RspAuthenticated, rsp_authenticated_clear)
