/*
 * sealed.h - what only a passphrase opens (doc/backup-format.md): AES-256-GCM with a key that scrypt makes of the passphrase, both OpenSSL's.
 *   "beadle sealed 1\n", 16 bytes of salt, 12 of nonce, the encrypted bytes, 16 of tag
 */
#ifndef SEALED_H
#define SEALED_H

#include <stddef.h>
#include <stdint.h>

#define SEALED_MORE 60		/* bytes that it is longer than what is in it */

/* ret: room for n + SEALED_MORE. 0 or -EIO. */
int sealed_make(const char *passphrase, const void *data, size_t n, uint8_t *ret);
/* ret: room for n. 0, and how many; -EBADMSG: no such envelope; -EACCES: another passphrase, or it was damaged; -EIO. */
int sealed_open(const char *passphrase, const void *data, size_t n, uint8_t *ret, size_t *ret_n);

#endif
