/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The gate: the one place that decides who may call what. It is a filter in front of all objects: a
 * call that needs leave waits here while polkit is asked, and is dispatched when polkit said yes.
 * So handlers are only ever entered by those who may, and never mention polkit.
 *
 * uid 0 and the uid the daemon runs as pass. Without polkitd nobody else does.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "manager.h"

typedef struct Gate Gate;

/* Errors: Failed (the bus refuses). */
Gate *gate_new(sd_bus *bus, Manager *manager, GError **error) SGP32_CHECK;
void gate_free(Gate *gate);

/*
 * Every method and writable property of a vtable that is put on the bus has to be in the gate's
 * table. Errors: Failed, naming the member.
 */
bool gate_check_vtable(
	const char *interface, const sd_bus_vtable *vtable, GError **error) SGP32_CHECK;
