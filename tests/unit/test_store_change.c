/* The engine's changes: its rows read back, none kept twice, each with its entry of the journal. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/store/change.h"
#include "collector/store/change_queue.h"
#include "tests/unit/store_stage.h"

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

static void add(TCase *tc)
{
	T(engine_rows);
	T(test_r07_a_change_that_was_kept_after_all_is_not_kept_twice);
	T(test_a02_an_entry_shares_the_fate_of_its_change);
}

int main(void)
{
	return suite_main("store, change", setup, teardown, 60, add);
}
