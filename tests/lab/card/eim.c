/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The eIMs the card trusts: AddInitialEim, GetEimConfigurationData, and the four eCOs (digest 3.18, 3.19,
 * 4.6).
 */
#include "lab/card/card.h"

#include <string.h>

Eim *eim_find(State *state, const char *id)
{
	for (unsigned i = 0; id && i < state->eims->len; i++) {
		Eim *eim = state->eims->pdata[i];

		if (g_str_equal(eim->id, id))
			return eim;
	}
	return NULL;
}

Eim *eim_copy(const Eim *eim)
{
	Eim *copy = g_new0(Eim, 1);

	*copy = *eim;
	copy->id = g_strdup(eim->id);
	copy->fqdn = g_strdup(eim->fqdn);
	copy->public_key = g_bytes_ref(eim->public_key);
	copy->tls = eim->tls ? g_bytes_ref(eim->tls) : NULL;
	copy->protocol = g_bytes_ref(eim->protocol);
	copy->ci = g_bytes_ref(eim->ci);
	copy->proprietary = eim->proprietary ? g_bytes_ref(eim->proprietary) : NULL;
	return copy;
}

/* A0: SubjectPublicKeyInfo, A1: certificate, both without their 30. */
static EVP_PKEY *key_of(Span whole)
{
	g_autoptr(GBytes) der = NULL;
	g_autoptr(X509) certificate = NULL;
	EVP_PKEY *key;
	Tlv outer, arm;

	if (!der_single(whole, &outer, NULL) || !der_single(outer.value, &arm, NULL))
		return NULL;
	der = der_retag(arm.whole, 0x30);
	if (arm.tag == 0xa0)
		return crypto_key_from_spki(span_of(der), NULL);
	if (arm.tag != 0xa1 || !(certificate = crypto_certificate_from_der(span_of(der), NULL)))
		return NULL;
	key = crypto_certificate_key(certificate);
	EVP_PKEY_up_ref(key);
	return key;
}

EVP_PKEY *eim_key(const Eim *eim)
{
	return key_of(span_of(eim->public_key));
}

void put_token(GByteArray *out, const Eim *eim)
{
	der_put_integer(out, 0x84, eim->token);
}

CiKey *eim_ci(Euicc *e, const Eim *eim)
{
	CiKey *ci = euicc_ci_find(e, span_of(eim->ci));

	return ci ? ci : euicc_ci_default(e);
}

/* ---- EimConfigurationData ---- */
typedef struct Wanted {
	char *id, *fqdn;
	bool has_counter, has_token, has_type;
	int64_t counter, token, type;
	Span public_key, tls, protocol, ci, proprietary;
	bool indirect;
} Wanted;

static void wanted_clear(Wanted *wanted)
{
	g_free(wanted->id);
	g_free(wanted->fqdn);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Wanted, wanted_clear)

/* What was sent, as it was sent. False: malformed. */
static bool wanted_read(Span value, Wanted *ret)
{
	g_auto(Wanted) w = { 0 };
	g_autoptr(EVP_PKEY) key = NULL;
	uint32_t bits;
	Tlv tlv;

	if (!tlvs_good(value))
		return false;
	if (der_find(value, 0x80, &tlv) &&
		(tlv.value.size < 1 || tlv.value.size > 128 || !(w.id = text_read(tlv.value))))
		return false;
	if (der_find(value, 0x81, &tlv) &&
		(tlv.value.size > 255 || !(w.fqdn = text_read(tlv.value))))
		return false;
	w.has_type = der_find(value, 0x82, &tlv);
	if (w.has_type && !integer_read(tlv.value, &w.type))
		return false;
	w.has_counter = der_find(value, 0x83, &tlv);
	if (w.has_counter && !integer_read(tlv.value, &w.counter))
		return false;
	w.has_token = der_find(value, 0x84, &tlv);
	if (w.has_token && !integer_read(tlv.value, &w.token))
		return false;
	if (der_find(value, 0xa5, &tlv)) {
		w.public_key = tlv.whole;
		if (!(key = key_of(tlv.whole)))
			return false;
	}
	if (der_find(value, 0xa6, &tlv))
		w.tls = tlv.whole;
	if (der_find(value, 0x87, &tlv)) {
		w.protocol = tlv.whole;
		if (!bits_read(tlv.value, &bits))
			return false;
	}
	if (der_find(value, 0x88, &tlv))
		w.ci = tlv.value;
	w.indirect = der_find(value, 0x89, &tlv);
	if (der_find(value, 0xaa, &tlv))
		w.proprietary = tlv.whole;
	*ret = w;
	w.id = w.fqdn = NULL;
	return true;
}

static bool counter_good(int64_t counter)
{
	return counter >= 0 && counter <= COUNTER_MAX;
}

/* The new entry, not yet in the list; NULL with the code. */
static Eim *eim_new(Euicc *e, Span value, int *ret_code)
{
	g_auto(Wanted) w = { 0 };
	Eim *eim;
	CiKey *ci = euicc_ci_default(e);

	*ret_code = 7;
	if (!wanted_read(value, &w) || !w.id || !w.has_counter || !w.public_key.data)
		return NULL;
	*ret_code = 6;
	if (!counter_good(w.counter))
		return NULL;
	*ret_code = 5;
	if (w.has_token && w.token != -1)
		return NULL;
	*ret_code = 3;
	if (w.ci.data && !(ci = w.ci.size ? euicc_ci_find(e, w.ci) : NULL))
		return NULL;
	eim = g_new0(Eim, 1);
	eim->id = g_steal_pointer(&w.id);
	eim->fqdn = g_steal_pointer(&w.fqdn);
	eim->id_type = w.has_type ? w.type : 3;
	eim->counter = w.counter;
	eim->public_key = span_to_bytes(w.public_key);
	eim->tls = w.tls.data ? span_to_bytes(w.tls) : NULL;
	eim->protocol =
		span_to_bytes(w.protocol.data ? w.protocol : SPAN_LITERAL("\x87\x02\x03\x08"));
	eim->ci = g_bytes_ref(ci->id);
	eim->indirect = w.indirect;
	eim->proprietary = w.proprietary.data ? span_to_bytes(w.proprietary) : NULL;
	if (w.has_token)
		eim->token = ++e->state->token;
	*ret_code = 0;
	return eim;
}

/* ---- ES10 ---- */
Sw es10_add_initial_eim(Euicc *e, Span value, GByteArray *out)
{
	g_autoptr(GPtrArray) added =
		g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))eim_free);
	int64_t token = e->state->token;
	GByteArray *list, *content;
	int code = 0;
	Tlv entries, entry;

	if (!der_find(value, 0xa0, &entries) || !tlvs_good(entries.value) || !entries.value.size)
		return SW_WRONG_DATA;
	if (e->state->eims->len)
		return answer_code_as(out, 0xbf57, 0x81, 2);
	while (code == 0 && entries.value.size && der_next(&entries.value, &entry, NULL)) {
		Eim *eim = entry.tag == 0x30 ? eim_new(e, entry.value, &code) : NULL;

		if (entry.tag != 0x30)
			code = 7;
		if (eim)
			g_ptr_array_add(added, eim);
		if (added->len > e->state->max_eims)
			code = 1;
	}
	if (code) { /* all or none */
		e->state->token = token;
		return answer_code_as(out, 0xbf57, 0x81, code);
	}
	list = g_byte_array_new();
	while (added->len) {
		Eim *eim = g_ptr_array_steal_index(added, 0);

		if (eim->token)
			put_token(list, eim);
		else
			der_put(list, 0x05, SPAN_LITERAL(""));
		g_ptr_array_add(e->state->eims, eim);
	}
	euicc_touch(e);
	content = g_byte_array_new();
	der_put_wrapped(content, 0xa0, list);
	der_put_wrapped(out, 0xbf57, content);
	return SW_OK;
}

static void put_eim(const Eim *eim, GByteArray *out)
{
	GByteArray *entry = g_byte_array_new();

	der_put(entry, 0x80, span_string(eim->id));
	if (eim->fqdn)
		der_put(entry, 0x81, span_string(eim->fqdn));
	der_put_integer(entry, 0x82, eim->id_type);
	if (eim->token)
		put_token(entry, eim);
	array_append_span(entry, span_of(eim->public_key));
	if (eim->tls)
		array_append_span(entry, span_of(eim->tls));
	array_append_span(entry, span_of(eim->protocol));
	der_put(entry, 0x88, span_of(eim->ci));
	if (eim->indirect)
		der_put(entry, 0x89, SPAN_LITERAL(""));
	if (eim->proprietary)
		array_append_span(entry, span_of(eim->proprietary));
	der_put_wrapped(out, 0x30, entry);
}

Sw es10_get_eim_configuration(Euicc *e, Span value, GByteArray *out)
{
	GByteArray *list, *content;
	bool filtered = der_find(value, 0xa0, &(Tlv) { 0 });
	Tlv criteria, id = { 0 };

	if (!tlvs_good(value) ||
		(filtered &&
			(!der_find(value, 0xa0, &criteria) ||
				!der_find(criteria.value, 0x80, &id))))
		return SW_WRONG_DATA;
	list = g_byte_array_new();
	for (unsigned i = 0; i < e->state->eims->len; i++) {
		const Eim *eim = e->state->eims->pdata[i];

		if (!filtered || span_equal(span_string(eim->id), id.value))
			put_eim(eim, list);
	}
	content = g_byte_array_new();
	der_put_wrapped(content, 0xa0, list);
	der_put_wrapped(out, 0xbf55, content);
	return SW_OK;
}

/* ---- eCO: the number is the code, 0 goes on with the next one; -1: not understood ---- */
static int eco_add(Euicc *e, Span value, GByteArray *out)
{
	int64_t token = e->state->token;
	GByteArray *result = g_byte_array_new();
	Eim *eim = NULL;
	int code;

	eim = eim_new(e, value, &code);
	if (eim && eim_find(e->state, eim->id))
		code = 2;
	else if (eim && e->state->eims->len >= e->state->max_eims)
		code = 1;
	if (code) {
		e->state->token = token;
		der_put_integer(result, 0x02, code);
		eim_free(eim);
	} else {
		if (eim->token)
			put_token(result, eim);
		else
			der_put_integer(result, 0x02, 0);
		g_ptr_array_add(e->state->eims, eim);
	}
	der_put_wrapped(out, 0xa8, result);
	return code;
}

static int eco_delete(Euicc *e, Span value, GByteArray *out)
{
	g_autofree char *id = NULL;
	Eim *eim;
	Tlv tlv;
	int code = 0;

	if (der_find(value, 0x80, &tlv))
		id = text_read(tlv.value);
	eim = eim_find(e->state, id);
	if (!id) {
		code = 7;
	} else if (!eim) {
		code = 1;
	} else {
		g_ptr_array_remove(e->state->eims, eim);
		if (g_strcmp0(e->state->rollback_eim, id) == 0)
			rollback_clear(e->state);
	}
	/* The last one is gone: said, and a success. */
	der_put_integer(out, 0x89, code == 0 && e->state->eims->len == 0 ? 2 : code);
	return code;
}

static int eim_update(Euicc *e, Span value)
{
	g_auto(Wanted) w = { 0 };
	CiKey *ci = NULL;
	Eim *eim;

	if (!wanted_read(value, &w) || !w.id || w.has_token)
		return 7;
	if (!(eim = eim_find(e->state, w.id)))
		return 1;
	if (!w.fqdn && !w.has_type && !w.has_counter && !w.public_key.data && !w.tls.data &&
		!w.protocol.data && !w.ci.data && !w.indirect && !w.proprietary.data)
		return 7;
	if (w.ci.data && !(ci = w.ci.size ? euicc_ci_find(e, w.ci) : NULL))
		return 3;
	if (w.has_counter &&
		(!counter_good(w.counter) || (w.counter < eim->counter && !w.public_key.data)))
		return 6;
	if (w.fqdn) {
		g_free(eim->fqdn);
		eim->fqdn = g_steal_pointer(&w.fqdn);
	}
	if (w.has_type)
		eim->id_type = w.type;
	if (w.has_counter)
		eim->counter = w.counter;
	if (w.indirect)
		eim->indirect = true;
	const struct {
		GBytes **to;
		Span from;
	} parts[] = { { &eim->public_key, w.public_key }, { &eim->tls, w.tls },
		{ &eim->protocol, w.protocol }, { &eim->proprietary, w.proprietary },
		{ &eim->ci, span_of(ci ? ci->id : NULL) } };

	for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
		if (parts[i].from.data) {
			g_clear_pointer(parts[i].to, g_bytes_unref);
			*parts[i].to = span_to_bytes(parts[i].from);
		}
	return 0;
}

static void eco_list(Euicc *e, GByteArray *out)
{
	GByteArray *list = g_byte_array_new(), *content = g_byte_array_new();

	for (unsigned i = 0; i < e->state->eims->len; i++) {
		const Eim *eim = e->state->eims->pdata[i];
		GByteArray *entry = g_byte_array_new();

		der_put(entry, 0x80, span_string(eim->id));
		if (eim->id_type == 1 || eim->id_type == 2)
			der_put_integer(entry, 0x82, eim->id_type);
		der_put_wrapped(list, 0x30, entry);
	}
	der_put_wrapped(content, 0xa0, list);
	der_put_wrapped(out, 0xab, content);
}

int eco_run(Euicc *e, const Tlv *eco, GByteArray *out)
{
	int code;

	switch (eco->tag) {
	case 0xa8: return eco_add(e, eco->value, out);
	case 0xa9: return eco_delete(e, eco->value, out);
	case 0xaa:
		code = eim_update(e, eco->value);
		der_put_integer(out, 0x8a, code);
		return code;
	case 0xab: eco_list(e, out); return 0;
	default: return -1;
	}
}
