/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host of the procedures: questions to the main thread. */
#include "base/clock.h"
#include "worker-priv.h"

#define ASK_LIMIT_US (600 * USEC_PER_SEC)

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

WorkerNotice *worker_notice_new(Self *self, WorkerNoticeKind kind)
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
	WorkerNotice *notice = worker_notice_new(self, WORKER_PROGRESS);

	notice->step = g_strdup(step);
	notice->progress = progress;
	notice->wait = wait;
	notice->deadline = deadline;
	post_box_send(self->to, notice);
}

static void host_publish(void *user, const Snapshot *snapshot)
{
	Self *self = user;
	WorkerNotice *notice = worker_notice_new(self, WORKER_SNAPSHOT);

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
	WorkerNotice *notice = worker_notice_new(self, WORKER_ASK);
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
	WorkerNotice *notice = worker_notice_new(self, WORKER_ONLINE);
	g_autoptr(GError) local = NULL;
	WorkerAnswer *answer;

	notice->iccid = g_strdup(iccid);
	notice->tried = tried;
	notice->since = since;
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

void worker_progress(Self *self, const char *step, double progress, HostWait wait, int64_t deadline)
{
	host_progress(self, step, progress, wait, deadline);
}

bool worker_wait_online(Self *self, int64_t deadline, uint64_t *generation, GError **error)
{
	return host_wait_online(self, "", 0, deadline, *generation, generation, error);
}

void worker_host_init(Self *self)
{
	self->host =
		(Host) { self, host_progress, host_publish, host_ask, host_wait_online, host_now };
}

CardTap worker_tap(Self *self)
{
	return (CardTap) { tap_exchange, self };
}
