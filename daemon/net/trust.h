/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whom a TLS or DTLS server has to be (SGP.32 digest 6.4, 7.8). A Trust is a constant value; a
 * TrustCheck applies it to the connections with one host. There is no Trust that accepts anybody.
 *
 *   pinned key     the server's SubjectPublicKeyInfo; no chain, name or validity
 *   certificate    the server's own certificate was configured: its key, as above
 *   ca             chain to the given certificates alone, host name, validity
 *   system         chain to the certificates of the system, host name, validity
 *
 * Validity is checked against a plausible time that the caller gives (clock_plausible()).
 */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

#include <openssl/ssl.h>

typedef enum TrustKind {
	TRUST_PINNED_KEY,
	TRUST_CERTIFICATE,
	TRUST_CA,
	TRUST_SYSTEM,
} TrustKind;

typedef struct Trust Trust;

/* trustedPublicKeyDataTls as in EimConfigurationData, A6{A0|A1}; absent: the certificates of the system.
 * Errors of all: InvalidArgument. */
Trust *trust_new_from_eim(Span trusted_public_key_data_tls, GError **error) SGP32_CHECK;
/* A SubjectPublicKeyInfo or Certificate TLV, whatever its first tag has become (30, A0, A1). A certificate
 * with basicConstraints CA:TRUE becomes an anchor, another one a pin. */
Trust *trust_new_key(Span spki, GError **error) SGP32_CHECK;
Trust *trust_new_certificate(Span certificate, GError **error) SGP32_CHECK;
Trust *trust_new_system(void);
/* The CI certificates of ES9+: every *.pem (one or more certificates) and *.der of a folder. Files that
 * are no CA certificates are left out and named in *ret_skipped (NULL if none; may be NULL).
 * Errors: TlsUntrusted if nothing is left. */
Trust *trust_new_folder(const char *folder, char **ret_skipped, GError **error) SGP32_CHECK;
Trust *trust_ref(Trust *trust);
void trust_unref(Trust *trust);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Trust, trust_unref)

TrustKind trust_kind(const Trust *trust);
/* "pinned-key", "certificate", "ca", "system": the words of the D-Bus interface. */
const char *trust_kind_text(TrustKind kind);
/* Whether both trust the same servers: then connections and sessions of one serve the other. */
bool trust_equal(const Trust *a, const Trust *b);
/* True for ca and system. */
bool trust_needs_name(const Trust *trust);

typedef struct TrustCheck TrustCheck;

/* host: DNS name or IP address, without brackets. */
TrustCheck *trust_check_new(Trust *trust, const char *host);
void trust_check_free(TrustCheck *check);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TrustCheck, trust_check_free)

/* Before each handshake: the plausible time, seconds since 1970; forgets the last failure. */
void trust_check_begin(TrustCheck *check, int64_t now);
/* Suites, groups and verification. check must outlive ctx. TLS or DTLS. Errors: Failed. */
bool trust_check_configure(TrustCheck *check, SSL_CTX *ctx, GError **error) SGP32_CHECK;
/* After a handshake, resumed ones included, before anything is sent. Errors: TlsUntrusted. */
bool trust_check_finished(TrustCheck *check, SSL *ssl, GError **error) SGP32_CHECK;
/* Whether the server has ended the connection by close_notify since trust_check_finished(). */
bool trust_check_closed(const TrustCheck *check);
/* After a handshake that failed: TlsUntrusted with what was wrong (certificate, or no agreement with the
 * server), or NULL if the connection was lost for another reason. Owned by check. */
const GError *trust_check_failure(TrustCheck *check);
