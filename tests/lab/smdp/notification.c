/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lab/smdp/smdp.h"

#include <string.h>

#define NOTIFICATIONS_MAX 2000

static void set_problem(json_t *entry, const char *problem)
{
	state_set_string(entry, "problem", problem);
	state_set_flag(entry, "verified", false);
}

/* Octet for octet: a card that starts anew, with the same EID, counts from one again. */
static bool seen_before(LabServer *server, json_t *entry)
{
	json_t *item;
	size_t i;

	json_array_foreach(state_array(server->state, "notifications"), i, item)
	{
		if (state_flag(item, "verified") &&
			g_strcmp0(state_string(item, "digest"), state_string(entry, "digest")) == 0)
			return true;
	}
	return false;
}

/* ---- ProfileInstallationResult ---- */
static bool verified_by_binding(json_t *profile, Span data, Span signature)
{
	g_autoptr(GBytes) der = state_octets(state_object(profile, "binding"), "euiccCertificate");
	g_autoptr(X509) euicc = der ? crypto_certificate_from_der(span_of(der), NULL) : NULL;

	return euicc && crypto_verify(crypto_certificate_key(euicc), data, signature, NULL);
}

static bool names_us(LabServer *server, Span oid)
{
	for (unsigned i = 0; i < server->pki->n_sets; i++)
		if (span_equal(span_of(server->pki->sets[i].oid), oid))
			return true;
	return false;
}

static void apply_result(LabServer *server, json_t *entry, const NoticePir *pir)
{
	g_autofree char *hex = hex_encode(pir->transaction_id);
	g_autofree char *id = g_ascii_strup(hex, -1);
	json_t *profile = order_by_transaction(server, id);

	state_set_string(entry, "transactionId", id);
	if (!profile) {
		set_problem(entry, "no download with this transactionId");
		return;
	}
	/* An error result may have no ICCID: the transaction says which profile it is about. */
	state_set_string(entry, "iccid", state_string(profile, "iccid"));
	state_set_string(entry, "eid", state_string(profile, "eid"));
	if (!verified_by_binding(profile, pir->data, pir->signature)) {
		set_problem(entry, "euiccSignPIR does not verify");
	} else if (!names_us(server, pir->smdp_oid)) {
		set_problem(entry, "the smdpOid is not ours");
	} else {
		state_set_flag(entry, "verified", true);
		state_set_string(entry, "result", pir->ok ? "ok" : pir->error);
		/* What was only interrupted may be tried again. */
		if (!seen_before(server, entry))
			order_set_state(server, profile,
				pir->ok                                                ? "installed"
					: g_str_has_prefix(pir->error, "interruption") ? "released"
										       : "error",
				pir->error);
	}
}

static void take_result(LabServer *server, json_t *entry, Span value)
{
	NoticePir pir;

	state_set_string(entry, "event", "install");
	if (!notice_pir(value, &pir)) {
		set_problem(entry, "malformed ProfileInstallationResult");
		return;
	}
	if (!notice_metadata(entry, pir.metadata))
		set_problem(entry, "malformed NotificationMetadata");
	else
		apply_result(server, entry, &pir);
	notice_pir_clear(&pir);
}

/* ---- OtherSignedNotification ---- */
static bool check_other(LabServer *server, json_t *entry, Span value)
{
	Tlv parts[4];
	static const uint32_t tags[] = { 0xBF2F, 0x5F37, 0x30, 0x30 };
	g_autoptr(X509) euicc = NULL, eum = NULL;
	g_autoptr(GError) error = NULL;
	g_autofree char *eid_text = NULL;
	uint8_t eid[16];
	bool eum_is_bad;

	for (size_t i = 0; i < G_N_ELEMENTS(tags); i++) {
		if (!der_next(&value, &parts[i], NULL) || parts[i].tag != tags[i]) {
			set_problem(entry, "malformed OtherSignedNotification");
			return false;
		}
	}
	if (!notice_metadata(entry, parts[0].value)) {
		set_problem(entry, "malformed NotificationMetadata");
		return false;
	}
	euicc = crypto_certificate_from_der(parts[2].whole, NULL);
	eum = crypto_certificate_from_der(parts[3].whole, NULL);
	if (!euicc || !eum ||
		pki_check_euicc(server->pki, euicc, eum, (Span) { NULL, 0 }, 0, NULL, &eum_is_bad,
			&error) != CERT_OK ||
		!cert_eid(euicc, eid, &error)) {
		set_problem(entry, error ? error->message : "malformed certificate");
		return false;
	}
	eid_text = eid_to_text(SPAN_ARRAY(eid));
	state_set_string(entry, "eid", eid_text);
	if (!crypto_verify(crypto_certificate_key(euicc), parts[0].whole, parts[1].value, NULL)) {
		set_problem(entry, "the signature does not verify");
		return false;
	}
	state_set_flag(entry, "verified", true);
	return true;
}

static void take_other(LabServer *server, json_t *entry, Span value)
{
	static const struct {
		const char *event, *state;
	} states[] = { { "enable", "enabled" }, { "disable", "disabled" },
		{ "delete", "deleted" } };
	json_t *profile;

	if (!check_other(server, entry, value))
		return;
	profile = order_by_iccid(server, state_string(entry, "iccid"));
	if (!profile || seen_before(server, entry))
		return;
	for (size_t i = 0; i < G_N_ELEMENTS(states); i++)
		if (g_strcmp0(state_string(entry, "event"), states[i].event) == 0)
			order_set_state(server, profile, states[i].state, NULL);
}

void notification_take(LabServer *server, Span pending)
{
	json_t *list = state_array(server->state, "notifications");
	json_t *entry = json_object();
	uint8_t digest[32];
	Tlv tlv;

	state_stamp(entry);
	state_set_string(entry, "event", "unknown");
	crypto_sha256(pending, digest);
	state_set_octets(entry, "digest", SPAN_ARRAY(digest));
	if (!der_single(pending, &tlv, NULL))
		set_problem(entry, "not one TLV");
	else if (tlv.tag == 0xBF37)
		take_result(server, entry, tlv.value);
	else if (tlv.tag == 0x30)
		take_other(server, entry, tlv.value);
	else
		set_problem(entry, "not a PendingNotification");
	if (seen_before(server, entry))
		state_set_flag(entry, "repeated", true);
	json_array_append_new(list, entry);
	while (json_array_size(list) > NOTIFICATIONS_MAX)
		json_array_remove(list, 0);
	lab_server_save(server);
	lab_server_log(server, NULL, "notification: %s, seq %d, %s", state_string(entry, "event"),
		(int)state_integer(entry, "seq"),
		state_string(entry, "problem") ? state_string(entry, "problem") : "verified");
}
