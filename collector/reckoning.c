#include "collector/reckoning.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

#define STEP (3600 * NS_PER_S)
#define AGREE (300 * NS_PER_S)		/* what a server's clock may be off by, where nobody sets it from a reference */
#define WALL_MAX (INT64_MAX / 2)	/* the year 2116: differences stay numbers */
#define BOOT_MAX (WALL_MAX / 8)

struct reckoning {
	atomic_int_least64_t line;	/* wall less boot clock, as they were believed */
	atomic_bool since_boot;		/* the line is of this boot */
	char boot_id[CLOCK_BOOT_ID];
};

static int64_t present(void)
{
	return clock_wall() - clock_boot();
}

static int64_t apart(int64_t line)
{
	return present() - line;
}

static bool is_far(int64_t ns, int64_t limit)
{
	return ns > limit || ns < -limit;
}

struct reckoning *reckoning_new(void)
{
	struct reckoning *r = calloc(1, sizeof(*r));

	if (r)
		reckoning_believe(r);
	return r;
}

void reckoning_free(struct reckoning *r)
{
	free(r);
}

void reckoning_believe(struct reckoning *r)
{
	atomic_store(&r->line, present());
	atomic_store(&r->since_boot, true);
}

void reckoning_look(struct reckoning *r)
{
	if (!atomic_load(&r->since_boot) && !reckoning_suspect(r))
		reckoning_believe(r);
}

int reckoning_begin(struct reckoning *r, const char *kept, const char *boot_id)
{
	char whose[CLOCK_BOOT_ID] = "";
	int64_t wall, boot;
	bool same;

	snprintf(r->boot_id, sizeof(r->boot_id), "%s", boot_id);
	if (!kept)
		return 0;
	if (sscanf(kept, "%" SCNd64 " %" SCNd64 " %39s", &wall, &boot, whose) < 2 || wall < 0 || wall > WALL_MAX || boot < 0 || boot > BOOT_MAX)
		return -EINVAL;
	same = *r->boot_id && !strcmp(whose, r->boot_id);
	atomic_store(&r->line, wall - (same ? boot : clock_boot()));
	atomic_store(&r->since_boot, same);
	reckoning_look(r);
	return 0;
}

bool reckoning_keep(const struct reckoning *r, char ret[RECKONING_TEXT])
{
	int64_t boot = clock_boot();

	if (reckoning_suspect(r))
		return false;
	/* Not the clock's own word: steps that are each small enough must not add up unseen. */
	snprintf(ret, RECKONING_TEXT, "%" PRId64 " %" PRId64 " %s", atomic_load(&r->line) + boot, boot, r->boot_id);
	return true;
}

bool reckoning_suspect(const struct reckoning *r)
{
	return is_far(reckoning_apart(r), STEP);
}

int64_t reckoning_apart(const struct reckoning *r)
{
	return apart(atomic_load(&r->line));
}

int64_t reckoning_now(const struct reckoning *r)
{
	return reckoning_suspect(r) ? atomic_load(&r->line) + clock_boot() : clock_wall();
}

bool reckoning_since_boot(const struct reckoning *r)
{
	return atomic_load(&r->since_boot);
}

/* ---- what agents say ---- */

int64_t reckoning_told(uint64_t wall)
{
	return wall && wall <= WALL_MAX ? (int64_t)wall - clock_boot() : 0;
}

static int by_size(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Of an even number both in the middle must agree: the worse of them is the answer. */
int reckoning_agents(int64_t *told, size_t n, int64_t *ret_ns)
{
	int64_t low, high;

	if (n < RECKONING_AGENTS)
		return -EAGAIN;
	qsort(told, n, sizeof(*told), by_size);
	low = -apart(told[(n - 1) / 2]);
	high = -apart(told[n / 2]);
	*ret_ns = llabs(low) > llabs(high) ? low : high;
	return is_far(*ret_ns, AGREE) ? -ERANGE : 0;
}
