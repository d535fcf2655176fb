/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checks of addresses that come from cards, activation codes and configuration.
 */
#include "net/http.h"

#include <arpa/inet.h>
#include <string.h>

static bool host_label_is_valid(const char *label, size_t size)
{
	if (size == 0 || size > 63 || label[0] == '-' || label[size - 1] == '-')
		return false;
	for (size_t i = 0; i < size; i++)
		if (!g_ascii_isalnum(label[i]) && label[i] != '-' && label[i] != '_')
			return false;
	return true;
}

bool http_host_is_valid(const char *host)
{
	uint8_t address[16];

	if (!host || !*host || strlen(host) > 253)
		return false;
	if (inet_pton(AF_INET6, host, address) == 1)
		return true;
	for (const char *label = host;; label++) {
		const char *end = strchrnul(label, '.');

		/* One dot at the end is the root of the DNS. */
		if (!*label && label > host)
			return true;
		if (!host_label_is_valid(label, end - label))
			return false;
		if (!*end)
			return true;
		label = end;
	}
}

bool http_authority_parse(const char *text, uint16_t default_port, char **ret_host,
	uint16_t *ret_port, GError **error)
{
	g_autofree char *host = NULL;
	const char *end, *port = NULL;
	uint64_t number = default_port;

	if (!text || !*text)
		return sgp32_fail(
			error, SGP32_ERROR_INVALID_ARGUMENT, "the address of the server is empty");
	if (strlen(text) > 253 + 8)
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
			"the address of the server is longer than a host name can be");
	if (*text == '[' && (end = strchr(text, ']'))) {
		host = g_strndup(text + 1, end - text - 1);
		if (!strchr(host, ':') || (end[1] && end[1] != ':'))
			return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
				"\"%s\" is no address of a server", text);
		port = end[1] ? end + 2 : NULL;
	} else {
		end = strchrnul(text, ':');
		host = g_strndup(text, end - text);
		port = *end ? end + 1 : NULL;
	}
	if (!http_host_is_valid(host)) {
		g_autofree char *shown = g_strescape(text, NULL);

		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
			"\"%s\" is no address of a server", shown);
	}
	if (port &&
		(!g_ascii_isdigit(*port) || strlen(port) > 5 ||
			!g_ascii_string_to_unsigned(port, 10, 1, 65535, &number, NULL))) {
		g_autofree char *shown = g_strescape(port, NULL);

		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "\"%s\" is no port", shown);
	}
	*ret_host = g_steal_pointer(&host);
	*ret_port = number;
	return true;
}

bool http_path_is_valid(const char *path)
{
	if (!path || path[0] != '/' || strlen(path) > 512)
		return false;
	for (const char *c = path; *c; c++)
		if (!g_ascii_isgraph(*c) || strchr("?#\\\"<>{}|^`", *c))
			return false;
	return true;
}

bool http_header_is_valid(const char *value)
{
	if (!value || !*value || strlen(value) > 512)
		return false;
	for (const char *c = value; *c; c++)
		if (!g_ascii_isprint(*c))
			return false;
	return true;
}
