/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the card thread share. Everything here runs on that thread.
 */
#pragma once

#include "card-link.h"

typedef struct CardThread {
	int listen_fd, fd;
	PostBox *jobs, *notes;
	CardState state;
	bool read_eid;
	int64_t answer_limit; /* µs */
	int64_t refresh_limit; /* µs */
	bool listeners; /* a host registered for REFRESH: it must say refresh-complete */
	bool quiet;
	unsigned fetch; /* octets of a proactive command that waits (256: not told); 0: none */
	bool host_apdu; /* who sends: for the counters */
	CardLose lose;
	/* A refresh without a reset goes on until the hosts have read their files. */
	int64_t refresh_until; /* 0: none */
	uint8_t refresh_number, refresh_qualifier, refresh_mode;
} CardThread;

typedef struct CardAnswer {
	GBytes *data; /* NULL: none */
	uint16_t sw;
} CardAnswer;

void card_answer_clear(CardAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CardAnswer, card_answer_clear)

/* card-link.c: one exchange as it is. False if the card is gone (it is closed then). */
bool card_exchange(CardThread *t, Span apdu, CardAnswer *ret);
/* The same, and 61xx and 6Cxx are dealt with. */
bool card_collect(CardThread *t, Span apdu, CardAnswer *ret);
/* CLA with the number of the channel in it (TS 102 221 10.1.1). */
uint8_t card_class(uint8_t cla, unsigned channel);
bool card_control(CardThread *t, uint8_t code);
/* The ATR into the state. False if there is none. */
bool card_ask_atr(CardThread *t);
void card_lost(CardThread *t);
void card_note_state(CardThread *t);
void card_note_refresh(CardThread *t, uint8_t stage, uint8_t mode);

/* card-life.c */
/* Power (cold) or reset (warm), ATR, TERMINAL PROFILE, identity. */
void card_start(CardThread *t, bool cold);
void card_power_off(CardThread *t);
/* What the card asks for after 91xx. */
void card_proactive(CardThread *t);
void card_refresh_done(CardThread *t, bool success);

/* card-file.c */
/* Selects the file of a path (two octets each, 7FFF is the USIM) on the basic channel. ret: its FCP. */
bool card_select_path(CardThread *t, Span path, CardAnswer *ret);
bool card_select_aid(CardThread *t, unsigned channel, Span aid, CardSelect what, CardAnswer *ret);
void card_read_identity(CardThread *t);
void card_read_eid(CardThread *t);
void card_job_read(CardThread *t, CardJob *job);
