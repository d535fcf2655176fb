/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Identifiers in logs: the last four digits, unless the configuration asks for all of them.
 */
#pragma once

#include "base/bytes.h"

/* Off masks nothing: Identifiers=full in sgp32.conf. Set once, before the first thread starts. */
void redact_set(bool on);
/* "…0012" of an EID, ICCID, IMEI or matching id in text; a whole object path keeps its shape. */
char *redact_text(const char *identifier);
/* Masks every run of 18 or more digits in a text (paths, messages of libraries). */
char *redact_path(const char *text);
