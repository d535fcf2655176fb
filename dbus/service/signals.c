/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the manager tells, as signals. A signal that cannot be queued is lost, as the connection
 * is then.
 */
#include "internal.h"

static void emit_changed(
	DbusService *service, const char *path, const char *interface, const char *const *names)
{
	int r = 0;

	if (names && names[0])
		r = sd_bus_emit_properties_changed_strv(
			service->bus, path, interface, (char **)names);
	/* A name that the interface lacks is a mistake of ours. */
	if (r < 0)
		g_warning("No change signal for %s of %s: %s", names[0], path, g_strerror(-r));
}

/* The interfaces that sd-bus gives every object are told as well, as GetManagedObjects does. */
static void emit_removed(DbusService *service, const char *path, const char *interface, bool ipa)
{
	const char *interfaces[] = {
		interface,
		"org.freedesktop.DBus.Peer",
		"org.freedesktop.DBus.Introspectable",
		"org.freedesktop.DBus.Properties",
		ipa ? SGP32_INTERFACE_IPA : NULL,
		NULL,
	};

	(void)sd_bus_emit_interfaces_removed_strv(service->bus, path, (char **)interfaces);
}

static void on_profile_added(void *user, const Euicc *euicc, const CardProfile *profile)
{
	DbusService *service = user;
	g_autofree char *path = profile_path(euicc, profile->iccid);

	(void)sd_bus_emit_object_added(service->bus, path);
}

static void on_profile_removed(void *user, const Euicc *euicc, const char *iccid)
{
	g_autofree char *path = profile_path(euicc, iccid);

	emit_removed(user, path, SGP32_INTERFACE_PROFILE, false);
}

static void on_profile_changed(
	void *user, const Euicc *euicc, const CardProfile *profile, const char *const *names)
{
	g_autofree char *path = profile_path(euicc, profile->iccid);

	emit_changed(user, path, SGP32_INTERFACE_PROFILE, names);
}

static void on_eim_added(void *user, const Euicc *euicc, const CardEim *eim)
{
	DbusService *service = user;
	g_autofree char *path = eim_path(euicc, eim->eim_id);

	(void)sd_bus_emit_object_added(service->bus, path);
}

static void on_eim_removed(void *user, const Euicc *euicc, const char *eim_id)
{
	g_autofree char *path = eim_path(euicc, eim_id);

	emit_removed(user, path, SGP32_INTERFACE_EIM, false);
}

static void on_eim_changed(
	void *user, const Euicc *euicc, const CardEim *eim, const char *const *names)
{
	g_autofree char *path = eim_path(euicc, eim->eim_id);

	emit_changed(user, path, SGP32_INTERFACE_EIM, names);
}

static void on_euicc_added(void *user, const Euicc *euicc)
{
	DbusService *service = user;

	(void)sd_bus_emit_object_added(service->bus, euicc->path);
	for (unsigned i = 0; i < euicc->snapshot->profiles->len; i++)
		on_profile_added(user, euicc, g_ptr_array_index(euicc->snapshot->profiles, i));
	for (unsigned i = 0; i < euicc->snapshot->eims->len; i++)
		on_eim_added(user, euicc, g_ptr_array_index(euicc->snapshot->eims, i));
}

static void on_euicc_removed(void *user, const Euicc *euicc)
{
	for (unsigned i = 0; i < euicc->snapshot->eims->len; i++) {
		const CardEim *eim = g_ptr_array_index(euicc->snapshot->eims, i);

		on_eim_removed(user, euicc, eim->eim_id);
	}
	for (unsigned i = 0; i < euicc->snapshot->profiles->len; i++) {
		const CardProfile *profile = g_ptr_array_index(euicc->snapshot->profiles, i);

		on_profile_removed(user, euicc, profile->iccid);
	}
	emit_removed(user, euicc->path, SGP32_INTERFACE_EUICC, euicc_has_ipa(euicc));
}

static void on_euicc_changed(
	void *user, const Euicc *euicc, const char *interface, const char *const *names)
{
	emit_changed(user, euicc->path, interface, names);
}

static void on_job_added(void *user, const Job *job)
{
	DbusService *service = user;

	(void)sd_bus_emit_object_added(service->bus, job->path);
	(void)sd_bus_emit_signal(service->bus, SGP32_PATH_ROOT, SGP32_INTERFACE_MANAGER, "JobNew",
		"uo", job->id, job->path);
}

static void on_job_changed(void *user, const Job *job, const char *const *names)
{
	emit_changed(user, job->path, SGP32_INTERFACE_JOB, names);
}

static void on_job_completed(void *user, const Job *job)
{
	DbusService *service = user;
	const char *error = error_bus_name(job->error);
	g_autofree char *text = bus_text(job->error ? job->error->message : NULL);

	(void)sd_bus_emit_signal(service->bus, job->path, SGP32_INTERFACE_JOB, "Completed", "sss",
		job_result_text(job), error, text);
	(void)sd_bus_emit_signal(service->bus, SGP32_PATH_ROOT, SGP32_INTERFACE_MANAGER,
		"JobRemoved", "uoss", job->id, job->path, job_result_text(job), error);
	waiters_complete(service->waiters, job);
}

static void on_job_removed(void *user, const Job *job)
{
	emit_removed(user, job->path, SGP32_INTERFACE_JOB, false);
}

static void on_manager_changed(void *user, const char *const *names)
{
	emit_changed(user, SGP32_PATH_ROOT, SGP32_INTERFACE_MANAGER, names);
}

const ManagerListener service_listener = {
	.euicc_added = on_euicc_added,
	.euicc_removed = on_euicc_removed,
	.euicc_changed = on_euicc_changed,
	.profile_added = on_profile_added,
	.profile_removed = on_profile_removed,
	.profile_changed = on_profile_changed,
	.eim_added = on_eim_added,
	.eim_removed = on_eim_removed,
	.eim_changed = on_eim_changed,
	.job_added = on_job_added,
	.job_changed = on_job_changed,
	.job_completed = on_job_completed,
	.job_removed = on_job_removed,
	.manager_changed = on_manager_changed,
};
