#include "collector/store/copy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "collector/store/reading.h"

#define STEP 1024		/* pages, between two looks at who waits */
#define ROOM (64u * 1024 * 1024)	/* left free beside the copy: as the store's own reserve */

void copy_abort(struct store_reader *r)
{
	if (r)
		r->ended = true;
}

void copy_remove(const char *folder)
{
	char path[STORE_PATH];

	snprintf(path, sizeof(path), "%s/" STORE_COPY, folder);
	unlink_with_logs(path);
}

int copy_parts(struct store_reader *r, int (*each)(const char *name, void *arg), void *arg)
{
	FREE uint32_t *days = NULL;
	char name[32];
	size_t n = 0;
	int e = day_list(r->folder, &days, &n);

	for (size_t i = 0; i < n && !e; i++) {
		snprintf(name, sizeof(name), STORE_DAY, days[i]);
		e = each(name, arg);
	}
	return e ? e : each(STORE_MAIN, arg);
}

/* ---- one ---- */

static int same_name(const char *name, void *wanted)
{
	return !strcmp(name, wanted);
}

static int has_room(const struct store_reader *r, const char *path)
{
	struct statvfs fs;
	struct stat st, log = {0};
	char name[STORE_PATH + 8];

	snprintf(name, sizeof(name), "%s-wal", path);
	if (stat(path, &st) < 0 || statvfs(r->folder, &fs) < 0)
		return -errno;
	if (stat(name, &log) < 0 && errno != ENOENT)
		return -errno;
	return (uint64_t)fs.f_bavail * fs.f_frsize >= (uint64_t)st.st_size + (uint64_t)log.st_size + ROOM ? 0 : -ENOSPC;
}

/* A new database, whose first page is on disk: from then on pages.c seals all that is written. */
static int make(const struct store_reader *r, sqlite3 **ret)
{
	char path[STORE_PATH];
	int e;

	copy_remove(r->folder);
	snprintf(path, sizeof(path), "%s/" STORE_COPY, r->folder);
	e = sql_open(path, true, ret);
	return e ? e : sql_run(*ret, "PRAGMA journal_mode=DELETE; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA user_version=1");
}

/* Within one view of the source, so that what is written meanwhile does not begin it again. */
static int run(const struct store_reader *reader, sqlite3 *from, sqlite3 *to)
{
	sqlite3_backup *b;
	int64_t pages;
	int code = SQLITE_OK, r = sql_run(from, "BEGIN");

	if (!r)
		r = sql_number(from, "SELECT count(*) FROM sqlite_schema", &pages);
	b = r ? NULL : sqlite3_backup_init(to, "main", from, "main");
	if (!b)
		return r ? r : sql_errno(sqlite3_errcode(to));
	while (code == SQLITE_OK && !r) {
		code = sqlite3_backup_step(b, STEP);
		if (code == SQLITE_OK && (reader->ended || reading_is_awaited()))
			r = -EAGAIN;
	}
	code = sqlite3_backup_finish(b);
	return r ? r : sql_errno(code);
}

int copy_part(struct store_reader *r, const char *name, uint64_t *ret_bytes)
{
	char path[STORE_PATH], copy[STORE_PATH];
	FILES sqlite3 *from = NULL;
	sqlite3 *to = NULL;
	struct stat st;
	int e = copy_parts(r, same_name, (void *)name);

	if (e <= 0)
		return e ? e : -ENOENT;
	snprintf(path, sizeof(path), "%s/%s", r->folder, name);
	snprintf(copy, sizeof(copy), "%s/" STORE_COPY, r->folder);
	e = r->ended ? -EAGAIN : has_room(r, path);
	if (!e)
		e = reading_open(path, &from);
	if (!e)
		e = make(r, &to);
	if (!e)
		e = run(r, from, to);
	sql_close(&to);
	if (!e && stat(copy, &st) < 0)
		e = -errno;
	if (e)
		copy_remove(r->folder);
	else
		*ret_bytes = (uint64_t)st.st_size;
	return e;
}
