/*
 * bytes.h - protobuf written field by field as values are reported: no tree of messages, nothing to copy twice. The
 * messages are those of proto/host.proto and proto/beadle.proto; what is written here the core reads with protobuf-c.
 */
#ifndef BYTES_H
#define BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes { uint8_t *at; size_t n, room; };

#define BYTES_VARINT 10		/* longest */
enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2 };
#define BYTES_TAG(field, wire) ((uint8_t)((field) << 3 | (wire)))	/* fields below 16: one byte */

bool bytes_reserve(struct bytes *, size_t more);	/* false: no memory, nothing changed */
void bytes_empty(struct bytes *, size_t keep);		/* forgets; gives memory back above `keep` bytes */

static inline size_t bytes_varint_size(uint64_t v)
{
	return v ? (size_t)(70 - __builtin_clzll(v)) / 7 : 1;
}

/* These write into what bytes_reserve has made. */
static inline void bytes_varint(struct bytes *b, uint64_t v)
{
	for (; v > 0x7f; v >>= 7)
		b->at[b->n++] = (uint8_t)(v | 0x80);
	b->at[b->n++] = (uint8_t)v;
}

static inline void bytes_number(struct bytes *b, unsigned field, uint64_t v)
{
	b->at[b->n++] = BYTES_TAG(field, WIRE_VARINT);
	bytes_varint(b, v);
}

static inline void bytes_head(struct bytes *b, unsigned field, size_t n)
{
	b->at[b->n++] = BYTES_TAG(field, WIRE_BYTES);
	bytes_varint(b, n);
}

static inline void bytes_put(struct bytes *b, unsigned field, const void *data, size_t n)
{
	bytes_head(b, field, n);
	if (n)
		memcpy(b->at + b->n, data, n);
	b->n += n;
}

static inline void bytes_fixed64(struct bytes *b, unsigned field, const void *eight)
{
	b->at[b->n++] = BYTES_TAG(field, WIRE_FIXED64);
	memcpy(b->at + b->n, eight, 8);		/* little-endian, as the processor */
	b->n += 8;
}

/* Size of a field of n bytes, with its head. */
static inline size_t bytes_field_size(size_t n)
{
	return 1 + bytes_varint_size(n) + n;
}

#endif
