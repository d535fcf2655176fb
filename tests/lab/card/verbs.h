/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The verbs of lab-card, and the options of `create`, which is a verb and a command.
 */
#pragma once

#include "lab/card/link.h"
#include "lab/common/control.h"

typedef struct Lab {
	Euicc *euicc; /* exchanged by `create` */
	Link *link;
	const char *state, *pki;
} Lab;

void verb_handle(ControlCall *call, int argc, char **args, void *user);

typedef struct CreateOptions {
	EuiccCreate create; /* its strings are those below */
	char *state, *pki, *eid, *profile, *first_ci, *smdp, *smds, *apn, *templates, *isdr_aid;
	gboolean consumer, ipae;
} CreateOptions;

void create_options_clear(CreateOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CreateOptions, create_options_clear)
/* args[0] is "create". Errors: InvalidArgument. */
bool create_options_parse(
	CreateOptions *options, int argc, char **args, GError **error) SGP32_CHECK;
