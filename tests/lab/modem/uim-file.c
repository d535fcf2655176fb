/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * UIM: files of the card.
 */
#include "modem.h"

#define PATH_MAX_FILES 8

/* File: u16 id, u8 size of the path, its ids as u16. Answer: the path as the card wants it. */
static bool path_parse(Request *request, GBytes **ret)
{
	Span file = tlv_find(request->tlvs, 0x02);
	g_autoptr(GByteArray) path = NULL;
	size_t size;

	if (!file.data || !tlv_find(request->tlvs, 0x01).data) {
		qmi_fail(request, QMI_MISSING_ARGUMENT, NULL);
		return false;
	}
	size = file.size >= 3 ? file.data[2] : 0;
	if (file.size != 3 + size || size % 2 || size > 2 * PATH_MAX_FILES) {
		qmi_fail(request, QMI_MALFORMED_MESSAGE, NULL);
		return false;
	}
	path = g_byte_array_new();
	for (size_t i = 3; i < file.size; i += 2) {
		put_u8(path, file.data[i + 1]);
		put_u8(path, file.data[i]);
	}
	put_u8(path, file.data[1]);
	put_u8(path, file.data[0]);
	*ret = g_bytes_new(path->data, path->len);
	return true;
}

static void file_job(Modem *modem, Request *request, CardJobKind kind)
{
	Span range = tlv_find(request->tlvs, 0x03);
	g_autoptr(GBytes) path = NULL;
	CardJob *job;

	if (!path_parse(request, &path))
		return;
	if (kind != CARD_JOB_ATTRIBUTES && range.size != 4) {
		qmi_fail(request, QMI_MISSING_ARGUMENT, NULL);
		return;
	}
	job = card_job_new(kind);
	job->bytes = g_steal_pointer(&path);
	if (range.size == 4) {
		job->number = get_u16(range.data); /* offset or record */
		job->length = get_u16(range.data + 2);
	}
	job->request = request;
	job->request_free = (GDestroyNotify)request_free;
	card_link_send(modem->link, job);
}

void uim_read_transparent(Modem *modem, Client *client, Request *request)
{
	file_job(modem, request, CARD_JOB_READ_TRANSPARENT);
}

void uim_read_record(Modem *modem, Client *client, Request *request)
{
	file_job(modem, request, CARD_JOB_READ_RECORD);
}

void uim_file_attributes(Modem *modem, Client *client, Request *request)
{
	file_job(modem, request, CARD_JOB_ATTRIBUTES);
}

/* The value of a tag in the template 62 of a file (TS 102 221 11.1.1.3). */
static Span fcp_find(Span fcp, uint8_t tag)
{
	size_t at = 2;

	if (fcp.size < 2 || fcp.data[0] != 0x62 || fcp.data[1] >= 0x80)
		return (Span) {};
	while (fcp.size - at >= 2) {
		size_t size = fcp.data[at + 1];

		if (size >= 0x80 || size > fcp.size - at - 2)
			break;
		if (fcp.data[at] == tag)
			return span(fcp.data + at + 2, size);
		at += 2 + size;
	}
	return (Span) {};
}

static uint16_t fcp_u16(Span fcp, uint8_t tag)
{
	Span value = fcp_find(fcp, tag);

	return value.size >= 2 ? (uint16_t)(value.data[0] << 8 | value.data[1]) : 0;
}

/* Numbers of QMI from the file descriptor octet (TS 102 221 11.1.1.4.3). */
static uint8_t file_type(uint8_t descriptor, uint16_t id)
{
	if ((descriptor & 0x38) == 0x38)
		return id == 0x3f00 ? 4 : 3;
	switch (descriptor & 0x07) {
	case 2: return 2; /* linear fixed */
	case 6: return 1; /* cyclic */
	default: return 0;
	}
}

static void put_attributes(GByteArray *out, Span fcp)
{
	Span descriptor = fcp_find(fcp, 0x82);
	uint16_t id = fcp_u16(fcp, 0x83);
	bool records = descriptor.size >= 5;
	size_t t = tlv_open(out, 0x11);

	put_u16(out, fcp_u16(fcp, 0x80));
	put_u16(out, id);
	put_u8(out, file_type(descriptor.size ? descriptor.data[0] : 0, id));
	put_u16(out, records ? (uint16_t)(descriptor.data[2] << 8 | descriptor.data[3]) : 0);
	put_u16(out, records ? descriptor.data[4] : 0);
	/* The conditions of read, write, increase, deactivate, activate: always. */
	for (unsigned i = 0; i < 5; i++) {
		put_u8(out, 0);
		put_u16(out, 0);
	}
	put_span16(out, fcp);
	tlv_close(out, t);
}

GByteArray *uim_file_tlvs(const CardJob *job)
{
	GByteArray *out = g_byte_array_new();
	uint8_t words[2] = { (uint8_t)(job->sw >> 8), (uint8_t)job->sw };
	size_t t;

	if (job->sw)
		tlv_put_span(out, 0x10, SPAN_ARRAY(words));
	if (job->error)
		return out;
	if (job->kind == CARD_JOB_ATTRIBUTES) {
		put_attributes(out, span_of(job->answer));
		return out;
	}
	t = tlv_open(out, 0x11);
	put_span16(out, span_of(job->answer));
	tlv_close(out, t);
	return out;
}
