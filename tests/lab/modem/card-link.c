/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "card-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>

#include "base/clock.h"

#define FRAME_MAX 65535
/* A card that asks for ever is not collected for ever. */
#define COLLECT_MAX (64 * 1024)

struct CardLink {
	GThread *thread;
	PostBox *jobs, *notes;
	char *path; /* of the unix socket */
};

/* ---- values ---- */

CardJob *card_job_new(CardJobKind kind)
{
	CardJob *job = g_new0(CardJob, 1);

	job->kind = kind;
	job->channel = -1;
	return job;
}

void card_job_free(CardJob *job)
{
	if (!job)
		return;
	if (job->request && job->request_free)
		job->request_free(job->request);
	g_clear_pointer(&job->bytes, g_bytes_unref);
	g_clear_pointer(&job->answer, g_bytes_unref);
	g_free(job);
}

void card_note_free(CardNote *note)
{
	if (!note)
		return;
	card_job_free(note->job);
	g_free(note);
}

void card_answer_clear(CardAnswer *answer)
{
	g_clear_pointer(&answer->data, g_bytes_unref);
}

static void note_send(CardThread *t, CardNote note)
{
	note.state = t->state;
	note.quiet = t->quiet;
	post_box_send(t->notes, g_memdup2(&note, sizeof(note)));
}

void card_note_state(CardThread *t)
{
	note_send(t, (CardNote) { .kind = CARD_NOTE_STATE });
}

void card_note_refresh(CardThread *t, uint8_t stage, uint8_t mode)
{
	note_send(t, (CardNote) { .kind = CARD_NOTE_REFRESH, .stage = stage, .mode = mode });
}

/* ---- frames of vpcd: u16 big-endian length and the payload ---- */

void card_lost(CardThread *t)
{
	CardState gone = { .phase = CARD_ABSENT, .resets = t->state.resets };

	if (t->fd < 0)
		return;
	close(t->fd);
	t->fd = -1;
	t->fetch = 0;
	t->refresh_until = 0;
	gone.host_apdus = t->state.host_apdus;
	gone.own_apdus = t->state.own_apdus;
	t->state = gone;
	card_note_state(t);
}

static bool fd_wait(int fd, short events, int64_t deadline)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = events };
		int64_t left = deadline - clock_monotonic();
		int n;

		if (left <= 0)
			return false;
		n = poll(&p, 1, (int)MIN((left + 999) / 1000, G_MAXINT));
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
}

static bool frame_write(CardThread *t, Span payload, int64_t deadline)
{
	g_autoptr(GByteArray) frame = g_byte_array_new();
	size_t done = 0;

	put_u8(frame, (uint8_t)(payload.size >> 8));
	put_u8(frame, (uint8_t)payload.size);
	array_append_span(frame, payload);
	while (done < frame->len) {
		ssize_t n = send(t->fd, frame->data + done, frame->len - done, MSG_NOSIGNAL);

		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno == EAGAIN) {
			if (!fd_wait(t->fd, POLLOUT, deadline))
				return false;
		} else if (n == 0 || errno != EINTR)
			return false;
	}
	return true;
}

static bool read_exactly(CardThread *t, uint8_t *to, size_t size, int64_t deadline)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = recv(t->fd, to + done, size - done, 0);

		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno == EAGAIN) {
			if (!fd_wait(t->fd, POLLIN, deadline))
				return false;
		} else if (n == 0 || errno != EINTR)
			return false;
	}
	return true;
}

static GBytes *frame_read(CardThread *t, int64_t deadline)
{
	uint8_t head[2];
	g_autofree uint8_t *data = NULL;
	size_t size;

	if (!read_exactly(t, head, 2, deadline))
		return NULL;
	size = (size_t)head[0] << 8 | head[1];
	data = g_malloc(size + 1);
	if (!read_exactly(t, data, size, deadline))
		return NULL;
	return g_bytes_new(data, size);
}

bool card_control(CardThread *t, uint8_t code)
{
	if (t->fd < 0)
		return false;
	if (frame_write(t, span(&code, 1), clock_monotonic() + t->answer_limit))
		return true;
	card_lost(t);
	return false;
}

bool card_ask_atr(CardThread *t)
{
	g_autoptr(GBytes) atr = NULL;
	Span s;

	t->state.atr_size = 0;
	if (!card_control(t, 4))
		return false;
	atr = frame_read(t, clock_monotonic() + t->answer_limit);
	if (!atr) {
		card_lost(t);
		return false;
	}
	s = span_of(atr);
	if (s.size == 0 || s.size > CARD_ATR_MAX)
		return false;
	memcpy(t->state.atr, s.data, s.size);
	t->state.atr_size = s.size;
	return true;
}

bool card_exchange(CardThread *t, Span apdu, CardAnswer *ret)
{
	g_autoptr(GBytes) frame = NULL;
	CardAnswer answer = {};
	int64_t deadline = clock_monotonic() + t->answer_limit;
	Span s;

	if (t->fd < 0 || apdu.size < 4 || apdu.size > FRAME_MAX)
		return false;
	if (t->host_apdu)
		t->state.host_apdus++;
	else
		t->state.own_apdus++;
	if (frame_write(t, apdu, deadline))
		frame = frame_read(t, deadline);
	s = span_of(frame);
	if (s.size < 2) {
		if (frame)
			g_warning("card: an answer of %zu octets", s.size);
		card_lost(t);
		return false;
	}
	answer.sw = (uint16_t)(s.data[s.size - 2] << 8 | s.data[s.size - 1]);
	answer.data = g_bytes_new_from_bytes(frame, 0, s.size - 2);
	if (answer.sw >> 8 == 0x91)
		t->fetch = answer.sw & 0xff ? answer.sw & 0xff : 256;
	card_answer_clear(ret);
	*ret = answer;
	return true;
}

uint8_t card_class(uint8_t cla, unsigned channel)
{
	/* Classes of the first interindustry form carry secure messaging in 0C, the further form in 20. */
	bool further = cla & 0x40;
	bool secure = further ? cla & 0x20 : cla & 0x0c;

	if (channel < 4)
		return (uint8_t)((cla & 0x80) | (further ? (secure ? 0x04 : 0) : cla & 0x0c) |
			channel);
	return (uint8_t)((cla & 0x80) | 0x40 | (secure ? 0x20 : 0) | (channel - 4));
}

bool card_collect(CardThread *t, Span apdu, CardAnswer *ret)
{
	g_autoptr(GByteArray) all = g_byte_array_new();
	g_auto(CardAnswer) answer = {};
	uint8_t cla = apdu.size ? apdu.data[0] : 0;
	/* GET RESPONSE is of the interindustry class, without secure messaging. */
	uint8_t get[5] = { (uint8_t)(cla & (cla & 0x40 ? 0x4f : 0x03)), 0xc0, 0, 0, 0 };

	if (!card_exchange(t, apdu, &answer))
		return false;
	if (answer.sw >> 8 == 0x6c && apdu.size >= 5) {
		g_autoptr(GByteArray) again = g_byte_array_new();
		uint8_t le = (uint8_t)answer.sw;

		array_append_span(again, apdu);
		/* Without an Le it gets one now. */
		if (apdu.size == 5 || apdu.size == (size_t)apdu.data[4] + 6)
			g_byte_array_set_size(again, again->len - 1);
		g_byte_array_append(again, &le, 1);
		if (!card_exchange(t, span_of_array(again), &answer))
			return false;
	}
	array_append_span(all, span_of(answer.data));
	while (answer.sw >> 8 == 0x61 && all->len < COLLECT_MAX) {
		get[4] = (uint8_t)answer.sw;
		if (!card_exchange(t, SPAN_ARRAY(get), &answer))
			return false;
		array_append_span(all, span_of(answer.data));
	}
	card_answer_clear(ret);
	ret->sw = answer.sw;
	ret->data = g_bytes_new(all->data, all->len);
	return true;
}

/* ---- jobs ---- */

/* The error that a host gets for a card that cannot be used now. */
static QmiError phase_error(const CardState *state)
{
	switch (state->phase) {
	case CARD_ABSENT: return QMI_NO_SIM;
	case CARD_READY: return QMI_OK;
	default: return QMI_DEVICE_NOT_READY;
	}
}

static QmiError sw_error(uint16_t sw)
{
	switch (sw) {
	case 0x6a82:
	case 0x6a83: return QMI_SIM_FILE_NOT_FOUND;
	case 0x6a81:
	case 0x6881: return QMI_INSUFFICIENT_RESOURCES;
	case 0x6982: return QMI_ACCESS_DENIED;
	default: return QMI_INTERNAL;
	}
}

static bool sw_good(uint16_t sw)
{
	return sw == 0x9000 || sw >> 8 == 0x91 || sw >> 8 == 0x62 || sw >> 8 == 0x63;
}

static void job_apdu(CardThread *t, CardJob *job)
{
	Span apdu = span_of(job->bytes);
	g_autofree uint8_t *bytes = g_memdup2(apdu.data, apdu.size);
	g_autoptr(GByteArray) out = NULL;
	g_auto(CardAnswer) answer = {};
	bool ok;

	if (job->channel > 0 &&
		(job->channel >= CARD_CHANNELS || !t->state.channels[job->channel])) {
		job->error = QMI_INVALID_ARGUMENT;
		return;
	}
	if (job->channel >= 0)
		bytes[0] = card_class(bytes[0], (unsigned)job->channel);
	ok = job->flag ? card_collect(t, span(bytes, apdu.size), &answer)
		       : card_exchange(t, span(bytes, apdu.size), &answer);
	if (!ok) {
		job->error = QMI_INTERNAL;
		return;
	}
	out = g_byte_array_new();
	array_append_span(out, span_of(answer.data));
	put_u8(out, (uint8_t)(answer.sw >> 8));
	put_u8(out, (uint8_t)answer.sw);
	job->sw = answer.sw;
	job->answer = g_bytes_new(out->data, out->len);
}

static bool channel_close(CardThread *t, unsigned channel, CardAnswer *ret)
{
	uint8_t apdu[5] = { 0x00, 0x70, 0x80, (uint8_t)channel, 0x00 };

	t->state.channels[channel] = false;
	return card_exchange(t, SPAN_ARRAY(apdu), ret);
}

static void job_open(CardThread *t, CardJob *job)
{
	static const uint8_t open[5] = { 0x00, 0x70, 0x00, 0x00, 0x01 };
	g_auto(CardAnswer) answer = {}, closed = {};
	Span aid = span_of(job->bytes), data;
	unsigned channel;

	if (!card_collect(t, SPAN_ARRAY(open), &answer)) {
		job->error = QMI_INTERNAL;
		return;
	}
	data = span_of(answer.data);
	if (!sw_good(answer.sw) || data.size != 1 || data.data[0] == 0 ||
		data.data[0] >= CARD_CHANNELS) {
		job->sw = answer.sw;
		job->error = sw_good(answer.sw) ? QMI_INTERNAL : QMI_INSUFFICIENT_RESOURCES;
		return;
	}
	channel = data.data[0];
	t->state.channels[channel] = true;
	job->channel = (int)channel;
	if (!job->bytes) {
		job->sw = answer.sw;
		return;
	}
	if (!card_select_aid(t, channel, aid, job->select, &answer)) {
		job->error = QMI_INTERNAL;
		return;
	}
	job->sw = answer.sw;
	if (sw_good(answer.sw)) {
		job->answer = g_steal_pointer(&answer.data);
		return;
	}
	job->error = sw_error(answer.sw);
	if (!channel_close(t, channel, &closed))
		g_warning("card: gone while a channel was closed");
}

static void job_close(CardThread *t, CardJob *job)
{
	g_auto(CardAnswer) answer = {};

	if (job->channel < 1 || job->channel >= CARD_CHANNELS || !t->state.channels[job->channel]) {
		job->error = QMI_INVALID_ARGUMENT;
		return;
	}
	if (!channel_close(t, (unsigned)job->channel, &answer)) {
		job->error = QMI_INTERNAL;
		return;
	}
	job->sw = answer.sw;
	if (!sw_good(answer.sw))
		job->error = sw_error(answer.sw);
}

static void job_power(CardThread *t, CardJob *job)
{
	if (t->fd < 0)
		job->error = QMI_NO_SIM;
	else if (job->flag == (t->state.phase != CARD_OFF))
		job->error = QMI_NO_EFFECT;
	else if (!job->flag)
		card_power_off(t);
}

/* What needs a card that is ready. */
static void job_on_card(CardThread *t, CardJob *job)
{
	job->error = phase_error(&t->state);
	if (job->error)
		return;
	t->host_apdu = true;
	switch (job->kind) {
	case CARD_JOB_APDU: job_apdu(t, job); break;
	case CARD_JOB_OPEN: job_open(t, job); break;
	case CARD_JOB_CLOSE: job_close(t, job); break;
	default:
		t->host_apdu = false;
		card_job_read(t, job);
		if (!job->error && !sw_good(job->sw))
			job->error = sw_error(job->sw);
	}
	t->host_apdu = false;
}

static void job_run(CardThread *t, CardJob *job)
{
	CardJobKind kind = job->kind;
	bool flag = job->flag, powered;

	switch (kind) {
	case CARD_JOB_POWER: job_power(t, job); break;
	case CARD_JOB_LOSE_REFRESH: t->lose = (CardLose)job->number; break;
	case CARD_JOB_LISTENERS: t->listeners = flag; break;
	case CARD_JOB_RESTART:
	case CARD_JOB_REFRESH_COMPLETE: break;
	default: job_on_card(t, job);
	}
	/* The answer first: a host sees the end of its command before what follows from it. */
	powered = kind == CARD_JOB_POWER && flag && !job->error;
	note_send(t, (CardNote) { .kind = CARD_NOTE_JOB, .job = job });
	if (powered || (kind == CARD_JOB_RESTART && t->fd >= 0))
		card_start(t, true);
	if (kind == CARD_JOB_REFRESH_COMPLETE && t->refresh_until)
		card_refresh_done(t, flag);
	if (t->fetch)
		card_proactive(t);
}

static void card_accept(CardThread *t)
{
	int one = 1;
	int fd = accept4(t->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (t->fd >= 0) {
		g_warning("card: there is one already, the second is turned away");
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	t->fd = fd;
	card_start(t, true);
	if (t->fetch)
		card_proactive(t);
}

/* The card says nothing unasked: what is readable between jobs is its end. */
static void card_unasked(CardThread *t)
{
	uint8_t octets[256];
	ssize_t n = recv(t->fd, octets, sizeof(octets), 0);

	if (n > 0)
		g_warning("card: %zd octets unasked", n);
	else if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	card_lost(t);
}

static void *card_thread(void *data)
{
	CardThread *t = data;

	for (;;) {
		struct pollfd p[3] = {
			{ .fd = post_box_fd(t->jobs), .events = POLLIN },
			{ .fd = t->listen_fd, .events = POLLIN },
			{ .fd = t->fd, .events = POLLIN },
		};
		int64_t left = t->refresh_until ? t->refresh_until - clock_monotonic() : -1;
		CardJob *job;

		if (t->refresh_until && left <= 0) {
			g_message("card: a refresh was not completed by the hosts");
			card_refresh_done(t, true);
			continue;
		}
		if (poll(p, 3, t->refresh_until ? (int)(left / 1000) + 1 : -1) < 0 &&
			errno != EINTR)
			break;
		if (p[2].fd >= 0 && p[2].revents)
			card_unasked(t);
		if (p[1].revents)
			card_accept(t);
		job = post_box_take(t->jobs);
		if (!job)
			continue;
		if (job->kind == CARD_JOB_QUIT) {
			card_job_free(job);
			break;
		}
		job_run(t, job);
	}
	if (t->fd >= 0)
		close(t->fd);
	close(t->listen_fd);
	post_box_unref(t->jobs);
	post_box_unref(t->notes);
	g_free(t);
	return NULL;
}

static GSocketAddress *address_parse(const char *text, char **ret_path, GError **error)
{
	if (g_str_has_prefix(text, "unix:")) {
		*ret_path = g_strdup(text + 5);
		return g_unix_socket_address_new(text + 5);
	}
	if (g_str_has_prefix(text, "tcp:")) {
		g_autofree char *host = g_strdup(text + 4);
		char *colon = strrchr(host, ':');
		guint64 port;

		if (colon && g_ascii_string_to_unsigned(colon + 1, 10, 0, 65535, &port, NULL)) {
			*colon = 0;
			return g_inet_socket_address_new_from_string(host, (guint)port);
		}
	}
	sgp32_fail(error, SGP32_ERROR_INVALID_ARGUMENT,
		"%s is not an address: unix:PATH or tcp:HOST:PORT", text);
	return NULL;
}

static int address_listen(const char *text, char **ret_path, GError **error)
{
	g_autofree char *path = NULL;
	g_autoptr(GSocketAddress) address = address_parse(text, &path, error);
	g_autoptr(GSocket) socket = NULL;
	int fd;

	if (!address)
		return -1;
	if (path)
		unlink(path);
	socket = g_socket_new(g_socket_address_get_family(address), G_SOCKET_TYPE_STREAM, 0, error);
	if (!socket || !g_socket_bind(socket, address, TRUE, error) ||
		!g_socket_listen(socket, error))
		return -1;
	fd = fcntl(g_socket_get_fd(socket), F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		sgp32_fail(error, SGP32_ERROR_FAILED, "%s: %s", text, g_strerror(errno));
	else
		*ret_path = g_steal_pointer(&path);
	return fd;
}

CardLink *card_link_new(const CardOptions *options, PostBox *box, GError **error)
{
	g_autofree char *path = NULL;
	int fd = address_listen(options->address, &path, error);
	CardThread *t;
	CardLink *link;

	if (fd < 0)
		return NULL;
	link = g_new0(CardLink, 1);
	link->path = g_steal_pointer(&path);
	link->jobs = post_box_new((GDestroyNotify)card_job_free);
	t = g_new0(CardThread, 1);
	t->listen_fd = fd;
	t->fd = -1;
	t->jobs = post_box_ref(link->jobs);
	t->notes = post_box_ref(box);
	t->read_eid = options->read_eid;
	t->answer_limit = options->timeout_ms * USEC_PER_MSEC;
	t->refresh_limit = options->refresh_ms * USEC_PER_MSEC;
	link->thread = g_thread_new("card", card_thread, t);
	return link;
}

void card_link_send(CardLink *link, CardJob *job)
{
	post_box_send(link->jobs, job);
}

void card_link_free(CardLink *link)
{
	if (!link)
		return;
	post_box_send(link->jobs, card_job_new(CARD_JOB_QUIT));
	g_thread_join(link->thread);
	post_box_unref(link->jobs);
	if (link->path)
		unlink(link->path);
	g_free(link->path);
	g_free(link);
}
