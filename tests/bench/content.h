/* content.h - what the load generator's results hold follows from agent, sequence and place, so that the store can be checked. */
#ifndef CONTENT_H
#define CONTENT_H

#include <stdint.h>

#define CONTENT_CROSSING 10000u		/* one value in so many is beyond its bounds */

static inline double content_value(unsigned agent, uint64_t sequence, unsigned values, unsigned i)
{
	uint64_t x = (sequence * values + i) * 2654435761u + agent;

	return x % CONTENT_CROSSING == 0 ? 0.95 : 0.40 + (double)(x % 1024) / 4096;
}

#endif
