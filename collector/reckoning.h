/*
 * reckoning.h - may the collector's wall clock be believed (SECURITY 5.8, R12)? It is held against the boot clock, which nobody steps, and at
 * the start against what was kept: where they are more than an hour apart it is suspect, until a person confirms it, three or more agents
 * agree, or it is back. Meanwhile nothing is deleted for its age and no certificate ends. The engine's thread writes; any thread asks.
 */
#ifndef RECKONING_H
#define RECKONING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECKONING_SETTING "clock"		/* of the store: what reckoning_keep wrote */
#define RECKONING_TEXT 96
#define RECKONING_AGENTS 3		/* their median counts from so many on */

struct reckoning;

struct reckoning *reckoning_new(void);			/* believes the clock as it is; NULL: no memory */
void reckoning_free(struct reckoning *);		/* NULL is fine */

/* kept: what reckoning_keep wrote in an earlier life of the collector. -EINVAL: that is no such text, and nothing was changed. boot_id: of this
 * boot of the machine; "": not known. Before any other thread asks. */
int reckoning_begin(struct reckoning *, const char *kept, const char *boot_id);
/* False: the clock is suspect, and what was kept stays. */
bool reckoning_keep(const struct reckoning *, char ret[RECKONING_TEXT]);

bool reckoning_suspect(const struct reckoning *);
/* Wall, ns: the clock's while it is believed, else the last that was believed and what has passed since. */
int64_t reckoning_now(const struct reckoning *);
int64_t reckoning_apart(const struct reckoning *);	/* the clock less what was reckoned, ns */
bool reckoning_since_boot(const struct reckoning *);	/* false: the machine was started since, for an unknown time it was off */

/* The clock is right as it is now. */
void reckoning_believe(struct reckoning *);
/* Every now and then: a clock that is near enough to what was kept is held against the boot clock from now on. */
void reckoning_look(struct reckoning *);

/* What an agent told, as the wall clock less our boot clock: so it stays true when ours is stepped. 0: no time that we can use. */
int64_t reckoning_told(uint64_t wall);
/* The median of what agents told (sorted here) less our clock: 0 and *ret_ns when it agrees with the clock, -ERANGE and *ret_ns when it does not,
 * -EAGAIN: there are too few. */
int reckoning_agents(int64_t *told, size_t n, int64_t *ret_ns);

#endif
