/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LoadBoundProfilePackage (SGP.22 2.5, 5.7.6; digest 7.4 to 7.6, 8.2 to 8.4): the package comes in chains,
 * and the profile exists once the last one has been checked. Nothing is written before that, but for the
 * result of a package that failed.
 */
#include "lab/card/card.h"

#include <string.h>

typedef enum Stage {
	STAGE_CONFIGURE, /* A0 */
	STAGE_METADATA, /* A1, its header alone */
	STAGE_METADATA_PARTS, /* 88 */
	STAGE_KEYS, /* A2, or A3 at once */
	STAGE_ELEMENTS, /* A3, its header alone */
	STAGE_ELEMENTS_PARTS, /* 86 */
} Stage;

/* BppCommandId and ErrorReason (digest 7.6). */
enum { INITIALISE = 0, CONFIGURE = 1, STORE = 2, REPLACE = 4, LOAD = 5 };
enum {
	INCORRECT_INPUT = 1,
	INVALID_SIGNATURE = 2,
	INVALID_TRANSACTION = 3,
	UNSUPPORTED_CRT = 4,
	UNSUPPORTED_OPERATION = 5,
	UNSUPPORTED_CLASS = 6,
	STRUCTURE = 7,
	SECURITY = 8,
	ICCID_EXISTS = 9,
	NO_MEMORY = 10,
	INTERRUPTION = 11,
	PPR_NOT_ALLOWED = 15,
};

struct Bpp {
	Stage stage;
	Bsp bsp;
	size_t total; /* octets of BF36 still to come */
	size_t part; /* octets of A1 or A3 still to come */
	GByteArray *plain; /* of the part */
	Profile *profile;
	GBytes *dp_proprietary;
};

void bpp_free(Bpp *bpp)
{
	if (!bpp)
		return;
	g_byte_array_unref(bpp->plain);
	profile_free(bpp->profile);
	g_clear_pointer(&bpp->dp_proprietary, g_bytes_unref);
	wipe(bpp, sizeof(*bpp));
	g_free(bpp);
}

bool bpp_running(const Euicc *e)
{
	return e->bpp != NULL;
}

/* Parts of a package are never functions of their own. */
bool bpp_wants(const Euicc *e, uint32_t tag)
{
	return e->bpp &&
		(tag == 0xa0 || tag == 0xa1 || tag == 0x88 || tag == 0xa2 || tag == 0xa3 ||
			tag == 0x86);
}

/* ---- ProfileInstallationResult ---- */
static void put_success(const Profile *profile, GByteArray *out)
{
	GByteArray *arm = g_byte_array_new();
	uint8_t aid[16];

	profile_aid(profile, aid);
	der_put(arm, 0x4f, SPAN_ARRAY(aid));
	der_put(arm, 0x04, SPAN_LITERAL("\x30\x07\xa0\x05\x30\x03\x80\x01\x00"));
	der_put_wrapped(out, 0xa0, arm);
}

static void put_failure(int command, int reason, GByteArray *out)
{
	GByteArray *arm = g_byte_array_new();

	der_put_integer(arm, 0x80, command);
	der_put_integer(arm, 0x81, reason);
	der_put_wrapped(out, 0xa1, arm);
}

/* final: the arm of finalResult. Stores the notification; out takes BF37. */
static void result_make(Euicc *e, const char *iccid, GByteArray *final, GByteArray *out)
{
	Session *session = &e->session;
	GByteArray *data = g_byte_array_new(), *content = g_byte_array_new(),
		   *whole = g_byte_array_new();
	g_autoptr(GBytes) signed_octets = NULL;
	Notification *n = g_new0(Notification, 1);

	n->seq = ++e->state->seq;
	n->event = EVENT_INSTALL;
	n->address = g_strdup(session->server_address);
	n->iccid = g_strdup(iccid);
	n->metadata = notification_metadata(n->seq, EVENT_INSTALL, n->address, iccid);
	der_put(data, 0x80, span_of(session->transaction_id));
	array_append_span(data, span_of(n->metadata));
	der_put(data, 0x06, span_of(session->server_oid));
	der_put_wrapped(data, 0xa2, final);
	der_put_wrapped(content, 0xbf27, data);
	signed_octets = span_to_bytes(span_of_array(content));
	crypto_put_signature(content, session->ci->key, span_of(signed_octets));
	der_put_wrapped(whole, 0xbf37, content);
	if (out)
		array_append_span(out, span_of_array(whole));
	n->whole = g_byte_array_free_to_bytes(whole);
	notification_add(e, n);
}

static Sw fail(Euicc *e, int command, int reason, GByteArray *out)
{
	GByteArray *final = g_byte_array_new();

	put_failure(command, reason, final);
	result_make(e, e->bpp->profile ? e->bpp->profile->iccid : NULL, final, out);
	g_clear_pointer(&e->bpp, bpp_free);
	session_clear(&e->session);
	return SW_OK;
}

void bpp_interrupt(Euicc *e)
{
	static const int commands[] = { CONFIGURE, STORE, STORE, LOAD, LOAD, LOAD };

	(void)fail(e, commands[e->bpp->stage], INTERRUPTION, NULL);
}

/* ---- BF23 InitialiseSecureChannel ---- */
static int initialise(Euicc *e, Bsp *bsp, Span value)
{
	Session *session = &e->session;
	g_autoptr(GByteArray) signed_octets = g_byte_array_new();
	g_autoptr(EVP_PKEY) peer = NULL;
	Tlv operation, transaction, crt, point, signature, type, length, host;
	uint8_t eid[16], z[32];
	int64_t number;

	if (!der_find(value, 0x82, &operation) || !integer_read(operation.value, &number) ||
		!der_find(value, 0x80, &transaction) || !der_find(value, 0xa6, &crt) ||
		!der_find(value, 0x5f49, &point) || !der_find(value, 0x5f37, &signature) ||
		!tlvs_good(crt.value) || !der_find(crt.value, 0x80, &type) ||
		!der_find(crt.value, 0x81, &length) || !der_find(crt.value, 0x84, &host) ||
		host.value.size < 1 || host.value.size > 16)
		return INCORRECT_INPUT;
	array_append_span(signed_octets, operation.whole);
	array_append_span(signed_octets, transaction.whole);
	array_append_span(signed_octets, crt.whole);
	array_append_span(signed_octets, point.whole);
	der_put(signed_octets, 0x5f49, span_of(session->one_time_point));
	if (!crypto_verify(session->dppb, span_of_array(signed_octets), signature.value, NULL))
		return INVALID_SIGNATURE;
	if (!span_equal(transaction.value, span_of(session->transaction_id)))
		return INVALID_TRANSACTION;
	if (number != 1)
		return UNSUPPORTED_OPERATION;
	if (!span_equal(type.value, SPAN_LITERAL("\x88")) ||
		!span_equal(length.value, SPAN_LITERAL("\x10")))
		return UNSUPPORTED_CRT;
	peer = crypto_key_from_point(crypto_key_curve(session->one_time), point.value, NULL);
	if (!peer || !crypto_ecdh(session->one_time, peer, z, NULL))
		return INCORRECT_INPUT;
	if (!eid_from_text(e->state->eid, false, eid))
		return INCORRECT_INPUT;
	bsp_derive(bsp, SPAN_ARRAY(z), host.value, SPAN_ARRAY(eid));
	wipe(z, sizeof(z));
	return 0;
}

/* The header of BF36, which announces all of it, and BF23. */
static Sw begin(Euicc *e, Span chain, GByteArray *out)
{
	size_t total = der_announced_size(chain), header;
	Span rest = chain;
	Tlv tlv;
	int reason;

	if (!e->session.prepared)
		return SW_CONDITIONS;
	if (total == 0 || total == SIZE_MAX)
		return SW_WRONG_DATA;
	/* Two octets of tag, then the length. */
	header = chain.data[2] < 0x80 ? 3 : 3 + (chain.data[2] & 0x7fu);
	rest = span(chain.data + header, chain.size - header);
	if (!der_single(rest, &tlv, NULL) || tlv.tag != 0xbf23 || total < chain.size ||
		!tlvs_good(tlv.value))
		return SW_WRONG_DATA;
	e->bpp = g_new0(Bpp, 1);
	e->bpp->plain = g_byte_array_new();
	e->bpp->total = total - chain.size;
	e->bpp->stage = STAGE_CONFIGURE;
	reason = initialise(e, &e->bpp->bsp, tlv.value);
	return reason ? fail(e, INITIALISE, reason, out) : SW_OK;
}

/* ---- the parts ---- */
/* All protected TLVs of a run, to bpp->plain. 0, or the reason. */
static int unprotect_all(Bpp *bpp, uint32_t tag, Span run)
{
	Tlv tlv;

	if (run.size == 0)
		return STRUCTURE;
	while (run.size) {
		g_autoptr(GBytes) plain = NULL;
		BspFault fault = BSP_FAULT_NONE;

		if (!der_next(&run, &tlv, NULL) || tlv.tag != tag)
			return STRUCTURE;
		plain = bsp_unprotect(&bpp->bsp, tag, tlv.whole, &fault, NULL);
		if (!plain)
			return fault ? (int)fault : SECURITY;
		array_append_span(bpp->plain, span_of(plain));
	}
	return 0;
}

static int configure(Bpp *bpp, Span run)
{
	Tlv tlv, data;
	int reason = unprotect_all(bpp, 0x87, run);

	if (reason)
		return reason;
	if (!der_single(span_of_array(bpp->plain), &tlv, NULL) || tlv.tag != 0xbf24 ||
		!tlvs_good(tlv.value))
		return INCORRECT_INPUT;
	if (der_find(tlv.value, 0xb8, &data)) {
		if (data.whole.size > 128)
			return INCORRECT_INPUT;
		bpp->dp_proprietary = span_to_bytes(data.whole);
	}
	g_byte_array_set_size(bpp->plain, 0);
	return 0;
}

static int replace_keys(Bpp *bpp, Span run)
{
	Tlv tlv, mcv, enc, mac;
	int reason = unprotect_all(bpp, 0x87, run);

	if (reason)
		return reason;
	if (!der_single(span_of_array(bpp->plain), &tlv, NULL) || tlv.tag != 0xbf26 ||
		!der_find(tlv.value, 0x80, &mcv) || !der_find(tlv.value, 0x81, &enc) ||
		!der_find(tlv.value, 0x82, &mac) || mcv.value.size != 16 || enc.value.size != 16 ||
		mac.value.size != 16)
		return INCORRECT_INPUT;
	bsp_replace_keys(&bpp->bsp, mcv.value.data, enc.value.data, mac.value.data);
	g_byte_array_set_size(bpp->plain, 0);
	return 0;
}

/* Does an operator of the rule stand for the owner? digest 3.15 */
static bool operator_matches(Span operator, Span owner)
{
	Tlv wanted, is, gid, own;
	bool has, owned;

	if (!der_find(operator, 0x80, &wanted) || wanted.value.size != 3)
		return false;
	if (!der_find(owner, 0x80, &is) || is.value.size != 3)
		return span_equal(wanted.value, SPAN_LITERAL("\xee\xee\xee"));
	for (unsigned i = 0; i < 6; i++) {
		unsigned a = wanted.value.data[i / 2] >> (i % 2 ? 4 : 0) & 15,
			 b = is.value.data[i / 2] >> (i % 2 ? 4 : 0) & 15;

		if (a != 0xe && a != b)
			return false;
	}
	for (uint32_t tag = 0x81; tag <= 0x82; tag++) {
		has = der_find(operator, tag, &gid);
		owned = der_find(owner, tag, &own);
		if (has && gid.value.size == 0)
			continue; /* any */
		if (has != owned || (has && !span_equal(gid.value, own.value)))
			return false;
	}
	return true;
}

static bool rule_allowed(const State *state, unsigned bit, Span owner)
{
	Span rules = span_of(state->rat);
	Tlv rule, ids, operators, operator;
	uint32_t bits;

	while (rules.size && der_next(&rules, &rule, NULL)) {
		if (!der_find(rule.value, 0x80, &ids) || !bits_read(ids.value, &bits) ||
			!(bits & 1u << bit) || !der_find(rule.value, 0xa1, &operators))
			continue;
		while (operators.value.size && der_next(&operators.value, &operator, NULL))
			if (operator_matches(operator.value, owner))
				return true;
	}
	return false;
}

static int rules_check(Euicc *e, Span rules, Span owner)
{
	uint32_t bits;

	if (!bits_read(rules, &bits))
		return INCORRECT_INPUT;
	for (unsigned bit = 1; bit <= 2; bit++)
		if (bits & 1u << bit && !rule_allowed(e->state, bit, owner))
			return PPR_NOT_ALLOWED;
	if (bits & ~7u)
		return PPR_NOT_ALLOWED;
	/* PPR1 would lock the other operational profiles out (SGP.22 2.9.2.1). */
	for (unsigned i = 0; bits & 1u << 1 && i < e->state->profiles->len; i++)
		if (((Profile *)e->state->profiles->pdata[i])->profile_class == 2)
			return PPR_NOT_ALLOWED;
	return 0;
}

/* An IMSI of the owner, ended by digits of the ICCID: what the lab's profile elements do not say. */
static char *imsi_make(const char *iccid, Span owner)
{
	g_autofree char *plmn = g_strdup("00101");
	size_t size = strlen(iccid);
	GString *imsi;
	Tlv tlv;

	if (der_find(owner, 0x80, &tlv) && tlv.value.size == 3) {
		const uint8_t *o = tlv.value.data;

		if ((o[0] & 15) < 10 && o[0] >> 4 < 10 && (o[1] & 15) < 10 && (o[2] & 15) < 10 &&
			o[2] >> 4 < 10) {
			g_free(plmn);
			plmn = o[1] >> 4 < 10
				? g_strdup_printf("%d%d%d%d%d%d", o[0] & 15, o[0] >> 4, o[1] & 15,
					  o[2] & 15, o[2] >> 4, o[1] >> 4)
				: g_strdup_printf("%d%d%d%d%d", o[0] & 15, o[0] >> 4, o[1] & 15,
					  o[2] & 15, o[2] >> 4);
		}
	}
	imsi = g_string_new(plmn);
	while (imsi->len < 15) {
		size_t left = 15 - imsi->len;

		g_string_append_c(imsi,
			left <= size && g_ascii_isdigit(iccid[size - left]) ? iccid[size - left]
									    : '0');
	}
	return g_string_free(imsi, FALSE);
}

static GBytes *whole_of(Span value, uint32_t tag)
{
	Tlv tlv;

	return der_find(value, tag, &tlv) ? span_to_bytes(tlv.whole) : NULL;
}

static int64_t boolean_of(Span value, uint32_t tag)
{
	Tlv tlv;

	if (!der_find(value, tag, &tlv) || tlv.value.size != 1)
		return -1;
	return tlv.value.data[0] != 0;
}

static int store_metadata(Euicc *e, Bpp *bpp)
{
	Profile *p = bpp->profile = profile_new();
	Span owner = { NULL, 0 };
	Tlv tlv, field;
	int reason;

	if (!der_single(span_of_array(bpp->plain), &tlv, NULL) || tlv.tag != 0xbf25 ||
		!tlvs_good(tlv.value) || !der_find(tlv.value, 0x5a, &field) ||
		!(p->iccid = iccid_read(field.value)))
		return INCORRECT_INPUT;
	if (!der_find(tlv.value, 0x91, &field) || field.value.size > 32 ||
		!(p->service_provider_name = text_read(field.value)))
		return INCORRECT_INPUT;
	if (!der_find(tlv.value, 0x92, &field) || field.value.size > 64 ||
		!(p->profile_name = text_read(field.value)))
		return INCORRECT_INPUT;
	if (der_find(tlv.value, 0x93, &field) && !integer_read(field.value, &p->icon_type))
		return INCORRECT_INPUT;
	if (der_find(tlv.value, 0x94, &field)) {
		if (field.value.size > 1024 || p->icon_type < 0)
			return INCORRECT_INPUT;
		p->icon = span_to_bytes(field.value);
	}
	if (der_find(tlv.value, 0x95, &field) && !integer_read(field.value, &p->profile_class))
		return INCORRECT_INPUT;
	if (p->profile_class < 0 || p->profile_class > 2)
		return UNSUPPORTED_CLASS;
	if (profile_find(e->state, p->iccid))
		return ICCID_EXISTS;
	p->notification_configuration = whole_of(tlv.value, 0xb6);
	p->owner = whole_of(tlv.value, 0xb7);
	if (der_find(tlv.value, 0xb7, &field))
		owner = field.value;
	p->policy_rules = whole_of(tlv.value, 0x99);
	if (der_find(tlv.value, 0x99, &field)) {
		reason = rules_check(e, field.value, owner);
		if (reason)
			return reason;
	}
	p->service_data = whole_of(tlv.value, 0xbf22);
	p->iot_data = whole_of(tlv.value, 0xbf64);
	p->ecall_indication = boolean_of(tlv.value, 0x9f7b);
	p->fallback_allowed = boolean_of(tlv.value, 0x9f67);
	p->dp_proprietary = g_steal_pointer(&bpp->dp_proprietary);
	p->smdp_oid = g_bytes_ref(e->session.server_oid);
	p->smdp_address = g_strdup(e->session.server_address);
	p->ci = g_strdup(e->session.ci->name);
	p->imsi = imsi_make(p->iccid, owner);
	g_byte_array_set_size(bpp->plain, 0);
	return e->state->profiles->len >= e->state->max_profiles ? NO_MEMORY : 0;
}

/* ---- the end ---- */
static Sw finish(Euicc *e, GByteArray *out)
{
	Bpp *bpp = e->bpp;
	Session *session = &e->session;
	State *state = e->state;
	Profile *profile = g_steal_pointer(&bpp->profile);
	GByteArray *final = g_byte_array_new();
	uint8_t digest[32];

	crypto_sha256(span_of_array(bpp->plain), digest);
	profile->digest = hex_encode(SPAN_ARRAY(digest));
	profile->size = bpp->plain->len;
	profile->isdp = ++state->isdp;
	put_success(profile, final);
	result_make(e, profile->iccid, final, out);
	g_ptr_array_add(state->profiles, profile);
	notify_profile(e, profile, EVENT_INSTALL);
	/* The key is used up with the package that was bound to it. */
	for (unsigned i = state->one_time_keys->len; i > 0; i--) {
		const OneTimeKey *key = state->one_time_keys->pdata[i - 1];

		if (span_equal(span_of(key->point), span_of(session->one_time_point)))
			g_ptr_array_remove_index(state->one_time_keys, i - 1);
	}
	g_clear_pointer(&e->bpp, bpp_free);
	/* ImmediateEnable asks what was installed, from whom. */
	char *address = g_steal_pointer(&session->server_address);
	GBytes *oid = g_steal_pointer(&session->server_oid);

	session_clear(session);
	session->installed = g_strdup(profile->iccid);
	session->installed_address = address;
	session->installed_oid = oid;
	return SW_OK;
}

/* The header of A1 or A3, alone: what it announces. */
static bool part_begin(Bpp *bpp, Span chain, uint32_t tag)
{
	size_t announced = der_announced_size(chain);

	if (chain.size < 2 || chain.data[0] != tag || announced == 0 || announced == SIZE_MAX)
		return false;
	if (announced <= chain.size || announced - chain.size > bpp->total)
		return false;
	bpp->part = announced - chain.size;
	g_byte_array_set_size(bpp->plain, 0);
	return true;
}

static Sw part_take(Euicc *e, Span chain, GByteArray *out)
{
	Bpp *bpp = e->bpp;
	bool metadata = bpp->stage == STAGE_METADATA_PARTS;
	int command = metadata ? STORE : LOAD, reason;

	if (chain.size > bpp->part)
		return fail(e, command, STRUCTURE, out);
	bpp->part -= chain.size;
	reason = unprotect_all(bpp, metadata ? 0x88 : 0x86, chain);
	if (reason)
		return fail(e, command, reason, out);
	if (bpp->plain->len > (metadata ? 8192 : (size_t)free_memory(e)))
		return fail(e, command, NO_MEMORY, out);
	if (bpp->part)
		return SW_OK;
	if (metadata) {
		reason = store_metadata(e, bpp);
		if (reason)
			return fail(e, command, reason, out);
		bpp->stage = STAGE_KEYS;
		return SW_OK;
	}
	return bpp->total ? fail(e, command, STRUCTURE, out) : finish(e, out);
}

Sw bpp_chain(Euicc *e, Span chain, GByteArray *out)
{
	Bpp *bpp = e->bpp;
	uint8_t first;
	int reason = 0, command;
	Tlv tlv;

	if (chain.size && chain.data[0] == 0xbf)
		return begin(e, chain, out);
	first = chain.data[0];
	command = bpp->stage == STAGE_CONFIGURE      ? CONFIGURE
		: bpp->stage <= STAGE_METADATA_PARTS ? STORE
		: first == 0xa2                      ? REPLACE
						     : LOAD;
	if (chain.size > bpp->total)
		return fail(e, command, STRUCTURE, out);
	bpp->total -= chain.size;
	switch (bpp->stage) {
	case STAGE_CONFIGURE:
		if (first != 0xa0 || !der_single(chain, &tlv, NULL))
			return fail(e, command, STRUCTURE, out);
		reason = configure(bpp, tlv.value);
		bpp->stage = STAGE_METADATA;
		break;
	case STAGE_METADATA:
		if (!part_begin(bpp, chain, 0xa1))
			return fail(e, command, STRUCTURE, out);
		bpp->stage = STAGE_METADATA_PARTS;
		break;
	case STAGE_KEYS:
		if (first == 0xa2) {
			if (!der_single(chain, &tlv, NULL))
				return fail(e, command, STRUCTURE, out);
			reason = replace_keys(bpp, tlv.value);
			bpp->stage = STAGE_ELEMENTS;
			break;
		}
		/* fall through */
	case STAGE_ELEMENTS:
		if (!part_begin(bpp, chain, 0xa3))
			return fail(e, command, STRUCTURE, out);
		bpp->stage = STAGE_ELEMENTS_PARTS;
		break;
	case STAGE_METADATA_PARTS:
	case STAGE_ELEMENTS_PARTS: return part_take(e, chain, out);
	}
	return reason ? fail(e, command, reason, out) : SW_OK;
}
