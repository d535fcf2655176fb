/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/store.h"

#include <errno.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "base/clock.h"

#define SCHEMA_VERSION 1
#define BUSY_MS 5000

struct Store {
	sqlite3 *db;
};

static const char schema[] =
	"CREATE TABLE package (eid TEXT PRIMARY KEY, eim_id TEXT NOT NULL, counter INTEGER NOT NULL,"
	"  phase INTEGER NOT NULL, rollback INTEGER NOT NULL, switches INTEGER NOT NULL,"
	"  request BLOB NOT NULL, answer BLOB, since INTEGER NOT NULL);"
	"CREATE TABLE download_trigger (id INTEGER PRIMARY KEY, eid TEXT NOT NULL, eim_id TEXT NOT NULL,"
	"  eim_transaction BLOB, rsp_transaction BLOB, result BLOB);"
	"CREATE TABLE eim (eid TEXT NOT NULL, eim_id TEXT NOT NULL, last_poll INTEGER NOT NULL,"
	"  next_poll INTEGER NOT NULL, last_result TEXT NOT NULL, failures INTEGER NOT NULL,"
	"  enabled INTEGER NOT NULL, state_change INTEGER NOT NULL, PRIMARY KEY (eid, eim_id));"
	"CREATE TABLE notification (eid TEXT NOT NULL, seq INTEGER NOT NULL, attempts INTEGER NOT NULL,"
	"  next_try INTEGER NOT NULL, last_error TEXT NOT NULL, PRIMARY KEY (eid, seq));"
	"CREATE TABLE card (eid TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,"
	"  PRIMARY KEY (eid, name));"
	"CREATE TABLE history (id INTEGER PRIMARY KEY, eid TEXT NOT NULL, operation TEXT NOT NULL,"
	"  initiator TEXT NOT NULL, result TEXT NOT NULL, error TEXT NOT NULL, message TEXT NOT NULL,"
	"  details TEXT NOT NULL, start_time INTEGER NOT NULL, end_time INTEGER NOT NULL);"
	"CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL);";

static bool fail_sqlite(Store *store, int code, const char *what, GError **error)
{
	const char *hint;

	sgp32_fail(error, SGP32_ERROR_STORE_UNAVAILABLE, "%s: %s", what,
		store->db ? sqlite3_errmsg(store->db) : sqlite3_errstr(code));
	switch (code & 0xff) {
	case SQLITE_FULL: hint = "Free some space in the state folder."; break;
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM: hint = "Make the state folder writable for the daemon."; break;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		hint = "Stop the daemon, move store.db out of the state folder and start it again: the cards "
		       "keep profiles, eIMs and results; schedule and history begin anew.";
		break;
	default: hint = "Look at the state folder and its file system."; break;
	}
	if (error)
		sgp32_error_set_hint(*error, hint);
	return false;
}

/* A prepared statement with its parameters: s text, i int64, b Span. */
static sqlite3_stmt *prepare(Store *store, GError **error, const char *sql, const char *types, ...)
{
	sqlite3_stmt *stmt = NULL;
	va_list args;
	int code = sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL);

	va_start(args, types);
	for (int i = 1; code == SQLITE_OK && *types; types++, i++) {
		if (*types == 's') {
			code = sqlite3_bind_text(
				stmt, i, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
		} else if (*types == 'i') {
			code = sqlite3_bind_int64(stmt, i, va_arg(args, int64_t));
		} else {
			Span octets = va_arg(args, Span);

			code = octets.data ? sqlite3_bind_blob64(stmt, i, octets.data, octets.size,
						     SQLITE_TRANSIENT)
					   : sqlite3_bind_null(stmt, i);
		}
	}
	va_end(args);
	if (code != SQLITE_OK) {
		fail_sqlite(store, code, "The store cannot be read", error);
		sqlite3_finalize(stmt);
		return NULL;
	}
	return stmt;
}

/* Runs to the end and frees; for statements without rows. */
static bool finish(Store *store, sqlite3_stmt *stmt, GError **error)
{
	int code;

	if (!stmt)
		return false;
	code = sqlite3_step(stmt);
	if (code != SQLITE_DONE && code != SQLITE_ROW)
		fail_sqlite(store, code, "The store cannot be written", error);
	sqlite3_finalize(stmt);
	return code == SQLITE_DONE || code == SQLITE_ROW;
}

/* 1: a row; 0: no more; -1: error. Frees in the last two cases. */
static int next_row(Store *store, sqlite3_stmt *stmt, GError **error)
{
	int code = stmt ? sqlite3_step(stmt) : SQLITE_ERROR;

	if (code == SQLITE_ROW)
		return 1;
	if (stmt && code != SQLITE_DONE)
		fail_sqlite(store, code, "The store cannot be read", error);
	sqlite3_finalize(stmt);
	return code == SQLITE_DONE ? 0 : -1;
}

static char *column_text(sqlite3_stmt *stmt, int column)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);

	return g_strdup(text ? text : "");
}

static GBytes *column_bytes(sqlite3_stmt *stmt, int column)
{
	const void *data;

	if (sqlite3_column_type(stmt, column) == SQLITE_NULL)
		return NULL;
	data = sqlite3_column_blob(stmt, column);
	return g_bytes_new(data, sqlite3_column_bytes(stmt, column));
}

static bool run(Store *store, const char *sql, GError **error)
{
	int code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);

	return code == SQLITE_OK || fail_sqlite(store, code, "The store cannot be used", error);
}

static bool migrate(Store *store, GError **error)
{
	sqlite3_stmt *stmt;
	g_autofree char *set = g_strdup_printf("PRAGMA user_version=%d", SCHEMA_VERSION);
	int version = 0, row;

	/* IMMEDIATE: of two threads that open a new store at once one makes the tables. */
	if (!run(store, "BEGIN IMMEDIATE", error))
		return false;
	stmt = prepare(store, error, "PRAGMA user_version", "");
	row = next_row(store, stmt, error);
	if (row == 1) {
		version = sqlite3_column_int(stmt, 0);
		sqlite3_finalize(stmt);
	}
	if (row < 0 || (version == 0 && (!run(store, schema, error) || !run(store, set, error))) ||
		!run(store, "COMMIT", error)) {
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
		return false;
	}
	if (version > SCHEMA_VERSION)
		return sgp32_fail(error, SGP32_ERROR_STORE_UNAVAILABLE,
			"The store was written by a newer sgp32d (schema %d, this one knows %d)",
			version, SCHEMA_VERSION);
	return true;
}

Store *store_open(const char *folder, GError **error)
{
	g_autoptr(Store) store = g_new0(Store, 1);
	g_autofree char *path = g_build_filename(folder, "store.db", NULL);
	int code;

	if (g_mkdir_with_parents(folder, 0700) < 0) {
		sgp32_fail(
			error, SGP32_ERROR_STORE_UNAVAILABLE, "%s: %s", folder, g_strerror(errno));
		return NULL;
	}
	code = sqlite3_open_v2(path, &store->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (code != SQLITE_OK) {
		fail_sqlite(store, code, path, error);
		return NULL;
	}
	sqlite3_busy_timeout(store->db, BUSY_MS);
	sqlite3_extended_result_codes(store->db, 1);
	if (!run(store, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
		    error) ||
		!migrate(store, error)) {
		g_prefix_error(error, "%s: ", path);
		return NULL;
	}
	chmod(path, 0600);
	return g_steal_pointer(&store);
}

void store_close(Store *store)
{
	if (!store)
		return;
	sqlite3_close(store->db);
	g_free(store);
}

bool store_check(Store *store, GError **error)
{
	return finish(store,
		prepare(store, error, "INSERT OR REPLACE INTO meta VALUES ('check', ?)", "i",
			clock_realtime()),
		error);
}

/* ---- package ---- */

const char *package_phase_text(PackagePhase phase)
{
	static const char *const texts[] = { "idle", "received", "executed", "awaiting-online",
		"reported" };

	return texts[phase];
}

void stored_package_free(StoredPackage *package)
{
	if (!package)
		return;
	g_free(package->eim_id);
	g_clear_pointer(&package->request, g_bytes_unref);
	g_clear_pointer(&package->answer, g_bytes_unref);
	g_free(package);
}

bool store_package_get(Store *store, const char *eid, StoredPackage **ret, GError **error)
{
	sqlite3_stmt *stmt = prepare(store, error,
		"SELECT phase, eim_id, counter, rollback, switches, request, answer, since FROM package"
		" WHERE eid = ?",
		"s", eid);
	int row = next_row(store, stmt, error);
	StoredPackage *package;

	if (row < 0)
		return false;
	*ret = NULL;
	if (row == 0)
		return true;
	package = g_new0(StoredPackage, 1);
	package->phase = CLAMP(sqlite3_column_int(stmt, 0), PACKAGE_IDLE, PACKAGE_REPORTED);
	package->eim_id = column_text(stmt, 1);
	package->counter = sqlite3_column_int64(stmt, 2);
	package->rollback = sqlite3_column_int(stmt, 3);
	package->switches = sqlite3_column_int(stmt, 4);
	package->request = column_bytes(stmt, 5);
	package->answer = column_bytes(stmt, 6);
	package->since = sqlite3_column_int64(stmt, 7);
	sqlite3_finalize(stmt);
	*ret = package;
	return true;
}

bool store_package_received(Store *store, const char *eid, const char *eim_id, int64_t counter,
	bool rollback, bool switches, Span request, GError **error)
{
	return finish(store,
		prepare(store, error,
			"INSERT OR REPLACE INTO package VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?)",
			"ssiiiibi", eid, eim_id, counter, (int64_t)PACKAGE_RECEIVED,
			(int64_t)rollback, (int64_t)switches, request, clock_realtime()),
		error);
}

bool store_package_phase(
	Store *store, const char *eid, PackagePhase phase, Span answer, GError **error)
{
	return finish(store,
		prepare(store, error,
			"UPDATE package SET phase = ?, answer = coalesce(?, answer), since = ? WHERE eid = ?",
			"ibis", (int64_t)phase, answer, clock_realtime(), eid),
		error);
}

bool store_package_clear(Store *store, const char *eid, GError **error)
{
	return finish(
		store, prepare(store, error, "DELETE FROM package WHERE eid = ?", "s", eid), error);
}

/* ---- download triggers ---- */

void stored_trigger_free(StoredTrigger *trigger)
{
	if (!trigger)
		return;
	g_free(trigger->eim_id);
	g_clear_pointer(&trigger->eim_transaction, g_bytes_unref);
	g_clear_pointer(&trigger->rsp_transaction, g_bytes_unref);
	g_clear_pointer(&trigger->result, g_bytes_unref);
	g_free(trigger);
}

bool store_trigger_begin(Store *store, const char *eid, const char *eim_id, Span eim_transaction,
	int64_t *ret_id, GError **error)
{
	if (!finish(store,
		    prepare(store, error,
			    "INSERT INTO download_trigger VALUES (NULL, ?, ?, ?, NULL, NULL)",
			    "ssb", eid, eim_id, eim_transaction),
		    error))
		return false;
	*ret_id = sqlite3_last_insert_rowid(store->db);
	return true;
}

bool store_trigger_session(Store *store, int64_t id, Span rsp_transaction, GError **error)
{
	return finish(store,
		prepare(store, error,
			"UPDATE download_trigger SET rsp_transaction = ? WHERE id = ?", "bi",
			rsp_transaction, id),
		error);
}

bool store_trigger_finish(Store *store, int64_t id, Span result, GError **error)
{
	return finish(store,
		prepare(store, error, "UPDATE download_trigger SET result = ? WHERE id = ?", "bi",
			result, id),
		error);
}

bool store_trigger_remove(Store *store, int64_t id, GError **error)
{
	return finish(store,
		prepare(store, error, "DELETE FROM download_trigger WHERE id = ?", "i", id), error);
}

bool store_trigger_list(
	Store *store, const char *eid, const char *eim_id, GPtrArray **ret, GError **error)
{
	g_autoptr(GPtrArray) list =
		g_ptr_array_new_with_free_func((GDestroyNotify)stored_trigger_free);
	sqlite3_stmt *stmt = prepare(store, error,
		"SELECT id, eim_id, eim_transaction, rsp_transaction, result FROM download_trigger"
		" WHERE eid = ?1 AND (?2 = '' OR eim_id = ?2) ORDER BY id",
		"ss", eid, eim_id ? eim_id : "");
	int row;

	while ((row = next_row(store, stmt, error)) == 1) {
		StoredTrigger *trigger = g_new0(StoredTrigger, 1);

		trigger->id = sqlite3_column_int64(stmt, 0);
		trigger->eim_id = column_text(stmt, 1);
		trigger->eim_transaction = column_bytes(stmt, 2);
		trigger->rsp_transaction = column_bytes(stmt, 3);
		trigger->result = column_bytes(stmt, 4);
		g_ptr_array_add(list, trigger);
	}
	if (row < 0)
		return false;
	*ret = g_steal_pointer(&list);
	return true;
}

/* ---- eIMs ---- */

void stored_eim_free(StoredEim *eim)
{
	if (!eim)
		return;
	g_free(eim->eim_id);
	g_free(eim->last_result);
	g_free(eim);
}

bool store_eim_get(
	Store *store, const char *eid, const char *eim_id, StoredEim **ret, GError **error)
{
	sqlite3_stmt *stmt = prepare(store, error,
		"SELECT last_poll, next_poll, last_result, failures, enabled, state_change FROM eim"
		" WHERE eid = ? AND eim_id = ?",
		"ss", eid, eim_id);
	int row = next_row(store, stmt, error);
	StoredEim *eim;

	if (row < 0)
		return false;
	eim = g_new0(StoredEim, 1);
	eim->eim_id = g_strdup(eim_id);
	if (row == 1) {
		eim->last_poll = sqlite3_column_int64(stmt, 0);
		eim->next_poll = sqlite3_column_int64(stmt, 1);
		eim->last_result = column_text(stmt, 2);
		eim->failures = sqlite3_column_int(stmt, 3);
		eim->enabled = sqlite3_column_int(stmt, 4);
		eim->state_change = sqlite3_column_int(stmt, 5);
		sqlite3_finalize(stmt);
	} else {
		eim->last_result = g_strdup("");
		eim->enabled = true;
		eim->state_change = -1;
	}
	*ret = eim;
	return true;
}

bool store_eim_put(Store *store, const char *eid, const StoredEim *eim, GError **error)
{
	return finish(store,
		prepare(store, error, "INSERT OR REPLACE INTO eim VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			"ssiisiii", eid, eim->eim_id, eim->last_poll, eim->next_poll,
			eim->last_result, (int64_t)eim->failures, (int64_t)eim->enabled,
			(int64_t)eim->state_change),
		error);
}

bool store_eim_keep(Store *store, const char *eid, const char *const *ids, GError **error)
{
	sqlite3_stmt *stmt =
		prepare(store, error, "SELECT eim_id FROM eim WHERE eid = ?", "s", eid);
	g_autoptr(GPtrArray) gone = g_ptr_array_new_with_free_func(g_free);
	int row;

	while ((row = next_row(store, stmt, error)) == 1) {
		char *id = column_text(stmt, 0);

		if (g_strv_contains(ids, id))
			g_free(id);
		else
			g_ptr_array_add(gone, id);
	}
	if (row < 0)
		return false;
	for (guint i = 0; i < gone->len; i++)
		if (!finish(store,
			    prepare(store, error, "DELETE FROM eim WHERE eid = ? AND eim_id = ?",
				    "ss", eid, gone->pdata[i]),
			    error))
			return false;
	return true;
}

/* ---- notifications ---- */

void stored_notification_free(StoredNotification *notification)
{
	if (!notification)
		return;
	g_free(notification->last_error);
	g_free(notification);
}

bool store_notification_get(
	Store *store, const char *eid, int64_t seq, StoredNotification **ret, GError **error)
{
	sqlite3_stmt *stmt = prepare(store, error,
		"SELECT attempts, next_try, last_error FROM notification WHERE eid = ? AND seq = ?",
		"si", eid, seq);
	int row = next_row(store, stmt, error);
	StoredNotification *notification;

	if (row < 0)
		return false;
	notification = g_new0(StoredNotification, 1);
	if (row == 1) {
		notification->attempts = sqlite3_column_int(stmt, 0);
		notification->next_try = sqlite3_column_int64(stmt, 1);
		notification->last_error = column_text(stmt, 2);
		sqlite3_finalize(stmt);
	} else {
		notification->last_error = g_strdup("");
	}
	*ret = notification;
	return true;
}

bool store_notification_put(Store *store, const char *eid, int64_t seq,
	const StoredNotification *notification, GError **error)
{
	return finish(store,
		prepare(store, error, "INSERT OR REPLACE INTO notification VALUES (?, ?, ?, ?, ?)",
			"siiis", eid, seq, (int64_t)notification->attempts, notification->next_try,
			notification->last_error),
		error);
}

bool store_notification_remove(Store *store, const char *eid, int64_t seq, GError **error)
{
	return finish(store,
		prepare(store, error, "DELETE FROM notification WHERE eid = ? AND seq = ?", "si",
			eid, seq),
		error);
}

/* ---- card ---- */

bool store_card_get(Store *store, const char *eid, const char *name, char **ret, GError **error)
{
	sqlite3_stmt *stmt = prepare(
		store, error, "SELECT value FROM card WHERE eid = ? AND name = ?", "ss", eid, name);
	int row = next_row(store, stmt, error);

	if (row < 0)
		return false;
	*ret = NULL;
	if (row == 1) {
		*ret = column_text(stmt, 0);
		sqlite3_finalize(stmt);
	}
	return true;
}

bool store_card_set(
	Store *store, const char *eid, const char *name, const char *value, GError **error)
{
	if (!value)
		return finish(store,
			prepare(store, error, "DELETE FROM card WHERE eid = ? AND name = ?", "ss",
				eid, name),
			error);
	return finish(store,
		prepare(store, error, "INSERT OR REPLACE INTO card VALUES (?, ?, ?)", "sss", eid,
			name, value),
		error);
}

/* ---- history ---- */

void stored_job_free(StoredJob *job)
{
	if (!job)
		return;
	g_free(job->eid);
	g_free(job->operation);
	g_free(job->initiator);
	g_free(job->result);
	g_free(job->error);
	g_free(job->message);
	g_free(job->details);
	g_free(job);
}

bool store_history_add(Store *store, const StoredJob *job, GError **error)
{
	if (!finish(store,
		    prepare(store, error,
			    "INSERT INTO history VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			    "sssssssii", job->eid, job->operation, job->initiator, job->result,
			    job->error, job->message, job->details, job->start_time, job->end_time),
		    error))
		return false;
	return finish(store,
		prepare(store, error,
			"DELETE FROM history WHERE id <= (SELECT max(id) FROM history) - ?", "i",
			(int64_t)STORE_HISTORY_MAX),
		error);
}

bool store_history_list(
	Store *store, const char *eid, unsigned max, GPtrArray **ret, GError **error)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify)stored_job_free);
	sqlite3_stmt *stmt = prepare(store, error,
		"SELECT eid, operation, initiator, result, error, message, details, start_time, end_time"
		" FROM history WHERE ?1 = '' OR eid = ?1 ORDER BY id DESC LIMIT ?2",
		"si", eid ? eid : "", (int64_t)max);
	int row;

	while ((row = next_row(store, stmt, error)) == 1) {
		StoredJob *job = g_new0(StoredJob, 1);

		job->eid = column_text(stmt, 0);
		job->operation = column_text(stmt, 1);
		job->initiator = column_text(stmt, 2);
		job->result = column_text(stmt, 3);
		job->error = column_text(stmt, 4);
		job->message = column_text(stmt, 5);
		job->details = column_text(stmt, 6);
		job->start_time = sqlite3_column_int64(stmt, 7);
		job->end_time = sqlite3_column_int64(stmt, 8);
		g_ptr_array_add(list, job);
	}
	if (row < 0)
		return false;
	*ret = g_steal_pointer(&list);
	return true;
}

/* ---- time ---- */

int64_t store_last_seen(Store *store)
{
	sqlite3_stmt *stmt =
		prepare(store, NULL, "SELECT value FROM meta WHERE name = 'last-seen'", "");
	int64_t seconds = 0;

	if (next_row(store, stmt, NULL) == 1) {
		seconds = sqlite3_column_int64(stmt, 0);
		sqlite3_finalize(stmt);
	}
	return seconds;
}

bool store_set_last_seen(Store *store, int64_t seconds, GError **error)
{
	return finish(store,
		prepare(store, error, "INSERT OR REPLACE INTO meta VALUES ('last-seen', ?)", "i",
			seconds),
		error);
}
