/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lab/eim/eim.h"

#include <string.h>

#include "asn1/der.h"
#include "lab/common/notice.h"

#define NOTIFICATIONS_MAX 1000

EVP_PKEY *device_key(json_t *device)
{
	g_autoptr(GBytes) der = state_octets(device, "euiccCertificate");
	g_autoptr(X509) certificate = der ? crypto_certificate_from_der(span_of(der), NULL) : NULL;

	if (!certificate)
		return NULL;
	EVP_PKEY_up_ref(crypto_certificate_key(certificate));
	return crypto_certificate_key(certificate);
}

static bool verified(json_t *device, Span data, Span signature)
{
	g_autoptr(EVP_PKEY) key = device_key(device);

	return key && crypto_verify(key, data, signature, NULL);
}

char *pir_check(json_t *device, Span bf37, bool *ret_ok, bool *ret_verified)
{
	NoticePir pir;
	char *text;
	Tlv tlv;

	*ret_ok = *ret_verified = false;
	if (!der_single(bf37, &tlv, NULL) || !notice_pir(tlv.value, &pir))
		return g_strdup("malformed ProfileInstallationResult");
	*ret_ok = pir.ok;
	*ret_verified = verified(device, pir.data, pir.signature);
	text = pir.ok ? g_strdup("installed") : g_strdup(pir.error);
	notice_pir_clear(&pir);
	return text;
}

/* ---- forms ---- */
static void read_install(json_t *device, json_t *entry, const Tlv *tlv)
{
	NoticePir pir;

	state_set_string(entry, "event", "install");
	if (!notice_pir(tlv->value, &pir)) {
		state_set_string(entry, "problem", "malformed ProfileInstallationResult");
		return;
	}
	if (!notice_metadata(entry, pir.metadata))
		state_set_string(entry, "problem", "malformed NotificationMetadata");
	state_set_string(entry, "result", pir.ok ? "ok" : pir.error);
	state_set_flag(entry, "verified", verified(device, pir.data, pir.signature));
	notice_pir_clear(&pir);
}

/* 30{BF2F,5F37,30,30}, and the compact A1{[5A],BF2F,5F37}: the certificate is the one that was learned. */
static void read_other(json_t *device, json_t *entry, const Tlv *tlv)
{
	Span signature;
	Tlv metadata;

	if (!der_find(tlv->value, 0xBF2F, &metadata) || !notice_signature(tlv->value, &signature) ||
		!notice_metadata(entry, metadata.value)) {
		state_set_string(entry, "problem", "malformed OtherSignedNotification");
		return;
	}
	state_set_flag(entry, "verified", verified(device, metadata.whole, signature));
}

/* A0{A0{80 txid,02 seq,…},5F37}: what was signed cannot be made again without the session. */
static void read_compact_install(json_t *entry, const Tlv *tlv)
{
	int64_t number;
	Tlv data, seq;

	state_set_string(entry, "event", "install");
	state_set_flag(entry, "compact", true);
	if (!der_find(tlv->value, 0xA0, &data) && !der_find(tlv->value, 0x30, &data)) {
		state_set_string(entry, "problem", "malformed CompactProfileInstallationResult");
		return;
	}
	if (der_find(data.value, 0x02, &seq) && notice_integer(seq.value, &number))
		state_set_integer(entry, "seq", number);
}

/* Octet for octet: a card that starts anew, with the same EID, counts from one again. */
static json_t *find_same(json_t *list, json_t *entry)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (g_strcmp0(state_string(item, "octets"), state_string(entry, "octets")) == 0)
			return item;
	}
	return NULL;
}

json_t *notification_keep(LabServer *server, json_t *device, Span pending, const char *via)
{
	json_t *list = state_array(device, "notifications"), *entry = json_object(), *known;
	Tlv tlv;

	state_stamp(entry);
	state_set_string(entry, "event", "unknown");
	state_set_string(entry, "via", via);
	if (!der_single(pending, &tlv, NULL))
		state_set_string(entry, "problem", "not one TLV");
	else if (tlv.tag == 0xBF37)
		read_install(device, entry, &tlv);
	else if (tlv.tag == 0x30 || tlv.tag == 0xA1)
		read_other(device, entry, &tlv);
	else if (tlv.tag == 0xA0)
		read_compact_install(entry, &tlv);
	else
		state_set_string(entry, "problem", "not a PendingNotification");
	state_set_octets(entry, "octets", pending);
	known = find_same(list, entry);
	if (known) {
		state_set_integer(known, "repeated", state_integer(known, "repeated") + 1);
		json_decref(entry);
		return known;
	}
	json_array_append_new(list, entry);
	while (json_array_size(list) > NOTIFICATIONS_MAX)
		json_array_remove(list, 0);
	lab_server_log(server, NULL, "%s: notification %d, %s %s%s", device_eid(device),
		(int)state_integer(entry, "seq"), state_string(entry, "event"),
		state_string(entry, "iccid") ? state_string(entry, "iccid") : "",
		state_flag(entry, "verified") ? "" : ", not verified");
	return entry;
}
