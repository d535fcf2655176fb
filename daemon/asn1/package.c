/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "asn1/package.h"

#include "asn1/table.h"

#define EIM_ID(Struct) TEXT(Struct, eim_id, "eimId", 0x80, 1, EIM_ID_MAX)
#define EIM_TRANSACTION_ID(Struct, tag)                                                            \
	OCTETS(Struct, eim_transaction_id, "eimTransactionId", tag, 1, TRANSACTION_ID_MAX, OPTIONAL)
#define ICCID(Struct) OCTETS(Struct, iccid, "iccid", 0x5a, ICCID_SIZE, ICCID_SIZE)
#define SIGNATURE(Struct, member, word) OCTETS(Struct, member, word, 0x5f37, 1, SIGNATURE_MAX)

static const MsgField psmo_item = { .kind = MSG_NESTED, .type = &PSMO };
static const MsgField eco_item = { .kind = MSG_NESTED, .type = &ECO };
static const MsgField result_item = { .kind = MSG_NESTED, .type = &EUICC_RESULT_DATA };
static const MsgField rule_item = {
	.kind = MSG_NESTED,
	.type = &PROFILE_POLICY_AUTHORISATION_RULE,
};

/* ---- eIM Configuration Data ---- */

static const MsgField eim_public_key_data[] = {
	RAW(EimPublicKeyData, eim_public_key, "eimPublicKey", 0xa0, CERTIFICATE_MAX),
	RAW(EimPublicKeyData, eim_certificate, "eimCertificate", 0xa1, CERTIFICATE_MAX),
};
static const MsgType EIM_PUBLIC_KEY_DATA = CHOICE(EimPublicKeyData, 0, eim_public_key_data);

static const MsgField trusted_public_key_data_tls[] = {
	RAW(TrustedPublicKeyDataTls, trusted_eim_pk_tls, "trustedEimPkTls", 0xa0, CERTIFICATE_MAX),
	RAW(TrustedPublicKeyDataTls, trusted_certificate_tls, "trustedCertificateTls", 0xa1,
		CERTIFICATE_MAX),
};
static const MsgType TRUSTED_PUBLIC_KEY_DATA_TLS =
	CHOICE(TrustedPublicKeyDataTls, 0, trusted_public_key_data_tls);

static const MsgField eim_configuration_data[] = {
	EIM_ID(EimConfigurationData),
	TEXT(EimConfigurationData, eim_fqdn, "eimFqdn", 0x81, 0, ADDRESS_MAX, OPTIONAL),
	INTEGER(EimConfigurationData, eim_id_type, "eimIdType", 0x82, OPTIONAL),
	INTEGER(EimConfigurationData, counter_value, "counterValue", 0x83, OPTIONAL),
	INTEGER(EimConfigurationData, association_token, "associationToken", 0x84, OPTIONAL),
	NESTED(EimConfigurationData, eim_public_key_data, "eimPublicKeyData", 0xa5,
		EIM_PUBLIC_KEY_DATA, OPTIONAL),
	NESTED(EimConfigurationData, trusted_public_key_data_tls, "trustedPublicKeyDataTls", 0xa6,
		TRUSTED_PUBLIC_KEY_DATA_TLS, OPTIONAL),
	BITS(EimConfigurationData, eim_supported_protocol, "eimSupportedProtocol", 0x87, OPTIONAL),
	OCTETS(EimConfigurationData, euicc_ci_pk_id, "euiccCiPKId", 0x88, 1, KEY_ID_MAX, OPTIONAL),
	EMPTY(EimConfigurationData, indirect_profile_download, "indirectProfileDownload", 0x89,
		OPTIONAL),
	RAW(EimConfigurationData, esipa_proprietary_protocol_information,
		"eSipaProprietaryProtocolInformation", 0xaa, 4096, OPTIONAL),
};
const MsgType EIM_CONFIGURATION_DATA = SEQUENCE(EimConfigurationData, 0x30, eim_configuration_data);

/* ---- Package ---- */

static const MsgField psmo_enable[] = {
	ICCID(PsmoEnable),
	EMPTY(PsmoEnable, rollback_flag, "rollbackFlag", 0x05, OPTIONAL, ALSO(0x80)),
};
static const MsgType PSMO_ENABLE_TYPE = SEQUENCE(PsmoEnable, 0x30, psmo_enable);

static const MsgField psmo_iccid[] = {
	ICCID(PsmoIccid),
};
static const MsgType PSMO_ICCID_TYPE = SEQUENCE(PsmoIccid, 0x30, psmo_iccid);

static const MsgField configure_immediate_enable[] = {
	EMPTY(ConfigureImmediateEnable, immediate_enable_flag, "immediateEnableFlag", 0x80,
		OPTIONAL),
	OID(ConfigureImmediateEnable, default_smdp_oid, "defaultSmdpOid", 0x81, OPTIONAL),
	TEXT(ConfigureImmediateEnable, default_smdp_address, "defaultSmdpAddress", 0x82, 0,
		ADDRESS_MAX, OPTIONAL),
};
static const MsgType CONFIGURE_IMMEDIATE_ENABLE =
	SEQUENCE(ConfigureImmediateEnable, 0x30, configure_immediate_enable);

static const MsgField psmo[] = {
	NESTED(Psmo, enable, "enable", PSMO_ENABLE, PSMO_ENABLE_TYPE),
	NESTED(Psmo, disable, "disable", PSMO_DISABLE, PSMO_ICCID_TYPE),
	NESTED(Psmo, delete, "delete", PSMO_DELETE, PSMO_ICCID_TYPE),
	NESTED(Psmo, list_profile_info, "listProfileInfo", PSMO_LIST_PROFILE_INFO,
		PROFILE_INFO_LIST_REQUEST),
	EMPTY(Psmo, get_rat, "getRAT", PSMO_GET_RAT),
	NESTED(Psmo, configure_immediate_enable, "configureImmediateEnable",
		PSMO_CONFIGURE_IMMEDIATE_ENABLE, CONFIGURE_IMMEDIATE_ENABLE),
	NESTED(Psmo, set_fallback_attribute, "setFallbackAttribute", PSMO_SET_FALLBACK_ATTRIBUTE,
		PSMO_ICCID_TYPE),
	EMPTY(Psmo, unset_fallback_attribute, "unsetFallbackAttribute",
		PSMO_UNSET_FALLBACK_ATTRIBUTE),
	NESTED(Psmo, set_default_dp_address, "setDefaultDpAddress", PSMO_SET_DEFAULT_DP_ADDRESS,
		SET_DEFAULT_DP_ADDRESS_REQUEST),
	RAW(Psmo, unknown, "unknown", 0, 0),
};
const MsgType PSMO = CHOICE(Psmo, 0, psmo);

static const MsgField eco_delete_eim[] = {
	EIM_ID(EcoDeleteEim),
};
static const MsgType ECO_DELETE_EIM_TYPE = SEQUENCE(EcoDeleteEim, 0x30, eco_delete_eim);

static const MsgField eco[] = {
	NESTED(Eco, add_eim, "addEim", ECO_ADD_EIM, EIM_CONFIGURATION_DATA),
	NESTED(Eco, delete_eim, "deleteEim", ECO_DELETE_EIM, ECO_DELETE_EIM_TYPE),
	NESTED(Eco, update_eim, "updateEim", ECO_UPDATE_EIM, EIM_CONFIGURATION_DATA),
	EMPTY(Eco, list_eim, "listEim", ECO_LIST_EIM),
	RAW(Eco, unknown, "unknown", 0, 0),
};
const MsgType ECO = CHOICE(Eco, 0, eco);

static const MsgField euicc_package[] = {
	LIST(EuiccPackage, psmo_list, "psmoList", 0xa0, psmo_item),
	LIST(EuiccPackage, eco_list, "ecoList", 0xa1, eco_item),
};
static const MsgType EUICC_PACKAGE = CHOICE(EuiccPackage, 0, euicc_package);

static const MsgField euicc_package_signed[] = {
	EIM_ID(EuiccPackageSigned),
	OCTETS(EuiccPackageSigned, eid_value, "eidValue", 0x5a, EID_SIZE, EID_SIZE),
	INTEGER(EuiccPackageSigned, counter_value, "counterValue", 0x81),
	EIM_TRANSACTION_ID(EuiccPackageSigned, 0x82),
	NESTED(EuiccPackageSigned, euicc_package, "euiccPackage", 0, EUICC_PACKAGE),
};
const MsgType EUICC_PACKAGE_SIGNED = SEQUENCE_KEPT(EuiccPackageSigned, 0x30, euicc_package_signed);

static const MsgField euicc_package_request[] = {
	NESTED(EuiccPackageRequest, euicc_package_signed, "euiccPackageSigned", 0,
		EUICC_PACKAGE_SIGNED),
	SIGNATURE(EuiccPackageRequest, eim_signature, "eimSignature"),
};
const MsgType EUICC_PACKAGE_REQUEST =
	SEQUENCE_KEPT(EuiccPackageRequest, 0xbf51, euicc_package_request);

GBytes *euicc_package_tbs(Span data_signed, Num association_token)
{
	GByteArray *out = g_byte_array_new();

	array_append_span(out, data_signed);
	der_put_integer(out, 0x84, association_token.present ? association_token.value : 0);
	return g_byte_array_free_to_bytes(out);
}

/* ---- Result ---- */

static const MsgField add_eim_result[] = {
	INTEGER(AddEimResult, association_token, "associationToken", 0x84),
	INTEGER(AddEimResult, add_eim_result_code, "addEimResultCode", 0x02, ALSO(0x80)),
};
static const MsgType ADD_EIM_RESULT = CHOICE(AddEimResult, 0, add_eim_result);

static const MsgField eim_id_info[] = {
	EIM_ID(EimIdInfo),
	INTEGER(EimIdInfo, eim_id_type, "eimIdType", 0x82, OPTIONAL),
};
static const MsgType EIM_ID_INFO = SEQUENCE(EimIdInfo, 0x30, eim_id_info);
static const MsgField eim_id_info_item = { .kind = MSG_NESTED, .type = &EIM_ID_INFO };

static const MsgField list_eim_result[] = {
	LIST(ListEimResult, eim_id_list, "eimIdList", 0xa0, eim_id_info_item),
	INTEGER(ListEimResult, list_eim_error, "listEimError", 0x81),
};
static const MsgType LIST_EIM_RESULT = CHOICE(ListEimResult, 0, list_eim_result);

static const MsgField euicc_result_data[] = {
	INTEGER(EuiccResultData, enable_result, "enableResult", 0x83),
	INTEGER(EuiccResultData, disable_result, "disableResult", 0x84),
	INTEGER(EuiccResultData, delete_result, "deleteResult", 0x85),
	NESTED(EuiccResultData, list_profile_info_result, "listProfileInfoResult", 0xbf2d,
		PROFILE_INFO_LIST_RESPONSE),
	LIST(EuiccResultData, get_rat_result, "getRATResult", 0xa6, rule_item),
	INTEGER(EuiccResultData, configure_immediate_enable_result,
		"configureImmediateEnableResult", 0x87),
	NESTED(EuiccResultData, add_eim_result, "addEimResult", 0xa8, ADD_EIM_RESULT),
	INTEGER(EuiccResultData, delete_eim_result, "deleteEimResult", 0x89),
	INTEGER(EuiccResultData, update_eim_result, "updateEimResult", 0x8a),
	NESTED(EuiccResultData, list_eim_result, "listEimResult", 0xab, LIST_EIM_RESULT),
	INTEGER(EuiccResultData, rollback_result, "rollbackResult", 0x8c),
	INTEGER(EuiccResultData, set_fallback_attribute_result, "setFallbackAttributeResult", 0x8d),
	INTEGER(EuiccResultData, unset_fallback_attribute_result, "unsetFallbackAttributeResult",
		0x8e),
	INTEGER(EuiccResultData, processing_terminated, "processingTerminated", 0x02),
	NESTED(EuiccResultData, set_default_dp_address_result, "setDefaultDpAddressResult", 0xbf65,
		SET_DEFAULT_DP_ADDRESS_RESPONSE),
	RAW(EuiccResultData, unknown, "unknown", 0, 0),
};
const MsgType EUICC_RESULT_DATA = CHOICE(EuiccResultData, 0, euicc_result_data);

static const MsgField euicc_package_result_data_signed[] = {
	EIM_ID(EuiccPackageResultDataSigned),
	INTEGER(EuiccPackageResultDataSigned, counter_value, "counterValue", 0x81),
	EIM_TRANSACTION_ID(EuiccPackageResultDataSigned, 0x82),
	INTEGER(EuiccPackageResultDataSigned, seq_number, "seqNumber", 0x83),
	LIST(EuiccPackageResultDataSigned, euicc_result, "euiccResult", 0x30, result_item),
};
const MsgType EUICC_PACKAGE_RESULT_DATA_SIGNED =
	SEQUENCE_KEPT(EuiccPackageResultDataSigned, 0x30, euicc_package_result_data_signed);

static const MsgField euicc_package_result_signed[] = {
	NESTED(EuiccPackageResultSigned, euicc_package_result_data_signed,
		"euiccPackageResultDataSigned", 0, EUICC_PACKAGE_RESULT_DATA_SIGNED),
	SIGNATURE(EuiccPackageResultSigned, euicc_sign_epr, "euiccSignEPR"),
};
static const MsgType EUICC_PACKAGE_RESULT_SIGNED =
	SEQUENCE(EuiccPackageResultSigned, 0x30, euicc_package_result_signed);

static const MsgField euicc_package_error_data_signed[] = {
	EIM_ID(EuiccPackageErrorDataSigned),
	INTEGER(EuiccPackageErrorDataSigned, counter_value, "counterValue", 0x81),
	EIM_TRANSACTION_ID(EuiccPackageErrorDataSigned, 0x82),
	INTEGER(EuiccPackageErrorDataSigned, euicc_package_error_code, "euiccPackageErrorCode",
		0x02),
};
const MsgType EUICC_PACKAGE_ERROR_DATA_SIGNED =
	SEQUENCE_KEPT(EuiccPackageErrorDataSigned, 0x30, euicc_package_error_data_signed);

static const MsgField euicc_package_error_signed[] = {
	NESTED(EuiccPackageErrorSigned, euicc_package_error_data_signed,
		"euiccPackageErrorDataSigned", 0, EUICC_PACKAGE_ERROR_DATA_SIGNED),
	SIGNATURE(EuiccPackageErrorSigned, euicc_sign_epe, "euiccSignEPE"),
};
static const MsgType EUICC_PACKAGE_ERROR_SIGNED =
	SEQUENCE(EuiccPackageErrorSigned, 0x30, euicc_package_error_signed);

static const MsgField euicc_package_error_unsigned[] = {
	EIM_ID(EuiccPackageErrorUnsigned),
	EIM_TRANSACTION_ID(EuiccPackageErrorUnsigned, 0x82),
	INTEGER(EuiccPackageErrorUnsigned, association_token, "associationToken", 0x84, OPTIONAL),
	INTEGER(EuiccPackageErrorUnsigned, euicc_package_unsigned_error_code,
		"euiccPackageUnsignedErrorCode", 0x8f, OPTIONAL),
};
static const MsgType EUICC_PACKAGE_ERROR_UNSIGNED =
	SEQUENCE(EuiccPackageErrorUnsigned, 0x30, euicc_package_error_unsigned);

static const MsgField euicc_package_result[] = {
	NESTED(EuiccPackageResult, euicc_package_result_signed, "euiccPackageResultSigned", 0xa0,
		EUICC_PACKAGE_RESULT_SIGNED, ALSO(0x30)),
	NESTED(EuiccPackageResult, euicc_package_error_signed, "euiccPackageErrorSigned", 0xa1,
		EUICC_PACKAGE_ERROR_SIGNED),
	NESTED(EuiccPackageResult, euicc_package_error_unsigned, "euiccPackageErrorUnsigned", 0xa2,
		EUICC_PACKAGE_ERROR_UNSIGNED),
};
const MsgType EUICC_PACKAGE_RESULT = CHOICE_KEPT(EuiccPackageResult, 0xbf51, euicc_package_result);
