/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/post.h"
#include "base/redact.h"

static void test_eid_has_check_digits(void)
{
	uint8_t eid[16];
	g_autofree char *text = NULL;

	g_assert_true(eid_from_text("89049032123451234512345678901235", true, eid));
	text = eid_to_text(SPAN_ARRAY(eid));
	g_assert_cmpstr(text, ==, "89049032123451234512345678901235");
	g_assert_false(eid_from_text("89049032123451234512345678901236", true, eid));
	g_assert_true(eid_from_text("89049032123451234512345678901236", false, eid));
	g_assert_false(eid_from_text("8904903212345123451234567890123", false, eid));
	g_assert_false(eid_from_text("8904903212345123451234567890123A", false, eid));
}

static void test_iccid_is_swapped_and_padded(void)
{
	static const uint8_t wire[10] = { 0x98, 0x10, 0x32, 0x54, 0x76, 0x98, 0x10, 0x32, 0x54,
		0xf6 };
	uint8_t iccid[10];
	g_autofree char *text = iccid_to_text(SPAN_ARRAY(wire));

	g_assert_cmpstr(text, ==, "8901234567890123456");
	g_assert_true(iccid_from_text(text, iccid));
	g_assert_cmpmem(iccid, 10, wire, 10);
	g_assert_false(iccid_from_text("890123456789012345678", iccid));
	g_assert_false(iccid_from_text("", iccid));
}

static void test_hex_refuses_what_is_not_hex(void)
{
	g_autoptr(GBytes) bytes = hex_decode("BF 51\n00", 3);

	g_assert_cmpmem(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), "\xbf\x51\x00", 3);
	g_assert_null(hex_decode("BF5", 3));
	g_assert_null(hex_decode("BFXX", 3));
	g_assert_null(hex_decode("BF5100", 2));
}

static void test_error_details_travel_with_copies(void)
{
	g_autoptr(GError) error = NULL, copy = NULL;

	g_assert_false(sgp32_fail_sw(&error, SGP32_ERROR_CARD_REFUSED, 0x6a80, "refused"));
	sgp32_error_set_codes(error, "8.2.6", "3.8");
	sgp32_error_set_hint(error, "do this");
	copy = g_error_copy(error);
	g_assert_cmpint(sgp32_error_details(copy)->sw, ==, 0x6a80);
	g_assert_cmpstr(sgp32_error_details(copy)->subject, ==, "8.2.6");
	g_assert_cmpstr(sgp32_error_details(copy)->hint, ==, "do this");
}

static void test_identifiers_are_masked(void)
{
	g_autofree char *path =
		redact_path("/org/sgp32/euicc/89049032123451234512345678901235/job/7");
	g_autofree char *eid = redact_text("89049032123451234512345678901235");

	g_assert_cmpstr(path, ==, "/org/sgp32/euicc/…1235/job/7");
	g_assert_cmpstr(eid, ==, "…1235");
}

static void *sender(void *data)
{
	PostBox *box = data;

	for (int i = 0; i < 1000; i++)
		g_assert_true(post_box_send(box, GINT_TO_POINTER(i + 1)));
	return NULL;
}

static void test_box_keeps_the_order_of_each_sender(void)
{
	g_autoptr(PostBox) box = post_box_new(NULL);
	GThread *thread = g_thread_new("sender", sender, box);

	for (int i = 0; i < 1000; i++)
		g_assert_cmpint(GPOINTER_TO_INT(post_box_wait(box, -1)), ==, i + 1);
	g_thread_join(thread);
	g_assert_null(post_box_take(box));
	g_assert_null(post_box_wait(box, clock_monotonic() + 1000));
	post_box_close(box);
	g_assert_null(post_box_wait(box, -1));
	g_assert_false(post_box_send(box, GINT_TO_POINTER(1)));
}

static void test_closed_box_frees_what_is_left(void)
{
	PostBox *box = post_box_new(g_free);

	post_box_send(box, g_strdup("left"));
	post_box_close(box);
	post_box_send(box, g_strdup("late"));
	post_box_unref(box);
}

static void *answerer(void *data)
{
	post_cell_put(data, g_strdup("answer"));
	post_cell_unref(data);
	return NULL;
}

static void test_cell_answers_once(void)
{
	PostCell *cell = post_cell_new(g_free);
	GThread *thread = g_thread_new("answerer", answerer, post_cell_ref(cell));
	g_autofree char *answer = post_cell_wait(cell);

	g_assert_cmpstr(answer, ==, "answer");
	post_cell_put(cell, g_strdup("second"));
	g_thread_join(thread);
	post_cell_unref(cell);
}

static void test_cancel_ends_a_wait(void)
{
	g_autoptr(PostCell) cell = post_cell_new(g_free);
	g_autoptr(PostCancel) cancel = post_cancel_new();

	g_assert_null(post_cell_wait_until(cell, cancel, clock_monotonic() + 1000));
	post_cancel_set(cancel);
	g_assert_null(post_cell_wait_until(cell, cancel, -1));
	g_assert_true(post_cancel_is_set(cancel));
	g_assert_true(post_cancel_wait(cancel, -1));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/base/eid-has-check-digits", test_eid_has_check_digits);
	g_test_add_func("/base/iccid-is-swapped-and-padded", test_iccid_is_swapped_and_padded);
	g_test_add_func("/base/hex-refuses-what-is-not-hex", test_hex_refuses_what_is_not_hex);
	g_test_add_func(
		"/base/error-details-travel-with-copies", test_error_details_travel_with_copies);
	g_test_add_func("/base/identifiers-are-masked", test_identifiers_are_masked);
	g_test_add_func("/base/box-keeps-the-order-of-each-sender",
		test_box_keeps_the_order_of_each_sender);
	g_test_add_func("/base/closed-box-frees-what-is-left", test_closed_box_frees_what_is_left);
	g_test_add_func("/base/cell-answers-once", test_cell_answers_once);
	g_test_add_func("/base/cancel-ends-a-wait", test_cancel_ends_a_wait);
	return g_test_run();
}
