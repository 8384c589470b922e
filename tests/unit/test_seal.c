/* The signer's seal on the journal (A1, A2): what it signs, what it does not, and with which key. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "collector/audit/journal.h"
#include "collector/authority/founding.h"
#include "collector/identity/seal.h"
#include "tests/unit/folder.h"
#include "tests/unit/steps.h"

static char state[64];

static void set_up(void)
{
	static const char *const hosts[] = {"beadle.twvs.example"};
	char why[256];

	strcpy(state, "/tmp/beadle-seal-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(state));
	ck_assert_msg(founding_make(state, "twvs", "main", hosts, 1, why) == 0, "%s", why);
}

static void tear_down(void)
{
	folder_remove(state);
}

static struct seal *open_seal(void)
{
	struct seal *seal;
	char path[128];

	snprintf(path, sizeof(path), "%s/signer", state);
	ck_assert_int_eq(seal_open(path, &seal), 0);
	return seal;
}

static void first_key(uint8_t ret[CHECKPOINT_KEY])
{
	char path[128];

	snprintf(path, sizeof(path), "%s/identity/checkpoint.pem", state);
	ck_assert_int_eq(checkpoint_key(path, ret), 0);
}

static struct journal begin_journal(struct seal *seal)
{
	char payload[JOURNAL_PAYLOAD];
	uint8_t key[CHECKPOINT_KEY], bytes[ENTRY_BYTES_MAX];
	struct journal j;
	struct journal_row row;

	first_key(key);
	ck_assert_int_eq(journal_begin(&j, key, 7, payload, &row), 0);
	ck_assert_int_eq(seal_show(seal, bytes, journal_bytes(&j, 1, (uint8_t[ENTRY_HASH]){0}, row.at, row.actor, row.action, row.digest, bytes)), 0);
	return j;
}

static int show_next(struct seal *seal, struct journal *j, const char *action)
{
	uint8_t bytes[ENTRY_BYTES_MAX], before[ENTRY_HASH];
	struct journal_row row;

	memcpy(before, j->last, ENTRY_HASH);
	ck_assert_int_eq(journal_append(j, 8, "lin", action, "{}", &row), 0);
	return seal_show(seal, bytes, journal_bytes(j, row.number, before, row.at, row.actor, row.action, row.digest, bytes));
}

static struct checkpoint last_of(const struct seal *seal)
{
	char line[CHECKPOINT_LINE];
	struct checkpoint c = {0};

	seal_last(seal, line);
	if (*line)
		ck_assert_int_eq(checkpoint_parse(line, strlen(line), &c), 0);
	return c;
}

START_TEST(test_a01_the_signer_signs_only_what_goes_on)
{
	struct seal *seal = open_seal();
	struct journal j = begin_journal(seal), fork, other;
	struct checkpoint c;
	uint8_t key[CHECKPOINT_KEY];

	ck_assert_uint_eq(last_of(seal).number, 0);
	ck_assert_int_eq(show_next(seal, &j, "a.b"), 0);
	ck_assert_int_eq(seal_sign(seal, 99), 0);
	c = last_of(seal);
	first_key(key);
	ck_assert(checkpoint_is_signed(&c, key));
	ck_assert_uint_eq(c.number, 2);
	ck_assert_mem_eq(c.chain, j.chain, ENTRY_HASH);
	ck_assert_mem_eq(c.hash, j.last, ENTRY_HASH);
	seal_close(seal);
	seal = open_seal();				/* it remembers */
	fork = j;
	ck_assert_int_eq(show_next(seal, &j, "a.b"), 0);
	ck_assert_int_eq(seal_sign(seal, 100), 0);
	ck_assert_int_eq(show_next(seal, &fork, "a.fork"), -ESTALE);	/* the same number again */
	ck_assert_int_eq(seal_sign(seal, 101), 0);
	ck_assert_uint_eq(last_of(seal).number, 3);
	fork = j;
	fork.last[0] ^= 1;
	ck_assert_int_eq(show_next(seal, &fork, "a.b"), -ESTALE);	/* behind another entry */
	fork = j;
	fork.number += 5;
	ck_assert_int_eq(show_next(seal, &fork, "a.b"), -ESTALE);	/* one is missing */
	ck_assert_int_eq(seal_show(seal, (const uint8_t *)"nonsense", 8), -EBADMSG);
	other = j;
	other.chain[5] ^= 1;
	ck_assert_int_eq(show_next(seal, &other, "a.b"), -ESTALE);	/* another journal */
	ck_assert_int_eq(show_next(seal, &j, "a.b"), 0);	/* and goes on all the same */
	ck_assert_int_eq(seal_sign(seal, 102), 0);
	ck_assert_uint_eq(last_of(seal).number, 4);
	seal_close(seal);
}
END_TEST

/* What was shown and not signed is shown again after a refusal: half a request leaves nothing behind. */
START_TEST(test_a02_after_a_refusal_it_is_shown_again)
{
	struct seal *seal = open_seal();
	struct journal j = begin_journal(seal), again;

	ck_assert_int_eq(seal_sign(seal, 1), 0);
	again = j;
	ck_assert_int_eq(show_next(seal, &j, "a.b"), 0);
	ck_assert_int_eq(seal_show(seal, NULL, 0), -EBADMSG);
	ck_assert_int_eq(show_next(seal, &again, "a.b"), 0);
	ck_assert_int_eq(seal_sign(seal, 2), 0);
	ck_assert_uint_eq(last_of(seal).number, 2);
	seal_close(seal);
}
END_TEST

static bool signed_with(const struct seal *seal, const uint8_t key[CHECKPOINT_KEY])
{
	struct checkpoint c = last_of(seal);

	return checkpoint_is_signed(&c, key);
}

static int show_change(struct seal *seal, struct journal *j, const struct seal_change *change)
{
	char action[ENTRY_ACTION_MAX + 1] = "journal.key ";

	checkpoint_hex(change->key, CHECKPOINT_KEY, action + strlen(action));
	return show_next(seal, j, action);
}

START_TEST(test_a02_another_key_follows_when_the_journal_says_so)
{
	struct seal *seal = open_seal();
	struct journal j = begin_journal(seal), other;
	uint8_t first[CHECKPOINT_KEY];
	char payload[CHECKPOINT_TEXT];
	struct seal_change change, again;

	first_key(first);
	ck_assert_int_eq(seal_change(seal, &change), -ENOENT);		/* there is no chain yet that it could be of */
	ck_assert_int_eq(seal_sign(seal, 1), 0);
	ck_assert_int_eq(seal_change(seal, &change), 0);
	checkpoint_change_payload(change.old, change.new_key, payload);
	ck_assert(checkpoint_change_is_signed(j.chain, 2, first, change.key, payload, strlen(payload)));
	seal_close(seal);
	seal = open_seal();
	ck_assert_int_eq(seal_change(seal, &again), 0);			/* the same one, until it is used */
	ck_assert_mem_eq(again.key, change.key, CHECKPOINT_KEY);
	ck_assert_int_eq(show_next(seal, &j, "a.b"), 0);
	ck_assert_int_eq(seal_sign(seal, 2), 0);
	ck_assert(signed_with(seal, first));				/* nothing has been said */
	other = j;
	again.key[3] ^= 1;
	ck_assert_int_eq(show_change(seal, &other, &again), -ESTALE);	/* not ours */
	ck_assert_int_eq(show_change(seal, &j, &change), 0);
	ck_assert_int_eq(show_next(seal, &j, "a.b"), 0);
	ck_assert_int_eq(seal_sign(seal, 3), 0);
	ck_assert_uint_eq(last_of(seal).number, 4);
	ck_assert(signed_with(seal, change.key) && !signed_with(seal, first));
	other = j;
	ck_assert_int_eq(show_change(seal, &other, &change), -ESTALE);	/* it is there already */
	ck_assert_int_eq(seal_change(seal, &again), 0);			/* and another after it */
	ck_assert(memcmp(again.key, change.key, CHECKPOINT_KEY));
	seal_close(seal);
	seal = open_seal();
	ck_assert_int_eq(show_change(seal, &j, &again), 0);
	ck_assert_int_eq(seal_sign(seal, 4), 0);
	ck_assert(signed_with(seal, again.key));
	seal_close(seal);
}
END_TEST

static bool killed_in(int at, struct journal j, const struct seal_change *change)
{
	struct seal *seal = open_seal();
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		kill_at = at;
		_exit(show_change(seal, &j, change) < 0 || seal_sign(seal, 2) < 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	seal_close(seal);
	return WIFSIGNALED(status);
}

/* Its checkpoint, and its name: it is the one or the other, and what it signed last tells which. */
START_TEST(test_a02_another_key_follows_also_when_killed_at_each_step)
{
	struct seal *seal = open_seal();
	struct journal j = begin_journal(seal), told;
	uint8_t first[CHECKPOINT_KEY];
	struct seal_change change;

	first_key(first);
	ck_assert_int_eq(seal_sign(seal, 1), 0);
	ck_assert_int_eq(seal_change(seal, &change), 0);
	seal_close(seal);
	ck_assert_int_eq(killed_in(_i, j, &change), _i < 3);
	seal = open_seal();
	told = j;
	ck_assert_uint_eq(last_of(seal).number, _i == 1 ? 1 : 2);
	ck_assert(signed_with(seal, _i == 1 ? first : change.key));
	if (_i == 1)
		ck_assert_int_eq(show_change(seal, &told, &change), 0);
	ck_assert_int_eq(seal_sign(seal, 2), 0);
	ck_assert(signed_with(seal, change.key) && !signed_with(seal, first));
	ck_assert_int_eq(seal_change(seal, &change), 0);	/* and so on */
	seal_close(seal);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("seal");
	TCase *t = tcase_create("seal");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, test_a01_the_signer_signs_only_what_goes_on);
	tcase_add_test(t, test_a02_after_a_refusal_it_is_shown_again);
	tcase_add_test(t, test_a02_another_key_follows_when_the_journal_says_so);
	tcase_add_loop_test(t, test_a02_another_key_follows_also_when_killed_at_each_step, 1, 4);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
