/*
 * roster.h - the identities that were given out, as the administrator named them: kept in the store, beside the signer's own books, which
 * decide. A name belongs to one identity that counts; a revoked one keeps its name on record.
 */
#ifndef ROSTER_H
#define ROSTER_H

#include <openssl/x509.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "authority.h"

struct store_change;
struct deed;
struct roster;

struct identity_given {
	char uuid[64], host[254];
	int64_t issued, not_after;	/* of the newest certificate, ns; 0: not known (made before this was kept) */
	uint32_t generation;		/* of the same, */
	char authority[AUTHORITY_ID];	/* and who made it; "": not known */
	int64_t revoked;		/* 0: it counts */
	UT_hash_handle hh;
};

struct roster *roster_new(void);
void roster_free(struct roster *);		/* NULL is fine */

const struct identity_given *roster_get(const struct roster *, const char *uuid);
/* By the name, or the UUID, of one that counts; else of a revoked one; NULL. */
const struct identity_given *roster_find(const struct roster *, const char *name_or_uuid);
const struct identity_given *roster_next(const struct roster *, const struct identity_given *before);	/* NULL: the first */

/* The signer's answer, and what it says of itself taken down. The caller frees; NULL: it is no certificate. */
X509 *roster_certificate(const ProtobufCBinaryData *, struct identity_given *);
/* Puts it there as it stands, and into the change, with the deed (record.h). -ENOMEM. */
int roster_set(struct roster *, const struct identity_given *, const struct deed *, struct store_change *);
int roster_load(struct roster *, const char *uuid, const char *name, const char *json);	/* as it was kept */

#endif
