/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One function per ES10 command (SGP.22 5.7, SGP.32 5.9). A result code that is not ok is a named error
 * whose details carry the number; the text says which function gave it.
 *
 * `ret` values are untouched on failure and owned by the caller. Errors beside those of isdr.h: the named
 * ones of each function, else CardRefused; CardMalformed for an answer that cannot be decoded.
 */
#pragma once

#include "asn1/iot.h"
#include "asn1/notification.h"
#include "card/isdr.h"

/* ---- what a card tells of itself ---- */
bool es10_get_eid(Isdr *isdr, uint8_t ret_eid[16], GError **error) SGP32_CHECK;
bool es10_get_euicc_info1(Isdr *isdr, Msg **ret, GError **error) SGP32_CHECK; /* EuiccInfo1 */
bool es10_get_euicc_info2(Isdr *isdr, Msg **ret, GError **error) SGP32_CHECK; /* EuiccInfo2 */
/* EuiccConfiguredAddressesResponse */
bool es10_get_euicc_configured_addresses(Isdr *isdr, Msg **ret, GError **error) SGP32_CHECK;
/* GetRatResponse */
bool es10_get_rat(Isdr *isdr, Msg **ret, GError **error) SGP32_CHECK;
/* GetCertsResponse, certs arm. ci_pk_id absent: the default CI. Errors: NotFound (invalidCiPKId). */
bool es10_get_certs(Isdr *isdr, Span ci_pk_id, Msg **ret, GError **error) SGP32_CHECK;

/* ---- profiles ---- */
/* ProfileInfoListResponse, ok arm. iccid: 10 octets, absent: all. tag_list: tags, always explicit because
 * the default lists of SGP.22 and SGP.32 differ. Errors: CardBusy (profileChangeOngoing). */
bool es10_get_profiles_info(
	Isdr *isdr, Span iccid, Span tag_list, Msg **ret, GError **error) SGP32_CHECK;
/* SGP.22 cards. iccid: 10 octets. Errors: NotFound, ProfileNotDisabled, ProfileNotEnabled,
 * ProfilePolicyRule, CardBusy (catBusy). */
bool es10_enable_profile(Isdr *isdr, Span iccid, bool refresh, GError **error) SGP32_CHECK;
bool es10_disable_profile(Isdr *isdr, Span iccid, bool refresh, GError **error) SGP32_CHECK;
bool es10_delete_profile(Isdr *isdr, Span iccid, GError **error) SGP32_CHECK;
bool es10_set_nickname(Isdr *isdr, Span iccid, const char *nickname, GError **error) SGP32_CHECK;
/* options: bits RESET_…. sgp32: BF64, else BF34 with the three bits it knows. ret: EuiccMemoryResetResponse,
 * with reset_result ok or nothingToDelete. Errors: CardBusy, EmergencyActive. */
bool es10_euicc_memory_reset(
	Isdr *isdr, bool sgp32, int64_t options, Msg **ret, GError **error) SGP32_CHECK;
/* address "" deletes it. sgp32: BF65, else BF3F. Errors: Managed is for the caller to know. */
bool es10_set_default_dp_address(
	Isdr *isdr, bool sgp32, const char *address, GError **error) SGP32_CHECK;

/* ---- profile download ---- */
bool es10_get_euicc_challenge(Isdr *isdr, uint8_t ret_challenge[16], GError **error) SGP32_CHECK;
/* request: BF38…; ret: the answer BF38… as the card gave it, ok arm. Errors: SignatureInvalid (certificate,
 * signature, OID, curve, CI: the server cannot be trusted by the card), CardRefused. In case of an error arm
 * ret_error_arm (may be NULL) gets the answer. */
bool es10_authenticate_server(
	Isdr *isdr, Span request, GBytes **ret, GBytes **ret_error_arm, GError **error) SGP32_CHECK;
/* request: BF21…; as above. */
bool es10_prepare_download(
	Isdr *isdr, Span request, GBytes **ret, GBytes **ret_error_arm, GError **error) SGP32_CHECK;
/* bpp: BF36…. ret: ProfileInstallationResult BF37…, whatever it says. loaded: told after each segment, octets
 * of the package so far; may be NULL. Cancel is looked at between segments, but not from the last one on.
 * Errors: ServerMalformed (the package cannot be cut into segments), CardRefused (a segment was refused
 * without a result). */
bool es10_load_bound_profile_package(Isdr *isdr, Span bpp,
	void (*loaded)(void *user, size_t octets, size_t whole), void *user, GBytes **ret,
	GError **error) SGP32_CHECK;
/* ret: the answer BF41…, ok arm. Errors: NotFound (no such session). */
bool es10_cancel_session(
	Isdr *isdr, Span transaction_id, int reason, GBytes **ret, GError **error) SGP32_CHECK;

/* ---- notifications and package results ---- */
/* ListNotificationResponse, ok arm. events: bits NOTIFICATION_…, 0: all. */
bool es10_list_notification(Isdr *isdr, int64_t events, Msg **ret, GError **error) SGP32_CHECK;
/* RetrieveNotificationsListResponse, notification list arm. seq < 0 and events 0: all. */
bool es10_retrieve_notifications_list(
	Isdr *isdr, int64_t seq, int64_t events, Msg **ret, GError **error) SGP32_CHECK;
/* RetrieveNotificationsListResponse, package result arm (an empty list if the card gives the other one). */
bool es10_retrieve_package_results(Isdr *isdr, Msg **ret, GError **error) SGP32_CHECK;
/* Removes a notification or a package result. That there was none is no error. */
bool es10_remove_notification(Isdr *isdr, int64_t seq, GError **error) SGP32_CHECK;

/* ---- SGP.32 ---- */
/* request: BF51… as received; ret: the result BF51… as the card gave it, whatever it says. */
bool es10_load_euicc_package(Isdr *isdr, Span request, GBytes **ret, GError **error) SGP32_CHECK;
/* entries: EimConfigurationData TLVs 30… one after the other. ret: AddInitialEimResponse, ok arm. Errors:
 * Managed (associatedEimAlreadyExists), NoMemory, InvalidArgument (ciPKUnknown, token, counter, command). */
bool es10_add_initial_eim(Isdr *isdr, Span entries, Msg **ret, GError **error) SGP32_CHECK;
/* GetEimConfigurationDataResponse. eim_id NULL: all. */
bool es10_get_eim_configuration_data(
	Isdr *isdr, const char *eim_id, Msg **ret, GError **error) SGP32_CHECK;
/* ret: the rollback's EuiccPackageResult BF51…. Errors: RollbackNotAllowed, CardBusy. */
bool es10_profile_rollback(Isdr *isdr, bool refresh, GBytes **ret, GError **error) SGP32_CHECK;
/* smdp_oid: content octets, absent: none; smdp_address NULL: none. Errors: Managed, NoMemory. */
bool es10_configure_immediate_profile_enabling(
	Isdr *isdr, bool on, Span smdp_oid, const char *smdp_address, GError **error) SGP32_CHECK;
/* Errors: NotSupported (immediateEnableNotAvailable), NotFound (noSessionContext), CardBusy. */
bool es10_immediate_enable(Isdr *isdr, bool refresh, GError **error) SGP32_CHECK;
/* Errors: ProfileNotDisabled, ProfileNotEnabled, FallbackNotAvailable, EmergencyActive, NotSupported
 * (ecallNotAvailable), CardBusy. */
bool es10_enable_emergency_profile(Isdr *isdr, bool refresh, GError **error) SGP32_CHECK;
bool es10_disable_emergency_profile(Isdr *isdr, bool refresh, GError **error) SGP32_CHECK;
bool es10_execute_fallback_mechanism(Isdr *isdr, bool refresh, GError **error) SGP32_CHECK;
bool es10_return_from_fallback(Isdr *isdr, bool refresh, GError **error) SGP32_CHECK;
/* ret: httpParams, a run of comprehension TLVs; empty if there are none. Errors: NotFound
 * (parametersNotAvailable). */
bool es10_get_connectivity_parameters(Isdr *isdr, GBytes **ret, GError **error) SGP32_CHECK;
/* Only after E1 of the SELECT answer said ipaeSupported: SGP.22 cards know this tag as another function. */
bool es10_ipae_activation(Isdr *isdr, GError **error) SGP32_CHECK;
