/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the manager share. */
#pragma once

#include "base/clock.h"
#include "card/device.h"
#include "link/link.h"
#include "link/modem-manager.h"
#include "manager.h"
#include "worker.h"

typedef struct ManagedSlot ManagedSlot;
typedef struct ManagedDevice ManagedDevice;
typedef struct ManagedWorker ManagedWorker;
typedef struct ManagedEuicc ManagedEuicc;

typedef struct ManagedJob {
	Job job; /* what is shown */
	JobRequest *request; /* NULL once the worker has it */
	PostCancel *cancel;
	PostCell *question; /* to be answered; NULL: nothing is asked */
	ManagedEuicc *euicc; /* NULL: of no eUICC, or it is gone */
	ManagedWorker *worker; /* that runs it; NULL */
	sd_event_source *linger;
	Manager *manager;
	uint64_t generation; /* of the network, when it began */
} ManagedJob;

struct ManagedSlot {
	ManagedDevice *device;
	TransportSlot slot;
	ManagedWorker *worker; /* NULL: empty */
	const char *state, *reason; /* of SlotRow */
	char *hint;
	sd_event_source *retry; /* probes again */
};

struct ManagedDevice {
	Manager *manager;
	char *name; /* of its section, or of its node */
	char *node, *sysfs; /* sysfs NULL: given by hand */
	char *subsystem, *driver, *port_type; /* NULL if unknown */
	char *plugin_name; /* NULL: by match */
	char *proxy, *interface; /* NULL: none */
	ConfigAccess access;
	const TransportPlugin *plugin; /* NULL until it is opened */
	Device *device; /* NULL while it is closed */
	TransportAccess opened_as;
	void *closing; /* the Device that is being freed: until then the port is not opened */
	bool reopen;
	GPtrArray *slots; /* of ManagedSlot */
	sd_event_source *retry;
	unsigned failures; /* in a row */
	bool awaited; /* a RESCAN waits for what it says */
	GError *error; /* why it is closed */
	bool from_udev;
};

struct ManagedWorker {
	uint32_t id;
	Worker *worker;
	ManagedSlot *slot; /* NULL: its card is away */
	ManagedEuicc *euicc; /* NULL: not identified */
	ManagedJob *job; /* that runs; NULL */
	bool probing;
	bool stale; /* the card was reset, or changed, since that began */
};

struct ManagedEuicc {
	Euicc euicc; /* what is shown */
	Manager *manager;
	ManagedWorker *worker; /* NULL: away, and no job waits for it */
	GQueue queue; /* of ManagedJob, next first */
	sd_event_source *poll_timer, *grace;
	int64_t next_notification; /* µs realtime, 0: none */
	/* Jobs of our own in a row that failed for what no schedule in the store accounts for, and the last
	 * time (µs CLOCK_BOOTTIME). */
	unsigned stumbles;
	int64_t stumbled;
	bool awaits_network; /* a poll is due, and put off for a moment */
	/* Polls because the network came back: since when (µs CLOCK_BOOTTIME), and how many. */
	int64_t network_since;
	unsigned network_tries;
};

/* A worker's question whether it is online. */
typedef struct OnlineQuestion {
	uint32_t worker;
	PostCell *cell;
	char *iccid, *interface;
	uint64_t tried;
	int64_t since; /* µs CLOCK_BOOTTIME: what was there before does not count; 0: all does */
} OnlineQuestion;

struct Manager {
	sd_event *event;
	Config *config;
	Store *store; /* read; NULL: not to be had */
	ManagerListener listener;
	PluginSet *plugins;
	Link *link;
	ModemManager *modem_manager; /* NULL: there is no bus to ask */
	bool online;
	PostBox *device_box, *worker_box; /* of DeviceNotice, WorkerNotice */
	sd_event_source *device_source, *worker_source;
	GPtrArray *devices; /* of ManagedDevice */
	GPtrArray *workers; /* of ManagedWorker */
	GPtrArray *all_euiccs; /* of ManagedEuicc */
	GPtrArray *published; /* of Euicc, those on the bus */
	GPtrArray *jobs; /* of ManagedJob, whose first member is Job */
	GPtrArray *slot_rows; /* of SlotRow */
	GPtrArray *questions; /* of OnlineQuestion */
	sd_event_source *questions_timer;
	PostBox *reaped; /* of Reaped: threads that have ended what they were given */
	sd_event_source *reaped_source;
	unsigned reaping;
	struct Hotplug *hotplug;
	uint32_t last_worker, last_job;
	bool stopping;
	sd_event_source *stop_check; /* deferred: done is called from the loop */
	void (*stop_done)(void *user);
	void *stop_user;
};

/* One-shot timer on CLOCK_BOOTTIME in place of *source; seconds may be 0. */
void manager_timer(Manager *manager, sd_event_source **source, uint64_t usec,
	sd_event_time_handler_t handler, void *user);

/* Frees in a thread of its own what may have to wait for an APDU in flight (a worker, a device). */
void manager_reap(Manager *manager, GDestroyNotify free_object, void *object);

/* The store failed. Returns false. */
bool manager_drop_store(Manager *manager);

/* ---- manager-devices.c ---- */
void managed_device_free(ManagedDevice *device);
void manager_device_add(Manager *manager, ManagedDevice *device); /* taken */
void manager_device_remove(Manager *manager, ManagedDevice *device);
ManagedDevice *manager_device_by_node(Manager *manager, const char *node);
void manager_on_device_notice(Manager *manager, DeviceNotice *notice);
/* What was given to manager_reap() is free. */
void manager_device_reaped(Manager *manager, const void *object);
/* Asks all devices what there is; those that will answer are awaited. */
void manager_rescan_devices(Manager *manager);
void manager_slots_changed(Manager *manager);
/* ModemManager came or went: ports are opened, or opened another way. */
void manager_access_changed(Manager *manager);

/* ---- manager-euiccs.c ---- */
ManagedEuicc *manager_euicc_by_eid(Manager *manager, const char *eid);
void managed_euicc_free(ManagedEuicc *euicc);
void manager_slot_attach(Manager *manager, ManagedSlot *slot);
void manager_slot_detach(Manager *manager, ManagedSlot *slot);
/* Its card was identified, and could not be read: tried again if that may help. */
void manager_slot_failed(Manager *manager, ManagedSlot *slot, const GError *error);
/* The card in that slot was reset, or is another one. */
void manager_slot_reset(Manager *manager, ManagedSlot *slot);
void manager_on_identified(Manager *manager, ManagedWorker *worker, WorkerNotice *notice);
void manager_euicc_update(Manager *manager, ManagedEuicc *euicc, WorkerNotice *notice);
void manager_euicc_state(Manager *manager, ManagedEuicc *euicc, EuiccState state);
void manager_euicc_changed(Manager *manager, ManagedEuicc *euicc, const char *interface,
	const char *name, ...) G_GNUC_NULL_TERMINATED;
void manager_euicc_schedule(Manager *manager, ManagedEuicc *euicc);
/* How a job ended, for the schedule: error NULL: well. */
void manager_euicc_job_ended(ManagedEuicc *euicc, JobOperation operation, const GError *error);
/* Links changed: what failed for want of a network is tried again when there is one. */
void manager_euiccs_link_changed(Manager *manager);
void manager_worker_free(Manager *manager, ManagedWorker *worker);

/* ---- manager-jobs.c ---- */
void managed_job_free(ManagedJob *job);
void manager_jobs_run(Manager *manager, ManagedEuicc *euicc);
ManagedJob *manager_submit_own(Manager *manager, ManagedEuicc *euicc, JobOperation operation);
ManagedJob *manager_submit_network_back(Manager *manager, ManagedEuicc *euicc);
void manager_job_progress(Manager *manager, ManagedJob *job, const WorkerNotice *notice);
void manager_job_ask(Manager *manager, ManagedJob *job, const WorkerNotice *notice);
void manager_job_done(Manager *manager, ManagedJob *job, WorkerNotice *notice);
/* Ends it without a worker; error is copied, NULL: done. */
void manager_job_end(Manager *manager, ManagedJob *job, const GError *error, GVariant *result);
void manager_jobs_stop(Manager *manager);
/* Ends all RESCANs if no device is awaited any more. */
void manager_rescan_answered(Manager *manager);
bool manager_jobs_idle(Manager *manager);
void manager_check_stopped(Manager *manager);

/* ---- hotplug.c ---- */
typedef struct Hotplug Hotplug;
Hotplug *hotplug_new(Manager *manager, GError **error) SGP32_CHECK;
void hotplug_free(Hotplug *hotplug);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Hotplug, hotplug_free)
