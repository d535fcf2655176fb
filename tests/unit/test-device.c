/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The plugins of TEST_PLUGINS are those of tests/unit/transports. */
#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "card/device.h"

#define LONG (10 * USEC_PER_SEC) /* only a failing test waits that long */

/* ---- Plugins ---- */

static void test_names_are_those_of_the_modules(void)
{
	g_autoptr(PluginSet) set = plugin_set_new(TEST_PLUGINS);
	g_autofree char *names = g_strjoinv(" ", (char **)plugin_set_names(set));

	g_assert_cmpstr(names, ==, "better fake future liar nothing text unresolved");
}

static void test_folder_that_is_not_there_holds_no_plugin(void)
{
	g_autoptr(PluginSet) set = NULL;
	g_autoptr(GError) error = NULL;

	g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "No plugins: *");
	set = plugin_set_new("/nonexistent");
	g_test_assert_expected_messages();
	g_assert_null(plugin_set_names(set)[0]);
	g_assert_null(plugin_set_load(set, "fake", &error));
	g_assert_true(sgp32_error_is(error, SGP32_ERROR_NOT_FOUND));
}

static void test_bad_plugin_is_refused_by_name(void)
{
	static const char *const bad[] = { "future", "liar", "nothing", "text", "unresolved" };
	g_autoptr(PluginSet) set = plugin_set_new(TEST_PLUGINS);

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(plugin_set_load(set, bad[i], &error));
		g_assert_true(sgp32_error_is(error, SGP32_ERROR_NOT_SUPPORTED));
		g_assert_nonnull(strstr(error->message, bad[i]));
	}
}

static void test_match_takes_the_highest_priority_and_warns_once(void)
{
	g_autoptr(PluginSet) set = plugin_set_new(TEST_PLUGINS);
	TransportPort ours = { .subsystem = "test", .driver = "fake_driver" };
	TransportPort wwan = { .subsystem = "wwan", .port_type = "FAKE" };
	TransportPort other = { .subsystem = "test", .driver = "other" };
	TransportPort unknown = { .node = "/dev/null" };

	for (int i = 0; i < 5; i++)
		g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "Plugin *");
	g_assert_cmpstr(plugin_set_match(set, &ours)->name, ==, "better");
	g_test_assert_expected_messages();
	g_assert_cmpstr(plugin_set_match(set, &wwan)->name, ==, "better");
	g_assert_null(plugin_set_match(set, &other));
	g_assert_null(plugin_set_match(set, &unknown));
}

/* ---- Device ---- */

typedef struct Fixture {
	PluginSet *plugins;
	PostBox *notices;
	Device *device;
	int started[2], gate[2];
} Fixture;

static void notice_free(void *notice)
{
	device_notice_free(notice);
}

static void fixture_open(Fixture *f, const char *node)
{
	g_autofree char *fds = NULL;
	g_autoptr(GError) error = NULL;
	const TransportPlugin *plugin;
	TransportPort port = { .subsystem = "test" };

	g_assert_cmpint(pipe(f->started), ==, 0);
	g_assert_cmpint(pipe(f->gate), ==, 0);
	fds = g_strdup_printf("%d:%d", f->started[1], f->gate[0]);
	port.node = node ? node : fds;
	f->plugins = plugin_set_new(TEST_PLUGINS);
	plugin = plugin_set_load(f->plugins, "fake", &error);
	g_assert_no_error(error);
	f->notices = post_box_new(notice_free);
	f->device = device_new("dev0", plugin, &port, TRANSPORT_DIRECT, f->notices);
}

static void fixture_close(Fixture *f)
{
	device_free(f->device);
	plugin_set_free(f->plugins);
	post_box_unref(f->notices);
	close(f->started[0]);
	close(f->started[1]);
	close(f->gate[0]);
	close(f->gate[1]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Fixture, fixture_close)

static DeviceNotice *expect_notice(Fixture *f, DeviceNoticeKind kind)
{
	DeviceNotice *notice = post_box_wait(f->notices, clock_monotonic() + LONG);

	g_assert_nonnull(notice);
	g_assert_cmpint(notice->kind, ==, kind);
	g_assert_cmpstr(notice->device, ==, "dev0");
	return notice;
}

static void drop_notice(Fixture *f, DeviceNoticeKind kind)
{
	device_notice_free(expect_notice(f, kind));
}

static void expect_started(Fixture *f, char what)
{
	char octet = 0;

	g_assert_cmpint(read(f->started[0], &octet, 1), ==, 1);
	g_assert_cmpint(octet, ==, what);
}

static void open_gate(Fixture *f)
{
	g_assert_cmpint(write(f->gate[1], "g", 1), ==, 1);
}

static bool card_transmit(Card *card, unsigned channel, Span apdu, GError **error)
{
	g_autoptr(GBytes) answer = NULL;
	Span got;

	if (!card->ops->transmit(card->self, channel, apdu, &answer, error))
		return false;
	got = span_of(answer);
	g_assert_cmpuint(got.size, ==, apdu.size + 2);
	g_assert_true(span_equal(span(got.data, apdu.size), apdu));
	g_assert_true(span_equal(span(got.data + apdu.size, 2), SPAN_LITERAL("\x90\x00")));
	return true;
}

static void transmit_ok(Card *card, Span apdu)
{
	g_autoptr(GError) error = NULL;

	card_transmit(card, 0, apdu, &error);
	g_assert_no_error(error);
}

static void transmit_fails(Card *card, Span apdu, Sgp32Error code)
{
	g_autoptr(GError) error = NULL;

	g_assert_false(card_transmit(card, 0, apdu, &error));
	g_assert_true(sgp32_error_is(error, code));
}

static void transmit_event(Card *card, char how, TransportEvent event)
{
	uint8_t apdu[] = { how, event };

	transmit_ok(card, SPAN_ARRAY(apdu));
}

static CardState card_state(Card *card)
{
	return card->ops->state(card->self);
}

/* A worker that does one thing to one card. */
typedef struct Worker {
	Card *card;
	char apdu; /* 0: wait */
	unsigned times; /* echoes: apdu 'E' */
	CardState seen, state;
	PostCancel *cancel;
	Device *free;
	bool ok;
	GError *error;
	pthread_t thread;
} Worker;

static void *worker_main(void *user)
{
	Worker *worker = user;

	if (worker->free) {
		device_free(worker->free);
	} else if (!worker->apdu) {
		worker->state = worker->card->ops->wait(
			worker->card->self, worker->seen, -1, worker->cancel);
	} else {
		worker->ok = true;
		for (unsigned i = 0; i < MAX(worker->times, 1) && worker->ok; i++) {
			uint8_t apdu[] = { worker->apdu, i, i >> 8, (uintptr_t)worker };

			worker->ok =
				card_transmit(worker->card, 0, SPAN_ARRAY(apdu), &worker->error);
		}
	}
	return NULL;
}

static void worker_start(Worker *worker)
{
	g_assert_cmpint(pthread_create(&worker->thread, NULL, worker_main, worker), ==, 0);
}

static void worker_join(Worker *worker)
{
	pthread_join(worker->thread, NULL);
}

static void worker_join_lost(Worker *worker)
{
	worker_join(worker);
	g_assert_false(worker->ok);
	g_assert_true(sgp32_error_is(worker->error, SGP32_ERROR_CARD_LOST));
	g_clear_error(&worker->error);
}

static void test_opened_device_tells_its_slots(void)
{
	g_auto(Fixture) f = { 0 };
	g_autoptr(DeviceNotice) notice = NULL;
	g_autoptr(Card) card = NULL;
	CardState state;

	fixture_open(&f, NULL);
	notice = expect_notice(&f, DEVICE_OPENED);
	g_assert_no_error(notice->error);
	g_assert_cmpuint(notice->slots->len, ==, 2);
	g_assert_cmpuint(g_array_index(notice->slots, TransportSlot, 1).number, ==, 2);
	card = device_card(f.device, 2);
	state = card_state(card);
	g_assert_cmpuint(state.epoch, ==, 0);
	g_assert_true(state.present);
	g_assert_false(state.refreshing);
	g_assert_false(state.device_gone);
}

static void test_failed_open_is_told_with_its_error(void)
{
	g_auto(Fixture) f = { 0 };
	g_autoptr(DeviceNotice) notice = NULL;
	g_autoptr(Card) card = NULL;

	fixture_open(&f, "missing");
	notice = expect_notice(&f, DEVICE_FAILED);
	g_assert_true(sgp32_error_is(notice->error, SGP32_ERROR_NOT_FOUND));
	card = device_card(f.device, 1);
	transmit_fails(card, SPAN_LITERAL("E"), SGP32_ERROR_CARD_LOST);
	g_assert_true(card_state(card).device_gone);
}

static void test_device_that_goes_while_it_is_opened_has_failed(void)
{
	g_auto(Fixture) f = { 0 };
	g_autoptr(DeviceNotice) notice = NULL;

	fixture_open(&f, "dead");
	notice = expect_notice(&f, DEVICE_FAILED);
	g_assert_true(sgp32_error_is(notice->error, SGP32_ERROR_CARD_LOST));
}

static void test_functions_reach_the_plugin(void)
{
	g_auto(Fixture) f = { 0 };
	g_autoptr(Card) card = NULL;
	g_autoptr(GBytes) select = NULL, answer = NULL;
	g_autoptr(GError) error = NULL;
	TransportFacts facts;
	unsigned channel = 77;

	fixture_open(&f, NULL);
	card = device_card(f.device, 2);
	g_assert_null(card->ops->terminal_capability);
	g_assert_false(
		card->ops->open_channel(card->self, SPAN_LITERAL(""), &channel, &select, &error));
	g_assert_true(sgp32_error_is(error, SGP32_ERROR_NOT_FOUND));
	g_assert_cmpuint(channel, ==, 77);
	g_clear_error(&error);
	g_assert_true(card->ops->open_channel(
		card->self, SPAN_LITERAL("\xa0"), &channel, &select, &error));
	g_assert_no_error(error);
	g_assert_cmpuint(channel, ==, 2);
	g_assert_true(span_equal(span_of(select), SPAN_LITERAL("\xa0\x90\x00")));
	transmit_ok(card, SPAN_LITERAL("Echo"));
	transmit_fails(card, SPAN_LITERAL("T"), SGP32_ERROR_TIMEOUT);
	transmit_ok(card, SPAN_LITERAL("E"));
	g_assert_true(card->ops->close_channel(card->self, channel, &error));
	g_assert_true(card->ops->facts(card->self, &facts, &error));
	g_assert_cmpstr(facts.imei, ==, "1");
	/* Signals are not for this thread. */
	g_assert_true(card->ops->transmit(card->self, 0, SPAN_LITERAL("M"), &answer, &error));
	g_assert_true(span_equal(span_of(answer), SPAN_LITERAL("\x01\x90\x00")));
}

static void test_event_inside_a_transmit_wakes_who_waits(void)
{
	g_auto(Fixture) f = { 0 };
	g_autoptr(Card) card = NULL, other = NULL;
	Worker waiter = { 0 };

	fixture_open(&f, NULL);
	drop_notice(&f, DEVICE_OPENED);
	card = device_card(f.device, 1);
	other = device_card(f.device, 1);
	waiter.card = other;
	waiter.seen = card_state(other);
	worker_start(&waiter);
	transmit_event(card, 'V', TRANSPORT_REFRESH_STARTED);
	worker_join(&waiter);
	g_assert_true(waiter.state.refreshing);
	g_assert_cmpuint(waiter.state.epoch, ==, waiter.seen.epoch);
	transmit_event(card, 'V', TRANSPORT_REFRESH_ENDED);
	g_assert_false(card_state(card).refreshing);
	g_assert_cmpuint(card_state(card).epoch, ==, waiter.seen.epoch + 1);
	drop_notice(&f, DEVICE_SLOT_EVENT);
	drop_notice(&f, DEVICE_SLOT_EVENT);
}

static void test_event_while_idle_is_seen_and_told(void)
{
	g_auto(Fixture) f = { 0 };
	g_autoptr(Card) card = NULL;
	g_autoptr(DeviceNotice) notice = NULL;
	CardState seen, state;

	fixture_open(&f, NULL);
	drop_notice(&f, DEVICE_OPENED);
	card = device_card(f.device, 2);
	seen = card_state(card);
	transmit_event(card, 'I', TRANSPORT_CARD_GONE);
	state = card->ops->wait(card->self, seen, clock_monotonic() + LONG, NULL);
	g_assert_false(state.present);
	g_assert_cmpuint(state.epoch, ==, seen.epoch + 1);
	notice = expect_notice(&f, DEVICE_SLOT_EVENT);
	g_assert_cmpuint(notice->slot, ==, 2);
	g_assert_cmpint(notice->event, ==, TRANSPORT_CARD_GONE);
	g_assert_cmpint(
		g_array_index(notice->slots, TransportSlot, 1).state, ==, TRANSPORT_SLOT_EMPTY);
	g_assert_cmpint(
		g_array_index(notice->slots, TransportSlot, 0).state, ==, TRANSPORT_SLOT_CARD);
	/* The other slot has nothing to do with it. */
	g_clear_pointer(&card, card_free);
	card = device_card(f.device, 1);
	g_assert_cmpuint(card_state(card).epoch, ==, 0);
}

static void test_state_is_answered_during_a_transmit(void)
{
	g_auto(Fixture) f = { 0 };
	g_autoptr(Card) card = NULL, other = NULL;
	Worker worker = { .apdu = 'W' };

	fixture_open(&f, NULL);
	worker.card = card = device_card(f.device, 1);
	other = device_card(f.device, 2);
	worker_start(&worker);
	expect_started(&f, 'W');
	g_assert_true(card_state(other).present);
	open_gate(&f);
	worker_join(&worker);
	g_assert_true(worker.ok);
}

static void test_wait_ends_by_time_and_by_cancel(void)
{
	g_auto(Fixture) f = { 0 };
	g_autoptr(Card) card = NULL;
	g_autoptr(PostCancel) cancel = post_cancel_new();
	CardState seen, state;
	Worker waiter = { 0 };

	fixture_open(&f, NULL);
	card = device_card(f.device, 1);
	seen = card_state(card);
	state = card->ops->wait(card->self, seen, clock_monotonic() + USEC_PER_MSEC, NULL);
	g_assert_cmpuint(state.epoch, ==, seen.epoch);
	waiter.card = card;
	waiter.seen = seen;
	waiter.cancel = cancel;
	worker_start(&waiter);
	post_cancel_set(cancel);
	worker_join(&waiter);
	g_assert_cmpuint(waiter.state.epoch, ==, seen.epoch);
	/* The change comes when nobody waits any more, and is there for the next who asks. */
	transmit_event(card, 'V', TRANSPORT_CARD_CHANGED);
	g_assert_cmpuint(card_state(card).epoch, ==, seen.epoch + 1);
	state = card->ops->wait(card->self, seen, -1, NULL);
	g_assert_cmpuint(state.epoch, ==, seen.epoch + 1);
}

static void test_card_that_leaves_while_waiting_is_forgotten(void)
{
	g_auto(Fixture) f = { 0 };
	g_autoptr(Card) card = NULL;
	Card *gone;
	CardState seen;

	fixture_open(&f, NULL);
	card = device_card(f.device, 1);
	gone = device_card(f.device, 1);
	seen = card_state(gone);
	gone->ops->wait(gone->self, seen, 0, NULL);
	card_free(gone);
	transmit_event(card, 'V', TRANSPORT_CARD_CHANGED);
	g_assert_cmpuint(card_state(card).epoch, ==, seen.epoch + 1);
}

static void test_loss_inside_a_transmit_ends_all_cards(void)
{
	g_auto(Fixture) f = { 0 };
	g_autoptr(Card) card = NULL, other = NULL, third = NULL;
	Worker waiter = { 0 };
	CardState state;

	fixture_open(&f, NULL);
	drop_notice(&f, DEVICE_OPENED);
	card = device_card(f.device, 1);
	waiter.card = other = device_card(f.device, 2);
	third = device_card(f.device, 2);
	waiter.seen = card_state(other);
	worker_start(&waiter);
	transmit_fails(card, SPAN_LITERAL("L"), SGP32_ERROR_CARD_LOST);
	worker_join(&waiter);
	g_assert_true(waiter.state.device_gone);
	g_assert_false(waiter.state.present);
	g_assert_cmpuint(waiter.state.epoch, >, waiter.seen.epoch);
	transmit_fails(other, SPAN_LITERAL("E"), SGP32_ERROR_CARD_LOST);
	transmit_fails(third, SPAN_LITERAL("E"), SGP32_ERROR_CARD_LOST);
	drop_notice(&f, DEVICE_LOST);
	expect_started(&f, 'L');
	expect_started(&f, 'c');
	g_assert_null(post_box_take(f.notices));
	/* The card outlives the device. */
	device_free(g_steal_pointer(&f.device));
	state = card->ops->wait(card->self, (CardState) { 0 }, -1, NULL);
	g_assert_true(state.device_gone);
	transmit_fails(card, SPAN_LITERAL("E"), SGP32_ERROR_CARD_LOST);
}

static void test_loss_while_idle_is_told_once(void)
{
	g_auto(Fixture) f = { 0 };
	g_autoptr(Card) card = NULL;

	fixture_open(&f, NULL);
	drop_notice(&f, DEVICE_OPENED);
	card = device_card(f.device, 1);
	transmit_event(card, 'I', TRANSPORT_DEVICE_GONE);
	drop_notice(&f, DEVICE_LOST);
	transmit_fails(card, SPAN_LITERAL("E"), SGP32_ERROR_CARD_LOST);
	device_free(g_steal_pointer(&f.device));
	g_assert_null(post_box_take(f.notices));
}

static void test_two_slots_share_a_device(void)
{
	g_auto(Fixture) f = { 0 };
	g_autoptr(Card) one = NULL, two = NULL;
	Worker first = { .apdu = 'E', .times = 500 }, second = { .apdu = 'E', .times = 500 };

	fixture_open(&f, NULL);
	first.card = one = device_card(f.device, 1);
	second.card = two = device_card(f.device, 2);
	worker_start(&first);
	worker_start(&second);
	worker_join(&first);
	worker_join(&second);
	g_assert_no_error(first.error);
	g_assert_no_error(second.error);
}

static void test_free_waits_for_the_apdu_in_flight_but_lets_others_go(const void *user)
{
	g_auto(Fixture) f = { 0 };
	g_autoptr(Card) one = NULL, two = NULL, three = NULL;
	Worker flying = { .apdu = *(const char *)user }, queued = { .apdu = 'E' }, waiting = { 0 };
	Worker freeing = { 0 };

	fixture_open(&f, NULL);
	drop_notice(&f, DEVICE_OPENED);
	flying.card = one = device_card(f.device, 1);
	queued.card = two = device_card(f.device, 2);
	waiting.card = three = device_card(f.device, 2);
	waiting.seen = card_state(three);
	worker_start(&flying);
	expect_started(&f, flying.apdu);
	worker_start(&queued);
	worker_start(&waiting);
	freeing.free = g_steal_pointer(&f.device);
	worker_start(&freeing);
	/* The gate is still closed. */
	worker_join_lost(&queued);
	worker_join(&waiting);
	g_assert_true(waiting.state.device_gone);
	open_gate(&f);
	worker_join(&flying);
	g_assert_true(flying.ok);
	worker_join(&freeing);
	expect_started(&f, 'c');
	transmit_fails(one, SPAN_LITERAL("E"), SGP32_ERROR_CARD_LOST);
	g_assert_null(post_box_take(f.notices));
}

static void test_channel_of_an_earlier_card_is_not_used(void)
{
	g_auto(Fixture) f = { 0 };
	g_autoptr(Card) card = NULL;
	g_autoptr(GError) error = NULL;
	TransportFacts facts;
	unsigned channel;

	fixture_open(&f, NULL);
	card = device_card(f.device, 1);
	g_assert_true(
		card->ops->open_channel(card->self, SPAN_LITERAL("\xa0"), &channel, NULL, &error));
	g_assert_true(card->ops->reset(card->self, TRANSPORT_RESET_CARD, &error));
	g_assert_false(card_transmit(card, channel, SPAN_LITERAL("E"), &error));
	g_assert_true(sgp32_error_is(error, SGP32_ERROR_CARD_LOST));
	g_clear_error(&error);
	g_assert_true(card->ops->close_channel(card->self, channel, &error));
	g_assert_true(card->ops->facts(card->self, &facts, &error));
	g_assert_cmpstr(facts.imei, ==, "0");
	g_assert_true(
		card->ops->open_channel(card->self, SPAN_LITERAL("\xa0"), &channel, NULL, &error));
	g_assert_true(card_transmit(card, channel, SPAN_LITERAL("E"), &error));
	g_assert_true(card->ops->close_channel(card->self, channel, &error));
	g_assert_true(card->ops->facts(card->self, &facts, &error));
	g_assert_cmpstr(facts.imei, ==, "1");
}

static void test_rescan_is_answered_by_a_notice(void)
{
	g_auto(Fixture) f = { 0 };
	g_autoptr(DeviceNotice) notice = NULL;
	g_autoptr(Card) card = NULL;

	fixture_open(&f, NULL);
	drop_notice(&f, DEVICE_OPENED);
	device_rescan(f.device);
	notice = expect_notice(&f, DEVICE_SLOT_EVENT);
	g_assert_cmpuint(notice->slot, ==, 0);
	g_assert_cmpuint(notice->slots->len, ==, 2);
	card = device_card(f.device, 1);
	g_assert_cmpuint(card_state(card).epoch, ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add_func("/device/" #name, test_##name)
	TEST(names_are_those_of_the_modules);
	TEST(folder_that_is_not_there_holds_no_plugin);
	TEST(bad_plugin_is_refused_by_name);
	TEST(match_takes_the_highest_priority_and_warns_once);
	TEST(opened_device_tells_its_slots);
	TEST(failed_open_is_told_with_its_error);
	TEST(device_that_goes_while_it_is_opened_has_failed);
	TEST(functions_reach_the_plugin);
	TEST(event_inside_a_transmit_wakes_who_waits);
	TEST(event_while_idle_is_seen_and_told);
	TEST(state_is_answered_during_a_transmit);
	TEST(wait_ends_by_time_and_by_cancel);
	TEST(card_that_leaves_while_waiting_is_forgotten);
	TEST(loss_inside_a_transmit_ends_all_cards);
	TEST(loss_while_idle_is_told_once);
	TEST(two_slots_share_a_device);
	TEST(channel_of_an_earlier_card_is_not_used);
	TEST(rescan_is_answered_by_a_notice);
	g_test_add_data_func(
		"/device/free_waits_for_the_apdu_in_flight_but_lets_others_go/iterating", "W",
		test_free_waits_for_the_apdu_in_flight_but_lets_others_go);
	g_test_add_data_func(
		"/device/free_waits_for_the_apdu_in_flight_but_lets_others_go/blocking", "B",
		test_free_waits_for_the_apdu_in_flight_but_lets_others_go);
	return g_test_run();
}
