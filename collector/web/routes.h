/* routes.h - every way into the API; what is not here does not exist. */
#ifndef ROUTES_H
#define ROUTES_H

#include <stdbool.h>

enum route_kind {
	ROUTE_READ,		/* GET, arguments in the query string, a session */
	ROUTE_ACT,		/* POST, a JSON body, a session, and the proof that our own page sent it */
	ROUTE_LOG_IN,		/* POST; the answer brings a session */
	ROUTE_LOG_OUT,
	ROUTE_STREAM,		/* GET; stays open */
};
struct route { const char *path, *query; enum route_kind kind; };

const struct route *route_find(const char *path);	/* NULL: no such */
static inline bool route_posts(const struct route *r) { return r->kind >= ROUTE_ACT && r->kind <= ROUTE_LOG_OUT; }

#endif
