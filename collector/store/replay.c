/* replay.c - raw results read back: what is still to be judged after a restart, and one check's history. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/store/reading.h"
#include "collector/store/row.h"
#include "collector/store/salvage.h"

#define COLUMNS "r.id, s.host, s.epoch, r.sequence, r.task, r.at, r.outcome, r.data, r.extra, r.crc"
#define FROM " FROM result r JOIN spool s ON s.id = r.spool "

/* Room for the largest row so far. */
struct room { uint32_t *series; double *value; size_t n; };

static void room_free(struct room *room)
{
	free(room->series);
	free(room->value);
}

static int room_for(struct room *room, size_t n)
{
	uint32_t *series;
	double *value;

	if (n <= room->n && room->series)
		return 0;
	series = realloc(room->series, (n + 1) * sizeof(*series));
	if (series)
		room->series = series;
	value = realloc(room->value, (n + 1) * sizeof(*value));
	if (value)
		room->value = value;
	if (!series || !value)
		return -ENOMEM;
	room->n = n;
	return 0;
}

/* 0, -EBADMSG (damaged) or -ENOMEM. */
static int read_row(sqlite3_stmt *s, uint32_t day, struct room *room, struct reader_row *row)
{
	const uint8_t *data = sqlite3_column_blob(s, 7);
	size_t n = (size_t)sqlite3_column_bytes(s, 7);
	int64_t count = data ? row_count(data, n) : -EBADMSG;
	int r;

	if (count < 0)
		return -EBADMSG;
	r = room_for(room, (size_t)count);
	if (r)
		return r;
	*row = (struct reader_row){
		.day = day, .row = sqlite3_column_int64(s, 0), .host = (uint32_t)sqlite3_column_int64(s, 1),
		.epoch = (uint64_t)sqlite3_column_int64(s, 2), .sequence = (uint64_t)sqlite3_column_int64(s, 3),
		.series = room->series, .value = room->value,
	};
	row->result.check = (uint32_t)sqlite3_column_int64(s, 4);
	row->result.at = sqlite3_column_int64(s, 5);
	row->result.outcome = (uint8_t)sqlite3_column_int(s, 6);
	row->result.extra = sqlite3_column_blob(s, 8);
	row->result.extra_size = (uint32_t)sqlite3_column_bytes(s, 8);
	if (row_checksum(row->epoch, row->sequence, &row->result, data, n) != (uint32_t)sqlite3_column_int64(s, 9))
		return -EBADMSG;
	r = row_decode(data, n, &row->result, room->series, room->value);
	return r;
}

typedef int each_row(const struct reader_row *, void *);

static int walk_rows(sqlite3_stmt *s, struct reader_place *place, each_row *each, void *arg)
{
	CLEANUP(room_free) struct room room = {0};
	struct reader_row row;
	int r;

	while ((r = sql_row(s)) > 0) {
		int64_t at = sqlite3_column_int64(s, 0);

		r = read_row(s, place->day, &room, &row);
		if (!r)
			r = each(&row, arg);
		else if (r == -EBADMSG)
			place->damaged++, r = 0;
		if (r)
			break;
		place->row = at;
	}
	return r;
}

static int open_file(struct store_reader *r, uint32_t day, sqlite3 **ret)
{
	char path[STORE_PATH];

	day_path(r->folder, day, path);
	return reading_open(path, ret);
}

/* Goes on behind what cannot be read. */
static int skip(sqlite3 *db, struct reader_place *place)
{
	const int64_t before = place->row;
	int e = salvage_skip(db, "result", &place->row);

	place->damaged += place->row > before ? (uint64_t)(place->row - before) : 1;
	return e;
}

static int replay_file(struct store_reader *r, struct reader_place *place, each_row *each, void *arg)
{
	FILES sqlite3 *db = NULL;
	STATEMENT *s = NULL;
	int e = open_file(r, place->day, &db);

	if (!e)
		e = sql_prepare(db, "SELECT " COLUMNS FROM "WHERE r.id > ?1 ORDER BY r.id", &s);
	if (e)
		return e;
	reading_limit(r, db);
	do {
		sqlite3_bind_int64(s, 1, place->row);
		e = walk_rows(s, place, each, arg);
	} while (e == -EBADMSG && (e = skip(db, place)) > 0);
	return e;
}

int reader_progress(struct store_reader *r, struct reader_place *ret)
{
	FILES sqlite3 *main = NULL;
	STATEMENT *s = NULL;
	int e = reading_main(r, &main);

	if (!e)
		e = sql_prepare(main, "SELECT day, row FROM progress ORDER BY day DESC LIMIT 1", &s);
	if (!e)
		e = sql_row(s);
	if (e < 0)
		return e;
	*ret = (struct reader_place){0};
	if (e > 0) {
		ret->day = (uint32_t)sqlite3_column_int64(s, 0);
		ret->row = sqlite3_column_int64(s, 1);
	}
	return 0;
}

int reader_replay(struct store_reader *r, struct reader_place *place, each_row *each, void *arg)
{
	FREE uint32_t *days = NULL;
	size_t n = 0;
	int e = day_list(r->folder, &days, &n);

	for (size_t i = 0; i < n && !e; i++) {
		if (days[i] < place->day)
			continue;
		if (days[i] > place->day) {
			place->day = days[i];
			place->row = 0;
		}
		e = replay_file(r, place, each, arg);
	}
	return e;
}

/* What a history asks for, when each row of a file has to be looked at. */
struct wanted { uint32_t check; int64_t since, until; each_row *each; void *arg; };

static int pick(const struct reader_row *row, void *arg)
{
	const struct wanted *w = arg;

	if (row->result.check != w->check || row->result.at < w->since || row->result.at >= w->until)
		return 0;
	return w->each(row, w->arg);
}

static int matching_rows(struct store_reader *r, struct reader_place *place, const struct wanted *w)
{
	FILES sqlite3 *db = NULL;
	STATEMENT *s = NULL;
	int e = open_file(r, place->day, &db);

	if (!e)
		e = sql_prepare(db, "SELECT " COLUMNS FROM "WHERE r.task = ?1 AND r.at >= ?2 AND r.at < ?3 ORDER BY r.id", &s);
	if (!e) {
		sqlite3_bind_int64(s, 1, w->check);
		sqlite3_bind_int64(s, 2, w->since);
		sqlite3_bind_int64(s, 3, w->until);
		reading_limit(r, db);
		e = walk_rows(s, place, w->each, w->arg);
	}
	return e;
}

static int history_file(struct store_reader *r, struct reader_place *place, struct wanted *w)
{
	int e = matching_rows(r, place, w);

	if (e == -EBADMSG)
		e = replay_file(r, place, pick, w);
	if (e == -EBADMSG) {	/* it is no database any more */
		place->damaged++;
		e = 0;
	}
	return e;
}

/* A result may come late (it was spooled) but not early, but for a wrong clock: from the day of `since` less one, all are read. */
int reader_history(struct store_reader *r, uint32_t check, int64_t since, int64_t until, uint64_t *damaged, each_row *each, void *arg)
{
	struct wanted w = {check, since, until, each, arg};
	FREE uint32_t *days = NULL;
	size_t n = 0;
	uint32_t first = day_of(since - 86400 * NS_PER_S);
	int e = day_list(r->folder, &days, &n);

	*damaged = 0;
	for (size_t i = 0; i < n && !e; i++) {
		struct reader_place place = {.day = days[i]};

		if (days[i] >= first)
			e = history_file(r, &place, &w);
		*damaged += place.damaged;
	}
	return e;
}
