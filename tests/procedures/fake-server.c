/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-server.h"

#include <string.h>

#define SERVERS_MAX 4

static struct {
	FakeEim *eims[SERVERS_MAX];
	FakeSmdp *smdps[SERVERS_MAX];
	void (*call)(void *user, const char *function);
	void *user;
} servers;

void fake_servers_clear(void)
{
	memset(&servers, 0, sizeof(servers));
}

void fake_servers_add_eim(FakeEim *eim)
{
	unsigned i = 0;

	while (servers.eims[i])
		g_assert_cmpuint(++i, <, SERVERS_MAX);
	servers.eims[i] = eim;
}

void fake_servers_add_smdp(FakeSmdp *smdp)
{
	unsigned i = 0;

	while (servers.smdps[i])
		g_assert_cmpuint(++i, <, SERVERS_MAX);
	servers.smdps[i] = smdp;
}

void fake_servers_on_call(void (*call)(void *user, const char *function), void *user)
{
	servers.call = call;
	servers.user = user;
}

FakeEim *fake_servers_eim(const char *eim_id)
{
	for (unsigned i = 0; i < SERVERS_MAX && servers.eims[i]; i++)
		if (strcmp(servers.eims[i]->eim_id, eim_id) == 0)
			return servers.eims[i];
	g_assert_not_reached();
}

FakeSmdp *fake_servers_smdp(const char *address)
{
	for (unsigned i = 0; i < SERVERS_MAX && servers.smdps[i]; i++)
		if (strcmp(servers.smdps[i]->address, address) == 0)
			return servers.smdps[i];
	return NULL;
}

bool fake_call_begin(const char *function, PostCancel *cancel, Fault *ret_after, GError **error)
{
	Fault fault = fault_step(STEP_SERVER);

	if (servers.call)
		servers.call(servers.user, function);
	*ret_after = FAULT_NONE;
	if (post_cancel_is_set(cancel))
		return sgp32_fail(error, SGP32_ERROR_CANCELLED, "Cancelled");
	switch (fault) {
	case FAULT_NETWORK_BEFORE:
	case FAULT_CRASH_BEFORE:
		return sgp32_fail(error, SGP32_ERROR_NETWORK_UNAVAILABLE, "There is no way");
	case FAULT_SERVER_REFUSED:
		sgp32_fail(error, SGP32_ERROR_SERVER_REFUSED, "HTTP 500");
		if (error)
			sgp32_error_set_http(*error, 500);
		return false;
	case FAULT_SERVER_UNTRUSTED:
		return sgp32_fail(error, SGP32_ERROR_TLS_UNTRUSTED, "It is another server");
	case FAULT_SERVER_MALFORMED:
		return sgp32_fail(error, SGP32_ERROR_SERVER_MALFORMED, "Nobody understands it");
	default: *ret_after = fault; return true;
	}
}

bool fake_call_end(Fault after, PostCancel *cancel, GError **error)
{
	switch (after) {
	case FAULT_NETWORK_AFTER:
	case FAULT_CRASH_AFTER:
		return sgp32_fail(error, SGP32_ERROR_NETWORK_UNAVAILABLE, "The answer was lost");
	case FAULT_SERVER_TIMEOUT_AFTER:
		return sgp32_fail(error, SGP32_ERROR_TIMEOUT, "There was no answer in time");
	default: return true;
	}
}

/* ---- what the procedures use of http.h ---- */

void http_close(Http *http)
{
	if (servers.call)
		servers.call(servers.user, "http-close");
}
