/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Switches without a package, resets, notifications, and the card of SGP.22 (digest 3, 9, 10). */
#include "card/host.h"

#include <string.h>

#include "asn1/der.h"

#define B BOOTSTRAP_BCD
#define OP "8988000000000000011"
#define OP_BCD "988800000000000010f1"
#define ECALL "8988000000000000029"
#define ECALL_BCD "988800000000000020f9"

static Host *host_with_profiles(void)
{
	Host *host = host_new(NULL);

	host_add_profile(host, OP, "{\"fallback_allowed\": 1, \"fallback_attribute\": true}");
	host_add_profile(host, ECALL, "{\"ecall_indication\": 1}");
	return host;
}

static void assert_member(Host *host, const char *member, const char *expected)
{
	g_autofree char *text = host_member(host, member);

	g_assert_cmpstr(text, ==, expected);
}

static unsigned notifications(Host *host)
{
	json_t *show = host_show(host);
	unsigned n = (unsigned)json_array_size(json_object_get(show, "notifications"));

	json_decref(show);
	return n;
}

/* ---- fallback ---- */
static void test_fallback_goes_there_and_back(void)
{
	g_autoptr(Host) host = host_with_profiles();

	host_es10_expect(host, "BF5E038001FF", "BF5E03800106");
	host_es10_expect(host, "BF5D038001FF", "BF5D03800100");
	g_assert_cmphex(host->sw, ==, 0x910b);
	host_es10_expect(host, "BF5E038001FF", "BF5E03800106");
	host_refresh(host);
	g_assert_cmpstr(host_enabled(host), ==, OP);
	g_assert_cmpuint(notifications(host), ==, 2);
	host_es10_expect(host, "BF5D038001FF", "BF5D03800102");
	host_reopen(host);
	host_es10_expect(host, "BF5E038001FF", "BF5E03800100");
	host_refresh(host);
	g_assert_cmpstr(host_enabled(host), ==, BOOTSTRAP);
	host_es10_expect(host, "BF5E038001FF", "BF5E03800106");
}

static void test_fallback_is_refused_in_order(void)
{
	const EuiccCreate empty = { 0 };
	g_autoptr(Host) nothing = host_new(&empty), plain = host_new(NULL),
			host = host_with_profiles();

	host_es10_expect(nothing, "BF5D038001FF", "BF5D03800107");
	host_es10_expect(plain, "BF5D038001FF", "BF5D03800106");
	euicc_cat_busy(host->euicc, true);
	host_es10_expect(host, "BF5D038001FF", "BF5D03800105");
	/* Without REFRESH the card ends the proactive session itself. */
	host_es10_expect(host, "BF5D03800100", "BF5D03800100");
	g_assert_cmpstr(host_enabled(host), ==, OP);
	g_bytes_unref(host_es10_hex(host, "BF5D0301 01FF"));
	g_assert_cmphex(host->sw, ==, 0x6a80);
}

static void test_the_profile_to_return_to_is_kept(void)
{
	g_autoptr(Host) host = host_with_profiles();

	host_add_eim(host);
	host_es10_expect(host, "BF5D03800100", "BF5D03800100");
	host_load_expect(host, 1, "a00e a50c5a0a" B, "850115");
	/* Unset and set are refused while it is enabled. */
	host_load_expect(host, 2, "a002 a900", "8e0103");
	/* An enabling by the eIM ends the fallback. */
	host_load_expect(host, 3, "a00e a30c5a0a" ECALL_BCD, "830100");
	host_reset(host);
	host_load_expect(host, 4, "a00e a50c5a0a" B, "850100");
	assert_member(host, "fallback_return", "");
}

/* ---- emergency ---- */
static void test_the_emergency_profile_blocks_all_else(void)
{
	g_autoptr(Host) host = host_with_profiles(), plain = host_new(NULL);
	g_autoptr(GBytes) package = NULL, answer = NULL;
	Tlv whole, arm, data, code;

	host_add_eim(host);
	host_es10_expect(plain, "BF5B038001FF", "BF5B03800108");
	host_es10_expect(host, "BF5C038001FF", "BF5C03800102");
	host_es10_expect(host, "BF5B03800100", "BF5B03800100");
	g_assert_cmpstr(host_enabled(host), ==, ECALL);
	host_reopen(host);
	g_assert_cmpstr(host_enabled(host), ==, ECALL);
	host_es10_expect(host, "BF5B038001FF", "BF5B03800102");
	host_es10_expect(host, "BF5D038001FF", "BF5D03800168");
	host_es10_expect(host, "BF6404820201FE", "BF6403800168");
	package = host_package(host, 1, 1, "a003bf2d00");
	answer = host_es10(host, span_of(package));
	g_assert_true(der_single(span_of(answer), &whole, NULL));
	g_assert_true(der_single(whole.value, &arm, NULL));
	g_assert_cmphex(arm.tag, ==, 0xa1);
	g_assert_true(der_find(arm.value, 0x30, &data));
	g_assert_true(der_find(data.value, 0x02, &code));
	assert_span_hex(code.value, "68");
	host_es10_expect(host, "BF5C038001FF", "BF5C03800100");
	host_refresh(host);
	g_assert_cmpstr(host_enabled(host), ==, BOOTSTRAP);
	/* Nobody is told, and the counter of the package has not been used up. */
	g_assert_cmpuint(notifications(host), ==, 0);
	host_load_expect(host, 1, "a002 a700", "870100");
}

/* ---- memory reset ---- */
static void test_memory_reset_deletes_the_chosen_classes(void)
{
	static const struct {
		const char *command, *answer, *left;
		uint16_t sw;
	} cases[] = {
		/* operational */
		{ "BF6404820207 80", "BF6403800100", "012", 0x9000 },
		/* field loaded test, then preloaded test */
		{ "BF6404820206 40", "BF6403800100", "023", 0x9000 },
		{ "BF6404820204 10", "BF6403800100", "013", 0x9000 },
		/* provisioning: the enabled one */
		{ "BF6404820203 08", "BF6403800100", "123", 0x910b },
		/* default SM-DP+ */
		{ "BF6404820205 20", "BF6403800100", "0123", 0x9000 },
		{ "BF6404820205 20", "BF6403800101", "0123", 0x9000 },
		{ "BF6404820201 02", "BF6406800101820100", "0123", 0x9000 },
		{ "BF6404820201 FE", "BF6409800100810101820100", "", 0x910b },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(Host) host = host_new(NULL);
		g_autoptr(GString) left = g_string_new(NULL);
		json_t *show, *profile;
		size_t k;

		host_add_profile(host, "8988000000000000111", "{\"profile_class\": 0}");
		host_add_profile(
			host, "8988000000000000129", "{\"profile_class\": 0, \"preloaded\": true}");
		host_add_profile(host, OP, "{\"policy_rules\": \"99020520\"}");
		if (i == 4)
			host_es10_expect(host, "BF6506800464702E78", "BF6503800100");
		host_es10_expect(host, cases[i].command, cases[i].answer);
		g_assert_cmphex(host->sw, ==, cases[i].sw);
		show = host_show(host);
		json_array_foreach(json_object_get(show, "profiles"), k, profile) g_string_append_c(
			left,
			(char)('0' + json_integer_value(json_object_get(profile, "isdp")) - 0x10));
		json_decref(show);
		g_assert_cmpstr(left->str, ==, cases[i].left);
	}
}

static void test_memory_reset_tells_who_asked(void)
{
	g_autoptr(Host) host = host_new(NULL);

	host_es10_expect(host, "BF6404820203 08", "BF6403800100");
	host_refresh(host);
	host_es10_expect(host, "BF2800",
		"BF2827A025 BF2F22800101 81020410 0C0D736D64702E6C61622E74657374"
		"5A0A" B);
}

/* ---- notifications ---- */
static void test_notifications_are_listed_fetched_and_removed(void)
{
	g_autoptr(Host) host = host_with_profiles();
	g_autoptr(GBytes) all = NULL, one = NULL, enabled = NULL;
	Tlv whole, list, first, second;

	host_es10_expect(host, "BF2800", "BF2802A000");
	host_es10_expect(host, "BF5D03800100", "BF5D03800100");
	all = host_es10_hex(host, "BF2B00");
	one = host_es10_hex(host, "BF2B05A003800102");
	enabled = host_es10_hex(host, "BF2B06A00481020640");
	g_assert_true(span_equal(span_of(one), span_of(enabled)));
	g_assert_true(der_single(span_of(all), &whole, NULL));
	g_assert_true(der_find(whole.value, 0xa0, &list));
	g_assert_true(der_next(&list.value, &first, NULL));
	g_assert_true(der_single(list.value, &second, NULL));
	g_assert_true(der_single(span_of(one), &whole, NULL));
	g_assert_true(der_find(whole.value, 0xa0, &list));
	g_assert_true(span_equal(list.value, second.whole));
	/* Signed: 30{BF2F,5F37,30,30}. */
	for (unsigned i = 0; i < 2; i++) {
		Tlv metadata, signature;

		g_assert_true(der_find(i ? second.value : first.value, 0xbf2f, &metadata));
		g_assert_true(der_find(i ? second.value : first.value, 0x5f37, &signature));
		host_check_signature(host, metadata.whole, -1, signature.value);
	}
	host_es10_expect(host, "BF280481020410", "BF2802A000");
	host_es10_expect(host, "BF3003800101", "BF3003800100");
	host_es10_expect(host, "BF3003800101", "BF3003800101");
	host_reopen(host);
	g_assert_cmpuint(notifications(host), ==, 1);
	host_es10_expect(host, "BF3003800102", "BF3003800100");
	/* The number goes on over a reset. */
	host_es10_expect(host, "BF5E03800100", "BF5E03800100");
	assert_member(host, "seq", "4");
	g_bytes_unref(host_es10_hex(host, "BF2B05A003810102"));
	g_assert_cmphex(host->sw, ==, 0x6a80);
}

static void test_a_full_list_loses_the_oldest(void)
{
	g_autoptr(Host) host = host_with_profiles();

	for (unsigned i = 0; i < 17; i++) {
		host_es10_expect(host, "BF5D03800100", "BF5D03800100");
		host_es10_expect(host, "BF5E03800100", "BF5E03800100");
	}
	g_assert_cmpuint(notifications(host), ==, 64);
	host_es10_expect(host, "BF3003800104", "BF3003800101");
	host_es10_expect(host, "BF3003800105", "BF3003800100");
}

/* ---- SGP.22 ---- */
static void test_a_consumer_card_is_managed_by_its_lpa(void)
{
	const EuiccCreate create = { .bootstrap = true, .consumer = true };
	g_autoptr(Host) host = host_new(&create);
	static const char *const unknown[] = { "BF5500", "BF5703A00100", "BF51023000", "BF5600",
		"BF6404820201FE", "BF5F00" };
	g_autoptr(GBytes) info2 = NULL;

	host_add_profile(host, OP, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(unknown); i++) {
		g_bytes_unref(host_es10_hex(host, unknown[i]));
		g_assert_cmphex(host->sw, ==, 0x6a88);
	}
	host_es10_expect(host, "BF3111A00C5A0A" OP_BCD "8101FF", "BF3103800100");
	g_assert_cmphex(host->sw, ==, 0x910b);
	host_es10_expect(host, "BF3111A00C5A0A" B "8101FF", "BF3103800102");
	host_refresh(host);
	g_assert_cmpstr(host_enabled(host), ==, OP);
	host_es10_expect(host, "BF3111A00C5A0A" OP_BCD "8101FF", "BF3103800102");
	host_es10_expect(host, "BF330C5A0A" OP_BCD, "BF3303800102");
	host_es10_expect(host, "BF2911 5A0A" B "900378797A", "BF2903800100");
	host_es10_expect(host, "BF2D09 A0034F0101 5C029091", "BF2D02A000");
	host_es10_expect(host, "BF2D12A00C5A0A" B "5C0290 92",
		"BF2D14A012E310900378797A9209426F6F747374726170");
	host_es10_expect(
		host, "BF3217A0124F10A0000005591010FFFFFFFF8900001100810100", "BF3203800100");
	g_assert_null(host_enabled(host));
	host_es10_expect(host, "BF330C5A0A" OP_BCD, "BF3303800100");
	host_es10_expect(host, "BF330C5A0A" OP_BCD, "BF3303800101");
	host_es10_expect(host, "BF2911 5A0A" OP_BCD "900378797A", "BF2903800101");
	host_es10_expect(host, "BF3404820206C0", "BF3403800101");
	info2 = host_es10_hex(host, "BF2200");
	Tlv whole, field;

	g_assert_true(der_single(span_of(info2), &whole, NULL));
	g_assert_false(der_find(whole.value, 0x90, &field));
	g_assert_false(der_find(whole.value, 0xb4, &field));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define TEST(name, function) g_test_add_func("/lab-card/switch/" name, function)
	TEST("fallback-goes-there-and-back", test_fallback_goes_there_and_back);
	TEST("fallback-is-refused-in-order", test_fallback_is_refused_in_order);
	TEST("the-profile-to-return-to-is-kept", test_the_profile_to_return_to_is_kept);
	TEST("the-emergency-profile-blocks-all-else", test_the_emergency_profile_blocks_all_else);
	TEST("memory-reset-deletes-the-chosen-classes",
		test_memory_reset_deletes_the_chosen_classes);
	TEST("memory-reset-tells-who-asked", test_memory_reset_tells_who_asked);
	TEST("notifications-are-listed-fetched-and-removed",
		test_notifications_are_listed_fetched_and_removed);
	TEST("a-full-list-loses-the-oldest", test_a_full_list_loses_the_oldest);
	TEST("a-consumer-card-is-managed-by-its-lpa", test_a_consumer_card_is_managed_by_its_lpa);
	return g_test_run();
}
