#include "vec.h"

#include <stdint.h>
#include <string.h>

void *vec_grow_(void **at, size_t *n, size_t *room, size_t size)
{
	if (*n == *room) {
		size_t more = *room ? *room * 2 : 8;
		void *bigger;

		if (more > SIZE_MAX / size)
			return NULL;
		bigger = realloc(*at, more * size);
		if (!bigger)
			return NULL;
		*at = bigger;
		*room = more;
	}
	return memset((char *)*at + (*n)++ * size, 0, size);
}
