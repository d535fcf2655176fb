/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a modem does with a card by itself: start, power, proactive commands, REFRESH.
 */
#include "card-priv.h"

#include "base/clock.h"

/* Commands that a card may ask for in one go. */
#define PROACTIVE_MAX 8
#define COMMAND_REFRESH 0x01

static void channels_forget(CardThread *t)
{
	memset(t->state.channels, 0, sizeof(t->state.channels));
}

static void identity_forget(CardThread *t)
{
	t->state.has_iccid = false;
	t->state.has_usim = false;
	t->state.imsi[0] = 0;
	t->state.mnc_digits = 2;
}

static void terminal_profile(CardThread *t)
{
	/* Profile download, proactive UICC: FETCH and TERMINAL RESPONSE, REFRESH (TS 102 223 5.2). */
	static const uint8_t apdu[] = { 0x80, 0x10, 0x00, 0x00, 0x0a, 0x01, 0x00, 0x80, 0x00, 0x00,
		0x00, 0x00, 0x00, 0x00, 0x00 };
	g_auto(CardAnswer) answer = {};

	if (card_exchange(t, SPAN_ARRAY(apdu), &answer) && answer.sw != 0x9000 &&
		answer.sw >> 8 != 0x91)
		g_message("card: TERMINAL PROFILE answered %04x", answer.sw);
}

void card_start(CardThread *t, bool cold)
{
	bool atr;

	channels_forget(t);
	identity_forget(t);
	t->fetch = 0;
	t->refresh_until = 0;
	if (t->lose == CARD_LOSE_FETCH)
		t->lose = CARD_LOSE_NONE;
	t->state.phase = CARD_STARTING;
	t->state.resets++;
	card_note_state(t);
	if (!(cold ? card_control(t, 0) && card_control(t, 1) : card_control(t, 2)))
		return;
	atr = card_ask_atr(t);
	if (t->fd < 0)
		return;
	if (!atr) {
		g_warning("card: no ATR");
		t->state.phase = CARD_MUTE;
		card_note_state(t);
		return;
	}
	terminal_profile(t);
	card_read_identity(t);
	if (t->read_eid && !t->state.has_eid)
		card_read_eid(t);
	if (t->fd < 0)
		return;
	t->state.phase = CARD_READY;
	card_note_state(t);
}

void card_power_off(CardThread *t)
{
	if (!card_control(t, 0))
		return;
	channels_forget(t);
	identity_forget(t);
	t->fetch = 0;
	t->refresh_until = 0;
	t->state.phase = CARD_OFF;
	card_note_state(t);
}

/* The details of the command in a proactive command D0 {81 03 number type qualifier …}. */
static bool command_details(Span command, uint8_t ret[3])
{
	const uint8_t *p = command.data;
	size_t at = 2;

	if (command.size >= 2 && p[1] == 0x81)
		at = 3;
	if (command.size < at + 5 || p[0] != 0xd0 || (p[at] & 0x7f) != 0x01 || p[at + 1] != 3)
		return false;
	memcpy(ret, p + at + 2, 3);
	return true;
}

static bool terminal_response(CardThread *t, const uint8_t details[3], uint8_t result)
{
	uint8_t apdu[17] = { 0x80, 0x14, 0x00, 0x00, 0x0c, 0x81, 0x03, details[0], details[1],
		details[2], 0x82, 0x02, 0x82, 0x81, 0x83, 0x01, result };
	g_auto(CardAnswer) answer = {};

	if (!card_exchange(t, SPAN_ARRAY(apdu), &answer))
		return false;
	if (answer.sw != 0x9000 && answer.sw >> 8 != 0x91)
		g_message("card: TERMINAL RESPONSE answered %04x", answer.sw);
	return true;
}

/* The mode as QMI numbers it (TS 102 223 8.6 for the qualifier). */
static uint8_t refresh_mode(uint8_t qualifier)
{
	switch (qualifier) {
	case 0x00: return REFRESH_INIT_FULL_FCN;
	case 0x01: return REFRESH_FCN;
	case 0x02: return REFRESH_INIT_FCN;
	case 0x03: return REFRESH_INIT;
	case 0x05: return REFRESH_APP_RESET;
	case 0x06: return REFRESH_SESSION_RESET;
	default: return REFRESH_RESET; /* 04 UICC reset, 09 eUICC profile state change */
	}
}

static void refresh_note(CardThread *t, uint8_t stage, uint8_t mode)
{
	bool lost = t->lose == CARD_LOSE_REFRESH || t->lose == CARD_LOSE_ALL ||
		(t->lose == CARD_LOSE_END && stage != REFRESH_START);

	if (!lost)
		card_note_refresh(t, stage, mode);
}

static void refresh_over(CardThread *t)
{
	t->lose = CARD_LOSE_NONE;
	t->quiet = false;
}

static void refresh(CardThread *t, const uint8_t details[3])
{
	uint8_t mode = refresh_mode(details[2]);

	t->quiet = t->lose == CARD_LOSE_ALL;
	if (mode == REFRESH_RESET) {
		if (!terminal_response(t, details, 0x00)) {
			refresh_over(t);
			return;
		}
		refresh_note(t, REFRESH_START, mode);
		card_start(t, false);
		refresh_note(t,
			t->state.phase == CARD_READY ? REFRESH_END_SUCCESS : REFRESH_END_FAILURE,
			mode);
		refresh_over(t);
		return;
	}
	t->refresh_number = details[0];
	t->refresh_qualifier = details[2];
	t->refresh_mode = mode;
	t->refresh_until = clock_monotonic() + t->refresh_limit;
	refresh_note(t, REFRESH_START, mode);
	if (!t->listeners || t->lose == CARD_LOSE_REFRESH || t->lose == CARD_LOSE_ALL)
		card_refresh_done(t, true);
}

void card_refresh_done(CardThread *t, bool success)
{
	uint8_t details[3] = { t->refresh_number, COMMAND_REFRESH, t->refresh_qualifier };

	t->refresh_until = 0;
	/* 20: the terminal cannot do it now (TS 102 223 8.12). */
	if (terminal_response(t, details, success ? 0x00 : 0x20)) {
		identity_forget(t);
		card_read_identity(t);
		card_note_state(t);
		refresh_note(
			t, success ? REFRESH_END_SUCCESS : REFRESH_END_FAILURE, t->refresh_mode);
	}
	refresh_over(t);
}

void card_proactive(CardThread *t)
{
	for (unsigned i = 0; t->fetch && i < PROACTIVE_MAX; i++) {
		uint8_t fetch[5] = { 0x80, 0x12, 0x00, 0x00, (uint8_t)t->fetch };
		g_auto(CardAnswer) answer = {};
		uint8_t details[3];

		if (t->lose == CARD_LOSE_FETCH)
			break; /* until the card is restarted: it would only ask again */
		if (t->refresh_until)
			return; /* one command at a time: the card repeats its 91xx */
		t->fetch = 0;
		if (!card_collect(t, SPAN_ARRAY(fetch), &answer))
			return;
		if (!command_details(span_of(answer.data), details)) {
			g_warning("card: a proactive command that cannot be read");
			return;
		}
		/* 30: beyond what the terminal can do (TS 102 223 8.12). */
		if (details[1] == COMMAND_REFRESH)
			refresh(t, details);
		else if (!terminal_response(t, details, 0x30))
			return;
	}
	t->fetch = 0;
}
