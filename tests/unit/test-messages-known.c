/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages built from their members, against bytes that others computed. */
#include <string.h>

#include "asn1/es9plus.h"
#include "asn1/iot.h"

static const uint8_t eid[16] = { 0x89, 0x04, 0x90, 0x32, 0x12, 0x34, 0x51, 0x23, 0x45, 0x12, 0x34,
	0x56, 0x78, 0x90, 0x12, 0x35 };
static const uint8_t iccid[10] = { 0x98, 0x10, 0x32, 0x54, 0x76, 0x98, 0x10, 0x32, 0x14, 0xf5 };
static const uint8_t zeros[64];

#define LIST_EIM_PACKAGE "3020800465696d315a1089049032123451234512345678901235810101a003bf2d00"
#define LIST_PACKAGE_SIGNATURE                                                                     \
	"584e30a81a8e196ee1a5ff751a25ecf233e30070f1387af6ad66f9c4d14aa63c"                         \
	"9c97fd077bd58aa4de0ba86e42ecd2dfa5b651b2a5846a4a7c8a245e870e8ddc"

static void assert_encodes(const MsgType *type, const void *body, const char *hex)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) bytes = msg_encode(type, body, &error), wanted = hex_decode(hex, 4096);
	g_autofree char *got = NULL, *want = NULL;

	g_assert_no_error(error);
	got = hex_encode(span_of(bytes));
	want = hex_encode(span_of(wanted));
	g_assert_cmpstr(got, ==, want);
}

static void test_requests_without_members(void)
{
	static const struct {
		const MsgType *type;
		const char *hex;
	} cases[] = {
		{ &GET_EUICC_INFO1_REQUEST, "bf2000" },
		{ &GET_EUICC_INFO2_REQUEST, "bf2200" },
		{ &GET_EUICC_CHALLENGE_REQUEST, "bf2e00" },
		{ &EUICC_CONFIGURED_ADDRESSES_REQUEST, "bf3c00" },
		{ &GET_RAT_REQUEST, "bf4300" },
		{ &GET_CONNECTIVITY_PARAMETERS_REQUEST, "bf5f00" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		assert_encodes(cases[i].type, NULL, cases[i].hex);
}

static void test_requests_to_the_card(void)
{
	GetEuiccDataRequest get_eid = { .tag_list = SPAN_LITERAL("\x5a") };
	RetrieveNotificationsSearchCriteria results = { .euicc_package_results = NUM(1) };
	RetrieveNotificationsListRequest retrieve = { .search_criteria = &results };
	NotificationSentRequest sent = { .seq_number = NUM(7) };
	RefreshFlagRequest yes = { .refresh_flag = NUM(1) }, no = { .refresh_flag = NUM(0) };
	EuiccMemoryResetRequest all = { .reset_options = NUM(0x7f) };
	EuiccMemoryResetRequest eim = { .reset_options = NUM(RESET_EIM_CONFIG_DATA) };
	EuiccMemoryResetRequest iec = { .reset_options = NUM(RESET_IMMEDIATE_ENABLE_CONFIG) };
	EimSearchCriteria eim1 = { .eim_id = SPAN_LITERAL("eim1") };
	GetEimConfigurationDataRequest one = { .search_criteria = &eim1 }, any = { 0 };
	ConfigureImmediateEnable immediate = {
		.immediate_enable_flag = NUM(1),
		.default_smdp_oid = SPAN_LITERAL("\x2b\x06\x01"),
		.default_smdp_address = SPAN_LITERAL("smdp.ex"),
	};
	IpaeActivationRequest ipae = { .ipae_option = NUM(IPAE_OPTION_ACTIVATE_IPAE) };
	ConfigureIsdpRequest isdp = { 0 };

	assert_encodes(&GET_EUICC_DATA_REQUEST, &get_eid, "bf3e035c015a");
	assert_encodes(&RETRIEVE_NOTIFICATIONS_LIST_REQUEST, &retrieve, "bf2b04a0028200");
	assert_encodes(&NOTIFICATION_SENT_REQUEST, &sent, "bf3003800107");
	assert_encodes(&PROFILE_ROLLBACK_REQUEST, &yes, "bf58038001ff");
	assert_encodes(&EXECUTE_FALLBACK_MECHANISM_REQUEST, &yes, "bf5d038001ff");
	assert_encodes(&IMMEDIATE_ENABLE_REQUEST, &no, "bf5a03800100");
	assert_encodes(&EUICC_MEMORY_RESET_REQUEST, &all, "bf6404820201fe");
	assert_encodes(&EUICC_MEMORY_RESET_REQUEST, &eim, "bf640482020204");
	assert_encodes(&EUICC_MEMORY_RESET_REQUEST, &iec, "bf640482020102");
	assert_encodes(&GET_EIM_CONFIGURATION_DATA_REQUEST, &one, "bf5508a006800465696d31");
	assert_encodes(&GET_EIM_CONFIGURATION_DATA_REQUEST, &any, "bf5500");
	assert_encodes(&CONFIGURE_IMMEDIATE_PROFILE_ENABLING_REQUEST, &immediate,
		"bf5910 8000 81032b0601 8207736d64702e6578");
	assert_encodes(&IPAE_ACTIVATION_REQUEST, &ipae, "bf420480020780");
	assert_encodes(&CONFIGURE_ISDP_REQUEST, &isdp, "bf2400");
}

static void test_answers_of_the_card(void)
{
	static const AddInitialEimOk added[] = { { .association_token = NUM(1) },
		{ .add_ok = NUM(1) } };
	AddInitialEimResponse ok = { .add_initial_eim_ok = LIST_OF(added) };
	AddInitialEimResponse failed = {
		.add_initial_eim_error = NUM(ADD_EIM_RESULT_ASSOCIATED_EIM_ALREADY_EXISTS),
	};
	GetEimConfigurationDataResponse none = { .eim_configuration_data_list = LIST_EMPTY };
	ProfileInfoListResponse no_profiles = { .profile_info_list_ok = LIST_EMPTY };
	ListNotificationResponse quiet = { .notification_metadata_list = LIST_EMPTY };
	ProfileRollbackResponse refused = {
		.cmd_result = NUM(PROFILE_ROLLBACK_ROLLBACK_NOT_ALLOWED),
	};
	EuiccMemoryResetResponse reset = { NUM(0), NUM(0), NUM(0) };
	EuiccPackageErrorUnsigned unknown = {
		.eim_id = SPAN_LITERAL("eim1"),
		.eim_transaction_id = SPAN_LITERAL("\xaa\xbb"),
		.association_token = NUM(0),
	};
	EuiccPackageResult result = { .euicc_package_error_unsigned = &unknown };
	IsdrProprietaryApplicationTemplateIot e1 = {
		.euicc_configuration = NUM(
			EUICC_CONFIGURATION_IPAE_SUPPORTED | EUICC_CONFIGURATION_ENABLED_PROFILE),
	};

	assert_encodes(&ADD_INITIAL_EIM_RESPONSE, &ok, "bf5707a0058401010500");
	assert_encodes(&ADD_INITIAL_EIM_RESPONSE, &failed, "bf5703810102");
	assert_encodes(&GET_EIM_CONFIGURATION_DATA_RESPONSE, &none, "bf5502a000");
	assert_encodes(&PROFILE_INFO_LIST_RESPONSE, &no_profiles, "bf2d02a000");
	assert_encodes(&LIST_NOTIFICATION_RESPONSE, &quiet, "bf2802a000");
	assert_encodes(&PROFILE_ROLLBACK_RESPONSE, &refused, "bf5803020101");
	assert_encodes(&EUICC_MEMORY_RESET_RESPONSE, &reset, "bf6409800100810100820100");
	assert_encodes(&EUICC_PACKAGE_RESULT, &result, "bf510fa20d800465696d318202aabb840100");
	assert_encodes(&ISDR_PROPRIETARY_APPLICATION_TEMPLATE_IOT, &e1, "e104800206c0");
}

static void test_results_of_a_package(void)
{
	static const OperatorId anyone = {
		.mcc_mnc = SPAN_LITERAL("\xee\xee\xee"),
		.gid1 = SPAN_LITERAL(""),
	};
	static const ProfilePolicyAuthorisationRule rule = {
		.ppr_ids = NUM(PPR_1),
		.allowed_operators = { 1, &anyone },
		.ppr_flags = NUM(PPR_FLAG_CONSENT_REQUIRED),
	};
	static const EimIdInfo eim1 = { SPAN_LITERAL("eim1"), NUM(EIM_ID_TYPE_FQDN) };
	static const ListEimResult list = { .eim_id_list = { 1, &eim1 } };
	EuiccResultData rat = { .get_rat_result = { 1, &rule } },
			eims = { .list_eim_result = &list };

	assert_encodes(&EUICC_RESULT_DATA, &rat, "a615301380020640a10930078003eeeeee810082020780");
	assert_encodes(&EUICC_RESULT_DATA, &eims, "ab0da00b3009800465696d31820102");
}

static void test_messages_of_the_ipa(void)
{
	static const PendingNotification compact = { 0 };
	GetEimPackageRequest poll = { .eid_value = SPAN_ARRAY(eid) };
	GetEimPackageRequest changed = {
		.eid_value = SPAN_ARRAY(eid),
		.notify_state_change = NUM(1),
		.state_change_cause = NUM(STATE_CHANGE_FALLBACK),
		.r_plmn = SPAN_LITERAL("\x22\xf8\x10"),
	};
	EimPackageResultResponseError error = {
		.eim_package_result_error_code =
			NUM(EIM_PACKAGE_RESULT_ERROR_INVALID_PACKAGE_FORMAT),
	};
	EimPackageResult result = { .eim_package_result_response_error = &error };
	ProvideEimPackageResult provide = { SPAN_ARRAY(eid), &result };
	ProfileDownloadError failed = {
		.profile_download_error_reason = NUM(PROFILE_DOWNLOAD_ERROR_UNDEFINED_ERROR),
		.error_response = SPAN_LITERAL("\xde\xad"),
	};
	ProfileDownloadTriggerResultData data = { .profile_download_error = &failed };
	ProfileDownloadTriggerResult trigger = { SPAN_LITERAL("\xaa\xbb"), &data };
	TransferEimPackageResponse received = { .eim_package_received = NUM(1) };
	IpaCapabilities all = {
		.ipa_features = NUM(0x3f),
		.ipa_supported_protocols = NUM(IPA_RETRIEVE_HTTPS | IPA_RETRIEVE_COAPS),
	};
	IpaEuiccData capabilities = { .ipa_capabilities = &all };
	IpaEuiccDataResponse answer = { .ipa_euicc_data = &capabilities };
	EsipaMessageFromIpaToEim message = { .get_eim_package_request = &poll };
	g_autoptr(GError) refused = NULL;

	assert_encodes(
		&GET_EIM_PACKAGE_REQUEST, &poll, "bf4f12 5a10 89049032123451234512345678901235");
	assert_encodes(&ESIPA_MESSAGE_FROM_IPA_TO_EIM, &message,
		"bf4f12 5a10 89049032123451234512345678901235");
	assert_encodes(&GET_EIM_PACKAGE_REQUEST, &changed,
		"bf4f1c 5a10 89049032123451234512345678901235 8000 810101 820322f810");
	assert_encodes(&PROVIDE_EIM_PACKAGE_RESULT, &provide,
		"bf5017 5a10 89049032123451234512345678901235 a003020101");
	assert_encodes(
		&PROFILE_DOWNLOAD_TRIGGER_RESULT, &trigger, "bf540d8202aabb300780017f0402dead");
	assert_encodes(&TRANSFER_EIM_PACKAGE_RESPONSE, &received, "bf4e020500");
	assert_encodes(&IPA_EUICC_DATA_RESPONSE, &answer, "bf520c a00a a808 800202fc 810206c0");
	g_assert_null(msg_encode(&PENDING_NOTIFICATION, &compact, &refused));
	g_assert_nonnull(refused);
}

static void test_messages_of_the_eim(void)
{
	static const Num numbers[] = { NUM(7), NUM(8), NUM(9) };
	EimAcknowledgements acks = { LIST_OF(numbers) };
	ProvideEimPackageResultResponse acknowledged = { .eim_acknowledgements = &acks };
	ProvideEimPackageResultResponse nothing = { .empty_response = NUM(1) };
	GetEimPackageResponse none = {
		.eim_package_error = NUM(EIM_PACKAGE_ERROR_NO_EIM_PACKAGE_AVAILABLE),
	};
	ProfileDownloadData by_default = { .contact_default_smdp = NUM(1) };
	ProfileDownloadTriggerRequest trigger = { .profile_download_data = &by_default };
	ContactSmds root = { 0 };
	ProfileDownloadData by_root = { .contact_smds = &root };
	ProfileDownloadTriggerRequest discovery = { .profile_download_data = &by_root };
	SearchCriteriaNotification every = { .profile_management_operation = NUM(0xf) };
	SearchCriteriaEuiccPackageResult fifth = { .seq_number = NUM(5) };
	IpaEuiccDataRequest data = {
		.tag_list = SPAN_LITERAL("\xa0\x81\xa2\xbf\x20\xbf\x22\x83\x84\xa5\xa6\xa8\xa9"),
		.euicc_ci_pk_identifier_to_be_used = SPAN_LITERAL("3333"),
		.search_criteria_notification = &every,
		.search_criteria_euicc_package_result = &fifth,
		.eim_transaction_id = SPAN_LITERAL("\xaa\xbb"),
	};

	assert_encodes(&PROVIDE_EIM_PACKAGE_RESULT_RESPONSE, &acknowledged,
		"bf500cbf5309800107800108800109");
	assert_encodes(&PROVIDE_EIM_PACKAGE_RESULT_RESPONSE, &nothing, "bf50023000");
	assert_encodes(&GET_EIM_PACKAGE_RESPONSE, &none, "bf4f03020101");
	assert_encodes(&PROFILE_DOWNLOAD_TRIGGER_REQUEST, &trigger, "bf5404a0028100");
	assert_encodes(&PROFILE_DOWNLOAD_TRIGGER_REQUEST, &discovery, "bf5404a002a200");
	assert_encodes(&IPA_EUICC_DATA_REQUEST, &data,
		"bf52245c0da081a2bf20bf228384a5a6a8a9040433333333a104810204f0a2038001058302aabb");
}

static void test_what_an_eim_signs(void)
{
	ProfileInfoListRequest list = { 0 };
	Psmo psmo = { .list_profile_info = &list };
	EuiccPackage package = { .psmo_list = { 1, &psmo } };
	EuiccPackageSigned data = {
		.eim_id = SPAN_LITERAL("eim1"),
		.eid_value = SPAN_ARRAY(eid),
		.counter_value = NUM(1),
		.euicc_package = &package,
	};
	g_autoptr(GBytes) signed_data = msg_encode_own(&EUICC_PACKAGE_SIGNED, &data);
	g_autoptr(GBytes) signature = hex_decode(LIST_PACKAGE_SIGNATURE, 64);
	g_autoptr(GBytes) without = euicc_package_tbs(span_of(signed_data), (Num) { 0 });
	g_autoptr(GBytes) with = euicc_package_tbs(span_of(signed_data), NUM(5));
	g_autoptr(GBytes) large = euicc_package_tbs(SPAN_LITERAL(""), NUM(200));
	g_autofree char *without_hex = hex_encode(span_of(without));
	g_autofree char *with_hex = hex_encode(span_of(with)),
			*large_hex = hex_encode(span_of(large));
	EuiccPackageSigned received = { .raw = span_of(signed_data) };
	EuiccPackageRequest request = { .euicc_package_signed = &received,
		.eim_signature = span_of(signature) };

	assert_encodes(&EUICC_PACKAGE_SIGNED, &data, LIST_EIM_PACKAGE);
	g_assert_cmpstr(without_hex, ==, LIST_EIM_PACKAGE "840100");
	g_assert_cmpstr(with_hex, ==, LIST_EIM_PACKAGE "840105");
	g_assert_cmpstr(large_hex, ==, "840200c8");
	assert_encodes(&EUICC_PACKAGE_REQUEST, &request,
		"bf5165" LIST_EIM_PACKAGE "5f3740" LIST_PACKAGE_SIGNATURE);
}

static void test_commands_in_a_profile_package(void)
{
	static const NotificationConfigurationInformation to = {
		.profile_management_operation =
			NUM(NOTIFICATION_ENABLE | NOTIFICATION_DISABLE | NOTIFICATION_DELETE),
		.notification_address = SPAN_LITERAL("smdp.ex"),
	};
	uint8_t keys[2][16];
	StoreMetadataRequest metadata = {
		.iccid = SPAN_ARRAY(iccid),
		.service_provider_name = SPAN_LITERAL("SP"),
		.profile_name = SPAN_LITERAL("P1"),
		.profile_class = NUM(PROFILE_CLASS_OPERATIONAL),
	};
	ReplaceSessionKeysRequest replace = { span(zeros, 16), SPAN_ARRAY(keys[0]),
		SPAN_ARRAY(keys[1]) };

	memset(keys[0], 0x11, 16);
	memset(keys[1], 0x22, 16);
	/* The class is the default, so it is not sent. */
	assert_encodes(&STORE_METADATA_REQUEST, &metadata,
		"bf25145a0a981032547698103214f59102535092025031");
	metadata.notification_configuration_info = (List) { 1, &to };
	assert_encodes(&STORE_METADATA_REQUEST, &metadata,
		"bf25255a0a981032547698103214f59102535092025031"
		"b60f300d800204708107736d64702e6578");
	assert_encodes(&REPLACE_SESSION_KEYS_REQUEST, &replace,
		"bf2636 8010 00000000000000000000000000000000 8110 11111111111111111111111111111111"
		"8210 22222222222222222222222222222222");
}

static void test_certificates_lose_and_regain_their_tag(void)
{
	static const uint8_t certificate[] = { 0x30, 0x07, 0x02, 0x01, 0x2a, 0x04, 0x02, 0x12,
		0x34 };
	g_autoptr(GBytes) eum = certificate_retag(SPAN_ARRAY(certificate), 0xa5);
	g_autoptr(GBytes) euicc = certificate_retag(SPAN_ARRAY(certificate), 0xa6);
	g_autoptr(GBytes) restored = NULL, same = certificate_restore(SPAN_ARRAY(certificate));
	Certs certs = { span_of(eum), span_of(euicc) };
	GetCertsResponse response = { .certs = &certs };
	g_autoptr(GBytes) bytes = msg_encode_own(&GET_CERTS_RESPONSE, &response);
	g_autoptr(GError) error = NULL;
	g_autoptr(Msg) msg = msg_decode(&GET_CERTS_RESPONSE, span_of(bytes), &error);

	g_assert_no_error(error);
	assert_encodes(
		&GET_CERTS_RESPONSE, &response, "bf5614a012a50702012a04021234a60702012a04021234");
	restored = certificate_restore(MSG_BODY(msg, GetCertsResponse)->certs->euicc_certificate);
	g_assert_true(span_equal(span_of(restored), SPAN_ARRAY(certificate)));
	g_assert_true(span_equal(span_of(same), SPAN_ARRAY(certificate)));
	g_assert_null(certificate_restore(SPAN_LITERAL("\x30\x05\x00")));
	g_assert_null(certificate_restore(SPAN_LITERAL("")));
}

static void test_an_answer_moves_between_its_tags(void)
{
	/* The cancellation of the card, as an eIM gets it in A1 and gives it to an SM-DP+ as BF41. */
	EuiccCancelSessionSigned signed_data = {
		.transaction_id = SPAN_LITERAL("\x01"),
		.smdp_oid = SPAN_LITERAL("\x88\x37\x0a"),
		.reason = NUM(CANCEL_SESSION_METADATA_MISMATCH),
	};
	CancelSessionResponseOk ok = { &signed_data, SPAN_ARRAY(zeros) };
	CancelSessionResponse response = { .cancel_session_response_ok = &ok };
	g_autoptr(GBytes) from_card = msg_encode_own(&CANCEL_SESSION_RESPONSE, &response);
	g_autoptr(GBytes) to_eim = NULL, again = NULL;
	g_autoptr(GError) error = NULL;
	g_autoptr(Msg) at_ipa = msg_decode(&CANCEL_SESSION_RESPONSE, span_of(from_card), &error);
	g_autoptr(Msg) at_eim = NULL;
	CancelSessionRequestEsipa request = { .transaction_id = SPAN_LITERAL("\x01") };
	Tlv outer, member;

	g_assert_no_error(error);
	request.cancel_session_response = MSG_BODY(at_ipa, CancelSessionResponse);
	to_eim = msg_encode_own(&CANCEL_SESSION_REQUEST_ESIPA, &request);
	g_assert_true(der_single(span_of(to_eim), &outer, NULL));
	g_assert_true(der_find(outer.value, 0xa1, &member));
	g_assert_false(der_find(outer.value, 0xbf41, &member));
	at_eim = msg_decode(&CANCEL_SESSION_REQUEST_ESIPA, span_of(to_eim), &error);
	g_assert_no_error(error);
	again = msg_encode_own(&CANCEL_SESSION_RESPONSE,
		MSG_BODY(at_eim, CancelSessionRequestEsipa)->cancel_session_response);
	g_assert_true(span_equal(span_of(again), span_of(from_card)));
}

static void test_what_must_be_there_is_asked_for(void)
{
	static const CtxParams1 no_params = { 0 };
	static const EuiccPackage no_package = { 0 };
	EuiccPackageSigned package = { .eim_id = SPAN_LITERAL("e"), .eid_value = SPAN_ARRAY(eid) };
	EuiccPackageSigned short_eid = { .eim_id = SPAN_LITERAL("e"), .eid_value = span(eid, 15) };
	EuiccPackageSigned empty = { .eim_id = SPAN_LITERAL("e"),
		.eid_value = SPAN_ARRAY(eid),
		.counter_value = NUM(1),
		.euicc_package = &no_package };
	AddInitialEimResponse both = { .add_initial_eim_ok = LIST_EMPTY,
		.add_initial_eim_error = NUM(1) };
	Certs untagged = { SPAN_LITERAL("\x30\x00"), SPAN_LITERAL("\x30\x00") };
	GetCertsResponse certs = { .certs = &untagged };
	const struct {
		const MsgType *type;
		const void *body;
		const char *reason;
	} cases[] = {
		{ &EUICC_PACKAGE_SIGNED, &package, "EuiccPackageSigned: counterValue: missing" },
		{ &EUICC_PACKAGE_SIGNED, &short_eid,
			"EuiccPackageSigned: eidValue: 15 octets, 16 to 16 are allowed" },
		{ &EUICC_PACKAGE_SIGNED, &empty,
			"EuiccPackageSigned: euiccPackage: no alternative of EuiccPackage" },
		{ &ADD_INITIAL_EIM_RESPONSE, &both,
			"AddInitialEimResponse: addInitialEimError: second alternative" },
		{ &CTX_PARAMS1, &no_params, "CtxParams1: no alternative of CtxParams1" },
		{ &GET_CERTS_RESPONSE, &certs,
			"GetCertsResponse: certs: eumCertificate: tag 30 in place of A5" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(msg_encode(cases[i].type, cases[i].body, &error));
		g_assert_true(sgp32_error_is(error, SGP32_ERROR_INVALID_ARGUMENT));
		g_assert_cmpstr(error->message, ==, cases[i].reason);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define TEST(path, function) g_test_add_func("/messages/known/" path, function)
	TEST("requests-without-members", test_requests_without_members);
	TEST("requests-to-the-card", test_requests_to_the_card);
	TEST("answers-of-the-card", test_answers_of_the_card);
	TEST("results-of-a-package", test_results_of_a_package);
	TEST("messages-of-the-ipa", test_messages_of_the_ipa);
	TEST("messages-of-the-eim", test_messages_of_the_eim);
	TEST("what-an-eim-signs", test_what_an_eim_signs);
	TEST("commands-in-a-profile-package", test_commands_in_a_profile_package);
	TEST("certificates-lose-and-regain-their-tag", test_certificates_lose_and_regain_their_tag);
	TEST("an-answer-moves-between-its-tags", test_an_answer_moves_between_its_tags);
	TEST("what-must-be-there-is-asked-for", test_what_must_be_there_is_asked_for);
	return g_test_run();
}
