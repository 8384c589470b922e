/*
 * batch.h - a batch on its way through the collector, in one flat block: ingest decodes it, the store commits it, the
 * engine judges it and frees it. Series and checks are already the collector's own numbers.
 */
#ifndef BATCH_H
#define BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/queue.h"

struct result {
	uint32_t check;		/* the collector's number of (host, check) */
	uint32_t values;	/* how many; they start at batch->series[first_value] */
	uint32_t first_value;
	uint8_t outcome;	/* Wire__Outcome */
	uint8_t round;
	int64_t at;		/* wall clock of the agent, ns */
	uint64_t took_ns;
	const void *extra;	/* what is not numbers (error, skips, facts, events, output, dropped): a packed wire.Record */
	uint32_t extra_size;	/* 0: none */
	uint32_t digest;	/* of the record as it was sent (beadle.proto); 0: not told */
};

/* A connection, for whoever answers it later: a slot that was reused has another generation. */
struct reference { uint16_t thread; uint32_t slot, generation; };

static inline bool reference_same(const struct reference *a, const struct reference *b)
{
	return a->thread == b->thread && a->slot == b->slot && a->generation == b->generation;
}

struct batch {
	struct node node;	/* for the queues */
	struct batch *next;	/* within a list of batches */
	uint32_t host;		/* the collector's number of the agent */
	struct reference from;	/* where the acknowledgement goes */
	uint64_t epoch, first;
	uint32_t before;	/* digest of record first-1; 0: not told */
	uint32_t results;
	uint32_t values;	/* in all results together */
	size_t bytes;		/* of the whole block: counted against what may be in flight */
	struct budget *backlog;	/* is given the bytes as well, when it is freed (message_free); NULL: not yet stored */
	int64_t received;	/* boot clock */
	bool parted;		/* once stored: it was set apart, since other records are held under its numbers; or */
	uint64_t through;	/* highest sequence held of the epoch, */
	uint32_t day;		/* the day file, YYYYMMDD, */
	int64_t row;		/* and the row of the last result in it */
	struct result *result;
	uint32_t *series;	/* the collector's numbers; as many as values */
	double *value;
};

#endif
