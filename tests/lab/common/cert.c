/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lab/common/cert.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NAME_CONSTRAINTS, NAME_CONSTRAINTS_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CERTIFICATEPOLICIES, CERTIFICATEPOLICIES_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GENERAL_NAMES, GENERAL_NAMES_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ASN1_OBJECT, ASN1_OBJECT_free)

/* id-rspRole and the arcs of newer certificates; digest 8.5 */
static const char *const role_oids[] = {
	[CERT_ROLE_CI] = "2.23.146.1.2.1.0",
	[CERT_ROLE_EUICC] = "2.23.146.1.2.1.1",
	[CERT_ROLE_EUM] = "2.23.146.1.2.1.2",
	[CERT_ROLE_DPTLS] = "2.23.146.1.2.1.3",
	[CERT_ROLE_DPAUTH] = "2.23.146.1.2.1.4",
	[CERT_ROLE_DPPB] = "2.23.146.1.2.1.5",
	[CERT_ROLE_DSTLS] = "2.23.146.1.2.1.6",
	[CERT_ROLE_DSAUTH] = "2.23.146.1.2.1.7",
};

#define OID_PERMITTED_EINS "2.23.146.1.2.2.0"

static CertVerdict refuse(CertVerdict verdict, GError **error, const char *format, ...)
	G_GNUC_PRINTF(3, 4);

static CertVerdict refuse(CertVerdict verdict, GError **error, const char *format, ...)
{
	g_autofree char *why = NULL;
	va_list args;

	va_start(args, format);
	why = g_strdup_vprintf(format, args);
	va_end(args);
	ERR_clear_error();
	sgp32_fail_spec(error, SGP32_ERROR_SIGNATURE_INVALID, verdict, "certificate: %s", why);
	return verdict;
}

static GBytes *octet_string(const ASN1_OCTET_STRING *string)
{
	return string ? g_bytes_new(ASN1_STRING_get0_data(string), ASN1_STRING_length(string))
		      : NULL;
}

GBytes *cert_ski(X509 *certificate)
{
	const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(certificate);
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int size = 0;

	if (ski)
		return octet_string(ski);
	if (!X509_pubkey_digest(certificate, EVP_sha1(), digest, &size))
		return NULL;
	return g_bytes_new(digest, size);
}

GBytes *cert_aki(X509 *certificate)
{
	return octet_string(X509_get0_authority_key_id(certificate));
}

GBytes *cert_registered_id(X509 *certificate)
{
	g_autoptr(GENERAL_NAMES) names =
		X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_RID)
			return g_bytes_new(OBJ_get0_data(name->d.registeredID),
				OBJ_length(name->d.registeredID));
	}
	return NULL;
}

static char *name_entry(const X509_NAME *name, int nid)
{
	int at = X509_NAME_get_index_by_NID((X509_NAME *)name, nid, -1);
	const ASN1_STRING *string;

	if (at < 0)
		return NULL;
	string = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	return span_to_string(span(ASN1_STRING_get0_data(string), ASN1_STRING_length(string)));
}

char *cert_subject_serial(X509 *certificate)
{
	return name_entry(X509_get_subject_name(certificate), NID_serialNumber);
}

bool cert_eid(X509 *euicc, uint8_t ret_eid[16], GError **error)
{
	g_autofree char *serial = cert_subject_serial(euicc);

	if (!serial || !eid_from_text(serial, true, ret_eid))
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
			"certificate: the serialNumber of the subject is not an EID");
	return true;
}

CertVerdict cert_check_role(X509 *certificate, CertRole role, GError **error)
{
	g_autoptr(CERTIFICATEPOLICIES) policies =
		X509_get_ext_d2i(certificate, NID_certificate_policies, NULL, NULL);
	size_t size = strlen(role_oids[role]);

	for (int i = 0; i < sk_POLICYINFO_num(policies); i++) {
		char text[80];

		OBJ_obj2txt(text, sizeof(text), sk_POLICYINFO_value(policies, i)->policyid, 1);
		/* Newer certificates have further arcs below the role. */
		if (strncmp(text, role_oids[role], size) == 0 &&
			(text[size] == 0 || text[size] == '.'))
			return CERT_OK;
	}
	return refuse(CERT_WRONG_ROLE, error, "policy %s is missing", role_oids[role]);
}

static CertVerdict check_validity(X509 *certificate, CertTime now, GError **error)
{
	time_t at = now ? now : time(NULL);

	if (X509_cmp_time(X509_get0_notBefore(certificate), &at) > 0)
		return refuse(CERT_EXPIRED, error, "not valid yet");
	if (X509_cmp_time(X509_get0_notAfter(certificate), &at) < 0)
		return refuse(CERT_EXPIRED, error, "expired");
	return CERT_OK;
}

CertVerdict cert_check_issued(X509 *certificate, X509 *issuer, CertTime now, GError **error)
{
	g_autoptr(BASIC_CONSTRAINTS) basic =
		X509_get_ext_d2i(issuer, NID_basic_constraints, NULL, NULL);
	g_autoptr(GBytes) aki = cert_aki(certificate);
	g_autoptr(GBytes) ski = cert_ski(issuer);

	if (!basic || !basic->ca || !(X509_get_key_usage(issuer) & KU_KEY_CERT_SIGN))
		return refuse(CERT_INVALID, error, "the issuer may not issue");
	if (aki && !g_bytes_equal(aki, ski))
		return refuse(CERT_INVALID, error, "authority and issuer key identifiers differ");
	if (X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(issuer)) != 0)
		return refuse(CERT_INVALID, error, "the issuer has another name");
	if (X509_verify(certificate, X509_get0_pubkey(issuer)) != 1)
		return refuse(CERT_INVALID, error, "the signature does not verify");
	return check_validity(certificate, now, error);
}

CertVerdict cert_check_server(
	X509 *certificate, CertRole role, X509 *ci, CertTime now, GError **error)
{
	CertVerdict verdict = cert_check_issued(certificate, ci, now, error);

	return verdict != CERT_OK ? verdict : cert_check_role(certificate, role, error);
}

CertVerdict cert_check_eum(X509 *eum, X509 *ci, CertTime now, GError **error)
{
	g_autoptr(BASIC_CONSTRAINTS) basic =
		X509_get_ext_d2i(eum, NID_basic_constraints, NULL, NULL);
	CertVerdict verdict = cert_check_issued(eum, ci, now, error);

	if (verdict != CERT_OK)
		return verdict;
	if (!basic || !basic->ca)
		return refuse(CERT_INVALID, error, "the EUM is not a CA");
	return cert_check_role(eum, CERT_ROLE_EUM, error);
}

/* nameConstraints: a directory name with serialNumber = the permitted prefix, and the organisation. */
static bool permitted_by_names(
	const NAME_CONSTRAINTS *names, const char *eid, const char *organisation)
{
	for (int i = 0; i < sk_GENERAL_SUBTREE_num(names->permittedSubtrees); i++) {
		const GENERAL_NAME *base =
			sk_GENERAL_SUBTREE_value(names->permittedSubtrees, i)->base;
		g_autofree char *prefix = NULL, *o = NULL;

		if (base->type != GEN_DIRNAME)
			continue;
		prefix = name_entry(base->d.directoryName, NID_serialNumber);
		o = name_entry(base->d.directoryName, NID_organizationName);
		if (prefix && g_str_has_prefix(eid, prefix) &&
			(!o || g_strcmp0(o, organisation) == 0))
			return true;
	}
	return false;
}

/* permittedEins: SEQUENCE OF PrintableString. */
static bool permitted_by_eins(Span value, const char *eid)
{
	const uint8_t *p = value.data;
	ASN1_SEQUENCE_ANY *list = d2i_ASN1_SEQUENCE_ANY(NULL, &p, value.size);
	bool good = false;

	for (int i = 0; i < sk_ASN1_TYPE_num(list); i++) {
		const ASN1_TYPE *item = sk_ASN1_TYPE_value(list, i);
		g_autofree char *prefix = NULL;

		if (item->type != V_ASN1_PRINTABLESTRING)
			continue;
		prefix = span_to_string(span(ASN1_STRING_get0_data(item->value.printablestring),
			ASN1_STRING_length(item->value.printablestring)));
		good = good || (prefix && g_str_has_prefix(eid, prefix));
	}
	sk_ASN1_TYPE_pop_free(list, ASN1_TYPE_free);
	return good;
}

static bool eid_permitted(X509 *eum, const char *eid, const char *organisation)
{
	g_autoptr(NAME_CONSTRAINTS) names = X509_get_ext_d2i(eum, NID_name_constraints, NULL, NULL);
	g_autoptr(ASN1_OBJECT) eins = OBJ_txt2obj(OID_PERMITTED_EINS, 1);
	int at = X509_get_ext_by_OBJ(eum, eins, -1);

	if (names)
		return permitted_by_names(names, eid, organisation);
	if (at >= 0) {
		const ASN1_OCTET_STRING *data = X509_EXTENSION_get_data(X509_get_ext(eum, at));

		return permitted_by_eins(
			span(ASN1_STRING_get0_data(data), ASN1_STRING_length(data)), eid);
	}
	return false;
}

CertVerdict cert_check_euicc(X509 *euicc, X509 *eum, Span eid, CertTime now, GError **error)
{
	g_autofree char *organisation =
		name_entry(X509_get_subject_name(euicc), NID_organizationName);
	g_autofree char *serial = cert_subject_serial(euicc);
	CertVerdict verdict = cert_check_issued(euicc, eum, now, error);
	uint8_t own[16];

	if (verdict == CERT_OK)
		verdict = cert_check_role(euicc, CERT_ROLE_EUICC, error);
	if (verdict != CERT_OK)
		return verdict;
	if (!serial || !eid_from_text(serial, true, own))
		return refuse(CERT_INVALID, error, "the serialNumber of the subject is not an EID");
	if (!eid_permitted(eum, serial, organisation))
		return refuse(CERT_INVALID, error, "the EID is outside of what the EUM may use");
	if (eid.data && !span_equal(eid, SPAN_ARRAY(own)))
		return refuse(CERT_INVALID, error, "it belongs to another EID");
	return CERT_OK;
}
