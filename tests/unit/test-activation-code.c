/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "asn1/activation-code.h"

#include <string.h>

static void accepts(
	const char *text, const char *address, const char *id, const char *oid, bool confirm)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(ActivationCode) code = activation_code_parse(text, &error);

	g_assert_no_error(error);
	g_assert_cmpstr(code->smdp_address, ==, address);
	g_assert_cmpstr(code->matching_id, ==, id);
	g_assert_cmpstr(code->smdp_oid, ==, oid);
	g_assert_cmpint(code->confirmation_code_required, ==, confirm);
}

static void test_accepts_all_forms(void)
{
	accepts("LPA:1$smdp.lab.test$ABC-123", "smdp.lab.test", "ABC-123", "", false);
	accepts("1$smdp.lab.test$ABC-123", "smdp.lab.test", "ABC-123", "", false);
	accepts("lpa:1$smdp.lab.test:8443$", "smdp.lab.test:8443", "", "", false);
	accepts("LPA:1$smdp.lab.test$X$2.999.10", "smdp.lab.test", "X", "2.999.10", false);
	accepts("LPA:1$smdp.lab.test$X$2.999.10$1", "smdp.lab.test", "X", "2.999.10", true);
	accepts("LPA:1$smdp.lab.test$X$$1", "smdp.lab.test", "X", "", true);
	accepts(" \tLPA:1$smdp.lab.test$X$$\r\n", "smdp.lab.test", "X", "", false);
}

static void refuses(const char *text)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(ActivationCode) code = activation_code_parse(text, &error);

	g_assert_null(code);
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_INVALID_ACTIVATION_CODE);
	g_assert_null(strstr(error->message, "SECRET"));
}

static void test_refuses_what_is_none_and_never_quotes_it(void)
{
	char longer[300];

	refuses("");
	refuses("LPA:");
	refuses("SECRET");
	refuses("LPA:2$smdp.lab.test$SECRET");
	refuses("LPA:1$smdp.lab.test");
	refuses("LPA:1$$SECRET");
	refuses("LPA:1$smdp/../x$SECRET");
	refuses("LPA:1$smdp.lab.test:0$SECRET");
	refuses("LPA:1$smdp.lab.test:https$SECRET");
	refuses("LPA:1$smdp.lab.test$SECRET\x01");
	refuses("LPA:1$smdp.lab.test$SECRET$oid");
	refuses("LPA:1$smdp.lab.test$SECRET$1..2");
	refuses("LPA:1$smdp.lab.test$SECRET$2.999$yes");
	refuses("LPA:1$smdp.lab.test$SECRET$2.999$1$more");
	memset(longer, 'A', sizeof(longer));
	memcpy(longer, "LPA:1$smdp.lab.test$SECRET", 26);
	longer[256] = '\0';
	refuses(longer);
	longer[256] = 'A';
	longer[sizeof(longer) - 1] = '\0';
	refuses(longer);
}

static void test_accepts_the_longest_code(void)
{
	char longest[256];

	memset(longest, 'A', sizeof(longest));
	memcpy(longest, "LPA:1$s$", 8);
	longest[255] = '\0';
	accepts(longest, "s", longest + 8, "", false);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/activation-code/accepts-all-forms", test_accepts_all_forms);
	g_test_add_func("/activation-code/refuses-what-is-none-and-never-quotes-it",
		test_refuses_what_is_none_and_never_quotes_it);
	g_test_add_func("/activation-code/accepts-the-longest-code", test_accepts_the_longest_code);
	return g_test_run();
}
