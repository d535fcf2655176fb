/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The little of an eUICC that the tests of the servers need. */
#include <glib/gstdio.h>
#include <openssl/pem.h>
#include <string.h>

#include "lab-client.h"
#include "lab/common/cert.h"

LabEuicc *lab_euicc_new(const char *pki, const char *set)
{
	LabEuicc *euicc = g_new0(LabEuicc, 1);
	g_autofree char *pem = g_strdup_printf("%s/%s/euicc/" LAB_EID ".pem", pki, set);
	g_autofree char *key = g_strdup_printf("%s/%s/euicc/" LAB_EID ".key", pki, set);
	g_autofree char *eum_pem = g_strdup_printf("%s/%s/eum.pem", pki, set);
	g_autofree char *ci_pem = g_strdup_printf("%s/%s/ci.pem", pki, set);
	g_autoptr(X509) certificate = crypto_certificate_load(pem, NULL);
	g_autoptr(X509) eum = crypto_certificate_load(eum_pem, NULL);
	g_autoptr(X509) ci = crypto_certificate_load(ci_pem, NULL);

	euicc->key = crypto_key_load(key, NULL);
	g_assert_true(certificate && eum && ci && euicc->key);
	euicc->certificate = crypto_certificate_der(certificate);
	euicc->eum = crypto_certificate_der(eum);
	euicc->ci_ski = cert_ski(ci);
	euicc->curve = crypto_key_curve(euicc->key);
	g_assert_true(eid_from_text(LAB_EID, true, euicc->eid));
	crypto_random(euicc->challenge, sizeof(euicc->challenge));
	return euicc;
}

void lab_euicc_free(LabEuicc *euicc)
{
	if (!euicc)
		return;
	EVP_PKEY_free(euicc->key);
	EVP_PKEY_free(euicc->otsk);
	g_bytes_unref(euicc->certificate);
	g_bytes_unref(euicc->eum);
	g_bytes_unref(euicc->ci_ski);
	g_free(euicc);
}

static GBytes *finish(GByteArray *out)
{
	return g_byte_array_free_to_bytes(out);
}

static Span find(Span value, uint32_t tag)
{
	Tlv tlv;

	g_assert_true(der_find(value, tag, &tlv));
	return tlv.value;
}

GBytes *lab_euicc_info1(const LabEuicc *euicc)
{
	GByteArray *content = g_byte_array_new(), *list = g_byte_array_new();
	GByteArray *out = g_byte_array_new();

	der_put(list, 0x04, span_of(euicc->ci_ski));
	der_put(content, 0x82, SPAN_LITERAL("\x02\x05\x00"));
	der_put(content, 0xA9, span_of_array(list));
	der_put(content, 0xAA, span_of_array(list));
	g_byte_array_unref(list);
	der_put_wrapped(out, 0xBF20, content);
	return finish(out);
}

GByteArray *lab_euicc_signed(LabEuicc *euicc, uint32_t tag, GByteArray *content, Span more)
{
	GByteArray *out = g_byte_array_new();
	g_autoptr(GByteArray) data = g_byte_array_new();

	der_put_wrapped(out, tag, content);
	array_append_span(data, span_of_array(out));
	array_append_span(data, more);
	crypto_put_signature(out, euicc->key, span_of_array(data));
	return out;
}

GBytes *lab_euicc_authenticate(LabEuicc *euicc, Span server_signed1, const char *matching_id)
{
	Tlv tlv;
	GByteArray *content = g_byte_array_new(), *params = g_byte_array_new();
	GByteArray *info2 = g_byte_array_new(), *resource = g_byte_array_new();
	GByteArray *ok, *out = g_byte_array_new(), *arm = g_byte_array_new();

	g_assert_true(der_single(server_signed1, &tlv, NULL));
	g_assert_true(span_equal(find(tlv.value, 0x81), SPAN_ARRAY(euicc->challenge)));
	der_put(content, 0x80, find(tlv.value, 0x80));
	der_put(content, 0x83, find(tlv.value, 0x83));
	der_put(content, 0x84, find(tlv.value, 0x84));
	der_put(resource, 0x82, SPAN_LITERAL("\x00\x80\x00")); /* 32 KiB left */
	der_put_wrapped(info2, 0x84, resource);
	der_put_wrapped(content, 0xBF22, info2);
	if (matching_id)
		der_put(params, 0x80, span_string(matching_id));
	der_put_wrapped(content, 0xA0, params);
	ok = lab_euicc_signed(euicc, 0x30, content, (Span) { NULL, 0 });
	array_append_span(ok, span_of(euicc->certificate));
	array_append_span(ok, span_of(euicc->eum));
	der_put_wrapped(arm, 0xA0, ok);
	der_put_wrapped(out, 0xBF38, arm);
	return finish(out);
}

GBytes *lab_euicc_prepare(
	LabEuicc *euicc, Span transaction_id, Span smdp_signature2, const char *code)
{
	GByteArray *content = g_byte_array_new(), *out = g_byte_array_new();
	GByteArray *ok, *arm = g_byte_array_new();
	uint8_t point[CRYPTO_POINT_SIZE], hash[32];

	if (!euicc->otsk)
		euicc->otsk = crypto_key_generate(euicc->curve);
	crypto_key_point(euicc->otsk, point);
	der_put(content, 0x80, transaction_id);
	der_put(content, 0x5F49, SPAN_ARRAY(point));
	if (code) {
		crypto_hash_cc(code, transaction_id, hash);
		der_put(content, 0x04, SPAN_ARRAY(hash));
	}
	ok = lab_euicc_signed(euicc, 0x30, content, smdp_signature2);
	der_put_wrapped(arm, 0xA0, ok);
	der_put_wrapped(out, 0xBF21, arm);
	return finish(out);
}

/* ---- bound profile package ---- */
static void start_channel(LabEuicc *euicc, Span bf23, X509 *dppb, Bsp *ret_bsp)
{
	CryptoCurve curve = euicc->curve;
	g_autoptr(EVP_PKEY) otpk = crypto_key_from_point(curve, find(bf23, 0x5F49), NULL);
	g_autoptr(GByteArray) data = g_byte_array_new();
	uint8_t own[CRYPTO_POINT_SIZE], z[32];
	Span crt = find(bf23, 0xA6);
	Tlv sign;

	g_assert_nonnull(otpk);
	g_assert_true(span_equal(find(bf23, 0x82), SPAN_LITERAL("\x01")));
	g_assert_true(span_equal(find(crt, 0x80), SPAN_LITERAL("\x88")));
	g_assert_true(span_equal(find(crt, 0x81), SPAN_LITERAL("\x10")));
	g_assert_true(der_find(bf23, 0x5F37, &sign));
	array_append_span(data, span(bf23.data, sign.whole.data - bf23.data));
	crypto_key_point(euicc->otsk, own);
	der_put(data, 0x5F49, SPAN_ARRAY(own));
	g_assert_true(
		crypto_verify(crypto_certificate_key(dppb), span_of_array(data), sign.value, NULL));
	g_assert_true(crypto_ecdh(euicc->otsk, otpk, z, NULL));
	bsp_derive(ret_bsp, SPAN_ARRAY(z), find(crt, 0x84), SPAN_ARRAY(euicc->eid));
}

static GBytes *open_segments(Bsp *bsp, Span sequence, uint32_t tag)
{
	GByteArray *out = g_byte_array_new();
	Tlv tlv;

	while (sequence.size > 0) {
		g_autoptr(GBytes) plain = NULL;
		g_autoptr(GError) error = NULL;

		g_assert_true(der_next(&sequence, &tlv, NULL));
		g_assert_cmpuint(tlv.whole.size, <=, BSP_SEGMENT_MAX);
		plain = bsp_unprotect(bsp, tag, tlv.whole, NULL, &error);
		g_assert_no_error(error);
		array_append_span(out, span_of(plain));
	}
	return finish(out);
}

void lab_euicc_install(
	LabEuicc *euicc, Span bpp, X509 *dppb, GBytes **ret_metadata, GBytes **ret_body)
{
	g_autoptr(GBytes) configure = NULL, replace = NULL;
	Tlv outer, keys, request;
	Bsp bsp;

	g_assert_true(der_single(bpp, &outer, NULL));
	g_assert_cmphex(outer.tag, ==, 0xBF36);
	start_channel(euicc, find(outer.value, 0xBF23), dppb, &bsp);
	configure = open_segments(&bsp, find(outer.value, 0xA0), 0x87);
	g_assert_true(span_equal(span_of(configure), SPAN_LITERAL("\xBF\x24\x00")));
	*ret_metadata = open_segments(&bsp, find(outer.value, 0xA1), 0x88);
	if (der_find(outer.value, 0xA2, &keys)) {
		replace = open_segments(&bsp, keys.value, 0x87);
		g_assert_true(der_single(span_of(replace), &request, NULL));
		bsp_replace_keys(&bsp, find(request.value, 0x80).data,
			find(request.value, 0x81).data, find(request.value, 0x82).data);
	}
	*ret_body = open_segments(&bsp, find(outer.value, 0xA3), 0x86);
}

/* ---- notifications ---- */
static void put_metadata(
	GByteArray *out, LabEuicc *euicc, int event, const char *address, const char *iccid)
{
	GByteArray *content = g_byte_array_new();
	uint8_t bits[2] = { 7 - event, 0x80 >> event }, octets[10];

	der_put_integer(content, 0x80, ++euicc->seq);
	der_put(content, 0x81, SPAN_ARRAY(bits));
	der_put(content, 0x0C, span_string(address));
	if (iccid) {
		g_assert_true(iccid_from_text(iccid, octets));
		der_put(content, 0x5A, SPAN_ARRAY(octets));
	}
	der_put_wrapped(out, 0xBF2F, content);
}

GBytes *lab_euicc_pir(LabEuicc *euicc, Span transaction_id, const char *oid, const char *address,
	const char *iccid, int command, int reason)
{
	GByteArray *content = g_byte_array_new(), *result = g_byte_array_new();
	GByteArray *arm = g_byte_array_new(), *out = g_byte_array_new();
	g_autoptr(GBytes) oid_octets = der_oid_from_text(oid);

	der_put(content, 0x80, transaction_id);
	put_metadata(content, euicc, 0, address, reason ? NULL : iccid);
	der_put(content, 0x06, span_of(oid_octets));
	if (reason) {
		der_put_integer(arm, 0x80, command);
		der_put_integer(arm, 0x81, reason);
	} else {
		der_put(arm, 0x4F,
			SPAN_LITERAL(
				"\xA0\x00\x00\x05\x59\x10\x10\xFF\xFF\xFF\xFF\x89\x00\x00\x10\x00"));
		der_put(arm, 0x04, SPAN_LITERAL("\x30\x07\xa0\x05\x30\x03\x80\x01\x00"));
	}
	der_put_wrapped(result, reason ? 0xA1 : 0xA0, arm);
	der_put_wrapped(content, 0xA2, result);
	der_put_wrapped(out, 0xBF37, lab_euicc_signed(euicc, 0xBF27, content, (Span) { NULL, 0 }));
	return finish(out);
}

GBytes *lab_euicc_notification(LabEuicc *euicc, int event, const char *address, const char *iccid)
{
	GByteArray *content = g_byte_array_new(), *out = g_byte_array_new();

	put_metadata(content, euicc, event, address, iccid);
	crypto_put_signature(content, euicc->key, span_of_array(content));
	array_append_span(content, span_of(euicc->certificate));
	array_append_span(content, span_of(euicc->eum));
	der_put_wrapped(out, 0x30, content);
	return finish(out);
}

GBytes *lab_euicc_cancel(LabEuicc *euicc, Span transaction_id, const char *oid, int reason)
{
	GByteArray *content = g_byte_array_new(), *arm = g_byte_array_new();
	GByteArray *out = g_byte_array_new();
	g_autoptr(GBytes) oid_octets = der_oid_from_text(oid);

	der_put(content, 0x80, transaction_id);
	der_put(content, 0x81, span_of(oid_octets));
	der_put_integer(content, 0x82, reason);
	der_put_wrapped(arm, 0xA0, lab_euicc_signed(euicc, 0x30, content, (Span) { NULL, 0 }));
	der_put_wrapped(out, 0xBF41, arm);
	return finish(out);
}

/* ---- an independent verifier ---- */
/* r || s to the DER of X.509, by hand: the tool wants that form. */
static GBytes *der_signature(Span raw)
{
	GByteArray *content = g_byte_array_new(), *out = g_byte_array_new();

	for (int half = 0; half < 2; half++) {
		uint8_t padded[33] = { 0 };
		size_t skip = 0;

		memcpy(padded + 1, raw.data + 32 * half, 32);
		while (skip < 32 && padded[skip] == 0 && !(padded[skip + 1] & 0x80))
			skip++;
		der_put(content, 0x02, span(padded + skip, sizeof(padded) - skip));
	}
	der_put_wrapped(out, 0x30, content);
	return finish(out);
}

static char *write_temporary(Span octets)
{
	char *path = NULL;
	int fd = g_file_open_tmp("lab-XXXXXX", &path, NULL);

	g_assert_cmpint(fd, >=, 0);
	g_close(fd, NULL);
	g_assert_true(g_file_set_contents(path, (const char *)octets.data, octets.size, NULL));
	return path;
}

bool lab_openssl_verifies(X509 *certificate, Span data, Span signature)
{
	g_autoptr(GBytes) spki = crypto_key_spki(crypto_certificate_key(certificate));
	g_autoptr(GBytes) der = der_signature(signature);
	g_autofree char *key_file = write_temporary(span_of(spki));
	g_autofree char *data_file = write_temporary(data);
	g_autofree char *signature_file = write_temporary(span_of(der));
	const char *argv[] = { "openssl", "dgst", "-sha256", "-keyform", "DER", "-verify", key_file,
		"-signature", signature_file, data_file, NULL };
	int status = -1;

	g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL,
		G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL,
		NULL, NULL, NULL, &status, NULL));
	g_unlink(key_file);
	g_unlink(data_file);
	g_unlink(signature_file);
	return status == 0;
}
