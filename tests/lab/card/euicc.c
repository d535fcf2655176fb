/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of the card: opening it, its keys, writing its state, what a reset ends.
 */
#include "lab/card/card.h"

#include <stdlib.h>
#include <string.h>

/* T=0, then T=15 with the class and clock stop, historical bytes of a UICC (TS 102 221 6.3), check octet. */
static const uint8_t atr[] = { 0x3b, 0x9f, 0x96, 0x80, 0x1f, 0xc7, 0x80, 0x31, 0xa0, 0x73, 0xbe,
	0x21, 0x13, 0x67, 0x43, 0x20, 0x07, 0x18, 0x00, 0x00, 0x01, 0xa5 };

Span euicc_atr(const Euicc *euicc)
{
	return SPAN_ARRAY(atr);
}

/* ---- keys ---- */
void ci_key_free(CiKey *ci)
{
	if (!ci)
		return;
	g_free(ci->name);
	X509_free(ci->ci);
	X509_free(ci->eum);
	X509_free(ci->euicc);
	EVP_PKEY_free(ci->key);
	g_clear_pointer(&ci->id, g_bytes_unref);
	g_clear_pointer(&ci->eum_der, g_bytes_unref);
	g_clear_pointer(&ci->euicc_der, g_bytes_unref);
	g_free(ci);
}

static X509 *certificate_load(const char *dir, const char *name, const char *file, GError **error)
{
	g_autofree char *path = g_build_filename(dir, "keys", name, file, NULL);

	return crypto_certificate_load(path, error);
}

static CiKey *ci_key_load(const char *dir, const char *name, GError **error)
{
	g_autofree char *path = g_build_filename(dir, "keys", name, "euicc.key", NULL);
	CiKey *ci = g_new0(CiKey, 1);

	ci->name = g_strdup(name);
	if (!(ci->ci = certificate_load(dir, name, "ci.pem", error)) ||
		!(ci->eum = certificate_load(dir, name, "eum.pem", error)) ||
		!(ci->euicc = certificate_load(dir, name, "euicc.pem", error)) ||
		!(ci->key = crypto_key_load(path, error))) {
		ci_key_free(ci);
		return NULL;
	}
	ci->id = cert_ski(ci->ci);
	ci->eum_der = crypto_certificate_der(ci->eum);
	ci->euicc_der = crypto_certificate_der(ci->euicc);
	return ci;
}

GPtrArray *keys_load(const char *dir, const char *names, GError **error)
{
	g_autoptr(GPtrArray) keys =
		g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))ci_key_free);
	g_auto(GStrv) list = g_strsplit(names, " ", -1);

	for (char **name = list; *name; name++) {
		CiKey *ci = ci_key_load(dir, *name, error);

		if (!ci)
			return NULL;
		g_ptr_array_add(keys, ci);
	}
	if (keys->len == 0) {
		sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "%s: the card has no CI", dir);
		return NULL;
	}
	return g_steal_pointer(&keys);
}

CiKey *euicc_ci_default(Euicc *e)
{
	return e->keys->pdata[0];
}

CiKey *euicc_ci_find(Euicc *e, Span id)
{
	for (unsigned i = 0; i < e->keys->len; i++) {
		CiKey *ci = e->keys->pdata[i];

		if (span_starts(span_of(ci->id), id))
			return ci;
	}
	return NULL;
}

CiKey *euicc_ci_named(Euicc *e, const char *name)
{
	for (unsigned i = 0; name && i < e->keys->len; i++) {
		CiKey *ci = e->keys->pdata[i];

		if (g_str_equal(ci->name, name))
			return ci;
	}
	return euicc_ci_default(e);
}

/* ---- writing ---- */
bool euicc_commit(Euicc *e)
{
	g_autoptr(GError) error = NULL;
	unsigned k;

	e->dirty = false;
	if (e->forgotten)
		return true;
	k = ++e->writes;
	if (state_save(e->state, e->dir, e->die_at == k ? (int)e->die_how : -1, &error)) {
		json_decref(e->written);
		e->written = state_to_json(e->state, true);
		return true;
	}
	g_warning("%s", error->message);
	euicc_revert(e);
	return false;
}

void euicc_revert(Euicc *e)
{
	State *state = state_from_json(e->written, NULL);

	e->dirty = false;
	g_assert(state); /* what was written was read before, or made here */
	state_free(e->state);
	e->state = state;
	files_reload(e);
}

bool euicc_die_at(Euicc *e, const char *when)
{
	g_auto(GStrv) parts = g_strsplit(when ? when : "0", ":", 2);
	uint64_t k;
	WriteDeath how = DIE_AFTER;

	if (!parts[0] || !g_ascii_string_to_unsigned(parts[0], 10, 0, G_MAXUINT, &k, NULL))
		return false;
	if (g_strcmp0(parts[1], "before") == 0)
		how = DIE_BEFORE;
	else if (g_strcmp0(parts[1], "during") == 0)
		how = DIE_DURING;
	else if (parts[1] && !g_str_equal(parts[1], "after"))
		return false;
	e->die_at = (unsigned)k;
	e->die_how = how;
	return true;
}

void euicc_forget(Euicc *e)
{
	e->forgotten = true;
}

unsigned euicc_writes(const Euicc *e)
{
	return e->writes;
}

/* ---- life ---- */
void session_clear(Session *session)
{
	g_clear_pointer(&session->transaction_id, g_bytes_unref);
	g_clear_pointer(&session->server_oid, g_bytes_unref);
	g_clear_pointer(&session->signature1, g_bytes_unref);
	g_free(session->server_address);
	EVP_PKEY_free(session->dppb);
	EVP_PKEY_free(session->one_time);
	g_clear_pointer(&session->one_time_point, g_bytes_unref);
	g_free(session->installed);
	g_clear_pointer(&session->installed_oid, g_bytes_unref);
	g_free(session->installed_address);
	memset(session, 0, sizeof(*session));
}

static void channel_clear(Channel *channel)
{
	g_byte_array_set_size(channel->chain, 0);
	g_byte_array_set_size(channel->answer, 0);
	channel->next_block = 0;
	channel->answer_pos = 0;
	channel->open = false;
	channel->app = APP_NONE;
	channel->df = 0x3f00;
	channel->ef = 0;
}

void channels_close_others(Euicc *e, int keep)
{
	for (int i = 1; i < N_CHANNELS; i++)
		if (i != keep)
			channel_clear(&e->channels[i]);
}

void euicc_reset(Euicc *e)
{
	for (unsigned i = 0; i < N_CHANNELS; i++)
		channel_clear(&e->channels[i]);
	e->channels[0].open = true;
	e->refresh_pending = e->refresh_fetched = e->terminal_profile = e->vanished = false;
	g_clear_pointer(&e->terminal_capability, g_bytes_unref);
	session_clear(&e->session);
	g_clear_pointer(&e->bpp, bpp_free);
	switch_commit(e);
	if (e->dirty && !euicc_commit(e))
		g_warning("the switch of profiles waits on");
	files_reload(e);
}

Euicc *euicc_open(const char *dir, GError **error)
{
	g_autoptr(Euicc) e = g_new0(Euicc, 1);

	e->dir = g_strdup(dir);
	e->refresh_qualifier = REFRESH_UICC_RESET;
	for (unsigned i = 0; i < N_CHANNELS; i++) {
		e->channels[i].chain = g_byte_array_new();
		e->channels[i].answer = g_byte_array_new();
	}
	e->faults = g_array_new(FALSE, TRUE, sizeof(EuiccFault));
	counts_new(e);
	e->state = state_load(dir, error);
	if (!e->state)
		return NULL;
	e->written = state_to_json(e->state, true);
	e->keys = keys_load(dir, e->state->ci_names, error);
	if (!e->keys)
		return NULL;
	if (!euicc_die_at(e, g_getenv("LAB_CARD_DIE_AT"))) {
		sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
			"LAB_CARD_DIE_AT is k[:before|:after]");
		return NULL;
	}
	euicc_reset(e);
	return g_steal_pointer(&e);
}

void euicc_free(Euicc *e)
{
	if (!e)
		return;
	g_free(e->dir);
	state_free(e->state);
	json_decref(e->written);
	g_clear_pointer(&e->keys, g_ptr_array_unref);
	for (unsigned i = 0; i < N_CHANNELS; i++) {
		g_byte_array_unref(e->channels[i].chain);
		g_byte_array_unref(e->channels[i].answer);
	}
	files_free(e->files);
	g_clear_pointer(&e->terminal_capability, g_bytes_unref);
	session_clear(&e->session);
	bpp_free(e->bpp);
	g_array_unref(e->faults);
	counts_free(e);
	g_free(e);
}

/* ---- faults ---- */
void euicc_fault(Euicc *e, const EuiccFault *fault)
{
	g_array_append_val(e->faults, *fault);
}

void euicc_clear_faults(Euicc *e)
{
	g_array_set_size(e->faults, 0);
}

void euicc_mute_refresh(Euicc *e, bool mute)
{
	e->refresh_muted = mute;
}

void euicc_refresh_qualifier(Euicc *e, uint8_t qualifier)
{
	e->refresh_qualifier = qualifier;
}

void euicc_cat_busy(Euicc *e, bool busy)
{
	e->cat_busy = busy;
}

bool euicc_set_apn(Euicc *e, const char *iccid, const char *apn, GError **error)
{
	Profile *profile = profile_find(e->state, iccid);

	if (!profile)
		return sgp32_fail(error, SGP32_ERROR_NOT_FOUND, "no profile %s", iccid);
	g_clear_pointer(&profile->http_params, g_bytes_unref);
	if (*apn && !(profile->http_params = http_params_new(apn)))
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "%s: not an APN", apn);
	if (!euicc_commit(e))
		return sgp32_fail(error, SGP32_ERROR_STORE_UNAVAILABLE, "cannot write the state");
	return true;
}
