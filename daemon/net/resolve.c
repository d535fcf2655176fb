/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/resolve.h"

#include "base/clock.h"

#include <ares.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define TRY_MS 2500
#define TRIES 4

typedef struct Question {
	const char *interface;
	int bind_errno;
	bool no_servers; /* none is known */
	bool done;
	int status;
	GPtrArray *addresses;
} Question;

int resolve_bind_socket(int fd, const char *interface)
{
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, strlen(interface) + 1) < 0)
		return errno;
	return 0;
}

/* ares_set_local_dev() would go on unbound where binding fails. */
static int bind_socket(ares_socket_t fd, int type, void *data)
{
	Question *question = data;

	question->bind_errno = resolve_bind_socket(fd, question->interface);
	return question->bind_errno ? -1 : 0;
}

static void take_answer(void *data, int status, int timeouts, struct ares_addrinfo *info)
{
	Question *question = data;

	question->done = true;
	question->status = status;
	for (struct ares_addrinfo_node *node = info ? info->nodes : NULL; node;
		node = node->ai_next) {
		char text[NI_MAXHOST];

		if (question->addresses->len == RESOLVE_ADDRESSES_MAX)
			break;
		if (getnameinfo(node->ai_addr, node->ai_addrlen, text, sizeof(text), NULL, 0,
			    NI_NUMERICHOST) == 0)
			g_ptr_array_add(question->addresses, g_strdup(text));
	}
	if (info)
		ares_freeaddrinfo(info);
}

static bool is_local(const struct ares_addr_port_node *server)
{
	if (server->family == AF_INET)
		return (ntohl(server->addr.addr4.s_addr) >> 24) == 127;
	return IN6_IS_ADDR_LOOPBACK((const struct in6_addr *)&server->addr.addr6);
}

/* Whom to ask: those of the caller, or those of resolv.conf that are not a stub on this host, which would
 * ask on another interface. */
static bool set_servers(
	ares_channel channel, Question *question, const HttpRoute *route, GError **error)
{
	g_autofree char *csv = NULL;
	struct ares_addr_port_node *servers = NULL, **at;

	if (route->name_servers && route->name_servers[0]) {
		csv = g_strjoinv(",", (char **)route->name_servers);
		if (ares_set_servers_ports_csv(channel, csv) == ARES_SUCCESS)
			return true;
		return sgp32_fail(error, SGP32_ERROR_NETWORK_UNAVAILABLE,
			"the name servers of %s cannot be understood", route->interface);
	}
	if (ares_get_servers_ports(channel, &servers) != ARES_SUCCESS)
		servers = NULL;
	for (at = &servers; *at;) {
		struct ares_addr_port_node *server = *at;

		if (!is_local(server)) {
			at = &server->next;
			continue;
		}
		*at = server->next;
		server->next = NULL;
		ares_free_data(server);
	}
	if (servers && ares_set_servers_ports(channel, servers) == ARES_SUCCESS) {
		ares_free_data(servers);
		return true;
	}
	if (servers)
		ares_free_data(servers);
	/* /etc/hosts needs none. */
	question->no_servers = true;
	(void)ares_set_servers_ports(channel, NULL);
	return true;
}

static bool wait_answer(ares_channel channel, Question *question, const char *host,
	PostCancel *cancel, int64_t deadline, GError **error)
{
	while (!question->done) {
		ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
		struct pollfd fds[ARES_GETSOCK_MAXNUM + 1];
		int bits = ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM);
		int64_t left = deadline - clock_monotonic();
		struct timeval most, next, *wait;
		unsigned n = 0;

		if (post_cancel_is_set(cancel))
			return sgp32_fail(error, SGP32_ERROR_CANCELLED, "cancelled");
		if (left <= 0)
			return sgp32_fail(error, SGP32_ERROR_TIMEOUT,
				"the name servers of %s did not answer for %s", question->interface,
				host);
		for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
			/* ARES_GETSOCK_WRITABLE(bits, 15) would shift into the sign. */
			short events = ((unsigned)bits >> i & 1 ? POLLIN : 0) |
				((unsigned)bits >> (i + ARES_GETSOCK_MAXNUM) & 1 ? POLLOUT : 0);

			if (events)
				fds[n++] = (struct pollfd) { .fd = sockets[i], .events = events };
		}
		fds[n] = (struct pollfd) { .fd = cancel ? post_cancel_fd(cancel) : -1,
			.events = POLLIN };
		most = (struct timeval) { left / USEC_PER_SEC, left % USEC_PER_SEC };
		wait = ares_timeout(channel, &most, &next);
		left = wait->tv_sec * USEC_PER_SEC + wait->tv_usec;
		poll(fds, n + 1, (left + USEC_PER_MSEC - 1) / USEC_PER_MSEC);
		ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
		for (unsigned i = 0; i < n; i++)
			if (fds[i].revents)
				ares_process_fd(channel,
					fds[i].events & POLLIN ? fds[i].fd : ARES_SOCKET_BAD,
					fds[i].events & POLLOUT ? fds[i].fd : ARES_SOCKET_BAD);
	}
	return true;
}

static bool fail_answer(const Question *question, const char *host, GError **error)
{
	if (question->bind_errno) {
		sgp32_fail(error, SGP32_ERROR_NETWORK_UNAVAILABLE, "cannot ask for %s on %s: %s",
			host, question->interface, g_strerror(question->bind_errno));
	} else if (question->no_servers) {
		sgp32_fail(error, SGP32_ERROR_NETWORK_UNAVAILABLE,
			"no name server is known for %s, to ask for %s", question->interface, host);
		if (error)
			sgp32_error_set_hint(*error,
				"the bearer must bring its name servers, or set VerifyOver=any");
		return false;
	} else if (question->status == ARES_ETIMEOUT) {
		sgp32_fail(error, SGP32_ERROR_TIMEOUT,
			"the name servers of %s did not answer for %s", question->interface, host);
	} else {
		sgp32_fail(error, SGP32_ERROR_NETWORK_UNAVAILABLE, "cannot resolve %s on %s: %s",
			host, question->interface,
			question->status == ARES_SUCCESS ? "no address"
							 : ares_strerror(question->status));
	}
	if (error)
		sgp32_error_set_hint(
			*error, "check the connection of the bearer and the name of the server");
	return false;
}

static void library_init(void)
{
	static gsize once;

	if (g_once_init_enter(&once)) {
		ares_library_init(ARES_LIB_INIT_ALL);
		g_once_init_leave(&once, 1);
	}
}

char **resolve_host(const char *host, const HttpRoute *route, PostCancel *cancel, int64_t deadline,
	GError **error)
{
	g_autoptr(GPtrArray) addresses = g_ptr_array_new_with_free_func(g_free);
	Question question = { .interface = route->interface, .addresses = addresses };
	struct ares_options options = {
		.timeout = TRY_MS, .tries = TRIES, .lookups = (char *)"fb"
	};
	struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC, .ai_flags = ARES_AI_NOSORT };
	ares_channel channel;
	bool ok;
	int status;

	library_init();
	status = ares_init_options(
		&channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS);
	if (status != ARES_SUCCESS) {
		sgp32_fail(error, SGP32_ERROR_FAILED, "cannot ask name servers: %s",
			ares_strerror(status));
		return NULL;
	}
	ares_set_socket_configure_callback(channel, bind_socket, &question);
	ok = set_servers(channel, &question, route, error);
	if (ok) {
		ares_getaddrinfo(channel, host, NULL, &hints, take_answer, &question);
		ok = wait_answer(channel, &question, host, cancel, deadline, error);
	}
	/* Ends an open question: take_answer() is called a last time. */
	ares_destroy(channel);
	if (!ok)
		return NULL;
	if (!addresses->len) {
		fail_answer(&question, host, error);
		return NULL;
	}
	g_ptr_array_add(addresses, NULL);
	return (char **)g_ptr_array_steal(addresses, NULL);
}
