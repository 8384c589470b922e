#include "place.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static bool same_place(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return ((const struct sockaddr_in *)a)->sin_addr.s_addr == ((const struct sockaddr_in *)b)->sin_addr.s_addr;
	return !memcmp(&a6->sin6_addr, &b6->sin6_addr, IN6_IS_ADDR_V4MAPPED(&a6->sin6_addr) ? 16 : 8);
}

struct place *place_enter(struct place **places, const struct sockaddr_storage *from)
{
	struct place *p;

	DL_FOREACH(*places, p)
		if (same_place(&p->address, from))
			break;
	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p)
			return NULL;
		p->address = *from;
		DL_APPEND(*places, p);
	}
	p->visits++;
	return p;
}

void place_leave(struct place **places, struct place *p)
{
	if (--p->visits)
		return;
	DL_DELETE(*places, p);
	free(p);
}
