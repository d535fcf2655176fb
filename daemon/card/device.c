/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The thread of one device. Everything below `Thread` is touched by that thread alone; a worker and the
 * thread meet in the box of requests and in one cell per question.
 *
 * Requests are taken from the box by a source of the thread's context, so that questions about the state
 * are answered while a function of the plugin iterates that context; the functions themselves are run one
 * at a time from the top of the thread.
 */
#include "card/device-priv.h"

#include <glib-unix.h>
#include <signal.h>

#define N_SLOTS 16 /* more than any device has */

void answer_free(void *data)
{
	Answer *answer = data;

	if (!answer)
		return;
	g_clear_error(&answer->error);
	g_clear_pointer(&answer->data, g_bytes_unref);
	g_free(answer);
}

static bool fail_lost(GError **error)
{
	return sgp32_fail(error, SGP32_ERROR_CARD_LOST, "The device is gone");
}

static Answer *answer_lost(void)
{
	Answer *answer = g_new0(Answer, 1);

	answer->lost = true;
	answer->state.device_gone = true;
	fail_lost(&answer->error);
	return answer;
}

/* Whoever still waits is told that the device is gone: a request is never dropped without an answer. */
void request_free(void *data)
{
	Request *request = data;

	if (!request)
		return;
	if (request->cell) {
		post_cell_put(request->cell, answer_lost());
		post_cell_unref(request->cell);
	}
	g_clear_pointer(&request->data, g_bytes_unref);
	g_free(request);
}

/* The one answer to a request, which is freed. */
static void request_answer(Request *request, Answer *answer)
{
	if (request->cell) {
		post_cell_put(request->cell, answer);
		g_clear_pointer(&request->cell, post_cell_unref);
	} else {
		answer_free(answer);
	}
	request_free(request);
}

void device_notice_free(DeviceNotice *notice)
{
	if (!notice)
		return;
	g_free(notice->device);
	g_clear_pointer(&notice->slots, g_array_unref);
	g_clear_error(&notice->error);
	g_free(notice);
}

/* ---- The thread ---- */

typedef struct SlotEvent {
	unsigned slot;
	TransportEvent event;
} SlotEvent;

typedef struct Thread {
	char *id;
	const TransportPlugin *plugin;
	TransportPort port; /* strings are ours */
	TransportAccess access;
	PostBox *requests, *to;

	GMainContext *context;
	void *self; /* the plugin's */
	GQueue work; /* Request: functions of the plugin, in order */
	GQueue events; /* SlotEvent: to be told */
	GQueue waiters; /* Request of REQUEST_WAIT */
	CardState states[N_SLOTS + 1];
	GArray *slots; /* TransportSlot, as last seen */
	bool stop; /* the box is closed */
	bool gone; /* the plugin said so */
} Thread;

static void thread_free(Thread *thread)
{
	g_free(thread->id);
	g_free((char *)thread->port.node);
	g_free((char *)thread->port.subsystem);
	g_free((char *)thread->port.driver);
	g_free((char *)thread->port.port_type);
	g_free((char *)thread->port.proxy);
	g_free((char *)thread->port.crash_file);
	post_box_unref(thread->requests);
	post_box_unref(thread->to);
	g_array_unref(thread->slots);
	g_free(thread);
}

static GArray *slots_new(void)
{
	return g_array_new(false, true, sizeof(TransportSlot));
}

static void tell(Thread *thread, DeviceNoticeKind kind, SlotEvent what, GError *error)
{
	DeviceNotice *notice = g_new0(DeviceNotice, 1);

	notice->device = g_strdup(thread->id);
	notice->kind = kind;
	notice->slot = what.slot;
	notice->event = what.event;
	notice->slots = slots_new();
	g_array_append_vals(notice->slots, thread->slots->data, thread->slots->len);
	notice->error = error;
	post_box_send(thread->to, notice);
}

static bool state_equal(CardState a, CardState b)
{
	return a.epoch == b.epoch && a.present == b.present && a.refreshing == b.refreshing &&
		a.device_gone == b.device_gone;
}

static CardState thread_state(Thread *thread, unsigned slot)
{
	CardState state = { .device_gone = thread->gone };

	return slot <= N_SLOTS ? thread->states[slot] : state;
}

static void answer_state(Thread *thread, Request *request)
{
	Answer *answer = g_new0(Answer, 1);

	answer->ok = true;
	answer->state = thread_state(thread, request->slot);
	request_answer(request, answer);
}

static void wake_waiters(Thread *thread)
{
	for (unsigned left = thread->waiters.length; left; left--) {
		Request *waiter = g_queue_pop_head(&thread->waiters);

		if (state_equal(waiter->seen, thread_state(thread, waiter->slot)))
			g_queue_push_tail(&thread->waiters, waiter);
		else
			answer_state(thread, waiter);
	}
}

/* A card has one thread: whatever it asks now, it no longer waits for what it asked before. */
static void drop_waiter(Thread *thread, unsigned card)
{
	for (GList *link = thread->waiters.head; link; link = link->next) {
		Request *waiter = link->data;

		if (waiter->card != card)
			continue;
		g_queue_delete_link(&thread->waiters, link);
		request_free(waiter);
		return;
	}
}

static void state_apply(CardState *state, TransportEvent event)
{
	switch (event) {
	case TRANSPORT_CARD_GONE:
		state->epoch++;
		state->present = false;
		state->refreshing = false;
		break;
	case TRANSPORT_CARD_CHANGED:
		state->epoch++;
		state->present = true;
		break;
	case TRANSPORT_REFRESH_STARTED: state->refreshing = true; break;
	case TRANSPORT_REFRESH_ENDED:
		state->epoch++;
		state->refreshing = false;
		break;
	case TRANSPORT_DEVICE_GONE:
		state->epoch++;
		state->present = false;
		state->refreshing = false;
		state->device_gone = true;
		break;
	}
}

static bool slot_is_known(Thread *thread, unsigned number)
{
	for (unsigned i = 0; i < thread->slots->len; i++)
		if (g_array_index(thread->slots, TransportSlot, i).number == number)
			return true;
	return false;
}

/* The plugin's sink: also called from inside its functions. */
static void on_event(void *user, unsigned slot, TransportEvent event)
{
	Thread *thread = user;
	SlotEvent *note;

	if (thread->gone || slot > N_SLOTS)
		return;
	if (event == TRANSPORT_DEVICE_GONE) {
		thread->gone = true;
		slot = 0;
	}
	for (unsigned i = 1; i <= N_SLOTS; i++)
		if (slot == i || (slot == 0 && (thread->gone || slot_is_known(thread, i))))
			state_apply(&thread->states[i], event);
	if (!thread->gone) {
		note = g_new0(SlotEvent, 1);
		*note = (SlotEvent) { slot, event };
		g_queue_push_tail(&thread->events, note);
	}
	wake_waiters(thread);
}

static bool slot_holds_card(const TransportSlot *slot)
{
	return slot->state == TRANSPORT_SLOT_CARD || slot->state == TRANSPORT_SLOT_UNKNOWN;
}

/* What the slots say counts where an event was missed; not during a REFRESH, in which cards seem to come
 * and go. */
static void presence_apply(Thread *thread)
{
	for (unsigned i = 1; i <= N_SLOTS; i++) {
		CardState *state = &thread->states[i];
		bool present = false;

		for (unsigned j = 0; j < thread->slots->len; j++) {
			const TransportSlot *slot = &g_array_index(thread->slots, TransportSlot, j);

			if (slot->number == i)
				present = slot_holds_card(slot);
		}
		if (state->present == present || state->refreshing || state->device_gone)
			continue;
		state_apply(state, present ? TRANSPORT_CARD_CHANGED : TRANSPORT_CARD_GONE);
	}
	wake_waiters(thread);
}

static bool read_slots(Thread *thread, GError **error)
{
	g_autoptr(GArray) slots = slots_new();
	unsigned known = 0;

	if (!thread->plugin->slots) {
		TransportSlot only = { .number = 1, .logical = 1 };

		g_array_append_val(slots, only);
	} else if (!thread->plugin->slots(thread->self, slots, error)) {
		return false;
	}
	for (unsigned i = 0; i < slots->len; i++) {
		TransportSlot *slot = &g_array_index(slots, TransportSlot, i);

		if (slot->number >= 1 && slot->number <= N_SLOTS)
			g_array_index(slots, TransportSlot, known++) = *slot;
	}
	g_array_set_size(slots, known);
	g_array_unref(thread->slots);
	thread->slots = g_steal_pointer(&slots);
	presence_apply(thread);
	return true;
}

static void tell_event(Thread *thread, SlotEvent what)
{
	g_autoptr(GError) error = NULL;

	/* The slots are the modem's to tell, but it is busy with the card then. */
	if (what.event != TRANSPORT_REFRESH_STARTED && !read_slots(thread, &error))
		g_debug("%s: slots are told as last seen: %s", thread->id, error->message);
	if (!thread->gone)
		tell(thread, DEVICE_SLOT_EVENT, what, NULL);
}

static bool check_channel(Thread *thread, const Request *request, GError **error)
{
	if (!request->has_epoch || request->epoch == thread_state(thread, request->slot).epoch)
		return true;
	return sgp32_fail(error, SGP32_ERROR_CARD_LOST,
		"Channel %u is gone: the card was reset or changed since it was opened",
		request->channel);
}

static bool call(Thread *thread, const Request *request, Answer *answer)
{
	const TransportPlugin *plugin = thread->plugin;
	Span data = span_of(request->data);
	GError **error = &answer->error;

	switch (request->kind) {
	case REQUEST_OPEN_CHANNEL:
		return plugin->open_channel(
			thread->self, request->slot, data, &answer->channel, &answer->data, error);
	case REQUEST_TRANSMIT:
		return check_channel(thread, request, error) &&
			plugin->transmit(thread->self, request->slot, request->channel, data,
				&answer->data, error);
	case REQUEST_CLOSE_CHANNEL:
		/* What a reset closed needs no closing, and the number may be another program's now. */
		return !check_channel(thread, request, NULL) ||
			plugin->close_channel(thread->self, request->slot, request->channel, error);
	case REQUEST_TERMINAL_CAPABILITY:
		return plugin->terminal_capability(thread->self, request->slot, data, error);
	case REQUEST_RESET:
		return plugin->reset(thread->self, request->slot, request->reset, error);
	case REQUEST_FACTS: return plugin->facts(thread->self, &answer->facts, error);
	default: g_assert_not_reached();
	}
}

static void run_function(Thread *thread, Request *request)
{
	Answer *answer;

	if (thread->gone) {
		request_free(request);
		return;
	}
	answer = g_new0(Answer, 1);
	answer->epoch = thread_state(thread, request->slot).epoch;
	answer->ok = call(thread, request, answer);
	answer->lost = thread->gone;
	answer->state = thread_state(thread, request->slot);
	request_answer(request, answer);
}

static void fail_all(Thread *thread)
{
	Request *request;

	while ((request = g_queue_pop_head(&thread->work)))
		request_free(request);
	while ((request = g_queue_pop_head(&thread->waiters)))
		request_free(request);
}

static void take_request(Thread *thread, Request *request)
{
	SlotEvent *note;

	if (request->kind != REQUEST_RESCAN)
		drop_waiter(thread, request->card);
	switch (request->kind) {
	case REQUEST_STATE: answer_state(thread, request); break;
	case REQUEST_WAIT:
		g_queue_push_tail(&thread->waiters, request);
		wake_waiters(thread);
		break;
	case REQUEST_FORGET: request_free(request); break;
	case REQUEST_RESCAN:
		note = g_new0(SlotEvent, 1);
		*note = (SlotEvent) { 0, TRANSPORT_CARD_CHANGED };
		g_queue_push_tail(&thread->events, note);
		request_free(request);
		break;
	default: g_queue_push_tail(&thread->work, request); break;
	}
}

/* A source of the thread's context: runs while the thread is idle, and while a function of the plugin
 * iterates the context. */
static gboolean on_requests(int fd, GIOCondition condition, void *user)
{
	Thread *thread = user;
	Request *request;

	while ((request = post_box_take(thread->requests)))
		take_request(thread, request);
	if (!post_box_closed(thread->requests))
		return G_SOURCE_CONTINUE;
	/* device_free() waits for the function in flight; those who queue behind it need not. */
	thread->stop = true;
	fail_all(thread);
	return G_SOURCE_REMOVE;
}

static void thread_loop(Thread *thread)
{
	while (!thread->stop && !thread->gone) {
		g_autofree SlotEvent *note = g_queue_pop_head(&thread->events);
		Request *request = note ? NULL : g_queue_pop_head(&thread->work);

		if (note)
			tell_event(thread, *note);
		else if (request)
			run_function(thread, request);
		g_main_context_iteration(thread->context, !note && !request);
	}
}

static bool thread_open(Thread *thread, GError **error)
{
	TransportSink sink = { on_event, thread };

	thread->self = thread->plugin->open(&thread->port, thread->access, &sink, error);
	if (!thread->self)
		return false;
	if (thread->gone)
		return fail_lost(error);
	if (!read_slots(thread, error))
		return false;
	for (unsigned i = 1; i <= N_SLOTS; i++)
		thread->states[i].epoch = 0;
	return thread->gone ? fail_lost(error) : true;
}

static void *thread_main(void *user)
{
	Thread *thread = user;
	g_autoptr(GSource) source = NULL;
	GError *error = NULL;
	bool opened, lost;

	thread->context = g_main_context_new();
	g_main_context_push_thread_default(thread->context);
	source = g_unix_fd_source_new(post_box_fd(thread->requests), G_IO_IN);
	g_source_set_callback(source, G_SOURCE_FUNC(on_requests), thread, NULL);
	g_source_attach(source, thread->context);

	opened = thread_open(thread, &error);
	if (opened) {
		tell(thread, DEVICE_OPENED, (SlotEvent) { 0 }, NULL);
		thread_loop(thread);
	}
	lost = thread->gone;
	/* Workers first: closing may take its time. */
	post_box_close(thread->requests);
	fail_all(thread);
	if (thread->self)
		thread->plugin->close(thread->self);
	if (!opened)
		tell(thread, DEVICE_FAILED, (SlotEvent) { 0 }, error);
	else if (lost)
		tell(thread, DEVICE_LOST, (SlotEvent) { 0 }, NULL);

	g_source_destroy(source);
	g_queue_clear_full(&thread->events, g_free);
	g_main_context_pop_thread_default(thread->context);
	g_main_context_unref(thread->context);
	thread_free(thread);
	return NULL;
}

/* ---- The main thread's side ---- */

Device *device_new(const char *id, const TransportPlugin *plugin, const TransportPort *port,
	TransportAccess access, PostBox *to)
{
	Device *device = g_new0(Device, 1);
	Thread *thread = g_new0(Thread, 1);
	sigset_t all, before;
	int failed;

	device->plugin = plugin;
	device->requests = post_box_new(request_free);
	thread->id = g_strdup(id);
	thread->plugin = plugin;
	thread->port = (TransportPort) {
		.node = g_strdup(port->node),
		.subsystem = g_strdup(port->subsystem),
		.driver = g_strdup(port->driver),
		.port_type = g_strdup(port->port_type),
		.proxy = g_strdup(port->proxy),
		.crash_file = g_strdup(port->crash_file),
		.timeout = port->timeout,
	};
	thread->access = access;
	thread->requests = post_box_ref(device->requests);
	thread->to = post_box_ref(to);
	thread->slots = slots_new();
	g_queue_init(&thread->work);
	g_queue_init(&thread->events);
	g_queue_init(&thread->waiters);

	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(&device->thread, NULL, thread_main, thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed)
		g_error("No thread for %s: %s", id, g_strerror(failed));
	return device;
}

void device_free(Device *device)
{
	if (!device)
		return;
	post_box_close(device->requests);
	pthread_join(device->thread, NULL);
	post_box_unref(device->requests);
	g_free(device);
}

void device_rescan(Device *device)
{
	Request *request = g_new0(Request, 1);

	request->kind = REQUEST_RESCAN;
	post_box_send(device->requests, request);
}
