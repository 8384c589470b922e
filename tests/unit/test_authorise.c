/* test_authorise.c - who may ask what: every query, every role, both doors (W1, ACC-01, ACC-02). */
#include <stdlib.h>
#include <string.h>

#include "collector/engine/accounts.h"
#include "collector/engine/api.h"
#include "collector/engine/authorise.h"
#include "test_engine.h"

/* What each role may do by the school's procedure, written down a second time: a new right is a decision, not a slip.
 * v o a u s f: viewer, operator, administrator, auditor, supervisor, security officer; L: over the local socket alone. */
static const struct { const char *query, *roles; } expected[] = {
	{"status", "voausf"}, {"hosts", "voausf"}, {"host", "voausf"}, {"checks", "voausf"}, {"incidents", "voausf"}, {"incident", "voausf"},
	{"history", "voausf"}, {"procedure", "voausf"}, {"doctor", "voausfL"}, {"incident.ack", "oa"}, {"incident.handle", "oa"},
	{"incident.close", "oas"}, {"identity.new", "aL"}, {"identity.list", "auf"}, {"identity.revoke", "af"}, {"token.new", "aL"}, {"token.list", "aufL"}, {"token.revoke", "afL"},
	{"token.approve", "aL"}, {"person.list", "auf"}, {"person.add", "a"}, {"person.roles", "a"},
	{"person.disable", "a"}, {"person.enable", "a"}, {"person.password", "a"}, {"person.factor", "a"}, {"stream", "voausf"}, {"audit.export", "ausfL"}, {"audit.key", "aL"},
	{"clock.confirm", "a"}, {"authority.show", "aufL"}, {"authority.roll", "aL"}, {"authority.finish", "aL"}, {"backup.begin", "aL"}, {"backup.copy", "aL"}, {"backup.end", "aL"},
};
static const char letters[] = "voausf";

static const char *expect(const char *query)
{
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		if (!strcmp(expected[i].query, query))
			return expected[i].roles;
	ck_abort_msg("%s: a new right: write down here who may", query);
	return "";
}

/* A query that is answered has a row, and no row is left behind. */
START_TEST(test_w01_every_query_has_a_row)
{
	const char *name;
	size_t n = 0;

	for (size_t i = 0; (name = api_name(i)); i++)
		ck_assert_msg(authorise_find(name) != NULL, "%s: no row in authorise.c", name);
	for (const struct right *r = authorise_each(NULL); r; r = authorise_each(r)) {
		bool answered = false;

		for (size_t i = 0; (name = api_name(i)); i++)
			answered |= !strcmp(name, r->query);
		ck_assert_msg(answered, "%s: a row without a query", r->query);
		ck_assert_ptr_eq(authorise_find(r->query), r);
		n++;
	}
	ck_assert_uint_gt(n, 10);
	ck_assert_ptr_null(authorise_find("nothing"));
	ck_assert_ptr_null(authorise_find(""));
}
END_TEST

START_TEST(test_w01_every_query_and_every_role)
{
	for (const struct right *r = authorise_each(NULL); r; r = authorise_each(r)) {
		const char *roles;

		if (r->kind == RIGHT_OPEN || r->kind == RIGHT_OWN)
			continue;
		roles = expect(r->query);
		for (unsigned local = 0; local < 2; local++) {
			ck_assert_int_eq(authorise(r, &(struct who){.local = local}), r->local && !local ? NOT_LOCAL : LOG_IN);
			ck_assert_int_ne(authorise(r, &(struct who){.known = true, .local = local}), ALLOWED);	/* no role at all */
			for (unsigned i = 0; letters[i]; i++) {
				struct who who = {.known = true, .local = local, .roles = 1u << i};
				bool may = strchr(roles, letters[i]) && (local || !strchr(roles, 'L'));

				ck_assert_msg((authorise(r, &who) == ALLOWED) == may, "%s, role %c, local %u", r->query, letters[i], local);
				who.must_change = true;
				ck_assert_int_ne(authorise(r, &who), ALLOWED);
			}
		}
		ck_assert_msg(r->kind != RIGHT_ACT || !(r->roles & ~ROLES_STRONG), "%s: changes something, and a role that only looks may",
			      r->query);
	}
}
END_TEST

START_TEST(test_one_s_own)
{
	const struct right *r = authorise_find("password.change");

	ck_assert_int_eq(authorise(r, &(struct who){0}), LOG_IN);
	ck_assert_int_eq(authorise(r, &(struct who){.known = true, .must_change = true, .roles = ROLE_VIEWER}), ALLOWED);
	ck_assert_int_eq(authorise(authorise_find("login"), &(struct who){0}), ALLOWED);
}
END_TEST

START_TEST(test_duties_apart)
{
	ck_assert_ptr_nonnull(authorise_together(ROLE_AUDITOR | ROLE_ADMINISTRATOR));
	ck_assert_ptr_nonnull(authorise_together(ROLE_AUDITOR | ROLE_OPERATOR | ROLE_VIEWER));
	ck_assert_ptr_nonnull(authorise_together(ROLE_AUDITOR | ROLE_SUPERVISOR));
	ck_assert_ptr_null(authorise_together(ROLE_AUDITOR | ROLE_VIEWER));
	ck_assert_ptr_null(authorise_together(ROLE_ADMINISTRATOR | ROLE_OPERATOR));
	ck_assert(!authorise_another("chen", "chen"));
	ck_assert(authorise_another("chen", "lin"));
}
END_TEST

START_TEST(test_roles_are_named)
{
	json_t *names = authorise_roles(ROLES_ALL), *wrong = json_pack("[s, s]", "viewer", "king");

	ck_assert_uint_eq(json_array_size(names), 6);
	ck_assert_uint_eq(authorise_roles_parse(names), ROLES_ALL);
	ck_assert_uint_eq(authorise_roles_parse(wrong), 0);
	ck_assert_uint_eq(authorise_roles_parse(NULL), 0);
	json_decref(names);
	json_decref(wrong);
}
END_TEST

/* Accounts as they were kept before there were roles go on as what they were. */
START_TEST(test_c02_old_accounts)
{
	struct accounts *a = accounts_new();

	ck_assert_int_eq(accounts_load(a, "admin", "{\"hash\":\"$y$x\",\"administrator\":true,\"must_change\":false}"), 0);
	ck_assert_int_eq(accounts_load(a, "lin", "{\"hash\":\"$y$x\",\"administrator\":false}"), 0);
	ck_assert_int_eq(accounts_load(a, "gone", "{\"hash\":\"$y$x\",\"roles\":[\"operator\",\"supervisor\"],\"disabled\":true}"), 0);
	ck_assert_int_eq(accounts_load(a, "odd", "{\"hash\":\"$y$x\",\"roles\":[\"king\"]}"), 0);
	ck_assert_uint_eq(accounts_get(a, "admin")->roles, ROLE_ADMINISTRATOR);
	ck_assert_uint_eq(accounts_get(a, "lin")->roles, ROLE_VIEWER);
	ck_assert_uint_eq(accounts_get(a, "gone")->roles, ROLE_OPERATOR | ROLE_SUPERVISOR);
	ck_assert_ptr_null(accounts_may_log_in(a, "gone"));
	ck_assert_uint_eq(accounts_get(a, "odd")->roles, 0);
	accounts_free(a);
}
END_TEST

TCase *authorise_tests(void)
{
	TCase *t = tcase_create("authorise");

	tcase_add_test(t, test_w01_every_query_has_a_row);
	tcase_add_test(t, test_w01_every_query_and_every_role);
	tcase_add_test(t, test_one_s_own);
	tcase_add_test(t, test_duties_apart);
	tcase_add_test(t, test_roles_are_named);
	tcase_add_test(t, test_c02_old_accounts);
	return t;
}
