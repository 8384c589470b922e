/* The store on a real disk: exactly once, over the change of the day and a restart, migrations, retention, the engine's rows. */
#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "crc32c.h"
#include "collector/store/change.h"
#include "collector/store/copy.h"
#include "collector/store/pages.h"
#include "collector/store/change_queue.h"
#include "collector/store/reader.h"
#include "collector/store/row.h"
#include "collector/store/schema.h"
#include "collector/store/store.h"
#include "tests/unit/folder.h"

#define DAY (86400 * NS_PER_S)
#define NOON (INT64_C(1800000000) * NS_PER_S)	/* 2027-01-15 08:00 UTC */
#define RESERVE (1024 * 1024)

static char folder[64];
static struct store *store;
static char why[256];
static struct store_retired gone;
static const uint8_t key[32] = {7};

static void setup(void)
{
	strcpy(folder, "/tmp/beadle-store.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(store_open(folder, RESERVE, &store, why), 0);
	ck_assert_int_eq(store_begin(store, key, NOON), 0);
}

static void teardown(void)
{
	store_close(store);
	store = NULL;
	ck_assert_int_eq(folder_remove(folder), 0);
}

static void restart(void)
{
	store_close(store);
	store = NULL;
	ck_assert_int_eq(store_open(folder, RESERVE, &store, why), 0);
}

/* n results of two values each, first..first+n-1 of the epoch. */
static struct batch *make(uint64_t epoch, uint64_t first, uint32_t n)
{
	struct batch *b = calloc(1, sizeof(*b));

	*b = (struct batch){.host = 1, .epoch = epoch, .first = first, .results = n, .values = 2 * n};
	b->result = calloc(n, sizeof(*b->result));
	b->series = calloc(2 * n, sizeof(*b->series));
	b->value = calloc(2 * n, sizeof(*b->value));
	for (uint32_t i = 0; i < n; i++) {
		b->result[i] = (struct result){.check = 7, .values = 2, .first_value = 2 * i, .round = 1,
					       .at = NOON + (int64_t)(first + i), .took_ns = 1234567};
		b->series[2 * i] = 100000 + i;
		b->series[2 * i + 1] = 3;
		b->value[2 * i] = (double)(first + i);
		b->value[2 * i + 1] = -0.5;
	}
	return b;
}

static void drop(struct batch *b, struct result *result)
{
	free(result);
	free(b->series);
	free(b->value);
	free(b);
}

/* Stores one batch; returns how many results were new. */
static uint32_t put(uint64_t epoch, uint64_t first, uint32_t n, int64_t now)
{
	struct batch *b = make(epoch, first, n);
	struct result *result = b->result;
	uint32_t new;

	ck_assert_int_eq(store_intake(store, &b, 1, now), 0);
	new = b->results;
	drop(b, result);
	return new;
}

static uint64_t held(uint64_t epoch)
{
	uint64_t through;
	uint32_t digest;

	ck_assert_int_eq(store_held(store, 1, epoch, &through, &digest), 0);
	return through;
}

struct seen { unsigned n; uint64_t sum, last; uint32_t days[4]; };

static int see(const struct reader_row *row, void *arg)
{
	struct seen *seen = arg;

	ck_assert_uint_eq(row->host, 1);
	ck_assert_uint_eq(row->result.check, 7);
	ck_assert_uint_eq(row->result.values, 2);
	ck_assert_uint_eq(row->result.took_ns, 1234567);
	ck_assert_uint_eq(row->result.round, 1);
	ck_assert_uint_ge(row->series[0], 100000);
	ck_assert_uint_eq(row->series[1], 3);
	ck_assert_double_eq(row->value[0], (double)row->sequence);
	ck_assert_double_eq(row->value[1], -0.5);
	seen->n++;
	seen->sum += row->sequence;
	seen->last = row->sequence;
	return 0;
}

static struct seen replay(struct reader_place *from)
{
	struct store_reader *reader;
	struct seen seen = {0};

	ck_assert_int_eq(reader_open(folder, &reader, why), 0);
	ck_assert_int_eq(reader_replay(reader, from, see, &seen), 0);
	reader_close(reader);
	return seen;
}

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

static bool there(uint32_t day)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/raw-%u.db", folder, day);
	return !access(path, F_OK);
}

START_TEST(retention)
{
	struct reader_place all = {0};

	put(5, 1, 1, NOON - 3 * DAY);
	put(5, 2, 1, NOON - 2 * DAY);
	put(5, 3, 1, NOON - DAY);
	put(5, 4, 1, NOON);
	ck_assert_int_eq(store_retire(store, NOON, 2, &gone), 0);
	ck_assert(!there(20270112));
	ck_assert(there(20270113));
	ck_assert(there(20270115));
	ck_assert_uint_eq(replay(&all).n, 3);
	ck_assert_uint_eq(put(5, 1, 5, NOON), 1);
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

START_TEST(test_r04_what_was_deleted_for_its_age_is_not_lost)
{
	put(5, 1, 3, NOON - 5 * DAY);
	put(6, 1, 1, NOON - DAY);
	put(6, 2, 1, NOON);
	ck_assert_uint_eq(store_lost(store, 1, 5, 3, NOON - 5 * DAY), 0);
	ck_assert_uint_eq(store_lost(store, 1, 5, 7, NOON - 5 * DAY), 4);	/* it held three, and was told of seven */
	ck_assert_uint_eq(store_lost(store, 1, 9, 2, NOON), 1);
	ck_assert_uint_eq(store_lost(store, 2, 6, 2, NOON), 1);			/* another host's */
	ck_assert_int_eq(store_retire(store, NOON, 2, &gone), 0);
	ck_assert_uint_eq(gone.n, 1);
	restart();
	ck_assert_uint_eq(held(5), 0);
	ck_assert_uint_eq(store_lost(store, 1, 5, 3, NOON - 5 * DAY), 0);
	ck_assert_uint_eq(store_lost(store, 1, 9, 2, NOON), 1);
}
END_TEST

/* Of a backup the main file may be the later one. */
START_TEST(test_c04_a_row_that_was_judged_is_not_given_twice)
{
	struct store_change *c = change_new(NULL, NULL);
	struct reader_place judged = {.day = 20270115, .row = 50};

	put(5, 1, 3, NOON);
	change_progress(c, 20270115, 50);
	ck_assert_int_eq(store_apply(store, c), 0);
	change_free(c);
	restart();
	put(5, 4, 2, NOON);
	ck_assert_uint_eq(replay(&judged).n, 2);
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

static int no_more(const char *name, void *arg)
{
	strcpy(arg, name);
	return 0;
}

START_TEST(test_c04_a_copy_gives_way)
{
	struct store_reader *reader;
	char last[32] = "", path[128];
	uint64_t bytes = 0;

	put(5, 1, 3, NOON);
	ck_assert_int_eq(reader_open(folder, &reader, why), 0);
	ck_assert_int_eq(copy_parts(reader, no_more, last), 0);
	ck_assert_str_eq(last, "main.db");
	ck_assert_int_eq(copy_part(reader, "raw-20270115.db", &bytes), 0);
	ck_assert_uint_gt(bytes, 4096);
	ck_assert_int_eq(copy_part(reader, "raw-20270116.db", &bytes), -ENOENT);
	ck_assert_int_eq(copy_part(reader, "../main.db", &bytes), -ENOENT);
	copy_abort(reader);
	ck_assert_int_eq(copy_part(reader, "main.db", &bytes), -EAGAIN);
	reader_close(reader);
	restart();			/* what was left behind is removed */
	snprintf(path, sizeof(path), "%s/" STORE_COPY, folder);
	ck_assert_int_lt(access(path, F_OK), 0);
}
END_TEST

static atomic_bool enough;

static void *write_on(void *arg)
{
	unsigned *n = arg;

	for (; !enough; ++*n) {
		put(5, *n + 1, 1, NOON);
		if (*n % 64 == 63)
			ck_assert_int_eq(store_reopen(store), 0);
	}
	return NULL;
}

/* Rows of a copy: from the first on, and none is missing. */
static int64_t rows_of_copy(void)
{
	char path[128];
	sqlite3 *db = NULL;
	sqlite3_stmt *s = NULL;
	int64_t n, last;

	snprintf(path, sizeof(path), "%s/" STORE_COPY, folder);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db, "SELECT count(*), max(sequence), (SELECT through FROM spool) FROM result", -1, &s, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(s), SQLITE_ROW);
	n = sqlite3_column_int64(s, 0);
	last = sqlite3_column_int64(s, 1);
	ck_assert_int_eq(n, last);
	ck_assert_int_eq(n, sqlite3_column_int64(s, 2));
	sqlite3_finalize(s);
	sqlite3_close(db);
	return n;
}

START_TEST(test_c04_a_copy_is_of_one_moment_while_it_is_written_to)
{
	struct store_reader *reader;
	unsigned written = 1, good = 0;
	int64_t before = 0;
	pthread_t writer;
	uint64_t bytes;

	put(5, 1, 1, NOON);
	ck_assert_int_eq(reader_open(folder, &reader, why), 0);
	pthread_create(&writer, NULL, write_on, &written);
	while (good < 20) {
		int r = copy_part(reader, "raw-20270115.db", &bytes);

		ck_assert(r == 0 || r == -EAGAIN);
		if (r == 0 && good++ > 0) {
			int64_t n = rows_of_copy();

			ck_assert_int_ge(n, before);
			before = n;
		}
	}
	enough = true;
	pthread_join(writer, NULL);
	ck_assert_int_gt(before, 0);
	reader_close(reader);
}
END_TEST

START_TEST(test_r12_a_clock_years_ahead_deletes_nothing)
{
	put(5, 1, 1, NOON - DAY);
	put(5, 2, 1, NOON);
	restart();
	ck_assert_int_eq(store_retire(store, NOON + 75 * 365 * DAY, 92, &gone), 0);	/* before anything is stored */
	put(5, 3, 1, NOON + 75 * 365 * DAY);
	ck_assert_int_eq(store_retire(store, NOON + 75 * 365 * DAY, 92, &gone), 0);
	ck_assert(there(20270114));
	ck_assert(there(20270115));
	ck_assert_int_eq(store_retire(store, INT64_C(-1) * NS_PER_S, 92, &gone), 0);	/* nor does one in 1969 */
	ck_assert(there(20270114));
	for (int day = 1; day <= 3; day++) {					/* nor days of it on end */
		put(5, 3 + (uint64_t)day, 1, NOON + (75 * 365 + day) * DAY);
		ck_assert_int_eq(store_retire(store, NOON + (75 * 365 + day) * DAY, 92, &gone), 0);
	}
	ck_assert(there(20270114));
}
END_TEST

/* What came while the clock was years behind is as new as the rest. */
START_TEST(test_r12_a_clock_years_behind_files_nothing_as_old)
{
	struct reader_place all = {0};

	put(5, 1, 1, NOON - DAY);
	put(5, 2, 1, NOON);
	put(5, 3, 2, NOON - 10 * 365 * DAY);
	restart();
	put(5, 5, 1, INT64_C(1) * NS_PER_S);
	for (int day = 0; day < 3; day++) {
		put(5, 6 + (uint64_t)day, 1, NOON + day * DAY);
		ck_assert_int_eq(store_retire(store, NOON + day * DAY, 2, &gone), 0);
	}
	ck_assert_uint_eq(replay(&all).n, 7);	/* of eight: 20270114 was old */
	ck_assert_uint_eq(put(5, 1, 9, NOON + 3 * DAY), 1);
}
END_TEST

static int count_series(const struct reader_series *one, void *arg)
{
	ck_assert_str_eq(one->metric, "used");
	ck_assert_uint_eq(one->n, 2);
	ck_assert_str_eq(one->labels[1].name, "mount");
	ck_assert_mem_eq(one->labels[1].value, "/\n", 2);
	ck_assert_uint_eq(one->labels[1].size, 2);
	++*(int *)arg;
	return 0;
}

static int count_states(const struct reader_state *one, void *arg)
{
	ck_assert_str_eq(one->rule_id, "disk_used");
	ck_assert_uint_eq(one->series, UINT32_MAX);
	ck_assert_double_eq(one->value, 0.9);
	++*(int *)arg;
	return 0;
}

static int count_incidents(const struct reader_incident *one, void *arg)
{
	ck_assert_str_eq(one->json, one->id == 2 ? "{\"b\":2}" : "{}");
	*(int *)arg = *(int *)arg * 10 + (int)one->id;
	return 0;
}

static int count_notices(const struct reader_notice *one, void *arg)
{
	ck_assert_str_eq(one->id, "n-2");
	++*(int *)arg;
	return 0;
}

START_TEST(engine_rows)
{
	struct store_change *c = change_new(NULL, NULL);
	const struct store_label labels[] = {{"mount", "/\n", 2}, {"a", "", 0}};
	struct store_reader *reader;
	struct reader_place place;
	uint32_t host, check, series;
	char *json;
	uint64_t last;
	int n;

	store_host(store, "u", "h", &host);
	store_check(store, host, "disk", "disk", NS_PER_S, &check);
	store_series(store, check, "used", labels, 2, &series);
	ck_assert_int_eq(store_names_commit(store), 0);
	ck_assert(change_empty(c));
	change_state(c, 1, 2, 3, "disk_used", 2, 0.5, NOON);
	change_state(c, 1, 2, UINT32_MAX, "disk_used", 2, 0.9, NOON);
	change_state(c, 1, 2, 3, "disk_used", 0, 0, NOON);
	change_incident(c, 1, 1, "INC-A", false, NOON, "{}");
	change_incident(c, 2, 1, "INC-A", true, NOON, "{}");
	change_incident(c, 2, 1, "INC-A", true, NOON, "{\"b\":2}");
	change_incident(c, 3, 1, "INC-A", false, NOON, "{}");
	change_incident(c, 4, 1, "INC-A", false, NOON, "{}");
	change_step(c, 2, NOON, "wang", "ack", "{}");
	change_notice(c, "n-1", 2, true, NOON, "{}");
	change_notice(c, "n-1", 2, false, NOON, "{}");
	change_notice(c, "n-2", 2, true, NOON, "{}");
	change_setting(c, "k", "[1]");
	change_progress(c, 20270115, 17);
	change_progress(c, 20270114, 99);
	ck_assert_int_eq(store_apply(store, c), 0);
	change_free(c);
	restart();

	ck_assert_int_eq(reader_open(folder, &reader, why), 0);
	n = 0;
	ck_assert_int_eq(reader_series(reader, count_series, &n), 0);
	ck_assert_int_eq(n, 1);
	n = 0;
	ck_assert_int_eq(reader_states(reader, count_states, &n), 0);
	ck_assert_int_eq(n, 1);
	n = 0;
	ck_assert_int_eq(reader_incidents(reader, 2, count_incidents, &n), 0);
	ck_assert_int_eq(n, 432);
	ck_assert_int_eq(reader_last_incident(reader, &last), 0);
	ck_assert_uint_eq(last, 4);
	n = 0;
	ck_assert_int_eq(reader_notices(reader, count_notices, &n), 0);
	ck_assert_int_eq(n, 1);
	ck_assert_int_eq(reader_setting(reader, "k", &json), 0);
	ck_assert_str_eq(json, "[1]");
	free(json);
	ck_assert_int_eq(reader_setting(reader, "none", &json), -ENOENT);
	ck_assert_int_eq(reader_progress(reader, &place), 0);
	ck_assert_uint_eq(place.day, 20270115);
	ck_assert_int_eq(place.row, 17);
	reader_close(reader);
}
END_TEST

static void run_on(const char *file, const char *text)
{
	char path[128];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	ck_assert_int_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, PAGES_VFS), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static int count_steps(const struct reader_step *one, void *arg)
{
	ck_assert_str_eq(one->actor, "wang");
	(*(int *)arg)++;
	return 0;
}

static int steps(void)
{
	struct store_reader *reader;
	int n = 0;

	ck_assert_int_eq(reader_open(folder, &reader, why), 0);
	ck_assert_int_eq(reader_steps(reader, 2, count_steps, &n), 0);
	reader_close(reader);
	return n;
}

/* As when a commit's sync failed: the engine applies its change again, and recovery has found it in the log. */
START_TEST(test_r07_a_change_that_was_kept_after_all_is_not_kept_twice)
{
	struct store_change *c = change_new(NULL, NULL), *other = change_new(NULL, NULL);

	change_step(c, 2, NOON, "wang", "ack", "{}");
	change_step(other, 2, NOON, "wang", "ack", "{}");
	ck_assert_int_eq(store_apply(store, c), 0);
	ck_assert_int_eq(steps(), 1);
	ck_assert_int_eq(store_reopen(store), 0);
	ck_assert_int_eq(store_apply(store, c), 0);
	ck_assert_int_eq(steps(), 1);
	ck_assert_int_eq(store_apply(store, other), 0);
	ck_assert_int_eq(steps(), 2);
	change_free(c);
	change_free(other);
}
END_TEST

START_TEST(newer_is_refused)
{
	struct store *other = NULL;

	store_close(store);
	store = NULL;
	run_on("main.db", "PRAGMA user_version = 99");
	ck_assert_int_eq(store_open(folder, RESERVE, &other, why), -EPROTONOSUPPORT);
	ck_assert_ptr_nonnull(strstr(why, "newer"));
	run_on("main.db", "PRAGMA user_version = 4");
	run_on("raw-20270115.db", "PRAGMA user_version = 99");
	ck_assert_int_eq(store_open(folder, RESERVE, &other, why), -EPROTONOSUPPORT);
}
END_TEST

static int see_entry(const struct reader_entry *e, void *arg)
{
	char *at = arg;

	ck_assert_ptr_null(e->signature);
	snprintf(at + strlen(at), 1024 - strlen(at), "%" PRIu64 " %s %s %s\n", e->number, e->actor, e->action, e->number == 1 ? "" : e->payload);
	return 0;
}

static void entries(char ret[1024])
{
	struct store_reader *reader;

	*ret = 0;
	ck_assert_int_eq(reader_open(folder, &reader, why), 0);
	ck_assert_int_eq(reader_journal(reader, 0, see_entry, NULL, ret), 0);
	reader_close(reader);
}

#define NO_JOURNAL "DROP TABLE gap; DROP TABLE journal; DROP TABLE checkpoint; DROP TABLE step; ALTER TABLE step_before RENAME TO step;" \
	"CREATE INDEX step_incident ON step (incident);"

START_TEST(test_c02_a_store_of_the_first_version_keeps_what_it_holds)
{
	struct reader_place all = {0};

	put(5, 1, 4, NOON);
	store_close(store);
	store = NULL;
	run_on("main.db", NO_JOURNAL "INSERT INTO host VALUES (9, 'u', 'web1', 3); ALTER TABLE host DROP COLUMN generation;"
	       "ALTER TABLE given_name DROP COLUMN json; PRAGMA user_version = 1");
	run_on("raw-20270115.db", "DROP TRIGGER spool_added; DROP TRIGGER spool_moved; DROP TABLE spool_again;"
	       "ALTER TABLE spool DROP COLUMN digest; DROP TABLE parted; PRAGMA user_version = 1");
	restart();
	ck_assert_uint_eq(put(5, 1, 6, NOON), 2);
	ck_assert_uint_eq(held(5), 6);
	ck_assert_uint_eq(replay(&all).n, 6);
	store_close(store);
	store = NULL;
	run_on("main.db", "UPDATE host SET generation = generation + 1 WHERE uuid = 'u'; UPDATE given_name SET json = '{}';"
	       "SELECT salt, payload FROM journal");
	run_on("raw-20270115.db", "DELETE FROM parted; UPDATE spool SET digest = 0; DELETE FROM spool_again");
}
END_TEST

/* What was there before there was a journal goes into it, once. */
START_TEST(test_a02_an_older_store_is_carried_over)
{
	char told[1024], wanted[1024], digest[65], identity[65], open_one[65];
	struct store_change *c = change_new(NULL, NULL);

	strcpy(digest, change_account(c, "admin", "{}").digest);
	strcpy(identity, change_given_name(c, "uu", "web1", "{}").digest);
	change_incident(c, 2, 1, "INC-A", true, NOON, "{}");
	strcpy(open_one, change_incident(c, 1, 1, "INC-A", false, NOON, "{}").digest);
	ck_assert_int_eq(store_apply(store, c), 0);
	change_free(c);
	store_close(store);
	store = NULL;
	run_on("main.db", NO_JOURNAL "INSERT INTO step VALUES (1, 2, 17, 'wang', 'ack', '{\"detail\":\"\"}'); PRAGMA user_version = 2");
	restart();
	ck_assert_int_eq(store_begin(store, key, NOON), 0);
	ck_assert_int_eq(store_begin(store, key, NOON), 0);
	restart();
	entries(told);
	snprintf(wanted, sizeof(wanted), "1 system journal.begin \n2 system account.carried admin {\"row\":\"%s\"}\n"
		 "3 system identity.carried uu {\"row\":\"%s\"}\n4 wang incident.ack 2 {\"detail\":\"\"}\n"
		 "5 system incident.carried 1 {\"row\":\"%s\"}\n6 system incident.carried 2 {\"row\":\"*\"}\n", digest, identity, open_one);
	ck_assert_str_eq(told, wanted);
}
END_TEST

/* An entry is there with what it tells of, or neither is; and numbers go on without a gap. */
START_TEST(test_a02_an_entry_shares_the_fate_of_its_change)
{
	struct store_change *bad = change_new(NULL, NULL), *good = change_new(NULL, NULL);
	char told[1024], control[2] = "\n";

	change_entry(bad, NOON, "lin", "account.roles wang", "{}");
	change_entry(bad, NOON, "lin", "account.roles wang", "");	/* no payload */
	ck_assert_int_eq(store_apply(store, bad), -EINVAL);
	change_entry(good, NOON, control, "login.good", "{}");
	ck_assert_int_eq(store_apply(store, good), 0);
	ck_assert_uint_eq(((struct change_node *)good)->entry, 2);
	restart();
	entries(told);
	ck_assert_str_eq(told, "1 system journal.begin \n2 \\x0a login.good {}\n");
	change_free(bad);
	change_free(good);
}
END_TEST

/* Files in schools have walked them: a change to one would part those stores from new ones. */
START_TEST(test_c02_a_released_step_is_never_changed)
{
	static const uint32_t main_steps[] = {0xf55542c6, 0x26471045, 0x83639d15}, day_steps[] = {0xf57b3d96, 0x6e182b0a};

	ck_assert_int_ge(schema_main_steps, 3);
	ck_assert_int_ge(schema_day_steps, 2);
	for (int i = 0; i < 3; i++)
		ck_assert_uint_eq(crc32c(0, schema_main[i], strlen(schema_main[i])), main_steps[i]);
	for (int i = 0; i < 2; i++)
		ck_assert_uint_eq(crc32c(0, schema_day[i], strlen(schema_day[i])), day_steps[i]);
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

int main(void)
{
	Suite *s = suite_create("store");
	TCase *t = tcase_create("store");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, once);
	tcase_add_test(t, once_in_a_group);
	tcase_add_test(t, test_r03_other_records_under_the_same_numbers_are_set_apart);
	tcase_add_test(t, over_days_and_restarts);
	tcase_add_test(t, retention);
	tcase_add_test(t, test_r04_what_was_deleted_for_its_age_is_not_lost);
	tcase_add_test(t, test_c04_a_row_that_was_judged_is_not_given_twice);
	tcase_add_test(t, test_r10_a_start_reads_as_long_as_it_takes);
	tcase_add_test(t, test_c04_a_copy_gives_way);
	tcase_add_test(t, test_c04_a_copy_is_of_one_moment_while_it_is_written_to);
	tcase_add_test(t, test_r12_a_clock_years_ahead_deletes_nothing);
	tcase_add_test(t, test_r12_a_clock_years_behind_files_nothing_as_old);
	tcase_add_test(t, names);
	tcase_add_test(t, names_have_a_limit);
	tcase_add_test(t, epochs_have_a_limit_a_day);
	tcase_add_test(t, engine_rows);
	tcase_add_test(t, test_r07_a_change_that_was_kept_after_all_is_not_kept_twice);
	tcase_add_test(t, newer_is_refused);
	tcase_add_test(t, test_c02_a_store_of_the_first_version_keeps_what_it_holds);
	tcase_add_test(t, test_c02_a_released_step_is_never_changed);
	tcase_add_test(t, test_a02_an_older_store_is_carried_over);
	tcase_add_test(t, test_a02_an_entry_shares_the_fate_of_its_change);
	tcase_add_test(t, a_changed_value_is_not_served);
	tcase_add_test(t, after_a_failed_commit);
	tcase_add_test(t, rows);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
