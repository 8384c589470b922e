/*
 * store.h - the only door to what is kept. One thread (the store thread) calls everything that writes; readers have a handle
 * of their own each, in the same process (SECURITY 5.3). 0 or -errno; after an error from a write or commit the caller
 * ends the connections concerned, calls store_reopen and goes on: an fsync is never retried.
 *
 * SQLite: a main file (hosts, checks, series, states, incidents, notices, progress) and one file a UTC day for raw
 * results, each day file with its own table of highest sequences, so that one transaction stays in one file.
 */
#ifndef STORE_H
#define STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/batch.h"

struct store;

/* Opens or makes the store in `folder`, with a reserve of so many bytes for when the disk is full; brings an older schema up,
 * refuses a newer one (-EPROTONOSUPPORT). why: in words. */
int store_open(const char *folder, uint64_t reserve, struct store **ret, char why[256]);
void store_close(struct store *);
/* After a failed write: recovers, and writes anew what recovery found in a log, because the kernel may have let go of pages whose
 * sync failed. Sequences held are read again. */
int store_reopen(struct store *);

/* ---- names become numbers: main file, own transaction, durable before return ---- */

struct store_label { const char *name; const void *value; uint32_t size; };	/* in any order */

/* The name that an administrator gave with the identity (change_given_name): 1; 0: none. */
int store_given_name(struct store *, const char *uuid, char *buf, size_t room);
int store_host(struct store *, const char *uuid, const char *name, uint32_t *ret);
int store_used(struct store *, const char *uuid, uint32_t generation);	/* of the certificate that the host came with (identity.h) */
int store_check(struct store *, uint32_t host, const char *name, const char *plugin, int64_t interval_ns, uint32_t *ret);
int store_series(struct store *, uint32_t check, const char *metric, const struct store_label *, size_t labels, uint32_t *ret);
int store_names_commit(struct store *);		/* makes what the four above added durable; on error nothing of it counts */
/* What one host may fill the tables of names with: -EDQUOT above. */
#define STORE_CHECKS_MAX 1000
#define STORE_SERIES_MAX 10000			/* of one check */

/* ---- intake: day file ---- */

/* Highest sequence held of the epoch, the maximum over the files (0: none), and the digest of that record (0: not known). A host may begin
 * 1,000 epochs a day: -EDQUOT. */
int store_held(struct store *, uint32_t host, uint64_t epoch, uint64_t *ret, uint32_t *ret_digest);
/* An agent says that this was acknowledged once (wire.Past): the first number that is not held. 0: all is, or was as old as what was deleted for its age. */
uint64_t store_lost(struct store *, uint32_t host, uint64_t epoch, uint64_t through, int64_t at_wall);
/* Adds a group of batches in one transaction, with their new highest sequences, and commits it with fsync, to the file of the
 * UTC day of `now_wall`. Records at or below the highest held are left out (batch->results is shortened to what is new).
 * A batch whose digests are not those of what is held under its numbers is set apart: `parted`, and so is what its connection sends of
 * the epoch after it (R3).
 * Sets each batch's through, day and row. -ENOSPC: nothing was kept, the store is full, the same batches may be tried again when
 * store_full says so. Any other error: store_reopen. */
int store_intake(struct store *, struct batch *const *batches, size_t n, int64_t now_wall);
/* Unlinks day files older than `days`, counted from now or, where that is earlier, from the day after the newest file before today's:
 * a wrong clock after a restart deletes nothing. A clock that was stepped meanwhile is the caller's to know. Says which went. */
struct store_retired { unsigned n; uint32_t first, last; };	/* days; YYYYMMDD */
int store_retire(struct store *, int64_t now_wall, unsigned days, struct store_retired *ret);

/* ---- the engine's own rows: main file ---- */

/* A change of the engine (change.h), applied in one transaction, with the engine's progress; its `done` is the caller's. One that could
 * not be applied is applied again, after store_reopen: once, whatever became of the first time. */
struct store_change;
int store_apply(struct store *, struct store_change *);

/* Begins the journal, when it is not begun: the key is that of its first checkpoints (collector/audit). What was kept before there was one is
 * carried over: steps of incidents, and a word on each row that the journal vouches for. No change with an entry may come before. */
int store_begin(struct store *, const uint8_t key[32], int64_t now_wall);

/* A log could not be folded into its file: nothing is lost, but store_reopen before the next write. */
bool store_sick(const struct store *);

/* A day's file that was damaged, found when the store was opened (anew): it was set aside, and what could be read of it stands in a new
 * file under the old name (R8). */
struct store_damage {
	uint32_t day;
	bool readable;			/* at all */
	bool exact;			/* else more may be lost than it says */
	uint64_t kept, lost;		/* results */
	char aside[48];			/* its name now, in the store's folder */
};
bool store_take_damage(struct store *, struct store_damage *ret);	/* each once; false: no more */
/* Names of what lies set aside in the folder; any thread. 0, -errno, or what `each` returned when that was not 0. */
int store_set_aside(const char *folder, int (*each)(const char *name, void *arg), void *arg);

/* The disk was found full: intake stops, the reserve file is let go so that incidents and notices are still kept (R6). Looks at the
 * disk, and is false again once the reserve could be laid back with as much besides. */
bool store_full(struct store *);

#endif
