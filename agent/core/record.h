/*
 * record.h - looks into a packed wire.Record, and writes the outside of a wire.Batch around such, without unpacking: what waits in the
 * spool goes out as it was written.
 */
#ifndef RECORD_H
#define RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct record_view {
	uint32_t check;
	uint64_t at;
	const uint8_t *series;	/* varints */
	size_t n_series;	/* bytes */
};

/* false: not a record. */
bool record_look(const uint8_t *data, size_t n, struct record_view *ret);
/* The next number of view->series; false at the end. */
bool record_series(struct record_view *, uint32_t *ret);

/* Protobuf's own encoding; each returns the bytes written (at most 10). */
size_t record_varint(uint8_t *to, uint64_t value);
size_t record_varint_size(uint64_t value);

#endif
