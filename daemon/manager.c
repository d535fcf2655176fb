/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "base/redact.h"
#include "manager-private.h"

#define TIMER_ACCURACY_US 1000
/* How long a modem may take from a switch until it has taken the old profile's link down. */
#define SWITCH_SETTLES_US (10 * USEC_PER_SEC)

void manager_timer(Manager *manager, sd_event_source **source, uint64_t usec,
	sd_event_time_handler_t handler, void *user)
{
	*source = sd_event_source_disable_unref(*source);
	(void)sd_event_add_time_relative(
		manager->event, source, CLOCK_BOOTTIME, usec, TIMER_ACCURACY_US, handler, user);
}

/* ---- online ---- */

static void online_question_free(OnlineQuestion *question)
{
	post_cell_unref(question->cell);
	g_free(question->iccid);
	g_free(question->interface);
	g_free(question);
}

/* A link that was there before the switch is the old profile's: it goes down, or has to outlast the time in which
 * it would. */
static bool began_after(Manager *manager, int64_t since)
{
	return !since || link_changed_at(manager->link) > since ||
		clock_boottime() - since >= SWITCH_SETTLES_US;
}

static bool online_answer(Manager *manager, const OnlineQuestion *question)
{
	WorkerAnswer *answer;

	if (link_generation(manager->link) == question->tried ||
		!link_usable(manager->link, question->interface) ||
		!began_after(manager, question->since))
		return false;
	answer = worker_answer_new(true);
	answer->generation = link_generation(manager->link);
	post_cell_put(question->cell, answer);
	return true;
}

static void answer_questions(Manager *manager)
{
	for (guint i = 0; i < manager->questions->len;) {
		if (online_answer(manager, manager->questions->pdata[i]))
			g_ptr_array_remove_index(manager->questions, i);
		else
			i++;
	}
}

static int on_questions_timer(sd_event_source *source, uint64_t usec, void *user)
{
	answer_questions(user);
	return 0;
}

static void on_link_changed(void *user)
{
	static const char *const names[] = { "Online", NULL };
	Manager *manager = user;
	bool online = link_usable(manager->link, NULL);

	answer_questions(manager);
	manager_euiccs_link_changed(manager);
	if (online != manager->online) {
		manager->online = online;
		if (manager->listener.manager_changed)
			manager->listener.manager_changed(manager->listener.user, names);
	}
}

/* A worker asks one thing at a time: for what it asked before it does not wait any more. */
static void forget_question(Manager *manager, uint32_t worker)
{
	for (guint i = 0; i < manager->questions->len; i++)
		if (((OnlineQuestion *)manager->questions->pdata[i])->worker == worker)
			g_ptr_array_remove_index(manager->questions, i--);
}

static void on_online_question(Manager *manager, ManagedWorker *worker, WorkerNotice *notice)
{
	OnlineQuestion *question = g_new0(OnlineQuestion, 1);

	forget_question(manager, worker->id);
	question->worker = worker->id;
	question->cell = g_steal_pointer(&notice->cell);
	question->iccid = g_steal_pointer(&notice->iccid);
	question->tried = notice->tried;
	question->since = notice->since;
	if (worker->slot)
		question->interface = g_strdup(worker->slot->device->interface);
	if (online_answer(manager, question)) {
		online_question_free(question);
		return;
	}
	g_ptr_array_add(manager->questions, question);
	if (question->since)
		manager_timer(manager, &manager->questions_timer,
			MAX(question->since + SWITCH_SETTLES_US - clock_boottime(), 0),
			on_questions_timer, manager);
}

/* ---- notices ---- */

static ManagedWorker *find_worker(Manager *manager, uint32_t id)
{
	for (guint i = 0; i < manager->workers->len; i++) {
		ManagedWorker *worker = manager->workers->pdata[i];

		if (worker->id == id)
			return worker;
	}
	return NULL;
}

static void on_worker_notice(Manager *manager, WorkerNotice *notice)
{
	ManagedWorker *worker = find_worker(manager, notice->worker);
	ManagedJob *job =
		worker && worker->job && worker->job->job.id == notice->job ? worker->job : NULL;

	if (!worker)
		return; /* the last words of one that was let go */
	switch (notice->kind) {
	case WORKER_IDENTIFIED: manager_on_identified(manager, worker, notice); break;
	case WORKER_PROGRESS:
		if (job)
			manager_job_progress(manager, job, notice);
		break;
	case WORKER_SNAPSHOT:
		if (worker->euicc)
			manager_euicc_update(manager, worker->euicc, notice);
		break;
	case WORKER_ASK:
		if (job)
			manager_job_ask(manager, job, notice);
		else
			post_cell_put(notice->cell, worker_answer_new(false));
		break;
	case WORKER_ONLINE: on_online_question(manager, worker, notice); break;
	case WORKER_DONE:
		forget_question(manager, worker->id);
		if (worker->euicc)
			manager_euicc_update(manager, worker->euicc, notice);
		if (job)
			manager_job_done(manager, job, notice);
		break;
	}
}

static int on_device_box(sd_event_source *source, int fd, uint32_t events, void *user)
{
	Manager *manager = user;
	DeviceNotice *notice;

	while ((notice = post_box_take(manager->device_box))) {
		manager_on_device_notice(manager, notice);
		device_notice_free(notice);
	}
	return 0;
}

static int on_worker_box(sd_event_source *source, int fd, uint32_t events, void *user)
{
	Manager *manager = user;
	WorkerNotice *notice;

	while ((notice = post_box_take(manager->worker_box))) {
		on_worker_notice(manager, notice);
		worker_notice_free(notice);
	}
	manager_check_stopped(manager);
	return 0;
}

/* ---- what takes time to free ---- */

typedef struct Reaped {
	GThread *thread;
	GDestroyNotify free_object;
	void *object;
	PostBox *to;
} Reaped;

static void *reap(void *data)
{
	Reaped *reaped = data;

	reaped->free_object(reaped->object);
	post_box_send(reaped->to, reaped);
	return NULL;
}

void manager_reap(Manager *manager, GDestroyNotify free_object, void *object)
{
	Reaped *reaped = g_new0(Reaped, 1);

	reaped->free_object = free_object;
	reaped->object = object;
	reaped->to = manager->reaped;
	manager->reaping++;
	reaped->thread = g_thread_new("reap", reap, reaped);
}

static void on_reaped(Manager *manager, Reaped *reaped)
{
	g_thread_join(reaped->thread);
	manager->reaping--;
	manager_device_reaped(manager, reaped->object);
	g_free(reaped);
}

static int on_reaped_box(sd_event_source *source, int fd, uint32_t events, void *user)
{
	Manager *manager = user;
	Reaped *reaped;

	while ((reaped = post_box_take(manager->reaped)))
		on_reaped(manager, reaped);
	return 0;
}

/* ---- life ---- */

Manager *manager_new(sd_event *event, Config *config, GError **error)
{
	g_autoptr(Manager) manager = g_new0(Manager, 1);
	g_autoptr(GError) local = NULL;

	manager->event = sd_event_ref(event);
	manager->config = config;
	manager->devices = g_ptr_array_new();
	manager->workers = g_ptr_array_new();
	manager->all_euiccs = g_ptr_array_new();
	manager->published = g_ptr_array_new();
	manager->jobs = g_ptr_array_new();
	manager->slot_rows = g_ptr_array_new_with_free_func((GDestroyNotify)slot_row_free);
	manager->questions = g_ptr_array_new_with_free_func((GDestroyNotify)online_question_free);
	manager->plugins = plugin_set_new(config->plugin_dir);
	manager->device_box = post_box_new((GDestroyNotify)device_notice_free);
	manager->worker_box = post_box_new((GDestroyNotify)worker_notice_free);
	manager->reaped = post_box_new(NULL);
	redact_set(!config->full_identifiers);
	if (sd_event_add_io(event, &manager->device_source, post_box_fd(manager->device_box),
		    EPOLLIN, on_device_box, manager) < 0 ||
		sd_event_add_io(event, &manager->worker_source, post_box_fd(manager->worker_box),
			EPOLLIN, on_worker_box, manager) < 0 ||
		sd_event_add_io(event, &manager->reaped_source, post_box_fd(manager->reaped),
			EPOLLIN, on_reaped_box, manager) < 0) {
		sgp32_fail(error, SGP32_ERROR_FAILED, "The event loop takes no sources");
		return NULL;
	}
	manager->link = link_new(event, on_link_changed, manager, error);
	if (!manager->link)
		return NULL;
	manager->online = link_usable(manager->link, NULL);
	if (g_mkdir_with_parents(config->runtime_dir, 0755) < 0)
		g_warning("%s cannot be made", config->runtime_dir);
	/* A store that is damaged is a state of the jobs that need it; cards are shown all the same. */
	manager->store = store_open(config->state_dir, &local);
	if (!manager->store) {
		const Sgp32ErrorDetails *details = sgp32_error_details(local);

		g_warning("%s. %s", local->message, details && details->hint ? details->hint : "");
	}
	return g_steal_pointer(&manager);
}

void manager_free(Manager *manager)
{
	if (!manager)
		return;
	manager->listener = (ManagerListener) { 0 };
	manager->stopping = true;
	hotplug_free(manager->hotplug);
	manager->hotplug = NULL;
	manager_jobs_stop(manager);
	/* Workers end at a safe point; what they wait for is answered by their cancel. */
	while (manager->workers->len)
		manager_worker_free(manager, manager->workers->pdata[manager->workers->len - 1]);
	while (manager->devices->len)
		manager_device_remove(manager, manager->devices->pdata[manager->devices->len - 1]);
	while (manager->reaping)
		on_reaped(manager, post_box_wait(manager->reaped, -1));
	for (guint i = 0; i < manager->all_euiccs->len; i++)
		managed_euicc_free(manager->all_euiccs->pdata[i]);
	for (guint i = 0; i < manager->jobs->len; i++)
		managed_job_free(manager->jobs->pdata[i]);
	g_ptr_array_unref(manager->devices);
	g_ptr_array_unref(manager->workers);
	g_ptr_array_unref(manager->all_euiccs);
	g_ptr_array_unref(manager->published);
	g_ptr_array_unref(manager->jobs);
	g_ptr_array_unref(manager->slot_rows);
	g_ptr_array_unref(manager->questions);
	sd_event_source_disable_unref(manager->questions_timer);
	link_free(manager->link);
	modem_manager_free(manager->modem_manager);
	sd_event_source_disable_unref(manager->device_source);
	sd_event_source_disable_unref(manager->worker_source);
	sd_event_source_disable_unref(manager->stop_check);
	post_box_unref(manager->device_box);
	post_box_unref(manager->worker_box);
	sd_event_source_disable_unref(manager->reaped_source);
	post_box_unref(manager->reaped);
	plugin_set_free(manager->plugins);
	store_close(manager->store);
	config_free(manager->config);
	sd_event_unref(manager->event);
	g_free(manager);
}

static void on_modem_manager(void *user)
{
	manager_access_changed(user);
}

bool manager_watch_bus(Manager *manager, sd_bus *bus, GError **error)
{
	manager->modem_manager = modem_manager_new(bus, on_modem_manager, manager, error);
	return manager->modem_manager != NULL;
}

void manager_set_listener(Manager *manager, const ManagerListener *listener)
{
	manager->listener = listener ? *listener : (ManagerListener) { 0 };
}

static void add_configured_devices(Manager *manager)
{
	for (guint i = 0; i < manager->config->devices->len; i++) {
		const ConfigDevice *config = manager->config->devices->pdata[i];
		ManagedDevice *device;

		if (manager_device_by_node(manager, config->node))
			continue;
		device = g_new0(ManagedDevice, 1);
		device->name = g_strdup(config->name);
		device->node = g_strdup(config->node);
		device->plugin_name = g_strdup(config->plugin);
		device->proxy = g_strdup(config->proxy);
		device->interface = g_strdup(config->interface);
		device->access = config->access;
		manager_device_add(manager, device);
	}
}

bool manager_start(Manager *manager, GError **error)
{
	add_configured_devices(manager);
	if (manager->config->use_udev) {
		manager->hotplug = hotplug_new(manager, error);
		if (!manager->hotplug)
			return false;
	}
	return true;
}

static int on_stop_check(sd_event_source *source, void *user)
{
	Manager *manager = user;

	if (manager_jobs_idle(manager) && manager->stop_done) {
		void (*done)(void *user) = manager->stop_done;

		manager->stop_done = NULL;
		done(manager->stop_user);
	}
	return 0;
}

void manager_check_stopped(Manager *manager)
{
	if (manager->stopping && manager->stop_done && manager_jobs_idle(manager) &&
		!manager->stop_check)
		(void)sd_event_add_defer(
			manager->event, &manager->stop_check, on_stop_check, manager);
}

void manager_stop(Manager *manager, void (*done)(void *user), void *user)
{
	manager->stopping = true;
	manager->stop_done = done;
	manager->stop_user = user;
	manager_jobs_stop(manager);
	manager_check_stopped(manager);
}

/* ---- reading ---- */

const Config *manager_config(const Manager *manager)
{
	return manager->config;
}

const GPtrArray *manager_euiccs(const Manager *manager)
{
	return manager->published;
}

const GPtrArray *manager_jobs(const Manager *manager)
{
	return manager->jobs;
}

const GPtrArray *manager_slots(const Manager *manager)
{
	return manager->slot_rows;
}

const char *const *manager_plugins(const Manager *manager)
{
	return plugin_set_names(manager->plugins);
}

bool manager_online(const Manager *manager)
{
	return manager->online;
}

const char *manager_online_source(const Manager *manager)
{
	return "none";
}

const Euicc *manager_euicc(const Manager *manager, const char *eid)
{
	for (guint i = 0; i < manager->published->len; i++) {
		const Euicc *euicc = manager->published->pdata[i];

		if (strcmp(euicc->eid, eid) == 0)
			return euicc;
	}
	return NULL;
}

const Job *manager_job(const Manager *manager, uint32_t id)
{
	for (guint i = 0; i < manager->jobs->len; i++) {
		const Job *job = manager->jobs->pdata[i];

		if (job->id == id)
			return job;
	}
	return NULL;
}

static bool euicc_matches(const Euicc *euicc, const char *text)
{
	if (strcmp(text, "any") == 0 || strcmp(text, euicc->eid) == 0 ||
		strcmp(text, euicc->device) == 0 ||
		(strcmp(text, "/") != 0 && strcmp(text, euicc->modem_path) == 0))
		return true;
	return strlen(text) >= 4 && strlen(text) <= 32 &&
		strspn(text, "0123456789") == strlen(text) && g_str_has_suffix(euicc->eid, text);
}

const Euicc *manager_find_euicc(const Manager *manager, const char *text, GError **error)
{
	const Euicc *found = NULL;
	g_autoptr(GString) candidates = g_string_new(NULL);
	unsigned count = 0;

	for (guint i = 0; i < manager->published->len; i++) {
		const Euicc *euicc = manager->published->pdata[i];

		if (!euicc_matches(euicc, text))
			continue;
		found = euicc;
		g_string_append_printf(candidates, "%s%s", count++ ? ", " : "", euicc->eid);
	}
	if (count == 1)
		return found;
	if (count == 0)
		sgp32_fail(error, SGP32_ERROR_NOT_FOUND, "There is no eUICC \"%s\"", text);
	else
		sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "\"%s\" is ambiguous: %s", text,
			candidates->str);
	return NULL;
}

void history_row_free(HistoryRow *row)
{
	if (!row)
		return;
	g_free(row->eid);
	g_free(row->operation);
	g_free(row->initiator);
	g_free(row->result);
	g_free(row->error);
	g_free(row->message);
	g_free(row->details);
	g_free(row);
}

/* It is opened anew when it is needed: it may have been mended, or another one be in its place. */
bool manager_drop_store(Manager *manager)
{
	g_clear_pointer(&manager->store, store_close);
	return false;
}

static bool need_store(Manager *manager, GError **error)
{
	if (!manager->store)
		manager->store = store_open(manager->config->state_dir, error);
	return manager->store != NULL;
}

GPtrArray *manager_history(Manager *manager, const char *eid, unsigned max, GError **error)
{
	g_autoptr(GPtrArray) rows = NULL, stored = NULL;

	if (!need_store(manager, error))
		return NULL;
	if (!store_history_list(manager->store, eid, MIN(max, STORE_HISTORY_MAX), &stored, error)) {
		manager_drop_store(manager);
		return NULL;
	}
	rows = g_ptr_array_new_with_free_func((GDestroyNotify)history_row_free);
	for (guint i = 0; i < stored->len; i++) {
		StoredJob *from = stored->pdata[i];
		HistoryRow *to = g_new0(HistoryRow, 1);

		*to = (HistoryRow) { g_steal_pointer(&from->eid), g_steal_pointer(&from->operation),
			g_steal_pointer(&from->initiator), g_steal_pointer(&from->result),
			g_steal_pointer(&from->error), g_steal_pointer(&from->message),
			g_steal_pointer(&from->details), from->start_time, from->end_time };
		g_ptr_array_add(rows, to);
	}
	return g_steal_pointer(&rows);
}

/* ---- acting ---- */

bool manager_set_polling_enabled(Manager *manager, const char *eid, bool enabled, GError **error)
{
	ManagedEuicc *euicc = manager_euicc_by_eid(manager, eid);

	if (!euicc)
		return sgp32_fail(error, SGP32_ERROR_NOT_FOUND, "There is no such eUICC");
	if (!need_store(manager, error))
		return false;
	if (!store_card_set(manager->store, eid, CARD_POLLING, enabled ? NULL : "no", error))
		return manager_drop_store(manager);
	if (euicc->euicc.ipa->polling_enabled != enabled) {
		ipa_state_free(euicc->euicc.ipa);
		euicc->euicc.ipa =
			ipa_state_read(manager->store, euicc->euicc.snapshot, manager->config);
		manager_euicc_changed(manager, euicc, "org.sgp32.Ipa", "PollingEnabled", "NextPoll",
			(char *)NULL);
	}
	manager_euicc_schedule(manager, euicc);
	return true;
}

bool manager_set_eim_enabled(
	Manager *manager, const char *eid, const char *eim_id, bool enabled, GError **error)
{
	static const char *const names[] = { "Enabled", "NextPoll", NULL };
	ManagedEuicc *euicc = manager_euicc_by_eid(manager, eid);
	const CardEim *eim = euicc ? snapshot_eim(euicc->euicc.snapshot, eim_id) : NULL;
	g_autoptr(StoredEim) stored = NULL;

	if (!eim)
		return sgp32_fail(error, SGP32_ERROR_NOT_FOUND, "There is no such eIM");
	if (!need_store(manager, error))
		return false;
	if (!store_eim_get(manager->store, eid, eim_id, &stored, error))
		return manager_drop_store(manager);
	if (stored->enabled != enabled) {
		stored->enabled = enabled;
		if (!store_eim_put(manager->store, eid, stored, error))
			return manager_drop_store(manager);
		ipa_state_free(euicc->euicc.ipa);
		euicc->euicc.ipa =
			ipa_state_read(manager->store, euicc->euicc.snapshot, manager->config);
		if (euicc->euicc.published && manager->listener.eim_changed)
			manager->listener.eim_changed(
				manager->listener.user, &euicc->euicc, eim, names);
	}
	manager_euicc_schedule(manager, euicc);
	return true;
}

bool manager_reload(Manager *manager, GError **error)
{
	g_autoptr(Config) config = config_load(manager->config->config_dir, error);

	if (!config)
		return false;
	/* What the command line gave stays. */
	g_free(config->state_dir);
	g_free(config->runtime_dir);
	g_free(config->plugin_dir);
	config->state_dir = g_strdup(manager->config->state_dir);
	config->runtime_dir = g_strdup(manager->config->runtime_dir);
	config->plugin_dir = g_strdup(manager->config->plugin_dir);
	config->use_udev = manager->config->use_udev;
	config_free(manager->config);
	manager->config = g_steal_pointer(&config);
	redact_set(!manager->config->full_identifiers);
	for (guint i = 0; i < manager->workers->len; i++)
		worker_set_config(
			((ManagedWorker *)manager->workers->pdata[i])->worker, manager->config);
	/* Devices that are not named any more go, unless udev knows them. */
	for (guint i = 0; i < manager->devices->len; i++) {
		ManagedDevice *device = manager->devices->pdata[i];

		if (!device->from_udev && !config_device(manager->config, device->node)) {
			manager_device_remove(manager, device);
			i--;
		}
	}
	add_configured_devices(manager);
	/* A card without an eIM may have got one in eim.d. */
	for (guint i = 0; i < manager->all_euiccs->len; i++) {
		ManagedEuicc *euicc = manager->all_euiccs->pdata[i];

		if (euicc->worker && euicc->worker->slot && euicc->euicc.snapshot->eims->len == 0)
			manager_submit_own(manager, euicc, JOB_ATTACH);
	}
	return true;
}
