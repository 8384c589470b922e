/* procedure.c - document, roles, kinds and their chains. Rules are rulebook.c's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reader.h"
#include "lib/clock.h"
#include "lib/text.h"

#define DAY (86400 * NS_PER_S)
#define AGAIN (4 * 3600 * NS_PER_S)

/* ---- what all parts need ---- */

void *reader_keep(struct reader *r, size_t n, size_t size)
{
	void *block = calloc(n ? n : 1, size);
	void **slot = block ? vec_push(&r->p->memory->blocks) : NULL;

	if (!slot) {
		free(block);
		problem(r->problems, NULL, 0, NULL, "no memory for the procedure");
		return NULL;
	}
	*slot = block;
	return block;
}

void reader_title(struct reader *r, const struct conf_node *n, const char **ret_zh, const char **ret_en)
{
	const struct conf_node *title = conf_need(n, "title", r->problems);

	*ret_zh = *ret_en = "";
	if (!title)
		return;
	if (conf_type(title) != CONF_MAP) {
		problem(r->problems, conf_file(title), conf_line(title), "title", "is written {zh: ..., en: ...}");
		return;
	}
	conf_string(title, "zh", NULL, ret_zh, r->problems);
	conf_string(title, "en", NULL, ret_en, r->problems);
	if (!*ret_zh || !*ret_en)
		problem(r->problems, conf_file(title), conf_line(title), "title",
			"is needed in both languages (zh and en)");
	conf_done(title, r->problems);
}

/* "5.3.3", or several with a space between. */
static bool is_clause(const char *s)
{
	bool digit = false;

	for (; *s; s++) {
		if (*s >= '0' && *s <= '9')
			digit = true;
		else if ((*s != '.' && *s != ' ') || !digit || !s[1])
			return false;
		else
			digit = false;
	}
	return digit;
}

const char *reader_clause(struct reader *r, const struct conf_node *n)
{
	const struct conf_node *item = conf_need(n, "clause", r->problems);
	const char *text = item ? conf_value(item) : NULL;

	if (item && (!text || !is_clause(text) || strlen(text) > 100))
		problem(r->problems, conf_file(item), conf_line(item), "clause",
			"%s: not a clause number (expected \"5.3.3\", or several with spaces between)",
			text ? text : "");
	return text ? text : "";
}

static void no_such(struct reader *r, const struct conf_node *item, const char *value, const char *const *names,
		    size_t n, const char *of_what)
{
	const char *near = text_nearest(value, names, n);

	problem(r->problems, conf_file(item), conf_line(item), conf_key(item), "%s: no such %s%s%s%s", value, of_what,
		near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

const char *reader_one_of(struct reader *r, const struct conf_node *map, const char *key, const char *const *names,
			  size_t n, const char *of_what)
{
	const struct conf_node *item = conf_need(map, key, r->problems);
	const char *value = item ? conf_value(item) : NULL;

	if (!value) {
		if (item)
			problem(r->problems, conf_file(item), conf_line(item), key, "expected the name of a %s",
				of_what);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], value) == 0)
			return names[i];
	no_such(r, item, value, names, n, of_what);
	return NULL;
}

/* ---- document and roles ---- */

static void read_document(struct reader *r, const struct conf_node *root)
{
	const struct conf_node *d = conf_need(root, "document", r->problems);

	r->p->number = r->p->version = r->p->title_zh = r->p->title_en = "";
	if (!d || conf_type(d) != CONF_MAP)
		return;
	conf_need(d, "number", r->problems);
	conf_string(d, "number", "", &r->p->number, r->problems);
	conf_need(d, "version", r->problems);
	conf_string(d, "version", "", &r->p->version, r->problems);
	reader_title(r, d, &r->p->title_zh, &r->p->title_en);
	conf_done(d, r->problems);
}

static bool has_role(const struct procedure *p, const char *id)
{
	for (size_t i = 0; i < p->roles_n; i++)
		if (strcmp(p->roles[i].id, id) == 0)
			return true;
	return false;
}

/* The three that the code itself knows must have a name for people. */
static void need_roles(struct reader *r, const struct conf_node *roles)
{
	static const char *const needed[] = {PEOPLE_OWNER, PEOPLE_DEPUTY, PEOPLE_MANAGER};

	for (size_t i = 0; i < 3; i++)
		if (!has_role(r->p, needed[i]))
			problem(r->problems, conf_file(roles), conf_line(roles), "roles", "%s is missing", needed[i]);
}

static void read_roles(struct reader *r, const struct conf_node *root)
{
	const struct conf_node *roles = conf_need(root, "roles", r->problems);
	size_t n = roles && conf_type(roles) == CONF_MAP ? conf_count(roles) : 0;
	const char **ids = reader_keep(r, n + 1, sizeof(*ids));

	r->p->roles = reader_keep(r, n, sizeof(*r->p->roles));
	r->p->role_ids = ids;
	if (!r->p->roles || !ids || !roles)
		return;
	for (size_t i = 0; i < n; i++) {
		const struct conf_node *node = conf_at(roles, i);
		struct role *role = &r->p->roles[r->p->roles_n++];

		*role = (struct role){conf_key(node), "", ""};
		ids[i] = role->id;
		if (!text_name(role->id))
			problem(r->problems, conf_file(node), conf_line(node), "roles",
				"%s: not a name (expected a-z, 0-9, _)", role->id);
		if (conf_type(node) != CONF_MAP) {
			problem(r->problems, conf_file(node), conf_line(node), role->id,
				"is written {zh: ..., en: ...}");
			continue;
		}
		conf_need(node, "zh", r->problems);
		conf_string(node, "zh", "", &role->title_zh, r->problems);
		conf_need(node, "en", r->problems);
		conf_string(node, "en", "", &role->title_en, r->problems);
		conf_done(node, r->problems);
	}
	need_roles(r, roles);
}

/* ---- kinds ---- */

static void read_step(struct reader *r, const struct conf_node *n, bool timed, struct step *s)
{
	static const char *const from[] = {"ok", "warning", "critical", "unknown", NULL};
	int state;

	if (conf_type(n) != CONF_MAP) {
		problem(r->problems, conf_file(n), conf_line(n), NULL, "a step is written {role: ..., clause: ...%s}",
			timed ? ", after: ..." : "");
		return;
	}
	s->role = reader_one_of(r, n, "role", r->p->role_ids, r->p->roles_n, "role");
	s->clause = reader_clause(r, n);
	if (timed) {
		conf_need(n, "after", r->problems);
		conf_duration(n, "after", 0, 0, 30 * DAY, &s->after_ns, r->problems);
		conf_duration(n, "every", 0, 60 * NS_PER_S, 30 * DAY, &s->every_ns, r->problems);
	}
	conf_choice(n, "from", from, STATE_OK, &state, r->problems);
	s->from = (enum state)state;
	conf_done(n, r->problems);
}

/* Adds the list's steps behind those already there; `last` goes on from list to list of one chain. */
static size_t read_steps(struct reader *r, const struct conf_node *list, bool timed, struct step *steps, size_t room)
{
	size_t n = 0;
	int64_t last = 0;

	for (size_t i = 0; list && i < conf_count(list); i++) {
		const struct conf_node *node = conf_at(list, i);

		if (n == room) {
			problem(r->problems, conf_file(node), conf_line(node), conf_key(list),
				"too many steps: at most %d in one kind", ESCALATION_STEPS);
			break;
		}
		read_step(r, node, timed, &steps[n]);
		if (steps[n].after_ns < last)
			problem(r->problems, conf_file(node), conf_line(node), "after",
				"is sooner than the step before it");
		last = steps[n++].after_ns;
	}
	return n;
}

static void read_kind(struct reader *r, const struct conf_node *n, const struct step *chain, size_t chain_n,
		      struct kind *k)
{
	struct step *steps = reader_keep(r, ESCALATION_STEPS, sizeof(*steps));
	struct step *by_hand = reader_keep(r, ESCALATION_STEPS, sizeof(*by_hand));

	*k = (struct kind){.id = conf_key(n), .title_zh = "", .title_en = "", .steps = steps, .by_hand = by_hand};
	if (!steps || !by_hand)
		return;
	if (conf_type(n) != CONF_MAP) {
		problem(r->problems, conf_file(n), conf_line(n), k->id,
			"a kind is written {title: ..., at_once: [...], then: [...]}");
		return;
	}
	if (strlen(k->id) > 15 || !k->id[0] || strpbrk(k->id, " \t\n"))
		problem(r->problems, conf_file(n), conf_line(n), "kinds", "%s: not a short name (expected \"INC-A\")",
			k->id);
	reader_title(r, n, &k->title_zh, &k->title_en);
	k->n = read_steps(r, conf_list(n, "at_once", r->problems), false, steps, ESCALATION_STEPS - chain_n);
	memcpy(steps + k->n, chain, chain_n * sizeof(*chain));
	k->n += chain_n;
	k->n += read_steps(r, conf_list(n, "then", r->problems), true, steps + k->n, ESCALATION_STEPS - k->n);
	k->by_hand_n = read_steps(r, conf_list(n, "by_hand", r->problems), false, by_hand, ESCALATION_STEPS);
	conf_done(n, r->problems);
}

static void read_kinds(struct reader *r, const struct conf_node *root)
{
	struct step chain[ESCALATION_STEPS / 2] = {0};
	size_t chain_n = read_steps(r, conf_list(root, "chain", r->problems), true, chain, ESCALATION_STEPS / 2);
	const struct conf_node *kinds = conf_need(root, "kinds", r->problems);
	size_t n = kinds && conf_type(kinds) == CONF_MAP ? conf_count(kinds) : 0;

	if (chain_n == 0)
		problem(r->problems, conf_file(root), conf_line(root), "chain",
			"is missing or empty: who is told, and after how long (5.1.3)");
	r->p->kinds = reader_keep(r, n, sizeof(*r->p->kinds));
	for (size_t i = 0; r->p->kinds && i < n; i++)
		read_kind(r, conf_at(kinds, i), chain, chain_n, &r->p->kinds[r->p->kinds_n++]);
}

/* ---- the whole ---- */

/* Sooner than the quiet time lets it, nothing can be told again. */
static void read_times(struct reader *r, const struct conf_node *root)
{
	struct escalation_times *t = &r->p->times;

	conf_duration(root, "quiet", 900 * NS_PER_S, 0, 7 * DAY, &t->quiet_ns, r->problems);
	conf_duration(root, "again", t->quiet_ns > AGAIN ? t->quiet_ns : AGAIN, 0, 7 * DAY, &t->again_ns, r->problems);
	if (t->again_ns > 0 && t->again_ns < t->quiet_ns)
		problem(r->problems, conf_file(root), conf_line(conf_get(root, "again")), "again",
			"is shorter than quiet (expected at least as long, or 0s for never)");
}

static void read_all(struct reader *r)
{
	const struct conf_node *root = conf_root(r->p->conf), *rules;

	read_document(r, root);
	read_times(r, root);
	conf_duration(root, "gone", 120 * NS_PER_S, 5 * NS_PER_S, DAY, &r->p->gone_ns, r->problems);
	conf_duration(root, "awaited", 3600 * NS_PER_S, 5 * NS_PER_S, 90 * DAY, &r->p->awaited_ns, r->problems);
	read_roles(r, root);
	read_kinds(r, root);
	rules = conf_need(root, "rules", r->problems);
	if (rules && conf_type(rules) == CONF_MAP)
		rulebook_read(r, rules);
	else if (rules)
		problem(r->problems, conf_file(rules), conf_line(rules), "rules", "expected a map of rules by name");
	conf_done(root, r->problems);
}

struct procedure *procedure_parse(struct conf *conf, const struct inventory *inventory, struct problems *problems)
{
	struct procedure *p = calloc(1, sizeof(*p));
	struct reader r = {p, inventory, problems};
	size_t before = problems_count(problems);

	if (p)
		p->memory = calloc(1, sizeof(*p->memory));
	if (!conf || !p || !p->memory) {
		conf_free(conf);
		if (p)
			free(p->memory);
		free(p);
		problem(problems, NULL, 0, NULL, "no memory for the procedure");
		return NULL;
	}
	p->conf = conf;
	read_all(&r);
	if (problems_count(problems) == before)
		return p;
	procedure_free(p);
	return NULL;
}

struct procedure *procedure_read(const char *path, const struct inventory *inventory, struct problems *problems)
{
	size_t before = problems_count(problems);
	struct conf *conf = conf_read(path, problems);

	if (problems_count(problems) == before)
		return procedure_parse(conf, inventory, problems);
	conf_free(conf);	/* an empty map: what it lacks would be noise */
	return NULL;
}

void procedure_free(struct procedure *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->memory->blocks.n; i++)
		free(p->memory->blocks.at[i]);
	vec_free(&p->memory->blocks);
	free(p->memory);
	conf_free(p->conf);
	free(p);
}

const struct kind *procedure_kind(const struct procedure *p, const char *id)
{
	for (size_t i = 0; i < p->kinds_n; i++)
		if (strcmp(p->kinds[i].id, id) == 0)
			return &p->kinds[i];
	return NULL;
}

const struct rule *procedure_rule(const struct procedure *p, const char *id)
{
	for (size_t i = 0; i < p->rules_n; i++)
		if (strcmp(p->rules[i].id, id) == 0)
			return &p->rules[i];
	return NULL;
}

const struct role *procedure_role(const struct procedure *p, const char *id)
{
	for (size_t i = 0; i < p->roles_n; i++)
		if (strcmp(p->roles[i].id, id) == 0)
			return &p->roles[i];
	return NULL;
}
