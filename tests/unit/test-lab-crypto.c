/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <string.h>

#include "lab/common/bsp.h"
#include "lab/common/cert.h"
#include "lab/common/control.h"
#include "lab/common/crypto.h"

#define EID "89049032123451234512345678901235"

static GBytes *hex(const char *text)
{
	GBytes *bytes = hex_decode(text, 65536);

	g_assert_nonnull(bytes);
	return bytes;
}

#define HEX(name, text)                                                                            \
	g_autoptr(GBytes) name##_bytes = hex(text);                                                \
	Span name = span_of(name##_bytes)

static void assert_hex(Span actual, const char *expected)
{
	g_autoptr(GBytes) bytes = hex(expected);
	g_autofree char *a = hex_encode(actual), *e = hex_encode(span_of(bytes));

	g_assert_cmpstr(a, ==, e);
}

/* Digest 15.1. */
static void derive_known_keys(Bsp *bsp)
{
	HEX(z, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
	HEX(host_id, "01020304");
	HEX(eid, EID);

	bsp_derive(bsp, z, host_id, eid);
}

static void test_session_keys_are_the_known_ones(void)
{
	Bsp bsp;

	derive_known_keys(&bsp);
	assert_hex(SPAN_ARRAY(bsp.chain), "61cdfb2937c93369083926c3fc0cc158");
	assert_hex(SPAN_ARRAY(bsp.s_enc), "c39ae3f16df3fa9d3b513d24a33c8e43");
	assert_hex(SPAN_ARRAY(bsp.s_mac), "82a6276aa144f83899aff81454b52218");
	g_assert_cmpuint(bsp.n, ==, 1);
}

static const struct {
	uint32_t tag;
	const char *plain, *protected, *mac;
} known_segments[] = {
	{ 0x87, "BF2400", "8718 a536e649af7abfe78f59226890bd137e 612c047df3fe4cdf",
		"612c047df3fe4cdfcc05b19f03f7132d" },
	{ 0x88, "bf25145a0a981032547698103214f59102535092025031",
		"881f bf25145a0a981032547698103214f59102535092025031 3f7c5ddd1912eade",
		"3f7c5ddd1912eadea99281326da3adf0" },
	{ 0x87,
		"BF2636 8010 00000000000000000000000000000000 8110 11111111111111111111111111111111"
		"8210 22222222222222222222222222222222",
		"8748 6a89512a31304d4319956382f084983798a613251730ac99f68805a2186adba69026385ad4341f78"
		"f77a42ac06fa48643ac0b1968a6f015f9e1d0a935dca8dd3 13bc25774f03632b",
		NULL },
	{ 0x86, "A003010203", "8618 8172d4fc38aa34f39f84a44692080eb9 573514ed4d18fda9", NULL },
};

static void replace_known_keys(Bsp *bsp)
{
	static const uint8_t mcv[16] = { 0 };
	uint8_t enc[16], cmac[16];

	memset(enc, 0x11, sizeof(enc));
	memset(cmac, 0x22, sizeof(cmac));
	bsp_replace_keys(bsp, mcv, enc, cmac);
}

static void test_segments_are_the_known_ones(void)
{
	Bsp bsp, reader;

	derive_known_keys(&bsp);
	derive_known_keys(&reader);
	for (size_t i = 0; i < G_N_ELEMENTS(known_segments); i++) {
		g_autoptr(GByteArray) out = g_byte_array_new();
		g_autoptr(GBytes) back = NULL;
		HEX(plain, known_segments[i].plain);

		if (known_segments[i].tag == 0x86) {
			replace_known_keys(&bsp);
			replace_known_keys(&reader);
		}
		bsp_protect(&bsp, known_segments[i].tag, plain, out);
		assert_hex(span_of_array(out), known_segments[i].protected);
		if (known_segments[i].mac)
			assert_hex(SPAN_ARRAY(bsp.chain), known_segments[i].mac);
		back = bsp_unprotect(
			&reader, known_segments[i].tag, span_of_array(out), NULL, NULL);
		g_assert_nonnull(back);
		assert_hex(span_of(back), known_segments[i].plain);
	}
	g_assert_cmpint(memcmp(&bsp, &reader, sizeof(bsp)), ==, 0);
}

static void test_initial_vectors_are_the_known_ones(void)
{
	static const struct {
		const char *key, *block, *icv;
	} cases[] = {
		{ "c39ae3f16df3fa9d3b513d24a33c8e43", "00000000000000000000000000000001",
			"6d184a4235060ee3c0b8dffe97e6c877" },
		{ "c39ae3f16df3fa9d3b513d24a33c8e43", "00000000000000000000000000000003",
			"fac5402e7f95ee23c2d3e6990464d509" },
		{ "11111111111111111111111111111111", "00000000000000000000000000000001",
			"93c25119975f5efca9f4fb08462e7ec5" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		uint8_t icv[16];
		HEX(key, cases[i].key);
		HEX(block, cases[i].block);

		crypto_aes_ecb_encrypt(key.data, block.data, icv);
		assert_hex(SPAN_ARRAY(icv), cases[i].icv);
	}
}

static void test_damaged_segments_are_refused(void)
{
	HEX(good, known_segments[0].protected);

	for (size_t i = 0; i < good.size; i++) {
		g_autofree uint8_t *bad = g_memdup2(good.data, good.size);
		g_autoptr(GError) error = NULL;
		BspFault fault = BSP_FAULT_NONE;
		Bsp bsp, before;

		derive_known_keys(&bsp);
		before = bsp;
		bad[i] ^= 0x01;
		g_assert_null(bsp_unprotect(&bsp, 0x87, span(bad, good.size), &fault, &error));
		g_assert_nonnull(error);
		g_assert_cmpint(fault, ==, i < 2 ? BSP_FAULT_STRUCTURE : BSP_FAULT_SECURITY);
		g_assert_cmpint(memcmp(&bsp, &before, sizeof(bsp)), ==, 0);
	}
}

static void test_the_longest_segments_keep_the_limit(void)
{
	static const uint8_t zeros[BSP_PLAIN_MAX_MAC_ONLY];
	g_autoptr(GByteArray) encrypted = g_byte_array_new(), mac_only = g_byte_array_new();
	Bsp bsp;

	derive_known_keys(&bsp);
	bsp_protect(&bsp, 0x86, span(zeros, BSP_PLAIN_MAX_ENCRYPTED), encrypted);
	bsp_protect(&bsp, 0x88, span(zeros, BSP_PLAIN_MAX_MAC_ONLY), mac_only);
	g_assert_cmpuint(encrypted->len, ==, BSP_SEGMENT_MAX);
	g_assert_cmpuint(mac_only->len, ==, BSP_SEGMENT_MAX);
}

/* Digest 15.2: RFC 6979 A.2.5. */
#define SIGNED_PACKAGE "3020800465696d315a1089049032123451234512345678901235810101a003bf2d00"
#define SIGNATURE_NO_TOKEN                                                                         \
	"584e30a81a8e196ee1a5ff751a25ecf233e30070f1387af6ad66f9c4d14aa63c"                         \
	"9c97fd077bd58aa4de0ba86e42ecd2dfa5b651b2a5846a4a7c8a245e870e8ddc"
#define SIGNATURE_TOKEN_5                                                                          \
	"f61745b68213a9ac5308a3de7e2d660b6b89d0f0884777af82914f5a80c58d6b"                         \
	"ead9b224c7ab0238e34f492250358f1ce3267a7b38256c48ee56b6e7465f20fe"

static void test_package_signatures_are_the_known_ones(void)
{
	static const struct {
		const char *data, *signature;
		bool good;
	} cases[] = {
		{ SIGNED_PACKAGE "840100", SIGNATURE_NO_TOKEN, true },
		{ SIGNED_PACKAGE "840105", SIGNATURE_TOKEN_5, true },
		{ SIGNED_PACKAGE "840105", SIGNATURE_NO_TOKEN, false },
		{ SIGNED_PACKAGE, SIGNATURE_NO_TOKEN, false },
		{ SIGNED_PACKAGE "840100", "00", false },
	};
	HEX(number, "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721");
	g_autoptr(EVP_PKEY) key = crypto_key_from_private(CRYPTO_CURVE_P256, number, NULL);
	uint8_t point[CRYPTO_POINT_SIZE], private[32];

	g_assert_nonnull(key);
	crypto_key_point(key, point);
	assert_hex(SPAN_ARRAY(point),
		"04 60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
		"7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299");
	crypto_key_private(key, private);
	g_assert_true(span_equal(SPAN_ARRAY(private), number));
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		HEX(data, cases[i].data);
		HEX(signature, cases[i].signature);

		g_assert_cmpint(crypto_verify(key, data, signature, &error), ==, cases[i].good);
		if (!cases[i].good)
			g_assert_error(error, SGP32_ERROR, SGP32_ERROR_SIGNATURE_INVALID);
	}
}

static void test_both_curves_sign_and_agree(void)
{
	for (CryptoCurve curve = CRYPTO_CURVE_P256; curve <= CRYPTO_CURVE_BRAINPOOL; curve++) {
		g_autoptr(EVP_PKEY) a = crypto_key_generate(curve), b = crypto_key_generate(curve);
		g_autoptr(EVP_PKEY) public_b = NULL, other = NULL;
		uint8_t point[CRYPTO_POINT_SIZE], z1[32], z2[32], signature[CRYPTO_SIGNATURE_SIZE];
		g_autoptr(GBytes) spki = crypto_key_spki(b);

		g_assert_cmpint(crypto_key_curve(a), ==, curve);
		crypto_key_point(b, point);
		public_b = crypto_key_from_point(curve, SPAN_ARRAY(point), NULL);
		g_assert_nonnull(public_b);
		g_assert_true(crypto_ecdh(a, public_b, z1, NULL));
		crypto_key_point(a, point);
		other = crypto_key_from_point(curve, SPAN_ARRAY(point), NULL);
		g_assert_true(crypto_ecdh(b, other, z2, NULL));
		g_assert_true(span_equal(SPAN_ARRAY(z1), SPAN_ARRAY(z2)));

		crypto_sign(b, SPAN_LITERAL("data"), signature);
		EVP_PKEY_free(public_b);
		public_b = crypto_key_from_spki(span_of(spki), NULL);
		g_assert_true(
			crypto_verify(public_b, SPAN_LITERAL("data"), SPAN_ARRAY(signature), NULL));
		g_assert_false(
			crypto_verify(public_b, SPAN_LITERAL("Data"), SPAN_ARRAY(signature), NULL));

		point[64] ^= 1;
		g_assert_null(crypto_key_from_point(curve, SPAN_ARRAY(point), NULL));
		g_assert_null(crypto_key_from_point(curve, span(point, 64), NULL));
	}
}

static void test_hash_of_the_confirmation_code(void)
{
	uint8_t hash[32], inner[32], expected[32];
	g_autoptr(GByteArray) both = g_byte_array_new();
	HEX(transaction, "0102030405060708");

	crypto_sha256(SPAN_LITERAL("1234"), inner);
	assert_hex(SPAN_ARRAY(inner),
		"03ac674216f3e15c761ee1a5e255f067953623c8b388b4459e13f978d7c846f4");
	g_byte_array_append(both, inner, 32);
	array_append_span(both, transaction);
	crypto_sha256(span_of_array(both), expected);
	crypto_hash_cc("1234", transaction, hash);
	g_assert_true(span_equal(SPAN_ARRAY(hash), SPAN_ARRAY(expected)));
}

/* ---- certificates ---- */
static X509 *pki_certificate(const char *dir, const char *set, const char *name)
{
	g_autofree char *path = g_strdup_printf("%s/%s/%s.pem", dir, set, name);
	g_autoptr(GError) error = NULL;
	X509 *certificate = crypto_certificate_load(path, &error);

	g_assert_no_error(error);
	return certificate;
}

static void remove_tree(const char *dir)
{
	const char *argv[] = { "rm", "-rf", dir, NULL };

	g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
		NULL, NULL, NULL));
}

static void check_set(const char *dir, const char *set)
{
	static const int64_t long_ago = 1000000000, far_away = 4000000000;
	g_autoptr(X509) ci = pki_certificate(dir, set, "ci");
	g_autoptr(X509) eum = pki_certificate(dir, set, "eum");
	g_autoptr(X509) euicc = pki_certificate(dir, set, "euicc/" EID);
	g_autoptr(X509) dpauth = pki_certificate(dir, set, "dpauth");
	g_autoptr(X509) dppb = pki_certificate(dir, set, "dppb");
	g_autoptr(X509) other_ci =
		pki_certificate(dir, g_str_equal(set, "nist") ? "brainpool" : "nist", "ci");
	g_autoptr(GBytes) oid = cert_registered_id(dpauth), ski = cert_ski(ci),
			  aki = cert_aki(dpauth);
	g_autofree char *oid_text = der_oid_to_text(span_of(oid));
	uint8_t eid[16];
	HEX(own, EID);
	HEX(foreign, "89049032000000000000000000000001");

	g_assert_cmpstr(oid_text, ==, "2.999.10");
	g_assert_true(g_bytes_equal(ski, aki));
	g_assert_true(cert_eid(euicc, eid, NULL));
	g_assert_true(span_equal(SPAN_ARRAY(eid), own));
	g_assert_cmpint(cert_check_server(dpauth, CERT_ROLE_DPAUTH, ci, 0, NULL), ==, CERT_OK);
	g_assert_cmpint(cert_check_server(dppb, CERT_ROLE_DPPB, ci, 0, NULL), ==, CERT_OK);
	g_assert_cmpint(
		cert_check_server(dppb, CERT_ROLE_DPAUTH, ci, 0, NULL), ==, CERT_WRONG_ROLE);
	g_assert_cmpint(
		cert_check_server(dpauth, CERT_ROLE_DPAUTH, other_ci, 0, NULL), ==, CERT_INVALID);
	g_assert_cmpint(
		cert_check_server(dpauth, CERT_ROLE_DPAUTH, eum, 0, NULL), ==, CERT_INVALID);
	g_assert_cmpint(cert_check_eum(eum, ci, 0, NULL), ==, CERT_OK);
	g_assert_cmpint(cert_check_eum(eum, ci, long_ago, NULL), ==, CERT_EXPIRED);
	g_assert_cmpint(cert_check_eum(eum, ci, far_away, NULL), ==, CERT_EXPIRED);
	g_assert_cmpint(cert_check_eum(dpauth, ci, 0, NULL), ==, CERT_INVALID);
	g_assert_cmpint(cert_check_euicc(euicc, eum, own, 0, NULL), ==, CERT_OK);
	g_assert_cmpint(cert_check_euicc(euicc, eum, foreign, 0, NULL), ==, CERT_INVALID);
	g_assert_cmpint(cert_check_euicc(euicc, ci, own, 0, NULL), ==, CERT_INVALID);
	g_assert_cmpint(cert_check_euicc(euicc, eum, own, far_away, NULL), ==, CERT_EXPIRED);
}

static void test_certificates_of_the_lab_are_judged(void)
{
	const char *lab_pki = g_getenv("LAB_PKI");
	g_autofree char *dir = NULL;
	g_autoptr(GError) error = NULL;
	const char *argv[] = { lab_pki, NULL, NULL };
	int status;

	if (!lab_pki) {
		g_test_skip("LAB_PKI does not name tests/lab/lab-pki");
		return;
	}
	dir = g_dir_make_tmp("lab-pki-XXXXXX", NULL);
	argv[1] = dir;
	g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL,
		NULL, NULL, NULL, &status, &error));
	g_assert_cmpint(status, ==, 0);
	check_set(dir, "nist");
	check_set(dir, "brainpool");
	remove_tree(dir);
}

/* ---- control ---- */
/* Two clients meet: the second answers both, so that one answer comes later than its call. */
static void answer(ControlCall *call, int argc, char **args, void *user)
{
	ControlCall **waiting = user;

	if (g_str_equal(args[0], "echo")) {
		json_t *data = json_object();

		json_object_set_new(data, "argc", json_integer(argc));
		control_reply(call, true, args[1], data);
	} else if (g_str_equal(args[0], "meet")) {
		if (!*waiting) {
			*waiting = call;
			return;
		}
		control_reply(*waiting, true, "first", NULL);
		control_reply(call, true, "second", NULL);
		*waiting = NULL;
	} else {
		control_reply_format(call, false, "unknown verb %s", args[0]);
	}
}

typedef struct Question {
	const char *path;
	const char *args[4];
	char *text;
	json_t *data;
	GError *error;
	bool ok;
} Question;

static gpointer ask(gpointer user)
{
	Question *q = user;

	q->ok = control_request(q->path, q->args, &q->text, &q->data, &q->error);
	return NULL;
}

static void question_clear(Question *q)
{
	g_free(q->text);
	json_decref(q->data);
	g_clear_error(&q->error);
}

typedef struct Server {
	Control *control;
	GMainLoop *loop;
} Server;

static gpointer serve(gpointer user)
{
	Server *server = user;

	g_main_loop_run(server->loop);
	return NULL;
}

static void test_control_answers_now_later_and_no(void)
{
	g_autofree char *dir = g_dir_make_tmp("lab-control-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "control", NULL);
	ControlCall *waiting = NULL;
	Server server = { 0 };
	g_autoptr(GMainContext) context = g_main_context_new();
	GSource *source;
	GThread *thread, *other;
	Question echo = { path, { "echo", "a \"quoted\" ünit", NULL } };
	Question no = { path, { "what", NULL } };
	Question first = { path, { "meet", NULL } }, second = { path, { "meet", NULL } };

	server.control = control_listen(path, answer, &waiting, NULL);
	g_assert_nonnull(server.control);
	server.loop = g_main_loop_new(context, FALSE);
	source = control_source_new(server.control);
	g_source_attach(source, context);
	thread = g_thread_new("server", serve, &server);

	ask(&echo);
	g_assert_true(echo.ok);
	g_assert_cmpstr(echo.text, ==, "a \"quoted\" ünit");
	g_assert_cmpint(json_integer_value(json_object_get(echo.data, "argc")), ==, 2);
	ask(&no);
	g_assert_false(no.ok);
	g_assert_error(no.error, SGP32_ERROR, SGP32_ERROR_REJECTED);
	g_assert_cmpstr(no.error->message, ==, "unknown verb what");
	other = g_thread_new("client", ask, &first);
	ask(&second);
	g_thread_join(other);
	g_assert_true(first.ok && second.ok);
	g_assert_cmpstr(first.text, !=, second.text);

	g_main_loop_quit(server.loop);
	g_thread_join(thread);
	g_source_destroy(source);
	g_source_unref(source);
	g_main_loop_unref(server.loop);
	control_free(server.control);
	g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
	question_clear(&echo);
	question_clear(&no);
	question_clear(&first);
	question_clear(&second);
	g_rmdir(dir);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/lab/bsp/keys", test_session_keys_are_the_known_ones);
	g_test_add_func("/lab/bsp/initial-vectors", test_initial_vectors_are_the_known_ones);
	g_test_add_func("/lab/bsp/segments", test_segments_are_the_known_ones);
	g_test_add_func("/lab/bsp/damaged", test_damaged_segments_are_refused);
	g_test_add_func("/lab/bsp/longest", test_the_longest_segments_keep_the_limit);
	g_test_add_func("/lab/crypto/package", test_package_signatures_are_the_known_ones);
	g_test_add_func("/lab/crypto/curves", test_both_curves_sign_and_agree);
	g_test_add_func("/lab/crypto/hash-cc", test_hash_of_the_confirmation_code);
	g_test_add_func("/lab/cert", test_certificates_of_the_lab_are_judged);
	g_test_add_func("/lab/control", test_control_answers_now_later_and_no);
	return g_test_run();
}
