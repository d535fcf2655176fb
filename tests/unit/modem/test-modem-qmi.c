/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The octets of QMI as lab-modem speaks them: frames by hand, not by a library that might share its
 * mistakes.
 */
#include "harness.h"

#define ICCID "8901234567890123456"
#define UIM 0x0b

static void test_ctl_frames_are_as_laid_down(void)
{
	g_autoptr(TestModem) modem = test_modem_new(NULL);
	g_autoptr(Host) host = host_open_pty(modem);

	/* Version info: n, then service, major, minor of each. */
	host_send(host,
		"010b0000000000012100"
		"0000");
	host_expect(host,
		"0134 0080 0000 0101 2100 2900"
		"0204 0000 0000 00"
		"011f 00 06"
		"00 0100 0500"
		"01 0100 2400"
		"02 0100 0e00"
		"03 0100 1900"
		"0b 0100 2e00"
		"1a 0100 1000");
	/* Allocate a client id of UIM, twice, release the first, allocate again. */
	host_send(host, "010f00000000 0002 2200 0400 0101000b");
	host_expect(host, "0117008000000102 2200 0c00 02040000000000 0102000b01");
	host_send(host, "010f00000000 0003 2200 0400 0101000b");
	host_expect(host, "0117008000000103 2200 0c00 02040000000000 0102000b02");
	host_send(host, "011000000000 0004 2300 0500 0102000b01");
	host_expect(host, "0117008000000104 2300 0c00 02040000000000 0102000b01");
	host_send(host, "010f00000000 0005 2200 0400 0101000b");
	host_expect(host, "0117008000000105 2200 0c00 02040000000000 0102000b01");
	/* Data format, then the sync that frees all. */
	host_send(host, "010f00000000 0006 2600 0400 01010000");
	host_expect(host, "0117008000000106 2600 0c00 02040000000000 1002000000");
	host_send(host, "010b00000000 0007 2700 0000");
	host_expect(host, "0112008000000107 2700 0700 02040000000000");
	host_send(host, "010f00000000 0008 2200 0400 0101000b");
	host_expect(host, "0117008000000108 2200 0c00 02040000000000 0102000b01");
	/* A service that is not there: 31. An unknown message: 71. No proxy on the port itself. */
	host_send(host, "010f00000000 0009 2200 0400 010100 2a");
	host_expect(host, "0112008000000109 2200 0700 02040001001f00");
	host_send(host, "010b00000000 000a 7777 0000");
	host_expect(host, "011200800000010a 7777 0700 02040001004700");
	host_send(host, "011000000000 000b 00ff 0500 0102002f61");
	host_expect(host, "011200800000010b 00ff 0700 02040001004700");
}

static void test_status_of_card_and_slot_is_as_laid_down(void)
{
	g_autoptr(TestModem) modem = test_modem_new(NULL);
	g_autoptr(FakeCard) card = fake_card_new(modem->card, ICCID);
	g_autoptr(Host) host = host_open_pty(modem);

	test_modem_wait_card(modem, "ready");
	g_assert_cmpuint(host_allocate(host, UIM), ==, 1);
	host_send(host, "010c00 00 0b01 00 3412 2f00 0000");
	host_expect(host,
		"014300 80 0b01 02 3412 2f00 3700"
		"02040000000000"
		"102d00"
		"0000 ffff ffff ffff 01"
		"01 00 00 00 00 01"
		"02 07 02 00 00 00 10 a0000000871002ffffffff8900000100 00 03 03 0a 01 03 0a");
	host_send(host, "010c00 00 0b01 00 3512 4700 0000");
	host_expect(host,
		"014f00 80 0b01 02 3512 4700 4300"
		"02040000000000"
		"101500 01 02000000 01000000 01 0a 981032547698103254f6"
		"110c00 01 02000000 01 04 3b9f9680 01"
		"121200 01 10 89049032123451234512345678901235");
}

static void test_an_empty_slot_is_told_as_empty(void)
{
	g_autoptr(TestModem) modem = test_modem_new(NULL);
	g_autoptr(Host) host = host_open_pty(modem);
	g_autofree char *status = NULL, *slot = NULL, *open = NULL, *power = NULL;

	host_allocate(host, UIM);
	status = host_call(host, UIM, 1, 0x2f, "", 0);
	g_assert_cmpstr(status, ==, "100f00ffffffffffffffff01000000000000");
	slot = host_call(host, UIM, 1, 0x47, "", 0);
	g_assert_cmpstr(slot, ==,
		"100b0001010000000100000001001108000100000000000000120200"
		"0100");
	open = host_call(host, UIM, 1, 0x42, "01010001 100800 07 a0000005591010", 102);
	g_assert_cmpstr(open, ==, "");
	power = host_call(host, UIM, 1, 0x31, "01010001", 102);
}

static void test_channels_and_apdus_are_as_laid_down(void)
{
	g_autoptr(TestModem) modem = test_modem_new(NULL);
	g_autoptr(FakeCard) card = fake_card_new(modem->card, ICCID);
	g_autoptr(Host) host = host_open_pty(modem);
	g_autofree char *before = NULL, *commands = NULL;

	test_modem_wait_card(modem, "ready");
	host_allocate(host, UIM);
	before = fake_card_log(card);
	/* Open: slot, AID. Answer: channel, status word, select response. */
	host_send(host, "011b00 00 0b01 00 0100 4200 0f00 01010001 100800 07 a0000005591010");
	host_expect(host,
		"012400 80 0b01 02 0100 4200 1800 02040000000000 10010001 11020090 00"
		"120500 04 6f028400");
	/* Send: slot, APDU, channel. The modem puts the channel into CLA. */
	host_send(
		host, "011e00 00 0b01 00 0200 3b00 1200 01010001 020700 0500 80ca000300 10010001");
	host_expect(host, "011d00 80 0b01 02 0200 3b00 1100 02040000000000 100700 0500 5a5a5a9000");
	/* Close: slot, channel. */
	host_send(host, "011400 00 0b01 00 0300 3f00 0800 01010001 11010001");
	host_expect(host, "011800 80 0b01 02 0300 3f00 0c00 02040000000000 110200 9000");
	/* Without a channel it is the basic one. */
	host_send(host, "011a00 00 0b01 00 0400 3b00 0e00 01010001 020700 0500 80ca000100");
	host_expect(host, "011b00 80 0b01 02 0400 3b00 0f00 02040000000000 100500 0300 5a9000");
	commands = fake_card_log(card);
	g_assert_cmpstr(commands, ==,
		"0070000001 01a4040007a000000559101000 81ca000300 0070800100 80ca000100");
}

static void test_channels_beyond_three_use_the_further_class(void)
{
	g_autoptr(TestModem) modem = test_modem_new(NULL);
	g_autoptr(FakeCard) card = fake_card_new(modem->card, ICCID);
	g_autoptr(Host) host = host_open_pty(modem);
	g_autofree char *log = NULL, *answer = NULL, *none = NULL;

	test_modem_wait_card(modem, "ready");
	host_allocate(host, UIM);
	for (unsigned i = 1; i < 20; i++) {
		g_autofree char *open =
			host_call(host, UIM, 1, 0x42, "01010001 100800 07 a0000005591010", 0);
		g_autofree char *start = g_strdup_printf("100100%02x", i);

		g_assert_true(g_str_has_prefix(open, start));
	}
	/* The twentieth: 68, with the status word of the card. */
	none = host_call(host, UIM, 1, 0x42, "01010001 100800 07 a0000005591010", 68);
	g_assert_cmpstr(none, ==, "1102006a81");
	g_free(fake_card_log(card));
	answer = host_call(host, UIM, 1, 0x3b, "01010001 020700 0500 80ca000100 10010013", 0);
	log = fake_card_log(card);
	g_assert_cmpstr(log, ==, "cfca000100");
}

static void test_errors_are_those_of_qmi(void)
{
	static const struct {
		unsigned cid, id;
		const char *tlvs;
		unsigned error;
		const char *rest;
	} cases[] = {
		{ 9, 0x2f, "", 7, "" }, /* no such client */
		{ 1, 0x7777, "", 71, "" },
		{ 1, 0x42, "100800 07 a0000005591010", 17, "" }, /* no slot */
		{ 1, 0x42, "01010002 100800 07 a0000005591010", 48, "" },
		{ 1, 0x42, "01010001 100300 02 ffff", 80, "1102006a82" }, /* no such application */
		{ 1, 0x42, "01010001 100300 07 ffff", 1, "" }, /* its length is wrong */
		{ 1, 0x3b, "01010001", 17, "" },
		{ 1, 0x3b, "01010001 020500 0500 80ca00", 1, "" },
		{ 1, 0x3b, "01010001 020400 0200 80ca", 48, "" },
		{ 1, 0x3b, "01010001 020700 0500 80ca000100 10010005", 48, "" }, /* not open */
		{ 1, 0x3b, "01010001 020700 0500 80ca000100 100100ff", 48, "" },
		{ 1, 0x3f, "01010001 11010005", 48, "" },
		{ 1, 0x3f, "01010001", 17, "" },
		{ 1, 0x31, "01010001", 26, "" }, /* it is on already */
		{ 1, 0x46, "01010001 02040001000000", 26, "" },
		{ 1, 0x46, "01010001 02040002000000", 48, "" },
		{ 1, 0x20, "01020000 00 020300e16f00 030400 00000000", 80, "1002006a82" },
		{ 1, 0x20, "01020000 00 030400 00000000", 17, "" },
		{ 1, 0x20, "01020000 00 020300e22f01 030400 00000000", 1, "" },
	};
	g_autoptr(TestModem) modem = test_modem_new(NULL);
	g_autoptr(FakeCard) card = fake_card_new(modem->card, ICCID);
	g_autoptr(Host) host = host_open_pty(modem);
	g_autoptr(GString) large = g_string_new("01010001 020304 0104");
	g_autofree char *too_long = NULL;

	test_modem_wait_card(modem, "ready");
	host_allocate(host, UIM);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *rest = NULL;

		g_test_message("case %zu", i);
		rest = host_call(
			host, UIM, cases[i].cid, cases[i].id, cases[i].tlvs, cases[i].error);
		g_assert_cmpstr(rest, ==, cases[i].rest);
	}
	for (unsigned i = 0; i < 1025; i++)
		g_string_append(large, "00");
	too_long = host_call(host, UIM, 1, 0x3b, large->str, 19);
	g_assert_cmpstr(too_long, ==, "");
}

static void test_files_are_read(void)
{
	g_autoptr(TestModem) modem = test_modem_new(NULL);
	g_autoptr(FakeCard) card = fake_card_new(modem->card, ICCID);
	g_autoptr(Host) host = host_open_pty(modem);
	g_autofree char *iccid = NULL, *imsi = NULL, *part = NULL, *record = NULL,
			*attributes = NULL;

	test_modem_wait_card(modem, "ready");
	host_allocate(host, UIM);
	/* Session, file (id, path as u16 each), range. Answer: status word, content. */
	iccid = host_call(host, UIM, 1, 0x20, "0102000600 020500e22f02003f 03040000000000", 0);
	g_assert_cmpstr(iccid, ==,
		"1002009000"
		"110c000a00981032547698103254f6");
	imsi = host_call(host, UIM, 1, 0x20, "0102000000 020700076f04003fff7f 03040000000000", 0);
	g_assert_cmpstr(imsi, ==,
		"1002009000"
		"110b0009000809101000000000f0");
	part = host_call(host, UIM, 1, 0x20, "0102000600 020500e22f02003f 03040000000400", 0);
	g_assert_cmpstr(part, ==,
		"1002009000"
		"11060004009810"
		"3254");
	record = host_call(host, UIM, 1, 0x21, "0102000600 020500002f02003f 03040001000000", 0);
	g_assert_true(g_str_has_prefix(record,
		"1002009000"
		"1122002000"
		"61124f10a0000000871002"));
	attributes = host_call(host, UIM, 1, 0x24, "0102000600 020500e22f02003f", 0);
	g_assert_cmpstr(attributes, ==,
		"1002009000"
		"112800"
		"0a00"
		"e22f"
		"00"
		"0000"
		"0000"
		"000000"
		"000000"
		"000000"
		"000000"
		"000000"
		"0e00"
		"620c82024121"
		"83022fe2"
		"8002000a");
}

static void test_chains_are_passed_on_unless_the_host_says_otherwise(void)
{
	g_autoptr(TestModem) modem = test_modem_new(NULL);
	g_autoptr(FakeCard) card = fake_card_new(modem->card, ICCID);
	g_autoptr(Host) host = host_open_pty(modem);
	g_autofree char *raw = NULL, *rest = NULL, *skipped = NULL, *shown = NULL;

	test_modem_wait_card(modem, "ready");
	host_allocate(host, UIM);
	raw = host_call(host, UIM, 1, 0x3b, "01010001 020700 0500 80ca020300", 0);
	g_assert_cmpstr(raw, ==,
		"1004000200"
		"6103");
	rest = host_call(host, UIM, 1, 0x3b, "01010001 020700 0500 00c0000003", 0);
	g_assert_cmpstr(rest, ==,
		"1007000500"
		"5a5a5a9000");
	/* Procedure bytes: 1 skips them, 0 returns them. */
	skipped = host_call(host, UIM, 1, 0x3b, "01010001 020700 0500 80ca020300 11010001", 0);
	g_assert_cmpstr(skipped, ==,
		"1007000500"
		"5a5a5a9000");
	shown = host_call(host, UIM, 1, 0x3b, "01010001 020700 0500 80ca020300 11010000", 0);
	g_assert_cmpstr(shown, ==,
		"1004000200"
		"6103");
}

static void test_long_answers_come_as_indications(void)
{
	static const char *const options[] = { "--long-answers", NULL };
	g_autoptr(TestModem) modem = test_modem_new(options);
	g_autoptr(FakeCard) card = fake_card_new(modem->card, ICCID);
	g_autoptr(Host) host = host_open_pty(modem);
	g_autofree char *fits = NULL, *answer = NULL, *first = NULL, *second = NULL;

	test_modem_wait_card(modem, "ready");
	host_allocate(host, UIM);
	fits = host_call(host, UIM, 1, 0x3b, "01010001 020700 0500 80ca020300", 0);
	g_assert_cmpstr(fits, ==,
		"1007000500"
		"5a5a5a9000");
	/* 5 × 256 octets and the status word: 1282. Error 68, length and token; then the parts. */
	answer = host_call(host, UIM, 1, 0x3b, "01010001 020700 0500 80ca010500", 68);
	g_assert_cmpstr(answer, ==,
		"110600"
		"0205"
		"01000000");
	first = host_indication(host, UIM, 1, 0x3b);
	g_assert_true(g_str_has_prefix(first,
		"010a04"
		"01000000"
		"0205"
		"0000"
		"0004"
		"5a5a"));
	g_assert_cmpuint(strlen(first), ==, 2 * (3 + 10 + 1024));
	second = host_indication(host, UIM, 1, 0x3b);
	g_assert_true(g_str_has_prefix(second,
		"010c01"
		"01000000"
		"0205"
		"0004"
		"0201"
		"5e5e"));
	g_assert_true(g_str_has_suffix(second, "5e9000"));
}

static void test_identity_and_network_are_told(void)
{
	g_autoptr(TestModem) modem = test_modem_new(NULL);
	g_autoptr(FakeCard) card = fake_card_new(modem->card, ICCID);
	g_autoptr(Host) host = host_open_pty(modem);
	g_autofree char *down = NULL, *up = NULL, *ids = NULL, *mode = NULL, *serving = NULL;
	g_autofree char *home = NULL, *atr = NULL;

	test_modem_wait_card(modem, "ready");
	down = test_modem_link(modem);
	up = test_modem_link(modem);
	host_allocate(host, 2);
	host_allocate(host, 3);
	host_allocate(host, UIM);
	ids = host_call(host, 2, 1, 0x25, "", 0);
	g_assert_cmpstr(ids, ==,
		"10010030"
		"110f00333539303732303636313238303039");
	mode = host_call(host, 2, 1, 0x2d, "", 0);
	g_assert_cmpstr(mode, ==, "01010000");
	/* Registered, packets attached, LTE; PLMN 001 01. */
	serving = host_call(host, 3, 1, 0x24, "", 0);
	g_assert_cmpstr(serving, ==,
		"010600"
		"01"
		"02"
		"01"
		"02"
		"0108"
		"10010001"
		"1102000"
		"10b"
		"120800"
		"0100"
		"0100"
		"034c6162"
		"27050001000100"
		"00");
	home = host_call(host, 3, 1, 0x25, "", 0);
	g_assert_cmpstr(home, ==,
		"010800"
		"0100"
		"0100"
		"034c6162");
	atr = host_call(host, UIM, 1, 0x41, "01010001", 0);
	g_assert_cmpstr(atr, ==,
		"100500"
		"04"
		"3b9f9680");
}

static void test_hostile_hosts_do_no_harm(void)
{
	static const char *const frames[] = {
		"00", /* no marker */
		"41542b434f50533f0d", /* an AT command */
		"010000", /* lengths below the least */
		"01040000000b", "0105000000000000",
		"010b000000000001210001000000", /* more TLVs than there are */
		"010c00000b0100010020000300", "011300000b010001003b00070001ffff000102030405",
		"010c00800b0102010020000000", /* an answer, from a host */
	};
	g_autoptr(TestModem) modem = test_modem_new(NULL);
	g_autoptr(Host) host = host_open_pty(modem);
	g_autoptr(GRand) random = g_rand_new_with_seed(32);

	for (size_t i = 0; i < G_N_ELEMENTS(frames); i++) {
		g_autoptr(Host) proxy = host_open_proxy(modem);

		host_send(proxy, frames[i]);
	}
	for (unsigned i = 0; i < 200; i++) {
		g_autoptr(Host) proxy = host_open_proxy(modem);
		g_autoptr(GString) hex = g_string_new("01");
		unsigned size = (unsigned)g_rand_int_range(random, 6, 80);

		g_string_append_printf(hex, "%02x00000b01", size);
		for (unsigned j = 5; j < size; j++)
			g_string_append_printf(hex, "%02x", g_rand_int_range(random, 0, 256));
		host_send(proxy, hex->str);
	}
	/* It still works. */
	g_assert_cmpuint(host_allocate(host, UIM), ==, 1);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/modem/qmi/ctl", test_ctl_frames_are_as_laid_down);
	g_test_add_func("/modem/qmi/status", test_status_of_card_and_slot_is_as_laid_down);
	g_test_add_func("/modem/qmi/empty-slot", test_an_empty_slot_is_told_as_empty);
	g_test_add_func("/modem/qmi/channels", test_channels_and_apdus_are_as_laid_down);
	g_test_add_func(
		"/modem/qmi/many-channels", test_channels_beyond_three_use_the_further_class);
	g_test_add_func("/modem/qmi/errors", test_errors_are_those_of_qmi);
	g_test_add_func("/modem/qmi/files", test_files_are_read);
	g_test_add_func(
		"/modem/qmi/chains", test_chains_are_passed_on_unless_the_host_says_otherwise);
	g_test_add_func("/modem/qmi/long-answers", test_long_answers_come_as_indications);
	g_test_add_func("/modem/qmi/identity", test_identity_and_network_are_told);
	g_test_add_func("/modem/qmi/hostile", test_hostile_hosts_do_no_harm);
	return g_test_run();
}
