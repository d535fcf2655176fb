/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Indirect download (SGP.32 3.2.3.2): functions of ESipa become functions of ES9+', and the answers come
 * back with the signed parts untouched.
 */
#include <stdlib.h>
#include <string.h>

#include "lab/common/notice.h"
#include "lab/eim/eim.h"
#include "lab/eim/es9.h"

#define SESSIONS_MAX 100

/* One download: between BF39 and the notification of its result. */
typedef struct Session {
	char *id; /* transactionId, upper-case hex */
	char *address; /* of the SM-DP+ */
	char *eid; /* NULL: of no known trigger */
	int64_t item; /* 0: none */
} Session;

struct Relay {
	LabServer *server;
	Es9 *es9;
	GQueue sessions; /* oldest first */
};

/* A request that waits for the SM-DP+. */
typedef struct Pending {
	HttpsRequest *request;
	Fault *fault;
	char *address, *eid, *matching_id;
	int64_t item;
	bool own_address; /* the eIM chose the SM-DP+, and has to check it */
	GBytes *pir; /* a notification that ends a session */
} Pending;

static void session_free(Session *session)
{
	g_free(session->id);
	g_free(session->address);
	g_free(session->eid);
	g_free(session);
}

Relay *relay_new(LabServer *server, char **resolve, GError **error)
{
	Relay *relay = g_new0(Relay, 1);

	relay->server = server;
	g_queue_init(&relay->sessions);
	relay->es9 = es9_new(server, resolve, error);
	if (!relay->es9) {
		relay_free(relay);
		return NULL;
	}
	return relay;
}

void relay_free(Relay *relay)
{
	if (!relay)
		return;
	es9_free(relay->es9);
	g_queue_clear_full(&relay->sessions, (GDestroyNotify)session_free);
	g_free(relay);
}

static char *id_text(Span transaction_id)
{
	g_autofree char *hex = hex_encode(transaction_id);

	return g_ascii_strup(hex, -1);
}

static Session *find_session(Relay *relay, Span transaction_id)
{
	g_autofree char *id = id_text(transaction_id);

	for (GList *l = relay->sessions.head; l; l = l->next)
		if (g_str_equal(((Session *)l->data)->id, id))
			return l->data;
	return NULL;
}

static Pending *pending_new(HttpsRequest *request, const Fault *fault)
{
	Pending *pending = g_new0(Pending, 1);

	pending->request = request;
	pending->fault = fault_copy(fault);
	return pending;
}

static void pending_free(Pending *pending)
{
	fault_free(pending->fault);
	g_free(pending->address);
	g_free(pending->eid);
	g_free(pending->matching_id);
	g_clear_pointer(&pending->pir, g_bytes_unref);
	g_free(pending);
}

/* ---- answers ---- */
static void reply_code(
	HttpsRequest *request, uint32_t tag, uint32_t arm, int code, const Fault *fault)
{
	GByteArray *content = g_byte_array_new(), *out = g_byte_array_new();

	der_put_integer(content, arm, code);
	der_put_wrapped(out, tag, content);
	esipa_reply(request, out, fault);
}

/* content is taken: the inside of the ok arm A0. */
static void reply_ok(const Pending *pending, uint32_t tag, GByteArray *content)
{
	GByteArray *arm = g_byte_array_new(), *out = g_byte_array_new();

	der_put_wrapped(arm, 0xA0, content);
	der_put_wrapped(out, tag, arm);
	esipa_reply(pending->request, out, pending->fault);
}

typedef struct Mapping {
	const char *codes; /* "SUBJECT/REASON" */
	int code;
} Mapping;

/* True if the SM-DP+ said yes; otherwise the number for the IPA. */
static bool executed(long http, json_t *reply, const Mapping *mappings, int *ret_code)
{
	json_t *execution =
		json_object_get(json_object_get(reply, "header"), "functionExecutionStatus");
	json_t *data = json_object_get(execution, "statusCodeData");
	const char *status = state_string(execution, "status");
	g_autofree char *codes = NULL;

	*ret_code = 127;
	if (http != 200 || !status)
		return false;
	if (g_str_has_prefix(status, "Executed-"))
		return true;
	codes = g_strdup_printf(
		"%s/%s", state_string(data, "subjectCode"), state_string(data, "reasonCode"));
	for (; mappings->codes; mappings++)
		if (g_str_equal(mappings->codes, codes))
			*ret_code = mappings->code;
	return false;
}

/* Members that are whole TLVs, one after the other. False if one is missing or is not one. */
static bool put_members(GByteArray *out, json_t *reply, const char *const *members)
{
	for (; *members; members++) {
		g_autoptr(GBytes) octets = state_octets(reply, *members);
		Tlv tlv;

		if (!octets || !der_single(span_of(octets), &tlv, NULL))
			return false;
		array_append_span(out, tlv.whole);
	}
	return true;
}

static bool put_transaction(GByteArray *out, json_t *reply)
{
	const char *text = state_string(reply, "transactionId");
	g_autoptr(GBytes) id = text ? hex_decode(text, 16) : NULL;

	if (!id)
		return false;
	der_put(out, 0x80, span_of(id));
	return true;
}

/* ---- InitiateAuthentication ---- */
static const Mapping initiate_codes[] = { { "8.8.1/3.8", 1 }, { "8.8.3/3.1", 2 },
	{ "8.8.2/3.1", 3 }, { "8.8.4/3.7", 3 }, { NULL, 0 } };

static json_t *find_item(LabServer *server, Span transaction_id, json_t **ret_device)
{
	json_t *devices = state_object(server->state, "devices"), *device, *item;
	const char *eid;

	json_object_foreach(devices, eid, device)
	{
		item = item_by_transaction(device, transaction_id);
		if (item) {
			*ret_device = device;
			return item;
		}
	}
	return NULL;
}

/* The activation code that the eIM keeps: "[LPA:]1$ADDRESS$MATCHING-ID…" */
static void use_activation_code(Pending *pending, const char *code)
{
	g_auto(GStrv) parts = g_strsplit(g_str_has_prefix(code, "LPA:") ? code + 4 : code, "$", -1);

	if (g_strv_length(parts) < 3)
		return;
	pending->address = g_strdup(parts[1]);
	pending->matching_id = g_strdup(parts[2]);
	pending->own_address = true;
}

static bool address_is_right(const Pending *pending, json_t *reply)
{
	g_autoptr(GBytes) signed1 = state_octets(reply, "serverSigned1");
	g_autofree char *text = NULL;
	Tlv outer, address;

	if (!pending->own_address)
		return true;
	if (!signed1 || !der_single(span_of(signed1), &outer, NULL) ||
		!der_find(outer.value, 0x83, &address))
		return false;
	text = span_to_string(address.value);
	return text && g_ascii_strcasecmp(text, pending->address) == 0;
}

static void session_start(Relay *relay, const Pending *pending, json_t *reply)
{
	Session *session = g_new0(Session, 1);

	session->id = g_ascii_strup(state_string(reply, "transactionId"), -1);
	session->address = g_strdup(pending->address);
	session->eid = g_strdup(pending->eid);
	session->item = pending->item;
	g_queue_push_tail(&relay->sessions, session);
	if (relay->sessions.length > SESSIONS_MAX)
		session_free(g_queue_pop_head(&relay->sessions));
}

static void initiated(LabServer *server, long http, json_t *reply, void *user)
{
	static const char *const members[] = { "serverSigned1", "serverSignature1",
		"euiccCiPKIdToBeUsed", "serverCertificate", NULL };
	Pending *pending = user;
	GByteArray *content = g_byte_array_new();
	int code;

	if (!executed(http, reply, initiate_codes, &code)) {
		reply_code(pending->request, 0xBF39, 0x81, code, pending->fault);
	} else if (!address_is_right(pending, reply)) {
		reply_code(pending->request, 0xBF39, 0x81, 50, pending->fault);
	} else if (!put_transaction(content, reply) || !put_members(content, reply, members)) {
		reply_code(pending->request, 0xBF39, 0x81, 127, pending->fault);
	} else {
		session_start(EIM(server)->relay, pending, reply);
		if (pending->matching_id)
			der_put(content, 0x0C, span_string(pending->matching_id));
		reply_ok(pending, 0xBF39, content);
		content = NULL;
	}
	if (content)
		g_byte_array_unref(content);
	pending_free(pending);
}

/* What the request names: SM-DP+, trigger. 0 or the error for the IPA. */
static int read_initiate(LabServer *server, const Tlv *message, Pending *pending, json_t *body)
{
	json_t *device = NULL, *item = NULL;
	const char *stored;
	g_autoptr(GBytes) known = NULL;
	Tlv tlv;

	if (der_find(message->value, 0x82, &tlv)) {
		item = find_item(server, tlv.value, &device);
		if (!item)
			return 52;
		pending->eid = g_strdup(device_eid(device));
		pending->item = state_integer(item, "id");
	}
	if (der_find(message->value, 0x83, &tlv))
		pending->address = span_to_string(tlv.value);
	else if (item && state_string(item, "activationCode"))
		use_activation_code(pending, state_string(item, "activationCode"));
	if (!pending->address || strpbrk(pending->address, "/?#@ "))
		return 1;
	stored = device ? state_string(device, "info1") : NULL;
	if (der_find(message->value, 0xBF20, &tlv))
		known = span_to_bytes(tlv.whole);
	else if (stored)
		known = hex_decode(stored, 4096);
	if (!known || !der_find(message->value, 0x81, &tlv))
		return 127;
	state_set_octets(body, "euiccInfo1", span_of(known));
	state_set_octets(body, "euiccChallenge", tlv.value);
	state_set_string(body, "smdpAddress", pending->address);
	return 0;
}

void relay_initiate_authentication(
	LabServer *server, HttpsRequest *request, const Tlv *message, const Fault *fault)
{
	Pending *pending = pending_new(request, fault);
	json_t *body = json_object();
	int code = read_initiate(server, message, pending, body);

	if (code) {
		json_decref(body);
		pending_free(pending);
		reply_code(request, 0xBF39, 0x81, code, fault);
		return;
	}
	es9_post(EIM(server)->relay->es9, pending->address, "initiateAuthentication", body,
		initiated, pending);
}

/* ---- the functions of a session ---- */
static json_t *session_body(const Session *session, const char *member, Span octets)
{
	json_t *body = json_object();

	state_set_string(body, "transactionId", session->id);
	state_set_octets(body, member, octets);
	return body;
}

static Session *session_of(Relay *relay, const Tlv *message)
{
	Tlv id;

	return der_find(message->value, 0x80, &id) ? find_session(relay, id.value) : NULL;
}

static const Mapping authenticate_codes[] = { { "8.1.2/6.1", 1 }, { "8.1.2/6.3", 2 },
	{ "8.1.3/6.1", 3 }, { "8.1.3/6.3", 4 }, { "8.1/6.1", 5 }, { "8.2.6/3.8", 6 },
	{ "8.1.1/3.8", 7 }, { "8.2.5/4.3", 8 }, { "8.11.1/3.9", 9 }, { "8.10.1/3.9", 10 },
	{ "8.1/4.8", 11 }, { "8.8.5/4.1", 18 }, { NULL, 0 } };

static void authenticated(LabServer *server, long http, json_t *reply, void *user)
{
	static const char *const members[] = { "profileMetadata", "smdpSigned2", "smdpSignature2",
		"smdpCertificate", NULL };
	Pending *pending = user;
	GByteArray *content = g_byte_array_new();
	int code;

	if (executed(http, reply, authenticate_codes, &code) && put_transaction(content, reply) &&
		put_members(content, reply, members)) {
		reply_ok(pending, 0xBF3B, content);
	} else {
		g_byte_array_unref(content);
		reply_code(pending->request, 0xBF3B, 0x82, code, pending->fault);
	}
	pending_free(pending);
}

void relay_authenticate_client(
	LabServer *server, HttpsRequest *request, const Tlv *message, const Fault *fault)
{
	Relay *relay = EIM(server)->relay;
	Session *session = session_of(relay, message);
	Tlv response, compact;

	if (!session || !der_find(message->value, 0xBF38, &response)) {
		reply_code(request, 0xBF3B, 0x82, session ? 127 : 10, fault);
	} else if (der_find(response.value, 0xA2, &compact)) {
		/* A compact form: the IPA shall repeat it in full. */
		reply_code(request, 0xBF3B, 0x82, 5, fault);
	} else {
		es9_post(relay->es9, session->address, "authenticateClient",
			session_body(session, "authenticateServerResponse", response.whole),
			authenticated, pending_new(request, fault));
	}
}

static const Mapping package_codes[] = { { "8.1/6.1", 1 }, { "8.2.7/2.2", 2 }, { "8.2.7/3.8", 3 },
	{ "8.2.7/6.4", 4 }, { "8.2/3.7", 5 }, { "8.8.5/4.1", 6 }, { "8.10.1/3.9", 95 },
	{ NULL, 0 } };

static void packaged(LabServer *server, long http, json_t *reply, void *user)
{
	static const char *const members[] = { "boundProfilePackage", NULL };
	Pending *pending = user;
	GByteArray *content = g_byte_array_new();
	int code;

	if (executed(http, reply, package_codes, &code) && put_transaction(content, reply) &&
		put_members(content, reply, members)) {
		reply_ok(pending, 0xBF3A, content);
	} else {
		g_byte_array_unref(content);
		reply_code(pending->request, 0xBF3A, 0x81, code, pending->fault);
	}
	pending_free(pending);
}

void relay_get_bound_profile_package(
	LabServer *server, HttpsRequest *request, const Tlv *message, const Fault *fault)
{
	Relay *relay = EIM(server)->relay;
	Session *session = session_of(relay, message);
	Tlv response, compact;

	if (!session || !der_find(message->value, 0xBF21, &response))
		reply_code(request, 0xBF3A, 0x81, session ? 127 : 95, fault);
	else if (der_find(response.value, 0xA2, &compact))
		reply_code(request, 0xBF3A, 0x81, 1, fault);
	else
		es9_post(relay->es9, session->address, "getBoundProfilePackage",
			session_body(session, "prepareDownloadResponse", response.whole), packaged,
			pending_new(request, fault));
}

static const Mapping cancel_codes[] = { { "8.10.1/3.9", 1 }, { "8.1/6.1", 2 }, { NULL, 0 } };

static json_t *session_item(LabServer *server, const Session *session, json_t **ret_device)
{
	json_t *item;
	size_t i;

	*ret_device = session->eid ? device_get(server, session->eid, false) : NULL;
	json_array_foreach(json_object_get(*ret_device, "queue"), i, item)
	{
		if (state_integer(item, "id") == session->item)
			return item;
	}
	return NULL;
}

static void cancelled(LabServer *server, long http, json_t *reply, void *user)
{
	Pending *pending = user;
	int code;

	if (executed(http, reply, cancel_codes, &code))
		reply_ok(pending, 0xBF41, g_byte_array_new());
	else
		reply_code(pending->request, 0xBF41, 0x81, code, pending->fault);
	pending_free(pending);
}

void relay_cancel_session(
	LabServer *server, HttpsRequest *request, const Tlv *message, const Fault *fault)
{
	Relay *relay = EIM(server)->relay;
	Session *session = session_of(relay, message);
	g_autoptr(GBytes) response = NULL;
	json_t *device, *item;
	Tlv arm;

	if (!session || !der_find(message->value, 0xA1, &arm)) {
		reply_code(request, 0xBF41, 0x81, session ? 127 : 1, fault);
		return;
	}
	/* BF41 had made way for A1. */
	response = der_retag(arm.whole, 0xBF41);
	item = session_item(server, session, &device);
	if (item && !item_finished(item))
		item_set_state(server, device, item, "failed", "the session was cancelled");
	es9_post(relay->es9, session->address, "cancelSession",
		session_body(session, "cancelSessionResponse", span_of(response)), cancelled,
		pending_new(request, fault));
	g_queue_remove(&relay->sessions, session);
	session_free(session);
}

/* ---- notifications ---- */
/* The result of an indirect download finishes its trigger, once the SM-DP+ has it. */
static void finish_session(LabServer *server, Span pir)
{
	Relay *relay = EIM(server)->relay;
	json_t *device, *item;
	Session *session;
	NoticePir parts;
	Tlv tlv;

	if (!der_single(pir, &tlv, NULL) || tlv.tag != 0xBF37 || !notice_pir(tlv.value, &parts))
		return;
	session = find_session(relay, parts.transaction_id);
	item = session ? session_item(server, session, &device) : NULL;
	if (item && !item_finished(item)) {
		bool ok, verified;
		g_autofree char *text = pir_check(device, pir, &ok, &verified);

		state_set_string(item, "result", text);
		state_set_flag(item, "verified", verified);
		state_set_flag(item, "indirect", true);
		item_set_state(server, device, item, ok && verified ? "done" : "failed",
			!verified    ? "euiccSignPIR does not verify"
				: ok ? NULL
				     : text);
	}
	if (session) {
		g_queue_remove(&relay->sessions, session);
		session_free(session);
	}
	notice_pir_clear(&parts);
}

static void forwarded(LabServer *server, long http, json_t *reply, void *user)
{
	Pending *pending = user;
	bool taken = http == 204 || http == 200;

	if (taken)
		finish_session(server, span_of(pending->pir));
	lab_server_log(server, NULL, "notification to %s: %s", pending->address,
		taken ? "delivered" : "not delivered");
	/* The card keeps what did not arrive. */
	esipa_reply_empty(pending->request, taken ? 204 : 503, pending->fault);
	pending_free(pending);
}

/* The device it is about, from the session or from the certificate inside; NULL if it is not known. */
static json_t *device_of(LabServer *server, const Tlv *tlv)
{
	g_autoptr(X509) certificate = NULL;
	g_autofree char *text = NULL;
	uint8_t eid[16];
	Session *session;
	NoticePir parts;
	Tlv child;

	if (tlv->tag == 0xBF37 && notice_pir(tlv->value, &parts)) {
		session = find_session(EIM(server)->relay, parts.transaction_id);
		notice_pir_clear(&parts);
		return session && session->eid ? device_get(server, session->eid, false) : NULL;
	}
	if (tlv->tag != 0x30 || !der_find(tlv->value, 0x30, &child))
		return NULL;
	certificate = crypto_certificate_from_der(child.whole, NULL);
	if (!certificate || !cert_eid(certificate, eid, NULL))
		return NULL;
	text = eid_to_text(SPAN_ARRAY(eid));
	return device_get(server, text, false);
}

/* Where it goes: notificationAddress. */
static char *address_of(const Tlv *tlv)
{
	Tlv data = *tlv, metadata, address;

	if (tlv->tag == 0xBF37 && !der_find(tlv->value, 0xBF27, &data))
		return NULL;
	if (!der_find(data.value, 0xBF2F, &metadata) || !der_find(metadata.value, 0x0C, &address))
		return NULL;
	return span_to_string(address.value);
}

void relay_notification(
	LabServer *server, HttpsRequest *request, Span notification, const Fault *fault)
{
	json_t *device, *body;
	Pending *pending;
	Tlv tlv;

	if (!der_single(notification, &tlv, NULL) || (tlv.tag != 0xBF37 && tlv.tag != 0x30)) {
		/* Compact forms are not rebuilt. */
		esipa_reply_empty(request, 501, NULL);
		return;
	}
	device = device_of(server, &tlv);
	if (device) {
		notification_keep(server, device, notification, "HandleNotification");
		device_changed(server, device);
	}
	pending = pending_new(request, fault);
	pending->address = address_of(&tlv);
	pending->pir = span_to_bytes(notification);
	if (!pending->address || strpbrk(pending->address, "/?#@ ")) {
		pending_free(pending);
		esipa_reply_empty(request, 400, NULL);
		return;
	}
	body = json_object();
	state_set_octets(body, "pendingNotification", notification);
	es9_post(EIM(server)->relay->es9, pending->address, "handleNotification", body, forwarded,
		pending);
}

bool relay_knows(LabServer *server, Span bf37)
{
	bool known;
	NoticePir parts;
	Tlv tlv;

	if (!der_single(bf37, &tlv, NULL) || !notice_pir(tlv.value, &parts))
		return false;
	known = find_session(EIM(server)->relay, parts.transaction_id) != NULL;
	notice_pir_clear(&parts);
	return known;
}
