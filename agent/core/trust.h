/*
 * trust.h - which time a collector's certificate is judged by (SECURITY 5.8): never by this machine's clock. There is a floor, the
 * latest time that a collector told us, kept in a file; and there is the time that this collector states. The later of both counts. While a
 * collector's own clock is suspect it states what it reckons (R12).
 */
#ifndef TRUST_H
#define TRUST_H

#include <openssl/ssl.h>
#include <stdint.h>

struct trust;

struct trust *trust_open(const char *state);	/* the file may be absent or damaged: then there is no floor. NULL: no memory */
void trust_free(struct trust *);

/* Right after the handshake, before the collector has stated a time: everything but that. -EACCES with words in why. */
int trust_peer(struct trust *, SSL *, char why[256]);
/* With the time that it states (ns); raises the floor. */
int trust_stated(struct trust *, SSL *, int64_t stated, char why[256]);
void trust_heard(struct trust *, int64_t stated);	/* a later time from a collector that is trusted already */

#endif
