/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each ES10 command in fixed octets, and each result code by its name (SGP.32 5.9, SGP.22 5.7). */
#include <string.h>

#include "card-script.h"
#include "card/es10.h"

#define ICCID SPAN_LITERAL("\x98\x44\x05\x00\x00\x00\x00\x00\x30\xf7")
#define ICCID_HEX "984405000000000030f7"
#define EIM1 "800465696d31"

/* Calls one function; the error is that of the function. */
typedef bool (*Call)(Isdr *isdr, GError **error);

#define CALL(name, ...)                                                                            \
	static bool call_##name(Isdr *isdr, GError **error)                                        \
	{                                                                                          \
		g_autoptr(Msg) msg = NULL;                                                         \
		g_autoptr(GBytes) bytes = NULL, arm = NULL;                                        \
		uint8_t octets[16];                                                                \
                                                                                                   \
		(void)msg, (void)bytes, (void)arm, (void)octets;                                   \
		return es10_##name(isdr, ##__VA_ARGS__, error);                                    \
	}

CALL(get_eid, octets)
CALL(get_euicc_info1, &msg)
CALL(get_euicc_configured_addresses, &msg)
CALL(get_rat, &msg)
CALL(get_certs, SPAN_LITERAL("\xf5\x41"), &msg)
CALL(get_profiles_info, ICCID, SPAN_LITERAL("\x5a\x9f\x70"), &msg)
CALL(enable_profile, ICCID, true)
CALL(disable_profile, ICCID, false)
CALL(delete_profile, ICCID)
CALL(set_nickname, ICCID, "car")
CALL(get_euicc_challenge, octets)
CALL(authenticate_server, SPAN_LITERAL("\xbf\x38\x00"), &bytes, &arm)
CALL(prepare_download, SPAN_LITERAL("\xbf\x21\x00"), &bytes, &arm)
CALL(cancel_session, SPAN_LITERAL("\xaa\xbb"), CANCEL_SESSION_POSTPONED, &bytes)
CALL(list_notification, NOTIFICATION_ENABLE, &msg)
CALL(retrieve_notifications_list, -1, 0, &msg)
CALL(retrieve_package_results, &msg)
CALL(remove_notification, 7)
CALL(load_euicc_package, SPAN_LITERAL("\xbf\x51\x02\x30\x00"), &bytes)
CALL(add_initial_eim, SPAN_LITERAL("\x30\x06\x80\x04\x65\x69\x6d\x31"), &msg)
CALL(get_eim_configuration_data, "eim1", &msg)
CALL(profile_rollback, true, &bytes)
CALL(configure_immediate_profile_enabling, true, SPAN_LITERAL("\x2b\x06\x01"), "smdp.ex")
CALL(immediate_enable, true)
CALL(enable_emergency_profile, false)
CALL(disable_emergency_profile, true)
CALL(execute_fallback_mechanism, true)
CALL(return_from_fallback, true)
CALL(get_connectivity_parameters, &bytes)
CALL(ipae_activation)

static bool call_memory_reset(Isdr *isdr, GError **error)
{
	g_autoptr(Msg) msg = NULL;

	return es10_euicc_memory_reset(isdr, true, RESET_EIM_CONFIG_DATA, &msg, error);
}

static bool call_memory_reset_sgp22(Isdr *isdr, GError **error)
{
	g_autoptr(Msg) msg = NULL;

	return es10_euicc_memory_reset(isdr, false, RESET_DELETE_OPERATIONAL_PROFILES, &msg, error);
}

static bool call_default_dp(Isdr *isdr, GError **error)
{
	return es10_set_default_dp_address(isdr, true, "smdp.ex", error);
}

static bool call_default_dp_sgp22(Isdr *isdr, GError **error)
{
	return es10_set_default_dp_address(isdr, false, "", error);
}

static bool call_notification_by_seq(Isdr *isdr, GError **error)
{
	g_autoptr(Msg) msg = NULL;

	return es10_retrieve_notifications_list(isdr, 5, 0, &msg, error);
}

static bool call_all_eims(Isdr *isdr, GError **error)
{
	g_autoptr(Msg) msg = NULL;

	return es10_get_eim_configuration_data(isdr, NULL, &msg, error);
}

#define CI "f54172bdf98a95d65cbeb88a38a1c11d800a85c3"
/* BF51 A2: an unsigned error. */
#define PACKAGE_ERROR "bf5108a206" EIM1

typedef struct Case {
	Call call;
	const char *command, *answer;
	const char *error; /* NULL: it succeeds */
	int spec;
} Case;

static const Case cases[] = {
	{ call_get_eid, "bf3e035c015a", "bf3e125a1089049032123451234512345678901235", NULL, 0 },
	{ call_get_eid, "bf3e035c015a", "bf3e045a028904", "CardMalformed", 0 },
	{ call_get_euicc_info1, "bf2000", "bf20358203020500a9160414" CI "aa160414" CI, NULL, 0 },
	{ call_get_euicc_configured_addresses, "bf3c00", "bf3c0f810d736d64732e6c61622e74657374",
		NULL, 0 },
	{ call_get_rat, "bf4300", "bf4302a000", NULL, 0 },
	{ call_get_certs, "bf56048002f541", "bf560ca00aa503020101a603020102", NULL, 0 },
	{ call_get_certs, "bf56048002f541", "bf5603810101", "NotFound", 1 },
	{ call_get_certs, "bf56048002f541", "bf560381017f", "CardRefused", 127 },
	{ call_get_profiles_info, "bf2d13a00c5a0a" ICCID_HEX "5c035a9f70", "bf2d02a000", NULL, 0 },
	{ call_get_profiles_info, "bf2d13a00c5a0a" ICCID_HEX "5c035a9f70", "bf2d0381010b",
		"CardBusy", 11 },
	{ call_get_profiles_info, "bf2d13a00c5a0a" ICCID_HEX "5c035a9f70", "bf2d03810101",
		"CardRefused", 1 },
	{ call_enable_profile, "bf3111a00c5a0a" ICCID_HEX "8101ff", "bf3103800100", NULL, 0 },
	{ call_enable_profile, "bf3111a00c5a0a" ICCID_HEX "8101ff", "bf3103800101", "NotFound", 1 },
	{ call_enable_profile, "bf3111a00c5a0a" ICCID_HEX "8101ff", "bf3103800102",
		"ProfileNotDisabled", 2 },
	{ call_enable_profile, "bf3111a00c5a0a" ICCID_HEX "8101ff", "bf3103800103",
		"ProfilePolicyRule", 3 },
	{ call_enable_profile, "bf3111a00c5a0a" ICCID_HEX "8101ff", "bf3103800104", "CardRefused",
		4 },
	{ call_enable_profile, "bf3111a00c5a0a" ICCID_HEX "8101ff", "bf3103800105", "CardBusy", 5 },
	{ call_enable_profile, "bf3111a00c5a0a" ICCID_HEX "8101ff", "bf310380017f", "CardRefused",
		127 },
	{ call_disable_profile, "bf3211a00c5a0a" ICCID_HEX "810100", "bf3203800100", NULL, 0 },
	{ call_disable_profile, "bf3211a00c5a0a" ICCID_HEX "810100", "bf3203800102",
		"ProfileNotEnabled", 2 },
	{ call_delete_profile, "bf330c5a0a" ICCID_HEX, "bf3303800100", NULL, 0 },
	{ call_delete_profile, "bf330c5a0a" ICCID_HEX, "bf3303800102", "ProfileNotDisabled", 2 },
	{ call_set_nickname, "bf29115a0a" ICCID_HEX "9003636172", "bf2903800100", NULL, 0 },
	{ call_set_nickname, "bf29115a0a" ICCID_HEX "9003636172", "bf2903800101", "NotFound", 1 },
	{ call_get_euicc_challenge, "bf2e00", "bf2e12801000112233445566778899aabbccddeeff", NULL,
		0 },
	{ call_authenticate_server, "bf3800", "bf3809a1078002aabb020101", "SignatureInvalid", 1 },
	{ call_authenticate_server, "bf3800", "bf3809a1078002aabb020102", "SignatureInvalid", 2 },
	{ call_authenticate_server, "bf3800", "bf3809a1078002aabb020103", "NotSupported", 3 },
	{ call_authenticate_server, "bf3800", "bf3809a1078002aabb020104", "CardLost", 4 },
	{ call_authenticate_server, "bf3800", "bf3809a1078002aabb020107", "SignatureInvalid", 7 },
	{ call_authenticate_server, "bf3800", "bf3809a1078002aabb02017f", "CardRefused", 127 },
	{ call_prepare_download, "bf2100", "bf2109a1078002aabb020102", "SignatureInvalid", 2 },
	{ call_prepare_download, "bf2100", "bf2109a1078002aabb020104", "CardLost", 4 },
	{ call_prepare_download, "bf2100", "bf2109a1078002aabb020105", "ServerMalformed", 5 },
	{ call_cancel_session, "bf41078002aabb810101", "bf4103810105", "NotFound", 5 },
	{ call_cancel_session, "bf41078002aabb810101", "bf410381017f", "CardRefused", 127 },
	{ call_list_notification, "bf280481020640", "bf2802a000", NULL, 0 },
	{ call_list_notification, "bf280481020640", "bf280381017f", "CardRefused", 127 },
	{ call_retrieve_notifications_list, "bf2b00", "bf2b02a000", NULL, 0 },
	{ call_notification_by_seq, "bf2b05a003800105", "bf2b02a000", NULL, 0 },
	{ call_retrieve_package_results, "bf2b04a0028200", "bf2b02a200", NULL, 0 },
	{ call_retrieve_package_results, "bf2b04a0028200", "bf2b02a000", NULL, 0 },
	{ call_retrieve_package_results, "bf2b04a0028200", "bf2b0381017f", "CardRefused", 127 },
	{ call_remove_notification, "bf3003800107", "bf3003800100", NULL, 0 },
	{ call_remove_notification, "bf3003800107", "bf3003800101", NULL, 0 },
	{ call_remove_notification, "bf3003800107", "bf300380017f", "CardRefused", 127 },
	/* Whatever the result says, it is one. */
	{ call_load_euicc_package, "bf51023000", PACKAGE_ERROR, NULL, 0 },
	{ call_load_euicc_package, "bf51023000", "bf5100", "CardMalformed", 0 },
	{ call_add_initial_eim, "bf570aa0083006" EIM1, "bf5707a0058401010500", NULL, 0 },
	{ call_add_initial_eim, "bf570aa0083006" EIM1, "bf5703810101", "NoMemory", 1 },
	{ call_add_initial_eim, "bf570aa0083006" EIM1, "bf5703810102", "Managed", 2 },
	{ call_add_initial_eim, "bf570aa0083006" EIM1, "bf5703810103", "InvalidArgument", 3 },
	{ call_add_initial_eim, "bf570aa0083006" EIM1, "bf5703810105", "InvalidArgument", 5 },
	{ call_add_initial_eim, "bf570aa0083006" EIM1, "bf5703810106", "InvalidArgument", 6 },
	{ call_add_initial_eim, "bf570aa0083006" EIM1, "bf5703810107", "InvalidArgument", 7 },
	{ call_get_eim_configuration_data, "bf5508a006" EIM1, "bf5502a000", NULL, 0 },
	{ call_all_eims, "bf5500", "bf5502a000", NULL, 0 },
	{ call_profile_rollback, "bf58038001ff", "bf580e020100" PACKAGE_ERROR, NULL, 0 },
	{ call_profile_rollback, "bf58038001ff", "bf5803020100", "CardMalformed", 0 },
	{ call_profile_rollback, "bf58038001ff", "bf5803020101", "RollbackNotAllowed", 1 },
	{ call_profile_rollback, "bf58038001ff", "bf5803020105", "CardBusy", 5 },
	{ call_profile_rollback, "bf58038001ff", "bf5803020107", "CardRefused", 7 },
	{ call_configure_immediate_profile_enabling, "bf5910800081032b06018207736d64702e6578",
		"bf5903800100", NULL, 0 },
	{ call_configure_immediate_profile_enabling, "bf5910800081032b06018207736d64702e6578",
		"bf5903800101", "NoMemory", 1 },
	{ call_configure_immediate_profile_enabling, "bf5910800081032b06018207736d64702e6578",
		"bf5903800102", "Managed", 2 },
	{ call_immediate_enable, "bf5a038001ff", "bf5a03800100", NULL, 0 },
	{ call_immediate_enable, "bf5a038001ff", "bf5a03800101", "NotSupported", 1 },
	{ call_immediate_enable, "bf5a038001ff", "bf5a03800104", "NotFound", 4 },
	{ call_immediate_enable, "bf5a038001ff", "bf5a03800105", "CardBusy", 5 },
	{ call_enable_emergency_profile, "bf5b03800100", "bf5b03800100", NULL, 0 },
	{ call_enable_emergency_profile, "bf5b03800100", "bf5b03800102", "ProfileNotDisabled", 2 },
	{ call_enable_emergency_profile, "bf5b03800100", "bf5b03800108", "NotSupported", 8 },
	{ call_disable_emergency_profile, "bf5c038001ff", "bf5c03800100", NULL, 0 },
	{ call_disable_emergency_profile, "bf5c038001ff", "bf5c03800102", "ProfileNotEnabled", 2 },
	{ call_execute_fallback_mechanism, "bf5d038001ff", "bf5d03800100", NULL, 0 },
	{ call_execute_fallback_mechanism, "bf5d038001ff", "bf5d03800102", "ProfileNotDisabled",
		2 },
	{ call_execute_fallback_mechanism, "bf5d038001ff", "bf5d03800105", "CardBusy", 5 },
	{ call_execute_fallback_mechanism, "bf5d038001ff", "bf5d03800106", "FallbackNotAvailable",
		6 },
	{ call_execute_fallback_mechanism, "bf5d038001ff", "bf5d03800168", "EmergencyActive", 104 },
	{ call_return_from_fallback, "bf5e038001ff", "bf5e03800100", NULL, 0 },
	{ call_return_from_fallback, "bf5e038001ff", "bf5e03800106", "FallbackNotAvailable", 6 },
	{ call_get_connectivity_parameters, "bf5f00", "bf5f04a0028100", NULL, 0 },
	{ call_get_connectivity_parameters, "bf5f00", "bf5f03810101", "NotFound", 1 },
	{ call_ipae_activation, "bf420480020780", "bf4203800100", NULL, 0 },
	{ call_ipae_activation, "bf420480020780", "bf4203800101", "NotSupported", 1 },
	{ call_memory_reset, "bf640482020204", "bf6409800100810100820100", NULL, 0 },
	{ call_memory_reset, "bf640482020204", "bf6403800101", NULL, 0 },
	{ call_memory_reset, "bf640482020204", "bf6403800105", "CardBusy", 5 },
	{ call_memory_reset, "bf640482020204", "bf6403800168", "EmergencyActive", 104 },
	{ call_memory_reset_sgp22, "bf340482020780", "bf3403800100", NULL, 0 },
	{ call_default_dp, "bf65098007736d64702e6578", "bf6503800100", NULL, 0 },
	{ call_default_dp, "bf65098007736d64702e6578", "bf650380017f", "CardRefused", 127 },
	{ call_default_dp_sgp22, "bf3f028000", "bf3f03800100", NULL, 0 },
};

static void test_case(const void *data)
{
	const Case *test = data;
	g_autoptr(GBytes) octets = hex_decode(test->command, 1024);
	g_autofree char *line = NULL;
	const char *lines[] = { OPEN_LINES, NULL, CLOSE_LINE, NULL };
	CardScript script;
	g_autoptr(GError) error = NULL;
	Isdr *isdr;
	bool ok;

	g_assert_nonnull(octets);
	line = g_strdup_printf(
		"81e29100%02zx%s > %s9000", g_bytes_get_size(octets), test->command, test->answer);
	lines[2] = line;
	card_script_init(&script, lines);
	isdr = card_script_isdr(&script);
	ok = test->call(isdr, &error);
	if (test->error) {
		g_assert_false(ok);
		g_assert_cmpstr(sgp32_error_name(error), ==, test->error);
		g_assert_cmpint(sgp32_error_details(error)->spec, ==, test->spec);
	} else {
		g_assert_no_error(error);
		g_assert_true(ok);
	}
	isdr_free(isdr);
	card_script_done(&script);
	card_script_clear(&script);
}

/* BF36{BF23, A0{87}, A1{88,88}, A2{87}, A3{86,86}}, each with few octets. */
static const char bpp[] =
	"bf361f bf2302 0001 a003870111 a106880112880113 a203870114 a306860115860116";

static void load(const char *const *lines, const char *name, const char *result)
{
	g_autoptr(GBytes) package = hex_decode(bpp, 256), got = NULL, eid = NULL;
	g_autoptr(GError) error = NULL;
	CardScript script;
	Isdr *isdr;

	card_script_init(&script, lines);
	isdr = card_script_isdr(&script);
	isdr_set_cancel(isdr, script.cancel);
	g_assert_true(isdr_open(isdr, &error));
	if (es10_load_bound_profile_package(isdr, span_of(package), NULL, NULL, &got, &error)) {
		g_autofree char *hex = hex_encode(span_of(got));

		g_assert_cmpstr(hex, ==, result);
	} else {
		g_assert_cmpstr(sgp32_error_name(error), ==, name);
	}
	isdr_free(isdr);
	card_script_done(&script);
	card_script_clear(&script);
}
#define LOAD(name, result, ...)                                                                    \
	load((const char *const[]) { OPEN_LINES, "81e2910008bf361fbf23020001 > 9000",              \
		     "81e2910005a003870111 > 9000", "81e2910002a106 > 9000",                       \
		     "81e2910003880112 > 9000", "81e2910003880113 > 9000", __VA_ARGS__,            \
		     CLOSE_LINE, NULL },                                                           \
		name, result)

static void test_bound_profile_package_goes_in_its_segments(void)
{
	LOAD(NULL, "bf3700", "81e2910005a203870114 > 9000", "81e2910002a306 > 9000",
		"81e2910003860115 > 9000", "81e2910003860116 > bf37009000");
}

static void test_result_before_the_end_ends_the_load(void)
{
	LOAD(NULL, "bf3700", "81e2910005a203870114 > bf37009000");
}

static void test_segment_that_is_refused_ends_the_load(void)
{
	LOAD("CardRefused", NULL, "81e2910005a203870114 > 6985");
}

static void test_package_without_a_result_is_malformed(void)
{
	LOAD("CardMalformed", NULL, "81e2910005a203870114 > 9000", "81e2910002a306 > 9000",
		"81e2910003860115 > 9000", "81e2910003860116 > 9000");
}

static void test_cancel_is_seen_between_segments_but_not_in_the_last_one(void)
{
	LOAD("Cancelled", NULL, "81e2910005a203870114 > cancel 9000");
	LOAD(NULL, "bf3700", "81e2910005a203870114 > 9000", "81e2910002a306 > 9000",
		"81e2910003860115 > 9000", "81e2910003860116 > cancel 6103",
		"01c0000003 > bf3700 9000");
}

static void test_package_that_is_none_touches_no_card(void)
{
	static const char *const packages[] = { "bf3700", "bf3602a000", "bf3607bf23020001bf2d00",
		"bf3605bf23020001a005", "3000" };

	for (size_t i = 0; i < G_N_ELEMENTS(packages); i++) {
		g_autoptr(GBytes) package = hex_decode(packages[i], 64), got = NULL;
		g_autoptr(GError) error = NULL;
		CardScript script;
		Isdr *isdr;

		card_script_init(&script, (const char *const[]) { NULL });
		isdr = card_script_isdr(&script);
		g_assert_false(es10_load_bound_profile_package(
			isdr, span_of(package), NULL, NULL, &got, &error));
		g_assert_cmpstr(sgp32_error_name(error), ==, "ServerMalformed");
		isdr_free(isdr);
		card_script_clear(&script);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *name = g_strdup_printf("/es10/%.4s/%zu-%s", cases[i].command, i,
			cases[i].error ? cases[i].error : "ok");

		g_test_add_data_func(name, &cases[i], test_case);
	}
#define ADD(name) g_test_add_func("/es10/load/" #name, test_##name)
	ADD(bound_profile_package_goes_in_its_segments);
	ADD(result_before_the_end_ends_the_load);
	ADD(segment_that_is_refused_ends_the_load);
	ADD(package_without_a_result_is_malformed);
	ADD(cancel_is_seen_between_segments_but_not_in_the_last_one);
	ADD(package_that_is_none_touches_no_card);
	return g_test_run();
}
