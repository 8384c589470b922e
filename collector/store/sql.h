/* sql.h - SQLite in our manners: -errno instead of its codes, prepared statements only, columns as C's own types. */
#ifndef SQL_H
#define SQL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "cleanup.h"

/* SQLITE_FULL is -ENOSPC, damage (pages.h, and what SQLite itself finds) is -EBADMSG, a reader's time that has run out -ETIMEDOUT, the rest -EIO and its like. */
int sql_errno(int code);
int sql_run(sqlite3 *, const char *text);			/* fixed text of ours only */
int sql_prepare(sqlite3 *, const char *text, sqlite3_stmt **ret);
/* One step of a statement that returns no row; it is ready for the next use, whatever happens. */
int sql_do(sqlite3_stmt *);
/* 1: a row, 0: no more (and the statement is reset), or -errno (the same). */
int sql_row(sqlite3_stmt *);
int sql_number(sqlite3 *, const char *text, int64_t *ret);	/* first column of the first row; -ENOENT */

/* Opens with what every file of ours needs. A writer makes the file, keeps a write-ahead log, syncs every commit, and leaves
 * the checkpoint to the store thread. */
int sql_open(const char *path, bool writer, sqlite3 **ret);
void sql_close(sqlite3 **);					/* NULL is fine; NULL is left behind */

/* Brings a file up to date: steps[i] takes it from version i to i + 1, each in one transaction. -EPROTONOSUPPORT: newer than us. */
int sql_migrate(sqlite3 *, const char *const *steps, int n);

static inline void sql_finalize_p(sqlite3_stmt **s) { sqlite3_finalize(*s); }
#define STATEMENT CLEANUP(sql_finalize_p) sqlite3_stmt

#endif
