/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ESipa over HTTPS, ASN.1 binding (SGP.32 5.14, 6.1, 6.2). */
#include "lab/eim/eim.h"

#include <stdlib.h>
#include <string.h>

#include "asn1/der.h"
#include "lab/common/notice.h"

#define PATH "/gsma/rsp2/asn1"
#define CONTENT_TYPE "application/x-gsma-rsp-asn1"

/* How often one package is given again before it counts as lost, and how often a card is asked for what
 * must be known of it. */
#define SENT_MAX 10
#define LEARN_MAX 3

enum { /* getEimPackage and provideEimPackageResult errors */
	ERROR_NO_PACKAGE = 1,
	ERROR_EID_NOT_FOUND = 2,
	ERROR_INVALID_EID = 3,
	ERROR_MISSING_EID = 4,
};

const char *const esipa_functions[] = { "GetEimPackage", "ProvideEimPackageResult",
	"HandleNotification", "InitiateAuthentication", "AuthenticateClient",
	"GetBoundProfilePackage", "CancelSession", NULL };

void esipa_reply(HttpsRequest *request, GByteArray *answer, const Fault *fault)
{
	https_reply(request, 200, CONTENT_TYPE, span_of_array(answer), fault);
	g_byte_array_unref(answer);
}

void esipa_reply_empty(HttpsRequest *request, int status, const Fault *fault)
{
	https_reply(request, status, NULL, (Span) { NULL, 0 }, fault);
}

static GByteArray *answer_error(uint32_t tag, uint32_t code_tag, int code)
{
	GByteArray *content = g_byte_array_new(), *out = g_byte_array_new();

	der_put_integer(content, code_tag, code);
	der_put_wrapped(out, tag, content);
	return out;
}

/* The device of an eidValue; NULL and the error of the function. */
static json_t *find_device(LabServer *server, Span value, int *ret_error)
{
	g_autofree char *eid = NULL;
	json_t *device;
	Tlv tlv;

	if (!der_find(value, 0x5A, &tlv)) {
		*ret_error = ERROR_MISSING_EID;
		return NULL;
	}
	eid = tlv.value.size == 16 ? eid_to_text(tlv.value) : NULL;
	if (!eid || strspn(eid, "0123456789") != 32) {
		*ret_error = ERROR_INVALID_EID;
		return NULL;
	}
	device = device_get(server, eid, !EIM(server)->strict);
	if (!device)
		*ret_error = ERROR_EID_NOT_FOUND;
	return device;
}

/* ---- GetEimPackage ---- */
static void note_contact(LabServer *server, json_t *device, Span value)
{
	int64_t cause;
	Tlv tlv;

	state_set_integer(device, "contacts", state_integer(device, "contacts") + 1);
	json_object_set_new(device, "lastContact", json_integer(time(NULL)));
	if (der_find(value, 0x80, &tlv)) {
		if (!der_find(value, 0x81, &tlv) || !notice_integer(tlv.value, &cause))
			cause = 127;
		state_set_integer(device, "stateChangeCause", cause);
		state_set_integer(
			device, "stateChanges", state_integer(device, "stateChanges") + 1);
		lab_server_log(server, NULL, "%s: notifyStateChange, cause %d", device_eid(device),
			(int)cause);
	}
	if (der_find(value, 0x82, &tlv)) {
		g_autofree char *hex = hex_encode(tlv.value);

		state_set_string(device, "rPLMN", hex);
	}
}

static bool needs_learning(json_t *device, json_t *item)
{
	const char *kind = state_string(item, "kind");

	return !state_flag(device, "learned") && state_integer(device, "learnTries") < LEARN_MAX &&
		(g_str_equal(kind, "package") || g_str_equal(kind, "download"));
}

/* What this contact gets: NULL if nothing waits. */
static json_t *choose_item(LabServer *server, json_t *device)
{
	json_t *item;

	while ((item = item_next(device)) && state_integer(item, "sent") >= SENT_MAX)
		item_set_state(server, device, item, "failed", "no result after many tries");
	if (item && needs_learning(device, item)) {
		item = queue_learn(server, device);
		state_set_integer(device, "learnTries", state_integer(device, "learnTries") + 1);
	}
	return item;
}

static void get_eim_package(
	LabServer *server, HttpsRequest *request, const Tlv *message, const Fault *fault)
{
	int error = ERROR_NO_PACKAGE;
	json_t *device = find_device(server, message->value, &error), *item = NULL;
	g_autoptr(GBytes) package = NULL;
	GByteArray *out;

	if (device) {
		note_contact(server, device, message->value);
		item = choose_item(server, device);
	}
	if (item) {
		package = package_of_item(server, device, item, fault);
		state_set_integer(item, "sent", state_integer(item, "sent") + 1);
		state_set_octets(item, "octets", span_of(package));
		item_set_state(server, device, item, "sent", NULL);
		out = g_byte_array_new();
		der_put(out, 0xBF4F, span_of(package));
	} else {
		out = answer_error(0xBF4F, 0x02, error);
		if (device)
			device_changed(server, device);
	}
	esipa_reply(request, out, fault);
}

/* ---- ProvideEimPackageResult ---- */
static void take_notifications(LabServer *server, json_t *device, Span list)
{
	Tlv element;

	while (list.size > 0 && der_next(&list, &element, NULL))
		notification_keep(server, device, element.whole, "package result");
}

/* One EimPackageResult. False if it is none. */
static bool take_result(LabServer *server, json_t *device, const Tlv *result, GArray *acks)
{
	Tlv package, list;

	switch (result->tag) {
	case 0xBF51: result_take_package(server, device, result->whole, acks); return true;
	case 0xBF52: result_take_data(server, device, result->whole, acks); return true;
	case 0xBF54: result_take_download(server, device, result->whole); return true;
	case 0xA0: result_take_error(server, device, result->value); return true;
	case 0x30:
		if (!der_find(result->value, 0xBF51, &package))
			return false;
		result_take_package(server, device, package.whole, acks);
		if (der_find(result->value, 0xA0, &list))
			take_notifications(server, device, list.value);
		return true;
	default: return false;
	}
}

static bool take_provided(
	LabServer *server, Span value, GArray *acks, json_t **ret_device, int *ret_error)
{
	json_t *device = find_device(server, value, ret_error);
	bool some = false;
	Tlv element;

	if (!device)
		return false;
	*ret_device = device;
	while (value.size > 0 && der_next(&value, &element, NULL))
		if (element.tag != 0x5A)
			some = take_result(server, device, &element, acks) || some;
	if (!some) {
		device_error(server, device, "ProvideEimPackageResult without a result");
		*ret_error = 127;
	}
	return some;
}

static GByteArray *answer_acks(const GArray *acks)
{
	GByteArray *list = g_byte_array_new(), *content = g_byte_array_new();
	GByteArray *out = g_byte_array_new();

	for (guint i = 0; i < acks->len; i++)
		der_put_integer(list, 0x80, g_array_index(acks, int64_t, i));
	der_put_wrapped(content, 0xBF53, list);
	der_put_wrapped(out, 0xBF50, content);
	return out;
}

static void provide_eim_package_result(
	LabServer *server, HttpsRequest *request, const Tlv *message, const Fault *fault)
{
	g_autoptr(GArray) acks = g_array_new(FALSE, FALSE, sizeof(int64_t));
	json_t *device = NULL;
	GByteArray *out;
	int error = 127;

	if (!take_provided(server, message->value, acks, &device, &error)) {
		out = answer_error(0xBF50, 0x02, error);
	} else if (fault_is(fault, "no-ack")) {
		out = g_byte_array_new();
		der_put(out, 0xBF50, SPAN_LITERAL("\x30\x00"));
	} else {
		out = answer_acks(acks);
	}
	if (device)
		device_changed(server, device);
	esipa_reply(request, out, fault);
}

/* ---- HandleNotification ---- */
static void handle_notification(
	LabServer *server, HttpsRequest *request, const Tlv *message, const Fault *fault)
{
	g_autoptr(GArray) acks = g_array_new(FALSE, FALSE, sizeof(int64_t));
	json_t *device = NULL;
	int error = 0;
	Tlv arm, pending, trigger, pir;

	if (der_find(message->value, 0xBF50, &arm)) {
		(void)take_provided(server, arm.value, acks, &device, &error);
		if (device)
			device_changed(server, device);
		/* The SM-DP+ of an indirect download has it from here only. */
		if (der_find(arm.value, 0xBF54, &trigger) &&
			der_find(trigger.value, 0xBF37, &pir) && relay_knows(server, pir.whole))
			relay_notification(server, request, pir.whole, fault);
		else
			esipa_reply_empty(request, 204, fault);
	} else if (der_find(message->value, 0xA0, &arm) && der_single(arm.value, &pending, NULL)) {
		relay_notification(server, request, pending.whole, fault);
	} else {
		esipa_reply_empty(request, 400, NULL);
	}
}

/* ---- dispatch ---- */
typedef void (*EsipaFunction)(
	LabServer *server, HttpsRequest *request, const Tlv *message, const Fault *fault);

static const struct {
	uint32_t tag;
	const char *name;
	EsipaFunction run;
	uint32_t code_tag; /* of its error arm */
} functions[] = {
	{ 0xBF4F, "GetEimPackage", get_eim_package, 0x02 },
	{ 0xBF50, "ProvideEimPackageResult", provide_eim_package_result, 0x02 },
	{ 0xBF3D, "HandleNotification", handle_notification, 0 },
	{ 0xBF39, "InitiateAuthentication", relay_initiate_authentication, 0x81 },
	{ 0xBF3B, "AuthenticateClient", relay_authenticate_client, 0x82 },
	{ 0xBF3A, "GetBoundProfilePackage", relay_get_bound_profile_package, 0x81 },
	{ 0xBF41, "CancelSession", relay_cancel_session, 0x81 },
};

static bool is_before(const Fault *fault)
{
	return fault && !fault->after &&
		(fault->kind == FAULT_HANG || fault->kind == FAULT_RESET ||
			fault->kind == FAULT_HTTP);
}

static void run_function(LabServer *server, HttpsRequest *request, const Tlv *message)
{
	for (size_t i = 0; i < G_N_ELEMENTS(functions); i++) {
		g_autoptr(Fault) fault = NULL;

		if (functions[i].tag != message->tag)
			continue;
		fault = fault_take(server->faults, functions[i].name);
		if (fault)
			lab_server_log(
				server, NULL, "%s: fault %s", functions[i].name, fault->name);
		if (is_before(fault))
			esipa_reply_empty(request, 500, fault);
		else if (fault_is(fault, "error") && functions[i].code_tag)
			esipa_reply(request,
				answer_error(
					message->tag, functions[i].code_tag, atoi(fault->argument)),
				NULL);
		else
			functions[i].run(server, request, message, fault);
		return;
	}
	lab_server_log(server, NULL, "unknown message %X", message->tag);
	esipa_reply_empty(request, 400, NULL);
}

void esipa_handle(HttpsRequest *request, void *user)
{
	LabServer *server = user;
	const char *type = https_request_header(request, "Content-Type");
	/* The request's body goes with the request. */
	g_autoptr(GBytes) body = span_to_bytes(https_request_body(request));
	Tlv message;

	if (!g_str_equal(https_request_path(request), PATH))
		esipa_reply_empty(request, 404, NULL);
	else if (!g_str_equal(https_request_method(request), "POST"))
		esipa_reply_empty(request, 405, NULL);
	else if (!type || g_ascii_strncasecmp(type, CONTENT_TYPE, strlen(CONTENT_TYPE)) != 0)
		esipa_reply_empty(request, 415, NULL);
	else if (!der_single(span_of(body), &message, NULL))
		esipa_reply_empty(request, 400, NULL);
	else
		run_function(server, request, &message);
}
