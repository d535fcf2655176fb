/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What went over the interface of the card, counted here and not in the daemon: a benchmark compares it
 * with the least that the protocol allows, the sum of ⌈command/255⌉ + ⌈answer/256⌉ over all commands.
 */
#include "lab/card/card.h"

#define COMMANDS_MAX 4096

typedef struct EsCommand {
	uint32_t tag;
	size_t command, answer;
} EsCommand;

typedef struct TagCount {
	uint64_t commands, command_octets, answer_octets, floor;
} TagCount;

void counts_new(Euicc *e)
{
	e->commands = g_array_new(FALSE, TRUE, sizeof(EsCommand));
	e->tags = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
}

void counts_free(Euicc *e)
{
	g_clear_pointer(&e->commands, g_array_unref);
	g_clear_pointer(&e->tags, g_hash_table_unref);
}

void counts_apdu(Euicc *e, bool isdr, size_t command, size_t answer)
{
	CountSet *set = isdr ? &e->isdr : &e->other;

	set->apdus++;
	set->command_octets += command;
	set->answer_octets += answer;
}

void counts_es10(Euicc *e, uint32_t tag, size_t command, size_t answer)
{
	TagCount *count = g_hash_table_lookup(e->tags, GUINT_TO_POINTER(tag));
	EsCommand entry = { tag, command, answer };

	if (!count) {
		if (g_hash_table_size(e->tags) == 256)
			return;
		count = g_new0(TagCount, 1);
		g_hash_table_insert(e->tags, GUINT_TO_POINTER(tag), count);
	}
	count->commands++;
	count->command_octets += command;
	count->answer_octets += answer;
	count->floor += (command + 254) / 255 + (answer + 255) / 256;
	if (e->commands->len < COMMANDS_MAX)
		g_array_append_val(e->commands, entry);
}

void euicc_counts_reset(Euicc *e)
{
	e->isdr = e->other = (CountSet) { 0 };
	g_array_set_size(e->commands, 0);
	g_hash_table_remove_all(e->tags);
}

static json_t *set_to_json(const CountSet *set)
{
	return json_pack("{s:I, s:I, s:I}", "apdus", (json_int_t)set->apdus, "command_octets",
		(json_int_t)set->command_octets, "answer_octets", (json_int_t)set->answer_octets);
}

json_t *euicc_counts(const Euicc *e)
{
	json_t *tags = json_object(), *commands = json_array();
	uint64_t least = 0;
	GHashTableIter iter;
	gpointer key, value;

	g_hash_table_iter_init(&iter, e->tags);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		const TagCount *count = value;
		g_autofree char *name = g_strdup_printf("%02X", GPOINTER_TO_UINT(key));

		least += count->floor;
		json_object_set_new(tags, name,
			json_pack("{s:I, s:I, s:I, s:I}", "commands", (json_int_t)count->commands,
				"command_octets", (json_int_t)count->command_octets,
				"answer_octets", (json_int_t)count->answer_octets, "floor",
				(json_int_t)count->floor));
	}
	for (unsigned i = 0; i < e->commands->len; i++) {
		const EsCommand *entry = &g_array_index(e->commands, EsCommand, i);
		g_autofree char *name = g_strdup_printf("%02X", entry->tag);

		json_array_append_new(commands,
			json_pack("[s, I, I]", name, (json_int_t)entry->command,
				(json_int_t)entry->answer));
	}
	return json_pack("{s:o, s:o, s:o, s:o, s:I}", "isdr", set_to_json(&e->isdr), "other",
		set_to_json(&e->other), "es10", tags, "commands", commands, "floor",
		(json_int_t)least);
}
