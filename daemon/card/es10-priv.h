/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between es10.c and es10-iot.c: one command with its answer, and what a result code means. */
#pragma once

#include "card/es10.h"

/* Meaning of a result code; a table ends with text NULL. */
typedef struct ResultCode {
	int64_t code;
	Sgp32Error error;
	const char *text;
} ResultCode;

/* Ok, or the named error of the code; codes may be NULL. */
bool es10_check_code(
	const char *function, int64_t code, const ResultCode *codes, GError **error) SGP32_CHECK;
/* Errors: CardMalformed. */
Msg *es10_decode(
	const char *function, const MsgType *type, GBytes *answer, GError **error) SGP32_CHECK;
/* Values of a caller (addresses, nicknames) may be out of bounds: InvalidArgument then. */
bool es10_call(Isdr *isdr, const char *function, IsdrMode mode, const MsgType *request_type,
	const void *request, const MsgType *answer_type, Msg **ret, GError **error) SGP32_CHECK;
