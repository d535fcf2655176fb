/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/esipa.h"

#include "asn1/esipa.h"

typedef struct Function {
	const char *name;
	uint32_t tag; /* of the message, both ways */
	bool repeatable; /* the eIM may see it twice */
	bool large;
	bool no_answer;
} Function;

/* Takes one encoded message to the eIM and brings its answer back. A binding that is not ASN.1 translates
 * there: the tag of the message says which function it is. */
typedef bool (*EsipaCarry)(Esipa *esipa, const Function *function, Span message, PostCancel *cancel,
	GBytes **ret, GError **error);

struct Esipa {
	Http *http;
	EsipaCarry carry;
	char *eim_id, *fqdn, *host;
	uint16_t port;
	Trust *trust;
	HttpRoute route;
	HttpLimits limits;
	char *path, *content_type, *user_agent; /* the last two as headers */
	int64_t now;
};

static const Function get_eim_package = {
	.name = "GetEimPackage",
	.tag = TAG_ESIPA_GET_EIM_PACKAGE,
	.repeatable = true,
};
/* Results are known by their sequence numbers. */
static const Function provide_eim_package_result = {
	.name = "ProvideEimPackageResult",
	.tag = TAG_ESIPA_PROVIDE_EIM_PACKAGE_RESULT,
	.repeatable = true,
};
static const Function handle_notification = {
	.name = "HandleNotification",
	.tag = TAG_ESIPA_HANDLE_NOTIFICATION,
	.repeatable = true,
	.no_answer = true,
};
static const Function initiate_authentication = {
	.name = "InitiateAuthentication",
	.tag = TAG_ESIPA_INITIATE_AUTHENTICATION,
	.repeatable = true,
};
static const Function authenticate_client = {
	.name = "AuthenticateClient",
	.tag = TAG_ESIPA_AUTHENTICATE_CLIENT,
};
static const Function get_bound_profile_package = {
	.name = "GetBoundProfilePackage",
	.tag = TAG_ESIPA_GET_BOUND_PROFILE_PACKAGE,
	.large = true,
};
static const Function cancel_session = {
	.name = "CancelSession",
	.tag = TAG_ESIPA_CANCEL_SESSION,
	.repeatable = true,
};

/* ---- HTTPS, ASN.1: SGP.32 6.1 ---- */

static bool carry_https(Esipa *esipa, const Function *function, Span message, PostCancel *cancel,
	GBytes **ret, GError **error)
{
	const char *headers[] = { esipa->user_agent, "X-Admin-Protocol: gsma/rsp/v2.1.0",
		esipa->content_type, NULL };
	g_auto(HttpAnswer) answer = { 0 };
	HttpRequest request = {
		.host = esipa->host,
		.port = esipa->port,
		.path = esipa->path,
		.headers = headers,
		.body = message,
		.trust = esipa->trust,
		.route = esipa->route,
		.limits = esipa->limits,
		.now = esipa->now,
		.repeatable = function->repeatable,
	};

	if (!function->large)
		request.limits.body_max = HTTP_BODY_MAX;
	else if (!request.limits.body_max)
		request.limits.body_max = HTTP_BODY_MAX_BPP;
	if (!http_post(esipa->http, &request, cancel, &answer, error))
		return false;
	/* What calls itself a page for people is not from an eIM; other types are not held against it. */
	if (answer.content_type && g_ascii_strncasecmp(answer.content_type, "text/html", 9) == 0 &&
		!function->no_answer) {
		sgp32_fail(error, SGP32_ERROR_SERVER_MALFORMED, "the answer is a web page");
		if (error)
			sgp32_error_set_hint(
				*error, "check the address of the eIM and the path of its binding");
		return false;
	}
	*ret = g_steal_pointer(&answer.body);
	return true;
}

static const EsipaCarry carries[ESIPA_N_BINDINGS] = {
	[ESIPA_HTTPS_ASN1] = carry_https,
};

/* ---- peer ---- */

Esipa *esipa_new(const EsipaPeer *peer, Http *http, GError **error)
{
	const char *path = peer->path ? peer->path : ESIPA_PATH;
	const char *type = peer->content_type ? peer->content_type : ESIPA_CONTENT_TYPE;
	const char *agent = peer->user_agent ? peer->user_agent : ESIPA_USER_AGENT;
	g_autofree char *host = NULL;
	uint16_t port;
	Esipa *esipa;

	if (peer->binding >= ESIPA_N_BINDINGS) {
		sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "no such binding of ESipa");
		return NULL;
	}
	if (!http_authority_parse(peer->fqdn, 443, &host, &port, error)) {
		g_prefix_error(error, "eimFqdn: ");
		return NULL;
	}
	if (!http_path_is_valid(path) || !http_header_is_valid(type) ||
		!http_header_is_valid(agent)) {
		sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
			"the path, content type or User-Agent for the eIM cannot be sent");
		return NULL;
	}
	esipa = g_new0(Esipa, 1);
	esipa->http = http;
	esipa->carry = carries[peer->binding];
	esipa->eim_id = g_strdup(peer->eim_id);
	esipa->fqdn = g_strdup(peer->fqdn);
	esipa->host = g_steal_pointer(&host);
	esipa->port = port;
	esipa->trust = trust_ref(peer->trust);
	esipa->route = peer->route;
	esipa->limits = peer->limits;
	esipa->path = g_strdup(path);
	esipa->content_type = g_strdup_printf("Content-Type: %s", type);
	esipa->user_agent = g_strdup_printf("User-Agent: %s", agent);
	esipa->now = peer->now;
	return esipa;
}

void esipa_free(Esipa *esipa)
{
	if (!esipa)
		return;
	g_free(esipa->eim_id);
	g_free(esipa->fqdn);
	g_free(esipa->host);
	trust_unref(esipa->trust);
	g_free(esipa->path);
	g_free(esipa->content_type);
	g_free(esipa->user_agent);
	g_free(esipa);
}

/* ---- one message ---- */

static void name_function(const Esipa *esipa, const Function *function, GError **error)
{
	g_prefix_error(error, "%s at eIM %s: ", function->name,
		esipa->eim_id ? esipa->eim_id : esipa->fqdn);
}

/* What msg_decode() finds wrong is the server's fault here. */
static bool server_malformed(GError **error, GError *cause)
{
	sgp32_fail(error, SGP32_ERROR_SERVER_MALFORMED, "the answer cannot be understood: %s",
		cause->message);
	g_error_free(cause);
	return false;
}

/* The answer is one TLV with the tag of the function, unless there is none to be. */
static bool esipa_call(Esipa *esipa, const Function *function, Span message, PostCancel *cancel,
	GBytes **ret, GError **error)
{
	g_autoptr(GBytes) answer = NULL;
	GError *cause = NULL;
	Tlv tlv;

	if (!esipa->carry(esipa, function, message, cancel, &answer, error))
		return false;
	if (!function->no_answer) {
		if (!der_single(span_of(answer), &tlv, &cause))
			return server_malformed(error, cause);
		if (tlv.tag != function->tag)
			return sgp32_fail(error, SGP32_ERROR_SERVER_MALFORMED,
				"the answer has tag %X in place of %X", tlv.tag, function->tag);
	}
	*ret = g_steal_pointer(&answer);
	return true;
}

/* Call and decode. NULL on failure. */
static Msg *esipa_ask(Esipa *esipa, const Function *function, const MsgType *request,
	const void *body, const MsgType *response, PostCancel *cancel, GError **error)
{
	g_autoptr(GBytes) message = msg_encode(request, body, error);
	g_autoptr(GBytes) answer = NULL;
	GError *cause = NULL;
	Msg *msg;

	if (!message || !esipa_call(esipa, function, span_of(message), cancel, &answer, error))
		return NULL;
	msg = msg_decode(response, span_of(answer), &cause);
	if (!msg)
		server_malformed(error, cause);
	return msg;
}

/* ---- errors of the eIM ---- */

typedef struct EimError {
	const Function *function;
	int number;
	Sgp32Error code;
	const char *text;
} EimError;

static const EimError eim_errors[] = {
	{ &get_eim_package, 2, SGP32_ERROR_SERVER_REFUSED, "the eIM does not know this EID" },
	{ &get_eim_package, 3, SGP32_ERROR_SERVER_REFUSED, "the eIM finds the EID invalid" },
	{ &get_eim_package, 4, SGP32_ERROR_SERVER_REFUSED, "the eIM misses the EID" },
	{ &provide_eim_package_result, 2, SGP32_ERROR_SERVER_REFUSED,
		"the eIM does not know this EID" },
	{ &provide_eim_package_result, 3, SGP32_ERROR_SERVER_REFUSED,
		"the eIM finds the EID invalid" },
	{ &provide_eim_package_result, 4, SGP32_ERROR_SERVER_REFUSED, "the eIM misses the EID" },
	{ &initiate_authentication, 1, SGP32_ERROR_SERVER_REFUSED, "the SM-DP+ address is wrong" },
	{ &initiate_authentication, 2, SGP32_ERROR_SERVER_REFUSED,
		"the SM-DP+ does not support the version of this eUICC" },
	{ &initiate_authentication, 3, SGP32_ERROR_SERVER_REFUSED,
		"the SM-DP+ supports none of the certificate issuers of this eUICC" },
	{ &initiate_authentication, 50, SGP32_ERROR_SERVER_REFUSED,
		"the SM-DP+ has another address than the activation code" },
	{ &initiate_authentication, 51, SGP32_ERROR_SERVER_REFUSED,
		"the SM-DP+ has another OID than the activation code" },
	{ &initiate_authentication, 52, SGP32_ERROR_SERVER_REFUSED,
		"the eIM does not know the eimTransactionId" },
	{ &authenticate_client, 1, SGP32_ERROR_SERVER_REFUSED, "EUM certificate not accepted" },
	{ &authenticate_client, 2, SGP32_ERROR_SERVER_REFUSED, "EUM certificate expired" },
	{ &authenticate_client, 3, SGP32_ERROR_SERVER_REFUSED, "eUICC certificate not accepted" },
	{ &authenticate_client, 4, SGP32_ERROR_SERVER_REFUSED, "eUICC certificate expired" },
	{ &authenticate_client, 5, SGP32_ERROR_SERVER_REFUSED, "eUICC signature not accepted" },
	{ &authenticate_client, 6, SGP32_ERROR_SERVER_REFUSED, "matching id refused" },
	{ &authenticate_client, 7, SGP32_ERROR_SERVER_REFUSED, "the profile is for another EID" },
	{ &authenticate_client, 8, SGP32_ERROR_SERVER_REFUSED, "no profile fits this eUICC" },
	{ &authenticate_client, 9, SGP32_ERROR_SERVER_REFUSED,
		"certificate issuer not known to the server" },
	{ &authenticate_client, 10, SGP32_ERROR_SERVER_REFUSED, "transaction not known" },
	{ &authenticate_client, 11, SGP32_ERROR_NO_MEMORY,
		"the eUICC has no room for the profile" },
	{ &authenticate_client, 18, SGP32_ERROR_SERVER_REFUSED, "the download order has expired" },
	{ &authenticate_client, 50, SGP32_ERROR_SERVER_REFUSED,
		"the eIM does not allow the policy rules of the profile" },
	{ &authenticate_client, 56, SGP32_ERROR_SERVER_REFUSED,
		"the SM-DS does not know this event" },
	{ &get_bound_profile_package, 1, SGP32_ERROR_SERVER_REFUSED,
		"eUICC signature not accepted" },
	{ &get_bound_profile_package, 2, SGP32_ERROR_CONFIRMATION_CODE_REQUIRED,
		"a confirmation code is needed" },
	{ &get_bound_profile_package, 3, SGP32_ERROR_CONFIRMATION_CODE_WRONG,
		"the confirmation code is wrong" },
	{ &get_bound_profile_package, 4, SGP32_ERROR_SERVER_REFUSED,
		"too many wrong confirmation codes" },
	{ &get_bound_profile_package, 5, SGP32_ERROR_SERVER_REFUSED,
		"the profile cannot be bound again" },
	{ &get_bound_profile_package, 6, SGP32_ERROR_SERVER_REFUSED,
		"the download order has expired" },
	{ &get_bound_profile_package, 50, SGP32_ERROR_SERVER_REFUSED,
		"the profile is not the one that was announced" },
	{ &get_bound_profile_package, 95, SGP32_ERROR_SERVER_REFUSED, "transaction not known" },
	{ &cancel_session, 1, SGP32_ERROR_SERVER_REFUSED, "transaction not known" },
	{ &cancel_session, 2, SGP32_ERROR_SERVER_REFUSED, "eUICC signature not accepted" },
};

static bool eim_refuses(const Function *function, int64_t number, GError **error)
{
	Sgp32Error code = SGP32_ERROR_SERVER_REFUSED;
	const char *text = number == RESULT_UNDEFINED_ERROR ? "the eIM does not say what is wrong"
							    : "the eIM refuses";

	for (size_t i = 0; i < G_N_ELEMENTS(eim_errors); i++)
		if (eim_errors[i].function == function && eim_errors[i].number == number) {
			code = eim_errors[i].code;
			text = eim_errors[i].text;
		}
	return sgp32_fail_spec(error, code, CLAMP(number, INT32_MIN, INT32_MAX),
		"%s (%" G_GINT64_FORMAT ")", text, number);
}

/* ---- GetEimPackage ---- */

void esipa_package_clear(EsipaPackage *package)
{
	g_clear_pointer(&package->bytes, wipe_bytes_unref);
	package->kind = ESIPA_NO_PACKAGE;
}

static bool integer_value(Span value, int64_t *ret)
{
	int64_t number;

	if (!value.size || value.size > 8)
		return false;
	number = (int8_t)value.data[0];
	for (size_t i = 1; i < value.size; i++)
		number = (int64_t)((uint64_t)number << 8 | value.data[i]);
	*ret = number;
	return true;
}

static bool package_take(GBytes *answer, EsipaPackage *ret, GError **error)
{
	GError *cause = NULL;
	Tlv outer, arm;
	int64_t number;

	if (!der_single(span_of(answer), &outer, &cause) || !der_single(outer.value, &arm, &cause))
		return server_malformed(error, cause);
	switch (arm.tag) {
	case 0x02:
		if (!integer_value(arm.value, &number))
			return sgp32_fail(error, SGP32_ERROR_SERVER_MALFORMED,
				"the answer cannot be understood: eimPackageError is no number");
		if (number != EIM_PACKAGE_ERROR_NO_EIM_PACKAGE_AVAILABLE)
			return eim_refuses(&get_eim_package, number, error);
		*ret = (EsipaPackage) { .kind = ESIPA_NO_PACKAGE };
		return true;
	case TAG_EUICC_PACKAGE: ret->kind = ESIPA_EUICC_PACKAGE; break;
	case TAG_IPA_EUICC_DATA: ret->kind = ESIPA_DATA_REQUEST; break;
	case TAG_PROFILE_DOWNLOAD_TRIGGER: ret->kind = ESIPA_DOWNLOAD_TRIGGER; break;
	default: ret->kind = ESIPA_UNKNOWN_PACKAGE; break;
	}
	ret->bytes = span_to_bytes(arm.whole);
	return true;
}

bool esipa_get_eim_package(Esipa *esipa, const EsipaPackageQuestion *question, PostCancel *cancel,
	EsipaPackage *ret, GError **error)
{
	const Function *function = &get_eim_package;
	GetEimPackageRequest request = { .eid_value = question->eid, .r_plmn = question->r_plmn };
	g_autoptr(GBytes) message = NULL;
	g_autoptr(GBytes) answer = NULL;

	if (question->notify_state_change)
		request.notify_state_change = NUM(1);
	if (question->notify_state_change && question->state_change_cause >= 0)
		request.state_change_cause = NUM(question->state_change_cause);
	message = msg_encode(&GET_EIM_PACKAGE_REQUEST, &request, error);
	if (!message || !esipa_call(esipa, function, span_of(message), cancel, &answer, error) ||
		!package_take(answer, ret, error)) {
		name_function(esipa, function, error);
		return false;
	}
	return true;
}

/* ---- ProvideEimPackageResult ---- */

void esipa_acknowledgements_clear(EsipaAcknowledgements *acknowledgements)
{
	g_clear_pointer(&acknowledgements->sequence_numbers, g_array_unref);
	acknowledgements->given = false;
}

static bool acknowledgements_take(GBytes *answer, EsipaAcknowledgements *ret, GError **error)
{
	GError *cause = NULL;
	g_autoptr(Msg) msg =
		msg_decode(&PROVIDE_EIM_PACKAGE_RESULT_RESPONSE, span_of(answer), &cause);
	const ProvideEimPackageResultResponse *response;
	GArray *numbers;

	if (!msg)
		return server_malformed(error, cause);
	response = MSG_BODY(msg, ProvideEimPackageResultResponse);
	if (response->provide_eim_package_result_error.present)
		return eim_refuses(&provide_eim_package_result,
			response->provide_eim_package_result_error.value, error);
	numbers = g_array_new(FALSE, FALSE, sizeof(int64_t));
	if (response->eim_acknowledgements) {
		List list = response->eim_acknowledgements->sequence_numbers;

		for (size_t i = 0; i < list.count; i++)
			g_array_append_val(numbers, LIST_AT(list, Num, i)->value);
	}
	ret->given = response->eim_acknowledgements != NULL;
	ret->sequence_numbers = numbers;
	return true;
}

bool esipa_provide_eim_package_result(Esipa *esipa, Span eid, Span eim_package_result,
	PostCancel *cancel, EsipaAcknowledgements *ret, GError **error)
{
	const Function *function = &provide_eim_package_result;
	g_autoptr(GByteArray) message = g_byte_array_new();
	GByteArray *content = g_byte_array_new();
	g_autoptr(GBytes) answer = NULL;

	/* The result is signed: its octets go through as they are. */
	der_put(content, 0x5a, eid);
	array_append_span(content, eim_package_result);
	der_put_wrapped(message, function->tag, content);
	if (!esipa_call(esipa, function, span_of_array(message), cancel, &answer, error) ||
		!acknowledgements_take(answer, ret, error)) {
		name_function(esipa, function, error);
		return false;
	}
	return true;
}

/* ---- HandleNotification ---- */

bool esipa_handle_notification(Esipa *esipa, Span notification, PostCancel *cancel, GError **error)
{
	const Function *function = &handle_notification;
	g_autoptr(GByteArray) message = g_byte_array_new();
	GByteArray *content = g_byte_array_new();
	g_autoptr(GBytes) answer = NULL;

	if (span_starts(notification, SPAN_LITERAL("\xbf\x50")))
		array_append_span(content, notification);
	else
		der_put(content, 0xa0, notification);
	der_put_wrapped(message, function->tag, content);
	if (!esipa_call(esipa, function, span_of_array(message), cancel, &answer, error)) {
		name_function(esipa, function, error);
		return false;
	}
	return true;
}

/* ---- indirect download ---- */

static GBytes *whole_of(uint32_t tag, Span value)
{
	GByteArray *whole = g_byte_array_new();

	der_put(whole, tag, value);
	return g_byte_array_free_to_bytes(whole);
}

/* Where the answer names the transaction it must be ours. */
static bool check_transaction_id(Span given, Span expected, GError **error)
{
	return !given.data || span_equal(given, expected) ||
		sgp32_fail(error, SGP32_ERROR_SERVER_MALFORMED,
			"the answer is for another transaction");
}

static bool initiated_take(const Msg *msg, RspInitiated *ret, GError **error)
{
	const InitiateAuthenticationResponseEsipa *response =
		MSG_BODY(msg, InitiateAuthenticationResponseEsipa);
	const InitiateAuthenticationOkEsipa *ok = response->initiate_authentication_ok_esipa;
	Span transaction_id;

	if (!ok)
		return eim_refuses(&initiate_authentication,
			response->initiate_authentication_error_esipa.value, error);
	/* Left out it is the one that the server signed. */
	transaction_id =
		ok->transaction_id.data ? ok->transaction_id : ok->server_signed1->transaction_id;
	ret->transaction_id = span_to_bytes(transaction_id);
	ret->server_signed1 = span_to_bytes(ok->server_signed1->raw);
	ret->server_signature1 = whole_of(0x5f37, ok->server_signature1);
	ret->euicc_ci_pk_id_to_be_used = whole_of(0x04, ok->euicc_ci_pk_identifier_to_be_used);
	ret->server_certificate = span_to_bytes(ok->server_certificate);
	ret->matching_id = ok->matching_id.data ? span_to_string(ok->matching_id) : NULL;
	if (ok->ctx_params1 && ok->ctx_params1->ctx_params_for_common_authentication)
		ret->ctx_params1 =
			span_to_bytes(ok->ctx_params1->ctx_params_for_common_authentication->raw);
	return true;
}

bool esipa_initiate_authentication(Esipa *esipa, const EsipaInitiation *initiation,
	PostCancel *cancel, RspInitiated *ret, GError **error)
{
	const Function *function = &initiate_authentication;
	EuiccInfo1 info = { .raw = initiation->euicc_info1 };
	InitiateAuthenticationRequestEsipa request = {
		.euicc_challenge = initiation->euicc_challenge,
		.smdp_address = span_string(initiation->smdp_address),
		.euicc_info1 = info.raw.data ? &info : NULL,
		.eim_transaction_id = initiation->eim_transaction_id,
	};
	g_autoptr(Msg) msg = esipa_ask(esipa, function, &INITIATE_AUTHENTICATION_REQUEST_ESIPA,
		&request, &INITIATE_AUTHENTICATION_RESPONSE_ESIPA, cancel, error);

	if (!msg || !initiated_take(msg, ret, error)) {
		name_function(esipa, function, error);
		return false;
	}
	return true;
}

/* The trigger of A1, as received. */
static GBytes *trigger_of(const Msg *msg)
{
	Tlv outer, arm, trigger;

	if (der_single(msg_bytes(msg), &outer, NULL) && der_single(outer.value, &arm, NULL) &&
		der_find(arm.value, TAG_PROFILE_DOWNLOAD_TRIGGER, &trigger))
		return span_to_bytes(trigger.whole);
	return NULL;
}

static bool authenticated_take(
	const Msg *msg, Span transaction_id, RspAuthenticated *ret, GError **error)
{
	const AuthenticateClientResponseEsipa *response =
		MSG_BODY(msg, AuthenticateClientResponseEsipa);
	const AuthenticateClientOkDpEsipa *dp = response->authenticate_client_ok_dp_esipa;
	const AuthenticateClientOkDsEsipa *ds = response->authenticate_client_ok_ds_esipa;

	if (ds) {
		if (!check_transaction_id(ds->transaction_id, transaction_id, error))
			return false;
		ret->download_trigger = trigger_of(msg);
		/* None: the SM-DS had no event. */
		if (!ret->download_trigger)
			ret->events =
				g_ptr_array_new_with_free_func((GDestroyNotify)rsp_event_free);
		return true;
	}
	if (!dp)
		return eim_refuses(&authenticate_client,
			response->authenticate_client_error_esipa.value, error);
	if (!check_transaction_id(dp->transaction_id, transaction_id, error))
		return false;
	if (dp->profile_meta_data)
		ret->profile_metadata = span_to_bytes(dp->profile_meta_data->raw);
	ret->smdp_signed2 = span_to_bytes(dp->smdp_signed2->raw);
	ret->smdp_signature2 = whole_of(0x5f37, dp->smdp_signature2);
	ret->smdp_certificate = span_to_bytes(dp->smdp_certificate);
	if (dp->hash_cc.data)
		ret->hash_cc = whole_of(0x04, dp->hash_cc);
	return true;
}

bool esipa_authenticate_client(Esipa *esipa, Span transaction_id, Span authenticate_server_response,
	PostCancel *cancel, RspAuthenticated *ret, GError **error)
{
	const Function *function = &authenticate_client;
	AuthenticateServerResponse response = { .raw = authenticate_server_response };
	AuthenticateClientRequestEsipa request = { .transaction_id = transaction_id,
		.authenticate_server_response = &response };
	g_autoptr(Msg) msg = esipa_ask(esipa, function, &AUTHENTICATE_CLIENT_REQUEST_ESIPA,
		&request, &AUTHENTICATE_CLIENT_RESPONSE_ESIPA, cancel, error);

	if (!msg || !authenticated_take(msg, transaction_id, ret, error)) {
		name_function(esipa, function, error);
		return false;
	}
	return true;
}

static GBytes *package_of(const Msg *msg, Span transaction_id, GError **error)
{
	const GetBoundProfilePackageResponseEsipa *response =
		MSG_BODY(msg, GetBoundProfilePackageResponseEsipa);
	const GetBoundProfilePackageOkEsipa *ok = response->get_bound_profile_package_ok_esipa;

	if (!ok) {
		eim_refuses(&get_bound_profile_package,
			response->get_bound_profile_package_error_esipa.value, error);
		return NULL;
	}
	if (!check_transaction_id(ok->transaction_id, transaction_id, error))
		return NULL;
	return span_to_bytes(ok->bound_profile_package->raw);
}

GBytes *esipa_get_bound_profile_package(Esipa *esipa, Span transaction_id,
	Span prepare_download_response, PostCancel *cancel, GError **error)
{
	const Function *function = &get_bound_profile_package;
	PrepareDownloadResponse response = { .raw = prepare_download_response };
	GetBoundProfilePackageRequestEsipa request = { .transaction_id = transaction_id,
		.prepare_download_response = &response };
	g_autoptr(Msg) msg = esipa_ask(esipa, function, &GET_BOUND_PROFILE_PACKAGE_REQUEST_ESIPA,
		&request, &GET_BOUND_PROFILE_PACKAGE_RESPONSE_ESIPA, cancel, error);
	GBytes *package = msg ? package_of(msg, transaction_id, error) : NULL;

	if (!package)
		name_function(esipa, function, error);
	return package;
}

bool esipa_cancel_session(Esipa *esipa, Span transaction_id, Span cancel_session_response,
	PostCancel *cancel, GError **error)
{
	const Function *function = &cancel_session;
	CancelSessionResponse response = { .raw = cancel_session_response };
	CancelSessionRequestEsipa request = { .transaction_id = transaction_id,
		.cancel_session_response = &response };
	g_autoptr(Msg) msg = esipa_ask(esipa, function, &CANCEL_SESSION_REQUEST_ESIPA, &request,
		&CANCEL_SESSION_RESPONSE_ESIPA, cancel, error);

	if (!msg ||
		(MSG_BODY(msg, CancelSessionResponseEsipa)->cancel_session_error.present &&
			!eim_refuses(function,
				MSG_BODY(msg, CancelSessionResponseEsipa)
					->cancel_session_error.value,
				error))) {
		name_function(esipa, function, error);
		return false;
	}
	return true;
}
