#include "collector/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "clock.h"
#include "collector/store/copy.h"
#include "collector/store/inside.h"
#include "io.h"

#define RETIRED "retired"	/* setting */

/* ---- write-ahead logs ---- */

static int count_log(void *pages, sqlite3 *db, const char *name, int n)
{
	*(int *)pages = n;
	return SQLITE_OK;
}

void store_watch_log(sqlite3 *db, int *pages)
{
	*pages = 0;
	sqlite3_wal_hook(db, count_log, pages);
}

static int checkpoint(sqlite3 *db, int *pages, int limit)
{
	int r;

	if (*pages <= limit)
		return 0;
	r = sql_errno(sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL));
	if (!r)
		*pages = 0;
	return r == -EBUSY ? 0 : r;
}

void store_after_write(struct store *s, int r, sqlite3 *db, int *log, int pages)
{
	if (!r)
		r = checkpoint(db, log, pages);
	if (r == -ENOSPC)
		store_now_full(s);
	else if (r && r != -ENOMEM)
		s->sick = true;
}

bool store_sick(const struct store *s)
{
	return s->sick;
}

int store_fold(sqlite3 *db)
{
	int r = sql_errno(sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL));

	return r == -EBUSY ? 0 : r;	/* a reader is on it: it stays in the log, and is read from there */
}

/* ---- the reserve ---- */

static void reserve_path(const struct store *s, char buf[STORE_PATH])
{
	snprintf(buf, STORE_PATH, "%s/" STORE_RESERVE, s->folder);
}

static int reserve_lay(const struct store *s)
{
	char path[STORE_PATH];
	CLOSE int fd = -1;
	int r;

	reserve_path(s, path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = posix_fallocate(fd, 0, (off_t)s->reserve);
	if (r && unlink(path) < 0)
		return -errno;
	return -r;
}

void store_now_full(struct store *s)
{
	char path[STORE_PATH];

	reserve_path(s, path);
	unlink(path);
	s->full = true;
}

bool store_full(struct store *s)
{
	struct statvfs fs;

	if (!s->full)
		return false;
	store_now_full(s);	/* it may not have gone at once */
	if (!statvfs(s->folder, &fs) && (uint64_t)fs.f_bavail * fs.f_frsize >= 2 * s->reserve && !reserve_lay(s))
		s->full = false;
	return s->full;
}

/* ---- open and close ---- */

static void close_main(struct store *s)
{
	for (int i = 0; i < MAIN_STATEMENTS; i++) {
		sqlite3_finalize(s->on_main[i]);
		s->on_main[i] = NULL;
	}
	sql_close(&s->main);
	s->naming = false;
}

static int read_retired(struct store *s)
{
	int64_t day;
	int r = sql_number(s->main, "SELECT coalesce(max(CAST(json AS INTEGER)), 0) FROM setting WHERE key = '" RETIRED "'", &day);

	s->retired = r ? 0 : (uint32_t)day;
	return r;
}

static int open_main(struct store *s)
{
	char path[STORE_PATH];
	int r;

	snprintf(path, sizeof(path), "%s/" STORE_MAIN, s->folder);
	r = sql_open(path, true, &s->main);
	if (!r)
		r = sql_migrate(s->main, schema_main, schema_main_steps);
	if (!r)
		r = store_fold(s->main);
	if (!r)
		store_watch_log(s->main, &s->main_log);
	if (!r)
		r = names_open(s);
	if (!r)
		r = change_open(s);
	if (!r)
		r = chain_open(s);
	if (!r)
		r = read_retired(s);
	return r ? r : io_sync_folder(s->folder);	/* SQLite does not mind whether that failed */
}

static const char *why_not(int r)
{
	return r == -EPROTONOSUPPORT ? "made by a newer version of Beadle" :
	       r == -EBADMSG ? "is damaged: keep a copy, put the last backup in its place" : strerror(-r);
}

static int open_files(struct store *s, char why[256])
{
	int r = open_main(s);

	s->sick = true;
	if (r) {
		snprintf(why, 256, "%.180s/" STORE_MAIN ": %.60s", s->folder, why_not(r));
		return r;
	}
	r = held_load(s);
	if (r)
		snprintf(why, 256, "%.160s: a file of raw results: %.60s", s->folder, why_not(r));
	s->sick = r;
	return r;
}

int store_open(const char *folder, uint64_t reserve, struct store **ret, char why[256])
{
	struct store *s = calloc(1, sizeof(*s));
	int r;

	if (!s || strlen(folder) >= sizeof(s->folder)) {
		snprintf(why, 256, "%.180s: %.60s", folder, s ? "the path is too long" : "out of memory");
		free(s);
		return -ENAMETOOLONG;
	}
	strcpy(s->folder, folder);
	s->reserve = reserve;
	r = io_make_folders(folder, 0700);
	if (r)
		snprintf(why, 256, "%.180s: %.60s", folder, strerror(-r));
	else if (reserve_lay(s))
		store_now_full(s);
	copy_remove(folder);
	if (!r)
		r = open_files(s, why);
	if (r)
		store_close(s);
	else
		*ret = s;
	return r;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->day && !s->sick)
		store_fold(s->day);
	if (s->main && !s->sick)
		store_fold(s->main);
	intake_close(s);
	close_main(s);
	held_forget(s);
	vec_free(&s->damage);
	free(s->buf);
	free(s);
}

int store_reopen(struct store *s)
{
	char why[256];
	int r;

	reading_keep_out();
	intake_close(s);
	close_main(s);
	reading_let_in();
	r = open_files(s, why);
	if (r == -ENOSPC)
		store_now_full(s);
	return r;
}

/* ---- retention ---- */

#define DAY (86400 * NS_PER_S)

/* So that what an agent knows of that day is not taken for lost. */
static int note_retired(struct store *s, uint32_t day)
{
	char text[96];
	int r;

	snprintf(text, sizeof(text), "INSERT OR REPLACE INTO setting VALUES ('" RETIRED "', '%u')", day);
	r = sql_run(s->main, text);
	store_after_write(s, r, s->main, &s->main_log, MAIN_LOG_PAGES);
	if (!r)
		s->retired = day;
	return r;
}

static int unlink_day(struct store *s, uint32_t day)
{
	char path[STORE_PATH];
	int r = day > s->retired ? note_retired(s, day) : 0;

	if (r)
		return r;
	day_path(s->folder, day, path);
	r = unlink_with_logs(path);
	return r ? r : mend_forget(s, day);
}

/* A clock that jumped years ahead deletes nothing (R12): days are counted from the newest that was there before today, and however late it
 * is said to be, so many days that have results are kept. */
static uint32_t oldest_to_keep(const struct store *s, int64_t now, unsigned days, const uint32_t *list, size_t n)
{
	uint32_t today = s->today ? s->today : day_of(now);
	int64_t next;

	while (n && list[n - 1] >= today)
		n--;
	next = n ? day_begin(list[n - 1]) + DAY : now;
	return day_of((now < next ? now : next) - (int64_t)days * DAY);
}

int store_retire(struct store *s, int64_t now_wall, unsigned days, struct store_retired *ret)
{
	FREE uint32_t *list = NULL;
	size_t n = 0;
	int r = day_list(s->folder, &list, &n);
	uint32_t oldest = r ? 0 : oldest_to_keep(s, now_wall, days, list, n);

	*ret = (struct store_retired){0};
	for (size_t i = 0; i + days < n && !r && list[i] < oldest; i++) {
		if (list[i] == s->today)
			continue;
		r = unlink_day(s, list[i]);
		if (r)
			break;
		ret->first = ret->n ? ret->first : list[i];
		ret->last = list[i];
		ret->n++;
	}
	return r;
}
