/* Escalation by scenes: real incidents, the times of the school's procedure, and who is told what. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/procedure/escalation.h"
#include "lib/clock.h"

#define MINUTE (60 * NS_PER_S)
#define HOUR (60 * MINUTE)

enum { WEB1 = 1, DB1, DISK = 10, ROOT = 100, SRV };

static const char school[] =
	"people:\n"
	"  chen: {mail: chen@school.example}\n"
	"  lin: {mail: lin@school.example}\n"
	"  wang: {mail: wang@school.example}\n"
	"  hsu: {mail: hsu@school.example, webhook: line}\n"
	"roles: {computer_room_manager: wang, ciso: hsu, boss: wang}\n"
	"hosts: {web1: {owner: chen, deputy: lin}}\n";

static const struct step fault_steps[] = {
	{.role = "ciso", .clause = "5.12.10.1"},
	{.role = "owner", .clause = "5.8.6.3.1"},
	{.role = "deputy", .after_ns = 30 * MINUTE, .clause = "5.1.3"},
	{.role = "computer_room_manager", .after_ns = 60 * MINUTE, .clause = "5.1.3"},
	{.role = "vendor", .after_ns = 2 * HOUR, .clause = "5.12.2"},	/* nobody holds it */
};
static const struct step mail_steps[] = {
	{.role = "owner", .clause = "5.8.6.3.1"},
	{.role = "boss", .clause = "5.8.6.1.3", .from = STATE_CRITICAL},
	{.role = "ciso", .after_ns = HOUR, .every_ns = HOUR, .clause = "5.10.8.2"},
};
static const struct kind kinds[] = {
	{.id = "INC-A", .steps = fault_steps, .n = 5}, {.id = "INC-C", .steps = mail_steps, .n = 3},
};
static const struct rule disk = {.id = "disk", .clause = "5.3.3", .kind = "INC-A"}, mail = {.id = "mail", .kind = "INC-C"};

static const struct escalation_times times = {.quiet_ns = 15 * MINUTE}, insistent = {15 * MINUTE, 4 * HOUR};

static struct conf *conf;
static struct problems *problems;
static struct people *people;
static struct incidents *incidents;
static struct escalation *e;
static int64_t wall, boot;
static char told[8192], last_id[256];

static void hear_due(const struct due *d, void *arg)
{
	size_t n = strlen(told);

	snprintf(told + n, sizeof(told) - n, "%s%s:%s:%s%s%s", n ? ", " : "", d->person ? d->person->id : "nobody",
		 d->role, escalation_reason_name(d->reason), strcmp(d->channel, "webhook") == 0 ? ":webhook" : "",
		 d->fallback ? ":stands in" : "");
	snprintf(last_id, sizeof(last_id), "%s", d->id);
}

static void hear_step(const struct incident *i, const struct incident_step *s, void *arg)
{
	ck_assert_int_eq(escalation_step(e, i, s, i->host == WEB1 ? "web1" : "db1", boot), 0);
}

static void expect_(int line, const char *what)
{
	ck_assert_msg(strcmp(told, what) == 0, "line %d: told \"%s\", expected \"%s\"", line, told, what);
	told[0] = '\0';
}
#define expect(what) expect_(__LINE__, what)

static void open_stage(void)
{
	wall = 1790000000 * NS_PER_S;
	boot = HOUR;
	told[0] = '\0';
	problems = problems_new();
	conf = conf_parse(school, strlen(school), "collector.yaml", problems);
	people = people_read(conf_root(conf), true, problems);
	ck_assert_uint_eq(problems_count(problems), 0);
	incidents = incidents_new(hear_step, NULL);
	e = escalation_new(kinds, 2, people, &times, hear_due, NULL);
}

static void close_stage(void)
{
	escalation_free(e);
	incidents_free(incidents);
	people_free(people);
	conf_free(conf);
	problems_free(problems);
}

static void change(uint32_t host, uint32_t series, const struct rule *rule, enum state before, enum state after)
{
	incident_feed(incidents, &(struct judge_change){.host = host, .check = DISK, .series = series, .rule = rule, .before = before,
		.after = after, .at = wall}, "/srv: 90 %", wall);
}

static void pass(int64_t ns)
{
	for (; ns > 0; ns -= NS_PER_S) {
		wall += NS_PER_S;
		boot += NS_PER_S;
		incident_tick(incidents, wall, boot);
		escalation_tick(e, boot);
	}
}

START_TEST(test_at_once_and_in_parallel_then_the_chain_until_acknowledged)
{
	change(WEB1, ROOT, &disk, STATE_OK, STATE_CRITICAL);
	pass(NS_PER_S);
	expect("hsu:ciso:new, hsu:ciso:new:webhook, chen:owner:new");
	ck_assert_str_eq(last_id, "1.18d75b8423f30000-chen-1-new-mail");
	pass(30 * MINUTE - 2 * NS_PER_S);
	expect("");
	pass(NS_PER_S);
	expect("lin:deputy:chain");
	pass(30 * MINUTE);
	expect("wang:computer_room_manager:chain");
	pass(HOUR);
	expect("nobody:vendor:chain");
	pass(10 * HOUR);
	expect("");
}
END_TEST

START_TEST(test_acknowledgement_stops_the_chain_and_its_end_resumes_it)
{
	change(WEB1, ROOT, &disk, STATE_OK, STATE_CRITICAL);
	pass(20 * MINUTE);
	told[0] = '\0';
	ck_assert_int_eq(incident_ack(incidents, 1, "chen", "", HOUR, wall, boot), 0);
	pass(HOUR - NS_PER_S);
	expect("");
	pass(NS_PER_S);
	expect("hsu:ciso:ack_over, hsu:ciso:ack_over:webhook, chen:owner:ack_over");
	pass(10 * MINUTE - NS_PER_S);
	expect("");
	pass(NS_PER_S);
	expect("lin:deputy:chain");
}
END_TEST

START_TEST(test_host_without_owner_falls_to_the_manager)
{
	change(DB1, ROOT, &disk, STATE_OK, STATE_WARNING);
	pass(NS_PER_S);
	expect("hsu:ciso:new, hsu:ciso:new:webhook, wang:owner:new:stands in");
	pass(30 * MINUTE);
	expect("wang:deputy:chain:stands in");
}
END_TEST

START_TEST(test_worse_goes_at_once_more_of_the_same_is_grouped)
{
	change(WEB1, ROOT, &disk, STATE_OK, STATE_WARNING);
	pass(NS_PER_S);
	told[0] = '\0';
	change(WEB1, SRV, &disk, STATE_OK, STATE_WARNING);
	change(WEB1, SRV + 1, &disk, STATE_OK, STATE_WARNING);
	pass(15 * MINUTE - NS_PER_S);
	expect("");
	pass(NS_PER_S);
	expect("hsu:ciso:more, hsu:ciso:more:webhook, chen:owner:more");
	change(WEB1, SRV, &disk, STATE_WARNING, STATE_CRITICAL);
	pass(NS_PER_S);
	expect("hsu:ciso:worse, hsu:ciso:worse:webhook, chen:owner:worse");
	change(WEB1, SRV, &disk, STATE_CRITICAL, STATE_WARNING);
	change(WEB1, SRV, &disk, STATE_WARNING, STATE_CRITICAL);	/* as bad as they know */
	pass(13 * MINUTE);
	expect("");
}
END_TEST

START_TEST(test_as_bad_as_before_is_told_again_when_the_quiet_time_is_over)
{
	change(WEB1, SRV, &disk, STATE_OK, STATE_WARNING);
	change(WEB1, ROOT, &disk, STATE_OK, STATE_CRITICAL);
	pass(20 * MINUTE);
	change(WEB1, ROOT, &disk, STATE_CRITICAL, STATE_OK);
	pass(24 * HOUR);
	told[0] = '\0';
	change(WEB1, ROOT, &disk, STATE_OK, STATE_CRITICAL);
	pass(NS_PER_S);
	ck_assert_ptr_nonnull(strstr(told, "hsu:ciso:more"));
	ck_assert_ptr_nonnull(strstr(told, "chen:owner:more"));
	told[0] = '\0';
	pass(20 * MINUTE);
	expect("");
}
END_TEST

START_TEST(test_one_more_critical_thing_waits_a_minute_and_not_the_quiet_time)
{
	change(WEB1, ROOT, &disk, STATE_OK, STATE_CRITICAL);
	pass(NS_PER_S);
	told[0] = '\0';
	change(WEB1, SRV, &disk, STATE_OK, STATE_CRITICAL);
	change(WEB1, SRV + 1, &disk, STATE_OK, STATE_CRITICAL);
	pass(MINUTE - NS_PER_S);
	expect("");
	pass(NS_PER_S);
	expect("hsu:ciso:worse, hsu:ciso:worse:webhook, chen:owner:worse");
	pass(29 * MINUTE - 2 * NS_PER_S);
	expect("");
}
END_TEST

START_TEST(test_acknowledged_is_not_what_is_found_later)
{
	change(WEB1, ROOT, &disk, STATE_OK, STATE_CRITICAL);
	pass(20 * MINUTE);
	incident_ack(incidents, 1, "chen", "", 0, wall, boot);
	told[0] = '\0';
	change(WEB1, SRV, &disk, STATE_OK, STATE_CRITICAL);
	pass(3 * HOUR);
	expect("hsu:ciso:worse, hsu:ciso:worse:webhook, chen:owner:worse");	/* once; the chain stands still */
}
END_TEST

START_TEST(test_from_critical_and_at_intervals)
{
	change(WEB1, ROOT, &mail, STATE_OK, STATE_WARNING);
	pass(NS_PER_S);
	expect("chen:owner:new");
	change(WEB1, ROOT, &mail, STATE_WARNING, STATE_CRITICAL);
	pass(NS_PER_S);
	expect("chen:owner:worse, wang:boss:new");
	incident_ack(incidents, 1, "chen", "", 0, wall, boot);
	pass(HOUR);
	expect("hsu:ciso:chain, hsu:ciso:chain:webhook");	/* reports go on while it is worked on */
	pass(HOUR);
	expect("hsu:ciso:repeat, hsu:ciso:repeat:webhook");
	pass(2 * HOUR);
	expect("hsu:ciso:repeat, hsu:ciso:repeat:webhook, hsu:ciso:repeat, hsu:ciso:repeat:webhook");
	change(WEB1, ROOT, &mail, STATE_CRITICAL, STATE_OK);
	pass(NS_PER_S);
	expect("chen:owner:recovered, wang:boss:recovered");	/* hsu was told a moment ago */
	pass(HOUR);
	expect("hsu:ciso:recovered, hsu:ciso:recovered:webhook");
}
END_TEST

START_TEST(test_recovery_is_told_to_those_who_were_told)
{
	change(WEB1, ROOT, &disk, STATE_OK, STATE_CRITICAL);
	pass(20 * MINUTE);
	told[0] = '\0';
	change(WEB1, ROOT, &disk, STATE_CRITICAL, STATE_OK);
	pass(NS_PER_S);
	expect("hsu:ciso:recovered, hsu:ciso:recovered:webhook, chen:owner:recovered");
	pass(10 * HOUR);
	expect("");
}
END_TEST

START_TEST(test_recovery_that_does_not_last_is_not_told)
{
	change(WEB1, ROOT, &disk, STATE_OK, STATE_CRITICAL);
	pass(NS_PER_S);
	told[0] = '\0';
	change(WEB1, ROOT, &disk, STATE_CRITICAL, STATE_OK);
	pass(10 * MINUTE);
	change(WEB1, ROOT, &disk, STATE_OK, STATE_CRITICAL);
	pass(20 * MINUTE);
	expect("");
	pass(10 * MINUTE);
	expect("lin:deputy:chain");		/* the chain began anew when it came back */
}
END_TEST

START_TEST(test_back_after_recovery_was_told)
{
	change(WEB1, ROOT, &disk, STATE_OK, STATE_CRITICAL);
	pass(20 * MINUTE);
	change(WEB1, ROOT, &disk, STATE_CRITICAL, STATE_OK);
	pass(20 * MINUTE);
	told[0] = '\0';
	change(WEB1, ROOT, &disk, STATE_OK, STATE_CRITICAL);
	pass(NS_PER_S);
	expect("hsu:ciso:back, hsu:ciso:back:webhook, chen:owner:back");
}
END_TEST

START_TEST(test_over_before_anybody_was_told)
{
	change(WEB1, ROOT, &disk, STATE_OK, STATE_CRITICAL);
	change(WEB1, ROOT, &disk, STATE_CRITICAL, STATE_OK);
	pass(HOUR);
	expect("");
}
END_TEST

START_TEST(test_closing_hands_out_the_recovery_that_is_owed)
{
	change(WEB1, ROOT, &disk, STATE_OK, STATE_CRITICAL);
	pass(NS_PER_S);
	change(WEB1, ROOT, &disk, STATE_CRITICAL, STATE_OK);
	told[0] = '\0';
	ck_assert_int_eq(incident_close(incidents, 1, "chen", "archived", wall), 0);
	expect("hsu:ciso:recovered, hsu:ciso:recovered:webhook, chen:owner:recovered");
	pass(HOUR);
	expect("");
	ck_assert_ptr_null(escalation_save(e, 1, boot));
}
END_TEST

START_TEST(test_r12_wall_clock_escalates_nothing)
{
	change(WEB1, ROOT, &disk, STATE_OK, STATE_CRITICAL);
	pass(NS_PER_S);
	told[0] = '\0';
	wall += 75 * 365 * 24 * HOUR;
	pass(29 * MINUTE);
	wall -= 90 * 365 * 24 * HOUR;
	pass(NS_PER_S);
	expect("");
}
END_TEST

/* ---- nobody's silence ends it ---- */

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

/* ---- restart ---- */

static void restart(const char *text)
{
	struct escalation *again = escalation_new(kinds, 2, people, &times, hear_due, NULL);

	boot = 5 * NS_PER_S;		/* the machine as well */
	ck_assert_int_eq(escalation_load(again, incident_get(incidents, 1), "web1", text, boot), 0);
	escalation_free(e);
	e = again;
}

START_TEST(test_restart_keeps_what_was_waited_and_told)
{
	char *text;

	change(WEB1, ROOT, &disk, STATE_OK, STATE_CRITICAL);
	pass(NS_PER_S);
	told[0] = '\0';
	pass(20 * MINUTE);
	change(WEB1, SRV, &disk, STATE_OK, STATE_WARNING);
	text = escalation_save(e, 1, boot);
	restart(text);
	pass(NS_PER_S);
	expect("hsu:ciso:more, hsu:ciso:more:webhook, chen:owner:more");
	ck_assert_str_eq(last_id, "1.18d75b8423f30000-chen-2-more-mail");
	pass(10 * MINUTE - 3 * NS_PER_S);
	expect("");
	pass(2 * NS_PER_S);
	expect("lin:deputy:chain");
	free(text);
}
END_TEST

/* What an older collector opened, and told of under a name without the time, goes on under such names. */
START_TEST(test_r13_an_upgrade_tells_nobody_twice)
{
	struct incident older;

	change(WEB1, ROOT, &disk, STATE_OK, STATE_CRITICAL);
	older = *incident_get(incidents, 1);
	older.at = 0;
	escalation_free(e);
	e = escalation_new(kinds, 2, people, &times, hear_due, NULL);
	ck_assert_int_eq(escalation_load(e, &older, "web1", "", boot), 0);
	pass(NS_PER_S);
	expect("hsu:ciso:new, hsu:ciso:new:webhook, chen:owner:new");
	ck_assert_str_eq(last_id, "1-chen-1-new-mail");
}
END_TEST

/* A crash after the notice was handed over and before the state was stored: the same notice comes again, with the
 * same id. */
START_TEST(test_crash_before_the_store_repeats_with_the_same_id)
{
	char *text, first[256];

	change(WEB1, ROOT, &disk, STATE_OK, STATE_CRITICAL);
	text = escalation_save(e, 1, boot);
	pass(NS_PER_S);
	expect("hsu:ciso:new, hsu:ciso:new:webhook, chen:owner:new");
	memcpy(first, last_id, sizeof(first));
	restart(text);
	pass(NS_PER_S);
	expect("hsu:ciso:new, hsu:ciso:new:webhook, chen:owner:new");
	ck_assert_str_eq(first, last_id);
	free(text);
}
END_TEST

START_TEST(test_what_needs_saving)
{
	ck_assert_uint_eq(escalation_unsaved(e, 0, boot), 0);
	change(WEB1, ROOT, &disk, STATE_OK, STATE_CRITICAL);
	change(DB1, ROOT, &disk, STATE_OK, STATE_CRITICAL);
	ck_assert_uint_eq(escalation_unsaved(e, 0, boot), 1);
	ck_assert_uint_eq(escalation_unsaved(e, 1, boot), 2);
	ck_assert_uint_eq(escalation_unsaved(e, 2, boot), 0);
	pass(NS_PER_S);
	free(escalation_save(e, 1, boot));
	free(escalation_save(e, 2, boot));
	ck_assert_uint_eq(escalation_unsaved(e, 0, boot), 0);
	pass(59 * NS_PER_S);
	ck_assert_uint_eq(escalation_unsaved(e, 0, boot), 0);
	pass(NS_PER_S);
	ck_assert_uint_eq(escalation_unsaved(e, 0, boot), 1);	/* the waiting itself is kept once a minute */
}
END_TEST

START_TEST(test_text_that_is_none_begins_anew)
{
	static const char *const bad[] = {"2\n",
					  "1\nwaited x\n",
					  "1\nwaited -1\n",
					  "1\nstep owner\n",
					  "1\nstep owner 0 -1\n",
					  "1\ntold\n",
					  "1\ntold chen 1 1 critical 99 owner x\n",
					  "1\ntold chen 1 1 bad 1 owner x\n",
					  "1\ntold chen 1 1 ok 1 owner\n",
					  "1\nwhat\n",
					  "1\nwaited 99999999999999999999\n"};

	change(WEB1, ROOT, &disk, STATE_OK, STATE_CRITICAL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		escalation_free(e);
		e = escalation_new(kinds, 2, people, &times, hear_due, NULL);
		ck_assert_msg(escalation_load(e, incident_get(incidents, 1), "web1", bad[i], boot) == -EINVAL,
			      "taken: %s", bad[i]);
		pass(NS_PER_S);
		expect("hsu:ciso:new, hsu:ciso:new:webhook, chen:owner:new");
	}
}
END_TEST

START_TEST(test_new_procedure_keeps_what_was_done)
{
	static const struct step steps[] = {
		{.role = "owner", .clause = "5.8.6.3.1"},
		{.role = "boss", .after_ns = 20 * MINUTE, .clause = "5.1.3"},
		{.role = "deputy", .after_ns = 30 * MINUTE, .clause = "5.1.3"},
	};
	static const struct kind other[] = {{.id = "INC-A", .steps = steps, .n = 3}};

	change(WEB1, ROOT, &disk, STATE_OK, STATE_CRITICAL);
	pass(31 * MINUTE);
	expect("hsu:ciso:new, hsu:ciso:new:webhook, chen:owner:new, lin:deputy:chain");
	escalation_use(e, other, 1, people, &times);
	pass(HOUR);
	expect("wang:boss:chain");
}
END_TEST

#define T(f) tcase_add_test(tc, f)
int main(void)
{
	Suite *suite = suite_create("escalation");
	TCase *tc = tcase_create("scenes");
	SRunner *runner;
	int bad;

	tcase_add_checked_fixture(tc, open_stage, close_stage);
	tcase_set_timeout(tc, 60);
	T(test_at_once_and_in_parallel_then_the_chain_until_acknowledged);
	T(test_as_bad_as_before_is_told_again_when_the_quiet_time_is_over); T(test_acknowledged_is_not_what_is_found_later);
	T(test_one_more_critical_thing_waits_a_minute_and_not_the_quiet_time);
	T(test_acknowledgement_stops_the_chain_and_its_end_resumes_it); T(test_host_without_owner_falls_to_the_manager);
	T(test_worse_goes_at_once_more_of_the_same_is_grouped); T(test_from_critical_and_at_intervals);
	T(test_recovery_is_told_to_those_who_were_told); T(test_recovery_that_does_not_last_is_not_told);
	T(test_back_after_recovery_was_told); T(test_over_before_anybody_was_told);
	T(test_closing_hands_out_the_recovery_that_is_owed); T(test_r12_wall_clock_escalates_nothing);
	T(test_restart_keeps_what_was_waited_and_told); T(test_crash_before_the_store_repeats_with_the_same_id); T(test_r13_an_upgrade_tells_nobody_twice);
	T(test_what_needs_saving); T(test_text_that_is_none_begins_anew); T(test_new_procedure_keeps_what_was_done);
	T(test_told_again_until_somebody_acknowledges); T(test_a_role_that_was_filled_since_is_called);
	T(test_the_new_owner_is_called_and_the_old_one_is_left_in_peace); T(test_newcomers_wait_for_the_end_of_an_acknowledgement);
	T(test_who_has_left_is_not_owed_anything_for_ever);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	bad = srunner_ntests_failed(runner);
	srunner_free(runner);
	return bad > 0;
}
