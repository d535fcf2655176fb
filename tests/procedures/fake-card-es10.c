/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the card answers to ES10 commands. */
#include "fake-card.h"

#include <string.h>

#include "asn1/iot.h"

#define CERTIFICATE "3003020101"

void fake_note_free(FakeNote *note)
{
	g_bytes_unref(note->bytes);
	g_free(note);
}

static void add_note(GPtrArray *list, int64_t seq, GBytes *bytes)
{
	FakeNote *note = g_new0(FakeNote, 1);

	note->seq = seq;
	note->bytes = bytes;
	g_ptr_array_add(list, note);
}

static GBytes *bits(uint32_t tag, int value)
{
	char hex[32];
	int octet = 0;

	for (int i = 0; i < 8; i++)
		if (value >> i & 1)
			octet |= 0x80 >> i;
	g_snprintf(hex, sizeof(hex), "%02x0200%02x", tag, octet);
	return tlv_hex(hex);
}

static GBytes *metadata(int64_t seq, int event, const char *address, const char *iccid)
{
	return tlv(0xbf2f, tlv_number(0x80, seq), bits(0x81, event), tlv_text(0x0c, address),
		iccid && iccid[0] ? tlv_iccid(iccid) : NULL, NULL);
}

int64_t fake_card_add_notification(
	FakeCard *card, int event, const char *address, const char *iccid)
{
	int64_t seq = ++card->seq;

	add_note(card->notifications, seq,
		tlv(0x30, metadata(seq, event, address, iccid), tlv_signature(),
			tlv_hex(CERTIFICATE), tlv_hex(CERTIFICATE), NULL));
	return seq;
}

/* reason 0: success. */
static GBytes *installation_result(FakeCard *card, int64_t seq, Span transaction,
	const char *address, const char *iccid, int reason)
{
	GBytes *arm = reason ? tlv(0xa1, tlv_number(0x80, 5), tlv_number(0x81, reason), NULL)
			     : tlv(0xa0, tlv_hex("4f10a0000005591010ffffffff8900001000"),
				       tlv_hex("04093007a0053003800100"), NULL);

	return tlv(0xbf37,
		tlv(0xbf27, tlv_octets(0x80, transaction),
			metadata(seq, NOTIFICATION_INSTALL, address, iccid),
			tlv_hex("0603" CARD_SMDP_OID), tlv(0xa2, arm, NULL), NULL),
		tlv_signature(), NULL);
}

int64_t fake_card_add_installation(
	FakeCard *card, const char *transaction_hex, const char *address, const char *iccid)
{
	g_autoptr(GBytes) transaction = tlv_hex(transaction_hex);
	int64_t seq = ++card->seq;

	add_note(card->notifications, seq,
		installation_result(card, seq, span_of(transaction), address, iccid, 0));
	return seq;
}

static GBytes *list_of_notes(uint32_t tag, GPtrArray *notes)
{
	GPtrArray *parts = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);

	for (guint i = 0; i < notes->len; i++)
		g_ptr_array_add(parts, g_bytes_ref(((FakeNote *)notes->pdata[i])->bytes));
	return tlv(tag, tlv_all(parts), NULL);
}

/* ---- what it tells of itself ---- */

static GBytes *euicc_info1(void)
{
	return tlv_hex("bf20 35 8203020500 a916 0414" CARD_CI " aa16 0414" CARD_CI);
}

static GBytes *euicc_info2(FakeCard *card)
{
	GBytes *iot = card->consumer ? NULL : tlv_hex("900100 b407a00504030102 00");

	return tlv(0xbf22, tlv_hex("8103020301"), tlv_hex("8203020500"), tlv_hex("8303010203"),
		tlv_hex("840d 8101008204000a0000 83020800"), tlv_hex("85020640"),
		tlv_hex("88020780"), tlv_hex("a916 0414" CARD_CI), tlv_hex("aa16 0414" CARD_CI),
		tlv_hex("0403010000"), tlv_text(0x0c, "XX-YY-ZZZZ"), iot, NULL);
}

static GBytes *profiles_info(FakeCard *card)
{
	GPtrArray *parts = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);

	for (guint i = 0; i < card->profiles->len; i++) {
		const FakeProfile *profile = card->profiles->pdata[i];

		g_ptr_array_add(parts,
			tlv(0xe3, tlv_iccid(profile->iccid),
				tlv_hex("4f10a0000005591010ffffffff8900001000"),
				tlv_number(0x9f70, profile->enabled), tlv_text(0x91, "Operator"),
				tlv_text(0x92, "Profile"), tlv_number(0x95, profile->class), NULL));
	}
	return tlv(0xbf2d, tlv(0xa0, tlv_all(parts), NULL), NULL);
}

static GBytes *eim_list(FakeCard *card)
{
	GPtrArray *parts = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);

	for (guint i = 0; i < card->eims->len; i++)
		g_ptr_array_add(parts, g_bytes_ref(((FakeEntry *)card->eims->pdata[i])->data));
	return tlv(0xbf55, tlv(0xa0, tlv_all(parts), NULL), NULL);
}

static GBytes *add_initial_eim(FakeCard *card, Span command)
{
	g_autoptr(Msg) msg = msg_decode(&ADD_INITIAL_EIM_REQUEST, command, NULL);
	GPtrArray *parts;
	List list;

	g_assert_nonnull(msg);
	if (card->eims->len)
		return tlv_hex("bf5703810102");
	list = MSG_BODY(msg, AddInitialEimRequest)->eim_configuration_data_list;
	parts = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	for (size_t i = 0; i < list.count; i++) {
		const EimConfigurationData *data = LIST_AT(list, EimConfigurationData, i);
		g_autofree char *id = span_to_string(data->eim_id);
		g_autofree char *fqdn = span_to_string(data->eim_fqdn);

		fake_card_add_eim(card, id, fqdn);
		g_ptr_array_add(parts, tlv_number(0x84, card->token));
	}
	card->initial_eims++;
	return tlv(0xbf57, tlv(0xa0, tlv_all(parts), NULL), NULL);
}

static GBytes *retrieve(FakeCard *card, Span command)
{
	g_autoptr(Msg) msg = msg_decode(&RETRIEVE_NOTIFICATIONS_LIST_REQUEST, command, NULL);

	g_assert_nonnull(msg);
	const RetrieveNotificationsSearchCriteria *criteria =
		MSG_BODY(msg, RetrieveNotificationsListRequest)->search_criteria;
	return tlv(0xbf2b,
		criteria && criteria->euicc_package_results.present
			? list_of_notes(0xa2, card->results)
			: list_of_notes(0xa0, card->notifications),
		NULL);
}

static bool remove_note(GPtrArray *list, int64_t seq)
{
	for (guint i = 0; i < list->len; i++)
		if (((FakeNote *)list->pdata[i])->seq == seq) {
			g_ptr_array_remove_index(list, i);
			return true;
		}
	return false;
}

static GBytes *notification_sent(FakeCard *card, Span command)
{
	g_autoptr(Msg) msg = msg_decode(&NOTIFICATION_SENT_REQUEST, command, NULL);
	int64_t seq;

	g_assert_nonnull(msg);
	seq = MSG_BODY(msg, NotificationSentRequest)->seq_number.value;
	return tlv(0xbf30,
		tlv_number(0x80,
			!remove_note(card->notifications, seq) && !remove_note(card->results, seq)),
		NULL);
}

/* ---- packages ---- */

static void note_event(FakeCard *card, FakeProfile *profile, int event)
{
	if (profile->notify)
		fake_card_add_notification(card, event, profile->notify, profile->iccid);
}

static void disable_enabled(FakeCard *card)
{
	for (guint i = 0; i < card->profiles->len; i++) {
		FakeProfile *profile = card->profiles->pdata[i];

		if (profile->enabled) {
			profile->enabled = false;
			note_event(card, profile, NOTIFICATION_DISABLE);
		}
	}
}

static GBytes *run_psmo(FakeCard *card, const Psmo *psmo)
{
	Span iccid = psmo->enable ? psmo->enable->iccid
		: psmo->disable   ? psmo->disable->iccid
		: psmo->delete    ? psmo->delete->iccid
				  : (Span) { NULL, 0 };
	g_autofree char *text = iccid.data ? iccid_to_text(iccid) : NULL;
	FakeProfile *profile = text ? fake_card_profile(card, text) : NULL;

	if (psmo->enable) {
		if (!profile || profile->enabled)
			return tlv_number(0x83, profile ? 2 : 1);
		disable_enabled(card);
		profile->enabled = true;
		note_event(card, profile, NOTIFICATION_ENABLE);
		card->switch_pending = true;
		return tlv_number(0x83, 0);
	}
	if (psmo->disable) {
		if (!profile || !profile->enabled)
			return tlv_number(0x84, profile ? 2 : 1);
		disable_enabled(card);
		card->switch_pending = true;
		return tlv_number(0x84, 0);
	}
	if (psmo->delete) {
		if (!profile || profile->enabled)
			return tlv_number(0x85, profile ? 2 : 1);
		note_event(card, profile, NOTIFICATION_DELETE);
		g_ptr_array_remove(card->profiles, profile);
		return tlv_number(0x85, 0);
	}
	if (psmo->list_profile_info)
		return profiles_info(card);
	if (psmo->configure_immediate_enable)
		return tlv_number(0x87, 0);
	if (psmo->set_default_dp_address) {
		g_free(card->default_smdp);
		card->default_smdp =
			span_to_string(psmo->set_default_dp_address->default_dp_address);
		return tlv(0xbf65, tlv_number(0x80, 0), NULL);
	}
	return tlv_number(0x02, 2);
}

static GBytes *run_eco(FakeCard *card, const Eco *eco)
{
	if (eco->add_eim) {
		g_autofree char *id = span_to_string(eco->add_eim->eim_id);
		g_autofree char *fqdn = span_to_string(eco->add_eim->eim_fqdn);

		if (fake_card_eim(card, id))
			return tlv(0xa8, tlv_number(0x02, 2), NULL);
		fake_card_add_eim(card, id, fqdn);
		return tlv(0xa8, tlv_number(0x84, card->token), NULL);
	}
	if (eco->delete_eim) {
		g_autofree char *id = span_to_string(eco->delete_eim->eim_id);
		FakeEntry *entry = fake_card_eim(card, id);

		if (!entry)
			return tlv_number(0x89, 1);
		g_ptr_array_remove(card->eims, entry);
		return tlv_number(0x89, card->eims->len ? 0 : 2);
	}
	return tlv_number(0x02, 2);
}

static GBytes *package_head(const EuiccPackageSigned *package)
{
	GBytes *head = tlv_concat(
		tlv_octets(0x80, package->eim_id), tlv_number(0x81, package->counter_value.value));

	return package->eim_transaction_id.data
		? tlv_concat(head, tlv_octets(0x82, package->eim_transaction_id))
		: head;
}

static GBytes *package_result(const EuiccPackageSigned *package, int64_t seq, GBytes *results)
{
	return tlv(0xbf51,
		tlv(0xa0,
			tlv(0x30, package_head(package), tlv_number(0x83, seq),
				tlv(0x30, results, NULL), NULL),
			tlv_signature(), NULL),
		NULL);
}

int64_t fake_card_add_result(FakeCard *card, const char *eim_id, int64_t counter)
{
	EuiccPackageSigned package = { .eim_id = span_string(eim_id),
		.counter_value = NUM(counter) };
	int64_t seq = ++card->seq;

	add_note(card->results, seq, package_result(&package, seq, tlv_number(0x83, 0)));
	return seq;
}

static GBytes *load_euicc_package(FakeCard *card, Span command)
{
	g_autoptr(Msg) msg = msg_decode(&EUICC_PACKAGE_REQUEST, command, NULL);
	g_autofree char *eim_id = NULL;
	GPtrArray *parts;
	FakeEntry *entry;
	GBytes *result;
	int64_t seq;

	g_assert_nonnull(msg);
	const EuiccPackageSigned *package =
		MSG_BODY(msg, EuiccPackageRequest)->euicc_package_signed;
	eim_id = span_to_string(package->eim_id);
	entry = fake_card_eim(card, eim_id);
	if (!entry)
		return tlv(0xbf51, tlv(0xa2, tlv_text(0x80, eim_id), NULL), NULL);
	if (package->counter_value.value <= entry->counter)
		return tlv(0xbf51,
			tlv(0xa1,
				tlv(0x30, package_head(package),
					tlv_number(0x02, EUICC_PACKAGE_ERROR_REPLAY_ERROR), NULL),
				tlv_signature(), NULL),
			NULL);
	entry->counter = package->counter_value.value;
	g_array_append_val(card->executed, entry->counter);
	parts = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	for (size_t i = 0; i < package->euicc_package->psmo_list.count; i++)
		g_ptr_array_add(
			parts, run_psmo(card, LIST_AT(package->euicc_package->psmo_list, Psmo, i)));
	for (size_t i = 0; i < package->euicc_package->eco_list.count; i++)
		g_ptr_array_add(
			parts, run_eco(card, LIST_AT(package->euicc_package->eco_list, Eco, i)));
	seq = ++card->seq;
	result = package_result(package, seq, tlv_all(parts));
	add_note(card->results, seq, g_bytes_ref(result));
	if (card->switch_pending && !card->no_refresh)
		card->refresh_pending = true;
	return result;
}

/* ---- download ---- */

static void end_session(FakeCard *card)
{
	g_clear_pointer(&card->transaction, g_bytes_unref);
	g_clear_pointer(&card->server, g_free);
	card->prepared = card->loading = false;
}

static GBytes *get_challenge(FakeCard *card)
{
	end_session(card);
	memset(card->challenge, ++card->challenges, sizeof(card->challenge));
	return tlv(0xbf2e, tlv_octets(0x80, SPAN_ARRAY(card->challenge)), NULL);
}

static GBytes *authenticate_server(FakeCard *card, Span command)
{
	g_autoptr(Msg) msg = msg_decode(&AUTHENTICATE_SERVER_REQUEST, command, NULL);

	g_assert_nonnull(msg);
	const AuthenticateServerRequest *request = MSG_BODY(msg, AuthenticateServerRequest);
	const ServerSigned1 *signed1 = request->server_signed1;
	if (!span_equal(signed1->euicc_challenge, SPAN_ARRAY(card->challenge)))
		return tlv(0xbf38,
			tlv(0xa1, tlv_octets(0x80, signed1->transaction_id),
				tlv_number(0x02, AUTHENTICATE_ERROR_EUICC_CHALLENGE_MISMATCH),
				NULL),
			NULL);
	end_session(card);
	card->transaction = span_to_bytes(signed1->transaction_id);
	card->server = span_to_string(signed1->server_address);
	return tlv(0xbf38,
		tlv(0xa0,
			tlv(0x30, tlv_octets(0x80, signed1->transaction_id),
				tlv_octets(0x83, signed1->server_address),
				tlv_octets(0x84, signed1->server_challenge), euicc_info2(card),
				span_to_bytes(request->ctx_params1
						      ->ctx_params_for_common_authentication->raw),
				NULL),
			tlv_signature(), tlv_hex(CERTIFICATE), tlv_hex(CERTIFICATE), NULL),
		NULL);
}

static bool session_is(FakeCard *card, Span transaction)
{
	return card->transaction && span_equal(span_of(card->transaction), transaction);
}

static GBytes *prepare_download(FakeCard *card, Span command)
{
	g_autoptr(Msg) msg = msg_decode(&PREPARE_DOWNLOAD_REQUEST, command, NULL);
	uint8_t point[65] = { 0x04 };

	g_assert_nonnull(msg);
	const PrepareDownloadRequest *request = MSG_BODY(msg, PrepareDownloadRequest);
	Span transaction = request->smdp_signed2->transaction_id;
	if (!session_is(card, transaction))
		return tlv(0xbf21,
			tlv(0xa1, tlv_octets(0x80, transaction),
				tlv_number(0x02, DOWNLOAD_ERROR_NO_SESSION_CONTEXT), NULL),
			NULL);
	card->prepared = true;
	return tlv(0xbf21,
		tlv(0xa0,
			tlv(0x30, tlv_octets(0x80, transaction),
				tlv_octets(0x5f49, SPAN_ARRAY(point)),
				request->hash_cc.data ? tlv_octets(0x04, request->hash_cc) : NULL,
				NULL),
			tlv_signature(), NULL),
		NULL);
}

static GBytes *cancel_session(FakeCard *card, Span command)
{
	g_autoptr(Msg) msg = msg_decode(&CANCEL_SESSION_REQUEST, command, NULL);
	GBytes *answer;

	g_assert_nonnull(msg);
	const CancelSessionRequest *request = MSG_BODY(msg, CancelSessionRequest);
	if (!session_is(card, request->transaction_id))
		return tlv_hex("bf41 03 810105");
	card->cancels++;
	card->cancel_reason = request->reason.value;
	answer = tlv(0xbf41,
		tlv(0xa0,
			tlv(0x30, tlv_octets(0x80, request->transaction_id),
				tlv_hex("8103" CARD_SMDP_OID),
				tlv_number(0x82, request->reason.value), NULL),
			tlv_signature(), NULL),
		NULL);
	end_session(card);
	return answer;
}

static GBytes *keep_installation(FakeCard *card, int reason)
{
	int64_t seq = ++card->seq;
	GBytes *result = installation_result(
		card, seq, span_of(card->transaction), card->server, card->loading_iccid, reason);

	if (reason) {
		card->installs_failed++;
	} else {
		card->installs++;
		fake_card_add_profile(card, card->loading_iccid, false, card->server);
	}
	add_note(card->notifications, seq, g_bytes_ref(result));
	end_session(card);
	return result;
}

/* One chain of a bound profile package; *ret_sw 0x9000 without an answer: go on. */
static bool segment(FakeCard *card, Span data, GBytes **ret, uint16_t *ret_sw)
{
	int reason = card->install_error;

	if (data.data[0] == 0xbf) {
		if (!card->prepared) {
			*ret_sw = 0x6985;
			return false;
		}
		card->loading = true;
		card->bpp_size = der_announced_size(data);
		card->bpp_got = 0;
		card->segments = 0;
		card->loading_iccid[0] = '\0';
	}
	card->segments++;
	card->bpp_got += data.size;
	if (data.data[0] == 0x88) {
		Tlv whole = { 0 };
		Tlv stored = { 0 };
		Span value;

		g_assert_true(der_single(data, &whole, NULL));
		value = span(whole.value.data, whole.value.size - 8);
		g_assert_true(der_single(value, &stored, NULL));
		g_autofree char *iccid = iccid_to_text(tlv_child(stored.value, 0x5a).value);
		g_strlcpy(card->loading_iccid, iccid, sizeof(card->loading_iccid));
		if (fake_card_profile(card, iccid))
			reason = INSTALL_ERROR_ICCID_ALREADY_EXISTS_ON_EUICC;
	}
	if (card->refuse_segment == card->segments) {
		if (card->refuse_keeps_result)
			g_bytes_unref(keep_installation(card, INSTALL_ERROR_SCP03T_SECURITY_ERROR));
		card->loading = false;
		*ret_sw = 0x6a80;
		return false;
	}
	if (reason == INSTALL_ERROR_ICCID_ALREADY_EXISTS_ON_EUICC ||
		(reason && card->install_error_segment == card->segments) ||
		card->bpp_got == card->bpp_size) {
		*ret = keep_installation(card, reason);
		return true;
	}
	*ret_sw = 0x9000;
	return false;
}

/* ---- all of them ---- */

static bool is_segment(FakeCard *card, Span command)
{
	static const uint8_t starts[] = { 0xa0, 0xa1, 0xa2, 0xa3, 0x86, 0x87, 0x88 };

	if (command.size > 2 && command.data[0] == 0xbf && command.data[1] == 0x36)
		return true;
	return card->loading && memchr(starts, command.data[0], sizeof(starts));
}

bool fake_card_command(FakeCard *card, Span command, GBytes **ret, uint16_t *ret_sw)
{
	static const uint32_t sgp32[] = { TAG_EUICC_PACKAGE, TAG_GET_EIM_CONFIGURATION_DATA,
		TAG_GET_CERTS, TAG_ADD_INITIAL_EIM };
	uint32_t tag;
	Tlv whole;

	if (is_segment(card, command)) {
		if (command.data[0] == 0xbf)
			g_string_append(card->log, "BF36 ");
		if (card->on_command)
			card->on_command(card->user, TAG_BOUND_PROFILE_PACKAGE);
		return segment(card, command, ret, ret_sw);
	}
	card->loading = false;
	g_assert_true(der_single(command, &whole, NULL));
	tag = whole.tag;
	g_string_append_printf(card->log, "%X ", tag);
	if (card->on_command)
		card->on_command(card->user, tag);
	for (size_t i = 0; card->consumer && i < G_N_ELEMENTS(sgp32); i++)
		if (tag == sgp32[i])
			card->refuse_tag = tag;
	if (tag == card->refuse_tag) {
		*ret_sw = card->refuse_sw ? card->refuse_sw : card->consumer ? 0x6a88 : 0x6a80;
		return false;
	}
	if (tag == card->answer_tag && card->answer) {
		*ret = g_steal_pointer(&card->answer);
		return true;
	}
	switch (tag) {
	case TAG_GET_EUICC_DATA:
		*ret = tlv(0xbf3e, tlv_octets(0x5a, SPAN_ARRAY(card->eid)), NULL);
		return true;
	case TAG_GET_EUICC_INFO1: *ret = euicc_info1(); return true;
	case TAG_GET_EUICC_INFO2: *ret = euicc_info2(card); return true;
	case TAG_EUICC_CONFIGURED_ADDRESSES: {
		GBytes *smds = tlv_text(0x81, "smds.lab.test");

		*ret = card->default_smdp[0]
			? tlv(0xbf3c, tlv_text(0x80, card->default_smdp), smds, NULL)
			: tlv(0xbf3c, smds, NULL);
		return true;
	}
	case TAG_GET_EIM_CONFIGURATION_DATA: *ret = eim_list(card); return true;
	case TAG_ADD_INITIAL_EIM: *ret = add_initial_eim(card, command); return true;
	case TAG_GET_PROFILES_INFO: *ret = profiles_info(card); return true;
	case TAG_RETRIEVE_NOTIFICATIONS_LIST: *ret = retrieve(card, command); return true;
	case TAG_NOTIFICATION_SENT: *ret = notification_sent(card, command); return true;
	case TAG_EUICC_PACKAGE: *ret = load_euicc_package(card, command); return true;
	case TAG_GET_CERTS: *ret = tlv_hex("bf56 0c a00a a503020101 a603020102"); return true;
	case TAG_GET_RAT:
		*ret = tlv(0xbf43,
			tlv(0xa0, card->rat ? g_bytes_ref(card->rat) : g_bytes_new(NULL, 0), NULL),
			NULL);
		return true;
	case TAG_GET_EUICC_CHALLENGE: *ret = get_challenge(card); return true;
	case TAG_AUTHENTICATE_SERVER: *ret = authenticate_server(card, command); return true;
	case TAG_PREPARE_DOWNLOAD: *ret = prepare_download(card, command); return true;
	case TAG_CANCEL_SESSION: *ret = cancel_session(card, command); return true;
	default: *ret_sw = 0x6a88; return false;
	}
}
