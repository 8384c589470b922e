/*
 * resolve.h - addresses of "host:port". A name is looked up by a child process, because the system's resolver blocks and loads what it
 * likes; an address in numbers is answered at once. DNS is not trusted: whoever answers there must show the collector's certificate.
 */
#ifndef RESOLVE_H
#define RESOLVE_H

#include <sys/socket.h>

#include "agent/core/loop.h"

#define RESOLVE_MOST 4u

struct resolve_answer { unsigned n; struct { struct sockaddr_storage address; socklen_t n; } at[RESOLVE_MOST]; };

struct resolve;

/* found is called once, perhaps before this returns; n == 0: no address, and why. NULL: it was called, or could not be begun. */
struct resolve *resolve_begin(struct loop *, const char *host_port, void (*found)(void *arg, const struct resolve_answer *), void *arg);
void resolve_free(struct resolve *);	/* ends a search that still runs; NULL is fine */

#endif
