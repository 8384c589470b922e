/*
 * baseline.h - the approved state of all objects, in one file: sorted, compact, with a checksum, replaced as a whole.
 *
 * "BEADLEI1", time of making (8 bytes, ns, little-endian), objects, a zero byte, number of objects, SHA-256 of all
 * before. An object is a one byte, how many bytes its path shares with the one before, the rest of the path, and its
 * fields; numbers are base-128, low first. About 60 bytes a file.
 */
#ifndef BASELINE_H
#define BASELINE_H

#include <stdint.h>

#include "plugins/integrity/object.h"

struct baseline_facts { int64_t made; uint64_t objects; uint8_t sha256[32]; };

/* ---- writing: to PATH.new, which takes PATH's place on commit ---- */

struct baseline_writer;
int baseline_create(struct baseline_writer **ret, const char *path, int64_t made);
int baseline_add(struct baseline_writer *, const struct object *);	/* in object_order */
int baseline_commit(struct baseline_writer *, struct baseline_facts *ret);	/* frees, in any case; 0 or -errno */
void baseline_discard(struct baseline_writer *);			/* frees; nothing is left */

/* ---- reading ---- */

struct baseline_reader;

/* Checks the whole file first. -ENOENT: there is none; -EBADMSG: damaged, nothing of it may be used. */
int baseline_open(struct baseline_reader **ret, const char *path, struct baseline_facts *ret_facts);

/* The next object, the caller's; NULL at the end. 0 or -errno. */
int baseline_next(struct baseline_reader *, struct object **ret);
void baseline_close(struct baseline_reader *);

#endif
