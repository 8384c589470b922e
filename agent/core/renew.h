/*
 * renew.h - the agent's next certificate (I5). When the present one is 30 days old by the collector's clock, another key is made here and the
 * collector is asked for its certificate. The next connection shows that one, and when a collector has welcomed us with it, it takes the
 * present one's place. Until then the present one counts, and both are tried by turns: whatever ends in between, one of them is good.
 * The same early, where another authority has taken the place of the one that made it (lib/authority.h).
 */
#ifndef RENEW_H
#define RENEW_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/core/link.h"
#include "proto/beadle.pb-c.h"

struct renew {
	bool next;		/* this connection shows the next one */
	bool present_first;	/* the next one was tried in vain: now the present one again */
	bool asked;		/* over this connection */
	bool early;		/* it is of the former authority */
	int64_t again;		/* boot clock: not asked for before */
};

/* The folder whose certificate the connection shows that begins now: identity, or the next one in it. */
const char *renew_folder(struct renew *, const char *identity, char buf[PATH_MAX]);
void renew_welcomed(struct renew *, const char *identity);
void renew_failed(struct renew *);		/* it did not come to a Welcome */
void renew_closed(struct renew *);

/* What the collector says of the authority; NULL: nothing. */
void renew_authority(struct renew *, const char *identity, struct link *, const Wire__Authority *, int64_t now);
/* Asks for the next one, if it is time. stated: the collector's wall clock, ns. */
void renew_consider(struct renew *, const char *identity, struct link *, int64_t stated, int64_t now);
/* The collector's answer. True: there is a next one now, to be shown. */
bool renew_answered(struct renew *, const char *identity, const Wire__Renewed *);

#endif
