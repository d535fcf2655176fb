/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* package.c: eUICC packages, from the eIM's queue to the removal of the result. */
#include "world.h"

#include <string.h>

static void test_enable_goes_through_its_phases(void)
{
	g_autoptr(World) world = world_new();

	world_attach(world);
	fake_eim_package(world->eim, 1, ENABLE_SECOND);
	fake_card_clear_log(world->card);
	world_poll(world, EIM);
	g_assert_cmpstr(fake_card_enabled(world->card), ==, SECOND_ICCID);
	g_assert_cmpstr(world->card->log->str, ==, "BF51 BF2B BF30 ");
	/* Connections of the old profile end before the switch; the result goes over the new one. */
	g_assert_cmpstr(
		world->calls->str, ==, "get-package http-close provide-result get-package ");
	g_assert_cmpstr(world->online_iccid, ==, SECOND_ICCID);
	g_assert_cmpuint(world->online_waits, ==, 1);
	g_assert_cmpstr(world->steps->str, ==,
		"read-card read-card poll execute-package refresh wait-online "
		"report-result remove-result poll ");
	g_assert_cmpuint(world->card->resets, ==, 0);
	g_assert_cmpint(world_phase(world), ==, PACKAGE_IDLE);
	g_assert_cmpuint(world->card->results->len, ==, 0);
	g_assert_cmpstr(snapshot_enabled_profile(world->ipa.snapshot)->iccid, ==, SECOND_ICCID);
	g_assert_cmpuint(world->ipa.result->packages, ==, 1);
	g_assert_true(fake_eim_done(world->eim));
}

static void see_phase(void *user, uint32_t tag)
{
	World *world = user;

	if (tag == TAG_EUICC_PACKAGE)
		g_assert_cmpint(world_phase(world), ==, PACKAGE_RECEIVED);
	if (tag == TAG_RETRIEVE_NOTIFICATIONS_LIST)
		g_assert_cmpint(world_phase(world), ==, PACKAGE_AWAITING_ONLINE);
	if (tag == TAG_NOTIFICATION_SENT)
		g_assert_cmpint(world_phase(world), ==, PACKAGE_REPORTED);
	g_string_append_printf(world->asked, "%X ", tag);
}

static void test_each_phase_is_written_before_its_step(void)
{
	g_autoptr(World) world = world_new();

	world_attach(world);
	fake_eim_package(world->eim, 1, ENABLE_SECOND);
	world->card->on_command = see_phase;
	world->card->user = world;
	world_poll(world, EIM);
	g_assert_cmpstr(world->asked->str, ==, "BF51 BF2B BF30 ");
}

static void test_card_that_does_not_refresh_is_reset(void)
{
	g_autoptr(World) world = world_new();
	gboolean reset = FALSE;

	world->card->no_refresh = true;
	world->settings.refresh_timeout = 0;
	world_attach(world);
	fake_eim_package(world->eim, 1, ENABLE_SECOND);
	world_poll(world, EIM);
	g_assert_cmpuint(world->card->resets, ==, 1);
	g_assert_true(g_variant_dict_lookup(world->ipa.result->values, "card-reset", "b", &reset));
	g_assert_true(reset);
	g_assert_true(fake_eim_done(world->eim));
}

static void test_package_without_a_switch_waits_for_nothing(void)
{
	g_autoptr(World) world = world_new();

	world_attach(world);
	fake_eim_package(world->eim, 1, LIST_PROFILES);
	fake_eim_package(world->eim, 2, DELETE_SECOND);
	fake_card_clear_log(world->card);
	world_poll(world, EIM);
	g_assert_cmpuint(world->online_waits, ==, 0);
	g_assert_cmpstr(world->card->log->str, ==, "BF51 BF30 BF51 BF30 ");
	g_assert_null(fake_card_profile(world->card, SECOND_ICCID));
	g_assert_null(snapshot_profile(world->ipa.snapshot, SECOND_ICCID));
}

static void test_result_without_acknowledgement_stays_and_is_delivered_again(void)
{
	g_autoptr(World) world = world_new();

	world_attach(world);
	world->eim->ack = EIM_ACK_NOTHING;
	fake_eim_package(world->eim, 1, LIST_PROFILES);
	world_poll(world, EIM);
	g_assert_cmpuint(world->eim->results, ==, 1);
	g_assert_cmpuint(world->card->results->len, ==, 1);
	g_assert_cmpint(world_phase(world), ==, PACKAGE_EXECUTED);
	/* Once in each poll. */
	world_poll(world, EIM);
	g_assert_cmpuint(world->eim->results, ==, 2);
	world->eim->ack = EIM_ACK;
	world_poll(world, EIM);
	g_assert_cmpuint(world->eim->results, ==, 3);
	g_assert_cmpuint(world->card->results->len, ==, 0);
	g_assert_cmpint(world_phase(world), ==, PACKAGE_IDLE);
	g_assert_true(fake_card_executed(world->card, 1, 1));
	world_poll(world, EIM);
	g_assert_cmpuint(world->eim->results, ==, 3);
}

static void test_empty_list_of_acknowledgements_removes_nothing(void)
{
	g_autoptr(World) world = world_new();

	world_attach(world);
	world->eim->ack = EIM_ACK_EMPTY_LIST;
	fake_eim_package(world->eim, 1, LIST_PROFILES);
	world_poll(world, EIM);
	g_assert_cmpuint(world->card->results->len, ==, 1);
	world->eim->ack = EIM_ACK;
	world_poll(world, EIM);
	g_assert_cmpuint(world->card->results->len, ==, 0);
}

static void test_results_of_earlier_packages_are_delivered_first(void)
{
	g_autoptr(World) world = world_new();
	EimItem *item;

	world_add_other_eim(world);
	fake_card_add_result(world->card, EIM, 7);
	fake_card_add_result(world->card, OTHER_EIM, 3);
	item = fake_eim_package(world->eim, 7, LIST_PROFILES);
	fake_eim_package(world->other, 3, LIST_PROFILES);
	world_attach(world);
	world_poll(world, EIM);
	g_assert_cmpstr(world->calls->str, ==, "provide-result get-package ");
	g_assert_cmpuint(item->answered, ==, 1);
	g_assert_cmpuint(item->offered, ==, 0);
	/* What is for another eIM stays for it. */
	g_assert_cmpuint(world->card->results->len, ==, 1);
	world_poll(world, OTHER_EIM);
	g_assert_cmpuint(world->card->results->len, ==, 0);
	g_assert_cmpuint(world->card->executed->len, ==, 0);
}

static void break_eim(void *user, uint32_t tag)
{
	World *world = user;

	if (tag == TAG_EUICC_PACKAGE)
		world->eim->down_for = 3;
}

static void test_contact_that_fails_after_a_switch_is_tried_in_other_networks(void)
{
	g_autoptr(World) world = world_new();

	world_attach(world);
	fake_eim_package(world->eim, 1, ENABLE_SECOND);
	world->card->on_command = break_eim;
	world->card->user = world;
	world_poll(world, EIM);
	g_assert_cmpuint(world->online_waits, ==, 4);
	g_assert_cmpuint(world->generation, ==, 4);
	g_assert_true(fake_eim_done(world->eim));
}

static void test_switch_without_a_way_keeps_the_result_for_later(void)
{
	g_autoptr(World) world = world_new();

	world_attach(world);
	fake_eim_package(world->eim, 1, ENABLE_SECOND);
	world->offline = 1;
	world_poll_fails(world, EIM, SGP32_ERROR_NETWORK_UNAVAILABLE);
	g_assert_cmpint(world_phase(world), ==, PACKAGE_AWAITING_ONLINE);
	g_assert_cmpuint(world->eim->results, ==, 0);
	world_restart(world);
	world_attach(world);
	world_poll(world, EIM);
	g_assert_cmpuint(world->eim->results, ==, 1);
	g_assert_cmpuint(world->online_waits, ==, 2);
	g_assert_true(fake_card_executed(world->card, 1, 1));
	g_assert_cmpint(world_phase(world), ==, PACKAGE_IDLE);
}

static void store_received(World *world, int64_t counter, const char *list, bool switches)
{
	EimItem *item = fake_eim_package(world->eim, counter, list);
	g_autoptr(GError) error = NULL;

	g_assert_true(store_package_received(world->store, CARD_EID, EIM, counter, false, switches,
		span_of(item->bytes), &error));
}

static void test_crash_before_the_card_got_it_sends_it_again(void)
{
	g_autoptr(World) world = world_new();

	store_received(world, 1, ENABLE_SECOND, true);
	world_attach(world);
	g_assert_true(fake_card_executed(world->card, 1, 1));
	g_assert_cmpint(world_phase(world), ==, PACKAGE_AWAITING_ONLINE);
	/* Attaching delivers nothing. */
	g_assert_cmpstr(world->calls->str, ==, "");
	world_poll(world, EIM);
	g_assert_true(fake_eim_done(world->eim));
	g_assert_cmpuint(world->card->executed->len, ==, 1);
}

static void test_crash_after_the_card_got_it_does_not_send_it_again(void)
{
	g_autoptr(World) world = world_new();

	store_received(world, 1, ENABLE_SECOND, true);
	fake_card_add_result(world->card, EIM, 1);
	world_attach(world);
	g_assert_null(strstr(world->card->log->str, "BF51"));
	g_assert_cmpint(world_phase(world), ==, PACKAGE_AWAITING_ONLINE);
	world_poll(world, EIM);
	g_assert_true(fake_eim_done(world->eim));
	g_assert_cmpuint(world->card->executed->len, ==, 0);
}

static void test_replay_error_after_a_crash_means_that_it_is_done(void)
{
	g_autoptr(World) world = world_new();

	store_received(world, 1, ENABLE_SECOND, true);
	fake_card_eim(world->card, EIM)->counter = 1;
	world_attach(world);
	g_assert_nonnull(strstr(world->card->log->str, "BF51"));
	g_assert_cmpint(world_phase(world), ==, PACKAGE_IDLE);
	g_assert_cmpuint(world->card->executed->len, ==, 0);
}

static void test_package_that_the_card_refuses_after_a_crash_is_left_to_the_eim(void)
{
	g_autoptr(World) world = world_new();

	store_received(world, 1, ENABLE_SECOND, true);
	world->card->refuse_tag = TAG_EUICC_PACKAGE;
	world_attach(world);
	g_assert_cmpint(world_phase(world), ==, PACKAGE_IDLE);
	/* It is offered again, and refused with a word. */
	world_poll_fails(world, EIM, SGP32_ERROR_CARD_REFUSED);
	g_assert_true(fake_eim_done(world->eim));
}

static void test_other_eims_hear_of_it_even_if_it_crashed(void)
{
	g_autoptr(World) world = world_new();

	world_add_other_eim(world);
	store_received(world, 1, ENABLE_SECOND, true);
	fake_card_add_result(world->card, EIM, 1);
	world_attach(world);
	world_poll(world, OTHER_EIM);
	g_assert_cmpuint(world->other->causes->len, ==, 1);
}

static const EuiccPackageResult *result_of(EimItem *item, Msg **msg)
{
	g_autoptr(GError) error = NULL;

	g_assert_nonnull(item->result);
	*msg = msg_decode(&EIM_PACKAGE_RESULT, span_of(item->result), &error);
	g_assert_no_error(error);
	return MSG_BODY(*msg, EimPackageResult)->euicc_package_result;
}

static void test_signed_error_is_reported_and_cleared(void)
{
	g_autoptr(World) world = world_new();
	g_autoptr(Msg) msg = NULL;
	EimItem *item;

	fake_card_eim(world->card, EIM)->counter = 5;
	world_attach(world);
	item = fake_eim_package(world->eim, 5, ENABLE_SECOND);
	/* Nothing is acknowledged: the card does not keep such a result. */
	world->eim->ack = EIM_ACK_NOTHING;
	world_poll_fails(world, EIM, SGP32_ERROR_REPLAY_REJECTED);
	g_assert_nonnull(result_of(item, &msg)->euicc_package_error_signed);
	g_assert_cmpint(world_phase(world), ==, PACKAGE_IDLE);
	g_assert_cmpuint(world->online_waits, ==, 0);
	world_poll(world, EIM);
	g_assert_cmpuint(item->answered, ==, 1);
}

static void test_unsigned_error_is_reported_and_cleared(void)
{
	g_autoptr(World) world = world_new();
	g_autoptr(Msg) msg = NULL;
	FakeEntry *entry;
	EimItem *item;

	world_attach(world);
	/* The card knows it no more, which this daemon has not seen. */
	entry = fake_card_eim(world->card, EIM);
	g_free(entry->eim_id);
	entry->eim_id = g_strdup("another");
	item = fake_eim_package(world->eim, 5, ENABLE_SECOND);
	world_poll_fails(world, EIM, SGP32_ERROR_SIGNATURE_INVALID);
	g_assert_nonnull(result_of(item, &msg)->euicc_package_error_unsigned);
	g_assert_cmpint(world_phase(world), ==, PACKAGE_IDLE);
}

/* 6F00 may pass; a card that always says it must not hold up what comes after. */
static void test_card_that_always_fails_on_a_package_is_reported(void)
{
	g_autoptr(World) world = world_new();
	EimItem *item, *next;
	unsigned polls = 0;

	world_attach(world);
	world->card->refuse_tag = TAG_EUICC_PACKAGE;
	world->card->refuse_sw = 0x6f00;
	item = fake_eim_package(world->eim, 5, ENABLE_SECOND);
	while (!item->result) {
		g_assert_cmpuint(++polls, <, 10);
		world_poll_fails(world, EIM, SGP32_ERROR_CARD_REFUSED);
		world_job(world);
	}
	g_assert_cmpuint(polls, >, 1); /* not at the first time */
	g_assert_cmpint(world_phase(world), ==, PACKAGE_IDLE);
	world->card->refuse_tag = 0;
	next = fake_eim_package(world->eim, 6, LIST_PROFILES);
	world_attach(world);
	world_poll(world, EIM);
	g_assert_nonnull(next->result);
}

static void test_card_that_refuses_the_command_is_reported(void)
{
	g_autoptr(World) world = world_new();
	g_autoptr(Msg) msg = NULL;
	EimItem *item;

	world_attach(world);
	world->card->refuse_tag = TAG_EUICC_PACKAGE;
	item = fake_eim_package(world->eim, 5, ENABLE_SECOND);
	world_poll_fails(world, EIM, SGP32_ERROR_CARD_REFUSED);
	result_of(item, &msg);
	g_assert_cmpint(
		MSG_BODY(msg, EimPackageResult)
			->eim_package_result_response_error->eim_package_result_error_code.value,
		==, EIM_PACKAGE_RESULT_ERROR_UNDEFINED_ERROR);
	g_assert_cmpint(world_phase(world), ==, PACKAGE_IDLE);
}

static void test_package_that_no_card_can_take_is_reported(void)
{
	g_autoptr(World) world = world_new();
	/* addEim with a certificate of 0xff00 octets */
	g_autoptr(GString) list = g_string_new("a182ff12a882ff0e800465696d32a582ff04a182ff00");
	g_autoptr(Msg) msg = NULL;
	EimItem *item;

	for (unsigned i = 0; i < 0xff00 / 2; i++)
		g_string_append(list, "0500");
	world_attach(world);
	item = fake_eim_package(world->eim, 5, list->str);
	fake_card_clear_log(world->card);
	world_poll_fails(world, EIM, SGP32_ERROR_NOT_SUPPORTED);
	g_assert_cmpuint(world->card->apdus, ==, 0);
	result_of(item, &msg);
	g_assert_cmpint(
		MSG_BODY(msg, EimPackageResult)
			->eim_package_result_response_error->eim_package_result_error_code.value,
		==, EIM_PACKAGE_RESULT_ERROR_UNDEFINED_ERROR);
	g_assert_cmpint(world_phase(world), ==, PACKAGE_IDLE);
}

static void test_package_that_cannot_be_read_is_reported(void)
{
	g_autoptr(World) world = world_new();
	g_autoptr(Msg) msg = NULL;
	EimItem *item;

	world_attach(world);
	item = fake_eim_raw(world->eim, ESIPA_EUICC_PACKAGE, "bf51023000");
	fake_card_clear_log(world->card);
	world_poll_fails(world, EIM, SGP32_ERROR_SERVER_MALFORMED);
	result_of(item, &msg);
	g_assert_cmpint(
		MSG_BODY(msg, EimPackageResult)
			->eim_package_result_response_error->eim_package_result_error_code.value,
		==, EIM_PACKAGE_RESULT_ERROR_INVALID_PACKAGE_FORMAT);
	g_assert_cmpuint(world->card->apdus, ==, 0);
}

static char *card_value(World *world, const char *name)
{
	g_autoptr(GError) error = NULL;
	char *value = NULL;

	g_assert_true(store_card_get(world->store, CARD_EID, name, &value, &error));
	return value;
}

static void test_what_the_daemon_alone_knows_is_kept(void)
{
	g_autoptr(World) world = world_new();
	g_autofree char *granted = NULL, *immediate = NULL, *ended = NULL;

	world_attach(world);
	fake_eim_package(world->eim, 1, ENABLE_SECOND_ROLLBACK);
	world_poll(world, EIM);
	granted = card_value(world, CARD_ROLLBACK);
	g_assert_cmpstr(granted, ==, "yes");
	/* The next accepted package ends it (digest 4.3, step 6). */
	fake_eim_package(world->eim, 2, "a004a7028000");
	world_poll(world, EIM);
	ended = card_value(world, CARD_ROLLBACK);
	g_assert_null(ended);
	immediate = card_value(world, CARD_IMMEDIATE_ENABLE);
	g_assert_cmpstr(immediate, ==, "yes");
}

static void cancel_job(void *user, uint32_t tag)
{
	World *world = user;

	if (tag == TAG_EUICC_PACKAGE)
		post_cancel_set(world->cancel);
}

static void test_cancel_while_the_card_works_keeps_the_result(void)
{
	g_autoptr(World) world = world_new();

	world_attach(world);
	world->card->on_command = cancel_job;
	world->card->user = world;
	fake_eim_package(world->eim, 1, ENABLE_SECOND);
	world_poll_fails(world, EIM, SGP32_ERROR_CANCELLED);
	g_assert_cmpint(world_phase(world), ==, PACKAGE_AWAITING_ONLINE);
	world->card->on_command = NULL;
	world_job(world);
	world_poll(world, EIM);
	g_assert_true(fake_eim_done(world->eim));
	g_assert_true(fake_card_executed(world->card, 1, 1));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func(
		"/package/enable-goes-through-its-phases", test_enable_goes_through_its_phases);
	g_test_add_func("/package/each-phase-is-written-before-its-step",
		test_each_phase_is_written_before_its_step);
	g_test_add_func("/package/card-that-does-not-refresh-is-reset",
		test_card_that_does_not_refresh_is_reset);
	g_test_add_func("/package/package-without-a-switch-waits-for-nothing",
		test_package_without_a_switch_waits_for_nothing);
	g_test_add_func("/package/result-without-acknowledgement-stays-and-is-delivered-again",
		test_result_without_acknowledgement_stays_and_is_delivered_again);
	g_test_add_func("/package/empty-list-of-acknowledgements-removes-nothing",
		test_empty_list_of_acknowledgements_removes_nothing);
	g_test_add_func("/package/results-of-earlier-packages-are-delivered-first",
		test_results_of_earlier_packages_are_delivered_first);
	g_test_add_func("/package/contact-that-fails-after-a-switch-is-tried-in-other-networks",
		test_contact_that_fails_after_a_switch_is_tried_in_other_networks);
	g_test_add_func("/package/switch-without-a-way-keeps-the-result-for-later",
		test_switch_without_a_way_keeps_the_result_for_later);
	g_test_add_func("/package/crash-before-the-card-got-it-sends-it-again",
		test_crash_before_the_card_got_it_sends_it_again);
	g_test_add_func("/package/crash-after-the-card-got-it-does-not-send-it-again",
		test_crash_after_the_card_got_it_does_not_send_it_again);
	g_test_add_func("/package/replay-error-after-a-crash-means-that-it-is-done",
		test_replay_error_after_a_crash_means_that_it_is_done);
	g_test_add_func("/package/package-that-the-card-refuses-after-a-crash-is-left-to-the-eim",
		test_package_that_the_card_refuses_after_a_crash_is_left_to_the_eim);
	g_test_add_func("/package/other-eims-hear-of-it-even-if-it-crashed",
		test_other_eims_hear_of_it_even_if_it_crashed);
	g_test_add_func("/package/signed-error-is-reported-and-cleared",
		test_signed_error_is_reported_and_cleared);
	g_test_add_func("/package/unsigned-error-is-reported-and-cleared",
		test_unsigned_error_is_reported_and_cleared);
	g_test_add_func("/package/card-that-always-fails-on-a-package-is-reported",
		test_card_that_always_fails_on_a_package_is_reported);
	g_test_add_func("/package/card-that-refuses-the-command-is-reported",
		test_card_that_refuses_the_command_is_reported);
	g_test_add_func("/package/package-that-no-card-can-take-is-reported",
		test_package_that_no_card_can_take_is_reported);
	g_test_add_func("/package/package-that-cannot-be-read-is-reported",
		test_package_that_cannot_be_read_is_reported);
	g_test_add_func("/package/what-the-daemon-alone-knows-is-kept",
		test_what_the_daemon_alone_knows_is_kept);
	g_test_add_func("/package/cancel-while-the-card-works-keeps-the-result",
		test_cancel_while_the_card_works_keeps_the_result);
	return g_test_run();
}
