/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A card of a device as its worker holds it: every function is a question to the thread of the device. */
#include "card/device-priv.h"

#define N_CHANNELS 20 /* TS 102 221 11.1.17: 0 to 19 */

typedef struct DeviceCard {
	CardOps ops;
	PostBox *requests;
	unsigned card, slot;
	CardState last; /* as last told */
	struct {
		bool open;
		unsigned epoch;
	} channels[N_CHANNELS]; /* those that open_channel gave */
} DeviceCard;

static Request *card_request(DeviceCard *card, RequestKind kind)
{
	Request *request = g_new0(Request, 1);

	request->kind = kind;
	request->card = card->card;
	request->slot = card->slot;
	request->cell = post_cell_new(answer_free);
	return request;
}

/* Once gone, always gone, in an epoch of its own. */
static void card_learn(DeviceCard *card, const Answer *answer)
{
	CardState state = answer->state;

	if (card->last.device_gone)
		return;
	if (answer->lost)
		state = (CardState) { .epoch = card->last.epoch + 1, .device_gone = true };
	card->last = state;
}

/* Sends the request and waits: NULL only if cancel is set or the time passes. */
static Answer *card_ask_until(
	DeviceCard *card, Request *request, PostCancel *cancel, int64_t deadline)
{
	g_autoptr(PostCell) cell = post_cell_ref(request->cell);
	Answer *answer;

	/* A closed box frees the request, which answers it. */
	post_box_send(card->requests, request);
	answer = post_cell_wait_until(cell, cancel, deadline);
	if (answer)
		card_learn(card, answer);
	return answer;
}

static Answer *card_ask(DeviceCard *card, Request *request)
{
	return card_ask_until(card, request, NULL, -1);
}

static bool answer_result(Answer *answer, GError **error)
{
	if (!answer->ok)
		g_propagate_error(error, g_steal_pointer(&answer->error));
	return answer->ok;
}

static void request_set_channel(Request *request, const DeviceCard *card, unsigned channel)
{
	request->channel = channel;
	if (channel < N_CHANNELS && card->channels[channel].open) {
		request->has_epoch = true;
		request->epoch = card->channels[channel].epoch;
	}
}

static bool device_card_open_channel(
	void *self, Span aid, unsigned *ret_channel, GBytes **ret_select, GError **error)
{
	DeviceCard *card = self;
	Request *request = card_request(card, REQUEST_OPEN_CHANNEL);
	g_autoptr(Answer) answer = NULL;

	request->data = span_to_bytes(aid);
	answer = card_ask(card, request);
	if (!answer_result(answer, error))
		return false;
	if (answer->channel < N_CHANNELS) {
		card->channels[answer->channel].open = true;
		card->channels[answer->channel].epoch = answer->epoch;
	}
	*ret_channel = answer->channel;
	if (ret_select)
		*ret_select = g_steal_pointer(&answer->data);
	return true;
}

static bool device_card_transmit(
	void *self, unsigned channel, Span apdu, GBytes **ret, GError **error)
{
	DeviceCard *card = self;
	Request *request = card_request(card, REQUEST_TRANSMIT);
	g_autoptr(Answer) answer = NULL;

	request_set_channel(request, card, channel);
	request->data = span_to_bytes(apdu);
	answer = card_ask(card, request);
	if (!answer_result(answer, error))
		return false;
	*ret = g_steal_pointer(&answer->data);
	return true;
}

static bool device_card_close_channel(void *self, unsigned channel, GError **error)
{
	DeviceCard *card = self;
	Request *request = card_request(card, REQUEST_CLOSE_CHANNEL);
	g_autoptr(Answer) answer = NULL;

	request_set_channel(request, card, channel);
	answer = card_ask(card, request);
	if (channel < N_CHANNELS)
		card->channels[channel].open = false;
	return answer_result(answer, error);
}

static bool device_card_terminal_capability(void *self, Span data, GError **error)
{
	Request *request = card_request(self, REQUEST_TERMINAL_CAPABILITY);
	g_autoptr(Answer) answer = NULL;

	request->data = span_to_bytes(data);
	answer = card_ask(self, request);
	return answer_result(answer, error);
}

static bool device_card_reset(void *self, TransportReset what, GError **error)
{
	Request *request = card_request(self, REQUEST_RESET);
	g_autoptr(Answer) answer = NULL;

	request->reset = what;
	answer = card_ask(self, request);
	return answer_result(answer, error);
}

static bool device_card_facts(void *self, TransportFacts *ret, GError **error)
{
	g_autoptr(Answer) answer = card_ask(self, card_request(self, REQUEST_FACTS));

	if (!answer_result(answer, error))
		return false;
	*ret = answer->facts;
	return true;
}

static CardState device_card_state(void *self)
{
	DeviceCard *card = self;
	g_autoptr(Answer) answer = NULL;

	if (!card->last.device_gone)
		answer = card_ask(card, card_request(card, REQUEST_STATE));
	return card->last;
}

static void card_forget(DeviceCard *card)
{
	Request *request = card_request(card, REQUEST_FORGET);

	g_clear_pointer(&request->cell, post_cell_unref);
	post_box_send(card->requests, request);
}

static CardState device_card_wait(void *self, CardState seen, int64_t deadline, PostCancel *cancel)
{
	DeviceCard *card = self;
	g_autoptr(Answer) answer = NULL;
	Request *request;

	if (card->last.device_gone)
		return card->last;
	request = card_request(card, REQUEST_WAIT);
	request->seen = seen;
	answer = card_ask_until(card, request, cancel, deadline);
	if (answer)
		return card->last;
	/* Not told of a change, so there was none; the thread keeps no cell for a worker that went. */
	card_forget(card);
	return seen;
}

static void device_card_free(void *self)
{
	DeviceCard *card = self;

	card_forget(card);
	post_box_unref(card->requests);
	g_free(card);
}

Card *device_card(Device *device, unsigned slot)
{
	const TransportPlugin *plugin = device->plugin;
	DeviceCard *self = g_new0(DeviceCard, 1);
	Card *card = g_new0(Card, 1);

	self->requests = post_box_ref(device->requests);
	self->card = ++device->cards;
	self->slot = slot;
	self->ops = (CardOps) {
		.open_channel = plugin->open_channel ? device_card_open_channel : NULL,
		.transmit = device_card_transmit,
		.close_channel = plugin->close_channel ? device_card_close_channel : NULL,
		.terminal_capability =
			plugin->terminal_capability ? device_card_terminal_capability : NULL,
		.reset = plugin->reset ? device_card_reset : NULL,
		.facts = plugin->facts ? device_card_facts : NULL,
		.state = device_card_state,
		.wait = device_card_wait,
		.free = device_card_free,
	};
	card->ops = &self->ops;
	card->self = self;
	return card;
}

void card_free(Card *card)
{
	if (!card)
		return;
	if (card->ops->free)
		card->ops->free(card->self);
	g_free(card);
}
