/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "card/host.h"

#include <string.h>

#define ISDR "A0000005591010FFFFFFFF8900000100"

static void test_channels_open_and_close(void)
{
	g_autoptr(Host) host = host_new(NULL);

	host_expect(host, "0070000001", 0x9000, "01");
	host_expect(host, "0070000000", 0x9000, "02");
	host_expect(host, "0070000500", 0x9000, "");
	host_expect(host, "0070000500", 0x6a81, "");
	host_expect(host, "0070800100", 0x9000, "");
	host_expect(host, "0070800100", 0x6881, "");
	host_expect(host, "0070000001", 0x9000, "01");
	for (unsigned i = 3; i < 20; i++)
		if (i != 5)
			host_expect(host, "0070000001", 0x9000, NULL);
	host_expect(host, "0070000001", 0x6a81, "");
	/* Channel 19 is CLA 4F, and has a selection of its own. */
	g_bytes_unref(host_apdu_hex(host, "4FA4040010" ISDR));
	g_assert_cmphex(host->sw >> 8, ==, 0x61);
	host_expect(host, "CFE2910003BF2000", 0x6164, "");
	host_expect(host, "81E2910003BF2000", 0x6d00, "");
	host_reset(host);
	host_expect(host, "CFE2910003BF2000", 0x6881, "");
}

static void test_wrong_commands_have_their_status_words(void)
{
	g_autoptr(Host) host = host_new(NULL);

	host_expect(host, "00A404", 0x6700, "");
	host_expect(host, "00A4040005A000", 0x6700, "");
	host_expect(host, "0070000001", 0x9000, "01");
	host_expect(host, "01A4040005A000000000", 0x6a82, "");
	host_expect(host, "81E2910003BF2000", 0x6d00, "");
	host_expect(host, "0170000001", 0x9000, "02");
	g_bytes_unref(host_apdu_hex(host, "01A4040010" ISDR));
	host_expect(host, "01FF000000", 0x6d00, "");
	host_expect(host, "01E2910003BF2000", 0x6e00, "");
	host_expect(host, "31E2910003BF2000", 0x6e00, "");
	host_expect(host, "85E2910003BF2000", 0x6882, "");
	host_expect(host, "81E2900003BF2000", 0x6a86, "");
	host_expect(host, "81E2910003BF6F00", 0x6a88, "");
	host_expect(host, "81E2910003BF3100", 0x6a88, "");
	host_expect(host, "81E2910003BF2001", 0x6a80, "");
	host_expect(host, "81E2910004BF200000", 0x6a80, "");
	host_expect(host, "81E2910001BF", 0x6a80, "");
	host_expect(host, "81E29100028000", 0x6a80, "");
	host_expect(host, "81E2910005BF20800000", 0x6a80, ""); /* indefinite length */
}

static void test_blocks_come_in_order(void)
{
	g_autoptr(Host) host = host_new(NULL);

	host_expect(host, "0070000001", 0x9000, "01");
	g_bytes_unref(host_apdu_hex(host, "01A4040010" ISDR));
	host_expect(host, "81E2110003BF3E03", 0x9000, "");
	host_expect(host, "81E29101035C015A", 0x6115, "");
	host_expect(host, "01C0000015", 0x9000, "BF3E125A10" EUICC_DEFAULT_EID);
	host_expect(host, "81E29101035C015A", 0x6a86, "");
	host_expect(host, "81E2110003BF3E03", 0x9000, "");
	host_expect(host, "81E29102035C015A", 0x6a86, "");
	host_expect(host, "81E29101035C015A", 0x6a86, "");
	/* Block 0 begins anew, whatever was there. */
	host_expect(host, "81E2110003BF2201", 0x9000, "");
	host_expect(host, "81E2910006BF3E035C015A", 0x6115, "");
}

static void test_answers_wait_for_get_response(void)
{
	g_autoptr(Host) host = host_new(NULL);
	g_autoptr(GBytes) first = NULL, second = NULL;

	host_expect(host, "0070000001", 0x9000, "01");
	g_bytes_unref(host_apdu_hex(host, "01A4040010" ISDR));
	host_expect(host, "81E2910006BF3E035C015A", 0x6115, "");
	host_expect(host, "01C0000020", 0x6c15, "");
	host_expect(host, "01C0000005", 0x6110, "BF3E125A10");
	host_expect(host, "01C0000010", 0x9000, EUICC_DEFAULT_EID);
	host_expect(host, "01C0000010", 0x6985, "");
	/* 256 octets and more: 61 00. */
	host_expect(host, "81E2910003BF5600", 0x6100, "");
	first = host_apdu_hex(host, "01C0000000");
	g_assert_cmpuint(g_bytes_get_size(first), ==, 256);
	g_assert_cmphex(host->sw, ==, 0x6100);
	/* Another command, and it is gone. */
	host_expect(host, "81E2910006BF3E035C015A", 0x6115, "");
	second = host_apdu_hex(host, "01C0000015");
	assert_span_hex(span_of(second), "BF3E125A10" EUICC_DEFAULT_EID);
}

static void test_select_tells_what_card_it_is(void)
{
	static const char fci[] = "84 10" ISDR "A50F 7309 06072A864886FC6B01 9F6501FF";
	static const struct {
		const char *where, *a5, *outer, *after;
	} cases[] = {
		{ "fci", "", "E0058203020500 E10480020640", "" },
		{ "after", "", "", "E0058203020500 E10480020640" },
		{ "none", "", "", "" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		const EuiccCreate create = { .bootstrap = true, .templates = cases[i].where };
		g_autoptr(Host) host = host_new(&create);
		g_autofree char *content = g_strconcat(fci, cases[i].outer, NULL);
		g_autoptr(GBytes) bytes = hex_bytes(content), got = NULL;
		g_autofree char *expected = g_strdup_printf(
			"6F%02zX%s%s", g_bytes_get_size(bytes), content, cases[i].after);

		g_bytes_unref(host_apdu_hex(host, "00A4040010" ISDR));
		uint8_t more[] = { 0x00, 0xc0, 0x00, 0x00, (uint8_t)host->sw };

		got = host_apdu(host, SPAN_ARRAY(more));
		assert_span_hex(span_of(got), expected);
		host_expect(host, "00A4040C10" ISDR, 0x9000, "");
	}
}

static void test_a_modem_finds_the_files_of_the_profile(void)
{
	g_autoptr(Host) host = host_new(NULL);

	host_expect(host, "00A4000C023F00", 0x9000, "");
	host_expect(host, "00A4000C022FE2", 0x9000, "");
	host_expect(host, "00B0000000", 0x9000, BOOTSTRAP_BCD);
	host_expect(host, "00B000000B", 0x6c0a, "");
	host_expect(host, "00B000020800", 0x6700, "");
	host_expect(host, "00B0820002", 0x9000, "9888");
	host_expect(host, "00A4080C022F00", 0x9000, "");
	host_expect(host, "00B2010420", 0x9000,
		"61184F10A0000000871002FFFFFFFF89030200005004 5553494D FFFFFFFFFFFF");
	host_expect(host, "00B2020420", 0x6a83, "");
	host_expect(host, "00B0000001", 0x6981, "");
	host_expect(host, "00A4040C07A0000000871002", 0x9000, "");
	host_expect(host, "00A4000C026F07", 0x9000, "");
	host_expect(host, "00B0000009", 0x9000, "080910100000000010");
	host_expect(host, "00A4080C047FFF6FAD", 0x9000, "");
	host_expect(host, "00B0000004", 0x9000, "00000002");
	host_expect(host, "00D60000010F", 0x6982, "");
	host_expect(host, "00A4080C047FFF6F46", 0x9000, "");
	host_expect(host, "00B0000005", 0x9000, "014C6162FF");
	/* What a modem writes is there until the next reset. */
	host_expect(host, "00A4080C047FFF6F7E", 0x9000, "");
	host_expect(host, "00D600000401020304", 0x9000, "");
	host_expect(host, "00B0000004", 0x9000, "01020304");
	host_reset(host);
	host_expect(host, "00A4080C047FFF6F7E", 0x9000, "");
	host_expect(host, "00B0000004", 0x9000, "FFFFFFFF");
	host_expect(host, "00A4000C027F77", 0x6a82, "");
}

static void test_without_a_profile_there_is_no_iccid(void)
{
	const EuiccCreate create = { .bootstrap = false };
	g_autoptr(Host) host = host_new(&create);

	host_expect(host, "00A4000C023F00", 0x9000, "");
	host_expect(host, "00A4000C022FE2", 0x6a82, "");
	host_expect(host, "00A4040C07A0000000871002", 0x6a82, "");
	host_es10_expect(host, "BF2D00", "BF2D02A000");
	host_es10_expect(host, "BF5F00", "BF5F03810101");
}

static void test_the_atr_has_a_good_check_octet(void)
{
	g_autoptr(Host) host = host_new(NULL);
	Span atr = euicc_atr(host->euicc);
	uint8_t sum = 0;

	g_assert_cmphex(atr.data[0], ==, 0x3b);
	for (size_t i = 1; i < atr.size; i++)
		sum ^= atr.data[i];
	g_assert_cmphex(sum, ==, 0);
}

static void test_counts_tell_the_least_there_can_be(void)
{
	g_autoptr(Host) host = host_new(NULL);
	json_t *counts, *tag;

	host_expect(host, "00A4000C023F00", 0x9000, "");
	host_expect(host, "80AA000005A903840101", 0x9000, "");
	host_es10_expect(host, "BF3E035C015A", "BF3E125A10" EUICC_DEFAULT_EID);
	g_bytes_unref(host_es10_hex(host, "BF5600"));
	counts = euicc_counts(host->euicc);
	/* TERMINAL CAPABILITY, MANAGE CHANNEL, SELECT, 2 for the EID, 6 for 1,000 octets and more. */
	tag = json_object_get(json_object_get(counts, "es10"), "BF56");
	g_assert_cmpint(json_integer_value(json_object_get(tag, "commands")), ==, 1);
	g_assert_cmpint(json_integer_value(json_object_get(tag, "command_octets")), ==, 3);
	json_int_t answer = json_integer_value(json_object_get(tag, "answer_octets"));

	g_assert_cmpint(answer, >, 768);
	g_assert_cmpint(
		json_integer_value(json_object_get(tag, "floor")), ==, 1 + (answer + 255) / 256);
	g_assert_cmpint(
		json_integer_value(json_object_get(json_object_get(counts, "other"), "apdus")), ==,
		1);
	g_assert_cmpint(
		json_integer_value(json_object_get(json_object_get(counts, "isdr"), "apdus")), ==,
		3 + 2 + 1 + (answer + 255) / 256);
	json_decref(counts);
	euicc_counts_reset(host->euicc);
	counts = euicc_counts(host->euicc);
	g_assert_cmpint(json_integer_value(json_object_get(counts, "floor")), ==, 0);
	json_decref(counts);
}

static void test_faults_strike_where_they_should(void)
{
	g_autoptr(Host) host = host_new(NULL);
	const EuiccFault refuse = { EUICC_FAULT_SW, 0x6985, 0xbf3e, 1, 2 };
	const EuiccFault garbage = { EUICC_FAULT_GARBAGE, 0, 0xbf20, 0, 1 };
	const EuiccFault oversize = { EUICC_FAULT_OVERSIZE, 0, 0xbf3c, 0, 1 };
	const EuiccFault pull = { EUICC_FAULT_PULL, 0, 0xbf43, 0, 1 };
	g_autoptr(GBytes) spoiled = NULL, huge = NULL, nothing = NULL;

	euicc_fault(host->euicc, &refuse);
	host_es10_expect(host, "BF3E035C015A", "BF3E125A10" EUICC_DEFAULT_EID);
	for (unsigned i = 0; i < 2; i++) {
		g_bytes_unref(host_es10_hex(host, "BF3E035C015A"));
		g_assert_cmphex(host->sw, ==, 0x6985);
		host_es10_expect(host, "BF5500", "BF5502A000");
	}
	host_es10_expect(host, "BF3E035C015A", "BF3E125A10" EUICC_DEFAULT_EID);
	euicc_fault(host->euicc, &garbage);
	spoiled = host_es10_hex(host, "BF2000");
	g_assert_cmphex(host->sw, ==, 0x9000);
	g_assert_cmpuint(g_bytes_get_size(spoiled), ==, 11);
	euicc_fault(host->euicc, &oversize);
	huge = host_es10_hex(host, "BF3C00");
	g_assert_cmpuint(g_bytes_get_size(huge), ==, 200006);
	euicc_fault(host->euicc, &pull);
	nothing = host_es10_hex(host, "BF4300");
	g_assert_null(nothing);
	g_assert_null(host_apdu_hex(host, "0070000001"));
	host_reset(host);
	host_es10_expect(host, "BF5500", "BF5502A000");
}

/* Commands with octets changed, cut off and put in: the card answers each, and goes on. */
static void test_garbage_does_not_break_the_card(void)
{
	static const char *const commands[] = {
		"BF3E035C015A",
		"BF2D13A00C5A0A" BOOTSTRAP_BCD "5C035A9F70",
		"BF2B05A003800101",
		"BF280481020640",
		"BF3003800101",
		"BF57 31A02F302D 800465696D31 8105652E782E79 830100 8401FF A51B A019 3013 0607 2A8648CE3D0201"
		"0608 2A8648CE3D030107 030200 04",
		"BF55 08A006800465696D31",
		"BF51 4F 3028 800465696D31 5A10" EUICC_DEFAULT_EID
		"810101 A00B BF2D00 A6 00 A702 8000 05 00"
		"5F3721 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF00",
		"BF38 4A 3020 800411223344 811000112233445566778899AABBCCDDEEFF 8300 84020000 5F370100 0400"
		"3003020100 A0128001 41A10D800411223344A10585030F0000",
		"BF21 10 300A 800411223344 010100 5F3700 3000",
		"BF41 09 800411223344 810105",
		"BF36 0A BF23 07 820101 80021122",
		"A0058703112233",
		"BF64 0482020204",
		"BF59 0A 8000 81032B0601 820178",
		"BF580380 01FF",
		"BF6504 80 02 4142",
	};
	g_autoptr(Host) host = host_new(NULL);

	for (unsigned round = 0; round < 3000; round++) {
		g_autoptr(GByteArray) mutant = g_byte_array_new();
		g_autoptr(GBytes) bytes = NULL, answer = NULL;
		unsigned changes = (unsigned)g_test_rand_int_range(0, 4);

		bytes = hex_decode(commands[round % G_N_ELEMENTS(commands)], 4096);
		if (!bytes)
			g_error("command %zu is not hex", round % G_N_ELEMENTS(commands));
		array_append_span(mutant, span_of(bytes));
		for (unsigned i = 0; i < changes && mutant->len; i++) {
			guint at = (guint)g_test_rand_int_range(0, (gint32)mutant->len);

			switch (g_test_rand_int_range(0, 3)) {
			case 0: mutant->data[at] = (uint8_t)g_test_rand_int_range(0, 256); break;
			case 1: g_byte_array_set_size(mutant, at); break;
			default: {
				g_autoptr(GByteArray) rest = g_byte_array_new();

				g_byte_array_append(rest, mutant->data + at, mutant->len - at);
				g_byte_array_set_size(mutant, at);
				g_byte_array_append(mutant, (const uint8_t *)"\xa0", 1);
				g_byte_array_append(mutant, rest->data, rest->len);
			}
			}
		}
		if (mutant->len == 0)
			continue;
		answer = host_es10(host, span_of_array(mutant));
		g_assert_nonnull(answer);
		g_assert_true(host->sw == 0x9000 || host->sw >> 8 == 0x91 ||
			host->sw >> 8 == 0x6a || host->sw == 0x6985);
		if (host->sw >> 8 == 0x91)
			host_reset(host);
	}
	host_es10_expect(host, "BF3E035C015A", "BF3E125A10" EUICC_DEFAULT_EID);
}

static void test_ask_the_card_what_it_is(void)
{
	g_autoptr(Host) host = host_new(NULL);
	g_autoptr(GBytes) info1 = NULL, certificates = NULL, info2 = NULL;

	host_es10_expect(host, "BF4300", "BF4318A016301480020560A10B30098003EEEEEE81008200820100");
	host_es10_expect(host, "BF3C00", "BF3C0F810D736D64732E6C61622E74657374");
	host_es10_expect(host, "BF420480020780", "BF4203800101");
	host_es10_expect(host, "BF5603800100", "BF5603810101");
	info1 = host_es10_hex(host, "BF2000");
	g_assert_cmpuint(g_bytes_get_size(info1), ==, 3 + 5 + 2 * (2 + 2 * 22));
	info2 = host_es10_hex(host, "BF2200");
	g_assert_cmphex(host->sw, ==, 0x9000);
	/* Ends with ipaMode 0 and iotSpecificInfo of 1.2.0 with fallback and emergency. */
	assert_span_hex(
		span((const uint8_t *)g_bytes_get_data(info2, NULL) + g_bytes_get_size(info2) - 16,
			16),
		"900100 B40B A0050403010200 8100 8200");
}

static void test_the_preferred_ci_comes_first(void)
{
	const EuiccCreate create = { .bootstrap = true, .first_ci = "brainpool" };
	g_autoptr(Host) nist = host_new(NULL), brainpool = host_new(&create);
	g_autoptr(GBytes) a = host_es10_hex(nist, "BF2000"), b = host_es10_hex(brainpool, "BF2000");
	const uint8_t *one = g_bytes_get_data(a, NULL), *two = g_bytes_get_data(b, NULL);
	g_autoptr(GBytes) certificates = NULL, named = NULL;
	uint8_t by_name[27] = { 0xbf, 0x56, 0x16, 0x80, 0x14 };

	/* BF20 61 82 03 .. A9 2C 04 14 id 04 14 id: the same two, the other way round. */
	g_assert_cmpmem(one + 12, 20, two + 34, 20);
	g_assert_cmpmem(one + 34, 20, two + 12, 20);
	/* Certificates without a name are of the first, with one of that. */
	certificates = host_es10_hex(brainpool, "BF5600");
	memcpy(by_name + 5, one + 34, 20);
	named = host_es10(nist, span(by_name, 25));
	g_assert_cmphex(nist->sw, ==, 0x9000);
	g_assert_true(span_equal(span_of(certificates), span_of(named)));
}

static void test_the_default_smdp_can_be_set_while_there_is_no_eim(void)
{
	g_autoptr(Host) host = host_new(NULL);

	host_es10_expect(host, "BF6506800464702E78", "BF6503800100");
	host_es10_expect(host, "BF3C00", "BF3C15800464702E78810D736D64732E6C61622E74657374");
	host_es10_expect(host, "BF3F028000", "BF3F03800100");
	host_reopen(host);
	host_es10_expect(host, "BF3C00", "BF3C0F810D736D64732E6C61622E74657374");
	host_add_eim(host);
	host_es10_expect(host, "BF6506800464702E78", "BF650380017F");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/lab-card/channels-open-and-close", test_channels_open_and_close);
	g_test_add_func("/lab-card/wrong-commands-have-their-status-words",
		test_wrong_commands_have_their_status_words);
	g_test_add_func("/lab-card/blocks-come-in-order", test_blocks_come_in_order);
	g_test_add_func(
		"/lab-card/answers-wait-for-get-response", test_answers_wait_for_get_response);
	g_test_add_func(
		"/lab-card/select-tells-what-card-it-is", test_select_tells_what_card_it_is);
	g_test_add_func("/lab-card/a-modem-finds-the-files-of-the-profile",
		test_a_modem_finds_the_files_of_the_profile);
	g_test_add_func("/lab-card/without-a-profile-there-is-no-iccid",
		test_without_a_profile_there_is_no_iccid);
	g_test_add_func(
		"/lab-card/the-atr-has-a-good-check-octet", test_the_atr_has_a_good_check_octet);
	g_test_add_func("/lab-card/counts-tell-the-least-there-can-be",
		test_counts_tell_the_least_there_can_be);
	g_test_add_func(
		"/lab-card/faults-strike-where-they-should", test_faults_strike_where_they_should);
	g_test_add_func(
		"/lab-card/garbage-does-not-break-the-card", test_garbage_does_not_break_the_card);
	g_test_add_func("/lab-card/ask-the-card-what-it-is", test_ask_the_card_what_it_is);
	g_test_add_func(
		"/lab-card/the-preferred-ci-comes-first", test_the_preferred_ci_comes_first);
	g_test_add_func("/lab-card/the-default-smdp-can-be-set-while-there-is-no-eim",
		test_the_default_smdp_can_be_set_while_there_is_no_eim);
	return g_test_run();
}
