/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lab/eim/eim.h"

#include <openssl/x509v3.h>

static char *host, *eim_id;
static char **resolve;
static gboolean strict;

static char *common_name(X509 *certificate)
{
	char name[128] = "";

	if (X509_NAME_get_text_by_NID(
		    X509_get_subject_name(certificate), NID_commonName, name, sizeof(name)) <= 0)
		return NULL;
	return g_strdup(name);
}

/* The first dNSName. */
static char *dns_name(X509 *certificate)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	char *found = NULL;

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DNS)
			found = g_strndup((const char *)ASN1_STRING_get0_data(name->d.dNSName),
				ASN1_STRING_length(name->d.dNSName));
	}
	GENERAL_NAMES_free(names);
	return found;
}

static bool load(LabServer *server, Eim *eim, GError **error)
{
	g_autofree char *sign = g_strdup_printf("%s/eim/sign.pem", server->pki_dir);
	g_autofree char *sign_key = g_strdup_printf("%s/eim/sign.key", server->pki_dir);
	g_autofree char *ca = g_strdup_printf("%s/eim/ca.pem", server->pki_dir);

	eim->sign_certificate = crypto_certificate_load(sign, error);
	if (!eim->sign_certificate)
		return false;
	eim->sign_key = crypto_key_load(sign_key, error);
	eim->tls_certificate =
		eim->sign_key ? crypto_certificate_load(server->tls_certificate, error) : NULL;
	if (!eim->tls_certificate)
		return false;
	if (g_file_test(ca, G_FILE_TEST_EXISTS)) {
		eim->ca_certificate = crypto_certificate_load(ca, error);
		if (!eim->ca_certificate)
			return false;
	}
	eim->id = eim_id ? g_strdup(eim_id) : common_name(eim->sign_certificate);
	eim->host = host ? g_strdup(host) : dns_name(eim->tls_certificate);
	if (!eim->id || !*eim->id || !eim->host)
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
			"%s has no CN, or the TLS certificate no dNSName: use --eim-id and --host",
			sign);
	eim->relay = relay_new(server, resolve, error);
	return eim->relay != NULL;
}

static bool start(LabServer *server, GError **error)
{
	Eim *eim = g_new0(Eim, 1);

	server->own = eim;
	eim->strict = strict;
	eim->waiters = waiters_new();
	return load(server, eim, error);
}

static void stop(LabServer *server)
{
	Eim *eim = server->own;

	if (!eim)
		return;
	waiters_dismiss(server);
	g_ptr_array_unref(eim->waiters);
	relay_free(eim->relay);
	EVP_PKEY_free(eim->sign_key);
	X509_free(eim->sign_certificate);
	X509_free(eim->tls_certificate);
	X509_free(eim->ca_certificate);
	g_free(eim->id);
	g_free(eim->host);
	g_free(eim);
}

int main(int argc, char **argv)
{
	static const char *const faults[] = { "bad-signature", "wrong-eid", "replay", "no-ack",
		"error=", NULL };
	static const GOptionEntry options[] = {
		{ "host", 0, 0, G_OPTION_ARG_STRING, &host,
			"eimFqdn, with a port if it is not 443 (the TLS certificate's name)",
			"NAME" },
		{ "eim-id", 0, 0, G_OPTION_ARG_STRING, &eim_id,
			"eimId (the CN of the signing certificate)", "ID" },
		{ "strict", 0, 0, G_OPTION_ARG_NONE, &strict,
			"refuse EIDs that no verb named before" },
		{ "resolve", 0, 0, G_OPTION_ARG_STRING_ARRAY, &resolve,
			"where the SM-DP+ is, for indirect download", "HOST:ADDRESS:PORT" },
		{ NULL },
	};
	static const LabProgram program = {
		.name = "lab-eim",
		.listen = "127.0.0.1:443",
		.certificate = "eim/tls",
		.certificates = PKI_SERVER_NONE,
		.functions = esipa_functions,
		.faults = faults,
		.verbs = eim_verbs,
		.options = options,
		.header_name = "X-Admin-Protocol",
		.header_value = "gsma/rsp/v2.1.0",
		.handler = esipa_handle,
		.start = start,
		.stop = stop,
	};

	return lab_server_main(&program, argc, argv);
}
