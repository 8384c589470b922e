/*
 * sealed.h - what only a passphrase opens (doc/backup-format.md): AES-256-GCM, piece by piece, with a key that scrypt makes of the passphrase; both are
 * OpenSSL's. What was opened counts only when sealed_end has found the tag right.
 */
#ifndef SEALED_H
#define SEALED_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEALED_KEY 32
#define SEALED_SALT 16
#define SEALED_NONCE 12
#define SEALED_TAG 16
#define SEALED_MAX ((UINT64_C(1) << 36) - 32)		/* bytes that one nonce may seal: just under 64 GiB */
#define SEALED_MORE (SEALED_NONCE + SEALED_TAG)		/* bytes that it is longer than what is in it */

int sealed_key(const char *passphrase, const uint8_t salt[SEALED_SALT], uint8_t ret[SEALED_KEY]);	/* half a second. These: 0 or -EIO */

/* One thing of that name: opened under another name it is damaged. NULL: the library has no memory. The caller frees it (EVP_CIPHER_CTX_free). */
EVP_CIPHER_CTX *sealed_begin(const uint8_t key[SEALED_KEY], const char *name, const uint8_t nonce[SEALED_NONCE], bool seal);
int sealed_some(EVP_CIPHER_CTX *, const void *data, size_t n, uint8_t *ret);	/* n bytes become n; at most INT_MAX */
/* Sealing: the tag; opening: is it that? -EACCES: no: another key, or damaged. */
int sealed_end(EVP_CIPHER_CTX *, uint8_t tag[SEALED_TAG]);

#endif
