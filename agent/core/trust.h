/*
 * trust.h - which time a collector's certificate is judged by (SECURITY 5.8): never by this machine's clock alone. There is a floor, the
 * latest time that a collector told us, kept in a file; and there is the time that this collector states. A collector whose own
 * statement makes its certificate invalid is refused, unless its statement contradicts our clock and ours does not: then its clock is wrong,
 * and an agent that turned away would only make matters worse (R12).
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
