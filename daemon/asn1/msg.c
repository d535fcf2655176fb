/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "asn1/msg.h"

#include <string.h>

struct Msg {
	GBytes *bytes;
	GPtrArray *blocks; /* structs and lists of the body */
	void *body;
};

static uint32_t field_tag(const MsgField *field)
{
	return field->tag ? field->tag : field->kind == MSG_NESTED ? field->type->tag : 0;
}

static bool type_accepts(const MsgType *type, uint32_t tag);

static bool field_accepts(const MsgField *field, uint32_t tag)
{
	uint32_t own = field_tag(field);

	if (own)
		return tag == own || (field->alt_tag && tag == field->alt_tag);
	if (field->kind == MSG_NESTED)
		return type_accepts(field->type, tag);
	return field->kind == MSG_RAW; /* any TLV */
}

static bool type_accepts(const MsgType *type, uint32_t tag)
{
	if (type->tag)
		return tag == type->tag;
	for (size_t i = 0; type->choice && i < type->n_fields; i++)
		if (field_accepts(&type->fields[i], tag))
			return true;
	return false;
}

/* The last alternative of this CHOICE is for what the others are not. */
static bool takes_anything(const MsgType *type)
{
	const MsgField *last = &type->fields[type->n_fields - 1];

	return last->kind == MSG_RAW && last->tag == 0;
}

static bool field_present(const MsgField *field, const void *member)
{
	switch (field->kind) {
	case MSG_OCTETS:
	case MSG_UTF8:
	case MSG_OID:
	case MSG_RAW: return ((const Span *)member)->data != NULL;
	case MSG_INTEGER:
	case MSG_BOOLEAN:
	case MSG_NULL:
	case MSG_BITS: return ((const Num *)member)->present;
	case MSG_NESTED: return *(void *const *)member != NULL;
	case MSG_LIST: return ((const List *)member)->items != NULL;
	}
	return false;
}

static size_t element_size(const MsgField *element)
{
	switch (element->kind) {
	case MSG_NESTED: return element->type->size;
	case MSG_LIST: return sizeof(List);
	case MSG_INTEGER:
	case MSG_BOOLEAN:
	case MSG_NULL:
	case MSG_BITS: return sizeof(Num);
	default: return sizeof(Span);
	}
}

/* ---- reader ---- */

static void *msg_alloc(Msg *msg, size_t size)
{
	void *block = g_malloc0(size ? size : 1);

	g_ptr_array_add(msg->blocks, block);
	return block;
}

static bool decode_type(Msg *msg, const MsgType *type, bool tagged, const Tlv *tlv, void *body,
	unsigned depth, GError **error);

static bool decode_integer(Span value, int64_t *ret, GError **error)
{
	int64_t number;

	if (value.size == 0 || value.size > 8)
		return sgp32_fail(
			error, SGP32_ERROR_INVALID_ARGUMENT, "integer of %zu octets", value.size);
	number = (int8_t)value.data[0];
	for (size_t i = 1; i < value.size; i++)
		number = (int64_t)((uint64_t)number << 8 | value.data[i]);
	*ret = number;
	return true;
}

static bool decode_bits(Span value, int64_t *ret, GError **error)
{
	int64_t bits = 0;

	if (value.size == 0 || value.data[0] > 7 || (value.size == 1 && value.data[0]))
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "malformed bit string");
	for (size_t i = 0; i < (value.size - 1) * 8 && i < 56; i++)
		if (value.data[1 + i / 8] & (0x80 >> (i % 8)))
			bits |= INT64_C(1) << i;
	/* Bits that are declared unused do not count, whatever they hold. */
	for (size_t i = 0; value.size - 1 <= 7 && i < value.data[0]; i++)
		bits &= ~(INT64_C(1) << ((value.size - 1) * 8 - 1 - i));
	*ret = bits;
	return true;
}

static bool decode_value(
	Msg *msg, const MsgField *field, Tlv tlv, void *member, unsigned depth, GError **error);

static bool decode_list(
	Msg *msg, const MsgField *field, Span value, List *ret, unsigned depth, GError **error)
{
	size_t count = 0, max = field->max ? field->max : MSG_LIST_MAX;
	size_t size = element_size(field->element);
	uint8_t *items;
	Span rest = value;
	Tlv tlv;

	while (rest.size) {
		if (!der_next(&rest, &tlv, error))
			return false;
		if (field_accepts(field->element, tlv.tag) && ++count > max)
			return sgp32_fail(
				error, SGP32_ERROR_INVALID_ARGUMENT, "more than %zu elements", max);
	}
	if (count < field->min)
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
			"%zu elements, at least %u are needed", count, field->min);
	items = msg_alloc(msg, count * size);
	rest = value;
	for (size_t i = 0; rest.size;) {
		if (!der_next(&rest, &tlv, error))
			return false;
		if (!field_accepts(field->element, tlv.tag))
			continue;
		if (field->element->kind == MSG_NESTED) {
			if (!decode_type(msg, field->element->type, field->element->tag != 0, &tlv,
				    items + i * size, depth + 1, error)) {
				g_prefix_error(error, "[%zu]: ", i);
				return false;
			}
		} else if (!decode_value(
				   msg, field->element, tlv, items + i * size, depth + 1, error)) {
			g_prefix_error(error, "[%zu]: ", i);
			return false;
		}
		i++;
	}
	*ret = (List) { count, items };
	return true;
}

static bool decode_value(
	Msg *msg, const MsgField *field, Tlv tlv, void *member, unsigned depth, GError **error)
{
	Span *text = member;
	Num *number = member;

	switch (field->kind) {
	case MSG_OCTETS:
	case MSG_UTF8:
	case MSG_OID:
		if (tlv.value.size < field->min || (field->max && tlv.value.size > field->max))
			return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
				"%zu octets, %u to %u are allowed", tlv.value.size, field->min,
				field->max);
		if (field->kind == MSG_UTF8 && !field->any_text &&
			!g_utf8_validate_len((const char *)tlv.value.data, tlv.value.size, NULL))
			return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "not UTF-8 text");
		*text = tlv.value;
		return true;
	case MSG_RAW:
		if (field->max && tlv.whole.size > field->max)
			return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
				"%zu octets, at most %u are allowed", tlv.whole.size, field->max);
		*text = tlv.whole;
		return true;
	case MSG_INTEGER:
		number->present = true;
		return decode_integer(tlv.value, &number->value, error);
	case MSG_BOOLEAN:
		if (tlv.value.size != 1)
			return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "malformed boolean");
		*number = NUM(tlv.value.data[0] != 0);
		return true;
	case MSG_NULL: *number = NUM(1); return true;
	case MSG_BITS: number->present = true; return decode_bits(tlv.value, &number->value, error);
	case MSG_NESTED: {
		void *body = msg_alloc(msg, field->type->size);

		*(void **)member = body;
		return decode_type(msg, field->type, field->tag != 0, &tlv, body, depth + 1, error);
	}
	case MSG_LIST: return decode_list(msg, field, tlv.value, member, depth + 1, error);
	}
	return false;
}

static bool decode_field(
	Msg *msg, const MsgField *field, const Tlv *tlv, void *body, unsigned depth, GError **error)
{
	void *member = (uint8_t *)body + field->offset;

	if (field_present(field, member))
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "%s: twice", field->name);
	if (!decode_value(msg, field, *tlv, member, depth, error)) {
		g_prefix_error(error, "%s: ", field->name);
		return false;
	}
	return true;
}

/* tagged: the tag of tlv stands for the type's own tag (it is the field's, or the type's). */
static bool decode_type(Msg *msg, const MsgType *type, bool tagged, const Tlv *tlv, void *body,
	unsigned depth, GError **error)
{
	if (depth > MSG_DEPTH_MAX)
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "nested too deeply");
	if (type->keep)
		*(Span *)body = tlv->whole;

	if (type->choice) {
		Tlv arm = *tlv;

		if ((tagged || type->tag) && !der_single(tlv->value, &arm, error))
			return false;
		for (size_t i = 0; i < type->n_fields; i++) {
			g_autoptr(GError) reason = NULL;

			if (!field_accepts(&type->fields[i], arm.tag))
				continue;
			if (decode_field(msg, &type->fields[i], &arm, body, depth, &reason))
				return true;
			if (i + 1 == type->n_fields || !takes_anything(type)) {
				g_propagate_error(error, g_steal_pointer(&reason));
				return false;
			}
			memset(body, 0, type->size);
			i = type->n_fields - 2; /* the last one is next */
		}
		return sgp32_fail(
			error, SGP32_ERROR_INVALID_ARGUMENT, "no alternative with tag %X", arm.tag);
	}

	Span rest = tlv->value;
	size_t next = 0;
	Tlv child;

	while (rest.size) {
		if (!der_next(&rest, &child, error))
			return false;
		for (size_t i = 0; i < type->n_fields; i++) {
			size_t at = (next + i) % type->n_fields;

			if (!field_accepts(&type->fields[at], child.tag))
				continue;
			if (!decode_field(msg, &type->fields[at], &child, body, depth, error))
				return false;
			next = at + 1;
			break;
		}
	}
	for (size_t i = 0; i < type->n_fields; i++)
		if (!type->fields[i].optional &&
			!field_present(&type->fields[i], (uint8_t *)body + type->fields[i].offset))
			return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "%s: missing",
				type->fields[i].name);
	return true;
}

Msg *msg_decode(const MsgType *type, Span input, GError **error)
{
	g_autoptr(Msg) msg = g_new0(Msg, 1);
	Tlv tlv;

	msg->blocks = g_ptr_array_new_with_free_func(g_free);
	msg->bytes = g_bytes_new(input.data, input.size);
	msg->body = msg_alloc(msg, type->size);
	if (!der_single(span_of(msg->bytes), &tlv, error)) {
		g_prefix_error(error, "%s: ", type->name);
		return NULL;
	}
	if (!type_accepts(type, tlv.tag)) {
		sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "%s: unexpected tag %X", type->name,
			tlv.tag);
		return NULL;
	}
	if (!decode_type(msg, type, false, &tlv, msg->body, 0, error)) {
		g_prefix_error(error, "%s: ", type->name);
		return NULL;
	}
	return g_steal_pointer(&msg);
}

void msg_free(Msg *msg)
{
	if (!msg)
		return;
	g_ptr_array_unref(msg->blocks);
	wipe_bytes_unref(msg->bytes);
	g_free(msg);
}

const void *msg_body(const Msg *msg)
{
	return msg->body;
}

Span msg_bytes(const Msg *msg)
{
	return span_of(msg->bytes);
}

/* ---- writer ---- */

static bool encode_type(GByteArray *out, const MsgType *type, uint32_t tag, const void *body,
	unsigned depth, GError **error);

static void encode_bits(GByteArray *out, uint32_t tag, int64_t bits)
{
	uint8_t octets[8] = { 0 };
	size_t size = 1;

	/* DER drops trailing zero bits. */
	for (size_t i = 0; i < 56; i++) {
		if (!(bits & (INT64_C(1) << i)))
			continue;
		octets[1 + i / 8] |= 0x80 >> (i % 8);
		octets[0] = 7 - i % 8;
		size = 2 + i / 8;
	}
	der_put(out, tag, span(octets, size));
}

static bool encode_value(
	GByteArray *out, const MsgField *field, const void *member, unsigned depth, GError **error)
{
	const Span *text = member;
	const Num *number = member;
	uint32_t tag = field->tag;
	bool ok = true;

	if (depth > MSG_DEPTH_MAX)
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "nested too deeply");
	switch (field->kind) {
	case MSG_OCTETS:
	case MSG_UTF8:
	case MSG_OID:
		if (text->size < field->min || (field->max && text->size > field->max))
			ok = sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
				"%zu octets, %u to %u are allowed", text->size, field->min,
				field->max);
		else if (field->kind == MSG_UTF8 && !field->any_text &&
			!g_utf8_validate_len((const char *)text->data, text->size, NULL))
			ok = sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "not UTF-8 text");
		else
			der_put(out, tag, *text);
		break;
	case MSG_RAW: {
		Tlv tlv;

		ok = der_single(*text, &tlv, error);
		if (ok && tag && tlv.tag != tag)
			ok = sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
				"tag %X in place of %X", tlv.tag, tag);
		if (ok && field->max && text->size > field->max)
			ok = sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
				"%zu octets, at most %u are allowed", text->size, field->max);
		if (ok)
			array_append_span(out, *text);
		break;
	}
	case MSG_INTEGER: der_put_integer(out, tag, number->value); break;
	case MSG_BOOLEAN: der_put(out, tag, span(number->value ? "\xff" : "\x00", 1)); break;
	case MSG_NULL: der_put(out, tag, span("", 0)); break;
	case MSG_BITS: encode_bits(out, tag, number->value); break;
	case MSG_NESTED:
		ok = encode_type(out, field->type, tag, *(void *const *)member, depth + 1, error);
		break;
	case MSG_LIST: {
		const List *list = member;
		GByteArray *content = g_byte_array_new();
		size_t size = element_size(field->element);

		if (list->count < field->min ||
			list->count > (field->max ? field->max : MSG_LIST_MAX))
			ok = sgp32_fail(
				error, SGP32_ERROR_INVALID_ARGUMENT, "%zu elements", list->count);
		for (size_t i = 0; ok && i < list->count; i++) {
			const void *item = (const uint8_t *)list->items + i * size;

			if (field->element->kind == MSG_NESTED)
				ok = encode_type(content, field->element->type, field->element->tag,
					item, depth + 1, error);
			else
				ok = encode_value(content, field->element, item, depth + 1, error);
			if (!ok)
				g_prefix_error(error, "[%zu]: ", i);
		}
		der_put_wrapped(out, tag, content);
		break;
	}
	}
	return ok;
}

static bool encode_type(GByteArray *out, const MsgType *type, uint32_t tag, const void *body,
	unsigned depth, GError **error)
{
	const Span *raw = body;
	GByteArray *content;
	size_t arms = 0;

	if (depth > MSG_DEPTH_MAX)
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "nested too deeply");
	if (!tag)
		tag = type->tag;
	if (type->keep && raw->data) {
		Tlv tlv;

		if (!der_single(*raw, &tlv, error))
			return false;
		if (tag && tag != tlv.tag)
			der_put(out, tag, tlv.value);
		else
			array_append_span(out, *raw);
		return true;
	}
	content = tag ? g_byte_array_new() : out;
	for (size_t i = 0; i < type->n_fields; i++) {
		const MsgField *field = &type->fields[i];
		const void *member = (const uint8_t *)body + field->offset;
		bool present = field_present(field, member);

		if (present && field->has_default &&
			((const Num *)member)->value == field->default_value)
			present = false;
		arms += present;
		if ((!present && !type->choice && !field->optional) || (type->choice && arms > 1)) {
			sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "%s: %s", field->name,
				present ? "second alternative" : "missing");
			break;
		}
		if (present && !encode_value(content, field, member, depth, error)) {
			g_prefix_error(error, "%s: ", field->name);
			break;
		}
		if (i + 1 == type->n_fields && (!type->choice || arms == 1)) {
			if (tag)
				der_put_wrapped(out, tag, content);
			return true;
		}
	}
	if (type->n_fields == 0) {
		der_put_wrapped(out, tag, content);
		return true;
	}
	if (type->choice && arms == 0)
		sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "no alternative of %s", type->name);
	if (tag)
		g_byte_array_unref(content);
	return false;
}

GBytes *msg_encode(const MsgType *type, const void *body, GError **error)
{
	g_autoptr(GByteArray) out = g_byte_array_new();

	if (!encode_type(out, type, 0, body, 0, error)) {
		g_prefix_error(error, "%s: ", type->name);
		return NULL;
	}
	return g_byte_array_free_to_bytes(g_steal_pointer(&out));
}

GBytes *msg_encode_own(const MsgType *type, const void *body)
{
	g_autoptr(GError) error = NULL;
	GBytes *bytes = msg_encode(type, body, &error);

	if (!bytes)
		g_error("A message of our own cannot be encoded: %s", error->message);
	return bytes;
}

/* ---- text ---- */

static void print_type(GString *text, const MsgType *type, const void *body, unsigned depth);

/* Control characters would reach a terminal. */
static char *printable(Span utf8)
{
	GString *out = g_string_new(NULL);
	const char *end = (const char *)utf8.data + utf8.size;

	for (const char *p = (const char *)utf8.data; p < end; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);

		if (g_unichar_isprint(c) && c != '\\')
			g_string_append_unichar(out, c);
		else
			g_string_append_printf(out, "\\u{%x}", c);
	}
	return g_string_free(out, FALSE);
}

static void print_value(GString *text, const MsgField *field, const void *member, unsigned depth)
{
	const Span *octets = member;
	const Num *number = member;
	g_autofree char *value = NULL;

	switch (field->kind) {
	case MSG_UTF8:
		if (g_utf8_validate_len((const char *)octets->data, octets->size, NULL))
			value = printable(*octets);
		else
			value = hex_encode(*octets);
		break;
	case MSG_OID: value = der_oid_to_text(*octets); break;
	case MSG_OCTETS:
	case MSG_RAW: value = hex_encode(*octets); break;
	case MSG_INTEGER: value = g_strdup_printf("%" G_GINT64_FORMAT, number->value); break;
	case MSG_BOOLEAN: value = g_strdup(number->value ? "true" : "false"); break;
	case MSG_NULL: value = g_strdup("present"); break;
	case MSG_BITS: {
		GString *bits = g_string_new(NULL);

		for (int i = 0; i < 56; i++)
			if (number->value >> i & 1)
				g_string_append_printf(bits, "%s%d", bits->len ? " " : "", i);
		value = g_string_free(bits, FALSE);
		break;
	}
	case MSG_NESTED:
		g_string_append_c(text, '\n');
		print_type(text, field->type, *(void *const *)member, depth + 1);
		return;
	case MSG_LIST: {
		const List *list = member;

		g_string_append_c(text, '\n');
		for (size_t i = 0; i < list->count; i++) {
			const void *item =
				(const uint8_t *)list->items + i * element_size(field->element);

			g_string_append_printf(text, "%*s-", (int)(depth + 1) * 2, "");
			if (field->element->kind == MSG_NESTED) {
				g_string_append_c(text, '\n');
				print_type(text, field->element->type, item, depth + 2);
			} else {
				print_value(text, field->element, item, depth + 1);
			}
		}
		return;
	}
	}
	g_string_append_printf(text, " %s\n", value ? value : "?");
}

static void print_type(GString *text, const MsgType *type, const void *body, unsigned depth)
{
	for (size_t i = 0; i < type->n_fields; i++) {
		const void *member = (const uint8_t *)body + type->fields[i].offset;

		if (!field_present(&type->fields[i], member))
			continue;
		g_string_append_printf(text, "%*s%s:", (int)depth * 2, "", type->fields[i].name);
		print_value(text, &type->fields[i], member, depth);
	}
}

char *msg_to_text(const MsgType *type, const void *body)
{
	GString *text = g_string_new(NULL);

	g_string_append_printf(text, "%s:\n", type->name);
	print_type(text, type, body, 1);
	return g_string_free(text, FALSE);
}
