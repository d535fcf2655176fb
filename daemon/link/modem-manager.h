/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether ModemManager is on the system bus, or would be if it were called: a port is ours alone only where it
 * neither runs nor can be activated.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "base/error.h"

typedef enum ModemManagerState {
	MODEM_MANAGER_UNKNOWN, /* the bus has not answered yet */
	MODEM_MANAGER_ABSENT,
	MODEM_MANAGER_ACTIVATABLE,
	MODEM_MANAGER_RUNNING,
} ModemManagerState;

typedef struct ModemManager ModemManager;

/* Asks, and watches; changed() is called from the loop with each new state, the first one too. The bus is attached
 * to the loop by the caller. Errors: Failed. */
ModemManager *modem_manager_new(
	sd_bus *bus, void (*changed)(void *user), void *user, GError **error) SGP32_CHECK;
void modem_manager_free(ModemManager *modem_manager);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ModemManager, modem_manager_free)
ModemManagerState modem_manager_state(const ModemManager *modem_manager);
