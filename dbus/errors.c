/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "errors.h"

#include <errno.h>
#include <string.h>

#include "names.h"

/* Exit codes group the errors by what a script can do about them. */
enum {
	EXIT_FAILED = 1,
	EXIT_USAGE = 2, /* caller's fault */
	EXIT_NOT_AUTHORIZED = 3,
	EXIT_NOT_THERE = 4,
	EXIT_BUSY = 5, /* try again soon */
	EXIT_RULE = 6, /* a rule of policy, eIM or profile forbids it */
	EXIT_NETWORK = 7, /* network or server */
	EXIT_STOPPED = 8, /* by a person */
	EXIT_NOT_SUPPORTED = 9,
	EXIT_CARD = 10, /* the card said no */
	EXIT_PACKAGE = 11, /* verdicts on packages */
	EXIT_STORE = 12, /* the daemon's own state cannot be written */
};

#define ROW(code_, name_, number_, exit_)                                                          \
	[SGP32_ERROR_##code_] = { SGP32_ERROR_##code_, SGP32_ERROR_PREFIX name_, number_, exit_ }

static const ErrorRow rows[SGP32_N_ERRORS] = {
	ROW(FAILED, "Failed", EIO, EXIT_FAILED),
	ROW(INVALID_ARGUMENT, "InvalidArgument", EINVAL, EXIT_USAGE),
	ROW(UNKNOWN_OPTION, "UnknownOption", EINVAL, EXIT_USAGE),
	ROW(INVALID_ACTIVATION_CODE, "InvalidActivationCode", EINVAL, EXIT_USAGE),
	ROW(NOT_AUTHORIZED, "NotAuthorized", EACCES, EXIT_NOT_AUTHORIZED),
	ROW(NOT_FOUND, "NotFound", ENOENT, EXIT_NOT_THERE),
	ROW(NO_CARD, "NoCard", ENOMEDIUM, EXIT_NOT_THERE),
	ROW(CARD_LOST, "CardLost", ENODEV, EXIT_NOT_THERE),
	ROW(BUSY, "Busy", EBUSY, EXIT_BUSY),
	ROW(CARD_BUSY, "CardBusy", EAGAIN, EXIT_BUSY),
	ROW(INHIBITED, "Inhibited", EBUSY, EXIT_BUSY),
	ROW(POLICY_DENIED, "PolicyDenied", EPERM, EXIT_RULE),
	ROW(POLICY_LATER, "PolicyLater", EPERM, EXIT_RULE),
	ROW(MANAGED, "Managed", EPERM, EXIT_RULE),
	ROW(PROFILE_POLICY_RULE, "ProfilePolicyRule", EPERM, EXIT_RULE),
	ROW(EMERGENCY_ACTIVE, "EmergencyActive", EPERM, EXIT_RULE),
	ROW(NETWORK_UNAVAILABLE, "NetworkUnavailable", ENETUNREACH, EXIT_NETWORK),
	ROW(TIMEOUT, "Timeout", ETIMEDOUT, EXIT_NETWORK),
	ROW(TLS_UNTRUSTED, "TlsUntrusted", EPROTO, EXIT_NETWORK),
	ROW(SERVER_REFUSED, "ServerRefused", ECONNREFUSED, EXIT_NETWORK),
	ROW(CANCELLED, "Cancelled", ECANCELED, EXIT_STOPPED),
	ROW(REJECTED, "Rejected", ECANCELED, EXIT_STOPPED),
	ROW(NOT_SUPPORTED, "NotSupported", EOPNOTSUPP, EXIT_NOT_SUPPORTED),
	ROW(FALLBACK_NOT_AVAILABLE, "FallbackNotAvailable", EOPNOTSUPP, EXIT_NOT_SUPPORTED),
	ROW(ROLLBACK_NOT_ALLOWED, "RollbackNotAllowed", EOPNOTSUPP, EXIT_NOT_SUPPORTED),
	ROW(NO_MEMORY, "NoMemory", ENOSPC, EXIT_CARD),
	ROW(PROFILE_NOT_DISABLED, "ProfileNotDisabled", ENOTEMPTY, EXIT_CARD),
	ROW(PROFILE_NOT_ENABLED, "ProfileNotEnabled", ENOTCONN, EXIT_CARD),
	ROW(CONFIRMATION_CODE_REQUIRED, "ConfirmationCodeRequired", ENOKEY, EXIT_CARD),
	ROW(CONFIRMATION_CODE_WRONG, "ConfirmationCodeWrong", EKEYREJECTED, EXIT_CARD),
	ROW(SIGNATURE_INVALID, "SignatureInvalid", EBADMSG, EXIT_PACKAGE),
	ROW(REPLAY_REJECTED, "ReplayRejected", ESTALE, EXIT_PACKAGE),
	ROW(ROLLED_BACK, "RolledBack", EREMOTEIO, EXIT_PACKAGE),
	ROW(CARD_REFUSED, "CardRefused", EREMOTEIO, EXIT_CARD),
	ROW(CARD_MALFORMED, "CardMalformed", EBADMSG, EXIT_CARD),
	ROW(SERVER_MALFORMED, "ServerMalformed", EBADMSG, EXIT_NETWORK),
	ROW(STORE_UNAVAILABLE, "StoreUnavailable", EROFS, EXIT_STORE),
	ROW(INSTALL_FAILED, "InstallFailed", EREMOTEIO, EXIT_CARD),
};

const ErrorRow *error_row(Sgp32Error code)
{
	return (unsigned)code < SGP32_N_ERRORS && rows[code].name ? &rows[code]
								  : &rows[SGP32_ERROR_FAILED];
}

const ErrorRow *error_row_of(const GError *error)
{
	return error_row(error && error->domain == SGP32_ERROR ? (Sgp32Error)error->code
							       : SGP32_ERROR_FAILED);
}

const ErrorRow *error_row_find(const char *name)
{
	const char *last;

	if (!name)
		return NULL;
	last = g_str_has_prefix(name, SGP32_ERROR_PREFIX) ? name + strlen(SGP32_ERROR_PREFIX)
							  : name;
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		if (strcmp(error_row_short_name(&rows[i]), last) == 0)
			return &rows[i];
	return NULL;
}

const char *error_row_short_name(const ErrorRow *row)
{
	return row->name + strlen(SGP32_ERROR_PREFIX);
}
