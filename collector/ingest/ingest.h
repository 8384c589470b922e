/*
 * ingest.h - connections in, batches out: a few threads with an event loop each. TLS, frames, decoding, the names of one
 * connection; nothing is judged or kept here. What may be unfinished is bounded; above, sockets are not read.
 */
#ifndef INGEST_H
#define INGEST_H

#include <stddef.h>
#include <stdint.h>

#include "collector/queue.h"

struct ingest;
struct standing;
struct reckoning;
struct ssl_ctx_st;

struct ingest_setup {
	size_t threads;
	struct ssl_ctx_st *tls;			/* identity_context(..., server) */
	struct budget *in_flight;
	struct standing *standing;
	const struct reckoning *reckoning;
	/* Limits: SECURITY N1, 5.4, R9. In ns. */
	int64_t greeting;			/* from accept to Hello */
	int64_t frame;				/* from a frame's first byte to its last */
	int64_t silence;			/* then a peer is dead */
	int64_t heartbeat;
	size_t strangers_of_one, strangers;
};

/* The queues by which others reach the threads, before these run: queues[threads], the ingest's. */
int ingest_new(const struct ingest_setup *, struct ingest **ret);
struct queue *const *ingest_queues(const struct ingest *);
/* listener: a nonblocking listening socket, kept by the caller; `store` and `engine` are where messages go. */
int ingest_start(struct ingest *, int listener, struct queue *store, struct queue *engine);
void ingest_stop(struct ingest *);		/* ends the threads; connections close */
void ingest_free(struct ingest *);		/* once nobody pushes to the queues any more; NULL is fine */

#endif
