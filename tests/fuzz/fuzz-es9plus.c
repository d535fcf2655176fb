/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any octets as the answer of an SM-DP+: the first says to which function, the rest is the body. What is
 * accepted must be complete, and each object one TLV with its tag.
 */
#include "asn1/der.h"
#include "net/es9plus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void assert_object(GBytes *bytes, uint32_t tag)
{
	Tlv tlv;

	g_assert(bytes && der_single(span_of(bytes), &tlv, NULL) && tlv.tag == tag);
}

static void try_initiate_authentication(Span body, GError **error)
{
	g_auto(RspInitiated) ret = { 0 };

	if (!es9plus_parse_initiate_authentication(body, &ret, error))
		return;
	g_assert(g_bytes_get_size(ret.transaction_id) - 1 < 16);
	assert_object(ret.server_signed1, 0x30);
	assert_object(ret.server_signature1, 0x5f37);
	assert_object(ret.euicc_ci_pk_id_to_be_used, 0x04);
	assert_object(ret.server_certificate, 0x30);
}

static void try_authenticate_client(Span body, GError **error)
{
	g_auto(RspAuthenticated) ret = { 0 };

	if (!es9plus_parse_authenticate_client(body, SPAN_LITERAL("\x01"), &ret, error))
		return;
	g_assert(!ret.events == !!ret.smdp_signed2);
	for (unsigned i = 0; ret.events && i < ret.events->len; i++)
		g_assert(*((RspEvent *)ret.events->pdata[i])->rsp_server_address);
	if (ret.events)
		return;
	assert_object(ret.profile_metadata, 0xbf25);
	assert_object(ret.smdp_signed2, 0x30);
	assert_object(ret.smdp_signature2, 0x5f37);
	assert_object(ret.smdp_certificate, 0x30);
}

static void try_get_bound_profile_package(Span body, GError **error)
{
	g_autoptr(GBytes) ret =
		es9plus_parse_get_bound_profile_package(body, SPAN_LITERAL("\x01"), error);

	if (ret)
		assert_object(ret, 0xbf36);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GError) error = NULL;
	Span body;

	if (!size)
		return 0;
	body = span(data + 1, size - 1);
	switch (data[0] % 4) {
	case 0: try_initiate_authentication(body, &error); break;
	case 1: try_authenticate_client(body, &error); break;
	case 2: try_get_bound_profile_package(body, &error); break;
	default:
		if (es9plus_parse_header(body, &error))
			g_assert(!error);
	}
	if (error) {
		g_assert(error->domain == SGP32_ERROR);
		g_assert(g_utf8_validate(error->message, -1, NULL));
	}
	return 0;
}
