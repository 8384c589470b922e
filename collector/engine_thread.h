/* engine_thread.h - the thread on which the engine lives: what store and ingest queued is handed to it, one message at a time. */
#ifndef ENGINE_THREAD_H
#define ENGINE_THREAD_H

#include "collector/config.h"
#include "collector/message.h"
#include "collector/store/keeper.h"
#include "problem.h"

struct engine_thread;
struct engine_doors { int web, signer, notifier, local; };	/* sockets of the other processes; -1: none */

/* Reads the engine's part of the configuration, and names what nobody asked for. */
void engine_thread_configure(struct collector_config *, struct problems *);
int engine_thread_start(const struct collector_config *, const struct engine_doors *, struct queue *queue, struct keeper *,
			struct queue *const *ingest, struct budget *in_flight, struct budget *backlog, struct engine_thread **ret);
void engine_thread_stop(struct engine_thread *);		/* NULL is fine */

#endif
