/* held.c - the highest sequence held of each (host, epoch): in memory while the store is open, read from every file at start. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "collector/store/inside.h"
#include "vec.h"

#define EPOCHS_MAX 1000u	/* of one host and day; each start of its agent begins new ones */

uint32_t day_of(int64_t wall_ns)
{
	time_t t = (time_t)(wall_ns / NS_PER_S);
	struct tm tm;

	if (!gmtime_r(&t, &tm) || tm.tm_year + 1900 > 9999 || tm.tm_year < 0)
		return 19700101;
	return (uint32_t)((tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday);
}

int64_t day_begin(uint32_t day)
{
	struct tm tm = {.tm_year = (int)(day / 10000) - 1900, .tm_mon = (int)(day / 100 % 100) - 1, .tm_mday = (int)(day % 100)};

	return timegm(&tm) * NS_PER_S;
}

void day_path(const char *folder, uint32_t day, char buf[STORE_PATH])
{
	snprintf(buf, STORE_PATH, "%s/" STORE_DAY, folder, day);
}

static int ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

int day_list_of(const char *folder, const char *tail, uint32_t **ret, size_t *ret_n)
{
	VEC(uint32_t) days = {0};
	DIR *d = opendir(folder);
	struct dirent *e;

	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		char exact[64];
		unsigned day;
		uint32_t *at;

		if (sscanf(e->d_name, "raw-%8u", &day) != 1)
			continue;
		snprintf(exact, sizeof(exact), "raw-%08u%s", day, tail);
		if (strcmp(exact, e->d_name))
			continue;
		at = vec_push(&days);
		if (!at) {
			vec_free(&days);
			closedir(d);
			return -ENOMEM;
		}
		*at = day;
	}
	closedir(d);
	if (days.n)
		qsort(days.at, days.n, sizeof(*days.at), ascending);
	*ret = days.at;
	*ret_n = days.n;
	return 0;
}

int day_list(const char *folder, uint32_t **ret, size_t *ret_n)
{
	return day_list_of(folder, ".db", ret, ret_n);
}

struct held *held_find(struct store *s, uint32_t host, uint64_t epoch)
{
	struct held key = {.key = {.host = host, .epoch = epoch}}, *h;

	HASH_FIND(hh, s->held, &key.key, sizeof(key.key), h);
	return h;
}

struct held *held_make(struct store *s, uint32_t host, uint64_t epoch)
{
	struct held *h = held_find(s, host, epoch);

	if (h)
		return h;
	h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->key.host = host;
	h->key.epoch = epoch;
	HASH_ADD(hh, s->held, key, sizeof(h->key), h);
	return h;
}

void held_forget(struct store *s)
{
	struct held *h, *next;

	HASH_ITER(hh, s->held, h, next) {
		HASH_DEL(s->held, h);
		free(h);
	}
	s->touched = NULL;
	vec_free(&s->epochs);
}

static int load_file(struct store *s, sqlite3 *db)
{
	STATEMENT *rows = NULL;
	int r = sql_prepare(db, "SELECT host, epoch, through, digest FROM spool", &rows);

	while (!r && (r = sql_row(rows)) > 0) {
		uint64_t through = (uint64_t)sqlite3_column_int64(rows, 2);
		struct held *h = held_make(s, (uint32_t)sqlite3_column_int64(rows, 0),
					   (uint64_t)sqlite3_column_int64(rows, 1));

		if (!h)
			return -ENOMEM;
		if (through > h->committed) {
			h->through = h->committed = through;
			h->digest = h->digest_committed = (uint32_t)sqlite3_column_int64(rows, 3);
		}
		r = 0;
	}
	return r;
}

static int load_day(struct store *s, uint32_t day)
{
	char path[STORE_PATH];
	sqlite3 *db = NULL;
	int r;

	/* As a writer: a log that a crash left behind is recovered and folded in. */
	day_path(s->folder, day, path);
	r = sql_open(path, true, &db);
	if (!r)
		r = sql_migrate(db, schema_day, schema_day_steps);
	if (!r)
		r = store_fold(db);
	if (!r)
		r = load_file(s, db);
	sql_close(&db);
	return r;
}

int held_load(struct store *s)
{
	FREE uint32_t *days = NULL;
	size_t n = 0;
	int r = mend_finish(s);

	if (!r)
		r = day_list(s->folder, &days, &n);
	held_forget(s);
	for (size_t i = 0; i < n && !r; i++) {
		r = load_day(s, days[i]);
		if (!r && days[i] == s->suspect)
			r = -EBADMSG;
		if (r != -EBADMSG)
			continue;
		r = mend_day(s, days[i]);
		if (!r)
			r = load_day(s, days[i]);
		if (!r && days[i] == s->suspect)
			s->suspect = 0;
	}
	return r;
}

static uint32_t *epochs_of(struct store *s, uint32_t host)
{
	while (s->epochs.n <= host)
		if (!vec_push(&s->epochs))
			return NULL;
	return &s->epochs.at[host];
}

int held_set_row(struct store *s, struct held *h, int64_t id)
{
	uint32_t *epochs = epochs_of(s, h->key.host);

	if (!epochs)
		return -ENOMEM;
	*epochs += (id != 0) - (h->id != 0);
	h->id = id;
	return 0;
}

int store_held(struct store *s, uint32_t host, uint64_t epoch, uint64_t *ret, uint32_t *ret_digest)
{
	struct held *h = held_find(s, host, epoch);
	uint32_t *epochs = epochs_of(s, host);

	*ret = h ? h->committed : 0;
	*ret_digest = h ? h->digest_committed : 0;
	if (!epochs)
		return -ENOMEM;
	return h || *epochs < EPOCHS_MAX ? 0 : -EDQUOT;
}

/* Two days: clocks differ, and a record is acknowledged after it came. */
uint64_t store_lost(struct store *s, uint32_t host, uint64_t epoch, uint64_t through, int64_t at)
{
	const struct held *h = held_find(s, host, epoch);
	uint64_t held = h ? h->committed : 0;

	return through <= held || (s->retired && at < day_begin(s->retired) + 2 * 86400 * NS_PER_S) ? 0 : held + 1;
}
