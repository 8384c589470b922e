/*
 * keeper.h - the store thread: the only one that writes. It takes everything that is queued, commits it as one group, and only
 * then tells the connections (Ack) and the engine. It also knows which connection speaks for which host: the newest.
 */
#ifndef KEEPER_H
#define KEEPER_H

#include <stddef.h>

#include "collector/queue.h"
#include "collector/store/change.h"
#include "collector/store/store.h"

struct keeper;
struct reckoning;

struct keeper_setup {
	struct store *store;			/* the keeper's from now on */
	struct queue *engine;
	struct queue *const *ingest;		/* by thread */
	size_t threads;
	struct budget *in_flight;		/* taken by ingest for each batch */
	struct budget *backlog;			/* of the engine: taken here, given back by message_free */
	const struct reckoning *reckoning;	/* while the clock is suspect nothing is deleted */
	unsigned retention_days;
};

int keeper_start(const struct keeper_setup *, struct keeper **ret);	/* setup is copied */
void keeper_stop(struct keeper *);		/* commits what is queued, closes the store; NULL is fine */
struct queue *keeper_queue(struct keeper *);

#endif
