/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store.h"

#define EID "89049032123451234512345678901235"

static char *folder_new(void)
{
	g_autoptr(GError) error = NULL;
	char *folder = g_dir_make_tmp("sgp32-store-XXXXXX", &error);

	g_assert_no_error(error);
	return folder;
}

static void folder_remove(char *folder)
{
	static const char *const files[] = { "store.db", "store.db-wal", "store.db-shm" };

	for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path = g_build_filename(folder, files[i], NULL);

		g_unlink(path);
	}
	g_assert_cmpint(g_rmdir(folder), ==, 0);
	g_free(folder);
}

static Store *store_open_good(const char *folder)
{
	g_autoptr(GError) error = NULL;
	Store *store = store_open(folder, &error);

	g_assert_no_error(error);
	return store;
}

static void test_package_keeps_its_phase_over_a_restart(void)
{
	char *folder = folder_new();
	Store *store = store_open_good(folder);
	g_autoptr(StoredPackage) package = NULL;
	g_autoptr(GError) error = NULL;

	g_assert_true(store_package_get(store, EID, &package, &error));
	g_assert_null(package);
	g_assert_true(store_package_received(
		store, EID, "eim1", 7, true, true, SPAN_LITERAL("\xbf\x51\x00"), &error));
	store_close(store);

	store = store_open_good(folder);
	g_assert_true(store_package_get(store, EID, &package, &error));
	g_assert_cmpint(package->phase, ==, PACKAGE_RECEIVED);
	g_assert_cmpint(package->counter, ==, 7);
	g_assert_true(package->rollback);
	g_assert_null(package->answer);
	g_clear_pointer(&package, stored_package_free);

	g_assert_true(store_package_phase(
		store, EID, PACKAGE_EXECUTED, SPAN_LITERAL("\xbf\x51\x01\x00"), &error));
	g_assert_true(
		store_package_phase(store, EID, PACKAGE_REPORTED, (Span) { NULL, 0 }, &error));
	g_assert_true(store_package_get(store, EID, &package, &error));
	g_assert_cmpint(package->phase, ==, PACKAGE_REPORTED);
	g_assert_cmpint(g_bytes_get_size(package->answer), ==, 4);
	g_clear_pointer(&package, stored_package_free);

	g_assert_true(store_package_clear(store, EID, &error));
	g_assert_true(store_package_get(store, EID, &package, &error));
	g_assert_null(package);
	store_close(store);
	folder_remove(folder);
}

static void test_unknown_eim_has_defaults(void)
{
	char *folder = folder_new();
	Store *store = store_open_good(folder);
	g_autoptr(StoredEim) eim = NULL;
	g_autoptr(GError) error = NULL;
	static const char *const keep[] = { "other", NULL };

	g_assert_true(store_eim_get(store, EID, "eim1", &eim, &error));
	g_assert_true(eim->enabled);
	g_assert_cmpint(eim->state_change, ==, -1);
	eim->failures = 3;
	eim->next_poll = 12345;
	g_assert_true(store_eim_put(store, EID, eim, &error));
	g_clear_pointer(&eim, stored_eim_free);
	g_assert_true(store_eim_get(store, EID, "eim1", &eim, &error));
	g_assert_cmpint(eim->failures, ==, 3);
	g_assert_cmpint(eim->next_poll, ==, 12345);
	g_assert_true(store_eim_keep(store, EID, keep, &error));
	g_clear_pointer(&eim, stored_eim_free);
	g_assert_true(store_eim_get(store, EID, "eim1", &eim, &error));
	g_assert_cmpint(eim->failures, ==, 0);
	store_close(store);
	folder_remove(folder);
}

static void test_history_is_bounded(void)
{
	char *folder = folder_new();
	Store *store = store_open_good(folder);
	g_autoptr(GPtrArray) list = NULL;
	g_autoptr(GError) error = NULL;

	for (int i = 0; i < 5; i++) {
		StoredJob job = { EID, "poll", "boot", "done", "", "", "{}", i, i };

		g_assert_true(store_history_add(store, &job, &error));
	}
	g_assert_true(store_history_list(store, EID, 3, &list, &error));
	g_assert_cmpint(list->len, ==, 3);
	g_assert_cmpint(((StoredJob *)list->pdata[0])->start_time, ==, 4);
	g_clear_pointer(&list, g_ptr_array_unref);
	g_assert_true(store_history_list(store, "other", 3, &list, &error));
	g_assert_cmpint(list->len, ==, 0);
	store_close(store);
	folder_remove(folder);
}

static void test_damaged_store_is_named(void)
{
	char *folder = folder_new();
	g_autofree char *path = g_build_filename(folder, "store.db", NULL),
			*text = g_strnfill(8192, 'x');
	g_autoptr(GError) error = NULL;

	g_assert_true(g_file_set_contents(path, text, -1, NULL));
	g_assert_null(store_open(folder, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_STORE_UNAVAILABLE);
	g_assert_nonnull(strstr(sgp32_error_details(error)->hint, "move store.db"));
	folder_remove(folder);
}

static void test_full_store_takes_no_package(void)
{
	if (!g_test_subprocess()) {
		g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
		g_test_trap_assert_passed();
		return;
	}
	/* A limit on the size of files stands for a full disk. */
	struct rlimit limit = { 65536, 65536 };
	char *folder = folder_new();
	Store *store = store_open_good(folder);
	g_autofree char *big = g_strnfill(200000, 'x');
	g_autoptr(StoredPackage) package = NULL;
	g_autoptr(GError) error = NULL;

	signal(SIGXFSZ, SIG_IGN);
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
	g_assert_false(store_package_received(
		store, EID, "eim1", 1, false, false, span(big, 200000), &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_STORE_UNAVAILABLE);
	g_clear_error(&error);
	g_assert_true(store_package_get(store, EID, &package, &error));
	g_assert_null(package);
	store_close(store);
	folder_remove(folder);
}

static void test_facts_of_a_card(void)
{
	char *folder = folder_new();
	Store *store = store_open_good(folder);
	g_autofree char *value = NULL;
	g_autoptr(GError) error = NULL;

	g_assert_true(store_card_get(store, EID, CARD_POLLING, &value, &error));
	g_assert_null(value);
	g_assert_true(store_card_set(store, EID, CARD_POLLING, "no", &error));
	g_assert_true(store_card_get(store, EID, CARD_POLLING, &value, &error));
	g_assert_cmpstr(value, ==, "no");
	g_assert_true(store_card_set(store, EID, CARD_POLLING, NULL, &error));
	g_clear_pointer(&value, g_free);
	g_assert_true(store_card_get(store, EID, CARD_POLLING, &value, &error));
	g_assert_null(value);
	g_assert_cmpint(store_last_seen(store), ==, 0);
	g_assert_true(store_set_last_seen(store, 42, &error));
	g_assert_cmpint(store_last_seen(store), ==, 42);
	store_close(store);
	folder_remove(folder);
}

static void test_triggers_wait_in_order(void)
{
	char *folder = folder_new();
	Store *store = store_open_good(folder);
	g_autoptr(GPtrArray) list = NULL;
	g_autoptr(GError) error = NULL;
	int64_t first, second;

	g_assert_true(store_trigger_begin(store, EID, "a", SPAN_LITERAL("\x01"), &first, &error));
	g_assert_true(store_trigger_begin(store, EID, "b", (Span) { NULL, 0 }, &second, &error));
	g_assert_true(store_trigger_session(store, first, SPAN_LITERAL("\x02\x03"), &error));
	g_assert_true(store_trigger_list(store, EID, NULL, &list, &error));
	g_assert_cmpint(list->len, ==, 2);
	g_assert_cmpint(((StoredTrigger *)list->pdata[0])->id, ==, first);
	g_assert_cmpint(
		g_bytes_get_size(((StoredTrigger *)list->pdata[0])->rsp_transaction), ==, 2);
	g_assert_null(((StoredTrigger *)list->pdata[0])->result);
	g_assert_null(((StoredTrigger *)list->pdata[1])->eim_transaction);
	g_clear_pointer(&list, g_ptr_array_unref);
	g_assert_true(store_trigger_remove(store, first, &error));
	g_assert_true(store_trigger_finish(store, second, SPAN_LITERAL("\xbf\x54\x00"), &error));
	g_assert_true(store_trigger_list(store, EID, "b", &list, &error));
	g_assert_cmpint(list->len, ==, 1);
	g_assert_nonnull(((StoredTrigger *)list->pdata[0])->result);
	store_close(store);
	folder_remove(folder);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/store/package-keeps-its-phase-over-a-restart",
		test_package_keeps_its_phase_over_a_restart);
	g_test_add_func("/store/unknown-eim-has-defaults", test_unknown_eim_has_defaults);
	g_test_add_func("/store/history-is-bounded", test_history_is_bounded);
	g_test_add_func("/store/damaged-store-is-named", test_damaged_store_is_named);
	g_test_add_func("/store/full-store-takes-no-package", test_full_store_takes_no_package);
	g_test_add_func("/store/facts-of-a-card", test_facts_of_a_card);
	g_test_add_func("/store/triggers-wait-in-order", test_triggers_wait_in_order);
	return g_test_run();
}
