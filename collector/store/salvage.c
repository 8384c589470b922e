#include "collector/store/salvage.h"

#include <errno.h>
#include <stdio.h>

#include "collector/store/sql.h"

#define FARTHEST (INT64_C(1) << 40)	/* rows: more than any day has */

static int look(sqlite3_stmt *s, int64_t from, int64_t *ret)
{
	int r;

	sqlite3_bind_int64(s, 1, from);
	r = sql_row(s);
	if (r > 0) {
		*ret = sqlite3_column_int64(s, 0);
		sqlite3_reset(s);
	}
	return r;
}

/* Rows lie in order on their pages, so those of a damaged page are a stretch: its end is found by leaps, then by halves. */
static int find(sqlite3_stmt *s, int64_t after, int64_t *ret)
{
	int64_t bad = after, good = after + 1;
	int r;

	for (int64_t leap = 1; (r = look(s, good, ret)) == -EBADMSG; leap *= 2) {
		if (leap > FARTHEST)
			return 0;
		bad = good;
		good += leap;
	}
	while (r >= 0 && good - bad > 1) {
		int64_t mid = bad + (good - bad) / 2;
		int e = look(s, mid, ret);

		if (e == -EBADMSG)
			bad = mid;
		else {
			good = mid;
			r = e;
		}
	}
	return r > 0 ? look(s, good, ret) : r;
}

int salvage_skip(sqlite3 *db, const char *table, int64_t *at)
{
	STATEMENT *s = NULL;
	int64_t next = 0;
	char text[96];
	int r;

	snprintf(text, sizeof(text), "SELECT rowid FROM %s WHERE rowid >= ?1 ORDER BY rowid LIMIT 1", table);
	r = sql_prepare(db, text, &s);
	if (!r)
		r = find(s, *at, &next);
	if (r > 0)	/* a row that is there, and cannot be read, is left out by itself */
		*at = next > *at + 1 ? next - 1 : next;
	return r == -EBADMSG ? 0 : r;
}
