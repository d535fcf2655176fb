/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What notifications say, as JSON: for the servers that receive them (SGP.22 2.5.6, 5.7.10).
 */
#pragma once

#include "lab/common/state.h"

/* Members of NotificationMetadata (the value of BF2F): seq, event, address, iccid. False if malformed. */
bool notice_metadata(json_t *entry, Span value);

typedef struct NoticePir {
	Span data; /* BF27, whole: what is signed */
	Span signature; /* 64 octets */
	Span transaction_id, smdp_oid, metadata; /* values */
	bool ok;
	char *error; /* of an error result, for people; NULL if ok */
} NoticePir;

/* ProfileInstallationResult BF37, its value. False if malformed; then nothing is to be cleared. */
bool notice_pir(Span value, NoticePir *ret);
void notice_pir_clear(NoticePir *pir);

/* An INTEGER of at most 8 octets; false if it is not one. */
bool notice_integer(Span value, int64_t *ret);
/* The 64 octets of a 5F37 among the children. */
bool notice_signature(Span parent, Span *ret);
