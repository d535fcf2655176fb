/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "link/modem-manager.h"

#include <string.h>

#define MODEM_MANAGER_NAME "org.freedesktop.ModemManager1"
#define DBUS_NAME "org.freedesktop.DBus"
#define DBUS_PATH "/org/freedesktop/DBus"

struct ModemManager {
	sd_bus_slot *watch, *owner_call, *names_call;
	bool owner_known, names_known;
	bool running, activatable;
	ModemManagerState told;
	void (*changed)(void *user);
	void *user;
};

ModemManagerState modem_manager_state(const ModemManager *self)
{
	if (self->running)
		return MODEM_MANAGER_RUNNING;
	if (!self->owner_known || !self->names_known)
		return MODEM_MANAGER_UNKNOWN;
	return self->activatable ? MODEM_MANAGER_ACTIVATABLE : MODEM_MANAGER_ABSENT;
}

static void tell(ModemManager *self)
{
	ModemManagerState now = modem_manager_state(self);

	if (now == self->told)
		return;
	self->told = now;
	self->changed(self->user);
}

static int on_owner_changed(sd_bus_message *message, void *user, sd_bus_error *bus_error)
{
	ModemManager *self = user;
	const char *name, *before, *now;

	if (sd_bus_message_read(message, "sss", &name, &before, &now) < 0 ||
		strcmp(name, MODEM_MANAGER_NAME) != 0)
		return 0;
	self->owner_known = true;
	self->running = now[0] != 0;
	tell(self);
	return 0;
}

static int on_has_owner(sd_bus_message *message, void *user, sd_bus_error *bus_error)
{
	ModemManager *self = user;
	int running = 0;

	/* A bus that does not answer this has no ModemManager either. */
	if (!sd_bus_message_is_method_error(message, NULL))
		(void)sd_bus_message_read(message, "b", &running);
	self->owner_known = true;
	self->running = running;
	tell(self);
	return 0;
}

static int on_names(sd_bus_message *message, void *user, sd_bus_error *bus_error)
{
	ModemManager *self = user;
	const char *name;

	if (!sd_bus_message_is_method_error(message, NULL) &&
		sd_bus_message_enter_container(message, 'a', "s") >= 0)
		while (sd_bus_message_read(message, "s", &name) > 0)
			if (strcmp(name, MODEM_MANAGER_NAME) == 0)
				self->activatable = true;
	self->names_known = true;
	tell(self);
	return 0;
}

ModemManager *modem_manager_new(
	sd_bus *bus, void (*changed)(void *user), void *user, GError **error)
{
	g_autoptr(ModemManager) self = g_new0(ModemManager, 1);
	int r;

	self->changed = changed;
	self->user = user;
	r = sd_bus_match_signal_async(bus, &self->watch, DBUS_NAME, DBUS_PATH, DBUS_NAME,
		"NameOwnerChanged", on_owner_changed, NULL, self);
	if (r >= 0)
		r = sd_bus_call_method_async(bus, &self->owner_call, DBUS_NAME, DBUS_PATH,
			DBUS_NAME, "NameHasOwner", on_has_owner, self, "s", MODEM_MANAGER_NAME);
	if (r >= 0)
		r = sd_bus_call_method_async(bus, &self->names_call, DBUS_NAME, DBUS_PATH,
			DBUS_NAME, "ListActivatableNames", on_names, self, NULL);
	if (r < 0) {
		sgp32_fail(error, SGP32_ERROR_FAILED, "ModemManager cannot be watched: %s",
			g_strerror(-r));
		return NULL;
	}
	return g_steal_pointer(&self);
}

void modem_manager_free(ModemManager *self)
{
	if (!self)
		return;
	sd_bus_slot_unref(self->watch);
	sd_bus_slot_unref(self->owner_call);
	sd_bus_slot_unref(self->names_call);
	g_free(self);
}
