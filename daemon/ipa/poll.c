/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "asn1/esipa.h"
#include "base/clock.h"
#include "card/isdr.h"
#include "ipa/ipa.h"
#include "net/esipa.h"

static const IpaPeer *peer_of(Ipa *ipa, const char *eim_id)
{
	for (guint i = 0; ipa->settings->peers && i < ipa->settings->peers->len; i++) {
		const IpaPeer *peer = ipa->settings->peers->pdata[i];

		if (strcmp(peer->eim_id, eim_id) == 0)
			return peer;
	}
	return NULL;
}

/* A package that cannot be understood, or of a kind that this version of the IPA does not know: the eIM is
 * told, and may have others. The job ends with failure. */
static bool answer_failure(Ipa *ipa, Esipa *esipa, int code, const GError *failure, GError **error)
{
	const EimPackageResultResponseError response = {
		.eim_package_result_error_code = { true, code },
	};
	const EimPackageResult result = { .eim_package_result_response_error = &response };
	g_auto(EsipaAcknowledgements) acks = { 0 };
	g_autoptr(GBytes) answer = msg_encode_own(&EIM_PACKAGE_RESULT, &result);

	if (!esipa_provide_eim_package_result(esipa, SPAN_ARRAY(ipa->snapshot->eid),
		    span_of(answer), ipa->cancel, &acks, error))
		return false;
	if (!ipa->result->verdict)
		ipa->result->verdict = g_error_copy(failure);
	return true;
}

static bool answer_malformed(Ipa *ipa, Esipa *esipa, GError *failure, GError **error)
{
	g_autoptr(GError) taken = failure;

	if (!sgp32_error_is(failure, SGP32_ERROR_SERVER_MALFORMED)) {
		g_propagate_error(error, g_steal_pointer(&taken));
		return false;
	}
	return answer_failure(
		ipa, esipa, EIM_PACKAGE_RESULT_ERROR_INVALID_PACKAGE_FORMAT, failure, error);
}

static bool answer_unknown(Ipa *ipa, Esipa *esipa, GError **error)
{
	g_autoptr(GError) failure = g_error_new_literal(SGP32_ERROR, SGP32_ERROR_NOT_SUPPORTED,
		"The eIM gave a package of a kind that this IPA does not know");

	return answer_failure(ipa, esipa, EIM_PACKAGE_RESULT_ERROR_UNKNOWN_PACKAGE, failure, error);
}

static bool answer_data(Ipa *ipa, Esipa *esipa, const char *eim_id, Span request, GError **error)
{
	g_auto(EsipaAcknowledgements) acks = { 0 };
	g_autoptr(GBytes) answer = NULL;

	ipa->host->progress(ipa->host->user, "euicc-data", -1, HOST_RUNNING, 0);
	return ipa_data(ipa, eim_id, request, &answer, error) &&
		esipa_provide_eim_package_result(esipa, SPAN_ARRAY(ipa->snapshot->eid),
			span_of(answer), ipa->cancel, &acks, error) &&
		ipa_acknowledge(ipa, &acks, -1, error);
}

static bool answer_trigger(Ipa *ipa, Esipa *esipa, const char *eim_id, Span request, GError **error)
{
	GError *local = NULL;

	if (!ipa_download_trigger(ipa, eim_id, request, &local))
		return answer_malformed(ipa, esipa, local, error);
	return ipa_download_deliver(ipa, esipa, eim_id, error);
}

/* GetEimPackage once. ret: what the eIM gave; its state change is told and struck off. */
static bool ask(Ipa *ipa, Esipa *esipa, const char *eim_id, EsipaPackage *ret, GError **error)
{
	EsipaPackageQuestion question = { .eid = SPAN_ARRAY(ipa->snapshot->eid),
		.state_change_cause = -1 };
	const char *eid = ipa->snapshot->eid_text;
	g_autoptr(StoredEim) stored = NULL;
	TransportFacts facts = { 0 };
	Card *card = isdr_card(ipa->isdr);

	if (!store_eim_get(ipa->store, eid, eim_id, &stored, error))
		return false;
	if (stored->state_change >= 0) {
		question.notify_state_change = true;
		question.state_change_cause = stored->state_change;
		if (card->ops->facts && card->ops->facts(card->self, &facts, NULL) &&
			facts.has_plmn)
			question.r_plmn = SPAN_ARRAY(facts.plmn);
	}
	ipa->host->progress(ipa->host->user, "poll", -1, HOST_RUNNING, 0);
	if (!esipa_get_eim_package(esipa, &question, ipa->cancel, ret, error))
		return false;
	if (!question.notify_state_change)
		return true;
	/* Read anew: the main thread may have written to it meanwhile. */
	g_clear_pointer(&stored, stored_eim_free);
	if (!store_eim_get(ipa->store, eid, eim_id, &stored, error))
		return false;
	stored->state_change = -1;
	return store_eim_put(ipa->store, eid, stored, error);
}

static bool poll_run(Ipa *ipa, const char *eim_id, GError **error)
{
	const IpaPeer *peer = peer_of(ipa, eim_id);
	unsigned limit = peer && peer->packages ? peer->packages : ipa->settings->packages_per_poll;
	g_autoptr(Esipa) esipa = ipa_peer_open(ipa, eim_id, error);
	g_autoptr(GBytes) last = NULL;

	if (!esipa || !ipa_package_deliver(ipa, esipa, eim_id, error) ||
		!ipa_download_recover(ipa, error) ||
		!ipa_download_deliver(ipa, esipa, eim_id, error) || !ipa_read_eims(ipa, error))
		return false;
	/* What was delivered may have been its own deletion. */
	if (!snapshot_eim(ipa->snapshot, eim_id))
		return true;
	for (unsigned round = 0; round < limit; round++) {
		g_auto(EsipaPackage) package = { 0 };
		Span bytes;

		if (!ipa_check_cancel(ipa, error) || !ask(ipa, esipa, eim_id, &package, error))
			return false;
		if (package.kind == ESIPA_NO_PACKAGE)
			return true;
		bytes = span_of(package.bytes);
		if (last && g_bytes_equal(last, package.bytes))
			return sgp32_fail(error, SGP32_ERROR_SERVER_REFUSED,
				"The eIM \"%s\" gave the same package twice: it does not take its result",
				eim_id);
		switch (package.kind) {
		case ESIPA_EUICC_PACKAGE:
			if (!ipa_package(ipa, esipa, eim_id, bytes, error))
				return false;
			/* It may have deleted this eIM, or changed its address or trust. */
			if (ipa->snapshot->eims_known)
				break;
			if (!ipa_read_eims(ipa, error))
				return false;
			if (!snapshot_eim(ipa->snapshot, eim_id))
				return true;
			g_clear_pointer(&esipa, esipa_free);
			esipa = ipa_peer_open(ipa, eim_id, error);
			if (!esipa)
				return false;
			break;
		case ESIPA_DATA_REQUEST:
			if (!answer_data(ipa, esipa, eim_id, bytes, error))
				return false;
			ipa->result->packages++;
			break;
		case ESIPA_DOWNLOAD_TRIGGER:
			if (!answer_trigger(ipa, esipa, eim_id, bytes, error))
				return false;
			ipa->result->packages++;
			break;
		case ESIPA_UNKNOWN_PACKAGE:
			if (!answer_unknown(ipa, esipa, error))
				return false;
			break;
		case ESIPA_NO_PACKAGE: break;
		}
		/* An activation code may be in it. */
		g_clear_pointer(&last, wipe_bytes_unref);
		last = g_steal_pointer(&package.bytes);
	}
	return true;
}

/* The schedule after a poll: the interval, or the back-off. A job that was stopped says nothing of the eIM;
 * a package that failed is not the way's fault. */
static bool reschedule(Ipa *ipa, const char *eim_id, unsigned packages, const GError *failure,
	const GError *verdict, GError **error)
{
	const IpaPeer *peer = peer_of(ipa, eim_id);
	const IpaSettings *settings = ipa->settings;
	const char *eid = ipa->snapshot->eid_text;
	g_autoptr(StoredEim) stored = NULL;
	int64_t now = ipa->host->now(ipa->host->user), seconds;

	if (!store_eim_get(ipa->store, eid, eim_id, &stored, error))
		return false;
	if (failure) {
		stored->failures++;
		seconds =
			ipa_backoff(stored->failures, settings->backoff_min, settings->backoff_max);
	} else {
		stored->failures = 0;
		seconds = (peer && peer->interval ? peer->interval : settings->poll_interval) +
			ipa_jitter(settings->poll_jitter);
	}
	stored->last_poll = now;
	stored->next_poll = now + seconds * USEC_PER_SEC;
	g_free(stored->last_result);
	stored->last_result = g_strdup(failure ? sgp32_error_name(failure)
			: verdict              ? sgp32_error_name(verdict)
			: packages             ? "ok"
					       : "nothing");
	/* A contact that succeeded vouches for the clock as well as anything can. */
	return store_eim_put(ipa->store, eid, stored, error) &&
		(failure || store_set_last_seen(ipa->store, now / USEC_PER_SEC, error));
}

static bool says_nothing_of_the_eim(const GError *error)
{
	return sgp32_error_is(error, SGP32_ERROR_CANCELLED) ||
		sgp32_error_is(error, SGP32_ERROR_CARD_LOST) ||
		sgp32_error_is(error, SGP32_ERROR_NO_CARD) ||
		sgp32_error_is(error, SGP32_ERROR_STORE_UNAVAILABLE);
}

bool ipa_poll(Ipa *ipa, const char *eim_id, GError **error)
{
	unsigned before = ipa->result->packages;
	g_autoptr(GError) local = NULL, verdict = NULL;
	bool ok;

	if (!ipa_read_eims(ipa, error))
		return false;
	ok = poll_run(ipa, eim_id, &local);
	/* What a recovery or an order left open; people see it. */
	if (ok && !ipa->snapshot->profiles_known) {
		ok = ipa_read_profiles(ipa, &local);
		ipa_publish(ipa);
	}
	verdict = g_steal_pointer(&ipa->result->verdict);
	if (!ok && says_nothing_of_the_eim(local)) {
		g_propagate_error(error, g_steal_pointer(&local));
		return false;
	}
	if (!reschedule(ipa, eim_id, ipa->result->packages - before, local, verdict, error))
		return false;
	if (ok && !verdict)
		return true;
	/* What went wrong first says why. */
	g_propagate_prefixed_error(error,
		verdict ? g_steal_pointer(&verdict) : g_steal_pointer(&local),
		"eIM \"%s\": ", eim_id);
	return false;
}
