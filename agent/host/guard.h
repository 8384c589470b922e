/*
 * guard.h - children that run a call which may hang. A call that hangs in the kernel outlives its host, so the slots
 * are in memory that the template keeps and every host of that plugin, and none of another, sees.
 */
#ifndef GUARD_H
#define GUARD_H

#include <stdint.h>
#include <sys/types.h>

#define GUARD_SLOTS 64
#define GUARD_REFUSED 16

struct guards {
	struct guard_slot { uint64_t name; uint64_t started; pid_t pid; } slots[GUARD_SLOTS];
	int refused[GUARD_REFUSED];	/* system calls that host or child tried and may not make (lib/syscalls.h) */
};

struct guards *guard_new(void);		/* shared with children; NULL without memory */
void guard_free(struct guards *);
int guard_holds(const struct guards *, pid_t);	/* is that process a guarded call's? */

/* Start of process `pid` in clock ticks since boot, which with its number is its identity; 0 when there is none. */
uint64_t guard_started(pid_t pid);

#endif
