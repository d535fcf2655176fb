/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices: opened, watched, opened again; their slots. */
#include <string.h>

#include "manager-private.h"

#define RETRY_MIN_US (1 * USEC_PER_SEC)
#define RETRY_MAX_US (60 * USEC_PER_SEC)

static void managed_slot_free(ManagedSlot *slot)
{
	sd_event_source_disable_unref(slot->retry);
	g_free(slot->hint);
	g_free(slot);
}

void managed_device_free(ManagedDevice *device)
{
	if (!device)
		return;
	sd_event_source_disable_unref(device->retry);
	device_free(device->device);
	g_ptr_array_unref(device->slots);
	g_free(device->name);
	g_free(device->node);
	g_free(device->sysfs);
	g_free(device->subsystem);
	g_free(device->driver);
	g_free(device->port_type);
	g_free(device->plugin_name);
	g_free(device->proxy);
	g_free(device->interface);
	g_clear_error(&device->error);
	g_free(device);
}

ManagedDevice *manager_device_by_node(Manager *manager, const char *node)
{
	for (guint i = 0; i < manager->devices->len; i++) {
		ManagedDevice *device = manager->devices->pdata[i];

		if (strcmp(device->node, node) == 0)
			return device;
	}
	return NULL;
}

/* ---- rows of Manager.Slots ---- */

static SlotRow *row_of(const ManagedDevice *device, const ManagedSlot *slot)
{
	SlotRow *row = slot_row_new();

	g_free(row->device);
	row->device = g_strdup(device->sysfs ? device->sysfs : device->node);
	g_free(row->plugin);
	row->plugin = g_strdup(device->plugin ? device->plugin->name
			: device->plugin_name ? device->plugin_name
					      : "");
	g_free(row->state);
	g_free(row->reason);
	g_free(row->hint);
	if (slot) {
		row->physical_slot = slot->slot.number;
		row->logical_slot = slot->slot.logical;
		g_free(row->atr);
		row->atr = hex_encode(span(slot->slot.atr, slot->slot.atr_size));
		row->state = g_strdup(slot->state);
		row->reason = g_strdup(slot->reason);
		row->hint = g_strdup(slot->hint ? slot->hint : "");
	} else {
		const Sgp32ErrorDetails *details = sgp32_error_details(device->error);

		row->state = g_strdup(device->error ? "failed" : "probing");
		row->reason = g_strdup(device->error ? sgp32_error_name(device->error) : "");
		row->hint = g_strdup(details && details->hint ? details->hint
				: device->error               ? device->error->message
							      : "");
	}
	return row;
}

static bool row_same(const SlotRow *a, const SlotRow *b)
{
	return strcmp(a->device, b->device) == 0 && strcmp(a->plugin, b->plugin) == 0 &&
		a->physical_slot == b->physical_slot && a->logical_slot == b->logical_slot &&
		strcmp(a->atr, b->atr) == 0 && strcmp(a->state, b->state) == 0 &&
		strcmp(a->reason, b->reason) == 0 && strcmp(a->hint, b->hint) == 0;
}

void manager_slots_changed(Manager *manager)
{
	static const char *const names[] = { "Slots", NULL };
	GPtrArray *rows = g_ptr_array_new_with_free_func((GDestroyNotify)slot_row_free);
	bool same;

	for (guint i = 0; i < manager->devices->len; i++) {
		const ManagedDevice *device = manager->devices->pdata[i];

		if (device->slots->len == 0)
			g_ptr_array_add(rows, row_of(device, NULL));
		for (guint j = 0; j < device->slots->len; j++)
			g_ptr_array_add(rows, row_of(device, device->slots->pdata[j]));
	}
	same = rows->len == manager->slot_rows->len;
	for (guint i = 0; same && i < rows->len; i++)
		same = row_same(rows->pdata[i], manager->slot_rows->pdata[i]);
	/* The array itself is lent out: its rows are exchanged. */
	g_ptr_array_set_size(manager->slot_rows, 0);
	for (guint i = 0; i < rows->len; i++)
		g_ptr_array_add(manager->slot_rows, g_steal_pointer(&rows->pdata[i]));
	g_ptr_array_unref(rows);
	if (!same && manager->listener.manager_changed)
		manager->listener.manager_changed(manager->listener.user, names);
}

/* ---- opening ---- */

static void device_open(ManagedDevice *device);

static int on_retry(sd_event_source *source, uint64_t usec, void *user)
{
	device_open(user);
	return 0;
}

static void open_failed(ManagedDevice *device, GError *error)
{
	uint64_t delay = RETRY_MIN_US;

	for (unsigned i = 0; i < device->failures && delay < RETRY_MAX_US; i++)
		delay *= 2;
	/* Once, not with each try. */
	if (!device->error || device->error->code != error->code)
		g_message("%s: %s", device->name, error->message);
	g_clear_error(&device->error);
	device->error = error;
	device->failures++;
	manager_timer(device->manager, &device->retry, MIN(delay, RETRY_MAX_US), on_retry, device);
	manager_slots_changed(device->manager);
}

/* Two readers on one port steal each other's answers: it is ours alone only if ModemManager is told to keep off,
 * or is not there. False: not known yet. */
static bool choose_access(const ManagedDevice *device, TransportAccess *ret)
{
	ModemManagerState state = device->manager->modem_manager
		? modem_manager_state(device->manager->modem_manager)
		: MODEM_MANAGER_ABSENT;

	if (device->access == CONFIG_IGNORE) {
		*ret = TRANSPORT_DIRECT;
		return true;
	}
	if (device->proxy) {
		*ret = TRANSPORT_PROXY;
		return true;
	}
	*ret = state == MODEM_MANAGER_ABSENT ? TRANSPORT_DIRECT : TRANSPORT_PROXY;
	return state != MODEM_MANAGER_UNKNOWN;
}

static void device_open(ManagedDevice *device)
{
	Manager *manager = device->manager;
	g_autofree char *crash_name = g_strdelimit(g_strdup(device->node), "/:", '_');
	g_autofree char *crash_file =
		g_strdup_printf("%s/%s.port", manager->config->runtime_dir, crash_name);
	TransportPort port = {
		.node = device->node,
		.subsystem = device->subsystem,
		.driver = device->driver,
		.port_type = device->port_type,
		.proxy = device->proxy,
		.crash_file = crash_file,
		.timeout = manager->config->apdu_timeout,
	};
	TransportAccess access;
	GError *error = NULL;

	if (device->closing) {
		device->reopen = true;
		return;
	}
	if (device->device || !choose_access(device, &access))
		return;
	if (!device->plugin) {
		if (device->plugin_name)
			device->plugin =
				plugin_set_load(manager->plugins, device->plugin_name, &error);
		else
			device->plugin = plugin_set_match(manager->plugins, &port);
	}
	if (!device->plugin) {
		if (!error) {
			sgp32_fail(&error, SGP32_ERROR_NOT_SUPPORTED, "No plugin knows this port");
			sgp32_error_set_hint(
				error, "Set Plugin= in its [Device] section of sgp32.conf.");
		}
		open_failed(device, error);
		return;
	}
	device->opened_as = access;
	device->device =
		device_new(device->node, device->plugin, &port, access, manager->device_box);
}

void manager_device_reaped(Manager *manager, const void *object)
{
	for (guint i = 0; i < manager->devices->len; i++) {
		ManagedDevice *device = manager->devices->pdata[i];

		if (device->closing != object)
			continue;
		device->closing = NULL;
		if (device->reopen && !manager->stopping)
			device_open(device);
		device->reopen = false;
	}
}

void manager_device_add(Manager *manager, ManagedDevice *device)
{
	device->manager = manager;
	device->slots = g_ptr_array_new_with_free_func((GDestroyNotify)managed_slot_free);
	g_ptr_array_add(manager->devices, device);
	device_open(device);
	manager_slots_changed(manager);
}

/* It has told what a rescan wanted to know, or will not. */
static void answered(ManagedDevice *device)
{
	device->awaited = false;
	manager_rescan_answered(device->manager);
}

/* Closing gives back channels and clients, and waits for an APDU in flight. */
static void close_port(ManagedDevice *device)
{
	if (!device->device)
		return;
	device->closing = device->device;
	manager_reap(
		device->manager, (GDestroyNotify)device_free, g_steal_pointer(&device->device));
}

static void device_close(ManagedDevice *device)
{
	for (guint i = 0; i < device->slots->len; i++)
		manager_slot_detach(device->manager, device->slots->pdata[i]);
	g_ptr_array_set_size(device->slots, 0);
	close_port(device);
}

void manager_device_remove(Manager *manager, ManagedDevice *device)
{
	device_close(device);
	g_ptr_array_remove(manager->devices, device);
	managed_device_free(device);
	manager_rescan_answered(manager);
	manager_slots_changed(manager);
}

/* ---- slots ---- */

static ManagedSlot *find_slot(ManagedDevice *device, unsigned number)
{
	for (guint i = 0; i < device->slots->len; i++) {
		ManagedSlot *slot = device->slots->pdata[i];

		if (slot->slot.number == number)
			return slot;
	}
	return NULL;
}

/* What the device says of its slots: cards that came are attached, those that went are detached. */
static void update_slots(ManagedDevice *device, const GArray *slots)
{
	Manager *manager = device->manager;

	for (guint i = 0; slots && i < slots->len; i++) {
		const TransportSlot *now = &g_array_index(slots, TransportSlot, i);
		ManagedSlot *slot = find_slot(device, now->number);
		bool reachable = now->logical != 0 &&
			(now->state == TRANSPORT_SLOT_CARD || now->state == TRANSPORT_SLOT_UNKNOWN);

		if (!slot) {
			slot = g_new0(ManagedSlot, 1);
			slot->device = device;
			g_ptr_array_add(device->slots, slot);
		}
		slot->slot = *now;
		if (reachable && !slot->worker) {
			manager_slot_attach(manager, slot);
		} else if (!reachable) {
			manager_slot_detach(manager, slot);
			slot->state = now->state == TRANSPORT_SLOT_EMPTY ? "empty"
				: now->state == TRANSPORT_SLOT_ERROR     ? "failed"
									 : "unreachable";
			slot->reason = now->state == TRANSPORT_SLOT_CARD && now->logical == 0
				? "not-mapped"
				: "";
			g_free(slot->hint);
			slot->hint =
				g_strdup(slot->reason[0] ? "The modem uses another slot." : "");
		}
	}
	manager_slots_changed(manager);
}

static void on_slot_event(ManagedDevice *device, unsigned number, TransportEvent event)
{
	for (guint i = 0; i < device->slots->len; i++) {
		ManagedSlot *slot = device->slots->pdata[i];

		if (number && slot->slot.number != number)
			continue;
		switch (event) {
		case TRANSPORT_CARD_GONE: manager_slot_detach(device->manager, slot); break;
		case TRANSPORT_CARD_CHANGED:
		case TRANSPORT_REFRESH_ENDED: manager_slot_reset(device->manager, slot); break;
		case TRANSPORT_REFRESH_STARTED:
		case TRANSPORT_DEVICE_GONE: break;
		}
	}
}

void manager_on_device_notice(Manager *manager, DeviceNotice *notice)
{
	ManagedDevice *device = manager_device_by_node(manager, notice->device);

	if (!device || !device->device)
		return;
	switch (notice->kind) {
	case DEVICE_OPENED:
		device->failures = 0;
		g_clear_error(&device->error);
		update_slots(device, notice->slots);
		answered(device);
		break;
	case DEVICE_FAILED:
		close_port(device);
		open_failed(device, g_steal_pointer(&notice->error));
		answered(device);
		break;
	case DEVICE_SLOT_EVENT:
		if (notice->slot || notice->event != TRANSPORT_CARD_CHANGED)
			on_slot_event(device, notice->slot, notice->event);
		update_slots(device, notice->slots);
		if (notice->slot == 0)
			answered(device);
		break;
	case DEVICE_LOST: {
		GError *error = NULL;

		device_close(device);
		sgp32_fail(&error, SGP32_ERROR_CARD_LOST, "The device is gone");
		open_failed(device, error);
		answered(device);
		break;
	}
	}
}

void manager_rescan_devices(Manager *manager)
{
	for (guint i = 0; i < manager->devices->len; i++) {
		ManagedDevice *device = manager->devices->pdata[i];

		if (device->device)
			device_rescan(device->device);
		else
			device_open(device);
		/* Not if it failed at once. */
		device->awaited = device->device != NULL;
	}
}

void manager_access_changed(Manager *manager)
{
	for (guint i = 0; i < manager->devices->len; i++) {
		ManagedDevice *device = manager->devices->pdata[i];
		TransportAccess access;

		if (!choose_access(device, &access))
			continue;
		if (device->device && device->opened_as != access)
			device_close(device);
		device_open(device);
	}
}
