/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Activation codes (SGP.22 4.1): [LPA:]1$<address>$<matching id>[$<OID>[$<1>]], at most 255
 * characters. The matching id is a secret: activation_code_free() wipes it.
 */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

typedef struct ActivationCode {
	char *smdp_address; /* FQDN, may hold :port */
	char *matching_id; /* "" if the code has none */
	char *smdp_oid; /* "" if the code has none */
	bool confirmation_code_required;
} ActivationCode;

/*
 * White space around the code is ignored. Errors: InvalidActivationCode; its text never quotes
 * the code.
 */
ActivationCode *activation_code_parse(const char *text, GError **error) SGP32_CHECK;
void activation_code_free(ActivationCode *code);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ActivationCode, activation_code_free)
