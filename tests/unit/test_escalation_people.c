/* Nobody's silence ends it: told again, and to whom the configuration names since. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/escalation_stage.h"

START_TEST(test_told_again_until_somebody_acknowledges)
{
	escalation_use(e, kinds, 2, people, &insistent);
	change(WEB1, ROOT, &disk, STATE_OK, STATE_CRITICAL);
	pass(2 * HOUR + NS_PER_S);
	told[0] = '\0';
	pass(2 * HOUR - NS_PER_S);
	expect("");
	pass(NS_PER_S);
	expect("hsu:ciso:repeat, hsu:ciso:repeat:webhook, chen:owner:repeat");
	ck_assert_str_eq(last_id, "1.18d75b8423f30000-chen-2-repeat-mail");
	pass(HOUR);			/* each after his own four hours */
	expect("lin:deputy:repeat, wang:computer_room_manager:repeat");
	pass(3 * HOUR);
	expect("hsu:ciso:repeat, hsu:ciso:repeat:webhook, chen:owner:repeat");
	incident_ack(incidents, 1, "chen", "", 6 * HOUR, wall, boot);
	pass(6 * HOUR - NS_PER_S);
	expect("");
	pass(NS_PER_S);
	told[0] = '\0';			/* the acknowledgement is over */
	pass(4 * HOUR);
	expect("hsu:ciso:repeat, hsu:ciso:repeat:webhook, chen:owner:repeat, lin:deputy:repeat, wang:computer_room_manager:repeat");
	change(WEB1, ROOT, &disk, STATE_CRITICAL, STATE_OK);
	pass(HOUR);
	told[0] = '\0';
	pass(24 * HOUR);		/* recovered, and not closed: nothing more to say */
	expect("");
}
END_TEST

static struct people *others;
static struct conf *others_conf;

/* The same school with other people from now on. */
static void new_people(const char *text)
{
	others_conf = conf_parse(text, strlen(text), "collector.yaml", problems);
	others = people_read(conf_root(others_conf), true, problems);
	ck_assert_uint_eq(problems_count(problems), 0);
	escalation_use(e, kinds, 2, others, &insistent);
}

static void old_people(void)
{
	people_free(others);
	conf_free(others_conf);
}

#define PERSONS "people: {chen: {mail: chen@school.example}, lin: {mail: lin@school.example}, wang: {mail: wang@school.example},\n" \
	"  hsu: {mail: hsu@school.example}, mei: {mail: mei@school.example}}\n"

START_TEST(test_a_role_that_was_filled_since_is_called)
{
	change(WEB1, ROOT, &disk, STATE_OK, STATE_CRITICAL);
	pass(2 * HOUR + NS_PER_S);
	ck_assert_ptr_nonnull(strstr(told, "nobody:vendor:chain"));
	told[0] = '\0';
	new_people(PERSONS "roles: {computer_room_manager: wang, ciso: hsu, boss: wang, vendor: mei}\nhosts: {web1: {owner: chen, deputy: lin}}\n");
	pass(NS_PER_S);
	expect("mei:vendor:chain");
	pass(HOUR);
	expect("");
	old_people();
}
END_TEST

START_TEST(test_the_new_owner_is_called_and_the_old_one_is_left_in_peace)
{
	change(WEB1, ROOT, &disk, STATE_OK, STATE_CRITICAL);
	pass(10 * MINUTE);
	told[0] = '\0';
	new_people(PERSONS "roles: {computer_room_manager: wang, ciso: hsu, boss: wang}\nhosts: {web1: {owner: mei, deputy: lin}}\n");
	pass(NS_PER_S);
	expect("mei:owner:new");
	pass(30 * MINUTE);
	expect("lin:deputy:chain");
	pass(4 * HOUR);
	ck_assert_ptr_nonnull(strstr(told, "mei:owner:repeat"));
	ck_assert_ptr_null(strstr(told, "chen:owner:repeat"));
	old_people();
}
END_TEST

/* While somebody has acknowledged, nobody new is called; when that ends, they are. */
START_TEST(test_newcomers_wait_for_the_end_of_an_acknowledgement)
{
	change(WEB1, ROOT, &disk, STATE_OK, STATE_CRITICAL);
	pass(10 * MINUTE);
	incident_ack(incidents, 1, "chen", "", HOUR, wall, boot);
	told[0] = '\0';
	new_people(PERSONS "roles: {computer_room_manager: wang, ciso: hsu, boss: wang}\nhosts: {web1: {owner: mei, deputy: lin}}\n");
	pass(HOUR - NS_PER_S);
	expect("");
	pass(NS_PER_S);
	ck_assert_ptr_nonnull(strstr(told, "mei:owner:new"));
	old_people();
}
END_TEST

/* One who is no longer in the configuration is no change each second: the case would be written for ever. */
START_TEST(test_who_has_left_is_not_owed_anything_for_ever)
{
	change(WEB1, ROOT, &disk, STATE_OK, STATE_CRITICAL);
	pass(NS_PER_S);
	new_people("people: {wang: {mail: wang@school.example}}\nroles: {computer_room_manager: wang}\n");
	pass(5 * HOUR);
	free(escalation_save(e, 1, boot));
	pass(NS_PER_S);
	ck_assert_uint_eq(escalation_unsaved(e, 0, boot), 0);
	old_people();
}
END_TEST

static void add(TCase *tc)
{
	T(test_told_again_until_somebody_acknowledges); T(test_a_role_that_was_filled_since_is_called);
	T(test_the_new_owner_is_called_and_the_old_one_is_left_in_peace);
	T(test_newcomers_wait_for_the_end_of_an_acknowledgement); T(test_who_has_left_is_not_owed_anything_for_ever);
}

int main(void)
{
	return suite_main("escalation, people", open_stage, close_stage, 60, add);
}
