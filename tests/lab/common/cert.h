/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The certificate checks of remote provisioning (digest 7.8, 8.5), which general chain builders do not
 * do: role by policy, EID by the range of the EUM, curve brainpoolP256r1, a time that can be set.
 */
#pragma once

#include "lab/common/crypto.h"

typedef enum CertRole {
	CERT_ROLE_CI,
	CERT_ROLE_EUICC,
	CERT_ROLE_EUM,
	CERT_ROLE_DPTLS,
	CERT_ROLE_DPAUTH,
	CERT_ROLE_DPPB,
	CERT_ROLE_DSTLS,
	CERT_ROLE_DSAUTH,
} CertRole;

/* Other verdicts than CERT_OK come with an error (SignatureInvalid). */
typedef enum CertVerdict {
	CERT_OK = 0,
	CERT_INVALID, /* signature, key ids, extensions, EID */
	CERT_EXPIRED, /* or not yet valid */
	CERT_WRONG_ROLE,
} CertVerdict;

/* The time of the checks; 0: the clock. */
typedef int64_t CertTime;

/* Subject and authority key identifier, 20 octets as a rule; absent if the extension is missing. The
 * subject key id falls back to SHA-1 of the key (RFC 5280 4.2.1.2, method 1). */
GBytes *cert_ski(X509 *certificate);
GBytes *cert_aki(X509 *certificate);
/* Content octets of the registeredID in subjectAltName; NULL if there is none. */
GBytes *cert_registered_id(X509 *certificate);
/* subject serialNumber: 32 digits of an eUICC. NULL if there is none. */
char *cert_subject_serial(X509 *certificate);

CertVerdict cert_check_role(X509 *certificate, CertRole role, GError **error) SGP32_CHECK;
/* Signature of the issuer, its CA flags, AKI against SKI, validity of the certificate. */
CertVerdict cert_check_issued(
	X509 *certificate, X509 *issuer, CertTime now, GError **error) SGP32_CHECK;
/* A server's certificate directly under the CI: issued, valid, of that role. */
CertVerdict cert_check_server(
	X509 *certificate, CertRole role, X509 *ci, CertTime now, GError **error) SGP32_CHECK;
/* The EUM under the CI. */
CertVerdict cert_check_eum(X509 *eum, X509 *ci, CertTime now, GError **error) SGP32_CHECK;
/* The eUICC under its EUM: issued, role, same organisation, EID in the range that the EUM may use, check
 * digits of the EID. eid (16 octets) may be absent; else it must be this one. */
CertVerdict cert_check_euicc(
	X509 *euicc, X509 *eum, Span eid, CertTime now, GError **error) SGP32_CHECK;
/* The EID of an eUICC's certificate. Errors: InvalidArgument. */
bool cert_eid(X509 *euicc, uint8_t ret_eid[16], GError **error) SGP32_CHECK;
