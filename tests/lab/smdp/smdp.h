/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The SM-DP+ of the lab. What it knows is server->state:
 *
 *   profiles      [ profile ]: see order.c
 *   notifications [ {"time","event","seq","iccid","address","eid","verified",…} ]
 */
#pragma once

#include "lab/common/bsp.h"
#include "lab/common/notice.h"
#include "lab/common/rsp.h"

typedef struct Smdp {
	Rsp *rsp;
	char *host; /* as in activation codes */
} Smdp;

#define SMDP(server) ((Smdp *)(server)->own)

/* ---- order.c: profiles and the verbs about them ---- */
extern const LabVerb smdp_verbs[];
/* The profile for a matching id, or, without one, that waits for the EID. Refusals of 5.6.3. */
json_t *order_match(LabServer *server, const char *matching_id, Span eid, RspStatus *status);
json_t *order_by_iccid(LabServer *server, const char *iccid);
json_t *order_by_transaction(LabServer *server, const char *transaction_id);
/* Saves too. reason may be NULL. */
void order_set_state(LabServer *server, json_t *profile, const char *state, const char *reason);

/* ---- metadata.c: what a profile consists of ---- */
/* StoreMetadataRequest BF25; other_name: with a name that differs. */
GBytes *metadata_encode(json_t *profile, bool other_name);
/* The profile elements, as many octets as the profile's size asks for, or its own body. */
GBytes *metadata_body(json_t *profile);

/* ---- bpp.c ---- */
typedef struct BppInput {
	json_t *profile; /* its binding is made, or used again for the same otPK.EUICC */
	const PkiSet *set;
	Span transaction_id, eid;
	Span otpk_euicc; /* 65 octets */
	const Fault *fault; /* bad-signature, metadata-mismatch, bad-mac; may be NULL */
} BppInput;

/* BF36. Errors: InvalidArgument (otPK not on the curve). */
GBytes *bpp_build(const BppInput *input, GError **error) SGP32_CHECK;

/* ---- es9.c ---- */
extern const char *const es9_functions[];
void es9_handle(HttpsRequest *request, void *user);

/* ---- notification.c ---- */
/* ProfileInstallationResult or OtherSignedNotification: checked, kept, acted on. */
void notification_take(LabServer *server, Span pending);
