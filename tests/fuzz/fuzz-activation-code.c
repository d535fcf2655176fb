/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any text as an activation code, and as the address of a server.
 */
#include "asn1/activation-code.h"
#include "net/http.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);
	g_autoptr(GError) error = NULL;
	g_autoptr(GError) none = NULL;
	g_autoptr(ActivationCode) code = activation_code_parse(text, &error);
	g_autofree char *host = NULL;
	uint16_t port = 0;

	if (code)
		g_assert(*code->smdp_address && code->matching_id &&
			strlen(code->smdp_address) + strlen(code->matching_id) < 256);
	else
		g_assert_error(error, SGP32_ERROR, SGP32_ERROR_INVALID_ACTIVATION_CODE);
	if (http_authority_parse(text, 443, &host, &port, &none)) {
		g_assert(port && http_host_is_valid(host));
		for (const char *c = host; *c; c++)
			g_assert(g_ascii_isalnum(*c) || strchr("-_.:", *c));
	} else {
		g_assert_error(none, SGP32_ERROR, SGP32_ERROR_INVALID_ARGUMENT);
	}
	return 0;
}
