/* A disk that fails under the spool (R7): once at each call, and for long. */
#include <check.h>
#include <errno.h>

#include "tests/unit/spool_stage.h"

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

static void add(TCase *tc)
{
	T(test_r07_every_call_fails_once);
	T(test_r07_a_disk_that_fails_for_long_keeps_memory_bounded_and_heals);
}

int main(void)
{
	return suite_main("core, failing disk", set_up_spool, teardown, 120, add);
}
