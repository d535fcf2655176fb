/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ports that come and go, by udev: usbmisc (cdc-wdm) and wwan. */
#include <string.h>

#include <systemd/sd-device.h>

#include "manager-private.h"

struct Hotplug {
	Manager *manager;
	sd_device_monitor *monitor;
};

static const char *const subsystems[] = { "usbmisc", "wwan" };

static char *driver_of(sd_device *device)
{
	sd_device *parent;
	const char *driver;

	for (sd_device *at = device; sd_device_get_parent(at, &parent) >= 0; at = parent)
		if (sd_device_get_driver(parent, &driver) >= 0)
			return g_strdup(driver);
	return NULL;
}

/* The path that ModemManager calls Device: the USB or PCI device above all ports. */
static char *physical_device(sd_device *device)
{
	sd_device *parent;
	const char *path;

	if ((sd_device_get_parent_with_subsystem_devtype(device, "usb", "usb_device", &parent) >=
			    0 ||
		    sd_device_get_parent_with_subsystem_devtype(device, "pci", NULL, &parent) >=
			    0) &&
		sd_device_get_syspath(parent, &path) >= 0)
		return g_strdup(path);
	return sd_device_get_syspath(device, &path) >= 0 ? g_strdup(path) : NULL;
}

static bool property_set(sd_device *device, const char *name)
{
	const char *value;

	for (sd_device *at = device; at;) {
		sd_device *parent;

		if (sd_device_get_property_value(at, name, &value) >= 0)
			return strcmp(value, "1") == 0;
		if (sd_device_get_parent(at, &parent) < 0)
			return false;
		at = parent;
	}
	return false;
}

/* The network interface of the same modem: the first below its physical device. */
static char *interface_of(const char *physical)
{
	g_autoptr(GDir) dir = NULL;
	const char *name;

	if (!physical)
		return NULL;
	dir = g_dir_open("/sys/class/net", 0, NULL);
	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *link = g_build_filename("/sys/class/net", name, NULL);
		g_autofree char *real = realpath(link, NULL);

		if (real && g_str_has_prefix(real, physical) && real[strlen(physical)] == '/')
			return g_strdup(name);
	}
	return NULL;
}

static void came(Hotplug *hotplug, sd_device *port)
{
	Manager *manager = hotplug->manager;
	const char *node, *subsystem, *type = NULL;
	const ConfigDevice *config;
	ManagedDevice *device;

	if (sd_device_get_devname(port, &node) < 0 ||
		sd_device_get_subsystem(port, &subsystem) < 0 ||
		manager_device_by_node(manager, node))
		return;
	if (property_set(port, "ID_SGP32_IGNORE") || property_set(port, "ID_MM_DEVICE_IGNORE") ||
		property_set(port, "ID_MM_PORT_IGNORE"))
		return;
	(void)sd_device_get_sysattr_value(port, "type", &type);
	g_autofree char *driver = driver_of(port);
	TransportPort match = {
		.node = node, .subsystem = subsystem, .driver = driver, .port_type = type
	};
	if (!plugin_set_match(manager->plugins, &match))
		return; /* not ours: a network port, or a plugin that is not installed */
	config = config_device(manager->config, node);
	device = g_new0(ManagedDevice, 1);
	device->from_udev = true;
	device->name = g_strdup(config ? config->name : node);
	device->node = g_strdup(node);
	device->sysfs = physical_device(port);
	device->subsystem = g_strdup(subsystem);
	device->driver = g_steal_pointer(&driver);
	device->port_type = g_strdup(type);
	if (config) {
		device->plugin_name = g_strdup(config->plugin);
		device->proxy = g_strdup(config->proxy);
		device->access = config->access;
	}
	device->interface = config && config->interface ? g_strdup(config->interface)
							: interface_of(device->sysfs);
	manager_device_add(manager, device);
}

static void went(Hotplug *hotplug, sd_device *port)
{
	const char *node;
	ManagedDevice *device;

	if (sd_device_get_devname(port, &node) < 0)
		return;
	device = manager_device_by_node(hotplug->manager, node);
	if (device && device->from_udev)
		manager_device_remove(hotplug->manager, device);
}

static int on_device(sd_device_monitor *monitor, sd_device *port, void *user)
{
	sd_device_action_t action;

	if (sd_device_get_action(port, &action) < 0)
		return 0;
	if (action == SD_DEVICE_ADD)
		came(user, port);
	else if (action == SD_DEVICE_REMOVE)
		went(user, port);
	return 0;
}

Hotplug *hotplug_new(Manager *manager, GError **error)
{
	g_autoptr(Hotplug) hotplug = g_new0(Hotplug, 1);
	sd_device_enumerator *enumerator = NULL;
	int r = sd_device_monitor_new(&hotplug->monitor);

	hotplug->manager = manager;
	for (size_t i = 0; r >= 0 && i < G_N_ELEMENTS(subsystems); i++)
		r = sd_device_monitor_filter_add_match_subsystem_devtype(
			hotplug->monitor, subsystems[i], NULL);
	if (r >= 0)
		r = sd_device_monitor_attach_event(hotplug->monitor, manager->event);
	if (r >= 0)
		r = sd_device_monitor_start(hotplug->monitor, on_device, hotplug);
	/* The monitor runs first, so that nothing falls between. */
	if (r >= 0)
		r = sd_device_enumerator_new(&enumerator);
	for (size_t i = 0; r >= 0 && i < G_N_ELEMENTS(subsystems); i++)
		r = sd_device_enumerator_add_match_subsystem(enumerator, subsystems[i], true);
	if (r >= 0)
		r = sd_device_enumerator_allow_uninitialized(enumerator);
	if (r < 0) {
		sd_device_enumerator_unref(enumerator);
		sgp32_fail(error, SGP32_ERROR_FAILED, "udev: %s", g_strerror(-r));
		return NULL;
	}
	for (sd_device *port = sd_device_enumerator_get_device_first(enumerator); port;
		port = sd_device_enumerator_get_device_next(enumerator))
		came(hotplug, port);
	sd_device_enumerator_unref(enumerator);
	return g_steal_pointer(&hotplug);
}

void hotplug_free(Hotplug *hotplug)
{
	if (!hotplug)
		return;
	sd_device_monitor_unref(hotplug->monitor);
	g_free(hotplug);
}
