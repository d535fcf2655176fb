/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lab/common/rsp.h"

#include <stdlib.h>
#include <string.h>

#include "asn1/der.h"
#include "lab/common/notice.h"

#define SESSIONS_MAX 256

struct Rsp {
	LabServer *server;
	char *host;
	GQueue sessions; /* RspSession, oldest first */
};

/* ---- answers ---- */
bool rsp_fail(RspStatus *status, const char *subject, const char *reason, const char *format, ...)
{
	va_list args;

	status->subject = subject;
	status->reason = reason;
	va_start(args, format);
	g_vsnprintf(status->message, sizeof(status->message), format, args);
	va_end(args);
	return false;
}

void rsp_reply(HttpsRequest *request, json_t *reply, const RspStatus *status, const Fault *fault)
{
	json_t *body = status->subject || !reply ? json_object() : json_incref(reply);
	json_t *execution;
	char *text;

	if (status->subject)
		execution = json_pack("{s:s,s:{s:s,s:s,s:s}}", "status", "Failed", "statusCodeData",
			"subjectCode", status->subject, "reasonCode", status->reason, "message",
			status->message);
	else
		execution = json_pack("{s:s}", "status", "Executed-Success");
	json_object_set_new(
		body, "header", json_pack("{s:o}", "functionExecutionStatus", execution));
	text = json_dumps(body, JSON_COMPACT);
	https_reply(request, 200, "application/json;charset=UTF-8", span_string(text), fault);
	free(text);
	json_decref(body);
	json_decref(reply);
}

/* ---- sessions ---- */
static void session_free(RspSession *session)
{
	if (session->free_own)
		session->free_own(session->own);
	g_free(session->id_text);
	g_free(session->address);
	g_free(session->matching_id);
	X509_free(session->euicc);
	g_clear_pointer(&session->euicc_der, g_bytes_unref);
	g_clear_pointer(&session->eum_der, g_bytes_unref);
	g_clear_pointer(&session->euicc_info2, g_bytes_unref);
	g_free(session);
}

Rsp *rsp_new(LabServer *server, const char *host)
{
	Rsp *rsp = g_new0(Rsp, 1);

	rsp->server = server;
	rsp->host = g_strdup(host);
	g_queue_init(&rsp->sessions);
	return rsp;
}

void rsp_free(Rsp *rsp)
{
	if (!rsp)
		return;
	g_queue_clear_full(&rsp->sessions, (GDestroyNotify)session_free);
	g_free(rsp->host);
	g_free(rsp);
}

void rsp_session_end(Rsp *rsp, RspSession *session)
{
	if (session && g_queue_remove(&rsp->sessions, session))
		session_free(session);
}

RspSession *rsp_session(Rsp *rsp, json_t *request, RspStatus *status)
{
	const char *id = state_string(request, "transactionId");

	for (GList *l = rsp->sessions.head; l && id; l = l->next)
		if (g_ascii_strcasecmp(((RspSession *)l->data)->id_text, id) == 0)
			return l->data;
	rsp_fail(status, "8.10.1", "3.9", "unknown transactionId");
	return NULL;
}

/* ---- little readers ---- */
static bool member_octets(json_t *request, const char *name, GBytes **ret, RspStatus *status)
{
	*ret = state_octets(request, name);
	if (!*ret)
		return rsp_fail(status, "8.1", "2.2", "%s is missing or not base64", name);
	return true;
}

/* ---- initiateAuthentication ---- */
/* "host" and "host:port" name the same server. */
static bool same_host(const char *own, const char *asked)
{
	size_t own_size = strcspn(own, ":"), asked_size = strcspn(asked, ":");

	return own_size == asked_size && g_ascii_strncasecmp(own, asked, own_size) == 0;
}

/* The first of the eUICC's list that we have; SGP.22: the list is in order of its preference. */
static const PkiSet *choose_ci(const Rsp *rsp, Span info1, uint32_t list_tag)
{
	Tlv list, id;
	Span rest;

	if (!der_find(info1, list_tag, &list))
		return NULL;
	rest = list.value;
	while (rest.size > 0 && der_next(&rest, &id, NULL)) {
		const PkiSet *set = id.value.size ? pki_find(rsp->server->pki, id.value) : NULL;

		if (set && id.value.size == g_bytes_get_size(set->ci_ski))
			return set;
	}
	return NULL;
}

static bool read_info1(const Rsp *rsp, Span octets, const PkiSet **ret_own,
	const PkiSet **ret_euicc, RspStatus *status)
{
	Tlv info1, svn;

	if (!der_single(octets, &info1, NULL) || info1.tag != 0xBF20 ||
		!der_find(info1.value, 0x82, &svn) || svn.value.size != 3)
		return rsp_fail(status, "8.1", "2.1", "euiccInfo1 is malformed");
	if (svn.value.data[0] < 2)
		return rsp_fail(
			status, "8.8.3", "3.1", "SVN %u is not supported", svn.value.data[0]);
	*ret_own = choose_ci(rsp, info1.value, 0xA9);
	if (!*ret_own)
		return rsp_fail(status, "8.8.4", "3.7", "no certificate under a CI of the eUICC");
	*ret_euicc = choose_ci(rsp, info1.value, 0xAA);
	if (!*ret_euicc)
		return rsp_fail(status, "8.8.2", "3.1", "no CI of the eUICC is known");
	return true;
}

static void put_server_signed1(GByteArray *out, const RspSession *session, const char *address)
{
	GByteArray *content = g_byte_array_new();

	der_put(content, 0x80, SPAN_ARRAY(session->id));
	der_put(content, 0x81, SPAN_ARRAY(session->euicc_challenge));
	der_put(content, 0x83, span_string(address));
	der_put(content, 0x84, SPAN_ARRAY(session->server_challenge));
	der_put_wrapped(out, 0x30, content);
}

static RspSession *session_new(Rsp *rsp, const PkiSet *set, Span challenge, const char *address)
{
	RspSession *session = g_new0(RspSession, 1);
	g_autofree char *hex = NULL;

	crypto_random(session->id, sizeof(session->id));
	crypto_random(session->server_challenge, sizeof(session->server_challenge));
	memcpy(session->euicc_challenge, challenge.data, sizeof(session->euicc_challenge));
	hex = hex_encode(SPAN_ARRAY(session->id));
	session->id_text = g_ascii_strup(hex, -1);
	session->set = set;
	session->address = g_strdup(address);
	g_queue_push_tail(&rsp->sessions, session);
	if (rsp->sessions.length > SESSIONS_MAX)
		rsp_session_end(rsp, rsp->sessions.head->data);
	return session;
}

bool rsp_initiate(Rsp *rsp, json_t *request, json_t *reply, const Fault *fault, RspStatus *status)
{
	const char *address = state_string(request, "smdpAddress");
	g_autoptr(GByteArray) signed1 = g_byte_array_new(), signature = g_byte_array_new();
	g_autoptr(GByteArray) ci = g_byte_array_new();
	g_autoptr(GBytes) challenge = NULL, info1 = NULL;
	const PkiSet *own = NULL, *euicc = NULL;
	RspSession *session;

	if (!address || !same_host(rsp->host, address))
		return rsp_fail(status, "8.8.1", "3.8", "this is %s", rsp->host);
	if (!member_octets(request, "euiccChallenge", &challenge, status) ||
		!member_octets(request, "euiccInfo1", &info1, status))
		return false;
	if (g_bytes_get_size(challenge) != 16)
		return rsp_fail(status, "8.1", "2.1", "euiccChallenge has not 16 octets");
	if (!read_info1(rsp, span_of(info1), &own, &euicc, status))
		return false;
	session = session_new(rsp, own, span_of(challenge), address);
	put_server_signed1(signed1, session,
		fault_is(fault, "wrong-address") ? "elsewhere.lab.test" : address);
	crypto_put_signature(signature, own->auth_key, span_of_array(signed1));
	if (fault_is(fault, "bad-signature"))
		signature->data[signature->len - 1] ^= 1;
	der_put(ci, 0x04, span_of(euicc->ci_ski));
	state_set_string(reply, "transactionId",
		fault_is(fault, "wrong-transaction") ? "00112233445566778899AABBCCDDEEFF"
						     : session->id_text);
	state_set_octets(reply, "serverSigned1", span_of_array(signed1));
	state_set_octets(reply, "serverSignature1", span_of_array(signature));
	state_set_octets(reply, "euiccCiPKIdToBeUsed", span_of_array(ci));
	state_set_octets(reply, "serverCertificate", span_of(own->auth_der));
	return true;
}

/* ---- authenticateClient ---- */
static bool is_value(Span parent, uint32_t tag, Span expected)
{
	Tlv tlv;

	return der_find(parent, tag, &tlv) && span_equal(tlv.value, expected);
}

/* euiccSigned1, euiccSignature1, certificates: children of the ok arm, in this order. */
static bool split_ok_arm(Span arm, Tlv ret[4])
{
	static const uint32_t tags[] = { 0x30, 0x5F37, 0x30, 0x30 };
	Span rest = arm;

	for (size_t i = 0; i < G_N_ELEMENTS(tags); i++)
		if (!der_next(&rest, &ret[i], NULL) || ret[i].tag != tags[i])
			return false;
	return ret[1].value.size == CRYPTO_SIGNATURE_SIZE;
}

static bool check_chain(
	Rsp *rsp, RspSession *session, Span euicc_der, Span eum_der, RspStatus *status)
{
	g_autoptr(X509) euicc = crypto_certificate_from_der(euicc_der, NULL);
	g_autoptr(X509) eum = crypto_certificate_from_der(eum_der, NULL);
	g_autoptr(GError) error = NULL;
	bool eum_is_bad = false;
	CertVerdict verdict;

	if (!eum)
		return rsp_fail(status, "8.1.2", "6.1", "the EUM certificate is malformed");
	if (!euicc)
		return rsp_fail(status, "8.1.3", "6.1", "the eUICC certificate is malformed");
	verdict = pki_check_euicc(
		rsp->server->pki, euicc, eum, (Span) { NULL, 0 }, 0, NULL, &eum_is_bad, &error);
	if (verdict != CERT_OK)
		return rsp_fail(status, eum_is_bad ? "8.1.2" : "8.1.3",
			verdict == CERT_EXPIRED ? "6.3" : "6.1", "%s", error->message);
	if (!cert_eid(euicc, session->eid, NULL))
		return rsp_fail(status, "8.1.3", "6.1", "the eUICC certificate has no EID");
	session->euicc = g_steal_pointer(&euicc);
	session->euicc_der = span_to_bytes(euicc_der);
	session->eum_der = span_to_bytes(eum_der);
	return true;
}

static bool check_response(Rsp *rsp, RspSession *session, Span response, RspStatus *status)
{
	Tlv outer, arm, parts[4], info2, params, matching;
	Span signed1;

	if (!der_single(response, &outer, NULL) || outer.tag != 0xBF38)
		return rsp_fail(status, "8.1", "6.1", "authenticateServerResponse is malformed");
	if (!der_find(outer.value, 0xA0, &arm))
		return rsp_fail(status, "8.1", "6.1", "the eUICC refused to authenticate us");
	if (!split_ok_arm(arm.value, parts))
		return rsp_fail(status, "8.1", "6.1", "authenticateResponseOk is malformed");
	if (!check_chain(rsp, session, parts[2].whole, parts[3].whole, status))
		return false;
	if (!crypto_verify(
		    crypto_certificate_key(session->euicc), parts[0].whole, parts[1].value, NULL))
		return rsp_fail(status, "8.1", "6.1", "euiccSignature1 does not verify");
	signed1 = parts[0].value;
	if (!is_value(signed1, 0x80, SPAN_ARRAY(session->id)))
		return rsp_fail(status, "8.10.1", "3.9", "another transactionId was signed");
	if (!is_value(signed1, 0x84, SPAN_ARRAY(session->server_challenge)))
		return rsp_fail(status, "8.1", "6.1", "another serverChallenge was signed");
	if (!is_value(signed1, 0x83, span_string(session->address)))
		return rsp_fail(status, "8.1", "6.1", "another serverAddress was signed");
	memcpy(session->euicc_signature1, parts[1].value.data, CRYPTO_SIGNATURE_SIZE);
	if (der_find(signed1, 0xBF22, &info2))
		session->euicc_info2 = span_to_bytes(info2.whole);
	/* ctxParamsForCommonAuthentication */
	if (der_find(signed1, 0xA0, &params) && der_find(params.value, 0x80, &matching))
		session->matching_id = span_to_string(matching.value);
	if (!session->matching_id)
		session->matching_id = g_strdup("");
	return true;
}

RspSession *rsp_authenticate(Rsp *rsp, json_t *request, RspStatus *status)
{
	RspSession *session = rsp_session(rsp, request, status);
	g_autoptr(GBytes) response = NULL;

	if (!session)
		return NULL;
	if (session->authenticated) {
		rsp_fail(status, "8.10.1", "3.9", "the session is past this step");
		return NULL;
	}
	if (!member_octets(request, "authenticateServerResponse", &response, status) ||
		!check_response(rsp, session, span_of(response), status)) {
		rsp_session_end(rsp, session);
		return NULL;
	}
	session->authenticated = true;
	return session;
}

/* ---- cancelSession ---- */
static bool check_cancel(RspSession *session, Span response, int64_t *ret_reason, RspStatus *status)
{
	Tlv outer, arm, signed_part, reason;
	Span signature;

	if (!der_single(response, &outer, NULL) || outer.tag != 0xBF41)
		return rsp_fail(status, "8.1", "6.1", "cancelSessionResponse is malformed");
	if (der_find(outer.value, 0x81, &arm))
		return true;
	if (!session->authenticated || !der_find(outer.value, 0xA0, &arm) ||
		!der_find(arm.value, 0x30, &signed_part) ||
		!notice_signature(arm.value, &signature))
		return rsp_fail(status, "8.1", "6.1", "cancelSessionResponseOk is malformed");
	if (!crypto_verify(
		    crypto_certificate_key(session->euicc), signed_part.whole, signature, NULL))
		return rsp_fail(
			status, "8.1", "6.1", "euiccCancelSessionSignature does not verify");
	if (!is_value(signed_part.value, 0x80, SPAN_ARRAY(session->id)))
		return rsp_fail(status, "8.10.1", "3.9", "another transactionId was signed");
	if (!is_value(signed_part.value, 0x81, span_of(session->set->oid)))
		return rsp_fail(status, "8.8", "3.10", "another OID was signed");
	if (!der_find(signed_part.value, 0x82, &reason) ||
		!notice_integer(reason.value, ret_reason))
		return rsp_fail(status, "8.1", "6.1", "the reason is missing");
	return true;
}

RspSession *rsp_cancel(Rsp *rsp, json_t *request, int64_t *ret_reason, RspStatus *status)
{
	RspSession *session = rsp_session(rsp, request, status);
	g_autoptr(GBytes) response = NULL;
	int64_t reason = -1;

	if (!session || !member_octets(request, "cancelSessionResponse", &response, status) ||
		!check_cancel(session, span_of(response), &reason, status))
		return NULL;
	*ret_reason = reason;
	return session;
}
