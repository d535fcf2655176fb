/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "asn1/package.h"
#include "base/clock.h"
#include "ipa/ipa.h"
#include "net/es9plus.h"
#include "net/esipa.h"

unsigned ipa_jitter(unsigned max)
{
	return max ? g_random_int_range(0, MIN(max, G_MAXINT32 - 1) + 1) : 0;
}

unsigned ipa_backoff(unsigned failures, unsigned min, unsigned max)
{
	uint64_t seconds = min;

	for (unsigned i = 1; i < failures && seconds < max; i++)
		seconds *= 2;
	/* A quarter of jitter keeps those that failed together from coming back together. */
	seconds += ipa_jitter(seconds / 4);
	return MIN(seconds, max);
}

static const IpaPeer *find_peer(Ipa *ipa, const char *eim_id)
{
	for (guint i = 0; ipa->settings->peers && i < ipa->settings->peers->len; i++) {
		const IpaPeer *peer = ipa->settings->peers->pdata[i];

		if (strcmp(peer->eim_id, eim_id) == 0)
			return peer;
	}
	return NULL;
}

Esipa *ipa_peer_open(Ipa *ipa, const char *eim_id, GError **error)
{
	const CardEim *eim = snapshot_eim(ipa->snapshot, eim_id);
	const IpaPeer *override = find_peer(ipa, eim_id);
	g_autoptr(Trust) trust = NULL;
	EsipaPeer peer = { 0 };
	Tlv whole, key = { 0 };

	if (!eim) {
		sgp32_fail(error, SGP32_ERROR_NOT_FOUND, "The card has no eIM \"%s\"", eim_id);
		return NULL;
	}
	peer.fqdn = override && override->address ? override->address : eim->fqdn;
	if (!peer.fqdn[0]) {
		sgp32_fail(error, SGP32_ERROR_NOT_SUPPORTED,
			"The card has no address of the eIM \"%s\"", eim_id);
		if (error)
			sgp32_error_set_hint(*error, "Set Address= in [Eim ID] of sgp32.conf.");
		return NULL;
	}
	/* The default of AddInitialEim is "proprietary" alone: an address says more than that bit. */
	if (eim->protocols && !(eim->protocols & (EIM_RETRIEVE_HTTPS | EIM_PROPRIETARY))) {
		sgp32_fail(error, SGP32_ERROR_NOT_SUPPORTED,
			"The eIM \"%s\" cannot be asked over HTTPS", eim_id);
		return NULL;
	}
	if (!der_single(span_of(eim->entry), &whole, error))
		return NULL;
	if (!der_find(whole.value, 0xa6, &key))
		key.whole = (Span) { NULL, 0 };
	trust = trust_new_from_eim(key.whole, error);
	if (!trust) {
		g_prefix_error(error, "eIM \"%s\": ", eim_id);
		return NULL;
	}
	peer.eim_id = eim_id;
	peer.trust = trust;
	peer.route.interface = ipa->settings->interface;
	peer.limits = ipa->settings->limits;
	peer.path = override ? override->path : NULL;
	peer.content_type = override ? override->content_type : NULL;
	peer.now = clock_plausible(store_last_seen(ipa->store));
	return esipa_new(&peer, ipa->http, error);
}

Es9plus *ipa_smdp_open(Ipa *ipa, const char *address, const HttpLimits *limits, GError **error)
{
	const IpaSettings *settings = ipa->settings;
	g_autofree char *skipped = NULL;
	g_autoptr(Trust) trust = trust_new_folder(settings->ci_folder, &skipped, error);
	Es9plusPeer peer = { 0 };

	if (!trust) {
		if (error)
			sgp32_error_set_hint(*error,
				"Put the CI certificates (PEM) into the folder ci.d of the configuration.");
		return NULL;
	}
	peer.address = address;
	peer.trust = trust;
	peer.route.interface = settings->interface;
	peer.limits = limits ? *limits : settings->limits;
	peer.user_agent = settings->es9_user_agent && settings->es9_user_agent[0]
		? settings->es9_user_agent
		: NULL;
	peer.now = clock_plausible(store_last_seen(ipa->store));
	return es9plus_new(&peer, ipa->http, error);
}

bool ipa_count_try(Ipa *ipa, const char *name, Span what, unsigned *ret_tries, GError **error)
{
	g_autofree char *hash =
		g_compute_checksum_for_data(G_CHECKSUM_SHA256, what.data, what.size);
	g_autofree char *stored = NULL, *now = NULL;
	guint64 tries = 0;

	if (!store_card_get(ipa->store, ipa->snapshot->eid_text, name, &stored, error))
		return false;
	if (stored && g_str_has_prefix(stored, hash) && stored[strlen(hash)] == ' ')
		tries = g_ascii_strtoull(stored + strlen(hash) + 1, NULL, 10);
	tries = MIN(tries, G_MAXUINT - 1) + 1;
	now = g_strdup_printf("%s %" G_GUINT64_FORMAT, hash, tries);
	*ret_tries = tries;
	return store_card_set(ipa->store, ipa->snapshot->eid_text, name, now, error);
}
