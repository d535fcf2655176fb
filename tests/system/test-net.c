/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* usage: test-net LAB-SMDP LAB-EIM: the daemon's clients of ES9+ and ESipa with the servers of the lab. */
#include <arpa/inet.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "asn1/der.h"
#include "base/clock.h"
#include "lab-client.h"
#include "lab/common/state.h"
#include "net/es9plus.h"
#include "net/esipa.h"
#include "unit/net-server.h"

#define OID "2.999.10"

static const char *smdp_program, *eim_program;
static char *dir;
static NameServer names;

/* Fails with the words of the error. */
#define WORKS(call)                                                                                \
	do {                                                                                       \
		bool ok_ = (call);                                                                 \
		g_assert_no_error(error);                                                          \
		g_assert_true(ok_);                                                                \
	} while (0)

typedef struct World {
	LabClient *server;
	LabEuicc *euicc;
	Http *http;
	char *address; /* "smdp.lab.test:port" */
	const char *name_servers[2];
} World;

static int free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	g_assert_cmpint(getsockname(fd, (struct sockaddr *)&address, &size), ==, 0);
	close(fd);
	return ntohs(address.sin_port);
}

static World *world_new(const char *program, const char *host, const char *ca)
{
	static int n;
	World *w = g_new0(World, 1);
	g_autofree char *name = g_strdup_printf("net%d", n++);
	g_autofree char *pki = g_build_filename(dir, "pki", NULL);
	int port = free_port();
	g_autofree char *listen = g_strdup_printf("127.0.0.1:%d", port);
	const char *extra[] = { "--listen", listen, "--host", NULL, NULL };

	w->address = g_strdup_printf("%s:%d", host, port);
	extra[3] = w->address;
	w->server = lab_client_start(program, dir, name, host, ca, extra);
	w->euicc = lab_euicc_new(pki, "nist");
	w->http = http_new(NULL, NULL);
	w->name_servers[0] = names.address;
	return w;
}

static void world_free(World *w)
{
	http_free(w->http);
	lab_euicc_free(w->euicc);
	lab_client_stop(w->server);
	g_free(w->address);
	g_free(w);
}

static int64_t stat_of(World *w, const char *name)
{
	json_t *stats = NULL;
	int64_t value;

	g_free(lab_client_verb(w->server, &stats, "stats", NULL));
	value = state_integer(stats, name);
	json_decref(stats);
	return value;
}

/* The server tells of a close when it has seen it. */
static void await_orderly_close(World *w)
{
	int64_t deadline = clock_monotonic() + 5 * USEC_PER_SEC;

	while (stat_of(w, "orderly_closes") == 0)
		g_assert_cmpint(clock_monotonic(), <, deadline);
	g_assert_cmpint(stat_of(w, "orderly_closes"), ==, 1);
}

/* A folder of CI certificates with one in it. */
static Trust *trust_ci(const char *set)
{
	g_autofree char *from = g_strdup_printf("%s/pki/%s/ci.pem", dir, set);
	g_autofree char *folder = g_strdup_printf("%s/ci.d-%s", dir, set);
	g_autofree char *to = g_build_filename(folder, "ci.pem", NULL);
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;
	Trust *trust;

	g_mkdir_with_parents(folder, 0700);
	WORKS(g_file_get_contents(from, &text, NULL, &error));
	WORKS(g_file_set_contents(to, text, -1, &error));
	trust = trust_new_folder(folder, NULL, &error);
	g_assert_no_error(error);
	return trust;
}

static Es9plus *es9plus_of(World *w, Trust *trust)
{
	Es9plusPeer peer = {
		.address = w->address,
		.trust = trust,
		.route = { "lo", w->name_servers },
		.limits = { .idle_ms = 500 },
	};
	Es9plus *es9plus = es9plus_new(&peer, w->http, NULL);

	g_assert_nonnull(es9plus);
	return es9plus;
}

static bool initiate(World *w, Es9plus *es9plus, RspInitiated *ret, GError **error)
{
	g_autoptr(GBytes) info1 = lab_euicc_info1(w->euicc);

	return es9plus_initiate_authentication(
		es9plus, SPAN_ARRAY(w->euicc->challenge), span_of(info1), NULL, ret, error);
}

/* ---- ES9+ ---- */

static void test_download(void)
{
	World *w = world_new(smdp_program, "smdp.lab.test", "nist/ci.pem");
	g_autoptr(Trust) trust = trust_ci("nist");
	g_autoptr(Es9plus) es9plus = es9plus_of(w, trust);
	g_autoptr(GError) error = NULL;
	g_auto(RspInitiated) initiated = { 0 };
	g_auto(RspAuthenticated) authenticated = { 0 };
	g_autoptr(GBytes) response = NULL, prepared = NULL, package = NULL, pir = NULL;
	g_autoptr(GBytes) metadata = NULL, body = NULL;
	g_autofree char *path = g_strdup_printf("%s/pki/nist/dppb.pem", dir);
	X509 *dppb = crypto_certificate_load(path, NULL);
	json_t *profile = NULL;
	HttpCount count;
	Span id;

	g_free(lab_client_verb(w->server, NULL, "add", "--iccid", "8949000000000000018",
		"--matching-id", "NET", "--size", "60000", NULL));
	WORKS(initiate(w, es9plus, &initiated, &error));
	id = span_of(initiated.transaction_id);
	response = lab_euicc_authenticate(w->euicc, span_of(initiated.server_signed1), "NET");
	WORKS(es9plus_authenticate_client(
		es9plus, id, span_of(response), NULL, &authenticated, &error));
	prepared = lab_euicc_prepare(w->euicc, id, span_of(authenticated.smdp_signature2), NULL);
	package = es9plus_get_bound_profile_package(es9plus, id, span_of(prepared), NULL, &error);
	g_assert_no_error(error);
	lab_euicc_install(w->euicc, span_of(package), dppb, &metadata, &body);
	g_assert_true(g_bytes_equal(metadata, authenticated.profile_metadata));
	pir = lab_euicc_pir(w->euicc, id, OID, w->address, "8949000000000000018", 0, 0);
	WORKS(es9plus_handle_notification(es9plus, span_of(pir), NULL, &error));
	g_free(lab_client_verb(w->server, &profile, "show", "NET", NULL));
	g_assert_cmpstr(state_string(profile, "state"), ==, "installed");
	json_decref(profile);

	/* One connection, ended in an orderly way; both sides count the same octets. */
	g_assert_cmpint(stat_of(w, "connections"), ==, 1);
	http_close(w->http);
	count = http_count(w->http);
	g_assert_cmpuint(count.connections, ==, 1);
	g_assert_cmpuint(count.requests, ==, 4);
	await_orderly_close(w);
	g_assert_cmpint(stat_of(w, "bytes_in"), ==, count.up);
	/* The kernel counts a FIN as an octet. */
	g_assert_cmpint(count.down - stat_of(w, "bytes_out"), <=, 1);
	X509_free(dppb);
	world_free(w);
}

static void test_cancelled_session(void)
{
	World *w = world_new(smdp_program, "smdp.lab.test", "nist/ci.pem");
	g_autoptr(Trust) trust = trust_ci("nist");
	g_autoptr(Es9plus) es9plus = es9plus_of(w, trust);
	g_autoptr(GError) error = NULL;
	g_auto(RspInitiated) initiated = { 0 };
	g_auto(RspAuthenticated) authenticated = { 0 };
	g_autoptr(GBytes) response = NULL, cancel = NULL;
	Span id;

	g_free(lab_client_verb(w->server, NULL, "add", "--matching-id", "NET", NULL));
	WORKS(initiate(w, es9plus, &initiated, &error));
	id = span_of(initiated.transaction_id);
	response = lab_euicc_authenticate(w->euicc, span_of(initiated.server_signed1), "NET");
	WORKS(es9plus_authenticate_client(
		es9plus, id, span_of(response), NULL, &authenticated, &error));
	cancel = lab_euicc_cancel(w->euicc, id, OID, 3);
	WORKS(es9plus_cancel_session(es9plus, id, span_of(cancel), NULL, &error));
	world_free(w);
}

static void test_server_under_another_ci_hears_nothing(void)
{
	World *w = world_new(smdp_program, "smdp.lab.test", "nist/ci.pem");
	g_autoptr(Trust) trust = trust_ci("brainpool");
	g_autoptr(Es9plus) es9plus = es9plus_of(w, trust);
	g_auto(RspInitiated) initiated = { 0 };
	g_autoptr(GError) error = NULL;

	g_assert_false(initiate(w, es9plus, &initiated, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_TLS_UNTRUSTED);
	g_assert_cmpint(stat_of(w, "requests"), ==, 0);
	world_free(w);
}

static void test_server_of_another_name_hears_nothing(void)
{
	World *w = world_new(smdp_program, "other.lab.test", "nist/ci.pem");
	g_autoptr(Trust) trust = trust_ci("nist");
	g_autoptr(Es9plus) es9plus = es9plus_of(w, trust);
	g_auto(RspInitiated) initiated = { 0 };
	g_autoptr(GError) error = NULL;

	g_assert_false(initiate(w, es9plus, &initiated, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_TLS_UNTRUSTED);
	g_assert_nonnull(strstr(error->message, "smdp.lab.test"));
	g_assert_cmpint(stat_of(w, "requests"), ==, 0);
	world_free(w);
}

static void test_faults_have_names(void)
{
	static const struct {
		const char *kind, *argument;
		Sgp32Error code;
	} faults[] = {
		{ "hang", NULL, SGP32_ERROR_TIMEOUT },
		{ "500", NULL, SGP32_ERROR_SERVER_REFUSED },
		{ "404", NULL, SGP32_ERROR_SERVER_REFUSED },
		{ "half-body", NULL, SGP32_ERROR_NETWORK_UNAVAILABLE },
		{ "truncated", NULL, SGP32_ERROR_SERVER_MALFORMED },
		{ "garbage", NULL, SGP32_ERROR_SERVER_MALFORMED },
		{ "oversize", NULL, SGP32_ERROR_SERVER_MALFORMED },
		{ "status", "8.8.2/3.1", SGP32_ERROR_SERVER_REFUSED },
		{ "wrong-cert", NULL, SGP32_ERROR_TLS_UNTRUSTED },
	};
	World *w = world_new(smdp_program, "smdp.lab.test", "nist/ci.pem");
	g_autoptr(Trust) trust = trust_ci("nist");
	g_autoptr(Es9plus) es9plus = es9plus_of(w, trust);

	for (size_t i = 0; i < G_N_ELEMENTS(faults); i++) {
		g_auto(RspInitiated) lost = { 0 };
		g_auto(RspInitiated) then = { 0 };
		g_autoptr(GError) error = NULL;

		g_test_message("%s", faults[i].kind);
		g_free(lab_client_verb(w->server, NULL, "fault", "initiateAuthentication",
			faults[i].kind, faults[i].argument, NULL));
		g_assert_false(initiate(w, es9plus, &lost, &error));
		g_assert_error(error, SGP32_ERROR, (int)faults[i].code);
		g_assert_null(lost.transaction_id);
		g_clear_error(&error);
		WORKS(initiate(w, es9plus, &then, &error));
	}
	world_free(w);
}

static void test_reset_in_a_kept_connection(void)
{
	World *w = world_new(smdp_program, "smdp.lab.test", "nist/ci.pem");
	g_autoptr(Trust) trust = trust_ci("nist");
	g_autoptr(Es9plus) es9plus = es9plus_of(w, trust);
	g_autoptr(GError) error = NULL;
	g_auto(RspInitiated) first = { 0 };
	g_auto(RspInitiated) second = { 0 };
	g_auto(RspAuthenticated) authenticated = { 0 };
	g_autoptr(GBytes) response = NULL;
	int64_t requests;

	g_free(lab_client_verb(w->server, NULL, "add", "--matching-id", "NET", NULL));
	WORKS(initiate(w, es9plus, &first, &error));
	/* What may be repeated is repeated. */
	g_free(lab_client_verb(w->server, NULL, "fault", "initiateAuthentication", "reset", NULL));
	WORKS(initiate(w, es9plus, &second, &error));
	/* The rest is not: the server sees it once. */
	g_free(lab_client_verb(
		w->server, NULL, "fault", "authenticateClient", "reset", "--after", NULL));
	requests = stat_of(w, "requests");
	response = lab_euicc_authenticate(w->euicc, span_of(second.server_signed1), "NET");
	g_assert_false(es9plus_authenticate_client(es9plus, span_of(second.transaction_id),
		span_of(response), NULL, &authenticated, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_NETWORK_UNAVAILABLE);
	g_assert_cmpint(stat_of(w, "requests"), ==, requests + 1);
	world_free(w);
}

/* ---- ESipa ---- */

/* What the eIM gives out for AddInitialEim says whom to trust. */
static Trust *trust_of_config(World *w, const char *pin)
{
	g_autofree char *text = lab_client_verb(w->server, NULL, "config", "--pin", pin, NULL);
	g_autoptr(GBytes) config = hex_decode(text, 65536);
	g_autoptr(GError) error = NULL;
	Trust *trust;
	Tlv whole, tls = { 0 };

	g_assert_nonnull(config);
	WORKS(der_single(span_of(config), &whole, &error));
	if (!der_find(whole.value, 0xa6, &tls))
		tls.whole = (Span) { NULL, 0 };
	trust = trust_new_from_eim(tls.whole, &error);
	g_assert_no_error(error);
	return trust;
}

static Esipa *esipa_of(World *w, Trust *trust)
{
	EsipaPeer peer = {
		.eim_id = "eim.lab.test",
		.fqdn = w->address,
		.trust = trust,
		.route = { "lo", w->name_servers },
		.limits = { .idle_ms = 500 },
	};
	Esipa *esipa = esipa_new(&peer, w->http, NULL);

	g_assert_nonnull(esipa);
	return esipa;
}

static bool ask(World *w, Esipa *esipa, EsipaPackage *ret, GError **error)
{
	EsipaPackageQuestion question = { .eid = SPAN_ARRAY(w->euicc->eid),
		.state_change_cause = -1 };

	return esipa_get_eim_package(esipa, &question, NULL, ret, error);
}

static void test_eim_is_trusted_as_its_configuration_says(void)
{
	static const struct {
		const char *pin, *kind;
	} pins[] = { { "key", "pinned-key" }, { "cert", "certificate" }, { "ca", "ca" } };
	World *w = world_new(eim_program, "eim.lab.test", "eim/ca.pem");
	g_autoptr(Trust) system = trust_of_config(w, "none");
	g_autoptr(Esipa) refused = esipa_of(w, system);
	g_auto(EsipaPackage) nothing = { 0 };
	g_autoptr(GError) error = NULL;

	for (size_t i = 0; i < G_N_ELEMENTS(pins); i++) {
		g_autoptr(Trust) trust = trust_of_config(w, pins[i].pin);
		g_autoptr(Esipa) esipa = esipa_of(w, trust);
		g_auto(EsipaPackage) package = { 0 };

		g_assert_cmpstr(trust_kind_text(trust_kind(trust)), ==, pins[i].kind);
		WORKS(ask(w, esipa, &package, &error));
		g_assert_cmpint(package.kind, ==, ESIPA_NO_PACKAGE);
	}
	g_assert_cmpint(trust_kind(system), ==, TRUST_SYSTEM);
	g_assert_false(ask(w, refused, &nothing, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_TLS_UNTRUSTED);
	world_free(w);
}

static void test_eim_gives_its_packages(void)
{
	static const char code[] = "LPA:1$smdp.lab.test$NET";
	World *w = world_new(eim_program, "eim.lab.test", "eim/ca.pem");
	g_autoptr(Trust) trust = trust_of_config(w, "key");
	g_autoptr(Esipa) esipa = esipa_of(w, trust);
	g_auto(EsipaPackage) package = { 0 };
	g_auto(EsipaAcknowledgements) acks = { 0 };
	g_autoptr(GError) error = NULL;

	/* Before the first download it learns the card. */
	g_free(lab_client_verb(w->server, NULL, "queue", LAB_EID, "download", code, NULL));
	WORKS(ask(w, esipa, &package, &error));
	g_assert_cmpint(package.kind, ==, ESIPA_DATA_REQUEST);
	g_assert_true(span_starts(span_of(package.bytes), SPAN_LITERAL("\xbf\x52")));
	WORKS(esipa_provide_eim_package_result(esipa, SPAN_ARRAY(w->euicc->eid),
		SPAN_LITERAL("\xa0\x03\x02\x01\x7f"), NULL, &acks, &error));
	http_close(w->http);
	await_orderly_close(w);
	world_free(w);
}

static void test_eim_refuses_an_eid(void)
{
	World *w = world_new(eim_program, "eim.lab.test", "eim/ca.pem");
	g_autoptr(Trust) trust = trust_of_config(w, "ca");
	g_autoptr(Esipa) esipa = esipa_of(w, trust);
	g_auto(EsipaPackage) package = { 0 };
	g_autoptr(GError) error = NULL;

	w->euicc->eid[15] = 0xff;
	g_assert_false(ask(w, esipa, &package, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_SERVER_REFUSED);
	g_assert_cmpint(sgp32_error_details(error)->spec, ==, 3); /* invalidEid */
	world_free(w);
}

int main(int argc, char **argv)
{
	int status;

	net_isolate();
	g_test_init(&argc, &argv, NULL);
	g_assert_cmpint(argc, ==, 3);
	smdp_program = argv[1];
	eim_program = argv[2];
	dir = lab_pki_new();
	name_server_start(&names);
	g_test_add_func("/net/es9plus/download", test_download);
	g_test_add_func("/net/es9plus/cancelled-session", test_cancelled_session);
	g_test_add_func("/net/es9plus/server-under-another-ci-hears-nothing",
		test_server_under_another_ci_hears_nothing);
	g_test_add_func("/net/es9plus/server-of-another-name-hears-nothing",
		test_server_of_another_name_hears_nothing);
	g_test_add_func("/net/es9plus/faults-have-names", test_faults_have_names);
	g_test_add_func("/net/es9plus/reset-in-a-kept-connection", test_reset_in_a_kept_connection);
	g_test_add_func("/net/esipa/trusted-as-its-configuration-says",
		test_eim_is_trusted_as_its_configuration_says);
	g_test_add_func("/net/esipa/gives-its-packages", test_eim_gives_its_packages);
	g_test_add_func("/net/esipa/refuses-an-eid", test_eim_refuses_an_eid);
	status = g_test_run();
	name_server_stop(&names);
	lab_remove_tree(dir);
	g_free(dir);
	return status;
}
