/* intake.c - a group of batches becomes one transaction of the day's file. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "collector/store/inside.h"
#include "collector/store/row.h"
#include "io.h"

#define LOG_PAGES 8192		/* the write-ahead log is folded into the file when it is longer: 32 MiB */

static const char *const texts[] = {
	[ADD_SPOOL] = "INSERT INTO spool (host, epoch, through, digest) VALUES (?1, ?2, ?3, 0)",
	[MOVE_SPOOL] = "UPDATE spool SET through = ?2, digest = ?3 WHERE id = ?1",
	[ADD_RESULT] = "INSERT INTO result VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[ADD_PARTED] = "INSERT INTO parted VALUES (NULL, ?10, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[ADD_RECEIVED] = "INSERT INTO received VALUES (?1, ?2)",
};

void intake_close(struct store *s)
{
	struct held *h, *next;

	for (int i = 0; i < DAY_STATEMENTS; i++) {
		sqlite3_finalize(s->on_day[i]);
		s->on_day[i] = NULL;
	}
	sql_close(&s->day);
	s->today = 0;
	HASH_ITER(hh, s->held, h, next)
		h->id = 0;
	vec_free(&s->epochs);
}

static int find_spools(struct store *s)
{
	STATEMENT *rows = NULL;
	int r = sql_prepare(s->day, "SELECT id, host, epoch FROM spool", &rows);

	while (!r && (r = sql_row(rows)) > 0) {
		struct held *h = held_make(s, (uint32_t)sqlite3_column_int64(rows, 1),
					   (uint64_t)sqlite3_column_int64(rows, 2));

		r = h ? held_set_row(s, h, sqlite3_column_int64(rows, 0)) : -ENOMEM;
	}
	return r;
}

/* In a backup the main file is the later one: what it says was judged is not given to other rows. */
static int pass_judged(struct store *s, uint32_t day)
{
	char text[80];
	int64_t judged;
	int r;

	snprintf(text, sizeof(text), "SELECT coalesce(max(row), 0) FROM progress WHERE day = %u", day);
	r = sql_number(s->main, text, &judged);
	if (!r && judged > s->row)
		s->row = judged;
	return r;
}

static int open_day(struct store *s, uint32_t day)
{
	char path[STORE_PATH];
	int r;

	day_path(s->folder, day, path);
	r = sql_open(path, true, &s->day);
	if (!r)
		r = sql_migrate(s->day, schema_day, schema_day_steps);
	if (!r)
		store_watch_log(s->day, &s->day_log);
	if (!r)
		r = sql_number(s->day, "SELECT max(coalesce((SELECT max(id) FROM result), 0),"
			       " coalesce((SELECT max(row) FROM received), 0))", &s->row);
	if (!r)
		r = pass_judged(s, day);
	for (int i = 0; i < DAY_STATEMENTS && !r; i++)
		r = sql_prepare(s->day, texts[i], &s->on_day[i]);
	if (!r)
		r = find_spools(s);
	return r ? r : io_sync_folder(s->folder);	/* SQLite does not mind whether that failed */
}

int intake_open(struct store *s, uint32_t day)
{
	int r;

	if (s->day) {
		r = store_fold(s->day);
		if (r)
			return r;
	}
	intake_close(s);
	r = open_day(s, day);
	if (r)
		intake_close(s);
	else
		s->today = day;
	return r;
}

/* All but the first column, and the first two of a result. */
static int bind_result(struct store *s, sqlite3_stmt *row, const struct batch *b, const struct result *result, uint64_t sequence)
{
	size_t n = ROW_ROOM(result->values);

	if (n > s->room) {
		uint8_t *bigger = realloc(s->buf, n);

		if (!bigger)
			return -ENOMEM;
		s->buf = bigger;
		s->room = n;
	}
	n = row_encode(result, b->series + result->first_value, b->value + result->first_value, s->buf);
	sqlite3_bind_int64(row, 3, (int64_t)sequence);
	sqlite3_bind_int64(row, 4, result->check);
	sqlite3_bind_int64(row, 5, result->at);
	sqlite3_bind_int(row, 6, result->outcome);
	sqlite3_bind_blob64(row, 7, s->buf, n, SQLITE_STATIC);
	if (result->extra_size)
		sqlite3_bind_blob64(row, 8, result->extra, result->extra_size, SQLITE_STATIC);
	else
		sqlite3_bind_null(row, 8);
	sqlite3_bind_int64(row, 9, row_checksum(b->epoch, sequence, result, s->buf, n));
	return 0;
}

static int add_result(struct store *s, const struct batch *b, const struct result *result, const struct held *h,
		      uint64_t sequence)
{
	sqlite3_stmt *row = s->on_day[ADD_RESULT];
	int r = bind_result(s, row, b, result, sequence);

	if (r)
		return r;
	sqlite3_bind_int64(row, 1, ++s->row);
	sqlite3_bind_int64(row, 2, h->id);
	return sql_do(row);
}

/* ---- one number, two records (R3) ---- */

/* Where the batch meets what is held: is it the same record there? What lies wholly below, or behind a gap, does not meet it. */
static bool is_parted(const struct held *h, const struct batch *b)
{
	uint32_t theirs = 0;

	if (h->parted && reference_same(&h->parted_by, &b->from))
		return true;
	if (h->through + 1 == b->first)
		theirs = b->before;
	else if (h->through >= b->first && h->through - b->first < b->results)
		theirs = b->result[h->through - b->first].digest;
	return theirs && h->digest && theirs != h->digest;
}

static int set_apart(struct store *s, struct held *h, struct batch *b)
{
	sqlite3_stmt *row = s->on_day[ADD_PARTED];
	int r = 0;

	h->parted = b->parted = true;
	h->parted_by = b->from;
	for (uint32_t i = 0; i < b->results && !r; i++) {
		r = bind_result(s, row, b, &b->result[i], b->first + i);
		sqlite3_bind_int64(row, 2, (int64_t)b->epoch);
		sqlite3_bind_int64(row, 10, b->host);
		if (!r)
			r = sql_do(row);
	}
	b->results = b->values = 0;
	return r;
}

/* ---- */

static void touch(struct store *s, struct held *h)
{
	if (h->touched)
		return;
	h->touched = true;
	h->next_touched = s->touched;
	s->touched = h;
}

static int add_spool(struct store *s, struct held *h)
{
	sqlite3_stmt *add = s->on_day[ADD_SPOOL];
	int r;

	sqlite3_bind_int64(add, 1, h->key.host);
	sqlite3_bind_int64(add, 2, (int64_t)h->key.epoch);
	sqlite3_bind_int64(add, 3, (int64_t)h->through);
	r = sql_do(add);
	if (!r)
		r = held_set_row(s, h, sqlite3_last_insert_rowid(s->day));
	h->added = r == 0;
	return r;
}

/* What was held before, by this batch's epoch, is left out: it came twice. */
static void leave_out(struct batch *b, uint64_t through)
{
	uint64_t known = b->first > through ? 0 : through - b->first + 1;

	if (known > b->results)
		known = b->results;
	for (uint64_t i = 0; i < known; i++)
		b->values -= b->result[i].values;
	b->result += known;
	b->results -= (uint32_t)known;
	b->first += known;
}

static int add_batch(struct store *s, struct batch *b)
{
	struct held *h = held_make(s, b->host, b->epoch);
	int r = 0;

	if (!h)
		return -ENOMEM;
	if (is_parted(h, b))
		r = set_apart(s, h, b);
	leave_out(b, h->through);
	if (b->results) {
		touch(s, h);
		if (!h->id)
			r = add_spool(s, h);
		for (uint32_t i = 0; i < b->results && !r; i++)
			r = add_result(s, b, &b->result[i], h, b->first + i);
		h->through = b->first + b->results - 1;
		h->digest = b->result[b->results - 1].digest;
	}
	b->through = h->through;
	b->day = s->today;
	b->row = s->row;
	return r;
}

static int move_spools(struct store *s, int64_t now_wall, int64_t before)
{
	sqlite3_stmt *move = s->on_day[MOVE_SPOOL], *received = s->on_day[ADD_RECEIVED];
	int r = 0;

	for (struct held *h = s->touched; h && !r; h = h->next_touched) {
		sqlite3_bind_int64(move, 1, h->id);
		sqlite3_bind_int64(move, 2, (int64_t)h->through);
		sqlite3_bind_int64(move, 3, h->digest);
		r = sql_do(move);
	}
	if (r || s->row == before)
		return r;
	sqlite3_bind_int64(received, 1, s->row);
	sqlite3_bind_int64(received, 2, now_wall);
	return sql_do(received);
}

/* What memory says of the touched spools follows the file. */
static void settle(struct store *s, bool committed)
{
	for (struct held *h = s->touched; h; h = h->next_touched) {
		if (committed) {
			h->committed = h->through;
			h->digest_committed = h->digest;
		} else {
			h->through = h->committed;
			h->digest = h->digest_committed;
			if (h->added)
				held_set_row(s, h, 0);
		}
		h->touched = h->added = false;
	}
	s->touched = NULL;
}

static int add_group(struct store *s, struct batch *const *batches, size_t n, int64_t now_wall)
{
	int64_t before = s->row;
	int r = sql_run(s->day, "BEGIN IMMEDIATE");

	for (size_t i = 0; i < n && !r; i++)
		r = add_batch(s, batches[i]);
	if (!r)
		r = move_spools(s, now_wall, before);
	if (!r)
		r = sql_run(s->day, "COMMIT");
	if (r) {
		sql_run(s->day, "ROLLBACK");	/* unless SQLite did already */
		s->row = before;
	}
	settle(s, !r);
	return r;
}

/* A clock that is behind all that is kept is wrong, and retention would take its day for the oldest: the newest day takes what comes (R12). */
static int file_under(const struct store *s, uint32_t *day)
{
	FREE uint32_t *list = NULL;
	size_t n = 0;
	int r = day_list(s->folder, &list, &n);

	if (!r && n && *day < list[0])
		*day = list[n - 1];
	return r;
}

int store_intake(struct store *s, struct batch *const *batches, size_t n, int64_t now_wall)
{
	uint32_t day = day_of(now_wall);
	int r = 0;

	if (s->today != day)
		r = file_under(s, &day);
	if (!r && s->today != day)
		r = intake_open(s, day);
	if (!r)
		r = add_group(s, batches, n, now_wall);
	if (r == -EBADMSG)
		s->suspect = day;
	store_after_write(s, r, s->day, &s->day_log, LOG_PAGES);
	return r;
}
