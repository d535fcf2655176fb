/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The session with the ISD-R, APDU by APDU. */
#include <string.h>

#include "card-script.h"

#define EID_COMMAND SPAN_LITERAL("\xbf\x3e\x03\x5c\x01\x5a")
#define EID_LINE "81e2910006bf3e035c015a > "
#define EID_ANSWER "bf3e035a0101"

/* A command over the lines; error name, or NULL for success. */
static GBytes *command(Isdr *isdr, Span tlv, IsdrMode mode, const char *name)
{
	g_autoptr(GError) error = NULL;
	GBytes *answer = NULL;
	bool ok = isdr_command(isdr, tlv, mode, &answer, &error);

	if (name) {
		g_assert_false(ok);
		g_assert_cmpstr(sgp32_error_name(error), ==, name);
	} else {
		g_assert_no_error(error);
		g_assert_true(ok);
	}
	return answer;
}

static void check_hex(GBytes *bytes, const char *hex)
{
	g_autofree char *got = hex_encode(span_of(bytes));

	g_assert_cmpstr(got, ==, hex);
}

/* One command, fresh session; the channel is closed in the end if close is true. */
static void run_lines(
	const char *const *lines, Span tlv, IsdrMode mode, const char *name, const char *answer)
{
	CardScript script;
	Isdr *isdr;
	g_autoptr(GBytes) got = NULL;

	card_script_init(&script, lines);
	isdr = card_script_isdr(&script);
	isdr_set_cancel(isdr, script.cancel);
	got = command(isdr, tlv, mode, name);
	if (answer)
		check_hex(got, answer);
	isdr_free(isdr);
	card_script_done(&script);
	card_script_clear(&script);
}
#define RUN(tlv, mode, name, answer, ...)                                                          \
	run_lines((const char *const[]) { __VA_ARGS__, NULL }, tlv, mode, name, answer)

static void test_channel_is_opened_used_and_closed_by_apdu(void)
{
	RUN(EID_COMMAND, ISDR_READ, NULL, EID_ANSWER, OPEN_LINES, EID_LINE EID_ANSWER "9000",
		CLOSE_LINE);
}

static void test_channel_of_a_card_that_wants_to_be_told_which(void)
{
	RUN(EID_COMMAND, ISDR_READ, NULL, EID_ANSWER, "0070000001 > 6a86", "0070000100 > 9000",
		"01a4040010a0000005591010ffffffff8900000100 > 6104", "01c0000004 > e1020780 9000",
		EID_LINE EID_ANSWER "9000", CLOSE_LINE);
}

static void test_card_without_an_fci_template_is_asked_for_its_fcp(void)
{
	RUN(EID_COMMAND, ISDR_READ, NULL, EID_ANSWER, "0070000001 > 01 9000",
		"01a4040010a0000005591010ffffffff8900000100 > 6a86",
		"01a4040410a0000005591010ffffffff8900000100 > 6104", "01c0000004 > e1020780 9000",
		EID_LINE EID_ANSWER "9000", CLOSE_LINE);
}

static void test_channels_from_four_on_have_their_own_class(void)
{
	RUN(EID_COMMAND, ISDR_READ, NULL, EID_ANSWER, "0070000001 > 05 9000",
		"41a4040010a0000005591010ffffffff8900000100 > 9000",
		"c1e2910006bf3e035c015a > 610a", "41c000000a > " EID_ANSWER "9000",
		"0070800500 > 9000");
}

static void test_card_without_an_isdr_is_named(void)
{
	RUN(EID_COMMAND, ISDR_READ, "NotFound", NULL, "0070000001 > 01 9000",
		"01a4040010a0000005591010ffffffff8900000100 > 6a82", CLOSE_LINE);
}

static void test_busy_card_is_asked_again_for_a_while(void)
{
	CardScript script;
	Isdr *isdr;
	IsdrSettings settings = { .busy_ms = 10000 };
	g_autoptr(GBytes) got = NULL;

	card_script_init(&script,
		(const char *const[]) { "0070000001 > 6a81", OPEN_LINES, EID_LINE EID_ANSWER "9000",
			CLOSE_LINE, NULL });
	isdr = isdr_new(card_script_open(&script, false), &settings);
	got = command(isdr, EID_COMMAND, ISDR_READ, NULL);
	g_assert_cmpuint(script.waits, ==, 1);
	isdr_free(isdr);
	card_script_done(&script);
	card_script_clear(&script);
	RUN(EID_COMMAND, ISDR_READ, "CardBusy", NULL, "0070000001 > 6a81", "0070000001 > 6a81");
}

static void test_aids_are_tried_in_order(void)
{
	CardScript script;
	Isdr *isdr;
	g_autoptr(GPtrArray) aids = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	IsdrSettings settings = { .aids = aids };
	g_autoptr(GBytes) got = NULL;

	g_ptr_array_add(aids, hex_decode("a000000559", 16));
	g_ptr_array_add(aids, hex_decode("a000000558", 16));
	card_script_init(&script,
		(const char *const[]) { "0070000001 > 01 9000", "01a4040005a000000559 > 6a82",
			CLOSE_LINE, "0070000001 > 01 9000", "01a4040005a000000558 > e100 9000",
			EID_LINE EID_ANSWER "9000", CLOSE_LINE, NULL });
	isdr = isdr_new(card_script_open(&script, false), &settings);
	got = command(isdr, EID_COMMAND, ISDR_READ, NULL);
	g_assert_true(span_equal(isdr_select_answer(isdr), SPAN_LITERAL("\xe1\x00")));
	isdr_free(isdr);
	card_script_done(&script);
	card_script_clear(&script);
}

static void test_terminal_capability_once_in_each_epoch(void)
{
	static const uint8_t template[] = { 0xa9, 0x03, 0x84, 0x01, 0x01 };
	CardScript script;
	Isdr *isdr;
	IsdrSettings settings = { .terminal_capability = SPAN_ARRAY(template) };
	g_autoptr(GBytes) one = NULL, two = NULL, three = NULL;

	/* Whatever the card says to it, the session goes on. */
	card_script_init(&script,
		(const char *const[]) { "80aa000005a903840101 > 6d00", OPEN_LINES,
			EID_LINE EID_ANSWER "9000", CLOSE_LINE, OPEN_LINES,
			EID_LINE EID_ANSWER "9000", "80aa000005a903840101 > 9000", OPEN_LINES,
			EID_LINE EID_ANSWER "9000", CLOSE_LINE, NULL });
	isdr = isdr_new(card_script_open(&script, false), &settings);
	one = command(isdr, EID_COMMAND, ISDR_READ, NULL);
	isdr_close(isdr);
	two = command(isdr, EID_COMMAND, ISDR_READ, NULL);
	script.state.epoch++;
	three = command(isdr, EID_COMMAND, ISDR_READ, NULL);
	isdr_free(isdr);
	card_script_done(&script);
	card_script_clear(&script);
}

static void test_device_opens_the_channel_where_it_can(void)
{
	static const uint8_t template[] = { 0xa9, 0x03, 0x84, 0x01, 0x01 };
	CardScript script;
	Isdr *isdr;
	IsdrSettings settings = { .terminal_capability = SPAN_ARRAY(template) };
	g_autoptr(GBytes) got = NULL;

	card_script_init(&script,
		(const char *const[]) { "83e2910006bf3e035c015a > " EID_ANSWER "9000", NULL });
	isdr = isdr_new(card_script_open(&script, true), &settings);
	got = command(isdr, EID_COMMAND, ISDR_READ, NULL);
	g_assert_true(
		span_equal(isdr_select_answer(isdr), SPAN_LITERAL("\xe1\x04\x80\x02\x06\x40")));
	isdr_free(isdr);
	g_assert_cmpstr(script.calls->str, ==, "terminal-a903840101 open close-3 ");
	card_script_done(&script);
	card_script_clear(&script);
}

static void test_long_command_goes_in_numbered_blocks(void)
{
	CardScript script;
	Isdr *isdr;
	IsdrSettings settings = { .block_size = 4 };
	g_autoptr(GBytes) got = NULL;

	card_script_init(&script,
		(const char *const[]) { OPEN_LINES, "81e2110004bf510601 > 9000",
			"81e211010402030405 > 9000", "81e291020106 > bf5100 9000", CLOSE_LINE,
			NULL });
	isdr = isdr_new(card_script_open(&script, false), &settings);
	got = command(
		isdr, SPAN_LITERAL("\xbf\x51\x06\x01\x02\x03\x04\x05\x06"), ISDR_CHANGE, NULL);
	check_hex(got, "bf5100");
	isdr_free(isdr);
	card_script_done(&script);
	card_script_clear(&script);
}

static void test_block_that_is_refused_ends_the_chain(void)
{
	CardScript script;
	Isdr *isdr;
	IsdrSettings settings = { .block_size = 4 };
	g_autoptr(GBytes) got = NULL;

	card_script_init(&script,
		(const char *const[]) {
			OPEN_LINES, "81e2110004bf510601 > 6a80", CLOSE_LINE, NULL });
	isdr = isdr_new(card_script_open(&script, false), &settings);
	got = command(isdr, SPAN_LITERAL("\xbf\x51\x06\x01\x02\x03\x04\x05\x06"), ISDR_CHANGE,
		"CardRefused");
	isdr_free(isdr);
	card_script_done(&script);
	card_script_clear(&script);
}

static void test_command_of_more_than_256_blocks_is_not_sent(void)
{
	g_autofree uint8_t *octets = g_malloc0(65281);
	CardScript script;
	Isdr *isdr;

	card_script_init(&script, (const char *const[]) { OPEN_LINES, CLOSE_LINE, NULL });
	isdr = card_script_isdr(&script);
	command(isdr, span(octets, 65281), ISDR_CHANGE, "NotSupported");
	isdr_free(isdr);
	card_script_done(&script);
	card_script_clear(&script);
}

static void test_answer_is_fetched_to_its_end(void)
{
	/* 61xx once and again, 61 00, a wrong Le, a proactive command behind it. */
	RUN(EID_COMMAND, ISDR_READ, NULL, EID_ANSWER, OPEN_LINES, EID_LINE "6103",
		"01c0000003 > bf3e03 6100", "01c0000000 > 6c03", "01c0000003 > 5a0101 910b",
		CLOSE_LINE);
	/* A wrong Le of the command itself. */
	RUN(EID_COMMAND, ISDR_READ, NULL, EID_ANSWER, OPEN_LINES, EID_LINE "6c06",
		"81e2910006bf3e035c015a06 > " EID_ANSWER "9000", CLOSE_LINE);
	/* No answer at all. */
	RUN(EID_COMMAND, ISDR_CHANGE, NULL, "", OPEN_LINES, EID_LINE "9000", CLOSE_LINE);
}

static void test_answer_that_never_comes_is_given_up(void)
{
	RUN(EID_COMMAND, ISDR_READ, "CardMalformed", NULL, OPEN_LINES, EID_LINE "6106",
		"01c0000006 > 6106", "01c0000006 > 6106", "01c0000006 > 6106", "01c0000006 > 6106",
		CLOSE_LINE);
}

static void test_answers_that_are_none(void)
{
	RUN(EID_COMMAND, ISDR_READ, "CardMalformed", NULL, OPEN_LINES, EID_LINE "bf3e055a01 9000",
		CLOSE_LINE);
	RUN(EID_COMMAND, ISDR_READ, "CardMalformed", NULL, OPEN_LINES,
		EID_LINE EID_ANSWER "00 9000", CLOSE_LINE);
	RUN(EID_COMMAND, ISDR_READ, "CardMalformed", NULL, OPEN_LINES, EID_LINE "90", CLOSE_LINE);
}

static void test_status_words_are_named(void)
{
	static const struct {
		const char *line, *name;
		uint16_t sw;
	} words[] = {
		{ EID_LINE "6a88", "NotSupported", 0x6a88 },
		{ EID_LINE "6d00", "NotSupported", 0x6d00 },
		{ EID_LINE "6e00", "NotSupported", 0x6e00 },
		{ EID_LINE "6a84", "NoMemory", 0x6a84 },
		{ EID_LINE "6a80", "CardRefused", 0x6a80 },
		{ EID_LINE "6985", "CardRefused", 0x6985 },
		{ EID_LINE "6f00", "CardRefused", 0x6f00 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
		const char *const lines[] = { OPEN_LINES, words[i].line, CLOSE_LINE, NULL };
		CardScript script;
		g_autoptr(GError) error = NULL;
		g_autoptr(GBytes) answer = NULL;
		Isdr *isdr;

		card_script_init(&script, lines);
		isdr = card_script_isdr(&script);
		g_assert_false(isdr_command(isdr, EID_COMMAND, ISDR_READ, &answer, &error));
		g_assert_cmpstr(sgp32_error_name(error), ==, words[i].name);
		g_assert_cmphex(sgp32_error_details(error)->sw, ==, words[i].sw);
		isdr_free(isdr);
		card_script_done(&script);
		card_script_clear(&script);
	}
}

/* The second command on a session that has grown old. */
static void run_twice(const char *const *lines, IsdrMode mode, const char *name)
{
	CardScript script;
	Isdr *isdr;
	g_autoptr(GBytes) one = NULL, two = NULL;

	card_script_init(&script, lines);
	isdr = card_script_isdr(&script);
	one = command(isdr, EID_COMMAND, ISDR_READ, NULL);
	two = command(isdr, EID_COMMAND, mode, name);
	isdr_free(isdr);
	card_script_done(&script);
	card_script_clear(&script);
}
#define RUN_TWICE(mode, name, ...)                                                                 \
	run_twice((const char *const[]) { OPEN_LINES, EID_LINE EID_ANSWER "9000", __VA_ARGS__,     \
			  NULL },                                                                  \
		mode, name)

static void test_lost_session_is_opened_again(void)
{
	RUN_TWICE(ISDR_READ, NULL, EID_LINE "6e00", CLOSE_LINE, OPEN_LINES,
		EID_LINE EID_ANSWER "9000", CLOSE_LINE);
	RUN_TWICE(ISDR_READ, NULL, EID_LINE "6985", CLOSE_LINE, OPEN_LINES,
		EID_LINE EID_ANSWER "9000", CLOSE_LINE);
	/* After a reset there is nothing to close. */
	RUN_TWICE(ISDR_READ, NULL, EID_LINE "lost", OPEN_LINES, EID_LINE EID_ANSWER "9000",
		CLOSE_LINE);
	/* Once is enough. */
	RUN_TWICE(ISDR_READ, "CardLost", EID_LINE "lost", OPEN_LINES, EID_LINE "lost");
}

static void test_change_is_sent_again_only_if_nobody_heard_it(void)
{
	RUN_TWICE(ISDR_CHANGE, NULL, EID_LINE "6e00", CLOSE_LINE, OPEN_LINES,
		EID_LINE EID_ANSWER "9000", CLOSE_LINE);
	RUN_TWICE(ISDR_CHANGE, "CardLost", EID_LINE "lost");
	RUN_TWICE(ISDR_CHANGE, "CardRefused", EID_LINE "6985", CLOSE_LINE);
	RUN_TWICE(ISDR_CHANGE, "Timeout", EID_LINE "timeout", CLOSE_LINE);
}

static void test_device_that_is_gone_is_not_asked_again(void)
{
	RUN_TWICE(ISDR_READ, "CardLost", EID_LINE "gone");
}

static void test_empty_slot_is_named(void)
{
	CardScript script;
	Isdr *isdr;

	card_script_init(&script, (const char *const[]) { NULL });
	script.state.present = false;
	isdr = card_script_isdr(&script);
	command(isdr, EID_COMMAND, ISDR_READ, "NoCard");
	isdr_free(isdr);
	card_script_clear(&script);
}

static void test_cancel_is_seen_between_apdus(void)
{
	/* The channel is closed even so. */
	RUN(EID_COMMAND, ISDR_READ, "Cancelled", NULL, "0070000001 > 01 9000",
		"01a4040010a0000005591010ffffffff8900000100 > cancel 9000", CLOSE_LINE);
}

static void test_cancel_does_not_cut_an_answer_in_two(void)
{
	RUN(EID_COMMAND, ISDR_READ, NULL, EID_ANSWER, OPEN_LINES, EID_LINE "cancel 6103",
		"01c0000003 > bf3e03 6103", "01c0000003 > 5a0101 9000", CLOSE_LINE);
}

static void test_cancel_is_not_looked_at_while_held(void)
{
	CardScript script;
	Isdr *isdr;
	g_autoptr(GBytes) got = NULL;

	card_script_init(&script,
		(const char *const[]) { OPEN_LINES, EID_LINE EID_ANSWER "9000", CLOSE_LINE, NULL });
	isdr = card_script_isdr(&script);
	isdr_set_cancel(isdr, script.cancel);
	post_cancel_set(script.cancel);
	isdr_hold(isdr);
	isdr_hold(isdr);
	isdr_release(isdr);
	got = command(isdr, EID_COMMAND, ISDR_CHANGE, NULL);
	isdr_release(isdr);
	command(isdr, EID_COMMAND, ISDR_CHANGE, "Cancelled");
	isdr_free(isdr);
	card_script_done(&script);
	card_script_clear(&script);
}

static void test_segment_needs_the_session_that_is_open(void)
{
	CardScript script;
	Isdr *isdr;
	g_autoptr(GBytes) got = NULL, none = NULL;
	g_autoptr(GError) error = NULL;

	card_script_init(&script,
		(const char *const[]) {
			OPEN_LINES, EID_LINE EID_ANSWER "9000", "81e2910003a18202 > 9000", NULL });
	isdr = card_script_isdr(&script);
	got = command(isdr, EID_COMMAND, ISDR_READ, NULL);
	/* Not a whole TLV. */
	g_assert_true(isdr_segment(isdr, SPAN_LITERAL("\xa1\x82\x02"), &none, &error));
	g_assert_cmpuint(g_bytes_get_size(none), ==, 0);
	script.state.epoch++;
	g_assert_false(isdr_segment(isdr, SPAN_LITERAL("\x88\x00"), &none, &error));
	g_assert_cmpstr(sgp32_error_name(error), ==, "CardLost");
	isdr_free(isdr);
	card_script_done(&script);
	card_script_clear(&script);
}

static void wait_refresh(
	CardScript *script, const char *const *lines, unsigned seconds, bool *ret, GError **error)
{
	g_autoptr(GBytes) got = NULL;
	Isdr *isdr = card_script_isdr(script);

	g_assert_true(lines == script->lines);
	got = command(isdr, EID_COMMAND, ISDR_READ, NULL);
	if (isdr_wait_refresh(isdr, seconds, ret, error))
		g_assert_false(isdr_is_open(isdr));
	isdr_free(isdr);
	card_script_done(script);
}

static void test_refresh_is_waited_for(void)
{
	const char *const lines[] = { OPEN_LINES, EID_LINE EID_ANSWER "910b", NULL };
	CardScript script;
	g_autoptr(GError) error = NULL;
	bool was_reset = true;

	card_script_init(&script, lines);
	script.refresh_by_itself = true;
	wait_refresh(&script, lines, 5, &was_reset, &error);
	g_assert_no_error(error);
	g_assert_false(was_reset);
	g_assert_cmpuint(script.resets, ==, 0);
	g_assert_cmpuint(script.state.epoch, ==, 2);
	card_script_clear(&script);
}

static void test_card_without_a_refresh_is_reset(void)
{
	const char *const lines[] = { OPEN_LINES, EID_LINE EID_ANSWER "910b", CLOSE_LINE, NULL };
	CardScript script;
	g_autoptr(GError) error = NULL, failed = NULL;
	bool was_reset = false;

	card_script_init(&script, lines);
	wait_refresh(&script, lines, 0, &was_reset, &error);
	g_assert_no_error(error);
	g_assert_true(was_reset);
	g_assert_cmpuint(script.resets, ==, 1);
	card_script_clear(&script);
	card_script_init(&script, lines);
	script.reset_fails = true;
	wait_refresh(&script, lines, 0, &was_reset, &failed);
	g_assert_cmpstr(sgp32_error_name(failed), ==, "Timeout");
	card_script_clear(&script);
}

static void test_refresh_that_was_over_before_anybody_waited_counts(void)
{
	CardScript script;
	Isdr *isdr;
	g_autoptr(GBytes) got = NULL;
	g_autoptr(GError) error = NULL;
	bool was_reset = true;

	card_script_init(
		&script, (const char *const[]) { OPEN_LINES, EID_LINE EID_ANSWER "910b", NULL });
	isdr = card_script_isdr(&script);
	got = command(isdr, EID_COMMAND, ISDR_READ, NULL);
	script.state.epoch++;
	g_assert_true(isdr_wait_refresh(isdr, 5, &was_reset, &error));
	g_assert_false(was_reset);
	g_assert_cmpuint(script.waits + script.resets, ==, 0);
	isdr_free(isdr);
	card_script_clear(&script);
}

static void see(void *user, unsigned channel, Span apdu, Span answer, int64_t usec)
{
	g_string_append_printf(user, "%u:%zu:%zu ", channel, apdu.size, answer.size);
}

static void test_tap_sees_every_apdu(void)
{
	CardScript script;
	Isdr *isdr;
	g_autoptr(GString) seen = g_string_new(NULL);
	CardTap tap = { see, seen };
	g_autoptr(GBytes) got = NULL;

	card_script_init(&script,
		(const char *const[]) { OPEN_LINES, EID_LINE EID_ANSWER "9000", CLOSE_LINE, NULL });
	isdr = card_script_isdr(&script);
	isdr_set_tap(isdr, &tap);
	got = command(isdr, EID_COMMAND, ISDR_READ, NULL);
	isdr_free(isdr);
	g_assert_cmpstr(seen->str, ==, "0:5:3 1:21:2 1:11:8 0:5:2 ");
	card_script_done(&script);
	card_script_clear(&script);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name) g_test_add_func("/isdr/" #name, test_##name)
	ADD(channel_is_opened_used_and_closed_by_apdu);
	ADD(channel_of_a_card_that_wants_to_be_told_which);
	ADD(card_without_an_fci_template_is_asked_for_its_fcp);
	ADD(channels_from_four_on_have_their_own_class);
	ADD(card_without_an_isdr_is_named);
	ADD(busy_card_is_asked_again_for_a_while);
	ADD(aids_are_tried_in_order);
	ADD(terminal_capability_once_in_each_epoch);
	ADD(device_opens_the_channel_where_it_can);
	ADD(long_command_goes_in_numbered_blocks);
	ADD(block_that_is_refused_ends_the_chain);
	ADD(command_of_more_than_256_blocks_is_not_sent);
	ADD(answer_is_fetched_to_its_end);
	ADD(answer_that_never_comes_is_given_up);
	ADD(answers_that_are_none);
	ADD(status_words_are_named);
	ADD(lost_session_is_opened_again);
	ADD(change_is_sent_again_only_if_nobody_heard_it);
	ADD(device_that_is_gone_is_not_asked_again);
	ADD(empty_slot_is_named);
	ADD(cancel_is_seen_between_apdus);
	ADD(cancel_does_not_cut_an_answer_in_two);
	ADD(cancel_is_not_looked_at_while_held);
	ADD(segment_needs_the_session_that_is_open);
	ADD(refresh_is_waited_for);
	ADD(card_without_a_refresh_is_reset);
	ADD(refresh_that_was_over_before_anybody_waited_counts);
	ADD(tap_sees_every_apdu);
	return g_test_run();
}
