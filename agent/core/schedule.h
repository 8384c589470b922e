/*
 * schedule.h - when a check is due, on the boot clock. Each check has a phase in its interval, from the agent's id and its own name, so
 * that a thousand agents do not fire together. The next round is the next moment of that phase: whatever was missed (the machine slept,
 * the clock was set, the host was busy) is not made up for, and a restart or a reload does not shift the rhythm.
 */
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include <stdint.h>

/* 0 <= phase < interval; in steps of 50 ms, unless the interval is short. */
int64_t schedule_phase(const char *agent, const char *check, int64_t interval);

/* After a round began at `now`: the next moment of the phase, at least half an interval away. */
int64_t schedule_next(int64_t now, int64_t interval, int64_t phase);

/* The first round: at once, or, when the collector says slow down, at the next moment of the phase. */
int64_t schedule_first(int64_t now, int64_t interval, int64_t phase, int slow_down);

#endif
