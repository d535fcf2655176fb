/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The thread of one eUICC: takes one job at a time and runs its procedure with blocking calls. It owns the
 * session, the network client, a connection to the store and what is known of the card. The main thread
 * talks to it in values only.
 */
#pragma once

#include "base/post.h"
#include "card/card.h"
#include "config.h"
#include "ipa/host.h"
#include "model.h"

typedef enum WorkerNoticeKind {
	WORKER_IDENTIFIED, /* answer to worker_probe(): eid is set, or error */
	WORKER_PROGRESS, /* step, progress, wait, deadline */
	WORKER_SNAPSHOT, /* snapshot */
	WORKER_ASK, /* question to be answered through cell with a WorkerAnswer */
	WORKER_ONLINE, /* iccid, since, tried: to be answered through cell with a WorkerAnswer */
	WORKER_DONE, /* the job ended: error (NULL: done), result, snapshot, ipa */
} WorkerNoticeKind;

typedef struct WorkerAnswer {
	bool ok; /* accepted; online */
	char *confirmation_code; /* secret, or NULL */
	uint64_t generation; /* of the network */
	GError *error; /* in place of the rest */
} WorkerAnswer;

WorkerAnswer *worker_answer_new(bool ok);
void worker_answer_free(WorkerAnswer *answer);

/* A value; whoever gets it frees it. What a kind does not name is NULL or 0. */
typedef struct WorkerNotice {
	uint32_t worker; /* id given to worker_new() */
	uint32_t job; /* id of the job that runs, 0: none */
	WorkerNoticeKind kind;
	char *eid; /* 32 digits */
	GError *error;
	char *step;
	double progress;
	HostWait wait;
	int64_t deadline; /* µs realtime */
	Snapshot *snapshot;
	IpaState *ipa;
	int64_t next_notification; /* DONE: µs realtime, 0: none pending */
	char *question_kind, *iccid, *profile_name, *service_provider;
	ProfileClass class;
	unsigned policy_rules;
	uint64_t tried;
	int64_t since; /* ONLINE: µs CLOCK_BOOTTIME, 0: does not matter */
	PostCell *cell; /* a reference */
	GVariant *result; /* a{sv}; a reference of its own */
} WorkerNotice;

void worker_notice_free(WorkerNotice *notice);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WorkerNotice, worker_notice_free)

typedef struct Worker Worker;

/* Starts the thread. Notices go to `to`. config is copied. */
Worker *worker_new(uint32_t id, const Config *config, PostBox *to);
/* Ends at the next safe point (the job's cancel is set) and joins. */
void worker_free(Worker *worker);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Worker, worker_free)
uint32_t worker_id(const Worker *worker);

/* Gives it a slot, in place of the one it had; card is taken. names: how eim.d may call the slot ("modem:1",
 * "/dev/cdc-wdm0:1"), NULL-terminated; interface: of the bearer, or NULL. */
void worker_set_card(Worker *worker, Card *card, const char *const *names, const char *interface);
/* The slot is empty, or another worker has it. */
void worker_clear_card(Worker *worker);
void worker_set_config(Worker *worker, const Config *config);
/* Reads the EID; answered by WORKER_IDENTIFIED. */
void worker_probe(Worker *worker);
/* One job at a time: after the last one's WORKER_DONE. request is taken. cancel: a reference is kept. */
void worker_run(Worker *worker, JobRequest *request, PostCancel *cancel);
/* After a job's cancel was set: the worker may be waiting for a card. */
void worker_wake(Worker *worker);
