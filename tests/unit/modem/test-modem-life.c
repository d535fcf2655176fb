/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What happens to a modem: cards that come and go, REFRESH, hosts that share it, the radio, and the
 * faults it makes when told.
 */
#include "harness.h"

#include <string.h>

#define ICCID_A "8901234567890123456"
#define ICCID_B "8901234567890999996"
#define UIM 0x0b
#define NAS 3
#define DMS 2

#define ECHO "01010001 020700 0500 80ca000100"
#define ECHO_ANSWER                                                                                \
	"1005000300"                                                                               \
	"5a9000"
#define REFRESH(qualifier) "01010001 020700 0500 80ca04" qualifier "00"
#define OPEN "01010001 100800 07 a0000005591010"

static void discard(char *text)
{
	g_free(text);
}

/* A client of UIM that listens to card, slot and REFRESH of the card in slot 1. */
static unsigned listener(Host *host)
{
	unsigned cid = host_allocate(host, UIM);
	g_autofree char *mask = host_call(host, UIM, cid, 0x2e, "01040011000000", 0);
	g_autofree char *all = host_call(host, UIM, cid, 0x44, "0102000600 02010001", 0);

	g_assert_cmpstr(mask, ==, "10040011000000");
	g_assert_cmpstr(all, ==, "");
	return cid;
}

static void expect_link(TestModem *modem, const char *state)
{
	g_autofree char *is = test_modem_link(modem);

	g_assert_cmpstr(is, ==, state);
}

/* ---- cards ---- */

static void test_a_card_may_come_go_and_come_again(void)
{
	g_autoptr(TestModem) modem = test_modem_new(NULL);
	g_autoptr(Host) host = host_open_pty(modem);
	unsigned cid = listener(host);
	FakeCard *card = fake_card_new(modem->card, ICCID_A);
	g_autofree char *starting = host_indication(host, UIM, cid, 0x32);
	g_autofree char *first = host_indication(host, UIM, cid, 0x48);
	g_autofree char *ready = host_indication(host, UIM, cid, 0x32);
	g_autofree char *slot = host_indication(host, UIM, cid, 0x48), *gone = NULL, *empty = NULL;
	g_autofree char *no_sim = NULL, *again = NULL;

	/* Present without an application, then with the USIM and its ICCID. */
	g_assert_true(g_str_has_prefix(starting,
		"100f00"
		"ffffffffffffffff01"
		"01"));
	g_assert_true(g_str_has_prefix(first,
		"100b00"
		"01"
		"02000000"));
	g_assert_true(g_str_has_prefix(ready,
		"102d00"
		"0000ffffffffffff01"
		"01"));
	g_assert_true(g_str_has_prefix(slot,
		"101500"
		"01"
		"02000000"
		"01000000"
		"010a"
		"9810325476"));
	fake_card_free(card);
	gone = host_indication(host, UIM, cid, 0x32);
	g_assert_true(g_str_has_prefix(gone,
		"100f00"
		"ffffffffffffffff01"
		"00"));
	empty = host_indication(host, UIM, cid, 0x48);
	g_assert_true(g_str_has_prefix(empty,
		"100b00"
		"01"
		"01000000"));
	no_sim = host_call(host, UIM, cid, 0x3b, ECHO, 102);
	card = fake_card_new(modem->card, ICCID_B);
	test_modem_wait_card(modem, "ready");
	again = host_call(host, UIM, cid, 0x3b, ECHO, 0);
	g_assert_cmpstr(again, ==, ECHO_ANSWER);
	fake_card_free(card);
}

static void test_a_card_without_profile_has_no_application(void)
{
	g_autoptr(TestModem) modem = test_modem_new(NULL);
	g_autoptr(FakeCard) card = fake_card_new(modem->card, NULL);
	g_autoptr(Host) host = host_open_pty(modem);
	g_autofree char *status = NULL, *slot = NULL, *answer = NULL;

	test_modem_wait_card(modem, "ready");
	host_allocate(host, UIM);
	status = host_call(host, UIM, 1, 0x2f, "", 0);
	g_assert_cmpstr(status, ==,
		"100f00"
		"ffffffffffffffff01"
		"010000000000");
	slot = host_call(host, UIM, 1, 0x47, "", 0);
	g_assert_cmpstr(slot, ==,
		"100b00"
		"01"
		"02000000"
		"01000000"
		"0100"
		"110c00"
		"01"
		"02000000"
		"00"
		"043b9f9680"
		"01"
		"121200"
		"0110"
		"89049032123451234512345678901235");
	/* Its ISD-R is there all the same. */
	answer = host_call(host, UIM, 1, 0x42, OPEN, 0);
	g_assert_true(g_str_has_prefix(answer, "10010001"));
	expect_link(modem, "down");
}

static void test_power_ends_channels(void)
{
	g_autoptr(TestModem) modem = test_modem_new(NULL);
	g_autoptr(FakeCard) card = fake_card_new(modem->card, ICCID_A);
	g_autoptr(Host) host = host_open_pty(modem);
	g_autofree char *status = NULL, *log = NULL;

	test_modem_wait_card(modem, "ready");
	host_allocate(host, UIM);
	discard(host_call(host, UIM, 1, 0x42, OPEN, 0));
	discard(fake_card_log(card));
	discard(host_call(host, UIM, 1, 0x30, "01010001", 0));
	discard(host_call(host, UIM, 1, 0x30, "01010001", 26));
	status = host_call(host, UIM, 1, 0x2f, "", 0);
	/* Error, because it has no power. */
	g_assert_cmpstr(status, ==,
		"100f00"
		"ffffffffffffffff01"
		"020000000100");
	discard(host_call(host, UIM, 1, 0x3b, ECHO, 52));
	discard(host_call(host, UIM, 1, 0x31, "01010001", 0));
	test_modem_wait_card(modem, "ready");
	discard(host_call(host, UIM, 1, 0x3b, ECHO " 10010001", 48));
	discard(host_call(host, UIM, 1, 0x42, OPEN, 0));
	log = fake_card_log(card);
	g_assert_true(g_str_has_prefix(log, "00 00 01 04 8010"));
}

static void test_a_card_without_atr_is_an_error(void)
{
	g_autoptr(TestModem) modem = test_modem_new(NULL);
	g_autoptr(FakeCard) card = fake_card_new(modem->card, ICCID_A);
	g_autoptr(Host) host = host_open_pty(modem);
	g_autofree char *status = NULL;

	test_modem_wait_card(modem, "ready");
	fake_card_set_atr(card, false);
	test_modem_ctl(modem, "power off");
	test_modem_wait_card(modem, "off");
	test_modem_ctl(modem, "power on");
	test_modem_wait_card(modem, "mute");
	host_allocate(host, UIM);
	status = host_call(host, UIM, 1, 0x2f, "", 0);
	g_assert_cmpstr(status, ==,
		"100f00"
		"ffffffffffffffff01"
		"020000000300");
}

static void test_a_silent_card_is_gone(void)
{
	static const char *const options[] = { "--card-timeout-ms=100", NULL };
	g_autoptr(TestModem) modem = test_modem_new(options);
	g_autoptr(FakeCard) card = fake_card_new(modem->card, ICCID_A);
	g_autoptr(Host) host = host_open_pty(modem);

	test_modem_wait_card(modem, "ready");
	host_allocate(host, UIM);
	discard(host_call(host, UIM, 1, 0x3b, "01010001 020700 0500 80ca030000", 3));
	test_modem_wait_card(modem, "absent");
}

/* ---- REFRESH ---- */

static void test_refresh_resets_the_card_and_tells_the_hosts(void)
{
	g_autoptr(TestModem) modem = test_modem_new(NULL);
	g_autoptr(FakeCard) card = fake_card_new(modem->card, ICCID_A);
	g_autoptr(Host) host = host_open_pty(modem);
	g_autofree char *answer = NULL, *start = NULL, *slot = NULL, *end = NULL, *log = NULL;
	g_autofree char *resets = NULL;
	unsigned cid;

	test_modem_wait_card(modem, "ready");
	cid = listener(host);
	discard(host_call(host, UIM, cid, 0x42, OPEN, 0));
	fake_card_switch_to(card, ICCID_B);
	discard(fake_card_log(card));
	/* The answer first; then FETCH, TERMINAL RESPONSE, reset. */
	answer = host_call(host, UIM, cid, 0x3b, REFRESH("04") " 10010001", 0);
	g_assert_cmpstr(answer, ==,
		"1004000200"
		"910b");
	start = host_indication(host, UIM, cid, 0x33);
	g_assert_cmpstr(start, ==,
		"100600"
		"01"
		"00"
		"06"
		"00"
		"0000");
	slot = host_indication(host, UIM, cid, 0x48); /* the ICCID is unknown */
	g_assert_true(g_str_has_prefix(slot,
		"100b00"
		"01"
		"02000000"));
	g_free(slot);
	slot = host_indication(host, UIM, cid, 0x48); /* and new */
	g_assert_true(g_str_has_prefix(slot,
		"101500"
		"01"
		"02000000"
		"01000000"
		"010a"
		"98103254769890"
		"9999f6"));
	end = host_indication(host, UIM, cid, 0x33);
	g_assert_cmpstr(end, ==,
		"100600"
		"02"
		"00"
		"06"
		"00"
		"0000");
	log = fake_card_log(card);
	g_assert_true(g_str_has_prefix(
		log, "81ca040400 801200000b 801400000c810301010482028281830100 02 04 8010"));
	/* The channel is gone, another can be opened. */
	discard(host_call(host, UIM, cid, 0x3b, ECHO " 10010001", 48));
	discard(host_call(host, UIM, cid, 0x3f, "01010001 11010001", 48));
	discard(host_call(host, UIM, cid, 0x42, OPEN, 0));
}

static void test_refresh_without_reset_waits_for_the_hosts(void)
{
	g_autoptr(TestModem) modem = test_modem_new(NULL);
	g_autoptr(FakeCard) card = fake_card_new(modem->card, ICCID_A);
	g_autoptr(Host) host = host_open_pty(modem);
	g_autofree char *start = NULL, *end = NULL, *log = NULL;
	unsigned cid, other;

	test_modem_wait_card(modem, "ready");
	cid = listener(host);
	other = listener(host);
	discard(fake_card_log(card));
	discard(host_call(host, UIM, cid, 0x3b, REFRESH("00"), 0));
	start = host_indication(host, UIM, cid, 0x33);
	g_assert_cmpstr(start, ==,
		"100600"
		"01"
		"04"
		"06"
		"00"
		"0000"); /* init and full FCN */
	discard(host_indication(host, UIM, other, 0x33));
	/* Files can be read; the card has its TERMINAL RESPONSE when both are done. */
	discard(host_call(host, UIM, cid, 0x20, "0102000600 020500e22f02003f 03040000000000", 0));
	discard(host_call(host, UIM, cid, 0x2c, "0102000600 02010001", 0));
	log = fake_card_log(card);
	g_assert_null(strstr(log, "8014"));
	g_free(log);
	discard(host_call(host, UIM, other, 0x2c, "0102000600 02010001", 0));
	end = host_indication(host, UIM, cid, 0x33);
	g_assert_cmpstr(end, ==,
		"100600"
		"02"
		"04"
		"06"
		"00"
		"0000");
	log = fake_card_log(card);
	g_assert_true(g_str_has_prefix(log, "801400000c810301010082028281830100"));
	g_assert_null(strstr(log, " 02 04 ")); /* no reset */
}

static void test_refresh_is_done_though_no_host_completes_it(void)
{
	static const char *const options[] = { "--refresh-ms=50", NULL };
	g_autoptr(TestModem) modem = test_modem_new(options);
	g_autoptr(FakeCard) card = fake_card_new(modem->card, ICCID_A);
	g_autoptr(Host) host = host_open_pty(modem);
	g_autofree char *start = NULL, *end = NULL;
	unsigned cid;

	test_modem_wait_card(modem, "ready");
	cid = listener(host);
	discard(host_call(host, UIM, cid, 0x3b, REFRESH("03"), 0));
	start = host_indication(host, UIM, cid, 0x33);
	end = host_indication(host, UIM, cid, 0x33);
	g_assert_cmpstr(end, ==,
		"100600"
		"02"
		"01"
		"06"
		"00"
		"0000");
}

static void test_refresh_can_get_lost(void)
{
	g_autoptr(TestModem) modem = test_modem_new(NULL);
	g_autoptr(FakeCard) card = fake_card_new(modem->card, ICCID_A);
	g_autoptr(Host) host = host_open_pty(modem);
	g_autofree char *start = NULL, *slot = NULL, *before = NULL, *after = NULL, *log = NULL;
	unsigned cid;

	test_modem_wait_card(modem, "ready");
	cid = listener(host);
	/* fetch: the card keeps its command, however often it asks, until it is restarted. */
	test_modem_ctl(modem, "lose-refresh fetch");
	discard(fake_card_log(card));
	discard(host_call(host, UIM, cid, 0x3b, REFRESH("04"), 0));
	discard(host_call(host, UIM, cid, 0x3b, REFRESH("04"), 0));
	host_expect_silence(host);
	log = fake_card_log(card);
	g_assert_cmpstr(log, ==, "80ca040400 80ca040400");
	/* all: it happens, and nobody hears of it. */
	test_modem_ctl(modem, "lose-refresh all");
	fake_card_switch_to(card, ICCID_B);
	discard(host_call(host, UIM, cid, 0x3b, REFRESH("04"), 0));
	host_expect_silence(host);
	test_modem_wait_card(modem, "ready");
	slot = host_call(host, UIM, cid, 0x47, "", 0);
	g_assert_nonnull(strstr(slot, "981032547698909999f6"));
	/* refresh: the slot is told, the REFRESH is not. */
	test_modem_ctl(modem, "lose-refresh");
	discard(host_call(host, UIM, cid, 0x3b, REFRESH("04"), 0));
	before = host_indication(host, UIM, cid, 0x48);
	after = host_indication(host, UIM, cid, 0x48);
	test_modem_wait_card(modem, "ready");
	host_expect_silence(host);
	/* end: there is a start. And the next one is whole again. */
	test_modem_ctl(modem, "lose-refresh end");
	discard(host_call(host, UIM, cid, 0x3b, REFRESH("04"), 0));
	start = host_indication(host, UIM, cid, 0x33);
	g_assert_true(g_str_has_prefix(start, "10060001"));
	discard(host_indication(host, UIM, cid, 0x48));
	discard(host_indication(host, UIM, cid, 0x48));
	host_expect_silence(host);
	discard(host_call(host, UIM, cid, 0x3b, REFRESH("04"), 0));
	discard(host_indication(host, UIM, cid, 0x33));
	g_free(start);
	start = host_indication(host, UIM, cid, 0x33);
	g_assert_true(g_str_has_prefix(start, "10060002"));
}

/* ---- hosts ---- */

static void test_hosts_of_the_proxy_are_kept_apart(void)
{
	g_autoptr(TestModem) modem = test_modem_new(NULL);
	g_autoptr(FakeCard) card = fake_card_new(modem->card, ICCID_A);
	g_autoptr(Host) one = host_open_proxy(modem), two = host_open_proxy(modem);
	g_autofree char *answer = NULL, *other = NULL;

	test_modem_wait_card(modem, "ready");
	g_assert_cmpuint(host_allocate(one, UIM), ==, 1);
	g_assert_cmpuint(host_allocate(two, UIM), ==, 2);
	/* The same transaction of both, at once. */
	one->transaction = two->transaction = 40;
	answer = host_call(one, UIM, 1, 0x3b, ECHO, 0);
	other = host_call(two, UIM, 2, 0x3b, "01010001 020700 0500 80ca000200", 0);
	g_assert_cmpstr(answer, ==, ECHO_ANSWER);
	g_assert_cmpstr(other, ==,
		"1006000400"
		"5a5a9000");
	/* An indication goes to the client that asked for it. */
	discard(host_call(two, UIM, 2, 0x2e, "01040010000000", 0));
	test_modem_ctl(modem, "power off");
	discard(host_indication(two, UIM, 2, 0x48));
	host_expect_silence(one);
}

static void test_broadcasts_reach_every_host(void)
{
	static const char *const options[] = { "--broadcast", NULL };
	g_autoptr(TestModem) modem = test_modem_new(options);
	g_autoptr(FakeCard) card = fake_card_new(modem->card, ICCID_A);
	g_autoptr(Host) one = host_open_proxy(modem), two = host_open_proxy(modem);
	g_autoptr(Host) port = host_open_pty(modem);

	test_modem_wait_card(modem, "ready");
	discard(host_call(one, UIM, host_allocate(one, UIM), 0x2e, "01040010000000", 0));
	host_allocate(port, UIM);
	test_modem_ctl(modem, "power off");
	discard(host_indication(one, UIM, 0xff, 0x48));
	discard(host_indication(two, UIM, 0xff, 0x48));
	discard(host_indication(port, UIM, 0xff, 0x48));
}

static void test_a_host_that_leaves_without_reading_does_no_harm(void)
{
	g_autoptr(TestModem) modem = test_modem_new(NULL);
	g_autoptr(Host) host = host_open_proxy(modem), other = host_open_proxy(modem);

	test_modem_ctl(modem, "delay 20");
	host_send(host, "010b00000000 0001 2100 0000");
	host_send(host, "010b00000000 0002 2100 0000");
	host_close(g_steal_pointer(&host));
	/* The answers for the one that left are due before this one. */
	g_assert_cmpuint(host_allocate(other, UIM), ==, 1);
}

static void test_a_proxy_wants_the_device_named_first(void)
{
	g_autoptr(TestModem) modem = test_modem_new(NULL);
	g_autoptr(Host) host = host_connect_proxy(modem);

	host_send(host, "010f00000000 0002 2200 0400 0101000b");
	host_expect_silence(host);
}

static void test_clients_of_a_crashed_host_stay_and_can_be_taken_over(void)
{
	g_autoptr(TestModem) modem = test_modem_new(NULL);
	g_autoptr(FakeCard) card = fake_card_new(modem->card, ICCID_A);
	g_autoptr(Host) host = host_open_proxy(modem);
	g_autofree char *channel = NULL, *close = NULL;

	test_modem_wait_card(modem, "ready");
	g_assert_cmpuint(host_allocate(host, UIM), ==, 1);
	channel = host_call(host, UIM, 1, 0x42, OPEN, 0);
	discard(host_call(host, UIM, 1, 0x2e, "01040010000000", 0));
	host_close(host);
	host = host_open_proxy(modem);
	g_assert_cmpuint(host_allocate(host, UIM), ==, 2);
	/* In the name of the lost client: its channel is closed, its indications come here. */
	close = host_call(host, UIM, 1, 0x3f, "01010001 11010001", 0);
	test_modem_ctl(modem, "power off");
	discard(host_indication(host, UIM, 1, 0x48));
	discard(host_call(host, 0, 0, 0x23, "0102000b01", 0));
	discard(host_call(host, UIM, 1, 0x2f, "", 7));
}

/* Looks until the modem has seen so many clients, and the port in use or not. */
static void wait_hosts(TestModem *modem, size_t clients, bool in_use)
{
	gint64 end = g_get_monotonic_time() + WAIT_MS * 1000;

	while (true) {
		json_t *data = test_modem_show(modem);
		bool is = json_array_size(json_object_get(data, "clients")) == clients &&
			json_is_true(json_object_get(data, "pty_in_use")) == in_use;

		json_decref(data);
		if (is)
			return;
		g_assert_cmpint(g_get_monotonic_time(), <, end);
	}
}

static void test_nobody_reads_what_another_left_unread(void)
{
	g_autoptr(TestModem) modem = test_modem_new(NULL);
	Host *host = host_open_pty(modem);

	/* The answer is not read. */
	host_send(host, "010f00000000 0002 2200 0400 0101000b");
	wait_hosts(modem, 1, true);
	host_close(host);
	wait_hosts(modem, 1, false);
	host = host_open_pty(modem);
	g_assert_cmpuint(host_allocate(host, UIM), ==, 2);
	host_close(host);
}

/* ---- the radio ---- */

static void test_the_link_follows_the_enabled_profile(void)
{
	g_autoptr(TestModem) modem = test_modem_new(NULL);
	g_autoptr(FakeCard) card = NULL;
	g_autoptr(Host) host = host_open_pty(modem);

	expect_link(modem, "down");
	test_modem_ctl(modem, "radio " ICCID_B " no-eim");
	card = fake_card_new(modem->card, ICCID_A);
	expect_link(modem, "up");
	host_allocate(host, UIM);
	fake_card_switch_to(card, ICCID_B);
	discard(host_call(host, UIM, 1, 0x3b, REFRESH("04"), 0));
	expect_link(modem, "down");
	expect_link(modem, "no-eim");
	test_modem_ctl(modem, "radio " ICCID_B " no-data");
	expect_link(modem, "down");
	test_modem_ctl(modem, "radio " ICCID_B " covered");
	expect_link(modem, "up");
	test_modem_ctl(modem, "radio no-registration");
	expect_link(modem, "down");
	test_modem_ctl(modem, "radio covered");
	expect_link(modem, "up");
	test_modem_ctl(modem, "power off");
	expect_link(modem, "down");
	g_assert_false(test_modem_ctl_ok(modem, "radio nowhere"));
	g_assert_false(test_modem_ctl_ok(modem, "radio 123 covered"));
}

static void test_registration_is_told(void)
{
	g_autoptr(TestModem) modem = test_modem_new(NULL);
	g_autoptr(FakeCard) card = fake_card_new(modem->card, ICCID_A);
	g_autoptr(Host) host = host_open_pty(modem);
	g_autofree char *lost = NULL, *back = NULL, *no_data = NULL;

	expect_link(modem, "down");
	expect_link(modem, "up");
	host_allocate(host, NAS);
	discard(host_call(host, NAS, 1, 0x03, "13010001", 0));
	test_modem_ctl(modem, "radio no-registration");
	lost = host_indication(host, NAS, 1, 0x24);
	g_assert_cmpstr(lost, ==,
		"010500"
		"02"
		"02"
		"02"
		"02"
		"00"); /* searching */
	/* No data is registered all the same. */
	test_modem_ctl(modem, "radio no-data");
	back = host_indication(host, NAS, 1, 0x24);
	g_assert_true(g_str_has_prefix(back,
		"010600"
		"01"
		"02"
		"01"
		"02"
		"0108"));
	/* Low power takes it away. */
	host_allocate(host, DMS);
	discard(host_call(host, DMS, 1, 0x2e, "01010001", 0));
	g_free(lost);
	lost = host_indication(host, NAS, 1, 0x24);
	g_assert_cmpstr(lost, ==,
		"010500"
		"00"
		"02"
		"02"
		"02"
		"00");
}

/* ---- the device ---- */

static void test_a_reset_takes_the_port_away_and_brings_it_back(void)
{
	g_autoptr(TestModem) modem = test_modem_new(NULL);
	g_autoptr(FakeCard) card = fake_card_new(modem->card, ICCID_A);
	g_autoptr(Host) host = host_open_pty(modem), proxy = host_open_proxy(modem);
	g_autofree char *state = NULL;

	expect_link(modem, "down");
	expect_link(modem, "up");
	host_allocate(host, DMS);
	discard(host_call(host, DMS, 1, 0x2e, "01010004", 0)); /* reset */
	host_expect_hang_up(host);
	host_expect_hang_up(proxy);
	expect_link(modem, "down");
	expect_link(modem, "up"); /* by then it is there again */
	host_close(host);
	host = host_open_pty(modem);
	discard(host_call(host, DMS, 1, 0x2d, "", 7)); /* the client is not */
	g_assert_cmpuint(host_allocate(host, DMS), ==, 1);
	state = host_call(host, DMS, 1, 0x2d, "", 0);
	g_assert_cmpstr(state, ==, "01010000");
}

static void test_a_dropped_device_is_gone_until_it_is_plugged(void)
{
	g_autoptr(TestModem) modem = test_modem_new(NULL);
	g_autoptr(FakeCard) card = fake_card_new(modem->card, ICCID_A);
	g_autoptr(Host) host = host_open_pty(modem);

	expect_link(modem, "down");
	expect_link(modem, "up");
	test_modem_ctl(modem, "drop");
	host_expect_hang_up(host);
	g_assert_false(g_file_test(modem->pty, G_FILE_TEST_EXISTS));
	expect_link(modem, "down");
	test_modem_ctl(modem, "plug");
	expect_link(modem, "up");
	host_close(host);
	host = host_open_pty(modem);
	g_assert_cmpuint(host_allocate(host, UIM), ==, 1);
}

static void test_faults_are_made_when_told(void)
{
	g_autoptr(TestModem) modem = test_modem_new(NULL);
	g_autoptr(FakeCard) card = fake_card_new(modem->card, ICCID_A);
	g_autoptr(Host) host = host_open_pty(modem);
	g_autofree char *log = NULL, *answer = NULL;
	gint64 before;

	test_modem_wait_card(modem, "ready");
	host_allocate(host, UIM);
	discard(fake_card_log(card));
	/* error: not done, refused. */
	test_modem_ctl(modem, "error uim/0x3b 52 1");
	discard(host_call(host, UIM, 1, 0x3b, ECHO, 52));
	log = fake_card_log(card);
	g_assert_cmpstr(log, ==, "");
	discard(host_call(host, UIM, 1, 0x3b, ECHO, 0));
	/* mute: done, the answer is lost. */
	discard(fake_card_log(card));
	test_modem_ctl(modem, "mute 0x3b 1");
	host_send(host, "011a00 00 0b01 00 0400 3b00 0e00 01010001 020700 0500 80ca000100");
	host_expect_silence(host);
	g_free(log);
	log = fake_card_log(card);
	g_assert_cmpstr(log, ==, "80ca000100");
	/* delay. */
	test_modem_ctl(modem, "delay 100");
	before = g_get_monotonic_time();
	discard(host_call(host, UIM, 1, 0x3b, ECHO, 0));
	g_assert_cmpint(g_get_monotonic_time() - before, >=, 95000);
	/* hang: not done, not answered. */
	test_modem_ctl(modem, "clear");
	test_modem_ctl(modem, "hang");
	host_send(host, "010c00 00 0b01 00 3412 2f00 0000");
	host_expect_silence(host);
	test_modem_ctl(modem, "hang 0");
	answer = host_call(host, UIM, 1, 0x3b, ECHO, 0);
	g_assert_cmpstr(answer, ==, ECHO_ANSWER);
	/* garbage. */
	test_modem_ctl(modem, "garbage tlv");
	g_free(answer);
	answer = host_indication(host, UIM, 0xff, 0x32);
	g_assert_cmpstr(answer, ==, "10ff0f01020304");
	g_assert_false(test_modem_ctl_ok(modem, "garbage nonsense"));
	g_assert_false(test_modem_ctl_ok(modem, "error uim/0x3b"));
	g_assert_false(test_modem_ctl_ok(modem, "mute mars/0x3b"));
	g_assert_false(test_modem_ctl_ok(modem, "delay -1"));
	g_assert_false(test_modem_ctl_ok(modem, "fly"));
}

static void test_show_tells_what_there_is(void)
{
	g_autoptr(TestModem) modem = test_modem_new(NULL);
	g_autoptr(FakeCard) card = fake_card_new(modem->card, ICCID_A);
	g_autoptr(Host) host = host_open_pty(modem);
	json_t *data, *part;

	expect_link(modem, "down");
	expect_link(modem, "up");
	host_allocate(host, UIM);
	discard(host_call(host, UIM, 1, 0x42, OPEN, 0));
	data = test_modem_show(modem);
	g_assert_cmpstr(json_string_value(json_object_get(data, "imei")), ==, "359072066128009");
	part = json_object_get(data, "card");
	g_assert_cmpstr(json_string_value(json_object_get(part, "atr")), ==, "3b9f9680");
	g_assert_cmpstr(json_string_value(json_object_get(part, "iccid")), ==, ICCID_A);
	g_assert_cmpstr(json_string_value(json_object_get(part, "eid")), ==,
		"89049032123451234512345678901235");
	g_assert_cmpint(
		json_integer_value(json_array_get(json_object_get(part, "channels"), 0)), ==, 1);
	part = json_object_get(data, "radio");
	g_assert_true(json_is_true(json_object_get(part, "registered")));
	g_assert_cmpstr(json_string_value(json_object_get(part, "link")), ==, "up");
	g_assert_cmpuint(json_array_size(json_object_get(data, "clients")), ==, 1);
	part = json_object_get(data, "messages");
	g_assert_cmpint(json_integer_value(json_object_get(part, "uim/0x0042")), ==, 1);
	json_decref(data);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/modem/card/come-and-go", test_a_card_may_come_go_and_come_again);
	g_test_add_func("/modem/card/no-profile", test_a_card_without_profile_has_no_application);
	g_test_add_func("/modem/card/power", test_power_ends_channels);
	g_test_add_func("/modem/card/no-atr", test_a_card_without_atr_is_an_error);
	g_test_add_func("/modem/card/silent", test_a_silent_card_is_gone);
	g_test_add_func("/modem/refresh/reset", test_refresh_resets_the_card_and_tells_the_hosts);
	g_test_add_func("/modem/refresh/init", test_refresh_without_reset_waits_for_the_hosts);
	g_test_add_func("/modem/refresh/timeout", test_refresh_is_done_though_no_host_completes_it);
	g_test_add_func("/modem/refresh/lost", test_refresh_can_get_lost);
	g_test_add_func("/modem/hosts/apart", test_hosts_of_the_proxy_are_kept_apart);
	g_test_add_func("/modem/hosts/broadcast", test_broadcasts_reach_every_host);
	g_test_add_func(
		"/modem/hosts/leaves", test_a_host_that_leaves_without_reading_does_no_harm);
	g_test_add_func("/modem/hosts/device-first", test_a_proxy_wants_the_device_named_first);
	g_test_add_func(
		"/modem/hosts/crash", test_clients_of_a_crashed_host_stay_and_can_be_taken_over);
	g_test_add_func("/modem/hosts/unread", test_nobody_reads_what_another_left_unread);
	g_test_add_func("/modem/radio/link", test_the_link_follows_the_enabled_profile);
	g_test_add_func("/modem/radio/registration", test_registration_is_told);
	g_test_add_func("/modem/device/reset", test_a_reset_takes_the_port_away_and_brings_it_back);
	g_test_add_func("/modem/device/drop", test_a_dropped_device_is_gone_until_it_is_plugged);
	g_test_add_func("/modem/faults", test_faults_are_made_when_told);
	g_test_add_func("/modem/show", test_show_tells_what_there_is);
	return g_test_run();
}
