/* api_login.c - log-in and passwords. The try is counted before the hash, and the hash is made on another thread (W4). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "clock.h"
#include "log.h"

#define PASSWORD_MAX 256

struct try {
	struct asked asked;
	struct job job;
	char name[64], origin[64], password[PASSWORD_MAX + 1], new_password[PASSWORD_MAX + 1], code[16];
	char hash[ACCOUNTS_HASH];
	bool ok;
};

static struct try *try_of(struct job *job)
{
	return (struct try *)((char *)job - offsetof(struct try, job));
}

static void try_free(struct try *t)
{
	explicit_bzero(t, sizeof(*t));
	free(t);
}

static const char *whose(const struct asker *a)
{
	return a->origin ? a->origin : a->from;
}

static struct try *try_new(const struct asker *a, const char *name, const char *password, const char *hash)
{
	struct try *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	snprintf(t->name, sizeof(t->name), "%s", name);
	snprintf(t->origin, sizeof(t->origin), "%s", whose(a));
	snprintf(t->password, sizeof(t->password), "%s", password);
	snprintf(t->hash, sizeof(t->hash), "%s", hash);
	return t;
}

static void start(const struct asker *a, struct try *t)
{
	if (t && jobs_add(a->engine->hashing, &t->job, a->origin)) {
		api_later(&t->asked, a);
		return;
	}
	if (t)
		try_free(t);
	api_refuse(a, 429, "too_many", "too many people are logging in: try again in a moment");
}

/* For the journal. name: as it was typed, which may be anybody's. */
static void tell(struct engine *e, const char *actor, const char *from, const char *action, const char *name)
{
	struct store_change *change = engine_change(e);

	if (change)
		record_fact(change, &(struct deed){actor, from, action}, "", json_pack("{s:o}", "name", document_bytes(name)));
}

/* Refuses by itself when there were too many tries. */
static bool may_try(const struct asker *a, const char *name)
{
	bool told;
	int wait;

	if (accounts_may_try(a->engine->accounts, name, whose(a), clock_boot(), &wait, &told))
		return true;
	if (!told)
		tell(a->engine, RECORD_NOBODY, a->from, "login.locked", name);
	api_refuse(a, 429, "too_many", "too many tries: wait %d s", wait);
	return false;
}

/* ---- log-in ---- */

static void match(struct job *job, void *nothing)
{
	struct try *t = try_of(job);

	t->ok = accounts_match(t->password, t->hash);
}

/* The password was right. Refuses by itself; a code that is wrong then is worth a warning: somebody has the password. */
static bool proves(struct try *t, const struct account *account)
{
	struct engine *e = t->asked.engine;
	int off = 0;

	if (!account->has_factor)
		return true;
	if (!*t->code) {
		api_refuse_later(&t->asked, 401, "second_factor", "the code of your authenticator is needed");
		return false;
	}
	switch (factors_check(e->factors, t->name, account->factor, t->code, clock_wall(), clock_boot(), &off)) {
	case FACTOR_GOOD:
		return true;
	case FACTOR_BRAKED:
		api_refuse_later(&t->asked, 429, "too_many", "too many wrong codes: wait 15 minutes");
		return false;
	default:
		log_warning("log-in of \"%s\" from %s: the password is right, and the code of the second factor is wrong", t->name, t->asked.from);
		if (off)
			log_warning("it would be right %d s %s: this machine's clock or the telephone's is off", off < 0 ? -off : off,
				    off < 0 ? "earlier" : "later");
		tell(e, RECORD_NOBODY, t->asked.from, "login.code_failed", t->name);
		api_refuse_later(&t->asked, 401, "second_factor_wrong", "the code is wrong, or was used before: wait for the next one");
		return false;
	}
}

static void logged_in(struct job *job)
{
	struct try *t = try_of(job);
	struct engine *e = t->asked.engine;
	const struct account *account = t->ok ? accounts_may_log_in(e->accounts, t->name) : NULL;
	struct store_change *change;
	char token[ACCOUNTS_TOKEN];

	if (api_put_out(&t->asked, &t->job))
		log_info("log-in of \"%s\" from %s: too many at once", t->name, t->asked.from);
	else if (!account) {
		log_notice("log-in of \"%s\" from %s: refused", t->name, t->asked.from);
		tell(e, RECORD_NOBODY, t->asked.from, "login.failed", t->name);
		e->touched = false;
		api_refuse_later(&t->asked, 401, "log_in", "name or password is wrong");
	} else if (!proves(t, account))
		;
	else if (!(change = engine_change(e)) || accounts_log_in(e->accounts, t->name, clock_wall(), clock_boot(), change, token) < 0)
		api_refuse_later(&t->asked, 503, "unavailable", "no session can be made now");
	else {
		accounts_succeeded(e->accounts, t->name, t->origin);
		log_notice("log-in of \"%s\" from %s", t->name, t->asked.from);
		tell(e, t->name, t->asked.from, "login.good", t->name);
		e->touched = false;	/* with a full disk people must still get in to look; a session that a crash forgets is logged in to again */
		api_answer_later(&t->asked, 200, json_pack("{s:s, s:s, s:o, s:b}", "session", token, "name", account->name, "roles",
							   authorise_roles(account->roles), "must_change", account->must_change));
		explicit_bzero(token, sizeof(token));
	}
	engine_flush(e);
	try_free(t);
}

void api_login(const struct asker *a, const json_t *arguments)
{
	const char *name, *password, *code;
	const struct account *account;
	struct try *t;

	if (!api_text(a, arguments, "name", NULL, 63, &name) || !api_text(a, arguments, "password", NULL, PASSWORD_MAX, &password) ||
	    !api_text(a, arguments, "code", "", sizeof(t->code) - 1, &code) || !may_try(a, name))
		return;
	account = accounts_may_log_in(a->engine->accounts, name);
	t = try_new(a, name, password, account ? account->hash : accounts_nobody());
	if (t) {
		snprintf(t->code, sizeof(t->code), "%s", code);
		t->job = (struct job){.work = match, .done = logged_in};
	}
	start(a, t);
}

void api_logout(const struct asker *a, const json_t *arguments)
{
	struct store_change *change = engine_change(a->engine);

	if (change && a->account) {
		tell(a->engine, a->name, a->from, "login.ended", a->name);
		accounts_log_out(a->engine->accounts, a->session, change);
	}
	api_answer(a, 200, json_object());
}

/* ---- a new password ---- */

static void match_and_hash(struct job *job, void *nothing)
{
	struct try *t = try_of(job);

	t->ok = accounts_match(t->password, t->hash) && accounts_hash(t->new_password, t->hash) == 0;
}

static void changed(struct job *job)
{
	struct try *t = try_of(job);
	struct engine *e = t->asked.engine;
	const struct account *old = t->ok ? accounts_get(e->accounts, t->name) : NULL;
	struct store_change *change = old ? engine_change(e) : NULL;
	struct account account;

	if (api_put_out(&t->asked, &t->job))
		;
	else if (!old)
		api_refuse_later(&t->asked, 403, "not_allowed", "the old password is wrong");
	else if (!change)
		api_refuse_later(&t->asked, 503, "unavailable", "nothing can be kept now");
	else {
		account = *old;
		account.must_change = false;
		strcpy(account.hash, t->hash);
		accounts_set(e->accounts, &account, NULL, &(struct deed){t->name, t->asked.from, "account.password"}, change);	/* and ends every session of this account */
		log_notice("\"%s\" has a new password", t->name);
		api_answer_later(&t->asked, 200, json_object());
		explicit_bzero(&account, sizeof(account));
	}
	engine_flush(e);
	try_free(t);
}

void api_password(const struct asker *a, const json_t *arguments)
{
	const char *old, *new_password;
	struct try *t;

	if (!a->account) {
		api_refuse(a, 400, "bad_request", "the local socket has no password");
		return;
	}
	if (!api_text(a, arguments, "old", NULL, PASSWORD_MAX, &old) || !api_text(a, arguments, "new", NULL, PASSWORD_MAX, &new_password))
		return;
	if (strlen(new_password) < ACCOUNTS_PASSWORD_MIN || !strcmp(old, new_password)) {
		api_refuse(a, 400, "bad_request", "new: expected at least %d characters, and another password than the old one",
			   ACCOUNTS_PASSWORD_MIN);
		return;
	}
	if (!may_try(a, a->name))
		return;
	t = try_new(a, a->name, old, a->account->hash);
	if (t) {
		snprintf(t->new_password, sizeof(t->new_password), "%s", new_password);
		t->job = (struct job){.work = match_and_hash, .done = changed};
	}
	start(a, t);
}
