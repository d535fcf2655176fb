/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ties the parts together: devices, workers, jobs, schedule, model. Main thread only; nothing here waits.
 */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "config.h"
#include "model.h"

typedef struct Manager Manager;

/*
 * What dbus/service is told. Calls come after the model has changed. `names` are property names,
 * NULL-terminated.
 */
typedef struct ManagerListener {
	void *user;
	/* The eUICC with all its profiles and eIMs is there now / is going (still in the model). */
	void (*euicc_added)(void *user, const Euicc *euicc);
	void (*euicc_removed)(void *user, const Euicc *euicc);
	/* interface: "org.sgp32.Euicc" or "org.sgp32.Ipa" */
	void (*euicc_changed)(
		void *user, const Euicc *euicc, const char *interface, const char *const *names);
	void (*profile_added)(void *user, const Euicc *euicc, const CardProfile *profile);
	void (*profile_removed)(void *user, const Euicc *euicc, const char *iccid);
	void (*profile_changed)(void *user, const Euicc *euicc, const CardProfile *profile,
		const char *const *names);
	void (*eim_added)(void *user, const Euicc *euicc, const CardEim *eim);
	void (*eim_removed)(void *user, const Euicc *euicc, const char *eim_id);
	void (*eim_changed)(
		void *user, const Euicc *euicc, const CardEim *eim, const char *const *names);
	void (*job_added)(void *user, const Job *job);
	/* The last change of a job has status ended; Completed and JobRemoved follow from it. The object
	 * lingers until job_removed. */
	void (*job_changed)(void *user, const Job *job, const char *const *names);
	void (*job_completed)(void *user, const Job *job);
	void (*job_removed)(void *user, const Job *job);
	void (*manager_changed)(void *user, const char *const *names);
} ManagerListener;

/* config is taken. Errors: StoreUnavailable only if the state folder cannot be made at all; a damaged
 * store is a state, not an error. */
Manager *manager_new(sd_event *event, Config *config, GError **error) SGP32_CHECK;
/* Stops jobs at the next safe point, answers all pending questions with Cancelled, joins all threads. */
void manager_free(Manager *manager);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Manager, manager_free)

/* Before manager_start(): neighbours on that bus are watched. Not called: there are none. Errors: Failed. */
bool manager_watch_bus(Manager *manager, sd_bus *bus, GError **error) SGP32_CHECK;
void manager_set_listener(Manager *manager, const ManagerListener *listener);
/* Opens the configured devices and starts hot-plug. Errors: as hot-plug has them. */
bool manager_start(Manager *manager, GError **error) SGP32_CHECK;
/* Begins an orderly stop; done(user) is called from the loop when no job runs any more. */
void manager_stop(Manager *manager, void (*done)(void *user), void *user);

/* ---- reading ---- */
const Config *manager_config(const Manager *manager);
/* Arrays belong to the manager and hold Euicc, Job, SlotRow; only published eUICCs are in the first. */
const GPtrArray *manager_euiccs(const Manager *manager);
const GPtrArray *manager_jobs(const Manager *manager);
const GPtrArray *manager_slots(const Manager *manager);
/* NULL-terminated; names of the plugins in the folder. */
const char *const *manager_plugins(const Manager *manager);
bool manager_online(const Manager *manager);
const char *manager_online_source(const Manager *manager); /* "mm", "nm", "networkd", "none" */

const Euicc *manager_euicc(const Manager *manager, const char *eid); /* published only; NULL */
const Job *manager_job(const Manager *manager, uint32_t id); /* NULL */
/* By EID, unique suffix of at least 4 digits, device path, modem path, or "any" if there is just one.
 * Errors: NotFound, InvalidArgument (ambiguous: the text lists the candidates). */
const Euicc *manager_find_euicc(
	const Manager *manager, const char *text, GError **error) SGP32_CHECK;

/* A finished operation kept in the store. */
typedef struct HistoryRow {
	char *eid, *operation, *initiator, *result, *error, *message, *details /* JSON */;
	uint64_t start_time, end_time; /* µs realtime */
} HistoryRow;

void history_row_free(HistoryRow *row);
/* eid "" = all; newest first. Errors: StoreUnavailable. */
GPtrArray *manager_history(
	Manager *manager, const char *eid, unsigned max, GError **error) SGP32_CHECK;

/* ---- acting ---- */
/* Queues a job; request is taken (also on failure). eid NULL: of no eUICC. Equal background jobs merge: the
 * job there is already is given back. Errors: NotFound, Busy (limits: 32 live jobs of bus clients, 8 per
 * uid), NotSupported, InvalidArgument, InvalidActivationCode. */
const Job *manager_submit(
	Manager *manager, const char *eid, JobRequest *request, GError **error) SGP32_CHECK;
/* Errors: NotFound (ended already), NotSupported (not cancelable at this point). */
bool manager_job_cancel(Manager *manager, uint32_t id, GError **error) SGP32_CHECK;
/* answer: a{sv}; known keys "accept" b, "confirmation-code" s. Errors: NotFound, InvalidArgument (nothing is
 * asked), UnknownOption. The variant is not kept. */
bool manager_job_answer(
	Manager *manager, uint32_t id, GVariant *answer, GError **error) SGP32_CHECK;
/* Errors: StoreUnavailable, NotFound. */
bool manager_set_polling_enabled(
	Manager *manager, const char *eid, bool enabled, GError **error) SGP32_CHECK;
bool manager_set_eim_enabled(Manager *manager, const char *eid, const char *eim_id, bool enabled,
	GError **error) SGP32_CHECK;
/* Reads configuration again. Errors: InvalidArgument with file and line; the old one stays. */
bool manager_reload(Manager *manager, GError **error) SGP32_CHECK;
