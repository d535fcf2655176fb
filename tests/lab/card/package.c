/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LoadEuiccPackage (SGP.32 5.9.1; digest 4): who may ask, what is done, what is answered. The whole
 * package, its counter, its result and the switch it asks for become true in one write.
 */
#include "lab/card/card.h"

#include <string.h>

typedef struct Package {
	Span signed_part; /* 30, whole */
	Span signature;
	Span eim_id, eid, transaction;
	int64_t counter;
	bool eco; /* else PSMO */
	Span list;
} Package;

/* Where the profiles will be once the package is through. */
typedef struct Plan {
	Profile *planned; /* enabled then; NULL: none */
	Profile *present; /* enabled now */
	bool enabled, disabled, deleted; /* such an operation was seen */
	bool with_rollback;
} Plan;

static bool package_read(Span value, Package *ret)
{
	Package p = { 0 };
	Tlv tlv, inner, other;

	if (!der_next(&value, &tlv, NULL) || tlv.tag != 0x30)
		return false;
	p.signed_part = tlv.whole;
	if (!der_find(value, 0x5f37, &other))
		return false;
	p.signature = other.value;
	inner = tlv;
	if (!tlvs_good(inner.value))
		return false;
	if (!der_find(inner.value, 0x80, &tlv) || tlv.value.size < 1 || tlv.value.size > 128)
		return false;
	p.eim_id = tlv.value;
	if (!der_find(inner.value, 0x5a, &tlv) || tlv.value.size != 16)
		return false;
	p.eid = tlv.value;
	if (!der_find(inner.value, 0x81, &tlv) || !integer_read(tlv.value, &p.counter))
		return false;
	if (der_find(inner.value, 0x82, &tlv)) {
		if (tlv.value.size < 1 || tlv.value.size > 16)
			return false;
		p.transaction = tlv.value;
	}
	p.eco = der_find(inner.value, 0xa1, &other);
	if (der_find(inner.value, 0xa0, &tlv) == p.eco)
		return false;
	p.list = p.eco ? other.value : tlv.value;
	*ret = p;
	return true;
}

/* ---- the two kinds of error ---- */
static Sw answer_unsigned(const Package *p, const Eim *eim, GByteArray *out)
{
	GByteArray *arm = g_byte_array_new(), *content = g_byte_array_new();

	der_put(content, 0x80, p->eim_id);
	if (p->transaction.data)
		der_put(content, 0x82, p->transaction);
	if (eim && eim->token)
		put_token(content, eim);
	der_put_wrapped(arm, 0xa2, content);
	der_put_wrapped(out, 0xbf51, arm);
	return SW_OK;
}

static Sw answer_signed(Euicc *e, const Package *p, const Eim *eim, int code, GByteArray *out)
{
	GByteArray *data = g_byte_array_new(), *content = g_byte_array_new(),
		   *arm = g_byte_array_new();
	g_autoptr(GByteArray) signed_octets = g_byte_array_new();

	der_put(data, 0x80, p->eim_id);
	der_put_integer(data, 0x81, p->counter);
	if (p->transaction.data)
		der_put(data, 0x82, p->transaction);
	der_put_integer(data, 0x02, code);
	der_put_wrapped(content, 0x30, data);
	array_append_span(signed_octets, span_of_array(content));
	put_token(signed_octets, eim);
	crypto_put_signature(content, eim_ci(e, eim)->key, span_of_array(signed_octets));
	der_put_wrapped(arm, 0xa1, content);
	der_put_wrapped(out, 0xbf51, arm);
	return SW_OK;
}

/* ---- PSMO: the number is the code; 0 goes on, -1 is not understood ---- */
static Profile *target_read(Euicc *e, Span value, bool *ret_good)
{
	g_autofree char *iccid = NULL;
	Tlv tlv;

	*ret_good = der_find(value, 0x5a, &tlv) && tlv.value.size == 10 && tlvs_good(value);
	if (!*ret_good)
		return NULL;
	iccid = iccid_read(tlv.value);
	return profile_find(e->state, iccid);
}

static int psmo_enable(Euicc *e, Plan *plan, Span value)
{
	State *state = e->state;
	bool good, rollback = der_find(value, 0x05, &(Tlv) { 0 });
	Profile *target = target_read(e, value, &good);

	if (!good)
		return -1;
	if (plan->enabled)
		return 2;
	if (!target || target->delete_pending)
		return 1;
	if (target == plan->planned)
		return 2;
	if (plan->planned && profile_has_rule(plan->planned, 1))
		return 3;
	if (rollback && !plan->present)
		return 20;
	if (cat_is_busy(e))
		return 5;
	plan->enabled = true;
	plan->planned = target;
	plan->with_rollback = rollback;
	g_clear_pointer(&state->fallback_return, g_free);
	return 0;
}

static int psmo_disable(Euicc *e, Plan *plan, Span value)
{
	bool good;
	Profile *target = target_read(e, value, &good);

	if (!good)
		return -1;
	if (!target || target->delete_pending)
		return 1;
	if (plan->disabled || plan->enabled || target != plan->planned)
		return 2;
	if (profile_has_rule(target, 1))
		return 3;
	if (cat_is_busy(e))
		return 5;
	plan->disabled = true;
	plan->planned = NULL;
	return 0;
}

static int psmo_delete(Euicc *e, Plan *plan, Span value)
{
	State *state = e->state;
	bool good;
	Profile *target = target_read(e, value, &good), *fallback = profile_fallback(state);

	if (!good)
		return -1;
	if (!target || target->delete_pending)
		return 1;
	if (target == plan->planned)
		return 2;
	if (profile_has_rule(target, 2))
		return 3;
	if (plan->with_rollback && target == plan->present)
		return 20;
	if (fallback && fallback->enabled && g_strcmp0(state->fallback_return, target->iccid) == 0)
		return 21;
	plan->deleted = true;
	/* What is enabled until the REFRESH goes with the switch. */
	if (target == plan->present)
		target->delete_pending = true;
	else
		profile_delete(e, target);
	return 0;
}

static int psmo_set_fallback(Euicc *e, Span value)
{
	bool good;
	Profile *target = target_read(e, value, &good), *holder = profile_fallback(e->state);

	if (!good)
		return -1;
	if (!target || target->delete_pending)
		return 1;
	if (target->fallback_allowed != 1)
		return 2;
	if (holder == target)
		return 0;
	if (holder && holder->enabled)
		return 3;
	if (holder)
		holder->fallback_attribute = false;
	target->fallback_attribute = true;
	return 0;
}

static int psmo_unset_fallback(Euicc *e)
{
	Profile *holder = profile_fallback(e->state);

	if (!holder)
		return 2;
	if (holder->enabled)
		return 3;
	holder->fallback_attribute = false;
	g_clear_pointer(&e->state->fallback_return, g_free);
	return 0;
}

static int psmo_default_dp(Euicc *e, Span value, GByteArray *out)
{
	g_autofree char *address = NULL;
	Tlv tlv;

	if (!der_find(value, 0x80, &tlv) || tlv.value.size > 255 ||
		!(address = text_read(tlv.value)))
		return -1;
	g_free(e->state->smdp_address);
	e->state->smdp_address = *address ? g_steal_pointer(&address) : NULL;
	answer_code(out, 0xbf65, 0);
	return 0;
}

static int psmo_run(Euicc *e, Plan *plan, const Tlv *psmo, GByteArray *out)
{
	uint32_t tag = 0x80 | (psmo->tag & 0x1f);
	int code;

	switch (psmo->tag) {
	case 0xa3: code = psmo_enable(e, plan, psmo->value); break;
	case 0xa4: code = psmo_disable(e, plan, psmo->value); break;
	case 0xa5: code = psmo_delete(e, plan, psmo->value); break;
	case 0xa6: der_put(out, 0xa6, span_of(e->state->rat)); return 0;
	case 0xa7: code = immediate_configure(e->state, psmo->value) ? 0 : 7; break;
	case 0xa8:
		code = psmo_set_fallback(e, psmo->value);
		tag = 0x8d;
		break;
	case 0xa9:
		code = psmo_unset_fallback(e);
		tag = 0x8e;
		break;
	case 0xbf2d:
		/* The states are not final before the switch. */
		if (plan->enabled || plan->disabled || plan->deleted) {
			answer_code_as(out, 0xbf2d, 0x81, 11);
			return 11;
		}
		profiles_list(e, psmo->value, out);
		return 0;
	case 0xbf65: return psmo_default_dp(e, psmo->value, out);
	default: return -1;
	}
	if (code >= 0)
		der_put_integer(out, tag, code);
	return code;
}

/* ---- all of it ---- */
static void list_run(Euicc *e, const Package *p, Plan *plan, GByteArray *results)
{
	Span list = p->list;
	Tlv element;
	int code = 0;

	while (code == 0 && list.size) {
		g_autoptr(GByteArray) result = g_byte_array_new();

		if (!der_next(&list, &element, NULL))
			code = -1;
		else if (p->eco)
			code = eco_run(e, &element, result);
		else
			code = psmo_run(e, plan, &element, result);
		if (code < 0) {
			der_put_integer(results, 0x02, 2); /* unknownOrDamagedCommand */
		} else if (results->len + result->len > e->state->max_result_size) {
			der_put_integer(results, 0x02, 1); /* resultSizeOverflow */
			code = -1;
		} else {
			array_append_span(results, span_of_array(result));
		}
	}
}

Sw es10_load_package(Euicc *e, Span value, GByteArray *out)
{
	State *state = e->state;
	g_autoptr(GByteArray) results = g_byte_array_new(), signed_octets = g_byte_array_new();
	g_autofree char *id = NULL;
	g_autoptr(EVP_PKEY) key = NULL;
	g_autoptr(Eim) asker = NULL; /* as it was: it may delete or update itself */
	uint8_t eid[16];
	Package p;
	Plan plan = { 0 };
	int64_t seq;
	Eim *eim;

	if (!package_read(value, &p))
		return SW_WRONG_DATA;
	id = text_read(p.eim_id);
	eim = eim_find(state, id);
	if (!eim)
		return answer_unsigned(&p, NULL, out);
	array_append_span(signed_octets, p.signed_part);
	put_token(signed_octets, eim);
	key = eim_key(eim);
	if (!key || !crypto_verify(key, span_of_array(signed_octets), p.signature, NULL))
		return answer_unsigned(&p, eim, out);
	if (!eid_from_text(state->eid, false, eid) || !span_equal(p.eid, SPAN_ARRAY(eid)))
		return answer_signed(e, &p, eim, 3, out);
	if (p.counter > COUNTER_MAX)
		return answer_signed(e, &p, eim, 6, out);
	if (p.counter <= eim->counter)
		return answer_signed(e, &p, eim, 4, out);
	if (state->emergency)
		return answer_signed(e, &p, eim, 104, out);

	eim->counter = p.counter;
	asker = eim_copy(eim);
	rollback_clear(state);
	plan.present = plan.planned = profile_enabled(state);
	list_run(e, &p, &plan, results);
	seq = result_add(e, asker, p.counter, p.transaction, span_of_array(results), out);
	if (plan.with_rollback && plan.planned != plan.present) {
		state->rollback = true;
		state->rollback_to = g_strdup(plan.present->iccid);
		state->rollback_eim = g_strdup(asker->id);
		state->rollback_counter = p.counter;
		state->rollback_seq = seq;
		state->rollback_transaction =
			p.transaction.data ? span_to_bytes(p.transaction) : NULL;
	}
	if (plan.planned != plan.present)
		switch_start(e, plan.planned ? plan.planned->iccid : "", true, false);
	euicc_touch(e);
	return SW_OK;
}
