/* Spool: what is durable, torn tails, flipped bits, and too much of everything. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/spool_stage.h"

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

static void add(TCase *tc)
{
	T(test_only_what_is_durable_is_handed_out);
	T(test_a_torn_tail_costs_what_was_torn);
	T(test_r08_one_flipped_bit_costs_at_most_its_record);
	T(test_r08_a_record_in_a_record_is_none);
	T(test_r05_a_full_spool_drops_the_oldest_and_tells_each);
	T(test_r05_what_is_on_its_way_is_not_dropped);
	T(test_r05_a_full_spool_of_events_takes_no_more_and_drops_none);
}

int main(void)
{
	return suite_main("core, spool", set_up_spool, teardown, 120, add);
}
