/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A card, servers, a store in a folder of its own and a host of few lines, and an Ipa over them that can be
 * ended and begun anew, as by a restart of the daemon.
 */
#pragma once

#include "ipa/ipa.h"

#include "fake-card.h"
#include "fake-server.h"

#define EIM "eim1"
#define OTHER_EIM "eim2"
#define FIRST_ICCID "8944500000000000003"
#define SECOND_ICCID "8944500000000000037"
#define FRESH_ICCID "8944500000000000011" /* of the order */
#define ACTIVATION_CODE "LPA:1$" SMDP_ADDRESS "$MATCH-1"
/* psmoList and ecoList, hex. */
#define SECOND_BCD "984405000000000030f7"
#define ENABLE_SECOND "a00ea30c5a0a" SECOND_BCD
#define ENABLE_SECOND_ROLLBACK "a010a30e5a0a" SECOND_BCD "0500"
#define DELETE_SECOND "a00ea50c5a0a" SECOND_BCD
#define LIST_PROFILES "a003bf2d00"
#define DELETE_OWN_EIM "a108a906800465696d31"

typedef struct World {
	char *folder; /* of the store, and of the CI certificates */
	FakeCard *card;
	FakeEim *eim, *other; /* other: only with world_add_other_eim() */
	FakeSmdp *smdp, *smdp2;

	/* The host. */
	int64_t now;
	unsigned offline; /* so many waits end with NetworkUnavailable, */
	unsigned online_waits; /* of so many */
	char *online_iccid; /* that the last one was for */
	uint64_t generation;
	bool accepts; /* answers of the user */
	const char *confirmation_code; /* NULL: none is given */
	Sgp32Error ask_fails; /* 0: does not */
	GString *asked; /* kinds of questions: "install confirmation-code " */
	GString *calls; /* of servers: "get-package provide-result " */
	GString *steps; /* progress: "poll execute-package " */
	unsigned published;
	double progress; /* the last one that was known */

	IpaSettings settings;
	GByteArray *initial_eims;
	GPtrArray *peers; /* of IpaPeer */

	/* The run of the daemon. */
	PostCancel *cancel;
	Store *store;
	bool attached; /* the last attach of world_run() ended well */
	Ipa ipa;
	IpaResult result;
} World;

/* A card with two profiles (the first one enabled, both with notifications to the SM-DP+) and one eIM. The run
 * has begun. */
World *world_new(void);
void world_free(World *world);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(World, world_free)
void world_add_other_eim(World *world);
/* AddInitialEim may be needed: the eIM is in the settings. */
void world_set_initial_eim(World *world);

/* Ends the daemon, in whatever state it is, and starts it again; faults are over. The card stays powered. */
void world_stop(World *world);
void world_start(World *world);
void world_restart(World *world);
/* A job: its cancel and its result are new. */
void world_job(World *world);

/* These must succeed, */
void world_attach(World *world);
void world_poll(World *world, const char *eim_id);
/* and this must fail with that error. */
void world_poll_fails(World *world, const char *eim_id, Sgp32Error code);
/* Attach (if asked for), a poll of each eIM, notifications: until the first failure. */
bool world_run(World *world, bool attach, GError **error);
/* Runs until nothing is left to do; fails the test if that takes too long. */
void world_settle(World *world);
/* What is stored of the package in flight; the phase is PACKAGE_IDLE if there is none. */
PackagePhase world_phase(World *world);
unsigned world_triggers(World *world); /* in the store */
char *world_stored_iccid_server(World *world, const char *iccid); /* NULL: none */
