/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The whole contract of a plugin: APDUs in and out of the slots of one device.
 *
 * A plugin is a module that exports one symbol, `const TransportPlugin sgp32_transport`. It sees this
 * header and base/, nothing else, and is never unloaded. What it lacks is NULL, and card/isdr.c does it
 * by APDU.
 *
 * Threads: every function (but probe) is called on the thread of the device, whose thread-default
 * GMainContext belongs to the plugin's sources. Functions block until they are done; they may iterate
 * that context (g_main_context_iteration) while they wait, and they end by answer, timeout or loss: never
 * by cancellation. One function at a time is called for one device. Events may be raised from sources of
 * the context or from inside a function.
 *
 * Errors are of SGP32_ERROR: NoCard (slot empty), CardLost (gone in the middle), CardBusy (no channel
 * free, reader held), Timeout, NotFound (AID not found), NotSupported, Failed. A status word that the
 * card itself answered to `transmit` is not an error.
 */
#pragma once

#include <gio/gio.h>

#include "base/bytes.h"
#include "base/error.h"

#define TRANSPORT_ABI 1
#define TRANSPORT_SYMBOL "sgp32_transport"

/* The manager decides, the plugin never guesses. */
typedef enum TransportAccess {
	TRANSPORT_PROXY, /* through qmi-proxy or mbim-proxy, beside ModemManager */
	TRANSPORT_DIRECT, /* the port is ours alone */
} TransportAccess;

typedef enum TransportReset {
	TRANSPORT_RESET_CARD, /* power cycle of the SIM, or slot reset */
	TRANSPORT_RESET_MODEM,
} TransportReset;

typedef enum TransportEvent {
	TRANSPORT_CARD_GONE, /* the slot is empty now */
	TRANSPORT_CARD_CHANGED, /* a card was put in, or was reset: all channels are gone */
	TRANSPORT_REFRESH_STARTED,
	TRANSPORT_REFRESH_ENDED, /* all channels are gone */
	TRANSPORT_DEVICE_GONE, /* the last event of a device */
} TransportEvent;

/* One row of a match table; NULL members match anything. An entry with subsystem NULL ends the table. */
typedef struct TransportMatch {
	const char *subsystem; /* "usbmisc", "wwan", "tty", "pcsc", "qrtr" */
	const char *driver; /* of the parent interface: "qmi_wwan" */
	const char *port_type; /* sysfs attribute type of wwan ports: "QMI" */
} TransportMatch;

/* A port to open. All strings belong to the caller and live until open returns. */
typedef struct TransportPort {
	const char *node; /* "/dev/cdc-wdm0", "/dev/pts/3", "qrtr://0", a reader's name */
	const char *subsystem, *driver, *port_type; /* NULL if unknown */
	const char *proxy; /* abstract name of the proxy's socket, NULL: the library's default */
	/* A file of ours in the runtime directory, in which a plugin may note what a crash would leave
	 * behind (client ids, channels). NULL: there is none. */
	const char *crash_file;
	unsigned timeout; /* seconds for one APDU; 0: the plugin's default */
} TransportPort;

typedef enum TransportSlotState {
	TRANSPORT_SLOT_UNKNOWN, /* the device cannot tell: try */
	TRANSPORT_SLOT_EMPTY,
	TRANSPORT_SLOT_CARD,
	TRANSPORT_SLOT_ERROR,
} TransportSlotState;

typedef struct TransportSlot {
	unsigned number; /* physical, from 1: the name of the slot in all calls */
	unsigned logical; /* from 1, 0: not mapped (the card cannot be reached now) */
	TransportSlotState state;
	bool has_eid;
	uint8_t eid[16];
	uint8_t iccid[10]; /* of the enabled profile as the device knows it */
	bool has_iccid;
	uint8_t atr[33];
	size_t atr_size;
} TransportSlot;

typedef struct TransportFacts {
	char imei[17]; /* digits, "" if unknown */
	uint8_t plmn[3]; /* last PLMN as in TS 24.008 */
	bool has_plmn;
} TransportFacts;

/* Where events go; called on the thread of the device. slot 0: all of them. */
typedef struct TransportSink {
	void (*event)(void *user, unsigned slot, TransportEvent event);
	void *user;
} TransportSink;

typedef struct TransportPlugin {
	uint32_t abi; /* TRANSPORT_ABI */
	uint32_t size; /* sizeof(TransportPlugin) */
	const char *name; /* "qmi" */
	const char *description; /* one line */
	int priority; /* the higher one gets a device that several plugins match */
	const TransportMatch *matches;

	/* Opaque state of one opened device. NULL with error: NotFound (no such port), Busy (held by
	 * another program), Timeout (nobody answers), Failed. sink is copied. */
	void *(*open)(const TransportPort *port, TransportAccess access, const TransportSink *sink,
		GError **error);
	/* Last call; self is gone afterwards. Gives back clients and channels if the device is there. */
	void (*close)(void *self);
	/* Appends TransportSlot to slots. */
	bool (*slots)(void *self, GArray *slots, GError **error);
	/* A logical channel with that application selected. ret_select: the answer to SELECT with its
	 * status word, or NULL if the device hides it. NULL function: isdr.c sends MANAGE CHANNEL and
	 * SELECT itself. */
	bool (*open_channel)(void *self, unsigned slot, Span aid, unsigned *ret_channel,
		GBytes **ret_select, GError **error);
	/* The channel is in CLA already. ret: data and status word, at least two octets. Channel 0 is
	 * the basic channel. 61xx and 6Cxx are given as they come, or resolved. */
	bool (*transmit)(void *self, unsigned slot, unsigned channel, Span apdu, GBytes **ret,
		GError **error);
	bool (*close_channel)(void *self, unsigned slot, unsigned channel, GError **error);
	/* data: the template A9 {…} of TERMINAL CAPABILITY (TS 102 221 11.1.19). NULL: by APDU on the basic
	 * channel. */
	bool (*terminal_capability)(void *self, unsigned slot, Span data, GError **error);
	bool (*reset)(void *self, unsigned slot, TransportReset what, GError **error);
	bool (*facts)(void *self, TransportFacts *ret, GError **error);
	/* Sources of devices that udev does not know (PC/SC readers, QRTR nodes). Runs until stop_fd is
	 * readable; found() is called for each port that comes (true) or goes (false). */
	bool (*watch)(int stop_fd, void (*found)(void *user, const TransportPort *port, bool here),
		void *user, GError **error);
} TransportPlugin;
