/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "card/es10.h"
#include "ipa/ipa.h"
#include "net/trust.h"

void host_answer_clear(HostAnswer *answer)
{
	wipe_free(answer->confirmation_code);
	answer->confirmation_code = NULL;
}

bool ipa_check_cancel(Ipa *ipa, GError **error)
{
	if (post_cancel_is_set(ipa->cancel))
		return sgp32_fail(error, SGP32_ERROR_CANCELLED, "Cancelled");
	return true;
}

void ipa_publish(Ipa *ipa)
{
	ipa->host->publish(ipa->host->user, ipa->snapshot);
}

void ipa_forget(Ipa *ipa)
{
	ipa->snapshot->profiles_known = false;
	ipa->snapshot->eims_known = false;
	ipa->snapshot->notifications_known = false;
	ipa->snapshot->results_known = false;
	ipa->snapshot->configured_known = false;
}

static void set_text(char **member, char *text)
{
	g_free(*member);
	*member = text ? text : g_strdup("");
}

/* A text of a card as valid UTF-8. */
static char *card_text(Span text)
{
	return text.data ? g_utf8_make_valid((const char *)text.data, text.size) : g_strdup("");
}

static char *version_text(Span version)
{
	if (version.size != 3)
		return g_strdup("");
	return g_strdup_printf("%u.%u.%u", version.data[0], version.data[1], version.data[2]);
}

bool ipa_identify(Ipa *ipa, uint8_t ret_eid[16], GError **error)
{
	uint8_t eid[16];

	if (!es10_get_eid(ipa->isdr, eid, error))
		return false;
	if (!ipa->snapshot->eid_text[0] || memcmp(eid, ipa->snapshot->eid, sizeof(eid)) != 0) {
		snapshot_free(ipa->snapshot);
		ipa->snapshot = snapshot_new();
		ipa->attached = false;
		memcpy(ipa->snapshot->eid, eid, sizeof(eid));
		set_text(&ipa->snapshot->eid_text, eid_to_text(SPAN_ARRAY(eid)));
	}
	memcpy(ret_eid, eid, sizeof(eid));
	return true;
}

static char **key_ids(List list)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

	for (size_t i = 0; i < list.count; i++) {
		g_autofree char *hex = hex_encode(*LIST_AT(list, Span, i));

		g_strv_builder_add(builder, hex);
	}
	return g_strv_builder_end(builder);
}

static char **version_list(List list)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

	for (size_t i = 0; i < list.count; i++) {
		g_autofree char *text = version_text(*LIST_AT(list, Span, i));

		if (text[0])
			g_strv_builder_add(builder, text);
	}
	return g_strv_builder_end(builder);
}

/* Tag 82 of extCardResource (TS 102 226): free non-volatile memory. */
static uint64_t free_memory(Span resource)
{
	uint64_t octets = 0;
	Tlv tlv;

	if (!resource.data || !der_find(resource, 0x82, &tlv) || tlv.value.size > 8)
		return 0;
	for (size_t i = 0; i < tlv.value.size; i++)
		octets = octets << 8 | tlv.value.data[i];
	return octets;
}

/* E1 may stand at the top of the answer to SELECT, or inside 6F or A5. */
static bool find_iot_template(Span answer, Tlv *ret)
{
	Tlv tlv;

	if (der_find(answer, 0xe1, ret))
		return true;
	return (der_find(answer, 0x6f, &tlv) || der_find(answer, 0xa5, &tlv)) &&
		find_iot_template(tlv.value, ret);
}

static char **capability_words(const EuiccInfo2 *info, EuiccKind kind)
{
	const struct {
		bool has;
		const char *word;
	} words[] = {
		{ info->rsp_capability.value & RSP_CAPABILITY_ADDITIONAL_PROFILE,
			"additional-profile" },
		{ info->rsp_capability.value & RSP_CAPABILITY_CRL_SUPPORT, "crl" },
		{ info->iot_specific_info && info->iot_specific_info->ecall_supported.present,
			"emergency" },
		{ info->iot_specific_info && info->iot_specific_info->fallback_supported.present,
			"fallback" },
		{ info->iot_specific_info &&
				info->iot_specific_info->fallback_allowed_update_supported.present,
			"fallback-update" },
		{ info->ipa_mode.present && info->ipa_mode.value == IPA_MODE_IPAE, "ipae-active" },
		{ kind == EUICC_CONSUMER, "profile-control" },
		{ info->rsp_capability.value & RSP_CAPABILITY_RPM_SUPPORT, "remote-management" },
		{ info->rsp_capability.value & RSP_CAPABILITY_TEST_PROFILE_SUPPORT,
			"test-profile" },
	};
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

	for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
		if (words[i].has)
			g_strv_builder_add(builder, words[i].word);
	return g_strv_builder_end(builder);
}

bool ipa_read_identity(Ipa *ipa, GError **error)
{
	Snapshot *snapshot = ipa->snapshot;
	g_autoptr(Msg) msg = NULL;
	Tlv iot;

	if (snapshot->euicc_info2)
		return true;
	if (!es10_get_euicc_info2(ipa->isdr, &msg, error))
		return false;
	const EuiccInfo2 *info = MSG_BODY(msg, EuiccInfo2);
	/* Digest 1.4. A card that says neither is asked for its eIMs, which settles it. */
	snapshot->kind = info->iot_specific_info || info->ipa_mode.present ||
			find_iot_template(isdr_select_answer(ipa->isdr), &iot)
		? EUICC_IOT
		: EUICC_CONSUMER;
	if (snapshot->kind == EUICC_CONSUMER) {
		g_autoptr(Msg) eims = NULL;
		g_autoptr(GError) local = NULL;

		if (es10_get_eim_configuration_data(ipa->isdr, NULL, &eims, &local))
			snapshot->kind = EUICC_IOT;
		else if (!sgp32_error_is(local, SGP32_ERROR_NOT_SUPPORTED) &&
			!sgp32_error_is(local, SGP32_ERROR_CARD_REFUSED) &&
			!sgp32_error_is(local, SGP32_ERROR_CARD_MALFORMED)) {
			g_propagate_error(error, g_steal_pointer(&local));
			return false;
		}
	}
	set_text(&snapshot->profile_version, version_text(info->profile_version));
	set_text(&snapshot->svn_version, version_text(info->svn));
	set_text(&snapshot->firmware_version, version_text(info->euicc_firmware_ver));
	g_strfreev(snapshot->capabilities);
	snapshot->capabilities = capability_words(info, snapshot->kind);
	g_strfreev(snapshot->ci_pk_ids);
	snapshot->ci_pk_ids = key_ids(info->euicc_ci_pk_id_list_for_signing);
	g_strfreev(snapshot->spec_versions);
	snapshot->spec_versions = version_list(
		info->iot_specific_info ? info->iot_specific_info->iot_version : (List) { 0 });
	snapshot->free_memory = free_memory(info->ext_card_resource);
	snapshot->euicc_info2 = span_to_bytes(msg_bytes(msg));
	return true;
}

bool ipa_read_euicc_info1(Ipa *ipa, GError **error)
{
	g_autoptr(Msg) msg = NULL;

	if (ipa->snapshot->euicc_info1)
		return true;
	if (!es10_get_euicc_info1(ipa->isdr, &msg, error))
		return false;
	ipa->snapshot->euicc_info1 = span_to_bytes(msg_bytes(msg));
	return true;
}

bool ipa_read_configured(Ipa *ipa, GError **error)
{
	g_autoptr(Msg) msg = NULL;

	if (ipa->snapshot->configured_known)
		return true;
	if (!es10_get_euicc_configured_addresses(ipa->isdr, &msg, error))
		return false;
	const EuiccConfiguredAddressesResponse *response =
		MSG_BODY(msg, EuiccConfiguredAddressesResponse);
	set_text(&ipa->snapshot->default_smdp, card_text(response->default_dp_address));
	set_text(&ipa->snapshot->root_smds, card_text(response->root_ds_address));
	ipa->snapshot->configured_known = true;
	return true;
}

static CardProfile *profile_from_card(Ipa *ipa, const ProfileInfo *info)
{
	CardProfile *profile = card_profile_new();
	g_autofree char *key = NULL;
	g_autoptr(GError) ignored = NULL; /* the address is a courtesy of the store */

	set_text(&profile->iccid, iccid_to_text(info->iccid));
	set_text(&profile->isdp_aid, hex_encode(info->isdp_aid));
	profile->enabled = info->profile_state.value == PROFILE_STATE_ENABLED;
	if (info->profile_class.present)
		profile->class =
			CLAMP(info->profile_class.value, PROFILE_TEST, PROFILE_OPERATIONAL);
	set_text(&profile->nickname, card_text(info->profile_nickname));
	set_text(&profile->service_provider, card_text(info->service_provider_name));
	set_text(&profile->name, card_text(info->profile_name));
	if (info->profile_owner) {
		set_text(&profile->owner_mccmnc, hex_encode(info->profile_owner->mcc_mnc));
		set_text(&profile->owner_gid1, hex_encode(info->profile_owner->gid1));
		set_text(&profile->owner_gid2, hex_encode(info->profile_owner->gid2));
	}
	profile->policy_rules = info->profile_policy_rules.value;
	profile->fallback = info->fallback_attribute.value;
	profile->fallback_allowed = info->fallback_allowed.value;
	profile->emergency = info->ecall_indication.value;
	if (info->icon.size) {
		set_text(&profile->icon_mime,
			g_strdup(info->icon_type.value == ICON_TYPE_PNG ? "image/png"
									: "image/jpeg"));
		profile->icon = span_to_bytes(info->icon);
	}
	key = g_strconcat(CARD_SMDP, profile->iccid, NULL);
	if (ipa->store) {
		char *address = NULL;

		if (store_card_get(ipa->store, ipa->snapshot->eid_text, key, &address, &ignored) &&
			address)
			set_text(&profile->smdp_address, address);
	}
	return profile;
}

bool ipa_read_profiles(Ipa *ipa, GError **error)
{
	/* 5A 4F 9F70 90 91 92 95 B7 99 9F7B 9F26 9F67, and 93 94 the first time: icons do not change but by
	 * download, and cost most of the octets. */
	static const char tags[] =
		"\x5a\x4f\x9f\x70\x90\x91\x92\x95\xb7\x99\x9f\x7b\x9f\x26\x9f\x67\x93\x94";
	Snapshot *snapshot = ipa->snapshot;
	bool first = snapshot->profiles->len == 0;
	Span list = { (const uint8_t *)tags, sizeof(tags) - 1 - (first ? 0 : 2) };
	g_autoptr(GPtrArray) profiles = NULL;
	g_autoptr(Msg) msg = NULL;

	if (snapshot->profiles_known)
		return true;
	if (!es10_get_profiles_info(ipa->isdr, (Span) { NULL, 0 }, list, &msg, error))
		return false;
	List infos = MSG_BODY(msg, ProfileInfoListResponse)->profile_info_list_ok;
	profiles = g_ptr_array_new_with_free_func((GDestroyNotify)card_profile_free);
	for (size_t i = 0; i < infos.count; i++) {
		const ProfileInfo *info = LIST_AT(infos, ProfileInfo, i);
		CardProfile *profile = profile_from_card(ipa, info), *before;

		/* Without an ICCID nobody could name it. */
		if (!profile->iccid[0]) {
			card_profile_free(profile);
			continue;
		}
		before = snapshot_profile(snapshot, profile->iccid);
		if (!profile->icon && before && before->icon) {
			profile->icon = g_bytes_ref(before->icon);
			set_text(&profile->icon_mime, g_strdup(before->icon_mime));
		}
		g_ptr_array_add(profiles, profile);
	}
	g_ptr_array_unref(snapshot->profiles);
	snapshot->profiles = g_steal_pointer(&profiles);
	snapshot->profiles_known = true;
	return true;
}

/* The entry's own tag A6, as trust.h takes it. */
static const char *trust_word(Span entry)
{
	g_autoptr(GError) ignored = NULL;
	g_autoptr(Trust) trust = NULL;
	Tlv whole, key;

	if (!der_single(entry, &whole, NULL) || !der_find(whole.value, 0xa6, &key))
		return trust_kind_text(TRUST_SYSTEM);
	trust = trust_new_from_eim(key.whole, &ignored);
	return trust ? trust_kind_text(trust_kind(trust)) : "";
}

bool ipa_read_eims(Ipa *ipa, GError **error)
{
	Snapshot *snapshot = ipa->snapshot;
	g_autoptr(GPtrArray) eims = NULL;
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	g_auto(GStrv) ids = NULL;
	g_autoptr(Msg) msg = NULL;
	g_autoptr(GError) ignored = NULL;
	List entries;
	Tlv whole, arm;
	Span rest;

	if (snapshot->eims_known)
		return true;
	if (snapshot->kind != EUICC_IOT) {
		snapshot->eims_known = true;
		return true;
	}
	if (!es10_get_eim_configuration_data(ipa->isdr, NULL, &msg, error))
		return false;
	entries = MSG_BODY(msg, GetEimConfigurationDataResponse)->eim_configuration_data_list;
	/* The entries as received stand beside the decoded ones. */
	if (!der_single(msg_bytes(msg), &whole, error) || !der_single(whole.value, &arm, error))
		return false;
	rest = arm.value;
	eims = g_ptr_array_new_with_free_func((GDestroyNotify)card_eim_free);
	for (size_t i = 0; i < entries.count; i++) {
		const EimConfigurationData *data = LIST_AT(entries, EimConfigurationData, i);
		CardEim *eim;
		Tlv entry = { 0 };

		while (rest.size && entry.tag != 0x30)
			if (!der_next(&rest, &entry, error))
				return false;
		eim = card_eim_new();
		set_text(&eim->eim_id, card_text(data->eim_id));
		set_text(&eim->fqdn, card_text(data->eim_fqdn));
		if (data->eim_id_type.present)
			eim->id_type = data->eim_id_type.value;
		eim->protocols = data->eim_supported_protocol.value;
		eim->has_token = data->association_token.present;
		eim->association_token = data->association_token.value;
		eim->indirect_download = data->indirect_profile_download.present;
		set_text(&eim->trust, g_strdup(trust_word(entry.whole)));
		eim->entry = span_to_bytes(entry.whole);
		g_ptr_array_add(eims, eim);
		g_strv_builder_add(builder, eim->eim_id);
	}
	g_ptr_array_unref(snapshot->eims);
	snapshot->eims = g_steal_pointer(&eims);
	snapshot->eims_known = true;
	ids = g_strv_builder_end(builder);
	/* What the schedule knows of an eIM that is gone must not greet one that comes back. The card is shown
	 * without a store, too: one that fails says so when something depends on it. */
	if (ipa->store &&
		!store_eim_keep(ipa->store, snapshot->eid_text, (const char *const *)ids, &ignored))
		g_debug("Schedule: %s", ignored->message);
	return true;
}

static const char *operation_word(int64_t event)
{
	return event & NOTIFICATION_INSTALL    ? "install"
		: event & NOTIFICATION_ENABLE  ? "enable"
		: event & NOTIFICATION_DISABLE ? "disable"
		: event & NOTIFICATION_DELETE  ? "delete"
					       : "";
}

static int compare_seq(const void *a, const void *b)
{
	const CardNotification *x = *(CardNotification *const *)a,
			       *y = *(CardNotification *const *)b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static void notification_add(GPtrArray *list, const NotificationMetadata *metadata, Span pending)
{
	CardNotification *notification = card_notification_new();

	notification->seq = metadata->seq_number.value;
	set_text(&notification->operation,
		g_strdup(operation_word(metadata->profile_management_operation.value)));
	set_text(&notification->address, card_text(metadata->notification_address));
	set_text(
		&notification->iccid, metadata->iccid.data ? iccid_to_text(metadata->iccid) : NULL);
	notification->pending = span_to_bytes(pending);
	g_ptr_array_add(list, notification);
}

bool ipa_read_notifications(Ipa *ipa, GError **error)
{
	Snapshot *snapshot = ipa->snapshot;
	g_autoptr(GPtrArray) list = NULL;
	g_autoptr(Msg) msg = NULL;

	if (snapshot->notifications_known)
		return true;
	if (!es10_retrieve_notifications_list(ipa->isdr, -1, 0, &msg, error))
		return false;
	List pending = MSG_BODY(msg, RetrieveNotificationsListResponse)->notification_list;
	list = g_ptr_array_new_with_free_func((GDestroyNotify)card_notification_free);
	for (size_t i = 0; i < pending.count; i++) {
		const PendingNotification *item = LIST_AT(pending, PendingNotification, i);

		if (item->profile_installation_result)
			notification_add(list,
				item->profile_installation_result->profile_installation_result_data
					->notification_metadata,
				item->profile_installation_result->raw);
		else if (item->other_signed_notification)
			notification_add(list,
				item->other_signed_notification->tbs_other_notification,
				item->other_signed_notification->raw);
	}
	g_ptr_array_sort(list, compare_seq);
	g_ptr_array_unref(snapshot->notifications);
	snapshot->notifications = g_steal_pointer(&list);
	snapshot->notifications_known = true;
	return true;
}

bool ipa_read_results(Ipa *ipa, GPtrArray **ret, GError **error)
{
	g_autoptr(GPtrArray) results = g_ptr_array_new_with_free_func((GDestroyNotify)msg_free);
	g_autoptr(Msg) msg = NULL;

	if (!es10_retrieve_package_results(ipa->isdr, &msg, error))
		return false;
	List list = MSG_BODY(msg, RetrieveNotificationsListResponse)->euicc_package_result_list;
	for (size_t i = 0; i < list.count; i++) {
		Msg *result = msg_decode(
			&EUICC_PACKAGE_RESULT, LIST_AT(list, EuiccPackageResult, i)->raw, error);

		if (!result)
			return false;
		g_ptr_array_add(results, result);
	}
	ipa->snapshot->results = results->len;
	ipa->snapshot->results_known = true;
	*ret = g_steal_pointer(&results);
	return true;
}
