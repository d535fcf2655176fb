/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "asn1/activation-code.h"

#include <string.h>

#define CODE_MAX 255
#define N_FIELDS_MAX 5

static void fields_free(char **fields)
{
	for (char **p = fields; p && *p; p++)
		wipe_string(*p);
	g_strfreev(fields);
}

/* A host name (SGP.22 wants an FQDN) or IPv4 address, and perhaps a port. */
static bool address_valid(const char *address)
{
	const char *port = strrchr(address, ':');
	size_t size = port ? (size_t)(port - address) : strlen(address);

	if (size == 0 || address[0] == '.' || address[0] == '-')
		return false;
	for (size_t i = 0; i < size; i++)
		if (!g_ascii_isalnum(address[i]) && address[i] != '.' && address[i] != '-')
			return false;
	if (port) {
		guint64 number;

		return g_ascii_string_to_unsigned(port + 1, 10, 1, 65535, &number, NULL);
	}
	return true;
}

/*
 * GSMA limits the matching id to upper-case letters, digits and '-'; servers in the field are
 * less strict.
 */
static bool matching_id_valid(const char *id)
{
	for (const char *p = id; *p; p++)
		if (!g_ascii_isgraph(*p))
			return false;
	return true;
}

static bool oid_valid(const char *oid)
{
	if (*oid == '\0')
		return true;
	if (!g_ascii_isdigit(oid[0]) || !g_ascii_isdigit(oid[strlen(oid) - 1]))
		return false;
	for (const char *p = oid; *p; p++)
		if (!(g_ascii_isdigit(*p) || (*p == '.' && p[1] != '.')))
			return false;
	return true;
}

static ActivationCode *parse(char **fields, GError **error)
{
	g_autoptr(ActivationCode) code = NULL;
	unsigned n = g_strv_length(fields);
	bool confirm = false;

	if (strcmp(fields[0], "1") != 0) {
		sgp32_fail(error, SGP32_ERROR_INVALID_ACTIVATION_CODE,
			"an activation code begins with “LPA:1$” or “1$”");
		return NULL;
	}
	if (n < 3 || n > N_FIELDS_MAX) {
		sgp32_fail(error, SGP32_ERROR_INVALID_ACTIVATION_CODE,
			"an activation code has three to five parts between “$” signs, not %u", n);
		return NULL;
	}
	if (!address_valid(fields[1])) {
		sgp32_fail(error, SGP32_ERROR_INVALID_ACTIVATION_CODE,
			"the activation code names no valid SM-DP+ address");
		return NULL;
	}
	if (!matching_id_valid(fields[2])) {
		sgp32_fail(error, SGP32_ERROR_INVALID_ACTIVATION_CODE,
			"the matching id in the activation code has forbidden characters");
		return NULL;
	}
	if (n > 3 && !oid_valid(fields[3])) {
		sgp32_fail(error, SGP32_ERROR_INVALID_ACTIVATION_CODE,
			"the activation code names no valid SM-DP+ OID");
		return NULL;
	}
	if (n > 4) {
		confirm = strcmp(fields[4], "1") == 0;
		if (!confirm && *fields[4] != '\0' && strcmp(fields[4], "0") != 0) {
			sgp32_fail(error, SGP32_ERROR_INVALID_ACTIVATION_CODE,
				"the last part of the activation code is not “1”");
			return NULL;
		}
	}
	code = g_new0(ActivationCode, 1);
	code->smdp_address = g_strdup(fields[1]);
	code->matching_id = g_strdup(fields[2]);
	code->smdp_oid = g_strdup(n > 3 ? fields[3] : "");
	code->confirmation_code_required = confirm;
	return g_steal_pointer(&code);
}

ActivationCode *activation_code_parse(const char *text, GError **error)
{
	char *copy;
	char **fields;
	const char *start;
	ActivationCode *code;

	while (g_ascii_isspace(*text))
		text++;
	if (strlen(text) > CODE_MAX + 16) {
		sgp32_fail(error, SGP32_ERROR_INVALID_ACTIVATION_CODE,
			"the activation code is longer than %d characters", CODE_MAX);
		return NULL;
	}
	copy = g_strchomp(g_strdup(text));
	if (strlen(copy) > CODE_MAX) {
		wipe_free(copy);
		sgp32_fail(error, SGP32_ERROR_INVALID_ACTIVATION_CODE,
			"the activation code is longer than %d characters", CODE_MAX);
		return NULL;
	}
	start = g_ascii_strncasecmp(copy, "LPA:", 4) == 0 ? copy + 4 : copy;
	if (*start == '\0') {
		wipe_free(copy);
		sgp32_fail(
			error, SGP32_ERROR_INVALID_ACTIVATION_CODE, "the activation code is empty");
		return NULL;
	}
	fields = g_strsplit(start, "$", N_FIELDS_MAX + 1);
	wipe_free(copy);
	code = parse(fields, error);
	fields_free(fields);
	return code;
}

void activation_code_free(ActivationCode *code)
{
	if (!code)
		return;
	g_free(code->smdp_address);
	wipe_free(code->matching_id);
	g_free(code->smdp_oid);
	g_free(code);
}
