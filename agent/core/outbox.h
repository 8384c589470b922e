/*
 * outbox.h - where finished records go: the dictionary and the two spools, synced together (SECURITY 5.1: append, fsync, only then send).
 * Events are synced at once, measurements at most once in the plan's interval, and the first of them at once. While the disk takes
 * nothing, what is measured waits in memory, within bounds, and is written when the disk is mended.
 */
#ifndef OUTBOX_H
#define OUTBOX_H

#include <stdbool.h>

#include "agent/core/dictionary.h"
#include "agent/core/spool.h"
#include "proto/beadle.pb-c.h"

struct outbox;

int outbox_open(const char *state, uint64_t measurements, uint64_t events, int64_t sync_ns, struct outbox **ret);
int outbox_close(struct outbox *);		/* NULL is fine. All is synced, or -errno */
void outbox_set_sync(struct outbox *, int64_t sync_ns);

struct dictionary *outbox_dictionary(struct outbox *);
struct spool *outbox_measurements(struct outbox *);
struct spool *outbox_events(struct outbox *);
bool outbox_uses_check(const struct outbox *, uint32_t check);	/* a record of it is, or was, in a spool since the start */

/* Copies the record. A full spool of measurements gives up its oldest, and tells so among the events. */
void outbox_measured(struct outbox *, const Wire__Record *, int64_t now);
int outbox_happened(struct outbox *, const Wire__Record *, int64_t now);	/* -ENOSPC: no room for events */
bool outbox_full(const struct outbox *, size_t n);		/* for events of n bytes */

void outbox_lose(struct outbox *, const void *record, size_t n);	/* it cannot be sent: counted as dropped */
void outbox_connected(struct outbox *, int64_t now);		/* tells what was dropped */

int64_t outbox_wake(const struct outbox *);
bool outbox_tick(struct outbox *, int64_t now);			/* true: more is durable than before */

#endif
