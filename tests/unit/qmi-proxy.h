/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A modem that is a script, behind the socket of a proxy (an abstract name of its own). */
#pragma once

#include <glib.h>
#include <pthread.h>
#include <stdbool.h>

/* One step: the request that must come (hex; NULL: none, the test triggers the answer), and what the modem
 * sends then (hex, any number of frames; NULL: nothing). */
typedef struct Step {
	const char *request, *answer;
	bool hang_up; /* after the answer */
} Step;

typedef struct Proxy {
	char *name;
	int listener, trigger[2], taken[2]; /* taken: an octet for each step */
	const Step *steps; /* ends with all NULL */
	size_t step;
	GByteArray *input;
	char *unexpected; /* the first request that was not as it must be */
	pthread_t thread;
} Proxy;

void proxy_start(Proxy *proxy, const Step *steps);
/* Lets a step without a request happen. */
void proxy_trigger(Proxy *proxy);
/* Every step must have been taken, and nothing else have come. */
void proxy_stop(Proxy *proxy);
