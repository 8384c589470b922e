/*
 * hosts.h - the processes in which plugins run. A host is asked of the template when a check is due and none lives; it gets one round at a
 * time; at the check's timeout the template kills it, with all that it started. What a host sends is hostile: a round nobody asked for, or
 * a frame that makes no sense, ends it. Each end that was not ours costs one record with the cause in words, and a pause that doubles.
 */
#ifndef HOSTS_H
#define HOSTS_H

#include <stdint.h>

#include "agent/core/check.h"
#include "agent/core/loop.h"
#include "agent/core/outbox.h"

struct hosts;

/* template: the descriptor of agent/template.h, still the caller's. */
struct hosts *hosts_new(struct loop *, int template, struct checks *, struct outbox *);
void hosts_free(struct hosts *);	/* the template ends what still lives when our descriptor closes */

void hosts_run(struct hosts *, struct check *, int64_t now);	/* it is due; does nothing while its last round is not in */
void hosts_renew(struct hosts *, uint32_t plugin);		/* a check of it changed: a new host when this one is free */
int hosts_lost(const struct hosts *);				/* the template is gone: nothing can be measured any more */

int64_t hosts_wake(const struct hosts *);
void hosts_tick(struct hosts *, int64_t now);

#endif
