/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "link/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

struct Link {
	sd_event_source *source;
	int fd;
	uint64_t generation;
	int64_t changed_at;
	void (*changed)(void *user);
	void *user;
};

static int on_netlink(sd_event_source *source, int fd, uint32_t events, void *user)
{
	Link *link = user;
	char buffer[8192];
	ssize_t n;

	/* What changed is asked of the kernel when somebody wants to know; ENOBUFS is a change, too. */
	do
		n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
	while (n > 0 || (n < 0 && (errno == EINTR || errno == ENOBUFS)));
	link->generation++;
	link->changed_at = clock_boottime();
	link->changed(link->user);
	return 0;
}

Link *link_new(sd_event *event, void (*changed)(void *user), void *user, GError **error)
{
	g_autoptr(Link) link = g_new0(Link, 1);
	struct sockaddr_nl address = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
			RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE,
	};
	int r;

	link->generation = 1;
	link->changed = changed;
	link->user = user;
	link->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (link->fd < 0 || bind(link->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		sgp32_fail(error, SGP32_ERROR_FAILED, "rtnetlink: %s", g_strerror(errno));
		return NULL;
	}
	r = sd_event_add_io(event, &link->source, link->fd, EPOLLIN, on_netlink, link);
	if (r < 0) {
		sgp32_fail(error, SGP32_ERROR_FAILED, "rtnetlink: %s", g_strerror(-r));
		return NULL;
	}
	return g_steal_pointer(&link);
}

void link_free(Link *link)
{
	if (!link)
		return;
	sd_event_source_disable_unref(link->source);
	if (link->fd >= 0)
		close(link->fd);
	g_free(link);
}

uint64_t link_generation(const Link *link)
{
	return link->generation;
}

static bool address_counts(const struct sockaddr *address)
{
	if (!address)
		return false;
	if (address->sa_family == AF_INET)
		return true;
	return address->sa_family == AF_INET6 &&
		!IN6_IS_ADDR_LINKLOCAL(
			&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

int64_t link_changed_at(const Link *link)
{
	return link->changed_at;
}

bool link_usable(const Link *link, const char *interface)
{
	struct ifaddrs *list = NULL;
	bool usable = false;

	if (getifaddrs(&list) < 0)
		return false;
	for (const struct ifaddrs *at = list; at && !usable; at = at->ifa_next)
		usable = (interface ? strcmp(at->ifa_name, interface) == 0
				    : !(at->ifa_flags & IFF_LOOPBACK)) &&
			at->ifa_flags & IFF_UP && at->ifa_flags & IFF_RUNNING &&
			address_counts(at->ifa_addr);
	freeifaddrs(list);
	return usable;
}

/* Connecting a datagram socket asks for a route and sends nothing. Addresses of documentation. */
static bool has_route(int family, const char *interface)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(9) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool routed = false;

	inet_pton(AF_INET, "203.0.113.1", &v4.sin_addr);
	inet_pton(AF_INET6, "2001:db8::1", &v6.sin6_addr);
	if (fd >= 0 &&
		(!interface ||
			setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, strlen(interface)) ==
				0))
		routed = family == AF_INET ? connect(fd, (struct sockaddr *)&v4, sizeof(v4)) == 0
					   : connect(fd, (struct sockaddr *)&v6, sizeof(v6)) == 0;
	if (fd >= 0)
		close(fd);
	return routed;
}

bool link_routed(const Link *link, const char *interface)
{
	return link_usable(link, interface) &&
		(has_route(AF_INET, interface) || has_route(AF_INET6, interface));
}
