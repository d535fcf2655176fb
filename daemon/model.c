/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model.h"

#include <string.h>

#include "base/clock.h"
#include "dbus/names.h"
#include "ipa/ipa.h"

const char *euicc_state_text(EuiccState state)
{
	static const char *const texts[] = { "ready", "busy", "absent-expected", "failed" };

	return texts[state];
}

void eim_state_free(EimState *state)
{
	if (!state)
		return;
	g_free(state->eim_id);
	g_free(state->last_result);
	g_free(state);
}

/* What lies further ahead than anything is put off comes from a clock that has been set back since. */
bool schedule_is_due(const Config *config, unsigned interval, int64_t at, int64_t now)
{
	int64_t longest = MAX(interval, MAX(config->backoff_max, 86400)) + config->poll_jitter;

	return at <= now || at - now > longest * USEC_PER_SEC;
}

static IpaState *ipa_state_new(void)
{
	IpaState *state = g_new0(IpaState, 1);

	state->immediate_enable = g_strdup("unknown");
	state->polling_enabled = true;
	state->last_result = g_strdup("");
	state->package_phase = g_strdup(package_phase_text(PACKAGE_IDLE));
	state->capabilities = g_strdupv((char **)ipa_capability_words());
	state->eims = g_ptr_array_new_with_free_func((GDestroyNotify)eim_state_free);
	return state;
}

void ipa_state_free(IpaState *state)
{
	if (!state)
		return;
	g_free(state->immediate_enable);
	g_free(state->last_result);
	g_free(state->package_phase);
	g_strfreev(state->capabilities);
	g_ptr_array_unref(state->eims);
	g_free(state);
}

IpaState *ipa_state_read(Store *store, const Snapshot *snapshot, const Config *config)
{
	IpaState *state = ipa_state_new();
	g_autoptr(StoredPackage) package = NULL;
	g_autofree char *polling = NULL, *rollback = NULL, *immediate = NULL;
	g_autoptr(GError) ignored = NULL; /* the job that needs the store says so */

	if (store_card_get(store, snapshot->eid_text, CARD_POLLING, &polling, &ignored))
		state->polling_enabled = g_strcmp0(polling, "no") != 0;
	if (!ignored &&
		store_card_get(store, snapshot->eid_text, CARD_ROLLBACK, &rollback, &ignored))
		state->rollback_available = g_strcmp0(rollback, "yes") == 0;
	if (!ignored &&
		store_card_get(
			store, snapshot->eid_text, CARD_IMMEDIATE_ENABLE, &immediate, &ignored) &&
		immediate) {
		g_free(state->immediate_enable);
		state->immediate_enable = g_steal_pointer(&immediate);
	}
	if (!ignored && store_package_get(store, snapshot->eid_text, &package, &ignored) &&
		package) {
		g_free(state->package_phase);
		state->package_phase = g_strdup(package_phase_text(package->phase));
	}
	for (guint i = 0; i < snapshot->eims->len; i++) {
		const CardEim *eim = snapshot->eims->pdata[i];
		const ConfigPeer *peer = config_peer(config, eim->eim_id);
		g_autoptr(StoredEim) stored = NULL;
		EimState *to;

		if (ignored ||
			!store_eim_get(store, snapshot->eid_text, eim->eim_id, &stored, &ignored))
			break;
		to = g_new0(EimState, 1);
		to->eim_id = g_strdup(eim->eim_id);
		to->last_poll = stored->last_poll;
		to->next_poll = stored->enabled && state->polling_enabled ? stored->next_poll : 0;
		to->last_result = g_strdup(stored->last_result);
		to->failures = stored->failures;
		to->interval = peer && peer->interval ? peer->interval : config->poll_interval;
		to->enabled = stored->enabled;
		to->owed = package && strcmp(package->eim_id, eim->eim_id) == 0 &&
			package->since > stored->last_poll;
		g_ptr_array_add(state->eims, to);
		if (to->last_poll > state->last_poll) {
			state->last_poll = to->last_poll;
			g_free(state->last_result);
			state->last_result = g_strdup(to->last_result);
		}
		if (to->next_poll && (!state->next_poll || to->next_poll < state->next_poll))
			state->next_poll = to->next_poll;
	}
	return state;
}

Euicc *euicc_new(const char *eid)
{
	Euicc *euicc = g_new0(Euicc, 1);

	euicc->eid = g_strdup(eid);
	euicc->path = g_strdup_printf("%s/%s", SGP32_PATH_EUICC, eid);
	euicc->snapshot = snapshot_new();
	euicc->state = EUICC_READY;
	euicc->device = g_strdup("");
	euicc->plugin = g_strdup("");
	euicc->modem_path = g_strdup("/");
	euicc->ipa = ipa_state_new();
	return euicc;
}

void euicc_free(Euicc *euicc)
{
	if (!euicc)
		return;
	g_free(euicc->eid);
	g_free(euicc->path);
	snapshot_free(euicc->snapshot);
	g_free(euicc->device);
	g_free(euicc->plugin);
	g_free(euicc->modem_path);
	ipa_state_free(euicc->ipa);
	g_clear_error(&euicc->last_error);
	g_free(euicc);
}

SlotRow *slot_row_new(void)
{
	SlotRow *row = g_new0(SlotRow, 1);

	row->device = g_strdup("");
	row->plugin = g_strdup("");
	row->atr = g_strdup("");
	row->state = g_strdup("");
	row->reason = g_strdup("");
	row->hint = g_strdup("");
	return row;
}

void slot_row_free(SlotRow *row)
{
	if (!row)
		return;
	g_free(row->device);
	g_free(row->plugin);
	g_free(row->atr);
	g_free(row->state);
	g_free(row->reason);
	g_free(row->hint);
	g_free(row);
}
