/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/post.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

static void cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

/* False when the deadline (µs, < 0: none) has passed. */
static bool cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline)
{
	struct timespec until = { deadline / 1000000, deadline % 1000000 * 1000 };

	if (deadline < 0)
		return pthread_cond_wait(cond, lock) == 0;
	return pthread_cond_timedwait(cond, lock, &until) != ETIMEDOUT;
}

static int event_new(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		g_error("No event descriptor: %s", g_strerror(errno));
	return fd;
}

static void event_raise(int fd)
{
	uint64_t one = 1;
	ssize_t n = write(fd, &one, sizeof(one));

	(void)n; /* EAGAIN: it is raised already */
}

static void event_lower(int fd)
{
	uint64_t count;
	ssize_t n = read(fd, &count, sizeof(count));

	(void)n;
}

/* Until one of them is readable (an fd of -1 is left out) or the deadline (µs, < 0: none) passes. */
static void fds_wait(int first, int second, int64_t deadline)
{
	struct pollfd fds[] = { { .fd = first, .events = POLLIN },
		{ .fd = second, .events = POLLIN } };
	int n;

	do {
		int64_t left = deadline < 0 ? -1 : MAX(deadline - clock_monotonic(), 0);
		struct timespec limit = { left / 1000000, left % 1000000 * 1000 };

		n = ppoll(fds, 2, deadline < 0 ? NULL : &limit, NULL);
	} while (n < 0 && errno == EINTR);
}

struct PostBox {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	unsigned refs;
	int fd;
	bool closed;
	GQueue values;
	GDestroyNotify free_value;
};

PostBox *post_box_new(GDestroyNotify free_value)
{
	PostBox *box = g_new0(PostBox, 1);

	pthread_mutex_init(&box->lock, NULL);
	cond_init(&box->cond);
	box->refs = 1;
	box->fd = event_new();
	box->free_value = free_value;
	g_queue_init(&box->values);
	return box;
}

PostBox *post_box_ref(PostBox *box)
{
	pthread_mutex_lock(&box->lock);
	box->refs++;
	pthread_mutex_unlock(&box->lock);
	return box;
}

static void values_free(GQueue *values, GDestroyNotify free_value)
{
	void *value;

	while ((value = g_queue_pop_head(values)))
		if (free_value)
			free_value(value);
}

void post_box_unref(PostBox *box)
{
	bool last;

	if (!box)
		return;
	pthread_mutex_lock(&box->lock);
	last = --box->refs == 0;
	pthread_mutex_unlock(&box->lock);
	if (!last)
		return;
	values_free(&box->values, box->free_value);
	close(box->fd);
	pthread_cond_destroy(&box->cond);
	pthread_mutex_destroy(&box->lock);
	g_free(box);
}

int post_box_fd(PostBox *box)
{
	return box->fd;
}

bool post_box_send(PostBox *box, void *value)
{
	bool open;

	pthread_mutex_lock(&box->lock);
	open = !box->closed;
	if (open) {
		g_queue_push_tail(&box->values, value);
		event_raise(box->fd);
		pthread_cond_signal(&box->cond);
	}
	pthread_mutex_unlock(&box->lock);
	if (!open && box->free_value)
		box->free_value(value);
	return open;
}

static void *box_pop(PostBox *box)
{
	void *value = g_queue_pop_head(&box->values);

	if (g_queue_is_empty(&box->values) && !box->closed)
		event_lower(box->fd);
	return value;
}

void *post_box_take(PostBox *box)
{
	void *value;

	pthread_mutex_lock(&box->lock);
	value = box_pop(box);
	pthread_mutex_unlock(&box->lock);
	return value;
}

void *post_box_wait(PostBox *box, int64_t deadline)
{
	void *value;

	pthread_mutex_lock(&box->lock);
	while (g_queue_is_empty(&box->values) && !box->closed)
		if (!cond_wait(&box->cond, &box->lock, deadline))
			break;
	value = box_pop(box);
	pthread_mutex_unlock(&box->lock);
	return value;
}

void post_box_close(PostBox *box)
{
	GQueue left = G_QUEUE_INIT;

	pthread_mutex_lock(&box->lock);
	box->closed = true;
	left = box->values;
	g_queue_init(&box->values);
	event_raise(box->fd);
	pthread_cond_broadcast(&box->cond);
	pthread_mutex_unlock(&box->lock);
	values_free(&left, box->free_value);
}

bool post_box_closed(PostBox *box)
{
	bool closed;

	pthread_mutex_lock(&box->lock);
	closed = box->closed;
	pthread_mutex_unlock(&box->lock);
	return closed;
}

struct PostCancel {
	pthread_mutex_t lock;
	unsigned refs;
	bool set;
	int fd;
};

PostCancel *post_cancel_new(void)
{
	PostCancel *cancel = g_new0(PostCancel, 1);

	pthread_mutex_init(&cancel->lock, NULL);
	cancel->refs = 1;
	cancel->fd = event_new();
	return cancel;
}

PostCancel *post_cancel_ref(PostCancel *cancel)
{
	pthread_mutex_lock(&cancel->lock);
	cancel->refs++;
	pthread_mutex_unlock(&cancel->lock);
	return cancel;
}

void post_cancel_unref(PostCancel *cancel)
{
	bool last;

	if (!cancel)
		return;
	pthread_mutex_lock(&cancel->lock);
	last = --cancel->refs == 0;
	pthread_mutex_unlock(&cancel->lock);
	if (!last)
		return;
	close(cancel->fd);
	pthread_mutex_destroy(&cancel->lock);
	g_free(cancel);
}

void post_cancel_set(PostCancel *cancel)
{
	pthread_mutex_lock(&cancel->lock);
	if (!cancel->set) {
		cancel->set = true;
		event_raise(cancel->fd);
	}
	pthread_mutex_unlock(&cancel->lock);
}

bool post_cancel_is_set(PostCancel *cancel)
{
	bool set;

	if (!cancel)
		return false;
	pthread_mutex_lock(&cancel->lock);
	set = cancel->set;
	pthread_mutex_unlock(&cancel->lock);
	return set;
}

int post_cancel_fd(PostCancel *cancel)
{
	return cancel ? cancel->fd : -1;
}

bool post_cancel_wait(PostCancel *cancel, int64_t deadline)
{
	fds_wait(post_cancel_fd(cancel), -1, deadline);
	return post_cancel_is_set(cancel);
}

struct PostCell {
	pthread_mutex_t lock;
	unsigned refs;
	bool answered;
	int fd; /* readable once answered */
	void *value;
	GDestroyNotify free_value;
};

PostCell *post_cell_new(GDestroyNotify free_value)
{
	PostCell *cell = g_new0(PostCell, 1);

	pthread_mutex_init(&cell->lock, NULL);
	cell->refs = 1;
	cell->fd = event_new();
	cell->free_value = free_value;
	return cell;
}

PostCell *post_cell_ref(PostCell *cell)
{
	pthread_mutex_lock(&cell->lock);
	cell->refs++;
	pthread_mutex_unlock(&cell->lock);
	return cell;
}

void post_cell_unref(PostCell *cell)
{
	bool last;

	if (!cell)
		return;
	pthread_mutex_lock(&cell->lock);
	last = --cell->refs == 0;
	pthread_mutex_unlock(&cell->lock);
	if (!last)
		return;
	if (cell->value && cell->free_value)
		cell->free_value(cell->value);
	close(cell->fd);
	pthread_mutex_destroy(&cell->lock);
	g_free(cell);
}

void post_cell_put(PostCell *cell, void *value)
{
	bool first;

	pthread_mutex_lock(&cell->lock);
	first = !cell->answered;
	if (first) {
		cell->answered = true;
		cell->value = value;
		event_raise(cell->fd);
	}
	pthread_mutex_unlock(&cell->lock);
	if (!first && value && cell->free_value)
		cell->free_value(value);
}

void *post_cell_wait_until(PostCell *cell, PostCancel *cancel, int64_t deadline)
{
	void *value;

	fds_wait(cell->fd, post_cancel_fd(cancel), deadline);
	pthread_mutex_lock(&cell->lock);
	value = g_steal_pointer(&cell->value);
	pthread_mutex_unlock(&cell->lock);
	return value;
}

void *post_cell_wait(PostCell *cell)
{
	return post_cell_wait_until(cell, NULL, -1);
}
