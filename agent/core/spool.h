/*
 * spool.h - records that the collector does not have yet, in the files of one folder (SECURITY R1-R8).
 *
 *   append -> pending, in memory, bounded -> sync -> durable: written and fdatasynced -> next -> the collector -> ack -> kept -> unlinked
 *
 * Only what is durable is handed out. A failed write or sync ends its segment for good: what was not durable stays pending and goes
 * into a new one. A full spool drops its oldest segment and tells each record that it held (lossy), or takes no more (-ENOSPC).
 *
 * What was acknowledged is kept for a while, in room of its own: a collector that was restored from an old backup gets it again (R4).
 *
 * A record is (epoch, sequence); sequences begin at 1. The epoch is new at each open: one life alone ever writes in it, so a folder that
 * was copied or put back gives no number twice. What was spooled before keeps its own. Nothing here knows what a record says.
 */
#ifndef SPOOL_H
#define SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spool;

/* digest, before: of this record, and of the one numbered before it (beadle.proto); 0: not known. */
struct spool_record { uint64_t epoch, sequence; const uint8_t *data; size_t n; uint32_t digest, before; };
struct spool_span { uint64_t epoch, oldest, next; };	/* next: what the next record gets, or would */

struct spool_hooks {
	void (*lost)(void *arg, const void *data, size_t n);	/* a record given up because there is no room */
	void (*found)(void *arg, const void *data, size_t n);	/* at open: each record still here; may be NULL */
	void *arg;
};

/* Makes the folder (its parent exists). limit: bytes of what is not acknowledged; keep: of what is. */
int spool_open(const char *folder, uint64_t limit, uint64_t keep, bool lossy, const struct spool_hooks *, struct spool **ret);
/* Syncs what is pending; NULL is fine. 0, or -errno of that sync. */
int spool_close(struct spool *);
void spool_abandon(struct spool *);	/* as a crash would leave it */

/* Copies the record. 0; -ENOSPC (not lossy, and full: `urgent` may go 64 KiB beyond), -EMSGSIZE or -ENOMEM. */
int spool_append(struct spool *, const void *data, size_t n, bool urgent);
int spool_sync(struct spool *);			/* after an error: again, later */
bool spool_pending(const struct spool *);	/* something waits for a sync */
bool spool_full(const struct spool *, size_t n);/* would refuse n bytes that are not urgent */

/* The next durable record that was not handed out yet; it lives until the next call. 1, 0 for none, or -errno. */
int spool_next(struct spool *, struct spool_record *ret);
void spool_unget(struct spool *);		/* the record that spool_next gave last was not taken: it comes again */
void spool_rewind(struct spool *);		/* begins again with the oldest that is not acknowledged */

/* The collector holds `epoch` through that sequence; of an epoch that is not here, nothing happens. -EBADMSG: that was never handed out. */
int spool_ack(struct spool *, uint64_t epoch, uint64_t through);
/* The same, as the first word of a new connection; digest: of its last record, 0: not told. SPOOL_PARTED: what it holds under these
 * numbers is not ours, as when a running machine was put back to an earlier state: what was not acknowledged has new numbers, in a new
 * epoch. SPOOL_REFILL: it had more once, and what is still here of that is given again. */
enum spool_held { SPOOL_AGREED, SPOOL_REFILL, SPOOL_PARTED };
enum spool_held spool_held(struct spool *, uint64_t epoch, uint64_t through, uint32_t digest);

/* The epochs that have records, kept ones too, and the current one, oldest first. Returns how many, at most `room` (the newest). */
size_t spool_spans(const struct spool *, struct spool_span *, size_t room);
/* Of these epochs everything through that number was acknowledged, and is not kept any more; at: when, wall clock. The newest SPOOL_PAST. */
struct spool_past { uint64_t epoch, through; int64_t at; };
#define SPOOL_PAST 64u
size_t spool_past(const struct spool *, struct spool_past ret[SPOOL_PAST]);
uint64_t spool_bytes(const struct spool *);	/* of what is not acknowledged, by whole segments */

#endif
