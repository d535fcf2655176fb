/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * WDS and WDA, the services of data calls: enough for a connection manager. The link itself is up as
 * the radio says, with or without a call.
 */
#include "modem.h"

enum {
	WDS_SET_EVENT_REPORT = 0x0001,
	WDS_START_NETWORK = 0x0020,
	WDS_STOP_NETWORK = 0x0021,
	WDS_GET_PACKET_SERVICE_STATUS = 0x0022,
	WDS_GET_PROFILE_LIST = 0x002a,
	WDS_GET_PROFILE_SETTINGS = 0x002b,
	WDS_GET_CURRENT_SETTINGS = 0x002d,
	WDS_SET_IP_FAMILY = 0x004d,
	WDA_SET_DATA_FORMAT = 0x0020,
	WDA_GET_DATA_FORMAT = 0x0021,
};

#define PROFILE_NUMBER 1
#define APN "internet"

static bool online(const Modem *modem)
{
	return modem->radio.wanted != LINK_DOWN;
}

static void nothing_to_do(Modem *modem, Client *client, Request *request)
{
	qmi_answer(request, NULL);
}

static bool any_call(const Modem *modem)
{
	for (unsigned i = 0; i < modem->clients->len; i++)
		if (((const Client *)g_ptr_array_index(modem->clients, i))->wds_call)
			return true;
	return false;
}

static bool is_client(const Client *client)
{
	return true;
}

static void indicate_status(Modem *modem, bool up)
{
	g_autoptr(GByteArray) out = g_byte_array_new();
	size_t t = tlv_open(out, 0x01);

	put_u8(out, up ? 2 : 1);
	put_u8(out, 0); /* no new address */
	tlv_close(out, t);
	qmi_indicate_if(
		modem, QMI_WDS, is_client, WDS_GET_PACKET_SERVICE_STATUS, span_of_array(out));
}

void wds_changed(Modem *modem)
{
	bool ended = false;

	if (online(modem))
		return;
	for (unsigned i = 0; i < modem->clients->len; i++) {
		Client *client = g_ptr_array_index(modem->clients, i);

		ended |= client->wds_call;
		client->wds_call = false;
	}
	if (ended)
		indicate_status(modem, false);
}

static void start_network(Modem *modem, Client *client, Request *request)
{
	GByteArray *out = g_byte_array_new();

	if (!online(modem)) {
		tlv_put_u16(out, 0x10, 3); /* generic: no service */
		qmi_fail(request, QMI_CALL_FAILED, out);
		return;
	}
	if (client->wds_call) {
		g_byte_array_unref(out);
		qmi_fail(request, QMI_NO_EFFECT, NULL);
		return;
	}
	client->wds_call = true;
	tlv_put_u32(out, 0x01, 0x10000u + client->cid);
	qmi_answer(request, out);
	indicate_status(modem, true);
}

static void stop_network(Modem *modem, Client *client, Request *request)
{
	uint32_t handle;

	if (!tlv_get_u32(request->tlvs, 0x01, &handle)) {
		qmi_fail(request, QMI_MISSING_ARGUMENT, NULL);
		return;
	}
	if (!client->wds_call || handle != 0x10000u + client->cid) {
		qmi_fail(request, QMI_INVALID_HANDLE, NULL);
		return;
	}
	client->wds_call = false;
	qmi_answer(request, NULL);
	if (!any_call(modem))
		indicate_status(modem, false);
}

static void get_packet_service_status(Modem *modem, Client *client, Request *request)
{
	GByteArray *out = g_byte_array_new();

	tlv_put_u8(out, 0x01, any_call(modem) ? 2 : 1);
	qmi_answer(request, out);
}

static void get_current_settings(Modem *modem, Client *client, Request *request)
{
	GByteArray *out;

	if (!any_call(modem)) {
		qmi_fail(request, QMI_OUT_OF_CALL, NULL);
		return;
	}
	out = g_byte_array_new();
	tlv_put_u8(out, 0x11, 0); /* IPv4 */
	tlv_put_string(out, 0x14, APN);
	tlv_put_u32(out, 0x1e, 0x0a400002); /* 10.64.0.2/24 */
	tlv_put_u32(out, 0x20, 0x0a400001);
	tlv_put_u32(out, 0x21, 0xffffff00);
	tlv_put_u32(out, 0x29, 1500);
	tlv_put_u8(out, 0x2b, 4);
	qmi_answer(request, out);
}

static void get_profile_list(Modem *modem, Client *client, Request *request)
{
	GByteArray *out = g_byte_array_new();
	size_t t = tlv_open(out, 0x01);

	put_u8(out, 1);
	put_u8(out, 0); /* 3GPP */
	put_u8(out, PROFILE_NUMBER);
	put_span8(out, span_string(APN));
	tlv_close(out, t);
	qmi_answer(request, out);
}

static void get_profile_settings(Modem *modem, Client *client, Request *request)
{
	Span id = tlv_find(request->tlvs, 0x01);
	GByteArray *out;

	if (id.size != 2 || id.data[1] != PROFILE_NUMBER) {
		qmi_fail(request, id.size == 2 ? QMI_INVALID_ARGUMENT : QMI_MISSING_ARGUMENT, NULL);
		return;
	}
	out = g_byte_array_new();
	tlv_put_string(out, 0x10, APN);
	tlv_put_u8(out, 0x11, 0); /* IPv4 */
	tlv_put_string(out, 0x14, APN);
	qmi_answer(request, out);
}

static const QmiEntry wds_entries[] = {
	QMI_COMMON_ENTRIES,
	{ WDS_SET_EVENT_REPORT, nothing_to_do },
	{ WDS_START_NETWORK, start_network },
	{ WDS_STOP_NETWORK, stop_network },
	{ WDS_GET_PACKET_SERVICE_STATUS, get_packet_service_status },
	{ WDS_GET_PROFILE_LIST, get_profile_list },
	{ WDS_GET_PROFILE_SETTINGS, get_profile_settings },
	{ WDS_GET_CURRENT_SETTINGS, get_current_settings },
	{ WDS_SET_IP_FAMILY, nothing_to_do },
	{},
};

const QmiServiceTable wds_service = { QMI_WDS, 1, 36, wds_entries };

/* Raw IP, whatever is asked for. */
static void data_format(Modem *modem, Client *client, Request *request)
{
	GByteArray *out = g_byte_array_new();

	tlv_put_u8(out, 0x10, 0); /* no QoS header */
	tlv_put_u32(out, 0x11, 2); /* raw IP */
	tlv_put_u32(out, 0x12, 0); /* no aggregation */
	tlv_put_u32(out, 0x13, 0);
	qmi_answer(request, out);
}

static const QmiEntry wda_entries[] = {
	QMI_COMMON_ENTRIES,
	{ WDA_SET_DATA_FORMAT, data_format },
	{ WDA_GET_DATA_FORMAT, data_format },
	{},
};

const QmiServiceTable wda_service = { QMI_WDA, 1, 16, wda_entries };
