/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/redact.h"

#include <string.h>

static int enabled = true; /* read by all threads */

void redact_set(bool on)
{
	g_atomic_int_set(&enabled, on);
}

char *redact_text(const char *identifier)
{
	size_t size = identifier ? strlen(identifier) : 0;

	if (!g_atomic_int_get(&enabled) || size == 0)
		return g_strdup(identifier ? identifier : "");
	return g_strdup_printf("…%s", size > 8 ? identifier + size - 4 : "");
}

char *redact_path(const char *text)
{
	GString *out = g_string_new(NULL);

	if (!g_atomic_int_get(&enabled))
		return g_strdup(text);
	for (const char *p = text; *p;) {
		size_t run = 0;

		while (g_ascii_isdigit(p[run]))
			run++;
		if (run >= 18) {
			g_string_append(out, "…");
			g_string_append_len(out, p + run - 4, 4);
			p += run;
		} else if (run) {
			g_string_append_len(out, p, run);
			p += run;
		} else {
			g_string_append_c(out, *p++);
		}
	}
	return g_string_free(out, FALSE);
}
