/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The octets that the eIM sends, written out by hand: an eye of its own on the codec of the daemon. */
#include "lab/eim/eim.h"

#include <string.h>

#include "asn1/der.h"

static GBytes *finish(GByteArray *out)
{
	return g_byte_array_free_to_bytes(out);
}

/* ---- eUICC Package (SGP.32 2.11.1.1) ---- */
GBytes *package_tbs(Span data_signed, json_t *device)
{
	GByteArray *out = g_byte_array_new();

	array_append_span(out, data_signed);
	/* 84 01 00 stands for "no token". */
	der_put_integer(out, 0x84, state_integer(device, "token"));
	return finish(out);
}

static int64_t take_counter(json_t *device, json_t *item, const Fault *fault)
{
	int64_t counter;

	if (fault_is(fault, "replay"))
		return state_integer(device, "counter");
	if (json_object_get(item, "counter"))
		return state_integer(item, "counter");
	counter = state_integer(device, "counter") + 1;
	state_set_integer(device, "counter", counter);
	state_set_integer(item, "counter", counter);
	return counter;
}

GBytes *package_build(LabServer *server, json_t *device, json_t *item, const Fault *fault)
{
	GByteArray *content = g_byte_array_new(), *package = g_byte_array_new();
	g_autoptr(GByteArray) data_signed = g_byte_array_new();
	g_autoptr(GBytes) commands = state_octets(item, "content"), tbs = NULL;
	g_autoptr(GBytes) transaction = state_octets(item, "transactionId");
	GByteArray *out = g_byte_array_new();
	uint8_t eid[16] = { 0 };

	g_assert(eid_from_text(device_eid(device), false, eid));
	if (fault_is(fault, "wrong-eid"))
		eid[15] ^= 1;
	der_put(content, 0x80, span_string(EIM(server)->id));
	der_put(content, 0x5A, SPAN_ARRAY(eid));
	der_put_integer(content, 0x81, take_counter(device, item, fault));
	if (!state_flag(item, "noTransaction"))
		der_put(content, 0x82, span_of(transaction));
	der_put(content, g_strcmp0(state_string(item, "list"), "eco") == 0 ? 0xA1 : 0xA0,
		span_of(commands));
	der_put_wrapped(data_signed, 0x30, content);
	tbs = package_tbs(span_of_array(data_signed), device);
	array_append_span(package, span_of_array(data_signed));
	crypto_put_signature(package, EIM(server)->sign_key, span_of(tbs));
	if (fault_is(fault, "bad-signature"))
		package->data[package->len - 1] ^= 1;
	der_put_wrapped(out, 0xBF51, package);
	return finish(out);
}

/* ---- ProfileDownloadTriggerRequest BF54 ---- */
static GBytes *build_download(json_t *item)
{
	GByteArray *content = g_byte_array_new(), *out = g_byte_array_new();
	g_autoptr(GBytes) data = state_octets(item, "content");
	g_autoptr(GBytes) transaction = state_octets(item, "transactionId");

	array_append_span(content, span_of(data));
	if (!state_flag(item, "noTransaction"))
		der_put(content, 0x82, span_of(transaction));
	der_put_wrapped(out, 0xBF54, content);
	return finish(out);
}

/* ---- IpaEuiccDataRequest BF52 ---- */
static GBytes *build_data_request(json_t *item)
{
	GByteArray *content = g_byte_array_new(), *out = g_byte_array_new();
	g_autoptr(GBytes) data = state_octets(item, "content");
	g_autoptr(GBytes) transaction = state_octets(item, "transactionId");

	array_append_span(content, span_of(data));
	if (!state_flag(item, "noTransaction"))
		der_put(content, 0x83, span_of(transaction));
	der_put_wrapped(out, 0xBF52, content);
	return finish(out);
}

GBytes *package_of_item(LabServer *server, json_t *device, json_t *item, const Fault *fault)
{
	const char *kind = state_string(item, "kind");

	if (g_str_equal(kind, "package"))
		return package_build(server, device, item, fault);
	if (g_str_equal(kind, "download"))
		return build_download(item);
	if (g_str_equal(kind, "data-request"))
		return build_data_request(item);
	return state_octets(item, "content");
}

/* ---- EimConfigurationData ---- */
static void put_key(GByteArray *out, EVP_PKEY *key)
{
	g_autoptr(GBytes) spki = crypto_key_spki(key);
	g_autoptr(GBytes) tagged = der_retag(span_of(spki), 0xA0);

	array_append_span(out, span_of(tagged));
}

static void put_certificate(GByteArray *out, X509 *certificate)
{
	g_autoptr(GBytes) der = crypto_certificate_der(certificate);
	g_autoptr(GBytes) tagged = der_retag(span_of(der), 0xA1);

	array_append_span(out, span_of(tagged));
}

static bool put_trust(GByteArray *out, const Eim *eim, const char *pin, GError **error)
{
	GByteArray *trust;

	if (g_str_equal(pin, "none"))
		return true;
	if (g_str_equal(pin, "ca") && !eim->ca_certificate)
		return sgp32_fail(error, SGP32_ERROR_NOT_FOUND, "the PKI has no eim/ca.pem");
	trust = g_byte_array_new();
	if (g_str_equal(pin, "key"))
		put_key(trust, crypto_certificate_key(eim->tls_certificate));
	else
		put_certificate(
			trust, g_str_equal(pin, "ca") ? eim->ca_certificate : eim->tls_certificate);
	der_put_wrapped(out, 0xA6, trust);
	return true;
}

GBytes *config_build(LabServer *server, const ConfigOptions *options, GError **error)
{
	const Eim *eim = EIM(server);
	g_autoptr(GByteArray) content = g_byte_array_new();
	GByteArray *key = g_byte_array_new(), *out;

	der_put(content, 0x80, span_string(eim->id));
	der_put(content, 0x81, span_string(options->fqdn ? options->fqdn : eim->host));
	if (g_str_equal(eim->id, eim->host))
		der_put_integer(content, 0x82, 2);
	if (options->counter >= 0)
		der_put_integer(content, 0x83, options->counter);
	if (options->token)
		der_put_integer(content, 0x84, -1);
	if (g_str_equal(options->sign, "cert"))
		put_certificate(key, eim->sign_certificate);
	else
		put_key(key, eim->sign_key);
	der_put_wrapped(content, 0xA5, key);
	if (!put_trust(content, eim, options->pin, error))
		return NULL;
	der_put(content, 0x87, SPAN_LITERAL("\x07\x80")); /* retrieveHttps */
	if (options->indirect)
		der_put(content, 0x89, SPAN_LITERAL(""));
	out = g_byte_array_new();
	der_put_wrapped(out, 0x30, g_steal_pointer(&content));
	return finish(out);
}
