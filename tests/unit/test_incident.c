/* Incidents by scenes: what the judge says and what persons do, and the steps that come out. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/judge/incident.h"
#include "tests/unit/suite.h"
#include "tests/unit/told.h"

enum { WEB1 = 1, DB1, DISK = 10, ANTIVIRUS, ROOT = 100, SRV, SIGNATURES };

static const struct rule disk_used = {.id = "disk_used", .check_id = "CHK-01", .clause = "5.3.3", .kind = "INC-A"};
static const struct rule virus = {.id = "virus", .check_id = "CHK-02", .clause = "5.4.6", .kind = "INC-B"};
static const struct rule silent = {.id = "silent", .clause = "5.6.1.4", .kind = "INC-A"};

static struct incidents *all;
static int64_t wall, boot;

static void hear(const struct incident *i, const struct incident_step *s, void *arg)
{
	size_t n = strlen(told);

	ck_assert_int_eq(s->at, wall);
	snprintf(told + n, sizeof(told) - n, "%s%llu %s %s %s", n ? ", " : "", (unsigned long long)i->id,
		 incident_act_name(s->act), state_name(i->severity), s->actor);
}

static int64_t change(uint32_t host, uint32_t check, uint32_t series, const struct rule *rule, enum state before,
		      enum state after)
{
	wall += NS_PER_S;
	boot += NS_PER_S;
	return incident_feed(all, &(struct judge_change){.host = host, .check = check, .series = series, .rule = rule,
		.before = before, .after = after, .value = 0.9, .at = wall}, "/srv: 90 %", wall);
}

static void disk(uint32_t series, enum state before, enum state after)
{
	ck_assert_int_ge(change(WEB1, DISK, series, &disk_used, before, after), 0);
}

static void open_stage(void)
{
	wall = 1790000000 * NS_PER_S;
	boot = HOUR;
	told[0] = '\0';
	all = incidents_new(hear, NULL);
}

static void close_stage(void)
{
	incidents_free(all);
}

START_TEST(test_one_incident_for_a_host_and_kind_collects_its_findings)
{
	disk(ROOT, STATE_OK, STATE_WARNING);
	expect("1 opened warning system");
	disk(SRV, STATE_OK, STATE_WARNING);
	expect("1 found warning system");
	disk(SRV, STATE_WARNING, STATE_CRITICAL);
	expect("1 worse critical system");
	change(WEB1, ANTIVIRUS, SIGNATURES, &virus, STATE_OK, STATE_CRITICAL);
	expect("2 opened critical system");
	change(DB1, DISK + 10, ROOT + 10, &disk_used, STATE_OK, STATE_CRITICAL);
	expect("3 opened critical system");
	ck_assert_int_eq(incident_of(all, WEB1, "INC-A")->n, 2);
	ck_assert_str_eq(incident_get(all, 1)->findings[1].clause, "5.3.3");
	ck_assert_ptr_null(incident_of(all, DB1, "INC-B"));
}
END_TEST

START_TEST(test_recovers_when_all_findings_do_and_reopens)
{
	disk(ROOT, STATE_OK, STATE_WARNING);
	disk(SRV, STATE_OK, STATE_CRITICAL);
	told[0] = '\0';
	disk(SRV, STATE_CRITICAL, STATE_OK);
	expect("1 changed warning system");
	disk(ROOT, STATE_WARNING, STATE_OK);
	expect("1 recovered ok system");
	ck_assert_int_eq(incident_get(all, 1)->recovered, wall);
	ck_assert_int_eq(incident_get(all, 1)->worst, STATE_CRITICAL);
	disk(SRV, STATE_OK, STATE_WARNING);
	expect("1 reopened warning system");
	ck_assert_int_eq(incident_get(all, 1)->recovered, 0);
	ck_assert_int_eq(incident_get(all, 1)->n, 2);
}
END_TEST

START_TEST(test_critical_that_is_lost_sight_of_stays_critical)
{
	disk(SRV, STATE_OK, STATE_CRITICAL);
	expect("1 opened critical system");
	disk(SRV, STATE_CRITICAL, STATE_UNKNOWN);
	expect("1 changed critical system");
	disk(SRV, STATE_UNKNOWN, STATE_WARNING);
	expect("1 changed warning system");
	disk(SRV, STATE_WARNING, STATE_UNKNOWN);	/* not to know is worse than a warning */
	expect("1 worse unknown system");
}
END_TEST

START_TEST(test_silence_opens_too_with_and_without_a_rule)
{
	change(WEB1, DISK, JUDGE_NONE, &silent, STATE_OK, STATE_UNKNOWN);
	expect("1 opened unknown system");
	change(DB1, JUDGE_NONE, JUDGE_NONE, NULL, STATE_OK, STATE_UNKNOWN);
	expect("2 opened unknown system");
	ck_assert_str_eq(incident_get(all, 2)->kind, "INC-A");
	change(DB1, JUDGE_NONE, JUDGE_NONE, NULL, STATE_UNKNOWN, STATE_OK);
	expect("2 recovered ok system");
}
END_TEST

START_TEST(test_good_news_of_what_nobody_knew_is_no_incident)
{
	ck_assert_int_eq(change(WEB1, DISK, SRV, &disk_used, STATE_WARNING, STATE_OK), 0);
	expect("");
}
END_TEST

START_TEST(test_acknowledged_until_it_expires)
{
	disk(SRV, STATE_OK, STATE_WARNING);
	expect("1 opened warning system");
	ck_assert_int_eq(incident_ack(all, 1, "", "", HOUR, wall, boot), -EINVAL);
	ck_assert_int_eq(incident_ack(all, 9, "chen", "", HOUR, wall, boot), -ENOENT);
	ck_assert_int_eq(incident_ack(all, 1, "chen", "on it", HOUR, wall, boot), 0);
	expect("1 acknowledged warning chen");
	ck_assert_str_eq(incident_get(all, 1)->ack_by, "chen");
	wall += 10 * 365 * 24 * HOUR;			/* R12: the wall clock ends no acknowledgement */
	incident_tick(all, wall, boot + HOUR - 1);
	expect("");
	incident_tick(all, wall, boot + HOUR);
	expect("1 ack_expired warning system");
	incident_tick(all, wall, boot + 2 * HOUR);
	expect("");
	incident_ack(all, 1, "chen", "", 0, wall, boot);
	incident_tick(all, wall, boot + 99999 * HOUR);
	expect("1 acknowledged warning chen");
}
END_TEST

START_TEST(test_acknowledgement_covers_no_worse_state)
{
	disk(ROOT, STATE_OK, STATE_WARNING);
	incident_ack(all, 1, "chen", "", 0, wall, boot);
	told[0] = '\0';
	disk(SRV, STATE_OK, STATE_WARNING);
	expect("1 found warning system");
	ck_assert(incident_get(all, 1)->acknowledged);
	disk(SRV, STATE_WARNING, STATE_CRITICAL);
	expect("1 worse critical system, 1 ack_lifted critical system");
	ck_assert(!incident_get(all, 1)->acknowledged);
}
END_TEST

/* What is often bad on a host must not hide what comes beside it. */
START_TEST(test_what_returns_or_worsens_beside_something_bad_is_found_again)
{
	change(WEB1, ANTIVIRUS, SIGNATURES, &disk_used, STATE_OK, STATE_CRITICAL);
	expect("1 opened critical system");
	disk(SRV, STATE_OK, STATE_WARNING);
	expect("1 found critical system");
	disk(SRV, STATE_WARNING, STATE_CRITICAL);
	expect("1 found critical system");
	disk(SRV, STATE_CRITICAL, STATE_UNKNOWN);
	expect("1 changed critical system");
	disk(SRV, STATE_UNKNOWN, STATE_CRITICAL);
	expect("1 changed critical system");
	disk(SRV, STATE_CRITICAL, STATE_OK);
	expect("1 changed critical system");
	disk(SRV, STATE_OK, STATE_CRITICAL);
	expect("1 found critical system");
}
END_TEST

START_TEST(test_acknowledgement_ends_with_what_it_was_for)
{
	disk(SRV, STATE_OK, STATE_CRITICAL);
	incident_ack(all, 1, "chen", "", 0, wall, boot);
	told[0] = '\0';
	disk(SRV, STATE_CRITICAL, STATE_OK);
	expect("1 recovered ok system, 1 ack_lifted ok system");
	disk(SRV, STATE_OK, STATE_CRITICAL);
	expect("1 reopened critical system");
	ck_assert(!incident_get(all, 1)->acknowledged);
}
END_TEST

START_TEST(test_closed_by_a_person_with_a_note_and_not_while_bad)
{
	disk(SRV, STATE_OK, STATE_CRITICAL);
	ck_assert_int_eq(incident_handle(all, 1, "chen", "", wall), -EINVAL);
	ck_assert_int_eq(incident_handle(all, 1, "chen", "moved old images to the archive", wall), 0);
	ck_assert(incident_get(all, 1)->handled);
	ck_assert_int_eq(incident_close(all, 1, "chen", "done", wall), -EBUSY);
	disk(SRV, STATE_CRITICAL, STATE_UNKNOWN);	/* unmounted: a person may say that this is in order */
	told[0] = '\0';
	ck_assert_int_eq(incident_close(all, 1, "chen", "", wall), -EINVAL);
	ck_assert_int_eq(incident_close(all, 1, "chen", "the disk was taken out", wall), 0);
	expect("1 closed critical chen");
	ck_assert_ptr_null(incident_get(all, 1));
	disk(SRV, STATE_OK, STATE_CRITICAL);
	expect("2 opened critical system");
}
END_TEST

START_TEST(test_lasting_warning_is_accepted_and_told_again_when_it_is_worse_or_back)
{
	disk(SRV, STATE_OK, STATE_CRITICAL);
	disk(ROOT, STATE_OK, STATE_WARNING);
	ck_assert_int_eq(incident_close(all, 1, "chen", "it is always so", wall), -EBUSY);
	disk(SRV, STATE_CRITICAL, STATE_WARNING);
	told[0] = '\0';
	ck_assert_int_eq(incident_close(all, 1, "chen", "", wall), -EINVAL);
	ck_assert_int_eq(incident_close(all, 1, "chen", "a new disk comes in spring", wall), 0);
	expect("1 closed warning chen");
	disk(ROOT, STATE_WARNING, STATE_OK);
	expect("");
	disk(ROOT, STATE_OK, STATE_WARNING);
	expect("2 opened warning system");
	disk(SRV, STATE_WARNING, STATE_CRITICAL);
	expect("2 worse critical system");
}
END_TEST

START_TEST(test_warning_of_the_collectors_own_has_to_end)
{
	ck_assert_int_eq(change(WEB1, JUDGE_NONE, JUDGE_NONE, &silent, STATE_OK, STATE_WARNING), 1);
	ck_assert_int_eq(incident_close(all, 1, "chen", "never mind", wall), -EBUSY);
	change(WEB1, JUDGE_NONE, JUDGE_NONE, &silent, STATE_WARNING, STATE_OK);
	ck_assert_int_eq(incident_close(all, 1, "chen", "renewed", wall), 0);
}
END_TEST

START_TEST(test_rule_moved_to_another_kind_finds_its_old_incident)
{
	struct rule moved = disk_used, gone = {.id = "disk_used", .kind = "", .clause = ""};

	disk(SRV, STATE_OK, STATE_CRITICAL);
	expect("1 opened critical system");
	moved.kind = "INC-D";
	change(WEB1, DISK, SRV, &moved, STATE_CRITICAL, STATE_WARNING);
	expect("1 changed warning system");
	change(WEB1, DISK, SRV, &gone, STATE_WARNING, STATE_OK);
	expect("1 recovered ok system");
}
END_TEST

START_TEST(test_findings_are_bounded_and_the_rest_is_counted)
{
	for (uint32_t s = 0; s < INCIDENT_FINDINGS + 5; s++)
		disk(s, STATE_OK, STATE_WARNING);
	ck_assert_int_eq(incident_get(all, 1)->n, INCIDENT_FINDINGS);
	ck_assert_int_eq(incident_get(all, 1)->more, 5);
	disk(7, STATE_WARNING, STATE_OK);
	disk(5000, STATE_OK, STATE_CRITICAL);		/* takes the place of what has recovered */
	ck_assert_int_eq(incident_get(all, 1)->severity, STATE_CRITICAL);
	ck_assert_int_eq(incident_get(all, 1)->findings[7].series, 5000);
}
END_TEST

START_TEST(test_critical_behind_a_thousand_warnings_is_found)
{
	for (uint32_t s = 0; s < INCIDENT_FINDINGS; s++)
		disk(s, STATE_OK, STATE_WARNING);
	ck_assert_int_eq(incident_ack(all, 1, "chen", "", 0, wall, boot), 0);
	told[0] = '\0';
	disk(INCIDENT_FINDINGS, STATE_OK, STATE_CRITICAL);
	expect("1 worse critical system, 1 ack_lifted critical system");
	ck_assert_uint_eq(incident_get(all, 1)->n, INCIDENT_FINDINGS);
	ck_assert_uint_eq(incident_get(all, 1)->more, 1);		/* the oldest warning */
	disk(INCIDENT_FINDINGS + 1, STATE_OK, STATE_WARNING);
	expect("");
	ck_assert_uint_eq(incident_get(all, 1)->more, 2);
	disk(INCIDENT_FINDINGS, STATE_CRITICAL, STATE_OK);
	expect("1 changed warning system");
	disk(INCIDENT_FINDINGS + 2, STATE_OK, STATE_WARNING);		/* what has recovered gives its place, and is not missed */
	expect("1 found warning system");
	ck_assert_uint_eq(incident_get(all, 1)->more, 2);
}
END_TEST

START_TEST(test_restored_as_stored)
{
	struct incidents *again = incidents_new(hear, NULL);
	struct incident stored;

	disk(ROOT, STATE_OK, STATE_WARNING);
	disk(SRV, STATE_OK, STATE_CRITICAL);
	change(DB1, DISK, SRV, &disk_used, STATE_OK, STATE_WARNING);
	incident_ack(all, 1, "chen", "", HOUR, wall, boot);
	stored = *incident_get(all, 1);
	stored.ack_until_boot -= boot - 5;		/* the machine has started anew: boot clock 5 */
	ck_assert_int_eq(incident_restore(again, &stored), 0);
	ck_assert_int_eq(incident_restore(again, &stored), -EEXIST);
	ck_assert_int_eq(incident_restore(again, incident_get(all, 2)), 0);
	close_stage();
	all = again;
	told[0] = '\0';
	disk(SRV, STATE_CRITICAL, STATE_OK);
	expect("1 changed warning system");
	incident_tick(all, wall, HOUR + 4);
	expect("");
	incident_tick(all, wall, HOUR + 5);
	expect("1 ack_expired warning system");
	change(99, 99, 99, &disk_used, STATE_OK, STATE_WARNING);
	expect("3 opened warning system");
	ck_assert_int_eq(incident_next(all, incident_next(all, NULL))->id, 2);
}
END_TEST

static void add(TCase *tc)
{
	T(test_one_incident_for_a_host_and_kind_collects_its_findings);
	T(test_recovers_when_all_findings_do_and_reopens); T(test_critical_that_is_lost_sight_of_stays_critical);
	T(test_silence_opens_too_with_and_without_a_rule); T(test_good_news_of_what_nobody_knew_is_no_incident);
	T(test_what_returns_or_worsens_beside_something_bad_is_found_again); T(test_acknowledgement_ends_with_what_it_was_for);
	T(test_acknowledged_until_it_expires); T(test_acknowledgement_covers_no_worse_state);
	T(test_closed_by_a_person_with_a_note_and_not_while_bad);
	T(test_lasting_warning_is_accepted_and_told_again_when_it_is_worse_or_back); T(test_warning_of_the_collectors_own_has_to_end);
	T(test_rule_moved_to_another_kind_finds_its_old_incident); T(test_findings_are_bounded_and_the_rest_is_counted);
	T(test_critical_behind_a_thousand_warnings_is_found);
	T(test_restored_as_stored);
}

int main(void)
{
	return suite_main("incident", open_stage, close_stage, 60, add);
}
