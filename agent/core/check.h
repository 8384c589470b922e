/*
 * check.h - the checks of the plan, what the collector assigned of them (SECURITY 5.5), and when each is due. A new plan leaves a check
 * alone whose definition it does not change; one that it drops or changes while a round runs lives on until that round is in.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/core/dictionary.h"
#include "agent/core/plan.h"

struct check {
	uint32_t number;			/* the dictionary's */
	const Host__PlannedCheck *spec;		/* in plan */
	struct plan *plan;
	const Wire__AssignedCheck *assigned;	/* in the table's assignment; NULL: not assigned */
	int64_t interval, due;			/* due: boot clock; LOOP_NEVER while it does not run */
	bool begun;				/* had its first round */
	bool queued;				/* waits at its host, or runs there */
	bool leaving;				/* no longer in the plan: goes when its round is in */
	uint32_t configured;			/* serial of the host that knows it; 0: none */
	uint64_t run;				/* number of the round that the host was asked for; 0: not yet */
	int64_t asked;				/* when the collector last said run now */
	char *problem;				/* what the host found wrong with its options */
	struct check *prev, *next;		/* in the host's queue */
};

struct checks;

struct checks *checks_new(const char *agent, struct dictionary *);
void checks_free(struct checks *);

/* Goes by the plan from now on. `changed` is told of each plugin that has a changed check. 0 or -errno: nothing has changed then. */
int checks_load(struct checks *, struct plan *, int64_t now, void (*changed)(void *arg, uint32_t plugin), void *arg);
const Host__Plan *checks_plan(const struct checks *);
unsigned checks_generation(const struct checks *);	/* of the plan */

/* What the collector assigns, within the plan's bounds; what is beyond is logged and left out. true: other checks run now, or in another
 * rhythm, than before. */
bool checks_assign(struct checks *, const Wire__Assignment *, int64_t now);
void checks_slow_down(struct checks *, int64_t now);		/* first rounds that have not begun wait for their phase */
void checks_run_now(struct checks *, const char *name, int64_t now);

struct check *checks_due(struct checks *, int64_t now);		/* the next one that is due, with its next time set; or NULL */
int64_t checks_wake(const struct checks *);
void checks_done(struct checks *, struct check *);		/* its round is in */
struct check *checks_find(struct checks *, uint32_t number, uint32_t plugin);
size_t checks_count(const struct checks *);
const struct check *checks_at(const struct checks *, size_t i);

#endif
