/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "world.h"

#include <glib/gstdio.h>
#include <string.h>

#define ROUNDS_MAX 12
/* Longer than any back-off of the settings and of notifications. */
#define ROUND_TIME (INT64_C(2) * 86400 * G_USEC_PER_SEC)

/* ---- the host ---- */

static void host_progress(
	void *user, const char *step, double progress, HostWait wait, int64_t deadline)
{
	World *world = user;

	g_string_append_printf(world->steps, "%s ", step);
	g_assert_cmpfloat(progress, <=, 1);
	if (progress >= 0)
		world->progress = progress;
}

static void host_publish(void *user, const Snapshot *snapshot)
{
	((World *)user)->published++;
}

static bool host_ask(void *user, const HostQuestion *question, HostAnswer *ret, GError **error)
{
	World *world = user;

	g_string_append_printf(world->asked, "%s ", question->kind);
	g_assert_cmpstr(question->iccid, ==, FRESH_ICCID);
	if (post_cancel_is_set(world->cancel))
		return sgp32_fail(error, SGP32_ERROR_CANCELLED, "Cancelled");
	if (world->ask_fails)
		return sgp32_fail(error, world->ask_fails, "Nobody answered");
	ret->accepted = world->accepts;
	ret->confirmation_code = g_strdup(world->confirmation_code);
	return true;
}

static bool host_wait_online(void *user, const char *iccid, int64_t since, int64_t deadline,
	uint64_t tried, uint64_t *ret_generation, GError **error)
{
	World *world = user;

	world->online_waits++;
	g_free(world->online_iccid);
	world->online_iccid = g_strdup(iccid);
	if (post_cancel_is_set(world->cancel))
		return sgp32_fail(error, SGP32_ERROR_CANCELLED, "Cancelled");
	if (world->offline || fault_crashed()) {
		world->offline -= world->offline ? 1 : 0;
		return sgp32_fail(error, SGP32_ERROR_NETWORK_UNAVAILABLE, "Not online");
	}
	/* A contact failed in that network: here is another one. */
	if (tried == world->generation)
		world->generation++;
	*ret_generation = world->generation;
	return true;
}

static int64_t host_now(void *user)
{
	return ((World *)user)->now;
}

static void note_call(void *user, const char *function)
{
	g_string_append_printf(((World *)user)->calls, "%s ", function);
}

/* ---- the world ---- */

World *world_new(void)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *ci = NULL, *ca = NULL;
	World *world = g_new0(World, 1);

	fault_plan(0, FAULT_NONE, NULL);
	/* Nobody is asked for a certificate here: the hundreds of the system need not be read each time. */
	g_setenv("SSL_CERT_FILE", "/dev/null", TRUE);
	world->folder = g_dir_make_tmp("sgp32-procedures-XXXXXX", &error);
	g_assert_no_error(error);
	ci = g_build_filename(world->folder, "ci.d", NULL);
	ca = g_build_filename(ci, "ca.pem", NULL);
	g_assert_cmpint(g_mkdir(ci, 0700), ==, 0);
	fake_smdp_write_ca(ca);
	world->card = fake_card_new();
	fake_card_add_profile(world->card, FIRST_ICCID, true, NULL);
	fake_card_add_profile(world->card, SECOND_ICCID, false, NULL);
	fake_card_add_eim(world->card, EIM, "eim.lab.test");
	fake_servers_clear();
	world->eim = fake_eim_new(EIM);
	world->smdp = fake_smdp_new(SMDP_ADDRESS);
	world->smdp2 = fake_smdp_new(SMDP_OTHER);
	fake_servers_add_eim(world->eim);
	fake_servers_add_smdp(world->smdp);
	fake_servers_add_smdp(world->smdp2);
	fake_servers_on_call(note_call, world);
	world->now = INT64_C(1800000000) * G_USEC_PER_SEC;
	world->generation = 1;
	world->accepts = true;
	world->asked = g_string_new(NULL);
	world->calls = g_string_new(NULL);
	world->steps = g_string_new(NULL);
	world->initial_eims = g_byte_array_new();
	world->peers = g_ptr_array_new();
	world->settings = (IpaSettings) {
		.poll_interval = 3600,
		.backoff_min = 60,
		.backoff_max = 3600,
		.packages_per_poll = 32,
		.ci_folder = g_steal_pointer(&ci),
		.refresh_timeout = 5,
		.online_timeout = 300,
		.delivery_tries = 3,
		.peers = world->peers,
	};
	world_start(world);
	return world;
}

void world_free(World *world)
{
	static const char *const files[] = { "store.db", "store.db-wal", "store.db-shm",
		"ci.d/ca.pem", "ci.d", "" };

	if (!world)
		return;
	world_stop(world);
	for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path = g_build_filename(world->folder, files[i], NULL);

		g_remove(path);
	}
	g_assert_false(g_file_test(world->folder, G_FILE_TEST_EXISTS));
	g_free(world->folder);
	fake_servers_clear();
	fake_card_free(world->card);
	fake_eim_free(world->eim);
	fake_eim_free(world->other);
	fake_smdp_free(world->smdp);
	fake_smdp_free(world->smdp2);
	g_free(world->online_iccid);
	g_string_free(world->asked, TRUE);
	g_string_free(world->calls, TRUE);
	g_string_free(world->steps, TRUE);
	g_byte_array_unref(world->initial_eims);
	g_ptr_array_unref(world->peers);
	g_free((char *)world->settings.ci_folder);
	g_free(world);
}

void world_add_other_eim(World *world)
{
	world->other = fake_eim_new(OTHER_EIM);
	fake_servers_add_eim(world->other);
	fake_card_add_eim(world->card, OTHER_EIM, "eim2.lab.test");
}

void world_set_initial_eim(World *world)
{
	g_autoptr(GBytes) entry = fake_card_eim_data(EIM, "eim.lab.test", -1);

	array_append_span(world->initial_eims, span_of(entry));
	world->settings.initial_eims = span_of_array(world->initial_eims);
	g_ptr_array_set_size(world->card->eims, 0);
}

void world_job(World *world)
{
	post_cancel_unref(world->cancel);
	world->cancel = post_cancel_new();
	if (world->result.values)
		g_variant_dict_unref(world->result.values);
	g_clear_error(&world->result.verdict);
	world->result = (IpaResult) { .values = g_variant_dict_new(NULL) };
	world->ipa.result = &world->result;
	world->ipa.cancel = world->cancel;
	isdr_set_cancel(world->ipa.isdr, world->cancel);
}

void world_start(World *world)
{
	static const uint8_t capability[] = { 0xa9, 0x03, 0x84, 0x01, 0x01 };
	static Host host = {
		.progress = host_progress,
		.publish = host_publish,
		.ask = host_ask,
		.wait_online = host_wait_online,
		.now = host_now,
	};
	IsdrSettings settings = {
		.terminal_capability = SPAN_ARRAY(capability), .busy_ms = 10, .refresh_ms = 1000
	};
	g_autoptr(GError) error = NULL;

	host.user = world;
	world->attached = false;
	world->store = store_open(world->folder, &error);
	g_assert_no_error(error);
	world->ipa = (Ipa) {
		.isdr = isdr_new(fake_card_open(world->card), &settings),
		.store = world->store,
		.host = &host,
		.settings = &world->settings,
		.snapshot = snapshot_new(),
	};
	world_job(world);
}

void world_stop(World *world)
{
	if (!world->store)
		return;
	isdr_set_cancel(world->ipa.isdr, NULL);
	g_clear_pointer(&world->ipa.isdr, isdr_free);
	g_clear_pointer(&world->ipa.snapshot, snapshot_free);
	g_clear_pointer(&world->store, store_close);
	g_clear_pointer(&world->result.values, g_variant_dict_unref);
	g_clear_error(&world->result.verdict);
	g_clear_pointer(&world->cancel, post_cancel_unref);
}

void world_restart(World *world)
{
	world_stop(world);
	fault_plan(0, FAULT_NONE, NULL);
	if (world->card->device_gone || !world->card->present)
		fake_card_power_cycle(world->card);
	world_start(world);
}

void world_attach(World *world)
{
	g_autoptr(GError) error = NULL;
	bool ok = ipa_attach(&world->ipa, &error);

	g_assert_no_error(error);
	g_assert_true(ok);
	world->attached = true;
}

void world_poll(World *world, const char *eim_id)
{
	g_autoptr(GError) error = NULL;
	bool ok = ipa_poll(&world->ipa, eim_id, &error);

	g_assert_no_error(error);
	g_assert_true(ok);
}

void world_poll_fails(World *world, const char *eim_id, Sgp32Error code)
{
	g_autoptr(GError) error = NULL;

	g_assert_false(ipa_poll(&world->ipa, eim_id, &error));
	g_assert_cmpstr(sgp32_error_name(error), ==, sgp32_error_code_name(code));
}

bool world_run(World *world, bool attach, GError **error)
{
	g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);

	world->attached = world->attached && !attach;
	if (attach ? !ipa_attach(&world->ipa, error) : !ipa_read_eims(&world->ipa, error))
		return false;
	world->attached = true;
	for (guint i = 0; i < world->ipa.snapshot->eims->len; i++)
		g_ptr_array_add(
			ids, g_strdup(((CardEim *)world->ipa.snapshot->eims->pdata[i])->eim_id));
	for (guint i = 0; i < ids->len; i++)
		if (snapshot_eim(world->ipa.snapshot, ids->pdata[i]) &&
			!ipa_poll(&world->ipa, ids->pdata[i], error))
			return false;
	return ipa_notify(&world->ipa, true, error);
}

static bool settled(World *world)
{
	return fake_eim_done(world->eim) && (!world->other || fake_eim_done(world->other)) &&
		world->card->notifications->len == 0 && world->card->results->len == 0 &&
		world_phase(world) == PACKAGE_IDLE && world_triggers(world) == 0;
}

void world_settle(World *world)
{
	bool attach = !world->attached;

	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		g_autoptr(GError) error = NULL;

		world_job(world);
		world->now += ROUND_TIME;
		if (!world_run(world, attach, &error))
			g_test_message("round %u: %s", round, error->message);
		else if (settled(world))
			return;
		attach = !world->attached || sgp32_error_is(error, SGP32_ERROR_CARD_LOST) ||
			sgp32_error_is(error, SGP32_ERROR_NO_CARD);
	}
	g_test_message("eIM done %d, notifications %u, results %u, phase %s, triggers %u",
		fake_eim_done(world->eim), world->card->notifications->len,
		world->card->results->len, package_phase_text(world_phase(world)),
		world_triggers(world));
	g_test_fail();
}

PackagePhase world_phase(World *world)
{
	g_autoptr(StoredPackage) package = NULL;
	g_autoptr(GError) error = NULL;

	g_assert_true(store_package_get(world->store, CARD_EID, &package, &error));
	return package ? package->phase : PACKAGE_IDLE;
}

unsigned world_triggers(World *world)
{
	g_autoptr(GPtrArray) list = NULL;
	g_autoptr(GError) error = NULL;

	g_assert_true(store_trigger_list(world->store, CARD_EID, NULL, &list, &error));
	return list->len;
}

char *world_stored_iccid_server(World *world, const char *iccid)
{
	g_autofree char *key = g_strconcat(CARD_SMDP, iccid, NULL);
	g_autoptr(GError) error = NULL;
	char *value = NULL;

	g_assert_true(store_card_get(world->store, CARD_EID, key, &value, &error));
	return value;
}
