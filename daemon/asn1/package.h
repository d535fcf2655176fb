/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * eUICC Packages (BF51), which an eIM signs and the card carries out, their results, and the eIM
 * Configuration Data. SGP.32 2.11, 5.9.1.
 */
#pragma once

#include "asn1/profile.h"

#define COUNTER_VALUE_MAX 0x7fffff

/* ---- eIM Configuration Data (SGP.32 2.11.1.1) ---- */

enum { /* EimIdType */
	EIM_ID_TYPE_OID = 1,
	EIM_ID_TYPE_FQDN = 2,
	EIM_ID_TYPE_PROPRIETARY = 3,
};

enum { /* EimSupportedProtocol */
	EIM_RETRIEVE_HTTPS = 1 << 0,
	EIM_RETRIEVE_COAPS = 1 << 1,
	EIM_INJECT_HTTPS = 1 << 2,
	EIM_INJECT_COAPS = 1 << 3,
	EIM_PROPRIETARY = 1 << 4,
};

/* A request for a token, in AddInitialEim and addEim. */
#define ASSOCIATION_TOKEN_GENERATE (-1)

typedef struct EimPublicKeyData { /* CHOICE; see certificate_restore() */
	Span eim_public_key; /* A0 in place of the 30 of a SubjectPublicKeyInfo */
	Span eim_certificate; /* A1 in place of the 30 of a Certificate */
} EimPublicKeyData;

typedef struct TrustedPublicKeyDataTls { /* CHOICE */
	Span trusted_eim_pk_tls; /* A0 */
	Span trusted_certificate_tls; /* A1 */
} TrustedPublicKeyDataTls;

typedef struct EimConfigurationData {
	Span eim_id;
	Span eim_fqdn; /* optional; may have a port */
	Num eim_id_type; /* optional */
	Num counter_value; /* optional; only in requests */
	Num association_token; /* optional */
	const EimPublicKeyData *eim_public_key_data; /* optional */
	const TrustedPublicKeyDataTls *trusted_public_key_data_tls; /* optional */
	Num eim_supported_protocol; /* bits; optional */
	Span euicc_ci_pk_id; /* optional */
	Num indirect_profile_download; /* NULL; optional */
	Span esipa_proprietary_protocol_information; /* AA, whole; v1.3 */
} EimConfigurationData;

extern const MsgType EIM_CONFIGURATION_DATA; /* 30 */

/* ---- Package ---- */

enum { /* tags of Psmo */
	PSMO_ENABLE = 0xa3,
	PSMO_DISABLE = 0xa4,
	PSMO_DELETE = 0xa5,
	PSMO_LIST_PROFILE_INFO = 0xbf2d,
	PSMO_GET_RAT = 0xa6,
	PSMO_CONFIGURE_IMMEDIATE_ENABLE = 0xa7,
	PSMO_SET_FALLBACK_ATTRIBUTE = 0xa8,
	PSMO_UNSET_FALLBACK_ATTRIBUTE = 0xa9,
	PSMO_SET_DEFAULT_DP_ADDRESS = 0xbf65,
};

enum { /* tags of Eco */
	ECO_ADD_EIM = 0xa8,
	ECO_DELETE_EIM = 0xa9,
	ECO_UPDATE_EIM = 0xaa,
	ECO_LIST_EIM = 0xab,
};

typedef struct PsmoEnable {
	Span iccid;
	Num rollback_flag; /* NULL; optional */
} PsmoEnable;

/* disable, delete, setFallbackAttribute */
typedef struct PsmoIccid {
	Span iccid;
} PsmoIccid;

/* configureImmediateEnable, and the function ConfigureImmediateProfileEnabling */
typedef struct ConfigureImmediateEnable {
	Num immediate_enable_flag; /* NULL; optional: switch off */
	Span default_smdp_oid; /* optional */
	Span default_smdp_address; /* optional */
} ConfigureImmediateEnable;

typedef struct Psmo { /* CHOICE */
	const PsmoEnable *enable;
	const PsmoIccid *disable;
	const PsmoIccid *delete;
	const ProfileInfoListRequest *list_profile_info;
	Num get_rat;
	const ConfigureImmediateEnable *configure_immediate_enable;
	const PsmoIccid *set_fallback_attribute;
	Num unset_fallback_attribute;
	const SetDefaultDpAddressRequest *set_default_dp_address;
	Span unknown; /* anything else, and a known one that is damaged: the whole TLV */
} Psmo;

typedef struct EcoDeleteEim {
	Span eim_id;
} EcoDeleteEim;

typedef struct Eco { /* CHOICE */
	const EimConfigurationData *add_eim;
	const EcoDeleteEim *delete_eim;
	const EimConfigurationData *update_eim;
	Num list_eim;
	Span unknown; /* as in Psmo */
} Eco;

typedef struct EuiccPackage { /* CHOICE */
	List psmo_list; /* of Psmo */
	List eco_list; /* of Eco */
} EuiccPackage;

typedef struct EuiccPackageSigned { /* 30; see euicc_package_tbs() */
	Span raw;
	Span eim_id;
	Span eid_value;
	Num counter_value;
	Span eim_transaction_id; /* optional */
	const EuiccPackage *euicc_package;
} EuiccPackageSigned;

typedef struct EuiccPackageRequest { /* BF51; raw is what goes to the card */
	Span raw;
	const EuiccPackageSigned *euicc_package_signed;
	Span eim_signature;
} EuiccPackageRequest;

extern const MsgType EUICC_PACKAGE_REQUEST, EUICC_PACKAGE_SIGNED, PSMO, ECO;

/* What eIM and eUICC sign: the data as received or sent (30…), and the data object of the association
 * token, 84 01 00 if it is absent (SGP.32 2.11.1.1). */
GBytes *euicc_package_tbs(Span data_signed, Num association_token);

/* ---- Result ---- */

enum { /* EuiccPackageErrorCode */
	EUICC_PACKAGE_ERROR_INVALID_EID = 3,
	EUICC_PACKAGE_ERROR_REPLAY_ERROR = 4,
	EUICC_PACKAGE_ERROR_COUNTER_VALUE_OUT_OF_RANGE = 6,
	EUICC_PACKAGE_ERROR_SIZE_OVERFLOW = 15,
	EUICC_PACKAGE_ERROR_ECALL_ACTIVE = 104,
	EUICC_PACKAGE_ERROR_UNDEFINED_ERROR = 127,
};

enum { /* EnableProfileResult */
	ENABLE_RESULT_OK = 0,
	ENABLE_RESULT_ICCID_OR_AID_NOT_FOUND = 1,
	ENABLE_RESULT_PROFILE_NOT_IN_DISABLED_STATE = 2,
	ENABLE_RESULT_DISALLOWED_BY_POLICY = 3,
	ENABLE_RESULT_CAT_BUSY = 5,
	ENABLE_RESULT_ROLLBACK_NOT_AVAILABLE = 20,
	ENABLE_RESULT_UNDEFINED_ERROR = 127,
};

enum { /* DisableProfileResult */
	DISABLE_RESULT_OK = 0,
	DISABLE_RESULT_ICCID_OR_AID_NOT_FOUND = 1,
	DISABLE_RESULT_PROFILE_NOT_IN_ENABLED_STATE = 2,
	DISABLE_RESULT_DISALLOWED_BY_POLICY = 3,
	DISABLE_RESULT_CAT_BUSY = 5,
	DISABLE_RESULT_UNDEFINED_ERROR = 127,
};

enum { /* DeleteProfileResult */
	DELETE_RESULT_OK = 0,
	DELETE_RESULT_ICCID_OR_AID_NOT_FOUND = 1,
	DELETE_RESULT_PROFILE_NOT_IN_DISABLED_STATE = 2,
	DELETE_RESULT_DISALLOWED_BY_POLICY = 3,
	DELETE_RESULT_ROLLBACK_NOT_AVAILABLE = 20,
	DELETE_RESULT_RETURN_FALLBACK_PROFILE = 21,
	DELETE_RESULT_UNDEFINED_ERROR = 127,
};

enum { /* ConfigureImmediateEnableResult */
	CONFIGURE_IMMEDIATE_ENABLE_RESULT_OK = 0,
	CONFIGURE_IMMEDIATE_ENABLE_RESULT_INSUFFICIENT_MEMORY = 1,
	CONFIGURE_IMMEDIATE_ENABLE_RESULT_COMMAND_ERROR = 7,
	CONFIGURE_IMMEDIATE_ENABLE_RESULT_UNDEFINED_ERROR = 127,
};

enum { /* addEimResultCode, addInitialEimError */
	ADD_EIM_RESULT_OK = 0,
	ADD_EIM_RESULT_INSUFFICIENT_MEMORY = 1,
	ADD_EIM_RESULT_ASSOCIATED_EIM_ALREADY_EXISTS = 2,
	ADD_EIM_RESULT_CI_PK_UNKNOWN = 3,
	ADD_EIM_RESULT_INVALID_ASSOCIATION_TOKEN = 5,
	ADD_EIM_RESULT_COUNTER_VALUE_OUT_OF_RANGE = 6,
	ADD_EIM_RESULT_COMMAND_ERROR = 7,
	ADD_EIM_RESULT_UNDEFINED_ERROR = 127,
};

enum { /* DeleteEimResult */
	DELETE_EIM_RESULT_OK = 0,
	DELETE_EIM_RESULT_EIM_NOT_FOUND = 1,
	DELETE_EIM_RESULT_LAST_EIM_DELETED = 2, /* a success */
	DELETE_EIM_RESULT_COMMAND_ERROR = 7,
	DELETE_EIM_RESULT_UNDEFINED_ERROR = 127,
};

enum { /* UpdateEimResult */
	UPDATE_EIM_RESULT_OK = 0,
	UPDATE_EIM_RESULT_EIM_NOT_FOUND = 1,
	UPDATE_EIM_RESULT_CI_PK_UNKNOWN = 3,
	UPDATE_EIM_RESULT_COUNTER_VALUE_OUT_OF_RANGE = 6,
	UPDATE_EIM_RESULT_COMMAND_ERROR = 7,
	UPDATE_EIM_RESULT_UNDEFINED_ERROR = 127,
};

enum { /* listEimError */
	LIST_EIM_ERROR_UNDEFINED_ERROR = 127,
};

enum { /* RollbackProfileResult */
	ROLLBACK_RESULT_OK = 0,
	ROLLBACK_RESULT_UNDEFINED_ERROR = 127,
};

enum { /* SetFallbackAttributeResult */
	SET_FALLBACK_ATTRIBUTE_RESULT_OK = 0,
	SET_FALLBACK_ATTRIBUTE_RESULT_ICCID_OR_AID_NOT_FOUND = 1,
	SET_FALLBACK_ATTRIBUTE_RESULT_FALLBACK_NOT_ALLOWED = 2,
	SET_FALLBACK_ATTRIBUTE_RESULT_FALLBACK_PROFILE_ENABLED = 3,
	SET_FALLBACK_ATTRIBUTE_RESULT_UNDEFINED_ERROR = 127,
};

enum { /* UnsetFallbackAttributeResult */
	UNSET_FALLBACK_ATTRIBUTE_RESULT_OK = 0,
	UNSET_FALLBACK_ATTRIBUTE_RESULT_NO_FALLBACK_ATTRIBUTE = 2,
	UNSET_FALLBACK_ATTRIBUTE_RESULT_FALLBACK_PROFILE_ENABLED = 3,
	UNSET_FALLBACK_ATTRIBUTE_RESULT_COMMAND_ERROR = 7,
	UNSET_FALLBACK_ATTRIBUTE_RESULT_UNDEFINED_ERROR = 127,
};

enum { /* processingTerminated */
	PROCESSING_TERMINATED_RESULT_SIZE_OVERFLOW = 1,
	PROCESSING_TERMINATED_UNKNOWN_OR_DAMAGED_COMMAND = 2,
	PROCESSING_TERMINATED_INTERRUPTION = 3,
	PROCESSING_TERMINATED_UNDEFINED_ERROR = 127,
};

typedef struct AddEimResult { /* CHOICE */
	Num association_token;
	Num add_eim_result_code;
} AddEimResult;

typedef struct EimIdInfo {
	Span eim_id;
	Num eim_id_type; /* optional: only for OID and FQDN */
} EimIdInfo;

typedef struct ListEimResult { /* CHOICE */
	List eim_id_list; /* of EimIdInfo */
	Num list_eim_error;
} ListEimResult;

typedef struct EuiccResultData { /* CHOICE */
	Num enable_result;
	Num disable_result;
	Num delete_result;
	const ProfileInfoListResponse *list_profile_info_result;
	List get_rat_result; /* of ProfilePolicyAuthorisationRule */
	Num configure_immediate_enable_result;
	const AddEimResult *add_eim_result;
	Num delete_eim_result;
	Num update_eim_result;
	const ListEimResult *list_eim_result;
	Num rollback_result;
	Num set_fallback_attribute_result;
	Num unset_fallback_attribute_result;
	Num processing_terminated;
	const SetDefaultDpAddressResponse *set_default_dp_address_result;
	Span unknown; /* anything else: the whole TLV */
} EuiccResultData;

typedef struct EuiccPackageResultDataSigned { /* 30; see euicc_package_tbs() */
	Span raw;
	Span eim_id;
	Num counter_value;
	Span eim_transaction_id; /* optional */
	Num seq_number;
	List euicc_result; /* of EuiccResultData */
} EuiccPackageResultDataSigned;

typedef struct EuiccPackageResultSigned {
	const EuiccPackageResultDataSigned *euicc_package_result_data_signed;
	Span euicc_sign_epr;
} EuiccPackageResultSigned;

typedef struct EuiccPackageErrorDataSigned { /* 30; see euicc_package_tbs() */
	Span raw;
	Span eim_id;
	Num counter_value;
	Span eim_transaction_id; /* optional */
	Num euicc_package_error_code;
} EuiccPackageErrorDataSigned;

typedef struct EuiccPackageErrorSigned {
	const EuiccPackageErrorDataSigned *euicc_package_error_data_signed;
	Span euicc_sign_epe;
} EuiccPackageErrorSigned;

typedef struct EuiccPackageErrorUnsigned {
	Span eim_id;
	Span eim_transaction_id; /* optional */
	Num association_token; /* optional */
	Num euicc_package_unsigned_error_code; /* v1.3: sizeOverflow, undefinedError */
} EuiccPackageErrorUnsigned;

typedef struct EuiccPackageResult { /* BF51, CHOICE; raw is what goes to the eIM */
	Span raw;
	const EuiccPackageResultSigned *euicc_package_result_signed;
	const EuiccPackageErrorSigned *euicc_package_error_signed;
	const EuiccPackageErrorUnsigned *euicc_package_error_unsigned;
} EuiccPackageResult;

extern const MsgType EUICC_PACKAGE_RESULT, EUICC_PACKAGE_RESULT_DATA_SIGNED;
extern const MsgType EUICC_PACKAGE_ERROR_DATA_SIGNED, EUICC_RESULT_DATA;
