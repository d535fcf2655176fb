/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* data.c: IpaEuiccDataRequest, every tag and every error. */
#include "world.h"

#include <string.h>

/* Contents of BF52 as hex. The answer, decoded; of an eIM that has the card's first entry. */
static Msg *ask(World *world, const char *request)
{
	g_autoptr(GBytes) bytes = tlv(0xbf52, tlv_hex(request), NULL), answer = NULL;
	g_autoptr(GError) error = NULL;
	Msg *msg;

	g_assert_true(ipa_data(&world->ipa, EIM, span_of(bytes), &answer, &error));
	g_assert_no_error(error);
	msg = msg_decode(&IPA_EUICC_DATA_RESPONSE, span_of(answer), &error);
	g_assert_no_error(error);
	return msg;
}

static const IpaEuiccData *data_of(Msg *msg)
{
	const IpaEuiccData *data = MSG_BODY(msg, IpaEuiccDataResponse)->ipa_euicc_data;

	g_assert_nonnull(data);
	return data;
}

static int64_t error_of(Msg *msg)
{
	const IpaEuiccDataResponseError *error =
		MSG_BODY(msg, IpaEuiccDataResponse)->ipa_euicc_data_response_error;

	g_assert_nonnull(error);
	return error->ipa_euicc_data_error_code.value;
}

static void test_each_tag_gives_its_field_alone(void)
{
	static const struct {
		const char *request;
		const char *field; /* tag in the answer, hex */
	} tags[] = {
		{ "5c01a0", "a0" },
		{ "5c0181", "81" },
		{ "5c01a2", "a2" },
		{ "5c02bf20", "bf20" },
		{ "5c02bf22", "bf22" },
		{ "5c0183", "83" },
		{ "5c0184", "84" },
		{ "5c01a5", "a5" },
		{ "5c01a6", "a6" },
		{ "5c01a8", "a8" },
		{ "5c01a9", "a9" },
	};
	g_autoptr(World) world = world_new();

	g_free(world->card->default_smdp);
	world->card->default_smdp = g_strdup("smdp.lab.test");
	world_attach(world);
	for (size_t i = 0; i < G_N_ELEMENTS(tags); i++) {
		g_autoptr(Msg) msg = ask(world, tags[i].request);
		Tlv whole, arm, field;
		char tag[8];
		Span rest;

		data_of(msg);
		g_assert_true(der_single(msg_bytes(msg), &whole, NULL));
		g_assert_true(der_single(whole.value, &arm, NULL));
		rest = arm.value;
		g_assert_true(der_next(&rest, &field, NULL));
		g_assert_cmpuint(rest.size, ==, 0);
		g_snprintf(tag, sizeof(tag), "%x", field.tag);
		g_assert_cmpstr(tag, ==, tags[i].field);
	}
}

static void test_all_tags_at_once(void)
{
	g_autoptr(World) world = world_new();
	g_autoptr(Msg) msg = NULL;
	const IpaEuiccData *data;

	g_free(world->card->default_smdp);
	world->card->default_smdp = g_strdup("smdp.lab.test");
	fake_card_add_notification(world->card, NOTIFICATION_ENABLE, SMDP_ADDRESS, FIRST_ICCID);
	fake_card_add_installation(world->card, "aabb", SMDP_ADDRESS, FIRST_ICCID);
	fake_card_add_result(world->card, EIM, 3);
	world_attach(world);
	msg = ask(world, "5c0da081a2bf20bf228384a5a6a8a98302aabb");
	data = data_of(msg);
	g_assert_cmpuint(data->notifications_list.count, ==, 2);
	g_assert_true(span_equal(data->default_smdp_address, SPAN_LITERAL("smdp.lab.test")));
	g_assert_cmpuint(data->euicc_package_result_list.count, ==, 1);
	g_assert_cmphex(data->euicc_info1->raw.data[1], ==, 0x20);
	g_assert_cmphex(data->euicc_info2->raw.data[1], ==, 0x22);
	g_assert_true(span_equal(data->root_smds_address, SPAN_LITERAL("smds.lab.test")));
	g_assert_cmpint(data->association_token.value, ==, 1);
	g_assert_true(span_equal(data->eum_certificate, SPAN_LITERAL("\xa5\x03\x02\x01\x01")));
	g_assert_true(span_equal(data->euicc_certificate, SPAN_LITERAL("\xa6\x03\x02\x01\x02")));
	g_assert_true(span_equal(data->eim_transaction_id, SPAN_LITERAL("\xaa\xbb")));
	g_assert_cmpint(data->ipa_capabilities->ipa_features.value, ==,
		IPA_FEATURE_DIRECT_RSP_SERVER_COMMUNICATION);
	g_assert_cmpint(
		data->ipa_capabilities->ipa_supported_protocols.value, ==, IPA_RETRIEVE_HTTPS);
	g_assert_true(span_equal(data->device_info->tac, SPAN_LITERAL("\x53\x96\x83\x30")));
	g_assert_true(span_equal(
		data->device_info->imei, SPAN_LITERAL("\x53\x96\x83\x30\x65\x34\x08\xf9")));
}

static void test_what_is_not_there_is_left_out(void)
{
	g_autoptr(World) world = world_new();
	g_autoptr(Msg) msg = NULL, lists = NULL;

	world_attach(world);
	msg = ask(world, "5c0181");
	g_assert_null(data_of(msg)->default_smdp_address.data);
	lists = ask(world, "5c02a0a2");
	g_assert_nonnull(data_of(lists)->notifications_list.items);
	g_assert_cmpuint(data_of(lists)->notifications_list.count, ==, 0);
}

static void test_criteria_choose(void)
{
	g_autoptr(World) world = world_new();
	g_autoptr(Msg) by_seq = NULL, by_event = NULL, result = NULL, none = NULL;

	fake_card_add_notification(world->card, NOTIFICATION_ENABLE, SMDP_ADDRESS, FIRST_ICCID);
	fake_card_add_notification(world->card, NOTIFICATION_DISABLE, SMDP_ADDRESS, FIRST_ICCID);
	fake_card_add_result(world->card, EIM, 3);
	fake_card_add_result(world->card, EIM, 4);
	world_attach(world);
	by_seq = ask(world, "5c01a0a103800102");
	g_assert_cmpuint(data_of(by_seq)->notifications_list.count, ==, 1);
	g_assert_cmpint(
		LIST_AT(data_of(by_seq)->notifications_list, PendingNotification, 0)
			->other_signed_notification->tbs_other_notification->seq_number.value,
		==, 2);
	by_event = ask(world, "5c01a0a10481020640");
	g_assert_cmpuint(data_of(by_event)->notifications_list.count, ==, 1);
	g_assert_cmpint(
		LIST_AT(data_of(by_event)->notifications_list, PendingNotification, 0)
			->other_signed_notification->tbs_other_notification->seq_number.value,
		==, 1);
	result = ask(world, "5c01a2a203800104");
	g_assert_cmpuint(data_of(result)->euicc_package_result_list.count, ==, 1);
	none = ask(world, "5c01a2a203800109");
	g_assert_cmpuint(data_of(none)->euicc_package_result_list.count, ==, 0);
}

static void test_tags_that_nobody_knows_are_an_error(void)
{
	/* 5A and BF2D are no fields (digest 5.1); 87 is echoed, not asked for; the last one is cut off. */
	static const char *const requests[] = { "5c015a8302aabb", "5c02bf2d8302aabb",
		"5c01878302aabb", "5c0284bf8302aabb", "5c029f708302aabb" };
	g_autoptr(World) world = world_new();

	world_attach(world);
	fake_card_clear_log(world->card);
	for (size_t i = 0; i < G_N_ELEMENTS(requests); i++) {
		g_autoptr(Msg) msg = ask(world, requests[i]);

		g_assert_cmpint(error_of(msg), ==, IPA_EUICC_DATA_ERROR_INCORRECT_TAG_LIST);
		g_assert_true(
			span_equal(MSG_BODY(msg, IpaEuiccDataResponse)
					   ->ipa_euicc_data_response_error->eim_transaction_id,
				SPAN_LITERAL("\xaa\xbb")));
	}
	g_assert_cmpuint(world->card->apdus, ==, 0);
}

static void test_ci_is_chosen_by_its_beginning(void)
{
	g_autoptr(World) world = world_new();
	g_autoptr(Msg) good = NULL, bad = NULL, refused = NULL;

	world_attach(world);
	good = ask(world, "5c01a50403f54172");
	g_assert_nonnull(data_of(good)->eum_certificate.data);
	bad = ask(world, "5c01a50403f54173");
	g_assert_cmpint(error_of(bad), ==, IPA_EUICC_DATA_ERROR_EUICC_CI_PK_ID_NOT_FOUND);
	world->card->answer_tag = TAG_GET_CERTS;
	world->card->answer = tlv_hex("bf5603810101");
	refused = ask(world, "5c01a5");
	g_assert_cmpint(error_of(refused), ==, IPA_EUICC_DATA_ERROR_EUICC_CI_PK_ID_NOT_FOUND);
}

static void test_request_that_cannot_be_read_is_answered(void)
{
	g_autoptr(World) world = world_new();
	g_autoptr(Msg) msg = NULL;

	world_attach(world);
	msg = ask(world, "040100");
	g_assert_cmpint(error_of(msg), ==, IPA_EUICC_DATA_ERROR_UNDEFINED_ERROR);
}

static void test_card_that_refuses_is_told_to_the_eim(void)
{
	g_autoptr(World) world = world_new();
	g_autoptr(Msg) msg = NULL;

	world_attach(world);
	world->card->refuse_tag = TAG_RETRIEVE_NOTIFICATIONS_LIST;
	msg = ask(world, "5c01a2");
	g_assert_cmpint(error_of(msg), ==, IPA_EUICC_DATA_ERROR_UNDEFINED_ERROR);
	g_assert_cmpstr(sgp32_error_name(world->ipa.result->verdict), ==, "CardRefused");
}

static void test_job_that_is_cancelled_gives_no_answer(void)
{
	g_autoptr(World) world = world_new();
	g_autoptr(GBytes) request = tlv_hex("bf52035c01a2"), answer = NULL;
	g_autoptr(GError) error = NULL;

	world_attach(world);
	post_cancel_set(world->cancel);
	g_assert_false(ipa_data(&world->ipa, EIM, span_of(request), &answer, &error));
	g_assert_cmpstr(sgp32_error_name(error), ==, "Cancelled");
	g_assert_null(answer);
}

static void test_results_that_the_eim_acknowledges_are_removed(void)
{
	g_autoptr(World) world = world_new();

	fake_card_add_result(world->card, OTHER_EIM, 3);
	world_attach(world);
	fake_eim_data(world->eim, "5c01a2");
	world_poll(world, EIM);
	g_assert_true(fake_eim_done(world->eim));
	g_assert_cmpuint(world->card->results->len, ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func(
		"/data/each-tag-gives-its-field-alone", test_each_tag_gives_its_field_alone);
	g_test_add_func("/data/all-tags-at-once", test_all_tags_at_once);
	g_test_add_func("/data/what-is-not-there-is-left-out", test_what_is_not_there_is_left_out);
	g_test_add_func("/data/criteria-choose", test_criteria_choose);
	g_test_add_func("/data/tags-that-nobody-knows-are-an-error",
		test_tags_that_nobody_knows_are_an_error);
	g_test_add_func("/data/ci-is-chosen-by-its-beginning", test_ci_is_chosen_by_its_beginning);
	g_test_add_func("/data/request-that-cannot-be-read-is-answered",
		test_request_that_cannot_be_read_is_answered);
	g_test_add_func("/data/job-that-is-cancelled-gives-no-answer",
		test_job_that_is_cancelled_gives_no_answer);
	g_test_add_func("/data/card-that-refuses-is-told-to-the-eim",
		test_card_that_refuses_is_told_to_the_eim);
	g_test_add_func("/data/results-that-the-eim-acknowledges-are-removed",
		test_results_that_the_eim_acknowledges_are_removed);
	return g_test_run();
}
