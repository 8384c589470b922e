/* pem.h - keys and certificates in files of a folder, in PEM; locals of them let go by themselves. NULL, or -errno; what OpenSSL could not do is -EIO. */
#ifndef PEM_H
#define PEM_H

#include <openssl/x509.h>
#include <stddef.h>

#include "cleanup.h"

static inline void cleanup_key(EVP_PKEY **k) { EVP_PKEY_free(*k); }
static inline void cleanup_cert(X509 **c) { X509_free(*c); }
#define KEY CLEANUP(cleanup_key) EVP_PKEY
#define CERT CLEANUP(cleanup_cert) X509

EVP_PKEY *pem_read_key(const char *folder, const char *name);
X509 *pem_read_certificate(const char *folder, const char *name);	/* the first that the file has */

/* Each replaces the file, durably: keys with mode 0600, the rest with 0644. */
int pem_write_key(const char *folder, const char *name, EVP_PKEY *);
int pem_write_public_key(const char *folder, const char *name, EVP_PKEY *);
int pem_write_certificates(const char *folder, const char *name, X509 *const *, size_t n);

#endif
