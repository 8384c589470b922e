/*
 * record.h - how the engine writes the journal: who, from where, what, before and after. Each goes into the change that it tells of.
 */
#ifndef RECORD_H
#define RECORD_H

#include <jansson.h>

#include "collector/store/change.h"

/* Whose deed it is. from: an address, "local" for the command line; NULL: nobody's but our own. action: "account.roles". */
struct deed { const char *actor, *from, *action; };
#define RECORD_SYSTEM "system"
#define RECORD_NOBODY "nobody"		/* who is not known yet */

/* object: "" for none. row: of a row that the journal vouches for, else NULL. before, after: taken; NULL: there is none. No memory: a step that
 * says so takes the place of what it would have told. */
void record(struct store_change *, const struct deed *, const char *object, const struct change_row *row, json_t *before, json_t *after);

/* The same with what is not a before and an after; `what` is taken. */
void record_fact(struct store_change *, const struct deed *, const char *object, json_t *what);

#endif
