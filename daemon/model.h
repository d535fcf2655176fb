/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the main thread knows: plain structs, no locks. dbus/service shows them and never changes them.
 */
#pragma once

#include "config.h"
#include "ipa/snapshot.h"
#include "job.h"
#include "store/store.h"

typedef enum EuiccState {
	EUICC_READY,
	EUICC_BUSY, /* a job runs */
	EUICC_ABSENT_EXPECTED, /* its modem resets or is enumerated again */
	EUICC_FAILED,
} EuiccState;

const char *euicc_state_text(EuiccState state); /* "ready", "busy", "absent-expected", "failed" */

/* What the store knows of an eIM's schedule. Times in µs realtime, 0 = never. */
typedef struct EimState {
	char *eim_id;
	uint64_t last_poll, next_poll;
	char *last_result; /* "ok", "nothing", or the name of an error ("TlsUntrusted"); "" = never */
	unsigned failures; /* in a row */
	unsigned interval; /* seconds */
	bool enabled;
	bool owed; /* the result of a package is newer than its last poll */
} EimState;

void eim_state_free(EimState *state);

/* Whether a time that the schedule holds (µs realtime) has come. interval: that eIM's, seconds; 0: none's. */
bool schedule_is_due(const Config *config, unsigned interval, int64_t at, int64_t now);

/* The IPA's own state of one card. */
typedef struct IpaState {
	bool rollback_available;
	char *immediate_enable; /* "yes", "no", "unknown" */
	bool polling_enabled;
	uint64_t last_poll, next_poll; /* µs realtime, 0 = never */
	char *last_result;
	char *package_phase; /* "idle", "received", "executed", "awaiting-online", "reported" */
	uint64_t rollback_deadline;
	char **capabilities; /* of IpaCapabilities: "direct", "retrieve-https", … */
	GPtrArray *eims; /* of EimState, same order as snapshot->eims */
} IpaState;

void ipa_state_free(IpaState *state);
/* From what the store says; called by the worker. What cannot be read has its default. */
IpaState *ipa_state_read(Store *store, const Snapshot *snapshot, const Config *config);

typedef struct Euicc {
	char *eid; /* 32 digits: the key */
	char *path; /* "/org/sgp32/euicc/<EID>" */
	Snapshot *snapshot; /* never NULL once published */
	EuiccState state;
	char *device; /* sysfs path or node */
	char *plugin;
	uint32_t slot;
	char *modem_path; /* of ModemManager, "/" if unknown */
	IpaState *ipa; /* never NULL; shown only for IOT and IOT_EMULATED */
	Job *current_job; /* NULL: none */
	GError *last_error; /* of the last job that failed; NULL */
	uint64_t last_error_time; /* µs realtime, 0 = never */
	bool published; /* objects are on the bus */
} Euicc;

/* A row of Manager.Slots. */
typedef struct SlotRow {
	char *device, *plugin;
	uint32_t physical_slot, logical_slot;
	char *atr; /* hex */
	char *state; /* "euicc", "probing", "empty", "no-euicc", "unreachable", "duplicate-eid", "failed" */
	char *reason; /* stable identifier or "" */
	char *hint; /* for people */
} SlotRow;

Euicc *euicc_new(const char *eid);
void euicc_free(Euicc *euicc);
SlotRow *slot_row_new(void);
void slot_row_free(SlotRow *row);
