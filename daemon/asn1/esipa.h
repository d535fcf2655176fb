/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ESipa: eIM Packages (SGP.32 2.11.1) and the messages between IPA and eIM (SGP.32 6). The compact forms
 * are with what they shorten, in rsp.h and notification.h.
 */
#pragma once

#include "asn1/notification.h"

/* Tags of messages and of eIM Packages. */
enum {
	TAG_ESIPA_INITIATE_AUTHENTICATION = 0xbf39,
	TAG_ESIPA_GET_BOUND_PROFILE_PACKAGE = 0xbf3a,
	TAG_ESIPA_AUTHENTICATE_CLIENT = 0xbf3b,
	TAG_ESIPA_HANDLE_NOTIFICATION = 0xbf3d,
	TAG_ESIPA_CANCEL_SESSION = 0xbf41,
	TAG_ESIPA_TRANSFER_EIM_PACKAGE = 0xbf4e,
	TAG_ESIPA_GET_EIM_PACKAGE = 0xbf4f,
	TAG_ESIPA_PROVIDE_EIM_PACKAGE_RESULT = 0xbf50,
	TAG_IPA_EUICC_DATA = 0xbf52,
	TAG_EIM_ACKNOWLEDGEMENTS = 0xbf53,
	TAG_PROFILE_DOWNLOAD_TRIGGER = 0xbf54,
};

/* ---- IpaCapabilities ---- */

enum { /* ipaFeatures */
	IPA_FEATURE_DIRECT_RSP_SERVER_COMMUNICATION = 1 << 0,
	IPA_FEATURE_INDIRECT_RSP_SERVER_COMMUNICATION = 1 << 1,
	IPA_FEATURE_EIM_DOWNLOAD_DATA_HANDLING = 1 << 2,
	IPA_FEATURE_EIM_CTX_PARAMS1_GENERATION = 1 << 3,
	IPA_FEATURE_EIM_PROFILE_METADATA_VERIFICATION = 1 << 4,
	IPA_FEATURE_MINIMIZE_ESIPA_BYTES = 1 << 5,
};

enum { /* ipaSupportedProtocols */
	IPA_RETRIEVE_HTTPS = 1 << 0,
	IPA_RETRIEVE_COAPS = 1 << 1,
	IPA_INJECT_HTTPS = 1 << 2,
	IPA_INJECT_COAPS = 1 << 3,
	IPA_PROPRIETARY = 1 << 4,
};

typedef struct IpaCapabilities { /* 30, A8 in IpaEuiccData */
	Num ipa_features; /* bits IPA_FEATURE_… */
	Num ipa_supported_protocols; /* bits; optional */
	Span esipa_proprietary_protocol_information; /* A2, whole; v1.3 */
} IpaCapabilities;

extern const MsgType IPA_CAPABILITIES;

/* ---- IpaEuiccDataRequest ---- */

enum { /* tags of IpaEuiccData, for tagList; eimTransactionId cannot be asked for */
	IPA_EUICC_DATA_NOTIFICATIONS_LIST = 0xa0,
	IPA_EUICC_DATA_DEFAULT_SMDP_ADDRESS = 0x81,
	IPA_EUICC_DATA_EUICC_PACKAGE_RESULT_LIST = 0xa2,
	IPA_EUICC_DATA_EUICC_INFO1 = 0xbf20,
	IPA_EUICC_DATA_EUICC_INFO2 = 0xbf22,
	IPA_EUICC_DATA_ROOT_SMDS_ADDRESS = 0x83,
	IPA_EUICC_DATA_ASSOCIATION_TOKEN = 0x84,
	IPA_EUICC_DATA_EUM_CERTIFICATE = 0xa5,
	IPA_EUICC_DATA_EUICC_CERTIFICATE = 0xa6,
	IPA_EUICC_DATA_EIM_TRANSACTION_ID = 0x87,
	IPA_EUICC_DATA_IPA_CAPABILITIES = 0xa8,
	IPA_EUICC_DATA_DEVICE_INFO = 0xa9,
};

typedef struct SearchCriteriaNotification { /* CHOICE */
	Num seq_number;
	Num profile_management_operation; /* bits NOTIFICATION_… */
} SearchCriteriaNotification;

typedef struct SearchCriteriaEuiccPackageResult { /* CHOICE of one */
	Num seq_number;
} SearchCriteriaEuiccPackageResult;

typedef struct IpaEuiccDataRequest { /* BF52 */
	Span tag_list; /* tags, one after the other */
	Span euicc_ci_pk_identifier_to_be_used; /* may be truncated; optional */
	const SearchCriteriaNotification *search_criteria_notification; /* optional */
	/* optional */
	const SearchCriteriaEuiccPackageResult *search_criteria_euicc_package_result;
	Span eim_transaction_id; /* optional */
} IpaEuiccDataRequest;

typedef struct IpaEuiccData {
	List notifications_list; /* of PendingNotification */
	Span default_smdp_address;
	List euicc_package_result_list; /* of EuiccPackageResult */
	const EuiccInfo1 *euicc_info1;
	const EuiccInfo2 *euicc_info2;
	Span root_smds_address;
	Num association_token;
	Span eum_certificate; /* A5; see certificate_retag() */
	Span euicc_certificate; /* A6 */
	Span eim_transaction_id;
	const IpaCapabilities *ipa_capabilities;
	const DeviceInfo *device_info;
} IpaEuiccData;

enum { /* IpaEuiccDataErrorCode */
	IPA_EUICC_DATA_ERROR_INCORRECT_TAG_LIST = 1,
	IPA_EUICC_DATA_ERROR_EUICC_CI_PK_ID_NOT_FOUND = 5,
	IPA_EUICC_DATA_ERROR_ECALL_ACTIVE = 104,
	IPA_EUICC_DATA_ERROR_UNDEFINED_ERROR = 127,
};

typedef struct IpaEuiccDataResponseError {
	Span eim_transaction_id; /* optional */
	Num ipa_euicc_data_error_code;
} IpaEuiccDataResponseError;

typedef struct IpaEuiccDataResponse { /* BF52, CHOICE */
	const IpaEuiccData *ipa_euicc_data;
	const IpaEuiccDataResponseError *ipa_euicc_data_response_error;
} IpaEuiccDataResponse;

extern const MsgType IPA_EUICC_DATA_REQUEST, IPA_EUICC_DATA_RESPONSE;

/* ---- ProfileDownloadTriggerRequest ---- */

typedef struct ContactSmds {
	Span smds_address; /* optional: the root SM-DS */
} ContactSmds;

typedef struct ProfileDownloadData { /* CHOICE */
	Span activation_code; /* with or without LPA: */
	Num contact_default_smdp; /* NULL */
	const ContactSmds *contact_smds;
} ProfileDownloadData;

typedef struct ProfileDownloadTriggerRequest { /* BF54 */
	const ProfileDownloadData *profile_download_data; /* optional: the eIM has it */
	Span eim_transaction_id; /* optional */
} ProfileDownloadTriggerRequest;

enum { /* profileDownloadErrorReason */
	PROFILE_DOWNLOAD_ERROR_ECALL_ACTIVE = 104,
	PROFILE_DOWNLOAD_ERROR_UNDEFINED_ERROR = 127,
};

typedef struct ProfileDownloadError {
	Num profile_download_error_reason;
	Span error_response; /* optional: the answer that failed */
} ProfileDownloadError;

typedef struct ProfileDownloadTriggerResultData { /* CHOICE */
	const ProfileInstallationResult *profile_installation_result;
	const ProfileDownloadError *profile_download_error;
} ProfileDownloadTriggerResultData;

typedef struct ProfileDownloadTriggerResult { /* BF54 */
	Span eim_transaction_id; /* optional */
	const ProfileDownloadTriggerResultData *profile_download_trigger_result_data;
} ProfileDownloadTriggerResult;

extern const MsgType PROFILE_DOWNLOAD_TRIGGER_REQUEST, PROFILE_DOWNLOAD_TRIGGER_RESULT;

/* ---- EimAcknowledgements ---- */

typedef struct EimAcknowledgements { /* BF53 */
	List sequence_numbers; /* of Num: eUICC Package Results and notifications */
} EimAcknowledgements;

extern const MsgType EIM_ACKNOWLEDGEMENTS;

/* ---- GetEimPackage ---- */

enum { /* StateChangeCause */
	STATE_CHANGE_OTHER_EIM = 0,
	STATE_CHANGE_FALLBACK = 1,
	STATE_CHANGE_EMERGENCY_PROFILE = 2,
	STATE_CHANGE_LOCAL = 3,
	STATE_CHANGE_RESET = 4,
	STATE_CHANGE_IMMEDIATE_ENABLE_PROFILE = 5,
	STATE_CHANGE_DEVICE_CHANGE = 6,
	STATE_CHANGE_UNDEFINED = 127,
};

typedef struct GetEimPackageRequest { /* BF4F */
	Span eid_value;
	Num notify_state_change; /* NULL; optional */
	Num state_change_cause; /* optional */
	Span r_plmn; /* 3 octets, TS 24.008; optional */
} GetEimPackageRequest;

enum { /* eimPackageError of GetEimPackage */
	EIM_PACKAGE_ERROR_NO_EIM_PACKAGE_AVAILABLE = 1,
	EIM_PACKAGE_ERROR_EID_NOT_FOUND = 2,
	EIM_PACKAGE_ERROR_INVALID_EID = 3,
	EIM_PACKAGE_ERROR_MISSING_EID = 4,
	EIM_PACKAGE_ERROR_UNDEFINED_ERROR = 127,
};

typedef struct GetEimPackageResponse { /* BF4F, CHOICE */
	const EuiccPackageRequest *euicc_package_request;
	const IpaEuiccDataRequest *ipa_euicc_data_request;
	const ProfileDownloadTriggerRequest *profile_download_trigger_request;
	Num eim_package_error;
} GetEimPackageResponse;

extern const MsgType GET_EIM_PACKAGE_REQUEST, GET_EIM_PACKAGE_RESPONSE;

/* ---- ProvideEimPackageResult ---- */

typedef struct EprAndNotifications { /* 30 */
	const EuiccPackageResult *euicc_package_result;
	List notification_list; /* of PendingNotification */
} EprAndNotifications;

enum { /* EimPackageResultErrorCode, and eimPackageError of TransferEimPackage */
	EIM_PACKAGE_RESULT_ERROR_INVALID_PACKAGE_FORMAT = 1,
	EIM_PACKAGE_RESULT_ERROR_UNKNOWN_PACKAGE = 2,
	EIM_PACKAGE_RESULT_ERROR_UNDEFINED_ERROR = 127,
};

typedef struct EimPackageResultResponseError {
	Span eim_transaction_id; /* optional */
	Num eim_package_result_error_code;
} EimPackageResultResponseError;

typedef struct EimPackageResult { /* CHOICE */
	const EuiccPackageResult *euicc_package_result;
	const EprAndNotifications *epr_and_notifications;
	const IpaEuiccDataResponse *ipa_euicc_data_response;
	const ProfileDownloadTriggerResult *profile_download_trigger_result;
	const EimPackageResultResponseError *eim_package_result_response_error;
} EimPackageResult;

typedef struct ProvideEimPackageResult { /* BF50 */
	Span eid_value; /* optional for old IPAs; always send it */
	const EimPackageResult *eim_package_result;
} ProvideEimPackageResult;

enum { /* provideEimPackageResultError */
	PROVIDE_EIM_PACKAGE_RESULT_ERROR_EID_NOT_FOUND = 2,
	PROVIDE_EIM_PACKAGE_RESULT_ERROR_INVALID_EID = 3,
	PROVIDE_EIM_PACKAGE_RESULT_ERROR_MISSING_EID = 4,
	PROVIDE_EIM_PACKAGE_RESULT_ERROR_UNDEFINED_ERROR = 127,
};

typedef struct ProvideEimPackageResultResponse { /* BF50, CHOICE */
	const EimAcknowledgements *eim_acknowledgements;
	Num empty_response;
	Num provide_eim_package_result_error;
} ProvideEimPackageResultResponse;

extern const MsgType EIM_PACKAGE_RESULT;
extern const MsgType PROVIDE_EIM_PACKAGE_RESULT, PROVIDE_EIM_PACKAGE_RESULT_RESPONSE;

/* ---- TransferEimPackage: the eIM asks, the IPA answers ---- */

typedef struct TransferEimPackageRequest { /* BF4E, CHOICE */
	const EuiccPackageRequest *euicc_package_request;
	const IpaEuiccDataRequest *ipa_euicc_data_request;
	const EimAcknowledgements *eim_acknowledgements;
	const ProfileDownloadTriggerRequest *profile_download_trigger_request;
} TransferEimPackageRequest;

typedef struct TransferEimPackageResponse { /* BF4E, CHOICE */
	const EuiccPackageResult *euicc_package_result;
	const EprAndNotifications *epr_and_notifications;
	const IpaEuiccDataResponse *ipa_euicc_data_response;
	Num eim_package_received; /* NULL */
	Num eim_package_error; /* EIM_PACKAGE_RESULT_ERROR_… */
} TransferEimPackageResponse;

extern const MsgType TRANSFER_EIM_PACKAGE_REQUEST, TRANSFER_EIM_PACKAGE_RESPONSE;

/* ---- HandleNotification: no answer ---- */

typedef struct HandleNotificationEsipa { /* BF3D, CHOICE */
	const PendingNotification *pending_notification; /* may be compact */
	const ProvideEimPackageResult *provide_eim_package_result;
} HandleNotificationEsipa;

extern const MsgType HANDLE_NOTIFICATION_ESIPA;

/* ---- InitiateAuthentication ---- */

typedef struct InitiateAuthenticationRequestEsipa { /* BF39 */
	Span euicc_challenge;
	Span smdp_address; /* optional: the eIM has it */
	const EuiccInfo1 *euicc_info1; /* optional */
	Span eim_transaction_id; /* optional */
} InitiateAuthenticationRequestEsipa;

enum { /* initiateAuthenticationErrorEsipa; the first three also on ES9+ */
	INITIATE_AUTHENTICATION_ERROR_INVALID_DP_ADDRESS = 1,
	INITIATE_AUTHENTICATION_ERROR_EUICC_VERSION_NOT_SUPPORTED_BY_DP = 2,
	INITIATE_AUTHENTICATION_ERROR_CI_PK_ID_NOT_SUPPORTED = 3,
	INITIATE_AUTHENTICATION_ERROR_SMDP_ADDRESS_MISMATCH = 50,
	INITIATE_AUTHENTICATION_ERROR_SMDP_OID_MISMATCH = 51,
	INITIATE_AUTHENTICATION_ERROR_INVALID_EIM_TRANSACTION_ID = 52,
	INITIATE_AUTHENTICATION_ERROR_UNDEFINED_ERROR = 127,
};

typedef struct InitiateAuthenticationOkEsipa {
	Span transaction_id; /* optional */
	const ServerSigned1 *server_signed1;
	Span server_signature1;
	Span euicc_ci_pk_identifier_to_be_used; /* may be truncated */
	Span server_certificate; /* 30 */
	Span matching_id; /* optional */
	const CtxParams1 *ctx_params1; /* optional */
} InitiateAuthenticationOkEsipa;

typedef struct InitiateAuthenticationResponseEsipa { /* BF39, CHOICE */
	const InitiateAuthenticationOkEsipa *initiate_authentication_ok_esipa;
	Num initiate_authentication_error_esipa;
} InitiateAuthenticationResponseEsipa;

extern const MsgType INITIATE_AUTHENTICATION_REQUEST_ESIPA, INITIATE_AUTHENTICATION_RESPONSE_ESIPA;

/* ---- AuthenticateClient ---- */

typedef struct AuthenticateClientRequestEsipa { /* BF3B */
	Span transaction_id;
	const AuthenticateServerResponse *authenticate_server_response; /* may be compact */
} AuthenticateClientRequestEsipa;

enum { /* authenticateClientErrorEsipa; up to 11 also on ES9+ */
	AUTHENTICATE_CLIENT_ERROR_EUM_CERTIFICATE_INVALID = 1,
	AUTHENTICATE_CLIENT_ERROR_EUM_CERTIFICATE_EXPIRED = 2,
	AUTHENTICATE_CLIENT_ERROR_EUICC_CERTIFICATE_INVALID = 3,
	AUTHENTICATE_CLIENT_ERROR_EUICC_CERTIFICATE_EXPIRED = 4,
	AUTHENTICATE_CLIENT_ERROR_EUICC_SIGNATURE_INVALID = 5,
	AUTHENTICATE_CLIENT_ERROR_MATCHING_ID_REFUSED = 6,
	AUTHENTICATE_CLIENT_ERROR_EID_MISMATCH = 7,
	AUTHENTICATE_CLIENT_ERROR_NO_ELIGIBLE_PROFILE = 8,
	AUTHENTICATE_CLIENT_ERROR_CI_PK_UNKNOWN = 9,
	AUTHENTICATE_CLIENT_ERROR_INVALID_TRANSACTION_ID = 10,
	AUTHENTICATE_CLIENT_ERROR_INSUFFICIENT_MEMORY = 11,
	AUTHENTICATE_CLIENT_ERROR_DOWNLOAD_ORDER_EXPIRED = 18, /* v1.3 */
	AUTHENTICATE_CLIENT_ERROR_PPR_NOT_ALLOWED = 50,
	AUTHENTICATE_CLIENT_ERROR_EVENT_ID_UNKNOWN = 56,
	AUTHENTICATE_CLIENT_ERROR_UNDEFINED_ERROR = 127,
};

typedef struct AuthenticateClientOkDpEsipa {
	Span transaction_id; /* optional */
	const StoreMetadataRequest *profile_meta_data; /* BF25; optional */
	const SmdpSigned2 *smdp_signed2;
	Span smdp_signature2;
	Span smdp_certificate; /* 30 */
	Span hash_cc; /* optional */
} AuthenticateClientOkDpEsipa;

typedef struct AuthenticateClientOkDsEsipa {
	Span transaction_id;
	const ProfileDownloadTriggerRequest *profile_download_trigger; /* optional */
} AuthenticateClientOkDsEsipa;

typedef struct AuthenticateClientResponseEsipa { /* BF3B, CHOICE */
	const AuthenticateClientOkDpEsipa *authenticate_client_ok_dp_esipa;
	const AuthenticateClientOkDsEsipa *authenticate_client_ok_ds_esipa;
	Num authenticate_client_error_esipa;
} AuthenticateClientResponseEsipa;

extern const MsgType AUTHENTICATE_CLIENT_REQUEST_ESIPA, AUTHENTICATE_CLIENT_RESPONSE_ESIPA;

/* ---- GetBoundProfilePackage ---- */

typedef struct GetBoundProfilePackageRequestEsipa { /* BF3A */
	Span transaction_id;
	const PrepareDownloadResponse *prepare_download_response; /* may be compact */
} GetBoundProfilePackageRequestEsipa;

enum { /* getBoundProfilePackageErrorEsipa; all but metadataMismatch also on ES9+ */
	GET_BOUND_PROFILE_PACKAGE_ERROR_EUICC_SIGNATURE_INVALID = 1,
	GET_BOUND_PROFILE_PACKAGE_ERROR_CONFIRMATION_CODE_MISSING = 2,
	GET_BOUND_PROFILE_PACKAGE_ERROR_CONFIRMATION_CODE_REFUSED = 3,
	GET_BOUND_PROFILE_PACKAGE_ERROR_CONFIRMATION_CODE_RETRIES_EXCEEDED = 4,
	GET_BOUND_PROFILE_PACKAGE_ERROR_BPP_REBINDING_REFUSED = 5,
	GET_BOUND_PROFILE_PACKAGE_ERROR_DOWNLOAD_ORDER_EXPIRED = 6,
	GET_BOUND_PROFILE_PACKAGE_ERROR_METADATA_MISMATCH = 50,
	GET_BOUND_PROFILE_PACKAGE_ERROR_INVALID_TRANSACTION_ID = 95,
	GET_BOUND_PROFILE_PACKAGE_ERROR_UNDEFINED_ERROR = 127,
};

typedef struct GetBoundProfilePackageOkEsipa {
	Span transaction_id; /* optional */
	const BoundProfilePackage *bound_profile_package;
} GetBoundProfilePackageOkEsipa;

typedef struct GetBoundProfilePackageResponseEsipa { /* BF3A, CHOICE */
	const GetBoundProfilePackageOkEsipa *get_bound_profile_package_ok_esipa;
	Num get_bound_profile_package_error_esipa;
} GetBoundProfilePackageResponseEsipa;

extern const MsgType GET_BOUND_PROFILE_PACKAGE_REQUEST_ESIPA;
extern const MsgType GET_BOUND_PROFILE_PACKAGE_RESPONSE_ESIPA;

/* ---- CancelSession ---- */

typedef struct CancelSessionRequestEsipa { /* BF41; the same on ES9+ */
	Span transaction_id;
	const CancelSessionResponse *cancel_session_response; /* may be compact */
} CancelSessionRequestEsipa;

enum { /* cancelSessionError */
	CANCEL_SESSION_ESIPA_ERROR_INVALID_TRANSACTION_ID = 1,
	CANCEL_SESSION_ESIPA_ERROR_EUICC_SIGNATURE_INVALID = 2,
	CANCEL_SESSION_ESIPA_ERROR_UNDEFINED_ERROR = 127,
};

typedef struct CancelSessionResponseEsipa { /* BF41, CHOICE; the same on ES9+ */
	Num cancel_session_ok;
	Num cancel_session_error;
} CancelSessionResponseEsipa;

extern const MsgType CANCEL_SESSION_REQUEST_ESIPA, CANCEL_SESSION_RESPONSE_ESIPA;

/* ---- Any message ---- */

typedef struct EsipaMessageFromIpaToEim { /* CHOICE */
	const InitiateAuthenticationRequestEsipa *initiate_authentication_request_esipa;
	const AuthenticateClientRequestEsipa *authenticate_client_request_esipa;
	const GetBoundProfilePackageRequestEsipa *get_bound_profile_package_request_esipa;
	const CancelSessionRequestEsipa *cancel_session_request_esipa;
	const HandleNotificationEsipa *handle_notification_esipa;
	const TransferEimPackageResponse *transfer_eim_package_response;
	const GetEimPackageRequest *get_eim_package_request;
	const ProvideEimPackageResult *provide_eim_package_result;
} EsipaMessageFromIpaToEim;

typedef struct EsipaMessageFromEimToIpa { /* CHOICE */
	const InitiateAuthenticationResponseEsipa *initiate_authentication_response_esipa;
	const AuthenticateClientResponseEsipa *authenticate_client_response_esipa;
	const GetBoundProfilePackageResponseEsipa *get_bound_profile_package_response_esipa;
	const CancelSessionResponseEsipa *cancel_session_response_esipa;
	const TransferEimPackageRequest *transfer_eim_package_request;
	const GetEimPackageResponse *get_eim_package_response;
	const ProvideEimPackageResultResponse *provide_eim_package_result_response;
} EsipaMessageFromEimToIpa;

extern const MsgType ESIPA_MESSAGE_FROM_IPA_TO_EIM, ESIPA_MESSAGE_FROM_EIM_TO_IPA;
