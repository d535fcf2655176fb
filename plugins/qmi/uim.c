/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Channels and APDUs: three messages of the UIM service that libqmi-glib 1.32 does not know, built and
 * read as raw TLVs; and answers too long for one message, which come in pieces by indication.
 */
#include "modem.h"

#include <string.h>

#define UIM_OPEN_CHANNEL 0x0042
#define UIM_SEND_APDU 0x003b
#define UIM_LOGICAL_CHANNEL 0x003f

#define N_LONGS 4 /* answers that are being collected */

static QmiMessage *message_new(QmiClient *client, uint16_t number)
{
	return qmi_message_new(QMI_SERVICE_UIM, qmi_client_get_cid(client),
		qmi_client_get_next_transaction_id(client), number);
}

/* A TLV of one octet string with a length before it of size_octets (0: none). */
static bool write_tlv(QmiMessage *message, uint8_t type, uint8_t size_octets, Span value)
{
	size_t at = qmi_message_tlv_write_init(message, type, NULL);

	return at > 0 &&
		qmi_message_tlv_write_string(
			message, size_octets, (const char *)value.data, value.size, NULL) &&
		qmi_message_tlv_write_complete(message, at, NULL);
}

static bool write_octet(QmiMessage *message, uint8_t type, uint8_t value)
{
	return write_tlv(message, type, 0, span(&value, 1));
}

typedef struct FindTlv {
	uint8_t type;
	Span found;
} FindTlv;

static void find_tlv(guint8 type, const guint8 *value, gsize length, gpointer user)
{
	FindTlv *find = user;

	if (type == find->type && !find->found.data)
		find->found = span(value, length);
}

/* Absent if there is none. Lives as long as the message. */
static Span read_tlv(QmiMessage *message, uint8_t type)
{
	FindTlv find = { .type = type };

	qmi_message_foreach_raw_tlv(message, find_tlv, &find);
	return find.found;
}

static uint16_t get_u16(const uint8_t *at)
{
	return at[0] | at[1] << 8;
}

static uint32_t get_u32(const uint8_t *at)
{
	return get_u16(at) | (uint32_t)get_u16(at + 2) << 16;
}

/* The octets behind a length of size_octets; absent if they do not fit. */
static Span read_string(Span tlv, size_t size_octets)
{
	size_t size;

	if (tlv.size < size_octets)
		return span(NULL, 0);
	size = size_octets == 1 ? tlv.data[0] : get_u16(tlv.data);
	if (size > tlv.size - size_octets)
		return span(NULL, 0);
	return span(tlv.data + size_octets, size);
}

/* NULL with an error of libqmi. */
static QmiMessage *exchange(Modem *self, QmiMessage *message, unsigned timeout, GError **error)
{
	g_auto(ModemCall) call = { 0 };

	qmi_device_command_full(self->device, message, NULL, timeout, NULL, modem_call_done, &call);
	return qmi_device_command_full_finish(self->device, modem_call_wait(&call), error);
}

static bool fail_malformed(GError **error, const char *what)
{
	return sgp32_fail(error, SGP32_ERROR_CARD_MALFORMED,
		"%s: the modem's answer cannot be understood", what);
}

/* 0: the modem did it; else a number of QMI_PROTOCOL_ERROR. */
static bool read_result(QmiMessage *reply, uint16_t *ret, const char *what, GError **error)
{
	Span result = read_tlv(reply, 0x02);

	if (result.size != 4)
		return fail_malformed(error, what);
	*ret = get_u16(result.data) == 0 ? 0 : get_u16(result.data + 2);
	if (get_u16(result.data) != 0 && *ret == 0)
		*ret = QMI_PROTOCOL_ERROR_INTERNAL;
	return true;
}

/* ---- Open ---- */

static bool status_is_success(uint16_t sw)
{
	uint8_t sw1 = sw >> 8;

	return sw == 0x9000 || sw1 == 0x61 || sw1 == 0x62 || sw1 == 0x63 || sw1 == 0x91;
}

/* The status word of SELECT (or of MANAGE CHANNEL), which the modem sent. */
static bool fail_select(GError **error, uint16_t sw)
{
	switch (sw) {
	case 0x6a82: /* no such application */
		return sgp32_fail_sw(
			error, SGP32_ERROR_NOT_FOUND, sw, "No such application on the card");
	case 0x6985: /* selected on another channel, and not multi-selectable */
	case 0x6999: /* the application refused to be selected */
	case 0x6a81: /* no channel is free */
	case 0x6a84: /* no memory for a channel */
		return sgp32_fail_sw(error, SGP32_ERROR_CARD_BUSY, sw,
			"The application or all channels are in use");
	case 0x6881: /* no logical channels */
		return sgp32_fail_sw(
			error, SGP32_ERROR_NOT_SUPPORTED, sw, "The card knows no logical channels");
	default:
		return sgp32_fail_sw(error, SGP32_ERROR_CARD_REFUSED, sw,
			"The card refuses the channel with %04X", sw);
	}
}

/* The answer to SELECT with its status word; NULL if the modem hides both. */
static GBytes *select_answer(Span answer, Span sw)
{
	g_autoptr(GByteArray) whole = NULL;

	if (!answer.data && !sw.data)
		return NULL;
	whole = g_byte_array_new();
	array_append_span(whole, answer);
	array_append_span(whole, sw.data ? sw : SPAN_LITERAL("\x90\x00"));
	return g_byte_array_free_to_bytes(g_steal_pointer(&whole));
}

static bool read_open(Modem *self, QmiMessage *reply, unsigned *ret_channel, GBytes **ret_select,
	uint16_t *ret_sw, GError **error)
{
	static const char what[] = "Open channel";
	Span channel = read_tlv(reply, 0x10), sw = read_tlv(reply, 0x11),
	     tlv = read_tlv(reply, 0x12);
	Span answer = read_string(tlv, 1);
	uint16_t number;

	if (!read_result(reply, &number, what, error))
		return false;
	if (sw.data && sw.size != 2)
		return fail_malformed(error, what);
	*ret_sw = sw.data ? sw.data[0] << 8 | sw.data[1] : 0x9000;
	if (number != 0) {
		if (!status_is_success(*ret_sw))
			return fail_select(error, *ret_sw);
		return modem_fail_protocol(self, error, number, what);
	}
	if (channel.size != 1 || channel.data[0] < 1 || channel.data[0] > 19 ||
		(tlv.data && !answer.data))
		return fail_malformed(error, what);
	*ret_channel = channel.data[0];
	*ret_select = select_answer(answer, sw);
	return true;
}

bool modem_open_channel(void *user, unsigned number, Span aid, unsigned *ret_channel,
	GBytes **ret_select, GError **error)
{
	Modem *self = user;
	ModemSlot *slot = modem_slot(self, number, error);
	g_autoptr(QmiMessage) message = NULL, reply = NULL;
	g_autoptr(GBytes) select = NULL;
	GError *why = NULL;
	unsigned channel = 0;
	uint16_t sw = 0;

	if (!slot)
		return false;
	message = message_new(QMI_CLIENT(self->uim), UIM_OPEN_CHANNEL);
	if (aid.size < 1 || aid.size > 32 || !write_octet(message, 0x01, slot->info.logical) ||
		!write_tlv(message, 0x10, 1, aid))
		return sgp32_fail(
			error, SGP32_ERROR_INVALID_ARGUMENT, "An AID of %zu octets", aid.size);
	reply = exchange(self, message, self->timeout, &why);
	if (!reply)
		return modem_fail(self, error, why, "Open channel");
	if (!read_open(self, reply, &channel, &select, &sw, error))
		return false;
	modem_note_channel(self, slot->info.logical, channel);
	if (!status_is_success(sw)) {
		/* Open, with the application not selected: of no use. */
		(void)!modem_close_channel(self, number, channel, NULL);
		return fail_select(error, sw);
	}
	*ret_channel = channel;
	if (ret_select)
		*ret_select = g_steal_pointer(&select);
	return true;
}

/* ---- Close ---- */

bool modem_close_raw(Modem *self, QmiClient *client, unsigned logical, unsigned channel,
	unsigned timeout, GError **error)
{
	static const char what[] = "Close channel";
	g_autoptr(QmiMessage) message = message_new(client, UIM_LOGICAL_CHANNEL);
	g_autoptr(QmiMessage) reply = NULL;
	GError *why = NULL;
	uint16_t number;

	if (!write_octet(message, 0x01, logical) || !write_octet(message, 0x11, channel))
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "Channel %u", channel);
	reply = exchange(self, message, timeout, &why);
	if (!reply)
		return modem_fail(self, error, why, what);
	if (!read_result(reply, &number, what, error))
		return false;
	return number == 0 || modem_fail_protocol(self, error, number, what);
}

bool modem_close_channel(void *user, unsigned number, unsigned channel, GError **error)
{
	Modem *self = user;
	ModemSlot *slot = modem_slot(self, number, error);

	if (!slot)
		return false;
	/* Whatever comes of it, another try would not help. */
	modem_forget_channel(self, slot->info.logical, channel);
	return modem_close_raw(
		self, QMI_CLIENT(self->uim), slot->info.logical, channel, self->timeout, error);
}

/* ---- Long answers ---- */

void modem_long_free(void *data)
{
	ModemLong *answer = data;

	g_byte_array_unref(answer->data);
	g_free(answer);
}

static ModemLong *long_find(Modem *self, uint32_t token)
{
	for (unsigned i = 0; i < self->longs->len; i++) {
		ModemLong *answer = g_ptr_array_index(self->longs, i);

		if (answer->token == token)
			return answer;
	}
	return NULL;
}

static ModemLong *long_start(Modem *self, uint32_t token, uint16_t total)
{
	ModemLong *answer = g_new0(ModemLong, 1);

	if (self->longs->len == N_LONGS)
		g_ptr_array_remove_index(self->longs, 0);
	answer->token = token;
	answer->total = total;
	answer->data = g_byte_array_new();
	g_ptr_array_add(self->longs, answer);
	return answer;
}

/* TLV 0x01: token u32, total u16, offset u16, n u16 and n octets. The pieces come in order; they may come
 * before the response that names the token. */
void modem_on_indication(QmiDevice *device, QmiMessage *message, gpointer user)
{
	Modem *self = user;
	uint8_t cid = qmi_message_get_client_id(message);
	ModemLong *answer;
	Span tlv, piece;
	uint16_t total, offset;

	if (!self->uim || qmi_message_get_service(message) != QMI_SERVICE_UIM ||
		qmi_message_get_message_id(message) != UIM_SEND_APDU)
		return;
	if (cid != QMI_CID_BROADCAST && cid != qmi_client_get_cid(QMI_CLIENT(self->uim)))
		return;
	tlv = read_tlv(message, 0x01);
	if (tlv.size < 8)
		return;
	piece = read_string(span(tlv.data + 8, tlv.size - 8), 2);
	total = get_u16(tlv.data + 4);
	offset = get_u16(tlv.data + 6);
	answer = long_find(self, get_u32(tlv.data));
	if (!answer)
		answer = long_start(self, get_u32(tlv.data), total);
	if (!piece.data || total != answer->total || offset != answer->data->len ||
		piece.size > (size_t)total - offset)
		answer->broken = true;
	if (!answer->broken)
		array_append_span(answer->data, piece);
	self->long_news = true;
}

/* TLV 0x11 of the response is total u16 and token u32; should a modem send them the other way round, the
 * pieces tell which is which. */
static ModemLong *long_of_response(Modem *self, Span tlv)
{
	ModemLong *answer = long_find(self, get_u32(tlv.data + 2));

	if (answer && answer->total == get_u16(tlv.data))
		return answer;
	answer = long_find(self, get_u32(tlv.data));
	if (answer && answer->total == get_u16(tlv.data + 4))
		return answer;
	return NULL;
}

static bool collect_long(Modem *self, Span tlv, GBytes **ret, GError **error)
{
	gint64 until = g_get_monotonic_time() + self->timeout * G_USEC_PER_SEC;
	ModemLong *answer;

	if (tlv.size != 6)
		return fail_malformed(error, "Send APDU");
	for (;;) {
		gint64 left = until - g_get_monotonic_time();

		self->long_news = false;
		answer = long_of_response(self, tlv);
		if (answer && answer->broken)
			return fail_malformed(error, "Send APDU");
		if (answer && answer->data->len == answer->total)
			break;
		if (self->gone)
			return modem_fail_gone(error);
		if (left <= 0)
			return sgp32_fail(
				error, SGP32_ERROR_TIMEOUT, "A long answer did not come whole");
		modem_iterate(self, left / 1000 + 1, &self->long_news);
	}
	if (answer->total < 2)
		return fail_malformed(error, "Send APDU");
	*ret = g_bytes_new(answer->data->data, answer->data->len);
	return true;
}

/* ---- Transmit ---- */

static bool read_apdu(
	Modem *self, QmiMessage *reply, unsigned channel, GBytes **ret, GError **error)
{
	static const char what[] = "Send APDU";
	Span answer;
	uint16_t number;

	if (!read_result(reply, &number, what, error))
		return false;
	if (number == QMI_PROTOCOL_ERROR_INSUFFICIENT_RESOURCES && read_tlv(reply, 0x11).data)
		return collect_long(self, read_tlv(reply, 0x11), ret, error);
	/* Slot and size are right: it is the channel that the modem does not know. */
	if (number == QMI_PROTOCOL_ERROR_INVALID_ARGUMENT && channel != 0)
		return sgp32_fail(error, SGP32_ERROR_CARD_LOST,
			"The modem does not know channel %u", channel);
	if (number != 0)
		return modem_fail_protocol(self, error, number, what);
	answer = read_string(read_tlv(reply, 0x10), 2);
	if (answer.size < 2)
		return fail_malformed(error, what);
	*ret = span_to_bytes(answer);
	return true;
}

bool modem_transmit(
	void *user, unsigned number, unsigned channel, Span apdu, GBytes **ret, GError **error)
{
	Modem *self = user;
	ModemSlot *slot = modem_slot(self, number, error);
	g_autoptr(QmiMessage) message = NULL, reply = NULL;
	GError *why = NULL;
	bool timeout, ok;

	if (!slot)
		return false;
	if (apdu.size < 4 || apdu.size > MODEM_APDU_MAX || channel > 19)
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
			"An APDU of %zu octets for channel %u", apdu.size, channel);
	message = message_new(QMI_CLIENT(self->uim), UIM_SEND_APDU);
	/* Without a channel it goes to the basic one. */
	if (!write_octet(message, 0x01, slot->info.logical) || !write_tlv(message, 0x02, 2, apdu) ||
		(channel != 0 && !write_octet(message, 0x10, channel)))
		return sgp32_fail(error, SGP32_ERROR_FAILED, "The message cannot be built");
	reply = exchange(self, message, self->timeout, &why);
	if (!reply) {
		timeout = g_error_matches(why, QMI_CORE_ERROR, QMI_CORE_ERROR_TIMEOUT);
		modem_fail(self, error, why, "Send APDU");
		if (timeout && !self->gone)
			g_prefix_error(error,
				"Channel %u is in an unknown state and must be closed, the card may still "
				"carry out the command: ",
				channel);
		return false;
	}
	ok = read_apdu(self, reply, channel, ret, error);
	/* Pieces of this answer or of one that came too late: no use for the next. */
	g_ptr_array_set_size(self->longs, 0);
	return ok;
}
