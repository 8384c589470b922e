/*
 * office.h - what the signer signs, and its own books: the two roots, the list of what it issued and of what it revoked. Names of the
 * collector and the dashboard are fixed at init; nothing that comes with a request can change them.
 *
 * STATE/signer/    ca.key ca.pem web-root.key web-root.pem names issued revoked tokens      (the signer's alone; and what roll.h and seal.h say)
 * STATE/identity/  ca.pem cert.pem key.pem                                           (the collector's)
 * STATE/web/       root.pem cert.pem key.pem                                         (the dashboard's)
 */
#ifndef OFFICE_H
#define OFFICE_H

#include <stddef.h>
#include <stdint.h>

#include "roll.h"
#include "tokens.h"

struct office;

/* Makes what is missing below `state`; what is there stays. hosts: DNS names and IP addresses of the dashboard. 0 or -errno, and why. */
int office_init(const char *state, const char *school, const char *collector, const char *const *hosts, size_t n, char why[256]);

/* SHA-256 of the dashboard's root certificate, "SHA256:AB:CD:...", as browsers show it. */
int office_fingerprint(const char *state, char ret[120]);

int office_open(const char *state, struct office **ret, char why[256]);
void office_close(struct office *);

/* Each answers a request: 0 and *ret_der (OPENSSL_free), or -errno and why. -EACCES: revoked. */
int office_issue_agent(struct office *, const char *uuid, const char *host, const uint8_t *csr, size_t n, uint8_t **ret_der,
		       size_t *ret_n, char why[256]);
/* Of an agent that shows its certificate (DER) and a signature of its key over the request. */
struct office_renewal { const uint8_t *current, *csr, *proof; size_t current_n, csr_n, proof_n; const char *host; };
int office_renew_agent(struct office *, const struct office_renewal *, uint8_t **ret_der, size_t *ret_n, char why[256]);
/* Of a server that has nothing but a token, and proves it. 1: a person must approve its key first. */
int office_enrol(struct office *, const struct token_use *, uint8_t **ret_der, size_t *ret_n, char why[256]);
struct tokens *office_tokens(struct office *);
int office_pin(const struct office *, uint8_t ret[TOKEN_HASH]);		/* of our authority, as tokens have it */
const struct roll *office_authority(const struct office *);
int office_roll(struct office *, bool finish, char why[256]);		/* another authority takes its place; or what the former made is over */
/* role: "collector" or "web". */
int office_renew(struct office *, const char *role, const uint8_t *csr, size_t n, uint8_t **ret_der, size_t *ret_n, char why[256]);
int office_revoke(struct office *, const char *uuid, char why[256]);
/* All that were, a line each that begins with the UUID; the caller frees. */
int office_revoked(struct office *, char **ret, char why[256]);

#endif
