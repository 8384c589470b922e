#include "collector/ingest/credit.h"

#include <pthread.h>
#include <stdlib.h>

struct use { size_t bytes, connections; };

struct credits {
	pthread_mutex_t lock;
	int64_t period;			/* number of the present one */
	struct use now, last;		/* of this period and the one before */
};

struct credits *credits_new(void)
{
	struct credits *all = calloc(1, sizeof(*all));

	if (all)
		pthread_mutex_init(&all->lock, NULL);
	return all;
}

void credits_free(struct credits *all)
{
	if (!all)
		return;
	pthread_mutex_destroy(&all->lock);
	free(all);
}

/* What c may use in a period, by what the others used in the last one. */
static size_t allowance(const struct credits *all, const struct credit *c)
{
	const struct use others = {all->last.bytes - c->last, all->last.connections - (c->last > 0)};
	const size_t share = others.connections ? CREDIT_TIMES * (others.bytes / others.connections) : SIZE_MAX;

	return share > CREDIT_FLOOR ? share : CREDIT_FLOOR;
}

/* What it used and the whole does not know yet. */
static void say(struct credits *all, struct credit *c)
{
	if (c->used && c->used == c->unsaid)
		all->now.connections++;
	all->now.bytes += c->unsaid;
	c->unsaid = 0;
}

/* Into this period, the whole and this part of it. */
static void turn(struct credits *all, struct credit *c, int64_t period)
{
	const int64_t passed = period - c->period;

	if (all->period < period) {
		all->last = all->period + 1 == period ? all->now : (struct use){0};
		all->now = (struct use){0};
		all->period = period;
	}
	c->last = passed == 1 ? c->used : 0;
	c->used = c->unsaid = 0;
	c->period = period;
	c->allowance = allowance(all, c);
	c->owed -= c->owed / c->allowance < (uint64_t)passed ? c->owed : c->allowance * (size_t)passed;
}

void credit_use(struct credits *all, struct credit *c, size_t bytes, int64_t now)
{
	const size_t cost = bytes + CREDIT_BATCH;
	const int64_t period = now / CREDIT_PERIOD;
	const bool first = period > c->period;

	c->unsaid += first ? 0 : cost;
	if (first || c->unsaid >= CREDIT_FLOOR) {	/* not each batch takes the lock */
		pthread_mutex_lock(&all->lock);
		if (first) {
			turn(all, c, period);
			c->unsaid = c->used = cost;
		} else
			c->used += cost;
		say(all, c);
		pthread_mutex_unlock(&all->lock);
	} else
		c->used += cost;
	c->owed = c->owed + cost < CREDIT_OWED ? c->owed + cost : CREDIT_OWED;
}

bool credit_over(struct credits *all, struct credit *c, int64_t now)
{
	const int64_t period = now / CREDIT_PERIOD;

	if (c->owed < CREDIT_FLOOR)
		return false;
	if (period > c->period) {
		pthread_mutex_lock(&all->lock);
		turn(all, c, period);
		pthread_mutex_unlock(&all->lock);
	}
	return c->owed >= c->allowance;
}
