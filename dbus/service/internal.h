/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of this folder share: one vtable file per interface, and service.c that registers
 * them.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "asn1/activation-code.h"
#include "errors.h"
#include "manager.h"
#include "names.h"
#include "polkit.h"
#include "service.h"

/*
 * What a find function found for one path: the userdata of every handler and getter. There is just
 * one, in the service: sd-bus calls the handler right after find, and nothing comes between.
 */
typedef struct Target {
	DbusService *service;
	Manager *manager;
	const Euicc *euicc; /* Euicc, Ipa, Profile, Eim */
	const CardProfile *profile; /* Profile */
	const CardEim *eim; /* Eim */
	const EimState *eim_state; /* Eim; NULL: the store knows nothing of it yet */
	const Job *job; /* Job */
} Target;

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus_message, sd_bus_message_unref)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(sd_bus_error, sd_bus_error_free)

typedef struct Waiters Waiters;

struct DbusService {
	sd_bus *bus;
	Manager *manager;
	Gate *gate;
	Waiters *waiters;
	DbusLogControl log_control;
	ManagerListener listener;
	GPtrArray *slots; /* of sd_bus_slot */
	Target target;
};

extern const sd_bus_vtable manager_vtable[];
extern const sd_bus_vtable euicc_vtable[];
extern const sd_bus_vtable ipa_vtable[];
extern const sd_bus_vtable profile_vtable[];
extern const sd_bus_vtable eim_vtable[];
extern const sd_bus_vtable job_vtable[];
extern const sd_bus_vtable log_control_vtable[]; /* userdata: DbusLogControl */

/* ---- paths (objects.c) ---- */
char *profile_path(const Euicc *euicc, const char *iccid);
char *eim_path(const Euicc *euicc, const char *eim_id);
bool euicc_has_ipa(const Euicc *euicc);
/* sd_bus_object_find_t, userdata is the service */
int find_euicc(sd_bus *bus, const char *path, const char *interface, void *userdata,
	void **ret_found, sd_bus_error *error);
int find_ipa(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found,
	sd_bus_error *error);
int find_profile(sd_bus *bus, const char *path, const char *interface, void *userdata,
	void **ret_found, sd_bus_error *error);
int find_eim(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found,
	sd_bus_error *error);
int find_job(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found,
	sd_bus_error *error);
/* sd_bus_node_enumerator_t, userdata is the service */
int enumerate_euiccs(
	sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes, sd_bus_error *error);
int enumerate_jobs(
	sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes, sd_bus_error *error);
/* NULL: no such job, or not the path of one. */
const Job *job_of_path(const Manager *manager, const char *path);

/* ---- signals (signals.c) ---- */
/* Tells the bus what the manager tells; user is the service. */
extern const ManagerListener service_listener;

/* ---- callers of Wait (waiters.c) ---- */
Waiters *waiters_new(void);
/* Answers everyone with Cancelled. */
void waiters_free(Waiters *waiters);
/*
 * Keeps the call until the job ends, or its caller leaves. Negative errno with error set: too
 * many.
 */
int waiters_add(Waiters *waiters, uint32_t id, sd_bus_message *call, sd_bus_error *error);
void waiters_complete(Waiters *waiters, const Job *job);
/* The reply to Wait. (job.c) */
int job_reply_end(sd_bus_message *call, const Job *job);

/* ---- small helpers (values.c) ---- */
/* Sets the D-Bus error that stands for an error of ours; returns its negative errno. */
int reply_error(sd_bus_error *ret, const GError *error);
int reply_failure(sd_bus_error *ret, Sgp32Error code, const char *format, ...) G_GNUC_PRINTF(3, 4);
/*
 * A text that may be said on the bus: NULL becomes "", and what is not UTF-8 is replaced. The bus
 * throws out who sends it anything else, and cards and servers may put anything into a name.
 */
char *bus_text(const char *text);
/* "" if there is no error. */
const char *error_bus_name(const GError *error);
/* Who calls. Negative errno on failure. */
int caller_uid(sd_bus_message *call, uint32_t *ret_uid);
/* Any GVariant whose type D-Bus knows. */
int message_append_variant(sd_bus_message *message, GVariant *value);
/* Appends one entry of a{sv}. A text goes through bus_text(). */
int message_append_entry(sd_bus_message *message, const char *key, const char *type, ...);
int message_append_text_entry(sd_bus_message *message, const char *key, const char *text);

/* One key of options a{sv}. */
typedef struct Option {
	const char *key;
	char type; /* 'b' into bool, 's' into const char * (borrowed from the message) */
	void *ret;
	bool *ret_given; /* NULL: nobody asks */
} Option;

/* Reads a{sv}. The table ends with key NULL. Errors: UnknownOption, InvalidArgument. */
int message_read_options(sd_bus_message *message, const Option *options, sd_bus_error *error);
/* Queues a job and replies with its path. request is taken. */
int submit_and_reply(
	sd_bus_message *call, const Target *target, JobRequest *request, sd_bus_error *error);
/* The same without an eUICC. */
int submit_for_none_and_reply(
	sd_bus_message *call, Manager *manager, JobRequest *request, sd_bus_error *error);

/* A getter whose value is one basic type. */
#define GETTER(name, signature, expression)                                                        \
	static int name(sd_bus *bus, const char *path, const char *interface,                      \
		const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *error)  \
	{                                                                                          \
		const Target *target = userdata;                                                   \
                                                                                                   \
		return sd_bus_message_append(reply, signature, expression);                        \
	}
#define GETTER_TEXT(name, expression)                                                              \
	static int name(sd_bus *bus, const char *path, const char *interface,                      \
		const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *error)  \
	{                                                                                          \
		const Target *target = userdata;                                                   \
		g_autofree char *text = bus_text(expression);                                      \
                                                                                                   \
		return sd_bus_message_append(reply, "s", text);                                    \
	}
#define GETTER_STRINGS(name, expression)                                                           \
	static int name(sd_bus *bus, const char *path, const char *interface,                      \
		const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *error)  \
	{                                                                                          \
		const Target *target = userdata;                                                   \
                                                                                                   \
		return sd_bus_message_append_strv(reply, (char **)(expression));                   \
	}
/* Flags of our members: who may do what is the gate's business, not sd-bus'. */
#define CONSTANT SD_BUS_VTABLE_PROPERTY_CONST
#define CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define CHANGES_WRITABLE (CHANGES | SD_BUS_VTABLE_UNPRIVILEGED)
#define INVALIDATED SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION
#define METHOD SD_BUS_VTABLE_UNPRIVILEGED
#define METHOD_SECRET (METHOD | SD_BUS_VTABLE_SENSITIVE) /* its messages are wiped */
