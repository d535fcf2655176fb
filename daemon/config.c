/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "asn1/der.h"
#include "build-config.h"

#define SECTION_DEVICE "Device "
#define SECTION_EIM "Eim "

static void config_device_free(ConfigDevice *device)
{
	g_free(device->name);
	g_free(device->node);
	g_free(device->plugin);
	g_free(device->proxy);
	g_free(device->interface);
	g_free(device);
}

static void config_eim_free(ConfigEim *eim)
{
	g_free(eim->file);
	g_free(eim->eid_prefix);
	g_free(eim->slot);
	g_clear_pointer(&eim->entries, g_bytes_unref);
	g_free(eim);
}

static void config_peer_free(ConfigPeer *peer)
{
	g_free(peer->eim_id);
	g_free(peer->address);
	g_free(peer->path);
	g_free(peer->content_type);
	g_free(peer);
}

void config_free(Config *config)
{
	if (!config)
		return;
	g_free(config->config_dir);
	g_free(config->state_dir);
	g_free(config->runtime_dir);
	g_free(config->plugin_dir);
	g_ptr_array_unref(config->isdr_aids);
	g_clear_pointer(&config->terminal_capability, g_bytes_unref);
	g_free(config->es9_user_agent);
	g_ptr_array_unref(config->devices);
	g_ptr_array_unref(config->eims);
	g_ptr_array_unref(config->peers);
	g_free(config);
}

static Config *config_new(const char *config_dir)
{
	static const uint8_t isdr_aid[16] = { 0xa0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xff, 0xff,
		0xff, 0xff, 0x89, 0x00, 0x00, 0x01, 0x00 };
	static const uint8_t announce_ipad[] = { 0xa9, 0x03, 0x84, 0x01, 0x01 };
	Config *config = g_new0(Config, 1);

	config->config_dir = g_strdup(config_dir);
	config->state_dir = g_strdup(SGP32_STATE_DIR);
	config->runtime_dir = g_strdup(SGP32_RUNTIME_DIR);
	config->plugin_dir = g_strdup(SGP32_PLUGIN_DIR);
	config->use_udev = true;
	config->job_linger = 30;
	config->absent_grace = 120;
	config->isdr_aids = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	g_ptr_array_add(config->isdr_aids, g_bytes_new(isdr_aid, sizeof(isdr_aid)));
	config->channel_idle = 5;
	config->terminal_capability = g_bytes_new(announce_ipad, sizeof(announce_ipad));
	config->apdu_timeout = 30;
	config->poll_interval = 3600;
	config->poll_jitter = 60;
	config->backoff_min = 60;
	config->backoff_max = 86400;
	config->packages_per_poll = 32;
	config->connect_timeout = 30;
	config->total_timeout = 300;
	config->es9_user_agent = g_strdup("");
	config->refresh_timeout = 10;
	config->online_timeout = 300;
	config->delivery_tries = 3;
	config->devices = g_ptr_array_new_with_free_func((GDestroyNotify)config_device_free);
	config->eims = g_ptr_array_new_with_free_func((GDestroyNotify)config_eim_free);
	config->peers = g_ptr_array_new_with_free_func((GDestroyNotify)config_peer_free);
	return config;
}

static GBytes *bytes_copy(GBytes *bytes)
{
	return span_to_bytes(span_of(bytes));
}

Config *config_copy(const Config *from)
{
	Config *to = g_memdup2(from, sizeof(*from));

	to->config_dir = g_strdup(from->config_dir);
	to->state_dir = g_strdup(from->state_dir);
	to->runtime_dir = g_strdup(from->runtime_dir);
	to->plugin_dir = g_strdup(from->plugin_dir);
	to->terminal_capability = bytes_copy(from->terminal_capability);
	to->es9_user_agent = g_strdup(from->es9_user_agent);
	to->isdr_aids = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	for (guint i = 0; i < from->isdr_aids->len; i++)
		g_ptr_array_add(to->isdr_aids, bytes_copy(from->isdr_aids->pdata[i]));
	to->devices = g_ptr_array_new_with_free_func((GDestroyNotify)config_device_free);
	for (guint i = 0; i < from->devices->len; i++) {
		const ConfigDevice *device = from->devices->pdata[i];
		ConfigDevice *copy = g_memdup2(device, sizeof(*device));

		copy->name = g_strdup(device->name);
		copy->node = g_strdup(device->node);
		copy->plugin = g_strdup(device->plugin);
		copy->proxy = g_strdup(device->proxy);
		copy->interface = g_strdup(device->interface);
		g_ptr_array_add(to->devices, copy);
	}
	to->eims = g_ptr_array_new_with_free_func((GDestroyNotify)config_eim_free);
	for (guint i = 0; i < from->eims->len; i++) {
		const ConfigEim *eim = from->eims->pdata[i];
		ConfigEim *copy = g_new0(ConfigEim, 1);

		copy->file = g_strdup(eim->file);
		copy->eid_prefix = g_strdup(eim->eid_prefix);
		copy->slot = g_strdup(eim->slot);
		copy->entries = bytes_copy(eim->entries);
		g_ptr_array_add(to->eims, copy);
	}
	to->peers = g_ptr_array_new_with_free_func((GDestroyNotify)config_peer_free);
	for (guint i = 0; i < from->peers->len; i++) {
		const ConfigPeer *peer = from->peers->pdata[i];
		ConfigPeer *copy = g_memdup2(peer, sizeof(*peer));

		copy->eim_id = g_strdup(peer->eim_id);
		copy->address = g_strdup(peer->address);
		copy->path = g_strdup(peer->path);
		copy->content_type = g_strdup(peer->content_type);
		g_ptr_array_add(to->peers, copy);
	}
	return to;
}

const ConfigPeer *config_peer(const Config *config, const char *eim_id)
{
	for (guint i = 0; i < config->peers->len; i++) {
		const ConfigPeer *peer = config->peers->pdata[i];

		if (strcmp(peer->eim_id, eim_id) == 0)
			return peer;
	}
	return NULL;
}

const ConfigDevice *config_device(const Config *config, const char *node)
{
	for (guint i = 0; i < config->devices->len; i++) {
		const ConfigDevice *device = config->devices->pdata[i];

		if (g_strcmp0(device->node, node) == 0)
			return device;
	}
	return NULL;
}

/* ---- one file ---- */

typedef struct Reader {
	GKeyFile *keys;
	const char *path;
	const char *group;
	GHashTable *known; /* names of the keys that were asked for in this group */
	GError **error;
	bool failed;
} Reader;

static void reader_fail(Reader *reader, const char *key, const char *what)
{
	if (!reader->failed)
		sgp32_fail(reader->error, SGP32_ERROR_INVALID_ARGUMENT, "%s: [%s] %s: %s",
			reader->path, reader->group, key, what);
	reader->failed = true;
}

/* NULL if the key is not there. */
static char *reader_value(Reader *reader, const char *key)
{
	g_hash_table_add(reader->known, (void *)key);
	if (!g_key_file_has_key(reader->keys, reader->group, key, NULL))
		return NULL;
	return g_key_file_get_string(reader->keys, reader->group, key, NULL);
}

static void read_text(Reader *reader, const char *key, char **value)
{
	char *text = reader_value(reader, key);

	if (!text)
		return;
	g_free(*value);
	*value = text;
}

static void read_seconds(
	Reader *reader, const char *key, unsigned min, unsigned max, unsigned *value)
{
	g_autofree char *text = reader_value(reader, key);
	guint64 number;

	if (!text)
		return;
	if (!g_ascii_string_to_unsigned(text, 10, min, max, &number, NULL)) {
		g_autofree char *what =
			g_strdup_printf("a number from %u to %u is needed", min, max);

		reader_fail(reader, key, what);
		return;
	}
	*value = number;
}

static void read_bool(Reader *reader, const char *key, const char *yes, const char *no, bool *value)
{
	g_autofree char *text = reader_value(reader, key);

	if (!text)
		return;
	if (strcmp(text, yes) == 0) {
		*value = true;
	} else if (strcmp(text, no) == 0) {
		*value = false;
	} else {
		g_autofree char *what = g_strdup_printf("\"%s\" or \"%s\" is needed", yes, no);

		reader_fail(reader, key, what);
	}
}

static void read_aids(Reader *reader, const char *key, GPtrArray *aids)
{
	g_autofree char *text = reader_value(reader, key);
	g_auto(GStrv) parts = text ? g_strsplit_set(text, "; ", -1) : NULL;

	if (!text)
		return;
	g_ptr_array_set_size(aids, 0);
	for (char **part = parts; *part; part++) {
		GBytes *aid = **part ? hex_decode(*part, 16) : NULL;

		if (!**part)
			continue;
		if (!aid || g_bytes_get_size(aid) < 5) {
			g_clear_pointer(&aid, g_bytes_unref);
			reader_fail(reader, key, "AIDs of 5 to 16 octets in hex are needed");
			return;
		}
		g_ptr_array_add(aids, aid);
	}
	if (aids->len == 0)
		reader_fail(reader, key, "at least one AID is needed");
}

static void read_terminal_capability(Reader *reader, GBytes **value)
{
	static const struct {
		const char *word;
		uint8_t template[5];
	} words[] = {
		{ "ipad", { 0xa9, 0x03, 0x84, 0x01, 0x01 } },
		{ "lpad", { 0xa9, 0x03, 0x83, 0x01, 0x07 } },
	};
	g_autofree char *text = reader_value(reader, "TerminalCapability");
	GBytes *bytes = NULL;
	Tlv tlv;

	if (!text)
		return;
	if (strcmp(text, "none") == 0)
		bytes = g_bytes_new(NULL, 0);
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
		if (strcmp(text, words[i].word) == 0)
			bytes = g_bytes_new(words[i].template, sizeof(words[i].template));
	if (!bytes) {
		bytes = hex_decode(text, 255);
		if (!bytes || !der_single(span_of(bytes), &tlv, NULL) || tlv.tag != 0xa9) {
			g_clear_pointer(&bytes, g_bytes_unref);
			reader_fail(reader, "TerminalCapability",
				"\"ipad\", \"lpad\", \"none\" or a template A9… in hex is needed");
			return;
		}
	}
	g_bytes_unref(*value);
	*value = bytes;
}

static void read_device(Reader *reader, Config *config)
{
	ConfigDevice *device = g_new0(ConfigDevice, 1);
	g_autofree char *access = reader_value(reader, "ModemManager");

	device->name = g_strstrip(g_strdup(reader->group + strlen(SECTION_DEVICE)));
	read_text(reader, "Node", &device->node);
	read_text(reader, "Plugin", &device->plugin);
	read_text(reader, "Proxy", &device->proxy);
	read_text(reader, "Interface", &device->interface);
	if (!device->node)
		reader_fail(reader, "Node", "missing");
	if (access && strcmp(access, "ignore") == 0)
		device->access = CONFIG_IGNORE;
	else if (access && strcmp(access, "inhibit") == 0)
		device->access = CONFIG_INHIBIT;
	else if (access && strcmp(access, "share") != 0)
		reader_fail(
			reader, "ModemManager", "\"share\", \"inhibit\" or \"ignore\" is needed");
	for (guint i = 0; i < config->devices->len; i++) {
		ConfigDevice *other = config->devices->pdata[i];

		/* A later file replaces a section of the same name. */
		if (strcmp(other->name, device->name) == 0)
			g_ptr_array_remove_index(config->devices, i--);
	}
	g_ptr_array_add(config->devices, device);
}

static void read_peer(Reader *reader, Config *config)
{
	ConfigPeer *peer = g_new0(ConfigPeer, 1);

	peer->eim_id = g_strstrip(g_strdup(reader->group + strlen(SECTION_EIM)));
	read_text(reader, "Address", &peer->address);
	read_text(reader, "Path", &peer->path);
	read_text(reader, "ContentType", &peer->content_type);
	read_seconds(reader, "PollInterval", 1, 30 * 86400, &peer->interval);
	read_seconds(reader, "PackagesPerPoll", 1, 1000, &peer->packages);
	for (guint i = 0; i < config->peers->len; i++) {
		ConfigPeer *other = config->peers->pdata[i];

		if (strcmp(other->eim_id, peer->eim_id) == 0)
			g_ptr_array_remove_index(config->peers, i--);
	}
	g_ptr_array_add(config->peers, peer);
}

static void read_group(Reader *reader, Config *config)
{
	bool full = config->full_identifiers;

	if (strcmp(reader->group, "General") == 0) {
		read_bool(reader, "Identifiers", "full", "masked", &full);
		config->full_identifiers = full;
		read_seconds(reader, "JobLinger", 0, 86400, &config->job_linger);
		read_seconds(reader, "AbsentGrace", 1, 86400, &config->absent_grace);
	} else if (strcmp(reader->group, "Card") == 0) {
		read_aids(reader, "IsdrAids", config->isdr_aids);
		read_seconds(reader, "ChannelIdle", 0, 3600, &config->channel_idle);
		read_terminal_capability(reader, &config->terminal_capability);
		read_seconds(reader, "ApduTimeout", 1, 600, &config->apdu_timeout);
	} else if (strcmp(reader->group, "Poll") == 0) {
		read_seconds(reader, "Interval", 1, 30 * 86400, &config->poll_interval);
		read_seconds(reader, "Jitter", 0, 86400, &config->poll_jitter);
		read_seconds(reader, "BackOff", 1, 86400, &config->backoff_min);
		read_seconds(reader, "BackOffMax", 1, 86400, &config->backoff_max);
		read_seconds(reader, "PackagesPerPoll", 1, 1000, &config->packages_per_poll);
	} else if (strcmp(reader->group, "Network") == 0) {
		read_bool(reader, "VerifyOver", "bearer", "any", &config->verify_over_bearer);
		read_seconds(reader, "ConnectTimeout", 1, 3600, &config->connect_timeout);
		read_seconds(reader, "TotalTimeout", 1, 86400, &config->total_timeout);
		read_text(reader, "Es9UserAgent", &config->es9_user_agent);
	} else if (strcmp(reader->group, "Download") == 0) {
		read_bool(reader, "Consent", "yes", "no", &config->consent);
	} else if (strcmp(reader->group, "Switch") == 0) {
		read_seconds(reader, "RefreshTimeout", 1, 600, &config->refresh_timeout);
		read_seconds(reader, "OnlineTimeout", 1, 86400, &config->online_timeout);
		read_seconds(reader, "DeliveryTries", 1, 100, &config->delivery_tries);
	} else if (g_str_has_prefix(reader->group, SECTION_DEVICE)) {
		read_device(reader, config);
	} else if (g_str_has_prefix(reader->group, SECTION_EIM)) {
		read_peer(reader, config);
	} else {
		reader_fail(reader, "", "no such section");
	}
}

/* A key that nobody asked for is a spelling mistake. */
static void check_unknown(Reader *reader)
{
	g_auto(GStrv) keys = g_key_file_get_keys(reader->keys, reader->group, NULL, NULL);

	for (char **key = keys; key && *key; key++)
		if (!g_hash_table_contains(reader->known, *key))
			reader_fail(reader, *key, "no such key");
}

static bool read_file(Config *config, const char *path, bool missing_ok, GError **error)
{
	g_autoptr(GKeyFile) keys = g_key_file_new();
	g_auto(GStrv) groups = NULL;
	g_autoptr(GError) local = NULL;

	g_key_file_set_list_separator(keys, ';');
	if (!g_key_file_load_from_file(keys, path, G_KEY_FILE_NONE, &local)) {
		if (missing_ok && g_error_matches(local, G_FILE_ERROR, G_FILE_ERROR_NOENT))
			return true;
		return sgp32_fail(
			error, SGP32_ERROR_INVALID_ARGUMENT, "%s: %s", path, local->message);
	}
	groups = g_key_file_get_groups(keys, NULL);
	for (char **group = groups; *group; group++) {
		g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
		Reader reader = { keys, path, *group, known, error, false };

		read_group(&reader, config);
		check_unknown(&reader);
		if (reader.failed)
			return false;
	}
	return true;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted names of a folder that end in suffix; empty if there is no folder. */
static GPtrArray *folder_list(const char *folder, const char *suffix)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir)))
		if (g_str_has_suffix(name, suffix) && name[0] != '.')
			g_ptr_array_add(names, g_build_filename(folder, name, NULL));
	g_ptr_array_sort(names, compare_names);
	return names;
}

/* Entries are 30… 30…, or BF57 and BF55 as tools write them. */
static bool entries_check(Span entries, Span *ret, GError **error)
{
	Span rest = entries;
	Tlv tlv;

	if (der_single(entries, &tlv, NULL) && (tlv.tag == 0xbf57 || tlv.tag == 0xbf55) &&
		der_single(tlv.value, &tlv, NULL) && tlv.tag == 0xa0)
		rest = tlv.value;
	*ret = rest;
	if (rest.size == 0)
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "no EimConfigurationData");
	while (rest.size) {
		if (!der_next(&rest, &tlv, error))
			return false;
		if (tlv.tag != 0x30)
			return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
				"tag %X in place of EimConfigurationData (30)", tlv.tag);
	}
	return true;
}

static bool read_eim(Config *config, const char *path, GError **error)
{
	g_autoptr(GKeyFile) keys = g_key_file_new();
	g_autoptr(GError) local = NULL;
	g_autofree char *file = NULL, *hex = NULL, *eid = NULL;
	g_autoptr(GBytes) bytes = NULL;
	ConfigEim *eim = g_new0(ConfigEim, 1);
	Span entries;
	bool ok = false;

	eim->file = g_strdup(path);
	g_ptr_array_add(config->eims, eim); /* an error throws the whole configuration away */
	if (!g_key_file_load_from_file(keys, path, G_KEY_FILE_NONE, &local))
		return sgp32_fail(
			error, SGP32_ERROR_INVALID_ARGUMENT, "%s: %s", path, local->message);

	const char *const groups[] = { "Match", "Eim" };
	for (size_t i = 0; i < G_N_ELEMENTS(groups); i++) {
		g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
		Reader reader = { keys, path, groups[i], known, error, false };

		if (i == 0) {
			read_text(&reader, "Eid", &eid);
			read_text(&reader, "EidPrefix", &eim->eid_prefix);
			read_text(&reader, "Slot", &eim->slot);
		} else {
			read_text(&reader, "File", &file);
			read_text(&reader, "Data", &hex);
		}
		check_unknown(&reader);
		if (reader.failed)
			return false;
	}
	if (eid) {
		uint8_t octets[16];

		if (!eid_from_text(eid, true, octets))
			return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
				"%s: [Match] Eid: 32 digits with right check digits are needed",
				path);
		g_free(eim->eid_prefix);
		eim->eid_prefix = g_steal_pointer(&eid);
	}
	if (eim->eid_prefix &&
		(strspn(eim->eid_prefix, "0123456789") != strlen(eim->eid_prefix) ||
			!eim->eid_prefix[0] || strlen(eim->eid_prefix) > 32))
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
			"%s: [Match] EidPrefix: 1 to 32 digits are needed", path);
	if (!eim->eid_prefix && !eim->slot)
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
			"%s: [Match] names no card: Eid=, EidPrefix= or Slot= is needed", path);
	if (!file == !hex)
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
			"%s: [Eim] File= or Data= is needed", path);
	if (hex) {
		bytes = hex_decode(hex, 65536);
		ok = bytes != NULL;
	} else {
		g_autofree char *folder = g_path_get_dirname(path);
		g_autofree char *full = g_path_is_absolute(file)
			? g_strdup(file)
			: g_build_filename(folder, file, NULL);
		char *data;
		gsize size;

		if (!g_file_get_contents(full, &data, &size, &local))
			return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "%s: %s", path,
				local->message);
		bytes = g_bytes_new_take(data, size);
		ok = size <= 65536;
	}
	if (!ok)
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
			"%s: [Eim]: DER of at most 64 kB, in hex for Data=, is needed", path);
	if (!entries_check(span_of(bytes), &entries, error)) {
		g_prefix_error(error, "%s: [Eim]: ", path);
		return false;
	}
	eim->entries = span_to_bytes(entries);
	return true;
}

Config *config_load(const char *config_dir, GError **error)
{
	g_autoptr(Config) config = config_new(config_dir);
	g_autofree char *file = g_build_filename(config_dir, "sgp32.conf", NULL);
	g_autofree char *drop_ins = g_build_filename(config_dir, "sgp32.conf.d", NULL);
	g_autofree char *eim_dir = g_build_filename(config_dir, "eim.d", NULL);
	g_autoptr(GPtrArray) files = folder_list(drop_ins, ".conf");
	g_autoptr(GPtrArray) eims = folder_list(eim_dir, ".conf");

	if (!read_file(config, file, true, error))
		return NULL;
	for (guint i = 0; i < files->len; i++)
		if (!read_file(config, files->pdata[i], false, error))
			return NULL;
	for (guint i = 0; i < eims->len; i++)
		if (!read_eim(config, eims->pdata[i], error))
			return NULL;
	if (config->backoff_max < config->backoff_min)
		config->backoff_max = config->backoff_min;
	return g_steal_pointer(&config);
}
