/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "ipa/ipa.h"

/* How often a job may start again because its card went away. */
#define CARD_LOSSES_MAX 3
/* A command fails before the modem says that the card is gone. */
#define CARD_SETTLES_USEC (500 * G_TIME_SPAN_MILLISECOND)
#define ASK_LIMIT_US (600 * USEC_PER_SEC)

typedef enum MessageKind {
	MSG_CARD,
	MSG_NO_CARD,
	MSG_CONFIG,
	MSG_PROBE,
	MSG_JOB,
	MSG_WAKE, /* a cancel was set: look at it */
} MessageKind;

typedef struct Message {
	MessageKind kind;
	Card *card;
	char **slot_names, *interface;
	Config *config;
	JobRequest *request;
	PostCancel *cancel;
} Message;

static void message_free(Message *message)
{
	if (!message)
		return;
	card_free(message->card);
	g_strfreev(message->slot_names);
	g_free(message->interface);
	config_free(message->config);
	job_request_free(message->request);
	post_cancel_unref(message->cancel);
	g_free(message);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Message, message_free)

struct Worker {
	uint32_t id;
	PostBox *inbox; /* of Message */
	PostCancel *stop;
	pthread_t thread;
};

/* What the thread alone has. */
typedef struct Self {
	uint32_t id;
	PostBox *inbox, *to;
	PostCancel *stop;
	Config *config;
	char **slot_names, *interface;
	GBytes *initial_eims;
	char *ci_folder;
	GPtrArray *peers; /* of IpaPeer, whose strings are the configuration's */
	IpaSettings settings;
	Ipa ipa;
	Host host;
	const JobRequest *request; /* of the job that runs */
	/* counts of the job */
	uint32_t apdus;
	uint64_t card_bytes;
} Self;

WorkerAnswer *worker_answer_new(bool ok)
{
	WorkerAnswer *answer = g_new0(WorkerAnswer, 1);

	answer->ok = ok;
	return answer;
}

void worker_answer_free(WorkerAnswer *answer)
{
	if (!answer)
		return;
	wipe_free(answer->confirmation_code);
	g_clear_error(&answer->error);
	g_free(answer);
}

void worker_notice_free(WorkerNotice *notice)
{
	if (!notice)
		return;
	g_free(notice->eid);
	g_clear_error(&notice->error);
	g_free(notice->step);
	snapshot_free(notice->snapshot);
	ipa_state_free(notice->ipa);
	g_free(notice->question_kind);
	g_free(notice->iccid);
	g_free(notice->profile_name);
	g_free(notice->service_provider);
	post_cell_unref(notice->cell);
	g_clear_pointer(&notice->result, g_variant_unref);
	g_free(notice);
}

static WorkerNotice *notice_new(Self *self, WorkerNoticeKind kind)
{
	WorkerNotice *notice = g_new0(WorkerNotice, 1);

	notice->worker = self->id;
	notice->job = self->request ? self->request->id : 0;
	notice->kind = kind;
	return notice;
}

/* ---- the host ---- */

static void host_progress(
	void *user, const char *step, double progress, HostWait wait, int64_t deadline)
{
	Self *self = user;
	WorkerNotice *notice = notice_new(self, WORKER_PROGRESS);

	notice->step = g_strdup(step);
	notice->progress = progress;
	notice->wait = wait;
	notice->deadline = deadline;
	post_box_send(self->to, notice);
}

static void host_publish(void *user, const Snapshot *snapshot)
{
	Self *self = user;
	WorkerNotice *notice = notice_new(self, WORKER_SNAPSHOT);

	notice->snapshot = snapshot_copy(snapshot);
	if (self->ipa.store)
		notice->ipa = ipa_state_read(self->ipa.store, snapshot, self->config);
	post_box_send(self->to, notice);
}

/* Posts a question and waits for its answer. */
static WorkerAnswer *ask_main(Self *self, WorkerNotice *notice, int64_t deadline, GError **error)
{
	g_autoptr(PostCell) cell = post_cell_new((GDestroyNotify)worker_answer_free);
	WorkerAnswer *answer;

	notice->cell = post_cell_ref(cell);
	if (!post_box_send(self->to, notice)) {
		sgp32_fail(error, SGP32_ERROR_CANCELLED, "The daemon stops");
		return NULL;
	}
	answer = post_cell_wait_until(cell, self->ipa.cancel, deadline);
	if (answer && answer->error) {
		g_propagate_error(error, g_steal_pointer(&answer->error));
		worker_answer_free(answer);
		return NULL;
	}
	if (!answer && post_cancel_is_set(self->ipa.cancel))
		sgp32_fail(error, SGP32_ERROR_CANCELLED, "Cancelled");
	return answer;
}

static bool host_ask(void *user, const HostQuestion *question, HostAnswer *ret, GError **error)
{
	Self *self = user;
	WorkerNotice *notice = notice_new(self, WORKER_ASK);
	g_autoptr(GError) local = NULL;
	WorkerAnswer *answer;

	notice->question_kind = g_strdup(question->kind);
	notice->iccid = g_strdup(question->iccid);
	notice->profile_name = g_strdup(question->profile_name);
	notice->service_provider = g_strdup(question->service_provider);
	notice->class = question->class;
	notice->policy_rules = question->policy_rules;
	notice->deadline = clock_realtime() + ASK_LIMIT_US;
	answer = ask_main(self, notice, clock_monotonic() + ASK_LIMIT_US, &local);
	if (!answer) {
		if (!local)
			return sgp32_fail(error, SGP32_ERROR_TIMEOUT,
				"Nobody answered the question \"%s\"", question->kind);
		g_propagate_error(error, g_steal_pointer(&local));
		return false;
	}
	*ret = (HostAnswer) { answer->ok, g_steal_pointer(&answer->confirmation_code) };
	worker_answer_free(answer);
	return true;
}

static bool host_wait_online(void *user, const char *iccid, int64_t since, int64_t deadline,
	uint64_t tried, uint64_t *ret_generation, GError **error)
{
	Self *self = user;
	WorkerNotice *notice = notice_new(self, WORKER_ONLINE);
	g_autoptr(GError) local = NULL;
	WorkerAnswer *answer;

	notice->iccid = g_strdup(iccid);
	notice->tried = tried;
	notice->deadline = since;
	answer = ask_main(self, notice, deadline, &local);
	if (!answer) {
		if (!local)
			return sgp32_fail(error, SGP32_ERROR_NETWORK_UNAVAILABLE,
				"There was no way to the network in time");
		g_propagate_error(error, g_steal_pointer(&local));
		return false;
	}
	*ret_generation = answer->generation;
	worker_answer_free(answer);
	return true;
}

static int64_t host_now(void *user)
{
	return clock_realtime();
}

static void tap_exchange(void *user, unsigned channel, Span command, Span answer, int64_t usec)
{
	Self *self = user;

	self->apdus++;
	self->card_bytes += command.size + answer.size;
}

/* ---- settings ---- */

static bool eim_matches(const ConfigEim *eim, const char *eid, char **slot_names)
{
	size_t size = eim->slot ? strlen(eim->slot) : 0;

	if (eim->eid_prefix && (!eid[0] || !g_str_has_prefix(eid, eim->eid_prefix)))
		return false;
	if (!eim->slot)
		return true;
	/* "NAME" is every slot of that device, "NAME:1" just one. */
	for (char **name = slot_names; name && *name; name++)
		if (strncmp(*name, eim->slot, size) == 0 &&
			((*name)[size] == 0 || (*name)[size] == ':'))
			return true;
	return false;
}

static void settings_update(Self *self)
{
	const Config *config = self->config;
	GByteArray *initial = g_byte_array_new();

	g_clear_pointer(&self->initial_eims, g_bytes_unref);
	for (guint i = 0; i < config->eims->len; i++) {
		const ConfigEim *eim = config->eims->pdata[i];

		if (eim_matches(eim, self->ipa.snapshot->eid_text, self->slot_names))
			array_append_span(initial, span_of(eim->entries));
	}
	self->initial_eims = g_byte_array_free_to_bytes(initial);
	g_free(self->ci_folder);
	self->ci_folder = g_build_filename(config->config_dir, "ci.d", NULL);
	g_ptr_array_set_size(self->peers, 0);
	for (guint i = 0; i < config->peers->len; i++) {
		const ConfigPeer *peer = config->peers->pdata[i];
		IpaPeer *to = g_new0(IpaPeer, 1);

		*to = (IpaPeer) { peer->eim_id, peer->address, peer->path, peer->content_type,
			peer->interval, peer->packages };
		g_ptr_array_add(self->peers, to);
	}
	self->settings = (IpaSettings) {
		.poll_interval = config->poll_interval,
		.poll_jitter = config->poll_jitter,
		.backoff_min = config->backoff_min,
		.backoff_max = config->backoff_max,
		.packages_per_poll = config->packages_per_poll,
		.ci_folder = self->ci_folder,
		.es9_user_agent = config->es9_user_agent,
		.limits = { .connect_ms = config->connect_timeout * 1000,
			.total_ms = config->total_timeout * 1000 },
		.interface = config->verify_over_bearer ? self->interface : NULL,
		.refresh_timeout = config->refresh_timeout,
		.online_timeout = config->online_timeout,
		.delivery_tries = config->delivery_tries,
		.consent = config->consent,
		.initial_eims = span_of(self->initial_eims),
		.peers = self->peers,
	};
}

/* Between jobs, or where one begins again: a procedure holds strings of the settings. */
static void set_config(Self *self, Message *message)
{
	config_free(self->config);
	self->config = g_steal_pointer(&message->config);
	settings_update(self);
}

static void set_card(Self *self, Message *message)
{
	IsdrSettings settings = {
		.aids = self->config->isdr_aids,
		.terminal_capability = span_of(self->config->terminal_capability),
	};
	CardTap tap = { tap_exchange, self };

	isdr_free(self->ipa.isdr);
	self->ipa.isdr = isdr_new(g_steal_pointer(&message->card), &settings);
	isdr_set_tap(self->ipa.isdr, &tap);
	isdr_set_cancel(self->ipa.isdr, self->ipa.cancel ? self->ipa.cancel : self->stop);
	g_strfreev(self->slot_names);
	g_free(self->interface);
	self->slot_names = g_steal_pointer(&message->slot_names);
	self->interface = g_steal_pointer(&message->interface);
	settings_update(self);
}

/* ---- jobs ---- */

static bool need_store(Self *self, GError **error)
{
	if (!self->ipa.store)
		self->ipa.store = store_open(self->config->state_dir, error);
	return self->ipa.store != NULL;
}

static bool need_http(Self *self, GError **error)
{
	if (!self->ipa.http)
		self->ipa.http = http_new(NULL, error);
	return self->ipa.http != NULL;
}

static bool job_ends_with(const GError *failed)
{
	return sgp32_error_is(failed, SGP32_ERROR_CANCELLED) ||
		sgp32_error_is(failed, SGP32_ERROR_CARD_LOST) ||
		sgp32_error_is(failed, SGP32_ERROR_NO_CARD) ||
		sgp32_error_is(failed, SGP32_ERROR_STORE_UNAVAILABLE);
}

/* A store that failed is opened anew by the next job: it may have been mended, or another one be in its
 * place. */
static void drop_failed_store(Self *self, const GError *error)
{
	if (sgp32_error_is(error, SGP32_ERROR_STORE_UNAVAILABLE))
		g_clear_pointer(&self->ipa.store, store_close);
}

/* The first error counts; Cancelled and what concerns the card end the job at once. */
static bool job_goes_on(GError *failed, GError **first)
{
	bool fatal = job_ends_with(failed);

	if (fatal && *first)
		g_clear_error(first);
	if (!*first)
		*first = failed;
	else
		g_error_free(failed);
	return !fatal;
}

static bool eim_is_due(Self *self, const JobRequest *request, const StoredEim *stored,
	const StoredPackage *package)
{
	const ConfigPeer *peer = config_peer(self->config, stored->eim_id);
	unsigned interval = peer && peer->interval ? peer->interval : self->config->poll_interval;

	if (schedule_is_due(self->config, interval, stored->next_poll, clock_realtime()))
		return true;
	if (request->network_back && strcmp(stored->last_result, "NetworkUnavailable") == 0)
		return true;
	/* A result was cut off on its way; one that failed to get there has the back-off. */
	return package && strcmp(package->eim_id, stored->eim_id) == 0 &&
		package->since > stored->last_poll;
}

static bool run_poll(Self *self, const JobRequest *request, GError **error)
{
	Ipa *ipa = &self->ipa;
	g_auto(GStrv) ids = NULL;
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	g_autofree char *polling = NULL;
	g_autoptr(StoredPackage) package = NULL;
	GError *first = NULL;

	/* What a crash left, if the first sight of the card failed. */
	if ((!ipa->attached && !ipa_attach(ipa, error)) || !ipa_read_eims(ipa, error) ||
		!store_card_get(
			ipa->store, ipa->snapshot->eid_text, CARD_POLLING, &polling, error) ||
		!store_package_get(ipa->store, ipa->snapshot->eid_text, &package, error))
		return false;
	if (request->eim_id && !snapshot_eim(ipa->snapshot, request->eim_id))
		return sgp32_fail(error, SGP32_ERROR_NOT_FOUND, "The card has no eIM \"%s\"",
			request->eim_id);
	/* The list changes under a poll that adds or deletes eIMs. */
	for (guint i = 0; i < ipa->snapshot->eims->len; i++) {
		const CardEim *eim = ipa->snapshot->eims->pdata[i];
		g_autoptr(StoredEim) stored = NULL;

		if (request->eim_id && strcmp(request->eim_id, eim->eim_id) != 0)
			continue;
		if (!store_eim_get(
			    ipa->store, ipa->snapshot->eid_text, eim->eim_id, &stored, error))
			return false;
		if (!request->force && !request->eim_id &&
			(g_strcmp0(polling, "no") == 0 || !stored->enabled ||
				!eim_is_due(self, request, stored, package)))
			continue;
		g_strv_builder_add(builder, eim->eim_id);
	}
	ids = g_strv_builder_end(builder);
	for (char **id = ids; *id; id++) {
		GError *failed = NULL;

		if (snapshot_eim(ipa->snapshot, *id) && !ipa_poll(ipa, *id, &failed) &&
			!job_goes_on(failed, &first))
			break;
	}
	/* An eIM in trouble is none of the SM-DP+'s; where nothing answered, there is no network for it either. */
	if (!first ||
		!(job_ends_with(first) || sgp32_error_is(first, SGP32_ERROR_NETWORK_UNAVAILABLE) ||
			sgp32_error_is(first, SGP32_ERROR_TIMEOUT))) {
		GError *failed = NULL;

		if (!ipa_notify(ipa, request->force, &failed))
			job_goes_on(failed, &first);
	}
	if (first) {
		g_propagate_error(error, first);
		return false;
	}
	return true;
}

static bool run_operation(Self *self, const JobRequest *request, GError **error)
{
	Ipa *ipa = &self->ipa;

	switch (request->operation) {
	case JOB_ATTACH: return ipa_attach(ipa, error);
	case JOB_REFRESH: return ipa_refresh(ipa, error);
	case JOB_POLL: return run_poll(self, request, error);
	case JOB_NOTIFICATIONS:
		return ipa_read_notifications(ipa, error) && ipa_notify(ipa, true, error);
	case JOB_DOWNLOAD: {
		DownloadOrder order = {
			.activation_code = request->activation_code,
			.confirmation_code = request->confirmation_code,
			.ask = !request->accept,
		};

		return ipa_download(ipa, &order, error);
	}
	case JOB_RESCAN:
	case JOB_N_OPERATIONS: break;
	}
	return sgp32_fail(error, SGP32_ERROR_NOT_SUPPORTED, "This job is not for a card");
}

/* A card that goes away in mid-procedure is a crash without the crash. True: it is there again. */
static bool wait_for_card(Self *self, GError **error)
{
	int64_t limit = self->config->absent_grace * USEC_PER_SEC,
		deadline = clock_monotonic() + limit;

	bool settled = false;

	if (self->ipa.http)
		http_close(self->ipa.http);
	host_progress(self, "wait-card", -1, HOST_WAITING_CARD, clock_realtime() + limit);
	for (;;) {
		g_autoptr(Message) message = NULL;
		Card *card = self->ipa.isdr ? isdr_card(self->ipa.isdr) : NULL;

		if (post_cancel_is_set(self->ipa.cancel) || post_box_closed(self->inbox))
			return sgp32_fail(
				error, SGP32_ERROR_CANCELLED, "Cancelled while the card was away");
		if (clock_monotonic() >= deadline)
			return sgp32_fail(error, SGP32_ERROR_CARD_LOST,
				"The card did not come back within %u s",
				self->config->absent_grace);
		if (card) {
			CardState state = card->ops->state(card->self);

			/* A reset that is over, or one that will be. */
			if (state.present && !state.refreshing && !state.device_gone) {
				CardState next;

				if (settled)
					return true;
				next = card->ops->wait(card->self, state,
					clock_monotonic() + CARD_SETTLES_USEC, self->ipa.cancel);
				settled = next.present && next.epoch == state.epoch;
				continue;
			}
			settled = true; /* the loss is told: the next card is the one to use */
			if (state.refreshing && !state.device_gone) {
				card->ops->wait(card->self, state, deadline, self->ipa.cancel);
				continue;
			}
		}
		/* The manager gives a slot when the card appears again, the same one or another. */
		message = post_box_wait(self->inbox, deadline);
		if (message && message->kind == MSG_CARD) {
			set_card(self, message);
			return true;
		}
		if (message && message->kind == MSG_NO_CARD)
			g_clear_pointer(&self->ipa.isdr, isdr_free);
		if (message && message->kind == MSG_CONFIG)
			set_config(self, message);
	}
}

static bool come_back(Self *self, const JobRequest *request, GError **error)
{
	Ipa *ipa = &self->ipa;
	uint8_t eid[16], before[16];

	if (!wait_for_card(self, error))
		return false;
	memcpy(before, ipa->snapshot->eid, sizeof(before));
	if (!ipa_identify(ipa, eid, error))
		return false;
	if (memcmp(eid, before, sizeof(eid)) != 0)
		return sgp32_fail(error, SGP32_ERROR_CARD_LOST, "Another card is in the slot now");
	ipa_forget(ipa);
	return request->operation == JOB_ATTACH || ipa_attach(ipa, error);
}

static bool card_lost(const GError *error)
{
	return sgp32_error_is(error, SGP32_ERROR_CARD_LOST) ||
		sgp32_error_is(error, SGP32_ERROR_NO_CARD);
}

/* A card that was away had no network either: it comes later than the card. True: it is worth another try. */
static bool wait_for_network(Self *self, int64_t deadline, uint64_t *generation, GError **error)
{
	int64_t left = deadline - clock_monotonic();

	if (left <= 0)
		return false;
	host_progress(self, "wait-online", -1, HOST_WAITING_NETWORK, clock_realtime() + left);
	return host_wait_online(self, "", 0, deadline, *generation, generation, error);
}

static bool run_with_returns(Self *self, const JobRequest *request, GError **error)
{
	int64_t network_deadline = 0;
	uint64_t generation = 0;

	for (unsigned losses = 0;; losses++) {
		g_autoptr(GError) local = NULL;

		if (run_operation(self, request, &local))
			return true;
		if (network_deadline && sgp32_error_is(local, SGP32_ERROR_NETWORK_UNAVAILABLE)) {
			g_autoptr(GError) stopped = NULL;

			if (wait_for_network(self, network_deadline, &generation, &stopped)) {
				losses--;
				continue;
			}
			if (sgp32_error_is(stopped, SGP32_ERROR_CANCELLED)) {
				g_clear_error(&local);
				local = g_steal_pointer(&stopped);
			}
		}
		if (!card_lost(local) || losses == CARD_LOSSES_MAX) {
			g_propagate_error(error, g_steal_pointer(&local));
			return false;
		}
		/* A return that fails by another loss is one more round. */
		for (;;) {
			g_clear_error(&local);
			if (come_back(self, request, &local))
				break;
			if (!card_lost(local) || ++losses >= CARD_LOSSES_MAX) {
				g_propagate_error(error, g_steal_pointer(&local));
				return false;
			}
		}
		network_deadline = clock_monotonic() + self->config->online_timeout * USEC_PER_SEC;
	}
}

/* A line of the history, for what a person may want to look up. */
static void remember(
	Self *self, const JobRequest *request, int64_t start_time, const GError *failure)
{
	g_autoptr(GError) error = NULL;
	StoredJob job = {
		.eid = self->ipa.snapshot->eid_text,
		.operation = (char *)job_operation_text(request->operation),
		.initiator = (char *)job_initiator_text(request->initiator),
		.result = !failure                                       ? "done"
			: sgp32_error_is(failure, SGP32_ERROR_CANCELLED) ? "cancelled"
									 : "failed",
		.error = failure ? (char *)sgp32_error_name(failure) : "",
		.message = failure ? failure->message : "",
		.details = "{}",
		.start_time = start_time,
		.end_time = clock_realtime(),
	};

	if (!store_history_add(self->ipa.store, &job, &error))
		g_warning("History: %s", error->message);
}

/* A card is shown without a store; nothing else is done with it. error: that of the store. */
static void show_card(Self *self, const JobRequest *request, GError **error)
{
	Ipa *ipa = &self->ipa;
	bool refresh = request->operation == JOB_REFRESH;
	g_autoptr(GError) local = NULL;

	if (!ipa->isdr || (ipa->snapshot->profiles_known && !refresh))
		return;
	if (!ipa_refresh(ipa, &local))
		g_debug("Reading the card: %s", local->message);
	else if (refresh)
		g_clear_error(error);
}

static void run_job(Self *self, Message *message)
{
	JobRequest *request = message->request;
	Ipa *ipa = &self->ipa;
	IpaResult result = { .values = g_variant_dict_new(NULL) };
	WorkerNotice *done;
	HttpCount before = { 0 }, after = { 0 };
	int64_t start_time = clock_realtime();
	g_autoptr(GError) error = NULL;

	self->request = request;
	self->apdus = 0;
	self->card_bytes = 0;
	ipa->cancel = message->cancel;
	ipa->result = &result;
	if (ipa->http)
		before = http_count(ipa->http);
	if (ipa->isdr)
		isdr_set_cancel(ipa->isdr, ipa->cancel);
	host_progress(self, job_operation_text(request->operation), -1, HOST_RUNNING, 0);
	if (!need_store(self, &error)) {
		show_card(self, request, &error);
	} else if (need_http(self, &error)) {
		if (!ipa->isdr)
			sgp32_fail(&error, SGP32_ERROR_NO_CARD, "There is no card in the slot");
		else if (!run_with_returns(self, request, &error))
			g_assert(error);
	}
	if (ipa->http) {
		http_close(ipa->http);
		after = http_count(ipa->http);
	}
	if (self->apdus)
		g_variant_dict_insert(result.values, "apdus", "u", self->apdus);
	if (self->card_bytes)
		g_variant_dict_insert(result.values, "card-bytes", "t", self->card_bytes);
	if (after.requests != before.requests) {
		g_variant_dict_insert(result.values, "bytes-up", "t", after.up - before.up);
		g_variant_dict_insert(result.values, "bytes-down", "t", after.down - before.down);
		g_variant_dict_insert(
			result.values, "connections", "u", after.connections - before.connections);
	}
	g_clear_error(&result.verdict);
	ipa->result = NULL;
	ipa->cancel = NULL;
	if (ipa->isdr)
		isdr_set_cancel(ipa->isdr, self->stop);

	if (ipa->store && ipa->snapshot->eid_text[0] &&
		!sgp32_error_is(error, SGP32_ERROR_STORE_UNAVAILABLE) &&
		(error || result.packages || result.notifications || !request->quiet))
		remember(self, request, start_time, error);
	done = notice_new(self, WORKER_DONE);
	done->error = g_steal_pointer(&error);
	done->result = g_variant_ref_sink(g_variant_dict_end(result.values));
	g_variant_dict_unref(result.values);
	if (ipa->snapshot->eid_text[0])
		done->snapshot = snapshot_copy(ipa->snapshot);
	if (ipa->snapshot->eid_text[0] && ipa->store) {
		done->ipa = ipa_state_read(ipa->store, ipa->snapshot, self->config);
		done->next_notification = ipa_notify_next(ipa);
	}
	drop_failed_store(self, done->error);
	self->request = NULL;
	post_box_send(self->to, done);
}

static void run_probe(Self *self)
{
	WorkerNotice *notice = notice_new(self, WORKER_IDENTIFIED);
	uint8_t eid[16];

	if (!self->ipa.isdr)
		sgp32_fail(&notice->error, SGP32_ERROR_NO_CARD, "There is no card in the slot");
	else if (ipa_identify(&self->ipa, eid, &notice->error))
		notice->eid = eid_to_text(SPAN_ARRAY(eid));
	/* Whoever asks does not know what became of the card meanwhile. */
	ipa_forget(&self->ipa);
	settings_update(self); /* the EID chooses the files of eim.d */
	post_box_send(self->to, notice);
}

static void *worker_main(void *data)
{
	Self *self = data;
	int64_t idle = -1;

	for (;;) {
		g_autoptr(Message) message = post_box_wait(self->inbox, idle);

		if (post_box_closed(self->inbox))
			break;
		if (!message) {
			/* Nobody needed the card for a while: others may. */
			if (self->ipa.isdr)
				isdr_close(self->ipa.isdr);
			idle = -1;
			continue;
		}
		switch (message->kind) {
		case MSG_CARD: set_card(self, message); break;
		case MSG_NO_CARD: g_clear_pointer(&self->ipa.isdr, isdr_free); break;
		case MSG_CONFIG: set_config(self, message); break;
		case MSG_PROBE: run_probe(self); break;
		case MSG_JOB: run_job(self, message); break;
		case MSG_WAKE: break;
		}
		idle = clock_monotonic() + self->config->channel_idle * USEC_PER_SEC;
	}
	isdr_free(self->ipa.isdr);
	http_free(self->ipa.http);
	store_close(self->ipa.store);
	snapshot_free(self->ipa.snapshot);
	config_free(self->config);
	g_clear_pointer(&self->initial_eims, g_bytes_unref);
	g_ptr_array_unref(self->peers);
	g_free(self->ci_folder);
	g_strfreev(self->slot_names);
	g_free(self->interface);
	post_box_unref(self->inbox);
	post_box_unref(self->to);
	post_cancel_unref(self->stop);
	g_free(self);
	return NULL;
}

Worker *worker_new(uint32_t id, const Config *config, PostBox *to)
{
	Worker *worker = g_new0(Worker, 1);
	Self *self = g_new0(Self, 1);
	sigset_t all, before;

	worker->id = id;
	worker->inbox = post_box_new((GDestroyNotify)message_free);
	worker->stop = post_cancel_new();
	self->id = id;
	self->inbox = post_box_ref(worker->inbox);
	self->to = post_box_ref(to);
	self->stop = post_cancel_ref(worker->stop);
	self->config = config_copy(config);
	self->peers = g_ptr_array_new_with_free_func(g_free);
	self->host =
		(Host) { self, host_progress, host_publish, host_ask, host_wait_online, host_now };
	self->ipa.host = &self->host;
	self->ipa.settings = &self->settings;
	self->ipa.snapshot = snapshot_new();
	settings_update(self);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&worker->thread, NULL, worker_main, self) != 0)
		g_error("No thread for an eUICC");
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return worker;
}

void worker_free(Worker *worker)
{
	if (!worker)
		return;
	post_cancel_set(worker->stop);
	post_box_close(worker->inbox);
	pthread_join(worker->thread, NULL);
	post_box_unref(worker->inbox);
	post_cancel_unref(worker->stop);
	g_free(worker);
}

uint32_t worker_id(const Worker *worker)
{
	return worker->id;
}

static void worker_send(Worker *worker, Message message)
{
	post_box_send(worker->inbox, g_memdup2(&message, sizeof(message)));
}

void worker_set_card(Worker *worker, Card *card, const char *const *names, const char *interface)
{
	worker_send(worker,
		(Message) { .kind = MSG_CARD,
			.card = card,
			.slot_names = g_strdupv((char **)names),
			.interface = g_strdup(interface) });
}

void worker_clear_card(Worker *worker)
{
	worker_send(worker, (Message) { .kind = MSG_NO_CARD });
}

void worker_set_config(Worker *worker, const Config *config)
{
	worker_send(worker, (Message) { .kind = MSG_CONFIG, .config = config_copy(config) });
}

void worker_probe(Worker *worker)
{
	worker_send(worker, (Message) { .kind = MSG_PROBE });
}

void worker_run(Worker *worker, JobRequest *request, PostCancel *cancel)
{
	worker_send(worker,
		(Message) {
			.kind = MSG_JOB, .request = request, .cancel = post_cancel_ref(cancel) });
}

void worker_wake(Worker *worker)
{
	worker_send(worker, (Message) { .kind = MSG_WAKE });
}
