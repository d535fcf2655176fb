/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service.h"

#include "internal.h"

/* The manager's object is always there; all others are looked up when they are asked for. */
static int find_manager(sd_bus *bus, const char *path, const char *interface, void *userdata,
	void **ret_found, sd_bus_error *error)
{
	DbusService *service = userdata;

	if (!g_str_equal(path, SGP32_PATH_ROOT))
		return 0;
	service->target = (Target) { .service = service, .manager = service->manager };
	*ret_found = &service->target;
	return 1;
}

static const struct {
	const char *prefix, *interface;
	const sd_bus_vtable *vtable;
	sd_bus_object_find_t find;
} tables[] = {
	{ SGP32_PATH_ROOT, SGP32_INTERFACE_MANAGER, manager_vtable, find_manager },
	{ SGP32_PATH_EUICC, SGP32_INTERFACE_EUICC, euicc_vtable, find_euicc },
	{ SGP32_PATH_EUICC, SGP32_INTERFACE_IPA, ipa_vtable, find_ipa },
	{ SGP32_PATH_EUICC, SGP32_INTERFACE_PROFILE, profile_vtable, find_profile },
	{ SGP32_PATH_EUICC, SGP32_INTERFACE_EIM, eim_vtable, find_eim },
	{ SGP32_PATH_JOB, SGP32_INTERFACE_JOB, job_vtable, find_job },
};

static void slot_free(void *slot)
{
	sd_bus_slot_unref(slot);
}

static bool keep(DbusService *service, int r, sd_bus_slot *slot, const char *what, GError **error)
{
	if (r < 0)
		return sgp32_fail(error, SGP32_ERROR_FAILED, "cannot put %s on the bus: %s", what,
			g_strerror(-r));
	g_ptr_array_add(service->slots, slot);
	return true;
}

static bool register_all(DbusService *service, GError **error)
{
	sd_bus_slot *slot = NULL;
	int r;

	for (size_t i = 0; i < G_N_ELEMENTS(tables); i++) {
		if (!gate_check_vtable(tables[i].interface, tables[i].vtable, error))
			return false;
		r = sd_bus_add_fallback_vtable(service->bus, &slot, tables[i].prefix,
			tables[i].interface, tables[i].vtable, tables[i].find, service);
		if (!keep(service, r, slot, tables[i].interface, error))
			return false;
	}
	r = sd_bus_add_node_enumerator(
		service->bus, &slot, SGP32_PATH_EUICC, enumerate_euiccs, service);
	if (!keep(service, r, slot, SGP32_PATH_EUICC, error))
		return false;
	r = sd_bus_add_node_enumerator(
		service->bus, &slot, SGP32_PATH_JOB, enumerate_jobs, service);
	if (!keep(service, r, slot, SGP32_PATH_JOB, error))
		return false;
	r = sd_bus_add_object_manager(service->bus, &slot, SGP32_PATH_ROOT);
	if (!keep(service, r, slot, SGP32_PATH_ROOT, error))
		return false;
	if (!service->log_control.level)
		return true;
	if (!gate_check_vtable(LOG_CONTROL_INTERFACE, log_control_vtable, error))
		return false;
	r = sd_bus_add_object_vtable(service->bus, &slot, LOG_CONTROL_PATH, LOG_CONTROL_INTERFACE,
		log_control_vtable, &service->log_control);
	return keep(service, r, slot, LOG_CONTROL_INTERFACE, error);
}

DbusService *dbus_service_new(
	sd_bus *bus, Manager *manager, const DbusLogControl *log_control, GError **error)
{
	g_autoptr(DbusService) service = g_new0(DbusService, 1);

	service->bus = sd_bus_ref(bus);
	service->manager = manager;
	service->waiters = waiters_new();
	service->slots = g_ptr_array_new_with_free_func(slot_free);
	if (log_control)
		service->log_control = *log_control;
	/* The gate is there before anything that it guards. */
	service->gate = gate_new(bus, manager, error);
	if (!service->gate || !register_all(service, error))
		return NULL;
	service->listener = service_listener;
	service->listener.user = service;
	manager_set_listener(manager, &service->listener);
	return g_steal_pointer(&service);
}

void dbus_service_free(DbusService *service)
{
	if (!service)
		return;
	manager_set_listener(service->manager, NULL);
	g_ptr_array_unref(service->slots);
	waiters_free(service->waiters);
	gate_free(service->gate);
	sd_bus_flush(service->bus);
	sd_bus_unref(service->bus);
	g_free(service);
}
