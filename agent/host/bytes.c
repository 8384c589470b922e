#include "config.h"

#include "agent/host/bytes.h"

#include <stdlib.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "bytes_fixed64 copies as the wire has it");

bool bytes_reserve(struct bytes *b, size_t more)
{
	size_t room = b->room ? b->room : 256;
	uint8_t *bigger;

	if (b->room - b->n >= more)
		return true;
	while (room - b->n < more)
		room *= 2;
	bigger = realloc(b->at, room);
	if (!bigger)
		return false;
	b->at = bigger;
	b->room = room;
	return true;
}

void bytes_empty(struct bytes *b, size_t keep)
{
	b->n = 0;
	if (b->room <= keep)
		return;
	free(b->at);
	*b = (struct bytes){0};
}
