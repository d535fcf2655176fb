/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Jobs: operations that a person, an eIM or the policy started. JobRequest goes to a worker as a value;
 * JobState is what the main thread knows and D-Bus shows.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef enum JobOperation {
	JOB_ATTACH, /* first sight of a card, or its return: read it, repair what a crash left */
	JOB_REFRESH, /* read all again */
	JOB_POLL, /* ask one eIM, or all that are due, for packages */
	JOB_DOWNLOAD, /* direct download of a profile */
	JOB_NOTIFICATIONS, /* deliver pending notifications */
	JOB_RESCAN, /* look again at all devices; of no eUICC */
	JOB_N_OPERATIONS
} JobOperation;

const char *job_operation_text(JobOperation operation); /* "attach", "poll", … */

typedef enum JobInitiator {
	JOB_BY_USER,
	JOB_BY_EIM,
	JOB_BY_POLICY,
	JOB_BY_BOOT, /* the daemon itself: attach, schedule */
} JobInitiator;

const char *job_initiator_text(JobInitiator initiator); /* "user", "eim", "policy", "boot" */

typedef enum JobStatus {
	JOB_QUEUED,
	JOB_RUNNING,
	JOB_WAITING_USER,
	JOB_WAITING_NETWORK,
	JOB_WAITING_CARD,
	JOB_CONFIRMING,
	JOB_DONE,
	JOB_FAILED,
	JOB_CANCELLED,
} JobStatus;

const char *job_status_text(JobStatus status); /* "queued", "waiting-user", … */

static inline bool job_status_ended(JobStatus status)
{
	return status >= JOB_DONE;
}

/* What is asked of a worker. Codes are secrets: job_request_free() wipes them. */
typedef struct JobRequest {
	uint32_t id; /* given by the manager */
	JobOperation operation;
	JobInitiator initiator;
	uint32_t uid; /* of the caller; 0 for the daemon's own */
	char *eim_id; /* POLL: that eIM; NULL: all that are due */
	bool force; /* POLL: due or not, and though polling is disabled */
	bool network_back; /* POLL: also those whose last contact found no network */
	char *activation_code; /* DOWNLOAD: "" = default SM-DP+ */
	char *confirmation_code; /* DOWNLOAD: NULL = none given */
	bool accept; /* DOWNLOAD: do not ask before the installation */
	bool quiet; /* a background job: not written to the history unless it did something */
} JobRequest;

JobRequest *job_request_new(JobOperation operation, JobInitiator initiator);
void job_request_free(JobRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JobRequest, job_request_free)

/* A job as the main thread shows it. Owned by the manager. */
typedef struct Job {
	uint32_t id;
	JobOperation operation;
	JobInitiator initiator;
	uint32_t uid;
	char *eid; /* 32 digits; "" for jobs of no eUICC */
	char *path; /* "/org/sgp32/job/7" */
	char *object_path; /* the object it works on: eUICC, eIM, or "/" */
	uint64_t start_time; /* µs realtime */
	uint64_t deadline; /* µs realtime, 0: none */
	JobStatus status;
	char *step; /* stable identifier, "" at first */
	double progress; /* 0…1 */
	bool progress_valid;
	bool cancelable;
	GVariant *question; /* a{sv}, never NULL, empty if nothing is asked */
	GVariant *result; /* a{sv}, never NULL */
	GError *error; /* of SGP32_ERROR; NULL unless failed or cancelled */
} Job;

/* "done", "failed", "cancelled": the word of JobRemoved, Completed and Wait. "" while it lives. */
const char *job_result_text(const Job *job);
