/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The software eUICC: APDUs in, answers out, everything it knows in one folder. It has no link and no
 * loop of its own: lab-card puts it behind a modem, tests and fuzzers call it directly. One thread.
 */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

#include <jansson.h>

typedef struct Euicc Euicc;

/* ---- life ---- */
typedef struct EuiccCreate {
	const char *pki; /* folder with nist/ and brainpool/ (either may be missing) */
	const char *eid; /* 32 digits; NULL: the default of the lab */
	const char *first_ci; /* "nist" or "brainpool": the preferred one; NULL: nist */
	bool consumer; /* SGP.22: BF31..33 and BF29, no eIM */
	bool bootstrap; /* with an enabled provisioning profile */
	const char
		*smdp; /* receiver of the bootstrap profile's notifications; NULL: smdp.lab.test */
	const char *smds; /* root SM-DS; NULL: smds.lab.test */
	const char *apn; /* connectivity parameters of the bootstrap profile; NULL: none */
	const char *
		templates; /* where E0 and E1 are in the answer to SELECT: "fci", "a5", "after", "none";
				* NULL: fci */
	const char *isdr_aid; /* hex; NULL: the one of SGP.22 */
	bool ipae; /* says that it could be an IPAe */
} EuiccCreate;

#define EUICC_DEFAULT_EID "89049032123451234512345678901235"

/* Makes the folder and the card in it; an existing card is replaced. Errors: NotFound, InvalidArgument,
 * StoreUnavailable. */
bool euicc_create(const char *dir, const EuiccCreate *create, GError **error) SGP32_CHECK;
/* Takes the card out of its folder. LAB_CARD_DIE_AT=k[:before|:during|:after] in the environment ends the
 * process at its k-th write. Errors: NotFound, InvalidArgument, StoreUnavailable. */
Euicc *euicc_open(const char *dir, GError **error) SGP32_CHECK;
void euicc_free(Euicc *euicc);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Euicc, euicc_free)
/* As LAB_CARD_DIE_AT; NULL: never. False if the text is not understood. */
bool euicc_die_at(Euicc *euicc, const char *when);
/* It never writes again: its folder belongs to another card now. */
void euicc_forget(Euicc *euicc);
/* How often the state has been written since euicc_open(). */
unsigned euicc_writes(const Euicc *euicc);

/* ---- the interface of the card ---- */
/* Power off and on, or a warm reset: what only lives in the card's memory is gone, a switch of profiles
 * that waits for a REFRESH happens. */
void euicc_reset(Euicc *euicc);
Span euicc_atr(const Euicc *euicc);
/* Appends the answer, status word included. False: the card vanished under the command (verb pull-at),
 * and there is no answer. */
bool euicc_apdu(Euicc *euicc, Span command, GByteArray *answer);

/* ---- what only a lab can ask ---- */
/* One fault: what happens to the n-th ES10 command from now on. */
typedef enum EuiccFaultKind {
	EUICC_FAULT_SW, /* answers that status word and does nothing */
	EUICC_FAULT_GARBAGE, /* does it, answers a TLV that breaks off */
	EUICC_FAULT_OVERSIZE, /* does it, answers a TLV of 200,000 octets */
	EUICC_FAULT_PULL, /* vanishes */
} EuiccFaultKind;

typedef struct EuiccFault {
	EuiccFaultKind kind;
	uint16_t sw;
	uint32_t tag; /* 0: any command; BF36: any chain of a bound profile package */
	unsigned after; /* so many that match go through first */
	unsigned times; /* 0: for ever */
} EuiccFault;

void euicc_fault(Euicc *euicc, const EuiccFault *fault);
void euicc_clear_faults(Euicc *euicc);
/* No REFRESH is raised; a switch waits for a reset. */
void euicc_mute_refresh(Euicc *euicc, bool mute);
/* What kind of REFRESH it raises (TS 102 223 8.6): 4, a reset of the UICC, unless told. */
void euicc_refresh_qualifier(Euicc *euicc, uint8_t qualifier);
/* A proactive session is running: catBusy. */
void euicc_cat_busy(Euicc *euicc, bool busy);
/* APN of a profile (BF5F); an empty one takes it away. Errors: NotFound, InvalidArgument,
 * StoreUnavailable. */
bool euicc_set_apn(Euicc *euicc, const char *iccid, const char *apn, GError **error) SGP32_CHECK;
/* Everything but keys; the caller owns it. */
json_t *euicc_show(const Euicc *euicc);
/* APDUs and octets since the last reset of the counts; see README.md. */
json_t *euicc_counts(const Euicc *euicc);
void euicc_counts_reset(Euicc *euicc);
