/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lab/common/pki.h"

static bool load_pair(const char *dir, const char *name, X509 **ret_certificate, EVP_PKEY **ret_key,
	GError **error)
{
	g_autofree char *pem = g_strdup_printf("%s/%s.pem", dir, name);
	g_autofree char *key_path = g_strdup_printf("%s/%s.key", dir, name);
	g_autoptr(X509) certificate = crypto_certificate_load(pem, error);
	g_autoptr(EVP_PKEY) key = certificate ? crypto_key_load(key_path, error) : NULL;

	if (!key)
		return false;
	if (EVP_PKEY_eq(key, crypto_certificate_key(certificate)) != 1)
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "%s is not the key of %s",
			key_path, pem);
	*ret_certificate = g_steal_pointer(&certificate);
	*ret_key = g_steal_pointer(&key);
	return true;
}

static bool load_set(PkiSet *set, const char *dir, PkiServer server, GError **error)
{
	g_autofree char *ci = g_strdup_printf("%s/ci.pem", dir);

	set->ci = crypto_certificate_load(ci, error);
	if (!set->ci)
		return false;
	set->ci_ski = cert_ski(set->ci);
	if (server == PKI_SERVER_NONE)
		return true;
	if (!load_pair(dir, server == PKI_SERVER_DP ? "dpauth" : "dsauth", &set->auth,
		    &set->auth_key, error))
		return false;
	set->auth_der = crypto_certificate_der(set->auth);
	set->oid = cert_registered_id(set->auth);
	if (server == PKI_SERVER_DS)
		return true;
	if (!load_pair(dir, "dppb", &set->pb, &set->pb_key, error))
		return false;
	set->pb_der = crypto_certificate_der(set->pb);
	return true;
}

Pki *pki_load(const char *dir, PkiServer server, GError **error)
{
	static const char *const names[] = { "nist", "brainpool" };
	g_autoptr(Pki) pki = g_new0(Pki, 1);

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *folder = g_build_filename(dir, names[i], NULL);
		g_autofree char *ci = g_build_filename(folder, "ci.pem", NULL);

		if (!g_file_test(ci, G_FILE_TEST_EXISTS))
			continue;
		pki->sets[pki->n_sets].name = names[i];
		if (!load_set(&pki->sets[pki->n_sets++], folder, server, error))
			return NULL;
	}
	if (pki->n_sets == 0) {
		sgp32_fail(error, SGP32_ERROR_NOT_FOUND,
			"%s: neither nist/ci.pem nor brainpool/ci.pem (lab-pki makes them)", dir);
		return NULL;
	}
	return g_steal_pointer(&pki);
}

void pki_free(Pki *pki)
{
	if (!pki)
		return;
	for (unsigned i = 0; i < pki->n_sets; i++) {
		PkiSet *set = &pki->sets[i];

		X509_free(set->ci);
		X509_free(set->auth);
		X509_free(set->pb);
		EVP_PKEY_free(set->auth_key);
		EVP_PKEY_free(set->pb_key);
		g_clear_pointer(&set->ci_ski, g_bytes_unref);
		g_clear_pointer(&set->auth_der, g_bytes_unref);
		g_clear_pointer(&set->pb_der, g_bytes_unref);
		g_clear_pointer(&set->oid, g_bytes_unref);
	}
	g_free(pki);
}

const PkiSet *pki_find(const Pki *pki, Span ci_ski)
{
	for (unsigned i = 0; i < pki->n_sets; i++)
		if (span_starts(span_of(pki->sets[i].ci_ski), ci_ski))
			return &pki->sets[i];
	return NULL;
}

CertVerdict pki_check_euicc(const Pki *pki, X509 *euicc, X509 *eum, Span eid, CertTime now,
	const PkiSet **ret_set, bool *ret_eum, GError **error)
{
	g_autoptr(GBytes) aki = cert_aki(eum);
	const PkiSet *set = aki ? pki_find(pki, span_of(aki)) : &pki->sets[0];
	CertVerdict verdict;

	*ret_eum = true;
	if (!set) {
		sgp32_fail_spec(error, SGP32_ERROR_SIGNATURE_INVALID, CERT_INVALID,
			"certificate: the EUM is under an unknown CI");
		return CERT_INVALID;
	}
	verdict = cert_check_eum(eum, set->ci, now, error);
	if (verdict != CERT_OK)
		return verdict;
	*ret_eum = false;
	verdict = cert_check_euicc(euicc, eum, eid, now, error);
	if (verdict == CERT_OK && ret_set)
		*ret_set = set;
	return verdict;
}
