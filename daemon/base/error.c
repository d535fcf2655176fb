/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"

typedef struct Sgp32ErrorDetails Sgp32ErrorPrivate;

static void sgp32_error_private_init(Sgp32ErrorPrivate *priv)
{
}

static void sgp32_error_private_copy(const Sgp32ErrorPrivate *src, Sgp32ErrorPrivate *dest)
{
	dest->sw = src->sw;
	dest->spec = src->spec;
	dest->http = src->http;
	dest->subject = g_strdup(src->subject);
	dest->reason = g_strdup(src->reason);
	dest->hint = g_strdup(src->hint);
}

static void sgp32_error_private_clear(Sgp32ErrorPrivate *priv)
{
	g_free(priv->subject);
	g_free(priv->reason);
	g_free(priv->hint);
}

G_DEFINE_EXTENDED_ERROR(Sgp32Error, sgp32_error)

const char *sgp32_error_code_name(Sgp32Error code)
{
	static const char *const names[SGP32_N_ERRORS] = {
		[SGP32_ERROR_FAILED] = "Failed",
		[SGP32_ERROR_INVALID_ARGUMENT] = "InvalidArgument",
		[SGP32_ERROR_UNKNOWN_OPTION] = "UnknownOption",
		[SGP32_ERROR_INVALID_ACTIVATION_CODE] = "InvalidActivationCode",
		[SGP32_ERROR_NOT_AUTHORIZED] = "NotAuthorized",
		[SGP32_ERROR_NOT_FOUND] = "NotFound",
		[SGP32_ERROR_NO_CARD] = "NoCard",
		[SGP32_ERROR_CARD_LOST] = "CardLost",
		[SGP32_ERROR_BUSY] = "Busy",
		[SGP32_ERROR_CARD_BUSY] = "CardBusy",
		[SGP32_ERROR_INHIBITED] = "Inhibited",
		[SGP32_ERROR_POLICY_DENIED] = "PolicyDenied",
		[SGP32_ERROR_POLICY_LATER] = "PolicyLater",
		[SGP32_ERROR_MANAGED] = "Managed",
		[SGP32_ERROR_PROFILE_POLICY_RULE] = "ProfilePolicyRule",
		[SGP32_ERROR_EMERGENCY_ACTIVE] = "EmergencyActive",
		[SGP32_ERROR_NETWORK_UNAVAILABLE] = "NetworkUnavailable",
		[SGP32_ERROR_TIMEOUT] = "Timeout",
		[SGP32_ERROR_TLS_UNTRUSTED] = "TlsUntrusted",
		[SGP32_ERROR_SERVER_REFUSED] = "ServerRefused",
		[SGP32_ERROR_CANCELLED] = "Cancelled",
		[SGP32_ERROR_REJECTED] = "Rejected",
		[SGP32_ERROR_NOT_SUPPORTED] = "NotSupported",
		[SGP32_ERROR_FALLBACK_NOT_AVAILABLE] = "FallbackNotAvailable",
		[SGP32_ERROR_ROLLBACK_NOT_ALLOWED] = "RollbackNotAllowed",
		[SGP32_ERROR_NO_MEMORY] = "NoMemory",
		[SGP32_ERROR_PROFILE_NOT_DISABLED] = "ProfileNotDisabled",
		[SGP32_ERROR_PROFILE_NOT_ENABLED] = "ProfileNotEnabled",
		[SGP32_ERROR_CONFIRMATION_CODE_REQUIRED] = "ConfirmationCodeRequired",
		[SGP32_ERROR_CONFIRMATION_CODE_WRONG] = "ConfirmationCodeWrong",
		[SGP32_ERROR_SIGNATURE_INVALID] = "SignatureInvalid",
		[SGP32_ERROR_REPLAY_REJECTED] = "ReplayRejected",
		[SGP32_ERROR_ROLLED_BACK] = "RolledBack",
		[SGP32_ERROR_CARD_REFUSED] = "CardRefused",
		[SGP32_ERROR_CARD_MALFORMED] = "CardMalformed",
		[SGP32_ERROR_SERVER_MALFORMED] = "ServerMalformed",
		[SGP32_ERROR_STORE_UNAVAILABLE] = "StoreUnavailable",
		[SGP32_ERROR_INSTALL_FAILED] = "InstallFailed",
	};

	return (unsigned)code < SGP32_N_ERRORS ? names[code] : names[SGP32_ERROR_FAILED];
}

const char *sgp32_error_name(const GError *error)
{
	return sgp32_error_code_name(error && error->domain == SGP32_ERROR ? (Sgp32Error)error->code
									   : SGP32_ERROR_FAILED);
}

const Sgp32ErrorDetails *sgp32_error_details(const GError *error)
{
	return error && error->domain == SGP32_ERROR ? sgp32_error_get_private(error) : NULL;
}

void sgp32_error_set_sw(GError *error, uint16_t sw)
{
	if (error && error->domain == SGP32_ERROR)
		sgp32_error_get_private(error)->sw = sw;
}

void sgp32_error_set_spec(GError *error, int32_t spec)
{
	if (error && error->domain == SGP32_ERROR)
		sgp32_error_get_private(error)->spec = spec;
}

void sgp32_error_set_http(GError *error, uint32_t http)
{
	if (error && error->domain == SGP32_ERROR)
		sgp32_error_get_private(error)->http = http;
}

void sgp32_error_set_codes(GError *error, const char *subject, const char *reason)
{
	if (error && error->domain == SGP32_ERROR) {
		Sgp32ErrorPrivate *priv = sgp32_error_get_private(error);

		g_free(priv->subject);
		g_free(priv->reason);
		priv->subject = g_strdup(subject);
		priv->reason = g_strdup(reason);
	}
}

void sgp32_error_set_hint(GError *error, const char *hint)
{
	if (error && error->domain == SGP32_ERROR) {
		Sgp32ErrorPrivate *priv = sgp32_error_get_private(error);

		g_free(priv->hint);
		priv->hint = g_strdup(hint);
	}
}

bool sgp32_fail(GError **error, Sgp32Error code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (error)
		*error = g_error_new_valist(SGP32_ERROR, code, format, args);
	va_end(args);
	return false;
}

bool sgp32_fail_spec(GError **error, Sgp32Error code, int32_t spec, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (error) {
		*error = g_error_new_valist(SGP32_ERROR, code, format, args);
		sgp32_error_set_spec(*error, spec);
	}
	va_end(args);
	return false;
}

bool sgp32_fail_sw(GError **error, Sgp32Error code, uint16_t sw, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (error) {
		*error = g_error_new_valist(SGP32_ERROR, code, format, args);
		sgp32_error_set_sw(*error, sw);
	}
	va_end(args);
	return false;
}
