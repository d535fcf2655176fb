/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "asn1/notification.h"

#include "asn1/table.h"

#define TRANSACTION_ID(Struct)                                                                     \
	OCTETS(Struct, transaction_id, "transactionId", 0x80, 1, TRANSACTION_ID_MAX)
#define SIGNATURE(Struct, member, word) OCTETS(Struct, member, word, 0x5f37, 1, SIGNATURE_MAX)

static const MsgField metadata_item = { .kind = MSG_NESTED, .type = &NOTIFICATION_METADATA };
static const MsgField pending_item = { .kind = MSG_NESTED, .type = &PENDING_NOTIFICATION };
static const MsgField package_result_item = { .kind = MSG_NESTED, .type = &EUICC_PACKAGE_RESULT };

static const MsgField notification_metadata[] = {
	INTEGER(NotificationMetadata, seq_number, "seqNumber", 0x80),
	BITS(NotificationMetadata, profile_management_operation, "profileManagementOperation",
		0x81),
	TEXT(NotificationMetadata, notification_address, "notificationAddress", 0x0c, 0,
		ADDRESS_MAX),
	OCTETS(NotificationMetadata, iccid, "iccid", 0x5a, ICCID_SIZE, ICCID_SIZE, OPTIONAL),
};
const MsgType NOTIFICATION_METADATA =
	SEQUENCE_KEPT(NotificationMetadata, 0xbf2f, notification_metadata);

static const MsgField other_signed_notification[] = {
	NESTED(OtherSignedNotification, tbs_other_notification, "tbsOtherNotification", 0,
		NOTIFICATION_METADATA),
	SIGNATURE(OtherSignedNotification, euicc_notification_signature,
		"euiccNotificationSignature"),
	RAW(OtherSignedNotification, euicc_certificate, "euiccCertificate", 0x30, CERTIFICATE_MAX),
	RAW(OtherSignedNotification, eum_certificate, "eumCertificate", 0x30, CERTIFICATE_MAX),
};
const MsgType OTHER_SIGNED_NOTIFICATION =
	SEQUENCE_KEPT(OtherSignedNotification, 0x30, other_signed_notification);

/* ---- Profile installation result ---- */

static const MsgField success_result[] = {
	OCTETS(SuccessResult, aid, "aid", 0x4f, 5, 16),
	OCTETS(SuccessResult, sima_response, "simaResponse", 0x04, 0, SIMA_MAX),
};
static const MsgType SUCCESS_RESULT = SEQUENCE(SuccessResult, 0x30, success_result);

static const MsgField error_result[] = {
	INTEGER(ErrorResult, bpp_command_id, "bppCommandId", 0x80),
	INTEGER(ErrorResult, error_reason, "errorReason", 0x81),
	OCTETS(ErrorResult, sima_response, "simaResponse", 0x82, 0, SIMA_MAX, OPTIONAL),
};
const MsgType ERROR_RESULT = SEQUENCE(ErrorResult, 0x30, error_result);

static const MsgField final_result[] = {
	NESTED(FinalResult, success_result, "successResult", 0xa0, SUCCESS_RESULT),
	NESTED(FinalResult, error_result, "errorResult", 0xa1, ERROR_RESULT),
};
static const MsgType FINAL_RESULT = CHOICE(FinalResult, 0, final_result);

static const MsgField profile_installation_result_data[] = {
	TRANSACTION_ID(ProfileInstallationResultData),
	NESTED(ProfileInstallationResultData, notification_metadata, "notificationMetadata", 0,
		NOTIFICATION_METADATA),
	OID(ProfileInstallationResultData, smdp_oid, "smdpOid", 0x06),
	NESTED(ProfileInstallationResultData, final_result, "finalResult", 0xa2, FINAL_RESULT),
};
const MsgType PROFILE_INSTALLATION_RESULT_DATA =
	SEQUENCE_KEPT(ProfileInstallationResultData, 0xbf27, profile_installation_result_data);

static const MsgField profile_installation_result[] = {
	NESTED(ProfileInstallationResult, profile_installation_result_data,
		"profileInstallationResultData", 0, PROFILE_INSTALLATION_RESULT_DATA),
	SIGNATURE(ProfileInstallationResult, euicc_sign_pir, "euiccSignPIR"),
};
const MsgType PROFILE_INSTALLATION_RESULT =
	SEQUENCE_KEPT(ProfileInstallationResult, 0xbf37, profile_installation_result);

/* ---- Compact forms ---- */

static const MsgField compact_success_result[] = {
	OCTETS(CompactSuccessResult, compact_aid, "compactAid", 0x4f, 2, 2),
	OCTETS(CompactSuccessResult, sima_response, "simaResponse", 0x04, 0, SIMA_MAX, OPTIONAL),
};
static const MsgType COMPACT_SUCCESS_RESULT =
	SEQUENCE(CompactSuccessResult, 0x30, compact_success_result);

static const MsgField compact_final_result[] = {
	NESTED(CompactFinalResult, compact_success_result, "compactSuccessResult", 0xa0,
		COMPACT_SUCCESS_RESULT),
	NESTED(CompactFinalResult, error_result, "errorResult", 0xa1, ERROR_RESULT),
};
static const MsgType COMPACT_FINAL_RESULT = CHOICE(CompactFinalResult, 0, compact_final_result);

static const MsgField compact_profile_installation_result_data[] = {
	TRANSACTION_ID(CompactProfileInstallationResultData),
	INTEGER(CompactProfileInstallationResultData, seq_number, "seqNumber", 0x02),
	BOOLEAN(CompactProfileInstallationResultData, iccid_present, "iccidPresent", 0x01,
		DEFAULT(true)),
	NESTED(CompactProfileInstallationResultData, compact_final_result, "compactFinalResult",
		0xa2, COMPACT_FINAL_RESULT),
};
static const MsgType COMPACT_PROFILE_INSTALLATION_RESULT_DATA = SEQUENCE(
	CompactProfileInstallationResultData, 0x30, compact_profile_installation_result_data);

static const MsgField compact_profile_installation_result[] = {
	NESTED(CompactProfileInstallationResult, compact_profile_installation_result_data,
		"compactProfileInstallationResultData", 0xa0,
		COMPACT_PROFILE_INSTALLATION_RESULT_DATA),
	SIGNATURE(CompactProfileInstallationResult, euicc_sign_pir, "euiccSignPIR"),
};
static const MsgType COMPACT_PROFILE_INSTALLATION_RESULT =
	SEQUENCE(CompactProfileInstallationResult, 0x30, compact_profile_installation_result);

static const MsgField compact_other_signed_notification[] = {
	OCTETS(CompactOtherSignedNotification, eid_value, "eidValue", 0x5a, EID_SIZE, EID_SIZE,
		OPTIONAL),
	NESTED(CompactOtherSignedNotification, tbs_other_notification, "tbsOtherNotification", 0,
		NOTIFICATION_METADATA),
	SIGNATURE(CompactOtherSignedNotification, euicc_notification_signature,
		"euiccNotificationSignature"),
	OCTETS(CompactOtherSignedNotification, euicc_ci_pk_identifier_to_be_used,
		"euiccCiPKIdentifierToBeUsed", 0x04, 0, KEY_ID_MAX, OPTIONAL),
};
static const MsgType COMPACT_OTHER_SIGNED_NOTIFICATION =
	SEQUENCE(CompactOtherSignedNotification, 0x30, compact_other_signed_notification);

static const MsgField pending_notification[] = {
	NESTED(PendingNotification, profile_installation_result, "profileInstallationResult", 0,
		PROFILE_INSTALLATION_RESULT),
	NESTED(PendingNotification, other_signed_notification, "otherSignedNotification", 0,
		OTHER_SIGNED_NOTIFICATION),
	NESTED(PendingNotification, compact_profile_installation_result,
		"compactProfileInstallationResult", 0xa0, COMPACT_PROFILE_INSTALLATION_RESULT),
	NESTED(PendingNotification, compact_other_signed_notification,
		"compactOtherSignedNotification", 0xa1, COMPACT_OTHER_SIGNED_NOTIFICATION),
};
const MsgType PENDING_NOTIFICATION = CHOICE(PendingNotification, 0, pending_notification);

/* ---- Functions ---- */

static const MsgField list_notification_request[] = {
	BITS(ListNotificationRequest, profile_management_operation, "profileManagementOperation",
		0x81, OPTIONAL),
};
const MsgType LIST_NOTIFICATION_REQUEST =
	SEQUENCE(ListNotificationRequest, 0xbf28, list_notification_request);

static const MsgField list_notification_response[] = {
	LIST(ListNotificationResponse, notification_metadata_list, "notificationMetadataList", 0xa0,
		metadata_item, AT_MOST(4096)),
	INTEGER(ListNotificationResponse, list_notifications_result_error,
		"listNotificationsResultError", 0x81),
};
const MsgType LIST_NOTIFICATION_RESPONSE =
	CHOICE(ListNotificationResponse, 0xbf28, list_notification_response);

static const MsgField retrieve_notifications_search_criteria[] = {
	INTEGER(RetrieveNotificationsSearchCriteria, seq_number, "seqNumber", 0x80),
	BITS(RetrieveNotificationsSearchCriteria, profile_management_operation,
		"profileManagementOperation", 0x81),
	EMPTY(RetrieveNotificationsSearchCriteria, euicc_package_results, "euiccPackageResults",
		0x82),
};
static const MsgType RETRIEVE_NOTIFICATIONS_SEARCH_CRITERIA =
	CHOICE(RetrieveNotificationsSearchCriteria, 0, retrieve_notifications_search_criteria);

static const MsgField retrieve_notifications_list_request[] = {
	NESTED(RetrieveNotificationsListRequest, search_criteria, "searchCriteria", 0xa0,
		RETRIEVE_NOTIFICATIONS_SEARCH_CRITERIA, OPTIONAL),
};
const MsgType RETRIEVE_NOTIFICATIONS_LIST_REQUEST =
	SEQUENCE(RetrieveNotificationsListRequest, 0xbf2b, retrieve_notifications_list_request);

static const MsgField retrieve_notifications_list_response[] = {
	LIST(RetrieveNotificationsListResponse, notification_list, "notificationList", 0xa0,
		pending_item),
	INTEGER(RetrieveNotificationsListResponse, notifications_list_result_error,
		"notificationsListResultError", 0x81),
	LIST(RetrieveNotificationsListResponse, euicc_package_result_list, "euiccPackageResultList",
		0xa2, package_result_item),
};
const MsgType RETRIEVE_NOTIFICATIONS_LIST_RESPONSE =
	CHOICE(RetrieveNotificationsListResponse, 0xbf2b, retrieve_notifications_list_response);

static const MsgField notification_sent_request[] = {
	INTEGER(NotificationSentRequest, seq_number, "seqNumber", 0x80),
};
const MsgType NOTIFICATION_SENT_REQUEST =
	SEQUENCE(NotificationSentRequest, 0xbf30, notification_sent_request);

static const MsgField notification_sent_response[] = {
	INTEGER(NotificationSentResponse, delete_notification_status, "deleteNotificationStatus",
		0x80),
};
const MsgType NOTIFICATION_SENT_RESPONSE =
	SEQUENCE(NotificationSentResponse, 0xbf30, notification_sent_response);
