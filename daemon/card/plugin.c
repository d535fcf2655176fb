/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gmodule.h>

#include "card/device.h"

typedef struct Module {
	char *name;
	const TransportPlugin *plugin; /* NULL: not loaded */
	bool warned; /* a bad plugin is named once */
} Module;

struct PluginSet {
	char *folder;
	GArray *modules; /* Module, by name */
	char **names;
};

static void module_clear(void *data)
{
	Module *module = data;

	g_free(module->name);
}

static int module_compare(const void *a, const void *b)
{
	return g_strcmp0(((const Module *)a)->name, ((const Module *)b)->name);
}

/* "qmi" of "qmi.so"; NULL for what cannot be a plugin's file. */
static char *module_name(const char *file)
{
	size_t size = strlen(file);

	if (size <= 3 || !g_str_has_suffix(file, ".so"))
		return NULL;
	if (strspn(file, "abcdefghijklmnopqrstuvwxyz0123456789-") != size - 3)
		return NULL;
	return g_strndup(file, size - 3);
}

PluginSet *plugin_set_new(const char *folder)
{
	PluginSet *set = g_new0(PluginSet, 1);
	g_autoptr(GError) error = NULL;
	g_autoptr(GDir) dir = g_dir_open(folder, 0, &error);
	const char *file;

	set->folder = g_strdup(folder);
	set->modules = g_array_new(false, true, sizeof(Module));
	g_array_set_clear_func(set->modules, module_clear);
	if (!dir)
		g_warning("No plugins: %s", error->message);
	while (dir && (file = g_dir_read_name(dir))) {
		Module module = { .name = module_name(file) };

		if (module.name)
			g_array_append_val(set->modules, module);
	}
	g_array_sort(set->modules, module_compare);
	set->names = g_new0(char *, set->modules->len + 1);
	for (unsigned i = 0; i < set->modules->len; i++)
		set->names[i] = g_array_index(set->modules, Module, i).name;
	return set;
}

void plugin_set_free(PluginSet *set)
{
	if (!set)
		return;
	g_free(set->names); /* the strings are the modules' */
	g_array_unref(set->modules);
	g_free(set->folder);
	g_free(set);
}

const char *const *plugin_set_names(PluginSet *set)
{
	return (const char *const *)set->names;
}

static bool plugin_check(const TransportPlugin *plugin, const char *name, GError **error)
{
	if (plugin->abi != TRANSPORT_ABI || plugin->size != sizeof(TransportPlugin))
		return sgp32_fail(error, SGP32_ERROR_NOT_SUPPORTED,
			"Plugin %s is made for another version: ABI %u of %u octets, not %u of %zu",
			name, plugin->abi, plugin->size, TRANSPORT_ABI, sizeof(TransportPlugin));
	if (g_strcmp0(plugin->name, name) != 0)
		return sgp32_fail(error, SGP32_ERROR_NOT_SUPPORTED, "Plugin %s calls itself %s",
			name, plugin->name ? plugin->name : "nothing");
	if (!plugin->open || !plugin->close || !plugin->transmit)
		return sgp32_fail(error, SGP32_ERROR_NOT_SUPPORTED,
			"Plugin %s cannot open, close or transmit", name);
	return true;
}

static const TransportPlugin *module_load(const char *folder, const char *name, GError **error)
{
	g_autofree char *file = g_strconcat(name, ".so", NULL);
	g_autofree char *path = g_build_filename(folder, file, NULL);
	g_autoptr(GError) why = NULL;
	GModule *module = g_module_open_full(path, G_MODULE_BIND_LOCAL, &why);
	void *symbol = NULL;

	if (!module) {
		sgp32_fail(error, SGP32_ERROR_NOT_SUPPORTED, "Plugin %s cannot be loaded: %s", name,
			why->message);
		return NULL;
	}
	if (!g_module_symbol(module, TRANSPORT_SYMBOL, &symbol) || !symbol) {
		sgp32_fail(error, SGP32_ERROR_NOT_SUPPORTED, "Plugin %s has no symbol %s", name,
			TRANSPORT_SYMBOL);
		g_module_close(module);
		return NULL;
	}
	if (!plugin_check(symbol, name, error)) {
		g_module_close(module);
		return NULL;
	}
	/* A plugin brings libraries with GObject types, which cannot go again. */
	g_module_make_resident(module);
	return symbol;
}

static const TransportPlugin *set_load(PluginSet *set, Module *module, GError **error)
{
	if (!module->plugin)
		module->plugin = module_load(set->folder, module->name, error);
	return module->plugin;
}

const TransportPlugin *plugin_set_load(PluginSet *set, const char *name, GError **error)
{
	for (unsigned i = 0; i < set->modules->len; i++) {
		Module *module = &g_array_index(set->modules, Module, i);

		if (g_str_equal(module->name, name))
			return set_load(set, module, error);
	}
	sgp32_fail(error, SGP32_ERROR_NOT_FOUND, "No plugin %s in %s", name, set->folder);
	return NULL;
}

static bool fits(const char *wanted, const char *is)
{
	return !wanted || g_strcmp0(wanted, is) == 0;
}

static bool plugin_matches(const TransportPlugin *plugin, const TransportPort *port)
{
	for (const TransportMatch *match = plugin->matches; match && match->subsystem; match++)
		if (fits(match->subsystem, port->subsystem) && fits(match->driver, port->driver) &&
			fits(match->port_type, port->port_type))
			return true;
	return false;
}

const TransportPlugin *plugin_set_match(PluginSet *set, const TransportPort *port)
{
	const TransportPlugin *best = NULL;

	for (unsigned i = 0; i < set->modules->len; i++) {
		Module *module = &g_array_index(set->modules, Module, i);
		g_autoptr(GError) error = NULL;
		const TransportPlugin *plugin = set_load(set, module, &error);

		if (!plugin) {
			if (!module->warned)
				g_warning("%s", error->message);
			module->warned = true;
			continue;
		}
		if (plugin_matches(plugin, port) && (!best || plugin->priority > best->priority))
			best = plugin;
	}
	return best;
}
