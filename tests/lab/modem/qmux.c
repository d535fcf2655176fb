/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmux.h"

#define HEADER_SIZE 6u

size_t qmux_frame_size(Span stream, bool *ret_bad)
{
	size_t size;

	if (stream.size < 1)
		return 0;
	if (stream.data[0] != QMUX_MARKER) {
		*ret_bad = true;
		return 0;
	}
	if (stream.size < 3)
		return 0;
	size = (size_t)get_u16(stream.data + 1) + 1;
	if (size < HEADER_SIZE) {
		*ret_bad = true;
		return 0;
	}
	return stream.size < size ? 0 : size;
}

bool tlv_well_formed(Span tlvs)
{
	size_t at = 0;

	while (at < tlvs.size) {
		if (tlvs.size - at < 3)
			return false;
		at += 3 + (size_t)get_u16(tlvs.data + at + 1);
	}
	return at == tlvs.size;
}

bool qmux_parse(Span frame, QmiMessage *ret)
{
	QmiMessage m = {};
	const uint8_t *p = frame.data + HEADER_SIZE;
	size_t head, size;

	if (frame.size < HEADER_SIZE)
		return false;
	m.service = frame.data[4];
	m.cid = frame.data[5];
	head = m.service == QMI_CTL ? 6 : 7;
	if (frame.size < HEADER_SIZE + head)
		return false;
	/* Hosts send requests only; the bits of all services but CTL are moved one up. */
	if (p[0] != 0)
		return false;
	m.kind = QMI_REQUEST;
	m.transaction = m.service == QMI_CTL ? p[1] : get_u16(p + 1);
	m.id = get_u16(p + head - 4);
	size = get_u16(p + head - 2);
	if (size != frame.size - HEADER_SIZE - head)
		return false;
	m.tlvs = span(p + head, size);
	if (!tlv_well_formed(m.tlvs))
		return false;
	*ret = m;
	return true;
}

GByteArray *qmux_build(const QmiMessage *m)
{
	GByteArray *out = g_byte_array_new();
	size_t head = m->service == QMI_CTL ? 6 : 7;

	put_u8(out, QMUX_MARKER);
	put_u16(out, (uint16_t)(HEADER_SIZE - 1 + head + m->tlvs.size));
	put_u8(out, 0x80);
	put_u8(out, m->service);
	put_u8(out, m->cid);
	if (m->service == QMI_CTL) {
		put_u8(out, (uint8_t)m->kind);
		put_u8(out, (uint8_t)m->transaction);
	} else {
		put_u8(out, (uint8_t)(m->kind << 1));
		put_u16(out, m->transaction);
	}
	put_u16(out, m->id);
	put_u16(out, (uint16_t)m->tlvs.size);
	array_append_span(out, m->tlvs);
	return out;
}

Span tlv_find(Span tlvs, uint8_t type)
{
	size_t at = 0;

	while (tlvs.size - at >= 3) {
		size_t size = get_u16(tlvs.data + at + 1);

		if (size > tlvs.size - at - 3)
			break;
		if (tlvs.data[at] == type)
			return span(tlvs.data + at + 3, size);
		at += 3 + size;
	}
	return (Span) {};
}

bool tlv_get_u8(Span tlvs, uint8_t type, uint8_t *ret)
{
	Span value = tlv_find(tlvs, type);

	if (!value.data || value.size != 1)
		return false;
	*ret = value.data[0];
	return true;
}

bool tlv_get_u32(Span tlvs, uint8_t type, uint32_t *ret)
{
	Span value = tlv_find(tlvs, type);

	if (!value.data || value.size != 4)
		return false;
	*ret = get_u32(value.data);
	return true;
}

void put_u8(GByteArray *out, uint8_t value)
{
	g_byte_array_append(out, &value, 1);
}

void put_u16(GByteArray *out, uint16_t value)
{
	put_u8(out, (uint8_t)value);
	put_u8(out, (uint8_t)(value >> 8));
}

void put_u32(GByteArray *out, uint32_t value)
{
	put_u16(out, (uint16_t)value);
	put_u16(out, (uint16_t)(value >> 16));
}

void put_span8(GByteArray *out, Span value)
{
	put_u8(out, (uint8_t)value.size);
	array_append_span(out, value);
}

void put_span16(GByteArray *out, Span value)
{
	put_u16(out, (uint16_t)value.size);
	array_append_span(out, value);
}

size_t tlv_open(GByteArray *out, uint8_t type)
{
	put_u8(out, type);
	put_u16(out, 0);
	return out->len;
}

void tlv_close(GByteArray *out, size_t opened)
{
	size_t size = out->len - opened;

	out->data[opened - 2] = (uint8_t)size;
	out->data[opened - 1] = (uint8_t)(size >> 8);
}

void tlv_put_span(GByteArray *out, uint8_t type, Span value)
{
	size_t t = tlv_open(out, type);

	array_append_span(out, value);
	tlv_close(out, t);
}

void tlv_put_u8(GByteArray *out, uint8_t type, uint8_t value)
{
	tlv_put_span(out, type, span(&value, 1));
}

void tlv_put_u16(GByteArray *out, uint8_t type, uint16_t value)
{
	size_t t = tlv_open(out, type);

	put_u16(out, value);
	tlv_close(out, t);
}

void tlv_put_u32(GByteArray *out, uint8_t type, uint32_t value)
{
	size_t t = tlv_open(out, type);

	put_u32(out, value);
	tlv_close(out, t);
}

void tlv_put_string(GByteArray *out, uint8_t type, const char *text)
{
	tlv_put_span(out, type, span_string(text));
}

static const struct {
	unsigned service;
	const char *name;
} service_names[] = {
	{ QMI_CTL, "ctl" },
	{ QMI_WDS, "wds" },
	{ QMI_DMS, "dms" },
	{ QMI_NAS, "nas" },
	{ QMI_UIM, "uim" },
	{ QMI_WDA, "wda" },
};

const char *qmi_service_name(unsigned service)
{
	for (size_t i = 0; i < G_N_ELEMENTS(service_names); i++)
		if (service_names[i].service == service)
			return service_names[i].name;
	return NULL;
}
