/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ESipa: the functions of an eIM (SGP.32 5.14, 6), whichever binding carries them.
 *
 * Errors beside those of http.h: ServerRefused with the number of the specification's enumeration in the
 * details for an error that the eIM answered; ServerMalformed for an answer that cannot be understood.
 */
#pragma once

#include "net/http.h"
#include "net/rsp.h"

#define ESIPA_USER_AGENT "gsma-rsp-ipad"
#define ESIPA_PATH "/gsma/rsp2/asn1"
#define ESIPA_CONTENT_TYPE "application/x-gsma-rsp-asn1"

typedef enum EsipaBinding { ESIPA_HTTPS_ASN1, ESIPA_N_BINDINGS } EsipaBinding;

typedef struct EsipaPeer {
	EsipaBinding binding;
	const char *eim_id; /* for texts */
	const char *fqdn; /* "host" or "host:port" */
	Trust *trust;
	HttpRoute route; /* its strings must outlive the Esipa */
	HttpLimits
		limits; /* body_max is that of the bound profile package; default HTTP_BODY_MAX_BPP */
	const char *path; /* NULL: ESIPA_PATH */
	const char *content_type; /* NULL: ESIPA_CONTENT_TYPE */
	const char *user_agent; /* NULL: ESIPA_USER_AGENT */
	int64_t now; /* as in HttpRequest */
} EsipaPeer;

typedef struct Esipa Esipa;

/* http must outlive it. Errors: InvalidArgument if fqdn, path or a header value is none. */
Esipa *esipa_new(const EsipaPeer *peer, Http *http, GError **error) SGP32_CHECK;
void esipa_free(Esipa *esipa);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Esipa, esipa_free)

/* ---- GetEimPackage ---- */
typedef struct EsipaPackageQuestion {
	Span eid; /* 16 octets */
	bool notify_state_change;
	int state_change_cause; /* StateChangeCause; < 0: absent */
	Span r_plmn; /* 3 octets as in TS 24.008; absent if unknown */
} EsipaPackageQuestion;

typedef enum EsipaPackageKind {
	ESIPA_NO_PACKAGE, /* noEimPackageAvailable */
	ESIPA_EUICC_PACKAGE, /* BF51 EuiccPackageRequest */
	ESIPA_DATA_REQUEST, /* BF52 IpaEuiccDataRequest */
	ESIPA_DOWNLOAD_TRIGGER, /* BF54 ProfileDownloadTriggerRequest */
	ESIPA_UNKNOWN_PACKAGE, /* another tag: to be answered with unknownPackage */
} EsipaPackageKind;

typedef struct EsipaPackage {
	EsipaPackageKind kind;
	GBytes *bytes; /* the whole TLV as received; NULL for ESIPA_NO_PACKAGE */
} EsipaPackage;

void esipa_package_clear(EsipaPackage *package);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(EsipaPackage, esipa_package_clear)

/* The package itself is not looked into: a malformed one is answered, not dropped. */
bool esipa_get_eim_package(Esipa *esipa, const EsipaPackageQuestion *question, PostCancel *cancel,
	EsipaPackage *ret, GError **error) SGP32_CHECK;

/* ---- ProvideEimPackageResult ---- */
typedef struct EsipaAcknowledgements {
	/* False: the eIM answered with an empty response; nothing may be removed. */
	bool given;
	GArray *sequence_numbers; /* of int64_t; never NULL; empty if none */
} EsipaAcknowledgements;

void esipa_acknowledgements_clear(EsipaAcknowledgements *acknowledgements);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(EsipaAcknowledgements, esipa_acknowledgements_clear)

/* eim_package_result: one EimPackageResult TLV: BF51, 30 (with notifications), BF52, BF54 or A0 (error). */
bool esipa_provide_eim_package_result(Esipa *esipa, Span eid, Span eim_package_result,
	PostCancel *cancel, EsipaAcknowledgements *ret, GError **error) SGP32_CHECK;

/* ---- HandleNotification ---- */
/* notification: a PendingNotification (BF37, 30, or compact A0, A1), or BF50 around a result. */
bool esipa_handle_notification(
	Esipa *esipa, Span notification, PostCancel *cancel, GError **error) SGP32_CHECK;

/* ---- indirect download ---- */
typedef struct EsipaInitiation {
	Span euicc_challenge; /* 16 octets */
	const char *smdp_address; /* NULL if the eIM keeps the download data */
	Span euicc_info1; /* BF20; absent if the eIM knows it */
	Span eim_transaction_id; /* of the trigger; absent if it had none */
} EsipaInitiation;

bool esipa_initiate_authentication(Esipa *esipa, const EsipaInitiation *initiation,
	PostCancel *cancel, RspInitiated *ret, GError **error) SGP32_CHECK;
/* authenticate_server_response: BF38. */
bool esipa_authenticate_client(Esipa *esipa, Span transaction_id, Span authenticate_server_response,
	PostCancel *cancel, RspAuthenticated *ret, GError **error) SGP32_CHECK;
/* prepare_download_response: BF21. The answer is BF36. */
GBytes *esipa_get_bound_profile_package(Esipa *esipa, Span transaction_id,
	Span prepare_download_response, PostCancel *cancel, GError **error) SGP32_CHECK;
/* cancel_session_response: BF41 as the card gave it. */
bool esipa_cancel_session(Esipa *esipa, Span transaction_id, Span cancel_session_response,
	PostCancel *cancel, GError **error) SGP32_CHECK;
