/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SGP.22: what a card tells of itself, and the common session of card and server
 * (AuthenticateServer, PrepareDownload, CancelSession), with the compact forms of SGP.32.
 *
 * Structs that begin with `Span raw` are kept as received: raw is the TLV itself, and it is written in
 * place of the members when it is set. Who changes a copy of such a struct clears raw first. A struct
 * of which only raw is set can be sent on.
 */
#pragma once

#include "asn1/msg.h"

#define TRANSACTION_ID_MAX 16
#define EIM_ID_MAX 128
#define EID_SIZE 16
#define ICCID_SIZE 10
#define CHALLENGE_SIZE 16

/* undefinedError of every function. */
#define RESULT_OK 0
#define RESULT_UNDEFINED_ERROR 127

/* The tag of each function of ES10, request and answer alike; SGP.22 5.7, SGP.32 5.9. */
enum {
	TAG_GET_EUICC_INFO1 = 0xbf20,
	TAG_PREPARE_DOWNLOAD = 0xbf21,
	TAG_GET_EUICC_INFO2 = 0xbf22,
	TAG_INITIALISE_SECURE_CHANNEL = 0xbf23,
	TAG_CONFIGURE_ISDP = 0xbf24,
	TAG_STORE_METADATA = 0xbf25,
	TAG_REPLACE_SESSION_KEYS = 0xbf26,
	TAG_PROFILE_INSTALLATION_RESULT_DATA = 0xbf27,
	TAG_LIST_NOTIFICATION = 0xbf28,
	TAG_SET_NICKNAME = 0xbf29,
	TAG_UPDATE_METADATA = 0xbf2a,
	TAG_RETRIEVE_NOTIFICATIONS_LIST = 0xbf2b,
	TAG_GET_PROFILES_INFO = 0xbf2d,
	TAG_GET_EUICC_CHALLENGE = 0xbf2e,
	TAG_NOTIFICATION_METADATA = 0xbf2f,
	TAG_NOTIFICATION_SENT = 0xbf30,
	TAG_ENABLE_PROFILE = 0xbf31,
	TAG_DISABLE_PROFILE = 0xbf32,
	TAG_DELETE_PROFILE = 0xbf33,
	TAG_EUICC_MEMORY_RESET_SGP22 = 0xbf34,
	TAG_BOUND_PROFILE_PACKAGE = 0xbf36,
	TAG_PROFILE_INSTALLATION_RESULT = 0xbf37,
	TAG_AUTHENTICATE_SERVER = 0xbf38,
	TAG_EUICC_CONFIGURED_ADDRESSES = 0xbf3c,
	TAG_GET_EUICC_DATA = 0xbf3e,
	TAG_SET_DEFAULT_DP_ADDRESS_SGP22 = 0xbf3f,
	TAG_CANCEL_SESSION = 0xbf41,
	TAG_IPAE_ACTIVATION = 0xbf42,
	TAG_GET_RAT = 0xbf43,
	TAG_EUICC_PACKAGE = 0xbf51,
	TAG_GET_EIM_CONFIGURATION_DATA = 0xbf55,
	TAG_GET_CERTS = 0xbf56,
	TAG_ADD_INITIAL_EIM = 0xbf57,
	TAG_PROFILE_ROLLBACK = 0xbf58,
	TAG_CONFIGURE_IMMEDIATE_PROFILE_ENABLING = 0xbf59,
	TAG_IMMEDIATE_ENABLE = 0xbf5a,
	TAG_ENABLE_EMERGENCY_PROFILE = 0xbf5b,
	TAG_DISABLE_EMERGENCY_PROFILE = 0xbf5c,
	TAG_EXECUTE_FALLBACK_MECHANISM = 0xbf5d,
	TAG_RETURN_FROM_FALLBACK = 0xbf5e,
	TAG_GET_CONNECTIVITY_PARAMETERS = 0xbf5f,
	TAG_EUICC_MEMORY_RESET = 0xbf64,
	TAG_SET_DEFAULT_DP_ADDRESS = 0xbf65,
};

/* ---- Certificates ---- */

/* An X.509 certificate or SubjectPublicKeyInfo that lost its 30 to an implicit tag (A0, A1, A5, A6) gets
 * it back; one that has it is copied. NULL if it is not one TLV. */
GBytes *certificate_restore(Span tlv);
/* And the other way: the same contents under an implicit tag, as the members with such tags want it. */
GBytes *certificate_retag(Span certificate, uint32_t tag);

/* ---- ISD-R, answer to SELECT (SGP.22 5.7.1) ---- */

enum {
	LPAE_USING_CAT = 1 << 0,
	LPAE_USING_SCWS = 1 << 1,
};

typedef struct IsdrProprietaryApplicationTemplate { /* E0 */
	Span svn; /* 3 octets: major, minor, revision */
	Num lpae_support; /* bits LPAE_USING_…; optional */
} IsdrProprietaryApplicationTemplate;

extern const MsgType ISDR_PROPRIETARY_APPLICATION_TEMPLATE;

/* ---- GetEUICCInfo1 and 2 (SGP.22 5.7.8) ---- */

enum { /* RspCapability */
	RSP_CAPABILITY_ADDITIONAL_PROFILE = 1 << 0,
	RSP_CAPABILITY_CRL_SUPPORT = 1 << 1,
	RSP_CAPABILITY_RPM_SUPPORT = 1 << 2,
	RSP_CAPABILITY_TEST_PROFILE_SUPPORT = 1 << 3,
	RSP_CAPABILITY_DEVICE_INFO_EXTENSIBILITY_SUPPORT = 1 << 4,
	RSP_CAPABILITY_SERVICE_SPECIFIC_DATA_SUPPORT = 1 << 5,
};

enum { /* UICCCapability, of the profile package specification */
	UICC_CAPABILITY_CONTACTLESS_SUPPORT = 1 << 0,
	UICC_CAPABILITY_USIM_SUPPORT = 1 << 1,
	UICC_CAPABILITY_ISIM_SUPPORT = 1 << 2,
	UICC_CAPABILITY_CSIM_SUPPORT = 1 << 3,
	UICC_CAPABILITY_AKA_MILENAGE = 1 << 4,
	UICC_CAPABILITY_AKA_CAVE = 1 << 5,
	UICC_CAPABILITY_AKA_TUAK128 = 1 << 6,
	UICC_CAPABILITY_AKA_TUAK256 = 1 << 7,
	UICC_CAPABILITY_USIM_TEST_ALGORITHM = 1 << 8,
	UICC_CAPABILITY_GBA_AUTHEN_USIM = 1 << 10,
	UICC_CAPABILITY_GBA_AUTHEN_ISIM = 1 << 11,
	UICC_CAPABILITY_MBMS_AUTHEN_USIM = 1 << 12,
	UICC_CAPABILITY_EAP_CLIENT = 1 << 13,
	UICC_CAPABILITY_JAVACARD = 1 << 14,
	UICC_CAPABILITY_MULTOS = 1 << 15,
	UICC_CAPABILITY_MULTIPLE_USIM_SUPPORT = 1 << 16,
	UICC_CAPABILITY_MULTIPLE_ISIM_SUPPORT = 1 << 17,
	UICC_CAPABILITY_MULTIPLE_CSIM_SUPPORT = 1 << 18,
	UICC_CAPABILITY_BER_TLV_FILE_SUPPORT = 1 << 19,
	UICC_CAPABILITY_DF_LINK_SUPPORT = 1 << 20,
	UICC_CAPABILITY_CAT_TP = 1 << 21,
	UICC_CAPABILITY_GET_IDENTITY = 1 << 22,
	UICC_CAPABILITY_PROFILE_A_X25519 = 1 << 23,
	UICC_CAPABILITY_PROFILE_B_P256 = 1 << 24,
	UICC_CAPABILITY_SUCI_CALCULATOR_API = 1 << 25,
	UICC_CAPABILITY_DNS_RESOLUTION = 1 << 26,
	UICC_CAPABILITY_SCP11AC = 1 << 27,
	UICC_CAPABILITY_SCP11C_AUTHORIZATION_MECHANISM = 1 << 28,
	UICC_CAPABILITY_S16_MODE = 1 << 29,
	UICC_CAPABILITY_EAKA = 1 << 30,
};

enum { /* euiccCategory */
	EUICC_CATEGORY_OTHER = 0,
	EUICC_CATEGORY_BASIC = 1,
	EUICC_CATEGORY_MEDIUM = 2,
	EUICC_CATEGORY_CONTACTLESS = 3,
};

enum { /* PprIds */
	PPR_UPDATE_CONTROL = 1 << 0,
	PPR_1 = 1 << 1, /* disabling is not allowed */
	PPR_2 = 1 << 2, /* deletion is not allowed */
};

enum { /* treProperties */
	TRE_IS_DISCRETE = 1 << 0,
	TRE_IS_INTEGRATED = 1 << 1,
	TRE_USES_REMOTE_MEMORY = 1 << 2,
};

enum { /* IpaMode */
	IPA_MODE_IPAD = 0,
	IPA_MODE_IPAE = 1,
};

typedef struct EuiccInfo1 { /* BF20 */
	Span raw;
	Span svn; /* 3 octets */
	List euicc_ci_pk_id_list_for_verification; /* of Span */
	List euicc_ci_pk_id_list_for_signing; /* of Span, best first */
} EuiccInfo1;

typedef struct CertificationDataObject {
	Span platform_label;
	Span discovery_base_url;
} CertificationDataObject;

typedef struct IotSpecificInfo {
	List iot_version; /* of Span, 3 octets each */
	Num ecall_supported; /* NULL */
	Num fallback_supported; /* NULL */
	Num fallback_allowed_update_supported; /* NULL; v1.3 */
} IotSpecificInfo;

typedef struct EuiccInfo2 { /* BF22 */
	Span raw;
	Span profile_version, svn, euicc_firmware_ver; /* 3 octets */
	Span ext_card_resource; /* TLVs 81 applications, 82 free NVM, 83 free RAM */
	Num uicc_capability; /* bits UICC_CAPABILITY_… */
	Span ts102241_version, globalplatform_version; /* optional */
	Num rsp_capability; /* bits RSP_CAPABILITY_… */
	List euicc_ci_pk_id_list_for_verification; /* of Span */
	List euicc_ci_pk_id_list_for_signing; /* of Span */
	Num euicc_category; /* optional */
	Num forbidden_profile_policy_rules; /* bits PPR_…; optional */
	Span pp_version;
	Span sas_accreditation_number;
	const CertificationDataObject *certification_data_object; /* optional */
	Num tre_properties; /* bits TRE_…; optional */
	Span tre_product_reference; /* optional */
	List additional_euicc_profile_package_versions; /* of Span; optional */
	Num ipa_mode; /* mandatory in SGP.32, absent in SGP.22 */
	List euicc_ci_pk_id_list_for_signing_v3; /* of Span; optional */
	Span additional_euicc_info, highest_svn; /* optional */
	const IotSpecificInfo *iot_specific_info; /* mandatory in SGP.32, absent in SGP.22 */
	Num euicc_minimum_security_level; /* v1.3 */
} EuiccInfo2;

extern const MsgType GET_EUICC_INFO1_REQUEST, GET_EUICC_INFO2_REQUEST; /* without members */
extern const MsgType EUICC_INFO1, EUICC_INFO2;

/* ---- GetEID, GetEuiccChallenge, addresses, RAT ---- */

typedef struct GetEuiccDataRequest { /* BF3E */
	Span tag_list; /* one octet, 5A */
} GetEuiccDataRequest;

typedef struct GetEuiccDataResponse {
	Span eid_value;
} GetEuiccDataResponse;

typedef struct GetEuiccChallengeResponse { /* BF2E */
	Span euicc_challenge;
} GetEuiccChallengeResponse;

typedef struct EuiccConfiguredAddressesResponse { /* BF3C */
	Span default_dp_address; /* optional */
	Span root_ds_address;
} EuiccConfiguredAddressesResponse;

typedef struct SetDefaultDpAddressRequest { /* BF65, or BF3F in SGP.22 */
	Span default_dp_address; /* empty: delete it */
} SetDefaultDpAddressRequest;

typedef struct SetDefaultDpAddressResponse {
	Num set_default_dp_address_result; /* RESULT_OK, RESULT_UNDEFINED_ERROR */
} SetDefaultDpAddressResponse;

typedef struct OperatorId {
	Span mcc_mnc; /* 3 octets, TS 24.008; nibble E is any digit in a RAT */
	Span gid1, gid2; /* optional */
} OperatorId;

enum { /* pprFlags */
	PPR_FLAG_CONSENT_REQUIRED = 1 << 0,
};

typedef struct ProfilePolicyAuthorisationRule {
	Num ppr_ids; /* bits PPR_… */
	List allowed_operators; /* of OperatorId */
	Num ppr_flags; /* bits PPR_FLAG_… */
} ProfilePolicyAuthorisationRule;

typedef struct GetRatResponse { /* BF43 */
	List rat; /* of ProfilePolicyAuthorisationRule */
} GetRatResponse;

extern const MsgType GET_EUICC_DATA_REQUEST, GET_EUICC_DATA_RESPONSE;
extern const MsgType GET_EUICC_CHALLENGE_REQUEST; /* without members */
extern const MsgType GET_EUICC_CHALLENGE_RESPONSE;
extern const MsgType EUICC_CONFIGURED_ADDRESSES_REQUEST; /* without members */
extern const MsgType EUICC_CONFIGURED_ADDRESSES_RESPONSE;
extern const MsgType SET_DEFAULT_DP_ADDRESS_REQUEST, SET_DEFAULT_DP_ADDRESS_RESPONSE; /* BF65 */
extern const MsgType SET_DEFAULT_DP_ADDRESS_REQUEST_SGP22; /* BF3F */
extern const MsgType SET_DEFAULT_DP_ADDRESS_RESPONSE_SGP22;
extern const MsgType OPERATOR_ID;
extern const MsgType GET_RAT_REQUEST; /* without members */
extern const MsgType GET_RAT_RESPONSE, PROFILE_POLICY_AUTHORISATION_RULE;

/* ---- AuthenticateServer (SGP.22 5.7.13) ---- */

typedef struct ServerSigned1 { /* 30; what serverSignature1 signs */
	Span raw;
	Span transaction_id;
	Span euicc_challenge; /* 16 octets */
	Span server_address;
	Span server_challenge; /* 16 octets */
} ServerSigned1;

typedef struct DeviceAdditionalFeatureSupport {
	Span nai_support;
} DeviceAdditionalFeatureSupport;

typedef struct DeviceCapabilities { /* versions of 3 octets, all optional */
	Span gsm_supported_release, utran_supported_release;
	Span cdma2000onex_supported_release, cdma2000hrpd_supported_release;
	Span cdma2000ehrpd_supported_release, eutran_epc_supported_release;
	Span contactless_supported_release, rsp_crl_supported_version;
	Span nr_epc_supported_release, nr5gc_supported_release, eutran5gc_supported_release;
	Span lpa_svn;
	Num cat_supported_classes; /* bits */
	Num euicc_form_factor_type;
	const DeviceAdditionalFeatureSupport *device_additional_feature_support;
} DeviceCapabilities;

typedef struct DeviceInfo {
	Span tac; /* 4 octets, nibble-swapped BCD: the first four of the IMEI */
	const DeviceCapabilities *device_capabilities;
	Span imei; /* 8 octets, nibble-swapped BCD with F; optional */
} DeviceInfo;

typedef struct CtxParamsForCommonAuthentication { /* A0 */
	Span raw;
	Span matching_id; /* optional; may be empty */
	const DeviceInfo *device_info;
} CtxParamsForCommonAuthentication;

typedef struct CtxParams1 { /* CHOICE of one */
	const CtxParamsForCommonAuthentication *ctx_params_for_common_authentication;
} CtxParams1;

typedef struct AuthenticateServerRequest { /* BF38 */
	const ServerSigned1 *server_signed1;
	Span server_signature1; /* r || s, 64 octets, as in all members of tag 5F37 */
	Span euicc_ci_pk_id_to_be_used; /* may be truncated, or empty: the first */
	Span server_certificate; /* 30 */
	const CtxParams1 *ctx_params1;
} AuthenticateServerRequest;

typedef struct EuiccSigned1 { /* 30; what euiccSignature1 signs */
	Span raw;
	Span transaction_id;
	Span server_address;
	Span server_challenge;
	const EuiccInfo2 *euicc_info2;
	const CtxParams1 *ctx_params1;
} EuiccSigned1;

typedef struct AuthenticateResponseOk {
	const EuiccSigned1 *euicc_signed1;
	Span euicc_signature1;
	Span euicc_certificate, eum_certificate; /* 30 */
} AuthenticateResponseOk;

enum { /* AuthenticateErrorCode */
	AUTHENTICATE_ERROR_INVALID_CERTIFICATE = 1,
	AUTHENTICATE_ERROR_INVALID_SIGNATURE = 2,
	AUTHENTICATE_ERROR_UNSUPPORTED_CURVE = 3,
	AUTHENTICATE_ERROR_NO_SESSION_CONTEXT = 4,
	AUTHENTICATE_ERROR_INVALID_OID = 5,
	AUTHENTICATE_ERROR_EUICC_CHALLENGE_MISMATCH = 6,
	AUTHENTICATE_ERROR_CI_PK_UNKNOWN = 7,
	AUTHENTICATE_ERROR_UNDEFINED_ERROR = 127,
};

typedef struct AuthenticateResponseError {
	Span transaction_id;
	Num authenticate_error_code;
} AuthenticateResponseError;

/* Made by the IPA, only for ESipa. */
typedef struct CompactEuiccSigned1 {
	Span ext_card_resource;
	const CtxParams1 *ctx_params1; /* optional: the eIM made it */
} CompactEuiccSigned1;

typedef struct CompactSignedData1 { /* CHOICE */
	const EuiccSigned1 *euicc_signed1;
	const CompactEuiccSigned1 *compact_euicc_signed1;
} CompactSignedData1;

typedef struct CompactAuthenticateResponseOk {
	const CompactSignedData1 *signed_data;
	Span euicc_signature1;
	Span euicc_certificate; /* A1; optional */
	Span eum_certificate; /* A2; optional */
} CompactAuthenticateResponseOk;

typedef struct AuthenticateServerResponse { /* BF38, CHOICE */
	Span raw;
	const AuthenticateResponseOk *authenticate_response_ok;
	const AuthenticateResponseError *authenticate_response_error;
	const CompactAuthenticateResponseOk *compact_authenticate_response_ok;
} AuthenticateServerResponse;

extern const MsgType SERVER_SIGNED1, CTX_PARAMS1, CTX_PARAMS_FOR_COMMON_AUTHENTICATION;
extern const MsgType DEVICE_INFO, DEVICE_CAPABILITIES;
extern const MsgType AUTHENTICATE_SERVER_REQUEST, AUTHENTICATE_SERVER_RESPONSE;
extern const MsgType EUICC_SIGNED1, AUTHENTICATE_RESPONSE_OK;

/* ---- PrepareDownload (SGP.22 5.7.5) ---- */

typedef struct SmdpSigned2 { /* 30; smdpSignature2 signs it and 5F37 euiccSignature1 */
	Span raw;
	Span transaction_id;
	Num cc_required_flag;
	Span bpp_euicc_otpk; /* optional */
} SmdpSigned2;

typedef struct PrepareDownloadRequest { /* BF21 */
	const SmdpSigned2 *smdp_signed2;
	Span smdp_signature2;
	Span hash_cc; /* 32 octets; optional */
	Span smdp_certificate; /* 30 */
} PrepareDownloadRequest;

typedef struct EuiccSigned2 { /* 30; euiccSignature2 signs it and 5F37 smdpSignature2 */
	Span raw;
	Span transaction_id;
	Span euicc_otpk;
	Span hash_cc; /* optional */
} EuiccSigned2;

typedef struct PrepareDownloadResponseOk {
	const EuiccSigned2 *euicc_signed2;
	Span euicc_signature2;
} PrepareDownloadResponseOk;

enum { /* DownloadErrorCode */
	DOWNLOAD_ERROR_INVALID_CERTIFICATE = 1,
	DOWNLOAD_ERROR_INVALID_SIGNATURE = 2,
	DOWNLOAD_ERROR_UNSUPPORTED_CURVE = 3,
	DOWNLOAD_ERROR_NO_SESSION_CONTEXT = 4,
	DOWNLOAD_ERROR_INVALID_TRANSACTION_ID = 5,
	DOWNLOAD_ERROR_UNDEFINED_ERROR = 127,
};

typedef struct PrepareDownloadResponseError {
	Span transaction_id;
	Num download_error_code;
} PrepareDownloadResponseError;

typedef struct CompactEuiccSigned2 {
	Span euicc_otpk; /* optional: bppEuiccOtpk was taken */
	Span hash_cc; /* optional: the eIM gave it */
} CompactEuiccSigned2;

typedef struct CompactPrepareDownloadResponseOk {
	const CompactEuiccSigned2 *compact_euicc_signed2;
	Span euicc_signature2;
} CompactPrepareDownloadResponseOk;

typedef struct PrepareDownloadResponse { /* BF21, CHOICE */
	Span raw;
	const PrepareDownloadResponseOk *download_response_ok;
	const PrepareDownloadResponseError *download_response_error;
	const CompactPrepareDownloadResponseOk *compact_download_response_ok;
} PrepareDownloadResponse;

extern const MsgType SMDP_SIGNED2, EUICC_SIGNED2;
extern const MsgType PREPARE_DOWNLOAD_REQUEST, PREPARE_DOWNLOAD_RESPONSE;

/* ---- CancelSession (SGP.22 5.7.14) ---- */

enum { /* CancelSessionReason */
	CANCEL_SESSION_END_USER_REJECTION = 0,
	CANCEL_SESSION_POSTPONED = 1,
	CANCEL_SESSION_TIMEOUT = 2,
	CANCEL_SESSION_PPR_NOT_ALLOWED = 3,
	CANCEL_SESSION_METADATA_MISMATCH = 4,
	CANCEL_SESSION_LOAD_BPP_EXECUTION_ERROR = 5,
	CANCEL_SESSION_UNDEFINED_REASON = 127,
};

enum { /* cancelSessionResponseError */
	CANCEL_SESSION_ERROR_INVALID_TRANSACTION_ID = 5,
	CANCEL_SESSION_ERROR_UNDEFINED_ERROR = 127,
};

typedef struct CancelSessionRequest { /* BF41 */
	Span transaction_id;
	Num reason;
} CancelSessionRequest;

typedef struct EuiccCancelSessionSigned { /* 30 */
	Span raw;
	Span transaction_id;
	Span smdp_oid;
	Num reason;
} EuiccCancelSessionSigned;

typedef struct CancelSessionResponseOk {
	const EuiccCancelSessionSigned *euicc_cancel_session_signed;
	Span euicc_cancel_session_signature;
} CancelSessionResponseOk;

typedef struct CompactEuiccCancelSessionSigned {
	Num reason; /* optional: the eIM knows it */
} CompactEuiccCancelSessionSigned;

typedef struct CompactCancelSessionResponseOk {
	const CompactEuiccCancelSessionSigned *compact_euicc_cancel_session_signed;
	Span euicc_cancel_session_signature;
} CompactCancelSessionResponseOk;

typedef struct CancelSessionResponse { /* BF41, CHOICE; A1 where it is a member */
	Span raw;
	const CancelSessionResponseOk *cancel_session_response_ok;
	Num cancel_session_response_error;
	const CompactCancelSessionResponseOk *compact_cancel_session_response_ok;
} CancelSessionResponse;

extern const MsgType CANCEL_SESSION_REQUEST, CANCEL_SESSION_RESPONSE;
extern const MsgType EUICC_CANCEL_SESSION_SIGNED;
