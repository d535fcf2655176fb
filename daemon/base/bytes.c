/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/bytes.h"

#include <string.h>

Span span_of(GBytes *bytes)
{
	gsize size = 0;
	const uint8_t *data;

	if (!bytes)
		return (Span) { NULL, 0 };
	data = g_bytes_get_data(bytes, &size);
	return (Span) { data ? data : (const uint8_t *)"", size };
}

Span span_of_array(const GByteArray *array)
{
	if (!array)
		return (Span) { NULL, 0 };
	return (Span) { array->data ? array->data : (const uint8_t *)"", array->len };
}

bool span_equal(Span a, Span b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool span_starts(Span whole, Span prefix)
{
	return whole.size >= prefix.size &&
		(prefix.size == 0 || memcmp(whole.data, prefix.data, prefix.size) == 0);
}

GBytes *span_to_bytes(Span s)
{
	return s.data ? g_bytes_new(s.data, s.size) : NULL;
}

char *span_to_string(Span s)
{
	if (!s.data || memchr(s.data, 0, s.size))
		return NULL;
	return g_strndup((const char *)s.data, s.size);
}

void array_append_span(GByteArray *array, Span s)
{
	if (s.size)
		g_byte_array_append(array, s.data, s.size);
}

char *hex_encode(Span s)
{
	static const char digits[] = "0123456789abcdef";
	char *text = g_malloc(s.size * 2 + 1);

	for (size_t i = 0; i < s.size; i++) {
		text[2 * i] = digits[s.data[i] >> 4];
		text[2 * i + 1] = digits[s.data[i] & 15];
	}
	text[s.size * 2] = 0;
	return text;
}

GBytes *hex_decode(const char *text, size_t max)
{
	g_autoptr(GByteArray) out = g_byte_array_new();

	for (const char *p = text; *p;) {
		uint8_t octet;

		if (g_ascii_isspace(*p)) {
			p++;
			continue;
		}
		if (!g_ascii_isxdigit(p[0]) || !g_ascii_isxdigit(p[1]) || out->len >= max)
			return NULL;
		octet = g_ascii_xdigit_value(p[0]) << 4 | g_ascii_xdigit_value(p[1]);
		g_byte_array_append(out, &octet, 1);
		p += 2;
	}
	return g_byte_array_free_to_bytes(g_steal_pointer(&out));
}

char *eid_to_text(Span eid)
{
	return hex_encode(eid);
}

bool eid_check_digits(Span eid)
{
	unsigned rest = 0;

	if (eid.size != 16)
		return false;
	for (size_t i = 0; i < 16; i++) {
		unsigned high = eid.data[i] >> 4, low = eid.data[i] & 15;

		if (high > 9 || low > 9)
			return false;
		rest = (rest * 100 + high * 10 + low) % 97;
	}
	return rest == 1;
}

bool eid_from_text(const char *text, bool check, uint8_t ret_eid[16])
{
	uint8_t eid[16];

	if (!text || strlen(text) != 32)
		return false;
	for (size_t i = 0; i < 32; i++) {
		if (!g_ascii_isdigit(text[i]))
			return false;
		eid[i / 2] =
			i % 2 ? (eid[i / 2] | (text[i] - '0')) : (uint8_t)((text[i] - '0') << 4);
	}
	if (check && !eid_check_digits(SPAN_ARRAY(eid)))
		return false;
	memcpy(ret_eid, eid, 16);
	return true;
}

char *bcd_swapped_to_text(Span bcd)
{
	GString *text = g_string_new(NULL);

	for (size_t i = 0; i < bcd.size * 2; i++) {
		unsigned nibble = i % 2 ? bcd.data[i / 2] >> 4 : bcd.data[i / 2] & 15;

		if (nibble == 15)
			break;
		g_string_append_c(text, "0123456789ABCDE"[nibble]);
	}
	return g_string_free(text, FALSE);
}

char *iccid_to_text(Span iccid)
{
	return bcd_swapped_to_text(iccid);
}

bool iccid_from_text(const char *text, uint8_t ret_iccid[10])
{
	uint8_t iccid[10];
	size_t size = text ? strlen(text) : 0;

	if (size < 1 || size > 20)
		return false;
	memset(iccid, 0xff, sizeof(iccid));
	for (size_t i = 0; i < size; i++) {
		int nibble = g_ascii_xdigit_value(text[i]);

		if (nibble < 0 || nibble == 15)
			return false;
		if (i % 2)
			iccid[i / 2] = (iccid[i / 2] & 0x0f) | nibble << 4;
		else
			iccid[i / 2] = (iccid[i / 2] & 0xf0) | nibble;
	}
	memcpy(ret_iccid, iccid, 10);
	return true;
}

void wipe(void *data, size_t size)
{
	if (data)
		explicit_bzero(data, size);
}

void wipe_string(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
}

void wipe_free(char *text)
{
	wipe_string(text);
	g_free(text);
}

void wipe_bytes_unref(GBytes *bytes)
{
	gsize size = 0;

	if (!bytes)
		return;
	/* Only whoever holds the last reference may overwrite: unref_to_data copies otherwise. */
	uint8_t *data = g_bytes_unref_to_data(bytes, &size);
	wipe(data, size);
	g_free(data);
}
