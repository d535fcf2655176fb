/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "asn1/der.h"

static void test_reader_is_bounded(void)
{
	static const struct {
		const char *hex;
		bool good;
	} cases[] = {
		{ "8000", true },
		{ "800101", true },
		{ "80810101", true },
		{ "80840000000101", true },
		{ "80", false },
		{ "", false },
		{ "8002 01", false },
		{ "8080 0000", false }, /* indefinite */
		{ "8085 0000000001 01", false },
		{ "8084 ffffffff 01", false },
		{ "bf51 00", true },
		{ "bf81 51 00", true },
		{ "bf8181 51 00", true },
		{ "bf818181 51 00", false },
		{ "bf", false },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GBytes) bytes = hex_decode(cases[i].hex, 64);
		g_autoptr(GError) error = NULL;
		Tlv tlv;

		g_assert_cmpint(der_single(span_of(bytes), &tlv, &error), ==, cases[i].good);
		g_assert_cmpint(error == NULL, ==, cases[i].good);
	}
}

static void test_integers_are_minimal(void)
{
	static const struct {
		int64_t value;
		const char *hex;
	} cases[] = {
		{ 0, "020100" },
		{ 127, "02017f" },
		{ 128, "02020080" },
		{ -1, "0201ff" },
		{ -128, "020180" },
		{ -129, "0202ff7f" },
		{ 0x7fffff, "02037fffff" },
		{ 0x800000, "020400800000" },
		{ INT64_MIN, "02088000000000000000" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GByteArray) out = g_byte_array_new();
		g_autofree char *hex = NULL;

		der_put_integer(out, 0x02, cases[i].value);
		hex = hex_encode(span_of_array(out));
		g_assert_cmpstr(hex, ==, cases[i].hex);
	}
}

static void test_lengths_are_minimal(void)
{
	static const size_t sizes[] = { 0, 127, 128, 255, 256, 65535, 65536 };
	static const size_t headers[] = { 2, 2, 3, 3, 4, 4, 5 };

	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		g_autoptr(GByteArray) out = g_byte_array_new();

		der_put_header(out, 0x80, sizes[i]);
		g_assert_cmpint(out->len, ==, headers[i]);
		g_assert_cmpint(der_announced_size(span_of_array(out)), ==, headers[i] + sizes[i]);
	}
}

static void test_oids_keep_large_arcs(void)
{
	g_autoptr(GBytes) oid = der_oid_from_text("2.999.10");
	g_autofree char *hex = hex_encode(span_of(oid)), *text = der_oid_to_text(span_of(oid));

	g_assert_cmpstr(hex, ==, "88370a");
	g_assert_cmpstr(text, ==, "2.999.10");
	g_assert_null(der_oid_from_text("3.1"));
	g_assert_null(der_oid_from_text("1.40"));
	g_assert_null(der_oid_from_text("1..2"));
	g_assert_null(der_oid_to_text(SPAN_LITERAL("\x88")));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/der/reader-is-bounded", test_reader_is_bounded);
	g_test_add_func("/der/integers-are-minimal", test_integers_are_minimal);
	g_test_add_func("/der/lengths-are-minimal", test_lengths_are_minimal);
	g_test_add_func("/der/oids-keep-large-arcs", test_oids_keep_large_arcs);
	return g_test_run();
}
