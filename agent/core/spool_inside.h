/* spool_inside.h - what spool.c (in), drain.c (out), tail.c (kept), past.c (kept no more), agree.c (whose numbers) and recover.c (at open) share; nobody else
 * includes it. */
#ifndef SPOOL_INSIDE_H
#define SPOOL_INSIDE_H

#include "agent/core/segment.h"
#include "agent/core/spool.h"

struct spool {
	char folder[PATH_MAX];
	uint64_t limit, keep, segment_max;
	bool lossy;
	struct spool_hooks hooks;
	uint64_t epoch, next;		/* of the next record */
	uint64_t durable;		/* last record of the epoch that was synced */
	uint32_t ordinal;		/* of the next segment */
	struct segment *segments;	/* utlist, oldest first */
	uint64_t bytes, kept_bytes;	/* durable; kept_bytes: of the retained tail, which bytes leaves out */

	int fd;				/* of the last segment, while it is written to; else -1 */
	uint8_t *pending;		/* whole entries, as they will be written */
	size_t n_pending, room;

	struct segment *at;		/* whose records are handed out; NULL: the first */
	struct segment_reader reader;
	struct entry given;		/* the last one handed out */
	uint64_t out_epoch, out;	/* epoch and sequence of the last one handed out */
	uint64_t read_epoch, read;	/* and of the last one read, with its digest */
	uint32_t read_digest, before;	/* before: of the record before the given one; 0: not known */
	bool ungot;
	unsigned failures;		/* to read the segment `at`, in a row */

	struct spool_past past[SPOOL_PAST];	/* oldest first */
	size_t n_past;
};

/* recover.c: reads what is in the folder. */
int recover_spool(struct spool *);

int spool_new_epoch(struct spool *);	/* 0 or -EIO; nothing is pending */
int spool_put(struct spool *, const void *data, size_t n);	/* spool_append, when there is room */
void spool_end_segment(struct spool *);

/* tail.c: what is acknowledged and kept. */
void tail_keep(struct spool *, struct segment *);	/* from now on it is of the tail, or gone */
void tail_trim(struct spool *);
bool tail_give_way(struct spool *);	/* the disk is full: the oldest of the tail goes. false: there is none */

/* past.c: which numbers were acknowledged and have gone. */
void past_load(struct spool *);
void past_note(struct spool *, const struct segment *);	/* before it goes */

/* drain.c: the segment goes; its file too. */
void drain_forget(struct spool *, struct segment *);
bool drain_counts(const struct segment *, uint64_t number);	/* this entry of it is still to be handed out */
void drain_acknowledge(struct spool *, uint64_t epoch, uint64_t through);

#endif
