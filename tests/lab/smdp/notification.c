/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lab/smdp/smdp.h"

#include <string.h>

#define NOTIFICATIONS_MAX 2000

static const char *event_word(Span bits)
{
	static const char *const words[] = { "install", "enable", "disable", "delete" };

	for (int i = 0; i < 4; i++)
		if (bits.size >= 2 && bits.data[1] & 0x80 >> i)
			return words[i];
	return "unknown";
}

/* NotificationMetadata BF2F into entry. */
static bool read_metadata(json_t *entry, Span value)
{
	Tlv seq, event, address, iccid;
	int64_t number;

	if (!der_find(value, 0x80, &seq) || !rsp_integer(seq.value, &number) ||
		!der_find(value, 0x81, &event) || !der_find(value, 0x0C, &address))
		return false;
	state_set_integer(entry, "seq", number);
	state_set_string(entry, "event", event_word(event.value));
	{
		g_autofree char *text = span_to_string(address.value);

		state_set_string(entry, "address", text);
	}
	if (der_find(value, 0x5A, &iccid) && iccid.value.size == 10) {
		g_autofree char *text = iccid_to_text(iccid.value);

		state_set_string(entry, "iccid", text);
	}
	return true;
}

static void set_problem(json_t *entry, const char *problem)
{
	state_set_string(entry, "problem", problem);
	state_set_flag(entry, "verified", false);
}

/* ---- ProfileInstallationResult ---- */
static const char *const error_reasons[] = { "?", "incorrectInputValues", "invalidSignature",
	"invalidTransactionId", "unsupportedCrtValues", "unsupportedRemoteOperationType",
	"unsupportedProfileClass", "scp03tStructureError", "scp03tSecurityError",
	"iccidAlreadyExistsOnEuicc", "insufficientMemory", "interruption", "peProcessingError",
	"dataMismatch", "testProfileInvalidNaaKey", "pprNotAllowed" };

static const char *const commands[] = { "initialiseSecureChannel", "configureISDP", "storeMetadata",
	"storeMetadata2", "replaceSessionKeys", "loadProfileElements" };

static char *error_text(Span arm)
{
	Tlv tlv;
	int64_t command = -1, reason = -1;

	if (der_find(arm, 0x80, &tlv))
		(void)rsp_integer(tlv.value, &command);
	if (der_find(arm, 0x81, &tlv))
		(void)rsp_integer(tlv.value, &reason);
	return g_strdup_printf("%s (%d) in %s (%d)",
		reason > 0 && reason < (int64_t)G_N_ELEMENTS(error_reasons) ? error_reasons[reason]
									    : "undefinedError",
		(int)reason,
		command >= 0 && command < (int64_t)G_N_ELEMENTS(commands) ? commands[command] : "?",
		(int)command);
}

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

static void take_result(LabServer *server, json_t *entry, Span value)
{
	Tlv data, transaction, metadata, oid, result, arm;
	g_autofree char *hex = NULL, *id = NULL, *text = NULL;
	json_t *profile;
	Span signature;

	state_set_string(entry, "event", "install");
	if (!der_find(value, 0xBF27, &data) || !rsp_signature(value, &signature) ||
		!der_find(data.value, 0x80, &transaction) ||
		!der_find(data.value, 0xBF2F, &metadata) || !read_metadata(entry, metadata.value) ||
		!der_find(data.value, 0x06, &oid) || !der_find(data.value, 0xA2, &result)) {
		set_problem(entry, "malformed ProfileInstallationResult");
		return;
	}
	hex = hex_encode(transaction.value);
	id = g_ascii_strup(hex, -1);
	state_set_string(entry, "transactionId", id);
	profile = order_by_transaction(server, id);
	if (!profile) {
		set_problem(entry, "no download with this transactionId");
		return;
	}
	/* An error result may have no ICCID: the transaction says which profile it is about. */
	state_set_string(entry, "iccid", state_string(profile, "iccid"));
	state_set_string(entry, "eid", state_string(profile, "eid"));
	if (!verified_by_binding(profile, data.whole, signature)) {
		set_problem(entry, "euiccSignPIR does not verify");
		return;
	}
	if (!names_us(server, oid.value)) {
		set_problem(entry, "the smdpOid is not ours");
		return;
	}
	state_set_flag(entry, "verified", true);
	if (der_find(result.value, 0xA0, &arm)) {
		state_set_string(entry, "result", "ok");
		order_set_state(server, profile, "installed", NULL);
	} else if (der_find(result.value, 0xA1, &arm)) {
		text = error_text(arm.value);
		state_set_string(entry, "result", text);
		order_set_state(server, profile, "error", text);
	} else {
		set_problem(entry, "finalResult is malformed");
	}
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
	if (!read_metadata(entry, parts[0].value)) {
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

static bool seen_before(LabServer *server, json_t *entry)
{
	json_t *item;
	size_t i;

	json_array_foreach(state_array(server->state, "notifications"), i,
		item) if (state_flag(item, "verified") &&
		state_integer(item, "seq") == state_integer(entry, "seq") &&
		g_strcmp0(state_string(item, "eid"), state_string(entry, "eid")) == 0) return true;
	return false;
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
	Tlv tlv;

	state_stamp(entry);
	state_set_string(entry, "event", "unknown");
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
