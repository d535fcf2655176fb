/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A card that expects fixed octets: a script of APDUs and what is answered, for the tests of the session and
 * of ES10.
 */
#pragma once

#include "card/isdr.h"

typedef struct CardScript {
	const char *const *lines; /* "command > answer", hex; NULL ends. See card_script_new() */
	unsigned at; /* the next one */
	CardState state;
	PostCancel *cancel; /* that lines with "cancel" set */
	unsigned waits, resets;
	bool refresh_by_itself; /* a REFRESH begins with the first wait, and ends with the second one */
	bool reset_fails; /* the card does not come back from it */
	GString *calls; /* of functions of the device: "open close terminal " */
} CardScript;

/* Lines: "00a4… > 9000", octets of data in front of the status word; the answer may be "lost" (CardLost and a
 * new epoch), "gone" (the device is), "timeout", or "cancel 9000" (the job is cancelled while the card works). */
void card_script_init(CardScript *script, const char *const *lines);
void card_script_clear(CardScript *script);
/* by_device: channels are opened by functions of the device. */
Card *card_script_open(CardScript *script, bool by_device);
void card_script_done(CardScript *script); /* all lines were used */
/* With an ISD-R whose TERMINAL CAPABILITY is empty. */
Isdr *card_script_isdr(CardScript *script);

/* MANAGE CHANNEL and SELECT as the first two lines of most scripts. */
#define OPEN_LINES "0070000001 > 01 9000", "01a4040010a0000005591010ffffffff8900000100 > 9000"
#define CLOSE_LINE "0070800100 > 9000"
