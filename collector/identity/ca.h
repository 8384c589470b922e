/*
 * ca.h - making keys and certificates (SECURITY 5.7): P-256 with SHA-256, one subject alternative name for peers, 397 days. Used
 * by the signer alone. Functions return NULL or -errno on failure; OpenSSL's error queue has the cause.
 */
#ifndef CA_H
#define CA_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdint.h>

#define CA_LEAF_DAYS 397
#define CA_ROOT_DAYS 3650

enum ca_usage { CA_CLIENT, CA_SERVER };

EVP_PKEY *ca_key_new(void);

/* A self-signed root. constraints: value of nameConstraints in OpenSSL's notation ("permitted;DNS:x"), or NULL. */
X509 *ca_root(EVP_PKEY *key, const char *common_name, const char *constraints);
/* The one that follows `before`, under the same name; and its other certificate, made by `before` (key: of that one; lib/authority.h). */
X509 *ca_root_like(EVP_PKEY *key, X509 *before);
X509 *ca_vouch(EVP_PKEY *key, X509 *before, X509 *next);

/* A leaf for `subject`, of which nothing is taken but the public key. alt_name: subjectAltName in OpenSSL's notation, made
 * by the caller from checked parts ("URI:beadle://school/agent/UUID"). generation: lib/identity.h; 0 for servers. */
X509 *ca_issue(EVP_PKEY *root_key, X509 *root, EVP_PKEY *subject, const char *common_name, const char *alt_name,
	       enum ca_usage, uint32_t generation);

/* The public key of a PKCS#10 request, when its own signature is right and it is P-256; NULL otherwise. The caller frees. */
EVP_PKEY *ca_key_of_request(const unsigned char *der, size_t n);

/* Files in PEM; keys with mode 0600. */
int ca_write_key(const char *path, EVP_PKEY *);
int ca_write_certificates(const char *path, X509 *const *, size_t n);
EVP_PKEY *ca_read_key(const char *path);
X509 *ca_read_certificate(const char *path);

#endif
