/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The outside world of a procedure. In the daemon these are questions posted to the main thread, which
 * answers all that are pending with Cancelled before it stops; in a test they are ten lines. Called on
 * the worker's thread; none of them is NULL.
 */
#pragma once

#include "ipa/snapshot.h"

#include "base/error.h"

/* What the job waits for, if anything. */
typedef enum HostWait {
	HOST_RUNNING,
	HOST_WAITING_USER,
	HOST_WAITING_NETWORK,
	HOST_WAITING_CARD,
} HostWait;

/* Stable identifiers: org.sgp32.Job.Question kinds. */
#define HOST_ASK_INSTALL "install" /* metadata as shown; accept or reject */
#define HOST_ASK_CONFIRMATION_CODE "confirmation-code"
#define HOST_ASK_POLICY_RULES "policy-rules" /* rules that need the end user's consent */

typedef struct HostQuestion {
	const char *kind;
	const char *iccid, *profile_name, *service_provider; /* "" if unknown */
	ProfileClass class;
	unsigned policy_rules; /* bits of PprIds */
} HostQuestion;

typedef struct HostAnswer {
	bool accepted;
	char *confirmation_code; /* secret: wiped; NULL if none was given */
} HostAnswer;

void host_answer_clear(HostAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HostAnswer, host_answer_clear)

typedef struct Host {
	void *user;
	/* step: stable identifier; progress 0…1, or < 0 if it is not known; deadline of the wait in µs
	 * realtime, 0: none. */
	void (*progress)(
		void *user, const char *step, double progress, HostWait wait, int64_t deadline);
	/* The card's state as it is now; copied. */
	void (*publish)(void *user, const Snapshot *snapshot);
	/* Errors: Cancelled (also by the job's cancel), Timeout, Rejected if nobody can be asked. */
	bool (*ask)(void *user, const HostQuestion *question, HostAnswer *ret, GError **error);
	/*
	 * Waits until there is a way to servers that can vouch for the profile `iccid` ("" = whichever is
	 * enabled), begun after `since` (µs CLOCK_BOOTTIME, 0: does not matter), up to `deadline`
	 * (CLOCK_MONOTONIC, µs). `tried`: the generation of the network in which a contact failed already, 0:
	 * none; it waits for another one. ret_generation: that of now. Errors: NetworkUnavailable (deadline),
	 * Cancelled.
	 */
	bool (*wait_online)(void *user, const char *iccid, int64_t since, int64_t deadline,
		uint64_t tried, uint64_t *ret_generation, GError **error);
	int64_t (*now)(void *user); /* µs realtime */
} Host;
