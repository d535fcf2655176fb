/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between device.c (the thread, and the main thread's side of it) and device-card.c (the worker's side):
 * requests and their answers.
 */
#pragma once

#include <pthread.h>

#include "card/device.h"

typedef enum RequestKind {
	REQUEST_OPEN_CHANNEL,
	REQUEST_TRANSMIT,
	REQUEST_CLOSE_CHANNEL,
	REQUEST_TERMINAL_CAPABILITY,
	REQUEST_RESET,
	REQUEST_FACTS,
	REQUEST_STATE,
	REQUEST_WAIT,
	REQUEST_FORGET, /* the card no longer waits */
	REQUEST_RESCAN,
} RequestKind;

typedef struct Answer {
	bool ok;
	bool lost; /* the device is gone, and with it the thread */
	GError *error;
	GBytes *data;
	unsigned channel;
	unsigned epoch; /* in which the function began */
	TransportFacts facts;
	CardState state;
} Answer;

void answer_free(void *answer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Answer, answer_free)

typedef struct Request {
	RequestKind kind;
	unsigned card; /* whose */
	unsigned slot;
	unsigned channel;
	bool has_epoch; /* the channel was opened in epoch */
	unsigned epoch;
	GBytes *data;
	TransportReset reset;
	CardState seen;
	PostCell *cell; /* NULL: nobody waits */
} Request;

/* A request that is dropped is answered all the same: the device is gone. */
void request_free(void *request);

struct Device {
	pthread_t thread;
	PostBox *requests;
	const TransportPlugin *plugin;
	unsigned cards; /* made so far: their names in requests */
};
