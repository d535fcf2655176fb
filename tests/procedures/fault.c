/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault.h"

#include <sqlite3.h>

static struct {
	unsigned at;
	Fault fault;
	PostCancel *cancel;
	bool crashed;
	GArray *steps; /* of Step */
} plan;

const char *fault_text(Fault fault)
{
	static const char *const texts[N_FAULTS] = { "none", "card lost before", "card lost after",
		"card timeout before", "card timeout after", "6A80", "6985", "6F00", "card garbage",
		"network before", "network after", "server timeout after", "server refused",
		"server untrusted", "server malformed", "store full", "cancel", "crash before",
		"crash after" };

	return texts[fault];
}

bool fault_fits(Fault fault, Step step)
{
	if (fault >= FAULT_CANCEL)
		return true;
	if (fault >= FAULT_STORE_FULL)
		return step == STEP_STORE;
	return fault != FAULT_NONE && (step == STEP_SERVER) == (fault >= FAULT_NETWORK_BEFORE) &&
		step != STEP_STORE;
}

void fault_plan(unsigned at, Fault fault, PostCancel *cancel)
{
	plan.at = at;
	plan.fault = fault;
	plan.cancel = cancel;
	plan.crashed = false;
	if (!plan.steps)
		plan.steps = g_array_new(FALSE, FALSE, sizeof(Step));
	g_array_set_size(plan.steps, 0);
}

unsigned fault_steps(void)
{
	return plan.steps ? plan.steps->len : 0;
}

Step *fault_steps_taken(void)
{
	return g_memdup2(plan.steps->data, plan.steps->len * sizeof(Step));
}

bool fault_crashed(void)
{
	return plan.crashed;
}

Fault fault_step(Step step)
{
	if (plan.crashed)
		return FAULT_CRASH_BEFORE;
	if (!plan.steps)
		return FAULT_NONE;
	g_array_append_val(plan.steps, step);
	if (plan.at == 0 || plan.steps->len != plan.at)
		return FAULT_NONE;
	if (plan.fault == FAULT_CANCEL && plan.cancel)
		post_cancel_set(plan.cancel);
	if (plan.fault == FAULT_CRASH_BEFORE || plan.fault == FAULT_CRASH_AFTER)
		plan.crashed = true;
	return plan.fault;
}

/* The store's writes: the linker lets this stand in for sqlite3_step(). */
int __real_sqlite3_step(sqlite3_stmt *stmt);
int __wrap_sqlite3_step(sqlite3_stmt *stmt);

int __wrap_sqlite3_step(sqlite3_stmt *stmt)
{
	if (!sqlite3_stmt_readonly(stmt)) {
		switch (fault_step(STEP_STORE)) {
		case FAULT_STORE_FULL:
		case FAULT_CRASH_BEFORE: return SQLITE_FULL;
		default: break;
		}
	}
	return __real_sqlite3_step(stmt);
}

/* Nobody pulls the plug of the machine here: what the kernel has is safe enough, and thousands of commits
 * take seconds in place of minutes. */
int fdatasync(int fd);
int fsync(int fd);

int fdatasync(int fd)
{
	return 0;
}

int fsync(int fd)
{
	return 0;
}
