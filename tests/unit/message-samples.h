/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages as fixed bytes, worked out by hand and by an independent ASN.1 compiler: for the unit tests of
 * the message tables, and as the first corpus of their fuzzer. Certificates are stand-ins: the tables look
 * at their outer tag only.
 */
#pragma once

#include "asn1/msg.h"

typedef struct MsgSample {
	const MsgType *type;
	const char *shows; /* what msg_to_text() must contain, between '|' */
	const char *hex;
} MsgSample;

typedef struct MsgSamples {
	const MsgSample *samples;
	const size_t *count;
} MsgSamples;

extern const MsgSample samples_card[], samples_profile[], samples_package[], samples_esipa[];
extern const MsgSample samples_es9plus[], samples_v13[];
extern const size_t n_samples_card, n_samples_profile, n_samples_package, n_samples_esipa;
extern const size_t n_samples_es9plus, n_samples_v13;

#define ALL_MESSAGE_SAMPLES                                                                        \
	{ samples_card, &n_samples_card }, { samples_profile, &n_samples_profile },                \
		{ samples_package, &n_samples_package }, { samples_esipa, &n_samples_esipa },      \
		{ samples_es9plus, &n_samples_es9plus },                                           \
	{                                                                                          \
		samples_v13, &n_samples_v13                                                        \
	}
