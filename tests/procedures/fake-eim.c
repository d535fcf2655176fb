/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-server.h"

#include <string.h>

struct Esipa {
	FakeEim *eim;
};

static void item_free(EimItem *item)
{
	g_bytes_unref(item->bytes);
	g_free(item->transaction);
	g_clear_pointer(&item->result, g_bytes_unref);
	g_free(item);
}

FakeEim *fake_eim_new(const char *eim_id)
{
	FakeEim *eim = g_new0(FakeEim, 1);

	eim->eim_id = g_strdup(eim_id);
	eim->items = g_ptr_array_new_with_free_func((GDestroyNotify)item_free);
	eim->causes = g_array_new(FALSE, FALSE, sizeof(int));
	eim->acknowledged = g_array_new(FALSE, FALSE, sizeof(int64_t));
	return eim;
}

void fake_eim_free(FakeEim *eim)
{
	if (!eim)
		return;
	g_free(eim->eim_id);
	g_ptr_array_unref(eim->items);
	g_array_unref(eim->causes);
	g_array_unref(eim->acknowledged);
	g_free(eim);
}

static EimItem *item_new(FakeEim *eim, EsipaPackageKind kind, GBytes *bytes)
{
	EimItem *item = g_new0(EimItem, 1);

	item->kind = kind;
	item->bytes = bytes;
	g_ptr_array_add(eim->items, item);
	return item;
}

EimItem *fake_eim_package(FakeEim *eim, int64_t counter, const char *list)
{
	uint8_t eid[16];
	EimItem *item;

	g_assert_true(eid_from_text("89049032123451234512345678901235", true, eid));
	item = item_new(eim, ESIPA_EUICC_PACKAGE,
		tlv(0xbf51,
			tlv(0x30, tlv_text(0x80, eim->eim_id), tlv_octets(0x5a, SPAN_ARRAY(eid)),
				tlv_number(0x81, counter), tlv_hex(list), NULL),
			tlv_signature(), NULL));
	item->counter = counter;
	return item;
}

EimItem *fake_eim_data(FakeEim *eim, const char *request)
{
	return item_new(eim, ESIPA_DATA_REQUEST, tlv(0xbf52, tlv_hex(request), NULL));
}

EimItem *fake_eim_trigger(FakeEim *eim, const char *activation_code, const char *transaction)
{
	GBytes *data = tlv(
		0xa0, activation_code ? tlv_text(0x80, activation_code) : tlv_hex("8100"), NULL);
	EimItem *item = item_new(eim, ESIPA_DOWNLOAD_TRIGGER,
		transaction ? tlv(0xbf54, data, tlv(0x82, tlv_hex(transaction), NULL), NULL)
			    : tlv(0xbf54, data, NULL));

	item->transaction = g_strdup(transaction);
	return item;
}

EimItem *fake_eim_raw(FakeEim *eim, EsipaPackageKind kind, const char *hex)
{
	return item_new(eim, kind, tlv_hex(hex));
}

bool fake_eim_done(FakeEim *eim)
{
	for (guint i = 0; i < eim->items->len; i++)
		if (!((EimItem *)eim->items->pdata[i])->result)
			return false;
	return true;
}

static bool is_down(FakeEim *eim, GError **error)
{
	if (eim->refuses_with)
		return !sgp32_fail(error, eim->refuses_with, "It will not");
	if (!eim->down && eim->down_for == 0)
		return false;
	if (eim->down_for)
		eim->down_for--;
	return !sgp32_fail(error, SGP32_ERROR_NETWORK_UNAVAILABLE, "The eIM cannot be reached");
}

/* ---- esipa.h ---- */

Esipa *esipa_new(const EsipaPeer *peer, Http *http, GError **error)
{
	Esipa *esipa = g_new0(Esipa, 1);

	g_assert_nonnull(peer->trust);
	g_assert_nonnull(peer->fqdn);
	esipa->eim = fake_servers_eim(peer->eim_id);
	return esipa;
}

void esipa_free(Esipa *esipa)
{
	g_free(esipa);
}

void esipa_package_clear(EsipaPackage *package)
{
	g_clear_pointer(&package->bytes, g_bytes_unref);
}

void esipa_acknowledgements_clear(EsipaAcknowledgements *acknowledgements)
{
	g_clear_pointer(&acknowledgements->sequence_numbers, g_array_unref);
}

bool esipa_get_eim_package(Esipa *esipa, const EsipaPackageQuestion *question, PostCancel *cancel,
	EsipaPackage *ret, GError **error)
{
	FakeEim *eim = esipa->eim;
	Fault after;

	if (!fake_call_begin("get-package", cancel, &after, error) || is_down(eim, error))
		return false;
	g_assert_cmpuint(question->eid.size, ==, 16);
	eim->questions++;
	if (question->notify_state_change) {
		g_array_append_val(eim->causes, question->state_change_cause);
		g_assert_cmpuint(question->r_plmn.size, ==, 3);
	}
	if (!fake_call_end(after, cancel, error))
		return false;
	for (guint i = 0; i < eim->items->len; i++) {
		EimItem *item = eim->items->pdata[i];

		if (item->result && !eim->forgets)
			continue;
		item->offered++;
		ret->kind = item->kind;
		ret->bytes = g_bytes_ref(item->bytes);
		return true;
	}
	ret->kind = ESIPA_NO_PACKAGE;
	return true;
}

static EimItem *find_item(
	FakeEim *eim, EsipaPackageKind kind, int64_t counter, Span transaction, bool any)
{
	g_autofree char *hex = hex_encode(transaction);

	for (guint i = 0; i < eim->items->len; i++) {
		EimItem *item = eim->items->pdata[i];

		if (kind != ESIPA_NO_PACKAGE && item->kind != kind)
			continue;
		if (any ? !item->result
				: kind == ESIPA_EUICC_PACKAGE
				? item->counter == counter
				: g_strcmp0(item->transaction ? item->transaction : "", hex) == 0)
			return item;
	}
	return NULL;
}

/* Which of its packages the result belongs to; ret_seq: the number of a signed result, -1: none. */
static EimItem *match(FakeEim *eim, const EimPackageResult *result, int64_t *ret_seq)
{
	static const Span none = { NULL, 0 };
	const EuiccPackageResult *package = result->euicc_package_result;

	*ret_seq = -1;
	if (package && package->euicc_package_result_signed) {
		const EuiccPackageResultDataSigned *data =
			package->euicc_package_result_signed->euicc_package_result_data_signed;

		g_assert_true(span_equal(data->eim_id, span_string(eim->eim_id)));
		*ret_seq = data->seq_number.value;
		return find_item(eim, ESIPA_EUICC_PACKAGE, data->counter_value.value, none, false);
	}
	if (package && package->euicc_package_error_signed)
		return find_item(eim, ESIPA_EUICC_PACKAGE,
			package->euicc_package_error_signed->euicc_package_error_data_signed
				->counter_value.value,
			none, false);
	if (package)
		return find_item(eim, ESIPA_EUICC_PACKAGE, 0, none, true);
	if (result->ipa_euicc_data_response)
		return find_item(eim, ESIPA_DATA_REQUEST, 0, none, true);
	if (result->profile_download_trigger_result)
		return find_item(eim, ESIPA_DOWNLOAD_TRIGGER, 0,
			result->profile_download_trigger_result->eim_transaction_id, false);
	return find_item(eim, ESIPA_NO_PACKAGE, 0, none, true);
}

bool esipa_provide_eim_package_result(Esipa *esipa, Span eid, Span eim_package_result,
	PostCancel *cancel, EsipaAcknowledgements *ret, GError **error)
{
	FakeEim *eim = esipa->eim;
	g_autoptr(Msg) msg = NULL;
	g_autoptr(GError) local = NULL;
	EimItem *item;
	int64_t seq;
	Fault after;

	if (!fake_call_begin("provide-result", cancel, &after, error) || is_down(eim, error))
		return false;
	g_assert_cmpuint(eid.size, ==, 16);
	msg = msg_decode(&EIM_PACKAGE_RESULT, eim_package_result, &local);
	g_assert_no_error(local);
	eim->results++;
	item = match(eim, MSG_BODY(msg, EimPackageResult), &seq);
	if (item) {
		item->answered++;
		g_clear_pointer(&item->result, g_bytes_unref);
		item->result = span_to_bytes(eim_package_result);
	} else {
		eim->strangers++;
	}
	if (eim->ack == EIM_ACK && seq >= 0)
		g_array_append_val(eim->acknowledged, seq);
	if (!fake_call_end(after, cancel, error))
		return false;
	ret->given = eim->ack != EIM_ACK_NOTHING;
	ret->sequence_numbers = g_array_new(FALSE, FALSE, sizeof(int64_t));
	if (eim->ack == EIM_ACK && seq >= 0)
		g_array_append_val(ret->sequence_numbers, seq);
	/* What was asked for is stored as well. */
	if (eim->ack == EIM_ACK && MSG_BODY(msg, EimPackageResult)->ipa_euicc_data_response) {
		const IpaEuiccData *data =
			MSG_BODY(msg, EimPackageResult)->ipa_euicc_data_response->ipa_euicc_data;
		List results = data ? data->euicc_package_result_list : (List) { 0 };

		for (size_t i = 0; i < results.count; i++) {
			seq = LIST_AT(results, EuiccPackageResult, i)
				      ->euicc_package_result_signed
				      ->euicc_package_result_data_signed->seq_number.value;
			g_array_append_val(ret->sequence_numbers, seq);
		}
	}
	return true;
}

bool esipa_handle_notification(Esipa *esipa, Span notification, PostCancel *cancel, GError **error)
{
	g_assert_not_reached(); /* notifications go to their receivers */
}

bool esipa_initiate_authentication(Esipa *esipa, const EsipaInitiation *initiation,
	PostCancel *cancel, RspInitiated *ret, GError **error)
{
	g_assert_not_reached(); /* downloads are direct */
}

bool esipa_authenticate_client(Esipa *esipa, Span transaction_id, Span authenticate_server_response,
	PostCancel *cancel, RspAuthenticated *ret, GError **error)
{
	g_assert_not_reached();
}

GBytes *esipa_get_bound_profile_package(Esipa *esipa, Span transaction_id,
	Span prepare_download_response, PostCancel *cancel, GError **error)
{
	g_assert_not_reached();
}

bool esipa_cancel_session(Esipa *esipa, Span transaction_id, Span cancel_session_response,
	PostCancel *cancel, GError **error)
{
	g_assert_not_reached();
}
