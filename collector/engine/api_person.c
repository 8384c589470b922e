/* api_person.c - accounts: who there is, what they may, and when they may no longer (ACC-01, ACC-07). Nobody changes his own. */
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "log.h"

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

static json_t *document(const struct account *p)
{
	return json_pack("{s:s, s:o, s:b, s:b, s:b}", "name", p->name, "roles", authorise_roles(p->roles), "must_change", p->must_change,
			 "disabled", p->disabled, "factor", p->has_factor);
}

void api_people(const struct asker *a, const json_t *arguments)
{
	const struct account *p = NULL;
	json_t *list = json_array();

	while ((p = accounts_next(a->engine->accounts, p)))
		json_array_append_new(list, document(p));
	api_answer(a, 200, json_pack("{s:o}", "people", list));
}

/* ---- what was asked for; each refuses by itself ---- */

static bool person(const struct asker *a, const json_t *arguments, struct account *ret)
{
	const struct account *found;
	const char *name;

	if (!api_text(a, arguments, "name", NULL, sizeof(ret->name) - 1, &name))
		return false;
	found = accounts_get(a->engine->accounts, name);
	if (!found)
		api_refuse(a, 404, "not_found", "there is no such account");
	else if (!a->console && !authorise_another(a->name, name))
		api_refuse(a, 403, "not_allowed", "nobody changes his own account: another administrator does, or root on the console");
	else {
		*ret = *found;
		return true;
	}
	return false;
}

static bool roles(const struct asker *a, const json_t *arguments, unsigned *ret)
{
	const char *why;

	*ret = authorise_roles_parse(json_object_get(arguments, "roles"));
	why = authorise_together(*ret);
	if (!*ret)
		api_refuse(a, 400, "bad_request", "roles: expected some of viewer, operator, administrator, auditor, supervisor, "
			   "security_officer");
	else if (why)
		api_refuse(a, 409, "conflict", "%s", why);
	return *ret && !why;
}

static bool keep(struct engine *e, const struct account *p, const struct deed *deed)
{
	struct store_change *change = engine_change(e);

	return change && accounts_set(e->accounts, p, NULL, deed, change) == 0;	/* and ends every session of theirs */
}

static void set(const struct asker *a, const struct account *p, const char *action, const char *what)
{
	if (!keep(a->engine, p, &(struct deed){a->name, a->from, action})) {
		api_refuse(a, 503, "unavailable", "nothing can be kept now");
		return;
	}
	log_notice("\"%s\" %s the account \"%s\"", a->name, what, p->name);
	api_answer(a, 200, document(p));
}

void api_person_roles(const struct asker *a, const json_t *arguments)
{
	struct account p;

	if (person(a, arguments, &p) && roles(a, arguments, &p.roles))
		set(a, &p, "account.roles", "changed the roles of");
}

void api_person_disable(const struct asker *a, const json_t *arguments)
{
	struct account p;

	if (!person(a, arguments, &p))
		return;
	p.disabled = true;
	set(a, &p, "account.disabled", "disabled");
}

void api_person_enable(const struct asker *a, const json_t *arguments)
{
	struct account p;

	if (!person(a, arguments, &p))
		return;
	p.disabled = false;
	set(a, &p, "account.enabled", "enabled");
}

/* A telephone that was lost or left behind with its owner's code. */
void api_person_factor(const struct asker *a, const json_t *arguments)
{
	struct account p;

	if (!person(a, arguments, &p))
		return;
	p.has_factor = false;
	explicit_bzero(p.factor, sizeof(p.factor));
	set(a, &p, "account.factor_taken", "took the second factor of");
}

/* ---- one-time passwords: told once, to who asked; hashed elsewhere ---- */

struct fresh { struct asked asked; struct job job; struct account account; char password[32]; bool add, ok; };

static struct fresh *fresh_of(struct job *job)
{
	return (struct fresh *)((char *)job - offsetof(struct fresh, job));
}

static void make_hash(struct job *job, void *nothing)
{
	struct fresh *f = fresh_of(job);

	f->ok = accounts_one_time(f->password) == 0 && accounts_hash(f->password, f->account.hash) == 0;
}

/* Meanwhile the account may have changed: what is kept is what it is now, with the new password. */
static bool refresh(struct fresh *f)
{
	const struct account *now = accounts_get(f->asked.engine->accounts, f->account.name);
	char hash[ACCOUNTS_HASH];

	if (f->add || !now)
		return f->add && !now;
	strcpy(hash, f->account.hash);
	f->account = *now;
	strcpy(f->account.hash, hash);
	f->account.must_change = true;
	return true;
}

static void made(struct job *job)
{
	struct fresh *f = fresh_of(job);
	struct engine *e = f->asked.engine;
	const struct deed deed = {f->asked.by, f->asked.from, f->add ? "account.added" : "account.password_given"};
	json_t *answer;

	if (api_put_out(&f->asked, &f->job))
		;
	else if (!f->ok)
		api_refuse_later(&f->asked, 503, "unavailable", "no password can be made now");
	else if (!refresh(f))
		api_refuse_later(&f->asked, 409, "conflict", f->add ? "there is an account of that name already" : "the account is gone");
	else if (!keep(e, &f->account, &deed))
		api_refuse_later(&f->asked, 503, "unavailable", "nothing can be kept now");
	else {
		log_notice("\"%s\" %s \"%s\"", f->asked.by, f->add ? "added the account" : "gave a one-time password to", f->account.name);
		answer = document(&f->account);
		json_object_set_new(answer, "password", json_string(f->password));
		api_answer_later(&f->asked, 200, answer);
	}
	engine_flush(e);
	explicit_bzero(f, sizeof(*f));
	free(f);
}

static void start(const struct asker *a, const struct account *p, bool add)
{
	struct fresh *f = calloc(1, sizeof(*f));

	if (f) {
		*f = (struct fresh){.job = {.work = make_hash, .done = made}, .account = *p, .add = add};
		if (jobs_add(a->engine->hashing, &f->job, a->origin)) {
			api_later(&f->asked, a);
			return;
		}
	}
	free(f);
	api_refuse(a, 429, "too_many", "too many people are logging in: try again in a moment");
}

void api_person_add(const struct asker *a, const json_t *arguments)
{
	struct account p = {.must_change = true};
	const char *name;

	if (!api_text(a, arguments, "name", NULL, sizeof(p.name) - 1, &name) || !roles(a, arguments, &p.roles))
		return;
	if (!*name || strspn(name, NAME_LETTERS) != strlen(name) || !strcmp(name, "root")) {
		api_refuse(a, 400, "bad_request", "name: expected letters, digits, dot, dash or underscore, and not root: it is the console's");
		return;
	}
	if (accounts_get(a->engine->accounts, name)) {
		api_refuse(a, 409, "conflict", "there is an account of that name already");
		return;
	}
	strcpy(p.name, name);
	start(a, &p, true);
}

void api_person_password(const struct asker *a, const json_t *arguments)
{
	struct account p;

	if (person(a, arguments, &p))
		start(a, &p, false);
}
