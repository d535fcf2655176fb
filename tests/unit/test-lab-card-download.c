/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Downloads: whom the card believes, what it installs, how it says why not (digest 3.4 to 3.10, 7.4, 8). */
#include "card/server.h"

#include <string.h>

#include "asn1/der.h"

#define OP "8988000000000000011"
#define OP_BCD "988800000000000010f1"

static void test_a_profile_is_installed(void)
{
	static const struct {
		const char *ci;
		bool ppk;
		size_t size;
	} cases[] = { { "nist", false, 3000 }, { "nist", true, 60000 }, { "brainpool", true, 5000 },
		{ "brainpool", false, 10 } };

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(Host) host = host_new(NULL);
		g_auto(Server) server = { .ci = cases[i].ci,
			.ppk = cases[i].ppk,
			.size = cases[i].size,
			.metadata = SERVER_METADATA(OP_BCD) };
		g_autoptr(GBytes) pir = server_download(&server, host), list = NULL;
		Tlv whole, data, field, notifications, first;

		g_assert_nonnull(pir);
		if (i < 2)
			g_assert_cmphex(server_pir(host, pir), ==, 0);
		g_assert_true(der_single(span_of(pir), &whole, NULL));
		g_assert_true(der_find(whole.value, 0xbf27, &data));
		g_assert_true(der_find(data.value, 0xbf2f, &field));
		assert_span_hex(field.value, "800101 81020780 0c07736d64702e6578 5a0a" OP_BCD);
		g_assert_true(der_find(data.value, 0xa2, &field));
		assert_span_hex(field.value,
			"a01d 4f10a0000005591010ffffffff890000110004093007a0053003800100");
		host_es10_expect(
			host, "BF2D11A00C5A0A" OP_BCD "5C015A", "bf2d10a00ee30c5a0a" OP_BCD);
		/* It is a notification, and there is one to the receiver in the metadata. */
		list = host_es10_hex(host, "BF2B00");
		g_assert_true(der_single(span_of(list), &whole, NULL));
		g_assert_true(der_find(whole.value, 0xa0, &notifications));
		g_assert_true(der_next(&notifications.value, &first, NULL));
		g_assert_true(span_equal(first.whole, span_of(pir)));
		g_assert_true(der_single(notifications.value, &first, NULL));
		g_assert_cmphex(first.tag, ==, 0x30);
		g_assert_cmpstr(host_enabled(host), ==, BOOTSTRAP);
	}
}

static void test_the_same_profile_is_not_installed_twice(void)
{
	g_autoptr(Host) host = host_new(NULL);
	g_auto(Server) first = { .size = 100, .metadata = SERVER_METADATA(OP_BCD) };
	g_auto(Server) second = { .size = 100, .metadata = SERVER_METADATA(OP_BCD) };
	g_autoptr(GBytes) one = server_download(&first, host), two = server_download(&second, host);

	g_assert_cmphex(server_pir(host, one), ==, 0);
	g_assert_cmphex(server_pir(host, two), ==, 0x0209);
}

static void test_servers_that_are_not_believed(void)
{
	static const struct {
		Server server;
		int authenticate, prepare;
	} cases[] = {
		{ { .bad_signature1 = true }, 2, 4 },
		{ { .bad_challenge = true }, 6, 4 },
		{ { .auth = "dppb" }, 1, 4 },
		{ { .auth = "dptls" }, 1, 4 },
		{ { .auth = "dsauth" }, 0, 4 },
		{ { .bad_transaction = true }, 0, 5 },
		{ { .pb = "dpauth" }, 0, 1 },
		{ { .bad_signature2 = true }, 0, 2 },
		{ { .metadata = NULL }, 0, 0 },
	};
	g_autoptr(Host) host = host_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_auto(Server) server = cases[i].server;
		g_autoptr(GBytes) first = NULL, second = NULL;

		g_bytes_unref(server_challenge(&server, host));
		first = server_authenticate(&server, host);
		g_assert_cmpint(server_code(first), ==, cases[i].authenticate);
		second = server_prepare(&server, host);
		g_assert_cmpint(server_code(second), ==, cases[i].prepare);
	}
	host_es10_expect(host, "BF2B00", "BF2B02A000");
}

static void test_certificates_that_are_wrong_in_one_thing(void)
{
	static const struct {
		const char *name;
		int authenticate, prepare;
	} cases[] = {
		{ "dpauth-pb-policy", 1, 4 },
		{ "dpauth-wrong-curve", 3, 4 },
		{ "dpauth-corrupt-signature", 1, 4 },
		{ "unknown-ci", 7, 4 },
		{ "dppb-other-oid", 0, 1 },
	};
	g_autoptr(Host) host = host_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *pki = host_pki_negative(cases[i].name);
		g_auto(Server) server = { .pki = pki };
		g_autoptr(GBytes) first = NULL, second = NULL;

		g_bytes_unref(server_challenge(&server, host));
		first = server_authenticate(&server, host);
		g_assert_cmpint(server_code(first), ==, cases[i].authenticate);
		second = server_prepare(&server, host);
		g_assert_cmpint(server_code(second), ==, cases[i].prepare);
	}
}

static void test_a_challenge_is_good_for_one_session(void)
{
	g_autoptr(Host) host = host_new(NULL);
	g_auto(Server) server = { .size = 10 };
	g_autoptr(GBytes) none = NULL, first = NULL, again = NULL, reset = NULL;

	server.challenge = g_bytes_new("0123456789abcdef", 16);
	none = server_authenticate(&server, host);
	g_assert_cmpint(server_code(none), ==, 4);
	g_bytes_unref(server_challenge(&server, host));
	first = server_authenticate(&server, host);
	g_assert_cmpint(server_code(first), ==, 0);
	again = server_authenticate(&server, host);
	g_assert_cmpint(server_code(again), ==, 4);
	host_reset(host);
	reset = server_authenticate(&server, host);
	g_assert_cmpint(server_code(reset), ==, 4);
}

static void prepare(Server *server, Host *host)
{
	g_bytes_unref(server_challenge(server, host));
	g_bytes_unref(server_authenticate(server, host));
	g_bytes_unref(server_prepare(server, host));
	g_assert_nonnull(server->card_point);
}

static void test_a_one_time_key_is_kept_for_the_package_bound_to_it(void)
{
	g_autoptr(Host) host = host_new(NULL);
	g_auto(Server) first = { .size = 10 };
	g_auto(Server) other = { .size = 10 };
	g_auto(Server) again = { .size = 10, .metadata = SERVER_METADATA(OP_BCD) };
	g_auto(Server) late = { .size = 10 };
	g_autoptr(GBytes) pir = NULL;

	prepare(&first, host);
	prepare(&other, host);
	g_assert_false(span_equal(span_of(first.card_point), span_of(other.card_point)));
	host_reopen(host);
	again.bound_to = first.card_point;
	prepare(&again, host);
	g_assert_true(span_equal(span_of(first.card_point), span_of(again.card_point)));
	pir = server_load(&again, host);
	g_assert_cmphex(server_pir(host, pir), ==, 0);
	/* Used up with the package. */
	late.bound_to = first.card_point;
	prepare(&late, host);
	g_assert_false(span_equal(span_of(first.card_point), span_of(late.card_point)));
}

static void test_the_card_signs_what_it_is(void)
{
	g_autoptr(Host) host = host_new(NULL);
	g_auto(Server) server = { .size = 10 };
	g_autoptr(GBytes) answer = NULL, info2 = NULL;
	Tlv whole, arm, data, signature, field;

	g_bytes_unref(server_challenge(&server, host));
	info2 = host_es10_hex(host, "BF2200");
	answer = server_authenticate(&server, host);
	g_assert_true(der_single(span_of(answer), &whole, NULL));
	g_assert_true(der_find(whole.value, 0xa0, &arm));
	g_assert_true(der_find(arm.value, 0x30, &data));
	g_assert_true(der_find(arm.value, 0x5f37, &signature));
	host_check_signature(host, data.whole, -1, signature.value);
	g_assert_true(der_find(data.value, 0xbf22, &field));
	g_assert_true(span_equal(field.whole, span_of(info2)));
	g_assert_true(der_find(data.value, 0xa0, &field));
	assert_span_hex(field.whole, "a012800141a10d800411223344a10585030f0000");
}

static void test_packages_that_fail_say_why(void)
{
	static const struct {
		Server server;
		int result;
	} cases[] = {
		{ { .bad_bpp_signature = true }, 0x0002 },
		{ { .key_type = 0x80 }, 0x0004 },
		{ { .operation = 2 }, 0x0005 },
		{ { .damaged = 1 }, 0x0108 },
		{ { .damaged = 2 }, 0x0208 },
		{ { .damaged = 3, .ppk = true }, 0x0408 },
		{ { .damaged = 4, .ppk = true, .size = 3000 }, 0x0508 },
		{ { .damaged = 3, .size = 3000 }, 0x0508 },
		{ { .metadata = "5a0a" OP_BCD "91025350" }, 0x0201 },
		{ { .metadata = SERVER_METADATA(OP_BCD) "950107" }, 0x0206 },
		{ { .metadata = SERVER_METADATA(BOOTSTRAP_BCD) }, 0x0209 },
		{ { .metadata = SERVER_METADATA(OP_BCD) "99020410" }, 0x020f },
		{ { .metadata = SERVER_METADATA(OP_BCD), .size = 5 << 20 }, 0x050a },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(Host) host = host_new(NULL);
		g_auto(Server) server = cases[i].server;
		g_autoptr(GBytes) pir = NULL, cancel = NULL, list = NULL;
		g_autofree char *stored = NULL, *expected = NULL;

		if (!server.metadata)
			server.metadata = SERVER_METADATA(OP_BCD);
		pir = server_download(&server, host);
		g_assert_cmphex(server_pir(host, pir), ==, cases[i].result);
		/* It is kept to be delivered, nothing is installed, and the session is over. */
		list = host_es10_hex(host, "BF2B00");
		stored = hex_encode(span_of(list));
		expected = hex_encode(span_of(pir));
		g_assert_nonnull(strstr(stored, expected));
		host_es10_expect(host, "BF2D035C015A", "bf2d10a00ee30c5a0a" BOOTSTRAP_BCD);
		host_es10_expect(host, "BF4109800411223344810105", "bf4103810105");
	}
}

static void test_a_package_broken_off_leaves_a_result(void)
{
	g_autoptr(Host) host = host_new(NULL);
	g_auto(Server) server = { .size = 3000, .metadata = SERVER_METADATA(OP_BCD) };
	g_autoptr(GPtrArray) chains = NULL;
	g_autoptr(GBytes) list = NULL;
	Tlv whole, notifications, pir;

	g_bytes_unref(server_challenge(&server, host));
	g_bytes_unref(server_authenticate(&server, host));
	g_bytes_unref(server_prepare(&server, host));
	chains = server_package(&server);
	for (unsigned i = 0; i + 1 < chains->len; i++) {
		g_autoptr(GBytes) answer = host_es10(host, span_of(chains->pdata[i]));

		g_assert_cmphex(host->sw, ==, 0x9000);
		g_assert_cmpuint(g_bytes_get_size(answer), ==, 0);
	}
	list = host_es10_hex(host, "BF2B00");
	g_assert_true(der_single(span_of(list), &whole, NULL));
	g_assert_true(der_find(whole.value, 0xa0, &notifications));
	g_assert_true(der_single(notifications.value, &pir, NULL));
	g_autoptr(GBytes) bytes = span_to_bytes(pir.whole);

	g_assert_cmphex(server_pir(host, bytes), ==, 0x050b);
	/* The rest is of no package any more. */
	g_bytes_unref(host_es10(host, span_of(chains->pdata[chains->len - 1])));
	g_assert_cmphex(host->sw, ==, 0x6a80);
}

static void test_a_reset_leaves_nothing_of_a_package(void)
{
	g_autoptr(Host) host = host_new(NULL);
	g_auto(Server) server = { .size = 3000, .metadata = SERVER_METADATA(OP_BCD) };
	g_autoptr(GPtrArray) chains = NULL;

	g_bytes_unref(server_challenge(&server, host));
	g_bytes_unref(server_authenticate(&server, host));
	g_bytes_unref(server_prepare(&server, host));
	chains = server_package(&server);
	for (unsigned i = 0; i < 5; i++)
		g_bytes_unref(host_es10(host, span_of(chains->pdata[i])));
	host_reset(host);
	host_es10_expect(host, "BF2B00", "BF2B02A000");
	host_es10_expect(host, "BF2D035C015A", "bf2d10a00ee30c5a0a" BOOTSTRAP_BCD);
	g_bytes_unref(host_es10(host, span_of(chains->pdata[0])));
	g_assert_cmphex(host->sw, ==, 0x6985);
}

static void test_packages_out_of_order_are_refused(void)
{
	for (unsigned missing = 1; missing < 5; missing++) {
		g_autoptr(Host) host = host_new(NULL);
		g_auto(Server) server = { .size = 3000, .metadata = SERVER_METADATA(OP_BCD) };
		g_autoptr(GPtrArray) chains = NULL;
		g_autoptr(GBytes) answer = NULL;

		g_bytes_unref(server_challenge(&server, host));
		g_bytes_unref(server_authenticate(&server, host));
		g_bytes_unref(server_prepare(&server, host));
		chains = server_package(&server);
		g_ptr_array_remove_index(chains, missing);
		for (unsigned i = 0; i < chains->len && !answer; i++) {
			answer = host_es10(host, span_of(chains->pdata[i]));
			g_assert_cmphex(host->sw, ==, 0x9000);
			if (!g_bytes_get_size(answer))
				g_clear_pointer(&answer, g_bytes_unref);
		}
		g_assert_cmphex(server_pir(host, answer) & 0xff, ==, 7);
	}
}

static void test_sessions_are_cancelled_with_a_signature(void)
{
	g_autoptr(Host) host = host_new(NULL);
	g_auto(Server) server = { .size = 10 };
	g_autoptr(GBytes) answer = NULL;
	Tlv whole, arm, data, signature;

	host_es10_expect(host, "BF4109800411223344810103", "bf4103810105");
	g_bytes_unref(server_challenge(&server, host));
	g_bytes_unref(server_authenticate(&server, host));
	host_es10_expect(host, "BF4109800411223345810103", "bf4103810105");
	answer = host_es10_hex(host, "BF4109800411223344810103");
	g_assert_true(der_single(span_of(answer), &whole, NULL));
	g_assert_true(der_find(whole.value, 0xa0, &arm));
	g_assert_true(der_find(arm.value, 0x30, &data));
	g_assert_true(der_find(arm.value, 0x5f37, &signature));
	assert_span_hex(data.value, "800411223344 810388370a 820103");
	host_check_signature(host, data.whole, -1, signature.value);
	host_es10_expect(host, "BF4109800411223344810103", "bf4103810105");
}

static void test_immediate_enabling_after_an_installation(void)
{
	static const struct {
		const char *configuration;
		int code;
	} cases[] = {
		{ "BF5900", 1 },
		{ "BF59028000", 0 },
		{ "BF590B80008207736d64702e6578", 0 },
		{ "BF590B80008207534d44502e4558", 0 },
		{ "BF590B80008207736d64702e6579", 1 },
		{ "BF59078000810388370a", 0 },
		{ "BF59078000810388370b", 1 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(Host) host = host_new(NULL);
		g_auto(Server) server = { .size = 10, .metadata = SERVER_METADATA(OP_BCD) };
		g_autofree char *answer = g_strdup_printf("BF5A038001%02x", cases[i].code);

		host_es10_expect(host, cases[i].configuration, "BF5903800100");
		host_es10_expect(host, "BF5A038001FF", "BF5A03800104");
		g_bytes_unref(server_download(&server, host));
		host_es10_expect(host, "BF5A038001FF", answer);
		host_reset(host);
		g_assert_cmpstr(host_enabled(host), ==, cases[i].code ? BOOTSTRAP : OP);
		host_es10_expect(host, "BF5A038001FF", "BF5A03800104");
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define TEST(name, function) g_test_add_func("/lab-card/download/" name, function)
	TEST("a-profile-is-installed", test_a_profile_is_installed);
	TEST("the-same-profile-is-not-installed-twice",
		test_the_same_profile_is_not_installed_twice);
	TEST("servers-that-are-not-believed", test_servers_that_are_not_believed);
	TEST("certificates-that-are-wrong-in-one-thing",
		test_certificates_that_are_wrong_in_one_thing);
	TEST("a-challenge-is-good-for-one-session", test_a_challenge_is_good_for_one_session);
	TEST("a-one-time-key-is-kept-for-the-package-bound-to-it",
		test_a_one_time_key_is_kept_for_the_package_bound_to_it);
	TEST("the-card-signs-what-it-is", test_the_card_signs_what_it_is);
	TEST("packages-that-fail-say-why", test_packages_that_fail_say_why);
	TEST("a-package-broken-off-leaves-a-result", test_a_package_broken_off_leaves_a_result);
	TEST("a-reset-leaves-nothing-of-a-package", test_a_reset_leaves_nothing_of_a_package);
	TEST("packages-out-of-order-are-refused", test_packages_out_of_order_are_refused);
	TEST("sessions-are-cancelled-with-a-signature",
		test_sessions_are_cancelled_with_a_signature);
	TEST("immediate-enabling-after-an-installation",
		test_immediate_enabling_after_an_installation);
	return g_test_run();
}
