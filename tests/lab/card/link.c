/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lab/card/link.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define RETRY_MSEC 200

enum { CONTROL_OFF = 0, CONTROL_ON = 1, CONTROL_RESET = 2, CONTROL_ATR = 4 };

struct Link {
	GSocketConnectable *address;
	Euicc **euicc;
	GSocketConnection *connection;
	GCancellable *cancellable;
	GByteArray *input;
	guint watch, retry, timer;
	bool inserted, connecting, hang, tcp;
	unsigned delay;
	GByteArray *waiting; /* the frame that the delay holds back */
};

static void connect_now(Link *link);
static void input_take(Link *link);

static void disconnect(Link *link)
{
	g_clear_handle_id(&link->watch, g_source_remove);
	g_clear_handle_id(&link->timer, g_source_remove);
	g_clear_object(&link->connection);
	g_byte_array_set_size(link->input, 0);
	g_byte_array_set_size(link->waiting, 0);
}

static gboolean on_retry(gpointer user)
{
	Link *link = user;

	link->retry = 0;
	connect_now(link);
	return G_SOURCE_REMOVE;
}

static void connect_later(Link *link)
{
	if (link->inserted && !link->retry && !link->connecting)
		link->retry = g_timeout_add(RETRY_MSEC, on_retry, link);
}

/* The card is gone from the reader: to it that is a card without power. */
static void lost(Link *link)
{
	disconnect(link);
	euicc_reset(*link->euicc);
	connect_later(link);
}

static int link_fd(Link *link)
{
	return g_socket_get_fd(g_socket_connection_get_socket(link->connection));
}

static bool frame_send(Link *link, GByteArray *frame)
{
	int fd = link_fd(link), one = 1;
	size_t done = 0;

	while (done < frame->len) {
		/* Frames are small and the other end reads: a full buffer is a peer that hangs. */
		ssize_t n = send(fd, frame->data + done, frame->len - done, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	/* Else the kernel holds the acknowledgement back for 40 ms, and the reader its next frame. */
	if (link->tcp)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
	return true;
}

static gboolean on_delay(gpointer user)
{
	Link *link = user;

	link->timer = 0;
	if (!frame_send(link, link->waiting)) {
		lost(link);
		return G_SOURCE_REMOVE;
	}
	g_byte_array_set_size(link->waiting, 0);
	input_take(link);
	return G_SOURCE_REMOVE;
}

/* One frame of the reader. False: the link is gone. */
static bool frame_take(Link *link, Span payload)
{
	g_autoptr(GByteArray) frame = g_byte_array_new();
	size_t size;

	g_byte_array_set_size(frame, 2);
	if (payload.size == 1) {
		if (payload.data[0] != CONTROL_ATR) {
			link->hang = false;
			euicc_reset(*link->euicc);
			return true;
		}
		array_append_span(frame, euicc_atr(*link->euicc));
	} else {
		if (link->hang)
			return true;
		if (!euicc_apdu(*link->euicc, payload, frame)) {
			link_pull(link);
			return false;
		}
	}
	size = frame->len - 2;
	if (size > UINT16_MAX) {
		/* An APDU cannot be so long; only a fault of the lab makes one. */
		g_byte_array_set_size(frame, 2 + UINT16_MAX);
		size = UINT16_MAX;
	}
	frame->data[0] = (uint8_t)(size >> 8);
	frame->data[1] = (uint8_t)size;
	if (link->delay && payload.size > 1) {
		g_byte_array_append(link->waiting, frame->data, frame->len);
		link->timer = g_timeout_add(link->delay, on_delay, link);
		return true;
	}
	if (frame_send(link, frame))
		return true;
	lost(link);
	return false;
}

/* Whole frames of the input, one at a time; none while an answer is held back. */
static void input_take(Link *link)
{
	while (!link->timer && link->input->len >= 2) {
		size_t size = (size_t)link->input->data[0] << 8 | link->input->data[1];

		if (link->input->len < 2 + size)
			return;
		if (size && !frame_take(link, span(link->input->data + 2, size)))
			return;
		g_byte_array_remove_range(link->input, 0, (guint)(2 + size));
	}
}

static gboolean on_readable(int fd, GIOCondition condition, gpointer user)
{
	Link *link = user;
	uint8_t buffer[8192];
	ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return G_SOURCE_CONTINUE;
	/* A reader that sends on without waiting for answers is none. */
	if (n <= 0 || link->input->len > 1 << 20) {
		link->watch = 0;
		lost(link);
		return G_SOURCE_REMOVE;
	}
	g_byte_array_append(link->input, buffer, (guint)n);
	input_take(link);
	return link->watch ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void on_connected(GObject *client, GAsyncResult *result, gpointer user)
{
	Link *link = user;
	g_autoptr(GError) error = NULL;
	GSocketConnection *connection =
		g_socket_client_connect_finish(G_SOCKET_CLIENT(client), result, &error);

	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return; /* link may be gone */
	link->connecting = false;
	if (!connection) {
		connect_later(link);
		return;
	}
	if (!link->inserted) {
		g_object_unref(connection);
		return;
	}
	link->connection = connection;
	g_socket_set_blocking(g_socket_connection_get_socket(connection), TRUE);
	if (link->tcp) {
		int one = 1;

		(void)setsockopt(link_fd(link), IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		(void)setsockopt(link_fd(link), IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
	}
	link->watch =
		g_unix_fd_add(link_fd(link), G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, link);
}

static void connect_now(Link *link)
{
	g_autoptr(GSocketClient) client = NULL;

	if (!link->inserted || link->connection || link->connecting)
		return;
	client = g_socket_client_new();
	g_socket_client_set_enable_proxy(client, FALSE);
	link->connecting = true;
	g_socket_client_connect_async(client, link->address, link->cancellable, on_connected, link);
}

void link_insert(Link *link)
{
	if (link->inserted)
		return;
	link->inserted = true;
	link->hang = false;
	euicc_reset(*link->euicc);
	connect_now(link);
}

void link_pull(Link *link)
{
	link->inserted = false;
	g_clear_handle_id(&link->retry, g_source_remove);
	disconnect(link);
	euicc_reset(*link->euicc);
}

bool link_inserted(const Link *link)
{
	return link->inserted;
}

bool link_connected(const Link *link)
{
	return link->connection != NULL;
}

void link_delay(Link *link, unsigned delay)
{
	link->delay = delay;
}

void link_hang(Link *link, bool hang)
{
	link->hang = hang;
}

Link *link_new(const char *address, Euicc **euicc, GError **error)
{
	Link *link;
	g_autoptr(GSocketConnectable) target = NULL;
	bool tcp = g_str_has_prefix(address, "tcp:");

	if (g_str_has_prefix(address, "unix:"))
		target = G_SOCKET_CONNECTABLE(g_unix_socket_address_new(address + 5));
	else if (tcp)
		target = g_network_address_parse(address + 4, 35963, NULL);
	if (!target) {
		sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
			"%s: neither unix:PATH nor tcp:HOST:PORT", address);
		return NULL;
	}
	link = g_new0(Link, 1);
	link->address = g_steal_pointer(&target);
	link->cancellable = g_cancellable_new();
	link->euicc = euicc;
	link->tcp = tcp;
	link->input = g_byte_array_new();
	link->waiting = g_byte_array_new();
	return link;
}

void link_free(Link *link)
{
	if (!link)
		return;
	g_cancellable_cancel(link->cancellable);
	g_clear_handle_id(&link->retry, g_source_remove);
	disconnect(link);
	g_object_unref(link->cancellable);
	g_object_unref(link->address);
	g_byte_array_unref(link->input);
	g_byte_array_unref(link->waiting);
	g_free(link);
}
