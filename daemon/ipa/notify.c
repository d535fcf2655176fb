/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "card/es10.h"
#include "ipa/ipa.h"
#include "net/es9plus.h"

/* A server that says no is asked again, but seldom (digest 9.4). */
#define REFUSED_MIN 3600
#define REFUSED_MAX 86400

static bool removal(Ipa *ipa, const CardNotification *notification, GError **error)
{
	int64_t seq = notification->seq;

	if (!es10_remove_notification(ipa->isdr, seq, error) ||
		!store_notification_remove(ipa->store, ipa->snapshot->eid_text, seq, error))
		return false;
	g_ptr_array_remove(ipa->snapshot->notifications, (void *)notification);
	ipa->result->notifications++;
	return true;
}

/* What is the receiver's failure, and not the card's, the store's or the caller's. */
static bool receivers_fault(const GError *error)
{
	switch (error->domain == SGP32_ERROR ? error->code : SGP32_ERROR_FAILED) {
	case SGP32_ERROR_NETWORK_UNAVAILABLE:
	case SGP32_ERROR_TIMEOUT:
	case SGP32_ERROR_TLS_UNTRUSTED:
	case SGP32_ERROR_SERVER_REFUSED:
	case SGP32_ERROR_SERVER_MALFORMED:
	case SGP32_ERROR_INVALID_ARGUMENT: return true; /* an address on the card that is none */
	default: return false;
	}
}

static bool put_off(
	Ipa *ipa, int64_t seq, StoredNotification *stored, const GError *why, GError **error)
{
	bool refused = sgp32_error_is(why, SGP32_ERROR_SERVER_REFUSED);
	unsigned seconds;

	stored->attempts++;
	seconds = refused ? ipa_backoff(stored->attempts, REFUSED_MIN, REFUSED_MAX)
			  : ipa_backoff(stored->attempts, ipa->settings->backoff_min,
				    ipa->settings->backoff_max);
	stored->next_try = ipa->host->now(ipa->host->user) + seconds * USEC_PER_SEC;
	g_free(stored->last_error);
	stored->last_error = g_strdup(sgp32_error_name(why));
	return store_notification_put(ipa->store, ipa->snapshot->eid_text, seq, stored, error);
}

/* What lies further ahead than anything is put off comes from a clock that has been set back since. */
static bool waits(Ipa *ipa, const StoredNotification *stored)
{
	int64_t ahead = stored->next_try - ipa->host->now(ipa->host->user);

	return ahead > 0 && ahead <= MAX(REFUSED_MAX, ipa->settings->backoff_max) * USEC_PER_SEC;
}

/* The way to a receiver, kept for the run: one connection serves all that it is to get. */
static Es9plus *receiver(Ipa *ipa, GHashTable *receivers, const char *address, GError **error)
{
	Es9plus *smdp = g_hash_table_lookup(receivers, address);

	if (smdp)
		return smdp;
	smdp = ipa_smdp_open(ipa, address, NULL, error);
	if (smdp)
		g_hash_table_insert(receivers, g_strdup(address), smdp);
	return smdp;
}

/* A receiver that could not be told waits for its back-off with all that is for it; one that refused this
 * notification may take the next. */
static bool blocks_later_ones(const StoredNotification *stored)
{
	return stored->next_try && g_strcmp0(stored->last_error, "ServerRefused") != 0;
}

bool ipa_notify(Ipa *ipa, bool force, GError **error)
{
	g_autoptr(GHashTable) receivers = g_hash_table_new_full(
		g_str_hash, g_str_equal, g_free, (GDestroyNotify)es9plus_free);
	g_autoptr(GHashTable) failed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	GPtrArray *list;

	if (!ipa_read_notifications(ipa, error))
		return false;
	list = ipa->snapshot->notifications;
	if (list->len)
		ipa->host->progress(ipa->host->user, "notify", -1, HOST_RUNNING, 0);
	for (guint i = 0; i < list->len;) {
		const CardNotification *notification = list->pdata[i];
		g_autoptr(StoredNotification) stored = NULL;
		g_autoptr(GError) local = NULL;
		Es9plus *smdp;

		if (!ipa_check_cancel(ipa, error) ||
			!store_notification_get(ipa->store, ipa->snapshot->eid_text,
				notification->seq, &stored, error))
			return false;
		if (!notification->pending ||
			g_hash_table_contains(failed, notification->address) ||
			(!force && waits(ipa, stored))) {
			/* What comes later for that receiver waits too: it relies on the order. */
			if (!force && blocks_later_ones(stored))
				g_hash_table_add(failed, g_strdup(notification->address));
			i++;
			continue;
		}
		smdp = receiver(ipa, receivers, notification->address, &local);
		if (smdp &&
			es9plus_handle_notification(
				smdp, span_of(notification->pending), ipa->cancel, &local)) {
			if (!removal(ipa, notification, error))
				return false;
			continue; /* the next one has taken its place in the list */
		}
		if (!receivers_fault(local)) {
			g_propagate_error(error, g_steal_pointer(&local));
			return false;
		}
		if (!put_off(ipa, notification->seq, stored, local, error))
			return false;
		if (!sgp32_error_is(local, SGP32_ERROR_SERVER_REFUSED))
			g_hash_table_add(failed, g_strdup(notification->address));
		i++;
	}
	ipa_publish(ipa);
	return true;
}

int64_t ipa_notify_next(Ipa *ipa)
{
	g_autoptr(GHashTable) failed = g_hash_table_new(g_str_hash, g_str_equal);
	GPtrArray *list = ipa->snapshot->notifications;
	int64_t next = 0;

	for (guint i = 0; i < list->len; i++) {
		const CardNotification *notification = list->pdata[i];
		g_autoptr(StoredNotification) stored = NULL;
		g_autoptr(GError) ignored = NULL;
		int64_t due;

		/* Behind one that failed it is due with that one, not before. */
		if (g_hash_table_contains(failed, notification->address))
			continue;
		if (!store_notification_get(ipa->store, ipa->snapshot->eid_text, notification->seq,
			    &stored, &ignored))
			return next;
		if (blocks_later_ones(stored))
			g_hash_table_add(failed, notification->address);
		due = stored->next_try ? stored->next_try : ipa->host->now(ipa->host->user);
		if (!next || due < next)
			next = due;
	}
	return next;
}
