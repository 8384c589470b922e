/* Spool: random acts against a plain model. */
#include "config.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>

#include "lib/vec.h"
#include "tests/unit/spool_stage.h"

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

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, test_random_acts_against_a_model, 1, RANDOM_RUNS + 1);
}

int main(void)
{
	return suite_main("core, model of the spool", set_up_spool, teardown, 120, add);
}
