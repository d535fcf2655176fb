/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/es9plus.h"

#include "asn1/der.h"
#include "base/redact.h"

#include <jansson.h>
#include <string.h>

#define PATH "/gsma/rsp2/es9plus/"
#define CODE_MAX 32 /* characters of a subject or reason code */
#define MESSAGE_MAX 200
#define EVENTS_MAX 128
#define TEXT_MAX 255

#define TAG_SIGNATURE 0x5f37
#define TAG_CI_PK_ID 0x04
#define CI_PK_ID_SIZE 20
#define SIGNATURE_SIZE 64

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_t, json_decref)

struct Es9plus {
	Http *http;
	char *address, *host;
	uint16_t port;
	Trust *trust;
	HttpRoute route;
	HttpLimits limits;
	char *user_agent; /* as header */
	int64_t now;
};

/* ---- status codes, SGP.22 5.2.6 and 5.6 ---- */

typedef struct Reason {
	const char *subject, *reason;
	Sgp32Error code;
	const char *text, *hint;
} Reason;

static const Reason reasons[] = {
	{ "8.1", "4.8", SGP32_ERROR_NO_MEMORY, "the eUICC has no room for the profile",
		"delete a profile first" },
	{ "8.1", "6.1", SGP32_ERROR_SERVER_REFUSED, "eUICC signature or challenge not accepted" },
	{ "8.1.1", "2.2", SGP32_ERROR_SERVER_REFUSED, "the EID is missing" },
	{ "8.1.1", "3.1", SGP32_ERROR_SERVER_REFUSED, "the profile is for another EID",
		"ask the operator which EID the order names" },
	{ "8.1.1", "3.8", SGP32_ERROR_SERVER_REFUSED, "the profile is for another EID",
		"ask the operator which EID the order names" },
	{ "8.1.2", "6.1", SGP32_ERROR_SERVER_REFUSED, "EUM certificate not accepted" },
	{ "8.1.2", "6.3", SGP32_ERROR_SERVER_REFUSED, "EUM certificate expired" },
	{ "8.1.3", "6.1", SGP32_ERROR_SERVER_REFUSED, "eUICC certificate not accepted" },
	{ "8.1.3", "6.3", SGP32_ERROR_SERVER_REFUSED, "eUICC certificate expired" },
	{ "8.2", "1.2", SGP32_ERROR_SERVER_REFUSED, "the profile is not released",
		"ask the operator to release it" },
	{ "8.2", "3.7", SGP32_ERROR_SERVER_REFUSED, "the profile cannot be bound again",
		"ask the operator for a new activation code" },
	{ "8.2.5", "4.3", SGP32_ERROR_SERVER_REFUSED, "no profile fits this eUICC" },
	{ "8.2.6", "3.8", SGP32_ERROR_SERVER_REFUSED, "matching id refused",
		"the activation code is wrong or was used already: ask the operator" },
	{ "8.2.7", "2.2", SGP32_ERROR_CONFIRMATION_CODE_REQUIRED, "a confirmation code is needed",
		"ask the operator for the confirmation code" },
	{ "8.2.7", "3.8", SGP32_ERROR_CONFIRMATION_CODE_WRONG, "the confirmation code is wrong",
		"check the confirmation code; the number of tries is limited" },
	{ "8.2.7", "6.4", SGP32_ERROR_SERVER_REFUSED, "too many wrong confirmation codes",
		"ask the operator for a new activation code" },
	{ "8.8", "3.1", SGP32_ERROR_SERVER_REFUSED, "wrong SM-DP+ OID" },
	{ "8.8", "3.10", SGP32_ERROR_SERVER_REFUSED, "wrong SM-DP+ OID" },
	{ "8.8.1", "3.8", SGP32_ERROR_SERVER_REFUSED,
		"the server does not go by this SM-DP+ address",
		"check the address in the activation code" },
	{ "8.8.2", "3.1", SGP32_ERROR_SERVER_REFUSED,
		"the server supports none of the certificate issuers of this eUICC" },
	{ "8.8.3", "3.1", SGP32_ERROR_SERVER_REFUSED,
		"the server does not support the version of this eUICC" },
	{ "8.8.4", "3.7", SGP32_ERROR_SERVER_REFUSED,
		"the server has no certificate under an issuer that this eUICC knows" },
	{ "8.8.5", "4.1", SGP32_ERROR_SERVER_REFUSED, "the download order has expired",
		"ask the operator for a new activation code" },
	{ "8.8.5", "6.4", SGP32_ERROR_SERVER_REFUSED, "the download order was tried too often",
		"ask the operator for a new activation code" },
	{ "8.9.1", "3.8", SGP32_ERROR_SERVER_REFUSED,
		"the server does not go by this SM-DS address" },
	{ "8.9.2", "3.1", SGP32_ERROR_SERVER_REFUSED,
		"the SM-DS supports none of the certificate issuers of this eUICC" },
	{ "8.9.3", "3.1", SGP32_ERROR_SERVER_REFUSED,
		"the SM-DS does not support the version of this eUICC" },
	{ "8.9.4", "3.7", SGP32_ERROR_SERVER_REFUSED,
		"the SM-DS has no certificate under an issuer that this eUICC knows" },
	{ "8.9.5", "3.9", SGP32_ERROR_SERVER_REFUSED, "the SM-DS does not know this event" },
	{ "8.10.1", "3.9", SGP32_ERROR_SERVER_REFUSED, "the server does not know this transaction",
		"start the download again" },
	{ "8.11.1", "3.9", SGP32_ERROR_SERVER_REFUSED,
		"certificate issuer not known to the server" },
};

static const Reason *reason_find(const char *subject, const char *reason)
{
	for (size_t i = 0; i < G_N_ELEMENTS(reasons); i++)
		if (g_strcmp0(subject, reasons[i].subject) == 0 &&
			g_strcmp0(reason, reasons[i].reason) == 0)
			return &reasons[i];
	return NULL;
}

const char *es9plus_reason_text(const char *subject, const char *reason)
{
	const Reason *found = reason_find(subject, reason);

	return found ? found->text : NULL;
}

/* ---- reading JSON ---- */

static bool malformed(GError **error, const char *name, const char *what)
{
	return sgp32_fail(error, SGP32_ERROR_SERVER_MALFORMED, "%s %s", name, what);
}

static json_t *json_parse(Span body, GError **error)
{
	json_error_t where;
	json_t *json =
		json_loadb((const char *)body.data, body.size, JSON_REJECT_DUPLICATES, &where);

	if (!json) {
		sgp32_fail(error, SGP32_ERROR_SERVER_MALFORMED,
			"the answer is not JSON (line %d, column %d)", where.line, where.column);
		return NULL;
	}
	if (!json_is_object(json)) {
		json_decref(json);
		sgp32_fail(error, SGP32_ERROR_SERVER_MALFORMED, "the answer is not a JSON object");
		return NULL;
	}
	return json;
}

/* Dotted numbers, or NULL. */
static const char *status_code(const json_t *data, const char *name)
{
	const char *text = json_string_value(json_object_get(data, name));

	if (!text || !*text || strlen(text) > CODE_MAX ||
		strspn(text, "0123456789.") != strlen(text))
		return NULL;
	return text;
}

/* The server's own words, fit for a log, or NULL. */
static char *status_message(const json_t *data)
{
	const char *text = json_string_value(json_object_get(data, "message"));
	g_autofree char *copy = NULL;

	if (!text || !*text)
		return NULL;
	copy = g_strndup(text, MESSAGE_MAX);
	for (char *c = copy; *c; c++)
		if (!g_ascii_isprint(*c) || *c == '"')
			*c = '?';
	return redact_path(copy);
}

static bool header_fail(const json_t *status, GError **error)
{
	const json_t *data = json_object_get(status, "statusCodeData");
	const char *subject = status_code(data, "subjectCode");
	const char *reason = status_code(data, "reasonCode");
	const Reason *known = reason_find(subject, reason);
	g_autofree char *message = status_message(data);

	if (!error)
		return false;
	sgp32_fail(error, known ? known->code : SGP32_ERROR_SERVER_REFUSED, "%s (%s/%s)%s%s%s",
		known ? known->text : "the server refuses", subject ? subject : "?",
		reason ? reason : "?", message ? ": \"" : "", message ? message : "",
		message ? "\"" : "");
	sgp32_error_set_codes(*error, subject, reason);
	if (known && known->hint)
		sgp32_error_set_hint(*error, known->hint);
	return false;
}

static bool header_check(const json_t *json, GError **error)
{
	const json_t *header = json_object_get(json, "header");
	const json_t *execution = json_object_get(header, "functionExecutionStatus");
	const char *status = json_string_value(json_object_get(execution, "status"));

	if (!status)
		return malformed(error, "functionExecutionStatus", "is missing");
	if (strcmp(status, "Executed-Success") == 0 || strcmp(status, "Executed-WithWarning") == 0)
		return true;
	if (strcmp(status, "Failed") == 0 || strcmp(status, "Expired") == 0)
		return header_fail(execution, error);
	return malformed(error, "functionExecutionStatus", "has an unknown status");
}

/* White space is skipped, missing padding is forgiven, anything else is not. */
static GBytes *base64_decode(const char *text)
{
	g_autoptr(GString) clean = g_string_new(NULL);
	unsigned padding = 0;
	size_t size;
	uint8_t *data;

	for (; *text; text++) {
		if (g_ascii_isspace(*text))
			continue;
		if (*text == '=' ? ++padding > 2
				 : (padding ||
					   !(g_ascii_isalnum(*text) || *text == '+' ||
						   *text == '/')))
			return NULL;
		if (*text != '=')
			g_string_append_c(clean, *text);
	}
	if (clean->len == 0 || clean->len % 4 == 1 || (padding && (clean->len + padding) % 4))
		return NULL;
	while (clean->len % 4)
		g_string_append_c(clean, '=');
	data = g_base64_decode(clean->str, &size);
	return g_bytes_new_take(data, size);
}

static const char *take_string(const json_t *json, const char *name, GError **error)
{
	const json_t *member = json_object_get(json, name);
	const char *text = json_string_value(member);

	if (!text || strlen(text) != json_string_length(member)) {
		malformed(error, name, member ? "is not a string" : "is missing");
		return NULL;
	}
	return text;
}

static GBytes *take_base64(const json_t *json, const char *name, GError **error)
{
	const char *text = take_string(json, name, error);
	GBytes *bytes;

	if (!text)
		return NULL;
	bytes = base64_decode(text);
	if (!bytes)
		malformed(error, name, "is not base64");
	return bytes;
}

static bool has_tag(GBytes *bytes, uint32_t tag)
{
	Tlv tlv;

	return der_single(span_of(bytes), &tlv, NULL) && tlv.tag == tag;
}

/* One TLV with that tag, exactly as received. */
static bool take_object(
	const json_t *json, const char *name, uint32_t tag, GBytes **ret, GError **error)
{
	g_autoptr(GBytes) bytes = take_base64(json, name, error);

	if (!bytes)
		return false;
	if (!has_tag(bytes, tag))
		return sgp32_fail(error, SGP32_ERROR_SERVER_MALFORMED,
			"%s is not one object with tag %X", name, tag);
	*ret = g_steal_pointer(&bytes);
	return true;
}

/* The same, where some servers send the value of size octets without its tag. */
static bool take_object_or_value(const json_t *json, const char *name, uint32_t tag, size_t size,
	GBytes **ret, GError **error)
{
	g_autoptr(GBytes) bytes = take_base64(json, name, error);

	if (!bytes)
		return false;
	if (g_bytes_get_size(bytes) == size) {
		GByteArray *whole = g_byte_array_new();

		der_put(whole, tag, span_of(bytes));
		*ret = g_byte_array_free_to_bytes(whole);
		return true;
	}
	if (!has_tag(bytes, tag))
		return sgp32_fail(error, SGP32_ERROR_SERVER_MALFORMED,
			"%s is not one object with tag %X", name, tag);
	*ret = g_steal_pointer(&bytes);
	return true;
}

static bool take_transaction_id(const json_t *json, GBytes **ret, GError **error)
{
	const char *text = take_string(json, "transactionId", error);
	g_autoptr(GBytes) id = NULL;

	if (!text)
		return false;
	id = hex_decode(text, 16);
	if (!id || !g_bytes_get_size(id))
		return malformed(error, "transactionId", "is not 1 to 16 octets in hex");
	*ret = g_steal_pointer(&id);
	return true;
}

/* Where the answer names the transaction it must be ours. */
static bool check_transaction_id(const json_t *json, Span expected, GError **error)
{
	g_autoptr(GBytes) id = NULL;

	if (!json_object_get(json, "transactionId"))
		return true;
	if (!take_transaction_id(json, &id, error))
		return false;
	return span_equal(span_of(id), expected) ||
		malformed(error, "transactionId", "is that of another transaction");
}

static json_t *answer_parse(Span body, GError **error)
{
	g_autoptr(json_t) json = json_parse(body, error);

	if (!json || !header_check(json, error))
		return NULL;
	return g_steal_pointer(&json);
}

bool es9plus_parse_header(Span body, GError **error)
{
	g_autoptr(json_t) json = answer_parse(body, error);

	return json != NULL;
}

bool es9plus_parse_initiate_authentication(Span body, RspInitiated *ret, GError **error)
{
	g_autoptr(json_t) json = answer_parse(body, error);
	g_auto(RspInitiated) initiated = { 0 };

	if (!json || !take_transaction_id(json, &initiated.transaction_id, error) ||
		!take_object(json, "serverSigned1", 0x30, &initiated.server_signed1, error) ||
		!take_object_or_value(json, "serverSignature1", TAG_SIGNATURE, SIGNATURE_SIZE,
			&initiated.server_signature1, error) ||
		!take_object_or_value(json, "euiccCiPKIdToBeUsed", TAG_CI_PK_ID, CI_PK_ID_SIZE,
			&initiated.euicc_ci_pk_id_to_be_used, error) ||
		!take_object(json, "serverCertificate", 0x30, &initiated.server_certificate, error))
		return false;
	*ret = initiated;
	initiated = (RspInitiated) { 0 };
	return true;
}

static bool take_text(const json_t *json, const char *name, char **ret, GError **error)
{
	const char *text = take_string(json, name, error);

	if (!text)
		return false;
	if (!*text || strlen(text) > TEXT_MAX)
		return malformed(error, name, "is empty or too long");
	for (const char *c = text; *c; c++)
		if (!g_ascii_isgraph(*c))
			return malformed(error, name, "holds a character that is not printable");
	*ret = g_strdup(text);
	return true;
}

static bool take_events(const json_t *entries, GPtrArray **ret, GError **error)
{
	g_autoptr(GPtrArray) events =
		g_ptr_array_new_with_free_func((GDestroyNotify)rsp_event_free);

	if (!json_is_array(entries))
		return malformed(error, "eventEntries", "is not an array");
	if (json_array_size(entries) > EVENTS_MAX)
		return malformed(error, "eventEntries", "has too many elements");
	for (size_t i = 0; i < json_array_size(entries); i++) {
		const json_t *entry = json_array_get(entries, i);
		RspEvent *event = g_new0(RspEvent, 1);

		g_ptr_array_add(events, event);
		if (!take_text(entry, "eventId", &event->event_id, error) ||
			!take_text(entry, "rspServerAddress", &event->rsp_server_address, error))
			return false;
	}
	*ret = g_steal_pointer(&events);
	return true;
}

bool es9plus_parse_authenticate_client(
	Span body, Span transaction_id, RspAuthenticated *ret, GError **error)
{
	g_autoptr(json_t) json = answer_parse(body, error);
	g_auto(RspAuthenticated) authenticated = { 0 };
	const json_t *events;

	if (!json || !check_transaction_id(json, transaction_id, error))
		return false;
	/* SGP.22 5.8.2: an SM-DS answers with events in place of a profile. */
	events = json_object_get(json, "eventEntries");
	if (events && !json_is_null(events)) {
		if (!take_events(events, &authenticated.events, error))
			return false;
	} else if (!take_object(json, "profileMetadata", 0xbf25, &authenticated.profile_metadata,
			   error) ||
		!take_object(json, "smdpSigned2", 0x30, &authenticated.smdp_signed2, error) ||
		!take_object_or_value(json, "smdpSignature2", TAG_SIGNATURE, SIGNATURE_SIZE,
			&authenticated.smdp_signature2, error) ||
		!take_object(
			json, "smdpCertificate", 0x30, &authenticated.smdp_certificate, error)) {
		return false;
	}
	*ret = authenticated;
	authenticated = (RspAuthenticated) { 0 };
	return true;
}

GBytes *es9plus_parse_get_bound_profile_package(Span body, Span transaction_id, GError **error)
{
	g_autoptr(json_t) json = answer_parse(body, error);
	GBytes *package = NULL;

	if (!json || !check_transaction_id(json, transaction_id, error) ||
		!take_object(json, "boundProfilePackage", 0xbf36, &package, error))
		return NULL;
	return package;
}

/* ---- asking ---- */

Es9plus *es9plus_new(const Es9plusPeer *peer, Http *http, GError **error)
{
	const char *agent = peer->user_agent ? peer->user_agent : ES9PLUS_USER_AGENT;
	g_autofree char *host = NULL;
	uint16_t port;
	Es9plus *es9plus;

	if (!http_authority_parse(peer->address, 443, &host, &port, error))
		return NULL;
	if (!http_header_is_valid(agent)) {
		sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "the User-Agent is not printable");
		return NULL;
	}
	es9plus = g_new0(Es9plus, 1);
	es9plus->http = http;
	es9plus->address = g_strdup(peer->address);
	es9plus->host = g_steal_pointer(&host);
	es9plus->port = port;
	es9plus->trust = trust_ref(peer->trust);
	es9plus->route = peer->route;
	es9plus->limits = peer->limits;
	es9plus->user_agent = g_strdup_printf("User-Agent: %s", agent);
	es9plus->now = peer->now;
	return es9plus;
}

void es9plus_free(Es9plus *es9plus)
{
	if (!es9plus)
		return;
	g_free(es9plus->address);
	g_free(es9plus->host);
	trust_unref(es9plus->trust);
	g_free(es9plus->user_agent);
	g_free(es9plus);
}

const char *es9plus_address(const Es9plus *es9plus)
{
	return es9plus->address;
}

typedef struct Function {
	const char *name;
	bool repeatable; /* a server may see it twice */
	bool large;
} Function;

static const Function initiate_authentication = { "initiateAuthentication", .repeatable = true };
static const Function authenticate_client = { "authenticateClient" };
static const Function get_bound_profile_package = { "getBoundProfilePackage", .large = true };
static const Function handle_notification = { "handleNotification", .repeatable = true };
static const Function cancel_session = { "cancelSession", .repeatable = true };

static void put_base64(json_t *json, const char *name, Span data)
{
	g_autofree char *text = g_base64_encode(data.data, data.size);

	json_object_set_new(json, name, json_string(text));
}

static void put_transaction_id(json_t *json, Span transaction_id)
{
	g_autofree char *lower = hex_encode(transaction_id);
	g_autofree char *upper = g_ascii_strup(lower, -1);

	json_object_set_new(json, "transactionId", json_string(upper));
}

/* Says which function at which server, in front of what went wrong. */
static void name_function(const Es9plus *es9plus, const Function *function, GError **error)
{
	g_prefix_error(error, "%s at %s: ", function->name, es9plus->address);
}

static bool es9plus_call(Es9plus *es9plus, const Function *function, const json_t *json,
	PostCancel *cancel, HttpAnswer *ret, GError **error)
{
	const char *headers[] = { "Content-Type: application/json;charset=UTF-8",
		es9plus->user_agent, "X-Admin-Protocol: gsma/rsp/v2.2.0", NULL };
	g_autofree char *path = g_strconcat(PATH, function->name, NULL);
	char *text = json_dumps(json, JSON_COMPACT);
	HttpRequest request = {
		.host = es9plus->host,
		.port = es9plus->port,
		.path = path,
		.headers = headers,
		.body = span_string(text),
		.trust = es9plus->trust,
		.route = es9plus->route,
		.limits = es9plus->limits,
		.now = es9plus->now,
		.repeatable = function->repeatable,
	};
	bool ok;

	if (!function->large)
		request.limits.body_max = HTTP_BODY_MAX;
	else if (!request.limits.body_max)
		request.limits.body_max = HTTP_BODY_MAX_BPP;
	ok = http_post(es9plus->http, &request, cancel, ret, error);
	/* It may hold a matching id. */
	wipe_string(text);
	free(text);
	if (!ok)
		name_function(es9plus, function, error);
	return ok;
}

bool es9plus_initiate_authentication(Es9plus *es9plus, Span euicc_challenge, Span euicc_info1,
	PostCancel *cancel, RspInitiated *ret, GError **error)
{
	const Function *function = &initiate_authentication;
	g_autoptr(json_t) json = json_object();
	g_auto(HttpAnswer) answer = { 0 };

	put_base64(json, "euiccChallenge", euicc_challenge);
	put_base64(json, "euiccInfo1", euicc_info1);
	json_object_set_new(json, "smdpAddress", json_string(es9plus->address));
	if (!es9plus_call(es9plus, function, json, cancel, &answer, error))
		return false;
	if (!es9plus_parse_initiate_authentication(span_of(answer.body), ret, error)) {
		name_function(es9plus, function, error);
		return false;
	}
	return true;
}

bool es9plus_authenticate_client(Es9plus *es9plus, Span transaction_id,
	Span authenticate_server_response, PostCancel *cancel, RspAuthenticated *ret,
	GError **error)
{
	const Function *function = &authenticate_client;
	g_autoptr(json_t) json = json_object();
	g_auto(HttpAnswer) answer = { 0 };

	put_transaction_id(json, transaction_id);
	put_base64(json, "authenticateServerResponse", authenticate_server_response);
	if (!es9plus_call(es9plus, function, json, cancel, &answer, error))
		return false;
	if (!es9plus_parse_authenticate_client(span_of(answer.body), transaction_id, ret, error)) {
		name_function(es9plus, function, error);
		return false;
	}
	return true;
}

GBytes *es9plus_get_bound_profile_package(Es9plus *es9plus, Span transaction_id,
	Span prepare_download_response, PostCancel *cancel, GError **error)
{
	const Function *function = &get_bound_profile_package;
	g_autoptr(json_t) json = json_object();
	g_auto(HttpAnswer) answer = { 0 };
	GBytes *package;

	put_transaction_id(json, transaction_id);
	put_base64(json, "prepareDownloadResponse", prepare_download_response);
	if (!es9plus_call(es9plus, function, json, cancel, &answer, error))
		return NULL;
	package = es9plus_parse_get_bound_profile_package(
		span_of(answer.body), transaction_id, error);
	if (!package)
		name_function(es9plus, function, error);
	return package;
}

bool es9plus_handle_notification(
	Es9plus *es9plus, Span pending_notification, PostCancel *cancel, GError **error)
{
	const Function *function = &handle_notification;
	g_autoptr(json_t) json = json_object();
	g_auto(HttpAnswer) answer = { 0 };
	g_autoptr(GError) refused = NULL;

	put_base64(json, "pendingNotification", pending_notification);
	if (!es9plus_call(es9plus, function, json, cancel, &answer, error))
		return false;
	/* 204 has no body; with 200 some servers send a header, which may refuse, or something else. */
	if (g_bytes_get_size(answer.body) == 0 ||
		es9plus_parse_header(span_of(answer.body), &refused) ||
		sgp32_error_is(refused, SGP32_ERROR_SERVER_MALFORMED))
		return true;
	g_propagate_error(error, g_steal_pointer(&refused));
	name_function(es9plus, function, error);
	return false;
}

bool es9plus_cancel_session(Es9plus *es9plus, Span transaction_id, Span cancel_session_response,
	PostCancel *cancel, GError **error)
{
	const Function *function = &cancel_session;
	g_autoptr(json_t) json = json_object();
	g_auto(HttpAnswer) answer = { 0 };

	put_transaction_id(json, transaction_id);
	put_base64(json, "cancelSessionResponse", cancel_session_response);
	if (!es9plus_call(es9plus, function, json, cancel, &answer, error))
		return false;
	if (answer.status != 204 && !es9plus_parse_header(span_of(answer.body), error)) {
		name_function(es9plus, function, error);
		return false;
	}
	return true;
}
