/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* poll.c and peer.c: one eIM, until it has nothing more; its schedule. */
#include "world.h"

#include <string.h>

static StoredEim *stored_eim(World *world, const char *eim_id)
{
	g_autoptr(GError) error = NULL;
	StoredEim *stored = NULL;

	g_assert_true(store_eim_get(world->store, CARD_EID, eim_id, &stored, &error));
	return stored;
}

static void test_poll_that_finds_nothing_costs_no_apdu(void)
{
	g_autoptr(World) world = world_new();
	g_autoptr(StoredEim) stored = NULL;

	world_attach(world);
	fake_card_clear_log(world->card);
	world_poll(world, EIM);
	g_assert_cmpuint(world->card->apdus, ==, 0);
	g_assert_cmpstr(world->calls->str, ==, "get-package ");
	stored = stored_eim(world, EIM);
	g_assert_cmpstr(stored->last_result, ==, "nothing");
	g_assert_cmpint(stored->last_poll, ==, world->now);
	g_assert_cmpint(stored->next_poll, ==, world->now + INT64_C(3600) * G_USEC_PER_SEC);
	g_assert_cmpuint(stored->failures, ==, 0);
	g_assert_cmpint(store_last_seen(world->store), ==, world->now / G_USEC_PER_SEC);
}

static void test_interval_of_the_configuration_goes_before_the_general_one(void)
{
	g_autoptr(World) world = world_new();
	g_autoptr(StoredEim) stored = NULL;
	IpaPeer peer = { .eim_id = (char *)EIM, .interval = 60 };

	g_ptr_array_add(world->peers, &peer);
	world_attach(world);
	world_poll(world, EIM);
	stored = stored_eim(world, EIM);
	g_assert_cmpint(stored->next_poll, ==, world->now + 60 * G_USEC_PER_SEC);
}

static void test_failures_back_off_and_a_success_ends_that(void)
{
	g_autoptr(World) world = world_new();
	static const int64_t least[] = { 60, 120, 240, 480, 960, 1920, 3600, 3600 };

	world_attach(world);
	world->eim->down = true;
	for (unsigned i = 0; i < G_N_ELEMENTS(least); i++) {
		g_autoptr(StoredEim) stored = NULL;
		int64_t seconds;

		world_poll_fails(world, EIM, SGP32_ERROR_NETWORK_UNAVAILABLE);
		stored = stored_eim(world, EIM);
		seconds = (stored->next_poll - world->now) / G_USEC_PER_SEC;
		g_assert_cmpuint(stored->failures, ==, i + 1);
		g_assert_cmpstr(stored->last_result, ==, "NetworkUnavailable");
		g_assert_cmpint(seconds, >=, least[i]);
		g_assert_cmpint(seconds, <=, MIN(least[i] + least[i] / 4, 3600));
	}
	world->eim->down = false;
	world_poll(world, EIM);
	g_autoptr(StoredEim) stored = stored_eim(world, EIM);
	g_assert_cmpuint(stored->failures, ==, 0);
}

static void test_what_is_not_the_eims_failure_leaves_its_schedule(void)
{
	g_autoptr(World) world = world_new();
	g_autoptr(StoredEim) stored = NULL, after = NULL;

	world_attach(world);
	world_poll(world, EIM);
	stored = stored_eim(world, EIM);
	world->now += G_USEC_PER_SEC;
	post_cancel_set(world->cancel);
	world_poll_fails(world, EIM, SGP32_ERROR_CANCELLED);
	world_job(world);
	fake_eim_package(world->eim, 1, LIST_PROFILES);
	fake_card_pull(world->card);
	world_poll_fails(world, EIM, SGP32_ERROR_NO_CARD);
	after = stored_eim(world, EIM);
	g_assert_cmpint(after->last_poll, ==, stored->last_poll);
	g_assert_cmpint(after->next_poll, ==, stored->next_poll);
	g_assert_cmpuint(after->failures, ==, 0);
}

static void test_same_package_twice_stops(void)
{
	g_autoptr(World) world = world_new();

	world_attach(world);
	fake_eim_package(world->eim, 1, LIST_PROFILES);
	world->eim->forgets = true;
	world_poll_fails(world, EIM, SGP32_ERROR_SERVER_REFUSED);
	g_assert_cmpuint(world->eim->questions, ==, 2);
	g_assert_true(fake_card_executed(world->card, 1, 1));
}

static void test_packages_of_one_poll_are_limited(void)
{
	g_autoptr(World) world = world_new();
	IpaPeer peer = { .eim_id = (char *)EIM, .packages = 1 };

	world_attach(world);
	world->settings.packages_per_poll = 2;
	for (int64_t counter = 1; counter <= 4; counter++)
		fake_eim_package(world->eim, counter, LIST_PROFILES);
	world_poll(world, EIM);
	g_assert_cmpuint(world->card->executed->len, ==, 2);
	g_assert_cmpuint(world->ipa.result->packages, ==, 2);
	g_ptr_array_add(world->peers, &peer);
	world_poll(world, EIM);
	g_assert_cmpuint(world->card->executed->len, ==, 3);
}

static void test_eim_without_a_way_to_it_is_named(void)
{
	g_autoptr(World) world = world_new();
	g_autoptr(GError) error = NULL;
	IpaPeer peer = { .eim_id = (char *)EIM, .address = (char *)"eim.local:8443" };
	FakeEntry *entry = fake_card_eim(world->card, EIM);

	g_bytes_unref(entry->data);
	entry->data = tlv(0x30, tlv_text(0x80, EIM), tlv_hex("87020780"), NULL);
	world_attach(world);
	g_assert_false(ipa_poll(&world->ipa, EIM, &error));
	g_assert_cmpstr(sgp32_error_name(error), ==, "NotSupported");
	g_assert_nonnull(sgp32_error_details(error)->hint);
	g_ptr_array_add(world->peers, &peer);
	world_poll(world, EIM);
	g_assert_cmpuint(world->eim->questions, ==, 1);
}

static void test_eim_that_speaks_only_coap_is_not_asked(void)
{
	g_autoptr(World) world = world_new();
	FakeEntry *entry = fake_card_eim(world->card, EIM);

	g_bytes_unref(entry->data);
	entry->data = tlv(0x30, tlv_text(0x80, EIM), tlv_text(0x81, "eim.lab.test"),
		tlv_hex("87020640"), NULL);
	world_attach(world);
	world_poll_fails(world, EIM, SGP32_ERROR_NOT_SUPPORTED);
	g_assert_cmpuint(world->eim->questions, ==, 0);
}

static void test_unknown_eim_is_not_found(void)
{
	g_autoptr(World) world = world_new();

	world_attach(world);
	world_poll_fails(world, "nobody", SGP32_ERROR_NOT_FOUND);
}

static void test_state_change_is_told_once(void)
{
	g_autoptr(World) world = world_new();
	g_autoptr(StoredEim) stored = NULL;
	g_autoptr(GError) error = NULL;

	world_attach(world);
	stored = stored_eim(world, EIM);
	stored->state_change = STATE_CHANGE_RESET;
	g_assert_true(store_eim_put(world->store, CARD_EID, stored, &error));
	/* Not while the eIM does not answer. */
	world->eim->down = true;
	world_poll_fails(world, EIM, SGP32_ERROR_NETWORK_UNAVAILABLE);
	world->eim->down = false;
	world_poll(world, EIM);
	world_poll(world, EIM);
	g_assert_cmpuint(world->eim->questions, ==, 2);
	g_assert_cmpuint(world->eim->causes->len, ==, 1);
	g_assert_cmpint(g_array_index(world->eim->causes, int, 0), ==, STATE_CHANGE_RESET);
}

static void test_other_eims_hear_of_a_change(void)
{
	g_autoptr(World) world = world_new();

	world_add_other_eim(world);
	world_attach(world);
	/* Nothing changes by asking. */
	fake_eim_package(world->eim, 1, LIST_PROFILES);
	world_poll(world, EIM);
	world_poll(world, OTHER_EIM);
	g_assert_cmpuint(world->other->causes->len, ==, 0);
	fake_eim_package(world->eim, 2, ENABLE_SECOND);
	world_poll(world, EIM);
	g_assert_cmpuint(world->eim->causes->len, ==, 0);
	world_poll(world, OTHER_EIM);
	g_assert_cmpuint(world->other->causes->len, ==, 1);
	g_assert_cmpint(g_array_index(world->other->causes, int, 0), ==, STATE_CHANGE_OTHER_EIM);
	world_poll(world, EIM);
	g_assert_cmpuint(world->eim->causes->len, ==, 0);
}

static void test_eco_reads_the_eims_again(void)
{
	g_autoptr(World) world = world_new();

	world_attach(world);
	/* addEim eim2 at eim2.lab.test */
	fake_eim_package(
		world->eim, 1, "a11aa818800465696d32 810d65696d322e6c61622e74657374 830100");
	fake_card_clear_log(world->card);
	world_poll(world, EIM);
	g_assert_nonnull(strstr(world->card->log->str, "BF51 "));
	g_assert_nonnull(strstr(world->card->log->str, "BF55 "));
	g_assert_nonnull(snapshot_eim(world->ipa.snapshot, "eim2"));
	g_assert_true(fake_eim_done(world->eim));
}

static void test_eim_that_was_deleted_is_not_polled_again(void)
{
	g_autoptr(World) world = world_new();
	g_autoptr(StoredEim) stored = NULL;

	world_add_other_eim(world);
	world_attach(world);
	fake_eim_package(world->eim, 1, DELETE_OWN_EIM);
	fake_eim_package(world->eim, 2, LIST_PROFILES);
	world_poll(world, EIM);
	g_assert_cmpuint(world->eim->questions, ==, 1);
	g_assert_null(snapshot_eim(world->ipa.snapshot, EIM));
	/* Its last result was delivered, and removed. */
	g_assert_cmpuint(world->eim->results, ==, 1);
	g_assert_cmpuint(world->card->results->len, ==, 0);
	world_poll_fails(world, EIM, SGP32_ERROR_NOT_FOUND);
	g_assert_cmpuint(world->eim->questions, ==, 1);
}

static void test_downloads_of_one_poll_go_on_after_a_data_request(void)
{
	g_autoptr(World) world = world_new();

	world_attach(world);
	fake_eim_data(world->eim, "5c0184");
	fake_eim_trigger(world->eim, ACTIVATION_CODE, "0102");
	fake_eim_package(world->eim, 1, LIST_PROFILES);
	world_poll(world, EIM);
	g_assert_true(fake_eim_done(world->eim));
	g_assert_cmpuint(world->eim->strangers, ==, 0);
	g_assert_cmpuint(world->ipa.result->packages, ==, 3);
	g_assert_nonnull(fake_card_profile(world->card, FRESH_ICCID));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/poll/poll-that-finds-nothing-costs-no-apdu",
		test_poll_that_finds_nothing_costs_no_apdu);
	g_test_add_func("/poll/interval-of-the-configuration-goes-before-the-general-one",
		test_interval_of_the_configuration_goes_before_the_general_one);
	g_test_add_func("/poll/failures-back-off-and-a-success-ends-that",
		test_failures_back_off_and_a_success_ends_that);
	g_test_add_func("/poll/what-is-not-the-eims-failure-leaves-its-schedule",
		test_what_is_not_the_eims_failure_leaves_its_schedule);
	g_test_add_func("/poll/same-package-twice-stops", test_same_package_twice_stops);
	g_test_add_func(
		"/poll/packages-of-one-poll-are-limited", test_packages_of_one_poll_are_limited);
	g_test_add_func(
		"/poll/eim-without-a-way-to-it-is-named", test_eim_without_a_way_to_it_is_named);
	g_test_add_func("/poll/eim-that-speaks-only-coap-is-not-asked",
		test_eim_that_speaks_only_coap_is_not_asked);
	g_test_add_func("/poll/unknown-eim-is-not-found", test_unknown_eim_is_not_found);
	g_test_add_func("/poll/state-change-is-told-once", test_state_change_is_told_once);
	g_test_add_func("/poll/other-eims-hear-of-a-change", test_other_eims_hear_of_a_change);
	g_test_add_func("/poll/eco-reads-the-eims-again", test_eco_reads_the_eims_again);
	g_test_add_func("/poll/eim-that-was-deleted-is-not-polled-again",
		test_eim_that_was_deleted_is_not_polled_again);
	g_test_add_func("/poll/downloads-of-one-poll-go-on-after-a-data-request",
		test_downloads_of_one_poll_go_on_after_a_data_request);
	return g_test_run();
}
