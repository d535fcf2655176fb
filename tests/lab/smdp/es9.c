/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ES9+ in its JSON binding (SGP.22 5.6, 6.5). */
#include "lab/smdp/smdp.h"

#include <stdlib.h>
#include <string.h>

#define PATH "/gsma/rsp2/es9plus/"

const char *const es9_functions[] = { "initiateAuthentication", "authenticateClient",
	"getBoundProfilePackage", "handleNotification", "cancelSession", NULL };

/* Of one download, beside the session. */
typedef struct Download {
	char *iccid;
	uint8_t smdp_signature2[CRYPTO_SIGNATURE_SIZE];
} Download;

static void download_free(void *data)
{
	Download *download = data;

	g_free(download->iccid);
	g_free(download);
}

static json_t *session_profile(LabServer *server, const RspSession *session)
{
	const Download *download = session->own;

	return download ? order_by_iccid(server, download->iccid) : NULL;
}

/* ---- authenticateClient ---- */
/* extCardResource of EUICCInfo2: free non-volatile memory; -1 if it is not said. */
static int64_t free_memory(const RspSession *session)
{
	Tlv info2, resource, memory;
	int64_t octets;

	/* Unsigned octets: one more in front keeps the first bit from being a sign. */
	if (!session->euicc_info2 || !der_single(span_of(session->euicc_info2), &info2, NULL) ||
		!der_find(info2.value, 0x84, &resource) ||
		!der_find(resource.value, 0x82, &memory) || memory.value.size == 0 ||
		memory.value.size > 7)
		return -1;
	octets = 0;
	for (size_t i = 0; i < memory.value.size; i++)
		octets = octets << 8 | memory.value.data[i];
	return octets;
}

static bool check_eligible(json_t *profile, const RspSession *session, RspStatus *status)
{
	int64_t memory = free_memory(session);

	if (state_flag(profile, "notEligible"))
		return rsp_fail(status, "8.2.5", "4.3", "no profile for this eUICC");
	if (state_flag(profile, "checkMemory") && memory >= 0 &&
		memory < state_integer(profile, "size"))
		return rsp_fail(status, "8.1", "4.8", "the eUICC has %d octets left", (int)memory);
	return true;
}

static void put_smdp_signed2(GByteArray *out, const RspSession *session, json_t *profile)
{
	GByteArray *content = g_byte_array_new();
	g_autoptr(GBytes) otpk = state_octets(state_object(profile, "binding"), "otpkEuicc");
	bool cc = state_string(profile, "cc") != NULL;

	der_put(content, 0x80, SPAN_ARRAY(session->id));
	der_put(content, 0x01, cc ? SPAN_LITERAL("\xff") : SPAN_LITERAL("\x00"));
	if (otpk)
		der_put(content, 0x5F49, span_of(otpk));
	der_put_wrapped(out, 0x30, content);
}

static void link_profile(LabServer *server, RspSession *session, json_t *profile)
{
	json_t *binding = state_object(profile, "binding");
	g_autofree char *eid = eid_to_text(SPAN_ARRAY(session->eid));
	Download *download = g_new0(Download, 1);

	state_set_string(profile, "eid", eid);
	state_set_octets(binding, "euiccCertificate", span_of(session->euicc_der));
	state_set_octets(binding, "eumCertificate", span_of(session->eum_der));
	state_set_string(profile, "state", "linked");
	lab_server_save(server);
	download->iccid = g_strdup(state_string(profile, "iccid"));
	session->own = download;
	session->free_own = download_free;
}

static bool authenticate_client(
	LabServer *server, json_t *request, json_t *reply, const Fault *fault, RspStatus *status)
{
	RspSession *session = rsp_authenticate(SMDP(server)->rsp, request, status);
	g_autoptr(GByteArray) signed2 = g_byte_array_new(), to_sign = NULL;
	g_autoptr(GByteArray) signature = g_byte_array_new();
	g_autoptr(GBytes) metadata = NULL;
	json_t *profile;
	Tlv tlv;

	if (!session)
		return false;
	profile = order_match(server, session->matching_id, SPAN_ARRAY(session->eid), status);
	if (!profile || !check_eligible(profile, session, status)) {
		rsp_session_end(SMDP(server)->rsp, session);
		return false;
	}
	link_profile(server, session, profile);
	put_smdp_signed2(signed2, session, profile);
	to_sign = g_byte_array_new();
	array_append_span(to_sign, span_of_array(signed2));
	der_put(to_sign, 0x5F37, SPAN_ARRAY(session->euicc_signature1));
	crypto_put_signature(signature, session->set->pb_key, span_of_array(to_sign));
	if (fault_is(fault, "bad-signature"))
		signature->data[signature->len - 1] ^= 1;
	g_assert(der_single(span_of_array(signature), &tlv, NULL));
	memcpy(((Download *)session->own)->smdp_signature2, tlv.value.data, CRYPTO_SIGNATURE_SIZE);
	metadata = metadata_encode(profile, fault_is(fault, "metadata-mismatch"));
	state_set_string(reply, "transactionId", session->id_text);
	state_set_octets(reply, "profileMetadata", span_of(metadata));
	state_set_octets(reply, "smdpSigned2", span_of_array(signed2));
	state_set_octets(reply, "smdpSignature2", span_of_array(signature));
	state_set_octets(reply, "smdpCertificate", span_of(session->set->pb_der));
	return true;
}

/* ---- getBoundProfilePackage ---- */
static bool check_code(LabServer *server, json_t *profile, const RspSession *session, Span signed2,
	RspStatus *status)
{
	const char *code = state_string(profile, "cc");
	int64_t tries = state_integer(profile, "ccTries") + 1;
	uint8_t expected[32];
	Tlv hash;

	if (!code)
		return true;
	if (!der_find(signed2, 0x04, &hash))
		return rsp_fail(status, "8.2.7", "2.2", "the confirmation code is missing");
	crypto_hash_cc(code, SPAN_ARRAY(session->id), expected);
	if (span_equal(hash.value, SPAN_ARRAY(expected)))
		return true;
	state_set_integer(profile, "ccTries", tries);
	if (tries >= state_integer(profile, "ccMax")) {
		order_set_state(server, profile, "error", "confirmation code: too many tries");
		return rsp_fail(status, "8.2.7", "6.4", "too many wrong confirmation codes");
	}
	lab_server_save(server);
	return rsp_fail(status, "8.2.7", "3.8", "the confirmation code is wrong");
}

/* Finds euiccSigned2 and the otPK in prepareDownloadResponse, once its signature is good. */
static bool read_prepare(const RspSession *session, Span response, Tlv *ret_signed2, Span *ret_otpk,
	RspStatus *status)
{
	const Download *download = session->own;
	g_autoptr(GByteArray) data = g_byte_array_new();
	Tlv outer, arm, transaction, otpk;
	Span signature;

	if (!der_single(response, &outer, NULL) || outer.tag != 0xBF21)
		return rsp_fail(status, "8.1", "6.1", "prepareDownloadResponse is malformed");
	if (!der_find(outer.value, 0xA0, &arm))
		return rsp_fail(status, "8.1", "6.1", "the eUICC refused the download");
	if (!der_find(arm.value, 0x30, ret_signed2) || !notice_signature(arm.value, &signature))
		return rsp_fail(status, "8.1", "6.1", "downloadResponseOk is malformed");
	array_append_span(data, ret_signed2->whole);
	der_put(data, 0x5F37, SPAN_ARRAY(download->smdp_signature2));
	if (!crypto_verify(
		    crypto_certificate_key(session->euicc), span_of_array(data), signature, NULL))
		return rsp_fail(status, "8.1", "6.1", "euiccSignature2 does not verify");
	if (!der_find(ret_signed2->value, 0x80, &transaction) ||
		!span_equal(transaction.value, SPAN_ARRAY(session->id)))
		return rsp_fail(status, "8.10.1", "3.9", "another transactionId was signed");
	if (!der_find(ret_signed2->value, 0x5F49, &otpk))
		return rsp_fail(status, "8.1", "6.1", "euiccOtpk is missing");
	*ret_otpk = otpk.value;
	return true;
}

static bool check_binding(json_t *profile, Span otpk, RspStatus *status)
{
	g_autoptr(GBytes) bound = state_octets(state_object(profile, "binding"), "otpkEuicc");

	if (bound && !span_equal(span_of(bound), otpk) && !state_flag(profile, "rebind"))
		return rsp_fail(status, "8.2", "3.7", "the profile cannot be bound anew");
	return true;
}

static bool get_bound_profile_package(
	LabServer *server, json_t *request, json_t *reply, const Fault *fault, RspStatus *status)
{
	RspSession *session = rsp_session(SMDP(server)->rsp, request, status);
	g_autoptr(GBytes) response = state_octets(request, "prepareDownloadResponse"), bpp = NULL;
	g_autoptr(GError) error = NULL;
	BppInput input = { .fault = fault };
	json_t *profile;
	Tlv signed2;

	if (!session)
		return false;
	profile = session_profile(server, session);
	if (!profile)
		return rsp_fail(status, "8.10.1", "3.9", "authenticateClient comes first");
	if (!response ||
		!read_prepare(session, span_of(response), &signed2, &input.otpk_euicc, status)) {
		if (!status->subject)
			rsp_fail(status, "8.1", "2.2", "prepareDownloadResponse is missing");
		rsp_session_end(SMDP(server)->rsp, session);
		return false;
	}
	if (!check_code(server, profile, session, signed2.value, status) ||
		!check_binding(profile, input.otpk_euicc, status))
		return false;
	input.profile = profile;
	input.set = session->set;
	input.transaction_id = SPAN_ARRAY(session->id);
	input.eid = SPAN_ARRAY(session->eid);
	bpp = bpp_build(&input, &error);
	if (!bpp)
		return rsp_fail(status, "8.1", "6.1", "%s", error->message);
	json_array_append_new(state_array(profile, "transactions"), json_string(session->id_text));
	state_set_integer(profile, "downloads", state_integer(profile, "downloads") + 1);
	order_set_state(server, profile, "downloading", NULL);
	state_set_string(reply, "transactionId", session->id_text);
	state_set_octets(reply, "boundProfilePackage", span_of(bpp));
	return true;
}

/* ---- cancelSession ---- */
static bool cancel_session(
	LabServer *server, json_t *request, json_t *reply, const Fault *fault, RspStatus *status)
{
	static const char *const words[] = { "endUserRejection", "postponed", "timeout",
		"pprNotAllowed", "metadataMismatch", "loadBppExecutionError" };
	int64_t reason;
	RspSession *session = rsp_cancel(SMDP(server)->rsp, request, &reason, status);
	json_t *profile = session ? session_profile(server, session) : NULL;

	if (!session)
		return false;
	if (profile && (reason == 1 || reason == 2)) {
		order_set_state(server, profile, "released", words[reason]);
	} else if (profile) {
		g_autofree char *text = g_strdup_printf("cancelled: %s",
			reason >= 0 && reason < (int64_t)G_N_ELEMENTS(words) ? words[reason]
									     : "undefinedReason");

		order_set_state(server, profile, "error", text);
	}
	rsp_session_end(SMDP(server)->rsp, session);
	return true;
}

/* ---- dispatch ---- */
static bool initiate_authentication(
	LabServer *server, json_t *request, json_t *reply, const Fault *fault, RspStatus *status)
{
	return rsp_initiate(SMDP(server)->rsp, request, reply, fault, status);
}

typedef bool (*Es9Function)(
	LabServer *server, json_t *request, json_t *reply, const Fault *fault, RspStatus *status);

static Es9Function find_function(const char *name)
{
	static const struct {
		const char *name;
		Es9Function run;
	} functions[] = {
		{ "initiateAuthentication", initiate_authentication },
		{ "authenticateClient", authenticate_client },
		{ "getBoundProfilePackage", get_bound_profile_package },
		{ "cancelSession", cancel_session },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(functions); i++)
		if (g_str_equal(functions[i].name, name))
			return functions[i].run;
	return NULL;
}

/* "SUBJECT/REASON" */
static void status_of_fault(const Fault *fault, RspStatus *status)
{
	g_auto(GStrv) parts = g_strsplit(fault->argument, "/", 2);
	static char subject[32], reason[32];

	g_strlcpy(subject, parts[0] ? parts[0] : "", sizeof(subject));
	g_strlcpy(reason, parts[0] && parts[1] ? parts[1] : "", sizeof(reason));
	rsp_fail(status, subject, reason, "as asked for");
}

static void reply_empty(HttpsRequest *request, int http, const Fault *fault)
{
	https_reply(request, http, NULL, (Span) { NULL, 0 }, fault);
}

static void handle_notification(
	LabServer *server, HttpsRequest *request, json_t *body, const Fault *fault)
{
	g_autoptr(GBytes) pending = state_octets(body, "pendingNotification");

	if (fault_is(fault, "status")) {
		RspStatus status = { 0 };

		status_of_fault(fault, &status);
		rsp_reply(request, NULL, &status, NULL);
		return;
	}
	if (!pending) {
		reply_empty(request, 400, NULL);
		return;
	}
	notification_take(server, span_of(pending));
	reply_empty(request, 204, fault);
}

static bool is_before(const Fault *fault)
{
	return fault && !fault->after &&
		(fault->kind == FAULT_HANG || fault->kind == FAULT_RESET ||
			fault->kind == FAULT_HTTP);
}

static json_t *request_json(HttpsRequest *request)
{
	Span body = https_request_body(request);

	return json_loadb((const char *)body.data, body.size, JSON_REJECT_DUPLICATES, NULL);
}

static void run_function(LabServer *server, HttpsRequest *request, const char *name, json_t *body)
{
	g_autoptr(Fault) fault = fault_take(server->faults, name);
	Es9Function run = find_function(name);
	RspStatus status = { 0 };
	json_t *reply;

	if (is_before(fault)) {
		lab_server_log(server, NULL, "%s: fault %s", name, fault->name);
		reply_empty(request, 500, fault);
		return;
	}
	if (!run) {
		handle_notification(server, request, body, fault);
		return;
	}
	reply = json_object();
	if (fault_is(fault, "status"))
		status_of_fault(fault, &status);
	else
		(void)run(server, body, reply, fault, &status);
	if (status.subject)
		lab_server_log(server, NULL, "%s: %s/%s %s", name, status.subject, status.reason,
			status.message);
	else
		lab_server_log(server, NULL, "%s: ok%s%s", name, fault ? ", fault " : "",
			fault ? fault->name : "");
	rsp_reply(request, reply, &status, fault);
}

void es9_handle(HttpsRequest *request, void *user)
{
	LabServer *server = user;
	const char *path = https_request_path(request);
	const char *type = https_request_header(request, "Content-Type");
	const char *name = g_str_has_prefix(path, PATH) ? path + strlen(PATH) : NULL;
	json_t *body;

	if (!name || !g_strv_contains(es9_functions, name)) {
		reply_empty(request, 404, NULL);
		return;
	}
	if (!g_str_equal(https_request_method(request), "POST")) {
		reply_empty(request, 405, NULL);
		return;
	}
	if (!type || g_ascii_strncasecmp(type, "application/json", 16) != 0) {
		reply_empty(request, 415, NULL);
		return;
	}
	body = request_json(request);
	if (!json_is_object(body))
		reply_empty(request, 400, NULL);
	else
		run_function(server, request, name, body);
	json_decref(body);
}
