/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/common/control.h"

#define SILENCE_MS 150

/* ---- the card ---- */

struct FakeCard {
	int fd;
	GThread *thread;
	pthread_mutex_t lock; /* for what follows; the thread sanitizer does not see into GLib's */
	char iccid[21], next[21];
	bool has_atr;
	GString *log;
	/* of the thread */
	bool channels[20];
	unsigned file;
	GByteArray *waiting;
	uint8_t qualifier;
};

static bool card_read(FakeCard *card, uint8_t *to, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(card->fd, to + done, size - done);

		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static void card_write(FakeCard *card, const GByteArray *answer)
{
	g_autoptr(GByteArray) frame = g_byte_array_new();
	uint8_t head[2] = { (uint8_t)(answer->len >> 8), (uint8_t)answer->len };

	g_byte_array_append(frame, head, 2);
	g_byte_array_append(frame, answer->data, answer->len);
	if (send(card->fd, frame->data, frame->len, MSG_NOSIGNAL) != (ssize_t)frame->len)
		g_test_message("card: the modem is gone");
}

static void card_reset(FakeCard *card)
{
	memset(card->channels, 0, sizeof(card->channels));
	pthread_mutex_lock(&card->lock);
	if (card->next[0])
		memcpy(card->iccid, card->next, sizeof(card->iccid));
	card->next[0] = 0;
	pthread_mutex_unlock(&card->lock);
}

static void sw(GByteArray *out, unsigned words)
{
	uint8_t octets[2] = { (uint8_t)(words >> 8), (uint8_t)words };

	g_byte_array_append(out, octets, 2);
}

static void fill(GByteArray *out, size_t size)
{
	size_t at = out->len;

	g_byte_array_set_size(out, (guint)(at + size));
	for (size_t i = 0; i < size; i++)
		out->data[at + i] = (uint8_t)(0x5a + i / 256);
}

static GBytes *card_file(FakeCard *card, unsigned id)
{
	g_autofree char *imsi = NULL;
	uint8_t iccid[10];
	bool has;

	pthread_mutex_lock(&card->lock);
	has = card->iccid[0] && iccid_from_text(card->iccid, iccid);
	pthread_mutex_unlock(&card->lock);
	if (!has)
		return NULL;
	switch (id) {
	case 0x2fe2: return g_bytes_new(iccid, 10);
	case 0x2f00:
		return hex_decode(
			"61124f10a0000000871002ffffffff8900000100ffffffffffffffffffffffff", 64);
	case 0x6f07: return hex_decode("0809101000000000f0", 9); /* 001010000000000 */
	case 0x6fad: return hex_decode("00000002", 4);
	default: return NULL;
	}
}

static void card_select(FakeCard *card, const uint8_t *apdu, size_t size, GByteArray *out)
{
	static const uint8_t isdr[] = { 0xa0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10 };
	static const uint8_t usim[] = { 0xa0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x02 };
	g_autoptr(GBytes) file = NULL;
	unsigned id = (unsigned)apdu[5] << 8 | apdu[6];

	if (apdu[2] == 0x04) { /* by AID */
		bool known = size >= 12 &&
			((memcmp(apdu + 5, usim, 7) == 0 && card->iccid[0]) ||
				memcmp(apdu + 5, isdr, 7) == 0);

		if (!known) {
			sw(out, 0x6a82);
			return;
		}
		if (apdu[3] != 0x0c)
			g_byte_array_append(out, (const uint8_t *)"\x6f\x02\x84\x00", 4);
		sw(out, 0x9000);
		return;
	}
	file = card_file(card, id);
	if (!file && id != 0x3f00) {
		sw(out, 0x6a82);
		return;
	}
	card->file = id;
	if (id == 0x2f00) {
		g_byte_array_append(
			out, (const uint8_t *)"\x62\x07\x82\x05\x42\x21\x00\x20\x01", 9);
	} else if (file) {
		uint8_t fcp[] = { 0x62, 0x0c, 0x82, 0x02, 0x41, 0x21, 0x83, 0x02, apdu[5], apdu[6],
			0x80, 0x02, 0x00, (uint8_t)g_bytes_get_size(file) };

		g_byte_array_append(out, fcp, sizeof(fcp));
	}
	sw(out, 0x9000);
}

static void card_manage(FakeCard *card, const uint8_t *apdu, GByteArray *out)
{
	if (apdu[2] == 0x80) {
		bool open = apdu[3] < 20 && card->channels[apdu[3]];

		if (open)
			card->channels[apdu[3]] = false;
		sw(out, open ? 0x9000 : 0x6881);
		return;
	}
	for (uint8_t i = 1; i < 20; i++) {
		if (!card->channels[i]) {
			card->channels[i] = true;
			g_byte_array_append(out, &i, 1);
			sw(out, 0x9000);
			return;
		}
	}
	sw(out, 0x6a81);
}

static void card_special(FakeCard *card, const uint8_t *apdu, GByteArray *out)
{
	switch (apdu[2]) {
	case 0: fill(out, apdu[3]); break;
	case 1: fill(out, apdu[3] * 256u); break;
	case 2:
		g_byte_array_set_size(card->waiting, 0);
		fill(card->waiting, apdu[3]);
		sw(out, 0x6100 | apdu[3]);
		return;
	case 4:
		card->qualifier = apdu[3];
		sw(out, 0x910b);
		return;
	}
	sw(out, 0x9000);
}

static bool card_apdu(FakeCard *card, const uint8_t *apdu, size_t size, GByteArray *out)
{
	g_autoptr(GBytes) file = NULL;
	uint8_t fetch[] = { 0xd0, 0x09, 0x81, 0x03, 0x01, 0x01, card->qualifier, 0x82, 0x02, 0x81,
		0x82 };
	Span s;

	switch (apdu[1]) {
	case 0xa4: card_select(card, apdu, size, out); break;
	case 0x70: card_manage(card, apdu, out); break;
	case 0xb0:
	case 0xb2:
		file = card_file(card, card->file);
		s = span_of(file);
		g_byte_array_append(out, s.data, (guint)MIN(s.size, apdu[4] ? apdu[4] : 256u));
		sw(out, apdu[1] == 0xb2 && apdu[2] != 1 ? 0x6a83 : 0x9000);
		break;
	case 0xc0:
		g_byte_array_append(out, card->waiting->data, card->waiting->len);
		sw(out, 0x9000);
		break;
	case 0xca:
		if (apdu[2] == 3)
			return false;
		card_special(card, apdu, out);
		break;
	case 0xe2: /* GetEuiccData of the EID */
		s = SPAN_LITERAL(
			"\xbf\x3e\x12\x5a\x10\x89\x04\x90\x32\x12\x34\x51\x23\x45\x12\x34\x56"
			"\x78\x90\x12\x35");
		g_byte_array_append(out, s.data, (guint)s.size);
		sw(out, 0x9000);
		break;
	case 0x12:
		g_byte_array_append(out, fetch, sizeof(fetch));
		sw(out, 0x9000);
		break;
	case 0x14:
		sw(out, 0x9000);
		card_reset(card);
		break;
	case 0x10: sw(out, 0x9000); break;
	default: sw(out, 0x6d00);
	}
	return true;
}

static void *card_run(void *data)
{
	FakeCard *card = data;
	uint8_t head[2], payload[65536];

	while (card_read(card, head, 2)) {
		g_autoptr(GByteArray) out = g_byte_array_new();
		g_autofree char *hex = NULL;
		size_t size = (size_t)head[0] << 8 | head[1];
		bool has_atr;

		if (!card_read(card, payload, size))
			break;
		pthread_mutex_lock(&card->lock);
		hex = hex_encode(span(payload, size));
		g_string_append_printf(card->log, "%s%s", card->log->len ? " " : "", hex);
		has_atr = card->has_atr;
		pthread_mutex_unlock(&card->lock);
		if (size == 1 && payload[0] == 4) {
			if (has_atr)
				g_byte_array_append(out, (const uint8_t *)"\x3b\x9f\x96\x80", 4);
			card_write(card, out);
		} else if (size == 1) {
			if (payload[0] != 1)
				card_reset(card);
		} else if (card_apdu(card, payload, size, out)) {
			card_write(card, out);
		}
	}
	return NULL;
}

FakeCard *fake_card_new(const char *path, const char *iccid)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	FakeCard *card = g_new0(FakeCard, 1);

	pthread_mutex_init(&card->lock, NULL);
	card->log = g_string_new(NULL);
	card->waiting = g_byte_array_new();
	card->has_atr = true;
	if (iccid)
		g_strlcpy(card->iccid, iccid, sizeof(card->iccid));
	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	card->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_assert_cmpint(connect(card->fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	card->thread = g_thread_new("fake-card", card_run, card);
	return card;
}

void fake_card_free(FakeCard *card)
{
	if (!card)
		return;
	shutdown(card->fd, SHUT_RDWR);
	g_thread_join(card->thread);
	close(card->fd);
	g_string_free(card->log, TRUE);
	g_byte_array_unref(card->waiting);
	pthread_mutex_destroy(&card->lock);
	g_free(card);
}

void fake_card_switch_to(FakeCard *card, const char *iccid)
{
	pthread_mutex_lock(&card->lock);
	g_strlcpy(card->next, iccid, sizeof(card->next));
	pthread_mutex_unlock(&card->lock);
}

void fake_card_set_atr(FakeCard *card, bool there)
{
	pthread_mutex_lock(&card->lock);
	card->has_atr = there;
	pthread_mutex_unlock(&card->lock);
}

char *fake_card_log(FakeCard *card)
{
	char *log;

	pthread_mutex_lock(&card->lock);
	log = g_strdup(card->log->str);
	g_string_truncate(card->log, 0);
	pthread_mutex_unlock(&card->lock);
	return log;
}

/* ---- the modem ---- */

static void wait_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	g_assert_cmpint(poll(&p, 1, WAIT_MS), ==, 1);
}

static void wait_ready(int fd)
{
	char line[7] = "";
	size_t done = 0;

	while (done < 6) {
		ssize_t n;

		wait_readable(fd);
		n = read(fd, line + done, 6 - done);
		g_assert_cmpint(n, >, 0);
		done += (size_t)n;
	}
	g_assert_cmpstr(line, ==, "ready\n");
}

/* A test that fails leaves nothing running. */
static void die_with_test(void *user)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

TestModem *test_modem_new(const char *const *options)
{
	static unsigned number;
	TestModem *modem = g_new0(TestModem, 1);
	g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *fifo = NULL;
	g_autoptr(GError) error = NULL;
	const char *program = g_getenv("LAB_MODEM");
	int out;

	g_assert_nonnull(program);
	modem->dir = g_dir_make_tmp("lab-modem-XXXXXX", &error);
	g_assert_no_error(error);
	modem->pty = g_build_filename(modem->dir, "cdc-wdm0", NULL);
	modem->card = g_build_filename(modem->dir, "card", NULL);
	modem->control = g_build_filename(modem->dir, "control", NULL);
	modem->proxy = g_strdup_printf("lab-modem-%d-%u", getpid(), number++);
	fifo = g_build_filename(modem->dir, "hook", NULL);
	g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
	modem->hook_fd = open(fifo, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	g_assert_cmpint(modem->hook_fd, >=, 0);
	g_ptr_array_add(argv, g_strdup(program));
	g_ptr_array_add(argv, g_strdup_printf("--state=%s", modem->dir));
	g_ptr_array_add(argv, g_strdup_printf("--pty=%s", modem->pty));
	g_ptr_array_add(argv, g_strdup_printf("--card=unix:%s", modem->card));
	g_ptr_array_add(argv, g_strdup_printf("--control=%s", modem->control));
	g_ptr_array_add(argv, g_strdup_printf("--proxy=%s", modem->proxy));
	g_ptr_array_add(argv, g_strdup_printf("--link-hook=sh -c 'echo \"$0\" >%s'", fifo));
	g_ptr_array_add(argv, g_strdup("--attach-ms=20"));
	g_ptr_array_add(argv, g_strdup("--boot-ms=20"));
	for (unsigned i = 0; options && options[i]; i++)
		g_ptr_array_add(argv, g_strdup(options[i]));
	g_ptr_array_add(argv, NULL);
	g_spawn_async_with_pipes(NULL, (char **)argv->pdata, NULL, G_SPAWN_DO_NOT_REAP_CHILD,
		die_with_test, NULL, &modem->pid, NULL, &out, NULL, &error);
	g_assert_no_error(error);
	wait_ready(out);
	close(out);
	return modem;
}

static void remove_dir(const char *path)
{
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *file = g_build_filename(path, name, NULL);

		g_unlink(file);
	}
	g_rmdir(path);
}

void test_modem_free(TestModem *modem)
{
	int status;

	if (!modem)
		return;
	kill(modem->pid, SIGTERM);
	g_assert_cmpint(waitpid(modem->pid, &status, 0), ==, modem->pid);
	g_assert_true(WIFEXITED(status));
	g_assert_cmpint(WEXITSTATUS(status), ==, 0);
	/* It leaves no port and no socket behind. */
	g_assert_false(g_file_test(modem->pty, G_FILE_TEST_IS_SYMLINK));
	g_assert_false(g_file_test(modem->card, G_FILE_TEST_EXISTS));
	g_assert_false(g_file_test(modem->control, G_FILE_TEST_EXISTS));
	close(modem->hook_fd);
	remove_dir(modem->dir);
	g_free(modem->dir);
	g_free(modem->pty);
	g_free(modem->proxy);
	g_free(modem->card);
	g_free(modem->control);
	g_free(modem);
}

bool test_modem_ctl_ok(TestModem *modem, const char *words)
{
	g_auto(GStrv) args = g_strsplit(words, " ", -1);
	g_autoptr(GError) error = NULL;
	bool ok = control_request(modem->control, (const char *const *)args, NULL, NULL, &error);

	if (!ok)
		g_test_message("%s: %s", words, error->message);
	return ok;
}

void test_modem_ctl(TestModem *modem, const char *words)
{
	g_assert_true(test_modem_ctl_ok(modem, words));
}

json_t *test_modem_show(TestModem *modem)
{
	const char *args[] = { "show", NULL };
	g_autoptr(GError) error = NULL;
	json_t *data = NULL;
	bool ok = control_request(modem->control, args, NULL, &data, &error);

	g_assert_no_error(error);
	g_assert_true(ok);
	return data;
}

void test_modem_wait_card(TestModem *modem, const char *state)
{
	gint64 end = g_get_monotonic_time() + WAIT_MS * 1000;

	for (;;) {
		json_t *data = test_modem_show(modem);
		const char *now =
			json_string_value(json_object_get(json_object_get(data, "card"), "state"));
		bool is = g_strcmp0(now, state) == 0;

		json_decref(data);
		if (is)
			return;
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		g_thread_yield();
	}
}

static bool link_settled(TestModem *modem)
{
	json_t *data = test_modem_show(modem);
	bool settled = json_is_true(json_object_get(json_object_get(data, "radio"), "settled"));

	json_decref(data);
	return settled;
}

char *test_modem_link(TestModem *modem)
{
	g_autoptr(GString) line = g_string_new(NULL);
	gint64 end = g_get_monotonic_time() + WAIT_MS * 1000;
	struct pollfd p = { .fd = modem->hook_fd, .events = POLLIN };
	char c;

	wait_readable(modem->hook_fd);
	while (poll(&p, 1, WAIT_MS) == 1 && read(modem->hook_fd, &c, 1) == 1 && c != '\n')
		g_string_append_c(line, c);
	/* States that change while a hook still runs are left out. */
	while (!link_settled(modem))
		g_assert_cmpint(g_get_monotonic_time(), <, end);
	return g_string_free(g_steal_pointer(&line), FALSE);
}

/* ---- the host ---- */

static Host *host_new(int fd)
{
	Host *host = g_new0(Host, 1);

	g_assert_cmpint(fd, >=, 0);
	host->fd = fd;
	host->in = g_byte_array_new();
	return host;
}

Host *host_open_pty(TestModem *modem)
{
	return host_new(open(modem->pty, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC | O_EXCL));
}

Host *host_connect_proxy(TestModem *modem)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t size = strlen(modem->proxy);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path + 1, modem->proxy, size);
	g_assert_cmpint(connect(fd, (struct sockaddr *)&address,
				(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + size)),
		==, 0);
	return host_new(fd);
}

Host *host_open_proxy(TestModem *modem)
{
	Host *host = host_connect_proxy(modem);

	/* CTL FF00 with the path "/dev/cdc-wdm0". */
	host_send(host, "011b0000000000 0100ff1000 010d002f6465762f6364632d77646d30");
	host_expect(host, "01120080000001 0100ff0700 02040000000000");
	return host;
}

void host_close(Host *host)
{
	if (!host)
		return;
	close(host->fd);
	g_byte_array_unref(host->in);
	g_free(host);
}

void host_send(Host *host, const char *hex)
{
	g_autoptr(GBytes) bytes = hex_decode(hex, 65536);
	Span s;

	g_assert_nonnull(bytes);
	s = span_of(bytes);
	g_assert_cmpint(write(host->fd, s.data, s.size), ==, (ssize_t)s.size);
}

/* Reads what there is; false after the time, or at the end (ret_end). */
static bool host_fill(Host *host, int timeout, bool *ret_end)
{
	struct pollfd p = { .fd = host->fd, .events = POLLIN };
	uint8_t chunk[4096];
	ssize_t n;

	*ret_end = false;
	if (poll(&p, 1, timeout) != 1)
		return false;
	n = read(host->fd, chunk, sizeof(chunk));
	if (n > 0) {
		g_byte_array_append(host->in, chunk, (guint)n);
		return true;
	}
	*ret_end = n == 0 || errno != EAGAIN;
	return false;
}

static GBytes *host_take(Host *host)
{
	GBytes *frame;
	size_t size;
	bool end;

	while (host->in->len < 3 ||
		host->in->len < (size = (size_t)(host->in->data[1] | host->in->data[2] << 8) + 1))
		g_assert_true(host_fill(host, WAIT_MS, &end));
	frame = g_bytes_new(host->in->data, size);
	g_byte_array_remove_range(host->in, 0, (guint)size);
	return frame;
}

char *host_frame(Host *host)
{
	g_autoptr(GBytes) frame = host_take(host);

	return hex_encode(span_of(frame));
}

static bool hex_matches(const char *is, const char *pattern)
{
	for (; *pattern; pattern++) {
		if (*pattern == ' ')
			continue;
		if (!*is || (*pattern != 'X' && *pattern != *is))
			return false;
		is++;
	}
	return !*is;
}

void host_expect(Host *host, const char *hex)
{
	g_autofree char *frame = host_frame(host);

	if (!hex_matches(frame, hex))
		g_assert_cmpstr(frame, ==, hex); /* shows both */
}

void host_expect_silence(Host *host)
{
	bool end;

	g_assert_false(host_fill(host, SILENCE_MS, &end));
	g_assert_false(end);
	g_assert_cmpuint(host->in->len, ==, 0);
}

void host_expect_hang_up(Host *host)
{
	bool end = false;

	while (host_fill(host, WAIT_MS, &end))
		g_byte_array_set_size(host->in, 0);
	g_assert_true(end);
}

static void put16(GByteArray *out, unsigned value)
{
	uint8_t octets[2] = { (uint8_t)value, (uint8_t)(value >> 8) };

	g_byte_array_append(out, octets, 2);
}

static unsigned get16(Span s, size_t at)
{
	g_assert_cmpuint(at + 2, <=, s.size);
	return s.data[at] | (unsigned)s.data[at + 1] << 8;
}

/* A frame and the parts of it. */
typedef struct Parsed {
	unsigned service, cid, kind, transaction, id;
	Span tlvs;
} Parsed;

static Parsed parse(GBytes *frame)
{
	Span s = span_of(frame);
	Parsed p = { .service = s.data[4], .cid = s.data[5], .kind = s.data[6] };
	size_t at = p.service ? 9 : 8;

	p.transaction = p.service ? get16(s, 7) : s.data[7];
	p.id = get16(s, at);
	g_assert_cmpuint(get16(s, at + 2), ==, s.size - at - 4);
	p.tlvs = span(s.data + at + 4, s.size - at - 4);
	return p;
}

char *host_call(
	Host *host, unsigned service, unsigned cid, unsigned id, const char *tlvs, unsigned error)
{
	g_autoptr(GBytes) body = hex_decode(tlvs, 65536);
	g_autoptr(GByteArray) frame = g_byte_array_new(), kept = g_byte_array_new();
	unsigned transaction = ++host->transaction % 200 + 1;
	uint8_t head[6] = { 0x01, 0, 0, 0, (uint8_t)service, (uint8_t)cid };
	size_t size;

	g_assert_nonnull(body);
	size = g_bytes_get_size(body) + (service ? 13 : 12);
	head[1] = (uint8_t)(size - 1);
	head[2] = (uint8_t)((size - 1) >> 8);
	g_byte_array_append(frame, head, 6);
	if (service) {
		g_byte_array_append(frame, (const uint8_t *)"", 1);
		put16(frame, transaction);
	} else {
		put16(frame, transaction << 8); /* kind 0, then one octet */
	}
	put16(frame, id);
	put16(frame, (unsigned)g_bytes_get_size(body));
	array_append_span(frame, span_of(body));
	g_assert_cmpint(write(host->fd, frame->data, frame->len), ==, (ssize_t)frame->len);
	for (;;) {
		g_autoptr(GBytes) answer = host_take(host);
		Parsed p = parse(answer);

		if (p.kind != (service ? 2u : 1u)) {
			array_append_span(kept, span_of(answer));
			continue;
		}
		g_byte_array_prepend(host->in, kept->data, kept->len);
		g_assert_cmphex(p.service, ==, service);
		g_assert_cmpuint(p.cid, ==, cid);
		g_assert_cmpuint(p.transaction, ==, transaction);
		g_assert_cmphex(p.id, ==, id);
		g_assert_cmpuint(p.tlvs.data[0], ==, 0x02);
		g_assert_cmpuint(get16(p.tlvs, 1), ==, 4);
		g_assert_cmpuint(get16(p.tlvs, 5), ==, error);
		g_assert_cmpuint(get16(p.tlvs, 3), ==, error ? 1 : 0);
		return hex_encode(span(p.tlvs.data + 7, p.tlvs.size - 7));
	}
}

unsigned host_allocate(Host *host, unsigned service)
{
	g_autofree char *tlvs = g_strdup_printf("010100%02x", service);
	g_autofree char *answer = host_call(host, 0, 0, 0x22, tlvs, 0);
	unsigned got_service, cid;

	g_assert_cmpint(sscanf(answer, "010200%2x%2x", &got_service, &cid), ==, 2);
	g_assert_cmphex(got_service, ==, service);
	return cid;
}

char *host_indication(Host *host, unsigned service, unsigned cid, unsigned id)
{
	for (;;) {
		g_autoptr(GBytes) frame = host_take(host);
		Parsed p = parse(frame);

		if (p.kind != 4 || p.service != service || p.id != id)
			continue;
		g_assert_cmpuint(p.cid, ==, cid);
		g_assert_cmpuint(p.transaction, ==, 0);
		return hex_encode(p.tlvs);
	}
}
