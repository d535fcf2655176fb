/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/esipa.h"

#include "asn1/esipa.h"
#include "message-samples.h"
#include "net-server.h"

#include <string.h>

#define EID_HEX "89049032123451234512345678901235"

/* Fails with the words of the error. */
#define WORKS(call)                                                                                \
	do {                                                                                       \
		bool ok_ = (call);                                                                 \
		g_assert_no_error(error);                                                          \
		g_assert_true(ok_);                                                                \
	} while (0)

/* The known message of that type which shows some text. */
static const char *sample(const MsgType *type, const char *shows)
{
	for (size_t i = 0; i < n_samples_esipa; i++)
		if (samples_esipa[i].type == type && strstr(samples_esipa[i].shows, shows))
			return samples_esipa[i].hex;
	g_error("no sample of %s shows \"%s\"", type->name, shows);
}

static GBytes *octets(const char *hex)
{
	GBytes *bytes = hex_decode(hex, 100000);

	g_assert_nonnull(bytes);
	return bytes;
}

static void equals(GBytes *bytes, const char *hex)
{
	g_autofree char *text = hex_encode(span_of(bytes));

	g_assert_cmpstr(text, ==, hex);
}

typedef struct Fixture {
	Cert *cert;
	Trust *trust;
	Server *server;
	Http *http;
	char *fqdn;
	Esipa *esipa;
	GPtrArray *texts;
	GArray *steps;
	GBytes *eid;
} Fixture;

static void add(Fixture *f, StepKind kind, const char *text, size_t size)
{
	Step step = { kind, text, size };

	g_array_append_val(f->steps, step);
}

static void add_answer_typed(Fixture *f, const char *hex, const char *type)
{
	g_autoptr(GBytes) body = octets(hex);
	GString *text = g_string_new(NULL);

	g_string_append_printf(text,
		"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", type,
		g_bytes_get_size(body));
	g_string_append_len(text, g_bytes_get_data(body, NULL), g_bytes_get_size(body));
	add(f, STEP_READ, NULL, 0);
	add(f, STEP_SEND, text->str, text->len);
	g_ptr_array_add(f->texts, g_string_free(text, FALSE));
}

static void add_answer(Fixture *f, const char *hex)
{
	add_answer_typed(f, hex, "application/x-gsma-rsp-asn1");
}

static void begin(Fixture *f)
{
	f->texts = g_ptr_array_new_with_free_func(g_free);
	f->steps = g_array_new(TRUE, TRUE, sizeof(Step));
	f->eid = octets(EID_HEX);
	add(f, STEP_ACCEPT, NULL, 0);
}

static void start(Fixture *f, EsipaPeer peer)
{
	g_autoptr(GBytes) spki = NULL;

	add(f, STEP_AWAIT_CLOSE, NULL, 0);
	f->cert = cert_new(&(CertSpec) { .name = "eim" });
	spki = cert_spki(f->cert);
	f->trust = trust_new_key(span_of(spki), NULL);
	f->server = server_new(f->cert, NULL, (const Step *)f->steps->data);
	f->http = http_new(NULL, NULL);
	f->fqdn = g_strdup_printf("127.0.0.1:%u", f->server->port);
	peer.eim_id = "eim.lab.test";
	peer.fqdn = f->fqdn;
	peer.trust = f->trust;
	f->esipa = esipa_new(&peer, f->http, NULL);
	g_assert_nonnull(f->esipa);
}

static void finish(Fixture *f)
{
	http_close(f->http);
	server_join(f->server);
}

static void end(Fixture *f)
{
	esipa_free(f->esipa);
	http_free(f->http);
	server_free(f->server);
	trust_unref(f->trust);
	cert_free(f->cert);
	g_bytes_unref(f->eid);
	g_free(f->fqdn);
	g_ptr_array_unref(f->texts);
	g_array_unref(f->steps);
}

/* What the server got as body of a request. */
static void asked(Fixture *f, unsigned number, const char *hex)
{
	const char *request = f->server->requests->pdata[number];
	const char *body = strstr(request, "\r\n\r\n") + 4;
	size_t size = strtoul(strcasestr(request, "Content-Length:") + 15, NULL, 10);
	g_autofree char *text = hex_encode(span(body, size));

	g_assert_cmpstr(text, ==, hex);
}

/* ---- GetEimPackage ---- */

static void test_package_comes_as_it_was_sent(void)
{
	static const struct {
		const char *shows;
		EsipaPackageKind kind;
		uint32_t tag;
	} cases[] = {
		{ "euiccPackageRequest:", ESIPA_EUICC_PACKAGE, TAG_EUICC_PACKAGE },
		{ "ipaEuiccDataRequest:", ESIPA_DATA_REQUEST, TAG_IPA_EUICC_DATA },
		{ "profileDownloadTriggerRequest:", ESIPA_DOWNLOAD_TRIGGER,
			TAG_PROFILE_DOWNLOAD_TRIGGER },
	};
	g_autoptr(GError) error = NULL;
	Fixture f = { 0 };
	EsipaPackageQuestion question = { .state_change_cause = -1 };

	begin(&f);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		add_answer(&f, sample(&GET_EIM_PACKAGE_RESPONSE, cases[i].shows));
	start(&f, (EsipaPeer) { 0 });
	question.eid = span_of(f.eid);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GBytes) answer =
			octets(sample(&GET_EIM_PACKAGE_RESPONSE, cases[i].shows));
		g_auto(EsipaPackage) package = { 0 };
		Tlv outer;

		WORKS(esipa_get_eim_package(f.esipa, &question, NULL, &package, &error));
		g_assert_cmpint(package.kind, ==, cases[i].kind);
		WORKS(der_single(span_of(answer), &outer, &error));
		g_assert_true(span_equal(span_of(package.bytes), outer.value));
	}
	finish(&f);
	asked(&f, 0, "bf4f125a10" EID_HEX);

	/* The headers of SGP.32 6.1.1. */
	const char *request = f.server->requests->pdata[0];

	g_assert_true(g_str_has_prefix(request, "POST /gsma/rsp2/asn1 HTTP/1.1\r\n"));
	g_assert_nonnull(strstr(request, "\r\nUser-Agent: gsma-rsp-ipad\r\n"));
	g_assert_nonnull(strstr(request, "\r\nX-Admin-Protocol: gsma/rsp/v2.1.0\r\n"));
	g_assert_nonnull(strstr(request, "\r\nContent-Type: application/x-gsma-rsp-asn1\r\n"));
	end(&f);
}

static void test_no_package_is_an_answer(void)
{
	g_auto(EsipaPackage) package = { 0 };
	g_autoptr(GError) error = NULL;
	EsipaPackageQuestion question = { .notify_state_change = true,
		.state_change_cause = STATE_CHANGE_FALLBACK,
		.r_plmn = SPAN_LITERAL("\x22\xf8\x10") };
	Fixture f = { 0 };

	begin(&f);
	add_answer(&f, "bf4f03020101");
	start(&f, (EsipaPeer) { 0 });
	question.eid = span_of(f.eid);
	WORKS(esipa_get_eim_package(f.esipa, &question, NULL, &package, &error));
	g_assert_cmpint(package.kind, ==, ESIPA_NO_PACKAGE);
	g_assert_null(package.bytes);
	finish(&f);
	asked(&f, 0, "bf4f1c5a10" EID_HEX "8000810101820322f810");
	end(&f);
}

static void test_unknown_or_broken_package_is_handed_on(void)
{
	g_auto(EsipaPackage) unknown = { 0 };
	g_auto(EsipaPackage) broken = { 0 };
	g_autoptr(GError) error = NULL;
	EsipaPackageQuestion question = { .state_change_cause = -1 };
	Fixture f = { 0 };

	begin(&f);
	add_answer(&f, "bf4f05bf6f020500");
	add_answer(&f, "bf4f05bf51023003");
	start(&f, (EsipaPeer) { 0 });
	question.eid = span_of(f.eid);
	WORKS(esipa_get_eim_package(f.esipa, &question, NULL, &unknown, &error));
	g_assert_cmpint(unknown.kind, ==, ESIPA_UNKNOWN_PACKAGE);
	equals(unknown.bytes, "bf6f020500");
	WORKS(esipa_get_eim_package(f.esipa, &question, NULL, &broken, &error));
	g_assert_cmpint(broken.kind, ==, ESIPA_EUICC_PACKAGE);
	equals(broken.bytes, "bf51023003");
	end(&f);
}

static void test_eim_refuses(void)
{
	static const struct {
		const char *answer, *text;
		int spec;
	} cases[] = {
		{ "bf4f03020102", "does not know this EID (2)", 2 },
		{ "bf4f0302017f", "does not say what is wrong (127)", 127 },
		{ "bf4f03020163", "the eIM refuses (99)", 99 },
	};
	EsipaPackageQuestion question = { .state_change_cause = -1 };
	Fixture f = { 0 };

	begin(&f);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		add_answer(&f, cases[i].answer);
	start(&f, (EsipaPeer) { 0 });
	question.eid = span_of(f.eid);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_auto(EsipaPackage) package = { 0 };
		g_autoptr(GError) error = NULL;

		g_assert_false(esipa_get_eim_package(f.esipa, &question, NULL, &package, &error));
		g_assert_error(error, SGP32_ERROR, SGP32_ERROR_SERVER_REFUSED);
		g_assert_nonnull(strstr(error->message, cases[i].text));
		g_assert_nonnull(strstr(error->message, "GetEimPackage at eIM eim.lab.test"));
		g_assert_cmpint(sgp32_error_details(error)->spec, ==, cases[i].spec);
	}
	end(&f);
}

static void test_answer_malformed(void)
{
	static const struct {
		const char *answer, *type, *text;
	} cases[] = {
		{ "", "application/x-gsma-rsp-asn1", "cannot be understood" },
		{ "bf4f", "application/x-gsma-rsp-asn1", "cannot be understood" },
		{ "bf4f030201", "application/x-gsma-rsp-asn1", "cannot be understood" },
		{ "bf4f0302010100", "application/x-gsma-rsp-asn1", "cannot be understood" },
		{ "bf4f00", "application/x-gsma-rsp-asn1", "cannot be understood" },
		{ "bf4f020200", "application/x-gsma-rsp-asn1", "no number" },
		{ "bf4f80020101", "application/x-gsma-rsp-asn1", "cannot be understood" },
		{ "bf5003020102", "application/x-gsma-rsp-asn1", "tag BF50 in place of BF4F" },
		{ "7b7d", "application/json", "" },
		{ "bf4f03020101", "text/html; charset=utf-8", "web page" },
	};
	EsipaPackageQuestion question = { .state_change_cause = -1 };
	Fixture f = { 0 };

	begin(&f);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		add_answer_typed(&f, cases[i].answer, cases[i].type);
	/* Other types are taken for what they hold. */
	add_answer_typed(&f, "bf4f03020101", "application/octet-stream");
	start(&f, (EsipaPeer) { 0 });
	question.eid = span_of(f.eid);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_auto(EsipaPackage) package = { 0 };
		g_autoptr(GError) error = NULL;

		g_assert_false(esipa_get_eim_package(f.esipa, &question, NULL, &package, &error));
		g_assert_error(error, SGP32_ERROR, SGP32_ERROR_SERVER_MALFORMED);
		if (!strstr(error->message, cases[i].text))
			g_error("\"%s\" is not in \"%s\"", cases[i].text, error->message);
	}

	g_auto(EsipaPackage) package = { 0 };
	g_autoptr(GError) error = NULL;

	WORKS(esipa_get_eim_package(f.esipa, &question, NULL, &package, &error));
	end(&f);
}

/* ---- ProvideEimPackageResult, HandleNotification ---- */

static void test_result_and_its_acknowledgements(void)
{
	g_autoptr(GError) error = NULL;
	Fixture f = { 0 };
	const Span result = SPAN_LITERAL("\xbf\x51\x02\x30\x00");

	begin(&f);
	add_answer(&f, "bf500cbf5309800107800108800109");
	add_answer(&f, "bf5003bf5300");
	add_answer(&f, "bf50023000");
	add_answer(&f, "bf5003020102");
	add_answer(&f, "bf5000");
	start(&f, (EsipaPeer) { 0 });

	for (unsigned i = 0; i < 3; i++) {
		g_auto(EsipaAcknowledgements) acks = { 0 };

		WORKS(esipa_provide_eim_package_result(
			f.esipa, span_of(f.eid), result, NULL, &acks, &error));
		g_assert_cmpint(acks.given, ==, i < 2);
		g_assert_cmpuint(acks.sequence_numbers->len, ==, i ? 0 : 3);
		if (!i)
			g_assert_cmpint(g_array_index(acks.sequence_numbers, int64_t, 2), ==, 9);
	}

	g_auto(EsipaAcknowledgements) acks = { 0 };

	g_assert_false(esipa_provide_eim_package_result(
		f.esipa, span_of(f.eid), result, NULL, &acks, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_SERVER_REFUSED);
	g_clear_error(&error);
	g_assert_false(esipa_provide_eim_package_result(
		f.esipa, span_of(f.eid), result, NULL, &acks, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_SERVER_MALFORMED);
	g_assert_null(acks.sequence_numbers);
	finish(&f);
	asked(&f, 0, "bf50175a10" EID_HEX "bf51023000");
	end(&f);
}

static void test_notification_needs_no_body_in_the_answer(void)
{
	g_autoptr(GError) error = NULL;
	Fixture f = { 0 };

	begin(&f);
	add(&f, STEP_READ, NULL, 0);
	add(&f, STEP_SEND, "HTTP/1.1 204 No Content\r\n\r\n", 0);
	add_answer(&f, "");
	add_answer_typed(&f, "3c3e", "text/html");
	start(&f, (EsipaPeer) { 0 });
	WORKS(esipa_handle_notification(f.esipa, SPAN_LITERAL("\xbf\x37\x00"), NULL, &error));
	WORKS(esipa_handle_notification(f.esipa, SPAN_LITERAL("\x30\x00"), NULL, &error));
	WORKS(esipa_handle_notification(
		f.esipa, SPAN_LITERAL("\xbf\x50\x02\x30\x00"), NULL, &error));
	finish(&f);
	asked(&f, 0, "bf3d05a003bf3700");
	asked(&f, 1, "bf3d04a0023000");
	asked(&f, 2, "bf3d05bf50023000");
	end(&f);
}

/* ---- indirect download ---- */

static void test_indirect_download(void)
{
	const char *ok1 = sample(&INITIATE_AUTHENTICATION_RESPONSE_ESIPA, "matchingId");
	const char *ok2 = sample(&AUTHENTICATE_CLIENT_RESPONSE_ESIPA, "smdpSigned2");
	const char *ok3 = sample(&GET_BOUND_PROFILE_PACKAGE_RESPONSE_ESIPA, "boundProfilePackage");
	static const uint8_t challenge[16] = { 1 };
	g_autoptr(GBytes) answer1 = octets(ok1);
	g_autoptr(GBytes) answer2 = octets(ok2);
	g_autoptr(GBytes) answer3 = octets(ok3);
	g_autoptr(Msg) msg1 = NULL;
	g_autoptr(Msg) msg2 = NULL;
	g_autoptr(Msg) msg3 = NULL;
	const InitiateAuthenticationOkEsipa *body1;
	const AuthenticateClientOkDpEsipa *body2;
	const GetBoundProfilePackageOkEsipa *body3;
	g_auto(RspInitiated) initiated = { 0 };
	g_auto(RspAuthenticated) authenticated = { 0 };
	g_autoptr(GBytes) package = NULL;
	g_autoptr(GError) error = NULL;
	EsipaInitiation initiation = { .euicc_challenge = SPAN_ARRAY(challenge),
		.smdp_address = "smdp.lab.test",
		.eim_transaction_id = SPAN_LITERAL("\xaa\xbb") };
	Fixture f = { 0 };
	Span id;

	msg1 = msg_decode(&INITIATE_AUTHENTICATION_RESPONSE_ESIPA, span_of(answer1), &error);
	msg2 = msg_decode(&AUTHENTICATE_CLIENT_RESPONSE_ESIPA, span_of(answer2), &error);
	msg3 = msg_decode(&GET_BOUND_PROFILE_PACKAGE_RESPONSE_ESIPA, span_of(answer3), &error);
	g_assert_no_error(error);
	body1 = MSG_BODY(msg1, InitiateAuthenticationResponseEsipa)
			->initiate_authentication_ok_esipa;
	body2 = MSG_BODY(msg2, AuthenticateClientResponseEsipa)->authenticate_client_ok_dp_esipa;
	body3 = MSG_BODY(msg3, GetBoundProfilePackageResponseEsipa)
			->get_bound_profile_package_ok_esipa;

	begin(&f);
	add_answer(&f, ok1);
	add_answer(&f, ok2);
	add_answer(&f, ok3);
	add_answer(&f, "bf4102a000");
	start(&f, (EsipaPeer) { 0 });

	WORKS(esipa_initiate_authentication(f.esipa, &initiation, NULL, &initiated, &error));
	g_assert_true(span_equal(span_of(initiated.server_signed1), body1->server_signed1->raw));
	g_assert_true(span_equal(span_of(initiated.server_certificate), body1->server_certificate));
	g_assert_true(
		span_starts(span_of(initiated.server_signature1), SPAN_LITERAL("\x5f\x37\x40")));
	g_assert_true(span_equal(span_string(initiated.matching_id), body1->matching_id));
	id = body2->transaction_id.data ? body2->transaction_id : SPAN_LITERAL("\x01");
	WORKS(esipa_authenticate_client(
		f.esipa, id, SPAN_LITERAL("\xbf\x38\x00"), NULL, &authenticated, &error));
	g_assert_true(span_equal(span_of(authenticated.smdp_signed2), body2->smdp_signed2->raw));
	g_assert_true(span_equal(span_of(authenticated.smdp_certificate), body2->smdp_certificate));
	id = body3->transaction_id.data ? body3->transaction_id : SPAN_LITERAL("\x01");
	package = esipa_get_bound_profile_package(
		f.esipa, id, SPAN_LITERAL("\xbf\x21\x00"), NULL, &error);
	g_assert_no_error(error);
	g_assert_true(span_equal(span_of(package), body3->bound_profile_package->raw));
	WORKS(esipa_cancel_session(f.esipa, SPAN_LITERAL("\x01"),
		SPAN_LITERAL("\xbf\x41\x03\x81\x01\x05"), NULL, &error));
	finish(&f);
	asked(&f, 0,
		"bf3925"
		"8110"
		"01000000000000000000000000000000"
		"830d736d64702e6c61622e74657374"
		"8202aabb");
	/* The automatic tag takes the place of BF41. */
	asked(&f, 3, "bf4108800101a103810105");
	end(&f);
}

static void test_answers_for_another_transaction_are_refused(void)
{
	g_auto(RspAuthenticated) authenticated = { 0 };
	g_autoptr(GError) error = NULL;
	Fixture f = { 0 };

	begin(&f);
	add_answer(&f, "bf3b08a1068001098f0100");
	start(&f, (EsipaPeer) { 0 });
	g_assert_false(esipa_authenticate_client(f.esipa, SPAN_LITERAL("\x01"),
		SPAN_LITERAL("\xbf\x38\x00"), NULL, &authenticated, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_SERVER_MALFORMED);
	g_assert_nonnull(strstr(error->message, "another transaction"));
	end(&f);
}

static void test_event_of_an_smds(void)
{
	g_auto(RspAuthenticated) found = { 0 };
	g_auto(RspAuthenticated) none = { 0 };
	g_autoptr(GError) error = NULL;
	Fixture f = { 0 };

	begin(&f);
	add_answer(&f, "bf3b0ca10a800101bf5404a0028100");
	add_answer(&f, "bf3b05a103800101");
	start(&f, (EsipaPeer) { 0 });
	WORKS(esipa_authenticate_client(
		f.esipa, SPAN_LITERAL("\x01"), SPAN_LITERAL("\xbf\x38\x00"), NULL, &found, &error));
	equals(found.download_trigger, "bf5404a0028100");
	g_assert_null(found.smdp_signed2);
	WORKS(esipa_authenticate_client(
		f.esipa, SPAN_LITERAL("\x01"), SPAN_LITERAL("\xbf\x38\x00"), NULL, &none, &error));
	g_assert_null(none.download_trigger);
	g_assert_cmpuint(none.events->len, ==, 0);
	end(&f);
}

static void test_download_errors_have_names(void)
{
	g_auto(RspInitiated) initiated = { 0 };
	g_auto(RspAuthenticated) authenticated = { 0 };
	g_autoptr(GError) error = NULL;
	static const uint8_t challenge[16] = { 1 };
	EsipaInitiation initiation = { .euicc_challenge = SPAN_ARRAY(challenge) };
	static const struct {
		const char *answer;
		Sgp32Error code;
	} packages[] = {
		{ "bf3a03810102", SGP32_ERROR_CONFIRMATION_CODE_REQUIRED },
		{ "bf3a03810103", SGP32_ERROR_CONFIRMATION_CODE_WRONG },
		{ "bf3a0381015f", SGP32_ERROR_SERVER_REFUSED },
	};
	Fixture f = { 0 };

	begin(&f);
	add_answer(&f, "bf3903810134");
	add_answer(&f, "bf3b0382010b");
	for (size_t i = 0; i < G_N_ELEMENTS(packages); i++)
		add_answer(&f, packages[i].answer);
	add_answer(&f, "bf4103810101");
	start(&f, (EsipaPeer) { 0 });
	g_assert_false(
		esipa_initiate_authentication(f.esipa, &initiation, NULL, &initiated, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_SERVER_REFUSED);
	g_assert_cmpint(sgp32_error_details(error)->spec, ==, 52);
	g_clear_error(&error);
	g_assert_false(esipa_authenticate_client(f.esipa, SPAN_LITERAL("\x01"),
		SPAN_LITERAL("\xbf\x38\x00"), NULL, &authenticated, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_NO_MEMORY);
	g_clear_error(&error);
	for (size_t i = 0; i < G_N_ELEMENTS(packages); i++) {
		g_assert_null(esipa_get_bound_profile_package(
			f.esipa, SPAN_LITERAL("\x01"), SPAN_LITERAL("\xbf\x21\x00"), NULL, &error));
		g_assert_error(error, SGP32_ERROR, (int)packages[i].code);
		g_clear_error(&error);
	}
	g_assert_false(esipa_cancel_session(f.esipa, SPAN_LITERAL("\x01"),
		SPAN_LITERAL("\xbf\x41\x03\x81\x01\x05"), NULL, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_SERVER_REFUSED);
	end(&f);
}

/* ---- peer ---- */

static void test_path_type_and_agent_can_be_set(void)
{
	g_auto(EsipaPackage) package = { 0 };
	g_autoptr(GError) error = NULL;
	EsipaPackageQuestion question = { .state_change_cause = -1 };
	Fixture f = { 0 };
	const char *request;

	begin(&f);
	add_answer(&f, "bf4f03020101");
	start(&f,
		(EsipaPeer) {
			.path = "/eim", .content_type = "a/b", .user_agent = "gsma-rsp-ipad;x/1" });
	question.eid = span_of(f.eid);
	WORKS(esipa_get_eim_package(f.esipa, &question, NULL, &package, &error));
	finish(&f);
	request = f.server->requests->pdata[0];
	g_assert_true(g_str_has_prefix(request, "POST /eim HTTP/1.1\r\n"));
	g_assert_nonnull(strstr(request, "\r\nContent-Type: a/b\r\n"));
	g_assert_nonnull(strstr(request, "\r\nUser-Agent: gsma-rsp-ipad;x/1\r\n"));
	end(&f);
}

static void test_peer_is_checked(void)
{
	static const EsipaPeer bad[] = {
		{ .fqdn = NULL },
		{ .fqdn = "" },
		{ .fqdn = "eim/../x" },
		{ .fqdn = "eim", .path = "x" },
		{ .fqdn = "eim", .content_type = "a\r\nb: c" },
		{ .fqdn = "eim", .user_agent = "" },
		{ .fqdn = "eim", .binding = ESIPA_N_BINDINGS },
	};
	g_autoptr(Http) http = http_new(NULL, NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(esipa_new(&bad[i], http, &error));
		g_assert_error(error, SGP32_ERROR, SGP32_ERROR_INVALID_ARGUMENT);
	}
}

int main(int argc, char **argv)
{
	net_isolate();
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/esipa/package-comes-as-it-was-sent", test_package_comes_as_it_was_sent);
	g_test_add_func("/esipa/no-package-is-an-answer", test_no_package_is_an_answer);
	g_test_add_func("/esipa/unknown-or-broken-package-is-handed-on",
		test_unknown_or_broken_package_is_handed_on);
	g_test_add_func("/esipa/eim-refuses", test_eim_refuses);
	g_test_add_func("/esipa/answer-malformed", test_answer_malformed);
	g_test_add_func(
		"/esipa/result-and-its-acknowledgements", test_result_and_its_acknowledgements);
	g_test_add_func("/esipa/notification-needs-no-body-in-the-answer",
		test_notification_needs_no_body_in_the_answer);
	g_test_add_func("/esipa/indirect-download", test_indirect_download);
	g_test_add_func("/esipa/answers-for-another-transaction-are-refused",
		test_answers_for_another_transaction_are_refused);
	g_test_add_func("/esipa/event-of-an-smds", test_event_of_an_smds);
	g_test_add_func("/esipa/download-errors-have-names", test_download_errors_have_names);
	g_test_add_func(
		"/esipa/path-type-and-agent-can-be-set", test_path_type_and_agent_can_be_set);
	g_test_add_func("/esipa/peer-is-checked", test_peer_is_checked);
	return g_test_run();
}
