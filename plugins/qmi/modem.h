/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One modem that speaks QMI, as the files of this plugin share it. All of it lives on the thread of the
 * device; libqmi-glib's sources are those of its thread-default context.
 */
#pragma once

#include <libqmi-glib.h>

#include "card/transport.h"

#define MODEM_SLOTS 5 /* card slots for which QMI has session numbers */
#define MODEM_APDU_MAX 1024 /* of a command, and of an answer in one piece */
#define MODEM_CONTROL_TIMEOUT 10 /* seconds for what is not an APDU */

/* A source of facts about one physical slot: slot status tells of the hole, card status of the card. */
typedef enum ModemSeen {
	SEEN_NOTHING,
	SEEN_ABSENT,
	SEEN_PRESENT,
	SEEN_ERROR,
} ModemSeen;

typedef struct Modem Modem;

typedef struct ModemSlot {
	Modem *self;
	TransportSlot info;
	ModemSeen hole, card;
	bool refreshing; /* between START and END, or the timer */
	bool resetting; /* by us: events wait until it is over */
	GSource *refresh_timer;
} ModemSlot;

typedef struct ModemChannel {
	unsigned logical, number;
} ModemChannel;

typedef struct ModemClientId {
	unsigned service, cid;
} ModemClientId;

/* What a crash would leave behind in the modem. */
typedef struct ModemNotes {
	GArray *clients; /* ModemClientId */
	GArray *channels; /* ModemChannel */
} ModemNotes;

/* An answer that comes in pieces by indication (TLV 0x11 of the response names its token). */
typedef struct ModemLong {
	uint32_t token;
	uint16_t total;
	bool broken;
	GByteArray *data;
} ModemLong;

struct Modem {
	TransportSink sink;
	unsigned timeout; /* seconds, of an APDU */
	char *crash_file; /* NULL: none */
	char *instance; /* NULL: cannot be told; nothing is remembered */
	QmiDevice *device;
	QmiClientUim *uim;
	gulong on_removed, on_indication;
	bool gone;
	unsigned n_slots;
	ModemSlot slots[MODEM_SLOTS];
	unsigned refresh_asked; /* bit n: logical slot n */
	bool no_slot_status; /* the modem does not know that message */
	ModemNotes notes;
	GPtrArray *longs; /* ModemLong */
	bool long_news; /* a piece came */
	char imei[17];
	uint8_t plmn[3];
	bool has_plmn;
};

/* ---- call.c: blocking calls, errors ---- */

/* A call of libqmi: pass modem_call_done and the call, then finish with modem_call_wait(). */
typedef struct ModemCall {
	GAsyncResult *result;
} ModemCall;

void modem_call_done(GObject *source, GAsyncResult *result, gpointer call);
/* Iterates the thread-default context; libqmi ends every call by answer, timeout or loss. */
GAsyncResult *modem_call_wait(ModemCall *call);
void modem_call_clear(ModemCall *call);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ModemCall, modem_call_clear)

/* Iterates the thread-default context until *done, loss, or the time (ms) passes. */
void modem_iterate(Modem *self, unsigned msec, const bool *done);

/* Takes cause, names it in SGP32_ERROR, returns false. */
bool modem_fail(Modem *self, GError **error, GError *cause, const char *what);
/* The same for a number of QMI_PROTOCOL_ERROR. */
bool modem_fail_protocol(Modem *self, GError **error, unsigned number, const char *what);
bool modem_fail_gone(GError **error);
/* The device is lost: says so once. */
void modem_gone(Modem *self);
void modem_event(Modem *self, const ModemSlot *slot, TransportEvent event);

/* A client of another service than UIM, for one question. NULL with error. */
QmiClient *modem_client_new(
	Modem *self, QmiService service, uint8_t cid, GError **error) SGP32_CHECK;
/* Gives its id back; takes the client. */
bool modem_client_release(Modem *self, QmiClient *client) SGP32_CHECK;

/* ---- notes.c: what a crash would leave behind ---- */

/* Text that is equal only for the same device instance and the same proxy process. NULL: cannot be told. */
char *modem_instance(const TransportPort *port, TransportAccess access);
/* Asks the proxy's socket who listens. Errors: NotFound (nobody). */
bool modem_proxy_identity(const char *name, pid_t *ret_pid, GError **error) SGP32_CHECK;
void modem_notes_init(ModemNotes *notes);
void modem_notes_clear(ModemNotes *notes);
void modem_note_client(Modem *self, unsigned service, unsigned cid);
void modem_forget_client(Modem *self, unsigned service, unsigned cid);
void modem_note_channel(Modem *self, unsigned logical, unsigned number);
void modem_forget_channel(Modem *self, unsigned logical, unsigned number);
/* All channels of a slot that was reset. */
void modem_forget_channels(Modem *self, unsigned logical);
/* What the last run noted, if it noted it of this very instance; false: nothing. */
bool modem_notes_read(Modem *self, ModemNotes *ret) SGP32_CHECK;
/* Nothing is left behind. */
void modem_notes_remove(Modem *self);

/* ---- uim.c: the three messages that libqmi lacks before 1.36 ---- */

bool modem_open_channel(void *self, unsigned slot, Span aid, unsigned *ret_channel,
	GBytes **ret_select, GError **error) SGP32_CHECK;
bool modem_transmit(void *self, unsigned slot, unsigned channel, Span apdu, GBytes **ret,
	GError **error) SGP32_CHECK;
bool modem_close_channel(void *self, unsigned slot, unsigned channel, GError **error) SGP32_CHECK;
/* By the numbers of QMI and the client given: also for what a crash left. */
bool modem_close_raw(Modem *self, QmiClient *client, unsigned logical, unsigned channel,
	unsigned timeout, GError **error) SGP32_CHECK;
void modem_on_indication(QmiDevice *device, QmiMessage *message, gpointer self);
void modem_long_free(void *data);

/* ---- slots.c: slots, events, REFRESH ---- */

bool modem_slots(void *self, GArray *slots, GError **error) SGP32_CHECK;
/* Asks for indications and listens to them. */
void modem_watch(Modem *self);
void modem_unwatch(Modem *self);
/* The slot, which must be mapped; reads the slots if they are not known. Errors: NotFound, NoCard. */
ModemSlot *modem_slot(Modem *self, unsigned number, GError **error) SGP32_CHECK;
bool modem_reset(void *self, unsigned slot, TransportReset what, GError **error) SGP32_CHECK;
