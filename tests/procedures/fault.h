/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Steps of a procedure that can fail: each APDU, each call of a server, each write to the store. They are
 * counted in the order in which they come, and the n-th one fails as it was planned.
 */
#pragma once

#include "base/error.h"
#include "base/post.h"

typedef enum Step { STEP_APDU, STEP_SERVER, STEP_STORE } Step;

typedef enum Fault {
	FAULT_NONE,
	FAULT_CARD_LOST_BEFORE, /* the card was reset before it got the APDU, */
	FAULT_CARD_LOST_AFTER, /* or before its answer came back */
	FAULT_CARD_TIMEOUT_BEFORE,
	FAULT_CARD_TIMEOUT_AFTER,
	FAULT_CARD_6A80, /* instead of carrying it out */
	FAULT_CARD_6985,
	FAULT_CARD_6F00,
	FAULT_CARD_GARBAGE, /* carried out; its answer is no TLV */
	FAULT_NETWORK_BEFORE, /* the server never got it, */
	FAULT_NETWORK_AFTER, /* or its answer was lost */
	FAULT_SERVER_TIMEOUT_AFTER,
	FAULT_SERVER_REFUSED,
	FAULT_SERVER_UNTRUSTED,
	FAULT_SERVER_MALFORMED,
	FAULT_STORE_FULL,
	FAULT_CANCEL, /* the job is cancelled before the step */
	FAULT_CRASH_BEFORE, /* nothing happens any more, neither this step nor what follows, */
	FAULT_CRASH_AFTER, /* or what follows */
	N_FAULTS
} Fault;

const char *fault_text(Fault fault);
bool fault_fits(Fault fault, Step step);

/* Step number `at`, from 1, fails; 0: none. Counts from the beginning again. cancel: set by FAULT_CANCEL. */
void fault_plan(unsigned at, Fault fault, PostCancel *cancel);
unsigned fault_steps(void); /* so far */
/* The kinds of the steps so far, in order; to be freed. */
Step *fault_steps_taken(void);
bool fault_crashed(void);
/* For the fakes: what happens to this step. After a crash always FAULT_CRASH_BEFORE. */
Fault fault_step(Step step);
