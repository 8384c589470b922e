/* A copy of the store for a backup (C4): of one moment, in nobody's way; and what is not judged twice after it was put back. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "collector/store/change.h"
#include "collector/store/copy.h"
#include "tests/unit/store_stage.h"

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

static void add(TCase *tc)
{
	T(test_c04_a_row_that_was_judged_is_not_given_twice);
	T(test_c04_a_copy_gives_way);
	T(test_c04_a_copy_is_of_one_moment_while_it_is_written_to);
}

int main(void)
{
	return suite_main("store, copy", setup, teardown, 60, add);
}
