/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmi-proxy.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"

#define PROXY_CLIENTS 8

static void proxy_send(int fd, const char *hex)
{
	g_autoptr(GBytes) bytes = hex ? hex_decode(hex, 65536) : NULL;
	Span data = span_of(bytes);

	g_assert_true(!hex || bytes);
	if (data.size > 0)
		g_assert_cmpint(
			send(fd, data.data, data.size, MSG_NOSIGNAL), ==, (ssize_t)data.size);
}

/* False: hang up. */
static bool proxy_answer(Proxy *proxy, int fd)
{
	const Step *step = &proxy->steps[proxy->step++];

	proxy_send(fd, step->answer);
	g_assert_cmpint(write(proxy->taken[1], "s", 1), ==, 1);
	return !step->hang_up;
}

static bool proxy_request(Proxy *proxy, int fd, Span frame)
{
	const Step *step = &proxy->steps[proxy->step];
	g_autofree char *got = hex_encode(frame);
	g_autoptr(GBytes) want = step->request ? hex_decode(step->request, 65536) : NULL;

	if (want && span_equal(span_of(want), frame))
		return proxy_answer(proxy, fd);
	if (!proxy->unexpected)
		proxy->unexpected = g_strdup_printf("step %zu: %s instead of %s", proxy->step, got,
			step->request ? step->request : "nothing");
	g_printerr("# %s\n", proxy->unexpected);
	return false;
}

/* False: hang up. */
static bool proxy_read(Proxy *proxy, int fd)
{
	uint8_t buffer[4096];
	ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

	if (n <= 0)
		return false;
	g_byte_array_append(proxy->input, buffer, n);
	while (proxy->input->len >= 3) {
		size_t size = 1 + (proxy->input->data[1] | proxy->input->data[2] << 8);
		bool go_on;

		if (proxy->input->len < size)
			break;
		go_on = proxy_request(proxy, fd, span(proxy->input->data, size));
		g_byte_array_remove_range(proxy->input, 0, size);
		if (!go_on)
			return false;
	}
	return true;
}

static void *proxy_main(void *user)
{
	Proxy *proxy = user;
	struct pollfd fds[2 + PROXY_CLIENTS];
	int speaker = -1; /* whoever sent a request last */

	for (size_t i = 0; i < G_N_ELEMENTS(fds); i++)
		fds[i] = (struct pollfd) { .fd = -1, .events = POLLIN };
	fds[0].fd = proxy->listener;
	fds[1].fd = proxy->trigger[0];
	for (;;) {
		poll(fds, G_N_ELEMENTS(fds), -1);
		if (fds[1].revents) {
			char octet = 0;

			if (read(proxy->trigger[0], &octet, 1) != 1 || octet == 'q')
				break;
			g_assert_cmpint(speaker, >=, 0);
			if (!proxy_answer(proxy, fds[speaker].fd)) {
				close(fds[speaker].fd);
				fds[speaker].fd = -1;
			}
		}
		for (int i = 2; i < 2 + PROXY_CLIENTS; i++) {
			if (fds[i].fd < 0 || !fds[i].revents)
				continue;
			if (proxy_read(proxy, fds[i].fd)) {
				speaker = i;
				continue;
			}
			close(fds[i].fd);
			fds[i].fd = -1;
		}
		if (fds[0].revents)
			for (int i = 2; i < 2 + PROXY_CLIENTS; i++)
				if (fds[i].fd < 0) {
					fds[i].fd = accept(proxy->listener, NULL, NULL);
					fds[i].revents = 0;
					break;
				}
	}
	for (int i = 2; i < 2 + PROXY_CLIENTS; i++)
		if (fds[i].fd >= 0)
			close(fds[i].fd);
	return NULL;
}

void proxy_start(Proxy *proxy, const Step *steps)
{
	static unsigned n;
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	*proxy = (Proxy) { .steps = steps };
	proxy->name = g_strdup_printf("sgp32-test-%d-%u", (int)getpid(), n++);
	proxy->input = g_byte_array_new();
	g_assert_cmpint(pipe(proxy->trigger), ==, 0);
	g_assert_cmpint(pipe(proxy->taken), ==, 0);
	proxy->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	memcpy(address.sun_path + 1, proxy->name, strlen(proxy->name));
	g_assert_cmpint(bind(proxy->listener, (struct sockaddr *)&address,
				offsetof(struct sockaddr_un, sun_path) + 1 + strlen(proxy->name)),
		==, 0);
	g_assert_cmpint(listen(proxy->listener, 8), ==, 0);
	g_assert_cmpint(pthread_create(&proxy->thread, NULL, proxy_main, proxy), ==, 0);
}

void proxy_trigger(Proxy *proxy)
{
	g_assert_cmpint(write(proxy->trigger[1], "t", 1), ==, 1);
}

void proxy_stop(Proxy *proxy)
{
	g_assert_cmpint(write(proxy->trigger[1], "q", 1), ==, 1);
	pthread_join(proxy->thread, NULL);
	g_assert_cmpstr(proxy->unexpected, ==, NULL);
	g_assert_null(proxy->steps[proxy->step].request);
	g_assert_null(proxy->steps[proxy->step].answer);
	g_byte_array_unref(proxy->input);
	close(proxy->listener);
	close(proxy->trigger[0]);
	close(proxy->trigger[1]);
	close(proxy->taken[0]);
	close(proxy->taken[1]);
	g_free(proxy->name);
}
