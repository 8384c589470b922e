/*
 * authority.h - one certificate authority takes another's place (SECURITY I5). The next one has the name of the former, and a second certificate of its
 * key that the former made: whoever trusts the former can follow it, and nobody else's can be slipped in. A folder's ca.pem has all that are
 * trusted, the one that makes certificates first. 0 or -errno.
 */
#ifndef AUTHORITY_H
#define AUTHORITY_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUTHORITY_ID 41			/* of its key, in hex, as OpenSSL shows it in certificates; and the NUL */

/* Of an authority itself, and of the one that made a certificate; "": it does not say. */
void authority_id(X509 *, char ret[AUTHORITY_ID]);
void authority_of(X509 *, char ret[AUTHORITY_ID]);

/* What a folder's file has, in order; at most `room`, the caller frees each. How many, or -errno (-EBADMSG: there is something else in it). */
int authority_read(const char *folder, const char *name, X509 **ret, size_t room);
/* Replaces the file, unless it is so already: 1: it was replaced. n 0: there shall be none. */
int authority_write(const char *folder, const char *name, X509 *const *, size_t n);

/* Did the authority (DER) make it? */
bool authority_made(const uint8_t *root, size_t n, X509 *cert);
/* Is root an authority, and vouched its key's other certificate, made by one of the trusted? */
bool authority_is_vouched(X509 *root, X509 *vouched, X509 *const *trusted, size_t n);

/* An agent's: what its collector says of the authority (wire.Authority), in DER. alone: the former one is over. own: its certificate.
 * 1: FOLDER/ca.pem is another now; 0: it was so already, or what is asked cannot be done without being cut off; -EKEYREJECTED: nobody vouches for it. */
struct authority_said { const uint8_t *root, *vouched; size_t root_n, vouched_n; bool alone; };
int authority_take(const char *folder, const struct authority_said *, X509 *own);

#endif
