/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "polkit.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

/* What an unprivileged program can make us keep. */
#define PENDING_MAX 128
#define PENDING_PER_SENDER 8
#define ASK_TIMEOUT (30 * G_USEC_PER_SEC)
#define ASK_TIMEOUT_INTERACTIVE (300 * G_USEC_PER_SEC) /* a person types a password */

#define POLKIT_NAME "org.freedesktop.PolicyKit1"
#define POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"

#define PROPERTIES_INTERFACE "org.freedesktop.DBus.Properties"

#define ACTION_DOWNLOAD "org.sgp32.profile.download"
#define ACTION_POLL "org.sgp32.eim.poll"
#define ACTION_CONFIGURE "org.sgp32.eim.configure"
#define ACTION_NOTIFICATIONS "org.sgp32.notifications"
/* Not an action of polkit: only uid 0 and the daemon's own. */
#define PRIVILEGED ""
#define OPEN NULL

typedef const char *(*ActionOf)(const Job *job, uint32_t uid);

typedef struct GateRow {
	const char *interface, *member;
	const char *action; /* OPEN: everybody may */
	ActionOf action_of; /* of a job, and of who calls; in place of action */
	bool secret; /* its calls carry codes: they are wiped, allowed or not */
} GateRow;

static const char *action_of_cancel(const Job *job, uint32_t uid)
{
	static const char *const actions[JOB_N_OPERATIONS] = {
		[JOB_ATTACH] = ACTION_CONFIGURE,
		[JOB_REFRESH] = ACTION_POLL,
		[JOB_POLL] = ACTION_POLL,
		[JOB_DOWNLOAD] = ACTION_DOWNLOAD,
		[JOB_NOTIFICATIONS] = ACTION_NOTIFICATIONS,
		[JOB_RESCAN] = ACTION_POLL,
	};
	const char *action;

	if (job->initiator != JOB_BY_USER)
		return ACTION_CONFIGURE;
	if (job->uid == uid)
		return OPEN;
	action = (unsigned)job->operation < JOB_N_OPERATIONS ? actions[job->operation] : NULL;
	return action ? action : PRIVILEGED;
}

static const char *action_of_answer(const Job *job, uint32_t uid)
{
	return job->initiator == JOB_BY_USER && job->uid == uid ? OPEN : ACTION_DOWNLOAD;
}

/* Every method, and every property that can be written. */
static const GateRow rows[] = {
	{ SGP32_INTERFACE_MANAGER, "Rescan", ACTION_POLL },
	{ SGP32_INTERFACE_MANAGER, "FindEuicc", OPEN },
	{ SGP32_INTERFACE_MANAGER, "ParseActivationCode", OPEN, .secret = true },
	{ SGP32_INTERFACE_MANAGER, "Reload", ACTION_CONFIGURE },
	{ SGP32_INTERFACE_MANAGER, "GetHistory", OPEN },
	{ SGP32_INTERFACE_EUICC, "Refresh", ACTION_POLL },
	{ SGP32_INTERFACE_EUICC, "Download", ACTION_DOWNLOAD, .secret = true },
	{ SGP32_INTERFACE_EUICC, "ListNotifications", OPEN },
	{ SGP32_INTERFACE_EUICC, "ProcessNotifications", ACTION_NOTIFICATIONS },
	{ SGP32_INTERFACE_IPA, "Poll", ACTION_POLL },
	{ SGP32_INTERFACE_IPA, "PollingEnabled", ACTION_POLL },
	{ SGP32_INTERFACE_PROFILE, "GetIcon", OPEN },
	{ SGP32_INTERFACE_EIM, "Poll", ACTION_POLL },
	{ SGP32_INTERFACE_EIM, "Enabled", ACTION_CONFIGURE },
	{ SGP32_INTERFACE_JOB, "Cancel", .action_of = action_of_cancel },
	{ SGP32_INTERFACE_JOB, "Answer", .action_of = action_of_answer, .secret = true },
	{ SGP32_INTERFACE_JOB, "Wait", OPEN },
	{ LOG_CONTROL_INTERFACE, "LogLevel", PRIVILEGED },
	{ LOG_CONTROL_INTERFACE, "LogTarget", PRIVILEGED },
};

static const GateRow *row_find(const char *interface, const char *member)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		if (strcmp(rows[i].interface, interface) == 0 &&
			strcmp(rows[i].member, member) == 0)
			return &rows[i];
	return NULL;
}

bool gate_check_vtable(const char *interface, const sd_bus_vtable *vtable, GError **error)
{
	for (const sd_bus_vtable *v = vtable; v->type != _SD_BUS_VTABLE_END; v++) {
		const GateRow *row;
		const char *member = v->type == _SD_BUS_VTABLE_METHOD ? v->x.method.member
			: v->type == _SD_BUS_VTABLE_WRITABLE_PROPERTY ? v->x.property.member
								      : NULL;

		if (!member)
			continue;
		row = row_find(interface, member);
		if (!row)
			return sgp32_fail(error, SGP32_ERROR_FAILED,
				"%s.%s is not in the table of the gate", interface, member);
		/* Otherwise sd-bus asks for CAP_SYS_ADMIN before the gate's yes can count. */
		if (!(v->flags & SD_BUS_VTABLE_UNPRIVILEGED))
			return sgp32_fail(error, SGP32_ERROR_FAILED,
				"%s.%s is not marked unprivileged", interface, member);
		if (row->secret != !!(v->flags & SD_BUS_VTABLE_SENSITIVE))
			return sgp32_fail(error, SGP32_ERROR_FAILED,
				"%s.%s is a secret only in one of vtable and gate", interface,
				member);
	}
	return true;
}

/* A call that waits for polkit. Owned by the gate. */
typedef struct Pending {
	Gate *gate;
	sd_bus_message *call;
	sd_bus_slot *reply; /* of CheckAuthorization */
	sd_bus_track *track; /* of the caller */
	const char *action;
	char *cancellation_id;
	bool allowed; /* polkit said yes: the next time the filter sees it, it passes */
} Pending;

struct Gate {
	sd_bus *bus;
	Manager *manager;
	sd_bus_slot *filter;
	GHashTable *pending; /* sd_bus_message → Pending */
	uint64_t last_id;
};

static void pending_free(void *data)
{
	Pending *pending = data;

	sd_bus_slot_unref(pending->reply);
	sd_bus_track_unref(pending->track);
	sd_bus_message_unref(pending->call);
	g_free(pending->cancellation_id);
	g_free(pending);
}

static void pending_refuse(Pending *pending, bool challenge)
{
	g_auto(sd_bus_error) refusal = SD_BUS_ERROR_NULL;

	if (challenge && sd_bus_message_get_allow_interactive_authorization(pending->call) <= 0)
		sd_bus_error_setf(&refusal, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
			"“%s” needs a person who authorises it", pending->action);
	else
		reply_failure(&refusal, SGP32_ERROR_NOT_AUTHORIZED, "not authorised for “%s”",
			pending->action);
	sd_bus_reply_method_error(pending->call, &refusal);
}

static int on_answer(sd_bus_message *answer, void *userdata, sd_bus_error *error)
{
	Pending *pending = userdata;
	Gate *gate = pending->gate;
	int allowed = 0, challenge = 0;

	/* Whatever goes wrong with polkit is a no: it is not there, or does not know the action. */
	if (!sd_bus_message_is_method_error(answer, NULL) &&
		sd_bus_message_enter_container(answer, 'r', "bba{ss}") > 0)
		if (sd_bus_message_read(answer, "bb", &allowed, &challenge) < 0)
			allowed = challenge = 0;
	if (allowed) {
		pending->allowed = true;
		g_clear_pointer(&pending->track, sd_bus_track_unref);
		if (sd_bus_enqueue_for_read(gate->bus, pending->call) >= 0)
			return 0;
	}
	pending_refuse(pending, challenge);
	g_hash_table_remove(gate->pending, pending->call);
	return 0;
}

/* The caller left: nobody is to be asked any more. */
static int on_caller_gone(sd_bus_track *track, void *userdata)
{
	Pending *pending = userdata;
	Gate *gate = pending->gate;

	sd_bus_call_method_async(gate->bus, NULL, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE,
		"CancelCheckAuthorization", NULL, NULL, "s", pending->cancellation_id);
	g_hash_table_remove(gate->pending, pending->call);
	return 1; /* 0 would put the track back into its queue */
}

static int ask(Gate *gate, Pending *pending)
{
	g_autoptr(sd_bus_message) question = NULL;
	bool interactive = sd_bus_message_get_allow_interactive_authorization(pending->call) > 0;
	const char *sender = sd_bus_message_get_sender(pending->call);
	int r;

	r = sd_bus_track_new(gate->bus, &pending->track, on_caller_gone, pending);
	if (r >= 0)
		r = sd_bus_track_add_sender(pending->track, pending->call);
	if (r >= 0)
		r = sd_bus_message_new_method_call(gate->bus, &question, POLKIT_NAME, POLKIT_PATH,
			POLKIT_INTERFACE, "CheckAuthorization");
	if (r >= 0)
		r = sd_bus_message_append(question, "(sa{sv})sa{ss}us", "system-bus-name", 1,
			"name", "s", sender, pending->action, 0, interactive ? 1 : 0,
			pending->cancellation_id);
	if (r >= 0)
		r = sd_bus_call_async(gate->bus, &pending->reply, question, on_answer, pending,
			interactive ? ASK_TIMEOUT_INTERACTIVE : ASK_TIMEOUT);
	return r;
}

static bool too_many(const Gate *gate, const char *sender)
{
	GHashTableIter iter;
	void *value;
	unsigned own = 0;

	g_hash_table_iter_init(&iter, gate->pending);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		own += strcmp(sd_bus_message_get_sender(((Pending *)value)->call), sender) == 0;
	return own >= PENDING_PER_SENDER || g_hash_table_size(gate->pending) >= PENDING_MAX;
}

/* The row that guards a call. 0: none is needed, the objects will say what they think of it. */
static int row_of_call(sd_bus_message *call, const GateRow **ret_row, sd_bus_error *error)
{
	const char *interface = sd_bus_message_get_interface(call);
	const char *member = sd_bus_message_get_member(call);
	int r;

	/*
	 * D-Bus lets callers leave the interface out; what cannot be looked up cannot be allowed.
	 */
	if (!interface)
		return sd_bus_error_set(
			error, SD_BUS_ERROR_UNKNOWN_INTERFACE, "a call has to name its interface");
	if (strcmp(interface, PROPERTIES_INTERFACE) == 0) {
		if (strcmp(member, "Set") != 0)
			return 0;
		if (!sd_bus_message_has_signature(call, "ssv"))
			return 0;
		r = sd_bus_message_read(call, "ss", &interface, &member);
		if (r >= 0)
			r = sd_bus_message_rewind(call, true);
		if (r < 0)
			return r;
	}
	*ret_row = row_find(interface, member);
	return *ret_row ? 1 : 0;
}

static int filter(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	Gate *gate = userdata;
	Pending *pending;
	const GateRow *row = NULL;
	const char *action;
	const Job *job = NULL;
	uint32_t uid;
	int r;

	if (sd_bus_message_is_method_call(call, NULL, NULL) <= 0)
		return 0;
	pending = g_hash_table_lookup(gate->pending, call);
	if (pending) {
		bool allowed = pending->allowed;

		g_hash_table_remove(gate->pending, call);
		return allowed ? 0 : -EBADMSG;
	}
	r = row_of_call(call, &row, error);
	if (r <= 0)
		return r;
	/* The vtable says so, too, but a call that is refused never gets there. */
	if (row->secret)
		(void)sd_bus_message_sensitive(call);
	action = row->action;
	if (!row->action_of && action == OPEN)
		return 0;
	r = caller_uid(call, &uid);
	if (r < 0)
		return sd_bus_error_set_errnof(error, r, "cannot tell who calls");
	if (uid == 0 || uid == geteuid())
		return 0;
	if (row->action_of) {
		job = job_of_path(gate->manager, sd_bus_message_get_path(call));
		if (!job)
			return 0; /* the answer will be that there is none */
		action = row->action_of(job, uid);
		if (action == OPEN)
			return 0;
	}
	if (action[0] == '\0')
		return reply_failure(
			error, SGP32_ERROR_NOT_AUTHORIZED, "only root may set %s", row->member);
	if (too_many(gate, sd_bus_message_get_sender(call)))
		return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
			"too many calls wait for authorisation");

	pending = g_new0(Pending, 1);
	pending->gate = gate;
	pending->call = sd_bus_message_ref(call);
	pending->action = action;
	pending->cancellation_id = g_strdup_printf("sgp32-%" G_GUINT64_FORMAT, ++gate->last_id);
	r = ask(gate, pending);
	if (r < 0) {
		pending_free(pending);
		return sd_bus_error_set_errnof(error, r, "cannot ask polkit");
	}
	g_hash_table_insert(gate->pending, call, pending);
	return 1;
}

Gate *gate_new(sd_bus *bus, Manager *manager, GError **error)
{
	Gate *gate = g_new0(Gate, 1);
	int r;

	gate->bus = sd_bus_ref(bus);
	gate->manager = manager;
	gate->pending = g_hash_table_new_full(NULL, NULL, NULL, pending_free);
	r = sd_bus_add_filter(bus, &gate->filter, filter, gate);
	if (r < 0) {
		gate_free(gate);
		sgp32_fail(error, SGP32_ERROR_FAILED, "cannot guard the bus: %s", g_strerror(-r));
		return NULL;
	}
	return gate;
}

void gate_free(Gate *gate)
{
	GHashTableIter iter;
	void *value;

	if (!gate)
		return;
	sd_bus_slot_unref(gate->filter);
	g_hash_table_iter_init(&iter, gate->pending);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		pending_refuse(value, false);
	g_hash_table_unref(gate->pending);
	sd_bus_unref(gate->bus);
	g_free(gate);
}
