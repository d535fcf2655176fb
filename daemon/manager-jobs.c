/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Jobs: queued, handed to the worker, followed, shown for a while. */
#include <string.h>

#include "base/redact.h"
#include "dbus/names.h"
#include "manager-private.h"

#define LIVE_MAX 32
#define LIVE_PER_UID_MAX 8

void managed_job_free(ManagedJob *managed)
{
	Job *job = &managed->job;

	sd_event_source_disable_unref(managed->linger);
	job_request_free(managed->request);
	post_cancel_unref(managed->cancel);
	post_cell_unref(managed->question);
	g_free(job->eid);
	g_free(job->path);
	g_free(job->object_path);
	g_free(job->step);
	g_variant_unref(job->question);
	g_variant_unref(job->result);
	g_clear_error(&job->error);
	g_free(managed);
}

static GVariant *empty_dict(void)
{
	return g_variant_ref_sink(g_variant_new("a{sv}", NULL));
}

static void changed(ManagedJob *managed, const char *name, ...)
{
	Manager *manager = managed->manager;
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	va_list args;

	va_start(args, name);
	for (; name; name = va_arg(args, const char *))
		g_ptr_array_add(names, (void *)name);
	va_end(args);
	g_ptr_array_add(names, NULL);
	if (manager->listener.job_changed)
		manager->listener.job_changed(
			manager->listener.user, &managed->job, (const char *const *)names->pdata);
}

static ManagedJob *job_new(Manager *manager, ManagedEuicc *euicc, JobRequest *request)
{
	ManagedJob *managed = g_new0(ManagedJob, 1);
	Job *job = &managed->job;

	managed->manager = manager;
	managed->euicc = euicc;
	managed->cancel = post_cancel_new();
	job->id = request->id = ++manager->last_job;
	job->operation = request->operation;
	job->initiator = request->initiator;
	job->uid = request->uid;
	job->eid = g_strdup(euicc ? euicc->euicc.eid : "");
	job->path = g_strdup_printf(SGP32_PATH_JOB "/%u", job->id);
	job->object_path = g_strdup(euicc ? euicc->euicc.path : "/");
	job->start_time = clock_realtime();
	job->status = JOB_QUEUED;
	job->step = g_strdup("");
	job->cancelable = request->operation != JOB_RESCAN;
	job->question = empty_dict();
	job->result = empty_dict();
	managed->request = request;
	g_ptr_array_add(manager->jobs, managed);
	return managed;
}

/* Fallback and emergency would come first; then people, eIM and policy, and the daemon's own. */
static int rank(const ManagedJob *managed)
{
	return managed->job.initiator == JOB_BY_USER    ? 0
		: managed->job.initiator == JOB_BY_BOOT ? 2
							: 1;
}

static void enqueue(ManagedEuicc *euicc, ManagedJob *managed)
{
	GList *at = euicc->queue.head;

	while (at && rank(at->data) <= rank(managed))
		at = at->next;
	g_queue_insert_before(&euicc->queue, at, managed);
}

static ManagedJob *find_equal(ManagedEuicc *euicc, const JobRequest *request)
{
	for (GList *at = euicc->queue.head; at; at = at->next) {
		ManagedJob *other = at->data;

		if (other->request && other->request->operation == request->operation &&
			other->request->initiator == request->initiator &&
			other->request->force == request->force &&
			other->request->network_back == request->network_back &&
			g_strcmp0(other->request->eim_id, request->eim_id) == 0)
			return other;
	}
	return NULL;
}

static ManagedJob *submit(Manager *manager, ManagedEuicc *euicc, JobRequest *request)
{
	ManagedJob *managed = NULL;

	if (euicc && request->initiator != JOB_BY_USER)
		managed = find_equal(euicc, request);
	if (managed) {
		job_request_free(request);
		/* It may have been queued while there was no card. */
		manager_jobs_run(manager, euicc);
		return managed;
	}
	managed = job_new(manager, euicc, request);
	if (manager->listener.job_added)
		manager->listener.job_added(manager->listener.user, &managed->job);
	if (euicc) {
		enqueue(euicc, managed);
		manager_jobs_run(manager, euicc);
	}
	return managed;
}

static ManagedJob *submit_own(
	Manager *manager, ManagedEuicc *euicc, JobOperation operation, bool network_back)
{
	JobRequest *request;

	if (manager->stopping)
		return NULL;
	request = job_request_new(operation, JOB_BY_BOOT);
	request->quiet = true;
	request->network_back = network_back;
	return submit(manager, euicc, request);
}

ManagedJob *manager_submit_own(Manager *manager, ManagedEuicc *euicc, JobOperation operation)
{
	return submit_own(manager, euicc, operation, false);
}

ManagedJob *manager_submit_network_back(Manager *manager, ManagedEuicc *euicc)
{
	return submit_own(manager, euicc, JOB_POLL, true);
}

static bool check_limits(Manager *manager, uint32_t uid, GError **error)
{
	unsigned all = 0, own = 0;

	for (guint i = 0; i < manager->jobs->len; i++) {
		const Job *job = manager->jobs->pdata[i];

		if (job->initiator != JOB_BY_USER || job_status_ended(job->status))
			continue;
		all++;
		own += job->uid == uid;
	}
	if (all >= LIVE_MAX || own >= LIVE_PER_UID_MAX)
		return sgp32_fail(error, SGP32_ERROR_BUSY,
			"Too many jobs: at most %u, and %u of one user", LIVE_MAX,
			LIVE_PER_UID_MAX);
	return true;
}

const Job *manager_submit(Manager *manager, const char *eid, JobRequest *request, GError **error)
{
	ManagedEuicc *euicc = eid ? manager_euicc_by_eid(manager, eid) : NULL;
	g_autoptr(JobRequest) taken = request;
	ManagedJob *managed;

	if (manager->stopping) {
		sgp32_fail(error, SGP32_ERROR_BUSY, "The daemon stops");
		return NULL;
	}
	if (!check_limits(manager, request->uid, error))
		return NULL;
	if (eid && !euicc) {
		sgp32_fail(error, SGP32_ERROR_NOT_FOUND, "There is no such eUICC");
		return NULL;
	}
	if (euicc && request->eim_id && !snapshot_eim(euicc->euicc.snapshot, request->eim_id)) {
		sgp32_fail(error, SGP32_ERROR_NOT_FOUND, "The card has no eIM \"%s\"",
			request->eim_id);
		return NULL;
	}
	managed = submit(manager, euicc, g_steal_pointer(&taken));
	if (managed->job.operation == JOB_RESCAN) {
		manager_rescan_devices(manager);
		managed->job.status = JOB_RUNNING;
		changed(managed, "State", NULL);
		manager_rescan_answered(manager);
	}
	return &managed->job;
}

void manager_rescan_answered(Manager *manager)
{
	for (guint i = 0; i < manager->devices->len; i++)
		if (((ManagedDevice *)manager->devices->pdata[i])->awaited)
			return;
	for (guint i = 0; i < manager->jobs->len; i++) {
		ManagedJob *managed = manager->jobs->pdata[i];

		if (managed->job.operation == JOB_RESCAN)
			manager_job_end(manager, managed, NULL, NULL);
	}
}

void manager_jobs_run(Manager *manager, ManagedEuicc *euicc)
{
	ManagedWorker *worker = euicc->worker;
	ManagedJob *managed;

	if (manager->stopping || !worker || !worker->slot || worker->job || worker->probing)
		return;
	managed = g_queue_pop_head(&euicc->queue);
	if (!managed)
		return;
	worker->job = managed;
	managed->worker = worker;
	managed->generation = link_generation(manager->link);
	managed->job.status = JOB_RUNNING;
	changed(managed, "State", NULL);
	euicc->euicc.current_job = &managed->job;
	manager_euicc_changed(manager, euicc, SGP32_INTERFACE_EUICC, "CurrentJob", (char *)NULL);
	manager_euicc_state(manager, euicc, EUICC_BUSY);
	worker_run(worker->worker, g_steal_pointer(&managed->request), managed->cancel);
}

void manager_job_progress(Manager *manager, ManagedJob *managed, const WorkerNotice *notice)
{
	static const JobStatus of_wait[] = {
		[HOST_RUNNING] = JOB_RUNNING,
		[HOST_WAITING_USER] = JOB_WAITING_USER,
		[HOST_WAITING_NETWORK] = JOB_WAITING_NETWORK,
		[HOST_WAITING_CARD] = JOB_WAITING_CARD,
	};
	Job *job = &managed->job;

	job->status = of_wait[notice->wait];
	job->deadline = notice->deadline;
	job->progress_valid = notice->progress >= 0;
	job->progress = notice->progress >= 0 ? MIN(notice->progress, 1) : 0;
	g_free(job->step);
	job->step = g_strdup(notice->step);
	/* A question that the worker does not wait for any more (cancelled, timed out). */
	if (managed->question && notice->wait != HOST_WAITING_USER) {
		g_clear_pointer(&managed->question, post_cell_unref);
		g_variant_unref(job->question);
		job->question = empty_dict();
		changed(managed, "Question", NULL);
	}
	changed(managed, "State", "Step", "Progress", "ProgressValid", "Deadline", NULL);
}

void manager_job_ask(Manager *manager, ManagedJob *managed, const WorkerNotice *notice)
{
	static const char *const rules[] = { "ppr-update-control", "ppr1", "ppr2" };
	Job *job = &managed->job;
	GVariantDict dict;
	GVariantBuilder list;

	post_cell_unref(managed->question);
	managed->question = post_cell_ref(notice->cell);
	g_variant_builder_init(&list, G_VARIANT_TYPE("as"));
	for (unsigned i = 0; i < G_N_ELEMENTS(rules); i++)
		if (notice->policy_rules >> i & 1)
			g_variant_builder_add(&list, "s", rules[i]);
	g_variant_dict_init(&dict, NULL);
	g_variant_dict_insert(&dict, "kind", "s", notice->question_kind);
	g_variant_dict_insert(&dict, "iccid", "s", notice->iccid);
	g_variant_dict_insert(&dict, "profile-name", "s", notice->profile_name);
	g_variant_dict_insert(&dict, "service-provider", "s", notice->service_provider);
	g_variant_dict_insert(&dict, "class", "s", profile_class_text(notice->class));
	g_variant_dict_insert_value(&dict, "policy-rules", g_variant_builder_end(&list));
	g_variant_dict_insert(&dict, "deadline", "t", (guint64)notice->deadline);
	g_variant_unref(job->question);
	job->question = g_variant_ref_sink(g_variant_dict_end(&dict));
	job->status = JOB_WAITING_USER;
	job->deadline = notice->deadline;
	changed(managed, "State", "Question", "Deadline", NULL);
}

static int on_linger(sd_event_source *source, uint64_t usec, void *user)
{
	ManagedJob *managed = user;
	Manager *manager = managed->manager;

	if (manager->listener.job_removed)
		manager->listener.job_removed(manager->listener.user, &managed->job);
	g_ptr_array_remove(manager->jobs, managed);
	managed_job_free(managed);
	return 0;
}

static void log_end(const Job *job)
{
	g_autofree char *eid = redact_text(job->eid);
	g_autofree char *text = job->error ? redact_path(job->error->message) : NULL;

	if (!job->error)
		g_info("%s (job %u, eUICC %s): done", job_operation_text(job->operation), job->id,
			eid);
	else if (job->status == JOB_CANCELLED)
		g_message("%s (job %u, eUICC %s): cancelled", job_operation_text(job->operation),
			job->id, eid);
	else
		g_warning("%s (job %u, eUICC %s): %s", job_operation_text(job->operation), job->id,
			eid, text);
}

void manager_job_end(Manager *manager, ManagedJob *managed, const GError *error, GVariant *result)
{
	Job *job = &managed->job;

	if (job_status_ended(job->status))
		return;
	job->status = !error                                   ? JOB_DONE
		: sgp32_error_is(error, SGP32_ERROR_CANCELLED) ? JOB_CANCELLED
							       : JOB_FAILED;
	job->error = error ? g_error_copy(error) : NULL;
	if (result) {
		g_variant_unref(job->result);
		job->result = g_variant_ref_sink(result);
	}
	if (managed->question) {
		WorkerAnswer *answer = worker_answer_new(false);

		sgp32_fail(&answer->error, SGP32_ERROR_CANCELLED, "Cancelled");
		post_cell_put(managed->question, answer);
		g_clear_pointer(&managed->question, post_cell_unref);
		g_variant_unref(job->question);
		job->question = empty_dict();
	}
	job->cancelable = false;
	job->deadline = 0;
	job->progress_valid = job->status == JOB_DONE;
	job->progress = job->status == JOB_DONE ? 1 : 0;
	log_end(job);
	changed(managed, "State", "Step", "Progress", "ProgressValid", "Cancelable", "Deadline",
		"Question", "Result", "Error", NULL);
	if (manager->listener.job_completed)
		manager->listener.job_completed(manager->listener.user, job);
	manager_timer(manager, &managed->linger, manager->config->job_linger * USEC_PER_SEC,
		on_linger, managed);
}

void manager_job_done(Manager *manager, ManagedJob *managed, WorkerNotice *notice)
{
	ManagedWorker *worker = managed->worker;
	ManagedEuicc *euicc = managed->euicc;

	managed->worker = NULL;
	worker->job = NULL;
	if (euicc) {
		euicc->euicc.current_job = NULL;
		if (notice->error && !sgp32_error_is(notice->error, SGP32_ERROR_CANCELLED)) {
			g_clear_error(&euicc->euicc.last_error);
			euicc->euicc.last_error = g_error_copy(notice->error);
			euicc->euicc.last_error_time = clock_realtime();
			manager_euicc_changed(manager, euicc, SGP32_INTERFACE_EUICC, "CurrentJob",
				"LastError", (char *)NULL);
		} else {
			manager_euicc_changed(
				manager, euicc, SGP32_INTERFACE_EUICC, "CurrentJob", (char *)NULL);
		}
		manager_euicc_state(
			manager, euicc, worker->slot ? EUICC_READY : EUICC_ABSENT_EXPECTED);
	}
	manager_job_end(manager, managed, notice->error, notice->result);
	if (sgp32_error_is(notice->error, SGP32_ERROR_STORE_UNAVAILABLE))
		manager_drop_store(manager);
	if (euicc) {
		manager_euicc_job_ended(euicc, managed->job.operation, notice->error);
		manager_euicc_schedule(manager, euicc);
		if (notice->error && managed->job.operation == JOB_ATTACH && worker->slot)
			manager_slot_failed(manager, worker->slot, notice->error);
		/* The network may have come while it was failing. */
		if (sgp32_error_is(notice->error, SGP32_ERROR_NETWORK_UNAVAILABLE) &&
			managed->generation != link_generation(manager->link))
			manager_euiccs_link_changed(manager);
		manager_jobs_run(manager, euicc);
	}
}

static ManagedJob *find_live(Manager *manager, uint32_t id, GError **error)
{
	ManagedJob *managed = (ManagedJob *)manager_job(manager, id);

	if (!managed || job_status_ended(managed->job.status)) {
		sgp32_fail(error, SGP32_ERROR_NOT_FOUND, "The job has ended");
		return NULL;
	}
	return managed;
}

static void cancel(ManagedJob *managed)
{
	Manager *manager = managed->manager;
	g_autoptr(GError) error = NULL;

	post_cancel_set(managed->cancel);
	if (managed->worker) {
		worker_wake(managed->worker->worker);
		return; /* its end is told by the worker */
	}
	if (managed->euicc)
		g_queue_remove(&managed->euicc->queue, managed);
	sgp32_fail(&error, SGP32_ERROR_CANCELLED, "Cancelled before it began");
	manager_job_end(manager, managed, error, NULL);
}

bool manager_job_cancel(Manager *manager, uint32_t id, GError **error)
{
	ManagedJob *managed = find_live(manager, id, error);

	if (!managed)
		return false;
	if (!managed->job.cancelable)
		return sgp32_fail(error, SGP32_ERROR_NOT_SUPPORTED, "This job cannot be cancelled");
	cancel(managed);
	return true;
}

bool manager_job_answer(Manager *manager, uint32_t id, GVariant *answer, GError **error)
{
	ManagedJob *managed = find_live(manager, id, error);
	WorkerAnswer *value;
	GVariantIter iter;
	const char *key;
	GVariant *item;

	if (!managed)
		return false;
	if (!managed->question)
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "The job asks nothing");
	if (g_variant_n_children(answer) == 0)
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
			"The answer is empty: \"accept\" or \"confirmation-code\" is needed");
	value = worker_answer_new(true);
	g_variant_iter_init(&iter, answer);
	while (g_variant_iter_next(&iter, "{&sv}", &key, &item)) {
		g_autoptr(GVariant) owned = item;

		if (strcmp(key, "accept") == 0 &&
			g_variant_is_of_type(item, G_VARIANT_TYPE_BOOLEAN)) {
			value->ok = g_variant_get_boolean(item);
		} else if (strcmp(key, "confirmation-code") == 0 &&
			g_variant_is_of_type(item, G_VARIANT_TYPE_STRING)) {
			wipe_free(value->confirmation_code);
			value->confirmation_code = g_variant_dup_string(item, NULL);
		} else {
			worker_answer_free(value);
			return sgp32_fail(error, SGP32_ERROR_UNKNOWN_OPTION,
				"\"%s\" is no answer of that type", key);
		}
	}
	post_cell_put(managed->question, value);
	g_clear_pointer(&managed->question, post_cell_unref);
	g_variant_unref(managed->job.question);
	managed->job.question = empty_dict();
	managed->job.status = JOB_RUNNING;
	changed(managed, "State", "Question", NULL);
	return true;
}

void manager_jobs_stop(Manager *manager)
{
	/* Ending a job does not take it from the array: it lingers. */
	for (guint i = 0; i < manager->jobs->len; i++) {
		ManagedJob *managed = manager->jobs->pdata[i];

		if (!job_status_ended(managed->job.status))
			cancel(managed);
	}
}

bool manager_jobs_idle(Manager *manager)
{
	for (guint i = 0; i < manager->workers->len; i++)
		if (((ManagedWorker *)manager->workers->pdata[i])->job)
			return false;
	return true;
}
