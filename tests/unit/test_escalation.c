/* Who is told what, and when: the chain, what is grouped, recovery. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/escalation_stage.h"

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

static void add(TCase *tc)
{
	T(test_at_once_and_in_parallel_then_the_chain_until_acknowledged);
	T(test_acknowledgement_stops_the_chain_and_its_end_resumes_it); T(test_host_without_owner_falls_to_the_manager);
	T(test_worse_goes_at_once_more_of_the_same_is_grouped);
	T(test_as_bad_as_before_is_told_again_when_the_quiet_time_is_over);
	T(test_one_more_critical_thing_waits_a_minute_and_not_the_quiet_time);
	T(test_acknowledged_is_not_what_is_found_later); T(test_from_critical_and_at_intervals);
	T(test_recovery_is_told_to_those_who_were_told); T(test_recovery_that_does_not_last_is_not_told);
	T(test_back_after_recovery_was_told); T(test_over_before_anybody_was_told);
	T(test_closing_hands_out_the_recovery_that_is_owed); T(test_r12_wall_clock_escalates_nothing);
}

int main(void)
{
	return suite_main("escalation", open_stage, close_stage, 60, add);
}
