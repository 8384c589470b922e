/* people.c - who is who, and who looks after which host. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "people.h"
#include "lib/text.h"
#include "lib/vec.h"

struct role_holders {
	const char *role;
	const struct conf_node *node;
	const struct person *at[PEOPLE_A_ROLE];
	size_t n;
};
struct groups { const char **at; size_t n, room; };

struct people {
	VEC(struct person) persons;	/* complete before anything points into it */
	VEC(struct role_holders) roles;
	struct role_holders witnesses;
	VEC(struct people_host) hosts;
	VEC(struct groups) groups;	/* of the hosts, in order */
	const char *file;
};

void people_free(struct people *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->groups.n; i++)
		vec_free(&p->groups.at[i]);
	vec_free(&p->groups);
	vec_free(&p->persons);
	vec_free(&p->roles);
	vec_free(&p->hosts);
	free(p);
}

const struct person *people_get(const struct people *p, const char *id)
{
	for (size_t i = 0; i < p->persons.n; i++)
		if (strcmp(p->persons.at[i].id, id) == 0)
			return &p->persons.at[i];
	return NULL;
}

/* ---- reading ---- */

/* It becomes part of a notice's Message-ID. */
static bool is_id(const char *s)
{
	return strlen(s) < PEOPLE_ID && *s &&
	       s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")] == '\0';
}

static void read_person(struct people *p, const struct conf_node *n, bool default_chinese, struct problems *problems)
{
	static const char *const languages[] = {"zh-TW", "en", NULL};
	struct person *person;
	int language;

	if (conf_type(n) != CONF_MAP) {
		problem(problems, conf_file(n), conf_line(n), conf_key(n),
			"a person is written {name: ..., mail: ...}");
		return;
	}
	person = vec_push(&p->persons);
	if (!person)
		return;
	person->id = conf_key(n);
	conf_string(n, "name", person->id, &person->name, problems);
	conf_string(n, "mail", NULL, &person->mail, problems);
	conf_string(n, "webhook", NULL, &person->webhook, problems);
	conf_choice(n, "language", languages, !default_chinese, &language, problems);
	person->chinese = language == 0;
	if (!is_id(person->id))
		problem(problems, conf_file(n), conf_line(n), "people",
			"%s: not a short name (expected letters, digits, _ . - , at most %d)", person->id,
			PEOPLE_ID - 1);
	if (person->mail && !text_mail_address(person->mail))
		problem(problems, conf_file(n), conf_line(n), person->id,
			"%s: not a mail address (expected name@domain in plain ASCII, without quotes)", person->mail);
	if (!person->mail && !person->webhook)
		problem(problems, conf_file(n), conf_line(n), person->id,
			"cannot be told anything: give mail or webhook");
	conf_done(n, problems);
}

static const struct person *need_person(const struct people *p, const struct conf_node *n, struct problems *problems)
{
	const char *id = conf_value(n);
	const struct person *found = id ? people_get(p, id) : NULL;
	const char **ids, *near;

	if (found || !id) {
		if (!id)
			problem(problems, conf_file(n), conf_line(n), conf_key(n),
				"expected the name of one of people");
		return found;
	}
	ids = calloc(p->persons.n + 1, sizeof(*ids));
	for (size_t i = 0; ids && i < p->persons.n; i++)
		ids[i] = p->persons.at[i].id;
	near = ids ? text_nearest(id, ids, p->persons.n) : NULL;
	problem(problems, conf_file(n), conf_line(n), conf_key(n), "%s: nobody of that name in people%s%s%s", id,
		near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
	free(ids);
	return NULL;
}

static void hold(struct people *p, struct role_holders *r, const struct conf_node *who, struct problems *problems)
{
	const struct person *person = need_person(p, who, problems);

	if (!person)
		return;
	if (r->n == PEOPLE_A_ROLE)
		problem(problems, conf_file(who), conf_line(who), r->role, "more than %d persons in one role",
			PEOPLE_A_ROLE);
	else
		r->at[r->n++] = person;
}

static void hold_all(struct people *p, struct role_holders *r, const struct conf_node *n, struct problems *problems)
{
	r->role = conf_key(n);
	r->node = n;
	if (conf_type(n) == CONF_TEXT)
		hold(p, r, n, problems);
	if (conf_type(n) == CONF_MAP)
		problem(problems, conf_file(n), conf_line(n), r->role, "expected a person or a list of persons");
	for (size_t i = 0; conf_type(n) == CONF_LIST && i < conf_count(n); i++)
		hold(p, r, conf_at(n, i), problems);
}

static void read_role(struct people *p, const struct conf_node *n, struct problems *problems)
{
	struct role_holders *r;

	if (strcmp(conf_key(n), PEOPLE_OWNER) == 0 || strcmp(conf_key(n), PEOPLE_DEPUTY) == 0) {
		problem(problems, conf_file(n), conf_line(n), conf_key(n), "belongs to a host: write it under hosts");
		return;
	}
	r = vec_push(&p->roles);
	if (!r)
		return;
	hold_all(p, r, n, problems);
}

static void read_witnesses(struct people *p, const struct conf_node *n, struct problems *problems)
{
	if (!n)
		return;
	hold_all(p, &p->witnesses, n, problems);
	for (size_t i = 0; i < p->witnesses.n; i++)
		if (!p->witnesses.at[i]->mail)
			problem(problems, conf_file(n), conf_line(n), conf_key(n), "%s: has no mail address, and checkpoints go by mail",
				p->witnesses.at[i]->id);
}

static const struct person *host_person(const struct people *p, const struct conf_node *host, const char *what,
					struct problems *problems)
{
	const struct conf_node *n = conf_get(host, what);

	return n ? need_person(p, n, problems) : NULL;
}

static void read_host(struct people *p, const struct conf_node *n, struct problems *problems)
{
	struct people_host *h;
	struct groups *g;
	const struct conf_node *list;

	if (conf_type(n) != CONF_MAP) {
		problem(problems, conf_file(n), conf_line(n), conf_key(n),
			"a host is written {owner: ..., deputy: ..., groups: [...]}");
		return;
	}
	h = vec_push(&p->hosts);
	g = h ? vec_push(&p->groups) : NULL;
	if (!g)
		return;
	h->pattern = conf_key(n);
	h->owner = host_person(p, n, PEOPLE_OWNER, problems);
	h->deputy = host_person(p, n, PEOPLE_DEPUTY, problems);
	if (h->owner && h->owner == h->deputy)
		problem(problems, conf_file(n), conf_line(n), h->pattern,
			"%s: owner and deputy are the same person (5.1.3)", h->owner->id);
	list = conf_list(n, "groups", problems);
	for (size_t i = 0; list && i < conf_count(list); i++) {
		const char **name = vec_push(g);

		if (name && !(*name = conf_value(conf_at(list, i))))
			g->n--;
	}
	vec_push(g);	/* the NULL at the end */
	h->groups = g->at;
	conf_done(n, problems);
}

struct people *people_read(const struct conf_node *root, bool default_chinese, struct problems *problems)
{
	struct people *p = calloc(1, sizeof(*p));
	const struct conf_node *n;

	if (!p)
		return NULL;
	p->file = conf_file(root);
	n = conf_map(root, "people", problems);
	for (size_t i = 0; n && i < conf_count(n); i++)
		read_person(p, conf_at(n, i), default_chinese, problems);
	n = conf_map(root, "roles", problems);
	for (size_t i = 0; n && i < conf_count(n); i++)
		read_role(p, conf_at(n, i), problems);
	n = conf_map(root, "hosts", problems);
	for (size_t i = 0; n && i < conf_count(n); i++)
		read_host(p, conf_at(n, i), problems);
	read_witnesses(p, conf_get(root, "witnesses"), problems);
	return p;
}

void people_check_roles(const struct people *p, const char *const *roles, struct problems *problems)
{
	size_t known = 0;
	bool manager = false;

	while (roles[known])
		known++;
	for (size_t i = 0; i < p->roles.n; i++) {
		const struct role_holders *r = &p->roles.at[i];
		const char *near = text_nearest(r->role, roles, known);
		bool found = false;

		for (size_t k = 0; k < known; k++)
			found |= strcmp(r->role, roles[k]) == 0;
		manager |= strcmp(r->role, PEOPLE_MANAGER) == 0 && r->n > 0;
		if (!found)
			problem(problems, conf_file(r->node), conf_line(r->node), "roles",
				"%s: the procedure knows no such role%s%s%s", r->role, near ? " (did you mean \"" : "",
				near ? near : "", near ? "\"?)" : "");
	}
	if (!manager && p->persons.n > 0)
		problem(problems, p->file, 0, "roles",
			PEOPLE_MANAGER " has no person: hosts without an owner fall to this role (5.1.3)");
}

/* ---- asking ---- */

const struct person *const *people_witnesses(const struct people *p, size_t *ret_n)
{
	*ret_n = p->witnesses.n;
	return p->witnesses.at;
}

const struct people_host *people_host(const struct people *p, const char *host)
{
	for (size_t i = 0; i < p->hosts.n; i++)
		if (fnmatch(p->hosts.at[i].pattern, host, 0) == 0)
			return &p->hosts.at[i];
	return NULL;
}

const char *people_host_named(const struct people *p, size_t *at)
{
	while (*at < p->hosts.n) {
		const char *pattern = p->hosts.at[(*at)++].pattern;

		if (!strpbrk(pattern, "*?[\\"))
			return pattern;
	}
	return NULL;
}

static size_t holders(const struct people *p, const char *role, const struct person **ret, size_t room)
{
	for (size_t i = 0; i < p->roles.n; i++) {
		const struct role_holders *r = &p->roles.at[i];
		size_t n = r->n < room ? r->n : room;

		if (strcmp(r->role, role) != 0)
			continue;
		memcpy(ret, r->at, n * sizeof(*ret));
		return n;
	}
	return 0;
}

size_t people_of(const struct people *p, const char *role, const char *host, const struct person **ret, size_t room,
		 bool *ret_fallback)
{
	const struct people_host *h;
	const struct person *person;

	*ret_fallback = false;
	if (strcmp(role, PEOPLE_OWNER) != 0 && strcmp(role, PEOPLE_DEPUTY) != 0)
		return holders(p, role, ret, room);
	h = people_host(p, host);
	person = !h ? NULL : strcmp(role, PEOPLE_OWNER) == 0 ? h->owner : h->deputy;
	*ret_fallback = !person;
	if (!person)
		return holders(p, PEOPLE_MANAGER, ret, room);
	if (room == 0)
		return 0;
	*ret = person;
	return 1;
}
