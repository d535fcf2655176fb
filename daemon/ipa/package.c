/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "asn1/esipa.h"
#include "base/clock.h"
#include "card/es10.h"
#include "ipa/ipa.h"
#include "net/esipa.h"

/* An acknowledgement names what the card keeps: a list longer than any card's is none. */
#define ACKNOWLEDGEMENTS_MAX 256
/* How often a card may fail on a package before its eIM is told. */
#define PACKAGE_TRIES_MAX 3
/* Between two tries to deliver over a network that has not changed; doubled by each. */
#define DELIVERY_PAUSE_US (30 * USEC_PER_SEC)

/* What the device has to know of a package that it relays (digest 4.8, 4.6). */
typedef struct Content {
	bool rollback; /* an enable with rollbackFlag */
	bool switches; /* enables or disables */
	bool changes; /* anything that an eIM may want to know of */
} Content;

static Content package_content(const EuiccPackageRequest *request)
{
	const EuiccPackage *package = request->euicc_package_signed->euicc_package;
	Content content = { 0 };

	for (size_t i = 0; i < package->psmo_list.count; i++) {
		const Psmo *psmo = LIST_AT(package->psmo_list, Psmo, i);

		if (psmo->enable && psmo->enable->rollback_flag.present)
			content.rollback = true;
		if (psmo->enable || psmo->disable)
			content.switches = true;
		if (!psmo->list_profile_info && !psmo->get_rat.present)
			content.changes = true;
	}
	for (size_t i = 0; i < package->eco_list.count; i++)
		if (!LIST_AT(package->eco_list, Eco, i)->list_eim.present)
			content.changes = true;
	return content;
}

static const EuiccPackageResultDataSigned *signed_result(const EuiccPackageResult *result)
{
	return result->euicc_package_result_signed
		? result->euicc_package_result_signed->euicc_package_result_data_signed
		: NULL;
}

static CardProfile *named_profile(Ipa *ipa, Span iccid)
{
	g_autofree char *text = iccid_to_text(iccid);

	return snapshot_profile(ipa->snapshot, text);
}

static void enable_in_snapshot(Ipa *ipa, CardProfile *profile)
{
	for (guint i = 0; i < ipa->snapshot->profiles->len; i++)
		((CardProfile *)ipa->snapshot->profiles->pdata[i])->enabled = false;
	profile->enabled = true;
}

static bool enabled(const Psmo *psmo, const EuiccResultData *done)
{
	return psmo->enable && done->enable_result.present &&
		done->enable_result.value == ENABLE_RESULT_OK;
}

static bool disabled(const Psmo *psmo, const EuiccResultData *done)
{
	return psmo->disable && done->disable_result.present &&
		done->disable_result.value == DISABLE_RESULT_OK;
}

/* The card goes over to another profile, or none. */
static bool result_switches(const EuiccPackageRequest *request, const EuiccPackageResult *result)
{
	const EuiccPackageResultDataSigned *data = signed_result(result);
	List psmos = request->euicc_package_signed->euicc_package->psmo_list;

	for (size_t i = 0; data && i < data->euicc_result.count && i < psmos.count; i++) {
		const Psmo *psmo = LIST_AT(psmos, Psmo, i);
		const EuiccResultData *done = LIST_AT(data->euicc_result, EuiccResultData, i);

		if (enabled(psmo, done) || disabled(psmo, done))
			return true;
	}
	return false;
}

/* Carries what the card did into the snapshot, so that it is not read again; what cannot be told from the
 * result is. */
static void apply_result(
	Ipa *ipa, const EuiccPackageRequest *request, const EuiccPackageResult *result)
{
	const EuiccPackageResultDataSigned *data = signed_result(result);
	const EuiccPackage *package = request->euicc_package_signed->euicc_package;
	Snapshot *snapshot = ipa->snapshot;

	if (!data)
		return;
	if (package->eco_list.items)
		snapshot->eims_known = false;
	for (size_t i = 0; i < data->euicc_result.count; i++) {
		const EuiccResultData *done = LIST_AT(data->euicc_result, EuiccResultData, i);
		const Psmo *psmo =
			i < package->psmo_list.count ? LIST_AT(package->psmo_list, Psmo, i) : NULL;
		CardProfile *profile;

		if (!psmo)
			continue;
		if (enabled(psmo, done)) {
			profile = named_profile(ipa, psmo->enable->iccid);
			if (profile)
				enable_in_snapshot(ipa, profile);
			else
				snapshot->profiles_known = false;
			snapshot->notifications_known = false;
		} else if (disabled(psmo, done)) {
			profile = named_profile(ipa, psmo->disable->iccid);
			if (profile)
				profile->enabled = false;
			else
				snapshot->profiles_known = false;
			snapshot->notifications_known = false;
		} else if (psmo->delete &&done->delete_result.present &&
			done->delete_result.value == DELETE_RESULT_OK) {
			profile = named_profile(ipa, psmo->delete->iccid);
			if (profile)
				g_ptr_array_remove(snapshot->profiles, profile);
			snapshot->notifications_known = false;
			/* Free memory is part of the identity that is read once. */
			g_clear_pointer(&snapshot->euicc_info2, g_bytes_unref);
		} else if (psmo->set_fallback_attribute || psmo->unset_fallback_attribute.present) {
			snapshot->profiles_known = false;
		} else if (psmo->set_default_dp_address) {
			snapshot->configured_known = false;
		}
	}
}

static bool note_facts(Ipa *ipa, const EuiccPackageRequest *request,
	const EuiccPackageResult *result, GError **error)
{
	const EuiccPackageResultDataSigned *data = signed_result(result);
	const EuiccPackage *package = request->euicc_package_signed->euicc_package;
	const char *eid = ipa->snapshot->eid_text;

	/* An accepted package ends what an earlier one had granted (digest 4.3, step 6). */
	if (!store_card_set(ipa->store, eid, CARD_ROLLBACK,
		    result_switches(request, result) && package_content(request).rollback ? "yes"
											  : NULL,
		    error))
		return false;
	for (size_t i = 0; i < data->euicc_result.count && i < package->psmo_list.count; i++) {
		const Psmo *psmo = LIST_AT(package->psmo_list, Psmo, i);
		const EuiccResultData *done = LIST_AT(data->euicc_result, EuiccResultData, i);

		if (psmo->configure_immediate_enable &&
			done->configure_immediate_enable_result.present &&
			done->configure_immediate_enable_result.value == 0 &&
			!store_card_set(ipa->store, eid, CARD_IMMEDIATE_ENABLE,
				psmo->configure_immediate_enable->immediate_enable_flag.present
					? "yes"
					: "no",
				error))
			return false;
	}
	return true;
}

/* The other eIMs of the card do not see this result: they are told that something changed (digest 6.6). */
static bool tell_other_eims(Ipa *ipa, const char *eim_id, GError **error)
{
	for (guint i = 0; i < ipa->snapshot->eims->len; i++) {
		const CardEim *eim = ipa->snapshot->eims->pdata[i];
		g_autoptr(StoredEim) stored = NULL;

		if (strcmp(eim->eim_id, eim_id) == 0)
			continue;
		if (!store_eim_get(
			    ipa->store, ipa->snapshot->eid_text, eim->eim_id, &stored, error))
			return false;
		stored->state_change = STATE_CHANGE_OTHER_EIM;
		if (!store_eim_put(ipa->store, ipa->snapshot->eid_text, stored, error))
			return false;
	}
	return true;
}

/* The card's answer becomes safe: what else has to be known goes first, so that a crash in between finds the
 * package still RECEIVED, and its result on the card. */
static bool keep_answer(Ipa *ipa, const char *eim_id, const EuiccPackageRequest *request,
	const EuiccPackageResult *result, GError **error)
{
	if (signed_result(result) &&
		(!note_facts(ipa, request, result, error) ||
			(package_content(request).changes && !tell_other_eims(ipa, eim_id, error))))
		return false;
	return store_package_phase(ipa->store, ipa->snapshot->eid_text,
		result_switches(request, result) ? PACKAGE_AWAITING_ONLINE : PACKAGE_EXECUTED,
		result->raw, error);
}

/* What follows from the card's answer: the snapshot, the switch. */
static bool follow(Ipa *ipa, const char *eim_id, const EuiccPackageRequest *request,
	const EuiccPackageResult *result, GError **error)
{
	bool reset = false;

	if (!keep_answer(ipa, eim_id, request, result, error))
		return false;
	apply_result(ipa, request, result);
	if (!signed_result(result))
		return true;
	ipa->snapshot->results++;
	if (result_switches(request, result)) {
		ipa->host->progress(ipa->host->user, "refresh", -1, HOST_WAITING_CARD, 0);
		if (!isdr_wait_refresh(ipa->isdr, ipa->settings->refresh_timeout, &reset, error))
			return false;
		if (reset)
			g_variant_dict_insert(ipa->result->values, "card-reset", "b", TRUE);
	}
	ipa_publish(ipa);
	return true;
}

/* A package that the card did not take: the eIM gets the card's own words, the job their name. */
static void note_verdict(Ipa *ipa, const EuiccPackageResult *result)
{
	const EuiccPackageErrorSigned *error_signed = result->euicc_package_error_signed;
	GError **verdict = &ipa->result->verdict;

	if (*verdict || result->euicc_package_result_signed)
		return;
	if (error_signed) {
		int64_t code = error_signed->euicc_package_error_data_signed
				       ->euicc_package_error_code.value;

		sgp32_fail_spec(verdict,
			code == EUICC_PACKAGE_ERROR_REPLAY_ERROR ? SGP32_ERROR_REPLAY_REJECTED
				: code == EUICC_PACKAGE_ERROR_ECALL_ACTIVE
				? SGP32_ERROR_EMERGENCY_ACTIVE
				: SGP32_ERROR_CARD_REFUSED,
			code, "The card refused the package: %s",
			code == EUICC_PACKAGE_ERROR_INVALID_EID ? "it is for another EID"
				: code == EUICC_PACKAGE_ERROR_REPLAY_ERROR
				? "its counter was used before"
				: code == EUICC_PACKAGE_ERROR_COUNTER_VALUE_OUT_OF_RANGE
				? "its counter is out of range"
				: code == EUICC_PACKAGE_ERROR_SIZE_OVERFLOW
				? "its result would be too long"
				: code == EUICC_PACKAGE_ERROR_ECALL_ACTIVE
				? "the emergency profile is enabled"
				: "undefined error");
	} else if (result->euicc_package_error_unsigned &&
		result->euicc_package_error_unsigned->euicc_package_unsigned_error_code.present) {
		sgp32_fail_spec(verdict, SGP32_ERROR_CARD_REFUSED,
			result->euicc_package_error_unsigned->euicc_package_unsigned_error_code
				.value,
			"The card refused the package");
	} else {
		sgp32_fail(verdict, SGP32_ERROR_SIGNATURE_INVALID,
			"The card does not accept the package's signature");
	}
}

/* A card that refuses the command as such will refuse it tomorrow: the eIM is told. */
static bool refused_for_good(const GError *error)
{
	const Sgp32ErrorDetails *details = sgp32_error_details(error);

	return sgp32_error_is(error, SGP32_ERROR_NOT_SUPPORTED) ||
		(details && details->sw == 0x6a80);
}

/* A card that fails on the package (6F00, garbage) may do better the next time, but not for ever: the package
 * must not hold up all that comes after it. ret: it is given up. */
static bool give_up(Ipa *ipa, Span request, const GError *failure, bool *ret, GError **error)
{
	unsigned tries;

	*ret = refused_for_good(failure);
	if (*ret ||
		!(sgp32_error_is(failure, SGP32_ERROR_CARD_REFUSED) ||
			sgp32_error_is(failure, SGP32_ERROR_CARD_MALFORMED)))
		return true;
	if (!ipa_count_try(ipa, CARD_PACKAGE_TRIES, request, &tries, error))
		return false;
	*ret = tries > PACKAGE_TRIES_MAX;
	return true;
}

static bool execute(Ipa *ipa, const char *eim_id, Span bytes, GError **error)
{
	g_autoptr(Msg) request = msg_decode(&EUICC_PACKAGE_REQUEST, bytes, error), result = NULL;
	const char *eid = ipa->snapshot->eid_text;
	g_autoptr(GBytes) answer = NULL;

	if (!request)
		return false;
	const EuiccPackageRequest *package = MSG_BODY(request, EuiccPackageRequest);
	Content content = package_content(package);

	/* The profiles by name are needed to follow what the package does to them. */
	if (!ipa_read_profiles(ipa, error))
		return false;
	/* A connection of the old profile must not vouch for the new one. */
	if (content.switches)
		http_close(ipa->http);
	ipa->host->progress(ipa->host->user, "execute-package", -1, HOST_RUNNING, 0);
	if (!store_package_received(ipa->store, eid, eim_id,
		    package->euicc_package_signed->counter_value.value, content.rollback,
		    content.switches, bytes, error))
		return false;
	if (content.switches)
		ipa->switched = clock_boottime();
	if (!es10_load_euicc_package(ipa->isdr, bytes, &answer, error))
		return false;
	ipa->result->packages++;
	result = msg_decode(&EUICC_PACKAGE_RESULT, span_of(answer), error);
	if (!result)
		return false;
	note_verdict(ipa, MSG_BODY(result, EuiccPackageResult));
	return follow(ipa, eim_id, package, MSG_BODY(result, EuiccPackageResult), error);
}

/* The result of that package among those that the card keeps; NULL if there is none. */
static GBytes *find_result(
	GPtrArray *results, const char *eim_id, int64_t counter, int64_t *ret_seq)
{
	for (guint i = 0; i < results->len; i++) {
		const EuiccPackageResult *result = MSG_BODY(results->pdata[i], EuiccPackageResult);
		const EuiccPackageResultDataSigned *data = signed_result(result);

		if (data && data->counter_value.value == counter &&
			span_equal(data->eim_id, span_string(eim_id))) {
			*ret_seq = data->seq_number.value;
			return span_to_bytes(result->raw);
		}
	}
	return NULL;
}

static void forget_number(Ipa *ipa, int64_t seq, bool was_result)
{
	GPtrArray *notifications = ipa->snapshot->notifications;

	if (was_result && ipa->snapshot->results) {
		ipa->snapshot->results--;
		return;
	}
	for (guint i = 0; i < notifications->len; i++)
		if (((CardNotification *)notifications->pdata[i])->seq == seq) {
			g_ptr_array_remove_index(notifications, i);
			return;
		}
	/* A result of another package, or nothing: the card will tell. */
	ipa->snapshot->results_known = false;
}

bool ipa_acknowledge(Ipa *ipa, const EsipaAcknowledgements *acks, int64_t own_seq, GError **error)
{
	GArray *numbers = acks->sequence_numbers;

	for (guint i = 0; i < numbers->len && i < ACKNOWLEDGEMENTS_MAX; i++) {
		int64_t seq = g_array_index(numbers, int64_t, i);

		if (!es10_remove_notification(ipa->isdr, seq, error))
			return false;
		forget_number(ipa, seq, seq == own_seq);
	}
	return true;
}

/* Failures that another network, or a later try, may mend. */
static bool worth_another_try(const GError *error)
{
	return sgp32_error_is(error, SGP32_ERROR_NETWORK_UNAVAILABLE) ||
		sgp32_error_is(error, SGP32_ERROR_TIMEOUT);
}

/* Over the profile that is enabled now: the first contact is what proves that it works. A failed one is tried
 * again when the network changes, and after pauses that grow (digest 4.8, steps 3 and 4). */
static bool provide_when_online(
	Ipa *ipa, Esipa *esipa, Span payload, EsipaAcknowledgements *ret, GError **error)
{
	const Host *host = ipa->host;
	const CardProfile *enabled = snapshot_enabled_profile(ipa->snapshot);
	int64_t limit = ipa->settings->online_timeout * USEC_PER_SEC;
	int64_t deadline = clock_monotonic() + limit, shown = host->now(host->user) + limit;
	int64_t until = deadline, pause = DELIVERY_PAUSE_US;
	unsigned pauses = 0;
	uint64_t generation = 0;

	for (;;) {
		g_autoptr(GError) local = NULL;

		host->progress(host->user, "wait-online", -1, HOST_WAITING_NETWORK, shown);
		if (!host->wait_online(host->user, enabled ? enabled->iccid : "", ipa->switched,
			    until, generation, &generation, &local)) {
			/* The network is the same: only the pause is over. */
			if (!generation ||
				!sgp32_error_is(local, SGP32_ERROR_NETWORK_UNAVAILABLE) ||
				pauses++ == ipa->settings->delivery_tries) {
				g_propagate_error(error, g_steal_pointer(&local));
				return false;
			}
			g_clear_error(&local);
			pause *= 2;
		}
		host->progress(host->user, "report-result", -1, HOST_RUNNING, 0);
		if (esipa_provide_eim_package_result(esipa, SPAN_ARRAY(ipa->snapshot->eid), payload,
			    ipa->cancel, ret, &local))
			return true;
		if (!worth_another_try(local)) {
			g_propagate_error(error, g_steal_pointer(&local));
			return false;
		}
		until = clock_monotonic() + pause;
		shown = host->now(host->user) + pause;
	}
}

static bool deliver_in_flight(Ipa *ipa, Esipa *esipa, const StoredPackage *stored, GError **error)
{
	g_auto(EsipaAcknowledgements) acks = { 0 };
	g_autoptr(GBytes) payload = NULL;
	g_autoptr(Msg) answer = NULL;
	bool switched = stored->phase == PACKAGE_AWAITING_ONLINE;
	const char *eid = ipa->snapshot->eid_text;
	int64_t seq = -1;

	if (stored->answer)
		answer = msg_decode(&EUICC_PACKAGE_RESULT, span_of(stored->answer), error);
	if (stored->answer && !answer)
		return false;
	/* After a switch, or without an answer, the card's own list is the source (digest 4.9). */
	if (!answer || (signed_result(MSG_BODY(answer, EuiccPackageResult)) && switched)) {
		g_autoptr(GPtrArray) results = NULL;

		if (!ipa_read_results(ipa, &results, error))
			return false;
		payload = find_result(results, stored->eim_id, stored->counter, &seq);
	}
	if (!payload && answer) {
		const EuiccPackageResultDataSigned *data =
			signed_result(MSG_BODY(answer, EuiccPackageResult));

		payload = g_bytes_ref(stored->answer);
		seq = data ? data->seq_number.value : -1;
	}
	/* Executed, and its result is nowhere any more: there is nothing to tell. */
	if (!payload)
		return store_package_clear(ipa->store, eid, error);
	if (!switched)
		ipa->host->progress(ipa->host->user, "report-result", -1, HOST_RUNNING, 0);
	if (switched ? !provide_when_online(ipa, esipa, span_of(payload), &acks, error)
		     : !esipa_provide_eim_package_result(esipa, SPAN_ARRAY(ipa->snapshot->eid),
			       span_of(payload), ipa->cancel, &acks, error))
		return false;
	/* Not acknowledged: the card keeps it, and the next run sends it again. Error results are not kept by
	 * the card, and need no acknowledgement. */
	if (!acks.given && seq >= 0)
		return true;
	if (!store_package_phase(ipa->store, eid, PACKAGE_REPORTED, (Span) { NULL, 0 }, error))
		return false;
	ipa->host->progress(ipa->host->user, "remove-result", -1, HOST_RUNNING, 0);
	return ipa_acknowledge(ipa, &acks, seq, error) &&
		store_package_clear(ipa->store, eid, error);
}

/* Results of earlier packages, of which this daemon knows nothing else. told: the package whose result went
 * out just now and was not acknowledged; NULL: none. */
static bool deliver_kept(
	Ipa *ipa, Esipa *esipa, const char *eim_id, const StoredPackage *told, GError **error)
{
	g_autoptr(GPtrArray) results = NULL;

	if (ipa->snapshot->results_known && ipa->snapshot->results == 0)
		return true;
	if (!ipa_read_results(ipa, &results, error))
		return false;
	for (guint i = 0; i < results->len; i++) {
		const EuiccPackageResult *result = MSG_BODY(results->pdata[i], EuiccPackageResult);
		const EuiccPackageResultDataSigned *data = signed_result(result);
		g_auto(EsipaAcknowledgements) acks = { 0 };

		if (!data || !span_equal(data->eim_id, span_string(eim_id)) ||
			(told && told->counter == data->counter_value.value))
			continue;
		if (!esipa_provide_eim_package_result(esipa, SPAN_ARRAY(ipa->snapshot->eid),
			    result->raw, ipa->cancel, &acks, error) ||
			!ipa_acknowledge(ipa, &acks, data->seq_number.value, error))
			return false;
	}
	return true;
}

bool ipa_package_recover(Ipa *ipa, GError **error)
{
	g_autoptr(StoredPackage) stored = NULL;
	g_autoptr(GPtrArray) results = NULL;
	g_autoptr(GBytes) kept = NULL, answer = NULL;
	g_autoptr(Msg) request = NULL, result = NULL;
	g_autoptr(GError) local = NULL;
	const char *eid = ipa->snapshot->eid_text;
	int64_t seq;

	if (!store_package_get(ipa->store, eid, &stored, error))
		return false;
	if (!stored || stored->phase != PACKAGE_RECEIVED)
		return true;
	request = msg_decode(&EUICC_PACKAGE_REQUEST, span_of(stored->request), error);
	if (!request || !ipa_read_results(ipa, &results, error))
		return false;
	const EuiccPackageRequest *package = MSG_BODY(request, EuiccPackageRequest);
	kept = find_result(results, stored->eim_id, stored->counter, &seq);
	if (kept) {
		/* It was executed, and the REFRESH that may have followed is over or under way. */
		result = msg_decode(&EUICC_PACKAGE_RESULT, span_of(kept), error);
		ipa_forget(ipa);
		return result &&
			keep_answer(ipa, stored->eim_id, package,
				MSG_BODY(result, EuiccPackageResult), error);
	}
	/* The card lists no result: it may not have got it. The counter guards against twice. */
	if (!es10_load_euicc_package(ipa->isdr, span_of(stored->request), &answer, &local)) {
		bool given_up;

		/* The eIM gives it again, and is told then. */
		if (!give_up(ipa, span_of(stored->request), local, &given_up, error))
			return false;
		if (given_up)
			return store_package_clear(ipa->store, eid, error);
		g_propagate_error(error, g_steal_pointer(&local));
		return false;
	}
	result = msg_decode(&EUICC_PACKAGE_RESULT, span_of(answer), error);
	if (!result)
		return false;
	const EuiccPackageResult *told = MSG_BODY(result, EuiccPackageResult);
	if (told->euicc_package_error_signed &&
		told->euicc_package_error_signed->euicc_package_error_data_signed
				->euicc_package_error_code.value ==
			EUICC_PACKAGE_ERROR_REPLAY_ERROR) {
		/* It had been executed, and its result has gone: the eIM has it. */
		ipa_forget(ipa);
		return store_package_clear(ipa->store, eid, error);
	}
	return follow(ipa, stored->eim_id, package, told, error);
}

bool ipa_package_deliver(Ipa *ipa, Esipa *esipa, const char *eim_id, GError **error)
{
	g_autoptr(StoredPackage) stored = NULL, told = NULL;

	if (!ipa_package_recover(ipa, error) ||
		!store_package_get(ipa->store, ipa->snapshot->eid_text, &stored, error))
		return false;
	if (stored && strcmp(stored->eim_id, eim_id) == 0) {
		if (stored->phase == PACKAGE_REPORTED) {
			/* The removal was cut off: a list that still has it is delivered below. */
			ipa->snapshot->results_known = false;
			if (!store_package_clear(ipa->store, ipa->snapshot->eid_text, error))
				return false;
		} else if (!deliver_in_flight(ipa, esipa, stored, error) ||
			!store_package_get(ipa->store, ipa->snapshot->eid_text, &told, error)) {
			return false;
		}
	}
	return deliver_kept(ipa, esipa, eim_id, told, error);
}

/* EimPackageResult for a package that the card cannot be given. */
static bool report_failure(Ipa *ipa, Esipa *esipa, Span request, int code, GError **error)
{
	g_auto(EsipaAcknowledgements) acks = { 0 };
	g_autoptr(Msg) package = msg_decode(&EUICC_PACKAGE_REQUEST, request, NULL);
	EimPackageResultResponseError failure = { .eim_package_result_error_code = NUM(code) };
	EimPackageResult result = { .eim_package_result_response_error = &failure };
	g_autoptr(GBytes) payload = NULL;

	if (package)
		failure.eim_transaction_id = MSG_BODY(package, EuiccPackageRequest)
						     ->euicc_package_signed->eim_transaction_id;
	payload = msg_encode_own(&EIM_PACKAGE_RESULT, &result);
	return esipa_provide_eim_package_result(
		esipa, SPAN_ARRAY(ipa->snapshot->eid), span_of(payload), ipa->cancel, &acks, error);
}

bool ipa_package(Ipa *ipa, Esipa *esipa, const char *eim_id, Span request, GError **error)
{
	g_autoptr(Msg) package = NULL;
	g_autoptr(GError) local = NULL;
	g_autoptr(StoredPackage) stored = NULL;

	package = msg_decode(&EUICC_PACKAGE_REQUEST, request, &local);
	if (!package) {
		if (!report_failure(ipa, esipa, request,
			    EIM_PACKAGE_RESULT_ERROR_INVALID_PACKAGE_FORMAT, error))
			return false;
		if (!ipa->result->verdict)
			sgp32_fail(&ipa->result->verdict, SGP32_ERROR_SERVER_MALFORMED,
				"eUICC package: %s", local->message);
		return true;
	}
	if (!execute(ipa, eim_id, request, &local)) {
		bool given_up;

		if (!give_up(ipa, request, local, &given_up, error))
			return false;
		if (given_up) {
			/* Should the card have carried it out in spite of that, its result is found. */
			ipa->snapshot->results_known = false;
			if (!report_failure(ipa, esipa, request,
				    EIM_PACKAGE_RESULT_ERROR_UNDEFINED_ERROR, error) ||
				!store_package_clear(ipa->store, ipa->snapshot->eid_text, error))
				return false;
		}
		g_propagate_error(error, g_steal_pointer(&local));
		return false;
	}
	if (!store_package_get(ipa->store, ipa->snapshot->eid_text, &stored, error))
		return false;
	return !stored || deliver_in_flight(ipa, esipa, stored, error);
}
