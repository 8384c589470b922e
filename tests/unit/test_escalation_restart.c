/* What was waited and told outlasts a restart, an upgrade and a new procedure. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/escalation_stage.h"

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

static void add(TCase *tc)
{
	T(test_restart_keeps_what_was_waited_and_told); T(test_r13_an_upgrade_tells_nobody_twice);
	T(test_crash_before_the_store_repeats_with_the_same_id); T(test_what_needs_saving);
	T(test_text_that_is_none_begins_anew); T(test_new_procedure_keeps_what_was_done);
}

int main(void)
{
	return suite_main("escalation, restart", open_stage, close_stage, 60, add);
}
