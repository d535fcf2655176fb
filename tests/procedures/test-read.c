/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* read.c and attach.c: what is read of a card, and how often. */
#include "world.h"

#include <string.h>

static void test_first_sight_reads_each_object_once(void)
{
	g_autoptr(World) world = world_new();
	const Snapshot *snapshot;

	world_attach(world);
	g_assert_cmpstr(world->card->log->str, ==, "BF3E BF22 BF2D BF3C BF55 BF2B BF2B ");
	snapshot = world->ipa.snapshot;
	g_assert_cmpstr(snapshot->eid_text, ==, CARD_EID);
	g_assert_cmpint(snapshot->kind, ==, EUICC_IOT);
	g_assert_cmpuint(snapshot->profiles->len, ==, 2);
	g_assert_cmpstr(snapshot_enabled_profile(snapshot)->iccid, ==, FIRST_ICCID);
	g_assert_cmpstr(snapshot_profile(snapshot, SECOND_ICCID)->service_provider, ==, "Operator");
	g_assert_cmpuint(snapshot->eims->len, ==, 1);
	g_assert_cmpstr(snapshot_eim(snapshot, EIM)->fqdn, ==, "eim.lab.test");
	g_assert_cmpstr(snapshot_eim(snapshot, EIM)->trust, ==, "system");
	g_assert_cmpuint(snapshot->free_memory, ==, 0xa0000);
	g_assert_cmpstr(snapshot->profile_version, ==, "2.3.1");
	g_assert_cmpstr(snapshot->spec_versions[0], ==, "1.2.0");
	g_assert_cmpstr(snapshot->ci_pk_ids[0], ==, CARD_CI);
	g_assert_cmpstr(snapshot->root_smds, ==, "smds.lab.test");
	g_assert_cmpuint(world->published, >=, 1);
	g_assert_cmpuint(world->card->terminal_capabilities, ==, 1);
}

static void test_second_sight_of_a_known_card_costs_no_apdu(void)
{
	g_autoptr(World) world = world_new();

	world_attach(world);
	fake_card_clear_log(world->card);
	world_attach(world);
	g_assert_cmpuint(world->card->apdus, ==, 0);
}

static void test_refresh_reads_all_but_the_eid_again(void)
{
	g_autoptr(World) world = world_new();
	g_autoptr(GError) error = NULL;

	world_attach(world);
	fake_card_clear_log(world->card);
	fake_card_add_profile(world->card, FRESH_ICCID, false, NULL);
	g_assert_true(ipa_refresh(&world->ipa, &error));
	g_assert_cmpstr(world->card->log->str, ==, "BF22 BF2D BF3C BF55 BF2B BF2B ");
	g_assert_nonnull(snapshot_profile(world->ipa.snapshot, FRESH_ICCID));
}

static void test_identify_of_another_card_empties_the_snapshot(void)
{
	g_autoptr(World) world = world_new();
	g_autoptr(GError) error = NULL;
	uint8_t eid[16];

	world_attach(world);
	g_assert_true(ipa_identify(&world->ipa, eid, &error));
	g_assert_cmpuint(world->ipa.snapshot->profiles->len, ==, 2);
	world->card->eid[15] ^= 1;
	g_assert_true(ipa_identify(&world->ipa, eid, &error));
	g_assert_cmpmem(eid, 16, world->card->eid, 16);
	g_assert_cmpuint(world->ipa.snapshot->profiles->len, ==, 0);
	g_assert_false(world->ipa.snapshot->profiles_known);
}

static void test_consumer_card_is_recognised_and_has_no_eims(void)
{
	g_autoptr(World) world = world_new();

	world->card->consumer = true;
	world_attach(world);
	g_assert_cmpint(world->ipa.snapshot->kind, ==, EUICC_CONSUMER);
	g_assert_cmpuint(world->ipa.snapshot->eims->len, ==, 0);
	g_assert_cmpuint(world->ipa.snapshot->profiles->len, ==, 2);
}

static void test_initial_eim_is_added_only_without_one_and_never_twice(void)
{
	g_autoptr(World) world = world_new();

	world_set_initial_eim(world);
	world_attach(world);
	g_assert_cmpuint(world->card->initial_eims, ==, 1);
	g_assert_nonnull(snapshot_eim(world->ipa.snapshot, EIM));
	world_attach(world);
	world_restart(world);
	world_attach(world);
	g_assert_cmpuint(world->card->initial_eims, ==, 1);
	g_assert_null(strstr(world->card->log->str, "BF57 BF3E BF57"));

	/* A card that has another one keeps it. */
	g_ptr_array_set_size(world->card->eims, 0);
	fake_card_add_eim(world->card, "factory", "factory.lab.test");
	world_restart(world);
	fake_card_clear_log(world->card);
	world_attach(world);
	g_assert_null(strstr(world->card->log->str, "BF57"));
	g_assert_nonnull(snapshot_eim(world->ipa.snapshot, "factory"));
}

static void test_initial_eim_whose_answer_was_lost_is_not_added_again(void)
{
	g_autoptr(World) world = world_new();
	g_autoptr(GError) error = NULL;
	unsigned before;

	world_set_initial_eim(world);
	/* Everything before AddInitialEim: the same attach without it. */
	world->settings.initial_eims = (Span) { NULL, 0 };
	fault_plan(0, FAULT_NONE, NULL);
	world_attach(world);
	before = fault_steps();
	world_restart(world);
	world->settings.initial_eims = span_of_array(world->initial_eims);
	fault_plan(before + 1, FAULT_CARD_TIMEOUT_AFTER, NULL);
	g_assert_false(ipa_attach(&world->ipa, &error));
	g_assert_cmpstr(sgp32_error_name(error), ==, "Timeout");
	g_assert_cmpuint(world->card->initial_eims, ==, 1);
	/* The same daemon tries again. */
	fault_plan(0, FAULT_NONE, NULL);
	world_attach(world);
	g_assert_cmpuint(world->card->initial_eims, ==, 1);
	g_assert_nonnull(snapshot_eim(world->ipa.snapshot, EIM));
}

static void test_session_lost_while_reading_is_opened_again(void)
{
	g_autoptr(World) world = world_new();

	fault_plan(5, FAULT_CARD_LOST_AFTER, NULL);
	world_attach(world);
	g_assert_cmpuint(world->card->terminal_capabilities, ==, 2);
	g_assert_cmpuint(world->ipa.snapshot->profiles->len, ==, 2);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/read/first-sight-reads-each-object-once",
		test_first_sight_reads_each_object_once);
	g_test_add_func("/read/second-sight-of-a-known-card-costs-no-apdu",
		test_second_sight_of_a_known_card_costs_no_apdu);
	g_test_add_func("/read/refresh-reads-all-but-the-eid-again",
		test_refresh_reads_all_but_the_eid_again);
	g_test_add_func("/read/identify-of-another-card-empties-the-snapshot",
		test_identify_of_another_card_empties_the_snapshot);
	g_test_add_func("/read/consumer-card-is-recognised-and-has-no-eims",
		test_consumer_card_is_recognised_and_has_no_eims);
	g_test_add_func("/read/initial-eim-is-added-only-without-one-and-never-twice",
		test_initial_eim_is_added_only_without_one_and_never_twice);
	g_test_add_func("/read/initial-eim-whose-answer-was-lost-is-not-added-again",
		test_initial_eim_whose_answer_was_lost_is_not_added_again);
	g_test_add_func("/read/session-lost-while-reading-is-opened-again",
		test_session_lost_while_reading_is_opened_again);
	return g_test_run();
}
