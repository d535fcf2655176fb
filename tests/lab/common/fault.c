/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lab/common/fault.h"

#include <stdlib.h>
#include <string.h>

struct FaultList {
	GPtrArray *faults;
	const char *const *functions, *const *own;
};

static const struct {
	const char *name;
	FaultKind kind;
	bool argument; /* optional */
} transport_kinds[] = {
	{ "hang", FAULT_HANG, false },
	{ "reset", FAULT_RESET, false },
	{ "half-body", FAULT_HALF_BODY, false },
	{ "garbage", FAULT_GARBAGE, false },
	{ "oversize", FAULT_OVERSIZE, true },
	{ "truncated", FAULT_TRUNCATED, false },
	{ "slow-close", FAULT_SLOW_CLOSE, true },
	{ "wrong-cert", FAULT_WRONG_CERT, false },
};

FaultList *fault_list_new(const char *const *functions, const char *const *own)
{
	FaultList *list = g_new0(FaultList, 1);

	list->faults = g_ptr_array_new_with_free_func((GDestroyNotify)fault_free);
	list->functions = functions;
	list->own = own;
	return list;
}

void fault_list_free(FaultList *list)
{
	if (!list)
		return;
	g_ptr_array_unref(list->faults);
	g_free(list);
}

void fault_free(Fault *fault)
{
	if (!fault)
		return;
	g_free(fault->function);
	g_free(fault->name);
	g_free(fault->argument);
	g_free(fault);
}

/* The kind and whether it takes an argument: 0 no, 1 may, 2 must. */
static FaultKind find_kind(const FaultList *list, const char *name, int *ret_argument)
{
	*ret_argument = 0;
	if (strlen(name) == 3 && (name[0] == '4' || name[0] == '5') && g_ascii_isdigit(name[1]) &&
		g_ascii_isdigit(name[2]))
		return FAULT_HTTP;
	for (size_t i = 0; i < G_N_ELEMENTS(transport_kinds); i++) {
		if (g_str_equal(transport_kinds[i].name, name)) {
			*ret_argument = transport_kinds[i].argument;
			return transport_kinds[i].kind;
		}
	}
	for (size_t i = 0; list->own[i]; i++) {
		size_t size = strlen(name);

		if (g_str_equal(list->own[i], name))
			return FAULT_OWN;
		if (strncmp(list->own[i], name, size) == 0 &&
			g_str_equal(list->own[i] + size, "=")) {
			*ret_argument = 2;
			return FAULT_OWN;
		}
	}
	return FAULT_NONE;
}

static void list_faults(FaultList *list, ControlCall *call)
{
	g_autoptr(GString) text = g_string_new(NULL);
	json_t *data = json_array();

	for (guint i = 0; i < list->faults->len; i++) {
		const Fault *fault = g_ptr_array_index(list->faults, i);
		json_t *item = json_object();

		g_string_append_printf(text, "%s %s%s%s, %u times%s\n", fault->function,
			fault->name, fault->argument ? " " : "",
			fault->argument ? fault->argument : "", fault->remaining,
			fault->after ? ", after processing" : "");
		json_object_set_new(item, "function", json_string(fault->function));
		json_object_set_new(item, "kind", json_string(fault->name));
		if (fault->argument)
			json_object_set_new(item, "argument", json_string(fault->argument));
		json_object_set_new(item, "remaining", json_integer(fault->remaining));
		json_object_set_new(item, "after", json_boolean(fault->after));
		json_array_append_new(data, item);
	}
	control_reply(call, true, text->len ? text->str : "no faults", data);
}

static void usage(FaultList *list, ControlCall *call, const char *problem)
{
	g_autofree char *functions = g_strjoinv(" ", (char **)list->functions);
	g_autofree char *own = g_strjoinv(" ", (char **)list->own);

	control_reply_format(call, false,
		"%s\nusage: fault FUNCTION KIND [ARGUMENT] [--count N] [--after] | list | clear\n"
		"functions: any %s\n"
		"kinds: hang reset 4xx 5xx half-body garbage oversize[=] truncated slow-close[=] "
		"wrong-cert %s\n"
		"(= takes an argument)",
		problem, functions, own);
}

void fault_verb(FaultList *list, ControlCall *call, int argc, char **args)
{
	g_autoptr(Fault) fault = g_new0(Fault, 1);
	const char *words[3] = { NULL };
	int n = 0, argument;

	if (argc == 2 && g_str_equal(args[1], "list")) {
		list_faults(list, call);
		return;
	}
	if (argc == 2 && g_str_equal(args[1], "clear")) {
		g_ptr_array_set_size(list->faults, 0);
		control_reply(call, true, "no faults", NULL);
		return;
	}
	fault->remaining = 1;
	for (int i = 1; i < argc; i++) {
		if (g_str_equal(args[i], "--count") && i + 1 < argc)
			fault->remaining = strtoul(args[++i], NULL, 10);
		else if (g_str_equal(args[i], "--after"))
			fault->after = true;
		else if (n < 3)
			words[n++] = args[i];
		else
			n = 4;
	}
	if (n < 2 || n > 3 || fault->remaining == 0) {
		usage(list, call, "what shall go wrong?");
		return;
	}
	if (!g_str_equal(words[0], "any") && !g_strv_contains(list->functions, words[0])) {
		usage(list, call, "no such function");
		return;
	}
	fault->kind = find_kind(list, words[1], &argument);
	if (fault->kind == FAULT_NONE || (n == 3 && argument == 0) || (n == 2 && argument == 2)) {
		usage(list, call, "no such kind, or its argument is missing or too much");
		return;
	}
	fault->function = g_strdup(words[0]);
	fault->name = g_strdup(words[1]);
	fault->argument = g_strdup(words[2]);
	g_ptr_array_add(list->faults, g_steal_pointer(&fault));
	list_faults(list, call);
}

Fault *fault_copy(const Fault *fault)
{
	Fault *copy = fault ? g_memdup2(fault, sizeof(*fault)) : NULL;

	if (copy) {
		copy->function = g_strdup(fault->function);
		copy->name = g_strdup(fault->name);
		copy->argument = g_strdup(fault->argument);
	}
	return copy;
}

static Fault *take(FaultList *list, const char *function, bool wrong_cert)
{
	for (guint i = 0; i < list->faults->len; i++) {
		Fault *fault = g_ptr_array_index(list->faults, i), *copy;

		if ((fault->kind == FAULT_WRONG_CERT) != wrong_cert)
			continue;
		if (!wrong_cert && !g_str_equal(fault->function, "any") &&
			!g_str_equal(fault->function, function))
			continue;
		copy = fault_copy(fault);
		if (--fault->remaining == 0)
			g_ptr_array_remove_index(list->faults, i);
		return copy;
	}
	return NULL;
}

Fault *fault_take(FaultList *list, const char *function)
{
	return take(list, function, false);
}

bool fault_take_wrong_cert(FaultList *list)
{
	g_autoptr(Fault) fault = take(list, "", true);

	return fault != NULL;
}

bool fault_is(const Fault *fault, const char *own_kind)
{
	return fault && fault->kind == FAULT_OWN && g_str_equal(fault->name, own_kind);
}
