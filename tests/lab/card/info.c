/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the card says of itself: EID, EUICCInfo, certificates, addresses, rules, connectivity parameters.
 */
#include "lab/card/card.h"

#include <string.h>

#define MEMORY_PER_PROFILE 8192

Sw es10_get_eid(Euicc *e, Span value, GByteArray *out)
{
	GByteArray *content;
	uint8_t eid[16];
	Tlv list;

	if (!der_find(value, 0x5c, &list) || !span_equal(list.value, SPAN_LITERAL("\x5a")) ||
		!eid_from_text(e->state->eid, false, eid))
		return SW_WRONG_DATA;
	content = g_byte_array_new();
	der_put(content, 0x5a, SPAN_ARRAY(eid));
	der_put_wrapped(out, 0xbf3e, content);
	return SW_OK;
}

static void put_ci_list(Euicc *e, uint32_t tag, GByteArray *out)
{
	GByteArray *list = g_byte_array_new();

	for (unsigned i = 0; i < e->keys->len; i++)
		der_put(list, 0x04, span_of(((CiKey *)e->keys->pdata[i])->id));
	der_put_wrapped(out, tag, list);
}

Sw es10_info1(Euicc *e, Span value, GByteArray *out)
{
	GByteArray *content = g_byte_array_new();

	der_put(content, 0x82, SPAN_LITERAL("\x02\x05\x00"));
	put_ci_list(e, 0xa9, content);
	put_ci_list(e, 0xaa, content);
	der_put_wrapped(out, 0xbf20, content);
	return SW_OK;
}

int64_t free_memory(const Euicc *e)
{
	int64_t left = e->state->nvm;

	for (unsigned i = 0; i < e->state->profiles->len; i++)
		left -= ((Profile *)e->state->profiles->pdata[i])->size + MEMORY_PER_PROFILE;
	return MAX(left, 0);
}

void put_info2(Euicc *e, GByteArray *out)
{
	GByteArray *content = g_byte_array_new(), *inner = g_byte_array_new();
	int64_t left = free_memory(e);
	uint8_t nvm[] = { left >> 24, left >> 16, left >> 8, left }, ram[] = { 0, 0, 0x40, 0 };
	uint8_t count[] = { e->state->profiles->len };

	der_put(content, 0x81, SPAN_LITERAL("\x02\x03\x01"));
	der_put(content, 0x82, SPAN_LITERAL("\x02\x05\x00"));
	der_put(content, 0x83, SPAN_LITERAL("\x01\x00\x00"));
	der_put(inner, 0x81, SPAN_ARRAY(count));
	der_put(inner, 0x82, SPAN_ARRAY(nvm));
	der_put(inner, 0x83, SPAN_ARRAY(ram));
	der_put(content, 0x84, span_of_array(inner));
	g_byte_array_set_size(inner, 0);
	put_bits(content, 0x85, 1u << 1 | 1u << 6 | 1u << 8); /* USIM, Milenage, one AKA */
	der_put(content, 0x86, SPAN_LITERAL("\x0f\x00\x00"));
	der_put(content, 0x87, SPAN_LITERAL("\x02\x03\x00"));
	put_bits(content, 0x88, 1u << 0 | 1u << 3); /* additionalProfile, testProfileSupport */
	put_ci_list(e, 0xa9, content);
	put_ci_list(e, 0xaa, content);
	der_put_integer(content, 0x8b, 2);
	put_bits(content, 0x99, 0);
	der_put(content, 0x04, SPAN_LITERAL("\x01\x00\x00"));
	der_put(content, 0x0c, span_string("LAB-0001"));
	if (e->state->consumer) {
		g_byte_array_unref(inner);
	} else {
		GByteArray *iot = g_byte_array_new();

		der_put_integer(content, 0x90, 0);
		der_put(inner, 0x04, SPAN_LITERAL("\x01\x02\x00"));
		der_put_wrapped(iot, 0xa0, inner);
		der_put(iot, 0x81, SPAN_LITERAL(""));
		der_put(iot, 0x82, SPAN_LITERAL(""));
		der_put_wrapped(content, 0xb4, iot);
	}
	der_put_wrapped(out, 0xbf22, content);
}

Sw es10_info2(Euicc *e, Span value, GByteArray *out)
{
	put_info2(e, out);
	return SW_OK;
}

Sw es10_get_rat(Euicc *e, Span value, GByteArray *out)
{
	GByteArray *content = g_byte_array_new();

	der_put(content, 0xa0, span_of(e->state->rat));
	der_put_wrapped(out, 0xbf43, content);
	return SW_OK;
}

Sw es10_get_certs(Euicc *e, Span value, GByteArray *out)
{
	GByteArray *content, *certificates;
	CiKey *ci = euicc_ci_default(e);
	Tlv id;

	if (!tlvs_good(value))
		return SW_WRONG_DATA;
	if (der_find(value, 0x80, &id))
		ci = euicc_ci_find(e, id.value);
	if (!ci || (der_find(value, 0x80, &id) && id.value.size != g_bytes_get_size(ci->id)))
		return answer_code_as(out, 0xbf56, 0x81, 1);
	content = g_byte_array_new();
	certificates = g_byte_array_new();
	put_retagged(certificates, 0xa5, span_of(ci->eum_der));
	put_retagged(certificates, 0xa6, span_of(ci->euicc_der));
	der_put_wrapped(content, 0xa0, certificates);
	der_put_wrapped(out, 0xbf56, content);
	return SW_OK;
}

Sw es10_addresses(Euicc *e, Span value, GByteArray *out)
{
	GByteArray *content = g_byte_array_new();

	if (e->state->smdp_address)
		der_put(content, 0x80, span_string(e->state->smdp_address));
	der_put(content, 0x81, span_string(e->state->smds_address));
	der_put_wrapped(out, 0xbf3c, content);
	return SW_OK;
}

static Sw set_default_dp(Euicc *e, uint32_t tag, Span value, GByteArray *out)
{
	g_autofree char *text = NULL;
	Tlv address;

	if (!der_find(value, 0x80, &address))
		return SW_WRONG_DATA;
	text = text_read(address.value);
	/* With an eIM it is the eIM's to set (digest 3.6). */
	if (!text || address.value.size > 255 || e->state->eims->len)
		return answer_code(out, tag, 127);
	g_free(e->state->smdp_address);
	e->state->smdp_address = *text ? g_steal_pointer(&text) : NULL;
	euicc_touch(e);
	return answer_code(out, tag, 0);
}

Sw es10_set_default_dp_sgp22(Euicc *e, Span value, GByteArray *out)
{
	return set_default_dp(e, 0xbf3f, value, out);
}

Sw es10_set_default_dp(Euicc *e, Span value, GByteArray *out)
{
	return set_default_dp(e, 0xbf65, value, out);
}

/* There is no IPAe in this card, whatever its template says. */
Sw es10_ipae_activation(Euicc *e, Span value, GByteArray *out)
{
	Tlv option;
	uint32_t bits;

	if (!der_find(value, 0x80, &option) || !bits_read(option.value, &bits))
		return SW_WRONG_DATA;
	return answer_code(out, 0xbf42, 1);
}

Sw es10_connectivity(Euicc *e, Span value, GByteArray *out)
{
	const Profile *profile = profile_enabled(e->state);
	GByteArray *content, *parameters;

	if (!profile || !profile->http_params)
		return answer_code_as(out, 0xbf5f, 0x81, 1);
	content = g_byte_array_new();
	parameters = g_byte_array_new();
	der_put(parameters, 0x81, span_of(profile->http_params));
	der_put_wrapped(content, 0xa0, parameters);
	der_put_wrapped(out, 0xbf5f, content);
	return SW_OK;
}

GBytes *http_params_new(const char *apn)
{
	g_autoptr(GByteArray) run = g_byte_array_new(), name = g_byte_array_new();
	g_auto(GStrv) labels = g_strsplit(apn, ".", -1);

	for (char **label = labels; *label; label++) {
		uint8_t size = (uint8_t)MIN(strlen(*label), 64);

		if (size == 0 || size > 63)
			return NULL;
		g_byte_array_append(name, &size, 1);
		array_append_span(name, span_string(*label));
	}
	if (name->len == 0 || name->len > 100)
		return NULL;
	/* Bearer description: EPS, default QoS, IPv4v6 (TS 102 223 8.52). */
	der_put(run, 0x35, SPAN_LITERAL("\x0b\x09\x00\x00\x00\x00\x8d"));
	der_put(run, 0x47, span_of_array(name));
	return span_to_bytes(span_of_array(run));
}
