/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The card side of the modem: it listens for a card that speaks the vpcd protocol and has a thread of
 * its own, so that what a modem does with a card reads as straight lines. Only values cross: jobs go in,
 * notes come out.
 */
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "base/post.h"
#include "qmux.h"

#define CARD_CHANNELS 20 /* the basic one and 19 logical ones (TS 102 221 11.1.17) */
#define CARD_ATR_MAX 33

typedef enum CardPhase {
	CARD_ABSENT,
	CARD_OFF, /* there, without power */
	CARD_STARTING, /* reset, the modem reads it */
	CARD_READY,
	CARD_MUTE, /* there, but gives no ATR */
} CardPhase;

/* What the modem knows of the card: a value, copied to the main thread with each change. */
typedef struct CardState {
	CardPhase phase;
	unsigned resets; /* counts the starts of cards */
	uint8_t atr[CARD_ATR_MAX];
	size_t atr_size;
	bool has_eid;
	uint8_t eid[16];
	bool has_iccid; /* no profile is enabled without */
	uint8_t iccid[10];
	bool has_usim;
	uint8_t usim_aid[16];
	size_t usim_aid_size;
	char imsi[16]; /* digits, "" if unknown */
	unsigned mnc_digits; /* 2 or 3 */
	bool channels[CARD_CHANNELS]; /* opened for hosts */
	unsigned host_apdus, own_apdus;
} CardState;

typedef enum CardJobKind {
	CARD_JOB_APDU,
	CARD_JOB_OPEN,
	CARD_JOB_CLOSE,
	CARD_JOB_READ_TRANSPARENT,
	CARD_JOB_READ_RECORD,
	CARD_JOB_ATTRIBUTES,
	CARD_JOB_POWER, /* flag: on or off */
	CARD_JOB_RESTART, /* the modem was reset: a cold start of the card */
	CARD_JOB_LISTENERS, /* flag: some host is registered for REFRESH */
	CARD_JOB_REFRESH_COMPLETE, /* flag: with success */
	CARD_JOB_LOSE_REFRESH, /* number: CardLose */
	CARD_JOB_QUIT,
} CardJobKind;

typedef enum CardLose {
	CARD_LOSE_NONE,
	CARD_LOSE_REFRESH, /* it happens, but there are no indications of REFRESH */
	CARD_LOSE_ALL, /* nor any of card and slot */
	CARD_LOSE_END, /* the start is told, the end is not */
	CARD_LOSE_FETCH, /* the modem does not even fetch the command */
} CardLose;

typedef enum CardSelect {
	CARD_SELECT_NO_DATA,
	CARD_SELECT_FCP,
	CARD_SELECT_FCI,
} CardSelect;

typedef struct CardJob {
	CardJobKind kind;
	void *request; /* of the sender, who gets it back with the job */
	GDestroyNotify request_free;
	/* what to do */
	int channel; /* < 0: the basic one, with CLA as it comes */
	GBytes *bytes; /* APDU, AID, or path of the file (two octets each, from the MF) */
	bool flag; /* collect (APDU): 61xx and 6Cxx are dealt with here */
	CardSelect select;
	unsigned number; /* record, offset */
	unsigned length; /* 0: all */
	/* what came of it */
	QmiError error;
	uint16_t sw; /* 0: the card said nothing */
	GBytes *answer; /* data; of an APDU with the status word */
} CardJob;

CardJob *card_job_new(CardJobKind kind);
void card_job_free(CardJob *job);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CardJob, card_job_free)

typedef enum CardNoteKind {
	CARD_NOTE_JOB, /* it is done */
	CARD_NOTE_STATE,
	CARD_NOTE_REFRESH,
} CardNoteKind;

typedef struct CardNote {
	CardNoteKind kind;
	CardState state; /* always: as of now */
	CardJob *job; /* owned by the note */
	uint8_t stage, mode; /* of a refresh, numbers of QMI */
	bool quiet; /* no host shall hear of it */
} CardNote;

void card_note_free(CardNote *note);

/* Numbers of the UIM service. */
enum {
	REFRESH_WAIT_FOR_OK,
	REFRESH_START,
	REFRESH_END_SUCCESS,
	REFRESH_END_FAILURE,
};
enum {
	REFRESH_RESET,
	REFRESH_INIT,
	REFRESH_INIT_FCN,
	REFRESH_FCN,
	REFRESH_INIT_FULL_FCN,
	REFRESH_APP_RESET,
	REFRESH_SESSION_RESET,
};

typedef struct CardOptions {
	const char *address; /* "unix:PATH" or "tcp:HOST:PORT": where to listen */
	bool read_eid; /* over a channel to the ISD-R, once per card */
	unsigned timeout_ms; /* for one answer of the card */
	unsigned refresh_ms; /* how long hosts may take for their refresh-complete */
} CardOptions;

typedef struct CardLink CardLink;

/* Listens and starts the thread. Notes (CardNote) go to box. */
CardLink *card_link_new(const CardOptions *options, PostBox *box, GError **error) SGP32_CHECK;
/* Ends the thread. */
void card_link_free(CardLink *link);
/* Takes the job. It comes back in a note, whatever happens. */
void card_link_send(CardLink *link, CardJob *job);
