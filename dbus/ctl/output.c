/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables, times and identifiers for people; JSON for programs. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ctl.h"

#define NOTHING "–"

/* ---- JSON ---- */

static void dump(const Ctl *ctl, const json_t *value)
{
	size_t flags =
		JSON_REAL_PRECISION(6) | (ctl->json == JSON_PRETTY ? JSON_INDENT(2) : JSON_COMPACT);

	json_dumpf(value, stdout, flags);
	putchar('\n');
}

bool print_json(const Ctl *ctl, const char *key, json_t *value)
{
	g_autoptr(json_t) document = NULL;

	if (ctl->json == JSON_OFF) {
		json_decref(value);
		return false;
	}
	document = json_pack("{s:i, s:o}", "version", JSON_VERSION, key, value);
	dump(ctl, document);
	return true;
}

void print_json_line(const Ctl *ctl, json_t *value)
{
	json_dumpf(value, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	putchar('\n');
	fflush(stdout);
	json_decref(value);
}

/* ---- colours ---- */

const char *tint_start(const Ctl *ctl, Tint tint)
{
	static const char *const codes[] = {
		[TINT_NONE] = "",
		[TINT_BOLD] = "\033[1m",
		[TINT_GREEN] = "\033[32m",
		[TINT_YELLOW] = "\033[33m",
		[TINT_RED] = "\033[31m",
		[TINT_FAINT] = "\033[2m",
	};

	return ctl->colour ? codes[tint] : "";
}

const char *tint_end(const Ctl *ctl, Tint tint)
{
	return ctl->colour && tint != TINT_NONE ? "\033[0m" : "";
}

Tint tint_of_state(const char *state)
{
	static const struct {
		const char *state;
		Tint tint;
	} tints[] = {
		{ "ready", TINT_GREEN },
		{ "enabled", TINT_GREEN },
		{ "euicc", TINT_GREEN },
		{ "done", TINT_GREEN },
		{ "busy", TINT_YELLOW },
		{ "running", TINT_YELLOW },
		{ "probing", TINT_YELLOW },
		{ "absent-expected", TINT_YELLOW },
		{ "waiting-user", TINT_YELLOW },
		{ "waiting-network", TINT_YELLOW },
		{ "waiting-card", TINT_YELLOW },
		{ "confirming", TINT_YELLOW },
		{ "failed", TINT_RED },
		{ "unreachable", TINT_RED },
		{ "duplicate-eid", TINT_RED },
		{ "disabled", TINT_FAINT },
		{ "empty", TINT_FAINT },
		{ "cancelled", TINT_FAINT },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(tints); i++)
		if (strcmp(tints[i].state, state) == 0)
			return tints[i].tint;
	return TINT_NONE;
}

/* ---- tables ---- */

typedef struct Cell {
	char *text;
	Tint tint;
} Cell;

struct Table {
	const Ctl *ctl;
	GArray *cells; /* of Cell, row by row; the first row are the headings */
	unsigned columns;
};

static void cell_clear(void *data)
{
	g_free(((Cell *)data)->text);
}

/* Columns on the terminal. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (const char *p = text; *p; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);

		width += g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
	}
	return width;
}

char *printable(const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	GString *out = g_string_new(NULL);

	for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);

		g_string_append_unichar(out, g_unichar_isprint(c) ? c : 0xfffd);
	}
	return g_string_free(out, FALSE);
}

Table *table_new(const Ctl *ctl, const char *const *headings)
{
	Table *table = g_new0(Table, 1);

	table->ctl = ctl;
	table->cells = g_array_new(FALSE, FALSE, sizeof(Cell));
	g_array_set_clear_func(table->cells, cell_clear);
	for (; headings[table->columns]; table->columns++)
		table_cell_tinted(table, headings[table->columns], TINT_BOLD);
	return table;
}

void table_cell_tinted(Table *table, const char *text, Tint tint)
{
	Cell cell = { printable(text ? text : ""), tint };

	g_array_append_val(table->cells, cell);
}

void table_cell(Table *table, const char *text)
{
	table_cell_tinted(table, text, TINT_NONE);
}

static const Cell *cell_at(const Table *table, unsigned row, unsigned column)
{
	return &g_array_index(table->cells, Cell, row * table->columns + column);
}

/* 0: nobody filled the column */
static size_t column_width(const Table *table, unsigned rows, unsigned column)
{
	size_t width = 0;

	for (unsigned row = 1; row < rows; row++)
		width = MAX(width, width_of(cell_at(table, row, column)->text));
	if (width && table->ctl->legend)
		width = MAX(width, width_of(cell_at(table, 0, column)->text));
	return width;
}

void table_print(Table *table, const char *indent)
{
	unsigned rows = table->cells->len / table->columns;
	g_autofree size_t *widths = g_new0(size_t, table->columns);
	unsigned last = 0;

	for (unsigned column = 0; column < table->columns; column++) {
		widths[column] = column_width(table, rows, column);
		if (widths[column])
			last = column;
	}
	for (unsigned row = table->ctl->legend ? 0 : 1; row < rows; row++) {
		fputs(indent, stdout);
		for (unsigned column = 0; column <= last; column++) {
			const Cell *cell = cell_at(table, row, column);
			const char *text = *cell->text ? cell->text : NOTHING;

			if (!widths[column])
				continue;
			printf("%s%s%s", tint_start(table->ctl, cell->tint), text,
				tint_end(table->ctl, cell->tint));
			if (column != last)
				printf("%*s", (int)(widths[column] - width_of(text) + 2), "");
		}
		putchar('\n');
	}
	table_free(table);
}

void table_free(Table *table)
{
	if (!table)
		return;
	g_array_unref(table->cells);
	g_free(table);
}

void print_count(const Ctl *ctl, size_t n, const char *one, const char *many)
{
	if (ctl->legend)
		printf("\n%zu %s\n", n, n == 1 ? one : many);
}

/* ---- texts ---- */

char *short_id(const Ctl *ctl, const char *id)
{
	size_t size = strlen(id);

	if (ctl->full || size <= 8)
		return g_strdup(id);
	return g_strdup_printf("…%s", id + size - 4);
}

char *duration_text(json_int_t usec)
{
	json_int_t seconds = usec / USEC_PER_SEC;

	if (usec < 10 * USEC_PER_SEC)
		return g_strdup_printf("%.1f s", (double)usec / USEC_PER_SEC);
	if (seconds < 90)
		return g_strdup_printf("%" JSON_INTEGER_FORMAT " s", seconds);
	if (seconds < 90 * 60)
		return g_strdup_printf("%" JSON_INTEGER_FORMAT " min", (seconds + 30) / 60);
	if (seconds < 36 * 3600)
		return g_strdup_printf("%" JSON_INTEGER_FORMAT " h", (seconds + 1800) / 3600);
	return g_strdup_printf("%" JSON_INTEGER_FORMAT " days", (seconds + 43200) / 86400);
}

char *relative_time(json_int_t time)
{
	json_int_t away = time - clock_realtime();
	json_int_t distance = away < 0 ? -away : away;
	g_autofree char *text = NULL;

	if (time == 0)
		return g_strdup("never");
	if (distance < USEC_PER_SEC)
		return g_strdup("now");
	/* Tenths of a second say nothing here. */
	text = distance < 10 * USEC_PER_SEC
		? g_strdup_printf("%" JSON_INTEGER_FORMAT " s", distance / USEC_PER_SEC)
		: duration_text(distance);
	return away > 0 ? g_strdup_printf("in %s", text) : g_strdup_printf("%s ago", text);
}

char *absolute_time(json_int_t time)
{
	g_autoptr(GDateTime) date = NULL;

	if (time == 0)
		return g_strdup("never");
	date = g_date_time_new_from_unix_local(time / USEC_PER_SEC);
	return date ? g_date_time_format(date, "%F %T") : g_strdup("?");
}

char *size_text(json_int_t octets)
{
	return g_format_size_full((guint64)octets, G_FORMAT_SIZE_IEC_UNITS);
}

char *words_of(const char *identifier)
{
	return g_strdelimit(g_strdup(identifier), "-_", ' ');
}

/* ---- members of JSON objects ---- */

const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

json_int_t number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

bool truth_of(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

char *list_text(const json_t *object, const char *key)
{
	const json_t *list = json_object_get(object, key), *item;
	GString *out = g_string_new(NULL);
	size_t index;

	json_array_foreach(list, index, item)
		g_string_append_printf(out, "%s%s", index ? ", " : "", json_string_value(item));
	return g_string_free(out, FALSE);
}

const char *profile_name(const json_t *profile)
{
	static const char *const keys[] = { "nickname", "name", "service_provider" };

	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
		if (*text_of(profile, keys[i]))
			return text_of(profile, keys[i]);
	return "";
}
