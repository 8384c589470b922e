/*
 * witness.h - the checkpoints of the collector's journal that this host was shown (doc/journal-format.md), in a file that only grows: whoever rewrites the
 * journal later contradicts it. Whether they are well signed is for whoever checks; here each is kept as it came.
 */
#ifndef WITNESS_H
#define WITNESS_H

#include <stddef.h>
#include <stdint.h>

struct witness;

struct witness *witness_open(const char *state);	/* STATE/witness; NULL: no memory */
void witness_free(struct witness *);

/* A checkpoint's line, without LF: on disk when it returns, when it is another than the last. What contradicts the ones before is kept and logged. What
 * is no checkpoint is passed over. */
void witness_take(struct witness *, const void *line, size_t n);

/* That with the highest number; "" for none. */
const char *witness_last(const struct witness *);

#endif
