/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job.h"

#include "base/bytes.h"

const char *job_operation_text(JobOperation operation)
{
	static const char *const texts[JOB_N_OPERATIONS] = {
		[JOB_ATTACH] = "attach",
		[JOB_REFRESH] = "refresh",
		[JOB_POLL] = "poll",
		[JOB_DOWNLOAD] = "download",
		[JOB_NOTIFICATIONS] = "notifications",
		[JOB_RESCAN] = "rescan",
	};

	return texts[operation];
}

const char *job_initiator_text(JobInitiator initiator)
{
	static const char *const texts[] = { "user", "eim", "policy", "boot" };

	return texts[initiator];
}

const char *job_status_text(JobStatus status)
{
	static const char *const texts[] = { "queued", "running", "waiting-user", "waiting-network",
		"waiting-card", "confirming", "done", "failed", "cancelled" };

	return texts[status];
}

JobRequest *job_request_new(JobOperation operation, JobInitiator initiator)
{
	JobRequest *request = g_new0(JobRequest, 1);

	request->operation = operation;
	request->initiator = initiator;
	return request;
}

void job_request_free(JobRequest *request)
{
	if (!request)
		return;
	g_free(request->eim_id);
	wipe_free(request->activation_code);
	wipe_free(request->confirmation_code);
	g_free(request);
}

const char *job_result_text(const Job *job)
{
	return job_status_ended(job->status) ? job_status_text(job->status) : "";
}
