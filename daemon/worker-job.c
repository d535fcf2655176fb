/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Jobs: the procedure of each, a card that goes away meanwhile, and what is left behind. */
#include <string.h>

#include "base/clock.h"
#include "worker-priv.h"

/* How often a job may start again because its card went away. */
#define CARD_LOSSES_MAX 3
/* A command fails before the modem says that the card is gone. */
#define CARD_SETTLES_USEC (500 * G_TIME_SPAN_MILLISECOND)

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
	worker_progress(self, "wait-card", -1, HOST_WAITING_CARD, clock_realtime() + limit);
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
			worker_take_card(self, message);
			return true;
		}
		if (message && message->kind == MSG_NO_CARD)
			g_clear_pointer(&self->ipa.isdr, isdr_free);
		if (message && message->kind == MSG_CONFIG)
			worker_take_config(self, message);
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
	worker_progress(self, "wait-online", -1, HOST_WAITING_NETWORK, clock_realtime() + left);
	return worker_wait_online(self, deadline, generation, error);
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

void worker_run_job(Self *self, Message *message)
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
	worker_progress(self, job_operation_text(request->operation), -1, HOST_RUNNING, 0);
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
	done = worker_notice_new(self, WORKER_DONE);
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
