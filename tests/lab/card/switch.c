/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Switches of profiles: the one mechanism (mark, REFRESH, commit), and the functions of ES10 that switch
 * without an eIM's package (SGP.32 3.3.2, 3.8; digest 3.21 to 3.27, 4.8, 10).
 */
#include "lab/card/card.h"

#include <string.h>

bool cat_is_busy(const Euicc *e)
{
	return e->cat_busy || e->refresh_pending;
}

void refresh_raise(Euicc *e)
{
	e->refresh_pending = true;
	e->refresh_fetched = false;
}

void switch_commit(Euicc *e)
{
	State *state = e->state;
	g_autofree char *to = g_steal_pointer(&state->switch_to);
	Profile *old = profile_enabled(state), *new;
	int64_t before = state->seq;

	if (!to)
		return;
	new = *to ? profile_find(state, to) : NULL;
	if (old != new) {
		if (old)
			old->enabled = false;
		if (new)
			new->enabled = true;
		/* Of the old one first: a receiver of both must not see two enabled ones. */
		if (old && !state->switch_quiet)
			notify_profile(e, old, EVENT_DISABLE);
		if (new && !state->switch_quiet)
			notify_profile(e, new, EVENT_ENABLE);
	}
	if (state->rollback && state->rollback_first == 0) {
		state->rollback_first = before + 1;
		state->rollback_last = state->seq;
	}
	for (unsigned i = state->profiles->len; i > 0; i--) {
		Profile *profile = state->profiles->pdata[i - 1];

		if (profile->delete_pending && !profile->enabled)
			profile_delete(e, profile);
	}
	state->switch_quiet = false;
	euicc_touch(e);
	files_reload(e);
}

void switch_start(Euicc *e, const char *to, bool refresh, bool quiet)
{
	g_autofree char *copy = g_strdup(to);

	/* One that waits is done first: it has been answered already. */
	switch_commit(e);
	e->state->switch_to = g_steal_pointer(&copy);
	e->state->switch_quiet = quiet;
	euicc_touch(e);
	if (refresh) {
		refresh_raise(e);
	} else {
		/* The card ends a proactive session by itself (digest 10.3). */
		e->refresh_pending = e->refresh_fetched = false;
		switch_commit(e);
		channels_close_others(e, e->current_channel);
	}
}

static bool flag_read(Span value, bool *ret)
{
	Tlv flag;

	if (!der_find(value, 0x80, &flag) || flag.value.size != 1)
		return false;
	*ret = flag.value.data[0] != 0;
	return true;
}

void rollback_clear(State *state)
{
	state->rollback = false;
	state->rollback_counter = state->rollback_seq = 0;
	state->rollback_first = state->rollback_last = 0;
	g_clear_pointer(&state->rollback_to, g_free);
	g_clear_pointer(&state->rollback_eim, g_free);
	g_clear_pointer(&state->rollback_transaction, g_bytes_unref);
}

/* ---- rollback ---- */
/* What the switch left to be delivered goes with it. True if nobody has heard of the switch yet. */
static bool rollback_discard(State *state)
{
	int64_t waiting = 0;

	for (unsigned i = state->results->len; i > 0; i--)
		if (((Result *)state->results->pdata[i - 1])->seq == state->rollback_seq)
			g_ptr_array_remove_index(state->results, i - 1);
	for (unsigned i = state->notifications->len; i > 0; i--) {
		const Notification *n = state->notifications->pdata[i - 1];

		if (n->seq < state->rollback_first || n->seq > state->rollback_last)
			continue;
		g_ptr_array_remove_index(state->notifications, i - 1);
		waiting++;
	}
	return waiting == state->rollback_last - state->rollback_first + 1;
}

Sw es10_rollback(Euicc *e, Span value, GByteArray *out)
{
	State *state = e->state;
	g_autofree char *to = NULL;
	g_autoptr(GBytes) transaction = NULL;
	GByteArray *content;
	const Eim *eim;
	bool refresh, quiet;

	if (!flag_read(value, &refresh))
		return SW_WRONG_DATA;
	if (!state->rollback)
		return answer_code_as(out, 0xbf58, 0x02, 1);
	if (refresh && cat_is_busy(e))
		return answer_code_as(out, 0xbf58, 0x02, 5);
	eim = eim_find(state, state->rollback_eim);
	if (!eim || !profile_find(state, state->rollback_to))
		return answer_code_as(out, 0xbf58, 0x02, 7);
	switch_commit(e);
	quiet = rollback_discard(state);
	to = g_strdup(state->rollback_to);
	transaction = state->rollback_transaction ? g_bytes_ref(state->rollback_transaction) : NULL;
	content = g_byte_array_new();
	der_put_integer(content, 0x02, 0);
	result_add(e, eim, state->rollback_counter, span_of(transaction),
		SPAN_LITERAL("\x8c\x01\x00"), content);
	rollback_clear(state);
	switch_start(e, to, refresh, quiet);
	der_put_wrapped(out, 0xbf58, content);
	return SW_OK;
}

/* ---- immediate enabling ---- */
bool immediate_configure(State *state, Span value)
{
	g_autofree char *address = NULL;
	Tlv tlv;
	bool with_address = der_find(value, 0x82, &tlv);

	if (!tlvs_good(value))
		return false;
	if (with_address && (!(address = text_read(tlv.value)) || tlv.value.size > 255))
		return false;
	g_clear_pointer(&state->immediate_oid, g_bytes_unref);
	g_free(state->immediate_address);
	state->immediate_address = g_steal_pointer(&address);
	state->immediate = der_find(value, 0x80, &tlv);
	if (der_find(value, 0x81, &tlv))
		state->immediate_oid = span_to_bytes(tlv.value);
	return true;
}

Sw es10_configure_immediate(Euicc *e, Span value, GByteArray *out)
{
	if (e->state->eims->len)
		return answer_code(out, 0xbf59, 2);
	if (!immediate_configure(e->state, value))
		return SW_WRONG_DATA;
	euicc_touch(e);
	return answer_code(out, 0xbf59, 0);
}

Sw es10_immediate_enable(Euicc *e, Span value, GByteArray *out)
{
	State *state = e->state;
	Session *session = &e->session;
	Profile *profile, *old = profile_enabled(state);
	bool refresh;

	if (!flag_read(value, &refresh))
		return SW_WRONG_DATA;
	profile = session->installed ? profile_find(state, session->installed) : NULL;
	if (!profile || profile->enabled)
		return answer_code(out, 0xbf5a, 4);
	if (!state->immediate ||
		(state->immediate_oid &&
			!span_equal(
				span_of(state->immediate_oid), span_of(session->installed_oid))) ||
		(state->immediate_address &&
			g_ascii_strcasecmp(state->immediate_address, session->installed_address)))
		return answer_code(out, 0xbf5a, 1);
	if (refresh && cat_is_busy(e))
		return answer_code(out, 0xbf5a, 5);
	if (old && profile_has_rule(old, 1))
		return answer_code(out, 0xbf5a, 127);
	rollback_clear(state);
	g_clear_pointer(&state->fallback_return, g_free);
	switch_start(e, profile->iccid, refresh, false);
	g_clear_pointer(&session->installed, g_free);
	return answer_code(out, 0xbf5a, 0);
}

/* ---- fallback ---- */
Sw es10_fallback(Euicc *e, Span value, GByteArray *out)
{
	State *state = e->state;
	Profile *old = profile_enabled(state), *fallback = profile_fallback(state);
	bool refresh;
	int code = 0;

	if (!flag_read(value, &refresh))
		return SW_WRONG_DATA;
	if (!old)
		code = 7;
	else if (!fallback)
		code = 6;
	else if (state->emergency)
		code = 104;
	else if (fallback->enabled)
		code = 2;
	else if (refresh && cat_is_busy(e))
		code = 5;
	if (code)
		return answer_code(out, 0xbf5d, code);
	rollback_clear(state);
	g_free(state->fallback_return);
	state->fallback_return = g_strdup(old->iccid);
	switch_start(e, fallback->iccid, refresh, false);
	return answer_code(out, 0xbf5d, 0);
}

Sw es10_return_fallback(Euicc *e, Span value, GByteArray *out)
{
	State *state = e->state;
	Profile *old = profile_enabled(state), *back = profile_find(state, state->fallback_return);
	bool refresh;

	if (!flag_read(value, &refresh))
		return SW_WRONG_DATA;
	if (!old || !old->fallback_attribute || !back || back->enabled)
		return answer_code(out, 0xbf5e, 6);
	if (refresh && cat_is_busy(e))
		return answer_code(out, 0xbf5e, 5);
	g_clear_pointer(&state->fallback_return, g_free);
	switch_start(e, back->iccid, refresh, false);
	return answer_code(out, 0xbf5e, 0);
}

/* ---- emergency: the receivers of notifications never hear of it ---- */
Sw es10_emergency_enable(Euicc *e, Span value, GByteArray *out)
{
	State *state = e->state;
	Profile *old = profile_enabled(state), *profile = NULL;
	bool refresh;

	if (!flag_read(value, &refresh))
		return SW_WRONG_DATA;
	for (unsigned i = 0; i < state->profiles->len && !profile; i++)
		if (((Profile *)state->profiles->pdata[i])->ecall_indication == 1)
			profile = state->profiles->pdata[i];
	if (!profile)
		return answer_code(out, 0xbf5b, 8);
	if (profile->enabled || state->emergency)
		return answer_code(out, 0xbf5b, 2);
	if (refresh && cat_is_busy(e))
		return answer_code(out, 0xbf5b, 5);
	g_free(state->emergency_previous);
	state->emergency_previous = g_strdup(old ? old->iccid : "");
	state->emergency = true;
	switch_start(e, profile->iccid, refresh, true);
	return answer_code(out, 0xbf5b, 0);
}

Sw es10_emergency_disable(Euicc *e, Span value, GByteArray *out)
{
	State *state = e->state;
	g_autofree char *to = NULL;
	bool refresh;

	if (!flag_read(value, &refresh))
		return SW_WRONG_DATA;
	if (!state->emergency)
		return answer_code(out, 0xbf5c, 2);
	if (refresh && cat_is_busy(e))
		return answer_code(out, 0xbf5c, 5);
	to = g_steal_pointer(&state->emergency_previous);
	state->emergency = false;
	switch_start(e, to, refresh, true);
	return answer_code(out, 0xbf5c, 0);
}

/* ---- memory reset ---- */
static bool profile_in_reset(const Profile *profile, uint32_t bits)
{
	switch (profile->profile_class) {
	case 0: return bits & (profile->preloaded ? 1u << 3 : 1u << 1);
	case 1: return bits & 1u << 4;
	default: return bits & 1u << 0;
	}
}

/* SGP.32 knows seven options, SGP.22 the first three. */
static Sw memory_reset(Euicc *e, uint32_t tag, Span value, uint32_t known, GByteArray *out)
{
	State *state = e->state;
	GByteArray *content;
	Tlv options;
	uint32_t bits;
	bool done = false, enabled_gone = false, eims = state->eims->len > 0;
	int code = 0;

	if (!der_find(value, 0x82, &options) || !bits_read(options.value, &bits))
		return SW_WRONG_DATA;
	bits &= known;
	if (state->emergency)
		code = 104;
	else if (cat_is_busy(e))
		code = 5;
	if (code)
		return answer_code(out, tag, code);
	for (unsigned i = state->profiles->len; i > 0; i--) {
		Profile *profile = state->profiles->pdata[i - 1];

		if (!profile_in_reset(profile, bits))
			continue;
		enabled_gone = enabled_gone || profile->enabled;
		profile_delete(e, profile);
		done = true;
	}
	if (bits & 1u << 2 && state->smdp_address) {
		g_clear_pointer(&state->smdp_address, g_free);
		done = true;
	}
	/* The counter of tokens stays: packages of an earlier association must not run again. */
	if (bits & 1u << 5 && eims) {
		g_ptr_array_set_size(state->eims, 0);
		rollback_clear(state);
		done = true;
	}
	if (bits & 1u << 6) {
		done = done || state->immediate;
		state->immediate = false;
		g_clear_pointer(&state->immediate_oid, g_bytes_unref);
		g_clear_pointer(&state->immediate_address, g_free);
	}
	if (done)
		euicc_touch(e);
	if (enabled_gone) {
		refresh_raise(e);
		files_reload(e);
	}
	content = g_byte_array_new();
	der_put_integer(content, 0x80, done ? 0 : 1);
	if (bits & 1u << 5)
		der_put_integer(content, 0x81, eims ? 0 : 1);
	if (bits & 1u << 6)
		der_put_integer(content, 0x82, 0);
	der_put_wrapped(out, tag, content);
	return SW_OK;
}

Sw es10_memory_reset(Euicc *e, Span value, GByteArray *out)
{
	return memory_reset(e, 0xbf64, value, 0x7f, out);
}

Sw es10_memory_reset_sgp22(Euicc *e, Span value, GByteArray *out)
{
	return memory_reset(e, 0xbf34, value, 0x07, out);
}

/* ---- SGP.22: the LPA's own management (digest 3.27) ---- */
static Profile *profile_named(State *state, Span value)
{
	Tlv tlv;

	if (der_find(value, 0x5a, &tlv)) {
		g_autofree char *iccid = iccid_read(tlv.value);

		return profile_find(state, iccid);
	}
	for (unsigned i = 0; der_find(value, 0x4f, &tlv) && i < state->profiles->len; i++) {
		uint8_t aid[16];

		profile_aid(state->profiles->pdata[i], aid);
		if (span_equal(tlv.value, SPAN_ARRAY(aid)))
			return state->profiles->pdata[i];
	}
	return NULL;
}

static Sw local_switch(Euicc *e, uint32_t tag, Span value, bool enable, GByteArray *out)
{
	Profile *profile, *old = profile_enabled(e->state);
	Tlv name, flag;
	int code = 0;
	bool refresh;

	if (!der_find(value, 0xa0, &name) || !der_find(value, 0x81, &flag) || flag.value.size != 1)
		return SW_WRONG_DATA;
	refresh = flag.value.data[0] != 0;
	profile = profile_named(e->state, name.value);
	if (!profile)
		code = 1;
	else if (profile->enabled == enable)
		code = 2;
	else if (old && profile_has_rule(old, 1))
		code = 3;
	else if (refresh && cat_is_busy(e))
		code = 5;
	if (code == 0)
		switch_start(e, enable ? profile->iccid : "", refresh, false);
	return answer_code(out, tag, code);
}

Sw es10_enable(Euicc *e, Span value, GByteArray *out)
{
	return local_switch(e, 0xbf31, value, true, out);
}

Sw es10_disable(Euicc *e, Span value, GByteArray *out)
{
	return local_switch(e, 0xbf32, value, false, out);
}

Sw es10_delete(Euicc *e, Span value, GByteArray *out)
{
	Profile *profile = profile_named(e->state, value);
	int code = 0;

	if (!tlvs_good(value))
		return SW_WRONG_DATA;
	if (!profile)
		code = 1;
	else if (profile->enabled || g_strcmp0(e->state->switch_to, profile->iccid) == 0)
		code = 2;
	else if (profile_has_rule(profile, 2))
		code = 3;
	if (code == 0)
		profile_delete(e, profile);
	return answer_code(out, 0xbf33, code);
}

Sw es10_nickname(Euicc *e, Span value, GByteArray *out)
{
	Profile *profile = profile_named(e->state, value);
	g_autofree char *name = NULL;
	Tlv tlv;

	if (!der_find(value, 0x90, &tlv) || tlv.value.size > 64 || !(name = text_read(tlv.value)))
		return SW_WRONG_DATA;
	if (!profile)
		return answer_code(out, 0xbf29, 1);
	g_free(profile->nickname);
	profile->nickname = *name ? g_steal_pointer(&name) : NULL;
	euicc_touch(e);
	return answer_code(out, 0xbf29, 0);
}
