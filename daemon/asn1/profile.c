/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "asn1/profile.h"

#include "asn1/table.h"

#define ICCID(Struct, ...) OCTETS(Struct, iccid, "iccid", 0x5a, ICCID_SIZE, ICCID_SIZE, __VA_ARGS__)
#define AID(Struct, ...) OCTETS(Struct, isdp_aid, "isdpAid", 0x4f, 1, 16, __VA_ARGS__)
#define EXTENSION_MAX 16384 /* VendorSpecificExtension and other free data */

static const MsgField notification_configuration_item = {
	.kind = MSG_NESTED,
	.type = &NOTIFICATION_CONFIGURATION_INFORMATION,
};
static const MsgField profile_info_item = { .kind = MSG_NESTED, .type = &PROFILE_INFO };
static const MsgField segment_86 = { .tag = 0x86, .kind = MSG_RAW, .max = 65536 };
static const MsgField segment_87 = { .tag = 0x87, .kind = MSG_RAW, .max = 65536 };
static const MsgField segment_88 = { .tag = 0x88, .kind = MSG_RAW, .max = 65536 };

/* ---- Profiles ---- */

static const MsgField notification_configuration_information[] = {
	BITS(NotificationConfigurationInformation, profile_management_operation,
		"profileManagementOperation", 0x80, ALSO(0x03)),
	TEXT(NotificationConfigurationInformation, notification_address, "notificationAddress",
		0x81, 0, ADDRESS_MAX, ALSO(0x0c)),
};
const MsgType NOTIFICATION_CONFIGURATION_INFORMATION = SEQUENCE(
	NotificationConfigurationInformation, 0x30, notification_configuration_information);

static const MsgField dp_proprietary_data[] = {
	OID(DpProprietaryData, dp_oid, "dpOid", 0x80, ALSO(0x06)),
};
const MsgType DP_PROPRIETARY_DATA = SEQUENCE_KEPT(DpProprietaryData, 0xb8, dp_proprietary_data);

static const MsgField profile_info_search_criteria[] = {
	AID(ProfileInfoSearchCriteria),
	ICCID(ProfileInfoSearchCriteria),
	INTEGER(ProfileInfoSearchCriteria, profile_class, "profileClass", 0x95),
};
static const MsgType PROFILE_INFO_SEARCH_CRITERIA =
	CHOICE(ProfileInfoSearchCriteria, 0, profile_info_search_criteria);

static const MsgField profile_info_list_request[] = {
	NESTED(ProfileInfoListRequest, search_criteria, "searchCriteria", 0xa0,
		PROFILE_INFO_SEARCH_CRITERIA, OPTIONAL),
	OCTETS(ProfileInfoListRequest, tag_list, "tagList", 0x5c, 0, 256, OPTIONAL),
	OCTETS(ProfileInfoListRequest, iot_specific_tag_list, "iotSpecificTagList", 0x5d, 0, 256,
		OPTIONAL),
};
const MsgType PROFILE_INFO_LIST_REQUEST =
	SEQUENCE(ProfileInfoListRequest, 0xbf2d, profile_info_list_request);

static const MsgField profile_info[] = {
	ICCID(ProfileInfo, OPTIONAL),
	AID(ProfileInfo, OPTIONAL),
	INTEGER(ProfileInfo, profile_state, "profileState", 0x9f70, OPTIONAL),
	NAME(ProfileInfo, profile_nickname, "profileNickname", 0x90, 0, 64, OPTIONAL),
	NAME(ProfileInfo, service_provider_name, "serviceProviderName", 0x91, 0, 32, OPTIONAL),
	NAME(ProfileInfo, profile_name, "profileName", 0x92, 0, 64, OPTIONAL),
	INTEGER(ProfileInfo, icon_type, "iconType", 0x93, OPTIONAL),
	OCTETS(ProfileInfo, icon, "icon", 0x94, 0, 1024, OPTIONAL),
	INTEGER(ProfileInfo, profile_class, "profileClass", 0x95, OPTIONAL),
	LIST(ProfileInfo, notification_configuration_info, "notificationConfigurationInfo", 0xb6,
		notification_configuration_item, OPTIONAL, AT_MOST(256)),
	NESTED(ProfileInfo, profile_owner, "profileOwner", 0xb7, OPERATOR_ID, OPTIONAL),
	NESTED(ProfileInfo, dp_proprietary_data, "dpProprietaryData", 0xb8, DP_PROPRIETARY_DATA,
		OPTIONAL),
	BITS(ProfileInfo, profile_policy_rules, "profilePolicyRules", 0x99, OPTIONAL),
	RAW(ProfileInfo, service_specific_data_stored_in_euicc, "serviceSpecificDataStoredInEuicc",
		0xbf22, EXTENSION_MAX, OPTIONAL),
	BOOLEAN(ProfileInfo, ecall_indication, "ecallIndication", 0x9f7b, OPTIONAL),
	BOOLEAN(ProfileInfo, fallback_attribute, "fallbackAttribute", 0x9f26, DEFAULT(false)),
	BOOLEAN(ProfileInfo, fallback_allowed, "fallbackAllowed", 0x9f67, OPTIONAL),
	RAW(ProfileInfo, iot_specific_profile_info, "iotSpecificProfileInfo", 0xbf64, EXTENSION_MAX,
		OPTIONAL),
};
const MsgType PROFILE_INFO = SEQUENCE(ProfileInfo, 0xe3, profile_info);

static const MsgField profile_info_list_response[] = {
	LIST(ProfileInfoListResponse, profile_info_list_ok, "profileInfoListOk", 0xa0,
		profile_info_item),
	INTEGER(ProfileInfoListResponse, profile_info_list_error, "profileInfoListError", 0x81),
};
const MsgType PROFILE_INFO_LIST_RESPONSE =
	CHOICE(ProfileInfoListResponse, 0xbf2d, profile_info_list_response);

/* ---- Metadata ---- */

static const MsgField store_metadata_request[] = {
	ICCID(StoreMetadataRequest),
	NAME(StoreMetadataRequest, service_provider_name, "serviceProviderName", 0x91, 0, 32),
	NAME(StoreMetadataRequest, profile_name, "profileName", 0x92, 0, 64),
	INTEGER(StoreMetadataRequest, icon_type, "iconType", 0x93, OPTIONAL),
	OCTETS(StoreMetadataRequest, icon, "icon", 0x94, 0, 1024, OPTIONAL),
	INTEGER(StoreMetadataRequest, profile_class, "profileClass", 0x95,
		DEFAULT(PROFILE_CLASS_OPERATIONAL)),
	LIST(StoreMetadataRequest, notification_configuration_info, "notificationConfigurationInfo",
		0xb6, notification_configuration_item, OPTIONAL, AT_MOST(256)),
	NESTED(StoreMetadataRequest, profile_owner, "profileOwner", 0xb7, OPERATOR_ID, OPTIONAL),
	BITS(StoreMetadataRequest, profile_policy_rules, "profilePolicyRules", 0x99, OPTIONAL),
	RAW(StoreMetadataRequest, service_specific_data_stored_in_euicc,
		"serviceSpecificDataStoredInEuicc", 0xbf22, EXTENSION_MAX, OPTIONAL),
	RAW(StoreMetadataRequest, service_specific_data_not_stored_in_euicc,
		"serviceSpecificDataNotStoredInEuicc", 0xbf23, EXTENSION_MAX, OPTIONAL),
	BOOLEAN(StoreMetadataRequest, ecall_indication, "ecallIndication", 0x9f7b, OPTIONAL),
	BOOLEAN(StoreMetadataRequest, fallback_allowed, "fallbackAllowed", 0x9f67, OPTIONAL),
	RAW(StoreMetadataRequest, iot_specific_metadata, "iotSpecificMetadata", 0xbf64,
		EXTENSION_MAX, OPTIONAL),
};
const MsgType STORE_METADATA_REQUEST =
	SEQUENCE_KEPT(StoreMetadataRequest, 0xbf25, store_metadata_request);

static const MsgField update_metadata_request[] = {
	TEXT(UpdateMetadataRequest, service_provider_name, "serviceProviderName", 0x91, 0, 32,
		OPTIONAL),
	TEXT(UpdateMetadataRequest, profile_name, "profileName", 0x92, 0, 64, OPTIONAL),
	INTEGER(UpdateMetadataRequest, icon_type, "iconType", 0x93, OPTIONAL),
	OCTETS(UpdateMetadataRequest, icon, "icon", 0x94, 0, 1024, OPTIONAL),
	BITS(UpdateMetadataRequest, profile_policy_rules, "profilePolicyRules", 0x99, OPTIONAL),
	RAW(UpdateMetadataRequest, service_specific_data_stored_in_euicc,
		"serviceSpecificDataStoredInEuicc", 0xbf22, EXTENSION_MAX, OPTIONAL),
	BOOLEAN(UpdateMetadataRequest, fallback_allowed, "fallbackAllowed", 0x9f67, OPTIONAL),
};
const MsgType UPDATE_METADATA_REQUEST =
	SEQUENCE(UpdateMetadataRequest, 0xbf2a, update_metadata_request);

/* ---- Bound profile package ---- */

static const MsgField control_ref_template[] = {
	OCTETS(ControlRefTemplate, key_type, "keyType", 0x80, 1, 1),
	OCTETS(ControlRefTemplate, key_len, "keyLen", 0x81, 1, 1),
	OCTETS(ControlRefTemplate, host_id, "hostId", 0x84, 1, 16),
};
static const MsgType CONTROL_REF_TEMPLATE =
	SEQUENCE(ControlRefTemplate, 0x30, control_ref_template);

static const MsgField initialise_secure_channel_request[] = {
	INTEGER(InitialiseSecureChannelRequest, remote_op_id, "remoteOpId", 0x82),
	OCTETS(InitialiseSecureChannelRequest, transaction_id, "transactionId", 0x80, 1,
		TRANSACTION_ID_MAX),
	NESTED(InitialiseSecureChannelRequest, control_ref_template, "controlRefTemplate", 0xa6,
		CONTROL_REF_TEMPLATE),
	OCTETS(InitialiseSecureChannelRequest, smdp_otpk, "smdpOtpk", 0x5f49, 0, 256),
	OCTETS(InitialiseSecureChannelRequest, smdp_sign, "smdpSign", 0x5f37, 1, SIGNATURE_MAX),
};
const MsgType INITIALISE_SECURE_CHANNEL_REQUEST =
	SEQUENCE_KEPT(InitialiseSecureChannelRequest, 0xbf23, initialise_secure_channel_request);

static const MsgField configure_isdp_request[] = {
	NESTED(ConfigureIsdpRequest, dp_proprietary_data, "dpProprietaryData", 0xb8,
		DP_PROPRIETARY_DATA, OPTIONAL),
};
const MsgType CONFIGURE_ISDP_REQUEST =
	SEQUENCE(ConfigureIsdpRequest, 0xbf24, configure_isdp_request);

static const MsgField replace_session_keys_request[] = {
	OCTETS(ReplaceSessionKeysRequest, initial_mac_chaining_value, "initialMacChainingValue",
		0x80, 16, 16),
	OCTETS(ReplaceSessionKeysRequest, ppk_enc, "ppkEnc", 0x81, 16, 16),
	OCTETS(ReplaceSessionKeysRequest, ppk_cmac, "ppkCmac", 0x82, 16, 16),
};
const MsgType REPLACE_SESSION_KEYS_REQUEST =
	SEQUENCE(ReplaceSessionKeysRequest, 0xbf26, replace_session_keys_request);

static const MsgField bound_profile_package[] = {
	NESTED(BoundProfilePackage, initialise_secure_channel_request,
		"initialiseSecureChannelRequest", 0, INITIALISE_SECURE_CHANNEL_REQUEST),
	LIST(BoundProfilePackage, first_sequence_of_87, "firstSequenceOf87", 0xa0, segment_87),
	LIST(BoundProfilePackage, sequence_of_88, "sequenceOf88", 0xa1, segment_88),
	LIST(BoundProfilePackage, second_sequence_of_87, "secondSequenceOf87", 0xa2, segment_87,
		OPTIONAL),
	LIST(BoundProfilePackage, sequence_of_86, "sequenceOf86", 0xa3, segment_86, AT_MOST(16384)),
};
const MsgType BOUND_PROFILE_PACKAGE =
	SEQUENCE_KEPT(BoundProfilePackage, 0xbf36, bound_profile_package);

/* ---- State of a profile ---- */

static const MsgField profile_identifier[] = {
	AID(ProfileIdentifier),
	ICCID(ProfileIdentifier),
};
static const MsgType PROFILE_IDENTIFIER = CHOICE(ProfileIdentifier, 0, profile_identifier);

static const MsgField enable_profile_request[] = {
	NESTED(EnableProfileRequest, profile_identifier, "profileIdentifier", 0xa0,
		PROFILE_IDENTIFIER),
	BOOLEAN(EnableProfileRequest, refresh_flag, "refreshFlag", 0x81),
};
const MsgType ENABLE_PROFILE_REQUEST =
	SEQUENCE(EnableProfileRequest, 0xbf31, enable_profile_request);

static const MsgField enable_profile_response[] = {
	INTEGER(EnableProfileResponse, enable_result, "enableResult", 0x80),
};
const MsgType ENABLE_PROFILE_RESPONSE =
	SEQUENCE(EnableProfileResponse, 0xbf31, enable_profile_response);

static const MsgField disable_profile_request[] = {
	NESTED(DisableProfileRequest, profile_identifier, "profileIdentifier", 0xa0,
		PROFILE_IDENTIFIER),
	BOOLEAN(DisableProfileRequest, refresh_flag, "refreshFlag", 0x81),
};
const MsgType DISABLE_PROFILE_REQUEST =
	SEQUENCE(DisableProfileRequest, 0xbf32, disable_profile_request);

static const MsgField disable_profile_response[] = {
	INTEGER(DisableProfileResponse, disable_result, "disableResult", 0x80),
};
const MsgType DISABLE_PROFILE_RESPONSE =
	SEQUENCE(DisableProfileResponse, 0xbf32, disable_profile_response);

static const MsgField delete_profile_request[] = {
	AID(DeleteProfileRequest),
	ICCID(DeleteProfileRequest),
};
const MsgType DELETE_PROFILE_REQUEST = CHOICE(DeleteProfileRequest, 0xbf33, delete_profile_request);

static const MsgField delete_profile_response[] = {
	INTEGER(DeleteProfileResponse, delete_result, "deleteResult", 0x80),
};
const MsgType DELETE_PROFILE_RESPONSE =
	SEQUENCE(DeleteProfileResponse, 0xbf33, delete_profile_response);

static const MsgField set_nickname_request[] = {
	ICCID(SetNicknameRequest),
	TEXT(SetNicknameRequest, profile_nickname, "profileNickname", 0x90, 0, 64),
};
const MsgType SET_NICKNAME_REQUEST = SEQUENCE(SetNicknameRequest, 0xbf29, set_nickname_request);

static const MsgField set_nickname_response[] = {
	INTEGER(SetNicknameResponse, set_nickname_result, "setNicknameResult", 0x80),
};
const MsgType SET_NICKNAME_RESPONSE = SEQUENCE(SetNicknameResponse, 0xbf29, set_nickname_response);

/* ---- eUICC memory reset ---- */

static const MsgField euicc_memory_reset_request[] = {
	BITS(EuiccMemoryResetRequest, reset_options, "resetOptions", 0x82),
};
const MsgType EUICC_MEMORY_RESET_REQUEST =
	SEQUENCE(EuiccMemoryResetRequest, 0xbf64, euicc_memory_reset_request);
const MsgType EUICC_MEMORY_RESET_REQUEST_SGP22 =
	SEQUENCE(EuiccMemoryResetRequest, 0xbf34, euicc_memory_reset_request);

static const MsgField euicc_memory_reset_response[] = {
	INTEGER(EuiccMemoryResetResponse, reset_result, "resetResult", 0x80),
	INTEGER(EuiccMemoryResetResponse, reset_eim_result, "resetEimResult", 0x81, OPTIONAL),
	INTEGER(EuiccMemoryResetResponse, reset_immediate_enable_config_result,
		"resetImmediateEnableConfigResult", 0x82, OPTIONAL),
};
const MsgType EUICC_MEMORY_RESET_RESPONSE =
	SEQUENCE(EuiccMemoryResetResponse, 0xbf64, euicc_memory_reset_response);
const MsgType EUICC_MEMORY_RESET_RESPONSE_SGP22 =
	SEQUENCE(EuiccMemoryResetResponse, 0xbf34, euicc_memory_reset_response);
