/*
 * journal.h - the journal as it grows (doc/journal-format.md): what comes next, with its number, salt and hashes. No I/O: the store keeps the rows,
 * in the transaction of what they tell of. Whoever gives a transaction up goes on from a copy of the struct as it was.
 */
#ifndef AUDIT_JOURNAL_H
#define AUDIT_JOURNAL_H

#include "collector/audit/checkpoint.h"

#define JOURNAL_KEY "{\"key\":\""		/* so the first payload begins; the key in hex follows */
#define JOURNAL_PAYLOAD 96			/* room for all of it */

struct journal {
	uint8_t chain[ENTRY_HASH], last[ENTRY_HASH];	/* last: hash of the newest entry */
	uint64_t number;				/* its number; 0: not begun */
};

/* Texts are the caller's, and live as long as these do. */
struct journal_row {
	uint64_t number;
	int64_t at;
	const char *actor, *action, *payload;
	uint8_t salt[ENTRY_SALT], digest[ENTRY_HASH], hash[ENTRY_HASH];
};

/* The first entry, of a journal whose checkpoints this key will sign. 0 or -EIO. */
int journal_begin(struct journal *, const uint8_t key[CHECKPOINT_KEY], int64_t at, char payload[JOURNAL_PAYLOAD], struct journal_row *ret);
/* As it was kept: of the first entry hash and payload, of the last number and hash. -EBADMSG: that is no first entry. */
int journal_load(struct journal *, const uint8_t first[ENTRY_HASH], const char *payload, uint64_t number, const uint8_t last[ENTRY_HASH]);
/* The next one. 0; -EIO; -EINVAL: not begun, or actor, action or payload are none (entry.h). */
int journal_append(struct journal *, int64_t at, const char *actor, const char *action, const char *payload, struct journal_row *ret);
/* A backup was put back: what comes next (it must be journal.restored) stands behind the entry of that number and hash. */
void journal_resume(struct journal *, uint64_t number, const uint8_t hash[ENTRY_HASH]);

/* The entry of a kept row in its exact bytes, as entry_bytes. */
size_t journal_bytes(const struct journal *, uint64_t number, const uint8_t previous[ENTRY_HASH], int64_t at, const char *actor, const char *action,
		     const uint8_t digest[ENTRY_HASH], uint8_t ret[ENTRY_BYTES_MAX]);

#endif
