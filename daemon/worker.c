/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "worker-priv.h"

void message_free(Message *message)
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

struct Worker {
	uint32_t id;
	PostBox *inbox; /* of Message */
	PostCancel *stop;
	pthread_t thread;
};

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
void worker_take_config(Self *self, Message *message)
{
	config_free(self->config);
	self->config = g_steal_pointer(&message->config);
	settings_update(self);
}

void worker_take_card(Self *self, Message *message)
{
	IsdrSettings settings = {
		.aids = self->config->isdr_aids,
		.terminal_capability = span_of(self->config->terminal_capability),
	};
	CardTap tap = worker_tap(self);

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

static void run_probe(Self *self)
{
	WorkerNotice *notice = worker_notice_new(self, WORKER_IDENTIFIED);
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
		case MSG_CARD: worker_take_card(self, message); break;
		case MSG_NO_CARD: g_clear_pointer(&self->ipa.isdr, isdr_free); break;
		case MSG_CONFIG: worker_take_config(self, message); break;
		case MSG_PROBE: run_probe(self); break;
		case MSG_JOB: worker_run_job(self, message); break;
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
	worker_host_init(self);
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
