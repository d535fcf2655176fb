/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-server.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#define SMDP_OID "2.999.10"

struct Es9plus {
	char *address;
};

FakeSmdp *fake_smdp_new(const char *address)
{
	FakeSmdp *smdp = g_new0(FakeSmdp, 1);

	smdp->address = g_strdup(address);
	smdp->matching_id = g_strdup("MATCH-1");
	smdp->iccid = g_strdup("8944500000000000011");
	smdp->elements = 3;
	smdp->log = g_string_new(NULL);
	smdp->notified = g_array_new(FALSE, FALSE, sizeof(int64_t));
	smdp->notices = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	smdp->cancel_reason = -1;
	return smdp;
}

void fake_smdp_free(FakeSmdp *smdp)
{
	if (!smdp)
		return;
	g_free(smdp->address);
	g_free(smdp->matching_id);
	g_free(smdp->iccid);
	g_free(smdp->code);
	g_free(smdp->signs_address);
	g_clear_pointer(&smdp->metadata, g_bytes_unref);
	g_string_free(smdp->log, TRUE);
	g_array_unref(smdp->notified);
	g_ptr_array_unref(smdp->notices);
	g_free(smdp);
}

GBytes *fake_smdp_metadata(const char *iccid, int rules)
{
	char ppr[16];
	int octet = 0;

	for (int i = 0; i < 8; i++)
		if (rules >> i & 1)
			octet |= 0x80 >> i;
	g_snprintf(ppr, sizeof(ppr), "990200%02x", octet);
	return tlv(0xbf25, tlv_iccid(iccid), tlv_text(0x91, "Operator"),
		tlv_text(0x92, "Fresh profile"), tlv_hex("b705800322f810"),
		rules ? tlv_hex(ppr) : NULL, NULL);
}

/* ---- certificates: made once ---- */

static X509 *make_certificate(EVP_PKEY *key, bool ca)
{
	X509 *x509 = X509_new();
	X509_NAME *name = X509_get_subject_name(x509);
	X509_EXTENSION *extension;
	X509V3_CTX context;

	X509_set_version(x509, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
	X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x509), 86400);
	X509_NAME_add_entry_by_txt(
		name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
	X509_set_issuer_name(x509, name);
	X509_set_pubkey(x509, key);
	X509V3_set_ctx(&context, x509, x509, NULL, NULL, 0);
	extension = ca
		? X509V3_EXT_conf_nid(NULL, &context, NID_basic_constraints, "critical,CA:TRUE")
		: X509V3_EXT_conf_nid(NULL, &context, NID_subject_alt_name, "RID:" SMDP_OID);
	g_assert_nonnull(extension);
	X509_add_ext(x509, extension, -1);
	X509_EXTENSION_free(extension);
	g_assert_cmpint(X509_sign(x509, key, EVP_sha256()), >, 0);
	return x509;
}

void fake_smdp_write_ca(const char *path)
{
	static char *pem;
	static long size;
	g_autoptr(GError) error = NULL;

	if (!pem) {
		EVP_PKEY *key = EVP_EC_gen("P-256");
		X509 *ca = make_certificate(key, true);
		BIO *bio = BIO_new(BIO_s_mem());
		char *at;

		g_assert_cmpint(PEM_write_bio_X509(bio, ca), ==, 1);
		size = BIO_get_mem_data(bio, &at);
		pem = g_strndup(at, size);
		BIO_free(bio);
		X509_free(ca);
		EVP_PKEY_free(key);
	}
	g_assert_true(
		g_file_set_contents_full(path, pem, size, G_FILE_SET_CONTENTS_NONE, 0600, &error));
}

static GBytes *server_certificate(void)
{
	static uint8_t der[2048];
	static int size;

	if (!size) {
		EVP_PKEY *key = EVP_EC_gen("P-256");
		X509 *x509 = make_certificate(key, false);
		unsigned char *at = der;

		size = i2d_X509(x509, &at);
		g_assert_cmpint(size, <, (int)sizeof(der));
		X509_free(x509);
		EVP_PKEY_free(key);
	}
	return g_bytes_new(der, size);
}

/* ---- es9plus.h ---- */

Es9plus *es9plus_new(const Es9plusPeer *peer, Http *http, GError **error)
{
	Es9plus *es9plus;

	g_assert_nonnull(peer->trust);
	if (!peer->address[0] || strchr(peer->address, ' ')) {
		sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "That is no address");
		return NULL;
	}
	es9plus = g_new0(Es9plus, 1);
	es9plus->address = g_strdup(peer->address);
	return es9plus;
}

void es9plus_free(Es9plus *es9plus)
{
	if (!es9plus)
		return;
	g_free(es9plus->address);
	g_free(es9plus);
}

const char *es9plus_address(const Es9plus *es9plus)
{
	return es9plus->address;
}

static FakeSmdp *reach(Es9plus *es9plus, GError **error)
{
	FakeSmdp *smdp = fake_servers_smdp(es9plus->address);

	if (!smdp || smdp->down) {
		sgp32_fail(error, SGP32_ERROR_NETWORK_UNAVAILABLE, "%s cannot be reached",
			es9plus->address);
		return NULL;
	}
	return smdp;
}

static bool refuse(Sgp32Error code, GError **error)
{
	sgp32_fail(error, code, "The server refused");
	if (error)
		sgp32_error_set_codes(*error, "8.2.6", "3.8");
	return false;
}

static GBytes *transaction(FakeSmdp *smdp)
{
	uint8_t id[4] = { 0xaa, 0xbb, 0xcc, smdp->transactions };

	return g_bytes_new(id, sizeof(id));
}

static bool is_transaction(FakeSmdp *smdp, Span id)
{
	g_autoptr(GBytes) own = transaction(smdp);

	return span_equal(span_of(own), id);
}

bool es9plus_initiate_authentication(Es9plus *es9plus, Span euicc_challenge, Span euicc_info1,
	PostCancel *cancel, RspInitiated *ret, GError **error)
{
	g_autoptr(GBytes) id = NULL;
	uint8_t challenge[16] = { 0x11 };
	FakeSmdp *smdp;
	Fault after;

	if (!fake_call_begin("initiate", cancel, &after, error))
		return false;
	smdp = reach(es9plus, error);
	if (!smdp)
		return false;
	g_string_append(smdp->log, "initiate ");
	g_assert_cmpuint(euicc_challenge.size, ==, 16);
	g_assert_cmphex(euicc_info1.data[0], ==, 0xbf);
	smdp->transactions++;
	if (!fake_call_end(after, cancel, error))
		return false;
	id = transaction(smdp);
	if (!smdp->signs_challenge)
		memcpy(challenge, euicc_challenge.data, sizeof(challenge));
	ret->transaction_id = g_bytes_ref(id);
	ret->server_signed1 = tlv(0x30,
		smdp->signs_transaction ? tlv_hex("8003010203") : tlv_octets(0x80, span_of(id)),
		tlv_octets(0x81, SPAN_ARRAY(challenge)),
		tlv_text(0x83, smdp->signs_address ? smdp->signs_address : smdp->address),
		tlv_octets(0x84, SPAN_ARRAY(challenge)), NULL);
	ret->server_signature1 = tlv_signature();
	ret->euicc_ci_pk_id_to_be_used = tlv_hex("0414f54172bdf98a95d65cbeb88a38a1c11d800a85c3");
	ret->server_certificate = server_certificate();
	return true;
}

static GBytes *metadata_of(FakeSmdp *smdp)
{
	return smdp->metadata ? g_bytes_ref(smdp->metadata) : fake_smdp_metadata(smdp->iccid, 0);
}

bool es9plus_authenticate_client(Es9plus *es9plus, Span transaction_id,
	Span authenticate_server_response, PostCancel *cancel, RspAuthenticated *ret,
	GError **error)
{
	g_autoptr(Msg) msg = NULL;
	FakeSmdp *smdp;
	Span matching_id;
	Fault after;

	if (!fake_call_begin("client", cancel, &after, error))
		return false;
	smdp = reach(es9plus, error);
	if (!smdp)
		return false;
	g_string_append(smdp->log, "client ");
	g_assert_true(is_transaction(smdp, transaction_id));
	msg = msg_decode(&AUTHENTICATE_SERVER_RESPONSE, authenticate_server_response, NULL);
	g_assert_nonnull(msg);
	matching_id = MSG_BODY(msg, AuthenticateServerResponse)
			      ->authenticate_response_ok->euicc_signed1->ctx_params1
			      ->ctx_params_for_common_authentication->matching_id;
	if (!fake_call_end(after, cancel, error))
		return false;
	if (smdp->refuses_client)
		return refuse(smdp->refuses_client, error);
	/* An order without a matching id is found by the EID; one that is done is gone. */
	if ((matching_id.size && !span_equal(matching_id, span_string(smdp->matching_id))) ||
		smdp->installed)
		return refuse(SGP32_ERROR_SERVER_REFUSED, error);
	if (smdp->gives_events) {
		ret->events = g_ptr_array_new_with_free_func((GDestroyNotify)rsp_event_free);
		return true;
	}
	ret->profile_metadata = metadata_of(smdp);
	ret->smdp_signed2 = tlv(0x30,
		smdp->signs2_transaction ? tlv_hex("8003010203") : tlv_octets(0x80, transaction_id),
		tlv_hex(smdp->code ? "0101ff" : "010100"), NULL);
	ret->smdp_signature2 = tlv_signature();
	ret->smdp_certificate = server_certificate();
	return true;
}

static GBytes *bound_profile_package(FakeSmdp *smdp)
{
	static const uint8_t mac[8] = { 0 };
	g_autoptr(GBytes) metadata = smdp->swaps_metadata
		? fake_smdp_metadata("8944500000000000029", 0)
		: metadata_of(smdp);
	g_autoptr(GBytes) stored = tlv_concat(g_bytes_ref(metadata), g_bytes_new(mac, 8));
	GPtrArray *elements = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	g_autoptr(GBytes) id = transaction(smdp);
	uint8_t point[65] = { 0x04 }, element[300] = { 0 };

	for (unsigned i = 0; i < smdp->elements; i++)
		g_ptr_array_add(elements, tlv_octets(0x86, SPAN_ARRAY(element)));
	return tlv(0xbf36,
		tlv(0xbf23, tlv_number(0x82, 1), tlv_octets(0x80, span_of(id)),
			tlv_hex("a60a 800188 810110 84021122"),
			tlv_octets(0x5f49, SPAN_ARRAY(point)), tlv_signature(), NULL),
		tlv(0xa0, tlv_octets(0x87, span(element, 24)), NULL),
		tlv(0xa1, tlv_octets(0x88, span_of(stored)), NULL),
		tlv(0xa3, tlv_all(elements), NULL), NULL);
}

GBytes *es9plus_get_bound_profile_package(Es9plus *es9plus, Span transaction_id,
	Span prepare_download_response, PostCancel *cancel, GError **error)
{
	g_autoptr(Msg) msg = NULL;
	FakeSmdp *smdp;
	Fault after;

	if (!fake_call_begin("package", cancel, &after, error))
		return NULL;
	smdp = reach(es9plus, error);
	if (!smdp)
		return NULL;
	g_string_append(smdp->log, "package ");
	g_assert_true(is_transaction(smdp, transaction_id));
	msg = msg_decode(&PREPARE_DOWNLOAD_RESPONSE, prepare_download_response, NULL);
	g_assert_nonnull(msg);
	smdp->packages++;
	if (!fake_call_end(after, cancel, error))
		return NULL;
	if (smdp->refuses_package) {
		refuse(smdp->refuses_package, error);
		return NULL;
	}
	if (smdp->code) {
		const EuiccSigned2 *signed2 =
			MSG_BODY(msg, PrepareDownloadResponse)->download_response_ok->euicc_signed2;
		g_autoptr(GChecksum) inner = g_checksum_new(G_CHECKSUM_SHA256),
				     outer = g_checksum_new(G_CHECKSUM_SHA256);
		uint8_t digest[32];
		gsize size = sizeof(digest);

		g_checksum_update(inner, (const guchar *)smdp->code, -1);
		g_checksum_get_digest(inner, digest, &size);
		g_checksum_update(outer, digest, sizeof(digest));
		g_checksum_update(outer, transaction_id.data, transaction_id.size);
		size = sizeof(digest);
		g_checksum_get_digest(outer, digest, &size);
		if (!span_equal(signed2->hash_cc, SPAN_ARRAY(digest))) {
			refuse(SGP32_ERROR_CONFIRMATION_CODE_WRONG, error);
			return NULL;
		}
	}
	return bound_profile_package(smdp);
}

bool es9plus_handle_notification(
	Es9plus *es9plus, Span pending_notification, PostCancel *cancel, GError **error)
{
	g_autoptr(Msg) msg = NULL;
	const NotificationMetadata *metadata;
	const ProfileInstallationResult *result;
	FakeSmdp *smdp;
	int64_t seq;
	Fault after;
	bool known = false;

	if (!fake_call_begin("notify", cancel, &after, error))
		return false;
	smdp = reach(es9plus, error);
	if (!smdp)
		return false;
	g_string_append(smdp->log, "notify ");
	if (smdp->refuses_notifications)
		return refuse(smdp->refuses_notifications, error);
	msg = msg_decode(&PENDING_NOTIFICATION, pending_notification, NULL);
	g_assert_nonnull(msg);
	result = MSG_BODY(msg, PendingNotification)->profile_installation_result;
	metadata = result ? result->profile_installation_result_data->notification_metadata
			  : MSG_BODY(msg, PendingNotification)
				    ->other_signed_notification->tbs_other_notification;
	g_autofree char *address = span_to_string(metadata->notification_address);
	g_assert_cmpint(g_ascii_strcasecmp(address, smdp->address), ==, 0);
	seq = metadata->seq_number.value;
	for (guint i = 0; i < smdp->notified->len; i++)
		known = known || g_array_index(smdp->notified, int64_t, i) == seq;
	g_array_append_val(smdp->notified, seq);
	g_ptr_array_add(smdp->notices, span_to_bytes(pending_notification));
	if (result && !known) {
		if (result->profile_installation_result_data->final_result->success_result)
			smdp->installed++;
		else
			smdp->failed++;
	}
	return fake_call_end(after, cancel, error);
}

bool es9plus_cancel_session(Es9plus *es9plus, Span transaction_id, Span cancel_session_response,
	PostCancel *cancel, GError **error)
{
	g_autoptr(Msg) msg = NULL;
	FakeSmdp *smdp;
	Fault after;

	if (!fake_call_begin("cancel", cancel, &after, error))
		return false;
	smdp = reach(es9plus, error);
	if (!smdp)
		return false;
	g_string_append(smdp->log, "cancel ");
	g_assert_true(is_transaction(smdp, transaction_id));
	msg = msg_decode(&CANCEL_SESSION_RESPONSE, cancel_session_response, NULL);
	g_assert_nonnull(msg);
	smdp->cancels++;
	smdp->cancel_reason =
		MSG_BODY(msg, CancelSessionResponse)
			->cancel_session_response_ok->euicc_cancel_session_signed->reason.value;
	return fake_call_end(after, cancel, error);
}
