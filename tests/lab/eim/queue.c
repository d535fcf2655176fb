/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The verb queue: words into the octets of eIM Packages.
 *
 *   queue EID WORD … [-- WORD …]        several commands in one eUICC package
 *   queue EID package --WORD … --WORD … the same
 */
#include "lab/eim/eim.h"

#include <stdlib.h>
#include <string.h>

#include "asn1/der.h"

typedef enum Kind { KIND_PSMO, KIND_ECO, KIND_DATA_REQUEST, KIND_DOWNLOAD, KIND_RAW } Kind;

/* The words of one command, and where its octets go. */
typedef struct Command {
	const char *word;
	char **args; /* after the word; NULL at the end */
	int argc;
	ControlCall *call;
	LabServer *server;
	GByteArray *out;
} Command;

typedef struct Word {
	const char *name;
	Kind kind;
	uint32_t tag;
	bool (*run)(const Command *command, uint32_t tag, GError **error);
	const char *usage;
} Word;

static bool usage_error(const Command *command, GError **error)
{
	return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
		"%s: its arguments are wrong (queue help lists them)", command->word);
}

/* The value of "--name VALUE" in args; NULL if it is not there. */
static const char *option(const Command *command, const char *name)
{
	for (int i = 0; i + 1 < command->argc; i++)
		if (g_str_equal(command->args[i], name))
			return command->args[i + 1];
	return NULL;
}

static bool flag(const Command *command, const char *name)
{
	return g_strv_contains((const char *const *)command->args, name);
}

static bool put_iccid(const Command *command, GByteArray *out, const char *text, GError **error)
{
	uint8_t iccid[10];

	if (!text || !iccid_from_text(text, iccid))
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "%s: %s is not an ICCID",
			command->word, text ? text : "nothing");
	der_put(out, 0x5A, SPAN_ARRAY(iccid));
	return true;
}

static bool put_hex(
	const Command *command, GByteArray *out, uint32_t tag, const char *text, GError **error)
{
	g_autoptr(GBytes) octets = hex_decode(text, 65536);

	if (!octets)
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "%s: %s is not hex",
			command->word, text);
	if (tag)
		der_put(out, tag, span_of(octets));
	else
		array_append_span(out, span_of(octets));
	return true;
}

/* ---- PSMO ---- */
static bool run_enable(const Command *command, uint32_t tag, GError **error)
{
	g_autoptr(GByteArray) content = g_byte_array_new();
	bool rollback = flag(command, "--rollback");

	if (command->argc != 1 + rollback)
		return usage_error(command, error);
	if (!put_iccid(command, content, command->args[0], error))
		return false;
	if (rollback)
		der_put(content, 0x05, SPAN_LITERAL(""));
	der_put(command->out, tag, span_of_array(content));
	return true;
}

static bool run_iccid(const Command *command, uint32_t tag, GError **error)
{
	g_autoptr(GByteArray) content = g_byte_array_new();

	if (command->argc != 1)
		return usage_error(command, error);
	if (!put_iccid(command, content, command->args[0], error))
		return false;
	der_put(command->out, tag, span_of_array(content));
	return true;
}

static bool run_empty(const Command *command, uint32_t tag, GError **error)
{
	if (command->argc != 0)
		return usage_error(command, error);
	der_put(command->out, tag, SPAN_LITERAL(""));
	return true;
}

static bool run_list(const Command *command, uint32_t tag, GError **error)
{
	g_autoptr(GByteArray) content = g_byte_array_new(), criteria = g_byte_array_new();
	const char *iccid = option(command, "--iccid"), *class = option(command, "--class");
	const char *aid = option(command, "--aid"), *tags = option(command, "--tags");

	if (command->argc != 2 * (!!iccid + !!class + !!aid + !!tags) ||
		!!iccid + !!class + !!aid > 1)
		return usage_error(command, error);
	if (iccid && !put_iccid(command, criteria, iccid, error))
		return false;
	if (aid && !put_hex(command, criteria, 0x4F, aid, error))
		return false;
	if (class)
		der_put_integer(criteria, 0x95,
			g_str_equal(class, "test")                   ? 0
				: g_str_equal(class, "provisioning") ? 1
								     : 2);
	if (criteria->len)
		der_put(content, 0xA0, span_of_array(criteria));
	if (tags && !put_hex(command, content, 0x5C, tags, error))
		return false;
	der_put(command->out, tag, span_of_array(content));
	return true;
}

static bool run_immediate(const Command *command, uint32_t tag, GError **error)
{
	g_autoptr(GByteArray) content = g_byte_array_new();
	const char *oid = option(command, "--oid"), *address = option(command, "--address");
	bool off = flag(command, "--off");

	if (command->argc != off + 2 * (!!oid + !!address))
		return usage_error(command, error);
	if (!off)
		der_put(content, 0x80, SPAN_LITERAL(""));
	if (oid) {
		g_autoptr(GBytes) octets = der_oid_from_text(oid);

		if (!octets)
			return usage_error(command, error);
		der_put(content, 0x81, span_of(octets));
	}
	if (address)
		der_put(content, 0x82, span_string(address));
	der_put(command->out, tag, span_of_array(content));
	return true;
}

static bool run_default_dp(const Command *command, uint32_t tag, GError **error)
{
	g_autoptr(GByteArray) content = g_byte_array_new();

	if (command->argc > 1)
		return usage_error(command, error);
	der_put(content, 0x80, span_string(command->argc ? command->args[0] : ""));
	der_put(command->out, tag, span_of_array(content));
	return true;
}

static bool run_hex(const Command *command, uint32_t tag, GError **error)
{
	return command->argc == 1 ? put_hex(command, command->out, 0, command->args[0], error)
				  : usage_error(command, error);
}

/* ---- eCO ---- */
/* EimConfigurationData from a file, DER or hex; its 30 makes way for the tag of the command. */
static bool run_eim_data(const Command *command, uint32_t tag, GError **error)
{
	g_autofree char *path = NULL, *text = NULL;
	g_autoptr(GBytes) octets = NULL;
	gsize size;
	Tlv tlv;

	if (command->argc != 1)
		return usage_error(command, error);
	octets = hex_decode(command->args[0], 65536);
	if (!octets) {
		path = control_call_path(command->call, command->args[0]);
		if (!g_file_get_contents(path, &text, &size, error))
			return false;
		octets = hex_decode(text, 65536);
	}
	if (!octets)
		octets = g_bytes_new(text, size);
	if (!der_single(span_of(octets), &tlv, error))
		return false;
	der_put(command->out, tag, tlv.value);
	return true;
}

static bool run_delete_eim(const Command *command, uint32_t tag, GError **error)
{
	g_autoptr(GByteArray) content = g_byte_array_new();

	if (command->argc > 1)
		return usage_error(command, error);
	der_put(content, 0x80,
		span_string(command->argc ? command->args[0] : EIM(command->server)->id));
	der_put(command->out, tag, span_of_array(content));
	return true;
}

/* ---- IpaEuiccDataRequest ---- */
static const struct {
	const char *name, *tag;
} data_tags[] = { { "notifications", "A0" }, { "default-smdp", "81" }, { "results", "A2" },
	{ "info1", "BF20" }, { "info2", "BF22" }, { "root-smds", "83" }, { "token", "84" },
	{ "eum-cert", "A5" }, { "euicc-cert", "A6" }, { "capabilities", "A8" },
	{ "device-info", "A9" } };

#define DATA_TAGS_ALL "A081A2BF20BF228384A5A6A8A9"
/* What must be known before a signed package, in one request. */
#define DATA_TAGS_LEARN "81BF20BF228384A5A6A8A9"

static char *tags_from_words(const char *text)
{
	g_auto(GStrv) words = g_strsplit(text, ",", -1);
	GString *hex = g_string_new(NULL);

	for (char **word = words; *word; word++) {
		const char *tag = *word;

		for (size_t i = 0; i < G_N_ELEMENTS(data_tags); i++)
			if (g_str_equal(data_tags[i].name, *word))
				tag = data_tags[i].tag;
		g_string_append(hex, tag);
	}
	return g_string_free(hex, FALSE);
}

static bool run_data_request(const Command *command, uint32_t tag, GError **error)
{
	const char *tags = option(command, "--tags"), *ci = option(command, "--ci");
	const char *notification = option(command, "--notification");
	const char *result = option(command, "--result");
	g_autofree char *hex = tags_from_words(tags ? tags : DATA_TAGS_ALL);

	if (command->argc != 2 * (!!tags + !!ci + !!notification + !!result))
		return usage_error(command, error);
	if (!put_hex(command, command->out, 0x5C, hex, error) ||
		(ci && !put_hex(command, command->out, 0x04, ci, error)))
		return false;
	for (int i = 0; i < 2; i++) {
		const char *seq = i == 0 ? notification : result;
		GByteArray *criteria;

		if (!seq)
			continue;
		criteria = g_byte_array_new();
		der_put_integer(criteria, 0x80, strtol(seq, NULL, 10));
		der_put_wrapped(command->out, i == 0 ? 0xA1 : 0xA2, criteria);
	}
	return true;
}

json_t *queue_learn(LabServer *server, json_t *device)
{
	json_t *item = item_new(server, device, "data-request", "learn the card", true);
	g_autoptr(GByteArray) content = g_byte_array_new();
	g_autoptr(GBytes) tags = hex_decode(DATA_TAGS_LEARN, 64);

	der_put(content, 0x5C, span_of(tags));
	state_set_octets(item, "content", span_of_array(content));
	return item;
}

/* ---- ProfileDownloadTriggerRequest ---- */
static bool run_download(const Command *command, uint32_t tag, GError **error)
{
	g_autoptr(GByteArray) content = g_byte_array_new(), smds = NULL;
	const char *kind = command->argc ? command->args[0] : "";

	if (command->argc > 2)
		return usage_error(command, error);
	if (g_str_equal(kind, "--default-smdp") && command->argc == 1) {
		der_put(content, 0x81, SPAN_LITERAL(""));
	} else if (g_str_equal(kind, "--smds")) {
		smds = g_byte_array_new();
		if (command->argc == 2)
			der_put(smds, 0x80, span_string(command->args[1]));
		der_put(content, 0xA2, span_of_array(smds));
	} else if (g_str_equal(kind, "--ask-eim") && command->argc == 2) {
		/* No data at all: the eIM keeps the activation code. */
		return true;
	} else if (command->argc == 1 && kind[0] != '-') {
		der_put(content, 0x80, span_string(kind));
	} else {
		return usage_error(command, error);
	}
	der_put(command->out, 0xA0, span_of_array(content));
	return true;
}

static const Word words[] = {
	{ "enable", KIND_PSMO, 0xA3, run_enable, "enable ICCID [--rollback]" },
	{ "disable", KIND_PSMO, 0xA4, run_iccid, "disable ICCID" },
	{ "delete", KIND_PSMO, 0xA5, run_iccid, "delete ICCID" },
	{ "list", KIND_PSMO, 0xBF2D, run_list,
		"list [--iccid ICCID|--class CLASS|--aid HEX] [--tags HEX]" },
	{ "get-rat", KIND_PSMO, 0xA6, run_empty, "get-rat" },
	{ "configure-immediate-enable", KIND_PSMO, 0xA7, run_immediate,
		"configure-immediate-enable [--off] [--oid OID] [--address NAME]" },
	{ "set-fallback", KIND_PSMO, 0xA8, run_iccid, "set-fallback ICCID" },
	{ "unset-fallback", KIND_PSMO, 0xA9, run_empty, "unset-fallback" },
	{ "set-default-dp", KIND_PSMO, 0xBF65, run_default_dp, "set-default-dp [NAME]" },
	{ "psmo", KIND_PSMO, 0, run_hex, "psmo HEX" },
	{ "add-eim", KIND_ECO, 0xA8, run_eim_data, "add-eim FILE|HEX" },
	{ "delete-eim", KIND_ECO, 0xA9, run_delete_eim, "delete-eim [EIM-ID]" },
	{ "update-eim", KIND_ECO, 0xAA, run_eim_data, "update-eim FILE|HEX" },
	{ "list-eim", KIND_ECO, 0xAB, run_empty, "list-eim" },
	{ "eco", KIND_ECO, 0, run_hex, "eco HEX" },
	{ "data-request", KIND_DATA_REQUEST, 0, run_data_request,
		"data-request [--tags NAME,…|HEX] [--ci HEX] [--notification SEQ] [--result SEQ]" },
	{ "download", KIND_DOWNLOAD, 0, run_download,
		"download ACTIVATION-CODE|--default-smdp|--smds [NAME]|--ask-eim ACTIVATION-CODE" },
	{ "raw", KIND_RAW, 0, run_hex, "raw HEX" },
};

static const Word *find_word(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
		if (g_str_equal(words[i].name, name))
			return &words[i];
	return NULL;
}

static void reply_usage(ControlCall *call, const char *problem)
{
	g_autoptr(GString) text = g_string_new(problem);

	g_string_append(text,
		"\nusage: queue EID WORD… [-- WORD…]… [--no-transaction]\n"
		"       queue EID package --WORD… [--WORD…]…\nwords:\n");
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
		g_string_append_printf(text, "  %s\n", words[i].usage);
	control_reply(call, false, text->str, NULL);
}

/* ---- the commands of one call ---- */
typedef struct Parsed {
	Kind kind;
	bool some, no_transaction;
	GByteArray *content;
	GString *label;
	char *activation_code; /* that the eIM keeps */
} Parsed;

static bool run_command(
	Parsed *parsed, LabServer *server, ControlCall *call, GPtrArray *tokens, GError **error)
{
	const char *name = g_ptr_array_index(tokens, 0);
	const Word *word = find_word(name);
	Command command = { .word = name, .call = call, .server = server };

	if (!word)
		return sgp32_fail(error, SGP32_ERROR_UNKNOWN_OPTION, "%s: unknown word", name);
	if (parsed->some && (word->kind != parsed->kind || word->kind > KIND_ECO))
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
			"%s: a package has either PSMOs or eCOs; other kinds stand alone", name);
	g_ptr_array_add(tokens, NULL);
	command.args = (char **)tokens->pdata + 1;
	command.argc = tokens->len - 2;
	command.out = parsed->content;
	if (!word->run(&command, word->tag, error))
		return false;
	if (word->kind == KIND_DOWNLOAD && g_str_equal(command.args[0], "--ask-eim"))
		parsed->activation_code = g_strdup(command.args[1]);
	parsed->kind = word->kind;
	parsed->some = true;
	g_string_append_printf(parsed->label, "%s%s", parsed->label->len ? ", " : "", name);
	for (int i = 0; i < command.argc; i++)
		g_string_append_printf(parsed->label, " %.60s", command.args[i]);
	return true;
}

static bool parse_commands(
	Parsed *parsed, LabServer *server, ControlCall *call, char **args, GError **error)
{
	bool package = g_str_equal(args[0], "package");
	g_autoptr(GPtrArray) tokens = g_ptr_array_new();

	for (char **arg = args + package; *arg; arg++) {
		bool starts = package && g_str_has_prefix(*arg, "--") && find_word(*arg + 2);

		if (g_str_equal(*arg, "--no-transaction")) {
			parsed->no_transaction = true;
			continue;
		}
		if ((starts || g_str_equal(*arg, "--")) && tokens->len > 0) {
			if (!run_command(parsed, server, call, tokens, error))
				return false;
			g_ptr_array_set_size(tokens, 0);
		}
		if (!g_str_equal(*arg, "--"))
			g_ptr_array_add(tokens, *arg + (starts ? 2 : 0));
	}
	if (tokens->len > 0 && !run_command(parsed, server, call, tokens, error))
		return false;
	if (!parsed->some)
		return sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT, "nothing to queue");
	return true;
}

static json_t *queue_parsed(LabServer *server, json_t *device, const Parsed *parsed)
{
	static const char *const kinds[] = { "package", "package", "data-request", "download",
		"raw" };
	json_t *item = item_new(server, device, kinds[parsed->kind], parsed->label->str, false);

	state_set_octets(item, "content", span_of_array(parsed->content));
	if (parsed->kind <= KIND_ECO)
		state_set_string(item, "list", parsed->kind == KIND_ECO ? "eco" : "psmo");
	if (parsed->no_transaction)
		state_set_flag(item, "noTransaction", true);
	state_set_string(item, "activationCode", parsed->activation_code);
	device_changed(server, device);
	return item;
}

void verb_queue(LabServer *server, ControlCall *call, int argc, char **args)
{
	Parsed parsed = { 0 };
	g_autoptr(GError) error = NULL;
	uint8_t eid[16];
	json_t *item;

	if (argc < 3 || !eid_from_text(args[1], false, eid)) {
		reply_usage(call, argc < 3 ? "what, and for whom?" : "that is not an EID");
		return;
	}
	parsed.content = g_byte_array_new();
	parsed.label = g_string_new(NULL);
	if (parse_commands(&parsed, server, call, args + 2, &error)) {
		item = queue_parsed(server, device_get(server, args[1], true), &parsed);
		control_reply(call, true, parsed.label->str,
			json_pack("{s:I}", "id", (json_int_t)state_integer(item, "id")));
	} else {
		reply_usage(call, error->message);
	}
	g_byte_array_unref(parsed.content);
	g_string_free(parsed.label, TRUE);
	g_free(parsed.activation_code);
}
