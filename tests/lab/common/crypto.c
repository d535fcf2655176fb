/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lab/common/crypto.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <string.h>

#include "asn1/der.h"

#define must(expression)                                                                           \
	do {                                                                                       \
		if (!(expression))                                                                 \
			g_error("OpenSSL: %s failed: %s", #expression,                             \
				ERR_error_string(ERR_get_error(), NULL));                          \
	} while (0)

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free_all)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MD_CTX, EVP_MD_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MAC, EVP_MAC_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MAC_CTX, EVP_MAC_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_KDF, EVP_KDF_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_KDF_CTX, EVP_KDF_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ECDSA_SIG, ECDSA_SIG_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EC_GROUP, EC_GROUP_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EC_POINT, EC_POINT_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIGNUM, BN_clear_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OSSL_PARAM_BLD, OSSL_PARAM_BLD_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OSSL_PARAM, OSSL_PARAM_free)

/* ---- keys ---- */
static const char *curve_name(CryptoCurve curve)
{
	return curve == CRYPTO_CURVE_BRAINPOOL ? "brainpoolP256r1" : "prime256v1";
}

static int curve_nid(CryptoCurve curve)
{
	return curve == CRYPTO_CURVE_BRAINPOOL ? NID_brainpoolP256r1 : NID_X9_62_prime256v1;
}

static BIO *open_pem(const char *path, GError **error)
{
	BIO *bio = BIO_new_file(path, "r");

	if (!bio) {
		ERR_clear_error();
		sgp32_fail(error, SGP32_ERROR_NOT_FOUND, "%s: %s", path, g_strerror(errno));
	}
	return bio;
}

EVP_PKEY *crypto_key_load(const char *path, GError **error)
{
	g_autoptr(BIO) bio = open_pem(path, error);
	EVP_PKEY *key;

	if (!bio)
		return NULL;
	key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	if (!key) {
		ERR_clear_error();
		sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "%s: no private key", path);
	}
	return key;
}

EVP_PKEY *crypto_key_generate(CryptoCurve curve)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve_name(curve));

	must(key);
	return key;
}

static EVP_PKEY *key_from_data(CryptoCurve curve, const BIGNUM *number, Span point)
{
	g_autoptr(OSSL_PARAM_BLD) builder = OSSL_PARAM_BLD_new();
	g_autoptr(EVP_PKEY_CTX) ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	g_autoptr(EVP_PKEY_CTX) check = NULL;
	g_autoptr(OSSL_PARAM) params = NULL;
	EVP_PKEY *key = NULL;

	must(builder && ctx);
	must(OSSL_PARAM_BLD_push_utf8_string(
		builder, OSSL_PKEY_PARAM_GROUP_NAME, curve_name(curve), 0));
	must(OSSL_PARAM_BLD_push_octet_string(
		builder, OSSL_PKEY_PARAM_PUB_KEY, point.data, point.size));
	if (number)
		must(OSSL_PARAM_BLD_push_BN_pad(builder, OSSL_PKEY_PARAM_PRIV_KEY, number, 32));
	params = OSSL_PARAM_BLD_to_param(builder);
	must(params);
	must(EVP_PKEY_fromdata_init(ctx) > 0);
	if (EVP_PKEY_fromdata(ctx, &key, number ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params) <=
		0) {
		ERR_clear_error();
		return NULL;
	}
	check = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	must(check);
	if (EVP_PKEY_public_check(check) <= 0) {
		ERR_clear_error();
		EVP_PKEY_free(key);
		return NULL;
	}
	return key;
}

EVP_PKEY *crypto_key_from_private(CryptoCurve curve, Span number, GError **error)
{
	g_autoptr(EC_GROUP) group = EC_GROUP_new_by_curve_name(curve_nid(curve));
	g_autoptr(EC_POINT) point = NULL;
	g_autoptr(BIGNUM) bn = NULL;
	uint8_t octets[CRYPTO_POINT_SIZE];
	EVP_PKEY *key = NULL;

	must(group);
	bn = BN_bin2bn(number.data, number.size, NULL);
	point = EC_POINT_new(group);
	must(bn && point);
	if (number.size == 32 && !BN_is_zero(bn) && BN_cmp(bn, EC_GROUP_get0_order(group)) < 0) {
		must(EC_POINT_mul(group, point, bn, NULL, NULL, NULL));
		must(EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, octets,
			     sizeof(octets), NULL) == sizeof(octets));
		key = key_from_data(curve, bn, SPAN_ARRAY(octets));
	}
	if (!key)
		sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "not a private key");
	return key;
}

EVP_PKEY *crypto_key_from_point(CryptoCurve curve, Span point, GError **error)
{
	EVP_PKEY *key = NULL;

	if (point.size == CRYPTO_POINT_SIZE && point.data[0] == 0x04)
		key = key_from_data(curve, NULL, point);
	if (!key)
		sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "not a point of %s",
			curve_name(curve));
	return key;
}

EVP_PKEY *crypto_key_from_spki(Span spki, GError **error)
{
	const uint8_t *p = spki.data;
	EVP_PKEY *key = spki.size ? d2i_PUBKEY(NULL, &p, spki.size) : NULL;

	if (!key || p != spki.data + spki.size) {
		ERR_clear_error();
		EVP_PKEY_free(key);
		sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "not a SubjectPublicKeyInfo");
		return NULL;
	}
	return key;
}

CryptoCurve crypto_key_curve(EVP_PKEY *key)
{
	char name[64] = "";

	if (EVP_PKEY_get_group_name(key, name, sizeof(name), NULL) <= 0) {
		ERR_clear_error();
		return CRYPTO_CURVE_OTHER;
	}
	if (g_str_equal(name, "prime256v1"))
		return CRYPTO_CURVE_P256;
	if (g_str_equal(name, "brainpoolP256r1"))
		return CRYPTO_CURVE_BRAINPOOL;
	return CRYPTO_CURVE_OTHER;
}

void crypto_key_point(EVP_PKEY *key, uint8_t ret_point[CRYPTO_POINT_SIZE])
{
	size_t size = 0;
	uint8_t raw[CRYPTO_POINT_SIZE];

	must(EVP_PKEY_get_octet_string_param(
		key, OSSL_PKEY_PARAM_PUB_KEY, raw, sizeof(raw), &size));
	if (size != CRYPTO_POINT_SIZE) {
		/* The key came with a compressed point. */
		g_autoptr(BIGNUM) x = NULL, y = NULL;

		must(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &x));
		must(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &y));
		raw[0] = 0x04;
		must(BN_bn2binpad(x, raw + 1, 32) == 32);
		must(BN_bn2binpad(y, raw + 33, 32) == 32);
	}
	memcpy(ret_point, raw, sizeof(raw));
}

void crypto_key_private(EVP_PKEY *key, uint8_t ret_number[32])
{
	g_autoptr(BIGNUM) number = NULL;

	must(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number));
	must(BN_bn2binpad(number, ret_number, 32) == 32);
}

GBytes *crypto_key_spki(EVP_PKEY *key)
{
	uint8_t *der = NULL;
	int size = i2d_PUBKEY(key, &der);
	GBytes *bytes;

	must(size > 0);
	bytes = g_bytes_new(der, size);
	OPENSSL_free(der);
	return bytes;
}

/* ---- ECDSA, ECDH ---- */
void crypto_sign(EVP_PKEY *key, Span data, uint8_t ret_signature[CRYPTO_SIGNATURE_SIZE])
{
	g_autoptr(EVP_MD_CTX) ctx = EVP_MD_CTX_new();
	g_autoptr(ECDSA_SIG) signature = NULL;
	uint8_t der[160];
	const uint8_t *p = der;
	size_t size = sizeof(der);

	must(ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) > 0);
	must(EVP_DigestSign(ctx, der, &size, data.data, data.size) > 0);
	signature = d2i_ECDSA_SIG(NULL, &p, size);
	must(signature);
	must(BN_bn2binpad(ECDSA_SIG_get0_r(signature), ret_signature, 32) == 32);
	must(BN_bn2binpad(ECDSA_SIG_get0_s(signature), ret_signature + 32, 32) == 32);
}

void crypto_put_signature(GByteArray *out, EVP_PKEY *key, Span data)
{
	uint8_t signature[CRYPTO_SIGNATURE_SIZE];

	crypto_sign(key, data, signature);
	der_put(out, 0x5F37, SPAN_ARRAY(signature));
}

bool crypto_verify(EVP_PKEY *key, Span data, Span signature, GError **error)
{
	g_autoptr(EVP_MD_CTX) ctx = EVP_MD_CTX_new();
	g_autoptr(ECDSA_SIG) sig = ECDSA_SIG_new();
	uint8_t *der = NULL;
	BIGNUM *r, *s;
	int size;
	bool good;

	if (signature.size != CRYPTO_SIGNATURE_SIZE)
		return sgp32_fail(error, SGP32_ERROR_SIGNATURE_INVALID,
			"signature of %zu octets, not %d", signature.size, CRYPTO_SIGNATURE_SIZE);
	r = BN_bin2bn(signature.data, 32, NULL);
	s = BN_bin2bn(signature.data + 32, 32, NULL);
	must(ctx && sig && r && s && ECDSA_SIG_set0(sig, r, s));
	size = i2d_ECDSA_SIG(sig, &der);
	must(size > 0);
	good = EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) > 0 &&
		EVP_DigestVerify(ctx, der, size, data.data, data.size) == 1;
	OPENSSL_free(der);
	ERR_clear_error();
	if (!good)
		return sgp32_fail(
			error, SGP32_ERROR_SIGNATURE_INVALID, "the signature does not verify");
	return true;
}

bool crypto_ecdh(EVP_PKEY *own, EVP_PKEY *peer, uint8_t ret_z[32], GError **error)
{
	g_autoptr(EVP_PKEY_CTX) ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
	uint8_t z[32];
	size_t size = sizeof(z);

	must(ctx && EVP_PKEY_derive_init(ctx) > 0);
	if (EVP_PKEY_derive_set_peer(ctx, peer) <= 0 || EVP_PKEY_derive(ctx, z, &size) <= 0 ||
		size != sizeof(z)) {
		ERR_clear_error();
		return sgp32_fail(
			error, SGP32_ERROR_INVALID_ARGUMENT, "the keys do not agree on a curve");
	}
	memcpy(ret_z, z, sizeof(z));
	wipe(z, sizeof(z));
	return true;
}

/* ---- symmetric ---- */
void crypto_kdf(Span z, Span shared_info, uint8_t *ret_key, size_t size)
{
	g_autoptr(EVP_KDF) kdf = EVP_KDF_fetch(NULL, "X963KDF", NULL);
	g_autoptr(EVP_KDF_CTX) ctx = NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)z.data, z.size),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_INFO, (void *)shared_info.data, shared_info.size),
		OSSL_PARAM_construct_end(),
	};

	must(kdf);
	ctx = EVP_KDF_CTX_new(kdf);
	must(ctx && EVP_KDF_derive(ctx, ret_key, size, params) > 0);
}

void crypto_sha256(Span data, uint8_t ret_digest[32])
{
	must(EVP_Digest(data.data, data.size, ret_digest, NULL, EVP_sha256(), NULL));
}

void crypto_hash_cc(const char *code, Span transaction_id, uint8_t ret_hash[32])
{
	g_autoptr(GByteArray) input = g_byte_array_new();

	g_byte_array_set_size(input, 32);
	crypto_sha256(span_string(code), input->data);
	array_append_span(input, transaction_id);
	crypto_sha256(span_of_array(input), ret_hash);
}

static void aes(const EVP_CIPHER *cipher, int encrypt, const uint8_t key[16], const uint8_t *iv,
	const uint8_t *data, size_t size, uint8_t *ret)
{
	g_autoptr(EVP_CIPHER_CTX) ctx = EVP_CIPHER_CTX_new();
	int done = 0, rest = 0;

	must(size % 16 == 0 && size < G_MAXINT);
	must(ctx && EVP_CipherInit_ex(ctx, cipher, NULL, key, iv, encrypt));
	EVP_CIPHER_CTX_set_padding(ctx, 0);
	must(EVP_CipherUpdate(ctx, ret, &done, data, size));
	must(EVP_CipherFinal_ex(ctx, ret + done, &rest));
	must((size_t)(done + rest) == size);
}

void crypto_aes_ecb_encrypt(const uint8_t key[16], const uint8_t block[16], uint8_t ret_block[16])
{
	aes(EVP_aes_128_ecb(), 1, key, NULL, block, 16, ret_block);
}

void crypto_aes_cbc_encrypt(
	const uint8_t key[16], const uint8_t iv[16], const uint8_t *data, size_t size, uint8_t *ret)
{
	aes(EVP_aes_128_cbc(), 1, key, iv, data, size, ret);
}

void crypto_aes_cbc_decrypt(
	const uint8_t key[16], const uint8_t iv[16], const uint8_t *data, size_t size, uint8_t *ret)
{
	aes(EVP_aes_128_cbc(), 0, key, iv, data, size, ret);
}

void crypto_cmac(const uint8_t key[16], const Span *parts, size_t n, uint8_t ret_mac[16])
{
	g_autoptr(EVP_MAC) mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
	g_autoptr(EVP_MAC_CTX) ctx = NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, (char *)"AES-128-CBC", 0),
		OSSL_PARAM_construct_end(),
	};
	size_t size = 0;

	must(mac);
	ctx = EVP_MAC_CTX_new(mac);
	must(ctx && EVP_MAC_init(ctx, key, 16, params));
	for (size_t i = 0; i < n; i++)
		must(EVP_MAC_update(ctx, parts[i].data, parts[i].size));
	must(EVP_MAC_final(ctx, ret_mac, &size, 16) && size == 16);
}

void crypto_random(uint8_t *ret, size_t size)
{
	must(RAND_bytes(ret, size) == 1);
}

/* ---- certificates ---- */
X509 *crypto_certificate_load(const char *path, GError **error)
{
	g_autoptr(BIO) bio = open_pem(path, error);
	X509 *certificate;

	if (!bio)
		return NULL;
	certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	if (!certificate || !X509_get0_pubkey(certificate)) {
		ERR_clear_error();
		g_clear_pointer(&certificate, X509_free);
		sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "%s: no certificate", path);
	}
	return certificate;
}

X509 *crypto_certificate_from_der(Span der, GError **error)
{
	const uint8_t *p = der.data;
	X509 *certificate = der.size ? d2i_X509(NULL, &p, der.size) : NULL;

	if (!certificate || p != der.data + der.size || !X509_get0_pubkey(certificate)) {
		ERR_clear_error();
		X509_free(certificate);
		sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "not a certificate");
		return NULL;
	}
	return certificate;
}

GBytes *crypto_certificate_der(X509 *certificate)
{
	uint8_t *der = NULL;
	int size = i2d_X509(certificate, &der);
	GBytes *bytes;

	must(size > 0);
	bytes = g_bytes_new(der, size);
	OPENSSL_free(der);
	return bytes;
}

EVP_PKEY *crypto_certificate_key(X509 *certificate)
{
	EVP_PKEY *key = X509_get0_pubkey(certificate);

	must(key);
	return key;
}
