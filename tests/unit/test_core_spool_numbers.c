/* Whose numbers (R3): epochs, and what follows when the collector holds others than ours. */
#include <check.h>
#include <errno.h>
#include <inttypes.h>

#include "tests/unit/spool_stage.h"

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

static void add(TCase *tc)
{
	T(test_r03_each_life_writes_an_epoch_of_its_own);
	T(test_r03_a_collector_that_holds_more_than_we_gave);
	T(test_r03_a_collector_that_holds_another_under_our_number);
	T(test_r03_what_is_ours_is_acknowledged);
	T(test_r03_numbers_that_cannot_be_written_anew_wait);
}

int main(void)
{
	return suite_main("core, whose numbers", set_up_spool, teardown, 120, add);
}
