/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values between threads: the only file in which threads meet. Mutex, condition and eventfd of
 * pthread, because the thread sanitizer understands those.
 *
 * Ownership: whatever is sent belongs to the receiver; what is never taken is freed with the box.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* ---- Box: many senders, one receiver ---- */
typedef struct PostBox PostBox;

PostBox *post_box_new(GDestroyNotify free_value);
PostBox *post_box_ref(PostBox *box);
void post_box_unref(PostBox *box);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PostBox, post_box_unref)

/* Readable while a value waits. The receiver polls it; it never reads or closes it. */
int post_box_fd(PostBox *box);
/* False once the box is closed; the value is then freed here. */
bool post_box_send(PostBox *box, void *value);
/* NULL if nothing waits. */
void *post_box_take(PostBox *box);
/* Waits until a value comes, the box is closed (NULL) or the time of CLOCK_MONOTONIC in µs passes
 * (NULL). deadline < 0: no limit. */
void *post_box_wait(PostBox *box, int64_t deadline);
/* No more values: senders are told so, waiting ones are freed, the receiver is woken. */
void post_box_close(PostBox *box);
bool post_box_closed(PostBox *box);

/* ---- Cancel: a flag that can be polled ---- */
typedef struct PostCancel PostCancel;

/* ---- Cell: one answer to one question ---- */
typedef struct PostCell PostCell;

PostCell *post_cell_new(GDestroyNotify free_value);
PostCell *post_cell_ref(PostCell *cell);
void post_cell_unref(PostCell *cell);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PostCell, post_cell_unref)

/* The first answer counts; later ones are freed. */
void post_cell_put(PostCell *cell, void *value);
/* Waits for the answer, without limit: whoever holds the other end always answers. */
void *post_cell_wait(PostCell *cell);
/* The same with a limit (CLOCK_MONOTONIC, µs; < 0: none) and a way out; NULL when the time passes or
 * cancel (may be NULL) is set. */
void *post_cell_wait_until(PostCell *cell, PostCancel *cancel, int64_t deadline);

PostCancel *post_cancel_new(void);
PostCancel *post_cancel_ref(PostCancel *cancel);
void post_cancel_unref(PostCancel *cancel);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PostCancel, post_cancel_unref)

void post_cancel_set(PostCancel *cancel);
bool post_cancel_is_set(PostCancel *cancel);
/* Readable once set. -1 for a NULL cancel. */
int post_cancel_fd(PostCancel *cancel);
/* Waits until it is set (true) or the time of CLOCK_MONOTONIC in µs passes (false). */
bool post_cancel_wait(PostCancel *cancel, int64_t deadline);
