/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the IPA delivers: checked against what the eIM knows of the card, then kept with the queue's item. */
#include "lab/eim/eim.h"

#include <string.h>

#include "asn1/der.h"
#include "lab/common/notice.h"

static bool child_integer(Span parent, uint32_t tag, int64_t *ret)
{
	Tlv tlv;

	return der_find(parent, tag, &tlv) && notice_integer(tlv.value, ret);
}

/* ---- EuiccPackageResult ---- */
typedef struct Result {
	Span whole, value; /* the signed 30 */
	Span signature;
	int64_t counter;
	json_t *item; /* NULL: it belongs to no package */
} Result;

static bool is_ours(LabServer *server, Span value)
{
	Tlv id;

	return der_find(value, 0x80, &id) && span_equal(id.value, span_string(EIM(server)->id));
}

static json_t *find_item(json_t *device, Span value, int64_t counter)
{
	json_t *item = NULL;
	Tlv transaction;

	if (der_find(value, 0x82, &transaction))
		item = item_by_transaction(device, transaction.value);
	return item ? item : item_by_counter(device, counter);
}

/* arm: A0 or A1 with the signed data and the signature. */
static bool read_result(LabServer *server, json_t *device, Span arm, const char *what, Result *ret)
{
	g_autoptr(EVP_PKEY) key = device_key(device);
	g_autoptr(GBytes) tbs = NULL;
	g_autoptr(GError) error = NULL;
	Tlv data;

	if (!der_find(arm, 0x30, &data) || !notice_signature(arm, &ret->signature) ||
		!child_integer(data.value, 0x81, &ret->counter)) {
		device_error(server, device, "%s is malformed", what);
		return false;
	}
	if (!is_ours(server, data.value)) {
		device_error(server, device, "%s is for another eIM", what);
		return false;
	}
	ret->whole = data.whole;
	ret->value = data.value;
	ret->item = find_item(device, data.value, ret->counter);
	tbs = package_tbs(data.whole, device);
	if (!key || !crypto_verify(key, span_of(tbs), ret->signature, &error)) {
		device_error(server, device, "%s with counter %d: %s", what, (int)ret->counter,
			key ? error->message : "the certificate of the eUICC is not known");
		if (ret->item && !item_finished(ret->item))
			item_set_state(server, device, ret->item, "failed",
				"the eUICC's signature does not verify");
		return false;
	}
	return true;
}

static char *first_failure(json_t *results)
{
	json_t *item;
	size_t i;

	json_array_foreach(results, i, item)
	{
		const char *result = state_string(item, "result");

		if (g_strcmp0(result, "ok") != 0 && g_strcmp0(result, "lastEimDeleted") != 0)
			return decode_line(item);
	}
	return g_strdup("failed");
}

static bool is_rollback(json_t *results)
{
	json_t *item;
	size_t i;

	json_array_foreach(results, i, item)
	{
		if (g_strcmp0(state_string(item, "operation"), "rollback") == 0)
			return true;
	}
	return false;
}

static void keep_results(LabServer *server, json_t *device, const Result *result, int64_t seq)
{
	json_t *item = result->item, *results = json_array();
	g_autofree char *reason = NULL;
	bool ok = true;
	Span rest;
	Tlv list, element;

	if (der_find(result->value, 0x30, &list)) {
		rest = list.value;
		while (rest.size > 0 && der_next(&rest, &element, NULL))
			json_array_append_new(results, decode_result(element.whole, &ok, device));
	}
	if (is_rollback(results)) {
		/* It takes the place of the first result. */
		state_set_flag(item, "rolledBack", true);
		json_object_set_new(item, "rollbackResults", results);
		state_set_integer(item, "rollbackSeqNumber", seq);
		item_set_state(server, device, item, "failed", "rolled back");
		return;
	}
	json_object_set_new(item, "results", results);
	state_set_integer(item, "seqNumber", seq);
	state_set_flag(item, "verified", true);
	reason = ok ? NULL : first_failure(results);
	item_set_state(server, device, item, ok ? "done" : "failed", reason);
}

static bool seen_seq(json_t *item, int64_t seq)
{
	return (json_object_get(item, "seqNumber") && state_integer(item, "seqNumber") == seq) ||
		(json_object_get(item, "rollbackSeqNumber") &&
			state_integer(item, "rollbackSeqNumber") == seq);
}

static void take_signed(LabServer *server, json_t *device, Span arm, GArray *acks)
{
	Result result;
	int64_t seq, last = state_integer(device, "lastSeqNumber");

	if (!read_result(server, device, arm, "package result", &result))
		return;
	if (!child_integer(result.value, 0x83, &seq)) {
		device_error(server, device, "package result without seqNumber");
		return;
	}
	g_array_append_val(acks, seq);
	if (!result.item) {
		device_error(server, device, "result %d of no known package (counter %d)", (int)seq,
			(int)result.counter);
		return;
	}
	if (seen_seq(result.item, seq)) {
		state_set_integer(result.item, "repeatedResults",
			state_integer(result.item, "repeatedResults") + 1);
		device_changed(server, device);
		return;
	}
	if (seq <= last)
		device_error(server, device, "seqNumber %d after %d", (int)seq, (int)last);
	state_set_integer(device, "lastSeqNumber", MAX(seq, last));
	keep_results(server, device, &result, seq);
}

static void take_error_signed(LabServer *server, json_t *device, Span arm)
{
	g_autofree char *reason = NULL;
	Result result;
	int64_t code;

	if (!read_result(server, device, arm, "package error", &result))
		return;
	if (!child_integer(result.value, 0x02, &code)) {
		device_error(server, device, "package error without a code");
		return;
	}
	reason = g_strdup_printf("%s (%d)", decode_code("package", code), (int)code);
	if (!result.item || item_finished(result.item)) {
		device_error(
			server, device, "package with counter %d: %s", (int)result.counter, reason);
		return;
	}
	state_set_integer(result.item, "error", code);
	state_set_flag(result.item, "verified", true);
	item_set_state(server, device, result.item, "failed", reason);
}

/* The card did not accept who signed: eIM unknown, key or token wrong. It says which token it has, without
 * a signature, so what was learned is learned again. */
static void take_error_unsigned(LabServer *server, json_t *device, Span arm)
{
	json_t *item = item_sent(device, "package");
	g_autofree char *reason = NULL;
	int64_t token = 0, code = 0;
	Tlv transaction;

	if (!is_ours(server, arm)) {
		device_error(server, device, "unsigned package error for another eIM");
		return;
	}
	if (der_find(arm, 0x82, &transaction))
		item = item_by_transaction(device, transaction.value);
	if (child_integer(arm, 0x8F, &code))
		reason = g_strdup_printf("%s (%d)", decode_code("package", code), (int)code);
	else if (child_integer(arm, 0x84, &token))
		reason = g_strdup_printf(
			"the card refused the signature (its token is %d)", (int)token);
	else
		reason = g_strdup("the card does not know this eIM, or refused the signature");
	if (token != state_integer(device, "token"))
		state_set_flag(device, "learned", false);
	if (item && !item_finished(item))
		item_set_state(server, device, item, "failed", reason);
	else
		device_error(server, device, "unsigned package error: %s", reason);
}

void result_take_package(LabServer *server, json_t *device, Span bf51, GArray *acks)
{
	Tlv outer, arm;

	if (!der_single(bf51, &outer, NULL) || outer.tag != 0xBF51)
		device_error(server, device, "EuiccPackageResult is malformed");
	else if (der_find(outer.value, 0xA0, &arm))
		take_signed(server, device, arm.value, acks);
	else if (der_find(outer.value, 0xA1, &arm))
		take_error_signed(server, device, arm.value);
	else if (der_find(outer.value, 0xA2, &arm))
		take_error_unsigned(server, device, arm.value);
	else if (der_find(outer.value, 0x30, &arm)) /* seen in the field in place of A0 */
		take_signed(server, device, arm.value, acks);
	else
		device_error(server, device, "EuiccPackageResult has no arm");
	lab_server_save(server);
}

/* ---- IpaEuiccDataResponse ---- */
static bool learn_certificates(LabServer *server, json_t *device, Span euicc_tlv, Span eum_tlv)
{
	g_autoptr(GBytes) euicc_der = der_retag(euicc_tlv, 0x30),
			  eum_der = der_retag(eum_tlv, 0x30);
	g_autoptr(X509) euicc = crypto_certificate_from_der(span_of(euicc_der), NULL);
	g_autoptr(X509) eum = crypto_certificate_from_der(span_of(eum_der), NULL);
	g_autoptr(GError) error = NULL;
	uint8_t eid[16];
	bool eum_is_bad;

	g_assert(eid_from_text(device_eid(device), false, eid));
	if (!euicc || !eum) {
		device_error(server, device, "the certificates are malformed");
		return false;
	}
	if (pki_check_euicc(server->pki, euicc, eum, SPAN_ARRAY(eid), 0, NULL, &eum_is_bad,
		    &error) != CERT_OK) {
		device_error(
			server, device, "%s: %s", eum_is_bad ? "EUM" : "eUICC", error->message);
		return false;
	}
	state_set_octets(device, "euiccCertificate", span_of(euicc_der));
	state_set_octets(device, "eumCertificate", span_of(eum_der));
	return true;
}

static bool asked_for(json_t *item, uint8_t tag)
{
	g_autoptr(GBytes) content = state_octets(item, "content");
	Tlv tags;

	return content && der_find(span_of(content), 0x5C, &tags) &&
		memchr(tags.value.data, tag, tags.value.size);
}

static void take_lists(LabServer *server, json_t *device, Span ok, GArray *acks)
{
	Tlv list, element;
	Span rest;

	if (der_find(ok, 0xA0, &list))
		for (rest = list.value; rest.size > 0 && der_next(&rest, &element, NULL);)
			notification_keep(server, device, element.whole, "IpaEuiccData");
	if (der_find(ok, 0xA2, &list))
		for (rest = list.value; rest.size > 0 && der_next(&rest, &element, NULL);)
			result_take_package(server, device, element.whole, acks);
}

static void set_hex(json_t *object, const char *key, Span octets)
{
	g_autofree char *hex = hex_encode(octets);

	state_set_string(object, key, hex);
}

static bool take_data(LabServer *server, json_t *device, json_t *item, Span ok, GArray *acks)
{
	static const struct {
		uint32_t tag;
		const char *key;
	} octets[] = { { 0xBF20, "info1" }, { 0xBF22, "info2" }, { 0xA8, "ipaCapabilities" },
		{ 0xA9, "deviceInfo" } };
	static const struct {
		uint32_t tag;
		const char *key;
	} texts[] = { { 0x81, "defaultSmdpAddress" }, { 0x83, "rootSmdsAddress" } };
	json_t *answer = json_object();
	int64_t token;
	bool good = true;
	Tlv tlv, eum;

	for (size_t i = 0; i < G_N_ELEMENTS(octets); i++) {
		if (der_find(ok, octets[i].tag, &tlv)) {
			set_hex(device, octets[i].key, tlv.whole);
			set_hex(answer, octets[i].key, tlv.whole);
		}
	}
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		if (der_find(ok, texts[i].tag, &tlv)) {
			g_autofree char *text = span_to_string(tlv.value);

			state_set_string(device, texts[i].key, text);
			state_set_string(answer, texts[i].key, text);
		}
	}
	if (child_integer(ok, 0x84, &token)) {
		state_set_integer(device, "token", token);
		state_set_integer(answer, "associationToken", token);
	} else if (item && asked_for(item, 0x84)) {
		json_object_del(device, "token");
	}
	if (der_find(ok, 0xA6, &tlv)) {
		good = der_find(ok, 0xA5, &eum) &&
			learn_certificates(server, device, tlv.whole, eum.whole);
		state_set_flag(answer, "certificates", good);
		if (good && item && asked_for(item, 0x84))
			state_set_flag(device, "learned", true);
	}
	take_lists(server, device, ok, acks);
	if (item)
		json_object_set(item, "answer", answer);
	json_decref(answer);
	return good;
}

void result_take_data(LabServer *server, json_t *device, Span bf52, GArray *acks)
{
	json_t *item = item_sent(device, "data-request");
	g_autofree char *reason = NULL;
	int64_t code;
	bool good;
	Tlv outer, arm, transaction;

	if (!der_single(bf52, &outer, NULL) || outer.tag != 0xBF52 ||
		(!der_find(outer.value, 0xA0, &arm) && !der_find(outer.value, 0xA1, &arm))) {
		device_error(server, device, "IpaEuiccDataResponse is malformed");
		return;
	}
	if (der_find(arm.value, arm.tag == 0xA0 ? 0x87 : 0x80, &transaction))
		item = item_by_transaction(device, transaction.value);
	if (arm.tag == 0xA0) {
		good = take_data(server, device, item, arm.value, acks);
		if (!good)
			reason = g_strdup("the certificates are not good");
	} else {
		good = false;
		if (!child_integer(arm.value, 0x02, &code))
			code = 127;
		reason = g_strdup_printf("%s (%d)", decode_code("data-request", code), (int)code);
	}
	if (item)
		item_set_state(server, device, item, good ? "done" : "failed", reason);
	else
		device_error(server, device, "IpaEuiccDataResponse that nobody asked for");
	lab_server_save(server);
}

/* ---- ProfileDownloadTriggerResult ---- */
static void take_pir(LabServer *server, json_t *device, json_t *item, Span bf37)
{
	bool ok, verified;
	g_autofree char *text = pir_check(device, bf37, &ok, &verified);

	state_set_string(item, "result", text);
	state_set_flag(item, "verified", verified);
	if (!verified)
		item_set_state(server, device, item, "failed", "euiccSignPIR does not verify");
	else
		item_set_state(server, device, item, ok ? "done" : "failed", ok ? NULL : text);
}

void result_take_download(LabServer *server, json_t *device, Span bf54)
{
	json_t *item = item_sent(device, "download");
	g_autofree char *reason = NULL;
	Tlv outer, transaction, pir, error, data;
	int64_t code;

	if (!der_single(bf54, &outer, NULL) || outer.tag != 0xBF54) {
		device_error(server, device, "ProfileDownloadTriggerResult is malformed");
		return;
	}
	if (der_find(outer.value, 0x82, &transaction))
		item = item_by_transaction(device, transaction.value);
	if (!item) {
		device_error(server, device, "ProfileDownloadTriggerResult of no known trigger");
		return;
	}
	if (der_find(outer.value, 0xBF37, &pir)) {
		take_pir(server, device, item, pir.whole);
		return;
	}
	if (!der_find(outer.value, 0x30, &error) || !child_integer(error.value, 0x80, &code)) {
		device_error(server, device, "ProfileDownloadTriggerResult has no arm");
		return;
	}
	if (der_find(error.value, 0x04, &data))
		set_hex(item, "errorResponse", data.value);
	reason = g_strdup_printf("%s (%d)", decode_code("download", code), (int)code);
	item_set_state(server, device, item, "failed", reason);
}

/* ---- the IPA could not use what it got ---- */
void result_take_error(LabServer *server, json_t *device, Span value)
{
	json_t *item = item_next(device);
	g_autofree char *reason = NULL;
	int64_t code = 127;
	Tlv transaction;

	if (der_find(value, 0x80, &transaction))
		item = item_by_transaction(device, transaction.value);
	(void)child_integer(value, 0x02, &code);
	reason = g_strdup_printf("%s (%d)", decode_code("response", code), (int)code);
	device_error(server, device, "the IPA refused a package: %s", reason);
	if (item && g_strcmp0(state_string(item, "state"), "sent") == 0)
		item_set_state(server, device, item, "failed", reason);
}
