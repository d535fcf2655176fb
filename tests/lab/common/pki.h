/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The certificates and keys of a folder made by lab-pki, or of another PKI laid out like it:
 * DIR/nist and DIR/brainpool, each with ci, eum, dpauth, dppb, dptls, dsauth, dstls (.pem, .key).
 */
#pragma once

#include "lab/common/cert.h"

typedef struct PkiSet {
	const char *name; /* "nist" or "brainpool" */
	X509 *ci;
	GBytes *ci_ski; /* how the CI is named in protocols */
	/* Of the server: DPauth and DPpb, or DSauth alone; NULL where the program needs none. */
	X509 *auth, *pb;
	GBytes *auth_der, *pb_der;
	EVP_PKEY *auth_key, *pb_key;
	GBytes *oid; /* registeredID of auth, content octets */
} PkiSet;

typedef struct Pki {
	PkiSet sets[2];
	unsigned n_sets;
} Pki;

typedef enum PkiServer {
	PKI_SERVER_NONE, /* CIs only */
	PKI_SERVER_DP,
	PKI_SERVER_DS,
} PkiServer;

/* A set that has no ci.pem is left out; one must be there. Errors: NotFound, InvalidArgument. */
Pki *pki_load(const char *dir, PkiServer server, GError **error) SGP32_CHECK;
void pki_free(Pki *pki);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Pki, pki_free)

/* The set whose CI has that key id; a truncated id matches by prefix. NULL if there is none. */
const PkiSet *pki_find(const Pki *pki, Span ci_ski);

/* Certificate of the EUM under one of the CIs, certificate of the eUICC under it. eid may be absent.
 * *ret_set may be NULL. With a verdict other than CERT_OK, *ret_eum says whether the EUM is to blame. */
CertVerdict pki_check_euicc(const Pki *pki, X509 *euicc, X509 *eum, Span eid, CertTime now,
	const PkiSet **ret_set, bool *ret_eum, GError **error) SGP32_CHECK;
