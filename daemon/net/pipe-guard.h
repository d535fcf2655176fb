/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * OpenSSL writes to sockets with write(): a server that is gone must not end the process. Keeps SIGPIPE
 * away from this thread in between. Internal to net.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>

typedef struct PipeGuard {
	sigset_t old;
	bool pending;
} PipeGuard;

PipeGuard pipe_guard_begin(void);
void pipe_guard_end(PipeGuard guard);
