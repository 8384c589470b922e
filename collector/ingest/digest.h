/* digest.h - the digests of a batch's records (beadle.proto), which are of their bytes on the wire: taken before these are gone. */
#ifndef DIGEST_H
#define DIGEST_H

#include "arena.h"
#include "proto/beadle.pb-c.h"

/* The frame that the batch was unpacked from, of n bytes with its head. 0 and *ret in the arena, as many as records; -EBADMSG: they are
 * not what the batch's digest says; -ENOMEM. */
int digest_records(const uint8_t *frame, size_t n, const Wire__Batch *, struct arena *, const uint32_t **ret);

#endif
