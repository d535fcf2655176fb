/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The functions of ES10b that SGP.32 adds. */
#include "card/es10-priv.h"

bool es10_load_euicc_package(Isdr *isdr, Span request, GBytes **ret, GError **error)
{
	g_autoptr(GBytes) answer = NULL;
	g_autoptr(Msg) msg = NULL;
	bool ok;

	/* Stopping in the middle would leave open whether it was carried out. */
	isdr_hold(isdr);
	ok = isdr_command(isdr, request, ISDR_CHANGE, &answer, error);
	isdr_release(isdr);
	if (!ok) {
		g_prefix_error(error, "LoadEuiccPackage: ");
		return false;
	}
	msg = es10_decode("LoadEuiccPackage", &EUICC_PACKAGE_RESULT, answer, error);
	if (!msg)
		return false;
	*ret = g_steal_pointer(&answer);
	return true;
}

static const ResultCode eim_codes[] = {
	{ ADD_EIM_RESULT_INSUFFICIENT_MEMORY, SGP32_ERROR_NO_MEMORY,
		"the card has no room for the eIM" },
	{ ADD_EIM_RESULT_ASSOCIATED_EIM_ALREADY_EXISTS, SGP32_ERROR_MANAGED,
		"the card has an eIM already" },
	{ ADD_EIM_RESULT_CI_PK_UNKNOWN, SGP32_ERROR_INVALID_ARGUMENT,
		"the card has no key of the eIM's CI" },
	{ ADD_EIM_RESULT_INVALID_ASSOCIATION_TOKEN, SGP32_ERROR_INVALID_ARGUMENT,
		"associationToken must be absent or -1" },
	{ ADD_EIM_RESULT_COUNTER_VALUE_OUT_OF_RANGE, SGP32_ERROR_INVALID_ARGUMENT,
		"counterValue is out of range" },
	{ ADD_EIM_RESULT_COMMAND_ERROR, SGP32_ERROR_INVALID_ARGUMENT,
		"a field is missing: eimId, counterValue and eimPublicKeyData are needed" },
	{ 0, 0, NULL },
};

bool es10_add_initial_eim(Isdr *isdr, Span entries, Msg **ret, GError **error)
{
	g_autoptr(GByteArray) arm = g_byte_array_new(), command = g_byte_array_new();
	g_autoptr(GBytes) answer = NULL;
	g_autoptr(Msg) msg = NULL;

	/* The entries go to the card as they were given. */
	der_put(arm, 0xa0, entries);
	der_put(command, TAG_ADD_INITIAL_EIM, span_of_array(arm));
	if (!isdr_command(isdr, span_of_array(command), ISDR_CHANGE, &answer, error)) {
		g_prefix_error(error, "AddInitialEim: ");
		return false;
	}
	msg = es10_decode("AddInitialEim", &ADD_INITIAL_EIM_RESPONSE, answer, error);
	if (!msg)
		return false;
	const AddInitialEimResponse *response = MSG_BODY(msg, AddInitialEimResponse);
	if (!response->add_initial_eim_ok.items)
		return es10_check_code("AddInitialEim",
			response->add_initial_eim_error.value ?: RESULT_UNDEFINED_ERROR, eim_codes,
			error);
	*ret = g_steal_pointer(&msg);
	return true;
}

bool es10_get_eim_configuration_data(Isdr *isdr, const char *eim_id, Msg **ret, GError **error)
{
	EimSearchCriteria criteria = { span_string(eim_id) };
	GetEimConfigurationDataRequest request = { eim_id ? &criteria : NULL };

	return es10_call(isdr, "GetEimConfigurationData", ISDR_READ,
		&GET_EIM_CONFIGURATION_DATA_REQUEST, &request, &GET_EIM_CONFIGURATION_DATA_RESPONSE,
		ret, error);
}

bool es10_profile_rollback(Isdr *isdr, bool refresh, GBytes **ret, GError **error)
{
	static const ResultCode codes[] = {
		{ PROFILE_ROLLBACK_ROLLBACK_NOT_ALLOWED, SGP32_ERROR_ROLLBACK_NOT_ALLOWED,
			"the card grants no rollback" },
		{ PROFILE_ROLLBACK_CAT_BUSY, SGP32_ERROR_CARD_BUSY, "the card's toolkit is busy" },
		{ 0, 0, NULL },
	};
	RefreshFlagRequest request = { NUM(refresh) };
	g_autoptr(Msg) msg = NULL;

	if (!es10_call(isdr, "ProfileRollback", ISDR_CHANGE, &PROFILE_ROLLBACK_REQUEST, &request,
		    &PROFILE_ROLLBACK_RESPONSE, &msg, error))
		return false;
	const ProfileRollbackResponse *response = MSG_BODY(msg, ProfileRollbackResponse);
	if (!es10_check_code("ProfileRollback", response->cmd_result.value, codes, error))
		return false;
	if (!response->euicc_package_result)
		return sgp32_fail(error, SGP32_ERROR_CARD_MALFORMED,
			"ProfileRollback: the result is missing");
	*ret = span_to_bytes(response->euicc_package_result->raw);
	return true;
}

bool es10_configure_immediate_profile_enabling(
	Isdr *isdr, bool on, Span smdp_oid, const char *smdp_address, GError **error)
{
	static const ResultCode codes[] = {
		{ CONFIG_IMMEDIATE_ENABLE_INSUFFICIENT_MEMORY, SGP32_ERROR_NO_MEMORY,
			"the card has no room" },
		{ CONFIG_IMMEDIATE_ENABLE_ASSOCIATED_EIM_ALREADY_EXISTS, SGP32_ERROR_MANAGED,
			"the card has an eIM, which alone may configure this" },
		{ 0, 0, NULL },
	};
	ConfigureImmediateEnable request = { { on, 1 }, smdp_oid, span_string(smdp_address) };
	g_autoptr(Msg) msg = NULL;

	return es10_call(isdr, "ConfigureImmediateProfileEnabling", ISDR_CHANGE,
		       &CONFIGURE_IMMEDIATE_PROFILE_ENABLING_REQUEST, &request,
		       &CONFIGURE_IMMEDIATE_PROFILE_ENABLING_RESPONSE, &msg, error) &&
		es10_check_code("ConfigureImmediateProfileEnabling",
			MSG_BODY(msg, ConfigureImmediateProfileEnablingResponse)
				->config_immediate_enable_result.value,
			codes, error);
}

/* The six functions whose request is a refreshFlag and whose answer is one code. */
static bool switching(Isdr *isdr, const char *function, const MsgType *request_type, bool refresh,
	const MsgType *answer_type, const ResultCode *codes, GError **error)
{
	RefreshFlagRequest request = { NUM(refresh) };
	g_autoptr(Msg) msg = NULL;

	/* All these answers are a struct of one Num. */
	return es10_call(isdr, function, ISDR_CHANGE, request_type, &request, answer_type, &msg,
		       error) &&
		es10_check_code(function, MSG_BODY(msg, Num)->value, codes, error);
}

bool es10_immediate_enable(Isdr *isdr, bool refresh, GError **error)
{
	static const ResultCode codes[] = {
		{ IMMEDIATE_ENABLE_IMMEDIATE_ENABLE_NOT_AVAILABLE, SGP32_ERROR_NOT_SUPPORTED,
			"it is not configured for this SM-DP+" },
		{ IMMEDIATE_ENABLE_NO_SESSION_CONTEXT, SGP32_ERROR_NOT_FOUND,
			"no profile was just installed" },
		{ IMMEDIATE_ENABLE_CAT_BUSY, SGP32_ERROR_CARD_BUSY, "the card's toolkit is busy" },
		{ 0, 0, NULL },
	};

	return switching(isdr, "ImmediateEnable", &IMMEDIATE_ENABLE_REQUEST, refresh,
		&IMMEDIATE_ENABLE_RESPONSE, codes, error);
}

bool es10_enable_emergency_profile(Isdr *isdr, bool refresh, GError **error)
{
	static const ResultCode codes[] = {
		{ ENABLE_EMERGENCY_PROFILE_PROFILE_NOT_IN_DISABLED_STATE,
			SGP32_ERROR_PROFILE_NOT_DISABLED,
			"the emergency profile is enabled already" },
		{ ENABLE_EMERGENCY_PROFILE_CAT_BUSY, SGP32_ERROR_CARD_BUSY,
			"the card's toolkit is busy" },
		{ ENABLE_EMERGENCY_PROFILE_ECALL_NOT_AVAILABLE, SGP32_ERROR_NOT_SUPPORTED,
			"the card has no emergency profile" },
		{ 0, 0, NULL },
	};

	return switching(isdr, "EnableEmergencyProfile", &ENABLE_EMERGENCY_PROFILE_REQUEST, refresh,
		&ENABLE_EMERGENCY_PROFILE_RESPONSE, codes, error);
}

bool es10_disable_emergency_profile(Isdr *isdr, bool refresh, GError **error)
{
	static const ResultCode codes[] = {
		{ DISABLE_EMERGENCY_PROFILE_PROFILE_NOT_IN_ENABLED_STATE,
			SGP32_ERROR_PROFILE_NOT_ENABLED, "the emergency profile is not enabled" },
		{ DISABLE_EMERGENCY_PROFILE_CAT_BUSY, SGP32_ERROR_CARD_BUSY,
			"the card's toolkit is busy" },
		{ 0, 0, NULL },
	};

	return switching(isdr, "DisableEmergencyProfile", &DISABLE_EMERGENCY_PROFILE_REQUEST,
		refresh, &DISABLE_EMERGENCY_PROFILE_RESPONSE, codes, error);
}

static const ResultCode fallback_codes[] = {
	{ EXECUTE_FALLBACK_MECHANISM_PROFILE_NOT_IN_DISABLED_STATE,
		SGP32_ERROR_PROFILE_NOT_DISABLED, "the fallback profile is enabled already" },
	{ EXECUTE_FALLBACK_MECHANISM_CAT_BUSY, SGP32_ERROR_CARD_BUSY,
		"the card's toolkit is busy" },
	{ EXECUTE_FALLBACK_MECHANISM_FALLBACK_NOT_AVAILABLE, SGP32_ERROR_FALLBACK_NOT_AVAILABLE,
		"there is nothing to fall back to, or to return to" },
	{ EXECUTE_FALLBACK_MECHANISM_ECALL_ACTIVE, SGP32_ERROR_EMERGENCY_ACTIVE,
		"the emergency profile is enabled" },
	{ 0, 0, NULL },
};

bool es10_execute_fallback_mechanism(Isdr *isdr, bool refresh, GError **error)
{
	return switching(isdr, "ExecuteFallbackMechanism", &EXECUTE_FALLBACK_MECHANISM_REQUEST,
		refresh, &EXECUTE_FALLBACK_MECHANISM_RESPONSE, fallback_codes, error);
}

bool es10_return_from_fallback(Isdr *isdr, bool refresh, GError **error)
{
	return switching(isdr, "ReturnFromFallback", &RETURN_FROM_FALLBACK_REQUEST, refresh,
		&RETURN_FROM_FALLBACK_RESPONSE, fallback_codes, error);
}

bool es10_get_connectivity_parameters(Isdr *isdr, GBytes **ret, GError **error)
{
	static const ResultCode codes[] = {
		{ CONNECTIVITY_PARAMETERS_ERROR_PARAMETERS_NOT_AVAILABLE, SGP32_ERROR_NOT_FOUND,
			"the profile has none" },
		{ 0, 0, NULL },
	};
	g_autoptr(Msg) msg = NULL;

	if (!es10_call(isdr, "GetConnectivityParameters", ISDR_READ,
		    &GET_CONNECTIVITY_PARAMETERS_REQUEST, NULL,
		    &GET_CONNECTIVITY_PARAMETERS_RESPONSE, &msg, error))
		return false;
	const GetConnectivityParametersResponse *response =
		MSG_BODY(msg, GetConnectivityParametersResponse);
	if (!response->connectivity_parameters)
		return es10_check_code("GetConnectivityParameters",
			response->connectivity_parameters_error.value ?: RESULT_UNDEFINED_ERROR,
			codes, error);
	Span params = response->connectivity_parameters->http_params;
	*ret = g_bytes_new(params.data, params.size);
	return true;
}

bool es10_ipae_activation(Isdr *isdr, GError **error)
{
	static const ResultCode codes[] = {
		{ IPAE_ACTIVATION_NOT_SUPPORTED, SGP32_ERROR_NOT_SUPPORTED,
			"the card has no IPAe" },
		{ 0, 0, NULL },
	};
	IpaeActivationRequest request = { NUM(IPAE_OPTION_ACTIVATE_IPAE) };
	g_autoptr(Msg) msg = NULL;

	return es10_call(isdr, "IpaeActivation", ISDR_CHANGE, &IPAE_ACTIVATION_REQUEST, &request,
		       &IPAE_ACTIVATION_RESPONSE, &msg, error) &&
		es10_check_code("IpaeActivation",
			MSG_BODY(msg, IpaeActivationResponse)->ipae_activation_result.value, codes,
			error);
}
