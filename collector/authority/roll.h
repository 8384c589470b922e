/*
 * roll.h - the school's authority, and how another takes its place (SECURITY I5). From the moment that it begins all certificates are made by the new
 * key; the former is gone, and what it made is good until that is over. 0 or -errno.
 *
 * STATE/signer/    ca.key, ca.pem (the authority; after a roll-over also its certificate by the former one, and the former's), former-over (its id)
 */
#ifndef ROLL_H
#define ROLL_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>

/* vouched, former: NULL where there was none. over: what the former made is good no more. */
struct roll { EVP_PKEY *key; X509 *root, *vouched, *former; bool over; };

/* Goes on with what a crash cut off. -ENOENT: there is no authority that can be read. */
int roll_open(const char *folder, struct roll *ret);
void roll_clear(struct roll *);
bool roll_made(const struct roll *, X509 *cert);			/* is it one of ours, that is not over? */

int roll_begin(const char *folder, struct roll *);		/* -EBUSY: the last one is not over */
int roll_finish(const char *folder, struct roll *);		/* -ENOENT: there is none */

#endif
