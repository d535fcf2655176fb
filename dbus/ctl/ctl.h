/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of sgp32ctl share. Each verb is a function that gives back the exit status; it has
 * then said on stderr what went wrong.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "base/error.h"
#include "names.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus_message, sd_bus_message_unref)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(sd_bus_error, sd_bus_error_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_t, json_decref)

/* The version of what --json prints; members are only added. */
#define JSON_VERSION 1
/* Exit status of a wait that was left by a second Ctrl-C: the job goes on. */
#define EXIT_DETACHED 130

typedef enum JsonMode {
	JSON_OFF,
	JSON_SHORT,
	JSON_PRETTY,
} JsonMode;

typedef struct Ctl {
	sd_bus *bus;
	JsonMode json;
	bool full; /* identifiers are not shortened */
	bool legend; /* headings and counts */
	bool wait; /* for the end of jobs */
	bool force, accept;
	bool colour;
	uint64_t timeout; /* µs, 0: none */
	const char *euicc; /* --euicc=, NULL */
	const char *confirmation_code; /* --confirmation-code=: a file, "-"; NULL */
	unsigned lines; /* of the history */
} Ctl;

/* ---- verbs: arguments are those after the verb, NULL-terminated ---- */
int verb_list(Ctl *ctl, char **arguments);
int verb_show(Ctl *ctl, char **arguments);
int verb_profiles(Ctl *ctl, char **arguments);
int verb_eims(Ctl *ctl, char **arguments);
int verb_notifications(Ctl *ctl, char **arguments);
int verb_slots(Ctl *ctl, char **arguments);
int verb_jobs(Ctl *ctl, char **arguments);
int verb_history(Ctl *ctl, char **arguments);
int verb_monitor(Ctl *ctl, char **arguments);
int verb_poll(Ctl *ctl, char **arguments);
int verb_download(Ctl *ctl, char **arguments);
int verb_refresh(Ctl *ctl, char **arguments);
int verb_cancel(Ctl *ctl, char **arguments);
int verb_answer(Ctl *ctl, char **arguments);

/* ---- client.c: the bus ---- */
/* Says what went wrong and gives back the exit status for it. */
int complain_bus(const sd_bus_error *error, int r);
int complain(int status, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Exit status for the name of a D-Bus error. */
int exit_status_of(const char *error_name);
/*
 * The eUICC's path for a target ("any" for NULL) as the daemon finds it. Negative errno with
 * error set.
 */
int find_euicc(Ctl *ctl, const char *target, char **ret_path, sd_bus_error *error);
/* A value of the bus as JSON: keys in snake_case, "/" as null. NULL: not what it should be. */
json_t *message_to_json(sd_bus_message *message);
/*
 * All that the daemon shows: {"manager": {…}, "euiccs": [{…, "ipa", "profiles", "eims"}], "jobs":
 * […]}; each object has its "path". Exit status, 0 with a new reference.
 */
int read_world(Ctl *ctl, json_t **ret_world);
/* Properties of one object, tidied as in read_world(). NULL with error set. */
json_t *read_object(Ctl *ctl, const char *path, const char *interface, sd_bus_error *error);
/* Structs of the interfaces as objects with names: last_error, error, owner. */
void tidy_properties(json_t *properties);
/* "NextPoll", "physical-slot" → "next_poll", "physical_slot" */
char *snake_case(const char *name);

/* ---- wait.c ---- */
/* Follows a job to its end, or only prints its path with --no-wait. */
int follow_job(Ctl *ctl, const char *path);
/* ---- act.c ---- */
/* Answers a job's question. confirmation_code may be NULL. Exit status. */
int send_answer(Ctl *ctl, const char *path, bool accept, const char *confirmation_code);
/* A person can be asked. */
bool on_terminal(void);
/*
 * The first line of a file ("-": stdin) without its end; NULL when it was complained about. Wipe
 * it.
 */
char *read_secret(const char *file, int *ret_status);

/* ---- output.c ---- */
/* Prints {"version": 1, key: value} if JSON is wanted; takes value. false: text is wanted. */
bool print_json(const Ctl *ctl, const char *key, json_t *value);
void print_json_line(const Ctl *ctl, json_t *value);

typedef enum Tint {
	TINT_NONE,
	TINT_BOLD,
	TINT_GREEN,
	TINT_YELLOW,
	TINT_RED,
	TINT_FAINT,
} Tint;

const char *tint_start(const Ctl *ctl, Tint tint);
const char *tint_end(const Ctl *ctl, Tint tint);
/* The colour of a state of an eUICC, profile or job. */
Tint tint_of_state(const char *state);

typedef struct Table Table;

/* Headings, NULL-terminated. */
Table *table_new(const Ctl *ctl, const char *const *headings);
/* One cell after the other; "" or NULL shows as "–". */
void table_cell(Table *table, const char *text);
void table_cell_tinted(Table *table, const char *text, Tint tint);
/* A column that nobody filled is left out. Frees the table. */
void table_print(Table *table, const char *indent);
void table_free(Table *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Table, table_free)

/* What comes from a card or a server must not steer the terminal: without control characters. */
char *printable(const char *text);

/* "2 profiles" below a table, unless --no-legend */
void print_count(const Ctl *ctl, size_t n, const char *one, const char *many);

/* "…1235", or all of it with --full */
char *short_id(const Ctl *ctl, const char *id);
/* "in 42 min", "3 min ago", "now", "–" for 0; µs realtime */
char *relative_time(json_int_t time);
/* "2026-11-22 15:42:51" local time; "–" for 0 */
char *absolute_time(json_int_t time);
char *duration_text(json_int_t usec);
char *size_text(json_int_t octets);
/* "fetch-package" → "fetch package" */
char *words_of(const char *identifier);

/* ---- members of JSON objects, with defaults for what is not there ---- */
const char *text_of(const json_t *object, const char *key);
json_int_t number_of(const json_t *object, const char *key);
bool truth_of(const json_t *object, const char *key);
/* "a, b" of an array of strings */
char *list_text(const json_t *object, const char *key);
/* What a person calls a profile: nickname, name or provider. */
const char *profile_name(const json_t *profile);
