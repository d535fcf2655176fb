/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* notify.c: notifications, each to its receiver. */
#include "world.h"

#include <string.h>

static void notify(World *world, bool force)
{
	g_autoptr(GError) error = NULL;
	bool ok = ipa_notify(&world->ipa, force, &error);

	g_assert_no_error(error);
	g_assert_true(ok);
}

static void check_notified(FakeSmdp *smdp, unsigned n, const int64_t *numbers)
{
	g_assert_cmpuint(smdp->notified->len, ==, n);
	for (unsigned i = 0; i < n; i++)
		g_assert_cmpint(g_array_index(smdp->notified, int64_t, i), ==, numbers[i]);
}

static StoredNotification *stored(World *world, int64_t seq)
{
	g_autoptr(GError) error = NULL;
	StoredNotification *notification = NULL;

	g_assert_true(store_notification_get(world->store, CARD_EID, seq, &notification, &error));
	return notification;
}

/* 1 and 3 for the first SM-DP+, 2 and 4 for the second one. */
static World *world_with_four(void)
{
	World *world = world_new();

	fake_card_add_notification(world->card, NOTIFICATION_ENABLE, SMDP_ADDRESS, FIRST_ICCID);
	fake_card_add_notification(world->card, NOTIFICATION_ENABLE, SMDP_OTHER, FIRST_ICCID);
	fake_card_add_installation(world->card, "aabb", SMDP_ADDRESS, FRESH_ICCID);
	fake_card_add_notification(world->card, NOTIFICATION_DELETE, SMDP_OTHER, FIRST_ICCID);
	world_attach(world);
	return world;
}

static void test_each_receiver_gets_its_own_in_order(void)
{
	g_autoptr(World) world = world_with_four();
	static const int64_t first[] = { 1, 3 }, second[] = { 2, 4 };

	notify(world, false);
	check_notified(world->smdp, 2, first);
	check_notified(world->smdp2, 2, second);
	g_assert_cmpuint(world->card->notifications->len, ==, 0);
	g_assert_cmpuint(world->ipa.snapshot->notifications->len, ==, 0);
	g_assert_cmpuint(world->ipa.result->notifications, ==, 4);
	g_assert_cmpint(ipa_notify_next(&world->ipa), ==, 0);
	/* As the card gave it. */
	g_assert_cmphex(
		((const uint8_t *)g_bytes_get_data(world->smdp->notices->pdata[1], NULL))[1], ==,
		0x37);
}

static void test_nothing_pending_costs_nothing(void)
{
	g_autoptr(World) world = world_new();

	world_attach(world);
	fake_card_clear_log(world->card);
	notify(world, true);
	g_assert_cmpuint(world->card->apdus, ==, 0);
	g_assert_cmpstr(world->calls->str, ==, "");
}

static void test_receiver_that_fails_does_not_hold_up_the_others(void)
{
	g_autoptr(World) world = world_with_four();
	static const int64_t second[] = { 2, 4 };

	world->smdp->down = true;
	notify(world, false);
	check_notified(world->smdp2, 2, second);
	g_assert_cmpuint(world->card->notifications->len, ==, 2);
	/* Asked once: what comes later for it waits too. */
	g_assert_cmpstr(world->calls->str, ==, "notify notify notify ");
}

static void test_back_off_is_kept_over_a_restart(void)
{
	g_autoptr(World) world = world_with_four();
	static const int64_t first[] = { 1, 3 };
	g_autoptr(StoredNotification) one = NULL, again = NULL;
	int64_t due;

	world->smdp->down = true;
	notify(world, false);
	one = stored(world, 1);
	g_assert_cmpuint(one->attempts, ==, 1);
	g_assert_cmpstr(one->last_error, ==, "NetworkUnavailable");
	due = one->next_try - world->now;
	g_assert_cmpint(due, >=, INT64_C(60) * G_USEC_PER_SEC);
	g_assert_cmpint(due, <=, INT64_C(75) * G_USEC_PER_SEC);
	world_restart(world);
	world_attach(world);
	g_string_truncate(world->calls, 0);
	/* Not yet due, and 3 does not overtake it. */
	notify(world, false);
	g_assert_cmpstr(world->calls->str, ==, "");
	world->now += due;
	notify(world, false);
	again = stored(world, 1);
	g_assert_cmpuint(again->attempts, ==, 2);
	g_assert_cmpint(again->next_try - world->now, >=, INT64_C(120) * G_USEC_PER_SEC);
	/* By force it is due now. */
	world->smdp->down = false;
	notify(world, true);
	check_notified(world->smdp, 2, first);
	g_assert_cmpuint(world->card->notifications->len, ==, 0);
	g_autoptr(StoredNotification) gone = stored(world, 1);
	g_assert_cmpuint(gone->attempts, ==, 0);
}

static void test_refused_ones_are_tried_seldom_and_do_not_hold_up_later_ones(void)
{
	g_autoptr(World) world = world_with_four();
	g_autoptr(StoredNotification) one = NULL;

	world->smdp->refuses_notifications = SGP32_ERROR_SERVER_REFUSED;
	notify(world, false);
	/* Both were tried. */
	g_assert_cmpstr(world->smdp->log->str, ==, "notify notify ");
	one = stored(world, 1);
	g_assert_cmpstr(one->last_error, ==, "ServerRefused");
	g_assert_cmpint(one->next_try - world->now, >=, INT64_C(3600) * G_USEC_PER_SEC);
	g_assert_cmpuint(world->card->notifications->len, ==, 2);
	/* An hour of back-off grows to a day. */
	for (unsigned i = 0; i < 8; i++)
		notify(world, true);
	g_autoptr(StoredNotification) late = stored(world, 1);
	g_assert_cmpint(late->next_try - world->now, ==, INT64_C(86400) * G_USEC_PER_SEC);
	world->smdp->refuses_notifications = 0;
	world->now += INT64_C(86400) * G_USEC_PER_SEC;
	notify(world, false);
	g_assert_cmpuint(world->card->notifications->len, ==, 0);
}

static void test_removed_only_after_the_acknowledgement(void)
{
	g_autoptr(World) world = world_with_four();
	static const int64_t first[] = { 1, 1, 3 };

	/* The receiver has it, and its answer was lost: it gets it twice rather than never. */
	fault_plan(1, FAULT_NETWORK_AFTER, NULL);
	notify(world, true);
	g_assert_nonnull(strstr(world->card->log->str, "BF30 "));
	g_assert_cmpuint(world->card->notifications->len, ==, 2);
	fault_plan(0, FAULT_NONE, NULL);
	notify(world, true);
	check_notified(world->smdp, 3, first);
	g_assert_cmpuint(world->smdp->installed, ==, 1);
	g_assert_cmpuint(world->card->notifications->len, ==, 0);
}

static void test_address_that_is_none_is_the_receivers_failure(void)
{
	g_autoptr(World) world = world_new();
	static const int64_t first[] = { 2 };

	fake_card_add_notification(world->card, NOTIFICATION_ENABLE, "not an address", FIRST_ICCID);
	fake_card_add_notification(world->card, NOTIFICATION_ENABLE, SMDP_ADDRESS, FIRST_ICCID);
	world_attach(world);
	notify(world, false);
	check_notified(world->smdp, 1, first);
	g_autoptr(StoredNotification) one = stored(world, 1);
	g_assert_cmpstr(one->last_error, ==, "InvalidArgument");
}

static void test_failures_of_card_store_and_caller_end_the_run(void)
{
	static const struct {
		unsigned step;
		Fault fault;
		const char *name;
	} failures[] = {
		{ 2, FAULT_CARD_6F00, "CardRefused" },
		{ 3, FAULT_STORE_FULL, "StoreUnavailable" },
		{ 1, FAULT_CANCEL, "Cancelled" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(failures); i++) {
		g_autoptr(World) world = world_with_four();
		g_autoptr(GError) error = NULL;

		fault_plan(failures[i].step, failures[i].fault, world->cancel);
		g_assert_false(ipa_notify(&world->ipa, true, &error));
		g_assert_cmpstr(sgp32_error_name(error), ==, failures[i].name);
		fault_plan(0, FAULT_NONE, NULL);
	}
}

static void test_next_time_is_the_earliest(void)
{
	g_autoptr(World) world = world_with_four();
	g_autoptr(StoredNotification) one = NULL;

	g_assert_cmpint(ipa_notify_next(&world->ipa), ==, world->now);
	world->smdp->down = world->smdp2->down = true;
	notify(world, false);
	/* Those behind a failed one have no time of their own: they are due with it. */
	one = stored(world, 1);
	g_assert_cmpint(ipa_notify_next(&world->ipa), >, world->now);
	g_assert_cmpint(ipa_notify_next(&world->ipa), <=, one->next_try);
}

static void test_clock_that_is_set_back_puts_nothing_off(void)
{
	g_autoptr(World) world = world_with_four();
	static const int64_t both[] = { 1, 3 };

	world_attach(world);
	world->smdp->down = true;
	notify(world, false);
	world->smdp->down = false;
	notify(world, false);
	check_notified(world->smdp, 0, NULL);
	world->now -= INT64_C(100) * 86400 * G_USEC_PER_SEC;
	notify(world, false);
	check_notified(world->smdp, 2, both);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/notify/each-receiver-gets-its-own-in-order",
		test_each_receiver_gets_its_own_in_order);
	g_test_add_func(
		"/notify/nothing-pending-costs-nothing", test_nothing_pending_costs_nothing);
	g_test_add_func("/notify/receiver-that-fails-does-not-hold-up-the-others",
		test_receiver_that_fails_does_not_hold_up_the_others);
	g_test_add_func(
		"/notify/back-off-is-kept-over-a-restart", test_back_off_is_kept_over_a_restart);
	g_test_add_func("/notify/refused-ones-are-tried-seldom-and-do-not-hold-up-later-ones",
		test_refused_ones_are_tried_seldom_and_do_not_hold_up_later_ones);
	g_test_add_func("/notify/removed-only-after-the-acknowledgement",
		test_removed_only_after_the_acknowledgement);
	g_test_add_func("/notify/address-that-is-none-is-the-receivers-failure",
		test_address_that_is_none_is_the_receivers_failure);
	g_test_add_func("/notify/failures-of-card-store-and-caller-end-the-run",
		test_failures_of_card_store_and_caller_end_the_run);
	g_test_add_func("/notify/next-time-is-the-earliest", test_next_time_is_the_earliest);
	g_test_add_func("/notify/clock-that-is-set-back-puts-nothing-off",
		test_clock_that_is_set_back_puts_nothing_off);
	return g_test_run();
}
