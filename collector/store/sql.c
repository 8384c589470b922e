#include "collector/store/sql.h"

#include <errno.h>
#include <stdio.h>

#include "collector/store/pages.h"

int sql_errno(int code)
{
	if (code == SQLITE_IOERR_SHMSIZE || code == SQLITE_IOERR_SHMMAP)
		return -ENOSPC;
	if (code == SQLITE_IOERR_DATA)
		return -EBADMSG;
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_INTERRUPT:
		return -ETIMEDOUT;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_CANTOPEN:
		return -ENOENT;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_TOOBIG:
		return -E2BIG;
	case SQLITE_MISUSE:
	case SQLITE_RANGE:
		return -EINVAL;
	}
	return -EIO;
}

int sql_run(sqlite3 *db, const char *text)
{
	return sql_errno(sqlite3_exec(db, text, NULL, NULL, NULL));
}

int sql_prepare(sqlite3 *db, const char *text, sqlite3_stmt **ret)
{
	return sql_errno(sqlite3_prepare_v3(db, text, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL));
}

int sql_do(sqlite3_stmt *s)
{
	int r = sql_errno(sqlite3_step(s));

	sqlite3_reset(s);
	return r;
}

int sql_row(sqlite3_stmt *s)
{
	int code = sqlite3_step(s);

	if (code == SQLITE_ROW)
		return 1;
	sqlite3_reset(s);
	return sql_errno(code);
}

int sql_number(sqlite3 *db, const char *text, int64_t *ret)
{
	STATEMENT *s = NULL;
	int r = sql_prepare(db, text, &s);

	if (r)
		return r;
	r = sql_row(s);
	if (r <= 0)
		return r ? r : -ENOENT;
	*ret = sqlite3_column_int64(s, 0);
	return 0;
}

int sql_open(const char *path, bool writer, sqlite3 **ret)
{
	sqlite3 *db = NULL;
	int room = PAGES_ROOM, flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
		(writer ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
	int r = pages_register();

	if (!r)
		r = sql_errno(sqlite3_open_v2(path, &db, flags, PAGES_VFS));

	if (r == -ENOENT && db && sqlite3_system_errno(db))
		r = -sqlite3_system_errno(db);
	/* A log is folded into its file by the store thread alone, never by whoever closes last. */
	if (!r)
		r = sql_errno(sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL));
	if (!r)
		r = sql_errno(sqlite3_busy_timeout(db, 1000));
	if (!r && writer)	/* of a file that is made now */
		r = sql_errno(sqlite3_file_control(db, NULL, SQLITE_FCNTL_RESERVE_BYTES, &room));
	if (!r && writer)
		r = sql_run(db, "PRAGMA page_size=4096; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
			    "PRAGMA secure_delete=ON; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-8192; PRAGMA temp_store=MEMORY");
	else if (!r)
		r = sql_run(db, "PRAGMA query_only=1; PRAGMA cache_size=-1024; PRAGMA temp_store=MEMORY");
	if (r)
		sql_close(&db);
	else
		*ret = db;
	return r;
}

void sql_close(sqlite3 **db)
{
	sqlite3_close(*db);
	*db = NULL;
}

int sql_migrate(sqlite3 *db, const char *const *steps, int n)
{
	int64_t version;
	int r = sql_number(db, "PRAGMA user_version", &version);
	char mark[64];

	if (r)
		return r;
	snprintf(mark, sizeof(mark), "PRAGMA application_id=%d", PAGES_MARK);
	if (version > n)
		return -EPROTONOSUPPORT;
	for (int i = (int)version; i < n && !r; i++) {
		char done[64];

		snprintf(done, sizeof(done), "PRAGMA user_version=%d; COMMIT", i + 1);
		r = sql_run(db, "BEGIN IMMEDIATE");
		if (!r && i == 0)
			r = sql_run(db, mark);
		if (!r)
			r = sql_run(db, steps[i]);
		if (!r)
			r = sql_run(db, done);
		if (r)
			sql_run(db, "ROLLBACK");
	}
	return r;
}
