/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/pipe-guard.h"

#include <time.h>

PipeGuard pipe_guard_begin(void)
{
	PipeGuard guard;
	sigset_t set;

	sigpending(&set);
	guard.pending = sigismember(&set, SIGPIPE);
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, &guard.old);
	return guard;
}

void pipe_guard_end(PipeGuard guard)
{
	static const struct timespec at_once;
	sigset_t set;

	if (!guard.pending) {
		sigemptyset(&set);
		sigaddset(&set, SIGPIPE);
		while (sigtimedwait(&set, NULL, &at_once) > 0)
			;
	}
	pthread_sigmask(SIG_SETMASK, &guard.old, NULL);
}
