/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-manager.h"

#include <string.h>

#include "errors.h"
#include "names.h"

#define NAMES(...) ((const char *const[]) { __VA_ARGS__, NULL })
#define TICK (30 * USEC_PER_MSEC)

#include "base/clock.h"

struct Manager {
	sd_event *event;
	ManagerListener listener;
	GPtrArray *euiccs, *jobs, *slots; /* of Euicc, Job, SlotRow */
	uint32_t last_id;
	bool online;
	bool automatic; /* jobs go on by themselves */
	bool discreet; /* codes are not kept for the test to read */
	Sgp32Error refuse; /* what the next submission fails with; 0: nothing */
	sd_event_source *tick;
	char *last_request; /* for the test to read */
	char *last_answer;
};

/* ---- model.h ---- */

const char *euicc_state_text(EuiccState state)
{
	static const char *const texts[] = { "ready", "busy", "absent-expected", "failed" };

	return texts[state];
}

/* ---- manager.h, reading ---- */

void manager_set_listener(Manager *manager, const ManagerListener *listener)
{
	manager->listener = listener ? *listener : (ManagerListener) { 0 };
}

const GPtrArray *manager_euiccs(const Manager *manager)
{
	return manager->euiccs;
}

const GPtrArray *manager_jobs(const Manager *manager)
{
	return manager->jobs;
}

const GPtrArray *manager_slots(const Manager *manager)
{
	return manager->slots;
}

const char *const *manager_plugins(const Manager *manager)
{
	static const char *const plugins[] = { "mbim", "qmi", NULL };

	return plugins;
}

bool manager_online(const Manager *manager)
{
	return manager->online;
}

const char *manager_online_source(const Manager *manager)
{
	return manager->online ? "mm" : "none";
}

static Euicc *euicc_by_eid(const Manager *manager, const char *eid)
{
	for (unsigned i = 0; i < manager->euiccs->len; i++) {
		Euicc *euicc = g_ptr_array_index(manager->euiccs, i);

		if (strcmp(euicc->eid, eid) == 0)
			return euicc;
	}
	return NULL;
}

const Euicc *manager_euicc(const Manager *manager, const char *eid)
{
	return euicc_by_eid(manager, eid);
}

static Job *job_by_id(const Manager *manager, uint32_t id)
{
	for (unsigned i = 0; i < manager->jobs->len; i++) {
		Job *job = g_ptr_array_index(manager->jobs, i);

		if (job->id == id)
			return job;
	}
	return NULL;
}

const Job *manager_job(const Manager *manager, uint32_t id)
{
	return job_by_id(manager, id);
}

const Euicc *manager_find_euicc(const Manager *manager, const char *text, GError **error)
{
	g_autoptr(GString) candidates = g_string_new(NULL);
	const Euicc *found = NULL;
	unsigned n = 0;

	for (unsigned i = 0; i < manager->euiccs->len; i++) {
		const Euicc *euicc = g_ptr_array_index(manager->euiccs, i);

		if (strcmp(text, "any") != 0 && strcmp(text, euicc->device) != 0 &&
			(strlen(text) < 4 || !g_str_has_suffix(euicc->eid, text)))
			continue;
		found = euicc;
		g_string_append_printf(candidates, "%s%s", n++ ? ", " : "", euicc->eid);
	}
	if (n == 1)
		return found;
	if (n == 0)
		sgp32_fail(error, SGP32_ERROR_NOT_FOUND, "there is no eUICC “%s”", text);
	else
		sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "“%s” may be any of %s", text,
			candidates->str);
	return NULL;
}

void history_row_free(HistoryRow *row)
{
	g_free(row->eid);
	g_free(row->operation);
	g_free(row->initiator);
	g_free(row->result);
	g_free(row->error);
	g_free(row->message);
	g_free(row->details);
	g_free(row);
}

GPtrArray *manager_history(Manager *manager, const char *eid, unsigned max, GError **error)
{
	GPtrArray *rows = g_ptr_array_new_with_free_func((GDestroyNotify)history_row_free);

	for (unsigned i = 0; i < manager->euiccs->len && rows->len < max; i++) {
		const Euicc *euicc = g_ptr_array_index(manager->euiccs, i);
		HistoryRow *row;

		if (*eid && strcmp(eid, euicc->eid) != 0)
			continue;
		row = g_new0(HistoryRow, 1);
		row->eid = g_strdup(euicc->eid);
		row->operation = g_strdup("poll");
		row->initiator = g_strdup("boot");
		row->result = g_strdup(i ? "failed" : "done");
		row->error = g_strdup(i ? "org.sgp32.Error.TlsUntrusted" : "");
		row->message = g_strdup(i ? "the certificate has expired" : "");
		row->details = g_strdup("{\"packages\":1}");
		row->start_time = UINT64_C(1700000000000000);
		row->end_time = UINT64_C(1700000002500000);
		g_ptr_array_add(rows, row);
	}
	return rows;
}

/* ---- jobs ---- */

static void job_free(void *data)
{
	Job *job = data;

	g_free(job->eid);
	g_free(job->path);
	g_free(job->object_path);
	g_free(job->step);
	g_variant_unref(job->question);
	g_variant_unref(job->result);
	g_clear_error(&job->error);
	g_free(job);
}

static GVariant *nothing(void)
{
	return g_variant_ref_sink(g_variant_new_array(G_VARIANT_TYPE("{sv}"), NULL, 0));
}

static void job_set_current(Manager *manager, const Job *job, bool current)
{
	Euicc *euicc = euicc_by_eid(manager, job->eid);

	if (!euicc)
		return;
	euicc->current_job = current ? (Job *)job : NULL;
	euicc->state = current ? EUICC_BUSY : EUICC_READY;
	manager->listener.euicc_changed(
		manager->listener.user, euicc, SGP32_INTERFACE_EUICC, NAMES("CurrentJob", "State"));
}

static Job *job_new(Manager *manager, const char *eid, const JobRequest *request)
{
	Job *job = g_new0(Job, 1);

	job->id = ++manager->last_id;
	job->operation = request->operation;
	job->initiator = request->initiator;
	job->uid = request->uid;
	job->eid = g_strdup(eid ? eid : "");
	job->path = g_strdup_printf(SGP32_PATH_JOB "/%u", job->id);
	job->object_path = eid ? g_strdup_printf(SGP32_PATH_EUICC "/%s", eid) : g_strdup("/");
	job->start_time = (uint64_t)clock_realtime();
	job->step = g_strdup("");
	job->cancelable = true;
	job->question = nothing();
	job->result = nothing();
	g_ptr_array_add(manager->jobs, job);
	manager->listener.job_added(manager->listener.user, job);
	job_set_current(manager, job, true);
	return job;
}

static void job_set(Manager *manager, Job *job, JobStatus status, const char *step, double progress)
{
	g_free(job->step);
	job->status = status;
	job->step = g_strdup(step);
	job->progress = progress;
	job->progress_valid = true;
	manager->listener.job_changed(
		manager->listener.user, job, NAMES("State", "Step", "Progress", "ProgressValid"));
}

static void job_ask(Manager *manager, Job *job, const char *kind)
{
	g_variant_unref(job->question);
	job->question = g_variant_ref_sink(g_variant_new_parsed(
		"{'kind': <%s>, 'profile-name': <'Acme IoT'>, 'service-provider': <'Acme'>}",
		kind));
	job->status = JOB_WAITING_USER;
	manager->listener.job_changed(manager->listener.user, job, NAMES("State", "Question"));
}

/* error is taken; NULL: done. */
static void job_end(Manager *manager, Job *job, GError *error)
{
	job->error = error;
	job->cancelable = false;
	if (!error) {
		g_variant_unref(job->result);
		job->result = g_variant_ref_sink(g_variant_new_parsed(
			"{'packages': <uint32 1>, 'seqs': <[int64 7]>, 'raw': <b'ab'>,"
			" 'pair': <(true, 1.5)>}"));
	}
	job_set(manager, job,
		!error                                                 ? JOB_DONE
			: sgp32_error_is(error, SGP32_ERROR_CANCELLED) ? JOB_CANCELLED
								       : JOB_FAILED,
		"", 1);
	manager->listener.job_changed(
		manager->listener.user, job, NAMES("Result", "Error", "Cancelable"));
	manager->listener.job_completed(manager->listener.user, job);
	job_set_current(manager, job, false);
}

static int on_tick(sd_event_source *source, uint64_t now, void *userdata)
{
	static const char *const steps[] = { "connect", "authenticate", "transfer", "finish" };
	Manager *manager = userdata;

	for (unsigned i = 0; i < manager->jobs->len; i++) {
		Job *job = g_ptr_array_index(manager->jobs, i);
		unsigned next = (unsigned)(job->progress * 4 + 0.5);

		if (job_status_ended(job->status) || job->status == JOB_WAITING_USER)
			continue;
		if (next < G_N_ELEMENTS(steps))
			job_set(manager, job, JOB_RUNNING, steps[next], (next + 1) / 4.0);
		else
			job_end(manager, job, NULL);
	}
	(void)sd_event_source_set_time_relative(source, TICK);
	(void)sd_event_source_set_enabled(
		source, manager->automatic ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
	return 0;
}

const Job *manager_submit(Manager *manager, const char *eid, JobRequest *request, GError **error)
{
	Job *job = NULL;

	g_free(manager->last_request);
	manager->last_request = manager->discreet
		? g_strdup("")
		: g_strdup_printf("%s %s uid=%u eid=%s eim=%s force=%d code=%s "
				  "confirmation=%s accept=%d",
			  job_operation_text(request->operation),
			  job_initiator_text(request->initiator), request->uid, eid ? eid : "-",
			  request->eim_id ? request->eim_id : "-", request->force,
			  request->activation_code ? request->activation_code : "-",
			  request->confirmation_code ? request->confirmation_code : "-",
			  request->accept);
	if (manager->refuse)
		sgp32_fail(error, manager->refuse, "the test wants it so");
	else
		job = job_new(manager, eid, request);
	manager->refuse = SGP32_ERROR_FAILED;
	if (job && manager->automatic) {
		if (job->operation == JOB_DOWNLOAD && !request->accept)
			job_ask(manager, job, "install");
		(void)sd_event_source_set_time_relative(manager->tick, TICK);
		(void)sd_event_source_set_enabled(manager->tick, SD_EVENT_ONESHOT);
	}
	job_request_free(request);
	return job;
}

bool manager_job_cancel(Manager *manager, uint32_t id, GError **error)
{
	Job *job = job_by_id(manager, id);

	if (!job || job_status_ended(job->status))
		return sgp32_fail(error, SGP32_ERROR_NOT_FOUND, "the job has ended");
	if (!job->cancelable)
		return sgp32_fail(error, SGP32_ERROR_NOT_SUPPORTED, "not at this point");
	job_end(manager, job, g_error_new(SGP32_ERROR, SGP32_ERROR_CANCELLED, "cancelled"));
	return true;
}

bool manager_job_answer(Manager *manager, uint32_t id, GVariant *answer, GError **error)
{
	Job *job = job_by_id(manager, id);
	gboolean accept = FALSE;
	const char *code = NULL;

	if (!job || job_status_ended(job->status))
		return sgp32_fail(error, SGP32_ERROR_NOT_FOUND, "the job has ended");
	if (job->status != JOB_WAITING_USER)
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "nothing is asked");
	g_variant_lookup(answer, "accept", "b", &accept);
	g_variant_lookup(answer, "confirmation-code", "&s", &code);
	g_free(manager->last_answer);
	manager->last_answer = manager->discreet
		? g_strdup("")
		: g_strdup_printf("accept=%d confirmation=%s", accept, code ? code : "-");
	g_variant_unref(job->question);
	job->question = nothing();
	if (accept || code) {
		job->status = JOB_RUNNING;
		manager->listener.job_changed(
			manager->listener.user, job, NAMES("State", "Question"));
	} else {
		job_end(manager, job,
			g_error_new(SGP32_ERROR, SGP32_ERROR_REJECTED, "the profile was refused"));
	}
	return true;
}

bool manager_set_polling_enabled(Manager *manager, const char *eid, bool enabled, GError **error)
{
	Euicc *euicc = euicc_by_eid(manager, eid);

	euicc->ipa->polling_enabled = enabled;
	manager->listener.euicc_changed(
		manager->listener.user, euicc, SGP32_INTERFACE_IPA, NAMES("PollingEnabled"));
	return true;
}

bool manager_set_eim_enabled(
	Manager *manager, const char *eid, const char *eim_id, bool enabled, GError **error)
{
	Euicc *euicc = euicc_by_eid(manager, eid);

	for (unsigned i = 0; i < euicc->ipa->eims->len; i++) {
		EimState *state = g_ptr_array_index(euicc->ipa->eims, i);

		if (strcmp(state->eim_id, eim_id) != 0)
			continue;
		state->enabled = enabled;
		manager->listener.eim_changed(manager->listener.user, euicc,
			snapshot_eim(euicc->snapshot, eim_id), NAMES("Enabled"));
		return true;
	}
	return sgp32_fail(error, SGP32_ERROR_NOT_FOUND, "there is no such eIM");
}

bool manager_reload(Manager *manager, GError **error)
{
	if (manager->online)
		return true;
	return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "sgp32.conf:12: no such key “Pol”");
}

/* ---- the model that a test starts with ---- */

static void set(char **text, const char *value)
{
	g_free(*text);
	*text = g_strdup(value);
}

static CardProfile *profile_make(Euicc *euicc, const char *iccid, const char *name)
{
	CardProfile *profile = card_profile_new();
	g_autofree char *nickname = g_strdup_printf("my %s", name);

	set(&profile->iccid, iccid);
	set(&profile->isdp_aid, "a0000005591010ffffffff8900001100");
	set(&profile->name, name);
	set(&profile->nickname, nickname);
	set(&profile->service_provider, "Acme");
	set(&profile->owner_mccmnc, "00f110");
	profile->policy_rules = 1U << 1;
	g_ptr_array_add(euicc->snapshot->profiles, profile);
	return profile;
}

static CardEim *eim_make(Euicc *euicc, const char *eim_id)
{
	CardEim *eim = card_eim_new();
	EimState *state = g_new0(EimState, 1);

	set(&eim->eim_id, eim_id);
	set(&eim->fqdn, eim_id);
	set(&eim->trust, "pinned-key");
	eim->id_type = 2;
	eim->protocols = 1 | 4;
	g_ptr_array_add(euicc->snapshot->eims, eim);
	state->eim_id = g_strdup(eim_id);
	state->last_result = g_strdup("nothing");
	state->last_poll = (uint64_t)(clock_realtime() - 180 * USEC_PER_SEC);
	state->next_poll = (uint64_t)(clock_realtime() + 42 * 60 * USEC_PER_SEC);
	state->interval = 3600;
	state->enabled = true;
	g_ptr_array_add(euicc->ipa->eims, state);
	return eim;
}

static void notification_make(Euicc *euicc, int64_t seq, const char *operation)
{
	CardNotification *notification = card_notification_new();

	notification->seq = seq;
	set(&notification->operation, operation);
	set(&notification->address, "smdp.lab.test");
	set(&notification->iccid, "8944000000000000017");
	g_ptr_array_add(euicc->snapshot->notifications, notification);
}

static Euicc *euicc_make(Manager *manager, const char *eid, EuiccKind kind)
{
	Euicc *euicc = g_new0(Euicc, 1);
	Snapshot *snapshot = snapshot_new();

	euicc->eid = g_strdup(eid);
	euicc->path = g_strdup_printf(SGP32_PATH_EUICC "/%s", eid);
	euicc->snapshot = snapshot;
	euicc->device = g_strdup_printf("/dev/cdc-wdm%u", manager->euiccs->len);
	euicc->plugin = g_strdup("qmi");
	euicc->slot = 1;
	euicc->modem_path = g_strdup("/");
	euicc->published = true;
	set(&snapshot->eid_text, eid);
	snapshot->kind = kind;
	set(&snapshot->profile_version, "2.3.1");
	set(&snapshot->svn_version, "3.1.0");
	set(&snapshot->firmware_version, "1.2.3");
	set(&snapshot->root_smds, "smds.lab.test");
	g_strfreev(snapshot->capabilities);
	snapshot->capabilities = g_strsplit("usim isim", " ", 0);
	g_strfreev(snapshot->ci_pk_ids);
	snapshot->ci_pk_ids = g_strsplit("f54172bdf98a95d65cbeb88a38a1c11d800a85c3", " ", 0);
	snapshot->free_memory = 524288;
	euicc->ipa = g_new0(IpaState, 1);
	euicc->ipa->immediate_enable = g_strdup("unknown");
	euicc->ipa->polling_enabled = true;
	euicc->ipa->last_result = g_strdup("nothing");
	euicc->ipa->last_poll = (uint64_t)(clock_realtime() - 180 * USEC_PER_SEC);
	euicc->ipa->next_poll = (uint64_t)(clock_realtime() + 42 * 60 * USEC_PER_SEC);
	euicc->ipa->package_phase = g_strdup("idle");
	euicc->ipa->capabilities = g_strsplit("direct retrieve-https", " ", 0);
	euicc->ipa->eims = g_ptr_array_new();
	g_ptr_array_add(manager->euiccs, euicc);
	return euicc;
}

static SlotRow *slot_make(
	const char *device, const char *state, const char *reason, const char *hint)
{
	SlotRow *row = g_new0(SlotRow, 1);

	row->device = g_strdup(device);
	row->plugin = g_strdup("qmi");
	row->physical_slot = row->logical_slot = 1;
	row->atr = g_strdup("3b9f96801fc7");
	row->state = g_strdup(state);
	row->reason = g_strdup(reason);
	row->hint = g_strdup(hint);
	return row;
}

static void fake_euicc_free(void *data)
{
	Euicc *euicc = data;

	for (unsigned i = 0; i < euicc->ipa->eims->len; i++) {
		EimState *state = g_ptr_array_index(euicc->ipa->eims, i);

		g_free(state->eim_id);
		g_free(state->last_result);
		g_free(state);
	}
	g_ptr_array_unref(euicc->ipa->eims);
	g_free(euicc->ipa->immediate_enable);
	g_free(euicc->ipa->last_result);
	g_free(euicc->ipa->package_phase);
	g_strfreev(euicc->ipa->capabilities);
	g_free(euicc->ipa);
	g_free(euicc->eid);
	g_free(euicc->path);
	g_free(euicc->device);
	g_free(euicc->plugin);
	g_free(euicc->modem_path);
	snapshot_free(euicc->snapshot);
	g_clear_error(&euicc->last_error);
	g_free(euicc);
}

static void fake_slot_free(void *data)
{
	SlotRow *row = data;

	g_free(row->device);
	g_free(row->plugin);
	g_free(row->atr);
	g_free(row->state);
	g_free(row->reason);
	g_free(row->hint);
	g_free(row);
}

void manager_free(Manager *manager)
{
	if (!manager)
		return;
	g_ptr_array_unref(manager->euiccs);
	g_ptr_array_unref(manager->jobs);
	g_ptr_array_unref(manager->slots);
	sd_event_source_unref(manager->tick);
	g_free(manager->last_request);
	g_free(manager->last_answer);
	g_free(manager);
}

Manager *fake_manager_new(sd_event *event)
{
	Manager *manager = g_new0(Manager, 1);
	CardProfile *bootstrap;
	Euicc *iot;

	manager->event = event;
	manager->euiccs = g_ptr_array_new_with_free_func(fake_euicc_free);
	manager->jobs = g_ptr_array_new_with_free_func(job_free);
	manager->slots = g_ptr_array_new_with_free_func(fake_slot_free);
	manager->online = true;
	manager->last_request = g_strdup("");
	manager->last_answer = g_strdup("");
	iot = euicc_make(manager, "89049032123451234512345678901235", EUICC_IOT);
	bootstrap = profile_make(iot, "8944000000000000009", "Bootstrap");
	bootstrap->class = PROFILE_PROVISIONING;
	bootstrap->enabled = bootstrap->fallback = true;
	bootstrap->icon = g_bytes_new_static("\x89PNG", 4);
	set(&bootstrap->icon_mime, "image/png");
	profile_make(iot, "8944000000000000017", "Acme IoT");
	eim_make(iot, "eim.lab.test");
	notification_make(iot, 3, "install");
	notification_make(iot, 4, "enable");
	profile_make(euicc_make(manager, "89049032000000000000000000000012", EUICC_CONSUMER),
		"8944000000000000025", "Home");
	g_ptr_array_add(manager->slots, slot_make("/dev/cdc-wdm0", "euicc", "", ""));
	g_ptr_array_add(manager->slots,
		slot_make("/dev/cdc-wdm2", "no-euicc", "isdr-not-found",
			"this card is an ordinary SIM"));
	(void)sd_event_add_time(
		event, &manager->tick, CLOCK_MONOTONIC, UINT64_MAX, 1, on_tick, manager);
	(void)sd_event_source_set_enabled(manager->tick, SD_EVENT_OFF);
	return manager;
}

/* ---- control ---- */

static char *control_euicc(Manager *manager, char **words)
{
	const ManagerListener *to = &manager->listener;
	Euicc *euicc = euicc_by_eid(manager, words[1]);

	if (strcmp(words[0], "add-euicc") == 0) {
		euicc = euicc_make(manager, words[1],
			strcmp(words[2], "iot") == 0 ? EUICC_IOT : EUICC_CONSUMER);
		profile_make(euicc, "8944000000000000033", "Third");
		to->euicc_added(to->user, euicc);
		return g_strdup("ok");
	}
	if (!euicc)
		return g_strdup("error no such eUICC");
	if (strcmp(words[0], "remove-euicc") == 0) {
		to->euicc_removed(to->user, euicc);
		g_ptr_array_remove(manager->euiccs, euicc);
	} else if (strcmp(words[0], "set-free") == 0) {
		euicc->snapshot->free_memory = g_ascii_strtoull(words[2], NULL, 10);
		to->euicc_changed(to->user, euicc, SGP32_INTERFACE_EUICC, NAMES("FreeMemory"));
	} else if (strcmp(words[0], "set-phase") == 0) {
		set(&euicc->ipa->package_phase, words[2]);
		to->euicc_changed(to->user, euicc, SGP32_INTERFACE_IPA, NAMES("PackagePhase"));
	} else if (strcmp(words[0], "last-error") == 0) {
		g_clear_error(&euicc->last_error);
		euicc->last_error = g_error_new_literal(SGP32_ERROR, SGP32_ERROR_CARD_LOST,
			words[2] ? words[2] : "the card was taken out");
		euicc->last_error_time = 1700000000000000;
		to->euicc_changed(to->user, euicc, SGP32_INTERFACE_EUICC, NAMES("LastError"));
	} else if (strcmp(words[0], "add-profile") == 0) {
		to->profile_added(to->user, euicc, profile_make(euicc, words[2], words[3]));
	} else if (strcmp(words[0], "remove-profile") == 0) {
		g_ptr_array_remove(
			euicc->snapshot->profiles, snapshot_profile(euicc->snapshot, words[2]));
		to->profile_removed(to->user, euicc, words[2]);
	} else if (strcmp(words[0], "enable") == 0) {
		CardProfile *old = snapshot_enabled_profile(euicc->snapshot);
		CardProfile *new = snapshot_profile(euicc->snapshot, words[2]);

		old->enabled = false;
		new->enabled = true;
		to->profile_changed(to->user, euicc, old, NAMES("State"));
		to->profile_changed(to->user, euicc, new, NAMES("State"));
		to->euicc_changed(to->user, euicc, SGP32_INTERFACE_EUICC, NAMES("EnabledProfile"));
	} else if (strcmp(words[0], "add-eim") == 0) {
		to->eim_added(to->user, euicc, eim_make(euicc, words[2]));
	} else if (strcmp(words[0], "remove-eim") == 0) {
		g_ptr_array_remove(euicc->snapshot->eims, snapshot_eim(euicc->snapshot, words[2]));
		to->eim_removed(to->user, euicc, words[2]);
	} else {
		return g_strdup("error no such verb");
	}
	return g_strdup("ok");
}

static char *control_job(Manager *manager, char **words)
{
	Job *job = job_by_id(manager, (uint32_t)g_ascii_strtoull(words[1], NULL, 10));

	if (!job)
		return g_strdup("error no such job");
	if (strcmp(words[0], "job-step") == 0) {
		job_set(manager, job, JOB_RUNNING, words[2], g_ascii_strtod(words[3], NULL));
	} else if (strcmp(words[0], "job-ask") == 0) {
		job_ask(manager, job, words[2]);
	} else if (strcmp(words[0], "job-pin") == 0) {
		job->cancelable = false;
		manager->listener.job_changed(manager->listener.user, job, NAMES("Cancelable"));
	} else if (strcmp(words[0], "job-done") == 0) {
		job_end(manager, job, NULL);
	} else if (strcmp(words[0], "job-fail") == 0) {
		const ErrorRow *row = error_row_find(words[2]);
		GError *error = g_error_new_literal(
			SGP32_ERROR, (int)row->code, words[3] ? words[3] : "it went wrong");

		sgp32_error_set_sw(error, 0x6a80);
		sgp32_error_set_spec(error, 7);
		sgp32_error_set_http(error, 500);
		sgp32_error_set_codes(error, "8.2.6", "3.8");
		sgp32_error_set_hint(error, "try another matching id");
		job_end(manager, job, error);
	} else if (strcmp(words[0], "job-remove") == 0) {
		manager->listener.job_removed(manager->listener.user, job);
		g_ptr_array_remove(manager->jobs, job);
	} else {
		return g_strdup("error no such verb");
	}
	return g_strdup("ok");
}

/* start-job OPERATION INITIATOR UID EID */
static char *control_start(Manager *manager, char **words)
{
	JobRequest request = { .uid = (uint32_t)g_ascii_strtoull(words[3], NULL, 10) };

	while (strcmp(job_operation_text(request.operation), words[1]) != 0)
		request.operation++;
	while (strcmp(job_initiator_text(request.initiator), words[2]) != 0)
		request.initiator++;
	return g_strdup_printf("ok %u", job_new(manager, words[4], &request)->id);
}

char *fake_manager_control(Manager *manager, const char *line)
{
	const ManagerListener *to = &manager->listener;
	g_auto(GStrv) words = g_strsplit(line, " ", 5);

	if (strcmp(words[0], "last-request") == 0)
		return g_strdup_printf("ok %s", manager->last_request);
	if (strcmp(words[0], "last-answer") == 0)
		return g_strdup_printf("ok %s", manager->last_answer);
	if (strcmp(words[0], "online") == 0) {
		manager->online = strcmp(words[1], "yes") == 0;
		to->manager_changed(to->user, NAMES("Online", "OnlineSource"));
		return g_strdup("ok");
	}
	if (strcmp(words[0], "slots-changed") == 0) {
		to->manager_changed(to->user, NAMES("Slots"));
		return g_strdup("ok");
	}
	if (strcmp(words[0], "refuse") == 0) {
		manager->refuse = error_row_find(words[1])->code;
		return g_strdup("ok");
	}
	if (strcmp(words[0], "discreet") == 0) {
		manager->discreet = true;
		return g_strdup("ok");
	}
	if (strcmp(words[0], "automatic") == 0) {
		manager->automatic = strcmp(words[1], "yes") == 0;
		return g_strdup("ok");
	}
	if (strcmp(words[0], "start-job") == 0)
		return control_start(manager, words);
	if (g_str_has_prefix(words[0], "job-"))
		return control_job(manager, words);
	return control_euicc(manager, words);
}
