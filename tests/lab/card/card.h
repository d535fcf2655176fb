/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside the software eUICC: its state, and what its files offer each other.
 *
 * Rule of writing: a function of ES10 changes the state in memory and calls euicc_touch(); es10_run()
 * writes it, once, before the answer leaves. What ends with another status word than 9000 changes nothing.
 */
#pragma once

#include "asn1/der.h"
#include "lab/card/euicc.h"
#include "lab/common/bsp.h"
#include "lab/common/cert.h"
#include "lab/common/crypto.h"

typedef uint16_t Sw;

#define SW_OK 0x9000
#define SW_NO_MEMORY 0x6a84
#define SW_WRONG_LENGTH 0x6700
#define SW_NO_CHANNEL 0x6881
#define SW_NO_SECURE_MESSAGING 0x6882
#define SW_SECURITY 0x6982
#define SW_CONDITIONS 0x6985
#define SW_NO_CURRENT_EF 0x6986
#define SW_WRONG_DATA 0x6a80
#define SW_NO_MORE_CHANNELS 0x6a81
#define SW_NOT_FOUND 0x6a82
#define SW_NO_RECORD 0x6a83
#define SW_WRONG_P1P2 0x6a86
#define SW_UNKNOWN_OBJECT 0x6a88
#define SW_WRONG_OFFSET 0x6b00
#define SW_UNKNOWN_INS 0x6d00
#define SW_UNKNOWN_CLA 0x6e00
#define SW_FAILURE 0x6f00

#define COUNTER_MAX 0x7fffff
#define REFRESH_UICC_RESET 0x04

/* ---- what survives: one JSON file ---- */
/* ICCIDs are text (digits). In references to a profile, NULL is "not set" and "" is "no profile". */
typedef struct Profile {
	char *iccid;
	int64_t isdp; /* octets 14 and 15 of the AID of the ISD-P */
	bool enabled;
	bool delete_pending; /* is deleted at the switch that waits */
	bool preloaded;
	char *nickname, *service_provider_name, *profile_name;
	int64_t icon_type; /* -1: none */
	GBytes *icon;
	int64_t profile_class;
	GBytes *notification_configuration; /* B6, whole */
	GBytes *owner; /* B7, whole */
	GBytes *dp_proprietary; /* B8, whole */
	GBytes *policy_rules; /* 99, whole */
	GBytes *service_data; /* BF22, whole */
	GBytes *iot_data; /* BF64, whole */
	int64_t ecall_indication, fallback_allowed; /* -1: absent, 0, 1 */
	bool fallback_attribute;
	GBytes *smdp_oid; /* who installed it; NULL: the factory */
	char *smdp_address;
	char *ci; /* name of the CI its notifications are signed under */
	GBytes *http_params;
	char *imsi;
	int64_t size; /* octets of profile elements */
	char *digest; /* SHA-256 of them, hex */
} Profile;

typedef struct Eim {
	char *id, *fqdn;
	int64_t id_type;
	int64_t counter;
	int64_t token; /* 0: none */
	GBytes *public_key; /* A5, whole */
	GBytes *tls; /* A6, whole */
	GBytes *protocol; /* 87, whole */
	GBytes *ci; /* key identifier */
	bool indirect;
	GBytes *proprietary; /* AA, whole */
} Eim;

/* Events as bits of the NotificationEvent: install, enable, disable, delete. */
enum { EVENT_INSTALL = 0, EVENT_ENABLE = 1, EVENT_DISABLE = 2, EVENT_DELETE = 3 };

typedef struct Notification {
	int64_t seq, event;
	char *address, *iccid; /* iccid NULL: unknown */
	GBytes *metadata; /* BF2F, whole */
	GBytes *whole; /* BF37 or 30 */
} Notification;

typedef struct Result {
	int64_t seq, counter;
	char *eim_id;
	GBytes *whole; /* BF51 */
} Result;

typedef struct OneTimeKey {
	GBytes *point; /* 04 x y */
	GBytes *number; /* private */
	int64_t brainpool;
	GBytes *smdp_oid;
} OneTimeKey;

typedef struct State {
	int64_t version;
	char *eid;
	/* What kind of card it is. */
	bool consumer, ipae;
	char *templates;
	GBytes *isdr_aid;
	GBytes *rat; /* content of the RulesAuthorisationTable */
	char *ci_names; /* "nist brainpool": in order of preference */
	int64_t max_profiles, max_eims, max_notifications, max_results, max_result_size, nvm;
	/* What it holds. */
	GPtrArray *profiles, *eims, *notifications, *results, *one_time_keys;
	int64_t seq; /* last number given to a notification or result */
	int64_t token; /* last association token given */
	int64_t isdp; /* last ISD-P made */
	char *smdp_address, *smds_address; /* smdp_address NULL: none */
	/* A switch that waits for the REFRESH; quiet: makes no notifications. */
	char *switch_to;
	bool switch_quiet;
	/* Permission of rollback (SGP.32 3.3.2). */
	bool rollback;
	char *rollback_to, *rollback_eim;
	int64_t rollback_counter, rollback_seq;
	int64_t rollback_first, rollback_last; /* notifications of the switch, first 0: none yet */
	GBytes *rollback_transaction;
	char *fallback_return; /* return reference */
	bool emergency;
	char *emergency_previous;
	bool immediate;
	GBytes *immediate_oid;
	char *immediate_address;
} State;

State *state_new(void);
void state_free(State *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(State, state_free)
void profile_free(Profile *profile);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Profile, profile_free)
void eim_free(Eim *eim);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Eim, eim_free)
Profile *profile_new(void);

/* secrets: with the private one-time keys. */
json_t *state_to_json(const State *state, bool secrets);
State *state_from_json(json_t *json, GError **error);
State *state_load(const char *dir, GError **error);

typedef enum WriteDeath { DIE_BEFORE, DIE_DURING, DIE_AFTER } WriteDeath;
/* New file, fsync, rename, fsync of the folder. die: end the process there; -1: do not. */
bool state_save(const State *state, const char *dir, int die, GError **error);

/* ---- keys of the card ---- */
typedef struct CiKey {
	char *name;
	X509 *ci, *eum, *euicc;
	EVP_PKEY *key;
	GBytes *id; /* subject key identifier of the CI */
	GBytes *eum_der, *euicc_der;
} CiKey;

void ci_key_free(CiKey *ci);
GPtrArray *keys_load(const char *dir, const char *names, GError **error);

/* ---- volatile parts ---- */
#define N_CHANNELS 20

typedef enum App { APP_NONE, APP_ISDR, APP_USIM } App;

typedef struct Channel {
	bool open;
	App app;
	unsigned df; /* current directory: file id, 0x7fff for the ADF */
	unsigned ef; /* current file, 0: none */
	GByteArray *chain; /* STORE DATA so far */
	unsigned next_block;
	GByteArray *answer; /* waits for GET RESPONSE */
	size_t answer_pos;
	bool es10_answer; /* the answer is one of ES10 */
} Channel;

/* A download between AuthenticateServer and its end. */
typedef struct Session {
	bool challenge_given, authenticated, prepared;
	uint8_t challenge[16];
	GBytes *transaction_id, *server_oid, *signature1;
	char *server_address;
	bool is_dp;
	CiKey *ci; /* borrowed */
	EVP_PKEY *dppb; /* public key of the DPpb certificate */
	EVP_PKEY *one_time;
	GBytes *one_time_point;
	/* The profile that was installed in this session, for ImmediateEnable. */
	char *installed;
	GBytes *installed_oid;
	char *installed_address;
} Session;

typedef struct Bpp Bpp;
typedef struct File File;

typedef struct CountSet {
	uint64_t apdus, command_octets, answer_octets;
} CountSet;

struct Euicc {
	char *dir;
	State *state;
	json_t *written; /* the state as it is on the disk */
	GPtrArray *keys; /* of CiKey, in order of preference */
	bool dirty, forgotten;
	unsigned writes, die_at;
	WriteDeath die_how;

	Channel channels[N_CHANNELS];
	GPtrArray *files; /* of File: of the enabled profile */
	bool refresh_pending, refresh_fetched, refresh_muted, cat_busy, terminal_profile;
	uint8_t refresh_qualifier; /* TS 102 223 8.6 */
	GBytes *terminal_capability;
	Session session;
	Bpp *bpp;
	bool vanished;
	int current_channel; /* of the command that runs */

	GArray *faults; /* of EuiccFault */
	CountSet isdr, other;
	GArray *commands; /* counts.c: every command with its sizes */
	GHashTable *tags; /* counts.c: sums by tag */
};

static inline void euicc_touch(Euicc *e)
{
	e->dirty = true;
}
bool euicc_commit(Euicc *e);
/* The state as it was last written. */
void euicc_revert(Euicc *e);

CiKey *euicc_ci_default(Euicc *e);
/* By identifier, which may be cut short; an empty one is the default. NULL: unknown. */
CiKey *euicc_ci_find(Euicc *e, Span id);
CiKey *euicc_ci_named(Euicc *e, const char *name);

/* ---- files.c ---- */
void files_reload(Euicc *e);
void files_free(GPtrArray *files);
Sw files_select(Euicc *e, Channel *channel, uint8_t p1, uint8_t p2, Span data, GByteArray *out);
/* READ/UPDATE BINARY and RECORD; le: 0 is 256, < 0 is absent. */
Sw files_access(Euicc *e, Channel *channel, uint8_t ins, uint8_t p1, uint8_t p2, Span data, int le,
	GByteArray *out);
Sw files_status(Euicc *e, Channel *channel, uint8_t p1, uint8_t p2, GByteArray *out);

/* ---- es10.c ---- */
/* One complete chain of STORE DATA. */
Sw es10_run(Euicc *e, Span command, GByteArray *out);
void counts_new(Euicc *e);
void counts_free(Euicc *e);
void counts_apdu(Euicc *e, bool isdr, size_t command, size_t answer);
void counts_es10(Euicc *e, uint32_t tag, size_t command, size_t answer);

/* One function: value of the request, out takes the whole answer. */
typedef Sw Es10Function(Euicc *e, Span value, GByteArray *out);
Es10Function es10_get_eid, es10_info1, es10_info2, es10_get_rat, es10_get_certs, es10_addresses,
	es10_set_default_dp_sgp22, es10_set_default_dp, es10_ipae_activation, es10_connectivity;
Es10Function es10_challenge, es10_authenticate_server, es10_prepare_download, es10_cancel_session;
Es10Function es10_list_notification, es10_retrieve_notifications, es10_remove_notification;
Es10Function es10_profiles_info, es10_enable, es10_disable, es10_delete, es10_nickname;
Es10Function es10_memory_reset, es10_memory_reset_sgp22, es10_rollback, es10_configure_immediate,
	es10_immediate_enable, es10_fallback, es10_return_fallback, es10_emergency_enable,
	es10_emergency_disable;
Es10Function es10_load_package, es10_add_initial_eim, es10_get_eim_configuration;

/* ---- helpers of encoding ---- */
/* tag { 80 rc } */
Sw answer_code(GByteArray *out, uint32_t tag, int64_t code);
/* tag { inner rc } */
Sw answer_code_as(GByteArray *out, uint32_t tag, uint32_t inner, int64_t code);
/* 30 of a certificate to another tag, 5F37 around 64 octets. */
void put_retagged(GByteArray *out, uint32_t tag, Span tlv);
void put_bits(GByteArray *out, uint32_t tag, unsigned bits);
/* Bits of a BIT STRING's value: bit n as 1 << n; at most 32. False if malformed. */
bool bits_read(Span value, uint32_t *ret);
bool integer_read(Span value, int64_t *ret);
/* Whole sequence of well-formed TLVs? */
bool tlvs_good(Span value);
/* UTF-8 without NUL, as the file of the state needs it; else NULL. */
char *text_read(Span value);
char *iccid_read(Span value);
void put_iccid(GByteArray *out, uint32_t tag, const char *iccid);

/* ---- profiles.c ---- */
Profile *profile_find(State *state, const char *iccid);
Profile *profile_enabled(State *state);
Profile *profile_fallback(State *state);
bool profile_has_rule(const Profile *profile, unsigned bit);
void profile_aid(const Profile *profile, uint8_t ret[16]);
/* BF2D of PSMO and ES10: criteria and tag list → answer. */
void profiles_list(Euicc *e, Span request, GByteArray *out);
void profile_delete(Euicc *e, Profile *profile);

/* ---- switch.c ---- */
bool cat_is_busy(const Euicc *e);
/* Marks the switch and raises the REFRESH (refresh), or does it at once. to: "" for none. */
void switch_start(Euicc *e, const char *to, bool refresh, bool quiet);
/* The switch that waits, if any; marks the state as changed. */
void switch_commit(Euicc *e);
void refresh_raise(Euicc *e);
void rollback_clear(State *state);
/* Content of BF59 and of the PSMO. False: malformed, nothing changed. */
bool immediate_configure(State *state, Span value);
void channels_close_others(Euicc *e, int keep);

/* ---- notifications.c ---- */
void notify_profile(Euicc *e, const Profile *profile, int event);
void notification_add(Euicc *e, Notification *notification);
GBytes *notification_metadata(int64_t seq, int event, const char *address, const char *iccid);
void notification_free(Notification *notification);
void result_free(Result *result);
int64_t result_add(
	Euicc *e, const Eim *eim, int64_t counter, Span transaction, Span results, GByteArray *out);

/* ---- eim.c ---- */
Eim *eim_find(State *state, const char *id);
/* One eCO; appends its result. 0, or the code that stops the list. */
int eco_run(Euicc *e, const Tlv *eco, GByteArray *out);
EVP_PKEY *eim_key(const Eim *eim);
/* 84 with the token, or 84 01 00. */
void put_token(GByteArray *out, const Eim *eim);
CiKey *eim_ci(Euicc *e, const Eim *eim);
Eim *eim_copy(const Eim *eim);

/* ---- info.c ---- */
/* BF5F's httpParams for an APN, NULL if it is none. */
GBytes *http_params_new(const char *apn);
void put_info2(Euicc *e, GByteArray *out);
int64_t free_memory(const Euicc *e);

/* ---- download.c, bpp.c ---- */
void session_clear(Session *session);
bool bpp_running(const Euicc *e);
/* Is that the next part of a running package? Else es10_run() breaks it off. */
bool bpp_wants(const Euicc *e, uint32_t tag);
Sw bpp_chain(Euicc *e, Span chain, GByteArray *out);
void bpp_interrupt(Euicc *e);
void bpp_free(Bpp *bpp);
