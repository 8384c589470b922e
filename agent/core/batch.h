/* batch.h - packs the next durable records of a spool into a frame with a Batch, each series defined before its first use. */
#ifndef BATCH_H
#define BATCH_H

#include "agent/core/outbox.h"

/* Which series this connection knows. */
struct defined { uint8_t *bits; uint32_t n; };

struct batch {
	uint8_t *buf;			/* malloc'd; the frame is buf[from..n) */
	size_t from, n;
	uint64_t epoch, last;		/* last: 0 when only series are in it */
};

/* 1: *ret is filled; 0: nothing to send; or -errno. */
int batch_next(struct outbox *, struct spool *, struct defined *, struct batch *ret);
void defined_clear(struct defined *);

#endif
