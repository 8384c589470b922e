/*
 * uplink.h - the way to the collectors: which one, when to try again, and the conversation of beadle.proto. It hands out only what is
 * durable, keeps to the collector's window, and says nothing of what a collector may not ask for (SECURITY 5.5).
 */
#ifndef UPLINK_H
#define UPLINK_H

#include "agent/core/check.h"
#include "agent/core/loop.h"
#include "agent/core/outbox.h"

struct uplink;

/* agent: the id, as in the certificate; "" when it is not known yet. */
struct uplink *uplink_new(struct loop *, const char *agent, struct checks *, struct outbox *);
void uplink_free(struct uplink *);

void uplink_renew(struct uplink *, int64_t now);	/* the plan changed: says Hello anew */
void uplink_pump(struct uplink *, int64_t now);		/* something became durable */

int64_t uplink_wake(const struct uplink *);
void uplink_tick(struct uplink *, int64_t now);

#endif
