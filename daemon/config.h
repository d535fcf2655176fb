/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /etc/sgp32: sgp32.conf with its drop-ins sgp32.conf.d/, eim.d/, ci.d/. GKeyFile syntax.
 */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

typedef enum ConfigAccess {
	CONFIG_SHARE, /* through the proxy, beside ModemManager: the default */
	CONFIG_INHIBIT,
	CONFIG_IGNORE, /* ModemManager does not see this device: direct access */
} ConfigAccess;

/* A [Device NAME] section: a device given by hand (containers without udev), or settings for one that
 * hot-plug finds at that node. */
typedef struct ConfigDevice {
	char *name;
	char *node; /* Node=/dev/cdc-wdm0 */
	char *plugin; /* Plugin=qmi; NULL: by match */
	char *proxy; /* Proxy=NAME: abstract socket; NULL: the library's default */
	ConfigAccess access; /* ModemManager=share|inhibit|ignore */
	char *interface; /* Interface=wwan0: network interface of its bearer; NULL: unknown */
} ConfigDevice;

/* A file of eim.d: [Match] Eid= | EidPrefix= | Slot=, [Eim] File= or inline DER in hex Data=. */
typedef struct ConfigEim {
	char *file; /* for messages */
	char *eid_prefix; /* digits; a whole EID is a prefix of 32 */
	char *slot; /* "NAME" or "NAME:1" of a device section or node; NULL */
	GBytes *entries; /* one or more EimConfigurationData TLVs, 30… 30… */
} ConfigEim;

/* [Eim ID] in sgp32.conf: what a peer needs that deviates. */
typedef struct ConfigPeer {
	char *eim_id;
	char *address; /* Address=host[:port] in place of the card's; NULL */
	char *path; /* Path=; NULL: that of the specification */
	char *content_type; /* NULL */
	unsigned interval; /* PollInterval= seconds; 0: the general one */
	unsigned packages; /* PackagesPerPoll=; 0: the general one */
} ConfigPeer;

typedef struct Config {
	char *config_dir, *state_dir, *runtime_dir, *plugin_dir;
	bool use_udev;
	/* [General] */
	bool full_identifiers; /* Identifiers=full|masked */
	unsigned job_linger; /* JobLinger= seconds, 30 */
	unsigned absent_grace; /* AbsentGrace= seconds, 120 */
	/* [Card] */
	GPtrArray *isdr_aids; /* IsdrAids= hex;hex: of GBytes, never empty */
	unsigned channel_idle; /* ChannelIdle= seconds, 5 */
	GBytes *terminal_capability; /* TerminalCapability=ipad|lpad|HEX: the A9 template; empty: none */
	unsigned apdu_timeout; /* ApduTimeout= seconds, 30 */
	/* [Poll] */
	unsigned poll_interval; /* Interval= seconds, 3600 */
	unsigned poll_jitter; /* Jitter= seconds, 60 */
	unsigned backoff_min, backoff_max; /* BackOff=60, BackOffMax=86400 */
	unsigned packages_per_poll; /* PackagesPerPoll=32 */
	/* [Network] */
	bool verify_over_bearer; /* VerifyOver=bearer|any */
	unsigned connect_timeout, total_timeout; /* seconds */
	char *es9_user_agent; /* Es9UserAgent=; "": the default */
	/* [Download] */
	bool consent; /* Consent=yes: an operator's consent to policy rules that ask for it */
	/* [Switch] */
	unsigned
		refresh_timeout; /* RefreshTimeout= seconds until the card's REFRESH is given up, 10 */
	unsigned online_timeout; /* OnlineTimeout= seconds for a data session after a switch, 300 */
	unsigned delivery_tries; /* DeliveryTries=3 */
	GPtrArray *devices; /* of ConfigDevice */
	GPtrArray *eims; /* of ConfigEim */
	GPtrArray *peers; /* of ConfigPeer */
} Config;

/* A missing folder or file is the default; a wrong line is InvalidArgument naming file, section and key. */
Config *config_load(const char *config_dir, GError **error) SGP32_CHECK;
/* Deep copy, for workers. */
Config *config_copy(const Config *config);
void config_free(Config *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Config, config_free)

const ConfigPeer *config_peer(const Config *config, const char *eim_id); /* NULL: none */
const ConfigDevice *config_device(const Config *config, const char *node); /* NULL: none */
