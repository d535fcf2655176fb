/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* usage: test-smdp LAB-SMDP */
#include <curl/curl.h>
#include <string.h>

#include "asn1/profile.h"
#include "lab-client.h"
#include "lab/common/state.h"

#define HOST "smdp.lab.test"
#define OID "2.999.10"
#define PATH "/gsma/rsp2/es9plus/"

static const char *program;
static char *dir;

typedef struct World {
	LabClient *smdp;
	LabEuicc *euicc;
	X509 *dpauth, *dppb;
	/* of the running download */
	GBytes *transaction;
	GBytes *signature2; /* 5F37, whole */
} World;

static X509 *certificate(const char *set, const char *name)
{
	g_autofree char *path = g_strdup_printf("%s/pki/%s/%s.pem", dir, set, name);
	X509 *x = crypto_certificate_load(path, NULL);

	g_assert_nonnull(x);
	return x;
}

static World *world_new_with(const char *set)
{
	World *w = g_new0(World, 1);
	static int n;
	g_autofree char *name = g_strdup_printf("smdp%d", n++);
	g_autofree char *pki = g_build_filename(dir, "pki", NULL);

	w->smdp = lab_client_start(program, dir, name, HOST, "nist/ci.pem", NULL);
	w->euicc = lab_euicc_new(pki, set);
	w->dpauth = certificate(set, "dpauth");
	w->dppb = certificate(set, "dppb");
	return w;
}

static World *world_new(void)
{
	return world_new_with("nist");
}

static void world_free(World *w)
{
	lab_client_stop(w->smdp);
	lab_euicc_free(w->euicc);
	X509_free(w->dpauth);
	X509_free(w->dppb);
	g_clear_pointer(&w->transaction, g_bytes_unref);
	g_clear_pointer(&w->signature2, g_bytes_unref);
	g_free(w);
}

/* The answer's JSON; status "" or "SUBJECT/REASON" is demanded. body is stolen. */
static json_t *call(World *w, const char *function, json_t *body, const char *status)
{
	g_autofree char *path = g_strconcat(PATH, function, NULL);
	char *text = json_dumps(body, 0);
	g_autoptr(LabAnswer) answer =
		lab_client_post(w->smdp, path, "application/json;charset=UTF-8", span_string(text));
	json_t *json, *execution, *code;
	g_autofree char *got = NULL;

	free(text);
	json_decref(body);
	g_assert_cmpint(answer->http, ==, 200);
	g_assert_true(answer->admin_protocol);
	g_assert_cmpstr(answer->type, ==, "application/json;charset=UTF-8");
	json = json_loadb((char *)answer->body->data, answer->body->len, 0, NULL);
	execution = json_object_get(json_object_get(json, "header"), "functionExecutionStatus");
	g_assert_nonnull(execution);
	code = json_object_get(execution, "statusCodeData");
	got = code ? g_strdup_printf("%s/%s", state_string(code, "subjectCode"),
			     state_string(code, "reasonCode"))
		   : g_strdup("");
	g_assert_cmpstr(got, ==, status);
	g_assert_cmpstr(
		state_string(execution, "status"), ==, *status ? "Failed" : "Executed-Success");
	return json;
}

static json_t *initiate_request(World *w)
{
	g_autoptr(GBytes) info1 = lab_euicc_info1(w->euicc);
	json_t *body = json_object();

	state_set_string(body, "smdpAddress", "SMDP.lab.test");
	state_set_octets(body, "euiccChallenge", SPAN_ARRAY(w->euicc->challenge));
	state_set_octets(body, "euiccInfo1", span_of(info1));
	return body;
}

static Span value_of(GBytes *tlv, uint32_t tag)
{
	Tlv parsed;

	g_assert_nonnull(tlv);
	g_assert_true(der_single(span_of(tlv), &parsed, NULL));
	g_assert_cmphex(parsed.tag, ==, tag);
	return parsed.value;
}

/* initiateAuthentication; returns serverSigned1. */
static GBytes *initiate(World *w)
{
	json_t *answer = call(w, "initiateAuthentication", initiate_request(w), "");
	GBytes *signed1 = state_octets(answer, "serverSigned1");
	g_autoptr(GBytes) signature = state_octets(answer, "serverSignature1");
	g_autoptr(GBytes) ci = state_octets(answer, "euiccCiPKIdToBeUsed");
	g_autoptr(GBytes) own = crypto_certificate_der(w->dpauth);
	g_autoptr(GBytes) sent = state_octets(answer, "serverCertificate");
	Tlv transaction;

	g_assert_true(g_bytes_equal(own, sent));
	g_assert_true(span_equal(value_of(ci, 0x04), span_of(w->euicc->ci_ski)));
	g_assert_true(
		lab_openssl_verifies(w->dpauth, span_of(signed1), value_of(signature, 0x5F37)));
	g_assert_true(der_find(value_of(signed1, 0x30), 0x80, &transaction));
	g_clear_pointer(&w->transaction, g_bytes_unref);
	w->transaction = span_to_bytes(transaction.value);
	{
		g_autofree char *hex = hex_encode(transaction.value);

		g_assert_cmpint(
			g_ascii_strcasecmp(hex, state_string(answer, "transactionId")), ==, 0);
	}
	json_decref(answer);
	return signed1;
}

static json_t *with_transaction(World *w, const char *member, GBytes *octets)
{
	g_autofree char *hex = hex_encode(span_of(w->transaction));
	json_t *body = json_object();

	state_set_string(body, "transactionId", hex);
	state_set_octets(body, member, span_of(octets));
	return body;
}

/* initiateAuthentication and authenticateClient; NULL if a status was demanded. */
static json_t *authenticate(World *w, const char *matching_id, const char *status)
{
	g_autoptr(GBytes) signed1 = initiate(w);
	g_autoptr(GBytes) response =
		lab_euicc_authenticate(w->euicc, span_of(signed1), matching_id);
	json_t *answer = call(w, "authenticateClient",
		with_transaction(w, "authenticateServerResponse", response), status);
	g_autoptr(GBytes) signed2 = NULL;
	g_autoptr(GByteArray) data = g_byte_array_new();
	Tlv outer, arm, signature1;

	if (*status) {
		json_decref(answer);
		return NULL;
	}
	signed2 = state_octets(answer, "smdpSigned2");
	g_clear_pointer(&w->signature2, g_bytes_unref);
	w->signature2 = state_octets(answer, "smdpSignature2");
	g_assert_true(der_single(span_of(response), &outer, NULL));
	g_assert_true(der_find(outer.value, 0xA0, &arm));
	g_assert_true(der_find(arm.value, 0x5F37, &signature1));
	array_append_span(data, span_of(signed2));
	array_append_span(data, signature1.whole);
	g_assert_true(lab_openssl_verifies(
		w->dppb, span_of_array(data), value_of(w->signature2, 0x5F37)));
	return answer;
}

static GBytes *get_package(World *w, const char *code, const char *status)
{
	g_autoptr(GBytes) response =
		lab_euicc_prepare(w->euicc, span_of(w->transaction), span_of(w->signature2), code);
	json_t *answer = call(w, "getBoundProfilePackage",
		with_transaction(w, "prepareDownloadResponse", response), status);
	GBytes *bpp = state_octets(answer, "boundProfilePackage");

	json_decref(answer);
	return bpp;
}

static void notify(World *w, GBytes *pending)
{
	json_t *body = json_object();
	char *text;
	LabAnswer *answer;

	state_set_octets(body, "pendingNotification", span_of(pending));
	text = json_dumps(body, 0);
	answer = lab_client_post(
		w->smdp, PATH "handleNotification", "application/json", span_string(text));
	g_assert_cmpint(answer->http, ==, 204);
	g_assert_cmpuint(answer->body->len, ==, 0);
	lab_answer_free(answer);
	free(text);
	json_decref(body);
}

static void assert_state(World *w, const char *name, const char *state)
{
	json_t *profile = NULL;

	g_free(lab_client_verb(w->smdp, &profile, "show", name, NULL));
	g_assert_cmpstr(state_string(profile, "state"), ==, state);
	json_decref(profile);
}

/* ---- tests ---- */
static void download(World *w, const char *matching_id, const char *iccid, size_t size)
{
	json_t *answer = authenticate(w, matching_id, "");
	g_autoptr(GBytes) announced = state_octets(answer, "profileMetadata"), bpp = NULL;
	g_autoptr(GBytes) metadata = NULL, body = NULL, pir = NULL;
	Span header;
	uint8_t expected[10];
	Tlv tlv;

	json_decref(answer);
	assert_state(w, matching_id, "linked");
	bpp = get_package(w, NULL, "");
	assert_state(w, matching_id, "downloading");
	lab_euicc_install(w->euicc, span_of(bpp), w->dppb, &metadata, &body);
	g_assert_true(g_bytes_equal(metadata, announced));
	g_assert_cmpuint(g_bytes_get_size(body), <=, size);
	g_assert_cmpuint(g_bytes_get_size(body) + 32, >, size);
	header = span_of(body);
	g_assert_true(der_next(&header, &tlv, NULL));
	g_assert_cmphex(tlv.tag, ==, 0xA0);
	g_assert_true(iccid_from_text(iccid, expected));
	g_assert_true(der_find(tlv.value, 0x83, &tlv));
	g_assert_true(span_equal(tlv.value, SPAN_ARRAY(expected)));
	while (header.size > 0)
		g_assert_true(der_next(&header, &tlv, NULL));
	g_assert_cmphex(tlv.tag, ==, 0xAA);
	pir = lab_euicc_pir(w->euicc, span_of(w->transaction), OID, HOST, iccid, 0, 0);
	notify(w, pir);
	assert_state(w, matching_id, "installed");
}

static void test_download_with_session_keys(void)
{
	World *w = world_new();

	g_free(lab_client_verb(w->smdp, NULL, "add", "--iccid", "8949000000000000018",
		"--matching-id", "SESSION", "--size", "60000", NULL));
	download(w, "SESSION", "8949000000000000018", 60000);
	world_free(w);
}

static void test_download_with_protection_keys(void)
{
	World *w = world_new();

	g_free(lab_client_verb(w->smdp, NULL, "add", "--iccid", "8949000000000000018",
		"--matching-id", "PPK", "--mode", "ppk", "--size", "5000", NULL));
	download(w, "PPK", "8949000000000000018", 5000);
	world_free(w);
}

static void test_download_on_brainpool(void)
{
	World *w = world_new_with("brainpool");

	g_free(lab_client_verb(w->smdp, NULL, "add", "--iccid", "8949000000000000018",
		"--matching-id", "BP", NULL));
	download(w, "BP", "8949000000000000018", 2000);
	world_free(w);
}

static void test_metadata_says_what_was_asked(void)
{
	World *w = world_new();
	g_autofree char *icon = g_build_filename(dir, "icon.png", NULL);
	g_autoptr(GBytes) octets = NULL;
	g_autoptr(Msg) msg = NULL;
	g_autoptr(GError) error = NULL;
	const StoreMetadataRequest *metadata;
	json_t *answer;

	g_assert_true(g_file_set_contents(icon, "\x89PNG\r\n", 6, NULL));
	g_free(lab_client_verb(w->smdp, NULL, "add", "--matching-id", "M", "--name", "Näme",
		"--spn", "Spn", "--class", "provisioning", "--ppr", "ppr1,ppr2", "--icon", icon,
		"--owner", "22801", "--gid1", "0a", "--notify", "all", "--notify",
		"install@other.test", "--fallback-allowed", "--ecall", NULL));
	answer = authenticate(w, "M", "");
	octets = state_octets(answer, "profileMetadata");
	msg = msg_decode(&STORE_METADATA_REQUEST, span_of(octets), &error);
	g_assert_no_error(error);
	metadata = MSG_BODY(msg, StoreMetadataRequest);
	g_assert_true(span_equal(metadata->profile_name, span_string("Näme")));
	g_assert_true(span_equal(metadata->service_provider_name, span_string("Spn")));
	g_assert_cmpint(metadata->profile_class.value, ==, PROFILE_CLASS_PROVISIONING);
	g_assert_cmpint(metadata->profile_policy_rules.value, ==, 1 << 1 | 1 << 2);
	g_assert_cmpint(metadata->icon_type.value, ==, ICON_TYPE_PNG);
	g_assert_cmpuint(metadata->icon.size, ==, 6);
	g_assert_cmpint(metadata->fallback_allowed.value, ==, 1);
	g_assert_cmpint(metadata->ecall_indication.value, ==, 1);
	g_assert_nonnull(metadata->profile_owner);
	g_assert_true(span_equal(metadata->profile_owner->mcc_mnc, SPAN_LITERAL("\x22\xf8\x10")));
	g_assert_true(span_equal(metadata->profile_owner->gid1, SPAN_LITERAL("\x0a")));
	g_assert_cmpuint(metadata->notification_configuration_info.count, ==, 2);
	g_assert_cmpint(LIST_AT(metadata->notification_configuration_info,
				NotificationConfigurationInformation, 0)
				->profile_management_operation.value,
		==, NOTIFICATION_ENABLE | NOTIFICATION_DISABLE | NOTIFICATION_DELETE);
	json_decref(answer);
	world_free(w);
}

/* A row of the table of digest 7.2 per order. */
static void test_orders_are_refused_with_their_codes(void)
{
	World *w = world_new();
	json_t *answer;

	g_free(lab_client_verb(w->smdp, NULL, "add", "--matching-id", "U", "--unreleased", NULL));
	g_free(lab_client_verb(w->smdp, NULL, "add", "--matching-id", "X", "--expired", NULL));
	g_free(lab_client_verb(w->smdp, NULL, "add", "--matching-id", "N", "--not-eligible", NULL));
	g_free(lab_client_verb(w->smdp, NULL, "add", "--matching-id", "E", "--eid",
		"89049032000000000000000000000001", NULL));
	g_free(lab_client_verb(w->smdp, NULL, "add", "--matching-id", "B", "--check-memory",
		"--size", "40000", NULL));
	authenticate(w, "NOBODY", "8.2.6/3.8");
	authenticate(w, NULL, "8.2.6/3.8");
	authenticate(w, "U", "8.2/1.2");
	authenticate(w, "X", "8.8.5/4.1");
	authenticate(w, "N", "8.2.5/4.3");
	authenticate(w, "E", "8.1.1/3.8");
	authenticate(w, "B", "8.1/4.8");
	g_free(lab_client_verb(w->smdp, NULL, "add", "--eid", LAB_EID, NULL));
	answer = authenticate(w, NULL, "");
	json_decref(answer);
	world_free(w);
}

static void test_initiation_is_refused_with_its_codes(void)
{
	World *w = world_new();
	json_t *body = initiate_request(w);
	g_autoptr(GBytes) other_ci = hex_decode("BF20 2E 8203020500"
						"A911 0410 000102030405060708090A0B0C0D0E0F"
						"AA13 0411 00000102030405060708090A0B0C0D0E0F",
		256);
	g_autoptr(GBytes) old = hex_decode("BF20 05 8203010000", 64);

	g_assert_nonnull(other_ci);
	state_set_string(body, "smdpAddress", "other.test");
	json_decref(call(w, "initiateAuthentication", body, "8.8.1/3.8"));
	body = initiate_request(w);
	state_set_octets(body, "euiccInfo1", span_of(other_ci));
	json_decref(call(w, "initiateAuthentication", body, "8.8.4/3.7"));
	body = initiate_request(w);
	state_set_octets(body, "euiccInfo1", span_of(old));
	json_decref(call(w, "initiateAuthentication", body, "8.8.3/3.1"));
	{
		/* We are known to the eUICC, but it signs only under a CI that we do not know. */
		GByteArray *content = g_byte_array_new(), *list = g_byte_array_new();
		g_autoptr(GByteArray) info1 = g_byte_array_new();

		der_put(list, 0x04, span_of(w->euicc->ci_ski));
		der_put(content, 0x82, SPAN_LITERAL("\x02\x05\x00"));
		der_put_wrapped(content, 0xA9, list);
		der_put(content, 0xAA, SPAN_LITERAL("\x04\x02\x01\x02"));
		der_put_wrapped(info1, 0xBF20, content);
		body = initiate_request(w);
		state_set_octets(body, "euiccInfo1", span_of_array(info1));
		json_decref(call(w, "initiateAuthentication", body, "8.8.2/3.1"));
	}
	world_free(w);
}

static void test_euicc_is_checked(void)
{
	World *w = world_new();
	g_autofree char *pki = g_build_filename(dir, "pki", NULL);
	g_autoptr(LabEuicc) other = lab_euicc_new(pki, "brainpool");
	g_autoptr(GBytes) signed1 = NULL, response = NULL, none = NULL;
	GBytes *kept;

	g_free(lab_client_verb(w->smdp, NULL, "add", "--matching-id", "A", NULL));
	/* another key than that of the certificate */
	kept = w->euicc->certificate;
	w->euicc->certificate = other->certificate;
	authenticate(w, "A", "8.1.3/6.1");
	w->euicc->certificate = kept;
	kept = w->euicc->eum;
	w->euicc->eum = other->eum;
	authenticate(w, "A", "8.1.3/6.1");
	w->euicc->eum = w->euicc->certificate;
	authenticate(w, "A", "8.1.2/6.1");
	w->euicc->eum = kept;
	{
		EVP_PKEY *key = w->euicc->key;

		w->euicc->key = crypto_key_generate(CRYPTO_CURVE_P256);
		authenticate(w, "A", "8.1/6.1");
		EVP_PKEY_free(w->euicc->key);
		w->euicc->key = key;
	}
	/* an answer to another session */
	signed1 = initiate(w);
	response = lab_euicc_authenticate(w->euicc, span_of(signed1), "A");
	none = initiate(w);
	json_decref(call(w, "authenticateClient",
		with_transaction(w, "authenticateServerResponse", response), "8.10.1/3.9"));
	/* no session */
	json_decref(call(w, "authenticateClient",
		with_transaction(w, "authenticateServerResponse", response), "8.10.1/3.9"));
	world_free(w);
}

static void test_confirmation_code_has_tries(void)
{
	World *w = world_new();

	g_free(lab_client_verb(w->smdp, NULL, "add", "--matching-id", "CC", "--cc", "1234",
		"--cc-tries", "3", NULL));
	json_decref(authenticate(w, "CC", ""));
	g_assert_null(get_package(w, NULL, "8.2.7/2.2"));
	g_assert_null(get_package(w, "9999", "8.2.7/3.8"));
	{
		g_autoptr(GBytes) bpp = get_package(w, "1234", "");

		g_assert_nonnull(bpp);
	}
	json_decref(authenticate(w, "CC", ""));
	g_assert_null(get_package(w, "9999", "8.2.7/3.8"));
	g_assert_null(get_package(w, "9999", "8.2.7/6.4"));
	assert_state(w, "CC", "error");
	authenticate(w, "CC", "8.2.6/3.8");
	g_free(lab_client_verb(w->smdp, NULL, "release", "CC", NULL));
	json_decref(authenticate(w, "CC", ""));
	world_free(w);
}

static Span part(GBytes *bpp, uint32_t tag)
{
	Tlv outer, tlv;

	g_assert_true(der_single(span_of(bpp), &outer, NULL));
	g_assert_true(der_find(outer.value, tag, &tlv));
	return tlv.whole;
}

static void test_repeated_download_keeps_its_binding(void)
{
	World *w = world_new();
	g_autoptr(GBytes) first = NULL, second = NULL, signed2 = NULL, otpk = NULL;
	uint8_t point[CRYPTO_POINT_SIZE];
	json_t *answer;
	Tlv tlv;

	g_free(lab_client_verb(w->smdp, NULL, "add", "--matching-id", "R", "--no-rebind",
		"--max-downloads", "3", NULL));
	json_decref(authenticate(w, "R", ""));
	first = get_package(w, NULL, "");
	lab_client_restart(w->smdp);
	answer = authenticate(w, "R", "");
	signed2 = state_octets(answer, "smdpSigned2");
	json_decref(answer);
	crypto_key_point(w->euicc->otsk, point);
	g_assert_true(der_find(value_of(signed2, 0x30), 0x5F49, &tlv));
	g_assert_true(span_equal(tlv.value, SPAN_ARRAY(point)));
	second = get_package(w, NULL, "");
	g_assert_true(span_equal(part(first, 0xA3), part(second, 0xA3)));
	g_assert_false(span_equal(part(first, 0xBF23), part(second, 0xBF23)));

	g_clear_pointer(&w->euicc->otsk, EVP_PKEY_free);
	json_decref(authenticate(w, "R", ""));
	g_assert_null(get_package(w, NULL, "8.2/3.7"));
	world_free(w);
}

static void test_downloads_can_be_limited(void)
{
	World *w = world_new();

	g_free(lab_client_verb(
		w->smdp, NULL, "add", "--matching-id", "L", "--max-downloads", "1", NULL));
	json_decref(authenticate(w, "L", ""));
	g_bytes_unref(get_package(w, NULL, ""));
	authenticate(w, "L", "8.8.5/6.4");
	world_free(w);
}

static void test_notifications_move_the_profile(void)
{
	static const char *const states[] = { NULL, "enabled", "disabled", "deleted" };
	World *w = world_new();
	const char *iccid = "8949000000000000018";
	g_autoptr(GBytes) pir = NULL, bad = NULL;
	json_t *profile = NULL;

	g_free(lab_client_verb(w->smdp, NULL, "add", "--iccid", iccid, "--matching-id", "S", NULL));
	json_decref(authenticate(w, "S", ""));
	g_bytes_unref(get_package(w, NULL, ""));
	pir = lab_euicc_pir(w->euicc, span_of(w->transaction), "2.999.11", HOST, iccid, 0, 0);
	notify(w, pir);
	assert_state(w, "S", "downloading");
	g_bytes_unref(pir);
	pir = lab_euicc_pir(w->euicc, span_of(w->transaction), OID, HOST, iccid, 0, 0);
	{
		g_autofree uint8_t *copy = g_memdup2(span_of(pir).data, g_bytes_get_size(pir));

		copy[g_bytes_get_size(pir) - 1] ^= 1;
		bad = g_bytes_new(copy, g_bytes_get_size(pir));
	}
	notify(w, bad);
	assert_state(w, "S", "downloading");
	notify(w, pir);
	assert_state(w, "S", "installed");
	for (int event = 1; event <= 3; event++) {
		g_autoptr(GBytes) pending = lab_euicc_notification(w->euicc, event, HOST, iccid);

		notify(w, pending);
		assert_state(w, "S", states[event]);
	}
	/* delivered twice */
	notify(w, pir);
	assert_state(w, "S", "deleted");
	g_free(lab_client_verb(w->smdp, &profile, "show", "S", NULL));
	g_assert_cmpuint(json_array_size(json_object_get(profile, "notifications")), ==, 7);
	json_decref(profile);
	world_free(w);
}

static void test_failed_installation_is_an_error_with_its_reason(void)
{
	World *w = world_new();
	g_autoptr(GBytes) pir = NULL;
	json_t *profile = NULL;

	g_free(lab_client_verb(w->smdp, NULL, "add", "--matching-id", "F", NULL));
	json_decref(authenticate(w, "F", ""));
	g_bytes_unref(get_package(w, NULL, ""));
	pir = lab_euicc_pir(w->euicc, span_of(w->transaction), OID, HOST, NULL, 2, 9);
	notify(w, pir);
	g_free(lab_client_verb(w->smdp, &profile, "show", "F", NULL));
	g_assert_cmpstr(state_string(profile, "state"), ==, "error");
	g_assert_cmpstr(state_string(profile, "reason"), ==,
		"iccidAlreadyExistsOnEuicc (9) in storeMetadata (2)");
	json_decref(profile);
	world_free(w);
}

static void test_cancelled_sessions(void)
{
	static const struct {
		const char *oid, *status, *state;
		int reason;
	} cases[] = {
		{ "2.999.11", "8.8/3.10", "linked", 0 },
		{ OID, "", "released", 1 },
		{ OID, "", "released", 2 },
		{ OID, "", "error", 3 },
	};
	World *w = world_new();

	g_free(lab_client_verb(w->smdp, NULL, "add", "--matching-id", "C", NULL));
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GBytes) cancel = NULL;

		json_decref(authenticate(w, "C", ""));
		cancel = lab_euicc_cancel(
			w->euicc, span_of(w->transaction), cases[i].oid, cases[i].reason);
		json_decref(call(w, "cancelSession",
			with_transaction(w, "cancelSessionResponse", cancel), cases[i].status));
		assert_state(w, "C", cases[i].state);
	}
	world_free(w);
}

static void post_initiate(World *w, int curl, long http)
{
	json_t *body = initiate_request(w);
	char *text = json_dumps(body, 0);
	g_autoptr(LabAnswer) answer = lab_client_post(
		w->smdp, PATH "initiateAuthentication", "application/json", span_string(text));

	free(text);
	json_decref(body);
	g_assert_cmpint(answer->curl, ==, curl);
	g_assert_cmpint(answer->http, ==, http);
}

static void test_faults_of_the_transport(void)
{
	static const struct {
		const char *kind, *argument;
		int curl;
		long http;
	} cases[] = {
		{ "hang", NULL, CURLE_OPERATION_TIMEDOUT, 0 },
		{ "reset", NULL, CURLE_RECV_ERROR, 0 },
		{ "500", NULL, CURLE_OK, 500 },
		{ "503", NULL, CURLE_OK, 503 },
		{ "half-body", NULL, CURLE_PARTIAL_FILE, 200 },
		{ "truncated", NULL, CURLE_OK, 200 },
		{ "garbage", NULL, CURLE_OK, 200 },
		{ "oversize", "3000000", CURLE_OK, 200 },
		{ "slow-close", "0.2", CURLE_OK, 200 },
		{ "wrong-cert", NULL, CURLE_PEER_FAILED_VERIFICATION, 0 },
	};
	World *w = world_new();
	json_t *stats = NULL;

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		post_initiate(w, CURLE_OK, 200);
		if (cases[i].argument)
			g_free(lab_client_verb(w->smdp, NULL, "fault", "initiateAuthentication",
				cases[i].kind, cases[i].argument, NULL));
		else
			g_free(lab_client_verb(w->smdp, NULL, "fault", "initiateAuthentication",
				cases[i].kind, NULL));
		/* A client repeats a request when a kept connection breaks; not so on a new one. That of
		 * the wrong certificate stays: the server must end it. */
		if (!g_str_equal(cases[i].kind, "wrong-cert"))
			lab_client_hang_up(w->smdp);
		post_initiate(w, cases[i].curl, cases[i].http);
	}
	post_initiate(w, CURLE_OK, 200);
	lab_client_hang_up(w->smdp);
	g_free(lab_client_verb(w->smdp, &stats, "stats", NULL));
	g_assert_cmpint(state_integer(stats, "handshakes_failed"), ==, 1);
	g_assert_cmpint(state_integer(stats, "requests"), ==, 2 * G_N_ELEMENTS(cases));
	g_assert_cmpint(state_integer(stats, "connections"), >, 3);
	g_assert_cmpint(state_integer(stats, "bytes_out"), >, 3000000);
	json_decref(stats);
	world_free(w);
}

static void test_faults_of_the_protocol(void)
{
	World *w = world_new();
	json_t *answer;
	g_autoptr(GBytes) signed1 = NULL, signature = NULL, other = NULL, own = NULL;
	Tlv tlv;

	g_free(lab_client_verb(w->smdp, NULL, "add", "--matching-id", "P", NULL));
	g_free(lab_client_verb(w->smdp, NULL, "fault", "any", "status", "8.2.6/3.8", NULL));
	json_decref(call(w, "initiateAuthentication", initiate_request(w), "8.2.6/3.8"));
	g_free(lab_client_verb(
		w->smdp, NULL, "fault", "initiateAuthentication", "wrong-address", NULL));
	g_free(lab_client_verb(
		w->smdp, NULL, "fault", "initiateAuthentication", "bad-signature", NULL));
	answer = call(w, "initiateAuthentication", initiate_request(w), "");
	signed1 = state_octets(answer, "serverSigned1");
	g_assert_true(der_find(value_of(signed1, 0x30), 0x83, &tlv));
	g_assert_false(span_equal(tlv.value, span_string(HOST)));
	json_decref(answer);
	answer = call(w, "initiateAuthentication", initiate_request(w), "");
	g_clear_pointer(&signed1, g_bytes_unref);
	signed1 = state_octets(answer, "serverSigned1");
	signature = state_octets(answer, "serverSignature1");
	g_assert_false(
		lab_openssl_verifies(w->dpauth, span_of(signed1), value_of(signature, 0x5F37)));
	json_decref(answer);
	answer = authenticate(w, "P", "");
	own = state_octets(answer, "profileMetadata");
	json_decref(answer);
	g_free(lab_client_verb(
		w->smdp, NULL, "fault", "getBoundProfilePackage", "metadata-mismatch", NULL));
	{
		g_autoptr(GBytes) bpp = get_package(w, NULL, ""), body = NULL;

		lab_euicc_install(w->euicc, span_of(bpp), w->dppb, &other, &body);
		g_assert_false(g_bytes_equal(own, other));
	}
	world_free(w);
}

static void test_answers_can_get_lost_after_processing(void)
{
	static const char *const kinds[] = { "500", "reset", "hang" };
	World *w = world_new();
	const char *iccid = "8949000000000000018";

	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
		g_autoptr(GBytes) pending = lab_euicc_notification(w->euicc, 1, HOST, iccid);
		json_t *body = json_object(), *list = NULL;
		char *text;

		state_set_octets(body, "pendingNotification", span_of(pending));
		text = json_dumps(body, 0);
		for (int after = 0; after < 2; after++) {
			g_autoptr(LabAnswer) answer = NULL;

			g_free(lab_client_verb(w->smdp, NULL, "fault", "handleNotification",
				kinds[i], after ? "--after" : NULL, NULL));
			lab_client_hang_up(w->smdp);
			answer = lab_client_post(w->smdp, PATH "handleNotification",
				"application/json", span_string(text));
			g_assert_cmpint(answer->http, ==, i == 0 ? 500 : 0);
			g_free(lab_client_verb(w->smdp, &list, "notifications", NULL));
			g_assert_cmpuint(json_array_size(list), ==, i + after);
			json_decref(list);
		}
		free(text);
		json_decref(body);
	}
	world_free(w);
}

static void test_http_is_what_it_should_be(void)
{
	static const struct {
		const char *path, *type, *body;
		long http;
	} cases[] = {
		{ "/", "application/json", "{}", 404 },
		{ PATH "noFunction", "application/json", "{}", 404 },
		{ PATH "initiateAuthentication", "text/plain", "{}", 415 },
		{ PATH "initiateAuthentication", "application/json", "{", 400 },
		{ PATH "initiateAuthentication", "application/json", "[]", 400 },
		{ PATH "handleNotification", "application/json", "{}", 400 },
	};
	World *w = world_new();
	json_t *stats = NULL;

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(LabAnswer) answer = lab_client_post(
			w->smdp, cases[i].path, cases[i].type, span_string(cases[i].body));

		g_assert_cmpint(answer->http, ==, cases[i].http);
	}
	/* all of it over one connection */
	g_free(lab_client_verb(w->smdp, &stats, "stats", NULL));
	g_assert_cmpint(state_integer(stats, "connections"), ==, 1);
	json_decref(stats);
	world_free(w);
}

int main(int argc, char **argv)
{
	int status;

	g_test_init(&argc, &argv, NULL);
	g_assert_cmpint(argc, ==, 2);
	program = argv[1];
	dir = lab_pki_new();
	g_test_add_func("/smdp/download/session-keys", test_download_with_session_keys);
	g_test_add_func("/smdp/download/protection-keys", test_download_with_protection_keys);
	g_test_add_func("/smdp/download/brainpool", test_download_on_brainpool);
	g_test_add_func("/smdp/download/repeated", test_repeated_download_keeps_its_binding);
	g_test_add_func("/smdp/download/limited", test_downloads_can_be_limited);
	g_test_add_func("/smdp/metadata", test_metadata_says_what_was_asked);
	g_test_add_func("/smdp/orders", test_orders_are_refused_with_their_codes);
	g_test_add_func("/smdp/initiation", test_initiation_is_refused_with_its_codes);
	g_test_add_func("/smdp/euicc", test_euicc_is_checked);
	g_test_add_func("/smdp/confirmation-code", test_confirmation_code_has_tries);
	g_test_add_func("/smdp/notifications", test_notifications_move_the_profile);
	g_test_add_func("/smdp/failed", test_failed_installation_is_an_error_with_its_reason);
	g_test_add_func("/smdp/cancelled", test_cancelled_sessions);
	g_test_add_func("/smdp/faults/transport", test_faults_of_the_transport);
	g_test_add_func("/smdp/faults/protocol", test_faults_of_the_protocol);
	g_test_add_func("/smdp/faults/after", test_answers_can_get_lost_after_processing);
	g_test_add_func("/smdp/http", test_http_is_what_it_should_be);
	status = g_test_run();
	lab_remove_tree(dir);
	g_free(dir);
	return status;
}
