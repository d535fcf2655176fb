/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "card/es10.h"
#include "ipa/ipa.h"

/* The door that is open only while no eIM is associated (SGP.32 5.9.4). */
static bool add_initial_eim(Ipa *ipa, GError **error)
{
	Span entries = ipa->settings->initial_eims;
	g_autoptr(Msg) msg = NULL;

	if (ipa->snapshot->kind != EUICC_IOT || ipa->snapshot->eims->len || entries.size == 0)
		return true;
	ipa->host->progress(ipa->host->user, "add-initial-eim", -1, HOST_RUNNING, 0);
	/* Whatever comes of it: the card's own word on what it took, with default values and tokens. */
	ipa->snapshot->eims_known = false;
	if (!es10_add_initial_eim(ipa->isdr, entries, &msg, error)) {
		g_prefix_error(error, "eim.d: ");
		return false;
	}
	return ipa_read_eims(ipa, error);
}

static bool read_all(Ipa *ipa, GError **error)
{
	g_autoptr(GPtrArray) results = NULL;

	ipa->host->progress(ipa->host->user, "read-card", -1, HOST_RUNNING, 0);
	if (!ipa_read_identity(ipa, error) || !ipa_read_profiles(ipa, error) ||
		!ipa_read_configured(ipa, error) || !ipa_read_eims(ipa, error) ||
		!ipa_read_notifications(ipa, error))
		return false;
	if (ipa->snapshot->kind == EUICC_IOT && !ipa->snapshot->results_known &&
		!ipa_read_results(ipa, &results, error))
		return false;
	ipa_publish(ipa);
	return true;
}

bool ipa_attach(Ipa *ipa, GError **error)
{
	uint8_t eid[16];

	ipa->attached = false;
	if (!ipa->snapshot->eid_text[0] && !ipa_identify(ipa, eid, error))
		return false;
	if (!read_all(ipa, error) || !ipa_package_recover(ipa, error) ||
		!ipa_download_recover(ipa, error) || !add_initial_eim(ipa, error) ||
		!read_all(ipa, error))
		return false;
	ipa->attached = true;
	return true;
}

bool ipa_refresh(Ipa *ipa, GError **error)
{
	ipa_forget(ipa);
	g_clear_pointer(&ipa->snapshot->euicc_info2, g_bytes_unref);
	return read_all(ipa, error);
}
