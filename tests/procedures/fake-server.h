/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Servers in place of daemon/net: these files define every function of esipa.h, es9plus.h and of http.h that
 * the procedures call, so that those of libnet are not linked. An eIM has a queue and offers its head until it
 * has the result; an SM-DP+ has orders. Both check what they get.
 */
#pragma once

#include "asn1/esipa.h"
#include "net/es9plus.h"
#include "net/esipa.h"

#include "fault.h"
#include "tlv.h"

/* ---- the eIM ---- */

typedef struct EimItem {
	EsipaPackageKind kind;
	GBytes *bytes;
	int64_t counter; /* of an eUICC package */
	char *transaction; /* hex of eimTransactionId; NULL: none */
	unsigned offered, answered;
	GBytes *result; /* the last one: BF51, BF52, BF54 or A0 */
} EimItem;

typedef enum EimAck {
	EIM_ACK, /* what it got */
	EIM_ACK_NOTHING, /* an empty response */
	EIM_ACK_EMPTY_LIST,
} EimAck;

typedef struct FakeEim {
	char *eim_id;
	GPtrArray *items; /* of EimItem */
	EimAck ack;
	bool forgets; /* offers what it has the result of again */
	bool down; /* NetworkUnavailable */
	unsigned down_for; /* so many calls */
	Sgp32Error refuses_with; /* 0: does not; error of every call */
	/* What it saw. */
	unsigned questions;
	GArray *causes; /* of int: notifyStateChange */
	GArray *acknowledged; /* of int64_t: sequence numbers */
	unsigned results; /* BF50 in all */
	unsigned strangers; /* results of what it did not order */
} FakeEim;

FakeEim *fake_eim_new(const char *eim_id);
void fake_eim_free(FakeEim *eim);
/* list: contents of psmoList (A0…) or ecoList (A1…), hex. */
EimItem *fake_eim_package(FakeEim *eim, int64_t counter, const char *list);
EimItem *fake_eim_data(FakeEim *eim, const char *request); /* contents of BF52, hex */
EimItem *fake_eim_trigger(FakeEim *eim, const char *activation_code, const char *transaction);
EimItem *fake_eim_raw(FakeEim *eim, EsipaPackageKind kind, const char *hex);
bool fake_eim_done(FakeEim *eim); /* all items have a result */

/* ---- the SM-DP+ ---- */

#define SMDP_ADDRESS "smdp.lab.test"
#define SMDP_OTHER "smdp2.lab.test"

typedef struct FakeSmdp {
	char *address;
	/* Its one order. */
	char *matching_id;
	char *iccid;
	char *code; /* confirmation code; NULL: none */
	GBytes *metadata; /* BF25…; NULL: made of the ICCID */
	unsigned elements; /* segments of the profile */
	/* What it does otherwise than it should. */
	char *signs_address;
	bool signs_challenge, signs_transaction, signs2_transaction;
	bool swaps_metadata;
	bool gives_events; /* as an SM-DS */
	Sgp32Error refuses_client, refuses_package, refuses_notifications; /* 0: does not */
	bool down;
	/* What it saw. */
	GString *log; /* "initiate client package notify cancel " */
	unsigned transactions, packages;
	GArray *notified; /* of int64_t: sequence numbers */
	GPtrArray *notices; /* of GBytes */
	unsigned installed, failed; /* PIRs, each number once */
	unsigned cancels;
	int cancel_reason;
} FakeSmdp;

FakeSmdp *fake_smdp_new(const char *address);
void fake_smdp_free(FakeSmdp *smdp);
/* Metadata with these policy rules (bits PPR_…), owner 228-01. */
GBytes *fake_smdp_metadata(const char *iccid, int rules);
/* A certificate of a CA (PEM), for trust_new_folder(). */
void fake_smdp_write_ca(const char *path);

/* ---- where the fakes find each other ---- */
void fake_servers_clear(void);
void fake_servers_add_eim(FakeEim *eim);
void fake_servers_add_smdp(FakeSmdp *smdp);
/* Called before each call of a server, after faults were applied: may be NULL. */
void fake_servers_on_call(void (*call)(void *user, const char *function), void *user);

/* For the fakes: a call begins. False: it fails now. *ret_after: to be given to fake_call_end(). */
bool fake_call_begin(
	const char *function, PostCancel *cancel, Fault *ret_after, GError **error) SGP32_CHECK;
/* The server has done its part: whether the answer gets back. */
bool fake_call_end(Fault after, PostCancel *cancel, GError **error) SGP32_CHECK;
FakeEim *fake_servers_eim(const char *eim_id);
FakeSmdp *fake_servers_smdp(const char *address);
