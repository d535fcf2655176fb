/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Session: a logical channel to the ISD-R, on which ES10 commands go as STORE DATA (SGP.22 5.7.2).
 *
 * One thread only. The session opens itself with the first command, and again after a reset or REFRESH.
 * Errors: NoCard, CardLost, CardBusy, Timeout and Cancelled as they come; NotSupported (no ISD-R, or 6A88,
 * 6D00: the card does not know the command; a command of more blocks than there are numbers); CardRefused (any other status word, in the details);
 * CardMalformed (the answer is not one TLV, or too long).
 */
#pragma once

#include "card/card.h"

/* An answer may not be longer: 256 blocks of 255 octets is what a command can be. */
#define ISDR_ANSWER_MAX 65536

typedef struct Isdr Isdr;

typedef struct IsdrSettings {
	const GPtrArray *aids; /* of GBytes, tried in order; NULL: the AID of SGP.02 alone */
	Span terminal_capability; /* template A9 {…}; empty: not sent */
	unsigned block_size; /* octets of data in a STORE DATA, at most 255; 0: 255 */
	unsigned busy_ms; /* how long a busy card is asked again; 0: 5000 */
	unsigned refresh_ms; /* how long a REFRESH may take from start to end; 0: 20000 */
} IsdrSettings;

/* card is taken, settings are copied (the AIDs by reference). */
Isdr *isdr_new(Card *card, const IsdrSettings *settings);
/* Closes the channel if the card is there. */
void isdr_free(Isdr *isdr);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Isdr, isdr_free)

/* Looked at between APDUs and in every wait; NULL: none. A reference is kept. */
void isdr_set_cancel(Isdr *isdr, PostCancel *cancel);
/* While held, cancel is not looked at: stopping would be worse than going on. Calls nest. */
void isdr_hold(Isdr *isdr);
void isdr_release(Isdr *isdr);
void isdr_set_tap(Isdr *isdr, const CardTap *tap); /* copied; NULL: none */

bool isdr_open(Isdr *isdr, GError **error) SGP32_CHECK;
void isdr_close(Isdr *isdr);
bool isdr_is_open(Isdr *isdr);
/* The answer to SELECT ISD-R without its status word; empty if the device hides it. Valid while open. */
Span isdr_select_answer(Isdr *isdr);

typedef enum IsdrMode {
	/* Changes nothing on the card: sent once more on a new channel if the session was lost. */
	ISDR_READ,
	/* Sent once. CardLost if the session was lost: read the card to see what became of it. */
	ISDR_CHANGE,
} IsdrMode;

/* One ES10 command, one TLV. ret: the answer, one TLV, or empty if the card gave none (9000). */
bool isdr_command(
	Isdr *isdr, Span command, IsdrMode mode, GBytes **ret, GError **error) SGP32_CHECK;
/* One chain that need not be a whole TLV, on the session that is open: segments of a BPP. */
bool isdr_segment(Isdr *isdr, Span data, GBytes **ret, GError **error) SGP32_CHECK;

/*
 * The card is to switch profiles: waits until it has REFRESHed, up to `seconds`; resets it if it did not,
 * and waits for that. ret_reset (may be NULL): whether it had to. The session is closed afterwards.
 * Errors: CardLost (card or device gone, not back), Timeout (reset did not help), Cancelled.
 */
bool isdr_wait_refresh(Isdr *isdr, unsigned seconds, bool *ret_reset, GError **error) SGP32_CHECK;
/* Grows with every reset of the card that was seen. */
unsigned isdr_epoch(Isdr *isdr);
Card *isdr_card(Isdr *isdr);
