/* names.c - hosts, checks and series get their numbers, which never change. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/store/inside.h"

static const char *const texts[] = {
	[ADD_HOST] = "INSERT INTO host (uuid, name) VALUES (?1, ?2)",
	[GET_HOST] = "SELECT id, name, generation FROM host WHERE uuid = ?1",
	[NAME_HOST] = "UPDATE host SET name = ?2 WHERE id = ?1",
	[USE_HOST] = "UPDATE host SET generation = ?2 WHERE uuid = ?1",
	[GET_GIVEN] = "SELECT name FROM given_name WHERE uuid = ?1",
	[ADD_TASK] = "INSERT INTO task (host, name, plugin, interval_ns) VALUES (?1, ?2, ?3, ?4)",
	[GET_TASK] = "SELECT id, plugin, interval_ns FROM task WHERE host = ?1 AND name = ?2",
	[COUNT_TASKS] = "SELECT count(*) FROM task WHERE host = ?1",
	[CHANGE_TASK] = "UPDATE task SET plugin = ?2, interval_ns = ?3 WHERE id = ?1",
	[ADD_SERIES] = "INSERT INTO series (task, metric, labels) VALUES (?1, ?2, ?3)",
	[GET_SERIES] = "SELECT id FROM series WHERE task = ?1 AND metric = ?2 AND labels = ?3",
	[COUNT_SERIES] = "SELECT count(*) FROM series WHERE task = ?1",
};

int names_open(struct store *s)
{
	int r = 0;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && !r; i++)
		r = sql_prepare(s->main, texts[i], &s->on_main[i]);
	return r;
}

/* Names are added in one transaction from the first new one to store_names_commit. */
static int add(struct store *s, sqlite3_stmt *insert, uint32_t *ret)
{
	int r = 0;

	if (!s->naming)
		r = sql_run(s->main, "BEGIN IMMEDIATE");
	if (r)
		return r;
	s->naming = true;
	r = sql_do(insert);
	if (!r)
		*ret = (uint32_t)sqlite3_last_insert_rowid(s->main);
	return r;
}

int store_names_commit(struct store *s)
{
	int r;

	if (!s->naming)
		return 0;
	s->naming = false;
	r = sql_run(s->main, "COMMIT");
	if (r) {
		sql_run(s->main, "ROLLBACK");
		store_after_write(s, r, s->main, &s->main_log, MAIN_LOG_PAGES);
	}
	return r;
}

static int counted(sqlite3_stmt *count, uint32_t of, int64_t most)
{
	int64_t n;
	int r;

	sqlite3_bind_int64(count, 1, of);
	r = sql_row(count);
	if (r < 0)
		return r;
	n = sqlite3_column_int64(count, 0);
	sqlite3_reset(count);
	return n < most ? 0 : -EDQUOT;
}

static bool same_text(sqlite3_stmt *s, int column, const char *text)
{
	const char *kept = (const char *)sqlite3_column_text(s, column);

	return kept && !strcmp(kept, text);
}

int store_given_name(struct store *s, const char *uuid, char *buf, size_t room)
{
	sqlite3_stmt *get = s->on_main[GET_GIVEN];
	int r;

	sqlite3_bind_text(get, 1, uuid, -1, SQLITE_STATIC);
	r = sql_row(get);
	if (r > 0) {
		snprintf(buf, room, "%s", (const char *)sqlite3_column_text(get, 0));
		sqlite3_reset(get);
	}
	return r;
}

int store_host(struct store *s, const char *uuid, const char *name, uint32_t *ret)
{
	sqlite3_stmt *get = s->on_main[GET_HOST], *put = s->on_main[ADD_HOST];
	uint32_t id;
	bool same;
	int r;

	sqlite3_bind_text(get, 1, uuid, -1, SQLITE_STATIC);
	r = sql_row(get);
	if (r < 0)
		return r;
	if (r > 0) {
		*ret = (uint32_t)sqlite3_column_int64(get, 0);
		same = same_text(get, 1, name);
		sqlite3_reset(get);
		if (same)
			return 0;
		put = s->on_main[NAME_HOST];
		sqlite3_bind_int64(put, 1, *ret);
	} else {
		sqlite3_bind_text(put, 1, uuid, -1, SQLITE_STATIC);
	}
	sqlite3_bind_text(put, 2, name, -1, SQLITE_STATIC);
	return add(s, put, r ? &id : ret);
}

int store_used(struct store *s, const char *uuid, uint32_t generation)
{
	sqlite3_stmt *get = s->on_main[GET_HOST], *put = s->on_main[USE_HOST];
	uint32_t id;
	int64_t kept;
	int r;

	sqlite3_bind_text(get, 1, uuid, -1, SQLITE_STATIC);
	r = sql_row(get);
	if (r <= 0)
		return r;
	kept = sqlite3_column_int64(get, 2);
	sqlite3_reset(get);
	if (kept >= generation)
		return 0;
	sqlite3_bind_text(put, 1, uuid, -1, SQLITE_STATIC);
	sqlite3_bind_int64(put, 2, generation);
	return add(s, put, &id);
}

int store_check(struct store *s, uint32_t host, const char *name, const char *plugin, int64_t interval_ns, uint32_t *ret)
{
	sqlite3_stmt *get = s->on_main[GET_TASK], *put;
	uint32_t id;
	bool same;
	int r;

	sqlite3_bind_int64(get, 1, host);
	sqlite3_bind_text(get, 2, name, -1, SQLITE_STATIC);
	r = sql_row(get);
	if (r < 0)
		return r;
	if (r > 0) {
		*ret = (uint32_t)sqlite3_column_int64(get, 0);
		same = same_text(get, 1, plugin) && sqlite3_column_int64(get, 2) == interval_ns;
		sqlite3_reset(get);
		if (same)
			return 0;
		put = s->on_main[CHANGE_TASK];
		sqlite3_bind_int64(put, 1, *ret);
		sqlite3_bind_text(put, 2, plugin, -1, SQLITE_STATIC);
		sqlite3_bind_int64(put, 3, interval_ns);
		return add(s, put, &id);
	}
	r = counted(s->on_main[COUNT_TASKS], host, STORE_CHECKS_MAX);
	if (r)
		return r;
	put = s->on_main[ADD_TASK];
	sqlite3_bind_int64(put, 1, host);
	sqlite3_bind_text(put, 2, name, -1, SQLITE_STATIC);
	sqlite3_bind_text(put, 3, plugin, -1, SQLITE_STATIC);
	sqlite3_bind_int64(put, 4, interval_ns);
	return add(s, put, ret);
}

static int by_name(const void *a, const void *b)
{
	const struct store_label *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* The same labels give the same bytes, in whatever order they came. */
static int pack_labels(const struct store_label *labels, size_t n, uint8_t **ret, size_t *ret_size)
{
	FREE struct store_label *sorted = malloc((n + 1) * sizeof(*sorted));
	size_t size = 0;
	uint8_t *p;

	if (!sorted)
		return -ENOMEM;
	if (n)
		memcpy(sorted, labels, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_name);
	for (size_t i = 0; i < n; i++)
		size += strlen(sorted[i].name) + 1 + 4 + sorted[i].size;
	p = malloc(size + 1);
	if (!p)
		return -ENOMEM;
	*ret = p;
	*ret_size = size;
	for (size_t i = 0; i < n; i++) {
		p = (uint8_t *)stpcpy((char *)p, sorted[i].name) + 1;
		for (int k = 0; k < 4; k++)
			*p++ = (uint8_t)(sorted[i].size >> 8 * k);
		if (sorted[i].size)
			memcpy(p, sorted[i].value, sorted[i].size);
		p += sorted[i].size;
	}
	return 0;
}

int store_series(struct store *s, uint32_t check, const char *metric, const struct store_label *labels, size_t n, uint32_t *ret)
{
	sqlite3_stmt *get = s->on_main[GET_SERIES], *put = s->on_main[ADD_SERIES];
	FREE uint8_t *packed = NULL;
	size_t size;
	int r = pack_labels(labels, n, &packed, &size);

	if (r)
		return r;
	sqlite3_bind_int64(get, 1, check);
	sqlite3_bind_text(get, 2, metric, -1, SQLITE_STATIC);
	sqlite3_bind_blob64(get, 3, packed, size, SQLITE_STATIC);
	r = sql_row(get);
	if (r < 0)
		return r;
	if (r > 0) {
		*ret = (uint32_t)sqlite3_column_int64(get, 0);
		sqlite3_reset(get);
		return 0;
	}
	r = counted(s->on_main[COUNT_SERIES], check, STORE_SERIES_MAX);
	if (r)
		return r;
	sqlite3_bind_int64(put, 1, check);
	sqlite3_bind_text(put, 2, metric, -1, SQLITE_STATIC);
	sqlite3_bind_blob64(put, 3, packed, size, SQLITE_STATIC);
	return add(s, put, ret);
}
