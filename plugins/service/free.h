/* free.h - locals that free what they hold. */
#ifndef FREE_H
#define FREE_H

#include <stdlib.h>

static inline void free_pointer(void *p)
{
	free(*(void **)p);
}

#define CLEANUP(f) __attribute__((cleanup(f)))
#define FREE CLEANUP(free_pointer)
#endif
