/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One device (a modem or reader) and its thread, which owns the plugin's connection.
 */
#pragma once

#include "base/post.h"
#include "card/card.h"

/* ---- Plugins: modules in a folder, loaded when a device needs them, never unloaded ---- */
typedef struct PluginSet PluginSet;

/* Reads the folder's *.so names only. Owned by the main thread. */
PluginSet *plugin_set_new(const char *folder);
void plugin_set_free(PluginSet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PluginSet, plugin_set_free)
/* Names found in the folder, loaded or not: "qmi". NULL-terminated, owned by the set. */
const char *const *plugin_set_names(PluginSet *set);
/* Loads it if need be. Errors: NotFound, NotSupported (other ABI; symbol missing). */
const TransportPlugin *plugin_set_load(
	PluginSet *set, const char *name, GError **error) SGP32_CHECK;
/* The plugin of the highest priority whose match table fits; NULL: none. Loads modules to read their
 * tables. port->node is not looked at. */
const TransportPlugin *plugin_set_match(PluginSet *set, const TransportPort *port);

/* ---- Device ---- */
typedef struct Device Device;

typedef enum DeviceNoticeKind {
	DEVICE_OPENED, /* error is NULL; slots says what there is */
	DEVICE_FAILED, /* open failed: error says why; the thread has ended */
	DEVICE_SLOT_EVENT, /* slot, event; slots as they are now (or as last seen, if they cannot be read) */
	DEVICE_LOST, /* the last notice: the device went away; the thread ends by itself */
} DeviceNoticeKind;

/* What the thread of a device tells the main thread. */
typedef struct DeviceNotice {
	char *device; /* id given to device_new */
	DeviceNoticeKind kind;
	unsigned slot;
	TransportEvent event;
	GArray *slots; /* of TransportSlot */
	GError *error;
} DeviceNotice;

void device_notice_free(DeviceNotice *notice);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DeviceNotice, device_notice_free)

/* Starts the thread, which opens the port. Notices go to `to` (a reference is kept). Strings of port are
 * copied. id: the name the main thread gives the device. */
Device *device_new(const char *id, const TransportPlugin *plugin, const TransportPort *port,
	TransportAccess access, PostBox *to);
/* Closes the port and joins the thread; waits for the function in flight (an APDU's answer or timeout).
 * Cards of the device answer CardLost from then on. */
void device_free(Device *device);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Device, device_free)

/* A card of its own for a worker; it may outlive the device. A channel from open_channel() of an earlier
 * epoch is not used: transmit says CardLost, close_channel has nothing to do. */
Card *device_card(Device *device, unsigned slot);
/* Reads the slots again; answers by a DEVICE_SLOT_EVENT notice for slot 0, whose event (CARD_CHANGED) says
 * nothing. Does not wait. */
void device_rescan(Device *device);
