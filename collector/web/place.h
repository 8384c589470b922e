/* place.h - where visits come from, and how many of each: one IPv4 address or IPv6 /64 is a place as long as somebody is here from it. */
#ifndef PLACE_H
#define PLACE_H

#include <sys/socket.h>

struct place {
	struct place *prev, *next;
	struct sockaddr_storage address;
	unsigned visits;
};

/* The place of that address, with one visit more. NULL: no memory. */
struct place *place_enter(struct place **places, const struct sockaddr_storage *from);
void place_leave(struct place **places, struct place *);	/* the last one takes it along */

#endif
