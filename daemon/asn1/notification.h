/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Notifications: their metadata, their signed forms, the compact forms of SGP.32, and the functions that
 * list, read and remove them (ES10b). The same list holds the eUICC Package Results.
 */
#pragma once

#include "asn1/package.h"
#include "asn1/profile.h"

typedef struct NotificationMetadata { /* BF2F; signed in an OtherSignedNotification */
	Span raw;
	Num seq_number;
	Num profile_management_operation; /* one bit of NOTIFICATION_… */
	Span notification_address;
	Span iccid; /* optional */
} NotificationMetadata;

typedef struct OtherSignedNotification { /* 30 */
	Span raw;
	const NotificationMetadata *tbs_other_notification;
	Span euicc_notification_signature;
	Span euicc_certificate, eum_certificate; /* 30 */
} OtherSignedNotification;

/* ---- Profile installation result (SGP.22 2.5.6) ---- */

enum { /* BppCommandId */
	BPP_COMMAND_INITIALISE_SECURE_CHANNEL = 0,
	BPP_COMMAND_CONFIGURE_ISDP = 1,
	BPP_COMMAND_STORE_METADATA = 2,
	BPP_COMMAND_STORE_METADATA2 = 3,
	BPP_COMMAND_REPLACE_SESSION_KEYS = 4,
	BPP_COMMAND_LOAD_PROFILE_ELEMENTS = 5,
};

enum { /* ErrorReason */
	INSTALL_ERROR_INCORRECT_INPUT_VALUES = 1,
	INSTALL_ERROR_INVALID_SIGNATURE = 2,
	INSTALL_ERROR_INVALID_TRANSACTION_ID = 3,
	INSTALL_ERROR_UNSUPPORTED_CRT_VALUES = 4,
	INSTALL_ERROR_UNSUPPORTED_REMOTE_OPERATION_TYPE = 5,
	INSTALL_ERROR_UNSUPPORTED_PROFILE_CLASS = 6,
	INSTALL_ERROR_SCP03T_STRUCTURE_ERROR = 7,
	INSTALL_ERROR_SCP03T_SECURITY_ERROR = 8,
	INSTALL_ERROR_ICCID_ALREADY_EXISTS_ON_EUICC = 9,
	INSTALL_ERROR_INSUFFICIENT_MEMORY_FOR_PROFILE = 10,
	INSTALL_ERROR_INTERRUPTION = 11,
	INSTALL_ERROR_PE_PROCESSING_ERROR = 12,
	INSTALL_ERROR_DATA_MISMATCH = 13,
	INSTALL_ERROR_TEST_PROFILE_INVALID_NAA_KEY = 14,
	INSTALL_ERROR_PPR_NOT_ALLOWED = 15,
	INSTALL_ERROR_UNKNOWN_ERROR = 127,
};

/* The simaResponse that says success, and that a compact result leaves out. */
#define SIMA_RESPONSE_OK SPAN_LITERAL("\x30\x07\xa0\x05\x30\x03\x80\x01\x00")

typedef struct SuccessResult {
	Span aid;
	Span sima_response;
} SuccessResult;

typedef struct ErrorResult {
	Num bpp_command_id;
	Num error_reason;
	Span sima_response; /* optional */
} ErrorResult;

typedef struct FinalResult { /* CHOICE */
	const SuccessResult *success_result;
	const ErrorResult *error_result;
} FinalResult;

typedef struct ProfileInstallationResultData { /* BF27; what euiccSignPIR signs */
	Span raw;
	Span transaction_id;
	const NotificationMetadata *notification_metadata;
	Span smdp_oid;
	const FinalResult *final_result;
} ProfileInstallationResultData;

typedef struct ProfileInstallationResult { /* BF37 */
	Span raw;
	const ProfileInstallationResultData *profile_installation_result_data;
	Span euicc_sign_pir;
} ProfileInstallationResult;

/* ---- Compact forms: made by the IPA, only for ESipa ---- */

typedef struct CompactSuccessResult {
	Span compact_aid; /* octets 14 and 15 of the AID of the ISD-P */
	Span sima_response; /* absent: SIMA_RESPONSE_OK */
} CompactSuccessResult;

typedef struct CompactFinalResult { /* CHOICE */
	const CompactSuccessResult *compact_success_result;
	const ErrorResult *error_result;
} CompactFinalResult;

typedef struct CompactProfileInstallationResultData {
	Span transaction_id;
	Num seq_number;
	Num iccid_present; /* absent: true */
	const CompactFinalResult *compact_final_result;
} CompactProfileInstallationResultData;

typedef struct CompactProfileInstallationResult { /* A0 */
	const CompactProfileInstallationResultData *compact_profile_installation_result_data;
	Span euicc_sign_pir;
} CompactProfileInstallationResult;

typedef struct CompactOtherSignedNotification { /* A1 */
	Span eid_value; /* optional */
	const NotificationMetadata *tbs_other_notification;
	Span euicc_notification_signature;
	Span euicc_ci_pk_identifier_to_be_used; /* v1.3 */
} CompactOtherSignedNotification;

typedef struct PendingNotification { /* CHOICE; a card gives the first two only */
	const ProfileInstallationResult *profile_installation_result; /* BF37 */
	const OtherSignedNotification *other_signed_notification; /* 30 */
	const CompactProfileInstallationResult *compact_profile_installation_result;
	const CompactOtherSignedNotification *compact_other_signed_notification;
} PendingNotification;

extern const MsgType NOTIFICATION_METADATA, OTHER_SIGNED_NOTIFICATION, PENDING_NOTIFICATION;
extern const MsgType PROFILE_INSTALLATION_RESULT, PROFILE_INSTALLATION_RESULT_DATA;
extern const MsgType ERROR_RESULT;

/* ---- ListNotification, RetrieveNotificationsList, NotificationSent ---- */

#define LIST_NOTIFICATIONS_UNDEFINED_ERROR 127

typedef struct ListNotificationRequest { /* BF28 */
	Num profile_management_operation; /* bits NOTIFICATION_…; optional: all */
} ListNotificationRequest;

typedef struct ListNotificationResponse { /* BF28, CHOICE */
	List notification_metadata_list; /* of NotificationMetadata */
	Num list_notifications_result_error;
} ListNotificationResponse;

typedef struct RetrieveNotificationsSearchCriteria { /* CHOICE */
	Num seq_number;
	Num profile_management_operation; /* bits NOTIFICATION_… */
	Num euicc_package_results; /* NULL; SGP.32 */
} RetrieveNotificationsSearchCriteria;

typedef struct RetrieveNotificationsListRequest { /* BF2B */
	const RetrieveNotificationsSearchCriteria
		*search_criteria; /* optional: all notifications */
} RetrieveNotificationsListRequest;

typedef struct RetrieveNotificationsListResponse { /* BF2B, CHOICE */
	List notification_list; /* of PendingNotification */
	Num notifications_list_result_error;
	List euicc_package_result_list; /* of EuiccPackageResult */
} RetrieveNotificationsListResponse;

enum { /* deleteNotificationStatus */
	DELETE_NOTIFICATION_OK = 0,
	DELETE_NOTIFICATION_NOTHING_TO_DELETE = 1,
	DELETE_NOTIFICATION_UNDEFINED_ERROR = 127,
};

typedef struct NotificationSentRequest { /* BF30 */
	Num seq_number;
} NotificationSentRequest;

typedef struct NotificationSentResponse {
	Num delete_notification_status;
} NotificationSentResponse;

extern const MsgType LIST_NOTIFICATION_REQUEST, LIST_NOTIFICATION_RESPONSE;
extern const MsgType RETRIEVE_NOTIFICATIONS_LIST_REQUEST, RETRIEVE_NOTIFICATIONS_LIST_RESPONSE;
extern const MsgType NOTIFICATION_SENT_REQUEST, NOTIFICATION_SENT_RESPONSE;
