/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tlv.h"

#include <string.h>

GBytes *tlv(uint32_t tag, ...)
{
	g_autoptr(GByteArray) content = g_byte_array_new();
	GByteArray *out = g_byte_array_new();
	va_list args;
	GBytes *part;

	va_start(args, tag);
	while ((part = va_arg(args, GBytes *))) {
		array_append_span(content, span_of(part));
		g_bytes_unref(part);
	}
	va_end(args);
	der_put(out, tag, span_of_array(content));
	return g_byte_array_free_to_bytes(out);
}

GBytes *tlv_octets(uint32_t tag, Span value)
{
	GByteArray *out = g_byte_array_new();

	der_put(out, tag, value);
	return g_byte_array_free_to_bytes(out);
}

GBytes *tlv_text(uint32_t tag, const char *text)
{
	return tlv_octets(tag, span_string(text));
}

GBytes *tlv_number(uint32_t tag, int64_t value)
{
	GByteArray *out = g_byte_array_new();

	der_put_integer(out, tag, value);
	return g_byte_array_free_to_bytes(out);
}

GBytes *tlv_hex(const char *hex)
{
	GBytes *bytes = hex_decode(hex, 65536);

	g_assert_nonnull(bytes);
	return bytes;
}

GBytes *tlv_iccid(const char *digits)
{
	uint8_t iccid[10];

	g_assert_true(iccid_from_text(digits, iccid));
	return tlv_octets(0x5a, SPAN_ARRAY(iccid));
}

GBytes *tlv_all(GPtrArray *parts)
{
	GByteArray *out = g_byte_array_new();

	for (guint i = 0; i < parts->len; i++)
		array_append_span(out, span_of(parts->pdata[i]));
	g_ptr_array_unref(parts);
	return g_byte_array_free_to_bytes(out);
}

GBytes *tlv_signature(void)
{
	uint8_t signature[64];

	memset(signature, 0x5a, sizeof(signature));
	return tlv_octets(0x5f37, SPAN_ARRAY(signature));
}

GBytes *tlv_concat(GBytes *a, GBytes *b)
{
	GByteArray *out = g_byte_array_new();

	array_append_span(out, span_of(a));
	array_append_span(out, span_of(b));
	g_bytes_unref(a);
	g_bytes_unref(b);
	return g_byte_array_free_to_bytes(out);
}

Tlv tlv_child(Span value, uint32_t tag)
{
	Tlv child = { 0 };

	g_assert_true(der_find(value, tag, &child));
	return child;
}
