/*
 * call.h - one call at a server, for programs without an event loop: TCP, then TLS, each step until a point in time (boot clock) and no
 * longer; only the name service has a patience of its own.
 */
#ifndef CALL_H
#define CALL_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "host:port" or "[::1]:port" taken apart. */
bool call_split(const char *address, char host[256], char port[8]);

/* Each of the name's addresses in turn, which share the time. A nonblocking descriptor, the caller's; -ENXIO: the name has none; or -errno of the last. */
int call_reach(const char *address, int64_t until);

/* With an SSL over it. Not true: what the library says of it, or the time is over. */
bool call_shake_hands(SSL *, int64_t until);
bool call_write(SSL *, const void *data, size_t n, int64_t until);
bool call_read(SSL *, void *to, size_t n, int64_t until);	/* all n bytes */

#endif
