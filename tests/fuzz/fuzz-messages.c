/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any octets as any message: the first octet selects the type, the rest is decoded, printed, encoded again
 * (as received, and from its members) and decoded once more. What was read must be writable, and what was
 * written must be read as the same.
 */
#include <glib/gstdio.h>
#include <string.h>

#include "message-samples.h"
#include "strip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static const MsgSamples all[] = { ALL_MESSAGE_SAMPLES };
static const MsgType *types[256];
static size_t n_types;

static size_t type_number(const MsgType *type)
{
	size_t i = 0;

	while (i < n_types && types[i] != type)
		i++;
	if (i == n_types) {
		g_assert(n_types < G_N_ELEMENTS(types));
		types[n_types++] = type;
	}
	return i;
}

/* Every known message as a seed, in a folder beside the program. */
static char *write_seeds(const char *program)
{
	char *folder = g_strdup_printf("%s.seeds", program);

	if (g_mkdir_with_parents(folder, 0700) != 0)
		g_clear_pointer(&folder, g_free);
	for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
		for (size_t j = 0; j < *all[i].count; j++) {
			const MsgSample *sample = &all[i].samples[j];
			uint8_t number = type_number(sample->type);
			g_autoptr(GBytes) bytes = hex_decode(sample->hex, 65536);
			g_autoptr(GByteArray) seed = g_byte_array_new();
			g_autofree char *path = NULL;

			if (!folder)
				continue;
			g_byte_array_append(seed, &number, 1);
			array_append_span(seed, span_of(bytes));
			path = g_strdup_printf("%s/%s-%zu-%zu", folder, sample->type->name, i, j);
			if (!g_file_set_contents(path, (const char *)seed->data, seed->len, NULL))
				g_clear_pointer(&folder, g_free);
		}
	}
	return folder;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	g_autofree char *folder = write_seeds((*argv)[0]);
	char **arguments;

	/* A crash that is tried again comes alone. */
	for (int i = 1; i < *argc; i++)
		if ((*argv)[i][0] != '-' && !g_file_test((*argv)[i], G_FILE_TEST_IS_DIR))
			return 0;
	if (!folder)
		return 0;
	arguments = g_new0(char *, *argc + 2);
	memcpy(arguments, *argv, *argc * sizeof(char *));
	arguments[(*argc)++] = g_steal_pointer(&folder);
	*argv = arguments;
	return 0;
}

/* Whatever was decoded can be encoded; what that gives can be decoded. */
static Msg *again(const MsgType *type, const void *body)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) bytes = msg_encode(type, body, &error);
	Msg *msg;

	if (!bytes)
		g_error("%s was read but cannot be written: %s", type->name, error->message);
	msg = msg_decode(type, span_of(bytes), &error);
	if (!msg)
		g_error("%s was written but cannot be read: %s", type->name, error->message);
	return msg;
}

/* What the writer made, and all that is kept, does not change any more. */
static void assert_stable(const MsgType *type, Msg *first, Msg *second)
{
	g_autofree char *a = msg_to_text(type, msg_body(first));
	g_autofree char *b = msg_to_text(type, msg_body(second));

	g_assert_cmpstr(a, ==, b);
	g_assert(span_equal(msg_bytes(first), msg_bytes(second)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const MsgType *type;
	g_autoptr(GError) error = NULL;
	g_autoptr(Msg) msg = NULL, sent = NULL, sent_on = NULL, rebuilt = NULL,
		       rebuilt_again = NULL;
	g_autofree char *text = NULL;

	if (size == 0)
		return -1;
	type = types[data[0] % n_types];
	msg = msg_decode(type, span(data + 1, size - 1), &error);
	g_assert((msg == NULL) == (error != NULL));
	if (!msg)
		return 0;
	text = msg_to_text(type, msg_body(msg));
	g_assert(g_utf8_validate(text, -1, NULL));

	sent = again(type, msg_body(msg));
	sent_on = again(type, msg_body(sent));
	assert_stable(type, sent, sent_on);

	strip_raw(type, (void *)msg_body(msg));
	rebuilt = again(type, msg_body(msg));
	strip_raw(type, (void *)msg_body(rebuilt));
	rebuilt_again = again(type, msg_body(rebuilt));
	strip_raw(type, (void *)msg_body(rebuilt_again));
	assert_stable(type, rebuilt, rebuilt_again);
	return 0;
}
