/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All that was read from one card, as one value. The worker owns one and keeps it true; copies go to the
 * main thread. Text members are never NULL unless it is said; absent = "".
 */
#pragma once

#include "base/bytes.h"

typedef enum EuiccKind {
	EUICC_IOT, /* SGP.32 */
	EUICC_CONSUMER, /* SGP.22 */
	EUICC_IOT_EMULATED, /* SGP.22 card, SGP.32 functions done by this daemon */
	EUICC_M2M, /* seen, not managed */
} EuiccKind;

const char *euicc_kind_text(EuiccKind kind); /* "iot", "consumer", "iot-emulated", "m2m" */

typedef enum ProfileClass {
	PROFILE_TEST = 0, /* numbers of SGP.22 ProfileClass */
	PROFILE_PROVISIONING = 1,
	PROFILE_OPERATIONAL = 2,
} ProfileClass;

const char *profile_class_text(ProfileClass class); /* "test", "provisioning", "operational" */

typedef struct CardProfile {
	char *iccid; /* digits: the key */
	char *isdp_aid; /* hex */
	bool enabled;
	ProfileClass class;
	char *nickname, *service_provider, *name;
	char *owner_mccmnc, *owner_gid1, *owner_gid2; /* hex, as the card gives them */
	unsigned policy_rules; /* bits PPR_… of asn1/rsp.h: 0 update control, 1 PPR1, 2 PPR2 */
	bool fallback, fallback_allowed, emergency;
	char *icon_mime; /* "image/png", "image/jpeg", "" */
	GBytes *icon; /* NULL: none, or not read yet */
	char *smdp_address; /* "" where this daemon did not see the download */
} CardProfile;

typedef struct CardEim {
	char *eim_id; /* the key */
	char *fqdn; /* "" if the card has none; may hold :port */
	int id_type; /* eimIdType 1 oid, 2 fqdn, 3 proprietary */
	unsigned protocols; /* eimSupportedProtocol bits */
	bool has_token;
	int64_t association_token;
	bool indirect_download;
	char *trust; /* "pinned-key", "certificate", "ca", "system" */
	GBytes *entry; /* the EimConfigurationData as the card gave it */
} CardEim;

typedef struct CardNotification {
	int64_t seq; /* the key */
	char *operation; /* "install", "enable", "disable", "delete" */
	char *address; /* of the receiver */
	char *iccid; /* "" if unknown */
	GBytes *pending; /* the PendingNotification TLV; NULL if only its metadata were read */
} CardNotification;

typedef struct Snapshot {
	uint8_t eid[16];
	char *eid_text; /* 32 digits */
	EuiccKind kind;
	char *profile_version, *svn_version, *firmware_version; /* "2.3.1" */
	char **capabilities; /* stable identifiers, sorted */
	char **ci_pk_ids; /* hex, signing list, in order of preference */
	char **spec_versions; /* of iotSpecificInfo: "1.2.0" */
	uint64_t free_memory; /* octets of non-volatile memory */
	char *default_smdp, *root_smds; /* FQDN */
	GBytes *euicc_info1, *euicc_info2; /* BF20…, BF22… as read */
	GPtrArray *profiles; /* of CardProfile, order of the card */
	GPtrArray *eims; /* of CardEim, order of the card */
	GPtrArray *notifications; /* of CardNotification, rising seq */
	unsigned results; /* eUICC Package Results that the card keeps */
	/* false: that list is out of date and is read again before it is used */
	bool profiles_known, eims_known, notifications_known, results_known, configured_known;
} Snapshot;

Snapshot *snapshot_new(void);
/* Deep: shares nothing with the original. */
Snapshot *snapshot_copy(const Snapshot *snapshot);
void snapshot_free(Snapshot *snapshot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Snapshot, snapshot_free)

CardProfile *card_profile_new(void);
void card_profile_free(CardProfile *profile);
CardEim *card_eim_new(void);
void card_eim_free(CardEim *eim);
CardNotification *card_notification_new(void);
void card_notification_free(CardNotification *notification);

CardProfile *snapshot_profile(const Snapshot *snapshot, const char *iccid); /* NULL: none */
CardProfile *snapshot_enabled_profile(const Snapshot *snapshot); /* NULL: none */
CardEim *snapshot_eim(const Snapshot *snapshot, const char *eim_id); /* NULL: none */
