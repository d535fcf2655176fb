/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "card/server.h"

#include <string.h>

#include "asn1/der.h"
#include "lab/common/cert.h"

#define TRANSACTION SPAN_LITERAL("\x11\x22\x33\x44")

void server_clear(Server *server)
{
	g_clear_pointer(&server->challenge, g_bytes_unref);
	g_clear_pointer(&server->signed2_signature, g_bytes_unref);
	g_clear_pointer(&server->signature1, g_bytes_unref);
	g_clear_pointer(&server->card_point, g_bytes_unref);
}

static const char *ci_of(const Server *server)
{
	return server->ci ? server->ci : "nist";
}

static char *path_of(const Server *server, const char *name, const char *kind)
{
	return g_strdup_printf(
		"%s/%s/%s.%s", server->pki ? server->pki : host_pki(), ci_of(server), name, kind);
}

static X509 *certificate_of(const Server *server, const char *name)
{
	g_autofree char *path = path_of(server, name, "pem");
	g_autoptr(GError) error = NULL;
	X509 *certificate = crypto_certificate_load(path, &error);

	g_assert_no_error(error);
	return certificate;
}

static EVP_PKEY *key_of(const Server *server, const char *name)
{
	g_autofree char *path = path_of(server, name, "key");
	g_autoptr(GError) error = NULL;
	EVP_PKEY *key = crypto_key_load(path, &error);

	g_assert_no_error(error);
	return key;
}

static void put_certificate(const Server *server, const char *name, GByteArray *out)
{
	g_autoptr(X509) certificate = certificate_of(server, name);
	g_autoptr(GBytes) der = crypto_certificate_der(certificate);

	array_append_span(out, span_of(der));
}

GBytes *server_challenge(Server *server, Host *host)
{
	GBytes *answer = host_es10_hex(host, "BF2E00");
	Span all = span_of(answer);

	g_assert_cmpuint(all.size, ==, 21);
	g_clear_pointer(&server->challenge, g_bytes_unref);
	server->challenge = g_bytes_new(all.data + 5, 16);
	return answer;
}

static GBytes *send_command(Host *host, uint32_t tag, GByteArray *content)
{
	g_autoptr(GByteArray) command = g_byte_array_new();

	der_put_wrapped(command, tag, content);
	return host_es10(host, span_of_array(command));
}

GBytes *server_authenticate(Server *server, Host *host)
{
	const char *name = server->auth ? server->auth : "dpauth";
	g_autoptr(EVP_PKEY) key = key_of(server, name);
	g_autoptr(X509) ci = certificate_of(server, "ci");
	/* The context: a matching id and the least of a device. */
	g_autoptr(GBytes) ski = cert_ski(ci),
			  context = hex_bytes("a012 800141 a10d 800411223344 a1058503 0f0000");
	GByteArray *signed1 = g_byte_array_new(), *content = g_byte_array_new();
	g_autoptr(GByteArray) tbs = g_byte_array_new();
	GBytes *answer;
	Tlv whole, arm, field;

	der_put(signed1, 0x80, TRANSACTION);
	der_put(signed1, 0x81,
		server->bad_challenge ? SPAN_LITERAL("0123456789abcdef")
				      : span_of(server->challenge));
	der_put(signed1, 0x83, span_string(server->address ? server->address : "smdp.ex"));
	der_put(signed1, 0x84, SPAN_LITERAL("fedcba9876543210"));
	der_put_wrapped(content, 0x30, signed1);
	array_append_span(tbs, span_of_array(content));
	if (server->bad_signature1)
		tbs->data[5] ^= 1;
	crypto_put_signature(content, key, span_of_array(tbs));
	der_put(content, 0x04, span_of(ski));
	put_certificate(server, name, content);
	array_append_span(content, span_of(context));
	answer = send_command(host, 0xbf38, content);
	g_clear_pointer(&server->signature1, g_bytes_unref);
	if (der_single(span_of(answer), &whole, NULL) && der_single(whole.value, &arm, NULL) &&
		arm.tag == 0xa0 && der_find(arm.value, 0x5f37, &field))
		server->signature1 = span_to_bytes(field.value);
	return answer;
}

GBytes *server_prepare(Server *server, Host *host)
{
	const char *name = server->pb ? server->pb : "dppb";
	g_autoptr(EVP_PKEY) key = key_of(server, name);
	GByteArray *signed2 = g_byte_array_new(), *content = g_byte_array_new();
	g_autoptr(GByteArray) tbs = g_byte_array_new();
	GBytes *answer;
	Tlv whole, arm, data, field;

	der_put(signed2, 0x80, server->bad_transaction ? SPAN_LITERAL("\x99") : TRANSACTION);
	der_put(signed2, 0x01, SPAN_LITERAL("\x00"));
	if (server->bound_to)
		der_put(signed2, 0x5f49, span_of(server->bound_to));
	der_put_wrapped(content, 0x30, signed2);
	array_append_span(tbs, span_of_array(content));
	der_put(tbs, 0x5f37,
		server->signature1 ? span_of(server->signature1) : SPAN_LITERAL("none"));
	if (server->bad_signature2)
		tbs->data[5] ^= 1;
	crypto_put_signature(content, key, span_of_array(tbs));
	put_certificate(server, name, content);
	answer = send_command(host, 0xbf21, content);
	g_clear_pointer(&server->card_point, g_bytes_unref);
	if (der_single(span_of(answer), &whole, NULL) && der_single(whole.value, &arm, NULL) &&
		arm.tag == 0xa0 && der_find(arm.value, 0x30, &data) &&
		der_find(data.value, 0x5f49, &field))
		server->card_point = span_to_bytes(field.value);
	return answer;
}

/* ---- the package ---- */
static void chain_add(GPtrArray *chains, GByteArray *chain)
{
	g_ptr_array_add(chains, g_byte_array_free_to_bytes(chain));
}

/* Protected segments of plain, one array per segment. */
static GPtrArray *protect(
	Server *server, Bsp *bsp, uint32_t tag, Span plain, size_t piece, unsigned *n)
{
	GPtrArray *segments = g_ptr_array_new();

	for (size_t done = 0; done < plain.size || done == 0;) {
		size_t size = MIN(piece, plain.size - done);
		GByteArray *segment = g_byte_array_new();

		bsp_protect(bsp, tag, span(plain.data + done, size), segment);
		if (++*n == server->damaged)
			segment->data[segment->len - 1] ^= 1;
		g_ptr_array_add(segments, segment);
		done += size;
		if (plain.size == 0)
			break;
	}
	return segments;
}

static void put_segments(GPtrArray *segments, GByteArray *out)
{
	for (unsigned i = 0; i < segments->len; i++)
		array_append_span(out, span_of_array(segments->pdata[i]));
}

static void segments_free(GPtrArray *segments)
{
	for (unsigned i = 0; i < segments->len; i++)
		g_byte_array_unref(segments->pdata[i]);
	g_ptr_array_unref(segments);
}

static GByteArray *initialise(Server *server, EVP_PKEY *one_time)
{
	g_autoptr(EVP_PKEY) key = key_of(server, server->pb ? server->pb : "dppb");
	GByteArray *content = g_byte_array_new(), *crt = g_byte_array_new(),
		   *whole = g_byte_array_new();
	g_autoptr(GByteArray) tbs = g_byte_array_new();
	uint8_t type = server->key_type ? server->key_type : 0x88, point[CRYPTO_POINT_SIZE];

	der_put_integer(content, 0x82, server->operation ? server->operation : 1);
	der_put(content, 0x80, TRANSACTION);
	der_put(crt, 0x80, span(&type, 1));
	der_put(crt, 0x81, SPAN_LITERAL("\x10"));
	der_put(crt, 0x84, SPAN_LITERAL("\x01\x02\x03\x04"));
	der_put_wrapped(content, 0xa6, crt);
	crypto_key_point(one_time, point);
	der_put(content, 0x5f49, SPAN_ARRAY(point));
	array_append_span(tbs, span_of_array(content));
	der_put(tbs, 0x5f49, span_of(server->card_point));
	if (server->bad_bpp_signature)
		tbs->data[2] ^= 0x40;
	crypto_put_signature(content, key, span_of_array(tbs));
	der_put_wrapped(whole, 0xbf23, content);
	return whole;
}

GPtrArray *server_package(Server *server)
{
	CryptoCurve curve =
		g_str_equal(ci_of(server), "nist") ? CRYPTO_CURVE_P256 : CRYPTO_CURVE_BRAINPOOL;
	g_autoptr(EVP_PKEY) one_time = crypto_key_generate(curve),
			    peer = crypto_key_from_point(curve, span_of(server->card_point), NULL);
	g_autoptr(GBytes) eid = hex_bytes(EUICC_DEFAULT_EID),
			  metadata = hex_bytes(server->metadata);
	g_autofree uint8_t *elements = g_malloc(MAX(server->size, 1));
	g_autoptr(GByteArray) bf25 = g_byte_array_new(), configure = g_byte_array_new();
	GByteArray *bf23 = initialise(server, one_time), *bf36 = g_byte_array_new();
	GByteArray *a0 = g_byte_array_new(), *a1 = g_byte_array_new(), *a2 = NULL,
		   *a3 = g_byte_array_new();
	GPtrArray *chains = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	GPtrArray *parts[4] = { NULL };
	size_t sizes[4] = { 0 }, total;
	unsigned n = 0;
	uint8_t z[32];
	Bsp bsp;

	g_assert_nonnull(peer);
	g_assert_true(crypto_ecdh(one_time, peer, z, NULL));
	bsp_derive(&bsp, SPAN_ARRAY(z), SPAN_LITERAL("\x01\x02\x03\x04"), span_of(eid));
	for (size_t i = 0; i < server->size; i++)
		elements[i] = (uint8_t)(i * 7);
	der_put(configure, 0xbf24, SPAN_LITERAL(""));
	der_put(bf25, 0xbf25, span_of(metadata));
	parts[0] = protect(server, &bsp, 0x87, span_of_array(configure), 1007, &n);
	parts[1] = protect(server, &bsp, 0x88, span_of_array(bf25), 100, &n);
	if (server->ppk) {
		uint8_t mcv[16] = { 0 }, enc[16] = { 1 }, mac[16] = { 2 };
		g_autoptr(GByteArray) keys = g_byte_array_new();
		GByteArray *content = g_byte_array_new();

		der_put(content, 0x80, SPAN_ARRAY(mcv));
		der_put(content, 0x81, SPAN_ARRAY(enc));
		der_put(content, 0x82, SPAN_ARRAY(mac));
		der_put_wrapped(keys, 0xbf26, content);
		parts[2] = protect(server, &bsp, 0x87, span_of_array(keys), 1007, &n);
		bsp_replace_keys(&bsp, mcv, enc, mac);
	}
	parts[3] = protect(server, &bsp, 0x86, span(elements, server->size), 1007, &n);
	for (unsigned i = 0; i < 4; i++)
		for (unsigned k = 0; parts[i] && k < parts[i]->len; k++)
			sizes[i] += ((GByteArray *)parts[i]->pdata[k])->len;
	der_put_header(a0, 0xa0, sizes[0]);
	put_segments(parts[0], a0);
	der_put_header(a1, 0xa1, sizes[1]);
	if (parts[2]) {
		a2 = g_byte_array_new();
		der_put_header(a2, 0xa2, sizes[2]);
		put_segments(parts[2], a2);
	}
	der_put_header(a3, 0xa3, sizes[3]);
	total = bf23->len + a0->len + a1->len + sizes[1] + (a2 ? a2->len : 0) + a3->len + sizes[3];
	der_put_header(bf36, 0xbf36, total);
	array_append_span(bf36, span_of_array(bf23));
	g_byte_array_unref(bf23);
	chain_add(chains, bf36);
	chain_add(chains, a0);
	chain_add(chains, a1);
	for (unsigned k = 0; k < parts[1]->len; k++)
		g_ptr_array_add(chains, span_to_bytes(span_of_array(parts[1]->pdata[k])));
	if (a2)
		chain_add(chains, a2);
	chain_add(chains, a3);
	for (unsigned k = 0; k < parts[3]->len; k++)
		g_ptr_array_add(chains, span_to_bytes(span_of_array(parts[3]->pdata[k])));
	for (unsigned i = 0; i < 4; i++)
		if (parts[i])
			segments_free(parts[i]);
	return chains;
}

GBytes *server_load(Server *server, Host *host)
{
	g_autoptr(GPtrArray) chains = server_package(server);

	for (unsigned i = 0; i < chains->len; i++) {
		g_autoptr(GBytes) answer = host_es10(host, span_of(chains->pdata[i]));

		if (host->sw != 0x9000)
			return NULL;
		if (g_bytes_get_size(answer))
			return g_steal_pointer(&answer);
	}
	return NULL;
}

GBytes *server_download(Server *server, Host *host)
{
	GBytes *answer = NULL;

	g_bytes_unref(server_challenge(server, host));
	answer = server_authenticate(server, host);
	if (!server->signature1)
		return answer;
	g_bytes_unref(answer);
	answer = server_prepare(server, host);
	if (!server->card_point)
		return answer;
	g_bytes_unref(answer);
	return server_load(server, host);
}

int server_code(GBytes *answer)
{
	Tlv whole, arm, code;

	g_assert_nonnull(answer);
	g_assert_true(der_single(span_of(answer), &whole, NULL));
	g_assert_true(der_single(whole.value, &arm, NULL));
	if (arm.tag == 0xa0)
		return 0;
	g_assert_cmphex(arm.tag, ==, 0xa1);
	g_assert_true(der_find(arm.value, 0x02, &code));
	return code.value.data[0];
}

int server_pir(Host *host, GBytes *pir)
{
	Tlv whole, data, signature, final, arm, command, reason;

	g_assert_nonnull(pir);
	g_assert_true(der_single(span_of(pir), &whole, NULL));
	g_assert_cmphex(whole.tag, ==, 0xbf37);
	g_assert_true(der_find(whole.value, 0xbf27, &data));
	g_assert_true(der_find(whole.value, 0x5f37, &signature));
	host_check_signature(host, data.whole, -1, signature.value);
	g_assert_true(der_find(data.value, 0xa2, &final));
	g_assert_true(der_single(final.value, &arm, NULL));
	if (arm.tag == 0xa0)
		return 0;
	g_assert_true(der_find(arm.value, 0x80, &command));
	g_assert_true(der_find(arm.value, 0x81, &reason));
	return command.value.data[0] << 8 | reason.value.data[0];
}
