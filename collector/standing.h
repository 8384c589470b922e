/*
 * standing.h - which certificates still count, beside what is written in them (SECURITY 5.7, I4, I5): who was revoked, and which
 * certificate of an agent is the newest that it has used, and which authority is over. The engine writes, ingest asks at each handshake and, when the version has moved,
 * of each connection that is open. Any thread.
 */
#ifndef STANDING_H
#define STANDING_H

#include <stdbool.h>
#include <stdint.h>

struct standing;

struct standing *standing_new(void);		/* NULL: no memory */
void standing_free(struct standing *);		/* NULL is fine */

/* NULL, or why this certificate of the agent does not count any more. */
const char *standing_objects(struct standing *, const char *uuid, uint32_t generation, const char *authority);
unsigned standing_version(const struct standing *);	/* moves with every change that could end a connection */

/* 0 or -ENOMEM: then nothing was noted. */
int standing_revoke(struct standing *, const char *uuid);
int standing_used(struct standing *, const char *uuid, uint32_t generation);	/* all before it are over */
void standing_authority_over(struct standing *, const char *id);		/* what it made counts no more (authority.h); "": none is over */

/* The signer's own list has been taken in; waiting for that: false when it did not come in time. */
void standing_complete(struct standing *);
bool standing_wait(struct standing *, int64_t ns);

#endif
