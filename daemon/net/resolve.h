/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names asked for on one interface only, so that a cable cannot answer for the bearer (VerifyOver=bearer).
 * Internal to net.
 */
#pragma once

#include "net/http.h"

#define RESOLVE_ADDRESSES_MAX 8

/* Addresses of host as text, NULL-terminated. route->interface must be set. deadline: CLOCK_MONOTONIC, µs.
 * Errors: NetworkUnavailable, Timeout, Cancelled. */
char **resolve_host(const char *host, const HttpRoute *route, PostCancel *cancel, int64_t deadline,
	GError **error) SGP32_CHECK;
/* Binds a socket to an interface; an errno, 0 on success. */
int resolve_bind_socket(int fd, const char *interface);
