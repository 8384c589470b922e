/* strays.h - children of ours that nobody waits for any more: what a dead host or program had started. We are their
 * "subreaper". */
#ifndef STRAYS_H
#define STRAYS_H

#include <stddef.h>
#include <sys/types.h>

#include "agent/host/guard.h"

/* Kills and reaps all children of this process but the n known ones and those of guarded calls. */
void strays_kill(const pid_t *known, size_t n, const struct guards *);

#endif
