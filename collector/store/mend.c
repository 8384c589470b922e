/*
 * mend.c - a day's file that is damaged is set aside, and what can be read of it goes on in a new one (R8).
 *
 * raw-DAY.mending is being filled; raw-DAY.mended is whole and on disk: from then on it counts, whatever dies. Only then do the damaged
 * file and its log get their new names, and the new file the old one. A log never stands beside a file that is not its own.
 */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "collector/store/inside.h"
#include "collector/store/salvage.h"
#include "io.h"

#define MENDING ".mending"
#define MENDED ".mended"
#define DAMAGED ".damaged-%u.db"
#define A_TIME 20000		/* rows of one transaction, so that the log stays small */

/* A table, and how a row of it (?1, ...) gets into the new file. Results whose spool nobody knows are nobody's. */
struct table { const char *name, *put; };
static const struct table names[] = {
	{"spool", "INSERT INTO spool VALUES (?1, ?2, ?3, ?4, coalesce(?5, 0))"},
	{"spool_again", "INSERT OR IGNORE INTO spool VALUES (?1, ?2, ?3, ?4, ?5)"},
};
static const struct table rows[] = {
	{"result", "INSERT INTO result SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE EXISTS (SELECT 1 FROM spool WHERE id = ?2)"},
	{"received", "INSERT INTO received VALUES (?1, ?2)"},
	{"parted", "INSERT INTO parted VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"},
};

static void name_of(const struct store *s, uint32_t day, const char *tail, char buf[STORE_PATH])
{
	snprintf(buf, STORE_PATH, "%s/raw-%08u%s", s->folder, day, tail);
}

int unlink_with_logs(const char *path)
{
	static const char *const tails[] = {"-wal", "-shm", ""};

	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		char whole[STORE_PATH + 8];

		snprintf(whole, sizeof(whole), "%s%s", path, tails[i]);
		if (unlink(whole) < 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}

/* ---- copying ---- */

struct copy {
	sqlite3 *from, *to;
	sqlite3_stmt *get, *put;
	int64_t at;		/* row copied last */
	unsigned open;		/* rows of the transaction */
	bool whole;		/* all of the table could be read so far */
};

static int settle(struct copy *c)
{
	int r = sql_run(c->to, "COMMIT");

	if (!r)
		r = store_fold(c->to);
	c->open = 0;
	return r ? r : sql_run(c->to, "BEGIN IMMEDIATE");
}

static int copy_row(struct copy *c)
{
	int n = sqlite3_bind_parameter_count(c->put), r;

	for (int i = 1; i <= n; i++)
		sqlite3_bind_value(c->put, i, sqlite3_column_value(c->get, i));	/* one that an older file lacks is NULL */
	c->at = sqlite3_column_int64(c->get, 0);
	r = sql_do(c->put);
	return r || ++c->open < A_TIME ? r : settle(c);
}

/* From c->at to the end of the table, or to what cannot be read: -EBADMSG. */
static int copy_stretch(struct copy *c)
{
	int r;

	sqlite3_bind_int64(c->get, 1, c->at);
	while ((r = sql_row(c->get)) > 0) {
		r = copy_row(c);
		if (r)
			break;
	}
	sqlite3_reset(c->get);
	return r;
}

static int copy_all(struct copy *c, const char *table)
{
	int r;

	while ((r = copy_stretch(c)) == -EBADMSG) {
		c->whole = false;
		r = salvage_skip(c->from, table, &c->at);
		if (r <= 0)
			break;
	}
	return r;
}

static int copy_table(struct copy *c, const struct table *t)
{
	char text[96];
	int r;

	snprintf(text, sizeof(text), "SELECT rowid, * FROM %s WHERE rowid > ?1 ORDER BY rowid", t->name);
	c->at = 0;
	c->whole = true;
	r = sql_prepare(c->from, text, &c->get);
	if (r && r != -ENOMEM)		/* the file does not even say that it has such a table */
		c->whole = false, r = 0;
	else if (!r)
		r = sql_prepare(c->to, t->put, &c->put);
	if (!r && c->get)
		r = copy_all(c, t->name);
	sqlite3_finalize(c->get);
	sqlite3_finalize(c->put);
	c->get = c->put = NULL;
	return r;
}

static int copy_tables(struct copy *c, bool all, bool *ret_exact)
{
	int r = sql_run(c->to, "BEGIN IMMEDIATE");

	*ret_exact = all;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !r; i++)
		r = copy_table(c, &names[i]);
	for (size_t i = 0; all && i < sizeof(rows) / sizeof(rows[0]) && !r; i++) {
		r = copy_table(c, &rows[i]);
		if (!strcmp(rows[i].name, "received"))
			*ret_exact = c->whole;
	}
	if (!r)
		r = sql_run(c->to, "COMMIT");
	return r ? r : store_fold(c->to);
}

/* Rows are numbered from 1 on without a gap, so the highest number known tells how many there were. */
static int count(sqlite3 *to, struct store_damage *d)
{
	int64_t kept, last;
	int r = sql_number(to, "SELECT count(*) FROM result", &kept);

	if (!r)
		r = sql_number(to, "SELECT max(coalesce((SELECT max(id) FROM result), 0), coalesce((SELECT max(row) FROM received), 0))", &last);
	if (r)
		return r;
	d->kept = (uint64_t)kept;
	d->lost = (uint64_t)(last - kept);
	return 0;
}

static int fill(const char *damaged, const char *path, bool all, struct store_damage *d)
{
	struct copy c = {0};
	int r = unlink_with_logs(path);

	if (!r)
		r = sql_open(path, true, &c.to);
	if (!r)
		r = sql_migrate(c.to, schema_day, schema_day_steps);
	d->readable = !r && sql_open(damaged, true, &c.from) == 0;
	if (!r && d->readable)
		r = copy_tables(&c, all, &d->exact);
	if (!r)
		r = count(c.to, d);
	sql_close(&c.from);
	sql_close(&c.to);
	return r;
}

/* ---- names ---- */

static int move(const char *from, const char *to)
{
	return rename(from, to) < 0 && errno != ENOENT ? -errno : 0;
}

static void aside_name(const struct store *s, uint32_t day, char buf[STORE_PATH])
{
	for (unsigned n = 1; ; n++) {
		char tail[32];

		snprintf(tail, sizeof(tail), DAMAGED, n);
		name_of(s, day, tail, buf);
		if (access(buf, F_OK) < 0)
			return;
	}
}

/* May be broken off and begun again anywhere. */
static int put_in_place(const struct store *s, uint32_t day, char aside[STORE_PATH])
{
	char path[STORE_PATH], log[STORE_PATH + 8], log_aside[STORE_PATH + 8], mended[STORE_PATH];
	int r;

	day_path(s->folder, day, path);
	name_of(s, day, MENDED, mended);
	aside_name(s, day, aside);
	snprintf(log, sizeof(log), "%s-wal", path);
	snprintf(log_aside, sizeof(log_aside), "%s-wal", aside);
	r = move(log, log_aside);
	snprintf(log, sizeof(log), "%s-shm", path);
	if (!r && unlink(log) < 0 && errno != ENOENT)
		r = -errno;
	if (!r)
		r = move(path, aside);
	if (!r)
		r = move(mended, path);
	return r ? r : io_sync_folder(s->folder);
}

/* ---- for the store ---- */

static int build(struct store *s, uint32_t day, struct store_damage *d)
{
	char path[STORE_PATH], mending[STORE_PATH], mended[STORE_PATH];
	int r;

	day_path(s->folder, day, path);
	name_of(s, day, MENDING, mending);
	name_of(s, day, MENDED, mended);
	r = fill(path, mending, true, d);
	if (r == -ENOSPC)	/* who is held to what counts more; the rows lie where they are set aside */
		r = fill(path, mending, false, d);
	if (!r)
		r = move(mending, mended);
	if (!r)
		r = unlink_with_logs(mending);
	return r ? r : io_sync_folder(s->folder);
}

int mend_day(struct store *s, uint32_t day)
{
	struct store_damage d = {.day = day}, *told;
	char aside[STORE_PATH];
	int r = build(s, day, &d);

	if (!r)
		r = put_in_place(s, day, aside);
	if (r)
		return r;
	snprintf(d.aside, sizeof(d.aside), "%s", strrchr(aside, '/') + 1);
	told = vec_push(&s->damage);
	if (!told)
		return -ENOMEM;
	*told = d;
	return 0;
}

int mend_finish(struct store *s)
{
	FREE uint32_t *days = NULL;
	char aside[STORE_PATH];
	size_t n = 0;
	int r = day_list_of(s->folder, MENDED, &days, &n);

	for (size_t i = 0; i < n && !r; i++)
		r = put_in_place(s, days[i], aside);
	return r;
}

int mend_forget(struct store *s, uint32_t day)
{
	int r = 0;

	for (unsigned n = 1; !r; n++) {
		char path[STORE_PATH], tail[32];

		snprintf(tail, sizeof(tail), DAMAGED, n);
		name_of(s, day, tail, path);
		if (access(path, F_OK) < 0)
			break;
		r = unlink_with_logs(path);
	}
	return r;
}

bool store_take_damage(struct store *s, struct store_damage *ret)
{
	if (!s->damage.n)
		return false;
	*ret = s->damage.at[--s->damage.n];
	return true;
}

int store_set_aside(const char *folder, int (*each)(const char *name, void *arg), void *arg)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	int r = d ? 0 : -errno;

	while (!r && (e = readdir(d)))
		if (fnmatch("raw-*.damaged-*.db", e->d_name, 0) == 0)
			r = each(e->d_name, arg);
	if (d)
		closedir(d);
	return r;
}
