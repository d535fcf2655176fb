/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ES10: which function a command is, the one write of what it changed, and the faults that a lab wants.
 */
#include "lab/card/card.h"

#include <string.h>

typedef enum Which { BOTH, IOT, CONSUMER } Which;

static const struct {
	uint32_t tag;
	Which which;
	Es10Function *run;
} functions[] = {
	{ 0xbf20, BOTH, es10_info1 },
	{ 0xbf21, BOTH, es10_prepare_download },
	{ 0xbf22, BOTH, es10_info2 },
	{ 0xbf28, BOTH, es10_list_notification },
	{ 0xbf29, CONSUMER, es10_nickname },
	{ 0xbf2b, BOTH, es10_retrieve_notifications },
	{ 0xbf2d, BOTH, es10_profiles_info },
	{ 0xbf2e, BOTH, es10_challenge },
	{ 0xbf30, BOTH, es10_remove_notification },
	{ 0xbf31, CONSUMER, es10_enable },
	{ 0xbf32, CONSUMER, es10_disable },
	{ 0xbf33, CONSUMER, es10_delete },
	{ 0xbf34, CONSUMER, es10_memory_reset_sgp22 },
	{ 0xbf38, BOTH, es10_authenticate_server },
	{ 0xbf3c, BOTH, es10_addresses },
	{ 0xbf3e, BOTH, es10_get_eid },
	{ 0xbf3f, BOTH, es10_set_default_dp_sgp22 },
	{ 0xbf41, BOTH, es10_cancel_session },
	{ 0xbf42, IOT, es10_ipae_activation },
	{ 0xbf43, BOTH, es10_get_rat },
	{ 0xbf51, IOT, es10_load_package },
	{ 0xbf55, IOT, es10_get_eim_configuration },
	{ 0xbf56, IOT, es10_get_certs },
	{ 0xbf57, IOT, es10_add_initial_eim },
	{ 0xbf58, IOT, es10_rollback },
	{ 0xbf59, IOT, es10_configure_immediate },
	{ 0xbf5a, IOT, es10_immediate_enable },
	{ 0xbf5b, IOT, es10_emergency_enable },
	{ 0xbf5c, IOT, es10_emergency_disable },
	{ 0xbf5d, IOT, es10_fallback },
	{ 0xbf5e, IOT, es10_return_fallback },
	{ 0xbf5f, IOT, es10_connectivity },
	{ 0xbf64, IOT, es10_memory_reset },
	{ 0xbf65, IOT, es10_set_default_dp },
};

static Es10Function *function_find(const Euicc *e, uint32_t tag)
{
	for (size_t i = 0; i < G_N_ELEMENTS(functions); i++)
		if (functions[i].tag == tag &&
			(functions[i].which == BOTH ||
				(functions[i].which == CONSUMER) == e->state->consumer))
			return functions[i].run;
	return NULL;
}

/* Tag in front of a command that may go on in the next chain (BF36, A1 and A3 come without their value). */
static uint32_t leading_tag(Span command)
{
	uint32_t tag;
	size_t i = 1;

	if (command.size == 0)
		return 0;
	tag = command.data[0];
	if ((tag & 0x1f) != 0x1f)
		return tag;
	for (; i < command.size && i < 4; i++) {
		tag = tag << 8 | command.data[i];
		if (!(command.data[i] & 0x80))
			return tag;
	}
	return 0;
}

/* ---- faults ---- */
/* The fault that strikes now; false: none. */
static bool fault_take(Euicc *e, uint32_t tag, bool of_bpp, EuiccFault *ret)
{
	for (unsigned i = 0; i < e->faults->len; i++) {
		EuiccFault *fault = &g_array_index(e->faults, EuiccFault, i);

		if (fault->tag && fault->tag != tag && !(fault->tag == 0xbf36 && of_bpp))
			continue;
		if (fault->after) {
			fault->after--;
			continue;
		}
		*ret = *fault;
		if (fault->times && --fault->times == 0)
			g_array_remove_index(e->faults, i);
		return true;
	}
	return false;
}

static void answer_spoil(const EuiccFault *fault, uint32_t tag, GByteArray *out)
{
	static const uint8_t breaks_off[] = { 0x82, 0x01, 0x00, 0xa0, 0x84, 0xff, 0xff, 0xff,
		0x7f };
	g_autofree uint8_t *filler = NULL;

	g_byte_array_set_size(out, 0);
	if (fault->kind == EUICC_FAULT_GARBAGE) {
		der_put_header(out, tag, 0);
		g_byte_array_set_size(out, out->len - 1);
		g_byte_array_append(out, breaks_off, sizeof(breaks_off));
	} else {
		filler = g_malloc0(200000);
		der_put(out, tag, span(filler, 200000));
	}
}

/* ---- running ---- */
static Sw function_run(Euicc *e, uint32_t tag, Span command, GByteArray *out)
{
	Es10Function *run;
	Tlv tlv;
	Sw sw;

	/* Another command breaks a package off: that is a result of its own. */
	if (bpp_running(e) && !bpp_wants(e, tag)) {
		bpp_interrupt(e);
		if (!euicc_commit(e))
			return SW_FAILURE;
	}
	if (bpp_wants(e, tag) || tag == 0xbf36) {
		sw = bpp_chain(e, command, out);
	} else {
		if (!der_single(command, &tlv, NULL))
			return SW_WRONG_DATA;
		run = function_find(e, tag);
		if (!run)
			return tag > 0xff ? SW_UNKNOWN_OBJECT : SW_WRONG_DATA;
		sw = run(e, tlv.value, out);
	}
	/* Nothing leaves the card that a power cut could take back. */
	if (sw != SW_OK && e->dirty)
		euicc_revert(e);
	if (e->dirty && !euicc_commit(e))
		return SW_FAILURE;
	return sw;
}

Sw es10_run(Euicc *e, Span command, GByteArray *out)
{
	uint32_t tag = leading_tag(command);
	bool of_bpp = tag == 0xbf36 || bpp_wants(e, tag);
	EuiccFault fault;
	bool strikes = fault_take(e, tag, of_bpp, &fault);
	Sw sw;

	if (strikes && fault.kind == EUICC_FAULT_PULL) {
		e->vanished = true;
		return SW_FAILURE;
	}
	if (strikes && fault.kind == EUICC_FAULT_SW) {
		counts_es10(e, of_bpp ? 0xbf36 : tag, command.size, 0);
		return fault.sw;
	}
	sw = function_run(e, tag, command, out);
	if (sw == SW_OK && strikes)
		answer_spoil(&fault, of_bpp ? 0xbf37 : tag, out);
	counts_es10(e, of_bpp ? 0xbf36 : tag, command.size, sw == SW_OK ? out->len : 0);
	return sw;
}

/* ---- helpers of encoding ---- */
Sw answer_code_as(GByteArray *out, uint32_t tag, uint32_t inner, int64_t code)
{
	GByteArray *content = g_byte_array_new();

	der_put_integer(content, inner, code);
	der_put_wrapped(out, tag, content);
	return SW_OK;
}

Sw answer_code(GByteArray *out, uint32_t tag, int64_t code)
{
	return answer_code_as(out, tag, 0x80, code);
}

void put_retagged(GByteArray *out, uint32_t tag, Span tlv)
{
	g_autoptr(GBytes) retagged = der_retag(tlv, tag);

	array_append_span(out, span_of(retagged));
}

void put_bits(GByteArray *out, uint32_t tag, unsigned bits)
{
	uint8_t octets[5] = { 0 };
	size_t size = 1;
	unsigned last = 0;

	for (unsigned bit = 0; bit < 32; bit++)
		if (bits & 1u << bit) {
			octets[1 + bit / 8] |= 0x80 >> bit % 8;
			last = bit;
			size = 2 + bit / 8;
		}
	if (bits)
		octets[0] = 7 - last % 8;
	der_put(out, tag, span(octets, size));
}

bool bits_read(Span value, uint32_t *ret)
{
	uint32_t bits = 0;

	if (value.size == 0 || value.data[0] > 7 || (value.size == 1 && value.data[0]))
		return false;
	for (size_t i = 0; i < (value.size - 1) * 8 && i < 32; i++)
		if (value.data[1 + i / 8] & 0x80 >> i % 8)
			bits |= 1u << i;
	*ret = bits;
	return true;
}

bool integer_read(Span value, int64_t *ret)
{
	uint64_t number;

	if (value.size == 0 || value.size > 8)
		return false;
	number = value.data[0] & 0x80 ? UINT64_MAX : 0;
	for (size_t i = 0; i < value.size; i++)
		number = number << 8 | value.data[i];
	*ret = (int64_t)number;
	return true;
}

bool tlvs_good(Span value)
{
	Tlv tlv;

	while (value.size)
		if (!der_next(&value, &tlv, NULL))
			return false;
	return true;
}

char *text_read(Span value)
{
	char *text = span_to_string(value);

	if (text && !g_utf8_validate(text, -1, NULL))
		g_clear_pointer(&text, g_free);
	return text;
}

char *iccid_read(Span value)
{
	return value.size == 10 ? iccid_to_text(value) : NULL;
}

void put_iccid(GByteArray *out, uint32_t tag, const char *iccid)
{
	uint8_t octets[10];

	if (iccid_from_text(iccid, octets))
		der_put(out, tag, SPAN_ARRAY(octets));
}
