/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A card for the procedures: it takes APDUs, keeps a small state and answers ES10 commands with TLVs that
 * are well formed. It checks no signature, and its own are dummies. What it did is there to be looked at.
 */
#pragma once

#include "asn1/notification.h"
#include "card/card.h"

#include "fault.h"
#include "tlv.h"

#define CARD_EID "89049032123451234512345678901235"
#define CARD_CI "f54172bdf98a95d65cbeb88a38a1c11d800a85c3"
#define CARD_SMDP_OID "88370a" /* 2.999.10 */

typedef struct FakeProfile {
	char *iccid;
	bool enabled;
	int class;
	char *notify; /* receiver of its notifications; NULL: none */
} FakeProfile;

typedef struct FakeEntry { /* an eIM */
	char *eim_id;
	int64_t counter;
	GBytes *data; /* EimConfigurationData 30… as BF55 gives it */
} FakeEntry;

typedef struct FakeNote { /* a notification or a package result */
	int64_t seq;
	GBytes *bytes;
} FakeNote;

typedef struct FakeCard {
	uint8_t eid[16];
	bool consumer; /* no SGP.32 functions */
	GPtrArray *profiles; /* of FakeProfile */
	GPtrArray *eims; /* of FakeEntry */
	GPtrArray *notifications, *results; /* of FakeNote, rising seq */
	int64_t seq, token;
	char *default_smdp; /* "" = none */
	GBytes *rat; /* contents of BF43{A0}; NULL: empty */

	/* What it does otherwise than it should. */
	bool no_refresh; /* a switch waits for a reset by the host */
	int install_error; /* reason of the PIR in place of a success; 0: none */
	unsigned install_error_segment; /* told with that segment, from 1; 0: the last one */
	unsigned refuse_segment; /* that segment gets 6A80; 0: none */
	bool refuse_keeps_result; /* and a PIR (reason 8) is kept */
	uint32_t refuse_tag; /* refuse_sw to that command */
	uint16_t refuse_sw; /* 0: 6A80 */
	uint32_t answer_tag; /* that command gets `answer` once, without being carried out */
	GBytes *answer;

	/* Told of each command before it is carried out; may be NULL. */
	void (*on_command)(void *user, uint32_t tag);
	void *user;

	/* What it did. */
	GString *log; /* tags of the commands: "BF3E BF22 …"; segments of a package as one "BF36" */
	unsigned apdus;
	GArray *executed; /* of int64_t: counters of packages that were carried out */
	unsigned initial_eims; /* AddInitialEim that did something */
	unsigned installs, installs_failed, cancels, resets, terminal_capabilities;
	int cancel_reason;

	/* The slot. */
	unsigned epoch;
	bool present, refreshing, device_gone;
	bool refresh_pending, switch_pending;

	/* The session; gone with a reset. */
	bool open;
	GByteArray *chain;
	GBytes *response; /* what waits for GET RESPONSE */
	uint8_t challenge[16];
	unsigned challenges;
	GBytes *transaction; /* of the RSP session; NULL: none */
	char *server; /* its address */
	bool prepared, loading;
	size_t bpp_size, bpp_got;
	unsigned segments;
	char loading_iccid[21];
} FakeCard;

FakeCard *fake_card_new(void);
void fake_card_free(FakeCard *card);
/* To be given to isdr_new(); the FakeCard outlives it. */
Card *fake_card_open(FakeCard *card);
/* Out of the slot, and in again after a power cycle. */
void fake_card_pull(FakeCard *card);
void fake_card_power_cycle(FakeCard *card);

FakeProfile *fake_card_add_profile(
	FakeCard *card, const char *iccid, bool enabled, const char *notify);
FakeProfile *fake_card_profile(FakeCard *card, const char *iccid); /* NULL: none */
const char *fake_card_enabled(FakeCard *card); /* ICCID, "" = none */
/* The EimConfigurationData of an eIM without a trusted TLS key. */
GBytes *fake_card_eim_data(const char *eim_id, const char *fqdn, int64_t token);
void fake_card_add_eim(FakeCard *card, const char *eim_id, const char *fqdn);
FakeEntry *fake_card_eim(FakeCard *card, const char *eim_id); /* NULL: none */
/* An OtherSignedNotification; event: a bit of NOTIFICATION_… Its number. */
int64_t fake_card_add_notification(
	FakeCard *card, int event, const char *address, const char *iccid);
/* A PIR of success, as an earlier download left it. Its number. */
int64_t fake_card_add_installation(
	FakeCard *card, const char *transaction_hex, const char *address, const char *iccid);
/* A result as an earlier package left it. Its number. */
int64_t fake_card_add_result(FakeCard *card, const char *eim_id, int64_t counter);
bool fake_card_executed(FakeCard *card, int64_t counter, unsigned times);
void fake_card_clear_log(FakeCard *card);

/* ---- fake-card-es10.c ---- */
/* A whole command, or a chain of a BPP. False: the card answers *ret_sw and nothing else. */
bool fake_card_command(FakeCard *card, Span command, GBytes **ret, uint16_t *ret_sw);
void fake_note_free(FakeNote *note);
