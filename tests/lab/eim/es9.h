/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ES9+' as a client: JSON over HTTPS in threads, so that the eIM serves others meanwhile.
 */
#pragma once

#include "lab/common/server.h"

typedef struct Es9 Es9;

/* http 0: no answer. reply (NULL if it is not JSON) is borrowed. */
typedef void (*Es9Done)(LabServer *server, long http, json_t *reply, void *user);

/* resolve: "HOST:ADDRESS:PORT", NULL at the end; may be NULL. Errors: InvalidArgument. */
Es9 *es9_new(LabServer *server, char **resolve, GError **error) SGP32_CHECK;
/* Requests under way end; their done functions are called with http 0. */
void es9_free(Es9 *es9);
/* body is stolen; address: host with or without port. done is called in the event loop. */
void es9_post(Es9 *es9, const char *address, const char *function, json_t *body, Es9Done done,
	void *user);
