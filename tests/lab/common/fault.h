/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Faults that a server of the lab commits on request: "fault FUNCTION KIND [ARGUMENT] [--count N]
 * [--after]". Those of the transport are the same for all programs; a program adds its own.
 */
#pragma once

#include <jansson.h>

#include "lab/common/control.h"

typedef enum FaultKind {
	FAULT_NONE,
	/* transport */
	FAULT_HANG, /* no answer, the connection stays */
	FAULT_RESET, /* TCP reset */
	FAULT_HTTP, /* "500", "404": that status, without a body */
	FAULT_HALF_BODY, /* Content-Length of the whole, half of it, close */
	FAULT_GARBAGE, /* 200 with the right type and random octets */
	FAULT_OVERSIZE, /* 200 with a body of ARGUMENT octets, 16 MiB unless told */
	FAULT_TRUNCATED, /* 200 with the body cut in the middle, Content-Length fits */
	FAULT_SLOW_CLOSE, /* body without length, close after ARGUMENT seconds, 3 unless told */
	FAULT_WRONG_CERT, /* the next connections get a certificate that nobody trusts */
	/* of the program */
	FAULT_OWN,
} FaultKind;

typedef struct Fault {
	char *function; /* "any" matches all */
	FaultKind kind;
	char *name; /* as given */
	char *argument; /* NULL if none */
	unsigned remaining;
	bool after; /* the request is processed first, though its answer is lost */
} Fault;

typedef struct FaultList FaultList;

/* functions: names that may be given, NULL at the end. own: names of the program's own kinds, NULL at the
 * end; those that take an argument end with "=". Both stay borrowed. */
FaultList *fault_list_new(const char *const *functions, const char *const *own);
void fault_list_free(FaultList *list);
/* The verb: "fault FUNCTION KIND…", "fault list", "fault clear". */
void fault_verb(FaultList *list, ControlCall *call, int argc, char **args);
/* The fault that this request of this function shall meet; NULL if none. It counts as used up. The caller
 * frees it. WRONG_CERT is never returned here. */
Fault *fault_take(FaultList *list, const char *function);
/* Whether the next TLS connection shall get the wrong certificate. */
bool fault_take_wrong_cert(FaultList *list);
void fault_free(Fault *fault);
/* NULL of NULL: for answers that come later. */
Fault *fault_copy(const Fault *fault);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fault, fault_free)
/* fault may be NULL. */
bool fault_is(const Fault *fault, const char *own_kind);
