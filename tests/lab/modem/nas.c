/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NAS, the service of the network: registered at home, over LTE, or not at all.
 */
#include "modem.h"

#include <stdlib.h>

enum {
	NAS_SET_EVENT_REPORT = 0x0002,
	NAS_REGISTER_INDICATIONS = 0x0003,
	NAS_GET_SIGNAL_STRENGTH = 0x0020,
	NAS_INITIATE_NETWORK_REGISTER = 0x0022,
	NAS_GET_SERVING_SYSTEM = 0x0024,
	NAS_GET_HOME_NETWORK = 0x0025,
	NAS_SET_SYSTEM_SELECTION_PREFERENCE = 0x0033,
	NAS_GET_SYSTEM_SELECTION_PREFERENCE = 0x0034,
	NAS_GET_SYSTEM_INFO = 0x004d,
	NAS_SYSTEM_INFO_IND = 0x004e,
	NAS_GET_SIGNAL_INFO = 0x004f,
	NAS_CONFIG_SIGNAL_INFO = 0x0050,
};

#define RADIO_LTE 8
#define NETWORK_NAME "Lab"
#define TAC 0x1001
#define CELL 0x00100101

bool nas_plmn(const Modem *modem, char ret_mcc[4], char ret_mnc[4])
{
	const CardState *card = &modem->card;

	if (card->phase != CARD_READY || strlen(card->imsi) < 3 + card->mnc_digits)
		return false;
	g_strlcpy(ret_mcc, card->imsi, 4);
	g_strlcpy(ret_mnc, card->imsi + 3, card->mnc_digits + 1);
	return true;
}

static bool registered(const Modem *modem)
{
	char mcc[4], mnc[4];

	return modem->radio.registered && nas_plmn(modem, mcc, mnc);
}

static void put_plmn(GByteArray *out, uint8_t type, const char *mcc, const char *mnc)
{
	size_t t = tlv_open(out, type);

	put_u16(out, (uint16_t)atoi(mcc));
	put_u16(out, (uint16_t)atoi(mnc));
	put_span8(out, span_string(NETWORK_NAME));
	tlv_close(out, t);
}

static void put_serving_system(GByteArray *out, const Modem *modem)
{
	bool here = registered(modem), searching = modem->mode == MODE_ONLINE;
	char mcc[4], mnc[4];
	size_t t = tlv_open(out, 0x01);

	put_u8(out, here ? 1 : searching ? 2 : 0); /* registered, searching, not registered */
	put_u8(out, 2); /* no circuits */
	put_u8(out, here ? 1 : 2); /* packets */
	put_u8(out, 2); /* 3GPP */
	put_u8(out, here ? 1 : 0);
	if (here)
		put_u8(out, RADIO_LTE);
	tlv_close(out, t);
	if (!here || !nas_plmn(modem, mcc, mnc))
		return;
	tlv_put_u8(out, 0x10, 1); /* not roaming */
	t = tlv_open(out, 0x11); /* data service: LTE */
	put_u8(out, 1);
	put_u8(out, 0x0b);
	tlv_close(out, t);
	put_plmn(out, 0x12, mcc, mnc);
	t = tlv_open(out, 0x27); /* whether the MNC has three digits */
	put_u16(out, (uint16_t)atoi(mcc));
	put_u16(out, (uint16_t)atoi(mnc));
	put_u8(out, modem->card.mnc_digits == 3);
	tlv_close(out, t);
}

static void put_system_info(GByteArray *out, const Modem *modem)
{
	bool here = registered(modem);
	char mcc[4] = "", mnc[4] = "", network[7] = "";
	size_t t = tlv_open(out, 0x14); /* LTE */

	put_u8(out, here ? 2 : 0); /* service */
	put_u8(out, here ? 2 : 0);
	put_u8(out, 0);
	tlv_close(out, t);
	if (!here || !nas_plmn(modem, mcc, mnc))
		return;
	/* Three characters each; an MNC of two digits is padded with FF. */
	memset(network, 0xff, 6);
	memcpy(network, mcc, 3);
	memcpy(network + 3, mnc, strlen(mnc));
	t = tlv_open(out, 0x19);
	put_u8(out, 1);
	put_u8(out, 2); /* domain: packets */
	put_u8(out, 1);
	put_u8(out, 2); /* capability: packets */
	put_u8(out, 1);
	put_u8(out, 0); /* not roaming */
	put_u8(out, 1);
	put_u8(out, 0); /* not forbidden */
	put_u8(out, 0); /* no LAC */
	put_u16(out, 0);
	put_u8(out, 1);
	put_u32(out, CELL);
	put_u8(out, 0); /* no reject */
	put_u8(out, 0);
	put_u8(out, 0);
	put_u8(out, 1);
	array_append_span(out, span(network, 6));
	put_u8(out, 1);
	put_u16(out, TAC);
	tlv_close(out, t);
}

static void get_serving_system(Modem *modem, Client *client, Request *request)
{
	GByteArray *out = g_byte_array_new();

	put_serving_system(out, modem);
	qmi_answer(request, out);
}

static void get_system_info(Modem *modem, Client *client, Request *request)
{
	GByteArray *out = g_byte_array_new();

	put_system_info(out, modem);
	qmi_answer(request, out);
}

static bool wants_serving(const Client *client)
{
	return client->nas_serving;
}

static bool wants_system(const Client *client)
{
	return client->nas_system;
}

void nas_changed(Modem *modem)
{
	g_autoptr(GByteArray) serving = g_byte_array_new(), info = g_byte_array_new();

	put_serving_system(serving, modem);
	put_system_info(info, modem);
	qmi_indicate_if(
		modem, QMI_NAS, wants_serving, NAS_GET_SERVING_SYSTEM, span_of_array(serving));
	qmi_indicate_if(modem, QMI_NAS, wants_system, NAS_SYSTEM_INFO_IND, span_of_array(info));
}

static void register_indications(Modem *modem, Client *client, Request *request)
{
	uint8_t on;

	if (tlv_get_u8(request->tlvs, 0x13, &on))
		client->nas_serving = on;
	if (tlv_get_u8(request->tlvs, 0x18, &on))
		client->nas_system = on;
	qmi_answer(request, NULL);
}

static void nothing_to_do(Modem *modem, Client *client, Request *request)
{
	qmi_answer(request, NULL);
}

static void get_signal_strength(Modem *modem, Client *client, Request *request)
{
	GByteArray *out = g_byte_array_new();
	size_t t = tlv_open(out, 0x01);

	put_u8(out, (uint8_t)(int8_t)(registered(modem) ? -65 : -125)); /* dBm */
	put_u8(out, RADIO_LTE);
	tlv_close(out, t);
	qmi_answer(request, out);
}

static void get_signal_info(Modem *modem, Client *client, Request *request)
{
	GByteArray *out;
	size_t t;

	if (!registered(modem)) {
		qmi_fail(request, QMI_INFORMATION_UNAVAILABLE, NULL);
		return;
	}
	out = g_byte_array_new();
	t = tlv_open(out, 0x14);
	put_u8(out, (uint8_t)(int8_t)-65); /* RSSI */
	put_u8(out, (uint8_t)(int8_t)-9); /* RSRQ */
	put_u16(out, (uint16_t)(int16_t)-95); /* RSRP */
	put_u16(out, 150); /* SNR, tenths of dB */
	tlv_close(out, t);
	qmi_answer(request, out);
}

static void initiate_network_register(Modem *modem, Client *client, Request *request)
{
	if (!tlv_find(request->tlvs, 0x01).data) {
		qmi_fail(request, QMI_MISSING_ARGUMENT, NULL);
		return;
	}
	qmi_answer(request, NULL);
	if (!modem->radio.registered)
		radio_restart(modem);
}

static void get_home_network(Modem *modem, Client *client, Request *request)
{
	GByteArray *out;
	char mcc[4], mnc[4];

	if (!nas_plmn(modem, mcc, mnc)) {
		qmi_fail(request, QMI_NOT_PROVISIONED, NULL);
		return;
	}
	out = g_byte_array_new();
	put_plmn(out, 0x01, mcc, mnc);
	qmi_answer(request, out);
}

static void get_system_selection_preference(Modem *modem, Client *client, Request *request)
{
	GByteArray *out = g_byte_array_new();
	size_t t;

	tlv_put_u8(out, 0x10, 0); /* not in an emergency */
	tlv_put_u16(out, 0x11, 1 << 4); /* LTE */
	t = tlv_open(out, 0x15); /* bands 3, 7, 20 */
	put_u32(out, 1 << 2 | 1 << 6 | 1 << 19);
	put_u32(out, 0);
	tlv_close(out, t);
	tlv_put_u8(out, 0x16, 0); /* chooses the network itself */
	tlv_put_u32(out, 0x18, 1); /* packets */
	qmi_answer(request, out);
}

static const QmiEntry entries[] = {
	QMI_COMMON_ENTRIES,
	{ NAS_SET_EVENT_REPORT, nothing_to_do },
	{ NAS_REGISTER_INDICATIONS, register_indications },
	{ NAS_GET_SIGNAL_STRENGTH, get_signal_strength },
	{ NAS_INITIATE_NETWORK_REGISTER, initiate_network_register },
	{ NAS_GET_SERVING_SYSTEM, get_serving_system },
	{ NAS_GET_HOME_NETWORK, get_home_network },
	{ NAS_SET_SYSTEM_SELECTION_PREFERENCE, nothing_to_do },
	{ NAS_GET_SYSTEM_SELECTION_PREFERENCE, get_system_selection_preference },
	{ NAS_GET_SYSTEM_INFO, get_system_info },
	{ NAS_GET_SIGNAL_INFO, get_signal_info },
	{ NAS_CONFIG_SIGNAL_INFO, nothing_to_do },
	{},
};

const QmiServiceTable nas_service = { QMI_NAS, 1, 25, entries };
