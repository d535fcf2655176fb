/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The functions of ES10 that only SGP.32 has, BF42 and BF55 to BF5F (SGP.32 5.9), and the template in the
 * answer to SELECT. BF51 is in package.h, BF64 in profile.h, BF65 in rsp.h.
 */
#pragma once

#include "asn1/package.h"

/* ---- ISD-R, answer to SELECT  ---- */

enum { /* euiccConfiguration */
	EUICC_CONFIGURATION_IPAE_SUPPORTED = 1 << 0,
	EUICC_CONFIGURATION_ENABLED_PROFILE = 1 << 1,
};

typedef struct IsdrProprietaryApplicationTemplateIot { /* E1 */
	Num euicc_configuration; /* bits EUICC_CONFIGURATION_… */
} IsdrProprietaryApplicationTemplateIot;

extern const MsgType ISDR_PROPRIETARY_APPLICATION_TEMPLATE_IOT;

/* ---- IpaeActivation ---- */

enum { /* ipaeOption */
	IPAE_OPTION_ACTIVATE_IPAE = 1 << 0,
};

enum { /* ipaeActivationResult */
	IPAE_ACTIVATION_OK = 0,
	IPAE_ACTIVATION_NOT_SUPPORTED = 1,
};

typedef struct IpaeActivationRequest { /* BF42 */
	Num ipae_option; /* bits IPAE_OPTION_… */
} IpaeActivationRequest;

typedef struct IpaeActivationResponse {
	Num ipae_activation_result;
} IpaeActivationResponse;

extern const MsgType IPAE_ACTIVATION_REQUEST, IPAE_ACTIVATION_RESPONSE;

/* ---- GetEimConfigurationData, AddInitialEim ---- */

typedef struct EimSearchCriteria { /* CHOICE of one */
	Span eim_id;
} EimSearchCriteria;

typedef struct GetEimConfigurationDataRequest { /* BF55 */
	const EimSearchCriteria *search_criteria; /* optional: all */
} GetEimConfigurationDataRequest;

typedef struct GetEimConfigurationDataResponse {
	List eim_configuration_data_list; /* of EimConfigurationData */
} GetEimConfigurationDataResponse;

typedef struct AddInitialEimRequest { /* BF57 */
	List eim_configuration_data_list; /* of EimConfigurationData */
} AddInitialEimRequest;

typedef struct AddInitialEimOk { /* CHOICE */
	Num association_token;
	Num add_ok; /* NULL: no token was asked for */
} AddInitialEimOk;

typedef struct AddInitialEimResponse { /* BF57, CHOICE */
	List add_initial_eim_ok; /* of AddInitialEimOk, in the order of the request */
	Num add_initial_eim_error; /* ADD_EIM_RESULT_… */
} AddInitialEimResponse;

extern const MsgType GET_EIM_CONFIGURATION_DATA_REQUEST, GET_EIM_CONFIGURATION_DATA_RESPONSE;
extern const MsgType ADD_INITIAL_EIM_REQUEST, ADD_INITIAL_EIM_RESPONSE;

/* ---- GetCerts ---- */

enum { /* getCertsError */
	GET_CERTS_ERROR_INVALID_CI_PK_ID = 1,
	GET_CERTS_ERROR_UNDEFINED_ERROR = 127,
};

typedef struct GetCertsRequest { /* BF56 */
	Span euicc_ci_pk_id; /* optional: first of the signing list */
} GetCertsRequest;

typedef struct Certs {
	Span eum_certificate; /* A5; see certificate_restore() */
	Span euicc_certificate; /* A6 */
} Certs;

typedef struct GetCertsResponse { /* BF56, CHOICE */
	const Certs *certs;
	Num get_certs_error;
} GetCertsResponse;

extern const MsgType GET_CERTS_REQUEST, GET_CERTS_RESPONSE;

/* ---- Functions that switch profiles ---- */

/* ProfileRollback, ImmediateEnable, EnableEmergencyProfile, DisableEmergencyProfile,
 * ExecuteFallbackMechanism, ReturnFromFallback */
typedef struct RefreshFlagRequest {
	Num refresh_flag; /* true: the card raises REFRESH; false: the host restarts it */
} RefreshFlagRequest;

enum { /* cmdResult of ProfileRollback */
	PROFILE_ROLLBACK_OK = 0,
	PROFILE_ROLLBACK_ROLLBACK_NOT_ALLOWED = 1,
	PROFILE_ROLLBACK_CAT_BUSY = 5,
	PROFILE_ROLLBACK_COMMAND_ERROR = 7,
	PROFILE_ROLLBACK_UNDEFINED_ERROR = 127,
};

typedef struct ProfileRollbackResponse { /* BF58 */
	Num cmd_result;
	const EuiccPackageResult *euicc_package_result; /* optional */
} ProfileRollbackResponse;

enum { /* immediateEnableResult */
	IMMEDIATE_ENABLE_OK = 0,
	IMMEDIATE_ENABLE_IMMEDIATE_ENABLE_NOT_AVAILABLE = 1,
	IMMEDIATE_ENABLE_NO_SESSION_CONTEXT = 4,
	IMMEDIATE_ENABLE_CAT_BUSY = 5,
	IMMEDIATE_ENABLE_UNDEFINED_ERROR = 127,
};

typedef struct ImmediateEnableResponse { /* BF5A */
	Num immediate_enable_result;
} ImmediateEnableResponse;

enum { /* enableEmergencyProfileResult */
	ENABLE_EMERGENCY_PROFILE_OK = 0,
	ENABLE_EMERGENCY_PROFILE_PROFILE_NOT_IN_DISABLED_STATE = 2,
	ENABLE_EMERGENCY_PROFILE_CAT_BUSY = 5,
	ENABLE_EMERGENCY_PROFILE_ECALL_NOT_AVAILABLE = 8,
	ENABLE_EMERGENCY_PROFILE_UNDEFINED_ERROR = 127,
};

typedef struct EnableEmergencyProfileResponse { /* BF5B */
	Num enable_emergency_profile_result;
} EnableEmergencyProfileResponse;

enum { /* disableEmergencyProfileResult */
	DISABLE_EMERGENCY_PROFILE_OK = 0,
	DISABLE_EMERGENCY_PROFILE_PROFILE_NOT_IN_ENABLED_STATE = 2,
	DISABLE_EMERGENCY_PROFILE_CAT_BUSY = 5,
	DISABLE_EMERGENCY_PROFILE_UNDEFINED_ERROR = 127,
};

typedef struct DisableEmergencyProfileResponse { /* BF5C */
	Num disable_emergency_profile_result;
} DisableEmergencyProfileResponse;

enum { /* executeFallbackMechanismResult */
	EXECUTE_FALLBACK_MECHANISM_OK = 0,
	EXECUTE_FALLBACK_MECHANISM_PROFILE_NOT_IN_DISABLED_STATE = 2,
	EXECUTE_FALLBACK_MECHANISM_CAT_BUSY = 5,
	EXECUTE_FALLBACK_MECHANISM_FALLBACK_NOT_AVAILABLE = 6,
	EXECUTE_FALLBACK_MECHANISM_COMMAND_ERROR = 7,
	EXECUTE_FALLBACK_MECHANISM_ECALL_ACTIVE = 104,
	EXECUTE_FALLBACK_MECHANISM_UNDEFINED_ERROR = 127,
};

typedef struct ExecuteFallbackMechanismResponse { /* BF5D */
	Num execute_fallback_mechanism_result;
} ExecuteFallbackMechanismResponse;

enum { /* returnFromFallbackResult */
	RETURN_FROM_FALLBACK_OK = 0,
	RETURN_FROM_FALLBACK_CAT_BUSY = 5,
	RETURN_FROM_FALLBACK_FALLBACK_NOT_AVAILABLE = 6,
	RETURN_FROM_FALLBACK_COMMAND_ERROR = 7,
	RETURN_FROM_FALLBACK_UNDEFINED_ERROR = 127,
};

typedef struct ReturnFromFallbackResponse { /* BF5E */
	Num return_from_fallback_result;
} ReturnFromFallbackResponse;

extern const MsgType PROFILE_ROLLBACK_REQUEST, PROFILE_ROLLBACK_RESPONSE;
extern const MsgType IMMEDIATE_ENABLE_REQUEST, IMMEDIATE_ENABLE_RESPONSE;
extern const MsgType ENABLE_EMERGENCY_PROFILE_REQUEST, ENABLE_EMERGENCY_PROFILE_RESPONSE;
extern const MsgType DISABLE_EMERGENCY_PROFILE_REQUEST, DISABLE_EMERGENCY_PROFILE_RESPONSE;
extern const MsgType EXECUTE_FALLBACK_MECHANISM_REQUEST, EXECUTE_FALLBACK_MECHANISM_RESPONSE;
extern const MsgType RETURN_FROM_FALLBACK_REQUEST, RETURN_FROM_FALLBACK_RESPONSE;

/* ---- ConfigureImmediateProfileEnabling ---- */

enum { /* configImmediateEnableResult */
	CONFIG_IMMEDIATE_ENABLE_OK = 0,
	CONFIG_IMMEDIATE_ENABLE_INSUFFICIENT_MEMORY = 1,
	CONFIG_IMMEDIATE_ENABLE_ASSOCIATED_EIM_ALREADY_EXISTS = 2,
	CONFIG_IMMEDIATE_ENABLE_UNDEFINED_ERROR = 127,
};

typedef struct ConfigureImmediateProfileEnablingResponse { /* BF59 */
	Num config_immediate_enable_result;
} ConfigureImmediateProfileEnablingResponse;

/* Of struct ConfigureImmediateEnable. */
extern const MsgType CONFIGURE_IMMEDIATE_PROFILE_ENABLING_REQUEST;
extern const MsgType CONFIGURE_IMMEDIATE_PROFILE_ENABLING_RESPONSE;

/* ---- GetConnectivityParameters ---- */

enum { /* ConnectivityParametersError */
	CONNECTIVITY_PARAMETERS_ERROR_PARAMETERS_NOT_AVAILABLE = 1,
	CONNECTIVITY_PARAMETERS_ERROR_UNDEFINED_ERROR = 127,
};

typedef struct ConnectivityParameters {
	Span http_params; /* comprehension TLVs of TS 102 223; optional */
} ConnectivityParameters;

typedef struct GetConnectivityParametersResponse { /* BF5F, CHOICE */
	const ConnectivityParameters *connectivity_parameters;
	Num connectivity_parameters_error;
} GetConnectivityParametersResponse;

extern const MsgType GET_CONNECTIVITY_PARAMETERS_REQUEST; /* without members */
extern const MsgType GET_CONNECTIVITY_PARAMETERS_RESPONSE;
