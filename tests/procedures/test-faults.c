/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every step of a run fails in every way: whatever happened, once things are well again the card, the eIMs and
 * the SM-DP+ come to the state of a run without failure; nothing was done twice, and each failure had a name.
 */
#include "world.h"

#include <string.h>

typedef struct Scenario {
	const char *name;
	void (*prepare)(World *world);
	/* What the outcome has to be; refused: a server or the card was made to say no. */
	void (*check)(World *world, bool refused);
} Scenario;

/* A no, after which an order of an eIM may be over without having been done. */
static bool is_refusal(Fault fault)
{
	switch (fault) {
	case FAULT_CARD_6A80:
	case FAULT_CARD_6985:
	case FAULT_CARD_6F00:
	case FAULT_CARD_GARBAGE:
	case FAULT_SERVER_REFUSED:
	case FAULT_SERVER_UNTRUSTED:
	case FAULT_SERVER_MALFORMED: return true;
	default: return false;
	}
}

static const EimPackageResult *result_of(EimItem *item, Msg **msg)
{
	g_autoptr(GError) error = NULL;

	g_assert_nonnull(item->result);
	*msg = msg_decode(&EIM_PACKAGE_RESULT, span_of(item->result), &error);
	g_assert_no_error(error);
	return MSG_BODY(*msg, EimPackageResult);
}

/* The eIM was told that it was done, and it was done once; or, refused, that it was not, and it was not. */
static bool package_done(World *world, EimItem *item, bool refused)
{
	g_autoptr(Msg) msg = NULL;
	const EimPackageResult *result = result_of(item, &msg);

	if (result->euicc_package_result &&
		result->euicc_package_result->euicc_package_result_signed) {
		g_assert_true(fake_card_executed(world->card, item->counter, 1));
		return true;
	}
	g_assert_true(refused);
	return false;
}

static void prepare_switch(World *world)
{
	world_add_other_eim(world);
	fake_card_profile(world->card, FIRST_ICCID)->notify = g_strdup(SMDP_ADDRESS);
	fake_card_profile(world->card, SECOND_ICCID)->notify = g_strdup(SMDP_OTHER);
	fake_eim_package(world->eim, 1, ENABLE_SECOND);
	fake_eim_package(world->eim, 2, LIST_PROFILES);
}

static void check_switch(World *world, bool refused)
{
	bool done = package_done(world, world->eim->items->pdata[0], refused);

	package_done(world, world->eim->items->pdata[1], refused);
	g_assert_cmpstr(fake_card_enabled(world->card), ==, done ? SECOND_ICCID : FIRST_ICCID);
	g_assert_cmpuint(world->eim->strangers, ==, 0);
	g_assert_cmpuint(world->eim->causes->len, ==, 0);
	if (done) {
		g_assert_cmpuint(world->smdp->notified->len, >=, 1);
		g_assert_cmpuint(world->smdp2->notified->len, >=, 1);
		g_assert_cmpuint(world->other->causes->len, >=, 1);
	}
	g_assert_cmpstr(snapshot_enabled_profile(world->ipa.snapshot)->iccid, ==,
		fake_card_enabled(world->card));
}

static void prepare_eims(World *world)
{
	world_add_other_eim(world);
	fake_eim_data(world->eim, "5c04a2a0bf22");
	fake_eim_package(world->eim, 1, DELETE_SECOND);
	fake_eim_package(world->other, 5, "a108a906800465696d31");
}

static void check_eims(World *world, bool refused)
{
	package_done(world, world->eim->items->pdata[1], refused);
	if (package_done(world, world->other->items->pdata[0], refused))
		g_assert_null(snapshot_eim(world->ipa.snapshot, EIM));
	g_assert_cmpuint(world->eim->strangers + world->other->strangers, ==, 0);
}

static void prepare_download(World *world)
{
	world->smdp->elements = 2;
	fake_eim_trigger(world->eim, ACTIVATION_CODE, "0102");
}

static void check_download(World *world, bool refused)
{
	EimItem *item = world->eim->items->pdata[0];
	g_autoptr(Msg) msg = NULL;
	const ProfileDownloadTriggerResultData *data =
		result_of(item, &msg)
			->profile_download_trigger_result->profile_download_trigger_result_data;
	bool done = data->profile_installation_result &&
		data->profile_installation_result->profile_installation_result_data->final_result
			->success_result;

	g_assert_cmpuint(world->eim->strangers, ==, 0);
	g_assert_cmpuint(world->card->installs_failed, ==, 0);
	g_assert_cmpuint(world->smdp->failed, ==, 0);
	if (!done) {
		g_assert_true(refused);
		g_assert_cmpuint(world->card->installs, ==, 0);
		g_assert_cmpuint(world->smdp->installed, ==, 0);
		return;
	}
	g_assert_cmpuint(world->card->installs, ==, 1);
	g_assert_cmpuint(world->smdp->installed, ==, 1);
	g_assert_nonnull(snapshot_profile(world->ipa.snapshot, FRESH_ICCID));
}

static void prepare_initial(World *world)
{
	world_set_initial_eim(world);
	fake_eim_package(world->eim, 1, LIST_PROFILES);
	fake_card_add_notification(world->card, NOTIFICATION_DELETE, SMDP_ADDRESS, FRESH_ICCID);
}

static void check_initial(World *world, bool refused)
{
	g_assert_cmpuint(world->card->initial_eims, ==, 1);
	package_done(world, world->eim->items->pdata[0], refused);
	g_assert_cmpuint(world->smdp->notified->len, >=, 1);
}

static World *scenario_world(const Scenario *scenario)
{
	World *world = world_new();

	scenario->prepare(world);
	return world;
}

static void run_one(const Scenario *scenario, unsigned n, Fault fault, bool restart)
{
	g_autoptr(World) world = scenario_world(scenario);
	g_autoptr(GError) error = NULL;
	bool ok, crashed;

	fault_plan(n, fault, world->cancel);
	ok = world_run(world, true, &error);
	crashed = fault_crashed();
	fault_plan(0, FAULT_NONE, NULL);
	if (!ok) {
		g_assert_nonnull(error);
		if (error->domain != SGP32_ERROR || error->code == SGP32_ERROR_FAILED) {
			g_test_message("%s: %s", g_quark_to_string(error->domain), error->message);
			g_test_fail();
		}
	}
	/* A daemon whose first sight of the card failed looks again: world_settle() does. */
	if (restart || crashed) {
		world_restart(world);
	} else if (world->attached &&
		(sgp32_error_is(error, SGP32_ERROR_CARD_LOST) ||
			sgp32_error_is(error, SGP32_ERROR_NO_CARD))) {
		uint8_t eid[16];
		g_autoptr(GError) local = NULL;

		world_job(world);
		g_assert_true(ipa_identify(&world->ipa, eid, &local));
		ipa_forget(&world->ipa);
		world_attach(world);
	}
	world_settle(world);
	/* What is known to be out of date is read with its next use. */
	world_job(world);
	g_assert_true(ipa_read_profiles(&world->ipa, NULL) && ipa_read_eims(&world->ipa, NULL));
	scenario->check(world, is_refusal(fault));
	if (g_test_failed())
		g_error("%s: step %u: %s%s: %s", scenario->name, n, fault_text(fault),
			restart ? ", restarted" : "", error ? error->message : "no error");
}

static void test_scenario(const void *data)
{
	const Scenario *scenario = data;
	g_autofree Step *steps = NULL;
	unsigned n_steps, runs = 0;

	{
		g_autoptr(World) world = scenario_world(scenario);
		g_autoptr(GError) error = NULL;

		fault_plan(0, FAULT_NONE, NULL);
		g_assert_true(world_run(world, true, &error));
		n_steps = fault_steps();
		steps = fault_steps_taken();
		world_settle(world);
		scenario->check(world, false);
		g_assert_false(g_test_failed());
	}
	for (unsigned n = 1; n <= n_steps; n++)
		for (Fault fault = FAULT_NONE + 1; fault < N_FAULTS; fault++) {
			if (!fault_fits(fault, steps[n - 1]))
				continue;
			if (g_getenv("FAULT_TRACE"))
				g_printerr("step %u: %s\n", n, fault_text(fault));
			run_one(scenario, n, fault, true);
			runs++;
			if (fault < FAULT_CRASH_BEFORE) {
				run_one(scenario, n, fault, false);
				runs++;
			}
		}
	g_test_message("%u steps, %u runs", n_steps, runs);
}

int main(int argc, char **argv)
{
	static const Scenario scenarios[] = {
		{ "/faults/initial-eim-and-notification", prepare_initial, check_initial },
		{ "/faults/switch-of-profiles", prepare_switch, check_switch },
		{ "/faults/changes-of-eims", prepare_eims, check_eims },
		{ "/faults/download", prepare_download, check_download },
	};

	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(scenarios); i++)
		g_test_add_data_func(scenarios[i].name, &scenarios[i], test_scenario);
	return g_test_run();
}
