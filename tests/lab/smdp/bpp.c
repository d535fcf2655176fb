/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lab/smdp/smdp.h"

#include <string.h>

#define HOST_ID "lab-smdp"

/* ---- the binding: what stays when a download is repeated ---- */
/* otSK.DP is kept with the order: the same otPK.EUICC then gives the same session keys and segments. */
static EVP_PKEY *binding_key(const BppInput *input)
{
	json_t *binding = state_object(input->profile, "binding");
	CryptoCurve curve = crypto_key_curve(input->set->auth_key);
	g_autoptr(GBytes) number = state_octets(binding, "otskDp");
	g_autoptr(GBytes) bound = state_octets(binding, "otpkEuicc");
	EVP_PKEY *key = NULL;
	uint8_t fresh[32];

	if (number && bound && span_equal(span_of(bound), input->otpk_euicc))
		key = crypto_key_from_private(curve, span_of(number), NULL);
	if (key)
		return key;
	key = crypto_key_generate(curve);
	crypto_key_private(key, fresh);
	state_set_octets(binding, "otskDp", SPAN_ARRAY(fresh));
	state_set_octets(binding, "otpkEuicc", input->otpk_euicc);
	wipe(fresh, sizeof(fresh));
	return key;
}

/* Profile protection keys: chosen once for a profile, whoever it is bound to. */
static void protection_key(json_t *profile, const char *name, uint8_t ret[16])
{
	json_t *ppk = state_object(profile, "ppk");
	g_autoptr(GBytes) kept = state_octets(ppk, name);

	if (kept && g_bytes_get_size(kept) == 16) {
		memcpy(ret, span_of(kept).data, 16);
		return;
	}
	crypto_random(ret, 16);
	state_set_octets(ppk, name, span(ret, 16));
}

/* ---- InitialiseSecureChannel BF23 ---- */
static void put_secure_channel(GByteArray *out, const BppInput *input, EVP_PKEY *otsk)
{
	GByteArray *content = g_byte_array_new(), *crt = g_byte_array_new();
	g_autoptr(GByteArray) to_sign = NULL;
	uint8_t point[CRYPTO_POINT_SIZE];

	crypto_key_point(otsk, point);
	der_put_integer(content, 0x82, 1);
	der_put(content, 0x80, input->transaction_id);
	der_put(crt, 0x80, SPAN_LITERAL("\x88"));
	der_put(crt, 0x81, SPAN_LITERAL("\x10"));
	der_put(crt, 0x84, SPAN_LITERAL(HOST_ID));
	der_put_wrapped(content, 0xA6, crt);
	der_put(content, 0x5F49, SPAN_ARRAY(point));
	to_sign = g_byte_array_new();
	array_append_span(to_sign, span_of_array(content));
	der_put(to_sign, 0x5F49, input->otpk_euicc);
	crypto_put_signature(content, input->set->pb_key, span_of_array(to_sign));
	if (fault_is(input->fault, "bad-signature"))
		content->data[content->len - 1] ^= 1;
	der_put_wrapped(out, 0xBF23, content);
}

/* ---- sequences of segments ---- */
static void put_segments(
	GByteArray *out, uint32_t sequence, uint32_t tag, Bsp *bsp, Span plain, size_t most)
{
	GByteArray *content = g_byte_array_new();

	while (plain.size > 0) {
		size_t size = MIN(plain.size, most);

		bsp_protect(bsp, tag, span(plain.data, size), content);
		plain = span(plain.data + size, plain.size - size);
	}
	der_put_wrapped(out, sequence, content);
}

/* ReplaceSessionKeys BF26, and from here on the segments are protected with the profile's own keys. */
static void put_replace_keys(GByteArray *out, json_t *profile, Bsp *bsp)
{
	uint8_t mcv[16], enc[16], cmac[16];
	g_autoptr(GByteArray) request = g_byte_array_new();
	GByteArray *content = g_byte_array_new();

	protection_key(profile, "initialMCV", mcv);
	protection_key(profile, "ppkEnc", enc);
	protection_key(profile, "ppkCmac", cmac);
	der_put(content, 0x80, SPAN_ARRAY(mcv));
	der_put(content, 0x81, SPAN_ARRAY(enc));
	der_put(content, 0x82, SPAN_ARRAY(cmac));
	der_put_wrapped(request, 0xBF26, content);
	put_segments(out, 0xA2, 0x87, bsp, span_of_array(request), BSP_PLAIN_MAX_ENCRYPTED);
	bsp_replace_keys(bsp, mcv, enc, cmac);
	wipe(request->data, request->len);
}

GBytes *bpp_build(const BppInput *input, GError **error)
{
	g_autoptr(EVP_PKEY) otsk = NULL, otpk_euicc = NULL;
	g_autoptr(GByteArray) out = NULL;
	g_autoptr(GBytes) metadata = NULL, body = NULL;
	GByteArray *content;
	uint8_t z[32];
	Bsp bsp;

	otpk_euicc = crypto_key_from_point(
		crypto_key_curve(input->set->auth_key), input->otpk_euicc, error);
	if (!otpk_euicc)
		return NULL;
	otsk = binding_key(input);
	if (!crypto_ecdh(otsk, otpk_euicc, z, error))
		return NULL;
	bsp_derive(&bsp, SPAN_ARRAY(z), SPAN_LITERAL(HOST_ID), input->eid);
	wipe(z, sizeof(z));
	metadata = metadata_encode(input->profile, fault_is(input->fault, "metadata-mismatch"));
	body = metadata_body(input->profile);
	content = g_byte_array_new();
	put_secure_channel(content, input, otsk);
	put_segments(
		content, 0xA0, 0x87, &bsp, SPAN_LITERAL("\xBF\x24\x00"), BSP_PLAIN_MAX_ENCRYPTED);
	put_segments(content, 0xA1, 0x88, &bsp, span_of(metadata), BSP_PLAIN_MAX_MAC_ONLY);
	if (g_strcmp0(state_string(input->profile, "mode"), "ppk") == 0)
		put_replace_keys(content, input->profile, &bsp);
	put_segments(content, 0xA3, 0x86, &bsp, span_of(body), BSP_PLAIN_MAX_ENCRYPTED);
	if (fault_is(input->fault, "bad-mac"))
		content->data[content->len - 1] ^= 1;
	wipe(&bsp, sizeof(bsp));
	out = g_byte_array_new();
	der_put_wrapped(out, 0xBF36, content);
	return g_byte_array_free_to_bytes(g_steal_pointer(&out));
}
