/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lab/common/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REQUEST_MAX (4 * 1024 * 1024)

typedef struct Client {
	Control *control; /* NULL once hung up */
	int fd; /* -1 once hung up */
	GByteArray *in, *out;
	size_t sent;
	unsigned pending; /* calls not yet answered */
	bool finished; /* the peer sends nothing more */
	bool busy; /* being read: it must not be freed */
} Client;

struct ControlCall {
	Client *client;
	json_t *request;
	char **args;
};

struct Control {
	int epoll, fd;
	char *path;
	ControlHandler handler;
	void *user;
	GPtrArray *clients;
};

/* ---- connections ---- */
static void client_hang_up(Client *client)
{
	if (client->fd < 0)
		return;
	close(client->fd);
	client->fd = -1;
	g_ptr_array_remove_fast(client->control->clients, client);
	client->control = NULL;
}

/* Sends what can be sent, and lets go of the client when nobody needs it any more. */
static void client_settle(Client *client)
{
	while (client->fd >= 0 && client->sent < client->out->len) {
		ssize_t n = send(client->fd, client->out->data + client->sent,
			client->out->len - client->sent, MSG_NOSIGNAL);

		if (n >= 0)
			client->sent += n;
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			client_hang_up(client);
	}
	if (client->sent == client->out->len) {
		g_byte_array_set_size(client->out, 0);
		client->sent = 0;
		if (client->finished && client->pending == 0)
			client_hang_up(client);
	}
	if (client->fd >= 0) {
		struct epoll_event event = { .data.ptr = client };

		event.events = (client->finished ? 0 : EPOLLIN) |
			(client->sent < client->out->len ? EPOLLOUT : 0);
		epoll_ctl(client->control->epoll, EPOLL_CTL_MOD, client->fd, &event);
	} else if (client->pending == 0 && !client->busy) {
		g_byte_array_unref(client->in);
		g_byte_array_unref(client->out);
		g_free(client);
	}
}

static void client_answer(Client *client, bool ok, const char *text, json_t *data)
{
	json_t *reply = json_object();
	char *raw;

	json_object_set_new(reply, "ok", json_boolean(ok));
	if (text) {
		g_autofree char *valid = g_utf8_make_valid(text, -1);

		json_object_set_new(reply, "text", json_string(valid));
	}
	if (data)
		json_object_set_new(reply, "data", data);
	raw = json_dumps(reply, JSON_COMPACT);
	g_assert(raw);
	if (client->fd >= 0) {
		g_byte_array_append(client->out, (const uint8_t *)raw, strlen(raw));
		g_byte_array_append(client->out, (const uint8_t *)"\n", 1);
	}
	free(raw);
	json_decref(reply);
}

/* ---- calls ---- */
static char **request_args(json_t *request)
{
	json_t *list = json_object_get(request, "args"), *item;
	g_autoptr(GPtrArray) args = g_ptr_array_new_with_free_func(g_free);
	size_t i;

	if (!json_is_array(list) || json_array_size(list) == 0)
		return NULL;
	json_array_foreach(list, i, item)
	{
		if (!json_is_string(item))
			return NULL;
		g_ptr_array_add(args, g_strdup(json_string_value(item)));
	}
	g_ptr_array_add(args, NULL);
	return (char **)g_ptr_array_free(g_steal_pointer(&args), FALSE);
}

static void client_line(Client *client, const char *line, size_t size)
{
	Control *control = client->control;
	json_t *request = json_loadb(line, size, 0, NULL);
	char **args = request ? request_args(request) : NULL;
	ControlCall *call;

	if (!args) {
		json_decref(request);
		client_answer(client, false, "not a request: {\"args\":[\"VERB\",…]}", NULL);
		return;
	}
	call = g_new0(ControlCall, 1);
	call->client = client;
	call->request = request;
	call->args = args;
	client->pending++;
	control->handler(call, g_strv_length(args), args, control->user);
}

static void client_read(Client *client)
{
	uint8_t chunk[16384];
	ssize_t n = recv(client->fd, chunk, sizeof(chunk), 0);
	uint8_t *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 || client->in->len + n > REQUEST_MAX) {
		client_hang_up(client);
		return;
	}
	if (n == 0)
		client->finished = true;
	g_byte_array_append(client->in, chunk, n);
	while (client->fd >= 0 && client->in->len > 0 &&
		(end = memchr(client->in->data, '\n', client->in->len))) {
		size_t size = end - client->in->data;
		g_autofree char *line = g_strndup((const char *)client->in->data, size);

		g_byte_array_remove_range(client->in, 0, size + 1);
		client_line(client, line, size);
	}
}

void control_reply(ControlCall *call, bool ok, const char *text, json_t *data)
{
	Client *client = call->client;

	client_answer(client, ok, text, data);
	client->pending--;
	json_decref(call->request);
	g_strfreev(call->args);
	g_free(call);
	if (!client->busy)
		client_settle(client);
}

void control_reply_format(ControlCall *call, bool ok, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	control_reply(call, ok, text, NULL);
}

void control_reply_error(ControlCall *call, GError *error)
{
	control_reply(call, false, error ? error->message : "failed", NULL);
	g_clear_error(&error);
}

bool control_call_gone(const ControlCall *call)
{
	return call->client->fd < 0;
}

char *control_call_path(const ControlCall *call, const char *path)
{
	const char *cwd = json_string_value(json_object_get(call->request, "cwd"));

	return g_canonicalize_filename(path, cwd && g_path_is_absolute(cwd) ? cwd : "/");
}

/* ---- server ---- */
static bool socket_address(const char *path, struct sockaddr_un *ret, GError **error)
{
	memset(ret, 0, sizeof(*ret));
	ret->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(ret->sun_path))
		return sgp32_fail(
			error, SGP32_ERROR_INVALID_ARGUMENT, "%s: too long for a socket", path);
	strcpy(ret->sun_path, path);
	return true;
}

Control *control_listen(const char *path, ControlHandler handler, void *user, GError **error)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct sockaddr_un address;
	Control *control;
	int fd, epoll;

	if (!socket_address(path, &address, error))
		return NULL;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	unlink(path);
	if (fd < 0 || epoll < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(fd, 16) < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		sgp32_fail(error, SGP32_ERROR_FAILED, "%s: %s", path, g_strerror(errno));
		if (fd >= 0)
			close(fd);
		if (epoll >= 0)
			close(epoll);
		return NULL;
	}
	control = g_new0(Control, 1);
	control->epoll = epoll;
	control->fd = fd;
	control->path = g_strdup(path);
	control->handler = handler;
	control->user = user;
	control->clients = g_ptr_array_new();
	return control;
}

void control_free(Control *control)
{
	if (!control)
		return;
	while (control->clients->len > 0) {
		Client *client = g_ptr_array_index(control->clients, 0);

		client_hang_up(client);
		client_settle(client);
	}
	g_ptr_array_unref(control->clients);
	close(control->fd);
	close(control->epoll);
	unlink(control->path);
	g_free(control->path);
	g_free(control);
}

int control_fd(Control *control)
{
	return control->epoll;
}

static void control_accept(Control *control)
{
	int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct epoll_event event = { .events = EPOLLIN };
	Client *client;

	if (fd < 0)
		return;
	client = g_new0(Client, 1);
	client->control = control;
	client->fd = fd;
	client->in = g_byte_array_new();
	client->out = g_byte_array_new();
	event.data.ptr = client;
	g_ptr_array_add(control->clients, client);
	epoll_ctl(control->epoll, EPOLL_CTL_ADD, fd, &event);
}

void control_dispatch(Control *control)
{
	struct epoll_event event;

	/* One event a turn: a handler may free other clients of the same batch. */
	while (epoll_wait(control->epoll, &event, 1, 0) == 1) {
		Client *client = event.data.ptr;

		if (!client) {
			control_accept(control);
			continue;
		}
		client->busy = true;
		if ((event.events & EPOLLIN) && !client->finished)
			client_read(client);
		else if (event.events & (EPOLLERR | EPOLLHUP))
			client_hang_up(client);
		client->busy = false;
		client_settle(client);
	}
}

typedef struct ControlSource {
	GSource source;
	void *tag;
	Control *control;
} ControlSource;

static gboolean control_source_dispatch(GSource *source, GSourceFunc callback, gpointer user)
{
	control_dispatch(((ControlSource *)source)->control);
	return G_SOURCE_CONTINUE;
}

GSource *control_source_new(Control *control)
{
	static GSourceFuncs functions = { .dispatch = control_source_dispatch };
	GSource *source = g_source_new(&functions, sizeof(ControlSource));

	((ControlSource *)source)->control = control;
	((ControlSource *)source)->tag = g_source_add_unix_fd(source, control->epoll, G_IO_IN);
	return source;
}

/* ---- client ---- */
static char *read_line(int fd, GError **error)
{
	g_autoptr(GByteArray) in = g_byte_array_new();

	for (;;) {
		uint8_t chunk[16384];
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			sgp32_fail(error, SGP32_ERROR_FAILED, "the program hung up");
			return NULL;
		}
		g_byte_array_append(in, chunk, n);
		if (chunk[n - 1] == '\n')
			return g_strndup((const char *)in->data, in->len - 1);
	}
}

static bool send_all(int fd, const char *text, size_t size, GError **error)
{
	while (size > 0) {
		ssize_t n = send(fd, text, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sgp32_fail(
				error, SGP32_ERROR_FAILED, "control socket: %s", g_strerror(errno));
		text += n;
		size -= n;
	}
	return true;
}

static json_t *exchange(const char *path, const char *const *args, GError **error)
{
	g_autofree char *cwd = g_get_current_dir(), *line = NULL;
	g_autofree char *request = NULL;
	json_t *list = json_array(), *object = json_object(), *reply;
	struct sockaddr_un address;
	char *raw;
	int fd;

	for (; *args; args++)
		json_array_append_new(list, json_string(*args));
	json_object_set_new(object, "args", list);
	json_object_set_new(object, "cwd", json_string(cwd));
	raw = json_dumps(object, JSON_COMPACT);
	request = g_strconcat(raw ? raw : "{}", "\n", NULL);
	free(raw);
	json_decref(object);
	if (!socket_address(path, &address, error))
		return NULL;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		sgp32_fail(error, SGP32_ERROR_NOT_FOUND, "%s: %s", path, g_strerror(errno));
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	if (send_all(fd, request, strlen(request), error))
		line = read_line(fd, error);
	close(fd);
	if (!line)
		return NULL;
	reply = json_loads(line, 0, NULL);
	if (!json_is_object(reply)) {
		json_decref(reply);
		sgp32_fail(error, SGP32_ERROR_FAILED, "the answer is not JSON");
		return NULL;
	}
	return reply;
}

bool control_request(const char *path, const char *const *args, char **ret_text, json_t **ret_data,
	GError **error)
{
	json_t *reply = exchange(path, args, error);
	const char *text;
	bool ok;

	if (!reply)
		return false;
	ok = json_is_true(json_object_get(reply, "ok"));
	text = json_string_value(json_object_get(reply, "text"));
	if (!ok)
		sgp32_fail(error, SGP32_ERROR_REJECTED, "%s", text ? text : "refused");
	if (ret_text)
		*ret_text = g_strdup(text);
	if (ret_data)
		*ret_data = json_incref(json_object_get(reply, "data"));
	json_decref(reply);
	return ok;
}

static void print_data(json_t *data, const char *indent)
{
	const char *key;
	json_t *item;
	size_t i;

	if (json_is_object(data)) {
		g_autofree char *deeper = g_strconcat(indent, "  ", NULL);

		json_object_foreach(data, key, item)
		{
			if (json_is_object(item) || json_is_array(item)) {
				printf("%s%s:\n", indent, key);
				print_data(item, deeper);
			} else {
				printf("%s%s: ", indent, key);
				print_data(item, "");
			}
		}
	} else if (json_is_array(data)) {
		g_autofree char *deeper = g_strconcat(indent, "  ", NULL);

		json_array_foreach(data, i, item)
		{
			if (json_is_object(item) || json_is_array(item)) {
				printf("%s-\n", indent);
				print_data(item, deeper);
			} else {
				print_data(item, indent);
			}
		}
	} else if (json_is_string(data)) {
		printf("%s%s\n", indent, json_string_value(data));
	} else if (data) {
		char *raw = json_dumps(data, JSON_ENCODE_ANY);

		printf("%s%s\n", indent, raw ? raw : "");
		free(raw);
	}
}

static int show_reply(json_t *reply, bool json)
{
	bool ok = json_is_true(json_object_get(reply, "ok"));
	const char *text = json_string_value(json_object_get(reply, "text"));
	json_t *data = json_object_get(reply, "data");

	if (json) {
		/* Programs get the data; without data they get the whole reply. */
		char *raw = json_dumps(ok && data ? data : reply, JSON_COMPACT | JSON_ENCODE_ANY);

		printf("%s\n", raw ? raw : "null");
		free(raw);
	} else if (text) {
		fprintf(ok ? stdout : stderr, "%s%s", text,
			g_str_has_suffix(text, "\n") ? "" : "\n");
	} else {
		print_data(data, "");
	}
	return ok ? 0 : 1;
}

int control_client_main(int argc, char **argv)
{
	g_autoptr(GPtrArray) args = g_ptr_array_new();
	g_autoptr(GError) error = NULL;
	const char *path = g_getenv("LAB_CONTROL");
	bool json = false, rest = false;
	json_t *reply;
	int status;

	for (int i = 1; i < argc; i++) {
		if (!rest && args->len == 0 && g_str_equal(argv[i], "--control") && i + 1 < argc)
			path = argv[++i];
		else if (!rest && g_str_equal(argv[i], "--json"))
			json = true;
		else
			g_ptr_array_add(args, argv[i]);
		rest = rest || g_str_equal(argv[i], "--");
	}
	g_ptr_array_add(args, NULL);
	if (!path || args->len == 1) {
		fprintf(stderr, "usage: ctl --control PATH [--json] VERB [ARGUMENTS…]\n");
		return 2;
	}
	reply = exchange(path, (const char *const *)args->pdata, &error);
	if (!reply) {
		fprintf(stderr, "%s\n", error->message);
		return 2;
	}
	status = show_reply(reply, json);
	json_decref(reply);
	return status;
}
