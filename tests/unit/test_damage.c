/*
 * R8 in the collector's store: one bit of one file turns, at places that chance picks (BEADLE_FLIPS of them, seed BEADLE_SEED). What is
 * served is as it was sent, nothing is there twice, what is lost is told, and the file that was damaged still lies there.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "collector/store/change.h"
#include "collector/store/pages.h"
#include "collector/store/reader.h"
#include "collector/store/store.h"

#define DAY (86400 * NS_PER_S)
#define NOON (INT64_C(1800000000) * NS_PER_S)	/* 2027-01-15 08:00 UTC */
#define RESERVE (1024 * 1024)
#define HOSTS 3
#define DAYS 3
#define A_DAY 400			/* results of one host */
#define MOST (DAYS * A_DAY + 100)
#define VALUES 8
#define LARGE 6000			/* bytes beside some results: more than a page */
#define INCIDENTS 300
#define A_PAGE (PAGE_SIZE / 60)		/* rows that one holds, at most */
#define TODAY "raw-20270117.db"

static char base[64], folder[96], why[256];
static struct store *store;
static unsigned char seen[HOSTS + 1][MOST + 1];
static uint64_t total;			/* results that were stored */

static void shell(const char *format, const char *a, const char *b)
{
	char command[256];

	snprintf(command, sizeof(command), format, a, b);
	ck_assert_int_eq(system(command), 0);
}

/* ---- what is stored: each content follows from host and sequence ---- */

static double value_of(uint32_t host, uint64_t sequence, uint32_t i)
{
	return (double)(host * 1000000 + sequence) + i / 16.0;
}

static size_t extra_of(uint64_t sequence)
{
	return sequence % 50 == 7 ? LARGE : 0;
}

static int store_some(uint32_t host, uint64_t first, uint32_t n, int64_t now, uint32_t *ret_new)
{
	static uint8_t extra[LARGE];
	struct batch *b = calloc(1, sizeof(*b));
	struct result *result = calloc(n, sizeof(*result));
	int r;

	memset(extra, 'x', sizeof(extra));
	*b = (struct batch){.host = host, .epoch = host * UINT64_C(0x9e3779b97f4a7c15), .first = first, .results = n, .values = n * VALUES,
			    .result = result, .series = calloc(n * VALUES, sizeof(*b->series)), .value = calloc(n * VALUES, sizeof(*b->value))};
	for (uint32_t i = 0; i < n; i++) {
		result[i] = (struct result){.check = host, .values = VALUES, .first_value = i * VALUES, .round = 1,
					    .at = NOON + (int64_t)(first + i), .extra = extra, .extra_size = (uint32_t)extra_of(first + i)};
		for (uint32_t k = 0; k < VALUES; k++) {
			b->series[i * VALUES + k] = host * 100 + k;
			b->value[i * VALUES + k] = value_of(host, first + i, k);
		}
	}
	r = store_intake(store, &b, 1, now);
	*ret_new = b->results;
	free(result);
	free(b->series);
	free(b->value);
	free(b);
	return r;
}

static void put(uint32_t host, uint64_t first, uint32_t n, int64_t now)
{
	uint32_t new;

	ck_assert_int_eq(store_some(host, first, n, now, &new), 0);
	total += new;
}

static uint64_t held(uint32_t host)
{
	uint64_t through;
	uint32_t digest;

	ck_assert_int_eq(store_held(store, host, host * UINT64_C(0x9e3779b97f4a7c15), &through, &digest), 0);
	return through;
}

static struct store_retired gone;

static void put_incidents(void)
{
	struct store_change *c = change_new(NULL, NULL);

	for (uint64_t id = 1; id <= INCIDENTS; id++) {
		char json[64];

		snprintf(json, sizeof(json), "{\"this\": %" PRIu64 "}", id * id);
		change_incident(c, id, 1, "INC-A", true, NOON + (int64_t)id, json);
	}
	ck_assert_int_eq(store_apply(store, c), 0);
	change_free(c);
}

static void setup(void)
{
	strcpy(base, "/tmp/beadle-damage.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(base));
	snprintf(folder, sizeof(folder), "%s/good", base);
	ck_assert_int_eq(store_open(folder, RESERVE, &store, why), 0);
	total = 0;
	for (int64_t day = 0; day < DAYS; day++)
		for (uint32_t at = 0; at < A_DAY; at += 100)
			for (uint32_t host = 1; host <= HOSTS; host++)
				put(host, (uint64_t)day * A_DAY + at + 1, 100, NOON + day * DAY);
	put_incidents();
	store_close(store);
	store = NULL;
}

static void teardown(void)
{
	store_close(store);
	store = NULL;
	shell("rm -r %s%s", base, "");
}

/* A copy of the good store to work on. */
static void begin(void)
{
	char command[256];

	store_close(store);
	store = NULL;
	snprintf(command, sizeof(command), "rm -rf %s/work && cp -r %s/good %s/work", base, base, base);
	ck_assert_int_eq(system(command), 0);
	snprintf(folder, sizeof(folder), "%s/work", base);
}

static int64_t size_of(const char *name)
{
	char path[160];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_size;
}

static void flip(const char *name, int64_t bit)
{
	char path[160];
	uint8_t byte;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDWR);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, &byte, 1, bit / 8), 1);
	byte ^= (uint8_t)(1 << (bit % 8));
	ck_assert_int_eq(pwrite(fd, &byte, 1, bit / 8), 1);
	close(fd);
}

/* Is the bit where other pages are found by: the file's first page, or an inner one of a table? */
static bool is_way(const char *name, int64_t bit)
{
	const int64_t page = bit / 8 / PAGE_SIZE;
	char path[160];
	uint8_t kind;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDONLY);
	ck_assert_int_eq(pread(fd, &kind, 1, page * PAGE_SIZE), 1);
	close(fd);
	return page == 0 || kind == 5;
}

/* ---- what is read ---- */

static int see(const struct reader_row *row, void *n)
{
	ck_assert_msg(row->host >= 1 && row->host <= HOSTS && row->sequence >= 1 && row->sequence <= MOST, "a row that nobody sent");
	ck_assert_msg(!seen[row->host][row->sequence]++, "%u/%" PRIu64 " is there twice", row->host, row->sequence);
	ck_assert_uint_eq(row->epoch, row->host * UINT64_C(0x9e3779b97f4a7c15));
	ck_assert_uint_eq(row->result.check, row->host);
	ck_assert_uint_eq(row->result.values, VALUES);
	ck_assert_uint_eq(row->result.extra_size, extra_of(row->sequence));
	for (uint32_t k = 0; k < VALUES; k++) {
		ck_assert_uint_eq(row->series[k], row->host * 100 + k);
		ck_assert_double_eq(row->value[k], value_of(row->host, row->sequence, k));
	}
	++*(uint64_t *)n;
	return 0;
}

/* Everything, by the way of a restart and by that of a history: how many, and how many were told as damaged. */
static uint64_t read_all(uint64_t *ret_damaged)
{
	struct reader_place all = {0};
	struct store_reader *reader;
	uint64_t n = 0, again = 0, damaged;

	memset(seen, 0, sizeof(seen));
	ck_assert_int_eq(reader_open(folder, &reader, why), 0);
	ck_assert_int_eq(reader_replay(reader, &all, see, &n), 0);
	memset(seen, 0, sizeof(seen));
	for (uint32_t host = 1; host <= HOSTS; host++)
		ck_assert_int_eq(reader_history(reader, host, NOON, NOON + DAY, &damaged, see, &again), 0);
	ck_assert_uint_eq(n, again);
	reader_close(reader);
	*ret_damaged = all.damaged;
	return n;
}

static int count_incidents(const struct reader_incident *i, void *n)
{
	char json[64];

	snprintf(json, sizeof(json), "{\"this\": %" PRIu64 "}", i->id * i->id);
	ck_assert_str_eq(i->json, json);
	ck_assert_int_eq(i->at, NOON + (int64_t)i->id);
	++*(unsigned *)n;
	return 0;
}

/* ---- tests ---- */

static unsigned number_of(const char *variable, unsigned otherwise)
{
	const char *text = getenv(variable);

	return text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

static int64_t chance(int64_t below)
{
	return (int64_t)(((uint64_t)random() << 31 | (uint64_t)random()) % (uint64_t)below);
}

/* A host that was not told what it sent last sends it again, and goes on: nothing may be counted twice. */
static void go_on(void)
{
	uint64_t damaged, now;

	for (uint32_t host = 1; host <= HOSTS; host++) {
		uint32_t new;
		int r = store_some(host, DAYS * A_DAY - 19, 30, NOON + 2 * DAY, &new);

		if (r == -EBADMSG) {
			ck_assert_int_eq(store_reopen(store), 0);
			r = store_some(host, DAYS * A_DAY - 19, 30, NOON + 2 * DAY, &new);
		}
		ck_assert_int_eq(r, 0);
		ck_assert_uint_ge(new, 10);
	}
	now = read_all(&damaged);		/* looks at each for its double */
	for (uint32_t host = 1; host <= HOSTS; host++)
		for (uint64_t sequence = DAYS * A_DAY + 1; sequence <= DAYS * A_DAY + 10; sequence++)
			ck_assert_uint_eq(seen[host][sequence], 1);
	ck_assert_uint_le(now, total + HOSTS * 10);
}

START_TEST(test_r08_a_flipped_bit_in_a_days_file)
{
	static const char *const files[] = {"raw-20270115.db", "raw-20270116.db", TODAY};
	unsigned rounds = number_of("BEADLE_FLIPS", 15), nothing = 0;

	srandom(number_of("BEADLE_SEED", 8));
	for (unsigned i = 0; i < rounds; i++) {
		const char *file = files[chance(3)];
		struct store_damage d = {0};
		uint64_t damaged, n;
		int64_t bit;
		bool aside, way;

		begin();
		bit = chance(size_of(file) * 8);
		way = is_way(file, bit);
		flip(file, bit);
		ck_assert_msg(store_open(folder, RESERVE, &store, why) == 0, "%s, bit %" PRId64 ": %s", file, bit, why);
		aside = store_take_damage(store, &d);
		n = read_all(&damaged);
		ck_assert_msg(n <= total && (n == total) == (!damaged && !d.lost && (!aside || d.readable)),
			      "%s, bit %" PRId64 ": %" PRIu64 " of %" PRIu64 ", %" PRIu64 " damaged, %" PRIu64 " lost", file, bit, n, total,
			      damaged, d.lost);
		ck_assert_msg(way || total - n <= A_PAGE, "%s, bit %" PRId64 ": %" PRIu64 " of %" PRIu64, file, bit, n, total);
		if (aside) {
			ck_assert_int_gt(size_of(d.aside), 0);
			ck_assert(!d.readable || (n == total - d.lost && d.exact));
		}
		nothing += n == total;
		go_on();
	}
	ck_assert_uint_lt(nothing, rounds);	/* some did hit a result */
}
END_TEST

START_TEST(test_r08_a_flipped_bit_in_the_main_file)
{
	unsigned rounds = number_of("BEADLE_FLIPS", 15), found = 0;

	srandom(number_of("BEADLE_SEED", 8));
	for (unsigned i = 0; i < rounds; i++) {
		struct store_reader *reader = NULL;
		unsigned n = 0;
		int r;

		begin();
		flip("main.db", chance(size_of("main.db") * 8));
		r = store_open(folder, RESERVE, &store, why);
		ck_assert_msg(r == 0 || (r == -EBADMSG && strstr(why, "damaged")), "%d: %s", r, why);
		if (r == 0 && (r = reader_open(folder, &reader, why)) == 0)
			r = reader_incidents(reader, INCIDENTS, count_incidents, &n);
		ck_assert_msg((r == 0 && n == INCIDENTS) || r == -EBADMSG, "%d, %u incidents", r, n);
		reader_close(reader);
		found += r != 0;
	}
	ck_assert_uint_gt(found, 0);
}
END_TEST

/* Where a table begins, or, with last, the page that its last row is on. */
static int64_t page_of(const char *table, bool last)
{
	char path[160], text[160];
	sqlite3_stmt *s;
	sqlite3 *db;
	int64_t page;

	snprintf(path, sizeof(path), "%s/" TODAY, folder);
	snprintf(text, sizeof(text), "SELECT rootpage FROM sqlite_schema WHERE name = '%s'", table);
	ck_assert_int_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db, text, -1, &s, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(s), SQLITE_ROW);
	page = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	if (last) {	/* the right-most child stands in the root's header */
		uint8_t right[4];
		int fd = open(path, O_RDONLY);

		ck_assert_int_eq(pread(fd, right, 4, (page - 1) * PAGE_SIZE + 8), 4);
		close(fd);
		page = right[0] << 24 | right[1] << 16 | right[2] << 8 | right[3];
	}
	return page;
}

static void damage_page(int64_t page)
{
	flip(TODAY, ((page - 1) * PAGE_SIZE + PAGE_SIZE / 2) * 8);
}

/* Either of the two tables that say who is held to what: nothing is lost at all. */
START_TEST(test_r08_who_is_held_to_what_is_known_twice)
{
	static const char *const tables[] = {"spool", "spool_again"};

	for (int i = 0; i < 2; i++) {
		struct store_damage d;
		uint64_t damaged;
		uint32_t new;

		begin();
		damage_page(page_of(tables[i], false));
		ck_assert_int_eq(store_open(folder, RESERVE, &store, why), 0);
		if (i) {	/* nobody looks there before it is written to */
			ck_assert_int_eq(store_some(1, DAYS * A_DAY + 1, 1, NOON + 2 * DAY, &new), -EBADMSG);
			ck_assert_int_eq(store_reopen(store), 0);
		}
		ck_assert(store_take_damage(store, &d));
		ck_assert(d.readable && d.exact);
		ck_assert_uint_eq(d.lost, 0);
		for (uint32_t host = 1; host <= HOSTS; host++)
			ck_assert_uint_eq(held(host), DAYS * A_DAY);
		ck_assert_uint_eq(read_all(&damaged), total);
		go_on();
	}
}
END_TEST

/* The page that the next row goes to: found while the store is at work. */
START_TEST(test_r08_the_page_that_is_written_to)
{
	struct store_damage d;
	uint64_t damaged;
	uint32_t new;

	begin();
	damage_page(page_of("result", true));
	ck_assert_int_eq(store_open(folder, RESERVE, &store, why), 0);
	ck_assert(!store_take_damage(store, &d));
	ck_assert_int_eq(store_some(1, DAYS * A_DAY + 1, 1, NOON + 2 * DAY, &new), -EBADMSG);
	ck_assert_int_eq(store_reopen(store), 0);
	ck_assert(store_take_damage(store, &d));
	ck_assert(d.readable && d.exact);
	ck_assert_uint_eq(d.kept + d.lost, HOSTS * A_DAY);
	ck_assert_uint_gt(d.lost, 0);
	ck_assert_uint_le(d.lost, A_PAGE);
	ck_assert_uint_eq(read_all(&damaged), total - d.lost);
	ck_assert_uint_eq(damaged, 0);
	go_on();
}
END_TEST

/* The first page says what tables there are: nothing can be read, the file is kept, a new one is begun. */
START_TEST(test_r08_a_file_of_which_nothing_can_be_read)
{
	struct store_damage d;
	uint64_t damaged;

	begin();
	damage_page(1);
	ck_assert_int_eq(store_open(folder, RESERVE, &store, why), 0);
	ck_assert(store_take_damage(store, &d));
	ck_assert(!d.readable);
	ck_assert_str_eq(d.aside, "raw-20270117.damaged-1.db");
	ck_assert_uint_eq(held(1), 2 * A_DAY);
	ck_assert_uint_eq(read_all(&damaged), total - HOSTS * A_DAY);
	go_on();
	store_close(store);
	store = NULL;
	damage_page(1);		/* and once more, the new one */
	ck_assert_int_eq(store_open(folder, RESERVE, &store, why), 0);
	ck_assert(store_take_damage(store, &d));
	ck_assert_str_eq(d.aside, "raw-20270117.damaged-2.db");
	ck_assert_int_gt(size_of("raw-20270117.damaged-1.db"), 0);
}
END_TEST

static void rename_in_work(const char *from, const char *to)
{
	char a[160], b[160];

	snprintf(a, sizeof(a), "%s/%s", folder, from);
	snprintf(b, sizeof(b), "%s/%s", folder, to);
	ck_assert_int_eq(rename(a, b), 0);
}

/* Killed after the new file was whole, before it had its name: with the damaged one still in its place, and without. */
START_TEST(test_r08_mending_that_was_broken_off_is_finished)
{
	for (int moved = 0; moved < 2; moved++) {
		uint64_t damaged;

		begin();
		rename_in_work(TODAY, "raw-20270117.mended");
		if (!moved) {
			shell("cp %s/good/raw-20270116.db %s/work/" TODAY, base, base);
			shell("echo of another file > %s/work/" TODAY "-wal%s", base, "");
			damage_page(1);
		}
		ck_assert_int_eq(store_open(folder, RESERVE, &store, why), 0);
		ck_assert_uint_eq(read_all(&damaged), total);
		ck_assert_uint_eq(held(1), DAYS * A_DAY);
		if (!moved)
			ck_assert_int_gt(size_of("raw-20270117.damaged-1.db-wal"), 0);
	}
}
END_TEST

/* What was set aside goes when its day goes. */
START_TEST(test_r08_what_was_set_aside_is_retired_with_its_day)
{
	struct store_damage d;
	char path[160];

	begin();
	flip("raw-20270115.db", 100);
	ck_assert_int_eq(store_open(folder, RESERVE, &store, why), 0);
	ck_assert(store_take_damage(store, &d));
	snprintf(path, sizeof(path), "%s/%s", folder, d.aside);
	ck_assert_int_eq(access(path, F_OK), 0);
	ck_assert_int_eq(store_retire(store, NOON + 2 * DAY, 1, &gone), 0);
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("damage");
	TCase *c = tcase_create("store");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(c, 3600);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_r08_a_flipped_bit_in_a_days_file);
	tcase_add_test(c, test_r08_a_flipped_bit_in_the_main_file);
	tcase_add_test(c, test_r08_who_is_held_to_what_is_known_twice);
	tcase_add_test(c, test_r08_the_page_that_is_written_to);
	tcase_add_test(c, test_r08_a_file_of_which_nothing_can_be_read);
	tcase_add_test(c, test_r08_mending_that_was_broken_off_is_finished);
	tcase_add_test(c, test_r08_what_was_set_aside_is_retired_with_its_day);
	suite_add_tcase(suite, c);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
