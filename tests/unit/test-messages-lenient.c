/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What cards and servers in the field send otherwise than the specification has it. */
#include <string.h>

#include "asn1/es9plus.h"
#include "asn1/iot.h"
#include "strip.h"

#define SIGNATURE_64                                                                               \
	"5f3740 00000000000000000000000000000000000000000000000000000000000000000000000000000000"  \
	"000000000000000000000000000000000000000000000000 "
#define EID "5a10 89049032123451234512345678901235 "
#define ICCID "5a0a 981032547698103214f5 "

static const struct Case {
	const char *what;
	const MsgType *type;
	const char *received;
	const char *meant; /* as the writer has it; NULL: refused */
} cases[] = {
	{ "refreshFlag with a universal tag", &PROFILE_ROLLBACK_REQUEST, "bf5803 0101ff",
		"bf5803 8001ff" },
	{ "the same elsewhere", &IMMEDIATE_ENABLE_REQUEST, "bf5a03 010100", "bf5a03 800100" },
	{ "true is not FF", &EXECUTE_FALLBACK_MECHANISM_REQUEST, "bf5d03 800101", "bf5d03 8001ff" },
	{ "key id of GetCerts with a universal tag", &GET_CERTS_REQUEST, "bf5604 0402aabb",
		"bf5604 8002aabb" },
	{ "rollbackFlag with a context tag", &PSMO, "a30e " ICCID "8000", "a30e " ICCID "0500" },
	{ "code of addEim with a context tag", &EUICC_RESULT_DATA, "a803 800102", "a803 020102" },
	{ "code of ProfileRollback with a context tag", &PROFILE_ROLLBACK_RESPONSE, "bf5803 800101",
		"bf5803 020101" },
	{ "OID of dpProprietaryData with a universal tag", &CONFIGURE_ISDP_REQUEST,
		"bf2407 b805 060388370a", "bf2407 b805 800388370a" },
	{ "dpProprietaryData with more", &CONFIGURE_ISDP_REQUEST, "bf240a b808 800388370a 810100",
		"bf2407 b805 800388370a" },
	{ "universal tags in notificationConfigurationInfo", &PROFILE_INFO,
		"e30d b60b 3009 03020470 0c03612e62", "e30d b60b 3009 80020470 8103612e62" },
	{ "30 in place of A0 in a package result", &EUICC_PACKAGE_RESULT,
		"bf5158 3056 3011 800465696d31 810105 830107 3003 830100" SIGNATURE_64,
		"bf5158 a056 3011 800465696d31 810105 830107 3003 830100" SIGNATURE_64 },
	{ "connectivity parameters in a constructed wrapper", &GET_CONNECTIVITY_PARAMETERS_RESPONSE,
		"bf5f07 a005 a103 350102", "bf5f07 a005 8103 350102" },
	{ "number of a package result without its CHOICE", &IPA_EUICC_DATA_REQUEST,
		"bf5206 5c01a2 820105", "bf5203 5c01a2" },
	{ "counter with leading zeros", &EUICC_PACKAGE_ERROR_DATA_SIGNED,
		"300f 800465696d31 810400000001 020104", "300c 800465696d31 810101 020104" },
	{ "default class sent", &STORE_METADATA_REQUEST, "bf2515 " ICCID "910141 920142 950102",
		"bf2512 " ICCID "910141 920142" },
	{ "default of fallbackAttribute sent", &PROFILE_INFO, "e304 9f260100", "e300" },
	{ "default of iccidPresent sent", &PENDING_NOTIFICATION,
		"a058 a013 800101 020108 0101ff a208 a006 4f020010 0400" SIGNATURE_64,
		"a055 a010 800101 020108 a208 a006 4f020010 0400" SIGNATURE_64 },
	{ "named bits with trailing zeros", &EUICC_MEMORY_RESET_REQUEST, "bf6405 8203 000400",
		"bf6404 8202 0204" },
	{ "bits without a bit", &LIST_NOTIFICATION_REQUEST, "bf2804 81020700", "bf2803 810100" },
	{ "unknown elements in a list", &EIM_ACKNOWLEDGEMENTS, "bf5309 800107 990100 800108",
		"bf5306 800107 800108" },
	{ "unknown parts at each depth", &GET_RAT_RESPONSE,
		"bf431b a019 3015 80020640 a109 3007 8003eeeeee 9900 9a00 82020780 9b00",
		"bf4315 a013 3011 80020640 a107 3005 8003eeeeee 82020780" },
	{ "order of members", &GET_EIM_PACKAGE_REQUEST, "bf4f19 820322f810 8000 " EID,
		"bf4f19 " EID "8000 820322f810" },
	{ "what v1.3 adds, and later versions will", &GET_EIM_CONFIGURATION_DATA_RESPONSE,
		"bf5510 a00e 300c 800161 aa030401aa ab020500",
		"bf550c a00a 3008 800161 aa030401aa" },

	{ "EID of 15 octets", &GET_EUICC_DATA_RESPONSE,
		"bf3e11 5a0f 890490321234512345123456789012", NULL },
	{ "ICCID of 9 octets", &PROFILE_INFO, "e30b 5a09 981032547698103214", NULL },
	{ "transactionId of 17 octets", &CANCEL_SESSION_REQUEST,
		"bf4116 8011 0000000000000000000000000000000000 810100", NULL },
	{ "transactionId of no octets", &CANCEL_SESSION_REQUEST, "bf4105 8000 810100", NULL },
	{ "eimId of no octets", &GET_EIM_CONFIGURATION_DATA_REQUEST, "bf5504 a0028000", NULL },
	{ "package with both lists", &EUICC_PACKAGE_SIGNED,
		"3020 800161 " EID "810101 a002a600 a102ab00", NULL },
	{ "package without a list", &EUICC_PACKAGE_SIGNED, "3018 800161 " EID "810101", NULL },
	{ "PSMO and eCO are told apart by the list", &EUICC_PACKAGE_SIGNED,
		"301e 800161 " EID "810101 a104 ab00 a600",
		"301e 800161 " EID "810101 a104 ab00 a600" },
	{ "package without a counter", &EUICC_PACKAGE_SIGNED, "3019 800161 " EID "a002a600", NULL },
	{ "result without a number", &EUICC_PACKAGE_RESULT_DATA_SIGNED, "3008 800161 810101 3000",
		NULL },
	{ "two alternatives in one", &ADD_INITIAL_EIM_RESPONSE, "bf5705 a000 810102", NULL },
	{ "no alternative", &GET_EIM_PACKAGE_RESPONSE, "bf4f00", NULL },
	{ "an alternative nobody knows", &GET_EIM_PACKAGE_RESPONSE, "bf4f03 810101", NULL },
	{ "an answer for another function", &GET_EIM_PACKAGE_RESPONSE, "bf5003 020101", NULL },
	{ "a number that is not one", &NOTIFICATION_SENT_RESPONSE, "bf3002 8000", NULL },
	{ "PLMN of 2 octets", &GET_EIM_PACKAGE_REQUEST, "bf4f16 " EID "820222f8", NULL },
	{ "session key of 15 octets", &REPLACE_SESSION_KEYS_REQUEST,
		"bf2635 8010 00000000000000000000000000000000 8110 00000000000000000000000000000000"
		"820f 000000000000000000000000000000",
		NULL },
};

static void test_each_is_read_as_it_was_meant(gconstpointer user)
{
	const struct Case *c = user;
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) received = hex_decode(c->received, 4096), again = NULL;
	g_autoptr(GBytes) meant = c->meant ? hex_decode(c->meant, 4096) : NULL;
	g_autoptr(Msg) msg = NULL;
	g_autofree char *got = NULL, *wanted = NULL;
	Tlv whole;

	g_assert_nonnull(received);
	msg = msg_decode(c->type, span_of(received), &error);
	if (!c->meant) {
		g_assert_null(msg);
		g_assert_true(sgp32_error_is(error, SGP32_ERROR_INVALID_ARGUMENT));
		/* Refused for itself, not for a slip in the case. */
		g_assert_true(der_single(span_of(received), &whole, NULL));
		g_assert_null(strstr(error->message, "announces"));
		return;
	}
	g_assert_no_error(error);
	strip_raw(c->type, (void *)msg_body(msg));
	again = msg_encode_own(c->type, msg_body(msg));
	got = hex_encode(span_of(again));
	wanted = hex_encode(span_of(meant));
	g_assert_cmpstr(got, ==, wanted);
}

/* Signed bytes reach the one who checks the signature as they came, however odd they look. */
static void test_odd_signed_bytes_are_kept(void)
{
	/* A length and a counter that are not minimal, members out of order, an unknown member. */
	static const char signed_hex[] =
		"30812a 81040000000a 800465696d31 9901ff " EID "a007 bf2d00 a6820000";
	g_autoptr(GBytes) data = hex_decode(signed_hex, 4096), signature = NULL, request = NULL;
	g_autoptr(GBytes) again = NULL;
	g_autoptr(GByteArray) content = g_byte_array_new(), out = g_byte_array_new();
	g_autoptr(GError) error = NULL;
	g_autoptr(Msg) msg = NULL;
	const EuiccPackageSigned *package;

	g_assert_nonnull(data);
	signature = hex_decode(SIGNATURE_64, 4096);
	array_append_span(content, span_of(data));
	array_append_span(content, span_of(signature));
	der_put(out, 0xbf51, span_of_array(content));
	msg = msg_decode(&EUICC_PACKAGE_REQUEST, span_of_array(out), &error);
	g_assert_no_error(error);
	package = MSG_BODY(msg, EuiccPackageRequest)->euicc_package_signed;
	g_assert_cmpint(package->counter_value.value, ==, 10);
	g_assert_cmpint(package->euicc_package->psmo_list.count, ==, 2);
	g_assert_true(span_equal(package->raw, span_of(data)));
	g_assert_true(span_equal(MSG_BODY(msg, EuiccPackageRequest)->raw, span_of_array(out)));
	again = msg_encode_own(&EUICC_PACKAGE_REQUEST, msg_body(msg));
	g_assert_true(span_equal(span_of(again), span_of_array(out)));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *name = g_strdup_printf("/messages/lenient/%s", cases[i].what);

		for (char *p = name; *p; p++)
			if (*p == ' ' || *p == ',')
				*p = '-';
		g_test_add_data_func(name, &cases[i], test_each_is_read_as_it_was_meant);
	}
	g_test_add_func(
		"/messages/lenient/odd-signed-bytes-are-kept", test_odd_signed_bytes_are_kept);
	return g_test_run();
}
