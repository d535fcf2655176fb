/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the worker share; all of it belongs to the worker's thread. */
#pragma once

#include "ipa/ipa.h"
#include "worker.h"

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

void message_free(Message *message);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Message, message_free)

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

/* ---- worker.c ---- */
void worker_take_card(Self *self, Message *message);
void worker_take_config(Self *self, Message *message);

/* ---- worker-host.c ---- */
WorkerNotice *worker_notice_new(Self *self, WorkerNoticeKind kind);
void worker_progress(
	Self *self, const char *step, double progress, HostWait wait, int64_t deadline);
bool worker_wait_online(Self *self, int64_t deadline, uint64_t *generation, GError **error);
void worker_host_init(Self *self);
CardTap worker_tap(Self *self);

/* ---- worker-job.c ---- */
void worker_run_job(Self *self, Message *message);
