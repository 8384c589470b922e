/* incident.c - findings grouped by host and kind, and what persons do with them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "finding.h"
#include "lib/vec.h"

#define DEFAULT_KIND "INC-A"	/* of a silence that no rule names */

struct group { uint32_t host; char kind[16]; };

struct node {
	struct incident i;
	struct group group;
	VEC(struct finding) findings;		/* i.findings shows it */
	UT_hash_handle hh, hh_group;
};

struct incidents {
	incident_told *told;
	void *arg;
	uint64_t next;
	struct node *all, *groups;
};

const char *incident_act_name(enum incident_act act)
{
	static const char *const names[] = {"opened", "found", "changed", "worse", "recovered", "reopened",
		"acknowledged", "ack_lifted", "ack_expired", "handled", "closed"};

	return names[act];
}

/* ---- life ---- */

static void node_free(struct node *n)
{
	if (!n)
		return;
	for (size_t k = 0; k < n->findings.n; k++)
		finding_free(&n->findings.at[k]);
	vec_free(&n->findings);
	free(n->i.ack_by);
	free(n);
}

struct incidents *incidents_new(incident_told *told, void *arg)
{
	struct incidents *all = calloc(1, sizeof(*all));

	if (all)
		*all = (struct incidents){.told = told, .arg = arg, .next = 1};
	return all;
}

static void drop(struct incidents *all, struct node *n)
{
	HASH_DELETE(hh, all->all, n);
	HASH_DELETE(hh_group, all->groups, n);
	node_free(n);
}

void incidents_free(struct incidents *all)
{
	if (!all)
		return;
	while (all->all)
		drop(all, all->all);
	free(all);
}

void incidents_next(struct incidents *all, uint64_t id)
{
	if (id > all->next)
		all->next = id;
}

/* ---- finding things ---- */

static struct node *by_id(const struct incidents *all, uint64_t id)
{
	struct node *n;

	HASH_FIND(hh, all->all, &id, sizeof(id), n);
	return n;
}

static struct node *by_group(const struct incidents *all, uint32_t host, const char *kind)
{
	struct group g = {.host = host};
	struct node *n;

	strncpy(g.kind, kind, sizeof(g.kind) - 1);
	HASH_FIND(hh_group, all->groups, &g, sizeof(g), n);
	return n;
}

static struct finding *finding_of(const struct node *n, const struct judge_change *c)
{
	const char *rule = c->rule ? c->rule->id : "";

	for (size_t k = 0; n && k < n->findings.n; k++) {
		struct finding *f = &n->findings.at[k];

		if (f->check == c->check && f->series == c->series && strcmp(f->rule, rule) == 0)
			return f;
	}
	return NULL;
}

static const char *kind_of(const struct judge_change *c)
{
	return c->rule && *c->rule->kind ? c->rule->kind : DEFAULT_KIND;
}

/* Where the finding stands already: as a rule with its kind, unless the procedure has moved the rule to another
 * since. */
static struct finding *known_finding(const struct incidents *all, const struct judge_change *c, struct node **ret)
{
	struct finding *f;

	*ret = by_group(all, c->host, kind_of(c));
	f = finding_of(*ret, c);
	if (f || c->before == STATE_OK)
		return f;
	for (struct node *n = all->all; n; n = n->hh.next) {
		if (n->i.host != c->host || !(f = finding_of(n, c)))
			continue;
		*ret = n;
		return f;
	}
	return NULL;
}

/* ---- changes ---- */

static struct node *add(struct incidents *all, uint64_t id, uint32_t host, const char *kind)
{
	struct node *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->i.id = id;
	n->i.host = n->group.host = host;
	strncpy(n->i.kind, kind, sizeof(n->i.kind) - 1);
	strncpy(n->group.kind, kind, sizeof(n->group.kind) - 1);
	HASH_ADD(hh, all->all, i.id, sizeof(id), n);
	HASH_ADD(hh_group, all->groups, group, sizeof(n->group), n);
	incidents_next(all, id + 1);
	return n;
}

/* What is no longer seen is as bad as it was when it was last seen. */
static enum state weight(const struct finding *f)
{
	return f->state == STATE_UNKNOWN ? state_worse(STATE_UNKNOWN, f->known) : f->state;
}

/* A free place: a new one, or that of the least finding, the oldest of them, which must be less than what comes: the worst is never
 * the one that is only counted. */
static struct finding *place(struct node *n, enum state comes)
{
	struct finding *least = NULL;

	if (n->findings.n < INCIDENT_FINDINGS)
		return vec_push(&n->findings);
	for (size_t k = 0; k < n->findings.n; k++) {
		struct finding *f = &n->findings.at[k];
		int rank = state_rank(weight(f));

		if (!least || rank < state_rank(weight(least)) || (rank == state_rank(weight(least)) && f->changed < least->changed))
			least = f;
	}
	if (state_rank(weight(least)) >= state_rank(comes))
		return NULL;
	n->i.more += weight(least) != STATE_OK;
	finding_free(least);
	return least;
}

static enum state severity(const struct node *n)
{
	enum state worst = STATE_OK;

	for (size_t k = 0; k < n->findings.n; k++)
		worst = state_worse(worst, weight(&n->findings.at[k]));
	return worst;
}

static void show(struct node *n)
{
	n->i.findings = n->findings.at;
	n->i.n = n->findings.n;
}

static void step(struct incidents *all, struct node *n, enum incident_act act, const char *actor, const char *detail,
		 const struct finding *f, int64_t now_wall)
{
	n->i.changed = now_wall;
	show(n);
	all->told(&n->i, &(struct incident_step){.act = act, .at = now_wall, .actor = actor, .detail = detail,
		.finding = f}, all->arg);
}

static enum incident_act act_of(enum state before, enum state after, bool news)
{
	if (before == STATE_OK && after != STATE_OK)
		return INCIDENT_REOPENED;
	if (before != STATE_OK && after == STATE_OK)
		return INCIDENT_RECOVERED;
	if (state_rank(after) > state_rank(before))
		return INCIDENT_WORSE;
	return news ? INCIDENT_FOUND : INCIDENT_CHANGED;
}

static void lift(struct incidents *all, struct node *n, const struct finding *f, const char *why, int64_t now_wall)
{
	n->i.acknowledged = false;
	step(all, n, INCIDENT_ACK_LIFTED, "system", why, f, now_wall);
}

/* What the change makes of the incident as a whole. `news`: the finding is new, or worse than it was. What returns after a
 * recovery is not what was acknowledged. */
static void weigh(struct incidents *all, struct node *n, const struct finding *f, bool opened, bool news,
		  int64_t now_wall)
{
	enum state before = n->i.severity;
	enum incident_act act;

	n->i.severity = severity(n);
	n->i.worst = state_worse(n->i.worst, n->i.severity);
	act = opened ? INCIDENT_OPENED : act_of(before, n->i.severity, news);
	n->i.recovered = n->i.severity == STATE_OK ? (n->i.recovered ? n->i.recovered : now_wall) : 0;
	step(all, n, act, "system", f->what, f, now_wall);
	if (n->i.acknowledged && act == INCIDENT_RECOVERED)
		lift(all, n, f, "what was acknowledged is over", now_wall);
	else if (n->i.acknowledged && state_rank(n->i.severity) > state_rank(n->i.ack_severity))
		lift(all, n, f, "it is worse than what was acknowledged", now_wall);
}

static int64_t found(struct incidents *all, struct node *n, const struct judge_change *c, const char *what,
		     int64_t now_wall)
{
	bool opened = !n;
	struct finding *f;

	if (opened)
		n = add(all, all->next, c->host, kind_of(c));
	if (!n)
		return -ENOMEM;
	if (opened) {
		n->i.opened = now_wall;
		n->i.at = c->at;
	}
	f = place(n, c->after);
	if (!f && n->findings.n >= INCIDENT_FINDINGS) {
		n->i.more++;
		return (int64_t)n->i.id;
	}
	if (!f || finding_fill(f, c, now_wall) < 0 || finding_refresh(f, c, what, now_wall) < 0) {
		if (f) {	/* half built: it holds no place */
			finding_free(f);
			*f = n->findings.at[--n->findings.n];
		}
		show(n);
		if (opened)
			drop(all, n);
		return -ENOMEM;
	}
	weigh(all, n, f, opened, true, now_wall);
	return (int64_t)n->i.id;
}

int64_t incident_feed(struct incidents *all, const struct judge_change *c, const char *what, int64_t now_wall)
{
	struct node *n;
	struct finding *f = known_finding(all, c, &n);
	bool news;
	int before;

	if (!f)
		return c->after == STATE_OK ? 0 : found(all, n, c, what, now_wall);
	before = state_rank(weight(f));
	if (finding_refresh(f, c, what, now_wall) < 0)
		return -ENOMEM;
	news = state_rank(weight(f)) > before || (c->before == STATE_OK && c->after != STATE_OK);
	weigh(all, n, f, false, news, now_wall);
	return (int64_t)n->i.id;
}

/* ---- persons ---- */

int incident_ack(struct incidents *all, uint64_t id, const char *actor, const char *note, int64_t for_ns,
		 int64_t now_wall, int64_t now_boot)
{
	struct node *n = by_id(all, id);
	char *by;

	if (!n)
		return -ENOENT;
	if (!actor || !*actor || for_ns < 0)
		return -EINVAL;
	by = strdup(actor);
	if (!by)
		return -ENOMEM;
	free(n->i.ack_by);
	n->i.ack_by = by;
	n->i.acknowledged = true;
	n->i.ack_severity = n->i.severity;
	n->i.ack_until_boot = for_ns == 0 || for_ns > INT64_MAX - now_boot ? INT64_MAX : now_boot + for_ns;
	step(all, n, INCIDENT_ACKNOWLEDGED, actor, note ? note : "", NULL, now_wall);
	return 0;
}

int incident_handle(struct incidents *all, uint64_t id, const char *actor, const char *note, int64_t now_wall)
{
	struct node *n = by_id(all, id);

	if (!n)
		return -ENOENT;
	if (!actor || !*actor || !note || !*note)
		return -EINVAL;
	n->i.handled = true;
	step(all, n, INCIDENT_HANDLED, actor, note, NULL, now_wall);
	return 0;
}

/* The limit of 5.3.3 is the critical one; a warning (support that ends in half a year) may last, and a person may say why it
 * shall. A series' state stays with the judge, who tells it once; what the collector itself finds is fed again and again. */
static bool must_end(const struct finding *f)
{
	return f->state == STATE_CRITICAL || (f->state == STATE_WARNING && f->series == JUDGE_NONE);
}

int incident_close(struct incidents *all, uint64_t id, const char *actor, const char *note, int64_t now_wall)
{
	struct node *n = by_id(all, id);

	if (!n)
		return -ENOENT;
	if (!actor || !*actor || !note || !*note)
		return -EINVAL;
	for (size_t k = 0; k < n->findings.n; k++)
		if (must_end(&n->findings.at[k]))
			return -EBUSY;
	n->i.closed = true;
	n->i.acknowledged = false;
	n->i.ended = now_wall;
	step(all, n, INCIDENT_CLOSED, actor, note, NULL, now_wall);
	drop(all, n);
	return 0;
}

void incident_tick(struct incidents *all, int64_t now_wall, int64_t now_boot)
{
	for (struct node *n = all->all, *next; n; n = next) {
		next = n->hh.next;
		if (!n->i.acknowledged || now_boot < n->i.ack_until_boot)
			continue;
		n->i.acknowledged = false;
		step(all, n, INCIDENT_ACK_EXPIRED, "system", "", NULL, now_wall);
	}
}

/* ---- looking, restoring ---- */

const struct incident *incident_get(const struct incidents *all, uint64_t id)
{
	const struct node *n = by_id(all, id);

	return n ? &n->i : NULL;
}

const struct incident *incident_of(const struct incidents *all, uint32_t host, const char *kind)
{
	const struct node *n = by_group(all, host, kind);

	return n ? &n->i : NULL;
}

const struct incident *incident_next(const struct incidents *all, const struct incident *i)
{
	const struct node *n = i ? by_id(all, i->id) : NULL;

	n = n ? n->hh.next : i ? NULL : all->all;
	return n ? &n->i : NULL;
}

int incident_restore(struct incidents *all, const struct incident *i)
{
	struct node *n;
	struct finding *f;
	int r = 0;

	if (by_id(all, i->id) || by_group(all, i->host, i->kind))
		return -EEXIST;
	n = add(all, i->id, i->host, i->kind);
	if (!n)
		return -ENOMEM;
	n->i = *i;
	n->i.ack_by = i->ack_by ? strdup(i->ack_by) : NULL;
	if (i->ack_by && !n->i.ack_by)
		r = -ENOMEM;
	for (size_t k = 0; k < i->n && r == 0; k++)
		r = (f = vec_push(&n->findings)) ? finding_copy(f, &i->findings[k]) : -ENOMEM;
	show(n);
	if (r < 0)
		drop(all, n);
	return r;
}
