/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "card/es10-priv.h"

#include <string.h>

bool es10_check_code(const char *function, int64_t code, const ResultCode *codes, GError **error)
{
	if (code == RESULT_OK)
		return true;
	for (; codes && codes->text; codes++)
		if (codes->code == code)
			return sgp32_fail_spec(
				error, codes->error, code, "%s: %s", function, codes->text);
	return sgp32_fail_spec(error, SGP32_ERROR_CARD_REFUSED, code,
		"%s: the card answered error %" G_GINT64_FORMAT, function, code);
}

Msg *es10_decode(const char *function, const MsgType *type, GBytes *answer, GError **error)
{
	g_autoptr(GError) local = NULL;
	Msg *msg;

	if (g_bytes_get_size(answer) == 0) {
		sgp32_fail(
			error, SGP32_ERROR_CARD_MALFORMED, "%s: the card gave no answer", function);
		return NULL;
	}
	msg = msg_decode(type, span_of(answer), &local);
	if (!msg)
		sgp32_fail(error, SGP32_ERROR_CARD_MALFORMED, "%s: %s", function, local->message);
	return msg;
}

bool es10_call(Isdr *isdr, const char *function, IsdrMode mode, const MsgType *request_type,
	const void *request, const MsgType *answer_type, Msg **ret, GError **error)
{
	g_autoptr(GBytes) command = msg_encode(request_type, request, error);
	g_autoptr(GBytes) answer = NULL;
	Msg *msg;

	if (!command)
		return false;
	if (!isdr_command(isdr, span_of(command), mode, &answer, error)) {
		g_prefix_error(error, "%s: ", function);
		return false;
	}
	msg = es10_decode(function, answer_type, answer, error);
	if (!msg)
		return false;
	*ret = msg;
	return true;
}

static bool copy_fixed(const char *function, Span from, uint8_t to[16], GError **error)
{
	if (from.size != 16)
		return sgp32_fail(error, SGP32_ERROR_CARD_MALFORMED,
			"%s: %zu octets in place of 16", function, from.size);
	memcpy(to, from.data, 16);
	return true;
}

/* ---- what a card tells of itself ---- */

bool es10_get_eid(Isdr *isdr, uint8_t ret_eid[16], GError **error)
{
	GetEuiccDataRequest request = { SPAN_LITERAL("\x5a") };
	g_autoptr(Msg) msg = NULL;

	return es10_call(isdr, "GetEID", ISDR_READ, &GET_EUICC_DATA_REQUEST, &request,
		       &GET_EUICC_DATA_RESPONSE, &msg, error) &&
		copy_fixed(
			"GetEID", MSG_BODY(msg, GetEuiccDataResponse)->eid_value, ret_eid, error);
}

bool es10_get_euicc_info1(Isdr *isdr, Msg **ret, GError **error)
{
	return es10_call(isdr, "GetEuiccInfo1", ISDR_READ, &GET_EUICC_INFO1_REQUEST, NULL,
		&EUICC_INFO1, ret, error);
}

bool es10_get_euicc_info2(Isdr *isdr, Msg **ret, GError **error)
{
	return es10_call(isdr, "GetEuiccInfo2", ISDR_READ, &GET_EUICC_INFO2_REQUEST, NULL,
		&EUICC_INFO2, ret, error);
}

bool es10_get_euicc_configured_addresses(Isdr *isdr, Msg **ret, GError **error)
{
	return es10_call(isdr, "GetEuiccConfiguredAddresses", ISDR_READ,
		&EUICC_CONFIGURED_ADDRESSES_REQUEST, NULL, &EUICC_CONFIGURED_ADDRESSES_RESPONSE,
		ret, error);
}

bool es10_get_rat(Isdr *isdr, Msg **ret, GError **error)
{
	return es10_call(
		isdr, "GetRAT", ISDR_READ, &GET_RAT_REQUEST, NULL, &GET_RAT_RESPONSE, ret, error);
}

bool es10_get_certs(Isdr *isdr, Span ci_pk_id, Msg **ret, GError **error)
{
	static const ResultCode codes[] = {
		{ GET_CERTS_ERROR_INVALID_CI_PK_ID, SGP32_ERROR_NOT_FOUND,
			"the card has no certificate of that CI" },
		{ 0, 0, NULL },
	};
	GetCertsRequest request = { ci_pk_id };
	g_autoptr(Msg) msg = NULL;

	if (!es10_call(isdr, "GetCerts", ISDR_READ, &GET_CERTS_REQUEST, &request,
		    &GET_CERTS_RESPONSE, &msg, error))
		return false;
	const GetCertsResponse *response = MSG_BODY(msg, GetCertsResponse);
	if (!response->certs)
		return es10_check_code("GetCerts",
			response->get_certs_error.value ?: RESULT_UNDEFINED_ERROR, codes, error);
	*ret = g_steal_pointer(&msg);
	return true;
}

/* ---- profiles ---- */

bool es10_get_profiles_info(Isdr *isdr, Span iccid, Span tag_list, Msg **ret, GError **error)
{
	static const ResultCode codes[] = {
		{ PROFILE_INFO_LIST_ERROR_PROFILE_CHANGE_ONGOING, SGP32_ERROR_CARD_BUSY,
			"a change of profiles is going on" },
		{ 0, 0, NULL },
	};
	ProfileInfoSearchCriteria criteria = { .iccid = iccid };
	ProfileInfoListRequest request = { iccid.data ? &criteria : NULL, tag_list, { NULL, 0 } };
	g_autoptr(Msg) msg = NULL;

	if (!es10_call(isdr, "GetProfilesInfo", ISDR_READ, &PROFILE_INFO_LIST_REQUEST, &request,
		    &PROFILE_INFO_LIST_RESPONSE, &msg, error))
		return false;
	const ProfileInfoListResponse *response = MSG_BODY(msg, ProfileInfoListResponse);
	if (!response->profile_info_list_ok.items)
		return es10_check_code("GetProfilesInfo",
			response->profile_info_list_error.value ?: RESULT_UNDEFINED_ERROR, codes,
			error);
	*ret = g_steal_pointer(&msg);
	return true;
}

static const ResultCode enable_codes[] = {
	{ PROFILE_RESULT_ICCID_OR_AID_NOT_FOUND, SGP32_ERROR_NOT_FOUND,
		"the card has no such profile" },
	{ PROFILE_RESULT_PROFILE_NOT_IN_DISABLED_STATE, SGP32_ERROR_PROFILE_NOT_DISABLED,
		"the profile is not disabled" },
	{ PROFILE_RESULT_DISALLOWED_BY_POLICY, SGP32_ERROR_PROFILE_POLICY_RULE,
		"a policy rule of the profile forbids it" },
	{ PROFILE_RESULT_WRONG_PROFILE_REENABLING, SGP32_ERROR_CARD_REFUSED,
		"another profile has to be enabled again first" },
	{ PROFILE_RESULT_CAT_BUSY, SGP32_ERROR_CARD_BUSY, "the card's toolkit is busy" },
	{ 0, 0, NULL },
};

static const ResultCode disable_codes[] = {
	{ PROFILE_RESULT_ICCID_OR_AID_NOT_FOUND, SGP32_ERROR_NOT_FOUND,
		"the card has no such profile" },
	{ PROFILE_RESULT_PROFILE_NOT_IN_ENABLED_STATE, SGP32_ERROR_PROFILE_NOT_ENABLED,
		"the profile is not enabled" },
	{ PROFILE_RESULT_DISALLOWED_BY_POLICY, SGP32_ERROR_PROFILE_POLICY_RULE,
		"a policy rule of the profile forbids it" },
	{ PROFILE_RESULT_CAT_BUSY, SGP32_ERROR_CARD_BUSY, "the card's toolkit is busy" },
	{ 0, 0, NULL },
};

bool es10_enable_profile(Isdr *isdr, Span iccid, bool refresh, GError **error)
{
	ProfileIdentifier identifier = { .iccid = iccid };
	EnableProfileRequest request = { &identifier, NUM(refresh) };
	g_autoptr(Msg) msg = NULL;

	return es10_call(isdr, "EnableProfile", ISDR_CHANGE, &ENABLE_PROFILE_REQUEST, &request,
		       &ENABLE_PROFILE_RESPONSE, &msg, error) &&
		es10_check_code("EnableProfile",
			MSG_BODY(msg, EnableProfileResponse)->enable_result.value, enable_codes,
			error);
}

bool es10_disable_profile(Isdr *isdr, Span iccid, bool refresh, GError **error)
{
	ProfileIdentifier identifier = { .iccid = iccid };
	DisableProfileRequest request = { &identifier, NUM(refresh) };
	g_autoptr(Msg) msg = NULL;

	return es10_call(isdr, "DisableProfile", ISDR_CHANGE, &DISABLE_PROFILE_REQUEST, &request,
		       &DISABLE_PROFILE_RESPONSE, &msg, error) &&
		es10_check_code("DisableProfile",
			MSG_BODY(msg, DisableProfileResponse)->disable_result.value, disable_codes,
			error);
}

bool es10_delete_profile(Isdr *isdr, Span iccid, GError **error)
{
	DeleteProfileRequest request = { .iccid = iccid };
	g_autoptr(Msg) msg = NULL;

	/* Its codes are those of EnableProfile, as far as it has them. */
	return es10_call(isdr, "DeleteProfile", ISDR_CHANGE, &DELETE_PROFILE_REQUEST, &request,
		       &DELETE_PROFILE_RESPONSE, &msg, error) &&
		es10_check_code("DeleteProfile",
			MSG_BODY(msg, DeleteProfileResponse)->delete_result.value, enable_codes,
			error);
}

bool es10_set_nickname(Isdr *isdr, Span iccid, const char *nickname, GError **error)
{
	static const ResultCode codes[] = {
		{ SET_NICKNAME_ICCID_NOT_FOUND, SGP32_ERROR_NOT_FOUND,
			"the card has no such profile" },
		{ 0, 0, NULL },
	};
	SetNicknameRequest request = { iccid, span_string(nickname) };
	g_autoptr(Msg) msg = NULL;

	return es10_call(isdr, "SetNickname", ISDR_CHANGE, &SET_NICKNAME_REQUEST, &request,
		       &SET_NICKNAME_RESPONSE, &msg, error) &&
		es10_check_code("SetNickname",
			MSG_BODY(msg, SetNicknameResponse)->set_nickname_result.value, codes,
			error);
}

bool es10_euicc_memory_reset(Isdr *isdr, bool sgp32, int64_t options, Msg **ret, GError **error)
{
	static const ResultCode codes[] = {
		{ RESET_RESULT_CAT_BUSY, SGP32_ERROR_CARD_BUSY, "the card's toolkit is busy" },
		{ RESET_RESULT_ECALL_ACTIVE, SGP32_ERROR_EMERGENCY_ACTIVE,
			"the emergency profile is enabled" },
		{ 0, 0, NULL },
	};
	EuiccMemoryResetRequest request = { NUM(options) };
	g_autoptr(Msg) msg = NULL;

	if (!es10_call(isdr, "EuiccMemoryReset", ISDR_CHANGE,
		    sgp32 ? &EUICC_MEMORY_RESET_REQUEST : &EUICC_MEMORY_RESET_REQUEST_SGP22,
		    &request,
		    sgp32 ? &EUICC_MEMORY_RESET_RESPONSE : &EUICC_MEMORY_RESET_RESPONSE_SGP22, &msg,
		    error))
		return false;
	int64_t code = MSG_BODY(msg, EuiccMemoryResetResponse)->reset_result.value;
	if (code != RESET_RESULT_NOTHING_TO_DELETE &&
		!es10_check_code("EuiccMemoryReset", code, codes, error))
		return false;
	*ret = g_steal_pointer(&msg);
	return true;
}

bool es10_set_default_dp_address(Isdr *isdr, bool sgp32, const char *address, GError **error)
{
	SetDefaultDpAddressRequest request = { span_string(address) };
	g_autoptr(Msg) msg = NULL;

	return es10_call(isdr, "SetDefaultDpAddress", ISDR_CHANGE,
		       sgp32 ? &SET_DEFAULT_DP_ADDRESS_REQUEST
			     : &SET_DEFAULT_DP_ADDRESS_REQUEST_SGP22,
		       &request,
		       sgp32 ? &SET_DEFAULT_DP_ADDRESS_RESPONSE
			     : &SET_DEFAULT_DP_ADDRESS_RESPONSE_SGP22,
		       &msg, error) &&
		es10_check_code("SetDefaultDpAddress",
			MSG_BODY(msg, SetDefaultDpAddressResponse)
				->set_default_dp_address_result.value,
			NULL, error);
}

/* ---- profile download ---- */

bool es10_get_euicc_challenge(Isdr *isdr, uint8_t ret_challenge[16], GError **error)
{
	g_autoptr(Msg) msg = NULL;

	/* A challenge opens a session on the card; asking twice drops the first one, which nobody has used. */
	return es10_call(isdr, "GetEuiccChallenge", ISDR_READ, &GET_EUICC_CHALLENGE_REQUEST, NULL,
		       &GET_EUICC_CHALLENGE_RESPONSE, &msg, error) &&
		copy_fixed("GetEuiccChallenge",
			MSG_BODY(msg, GetEuiccChallengeResponse)->euicc_challenge, ret_challenge,
			error);
}

static const ResultCode authenticate_codes[] = {
	{ AUTHENTICATE_ERROR_INVALID_CERTIFICATE, SGP32_ERROR_SIGNATURE_INVALID,
		"the card does not accept the server's certificate" },
	{ AUTHENTICATE_ERROR_INVALID_SIGNATURE, SGP32_ERROR_SIGNATURE_INVALID,
		"the server's signature is wrong" },
	{ AUTHENTICATE_ERROR_UNSUPPORTED_CURVE, SGP32_ERROR_NOT_SUPPORTED,
		"the card does not know the curve" },
	{ AUTHENTICATE_ERROR_NO_SESSION_CONTEXT, SGP32_ERROR_CARD_LOST,
		"the card has forgotten the session" },
	{ AUTHENTICATE_ERROR_INVALID_OID, SGP32_ERROR_SIGNATURE_INVALID,
		"the server's certificate has a wrong OID" },
	{ AUTHENTICATE_ERROR_EUICC_CHALLENGE_MISMATCH, SGP32_ERROR_SIGNATURE_INVALID,
		"the server signed another challenge" },
	{ AUTHENTICATE_ERROR_CI_PK_UNKNOWN, SGP32_ERROR_SIGNATURE_INVALID,
		"the card has no key of the server's CI" },
	{ 0, 0, NULL },
};

static const ResultCode prepare_codes[] = {
	{ DOWNLOAD_ERROR_INVALID_CERTIFICATE, SGP32_ERROR_SIGNATURE_INVALID,
		"the card does not accept the certificate for profile binding" },
	{ DOWNLOAD_ERROR_INVALID_SIGNATURE, SGP32_ERROR_SIGNATURE_INVALID,
		"the server's signature is wrong" },
	{ DOWNLOAD_ERROR_UNSUPPORTED_CURVE, SGP32_ERROR_NOT_SUPPORTED,
		"the card does not know the curve" },
	{ DOWNLOAD_ERROR_NO_SESSION_CONTEXT, SGP32_ERROR_CARD_LOST,
		"the card has forgotten the session" },
	{ DOWNLOAD_ERROR_INVALID_TRANSACTION_ID, SGP32_ERROR_SERVER_MALFORMED,
		"the server names another transaction" },
	{ 0, 0, NULL },
};

/* The two functions that relay what a server signed; offset: of the ok arm and the error arm are told by
 * `code`, which is < 0 for an ok arm. */
static bool relay(Isdr *isdr, const char *function, Span request, const MsgType *type,
	int64_t (*code)(const void *body), const ResultCode *codes, GBytes **ret,
	GBytes **ret_error_arm, GError **error)
{
	g_autoptr(GBytes) answer = NULL;
	g_autoptr(Msg) msg = NULL;
	int64_t result;

	if (!isdr_command(isdr, request, ISDR_CHANGE, &answer, error)) {
		g_prefix_error(error, "%s: ", function);
		return false;
	}
	msg = es10_decode(function, type, answer, error);
	if (!msg)
		return false;
	result = code(msg_body(msg));
	if (result >= 0) {
		if (ret_error_arm)
			*ret_error_arm = g_bytes_ref(answer);
		return es10_check_code(function, result ?: RESULT_UNDEFINED_ERROR, codes, error);
	}
	*ret = g_steal_pointer(&answer);
	return true;
}

static int64_t authenticate_code(const void *body)
{
	const AuthenticateServerResponse *response = body;

	if (response->authenticate_response_ok)
		return -1;
	return response->authenticate_response_error
		? response->authenticate_response_error->authenticate_error_code.value
		: RESULT_UNDEFINED_ERROR;
}

bool es10_authenticate_server(
	Isdr *isdr, Span request, GBytes **ret, GBytes **ret_error_arm, GError **error)
{
	return relay(isdr, "AuthenticateServer", request, &AUTHENTICATE_SERVER_RESPONSE,
		authenticate_code, authenticate_codes, ret, ret_error_arm, error);
}

static int64_t prepare_code(const void *body)
{
	const PrepareDownloadResponse *response = body;

	if (response->download_response_ok)
		return -1;
	return response->download_response_error
		? response->download_response_error->download_error_code.value
		: RESULT_UNDEFINED_ERROR;
}

bool es10_prepare_download(
	Isdr *isdr, Span request, GBytes **ret, GBytes **ret_error_arm, GError **error)
{
	return relay(isdr, "PrepareDownload", request, &PREPARE_DOWNLOAD_RESPONSE, prepare_code,
		prepare_codes, ret, ret_error_arm, error);
}

/* Segments of a BPP in the order of SGP.22 5.7.6: spans into the package, each one chain. */
static bool segment(Span bpp, GArray *ret, GError **error)
{
	Tlv whole, first, part;
	Span rest;

	if (!der_single(bpp, &whole, error) || whole.tag != TAG_BOUND_PROFILE_PACKAGE)
		return sgp32_fail(error && *error ? NULL : error, SGP32_ERROR_SERVER_MALFORMED,
			"no BoundProfilePackage");
	rest = whole.value;
	if (!der_next(&rest, &first, error) || first.tag != TAG_INITIALISE_SECURE_CHANNEL)
		return sgp32_fail(error && *error ? NULL : error, SGP32_ERROR_SERVER_MALFORMED,
			"no InitialiseSecureChannel");
	Span head = { bpp.data, first.whole.data + first.whole.size - bpp.data };
	g_array_append_val(ret, head);
	while (rest.size) {
		if (!der_next(&rest, &part, error))
			return false;
		switch (part.tag) {
		case 0xa0: /* ConfigureISDP */
		case 0xa2: /* ReplaceSessionKeys */ g_array_append_val(ret, part.whole); break;
		case 0xa1: /* StoreMetadata */
		case 0xa3: /* profile elements */ {
			Span header = { part.whole.data, part.whole.size - part.value.size };
			Span items = part.value;
			Tlv item;

			g_array_append_val(ret, header);
			while (items.size) {
				if (!der_next(&items, &item, error))
					return false;
				g_array_append_val(ret, item.whole);
			}
			break;
		}
		default:
			return sgp32_fail(error, SGP32_ERROR_SERVER_MALFORMED,
				"tag %X in the package", part.tag);
		}
	}
	return true;
}

bool es10_load_bound_profile_package(Isdr *isdr, Span bpp,
	void (*loaded)(void *user, size_t octets, size_t whole), void *user, GBytes **ret,
	GError **error)
{
	g_autoptr(GArray) segments = g_array_new(FALSE, FALSE, sizeof(Span));
	g_autoptr(GError) local = NULL;

	if (!segment(bpp, segments, &local))
		return sgp32_fail(error, SGP32_ERROR_SERVER_MALFORMED, "BoundProfilePackage: %s",
			local->message);
	for (guint i = 0; i < segments->len; i++) {
		Span data = g_array_index(segments, Span, i);
		g_autoptr(GBytes) answer = NULL;
		bool last = i + 1 == segments->len, ok;

		/* Once the last segment is in, the profile may be installed: its result is read. */
		if (last)
			isdr_hold(isdr);
		ok = isdr_segment(isdr, data, &answer, error);
		if (last)
			isdr_release(isdr);
		if (!ok) {
			g_prefix_error(error, "LoadBoundProfilePackage, segment %u of %u: ", i + 1,
				segments->len);
			return false;
		}
		if (loaded)
			loaded(user, data.data + data.size - bpp.data, bpp.size);
		if (g_bytes_get_size(answer) > 0) {
			/* A result before the end is that of a failure. */
			*ret = g_steal_pointer(&answer);
			return true;
		}
	}
	return sgp32_fail(error, SGP32_ERROR_CARD_MALFORMED,
		"LoadBoundProfilePackage: the card took the whole package and gave no result");
}

bool es10_cancel_session(Isdr *isdr, Span transaction_id, int reason, GBytes **ret, GError **error)
{
	static const ResultCode codes[] = {
		{ CANCEL_SESSION_ERROR_INVALID_TRANSACTION_ID, SGP32_ERROR_NOT_FOUND,
			"the card knows no such session" },
		{ 0, 0, NULL },
	};
	CancelSessionRequest request = { transaction_id, NUM(reason) };
	g_autoptr(Msg) msg = NULL;

	if (!es10_call(isdr, "CancelSession", ISDR_CHANGE, &CANCEL_SESSION_REQUEST, &request,
		    &CANCEL_SESSION_RESPONSE, &msg, error))
		return false;
	const CancelSessionResponse *response = MSG_BODY(msg, CancelSessionResponse);
	if (!response->cancel_session_response_ok)
		return es10_check_code("CancelSession",
			response->cancel_session_response_error.value ?: RESULT_UNDEFINED_ERROR,
			codes, error);
	*ret = span_to_bytes(msg_bytes(msg));
	return true;
}

/* ---- notifications and package results ---- */

bool es10_list_notification(Isdr *isdr, int64_t events, Msg **ret, GError **error)
{
	ListNotificationRequest request = { { events != 0, events } };
	g_autoptr(Msg) msg = NULL;

	if (!es10_call(isdr, "ListNotification", ISDR_READ, &LIST_NOTIFICATION_REQUEST, &request,
		    &LIST_NOTIFICATION_RESPONSE, &msg, error))
		return false;
	const ListNotificationResponse *response = MSG_BODY(msg, ListNotificationResponse);
	if (!response->notification_metadata_list.items)
		return es10_check_code("ListNotification",
			response->list_notifications_result_error.value ?: RESULT_UNDEFINED_ERROR,
			NULL, error);
	*ret = g_steal_pointer(&msg);
	return true;
}

static bool retrieve(
	Isdr *isdr, const RetrieveNotificationsSearchCriteria *criteria, Msg **ret, GError **error)
{
	RetrieveNotificationsListRequest request = { criteria };
	g_autoptr(Msg) msg = NULL;

	if (!es10_call(isdr, "RetrieveNotificationsList", ISDR_READ,
		    &RETRIEVE_NOTIFICATIONS_LIST_REQUEST, &request,
		    &RETRIEVE_NOTIFICATIONS_LIST_RESPONSE, &msg, error))
		return false;
	const RetrieveNotificationsListResponse *response =
		MSG_BODY(msg, RetrieveNotificationsListResponse);
	if (response->notifications_list_result_error.present)
		return es10_check_code("RetrieveNotificationsList",
			response->notifications_list_result_error.value ?: RESULT_UNDEFINED_ERROR,
			NULL, error);
	*ret = g_steal_pointer(&msg);
	return true;
}

bool es10_retrieve_notifications_list(
	Isdr *isdr, int64_t seq, int64_t events, Msg **ret, GError **error)
{
	RetrieveNotificationsSearchCriteria criteria = {
		.seq_number = { seq >= 0, seq },
		.profile_management_operation = { seq < 0 && events, events },
	};

	return retrieve(isdr, seq >= 0 || events ? &criteria : NULL, ret, error);
}

bool es10_retrieve_package_results(Isdr *isdr, Msg **ret, GError **error)
{
	RetrieveNotificationsSearchCriteria criteria = { .euicc_package_results = NUM(1) };

	return retrieve(isdr, &criteria, ret, error);
}

bool es10_remove_notification(Isdr *isdr, int64_t seq, GError **error)
{
	NotificationSentRequest request = { NUM(seq) };
	g_autoptr(Msg) msg = NULL;
	int64_t code;

	/* Twice does no harm: ISDR_READ, so that it survives a lost session. */
	if (!es10_call(isdr, "RemoveNotificationFromList", ISDR_READ, &NOTIFICATION_SENT_REQUEST,
		    &request, &NOTIFICATION_SENT_RESPONSE, &msg, error))
		return false;
	code = MSG_BODY(msg, NotificationSentResponse)->delete_notification_status.value;
	return code == DELETE_NOTIFICATION_NOTHING_TO_DELETE ||
		es10_check_code("RemoveNotificationFromList", code, NULL, error);
}
