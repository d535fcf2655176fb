/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Activation codes, SGP.22 4.1: [LPA:]1$address$matching-id[$oid[$1]].
 */
#include "asn1/der.h"
#include "net/es9plus.h"

#include <string.h>

void activation_code_clear(ActivationCode *code)
{
	g_clear_pointer(&code->smdp_address, g_free);
	g_clear_pointer(&code->matching_id, wipe_free);
	g_clear_pointer(&code->smdp_oid, g_free);
	code->confirmation_code_required = false;
}

static bool code_fail(GError **error, const char *what)
{
	sgp32_fail(error, SGP32_ERROR_INVALID_ACTIVATION_CODE, "the activation code %s", what);
	if (error)
		sgp32_error_set_hint(*error, "it looks like LPA:1$smdp.example.com$MATCHING-ID");
	return false;
}

/* The field that begins at *at, up to the next "$"; *at is moved behind it, NULL after the last one. */
static char *take_field(const char **at)
{
	const char *begin = *at, *end;

	if (!begin)
		return NULL;
	end = strchr(begin, '$');
	*at = end ? end + 1 : NULL;
	return end ? g_strndup(begin, end - begin) : g_strdup(begin);
}

static bool parse_address(const char *address, GError **error)
{
	g_autoptr(GError) reason = NULL;
	g_autofree char *host = NULL;
	uint16_t port;

	if (!*address)
		return code_fail(error, "names no SM-DP+");
	if (http_authority_parse(address, 443, &host, &port, &reason))
		return true;
	return code_fail(error, "names an SM-DP+ whose address is not one of a server");
}

static bool parse_fields(const char *text, ActivationCode *code, GError **error)
{
	const char *at = text;
	g_autofree char *format = take_field(&at);
	g_autofree char *flag = NULL;

	if (strcmp(format, "1") != 0)
		return code_fail(
			error, at ? "has another format than 1" : "is none: it has no \"$\"");
	code->smdp_address = take_field(&at);
	if (!code->smdp_address || !parse_address(code->smdp_address, error))
		return code->smdp_address ? false : code_fail(error, "names no SM-DP+");
	code->matching_id = take_field(&at);
	if (!code->matching_id)
		return code_fail(
			error, "ends after the address: \"$\" and a matching id are missing");
	code->smdp_oid = take_field(&at);
	if (code->smdp_oid && !*code->smdp_oid)
		g_clear_pointer(&code->smdp_oid, g_free);
	if (code->smdp_oid) {
		g_autoptr(GBytes) oid = der_oid_from_text(code->smdp_oid);

		if (!oid)
			return code_fail(error, "has a fourth field that is no object identifier");
	}
	flag = take_field(&at);
	if (flag && *flag && strcmp(flag, "1") != 0)
		return code_fail(
			error, "has a fifth field (confirmation code required) that is not 1");
	code->confirmation_code_required = flag && *flag;
	/* What later versions add behind does not concern us. */
	return true;
}

bool activation_code_parse(const char *text, ActivationCode *ret, GError **error)
{
	g_auto(ActivationCode) code = { 0 };
	char copy[ACTIVATION_CODE_MAX + 1];
	const char *begin = text ? text : "", *end;
	bool ok;

	while (g_ascii_isspace(*begin))
		begin++;
	end = begin + strlen(begin);
	while (end > begin && g_ascii_isspace(end[-1]))
		end--;
	if (end == begin)
		return code_fail(error, "is empty");
	if (end - begin > ACTIVATION_CODE_MAX)
		return code_fail(error, "is longer than 255 characters");
	for (const char *c = begin; c < end; c++)
		if (!g_ascii_isgraph(*c))
			return code_fail(
				error, "holds a character that is not printable, or a space");
	/* In a picture the prefix tells what the code is for; it does not belong to it. */
	if (end - begin >= 4 && g_ascii_strncasecmp(begin, "LPA:", 4) == 0)
		begin += 4;
	memcpy(copy, begin, end - begin);
	copy[end - begin] = '\0';
	ok = parse_fields(copy, &code, error);
	wipe(copy, sizeof(copy));
	if (!ok)
		return false;
	*ret = code;
	code = (ActivationCode) { 0 };
	return true;
}
