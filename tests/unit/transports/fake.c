/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A transport that does what the first octet of an APDU asks for, and answers with the APDU and 9000:
 *   E        at once
 *   W        once the gate is opened; the context is iterated meanwhile
 *   B        the same without iterating
 *   V n      after event n of the slot
 *   I n      at once; event n of the slot follows when the thread is idle
 *   L        not at all: the device goes away
 *   T        not at all: the time passes
 *   M        with a first octet that is 1 if signals are blocked in this thread
 * The node is "STARTED:GATE", two descriptors: W, B, L and close tell STARTED with their letter, and an
 * octet in GATE lets go one W or B. Other nodes: "missing", "dead" (goes away while it is opened).
 */
#include <glib-unix.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "card/transport.h"

typedef struct Fake {
	TransportSink sink;
	int started, gate;
	bool gone;
	bool empty[3];
	unsigned closed; /* channels */
} Fake;

typedef struct Later {
	Fake *fake;
	unsigned slot;
	TransportEvent event;
} Later;

static void notify(Fake *fake, char what)
{
	ssize_t n = write(fake->started, &what, 1);

	g_assert_cmpint(n, ==, 1);
}

static void take_gate(Fake *fake)
{
	char octet;
	ssize_t n = read(fake->gate, &octet, 1);

	g_assert_cmpint(n, ==, 1);
}

static gboolean on_gate(int fd, GIOCondition condition, void *user)
{
	*(bool *)user = true;
	return G_SOURCE_REMOVE;
}

static void iterate_until_gate(Fake *fake)
{
	GMainContext *context = g_main_context_get_thread_default();
	g_autoptr(GSource) source = g_unix_fd_source_new(fake->gate, G_IO_IN);
	bool open = false;

	g_assert_nonnull(context);
	g_source_set_callback(source, G_SOURCE_FUNC(on_gate), &open, NULL);
	g_source_attach(source, context);
	while (!open)
		g_main_context_iteration(context, true);
	take_gate(fake);
}

static void raise_event(Fake *fake, unsigned slot, TransportEvent event)
{
	if (event == TRANSPORT_CARD_GONE || event == TRANSPORT_CARD_CHANGED)
		fake->empty[slot] = event == TRANSPORT_CARD_GONE;
	fake->gone = fake->gone || event == TRANSPORT_DEVICE_GONE;
	fake->sink.event(fake->sink.user, slot, event);
}

static gboolean on_later(void *user)
{
	Later *later = user;

	raise_event(later->fake, later->slot, later->event);
	return G_SOURCE_REMOVE;
}

static void raise_later(Fake *fake, unsigned slot, TransportEvent event)
{
	g_autoptr(GSource) source = g_idle_source_new();
	Later *later = g_new0(Later, 1);

	*later = (Later) { fake, slot, event };
	g_source_set_callback(source, on_later, later, g_free);
	g_source_attach(source, g_main_context_get_thread_default());
}

static void *fake_open(const TransportPort *port, TransportAccess access, const TransportSink *sink,
	GError **error)
{
	Fake *fake;
	int started, gate;

	if (g_str_equal(port->node, "missing")) {
		sgp32_fail(error, SGP32_ERROR_NOT_FOUND, "No such port");
		return NULL;
	}
	fake = g_new0(Fake, 1);
	fake->sink = *sink;
	fake->started = fake->gate = -1;
	if (sscanf(port->node, "%d:%d", &started, &gate) == 2) {
		fake->started = started;
		fake->gate = gate;
	} else {
		fake->started = dup(STDERR_FILENO);
		raise_event(fake, 0, TRANSPORT_DEVICE_GONE);
	}
	return fake;
}

static void fake_close(void *self)
{
	Fake *fake = self;

	if (fake->gate >= 0)
		notify(fake, 'c');
	else
		close(fake->started);
	g_free(fake);
}

static bool fake_slots(void *self, GArray *slots, GError **error)
{
	Fake *fake = self;

	for (unsigned i = 1; i <= 2; i++) {
		TransportSlot slot = { .number = i, .logical = i };

		slot.state = fake->empty[i] ? TRANSPORT_SLOT_EMPTY : TRANSPORT_SLOT_CARD;
		g_array_append_val(slots, slot);
	}
	return true;
}

static GBytes *with_status(Span data)
{
	GByteArray *answer = g_byte_array_new();

	array_append_span(answer, data);
	array_append_span(answer, SPAN_LITERAL("\x90\x00"));
	return g_byte_array_free_to_bytes(answer);
}

static bool fake_open_channel(void *self, unsigned slot, Span aid, unsigned *ret_channel,
	GBytes **ret_select, GError **error)
{
	if (aid.size == 0)
		return sgp32_fail(error, SGP32_ERROR_NOT_FOUND, "No such application");
	*ret_channel = slot;
	*ret_select = with_status(aid);
	return true;
}

static bool fake_transmit(
	void *self, unsigned slot, unsigned channel, Span apdu, GBytes **ret, GError **error)
{
	Fake *fake = self;
	uint8_t first = apdu.data[0];
	sigset_t mask;

	switch (apdu.data[0]) {
	case 'W':
		notify(fake, 'W');
		iterate_until_gate(fake);
		break;
	case 'B': {
		struct pollfd gate = { .fd = fake->gate, .events = POLLIN };

		notify(fake, 'B');
		poll(&gate, 1, -1);
		take_gate(fake);
		break;
	}
	case 'V': raise_event(fake, slot, apdu.data[1]); break;
	case 'I': raise_later(fake, slot, apdu.data[1]); break;
	case 'L':
		notify(fake, 'L');
		raise_event(fake, 0, TRANSPORT_DEVICE_GONE);
		return sgp32_fail(error, SGP32_ERROR_CARD_LOST, "Pulled");
	case 'T': return sgp32_fail(error, SGP32_ERROR_TIMEOUT, "No answer");
	case 'M':
		pthread_sigmask(SIG_SETMASK, NULL, &mask);
		first = sigismember(&mask, SIGTERM) && sigismember(&mask, SIGCHLD);
		apdu = span(&first, 1);
		break;
	default: break;
	}
	if (fake->gone)
		return sgp32_fail(error, SGP32_ERROR_CARD_LOST, "Pulled");
	*ret = with_status(apdu);
	return true;
}

static bool fake_close_channel(void *self, unsigned slot, unsigned channel, GError **error)
{
	Fake *fake = self;

	fake->closed++;
	return true;
}

static bool fake_reset(void *self, unsigned slot, TransportReset what, GError **error)
{
	raise_event(self, slot, TRANSPORT_CARD_CHANGED);
	return true;
}

static bool fake_facts(void *self, TransportFacts *ret, GError **error)
{
	Fake *fake = self;

	*ret = (TransportFacts) { .has_plmn = false };
	g_snprintf(ret->imei, sizeof(ret->imei), "%u", fake->closed);
	return true;
}

static const TransportMatch matches[] = {
	{ "test", "fake_driver", NULL },
	{ "wwan", NULL, "FAKE" },
	{ NULL },
};

#ifndef FAKE_NAME
#define FAKE_NAME "fake"
#define FAKE_ABI TRANSPORT_ABI
#define FAKE_PRIORITY 5
#endif

extern const TransportPlugin sgp32_transport;
const TransportPlugin sgp32_transport = {
	.abi = FAKE_ABI,
	.size = sizeof(TransportPlugin),
	.name = FAKE_NAME,
	.description = "Fake for tests",
	.priority = FAKE_PRIORITY,
	.matches = matches,
	.open = fake_open,
	.close = fake_close,
	.slots = fake_slots,
	.open_channel = fake_open_channel,
	.transmit = fake_transmit,
	.close_channel = fake_close_channel,
	.reset = fake_reset,
	.facts = fake_facts,
};
