/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* download.c, download-rules.c and trigger.c: direct downloads, by a person and by an eIM. */
#include "world.h"

#include <string.h>

#define CHAIN "BF20 BF2E BF38 BF21 BF36 "

static bool download(World *world, const DownloadOrder *order, GError **error)
{
	static const DownloadOrder plain = { .activation_code = ACTIVATION_CODE };

	fake_card_clear_log(world->card);
	return ipa_download(&world->ipa, order ? order : &plain, error);
}

/* It fails with that name, both sides are told the reason, and nothing is installed. reason < 0: there was no
 * session that could be cancelled. */
static void download_fails(World *world, const DownloadOrder *order, const char *name, int reason)
{
	g_autoptr(GError) error = NULL;

	g_assert_false(download(world, order, &error));
	g_assert_cmpstr(sgp32_error_name(error), ==, name);
	g_assert_cmpuint(world->card->cancels, ==, reason >= 0);
	g_assert_cmpuint(world->smdp->cancels, ==, reason >= 0);
	g_assert_cmpint(world->card->cancel_reason, ==, reason);
	g_assert_cmpint(world->smdp->cancel_reason, ==, reason);
	g_assert_cmpuint(world->card->installs, ==, 0);
	g_assert_null(fake_card_profile(world->card, FRESH_ICCID));
	g_assert_null(world->card->transaction);
}

static void test_happy_path(void)
{
	g_autoptr(World) world = world_new();
	g_autoptr(GError) error = NULL;
	g_autofree char *server = NULL, *iccid = NULL;
	const CardProfile *profile;

	world_attach(world);
	g_assert_true(download(world, NULL, &error));
	g_assert_no_error(error);
	g_assert_cmpstr(world->card->log->str, ==, CHAIN "BF22 BF30 ");
	g_assert_cmpstr(world->smdp->log->str, ==, "initiate client package notify ");
	g_assert_cmpuint(world->card->installs, ==, 1);
	g_assert_cmpuint(world->smdp->installed, ==, 1);
	g_assert_cmpuint(world->card->notifications->len, ==, 0);
	g_assert_cmpuint(world->ipa.snapshot->notifications->len, ==, 0);
	profile = snapshot_profile(world->ipa.snapshot, FRESH_ICCID);
	g_assert_nonnull(profile);
	g_assert_false(profile->enabled);
	g_assert_cmpstr(profile->name, ==, "Fresh profile");
	g_assert_cmpstr(profile->smdp_address, ==, SMDP_ADDRESS);
	g_assert_cmpstr(profile->owner_mccmnc, ==, "22f810");
	server = world_stored_iccid_server(world, FRESH_ICCID);
	g_assert_cmpstr(server, ==, SMDP_ADDRESS);
	g_assert_true(g_variant_dict_lookup(world->ipa.result->values, "iccid", "s", &iccid));
	g_assert_cmpstr(iccid, ==, FRESH_ICCID);
	g_assert_cmpstr(world->asked->str, ==, "");
	g_assert_cmpfloat(world->progress, >=, 0.95);
}

static void test_default_server_is_that_of_the_card(void)
{
	g_autoptr(World) world = world_new();
	g_autoptr(GError) error = NULL, none = NULL;
	DownloadOrder order = { .activation_code = "" };

	world_attach(world);
	g_assert_false(download(world, &order, &none));
	g_assert_cmpstr(sgp32_error_name(none), ==, "InvalidActivationCode");
	g_free(world->card->default_smdp);
	world->card->default_smdp = g_strdup(SMDP_ADDRESS);
	g_assert_true(ipa_refresh(&world->ipa, &error));
	g_assert_true(download(world, &order, &error));
	g_assert_cmpuint(world->card->installs, ==, 1);
}

static void test_code_that_is_none_touches_nothing(void)
{
	g_autoptr(World) world = world_new();
	DownloadOrder order = { .activation_code = "LPA:2$nowhere" };

	world_attach(world);
	download_fails(world, &order, "InvalidActivationCode", -1);
	g_assert_cmpuint(world->card->apdus, ==, 0);
	g_assert_cmpstr(world->smdp->log->str, ==, "");
}

static void test_server_must_be_the_one_that_was_asked(void)
{
	for (unsigned i = 0; i < 3; i++) {
		g_autoptr(World) world = world_new();

		world_attach(world);
		if (i == 0)
			world->smdp->signs_address = g_strdup("smdp.evil.test");
		world->smdp->signs_transaction = i == 1;
		world->smdp->signs_challenge = i == 2;
		download_fails(world, NULL, i == 1 ? "ServerMalformed" : "SignatureInvalid", -1);
		/* The card has not seen it. */
		g_assert_cmpstr(world->card->log->str, ==, "BF20 BF2E ");
	}
}

static void test_case_of_the_address_does_not_matter(void)
{
	g_autoptr(World) world = world_new();
	g_autoptr(GError) error = NULL;

	world_attach(world);
	world->smdp->signs_address = g_strdup("SMDP.Lab.Test");
	g_assert_true(download(world, NULL, &error));
	g_assert_no_error(error);
}

static void test_oid_of_the_code_must_be_in_the_certificate(void)
{
	g_autoptr(World) world = world_new();
	DownloadOrder order = { .activation_code = ACTIVATION_CODE "$2.999.11" };
	g_autoptr(GError) error = NULL;

	world_attach(world);
	download_fails(world, &order, "SignatureInvalid", -1);
	order.activation_code = ACTIVATION_CODE "$2.999.10";
	g_assert_true(download(world, &order, &error));
	g_assert_no_error(error);
}

static void test_card_that_rejects_the_server_says_why(void)
{
	static const struct {
		uint32_t tag;
		const char *answer, *name;
		int reason;
	} arms[] = {
		{ TAG_AUTHENTICATE_SERVER, "bf38 0b a109 8004aabbcc01 020102", "SignatureInvalid",
			-1 },
		{ TAG_AUTHENTICATE_SERVER, "bf38 0b a109 8004aabbcc01 020103", "NotSupported", -1 },
		{ TAG_PREPARE_DOWNLOAD, "bf21 0b a109 8004aabbcc01 020102", "SignatureInvalid",
			CANCEL_SESSION_UNDEFINED_REASON },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(arms); i++) {
		g_autoptr(World) world = world_new();
		g_autoptr(GBytes) arm = NULL, expected = tlv_hex(arms[i].answer);
		g_autoptr(GError) error = NULL;
		DownloadOrder order = { .activation_code = ACTIVATION_CODE };

		world_attach(world);
		world->card->answer_tag = arms[i].tag;
		world->card->answer = g_bytes_ref(expected);
		g_assert_false(ipa_download_order(&world->ipa, &order, &arm, &error));
		g_assert_cmpstr(sgp32_error_name(error), ==, arms[i].name);
		g_assert_true(g_bytes_equal(arm, expected));
		g_assert_cmpint(world->card->cancel_reason, ==, arms[i].reason);
		g_assert_cmpint(world->smdp->cancel_reason, ==, arms[i].reason);
	}
}

static void test_refusals_of_the_server_are_named(void)
{
	g_autoptr(World) world = world_new();
	g_autoptr(GError) error = NULL;
	DownloadOrder order = { .activation_code = "LPA:1$" SMDP_ADDRESS "$UNKNOWN" };

	world_attach(world);
	g_assert_false(download(world, &order, &error));
	g_assert_cmpstr(sgp32_error_name(error), ==, "ServerRefused");
	g_assert_cmpstr(sgp32_error_details(error)->subject, ==, "8.2.6");
	g_assert_cmpstr(sgp32_error_details(error)->reason, ==, "3.8");
	g_assert_cmpuint(world->card->cancels, ==, 1);
}

static void test_sm_ds_is_not_taken_for_an_sm_dp(void)
{
	g_autoptr(World) world = world_new();

	world_attach(world);
	world->smdp->gives_events = true;
	download_fails(world, NULL, "ServerMalformed", CANCEL_SESSION_POSTPONED);
}

static void test_metadata_in_the_package_must_be_those_announced(void)
{
	g_autoptr(World) world = world_new();

	world_attach(world);
	world->smdp->swaps_metadata = true;
	download_fails(world, NULL, "ServerRefused", CANCEL_SESSION_METADATA_MISMATCH);
	g_assert_null(strstr(world->card->log->str, "BF36"));
}

static void test_smdp_signed2_must_name_the_transaction(void)
{
	g_autoptr(World) world = world_new();

	world_attach(world);
	world->smdp->signs2_transaction = true;
	download_fails(world, NULL, "ServerMalformed", CANCEL_SESSION_POSTPONED);
}

/* pprIds PPR1 for anybody, with consent. */
#define RAT_PPR1_CONSENT "3011 80020640 a107 3005 8003eeeeee 82020780"

static World *world_with_ppr1(const char *rat)
{
	World *world = world_new();

	/* PPR1 is for the first operational profile only. */
	fake_card_profile(world->card, FIRST_ICCID)->class = PROFILE_CLASS_PROVISIONING;
	fake_card_profile(world->card, SECOND_ICCID)->class = PROFILE_CLASS_TEST;
	world->card->rat = tlv_hex(rat);
	world->smdp->metadata = fake_smdp_metadata(FRESH_ICCID, PPR_1);
	world_attach(world);
	return world;
}

static void test_policy_rules_need_an_entry_of_the_card(void)
{
	/* No entry; one for another rule; one for another operator. */
	static const char *const tables[] = { "", "3011 80020520 a107 3005 8003eeeeee 82020700",
		"3011 80020640 a107 3005 800362f220 82020700" };

	for (size_t i = 0; i < G_N_ELEMENTS(tables); i++) {
		g_autoptr(World) world = world_with_ppr1(tables[i]);

		download_fails(world, NULL, "ProfilePolicyRule", CANCEL_SESSION_PPR_NOT_ALLOWED);
	}
}

static void test_entry_for_the_operator_allows_the_rule(void)
{
	g_autoptr(World) world = world_with_ppr1("3011 80020640 a107 3005 800322f8e0 82020700");
	g_autoptr(GError) error = NULL;

	g_assert_true(download(world, NULL, &error));
	g_assert_no_error(error);
	g_assert_cmpuint(
		snapshot_profile(world->ipa.snapshot, FRESH_ICCID)->policy_rules, ==, PPR_1);
}

static void test_consent_is_given_by_nobody(void)
{
	g_autoptr(World) world = world_with_ppr1(RAT_PPR1_CONSENT);

	download_fails(world, NULL, "ProfilePolicyRule", CANCEL_SESSION_END_USER_REJECTION);
	g_assert_cmpstr(world->asked->str, ==, "");
}

static void test_consent_is_given_by_the_operator(void)
{
	g_autoptr(World) world = world_with_ppr1(RAT_PPR1_CONSENT);
	g_autoptr(GError) error = NULL;

	world->settings.consent = true;
	g_assert_true(download(world, NULL, &error));
	g_assert_no_error(error);
}

static void test_consent_is_given_or_refused_by_the_user(void)
{
	DownloadOrder order = { .activation_code = ACTIVATION_CODE, .ask = true };
	g_autoptr(World) world = world_with_ppr1(RAT_PPR1_CONSENT);
	g_autoptr(GError) error = NULL;

	world->accepts = false;
	download_fails(world, &order, "Rejected", CANCEL_SESSION_END_USER_REJECTION);
	g_assert_cmpstr(world->asked->str, ==, "policy-rules ");
	world->accepts = true;
	g_assert_true(download(world, &order, &error));
	g_assert_no_error(error);
}

static void test_ppr1_is_not_for_a_card_with_an_operational_profile(void)
{
	g_autoptr(World) world = world_new();

	world->card->rat = tlv_hex(RAT_PPR1_CONSENT);
	world->smdp->metadata = fake_smdp_metadata(FRESH_ICCID, PPR_1);
	world->settings.consent = true;
	world_attach(world);
	download_fails(world, NULL, "ProfilePolicyRule", CANCEL_SESSION_PPR_NOT_ALLOWED);
}

static void test_user_is_asked_and_may_reject(void)
{
	DownloadOrder order = { .activation_code = ACTIVATION_CODE, .ask = true };
	g_autoptr(World) world = world_new();
	g_autoptr(GError) error = NULL;

	world_attach(world);
	world->accepts = false;
	download_fails(world, &order, "Rejected", CANCEL_SESSION_END_USER_REJECTION);
	g_assert_cmpstr(world->asked->str, ==, "install ");
	world->accepts = true;
	g_assert_true(download(world, &order, &error));
	g_assert_cmpuint(world->card->installs, ==, 1);
}

static void test_user_who_does_not_answer_is_a_timeout(void)
{
	DownloadOrder order = { .activation_code = ACTIVATION_CODE, .ask = true };
	g_autoptr(World) world = world_new();

	world_attach(world);
	world->ask_fails = SGP32_ERROR_TIMEOUT;
	download_fails(world, &order, "Timeout", CANCEL_SESSION_TIMEOUT);
}

static void test_confirmation_code(void)
{
	DownloadOrder order = { .activation_code = ACTIVATION_CODE };
	g_autoptr(World) world = world_new();
	g_autoptr(GError) error = NULL, asked = NULL, wrong = NULL;

	world_attach(world);
	world->smdp->code = g_strdup("1234");
	/* Missing: the order stays. */
	download_fails(world, &order, "ConfirmationCodeRequired", CANCEL_SESSION_POSTPONED);
	/* Wrong. */
	order.confirmation_code = "4321";
	g_assert_false(download(world, &order, &wrong));
	g_assert_cmpstr(sgp32_error_name(wrong), ==, "ConfirmationCodeWrong");
	g_assert_cmpuint(world->smdp->cancels, ==, 2);
	/* Asked for. */
	order.confirmation_code = NULL;
	order.ask = true;
	world->confirmation_code = "1234";
	g_assert_true(download(world, &order, &asked));
	g_assert_no_error(asked);
	g_assert_cmpstr(world->asked->str, ==, "install confirmation-code ");
	g_assert_cmpuint(world->card->installs, ==, 1);
}

static void test_failed_installation_is_told_to_the_server(void)
{
	static const struct {
		int reason;
		unsigned segment;
		const char *name;
	} failures[] = {
		{ INSTALL_ERROR_PE_PROCESSING_ERROR, 0, "InstallFailed" },
		{ INSTALL_ERROR_SCP03T_SECURITY_ERROR, 4, "InstallFailed" },
		{ INSTALL_ERROR_INSUFFICIENT_MEMORY_FOR_PROFILE, 2, "NoMemory" },
		{ INSTALL_ERROR_PPR_NOT_ALLOWED, 4, "ProfilePolicyRule" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(failures); i++) {
		g_autoptr(World) world = world_new();
		g_autoptr(GError) error = NULL;

		world_attach(world);
		world->card->install_error = failures[i].reason;
		world->card->install_error_segment = failures[i].segment;
		g_assert_false(download(world, NULL, &error));
		g_assert_cmpstr(sgp32_error_name(error), ==, failures[i].name);
		g_assert_cmpint(sgp32_error_details(error)->spec, ==, failures[i].reason);
		g_assert_cmpuint(world->smdp->failed, ==, 1);
		g_assert_cmpuint(world->smdp->cancels, ==, 0);
		g_assert_cmpuint(world->card->notifications->len, ==, 0);
	}
}

static void test_segment_refused_without_a_result_cancels(void)
{
	g_autoptr(World) world = world_new();

	world_attach(world);
	world->card->refuse_segment = 3;
	download_fails(world, NULL, "CardRefused", CANCEL_SESSION_LOAD_BPP_EXECUTION_ERROR);
}

static void test_segment_refused_with_a_result_on_the_card_finds_it(void)
{
	g_autoptr(World) world = world_new();
	g_autoptr(GError) error = NULL;

	world_attach(world);
	world->card->refuse_segment = 3;
	world->card->refuse_keeps_result = true;
	g_assert_false(download(world, NULL, &error));
	g_assert_cmpstr(sgp32_error_name(error), ==, "InstallFailed");
	g_assert_cmpuint(world->smdp->failed, ==, 1);
	g_assert_cmpuint(world->ipa.snapshot->notifications->len, ==, 0);
}

static void test_server_that_cannot_be_told_is_told_later(void)
{
	g_autoptr(World) world = world_new();
	g_autoptr(GError) error = NULL;

	world_attach(world);
	world->smdp->refuses_notifications = SGP32_ERROR_SERVER_REFUSED;
	g_assert_true(download(world, NULL, &error));
	g_assert_cmpuint(world->card->notifications->len, ==, 1);
	g_assert_cmpuint(world->ipa.snapshot->notifications->len, ==, 1);
	world->smdp->refuses_notifications = 0;
	g_assert_true(ipa_notify(&world->ipa, true, &error));
	g_assert_cmpuint(world->smdp->installed, ==, 1);
	g_assert_cmpuint(world->card->notifications->len, ==, 0);
}

static void test_cancel_at_every_step_ends_the_session_on_both_sides(void)
{
	unsigned n;

	for (n = 1;; n++) {
		g_autoptr(World) world = world_new();
		g_autoptr(GError) error = NULL;
		bool session, ok;

		world_attach(world);
		fault_plan(n, FAULT_CANCEL, world->cancel);
		ok = download(world, NULL, &error);
		if (!post_cancel_is_set(world->cancel)) {
			g_assert_true(ok);
			break;
		}
		/* The last step, the removal of what was told, does not look at it any more. */
		if (ok) {
			g_assert_cmpuint(world->card->installs, ==, 1);
			continue;
		}
		g_assert_cmpstr(sgp32_error_name(error), ==, "Cancelled");
		/* What was begun on the card is ended there and at the server, with the same reason. */
		session = world->card->cancels != 0;
		g_assert_cmpuint(world->smdp->cancels, ==, session);
		g_assert_cmpint(world->smdp->cancel_reason, ==, world->card->cancel_reason);
		if (session)
			g_assert_cmpint(world->card->cancel_reason, ==, CANCEL_SESSION_POSTPONED);
		g_assert_null(world->card->transaction);
		g_assert_false(session && world->card->installs);
		if (strstr(world->smdp->log->str, "client") && !world->card->installs)
			g_assert_true(session);
		/* And what the card holds in the end is known, and delivered. */
		world_job(world);
		fault_plan(0, FAULT_NONE, NULL);
		g_clear_error(&error);
		g_assert_true(ipa_notify(&world->ipa, true, &error));
		g_assert_cmpuint(world->card->notifications->len, ==, 0);
		g_assert_cmpuint(world->smdp->installed, ==, world->card->installs);
	}
	g_assert_cmpuint(n, >, 20);
}

/* ---- triggers of an eIM ---- */

static const ProfileDownloadTriggerResultData *trigger_result(EimItem *item, Msg **msg)
{
	g_autoptr(GError) error = NULL;

	g_assert_nonnull(item->result);
	*msg = msg_decode(&EIM_PACKAGE_RESULT, span_of(item->result), &error);
	g_assert_no_error(error);
	return MSG_BODY(*msg, EimPackageResult)
		->profile_download_trigger_result->profile_download_trigger_result_data;
}

static void see_store(void *user, const char *function)
{
	World *world = user;
	g_autoptr(GPtrArray) list = NULL;
	g_autoptr(GError) error = NULL;

	/* The result is in the store before either server gets it. */
	if (strcmp(function, "notify") != 0 && strcmp(function, "provide-result") != 0)
		return;
	g_assert_true(store_trigger_list(world->store, CARD_EID, EIM, &list, &error));
	g_assert_cmpuint(list->len, ==, 1);
	g_assert_nonnull(((StoredTrigger *)list->pdata[0])->result);
	g_string_append_printf(world->asked, "%s ", function);
}

static void test_triggered_download_is_told_to_both(void)
{
	g_autoptr(World) world = world_new();
	g_autoptr(Msg) msg = NULL;
	EimItem *item = fake_eim_trigger(world->eim, ACTIVATION_CODE, "0102");
	const ProfileDownloadTriggerResultData *data;

	world_attach(world);
	fake_servers_on_call(see_store, world);
	world_poll(world, EIM);
	g_assert_cmpstr(world->asked->str, ==, "notify provide-result ");
	g_assert_cmpuint(world->smdp->installed, ==, 1);
	data = trigger_result(item, &msg);
	g_assert_nonnull(data->profile_installation_result);
	g_assert_cmpuint(item->answered, ==, 1);
	g_assert_cmpuint(world_triggers(world), ==, 0);
	world_poll(world, EIM);
	g_assert_cmpuint(item->answered, ==, 1);
}

static void test_trigger_without_a_code_takes_the_default_server(void)
{
	g_autoptr(World) world = world_new();
	EimItem *item = fake_eim_trigger(world->eim, NULL, NULL);
	g_autoptr(Msg) msg = NULL;

	g_free(world->card->default_smdp);
	world->card->default_smdp = g_strdup(SMDP_ADDRESS);
	world_attach(world);
	world_poll(world, EIM);
	g_assert_nonnull(trigger_result(item, &msg)->profile_installation_result);
}

static void test_failures_of_a_triggered_download_are_told(void)
{
	/* What the IPA cannot do, what the server refuses, what the card refuses. */
	static const Sgp32Error names[] = { SGP32_ERROR_NOT_SUPPORTED, SGP32_ERROR_SERVER_REFUSED,
		SGP32_ERROR_SIGNATURE_INVALID, SGP32_ERROR_INSTALL_FAILED };

	for (unsigned i = 0; i < 4; i++) {
		g_autoptr(World) world = world_new();
		g_autoptr(Msg) msg = NULL;
		const ProfileDownloadTriggerResultData *data;
		EimItem *item = i == 0
			? fake_eim_raw(world->eim, ESIPA_DOWNLOAD_TRIGGER, "bf5404a002a200")
			: fake_eim_trigger(world->eim,
				  i == 1 ? "LPA:1$" SMDP_ADDRESS "$UNKNOWN" : ACTIVATION_CODE,
				  NULL);

		world_attach(world);
		if (i == 2) {
			world->card->answer_tag = TAG_PREPARE_DOWNLOAD;
			world->card->answer = tlv_hex("bf21 0b a109 8004aabbcc01 020102");
		}
		if (i == 3)
			world->card->install_error = INSTALL_ERROR_PE_PROCESSING_ERROR;
		world_poll_fails(world, EIM, names[i]);
		data = trigger_result(item, &msg);
		if (i == 3) {
			g_assert_nonnull(
				data->profile_installation_result->profile_installation_result_data
					->final_result->error_result);
			g_assert_cmpuint(world->smdp->failed, ==, 1);
		} else {
			g_assert_cmpint(
				data->profile_download_error->profile_download_error_reason.value,
				==, PROFILE_DOWNLOAD_ERROR_UNDEFINED_ERROR);
			g_assert_true((data->profile_download_error->error_response.data != NULL) ==
				(i == 2));
		}
		g_assert_cmpuint(world_triggers(world), ==, 0);
	}
}

static void test_trigger_that_met_no_network_stands(void)
{
	g_autoptr(World) world = world_new();
	EimItem *item = fake_eim_trigger(world->eim, ACTIVATION_CODE, NULL);
	g_autoptr(Msg) msg = NULL;

	world_attach(world);
	world->smdp->down = true;
	world_poll_fails(world, EIM, SGP32_ERROR_NETWORK_UNAVAILABLE);
	g_assert_null(item->result);
	g_assert_cmpuint(world_triggers(world), ==, 0);
	world->smdp->down = false;
	world_poll(world, EIM);
	g_assert_nonnull(trigger_result(item, &msg)->profile_installation_result);
	g_assert_cmpuint(world->card->installs, ==, 1);
}

static void test_recovery_of_a_download_that_was_cut_off(void)
{
	for (unsigned found = 0; found < 2; found++) {
		g_autoptr(World) world = world_new();
		EimItem *item = fake_eim_trigger(world->eim, ACTIVATION_CODE, "0102");
		g_autoptr(GError) error = NULL;
		g_autoptr(Msg) msg = NULL;
		int64_t id;

		g_assert_true(store_trigger_begin(
			world->store, CARD_EID, EIM, SPAN_LITERAL("\x01\x02"), &id, &error));
		g_assert_true(store_trigger_session(
			world->store, id, SPAN_LITERAL("\xaa\xbb\xcc\x77"), &error));
		if (found) {
			fake_card_add_installation(
				world->card, "aabbcc77", SMDP_ADDRESS, FRESH_ICCID);
			fake_card_add_profile(world->card, FRESH_ICCID, false, NULL);
		}
		world_attach(world);
		g_assert_cmpuint(world_triggers(world), ==, found);
		world_poll(world, EIM);
		/* With a result it is told, without one the eIM gives its trigger again. */
		g_assert_nonnull(trigger_result(item, &msg)->profile_installation_result);
		g_assert_cmpuint(item->offered, ==, !found);
		g_assert_cmpuint(world->card->installs, ==, !found);
		g_assert_cmpuint(item->answered, ==, 1);
	}
}

/* A misspelt name: the eIM's other packages come after it. */
static void test_server_that_is_never_there_is_reported(void)
{
	g_autoptr(World) world = world_new();
	EimItem *item, *next;
	unsigned polls = 0;

	world_attach(world);
	world->smdp->down = true;
	item = fake_eim_trigger(world->eim, ACTIVATION_CODE, "01");
	next = fake_eim_package(world->eim, 5, LIST_PROFILES);
	while (!item->result) {
		g_assert_cmpuint(++polls, <, 10);
		world_poll_fails(world, EIM, SGP32_ERROR_NETWORK_UNAVAILABLE);
		world_restart(world);
		world_attach(world);
	}
	g_assert_cmpuint(polls, ==, world->settings.delivery_tries);
	g_assert_nonnull(next->result);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name) g_test_add_func("/download/" #name, test_##name)
	ADD(happy_path);
	ADD(default_server_is_that_of_the_card);
	ADD(code_that_is_none_touches_nothing);
	ADD(server_must_be_the_one_that_was_asked);
	ADD(case_of_the_address_does_not_matter);
	ADD(oid_of_the_code_must_be_in_the_certificate);
	ADD(card_that_rejects_the_server_says_why);
	ADD(refusals_of_the_server_are_named);
	ADD(sm_ds_is_not_taken_for_an_sm_dp);
	ADD(metadata_in_the_package_must_be_those_announced);
	ADD(smdp_signed2_must_name_the_transaction);
	ADD(policy_rules_need_an_entry_of_the_card);
	ADD(entry_for_the_operator_allows_the_rule);
	ADD(consent_is_given_by_nobody);
	ADD(consent_is_given_by_the_operator);
	ADD(consent_is_given_or_refused_by_the_user);
	ADD(ppr1_is_not_for_a_card_with_an_operational_profile);
	ADD(user_is_asked_and_may_reject);
	ADD(user_who_does_not_answer_is_a_timeout);
	ADD(confirmation_code);
	ADD(failed_installation_is_told_to_the_server);
	ADD(segment_refused_without_a_result_cancels);
	ADD(segment_refused_with_a_result_on_the_card_finds_it);
	ADD(server_that_cannot_be_told_is_told_later);
	ADD(cancel_at_every_step_ends_the_session_on_both_sides);
	ADD(triggered_download_is_told_to_both);
	ADD(trigger_without_a_code_takes_the_default_server);
	ADD(failures_of_a_triggered_download_are_told);
	ADD(trigger_that_met_no_network_stands);
	ADD(recovery_of_a_download_that_was_cut_off);
	g_test_add_func("/download/server-that-is-never-there-is-reported",
		test_server_that_is_never_there_is_reported);
	return g_test_run();
}
