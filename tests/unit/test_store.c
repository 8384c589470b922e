/* The store on a real disk: exactly once, over the change of the day and a restart; names; rows, and those that are not served. */
#include <check.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "collector/store/row.h"
#include "tests/unit/store_stage.h"

START_TEST(once)
{
	struct reader_place all = {0};
	struct seen seen;

	ck_assert_uint_eq(held(5), 0);
	ck_assert_uint_eq(put(5, 1, 10, NOON), 10);
	ck_assert_uint_eq(held(5), 10);
	ck_assert_uint_eq(put(5, 1, 10, NOON), 0);	/* a duplicate */
	ck_assert_uint_eq(put(5, 6, 10, NOON), 5);	/* half of it */
	ck_assert_uint_eq(put(5, 3, 2, NOON), 0);	/* late */
	ck_assert_uint_eq(put(6, 1, 2, NOON), 2);	/* another epoch */
	ck_assert_uint_eq(put(5, 20, 1, NOON), 1);	/* after a gap */
	ck_assert_uint_eq(held(5), 20);
	seen = replay(&all);
	ck_assert_uint_eq(seen.n, 18);
	ck_assert_uint_eq(seen.sum, 15 * 16 / 2 + 3 + 20);
	ck_assert_uint_eq(all.damaged, 0);
}
END_TEST

START_TEST(once_in_a_group)
{
	struct batch *b[3] = {make(5, 1, 4), make(5, 1, 4), make(5, 3, 4)};
	struct result *result[3] = {b[0]->result, b[1]->result, b[2]->result};

	ck_assert_int_eq(store_intake(store, b, 3, NOON), 0);
	ck_assert_uint_eq(b[0]->results, 4);
	ck_assert_uint_eq(b[1]->results, 0);
	ck_assert_uint_eq(b[1]->through, 4);
	ck_assert_uint_eq(b[2]->results, 2);
	ck_assert_uint_eq(b[2]->first, 5);
	ck_assert_uint_eq(b[2]->through, 6);
	ck_assert_uint_eq(b[2]->values, 4);
	ck_assert_int_eq(b[2]->row, 6);
	ck_assert_uint_eq(b[2]->day, 20270115);
	for (int i = 0; i < 3; i++)
		drop(b[i], result[i]);
}
END_TEST

/* One batch whose records have these digests, from connection `slot`. Returns how many results were new; -1: set apart. */
static int put_digests(uint32_t slot, uint64_t first, uint32_t n, uint32_t before, const uint32_t *digests)
{
	struct batch *b = make(5, first, n);
	struct result *result = b->result;
	int new;

	b->from.slot = slot;
	b->before = before;
	for (uint32_t i = 0; i < n; i++)
		b->result[i].digest = digests[i];
	ck_assert_int_eq(store_intake(store, &b, 1, NOON), 0);
	new = b->parted ? -1 : (int)b->results;
	ck_assert(!b->parted || b->results == 0);
	drop(b, result);
	return new;
}

static int64_t count_parted(void)
{
	char path[128];
	sqlite3 *db;
	sqlite3_stmt *s;
	int64_t n;

	snprintf(path, sizeof(path), "%s/raw-20270115.db", folder);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db, "SELECT count(*) FROM parted WHERE host = 1 AND epoch = 5 AND data IS NOT NULL", -1, &s, NULL),
			 SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(s), SQLITE_ROW);
	n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return n;
}

/* Same number, other digest: kept, and neither counted nor judged. */
START_TEST(test_r03_other_records_under_the_same_numbers_are_set_apart)
{
	const uint32_t ours[] = {11, 12, 13, 14, 15, 16}, theirs[] = {13, 94, 95, 96};
	struct reader_place all = {0};
	uint64_t through;
	uint32_t digest;

	ck_assert_int_eq(put_digests(1, 1, 4, 0, ours), 4);
	ck_assert_int_eq(put_digests(1, 3, 2, 12, ours + 2), 0);	/* a duplicate */
	ck_assert_int_eq(put_digests(1, 3, 3, 12, ours + 2), 1);	/* and more */
	ck_assert_int_eq(put_digests(2, 6, 1, 95, theirs + 3), -1);	/* follows on another record */
	ck_assert_int_eq(put_digests(2, 9, 1, 0, theirs), -1);		/* and what that connection sends then, behind a gap too */
	restart();
	ck_assert_int_eq(put_digests(3, 3, 4, 12, theirs), -1);		/* meets another record */
	ck_assert_int_eq(put_digests(1, 6, 1, 15, ours + 5), 1);	/* ours goes on */
	ck_assert_int_eq(put_digests(4, 7, 1, 0, theirs), 1);		/* nothing told, nothing known */
	ck_assert_int_eq(store_held(store, 1, 5, &through, &digest), 0);
	ck_assert_uint_eq(through, 7);
	ck_assert_uint_eq(digest, theirs[0]);
	ck_assert_int_eq(count_parted(), 6);
	ck_assert_uint_eq(replay(&all).n, 7);
}
END_TEST

START_TEST(over_days_and_restarts)
{
	struct reader_place all = {0}, later = {.day = 20270115, .row = 2};

	put(5, 1, 3, NOON);
	put(5, 4, 3, NOON + DAY);
	restart();
	ck_assert_uint_eq(held(5), 6);
	ck_assert_uint_eq(put(5, 1, 6, NOON + DAY), 0);
	ck_assert_uint_eq(put(5, 1, 8, NOON - DAY), 2);	/* the clock went back: with the newest */
	restart();
	ck_assert_uint_eq(held(5), 8);
	ck_assert_uint_eq(replay(&all).n, 8);
	ck_assert_uint_eq(replay(&later).n, 6);
}
END_TEST

START_TEST(names)
{
	const struct store_label ab[] = {{"a", "1", 1}, {"b", "2\0x", 3}}, ba[] = {ab[1], ab[0]};
	uint32_t host, other, check, series, again;

	ck_assert_int_eq(store_host(store, "uuid-1", "alpha", &host), 0);
	ck_assert_int_eq(store_check(store, host, "disk", "disk", NS_PER_S, &check), 0);
	ck_assert_int_eq(store_series(store, check, "used", ab, 2, &series), 0);
	ck_assert_int_eq(store_series(store, check, "used", ba, 2, &again), 0);
	ck_assert_uint_eq(series, again);
	ck_assert_int_eq(store_series(store, check, "used", ab, 1, &again), 0);
	ck_assert_uint_ne(series, again);
	ck_assert_int_eq(store_host(store, "uuid-2", "beta", &other), 0);
	ck_assert_uint_ne(host, other);
	ck_assert_int_eq(store_names_commit(store), 0);
	restart();
	ck_assert_int_eq(store_host(store, "uuid-1", "renamed", &other), 0);
	ck_assert_uint_eq(host, other);
	ck_assert_int_eq(store_check(store, host, "disk", "disk", 2 * NS_PER_S, &again), 0);
	ck_assert_uint_eq(check, again);
	ck_assert_int_eq(store_series(store, check, "used", ba, 2, &again), 0);
	ck_assert_uint_eq(series, again);
	ck_assert_int_eq(store_names_commit(store), 0);
}
END_TEST

START_TEST(names_have_a_limit)
{
	uint32_t host, id;
	char name[16];
	int r = 0, i;

	ck_assert_int_eq(store_host(store, "uuid-1", "alpha", &host), 0);
	for (i = 0; i <= STORE_CHECKS_MAX && !r; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		r = store_check(store, host, name, "p", NS_PER_S, &id);
	}
	ck_assert_int_eq(r, -EDQUOT);
	ck_assert_int_eq(i, STORE_CHECKS_MAX + 1);
	ck_assert_int_eq(store_names_commit(store), 0);
}
END_TEST

/* Each start of an agent begins an epoch: one that starts all day is refused until the next, not for as long as results are kept. */
START_TEST(epochs_have_a_limit_a_day)
{
	uint64_t through;
	uint32_t digest;

	for (uint64_t epoch = 1; epoch <= 1000; epoch++) {
		ck_assert_int_eq(store_held(store, 1, epoch, &through, &digest), 0);
		put(epoch, 1, 1, NOON);
		if (epoch == 500)
			restart();
	}
	ck_assert_int_eq(store_held(store, 1, 1001, &through, &digest), -EDQUOT);
	ck_assert_int_eq(store_held(store, 1, 1000, &through, &digest), 0);
	ck_assert_uint_eq(through, 1);
	ck_assert_int_eq(store_held(store, 2, 1001, &through, &digest), 0);
	put(1, 2, 1, NOON + DAY);
	ck_assert_int_eq(store_held(store, 1, 1001, &through, &digest), 0);
}
END_TEST

static int count_row(const struct reader_row *row, void *arg)
{
	++*(unsigned *)arg;
	return 0;
}

/* A query has its time; what a start needs is read whole, be there 10,000 hosts. */
START_TEST(test_r10_a_start_reads_as_long_as_it_takes)
{
	struct store_reader *reader;
	uint64_t damaged;
	unsigned n = 0;

	for (unsigned i = 0; i < 5; i++)
		put(5, 1 + 1000 * i, 1000, NOON);
	ck_assert_int_eq(reader_open(folder, &reader, why), 0);
	reader_limit(reader, 1);
	ck_assert_int_eq(reader_history(reader, 7, NOON, NOON + DAY, &damaged, count_row, &n), -ETIMEDOUT);
	reader_limit(reader, 0);
	n = 0;
	ck_assert_int_eq(reader_history(reader, 7, NOON, NOON + DAY, &damaged, count_row, &n), 0);
	ck_assert_uint_eq(n, 5000);
	reader_close(reader);
}
END_TEST

START_TEST(a_changed_value_is_not_served)
{
	struct reader_place all = {0};

	put(5, 1, 4, NOON);
	store_close(store);
	store = NULL;
	run_on("raw-20270115.db", "UPDATE result SET at = at + 1 WHERE id = 2;"
	       "UPDATE result SET data = zeroblob(20) WHERE id = 3");
	ck_assert_uint_eq(replay(&all).n, 2);
	ck_assert_uint_eq(all.damaged, 2);
}
END_TEST

/* A COMMIT that could not be: here by a lock that another took, on a file that none but the store should write. */
START_TEST(after_a_failed_commit)
{
	struct batch *b = make(5, 4, 2);
	struct result *result = b->result;
	char path[128];
	sqlite3 *db;

	put(5, 1, 3, NOON);
	snprintf(path, sizeof(path), "%s/raw-20270115.db", folder);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	ck_assert_int_eq(store_intake(store, &b, 1, NOON), -EBUSY);
	ck_assert_uint_eq(held(5), 3);
	sqlite3_close(db);
	ck_assert_int_eq(store_reopen(store), 0);
	ck_assert_uint_eq(held(5), 3);
	ck_assert_int_eq(store_intake(store, &b, 1, NOON), 0);
	ck_assert_uint_eq(b->results, 2);
	ck_assert_uint_eq(held(5), 5);
	drop(b, result);
}
END_TEST

START_TEST(rows)
{
	const uint32_t series[] = {UINT32_MAX, 0, 7, 6, 1u << 31};
	const double value[] = {0.1, -0.0, 1e308, 5e-324, -1};
	struct result one = {.values = 5, .took_ns = UINT64_MAX, .round = 1}, back = {0};
	uint8_t buf[ROW_ROOM(5)];
	uint32_t series_back[5];
	double value_back[5];
	size_t n = row_encode(&one, series, value, buf);

	ck_assert_int_eq(row_count(buf, n), 5);
	ck_assert_int_eq(row_decode(buf, n, &back, series_back, value_back), 0);
	ck_assert_mem_eq(series, series_back, sizeof(series));
	ck_assert_mem_eq(value, value_back, sizeof(value));
	ck_assert_uint_eq(back.took_ns, UINT64_MAX);
	ck_assert_uint_eq(back.round, 1);
	for (size_t cut = 0; cut < n; cut++)
		if (row_count(buf, cut) == 5)
			ck_assert_int_eq(row_decode(buf, cut, &back, series_back, value_back), -EBADMSG);
}
END_TEST

static void add(TCase *tc)
{
	T(once);
	T(once_in_a_group);
	T(test_r03_other_records_under_the_same_numbers_are_set_apart);
	T(over_days_and_restarts);
	T(names);
	T(names_have_a_limit);
	T(epochs_have_a_limit_a_day);
	T(test_r10_a_start_reads_as_long_as_it_takes);
	T(a_changed_value_is_not_served);
	T(after_a_failed_commit);
	T(rows);
}

int main(void)
{
	return suite_main("store", setup, teardown, 60, add);
}
