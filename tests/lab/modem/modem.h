/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The modem of the lab: a card behind it, hosts that speak QMI in front of it. All of this runs on the
 * main thread; the card has a thread of its own (card-link.h).
 */
#pragma once

#include <gio/gio.h>
#include <jansson.h>

#include "card-link.h"
#include "qmux.h"

typedef struct Modem Modem;

typedef struct ModemOptions {
	char *state_dir, *pty, *proxy, *card, *control, *link_hook, *imei;
	int attach_ms, boot_ms, card_timeout_ms, refresh_ms;
	gboolean no_eid, no_proxy, long_answers, broadcast;
} ModemOptions;

/* ---- ports.c: where hosts are connected ---- */
typedef enum PortKind {
	PORT_PTY,
	PORT_PROXY, /* one connection of the proxy socket */
} PortKind;

typedef struct Port {
	Modem *modem;
	PortKind kind;
	unsigned id; /* never used again */
	int fd;
	bool ready; /* PTY: some host has it open; proxy: the host named its device */
	GByteArray *in, *out;
	guint in_source, out_source;
} Port;

typedef struct Ports Ports;

Ports *ports_new(Modem *modem);
void ports_free(Ports *ports);
/* Makes the PTY and its link, and listens; takes both away and hangs up. */
bool ports_open(Ports *ports, GError **error) SGP32_CHECK;
void ports_close(Ports *ports);
Port *ports_find(Ports *ports, unsigned id);
/* Sends a frame, which is owned; dropped if nobody is there. */
void port_send(Port *port, GByteArray *frame);
void ports_each(Ports *ports, void (*what)(Port *port, void *user), void *user);
/* Frees the port after the current event. */
void port_hang_up(Port *port);

/* ---- qmi.c: client ids, requests and answers ---- */
typedef struct Client {
	uint8_t service, cid;
	unsigned port; /* where its indications go; 0: nobody's until it speaks again */
	uint32_t uim_events; /* mask of UIM 002E */
	bool uim_refresh, uim_refresh_busy; /* registered; between START and its refresh-complete */
	uint8_t uim_session; /* of the registration for REFRESH */
	bool nas_serving, nas_system, wds_status;
	bool wds_call; /* holds a data call */
} Client;

/* One request on its way. Answered exactly once by qmi_answer() or qmi_fail(), which free it. */
typedef struct Request {
	Modem *modem;
	unsigned port;
	uint8_t service, cid;
	uint16_t transaction, id;
	bool mute; /* the answer gets lost */
	GBytes *raw; /* the TLVs */
	Span tlvs;
} Request;

typedef void (*QmiHandler)(Modem *modem, Client *client, Request *request);

typedef struct QmiEntry {
	uint16_t id;
	QmiHandler handler;
} QmiEntry;

typedef struct QmiServiceTable {
	uint8_t service;
	uint16_t major, minor;
	const QmiEntry *entries; /* ends with handler NULL */
} QmiServiceTable;

extern const QmiServiceTable wds_service, dms_service, nas_service, uim_service, wda_service;

void qmi_received(Port *port, Span frame);
/* TLVs (owned, NULL: none) follow the result. */
void qmi_answer(Request *request, GByteArray *tlvs);
void qmi_fail(Request *request, QmiError error, GByteArray *tlvs);
void request_free(Request *request);
/* A frame on its way out: later with `delay`, never during `hang`. */
void qmi_send(Modem *modem, unsigned port, const QmiMessage *message);
/* Indications; tlvs stay the caller's. */
void qmi_indicate(Modem *modem, const Client *client, uint16_t id, Span tlvs);
/* The service of a client, to all for whom wants() is true; one broadcast with --broadcast. */
void qmi_indicate_if(
	Modem *modem, uint8_t service, bool (*wants)(const Client *client), uint16_t id, Span tlvs);
void qmi_forget_clients(Modem *modem);
/* A host went away: its clients stay, as they do in a modem. */
void qmi_port_gone(Modem *modem, unsigned port);
void ctl_received(Modem *modem, Port *port, const QmiMessage *message);
Client *qmi_client_find(Modem *modem, uint8_t service, uint8_t cid);
const QmiServiceTable *const *qmi_services(void);
/* Messages that any service has. */
void qmi_client_reset(Modem *modem, Client *client, Request *request);
void qmi_supported_messages(Modem *modem, Client *client, Request *request);
#define QMI_COMMON_ENTRIES                                                                         \
	{ 0x0000, qmi_client_reset },                                                              \
	{                                                                                          \
		0x001e, qmi_supported_messages                                                     \
	}

/* ---- uim.c ---- */
void uim_card_changed(Modem *modem, const CardState *before);
void uim_refresh(Modem *modem, uint8_t stage, uint8_t mode);
void uim_job_done(Modem *modem, CardJob *job);
/* Tells the card thread whether a host listens to REFRESH. */
void uim_listeners_changed(Modem *modem);

/* ---- uim-file.c ---- */
void uim_read_transparent(Modem *modem, Client *client, Request *request);
void uim_read_record(Modem *modem, Client *client, Request *request);
void uim_file_attributes(Modem *modem, Client *client, Request *request);
/* The TLVs of an answer to one of these. */
GByteArray *uim_file_tlvs(const CardJob *job);

/* ---- dms.c, nas.c, wds.c ---- */
typedef enum OperatingMode {
	MODE_ONLINE = 0,
	MODE_LOW_POWER = 1,
	MODE_FACTORY_TEST = 2,
	MODE_OFFLINE = 3,
	MODE_RESET = 4,
	MODE_SHUTTING_DOWN = 5,
	MODE_PERSISTENT_LOW_POWER = 6,
} OperatingMode;

void nas_changed(Modem *modem);
void wds_changed(Modem *modem);
/* "001", "01" of the IMSI in the card; false without one. */
bool nas_plmn(const Modem *modem, char ret_mcc[4], char ret_mnc[4]);

/* ---- radio.c: what the enabled profile gets ---- */
typedef enum RadioState {
	RADIO_COVERED,
	RADIO_NO_REGISTRATION,
	RADIO_NO_DATA,
	RADIO_NO_EIM,
} RadioState;

typedef enum LinkState {
	LINK_DOWN,
	LINK_UP,
	LINK_NO_EIM,
} LinkState;

typedef struct Radio {
	GHashTable *states; /* ICCID → RadioState */
	RadioState fallback;
	bool attached; /* the delay is over */
	bool registered;
	LinkState wanted, applied;
	bool known; /* applied says something */
	bool hook_failed;
	GPid hook; /* 0: none runs */
	guint timer;
} Radio;

void radio_init(Modem *modem);
void radio_clear(Modem *modem);
/* The card or the modem started again, or the operating mode changed: down, and up after the delay. */
void radio_restart(Modem *modem);
/* iccid NULL: of all that are not named. */
void radio_set(Modem *modem, const char *iccid, RadioState state);
RadioState radio_now(const Modem *modem);
bool radio_state_parse(const char *text, RadioState *ret);
const char *radio_state_name(RadioState state);
const char *link_state_name(LinkState state);

/* ---- verbs.c ---- */
typedef struct Fault {
	uint8_t service;
	uint16_t id;
	bool mute; /* else: error */
	uint16_t error;
	unsigned times; /* 0: for ever */
} Fault;

typedef struct Faults {
	GArray *list; /* Fault */
	gint64 hang_until; /* µs of the monotonic clock; 0: not, G_MAXINT64: for ever */
	unsigned delay_ms;
} Faults;

bool verbs_listen(Modem *modem, GError **error) SGP32_CHECK;
void verbs_close(Modem *modem);
/* True if nothing at all is said now. */
bool faults_hang(Modem *modem);
/* The fault for that message, used once; NULL: none. */
const Fault *faults_take(Modem *modem, uint8_t service, uint16_t id);

/* ---- main.c ---- */
struct Modem {
	ModemOptions options;
	GMainLoop *loop;
	Ports *ports;
	GPtrArray *clients;
	CardLink *link;
	PostBox *notes;
	CardState card;
	Radio radio;
	Faults faults;
	OperatingMode mode;
	bool here; /* the device is on the bus */
	guint boot; /* timer */
	GHashTable *counts; /* service << 16 | message → number */
	unsigned resets;
	uint32_t token; /* of long answers */
	void *verbs;
};

/* The device goes, and comes again after the time of a start. */
void modem_reset(Modem *modem);
void modem_drop(Modem *modem);
void modem_plug(Modem *modem);
