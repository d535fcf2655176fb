/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control socket of a lab program: one JSON object per line each way.
 *
 *   request {"args":["VERB",…],"cwd":"/where/the/client/is"}
 *   reply   {"ok":true|false,"text":"for people","data":{…for programs}}
 *
 * The server needs no particular event loop: control_fd() is readable whenever control_dispatch() has
 * something to do. Answers may come later than the call, in any order between connections.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

typedef struct Control Control;
typedef struct ControlCall ControlCall;

/* args[0] is the verb; the vector ends with NULL and is valid until the call is answered. The handler, or
 * whoever it hands the call to, answers each call exactly once. */
typedef void (*ControlHandler)(ControlCall *call, int argc, char **args, void *user);

/* Listens on a Unix socket, in place of what another run left there. Errors: Failed. */
Control *control_listen(
	const char *path, ControlHandler handler, void *user, GError **error) SGP32_CHECK;
/* Closes all connections and removes the socket. Calls that wait are answered by a hang-up. */
void control_free(Control *control);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Control, control_free)

int control_fd(Control *control);
void control_dispatch(Control *control);
/* For programs with a GLib main loop: dispatches from that context (NULL: the default one). Free the
 * source before the control. */
GSource *control_source_new(Control *control);

/* text may be NULL; data (stolen) may be NULL. Without text, people see data in a plain form. */
void control_reply(ControlCall *call, bool ok, const char *text, json_t *data);
void control_reply_format(ControlCall *call, bool ok, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* ok is false, the text is the message; the error is freed. */
void control_reply_error(ControlCall *call, GError *error);
/* The client hung up: the answer will be dropped, but must still be given. */
bool control_call_gone(const ControlCall *call);
/* A file named by the client, relative to where the client is. */
char *control_call_path(const ControlCall *call, const char *path);

/* One request as a client. *ret_text and *ret_data (new reference) may be NULL. The result says whether
 * the answer was "ok"; if it was not, the error is Rejected with its text. */
bool control_request(const char *path, const char *const *args, char **ret_text, json_t **ret_data,
	GError **error) SGP32_CHECK;
/* "lab-X ctl --control PATH [--json] VERB ARGS…": argv[0] is "ctl". The return value is the exit status:
 * 0 ok, 1 the server said no, 2 usage or no server. LAB_CONTROL stands in for --control. */
int control_client_main(int argc, char **argv);
