/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The reader and the writer of messages, on small tables made for it. */
#include <string.h>

#include "asn1/table.h"
#include "strip.h"

typedef struct Nest { /* contains itself */
	const struct Nest *inner;
	Num leaf;
} Nest;

static const MsgType NEST;
static const MsgField nest[] = {
	NESTED(Nest, inner, "inner", 0xa0, NEST, OPTIONAL),
	INTEGER(Nest, leaf, "leaf", 0x80, OPTIONAL),
};
static const MsgType NEST = SEQUENCE(Nest, 0x30, nest);

typedef struct Command { /* CHOICE */
	Num number;
	const Nest *nested;
	Span unknown;
} Command;

static const MsgField command[] = {
	INTEGER(Command, number, "number", 0x81),
	NESTED(Command, nested, "nested", 0xa2, NEST),
	RAW(Command, unknown, "unknown", 0, 0),
};
static const MsgType COMMAND = CHOICE(Command, 0, command);
static const MsgField command_item = { .kind = MSG_NESTED, .type = &COMMAND };

typedef struct Inner { /* kept */
	Span raw;
	Num value;
} Inner;

static const MsgField inner[] = {
	INTEGER(Inner, value, "value", 0x80),
};
static const MsgType INNER = SEQUENCE_KEPT(Inner, 0x30, inner);

typedef struct Many {
	Span text, octets, oid, any;
	Num flag, bits, number, class;
	List numbers;
	List commands;
	const Inner *inner;
} Many;

static const MsgField number_item = { .tag = 0x02, .kind = MSG_INTEGER };
static const MsgField many[] = {
	TEXT(Many, text, "text", 0x80, 1, 8, OPTIONAL),
	OCTETS(Many, octets, "octets", 0x81, 2, 3, OPTIONAL),
	OID(Many, oid, "oid", 0x06, OPTIONAL),
	RAW(Many, any, "any", 0xbf7d, 8, OPTIONAL),
	BOOLEAN(Many, flag, "flag", 0x82, OPTIONAL, ALSO(0x01)),
	BITS(Many, bits, "bits", 0x83, OPTIONAL),
	INTEGER(Many, number, "number", 0x84, OPTIONAL),
	INTEGER(Many, class, "class", 0x85, DEFAULT(2)),
	LIST(Many, numbers, "numbers", 0xa6, number_item, OPTIONAL, .min = 1, AT_MOST(3)),
	LIST(Many, commands, "commands", 0xa7, command_item, OPTIONAL),
	NESTED(Many, inner, "inner", 0xa8, INNER, OPTIONAL),
};
static const MsgType MANY = SEQUENCE(Many, 0x30, many);

static Msg *decode_hex(const MsgType *type, const char *hex, GError **error)
{
	g_autoptr(GBytes) bytes = hex_decode(hex, 4096);

	g_assert_nonnull(bytes);
	return msg_decode(type, span_of(bytes), error);
}

/* hex is decoded, and encoded from its members it is wanted. */
static void assert_becomes(const MsgType *type, const char *hex, const char *wanted)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Msg) msg = decode_hex(type, hex, &error);
	g_autoptr(GBytes) bytes = NULL;
	g_autofree char *got = NULL;

	g_assert_no_error(error);
	strip_raw(type, (void *)msg_body(msg));
	bytes = msg_encode_own(type, msg_body(msg));
	got = hex_encode(span_of(bytes));
	g_assert_cmpstr(got, ==, wanted);
}

static void assert_refused(const MsgType *type, const char *hex, const char *reason)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Msg) msg = decode_hex(type, hex, &error);

	g_assert_null(msg);
	g_assert_true(sgp32_error_is(error, SGP32_ERROR_INVALID_ARGUMENT));
	if (!strstr(error->message, reason))
		g_error("%s: \"%s\" does not say \"%s\"", hex, error->message, reason);
}

static void assert_unwritable(const MsgType *type, const void *body, const char *reason)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) bytes = msg_encode(type, body, &error);

	g_assert_null(bytes);
	g_assert_true(sgp32_error_is(error, SGP32_ERROR_INVALID_ARGUMENT));
	if (!strstr(error->message, reason))
		g_error("\"%s\" does not say \"%s\"", error->message, reason);
}

static GByteArray *nested_deeply(unsigned depth)
{
	GByteArray *out = g_byte_array_new();

	der_put_integer(out, 0x80, 1);
	for (unsigned i = 0; i <= depth; i++) {
		GByteArray *outer = g_byte_array_new();

		der_put_wrapped(outer, i == depth ? 0x30 : 0xa0, out);
		out = outer;
	}
	return out;
}

static void test_depth_is_bounded(void)
{
	Nest bodies[MSG_DEPTH_MAX + 2] = { 0 };

	for (unsigned depth = 0; depth < 200; depth++) {
		g_autoptr(GByteArray) bytes = nested_deeply(depth);
		g_autoptr(GError) error = NULL;
		g_autoptr(Msg) msg = msg_decode(&NEST, span_of_array(bytes), &error);

		g_assert_cmpint(msg != NULL, ==, depth <= MSG_DEPTH_MAX);
		if (!msg)
			g_assert_nonnull(strstr(error->message, "too deeply"));
	}
	for (size_t i = 1; i < G_N_ELEMENTS(bodies); i++)
		bodies[i].inner = &bodies[i - 1];
	assert_unwritable(&NEST, &bodies[MSG_DEPTH_MAX + 1], "too deeply");
	g_bytes_unref(msg_encode_own(&NEST, &bodies[MSG_DEPTH_MAX]));
}

static void test_integers_booleans_and_bits_are_made_minimal(void)
{
	assert_becomes(&MANY, "3004 84020005", "3003840105");
	assert_becomes(&MANY, "300a 84080000000000800000", "3006840400800000");
	assert_becomes(&MANY, "3004 8402ffff", "30038401ff");
	assert_becomes(&MANY, "3003 820101", "30038201ff");
	assert_becomes(&MANY, "3003 0101ff", "30038201ff");
	assert_becomes(&MANY, "3005 83030080 00", "300483020780");
	assert_becomes(&MANY, "3004 83020080", "300483020780");
	assert_becomes(&MANY, "3004 830206ff", "3004830206c0");
	assert_becomes(&MANY, "3003 830100", "3003830100");
	assert_becomes(&MANY, "300a 8308 00ffffffffffffff", "300a830800ffffffffffffff");
	/* Bits that there is no room for are not known, so they are left out. */
	assert_becomes(&MANY, "300b 8309 00ffffffffffffffff", "300a830800ffffffffffffff");
}

static void test_malformed_values_are_refused(void)
{
	assert_refused(&MANY, "3002 8400", "number: integer of 0 octets");
	assert_refused(&MANY, "300b 8409000000000000000001", "number: integer of 9 octets");
	assert_refused(&MANY, "3002 8200", "flag: malformed boolean");
	assert_refused(&MANY, "3004 82020101", "flag: malformed boolean");
	assert_refused(&MANY, "3002 8300", "bits: malformed");
	assert_refused(&MANY, "3003 830101", "bits: malformed");
	assert_refused(&MANY, "3004 83020880", "bits: malformed");
	assert_refused(&MANY, "3003 8001ff", "text: not UTF-8");
	assert_refused(&MANY, "3003 800100", "text: not UTF-8");
	assert_refused(&MANY, "3002 0600", "oid: 0 octets");
	assert_refused(&MANY, "3002 8000", "text: 0 octets, 1 to 8");
	assert_refused(&MANY, "3005 8004414243", "announces");
	assert_refused(&MANY, "300b 8009414141414141414141", "text: 9 octets");
	assert_refused(&MANY, "3003 810100", "octets: 1 octets, 2 to 3");
	assert_refused(&MANY, "3006 810400000000", "octets: 4 octets");
	assert_refused(&MANY, "300a bf7d07 00000000000000", "any: 10 octets, at most 8");
	assert_refused(&MANY, "3002 a600", "numbers: 0 elements");
	assert_refused(&MANY, "300e a60c 020101020102020103020104", "numbers: more than 3");
	assert_refused(&MANY, "3005 a6030200 01", "numbers: ");
	assert_refused(&MANY, "3006 840101 840102", "number: twice");
	assert_refused(&MANY, "3006 820101 0101ff", "flag: twice");
}

static void test_a_default_is_never_sent(void)
{
	Many body = { .class = NUM(2) };
	g_autoptr(GBytes) bytes = msg_encode_own(&MANY, &body);

	g_assert_true(span_equal(span_of(bytes), SPAN_LITERAL("\x30\x00")));
	assert_becomes(&MANY, "3003 850102", "3000");
	assert_becomes(&MANY, "3003 850101", "3003850101");
}

static void test_unknown_and_damaged_commands_keep_their_place(void)
{
	/* number 1; nested, damaged; unknown; nested; number of no octets */
	static const char hex[] = "3014a712 810101 a2028001 99020105 a203800107 8100";
	g_autoptr(GError) error = NULL;
	g_autoptr(Msg) msg = NULL;
	const Many *body;
	const Command *item;

	msg = decode_hex(&MANY, hex, &error);
	g_assert_no_error(error);
	body = MSG_BODY(msg, Many);
	g_assert_cmpint(body->commands.count, ==, 5);
	item = LIST_AT(body->commands, Command, 0);
	g_assert_cmpint(item->number.value, ==, 1);
	item = LIST_AT(body->commands, Command, 1);
	g_assert_null(item->nested);
	g_assert_true(span_equal(item->unknown, SPAN_LITERAL("\xa2\x02\x80\x01")));
	item = LIST_AT(body->commands, Command, 2);
	g_assert_true(span_equal(item->unknown, SPAN_LITERAL("\x99\x02\x01\x05")));
	item = LIST_AT(body->commands, Command, 3);
	g_assert_cmpint(item->nested->leaf.value, ==, 7);
	item = LIST_AT(body->commands, Command, 4);
	g_assert_false(item->number.present);
	g_assert_true(span_equal(item->unknown, SPAN_LITERAL("\x81\x00")));
	assert_becomes(&MANY, hex, "3014a712810101a202800199020105a2038001078100");
	/* But a list that is itself cut short is refused. */
	assert_refused(&MANY, "3006a704 81010199", "commands: truncated");
}

static void test_what_was_signed_stays_as_received(void)
{
	/* In A8, with a length and an integer that are not minimal, and an unknown member. */
	static const char hex[] = "300c a8810980 8103000005 990100";
	g_autoptr(GError) error = NULL;
	g_autoptr(Msg) msg = decode_hex(&MANY, hex, &error);
	g_autoptr(GBytes) again = NULL, alone = NULL;
	const Many *body;

	g_assert_no_error(error);
	body = MSG_BODY(msg, Many);
	g_assert_cmpint(body->inner->value.value, ==, 5);
	g_assert_true(span_equal(body->inner->raw,
		SPAN_LITERAL("\xa8\x81\x09\x80\x81\x03\x00\x00\x05\x99\x01\x00")));
	again = msg_encode_own(&MANY, body);
	g_assert_true(span_equal(span_of(again), msg_bytes(msg)));
	/* Under its own tag, the contents are still the same octets. */
	alone = msg_encode_own(&INNER, body->inner);
	g_assert_true(span_equal(
		span_of(alone), SPAN_LITERAL("\x30\x09\x80\x81\x03\x00\x00\x05\x99\x01\x00")));
	assert_becomes(&MANY, hex, "3005a803800105");
}

static void test_the_writer_refuses_what_the_reader_would(void)
{
	static const Inner no_value = { 0 }, cut = { .raw = { (const uint8_t *)"\x30\x01", 2 } };
	static const Nest empty = { 0 };
	static const Num four[] = { NUM(1), NUM(2), NUM(3), NUM(4) };
	static const Command none = { 0 }, both = { .number = NUM(1), .nested = &empty };
	static const struct {
		Many body;
		const char *reason;
	} cases[] = {
		{ { .text = SPAN_LITERAL("") }, "text: 0 octets" },
		{ { .text = SPAN_LITERAL("123456789") }, "text: 9 octets" },
		{ { .text = SPAN_LITERAL("\xff") }, "text: not UTF-8" },
		{ { .octets = SPAN_LITERAL("1") }, "octets: 1 octets" },
		{ { .oid = SPAN_LITERAL("") }, "oid: 0 octets" },
		{ { .any = SPAN_LITERAL("\x30\x00") }, "any: tag 30 in place of BF7D" },
		{ { .any = SPAN_LITERAL("\xbf\x7d\x01") }, "any: " },
		{ { .any = SPAN_LITERAL("\xbf\x7d\x06"
					"123456") },
			"any: 9 octets" },
		{ { .numbers = LIST_EMPTY }, "numbers: 0 elements" },
		{ { .numbers = { 4, four } }, "numbers: 4 elements" },
		{ { .commands = { 1, &none } }, "commands: [0]: no alternative" },
		{ { .commands = { 1, &both } }, "commands: [0]: nested: second alternative" },
		{ { .inner = &no_value }, "inner: value: missing" },
		{ { .inner = &cut }, "inner: " },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		assert_unwritable(&MANY, &cases[i].body, cases[i].reason);
}

static void test_text_is_safe_to_print(void)
{
	Many body = {
		.text = SPAN_LITERAL("a\x1b[2J\\"),
		.octets = SPAN_LITERAL("\x01\x02"),
		.oid = SPAN_LITERAL("\x88\x37\x0a"),
		.bits = NUM(0x5),
		.flag = NUM(0),
	};
	g_autofree char *text = msg_to_text(&MANY, &body);

	g_assert_cmpstr(text, ==,
		"Many:\n  text: a\\u{1b}[2J\\u{5c}\n  octets: 0102\n  oid: 2.999.10\n  flag: false\n"
		"  bits: 0 2\n");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/msg/depth-is-bounded", test_depth_is_bounded);
	g_test_add_func("/msg/integers-booleans-and-bits-are-made-minimal",
		test_integers_booleans_and_bits_are_made_minimal);
	g_test_add_func("/msg/malformed-values-are-refused", test_malformed_values_are_refused);
	g_test_add_func("/msg/a-default-is-never-sent", test_a_default_is_never_sent);
	g_test_add_func("/msg/unknown-and-damaged-commands-keep-their-place",
		test_unknown_and_damaged_commands_keep_their_place);
	g_test_add_func(
		"/msg/what-was-signed-stays-as-received", test_what_was_signed_stays_as_received);
	g_test_add_func("/msg/the-writer-refuses-what-the-reader-would",
		test_the_writer_refuses_what_the_reader_would);
	g_test_add_func("/msg/text-is-safe-to-print", test_text_is_safe_to_print);
	return g_test_run();
}
