/* worker.h - one ingest thread: its loop, its connections, its part of what all share. For the files of ingest/ alone. */
#ifndef WORKER_H
#define WORKER_H

#include <pthread.h>

#include "collector/ingest/ingest.h"
#include "collector/ingest/connection.h"
#include "vec.h"

#define WORKER_SCRATCH (64 * 1024)

struct shared {
	struct ingest_setup its;
	struct gate *gate;
	struct credits *credits;
	struct queue *store, *engine;
};

struct slot { struct connection *connection; uint32_t generation; };

struct worker {
	struct shared *shared;
	uint16_t number;
	pthread_t thread;
	struct event_base *loop;
	char checkpoint[CHECKPOINT_LINE];	/* the journal's last, for agents; "" */
	struct authority_told *authority;	/* for agents; NULL: there is only one */
	unsigned named;				/* so many times */
	SSL_CTX *tls;				/* for its next connections */
	struct queue *queue;
	struct event *queued, *every_second, *again;
	VEC(struct slot) slots;
	VEC(uint32_t) free_slots;
	struct arena *arena;			/* for the frame at hand */
	uint8_t scratch[WORKER_SCRATCH];	/* what was read just now */
	uint8_t *out;				/* a frame to be sent */
	size_t out_room;
	bool running, waiting;		/* the latter: some connection is held up, and `again` looks */
	unsigned lines;				/* logged in this second about peers that are not known */
};

bool worker_prepare(struct shared *, struct worker *, uint16_t number, struct queue *);
bool worker_start(struct worker *);
void worker_stop(struct worker *);		/* and waits; connections are closed */
void worker_clear(struct worker *);		/* what it held; half-made is fine */
void worker_slot_free(struct worker *, struct reference);
bool worker_may_log(struct worker *);		/* one more line about a peer that is not known */
/* Something is held up because too much is in flight, or because its credit is used up: it is looked at again soon. */
void worker_wait(struct worker *);

#endif
