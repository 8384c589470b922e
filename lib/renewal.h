/*
 * renewal.h - another key and certificate take the place of those in a folder, and no crash leaves neither (I5). While that goes on there is
 * FOLDER/next/: first key.pem, which is asked for; then ca.pem and cert.pem, the answer, with which it is complete and can be used. Settling
 * renames key.pem, ca.pem, cert.pem in this order; a next/ that has a certificate and no key is in the midst of that.
 * 0 or -errno; what OpenSSL could not do is -EIO.
 */
#ifndef RENEWAL_H
#define RENEWAL_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RENEWAL_AFTER_DAYS 30		/* of 397 */

/* Is it that old? now: wall, s. */
bool renewal_due(X509 *, int64_t now);
/* When FOLDER/cert.pem ends, wall, s; 0: it cannot be read. */
int64_t renewal_end(const char *folder);
/* Is FOLDER/cert.pem that old? False, too, when it cannot be read, or when FOLDER/ROOT did not make it: then it is not ours to renew. */
bool renewal_folder_due(const char *folder, const char *root, int64_t now);

/* The next key, made unless it is there already, as a PKCS#10 request in DER: OPENSSL_free. */
int renewal_request(const char *folder, uint8_t **ret, size_t *ret_n);
/* A signature of the present key over it: OPENSSL_free. */
int renewal_prove(const char *folder, const uint8_t *request, size_t n, uint8_t **ret, size_t *ret_n);
/* The answer: a certificate in DER. -EKEYREJECTED: not of the next key, or not made by the root for the same name as the present one: whoever
 * answers can make nobody else of us. root: ca.pem or root.pem, copied beside it. */
int renewal_take(const char *folder, const char *root, const uint8_t *der, size_t n);

/* The same where there is no present one to compare it with: the caller knows whom it names, and who root is. */
int renewal_adopt(const char *folder, X509 *const *roots, size_t n, X509 *cert);	/* the first of them made it */
/* What the next pair is asked with, a word of the caller's, so that another start goes on with it and with no other. */
int renewal_mark(const char *folder, const char *mark);
bool renewal_marked(const char *folder, const char *mark);

bool renewal_complete(const char *folder);	/* FOLDER/next/ can be used */
int renewal_settle(const char *folder);		/* it is the folder's own from now on. Nothing there: 0 */
int renewal_recover(const char *folder);	/* at start: goes on with a settling that was cut off */
void renewal_drop(const char *folder);		/* it was of no use */

#endif
