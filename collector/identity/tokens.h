/*
 * tokens.h - the signer's book of enrolment tokens (SECURITY 5.9, I6): STATE/signer/tokens, written anew as a whole, durable before anything
 * is told. Of a secret it has what is needed to check a proof, and of one that is over not even that. A token is good for one key: that of the
 * first request with a right proof. The same key may ask again, so that no crash on the way costs a token.
 * Its life runs on the boot clock while the machine runs, whatever is done to the wall clock; after a reboot the wall clock decides, and one
 * that is behind the token's making ends it. 0 or -errno, with words in why.
 */
#ifndef TOKENS_H
#define TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "token.h"

#define TOKENS_OPEN 64			/* that can be used, at most */
#define TOKENS_KEPT 256			/* with those that are over, so that people are told what became of them */
#define TOKENS_FAILURES 5		/* wrong proofs; then it is over */
#define TOKENS_ISSUES 10		/* certificates for its one key */

/* In the order of rooms.TokenState. */
enum token_state { TOKEN_OPEN, TOKEN_WAITING, TOKEN_APPROVED, TOKEN_USED, TOKEN_OVER };
enum token_end { TOKEN_ENDED_NOT, TOKEN_EXPIRED, TOKEN_REVOKED, TOKEN_REPLACED, TOKEN_GUESSED, TOKEN_ARRIVED, TOKEN_ENDS };

struct token_entry {
	uint8_t id[TOKEN_ID], key[TOKEN_HASH];
	uint8_t subject[TOKEN_HASH];	/* hash of the public key that used it, or waits */
	enum token_state state;
	enum token_end end;
	int64_t made, expires;		/* wall, ns */
	char boot[40];			/* which start of the machine; "-": not known */
	int64_t boot_expires;		/* boot clock of that one, ns */
	bool approve;
	unsigned failures, issues;
	char uuid[37], host[TOKEN_HOST_MAX + 1];
};

struct tokens;

/* folder: lasts as long as the book. A book that cannot be read has no tokens. NULL: no memory. */
struct tokens *tokens_open(const char *folder);
void tokens_close(struct tokens *);		/* NULL is fine */

/* All of them; what has expired is written down as over. */
const struct token_entry *tokens_all(struct tokens *, size_t *ret_n);
const struct token_entry *tokens_find(struct tokens *, const uint8_t id[TOKEN_ID]);	/* NULL: none such */
int64_t tokens_left(const struct tokens *, const struct token_entry *);	/* of its life, ns; 0: it is over */

/* One that can still be used for the same host is over. The secret is told this once. */
int tokens_new(struct tokens *, const char *uuid, const char *host, unsigned hours, bool approve, const struct token_entry **ret,
	       uint8_t ret_secret[TOKEN_SECRET], char why[256]);
int tokens_end(struct tokens *, const uint8_t id[TOKEN_ID], char why[256]);
/* The key that waits, which the person has compared. */
int tokens_approve(struct tokens *, const uint8_t id[TOKEN_ID], const char *fingerprint, char why[256]);

struct token_use { const uint8_t *id, *exporter, *proof, *csr; size_t csr_n; const char *host; };
/* Is it known, good, proven, and for this host? A wrong proof is counted. Nothing of the request is looked into before. */
int tokens_check(struct tokens *, const struct token_use *, char why[256]);
/* What was checked just now is for this key from now on: 0: it may have a certificate; 1: a person must approve it first. */
int tokens_take(struct tokens *, const uint8_t id[TOKEN_ID], const uint8_t subject[TOKEN_HASH], const struct token_entry **ret, char why[256]);

#endif
