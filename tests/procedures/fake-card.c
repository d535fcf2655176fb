/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-card.h"

#include <string.h>

#include "base/clock.h"

/* Longer answers wait for GET RESPONSE. */
#define DIRECT_MAX 200

static void profile_free(FakeProfile *profile)
{
	g_free(profile->iccid);
	g_free(profile->notify);
	g_free(profile);
}

static void entry_free(FakeEntry *entry)
{
	g_free(entry->eim_id);
	g_bytes_unref(entry->data);
	g_free(entry);
}

FakeCard *fake_card_new(void)
{
	FakeCard *card = g_new0(FakeCard, 1);

	g_assert_true(eid_from_text(CARD_EID, true, card->eid));
	card->profiles = g_ptr_array_new_with_free_func((GDestroyNotify)profile_free);
	card->eims = g_ptr_array_new_with_free_func((GDestroyNotify)entry_free);
	card->notifications = g_ptr_array_new_with_free_func((GDestroyNotify)fake_note_free);
	card->results = g_ptr_array_new_with_free_func((GDestroyNotify)fake_note_free);
	card->default_smdp = g_strdup("");
	card->log = g_string_new(NULL);
	card->executed = g_array_new(FALSE, FALSE, sizeof(int64_t));
	card->chain = g_byte_array_new();
	card->cancel_reason = -1;
	card->present = true;
	card->epoch = 1;
	return card;
}

void fake_card_free(FakeCard *card)
{
	if (!card)
		return;
	g_ptr_array_unref(card->profiles);
	g_ptr_array_unref(card->eims);
	g_ptr_array_unref(card->notifications);
	g_ptr_array_unref(card->results);
	g_free(card->default_smdp);
	g_clear_pointer(&card->rat, g_bytes_unref);
	g_clear_pointer(&card->answer, g_bytes_unref);
	g_string_free(card->log, TRUE);
	g_array_unref(card->executed);
	g_byte_array_unref(card->chain);
	g_clear_pointer(&card->response, g_bytes_unref);
	g_clear_pointer(&card->transaction, g_bytes_unref);
	g_free(card->server);
	g_free(card);
}

/* All that lives no longer than the power. */
static void card_reset(FakeCard *card)
{
	card->epoch++;
	card->open = false;
	card->refresh_pending = false;
	card->switch_pending = false;
	card->refreshing = false;
	g_byte_array_set_size(card->chain, 0);
	g_clear_pointer(&card->response, g_bytes_unref);
	g_clear_pointer(&card->transaction, g_bytes_unref);
	g_clear_pointer(&card->server, g_free);
	card->prepared = card->loading = false;
}

void fake_card_pull(FakeCard *card)
{
	card_reset(card);
	card->present = false;
}

void fake_card_power_cycle(FakeCard *card)
{
	card_reset(card);
	card->present = true;
	card->device_gone = false;
}

static GBytes *with_sw(Span data, uint16_t sw)
{
	GByteArray *out = g_byte_array_new();
	uint8_t octets[2] = { sw >> 8, sw & 0xff };

	array_append_span(out, data);
	g_byte_array_append(out, octets, sizeof(octets));
	return g_byte_array_free_to_bytes(out);
}

static uint16_t done_sw(FakeCard *card)
{
	return card->refresh_pending ? 0x910b : 0x9000;
}

/* What is left of an answer, 200 octets at a time. */
static GBytes *give(FakeCard *card, GBytes *answer, bool first)
{
	Span all = span_of(answer);
	size_t size = MIN(all.size, (size_t)DIRECT_MAX);
	g_autoptr(GBytes) rest = NULL;

	if (first && all.size > DIRECT_MAX) {
		g_clear_pointer(&card->response, g_bytes_unref);
		card->response = g_bytes_ref(answer);
		return with_sw((Span) { NULL, 0 }, 0x6100 | DIRECT_MAX);
	}
	if (all.size == size) {
		g_clear_pointer(&card->response, g_bytes_unref);
		return with_sw(all, done_sw(card));
	}
	rest = g_bytes_new(all.data + size, all.size - size);
	g_clear_pointer(&card->response, g_bytes_unref);
	card->response = g_bytes_ref(rest);
	return with_sw(span(all.data, size), 0x6100 | MIN(all.size - size, (size_t)DIRECT_MAX));
}

static GBytes *store_data(FakeCard *card, Span apdu)
{
	g_autoptr(GBytes) answer = NULL;
	g_autoptr(GByteArray) chain = NULL;
	uint16_t sw = 0;

	if (!card->open)
		return with_sw((Span) { NULL, 0 }, 0x6e00);
	if (apdu.data[3] == 0)
		g_byte_array_set_size(card->chain, 0);
	g_assert_cmpuint(apdu.data[4] + 5u, ==, apdu.size);
	g_byte_array_append(card->chain, apdu.data + 5, apdu.data[4]);
	if (apdu.data[2] == 0x11)
		return with_sw((Span) { NULL, 0 }, 0x9000);
	g_assert_cmphex(apdu.data[2], ==, 0x91);
	chain = card->chain;
	card->chain = g_byte_array_new();
	if (!fake_card_command(card, span_of_array(chain), &answer, &sw))
		return with_sw((Span) { NULL, 0 }, sw);
	return give(card, answer, true);
}

static GBytes *apdu_answer(FakeCard *card, Span apdu)
{
	static const uint8_t select_answer[] = { 0xe1, 0x04, 0x80, 0x02, 0x06, 0x40 };
	static const uint8_t channel[] = { 0x01 };

	g_assert_cmpuint(apdu.size, >=, 5);
	switch (apdu.data[1]) {
	case 0xaa: card->terminal_capabilities++; return with_sw((Span) { NULL, 0 }, 0x9000);
	case 0x70:
		card->open = false;
		return apdu.data[2] == 0x80 ? with_sw((Span) { NULL, 0 }, 0x9000)
					    : with_sw(SPAN_ARRAY(channel), 0x9000);
	case 0xa4:
		card->open = true;
		return with_sw(
			card->consumer ? (Span) { NULL, 0 } : SPAN_ARRAY(select_answer), 0x9000);
	case 0xe2: return store_data(card, apdu);
	case 0xc0: {
		g_autoptr(GBytes) response = g_steal_pointer(&card->response);

		return response ? give(card, response, false) : with_sw((Span) { NULL, 0 }, 0x6985);
	}
	default: return with_sw((Span) { NULL, 0 }, 0x6d00);
	}
}

static bool fake_transmit(void *self, unsigned channel, Span apdu, GBytes **ret, GError **error)
{
	static const uint8_t garbage[] = { 0xbf, 0x7f, 0x05, 0x00 };
	FakeCard *card = self;
	g_autoptr(GBytes) answer = NULL;
	Fault fault;

	if (!card->present || card->device_gone)
		return sgp32_fail(error, SGP32_ERROR_CARD_LOST, "The card is gone");
	fault = fault_step(STEP_APDU);
	card->apdus++;
	switch (fault) {
	case FAULT_CARD_LOST_BEFORE:
		card_reset(card);
		return sgp32_fail(error, SGP32_ERROR_CARD_LOST, "The card was reset");
	case FAULT_CARD_TIMEOUT_BEFORE:
		return sgp32_fail(error, SGP32_ERROR_TIMEOUT, "The card does not answer");
	case FAULT_CARD_6A80: *ret = with_sw((Span) { NULL, 0 }, 0x6a80); return true;
	case FAULT_CARD_6985: *ret = with_sw((Span) { NULL, 0 }, 0x6985); return true;
	case FAULT_CARD_6F00: *ret = with_sw((Span) { NULL, 0 }, 0x6f00); return true;
	case FAULT_CRASH_BEFORE:
		card->device_gone = true;
		return sgp32_fail(error, SGP32_ERROR_CARD_LOST, "The device is gone");
	default: break;
	}
	answer = apdu_answer(card, apdu);
	switch (fault) {
	case FAULT_CARD_LOST_AFTER:
		card_reset(card);
		return sgp32_fail(error, SGP32_ERROR_CARD_LOST, "The card was reset");
	case FAULT_CARD_TIMEOUT_AFTER:
		return sgp32_fail(error, SGP32_ERROR_TIMEOUT, "The card does not answer");
	case FAULT_CARD_GARBAGE: *ret = with_sw(SPAN_ARRAY(garbage), 0x9000); return true;
	default: break;
	}
	*ret = g_steal_pointer(&answer);
	return true;
}

static bool fake_reset(void *self, TransportReset what, GError **error)
{
	FakeCard *card = self;

	card->resets++;
	card_reset(card);
	return true;
}

static bool fake_facts(void *self, TransportFacts *ret, GError **error)
{
	static const uint8_t plmn[3] = { 0x22, 0xf8, 0x10 };

	g_strlcpy(ret->imei, "356938035643809", sizeof(ret->imei));
	memcpy(ret->plmn, plmn, sizeof(plmn));
	ret->has_plmn = true;
	return true;
}

static CardState fake_state(void *self)
{
	FakeCard *card = self;

	if (fault_crashed())
		card->device_gone = true;
	return (CardState) { card->epoch, card->present && !card->device_gone, card->refreshing,
		card->device_gone };
}

static CardState fake_wait(void *self, CardState seen, int64_t deadline, PostCancel *cancel)
{
	FakeCard *card = self;

	if (card->refreshing) {
		card_reset(card);
	} else if (card->refresh_pending) {
		card->refreshing = true;
	} else if (seen.epoch == card->epoch && seen.present == card->present &&
		!seen.device_gone) {
		g_autoptr(PostCancel) never = post_cancel_new();

		post_cancel_wait(cancel ? cancel : never, deadline);
	}
	return fake_state(card);
}

static const CardOps fake_ops = {
	.transmit = fake_transmit,
	.reset = fake_reset,
	.facts = fake_facts,
	.state = fake_state,
	.wait = fake_wait,
};

Card *fake_card_open(FakeCard *card)
{
	Card *opened = g_new0(Card, 1);

	opened->ops = &fake_ops;
	opened->self = card;
	return opened;
}

FakeProfile *fake_card_add_profile(
	FakeCard *card, const char *iccid, bool enabled, const char *notify)
{
	FakeProfile *profile = g_new0(FakeProfile, 1);

	profile->iccid = g_strdup(iccid);
	profile->enabled = enabled;
	profile->class = PROFILE_CLASS_OPERATIONAL;
	profile->notify = g_strdup(notify);
	g_ptr_array_add(card->profiles, profile);
	return profile;
}

FakeProfile *fake_card_profile(FakeCard *card, const char *iccid)
{
	for (guint i = 0; i < card->profiles->len; i++) {
		FakeProfile *profile = card->profiles->pdata[i];

		if (strcmp(profile->iccid, iccid) == 0)
			return profile;
	}
	return NULL;
}

const char *fake_card_enabled(FakeCard *card)
{
	for (guint i = 0; i < card->profiles->len; i++) {
		FakeProfile *profile = card->profiles->pdata[i];

		if (profile->enabled)
			return profile->iccid;
	}
	return "";
}

GBytes *fake_card_eim_data(const char *eim_id, const char *fqdn, int64_t token)
{
	/* A key that nobody uses: SubjectPublicKeyInfo without its 30, shortened. */
	return tlv(0x30, tlv_text(0x80, eim_id), tlv_text(0x81, fqdn), tlv_number(0x84, token),
		tlv(0xa5, tlv_hex("a0023000"), NULL), tlv_hex("87020780"), NULL);
}

void fake_card_add_eim(FakeCard *card, const char *eim_id, const char *fqdn)
{
	FakeEntry *entry = g_new0(FakeEntry, 1);

	entry->eim_id = g_strdup(eim_id);
	entry->data = fake_card_eim_data(eim_id, fqdn, ++card->token);
	g_ptr_array_add(card->eims, entry);
}

FakeEntry *fake_card_eim(FakeCard *card, const char *eim_id)
{
	for (guint i = 0; i < card->eims->len; i++) {
		FakeEntry *entry = card->eims->pdata[i];

		if (strcmp(entry->eim_id, eim_id) == 0)
			return entry;
	}
	return NULL;
}

bool fake_card_executed(FakeCard *card, int64_t counter, unsigned times)
{
	unsigned n = 0;

	for (guint i = 0; i < card->executed->len; i++)
		n += g_array_index(card->executed, int64_t, i) == counter;
	return n == times;
}

void fake_card_clear_log(FakeCard *card)
{
	g_string_truncate(card->log, 0);
	card->apdus = 0;
}
