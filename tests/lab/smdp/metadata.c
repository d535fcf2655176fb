/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lab/smdp/smdp.h"

#include <string.h>

/* Named bits of a BIT STRING without trailing zeros; bit 0 is the first. */
static void put_bits(GByteArray *out, uint32_t tag, uint8_t bits)
{
	uint8_t value[2] = { 0, bits };

	if (bits == 0) {
		der_put(out, tag, span(value, 1));
		return;
	}
	while (!(bits & 1 << value[0]))
		value[0]++;
	der_put(out, tag, SPAN_ARRAY(value));
}

static bool has_word(json_t *list, const char *word)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (g_strcmp0(json_string_value(item), word) == 0)
			return true;
	}
	return false;
}

static void put_notify(GByteArray *out, json_t *notify)
{
	static const struct {
		const char *word;
		uint8_t bit;
	} events[] = { { "install", 0x80 }, { "enable", 0x40 }, { "disable", 0x20 },
		{ "delete", 0x10 } };
	GByteArray *list;
	json_t *item;
	size_t i;

	if (json_array_size(notify) == 0)
		return;
	list = g_byte_array_new();
	json_array_foreach(notify, i, item)
	{
		GByteArray *entry = g_byte_array_new();
		uint8_t bits = 0;

		for (size_t e = 0; e < G_N_ELEMENTS(events); e++)
			if (has_word(json_object_get(item, "events"), events[e].word))
				bits |= events[e].bit;
		put_bits(entry, 0x80, bits);
		der_put(entry, 0x81, span_string(state_string(item, "address")));
		der_put_wrapped(list, 0x30, entry);
	}
	der_put_wrapped(out, 0xB6, list);
}

/* MCC and MNC as three octets of swapped BCD, F for a third MNC digit that is not there. */
static void put_owner(GByteArray *out, json_t *owner)
{
	const char *plmn = state_string(owner, "mccmnc");
	GByteArray *content;
	static const char *const gids[] = { "gid1", "gid2" };
	uint8_t d[6], bcd[3];

	if (!plmn)
		return;
	for (int i = 0; i < 6; i++)
		d[i] = plmn[i] ? plmn[i] - '0' : 0xf;
	bcd[0] = d[1] << 4 | d[0];
	bcd[1] = (strlen(plmn) == 6 ? d[5] : 0xf) << 4 | d[2];
	bcd[2] = d[4] << 4 | d[3];
	content = g_byte_array_new();
	der_put(content, 0x80, SPAN_ARRAY(bcd));
	for (int i = 0; i < 2; i++) {
		const char *text = state_string(owner, gids[i]);
		g_autoptr(GBytes) gid = text ? hex_decode(text, 255) : NULL;

		if (gid)
			der_put(content, 0x81 + i, span_of(gid));
	}
	der_put_wrapped(out, 0xB7, content);
}

static uint8_t ppr_bits(json_t *rules)
{
	return (has_word(rules, "update-control") ? 0x80 : 0) |
		(has_word(rules, "ppr1") ? 0x40 : 0) | (has_word(rules, "ppr2") ? 0x20 : 0);
}

GBytes *metadata_encode(json_t *profile, bool other_name)
{
	g_autoptr(GByteArray) out = g_byte_array_new();
	GByteArray *content = g_byte_array_new();
	const char *class = state_string(profile, "class");
	g_autoptr(GBytes) icon = state_octets(profile, "icon");
	g_autofree char *name =
		g_strconcat(other_name ? "Other " : "", state_string(profile, "name"), NULL);
	uint8_t iccid[10];

	g_assert(iccid_from_text(state_string(profile, "iccid"), iccid));
	der_put(content, 0x5A, SPAN_ARRAY(iccid));
	der_put(content, 0x91, span_string(state_string(profile, "spn")));
	der_put(content, 0x92, span_string(name));
	if (icon) {
		der_put_integer(content, 0x93, state_integer(profile, "iconType"));
		der_put(content, 0x94, span_of(icon));
	}
	/* operational is the default, which DER leaves out */
	if (g_strcmp0(class, "operational") != 0)
		der_put_integer(content, 0x95, g_strcmp0(class, "test") == 0 ? 0 : 1);
	put_notify(content, json_object_get(profile, "notify"));
	put_owner(content, json_object_get(profile, "owner"));
	if (json_array_size(json_object_get(profile, "ppr")) > 0)
		put_bits(content, 0x99, ppr_bits(json_object_get(profile, "ppr")));
	if (state_flag(profile, "ecall"))
		der_put(content, 0x9F7B, SPAN_LITERAL("\xff"));
	if (state_flag(profile, "fallbackAllowed"))
		der_put(content, 0x9F67, SPAN_LITERAL("\xff"));
	der_put_wrapped(out, 0xBF25, content);
	return g_byte_array_free_to_bytes(g_steal_pointer(&out));
}

/* ---- the profile elements ---- */
/* ProfileHeader, PE A0 of the interoperable profile format. */
static void put_header(GByteArray *out, json_t *profile)
{
	GByteArray *content = g_byte_array_new(), *services = g_byte_array_new();
	uint8_t iccid[10];

	g_assert(iccid_from_text(state_string(profile, "iccid"), iccid));
	der_put_integer(content, 0x80, 2);
	der_put_integer(content, 0x81, 3);
	der_put(content, 0x82, SPAN_LITERAL("sgp32d lab"));
	der_put(content, 0x83, SPAN_ARRAY(iccid));
	der_put(services, 0x81, SPAN_LITERAL("")); /* usim */
	der_put_wrapped(content, 0xA5, services);
	der_put(content, 0xA6, SPAN_LITERAL(""));
	der_put_wrapped(out, 0xA0, content);
}

static void put_pe_header(GByteArray *content, uint32_t tag, unsigned identification)
{
	GByteArray *header = g_byte_array_new();

	der_put_integer(header, 0x81, identification);
	der_put_wrapped(content, tag, header);
}

/* PE-NonStandard A9: filler under the OID 2.999.10. */
static void put_filler(GByteArray *out, unsigned identification, size_t size)
{
	GByteArray *content = g_byte_array_new();
	g_autofree uint8_t *octets = g_malloc(size + 1);

	for (size_t i = 0; i < size; i++)
		octets[i] = i + identification;
	put_pe_header(content, 0xA0, identification);
	der_put(content, 0x81, SPAN_LITERAL("\x88\x37\x0a"));
	der_put(content, 0x82, span(octets, size));
	der_put_wrapped(out, 0xA9, content);
}

/* PE-End AA */
static void put_end(GByteArray *out, unsigned identification)
{
	GByteArray *content = g_byte_array_new();

	put_pe_header(content, 0xA0, identification);
	der_put_wrapped(out, 0xAA, content);
}

GBytes *metadata_body(json_t *profile)
{
	GBytes *own = state_octets(profile, "body");
	g_autoptr(GByteArray) out = NULL;
	g_autoptr(GByteArray) end = NULL;
	size_t size = state_integer(profile, "size"), filler = 0;
	unsigned identification = 1;

	if (own)
		return own;
	out = g_byte_array_new();
	end = g_byte_array_new();
	put_header(out, profile);
	put_end(end, 0x7fff);
	/* Fillers of at most 2000 octets; the last one is made to fit, as far as lengths allow. */
	while (out->len + end->len + 24 < size) {
		filler = MIN(size - out->len - end->len - 24, 2000);
		put_filler(out, identification++, filler);
	}
	array_append_span(out, span_of_array(end));
	return g_byte_array_free_to_bytes(g_steal_pointer(&out));
}
