/* What was acknowledged is kept for a while (R4), and given again to a collector that holds less. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/clock.h"
#include "tests/unit/spool_stage.h"

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

static void add(TCase *tc)
{
	T(test_r04_a_collector_that_holds_less_gets_it_again);
	T(test_r04_the_tail_is_bounded_and_takes_no_room_from_what_waits);
	T(test_r04_the_tail_ends_after_seven_days_of_its_own);
	T(test_r04_on_a_full_disk_the_tail_gives_way);
	T(test_r04_what_the_tail_let_go_is_named);
}

int main(void)
{
	return suite_main("core, tail", set_up_spool, teardown, 120, add);
}
