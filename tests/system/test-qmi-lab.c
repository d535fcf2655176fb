/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The QMI plugin and the thread of a device against the modem of the lab: directly on its PTY, through the
 * proxy socket it serves, and through the real qmi-proxy, in namespaces of their own. The card is a table
 * of answers in this program.
 *
 *     test-qmi-lab LAB-MODEM PLUGIN-DIR
 */
#include <glib/gstdio.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "card/device.h"

#define QMI_PROXY "/usr/libexec/qmi-proxy"
#define LONG (20 * USEC_PER_SEC) /* only a failing test waits that long */

static const char *lab_modem, *plugin_dir, *self_path;

static const uint8_t isdr[] = { 0xa0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xff, 0xff, 0xff, 0xff,
	0x89, 0x00, 0x00, 0x01, 0x00 };

/* ---- The card: vpcd ---- */

typedef struct TableCard {
	int fd;
	bool open[20];
	pthread_t thread;
} TableCard;

static bool read_all(int fd, void *data, size_t size)
{
	while (size > 0) {
		ssize_t n = recv(fd, data, size, 0);

		if (n <= 0)
			return false;
		data = (char *)data + n;
		size -= n;
	}
	return true;
}

static void card_send(TableCard *card, Span answer)
{
	uint8_t frame[2 + 1024] = { answer.size >> 8, answer.size };
	ssize_t n;

	memcpy(frame + 2, answer.data, answer.size);
	n = send(card->fd, frame, 2 + answer.size, MSG_NOSIGNAL);
	(void)n; /* a modem that is gone is seen by the next read */
}

static Span card_manage_channel(TableCard *card, const uint8_t *apdu)
{
	static uint8_t opened[3] = { 0, 0x90, 0x00 };

	if (apdu[2] == 0x80) {
		card->open[apdu[3] % 20] = false;
		return SPAN_LITERAL("\x90\x00");
	}
	for (unsigned i = 1; i < 20; i++)
		if (!card->open[i]) {
			card->open[i] = true;
			opened[0] = i;
			return SPAN_ARRAY(opened);
		}
	return SPAN_LITERAL("\x6a\x81");
}

/* STORE DATA: "bf3e" is answered by itself, "ff" asks for a REFRESH (UICC reset). */
static Span card_answer(TableCard *card, Span apdu)
{
	switch (apdu.data[1]) {
	case 0x70: return card_manage_channel(card, apdu.data);
	case 0xa4:
		if (apdu.size >= 5 + sizeof(isdr) && memcmp(apdu.data + 5, isdr, sizeof(isdr)) == 0)
			return SPAN_LITERAL("\x6f\x02\x84\x00\x90\x00");
		return SPAN_LITERAL("\x6a\x82");
	case 0xe2:
		if (apdu.size > 5 && apdu.data[5] == 0xff)
			return SPAN_LITERAL("\x91\x0b");
		return SPAN_LITERAL("\xbf\x3e\x00\x90\x00");
	case 0x12: return SPAN_LITERAL("\xd0\x09\x81\x03\x01\x01\x04\x82\x02\x81\x82\x90\x00");
	case 0x10:
	case 0x14: return SPAN_LITERAL("\x90\x00"); /* TERMINAL PROFILE, TERMINAL RESPONSE */
	default: return SPAN_LITERAL("\x6d\x00");
	}
}

static void *card_main(void *user)
{
	TableCard *card = user;
	uint8_t head[2], apdu[1024];

	while (read_all(card->fd, head, 2)) {
		size_t size = head[0] << 8 | head[1];

		g_assert_cmpuint(size, <=, sizeof(apdu));
		if (!read_all(card->fd, apdu, size))
			break;
		if (size == 1 && apdu[0] == 4)
			card_send(card,
				SPAN_LITERAL("\x3b\x9f\x96\x80\x3f\xc7\x82\x80\x31\xe0\x73\xfe"
					     "\x21\x1f\x65\xd0\x02\x34\x56\x78\x90\xd3"));
		else if (size == 1)
			memset(card->open, 0, sizeof(card->open));
		else if (size >= 4)
			card_send(card, card_answer(card, span(apdu, size)));
	}
	return NULL;
}

static void card_start(TableCard *card, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	card->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_assert_cmpint(connect(card->fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	g_assert_cmpint(pthread_create(&card->thread, NULL, card_main, card), ==, 0);
}

static void card_stop(TableCard *card)
{
	shutdown(card->fd, SHUT_RDWR);
	pthread_join(card->thread, NULL);
	close(card->fd);
}

/* ---- The world: modem, card, proxy ---- */

typedef enum Way {
	WAY_DIRECT,
	WAY_LAB_PROXY,
	WAY_REAL_PROXY,
} Way;

typedef struct World {
	Way way;
	char *dir, *node, *control, *crash_file;
	GPid modem, proxy;
	int modem_out;
	TableCard card;
	PluginSet *plugins;
	PostBox *notices;
	Device *device;
} World;

/* In the child: a test that fails leaves no process behind. */
static void die_with_parent(void *unused)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static GPid spawn(const char *const *argv, int *ret_out)
{
	g_autoptr(GError) error = NULL;
	GPid pid = 0;

	g_spawn_async_with_pipes(NULL, (char **)argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD,
		die_with_parent, NULL, &pid, NULL, ret_out, NULL, &error);
	g_assert_no_error(error);
	return pid;
}

static void reap(GPid pid)
{
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

static void modem_start(World *w)
{
	g_autofree char *card = g_strdup_printf("unix:%s/card", w->dir);
	const char *argv[] = { lab_modem, "--state", w->dir, "--pty", w->node, "--control",
		w->control, "--card", card, "--boot-ms", "100",
		w->way == WAY_LAB_PROXY ? "--proxy=sgp32-test-proxy" : "--no-proxy", NULL };
	char ready[6] = "";

	w->modem = spawn(argv, &w->modem_out);
	g_assert_cmpint(read(w->modem_out, ready, 5), ==, 5);
	g_assert_cmpstr(ready, ==, "ready");
	card_start(&w->card, card + 5);
}

/* Until somebody listens at the abstract name. */
static void wait_for_proxy(void)
{
	static const char name[] = "\0qmi-proxy";
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int64_t until = clock_monotonic() + LONG;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, name, sizeof(name) - 1);
	while (connect(fd, (struct sockaddr *)&address,
		       offsetof(struct sockaddr_un, sun_path) + sizeof(name) - 1) < 0) {
		g_assert_cmpint(clock_monotonic(), <, until);
		poll(NULL, 0, 20); /* a foreign program tells nobody that it listens */
	}
	close(fd);
}

static void world_start(World *w, Way way)
{
	g_autoptr(GError) error = NULL;
	const char *proxy[] = { QMI_PROXY, "--no-exit", NULL };

	w->way = way;
	w->dir = g_dir_make_tmp("sgp32-qmi-XXXXXX", &error);
	g_assert_no_error(error);
	w->node = g_build_filename(w->dir, "cdc-wdm0", NULL);
	w->control = g_build_filename(w->dir, "control", NULL);
	w->crash_file = g_build_filename(w->dir, "crash", NULL);
	modem_start(w);
	if (way == WAY_REAL_PROXY) {
		w->proxy = spawn(proxy, NULL);
		wait_for_proxy();
	}
	w->plugins = plugin_set_new(plugin_dir);
	w->notices = post_box_new((GDestroyNotify)device_notice_free);
}

static void world_stop(World *w)
{
	g_autofree char *rm = g_strdup_printf("rm -rf '%s'", w->dir);

	device_free(w->device);
	card_stop(&w->card);
	if (w->proxy)
		reap(w->proxy);
	reap(w->modem);
	close(w->modem_out);
	post_box_unref(w->notices);
	plugin_set_free(w->plugins);
	g_assert_cmpint(system(rm), ==, 0);
	g_free(w->dir);
	g_free(w->node);
	g_free(w->control);
	g_free(w->crash_file);
}

static char *modem_verb(World *w, const char *verb)
{
	const char *argv[] = { lab_modem, "ctl", "--control", w->control, "--json", verb, NULL };
	g_autoptr(GError) error = NULL;
	char *out = NULL;
	int status = 0;

	g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, NULL, &status,
		&error);
	g_assert_no_error(error);
	g_assert_cmpint(status, ==, 0);
	return out;
}

/* White space aside, what the modem shows holds the text. */
static bool modem_shows(World *w, const char *text)
{
	g_autofree char *shown = modem_verb(w, "show");
	char *to = shown;

	for (const char *from = shown; *from; from++)
		if (!g_ascii_isspace(*from))
			*to++ = *from;
	*to = 0;
	if (strstr(shown, text))
		return true;
	g_test_message("%s", shown);
	return false;
}

static void start_device(World *w)
{
	g_autoptr(GError) error = NULL;
	const TransportPlugin *plugin = plugin_set_load(w->plugins, "qmi", &error);
	TransportPort port = { .node = w->node, .crash_file = w->crash_file, .timeout = 2 };

	g_assert_no_error(error);
	if (w->way == WAY_LAB_PROXY)
		port.proxy = "sgp32-test-proxy";
	w->device = device_new("modem", plugin, &port,
		w->way == WAY_DIRECT ? TRANSPORT_DIRECT : TRANSPORT_PROXY, w->notices);
}

static DeviceNotice *expect_notice(World *w, DeviceNoticeKind kind)
{
	DeviceNotice *notice = post_box_wait(w->notices, clock_monotonic() + LONG);

	g_assert_nonnull(notice);
	g_assert_no_error(notice->error);
	g_assert_cmpint(notice->kind, ==, kind);
	return notice;
}

/* The card of slot 1, once it is there. */
static Card *open_card(World *w)
{
	g_autoptr(DeviceNotice) notice = NULL;
	Card *card;
	CardState state;

	start_device(w);
	notice = expect_notice(w, DEVICE_OPENED);
	g_assert_cmpuint(notice->slots->len, ==, 1);
	card = device_card(w->device, 1);
	state = card->ops->state(card->self);
	while (!state.present)
		state = card->ops->wait(card->self, state, clock_monotonic() + LONG, NULL);
	return card;
}

static unsigned open_channel(Card *card)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) select = NULL;
	unsigned channel = 0;

	card->ops->open_channel(card->self, SPAN_ARRAY(isdr), &channel, &select, &error);
	g_assert_no_error(error);
	g_assert_true(span_equal(span_of(select), SPAN_LITERAL("\x6f\x02\x84\x00\x90\x00")));
	return channel;
}

static bool store_data(Card *card, unsigned channel, uint8_t what, GError **error)
{
	uint8_t apdu[] = { 0x80 | channel, 0xe2, 0x91, 0x00, 0x01, what };
	g_autoptr(GBytes) answer = NULL;

	return card->ops->transmit(card->self, channel, SPAN_ARRAY(apdu), &answer, error);
}

/* ---- Tests ---- */

static const Way ways[] = { WAY_DIRECT, WAY_LAB_PROXY, WAY_REAL_PROXY };

static bool way_is_there(Way way)
{
	if (way != WAY_REAL_PROXY)
		return true;
	if (getuid() != 0)
		g_test_skip("qmi-proxy serves root only, and there are no user namespaces here");
	else if (!g_file_test(QMI_PROXY, G_FILE_TEST_IS_EXECUTABLE))
		g_test_skip("There is no " QMI_PROXY);
	else
		return true;
	return false;
}

static void test_session_facts_and_reset(const void *user)
{
	Way way = *(const Way *)user;
	World w = { 0 };
	g_autoptr(Card) card = NULL;
	g_autoptr(GError) error = NULL;
	TransportFacts facts;
	CardState before;
	unsigned channel;

	if (!way_is_there(way))
		return;
	world_start(&w, way);
	card = open_card(&w);
	channel = open_channel(card);
	for (int i = 0; i < 200; i++)
		g_assert_true(store_data(card, channel, 0xbf, &error));
	g_assert_true(card->ops->facts(card->self, &facts, &error));
	g_assert_cmpstr(facts.imei, ==, "359072066128009");
	before = card->ops->state(card->self);
	g_assert_true(card->ops->reset(card->self, TRANSPORT_RESET_CARD, &error));
	g_assert_no_error(error);
	/* How many events a reset is made of is the modem's affair. */
	g_assert_cmpuint(card->ops->state(card->self).epoch, >, before.epoch);
	g_assert_false(store_data(card, channel, 0xbf, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_CARD_LOST);
	g_clear_error(&error);
	channel = open_channel(card);
	g_assert_true(card->ops->close_channel(card->self, channel, &error));
	device_free(g_steal_pointer(&w.device));
	/* Nothing is left: neither clients nor channels, nor a note of them. */
	g_assert_true(modem_shows(&w, "\"channels\":[]"));
	g_assert_true(modem_shows(&w, "\"clients\":[]"));
	g_assert_false(g_file_test(w.crash_file, G_FILE_TEST_EXISTS));
	world_stop(&w);
}

static void test_refresh_of_the_card_is_seen(const void *user)
{
	Way way = *(const Way *)user;
	World w = { 0 };
	g_autoptr(Card) card = NULL;
	g_autoptr(GError) error = NULL;
	CardState before, state;
	unsigned channel;

	if (!way_is_there(way))
		return;
	world_start(&w, way);
	card = open_card(&w);
	channel = open_channel(card);
	before = card->ops->state(card->self);
	g_assert_true(store_data(card, channel, 0xff, &error));
	state = before;
	while (state.epoch == before.epoch || state.refreshing) {
		CardState now = card->ops->wait(card->self, state, clock_monotonic() + LONG, NULL);

		g_assert_true(now.epoch != state.epoch || now.refreshing != state.refreshing);
		state = now;
	}
	g_assert_true(state.present);
	channel = open_channel(card);
	g_assert_true(store_data(card, channel, 0xbf, &error));
	/* One REFRESH ends the channels once, whatever else the modem tells of it. */
	state = card->ops->wait(card->self, state, clock_monotonic() + 300 * USEC_PER_MSEC, NULL);
	g_assert_cmpuint(state.epoch, ==, before.epoch + 1);
	world_stop(&w);
}

static void test_modem_that_goes_is_lost(const void *user)
{
	Way way = *(const Way *)user;
	World w = { 0 };
	g_autoptr(Card) card = NULL;
	g_autoptr(GError) error = NULL;
	g_autofree char *out = NULL;
	CardState state;
	DeviceNotice *notice;
	DeviceNoticeKind kind;

	if (!way_is_there(way))
		return;
	world_start(&w, way);
	card = open_card(&w);
	state = card->ops->state(card->self);
	out = modem_verb(&w, "drop");
	while (!state.device_gone)
		state = card->ops->wait(card->self, state, clock_monotonic() + LONG, NULL);
	g_assert_false(store_data(card, 1, 0xbf, &error));
	g_assert_error(error, SGP32_ERROR, SGP32_ERROR_CARD_LOST);
	do {
		notice = post_box_wait(w.notices, clock_monotonic() + LONG);
		g_assert_nonnull(notice);
		kind = notice->kind;
		device_notice_free(notice);
	} while (kind == DEVICE_SLOT_EVENT);
	g_assert_cmpint(kind, ==, DEVICE_LOST);
	world_stop(&w);
}

/* The process that crashes: opens a channel and is no more. */
static int crash_main(const char *way, const char *dir)
{
	World w = { .way = atoi(way) };
	Card *card;

	w.node = g_build_filename(dir, "cdc-wdm0", NULL);
	w.crash_file = g_build_filename(dir, "crash", NULL);
	w.plugins = plugin_set_new(plugin_dir);
	w.notices = post_box_new((GDestroyNotify)device_notice_free);
	card = open_card(&w);
	_exit(open_channel(card) > 0 ? 0 : 1);
}

static void test_crash_leaves_nothing_behind_for_long(const void *user)
{
	Way way = *(const Way *)user;
	World w = { 0 };
	g_autoptr(Card) card = NULL;
	g_autoptr(GError) error = NULL;
	g_autofree char *number = g_strdup_printf("%d", way);
	int status = 0;

	if (!way_is_there(way))
		return;
	world_start(&w, way);
	{
		const char *argv[] = { self_path, lab_modem, plugin_dir, "crash", number, w.dir,
			NULL };

		g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL,
			&status, &error);
	}
	g_assert_no_error(error);
	g_assert_cmpint(status, ==, 0);
	g_assert_true(modem_shows(&w, "\"channels\":[1]"));
	g_assert_true(g_file_test(w.crash_file, G_FILE_TEST_EXISTS));
	g_assert_false(modem_shows(&w, "\"clients\":[]"));
	card = open_card(&w);
	g_assert_true(modem_shows(&w, "\"channels\":[]"));
	device_free(g_steal_pointer(&w.device));
	g_assert_true(modem_shows(&w, "\"clients\":[]"));
	world_stop(&w);
}

/* Root of a user namespace, alone with its network: abstract names are per network namespace. False: not
 * allowed here. */
static bool enter_namespaces(void)
{
	g_autofree char *uids = g_strdup_printf("0 %d 1", (int)getuid());
	g_autofree char *gids = g_strdup_printf("0 %d 1", (int)getgid());

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return false;
	return g_file_set_contents_full(
		       "/proc/self/setgroups", "deny", 4, G_FILE_SET_CONTENTS_NONE, 0, NULL) &&
		g_file_set_contents_full(
			"/proc/self/uid_map", uids, -1, G_FILE_SET_CONTENTS_NONE, 0, NULL) &&
		g_file_set_contents_full(
			"/proc/self/gid_map", gids, -1, G_FILE_SET_CONTENTS_NONE, 0, NULL);
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "direct", "lab-proxy", "real-proxy" };
	static const struct {
		const char *name;
		void (*test)(const void *way);
	} tests[] = {
		{ "session_facts_and_reset", test_session_facts_and_reset },
		{ "refresh_of_the_card_is_seen", test_refresh_of_the_card_is_seen },
		{ "modem_that_goes_is_lost", test_modem_that_goes_is_lost },
		{ "crash_leaves_nothing_behind_for_long",
			test_crash_leaves_nothing_behind_for_long },
	};

	if (argc == 6 && g_str_equal(argv[3], "crash")) {
		plugin_dir = argv[2];
		return crash_main(argv[4], argv[5]);
	}
	g_test_init(&argc, &argv, NULL);
	if (argc < 3)
		g_error("usage: %s LAB-MODEM PLUGIN-DIR", argv[0]);
	self_path = argv[0];
	lab_modem = argv[1];
	plugin_dir = argv[2];
	/* libqmi warns of ports and proxies that hang up. */
	g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_ERROR);
	enter_namespaces();
	for (size_t i = 0; i < G_N_ELEMENTS(ways); i++)
		for (size_t j = 0; j < G_N_ELEMENTS(tests); j++) {
			g_autofree char *path =
				g_strdup_printf("/qmi-lab/%s/%s", names[i], tests[j].name);

			g_test_add_data_func(path, &ways[i], tests[j].test);
		}
	return g_test_run();
}
