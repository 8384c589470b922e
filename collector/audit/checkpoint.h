/*
 * checkpoint.h - "entry so-and-so has this hash", signed: the text that is signed, the line that is kept (doc/journal-format.md), and hexadecimal.
 */
#ifndef AUDIT_CHECKPOINT_H
#define AUDIT_CHECKPOINT_H

#include <openssl/types.h>

#include "collector/audit/entry.h"

#define CHECKPOINT_KEY 32
#define CHECKPOINT_SIGNATURE 64
#define CHECKPOINT_TEXT 320		/* and for the text of a change of keys */
#define CHECKPOINT_LINE 384

struct checkpoint {
	uint8_t chain[ENTRY_HASH], hash[ENTRY_HASH];
	uint64_t number;
	int64_t time;
	uint8_t signature[CHECKPOINT_SIGNATURE];
};

/* SHA-256 of the first entry's hash and the first key. */
int checkpoint_chain(const uint8_t first[ENTRY_HASH], const uint8_t key[CHECKPOINT_KEY], uint8_t ret[ENTRY_HASH]);

size_t checkpoint_text(const struct checkpoint *, char ret[CHECKPOINT_TEXT]);
bool checkpoint_is_signed(const struct checkpoint *, const uint8_t key[CHECKPOINT_KEY]);
/* Signs it; -EIO. */
int checkpoint_sign(struct checkpoint *, EVP_PKEY *);

/* "checkpoint CHAIN NUMBER HASH TIME SIGNATURE" with TABs, no LF. parse: of a line of n bytes; -EBADMSG. */
void checkpoint_line(const struct checkpoint *, char ret[CHECKPOINT_LINE]);
int checkpoint_parse(const char *line, size_t n, struct checkpoint *ret);

/* What both keys sign when one follows the other; and whether they did: `payload` as the journal.key entry has it. */
size_t checkpoint_change_text(const uint8_t chain[ENTRY_HASH], uint64_t number, const uint8_t old[CHECKPOINT_KEY],
			      const uint8_t new_key[CHECKPOINT_KEY], char ret[CHECKPOINT_TEXT]);
int checkpoint_change_sign(const uint8_t chain[ENTRY_HASH], uint64_t number, EVP_PKEY *old, EVP_PKEY *new_key,
			   uint8_t ret_old[CHECKPOINT_SIGNATURE], uint8_t ret_new[CHECKPOINT_SIGNATURE]);		/* -EIO */
/* As the entry's payload begins, without what is behind its two signatures. */
void checkpoint_change_payload(const uint8_t old[CHECKPOINT_SIGNATURE], const uint8_t new_key[CHECKPOINT_SIGNATURE], char ret[CHECKPOINT_TEXT]);
bool checkpoint_change_is_signed(const uint8_t chain[ENTRY_HASH], uint64_t number, const uint8_t old[CHECKPOINT_KEY],
				 const uint8_t new_key[CHECKPOINT_KEY], const char *payload, size_t n);

/* A key from PEM, or its 32 bytes; -EINVAL: it is no Ed25519 key. */
int checkpoint_key(const char *path, uint8_t ret[CHECKPOINT_KEY]);
int checkpoint_key_of(const EVP_PKEY *, uint8_t ret[CHECKPOINT_KEY]);

/* n bytes as 2n lower-case digits and a NUL; and back, from exactly 2n digits (false: they are others). */
void checkpoint_hex(const uint8_t *, size_t n, char *ret);
bool checkpoint_unhex(const char *digits, size_t n, uint8_t *ret);
/* A decimal in the first n bytes, exactly as printf puts it. */
bool checkpoint_decimal(const char *digits, size_t n, int64_t *ret);

#endif
