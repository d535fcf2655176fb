/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The procedures of the IPAd, each a function that runs from top to bottom with blocking calls, on the
 * worker's thread. They may be held beside the specification step by step.
 *
 * Errors: everything of card/isdr.h and net/http.h, StoreUnavailable, and what each function names. After
 * CardLost the job starts again from what the card and the store say.
 */
#pragma once

#include "asn1/esipa.h"
#include "card/isdr.h"
#include "ipa/host.h"
#include "net/http.h"
#include "store/store.h"

/* What a peer needs that deviates; from [Eim ID] of sgp32.conf. */
typedef struct IpaPeer {
	char *eim_id;
	char *address, *path, *content_type; /* NULL: the card's, the specification's */
	unsigned interval; /* seconds; 0: the general one */
	unsigned packages; /* per poll; 0: the general one */
} IpaPeer;

/* Values of the configuration; owned by whoever made the Ipa, and constant during a job. */
typedef struct IpaSettings {
	unsigned poll_interval, poll_jitter; /* seconds */
	unsigned backoff_min, backoff_max; /* seconds */
	unsigned packages_per_poll;
	const char *ci_folder; /* CI certificates for ES9+ */
	const char *es9_user_agent; /* NULL or "": the default */
	HttpLimits limits; /* body_max is not used */
	const char *interface; /* to which contacts are bound; NULL: none */
	unsigned refresh_timeout; /* seconds until the card's REFRESH is given up */
	unsigned online_timeout; /* seconds for a way to the eIM after a switch */
	unsigned delivery_tries;
	bool consent; /* an operator's consent to policy rules that ask for it */
	/* AddInitialEim for this card: one or more EimConfigurationData TLVs; empty: none. */
	Span initial_eims;
	const GPtrArray *peers; /* of IpaPeer */
} IpaSettings;

typedef struct IpaResult {
	/* What the job reports; a GVariantDict of a{sv}, never NULL. */
	GVariantDict *values;
	unsigned packages; /* that an eIM gave */
	unsigned notifications; /* that were delivered */
	/* Why the first package failed whose failure the eIM was told: the job ends with it. NULL: none. */
	GError *verdict;
} IpaResult;

/* One card with all that its procedures need. Owned by a worker (or a test), which sets the members. */
typedef struct Ipa {
	Isdr *isdr;
	Store *store; /* NULL: not to be had; then the card can be read, and that is all */
	Http *http;
	const Host *host;
	const IpaSettings *settings;
	PostCancel *cancel; /* of the job; NULL: none */
	int64_t switched; /* µs CLOCK_BOOTTIME of the last switch of profiles, 0: none since the start */
	Snapshot *snapshot; /* owned here; what is known of the card */
	IpaResult *result; /* of the job */
	bool attached; /* ipa_attach() has been through for this card */
} Ipa;

/* ---- reading (read.c): each reads only what is not known ---- */
/* EID alone: who is it? Changes nothing in the snapshot unless it is another card, which empties it. */
bool ipa_identify(Ipa *ipa, uint8_t ret_eid[16], GError **error) SGP32_CHECK;
bool ipa_read_identity(Ipa *ipa, GError **error) SGP32_CHECK; /* EUICCInfo2, kind */
bool ipa_read_euicc_info1(Ipa *ipa, GError **error) SGP32_CHECK;
bool ipa_read_configured(Ipa *ipa, GError **error) SGP32_CHECK;
bool ipa_read_profiles(Ipa *ipa, GError **error) SGP32_CHECK;
bool ipa_read_eims(Ipa *ipa, GError **error) SGP32_CHECK;
bool ipa_read_notifications(Ipa *ipa, GError **error) SGP32_CHECK;
/* eUICC Package Results on the card: of Span-holding Msg, EUICC_PACKAGE_RESULT; sets snapshot->results. */
bool ipa_read_results(Ipa *ipa, GPtrArray **ret, GError **error) SGP32_CHECK;
/* All lists are read again with the next use. */
void ipa_forget(Ipa *ipa);
void ipa_publish(Ipa *ipa);

/* ---- attach.c: first sight of a card, and its return (SGP.32 3.1, 10.4 of the digest) ---- */
/* Reads all; repairs what a crash left (package in flight, download in flight); AddInitialEim if the card has
 * no eIM and the settings have one. */
bool ipa_attach(Ipa *ipa, GError **error) SGP32_CHECK;
/* Reads all again. */
bool ipa_refresh(Ipa *ipa, GError **error) SGP32_CHECK;

/* ---- poll.c: one eIM, until it has nothing more (SGP.32 3.1.1, digest 6.5) ---- */
/* Delivers first what is due to that eIM. Writes schedule and back-off to the store. Errors: NotFound (no such
 * eIM), NotSupported (it cannot be contacted). */
bool ipa_poll(Ipa *ipa, const char *eim_id, GError **error) SGP32_CHECK;

/* ---- package.c: eUICC packages (SGP.32 3.3.1, digest 4.9) ---- */
typedef struct Esipa Esipa;
/* Executes, keeps the result safe, follows a switch, delivers. request: BF51… as received. */
bool ipa_package(
	Ipa *ipa, Esipa *esipa, const char *eim_id, Span request, GError **error) SGP32_CHECK;
/* After a restart: finds out how far the stored package came. Delivers nothing. */
bool ipa_package_recover(Ipa *ipa, GError **error) SGP32_CHECK;
/* BF30 for each number that the eIM has acknowledged. own_seq: that of the result that it answers, -1: none. */
typedef struct EsipaAcknowledgements EsipaAcknowledgements;
bool ipa_acknowledge(
	Ipa *ipa, const EsipaAcknowledgements *acks, int64_t own_seq, GError **error) SGP32_CHECK;
/* The package in flight and results that the card keeps for that eIM. */
bool ipa_package_deliver(Ipa *ipa, Esipa *esipa, const char *eim_id, GError **error) SGP32_CHECK;

/* ---- download-rules.c: policy rules of a profile against the card's table (SGP.22 2.9.3.1) ---- */
/* ret_consent: an end user has to agree. Errors: ProfilePolicyRule. */
bool ipa_check_policy_rules(Ipa *ipa, const StoreMetadataRequest *metadata, bool *ret_consent,
	GError **error) SGP32_CHECK;
/* Whether a subject alternative name of an X.509 certificate is that registered id (dotted). */
bool ipa_certificate_has_oid(Span certificate, const char *oid);

/* ---- device-info.c: what the device says of itself (SGP.22 4.2) ---- */
typedef struct IpaDevice {
	DeviceInfo info; /* points into the rest */
	DeviceCapabilities capabilities;
	uint8_t tac[4], imei[8];
} IpaDevice;
/* From the device's facts; a TAC of zeros if the IMEI is unknown. Never fails. */
void ipa_device_info(Ipa *ipa, IpaDevice *ret);

/* ---- data.c: IpaEuiccDataRequest (SGP.32 3.1.2, digest 5.1) ---- */
/* ret: the answer, BF52…, which may be its error arm. */
bool ipa_data(Ipa *ipa, const char *eim_id, Span request, GBytes **ret, GError **error) SGP32_CHECK;
/* IpaCapabilities as this daemon announces them, and as words for D-Bus. */
IpaCapabilities ipa_capabilities(void);
const char *const *ipa_capability_words(void);

/* ---- download.c: direct profile download (SGP.32 3.2.3.1, digest 7.1) ---- */
typedef struct DownloadOrder {
	const char *activation_code; /* "" or NULL: default SM-DP+ */
	const char *confirmation_code; /* NULL: none */
	bool ask; /* a user decides before the installation */
	int64_t trigger; /* id of an eIM's trigger in the store, 0: none */
} DownloadOrder;

/* Errors: InvalidActivationCode, ServerRefused (subject and reason in the details),
 * ConfirmationCodeRequired/Wrong, ProfilePolicyRule, Rejected, NoMemory, InstallFailed (reason of the
 * ProfileInstallationResult), SignatureInvalid. */
bool ipa_download(Ipa *ipa, const DownloadOrder *order, GError **error) SGP32_CHECK;
/* The same; ret_error_arm (may be NULL): the answer of the card that failed, if it was that. */
bool ipa_download_order(
	Ipa *ipa, const DownloadOrder *order, GBytes **ret_error_arm, GError **error) SGP32_CHECK;
/* A PIR for that transaction among the card's notifications, which are read again; NULL if there is none. */
bool ipa_download_find_result(
	Ipa *ipa, Span transaction_id, GBytes **ret, GError **error) SGP32_CHECK;

/* ---- trigger.c: what an eIM ordered, and its result ---- */
/* Keeps the result for the eIM: installation_result BF37…, or absent with error_response. */
bool ipa_trigger_keep(Ipa *ipa, int64_t id, Span installation_result, Span error_response,
	GError **error) SGP32_CHECK;
/* ProfileDownloadTriggerRequest of an eIM (digest 5.2): downloads, and keeps the result for the eIM. Fails only
 * for what is not the download's own failure. request: BF54… */
bool ipa_download_trigger(Ipa *ipa, const char *eim_id, Span request, GError **error) SGP32_CHECK;
/* Results of triggers that the eIM has not got: BF50. */
bool ipa_download_deliver(Ipa *ipa, Esipa *esipa, const char *eim_id, GError **error) SGP32_CHECK;
/* After a restart: downloads that were cut off get their result from the card, or an error. */
bool ipa_download_recover(Ipa *ipa, GError **error) SGP32_CHECK;

/* ---- notify.c: notifications (SGP.32 3.7, digest 9) ---- */
/* Each to its receiver, in rising order per receiver; removed once it is acknowledged. A receiver that fails
 * does not hold up the others, and is tried again by its back-off (force: now). Fails only for the card's or
 * the store's failures. */
bool ipa_notify(Ipa *ipa, bool force, GError **error) SGP32_CHECK;
/* The earliest time at which a notification is due, µs realtime; 0: none pending. */
int64_t ipa_notify_next(Ipa *ipa);

/* ---- peer.c ---- */
/* The way to an eIM, with the trust of its entry on the card. */
Esipa *ipa_peer_open(Ipa *ipa, const char *eim_id, GError **error) SGP32_CHECK;
typedef struct Es9plus Es9plus;
/* The way to an SM-DP+ or SM-DS, trusted by the CI certificates of the configuration. limits NULL: the
 * settings'. */
Es9plus *ipa_smdp_open(
	Ipa *ipa, const char *address, const HttpLimits *limits, GError **error) SGP32_CHECK;
/* A random number of seconds up to max: spreads a fleet. */
unsigned ipa_jitter(unsigned max);
/* min · 2^failures with jitter, at most max. */
unsigned ipa_backoff(unsigned failures, unsigned min, unsigned max);
bool ipa_check_cancel(Ipa *ipa, GError **error) SGP32_CHECK;
/* How often in a row, over restarts, that thing was tried: `name` is that of the count in the store, `what` the
 * thing; another thing begins at 1. */
bool ipa_count_try(
	Ipa *ipa, const char *name, Span what, unsigned *ret_tries, GError **error) SGP32_CHECK;
