/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What waits to be delivered: notifications and package results, numbered by one counter (digest 9).
 */
#include "lab/card/card.h"

GBytes *notification_metadata(int64_t seq, int event, const char *address, const char *iccid)
{
	GByteArray *content = g_byte_array_new(), *whole = g_byte_array_new();

	der_put_integer(content, 0x80, seq);
	put_bits(content, 0x81, 1u << event);
	der_put(content, 0x0c, span_string(address));
	if (iccid)
		put_iccid(content, 0x5a, iccid);
	der_put_wrapped(whole, 0xbf2f, content);
	return g_byte_array_free_to_bytes(whole);
}

void notification_add(Euicc *e, Notification *notification)
{
	GPtrArray *list = e->state->notifications;

	g_ptr_array_add(list, notification);
	while (list->len > e->state->max_notifications)
		g_ptr_array_remove_index(list, 0);
	euicc_touch(e);
}

static void notify_address(Euicc *e, const Profile *profile, int event, Span address)
{
	CiKey *ci = euicc_ci_named(e, profile->ci);
	g_autofree char *text = text_read(address);
	GByteArray *content, *whole;
	Notification *n;

	if (!text)
		return;
	n = g_new0(Notification, 1);
	n->seq = ++e->state->seq;
	n->event = event;
	n->address = g_steal_pointer(&text);
	n->iccid = g_strdup(profile->iccid);
	n->metadata = notification_metadata(n->seq, event, n->address, n->iccid);
	content = g_byte_array_new();
	whole = g_byte_array_new();
	array_append_span(content, span_of(n->metadata));
	crypto_put_signature(content, ci->key, span_of(n->metadata));
	array_append_span(content, span_of(ci->euicc_der));
	array_append_span(content, span_of(ci->eum_der));
	der_put_wrapped(whole, 0x30, content);
	n->whole = g_byte_array_free_to_bytes(whole);
	notification_add(e, n);
}

void notify_profile(Euicc *e, const Profile *profile, int event)
{
	Span whole = span_of(profile->notification_configuration);
	Tlv list, entry, events, address;
	uint32_t bits;

	if (!whole.data || !der_single(whole, &list, NULL))
		return;
	while (list.value.size && der_next(&list.value, &entry, NULL))
		if (der_find(entry.value, 0x80, &events) && der_find(entry.value, 0x81, &address) &&
			bits_read(events.value, &bits) && bits & 1u << event)
			notify_address(e, profile, event, address.value);
}

/* ---- package results ---- */
/* Signs and stores it, and appends it (BF51) to out; the new number. */
int64_t result_add(
	Euicc *e, const Eim *eim, int64_t counter, Span transaction, Span results, GByteArray *out)
{
	State *state = e->state;
	Result *result = g_new0(Result, 1);
	GByteArray *data = g_byte_array_new(), *content = g_byte_array_new();
	GByteArray *arm = g_byte_array_new(), *whole = g_byte_array_new();
	g_autoptr(GByteArray) signed_octets = g_byte_array_new();

	result->seq = ++state->seq;
	result->counter = counter;
	result->eim_id = g_strdup(eim->id);
	der_put(data, 0x80, span_string(eim->id));
	der_put_integer(data, 0x81, counter);
	if (transaction.data)
		der_put(data, 0x82, transaction);
	der_put_integer(data, 0x83, result->seq);
	der_put(data, 0x30, results);
	der_put_wrapped(content, 0x30, data);
	array_append_span(signed_octets, span_of_array(content));
	put_token(signed_octets, eim);
	crypto_put_signature(content, eim_ci(e, eim)->key, span_of_array(signed_octets));
	der_put_wrapped(arm, 0xa0, content);
	der_put_wrapped(whole, 0xbf51, arm);
	array_append_span(out, span_of_array(whole));
	result->whole = g_byte_array_free_to_bytes(whole);
	g_ptr_array_add(state->results, result);
	while (state->results->len > state->max_results)
		g_ptr_array_remove_index(state->results, 0);
	euicc_touch(e);
	return result->seq;
}

/* ---- ES10 ---- */
Sw es10_list_notification(Euicc *e, Span value, GByteArray *out)
{
	GByteArray *list, *content;
	uint32_t bits = 0xf;
	Tlv tlv;

	if (!tlvs_good(value) || (der_find(value, 0x81, &tlv) && !bits_read(tlv.value, &bits)))
		return SW_WRONG_DATA;
	list = g_byte_array_new();
	for (unsigned i = 0; i < e->state->notifications->len; i++) {
		const Notification *n = e->state->notifications->pdata[i];

		if (bits & 1u << n->event)
			array_append_span(list, span_of(n->metadata));
	}
	content = g_byte_array_new();
	der_put_wrapped(content, 0xa0, list);
	der_put_wrapped(out, 0xbf28, content);
	return SW_OK;
}

Sw es10_retrieve_notifications(Euicc *e, Span value, GByteArray *out)
{
	GByteArray *list, *content;
	bool all = value.size == 0, by_seq = false;
	uint32_t bits = 0;
	int64_t seq = 0;
	Tlv criteria, criterion;

	if (!all) {
		if (!der_find(value, 0xa0, &criteria) ||
			!der_single(criteria.value, &criterion, NULL))
			return SW_WRONG_DATA;
		if (criterion.tag == 0x82 && criterion.value.size == 0) {
			if (e->state->consumer)
				return SW_WRONG_DATA;
			list = g_byte_array_new();
			for (unsigned i = 0; i < e->state->results->len; i++)
				array_append_span(list,
					span_of(((Result *)e->state->results->pdata[i])->whole));
			content = g_byte_array_new();
			der_put_wrapped(content, 0xa2, list);
			der_put_wrapped(out, 0xbf2b, content);
			return SW_OK;
		}
		by_seq = criterion.tag == 0x80;
		if (by_seq ? !integer_read(criterion.value, &seq)
			   : criterion.tag != 0x81 || !bits_read(criterion.value, &bits))
			return SW_WRONG_DATA;
	}
	list = g_byte_array_new();
	for (unsigned i = 0; i < e->state->notifications->len; i++) {
		const Notification *n = e->state->notifications->pdata[i];

		if (all || (by_seq ? n->seq == seq : bits & 1u << n->event))
			array_append_span(list, span_of(n->whole));
	}
	content = g_byte_array_new();
	der_put_wrapped(content, 0xa0, list);
	der_put_wrapped(out, 0xbf2b, content);
	return SW_OK;
}

Sw es10_remove_notification(Euicc *e, Span value, GByteArray *out)
{
	State *state = e->state;
	int64_t seq;
	Tlv tlv;

	if (!der_find(value, 0x80, &tlv) || !integer_read(tlv.value, &seq))
		return SW_WRONG_DATA;
	for (unsigned i = 0; i < state->notifications->len; i++)
		if (((Notification *)state->notifications->pdata[i])->seq == seq) {
			g_ptr_array_remove_index(state->notifications, i);
			euicc_touch(e);
			return answer_code(out, 0xbf30, 0);
		}
	for (unsigned i = 0; i < state->results->len; i++)
		if (((Result *)state->results->pdata[i])->seq == seq) {
			g_ptr_array_remove_index(state->results, i);
			euicc_touch(e);
			return answer_code(out, 0xbf30, 0);
		}
	return answer_code(out, 0xbf30, 1);
}
