/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * DMS, the service of the device: identity and operating mode.
 */
#include "modem.h"

enum {
	DMS_SET_EVENT_REPORT = 0x0001,
	DMS_GET_CAPABILITIES = 0x0020,
	DMS_GET_MANUFACTURER = 0x0021,
	DMS_GET_MODEL = 0x0022,
	DMS_GET_REVISION = 0x0023,
	DMS_GET_IDS = 0x0025,
	DMS_UIM_GET_PIN_STATUS = 0x002b,
	DMS_GET_HARDWARE_REVISION = 0x002c,
	DMS_GET_OPERATING_MODE = 0x002d,
	DMS_SET_OPERATING_MODE = 0x002e,
	DMS_UIM_GET_ICCID = 0x003c,
	DMS_UIM_GET_IMSI = 0x0043,
	DMS_UIM_GET_STATE = 0x0044,
	DMS_GET_BAND_CAPABILITIES = 0x0045,
};

#define QMI_INVALID_TRANSITION ((QmiError)60)
#define RADIO_LTE 8

static void answer_string(Request *request, uint8_t type, const char *text)
{
	GByteArray *out = g_byte_array_new();

	tlv_put_string(out, type, text);
	qmi_answer(request, out);
}

static void set_event_report(Modem *modem, Client *client, Request *request)
{
	qmi_answer(request, NULL);
}

static void get_capabilities(Modem *modem, Client *client, Request *request)
{
	GByteArray *out = g_byte_array_new();
	size_t t = tlv_open(out, 0x01);

	put_u32(out, 50000000); /* up and down, bit/s */
	put_u32(out, 150000000);
	put_u8(out, 2); /* packets only */
	put_u8(out, 2); /* with a SIM */
	put_u8(out, 1);
	put_u8(out, RADIO_LTE);
	tlv_close(out, t);
	qmi_answer(request, out);
}

static void get_manufacturer(Modem *modem, Client *client, Request *request)
{
	answer_string(request, 0x01, "sgp32d");
}

static void get_model(Modem *modem, Client *client, Request *request)
{
	answer_string(request, 0x01, "lab-modem");
}

static void get_revision(Modem *modem, Client *client, Request *request)
{
	answer_string(request, 0x01, "1");
}

static void get_hardware_revision(Modem *modem, Client *client, Request *request)
{
	answer_string(request, 0x01, "1.0");
}

static void get_ids(Modem *modem, Client *client, Request *request)
{
	GByteArray *out = g_byte_array_new();

	tlv_put_string(out, 0x10, "0"); /* no ESN */
	tlv_put_string(out, 0x11, modem->options.imei);
	qmi_answer(request, out);
}

static void uim_get_pin_status(Modem *modem, Client *client, Request *request)
{
	GByteArray *out;
	static const uint8_t pin1[] = { 3, 3, 10 },
			     pin2[] = { 1, 3, 10 }; /* disabled; not verified */

	if (modem->card.phase != CARD_READY) {
		qmi_fail(request, QMI_UIM_UNINITIALIZED, NULL);
		return;
	}
	out = g_byte_array_new();
	tlv_put_span(out, 0x11, SPAN_ARRAY(pin1));
	tlv_put_span(out, 0x12, SPAN_ARRAY(pin2));
	qmi_answer(request, out);
}

static void get_operating_mode(Modem *modem, Client *client, Request *request)
{
	GByteArray *out = g_byte_array_new();

	tlv_put_u8(out, 0x01, (uint8_t)modem->mode);
	qmi_answer(request, out);
}

static void set_operating_mode(Modem *modem, Client *client, Request *request)
{
	uint8_t mode;

	if (!tlv_get_u8(request->tlvs, 0x01, &mode)) {
		qmi_fail(request, QMI_MISSING_ARGUMENT, NULL);
		return;
	}
	if (mode > MODE_PERSISTENT_LOW_POWER) {
		qmi_fail(request, QMI_INVALID_ARGUMENT, NULL);
		return;
	}
	/* What is offline comes back by a reset only. */
	if (modem->mode == MODE_OFFLINE && mode != MODE_RESET && mode != MODE_OFFLINE) {
		qmi_fail(request, QMI_INVALID_TRANSITION, NULL);
		return;
	}
	qmi_answer(request, NULL);
	if (mode == MODE_RESET) {
		modem_reset(modem);
	} else if (mode != modem->mode) {
		modem->mode = (OperatingMode)mode;
		radio_restart(modem);
	}
}

static void uim_get_iccid(Modem *modem, Client *client, Request *request)
{
	g_autofree char *iccid = NULL;

	if (modem->card.phase != CARD_READY || !modem->card.has_iccid) {
		qmi_fail(request, QMI_UIM_UNINITIALIZED, NULL);
		return;
	}
	iccid = iccid_to_text(SPAN_ARRAY(modem->card.iccid));
	answer_string(request, 0x01, iccid ? iccid : "");
}

static void uim_get_imsi(Modem *modem, Client *client, Request *request)
{
	if (modem->card.phase != CARD_READY || !modem->card.imsi[0])
		qmi_fail(request, QMI_UIM_UNINITIALIZED, NULL);
	else
		answer_string(request, 0x01, modem->card.imsi);
}

static void uim_get_state(Modem *modem, Client *client, Request *request)
{
	GByteArray *out = g_byte_array_new();
	uint8_t state = 2; /* not present */

	if (modem->card.phase == CARD_READY)
		state = 0; /* initialized */
	else if (modem->card.phase == CARD_STARTING)
		state = 4; /* not yet known */
	tlv_put_u8(out, 0x01, state);
	qmi_answer(request, out);
}

static void get_band_capabilities(Modem *modem, Client *client, Request *request)
{
	GByteArray *out = g_byte_array_new();

	size_t t = tlv_open(out, 0x01);
	put_u32(out, 0); /* no GSM, no UMTS */
	put_u32(out, 0);
	tlv_close(out, t);
	t = tlv_open(out, 0x10);
	put_u32(out, 1 << 2 | 1 << 6 | 1 << 19); /* LTE 3, 7, 20 */
	put_u32(out, 0);
	tlv_close(out, t);
	qmi_answer(request, out);
}

static const QmiEntry entries[] = {
	QMI_COMMON_ENTRIES,
	{ DMS_SET_EVENT_REPORT, set_event_report },
	{ DMS_GET_CAPABILITIES, get_capabilities },
	{ DMS_GET_MANUFACTURER, get_manufacturer },
	{ DMS_GET_MODEL, get_model },
	{ DMS_GET_REVISION, get_revision },
	{ DMS_GET_IDS, get_ids },
	{ DMS_UIM_GET_PIN_STATUS, uim_get_pin_status },
	{ DMS_GET_HARDWARE_REVISION, get_hardware_revision },
	{ DMS_GET_OPERATING_MODE, get_operating_mode },
	{ DMS_SET_OPERATING_MODE, set_operating_mode },
	{ DMS_UIM_GET_ICCID, uim_get_iccid },
	{ DMS_UIM_GET_IMSI, uim_get_imsi },
	{ DMS_UIM_GET_STATE, uim_get_state },
	{ DMS_GET_BAND_CAPABILITIES, get_band_capabilities },
	{},
};

const QmiServiceTable dms_service = { QMI_DMS, 1, 14, entries };
