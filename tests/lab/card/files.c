/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files a modem looks for (TS 102 221, TS 31.102): those of the enabled profile, made new at every
 * reset. What a modem writes lives until then. Without an enabled profile there is only the MF.
 */
#include "lab/card/card.h"

#include <string.h>

#define MF 0x3f00
#define ADF_USIM 0x7fff

struct File {
	unsigned df, id, sfi;
	size_t record; /* 0: transparent */
	bool writable;
	GByteArray *content;
};

static const uint8_t usim_aid[] = { 0xa0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x02, 0xff, 0xff, 0xff,
	0xff, 0x89, 0x03, 0x02, 0x00, 0x00 };

static void file_free(File *file)
{
	g_byte_array_unref(file->content);
	g_free(file);
}

void files_free(GPtrArray *files)
{
	if (files)
		g_ptr_array_unref(files);
}

static File *file_add(Euicc *e, unsigned df, unsigned id, unsigned sfi, size_t record, Span content)
{
	File *file = g_new0(File, 1);

	*file = (File) { .df = df, .id = id, .sfi = sfi, .record = record };
	file->content = g_byte_array_new();
	array_append_span(file->content, content);
	g_ptr_array_add(e->files, file);
	return file;
}

static void file_add_erased(Euicc *e, unsigned id, unsigned sfi, size_t record, size_t size)
{
	g_autofree uint8_t *erased = g_malloc(size);
	File *file;

	memset(erased, 0xff, size);
	file = file_add(e, ADF_USIM, id, sfi, record, span(erased, size));
	file->writable = true;
}

/* 08 29 .. : length, then parity and digits, nibble-swapped. */
static void imsi_encode(const char *imsi, uint8_t ret[9])
{
	size_t digits = strlen(imsi);

	memset(ret, 0xff, 9);
	ret[0] = 8;
	ret[1] = (uint8_t)((digits % 2 ? 0x09 : 0x01) | (imsi[0] - '0') << 4);
	for (size_t i = 1; i < digits; i++) {
		size_t at = 1 + (i + 1) / 2;

		if (i % 2)
			ret[at] = (ret[at] & 0xf0) | (imsi[i] - '0');
		else
			ret[at] = (ret[at] & 0x0f) | (imsi[i] - '0') << 4;
	}
}

static void usim_load(Euicc *e, const Profile *profile)
{
	static const uint8_t ad[] = { 0x00, 0x00, 0x00, 0x02 }, access_class[] = { 0x00, 0x01 },
			     ust[] = { 0x9e, 0x6a, 0x14, 0x04, 0xe7, 0x00, 0x00, 0x00, 0x00, 0x00 },
			     loci[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0xff,
				     0x01 },
			     arr[] = { 0x80, 0x01, 0x01, 0x90, 0x00, 0xff }, period[] = { 0x0a },
			     ecc[] = { 0x11, 0xf2, 0xff, 0x00 };
	g_autoptr(GByteArray) spn = g_byte_array_new();
	const char *name = profile->service_provider_name ? profile->service_provider_name : "";
	uint8_t imsi[9];

	imsi_encode(profile->imsi && *profile->imsi ? profile->imsi : "001010000000001", imsi);
	file_add(e, ADF_USIM, 0x6f07, 0x07, 0, SPAN_ARRAY(imsi));
	file_add(e, ADF_USIM, 0x6fad, 0x03, 0, SPAN_ARRAY(ad));
	g_byte_array_set_size(spn, 17);
	memset(spn->data, 0xff, 17);
	spn->data[0] = 1;
	memcpy(spn->data + 1, name, MIN(strlen(name), 16));
	file_add(e, ADF_USIM, 0x6f46, 0, 0, span_of_array(spn));
	file_add(e, ADF_USIM, 0x6f38, 0x04, 0, SPAN_ARRAY(ust));
	file_add(e, ADF_USIM, 0x6f78, 0x06, 0, SPAN_ARRAY(access_class));
	file_add(e, ADF_USIM, 0x6f31, 0x12, 0, SPAN_ARRAY(period));
	file_add(e, ADF_USIM, 0x6f05, 0x02, 0, SPAN_LITERAL("en"));
	file_add(e, ADF_USIM, 0x6f06, 0x17, sizeof(arr), SPAN_ARRAY(arr));
	file_add(e, ADF_USIM, 0x6fb7, 0x01, sizeof(ecc), SPAN_ARRAY(ecc));
	file_add(e, ADF_USIM, 0x6f7e, 0x0b, 0, SPAN_ARRAY(loci))->writable = true;
	file_add_erased(e, 0x6f73, 0x0c, 0, 14); /* PSLOCI */
	file_add_erased(e, 0x6fe3, 0x1e, 0, 18); /* EPSLOCI */
	file_add_erased(e, 0x6fe4, 0x18, 54, 54); /* EPSNSC */
	file_add_erased(e, 0x6f7b, 0x0d, 0, 12); /* FPLMN */
	file_add_erased(e, 0x6f08, 0x08, 0, 33); /* Keys */
	file_add_erased(e, 0x6f09, 0x09, 0, 33); /* KeysPS */
	file_add_erased(e, 0x6f5b, 0x0f, 0, 6); /* START-HFN */
	file_add_erased(e, 0x6f5c, 0x10, 0, 3); /* THRESHOLD */
	file_add_erased(e, 0x6f62, 0x13, 0, 15); /* HPLMNwAcT */
	file_add_erased(e, 0x6f60, 0x0a, 0, 15); /* PLMNwAcT */
	file_add_erased(e, 0x6f61, 0x11, 0, 15); /* OPLMNwAcT */
	file_add_erased(e, 0x6f3e, 0, 0, 4); /* GID1 */
	file_add_erased(e, 0x6f3f, 0, 0, 4); /* GID2 */
	file_add_erased(e, 0x6f40, 0, 26, 26); /* MSISDN */
	file_add_erased(e, 0x6f3c, 0, 176, 176); /* SMS */
	file_add_erased(e, 0x6f42, 0, 28, 28); /* SMSP */
	file_add_erased(e, 0x6f43, 0, 0, 2); /* SMSS */
}

void files_reload(Euicc *e)
{
	static const uint8_t arr[] = { 0x80, 0x01, 0x01, 0x90, 0x00, 0xff };
	const Profile *profile = profile_enabled(e->state);
	g_autoptr(GByteArray) record = g_byte_array_new();
	GByteArray *application = g_byte_array_new();
	uint8_t iccid[10];

	files_free(e->files);
	e->files = g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))file_free);
	for (unsigned i = 0; i < N_CHANNELS; i++) {
		e->channels[i].df = MF;
		e->channels[i].ef = 0;
		if (e->channels[i].app == APP_USIM)
			e->channels[i].app = APP_NONE;
	}
	if (profile && iccid_from_text(profile->iccid, iccid)) {
		file_add(e, MF, 0x2fe2, 0x02, 0, SPAN_ARRAY(iccid));
		file_add(e, MF, 0x2f05, 0x05, 0, SPAN_LITERAL("en"));
		file_add(e, MF, 0x2f06, 0x06, sizeof(arr), SPAN_ARRAY(arr));
		der_put(application, 0x4f, SPAN_ARRAY(usim_aid));
		der_put(application, 0x50, SPAN_LITERAL("USIM"));
		der_put_wrapped(record, 0x61, application);
		while (record->len < 32)
			g_byte_array_append(record, (const uint8_t *)"\xff", 1);
		file_add(e, MF, 0x2f00, 0x1e, 32, span_of_array(record));
		usim_load(e, profile);
	} else {
		g_byte_array_unref(application);
	}
}

static File *file_find(Euicc *e, unsigned df, unsigned id, unsigned sfi)
{
	for (unsigned i = 0; i < e->files->len; i++) {
		File *file = e->files->pdata[i];

		if (file->df == df && (id ? file->id == id : file->sfi == sfi))
			return file;
	}
	return NULL;
}

/* ---- SELECT ---- */
static void put_fcp_df(Euicc *e, unsigned df, GByteArray *out)
{
	GByteArray *fcp = g_byte_array_new();
	uint8_t id[] = { df >> 8, df & 0xff };

	der_put(fcp, 0x82, SPAN_LITERAL("\x78\x21"));
	if (df == ADF_USIM)
		der_put(fcp, 0x84, SPAN_ARRAY(usim_aid));
	else
		der_put(fcp, 0x83, SPAN_ARRAY(id));
	der_put(fcp, 0xa5, SPAN_LITERAL("\x80\x01\x71"));
	der_put(fcp, 0x8a, SPAN_LITERAL("\x05"));
	der_put(fcp, 0x8b, SPAN_LITERAL("\x2f\x06\x01"));
	der_put(fcp, 0xc6, SPAN_LITERAL("\x90\x01\x00\x83\x01\x01\x83\x01\x81"));
	der_put_wrapped(out, 0x62, fcp);
}

static void put_fcp_ef(const File *file, GByteArray *out)
{
	GByteArray *fcp = g_byte_array_new();
	size_t size = file->content->len;
	uint8_t id[] = { file->id >> 8, file->id & 0xff }, total[] = { size >> 8, size & 0xff },
		sfi[] = { file->sfi << 3 };

	if (file->record) {
		uint8_t descriptor[] = { 0x42, 0x21, 0x00, file->record, size / file->record };

		der_put(fcp, 0x82, SPAN_ARRAY(descriptor));
	} else {
		der_put(fcp, 0x82, SPAN_LITERAL("\x41\x21"));
	}
	der_put(fcp, 0x83, SPAN_ARRAY(id));
	der_put(fcp, 0x8a, SPAN_LITERAL("\x05"));
	der_put(fcp, 0x8b, SPAN_LITERAL("\x6f\x06\x01"));
	der_put(fcp, 0x80, SPAN_ARRAY(total));
	if (file->sfi)
		der_put(fcp, 0x88, SPAN_ARRAY(sfi));
	der_put_wrapped(out, 0x62, fcp);
}

Sw files_select(Euicc *e, Channel *channel, uint8_t p1, uint8_t p2, Span data, GByteArray *out)
{
	unsigned df = channel->df, id = 0;
	const File *file = NULL;
	bool silent = (p2 & 0x0c) == 0x0c;

	if (p1 == 0x04) {
		/* The right part of an AID may be left out, its USIM part not. */
		if (data.size < 7 || !span_starts(SPAN_ARRAY(usim_aid), data) ||
			!profile_enabled(e->state))
			return SW_NOT_FOUND;
		channel->app = APP_USIM;
		channel->df = ADF_USIM;
		channel->ef = 0;
		if (!silent)
			put_fcp_df(e, ADF_USIM, out);
		return SW_OK;
	}
	if (p1 != 0x00 && p1 != 0x08 && p1 != 0x09)
		return SW_WRONG_P1P2;
	if (data.size % 2)
		return SW_WRONG_LENGTH;
	if (p1 == 0x08 || data.size == 0)
		df = MF;
	for (size_t i = 0; i < data.size; i += 2) {
		id = (unsigned)data.data[i] << 8 | data.data[i + 1];
		if (id == MF) {
			df = MF;
			file = NULL;
		} else if (id == ADF_USIM) {
			if (!profile_enabled(e->state))
				return SW_NOT_FOUND;
			df = ADF_USIM;
			file = NULL;
		} else {
			file = file_find(e, df, id, 0);
			/* An EF ends a path; by its id alone one of the MF is found, too. */
			if (!file && p1 == 0x00 && (file = file_find(e, MF, id, 0)))
				df = MF;
			if (!file || i + 2 < data.size)
				return SW_NOT_FOUND;
		}
	}
	if (channel->app == APP_ISDR)
		channel->app = APP_NONE;
	if (df == ADF_USIM)
		channel->app = APP_USIM;
	channel->df = df;
	channel->ef = file ? file->id : 0;
	if (silent)
		return SW_OK;
	if (file)
		put_fcp_ef(file, out);
	else
		put_fcp_df(e, df, out);
	return SW_OK;
}

Sw files_status(Euicc *e, Channel *channel, uint8_t p1, uint8_t p2, GByteArray *out)
{
	if (p1 > 2)
		return SW_WRONG_P1P2;
	if (p2 == 0x0c)
		return SW_OK;
	if (p2 == 0x01) {
		GByteArray *name = g_byte_array_new();

		der_put(name, 0x84,
			channel->app == APP_ISDR ? span_of(e->state->isdr_aid)
						 : SPAN_ARRAY(usim_aid));
		der_put_wrapped(out, 0x62, name);
		return SW_OK;
	}
	if (p2 != 0)
		return SW_WRONG_P1P2;
	put_fcp_df(e, channel->df, out);
	return SW_OK;
}

/* ---- reading and writing ---- */
Sw files_access(Euicc *e, Channel *channel, uint8_t ins, uint8_t p1, uint8_t p2, Span data, int le,
	GByteArray *out)
{
	bool by_record = ins == 0xb2 || ins == 0xdc, write = ins == 0xd6 || ins == 0xdc;
	size_t offset = 0, size;
	unsigned sfi = 0;
	File *file;

	if (by_record)
		sfi = p2 >> 3;
	else if (p1 & 0x80)
		sfi = p1 & 0x1f;
	file = sfi ? file_find(e, channel->df, 0, sfi)
		   : (channel->ef ? file_find(e, channel->df, channel->ef, 0) : NULL);
	if (!file)
		return sfi ? SW_NOT_FOUND : SW_NO_CURRENT_EF;
	if (sfi)
		channel->ef = file->id;
	if (by_record != (file->record > 0))
		return 0x6981;
	if (write && !file->writable)
		return SW_SECURITY;
	if (by_record) {
		if ((p2 & 7) != 4)
			return SW_WRONG_P1P2;
		if (p1 == 0 || p1 * file->record > file->content->len)
			return SW_NO_RECORD;
		offset = (p1 - 1u) * file->record;
		size = file->record;
	} else {
		offset = sfi ? p2 : (size_t)p1 << 8 | p2;
		if (offset >= file->content->len)
			return SW_WRONG_OFFSET;
		size = file->content->len - offset;
	}
	if (write) {
		if (by_record ? data.size != size : data.size > size)
			return SW_WRONG_LENGTH;
		memcpy(file->content->data + offset, data.data, data.size);
		return SW_OK;
	}
	if (le < 0)
		return SW_WRONG_LENGTH;
	if (le == 0 && size <= 256)
		le = (int)size;
	if ((size_t)le > size || (by_record && (size_t)le != size))
		return 0x6c00 | size;
	g_byte_array_append(out, file->content->data + offset, le ? le : 256);
	return SW_OK;
}
