#include "config.h"

#include "agent/core/schedule.h"

#include "lib/clock.h"

#define TOGETHER (50 * NS_PER_MS)	/* checks that are so near to each other share one waking of the processor */

/* FNV-1a with a final mix: a spread, not a secret. */
static uint64_t hash(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * UINT64_C(0x100000001b3);
	return h * UINT64_C(0x100000001b3);
}

int64_t schedule_phase(const char *agent, const char *check, int64_t interval)
{
	uint64_t h = hash(hash(UINT64_C(0xcbf29ce484222325), agent), check);
	int64_t phase;

	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	phase = (int64_t)(h % (uint64_t)interval);
	return interval >= 20 * TOGETHER ? phase / TOGETHER * TOGETHER : phase;
}

/* The first moment of the phase after `t`. */
static int64_t after(int64_t t, int64_t interval, int64_t phase)
{
	int64_t into = (t - phase) % interval;

	if (into < 0)
		into += interval;
	return t + interval - into;
}

int64_t schedule_next(int64_t now, int64_t interval, int64_t phase)
{
	return after(now + (interval - 1) / 2, interval, phase);
}

int64_t schedule_first(int64_t now, int64_t interval, int64_t phase, int slow_down)
{
	return slow_down ? after(now, interval, phase) : now;
}
