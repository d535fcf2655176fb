/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Slots, their events, REFRESH and resets.
 *
 * Two services tell of a slot: slot status of the physical slot and of the logical one it is mapped to,
 * card status of the card in a logical slot. An event is raised when what both say together changes.
 * Functions of this file that are called by indications never wait.
 */
#include "modem.h"

#include <string.h>

#define REFRESH_TIMEOUT_MSEC 3000 /* some modems never tell the end of a REFRESH */
#define RESET_TIMEOUT_MSEC 15000
#define RESET_POLL_MSEC 500

/* ---- What is in a slot ---- */

static TransportSlotState state_of(const ModemSlot *slot)
{
	if (slot->hole == SEEN_ABSENT)
		return TRANSPORT_SLOT_EMPTY;
	switch (slot->card) {
	case SEEN_ABSENT: return TRANSPORT_SLOT_EMPTY;
	case SEEN_PRESENT: return TRANSPORT_SLOT_CARD;
	case SEEN_ERROR: return TRANSPORT_SLOT_ERROR;
	case SEEN_NOTHING: break;
	}
	return slot->hole == SEEN_PRESENT ? TRANSPORT_SLOT_CARD : TRANSPORT_SLOT_UNKNOWN;
}

static bool is_usable(TransportSlotState state)
{
	return state == TRANSPORT_SLOT_CARD || state == TRANSPORT_SLOT_UNKNOWN;
}

/* Compares with what the slot was (a copy) and raises an event, unless it belongs to something larger. */
static void slot_settle(ModemSlot *slot, const TransportSlot *before, bool notify)
{
	Modem *self = slot->self;
	bool other_card = before->has_eid && slot->info.has_eid &&
		memcmp(before->eid, slot->info.eid, sizeof(before->eid)) != 0;
	bool moved = before->logical != slot->info.logical;

	slot->info.state = state_of(slot);
	if (slot->refreshing || slot->resetting)
		return;
	if (is_usable(before->state) != is_usable(slot->info.state) || other_card || moved)
		modem_forget_channels(self, before->logical);
	else
		return;
	if (notify)
		modem_event(self, slot,
			is_usable(slot->info.state) ? TRANSPORT_CARD_CHANGED : TRANSPORT_CARD_GONE);
}

static Span octets(const GArray *array)
{
	return array ? span(array->data, array->len) : span(NULL, 0);
}

static void slot_learn(ModemSlot *slot, const QmiPhysicalSlotStatusSlot *status,
	const QmiPhysicalSlotInformationSlot *information, const QmiSlotEidElement *eid)
{
	Span iccid = octets(status->iccid),
	     atr = octets(information ? information->atr_value : NULL);
	Span eid_octets = octets(eid ? eid->eid : NULL);
	unsigned logical = status->physical_slot_status == QMI_UIM_SLOT_STATE_ACTIVE
		? status->logical_slot
		: 0;

	if (logical != slot->info.logical)
		slot->card = SEEN_NOTHING; /* it was told of another card */
	slot->info.logical = logical <= MODEM_SLOTS ? logical : 0;
	switch (status->physical_card_status) {
	case QMI_UIM_PHYSICAL_CARD_STATE_ABSENT: slot->hole = SEEN_ABSENT; break;
	case QMI_UIM_PHYSICAL_CARD_STATE_PRESENT: slot->hole = SEEN_PRESENT; break;
	default: slot->hole = SEEN_NOTHING; break;
	}
	if (slot->hole == SEEN_ABSENT) {
		slot->info.has_eid = false;
		slot->info.atr_size = 0;
	}
	slot->info.has_iccid = iccid.size == sizeof(slot->info.iccid);
	if (slot->info.has_iccid)
		memcpy(slot->info.iccid, iccid.data, iccid.size);
	if (atr.size > 0 && atr.size <= sizeof(slot->info.atr)) {
		memcpy(slot->info.atr, atr.data, atr.size);
		slot->info.atr_size = atr.size;
	}
	if (eid_octets.size == sizeof(slot->info.eid)) {
		memcpy(slot->info.eid, eid_octets.data, eid_octets.size);
		slot->info.has_eid = true;
	}
}

/* information and eids may be NULL, or shorter. */
static void slots_learn(Modem *self, const GArray *status, const GArray *information,
	const GArray *eids, bool notify)
{
	unsigned n = MIN(status->len, MODEM_SLOTS);

	for (unsigned i = 0; i < n; i++) {
		ModemSlot *slot = &self->slots[i];
		TransportSlot before = slot->info;
		bool known = i < self->n_slots;

		slot->self = self;
		slot->info.number = i + 1;
		slot_learn(slot, &g_array_index(status, QmiPhysicalSlotStatusSlot, i),
			information && i < information->len
				? &g_array_index(information, QmiPhysicalSlotInformationSlot, i)
				: NULL,
			eids && i < eids->len ? &g_array_index(eids, QmiSlotEidElement, i) : NULL);
		slot_settle(slot, &before, notify && known);
	}
	self->n_slots = MAX(self->n_slots, n);
}

static ModemSlot *slot_of_logical(Modem *self, unsigned logical)
{
	for (unsigned i = 0; i < self->n_slots; i++)
		if (self->slots[i].info.logical == logical)
			return &self->slots[i];
	return NULL;
}

static void card_learn(Modem *self, unsigned logical, QmiUimCardState state, bool notify)
{
	ModemSlot *slot = slot_of_logical(self, logical);
	TransportSlot before;

	if (!slot)
		return;
	before = slot->info;
	switch (state) {
	case QMI_UIM_CARD_STATE_ABSENT: slot->card = SEEN_ABSENT; break;
	case QMI_UIM_CARD_STATE_PRESENT: slot->card = SEEN_PRESENT; break;
	default: slot->card = SEEN_ERROR; break;
	}
	slot_settle(slot, &before, notify);
}

/* ---- Asking ---- */

static bool ask_slot_status(Modem *self, bool notify, GError **error)
{
	g_auto(ModemCall) call = { 0 };
	g_autoptr(QmiMessageUimGetSlotStatusOutput) output = NULL;
	GArray *status = NULL, *information = NULL, *eids = NULL;
	GError *why = NULL;

	qmi_client_uim_get_slot_status(
		self->uim, NULL, MODEM_CONTROL_TIMEOUT, NULL, modem_call_done, &call);
	output = qmi_client_uim_get_slot_status_finish(self->uim, modem_call_wait(&call), &why);
	if (!output || !qmi_message_uim_get_slot_status_output_get_result(output, &why) ||
		!qmi_message_uim_get_slot_status_output_get_physical_slot_status(
			output, &status, &why))
		return modem_fail(self, error, why, "Slot status");
	qmi_message_uim_get_slot_status_output_get_physical_slot_information(
		output, &information, NULL);
	qmi_message_uim_get_slot_status_output_get_slot_eid(output, &eids, NULL);
	slots_learn(self, status, information, eids, notify);
	return true;
}

static bool ask_card_status(Modem *self, bool notify, GError **error)
{
	g_auto(ModemCall) call = { 0 };
	g_autoptr(QmiMessageUimGetCardStatusOutput) output = NULL;
	GArray *cards = NULL;
	GError *why = NULL;

	qmi_client_uim_get_card_status(
		self->uim, NULL, MODEM_CONTROL_TIMEOUT, NULL, modem_call_done, &call);
	output = qmi_client_uim_get_card_status_finish(self->uim, modem_call_wait(&call), &why);
	if (!output || !qmi_message_uim_get_card_status_output_get_result(output, &why) ||
		!qmi_message_uim_get_card_status_output_get_card_status(
			output, NULL, NULL, NULL, NULL, &cards, &why))
		return modem_fail(self, error, why, "Card status");
	/* A modem without slot status: its slots are its cards. */
	for (; self->n_slots == 0 || (self->no_slot_status && self->n_slots < cards->len);
		self->n_slots++) {
		ModemSlot *slot = &self->slots[self->n_slots];

		if (self->n_slots == MODEM_SLOTS)
			break;
		slot->self = self;
		slot->info.number = slot->info.logical = self->n_slots + 1;
	}
	for (unsigned i = 0; i < cards->len; i++)
		card_learn(self, i + 1,
			g_array_index(
				cards, QmiMessageUimGetCardStatusOutputCardStatusCardsElement, i)
				.card_state,
			notify);
	return true;
}

/* Both; one of them is enough. Events that were missed are made up for, but those of the first look. */
static bool ask_slots(Modem *self, GError **error)
{
	g_autoptr(GError) why = NULL;
	bool told = false, known = self->n_slots > 0;

	if (self->gone)
		return modem_fail_gone(error);
	if (!self->no_slot_status) {
		told = ask_slot_status(self, known, &why);
		/* Modems of before 2018 know no physical slots. */
		if (sgp32_error_is(why, SGP32_ERROR_NOT_SUPPORTED) && self->n_slots == 0)
			self->no_slot_status = true;
		else if (!told)
			return g_propagate_error(error, g_steal_pointer(&why)), false;
	}
	g_clear_error(&why);
	if (ask_card_status(self, known, &why) || (told && !self->gone))
		return true;
	g_propagate_error(error, g_steal_pointer(&why));
	return false;
}

ModemSlot *modem_slot(Modem *self, unsigned number, GError **error)
{
	ModemSlot *slot;

	if (self->gone) {
		modem_fail_gone(error);
		return NULL;
	}
	if (self->n_slots == 0 && !ask_slots(self, error))
		return NULL;
	if (number < 1 || number > self->n_slots) {
		sgp32_fail(error, SGP32_ERROR_NOT_FOUND, "The modem has no slot %u", number);
		return NULL;
	}
	slot = &self->slots[number - 1];
	if (slot->info.logical == 0) {
		sgp32_fail(
			error, SGP32_ERROR_NO_CARD, "Slot %u is not in use by the modem", number);
		return NULL;
	}
	return slot;
}

/* ---- REFRESH ---- */

static QmiUimSessionType session_of_logical(unsigned logical)
{
	static const QmiUimSessionType sessions[MODEM_SLOTS] = {
		QMI_UIM_SESSION_TYPE_CARD_SLOT_1,
		QMI_UIM_SESSION_TYPE_CARD_SLOT_2,
		QMI_UIM_SESSION_TYPE_CARD_SLOT_3,
		QMI_UIM_SESSION_TYPE_CARD_SLOT_4,
		QMI_UIM_SESSION_TYPE_CARD_SLOT_5,
	};

	return sessions[logical - 1];
}

static unsigned logical_of_session(QmiUimSessionType session)
{
	for (unsigned i = 1; i <= MODEM_SLOTS; i++)
		if (session_of_logical(i) == session)
			return i;
	return session == QMI_UIM_SESSION_TYPE_PRIMARY_GW_PROVISIONING ? 1 : 0;
}

static bool register_all(Modem *self, QmiUimSessionType session, GError **error)
{
	g_autoptr(QmiMessageUimRefreshRegisterAllInput) input =
		qmi_message_uim_refresh_register_all_input_new();
	g_autoptr(QmiMessageUimRefreshRegisterAllOutput) output = NULL;
	g_autoptr(GArray) aid = g_array_new(false, false, 1);
	g_auto(ModemCall) call = { 0 };

	qmi_message_uim_refresh_register_all_input_set_session(input, session, aid, NULL);
	qmi_message_uim_refresh_register_all_input_set_info(input, true, NULL);
	qmi_client_uim_refresh_register_all(
		self->uim, input, MODEM_CONTROL_TIMEOUT, NULL, modem_call_done, &call);
	output = qmi_client_uim_refresh_register_all_finish(
		self->uim, modem_call_wait(&call), error);
	return output && qmi_message_uim_refresh_register_all_output_get_result(output, error);
}

static void file_clear(void *data)
{
	QmiMessageUimRefreshRegisterInputInfoFilesElement *file = data;

	g_array_unref(file->path);
}

static void add_file(GArray *files, uint16_t id, Span path)
{
	QmiMessageUimRefreshRegisterInputInfoFilesElement file = { .file_id = id };

	file.path = g_array_new(false, false, 1);
	g_array_append_vals(file.path, path.data, path.size);
	g_array_append_val(files, file);
}

/* The older form: for files whose change every switch of profiles brings. Paths are little endian. */
static bool register_files(Modem *self, GError **error)
{
	g_autoptr(QmiMessageUimRefreshRegisterInput) input =
		qmi_message_uim_refresh_register_input_new();
	g_autoptr(QmiMessageUimRefreshRegisterOutput) output = NULL;
	g_autoptr(GArray) aid = g_array_new(false, false, 1);
	g_autoptr(GArray) files = g_array_new(
		false, false, sizeof(QmiMessageUimRefreshRegisterInputInfoFilesElement));
	g_auto(ModemCall) call = { 0 };

	g_array_set_clear_func(files, file_clear);
	add_file(files, 0x2fe2, SPAN_LITERAL("\x00\x3f")); /* EF ICCID */
	add_file(files, 0x6f07, SPAN_LITERAL("\x00\x3f\xff\x7f")); /* EF IMSI */
	qmi_message_uim_refresh_register_input_set_session(
		input, QMI_UIM_SESSION_TYPE_PRIMARY_GW_PROVISIONING, aid, NULL);
	qmi_message_uim_refresh_register_input_set_info(input, true, false, files, NULL);
	qmi_client_uim_refresh_register(
		self->uim, input, MODEM_CONTROL_TIMEOUT, NULL, modem_call_done, &call);
	output = qmi_client_uim_refresh_register_finish(self->uim, modem_call_wait(&call), error);
	return output && qmi_message_uim_refresh_register_output_get_result(output, error);
}

static void ask_for_refresh(Modem *self)
{
	for (unsigned i = 0; i < self->n_slots; i++) {
		unsigned logical = self->slots[i].info.logical;
		g_autoptr(GError) error = NULL;

		if (logical == 0 || self->refresh_asked & 1u << logical || self->gone)
			continue;
		self->refresh_asked |= 1u << logical;
		if (register_all(self, session_of_logical(logical), &error))
			continue;
		if (logical == 1 && !self->gone) {
			g_clear_error(&error);
			if (register_files(self, &error))
				continue;
		}
		g_message("REFRESH of slot %u will not be seen: %s", i + 1, error->message);
	}
}

static void refresh_end(ModemSlot *slot)
{
	Modem *self = slot->self;

	if (slot->refresh_timer) {
		g_source_destroy(slot->refresh_timer);
		g_clear_pointer(&slot->refresh_timer, g_source_unref);
	}
	slot->refreshing = false;
	modem_forget_channels(self, slot->info.logical);
	modem_event(self, slot, TRANSPORT_REFRESH_ENDED);
	if (!is_usable(slot->info.state))
		modem_event(self, slot, TRANSPORT_CARD_GONE);
}

static gboolean on_refresh_timer(void *user)
{
	refresh_end(user);
	return G_SOURCE_REMOVE;
}

static void refresh_start(ModemSlot *slot)
{
	if (!slot->refreshing) {
		slot->refreshing = true;
		modem_event(slot->self, slot, TRANSPORT_REFRESH_STARTED);
	}
	if (slot->refresh_timer) {
		g_source_destroy(slot->refresh_timer);
		g_source_unref(slot->refresh_timer);
	}
	slot->refresh_timer = g_timeout_source_new(REFRESH_TIMEOUT_MSEC);
	g_source_set_callback(slot->refresh_timer, on_refresh_timer, slot, NULL);
	g_source_attach(slot->refresh_timer, g_main_context_get_thread_default());
}

static void on_completed(GObject *client, GAsyncResult *result, gpointer user)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(QmiMessageUimRefreshCompleteOutput) output =
		qmi_client_uim_refresh_complete_finish(QMI_CLIENT_UIM(client), result, &error);

	if (!output || !qmi_message_uim_refresh_complete_output_get_result(output, &error))
		g_debug("REFRESH was not completed: %s", error->message);
}

/* Answers the modem, which else waits; does not wait itself. */
static void refresh_complete(Modem *self, QmiUimSessionType session)
{
	g_autoptr(QmiMessageUimRefreshCompleteInput) input =
		qmi_message_uim_refresh_complete_input_new();
	g_autoptr(GArray) aid = g_array_new(false, false, 1);

	qmi_message_uim_refresh_complete_input_set_session(input, session, aid, NULL);
	qmi_message_uim_refresh_complete_input_set_info(input, true, NULL);
	qmi_client_uim_refresh_complete(
		self->uim, input, MODEM_CONTROL_TIMEOUT, NULL, on_completed, NULL);
}

static void on_refresh(QmiClientUim *uim, QmiIndicationUimRefreshOutput *output, Modem *self)
{
	QmiUimRefreshStage stage;
	QmiUimRefreshMode mode;
	QmiUimSessionType session;
	ModemSlot *slot;

	if (!qmi_indication_uim_refresh_output_get_event(
		    output, &stage, &mode, &session, NULL, NULL, NULL))
		return;
	slot = slot_of_logical(self, logical_of_session(session));
	if (stage == QMI_UIM_REFRESH_STAGE_START && mode != QMI_UIM_REFRESH_MODE_RESET &&
		mode != QMI_UIM_REFRESH_MODE_INIT_FULL_FCN)
		refresh_complete(self, session);
	/* Mere changes of files leave the channels as they are. */
	if (!slot || slot->info.logical == 0 || mode == QMI_UIM_REFRESH_MODE_FCN)
		return;
	switch (stage) {
	case QMI_UIM_REFRESH_STAGE_START: refresh_start(slot); break;
	case QMI_UIM_REFRESH_STAGE_END_WITH_SUCCESS:
	case QMI_UIM_REFRESH_STAGE_END_WITH_FAILURE: refresh_end(slot); break;
	case QMI_UIM_REFRESH_STAGE_WAIT_FOR_OK: /* asked of those who vote, which we do not */
	default: break;
	}
}

/* ---- Indications ---- */

static void on_slot_status(QmiClientUim *uim, QmiIndicationUimSlotStatusOutput *output, Modem *self)
{
	GArray *status = NULL, *information = NULL, *eids = NULL;

	if (!qmi_indication_uim_slot_status_output_get_physical_slot_status(output, &status, NULL))
		return;
	qmi_indication_uim_slot_status_output_get_physical_slot_information(
		output, &information, NULL);
	qmi_indication_uim_slot_status_output_get_slot_eid(output, &eids, NULL);
	slots_learn(self, status, information, eids, true);
}

static void on_card_status(QmiClientUim *uim, QmiIndicationUimCardStatusOutput *output, Modem *self)
{
	GArray *cards = NULL;

	if (!qmi_indication_uim_card_status_output_get_card_status(
		    output, NULL, NULL, NULL, NULL, &cards, NULL))
		return;
	for (unsigned i = 0; i < cards->len; i++)
		card_learn(self, i + 1,
			g_array_index(
				cards, QmiIndicationUimCardStatusOutputCardStatusCardsElement, i)
				.card_state,
			true);
}

static bool register_events(Modem *self, QmiUimEventRegistrationFlag mask, GError **error)
{
	g_autoptr(QmiMessageUimRegisterEventsInput) input =
		qmi_message_uim_register_events_input_new();
	g_autoptr(QmiMessageUimRegisterEventsOutput) output = NULL;
	g_auto(ModemCall) call = { 0 };

	qmi_message_uim_register_events_input_set_event_registration_mask(input, mask, NULL);
	qmi_client_uim_register_events(
		self->uim, input, MODEM_CONTROL_TIMEOUT, NULL, modem_call_done, &call);
	output = qmi_client_uim_register_events_finish(self->uim, modem_call_wait(&call), error);
	return output && qmi_message_uim_register_events_output_get_result(output, error);
}

void modem_watch(Modem *self)
{
	g_autoptr(GError) error = NULL;

	g_signal_connect(self->uim, "slot-status", G_CALLBACK(on_slot_status), self);
	g_signal_connect(self->uim, "card-status", G_CALLBACK(on_card_status), self);
	g_signal_connect(self->uim, "refresh", G_CALLBACK(on_refresh), self);
	if (register_events(self,
		    QMI_UIM_EVENT_REGISTRATION_FLAG_CARD_STATUS |
			    QMI_UIM_EVENT_REGISTRATION_FLAG_PHYSICAL_SLOT_STATUS,
		    &error) ||
		self->gone)
		return;
	g_clear_error(&error);
	if (!register_events(self, QMI_UIM_EVENT_REGISTRATION_FLAG_CARD_STATUS, &error))
		g_message("Cards that come and go will not be seen: %s", error->message);
}

void modem_unwatch(Modem *self)
{
	if (self->uim)
		g_signal_handlers_disconnect_by_data(self->uim, self);
	for (unsigned i = 0; i < MODEM_SLOTS; i++)
		if (self->slots[i].refresh_timer) {
			g_source_destroy(self->slots[i].refresh_timer);
			g_clear_pointer(&self->slots[i].refresh_timer, g_source_unref);
		}
}

bool modem_slots(void *user, GArray *slots, GError **error)
{
	Modem *self = user;

	if (!ask_slots(self, error))
		return false;
	ask_for_refresh(self);
	if (self->gone)
		return modem_fail_gone(error);
	for (unsigned i = 0; i < self->n_slots; i++) {
		TransportSlot info = self->slots[i].info;

		if (info.state == TRANSPORT_SLOT_EMPTY)
			info.has_eid = info.has_iccid = false;
		g_array_append_val(slots, info);
	}
	return true;
}

/* ---- Reset ---- */

static bool power_off(Modem *self, unsigned logical, GError **error)
{
	g_autoptr(QmiMessageUimPowerOffSimInput) input = qmi_message_uim_power_off_sim_input_new();
	g_autoptr(QmiMessageUimPowerOffSimOutput) output = NULL;
	g_auto(ModemCall) call = { 0 };
	GError *why = NULL;

	qmi_message_uim_power_off_sim_input_set_slot(input, logical, NULL);
	qmi_client_uim_power_off_sim(
		self->uim, input, MODEM_CONTROL_TIMEOUT, NULL, modem_call_done, &call);
	output = qmi_client_uim_power_off_sim_finish(self->uim, modem_call_wait(&call), &why);
	if (output && qmi_message_uim_power_off_sim_output_get_result(output, &why))
		return true;
	if (g_error_matches(why, QMI_PROTOCOL_ERROR, QMI_PROTOCOL_ERROR_NO_EFFECT)) {
		g_error_free(why); /* it is off */
		return true;
	}
	return modem_fail(self, error, why, "Power off");
}

static bool power_on(Modem *self, unsigned logical, GError **error)
{
	g_autoptr(QmiMessageUimPowerOnSimInput) input = qmi_message_uim_power_on_sim_input_new();
	g_autoptr(QmiMessageUimPowerOnSimOutput) output = NULL;
	g_auto(ModemCall) call = { 0 };
	GError *why = NULL;

	qmi_message_uim_power_on_sim_input_set_slot(input, logical, NULL);
	qmi_client_uim_power_on_sim(
		self->uim, input, MODEM_CONTROL_TIMEOUT, NULL, modem_call_done, &call);
	output = qmi_client_uim_power_on_sim_finish(self->uim, modem_call_wait(&call), &why);
	if (output && qmi_message_uim_power_on_sim_output_get_result(output, &why))
		return true;
	if (g_error_matches(why, QMI_PROTOCOL_ERROR, QMI_PROTOCOL_ERROR_NO_EFFECT)) {
		g_error_free(why);
		return true;
	}
	return modem_fail(self, error, why, "Power on");
}

/* Until the card answers to its reset; the modem tells by indication, or when asked. */
static bool wait_for_card(Modem *self, ModemSlot *slot, GError **error)
{
	gint64 until = g_get_monotonic_time() + RESET_TIMEOUT_MSEC * G_TIME_SPAN_MILLISECOND;

	for (;;) {
		if (!ask_slots(self, error))
			return false;
		if (slot->info.state == TRANSPORT_SLOT_CARD ||
			slot->info.state == TRANSPORT_SLOT_UNKNOWN)
			return true;
		if (g_get_monotonic_time() > until)
			return sgp32_fail(error, SGP32_ERROR_TIMEOUT,
				"The card does not come back after its reset");
		modem_iterate(self, RESET_POLL_MSEC, NULL);
	}
}

static bool reset_card(Modem *self, unsigned number, GError **error)
{
	ModemSlot *slot = modem_slot(self, number, error);
	bool back;

	if (!slot)
		return false;
	slot->resetting = true;
	back = power_off(self, slot->info.logical, error) &&
		power_on(self, slot->info.logical, error) && wait_for_card(self, slot, error);
	slot->resetting = false;
	if (self->gone)
		return back;
	/* One event, whatever the modem told meanwhile. */
	modem_forget_channels(self, slot->info.logical);
	modem_event(self, slot,
		is_usable(slot->info.state) ? TRANSPORT_CARD_CHANGED : TRANSPORT_CARD_GONE);
	return back;
}

static bool set_mode(Modem *self, QmiClientDms *dms, QmiDmsOperatingMode mode, GError **error)
{
	g_autoptr(QmiMessageDmsSetOperatingModeInput) input =
		qmi_message_dms_set_operating_mode_input_new();
	g_autoptr(QmiMessageDmsSetOperatingModeOutput) output = NULL;
	g_auto(ModemCall) call = { 0 };
	GError *why = NULL;

	qmi_message_dms_set_operating_mode_input_set_mode(input, mode, NULL);
	qmi_client_dms_set_operating_mode(
		dms, input, MODEM_CONTROL_TIMEOUT, NULL, modem_call_done, &call);
	output = qmi_client_dms_set_operating_mode_finish(dms, modem_call_wait(&call), &why);
	if (output && qmi_message_dms_set_operating_mode_output_get_result(output, &why))
		return true;
	return modem_fail(self, error, why, "Operating mode");
}

static bool reset_modem(Modem *self, GError **error)
{
	QmiClient *dms = modem_client_new(self, QMI_SERVICE_DMS, QMI_CID_NONE, error);
	bool done;

	if (!dms)
		return false;
	/* Many modems take RESET only when they are offline. */
	done = set_mode(self, QMI_CLIENT_DMS(dms), QMI_DMS_OPERATING_MODE_OFFLINE, error) &&
		set_mode(self, QMI_CLIENT_DMS(dms), QMI_DMS_OPERATING_MODE_RESET, error);
	(void)!modem_client_release(self, dms);
	return done;
}

bool modem_reset(void *user, unsigned slot, TransportReset what, GError **error)
{
	Modem *self = user;

	if (self->gone)
		return modem_fail_gone(error);
	return what == TRANSPORT_RESET_CARD ? reset_card(self, slot, error)
					    : reset_modem(self, error);
}
