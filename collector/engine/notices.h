/*
 * notices.h - what people are told. A notice is a row in the store first; only when that is on disk the notifier gets it, under the same
 * id, and again after a restart of either, until it says what became of it. What it gave up is on the list, and tried again by the next
 * notifier, as long as the incident is open.
 */
#ifndef NOTICES_H
#define NOTICES_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/procedure/escalation.h"
#include "collector/store/change.h"
#include "site.h"

enum notice_state { NOTICE_PENDING, NOTICE_QUEUED, NOTICE_SENT, NOTICE_RETRYING, NOTICE_GIVEN_UP };

struct notice {
	char *id, *role, *person, *name, *channel, *to, *clause, *reason;
	char *subject, *text, *json;
	uint64_t incident;
	int64_t at;			/* wall */
	enum notice_state state;
	uint32_t tries;
	uint64_t change;		/* number of the change in which it went to the store */
	bool kept;			/* on disk, or told without (checkpoints_late) */
	struct notice *next;
};

struct notices { struct notice *list; };	/* newest first; what is over leaves when its incident is closed */

/* All texts are copied. NULL: no memory, or an id that is known. */
struct notice *notices_add(struct notices *, const struct due *, const char *to, const char *subject, const char *text, const char *json,
			   int64_t at);
struct notice *notices_find(const struct notices *, const char *id);
void notices_revive(struct notices *);					/* a new notifier tries also what was given up */
void notices_forget(struct notices *, uint64_t incident);		/* those that are over */
void notices_free(struct notices *);
bool notices_open(const struct notice *);				/* neither sent nor given up */
const char *notices_state(enum notice_state);

/* As kept in the store, and back. */
char *notices_save(const struct notice *);				/* JSON; the caller frees */
struct notice *notices_load(struct notices *, const char *id, uint64_t incident, int64_t at, const char *json);

#endif
