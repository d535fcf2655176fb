/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files of the card on the basic channel, and what the modem reads for itself.
 */
#include "card-priv.h"

#define READ_MAX (32 * 1024)

static const uint8_t usim_prefix[] = { 0xa0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x02 };
static const uint8_t isdr_aid[] = { 0xa0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xff, 0xff, 0xff,
	0xff, 0x89, 0x00, 0x00, 0x01, 0x00 };

/* The value of a tag of one octet in a list of TLVs. */
static Span ber_find(Span list, uint8_t tag)
{
	const uint8_t *p = list.data;
	size_t at = 0;

	while (list.size - at >= 2) {
		size_t head = 2, size = p[at + 1];

		if (size == 0x81 && list.size - at >= 3) {
			head = 3;
			size = p[at + 2];
		} else if (size >= 0x80)
			break;
		if (size > list.size - at - head)
			break;
		if (p[at] == tag)
			return span(p + at + head, size);
		at += head + size;
	}
	return (Span) {};
}

static bool good(uint16_t sw)
{
	return sw == 0x9000 || sw >> 8 == 0x91 || sw >> 8 == 0x62 || sw >> 8 == 0x63;
}

/* SELECT with Le; cards that take SELECT without only answer 6700. */
static bool select_send(CardThread *t, const uint8_t head[4], Span name, bool le, CardAnswer *ret)
{
	g_autoptr(GByteArray) apdu = g_byte_array_new();

	array_append_span(apdu, span(head, 4));
	put_span8(apdu, name);
	if (le)
		put_u8(apdu, 0);
	if (!card_collect(t, span_of_array(apdu), ret))
		return false;
	if (!le || ret->sw != 0x6700)
		return true;
	return card_collect(t, span(apdu->data, apdu->len - 1), ret);
}

bool card_select_aid(CardThread *t, unsigned channel, Span aid, CardSelect what, CardAnswer *ret)
{
	static const uint8_t p2[] = {
		[CARD_SELECT_NO_DATA] = 0x0c,
		[CARD_SELECT_FCP] = 0x04,
		[CARD_SELECT_FCI] = 0x00,
	};
	uint8_t head[4] = { card_class(0x00, channel), 0xa4, 0x04, p2[what] };

	return select_send(t, head, aid, what != CARD_SELECT_NO_DATA, ret);
}

bool card_select_path(CardThread *t, Span path, CardAnswer *ret)
{
	static const uint8_t mf[] = { 0x3f, 0x00 };
	uint8_t head[4] = { 0x00, 0xa4, 0x00, 0x04 };
	size_t at = path.size >= 2 && memcmp(path.data, mf, 2) == 0 ? 2 : 0;

	if (!select_send(t, head, SPAN_ARRAY(mf), true, ret))
		return false;
	for (; good(ret->sw) && at + 2 <= path.size; at += 2) {
		Span file = span(path.data + at, 2);
		Span aid = t->state.has_usim ? span(t->state.usim_aid, t->state.usim_aid_size)
					     : SPAN_ARRAY(usim_prefix);
		bool usim = file.data[0] == 0x7f && file.data[1] == 0xff;

		if (!(usim ? card_select_aid(t, 0, aid, CARD_SELECT_FCP, ret)
			   : select_send(t, head, file, true, ret)))
			return false;
	}
	return true;
}

static size_t fcp_number(Span fcp, uint8_t tag)
{
	Span value = ber_find(fcp, tag);
	size_t n = 0;

	for (size_t i = 0; i < value.size && i < 4; i++)
		n = n << 8 | value.data[i];
	return n;
}

static Span fcp_of(const CardAnswer *answer)
{
	return ber_find(span_of(answer->data), 0x62);
}

/* READ BINARY of the selected file. */
static bool binary_read(
	CardThread *t, size_t offset, size_t length, GByteArray *out, uint16_t *ret_sw)
{
	while (length) {
		size_t part = MIN(length, 255);
		uint8_t apdu[5] = { 0x00, 0xb0, (uint8_t)(offset >> 8 & 0x7f), (uint8_t)offset,
			(uint8_t)part };
		g_auto(CardAnswer) answer = {};
		Span data;

		if (!card_collect(t, SPAN_ARRAY(apdu), &answer))
			return false;
		*ret_sw = answer.sw;
		data = span_of(answer.data);
		if (!good(answer.sw) || data.size == 0)
			return true;
		array_append_span(out, data);
		offset += data.size;
		length -= MIN(length, data.size);
	}
	return true;
}

static bool record_read(CardThread *t, unsigned number, unsigned length, CardAnswer *ret)
{
	uint8_t apdu[5] = { 0x00, 0xb2, (uint8_t)number, 0x04, (uint8_t)length };

	return card_collect(t, SPAN_ARRAY(apdu), ret);
}

void card_job_read(CardThread *t, CardJob *job)
{
	g_auto(CardAnswer) answer = {};
	g_autoptr(GByteArray) out = g_byte_array_new();
	Span fcp, descriptor;
	size_t length = job->length, size;

	job->error = QMI_INTERNAL;
	if (!card_select_path(t, span_of(job->bytes), &answer))
		return;
	job->sw = answer.sw;
	fcp = fcp_of(&answer);
	size = fcp_number(fcp, 0x80);
	descriptor = ber_find(fcp, 0x82);
	if (!good(answer.sw)) {
		job->error = QMI_OK; /* the status word says which */
		return;
	}
	if (job->kind == CARD_JOB_ATTRIBUTES) {
		job->answer = g_steal_pointer(&answer.data);
	} else if (job->kind == CARD_JOB_READ_RECORD) {
		if (!length && descriptor.size >= 4)
			length = descriptor.data[3];
		if (!record_read(t, job->number, (unsigned)length, &answer))
			return;
		job->sw = answer.sw;
		job->answer = g_steal_pointer(&answer.data);
	} else {
		if (!length)
			length = size > job->number ? size - job->number : 0;
		if (!binary_read(t, job->number, MIN(length, READ_MAX), out, &job->sw))
			return;
		job->answer = g_bytes_new(out->data, out->len);
	}
	job->error = QMI_OK;
}

/* ---- for the modem itself ---- */

static bool file_read(CardThread *t, Span path, size_t length, GByteArray *out)
{
	g_auto(CardAnswer) answer = {};
	uint16_t sw = 0;

	return card_select_path(t, path, &answer) && good(answer.sw) &&
		binary_read(t, 0, length, out, &sw) && good(sw) && out->len >= length;
}

/* EF-DIR names the applications: 61 {4F AID …} (TS 102 221 13.1). */
static void usim_find(CardThread *t)
{
	static const uint8_t dir[] = { 0x2f, 0x00 };
	g_auto(CardAnswer) answer = {};
	Span descriptor, aid = {};
	unsigned length;

	t->state.has_usim = false;
	if (!card_select_path(t, SPAN_ARRAY(dir), &answer))
		return;
	descriptor = ber_find(fcp_of(&answer), 0x82);
	length = descriptor.size >= 4 ? descriptor.data[3] : 0;
	for (unsigned i = 1; good(answer.sw) && i <= 8 && !aid.data; i++) {
		if (!record_read(t, i, length, &answer))
			return;
		if (good(answer.sw))
			aid = ber_find(ber_find(span_of(answer.data), 0x61), 0x4f);
		if (!span_starts(aid, SPAN_ARRAY(usim_prefix)))
			aid = (Span) {};
	}
	if (!aid.data) {
		if (!card_select_aid(t, 0, SPAN_ARRAY(usim_prefix), CARD_SELECT_FCP, &answer) ||
			!good(answer.sw))
			return;
		aid = ber_find(fcp_of(&answer), 0x84);
		if (!span_starts(aid, SPAN_ARRAY(usim_prefix)))
			aid = SPAN_ARRAY(usim_prefix);
	}
	if (aid.size > sizeof(t->state.usim_aid))
		return;
	memcpy(t->state.usim_aid, aid.data, aid.size);
	t->state.usim_aid_size = aid.size;
	t->state.has_usim = true;
}

/* EF-IMSI: length, then a parity nibble and the digits (TS 31.102 4.2.2). */
static void imsi_parse(Span file, char ret[16])
{
	size_t n = 0;

	for (size_t i = 1; i < file.size && i <= file.data[0] && n < 15; i++) {
		uint8_t low = file.data[i] & 0x0f, high = file.data[i] >> 4;

		if (i > 1 && low <= 9)
			ret[n++] = (char)('0' + low);
		if (high <= 9 && n < 15)
			ret[n++] = (char)('0' + high);
	}
	ret[n] = 0;
}

void card_read_identity(CardThread *t)
{
	static const uint8_t ef_iccid[] = { 0x2f, 0xe2 };
	static const uint8_t ef_imsi[] = { 0x7f, 0xff, 0x6f, 0x07 };
	static const uint8_t ef_ad[] = { 0x7f, 0xff, 0x6f, 0xad };
	g_autoptr(GByteArray) iccid = g_byte_array_new(), imsi = g_byte_array_new();
	g_autoptr(GByteArray) ad = g_byte_array_new();

	if (!file_read(t, SPAN_ARRAY(ef_iccid), 10, iccid))
		return;
	memcpy(t->state.iccid, iccid->data, 10);
	t->state.has_iccid = true;
	usim_find(t);
	if (!t->state.has_usim)
		return;
	if (file_read(t, SPAN_ARRAY(ef_imsi), 9, imsi))
		imsi_parse(span_of_array(imsi), t->state.imsi);
	if (file_read(t, SPAN_ARRAY(ef_ad), 4, ad) && (ad->data[3] & 0x0f) == 3)
		t->state.mnc_digits = 3;
}

void card_read_eid(CardThread *t)
{
	static const uint8_t open[] = { 0x00, 0x70, 0x00, 0x00, 0x01 };
	/* GetEuiccDataRequest for tag 5A (SGP.22 5.7.20). */
	static const uint8_t get[] = { 0x80, 0xe2, 0x91, 0x00, 0x06, 0xbf, 0x3e, 0x03, 0x5c, 0x01,
		0x5a };
	uint8_t close[] = { 0x00, 0x70, 0x80, 0x00, 0x00 }, apdu[sizeof(get)];
	g_auto(CardAnswer) answer = {}, closed = {};
	Span data;

	if (!card_collect(t, SPAN_ARRAY(open), &answer) || !good(answer.sw))
		return;
	data = span_of(answer.data);
	if (data.size != 1 || data.data[0] == 0 || data.data[0] >= CARD_CHANNELS)
		return;
	close[3] = data.data[0];
	memcpy(apdu, get, sizeof(get));
	apdu[0] = card_class(0x80, close[3]);
	if (!card_select_aid(t, close[3], SPAN_ARRAY(isdr_aid), CARD_SELECT_FCI, &answer))
		return;
	if (good(answer.sw)) {
		if (!card_collect(t, SPAN_ARRAY(apdu), &answer))
			return;
		data = span_of(answer.data);
		if (data.size >= 3 && data.data[0] == 0xbf && data.data[1] == 0x3e)
			data = ber_find(span(data.data + 3, data.size - 3), 0x5a);
		else
			data = (Span) {};
		if (data.size == 16) {
			memcpy(t->state.eid, data.data, 16);
			t->state.has_eid = true;
		}
	}
	if (!card_exchange(t, SPAN_ARRAY(close), &closed))
		g_message("card: gone while the EID was read");
}
