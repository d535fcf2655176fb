/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one error domain. Its codes are the D-Bus names org.sgp32.Error.*; the table of names, errno and
 * exit codes is dbus/errors.c.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define SGP32_CHECK __attribute__((warn_unused_result))

typedef enum Sgp32Error {
	SGP32_ERROR_FAILED, /* not classified: a bug if frequent */
	SGP32_ERROR_INVALID_ARGUMENT,
	SGP32_ERROR_UNKNOWN_OPTION,
	SGP32_ERROR_INVALID_ACTIVATION_CODE,
	SGP32_ERROR_NOT_AUTHORIZED,
	SGP32_ERROR_NOT_FOUND,
	SGP32_ERROR_NO_CARD,
	SGP32_ERROR_CARD_LOST,
	SGP32_ERROR_BUSY,
	SGP32_ERROR_CARD_BUSY,
	SGP32_ERROR_INHIBITED,
	SGP32_ERROR_POLICY_DENIED,
	SGP32_ERROR_POLICY_LATER,
	SGP32_ERROR_MANAGED,
	SGP32_ERROR_PROFILE_POLICY_RULE,
	SGP32_ERROR_EMERGENCY_ACTIVE,
	SGP32_ERROR_NETWORK_UNAVAILABLE,
	SGP32_ERROR_TIMEOUT,
	SGP32_ERROR_TLS_UNTRUSTED,
	SGP32_ERROR_SERVER_REFUSED,
	SGP32_ERROR_CANCELLED,
	SGP32_ERROR_REJECTED,
	SGP32_ERROR_NOT_SUPPORTED,
	SGP32_ERROR_FALLBACK_NOT_AVAILABLE,
	SGP32_ERROR_ROLLBACK_NOT_ALLOWED,
	SGP32_ERROR_NO_MEMORY,
	SGP32_ERROR_PROFILE_NOT_DISABLED,
	SGP32_ERROR_PROFILE_NOT_ENABLED,
	SGP32_ERROR_CONFIRMATION_CODE_REQUIRED,
	SGP32_ERROR_CONFIRMATION_CODE_WRONG,
	SGP32_ERROR_SIGNATURE_INVALID,
	SGP32_ERROR_REPLAY_REJECTED,
	SGP32_ERROR_ROLLED_BACK,
	/* What a card or a server sent cannot be understood. */
	SGP32_ERROR_CARD_REFUSED, /* an ES10 result or status word without a name of its own */
	SGP32_ERROR_CARD_MALFORMED,
	SGP32_ERROR_SERVER_MALFORMED,
	SGP32_ERROR_STORE_UNAVAILABLE, /* full, read-only or damaged */
	SGP32_ERROR_INSTALL_FAILED, /* ProfileInstallationResult with an error reason */
	SGP32_N_ERRORS
} Sgp32Error;

/* Details that travel with an error. 0 / NULL = absent. */
typedef struct Sgp32ErrorDetails {
	uint16_t sw; /* status word of the card */
	int32_t spec; /* number of the specification's result enumeration */
	uint32_t http; /* HTTP status, or CoAP code as 100 * class + detail */
	char *subject; /* SGP.22 subject code, "8.2.6" */
	char *reason; /* SGP.22 reason code, "3.8" */
	char *hint; /* what the reader can do */
} Sgp32ErrorDetails;

#define SGP32_ERROR (sgp32_error_quark())
GQuark sgp32_error_quark(void);

/* The last part of the D-Bus name: "TlsUntrusted". "Failed" for errors of other domains. */
const char *sgp32_error_name(const GError *error);
const char *sgp32_error_code_name(Sgp32Error code);

/* NULL unless error is of our domain. */
const Sgp32ErrorDetails *sgp32_error_details(const GError *error);
void sgp32_error_set_sw(GError *error, uint16_t sw);
void sgp32_error_set_spec(GError *error, int32_t spec);
void sgp32_error_set_http(GError *error, uint32_t http);
void sgp32_error_set_codes(GError *error, const char *subject, const char *reason);
void sgp32_error_set_hint(GError *error, const char *hint);

/* Sets the error and returns false, so that a guard is one line: return sgp32_fail(error, …); */
bool sgp32_fail(GError **error, Sgp32Error code, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* The same with the number of the specification's result enumeration. */
bool sgp32_fail_spec(GError **error, Sgp32Error code, int32_t spec, const char *format, ...)
	G_GNUC_PRINTF(4, 5);
bool sgp32_fail_sw(GError **error, Sgp32Error code, uint16_t sw, const char *format, ...)
	G_GNUC_PRINTF(4, 5);

static inline bool sgp32_error_is(const GError *error, Sgp32Error code)
{
	return error && error->domain == SGP32_ERROR && error->code == (int)code;
}
