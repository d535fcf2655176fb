/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "asn1/rsp.h"

#include "asn1/table.h"

GBytes *certificate_restore(Span tlv)
{
	return certificate_retag(tlv, 0x30);
}

GBytes *certificate_retag(Span certificate, uint32_t tag)
{
	Tlv tlv;

	return der_single(certificate, &tlv, NULL) ? der_retag(tlv.whole, tag) : NULL;
}

/* ---- Elements of lists ---- */

static const MsgField version = { .tag = 0x04, .kind = MSG_OCTETS, .min = 3, .max = 3 };
static const MsgField key_id = { .tag = 0x04, .kind = MSG_OCTETS, .min = 1, .max = KEY_ID_MAX };
static const MsgField operator_id_item = { .kind = MSG_NESTED, .type = &OPERATOR_ID };
static const MsgField rule_item = {
	.kind = MSG_NESTED,
	.type = &PROFILE_POLICY_AUTHORISATION_RULE,
};

/* ---- What a card tells of itself ---- */

static const MsgField isdr_proprietary_application_template[] = {
	OCTETS(IsdrProprietaryApplicationTemplate, svn, "svn", 0x82, 3, 3),
	BITS(IsdrProprietaryApplicationTemplate, lpae_support, "lpaeSupport", 0x03, OPTIONAL),
};
const MsgType ISDR_PROPRIETARY_APPLICATION_TEMPLATE =
	SEQUENCE(IsdrProprietaryApplicationTemplate, 0xe0, isdr_proprietary_application_template);

const MsgType GET_EUICC_INFO1_REQUEST = SEQUENCE_EMPTY("GetEuiccInfo1Request", 0xbf20);
const MsgType GET_EUICC_INFO2_REQUEST = SEQUENCE_EMPTY("GetEuiccInfo2Request", 0xbf22);

static const MsgField euicc_info1[] = {
	OCTETS(EuiccInfo1, svn, "svn", 0x82, 3, 3),
	LIST(EuiccInfo1, euicc_ci_pk_id_list_for_verification, "euiccCiPKIdListForVerification",
		0xa9, key_id, AT_MOST(64)),
	LIST(EuiccInfo1, euicc_ci_pk_id_list_for_signing, "euiccCiPKIdListForSigning", 0xaa, key_id,
		AT_MOST(64)),
};
const MsgType EUICC_INFO1 = SEQUENCE_KEPT(EuiccInfo1, 0xbf20, euicc_info1);

static const MsgField certification_data_object[] = {
	NAME(CertificationDataObject, platform_label, "platformLabel", 0x80, 0, 512),
	NAME(CertificationDataObject, discovery_base_url, "discoveryBaseURL", 0x81, 0, 512),
};
static const MsgType CERTIFICATION_DATA_OBJECT =
	SEQUENCE(CertificationDataObject, 0x30, certification_data_object);

static const MsgField iot_specific_info[] = {
	LIST(IotSpecificInfo, iot_version, "iotVersion", 0xa0, version, AT_MOST(64)),
	EMPTY(IotSpecificInfo, ecall_supported, "ecallSupported", 0x81, OPTIONAL),
	EMPTY(IotSpecificInfo, fallback_supported, "fallbackSupported", 0x82, OPTIONAL),
	EMPTY(IotSpecificInfo, fallback_allowed_update_supported, "fallbackAllowedUpdateSupported",
		0x83, OPTIONAL),
};
static const MsgType IOT_SPECIFIC_INFO = SEQUENCE(IotSpecificInfo, 0x30, iot_specific_info);

static const MsgField euicc_info2[] = {
	OCTETS(EuiccInfo2, profile_version, "profileVersion", 0x81, 3, 3),
	OCTETS(EuiccInfo2, svn, "svn", 0x82, 3, 3),
	OCTETS(EuiccInfo2, euicc_firmware_ver, "euiccFirmwareVer", 0x83, 3, 3),
	OCTETS(EuiccInfo2, ext_card_resource, "extCardResource", 0x84, 0, 256),
	BITS(EuiccInfo2, uicc_capability, "uiccCapability", 0x85),
	OCTETS(EuiccInfo2, ts102241_version, "ts102241Version", 0x86, 3, 3, OPTIONAL),
	OCTETS(EuiccInfo2, globalplatform_version, "globalplatformVersion", 0x87, 3, 3, OPTIONAL),
	BITS(EuiccInfo2, rsp_capability, "rspCapability", 0x88),
	LIST(EuiccInfo2, euicc_ci_pk_id_list_for_verification, "euiccCiPKIdListForVerification",
		0xa9, key_id, AT_MOST(64)),
	LIST(EuiccInfo2, euicc_ci_pk_id_list_for_signing, "euiccCiPKIdListForSigning", 0xaa, key_id,
		AT_MOST(64)),
	INTEGER(EuiccInfo2, euicc_category, "euiccCategory", 0x8b, OPTIONAL),
	BITS(EuiccInfo2, forbidden_profile_policy_rules, "forbiddenProfilePolicyRules", 0x99,
		OPTIONAL),
	OCTETS(EuiccInfo2, pp_version, "ppVersion", 0x04, 3, 3),
	NAME(EuiccInfo2, sas_accreditation_number, "sasAcreditationNumber", 0x0c, 0, 64),
	NESTED(EuiccInfo2, certification_data_object, "certificationDataObject", 0xac,
		CERTIFICATION_DATA_OBJECT, OPTIONAL),
	BITS(EuiccInfo2, tre_properties, "treProperties", 0x8d, OPTIONAL),
	NAME(EuiccInfo2, tre_product_reference, "treProductReference", 0x8e, 0, 512, OPTIONAL),
	LIST(EuiccInfo2, additional_euicc_profile_package_versions,
		"additionalEuiccProfilePackageVersions", 0xaf, version, OPTIONAL, AT_MOST(64)),
	INTEGER(EuiccInfo2, ipa_mode, "ipaMode", 0x90, OPTIONAL),
	LIST(EuiccInfo2, euicc_ci_pk_id_list_for_signing_v3, "euiccCiPKIdListForSigningV3", 0xb1,
		key_id, OPTIONAL, AT_MOST(64)),
	OCTETS(EuiccInfo2, additional_euicc_info, "additionalEuiccInfo", 0x92, 0, 32, OPTIONAL),
	OCTETS(EuiccInfo2, highest_svn, "highestSvn", 0x93, 3, 3, OPTIONAL),
	NESTED(EuiccInfo2, iot_specific_info, "iotSpecificInfo", 0xb4, IOT_SPECIFIC_INFO, OPTIONAL),
	INTEGER(EuiccInfo2, euicc_minimum_security_level, "euiccMinimumSecurityLevel", 0x95,
		OPTIONAL),
};
const MsgType EUICC_INFO2 = SEQUENCE_KEPT(EuiccInfo2, 0xbf22, euicc_info2);

static const MsgField get_euicc_data_request[] = {
	OCTETS(GetEuiccDataRequest, tag_list, "tagList", 0x5c, 1, 1),
};
const MsgType GET_EUICC_DATA_REQUEST =
	SEQUENCE(GetEuiccDataRequest, 0xbf3e, get_euicc_data_request);

static const MsgField get_euicc_data_response[] = {
	OCTETS(GetEuiccDataResponse, eid_value, "eidValue", 0x5a, EID_SIZE, EID_SIZE),
};
const MsgType GET_EUICC_DATA_RESPONSE =
	SEQUENCE(GetEuiccDataResponse, 0xbf3e, get_euicc_data_response);

const MsgType GET_EUICC_CHALLENGE_REQUEST = SEQUENCE_EMPTY("GetEuiccChallengeRequest", 0xbf2e);

static const MsgField get_euicc_challenge_response[] = {
	OCTETS(GetEuiccChallengeResponse, euicc_challenge, "euiccChallenge", 0x80, CHALLENGE_SIZE,
		CHALLENGE_SIZE),
};
const MsgType GET_EUICC_CHALLENGE_RESPONSE =
	SEQUENCE(GetEuiccChallengeResponse, 0xbf2e, get_euicc_challenge_response);

const MsgType EUICC_CONFIGURED_ADDRESSES_REQUEST =
	SEQUENCE_EMPTY("EuiccConfiguredAddressesRequest", 0xbf3c);

static const MsgField euicc_configured_addresses_response[] = {
	TEXT(EuiccConfiguredAddressesResponse, default_dp_address, "defaultDpAddress", 0x80, 0,
		ADDRESS_MAX, OPTIONAL),
	TEXT(EuiccConfiguredAddressesResponse, root_ds_address, "rootDsAddress", 0x81, 0,
		ADDRESS_MAX),
};
const MsgType EUICC_CONFIGURED_ADDRESSES_RESPONSE =
	SEQUENCE(EuiccConfiguredAddressesResponse, 0xbf3c, euicc_configured_addresses_response);

static const MsgField set_default_dp_address_request[] = {
	TEXT(SetDefaultDpAddressRequest, default_dp_address, "defaultDpAddress", 0x80, 0,
		ADDRESS_MAX),
};
const MsgType SET_DEFAULT_DP_ADDRESS_REQUEST =
	SEQUENCE(SetDefaultDpAddressRequest, 0xbf65, set_default_dp_address_request);
const MsgType SET_DEFAULT_DP_ADDRESS_REQUEST_SGP22 =
	SEQUENCE(SetDefaultDpAddressRequest, 0xbf3f, set_default_dp_address_request);

static const MsgField set_default_dp_address_response[] = {
	INTEGER(SetDefaultDpAddressResponse, set_default_dp_address_result,
		"setDefaultDpAddressResult", 0x80),
};
const MsgType SET_DEFAULT_DP_ADDRESS_RESPONSE =
	SEQUENCE(SetDefaultDpAddressResponse, 0xbf65, set_default_dp_address_response);
const MsgType SET_DEFAULT_DP_ADDRESS_RESPONSE_SGP22 =
	SEQUENCE(SetDefaultDpAddressResponse, 0xbf3f, set_default_dp_address_response);

static const MsgField operator_id[] = {
	OCTETS(OperatorId, mcc_mnc, "mccMnc", 0x80, 3, 3),
	OCTETS(OperatorId, gid1, "gid1", 0x81, 0, 256, OPTIONAL),
	OCTETS(OperatorId, gid2, "gid2", 0x82, 0, 256, OPTIONAL),
};
const MsgType OPERATOR_ID = SEQUENCE(OperatorId, 0x30, operator_id);

static const MsgField profile_policy_authorisation_rule[] = {
	BITS(ProfilePolicyAuthorisationRule, ppr_ids, "pprIds", 0x80),
	LIST(ProfilePolicyAuthorisationRule, allowed_operators, "allowedOperators", 0xa1,
		operator_id_item),
	BITS(ProfilePolicyAuthorisationRule, ppr_flags, "pprFlags", 0x82),
};
const MsgType PROFILE_POLICY_AUTHORISATION_RULE =
	SEQUENCE(ProfilePolicyAuthorisationRule, 0x30, profile_policy_authorisation_rule);

const MsgType GET_RAT_REQUEST = SEQUENCE_EMPTY("GetRatRequest", 0xbf43);

static const MsgField get_rat_response[] = {
	LIST(GetRatResponse, rat, "rat", 0xa0, rule_item),
};
const MsgType GET_RAT_RESPONSE = SEQUENCE(GetRatResponse, 0xbf43, get_rat_response);

/* ---- AuthenticateServer ---- */

#define TRANSACTION_ID(Struct, ...)                                                                \
	OCTETS(Struct, transaction_id, "transactionId", 0x80, 1, TRANSACTION_ID_MAX, __VA_ARGS__)
#define SIGNATURE(Struct, member, word) OCTETS(Struct, member, word, 0x5f37, 1, SIGNATURE_MAX)

static const MsgField server_signed1[] = {
	TRANSACTION_ID(ServerSigned1),
	OCTETS(ServerSigned1, euicc_challenge, "euiccChallenge", 0x81, CHALLENGE_SIZE,
		CHALLENGE_SIZE),
	TEXT(ServerSigned1, server_address, "serverAddress", 0x83, 0, ADDRESS_MAX),
	OCTETS(ServerSigned1, server_challenge, "serverChallenge", 0x84, CHALLENGE_SIZE,
		CHALLENGE_SIZE),
};
const MsgType SERVER_SIGNED1 = SEQUENCE_KEPT(ServerSigned1, 0x30, server_signed1);

static const MsgField device_additional_feature_support[] = {
	OCTETS(DeviceAdditionalFeatureSupport, nai_support, "naiSupport", 0x80, 3, 3, OPTIONAL),
};
static const MsgType DEVICE_ADDITIONAL_FEATURE_SUPPORT =
	SEQUENCE(DeviceAdditionalFeatureSupport, 0x30, device_additional_feature_support);

#define RELEASE(member, word, tag_) OCTETS(DeviceCapabilities, member, word, tag_, 3, 3, OPTIONAL)
static const MsgField device_capabilities[] = {
	RELEASE(gsm_supported_release, "gsmSupportedRelease", 0x80),
	RELEASE(utran_supported_release, "utranSupportedRelease", 0x81),
	RELEASE(cdma2000onex_supported_release, "cdma2000onexSupportedRelease", 0x82),
	RELEASE(cdma2000hrpd_supported_release, "cdma2000hrpdSupportedRelease", 0x83),
	RELEASE(cdma2000ehrpd_supported_release, "cdma2000ehrpdSupportedRelease", 0x84),
	RELEASE(eutran_epc_supported_release, "eutranEpcSupportedRelease", 0x85),
	RELEASE(contactless_supported_release, "contactlessSupportedRelease", 0x86),
	RELEASE(rsp_crl_supported_version, "rspCrlSupportedVersion", 0x87),
	RELEASE(nr_epc_supported_release, "nrEpcSupportedRelease", 0x88),
	RELEASE(nr5gc_supported_release, "nr5gcSupportedRelease", 0x89),
	RELEASE(eutran5gc_supported_release, "eutran5gcSupportedRelease", 0x8a),
	RELEASE(lpa_svn, "lpaSvn", 0x8b),
	BITS(DeviceCapabilities, cat_supported_classes, "catSupportedClasses", 0x8c, OPTIONAL),
	INTEGER(DeviceCapabilities, euicc_form_factor_type, "euiccFormFactorType", 0x8d, OPTIONAL),
	NESTED(DeviceCapabilities, device_additional_feature_support,
		"deviceAdditionalFeatureSupport", 0xae, DEVICE_ADDITIONAL_FEATURE_SUPPORT,
		OPTIONAL),
};
const MsgType DEVICE_CAPABILITIES = SEQUENCE(DeviceCapabilities, 0x30, device_capabilities);

static const MsgField device_info[] = {
	OCTETS(DeviceInfo, tac, "tac", 0x80, 4, 4),
	NESTED(DeviceInfo, device_capabilities, "deviceCapabilities", 0xa1, DEVICE_CAPABILITIES),
	OCTETS(DeviceInfo, imei, "imei", 0x82, 8, 8, OPTIONAL),
};
const MsgType DEVICE_INFO = SEQUENCE(DeviceInfo, 0x30, device_info);

static const MsgField ctx_params_for_common_authentication[] = {
	TEXT(CtxParamsForCommonAuthentication, matching_id, "matchingId", 0x80, 0, 255, OPTIONAL),
	NESTED(CtxParamsForCommonAuthentication, device_info, "deviceInfo", 0xa1, DEVICE_INFO),
};
const MsgType CTX_PARAMS_FOR_COMMON_AUTHENTICATION =
	SEQUENCE_KEPT(CtxParamsForCommonAuthentication, 0xa0, ctx_params_for_common_authentication);

static const MsgField ctx_params1[] = {
	NESTED(CtxParams1, ctx_params_for_common_authentication, "ctxParamsForCommonAuthentication",
		0xa0, CTX_PARAMS_FOR_COMMON_AUTHENTICATION),
};
const MsgType CTX_PARAMS1 = CHOICE(CtxParams1, 0, ctx_params1);

static const MsgField authenticate_server_request[] = {
	NESTED(AuthenticateServerRequest, server_signed1, "serverSigned1", 0, SERVER_SIGNED1),
	SIGNATURE(AuthenticateServerRequest, server_signature1, "serverSignature1"),
	OCTETS(AuthenticateServerRequest, euicc_ci_pk_id_to_be_used, "euiccCiPKIdToBeUsed", 0x04, 0,
		KEY_ID_MAX),
	RAW(AuthenticateServerRequest, server_certificate, "serverCertificate", 0x30,
		CERTIFICATE_MAX),
	NESTED(AuthenticateServerRequest, ctx_params1, "ctxParams1", 0, CTX_PARAMS1),
};
const MsgType AUTHENTICATE_SERVER_REQUEST =
	SEQUENCE(AuthenticateServerRequest, 0xbf38, authenticate_server_request);

static const MsgField euicc_signed1[] = {
	TRANSACTION_ID(EuiccSigned1),
	TEXT(EuiccSigned1, server_address, "serverAddress", 0x83, 0, ADDRESS_MAX),
	OCTETS(EuiccSigned1, server_challenge, "serverChallenge", 0x84, CHALLENGE_SIZE,
		CHALLENGE_SIZE),
	NESTED(EuiccSigned1, euicc_info2, "euiccInfo2", 0, EUICC_INFO2),
	NESTED(EuiccSigned1, ctx_params1, "ctxParams1", 0, CTX_PARAMS1),
};
const MsgType EUICC_SIGNED1 = SEQUENCE_KEPT(EuiccSigned1, 0x30, euicc_signed1);

static const MsgField authenticate_response_ok[] = {
	NESTED(AuthenticateResponseOk, euicc_signed1, "euiccSigned1", 0, EUICC_SIGNED1),
	SIGNATURE(AuthenticateResponseOk, euicc_signature1, "euiccSignature1"),
	RAW(AuthenticateResponseOk, euicc_certificate, "euiccCertificate", 0x30, CERTIFICATE_MAX),
	RAW(AuthenticateResponseOk, eum_certificate, "eumCertificate", 0x30, CERTIFICATE_MAX),
};
const MsgType AUTHENTICATE_RESPONSE_OK =
	SEQUENCE(AuthenticateResponseOk, 0x30, authenticate_response_ok);

static const MsgField authenticate_response_error[] = {
	TRANSACTION_ID(AuthenticateResponseError),
	INTEGER(AuthenticateResponseError, authenticate_error_code, "authenticateErrorCode", 0x02),
};
static const MsgType AUTHENTICATE_RESPONSE_ERROR =
	SEQUENCE(AuthenticateResponseError, 0x30, authenticate_response_error);

static const MsgField compact_euicc_signed1[] = {
	OCTETS(CompactEuiccSigned1, ext_card_resource, "extCardResource", 0x84, 0, 256),
	NESTED(CompactEuiccSigned1, ctx_params1, "ctxParams1", 0xa2, CTX_PARAMS1, OPTIONAL),
};
static const MsgType COMPACT_EUICC_SIGNED1 =
	SEQUENCE(CompactEuiccSigned1, 0x30, compact_euicc_signed1);

static const MsgField compact_signed_data1[] = {
	NESTED(CompactSignedData1, euicc_signed1, "euiccSigned1", 0, EUICC_SIGNED1),
	NESTED(CompactSignedData1, compact_euicc_signed1, "compactEuiccSigned1", 0xa0,
		COMPACT_EUICC_SIGNED1),
};
static const MsgType COMPACT_SIGNED_DATA1 = CHOICE(CompactSignedData1, 0, compact_signed_data1);

static const MsgField compact_authenticate_response_ok[] = {
	NESTED(CompactAuthenticateResponseOk, signed_data, "signedData", 0, COMPACT_SIGNED_DATA1),
	SIGNATURE(CompactAuthenticateResponseOk, euicc_signature1, "euiccSignature1"),
	RAW(CompactAuthenticateResponseOk, euicc_certificate, "euiccCertificate", 0xa1,
		CERTIFICATE_MAX, OPTIONAL),
	RAW(CompactAuthenticateResponseOk, eum_certificate, "eumCertificate", 0xa2, CERTIFICATE_MAX,
		OPTIONAL),
};
static const MsgType COMPACT_AUTHENTICATE_RESPONSE_OK =
	SEQUENCE(CompactAuthenticateResponseOk, 0x30, compact_authenticate_response_ok);

static const MsgField authenticate_server_response[] = {
	NESTED(AuthenticateServerResponse, authenticate_response_ok, "authenticateResponseOk", 0xa0,
		AUTHENTICATE_RESPONSE_OK),
	NESTED(AuthenticateServerResponse, authenticate_response_error, "authenticateResponseError",
		0xa1, AUTHENTICATE_RESPONSE_ERROR),
	NESTED(AuthenticateServerResponse, compact_authenticate_response_ok,
		"compactAuthenticateResponseOk", 0xa2, COMPACT_AUTHENTICATE_RESPONSE_OK),
};
const MsgType AUTHENTICATE_SERVER_RESPONSE =
	CHOICE_KEPT(AuthenticateServerResponse, 0xbf38, authenticate_server_response);

/* ---- PrepareDownload ---- */

static const MsgField smdp_signed2[] = {
	TRANSACTION_ID(SmdpSigned2),
	BOOLEAN(SmdpSigned2, cc_required_flag, "ccRequiredFlag", 0x01),
	OCTETS(SmdpSigned2, bpp_euicc_otpk, "bppEuiccOtpk", 0x5f49, 0, 256, OPTIONAL),
};
const MsgType SMDP_SIGNED2 = SEQUENCE_KEPT(SmdpSigned2, 0x30, smdp_signed2);

static const MsgField prepare_download_request[] = {
	NESTED(PrepareDownloadRequest, smdp_signed2, "smdpSigned2", 0, SMDP_SIGNED2),
	SIGNATURE(PrepareDownloadRequest, smdp_signature2, "smdpSignature2"),
	OCTETS(PrepareDownloadRequest, hash_cc, "hashCc", 0x04, 32, 32, OPTIONAL),
	RAW(PrepareDownloadRequest, smdp_certificate, "smdpCertificate", 0x30, CERTIFICATE_MAX),
};
const MsgType PREPARE_DOWNLOAD_REQUEST =
	SEQUENCE(PrepareDownloadRequest, 0xbf21, prepare_download_request);

static const MsgField euicc_signed2[] = {
	TRANSACTION_ID(EuiccSigned2),
	OCTETS(EuiccSigned2, euicc_otpk, "euiccOtpk", 0x5f49, 0, 256),
	OCTETS(EuiccSigned2, hash_cc, "hashCc", 0x04, 32, 32, OPTIONAL),
};
const MsgType EUICC_SIGNED2 = SEQUENCE_KEPT(EuiccSigned2, 0x30, euicc_signed2);

static const MsgField prepare_download_response_ok[] = {
	NESTED(PrepareDownloadResponseOk, euicc_signed2, "euiccSigned2", 0, EUICC_SIGNED2),
	SIGNATURE(PrepareDownloadResponseOk, euicc_signature2, "euiccSignature2"),
};
static const MsgType PREPARE_DOWNLOAD_RESPONSE_OK =
	SEQUENCE(PrepareDownloadResponseOk, 0x30, prepare_download_response_ok);

static const MsgField prepare_download_response_error[] = {
	TRANSACTION_ID(PrepareDownloadResponseError),
	INTEGER(PrepareDownloadResponseError, download_error_code, "downloadErrorCode", 0x02),
};
static const MsgType PREPARE_DOWNLOAD_RESPONSE_ERROR =
	SEQUENCE(PrepareDownloadResponseError, 0x30, prepare_download_response_error);

static const MsgField compact_euicc_signed2[] = {
	OCTETS(CompactEuiccSigned2, euicc_otpk, "euiccOtpk", 0x5f49, 0, 256, OPTIONAL),
	OCTETS(CompactEuiccSigned2, hash_cc, "hashCc", 0x04, 32, 32, OPTIONAL),
};
static const MsgType COMPACT_EUICC_SIGNED2 =
	SEQUENCE(CompactEuiccSigned2, 0x30, compact_euicc_signed2);

static const MsgField compact_prepare_download_response_ok[] = {
	NESTED(CompactPrepareDownloadResponseOk, compact_euicc_signed2, "compactEuiccSigned2", 0,
		COMPACT_EUICC_SIGNED2),
	SIGNATURE(CompactPrepareDownloadResponseOk, euicc_signature2, "euiccSignature2"),
};
static const MsgType COMPACT_PREPARE_DOWNLOAD_RESPONSE_OK =
	SEQUENCE(CompactPrepareDownloadResponseOk, 0x30, compact_prepare_download_response_ok);

static const MsgField prepare_download_response[] = {
	NESTED(PrepareDownloadResponse, download_response_ok, "downloadResponseOk", 0xa0,
		PREPARE_DOWNLOAD_RESPONSE_OK),
	NESTED(PrepareDownloadResponse, download_response_error, "downloadResponseError", 0xa1,
		PREPARE_DOWNLOAD_RESPONSE_ERROR),
	NESTED(PrepareDownloadResponse, compact_download_response_ok, "compactDownloadResponseOk",
		0xa2, COMPACT_PREPARE_DOWNLOAD_RESPONSE_OK),
};
const MsgType PREPARE_DOWNLOAD_RESPONSE =
	CHOICE_KEPT(PrepareDownloadResponse, 0xbf21, prepare_download_response);

/* ---- CancelSession ---- */

static const MsgField cancel_session_request[] = {
	TRANSACTION_ID(CancelSessionRequest),
	INTEGER(CancelSessionRequest, reason, "reason", 0x81),
};
const MsgType CANCEL_SESSION_REQUEST =
	SEQUENCE(CancelSessionRequest, 0xbf41, cancel_session_request);

static const MsgField euicc_cancel_session_signed[] = {
	TRANSACTION_ID(EuiccCancelSessionSigned),
	OID(EuiccCancelSessionSigned, smdp_oid, "smdpOid", 0x81),
	INTEGER(EuiccCancelSessionSigned, reason, "reason", 0x82),
};
const MsgType EUICC_CANCEL_SESSION_SIGNED =
	SEQUENCE_KEPT(EuiccCancelSessionSigned, 0x30, euicc_cancel_session_signed);

static const MsgField cancel_session_response_ok[] = {
	NESTED(CancelSessionResponseOk, euicc_cancel_session_signed, "euiccCancelSessionSigned", 0,
		EUICC_CANCEL_SESSION_SIGNED),
	SIGNATURE(CancelSessionResponseOk, euicc_cancel_session_signature,
		"euiccCancelSessionSignature"),
};
static const MsgType CANCEL_SESSION_RESPONSE_OK =
	SEQUENCE(CancelSessionResponseOk, 0x30, cancel_session_response_ok);

static const MsgField compact_euicc_cancel_session_signed[] = {
	INTEGER(CompactEuiccCancelSessionSigned, reason, "reason", 0x80, OPTIONAL),
};
static const MsgType COMPACT_EUICC_CANCEL_SESSION_SIGNED =
	SEQUENCE(CompactEuiccCancelSessionSigned, 0x30, compact_euicc_cancel_session_signed);

static const MsgField compact_cancel_session_response_ok[] = {
	NESTED(CompactCancelSessionResponseOk, compact_euicc_cancel_session_signed,
		"compactEuiccCancelSessionSigned", 0, COMPACT_EUICC_CANCEL_SESSION_SIGNED),
	SIGNATURE(CompactCancelSessionResponseOk, euicc_cancel_session_signature,
		"euiccCancelSessionSignature"),
};
static const MsgType COMPACT_CANCEL_SESSION_RESPONSE_OK =
	SEQUENCE(CompactCancelSessionResponseOk, 0x30, compact_cancel_session_response_ok);

static const MsgField cancel_session_response[] = {
	NESTED(CancelSessionResponse, cancel_session_response_ok, "cancelSessionResponseOk", 0xa0,
		CANCEL_SESSION_RESPONSE_OK),
	INTEGER(CancelSessionResponse, cancel_session_response_error, "cancelSessionResponseError",
		0x81),
	NESTED(CancelSessionResponse, compact_cancel_session_response_ok,
		"compactCancelSessionResponseOk", 0xa2, COMPACT_CANCEL_SESSION_RESPONSE_OK),
};
const MsgType CANCEL_SESSION_RESPONSE =
	CHOICE_KEPT(CancelSessionResponse, 0xbf41, cancel_session_response);
