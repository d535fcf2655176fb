/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The session of a download up to the bound profile package: challenge, AuthenticateServer,
 * PrepareDownload, CancelSession (SGP.22 5.7.5, 5.7.7, 5.7.13, 5.7.14; digest 3.4 to 3.10, 8).
 */
#include "lab/card/card.h"

#include <string.h>

#define ONE_TIME_KEYS_MAX 4

Sw es10_challenge(Euicc *e, Span value, GByteArray *out)
{
	GByteArray *content;
	Session *session = &e->session;

	session_clear(session);
	crypto_random(session->challenge, sizeof(session->challenge));
	session->challenge_given = true;
	content = g_byte_array_new();
	der_put(content, 0x80, SPAN_ARRAY(session->challenge));
	der_put_wrapped(out, 0xbf2e, content);
	return SW_OK;
}

/* tag { A1 { 80 transactionId, 02 code } } */
static Sw answer_error(GByteArray *out, uint32_t tag, Span transaction, int code)
{
	GByteArray *arm = g_byte_array_new(), *content = g_byte_array_new();

	der_put(content, 0x80, transaction);
	der_put_integer(content, 0x02, code);
	der_put_wrapped(arm, 0xa1, content);
	der_put_wrapped(out, tag, arm);
	return SW_OK;
}

/* ---- AuthenticateServer ---- */
typedef struct ServerRequest {
	Span signed1, signature1, ci_id, certificate, context;
	Span transaction, challenge, address, server_challenge;
} ServerRequest;

static bool server_request_read(Span value, ServerRequest *ret)
{
	ServerRequest r = { 0 };
	Tlv tlv[5], inner;

	/* Two of them are SEQUENCE: only their order tells which. */
	for (size_t i = 0; i < 5; i++)
		if (!der_next(&value, &tlv[i], NULL))
			return false;
	if (tlv[0].tag != 0x30 || tlv[1].tag != 0x5f37 || tlv[2].tag != 0x04 ||
		tlv[3].tag != 0x30 || tlv[4].tag != 0xa0)
		return false;
	r.signed1 = tlv[0].whole;
	r.signature1 = tlv[1].value;
	r.ci_id = tlv[2].value;
	r.certificate = tlv[3].whole;
	r.context = tlv[4].whole;
	if (!tlvs_good(tlv[0].value) || !tlvs_good(tlv[4].value))
		return false;
	if (!der_find(tlv[0].value, 0x80, &inner) || inner.value.size < 1 || inner.value.size > 16)
		return false;
	r.transaction = inner.value;
	if (!der_find(tlv[0].value, 0x81, &inner) || inner.value.size != 16)
		return false;
	r.challenge = inner.value;
	if (!der_find(tlv[0].value, 0x83, &inner) || inner.value.size > 255)
		return false;
	if (!g_utf8_validate((const char *)inner.value.data, (gssize)inner.value.size, NULL))
		return false;
	r.address = inner.value;
	if (!der_find(tlv[0].value, 0x84, &inner) || inner.value.size != 16)
		return false;
	r.server_challenge = inner.value;
	*ret = r;
	return true;
}

/* The card has no clock: it asks whether a certificate is good at the time it began. */
static bool issued_by(X509 *certificate, X509 *ci)
{
	int64_t begins = 0;
	struct tm tm;

	if (ASN1_TIME_to_tm(X509_get0_notBefore(certificate), &tm))
		begins = (int64_t)timegm(&tm) + 1;
	return cert_check_issued(certificate, ci, begins, NULL) == CERT_OK;
}

/* All keys below a CI are on its curve (SGP.22 2.6.5). */
static bool curve_fits(X509 *certificate, const CiKey *ci)
{
	CryptoCurve curve = crypto_key_curve(crypto_certificate_key(certificate));

	return curve != CRYPTO_CURVE_OTHER &&
		curve == crypto_key_curve(crypto_certificate_key(ci->ci));
}

/* 0, or the code. */
static int server_check(
	Euicc *e, const ServerRequest *r, CiKey *ci, X509 *certificate, bool *ret_dp)
{
	g_autoptr(GBytes) oid = NULL;
	bool dp, ds;

	if (!certificate || !issued_by(certificate, ci->ci))
		return 1;
	dp = cert_check_role(certificate, CERT_ROLE_DPAUTH, NULL) == CERT_OK;
	ds = cert_check_role(certificate, CERT_ROLE_DSAUTH, NULL) == CERT_OK;
	if (!dp && !ds)
		return 1;
	if (!curve_fits(certificate, ci))
		return 3;
	if (!(oid = cert_registered_id(certificate)))
		return 5;
	if (!crypto_verify(crypto_certificate_key(certificate), r->signed1, r->signature1, NULL))
		return 2;
	if (!span_equal(r->challenge, SPAN_ARRAY(e->session.challenge)))
		return 6;
	*ret_dp = dp;
	return 0;
}

Sw es10_authenticate_server(Euicc *e, Span value, GByteArray *out)
{
	Session *session = &e->session;
	GByteArray *data, *content, *arm;
	g_autoptr(X509) certificate = NULL;
	uint8_t signature[CRYPTO_SIGNATURE_SIZE];
	ServerRequest r;
	CiKey *ci;
	bool dp = false;
	int code = 0;

	if (!server_request_read(value, &r))
		return SW_WRONG_DATA;
	ci = euicc_ci_find(e, r.ci_id);
	certificate = crypto_certificate_from_der(r.certificate, NULL);
	if (!session->challenge_given || session->authenticated)
		code = 4;
	else if (e->state->emergency)
		code = 127;
	else if (!ci)
		code = 7;
	else
		code = server_check(e, &r, ci, certificate, &dp);
	if (code)
		return answer_error(out, 0xbf38, r.transaction, code);

	data = g_byte_array_new();
	der_put(data, 0x80, r.transaction);
	der_put(data, 0x83, r.address);
	der_put(data, 0x84, r.server_challenge);
	put_info2(e, data);
	array_append_span(data, r.context);
	content = g_byte_array_new();
	der_put_wrapped(content, 0x30, data);
	crypto_sign(ci->key, span_of_array(content), signature);
	der_put(content, 0x5f37, SPAN_ARRAY(signature));
	array_append_span(content, span_of(ci->euicc_der));
	array_append_span(content, span_of(ci->eum_der));
	arm = g_byte_array_new();
	der_put_wrapped(arm, 0xa0, content);
	der_put_wrapped(out, 0xbf38, arm);

	session->authenticated = true;
	session->ci = ci;
	session->is_dp = dp;
	session->transaction_id = span_to_bytes(r.transaction);
	session->server_oid = cert_registered_id(certificate);
	session->signature1 = g_bytes_new(signature, sizeof(signature));
	session->server_address = text_read(r.address);
	return SW_OK;
}

/* ---- PrepareDownload ---- */
static OneTimeKey *one_time_find(State *state, Span point, Span oid)
{
	for (unsigned i = 0; i < state->one_time_keys->len; i++) {
		OneTimeKey *key = state->one_time_keys->pdata[i];

		if (span_equal(span_of(key->point), point) &&
			span_equal(span_of(key->smdp_oid), oid))
			return key;
	}
	return NULL;
}

/* The key that the server bound a package to before, or a new one, kept for that case. */
static EVP_PKEY *one_time_key(Euicc *e, Span wanted, CryptoCurve curve)
{
	State *state = e->state;
	OneTimeKey *stored =
		wanted.data ? one_time_find(state, wanted, span_of(e->session.server_oid)) : NULL;
	uint8_t number[32], point[CRYPTO_POINT_SIZE];
	EVP_PKEY *key;

	if (stored && stored->brainpool == (curve == CRYPTO_CURVE_BRAINPOOL))
		return crypto_key_from_private(curve, span_of(stored->number), NULL);
	key = crypto_key_generate(curve);
	crypto_key_private(key, number);
	crypto_key_point(key, point);
	stored = g_new0(OneTimeKey, 1);
	stored->number = g_bytes_new(number, sizeof(number));
	stored->point = g_bytes_new(point, sizeof(point));
	stored->brainpool = curve == CRYPTO_CURVE_BRAINPOOL;
	stored->smdp_oid = g_bytes_ref(e->session.server_oid);
	wipe(number, sizeof(number));
	g_ptr_array_add(state->one_time_keys, stored);
	if (state->one_time_keys->len > ONE_TIME_KEYS_MAX)
		g_ptr_array_remove_index(state->one_time_keys, 0);
	euicc_touch(e);
	return key;
}

typedef struct PrepareRequest {
	Span signed2, signature2, hash_cc, certificate;
	Span transaction, one_time;
} PrepareRequest;

static bool prepare_request_read(Span value, PrepareRequest *ret)
{
	PrepareRequest r = { 0 };
	Tlv tlv;

	if (!der_next(&value, &tlv, NULL) || tlv.tag != 0x30 || !tlvs_good(tlv.value))
		return false;
	r.signed2 = tlv.whole;
	if (!der_find(tlv.value, 0x80, &tlv) || tlv.value.size < 1 || tlv.value.size > 16)
		return false;
	r.transaction = tlv.value;
	if (!der_single(r.signed2, &tlv, NULL))
		return false;
	if (!der_find(tlv.value, 0x01, &(Tlv) { 0 }))
		return false;
	if (der_find(tlv.value, 0x5f49, &tlv))
		r.one_time = tlv.value;
	if (!der_next(&value, &tlv, NULL) || tlv.tag != 0x5f37)
		return false;
	r.signature2 = tlv.value;
	if (!der_next(&value, &tlv, NULL))
		return false;
	if (tlv.tag == 0x04) {
		if (tlv.value.size != 32)
			return false;
		r.hash_cc = tlv.value;
		if (!der_next(&value, &tlv, NULL))
			return false;
	}
	if (tlv.tag != 0x30)
		return false;
	r.certificate = tlv.whole;
	*ret = r;
	return true;
}

static int prepare_check(Euicc *e, const PrepareRequest *r, X509 *certificate)
{
	Session *session = &e->session;
	g_autoptr(GByteArray) signed_octets = g_byte_array_new();
	g_autoptr(GBytes) oid = NULL;

	if (!session->authenticated || !session->is_dp)
		return 4;
	if (!span_equal(r->transaction, span_of(session->transaction_id)))
		return 5;
	if (!certificate || !issued_by(certificate, session->ci->ci) ||
		cert_check_role(certificate, CERT_ROLE_DPPB, NULL) != CERT_OK)
		return 1;
	oid = cert_registered_id(certificate);
	if (!oid || !span_equal(span_of(oid), span_of(session->server_oid)))
		return 1;
	if (!curve_fits(certificate, session->ci))
		return 3;
	array_append_span(signed_octets, r->signed2);
	der_put(signed_octets, 0x5f37, span_of(session->signature1));
	if (!crypto_verify(crypto_certificate_key(certificate), span_of_array(signed_octets),
		    r->signature2, NULL))
		return 2;
	return 0;
}

Sw es10_prepare_download(Euicc *e, Span value, GByteArray *out)
{
	Session *session = &e->session;
	GByteArray *data, *content, *arm;
	g_autoptr(GByteArray) signed_octets = g_byte_array_new();
	g_autoptr(X509) certificate = NULL;
	uint8_t point[CRYPTO_POINT_SIZE];
	PrepareRequest r;
	int code;

	if (!prepare_request_read(value, &r))
		return SW_WRONG_DATA;
	certificate = crypto_certificate_from_der(r.certificate, NULL);
	code = prepare_check(e, &r, certificate);
	if (code)
		return answer_error(out, 0xbf21, r.transaction, code);

	/* Asked again, say with another confirmation code: the later answer counts. */
	EVP_PKEY_free(session->dppb);
	EVP_PKEY_free(session->one_time);
	g_clear_pointer(&session->one_time_point, g_bytes_unref);
	session->dppb = crypto_certificate_key(certificate);
	EVP_PKEY_up_ref(session->dppb);
	session->one_time = one_time_key(e, r.one_time, crypto_key_curve(session->dppb));
	crypto_key_point(session->one_time, point);
	session->one_time_point = g_bytes_new(point, sizeof(point));
	session->prepared = true;
	data = g_byte_array_new();
	der_put(data, 0x80, r.transaction);
	der_put(data, 0x5f49, SPAN_ARRAY(point));
	if (r.hash_cc.data)
		der_put(data, 0x04, r.hash_cc);
	content = g_byte_array_new();
	der_put_wrapped(content, 0x30, data);
	array_append_span(signed_octets, span_of_array(content));
	der_put(signed_octets, 0x5f37, r.signature2);
	crypto_put_signature(content, session->ci->key, span_of_array(signed_octets));
	arm = g_byte_array_new();
	der_put_wrapped(arm, 0xa0, content);
	der_put_wrapped(out, 0xbf21, arm);
	return SW_OK;
}

/* ---- CancelSession ---- */
Sw es10_cancel_session(Euicc *e, Span value, GByteArray *out)
{
	Session *session = &e->session;
	GByteArray *data, *content, *arm;
	g_autoptr(GBytes) signed_octets = NULL;
	Tlv transaction, reason;
	int64_t number;

	if (!der_find(value, 0x80, &transaction) || !der_find(value, 0x81, &reason) ||
		!integer_read(reason.value, &number))
		return SW_WRONG_DATA;
	if (!session->authenticated ||
		!span_equal(transaction.value, span_of(session->transaction_id)))
		return answer_code_as(out, 0xbf41, 0x81, 5);
	data = g_byte_array_new();
	der_put(data, 0x80, transaction.value);
	der_put(data, 0x81, span_of(session->server_oid));
	der_put_integer(data, 0x82, number);
	content = g_byte_array_new();
	der_put_wrapped(content, 0x30, data);
	signed_octets = span_to_bytes(span_of_array(content));
	crypto_put_signature(content, session->ci->key, span_of(signed_octets));
	arm = g_byte_array_new();
	der_put_wrapped(arm, 0xa0, content);
	der_put_wrapped(out, 0xbf41, arm);
	session_clear(session);
	return SW_OK;
}
