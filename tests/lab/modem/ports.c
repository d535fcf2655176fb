/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where hosts are connected: a raw PTY under the name of a cdc-wdm node, and a socket that serves many
 * hosts the way qmi-proxy does.
 */
#include "modem.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

/* What a host may leave unread before the modem throws the rest away. */
#define OUT_MAX (256 * 1024)

struct Ports {
	Modem *modem;
	GPtrArray *ports;
	unsigned last_id;
	int slave; /* held open, so that the PTY outlives its hosts */
	int watch; /* inotify: who opens the slave */
	unsigned opens;
	guint watch_source;
	int listener;
	guint listener_source;
	char *device; /* /dev/pts/N */
};

static void port_free(void *data)
{
	Port *port = data;

	if (port->in_source)
		g_source_remove(port->in_source);
	if (port->out_source)
		g_source_remove(port->out_source);
	close(port->fd);
	g_byte_array_unref(port->in);
	g_byte_array_unref(port->out);
	g_free(port);
}

Ports *ports_new(Modem *modem)
{
	Ports *ports = g_new0(Ports, 1);

	ports->modem = modem;
	ports->ports = g_ptr_array_new_with_free_func(port_free);
	ports->slave = ports->watch = ports->listener = -1;
	return ports;
}

void ports_free(Ports *ports)
{
	if (!ports)
		return;
	ports_close(ports);
	g_ptr_array_unref(ports->ports);
	g_free(ports);
}

Port *ports_find(Ports *ports, unsigned id)
{
	for (unsigned i = 0; i < ports->ports->len; i++) {
		Port *port = g_ptr_array_index(ports->ports, i);

		if (port->id == id)
			return port;
	}
	return NULL;
}

void ports_each(Ports *ports, void (*what)(Port *port, void *user), void *user)
{
	for (unsigned i = 0; i < ports->ports->len; i++)
		what(g_ptr_array_index(ports->ports, i), user);
}

static gboolean hang_up_later(gpointer data)
{
	Port *port = data;

	port->in_source = 0; /* this source */
	g_ptr_array_remove(port->modem->ports->ports, port);
	return G_SOURCE_REMOVE;
}

void port_hang_up(Port *port)
{
	if (port->in_source)
		g_source_remove(port->in_source);
	port->ready = false;
	qmi_port_gone(port->modem, port->id);
	port->in_source = g_idle_add(hang_up_later, port);
}

/* ---- octets ---- */

static gboolean port_writable(gint fd, GIOCondition condition, gpointer data)
{
	Port *port = data;
	const uint8_t *octets = port->out->data;
	ssize_t n;

	if (port->kind == PORT_PTY)
		n = write(fd, octets, port->out->len);
	else
		n = send(fd, octets, port->out->len, MSG_NOSIGNAL);
	if (n > 0)
		g_byte_array_remove_range(port->out, 0, (guint)n);
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		g_byte_array_set_size(port->out, 0); /* the reader will see why */
	if (port->out->len)
		return G_SOURCE_CONTINUE;
	port->out_source = 0;
	return G_SOURCE_REMOVE;
}

void port_send(Port *port, GByteArray *frame)
{
	if (port->ready && port->out->len + frame->len <= OUT_MAX) {
		g_byte_array_append(port->out, frame->data, frame->len);
		if (!port->out_source && port_writable(port->fd, G_IO_OUT, port))
			port->out_source = g_unix_fd_add(port->fd, G_IO_OUT, port_writable, port);
	}
	g_byte_array_unref(frame);
}

static void port_frames(Port *port)
{
	bool bad = false;
	size_t size;

	while ((size = qmux_frame_size(span_of_array(port->in), &bad)) != 0) {
		g_autofree uint8_t *frame = g_memdup2(port->in->data, size);

		g_byte_array_remove_range(port->in, 0, (guint)size);
		qmi_received(port, span(frame, size));
	}
	if (bad) {
		g_message("a host sent what is not a frame");
		g_byte_array_set_size(port->in, 0);
	}
}

static gboolean port_readable(gint fd, GIOCondition condition, gpointer data)
{
	Port *port = data;
	uint8_t chunk[4096];
	ssize_t n = read(fd, chunk, sizeof(chunk));

	if (n > 0) {
		if (port->kind == PORT_PTY)
			port->ready = true; /* before the watch has told */
		g_byte_array_append(port->in, chunk, (guint)n);
		port_frames(port);
		return G_SOURCE_CONTINUE;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return G_SOURCE_CONTINUE;
	port->in_source = 0;
	port_hang_up(port);
	return G_SOURCE_REMOVE;
}

static Port *port_add(Ports *ports, PortKind kind, int fd)
{
	Port *port = g_new0(Port, 1);

	port->modem = ports->modem;
	port->kind = kind;
	port->id = ++ports->last_id;
	port->fd = fd;
	port->in = g_byte_array_new();
	port->out = g_byte_array_new();
	port->in_source = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, port_readable, port);
	g_ptr_array_add(ports->ports, port);
	return port;
}

/* ---- the PTY ---- */

static Port *pty_port(Ports *ports)
{
	for (unsigned i = 0; i < ports->ports->len; i++) {
		Port *port = g_ptr_array_index(ports->ports, i);

		if (port->kind == PORT_PTY)
			return port;
	}
	return NULL;
}

/*
 * A tty keeps what nobody read for whoever opens it next; a cdc-wdm node does not. So the modem watches
 * who has it open, and throws the rest away with the last one.
 */
static gboolean pty_watched(gint fd, GIOCondition condition, gpointer data)
{
	Ports *ports = data;
	_Alignas(struct inotify_event) char events[4096];
	ssize_t n = read(fd, events, sizeof(events));
	Port *port = pty_port(ports);
	bool closed = false;

	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *event = (const void *)(events + at);

		if (event->mask & IN_OPEN)
			ports->opens++;
		if (event->mask & IN_CLOSE && ports->opens) {
			ports->opens--;
			closed |= !ports->opens;
		}
		at += (ssize_t)(sizeof(*event) + event->len);
	}
	if (!port)
		return G_SOURCE_CONTINUE;
	/* Whoever opened it since has been answered nothing yet: this is seen before its requests. */
	if (closed) {
		g_byte_array_set_size(port->out, 0);
		tcflush(ports->slave, TCIFLUSH);
	}
	port->ready = ports->opens > 0;
	return G_SOURCE_CONTINUE;
}

static bool errno_fail(GError **error, const char *what)
{
	return sgp32_fail(error, SGP32_ERROR_FAILED, "%s: %s", what, g_strerror(errno));
}

static bool pty_link(const char *device, const char *name, GError **error)
{
	g_autofree char *dir = g_path_get_dirname(name);
	g_autofree char *temporary = g_strconcat(name, ".new", NULL);

	g_mkdir_with_parents(dir, 0755);
	unlink(temporary);
	if (symlink(device, temporary) < 0 || rename(temporary, name) < 0)
		return errno_fail(error, name);
	return true;
}

static bool pty_open(Ports *ports, GError **error)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios attributes;
	char device[64];

	if (fd < 0)
		return errno_fail(error, "/dev/ptmx");
	if (grantpt(fd) < 0 || unlockpt(fd) < 0 || ptsname_r(fd, device, sizeof(device)) != 0 ||
		(ports->slave = open(device, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0) {
		close(fd);
		return errno_fail(error, "PTY");
	}
	/* libqmi never sets the attributes of what it takes for a cdc-wdm node. */
	if (tcgetattr(ports->slave, &attributes) == 0) {
		cfmakeraw(&attributes);
		tcsetattr(ports->slave, TCSANOW, &attributes);
	}
	g_unix_set_fd_nonblocking(fd, TRUE, NULL);
	ports->device = g_strdup(device);
	ports->opens = 0;
	ports->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (ports->watch < 0 || inotify_add_watch(ports->watch, device, IN_OPEN | IN_CLOSE) < 0) {
		close(fd);
		return errno_fail(error, device);
	}
	ports->watch_source = g_unix_fd_add_full(
		G_PRIORITY_HIGH, ports->watch, G_IO_IN, pty_watched, ports, NULL);
	port_add(ports, PORT_PTY, fd);
	return pty_link(device, ports->modem->options.pty, error);
}

/* ---- the proxy socket ---- */

static gboolean proxy_accept(gint fd, GIOCondition condition, gpointer data)
{
	int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (connection >= 0)
		port_add(data, PORT_PROXY, connection);
	return G_SOURCE_CONTINUE;
}

static bool proxy_listen(Ports *ports, GError **error)
{
	const char *name = ports->modem->options.proxy;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t size = strlen(name);
	int fd;

	if (size > sizeof(address.sun_path) - 1)
		return sgp32_fail(
			error, SGP32_ERROR_INVALID_ARGUMENT, "%s: the name is too long", name);
	memcpy(address.sun_path + 1, name, size); /* abstract: a NUL before the name */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errno_fail(error, "socket");
	if (bind(fd, (struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + size)) < 0 ||
		listen(fd, 16) < 0) {
		close(fd);
		return sgp32_fail(error, SGP32_ERROR_FAILED,
			"abstract socket %s: %s (a proxy runs in this network namespace?)", name,
			g_strerror(errno));
	}
	ports->listener = fd;
	ports->listener_source = g_unix_fd_add(fd, G_IO_IN, proxy_accept, ports);
	return true;
}

bool ports_open(Ports *ports, GError **error)
{
	if (ports->modem->options.pty && !pty_open(ports, error))
		return false;
	return !ports->modem->options.proxy || proxy_listen(ports, error);
}

static void source_clear(guint *source)
{
	if (*source)
		g_source_remove(*source);
	*source = 0;
}

static void fd_clear(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void ports_close(Ports *ports)
{
	const char *name = ports->modem->options.pty;
	g_autofree char *target = name ? g_file_read_link(name, NULL) : NULL;

	/* Only if it is still ours. */
	if (target && g_strcmp0(target, ports->device) == 0)
		unlink(name);
	source_clear(&ports->watch_source);
	source_clear(&ports->listener_source);
	fd_clear(&ports->watch);
	fd_clear(&ports->slave);
	fd_clear(&ports->listener);
	g_ptr_array_set_size(ports->ports, 0);
	g_clear_pointer(&ports->device, g_free);
}
