/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The eIM of the lab. What it knows is server->state, "devices" by EID; a device:
 *
 *   counter                  counterValue of the last package
 *   learned                  whether the card's certificates and token are known (IpaEuiccDataRequest)
 *   token                    association token; absent: none
 *   euiccCertificate, eumCertificate, info1, info2   octets
 *   defaultSmdpAddress, rootSmdsAddress, ipaCapabilities, deviceInfo
 *   profiles                 of the last listProfileInfo
 *   queue [item]             see device.c
 *   notifications [..], errors [..], contacts, lastContact, stateChangeCause, rPLMN
 */
#pragma once

#include "asn1/der.h"
#include "lab/common/server.h"

typedef struct Relay Relay;

typedef struct Eim {
	char *id, *host;
	EVP_PKEY *sign_key;
	X509 *sign_certificate, *tls_certificate, *ca_certificate; /* CA may be NULL */
	bool strict; /* refuse EIDs that nobody named */
	GPtrArray *waiters;
	Relay *relay;
} Eim;

#define EIM(server) ((Eim *)(server)->own)

/* ---- device.c ---- */
/* By its 32 digits; made if create. NULL if it is not known. */
json_t *device_get(LabServer *server, const char *eid, bool create);
const char *device_eid(json_t *device);
/* A new item at the end of the queue (or in front); borrowed. kind: package, data-request, download, raw. */
json_t *item_new(
	LabServer *server, json_t *device, const char *kind, const char *label, bool front);
/* The first item that is queued or sent; NULL if there is none. */
json_t *item_next(json_t *device);
json_t *item_by_transaction(json_t *device, Span transaction_id);
json_t *item_by_counter(json_t *device, int64_t counter);
/* The first one of that kind that was sent and has no result. */
json_t *item_sent(json_t *device, const char *kind);
bool item_finished(json_t *item);
/* Saves, logs and wakes who waits. reason may be NULL. */
void item_set_state(
	LabServer *server, json_t *device, json_t *item, const char *state, const char *reason);
void device_error(LabServer *server, json_t *device, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* Something about a device changed that someone may wait for. Saves. */
void device_changed(LabServer *server, json_t *device);
GPtrArray *waiters_new(void);
/* Tells all who wait that the program ends. */
void waiters_dismiss(LabServer *server);
extern const LabVerb eim_verbs[]; /* show.c */
void verb_wait(LabServer *server, ControlCall *call, int argc, char **args);

/* ---- package.c: what the eIM sends ---- */
/* EuiccPackageRequest BF51 of an item; takes the next counter, unless the item has one. */
GBytes *package_build(LabServer *server, json_t *device, json_t *item, const Fault *fault);
/* The eIM Package of an item: BF51, BF52, BF54, or its raw octets. */
GBytes *package_of_item(LabServer *server, json_t *device, json_t *item, const Fault *fault);
/* What eIM and eUICC sign: the data and the association token. */
GBytes *package_tbs(Span data_signed, json_t *device);

typedef struct ConfigOptions {
	const char *pin; /* key, cert, ca, none */
	const char *sign; /* key, cert */
	const char *fqdn; /* NULL: the eIM's host */
	int64_t counter; /* < 0: none */
	bool token, indirect;
} ConfigOptions;

/* EimConfigurationData 30. Errors: InvalidArgument, NotFound (no CA). */
GBytes *config_build(LabServer *server, const ConfigOptions *options, GError **error) SGP32_CHECK;

/* ---- queue.c ---- */
void verb_queue(LabServer *server, ControlCall *call, int argc, char **args);
/* An IpaEuiccDataRequest for all that the eIM must know of a card. */
json_t *queue_learn(LabServer *server, json_t *device);

/* ---- result.c: what comes back ---- */
/* EuiccPackageResult BF51; numbers to acknowledge are appended (int64_t). */
void result_take_package(LabServer *server, json_t *device, Span bf51, GArray *acks);
/* IpaEuiccDataResponse BF52. */
void result_take_data(LabServer *server, json_t *device, Span bf52, GArray *acks);
/* ProfileDownloadTriggerResult BF54. */
void result_take_download(LabServer *server, json_t *device, Span bf54);
/* eimPackageResultResponseError, the value of A0. */
void result_take_error(LabServer *server, json_t *device, Span value);

/* ---- notification.c ---- */
/* Any form of PendingNotification; kept once per seqNumber. Returns the entry, borrowed. */
json_t *notification_keep(LabServer *server, json_t *device, Span pending, const char *via);
/* The public key of the eUICC's certificate; NULL if it is not known. */
EVP_PKEY *device_key(json_t *device);
/* ProfileInstallationResult BF37: checks its signature; *ret_ok whether it is a success. The result says
 * what it is, for people. */
char *pir_check(json_t *device, Span bf37, bool *ret_ok, bool *ret_verified);

/* ---- decode.c: for people and programs ---- */
/* One element of euiccResult, as JSON; *ret_ok is set to false if it says that something failed. */
json_t *decode_result(Span element, bool *ret_ok, json_t *device);
/* "enable: ok" */
char *decode_line(json_t *decoded);
const char *decode_code(const char *operation, int64_t code);

/* ---- esipa.c ---- */
extern const char *const esipa_functions[];
void esipa_handle(HttpsRequest *request, void *user);
/* answer is taken; the fault may be NULL and stays the caller's. */
void esipa_reply(HttpsRequest *request, GByteArray *answer, const Fault *fault);
void esipa_reply_empty(HttpsRequest *request, int status, const Fault *fault);

/* ---- relay.c: indirect download, notifications on their way to the SM-DP+ ---- */
/* resolve: "HOST:PORT:ADDRESS" entries as of curl, NULL at the end; may be NULL. */
Relay *relay_new(LabServer *server, char **resolve, GError **error) SGP32_CHECK;
void relay_free(Relay *relay);

/* Functions of ESipa that end at the SM-DP+; they answer the request when that has answered. */
void relay_initiate_authentication(
	LabServer *server, HttpsRequest *request, const Tlv *message, const Fault *fault);
void relay_authenticate_client(
	LabServer *server, HttpsRequest *request, const Tlv *message, const Fault *fault);
void relay_get_bound_profile_package(
	LabServer *server, HttpsRequest *request, const Tlv *message, const Fault *fault);
void relay_cancel_session(
	LabServer *server, HttpsRequest *request, const Tlv *message, const Fault *fault);
/* A PendingNotification of any form. */
void relay_notification(LabServer *server, HttpsRequest *request, Span pending, const Fault *fault);
/* Whether that ProfileInstallationResult ends a download that goes through this eIM. */
bool relay_knows(LabServer *server, Span bf37);
