/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ipa/snapshot.h"

#include <string.h>

const char *euicc_kind_text(EuiccKind kind)
{
	static const char *const texts[] = { "iot", "consumer", "iot-emulated", "m2m" };

	return texts[kind];
}

const char *profile_class_text(ProfileClass class)
{
	static const char *const texts[] = { "test", "provisioning", "operational" };

	return texts[class];
}

/* Bytes of their own: references would cross threads. */
static GBytes *bytes_copy(GBytes *bytes)
{
	return span_to_bytes(span_of(bytes));
}

CardProfile *card_profile_new(void)
{
	CardProfile *profile = g_new0(CardProfile, 1);
	char **texts[] = { &profile->iccid, &profile->isdp_aid, &profile->nickname,
		&profile->service_provider, &profile->name, &profile->owner_mccmnc,
		&profile->owner_gid1, &profile->owner_gid2, &profile->icon_mime,
		&profile->smdp_address };

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		*texts[i] = g_strdup("");
	profile->class = PROFILE_OPERATIONAL;
	return profile;
}

void card_profile_free(CardProfile *profile)
{
	if (!profile)
		return;
	g_free(profile->iccid);
	g_free(profile->isdp_aid);
	g_free(profile->nickname);
	g_free(profile->service_provider);
	g_free(profile->name);
	g_free(profile->owner_mccmnc);
	g_free(profile->owner_gid1);
	g_free(profile->owner_gid2);
	g_free(profile->icon_mime);
	g_clear_pointer(&profile->icon, g_bytes_unref);
	g_free(profile->smdp_address);
	g_free(profile);
}

static void *card_profile_copy(const void *item, void *user)
{
	const CardProfile *from = item;
	CardProfile *to = g_memdup2(from, sizeof(*from));

	to->iccid = g_strdup(from->iccid);
	to->isdp_aid = g_strdup(from->isdp_aid);
	to->nickname = g_strdup(from->nickname);
	to->service_provider = g_strdup(from->service_provider);
	to->name = g_strdup(from->name);
	to->owner_mccmnc = g_strdup(from->owner_mccmnc);
	to->owner_gid1 = g_strdup(from->owner_gid1);
	to->owner_gid2 = g_strdup(from->owner_gid2);
	to->icon_mime = g_strdup(from->icon_mime);
	to->icon = bytes_copy(from->icon);
	to->smdp_address = g_strdup(from->smdp_address);
	return to;
}

CardEim *card_eim_new(void)
{
	CardEim *eim = g_new0(CardEim, 1);

	eim->eim_id = g_strdup("");
	eim->fqdn = g_strdup("");
	eim->trust = g_strdup("");
	eim->id_type = 3; /* proprietary: the default of SGP.32 5.9.4 */
	return eim;
}

void card_eim_free(CardEim *eim)
{
	if (!eim)
		return;
	g_free(eim->eim_id);
	g_free(eim->fqdn);
	g_free(eim->trust);
	g_clear_pointer(&eim->entry, g_bytes_unref);
	g_free(eim);
}

static void *card_eim_copy(const void *item, void *user)
{
	const CardEim *from = item;
	CardEim *to = g_memdup2(from, sizeof(*from));

	to->eim_id = g_strdup(from->eim_id);
	to->fqdn = g_strdup(from->fqdn);
	to->trust = g_strdup(from->trust);
	to->entry = bytes_copy(from->entry);
	return to;
}

CardNotification *card_notification_new(void)
{
	CardNotification *notification = g_new0(CardNotification, 1);

	notification->operation = g_strdup("");
	notification->address = g_strdup("");
	notification->iccid = g_strdup("");
	return notification;
}

void card_notification_free(CardNotification *notification)
{
	if (!notification)
		return;
	g_free(notification->operation);
	g_free(notification->address);
	g_free(notification->iccid);
	g_clear_pointer(&notification->pending, g_bytes_unref);
	g_free(notification);
}

static void *card_notification_copy(const void *item, void *user)
{
	const CardNotification *from = item;
	CardNotification *to = g_memdup2(from, sizeof(*from));

	to->operation = g_strdup(from->operation);
	to->address = g_strdup(from->address);
	to->iccid = g_strdup(from->iccid);
	to->pending = bytes_copy(from->pending);
	return to;
}

Snapshot *snapshot_new(void)
{
	Snapshot *snapshot = g_new0(Snapshot, 1);

	snapshot->eid_text = g_strdup("");
	snapshot->profile_version = g_strdup("");
	snapshot->svn_version = g_strdup("");
	snapshot->firmware_version = g_strdup("");
	snapshot->capabilities = g_new0(char *, 1);
	snapshot->ci_pk_ids = g_new0(char *, 1);
	snapshot->spec_versions = g_new0(char *, 1);
	snapshot->default_smdp = g_strdup("");
	snapshot->root_smds = g_strdup("");
	snapshot->profiles = g_ptr_array_new_with_free_func((GDestroyNotify)card_profile_free);
	snapshot->eims = g_ptr_array_new_with_free_func((GDestroyNotify)card_eim_free);
	snapshot->notifications =
		g_ptr_array_new_with_free_func((GDestroyNotify)card_notification_free);
	return snapshot;
}

static GPtrArray *list_copy(GPtrArray *list, GCopyFunc copy, GDestroyNotify destroy)
{
	GPtrArray *to = g_ptr_array_new_with_free_func(destroy);

	for (guint i = 0; i < list->len; i++)
		g_ptr_array_add(to, copy(list->pdata[i], NULL));
	return to;
}

Snapshot *snapshot_copy(const Snapshot *from)
{
	Snapshot *to = g_memdup2(from, sizeof(*from));

	to->eid_text = g_strdup(from->eid_text);
	to->profile_version = g_strdup(from->profile_version);
	to->svn_version = g_strdup(from->svn_version);
	to->firmware_version = g_strdup(from->firmware_version);
	to->capabilities = g_strdupv(from->capabilities);
	to->ci_pk_ids = g_strdupv(from->ci_pk_ids);
	to->spec_versions = g_strdupv(from->spec_versions);
	to->default_smdp = g_strdup(from->default_smdp);
	to->root_smds = g_strdup(from->root_smds);
	to->euicc_info1 = bytes_copy(from->euicc_info1);
	to->euicc_info2 = bytes_copy(from->euicc_info2);
	to->profiles =
		list_copy(from->profiles, card_profile_copy, (GDestroyNotify)card_profile_free);
	to->eims = list_copy(from->eims, card_eim_copy, (GDestroyNotify)card_eim_free);
	to->notifications = list_copy(from->notifications, card_notification_copy,
		(GDestroyNotify)card_notification_free);
	return to;
}

void snapshot_free(Snapshot *snapshot)
{
	if (!snapshot)
		return;
	g_free(snapshot->eid_text);
	g_free(snapshot->profile_version);
	g_free(snapshot->svn_version);
	g_free(snapshot->firmware_version);
	g_strfreev(snapshot->capabilities);
	g_strfreev(snapshot->ci_pk_ids);
	g_strfreev(snapshot->spec_versions);
	g_free(snapshot->default_smdp);
	g_free(snapshot->root_smds);
	g_clear_pointer(&snapshot->euicc_info1, g_bytes_unref);
	g_clear_pointer(&snapshot->euicc_info2, g_bytes_unref);
	g_ptr_array_unref(snapshot->profiles);
	g_ptr_array_unref(snapshot->eims);
	g_ptr_array_unref(snapshot->notifications);
	g_free(snapshot);
}

CardProfile *snapshot_profile(const Snapshot *snapshot, const char *iccid)
{
	for (guint i = 0; i < snapshot->profiles->len; i++) {
		CardProfile *profile = snapshot->profiles->pdata[i];

		if (strcmp(profile->iccid, iccid) == 0)
			return profile;
	}
	return NULL;
}

CardProfile *snapshot_enabled_profile(const Snapshot *snapshot)
{
	for (guint i = 0; i < snapshot->profiles->len; i++) {
		CardProfile *profile = snapshot->profiles->pdata[i];

		if (profile->enabled)
			return profile;
	}
	return NULL;
}

CardEim *snapshot_eim(const Snapshot *snapshot, const char *eim_id)
{
	for (guint i = 0; i < snapshot->eims->len; i++) {
		CardEim *eim = snapshot->eims->pdata[i];

		if (strcmp(eim->eim_id, eim_id) == 0)
			return eim;
	}
	return NULL;
}
