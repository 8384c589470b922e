/*
 * outbox.h - where finished records go: the dictionary and the two spools, synced together (SECURITY 5.1: append, fsync, only then send).
 * Events are synced at once, measurements at most once in the plan's interval, and the first of them at once. While the disk takes
 * nothing, what is measured waits in memory, within bounds, and is written when the disk is mended. What finds no room is counted, and the
 * counts are told when there is room: of measurements the oldest, by check; of events the newest, by check and name (SECURITY R5).
 */
#ifndef OUTBOX_H
#define OUTBOX_H

#include <stdbool.h>

#include "agent/core/dictionary.h"
#include "agent/core/spool.h"
#include "proto/beadle.pb-c.h"

struct outbox;

/* Bytes: of what the collector does not have, and of what it has and may lose. */
struct outbox_room { uint64_t measurements, events, kept; };

int outbox_open(const char *state, const struct outbox_room *, int64_t sync_ns, struct outbox **ret);
int outbox_close(struct outbox *);		/* NULL is fine. All is synced, or -errno */
void outbox_set_sync(struct outbox *, int64_t sync_ns);

struct dictionary *outbox_dictionary(struct outbox *);
struct spool *outbox_measurements(struct outbox *);
struct spool *outbox_events(struct outbox *);
bool outbox_uses_check(const struct outbox *, uint32_t check);	/* a record of it is, or was, in a spool since the start */
void outbox_refill(struct outbox *);	/* kept records are given again: any check may have some */

/* Copies the record. A full spool of measurements gives up its oldest, and tells so among the events. */
void outbox_measured(struct outbox *, const Wire__Record *, int64_t now);
/* Events, with the facts and skips that came with them. Those for which there is no room are folded (fold.h). */
void outbox_happened(struct outbox *, const Wire__Record *, int64_t now);
bool outbox_full(struct outbox *, uint32_t check, size_t n);	/* no room for events of n bytes of the check */
bool outbox_folds(const struct outbox *, uint32_t check);	/* some of its events are only counted at present */
bool outbox_held(const struct outbox *, int64_t now);		/* lately there was no room for somebody's events */

void outbox_lose(struct outbox *, const void *record, size_t n);	/* it cannot be sent: counted as dropped */
void outbox_connected(struct outbox *, int64_t now);		/* tells what was dropped */

int64_t outbox_wake(const struct outbox *);
bool outbox_tick(struct outbox *, int64_t now);			/* true: more is durable than before */

#endif
