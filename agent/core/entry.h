/*
 * entry.h - one entry of an append-only file: spool segments and the dictionary are rows of them.
 *
 *   marker u32, length u32, number u64, CRC-32C of the data u32, CRC-32C of these 20 bytes u32, data     (little-endian)
 *
 * Both checksums begin with the file's salt, which stands in its name and which no plugin knows: data that looks like an entry is
 * none. A damaged head costs its entry: the next one is found by its marker. Damaged data cost their entry alone.
 */
#ifndef ENTRY_H
#define ENTRY_H

#include <stddef.h>
#include <stdint.h>

#define ENTRY_HEAD 24u
#define ENTRY_MAX (1024u * 1024)

struct entry {
	uint64_t number;
	const uint8_t *data;
	size_t n;
	size_t at;	/* offset in the buffer */
	uint32_t digest;	/* of salt and data; of a record that is its digest on the wire (beadle.proto) */
};

void entry_head(uint8_t head[ENTRY_HEAD], uint64_t salt, uint64_t number, const void *data, size_t n);

enum entry_found {
	ENTRY_GOOD,	/* *ret is set; *offset is behind it */
	ENTRY_DAMAGED,	/* the entry at ret->at is lost; *offset is where to go on */
	ENTRY_MORE,	/* not whole yet: *need bytes from *offset would do, as far as one can see */
};
/* Looks at buf + *offset. At the end of a file ENTRY_MORE with *offset < n means a torn tail. */
enum entry_found entry_next(const uint8_t *buf, size_t n, uint64_t salt, size_t *offset, struct entry *ret, size_t *need);

#endif
