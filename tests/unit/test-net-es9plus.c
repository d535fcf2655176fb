/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/es9plus.h"
#include "net-server.h"

#include <string.h>

#define HEADER "\"header\":{\"functionExecutionStatus\":{\"status\":\"Executed-Success\"}}"
/* Fails with the words of the error. */
#define WORKS(call)                                                                                \
	do {                                                                                       \
		bool ok_ = (call);                                                                 \
		g_assert_no_error(error);                                                          \
		g_assert_true(ok_);                                                                \
	} while (0)

#define ID SPAN_LITERAL("\x01\xab")

/* base64 of 30 03 02 01 05, and of BF25 02 5A 00, BF36 02 BF23, 04 14 + 20 octets. */
#define SEQUENCE64 "MAMCAQU="
#define METADATA64 "vyUCWgA="
#define PACKAGE64 "vzYDvyMA"
#define KEY_ID64 "BBQAAQIDBAUGBwgJCgsMDQ4PEBESEw=="
#define KEY_ID_VALUE64 "AAECAwQFBgcICQoLDA0ODxAREhM="

static char *signature64(bool whole)
{
	uint8_t octets[67] = { 0x5f, 0x37, 0x40 };

	memset(octets + 3, 0x11, 64);
	return whole ? g_base64_encode(octets, 67) : g_base64_encode(octets + 3, 64);
}

static void equals(GBytes *bytes, const char *hex)
{
	g_autofree char *text = hex_encode(span_of(bytes));

	g_assert_cmpstr(text, ==, hex);
}

static void is_malformed(GError **error, const char *text)
{
	g_assert_error(*error, SGP32_ERROR, SGP32_ERROR_SERVER_MALFORMED);
	if (!strstr((*error)->message, text))
		g_error("\"%s\" is not in \"%s\"", text, (*error)->message);
	g_clear_error(error);
}

/* ---- InitiateAuthentication ---- */

static bool parse_initiated(const char *signature, const char *key_id, const char *signed1,
	const char *id, RspInitiated *ret, GError **error)
{
	g_autofree char *json = g_strdup_printf(
		"{" HEADER
		",\"transactionId\":\"%s\",\"serverSigned1\":\"%s\",\"serverSignature1\":\"%s\","
		"\"euiccCiPKIdToBeUsed\":\"%s\",\"serverCertificate\":\"" SEQUENCE64 "\"}",
		id, signed1, signature, key_id);

	return es9plus_parse_initiate_authentication(span_string(json), ret, error);
}

static void test_initiated_is_taken_as_it_is(void)
{
	g_autofree char *signature = signature64(true);
	g_auto(RspInitiated) ret = { 0 };
	g_autoptr(GError) error = NULL;

	WORKS(parse_initiated(signature, KEY_ID64, SEQUENCE64, "01AB", &ret, &error));
	equals(ret.transaction_id, "01ab");
	equals(ret.server_signed1, "3003020105");
	equals(ret.server_certificate, "3003020105");
	equals(ret.euicc_ci_pk_id_to_be_used, "0414000102030405060708090a0b0c0d0e0f10111213");
	g_assert_cmpuint(g_bytes_get_size(ret.server_signature1), ==, 67);
	g_assert_null(ret.matching_id);
	g_assert_null(ret.ctx_params1);
}

static void test_values_without_tag_and_line_breaks_are_forgiven(void)
{
	g_autofree char *signature = signature64(false);
	g_auto(RspInitiated) ret = { 0 };
	g_autoptr(GError) error = NULL;

	WORKS(parse_initiated(signature, KEY_ID_VALUE64, "MAMC\\r\\n AQU", "01ab", &ret, &error));
	equals(ret.server_signed1, "3003020105");
	equals(ret.euicc_ci_pk_id_to_be_used, "0414000102030405060708090a0b0c0d0e0f10111213");
	g_assert_cmpuint(g_bytes_get_size(ret.server_signature1), ==, 67);
	g_assert_true(
		span_starts(span_of(ret.server_signature1), SPAN_LITERAL("\x5f\x37\x40\x11")));
}

static void test_initiated_malformed(void)
{
	g_autofree char *signature = signature64(true);
	static const struct {
		const char *key_id, *signed1, *id, *text;
	} cases[] = {
		{ KEY_ID64, METADATA64, "01ab", "serverSigned1 is not one object with tag 30" },
		{ SEQUENCE64, SEQUENCE64, "01ab", "euiccCiPKIdToBeUsed" },
		{ KEY_ID64, "", "01ab", "serverSigned1 is not base64" },
		{ KEY_ID64, "MAMC*QU=", "01ab", "serverSigned1 is not base64" },
		{ KEY_ID64, "MAMCAQU=A", "01ab", "serverSigned1 is not base64" },
		{ KEY_ID64, "MAMCAQU===", "01ab", "serverSigned1 is not base64" },
		{ KEY_ID64, "MAMCA", "01ab", "serverSigned1 is not base64" },
		/* Cut off, and with something behind. */
		{ KEY_ID64, "MAMCAQ==", "01ab", "serverSigned1 is not one object" },
		{ KEY_ID64, "MAMCAQUA", "01ab", "serverSigned1 is not one object" },
		{ KEY_ID64, SEQUENCE64, "", "transactionId" },
		{ KEY_ID64, SEQUENCE64, "1", "transactionId" },
		{ KEY_ID64, SEQUENCE64, "xy", "transactionId" },
		{ KEY_ID64, SEQUENCE64, "000102030405060708090a0b0c0d0e0f10", "transactionId" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_auto(RspInitiated) ret = { 0 };
		g_autoptr(GError) error = NULL;

		g_assert_false(parse_initiated(
			signature, cases[i].key_id, cases[i].signed1, cases[i].id, &ret, &error));
		is_malformed(&error, cases[i].text);
		g_assert_null(ret.transaction_id);
	}
}

static void test_not_json(void)
{
	static const struct {
		const char *body, *text;
	} cases[] = {
		{ "", "not JSON" },
		{ "<html>", "not JSON" },
		{ "{", "not JSON" },
		{ "{}", "functionExecutionStatus is missing" },
		{ "[]", "not a JSON object" },
		{ "{\"header\":1}", "functionExecutionStatus is missing" },
		{ "{\"header\":{\"functionExecutionStatus\":{\"status\":\"Maybe\"}}}",
			"unknown status" },
		{ "{" HEADER "," HEADER "}", "not JSON" },
		{ "{" HEADER "}", "transactionId is missing" },
		{ "{" HEADER ",\"transactionId\":17}", "transactionId is not a string" },
		{ "{" HEADER ",\"transactionId\":\"01\",\"serverSigned1\":null}",
			"serverSigned1 is not a string" },
		{ "{" HEADER ",\"transactionId\":\"\\u0000\"}", "not JSON" },
		{ "{" HEADER "} more", "not JSON" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_auto(RspInitiated) ret = { 0 };
		g_autoptr(GError) error = NULL;

		g_assert_false(es9plus_parse_initiate_authentication(
			span_string(cases[i].body), &ret, &error));
		is_malformed(&error, cases[i].text);
	}

	/* Deep nesting ends by a limit, not by the stack. */
	g_autofree char *deep = g_strnfill(60000, '[');
	g_autoptr(GError) error = NULL;

	g_assert_false(es9plus_parse_header(span_string(deep), &error));
	is_malformed(&error, "not JSON");
}

/* ---- refusals ---- */

static void test_refusals_have_names_and_words(void)
{
	static const struct {
		const char *subject, *reason;
		Sgp32Error code;
		const char *text;
	} cases[] = {
		{ "8.2.6", "3.8", SGP32_ERROR_SERVER_REFUSED, "matching id refused (8.2.6/3.8)" },
		{ "8.2.7", "2.2", SGP32_ERROR_CONFIRMATION_CODE_REQUIRED,
			"confirmation code is needed" },
		{ "8.2.7", "3.8", SGP32_ERROR_CONFIRMATION_CODE_WRONG,
			"confirmation code is wrong" },
		{ "8.2.7", "6.4", SGP32_ERROR_SERVER_REFUSED, "too many" },
		{ "8.1", "4.8", SGP32_ERROR_NO_MEMORY, "no room" },
		{ "8.8.5", "4.1", SGP32_ERROR_SERVER_REFUSED, "expired" },
		{ "9.9.9", "9.9", SGP32_ERROR_SERVER_REFUSED, "the server refuses (9.9.9/9.9)" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *json = g_strdup_printf(
			"{\"header\":{\"functionExecutionStatus\":{\"status\":\"Failed\",\"statusCodeData\":{"
			"\"subjectCode\":\"%s\",\"reasonCode\":\"%s\",\"message\":\"Because\\n\\u00fc "
			"89049032123451234512345678901235\"}}}}",
			cases[i].subject, cases[i].reason);
		g_autoptr(GError) error = NULL;

		g_assert_false(es9plus_parse_header(span_string(json), &error));
		g_assert_error(error, SGP32_ERROR, (int)cases[i].code);
		g_assert_nonnull(strstr(error->message, cases[i].text));
		g_assert_cmpstr(sgp32_error_details(error)->subject, ==, cases[i].subject);
		g_assert_cmpstr(sgp32_error_details(error)->reason, ==, cases[i].reason);
		/* The server's words: printable, without identifiers. */
		g_assert_nonnull(strstr(error->message, "Because???"));
		g_assert_null(strstr(error->message, "8904903212345"));
	}
}

static void test_refusal_without_codes_is_still_one(void)
{
	static const char *const bodies[] = {
		"{\"header\":{\"functionExecutionStatus\":{\"status\":\"Failed\"}}}",
		"{\"header\":{\"functionExecutionStatus\":{\"status\":\"Expired\",\"statusCodeData\":7}}}",
		"{\"header\":{\"functionExecutionStatus\":{\"status\":\"Failed\",\"statusCodeData\":{"
		"\"subjectCode\":\"<b>\",\"reasonCode\":12}}}}",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(bodies); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_false(es9plus_parse_header(span_string(bodies[i]), &error));
		g_assert_error(error, SGP32_ERROR, SGP32_ERROR_SERVER_REFUSED);
		g_assert_nonnull(strstr(error->message, "(?/?)"));
		g_assert_cmpstr(sgp32_error_details(error)->subject, ==, NULL);
	}
}

/* ---- AuthenticateClient and GetBoundProfilePackage ---- */

static bool parse_authenticated(const char *members, RspAuthenticated *ret, GError **error)
{
	g_autofree char *json = g_strdup_printf("{" HEADER "%s}", members);

	return es9plus_parse_authenticate_client(span_string(json), ID, ret, error);
}

static void test_authenticated_profile(void)
{
	g_autofree char *signature = signature64(true);
	g_autofree char *members = g_strdup_printf(
		",\"transactionId\":\"01AB\",\"profileMetadata\":\"" METADATA64
		"\",\"smdpSigned2\":\"" SEQUENCE64
		"\",\"smdpSignature2\":\"%s\",\"smdpCertificate\":\"" SEQUENCE64 "\"",
		signature);
	g_auto(RspAuthenticated) ret = { 0 };
	g_autoptr(GError) error = NULL;

	WORKS(parse_authenticated(members, &ret, &error));
	equals(ret.profile_metadata, "bf25025a00");
	equals(ret.smdp_signed2, "3003020105");
	g_assert_null(ret.events);
}

static void test_authenticated_events(void)
{
	g_auto(RspAuthenticated) ret = { 0 };
	g_auto(RspAuthenticated) none = { 0 };
	g_autoptr(GError) error = NULL;
	const RspEvent *event;

	WORKS(parse_authenticated(
		",\"transactionId\":\"01AB\",\"eventEntries\":[{\"eventId\":\"EV-1\","
		"\"rspServerAddress\":\"smdp.lab.test\"},{\"eventId\":\"EV-2\","
		"\"rspServerAddress\":\"smds2.lab.test\"}]",
		&ret, &error));
	g_assert_cmpuint(ret.events->len, ==, 2);
	event = ret.events->pdata[1];
	g_assert_cmpstr(event->event_id, ==, "EV-2");
	g_assert_cmpstr(event->rsp_server_address, ==, "smds2.lab.test");
	g_assert_null(ret.smdp_signed2);

	WORKS(parse_authenticated(",\"eventEntries\":[]", &none, &error));
	g_assert_cmpuint(none.events->len, ==, 0);
}

static void test_authenticated_malformed(void)
{
	g_autoptr(GString) many = g_string_new(",\"eventEntries\":[");
	struct {
		const char *members, *text;
	} cases[] = {
		{ ",\"transactionId\":\"01AC\"", "another transaction" },
		{ ",\"transactionId\":\"01ab\"", "profileMetadata is missing" },
		{ ",\"eventEntries\":{}", "not an array" },
		{ ",\"eventEntries\":[1]", "eventId is missing" },
		{ ",\"eventEntries\":[{\"eventId\":\"\",\"rspServerAddress\":\"a\"}]", "eventId" },
		{ ",\"eventEntries\":[{\"eventId\":\"a\",\"rspServerAddress\":\"a b\"}]",
			"rspServerAddress" },
		{ NULL, "too many" },
	};

	for (unsigned i = 0; i < 129; i++)
		g_string_append_printf(
			many, "%s{\"eventId\":\"a\",\"rspServerAddress\":\"b\"}", i ? "," : "");
	g_string_append(many, "]");
	cases[G_N_ELEMENTS(cases) - 1].members = many->str;
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_auto(RspAuthenticated) ret = { 0 };
		g_autoptr(GError) error = NULL;

		g_assert_false(parse_authenticated(cases[i].members, &ret, &error));
		is_malformed(&error, cases[i].text);
	}
}

static void test_package(void)
{
	static const char good[] =
		"{" HEADER ",\"transactionId\":\"01ab\",\"boundProfilePackage\":\"" PACKAGE64 "\"}";
	static const char bad[] =
		"{" HEADER ",\"transactionId\":\"01ab\",\"boundProfilePackage\":\"" METADATA64
		"\"}";
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) package =
		es9plus_parse_get_bound_profile_package(span_string(good), ID, &error);

	g_assert_no_error(error);
	equals(package, "bf3603bf2300");
	g_assert_null(es9plus_parse_get_bound_profile_package(span_string(bad), ID, &error));
	is_malformed(&error, "BF36");
}

/* ---- with a server ---- */

typedef struct Fixture {
	Cert *cert;
	Trust *trust;
	Server *server;
	Http *http;
	char *address;
	Es9plus *es9plus;
	GPtrArray *texts;
	GArray *steps;
} Fixture;

static void add(Fixture *f, StepKind kind, const char *text)
{
	Step step = { kind, text, 0 };

	g_array_append_val(f->steps, step);
}

static void add_json(Fixture *f, const char *json)
{
	char *text = g_strdup_printf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
				     "Content-Length: %zu\r\n\r\n%s",
		strlen(json), json);

	g_ptr_array_add(f->texts, text);
	add(f, STEP_READ, NULL);
	add(f, STEP_SEND, text);
}

static void begin(Fixture *f)
{
	f->texts = g_ptr_array_new_with_free_func(g_free);
	f->steps = g_array_new(TRUE, TRUE, sizeof(Step));
	add(f, STEP_ACCEPT, NULL);
}

static void start(Fixture *f, const Es9plusPeer *wishes)
{
	g_autoptr(GBytes) spki = NULL;
	Es9plusPeer peer = wishes ? *wishes : (Es9plusPeer) { 0 };

	add(f, STEP_AWAIT_CLOSE, NULL);
	f->cert = cert_new(&(CertSpec) { .name = "smdp" });
	spki = cert_spki(f->cert);
	f->trust = trust_new_key(span_of(spki), NULL);
	f->server = server_new(f->cert, NULL, (const Step *)f->steps->data);
	f->http = http_new(NULL, NULL);
	f->address = g_strdup_printf("127.0.0.1:%u", f->server->port);
	peer.address = f->address;
	peer.trust = f->trust;
	f->es9plus = es9plus_new(&peer, f->http, NULL);
	g_assert_nonnull(f->es9plus);
}

static void end(Fixture *f)
{
	es9plus_free(f->es9plus);
	http_free(f->http);
	server_free(f->server);
	trust_unref(f->trust);
	cert_free(f->cert);
	g_free(f->address);
	g_ptr_array_unref(f->texts);
	g_array_unref(f->steps);
}

static void test_speaks_the_five_functions(void)
{
	g_autofree char *signature = signature64(true);
	g_autofree char *initiated = g_strdup_printf(
		"{" HEADER ",\"transactionId\":\"01AB\",\"serverSigned1\":\"" SEQUENCE64
		"\",\"serverSignature1\":\"%s\",\"euiccCiPKIdToBeUsed\":\"" KEY_ID64
		"\",\"serverCertificate\":\"" SEQUENCE64 "\"}",
		signature);
	g_autofree char *authenticated = g_strdup_printf(
		"{" HEADER ",\"transactionId\":\"01AB\",\"profileMetadata\":\"" METADATA64
		"\",\"smdpSigned2\":\"" SEQUENCE64
		"\",\"smdpSignature2\":\"%s\",\"smdpCertificate\":\"" SEQUENCE64 "\"}",
		signature);
	static const uint8_t challenge[16] = { 1, 2, 3 };
	static const char *const names[] = { "initiateAuthentication", "authenticateClient",
		"getBoundProfilePackage", "handleNotification", "cancelSession" };
	g_auto(RspInitiated) one = { 0 };
	g_auto(RspAuthenticated) two = { 0 };
	g_autoptr(GBytes) three = NULL;
	g_autoptr(GError) error = NULL;
	Fixture f = { 0 };

	begin(&f);
	add_json(&f, initiated);
	add_json(&f, authenticated);
	add_json(&f,
		"{" HEADER ",\"transactionId\":\"01AB\",\"boundProfilePackage\":\"" PACKAGE64
		"\"}");
	add(&f, STEP_READ, NULL);
	add(&f, STEP_SEND, "HTTP/1.1 204 No Content\r\n\r\n");
	add_json(&f, "{" HEADER "}");
	start(&f, NULL);

	WORKS(es9plus_initiate_authentication(f.es9plus, SPAN_ARRAY(challenge),
		SPAN_LITERAL("\xbf\x20\x00"), NULL, &one, &error));
	equals(one.server_signed1, "3003020105");
	WORKS(es9plus_authenticate_client(f.es9plus, span_of(one.transaction_id),
		SPAN_LITERAL("\xbf\x38\x00"), NULL, &two, &error));
	three = es9plus_get_bound_profile_package(
		f.es9plus, ID, SPAN_LITERAL("\xbf\x21\x00"), NULL, &error);
	g_assert_no_error(error);
	equals(three, "bf3603bf2300");
	WORKS(es9plus_handle_notification(f.es9plus, SPAN_LITERAL("\xbf\x37\x00"), NULL, &error));
	WORKS(es9plus_cancel_session(f.es9plus, ID, SPAN_LITERAL("\xbf\x41\x00"), NULL, &error));
	http_close(f.http);
	server_join(f.server);

	/* One connection for all, and what SGP.22 6.5 wants in each. */
	g_assert_cmpuint(f.server->requests->len, ==, 5);
	for (unsigned i = 0; i < 5; i++) {
		const char *request = f.server->requests->pdata[i];
		g_autofree char *line =
			g_strdup_printf("POST /gsma/rsp2/es9plus/%s HTTP/1.1\r\n", names[i]);

		g_assert_true(g_str_has_prefix(request, line));
		g_assert_nonnull(strstr(request, "\r\nUser-Agent: gsma-rsp-lpad\r\n"));
		g_assert_nonnull(strstr(request, "\r\nX-Admin-Protocol: gsma/rsp/v2."));
		g_assert_nonnull(strstr(request, "\r\nContent-Type: application/json"));
	}
	g_autofree char *body = g_strdup_printf("{\"euiccChallenge\":\"AQIDAAAAAAAAAAAAAAAAAA==\","
						"\"euiccInfo1\":\"vyAA\",\"smdpAddress\":\"%s\"}",
		f.address);
	g_assert_true(g_str_has_suffix(f.server->requests->pdata[0], body));
	g_assert_true(g_str_has_suffix(f.server->requests->pdata[1],
		"\r\n\r\n{\"transactionId\":\"01AB\",\"authenticateServerResponse\":\"vzgA\"}"));
	g_assert_true(g_str_has_suffix(f.server->requests->pdata[2],
		"\r\n\r\n{\"transactionId\":\"01AB\",\"prepareDownloadResponse\":\"vyEA\"}"));
	g_assert_true(g_str_has_suffix(
		f.server->requests->pdata[3], "\r\n\r\n{\"pendingNotification\":\"vzcA\"}"));
	g_assert_true(g_str_has_suffix(f.server->requests->pdata[4],
		"\r\n\r\n{\"transactionId\":\"01AB\",\"cancelSessionResponse\":\"v0EA\"}"));
	end(&f);
}

static void test_refusal_names_function_and_server(void)
{
	g_auto(RspInitiated) ret = { 0 };
	g_autoptr(GError) error = NULL;
	Fixture f = { 0 };

	begin(&f);
	add_json(&f,
		"{\"header\":{\"functionExecutionStatus\":{\"status\":\"Failed\",\"statusCodeData\":{"
		"\"subjectCode\":\"8.8.1\",\"reasonCode\":\"3.8\"}}}}");
	start(&f, &(Es9plusPeer) { .user_agent = "gsma-rsp-ipad" });
	g_assert_false(es9plus_initiate_authentication(f.es9plus, SPAN_LITERAL("0123456789abcdef"),
		SPAN_LITERAL("\xbf\x20\x00"), NULL, &ret, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_SERVER_REFUSED);
	g_assert_nonnull(strstr(error->message, "initiateAuthentication at 127.0.0.1"));
	g_assert_cmpstr(sgp32_error_details(error)->subject, ==, "8.8.1");
	http_close(f.http);
	server_join(f.server);
	g_assert_nonnull(strstr(f.server->requests->pdata[0], "\r\nUser-Agent: gsma-rsp-ipad\r\n"));
	end(&f);
}

static void test_notification_is_taken_by_200_but_not_against_a_refusal(void)
{
	g_autoptr(GError) error = NULL;
	Fixture f = { 0 };

	begin(&f);
	add_json(&f, "");
	add_json(&f, "OK");
	add_json(&f, "{" HEADER "}");
	add_json(&f, "{\"header\":{\"functionExecutionStatus\":{\"status\":\"Failed\"}}}");
	start(&f, NULL);
	for (unsigned i = 0; i < 3; i++)
		WORKS(es9plus_handle_notification(
			f.es9plus, SPAN_LITERAL("\xbf\x37\x00"), NULL, &error));
	g_assert_false(
		es9plus_handle_notification(f.es9plus, SPAN_LITERAL("\xbf\x37\x00"), NULL, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_SERVER_REFUSED);
	end(&f);
}

static void test_only_the_package_may_be_large(void)
{
	g_autofree char *filler = g_strnfill(100 * 1024, ' ');
	g_autofree char *package = g_strconcat(
		"{" HEADER ",\"boundProfilePackage\":\"" PACKAGE64 "\"", filler, "}", NULL);
	g_auto(RspAuthenticated) ret = { 0 };
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) bytes = NULL;
	Fixture f = { 0 };

	begin(&f);
	add_json(&f, package);
	add(&f, STEP_READ, NULL);
	add(&f, STEP_SEND, "HTTP/1.1 200 OK\r\nContent-Length: 102400\r\n\r\n");
	start(&f, NULL);
	bytes = es9plus_get_bound_profile_package(
		f.es9plus, ID, SPAN_LITERAL("\xbf\x21\x00"), NULL, &error);
	g_assert_no_error(error);
	equals(bytes, "bf3603bf2300");
	g_assert_false(es9plus_authenticate_client(
		f.es9plus, ID, SPAN_LITERAL("\xbf\x38\x00"), NULL, &ret, &error));
	is_malformed(&error, "limit of 65536 octets");
	end(&f);
}

static void test_address_is_checked(void)
{
	g_autoptr(Http) http = http_new(NULL, NULL);
	g_autoptr(GError) error = NULL;

	g_assert_null(es9plus_new(&(Es9plusPeer) { .address = "smdp/../x" }, http, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_INVALID_ARGUMENT);
	g_clear_error(&error);
	g_assert_null(es9plus_new(
		&(Es9plusPeer) { .address = "smdp", .user_agent = "a\r\nb: c" }, http, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_INVALID_ARGUMENT);
}

int main(int argc, char **argv)
{
	net_isolate();
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/es9plus/initiated-is-taken-as-it-is", test_initiated_is_taken_as_it_is);
	g_test_add_func("/es9plus/values-without-tag-and-line-breaks-are-forgiven",
		test_values_without_tag_and_line_breaks_are_forgiven);
	g_test_add_func("/es9plus/initiated-malformed", test_initiated_malformed);
	g_test_add_func("/es9plus/not-json", test_not_json);
	g_test_add_func(
		"/es9plus/refusals-have-names-and-words", test_refusals_have_names_and_words);
	g_test_add_func("/es9plus/refusal-without-codes-is-still-one",
		test_refusal_without_codes_is_still_one);
	g_test_add_func("/es9plus/authenticated-profile", test_authenticated_profile);
	g_test_add_func("/es9plus/authenticated-events", test_authenticated_events);
	g_test_add_func("/es9plus/authenticated-malformed", test_authenticated_malformed);
	g_test_add_func("/es9plus/package", test_package);
	g_test_add_func("/es9plus/speaks-the-five-functions", test_speaks_the_five_functions);
	g_test_add_func("/es9plus/refusal-names-function-and-server",
		test_refusal_names_function_and_server);
	g_test_add_func("/es9plus/notification-is-taken-by-200-but-not-against-a-refusal",
		test_notification_is_taken_by_200_but_not_against_a_refusal);
	g_test_add_func(
		"/es9plus/only-the-package-may-be-large", test_only_the_package_may_be_large);
	g_test_add_func("/es9plus/address-is-checked", test_address_is_checked);
	return g_test_run();
}
