/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "asn1/esipa.h"
#include "ipa/ipa.h"
#include "net/esipa.h"

/* The trigger with that id; NULL if there is none. */
static StoredTrigger *find_trigger(GPtrArray *list, int64_t id)
{
	for (guint i = 0; i < list->len; i++)
		if (((StoredTrigger *)list->pdata[i])->id == id)
			return list->pdata[i];
	return NULL;
}

bool ipa_trigger_keep(
	Ipa *ipa, int64_t id, Span installation_result, Span error_response, GError **error)
{
	ProfileInstallationResult installed = { .raw = installation_result };
	ProfileDownloadError failure = { NUM(PROFILE_DOWNLOAD_ERROR_UNDEFINED_ERROR),
		error_response };
	ProfileDownloadTriggerResultData data = {
		.profile_installation_result = installation_result.data ? &installed : NULL,
		.profile_download_error = installation_result.data ? NULL : &failure,
	};
	ProfileDownloadTriggerResult result = { .profile_download_trigger_result_data = &data };
	g_autoptr(GPtrArray) list = NULL;
	g_autoptr(GBytes) bytes = NULL;
	const StoredTrigger *trigger;

	if (!store_trigger_list(ipa->store, ipa->snapshot->eid_text, NULL, &list, error))
		return false;
	trigger = find_trigger(list, id);
	/* A result that is there already is that of the card. */
	if (!trigger || trigger->result)
		return true;
	result.eim_transaction_id = span_of(trigger->eim_transaction);
	bytes = msg_encode(&PROFILE_DOWNLOAD_TRIGGER_RESULT, &result, error);
	return bytes && store_trigger_finish(ipa->store, id, span_of(bytes), error);
}

/* Failures that say nothing of the order: the eIM's trigger stays, and is given again. */
static bool order_stands(const GError *error)
{
	switch (error->domain == SGP32_ERROR ? error->code : SGP32_ERROR_FAILED) {
	case SGP32_ERROR_CANCELLED:
	case SGP32_ERROR_CARD_LOST:
	case SGP32_ERROR_NO_CARD:
	case SGP32_ERROR_CARD_BUSY:
	case SGP32_ERROR_STORE_UNAVAILABLE:
	case SGP32_ERROR_NETWORK_UNAVAILABLE:
	case SGP32_ERROR_TIMEOUT: return true;
	/* A server that has trouble with itself. */
	case SGP32_ERROR_SERVER_REFUSED: return sgp32_error_details(error)->http >= 500;
	default: return false;
	}
}

static bool trigger_text(const ProfileDownloadData *data, char **ret, GError **error)
{
	if (!data || data->contact_smds)
		return sgp32_fail(error, SGP32_ERROR_NOT_SUPPORTED,
			"The eIM asks for a download that this IPA cannot do: %s",
			data ? "over an SM-DS" : "over the eIM itself");
	*ret = data->activation_code.data ? span_to_string(data->activation_code) : g_strdup("");
	return *ret ||
		sgp32_fail(error, SGP32_ERROR_INVALID_ACTIVATION_CODE,
			"The eIM's activation code is no text");
}

bool ipa_download_trigger(Ipa *ipa, const char *eim_id, Span request, GError **error)
{
	g_autoptr(GError) local = NULL;
	g_autoptr(GBytes) error_arm = NULL;
	g_autoptr(Msg) message = msg_decode(&PROFILE_DOWNLOAD_TRIGGER_REQUEST, request, &local);
	DownloadOrder order = { 0 };
	char *text = NULL;
	bool ok, given_up = false;

	if (!message)
		return sgp32_fail(error, SGP32_ERROR_SERVER_MALFORMED,
			"ProfileDownloadTriggerRequest: %s", local->message);
	const ProfileDownloadTriggerRequest *trigger =
		MSG_BODY(message, ProfileDownloadTriggerRequest);
	if (!store_trigger_begin(ipa->store, ipa->snapshot->eid_text, eim_id,
		    trigger->eim_transaction_id, &order.trigger, error))
		return false;
	ok = trigger_text(trigger->profile_download_data, &text, &local);
	order.activation_code = text;
	ok = ok && ipa_download_order(ipa, &order, &error_arm, &local);
	wipe_free(text);
	if (ok)
		return true;
	/* A server that is never there (its name is misspelt) must not hold up all that the eIM has besides. */
	if (sgp32_error_is(local, SGP32_ERROR_NETWORK_UNAVAILABLE) ||
		sgp32_error_is(local, SGP32_ERROR_TIMEOUT)) {
		unsigned tries;

		if (!ipa_count_try(ipa, CARD_DOWNLOAD_TRIES, request, &tries, error))
			return false;
		given_up = tries >= ipa->settings->delivery_tries;
	}
	if (order_stands(local) && !given_up) {
		g_autoptr(GError) second = NULL;
		g_autoptr(GPtrArray) list = NULL;
		const StoredTrigger *stored = NULL;

		/* A result that is safe already stays; else the eIM will give its trigger again. Once the
		 * session is noted the card may hold a result: that is looked for before the next poll. */
		if (store_trigger_list(ipa->store, ipa->snapshot->eid_text, NULL, &list, &second)) {
			stored = find_trigger(list, order.trigger);
			if (stored && !stored->result && !stored->rsp_transaction &&
				!store_trigger_remove(ipa->store, order.trigger, &second))
				g_debug("Trigger: %s", second->message);
		}
		g_propagate_error(error, g_steal_pointer(&local));
		return false;
	}
	if (ipa->result)
		g_variant_dict_insert(
			ipa->result->values, "download-error", "s", sgp32_error_name(local));
	/* A PIR with an error is in the store already; another failure is told as such. */
	if (!ipa_trigger_keep(ipa, order.trigger, (Span) { NULL, 0 }, span_of(error_arm), error))
		return false;
	if (ipa->result && !ipa->result->verdict)
		ipa->result->verdict = g_steal_pointer(&local);
	return true;
}

bool ipa_download_deliver(Ipa *ipa, Esipa *esipa, const char *eim_id, GError **error)
{
	g_autoptr(GPtrArray) list = NULL;

	if (!store_trigger_list(ipa->store, ipa->snapshot->eid_text, eim_id, &list, error))
		return false;
	for (guint i = 0; i < list->len; i++) {
		const StoredTrigger *trigger = list->pdata[i];
		g_auto(EsipaAcknowledgements) acks = { 0 };

		if (!trigger->result)
			continue;
		ipa->host->progress(ipa->host->user, "report-download", -1, HOST_RUNNING, 0);
		if (!esipa_provide_eim_package_result(esipa, SPAN_ARRAY(ipa->snapshot->eid),
			    span_of(trigger->result), ipa->cancel, &acks, error) ||
			!store_trigger_remove(ipa->store, trigger->id, error))
			return false;
	}
	return true;
}

/* The card broke its session off when it was asked for something else after the crash. */
static bool interrupted(GBytes *installation_result)
{
	g_autoptr(Msg) message =
		msg_decode(&PROFILE_INSTALLATION_RESULT, span_of(installation_result), NULL);
	const FinalResult *final;

	if (!message)
		return false;
	final = MSG_BODY(message, ProfileInstallationResult)
			->profile_installation_result_data->final_result;
	return final->error_result &&
		final->error_result->error_reason.value == INSTALL_ERROR_INTERRUPTION;
}

bool ipa_download_recover(Ipa *ipa, GError **error)
{
	g_autoptr(GPtrArray) list = NULL;

	if (!store_trigger_list(ipa->store, ipa->snapshot->eid_text, NULL, &list, error))
		return false;
	for (guint i = 0; i < list->len; i++) {
		const StoredTrigger *trigger = list->pdata[i];
		g_autoptr(GBytes) found = NULL;

		if (trigger->result)
			continue;
		if (trigger->rsp_transaction &&
			!ipa_download_find_result(
				ipa, span_of(trigger->rsp_transaction), &found, error))
			return false;
		/* Without a result of the card nothing came of it, and the eIM gives its trigger again. An
		 * interruption is the crash's, and says no more. */
		if (found && interrupted(found))
			g_clear_pointer(&found, g_bytes_unref);
		if (found ? !ipa_trigger_keep(
				    ipa, trigger->id, span_of(found), (Span) { NULL, 0 }, error)
			  : !store_trigger_remove(ipa->store, trigger->id, error))
			return false;
	}
	return true;
}
