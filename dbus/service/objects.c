/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From paths to what they stand for, and back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

char *profile_path(const Euicc *euicc, const char *iccid)
{
	return g_strdup_printf("%s/profile/%s", euicc->path, iccid);
}

char *eim_path(const Euicc *euicc, const char *eim_id)
{
	g_autofree char *prefix = g_strdup_printf("%s/eim", euicc->path);
	char *encoded = NULL, *path;

	if (sd_bus_path_encode(prefix, eim_id, &encoded) < 0)
		g_error("out of memory"); /* the only failure; GLib itself does no other */
	path = g_strdup(encoded);
	free(encoded);
	return path;
}

bool euicc_has_ipa(const Euicc *euicc)
{
	EuiccKind kind = euicc->snapshot->kind;

	return kind == EUICC_IOT || kind == EUICC_IOT_EMULATED;
}

/* The eUICC of a path, and what of the path follows it: "" or "/profile/…". */
static const Euicc *euicc_of_path(const Manager *manager, const char *path, const char **ret_rest)
{
	char eid[33];

	if (!g_str_has_prefix(path, SGP32_PATH_EUICC "/"))
		return NULL;
	path += strlen(SGP32_PATH_EUICC "/");
	if (strnlen(path, 32) < 32 || (path[32] != '\0' && path[32] != '/'))
		return NULL;
	g_strlcpy(eid, path, sizeof(eid));
	*ret_rest = path + 32;
	return manager_euicc(manager, eid);
}

static Target *target_for(DbusService *service, const Euicc *euicc)
{
	service->target = (Target) {
		.service = service,
		.manager = service->manager,
		.euicc = euicc,
	};
	return &service->target;
}

int find_euicc(sd_bus *bus, const char *path, const char *interface, void *userdata,
	void **ret_found, sd_bus_error *error)
{
	DbusService *service = userdata;
	const char *rest;
	const Euicc *euicc = euicc_of_path(service->manager, path, &rest);

	if (!euicc || *rest)
		return 0;
	*ret_found = target_for(service, euicc);
	return 1;
}

int find_ipa(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found,
	sd_bus_error *error)
{
	DbusService *service = userdata;

	if (find_euicc(bus, path, interface, userdata, ret_found, error) == 0)
		return 0;
	return euicc_has_ipa(service->target.euicc);
}

int find_profile(sd_bus *bus, const char *path, const char *interface, void *userdata,
	void **ret_found, sd_bus_error *error)
{
	DbusService *service = userdata;
	const char *rest;
	const Euicc *euicc = euicc_of_path(service->manager, path, &rest);
	const CardProfile *profile;
	Target *target;

	if (!euicc || !g_str_has_prefix(rest, "/profile/"))
		return 0;
	profile = snapshot_profile(euicc->snapshot, rest + strlen("/profile/"));
	if (!profile)
		return 0;
	target = target_for(service, euicc);
	target->profile = profile;
	*ret_found = target;
	return 1;
}

int find_eim(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found,
	sd_bus_error *error)
{
	DbusService *service = userdata;
	const char *rest;
	const Euicc *euicc = euicc_of_path(service->manager, path, &rest);
	Target *target;

	if (!euicc || !g_str_has_prefix(rest, "/eim/"))
		return 0;
	for (unsigned i = 0; i < euicc->snapshot->eims->len; i++) {
		const CardEim *eim = g_ptr_array_index(euicc->snapshot->eims, i);
		g_autofree char *own = eim_path(euicc, eim->eim_id);

		if (strcmp(own, path) != 0)
			continue;
		target = target_for(service, euicc);
		target->eim = eim;
		for (unsigned k = 0; k < euicc->ipa->eims->len; k++) {
			const EimState *state = g_ptr_array_index(euicc->ipa->eims, k);

			if (strcmp(state->eim_id, eim->eim_id) == 0)
				target->eim_state = state;
		}
		*ret_found = target;
		return 1;
	}
	return 0;
}

const Job *job_of_path(const Manager *manager, const char *path)
{
	guint64 id;

	if (!g_str_has_prefix(path, SGP32_PATH_JOB "/"))
		return NULL;
	path += strlen(SGP32_PATH_JOB "/");
	/* One name for each job: no leading zeros. */
	if (*path == '0' || !g_ascii_string_to_unsigned(path, 10, 1, UINT32_MAX, &id, NULL))
		return NULL;
	return manager_job(manager, (uint32_t)id);
}

int find_job(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found,
	sd_bus_error *error)
{
	DbusService *service = userdata;
	const Job *job = job_of_path(service->manager, path);
	Target *target;

	if (!job)
		return 0;
	target = target_for(service, NULL);
	target->job = job;
	*ret_found = target;
	return 1;
}

/* sd-bus frees with free(), so no strings of GLib. */
static char **nodes_of(GPtrArray *paths)
{
	char **nodes = calloc(paths->len + 1, sizeof(char *));
	unsigned n = 0;

	for (unsigned i = 0; nodes && i < paths->len; i++) {
		const char *path = g_ptr_array_index(paths, i);

		/* A card with a nonsensical ICCID must not cost all others their objects. */
		if (sd_bus_object_path_is_valid(path))
			nodes[n++] = strdup(path);
	}
	return nodes;
}

int enumerate_euiccs(
	sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes, sd_bus_error *error)
{
	DbusService *service = userdata;
	const GPtrArray *euiccs = manager_euiccs(service->manager);
	g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);

	for (unsigned i = 0; i < euiccs->len; i++) {
		const Euicc *euicc = g_ptr_array_index(euiccs, i);
		const Snapshot *snapshot = euicc->snapshot;

		g_ptr_array_add(paths, g_strdup(euicc->path));
		for (unsigned k = 0; k < snapshot->profiles->len; k++) {
			const CardProfile *profile = g_ptr_array_index(snapshot->profiles, k);

			g_ptr_array_add(paths, profile_path(euicc, profile->iccid));
		}
		for (unsigned k = 0; k < snapshot->eims->len; k++) {
			const CardEim *eim = g_ptr_array_index(snapshot->eims, k);

			g_ptr_array_add(paths, eim_path(euicc, eim->eim_id));
		}
	}
	*ret_nodes = nodes_of(paths);
	return *ret_nodes ? 1 : -ENOMEM;
}

int enumerate_jobs(
	sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes, sd_bus_error *error)
{
	DbusService *service = userdata;
	const GPtrArray *jobs = manager_jobs(service->manager);
	g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);

	for (unsigned i = 0; i < jobs->len; i++)
		g_ptr_array_add(paths, g_strdup(((const Job *)g_ptr_array_index(jobs, i))->path));
	*ret_nodes = nodes_of(paths);
	return *ret_nodes ? 1 : -ENOMEM;
}
