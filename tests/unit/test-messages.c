/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What holds for every message: each is tried on all the fixed bytes. */
#include <string.h>

#include "message-samples.h"
#include "strip.h"

static const MsgSamples all[] = { ALL_MESSAGE_SAMPLES };

typedef void (*SampleTest)(const MsgSample *sample, Span bytes);

static void for_each_sample(SampleTest test)
{
	for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
		for (size_t j = 0; j < *all[i].count; j++) {
			const MsgSample *sample = &all[i].samples[j];
			g_autoptr(GBytes) bytes = hex_decode(sample->hex, 65536);

			g_assert_nonnull(bytes);
			test(sample, span_of(bytes));
		}
	}
}

/* A failure must come with a reason, and a success without. */
static Msg *decode(const MsgType *type, Span input)
{
	g_autoptr(GError) error = NULL;
	Msg *msg = msg_decode(type, input, &error);

	g_assert_cmpint(msg == NULL, ==, error != NULL);
	if (error)
		g_assert_true(sgp32_error_is(error, SGP32_ERROR_INVALID_ARGUMENT));
	return msg;
}

static void assert_same(const MsgSample *sample, Span got, Span wanted)
{
	if (!span_equal(got, wanted)) {
		g_autofree char *hex = hex_encode(got);

		g_test_message("%s %s", sample->type->name, sample->hex);
		g_error("became %s", hex);
	}
}

/* Decoded from input, and encoded again from its members. */
static void assert_becomes(const MsgSample *sample, Span input, Span wanted)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Msg) msg = msg_decode(sample->type, input, &error);
	g_autoptr(GBytes) again = NULL;

	if (!msg)
		g_error("%s %s: %s", sample->type->name, sample->hex, error->message);
	strip_raw(sample->type, (void *)msg_body(msg));
	again = msg_encode(sample->type, msg_body(msg), &error);
	g_assert_no_error(error);
	assert_same(sample, span_of(again), wanted);
}

static GBytes *wrap(uint32_t tag, Span a, Span b, Span c)
{
	GByteArray *content = g_byte_array_new(), *out = g_byte_array_new();

	array_append_span(content, a);
	array_append_span(content, b);
	array_append_span(content, c);
	der_put_wrapped(out, tag, content);
	return g_byte_array_free_to_bytes(out);
}

static Tlv outer(Span bytes)
{
	g_autoptr(GError) error = NULL;
	Tlv tlv = { 0 };

	g_assert_true(der_single(bytes, &tlv, &error));
	g_assert_no_error(error);
	return tlv;
}

/* ---- */

static void text_shows(const MsgSample *sample, Span bytes)
{
	g_autoptr(Msg) msg = decode(sample->type, bytes);
	g_autofree char *text = NULL;
	g_auto(GStrv) parts = g_strsplit(sample->shows, "|", 0);
	const char *at;

	g_assert_nonnull(msg);
	g_assert_true(span_equal(msg_bytes(msg), bytes));
	text = msg_to_text(sample->type, msg_body(msg));
	at = text;
	for (char **part = parts; *part; part++) {
		const char *found = strstr(at, *part);

		if (!found)
			g_error("%s %s: no \"%s\" in\n%s", sample->type->name, sample->hex, *part,
				at);
		at = found;
	}
}

static void test_members_have_their_values(void)
{
	for_each_sample(text_shows);
}

static void relay(const MsgSample *sample, Span bytes)
{
	g_autoptr(Msg) msg = decode(sample->type, bytes);
	g_autoptr(GBytes) again = NULL;

	g_assert_nonnull(msg);
	again = msg_encode_own(sample->type, msg_body(msg));
	assert_same(sample, span_of(again), bytes);
}

static void test_as_received_they_are_sent_on(void)
{
	for_each_sample(relay);
}

static void rebuild(const MsgSample *sample, Span bytes)
{
	assert_becomes(sample, bytes, bytes);
}

static void test_from_their_members_they_are_the_same_bytes(void)
{
	for_each_sample(rebuild);
}

/* Psmo, Eco, EuiccResultData: what they do not understand is not an error. */
static bool takes_anything(const MsgType *type)
{
	const MsgField *last = type->n_fields ? &type->fields[type->n_fields - 1] : NULL;

	return last && last->kind == MSG_RAW && last->tag == 0;
}

static void cut(const MsgSample *sample, Span bytes)
{
	uint32_t tag = outer(bytes).tag;
	Span value = outer(bytes).value;

	for (size_t size = 0; size < bytes.size; size++) {
		g_autoptr(Msg) msg = decode(sample->type, span(bytes.data, size));

		g_assert_null(msg);
	}
	/* The same inside an outer length that is right: it may now lack something optional. */
	for (size_t size = 0; size < value.size; size++) {
		g_autoptr(GBytes) shorter =
			wrap(tag, span(value.data, size), (Span) { 0 }, (Span) { 0 });
		g_autoptr(Msg) msg = decode(sample->type, span_of(shorter));
		Span rest = span(value.data, size);
		Tlv child;
		bool whole = true;

		while (rest.size && (whole = der_next(&rest, &child, NULL)))
			continue;
		if (!whole)
			g_assert_cmpint(msg != NULL, ==, takes_anything(sample->type));
	}
}

static void test_cut_short_they_are_refused(void)
{
	for_each_sample(cut);
}

static void append_octet(const MsgSample *sample, Span bytes)
{
	g_autoptr(GByteArray) longer = g_byte_array_new();
	g_autoptr(Msg) msg = NULL;

	array_append_span(longer, bytes);
	array_append_span(longer, SPAN_LITERAL("\x00"));
	msg = decode(sample->type, span_of_array(longer));
	g_assert_null(msg);
}

static void test_nothing_may_follow_them(void)
{
	for_each_sample(append_octet);
}

static void long_length(const MsgSample *sample, Span bytes)
{
	Span value = outer(bytes).value;
	size_t tag_size = outer(bytes).tag > 0xff ? 2 : 1;
	g_autoptr(GByteArray) same = g_byte_array_new();
	uint8_t length[5] = { 0x84, value.size >> 24, value.size >> 16, value.size >> 8,
		value.size };

	array_append_span(same, span(bytes.data, tag_size));
	array_append_span(same, SPAN_ARRAY(length));
	array_append_span(same, value);
	assert_becomes(sample, span_of_array(same), bytes);
}

static void test_lengths_need_not_be_minimal(void)
{
	for_each_sample(long_length);
}

static void indefinite_length(const MsgSample *sample, Span bytes)
{
	Span value = outer(bytes).value;
	size_t tag_size = outer(bytes).tag > 0xff ? 2 : 1;
	g_autoptr(GByteArray) other = g_byte_array_new();
	g_autoptr(Msg) msg = NULL;

	array_append_span(other, span(bytes.data, tag_size));
	array_append_span(other, SPAN_LITERAL("\x80"));
	array_append_span(other, value);
	array_append_span(other, SPAN_LITERAL("\x00\x00"));
	msg = decode(sample->type, span_of_array(other));
	g_assert_null(msg);
}

static void test_indefinite_lengths_are_refused(void)
{
	for_each_sample(indefinite_length);
}

static bool is_sequence_of_different_tags(const MsgType *type, Span value)
{
	Tlv a, b;

	if (type->choice)
		return false;
	while (value.size && der_next(&value, &a, NULL))
		for (Span rest = value; rest.size && der_next(&rest, &b, NULL);)
			if (a.tag == b.tag)
				return false;
	return true;
}

static void twice(const MsgSample *sample, Span bytes)
{
	Tlv whole = outer(bytes), child;
	Span rest = whole.value;

	if (sample->type->choice)
		return;
	while (rest.size && der_next(&rest, &child, NULL)) {
		Span before = span(whole.value.data, child.whole.data - whole.value.data);
		Span after = span(child.whole.data, whole.value.size - before.size);
		g_autoptr(GBytes) doubled = wrap(whole.tag, before, child.whole, after);
		g_autoptr(Msg) msg = decode(sample->type, span_of(doubled));

		g_assert_null(msg);
	}
}

static void test_no_member_may_come_twice(void)
{
	for_each_sample(twice);
}

static void backwards(const MsgSample *sample, Span bytes)
{
	Tlv whole = outer(bytes), child;
	Span rest = whole.value;
	g_autoptr(GByteArray) turned = g_byte_array_new();
	g_autoptr(GBytes) message = NULL;

	if (!is_sequence_of_different_tags(sample->type, whole.value))
		return;
	while (rest.size && der_next(&rest, &child, NULL))
		g_byte_array_prepend(turned, child.whole.data, child.whole.size);
	message = wrap(whole.tag, span_of_array(turned), (Span) { 0 }, (Span) { 0 });
	assert_becomes(sample, span_of(message), bytes);
}

static void test_members_may_come_in_any_order(void)
{
	for_each_sample(backwards);
}

static void with_unknown(const MsgSample *sample, Span bytes)
{
	static const Span unknown = { (const uint8_t *)"\xdf\x7f\x02\x00\x01", 5 };
	Tlv whole = outer(bytes), child;
	Span rest = whole.value, before;

	if (sample->type->choice)
		return;
	do {
		g_autoptr(GBytes) more = NULL;

		before = span(whole.value.data, rest.data - whole.value.data);
		more = wrap(whole.tag, before, unknown, rest);
		assert_becomes(sample, span_of(more), bytes);
	} while (rest.size && der_next(&rest, &child, NULL));
}

static void test_unknown_members_are_skipped(void)
{
	for_each_sample(with_unknown);
}

static void other_tag(const MsgSample *sample, Span bytes)
{
	g_autoptr(GBytes) other = wrap(0xbf7e, outer(bytes).value, (Span) { 0 }, (Span) { 0 });
	g_autoptr(Msg) msg = decode(sample->type, span_of(other));

	g_assert_cmpint(msg != NULL, ==, takes_anything(sample->type));
}

static void test_another_tag_is_refused(void)
{
	for_each_sample(other_tag);
}

static void two_arms(const MsgSample *sample, Span bytes)
{
	Tlv whole = outer(bytes);
	g_autoptr(GBytes) both = NULL;
	g_autoptr(Msg) msg = NULL;

	if (!sample->type->choice || !sample->type->tag)
		return;
	both = wrap(whole.tag, whole.value, whole.value, (Span) { 0 });
	msg = decode(sample->type, span_of(both));
	g_assert_null(msg);
}

static void test_a_choice_has_one_alternative(void)
{
	for_each_sample(two_arms);
}

/* Every octet in turn is changed: no crash, and what can be read can be written and read again. */
static void change_octets(const MsgSample *sample, Span bytes)
{
	g_autofree uint8_t *copy = g_memdup2(bytes.data, bytes.size);
	static const uint8_t changes[] = { 0x01, 0x80, 0xff };

	for (size_t i = 0; i < bytes.size; i++) {
		for (size_t j = 0; j < G_N_ELEMENTS(changes); j++) {
			g_autoptr(Msg) msg = NULL;

			copy[i] = bytes.data[i] ^ changes[j];
			msg = decode(sample->type, span(copy, bytes.size));
			if (msg) {
				g_autoptr(GBytes) again = NULL;
				g_autoptr(Msg) second = NULL;

				strip_raw(sample->type, (void *)msg_body(msg));
				again = msg_encode_own(sample->type, msg_body(msg));
				second = decode(sample->type, span_of(again));
				g_assert_nonnull(second);
			}
		}
		copy[i] = bytes.data[i];
	}
}

static void test_a_changed_octet_is_read_or_refused(void)
{
	for_each_sample(change_octets);
}

static GHashTable *seen_fields; /* MsgField of tables that were present in a sample */

static void see(const MsgType *type, const void *body)
{
	for (size_t i = 0; i < type->n_fields; i++) {
		const MsgField *field = &type->fields[i];
		const void *member = (const uint8_t *)body + field->offset;
		const List *list = member;
		bool present = field->kind == MSG_NESTED ? *(void *const *)member != NULL
			: field->kind == MSG_LIST        ? list->items != NULL
			: field->kind == MSG_OCTETS || field->kind == MSG_UTF8 ||
				field->kind == MSG_OID || field->kind == MSG_RAW
			? ((const Span *)member)->data != NULL
			: ((const Num *)member)->present;

		if (!present)
			continue;
		g_hash_table_add(seen_fields, (void *)field);
		if (field->kind == MSG_NESTED)
			see(field->type, *(void *const *)member);
		if (field->kind == MSG_LIST && field->element->kind == MSG_NESTED)
			for (size_t j = 0; j < list->count; j++)
				see(field->element->type,
					(const uint8_t *)list->items +
						j * field->element->type->size);
	}
}

static void see_sample(const MsgSample *sample, Span bytes)
{
	g_autoptr(Msg) msg = decode(sample->type, bytes);

	see(sample->type, msg_body(msg));
}

static void assert_seen(const MsgType *type, GHashTable *visited)
{
	if (!g_hash_table_add(visited, (void *)type))
		return;
	for (size_t i = 0; i < type->n_fields; i++) {
		const MsgField *field = &type->fields[i];
		bool anything = field->kind == MSG_RAW && field->tag == 0;

		if (!anything && !g_hash_table_contains(seen_fields, field))
			g_error("no sample has %s of %s", field->name, type->name);
		if (field->kind == MSG_NESTED)
			assert_seen(field->type, visited);
		if (field->kind == MSG_LIST && field->element->kind == MSG_NESTED)
			assert_seen(field->element->type, visited);
	}
}

static void test_each_member_is_in_a_sample(void)
{
	g_autoptr(GHashTable) visited = g_hash_table_new(NULL, NULL);

	seen_fields = g_hash_table_new(NULL, NULL);
	for_each_sample(see_sample);
	for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
		for (size_t j = 0; j < *all[i].count; j++)
			assert_seen(all[i].samples[j].type, visited);
	g_test_message("%u members", g_hash_table_size(seen_fields));
	g_clear_pointer(&seen_fields, g_hash_table_unref);
}

/* The sizes that the specifications give, by the words that have one size everywhere. */
static const struct {
	const char *word;
	uint32_t min, max;
} sizes[] = {
	{ "eimId", 1, 128 },
	{ "eidValue", 16, 16 },
	{ "iccid", 10, 10 },
	{ "transactionId", 1, 16 },
	{ "eimTransactionId", 1, 16 },
	{ "euiccChallenge", 16, 16 },
	{ "serverChallenge", 16, 16 },
	{ "hashCc", 32, 32 },
	{ "isdpAid", 1, 16 },
	{ "aid", 5, 16 },
	{ "compactAid", 2, 2 },
	{ "profileNickname", 0, 64 },
	{ "serviceProviderName", 0, 32 },
	{ "profileName", 0, 64 },
	{ "icon", 0, 1024 },
	{ "mccMnc", 3, 3 },
	{ "rPLMN", 3, 3 },
	{ "tac", 4, 4 },
	{ "imei", 8, 8 },
	{ "svn", 3, 3 },
	{ "profileVersion", 3, 3 },
	{ "euiccFirmwareVer", 3, 3 },
	{ "ts102241Version", 3, 3 },
	{ "globalplatformVersion", 3, 3 },
	{ "ppVersion", 3, 3 },
	{ "highestSvn", 3, 3 },
	{ "gsmSupportedRelease", 3, 3 },
	{ "eutran5gcSupportedRelease", 3, 3 },
	{ "lpaSvn", 3, 3 },
	{ "naiSupport", 3, 3 },
	{ "sasAcreditationNumber", 0, 64 },
	{ "additionalEuiccInfo", 0, 32 },
	{ "activationCode", 0, 255 },
	{ "keyType", 1, 1 },
	{ "keyLen", 1, 1 },
	{ "hostId", 1, 16 },
};

static void check_sizes(const MsgType *type, GHashTable *visited, GHashTable *words)
{
	if (!g_hash_table_add(visited, (void *)type))
		return;
	for (size_t i = 0; i < type->n_fields; i++) {
		const MsgField *field = &type->fields[i];
		bool octets = field->kind == MSG_OCTETS || field->kind == MSG_UTF8;

		for (size_t j = 0; octets && j < G_N_ELEMENTS(sizes); j++) {
			if (strcmp(field->name, sizes[j].word) != 0)
				continue;
			g_hash_table_add(words, (void *)sizes[j].word);
			if (field->min != sizes[j].min || field->max != sizes[j].max)
				g_error("%s of %s: %u to %u", field->name, type->name, field->min,
					field->max);
		}
		/* Nothing that comes from outside is without a limit. */
		if (octets || field->kind == MSG_OID)
			g_assert_cmpint(field->max, >, 0);
		if (field->kind == MSG_NESTED)
			check_sizes(field->type, visited, words);
		if (field->kind == MSG_LIST && field->element->kind == MSG_NESTED)
			check_sizes(field->element->type, visited, words);
	}
}

static void test_sizes_are_those_of_the_specifications(void)
{
	g_autoptr(GHashTable) visited = g_hash_table_new(NULL, NULL);
	g_autoptr(GHashTable) words = g_hash_table_new(NULL, NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
		for (size_t j = 0; j < *all[i].count; j++)
			check_sizes(all[i].samples[j].type, visited, words);
	g_assert_cmpint(g_hash_table_size(words), ==, G_N_ELEMENTS(sizes));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define TEST(path, function) g_test_add_func("/messages/" path, function)
	TEST("members-have-their-values", test_members_have_their_values);
	TEST("as-received-they-are-sent-on", test_as_received_they_are_sent_on);
	TEST("from-their-members-they-are-the-same-bytes",
		test_from_their_members_they_are_the_same_bytes);
	TEST("cut-short-they-are-refused", test_cut_short_they_are_refused);
	TEST("nothing-may-follow-them", test_nothing_may_follow_them);
	TEST("lengths-need-not-be-minimal", test_lengths_need_not_be_minimal);
	TEST("indefinite-lengths-are-refused", test_indefinite_lengths_are_refused);
	TEST("no-member-may-come-twice", test_no_member_may_come_twice);
	TEST("members-may-come-in-any-order", test_members_may_come_in_any_order);
	TEST("unknown-members-are-skipped", test_unknown_members_are_skipped);
	TEST("another-tag-is-refused", test_another_tag_is_refused);
	TEST("a-choice-has-one-alternative", test_a_choice_has_one_alternative);
	TEST("a-changed-octet-is-read-or-refused", test_a_changed_octet_is_read_or_refused);
	TEST("each-member-is-in-a-sample", test_each_member_is_in_a_sample);
	TEST("sizes-are-those-of-the-specifications", test_sizes_are_those_of_the_specifications);
	return g_test_run();
}
