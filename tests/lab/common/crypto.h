/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The cryptography of the lab, over OpenSSL 3 (SGP.32 digest, section 8). Only programs of the lab use it.
 *
 * Signatures are raw r || s, 64 octets. Keys are NIST P-256 or brainpoolP256r1. A failure of the library
 * itself (no memory, an algorithm missing) ends the program; what depends on input is an error.
 */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/bytes.h"
#include "base/error.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509, X509_free)

#define CRYPTO_SIGNATURE_SIZE 64
#define CRYPTO_POINT_SIZE 65

typedef enum CryptoCurve {
	CRYPTO_CURVE_P256,
	CRYPTO_CURVE_BRAINPOOL, /* brainpoolP256r1 */
	CRYPTO_CURVE_OTHER,
} CryptoCurve;

/* ---- keys ---- */
/* PEM, PKCS#8. Errors: NotFound, InvalidArgument. */
EVP_PKEY *crypto_key_load(const char *path, GError **error) SGP32_CHECK;
EVP_PKEY *crypto_key_generate(CryptoCurve curve);
/* From the 32 octets of the private number. Errors: InvalidArgument. */
EVP_PKEY *crypto_key_from_private(CryptoCurve curve, Span number, GError **error) SGP32_CHECK;
/* A public key from 04 || x || y, which is checked to be on the curve. Errors: InvalidArgument. */
EVP_PKEY *crypto_key_from_point(CryptoCurve curve, Span point, GError **error) SGP32_CHECK;
/* A public key from a SubjectPublicKeyInfo, with its 30. Errors: InvalidArgument. */
EVP_PKEY *crypto_key_from_spki(Span spki, GError **error) SGP32_CHECK;
CryptoCurve crypto_key_curve(EVP_PKEY *key);
/* 04 || x || y */
void crypto_key_point(EVP_PKEY *key, uint8_t ret_point[CRYPTO_POINT_SIZE]);
void crypto_key_private(EVP_PKEY *key, uint8_t ret_number[32]);
/* SubjectPublicKeyInfo with its 30. */
GBytes *crypto_key_spki(EVP_PKEY *key);

/* ---- ECDSA with SHA-256, ECDH ---- */
void crypto_sign(EVP_PKEY *key, Span data, uint8_t ret_signature[CRYPTO_SIGNATURE_SIZE]);
/* The same as a complete 5F37 TLV, appended to out. */
void crypto_put_signature(GByteArray *out, EVP_PKEY *key, Span data);
/* signature: the 64 octets. Errors: SignatureInvalid. */
bool crypto_verify(EVP_PKEY *key, Span data, Span signature, GError **error) SGP32_CHECK;
/* The x coordinate. Errors: InvalidArgument (curves differ, not a point). */
bool crypto_ecdh(EVP_PKEY *own, EVP_PKEY *peer, uint8_t ret_z[32], GError **error) SGP32_CHECK;

/* ---- symmetric ---- */
/* X9.63 KDF with SHA-256. */
void crypto_kdf(Span z, Span shared_info, uint8_t *ret_key, size_t size);
void crypto_sha256(Span data, uint8_t ret_digest[32]);
/* SHA-256( SHA-256(confirmation code) || transactionId ); SGP.22 2.7 / digest 3.8 */
void crypto_hash_cc(const char *code, Span transaction_id, uint8_t ret_hash[32]);
/* AES-128, whole blocks, no padding; size is a multiple of 16; data and ret may be the same. */
void crypto_aes_ecb_encrypt(const uint8_t key[16], const uint8_t block[16], uint8_t ret_block[16]);
void crypto_aes_cbc_encrypt(const uint8_t key[16], const uint8_t iv[16], const uint8_t *data,
	size_t size, uint8_t *ret);
void crypto_aes_cbc_decrypt(const uint8_t key[16], const uint8_t iv[16], const uint8_t *data,
	size_t size, uint8_t *ret);
/* AES-CMAC over the parts, one after the other. */
void crypto_cmac(const uint8_t key[16], const Span *parts, size_t n, uint8_t ret_mac[16]);
void crypto_random(uint8_t *ret, size_t size);

/* ---- certificates: see also cert.h ---- */
/* The first certificate of a PEM file. Errors: NotFound, InvalidArgument. */
X509 *crypto_certificate_load(const char *path, GError **error) SGP32_CHECK;
/* DER with its 30. Errors: InvalidArgument. */
X509 *crypto_certificate_from_der(Span der, GError **error) SGP32_CHECK;
GBytes *crypto_certificate_der(X509 *certificate);
/* Borrowed; ends the program if there is none (certificates that were loaded have one). */
EVP_PKEY *crypto_certificate_key(X509 *certificate);
