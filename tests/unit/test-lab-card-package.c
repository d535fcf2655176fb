/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* eUICC packages: who may ask, what each PSMO and eCO does and answers (digest 3.18, 4). */
#include "card/host.h"

#include <string.h>

#include "asn1/der.h"

#define B BOOTSTRAP_BCD
#define OP "8988000000000000011"
#define OP_BCD "988800000000000010f1"
#define OTHER "8988000000000000029"
#define OTHER_BCD "988800000000000020f9"
#define NOBODY_BCD "988800000000000030f8"

#define ENABLE(iccid) "a30c5a0a" iccid
#define ENABLE_ROLLBACK(iccid) "a30e5a0a" iccid "0500"
#define DISABLE(iccid) "a40c5a0a" iccid
#define DELETE(iccid) "a50c5a0a" iccid
#define SET_FALLBACK(iccid) "a80c5a0a" iccid
#define LIST_ICCIDS "bf2d035c015a"

static Host *host_with_eim(void)
{
	Host *host = host_new(NULL);

	host_add_profile(host, OP, "{\"fallback_allowed\": 1}");
	host_add_profile(host, OTHER, NULL);
	host_add_eim(host);
	return host;
}

/* A0 or A1 around the operations. */
static char *list_of(const char *tag, const char *operations)
{
	g_autoptr(GBytes) bytes = hex_bytes(operations);
	size_t size = g_bytes_get_size(bytes);

	if (size < 0x80)
		return g_strdup_printf("%s%02zx%s", tag, size, operations);
	return g_strdup_printf("%s82%04zx%s", tag, size, operations);
}

static int64_t psmo(Host *host, int64_t counter, const char *operations, const char *results)
{
	g_autofree char *list = list_of("a0", operations);

	return host_load_expect(host, counter, list, results);
}

static int64_t eco(Host *host, int64_t counter, const char *operations, const char *results)
{
	g_autofree char *list = list_of("a1", operations);

	return host_load_expect(host, counter, list, results);
}

static void assert_member(Host *host, const char *member, const char *expected)
{
	g_autofree char *text = host_member(host, member);

	g_assert_cmpstr(text, ==, expected);
}

/* ---- who may ask ---- */
static void test_the_known_signature_is_accepted(void)
{
	/* Digest 15.2, token-less: the very octets. */
	static const char known[] =
		"bf51653020800465696d315a1089049032123451234512345678901235810101a003bf2d005f3740"
		"584e30a81a8e196ee1a5ff751a25ecf233e30070f1387af6ad66f9c4d14aa63c"
		"9c97fd077bd58aa4de0ba86e42ecd2dfa5b651b2a5846a4a7c8a245e870e8ddc";
	static const char with_token[] =
		"bf51653020800465696d315a1089049032123451234512345678901235810101a003bf2d005f3740"
		"f61745b68213a9ac5308a3de7e2d660b6b89d0f0884777af82914f5a80c58d6b"
		"ead9b224c7ab0238e34f492250358f1ce3267a7b38256c48ee56b6e7465f20fe";
	g_autoptr(Host) host = host_new(NULL), other = host_new(NULL);
	g_autofree char *entry = host_eim_entry(host, "eim1", "830100");
	g_autofree char *entry_with = host_eim_entry(host, "eim1", "830100 8401ff");
	g_autofree char *list = list_of("a0", entry), *list_with = list_of("a0", entry_with);
	g_autofree char *command = list_of("bf57", list),
			*command_with = list_of("bf57", list_with);
	g_autoptr(GBytes) answer = NULL, second = NULL;

	host_es10_expect(host, command, "bf5704a0020500");
	answer = host_es10_hex(host, known);
	g_assert_true(span_starts(span_of(answer), SPAN_LITERAL("\xbf\x51\x81")));
	g_assert_cmphex(((const uint8_t *)g_bytes_get_data(answer, NULL))[4], ==, 0xa0);
	/* The same with token 5: the fifth association. */
	for (unsigned i = 1; i < 5; i++) {
		g_bytes_unref(host_es10_hex(other, command_with));
		host_es10_expect(other, "BF640482020204", "BF6406800100810100");
	}
	host_es10_expect(other, command_with, "bf5705a003840105");
	second = host_es10_hex(other, with_token);
	g_assert_cmphex(((const uint8_t *)g_bytes_get_data(second, NULL))[4], ==, 0xa0);
	/* And not without it. */
	host_es10_expect(other, known, "bf510ba209800465696d31840105");
}

static void expect_package(Host *host, GBytes *package, const char *answer)
{
	g_autofree char *hex = hex_encode(span_of(package));

	host_es10_expect(host, hex, answer);
}

static void test_unsigned_errors_carry_the_token_of_a_known_eim(void)
{
	g_autoptr(Host) host = host_new(NULL);
	g_autoptr(GBytes) good = host_package(host, 1, 1, "a003bf2d00"),
			  wrong = host_package(host, 1, 2, "a003bf2d00");
	g_autoptr(GByteArray) broken = g_byte_array_new();

	/* Nobody is associated: no token. */
	expect_package(host, good, "bf5108a206800465696d31");
	host_add_eim(host);
	/* Signed for another token. */
	expect_package(host, wrong, "bf510ba209800465696d31840101");
	/* One bit. */
	array_append_span(broken, span_of(good));
	broken->data[broken->len - 1] ^= 1;
	g_autofree char *hex = hex_encode(span_of_array(broken));

	host_es10_expect(host, hex, "bf510ba209800465696d31840101");
	/* Nothing has been counted or stored. */
	host_es10_expect(host, "BF2B04A0028200", "bf2b02a200");
	psmo(host, 1, "a600", "a616301480020560a10b30098003eeeeee81008200820100");
}

/* BF51{A1{30{..,02 code},5F37}} with a good signature. */
static void expect_signed_error(Host *host, GBytes *package, int code)
{
	g_autoptr(GBytes) answer = host_es10(host, span_of(package));
	Tlv whole, arm, data, signature, field;

	g_assert_cmphex(host->sw, ==, 0x9000);
	g_assert_true(der_single(span_of(answer), &whole, NULL));
	g_assert_true(der_single(whole.value, &arm, NULL));
	g_assert_cmphex(arm.tag, ==, 0xa1);
	g_assert_true(der_find(arm.value, 0x30, &data));
	g_assert_true(der_find(arm.value, 0x5f37, &signature));
	host_check_signature(host, data.whole, 1, signature.value);
	g_assert_true(der_find(data.value, 0x02, &field));
	g_assert_cmpint(field.value.data[0], ==, code);
}

static void test_counters_only_grow(void)
{
	g_autoptr(Host) host = host_with_eim();
	g_autoptr(GBytes) first = host_package(host, 7, 1, "a003bf2d00"),
			  lower = host_package(host, 6, 1, "a003bf2d00"),
			  high = host_package(host, 0x800000, 1, "a003bf2d00");

	psmo(host, 7, "a600", "a616301480020560a10b30098003eeeeee81008200820100");
	expect_signed_error(host, first, 4);
	expect_signed_error(host, lower, 4);
	expect_signed_error(host, high, 6);
	/* A gap is fine, up to the end of the range; an error has not been stored. */
	psmo(host, 9, "a700", "870100");
	psmo(host, 0x7fffff, "a700", "870100");
	host_reopen(host);
	expect_signed_error(host, first, 4);
}

static void test_a_package_for_another_card_is_refused(void)
{
	g_autoptr(Host) host = host_with_eim();
	g_autoptr(GBytes) package = host_package(host, 1, 1, "a003bf2d00");
	g_autoptr(GByteArray) whole = g_byte_array_new(), tbs = g_byte_array_new(),
			      fresh = g_byte_array_new();
	GByteArray *content = g_byte_array_new();
	Tlv outer, data;

	/* Signed by the eIM all right. */
	array_append_span(whole, span_of(package));
	g_assert_true(der_single(span_of_array(whole), &outer, NULL));
	g_assert_true(der_find(outer.value, 0x30, &data));
	array_append_span(content, data.whole);
	content->data[10] ^= 1; /* the EID begins there */
	array_append_span(tbs, span_of_array(content));
	der_put_integer(tbs, 0x84, 1);
	crypto_put_signature(content, host->eim_key, span_of_array(tbs));
	der_put_wrapped(fresh, 0xbf51, content);
	g_autoptr(GBytes) other = span_to_bytes(span_of_array(fresh));

	expect_signed_error(host, other, 3);
}

static void test_malformed_packages_are_wrong_data(void)
{
	g_autoptr(Host) host = host_with_eim();
	g_autoptr(GBytes) package = host_package(host, 1, 1, "a003bf2d00");
	Span all = span_of(package);

	/* Cut anywhere; and with the lengths made to fit. */
	for (size_t size = 0; size < all.size; size += 7) {
		g_autoptr(GBytes) answer = host_es10(host, span(all.data, size));

		g_assert_cmphex(host->sw, ==, 0x6a80);
	}
	g_bytes_unref(host_es10_hex(host, "bf5100"));
	g_assert_cmphex(host->sw, ==, 0x6a80);
	g_bytes_unref(host_es10_hex(host, "bf51073005800465696d"));
	g_assert_cmphex(host->sw, ==, 0x6a80);
	psmo(host, 1, "a700", "870100");
}

/* ---- PSMO ---- */
static void test_enable_switches_after_the_refresh(void)
{
	g_autoptr(Host) host = host_with_eim();

	psmo(host, 1, ENABLE(OP_BCD), "830100");
	g_assert_cmphex(host->sw, ==, 0x910b);
	g_assert_cmpstr(host_enabled(host), ==, BOOTSTRAP);
	host_es10_expect(host, "BF2800", "BF2802A000");
	host_refresh(host);
	g_assert_cmpstr(host_enabled(host), ==, OP);
	/* Of the old one first, then of the new one, to their receivers. */
	g_autoptr(GBytes) list = host_es10_hex(host, "BF2800");

	assert_span_hex(span_of(list),
		"BF28 46 A044"
		"BF2F 22 800102 81020520 0C0D736D64702E6C61622E74657374 5A0A" B
		"BF2F 1C 800103 81020640 0C07736D64702E6578 5A0A" OP_BCD);
	host_expect(host, "00A4080C022FE2", 0x9000, "");
	host_expect(host, "00B000000A", 0x9000, OP_BCD);
}

static void test_a_switch_happens_at_the_reset_at_the_latest(void)
{
	g_autoptr(Host) host = host_with_eim();

	euicc_mute_refresh(host->euicc, true);
	psmo(host, 1, ENABLE(OP_BCD), "830100");
	g_assert_cmphex(host->sw, ==, 0x9000);
	host_expect(host, "801200000B", 0x6985, "");
	g_assert_cmpstr(host_enabled(host), ==, BOOTSTRAP);
	host_reset(host);
	g_assert_cmpstr(host_enabled(host), ==, OP);
	/* A power cut between the answer and the REFRESH. */
	euicc_mute_refresh(host->euicc, false);
	psmo(host, 2, ENABLE(OTHER_BCD), "830100");
	host_reopen(host);
	g_assert_cmpstr(host_enabled(host), ==, OTHER);
}

static void test_a_terminal_that_could_not_refresh_is_asked_again(void)
{
	g_autoptr(Host) host = host_with_eim();

	euicc_refresh_qualifier(host->euicc, 9);
	psmo(host, 1, ENABLE(OP_BCD), "830100");
	host_expect(host, "8012000004", 0x6c0b, "");
	host_expect(host, "801200000B", 0x9000, "D0098103010109 82028182");
	host_expect(host, "801400000C810301010982028281830120", 0x910b, "");
	g_assert_cmpstr(host_enabled(host), ==, BOOTSTRAP);
	host_expect(host, "801200000B", 0x9000, NULL);
	host_expect(host, "801400000C810301010982028281830100", 0x9000, "");
	g_assert_cmpstr(host_enabled(host), ==, OP);
	/* That was no reset: the channel is still open. */
	host_es10_expect(host, "BF5D038001FF", "BF5D03800106");
	host_expect(host, "801400000C810301010982028281830100", 0x6985, "");
}

static void test_each_psmo_has_its_codes(void)
{
	static const struct {
		const char *operations, *results;
	} cases[] = {
		{ ENABLE(NOBODY_BCD), "830101" },
		{ ENABLE(B), "830102" },
		{ DISABLE(NOBODY_BCD), "840101" },
		{ DISABLE(OP_BCD), "840102" },
		{ DELETE(NOBODY_BCD), "850101" },
		{ DELETE(B), "850102" },
		{ SET_FALLBACK(NOBODY_BCD), "8d0101" },
		{ SET_FALLBACK(OTHER_BCD), "8d0102" },
		{ SET_FALLBACK(OP_BCD), "8d0100" },
		{ "a900", "8e0102" },
		{ "a700", "870100" },
		{ "a7048002ffff", "870100" },
		{ "bf65028000", "bf6503800100" },
		{ "bf65068004"
		  "64702e78",
			"bf6503800100" },
		{ "bf2d035c015a", "bf2d2ca02ae30c5a0a" B "e30c5a0a" OP_BCD "e30c5a0a" OTHER_BCD },
		{ "bf2d11a00c5a0a" OP_BCD "5c015a", "bf2d10a00ee30c5a0a" OP_BCD },
		{ "bf2d11a00c5a0a" NOBODY_BCD "5c015a", "bf2d02a000" },
		{ "bf2d03a00100", "bf2d03810101" },
		{ "bf2d035c019f", "bf2d03810101" },
		{ "ac00", "020102" },
		{ "a300", "020102" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(Host) host = host_with_eim();

		psmo(host, 1, cases[i].operations, cases[i].results);
	}
}

static void test_the_first_failure_ends_the_list(void)
{
	g_autoptr(Host) host = host_with_eim();

	psmo(host, 1, DELETE(OTHER_BCD) ENABLE(NOBODY_BCD) DELETE(OP_BCD), "850100830101");
	host_es10_expect(host, "BF2D035C015A", "bf2d1ea01ce30c5a0a" B "e30c5a0a" OP_BCD);
	g_assert_cmphex(host->sw, ==, 0x9000);
}

static void test_lists_work_on_the_planned_states(void)
{
	static const struct {
		const char *operations, *results, *enabled;
	} cases[] = {
		{ DISABLE(B) ENABLE(OP_BCD), "840100830100", OP },
		{ DISABLE(B) DELETE(B), "840100850100", NULL },
		{ ENABLE(OP_BCD) DELETE(B), "830100850100", OP },
		{ ENABLE_ROLLBACK(OP_BCD) DELETE(B), "830100850114", OP },
		{ ENABLE(OP_BCD) ENABLE(OTHER_BCD), "830100830102", OP },
		{ ENABLE(OP_BCD) DISABLE(OP_BCD), "830100840102", OP },
		{ ENABLE(OP_BCD) DELETE(OP_BCD), "830100850102", OP },
		{ ENABLE(OP_BCD) LIST_ICCIDS, "830100bf2d0381010b", OP },
		{ DELETE(OP_BCD) LIST_ICCIDS, "850100bf2d0381010b", BOOTSTRAP },
		{ DISABLE(B) ENABLE_ROLLBACK(OP_BCD), "840100830100", OP },
		{ DISABLE(B) ENABLE(B), "840100830100", BOOTSTRAP },
		{ DISABLE(B) DISABLE(B), "840100840102", NULL },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(Host) host = host_with_eim();

		psmo(host, 1, cases[i].operations, cases[i].results);
		host_reset(host);
		g_assert_cmpstr(host_enabled(host), ==, cases[i].enabled);
	}
}

static void test_policy_rules_and_the_toolkit_can_forbid(void)
{
	g_autoptr(Host) host = host_with_eim();

	host_add_profile(host, "8988000000000000045", "{\"policy_rules\": \"99020560\"}");
	psmo(host, 1, DELETE("988800000000000040f5"), "850103");
	psmo(host, 2, ENABLE("988800000000000040f5"), "830100");
	/* While the REFRESH waits, the toolkit is busy. */
	psmo(host, 3, ENABLE(OP_BCD), "830105");
	host_refresh(host);
	psmo(host, 4, ENABLE(OP_BCD), "830103");
	psmo(host, 5, DISABLE("988800000000000040f5"), "840103");
}

static void test_rollback_needs_something_to_go_back_to(void)
{
	g_autoptr(Host) host = host_with_eim();

	psmo(host, 1, DISABLE(B), "840100");
	host_refresh(host);
	psmo(host, 2, ENABLE_ROLLBACK(OP_BCD), "830114");
}

static void test_results_stay_until_they_are_removed(void)
{
	g_autoptr(Host) host = host_with_eim();
	g_autoptr(GBytes) list = NULL;
	int64_t first, second;

	first = psmo(host, 1, "a700", "870100");
	second = psmo(host, 2, "a700", "870100");
	g_assert_cmpint(second, ==, first + 1);
	host_reopen(host);
	list = host_es10_hex(host, "BF2B04A0028200");
	g_assert_cmpuint(g_bytes_get_size(list), >, 180);
	host_es10_expect(host, "BF3003800101", "BF3003800100");
	host_es10_expect(host, "BF3003800101", "BF3003800101");
	host_es10_expect(host, "BF3003800102", "BF3003800100");
	host_es10_expect(host, "BF2B04A0028200", "bf2b02a200");
	/* The counter goes on. */
	g_assert_cmpint(psmo(host, 3, "a700", "870100"), ==, second + 1);
	/* Sixteen fit: the oldest goes. */
	for (int64_t i = 4; i < 21; i++)
		psmo(host, i, "a700", "870100");
	host_es10_expect(host, "BF3003800103", "BF3003800101");
	host_es10_expect(host, "BF3003800105", "BF3003800100");
}

static void test_too_many_results_are_cut_off(void)
{
	g_autoptr(Host) host = host_with_eim();
	g_autoptr(GString) many = g_string_new(NULL);
	g_autofree char *list = NULL;
	g_autoptr(GBytes) package = NULL, answer = NULL;
	Span all;

	/* 600 lists of three profiles with all they have: more than 16 kB. */
	for (unsigned i = 0; i < 600; i++)
		g_string_append(many, "bf2d00");
	list = list_of("a0", many->str);
	package = host_package(host, 1, 1, list);
	answer = host_es10(host, span_of(package));
	g_assert_cmphex(host->sw, ==, 0x9000);
	all = span_of(answer);
	g_assert_cmpuint(all.size, >, 16000);
	g_assert_cmpuint(all.size, <, 17000);
	/* processingTerminated(1), then 5F37. */
	assert_span_hex(span(all.data + all.size - 67 - 3, 3), "020101");
}

/* ---- rollback ---- */
static void test_rollback_goes_back_and_says_so(void)
{
	g_autoptr(Host) host = host_with_eim();
	g_autoptr(GBytes) answer = NULL, list = NULL;
	Tlv whole, result, arm, data, field;
	int64_t seq;

	seq = psmo(host, 5, ENABLE_ROLLBACK(OP_BCD), "830100");
	host_refresh(host);
	g_assert_cmpstr(host_enabled(host), ==, OP);
	host_reopen(host); /* the permission survives */
	answer = host_es10_hex(host, "BF580380 01FF");
	g_assert_cmphex(host->sw, ==, 0x910b);
	g_assert_true(der_single(span_of(answer), &whole, NULL));
	g_assert_true(der_find(whole.value, 0x02, &field));
	assert_span_hex(field.value, "00");
	g_assert_true(der_find(whole.value, 0xbf51, &result));
	g_assert_true(der_find(result.value, 0xa0, &arm));
	g_assert_true(der_find(arm.value, 0x30, &data));
	g_assert_true(der_find(data.value, 0x81, &field));
	assert_span_hex(field.value, "05");
	g_assert_true(der_find(data.value, 0x83, &field));
	g_assert_cmpint(field.value.data[0], >, seq);
	g_assert_true(der_find(data.value, 0x30, &field));
	assert_span_hex(field.value, "8c0100");
	/* The first result is gone, and what nobody heard of is not told. */
	list = host_es10_hex(host, "BF2B04A0028200");
	g_assert_true(der_single(span_of(list), &whole, NULL));
	g_assert_true(der_find(whole.value, 0xa2, &arm));
	g_assert_true(span_equal(arm.value, result.whole));
	host_es10_expect(host, "BF2800", "BF2802A000");
	host_refresh(host);
	g_assert_cmpstr(host_enabled(host), ==, BOOTSTRAP);
	host_es10_expect(host, "BF2800", "BF2802A000");
	host_es10_expect(host, "BF58038001FF", "BF5803020101");
}

static void test_rollback_is_a_permission_of_the_last_package(void)
{
	g_autoptr(Host) host = host_with_eim();

	host_es10_expect(host, "BF58038001FF", "BF5803020101");
	psmo(host, 1, ENABLE(OP_BCD), "830100");
	host_refresh(host);
	host_es10_expect(host, "BF58038001FF", "BF5803020101");
	psmo(host, 2, ENABLE_ROLLBACK(B), "830100");
	/* While the REFRESH waits: busy. */
	host_es10_expect(host, "BF58038001FF", "BF5803020105");
	host_refresh(host);
	psmo(host, 3, "a700", "870100");
	host_es10_expect(host, "BF58038001FF", "BF5803020101");
}

static void test_without_refresh_a_switch_is_immediate(void)
{
	g_autoptr(Host) host = host_with_eim();

	psmo(host, 1, ENABLE_ROLLBACK(OP_BCD), "830100");
	host_refresh(host);
	host_expect(host, "0070000001", 0x9000, "01");
	host_expect(host, "0070000001", 0x9000, "02");
	g_bytes_unref(host_apdu_hex(host, "01A4040010A0000005591010FFFFFFFF8900000100"));
	host->started = true;
	g_bytes_unref(host_es10_hex(host, "BF5803800100"));
	g_assert_cmphex(host->sw, ==, 0x9000);
	g_assert_cmpstr(host_enabled(host), ==, BOOTSTRAP);
	/* The other channels are closed. */
	host_expect(host, "02A4040010A0000005591010FFFFFFFF8900000100", 0x6881, "");
	host_es10_expect(host, "BF58038001FF", "BF5803020101");
}

/* ---- eCO ---- */
static char *eco_with_key(Host *host, const char *tag, const char *id, const char *fields)
{
	g_autofree char *entry = host_eim_entry(host, id, fields);
	g_autoptr(GBytes) bytes = hex_bytes(entry);
	Tlv tlv;
	g_autofree char *content = NULL;

	g_assert_true(der_single(span_of(bytes), &tlv, NULL));
	content = hex_encode(tlv.value);
	return list_of(tag, content);
}

static void test_eims_come_and_go(void)
{
	g_autoptr(Host) host = host_with_eim();
	g_autofree char *add = eco_with_key(host, "a8", "eim2", "810178 820102 830100 8401ff");
	g_autofree char *bad_token = eco_with_key(host, "a8", "eim3", "830100 840105");
	g_autofree char *bad_counter = eco_with_key(host, "a8", "eim3", "8304 00800000");
	g_autofree char *bad_ci = eco_with_key(host, "a8", "eim3", "830100 880211 22");
	g_autofree char *plain = eco_with_key(host, "a8", "eim3", "830100");
	g_autofree char *no_counter = eco_with_key(host, "a8", "eim4", "");

	eco(host, 1, add, "a803840102");
	eco(host, 2, add, "a803020102");
	eco(host, 3, bad_token, "a803020105");
	eco(host, 4, bad_counter, "a803020106");
	eco(host, 5, bad_ci, "a803020103");
	eco(host, 6, no_counter, "a803020107");
	eco(host, 7, plain, "a803020100");
	eco(host, 8, "ab00", "ab1da01b3006800465696d313009800465696d328201023006800465696d33");
	eco(host, 9,
		"a9068004"
		"65696d33",
		"890100");
	eco(host, 10,
		"a9068004"
		"65696d33",
		"890101");
	eco(host, 11,
		"a9068004"
		"65696d32",
		"890100");
	/* The last one deletes itself; the answer is signed with its token all the same. */
	eco(host, 12,
		"a9068004"
		"65696d31",
		"890102");
	host_es10_expect(host, "BF5500", "BF5502A000");
}

static void test_updates_change_what_is_given(void)
{
	g_autoptr(Host) host = host_with_eim();
	g_autofree char *with_key = eco_with_key(host, "aa", "eim1", "830100");

	eco(host, 5,
		"aa098004"
		"65696d31"
		"810178",
		"8a0100");
	eco(host, 6,
		"aa098004"
		"65696d39"
		"810178",
		"8a0101");
	eco(host, 7,
		"aa068004"
		"65696d31",
		"8a0107");
	eco(host, 8,
		"aa098004"
		"65696d31"
		"8401ff",
		"8a0107");
	eco(host, 9,
		"aa0a8004"
		"65696d31"
		"88021122",
		"8a0103");
	/* A lower counter only with a new key. */
	eco(host, 10,
		"aa098004"
		"65696d31"
		"830102",
		"8a0106");
	eco(host, 11, with_key, "8a0100");
	assert_member(host, "token", "1");
	eco(host, 1, "ab00", "ab0aa0083006800465696d31");
}

static void test_only_a_card_without_eim_takes_an_initial_one(void)
{
	g_autoptr(Host) host = host_new(NULL);
	g_autofree char *entry = host_eim_entry(host, "eim1", "830100 8401ff");
	g_autofree char *bad = host_eim_entry(host, "eim2", "830100 840105");
	g_autofree char *both = g_strconcat(entry, bad, NULL);
	g_autofree char *list = list_of("a0", both), *command = list_of("bf57", list);
	g_autofree char *one_list = list_of("a0", entry), *one = list_of("bf57", one_list);

	/* All or none; and an id is text. */
	host_es10_expect(host, command, "bf5703810105");
	host_es10_expect(host, "BF570DA00B3009 8004656980FF 830100", "bf5703810107");
	host_es10_expect(host, "BF5500", "BF5502A000");
	host_es10_expect(host, one, "bf5705a003840101");
	host_es10_expect(host, one, "bf5703810102");
	/* After a reset of the eIM data the token is larger (digest 14 L). */
	host_es10_expect(host, "BF640482020204", "BF6406800100810100");
	host_es10_expect(host, "BF640482020204", "BF6406800101810101");
	host_es10_expect(host, one, "bf5705a003840102");
}

static void test_the_configuration_is_given_with_its_defaults(void)
{
	g_autoptr(Host) host = host_new(NULL);
	g_autofree char *entry = host_eim_entry(host, "eim1", "8105652e782e79 830105 8401ff");
	g_autofree char *list = list_of("a0", entry), *command = list_of("bf57", list);
	g_autoptr(GBytes) answer = NULL, one = NULL;
	Tlv whole, entries, eim, field;

	host_es10_expect(host, command, "bf5705a003840101");
	answer = host_es10_hex(host, "BF5500");
	one = host_es10_hex(host, "BF5508A006800465696D31");
	g_assert_true(span_equal(span_of(answer), span_of(one)));
	host_es10_expect(host, "BF5508A006800465696D32", "BF5502A000");
	g_assert_true(der_single(span_of(answer), &whole, NULL));
	g_assert_true(der_find(whole.value, 0xa0, &entries));
	g_assert_true(der_single(entries.value, &eim, NULL));
	g_assert_true(der_find(eim.value, 0x81, &field));
	assert_span_hex(field.value, "652e782e79");
	g_assert_true(der_find(eim.value, 0x82, &field));
	assert_span_hex(field.value, "03");
	g_assert_false(der_find(eim.value, 0x83, &field));
	g_assert_true(der_find(eim.value, 0x84, &field));
	assert_span_hex(field.value, "01");
	g_assert_true(der_find(eim.value, 0x87, &field));
	assert_span_hex(field.value, "0308");
	g_assert_true(der_find(eim.value, 0x88, &field));
	g_assert_cmpuint(field.value.size, ==, 20);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define TEST(name, function) g_test_add_func("/lab-card/package/" name, function)
	TEST("the-known-signature-is-accepted", test_the_known_signature_is_accepted);
	TEST("unsigned-errors-carry-the-token-of-a-known-eim",
		test_unsigned_errors_carry_the_token_of_a_known_eim);
	TEST("counters-only-grow", test_counters_only_grow);
	TEST("a-package-for-another-card-is-refused", test_a_package_for_another_card_is_refused);
	TEST("malformed-packages-are-wrong-data", test_malformed_packages_are_wrong_data);
	TEST("enable-switches-after-the-refresh", test_enable_switches_after_the_refresh);
	TEST("a-switch-happens-at-the-reset-at-the-latest",
		test_a_switch_happens_at_the_reset_at_the_latest);
	TEST("a-terminal-that-could-not-refresh-is-asked-again",
		test_a_terminal_that_could_not_refresh_is_asked_again);
	TEST("each-psmo-has-its-codes", test_each_psmo_has_its_codes);
	TEST("the-first-failure-ends-the-list", test_the_first_failure_ends_the_list);
	TEST("lists-work-on-the-planned-states", test_lists_work_on_the_planned_states);
	TEST("policy-rules-and-the-toolkit-can-forbid",
		test_policy_rules_and_the_toolkit_can_forbid);
	TEST("rollback-needs-something-to-go-back-to", test_rollback_needs_something_to_go_back_to);
	TEST("results-stay-until-they-are-removed", test_results_stay_until_they_are_removed);
	TEST("too-many-results-are-cut-off", test_too_many_results_are_cut_off);
	TEST("rollback-goes-back-and-says-so", test_rollback_goes_back_and_says_so);
	TEST("rollback-is-a-permission-of-the-last-package",
		test_rollback_is_a_permission_of_the_last_package);
	TEST("without-refresh-a-switch-is-immediate", test_without_refresh_a_switch_is_immediate);
	TEST("eims-come-and-go", test_eims_come_and_go);
	TEST("updates-change-what-is-given", test_updates_change_what_is_given);
	TEST("only-a-card-without-eim-takes-an-initial-one",
		test_only_a_card_without_eim_takes_an_initial_one);
	TEST("the-configuration-is-given-with-its-defaults",
		test_the_configuration_is_given_with_its_defaults);
	return g_test_run();
}
