/*
 * credit.h - an agent that sends many times what the others send is read more slowly, so that it cannot hold up their acknowledgements (N6).
 * In each CREDIT_PERIOD a connection may use CREDIT_TIMES of what the others used in the last one on average, and always CREDIT_FLOOR. Who has
 * used more is not read until that is paid back, and its window (session.h) stops it. Who is alone uses what there is, and so do many that
 * are equals, as after a restart.
 */
#ifndef CREDIT_H
#define CREDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CREDIT_PERIOD (250 * 1000000ll)		/* ns */
#define CREDIT_TIMES 2
#define CREDIT_BATCH (64u * 1024)		/* what a batch costs beside its bytes: about a sync of its own */
#define CREDIT_FLOOR (4 * CREDIT_BATCH)		/* so many bytes' worth: a thousand times what an agent measures */
#define CREDIT_OWED (4u * 1024 * 1024)		/* no more is remembered: who was alone before does not pay for it for long */

struct credits;			/* of all connections; any thread */

/* One connection's part, its own thread's; zeros to begin with. */
struct credit { int64_t period; size_t used, unsaid, last, owed, allowance; bool told; };

struct credits *credits_new(void);		/* NULL: no memory */
void credits_free(struct credits *);

/* A batch of so many bytes came. now: boot clock. */
void credit_use(struct credits *, struct credit *, size_t bytes, int64_t now);
/* It has more than its share: not to be read for now. */
bool credit_over(struct credits *, struct credit *, int64_t now);

#endif
