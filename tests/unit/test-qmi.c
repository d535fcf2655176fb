/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The QMI plugin against a modem that is a script: behind the socket of a proxy of its own, each request
 * must come octet for octet, and is answered by fixed octets.
 */
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "card/device.h"
#include "qmi-steps.h"

/* ---- The plugin, on this thread ---- */

typedef struct Event {
	unsigned slot;
	TransportEvent event;
} Event;

typedef struct Fixture {
	Proxy proxy;
	PluginSet *plugins;
	const TransportPlugin *plugin;
	GMainContext *context;
	void *self;
	GArray *events; /* Event */
	char *folder, *crash_file;
} Fixture;

static void on_event(void *user, unsigned slot, TransportEvent event)
{
	Fixture *f = user;
	Event it = { slot, event };

	g_array_append_val(f->events, it);
}

static bool fixture_open(Fixture *f, const Step *steps, GError **error)
{
	TransportSink sink = { on_event, f };
	TransportPort port = { .node = "/nonexistent/qmi", .timeout = 1 };

	f->events = g_array_new(false, false, sizeof(Event));
	f->plugins = plugin_set_new(TEST_PLUGINS);
	f->plugin = plugin_set_load(f->plugins, "qmi", NULL);
	g_assert_nonnull(f->plugin);
	if (!f->context)
		f->context = g_main_context_new();
	g_main_context_push_thread_default(f->context);
	proxy_start(&f->proxy, steps);
	port.proxy = f->proxy.name;
	port.crash_file = f->crash_file;
	f->self = f->plugin->open(&port, TRANSPORT_PROXY, &sink, error);
	return f->self != NULL;
}

static void fixture_start(Fixture *f, const Step *steps)
{
	g_autoptr(GError) error = NULL;
	GArray *slots = g_array_new(false, true, sizeof(TransportSlot));

	fixture_open(f, steps, &error);
	if (f->proxy.unexpected)
		g_test_message("%s", f->proxy.unexpected);
	g_assert_no_error(error);
	g_assert_true(f->plugin->slots(f->self, slots, &error));
	g_assert_no_error(error);
	g_array_unref(slots);
}

static void fixture_stop(Fixture *f)
{
	if (f->self)
		f->plugin->close(f->self);
	f->self = NULL;
	proxy_stop(&f->proxy);
	g_main_context_pop_thread_default(f->context);
	/* Nothing of libqmi ever went to the default context. */
	g_assert_false(g_main_context_pending(NULL));
	g_clear_pointer(&f->context, g_main_context_unref);
	g_array_unref(f->events);
	plugin_set_free(f->plugins);
}

static gboolean on_time(void *passed)
{
	*(bool *)passed = true;
	return G_SOURCE_REMOVE;
}

/* Idle, as the thread of a device, until event number n (from 0) came. */
static Event wait_event(Fixture *f, unsigned n)
{
	g_autoptr(GSource) timer = g_timeout_source_new_seconds(20);
	bool passed = false;

	g_source_set_callback(timer, on_time, &passed, NULL);
	g_source_attach(timer, f->context);
	while (f->events->len <= n && !passed)
		g_main_context_iteration(f->context, true);
	g_source_destroy(timer);
	g_assert_cmpuint(f->events->len, >, n);
	return g_array_index(f->events, Event, n);
}

static gboolean on_taken(int fd, GIOCondition condition, void *left)
{
	char octet;

	g_assert_cmpint(read(fd, &octet, 1), ==, 1);
	return --*(unsigned *)left > 0;
}

/* Idle until the modem took n steps since the start. */
static void wait_steps(Fixture *f, unsigned n)
{
	g_autoptr(GSource) source = g_unix_fd_source_new(f->proxy.taken[0], G_IO_IN);
	unsigned left = n;

	g_source_set_callback(source, G_SOURCE_FUNC(on_taken), &left, NULL);
	g_source_attach(source, f->context);
	while (left > 0)
		g_main_context_iteration(f->context, true);
}

static const char aid_hex[] = "a0000005591010ffffffff8900000100";

static bool open_channel(Fixture *f, unsigned slot, unsigned *ret, GBytes **select, GError **error)
{
	g_autoptr(GBytes) aid = hex_decode(aid_hex, 16);

	return f->plugin->open_channel(f->self, slot, span_of(aid), ret, select, error);
}

static void open_fails(Fixture *f, Sgp32Error code, uint16_t sw)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) select = NULL;
	unsigned channel = 77;

	g_assert_false(open_channel(f, 1, &channel, &select, &error));
	g_assert_error(error, SGP32_ERROR, (int)code);
	g_assert_cmphex(sgp32_error_details(error)->sw, ==, sw);
	g_assert_cmpuint(channel, ==, 77);
	g_assert_null(select);
}

/* GetEuiccData… any command: the card's answers are fixed as well. */
static GBytes *send_command(Fixture *f, unsigned channel, GError **error)
{
	g_autoptr(GBytes) answer = NULL;

	if (!f->plugin->transmit(f->self, 1, channel,
		    SPAN_LITERAL("\x81\xe2\x91\x00\x03\xbf\x3e\x00"), &answer, error)) {
		g_assert_null(answer);
		return NULL;
	}
	return g_steal_pointer(&answer);
}

static void command_fails(Fixture *f, unsigned channel, Sgp32Error code)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(send_command(f, channel, &error));
	g_assert_error(error, SGP32_ERROR, (int)code);
}

static void command_answers(Fixture *f, const char *hex)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) answer = send_command(f, 1, &error);
	g_autofree char *got = NULL;

	g_assert_no_error(error);
	got = hex_encode(span_of(answer));
	g_assert_cmpstr(got, ==, hex);
}

static void no_event(Fixture *f)
{
	g_assert_cmpuint(f->events->len, ==, 0);
}

static void expect_event(Fixture *f, unsigned n, unsigned slot, TransportEvent event)
{
	Event it = wait_event(f, n);

	g_assert_cmpuint(it.slot, ==, slot);
	g_assert_cmpint(it.event, ==, event);
}

static GArray *read_slots(Fixture *f)
{
	g_autoptr(GArray) slots = g_array_new(false, true, sizeof(TransportSlot));
	g_autoptr(GError) error = NULL;

	g_assert_true(f->plugin->slots(f->self, slots, &error));
	g_assert_no_error(error);
	return g_steal_pointer(&slots);
}

/* libqmi tells of a proxy that hangs up. */
static void expect_hang_up(void)
{
	g_test_expect_message("Qmi", G_LOG_LEVEL_WARNING, "*");
}

static void test_slots_are_read_with_all_they_tell(void)
{
	Fixture f = { 0 };
	g_autoptr(GError) error = NULL;
	g_autoptr(GArray) slots = g_array_new(false, true, sizeof(TransportSlot));
	const TransportSlot *slot;
	g_autofree char *iccid = NULL, *eid = NULL;

	fixture_open(&f, open_steps, &error);
	g_assert_no_error(error);
	g_assert_true(f.plugin->slots(f.self, slots, &error));
	g_assert_cmpuint(slots->len, ==, 2);
	slot = &g_array_index(slots, TransportSlot, 0);
	g_assert_cmpuint(slot->number, ==, 1);
	g_assert_cmpuint(slot->logical, ==, 1);
	g_assert_cmpint(slot->state, ==, TRANSPORT_SLOT_CARD);
	g_assert_true(slot->has_eid && slot->has_iccid);
	eid = eid_to_text(SPAN_ARRAY(slot->eid));
	g_assert_cmpstr(eid, ==, "89049032123451234512345678901235");
	iccid = iccid_to_text(SPAN_ARRAY(slot->iccid));
	g_assert_cmpstr(iccid, ==, "8901234567890123456");
	g_assert_cmpmem(slot->atr, slot->atr_size, "\x3b\x9f\x96\x80\x3f", 5);
	slot = &g_array_index(slots, TransportSlot, 1);
	g_assert_cmpuint(slot->number, ==, 2);
	g_assert_cmpuint(slot->logical, ==, 0);
	g_assert_cmpint(slot->state, ==, TRANSPORT_SLOT_EMPTY);
	g_assert_false(slot->has_eid || slot->has_iccid);
	no_event(&f);
	fixture_stop(&f);
}

static void test_channel_carries_apdus(void)
{
	Fixture f = { 0 };
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) select = NULL;
	g_autofree char *got = NULL;
	unsigned channel = 0;

	fixture_start(&f, channel_steps);
	g_assert_true(open_channel(&f, 1, &channel, &select, &error));
	g_assert_cmpuint(channel, ==, 1);
	got = hex_encode(span_of(select));
	g_assert_cmpstr(got, ==, "6f128410a0000005591010ffffffff89000001009000");
	/* 61xx is given as it comes. */
	command_answers(&f, "bf3e006110");
	g_assert_true(f.plugin->close_channel(f.self, 1, channel, &error));
	g_assert_no_error(error);
	fixture_stop(&f);
}

static void test_modem_may_hide_select(void)
{
	Fixture f = { 0 };
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) select = NULL;
	unsigned channel = 0;

	fixture_start(&f, hidden_select_steps);
	g_assert_true(open_channel(&f, 1, &channel, &select, &error));
	g_assert_cmpuint(channel, ==, 2);
	g_assert_null(select);
	/* Closed with the device, as nobody else did. */
	fixture_stop(&f);
}

static void test_basic_channel_is_not_named(void)
{
	Fixture f = { 0 };
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) answer = NULL;

	fixture_start(&f, basic_steps);
	g_assert_true(f.plugin->transmit(f.self, 1, 0,
		SPAN_LITERAL("\x80\xaa\x00\x00\x05\xa9\x03\x83\x01\x07"), &answer, &error));
	g_assert_true(span_equal(span_of(answer), SPAN_LITERAL("\x90\x00")));
	fixture_stop(&f);
}

static void test_refused_channel_has_a_name(void)
{
	Fixture f = { 0 };

	fixture_start(&f, refused_steps);
	open_fails(&f, SGP32_ERROR_NOT_FOUND, 0x6a82);
	open_fails(&f, SGP32_ERROR_CARD_BUSY, 0x6a81);
	open_fails(&f, SGP32_ERROR_CARD_BUSY, 0);
	open_fails(&f, SGP32_ERROR_NO_CARD, 0);
	open_fails(&f, SGP32_ERROR_CARD_BUSY, 0x6985);
	open_fails(&f, SGP32_ERROR_CARD_REFUSED, 0x6f00);
	open_fails(&f, SGP32_ERROR_NOT_SUPPORTED, 0);
	/* A channel without the application is closed at once. */
	open_fails(&f, SGP32_ERROR_NOT_FOUND, 0x6a82);
	open_fails(&f, SGP32_ERROR_CARD_MALFORMED, 0); /* channel 20 */
	open_fails(&f, SGP32_ERROR_CARD_MALFORMED, 0); /* channel 0 */
	open_fails(&f, SGP32_ERROR_CARD_MALFORMED, 0); /* result of three octets */
	open_fails(&f, SGP32_ERROR_CARD_MALFORMED, 0); /* answer to SELECT cut off */
	fixture_stop(&f);
}

static void test_what_cannot_be_sent_is_not_sent(void)
{
	Fixture f = { 0 };
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) answer = NULL;
	g_autofree uint8_t *big = g_malloc0(1025);
	unsigned channel;

	fixture_start(&f, open_steps);
	g_assert_false(f.plugin->transmit(f.self, 1, 1, span(big, 1025), &answer, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_INVALID_ARGUMENT);
	g_clear_error(&error);
	g_assert_false(f.plugin->transmit(f.self, 1, 1, span(big, 3), &answer, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_INVALID_ARGUMENT);
	g_clear_error(&error);
	g_assert_false(f.plugin->transmit(f.self, 1, 20, span(big, 5), &answer, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_INVALID_ARGUMENT);
	g_clear_error(&error);
	g_assert_false(open_channel(&f, 2, &channel, NULL, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_NO_CARD);
	g_clear_error(&error);
	g_assert_false(open_channel(&f, 3, &channel, NULL, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_NOT_FOUND);
	fixture_stop(&f);
}

static void test_late_answer_is_not_taken_for_the_next(void)
{
	Fixture f = { 0 };
	g_autoptr(GError) error = NULL;

	fixture_start(&f, hang_steps);
	g_assert_null(send_command(&f, 1, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_TIMEOUT);
	g_assert_nonnull(strstr(error->message, "Channel 1 is in an unknown state"));
	command_answers(&f, "bf3e009000");
	no_event(&f);
	fixture_stop(&f);
}

static void test_hang_up_in_mid_apdu_is_a_lost_device(void)
{
	Fixture f = { 0 };
	g_autoptr(GError) error = NULL;
	g_autoptr(GArray) slots = g_array_new(false, true, sizeof(TransportSlot));

	fixture_start(&f, hang_up_steps);
	expect_hang_up();
	command_fails(&f, 1, SGP32_ERROR_CARD_LOST);
	g_test_assert_expected_messages();
	expect_event(&f, 0, 0, TRANSPORT_DEVICE_GONE);
	/* From now on at once, and told once. */
	command_fails(&f, 1, SGP32_ERROR_CARD_LOST);
	open_fails(&f, SGP32_ERROR_CARD_LOST, 0);
	g_assert_false(f.plugin->slots(f.self, slots, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_CARD_LOST);
	g_assert_cmpuint(f.events->len, ==, 1);
	fixture_stop(&f);
}

static void test_long_answer_is_put_together(void)
{
	static const char whole[] = "000102030405060708090a0b0c0d0e0f10111213"
				    "1415161718191a1b1c1d1e1f20212223242526279000";
	Fixture f = { 0 };

	fixture_start(&f, long_steps);
	command_answers(&f, whole);
	command_answers(&f, whole);
	command_fails(&f, 1, SGP32_ERROR_CARD_MALFORMED);
	command_fails(&f, 1, SGP32_ERROR_TIMEOUT);
	command_answers(&f, "bf009000");
	command_fails(&f, 1, SGP32_ERROR_CARD_MALFORMED);
	fixture_stop(&f);
}

static void test_loss_between_pieces_is_a_lost_device(void)
{
	Fixture f = { 0 };

	fixture_start(&f, long_loss_steps);
	expect_hang_up();
	command_fails(&f, 1, SGP32_ERROR_CARD_LOST);
	g_test_assert_expected_messages();
	expect_event(&f, 0, 0, TRANSPORT_DEVICE_GONE);
	fixture_stop(&f);
}

static void test_malformed_answer_is_named(void)
{
	Fixture f = { 0 };

	fixture_start(&f, malformed_steps);
	command_fails(&f, 1, SGP32_ERROR_CARD_MALFORMED); /* length past the end */
	command_fails(&f, 1, SGP32_ERROR_CARD_MALFORMED); /* no answer */
	command_fails(&f, 1, SGP32_ERROR_CARD_MALFORMED); /* no result */
	command_fails(&f, 1, SGP32_ERROR_CARD_MALFORMED); /* result cut off */
	command_fails(&f, 1, SGP32_ERROR_CARD_MALFORMED); /* half a status word */
	command_fails(&f, 1, SGP32_ERROR_CARD_MALFORMED); /* half a length */
	fixture_stop(&f);
}

static void test_broken_framing_is_a_lost_device(void)
{
	Fixture f = { 0 };

	fixture_start(&f, framing_steps);
	g_test_expect_message("Qmi", G_LOG_LEVEL_WARNING, "*framing error*");
	command_fails(&f, 1, SGP32_ERROR_CARD_LOST);
	g_test_assert_expected_messages();
	expect_event(&f, 0, 0, TRANSPORT_DEVICE_GONE);
	fixture_stop(&f);
}

static void test_channel_that_the_modem_does_not_know_is_lost(void)
{
	Fixture f = { 0 };

	fixture_start(&f, wrong_channel_steps);
	command_fails(&f, 3, SGP32_ERROR_CARD_LOST);
	no_event(&f);
	fixture_stop(&f);
}

static void test_modem_that_forgot_us_is_a_lost_device(void)
{
	Fixture f = { 0 };

	fixture_start(&f, forgotten_steps);
	command_fails(&f, 1, SGP32_ERROR_CARD_LOST);
	expect_event(&f, 0, 0, TRANSPORT_DEVICE_GONE);
	fixture_stop(&f);
}

static void test_facts_are_imei_and_plmn(void)
{
	Fixture f = { 0 };
	g_autoptr(GError) error = NULL;
	TransportFacts facts = { 0 };

	fixture_start(&f, facts_steps);
	g_assert_true(f.plugin->facts(f.self, &facts, &error));
	g_assert_cmpstr(facts.imei, ==, "490154203237518");
	g_assert_true(facts.has_plmn);
	g_assert_cmpmem(facts.plmn, 3, "\x62\xf2\x10", 3);
	/* The IMEI is read once. */
	g_assert_true(f.plugin->facts(f.self, &facts, &error));
	g_assert_cmpstr(facts.imei, ==, "490154203237518");
	g_assert_cmpmem(facts.plmn, 3, "\x13\x60\x20", 3);
	fixture_stop(&f);
}

static void test_card_reset_waits_for_the_card_and_tells_once(void)
{
	Fixture f = { 0 };
	g_autoptr(GError) error = NULL;

	fixture_start(&f, reset_steps);
	g_assert_true(f.plugin->reset(f.self, 1, TRANSPORT_RESET_CARD, &error));
	g_assert_no_error(error);
	expect_event(&f, 0, 1, TRANSPORT_CARD_CHANGED);
	g_assert_cmpuint(f.events->len, ==, 1);
	fixture_stop(&f);
}

static void test_modem_reset_goes_by_offline_to_reset(void)
{
	Fixture f = { 0 };
	g_autoptr(GError) error = NULL;

	fixture_start(&f, modem_reset_steps);
	expect_hang_up();
	g_assert_true(f.plugin->reset(f.self, 1, TRANSPORT_RESET_MODEM, &error));
	expect_event(&f, 0, 0, TRANSPORT_DEVICE_GONE);
	g_test_assert_expected_messages();
	fixture_stop(&f);
}

static void test_refresh_starts_and_ends(void)
{
	Fixture f = { 0 };
	int64_t before;

	fixture_start(&f, refresh_steps);
	proxy_trigger(&f.proxy);
	expect_event(&f, 0, 1, TRANSPORT_REFRESH_STARTED);
	proxy_trigger(&f.proxy);
	expect_event(&f, 1, 1, TRANSPORT_REFRESH_ENDED);
	/* Mere changes of files are completed, and concern nobody else. */
	proxy_trigger(&f.proxy);
	wait_steps(&f, 6 + 4); /* those of the beginning, and the completion */
	g_assert_cmpuint(f.events->len, ==, 2);
	proxy_trigger(&f.proxy);
	before = clock_monotonic();
	expect_event(&f, 2, 1, TRANSPORT_REFRESH_STARTED);
	expect_event(&f, 3, 1, TRANSPORT_REFRESH_ENDED);
	g_assert_cmpint(clock_monotonic() - before, >=, 2 * USEC_PER_SEC);
	g_assert_cmpuint(f.events->len, ==, 4);
	fixture_stop(&f);
}

static void test_cards_come_and_go(void)
{
	Fixture f = { 0 };

	fixture_start(&f, events_steps);
	proxy_trigger(&f.proxy);
	expect_event(&f, 0, 1, TRANSPORT_CARD_GONE);
	proxy_trigger(&f.proxy);
	proxy_trigger(&f.proxy);
	expect_event(&f, 1, 1, TRANSPORT_CARD_CHANGED);
	proxy_trigger(&f.proxy);
	expect_event(&f, 2, 1, TRANSPORT_CARD_CHANGED);
	proxy_trigger(&f.proxy);
	expect_event(&f, 3, 1, TRANSPORT_CARD_CHANGED);
	open_fails(&f, SGP32_ERROR_NO_CARD, 0);
	fixture_stop(&f);
}

static void test_missed_events_are_made_up_for(void)
{
	Fixture f = { 0 };
	g_autoptr(GArray) slots = NULL;

	fixture_start(&f, missed_steps);
	slots = read_slots(&f);
	g_assert_cmpint(g_array_index(slots, TransportSlot, 0).state, ==, TRANSPORT_SLOT_EMPTY);
	g_assert_false(g_array_index(slots, TransportSlot, 0).has_eid);
	expect_event(&f, 0, 1, TRANSPORT_CARD_GONE);
	g_clear_pointer(&slots, g_array_unref);
	slots = read_slots(&f);
	g_assert_cmpint(g_array_index(slots, TransportSlot, 0).state, ==, TRANSPORT_SLOT_CARD);
	g_assert_true(g_array_index(slots, TransportSlot, 0).has_eid);
	expect_event(&f, 1, 1, TRANSPORT_CARD_CHANGED);
	g_assert_cmpuint(f.events->len, ==, 2);
	fixture_stop(&f);
}

static void test_old_modem_has_one_slot_for_each_card(void)
{
	Fixture f = { 0 };
	g_autoptr(GArray) slots = NULL;

	fixture_start(&f, old_steps);
	slots = read_slots(&f);
	g_assert_cmpuint(slots->len, ==, 2);
	g_assert_cmpuint(g_array_index(slots, TransportSlot, 1).logical, ==, 2);
	g_assert_cmpint(g_array_index(slots, TransportSlot, 0).state, ==, TRANSPORT_SLOT_CARD);
	g_assert_cmpint(g_array_index(slots, TransportSlot, 1).state, ==, TRANSPORT_SLOT_CARD);
	fixture_stop(&f);
}

/* ---- What a crash leaves behind ---- */

static void crash_file_new(Fixture *f)
{
	g_autoptr(GError) error = NULL;

	f->folder = g_dir_make_tmp("sgp32-qmi-XXXXXX", &error);
	g_assert_no_error(error);
	f->crash_file = g_build_filename(f->folder, "crash", NULL);
}

static void crash_file_free(Fixture *f)
{
	g_unlink(f->crash_file);
	g_assert_cmpint(g_rmdir(f->folder), ==, 0);
	g_clear_pointer(&f->crash_file, g_free);
	g_clear_pointer(&f->folder, g_free);
}

static GKeyFile *crash_file_read(Fixture *f)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autoptr(GError) error = NULL;

	g_key_file_load_from_file(file, f->crash_file, G_KEY_FILE_NONE, &error);
	g_assert_no_error(error);
	return g_steal_pointer(&file);
}

/* What a run notes while it has a channel open. */
static GKeyFile *notes_of_a_run(Fixture *f)
{
	g_autoptr(GKeyFile) notes = NULL;
	g_autoptr(GError) error = NULL;
	unsigned channel;

	fixture_start(f, note_steps);
	g_assert_true(open_channel(f, 1, &channel, NULL, &error));
	notes = crash_file_read(f);
	fixture_stop(f);
	g_assert_false(g_file_test(f->crash_file, G_FILE_TEST_EXISTS));
	return g_steal_pointer(&notes);
}

static void run_after(Fixture *f, GKeyFile *notes, const Step *steps)
{
	g_autoptr(GError) error = NULL;

	g_assert_true(g_key_file_save_to_file(notes, f->crash_file, &error));
	if (steps == crash_steps)
		g_test_expect_message(
			G_LOG_DOMAIN, G_LOG_LEVEL_MESSAGE, "Gave back 2 clients and 1 channels *");
	fixture_open(f, steps, &error);
	g_test_assert_expected_messages();
	g_assert_no_error(error);
	fixture_stop(f);
	g_assert_false(g_file_test(f->crash_file, G_FILE_TEST_EXISTS));
}

static void test_next_run_gives_back_what_a_crash_left(void)
{
	Fixture f = { 0 };
	g_autoptr(GKeyFile) notes = NULL;
	g_autofree char *clients = NULL, *channels = NULL;

	crash_file_new(&f);
	notes = notes_of_a_run(&f);
	clients = g_key_file_get_value(notes, "qmi", "Clients", NULL);
	channels = g_key_file_get_value(notes, "qmi", "Channels", NULL);
	g_assert_cmpstr(clients, ==, "11:1;");
	g_assert_cmpstr(channels, ==, "1:4;");
	/* As if the run had had another id, and a client of DMS. */
	g_key_file_set_value(notes, "qmi", "Clients", "11:9;2:5;");
	run_after(&f, notes, crash_steps);
	crash_file_free(&f);
}

static void test_ids_noted_of_another_proxy_are_left_alone(void)
{
	Fixture f = { 0 };
	g_autoptr(GKeyFile) notes = NULL;
	g_autofree char *instance = NULL, *other = NULL;

	crash_file_new(&f);
	notes = notes_of_a_run(&f);
	instance = g_key_file_get_value(notes, "qmi", "Instance", NULL);
	/* The same process id, started at another time. */
	other = g_strconcat(instance, "1", NULL);
	g_key_file_set_value(notes, "qmi", "Instance", other);
	run_after(&f, notes, fresh_steps);
	crash_file_free(&f);
}

/* ---- Opening ---- */

static void test_no_proxy_is_not_found_and_none_is_started(void)
{
	Fixture f = { 0 };
	g_autoptr(GError) error = NULL;
	TransportSink sink = { on_event, &f };
	TransportPort port = { .node = "/dev/null", .proxy = "sgp32-test-nobody" };
	g_autoptr(PluginSet) plugins = plugin_set_new(TEST_PLUGINS);
	const TransportPlugin *plugin = plugin_set_load(plugins, "qmi", NULL);

	g_assert_nonnull(plugin);
	g_assert_null(plugin->open(&port, TRANSPORT_PROXY, &sink, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_NOT_FOUND);
	g_assert_nonnull(sgp32_error_details(error)->hint);
	g_clear_error(&error);
	port.node = "/nonexistent/qmi";
	g_assert_null(plugin->open(&port, TRANSPORT_DIRECT, &sink, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_NOT_FOUND);
}

static void open_device_fails(const Step *steps, Sgp32Error code)
{
	Fixture f = { 0 };
	g_autoptr(GError) error = NULL;

	g_assert_false(fixture_open(&f, steps, &error));
	g_assert_error(error, SGP32_ERROR, (int)code);
	fixture_stop(&f);
}

static void test_silent_modem_is_a_timeout(void)
{
	open_device_fails(silent_steps, SGP32_ERROR_TIMEOUT);
}

static void test_modem_without_client_ids_is_busy(void)
{
	open_device_fails(taken_steps, SGP32_ERROR_BUSY);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add_func("/qmi/" #name, test_##name)
	TEST(slots_are_read_with_all_they_tell);
	TEST(channel_carries_apdus);
	TEST(modem_may_hide_select);
	TEST(basic_channel_is_not_named);
	TEST(refused_channel_has_a_name);
	TEST(what_cannot_be_sent_is_not_sent);
	TEST(late_answer_is_not_taken_for_the_next);
	TEST(hang_up_in_mid_apdu_is_a_lost_device);
	TEST(long_answer_is_put_together);
	TEST(loss_between_pieces_is_a_lost_device);
	TEST(malformed_answer_is_named);
	TEST(broken_framing_is_a_lost_device);
	TEST(channel_that_the_modem_does_not_know_is_lost);
	TEST(modem_that_forgot_us_is_a_lost_device);
	TEST(facts_are_imei_and_plmn);
	TEST(card_reset_waits_for_the_card_and_tells_once);
	TEST(modem_reset_goes_by_offline_to_reset);
	TEST(refresh_starts_and_ends);
	TEST(cards_come_and_go);
	TEST(missed_events_are_made_up_for);
	TEST(old_modem_has_one_slot_for_each_card);
	TEST(next_run_gives_back_what_a_crash_left);
	TEST(ids_noted_of_another_proxy_are_left_alone);
	TEST(no_proxy_is_not_found_and_none_is_started);
	TEST(silent_modem_is_a_timeout);
	TEST(modem_without_client_ids_is_busy);
	return g_test_run();
}
