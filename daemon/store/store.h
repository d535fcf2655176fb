/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What must survive a reboot, in SQLite (WAL, synchronous FULL). One Store per thread: workers write, the
 * main thread reads. Times are µs realtime, 0 = never.
 *
 * Errors: StoreUnavailable (full, read-only, damaged, locked for too long), with a hint. A step whose phase
 * cannot be written is not taken.
 */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

typedef struct Store Store;

/* Opens, or makes, `folder`/store.db and brings its schema up to date. */
Store *store_open(const char *folder, GError **error) SGP32_CHECK;
void store_close(Store *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_close)
/* A write that changes nothing that counts: whether the store can be written at all. */
bool store_check(Store *store, GError **error) SGP32_CHECK;

/* ---- the package in flight: one for a card ---- */
typedef enum PackagePhase {
	PACKAGE_IDLE, /* none */
	PACKAGE_RECEIVED, /* written before the card gets it */
	PACKAGE_EXECUTED, /* the card answered; the answer is kept */
	PACKAGE_AWAITING_ONLINE, /* it switched profiles: to be reported over the new one */
	PACKAGE_REPORTED, /* the eIM has the result; removal from the card may be pending */
} PackagePhase;

const char *package_phase_text(PackagePhase phase); /* "idle", "received", … */

typedef struct StoredPackage {
	PackagePhase phase;
	char *eim_id;
	int64_t counter;
	bool rollback; /* an enable with rollbackFlag is in it */
	bool switches; /* it enables or disables a profile */
	GBytes *request; /* BF51… as received */
	GBytes *answer; /* BF51… of the card; NULL before EXECUTED, or if it was lost */
	int64_t since; /* µs realtime of the last change of phase */
} StoredPackage;

void stored_package_free(StoredPackage *package);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoredPackage, stored_package_free)

/* ret: NULL if there is none. */
bool store_package_get(
	Store *store, const char *eid, StoredPackage **ret, GError **error) SGP32_CHECK;
/* A new package in phase RECEIVED takes the place of the one before. */
bool store_package_received(Store *store, const char *eid, const char *eim_id, int64_t counter,
	bool rollback, bool switches, Span request, GError **error) SGP32_CHECK;
/* answer may be absent: the one kept stays. */
bool store_package_phase(
	Store *store, const char *eid, PackagePhase phase, Span answer, GError **error) SGP32_CHECK;
bool store_package_clear(Store *store, const char *eid, GError **error) SGP32_CHECK;

/* ---- profile downloads that an eIM triggered: until it has the result (BF54…) ---- */
typedef struct StoredTrigger {
	int64_t id;
	char *eim_id;
	GBytes *eim_transaction; /* eimTransactionId; NULL: none */
	GBytes *rsp_transaction; /* transactionId of the session with the SM-DP+; NULL: not begun */
	GBytes *result; /* ProfileDownloadTriggerResult BF54…; NULL: not ended */
} StoredTrigger;

void stored_trigger_free(StoredTrigger *trigger);
bool store_trigger_begin(Store *store, const char *eid, const char *eim_id, Span eim_transaction,
	int64_t *ret_id, GError **error) SGP32_CHECK;
/* Before the card gets anything of the profile. */
bool store_trigger_session(
	Store *store, int64_t id, Span rsp_transaction, GError **error) SGP32_CHECK;
bool store_trigger_finish(Store *store, int64_t id, Span result, GError **error) SGP32_CHECK;
bool store_trigger_remove(Store *store, int64_t id, GError **error) SGP32_CHECK;
/* Of StoredTrigger, oldest first. eim_id NULL: of all. */
bool store_trigger_list(Store *store, const char *eid, const char *eim_id, GPtrArray **ret,
	GError **error) SGP32_CHECK;

/* ---- schedule and back-off of an eIM ---- */
typedef struct StoredEim {
	char *eim_id;
	int64_t last_poll, next_poll;
	char *last_result; /* "ok", "nothing", the name of an error, "" */
	unsigned failures;
	bool enabled;
	int state_change; /* stateChangeCause to tell, -1: none (SGP.32 6.6) */
} StoredEim;

void stored_eim_free(StoredEim *eim);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoredEim, stored_eim_free)

/* Never NULL on success: an unknown eIM has the defaults (enabled, nothing polled). */
bool store_eim_get(Store *store, const char *eid, const char *eim_id, StoredEim **ret,
	GError **error) SGP32_CHECK;
bool store_eim_put(Store *store, const char *eid, const StoredEim *eim, GError **error) SGP32_CHECK;
/* Forgets eIMs of that card that are not among the ids (NULL-terminated). */
bool store_eim_keep(
	Store *store, const char *eid, const char *const *ids, GError **error) SGP32_CHECK;

/* ---- notifications that a receiver refused, or could not be told ---- */
typedef struct StoredNotification {
	unsigned attempts;
	int64_t next_try;
	char *last_error; /* "" = none */
} StoredNotification;

void stored_notification_free(StoredNotification *notification);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoredNotification, stored_notification_free)
/* Never NULL on success. */
bool store_notification_get(Store *store, const char *eid, int64_t seq, StoredNotification **ret,
	GError **error) SGP32_CHECK;
bool store_notification_put(Store *store, const char *eid, int64_t seq,
	const StoredNotification *notification, GError **error) SGP32_CHECK;
bool store_notification_remove(
	Store *store, const char *eid, int64_t seq, GError **error) SGP32_CHECK;

/* ---- what this daemon alone knows of a card: small texts by name ---- */
#define CARD_POLLING "polling" /* "no": polling is disabled */
#define CARD_ROLLBACK "rollback" /* "yes": granted */
#define CARD_IMMEDIATE_ENABLE "immediate-enable" /* "yes", "no" */
#define CARD_PACKAGE_TRIES "package-tries" /* of ipa_count_try() */
#define CARD_DOWNLOAD_TRIES "download-tries"
#define CARD_SMDP "smdp/" /* + ICCID: address of the SM-DP+ it came from */
/* ret: NULL if there is none. */
bool store_card_get(
	Store *store, const char *eid, const char *name, char **ret, GError **error) SGP32_CHECK;
/* value NULL removes. */
bool store_card_set(Store *store, const char *eid, const char *name, const char *value,
	GError **error) SGP32_CHECK;

/* ---- history ---- */
typedef struct StoredJob {
	char *eid, *operation, *initiator, *result, *error, *message, *details;
	int64_t start_time, end_time;
} StoredJob;

#define STORE_HISTORY_MAX 1000 /* rows; the oldest go */

void stored_job_free(StoredJob *job);
bool store_history_add(Store *store, const StoredJob *job, GError **error) SGP32_CHECK;
/* eid "" or NULL: all; newest first. Of StoredJob. */
bool store_history_list(
	Store *store, const char *eid, unsigned max, GPtrArray **ret, GError **error) SGP32_CHECK;

/* ---- last time seen, for devices without a clock (seconds since 1970) ---- */
int64_t store_last_seen(Store *store);
bool store_set_last_seen(Store *store, int64_t seconds, GError **error) SGP32_CHECK;
