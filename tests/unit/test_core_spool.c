/* Spool: random acts against a plain model; torn tails, flipped bits, failing system calls, and too much of everything. */
#include "config.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/core/disk.h"
#include "agent/core/spool.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/vec.h"
#include "tests/unit/folder.h"

#define LIMIT (1024u * 1024)
/* Check writes a line for each assertion: in loops of a million only those that fail are worth it. */
#define must_eq(a, b) do { if ((a) != (b)) ck_assert_uint_eq(a, b); } while (0)

static char folder[64];
static unsigned lost, complaints;
static uint64_t lost_sum, keep;
static char last_complaint[2200];

static void on_lost(void *arg, const void *data, size_t n)
{
	uint64_t id;

	ck_assert_uint_ge(n, sizeof(id));
	memcpy(&id, data, sizeof(id));
	lost++;
	lost_sum += id;
}

static void on_line(enum log_level level, const char *line, void *arg)
{
	if (level == LOG_ERROR) {
		complaints++;
		snprintf(last_complaint, sizeof(last_complaint), "%s", line);
	}
}

static const struct spool_hooks hooks = {.lost = on_lost};

static void setup(void)
{
	strcpy(folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm/beadle-spool-XXXXXX" : "/tmp/beadle-spool-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	lost = complaints = 0;
	lost_sum = keep = 0;
	log_capture(on_line, NULL);
}

static void teardown(void)
{
	ck_assert_int_eq(folder_remove(folder), 0);
	log_capture(NULL, NULL);
	disk_use(NULL);
}

static struct spool *open_it(uint64_t limit, bool lossy)
{
	struct spool *s;

	ck_assert_int_eq(spool_open(folder, limit, keep, lossy, &hooks, &s), 0);
	return s;
}

/* A record whose bytes say who it is. */
static size_t make(uint8_t *buf, uint64_t id, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf[i] = (uint8_t)(id * 131 + i * 7);
	memcpy(buf, &id, sizeof(id));
	return n;
}

static uint64_t id_of(const struct spool_record *r)
{
	uint8_t expected[8192];
	uint64_t id;

	memcpy(&id, r->data, sizeof(id));
	make(expected, id, r->n);
	if (memcmp(r->data, expected, r->n))
		ck_abort_msg("record %" PRIu64 " came changed", id);
	return id;
}

static int append(struct spool *s, uint64_t id, size_t n)
{
	uint8_t buf[8192];

	return spool_append(s, buf, make(buf, id, n), false);
}

static unsigned rnd(unsigned n)
{
	return (unsigned)rand() % n;
}

/* ---- ordinary life ---- */

START_TEST(test_only_what_is_durable_is_handed_out)
{
	struct spool *s = open_it(LIMIT, true);
	struct spool_record r;

	ck_assert_int_eq(append(s, 7, 100), 0);
	ck_assert_int_eq(spool_next(s, &r), 0);
	ck_assert_int_eq(spool_sync(s), 0);
	ck_assert_int_eq(spool_next(s, &r), 1);
	ck_assert_uint_eq(r.sequence, 1);
	must_eq(id_of(&r), 7);
	spool_unget(s);
	ck_assert_int_eq(spool_next(s, &r), 1);
	must_eq(id_of(&r), 7);
	ck_assert_int_eq(spool_next(s, &r), 0);
	ck_assert_int_eq(spool_ack(s, r.epoch, 2), -EBADMSG);
	ck_assert_int_eq(spool_ack(s, r.epoch, 1), 0);
	ck_assert_int_eq(spool_close(s), 0);
}
END_TEST

/* ---- whose numbers ---- */

static uint64_t epoch_of(const struct spool *s)
{
	struct spool_span spans[8];

	return spans[spool_spans(s, spans, 8) - 1].epoch;
}

/* Appends ids from..to, and syncs. */
static void spool_some(struct spool *s, uint64_t from, uint64_t to)
{
	for (; from <= to; from++)
		ck_assert_int_eq(append(s, from, 50), 0);
	ck_assert_int_eq(spool_sync(s), 0);
}

/* What comes now is ids from..to, numbered from 1 in an epoch that is not `old`. */
static void expect_renumbered(struct spool *s, uint64_t old, uint64_t from, uint64_t to)
{
	struct spool_record r;
	uint64_t n = 0;

	spool_rewind(s);
	while (spool_next(s, &r) > 0) {
		must_eq(id_of(&r), from + n);
		ck_assert_uint_ne(r.epoch, old);
		ck_assert_uint_eq(r.sequence, ++n);
	}
	ck_assert_uint_eq(n, to - from + 1);
}

static uint32_t digest_of(struct spool *s, uint64_t sequence)
{
	struct spool_record r;

	spool_rewind(s);
	while (spool_next(s, &r) > 0)
		if (r.sequence == sequence)
			return r.digest;
	ck_abort_msg("no record %" PRIu64, sequence);
}

START_TEST(test_r03_each_life_writes_an_epoch_of_its_own)
{
	struct spool_span span[4];
	struct spool *s = open_it(LIMIT, true);
	uint64_t first = epoch_of(s);

	spool_some(s, 1, 1);
	ck_assert_int_eq(spool_close(s), 0);
	s = open_it(LIMIT, true);
	ck_assert_uint_eq(spool_spans(s, span, 4), 2);
	ck_assert_uint_eq(span[0].epoch, first);
	ck_assert_uint_eq(span[0].oldest, 1);
	ck_assert_uint_eq(span[0].next, 2);
	ck_assert_uint_ne(span[1].epoch, first);
	ck_assert_uint_eq(span[1].next, 1);
	/* A folder put back: what the collector holds beyond our end came from the same life, so it has all that is here. */
	spool_some(s, 2, 3);
	ck_assert(!spool_held(s, first, 9, 12345));
	spool_rewind(s);
	expect_renumbered(s, first, 2, 3);
	spool_close(s);
}
END_TEST

/* A machine put back while it ran goes on in the same epoch, with other records. */
START_TEST(test_r03_a_collector_that_holds_more_than_we_gave)
{
	struct spool *s = open_it(LIMIT, true);
	uint64_t old = epoch_of(s);
	struct spool_record r;

	spool_some(s, 1, 3);
	while (spool_next(s, &r) > 0)
		;
	ck_assert_int_eq(spool_ack(s, old, 2), 0);
	spool_some(s, 4, 5);
	ck_assert_int_eq(append(s, 6, 50), 0);	/* not yet durable */
	ck_assert(spool_held(s, old, 9, 0));
	ck_assert_int_eq(spool_sync(s), 0);
	expect_renumbered(s, old, 3, 6);
	spool_abandon(s);
	s = open_it(LIMIT, true);		/* the files say the same */
	expect_renumbered(s, old, 3, 6);
	ck_assert_uint_eq(lost, 0);
	spool_close(s);
}
END_TEST

START_TEST(test_r03_a_collector_that_holds_another_under_our_number)
{
	struct spool *s = open_it(LIMIT, true);
	uint64_t old = epoch_of(s);
	uint32_t fourth;

	spool_some(s, 1, 5);
	fourth = digest_of(s, 4);
	ck_assert(!spool_held(s, old, 2, digest_of(s, 2)));
	ck_assert(spool_held(s, old, 4, fourth + 1));
	expect_renumbered(s, old, 3, 5);
	spool_close(s);
}
END_TEST

START_TEST(test_r03_what_is_ours_is_acknowledged)
{
	struct spool *s = open_it(LIMIT, true);
	struct spool_record r;
	uint64_t old = epoch_of(s);

	spool_some(s, 1, 5);
	ck_assert(!spool_held(s, old, 4, digest_of(s, 4)));
	spool_rewind(s);
	ck_assert_int_eq(spool_next(s, &r), 1);
	ck_assert_uint_eq(r.sequence, 5);
	ck_assert_uint_eq(r.epoch, old);
	ck_assert_uint_ne(r.before, 0);
	spool_close(s);
}
END_TEST

/* ---- against a model ---- */

struct known { uint64_t id, epoch, sequence; bool durable, held, gone; };

/* All that was durable and is not acknowledged comes, in order, once; nothing that never was does. */
static void check_all(struct spool *s, struct known *all, size_t n)
{
	struct spool_record r;
	size_t at = 0;

	spool_rewind(s);
	while (spool_next(s, &r) > 0) {
		uint64_t id = id_of(&r);

		for (; at < n && all[at].id < id; at++)
			ck_assert_msg(!all[at].durable || all[at].held || all[at].gone, "record %" PRIu64 " is missing", all[at].id);
		ck_assert_msg(at < n && all[at].id == id, "record %" PRIu64 " came twice, or out of order", id);
		ck_assert_msg(!all[at].held, "record %" PRIu64 " was acknowledged", id);
		if (all[at].sequence) {
			ck_assert_uint_eq(all[at].sequence, r.sequence);
			ck_assert_uint_eq(all[at].epoch, r.epoch);
		}
		all[at].sequence = r.sequence;
		all[at].epoch = r.epoch;
		all[at].durable = true;
		at++;
	}
	for (; at < n; at++)
		ck_assert_msg(!all[at].durable || all[at].held || all[at].gone, "record %" PRIu64 " is missing at the end", all[at].id);
}

static void acknowledge_some(struct spool *s, struct known *all, size_t n)
{
	struct spool_record r;
	unsigned count = rnd(40), got = 0;

	while (got < count && spool_next(s, &r) > 0)
		got++;
	if (!got || spool_ack(s, r.epoch, r.sequence) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (all[i].epoch == r.epoch && all[i].sequence && all[i].sequence <= r.sequence)
			all[i].held = true;
}

/* As a Welcome does. */
static struct spool *open_again(struct known *all, size_t n)
{
	struct spool *s = open_it(64 * LIMIT, true);

	for (size_t i = 0; i < n; i++)
		if (all[i].held)
			ck_assert(!spool_held(s, all[i].epoch, all[i].sequence, 0));
	return s;
}

#ifdef SANITIZED
#define RANDOM_RUNS 10		/* each takes three times as long */
#else
#define RANDOM_RUNS 20
#endif

START_TEST(test_random_acts_against_a_model)
{
	VEC(struct known) all = {0};
	struct spool *s;

	srand((unsigned)_i);
	s = open_it(64 * LIMIT, true);
	for (int step = 0; step < 400; step++) {
		unsigned act = rnd(100);

		if (act < 60) {
			for (unsigned k = rnd(20); k; k--) {
				struct known *one = vec_push(&all);

				one->id = all.n;
				ck_assert_int_eq(append(s, one->id, 8 + rnd(2000)), 0);
			}
		} else if (act < 80) {
			ck_assert_int_eq(spool_sync(s), 0);
			for (size_t i = 0; i < all.n; i++)
				all.at[i].durable = true;
		} else if (act < 90) {
			check_all(s, all.at, all.n);
			spool_rewind(s);
			acknowledge_some(s, all.at, all.n);
		} else if (act < 95) {
			ck_assert_int_eq(spool_close(s), 0);
			for (size_t i = 0; i < all.n; i++)
				all.at[i].durable = true;
			s = open_again(all.at, all.n);
		} else {	/* what was not durable is gone, and its number may be another's in the next epoch */
			spool_abandon(s);
			s = open_again(all.at, all.n);
			for (size_t i = 0; i < all.n; i++)
				all.at[i].gone |= !all.at[i].durable;
		}
	}
	check_all(s, all.at, all.n);
	ck_assert_uint_eq(complaints, 0);
	spool_close(s);
	vec_free(&all);
}
END_TEST

/* ---- damage ---- */

static char *only_segment(char path[PATH_MAX])
{
	DIR *d = opendir(folder);
	struct dirent *e;

	path[0] = 0;
	while ((e = readdir(d)))
		if (strstr(e->d_name, ".seg"))
			snprintf(path, PATH_MAX, "%s/%s", folder, e->d_name);
	closedir(d);
	ck_assert(path[0]);
	return path;
}

START_TEST(test_a_torn_tail_costs_what_was_torn)
{
	char path[PATH_MAX];
	struct spool_record r;
	struct stat st;

	for (int cut = 1; cut < 300; cut += 7) {
		struct spool *s = open_it(LIMIT, true);
		uint64_t id = 0;

		for (uint64_t i = 1; i <= 10; i++)
			append(s, i, 100);
		spool_sync(s);
		spool_abandon(s);
		only_segment(path);
		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert_int_eq(truncate(path, st.st_size - cut), 0);
		s = open_it(LIMIT, true);
		while (spool_next(s, &r) > 0)
			must_eq(id_of(&r), ++id);
		ck_assert_uint_eq(id, 10 - (unsigned)(cut + 123) / 124);
		ck_assert_uint_eq(complaints, 0);
		ck_assert_int_eq(spool_ack(s, r.epoch, id), 0);
		spool_close(s);
	}
}
END_TEST

static void flip(const char *path, unsigned bit)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	ck_assert_int_eq(pread(fd, &byte, 1, bit / 8), 1);
	byte ^= (uint8_t)(1u << bit % 8);
	ck_assert_int_eq(pwrite(fd, &byte, 1, bit / 8), 1);
	close(fd);
}

START_TEST(test_r08_one_flipped_bit_costs_at_most_its_record)
{
	enum { RECORDS = 200, SIZE = 76 };	/* with its head, a hundred bytes each */
	char path[PATH_MAX], place[64];
	struct spool *s = open_it(LIMIT, true);
	struct spool_record r;

	srand(8);
	for (uint64_t i = 1; i <= RECORDS; i++)
		append(s, i, SIZE);
	spool_sync(s);
	only_segment(path);
	for (int round = 0; round < 1000; round++) {
		unsigned bit = rnd(RECORDS * 100 * 8), hit = bit / 800 + 1;
		uint64_t expected = 1;

		flip(path, bit);
		complaints = 0;
		spool_rewind(s);
		while (spool_next(s, &r) > 0) {
			if (expected == hit)
				expected++;
			must_eq(id_of(&r), expected);
			expected++;
		}
		ck_assert_uint_ge(expected, RECORDS);
		ck_assert_uint_eq(complaints, 1);
		snprintf(place, sizeof(place), "at offset %u:", (hit - 1) * 100);
		ck_assert_msg(strstr(last_complaint, place) && strstr(last_complaint, path), "%s: %s", place, last_complaint);
		flip(path, bit);
	}
	spool_close(s);
}
END_TEST

START_TEST(test_r08_a_record_in_a_record_is_none)
{
	struct spool *s = open_it(LIMIT, true);
	uint8_t buf[4096] = {0};
	char path[PATH_MAX];
	struct spool_record r;
	int fd;

	append(s, 1, 100);
	spool_sync(s);
	fd = open(only_segment(path), O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(read(fd, buf + 64, 124), 124);	/* a whole entry, of another file */
	close(fd);
	spool_next(s, &r);
	spool_abandon(s);
	s = open_it(LIMIT, true);
	spool_held(s, r.epoch, 1, 0);
	ck_assert_int_eq(spool_append(s, buf, sizeof(buf), false), 0);
	append(s, 2, 100);
	spool_sync(s);
	flip(only_segment(path), 33);			/* its length: the reader must search */
	while (spool_next(s, &r) > 0)
		must_eq(id_of(&r), 2);
	spool_close(s);
}
END_TEST

/* ---- too much ---- */

START_TEST(test_r05_a_full_spool_drops_the_oldest_and_tells_each)
{
	struct spool *s = open_it(LIMIT, true);
	uint64_t made = 0, sum = 0, came = 0, last = 0;
	struct spool_record r;

	while (made < 100000) {
		ck_assert_int_eq(append(s, ++made, 100), 0);
		sum += made;
		if (made % 100 == 0)
			ck_assert_int_eq(spool_sync(s), 0);
		ck_assert_uint_le(spool_bytes(s), LIMIT);
	}
	while (spool_next(s, &r) > 0) {
		uint64_t id = id_of(&r);

		ck_assert_uint_gt(id, last);
		last = id;
		sum -= id;
		came++;
	}
	ck_assert_uint_eq(last, made);			/* the newest are here */
	ck_assert_uint_eq(came + lost, made);
	ck_assert_uint_eq(sum, lost_sum);
	ck_assert_uint_gt(came, LIMIT / 124 * 8 / 10);
	spool_close(s);
}
END_TEST

START_TEST(test_r05_what_is_on_its_way_is_not_dropped)
{
	struct spool *s = open_it(LIMIT, true);
	struct spool_record r;
	uint64_t sent = 0;

	for (uint64_t i = 1; i <= 3000; i++)
		append(s, i, 100);
	spool_sync(s);
	while (sent < 2000 && spool_next(s, &r) > 0)
		sent++;
	for (uint64_t i = 3001; i <= 30000; i++) {
		append(s, i, 100);
		if (i % 100 == 0)
			spool_sync(s);
	}
	ck_assert_int_eq(spool_ack(s, r.epoch, sent), 0);
	ck_assert_uint_gt(lost, 0);
	ck_assert_uint_gt(lost_sum, (uint64_t)lost * 2000);
	spool_rewind(s);
	ck_assert_int_eq(spool_next(s, &r), 1);
	ck_assert_uint_gt(id_of(&r), 2000);
	spool_close(s);
}
END_TEST

START_TEST(test_r05_a_full_spool_of_events_takes_no_more_and_drops_none)
{
	struct spool *s = open_it(LIMIT, false);
	struct spool_record r;
	uint64_t taken = 0, came = 0;
	uint8_t notice[64];

	while (append(s, taken + 1, 100) == 0) {
		taken++;
		if (taken % 50 == 0)
			ck_assert_int_eq(spool_sync(s), 0);
	}
	ck_assert_int_eq(append(s, 1, 100), -ENOSPC);
	ck_assert(spool_full(s, 100));
	ck_assert_int_eq(spool_append(s, notice, make(notice, taken + 1, 40), true), 0);	/* there is a share for what must be told */
	spool_sync(s);
	while (spool_next(s, &r) > 0)
		must_eq(id_of(&r), ++came);
	ck_assert_uint_eq(came, taken + 1);
	ck_assert_uint_eq(lost, 0);
	spool_ack(s, r.epoch, r.sequence);
	ck_assert(!spool_full(s, 100));
	spool_close(s);
}
END_TEST

/* ---- a disk that fails ---- */

static int fail_at, calls_made, failing;	/* the n-th call fails; failing: its errno, 0: a short write */
static bool fail_for_good;
static int bad_fd;

static bool fails(void)
{
	calls_made++;
	return fail_for_good ? calls_made >= fail_at : calls_made == fail_at;
}

static int faulty_open(const char *path, int flags, mode_t mode)
{
	if (failing && fails()) {
		errno = failing;
		return -1;
	}
	return open(path, flags, mode);
}

static ssize_t faulty_write(int fd, const void *data, size_t n)
{
	if (fails()) {
		if (!failing)
			return write(fd, data, n / 2 + 1);
		errno = failing;
		return failing == ENOSPC && n > 1 && write(fd, data, n / 2) > 0 ? -1 : -1;
	}
	return write(fd, data, n);
}

static int faulty_sync(int fd)
{
	ck_assert_msg(fd != bad_fd, "synced again on the descriptor on which it failed");
	if (failing && fails()) {
		bad_fd = fd;
		errno = failing;
		return -1;
	}
	return fdatasync(fd);
}

static int faulty_unlink(const char *path)
{
	if (failing && fails()) {
		errno = failing;
		return -1;
	}
	return unlink(path);
}

static const struct disk_calls faulty = {faulty_open, faulty_write, faulty_sync, rename, faulty_unlink};
static const struct disk_calls faulty_but_unlink = {faulty_open, faulty_write, faulty_sync, rename, unlink};

/* The n-th call fails once, for each n: nothing durable is lost, nothing is handed out that is not, and it heals. */
static void fail_once(int n, int error)
{
	struct spool *s = open_it(64 * LIMIT, true);
	uint64_t id = 0, came = 0;
	struct spool_record r;
	unsigned failures = 0;

	fail_at = n;
	calls_made = 0;
	failing = error;
	bad_fd = -1;
	disk_use(&faulty);
	for (int i = 0; i < 18; i++) {
		int e;

		for (int k = 0; k < 3; k++)
			ck_assert_int_eq(append(s, ++id, 3000), 0);
		e = spool_sync(s);
		failures = e < 0 ? failures + 1 : 0;
		bad_fd = e < 0 ? -1 : bad_fd;	/* the number may be given to another file once it is closed */
		while (spool_next(s, &r) > 0)
			must_eq(id_of(&r), ++came);
		ck_assert_uint_le(came, id - 3 * failures);
	}
	if (spool_sync(s) < 0)
		ck_assert_int_eq(spool_sync(s), 0);
	while (spool_next(s, &r) > 0)
		must_eq(id_of(&r), ++came);
	ck_assert_uint_eq(came, id);
	disk_use(NULL);
	spool_abandon(s);
	s = open_it(64 * LIMIT, true);		/* the files say the same */
	for (came = 0; spool_next(s, &r) > 0;)
		must_eq(id_of(&r), ++came);
	ck_assert_uint_eq(came, id);
	spool_ack(s, r.epoch, r.sequence);
	spool_close(s);
	ck_assert_uint_eq(lost, 0);
}

/* Neither lost nor sent under the numbers of others: they wait for a disk that takes them. */
START_TEST(test_r03_numbers_that_cannot_be_written_anew_wait)
{
	struct spool *s = open_it(LIMIT, true);
	uint64_t old = epoch_of(s);
	struct spool_record r;

	spool_some(s, 1, 5);
	fail_at = 1;
	calls_made = 0;
	fail_for_good = true;
	failing = ENOSPC;
	bad_fd = -1;
	disk_use(&faulty);
	ck_assert(spool_held(s, old, 9, 0));
	ck_assert(!spool_held(s, old, 9, 0));
	disk_use(NULL);
	fail_for_good = false;
	spool_rewind(s);
	ck_assert_int_eq(spool_next(s, &r), 0);
	ck_assert(spool_held(s, old, 9, 0));
	expect_renumbered(s, old, 1, 5);
	ck_assert_uint_eq(lost, 0);
	spool_close(s);
}
END_TEST

/* ---- what was acknowledged is kept for a while ---- */

#define SMALL (256u * 1024)	/* segments of 16 KiB */

/* Gives out and acknowledges all that there is. Returns how many, and the first one's id. */
static uint64_t give_all(struct spool *s, uint64_t *ret_first)
{
	struct spool_record r;
	uint64_t n = 0, first = 0;

	while (spool_next(s, &r) > 0) {
		if (n++ == 0)
			first = id_of(&r);
		ck_assert_int_eq(spool_ack(s, r.epoch, r.sequence), 0);
	}
	if (ret_first)
		*ret_first = first;
	return n;
}

/* Records from..to, acknowledged as they come. Returns their epoch. */
static uint64_t acknowledge(struct spool *s, uint64_t from, uint64_t to)
{
	struct spool_span spans[2];

	for (uint64_t i = from; i <= to; i++) {
		must_eq(append(s, i, 1000), 0);
		must_eq(spool_sync(s), 0);
		must_eq(give_all(s, NULL), 1);
	}
	ck_assert_uint_eq(spool_spans(s, spans, 2), 1);
	return spans[0].epoch;
}

/* The collector holds it only through that number. Returns the first of those that are given again, and how many. */
static uint64_t refill(struct spool *s, uint64_t epoch, uint64_t through, uint64_t *ret_n)
{
	uint64_t first;

	ck_assert_int_eq(spool_held(s, epoch, through, 0), SPOOL_REFILL);
	ck_assert_int_eq(spool_held(s, epoch, through, 0), SPOOL_AGREED);	/* it is told once */
	spool_rewind(s);
	*ret_n = give_all(s, &first);
	return first;
}

START_TEST(test_r04_a_collector_that_holds_less_gets_it_again)
{
	struct spool_span spans[4];
	struct spool *s;
	uint64_t epoch, n;

	keep = SMALL;
	s = open_it(SMALL, true);
	epoch = acknowledge(s, 1, 100);
	ck_assert_int_eq(spool_held(s, epoch, 100, 0), SPOOL_AGREED);
	spool_rewind(s);
	must_eq(give_all(s, NULL), 0);
	must_eq(refill(s, epoch, 30, &n), 31);
	must_eq(n, 70);
	spool_close(s);
	for (int life = 0; life < 2; life++) {
		s = open_it(SMALL, true);
		ck_assert_uint_eq(spool_spans(s, spans, 4), 2);
		must_eq(spans[0].epoch, epoch);
		must_eq(spans[0].oldest, 1);
		must_eq(spans[0].next, 101);
		ck_assert_int_eq(spool_held(s, epoch, 100, 0), SPOOL_AGREED);
		spool_rewind(s);
		must_eq(give_all(s, NULL), 0);
		must_eq(refill(s, epoch, 0, &n), 1);
		must_eq(n, 100);
		spool_close(s);
	}
	must_eq(lost, 0);
}
END_TEST

START_TEST(test_r04_the_tail_is_bounded_and_takes_no_room_from_what_waits)
{
	struct spool *s;
	uint64_t epoch, first, n;

	keep = SMALL;
	s = open_it(SMALL, true);
	epoch = acknowledge(s, 1, 1500);	/* six times as much */
	ck_assert_uint_lt(spool_bytes(s), SMALL / 8);
	first = refill(s, epoch, 0, &n);
	must_eq(first + n - 1, 1500);
	ck_assert_uint_gt(n * 1000, SMALL * 3 / 4);
	ck_assert_uint_lt(n * 1000, SMALL * 5 / 4);
	must_eq(lost, 0);
	for (uint64_t i = 1501; i <= 1900; i++) {	/* what waits drops what waits */
		must_eq(append(s, i, 1000), 0);
		must_eq(spool_sync(s), 0);
	}
	ck_assert_uint_gt(lost, 0);
	must_eq(refill(s, epoch, 0, &n), first);
	spool_close(s);
}
END_TEST

START_TEST(test_r04_the_tail_ends_after_seven_days_of_its_own)
{
	struct clock_fake fake = {.wall = INT64_C(1800000000) * NS_PER_S, .boot = NS_PER_S};
	struct spool *s;
	uint64_t epoch, n;

	clock_use(&fake);
	keep = SMALL;
	s = open_it(SMALL, true);
	epoch = acknowledge(s, 1, 100);
	fake.wall += INT64_C(3650) * 86400 * NS_PER_S;	/* a step of the wall clock ends nothing */
	acknowledge(s, 101, 120);
	must_eq(refill(s, epoch, 0, &n), 1);
	fake.boot += INT64_C(8) * 86400 * NS_PER_S;
	acknowledge(s, 121, 140);
	ck_assert_uint_gt(refill(s, epoch, 0, &n), 100);
	must_eq(lost, 0);
	spool_close(s);
	clock_use(NULL);
}
END_TEST

START_TEST(test_r04_on_a_full_disk_the_tail_gives_way)
{
	struct spool *s;
	uint64_t epoch, n;

	keep = SMALL;
	s = open_it(SMALL, true);
	epoch = acknowledge(s, 1, 100);
	fail_for_good = true;
	for (int tries = 1; tries <= 2; tries++) {
		fail_at = 1;
		calls_made = 0;
		failing = ENOSPC;
		bad_fd = -1;
		disk_use(&faulty_but_unlink);
		ck_assert_int_eq(append(s, 100 + (uint64_t)tries, 1000), 0);
		ck_assert_int_eq(spool_sync(s), -ENOSPC);
	}
	fail_for_good = false;
	disk_use(NULL);
	ck_assert_int_eq(spool_sync(s), 0);
	n = refill(s, epoch, 0, &n);
	ck_assert_uint_gt(n, 30);		/* two segments went */
	ck_assert_uint_lt(n, 35);
	must_eq(lost, 0);
	spool_close(s);
}
END_TEST

START_TEST(test_r04_what_the_tail_let_go_is_named)
{
	struct spool_past past[SPOOL_PAST];
	struct spool_span own;
	uint64_t epoch, first, n;
	struct spool *s;
	char path[128];
	int fd;

	keep = SMALL;
	s = open_it(SMALL, true);
	ck_assert_uint_eq(spool_past(s, past), 0);
	epoch = acknowledge(s, 1, 1500);
	first = refill(s, epoch, 0, &n);
	spool_close(s);
	s = open_it(SMALL, true);	/* it is known in the next life too */
	ck_assert_uint_eq(spool_past(s, past), 1);
	must_eq(past[0].epoch, epoch);
	must_eq(past[0].through, first - 1);
	spool_close(s);
	keep = 0;			/* nothing is kept: all of it has gone when the next Welcome says that it is held */
	s = open_it(SMALL, true);
	spool_held(s, epoch, 1500, 0);
	ck_assert_uint_eq(spool_past(s, past), 1);
	must_eq(past[0].through, 1500);
	spool_close(s);
	snprintf(path, sizeof(path), "%s/past", folder);
	fd = open(path, O_WRONLY);
	must_eq(pwrite(fd, "x", 1, 3), 1);
	close(fd);
	s = open_it(SMALL, true);	/* a damaged line accuses nobody */
	ck_assert_uint_eq(spool_past(s, past), 0);
	for (uint64_t i = 0; i < SPOOL_PAST + 3; i++) {	/* the newest count */
		must_eq(append(s, i, 100), 0);
		must_eq(spool_sync(s), 0);
		spool_spans(s, &own, 1);
		spool_close(s);
		s = open_it(SMALL, true);
		spool_held(s, own.epoch, 1, 0);
	}
	ck_assert_uint_eq(spool_past(s, past), SPOOL_PAST);
	must_eq(past[SPOOL_PAST - 1].epoch, own.epoch);
	spool_close(s);
}
END_TEST

START_TEST(test_r07_every_call_fails_once)
{
	static const int errors[] = {EIO, ENOSPC, 0};

	for (size_t e = 0; e < sizeof(errors) / sizeof(*errors); e++)
		for (int n = 1; n <= 50; n++)
			fail_once(n, errors[e]);	/* 18 syncs make more than 50 calls */
}
END_TEST

START_TEST(test_r07_a_disk_that_fails_for_long_keeps_memory_bounded_and_heals)
{
	struct spool *s = open_it(64 * LIMIT, true);
	uint64_t id = 0, first = 0, came = 0;
	struct spool_record r;

	fail_at = 1;
	fail_for_good = true;
	failing = ENOSPC;
	bad_fd = -1;
	calls_made = 0;
	disk_use(&faulty);
	for (int i = 0; i < 200; i++) {
		for (int k = 0; k < 50; k++)
			ck_assert_int_eq(append(s, ++id, 1000), 0);
		ck_assert_int_lt(spool_sync(s), 0);
		bad_fd = -1;
		ck_assert_uint_le(spool_bytes(s), 2 * LIMIT);
		ck_assert_int_eq(spool_next(s, &r), 0);
	}
	fail_for_good = false;
	disk_use(NULL);
	ck_assert_int_eq(spool_sync(s), 0);
	while (spool_next(s, &r) > 0) {
		if (!first)
			first = id_of(&r);
		must_eq(id_of(&r), first + came++);
	}
	ck_assert_uint_eq(first + came - 1, id);	/* the newest stayed */
	ck_assert_uint_eq(lost + came, id);		/* and the others were told */
	spool_close(s);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core: spool");
	TCase *tc = tcase_create("spool");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, test_only_what_is_durable_is_handed_out);
	tcase_add_test(tc, test_r03_each_life_writes_an_epoch_of_its_own);
	tcase_add_test(tc, test_r03_a_collector_that_holds_more_than_we_gave);
	tcase_add_test(tc, test_r03_a_collector_that_holds_another_under_our_number);
	tcase_add_test(tc, test_r03_what_is_ours_is_acknowledged);
	tcase_add_test(tc, test_r03_numbers_that_cannot_be_written_anew_wait);
	tcase_add_loop_test(tc, test_random_acts_against_a_model, 1, RANDOM_RUNS + 1);
	tcase_add_test(tc, test_a_torn_tail_costs_what_was_torn);
	tcase_add_test(tc, test_r08_one_flipped_bit_costs_at_most_its_record);
	tcase_add_test(tc, test_r08_a_record_in_a_record_is_none);
	tcase_add_test(tc, test_r05_a_full_spool_drops_the_oldest_and_tells_each);
	tcase_add_test(tc, test_r05_what_is_on_its_way_is_not_dropped);
	tcase_add_test(tc, test_r05_a_full_spool_of_events_takes_no_more_and_drops_none);
	tcase_add_test(tc, test_r04_a_collector_that_holds_less_gets_it_again);
	tcase_add_test(tc, test_r04_the_tail_is_bounded_and_takes_no_room_from_what_waits);
	tcase_add_test(tc, test_r04_the_tail_ends_after_seven_days_of_its_own);
	tcase_add_test(tc, test_r04_on_a_full_disk_the_tail_gives_way);
	tcase_add_test(tc, test_r04_what_the_tail_let_go_is_named);
	tcase_add_test(tc, test_r07_every_call_fails_once);
	tcase_add_test(tc, test_r07_a_disk_that_fails_for_long_keeps_memory_bounded_and_heals);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
