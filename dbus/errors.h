/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one table of errors: for each code its D-Bus name, errno, and the exit code of sgp32ctl.
 */
#pragma once

#include "base/error.h"

typedef struct ErrorRow {
	Sgp32Error code;
	const char *name; /* "org.sgp32.Error.NotFound" */
	int number; /* errno, positive */
	int exit_code;
} ErrorRow;

/* Never NULL: what is not of the enumeration is Failed. */
const ErrorRow *error_row(Sgp32Error code);
/* The row of an error; Failed for other domains. */
const ErrorRow *error_row_of(const GError *error);
/* By D-Bus name, or by its last part ("NotFound"). NULL: not one of ours. */
const ErrorRow *error_row_find(const char *name);
/* The last part of the name: "NotFound". */
const char *error_row_short_name(const ErrorRow *row);
