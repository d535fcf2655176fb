/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "asn1/der.h"
#include "base/clock.h"
#include "net/http.h"
#include "net-server.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static const Step serves[] = { { STEP_ACCEPT }, { STEP_READ },
	{ STEP_SEND, "HTTP/1.1 204 No Content\r\n\r\n" }, { STEP_AWAIT_CLOSE }, { STEP_END } };
/* Nothing is said to a server that is not trusted. */
static const Step is_refused[] = { { STEP_ACCEPT_REFUSED }, { STEP_END } };

#define TLS12 (&(ServerOptions) { .max_version = TLS1_2_VERSION })

static bool post(Server *server, Trust *trust, const char *host, int64_t now, GError **error)
{
	g_autoptr(Http) http = http_new(NULL, NULL);
	g_auto(HttpAnswer) answer = { 0 };
	HttpRequest request = { .host = host,
		.port = server->port,
		.path = "/",
		.trust = trust,
		.now = now,
		.repeatable = true };

	return http_post(http, &request, NULL, &answer, error);
}

static void is_trusted_at(
	const Cert *cert, const ServerOptions *options, Trust *trust, const char *host, int64_t now)
{
	g_autoptr(Server) server = server_new(cert, options, serves);
	g_autoptr(GError) error = NULL;
	bool ok = post(server, trust, host, now, &error);

	g_assert_no_error(error);
	g_assert_true(ok);
	server_join(server);
	g_assert_cmpuint(server->close_notifies, ==, 1);
}

static void is_trusted(const Cert *cert, Trust *trust)
{
	is_trusted_at(cert, NULL, trust, "localhost", 0);
}

static void is_not_trusted_at(
	const Cert *cert, Trust *trust, const char *host, int64_t now, const char *text)
{
	for (unsigned i = 0; i < 2; i++) {
		g_autoptr(Server) server = server_new(cert, i ? TLS12 : NULL, is_refused);
		g_autoptr(GError) error = NULL;

		g_assert_false(post(server, trust, host, now, &error));
		g_assert_error(error, SGP32_ERROR, SGP32_ERROR_TLS_UNTRUSTED);
		if (!strstr(error->message, text))
			g_error("\"%s\" is not in \"%s\"", text, error->message);
		server_join(server);
		g_assert_cmpuint(server->requests->len, ==, 0);
	}
}

static void is_not_trusted(const Cert *cert, Trust *trust, const char *text)
{
	is_not_trusted_at(cert, trust, "localhost", 0, text);
}

static Trust *trust_key(const Cert *cert)
{
	g_autoptr(GBytes) spki = cert_spki(cert);
	Trust *trust = trust_new_key(span_of(spki), NULL);

	g_assert_nonnull(trust);
	return trust;
}

static Trust *trust_certificate(const Cert *cert)
{
	g_autoptr(GBytes) der = cert_der(cert);
	Trust *trust = trust_new_certificate(span_of(der), NULL);

	g_assert_nonnull(trust);
	return trust;
}

static Cert *new_ca(const char *name)
{
	return cert_new(&(CertSpec) { .name = name, .ca = true, .begins = -100, .ends = 3650 });
}

/* As an SM-DP+ has it. */
static Cert *new_server(const Cert *ca)
{
	return cert_new(&(CertSpec) { .name = "server",
		.san = "DNS:localhost,RID:2.999.10",
		.usage = "critical,serverAuth,clientAuth",
		.issuer = ca });
}

static int64_t days(int n)
{
	return clock_realtime() / USEC_PER_SEC + n * INT64_C(86400);
}

/* ---- pins ---- */

static void test_pinned_key(void)
{
	g_autoptr(Cert) cert = cert_new(&(CertSpec) { .name = "eim" });
	g_autoptr(Cert) other = cert_new(&(CertSpec) { .name = "eim" });
	g_autoptr(Trust) right = trust_key(cert);
	g_autoptr(Trust) wrong = trust_key(other);

	g_assert_cmpint(trust_kind(right), ==, TRUST_PINNED_KEY);
	is_trusted(cert, right);
	is_trusted_at(cert, TLS12, right, "localhost", 0);
	is_not_trusted(cert, wrong, "pinned");
}

static void test_pinned_key_needs_neither_name_nor_validity(void)
{
	g_autoptr(Cert) cert = cert_new(&(CertSpec) {
		.name = "someone", .san = "DNS:else.where", .begins = -20, .ends = -10 });
	g_autoptr(Trust) trust = trust_key(cert);

	is_trusted(cert, trust);
	is_trusted_at(cert, NULL, trust, "localhost", 1);
}

static void test_pinned_certificate_is_known_by_its_key(void)
{
	g_autoptr(Cert) cert = cert_new(&(CertSpec) { .name = "eim", .begins = -20, .ends = -10 });
	g_autoptr(Cert) renewed = cert_new(&(CertSpec) { .name = "eim", .same_key = cert });
	g_autoptr(Cert) forged = cert_new(&(CertSpec) { .name = "eim" });
	g_autoptr(Trust) trust = trust_certificate(cert);

	g_assert_cmpint(trust_kind(trust), ==, TRUST_CERTIFICATE);
	is_trusted(cert, trust);
	is_trusted(renewed, trust);
	is_not_trusted(forged, trust, "pinned");
}

static void test_pinned_leaf_is_no_anchor(void)
{
	g_autoptr(Cert) leaf = cert_new(&(CertSpec) { .name = "eim", .san = "DNS:localhost" });
	g_autoptr(Cert) below =
		cert_new(&(CertSpec) { .name = "mallory", .san = "DNS:localhost", .issuer = leaf });
	g_autoptr(Trust) trust = trust_certificate(leaf);

	is_not_trusted(below, trust, "pinned");
}

/* ---- anchors ---- */

static void test_ca(void)
{
	g_autoptr(Cert) ca = new_ca("CA");
	g_autoptr(Cert) same_name = new_ca("CA");
	g_autoptr(Cert) cert = new_server(ca);
	g_autoptr(Cert) forged = new_server(same_name);
	g_autoptr(Cert) alone = cert_new(&(CertSpec) { .name = "server", .san = "DNS:localhost" });
	g_autoptr(Trust) trust = trust_certificate(ca);

	g_assert_cmpint(trust_kind(trust), ==, TRUST_CA);
	is_trusted(cert, trust);
	is_trusted_at(cert, TLS12, trust, "localhost", 0);
	is_not_trusted(forged, trust, "");
	is_not_trusted(alone, trust, "issued by one that is not trusted");
	is_not_trusted_at(cert, trust, "127.0.0.1", 0, "another host (localhost)");
}

static void test_ca_with_one_between(void)
{
	g_autoptr(Cert) ca = new_ca("CA");
	g_autoptr(Cert) sub = cert_new(&(CertSpec) {
		.name = "Sub", .ca = true, .begins = -100, .ends = 3650, .issuer = ca });
	g_autoptr(Cert) cert = new_server(sub);
	g_autoptr(Trust) root = trust_certificate(ca);
	g_autoptr(Trust) below = trust_certificate(sub);
	ServerOptions options = { .chain = sub };

	is_trusted_at(cert, &options, root, "localhost", 0);
	/* An anchor need not have signed itself. */
	is_trusted(cert, below);
	is_not_trusted(cert, root, "issued by one that is not trusted");
}

static void test_name_is_that_of_the_certificate(void)
{
	g_autoptr(Cert) ca = new_ca("CA");
	g_autoptr(Trust) trust = trust_certificate(ca);
	g_autoptr(Cert) wild =
		cert_new(&(CertSpec) { .name = "x", .san = "DNS:*.example", .issuer = ca });
	g_autoptr(Cert) only_cn = cert_new(&(CertSpec) { .name = "localhost", .issuer = ca });
	g_autoptr(Cert) address =
		cert_new(&(CertSpec) { .name = "x", .san = "IP:127.0.0.1", .issuer = ca });

	is_not_trusted(wild, trust, "another host");
	/* The common name is the eimId (SGP.32 6.4), no host name. */
	is_not_trusted(only_cn, trust, "no DNS name");
	is_trusted_at(address, NULL, trust, "127.0.0.1", 0);
}

static void test_validity_counts_from_the_plausible_time(void)
{
	g_autoptr(Cert) ca = new_ca("CA");
	g_autoptr(Trust) trust = trust_certificate(ca);
	g_autoptr(Cert) cert = cert_new(&(CertSpec) {
		.name = "x", .san = "DNS:localhost", .issuer = ca, .begins = -20, .ends = -10 });

	is_not_trusted(cert, trust, "has expired");
	is_trusted_at(cert, NULL, trust, "localhost", days(-15));
	is_not_trusted_at(cert, trust, "localhost", days(-25), "not yet valid");
	/* The anchor too. */
	is_not_trusted_at(cert, trust, "localhost", days(4000), "has expired");
}

static void test_certificate_for_clients_is_none_for_servers(void)
{
	g_autoptr(Cert) ca = new_ca("CA");
	g_autoptr(Trust) trust = trust_certificate(ca);
	g_autoptr(Cert) cert = cert_new(&(CertSpec) {
		.name = "x", .san = "DNS:localhost", .issuer = ca, .usage = "clientAuth" });

	is_not_trusted(cert, trust, "not one for a TLS server");
}

static void test_brainpool(void)
{
	g_autoptr(Cert) ca =
		cert_new(&(CertSpec) { .name = "CI", .ca = true, .curve = "brainpoolP256r1" });
	g_autoptr(Cert) cert = cert_new(&(CertSpec) {
		.name = "x", .san = "DNS:localhost", .issuer = ca, .curve = "brainpoolP256r1" });
	g_autoptr(Trust) anchor = trust_certificate(ca);
	g_autoptr(Trust) key = trust_key(cert);

	/* TLS 1.3 has no brainpool in OpenSSL 3.0; a server that offers both falls back. */
	is_trusted_at(cert, TLS12, anchor, "localhost", 0);
	is_trusted_at(cert, NULL, anchor, "localhost", 0);
	is_trusted_at(cert, TLS12, key, "localhost", 0);
}

static void test_system_certificates(void)
{
	g_autofree char *dir = g_dir_make_tmp("trust-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "ca.pem", NULL);
	g_autoptr(Cert) ca = new_ca("CA");
	g_autoptr(Cert) cert = new_server(ca);
	g_autoptr(GError) error = NULL;
	g_autoptr(Trust) without = NULL;
	g_autoptr(Trust) with = NULL;

	g_setenv("SSL_CERT_FILE", "/dev/null", TRUE);
	g_setenv("SSL_CERT_DIR", dir, TRUE);
	without = trust_new_from_eim((Span) { 0 }, &error);
	cert_write_pem(ca, path);
	g_setenv("SSL_CERT_FILE", path, TRUE);
	with = trust_new_from_eim((Span) { 0 }, &error);
	g_assert_cmpint(trust_kind(with), ==, TRUST_SYSTEM);
	g_assert_false(trust_equal(with, without));
	is_trusted(cert, with);
	is_not_trusted_at(cert, with, "127.0.0.1", 0, "another host");
	is_not_trusted(cert, without, "issued by one that is not trusted");
	g_unsetenv("SSL_CERT_FILE");
	g_unsetenv("SSL_CERT_DIR");
	g_unlink(path);
	g_rmdir(dir);
}

static void test_folder_of_ci_certificates(void)
{
	g_autofree char *dir = g_dir_make_tmp("ci-XXXXXX", NULL);
	g_autofree char *pem = g_build_filename(dir, "a.pem", NULL);
	g_autofree char *der = g_build_filename(dir, "b.der", NULL);
	g_autofree char *bad = g_build_filename(dir, "bad.pem", NULL);
	g_autofree char *leaf = g_build_filename(dir, "leaf.pem", NULL);
	g_autofree char *note = g_build_filename(dir, "README", NULL);
	g_autoptr(Cert) first = new_ca("first CI");
	g_autoptr(Cert) second = new_ca("second CI");
	g_autoptr(Cert) third = new_ca("third CI");
	g_autoptr(Cert) under_first = new_server(first);
	g_autoptr(Cert) under_second = new_server(second);
	g_autoptr(Cert) under_third = new_server(third);
	g_autoptr(GBytes) second_der = cert_der(second);
	g_autofree char *skipped = NULL;
	g_autoptr(GError) error = NULL;
	g_autoptr(Trust) again = NULL;
	g_autoptr(Trust) less = NULL;
	g_autoptr(Trust) trust = NULL;

	g_assert_null(trust_new_folder(dir, &skipped, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_TLS_UNTRUSTED);
	g_assert_nonnull(sgp32_error_details(error)->hint);
	g_clear_error(&error);

	cert_write_pem(first, pem);
	g_assert_true(g_file_set_contents(
		der, g_bytes_get_data(second_der, NULL), g_bytes_get_size(second_der), NULL));
	g_assert_true(g_file_set_contents(bad, "nonsense", -1, NULL));
	g_assert_true(g_file_set_contents(note, "not for us", -1, NULL));
	cert_write_pem(under_third, leaf);
	trust = trust_new_folder(dir, &skipped, &error);
	g_assert_no_error(error);
	g_assert_nonnull(strstr(skipped, "bad.pem"));
	g_assert_nonnull(strstr(skipped, "leaf.pem"));
	g_assert_null(strstr(skipped, "README"));
	again = trust_new_folder(dir, NULL, &error);
	g_assert_true(trust_equal(trust, again));
	g_unlink(der);
	less = trust_new_folder(dir, NULL, &error);
	g_assert_false(trust_equal(trust, less));
	is_trusted(under_first, trust);
	is_trusted(under_second, trust);
	is_not_trusted(under_third, trust, "issued by one that is not trusted");
	g_unlink(pem);
	g_unlink(bad);
	g_unlink(leaf);
	g_unlink(note);
	g_rmdir(dir);
}

/* ---- the eIM's configuration ---- */

static GBytes *a6(uint32_t arm, GBytes *content)
{
	g_autoptr(GBytes) inner = der_retag(span_of(content), arm);
	GByteArray *whole = g_byte_array_new();

	der_put(whole, 0xa6, span_of(inner));
	return g_byte_array_free_to_bytes(whole);
}

static void test_configuration_of_an_eim(void)
{
	g_autoptr(Cert) ca = new_ca("CA");
	g_autoptr(Cert) cert = new_server(ca);
	g_autoptr(GBytes) spki = cert_spki(cert);
	g_autoptr(GBytes) leaf_der = cert_der(cert);
	g_autoptr(GBytes) ca_der = cert_der(ca);
	g_autoptr(GBytes) key_a6 = a6(0xa0, spki);
	g_autoptr(GBytes) leaf_a6 = a6(0xa1, leaf_der);
	g_autoptr(GBytes) ca_a6 = a6(0xa1, ca_der);
	g_autoptr(Trust) key = trust_new_from_eim(span_of(key_a6), NULL);
	g_autoptr(Trust) leaf = trust_new_from_eim(span_of(leaf_a6), NULL);
	g_autoptr(Trust) anchor = trust_new_from_eim(span_of(ca_a6), NULL);

	g_assert_cmpstr(trust_kind_text(trust_kind(key)), ==, "pinned-key");
	g_assert_cmpstr(trust_kind_text(trust_kind(leaf)), ==, "certificate");
	g_assert_cmpstr(trust_kind_text(trust_kind(anchor)), ==, "ca");
	is_trusted(cert, key);
	is_trusted(cert, leaf);
	is_trusted(cert, anchor);
}

static void test_configuration_that_is_none_trusts_nobody(void)
{
	static const char *const bad[] = { "", "a6", "a600", "a602a000", "a602a100", "a6023000",
		"a604a0023000", "a603a40100", "a506a00430020000", "a680a000", "a6" };

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GBytes) bytes = hex_decode(bad[i], 100);
		g_autoptr(GError) error = NULL;
		Span data = span_of(bytes);

		if (!data.data)
			data.data = (const uint8_t *)"";
		g_assert_null(trust_new_from_eim(data, &error));
		g_assert_error(error, SGP32_ERROR, SGP32_ERROR_INVALID_ARGUMENT);
	}
}

/* ---- trust and the pool ---- */

static void test_connection_of_one_trust_serves_no_other(void)
{
	static const Step steps[] = { { STEP_ACCEPT }, { STEP_READ },
		{ STEP_SEND, "HTTP/1.1 204 No Content\r\n\r\n" }, { STEP_TELL },
		{ STEP_ACCEPT_REFUSED }, { STEP_END } };
	g_autoptr(Cert) cert = cert_new(&(CertSpec) { .name = "eim" });
	g_autoptr(Cert) other = cert_new(&(CertSpec) { .name = "eim" });
	g_autoptr(Trust) right = trust_key(cert);
	g_autoptr(Trust) wrong = trust_key(other);
	g_autoptr(Server) server = server_new(cert, NULL, steps);
	g_autoptr(Http) http = http_new(NULL, NULL);
	g_auto(HttpAnswer) answer = { 0 };
	g_autoptr(GError) error = NULL;
	HttpRequest request = {
		.host = "127.0.0.1", .port = server->port, .path = "/", .trust = right
	};

	g_assert_true(http_post(http, &request, NULL, &answer, &error));
	request.trust = wrong;
	g_assert_false(http_post(http, &request, NULL, &answer, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_TLS_UNTRUSTED);
	server_join(server);
	g_assert_cmpuint(server->requests->len, ==, 1);
}

static void test_equal_trusts_share_connections(void)
{
	static const Step steps[] = { { STEP_ACCEPT }, { STEP_READ },
		{ STEP_SEND, "HTTP/1.1 204 No Content\r\n\r\n" }, { STEP_READ },
		{ STEP_SEND, "HTTP/1.1 204 No Content\r\n\r\n" }, { STEP_AWAIT_CLOSE },
		{ STEP_END } };
	g_autoptr(Cert) cert = cert_new(&(CertSpec) { .name = "eim" });
	g_autoptr(Cert) ca = new_ca("CA");
	g_autoptr(Trust) one = trust_key(cert);
	g_autoptr(Trust) same = trust_key(cert);
	g_autoptr(Trust) certificate = trust_certificate(cert);
	g_autoptr(Trust) anchor = trust_certificate(ca);
	g_autoptr(Trust) same_anchor = trust_certificate(ca);
	g_autoptr(Server) server = server_new(cert, NULL, steps);
	g_autoptr(Http) http = http_new(NULL, NULL);
	g_auto(HttpAnswer) answer = { 0 };
	g_autoptr(GError) error = NULL;
	HttpRequest request = { .host = "127.0.0.1", .port = server->port, .path = "/" };

	g_assert_true(trust_equal(one, same));
	g_assert_true(trust_equal(anchor, same_anchor));
	g_assert_false(trust_equal(one, certificate));
	g_assert_false(trust_equal(certificate, anchor));
	request.trust = one;
	g_assert_true(http_post(http, &request, NULL, &answer, &error));
	http_answer_clear(&answer);
	request.trust = same;
	g_assert_true(http_post(http, &request, NULL, &answer, &error));
	http_close(http);
	server_join(server);
	g_assert_cmpuint(server->handshakes, ==, 1);
}

static void test_session_outlives_no_certificate(void)
{
	static const Step steps[] = { { STEP_ACCEPT }, { STEP_READ },
		{ STEP_SEND, "HTTP/1.1 204 No Content\r\n\r\n" }, { STEP_AWAIT_CLOSE },
		{ STEP_ACCEPT }, { STEP_READ_NONE }, { STEP_END } };
	g_autoptr(Cert) ca = new_ca("CA");
	g_autoptr(Cert) cert =
		cert_new(&(CertSpec) { .name = "x", .san = "DNS:localhost", .issuer = ca });
	g_autoptr(Trust) trust = trust_certificate(ca);
	g_autoptr(Server) server = server_new(cert, NULL, steps);
	g_autoptr(Http) http = http_new(NULL, NULL);
	g_auto(HttpAnswer) answer = { 0 };
	g_autoptr(GError) error = NULL;
	HttpRequest request = {
		.host = "localhost", .port = server->port, .path = "/", .trust = trust
	};

	g_assert_true(http_post(http, &request, NULL, &answer, &error));
	http_close(http);
	/* A resumed handshake shows no certificate; the one of the session has expired since. */
	request.now = days(60);
	g_assert_false(http_post(http, &request, NULL, &answer, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_TLS_UNTRUSTED);
	g_assert_nonnull(strstr(error->message, "has expired"));
	server_join(server);
	g_assert_cmpuint(server->resumed, ==, 1);
}

/* ---- no agreement ---- */

static void test_old_tls_is_refused(void)
{
	static const ServerOptions options = { .max_version = TLS1_1_VERSION,
		.suites = "ALL:@SECLEVEL=0" };
	static const Step steps[] = { { STEP_ACCEPT_REFUSED }, { STEP_END } };
	g_autoptr(Cert) cert = cert_new(&(CertSpec) { .name = "eim" });
	g_autoptr(Trust) trust = trust_key(cert);
	g_autoptr(Server) server = server_new(cert, &options, steps);
	g_autoptr(GError) error = NULL;

	g_assert_false(post(server, trust, "127.0.0.1", 0, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_TLS_UNTRUSTED);
	g_assert_nonnull(strstr(sgp32_error_details(error)->hint, "TLS 1.2"));
	server_join(server);
}

static void test_server_without_tls_is_refused(void)
{
	static const Step steps[] = { { STEP_ACCEPT_TCP },
		{ STEP_SEND, "HTTP/1.1 400 Bad Request\r\n\r\n" }, { STEP_AWAIT_CLOSE },
		{ STEP_END } };
	g_autoptr(Cert) cert = cert_new(&(CertSpec) { .name = "eim" });
	g_autoptr(Trust) trust = trust_key(cert);
	g_autoptr(Server) server = server_new(cert, NULL, steps);
	g_autoptr(GError) error = NULL;

	g_assert_false(post(server, trust, "127.0.0.1", 0, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_TLS_UNTRUSTED);
	server_join(server);
}

/* ---- DTLS: the same Trust without libcurl ---- */

static bool shake_hands(SSL *client, SSL *server)
{
	int done = 0;

	for (unsigned i = 0; i < 20 && done != 3; i++) {
		if (!(done & 1)) {
			int ret = SSL_do_handshake(client);

			if (ret == 1)
				done |= 1;
			else if (SSL_get_error(client, ret) != SSL_ERROR_WANT_READ)
				return false;
		}
		if (!(done & 2)) {
			int ret = SSL_do_handshake(server);

			if (ret == 1)
				done |= 2;
			else if (SSL_get_error(server, ret) != SSL_ERROR_WANT_READ)
				return false;
		}
	}
	return done == 3;
}

static bool dtls(const Cert *cert, Trust *trust, const char *host, GError **error)
{
	SSL_CTX *client_ctx = SSL_CTX_new(DTLS_client_method());
	SSL_CTX *server_ctx = SSL_CTX_new(DTLS_server_method());
	g_autoptr(TrustCheck) check = trust_check_new(trust, host);
	SSL *client, *server;
	BIO *one, *two;
	bool ok;

	g_assert_true(trust_check_configure(check, client_ctx, NULL));
	SSL_CTX_use_certificate(server_ctx, cert->x509);
	SSL_CTX_use_PrivateKey(server_ctx, cert->key);
	client = SSL_new(client_ctx);
	server = SSL_new(server_ctx);
	g_assert_true(BIO_new_bio_pair(&one, 100000, &two, 100000));
	SSL_set_bio(client, one, one);
	SSL_set_bio(server, two, two);
	/* A pair of pipes keeps no datagram borders, which DTLS records do not need. */
	SSL_set_options(client, SSL_OP_NO_QUERY_MTU);
	SSL_set_options(server, SSL_OP_NO_QUERY_MTU);
	SSL_set_mtu(client, 1400);
	SSL_set_mtu(server, 1400);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	trust_check_begin(check, clock_plausible(0));
	ok = shake_hands(client, server) && trust_check_finished(check, client, error);
	if (ok)
		g_assert_cmpstr(SSL_get_version(client), ==, "DTLSv1.2");
	else if (error && !*error && trust_check_failure(check))
		*error = g_error_copy(trust_check_failure(check));
	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(client_ctx);
	SSL_CTX_free(server_ctx);
	return ok;
}

static void test_serves_dtls_too(void)
{
	g_autoptr(Cert) ca = new_ca("CA");
	g_autoptr(Cert) cert = new_server(ca);
	g_autoptr(Trust) anchor = trust_certificate(ca);
	g_autoptr(Trust) right = trust_key(cert);
	g_autoptr(Trust) wrong = trust_key(ca);
	g_autoptr(GError) error = NULL;

	g_assert_true(dtls(cert, right, "localhost", &error));
	g_assert_true(dtls(cert, anchor, "localhost", &error));
	g_assert_false(dtls(cert, wrong, "localhost", &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_TLS_UNTRUSTED);
	g_clear_error(&error);
	g_assert_false(dtls(cert, anchor, "eim.lab.test", &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_TLS_UNTRUSTED);
}

int main(int argc, char **argv)
{
	net_isolate();
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/trust/pinned-key", test_pinned_key);
	g_test_add_func("/trust/pinned-key-needs-neither-name-nor-validity",
		test_pinned_key_needs_neither_name_nor_validity);
	g_test_add_func("/trust/pinned-certificate-is-known-by-its-key",
		test_pinned_certificate_is_known_by_its_key);
	g_test_add_func("/trust/pinned-leaf-is-no-anchor", test_pinned_leaf_is_no_anchor);
	g_test_add_func("/trust/ca", test_ca);
	g_test_add_func("/trust/ca-with-one-between", test_ca_with_one_between);
	g_test_add_func(
		"/trust/name-is-that-of-the-certificate", test_name_is_that_of_the_certificate);
	g_test_add_func("/trust/validity-counts-from-the-plausible-time",
		test_validity_counts_from_the_plausible_time);
	g_test_add_func("/trust/certificate-for-clients-is-none-for-servers",
		test_certificate_for_clients_is_none_for_servers);
	g_test_add_func("/trust/brainpool", test_brainpool);
	g_test_add_func("/trust/system-certificates", test_system_certificates);
	g_test_add_func("/trust/folder-of-ci-certificates", test_folder_of_ci_certificates);
	g_test_add_func("/trust/configuration-of-an-eim", test_configuration_of_an_eim);
	g_test_add_func("/trust/configuration-that-is-none-trusts-nobody",
		test_configuration_that_is_none_trusts_nobody);
	g_test_add_func("/trust/connection-of-one-trust-serves-no-other",
		test_connection_of_one_trust_serves_no_other);
	g_test_add_func(
		"/trust/session-outlives-no-certificate", test_session_outlives_no_certificate);
	g_test_add_func(
		"/trust/equal-trusts-share-connections", test_equal_trusts_share_connections);
	g_test_add_func("/trust/old-tls-is-refused", test_old_tls_is_refused);
	g_test_add_func("/trust/server-without-tls-is-refused", test_server_without_tls_is_refused);
	g_test_add_func("/trust/serves-dtls-too", test_serves_dtls_too);
	return g_test_run();
}
