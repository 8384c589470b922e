/*
 * office.h - what the signer signs, and its own books: the two roots, the lists of what it issued and of what it revoked, tokens, the journal's seal. Names of the
 * collector and the dashboard were fixed when all was founded (collector/authority/names.h); nothing that comes with a request can change them.
 *
 * STATE/signer/    ca.key ca.pem web-root.key web-root.pem names issued revoked tokens      (the signer's alone; and what roll.h and seal.h say)
 */
#ifndef OFFICE_H
#define OFFICE_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "book.h"
#include "collector/authority/names.h"
#include "collector/authority/roll.h"
#include "seal.h"
#include "tokens.h"

struct office {
	char folder[PATH_MAX];			/* STATE/signer */
	struct roll authority;
	EVP_PKEY *web_key;
	X509 *web_root;
	struct names names;
	struct tokens *tokens;
	struct book *issued, *revoked;
	struct seal *seal;
};

/* All that the signer has. The caller closes, also after an error. 0 or -errno, and why. */
int office_open(const char *state, struct office *ret, char why[256]);
void office_close(struct office *);

/* Each answers a request: 0 and the certificate, which the caller frees; or -errno and why. -EACCES: revoked. */
int office_issue_agent(struct office *, const char *uuid, const char *host, const uint8_t *csr, size_t n, X509 **ret, char why[256]);
/* Of an agent that shows its certificate (DER) and a signature of its key over the request. */
struct office_renewal { const uint8_t *current, *csr, *proof; size_t current_n, csr_n, proof_n; const char *host; };
int office_renew_agent(struct office *, const struct office_renewal *, X509 **ret, char why[256]);
/* Of a server that has nothing but a token, and proves it. 1: a person must approve its key first. */
int office_enrol(struct office *, const struct token_use *, X509 **ret, char why[256]);
/* role: "collector" or "web". */
int office_renew(struct office *, const char *role, const uint8_t *csr, size_t n, X509 **ret, char why[256]);

int office_revoke(struct office *, const char *uuid, char why[256]);
/* All that were, a line each that begins with the UUID; the caller frees. */
int office_revoked(struct office *, char **ret, char why[256]);

int office_roll(struct office *, bool finish, char why[256]);		/* another authority takes its place; or what the former made is over */

#endif
