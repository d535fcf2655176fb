/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "card/isdr.h"

#include <string.h>

#include "asn1/der.h"
#include "base/clock.h"

/* SGP.02 2.2.3 */
static const uint8_t isdr_aid[16] = { 0xa0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xff, 0xff, 0xff,
	0xff, 0x89, 0x00, 0x00, 0x01, 0x00 };

#define BUSY_STEP_US (200 * USEC_PER_MSEC)
#define RESET_WAIT_US (20 * USEC_PER_SEC)

struct Isdr {
	Card *card;
	GPtrArray *aids;
	GBytes *terminal_capability;
	unsigned block_size, busy_ms, refresh_ms;
	PostCancel *cancel;
	unsigned held;
	CardTap tap;
	bool open;
	unsigned channel;
	unsigned epoch; /* in which the channel was opened */
	bool announced; /* TERMINAL CAPABILITY was sent in announced_epoch */
	unsigned announced_epoch;
	GBytes *select_answer;
};

Isdr *isdr_new(Card *card, const IsdrSettings *settings)
{
	Isdr *isdr = g_new0(Isdr, 1);

	isdr->card = card;
	isdr->aids = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	for (guint i = 0; settings->aids && i < settings->aids->len; i++)
		g_ptr_array_add(isdr->aids, g_bytes_ref(settings->aids->pdata[i]));
	if (isdr->aids->len == 0)
		g_ptr_array_add(isdr->aids, g_bytes_new_static(isdr_aid, sizeof(isdr_aid)));
	isdr->terminal_capability = span_to_bytes(settings->terminal_capability);
	isdr->block_size =
		settings->block_size && settings->block_size < 255 ? settings->block_size : 255;
	isdr->busy_ms = settings->busy_ms ? settings->busy_ms : 5000;
	isdr->refresh_ms = settings->refresh_ms ? settings->refresh_ms : 20000;
	return isdr;
}

void isdr_free(Isdr *isdr)
{
	if (!isdr)
		return;
	isdr_close(isdr);
	card_free(isdr->card);
	g_ptr_array_unref(isdr->aids);
	g_clear_pointer(&isdr->terminal_capability, g_bytes_unref);
	post_cancel_unref(isdr->cancel);
	g_free(isdr);
}

void isdr_set_cancel(Isdr *isdr, PostCancel *cancel)
{
	post_cancel_unref(isdr->cancel);
	isdr->cancel = cancel ? post_cancel_ref(cancel) : NULL;
}

void isdr_hold(Isdr *isdr)
{
	isdr->held++;
}

void isdr_release(Isdr *isdr)
{
	isdr->held--;
}

void isdr_set_tap(Isdr *isdr, const CardTap *tap)
{
	isdr->tap = tap ? *tap : (CardTap) { NULL, NULL };
}

static CardState card_state(Isdr *isdr)
{
	return isdr->card->ops->state(isdr->card->self);
}

static PostCancel *active_cancel(Isdr *isdr)
{
	return isdr->held ? NULL : isdr->cancel;
}

static bool check_cancel(Isdr *isdr, GError **error)
{
	if (post_cancel_is_set(active_cancel(isdr)))
		return sgp32_fail(error, SGP32_ERROR_CANCELLED, "Cancelled");
	return true;
}

static bool state_same(CardState a, CardState b)
{
	return a.epoch == b.epoch && a.present == b.present && a.refreshing == b.refreshing &&
		a.device_gone == b.device_gone;
}

/* Until the card is there and not in a REFRESH. */
static bool wait_settled(Isdr *isdr, int64_t deadline, CardState *ret, GError **error)
{
	CardState state = card_state(isdr);

	while (!state.present || state.refreshing) {
		CardState next;

		if (state.device_gone)
			return sgp32_fail(error, SGP32_ERROR_CARD_LOST, "The device is gone");
		if (!state.present && !state.refreshing)
			return sgp32_fail(
				error, SGP32_ERROR_NO_CARD, "There is no card in the slot");
		next = isdr->card->ops->wait(
			isdr->card->self, state, deadline, active_cancel(isdr));
		if (!check_cancel(isdr, error))
			return false;
		if (state_same(next, state) && clock_monotonic() >= deadline)
			return sgp32_fail(
				error, SGP32_ERROR_TIMEOUT, "The card's REFRESH does not end");
		state = next;
	}
	*ret = state;
	return true;
}

static uint8_t channel_class(unsigned channel, uint8_t base)
{
	/* TS 102 221 10.1.1: channels 4 to 19 have a coding of their own. */
	return channel < 4 ? base | channel : base | 0x40 | (channel - 4);
}

static uint16_t answer_sw(GBytes *answer)
{
	gsize size;
	const uint8_t *data = g_bytes_get_data(answer, &size);

	return data[size - 2] << 8 | data[size - 1];
}

static bool transmit(Isdr *isdr, unsigned channel, Span apdu, GBytes **ret, GError **error)
{
	g_autoptr(GBytes) answer = NULL;
	int64_t begin = clock_monotonic();
	bool ok;

	if (!check_cancel(isdr, error))
		return false;
	ok = isdr->card->ops->transmit(isdr->card->self, channel, apdu, &answer, error);
	if (isdr->tap.exchange)
		isdr->tap.exchange(
			isdr->tap.user, channel, apdu, span_of(answer), clock_monotonic() - begin);
	if (!ok)
		return false;
	if (g_bytes_get_size(answer) < 2)
		return sgp32_fail(
			error, SGP32_ERROR_CARD_MALFORMED, "The card's answer has no status word");
	*ret = g_steal_pointer(&answer);
	return true;
}

/* GET RESPONSE and 6Cxx (TS 102 221 7.3.1.1); data without the status word goes to out. Once an answer has
 * begun to come it is fetched to its end: no cancel leaves half of it in the card. */
static bool transmit_whole(
	Isdr *isdr, unsigned channel, Span apdu, GByteArray *out, uint16_t *ret_sw, GError **error)
{
	g_autoptr(GBytes) answer = NULL;
	g_autoptr(GByteArray) repeated = NULL;
	uint16_t sw;
	unsigned rounds = 0;

	if (!transmit(isdr, channel, apdu, &answer, error))
		return false;
	for (;;) {
		Span data = span_of(answer);
		uint8_t get_response[5] = { channel_class(channel, 0x00), 0xc0, 0x00, 0x00, 0x00 };
		g_autoptr(GBytes) next = NULL;
		bool ok;

		sw = answer_sw(answer);
		if (sw >> 8 == 0x6c && data.size == 2 && rounds++ < 4) {
			GByteArray *again = g_byte_array_new();

			/* The APDU may be the one that is in `repeated`. */
			array_append_span(again, apdu);
			g_clear_pointer(&repeated, g_byte_array_unref);
			repeated = again;
			/* A case 4 command has its Le already; a case 3 one gets it now. */
			if (apdu.size == 5 ||
				(apdu.size > 5 && apdu.size == (size_t)apdu.data[4] + 6))
				g_byte_array_set_size(repeated, repeated->len - 1);
			get_response[4] = sw & 0xff;
			g_byte_array_append(repeated, get_response + 4, 1);
			apdu = span_of_array(repeated);
			ok = transmit(isdr, channel, apdu, &next, error);
		} else {
			if (out->len + data.size - 2 > ISDR_ANSWER_MAX)
				return sgp32_fail(error, SGP32_ERROR_CARD_MALFORMED,
					"The card's answer is longer than %u octets",
					ISDR_ANSWER_MAX);
			g_byte_array_append(out, data.data, data.size - 2);
			if (sw >> 8 != 0x61)
				break;
			if (data.size == 2 && ++rounds > 4)
				return sgp32_fail(error, SGP32_ERROR_CARD_MALFORMED,
					"The card announces an answer and never gives it");
			get_response[4] = sw & 0xff;
			isdr_hold(isdr);
			ok = transmit(isdr, channel, SPAN_ARRAY(get_response), &next, error);
			isdr_release(isdr);
			/* A wrong Le concerns the GET RESPONSE from now on. */
			g_clear_pointer(&repeated, g_byte_array_unref);
			repeated = g_byte_array_new();
			g_byte_array_append(repeated, get_response, sizeof(get_response));
			apdu = span_of_array(repeated);
		}
		if (!ok)
			return false;
		if (g_bytes_get_size(next) > 2)
			rounds = 0;
		g_bytes_unref(answer);
		answer = g_steal_pointer(&next);
	}
	*ret_sw = sw;
	return true;
}

static bool sw_good(uint16_t sw)
{
	return sw == 0x9000 || sw >> 8 == 0x91 || sw >> 8 == 0x92;
}

/* Status words that a lost session explains. */
static bool sw_session_lost(uint16_t sw)
{
	return sw == 0x6881 || sw == 0x6882 || sw == 0x6985 || sw == 0x6d00 || sw == 0x6e00;
}

static bool fail_sw(uint16_t sw, GError **error)
{
	switch (sw) {
	case 0x6a88:
	case 0x6d00:
	case 0x6e00:
		return sgp32_fail_sw(error, SGP32_ERROR_NOT_SUPPORTED, sw,
			"The card does not know this command (%04X)", sw);
	case 0x6a84:
		return sgp32_fail_sw(
			error, SGP32_ERROR_NO_MEMORY, sw, "The card has no room (%04X)", sw);
	default:
		return sgp32_fail_sw(
			error, SGP32_ERROR_CARD_REFUSED, sw, "The card answered %04X", sw);
	}
}

/* TERMINAL CAPABILITY, once after each reset; whatever the card answers, the session goes on. */
static bool announce(Isdr *isdr, unsigned epoch, GError **error)
{
	const CardOps *ops = isdr->card->ops;
	Span data = span_of(isdr->terminal_capability);
	g_autoptr(GError) local = NULL;
	bool ok;

	if (data.size == 0 || data.size > 255 ||
		(isdr->announced && isdr->announced_epoch == epoch))
		return true;
	if (ops->terminal_capability) {
		ok = ops->terminal_capability(isdr->card->self, data, &local);
	} else {
		g_autoptr(GByteArray) apdu = g_byte_array_new();
		g_autoptr(GBytes) answer = NULL;
		const uint8_t header[5] = { 0x80, 0xaa, 0x00, 0x00, data.size };

		g_byte_array_append(apdu, header, sizeof(header));
		array_append_span(apdu, data);
		ok = transmit(isdr, 0, span_of_array(apdu), &answer, &local);
	}
	if (!ok &&
		(sgp32_error_is(local, SGP32_ERROR_CARD_LOST) ||
			sgp32_error_is(local, SGP32_ERROR_NO_CARD) ||
			sgp32_error_is(local, SGP32_ERROR_CANCELLED))) {
		g_propagate_error(error, g_steal_pointer(&local));
		return false;
	}
	isdr->announced = true;
	isdr->announced_epoch = epoch;
	return true;
}

static bool close_by_apdu(Isdr *isdr, unsigned channel, GError **error)
{
	const uint8_t apdu[5] = { 0x00, 0x70, 0x80, channel, 0x00 };
	g_autoptr(GBytes) answer = NULL;

	return transmit(isdr, 0, SPAN_ARRAY(apdu), &answer, error);
}

/* MANAGE CHANNEL and SELECT, for readers, which hide nothing. */
static bool open_by_apdu(
	Isdr *isdr, Span aid, unsigned *ret_channel, GBytes **ret_select, GError **error)
{
	static const uint8_t open_any[5] = { 0x00, 0x70, 0x00, 0x00, 0x01 };
	static const uint8_t open_one[5] = { 0x00, 0x70, 0x00, 0x01, 0x00 };
	g_autoptr(GByteArray) answer = g_byte_array_new(), select = g_byte_array_new();
	g_autoptr(GByteArray) fci = g_byte_array_new();
	g_autoptr(GError) local = NULL;
	unsigned channel;
	uint16_t sw;
	bool ok;

	if (!transmit_whole(isdr, 0, SPAN_ARRAY(open_any), answer, &sw, error))
		return false;
	if (sw == 0x9000 && answer->len == 1) {
		channel = answer->data[0];
	} else if (sw == 0x6a81 || sw == 0x6881) {
		return sgp32_fail_sw(error, SGP32_ERROR_CARD_BUSY, sw,
			"The card has no channel free (%04X)", sw);
	} else {
		/* Some cards want to be told which one, and answer without data. */
		g_byte_array_set_size(answer, 0);
		if (!transmit_whole(isdr, 0, SPAN_ARRAY(open_one), answer, &sw, error))
			return false;
		if (sw != 0x9000)
			return fail_sw(sw, error);
		channel = answer->len == 1 ? answer->data[0] : 1;
	}
	if (channel < 1 || channel > 19)
		return sgp32_fail(
			error, SGP32_ERROR_CARD_MALFORMED, "The card opened channel %u", channel);

	const uint8_t header[5] = { channel_class(channel, 0x00), 0xa4, 0x04, 0x00, aid.size };
	g_byte_array_append(select, header, sizeof(header));
	array_append_span(select, aid);
	ok = transmit_whole(isdr, channel, span_of_array(select), fci, &sw, &local);
	if (ok && sw == 0x6a86) {
		/* Some cards have an FCP template to give, but no FCI template. */
		select->data[3] = 0x04;
		g_byte_array_set_size(fci, 0);
		ok = transmit_whole(isdr, channel, span_of_array(select), fci, &sw, &local);
	}
	if (!ok || !sw_good(sw)) {
		g_autoptr(GError) ignored = NULL;

		/* Whatever ends it, the channel is given back, unless it went with the card. */
		isdr_hold(isdr);
		if (!sgp32_error_is(local, SGP32_ERROR_CARD_LOST) &&
			!close_by_apdu(isdr, channel, &ignored))
			g_debug("Channel %u: %s", channel, ignored->message);
		isdr_release(isdr);
		if (!ok) {
			g_propagate_error(error, g_steal_pointer(&local));
			return false;
		}
		if (sw == 0x6a82 || sw == 0x6a86 || sw == 0x6a87)
			return sgp32_fail_sw(error, SGP32_ERROR_NOT_FOUND, sw,
				"The card has no such application (%04X)", sw);
		if (sw == 0x6985)
			return sgp32_fail_sw(error, SGP32_ERROR_CARD_BUSY, sw,
				"The application is in use (%04X)", sw);
		return fail_sw(sw, error);
	}
	*ret_channel = channel;
	*ret_select = g_byte_array_free_to_bytes(g_steal_pointer(&fci));
	return true;
}

static bool open_once(Isdr *isdr, GError **error)
{
	const CardOps *ops = isdr->card->ops;
	CardState state = { 0 };

	if (!wait_settled(
		    isdr, clock_monotonic() + isdr->refresh_ms * USEC_PER_MSEC, &state, error))
		return false;
	if (!announce(isdr, state.epoch, error))
		return false;
	for (guint i = 0; i < isdr->aids->len; i++) {
		Span aid = span_of(isdr->aids->pdata[i]);
		g_autoptr(GBytes) select = NULL;
		g_autoptr(GError) local = NULL;
		unsigned channel = 0;
		bool ok;

		if (!check_cancel(isdr, error))
			return false;
		ok = ops->open_channel
			? ops->open_channel(isdr->card->self, aid, &channel, &select, &local)
			: open_by_apdu(isdr, aid, &channel, &select, &local);
		if (ok) {
			Span answer = span_of(select);

			/* Devices that give the answer give its status word with it. */
			if (ops->open_channel && answer.size >= 2)
				answer.size -= 2;
			isdr->select_answer = g_bytes_new(answer.data, answer.size);
			isdr->channel = channel;
			isdr->epoch = state.epoch;
			isdr->open = true;
			return true;
		}
		if (!sgp32_error_is(local, SGP32_ERROR_NOT_FOUND) || i + 1 == isdr->aids->len) {
			g_propagate_error(error, g_steal_pointer(&local));
			return false;
		}
	}
	g_return_val_if_reached(false);
}

bool isdr_is_open(Isdr *isdr)
{
	if (isdr->open) {
		CardState state = card_state(isdr);

		if (state.epoch != isdr->epoch || !state.present || state.refreshing ||
			state.device_gone) {
			/* The channel went with the reset: there is nothing to close. */
			isdr->open = false;
			g_clear_pointer(&isdr->select_answer, g_bytes_unref);
		}
	}
	return isdr->open;
}

bool isdr_open(Isdr *isdr, GError **error)
{
	int64_t deadline = clock_monotonic() + isdr->busy_ms * USEC_PER_MSEC;
	g_autoptr(GError) local = NULL;

	if (isdr_is_open(isdr))
		return true;
	while (!open_once(isdr, &local)) {
		CardState state = card_state(isdr);

		/* ModemManager, too, selects the ISD-R when it loads a SIM, and gives it back soon. */
		if (!sgp32_error_is(local, SGP32_ERROR_CARD_BUSY) ||
			clock_monotonic() >= deadline) {
			g_propagate_prefixed_error(error, g_steal_pointer(&local), "ISD-R: ");
			return false;
		}
		g_clear_error(&local);
		isdr->card->ops->wait(isdr->card->self, state, clock_monotonic() + BUSY_STEP_US,
			active_cancel(isdr));
		if (!check_cancel(isdr, error))
			return false;
	}
	return true;
}

void isdr_close(Isdr *isdr)
{
	if (isdr_is_open(isdr)) {
		const CardOps *ops = isdr->card->ops;
		g_autoptr(GError) ignored = NULL; /* the channel is lost either way */

		isdr_hold(isdr);
		if (ops->open_channel) {
			if (ops->close_channel)
				ops->close_channel(isdr->card->self, isdr->channel, &ignored);
		} else if (!close_by_apdu(isdr, isdr->channel, &ignored)) {
			g_debug("Channel %u: %s", isdr->channel, ignored->message);
		}
		isdr_release(isdr);
	}
	isdr->open = false;
	g_clear_pointer(&isdr->select_answer, g_bytes_unref);
}

Span isdr_select_answer(Isdr *isdr)
{
	return span_of(isdr->select_answer);
}

/* One chain of STORE DATA blocks; ret_sw is that of the block that ended it. */
static bool store_data(Isdr *isdr, Span data, GByteArray *out, uint16_t *ret_sw, GError **error)
{
	size_t blocks = data.size ? (data.size + isdr->block_size - 1) / isdr->block_size : 1;

	if (blocks > 256)
		return sgp32_fail(error, SGP32_ERROR_NOT_SUPPORTED,
			"A command of %zu octets is more than a card can take", data.size);
	for (size_t i = 0; i < blocks; i++) {
		size_t at = i * isdr->block_size, size = MIN(data.size - at, isdr->block_size);
		uint8_t apdu[5 + 255];

		apdu[0] = channel_class(isdr->channel, 0x80);
		apdu[1] = 0xe2;
		apdu[2] = i + 1 == blocks ? 0x91 : 0x11;
		apdu[3] = i;
		apdu[4] = size;
		memcpy(apdu + 5, data.data + at, size);
		if (!transmit_whole(isdr, isdr->channel, span(apdu, 5 + size), out, ret_sw, error))
			return false;
		/* Anything but a plain 9000 in the middle of a chain ends it. */
		if (i + 1 < blocks && (*ret_sw != 0x9000 || out->len))
			return true;
	}
	return true;
}

static bool session_error(const GError *error)
{
	return sgp32_error_is(error, SGP32_ERROR_CARD_LOST);
}

static bool check_answer(GByteArray *out, GError **error)
{
	Tlv tlv;
	g_autoptr(GError) local = NULL;

	if (out->len == 0 || der_single(span_of_array(out), &tlv, &local))
		return true;
	return sgp32_fail(error, SGP32_ERROR_CARD_MALFORMED, "The card's answer is malformed: %s",
		local->message);
}

bool isdr_segment(Isdr *isdr, Span data, GBytes **ret, GError **error)
{
	g_autoptr(GByteArray) out = g_byte_array_new();
	uint16_t sw;

	if (!isdr_is_open(isdr))
		return sgp32_fail(
			error, SGP32_ERROR_CARD_LOST, "The session with the card was lost");
	if (!store_data(isdr, data, out, &sw, error))
		return false;
	if (!sw_good(sw))
		return fail_sw(sw, error);
	if (!check_answer(out, error))
		return false;
	*ret = g_byte_array_free_to_bytes(g_steal_pointer(&out));
	return true;
}

bool isdr_command(Isdr *isdr, Span command, IsdrMode mode, GBytes **ret, GError **error)
{
	for (unsigned attempt = 0;; attempt++) {
		g_autoptr(GByteArray) out = g_byte_array_new();
		g_autoptr(GError) local = NULL;
		bool fresh = !isdr_is_open(isdr), lost;
		uint16_t sw = 0;

		if (!isdr_open(isdr, error))
			return false;
		if (store_data(isdr, command, out, &sw, &local) && sw_good(sw)) {
			if (!check_answer(out, error))
				return false;
			*ret = g_byte_array_free_to_bytes(g_steal_pointer(&out));
			return true;
		}
		if (!local)
			fail_sw(sw, &local);
		/* On a channel that was opened just now the card means what it says. */
		lost = session_error(local) || (sw_session_lost(sw) && !fresh);
		if (lost && attempt == 0 && !card_state(isdr).device_gone) {
			isdr_close(isdr);
			if (mode == ISDR_READ)
				continue;
			/* Status words were the answer to nothing that was done: the ISD-R was not
			 * selected any more. 6985 may come from the command itself. */
			if (!session_error(local) && sw != 0x6985)
				continue;
		}
		g_propagate_error(error, g_steal_pointer(&local));
		return false;
	}
}

unsigned isdr_epoch(Isdr *isdr)
{
	return card_state(isdr).epoch;
}

Card *isdr_card(Isdr *isdr)
{
	return isdr->card;
}

/* Until the epoch is another one and the card has settled; false without error if the time passes. */
static bool wait_epoch(Isdr *isdr, unsigned epoch, int64_t deadline, bool *ret_seen, GError **error)
{
	CardState state = card_state(isdr);

	while (state.epoch == epoch || state.refreshing || !state.present) {
		if (state.device_gone)
			return sgp32_fail(error, SGP32_ERROR_CARD_LOST, "The device is gone");
		if (clock_monotonic() >= deadline) {
			*ret_seen = false;
			return true;
		}
		state = isdr->card->ops->wait(
			isdr->card->self, state, deadline, active_cancel(isdr));
		if (!check_cancel(isdr, error))
			return false;
	}
	*ret_seen = true;
	return true;
}

bool isdr_wait_refresh(Isdr *isdr, unsigned seconds, bool *ret_reset, GError **error)
{
	/* The epoch in which the command ran: a REFRESH may be over before anybody waits for it. */
	unsigned epoch = isdr->epoch;
	int64_t deadline = clock_monotonic() + seconds * USEC_PER_SEC;
	bool seen = false, reset = false;

	if (!wait_epoch(isdr, epoch, deadline, &seen, error))
		return false;
	if (!seen) {
		CardState state = card_state(isdr);

		/* A REFRESH that has begun is given the time to end. */
		if (state.refreshing &&
			!wait_epoch(isdr, epoch,
				clock_monotonic() + isdr->refresh_ms * USEC_PER_MSEC, &seen, error))
			return false;
	}
	if (!seen) {
		reset = true;
		isdr_close(isdr);
		if (!isdr->card->ops->reset)
			return sgp32_fail(error, SGP32_ERROR_TIMEOUT,
				"The card did not REFRESH, and this device cannot reset it");
		if (!isdr->card->ops->reset(isdr->card->self, TRANSPORT_RESET_CARD, error))
			return false;
		if (!wait_epoch(isdr, epoch, clock_monotonic() + RESET_WAIT_US, &seen, error))
			return false;
		if (!seen)
			return sgp32_fail(error, SGP32_ERROR_TIMEOUT,
				"The card does not come back from its reset");
	}
	isdr_close(isdr);
	if (ret_reset)
		*ret_reset = reset;
	return true;
}
