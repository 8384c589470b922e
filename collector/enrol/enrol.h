/*
 * enrol.h - the door at which servers that have no certificate yet come with a token (SECURITY 5.9, I6): a thread of its own. It is shut while
 * no token can be used. What may come is bounded as for all strangers (N1): a few of one address, a few dozen in all, 64 KiB and the
 * patience of one stranger for all of it, from the connection to the answer. What a request is worth the signer says; here nothing is decided.
 */
#ifndef ENROL_H
#define ENROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/queue.h"

struct enrol;
struct ssl_ctx_st;

struct enrol_setup {
	int door;			/* bound, and not listening; the caller's */
	struct ssl_ctx_st *tls;		/* identity_enrolment() */
	int64_t patience;		/* ns */
	size_t of_one, in_all;		/* strangers */
};

int enrol_new(const struct enrol_setup *, struct enrol **ret);	/* -ENOMEM */
struct queue *enrol_queue(const struct enrol *);		/* MESSAGE_DOOR, MESSAGE_SEND, MESSAGE_CONTEXT; NULL for NULL */
int enrol_start(struct enrol *, struct queue *engine);		/* -ENOMEM */
void enrol_stop(struct enrol *);				/* ends the thread; connections close. NULL is fine */
void enrol_free(struct enrol *);				/* once nobody pushes any more; NULL is fine */

/* Begins or ends listening there, so that what comes to a shut door is refused by the kernel. -errno: another program listens. */
int enrol_turn(int door, bool open);

#endif
