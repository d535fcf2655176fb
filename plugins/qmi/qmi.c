/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening, closing, and facts. */
#include "modem.h"

#include <string.h>
#include <sys/stat.h>

#define APDU_TIMEOUT 30
#define OPEN_TIMEOUT 10

static void on_removed(QmiDevice *device, gpointer self)
{
	modem_gone(self);
}

/* Never SYNC: the modem would forget the clients of ModemManager. */
static QmiDeviceOpenFlags open_flags(const TransportPort *port, TransportAccess access)
{
	QmiDeviceOpenFlags flags = QMI_DEVICE_OPEN_FLAGS_NONE;
	bool is_qmi =
		g_strcmp0(port->driver, "qmi_wwan") == 0 || g_strcmp0(port->port_type, "QMI") == 0;

	if (access == TRANSPORT_PROXY)
		flags |= QMI_DEVICE_OPEN_FLAGS_PROXY;
	/* A port of the kernel whose protocol was not told: sysfs knows. */
	if (port->subsystem && !is_qmi)
		flags |= QMI_DEVICE_OPEN_FLAGS_AUTO | QMI_DEVICE_OPEN_FLAGS_EXPECT_INDICATIONS;
	return flags;
}

static bool device_new(
	Modem *self, const TransportPort *port, TransportAccess access, GError **error)
{
	g_autoptr(GFile) file = g_file_new_for_path(port->node);
	g_autoptr(GObject) source = NULL;
	g_auto(ModemCall) call = { 0 };
	GError *why = NULL;
	struct stat st;
	bool there = stat(port->node, &st) == 0;
	/* What is not a port of the kernel may be no file at all, and sysfs knows nothing of it. */
	bool no_check = !there || !port->subsystem;
	pid_t pid;

	if (!there && access == TRANSPORT_DIRECT)
		return sgp32_fail(error, SGP32_ERROR_NOT_FOUND, "There is no %s", port->node);
	/* libqmi would start a proxy as our child, which would end with us. */
	if (access == TRANSPORT_PROXY &&
		!modem_proxy_identity(
			port->proxy ? port->proxy : QMI_PROXY_SOCKET_PATH, &pid, error))
		return false;
	g_async_initable_new_async(QMI_TYPE_DEVICE, G_PRIORITY_DEFAULT, NULL, modem_call_done,
		&call, QMI_DEVICE_FILE, file, QMI_DEVICE_NO_FILE_CHECK, no_check,
		port->proxy ? QMI_DEVICE_PROXY_PATH : NULL, port->proxy, NULL);
	source = g_async_result_get_source_object(modem_call_wait(&call));
	self->device = QMI_DEVICE(
		g_async_initable_new_finish(G_ASYNC_INITABLE(source), call.result, &why));
	return self->device ? true : modem_fail(self, error, why, "Open");
}

static bool device_open(
	Modem *self, const TransportPort *port, TransportAccess access, GError **error)
{
	g_auto(ModemCall) call = { 0 };
	GError *why = NULL;

	qmi_device_open(
		self->device, open_flags(port, access), OPEN_TIMEOUT, NULL, modem_call_done, &call);
	if (qmi_device_open_finish(self->device, modem_call_wait(&call), &why)) {
		self->on_removed = g_signal_connect(
			self->device, QMI_DEVICE_SIGNAL_REMOVED, G_CALLBACK(on_removed), self);
		self->on_indication = g_signal_connect(self->device, QMI_DEVICE_SIGNAL_INDICATION,
			G_CALLBACK(modem_on_indication), self);
		return true;
	}
	/* libqmi has no code of its own for a port that another program holds. */
	if (strstr(why->message, g_strerror(EBUSY))) {
		g_error_free(why);
		return sgp32_fail(
			error, SGP32_ERROR_BUSY, "%s is held by another program", port->node);
	}
	return modem_fail(self, error, why, "Open");
}

static void close_left(Modem *self, QmiClient *client, const GArray *channels)
{
	for (unsigned i = 0; i < channels->len && !self->gone; i++) {
		const ModemChannel *channel = &g_array_index(channels, ModemChannel, i);
		g_autoptr(GError) error = NULL;

		if (!modem_close_raw(self, client, channel->logical, channel->number,
			    MODEM_CONTROL_TIMEOUT, &error))
			g_debug("Channel %u cannot be closed: %s", channel->number, error->message);
	}
}

/* Gives back what an earlier run left behind, if it was this modem's. */
static void clean_up(Modem *self)
{
	ModemNotes left = { 0 };
	bool closed = false;

	if (!modem_notes_read(self, &left))
		return;
	for (unsigned i = 0; i < left.clients->len && !self->gone; i++) {
		const ModemClientId *id = &g_array_index(left.clients, ModemClientId, i);
		g_autoptr(GError) error = NULL;
		QmiClient *client = modem_client_new(self, id->service, id->cid, &error);

		if (!client) {
			g_debug("Client %u of service %u cannot be given back: %s", id->cid,
				id->service, error->message);
			continue;
		}
		if (id->service == QMI_SERVICE_UIM && !closed) {
			close_left(self, client, left.channels);
			closed = true;
		}
		if (!modem_client_release(self, client))
			break;
	}
	g_message("Gave back %u clients and %u channels that an earlier run left in the modem",
		left.clients->len, left.channels->len);
	modem_notes_clear(&left);
	modem_notes_remove(self);
}

static void modem_close(void *user)
{
	Modem *self = user;
	bool clean = true;

	modem_unwatch(self);
	while (self->uim && !self->gone && self->notes.channels->len > 0) {
		ModemChannel channel = g_array_index(self->notes.channels, ModemChannel, 0);
		g_autoptr(GError) error = NULL;

		if (!modem_close_raw(self, QMI_CLIENT(self->uim), channel.logical, channel.number,
			    MODEM_CONTROL_TIMEOUT, &error))
			g_debug("Channel %u cannot be closed: %s", channel.number, error->message);
		modem_forget_channel(self, channel.logical, channel.number);
	}
	if (self->uim)
		clean = modem_client_release(self, QMI_CLIENT(g_steal_pointer(&self->uim)));
	if (self->on_removed)
		g_signal_handler_disconnect(self->device, self->on_removed);
	if (self->on_indication)
		g_signal_handler_disconnect(self->device, self->on_indication);
	if (self->device && qmi_device_is_open(self->device)) {
		g_auto(ModemCall) call = { 0 };
		g_autoptr(GError) error = NULL;

		qmi_device_close_async(self->device, OPEN_TIMEOUT, NULL, modem_call_done, &call);
		if (!qmi_device_close_finish(self->device, modem_call_wait(&call), &error))
			g_debug("Closing: %s", error->message);
	}
	g_clear_object(&self->device);
	/* What is gone holds nothing of ours; what did not answer may. */
	if (clean || self->gone)
		modem_notes_remove(self);
	modem_notes_clear(&self->notes);
	g_ptr_array_unref(self->longs);
	g_free(self->crash_file);
	g_free(self->instance);
	g_free(self);
}

static void *modem_open(const TransportPort *port, TransportAccess access,
	const TransportSink *sink, GError **error)
{
	Modem *self = g_new0(Modem, 1);
	QmiClient *uim = NULL;

	self->sink = *sink;
	self->timeout = port->timeout ? port->timeout : APDU_TIMEOUT;
	self->longs = g_ptr_array_new_with_free_func(modem_long_free);
	modem_notes_init(&self->notes);
	if (device_new(self, port, access, error) && device_open(self, port, access, error)) {
		self->crash_file = g_strdup(port->crash_file);
		self->instance = modem_instance(port, access);
		clean_up(self);
		uim = modem_client_new(self, QMI_SERVICE_UIM, QMI_CID_NONE, error);
	}
	if (!uim) {
		modem_close(self);
		return NULL;
	}
	self->uim = QMI_CLIENT_UIM(uim);
	modem_watch(self);
	return self;
}

/* ---- Facts ---- */

static bool read_imei(Modem *self, GError **error)
{
	QmiClient *dms = modem_client_new(self, QMI_SERVICE_DMS, QMI_CID_NONE, error);
	g_autoptr(QmiMessageDmsGetIdsOutput) output = NULL;
	g_auto(ModemCall) call = { 0 };
	const char *imei = NULL;
	GError *why = NULL;

	if (!dms)
		return false;
	qmi_client_dms_get_ids(
		QMI_CLIENT_DMS(dms), NULL, MODEM_CONTROL_TIMEOUT, NULL, modem_call_done, &call);
	output = qmi_client_dms_get_ids_finish(QMI_CLIENT_DMS(dms), modem_call_wait(&call), &why);
	if (output && qmi_message_dms_get_ids_output_get_result(output, &why) &&
		qmi_message_dms_get_ids_output_get_imei(output, &imei, NULL) &&
		strspn(imei, "0123456789") == strlen(imei) && strlen(imei) >= 14 &&
		strlen(imei) <= 16)
		g_strlcpy(self->imei, imei, sizeof(self->imei));
	(void)!modem_client_release(self, dms);
	return why ? modem_fail(self, error, why, "IMEI") : true;
}

/* TS 24.008 10.5.1.3: digits in nibbles, F in place of a third digit of the MNC. */
static void plmn_encode(unsigned mcc, unsigned mnc, bool three, uint8_t ret[3])
{
	unsigned last = three ? mnc % 10 : 0xf;
	unsigned two = three ? mnc / 10 : mnc;

	ret[0] = mcc / 10 % 10 << 4 | mcc / 100;
	ret[1] = last << 4 | mcc % 10;
	ret[2] = two % 10 << 4 | two / 10;
}

static bool read_plmn(Modem *self, GError **error)
{
	QmiClient *nas = modem_client_new(self, QMI_SERVICE_NAS, QMI_CID_NONE, error);
	g_autoptr(QmiMessageNasGetServingSystemOutput) output = NULL;
	g_auto(ModemCall) call = { 0 };
	uint16_t mcc = 0, mnc = 0;
	gboolean three = false;
	GError *why = NULL;

	if (!nas)
		return false;
	qmi_client_nas_get_serving_system(
		QMI_CLIENT_NAS(nas), NULL, MODEM_CONTROL_TIMEOUT, NULL, modem_call_done, &call);
	output = qmi_client_nas_get_serving_system_finish(
		QMI_CLIENT_NAS(nas), modem_call_wait(&call), &why);
	if (output && qmi_message_nas_get_serving_system_output_get_result(output, &why) &&
		qmi_message_nas_get_serving_system_output_get_current_plmn(
			output, &mcc, &mnc, NULL, NULL) &&
		mcc > 0 && mcc <= 999 && mnc <= 999) {
		qmi_message_nas_get_serving_system_output_get_mnc_pcs_digit_include_status(
			output, NULL, NULL, &three, NULL);
		plmn_encode(mcc, mnc, three || mnc > 99, self->plmn);
		self->has_plmn = true;
	}
	(void)!modem_client_release(self, nas);
	return why ? modem_fail(self, error, why, "Network") : true;
}

static bool modem_facts(void *user, TransportFacts *ret, GError **error)
{
	Modem *self = user;
	g_autoptr(GError) why = NULL;

	if (!self->imei[0] && !read_imei(self, error))
		return false;
	/* Without a network, the last one that was known. */
	if (!read_plmn(self, &why)) {
		if (self->gone)
			return modem_fail_gone(error);
		g_debug("The network is not known: %s", why->message);
	}
	*ret = (TransportFacts) { .has_plmn = self->has_plmn };
	memcpy(ret->imei, self->imei, sizeof(ret->imei));
	memcpy(ret->plmn, self->plmn, sizeof(ret->plmn));
	return true;
}

static const TransportMatch matches[] = {
	{ "usbmisc", "qmi_wwan", NULL },
	{ "wwan", NULL, "QMI" },
	{ NULL },
};

extern const TransportPlugin sgp32_transport __attribute__((visibility("default")));
const TransportPlugin sgp32_transport = {
	.abi = TRANSPORT_ABI,
	.size = sizeof(TransportPlugin),
	.name = "qmi",
	.description = "Modems that speak QMI",
	.priority = 50,
	.matches = matches,
	.open = modem_open,
	.close = modem_close,
	.slots = modem_slots,
	.open_channel = modem_open_channel,
	.transmit = modem_transmit,
	.close_channel = modem_close_channel,
	.reset = modem_reset,
	.facts = modem_facts,
};
