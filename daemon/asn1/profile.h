/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SGP.22: profiles on the card, their metadata, the commands inside a bound profile package, and the
 * functions that change a profile's state.
 */
#pragma once

#include "asn1/rsp.h"

enum { /* ProfileState */
	PROFILE_STATE_DISABLED = 0,
	PROFILE_STATE_ENABLED = 1,
};

enum { /* ProfileClass */
	PROFILE_CLASS_TEST = 0,
	PROFILE_CLASS_PROVISIONING = 1,
	PROFILE_CLASS_OPERATIONAL = 2,
};

enum { /* IconType */
	ICON_TYPE_JPG = 0,
	ICON_TYPE_PNG = 1,
};

enum { /* NotificationEvent */
	NOTIFICATION_INSTALL = 1 << 0,
	NOTIFICATION_ENABLE = 1 << 1,
	NOTIFICATION_DISABLE = 1 << 2,
	NOTIFICATION_DELETE = 1 << 3,
};

typedef struct NotificationConfigurationInformation {
	Num profile_management_operation; /* bits NOTIFICATION_… */
	Span notification_address;
} NotificationConfigurationInformation;

typedef struct DpProprietaryData { /* B8 */
	Span raw; /* may hold more, which the SM-DP+ defines */
	Span dp_oid;
} DpProprietaryData;

/* ---- GetProfilesInfo (SGP.22 5.7.15) ---- */

/* Tags of ProfileInfo, for tag lists. */
enum {
	PROFILE_TAG_ICCID = 0x5a,
	PROFILE_TAG_ISDP_AID = 0x4f,
	PROFILE_TAG_PROFILE_STATE = 0x9f70,
	PROFILE_TAG_PROFILE_NICKNAME = 0x90,
	PROFILE_TAG_SERVICE_PROVIDER_NAME = 0x91,
	PROFILE_TAG_PROFILE_NAME = 0x92,
	PROFILE_TAG_ICON_TYPE = 0x93,
	PROFILE_TAG_ICON = 0x94,
	PROFILE_TAG_PROFILE_CLASS = 0x95,
	PROFILE_TAG_NOTIFICATION_CONFIGURATION_INFO = 0xb6,
	PROFILE_TAG_PROFILE_OWNER = 0xb7,
	PROFILE_TAG_DP_PROPRIETARY_DATA = 0xb8,
	PROFILE_TAG_PROFILE_POLICY_RULES = 0x99,
	PROFILE_TAG_SERVICE_SPECIFIC_DATA_STORED_IN_EUICC = 0xbf22,
	PROFILE_TAG_ECALL_INDICATION = 0x9f7b,
	PROFILE_TAG_FALLBACK_ATTRIBUTE = 0x9f26,
	PROFILE_TAG_FALLBACK_ALLOWED = 0x9f67,
	PROFILE_TAG_IOT_SPECIFIC_PROFILE_INFO = 0xbf64, /* v1.3 */
};

typedef struct ProfileInfoSearchCriteria { /* CHOICE */
	Span isdp_aid;
	Span iccid;
	Num profile_class;
} ProfileInfoSearchCriteria;

typedef struct ProfileInfoListRequest { /* BF2D; also the PSMO listProfileInfo */
	const ProfileInfoSearchCriteria *search_criteria; /* optional */
	Span tag_list; /* tags, one after the other; optional */
	Span iot_specific_tag_list; /* v1.3: only to cards that are 1.3 */
} ProfileInfoListRequest;

typedef struct ProfileInfo { /* E3; everything is optional */
	Span iccid;
	Span isdp_aid;
	Num profile_state;
	Span profile_nickname, service_provider_name, profile_name;
	Num icon_type;
	Span icon;
	Num profile_class;
	List notification_configuration_info; /* of NotificationConfigurationInformation */
	const OperatorId *profile_owner;
	const DpProprietaryData *dp_proprietary_data;
	Num profile_policy_rules; /* bits PPR_… */
	Span service_specific_data_stored_in_euicc; /* BF22 */
	Num ecall_indication;
	Num fallback_attribute; /* absent: false */
	Num fallback_allowed;
	Span iot_specific_profile_info; /* BF64, v1.3 */
} ProfileInfo;

enum { /* ProfileInfoListError */
	PROFILE_INFO_LIST_ERROR_INCORRECT_INPUT_VALUES = 1,
	PROFILE_INFO_LIST_ERROR_PROFILE_CHANGE_ONGOING = 11,
	PROFILE_INFO_LIST_ERROR_UNDEFINED_ERROR = 127,
};

typedef struct ProfileInfoListResponse { /* BF2D, CHOICE */
	List profile_info_list_ok; /* of ProfileInfo */
	Num profile_info_list_error;
} ProfileInfoListResponse;

extern const MsgType PROFILE_INFO_LIST_REQUEST, PROFILE_INFO_LIST_RESPONSE, PROFILE_INFO;
extern const MsgType NOTIFICATION_CONFIGURATION_INFORMATION, DP_PROPRIETARY_DATA;

/* ---- Metadata (SGP.22 5.5.3, ES6 5.4.1) ---- */

typedef struct StoreMetadataRequest { /* BF25 */
	Span raw;
	Span iccid;
	Span service_provider_name, profile_name;
	Num icon_type; /* optional */
	Span icon; /* optional */
	Num profile_class; /* absent: operational */
	List notification_configuration_info; /* of NotificationConfigurationInformation; optional */
	const OperatorId *profile_owner; /* optional */
	Num profile_policy_rules; /* bits PPR_…; optional */
	Span service_specific_data_stored_in_euicc; /* BF22; optional */
	Span service_specific_data_not_stored_in_euicc; /* BF23; optional */
	Num ecall_indication; /* optional */
	Num fallback_allowed; /* optional */
	Span iot_specific_metadata; /* BF64, v1.3 */
} StoreMetadataRequest;

typedef struct UpdateMetadataRequest { /* BF2A; everything is optional */
	Span service_provider_name, profile_name;
	Num icon_type;
	Span icon;
	Num profile_policy_rules;
	Span service_specific_data_stored_in_euicc; /* BF22 */
	Num fallback_allowed; /* v1.3 */
} UpdateMetadataRequest;

extern const MsgType STORE_METADATA_REQUEST, UPDATE_METADATA_REQUEST;

/* ---- Bound profile package (SGP.22 2.5.4, 5.5) ---- */

enum { /* RemoteOpId */
	REMOTE_OP_ID_INSTALL_BOUND_PROFILE_PACKAGE = 1,
};

enum { /* keyType and keyLen of AES-128 */
	CONTROL_REF_KEY_TYPE_AES = 0x88,
	CONTROL_REF_KEY_LEN = 0x10,
};

typedef struct ControlRefTemplate {
	Span key_type; /* 1 octet */
	Span key_len; /* 1 octet */
	Span host_id; /* 1 to 16 octets */
} ControlRefTemplate;

typedef struct InitialiseSecureChannelRequest { /* BF23 */
	/* smdpSign signs its contents before 5F37, then 5F49 otPK.eUICC. */
	Span raw;
	Num remote_op_id;
	Span transaction_id;
	const ControlRefTemplate *control_ref_template;
	Span smdp_otpk;
	Span smdp_sign;
} InitialiseSecureChannelRequest;

typedef struct ConfigureIsdpRequest { /* BF24 */
	const DpProprietaryData *dp_proprietary_data; /* optional */
} ConfigureIsdpRequest;

typedef struct ReplaceSessionKeysRequest { /* BF26; 16 octets each */
	Span initial_mac_chaining_value;
	Span ppk_enc;
	Span ppk_cmac;
} ReplaceSessionKeysRequest;

typedef struct
	BoundProfilePackage { /* BF36; lists of Span: the whole TLVs, whose headers are MACed */
	Span raw;
	const InitialiseSecureChannelRequest *initialise_secure_channel_request;
	List first_sequence_of_87; /* in A0 */
	List sequence_of_88; /* in A1 */
	List second_sequence_of_87; /* in A2; optional */
	List sequence_of_86; /* in A3 */
} BoundProfilePackage;

extern const MsgType INITIALISE_SECURE_CHANNEL_REQUEST, CONFIGURE_ISDP_REQUEST;
extern const MsgType REPLACE_SESSION_KEYS_REQUEST, BOUND_PROFILE_PACKAGE;

/* ---- State of a profile (SGP.22 5.7.16 to 5.7.21) ---- */

typedef struct ProfileIdentifier { /* CHOICE */
	Span isdp_aid;
	Span iccid;
} ProfileIdentifier;

/* Codes of EnableProfile, DisableProfile and DeleteProfile, where they have them. */
enum {
	PROFILE_RESULT_OK = 0,
	PROFILE_RESULT_ICCID_OR_AID_NOT_FOUND = 1,
	PROFILE_RESULT_PROFILE_NOT_IN_DISABLED_STATE = 2, /* enable, delete */
	PROFILE_RESULT_PROFILE_NOT_IN_ENABLED_STATE = 2, /* disable */
	PROFILE_RESULT_DISALLOWED_BY_POLICY = 3,
	PROFILE_RESULT_WRONG_PROFILE_REENABLING = 4, /* enable */
	PROFILE_RESULT_CAT_BUSY = 5, /* enable, disable */
	PROFILE_RESULT_UNDEFINED_ERROR = 127,
};

typedef struct EnableProfileRequest { /* BF31 */
	const ProfileIdentifier *profile_identifier;
	Num refresh_flag;
} EnableProfileRequest;

typedef struct EnableProfileResponse {
	Num enable_result;
} EnableProfileResponse;

typedef struct DisableProfileRequest { /* BF32 */
	const ProfileIdentifier *profile_identifier;
	Num refresh_flag;
} DisableProfileRequest;

typedef struct DisableProfileResponse {
	Num disable_result;
} DisableProfileResponse;

typedef struct DeleteProfileRequest { /* BF33, CHOICE */
	Span isdp_aid;
	Span iccid;
} DeleteProfileRequest;

typedef struct DeleteProfileResponse {
	Num delete_result;
} DeleteProfileResponse;

enum { /* setNicknameResult */
	SET_NICKNAME_OK = 0,
	SET_NICKNAME_ICCID_NOT_FOUND = 1,
	SET_NICKNAME_UNDEFINED_ERROR = 127,
};

typedef struct SetNicknameRequest { /* BF29 */
	Span iccid;
	Span profile_nickname; /* up to 64 octets; empty: remove it */
} SetNicknameRequest;

typedef struct SetNicknameResponse {
	Num set_nickname_result;
} SetNicknameResponse;

extern const MsgType ENABLE_PROFILE_REQUEST, ENABLE_PROFILE_RESPONSE;
extern const MsgType DISABLE_PROFILE_REQUEST, DISABLE_PROFILE_RESPONSE;
extern const MsgType DELETE_PROFILE_REQUEST, DELETE_PROFILE_RESPONSE;
extern const MsgType SET_NICKNAME_REQUEST, SET_NICKNAME_RESPONSE;

/* ---- eUICC memory reset (SGP.22 5.7.19) ---- */

enum { /* resetOptions; the first three are all that SGP.22 has */
	RESET_DELETE_OPERATIONAL_PROFILES = 1 << 0,
	RESET_DELETE_FIELD_LOADED_TEST_PROFILES = 1 << 1,
	RESET_DEFAULT_SMDP_ADDRESS = 1 << 2,
	RESET_DELETE_PRE_LOADED_TEST_PROFILES = 1 << 3,
	RESET_DELETE_PROVISIONING_PROFILES = 1 << 4,
	RESET_EIM_CONFIG_DATA = 1 << 5,
	RESET_IMMEDIATE_ENABLE_CONFIG = 1 << 6,
};

enum { /* resetResult */
	RESET_RESULT_OK = 0,
	RESET_RESULT_NOTHING_TO_DELETE = 1,
	RESET_RESULT_CAT_BUSY = 5,
	RESET_RESULT_ECALL_ACTIVE = 104,
	RESET_RESULT_UNDEFINED_ERROR = 127,
};

enum { /* resetEimResult */
	RESET_EIM_RESULT_OK = 0,
	RESET_EIM_RESULT_NOTHING_TO_DELETE = 1,
	RESET_EIM_RESULT_EIM_RESET_NOT_SUPPORTED = 2,
	RESET_EIM_RESULT_UNDEFINED_ERROR = 127,
};

enum { /* resetImmediateEnableConfigResult */
	RESET_IEC_RESULT_OK = 0,
	RESET_IEC_RESULT_RESET_IEC_NOT_SUPPORTED = 1,
	RESET_IEC_RESULT_UNDEFINED_ERROR = 127,
};

typedef struct EuiccMemoryResetRequest { /* BF64, or BF34 in SGP.22 */
	Num reset_options; /* bits RESET_… */
} EuiccMemoryResetRequest;

typedef struct EuiccMemoryResetResponse {
	Num reset_result;
	Num reset_eim_result; /* optional; SGP.32 */
	Num reset_immediate_enable_config_result; /* optional; SGP.32 */
} EuiccMemoryResetResponse;

extern const MsgType EUICC_MEMORY_RESET_REQUEST, EUICC_MEMORY_RESET_RESPONSE; /* BF64 */
extern const MsgType EUICC_MEMORY_RESET_REQUEST_SGP22, EUICC_MEMORY_RESET_RESPONSE_SGP22; /* BF34 */
