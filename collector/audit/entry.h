/*
 * entry.h - an entry of the journal in its exact bytes (doc/journal-format.md): put together, taken apart, hashed. The store, the signer and the
 * verifier use these same functions; nothing here allocates, logs or trusts a length.
 */
#ifndef AUDIT_ENTRY_H
#define AUDIT_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENTRY_HASH 32
#define ENTRY_SALT 16
#define ENTRY_ACTOR_MAX 255
#define ENTRY_ACTION_MAX 511
#define ENTRY_BYTES_MAX (117 + ENTRY_ACTOR_MAX + ENTRY_ACTION_MAX)
#define ENTRY_PAYLOAD_MAX (1024 * 1024)

struct entry {
	uint8_t chain[ENTRY_HASH], previous[ENTRY_HASH], digest[ENTRY_HASH];
	uint64_t number;
	int64_t time;
	const char *actor, *action;		/* not ended by NUL when parsed: they lie in what was parsed */
	size_t actor_n, action_n;
};

/* Its bytes; how many, or 0 when actor or action are empty, too long, or have a control character in them. */
size_t entry_bytes(const struct entry *, uint8_t ret[ENTRY_BYTES_MAX]);
/* 0, or -EBADMSG: these are not the bytes of one entry. */
int entry_parse(const uint8_t *, size_t n, struct entry *ret);

/* 0 or -EIO (libcrypto). Threads may call these at the same time. */
int entry_sha256(const void *, size_t n, uint8_t ret[ENTRY_HASH]);
int entry_sha256_of_two(const void *, size_t n, const void *, size_t m, uint8_t ret[ENTRY_HASH]);	/* one behind the other */

/* The word before the space is `word`, or begins with it where that ends in a dot. */
bool entry_is(const char *action, size_t n, const char *word);
/* What is behind the first space; "" for none. n: of the action, and then of the object. */
const char *entry_object(const char *action, size_t *n);

#endif
