/*
 * ca.h - making keys and certificates (SECURITY 5.7): P-256 with SHA-256, one subject alternative name for peers, 397 days. Used
 * by the signer, and where the first ones are made. NULL: it failed, and OpenSSL's error queue has the cause.
 */
#ifndef CA_H
#define CA_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdint.h>

#define CA_LEAF_DAYS 397
#define CA_ROOT_DAYS 3650
#define CA_NAME 256

enum ca_usage { CA_CLIENT, CA_SERVER };

EVP_PKEY *ca_key_new(void);
/* A peer's alternative name, in OpenSSL's notation: "URI:beadle://school/agent/UUID". -EINVAL: none can be called so. */
int ca_name(const char *school, const char *kind, const char *name, char ret[CA_NAME]);

/* A self-signed root. constraints: value of nameConstraints in OpenSSL's notation ("permitted;DNS:x"), or NULL. */
X509 *ca_root(EVP_PKEY *key, const char *common_name, const char *constraints);
/* The one that follows `before`, under the same name; and its other certificate, made by `before` (key: of that one; lib/authority.h). */
X509 *ca_root_like(EVP_PKEY *key, X509 *before);
X509 *ca_vouch(EVP_PKEY *key, X509 *before, X509 *next);

/* A leaf for `subject`, of which nothing is taken but the public key. alt_name: subjectAltName in OpenSSL's notation, made
 * of checked parts (ca_name). generation: lib/identity.h; 0 for servers. */
X509 *ca_issue(EVP_PKEY *root_key, X509 *root, EVP_PKEY *subject, const char *common_name, const char *alt_name,
	       enum ca_usage, uint32_t generation);

/* Words for a person: what, and what OpenSSL says of it, or the error's own text. Returns error. */
int ca_failed(char why[256], int error, const char *what);

#endif
