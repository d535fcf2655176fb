/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * UIM, the service of the card: status, logical channels, APDUs, power, REFRESH.
 */
#include "modem.h"

/* Octets of an APDU or answer in one message. */
#define APDU_MAX 1024
#define AID_MAX 16

enum {
	EVENT_CARD_STATUS = 0x01,
	EVENT_SLOT_STATUS = 0x10,
};

enum {
	UIM_READ_TRANSPARENT = 0x0020,
	UIM_READ_RECORD = 0x0021,
	UIM_GET_FILE_ATTRIBUTES = 0x0024,
	UIM_REFRESH_REGISTER = 0x002a,
	UIM_REFRESH_OK = 0x002b,
	UIM_REFRESH_COMPLETE = 0x002c,
	UIM_REGISTER_EVENTS = 0x002e,
	UIM_GET_CARD_STATUS = 0x002f,
	UIM_POWER_OFF = 0x0030,
	UIM_POWER_ON = 0x0031,
	UIM_CARD_STATUS_IND = 0x0032,
	UIM_REFRESH_IND = 0x0033,
	UIM_GET_CONFIGURATION = 0x003a,
	UIM_SEND_APDU = 0x003b,
	UIM_LOGICAL_CHANNEL = 0x003f,
	UIM_GET_ATR = 0x0041,
	UIM_OPEN_LOGICAL_CHANNEL = 0x0042,
	UIM_REFRESH_REGISTER_ALL = 0x0044,
	UIM_SWITCH_SLOT = 0x0046,
	UIM_GET_SLOT_STATUS = 0x0047,
	UIM_SLOT_STATUS_IND = 0x0048,
};

/* ---- status of card and slot ---- */

static void put_application(GByteArray *out, const CardState *card)
{
	put_u8(out, 2); /* USIM */
	put_u8(out, 7); /* ready */
	put_u8(out, 2); /* personalization: ready */
	put_u8(out, 0);
	put_u8(out, 0);
	put_u8(out, 0);
	put_span8(out, span(card->usim_aid, card->usim_aid_size));
	put_u8(out, 0); /* UPIN does not replace PIN1 */
	put_u8(out, 3); /* PIN1: disabled */
	put_u8(out, 3);
	put_u8(out, 10);
	put_u8(out, 1); /* PIN2: enabled, not verified */
	put_u8(out, 3);
	put_u8(out, 10);
}

static void put_card_status(GByteArray *out, const CardState *card)
{
	bool application = card->phase == CARD_READY && card->has_usim;
	size_t t = tlv_open(out, 0x10);

	put_u16(out, application ? 0x0000 : 0xffff); /* primary GW: slot 0, application 0 */
	put_u16(out, 0xffff);
	put_u16(out, 0xffff);
	put_u16(out, 0xffff);
	put_u8(out, 1);
	switch (card->phase) {
	case CARD_ABSENT: put_u8(out, 0); break;
	case CARD_STARTING:
	case CARD_READY: put_u8(out, 1); break;
	default: put_u8(out, 2);
	}
	put_u8(out, 0); /* UPIN: not initialized */
	put_u8(out, 0);
	put_u8(out, 0);
	switch (card->phase) {
	case CARD_OFF: put_u8(out, 1); break; /* power down */
	case CARD_MUTE: put_u8(out, 3); break; /* no ATR */
	default: put_u8(out, 0);
	}
	put_u8(out, application ? 1 : 0);
	if (application)
		put_application(out, card);
	tlv_close(out, t);
}

static void put_slot_status(GByteArray *out, const CardState *card)
{
	bool present = card->phase != CARD_ABSENT;
	size_t t = tlv_open(out, 0x10);

	put_u8(out, 1);
	put_u32(out, present ? 2 : 1);
	put_u32(out, 1); /* the slot is active */
	put_u8(out, 1); /* logical slot */
	put_span8(out, card->has_iccid ? SPAN_ARRAY(card->iccid) : (Span) {});
	tlv_close(out, t);
	t = tlv_open(out, 0x11);
	put_u8(out, 1);
	put_u32(out, card->atr_size ? 2 : 0); /* UICC */
	put_u8(out, card->has_usim ? 1 : 0);
	put_span8(out, span(card->atr, card->atr_size));
	put_u8(out, card->has_eid);
	tlv_close(out, t);
	t = tlv_open(out, 0x12);
	put_u8(out, 1);
	put_span8(out, card->has_eid ? SPAN_ARRAY(card->eid) : (Span) {});
	tlv_close(out, t);
}

static void get_card_status(Modem *modem, Client *client, Request *request)
{
	GByteArray *out = g_byte_array_new();

	put_card_status(out, &modem->card);
	qmi_answer(request, out);
}

static void get_slot_status(Modem *modem, Client *client, Request *request)
{
	GByteArray *out = g_byte_array_new();

	put_slot_status(out, &modem->card);
	qmi_answer(request, out);
}

static bool wants_card(const Client *client)
{
	return client->uim_events & EVENT_CARD_STATUS;
}

static bool wants_slot(const Client *client)
{
	return client->uim_events & EVENT_SLOT_STATUS;
}

static void indicate_change(Modem *modem, const CardState *before,
	void (*put)(GByteArray *, const CardState *), bool (*wants)(const Client *), uint16_t id)
{
	g_autoptr(GByteArray) was = g_byte_array_new(), is = g_byte_array_new();

	put(was, before);
	put(is, &modem->card);
	if (!span_equal(span_of_array(was), span_of_array(is)))
		qmi_indicate_if(modem, QMI_UIM, wants, id, span_of_array(is));
}

void uim_card_changed(Modem *modem, const CardState *before)
{
	indicate_change(modem, before, put_card_status, wants_card, UIM_CARD_STATUS_IND);
	indicate_change(modem, before, put_slot_status, wants_slot, UIM_SLOT_STATUS_IND);
}

static void register_events(Modem *modem, Client *client, Request *request)
{
	GByteArray *out;
	uint32_t mask;

	if (!tlv_get_u32(request->tlvs, 0x01, &mask)) {
		qmi_fail(request, QMI_MISSING_ARGUMENT, NULL);
		return;
	}
	client->uim_events = mask & (EVENT_CARD_STATUS | EVENT_SLOT_STATUS);
	out = g_byte_array_new();
	tlv_put_u32(out, 0x10, client->uim_events);
	qmi_answer(request, out);
}

/* ---- REFRESH ---- */

void uim_listeners_changed(Modem *modem)
{
	CardJob *job;
	bool any = false;

	if (!modem->link)
		return;
	for (unsigned i = 0; i < modem->clients->len; i++)
		any |= ((Client *)g_ptr_array_index(modem->clients, i))->uim_refresh;
	job = card_job_new(CARD_JOB_LISTENERS);
	job->flag = any;
	card_link_send(modem->link, job);
}

static void refresh_register(Modem *modem, Client *client, Request *request)
{
	Span session = tlv_find(request->tlvs, 0x01), info = tlv_find(request->tlvs, 0x02);

	if (session.size < 2 || info.size < 1) {
		qmi_fail(request, QMI_MISSING_ARGUMENT, NULL);
		return;
	}
	client->uim_refresh = info.data[0];
	client->uim_session = session.data[0];
	uim_listeners_changed(modem);
	qmi_answer(request, NULL);
}

static void refresh_ok(Modem *modem, Client *client, Request *request)
{
	qmi_answer(request, NULL); /* the modem asks no host for its vote */
}

static void refresh_complete(Modem *modem, Client *client, Request *request)
{
	Span info = tlv_find(request->tlvs, 0x02);
	CardJob *job;

	if (info.size != 1) {
		qmi_fail(request, QMI_MISSING_ARGUMENT, NULL);
		return;
	}
	if (!client->uim_refresh) {
		qmi_fail(request, QMI_INVALID_ARGUMENT, NULL);
		return;
	}
	client->uim_refresh_busy = false;
	for (unsigned i = 0; i < modem->clients->len; i++) {
		if (((Client *)g_ptr_array_index(modem->clients, i))->uim_refresh_busy) {
			qmi_answer(request, NULL);
			return;
		}
	}
	job = card_job_new(CARD_JOB_REFRESH_COMPLETE);
	job->flag = info.data[0];
	card_link_send(modem->link, job);
	qmi_answer(request, NULL);
}

void uim_refresh(Modem *modem, uint8_t stage, uint8_t mode)
{
	for (unsigned i = 0; i < modem->clients->len; i++) {
		Client *client = g_ptr_array_index(modem->clients, i);
		g_autoptr(GByteArray) out = g_byte_array_new();
		size_t t = tlv_open(out, 0x10);

		if (!client->uim_refresh)
			continue;
		client->uim_refresh_busy = stage == REFRESH_START && mode != REFRESH_RESET;
		put_u8(out, stage);
		put_u8(out, mode);
		put_u8(out, client->uim_session);
		put_u8(out, 0); /* no AID */
		put_u16(out, 0); /* no files */
		tlv_close(out, t);
		qmi_indicate(modem, client, UIM_REFRESH_IND, span_of_array(out));
	}
}

/* ---- what the card has to do ---- */

static void job_send(Modem *modem, CardJob *job, Request *request)
{
	job->request = request;
	job->request_free = (GDestroyNotify)request_free;
	card_link_send(modem->link, job);
}

/* Fails the request and returns false unless it names the one slot there is. */
static bool slot_check(Request *request)
{
	uint8_t slot;

	if (!tlv_get_u8(request->tlvs, 0x01, &slot)) {
		qmi_fail(request, QMI_MISSING_ARGUMENT, NULL);
		return false;
	}
	if (slot == 1)
		return true;
	qmi_fail(request, QMI_INVALID_ARGUMENT, NULL);
	return false;
}

static void power(Modem *modem, Request *request, bool on)
{
	CardJob *job;

	if (!slot_check(request))
		return;
	job = card_job_new(CARD_JOB_POWER);
	job->flag = on;
	job_send(modem, job, request);
}

static void power_off(Modem *modem, Client *client, Request *request)
{
	power(modem, request, false);
}

static void power_on(Modem *modem, Client *client, Request *request)
{
	power(modem, request, true);
}

static void switch_slot(Modem *modem, Client *client, Request *request)
{
	uint8_t logical;
	uint32_t physical;

	if (!tlv_get_u8(request->tlvs, 0x01, &logical) ||
		!tlv_get_u32(request->tlvs, 0x02, &physical))
		qmi_fail(request, QMI_MISSING_ARGUMENT, NULL);
	else
		qmi_fail(request,
			logical == 1 && physical == 1 ? QMI_NO_EFFECT : QMI_INVALID_ARGUMENT, NULL);
}

static void channel_open(Modem *modem, Request *request, uint8_t fci_type)
{
	static const CardSelect selects[] = { CARD_SELECT_NO_DATA, CARD_SELECT_FCP, CARD_SELECT_FCI,
		CARD_SELECT_FCI };
	Span aid = tlv_find(request->tlvs, 0x10);
	CardJob *job;
	uint8_t what = 2;

	tlv_get_u8(request->tlvs, fci_type, &what);
	if (aid.data && (aid.size < 1 || aid.data[0] != aid.size - 1)) {
		qmi_fail(request, QMI_MALFORMED_MESSAGE, NULL);
		return;
	}
	if (aid.size > 1 + AID_MAX || what >= G_N_ELEMENTS(selects)) {
		qmi_fail(request, QMI_INVALID_ARGUMENT, NULL);
		return;
	}
	job = card_job_new(CARD_JOB_OPEN);
	if (aid.size > 1)
		job->bytes = g_bytes_new(aid.data + 1, aid.size - 1);
	job->select = selects[what];
	job_send(modem, job, request);
}

static void open_logical_channel(Modem *modem, Client *client, Request *request)
{
	if (slot_check(request))
		channel_open(modem, request, 0x11);
}

/* The older message: opens if it names an AID, closes if it names a channel. */
static void logical_channel(Modem *modem, Client *client, Request *request)
{
	CardJob *job;
	uint8_t channel;

	if (!slot_check(request))
		return;
	if (tlv_get_u8(request->tlvs, 0x11, &channel)) {
		job = card_job_new(CARD_JOB_CLOSE);
		job->channel = channel;
		job_send(modem, job, request);
	} else if (tlv_find(request->tlvs, 0x10).data)
		channel_open(modem, request, 0x12);
	else
		qmi_fail(request, QMI_MISSING_ARGUMENT, NULL);
}

static void send_apdu(Modem *modem, Client *client, Request *request)
{
	Span apdu = tlv_find(request->tlvs, 0x02);
	uint8_t channel, procedure = modem->options.long_answers;
	CardJob *job;

	if (!slot_check(request))
		return;
	if (!apdu.data) {
		qmi_fail(request, QMI_MISSING_ARGUMENT, NULL);
		return;
	}
	if (apdu.size < 2 || get_u16(apdu.data) != apdu.size - 2) {
		qmi_fail(request, QMI_MALFORMED_MESSAGE, NULL);
		return;
	}
	apdu = span(apdu.data + 2, apdu.size - 2);
	if (apdu.size < 4 || apdu.size > APDU_MAX) {
		qmi_fail(request, apdu.size < 4 ? QMI_INVALID_ARGUMENT : QMI_ARGUMENT_TOO_LONG,
			NULL);
		return;
	}
	job = card_job_new(CARD_JOB_APDU);
	job->bytes = span_to_bytes(apdu);
	if (tlv_get_u8(request->tlvs, 0x10, &channel))
		job->channel = channel;
	/* 1: the host does not want to see 61xx and 6Cxx. */
	tlv_get_u8(request->tlvs, 0x11, &procedure);
	job->flag = procedure == 1;
	job_send(modem, job, request);
}

/* ---- what came of it ---- */

static void put_card_result(GByteArray *out, uint8_t type, uint16_t sw)
{
	uint8_t words[2] = { (uint8_t)(sw >> 8), (uint8_t)sw };

	if (sw)
		tlv_put_span(out, type, SPAN_ARRAY(words));
}

/*
 * An answer that does not fit: an error with its length and a token, then indications with the parts.
 */
static void answer_long(Modem *modem, Request *request, Span answer)
{
	GByteArray *out = g_byte_array_new();
	const Client *client = qmi_client_find(modem, QMI_UIM, request->cid);
	uint32_t token = ++modem->token;
	bool mute = request->mute;
	size_t t = tlv_open(out, 0x11);

	put_u16(out, (uint16_t)answer.size);
	put_u32(out, token);
	tlv_close(out, t);
	qmi_fail(request, QMI_INSUFFICIENT_RESOURCES, out);
	for (size_t at = 0; client && !mute && at < answer.size; at += APDU_MAX) {
		g_autoptr(GByteArray) part = g_byte_array_new();

		t = tlv_open(part, 0x01);
		put_u32(part, token);
		put_u16(part, (uint16_t)answer.size);
		put_u16(part, (uint16_t)at);
		put_span16(part, span(answer.data + at, MIN(answer.size - at, APDU_MAX)));
		tlv_close(part, t);
		qmi_indicate(modem, client, UIM_SEND_APDU, span_of_array(part));
	}
}

static void apdu_done(Modem *modem, CardJob *job, Request *request)
{
	Span answer = span_of(job->answer);
	GByteArray *out;
	size_t t;

	if (job->error || answer.size > G_MAXUINT16) {
		qmi_fail(request, job->error ? job->error : QMI_INTERNAL, NULL);
		return;
	}
	if (answer.size > APDU_MAX) {
		answer_long(modem, request, answer);
		return;
	}
	out = g_byte_array_new();
	t = tlv_open(out, 0x10);
	put_span16(out, answer);
	tlv_close(out, t);
	qmi_answer(request, out);
}

static void open_done(CardJob *job, Request *request)
{
	GByteArray *out = g_byte_array_new();
	Span select = span_of(job->answer);
	size_t t;

	if (!job->error)
		tlv_put_u8(out, 0x10, (uint8_t)job->channel);
	put_card_result(out, 0x11, job->sw);
	if (!job->error && job->bytes && select.size <= 255) {
		t = tlv_open(out, 0x12);
		put_span8(out, select);
		tlv_close(out, t);
	}
	qmi_fail(request, job->error, out);
}

static void close_done(CardJob *job, Request *request)
{
	GByteArray *out = g_byte_array_new();

	put_card_result(out, 0x11, job->sw);
	qmi_fail(request, job->error, out);
}

void uim_job_done(Modem *modem, CardJob *job)
{
	Request *request = g_steal_pointer(&job->request);

	if (!request)
		return;
	switch (job->kind) {
	case CARD_JOB_APDU: apdu_done(modem, job, request); break;
	case CARD_JOB_OPEN: open_done(job, request); break;
	case CARD_JOB_CLOSE: close_done(job, request); break;
	case CARD_JOB_READ_TRANSPARENT:
	case CARD_JOB_READ_RECORD:
	case CARD_JOB_ATTRIBUTES: qmi_fail(request, job->error, uim_file_tlvs(job)); break;
	default: qmi_fail(request, job->error, NULL);
	}
}

/* ---- the rest ---- */

static void get_configuration(Modem *modem, Client *client, Request *request)
{
	GByteArray *out = g_byte_array_new();
	uint32_t mask = 0x07;

	tlv_get_u32(request->tlvs, 0x10, &mask);
	if (mask & 0x01)
		tlv_put_u8(out, 0x10, 1); /* selects the application itself */
	if (mask & 0x02)
		tlv_put_u8(out, 0x11, 0); /* no personalization */
	if (mask & 0x04)
		tlv_put_u8(out, 0x12, 0); /* does not halt */
	qmi_answer(request, out);
}

static void get_atr(Modem *modem, Client *client, Request *request)
{
	GByteArray *out;
	size_t t;

	if (!slot_check(request))
		return;
	if (!modem->card.atr_size) {
		qmi_fail(request,
			modem->card.phase == CARD_ABSENT ? QMI_NO_SIM : QMI_DEVICE_NOT_READY, NULL);
		return;
	}
	out = g_byte_array_new();
	t = tlv_open(out, 0x10);
	put_span8(out, span(modem->card.atr, modem->card.atr_size));
	tlv_close(out, t);
	qmi_answer(request, out);
}

static const QmiEntry entries[] = {
	QMI_COMMON_ENTRIES,
	{ UIM_READ_TRANSPARENT, uim_read_transparent },
	{ UIM_READ_RECORD, uim_read_record },
	{ UIM_GET_FILE_ATTRIBUTES, uim_file_attributes },
	{ UIM_REFRESH_REGISTER, refresh_register },
	{ UIM_REFRESH_OK, refresh_ok },
	{ UIM_REFRESH_COMPLETE, refresh_complete },
	{ UIM_REGISTER_EVENTS, register_events },
	{ UIM_GET_CARD_STATUS, get_card_status },
	{ UIM_POWER_OFF, power_off },
	{ UIM_POWER_ON, power_on },
	{ UIM_GET_CONFIGURATION, get_configuration },
	{ UIM_SEND_APDU, send_apdu },
	{ UIM_LOGICAL_CHANNEL, logical_channel },
	{ UIM_GET_ATR, get_atr },
	{ UIM_OPEN_LOGICAL_CHANNEL, open_logical_channel },
	{ UIM_REFRESH_REGISTER_ALL, refresh_register },
	{ UIM_SWITCH_SLOT, switch_slot },
	{ UIM_GET_SLOT_STATUS, get_slot_status },
	{},
};

const QmiServiceTable uim_service = { QMI_UIM, 1, 46, entries };
