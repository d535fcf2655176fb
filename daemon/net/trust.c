/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/trust.h"

#include "asn1/der.h"
#include "base/clock.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define CERTIFICATE_FILE_MAX (1024 * 1024)
#define NAME_TEXT_MAX 160

/* The two of SGP.32 first; their RSA sisters for eIMs under a public CA. TLS 1.3 has its own list. */
static const char tls12_suites[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
				   "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:"
				   "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
static const char tls13_suites[] =
	"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
/* TLS 1.2 names the curve of the server's certificate here too, so brainpool has to be among them. */
static const char groups[] = "P-256:X25519:P-384:brainpoolP256r1";

struct Trust {
	gatomicrefcount refs;
	TrustKind kind;
	EVP_PKEY *key; /* pinned-key, certificate */
	X509_STORE *anchors; /* ca, system */
	char *identity; /* equal where the same servers are trusted */
};

struct TrustCheck {
	Trust *trust;
	char *host;
	int64_t now;
	GError *failure;
	bool closed;
};

/* ---- Trust ---- */

static Trust *trust_new(TrustKind kind)
{
	Trust *trust = g_new0(Trust, 1);

	g_atomic_ref_count_init(&trust->refs);
	trust->kind = kind;
	return trust;
}

Trust *trust_ref(Trust *trust)
{
	if (trust)
		g_atomic_ref_count_inc(&trust->refs);
	return trust;
}

void trust_unref(Trust *trust)
{
	if (!trust || !g_atomic_ref_count_dec(&trust->refs))
		return;
	EVP_PKEY_free(trust->key);
	X509_STORE_free(trust->anchors);
	g_free(trust->identity);
	g_free(trust);
}

TrustKind trust_kind(const Trust *trust)
{
	return trust->kind;
}

const char *trust_kind_text(TrustKind kind)
{
	switch (kind) {
	case TRUST_PINNED_KEY: return "pinned-key";
	case TRUST_CERTIFICATE: return "certificate";
	case TRUST_CA: return "ca";
	case TRUST_SYSTEM: return "system";
	}
	return "";
}

bool trust_needs_name(const Trust *trust)
{
	return trust->anchors != NULL;
}

bool trust_equal(const Trust *a, const Trust *b)
{
	return a == b || (a && b && a->kind == b->kind && g_strcmp0(a->identity, b->identity) == 0);
}

static char *digest(const void *data, size_t size)
{
	return g_compute_checksum_for_data(G_CHECKSUM_SHA256, data, size);
}

Trust *trust_new_key(Span spki, GError **error)
{
	Tlv tlv;

	if (!der_single(spki, &tlv, error)) {
		g_prefix_error(error, "public key: ");
		return NULL;
	}

	g_autoptr(GBytes) whole = der_retag(spki, 0x30);
	Span der = span_of(whole);
	const uint8_t *at = der.data;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, der.size);

	if (!key || at != der.data + der.size) {
		EVP_PKEY_free(key);
		ERR_clear_error();
		sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
			"the pinned public key is no SubjectPublicKeyInfo of a known kind");
		return NULL;
	}

	Trust *trust = trust_new(TRUST_PINNED_KEY);

	trust->key = key;
	trust->identity = digest(der.data, der.size);
	return trust;
}

Trust *trust_new_certificate(Span certificate, GError **error)
{
	Tlv tlv;

	if (!der_single(certificate, &tlv, error)) {
		g_prefix_error(error, "certificate: ");
		return NULL;
	}

	g_autoptr(GBytes) whole = der_retag(certificate, 0x30);
	Span der = span_of(whole);
	const uint8_t *at = der.data;
	X509 *x509 = d2i_X509(NULL, &at, der.size);
	EVP_PKEY *key = x509 ? X509_get_pubkey(x509) : NULL;

	if (!key || at != der.data + der.size) {
		EVP_PKEY_free(key);
		X509_free(x509);
		ERR_clear_error();
		sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
			"the trusted certificate is no X.509 certificate with a key of a known kind");
		return NULL;
	}

	/* SGP.32 does not say which of the two a certificate is meant to be: its own basicConstraints
	 * tell. */
	bool ca = X509_check_ca(x509) == 1;
	Trust *trust = trust_new(ca ? TRUST_CA : TRUST_CERTIFICATE);

	trust->identity = digest(der.data, der.size);
	if (ca) {
		trust->anchors = X509_STORE_new();
		X509_STORE_add_cert(trust->anchors, x509);
		EVP_PKEY_free(key);
	} else {
		trust->key = key;
	}
	X509_free(x509);
	return trust;
}

Trust *trust_new_from_eim(Span trusted_public_key_data_tls, GError **error)
{
	Tlv outer, arm;

	if (!trusted_public_key_data_tls.data)
		return trust_new_system();
	if (!der_single(trusted_public_key_data_tls, &outer, error) ||
		!der_single(outer.value, &arm, error)) {
		g_prefix_error(error, "trustedPublicKeyDataTls: ");
		return NULL;
	}
	switch (arm.tag) {
	case 0xA0: return trust_new_key(arm.whole, error);
	case 0xA1: return trust_new_certificate(arm.whole, error);
	default:
		sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
			"trustedPublicKeyDataTls: unexpected tag %X", arm.tag);
		return NULL;
	}
}

/* When a file or folder of the system's certificates was last changed. */
static void system_add_state(GString *identity, const char *variable, const char *fallback)
{
	const char *path = g_getenv(variable);
	struct stat st = { 0 };

	path = path ? path : fallback;
	if (stat(path, &st) < 0)
		st.st_ino = 0;
	g_string_append_printf(identity, "%s %ju %jd.%09ld\n", path, (uintmax_t)st.st_ino,
		(intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

Trust *trust_new_system(void)
{
	Trust *trust = trust_new(TRUST_SYSTEM);
	GString *identity = g_string_new(NULL);

	/* A system without certificates trusts nobody: the handshake says so. */
	trust->anchors = X509_STORE_new();
	X509_STORE_set_default_paths(trust->anchors);
	ERR_clear_error();
	system_add_state(identity, X509_get_default_cert_file_env(), X509_get_default_cert_file());
	system_add_state(identity, X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
	trust->identity = g_string_free(identity, FALSE);
	return trust;
}

/* Adds all certificates of a file; the number of them, 0 if there is anything wrong with it. */
static unsigned anchors_add_file(X509_STORE *anchors, const char *path, GPtrArray *digests)
{
	g_autofree char *text = NULL;
	size_t size = 0;
	struct stat st;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > CERTIFICATE_FILE_MAX ||
		!g_file_get_contents(path, &text, &size, NULL))
		return 0;

	g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func((GDestroyNotify)X509_free);
	X509 *x509;

	if (g_str_has_suffix(path, ".der")) {
		const uint8_t *at = (const uint8_t *)text;

		if ((x509 = d2i_X509(NULL, &at, size)))
			g_ptr_array_add(found, x509);
	} else {
		BIO *bio = BIO_new_mem_buf(text, size);

		while ((x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
			g_ptr_array_add(found, x509);
		BIO_free(bio);
	}
	ERR_clear_error();
	for (unsigned i = 0; i < found->len; i++)
		if (X509_check_ca(found->pdata[i]) != 1)
			return 0;
	for (unsigned i = 0; i < found->len; i++) {
		uint8_t sha256[EVP_MAX_MD_SIZE];
		unsigned length = 0;

		X509_digest(found->pdata[i], EVP_sha256(), sha256, &length);
		g_ptr_array_add(digests, hex_encode(span(sha256, length)));
		X509_STORE_add_cert(anchors, found->pdata[i]);
	}
	return found->len;
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

Trust *trust_new_folder(const char *folder, char **ret_skipped, GError **error)
{
	g_autoptr(Trust) trust = trust_new(TRUST_CA);
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	g_autoptr(GString) skipped = g_string_new(NULL);
	g_autoptr(GPtrArray) digests = g_ptr_array_new_with_free_func(g_free);
	const char *name;

	trust->anchors = X509_STORE_new();
	while (dir && (name = g_dir_read_name(dir))) {
		if (!g_str_has_suffix(name, ".pem") && !g_str_has_suffix(name, ".der"))
			continue;

		g_autofree char *path = g_build_filename(folder, name, NULL);

		if (!anchors_add_file(trust->anchors, path, digests))
			g_string_append_printf(skipped, "%s%s", skipped->len ? ", " : "", name);
	}
	if (!digests->len) {
		sgp32_fail(error, SGP32_ERROR_TLS_UNTRUSTED, "no CI certificate in %s%s%s%s",
			folder, skipped->len ? " (not usable: " : "", skipped->str,
			skipped->len ? ")" : "");
		if (error)
			sgp32_error_set_hint(*error,
				"put the certificate of the SM-DP+'s certificate issuer there, as .pem or .der");
		return NULL;
	}
	g_ptr_array_sort(digests, compare_text);
	g_ptr_array_add(digests, NULL);
	trust->identity = g_strjoinv(" ", (char **)digests->pdata);
	if (ret_skipped)
		*ret_skipped = skipped->len ? g_strdup(skipped->str) : NULL;
	return g_steal_pointer(&trust);
}

/* ---- texts about certificates ---- */

/* What a server sent, made fit for a log: printable, bounded. */
static char *name_to_text(X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *text;
	long size;

	X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253);
	size = BIO_get_mem_data(bio, &data);
	text = g_strndup(data, size < NAME_TEXT_MAX ? size : NAME_TEXT_MAX);
	BIO_free(bio);
	for (char *c = text; *c; c++)
		if (!g_ascii_isprint(*c))
			*c = '?';
	return text;
}

static char *day_to_text(int64_t seconds)
{
	time_t t = seconds;
	struct tm tm;
	char text[64];

	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d", &tm);
	return g_strdup(text);
}

static char *asn1_day_to_text(const ASN1_TIME *time)
{
	struct tm tm;
	char text[64];

	if (!ASN1_TIME_to_tm(time, &tm))
		return g_strdup("?");
	strftime(text, sizeof(text), "%Y-%m-%d", &tm);
	return g_strdup(text);
}

/* The DNS names of a certificate, for the text about a wrong one. */
static char *dns_names_to_text(X509 *x509)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
	GString *text = g_string_new(NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && text->len < NAME_TEXT_MAX; i++) {
		GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type != GEN_DNS)
			continue;
		if (text->len)
			g_string_append(text, ", ");
		g_string_append_len(text, (const char *)ASN1_STRING_get0_data(name->d.dNSName),
			MIN(ASN1_STRING_length(name->d.dNSName), NAME_TEXT_MAX));
	}
	GENERAL_NAMES_free(names);
	for (size_t i = 0; i < text->len; i++)
		if (!g_ascii_isprint(text->str[i]))
			text->str[i] = '?';
	return g_string_free(text, FALSE);
}

/* ---- TrustCheck ---- */

static int check_index(void)
{
	static size_t index;

	if (g_once_init_enter(&index))
		g_once_init_leave(&index, SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL) + 1);
	return (int)index - 1;
}

TrustCheck *trust_check_new(Trust *trust, const char *host)
{
	TrustCheck *check = g_new0(TrustCheck, 1);

	check->trust = trust_ref(trust);
	check->host = g_strdup(host);
	return check;
}

void trust_check_free(TrustCheck *check)
{
	if (!check)
		return;
	trust_unref(check->trust);
	g_free(check->host);
	g_clear_error(&check->failure);
	g_free(check);
}

void trust_check_begin(TrustCheck *check, int64_t now)
{
	check->now = now;
	g_clear_error(&check->failure);
}

const GError *trust_check_failure(TrustCheck *check)
{
	return check->failure;
}

bool trust_check_closed(const TrustCheck *check)
{
	return check->closed;
}

/* Keeps the first failure: later ones are its consequences. */
G_GNUC_PRINTF(3, 4)
static bool check_fail(TrustCheck *check, const char *hint, const char *format, ...)
{
	va_list args;

	if (check->failure)
		return false;
	va_start(args, format);
	check->failure = g_error_new_valist(SGP32_ERROR, SGP32_ERROR_TLS_UNTRUSTED, format, args);
	va_end(args);
	if (hint)
		sgp32_error_set_hint(check->failure, hint);
	return false;
}

static bool check_key(TrustCheck *check, X509 *x509)
{
	EVP_PKEY *key = x509 ? X509_get0_pubkey(x509) : NULL;

	/* The same key in another certificate is a renewal: whoever holds the key is the eIM. So an
	 * expired certificate of a pinned key is none of our business either. */
	if (key && EVP_PKEY_eq(key, check->trust->key) == 1)
		return true;
	ERR_clear_error();
	return check_fail(check,
		"if the eIM has changed its TLS key, its configuration on the eUICC must be updated (updateEim)",
		"%s does not have the TLS key that is pinned for it", check->host);
}

static bool host_is_address(const char *host)
{
	uint8_t address[16];

	return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

static bool check_fail_name(TrustCheck *check, X509 *x509)
{
	g_autofree char *names = dns_names_to_text(x509);

	return check_fail(check, "check the address of the server",
		"the certificate of %s is for another host (%s)", check->host,
		*names ? names : "no DNS name in it");
}

static bool check_fail_chain(TrustCheck *check, int code, X509 *at)
{
	g_autofree char *issuer = at ? name_to_text(X509_get_issuer_name(at)) : g_strdup("?");
	g_autofree char *subject = at ? name_to_text(X509_get_subject_name(at)) : g_strdup("?");
	g_autofree char *today = day_to_text(check->now);
	g_autofree char *day = NULL;

	switch (code) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		day = at ? asn1_day_to_text(X509_get0_notAfter(at)) : g_strdup("?");
		return check_fail(check,
			"check the clock of this device; else the server has to renew it",
			"the certificate of %s has expired: %s was valid until %s, today is %s",
			check->host, subject, day, today);
	case X509_V_ERR_CERT_NOT_YET_VALID:
		day = at ? asn1_day_to_text(X509_get0_notBefore(at)) : g_strdup("?");
		return check_fail(check, "check the clock of this device",
			"the certificate of %s is not yet valid: %s begins on %s, today is %s",
			check->host, subject, day, today);
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		return check_fail(check,
			check->trust->kind == TRUST_SYSTEM
				? "install its CA among the certificates of the system"
				: "add the certificate of its issuer to the trusted ones, if it is the right server",
			"the certificate of %s was issued by one that is not trusted: %s",
			check->host, issuer);
	case X509_V_ERR_INVALID_PURPOSE:
		return check_fail(check, NULL, "the certificate of %s is not one for a TLS server",
			check->host);
	default:
		return check_fail(check, NULL, "the certificate of %s is not trusted: %s (%s)",
			check->host, X509_verify_cert_error_string(code), subject);
	}
}

/* Called by OpenSSL in place of its own verification, in each full handshake. */
static int verify_certificate(X509_STORE_CTX *ctx, void *arg)
{
	TrustCheck *check = arg;
	X509 *x509 = X509_STORE_CTX_get0_cert(ctx);
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	int code;

	if (check->trust->key) {
		bool ok = check_key(check, x509);

		X509_STORE_CTX_set_error(ctx, ok ? X509_V_OK : X509_V_ERR_CERT_UNTRUSTED);
		return ok;
	}

	X509_VERIFY_PARAM_set_time(param, check->now);
	/* The anchor is what was configured, be it self-signed or not. */
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
	X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER);
	X509_VERIFY_PARAM_set_hostflags(
		param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (host_is_address(check->host))
		X509_VERIFY_PARAM_set1_ip_asc(param, check->host);
	else
		X509_VERIFY_PARAM_set1_host(param, check->host, 0);

	if (X509_verify_cert(ctx) == 1)
		return 1;
	code = X509_STORE_CTX_get_error(ctx);
	if (code == X509_V_OK) {
		code = X509_V_ERR_UNSPECIFIED;
		X509_STORE_CTX_set_error(ctx, code);
	}
	if (code == X509_V_ERR_HOSTNAME_MISMATCH || code == X509_V_ERR_IP_ADDRESS_MISMATCH) {
		check_fail_name(check, x509);
	} else {
		X509 *at = X509_STORE_CTX_get_current_cert(ctx);

		check_fail_chain(check, code, at ? at : x509);
	}
	return 0;
}

/* Tells a server that we cannot agree with from a connection that was lost. */
static void watch_handshake(const SSL *ssl, int where, int ret)
{
	TrustCheck *check = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), check_index());
	static const char hint[] = "the server must speak TLS 1.2 or later with ECDHE and AES-GCM";
	unsigned long code;

	if (where == SSL_CB_READ_ALERT && (ret & 0xff) == SSL_AD_CLOSE_NOTIFY)
		check->closed = true;
	if (where == SSL_CB_READ_ALERT && ret >> 8 == SSL3_AL_FATAL && SSL_in_init((SSL *)ssl)) {
		check_fail(check, hint, "%s refuses the TLS handshake: %s", check->host,
			SSL_alert_desc_string_long(ret));
		return;
	}
	if (where != SSL_CB_CONNECT_EXIT || ret > 0 || !(code = ERR_peek_error()))
		return;
	if (ERR_GET_LIB(code) == ERR_LIB_SSL &&
		ERR_GET_REASON(code) != SSL_R_UNEXPECTED_EOF_WHILE_READING)
		check_fail(check, hint, "the TLS handshake with %s fails: %s", check->host,
			ERR_reason_error_string(code));
}

bool trust_check_configure(TrustCheck *check, SSL_CTX *ctx, GError **error)
{
	/* Of the two versions OpenSSL takes the one that fits the method of the context. */
	bool ok = SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) &&
		SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION) &&
		SSL_CTX_set_cipher_list(ctx, tls12_suites) &&
		SSL_CTX_set_ciphersuites(ctx, tls13_suites) &&
		SSL_CTX_set1_groups_list(ctx, groups) &&
		SSL_CTX_set_ex_data(ctx, check_index(), check) &&
		(!check->trust->anchors ||
			SSL_CTX_set1_verify_cert_store(ctx, check->trust->anchors));

	if (!ok) {
		unsigned long code = ERR_get_error();

		ERR_clear_error();
		return sgp32_fail(error, SGP32_ERROR_FAILED, "cannot prepare TLS: %s",
			code ? ERR_reason_error_string(code) : "OpenSSL does not say why");
	}
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, verify_certificate, check);
	SSL_CTX_set_info_callback(ctx, watch_handshake);
	/* Renegotiation and padding cost octets and serve nothing here. */
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_clear_options(ctx, SSL_OP_TLSEXT_PADDING);
	return true;
}

bool trust_check_finished(TrustCheck *check, SSL *ssl, GError **error)
{
	/* A resumed handshake brings no certificate: this one is the session's. */
	X509 *x509 = SSL_get0_peer_certificate(ssl);
	time_t now = check->now;
	long result = SSL_get_verify_result(ssl);
	bool ok;

	check->closed = false;
	if (!SSL_is_init_finished(ssl) || !x509)
		ok = check_fail(check, NULL, "%s has shown no certificate", check->host);
	else if (check->trust->key)
		ok = check_key(check, x509);
	else if (result != X509_V_OK)
		ok = check_fail_chain(check, result, x509);
	else if (X509_cmp_time(X509_get0_notAfter(x509), &now) < 0)
		ok = check_fail_chain(check, X509_V_ERR_CERT_HAS_EXPIRED, x509);
	else if (host_is_address(check->host)
			? X509_check_ip_asc(x509, check->host, 0) != 1
			: X509_check_host(x509, check->host, 0,
				  X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
					  X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS,
				  NULL) != 1)
		ok = check_fail_name(check, x509);
	else
		ok = true;
	if (!ok && error)
		*error = g_error_copy(check->failure);
	return ok;
}
