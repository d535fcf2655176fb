/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A member that the gate does not know cannot come onto the bus. */
#include "polkit.h"

static int method(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return 0;
}

static int get(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	return 0;
}

static int set(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *value, void *userdata, sd_bus_error *error)
{
	return 0;
}

#define OPEN SD_BUS_VTABLE_UNPRIVILEGED

static void refuses(const sd_bus_vtable *vtable, const char *text)
{
	g_autoptr(GError) error = NULL;

	g_assert_false(gate_check_vtable("org.sgp32.Manager", vtable, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_FAILED);
	g_assert_cmpstr(error->message, ==, text);
}

static void test_unknown_members_are_refused(void)
{
	static const sd_bus_vtable unknown_method[] = {
		SD_BUS_VTABLE_START(0),
		SD_BUS_METHOD("Reload", NULL, NULL, method, OPEN),
		SD_BUS_METHOD("Surprise", NULL, NULL, method, OPEN),
		SD_BUS_VTABLE_END,
	};
	static const sd_bus_vtable unknown_property[] = {
		SD_BUS_VTABLE_START(0),
		SD_BUS_WRITABLE_PROPERTY("Online", "b", get, set, 0, OPEN),
		SD_BUS_VTABLE_END,
	};

	refuses(unknown_method, "org.sgp32.Manager.Surprise is not in the table of the gate");
	refuses(unknown_property, "org.sgp32.Manager.Online is not in the table of the gate");
}

static void test_members_that_sd_bus_would_guard_are_refused(void)
{
	static const sd_bus_vtable privileged[] = {
		SD_BUS_VTABLE_START(0),
		SD_BUS_METHOD("Reload", NULL, NULL, method, 0),
		SD_BUS_VTABLE_END,
	};

	refuses(privileged, "org.sgp32.Manager.Reload is not marked unprivileged");
}

static void test_secrets_have_to_be_secret_in_both_tables(void)
{
	static const sd_bus_vtable open_secret[] = {
		SD_BUS_VTABLE_START(0),
		SD_BUS_METHOD("ParseActivationCode", "s", "a{sv}", method, OPEN),
		SD_BUS_VTABLE_END,
	};

	refuses(open_secret,
		"org.sgp32.Manager.ParseActivationCode is a secret only in one of vtable and gate");
}

static void test_what_only_reads_needs_no_row(void)
{
	static const sd_bus_vtable reading[] = {
		SD_BUS_VTABLE_START(0),
		SD_BUS_METHOD("Reload", NULL, NULL, method, OPEN),
		SD_BUS_PROPERTY("Anything", "b", get, 0, 0),
		SD_BUS_SIGNAL("Something", NULL, 0),
		SD_BUS_VTABLE_END,
	};
	g_autoptr(GError) error = NULL;

	g_assert_true(gate_check_vtable("org.sgp32.Manager", reading, &error));
	g_assert_no_error(error);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/gate/unknown-members-are-refused", test_unknown_members_are_refused);
	g_test_add_func("/gate/members-that-sd-bus-would-guard-are-refused",
		test_members_that_sd_bus_would_guard_are_refused);
	g_test_add_func("/gate/secrets-have-to-be-secret-in-both-tables",
		test_secrets_have_to_be_secret_in_both_tables);
	g_test_add_func("/gate/what-only-reads-needs-no-row", test_what_only_reads_needs_no_row);
	return g_test_run();
}
