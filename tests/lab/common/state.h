/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * JSON for the servers of the lab: a state file that is replaced at once, octets as base64, and small
 * accessors. Strings that are returned from JSON are borrowed.
 */
#pragma once

#include <jansson.h>

#include "base/bytes.h"
#include "base/error.h"

/* The object in the file, or a new one if there is no file. Errors: Failed, InvalidArgument. */
json_t *state_load(const char *path, GError **error) SGP32_CHECK;
/* New file, fsync, rename, fsync of the folder. Errors: StoreUnavailable. */
bool state_save(const char *path, json_t *state, GError **error) SGP32_CHECK;

const char *state_string(json_t *object, const char *key);
int64_t state_integer(json_t *object, const char *key);
bool state_flag(json_t *object, const char *key);
void state_set_string(json_t *object, const char *key, const char *value);
void state_set_integer(json_t *object, const char *key, int64_t value);
void state_set_flag(json_t *object, const char *key, bool value);
/* Octets as base64; an absent span removes the key. */
void state_set_octets(json_t *object, const char *key, Span octets);
/* White space inside the base64 is skipped. NULL if absent or not base64. */
GBytes *state_octets(json_t *object, const char *key);
/* The member, made as an empty object or array if it is not there. Borrowed. */
json_t *state_object(json_t *object, const char *key);
json_t *state_array(json_t *object, const char *key);
/* Seconds since 1970 under "time", and its text for people. */
void state_stamp(json_t *object);
char *state_time_text(json_t *object);
