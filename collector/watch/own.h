/*
 * own.h - the identity that a watcher shows. Its own it keeps itself, as an agent does (agent/core/renew.h): it follows an authority for which the
 * one that it trusts vouches, and has its certificate renewed in time; the next one is in place once a collector has answered it. One that
 * somebody else keeps is read as it is at each look, and never written.
 */
#ifndef OWN_H
#define OWN_H

#include <limits.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/beadle.pb-c.h"

struct own {
	const char *folder;
	bool keeps;		/* false: somebody else does */
	bool next;		/* this look shows the next one */
	bool present_first;	/* the next one was shown in vain: now the present one again */
	bool due;		/* a renewal is */
	int64_t again;		/* boot clock: not asked for before */
};

/* The folder to be shown now: it, or the next one in it. Returns its own or buf. */
const char *own_shown(struct own *, char buf[PATH_MAX]);
/* What came of it: all is well there, and what it says of the authority; or not. cert: as shown. */
void own_worked(struct own *, X509 *cert, const Wire__Working *);
void own_failed(struct own *);

/* Is the next certificate to be asked for? */
bool own_due(const struct own *);
bool own_request(struct own *, Wire__Renew *);		/* both of its fields, also when false: OPENSSL_free */
void own_renewed(struct own *, const Wire__Renewed *);

#endif
