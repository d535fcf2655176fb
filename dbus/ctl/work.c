/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Verbs that look at the daemon: slots, jobs, history. */
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"

/* ---- slots ---- */

static void print_slots(const Ctl *ctl, const json_t *slots)
{
	static const char *const headings[] = { "DEVICE", "PLUGIN", "SLOT", "STATE", "REASON",
		"HINT", NULL };
	Table *table = table_new(ctl, headings);
	const json_t *slot;
	size_t index;

	json_array_foreach(slots, index, slot)
	{
		g_autofree char *number = number_of(slot, "logical_slot")
			? g_strdup_printf("%" JSON_INTEGER_FORMAT, number_of(slot, "physical_slot"))
			: g_strdup_printf("%" JSON_INTEGER_FORMAT " (not mapped)",
				  number_of(slot, "physical_slot"));
		const char *state = text_of(slot, "state");

		table_cell(table, text_of(slot, "device"));
		table_cell(table, text_of(slot, "plugin"));
		table_cell(table, number);
		table_cell_tinted(table, state, tint_of_state(state));
		table_cell(table, text_of(slot, "reason"));
		table_cell(table, text_of(slot, "hint"));
	}
	table_print(table, "");
}

int verb_slots(Ctl *ctl, char **arguments)
{
	g_autoptr(json_t) all = NULL;
	json_t *slots;
	int status = read_world(ctl, &all);

	if (status != 0)
		return status;
	slots = json_object_get(json_object_get(all, "manager"), "slots");
	if (print_json(ctl, "slots", json_incref(slots)))
		return 0;
	if (json_array_size(slots) == 0) {
		puts("No device that can hold an eUICC.");
		return 0;
	}
	print_slots(ctl, slots);
	print_count(ctl, json_array_size(slots), "slot", "slots");
	return 0;
}

/* ---- jobs ---- */

/* "…1235", "…1235 eim.lab.test" or "" of the path of an object */
static char *object_text(const Ctl *ctl, const char *path)
{
	g_autofree char *id = NULL, *eid = NULL, *rest = NULL;
	g_auto(GStrv) parts = NULL;
	char *decoded = NULL;

	if (!g_str_has_prefix(path, SGP32_PATH_EUICC "/"))
		return g_strdup(path);
	parts = g_strsplit(path + strlen(SGP32_PATH_EUICC "/"), "/", 3);
	eid = short_id(ctl, parts[0]);
	if (g_strv_length(parts) < 3)
		return g_steal_pointer(&eid);
	if (strcmp(parts[1], "eim") == 0) {
		g_autofree char *escaped = g_strdup_printf("/%s", parts[2]);

		if (sd_bus_path_decode(escaped, "/", &decoded) > 0)
			id = g_strdup(decoded);
		free(decoded);
	} else {
		id = short_id(ctl, parts[2]);
	}
	return g_strdup_printf("%s %s", eid, id ? id : parts[2]);
}

static char *initiator_text(const json_t *job)
{
	const char *initiator = text_of(job, "initiator");
	const struct passwd *user;

	if (strcmp(initiator, "user") != 0)
		return g_strdup(initiator);
	user = getpwuid((uid_t)number_of(job, "uid"));
	return user ? g_strdup(user->pw_name)
		    : g_strdup_printf("uid %" JSON_INTEGER_FORMAT, number_of(job, "uid"));
}

static void print_jobs(const Ctl *ctl, const json_t *jobs)
{
	static const char *const headings[] = { "JOB", "OPERATION", "OBJECT", "INITIATOR", "STATE",
		"STEP", "PROGRESS", "STARTED", NULL };
	Table *table = table_new(ctl, headings);
	const json_t *job;
	size_t index;

	json_array_foreach(jobs, index, job)
	{
		const char *state = text_of(job, "state");
		g_autofree char *id =
			g_strdup_printf("%" JSON_INTEGER_FORMAT, number_of(job, "id"));
		g_autofree char *object = object_text(ctl, text_of(job, "object"));
		g_autofree char *initiator = initiator_text(job);
		g_autofree char *step = words_of(text_of(job, "step"));
		g_autofree char *started = relative_time(number_of(job, "start_time"));
		g_autofree char *progress = truth_of(job, "progress_valid")
			? g_strdup_printf("%.0f %%",
				  100 * json_number_value(json_object_get(job, "progress")))
			: g_strdup("");

		table_cell(table, id);
		table_cell(table, text_of(job, "operation"));
		table_cell(table, object);
		table_cell(table, initiator);
		table_cell_tinted(table, state, tint_of_state(state));
		table_cell(table, step);
		table_cell(table, progress);
		table_cell(table, started);
	}
	table_print(table, "");
}

static int by_id(const void *a, const void *b)
{
	json_int_t left = number_of(*(const json_t *const *)a, "id");
	json_int_t right = number_of(*(const json_t *const *)b, "id");

	return (left > right) - (left < right);
}

static json_t *sorted_jobs(const json_t *jobs)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new();
	json_t *sorted = json_array(), *job;
	size_t index;

	json_array_foreach((json_t *)jobs, index, job) g_ptr_array_add(list, job);
	g_ptr_array_sort(list, by_id);
	for (unsigned i = 0; i < list->len; i++)
		json_array_append(sorted, g_ptr_array_index(list, i));
	return sorted;
}

int verb_jobs(Ctl *ctl, char **arguments)
{
	g_autoptr(json_t) all = NULL, jobs = NULL;
	int status = read_world(ctl, &all);

	if (status != 0)
		return status;
	jobs = sorted_jobs(json_object_get(all, "jobs"));
	if (print_json(ctl, "jobs", json_incref(jobs)))
		return 0;
	if (json_array_size(jobs) == 0) {
		puts("No job.");
		return 0;
	}
	print_jobs(ctl, jobs);
	print_count(ctl, json_array_size(jobs), "job", "jobs");
	return 0;
}

/* ---- history ---- */

static void print_history(const Ctl *ctl, const json_t *rows)
{
	static const char *const headings[] = { "STARTED", "TOOK", "EUICC", "OPERATION",
		"INITIATOR", "RESULT", "ERROR", NULL };
	Table *table = table_new(ctl, headings);
	const json_t *row;
	size_t index;

	json_array_foreach(rows, index, row)
	{
		json_int_t start = number_of(row, "start_time"), end = number_of(row, "end_time");
		g_autofree char *started = absolute_time(start);
		g_autofree char *took = end > start ? duration_text(end - start) : g_strdup("");
		g_autofree char *eid = short_id(ctl, text_of(row, "eid"));
		const char *result = text_of(row, "result"), *message = text_of(row, "message");

		table_cell(table, started);
		table_cell(table, took);
		table_cell(table, eid);
		table_cell(table, text_of(row, "operation"));
		table_cell(table, text_of(row, "initiator"));
		table_cell_tinted(table, result, tint_of_state(result));
		table_cell(table, *message ? message : text_of(row, "error"));
	}
	table_print(table, "");
}

/* The details are JSON already: as an object in ours. */
static void unfold_details(json_t *rows)
{
	json_t *row;
	size_t index;

	json_array_foreach(rows, index, row)
	{
		json_t *details = json_loads(text_of(row, "details"), 0, NULL);

		json_object_set_new(row, "details", details ? details : json_null());
	}
}

int verb_history(Ctl *ctl, char **arguments)
{
	g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
	g_autoptr(sd_bus_message) reply = NULL;
	g_autofree char *path = NULL;
	const char *target = arguments[0] ? arguments[0] : ctl->euicc, *eid = "";
	g_autoptr(json_t) rows = NULL;
	int r = 0;

	if (target) {
		r = find_euicc(ctl, target, &path, &error);
		if (r >= 0)
			eid = path + strlen(SGP32_PATH_EUICC "/");
	}
	if (r >= 0)
		r = sd_bus_call_method(ctl->bus, SGP32_BUS_NAME, SGP32_PATH_ROOT,
			SGP32_INTERFACE_MANAGER, "GetHistory", &error, &reply, "su", eid,
			ctl->lines);
	if (r >= 0)
		rows = message_to_json(reply);
	if (!rows)
		return complain_bus(&error, r < 0 ? r : -1);
	unfold_details(rows);
	if (print_json(ctl, "history", json_incref(rows)))
		return 0;
	if (json_array_size(rows) == 0) {
		puts("Nothing happened yet.");
		return 0;
	}
	print_history(ctl, rows);
	return 0;
}
