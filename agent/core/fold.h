/*
 * fold.h - events for which there is no room (SECURITY R5): of each check and name the first stands, and behind it a count, the last one's
 * time and the digest of all of them (`more` of wire.Event). Memory is bounded, whatever a plugin tells.
 */
#ifndef FOLD_H
#define FOLD_H

#include <stdbool.h>

#include "lib/vec.h"
#include "proto/beadle.pb-c.h"

#define FOLD_NAMES 256u			/* of all checks; what has yet another name goes by this one, once a check: */
#define FOLD_OTHERS "other_events"
#define FOLD_BYTES (32u * 1024)		/* and beyond so many bytes the first's fields are left out */

struct fold { uint32_t check; uint64_t bytes; Wire__Event *event; };
struct folds { VEC(struct fold) all; size_t bytes; };

int fold_take(struct folds *, uint32_t check, const Wire__Event *);	/* 0 or -ENOMEM */
bool fold_has(const struct folds *, uint32_t check);
bool fold_behind(const struct folds *, size_t i);	/* an older one of its check is here */
void fold_drop(struct folds *, size_t i);		/* it is told */
void fold_free(struct folds *);

#endif
