/*
 * engine.h - the engine thread: owns all judgement state, incidents, escalation, accounts and sessions; answers the queries of web
 * and command line; hands notices to the notifier once they are on disk. No locks: it is fed by one queue, its pipes and a timer.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/queue.h"
#include "site.h"

struct engine;
struct standing;
struct reckoning;

struct engine_setup {
	const struct site *site;
	const char *store_folder;		/* for readers; the store is open */
	const char *identity_folder;		/* ca.pem is handed out with new identities */
	struct queue *queue;			/* its own: what ingest and store send it (message.h) */
	struct queue *store;			/* where its changes go */
	struct queue *const *ingest;		/* answers to agents, by reference.thread */
	size_t threads;				/* of ingest */
	struct budget *in_flight;		/* for message_free */
	struct standing *standing;		/* which certificates count: written here */
	struct reckoning *reckoning;		/* may the clock be believed: as well */
	uint64_t checkpoint_entries;		/* at most so many entries of the journal wait for the signer, */
	int64_t checkpoint_age;			/* and for so long */
	int64_t login_details;			/* what log-ins say is erased after so long, ns; 0: never */
	int local, launcher;			/* listening Unix socket; the launcher's pair; -1: none */
	/* Where servers come with a token (collector/enrol); NULL: nowhere. The door is opened and shut from here. */
	struct queue *enrol;
	int door;
	unsigned door_port, agents_port;	/* told to servers */
};

/* Restores what is stored and replays what was not yet judged: may take a while; called before intake starts. */
int engine_new(const struct engine_setup *, struct engine **ret, char why[256]);
/* What the signer revoked was found beside the store, as it was when the signer last told. */
bool engine_knows_revoked(const struct engine *);
/* The thread's function: until MESSAGE_STOP. Returns NULL. */
void *engine_run(void *engine);
/* Tells the launcher that agents are served. Before engine_run. */
void engine_ready(struct engine *);
void engine_free(struct engine *);

/* Makes an administrator with a one-time password, unless there is an account of that name already (-EEXIST). Opens the store by
 * itself, and begins its journal with the key: for beadle-collector init, while nothing runs. */
int engine_init_account(const char *store_folder, const uint8_t checkpoint_key[32], const char *name, char ret_password[32], char why[256]);

#endif
