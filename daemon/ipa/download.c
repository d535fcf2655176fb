/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "asn1/activation-code.h"
#include "asn1/esipa.h"
#include "base/clock.h"
#include "card/es10.h"
#include "ipa/ipa.h"
#include "net/es9plus.h"

/* CancelSession is a courtesy: a stopped job does not wait longer for a server. */
#define CANCEL_LIMIT_MS 1500
/* Shares of the progress: the session, the package's way here, its way into the card. */
#define PROGRESS_SESSION 0.1
#define PROGRESS_FETCHED 0.3
#define PROGRESS_LOADED 0.95

typedef struct Download {
	Ipa *ipa;
	const DownloadOrder *order;
	ActivationCode *code;
	char *address;
	Es9plus *smdp;
	uint8_t challenge[16];
	RspInitiated initiated;
	RspAuthenticated authenticated;
	Msg *metadata; /* StoreMetadataRequest */
	bool session; /* the card has authenticated the server: CancelSession ends it */
	int cancel_reason;
	GBytes *error_arm; /* answer of the card that failed */
	GBytes *result; /* ProfileInstallationResult BF37 */
} Download;

static void download_clear(Download *download)
{
	activation_code_free(download->code);
	g_free(download->address);
	es9plus_free(download->smdp);
	rsp_initiated_clear(&download->initiated);
	rsp_authenticated_clear(&download->authenticated);
	msg_free(download->metadata);
	g_clear_pointer(&download->error_arm, g_bytes_unref);
	g_clear_pointer(&download->result, g_bytes_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Download, download_clear)

static void step(Download *download, const char *name, double progress)
{
	const Host *host = download->ipa->host;

	host->progress(host->user, name, progress, HOST_RUNNING, 0);
}

/* Digest 7.1 step 0: where the profile is. */
static bool find_server(Download *download, GError **error)
{
	const char *text = download->order->activation_code;
	Ipa *ipa = download->ipa;

	if (text && text[0]) {
		download->code = activation_code_parse(text, error);
		if (!download->code)
			return false;
		download->address = g_strdup(download->code->smdp_address);
	} else {
		if (!ipa_read_configured(ipa, error))
			return false;
		if (!ipa->snapshot->default_smdp[0])
			return sgp32_fail(error, SGP32_ERROR_INVALID_ACTIVATION_CODE,
				"There is no activation code, and the card has no default SM-DP+");
		download->address = g_strdup(ipa->snapshot->default_smdp);
	}
	download->smdp = ipa_smdp_open(ipa, download->address, NULL, error);
	return download->smdp != NULL;
}

static bool same_host(Span a, const char *address)
{
	size_t size = strlen(address);
	const char *colon = strrchr(address, ':');

	if (a.size == size && g_ascii_strncasecmp((const char *)a.data, address, size) == 0)
		return true;
	/* A port is the way there, not part of the name that the server signs. */
	size = colon ? (size_t)(colon - address) : size;
	return a.size == size && g_ascii_strncasecmp((const char *)a.data, address, size) == 0;
}

/* Step 3: the server that answered is the one that was asked. */
static bool check_server(Download *download, GError **error)
{
	const RspInitiated *initiated = &download->initiated;
	g_autoptr(GError) local = NULL;
	g_autoptr(Msg) message =
		msg_decode(&SERVER_SIGNED1, span_of(initiated->server_signed1), &local);

	if (!message)
		return sgp32_fail(
			error, SGP32_ERROR_SERVER_MALFORMED, "serverSigned1: %s", local->message);
	const ServerSigned1 *signed1 = MSG_BODY(message, ServerSigned1);
	if (!span_equal(signed1->transaction_id, span_of(initiated->transaction_id)))
		return sgp32_fail(error, SGP32_ERROR_SERVER_MALFORMED,
			"serverSigned1 names another transaction than the answer it came in");
	if (!span_equal(signed1->euicc_challenge, SPAN_ARRAY(download->challenge)))
		return sgp32_fail(error, SGP32_ERROR_SIGNATURE_INVALID,
			"The server signed a challenge that is not this card's");
	if (!same_host(signed1->server_address, download->address)) {
		g_autofree char *named = g_utf8_make_valid(
			(const char *)signed1->server_address.data, signed1->server_address.size);

		return sgp32_fail(error, SGP32_ERROR_SIGNATURE_INVALID,
			"The server calls itself %s, and %s was asked", named, download->address);
	}
	if (download->code && download->code->smdp_oid && download->code->smdp_oid[0] &&
		!ipa_certificate_has_oid(
			span_of(initiated->server_certificate), download->code->smdp_oid))
		return sgp32_fail(error, SGP32_ERROR_SIGNATURE_INVALID,
			"The server's certificate has not the OID of the activation code");
	return true;
}

/* Steps 1 to 5. */
static bool authenticate(Download *download, GError **error)
{
	Ipa *ipa = download->ipa;
	const RspInitiated *initiated = &download->initiated;
	CtxParamsForCommonAuthentication common = { 0 };
	CtxParams1 context = { &common };
	g_autoptr(GByteArray) content = g_byte_array_new(), request = g_byte_array_new();
	g_autoptr(GBytes) context_bytes = NULL, response = NULL;
	IpaDevice device;

	step(download, "initiate-authentication", 0);
	if (!ipa_read_euicc_info1(ipa, error) ||
		!es10_get_euicc_challenge(ipa->isdr, download->challenge, error))
		return false;
	if (!es9plus_initiate_authentication(download->smdp, SPAN_ARRAY(download->challenge),
		    span_of(ipa->snapshot->euicc_info1), ipa->cancel, &download->initiated,
		    error) ||
		!check_server(download, error))
		return false;

	step(download, "authenticate-server", PROGRESS_SESSION / 2);
	ipa_device_info(ipa, &device);
	common.device_info = &device.info;
	if (download->code && download->code->matching_id[0])
		common.matching_id = span_string(download->code->matching_id);
	context_bytes = msg_encode(&CTX_PARAMS1, &context, error);
	if (!context_bytes)
		return false;
	array_append_span(content, span_of(initiated->server_signed1));
	array_append_span(content, span_of(initiated->server_signature1));
	array_append_span(content, span_of(initiated->euicc_ci_pk_id_to_be_used));
	array_append_span(content, span_of(initiated->server_certificate));
	array_append_span(content, span_of(context_bytes));
	der_put(request, TAG_AUTHENTICATE_SERVER, span_of_array(content));
	wipe_bytes_unref(g_steal_pointer(&context_bytes));
	bool ok = es10_authenticate_server(
		ipa->isdr, span_of_array(request), &response, &download->error_arm, error);
	wipe(request->data, request->len); /* the matching id is in it */
	wipe(content->data, content->len);
	if (!ok)
		return false;
	download->session = true;

	step(download, "authenticate-client", PROGRESS_SESSION);
	if (!es9plus_authenticate_client(download->smdp, span_of(initiated->transaction_id),
		    span_of(response), ipa->cancel, &download->authenticated, error))
		return false;
	if (!download->authenticated.smdp_signed2 || !download->authenticated.profile_metadata)
		return sgp32_fail(error, SGP32_ERROR_SERVER_MALFORMED,
			"The server has no profile for this card, but events: it is an SM-DS");
	return true;
}

static bool ask_user(Download *download, const char *kind, HostAnswer *ret, GError **error)
{
	const StoreMetadataRequest *metadata = MSG_BODY(download->metadata, StoreMetadataRequest);
	const Host *host = download->ipa->host;
	g_autoptr(GError) local = NULL;
	g_autofree char *iccid = iccid_to_text(metadata->iccid);
	g_autofree char *name = g_utf8_make_valid(
		(const char *)metadata->profile_name.data, metadata->profile_name.size);
	g_autofree char *provider =
		g_utf8_make_valid((const char *)metadata->service_provider_name.data,
			metadata->service_provider_name.size);
	HostQuestion question = {
		.kind = kind,
		.iccid = iccid,
		.profile_name = name,
		.service_provider = provider,
		.class = metadata->profile_class.present
			? CLAMP(metadata->profile_class.value, PROFILE_TEST, PROFILE_OPERATIONAL)
			: PROFILE_OPERATIONAL,
		.policy_rules = metadata->profile_policy_rules.value,
	};

	host->progress(host->user, kind, PROGRESS_SESSION, HOST_WAITING_USER, 0);
	if (!host->ask(host->user, &question, ret, &local)) {
		if (sgp32_error_is(local, SGP32_ERROR_TIMEOUT))
			download->cancel_reason = CANCEL_SESSION_TIMEOUT;
		g_propagate_error(error, g_steal_pointer(&local));
		return false;
	}
	if (!ret->accepted) {
		download->cancel_reason = CANCEL_SESSION_END_USER_REJECTION;
		return sgp32_fail(error, SGP32_ERROR_REJECTED, "The profile was rejected");
	}
	return true;
}

/* Step 6: what is to be installed. */
static bool check_metadata(Download *download, GError **error)
{
	g_autoptr(GError) local = NULL;
	bool consent;

	download->metadata = msg_decode(
		&STORE_METADATA_REQUEST, span_of(download->authenticated.profile_metadata), &local);
	if (!download->metadata)
		return sgp32_fail(error, SGP32_ERROR_SERVER_MALFORMED, "Profile metadata: %s",
			local->message);
	const StoreMetadataRequest *metadata = MSG_BODY(download->metadata, StoreMetadataRequest);
	if (!ipa_check_policy_rules(download->ipa, metadata, &consent, &local)) {
		if (sgp32_error_is(local, SGP32_ERROR_PROFILE_POLICY_RULE))
			download->cancel_reason = CANCEL_SESSION_PPR_NOT_ALLOWED;
		g_propagate_error(error, g_steal_pointer(&local));
		return false;
	}
	if (consent && !download->ipa->settings->consent) {
		g_auto(HostAnswer) answer = { 0 };

		if (!download->order->ask) {
			download->cancel_reason = CANCEL_SESSION_END_USER_REJECTION;
			sgp32_fail(error, SGP32_ERROR_PROFILE_POLICY_RULE,
				"The profile's policy rules need an end user's consent");
			if (error)
				sgp32_error_set_hint(
					*error, "Set Consent=yes in [Download] of sgp32.conf.");
			return false;
		}
		if (!ask_user(download, HOST_ASK_POLICY_RULES, &answer, error))
			return false;
	}
	if (download->order->ask) {
		g_auto(HostAnswer) answer = { 0 };

		return ask_user(download, HOST_ASK_INSTALL, &answer, error);
	}
	return true;
}

/* SHA256(SHA256(code) || transactionId), SGP.22 5.7.5. */
static void hash_confirmation_code(const char *code, Span transaction_id, uint8_t ret[32])
{
	g_autoptr(GChecksum) inner = g_checksum_new(G_CHECKSUM_SHA256),
			     outer = g_checksum_new(G_CHECKSUM_SHA256);
	gsize size = 32;

	g_checksum_update(inner, (const guchar *)code, strlen(code));
	g_checksum_get_digest(inner, ret, &size);
	g_checksum_update(outer, ret, 32);
	g_checksum_update(outer, transaction_id.data, transaction_id.size);
	size = 32;
	g_checksum_get_digest(outer, ret, &size);
}

/* ret: 04 20 …, or empty if none is needed. */
static bool confirmation(Download *download, GByteArray *ret, GError **error)
{
	const DownloadOrder *order = download->order;
	g_autoptr(GError) local = NULL;
	g_autoptr(Msg) message =
		msg_decode(&SMDP_SIGNED2, span_of(download->authenticated.smdp_signed2), &local);
	g_auto(HostAnswer) answer = { 0 };
	const char *code = order->confirmation_code;
	uint8_t hash[32];

	if (!message)
		return sgp32_fail(
			error, SGP32_ERROR_SERVER_MALFORMED, "smdpSigned2: %s", local->message);
	const SmdpSigned2 *signed2 = MSG_BODY(message, SmdpSigned2);
	if (!span_equal(signed2->transaction_id, span_of(download->initiated.transaction_id)))
		return sgp32_fail(error, SGP32_ERROR_SERVER_MALFORMED,
			"smdpSigned2 names another transaction");
	if (!signed2->cc_required_flag.value)
		return true;
	if (!code && order->ask) {
		if (!ask_user(download, HOST_ASK_CONFIRMATION_CODE, &answer, error))
			return false;
		code = answer.confirmation_code;
	}
	if (!code || !code[0]) {
		/* The order is not lost: it waits for somebody who knows the code. */
		download->cancel_reason = CANCEL_SESSION_POSTPONED;
		return sgp32_fail(error, SGP32_ERROR_CONFIRMATION_CODE_REQUIRED,
			"The server wants a confirmation code for this profile");
	}
	hash_confirmation_code(code, span_of(download->initiated.transaction_id), hash);
	der_put(ret, 0x04, SPAN_ARRAY(hash));
	wipe(hash, sizeof(hash));
	return true;
}

/* Step 9: the metadata inside the package, which are only MACed, are those that were shown. */
static bool check_package(Download *download, GBytes *package, GError **error)
{
	g_autoptr(GError) local = NULL;
	g_autoptr(Msg) message = msg_decode(&BOUND_PROFILE_PACKAGE, span_of(package), &local);
	g_autoptr(GByteArray) metadata = g_byte_array_new();

	if (!message)
		return sgp32_fail(error, SGP32_ERROR_SERVER_MALFORMED, "BoundProfilePackage: %s",
			local->message);
	List parts = MSG_BODY(message, BoundProfilePackage)->sequence_of_88;
	for (size_t i = 0; i < parts.count; i++) {
		Tlv tlv;

		if (!der_single(*LIST_AT(parts, Span, i), &tlv, error))
			return false;
		if (tlv.value.size < 8)
			return sgp32_fail(error, SGP32_ERROR_SERVER_MALFORMED,
				"BoundProfilePackage: a segment without a MAC");
		array_append_span(metadata, span(tlv.value.data, tlv.value.size - 8));
	}
	if (!span_equal(
		    span_of_array(metadata), span_of(download->authenticated.profile_metadata))) {
		download->cancel_reason = CANCEL_SESSION_METADATA_MISMATCH;
		return sgp32_fail(error, SGP32_ERROR_SERVER_REFUSED,
			"The profile's metadata are not those that the server announced");
	}
	return true;
}

static void loaded(void *user, size_t octets, size_t whole)
{
	Download *download = user;
	double share = (double)octets / whole;

	step(download, "load-profile",
		PROGRESS_FETCHED + (PROGRESS_LOADED - PROGRESS_FETCHED) * share);
}

bool ipa_download_find_result(Ipa *ipa, Span transaction_id, GBytes **ret, GError **error)
{
	ipa->snapshot->notifications_known = false;
	if (!ipa_read_notifications(ipa, error))
		return false;
	*ret = NULL;
	for (guint i = 0; i < ipa->snapshot->notifications->len && !*ret; i++) {
		const CardNotification *notification = ipa->snapshot->notifications->pdata[i];
		g_autoptr(Msg) message = msg_decode(
			&PROFILE_INSTALLATION_RESULT, span_of(notification->pending), NULL);

		if (message &&
			span_equal(MSG_BODY(message, ProfileInstallationResult)
					   ->profile_installation_result_data->transaction_id,
				transaction_id))
			*ret = g_bytes_ref(notification->pending);
	}
	return true;
}

/* Steps 7 to 10. */
static bool install(Download *download, GError **error)
{
	Ipa *ipa = download->ipa;
	const RspAuthenticated *authenticated = &download->authenticated;
	Span transaction = span_of(download->initiated.transaction_id);
	g_autoptr(GByteArray) hash = g_byte_array_new(), content = g_byte_array_new(),
			      request = g_byte_array_new();
	g_autoptr(GBytes) response = NULL, package = NULL;
	g_autoptr(GError) local = NULL, ignored = NULL;

	if (!confirmation(download, hash, error))
		return false;
	step(download, "prepare-download", PROGRESS_SESSION);
	array_append_span(content, span_of(authenticated->smdp_signed2));
	array_append_span(content, span_of(authenticated->smdp_signature2));
	array_append_span(content, span_of_array(hash));
	array_append_span(content, span_of(authenticated->smdp_certificate));
	der_put(request, TAG_PREPARE_DOWNLOAD, span_of_array(content));
	bool prepared = es10_prepare_download(
		ipa->isdr, span_of_array(request), &response, &download->error_arm, error);
	wipe(hash->data, hash->len); /* a short code can be guessed from it */
	wipe(content->data, content->len);
	wipe(request->data, request->len);
	if (!prepared)
		return false;
	step(download, "get-profile-package", (PROGRESS_SESSION + PROGRESS_FETCHED) / 2);
	package = es9plus_get_bound_profile_package(
		download->smdp, transaction, span_of(response), ipa->cancel, error);
	if (!package)
		return false;
	if (!check_package(download, package, error))
		return false;
	/* From here on the card may have a result that a restart would have to find. */
	if (download->order->trigger &&
		!store_trigger_session(ipa->store, download->order->trigger, transaction, error))
		return false;
	step(download, "load-profile", PROGRESS_FETCHED);
	download->cancel_reason = CANCEL_SESSION_LOAD_BPP_EXECUTION_ERROR;
	if (es10_load_bound_profile_package(
		    ipa->isdr, span_of(package), loaded, download, &download->result, &local))
		return true;
	/* The answer may have been lost, and the card back already: what it did is in its list. */
	ipa->snapshot->notifications_known = false;
	if (sgp32_error_is(local, SGP32_ERROR_CANCELLED))
		download->cancel_reason = CANCEL_SESSION_POSTPONED;
	else if (ipa_download_find_result(ipa, transaction, &download->result, &ignored) &&
		download->result)
		return true;
	g_propagate_error(error, g_steal_pointer(&local));
	return false;
}

static const char *install_error_text(int64_t reason)
{
	static const char *const texts[] = {
		[INSTALL_ERROR_INCORRECT_INPUT_VALUES] = "incorrect input values",
		[INSTALL_ERROR_INVALID_SIGNATURE] = "invalid signature",
		[INSTALL_ERROR_INVALID_TRANSACTION_ID] = "invalid transaction id",
		[INSTALL_ERROR_UNSUPPORTED_CRT_VALUES] = "unsupported control reference template",
		[INSTALL_ERROR_UNSUPPORTED_REMOTE_OPERATION_TYPE] = "unsupported remote operation",
		[INSTALL_ERROR_UNSUPPORTED_PROFILE_CLASS] = "unsupported profile class",
		[INSTALL_ERROR_SCP03T_STRUCTURE_ERROR] = "malformed segments",
		[INSTALL_ERROR_SCP03T_SECURITY_ERROR] = "wrong MAC or padding",
		[INSTALL_ERROR_ICCID_ALREADY_EXISTS_ON_EUICC] = "the card has this ICCID already",
		[INSTALL_ERROR_INSUFFICIENT_MEMORY_FOR_PROFILE] = "the card has no room",
		[INSTALL_ERROR_INTERRUPTION] = "interrupted",
		[INSTALL_ERROR_PE_PROCESSING_ERROR] = "a profile element cannot be processed",
		[INSTALL_ERROR_DATA_MISMATCH] = "data mismatch",
		[INSTALL_ERROR_TEST_PROFILE_INVALID_NAA_KEY] = "test profile with a key of its own",
		[INSTALL_ERROR_PPR_NOT_ALLOWED] = "policy rules are not allowed",
	};

	return reason >= 0 && reason < (int64_t)G_N_ELEMENTS(texts) && texts[reason]
		? texts[reason]
		: "unknown error";
}

static void set_text(char **member, char *text)
{
	g_free(*member);
	*member = text;
}

/* The profile as the metadata and the result name it: it need not be read. */
static bool note_installed(Download *download, const SuccessResult *success, GError **error)
{
	const StoreMetadataRequest *metadata = MSG_BODY(download->metadata, StoreMetadataRequest);
	Ipa *ipa = download->ipa;
	CardProfile *profile = card_profile_new();
	g_autofree char *key = NULL;

	set_text(&profile->iccid, iccid_to_text(metadata->iccid));
	set_text(&profile->isdp_aid, hex_encode(success->aid));
	if (metadata->profile_class.present)
		profile->class =
			CLAMP(metadata->profile_class.value, PROFILE_TEST, PROFILE_OPERATIONAL);
	set_text(&profile->service_provider,
		g_utf8_make_valid((const char *)metadata->service_provider_name.data,
			metadata->service_provider_name.size));
	set_text(&profile->name,
		g_utf8_make_valid(
			(const char *)metadata->profile_name.data, metadata->profile_name.size));
	if (metadata->profile_owner) {
		set_text(&profile->owner_mccmnc, hex_encode(metadata->profile_owner->mcc_mnc));
		set_text(&profile->owner_gid1, hex_encode(metadata->profile_owner->gid1));
		set_text(&profile->owner_gid2, hex_encode(metadata->profile_owner->gid2));
	}
	profile->policy_rules = metadata->profile_policy_rules.value;
	profile->fallback_allowed = metadata->fallback_allowed.value;
	profile->emergency = metadata->ecall_indication.value;
	if (metadata->icon.size) {
		set_text(&profile->icon_mime,
			g_strdup(metadata->icon_type.value == ICON_TYPE_PNG ? "image/png"
									    : "image/jpeg"));
		profile->icon = span_to_bytes(metadata->icon);
	}
	set_text(&profile->smdp_address, g_strdup(download->address));
	g_variant_dict_insert(ipa->result->values, "iccid", "s", profile->iccid);
	g_variant_dict_insert(ipa->result->values, "profile-name", "s", profile->name);
	key = g_strconcat(CARD_SMDP, profile->iccid, NULL);
	if (snapshot_profile(ipa->snapshot, profile->iccid))
		g_ptr_array_remove(
			ipa->snapshot->profiles, snapshot_profile(ipa->snapshot, profile->iccid));
	g_ptr_array_add(ipa->snapshot->profiles, profile);
	if (!store_card_set(ipa->store, ipa->snapshot->eid_text, key, download->address, error))
		return false;
	/* The room that is left is told with the identity. */
	g_clear_pointer(&ipa->snapshot->euicc_info2, g_bytes_unref);
	return ipa_read_identity(ipa, error);
}

/* Among the card's notifications, where a list that was read just now has it already. */
static CardNotification *list_result(Download *download, int64_t seq, const char *iccid)
{
	GPtrArray *list = download->ipa->snapshot->notifications;
	CardNotification *notification;

	for (guint i = 0; i < list->len; i++)
		if (((CardNotification *)list->pdata[i])->seq == seq)
			return list->pdata[i];
	notification = card_notification_new();
	notification->seq = seq;
	set_text(&notification->operation, g_strdup("install"));
	set_text(&notification->address, g_strdup(download->address));
	set_text(&notification->iccid, g_strdup(iccid));
	notification->pending = g_bytes_ref(download->result);
	g_ptr_array_add(list, notification);
	return notification;
}

/* Whether the card has older notifications for that receiver, which relies on their order (digest 9.4). */
static bool older_pending(Ipa *ipa, const CardNotification *notification)
{
	for (guint i = 0; i < ipa->snapshot->notifications->len; i++) {
		const CardNotification *other = ipa->snapshot->notifications->pdata[i];

		if (other->seq < notification->seq && other->pending &&
			strcmp(other->address, notification->address) == 0)
			return true;
	}
	return false;
}

/* Step 11: the SM-DP+ gets the PIR; the card keeps it until then, and the next run of notifications tries
 * again. */
static bool notify_server(Download *download, CardNotification *notification, GError **error)
{
	Ipa *ipa = download->ipa;
	g_autoptr(GError) local = NULL;

	step(download, "notify", PROGRESS_LOADED);
	if (older_pending(ipa, notification))
		return ipa_notify(ipa, true, error);
	if (es9plus_handle_notification(
		    download->smdp, span_of(download->result), ipa->cancel, &local)) {
		if (!es10_remove_notification(ipa->isdr, notification->seq, error))
			return false;
		ipa->result->notifications++;
		g_ptr_array_remove(ipa->snapshot->notifications, notification);
		return true;
	}
	if (sgp32_error_is(local, SGP32_ERROR_CANCELLED)) {
		g_propagate_error(error, g_steal_pointer(&local));
		return false;
	}
	return true;
}

static bool finish(Download *download, GError **error)
{
	g_autoptr(GError) local = NULL;
	g_autoptr(Msg) message =
		msg_decode(&PROFILE_INSTALLATION_RESULT, span_of(download->result), &local);
	g_autofree char *iccid = NULL;
	Snapshot *snapshot = download->ipa->snapshot;
	CardNotification *notification;

	download->session = false; /* with its result the card has ended it */
	if (!message) {
		snapshot->notifications_known = false;
		return sgp32_fail(error, SGP32_ERROR_CARD_MALFORMED,
			"ProfileInstallationResult: %s", local->message);
	}
	const ProfileInstallationResultData *data =
		MSG_BODY(message, ProfileInstallationResult)->profile_installation_result_data;
	const FinalResult *final = data->final_result;
	iccid = data->notification_metadata->iccid.data
		? iccid_to_text(data->notification_metadata->iccid)
		: g_strdup("");
	notification = list_result(download, data->notification_metadata->seq_number.value, iccid);
	/* Should the store fail now, the profile is read from the card. */
	bool known = snapshot->profiles_known;
	snapshot->profiles_known = false;
	if ((download->order->trigger &&
		    !ipa_trigger_keep(download->ipa, download->order->trigger,
			    span_of(download->result), (Span) { NULL, 0 }, error)) ||
		(final->success_result && !note_installed(download, final->success_result, error)))
		return false;
	snapshot->profiles_known = known;
	/* An earlier try that broke off may have left a result of its own, which goes first. */
	if (!snapshot->notifications_known) {
		if (!ipa_read_notifications(download->ipa, error))
			return false;
		notification =
			list_result(download, data->notification_metadata->seq_number.value, iccid);
	}
	ipa_publish(download->ipa);
	if (!notify_server(download, notification, error))
		return false;
	if (final->error_result) {
		int64_t reason = final->error_result->error_reason.value;

		return sgp32_fail_spec(error,
			reason == INSTALL_ERROR_INSUFFICIENT_MEMORY_FOR_PROFILE
				? SGP32_ERROR_NO_MEMORY
				: reason == INSTALL_ERROR_PPR_NOT_ALLOWED
				? SGP32_ERROR_PROFILE_POLICY_RULE
				: SGP32_ERROR_INSTALL_FAILED,
			reason, "The card did not install the profile: %s",
			install_error_text(reason));
	}
	return true;
}

/* Ends the session on both sides, if they are there to be told. The server keeps its order for another try
 * if that may end better (postponed); a server that is not what it says does not get another one. */
static void cancel_session(Download *download, const GError *failure)
{
	static const HttpLimits limits = { .connect_ms = CANCEL_LIMIT_MS,
		.total_ms = CANCEL_LIMIT_MS };
	Ipa *ipa = download->ipa;
	Span transaction = span_of(download->initiated.transaction_id);
	g_autoptr(Es9plus) smdp = NULL;
	g_autoptr(GBytes) answer = NULL;
	g_autoptr(GError) ignored = NULL;
	bool ok;

	if (download->cancel_reason == CANCEL_SESSION_UNDEFINED_REASON &&
		!sgp32_error_is(failure, SGP32_ERROR_SIGNATURE_INVALID))
		download->cancel_reason = CANCEL_SESSION_POSTPONED;
	isdr_hold(ipa->isdr);
	ok = isdr_is_open(ipa->isdr) &&
		es10_cancel_session(
			ipa->isdr, transaction, download->cancel_reason, &answer, &ignored);
	isdr_release(ipa->isdr);
	if (!ok)
		return;
	smdp = ipa_smdp_open(ipa, download->address, &limits, &ignored);
	if (smdp && !es9plus_cancel_session(smdp, transaction, span_of(answer), NULL, &ignored))
		g_debug("CancelSession: %s", ignored->message);
}

static bool run(Download *download, GError **error)
{
	return find_server(download, error) && authenticate(download, error) &&
		check_metadata(download, error) && install(download, error) &&
		finish(download, error);
}

bool ipa_download_order(
	Ipa *ipa, const DownloadOrder *order, GBytes **ret_error_arm, GError **error)
{
	g_auto(Download) download = {
		.ipa = ipa,
		.order = order,
		.cancel_reason = CANCEL_SESSION_UNDEFINED_REASON,
	};
	g_autoptr(GError) local = NULL;

	if (run(&download, &local))
		return true;
	if (download.session)
		cancel_session(&download, local);
	if (ret_error_arm)
		*ret_error_arm = g_steal_pointer(&download.error_arm);
	g_propagate_error(error, g_steal_pointer(&local));
	return false;
}

bool ipa_download(Ipa *ipa, const DownloadOrder *order, GError **error)
{
	return ipa_download_order(ipa, order, NULL, error);
}
