#include "config.h"

#include "agent/core/plan.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "agent/template.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/text.h"

#define PLAN_MOST (4u * 1024 * 1024)
#define INTERVAL_LEAST (10 * NS_PER_MS)
#define INTERVAL_MOST (400 * INT64_C(86400) * NS_PER_S)
#define SPOOL_LEAST (64u * 1024)
#define SPOOL_MOST (UINT64_C(1) << 40)
#define METRICS_MAX 1024u
#define SILENCE_LEAST (3 * NS_PER_S)
#define SILENCE_MOST (900 * NS_PER_S)
#define HEARTBEAT_LEAST NS_PER_S
#define HEARTBEAT_MOST (300 * NS_PER_S)

struct plan { struct arena *arena; const Host__Plan *its; unsigned users; };

static bool is_within(uint64_t ns, int64_t least, int64_t most)
{
	return ns >= (uint64_t)least && ns <= (uint64_t)most;
}

static bool time_is_good(uint64_t ns)
{
	return is_within(ns, INTERVAL_LEAST, INTERVAL_MOST);
}

static const char *check_inventory(const Host__Inventory *i)
{
	if (!i || !i->plugin || !text_name(i->plugin->name))
		return "has no inventory";
	if (i->plugin->n_metrics > METRICS_MAX)
		return "has too many metrics";
	for (size_t k = 0; k < i->plugin->n_metrics; k++)
		if (!text_name(i->plugin->metrics[k]->name))
			return "has a metric without a name";
	return NULL;
}

static const char *check_check(const Host__PlannedCheck *c)
{
	if (!text_name(c->name) || !text_name(c->plugin_name))
		return "has no name";
	if (c->plugin >= PLUGINS_MAX)
		return "is of a plugin that cannot be";
	if (!time_is_good(c->interval_ns) || !time_is_good(c->interval_min_ns) || !time_is_good(c->interval_max_ns) ||
	    c->interval_min_ns > c->interval_ns || c->interval_ns > c->interval_max_ns)
		return "has an interval outside its bounds";
	if (!time_is_good(c->timeout_ns))
		return "has a timeout outside its bounds";
	return check_inventory(c->inventory);
}

static int check_plan(const Host__Plan *p, char why[256])
{
	const char *wrong = NULL;

	if (p->n_collectors > PLAN_COLLECTORS_MAX || p->n_checks > PLAN_CHECKS_MAX)
		wrong = "too many collectors or checks";
	else if (p->identity[0] != '/' || p->state[0] != '/')
		wrong = "no identity or state folder";
	else if (p->spool_measurements < SPOOL_LEAST || p->spool_measurements > SPOOL_MOST || p->spool_events < SPOOL_LEAST ||
		 p->spool_events > SPOOL_MOST || p->spool_kept > SPOOL_MOST || p->sync_ns > 60 * (uint64_t)NS_PER_S)
		wrong = "a spool's bounds make no sense";
	else if (!is_within(p->silence_ns, SILENCE_LEAST, SILENCE_MOST) ||
		 !is_within(p->heartbeat_ns, HEARTBEAT_LEAST, HEARTBEAT_MOST))
		wrong = "the connection's times make no sense";
	if (wrong)
		snprintf(why, 256, "%s", wrong);
	for (size_t i = 0; i < p->n_checks && !wrong; i++) {
		wrong = check_check(p->checks[i]);
		if (wrong)
			snprintf(why, 256, "check \"%.64s\" %s", p->checks[i]->name, wrong);
		for (size_t k = 0; k < i && !wrong; k++)
			if (!strcmp(p->checks[k]->name, p->checks[i]->name))
				snprintf(why, 256, "%s", wrong = "two checks of one name");
	}
	return wrong ? -EINVAL : 0;
}

static int unpack(int fd, struct plan *plan, char why[256])
{
	struct stat st;
	void *data;

	if (fstat(fd, &st) < 0 || st.st_size == 0 || st.st_size > PLAN_MOST) {
		snprintf(why, 256, "empty or too large");
		return -EINVAL;
	}
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED) {
		snprintf(why, 256, "%s", strerror(errno));
		return -errno;
	}
	plan->its = host__plan__unpack(arena_allocator(plan->arena), (size_t)st.st_size, data);
	munmap(data, (size_t)st.st_size);
	if (plan->its)
		return 0;
	snprintf(why, 256, "malformed");
	return -EINVAL;
}

int plan_read(int fd, struct plan **ret, char why[256])
{
	struct plan *plan = calloc(1, sizeof(*plan));
	int r = -ENOMEM;

	snprintf(why, 256, "out of memory");
	if (plan) {
		plan->users = 1;
		plan->arena = arena_new(16 * PLAN_MOST);
	}
	if (plan && plan->arena) {
		r = unpack(fd, plan, why);
		if (r == 0)
			r = check_plan(plan->its, why);
	}
	if (r < 0) {
		plan_unref(plan);
		return r;
	}
	*ret = plan;
	return 0;
}

struct plan *plan_ref(struct plan *plan)
{
	plan->users++;
	return plan;
}

void plan_unref(struct plan *plan)
{
	if (!plan || --plan->users)
		return;
	arena_free(plan->arena);
	free(plan);
}

const Host__Plan *plan_of(const struct plan *plan)
{
	return plan->its;
}
