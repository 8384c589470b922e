#include "config.h"

#include "agent/core/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/loop.h"
#include "agent/core/schedule.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/vec.h"

#define RUN_NOW_EVERY (10 * NS_PER_S)

struct checks {
	char agent[64];
	struct dictionary *dictionary;
	struct plan *plan;
	unsigned generation;
	Wire__Assignment *assignment;		/* our own copy */
	bool slow_down;
	VEC(struct check *) all;
};

struct checks *checks_new(const char *agent, struct dictionary *dictionary)
{
	struct checks *c = calloc(1, sizeof(*c));

	if (c) {
		strncpy(c->agent, agent, sizeof(c->agent) - 1);
		c->dictionary = dictionary;
	}
	return c;
}

static void check_free(struct check *check)
{
	plan_unref(check->plan);
	free(check->problem);
	free(check);
}

void checks_free(struct checks *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->all.n; i++)
		check_free(c->all.at[i]);
	vec_free(&c->all);
	plan_unref(c->plan);
	wire__assignment__free_unpacked(c->assignment, NULL);
	free(c);
}

/* ---- assignment ---- */

static bool may_set(const Host__PlannedCheck *spec, const char *option)
{
	for (size_t i = 0; i < spec->n_remote; i++)
		if (!strcmp(spec->remote[i], option))
			return true;
	return false;
}

/* Leaves out what the local file does not allow. */
static void bound_options(const struct check *check, Wire__AssignedCheck *a)
{
	size_t kept = 0;

	for (size_t i = 0; i < a->n_options; i++) {
		Wire__Option *o = a->options[i];

		if (may_set(check->spec, o->name)) {
			a->options[kept++] = o;
			continue;
		}
		log_warning("check %s: the collector may not set option \"%.64s\": left as the local file says", check->spec->name, o->name);
		wire__option__free_unpacked(o, NULL);
	}
	a->n_options = kept;
}

static int64_t bound_interval(const struct check *check, uint64_t wanted)
{
	const Host__PlannedCheck *spec = check->spec;
	uint64_t taken = wanted == 0 ? spec->interval_ns : wanted < spec->interval_min_ns ? spec->interval_min_ns
			 : wanted > spec->interval_max_ns ? spec->interval_max_ns : wanted;

	if (wanted && taken != wanted)
		log_warning("check %s: the collector asks for an interval outside the local bounds: the nearest one is taken", spec->name);
	return (int64_t)taken;
}

static Wire__AssignedCheck *assigned_to(const struct checks *c, const struct check *check)
{
	for (size_t i = 0; c->assignment && i < c->assignment->n_checks; i++)
		if (!strcmp(c->assignment->checks[i]->name, check->spec->name))
			return c->assignment->checks[i];
	return NULL;
}

/* true: it begins or ends to run, or its interval is another. */
static bool apply(struct checks *c, struct check *check, int64_t now)
{
	const Host__PlannedCheck *spec = check->spec;
	Wire__AssignedCheck *a = assigned_to(c, check);
	bool runs = !check->leaving && !spec->deny && (!spec->assigned_only || a);
	bool changed = runs != (check->due != LOOP_NEVER);
	int64_t interval, phase;

	if (a && spec->deny)
		log_notice("check %s: the collector assigns it, and the local file denies it: it does not run", spec->name);
	if (a)
		bound_options(check, a);
	if ((check->assigned && check->assigned->n_options) || (a && a->n_options))
		check->configured = 0;
	check->assigned = a;
	interval = bound_interval(check, a ? a->interval_ns : 0);
	phase = schedule_phase(c->agent, spec->name, interval);
	if (!runs)
		check->due = LOOP_NEVER;
	else if (!check->begun)
		check->due = schedule_first(now, interval, phase, c->slow_down);
	else if (check->due == LOOP_NEVER || interval != check->interval)
		check->due = schedule_next(now, interval, phase);
	changed |= interval != check->interval;
	check->interval = interval;
	return changed;
}

static bool planned(const struct checks *c, const char *name)
{
	for (size_t i = 0; i < c->all.n; i++)
		if (!c->all.at[i]->leaving && !strcmp(c->all.at[i]->spec->name, name))
			return true;
	return false;
}

bool checks_assign(struct checks *c, const Wire__Assignment *assignment, int64_t now)
{
	size_t n = wire__assignment__get_packed_size(assignment);
	FREE uint8_t *packed = malloc(n + 1);
	Wire__Assignment *old = c->assignment, *copy;
	bool changed = false;

	if (!packed)
		return false;
	wire__assignment__pack(assignment, packed);
	copy = wire__assignment__unpack(NULL, n, packed);
	if (!copy)
		return false;
	c->assignment = copy;
	for (size_t i = 0; i < copy->n_checks; i++)
		if (!planned(c, copy->checks[i]->name))
			log_notice("the collector assigns check \"%.64s\", which no local file permits: left out", copy->checks[i]->name);
	for (size_t i = 0; i < c->all.n; i++)
		changed |= apply(c, c->all.at[i], now);
	wire__assignment__free_unpacked(old, NULL);
	return changed;
}

/* ---- plan ---- */

/* The same but for when and whether it runs? */
static bool same_definition(const Host__PlannedCheck *a, const Host__PlannedCheck *b)
{
	Host__PlannedCheck x = *a, y = *b;
	FREE uint8_t *px = NULL, *py = NULL;
	size_t n;

	x.interval_ns = x.interval_min_ns = x.interval_max_ns = x.timeout_ns = 0;
	y.interval_ns = y.interval_min_ns = y.interval_max_ns = y.timeout_ns = 0;
	x.assigned_only = x.deny = y.assigned_only = y.deny = 0;
	x.n_remote = y.n_remote = 0;
	n = host__planned_check__get_packed_size(&x);
	if (n != host__planned_check__get_packed_size(&y))
		return false;
	px = malloc(n + 1);
	py = malloc(n + 1);
	if (!px || !py)
		return false;
	host__planned_check__pack(&x, px);
	host__planned_check__pack(&y, py);
	return memcmp(px, py, n) == 0;
}

static const Host__PlannedCheck *planned_as(const Host__Plan *plan, const struct check *check)
{
	for (size_t i = 0; i < plan->n_checks; i++)
		if (!strcmp(plan->checks[i]->name, check->spec->name))
			return same_definition(plan->checks[i], check->spec) ? plan->checks[i] : NULL;
	return NULL;
}

static struct check *check_new(struct checks *c, struct plan *plan, const Host__PlannedCheck *spec, int *ret_error)
{
	struct check *check = calloc(1, sizeof(*check));

	*ret_error = check ? dictionary_check(c->dictionary, spec->name, spec->plugin_name, &check->number) : -ENOMEM;
	if (*ret_error < 0) {
		free(check);
		return NULL;
	}
	check->spec = spec;
	check->plan = plan_ref(plan);
	check->due = LOOP_NEVER;
	return check;
}

static void repoint(struct check *check, struct plan *plan, const Host__PlannedCheck *spec)
{
	struct plan *old = check->plan;

	check->plan = plan_ref(plan);
	check->spec = spec;
	plan_unref(old);
}

/* Those that the new plan has under another definition, or not at all. */
static void let_go(struct checks *c, struct plan *plan, void (*changed)(void *, uint32_t), void *arg)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->all.n; i++) {
		struct check *check = c->all.at[i];
		const Host__PlannedCheck *spec = check->leaving ? NULL : planned_as(plan_of(plan), check);

		if (spec)
			repoint(check, plan, spec);
		else if (!check->leaving) {
			changed(arg, check->spec->plugin);
			check->leaving = true;
			check->due = LOOP_NEVER;
		}
		if (check->leaving && !check->queued)
			check_free(check);
		else
			c->all.at[kept++] = check;
	}
	c->all.n = kept;
}

int checks_load(struct checks *c, struct plan *plan, int64_t now, void (*changed)(void *, uint32_t), void *arg)
{
	const Host__Plan *its = plan_of(plan);
	struct plan *old = c->plan;
	int r = 0;

	let_go(c, plan, changed, arg);
	for (size_t i = 0; i < its->n_checks && r == 0; i++) {
		struct check **place, *check;

		if (planned(c, its->checks[i]->name))
			continue;
		check = check_new(c, plan, its->checks[i], &r);
		if (!check)
			break;
		place = vec_push(&c->all);
		if (!place) {
			check_free(check);
			r = -ENOMEM;
			break;
		}
		*place = check;
	}
	c->plan = plan_ref(plan);
	c->generation++;
	plan_unref(old);
	for (size_t i = 0; i < c->all.n; i++)
		apply(c, c->all.at[i], now);
	return r;
}

const Host__Plan *checks_plan(const struct checks *c)
{
	return plan_of(c->plan);
}

unsigned checks_generation(const struct checks *c)
{
	return c->generation;
}

/* ---- time ---- */

void checks_slow_down(struct checks *c, int64_t now)
{
	c->slow_down = true;
	for (size_t i = 0; i < c->all.n; i++)
		if (!c->all.at[i]->begun)
			apply(c, c->all.at[i], now);
}

void checks_run_now(struct checks *c, const char *name, int64_t now)
{
	for (size_t i = 0; i < c->all.n; i++) {
		struct check *check = c->all.at[i];

		if (strcmp(check->spec->name, name) || check->due == LOOP_NEVER)
			continue;
		if (check->asked && now - check->asked < RUN_NOW_EVERY)
			return;
		check->asked = check->due = now;
	}
}

struct check *checks_due(struct checks *c, int64_t now)
{
	for (size_t i = 0; i < c->all.n; i++) {
		struct check *check = c->all.at[i];

		if (check->due > now)
			continue;
		check->begun = true;
		check->due = schedule_next(now, check->interval, schedule_phase(c->agent, check->spec->name, check->interval));
		return check;
	}
	return NULL;
}

int64_t checks_wake(const struct checks *c)
{
	int64_t wake = LOOP_NEVER;

	for (size_t i = 0; i < c->all.n; i++)
		if (c->all.at[i]->due < wake)
			wake = c->all.at[i]->due;
	return wake;
}

void checks_done(struct checks *c, struct check *check)
{
	check->queued = false;
	if (!check->leaving)
		return;
	for (size_t i = 0; i < c->all.n; i++)
		if (c->all.at[i] == check) {
			c->all.at[i] = c->all.at[--c->all.n];
			check_free(check);
			return;
		}
}

struct check *checks_find(struct checks *c, uint32_t number, uint32_t plugin)
{
	for (size_t i = 0; i < c->all.n; i++)
		if (c->all.at[i]->number == number && c->all.at[i]->spec->plugin == plugin)
			return c->all.at[i];
	return NULL;
}

size_t checks_count(const struct checks *c)
{
	return c->all.n;
}

const struct check *checks_at(const struct checks *c, size_t i)
{
	return c->all.at[i];
}
