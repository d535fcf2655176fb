/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* usage: test-eim LAB-EIM */
#include <string.h>

#include "asn1/package.h"
#include "lab-client.h"
#include "lab/common/state.h"

#define HOST "eim.lab.test"
#define PATH "/gsma/rsp2/asn1"
#define TYPE "application/x-gsma-rsp-asn1"

static const char *program;
static char *dir;

typedef struct World {
	LabClient *eim;
	LabEuicc *euicc;
	X509 *sign; /* the eIM's */
	int64_t token; /* of the card; 0: none */
} World;

static World *world_new_with(const char *const *extra)
{
	static int n;
	World *w = g_new0(World, 1);
	g_autofree char *name = g_strdup_printf("eim%d", n++);
	g_autofree char *pki = g_build_filename(dir, "pki", NULL);
	g_autofree char *sign = g_build_filename(pki, "eim", "sign.pem", NULL);

	w->eim = lab_client_start(program, dir, name, HOST, "eim/ca.pem", extra);
	w->euicc = lab_euicc_new(pki, "nist");
	w->sign = crypto_certificate_load(sign, NULL);
	g_assert_nonnull(w->sign);
	return w;
}

static World *world_new(void)
{
	return world_new_with(NULL);
}

static void world_free(World *w)
{
	lab_client_stop(w->eim);
	lab_euicc_free(w->euicc);
	X509_free(w->sign);
	g_free(w);
}

/* ---- ESipa, as an IPA speaks it ---- */
static GBytes *post(World *w, GByteArray *message)
{
	g_autoptr(LabAnswer) answer = lab_client_post(w->eim, PATH, TYPE, span_of_array(message));

	g_byte_array_unref(message);
	g_assert_cmpint(answer->http, ==, 200);
	g_assert_true(answer->admin_protocol);
	g_assert_cmpstr(answer->type, ==, TYPE);
	return span_to_bytes(span_of_array(answer->body));
}

static GByteArray *message(World *w, uint32_t tag, Span content)
{
	GByteArray *out = g_byte_array_new(), *inner = g_byte_array_new();

	der_put(inner, 0x5A, SPAN_ARRAY(w->euicc->eid));
	array_append_span(inner, content);
	der_put_wrapped(out, tag, inner);
	return out;
}

static void assert_bytes(GBytes *actual, const char *expected)
{
	g_autofree char *hex = hex_encode(span_of(actual));

	g_assert_cmpstr(hex, ==, expected);
}

/* What GetEimPackage answers: the package inside BF4F. */
static GBytes *poll_package(World *w, uint32_t tag)
{
	g_autoptr(GBytes) answer = post(w, message(w, 0xBF4F, SPAN_LITERAL("")));
	Tlv outer, inner;

	g_assert_true(der_single(span_of(answer), &outer, NULL));
	g_assert_cmphex(outer.tag, ==, 0xBF4F);
	g_assert_true(der_single(outer.value, &inner, NULL));
	g_assert_cmphex(inner.tag, ==, tag);
	return span_to_bytes(inner.whole);
}

static void assert_nothing_waits(World *w)
{
	g_autoptr(GBytes) answer = post(w, message(w, 0xBF4F, SPAN_LITERAL("")));

	assert_bytes(answer, "bf4f03020101");
}

/* result is freed; the answer is compared with expected. */
static void provide(World *w, GByteArray *result, const char *expected)
{
	g_autoptr(GBytes) answer = post(w, message(w, 0xBF50, span_of_array(result)));

	g_byte_array_unref(result);
	assert_bytes(answer, expected);
}

static Span child(Span parent, uint32_t tag)
{
	Tlv tlv;

	g_assert_true(der_find(parent, tag, &tlv));
	return tlv.value;
}

/* Answers the eIM's IpaEuiccDataRequest with what a card says. */
static void learn(World *w)
{
	g_autoptr(GBytes) request = poll_package(w, 0xBF52);
	GByteArray *ok = g_byte_array_new(), *arm = g_byte_array_new(), *out = g_byte_array_new();
	g_autoptr(GBytes) eum = der_retag(span_of(w->euicc->eum), 0xA5);
	g_autoptr(GBytes) euicc = der_retag(span_of(w->euicc->certificate), 0xA6);
	Tlv tlv;

	g_assert_true(der_single(span_of(request), &tlv, NULL));
	der_put(ok, 0x81, span_string("smdp.lab.test"));
	if (w->token)
		der_put_integer(ok, 0x84, w->token);
	array_append_span(ok, span_of(eum));
	array_append_span(ok, span_of(euicc));
	der_put(ok, 0x87, child(tlv.value, 0x83));
	der_put_wrapped(arm, 0xA0, ok);
	der_put_wrapped(out, 0xBF52, arm);
	provide(w, out, "bf5003bf5300");
}

typedef struct Package {
	GBytes *octets;
	Span data, signature, commands, transaction; /* data: the whole 30 */
	int64_t counter;
} Package;

static Package *package_new(GBytes *octets)
{
	Package *p = g_new0(Package, 1);
	Tlv outer, data, tlv;

	p->octets = octets;
	g_assert_true(der_single(span_of(octets), &outer, NULL));
	g_assert_true(der_find(outer.value, 0x30, &data));
	p->data = data.whole;
	p->signature = child(outer.value, 0x5F37);
	p->counter = child(data.value, 0x81).data[0];
	if (der_find(data.value, 0x82, &tlv))
		p->transaction = tlv.value;
	if (der_find(data.value, 0xA0, &tlv) || der_find(data.value, 0xA1, &tlv))
		p->commands = tlv.value;
	return p;
}

static void package_free(Package *p)
{
	g_bytes_unref(p->octets);
	g_free(p);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Package, package_free)

static bool package_verifies(World *w, const Package *p, const char *token)
{
	g_autoptr(GByteArray) data = g_byte_array_new();
	g_autoptr(GBytes) object = hex_decode(token, 16);

	array_append_span(data, p->data);
	array_append_span(data, span_of(object));
	return lab_openssl_verifies(w->sign, span_of_array(data), p->signature);
}

static Package *poll_euicc_package(World *w)
{
	return package_new(poll_package(w, 0xBF51));
}

/* An EuiccPackageResult; results in hex, or error as EuiccPackageError if > 0. */
static GByteArray *result_for(World *w, const Package *p, const char *results, int error)
{
	GByteArray *content = g_byte_array_new(), *arm, *inner, *out = g_byte_array_new();
	g_autoptr(GByteArray) token = g_byte_array_new();
	g_autoptr(GBytes) list = hex_decode(results, 4096);

	der_put_integer(token, 0x84, w->token);
	der_put(content, 0x80, span_string(HOST));
	der_put_integer(content, 0x81, p->counter);
	if (p->transaction.data)
		der_put(content, 0x82, p->transaction);
	if (error) {
		der_put_integer(content, 0x02, error);
	} else {
		der_put_integer(content, 0x83, ++w->euicc->seq);
		der_put(content, 0x30, span_of(list));
	}
	arm = lab_euicc_signed(w->euicc, 0x30, content, span_of_array(token));
	inner = g_byte_array_new();
	der_put_wrapped(inner, error ? 0xA1 : 0xA0, arm);
	der_put_wrapped(out, 0xBF51, inner);
	return out;
}

static GByteArray *array_copy(const GByteArray *array)
{
	GByteArray *copy = g_byte_array_new();

	g_byte_array_append(copy, array->data, array->len);
	return copy;
}

/* Item of the queue by its place. */
static json_t *item(World *w, size_t at)
{
	json_t *device = NULL, *found;

	g_free(lab_client_verb(w->eim, &device, "show", LAB_EID, NULL));
	found = json_incref(json_array_get(json_object_get(device, "queue"), at));
	json_decref(device);
	g_assert_nonnull(found);
	return found;
}

static void assert_item(World *w, size_t at, const char *state, const char *reason)
{
	json_t *i = item(w, at);

	g_assert_cmpstr(state_string(i, "state"), ==, state);
	g_assert_cmpstr(state_string(i, "reason"), ==, reason);
	json_decref(i);
}

static void queue(World *w, const char *a, const char *b, const char *c)
{
	g_free(lab_client_verb(w->eim, NULL, "queue", LAB_EID, a, b, c, NULL));
}

/* ---- tests ---- */
static void test_nothing_waits(void)
{
	World *w = world_new();
	json_t *device = NULL;
	g_autoptr(GBytes) answer = NULL;

	assert_nothing_waits(w);
	answer = post(
		w, message(w, 0xBF4F, SPAN_LITERAL("\x80\x00\x81\x01\x04\x82\x03\x22\xf8\x10")));
	g_free(lab_client_verb(w->eim, &device, "show", LAB_EID, NULL));
	g_assert_cmpint(state_integer(device, "contacts"), ==, 2);
	g_assert_cmpint(state_integer(device, "stateChangeCause"), ==, 4);
	g_assert_cmpstr(state_string(device, "rPLMN"), ==, "22f810");
	json_decref(device);
	world_free(w);
}

static void test_eids_are_checked(void)
{
	static const struct {
		const char *request, *answer;
	} cases[] = {
		{ "bf4f00", "bf4f03020104" },
		{ "bf4f045a021234", "bf4f03020103" },
		{ "bf4f125a10" LAB_EID, "bf4f03020102" },
		{ "bf5000", "bf5003020104" },
		{ "bf50175a10" LAB_EID "a003020101", "bf5003020102" },
	};
	static const char *const strict[] = { "--strict", NULL };
	World *w = world_new_with(strict);

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GBytes) request = hex_decode(cases[i].request, 64), answer = NULL;
		GByteArray *out = g_byte_array_new();

		array_append_span(out, span_of(request));
		answer = post(w, out);
		assert_bytes(answer, cases[i].answer);
	}
	g_free(lab_client_verb(w->eim, NULL, "device", LAB_EID, NULL));
	assert_nothing_waits(w);
	world_free(w);
}

static void test_http_is_what_it_should_be(void)
{
	static const struct {
		const char *path, *type, *body;
		long http;
	} cases[] = {
		{ "/", TYPE, "\xbf\x4f\x01", 404 },
		{ PATH, "application/json", "{}", 415 },
		{ PATH, TYPE, "\xbf\x4f\x05", 400 },
		{ PATH, TYPE, "\xbf\x7f\x01\x01", 400 },
		{ PATH, TYPE, "\xbf\x3d\x02\xa0", 400 },
	};
	World *w = world_new();

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(LabAnswer) answer = lab_client_post(
			w->eim, cases[i].path, cases[i].type, span_string(cases[i].body));

		g_assert_cmpint(answer->http, ==, cases[i].http);
		g_assert_cmpuint(answer->body->len, ==, 0);
	}
	world_free(w);
}

/* Digest 15.2, but for the random number in the signature. */
static void test_package_is_the_known_one(void)
{
	static const char *const options[] = { "--eim-id", "eim1", NULL };
	World *w = world_new_with(options);
	g_autoptr(Package) p = NULL;
	g_autofree char *hex = NULL;

	queue(w, "list", "--no-transaction", NULL);
	learn(w);
	p = poll_euicc_package(w);
	hex = hex_encode(p->data);
	g_assert_cmpstr(
		hex, ==, "3020800465696d315a1089049032123451234512345678901235810101a003bf2d00");
	g_assert_cmpuint(g_bytes_get_size(p->octets), ==, 3 + 34 + 67);
	g_assert_true(package_verifies(w, p, "840100"));
	g_assert_false(package_verifies(w, p, "840105"));
	world_free(w);
}

static void test_token_is_signed_with(void)
{
	World *w = world_new();
	g_autoptr(Package) p = NULL;

	w->token = 5;
	queue(w, "get-rat", NULL, NULL);
	learn(w);
	p = poll_euicc_package(w);
	g_assert_true(package_verifies(w, p, "840105"));
	g_assert_false(package_verifies(w, p, "840100"));
	provide(w, result_for(w, p, "A615301380020640A10930078003EEEEEE810082020780", 0),
		"bf5006bf5303800101");
	assert_item(w, 1, "done", NULL);
	assert_nothing_waits(w);
	world_free(w);
}

static void test_commands_are_encoded(void)
{
	static const struct {
		const char *words[5], *octets;
	} cases[] = {
		{ { "enable", "8949000000000000018", "--rollback" },
			"a30e5a0a989400000000000010f80500" },
		{ { "enable", "8949000000000000018" }, "a30c5a0a989400000000000010f8" },
		{ { "disable", "8949000000000000018" }, "a40c5a0a989400000000000010f8" },
		{ { "delete", "8949000000000000018" }, "a50c5a0a989400000000000010f8" },
		{ { "list", "--class", "operational", "--tags", "5A9F70" },
			"bf2d0aa0039501025c035a9f70" },
		{ { "configure-immediate-enable", "--oid", "2.999.10", "--address", "a" },
			"a70a800081 0388370a820161" },
		{ { "configure-immediate-enable", "--off" }, "a700" },
		{ { "set-fallback", "8949000000000000018" }, "a80c5a0a989400000000000010f8" },
		{ { "unset-fallback" }, "a900" },
		{ { "set-default-dp", "a.test" }, "bf65088006612e74657374" },
		{ { "set-default-dp" }, "bf65028000" },
		{ { "psmo", "a401" }, "a401" },
		{ { "delete-eim", "eim2" }, "a906800465696d32" },
		{ { "add-eim", "3006800465696d32" }, "a806800465696d32" },
		{ { "update-eim", "3006800465696d32" }, "aa06800465696d32" },
		{ { "list-eim" }, "ab00" },
	};
	World *w = world_new();

	queue(w, "list", NULL, NULL);
	learn(w);
	g_free(lab_client_verb(w->eim, NULL, "drop", LAB_EID, NULL));
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		const char *const *a = cases[i].words;
		g_autoptr(GBytes) expected = hex_decode(cases[i].octets, 256);
		g_autoptr(Package) p = NULL;

		g_free(lab_client_verb(
			w->eim, NULL, "queue", LAB_EID, a[0], a[1], a[2], a[3], a[4], NULL));
		p = poll_euicc_package(w);
		g_assert_true(span_equal(p->commands, span_of(expected)));
		g_free(lab_client_verb(w->eim, NULL, "drop", LAB_EID, NULL));
	}
	world_free(w);
}

static void test_several_commands_make_one_package(void)
{
	static const char *const expected =
		"a40c5a0a989400000000000010f8 a30e5a0a989400000000000010f80500 bf2d00";
	World *w = world_new();
	g_autoptr(GBytes) octets = hex_decode(expected, 256);
	char *text = NULL;

	g_free(lab_client_verb(w->eim, NULL, "queue", LAB_EID, "disable", "8949000000000000018",
		"--", "enable", "8949000000000000018", "--rollback", "--", "list", NULL));
	learn(w);
	for (int i = 0; i < 2; i++) {
		g_autoptr(Package) p = poll_euicc_package(w);

		g_assert_true(span_equal(p->commands, span_of(octets)));
		g_assert_cmpint(p->counter, ==, 1 + i);
		g_free(lab_client_verb(w->eim, NULL, "drop", LAB_EID, NULL));
		g_free(lab_client_verb(w->eim, NULL, "queue", LAB_EID, "package", "--disable",
			"8949000000000000018", "--enable", "8949000000000000018", "--rollback",
			"--list", NULL));
	}
	/* never both kinds in one */
	g_assert_false(
		lab_client_try(w->eim, &text, "queue", LAB_EID, "list", "--", "list-eim", NULL));
	g_clear_pointer(&text, g_free);
	g_assert_false(lab_client_try(w->eim, &text, "queue", LAB_EID, "dance", NULL));
	g_free(text);
	world_free(w);
}

static void test_results_are_kept_and_acknowledged(void)
{
	World *w = world_new();
	g_autoptr(Package) p = NULL, again = NULL, second = NULL;
	g_autoptr(GByteArray) result = NULL;
	json_t *device = NULL, *profile;

	queue(w, "list", NULL, NULL);
	learn(w);
	assert_item(w, 0, "done", NULL);
	p = poll_euicc_package(w);
	/* The result got lost: the same package, with the same counter. */
	again = poll_euicc_package(w);
	g_assert_true(span_equal(p->data, again->data));
	result = result_for(w, p,
		"BF2D21A01FE31D5A0A980900000000000000F19F700101910353504E92034E4D45950102", 0);
	provide(w, array_copy(result), "bf5006bf5303800101");
	assert_item(w, 1, "done", NULL);
	provide(w, array_copy(result), "bf5006bf5303800101");
	assert_nothing_waits(w);
	g_free(lab_client_verb(w->eim, &device, "show", LAB_EID, NULL));
	profile = json_array_get(json_object_get(device, "profiles"), 0);
	g_assert_cmpstr(state_string(profile, "iccid"), ==, "8990000000000000001");
	g_assert_cmpstr(state_string(profile, "state"), ==, "enabled");
	g_assert_cmpstr(state_string(profile, "name"), ==, "NME");
	json_decref(device);

	queue(w, "enable", "8949000000000000018", NULL);
	second = poll_euicc_package(w);
	g_assert_cmpint(second->counter, ==, 2);
	lab_client_restart(w->eim);
	provide(w, result_for(w, second, "830102", 0), "bf5006bf5303800102");
	assert_item(w, 2, "failed", "enable: profileNotInDisabledState");
	world_free(w);
}

static void test_signatures_of_results_are_checked(void)
{
	World *w = world_new();
	g_autoptr(Package) p = NULL;
	GByteArray *bad;

	queue(w, "get-rat", NULL, NULL);
	learn(w);
	p = poll_euicc_package(w);
	bad = result_for(w, p, "A600", 0);
	bad->data[bad->len - 1] ^= 1;
	provide(w, bad, "bf5003bf5300");
	assert_item(w, 1, "failed", "the eUICC's signature does not verify");
	/* signed with a token that the card does not have */
	w->token = 9;
	provide(w, result_for(w, p, "A600", 0), "bf5003bf5300");
	assert_item(w, 1, "failed", "the eUICC's signature does not verify");
	w->token = 0;
	provide(w, result_for(w, p, "A600", 0), "bf5006bf5303800103");
	assert_item(w, 1, "done", NULL);
	world_free(w);
}

static void test_rollback_takes_the_place_of_a_result(void)
{
	World *w = world_new();
	g_autoptr(Package) p = NULL;
	json_t *i;

	queue(w, "enable", "8949000000000000018", "--rollback");
	learn(w);
	p = poll_euicc_package(w);
	provide(w, result_for(w, p, "8C0100", 0), "bf5006bf5303800101");
	assert_item(w, 1, "failed", "rolled back");
	i = item(w, 1);
	g_assert_true(state_flag(i, "rolledBack"));
	json_decref(i);
	world_free(w);
}

static void test_package_errors_are_named(void)
{
	static const struct {
		int code;
		const char *reason;
	} cases[] = { { 3, "invalidEid (3)" }, { 4, "replayError (4)" },
		{ 6, "counterValueOutOfRange (6)" }, { 15, "sizeOverflow (15)" },
		{ 104, "ecallActive (104)" }, { 127, "undefinedError (127)" } };
	World *w = world_new();
	GByteArray *out = g_byte_array_new(), *content, *arm;
	g_autoptr(Package) last = NULL;
	size_t i;

	queue(w, "get-rat", NULL, NULL);
	learn(w);
	for (i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(Package) p = poll_euicc_package(w);

		provide(w, result_for(w, p, "", cases[i].code), "bf5003bf5300");
		assert_item(w, 1 + i, "failed", cases[i].reason);
		queue(w, "get-rat", NULL, NULL);
	}
	/* unsigned, with the token that the card has: it is learned again */
	last = poll_euicc_package(w);
	content = g_byte_array_new();
	der_put(content, 0x80, span_string(HOST));
	der_put(content, 0x82, last->transaction);
	der_put_integer(content, 0x84, 7);
	arm = g_byte_array_new();
	der_put_wrapped(arm, 0xA2, content);
	der_put_wrapped(out, 0xBF51, arm);
	provide(w, out, "bf5003bf5300");
	assert_item(w, 1 + i, "failed", "the card refused the signature (its token is 7)");
	w->token = 7;
	queue(w, "get-rat", NULL, NULL);
	learn(w);
	g_clear_pointer(&last, package_free);
	last = poll_euicc_package(w);
	g_assert_true(package_verifies(w, last, "840107"));
	world_free(w);
}

static void test_foreign_certificates_are_not_learned(void)
{
	World *w = world_new();
	g_autofree char *pki = g_build_filename(dir, "pki", NULL);
	g_autoptr(LabEuicc) other = lab_euicc_new(pki, "brainpool");
	GBytes *own = w->euicc->eum;
	g_autoptr(Package) p = NULL;

	queue(w, "get-rat", NULL, NULL);
	w->euicc->eum = other->eum;
	learn(w);
	w->euicc->eum = own;
	assert_item(w, 0, "failed", "the certificates are not good");
	learn(w);
	p = poll_euicc_package(w);
	world_free(w);
}

static void test_download_is_triggered_and_its_result_checked(void)
{
	static const char *const code = "LPA:1$smdp.lab.test$ABC";
	World *w = world_new();
	GByteArray *out, *content;
	uint8_t transaction_id[16] = { 1 };

	for (int i = 0; i < 3; i++) {
		g_autoptr(GBytes) request = NULL, pir = NULL;
		Tlv outer, choice;

		queue(w, "download", code, NULL);
		if (i == 0)
			learn(w);
		request = poll_package(w, 0xBF54);
		g_assert_true(der_single(span_of(request), &outer, NULL));
		g_assert_true(der_find(outer.value, 0xA0, &choice));
		g_assert_true(span_equal(child(choice.value, 0x80), span_string(code)));
		pir = lab_euicc_pir(w->euicc, SPAN_ARRAY(transaction_id), "2.999.10",
			"smdp.lab.test", "8949000000000000018", 2, i == 1 ? 9 : 0);
		content = g_byte_array_new();
		der_put(content, 0x82, child(outer.value, 0x82));
		array_append_span(content, span_of(pir));
		if (i == 2)
			content->data[content->len - 1] ^= 1;
		out = g_byte_array_new();
		der_put_wrapped(out, 0xBF54, content);
		provide(w, out, "bf5003bf5300");
	}
	assert_item(w, 1, "done", NULL);
	assert_item(w, 2, "failed", "iccidAlreadyExistsOnEuicc (9) in storeMetadata (2)");
	assert_item(w, 3, "failed", "euiccSignPIR does not verify");
	world_free(w);
}

static void test_triggers_are_encoded(void)
{
	static const struct {
		const char *a, *b, *octets;
	} cases[] = {
		{ "--default-smdp", NULL, "bf5404a0028100" },
		{ "--smds", NULL, "bf5404a002a200" },
		{ "--smds", "s.test", "bf540ca00aa2088006732e74657374" },
		{ "--ask-eim", "LPA:1$smdp.lab.test$ABC", "bf5400" },
	};
	World *w = world_new();

	queue(w, "list", NULL, NULL);
	learn(w);
	g_free(lab_client_verb(w->eim, NULL, "drop", LAB_EID, NULL));
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GBytes) package = NULL;

		g_free(lab_client_verb(w->eim, NULL, "queue", LAB_EID, "--no-transaction",
			"download", cases[i].a, cases[i].b, NULL));
		package = poll_package(w, 0xBF54);
		assert_bytes(package, cases[i].octets);
		g_free(lab_client_verb(w->eim, NULL, "drop", LAB_EID, NULL));
	}
	/* an IpaEuiccDataRequest, and octets as they are */
	g_free(lab_client_verb(w->eim, NULL, "queue", LAB_EID, "data-request", "--tags",
		"token,BF20,euicc-cert", "--ci", "0102", "--no-transaction", NULL));
	{
		g_autoptr(GBytes) package = poll_package(w, 0xBF52);

		assert_bytes(package, "bf520a5c0484bf20a604020102");
	}
	g_free(lab_client_verb(w->eim, NULL, "drop", LAB_EID, NULL));
	queue(w, "raw", "bf5101ff", NULL);
	{
		g_autoptr(GBytes) package = poll_package(w, 0xBF51);

		assert_bytes(package, "bf5101ff");
	}
	world_free(w);
}

static void test_notifications_beside_a_result_are_kept(void)
{
	World *w = world_new();
	g_autoptr(Package) p = NULL;
	g_autoptr(GBytes) pending = NULL;
	g_autoptr(GByteArray) result = NULL;
	GByteArray *both = g_byte_array_new(), *out = g_byte_array_new();
	json_t *device = NULL, *entry;

	queue(w, "get-rat", NULL, NULL);
	learn(w);
	p = poll_euicc_package(w);
	result = result_for(w, p, "A600", 0);
	pending = lab_euicc_notification(w->euicc, 1, "smdp.lab.test", "8949000000000000018");
	array_append_span(both, span_of_array(result));
	der_put(both, 0xA0, span_of(pending));
	der_put_wrapped(out, 0x30, both);
	/* Only the result: the notification is the SM-DP+'s, too. */
	provide(w, out, "bf5006bf5303800101");
	g_free(lab_client_verb(w->eim, &device, "show", LAB_EID, NULL));
	entry = json_array_get(json_object_get(device, "notifications"), 0);
	g_assert_cmpstr(state_string(entry, "event"), ==, "enable");
	g_assert_true(state_flag(entry, "verified"));
	json_decref(device);
	world_free(w);
}

static void test_faults(void)
{
	World *w = world_new();
	g_autoptr(Package) forged = NULL, foreign = NULL, replayed = NULL, good = NULL;
	g_autoptr(GBytes) answer = NULL, cut = NULL;
	Tlv tlv;

	queue(w, "list", NULL, NULL);
	learn(w);
	g_free(lab_client_verb(w->eim, NULL, "fault", "GetEimPackage", "bad-signature", NULL));
	g_free(lab_client_verb(w->eim, NULL, "fault", "GetEimPackage", "wrong-eid", NULL));
	forged = poll_euicc_package(w);
	g_assert_false(package_verifies(w, forged, "840100"));
	foreign = poll_euicc_package(w);
	g_assert_true(package_verifies(w, foreign, "840100"));
	g_assert_true(der_single(foreign->data, &tlv, NULL));
	g_assert_false(span_equal(child(tlv.value, 0x5A), SPAN_ARRAY(w->euicc->eid)));
	good = poll_euicc_package(w);
	g_assert_true(package_verifies(w, good, "840100"));
	g_assert_cmpint(good->counter, ==, 1);

	g_free(lab_client_verb(w->eim, NULL, "fault", "ProvideEimPackageResult", "no-ack", NULL));
	provide(w, result_for(w, good, "BF2D02A000", 0), "bf50023000");
	assert_item(w, 1, "done", NULL);

	queue(w, "list", NULL, NULL);
	g_free(lab_client_verb(w->eim, NULL, "fault", "GetEimPackage", "replay", NULL));
	replayed = poll_euicc_package(w);
	g_assert_cmpint(replayed->counter, ==, 1);
	g_assert_true(package_verifies(w, replayed, "840100"));
	g_free(lab_client_verb(w->eim, NULL, "fault", "GetEimPackage", "error", "127", NULL));
	answer = post(w, message(w, 0xBF4F, SPAN_LITERAL("")));
	assert_bytes(answer, "bf4f0302017f");
	g_free(lab_client_verb(w->eim, NULL, "fault", "GetEimPackage", "truncated", NULL));
	cut = post(w, message(w, 0xBF4F, SPAN_LITERAL("")));
	g_assert_false(der_single(span_of(cut), &tlv, NULL));
	world_free(w);
}

static void test_configuration_is_for_the_card(void)
{
	static const char *const pins[] = { "key", "cert", "ca", "none" };
	World *w = world_new();
	g_autoptr(GBytes) spki = crypto_key_spki(crypto_certificate_key(w->sign));

	for (size_t i = 0; i < G_N_ELEMENTS(pins); i++) {
		g_autofree char *file = g_build_filename(dir, "eim.der", NULL), *data = NULL;
		g_autoptr(GError) error = NULL;
		g_autoptr(GBytes) key = NULL;
		g_autoptr(Msg) msg = NULL;
		const EimConfigurationData *c;
		gsize size;

		g_free(lab_client_verb(w->eim, NULL, "config", LAB_EID, "--pin", pins[i], "--out",
			file, i == 3 ? "--no-token" : "--token", NULL));
		g_assert_true(g_file_get_contents(file, &data, &size, NULL));
		msg = msg_decode(&EIM_CONFIGURATION_DATA, span(data, size), &error);
		g_assert_no_error(error);
		c = MSG_BODY(msg, EimConfigurationData);
		g_assert_true(span_equal(c->eim_id, span_string(HOST)));
		g_assert_true(span_equal(c->eim_fqdn, span_string(HOST)));
		g_assert_cmpint(c->counter_value.value, ==, 0);
		g_assert_cmpint(c->association_token.present, ==, i != 3);
		g_assert_cmpint(c->eim_supported_protocol.value, ==, EIM_RETRIEVE_HTTPS);
		key = certificate_restore(c->eim_public_key_data->eim_public_key);
		g_assert_true(g_bytes_equal(key, spki));
		g_assert_cmpint(c->trusted_public_key_data_tls != NULL, ==, i != 3);
		if (i != 3)
			g_assert_cmpint(
				c->trusted_public_key_data_tls->trusted_eim_pk_tls.data != NULL, ==,
				i == 0);
	}
	world_free(w);
}

static gpointer poll_in_thread(gpointer user)
{
	World *w = user;
	g_autoptr(Package) p = poll_euicc_package(w);

	provide(w, result_for(w, p, "A600", 0), "bf5006bf5303800101");
	return NULL;
}

static void test_waiting(void)
{
	World *w = world_new();
	g_autofree char *text = NULL;
	GThread *thread;

	queue(w, "get-rat", NULL, NULL);
	g_assert_false(lab_client_try(w->eim, &text, "wait", LAB_EID, "--timeout", "0", NULL));
	g_assert_nonnull(strstr(text, "the time is over"));
	learn(w);
	thread = g_thread_new("ipa", poll_in_thread, w);
	g_free(lab_client_verb(
		w->eim, NULL, "wait", LAB_EID, "--until", "done", "--timeout", "10", NULL));
	g_thread_join(thread);
	assert_item(w, 1, "done", NULL);
	world_free(w);
}

int main(int argc, char **argv)
{
	int status;

	g_test_init(&argc, &argv, NULL);
	g_assert_cmpint(argc, ==, 2);
	program = argv[1];
	dir = lab_pki_new();
	g_test_add_func("/eim/nothing", test_nothing_waits);
	g_test_add_func("/eim/eids", test_eids_are_checked);
	g_test_add_func("/eim/http", test_http_is_what_it_should_be);
	g_test_add_func("/eim/package/known", test_package_is_the_known_one);
	g_test_add_func("/eim/package/token", test_token_is_signed_with);
	g_test_add_func("/eim/package/commands", test_commands_are_encoded);
	g_test_add_func("/eim/package/several", test_several_commands_make_one_package);
	g_test_add_func("/eim/result/kept", test_results_are_kept_and_acknowledged);
	g_test_add_func("/eim/result/signature", test_signatures_of_results_are_checked);
	g_test_add_func("/eim/result/rollback", test_rollback_takes_the_place_of_a_result);
	g_test_add_func("/eim/result/errors", test_package_errors_are_named);
	g_test_add_func("/eim/result/notifications", test_notifications_beside_a_result_are_kept);
	g_test_add_func("/eim/certificates", test_foreign_certificates_are_not_learned);
	g_test_add_func("/eim/download/result", test_download_is_triggered_and_its_result_checked);
	g_test_add_func("/eim/download/trigger", test_triggers_are_encoded);
	g_test_add_func("/eim/faults", test_faults);
	g_test_add_func("/eim/config", test_configuration_is_for_the_card);
	g_test_add_func("/eim/wait", test_waiting);
	status = g_test_run();
	lab_remove_tree(dir);
	g_free(dir);
	return status;
}
