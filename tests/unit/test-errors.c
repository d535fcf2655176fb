/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "errors.h"

#include <systemd/sd-bus.h>

static void test_every_code_has_name_errno_and_exit_code(void)
{
	g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);

	for (unsigned code = 0; code < SGP32_N_ERRORS; code++) {
		const ErrorRow *row = error_row(code);

		g_assert_cmpuint(row->code, ==, code);
		g_assert_true(g_str_has_prefix(row->name, "org.sgp32.Error."));
		g_assert_true(sd_bus_interface_name_is_valid(row->name) > 0);
		/* what the rest of the daemon calls it */
		g_assert_cmpstr(error_row_short_name(row), ==, sgp32_error_code_name(code));
		g_assert_cmpint(row->number, >, 0);
		g_assert_cmpint(row->exit_code, >, 0);
		g_assert_cmpint(row->exit_code, <, 64);
		g_assert_true(g_hash_table_add(names, (void *)row->name));
		g_assert_true(error_row_find(row->name) == row);
		g_assert_true(error_row_find(error_row_short_name(row)) == row);
	}
}

static void test_what_is_not_ours_is_failed(void)
{
	g_autoptr(GError) other = g_error_new(G_FILE_ERROR, G_FILE_ERROR_NOENT, "x");
	g_autoptr(GError) ours = g_error_new(SGP32_ERROR, SGP32_ERROR_BUSY, "x");

	g_assert_cmpint(error_row(SGP32_N_ERRORS)->code, ==, SGP32_ERROR_FAILED);
	g_assert_cmpint(error_row(-1)->code, ==, SGP32_ERROR_FAILED);
	g_assert_cmpint(error_row_of(NULL)->code, ==, SGP32_ERROR_FAILED);
	g_assert_cmpint(error_row_of(other)->code, ==, SGP32_ERROR_FAILED);
	g_assert_cmpint(error_row_of(ours)->code, ==, SGP32_ERROR_BUSY);
	g_assert_null(error_row_find("org.freedesktop.DBus.Error.AccessDenied"));
	g_assert_null(error_row_find("org.sgp32.Error.Nothing"));
	g_assert_null(error_row_find(NULL));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/errors/every-code-has-name-errno-and-exit-code",
		test_every_code_has_name_errno_and_exit_code);
	g_test_add_func("/errors/what-is-not-ours-is-failed", test_what_is_not_ours_is_failed);
	return g_test_run();
}
