/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One slot as its worker sees it. The daemon's cards are served by the thread of a device
 * (device_card()); those of the tests are a table of functions.
 */
#pragma once

#include "base/post.h"
#include "card/transport.h"

typedef struct CardState {
	/* Grows with every event that ends all channels: card changed, refresh ended, gone. A channel
	 * belongs to the epoch in which it was opened. */
	unsigned epoch;
	bool present; /* false: slot empty, or device gone */
	bool refreshing; /* between REFRESH started and ended: keep off */
	bool device_gone; /* for good: the card may come back elsewhere */
} CardState;

/* Functions as in transport.h; NULL where the device lacks them (but transmit, state and wait). All may be
 * called by one thread, and block. */
typedef struct CardOps {
	bool (*open_channel)(
		void *self, Span aid, unsigned *ret_channel, GBytes **ret_select, GError **error);
	bool (*transmit)(void *self, unsigned channel, Span apdu, GBytes **ret, GError **error);
	bool (*close_channel)(void *self, unsigned channel, GError **error);
	bool (*terminal_capability)(void *self, Span data, GError **error);
	bool (*reset)(void *self, TransportReset what, GError **error);
	bool (*facts)(void *self, TransportFacts *ret, GError **error);
	CardState (*state)(void *self);
	/* Waits until the state differs from seen (any member), the time of CLOCK_MONOTONIC in µs passes,
	 * or cancel (may be NULL) is set. Gives the state there is then. */
	CardState (*wait)(void *self, CardState seen, int64_t deadline, PostCancel *cancel);
	void (*free)(void *self); /* NULL: nothing to free */
} CardOps;

typedef struct Card {
	const CardOps *ops;
	void *self;
} Card;

void card_free(Card *card);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Card, card_free)

/* Sees every APDU that goes to a card: for records and counts. Called on the worker's thread. command and
 * answer live during the call; answer.data is NULL if there was none. */
typedef struct CardTap {
	void (*exchange)(void *user, unsigned channel, Span command, Span answer, int64_t usec);
	void *user;
} CardTap;
