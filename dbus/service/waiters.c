/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls of Job.Wait, kept until the job has ended. */
#include "internal.h"

#define WAITERS_MAX 256
#define WAITERS_PER_SENDER 64

struct Waiters {
	GPtrArray *list; /* of Waiter */
};

typedef struct Waiter {
	Waiters *waiters;
	uint32_t id; /* of the job */
	sd_bus_message *call;
	sd_bus_track *track; /* of the caller */
} Waiter;

static void waiter_free(void *data)
{
	Waiter *waiter = data;

	sd_bus_track_unref(waiter->track);
	sd_bus_message_unref(waiter->call);
	g_free(waiter);
}

Waiters *waiters_new(void)
{
	Waiters *waiters = g_new0(Waiters, 1);

	waiters->list = g_ptr_array_new_with_free_func(waiter_free);
	return waiters;
}

void waiters_free(Waiters *waiters)
{
	if (!waiters)
		return;
	for (unsigned i = 0; i < waiters->list->len; i++) {
		Waiter *waiter = g_ptr_array_index(waiters->list, i);

		(void)sd_bus_reply_method_errorf(
			waiter->call, error_row(SGP32_ERROR_CANCELLED)->name, "the daemon stops");
	}
	g_ptr_array_unref(waiters->list);
	g_free(waiters);
}

static int on_caller_gone(sd_bus_track *track, void *userdata)
{
	Waiter *waiter = userdata;

	g_ptr_array_remove_fast(waiter->waiters->list, waiter);
	return 1; /* 0 would put the track back into its queue */
}

int waiters_add(Waiters *waiters, uint32_t id, sd_bus_message *call, sd_bus_error *error)
{
	const char *sender = sd_bus_message_get_sender(call);
	unsigned own = 0;
	Waiter *waiter;
	int r;

	for (unsigned i = 0; i < waiters->list->len; i++) {
		const Waiter *other = g_ptr_array_index(waiters->list, i);

		own += g_strcmp0(sd_bus_message_get_sender(other->call), sender) == 0;
	}
	if (own >= WAITERS_PER_SENDER || waiters->list->len >= WAITERS_MAX)
		return reply_failure(error, SGP32_ERROR_BUSY, "too many callers wait for jobs");
	waiter = g_new0(Waiter, 1);
	waiter->waiters = waiters;
	waiter->id = id;
	waiter->call = sd_bus_message_ref(call);
	r = sd_bus_track_new(sd_bus_message_get_bus(call), &waiter->track, on_caller_gone, waiter);
	if (r >= 0)
		r = sd_bus_track_add_sender(waiter->track, call);
	if (r < 0) {
		waiter_free(waiter);
		return r;
	}
	g_ptr_array_add(waiters->list, waiter);
	return 0;
}

void waiters_complete(Waiters *waiters, const Job *job)
{
	for (unsigned i = 0; i < waiters->list->len;) {
		const Waiter *waiter = g_ptr_array_index(waiters->list, i);

		if (waiter->id != job->id) {
			i++;
			continue;
		}
		(void)job_reply_end(waiter->call, job);
		g_ptr_array_remove_index_fast(waiters->list, i);
	}
}
