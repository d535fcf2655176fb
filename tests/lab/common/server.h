/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the servers of the lab have in common: options, event loop, signals, state file, control socket,
 * HTTPS server, faults, the log of requests, and the verbs about these (fault, log, stats, address).
 *
 *   lab-X --state DIR --pki DIR --control PATH [--listen ADDRESS:PORT] [--cert PEM --key PEM]
 *   lab-X ctl --control PATH VERB…
 */
#pragma once

#include "lab/common/https.h"
#include "lab/common/pki.h"
#include "lab/common/state.h"

typedef struct LabServer LabServer;

typedef struct LabVerb {
	const char *name;
	/* Answers the call, now or later. */
	void (*run)(LabServer *server, ControlCall *call, int argc, char **args);
	const char *help; /* one line per form */
} LabVerb;

typedef struct LabProgram {
	const char *name; /* "lab-smdp" */
	const char *listen; /* unless told */
	const char *certificate; /* below the PKI folder, without .pem and .key */
	PkiServer certificates;
	const char *const *functions, *const *faults; /* fault.h */
	const LabVerb *verbs; /* name NULL at the end */
	const GOptionEntry *options; /* more of them, or NULL */
	const char *header_name, *header_value;
	HttpsHandler handler; /* its user is the LabServer */
	/* After the state was read; may be NULL. Errors end the program. */
	bool (*start)(LabServer *server, GError **error);
	void (*stop)(LabServer *server); /* may be NULL; also called if the start failed */
} LabProgram;

struct LabServer {
	const LabProgram *program;
	struct event_base *base;
	Pki *pki;
	char *pki_dir;
	char *tls_certificate; /* path, as served */
	json_t *state; /* the program's own members; saved by lab_server_save */
	FaultList *faults;
	Https *https;
	Control *control;
	void *own; /* of the program */
	/* private */
	char *state_path;
	GQueue log; /* json_t */
};

/* The whole program: "ctl" or the server. Returns the exit status. */
int lab_server_main(const LabProgram *program, int argc, char **argv);
/* A state that cannot be written ends the program: nothing may be answered that is not kept. */
void lab_server_save(LabServer *server);
/* One line of the log: on stderr, and for the verb "log". data (stolen) may be NULL. */
void lab_server_log(LabServer *server, json_t *data, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* An integer of the state that counts up: the next value, from 1. */
int64_t lab_server_next(LabServer *server, const char *counter);
