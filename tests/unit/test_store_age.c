/* What the store deletes for its age, and what no clock makes it delete. */
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/unit/store_stage.h"

static struct store_retired gone;

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

static void add(TCase *tc)
{
	T(retention);
	T(test_r04_what_was_deleted_for_its_age_is_not_lost);
	T(test_r12_a_clock_years_ahead_deletes_nothing);
	T(test_r12_a_clock_years_behind_files_nothing_as_old);
}

int main(void)
{
	return suite_main("store, age", setup, teardown, 60, add);
}
