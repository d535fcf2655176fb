/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "modem.h"

void modem_call_done(GObject *source, GAsyncResult *result, gpointer user)
{
	ModemCall *call = user;

	call->result = g_object_ref(result);
}

GAsyncResult *modem_call_wait(ModemCall *call)
{
	GMainContext *context = g_main_context_get_thread_default();

	while (!call->result)
		g_main_context_iteration(context, true);
	return call->result;
}

void modem_call_clear(ModemCall *call)
{
	g_clear_object(&call->result);
}

static gboolean on_time(void *passed)
{
	*(bool *)passed = true;
	return G_SOURCE_REMOVE;
}

void modem_iterate(Modem *self, unsigned msec, const bool *done)
{
	GMainContext *context = g_main_context_get_thread_default();
	g_autoptr(GSource) timer = g_timeout_source_new(msec);
	bool passed = false;

	g_source_set_callback(timer, on_time, &passed, NULL);
	g_source_attach(timer, context);
	while (!passed && !self->gone && !(done && *done))
		g_main_context_iteration(context, true);
	g_source_destroy(timer);
}

/* ---- Errors ---- */

/* README.md shows this table to people. */
static const struct {
	uint16_t number;
	Sgp32Error code;
} protocol_errors[] = {
	{ QMI_PROTOCOL_ERROR_NO_MEMORY, SGP32_ERROR_CARD_BUSY },
	/* What modems say of a card that vanishes under a command. */
	{ QMI_PROTOCOL_ERROR_INTERNAL, SGP32_ERROR_CARD_LOST },
	{ QMI_PROTOCOL_ERROR_ABORTED, SGP32_ERROR_CARD_LOST },
	{ QMI_PROTOCOL_ERROR_CLIENT_IDS_EXHAUSTED, SGP32_ERROR_BUSY },
	{ QMI_PROTOCOL_ERROR_INVALID_CLIENT_ID, SGP32_ERROR_CARD_LOST },
	{ QMI_PROTOCOL_ERROR_INVALID_HANDLE, SGP32_ERROR_CARD_LOST },
	{ QMI_PROTOCOL_ERROR_DEVICE_IN_USE, SGP32_ERROR_CARD_BUSY },
	{ QMI_PROTOCOL_ERROR_DEVICE_UNSUPPORTED, SGP32_ERROR_NOT_SUPPORTED },
	{ QMI_PROTOCOL_ERROR_INVALID_SERVICE_TYPE, SGP32_ERROR_NOT_SUPPORTED },
	{ QMI_PROTOCOL_ERROR_UIM_UNINITIALIZED, SGP32_ERROR_NO_CARD },
	{ QMI_PROTOCOL_ERROR_NO_ENTRY, SGP32_ERROR_NOT_FOUND },
	{ QMI_PROTOCOL_ERROR_DEVICE_NOT_READY, SGP32_ERROR_CARD_BUSY },
	{ QMI_PROTOCOL_ERROR_SESSION_INACTIVE, SGP32_ERROR_CARD_LOST },
	{ QMI_PROTOCOL_ERROR_SESSION_INVALID, SGP32_ERROR_CARD_LOST },
	{ QMI_PROTOCOL_ERROR_INSUFFICIENT_RESOURCES, SGP32_ERROR_CARD_BUSY },
	{ QMI_PROTOCOL_ERROR_INVALID_QMI_COMMAND, SGP32_ERROR_NOT_SUPPORTED },
	{ QMI_PROTOCOL_ERROR_SIM_FILE_NOT_FOUND, SGP32_ERROR_NOT_FOUND },
	{ QMI_PROTOCOL_ERROR_ACCESS_DENIED, SGP32_ERROR_NOT_SUPPORTED },
	{ QMI_PROTOCOL_ERROR_HARDWARE_RESTRICTED, SGP32_ERROR_NOT_SUPPORTED },
	{ QMI_PROTOCOL_ERROR_INJECT_TIMEOUT, SGP32_ERROR_TIMEOUT },
	{ QMI_PROTOCOL_ERROR_INCOMPATIBLE_STATE, SGP32_ERROR_CARD_BUSY },
	{ QMI_PROTOCOL_ERROR_NOT_SUPPORTED, SGP32_ERROR_NOT_SUPPORTED },
	{ QMI_PROTOCOL_ERROR_NO_SIM, SGP32_ERROR_NO_CARD },
	{ QMI_PROTOCOL_ERROR_NO_PERMISSION, SGP32_ERROR_NOT_SUPPORTED },
	{ QMI_PROTOCOL_ERROR_TOO_SOON, SGP32_ERROR_CARD_BUSY },
	{ QMI_PROTOCOL_ERROR_OPERATION_IN_PROGRESS, SGP32_ERROR_CARD_BUSY },
};

static const struct {
	QmiCoreError number;
	Sgp32Error code;
} core_errors[] = {
	{ QMI_CORE_ERROR_WRONG_STATE, SGP32_ERROR_CARD_LOST },
	{ QMI_CORE_ERROR_TIMEOUT, SGP32_ERROR_TIMEOUT },
	{ QMI_CORE_ERROR_INVALID_MESSAGE, SGP32_ERROR_CARD_MALFORMED },
	{ QMI_CORE_ERROR_TLV_NOT_FOUND, SGP32_ERROR_CARD_MALFORMED },
	{ QMI_CORE_ERROR_TLV_TOO_LONG, SGP32_ERROR_CARD_MALFORMED },
	{ QMI_CORE_ERROR_UNSUPPORTED, SGP32_ERROR_NOT_SUPPORTED },
	{ QMI_CORE_ERROR_UNEXPECTED_MESSAGE, SGP32_ERROR_CARD_MALFORMED },
	{ QMI_CORE_ERROR_INVALID_DATA, SGP32_ERROR_CARD_MALFORMED },
};

static Sgp32Error protocol_code(unsigned number)
{
	for (size_t i = 0; i < G_N_ELEMENTS(protocol_errors); i++)
		if (protocol_errors[i].number == number)
			return protocol_errors[i].code;
	return SGP32_ERROR_FAILED;
}

static Sgp32Error core_code(int number)
{
	for (size_t i = 0; i < G_N_ELEMENTS(core_errors); i++)
		if ((int)core_errors[i].number == number)
			return core_errors[i].code;
	return SGP32_ERROR_FAILED;
}

bool modem_fail_gone(GError **error)
{
	return sgp32_fail(error, SGP32_ERROR_CARD_LOST, "The modem is gone");
}

bool modem_fail_protocol(Modem *self, GError **error, unsigned number, const char *what)
{
	const char *name = qmi_protocol_error_get_string(number);

	/* The modem forgot our clients (it was reset, or somebody sent SYNC): only opening anew helps. */
	if (number == QMI_PROTOCOL_ERROR_INVALID_CLIENT_ID)
		modem_gone(self);
	return sgp32_fail(error, protocol_code(number), "%s: the modem says %s (%u)", what,
		name ? name : "an unknown error", number);
}

bool modem_fail(Modem *self, GError **error, GError *cause, const char *what)
{
	g_autoptr(GError) from = cause;

	if (self->gone)
		return modem_fail_gone(error);
	if (from->domain == QMI_PROTOCOL_ERROR)
		return modem_fail_protocol(self, error, from->code, what);
	if (from->domain == QMI_CORE_ERROR)
		return sgp32_fail(error, core_code(from->code), "%s: %s", what, from->message);
	return sgp32_fail(error, SGP32_ERROR_FAILED, "%s: %s", what, from->message);
}

void modem_event(Modem *self, const ModemSlot *slot, TransportEvent event)
{
	self->sink.event(self->sink.user, slot ? slot->info.number : 0, event);
}

void modem_gone(Modem *self)
{
	if (self->gone)
		return;
	self->gone = true;
	modem_event(self, NULL, TRANSPORT_DEVICE_GONE);
}

/* ---- Clients ---- */

QmiClient *modem_client_new(Modem *self, QmiService service, uint8_t cid, GError **error)
{
	g_auto(ModemCall) call = { 0 };
	GError *why = NULL;
	QmiClient *client;

	if (self->gone) {
		modem_fail_gone(error);
		return NULL;
	}
	qmi_device_allocate_client(
		self->device, service, cid, MODEM_CONTROL_TIMEOUT, NULL, modem_call_done, &call);
	client = qmi_device_allocate_client_finish(self->device, modem_call_wait(&call), &why);
	if (!client)
		modem_fail(self, error, why, "No QMI client");
	else if (cid == QMI_CID_NONE)
		modem_note_client(self, service, qmi_client_get_cid(client));
	return client;
}

bool modem_client_release(Modem *self, QmiClient *client)
{
	g_autoptr(QmiClient) ours = client;
	g_auto(ModemCall) call = { 0 };
	g_autoptr(GError) why = NULL;
	unsigned service = qmi_client_get_service(client), cid = qmi_client_get_cid(client);

	qmi_device_release_client(self->device, client,
		self->gone ? QMI_DEVICE_RELEASE_CLIENT_FLAGS_NONE
			   : QMI_DEVICE_RELEASE_CLIENT_FLAGS_RELEASE_CID,
		MODEM_CONTROL_TIMEOUT, NULL, modem_call_done, &call);
	if (!qmi_device_release_client_finish(self->device, modem_call_wait(&call), &why) &&
		!self->gone) {
		g_warning("QMI client %u of service %u is left behind: %s", cid, service,
			why->message);
		return false;
	}
	modem_forget_client(self, service, cid);
	return true;
}
