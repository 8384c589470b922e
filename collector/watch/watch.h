/*
 * watch.h - what follows from each look at a collector: nothing, until it has failed for long enough; then one mail, one more when somebody
 * else stands in its place, one a day while that lasts, and one when it works again. What was told is on disk before it is told, so that no
 * restart tells it twice: STATE/told, a line a collector.
 */
#ifndef WATCH_H
#define WATCH_H

#include "look.h"
#include "settings.h"

/* What is to be mailed. Its id is the same whenever it is made of the same things. */
struct telling {
	const char *address, *why;
	enum look now;			/* LOOK_WORKS: again */
	int64_t began, at;		/* wall: of the trouble; of this */
	unsigned time;			/* 1: the first of this trouble */
};
typedef void watch_tell(const struct telling *, void *arg);

struct watch;

/* Reads what was told before; what was told last is told again, since nobody knows whether it was handed on. */
struct watch *watch_new(const struct settings *, watch_tell *, void *arg);
void watch_free(struct watch *);

/* One look at each collector. Returns how many do not work. */
unsigned watch_look(struct watch *);
/* What a look at collector i found, now; for watch_look, and tests with a clock of their own. */
void watch_found(struct watch *, size_t i, enum look, const char *why);

#endif
