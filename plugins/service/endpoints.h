/* endpoints.h - connects to endpoints side by side, 16 at a time, says what is to be said, and waits for the expected answer. */
#ifndef ENDPOINTS_H
#define ENDPOINTS_H

#include <stddef.h>
#include <sys/socket.h>

#include "plugins/service/targets.h"

#define ADDRESSES_MAX 4

struct addresses {
	struct sockaddr_storage list[ADDRESSES_MAX];
	socklen_t size[ADDRESSES_MAX];
	uint32_t count;
};

/* Fills in the addresses of an endpoint; may hang in the name service unless it has a path or a numeric host. 0;
 * -EHOSTUNREACH: there is no such host; -EAGAIN: nobody could say. */
int endpoints_resolve(const struct endpoint *, struct addresses *ret);

/* Fills in .up, .response and .detail of each; takes as long as the slowest of each 16 are allowed to. An endpoint without an
 * address is left as it is. Returns 0 or -errno (no memory: nothing was tried). */
int endpoints_run(struct endpoint *list, const struct addresses *addresses, size_t n);
#endif
