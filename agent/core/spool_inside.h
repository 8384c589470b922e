/* spool_inside.h - what spool.c (in), drain.c (out) and recover.c (at open and close) share; nobody else includes it. */
#ifndef SPOOL_INSIDE_H
#define SPOOL_INSIDE_H

#include "agent/core/segment.h"
#include "agent/core/spool.h"

struct spool {
	char folder[PATH_MAX];
	uint64_t limit, segment_max;
	bool lossy;
	struct spool_hooks hooks;
	uint64_t epoch, next;		/* of the next record */
	uint32_t ordinal;		/* of the next segment */
	struct segment *segments;	/* utlist, oldest first */
	uint64_t bytes;			/* durable, in all segments */

	int fd;				/* of the last segment, while it is written to; else -1 */
	uint8_t *pending;		/* whole entries, as they will be written */
	size_t n_pending, room;

	struct segment *at;		/* whose records are handed out; NULL: the first */
	struct segment_reader reader;
	struct entry given;		/* the last one handed out */
	uint64_t out_epoch, out;	/* epoch and sequence of the last one handed out */
	bool ungot;
	unsigned failures;		/* to read the segment `at`, in a row */
};

/* recover.c: reads what is in the folder; sets epoch and next. */
int recover_spool(struct spool *);
int recover_mark_clean(const struct spool *);

/* drain.c: the segment goes; its file too. R4's retained tail will stand here. */
void drain_forget(struct spool *, struct segment *);

#endif
