/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "asn1/iot.h"

#include "asn1/table.h"

static const MsgField isdr_proprietary_application_template_iot[] = {
	BITS(IsdrProprietaryApplicationTemplateIot, euicc_configuration, "euiccConfiguration",
		0x80),
};
const MsgType ISDR_PROPRIETARY_APPLICATION_TEMPLATE_IOT = SEQUENCE(
	IsdrProprietaryApplicationTemplateIot, 0xe1, isdr_proprietary_application_template_iot);

static const MsgField ipae_activation_request[] = {
	BITS(IpaeActivationRequest, ipae_option, "ipaeOption", 0x80),
};
const MsgType IPAE_ACTIVATION_REQUEST =
	SEQUENCE(IpaeActivationRequest, 0xbf42, ipae_activation_request);

static const MsgField ipae_activation_response[] = {
	INTEGER(IpaeActivationResponse, ipae_activation_result, "ipaeActivationResult", 0x80),
};
const MsgType IPAE_ACTIVATION_RESPONSE =
	SEQUENCE(IpaeActivationResponse, 0xbf42, ipae_activation_response);

/* ---- eIM configuration ---- */

static const MsgField eim_item = { .kind = MSG_NESTED, .type = &EIM_CONFIGURATION_DATA };

static const MsgField eim_search_criteria[] = {
	TEXT(EimSearchCriteria, eim_id, "eimId", 0x80, 1, EIM_ID_MAX),
};
static const MsgType EIM_SEARCH_CRITERIA = CHOICE(EimSearchCriteria, 0, eim_search_criteria);

static const MsgField get_eim_configuration_data_request[] = {
	NESTED(GetEimConfigurationDataRequest, search_criteria, "searchCriteria", 0xa0,
		EIM_SEARCH_CRITERIA, OPTIONAL),
};
const MsgType GET_EIM_CONFIGURATION_DATA_REQUEST =
	SEQUENCE(GetEimConfigurationDataRequest, 0xbf55, get_eim_configuration_data_request);

static const MsgField get_eim_configuration_data_response[] = {
	LIST(GetEimConfigurationDataResponse, eim_configuration_data_list,
		"eimConfigurationDataList", 0xa0, eim_item, AT_MOST(256)),
};
const MsgType GET_EIM_CONFIGURATION_DATA_RESPONSE =
	SEQUENCE(GetEimConfigurationDataResponse, 0xbf55, get_eim_configuration_data_response);

static const MsgField add_initial_eim_request[] = {
	LIST(AddInitialEimRequest, eim_configuration_data_list, "eimConfigurationDataList", 0xa0,
		eim_item, AT_MOST(256)),
};
const MsgType ADD_INITIAL_EIM_REQUEST =
	SEQUENCE(AddInitialEimRequest, 0xbf57, add_initial_eim_request);

static const MsgField add_initial_eim_ok[] = {
	INTEGER(AddInitialEimOk, association_token, "associationToken", 0x84),
	EMPTY(AddInitialEimOk, add_ok, "addOk", 0x05),
};
static const MsgType ADD_INITIAL_EIM_OK = CHOICE(AddInitialEimOk, 0, add_initial_eim_ok);
static const MsgField add_initial_eim_ok_item = { .kind = MSG_NESTED, .type = &ADD_INITIAL_EIM_OK };

static const MsgField add_initial_eim_response[] = {
	LIST(AddInitialEimResponse, add_initial_eim_ok, "addInitialEimOk", 0xa0,
		add_initial_eim_ok_item, AT_MOST(256)),
	INTEGER(AddInitialEimResponse, add_initial_eim_error, "addInitialEimError", 0x81),
};
const MsgType ADD_INITIAL_EIM_RESPONSE =
	CHOICE(AddInitialEimResponse, 0xbf57, add_initial_eim_response);

/* ---- GetCerts ---- */

static const MsgField get_certs_request[] = {
	OCTETS(GetCertsRequest, euicc_ci_pk_id, "euiccCiPKId", 0x80, 0, KEY_ID_MAX, OPTIONAL,
		ALSO(0x04)),
};
const MsgType GET_CERTS_REQUEST = SEQUENCE(GetCertsRequest, 0xbf56, get_certs_request);

static const MsgField certs[] = {
	RAW(Certs, eum_certificate, "eumCertificate", 0xa5, CERTIFICATE_MAX),
	RAW(Certs, euicc_certificate, "euiccCertificate", 0xa6, CERTIFICATE_MAX),
};
static const MsgType CERTS = SEQUENCE(Certs, 0x30, certs);

static const MsgField get_certs_response[] = {
	NESTED(GetCertsResponse, certs, "certs", 0xa0, CERTS),
	INTEGER(GetCertsResponse, get_certs_error, "getCertsError", 0x81),
};
const MsgType GET_CERTS_RESPONSE = CHOICE(GetCertsResponse, 0xbf56, get_certs_response);

/* ---- Functions that switch profiles ---- */

static const MsgField refresh_flag_request[] = {
	BOOLEAN(RefreshFlagRequest, refresh_flag, "refreshFlag", 0x80, ALSO(0x01)),
};

#define SWITCH_REQUEST(name_, tag_)                                                                \
	{                                                                                          \
		.name = (name_), .tag = (tag_), .size = sizeof(RefreshFlagRequest),                \
		MSG_FIELDS(refresh_flag_request)                                                   \
	}
const MsgType PROFILE_ROLLBACK_REQUEST = SWITCH_REQUEST("ProfileRollbackRequest", 0xbf58);
const MsgType IMMEDIATE_ENABLE_REQUEST = SWITCH_REQUEST("ImmediateEnableRequest", 0xbf5a);
const MsgType ENABLE_EMERGENCY_PROFILE_REQUEST =
	SWITCH_REQUEST("EnableEmergencyProfileRequest", 0xbf5b);
const MsgType DISABLE_EMERGENCY_PROFILE_REQUEST =
	SWITCH_REQUEST("DisableEmergencyProfileRequest", 0xbf5c);
const MsgType EXECUTE_FALLBACK_MECHANISM_REQUEST =
	SWITCH_REQUEST("ExecuteFallbackMechanismRequest", 0xbf5d);
const MsgType RETURN_FROM_FALLBACK_REQUEST = SWITCH_REQUEST("ReturnFromFallbackRequest", 0xbf5e);

static const MsgField profile_rollback_response[] = {
	INTEGER(ProfileRollbackResponse, cmd_result, "cmdResult", 0x02, ALSO(0x80)),
	NESTED(ProfileRollbackResponse, euicc_package_result, "eUICCPackageResult", 0,
		EUICC_PACKAGE_RESULT, OPTIONAL),
};
const MsgType PROFILE_ROLLBACK_RESPONSE =
	SEQUENCE(ProfileRollbackResponse, 0xbf58, profile_rollback_response);

static const MsgField immediate_enable_response[] = {
	INTEGER(ImmediateEnableResponse, immediate_enable_result, "immediateEnableResult", 0x80),
};
const MsgType IMMEDIATE_ENABLE_RESPONSE =
	SEQUENCE(ImmediateEnableResponse, 0xbf5a, immediate_enable_response);

static const MsgField enable_emergency_profile_response[] = {
	INTEGER(EnableEmergencyProfileResponse, enable_emergency_profile_result,
		"enableEmergencyProfileResult", 0x80),
};
const MsgType ENABLE_EMERGENCY_PROFILE_RESPONSE =
	SEQUENCE(EnableEmergencyProfileResponse, 0xbf5b, enable_emergency_profile_response);

static const MsgField disable_emergency_profile_response[] = {
	INTEGER(DisableEmergencyProfileResponse, disable_emergency_profile_result,
		"disableEmergencyProfileResult", 0x80),
};
const MsgType DISABLE_EMERGENCY_PROFILE_RESPONSE =
	SEQUENCE(DisableEmergencyProfileResponse, 0xbf5c, disable_emergency_profile_response);

static const MsgField execute_fallback_mechanism_response[] = {
	INTEGER(ExecuteFallbackMechanismResponse, execute_fallback_mechanism_result,
		"executeFallbackMechanismResult", 0x80),
};
const MsgType EXECUTE_FALLBACK_MECHANISM_RESPONSE =
	SEQUENCE(ExecuteFallbackMechanismResponse, 0xbf5d, execute_fallback_mechanism_response);

static const MsgField return_from_fallback_response[] = {
	INTEGER(ReturnFromFallbackResponse, return_from_fallback_result, "returnFromFallbackResult",
		0x80),
};
const MsgType RETURN_FROM_FALLBACK_RESPONSE =
	SEQUENCE(ReturnFromFallbackResponse, 0xbf5e, return_from_fallback_response);

/* ---- ConfigureImmediateProfileEnabling ---- */

static const MsgField configure_immediate_profile_enabling_request[] = {
	EMPTY(ConfigureImmediateEnable, immediate_enable_flag, "immediateEnableFlag", 0x80,
		OPTIONAL),
	OID(ConfigureImmediateEnable, default_smdp_oid, "defaultSmdpOid", 0x81, OPTIONAL),
	TEXT(ConfigureImmediateEnable, default_smdp_address, "defaultSmdpAddress", 0x82, 0,
		ADDRESS_MAX, OPTIONAL),
};
const MsgType CONFIGURE_IMMEDIATE_PROFILE_ENABLING_REQUEST = {
	.name = "ConfigureImmediateProfileEnablingRequest",
	.tag = 0xbf59,
	.size = sizeof(ConfigureImmediateEnable),
	MSG_FIELDS(configure_immediate_profile_enabling_request),
};

static const MsgField configure_immediate_profile_enabling_response[] = {
	INTEGER(ConfigureImmediateProfileEnablingResponse, config_immediate_enable_result,
		"configImmediateEnableResult", 0x80),
};
const MsgType CONFIGURE_IMMEDIATE_PROFILE_ENABLING_RESPONSE =
	SEQUENCE(ConfigureImmediateProfileEnablingResponse, 0xbf59,
		configure_immediate_profile_enabling_response);

/* ---- GetConnectivityParameters ---- */

const MsgType GET_CONNECTIVITY_PARAMETERS_REQUEST =
	SEQUENCE_EMPTY("GetConnectivityParametersRequest", 0xbf5f);

static const MsgField connectivity_parameters[] = {
	OCTETS(ConnectivityParameters, http_params, "httpParams", 0x81, 0, 4096, OPTIONAL,
		ALSO(0xa1)),
};
static const MsgType CONNECTIVITY_PARAMETERS =
	SEQUENCE(ConnectivityParameters, 0x30, connectivity_parameters);

static const MsgField get_connectivity_parameters_response[] = {
	NESTED(GetConnectivityParametersResponse, connectivity_parameters, "connectivityParameters",
		0xa0, CONNECTIVITY_PARAMETERS),
	INTEGER(GetConnectivityParametersResponse, connectivity_parameters_error,
		"connectivityParametersError", 0x81),
};
const MsgType GET_CONNECTIVITY_PARAMETERS_RESPONSE =
	CHOICE(GetConnectivityParametersResponse, 0xbf5f, get_connectivity_parameters_response);
