/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The crash file: client ids and logical channels outlive this process in the modem, where they are few.
 * The next run takes them up again to give them back, but only if the modem and the proxy are those of
 * which they were noted: else the numbers may be another program's.
 */
#include "modem.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define GROUP "qmi"
#define N_NOTED 64

void modem_notes_init(ModemNotes *notes)
{
	notes->clients = g_array_new(false, false, sizeof(ModemClientId));
	notes->channels = g_array_new(false, false, sizeof(ModemChannel));
}

void modem_notes_clear(ModemNotes *notes)
{
	g_clear_pointer(&notes->clients, g_array_unref);
	g_clear_pointer(&notes->channels, g_array_unref);
}

bool modem_proxy_identity(const char *name, pid_t *ret_pid, GError **error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct ucred peer = { 0 };
	socklen_t size = sizeof(peer);
	size_t length = strlen(name);
	int fd;
	bool there;

	if (length > sizeof(address.sun_path) - 1)
		return sgp32_fail(
			error, SGP32_ERROR_NOT_FOUND, "The name of the proxy's socket is too long");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return sgp32_fail(error, SGP32_ERROR_FAILED, "No socket: %m");
	memcpy(address.sun_path + 1, name, length); /* abstract: the first octet is 0 */
	there = connect(fd, (struct sockaddr *)&address,
			offsetof(struct sockaddr_un, sun_path) + 1 + length) == 0;
	if (there && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		peer.pid = 0;
	close(fd);
	if (!there) {
		sgp32_fail(error, SGP32_ERROR_NOT_FOUND, "No proxy listens at @%s", name);
		if (error)
			sgp32_error_set_hint(
				*error, "Start the unit of qmi-proxy, or set ProxyCommand=");
		return false;
	}
	*ret_pid = peer.pid;
	return true;
}

/* Field 22 of /proc/PID/stat, in clock ticks since boot. NULL if there is no such process. */
static char *process_start(pid_t pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
	g_autofree char *stat = NULL;
	g_auto(GStrv) fields = NULL;
	const char *after;

	if (pid <= 0 || !g_file_get_contents(path, &stat, NULL, NULL))
		return NULL;
	after = strrchr(stat, ')'); /* the name may hold spaces */
	if (!after)
		return NULL;
	fields = g_strsplit(after + 1, " ", 22);
	return g_strv_length(fields) > 20 ? g_strdup(fields[20]) : NULL;
}

char *modem_instance(const TransportPort *port, TransportAccess access)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree char *boot = NULL, *start = NULL;
	struct stat st;
	pid_t pid;

	if (!g_file_get_contents("/proc/sys/kernel/random/boot_id", &boot, NULL, NULL))
		return NULL;
	g_string_printf(text, "boot %s", g_strstrip(boot));
	/* A port that went and came has another inode, or another time of change. */
	if (stat(port->node, &st) == 0)
		g_string_append_printf(text, " node %s %ju %ju %ju %jd.%09ld", port->node,
			(uintmax_t)st.st_dev, (uintmax_t)st.st_ino, (uintmax_t)st.st_rdev,
			(intmax_t)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
	else if (access == TRANSPORT_DIRECT)
		return NULL;
	if (access == TRANSPORT_PROXY) {
		if (!modem_proxy_identity(
			    port->proxy ? port->proxy : QMI_PROXY_SOCKET_PATH, &pid, NULL))
			return NULL;
		start = process_start(pid);
		if (!start)
			return NULL;
		g_string_append_printf(text, " proxy %d %s", (int)pid, start);
	}
	return g_string_free(g_steal_pointer(&text), false);
}

/* "11:3;2:1;": both kinds of notes are pairs of small numbers. */
static void pairs_set(GKeyFile *file, const char *key, const GArray *pairs)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (unsigned i = 0; i < pairs->len; i++) {
		const ModemChannel *pair = &g_array_index(pairs, ModemChannel, i);

		g_string_append_printf(text, "%u:%u;", pair->logical, pair->number);
	}
	g_key_file_set_value(file, GROUP, key, text->str);
}

static void pairs_get(GKeyFile *file, const char *key, GArray *pairs)
{
	size_t n = 0;
	g_auto(GStrv) list = g_key_file_get_string_list(file, GROUP, key, &n, NULL);

	for (size_t i = 0; i < MIN(n, N_NOTED); i++) {
		ModemChannel pair;
		char end;

		if (sscanf(list[i], "%u:%u%c", &pair.logical, &pair.number, &end) == 2 &&
			pair.logical <= 255 && pair.number <= 255)
			g_array_append_val(pairs, pair);
	}
}

G_STATIC_ASSERT(sizeof(ModemChannel) == sizeof(ModemClientId));

static void notes_write(Modem *self)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;
	size_t size;

	if (!self->crash_file || !self->instance)
		return;
	if (self->notes.clients->len == 0 && self->notes.channels->len == 0) {
		modem_notes_remove(self);
		return;
	}
	g_key_file_set_value(file, GROUP, "Instance", self->instance);
	pairs_set(file, "Clients", self->notes.clients);
	pairs_set(file, "Channels", self->notes.channels);
	text = g_key_file_to_data(file, &size, NULL);
	/* Without a note a crash leaves something behind; that is no reason to stop now. */
	if (!g_file_set_contents_full(
		    self->crash_file, text, size, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error))
		g_debug("Nothing is noted for a crash: %s", error->message);
}

void modem_notes_remove(Modem *self)
{
	if (self->crash_file)
		g_unlink(self->crash_file);
}

bool modem_notes_read(Modem *self, ModemNotes *ret)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autofree char *instance = NULL;

	if (!self->crash_file || !self->instance)
		return false;
	if (!g_key_file_load_from_file(file, self->crash_file, G_KEY_FILE_NONE, NULL))
		return false;
	instance = g_key_file_get_value(file, GROUP, "Instance", NULL);
	if (g_strcmp0(instance, self->instance) != 0)
		return false;
	modem_notes_init(ret);
	pairs_get(file, "Clients", ret->clients);
	pairs_get(file, "Channels", ret->channels);
	return true;
}

static bool pair_remove(GArray *pairs, unsigned first, unsigned second)
{
	for (unsigned i = 0; i < pairs->len; i++) {
		const ModemChannel *pair = &g_array_index(pairs, ModemChannel, i);

		if (pair->logical != first || pair->number != second)
			continue;
		g_array_remove_index(pairs, i);
		return true;
	}
	return false;
}

void modem_note_client(Modem *self, unsigned service, unsigned cid)
{
	ModemClientId id = { service, cid };

	g_array_append_val(self->notes.clients, id);
	notes_write(self);
}

void modem_forget_client(Modem *self, unsigned service, unsigned cid)
{
	if (pair_remove(self->notes.clients, service, cid))
		notes_write(self);
}

void modem_note_channel(Modem *self, unsigned logical, unsigned number)
{
	ModemChannel channel = { logical, number };

	pair_remove(self->notes.channels, logical, number);
	g_array_append_val(self->notes.channels, channel);
	notes_write(self);
}

void modem_forget_channel(Modem *self, unsigned logical, unsigned number)
{
	if (pair_remove(self->notes.channels, logical, number))
		notes_write(self);
}

void modem_forget_channels(Modem *self, unsigned logical)
{
	bool some = false;

	for (unsigned i = self->notes.channels->len; i > 0; i--)
		if (g_array_index(self->notes.channels, ModemChannel, i - 1).logical == logical) {
			g_array_remove_index(self->notes.channels, i - 1);
			some = true;
		}
	if (some)
		notes_write(self);
}
