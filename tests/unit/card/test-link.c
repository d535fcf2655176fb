/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lab-card as a program: its link to a reader, and its verbs. */
#include "card/host.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/common/control.h"

#define GENEROUS_SEC 20

/* The reader's end, and the program behind it. */
typedef struct Reader {
	Host *host; /* its folder; the card in it is not open */
	char *socket, *control;
	int listener, link;
	GPid program;
} Reader;

static void timeouts_set(int fd)
{
	const struct timeval generous = { .tv_sec = GENEROUS_SEC };

	g_assert_cmpint(
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &generous, sizeof(generous)), ==, 0);
}

static void reader_accept(Reader *reader)
{
	if (reader->link >= 0)
		close(reader->link);
	reader->link = accept(reader->listener, NULL, NULL);
	g_assert_cmpint(reader->link, >=, 0);
	timeouts_set(reader->link);
}

static void program_start(Reader *reader, const char *die)
{
	g_autofree char *connect = g_strconcat("unix:", reader->socket, NULL);
	const char *argv[] = { g_getenv("LAB_CARD"), "--state", reader->host->card, "--connect",
		connect, "--control", reader->control, "--pki", host_pki(), die ? "--die-at" : NULL,
		die, NULL };
	g_autoptr(GError) error = NULL;
	char line[16];
	int out;

	g_assert_true(g_spawn_async_with_pipes(NULL, (char **)argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD,
		NULL, NULL, &reader->program, NULL, &out, NULL, &error));
	g_assert_no_error(error);
	g_assert_cmpint(read(out, line, sizeof(line)), ==, 6);
	g_assert_true(strncmp(line, "ready\n", 6) == 0);
	close(out);
	reader_accept(reader);
}

static Reader *reader_new(const char *die)
{
	Reader *reader = g_new0(Reader, 1);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	reader->host = host_new(NULL);
	g_clear_pointer(&reader->host->euicc, euicc_free);
	reader->socket = g_build_filename(reader->host->dir, "reader", NULL);
	reader->control = g_build_filename(reader->host->dir, "control", NULL);
	reader->link = -1;
	reader->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	timeouts_set(reader->listener);
	g_strlcpy(address.sun_path, reader->socket, sizeof(address.sun_path));
	g_assert_cmpint(
		bind(reader->listener, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	g_assert_cmpint(listen(reader->listener, 1), ==, 0);
	program_start(reader, die);
	return reader;
}

static int program_end(Reader *reader, int number)
{
	int status = 0;

	if (number)
		kill(reader->program, number);
	g_assert_cmpint(waitpid(reader->program, &status, 0), ==, reader->program);
	reader->program = 0;
	return status;
}

static void reader_free(Reader *reader)
{
	if (reader->program)
		g_assert_cmpint(program_end(reader, SIGTERM), ==, 0);
	if (reader->link >= 0)
		close(reader->link);
	close(reader->listener);
	g_free(reader->socket);
	g_free(reader->control);
	host_free(reader->host);
	g_free(reader);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Reader, reader_free)

static void frame_send(Reader *reader, const char *hex)
{
	g_autoptr(GBytes) bytes = hex_bytes(hex);
	gsize size = g_bytes_get_size(bytes);
	uint8_t frame[2 + 512] = { (uint8_t)(size >> 8), (uint8_t)size };

	memcpy(frame + 2, g_bytes_get_data(bytes, NULL), size);
	g_assert_cmpint(send(reader->link, frame, 2 + size, MSG_NOSIGNAL), ==, 2 + size);
}

/* NULL: the card hung up. */
static GBytes *frame_receive(Reader *reader)
{
	uint8_t head[2], body[512];
	ssize_t n = recv(reader->link, head, 2, MSG_WAITALL);
	size_t size;

	if (n <= 0) {
		g_assert_false(n < 0 && errno == EAGAIN);
		return NULL;
	}
	g_assert_cmpint(n, ==, 2);
	size = (size_t)head[0] << 8 | head[1];
	g_assert_cmpuint(size, <=, sizeof(body));
	g_assert_cmpint(recv(reader->link, body, size, MSG_WAITALL), ==, size);
	return g_bytes_new(body, size);
}

static void exchange(Reader *reader, const char *command, const char *answer)
{
	g_autoptr(GBytes) got = NULL;

	frame_send(reader, command);
	got = frame_receive(reader);
	if (!answer) {
		g_assert_null(got);
		return;
	}
	g_assert_nonnull(got);
	assert_span_hex(span_of(got), answer);
}

static void select_isdr(Reader *reader)
{
	g_autoptr(GBytes) answer = NULL;

	exchange(reader, "0070000001", "019000");
	frame_send(reader, "01A4040C10A0000005591010FFFFFFFF8900000100");
	answer = frame_receive(reader);
	assert_span_hex(span_of(answer), "9000");
}

static json_t *verb(Reader *reader, const char *first, const char *second, const char *third)
{
	const char *args[] = { first, second, third, NULL };
	g_autoptr(GError) error = NULL;
	json_t *data = NULL;

	g_assert_true(control_request(reader->control, args, NULL, &data, &error));
	g_assert_no_error(error);
	return data;
}

static void verb_only(Reader *reader, const char *first, const char *second, const char *third)
{
	json_decref(verb(reader, first, second, third));
}

static void test_the_card_answers_a_reader(void)
{
	g_autoptr(Reader) reader = reader_new(NULL);

	frame_send(reader, "01");
	exchange(reader, "04", "3B9F96801FC78031A073BE21136743200718000001A5");
	exchange(reader, "00A4000C022FE2", "9000");
	exchange(reader, "00B000000A", BOOTSTRAP_BCD "9000");
	select_isdr(reader);
	frame_send(reader, "02");
	exchange(reader, "01B0000000", "6881");
}

static void test_the_card_comes_back_to_a_reader(void)
{
	g_autoptr(Reader) reader = reader_new(NULL);

	exchange(reader, "0070000001", "019000");
	reader_accept(reader); /* hangs up first */
	/* Without power the channels are gone. */
	exchange(reader, "0070000001", "019000");
	/* Half a frame is not a command. */
	g_assert_cmpint(send(reader->link, "\0", 1, MSG_NOSIGNAL), ==, 1);
	reader_accept(reader);
	exchange(reader, "0070000001", "019000");
}

static void test_a_pulled_card_is_gone_until_it_is_inserted(void)
{
	g_autoptr(Reader) reader = reader_new(NULL);
	json_t *show;

	verb_only(reader, "pull", NULL, NULL);
	g_assert_null(frame_receive(reader));
	show = verb(reader, "show", NULL, NULL);
	g_assert_true(json_is_false(json_object_get(show, "inserted")));
	json_decref(show);
	verb_only(reader, "insert", NULL, NULL);
	reader_accept(reader);
	exchange(reader, "0070000001", "019000");
	verb_only(reader, "reset", NULL, NULL);
	reader_accept(reader);
	exchange(reader, "0070000001", "019000");
}

static void test_a_card_can_vanish_under_a_command(void)
{
	g_autoptr(Reader) reader = reader_new(NULL);

	verb_only(reader, "pull-at", "BF20:2", NULL);
	select_isdr(reader);
	exchange(reader, "81E2910003BF2000", "6164");
	exchange(reader, "81E2910003BF2000", NULL);
	verb_only(reader, "insert", NULL, NULL);
	reader_accept(reader);
	select_isdr(reader);
	exchange(reader, "81E2910003BF2000", "6164");
}

static void test_a_card_can_be_slow_and_can_hang(void)
{
	g_autoptr(Reader) reader = reader_new(NULL);
	gint64 start;

	verb_only(reader, "delay", "50", NULL);
	start = g_get_monotonic_time();
	exchange(reader, "0070000001", "019000");
	exchange(reader, "0070000001", "029000");
	g_assert_cmpint(g_get_monotonic_time() - start, >=, 100000);
	verb_only(reader, "delay", "0", NULL);
	verb_only(reader, "hang", NULL, NULL);
	frame_send(reader, "0070000001");
	/* Only a reset helps; the first answer is the one to what follows it. */
	frame_send(reader, "02");
	exchange(reader, "0070000001", "019000");
}

static void test_faults_are_set_by_verbs(void)
{
	g_autoptr(Reader) reader = reader_new(NULL);
	const char *fault[] = { "fault", "6A80", "after", "1", "for", "BF3E", "times", "1", NULL };
	const char *wrong[] = { "fault", "6A8", NULL };
	g_autoptr(GError) error = NULL;
	json_t *counts;

	g_assert_true(control_request(reader->control, fault, NULL, NULL, &error));
	g_assert_false(control_request(reader->control, wrong, NULL, NULL, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_REJECTED);
	verb_only(reader, "counts", "reset", NULL);
	select_isdr(reader);
	exchange(reader, "81E2910006BF3E035C015A", "6115");
	exchange(reader, "81E2910006BF3E035C015A", "6A80");
	exchange(reader, "81E2910006BF3E035C015A", "6115");
	counts = verb(reader, "counts", NULL, NULL);
	g_assert_cmpint(
		json_integer_value(json_object_get(json_object_get(counts, "isdr"), "apdus")), ==,
		5);
	g_assert_cmpint(json_array_size(json_object_get(counts, "commands")), ==, 3);
	json_decref(counts);
}

static void test_a_new_card_takes_the_place_of_the_old_one(void)
{
	g_autoptr(Reader) reader = reader_new(NULL);

	verb_only(reader, "create", "--profile", "none");
	reader_accept(reader);
	exchange(reader, "00A4000C022FE2", "6A82");
	verb_only(reader, "create", "--consumer", NULL);
	reader_accept(reader);
	exchange(reader, "00A4000C022FE2", "9000");
	select_isdr(reader);
	exchange(reader, "81E2910003BF5500", "6A88");
}

static void test_the_program_dies_at_its_write(void)
{
	g_autoptr(Reader) reader = reader_new("1:after");
	int status;

	select_isdr(reader);
	exchange(reader, "81E2910003BF3E00", "6A80");
	exchange(reader, "81E2910009BF6506800464702E78", NULL);
	status = program_end(reader, 0);
	g_assert_true(WIFEXITED(status));
	g_assert_cmpint(WEXITSTATUS(status), ==, 77);
	program_start(reader, NULL);
	select_isdr(reader);
	exchange(reader, "81E2910003BF3C00", "6118");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define TEST(name, function) g_test_add_func("/lab-card/link/" name, function)
	TEST("the-card-answers-a-reader", test_the_card_answers_a_reader);
	TEST("the-card-comes-back-to-a-reader", test_the_card_comes_back_to_a_reader);
	TEST("a-pulled-card-is-gone-until-it-is-inserted",
		test_a_pulled_card_is_gone_until_it_is_inserted);
	TEST("a-card-can-vanish-under-a-command", test_a_card_can_vanish_under_a_command);
	TEST("a-card-can-be-slow-and-can-hang", test_a_card_can_be_slow_and_can_hang);
	TEST("faults-are-set-by-verbs", test_faults_are_set_by_verbs);
	TEST("a-new-card-takes-the-place-of-the-old-one",
		test_a_new_card_takes_the_place_of_the_old_one);
	TEST("the-program-dies-at-its-write", test_the_program_dies_at_its_write);
	return g_test_run();
}
