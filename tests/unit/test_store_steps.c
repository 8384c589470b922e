/* Stores of other versions: an older one keeps what it holds (C2, A2), a newer one is refused. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collector/store/change.h"
#include "collector/store/schema.h"
#include "crc32c.h"
#include "tests/unit/store_stage.h"

START_TEST(newer_is_refused)
{
	struct store *other = NULL;

	store_close(store);
	store = NULL;
	run_on("main.db", "PRAGMA user_version = 99");
	ck_assert_int_eq(store_open(folder, RESERVE, &other, why), -EPROTONOSUPPORT);
	ck_assert_ptr_nonnull(strstr(why, "newer"));
	run_on("main.db", "PRAGMA user_version = 4");
	run_on("raw-20270115.db", "PRAGMA user_version = 99");
	ck_assert_int_eq(store_open(folder, RESERVE, &other, why), -EPROTONOSUPPORT);
}
END_TEST

#define NO_JOURNAL "DROP TABLE gap; DROP TABLE journal; DROP TABLE checkpoint; DROP TABLE step; ALTER TABLE step_before RENAME TO step;" \
	"CREATE INDEX step_incident ON step (incident);"

START_TEST(test_c02_a_store_of_the_first_version_keeps_what_it_holds)
{
	struct reader_place all = {0};

	put(5, 1, 4, NOON);
	store_close(store);
	store = NULL;
	run_on("main.db", NO_JOURNAL "INSERT INTO host VALUES (9, 'u', 'web1', 3); ALTER TABLE host DROP COLUMN generation;"
	       "ALTER TABLE given_name DROP COLUMN json; PRAGMA user_version = 1");
	run_on("raw-20270115.db", "DROP TRIGGER spool_added; DROP TRIGGER spool_moved; DROP TABLE spool_again;"
	       "ALTER TABLE spool DROP COLUMN digest; DROP TABLE parted; PRAGMA user_version = 1");
	restart();
	ck_assert_uint_eq(put(5, 1, 6, NOON), 2);
	ck_assert_uint_eq(held(5), 6);
	ck_assert_uint_eq(replay(&all).n, 6);
	store_close(store);
	store = NULL;
	run_on("main.db", "UPDATE host SET generation = generation + 1 WHERE uuid = 'u'; UPDATE given_name SET json = '{}';"
	       "SELECT salt, payload FROM journal");
	run_on("raw-20270115.db", "DELETE FROM parted; UPDATE spool SET digest = 0; DELETE FROM spool_again");
}
END_TEST

/* What was there before there was a journal goes into it, once. */
START_TEST(test_a02_an_older_store_is_carried_over)
{
	char told[1024], wanted[1024], digest[65], identity[65], open_one[65];
	struct store_change *c = change_new(NULL, NULL);

	strcpy(digest, change_account(c, "admin", "{}").digest);
	strcpy(identity, change_given_name(c, "uu", "web1", "{}").digest);
	change_incident(c, 2, 1, "INC-A", true, NOON, "{}");
	strcpy(open_one, change_incident(c, 1, 1, "INC-A", false, NOON, "{}").digest);
	ck_assert_int_eq(store_apply(store, c), 0);
	change_free(c);
	store_close(store);
	store = NULL;
	run_on("main.db", NO_JOURNAL "INSERT INTO step VALUES (1, 2, 17, 'wang', 'ack', '{\"detail\":\"\"}'); PRAGMA user_version = 2");
	restart();
	ck_assert_int_eq(store_begin(store, key, NOON), 0);
	ck_assert_int_eq(store_begin(store, key, NOON), 0);
	restart();
	entries(told);
	snprintf(wanted, sizeof(wanted), "1 system journal.begin \n2 system account.carried admin {\"row\":\"%s\"}\n"
		 "3 system identity.carried uu {\"row\":\"%s\"}\n4 wang incident.ack 2 {\"detail\":\"\"}\n"
		 "5 system incident.carried 1 {\"row\":\"%s\"}\n6 system incident.carried 2 {\"row\":\"*\"}\n", digest, identity, open_one);
	ck_assert_str_eq(told, wanted);
}
END_TEST

/* Files in schools have walked them: a change to one would part those stores from new ones. */
START_TEST(test_c02_a_released_step_is_never_changed)
{
	static const uint32_t main_steps[] = {0xf55542c6, 0x26471045, 0x83639d15}, day_steps[] = {0xf57b3d96, 0x6e182b0a};

	ck_assert_int_ge(schema_main_steps, 3);
	ck_assert_int_ge(schema_day_steps, 2);
	for (int i = 0; i < 3; i++)
		ck_assert_uint_eq(crc32c(0, schema_main[i], strlen(schema_main[i])), main_steps[i]);
	for (int i = 0; i < 2; i++)
		ck_assert_uint_eq(crc32c(0, schema_day[i], strlen(schema_day[i])), day_steps[i]);
}
END_TEST

static void add(TCase *tc)
{
	T(newer_is_refused);
	T(test_c02_a_store_of_the_first_version_keeps_what_it_holds);
	T(test_a02_an_older_store_is_carried_over);
	T(test_c02_a_released_step_is_never_changed);
}

int main(void)
{
	return suite_main("store, steps", setup, teardown, 60, add);
}
