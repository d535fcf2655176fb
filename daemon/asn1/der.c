/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "asn1/der.h"

#include <string.h>

/* 0: incomplete; SIZE_MAX: malformed; else the size of the header. */
static size_t header_read(Span in, uint32_t *ret_tag, size_t *ret_length)
{
	size_t pos = 0, length;
	uint32_t tag;

	if (in.size == 0)
		return 0;
	tag = in.data[pos++];
	if ((tag & 0x1f) == 0x1f) {
		do {
			if (pos == 4)
				return SIZE_MAX;
			if (pos == in.size)
				return 0;
			tag = tag << 8 | in.data[pos];
		} while (in.data[pos++] & 0x80);
	}
	if (pos == in.size)
		return 0;
	length = in.data[pos++];
	if (length & 0x80) {
		size_t octets = length & 0x7f;

		if (octets == 0 || octets > 4)
			return SIZE_MAX; /* indefinite, or more than 4 GiB */
		if (in.size - pos < octets)
			return 0;
		length = 0;
		for (size_t i = 0; i < octets; i++)
			length = length << 8 | in.data[pos++];
	}
	*ret_tag = tag;
	*ret_length = length;
	return pos;
}

bool der_next(Span *rest, Tlv *ret, GError **error)
{
	uint32_t tag = 0;
	size_t length = 0, header = header_read(*rest, &tag, &length);

	if (header == SIZE_MAX)
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "malformed tag or length");
	if (header == 0)
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "truncated tag or length");
	if (length > rest->size - header)
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
			"tag %X announces %zu octets, %zu are left", tag, length,
			rest->size - header);
	*ret = (Tlv) {
		.tag = tag,
		.value = { rest->data + header, length },
		.whole = { rest->data, header + length },
	};
	rest->data += header + length;
	rest->size -= header + length;
	return true;
}

bool der_single(Span input, Tlv *ret, GError **error)
{
	Tlv tlv;

	if (!der_next(&input, &tlv, error))
		return false;
	if (input.size)
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "%zu octets after tag %X",
			input.size, tlv.tag);
	*ret = tlv;
	return true;
}

bool der_find(Span value, uint32_t tag, Tlv *ret)
{
	Tlv tlv;

	while (value.size && der_next(&value, &tlv, NULL)) {
		if (tlv.tag == tag) {
			*ret = tlv;
			return true;
		}
	}
	return false;
}

size_t der_announced_size(Span start)
{
	uint32_t tag;
	size_t length = 0, header = header_read(start, &tag, &length);

	return header == 0 || header == SIZE_MAX ? header : header + length;
}

size_t der_header_size(Span tlv)
{
	uint32_t tag;
	size_t length, header = header_read(tlv, &tag, &length);

	return header == SIZE_MAX ? 0 : header;
}

void der_put_header(GByteArray *out, uint32_t tag, size_t size)
{
	uint8_t header[9];
	size_t pos = 0;

	for (int shift = 24; shift >= 0; shift -= 8)
		if (tag >> shift || shift == 0)
			header[pos++] = tag >> shift;
	if (size < 0x80) {
		header[pos++] = size;
	} else {
		int octets = size > 0xffffff ? 4 : size > 0xffff ? 3 : size > 0xff ? 2 : 1;

		header[pos++] = 0x80 | octets;
		for (int i = octets - 1; i >= 0; i--)
			header[pos++] = size >> (8 * i);
	}
	g_byte_array_append(out, header, pos);
}

void der_put(GByteArray *out, uint32_t tag, Span value)
{
	der_put_header(out, tag, value.size);
	array_append_span(out, value);
}

void der_put_integer(GByteArray *out, uint32_t tag, int64_t value)
{
	uint8_t octets[8];
	size_t skip = 0;

	for (size_t i = 0; i < 8; i++)
		octets[i] = (uint64_t)value >> (8 * (7 - i));
	/* Two's complement, minimal: the first nine bits are never all alike. */
	while (skip < 7 &&
		((octets[skip] == 0x00 && !(octets[skip + 1] & 0x80)) ||
			(octets[skip] == 0xff && (octets[skip + 1] & 0x80))))
		skip++;
	der_put(out, tag, span(octets + skip, 8 - skip));
}

void der_put_wrapped(GByteArray *out, uint32_t tag, GByteArray *content)
{
	der_put(out, tag, span_of_array(content));
	g_byte_array_unref(content);
}

GBytes *der_retag(Span tlv, uint32_t tag)
{
	GByteArray *out = g_byte_array_new();
	size_t header = der_header_size(tlv);

	der_put(out, tag, span(tlv.data + header, tlv.size - header));
	return g_byte_array_free_to_bytes(out);
}

char *der_oid_to_text(Span oid)
{
	g_autoptr(GString) text = g_string_new(NULL);
	uint64_t arc = 0;
	bool open = false;

	if (oid.size == 0 || oid.size > 64)
		return NULL;
	for (size_t i = 0; i < oid.size; i++) {
		if (arc >> 56 || (!open && oid.data[i] == 0x80))
			return NULL;
		arc = arc << 7 | (oid.data[i] & 0x7f);
		open = oid.data[i] & 0x80;
		if (open)
			continue;
		if (text->len == 0) {
			unsigned first = arc < 40 ? 0 : arc < 80 ? 1 : 2;

			g_string_printf(text, "%u.%" G_GUINT64_FORMAT, first, arc - 40 * first);
		} else {
			g_string_append_printf(text, ".%" G_GUINT64_FORMAT, arc);
		}
		arc = 0;
	}
	return open ? NULL : g_string_free(g_steal_pointer(&text), FALSE);
}

GBytes *der_oid_from_text(const char *text)
{
	g_auto(GStrv) parts = text ? g_strsplit(text, ".", 33) : NULL;
	g_autoptr(GByteArray) out = g_byte_array_new();
	guint count = parts ? g_strv_length(parts) : 0;
	guint64 first = 0;

	if (count < 2 || count > 32)
		return NULL;
	for (guint i = 0; i < count; i++) {
		guint64 arc;
		uint8_t octets[10];
		size_t pos = sizeof(octets);

		if (!g_ascii_string_to_unsigned(parts[i], 10, 0, G_MAXUINT32, &arc, NULL))
			return NULL;
		if (i == 0) {
			if (arc > 2)
				return NULL;
			first = arc;
			continue;
		}
		if (i == 1) {
			if (first < 2 && arc > 39)
				return NULL;
			arc += 40 * first;
		}
		do {
			pos--;
			octets[pos] = (arc & 0x7f) | (pos == sizeof(octets) - 1 ? 0 : 0x80);
			arc >>= 7;
		} while (arc);
		g_byte_array_append(out, octets + pos, sizeof(octets) - pos);
	}
	return g_byte_array_free_to_bytes(g_steal_pointer(&out));
}
