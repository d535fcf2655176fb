/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* eUICCs: their workers, what is known of them, and their schedule. */
#include <stdarg.h>
#include <string.h>

#include "base/redact.h"
#include "dbus/names.h"
#include "manager-private.h"

/* How soon a slot that could not be probed is tried again. */
#define PROBE_RETRY_US (30 * USEC_PER_SEC)
/* Polls because of changes of the network, within the least back-off. */
#define NETWORK_TRIES_MAX 5
#define NETWORK_WAIT_US (15 * USEC_PER_SEC)
#define SCHEDULE_MAX_US (24 * 3600 * USEC_PER_SEC)

ManagedEuicc *manager_euicc_by_eid(Manager *manager, const char *eid)
{
	for (guint i = 0; i < manager->all_euiccs->len; i++) {
		ManagedEuicc *euicc = manager->all_euiccs->pdata[i];

		if (strcmp(euicc->euicc.eid, eid) == 0)
			return euicc;
	}
	return NULL;
}

static ManagedEuicc *euicc_add(Manager *manager, const char *eid)
{
	Euicc *plain = euicc_new(eid);
	ManagedEuicc *euicc = g_new0(ManagedEuicc, 1);

	euicc->euicc = *plain;
	g_free(plain);
	euicc->manager = manager;
	g_queue_init(&euicc->queue);
	g_ptr_array_add(manager->all_euiccs, euicc);
	return euicc;
}

void managed_euicc_free(ManagedEuicc *euicc)
{
	Euicc *plain;

	if (!euicc)
		return;
	sd_event_source_disable_unref(euicc->poll_timer);
	sd_event_source_disable_unref(euicc->grace);
	g_queue_clear(&euicc->queue);
	plain = g_memdup2(&euicc->euicc, sizeof(euicc->euicc));
	euicc_free(plain);
	g_free(euicc);
}

void manager_euicc_changed(
	Manager *manager, ManagedEuicc *euicc, const char *interface, const char *name, ...)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	va_list args;

	va_start(args, name);
	for (; name; name = va_arg(args, const char *))
		g_ptr_array_add(names, (void *)name);
	va_end(args);
	g_ptr_array_add(names, NULL);
	if (euicc->euicc.published && manager->listener.euicc_changed)
		manager->listener.euicc_changed(manager->listener.user, &euicc->euicc, interface,
			(const char *const *)names->pdata);
}

void manager_euicc_state(Manager *manager, ManagedEuicc *euicc, EuiccState state)
{
	if (euicc->euicc.state == state)
		return;
	euicc->euicc.state = state;
	manager_euicc_changed(manager, euicc, SGP32_INTERFACE_EUICC, "State", (char *)NULL);
}

/* ---- workers and slots ---- */

static void slot_say(ManagedSlot *slot, const char *state, const char *reason, const char *hint)
{
	slot->state = state;
	slot->reason = reason;
	g_free(slot->hint);
	slot->hint = g_strdup(hint);
	manager_slots_changed(slot->device->manager);
}

static void give_slot(Manager *manager, ManagedWorker *worker, ManagedSlot *slot)
{
	ManagedDevice *device = slot->device;
	g_autofree char *by_name = g_strdup_printf("%s:%u", device->name, slot->slot.number);
	g_autofree char *by_node = g_strdup_printf("%s:%u", device->node, slot->slot.number);
	const char *const names[] = { by_name, by_node, NULL };

	worker->slot = slot;
	slot->worker = worker;
	worker_set_card(worker->worker, device_card(device->device, slot->slot.number), names,
		device->interface);
}

static void probe(ManagedWorker *worker)
{
	worker->probing = true;
	worker->stale = false;
	worker_probe(worker->worker);
}

void manager_worker_free(Manager *manager, ManagedWorker *worker)
{
	if (worker->slot)
		worker->slot->worker = NULL;
	if (worker->euicc)
		worker->euicc->worker = NULL;
	if (worker->job)
		worker->job->worker = NULL;
	g_ptr_array_remove(manager->workers, worker);
	manager_reap(manager, (GDestroyNotify)worker_free, worker->worker);
	g_free(worker);
}

void manager_slot_attach(Manager *manager, ManagedSlot *slot)
{
	ManagedWorker *worker = g_new0(ManagedWorker, 1);

	worker->id = ++manager->last_worker;
	worker->worker = worker_new(worker->id, manager->config, manager->worker_box);
	g_ptr_array_add(manager->workers, worker);
	give_slot(manager, worker, slot);
	slot_say(slot, "probing", "", "");
	probe(worker);
}

static int on_grace(sd_event_source *source, uint64_t usec, void *user)
{
	ManagedEuicc *euicc = user;
	Manager *manager = euicc->manager;
	g_autofree char *shown = redact_text(euicc->euicc.eid);
	g_autoptr(GError) error = NULL;
	ManagedJob *job;

	/* A job that waits for the card has a limit of its own. */
	if (euicc->worker && euicc->worker->job) {
		manager_timer(manager, &euicc->grace, USEC_PER_SEC, on_grace, euicc);
		return 0;
	}
	g_message("eUICC %s is gone", shown);
	sgp32_fail(&error, SGP32_ERROR_CARD_LOST, "The card did not come back");
	while ((job = g_queue_pop_head(&euicc->queue)))
		manager_job_end(manager, job, error, NULL);
	for (guint i = 0; i < manager->jobs->len; i++) {
		job = manager->jobs->pdata[i];
		if (job->euicc == euicc)
			job->euicc = NULL;
	}
	if (euicc->worker)
		manager_worker_free(manager, euicc->worker);
	if (euicc->euicc.published) {
		g_ptr_array_remove(manager->published, &euicc->euicc);
		if (manager->listener.euicc_removed)
			manager->listener.euicc_removed(manager->listener.user, &euicc->euicc);
	}
	g_ptr_array_remove(manager->all_euiccs, euicc);
	managed_euicc_free(euicc);
	return 0;
}

void manager_slot_detach(Manager *manager, ManagedSlot *slot)
{
	ManagedWorker *worker = slot->worker;

	slot->retry = sd_event_source_disable_unref(slot->retry);
	if (!worker)
		return;
	slot->worker = NULL;
	worker->slot = NULL;
	worker->probing = false;
	if (!worker->euicc) {
		manager_worker_free(manager, worker);
		return;
	}
	worker_clear_card(worker->worker);
	manager_euicc_state(manager, worker->euicc, EUICC_ABSENT_EXPECTED);
	manager_timer(manager, &worker->euicc->grace, manager->config->absent_grace * USEC_PER_SEC,
		on_grace, worker->euicc);
	slot_say(slot, "empty", "", "");
}

void manager_slot_reset(Manager *manager, ManagedSlot *slot)
{
	ManagedWorker *worker = slot->worker;

	/* A job sees resets itself, and knows whether it asked for one. */
	if (!worker || worker->job)
		return;
	if (worker->probing) {
		worker->stale = true; /* its answer may be that of the card before */
		return;
	}
	/* Somebody else did something to the card: it may be another one, or have other profiles. */
	probe(worker);
}

static void describe_failure(ManagedSlot *slot, const GError *error)
{
	const Sgp32ErrorDetails *details = sgp32_error_details(error);

	if (sgp32_error_is(error, SGP32_ERROR_NO_CARD))
		slot_say(slot, "empty", "", "");
	else if (sgp32_error_is(error, SGP32_ERROR_NOT_FOUND))
		slot_say(slot, "no-euicc", "no-isdr", "The card is a plain SIM: it has no ISD-R.");
	else if (sgp32_error_is(error, SGP32_ERROR_NOT_SUPPORTED) ||
		sgp32_error_is(error, SGP32_ERROR_CARD_REFUSED))
		slot_say(slot, "no-euicc", sgp32_error_name(error), error->message);
	else
		slot_say(slot, "unreachable", sgp32_error_name(error),
			details && details->hint ? details->hint : error->message);
}

static int on_probe_retry(sd_event_source *source, uint64_t usec, void *user)
{
	ManagedSlot *slot = user;

	if (slot->worker && !slot->worker->job && !slot->worker->probing)
		probe(slot->worker);
	return 0;
}

void manager_slot_failed(Manager *manager, ManagedSlot *slot, const GError *error)
{
	switch (error->domain == SGP32_ERROR ? error->code : SGP32_ERROR_FAILED) {
	case SGP32_ERROR_CARD_BUSY:
	case SGP32_ERROR_CARD_LOST:
	case SGP32_ERROR_CARD_MALFORMED:
	case SGP32_ERROR_CARD_REFUSED:
	case SGP32_ERROR_TIMEOUT:
	case SGP32_ERROR_STORE_UNAVAILABLE:
		manager_timer(manager, &slot->retry, PROBE_RETRY_US, on_probe_retry, slot);
		break;
	default:
		break; /* a wrong configuration, a card that says no: trying again changes nothing */
	}
}

/* The slot's card is that of an eUICC whose worker lost it: that worker gets it, and this one goes. */
static void hand_over(Manager *manager, ManagedWorker *from, ManagedWorker *to)
{
	ManagedSlot *slot = from->slot;

	worker_clear_card(from->worker);
	slot->worker = NULL;
	from->slot = NULL;
	manager_worker_free(manager, from);
	give_slot(manager, to, slot);
}

static void set_text(char **member, const char *text)
{
	g_free(*member);
	*member = g_strdup(text);
}

static void note_place(Manager *manager, ManagedEuicc *euicc, const ManagedSlot *slot)
{
	const ManagedDevice *device = slot->device;

	set_text(&euicc->euicc.device, device->sysfs ? device->sysfs : device->node);
	set_text(&euicc->euicc.plugin, device->plugin->name);
	euicc->euicc.slot = slot->slot.number;
	manager_euicc_changed(
		manager, euicc, SGP32_INTERFACE_EUICC, "Device", "Plugin", "Slot", (char *)NULL);
}

/* It has another card now: its eUICC may come back elsewhere. */
static void part(Manager *manager, ManagedWorker *worker)
{
	ManagedEuicc *euicc = worker->euicc;

	worker->euicc = NULL;
	euicc->worker = NULL;
	manager_euicc_state(manager, euicc, EUICC_ABSENT_EXPECTED);
	manager_timer(manager, &euicc->grace, manager->config->absent_grace * USEC_PER_SEC,
		on_grace, euicc);
}

static void on_not_identified(Manager *manager, ManagedWorker *worker, const GError *error)
{
	ManagedSlot *slot = worker->slot;
	bool other = sgp32_error_is(error, SGP32_ERROR_NOT_FOUND) ||
		sgp32_error_is(error, SGP32_ERROR_NO_CARD);

	describe_failure(slot, error);
	/* A card that was an eUICC a moment ago is asked once more. */
	if (!other || worker->euicc)
		manager_timer(manager, &slot->retry, PROBE_RETRY_US, on_probe_retry, slot);
	if (!worker->euicc)
		return;
	if (other)
		part(manager, worker);
	else
		manager_euicc_state(manager, worker->euicc, EUICC_FAILED);
}

void manager_on_identified(Manager *manager, ManagedWorker *worker, WorkerNotice *notice)
{
	ManagedSlot *slot = worker->slot;
	ManagedEuicc *euicc;

	/* What was asked before the card went. */
	if (!worker->probing)
		return;
	worker->probing = false;
	if (!slot)
		return;
	if (worker->stale) {
		probe(worker);
		return;
	}
	if (notice->error) {
		on_not_identified(manager, worker, notice->error);
		return;
	}
	euicc = manager_euicc_by_eid(manager, notice->eid);
	if (worker->euicc && worker->euicc != euicc)
		part(manager, worker);
	if (euicc && euicc->worker && euicc->worker != worker) {
		if (euicc->worker->slot) {
			slot_say(slot, "duplicate-eid", "duplicate-eid",
				"The same eUICC is reached over another device.");
			manager_worker_free(manager, worker);
			return;
		}
		hand_over(manager, worker, euicc->worker);
		worker = euicc->worker;
	}
	if (!euicc)
		euicc = euicc_add(manager, notice->eid);
	worker->euicc = euicc;
	euicc->worker = worker;
	euicc->grace = sd_event_source_disable_unref(euicc->grace);
	slot_say(slot, "euicc", "", "");
	note_place(manager, euicc, slot);
	if (worker->job) {
		manager_euicc_state(manager, euicc, EUICC_BUSY);
		return; /* it was waiting for just this card */
	}
	manager_euicc_state(manager, euicc, EUICC_READY);
	manager_submit_own(manager, euicc, JOB_ATTACH);
}

/* ---- what is known of a card ---- */

static const char *iccid_of(const CardProfile *profile)
{
	return profile ? profile->iccid : "";
}

static const CardProfile *fallback_of(const Snapshot *snapshot)
{
	for (guint i = 0; i < snapshot->profiles->len; i++)
		if (((CardProfile *)snapshot->profiles->pdata[i])->fallback)
			return snapshot->profiles->pdata[i];
	return NULL;
}

static const char *managed_by(const Snapshot *snapshot)
{
	return snapshot->eims->len ? ((CardEim *)snapshot->eims->pdata[0])->eim_id : "";
}

/* Names are added for what differs. */
static void add_if(GPtrArray *names, bool differs, const char *name)
{
	if (differs)
		g_ptr_array_add(names, (void *)name);
}

static const char *const *end_names(GPtrArray *names)
{
	g_ptr_array_add(names, NULL);
	return names->len > 1 ? (const char *const *)names->pdata : NULL;
}

static void tell_profiles(Manager *manager, ManagedEuicc *euicc, const Snapshot *before)
{
	const ManagerListener *listener = &manager->listener;
	const Snapshot *now = euicc->euicc.snapshot;

	for (guint i = 0; i < before->profiles->len; i++) {
		const CardProfile *old = before->profiles->pdata[i];

		if (!snapshot_profile(now, old->iccid) && listener->profile_removed)
			listener->profile_removed(listener->user, &euicc->euicc, old->iccid);
	}
	for (guint i = 0; i < now->profiles->len; i++) {
		const CardProfile *new = now->profiles->pdata[i],
				  *old = snapshot_profile(before, new->iccid);
		g_autoptr(GPtrArray) names = g_ptr_array_new();
		const char *const *list;

		if (!old) {
			if (listener->profile_added)
				listener->profile_added(listener->user, &euicc->euicc, new);
			continue;
		}
		add_if(names, new->enabled != old->enabled, "State");
		add_if(names, strcmp(new->nickname, old->nickname) != 0, "Nickname");
		add_if(names, strcmp(new->name, old->name) != 0, "Name");
		add_if(names, strcmp(new->service_provider, old->service_provider) != 0,
			"ServiceProvider");
		add_if(names,
			strcmp(new->owner_mccmnc, old->owner_mccmnc) != 0 ||
				strcmp(new->owner_gid1, old->owner_gid1) != 0 ||
				strcmp(new->owner_gid2, old->owner_gid2) != 0,
			"Owner");
		add_if(names, new->policy_rules != old->policy_rules, "PolicyRules");
		add_if(names, new->fallback != old->fallback, "Fallback");
		add_if(names, new->fallback_allowed != old->fallback_allowed, "FallbackAllowed");
		add_if(names, new->emergency != old->emergency, "Emergency");
		add_if(names, strcmp(new->smdp_address, old->smdp_address) != 0, "SmdpAddress");
		list = end_names(names);
		if (list && listener->profile_changed)
			listener->profile_changed(listener->user, &euicc->euicc, new, list);
	}
}

static void tell_eims(Manager *manager, ManagedEuicc *euicc, const Snapshot *before)
{
	const ManagerListener *listener = &manager->listener;
	const Snapshot *now = euicc->euicc.snapshot;

	for (guint i = 0; i < before->eims->len; i++) {
		const CardEim *old = before->eims->pdata[i];

		if (!snapshot_eim(now, old->eim_id) && listener->eim_removed)
			listener->eim_removed(listener->user, &euicc->euicc, old->eim_id);
	}
	for (guint i = 0; i < now->eims->len; i++) {
		const CardEim *new = now->eims->pdata[i], *old = snapshot_eim(before, new->eim_id);
		g_autoptr(GPtrArray) names = g_ptr_array_new();
		const char *const *list;

		if (!old) {
			if (listener->eim_added)
				listener->eim_added(listener->user, &euicc->euicc, new);
			continue;
		}
		add_if(names, strcmp(new->fqdn, old->fqdn) != 0, "Fqdn");
		add_if(names, new->protocols != old->protocols, "Protocols");
		add_if(names, strcmp(new->trust, old->trust) != 0, "Trust");
		list = end_names(names);
		if (list && listener->eim_changed)
			listener->eim_changed(listener->user, &euicc->euicc, new, list);
	}
}

static void tell_euicc(Manager *manager, ManagedEuicc *euicc, const Snapshot *before)
{
	const Snapshot *now = euicc->euicc.snapshot;
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	const char *const *list;

	add_if(names, now->kind != before->kind, "Kind");
	add_if(names, now->free_memory != before->free_memory, "FreeMemory");
	add_if(names, strcmp(now->default_smdp, before->default_smdp) != 0, "DefaultSmdp");
	add_if(names, strcmp(now->root_smds, before->root_smds) != 0, "RootSmds");
	add_if(names,
		strcmp(iccid_of(snapshot_enabled_profile(now)),
			iccid_of(snapshot_enabled_profile(before))) != 0,
		"EnabledProfile");
	add_if(names, strcmp(iccid_of(fallback_of(now)), iccid_of(fallback_of(before))) != 0,
		"FallbackProfile");
	add_if(names, now->notifications->len != before->notifications->len,
		"PendingNotifications");
	add_if(names, strcmp(managed_by(now), managed_by(before)) != 0, "ManagedBy");
	list = end_names(names);
	if (list && manager->listener.euicc_changed)
		manager->listener.euicc_changed(
			manager->listener.user, &euicc->euicc, SGP32_INTERFACE_EUICC, list);
}

static void tell_ipa(Manager *manager, ManagedEuicc *euicc, const IpaState *before)
{
	const IpaState *now = euicc->euicc.ipa;
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	const char *const *list;

	add_if(names, now->polling_enabled != before->polling_enabled, "PollingEnabled");
	add_if(names, now->next_poll != before->next_poll, "NextPoll");
	add_if(names, now->last_poll != before->last_poll, "LastPoll");
	add_if(names, strcmp(now->last_result, before->last_result) != 0, "LastResult");
	add_if(names, strcmp(now->package_phase, before->package_phase) != 0, "PackagePhase");
	add_if(names, now->rollback_available != before->rollback_available, "RollbackAvailable");
	add_if(names, strcmp(now->immediate_enable, before->immediate_enable) != 0,
		"ImmediateEnableConfigured");
	list = end_names(names);
	if (list && manager->listener.euicc_changed)
		manager->listener.euicc_changed(
			manager->listener.user, &euicc->euicc, SGP32_INTERFACE_IPA, list);
	for (guint i = 0; i < now->eims->len; i++) {
		const EimState *new = now->eims->pdata[i], *old = NULL;
		const CardEim *eim = snapshot_eim(euicc->euicc.snapshot, new->eim_id);
		g_autoptr(GPtrArray) changes = g_ptr_array_new();

		for (guint j = 0; j < before->eims->len && !old; j++)
			if (strcmp(((EimState *)before->eims->pdata[j])->eim_id, new->eim_id) == 0)
				old = before->eims->pdata[j];
		if (!old || !eim)
			continue;
		add_if(changes, new->last_poll != old->last_poll, "LastPoll");
		add_if(changes, strcmp(new->last_result, old->last_result) != 0, "LastResult");
		add_if(changes, new->next_poll != old->next_poll, "NextPoll");
		add_if(changes, new->failures != old->failures, "Failures");
		add_if(changes, new->interval != old->interval, "Interval");
		add_if(changes, new->enabled != old->enabled, "Enabled");
		list = end_names(changes);
		if (list && manager->listener.eim_changed)
			manager->listener.eim_changed(
				manager->listener.user, &euicc->euicc, eim, list);
	}
}

void manager_euicc_update(Manager *manager, ManagedEuicc *euicc, WorkerNotice *notice)
{
	Snapshot *before_snapshot = euicc->euicc.snapshot;
	IpaState *before_ipa = euicc->euicc.ipa;

	/* The words of a worker that has another card by now. */
	if (notice->snapshot && strcmp(notice->snapshot->eid_text, euicc->euicc.eid) != 0)
		return;
	if (notice->kind == WORKER_DONE)
		euicc->next_notification = notice->next_notification;
	if (notice->snapshot)
		euicc->euicc.snapshot = g_steal_pointer(&notice->snapshot);
	if (notice->ipa)
		euicc->euicc.ipa = g_steal_pointer(&notice->ipa);
	if (euicc->euicc.published) {
		if (euicc->euicc.snapshot != before_snapshot) {
			tell_euicc(manager, euicc, before_snapshot);
			tell_profiles(manager, euicc, before_snapshot);
			tell_eims(manager, euicc, before_snapshot);
		}
		if (euicc->euicc.ipa != before_ipa)
			tell_ipa(manager, euicc, before_ipa);
	} else if (euicc->euicc.snapshot->profiles_known) {
		g_autofree char *shown = redact_text(euicc->euicc.eid);

		euicc->euicc.published = true;
		g_ptr_array_add(manager->published, &euicc->euicc);
		g_message("eUICC %s (%s) in %s, slot %u", shown,
			euicc_kind_text(euicc->euicc.snapshot->kind), euicc->euicc.device,
			euicc->euicc.slot);
		if (manager->listener.euicc_added)
			manager->listener.euicc_added(manager->listener.user, &euicc->euicc);
	}
	if (euicc->euicc.snapshot != before_snapshot)
		snapshot_free(before_snapshot);
	if (euicc->euicc.ipa != before_ipa)
		ipa_state_free(before_ipa);
}

/* ---- schedule ---- */

static int on_poll_timer(sd_event_source *source, uint64_t usec, void *user)
{
	ManagedEuicc *euicc = user;
	Manager *manager = euicc->manager;
	const ManagedSlot *slot = euicc->worker ? euicc->worker->slot : NULL;

	if (!slot)
		return 0;
	/* A device that boots is not online at once: a change of the network ends the wait. */
	if (!euicc->awaits_network && !link_routed(manager->link, slot->device->interface)) {
		euicc->awaits_network = true;
		manager_timer(manager, &euicc->poll_timer, NETWORK_WAIT_US, on_poll_timer, euicc);
		return 0;
	}
	euicc->awaits_network = false;
	manager_submit_own(manager, euicc, JOB_POLL);
	return 0;
}

/* When the next thing is due for that card: µs realtime, 0: nothing. */
static int64_t next_due(const ManagedEuicc *euicc, int64_t now)
{
	const Config *config = euicc->manager->config;
	const IpaState *ipa = euicc->euicc.ipa;
	int64_t next = euicc->next_notification;

	if (next && schedule_is_due(config, 0, next, now))
		next = now;

	for (guint i = 0; ipa->polling_enabled && i < ipa->eims->len; i++) {
		const EimState *eim = ipa->eims->pdata[i];
		int64_t due = eim->next_poll;

		if (schedule_is_due(config, eim->interval, due, now))
			due = now;
		/* A result that its eIM has not got does not wait for the interval. */
		else if (eim->owed)
			due = MIN(due, now + config->backoff_min * USEC_PER_SEC);
		if (eim->enabled && (!next || due < next))
			next = due;
	}
	return next;
}

void manager_euicc_job_ended(ManagedEuicc *euicc, JobOperation operation, const GError *error)
{
	int64_t now = clock_realtime(), due = next_due(euicc, now);

	if (operation != JOB_ATTACH && operation != JOB_POLL)
		return;
	/* What an eIM had to do with is put off in the store; what is due nevertheless is not. */
	if (error &&
		(operation == JOB_ATTACH || (due && due <= now) ||
			sgp32_error_is(error, SGP32_ERROR_STORE_UNAVAILABLE) ||
			sgp32_error_is(error, SGP32_ERROR_CARD_LOST) ||
			sgp32_error_is(error, SGP32_ERROR_NO_CARD))) {
		euicc->stumbles++;
		euicc->stumbled = clock_boottime();
	} else {
		euicc->stumbles = 0;
	}
}

/* How long nothing is tried after such a failure: µs, 0: there was none. */
static int64_t stumble_pause(const Manager *manager, const ManagedEuicc *euicc)
{
	int64_t pause = manager->config->backoff_min, most = manager->config->backoff_max;

	if (!euicc->stumbles)
		return 0;
	for (unsigned i = 1; i < euicc->stumbles && pause < most; i++)
		pause *= 2;
	return MAX(euicc->stumbled + MIN(pause, most) * USEC_PER_SEC - clock_boottime(), 1);
}

void manager_euicc_schedule(Manager *manager, ManagedEuicc *euicc)
{
	int64_t now = clock_realtime(), due = next_due(euicc, now), delay;
	int64_t pause = stumble_pause(manager, euicc);

	euicc->poll_timer = sd_event_source_disable_unref(euicc->poll_timer);
	euicc->awaits_network = false;
	if (manager->stopping || (!pause && (!due || !euicc->euicc.published)))
		return;
	/* The clock of the wall may jump; a day is the longest that anything waits. */
	delay = MAX(due ? CLAMP(due - now, 0, SCHEDULE_MAX_US) : 0, pause);
	manager_timer(manager, &euicc->poll_timer, delay, on_poll_timer, euicc);
}

static bool lacked_network(const ManagedEuicc *euicc)
{
	for (guint i = 0; i < euicc->euicc.ipa->eims->len; i++) {
		const EimState *eim = euicc->euicc.ipa->eims->pdata[i];

		if (eim->enabled && strcmp(eim->last_result, "NetworkUnavailable") == 0)
			return true;
	}
	return false;
}

void manager_euiccs_link_changed(Manager *manager)
{
	int64_t now = clock_boottime(), window = manager->config->backoff_min * USEC_PER_SEC;

	for (guint i = 0; i < manager->all_euiccs->len; i++) {
		ManagedEuicc *euicc = manager->all_euiccs->pdata[i];
		const ManagedSlot *slot = euicc->worker ? euicc->worker->slot : NULL;

		if (!slot || !link_usable(manager->link, slot->device->interface))
			continue;
		if (euicc->awaits_network) {
			if (link_routed(manager->link, slot->device->interface)) {
				euicc->awaits_network = false;
				euicc->poll_timer =
					sd_event_source_disable_unref(euicc->poll_timer);
				manager_submit_own(manager, euicc, JOB_POLL);
			}
			continue;
		}
		if (!euicc->euicc.ipa->polling_enabled || !lacked_network(euicc))
			continue;
		/* A network comes in steps (link, address, routes), each of which may be the one that was
		 * missing; one that flaps does not make a poll of each flap. */
		if (!euicc->network_since || now - euicc->network_since > window) {
			euicc->network_since = now;
			euicc->network_tries = 0;
		}
		if (euicc->network_tries++ < NETWORK_TRIES_MAX)
			manager_submit_network_back(manager, euicc);
	}
}
