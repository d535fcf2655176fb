/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Personalisation: a card from a folder of certificates, and what the lab shows of one.
 */
#include "lab/card/card.h"

#include <errno.h>
#include <glib/gstdio.h>

#define BOOTSTRAP_ICCID "8988211000000000003"

static bool file_copy(const char *from, const char *to, GError **error)
{
	g_autofree char *text = NULL;
	g_autoptr(GError) cause = NULL;
	gsize size;

	if (!g_file_get_contents(from, &text, &size, &cause))
		return sgp32_fail(error, SGP32_ERROR_NOT_FOUND, "%s", cause->message);
	if (!g_file_set_contents_full(
		    to, text, (gssize)size, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &cause))
		return sgp32_fail(error, SGP32_ERROR_STORE_UNAVAILABLE, "%s", cause->message);
	wipe(text, size);
	return true;
}

/* The keys of one CI; false without an error if the folder has none of that name. */
static bool keys_copy(
	const char *pki, const char *name, const char *eid, const char *dir, GError **error)
{
	g_autofree char *from = g_build_filename(pki, name, NULL),
			*to = g_build_filename(dir, "keys", name, NULL),
			*certificate = g_strconcat("euicc/", eid, ".pem", NULL),
			*key = g_strconcat("euicc/", eid, ".key", NULL);
	const struct {
		const char *from, *to;
	} files[] = { { "ci.pem", "ci.pem" }, { "eum.pem", "eum.pem" },
		{ certificate, "euicc.pem" }, { key, "euicc.key" } };

	if (!g_file_test(from, G_FILE_TEST_IS_DIR))
		return false;
	if (g_mkdir_with_parents(to, 0700) < 0)
		return sgp32_fail(
			error, SGP32_ERROR_STORE_UNAVAILABLE, "%s: %s", to, g_strerror(errno));
	for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *source = g_build_filename(from, files[i].from, NULL),
				*target = g_build_filename(to, files[i].to, NULL);

		if (!file_copy(source, target, error))
			return false;
	}
	return true;
}

static GBytes *notifications_to(const char *address)
{
	GByteArray *entry = g_byte_array_new(), *list = g_byte_array_new(),
		   *whole = g_byte_array_new();

	put_bits(entry, 0x80, 1u << EVENT_ENABLE | 1u << EVENT_DISABLE | 1u << EVENT_DELETE);
	der_put(entry, 0x81, span_string(address));
	der_put_wrapped(list, 0x30, entry);
	der_put_wrapped(whole, 0xb6, list);
	return g_byte_array_free_to_bytes(whole);
}

static bool bootstrap_add(State *state, const EuiccCreate *create, const char *ci, GError **error)
{
	const char *smdp = create->smdp ? create->smdp : "smdp.lab.test";
	Profile *p = profile_new();

	g_ptr_array_add(state->profiles, p);
	p->iccid = g_strdup(BOOTSTRAP_ICCID);
	p->isdp = state->isdp;
	p->enabled = true;
	p->service_provider_name = g_strdup("Lab");
	p->profile_name = g_strdup("Bootstrap");
	p->profile_class = 1;
	p->notification_configuration = notifications_to(smdp);
	p->owner = hex_decode("b7058003 00f110", 16);
	p->fallback_allowed = 1;
	p->smdp_address = g_strdup(smdp);
	p->ci = g_strdup(ci);
	p->imsi = g_strdup("001010000000001");
	p->size = 16384;
	if (create->apn && !(p->http_params = http_params_new(create->apn)))
		return sgp32_fail(
			error, SGP32_ERROR_INVALID_ARGUMENT, "%s: not an APN", create->apn);
	return true;
}

bool euicc_create(const char *dir, const EuiccCreate *create, GError **error)
{
	static const char *const names[2] = { "nist", "brainpool" };
	static const char *const places[] = { "fci", "a5", "after", "none", NULL };
	const char *eid = create->eid ? create->eid : EUICC_DEFAULT_EID;
	const char *place = create->templates ? create->templates : "fci";
	g_autoptr(State) state = state_new();
	g_autoptr(GPtrArray) keys = NULL;
	g_autoptr(GString) list = g_string_new(NULL);
	bool swap = g_strcmp0(create->first_ci, names[1]) == 0;
	uint8_t octets[16];

	if (create->first_ci && !swap && !g_str_equal(create->first_ci, names[0]))
		return sgp32_fail(
			error, SGP32_ERROR_INVALID_ARGUMENT, "%s: not a CI", create->first_ci);
	if (!eid_from_text(eid, true, octets))
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "%s: not an EID", eid);
	if (!g_strv_contains(places, place))
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
			"%s: not a place for templates", place);
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		const char *name = names[swap ? 1 - i : i];
		g_autoptr(GError) cause = NULL;

		if (keys_copy(create->pki, name, eid, dir, &cause)) {
			g_string_append_printf(list, "%s%s", list->len ? " " : "", name);
		} else if (cause) {
			g_propagate_error(error, g_steal_pointer(&cause));
			return false;
		}
	}
	if (!*list->str)
		return sgp32_fail(error, SGP32_ERROR_NOT_FOUND,
			"%s: neither nist/ nor brainpool/ is there", create->pki);
	if (!(keys = keys_load(dir, list->str, error)))
		return false;
	state->eid = g_strdup(eid);
	state->consumer = create->consumer;
	state->ipae = create->ipae;
	state->templates = g_strdup(place);
	state->isdr_aid = hex_decode(
		create->isdr_aid ? create->isdr_aid : "a0000005591010ffffffff8900000100", 16);
	if (!state->isdr_aid)
		return sgp32_fail(
			error, SGP32_ERROR_INVALID_ARGUMENT, "%s: not an AID", create->isdr_aid);
	/* PPR1 and PPR2 of any operator, without consent. */
	state->rat = hex_decode("3014 80020560 a10b3009 8003eeeeee 81008200 820100", 64);
	state->ci_names = g_strdup(list->str);
	state->max_profiles = 16;
	state->max_eims = 8;
	state->max_notifications = 64;
	state->max_results = 16;
	state->max_result_size = 16384;
	state->nvm = 4 << 20;
	state->isdp = 0x10;
	state->smds_address = g_strdup(create->smds ? create->smds : "smds.lab.test");
	if (create->bootstrap &&
		!bootstrap_add(state, create, ((CiKey *)keys->pdata[0])->name, error))
		return false;
	return state_save(state, dir, -1, error);
}

json_t *euicc_show(const Euicc *e)
{
	json_t *state = state_to_json(e->state, false);
	g_autofree char *capability =
		e->terminal_capability ? hex_encode(span_of(e->terminal_capability)) : NULL;
	unsigned open = 0;

	for (unsigned i = 1; i < N_CHANNELS; i++)
		open += e->channels[i].open;
	json_object_set_new(state, "channels", json_integer(open));
	json_object_set_new(state, "refresh_pending", json_boolean(e->refresh_pending));
	json_object_set_new(state, "refresh_muted", json_boolean(e->refresh_muted));
	json_object_set_new(state, "cat_busy", json_boolean(e->cat_busy));
	json_object_set_new(state, "downloading", json_boolean(e->bpp != NULL));
	json_object_set_new(state, "free_memory", json_integer(free_memory(e)));
	json_object_set_new(
		state, "terminal_capability", capability ? json_string(capability) : json_null());
	return state;
}
