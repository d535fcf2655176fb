/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The APDU layer (TS 102 221, SGP.22 5.7): channels, SELECT, STORE DATA in blocks, answers that wait for
 * GET RESPONSE as with T=0, and the proactive command there is, REFRESH.
 */
#include "lab/card/card.h"

#include <string.h>

#define STORE_DATA_MAX (256 * 255)

typedef struct Command {
	uint8_t cla, ins, p1, p2;
	unsigned channel;
	bool proprietary;
	Span data;
	int le; /* -1: absent; 0 means 256 */
} Command;

/* D0 { command details, device identities }; the qualifier is the verb's to choose. */
#define REFRESH_SIZE 11
#define REFRESH_QUALIFIER_AT 6
static const uint8_t refresh[REFRESH_SIZE] = { 0xd0, 0x09, 0x81, 0x03, 0x01, 0x01, 0x04, 0x82, 0x02,
	0x81, 0x82 };

/* ---- parts of the answer ---- */
/* T=0: the length must be the one there is; 00 takes all of it. */
static Sw answer_now(GByteArray *content, int le, GByteArray *out)
{
	if (le != 0 && le != (int)content->len)
		return 0x6c00 | (content->len & 0xff);
	g_byte_array_append(out, content->data, content->len);
	return SW_OK;
}

/* The answer waits; so says 61xx. */
static Sw answer_later(Channel *channel, bool es10)
{
	size_t size = channel->answer->len;

	channel->answer_pos = 0;
	channel->es10_answer = es10;
	if (size == 0)
		return SW_OK;
	return 0x6100 | (size >= 256 ? 0 : size);
}

static Sw get_response(Channel *channel, int le, GByteArray *out)
{
	size_t left = channel->answer->len - channel->answer_pos;
	size_t wanted = le == 0 ? 256 : (size_t)le;

	if (left == 0)
		return SW_CONDITIONS;
	if (le < 0)
		return SW_WRONG_LENGTH;
	if (wanted > left)
		return 0x6c00 | left;
	g_byte_array_append(out, channel->answer->data + channel->answer_pos, wanted);
	channel->answer_pos += wanted;
	left -= wanted;
	if (left == 0) {
		g_byte_array_set_size(channel->answer, 0);
		channel->answer_pos = 0;
		return SW_OK;
	}
	return 0x6100 | (left >= 256 ? 0 : left);
}

/* ---- channels ---- */
static Sw manage_channel(Euicc *e, const Command *c, GByteArray *out)
{
	unsigned number = c->p2;

	if (c->p1 == 0x80) {
		number = number ? number : c->channel;
		if (number == 0 || number >= N_CHANNELS || !e->channels[number].open)
			return number >= N_CHANNELS ? SW_WRONG_P1P2 : SW_NO_CHANNEL;
		e->channels[number].open = false;
		e->channels[number].app = APP_NONE;
		return SW_OK;
	}
	if (c->p1 != 0)
		return SW_WRONG_P1P2;
	if (number >= N_CHANNELS)
		return SW_WRONG_P1P2;
	if (number == 0) {
		for (number = 1; number < N_CHANNELS && e->channels[number].open;)
			number++;
		if (number == N_CHANNELS)
			return SW_NO_MORE_CHANNELS;
		if (c->le > 1)
			return 0x6c01;
		g_byte_array_append(out, (const uint8_t[]) { number }, 1);
	} else if (e->channels[number].open) {
		return SW_NO_MORE_CHANNELS;
	}
	e->channels[number] = (Channel) {
		.open = true,
		.df = 0x3f00,
		.chain = g_byte_array_set_size(e->channels[number].chain, 0),
		.answer = g_byte_array_set_size(e->channels[number].answer, 0),
	};
	return SW_OK;
}

/* ---- SELECT ---- */
static void put_templates(Euicc *e, GByteArray *out)
{
	Span svn = SPAN_LITERAL("\x02\x05\x00");
	g_autoptr(GByteArray) bits = g_byte_array_new();
	unsigned configuration = e->state->ipae ? 1 : 0;
	GByteArray *e0 = g_byte_array_new();

	der_put(e0, 0x82, svn);
	der_put_wrapped(out, 0xe0, e0);
	if (e->state->consumer)
		return;
	if (profile_enabled(e->state))
		configuration |= 2;
	put_bits(bits, 0x80, configuration);
	der_put(out, 0xe1, span_of_array(bits));
}

/* FCI of GlobalPlatform with the templates of SGP.22 5.7.1 and SGP.32 where the card was made to put them. */
static void put_fci(Euicc *e, GByteArray *out)
{
	const char *where = e->state->templates;
	GByteArray *fci = g_byte_array_new(), *a5 = g_byte_array_new(), *data = g_byte_array_new();

	der_put(fci, 0x84, span_of(e->state->isdr_aid));
	der_put(data, 0x06, SPAN_LITERAL("\x2a\x86\x48\x86\xfc\x6b\x01"));
	der_put_wrapped(a5, 0x73, data);
	der_put(a5, 0x9f65, SPAN_LITERAL("\xff"));
	if (g_str_equal(where, "a5"))
		put_templates(e, a5);
	der_put_wrapped(fci, 0xa5, a5);
	if (g_str_equal(where, "fci"))
		put_templates(e, fci);
	der_put_wrapped(out, 0x6f, fci);
	if (g_str_equal(where, "after"))
		put_templates(e, out);
}

static Sw select_file(Euicc *e, Channel *channel, const Command *c)
{
	Sw sw;

	if (c->p1 == 0x04 && span_equal(c->data, span_of(e->state->isdr_aid))) {
		channel->app = APP_ISDR;
		channel->df = 0x3f00;
		channel->ef = 0;
		if ((c->p2 & 0x0c) != 0x0c)
			put_fci(e, channel->answer);
	} else {
		sw = files_select(e, channel, c->p1, c->p2, c->data, channel->answer);
		if (sw != SW_OK) {
			g_byte_array_set_size(channel->answer, 0);
			return sw;
		}
	}
	return answer_later(channel, false);
}

/* ---- STORE DATA ---- */
static Sw store_data(Euicc *e, Channel *channel, const Command *c)
{
	GByteArray *chain = channel->chain;
	bool last = c->p1 == 0x91;
	Sw sw;

	if (c->p1 != 0x11 && c->p1 != 0x91)
		return SW_WRONG_P1P2;
	if (c->p2 == 0) { /* a new command: what there was of another one is forgotten */
		g_byte_array_set_size(chain, 0);
		channel->next_block = 0;
	}
	if (c->p2 != channel->next_block) {
		g_byte_array_set_size(chain, 0);
		channel->next_block = 0;
		return SW_WRONG_P1P2;
	}
	if (chain->len + c->data.size > STORE_DATA_MAX)
		return SW_NO_MEMORY;
	array_append_span(chain, c->data);
	channel->next_block++;
	if (!last)
		return SW_OK;
	channel->next_block = 0;
	sw = es10_run(e, span_of_array(chain), channel->answer);
	g_byte_array_set_size(chain, 0);
	if (e->vanished || sw != SW_OK) {
		g_byte_array_set_size(channel->answer, 0);
		return sw;
	}
	return answer_later(channel, true);
}

/* ---- toolkit ---- */
static Sw fetch(Euicc *e, const Command *c, GByteArray *out)
{
	if (!e->refresh_pending || e->refresh_fetched || e->refresh_muted)
		return SW_CONDITIONS;
	if (c->le != (int)sizeof(refresh))
		return 0x6c00 | sizeof(refresh);
	g_byte_array_append(out, refresh, sizeof(refresh));
	out->data[out->len - REFRESH_SIZE + REFRESH_QUALIFIER_AT] = e->refresh_qualifier;
	e->refresh_fetched = true;
	return SW_OK;
}

/* Results from 20 on mean that the terminal has not done it (TS 102 223 8.12). */
static bool terminal_did_it(Span data)
{
	Tlv tlv;

	while (data.size && der_next(&data, &tlv, NULL))
		if ((tlv.tag & 0x7f) == 0x03)
			return tlv.value.size && tlv.value.data[0] < 0x20;
	return false;
}

/* The REFRESH is answered: the switch happens. All channels are gone with the reset that follows, if it is
 * one. */
static Sw terminal_response(Euicc *e, Span data)
{
	if (!e->refresh_fetched)
		return SW_CONDITIONS;
	e->refresh_fetched = false;
	if (!terminal_did_it(data))
		return SW_OK; /* and is asked again */
	e->refresh_pending = false;
	switch_commit(e);
	if (e->dirty && !euicc_commit(e))
		return SW_FAILURE;
	if (e->refresh_qualifier == REFRESH_UICC_RESET)
		channels_close_others(e, -1);
	session_clear(&e->session);
	files_reload(e);
	return SW_OK;
}

/* ---- dispatch ---- */
static Sw basic_command(Euicc *e, Channel *channel, const Command *c, GByteArray *out)
{
	g_autoptr(GByteArray) content = g_byte_array_new();
	Sw sw;

	switch (c->ins) {
	case 0xa4: return c->proprietary ? SW_UNKNOWN_CLA : select_file(e, channel, c);
	case 0xb0:
	case 0xb2:
	case 0xd6:
	case 0xdc:
		if (c->proprietary)
			return SW_UNKNOWN_CLA;
		return files_access(e, channel, c->ins, c->p1, c->p2, c->data, c->le, out);
	case 0xf2:
		sw = files_status(e, channel, c->p1, c->p2, content);
		if (sw != SW_OK || content->len == 0)
			return sw;
		return answer_now(content, c->le, out);
	case 0x70: return c->proprietary ? SW_UNKNOWN_CLA : manage_channel(e, c, out);
	case 0x84: {
		uint8_t random[8];

		if (c->le != sizeof(random))
			return 0x6c00 | sizeof(random);
		crypto_random(random, sizeof(random));
		g_byte_array_append(out, random, sizeof(random));
		return SW_OK;
	}
	case 0xaa:
		if (!c->proprietary)
			return SW_UNKNOWN_CLA;
		if (c->data.size < 2 || c->data.data[0] != 0xa9)
			return SW_WRONG_DATA;
		if (!e->terminal_capability) /* the first one after a reset counts */
			e->terminal_capability = span_to_bytes(c->data);
		return SW_OK;
	case 0x10: e->terminal_profile = true; return SW_OK;
	case 0x12: return fetch(e, c, out);
	case 0x14: return terminal_response(e, c->data);
	case 0xc2: return SW_OK; /* ENVELOPE: nobody listens */
	case 0x20: return c->data.size ? SW_OK : 0x63c3; /* VERIFY PIN: disabled, three tries */
	case 0x2c: return c->data.size ? SW_OK : 0x63ca;
	case 0x88: return 0x9862; /* AUTHENTICATE: the lab has no network that could */
	case 0xe2:
		/* Of another class or without the ISD-R there is no such instruction. */
		if (!c->proprietary)
			return SW_UNKNOWN_CLA;
		if (channel->app != APP_ISDR)
			return SW_UNKNOWN_INS;
		return store_data(e, channel, c);
	default: return SW_UNKNOWN_INS;
	}
}

static bool command_parse(Span apdu, Command *ret, Sw *ret_sw)
{
	Command c = { .le = -1 };
	size_t lc;

	*ret_sw = SW_WRONG_LENGTH;
	if (apdu.size < 4)
		return false;
	c.cla = apdu.data[0];
	c.ins = apdu.data[1];
	c.p1 = apdu.data[2];
	c.p2 = apdu.data[3];
	if (apdu.size == 5) {
		c.le = apdu.data[4];
	} else if (apdu.size > 5) {
		lc = apdu.data[4];
		if (lc == 0 || (apdu.size != 5 + lc && apdu.size != 6 + lc))
			return false;
		c.data = span(apdu.data + 5, lc);
		if (apdu.size == 6 + lc)
			c.le = apdu.data[5 + lc];
	}
	*ret_sw = SW_UNKNOWN_CLA;
	c.proprietary = c.cla & 0x80;
	if (c.cla & 0x40) {
		c.channel = 4 + (c.cla & 0x0f);
		if (c.cla & 0x20)
			*ret_sw = SW_NO_SECURE_MESSAGING;
	} else {
		c.channel = c.cla & 0x03;
		if (c.cla & 0x30)
			return false;
		if (c.cla & 0x0c)
			*ret_sw = SW_NO_SECURE_MESSAGING;
	}
	if (*ret_sw == SW_NO_SECURE_MESSAGING)
		return false;
	*ret = c;
	return true;
}

bool euicc_apdu(Euicc *e, Span apdu, GByteArray *answer)
{
	size_t before = answer->len;
	bool isdr = false;
	Command c;
	Sw sw;

	if (e->vanished)
		return false;
	if (command_parse(apdu, &c, &sw)) {
		Channel *channel = &e->channels[c.channel];

		isdr = c.channel > 0 || c.ins == 0x70 || (c.ins == 0xaa && c.proprietary);
		if (!channel->open) {
			sw = SW_NO_CHANNEL;
		} else if (c.ins == 0xc0) {
			sw = get_response(channel, c.le, answer);
		} else {
			/* What is not fetched at once is lost. */
			g_byte_array_set_size(channel->answer, 0);
			channel->answer_pos = 0;
			e->current_channel = (int)c.channel;
			sw = basic_command(e, channel, &c, answer);
		}
		/* Not in the middle of a chain (digest 2.4). */
		if (sw == SW_OK && e->refresh_pending && !e->refresh_fetched && !e->refresh_muted &&
			!(c.ins == 0xe2 && c.p1 == 0x11))
			sw = 0x9100 | sizeof(refresh);
	}
	if (e->vanished)
		return false;
	g_byte_array_append(answer, (const uint8_t[]) { sw >> 8, sw & 0xff }, 2);
	counts_apdu(e, isdr, apdu.size, answer->len - before);
	return true;
}
