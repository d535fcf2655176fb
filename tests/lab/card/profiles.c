/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The profiles the card holds, and ProfileInfo of them (digest 3.14).
 */
#include "lab/card/card.h"

#include <string.h>

Profile *profile_find(State *state, const char *iccid)
{
	for (unsigned i = 0; iccid && i < state->profiles->len; i++) {
		Profile *profile = state->profiles->pdata[i];

		if (g_ascii_strcasecmp(profile->iccid, iccid) == 0)
			return profile;
	}
	return NULL;
}

Profile *profile_enabled(State *state)
{
	for (unsigned i = 0; i < state->profiles->len; i++)
		if (((Profile *)state->profiles->pdata[i])->enabled)
			return state->profiles->pdata[i];
	return NULL;
}

Profile *profile_fallback(State *state)
{
	for (unsigned i = 0; i < state->profiles->len; i++)
		if (((Profile *)state->profiles->pdata[i])->fallback_attribute)
			return state->profiles->pdata[i];
	return NULL;
}

bool profile_has_rule(const Profile *profile, unsigned bit)
{
	Span whole = span_of(profile->policy_rules);
	uint32_t bits;
	Tlv tlv;

	return whole.data && der_single(whole, &tlv, NULL) && bits_read(tlv.value, &bits) &&
		bits & 1u << bit;
}

void profile_aid(const Profile *profile, uint8_t ret[16])
{
	static const uint8_t aid[16] = { 0xa0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xff, 0xff, 0xff,
		0xff, 0x89, 0x00, 0x00, 0x00, 0x00 };

	memcpy(ret, aid, 16);
	ret[13] = (uint8_t)(profile->isdp >> 8);
	ret[14] = (uint8_t)profile->isdp;
}

void profile_delete(Euicc *e, Profile *profile)
{
	State *state = e->state;

	notify_profile(e, profile, EVENT_DELETE);
	/* What refers to it is no reference any more. */
	if (g_strcmp0(state->fallback_return, profile->iccid) == 0)
		g_clear_pointer(&state->fallback_return, g_free);
	if (g_strcmp0(state->rollback_to, profile->iccid) == 0)
		rollback_clear(state);
	g_ptr_array_remove(state->profiles, profile);
	euicc_touch(e);
}

/* ---- ProfileInfo ---- */
static void put_text(GByteArray *out, uint32_t tag, const char *text)
{
	if (text)
		der_put(out, tag, span_string(text));
}

static void put_whole(GByteArray *out, GBytes *tlv)
{
	if (tlv)
		array_append_span(out, span_of(tlv));
}

static void put_true(GByteArray *out, uint32_t tag, int64_t value)
{
	if (value >= 0)
		der_put(out, tag, value ? SPAN_LITERAL("\xff") : SPAN_LITERAL("\x00"));
}

static void put_field(const Profile *p, uint32_t tag, GByteArray *out)
{
	uint8_t aid[16];

	switch (tag) {
	case 0x5a: put_iccid(out, 0x5a, p->iccid); break;
	case 0x4f:
		profile_aid(p, aid);
		der_put(out, 0x4f, SPAN_ARRAY(aid));
		break;
	case 0x9f70: der_put_integer(out, 0x9f70, p->enabled); break;
	case 0x90: put_text(out, 0x90, p->nickname); break;
	case 0x91: put_text(out, 0x91, p->service_provider_name); break;
	case 0x92: put_text(out, 0x92, p->profile_name); break;
	case 0x93:
		if (p->icon_type >= 0)
			der_put_integer(out, 0x93, p->icon_type);
		break;
	case 0x94:
		if (p->icon)
			der_put(out, 0x94, span_of(p->icon));
		break;
	case 0x95: der_put_integer(out, 0x95, p->profile_class); break;
	case 0xb6: put_whole(out, p->notification_configuration); break;
	case 0xb7: put_whole(out, p->owner); break;
	case 0xb8: put_whole(out, p->dp_proprietary); break;
	case 0x99: put_whole(out, p->policy_rules); break;
	case 0xbf22: put_whole(out, p->service_data); break;
	case 0x9f7b: put_true(out, 0x9f7b, p->ecall_indication); break;
	case 0x9f26:
		put_true(out, 0x9f26, p->fallback_attribute ? 1 : -1);
		break; /* DEFAULT FALSE */
	case 0x9f67: put_true(out, 0x9f67, p->fallback_allowed); break;
	case 0xbf64: put_whole(out, p->iot_data); break;
	}
}

/* All tags in the order of ProfileInfo. */
static const uint32_t info_order[] = { 0x5a, 0x4f, 0x9f70, 0x90, 0x91, 0x92, 0x93, 0x94, 0x95, 0xb6,
	0xb7, 0xb8, 0x99, 0xbf22, 0x9f7b, 0x9f26, 0x9f67, 0xbf64 };
static const uint8_t default_iot[] = { 0x5a, 0x4f, 0x9f, 0x70, 0x91, 0x92, 0x95, 0x9f, 0x7b, 0x9f,
	0x26, 0x9f, 0x67 };
static const uint8_t default_sgp22[] = { 0x5a, 0x4f, 0x9f, 0x70, 0x90, 0x91, 0x92, 0x93, 0x94,
	0x95 };

/* Is it in a tag list? -1: the list is malformed. */
static int tag_listed(Span list, uint32_t wanted)
{
	bool found = false;

	for (size_t i = 0; i < list.size;) {
		uint32_t tag = list.data[i++];

		if ((tag & 0x1f) == 0x1f) {
			do {
				if (i == list.size || tag > 0xffffff)
					return -1;
				tag = tag << 8 | list.data[i];
			} while (list.data[i++] & 0x80);
		}
		found = found || tag == wanted;
	}
	return found;
}

static bool profile_matches(const Profile *profile, const Tlv *criterion)
{
	g_autofree char *iccid = NULL;
	uint8_t aid[16];
	int64_t number;

	switch (criterion->tag) {
	case 0x5a:
		iccid = iccid_read(criterion->value);
		return iccid && g_ascii_strcasecmp(iccid, profile->iccid) == 0;
	case 0x4f: profile_aid(profile, aid); return span_equal(criterion->value, SPAN_ARRAY(aid));
	default: return integer_read(criterion->value, &number) && number == profile->profile_class;
	}
}

void profiles_list(Euicc *e, Span request, GByteArray *out)
{
	Span tags = e->state->consumer ? SPAN_ARRAY(default_sgp22) : SPAN_ARRAY(default_iot);
	GByteArray *list, *content;
	bool filtered;
	Tlv tlv, criterion;

	if (!tlvs_good(request)) {
		answer_code_as(out, 0xbf2d, 0x81, 1);
		return;
	}
	if (der_find(request, 0x5c, &tlv))
		tags = tlv.value;
	filtered = der_find(request, 0xa0, &tlv);
	if (tag_listed(tags, 0) < 0 ||
		(filtered &&
			(!der_single(tlv.value, &criterion, NULL) ||
				(criterion.tag != 0x5a && criterion.tag != 0x4f &&
					criterion.tag != 0x95)))) {
		answer_code_as(out, 0xbf2d, 0x81, 1);
		return;
	}
	list = g_byte_array_new();
	for (unsigned i = 0; i < e->state->profiles->len; i++) {
		const Profile *profile = e->state->profiles->pdata[i];
		GByteArray *info;

		if (filtered && !profile_matches(profile, &criterion))
			continue;
		info = g_byte_array_new();
		for (size_t k = 0; k < G_N_ELEMENTS(info_order); k++)
			if (tag_listed(tags, info_order[k]) > 0)
				put_field(profile, info_order[k], info);
		der_put_wrapped(list, 0xe3, info);
	}
	content = g_byte_array_new();
	der_put_wrapped(content, 0xa0, list);
	der_put_wrapped(out, 0xbf2d, content);
}

Sw es10_profiles_info(Euicc *e, Span value, GByteArray *out)
{
	profiles_list(e, value, out);
	return SW_OK;
}
