/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Power cuts: the card ends its process before, during and after each of its writes. What is left is the
 * state before or after that write, never half of it (digest 4.3, 14 N).
 */
#include "card/server.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "asn1/der.h"

#define DIED 77
#define OP "8988000000000000011"
#define OP_BCD "988800000000000010f1"
#define NEW_BCD "988800000000000090f2"

/* ---- a state without what chance puts in it (signatures, keys) ---- */
static void view_list(json_t *state, const char *name, const char *const *members, GString *out)
{
	json_t *item;
	size_t i;

	g_string_append_printf(out, "%s:", name);
	json_array_foreach(json_object_get(state, name), i, item)
	{
		g_string_append(out, " {");
		for (const char *const *member = members; *member; member++) {
			json_t *value = json_object_get(item, *member);
			char *text = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;

			g_string_append_printf(out, "%s ", text ? text : "-");
			free(text);
		}
		g_string_append_c(out, '}');
	}
	g_string_append_c(out, '\n');
}

static char *view_of_file(const char *card)
{
	static const char *const profiles[] = { "iccid", "enabled", "delete_pending",
		"fallback_attribute", NULL };
	static const char *const eims[] = { "id", "counter", "token", NULL };
	static const char *const notifications[] = { "seq", "event", "address", "iccid", NULL };
	static const char *const results[] = { "seq", "counter", "eim_id", NULL };
	static const char *const keys[] = { "brainpool", NULL };
	static const char *const plain[] = { "seq", "token", "isdp", "switch_to", "switch_quiet",
		"rollback", "rollback_to", "rollback_eim", "rollback_counter", "rollback_seq",
		"rollback_first", "rollback_last", "fallback_return", "emergency",
		"emergency_previous", "immediate", "smdp_address" };
	g_autofree char *path = g_build_filename(card, "state.json", NULL);
	GString *out = g_string_new(NULL);
	json_t *state = json_load_file(path, 0, NULL);

	g_assert_nonnull(state);
	view_list(state, "profiles", profiles, out);
	view_list(state, "eims", eims, out);
	view_list(state, "notifications", notifications, out);
	view_list(state, "results", results, out);
	view_list(state, "one_time_keys", keys, out);
	for (size_t i = 0; i < G_N_ELEMENTS(plain); i++) {
		json_t *value = json_object_get(state, plain[i]);
		char *text = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;

		g_string_append_printf(out, "%s %s\n", plain[i], text ? text : "-");
		free(text);
	}
	json_decref(state);
	return g_string_free(out, FALSE);
}

/* ---- the scenario ---- */
typedef void Seen(Host *host, void *user);

static void step_es10(Host *host, const char *command)
{
	g_autoptr(GBytes) answer = host_es10_hex(host, command);

	g_assert_true(host->sw == 0x9000 || host->sw >> 8 == 0x91);
}

static void step_package(Host *host, int64_t counter, const char *list)
{
	g_autoptr(GBytes) package = host_package(host, counter, 1, list);
	g_autoptr(GBytes) answer = host_es10(host, span_of(package));

	g_assert_true(host->sw == 0x9000 || host->sw == 0x910b);
}

/* Everything that writes; seen is called after each step, and no step writes more than once. */
static void scenario(Host *host, Seen *seen, void *user)
{
	g_auto(Server) server = { .size = 3000, .metadata = SERVER_METADATA(NEW_BCD) };
	g_autoptr(GPtrArray) chains = NULL;

	host_add_eim(host);
	seen(host, user);
	step_package(host, 1, "a010 a30e5a0a" OP_BCD "0500");
	seen(host, user);
	host_refresh(host);
	seen(host, user);
	step_es10(host, "BF58038001FF");
	seen(host, user);
	host_reset(host); /* instead of the REFRESH */
	seen(host, user);
	step_es10(host, "BF3003800104");
	seen(host, user);
	g_bytes_unref(server_challenge(&server, host));
	g_bytes_unref(server_authenticate(&server, host));
	seen(host, user);
	g_bytes_unref(server_prepare(&server, host));
	seen(host, user);
	chains = server_package(&server);
	for (unsigned i = 0; i < chains->len; i++)
		g_bytes_unref(host_es10(host, span_of(chains->pdata[i])));
	seen(host, user);
	step_package(host, 2, "a01c a40c5a0a" BOOTSTRAP_BCD "a50c5a0a" BOOTSTRAP_BCD);
	seen(host, user);
	host_refresh(host);
	seen(host, user);
	step_package(host, 3, "a108 a906800465696d31");
	seen(host, user);
	step_es10(host, "BF64048202 01FE");
	seen(host, user);
}

typedef struct Reference {
	GPtrArray *views; /* [k]: after write k */
	unsigned writes;
} Reference;

static void remember(Host *host, void *user)
{
	Reference *reference = user;
	unsigned writes = euicc_writes(host->euicc);

	if (writes == reference->writes)
		return;
	g_assert_cmpuint(writes, ==, reference->writes + 1);
	reference->writes = writes;
	g_ptr_array_add(reference->views, view_of_file(host->card));
}

static void look_away(Host *host, void *user)
{
}

static char *state_text(Host *host)
{
	g_autofree char *path = g_build_filename(host->card, "state.json", NULL);
	char *text = NULL;

	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	return text;
}

static void state_put(Host *host, const char *text)
{
	g_autofree char *path = g_build_filename(host->card, "state.json", NULL);

	g_assert_true(g_file_set_contents(path, text, -1, NULL));
	host_reopen(host);
}

/* The scenario in a process of its own, which dies there. False: it came through. */
static bool run_and_die(Host *host, const char *when)
{
	int status = 0;
	pid_t pid = fork();

	g_assert_cmpint(pid, >=, 0);
	if (pid == 0) {
		g_assert_true(euicc_die_at(host->euicc, when));
		scenario(host, look_away, NULL);
		_exit(0);
	}
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	g_assert_true(WIFEXITED(status));
	g_assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == DIED);
	return WEXITSTATUS(status) == DIED;
}

static void test_a_cut_leaves_the_old_state_or_the_new_one(void)
{
	static const char *const when[] = { "before", "during", "after" };
	g_autoptr(Host) host = host_new(NULL);
	g_autofree char *start = NULL;
	Reference reference = { g_ptr_array_new_with_free_func(g_free), 0 };
	unsigned deaths = 0;
	bool died = true;

	host_add_profile(host, OP, NULL);
	start = state_text(host);
	g_ptr_array_add(reference.views, view_of_file(host->card));
	scenario(host, remember, &reference);
	g_assert_cmpuint(reference.writes, ==, 12);
	for (unsigned k = 1; died; k++)
		for (size_t i = 0; i < G_N_ELEMENTS(when) && died; i++) {
			g_autofree char *at = g_strdup_printf("%u:%s", k, when[i]), *left = NULL;

			state_put(host, start);
			died = run_and_die(host, at);
			if (!died) {
				g_assert_cmpuint(k, ==, reference.writes + 1);
				continue;
			}
			deaths++;
			left = view_of_file(host->card);
			g_assert_cmpstr(left, ==,
				reference.views->pdata[g_str_equal(when[i], "after") ? k : k - 1]);
			/* And it is a card that works. */
			host_reopen(host);
			host_es10_expect(host, "BF3E035C015A", "BF3E125A10" EUICC_DEFAULT_EID);
		}
	g_assert_cmpuint(deaths, ==, 3 * reference.writes);
	g_ptr_array_unref(reference.views);
}

/* A package is as if it had never come, or it is done and its result can be fetched. */
static void test_a_package_is_counted_with_its_result(void)
{
	static const struct {
		const char *when;
		bool done;
	} cases[] = { { "1:before", false }, { "1:during", false }, { "1:after", true } };

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(Host) host = host_new(NULL);
		g_autoptr(GBytes) package = NULL, list = NULL, answer = NULL;
		int status;
		pid_t pid;
		Tlv whole, arm;

		host_add_profile(host, OP, NULL);
		host_add_eim(host);
		host_reopen(host);
		package = host_package(host, 1, 1, "a00e a30c5a0a" OP_BCD);
		pid = fork();
		if (pid == 0) {
			if (euicc_die_at(host->euicc, cases[i].when))
				g_bytes_unref(host_es10(host, span_of(package)));
			_exit(1);
		}
		g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
		g_assert_cmpint(WEXITSTATUS(status), ==, DIED);
		host_reopen(host);
		list = host_es10_hex(host, "BF2B04A0028200");
		g_assert_cmpint(g_bytes_get_size(list) > 5, ==, cases[i].done);
		g_assert_cmpstr(host_enabled(host), ==, cases[i].done ? OP : BOOTSTRAP);
		answer = host_es10(host, span_of(package));
		g_assert_true(der_single(span_of(answer), &whole, NULL));
		g_assert_true(der_single(whole.value, &arm, NULL));
		/* Sent again: replayError, or done now. */
		g_assert_cmphex(arm.tag, ==, cases[i].done ? 0xa1 : 0xa0);
	}
}

static void test_a_card_that_cannot_write_does_nothing(void)
{
	g_autoptr(Host) host = host_new(NULL);
	g_autofree char *moved = g_strconcat(host->card, ".gone", NULL), *before = NULL,
			*after = NULL;
	g_autoptr(GBytes) answer = NULL;

	before = view_of_file(host->card);
	/* The folder is not there. */
	g_assert_cmpint(rename(host->card, moved), ==, 0);
	g_test_expect_message(NULL, G_LOG_LEVEL_WARNING, "*state.json*");
	answer = host_es10_hex(host, "BF6506800464702E78");
	g_test_assert_expected_messages();
	g_assert_cmphex(host->sw, ==, 0x6f00);
	host_es10_expect(host, "BF3C00", "BF3C0F810D736D64732E6C61622E74657374");
	g_assert_cmpint(rename(moved, host->card), ==, 0);
	host_reopen(host);
	after = view_of_file(host->card);
	g_assert_cmpstr(before, ==, after);
}

static void test_a_damaged_state_is_said_to_be_one(void)
{
	static const char *const texts[] = { "", "{", "{}", "[]", "{\"version\": 2}",
		"{\"version\": 1, \"eid\": 5}" };
	g_autoptr(Host) host = host_new(NULL);
	g_autofree char *path = g_build_filename(host->card, "state.json", NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_true(g_file_set_contents(path, texts[i], -1, NULL));
		g_assert_null(euicc_open(host->card, &error));
		g_assert_error(error, SGP32_ERROR, SGP32_ERROR_INVALID_ARGUMENT);
	}
	g_autoptr(GError) error = NULL;

	g_assert_null(euicc_open(host->dir, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_NOT_FOUND);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define TEST(name, function) g_test_add_func("/lab-card/power/" name, function)
	TEST("a-cut-leaves-the-old-state-or-the-new-one",
		test_a_cut_leaves_the_old_state_or_the_new_one);
	TEST("a-package-is-counted-with-its-result", test_a_package_is_counted_with_its_result);
	TEST("a-card-that-cannot-write-does-nothing", test_a_card_that_cannot_write_does_nothing);
	TEST("a-damaged-state-is-said-to-be-one", test_a_damaged_state_is_said_to_be_one);
	return g_test_run();
}
