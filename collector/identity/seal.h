/*
 * seal.h - the checkpoint key and the last checkpoint that it signed. The signer is shown every entry of the journal and keeps the chain itself: what
 * does not continue it is not signed, whatever the collector's store says.
 *
 * STATE/signer/    checkpoint.key checkpoint      (a line, doc/journal-format.md; not there: none yet)
 *                  checkpoint.next                (the key that follows, until the journal has said so)
 */
#ifndef SEAL_H
#define SEAL_H

#include "collector/audit/checkpoint.h"

struct seal;

int seal_open(const char *signer_folder, struct seal **ret);		/* -ENOENT: no key; -EBADMSG: the last checkpoint cannot be read */
void seal_close(struct seal *);						/* NULL is fine */

/* One entry more. -EBADMSG: these are no entry's bytes; -ESTALE: it does not continue the chain. Both forget what was shown since the last checkpoint. */
int seal_show(struct seal *, const uint8_t *entry, size_t n);
/* Signs what was shown last, at that time, once it is on disk that it did. 0 or -errno. */
int seal_sign(struct seal *, int64_t now);
/* Another key, made once, and what both signed of it: it follows when the next entry is a journal.key that names it. -ENOENT: nothing was signed yet. */
struct seal_change { uint8_t key[CHECKPOINT_KEY], old[CHECKPOINT_SIGNATURE], new_key[CHECKPOINT_SIGNATURE]; };
int seal_change(struct seal *, struct seal_change *ret);
/* The last one as a line; "" for none. */
void seal_last(const struct seal *, char ret[CHECKPOINT_LINE]);

#endif
