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
