/*
 * row.h - how a result lies in its row of the day file: one byte of flags (1: a round), then as LEB128 what it took in ns and
 * the number of values; the series' numbers as zigzag LEB128 of the difference to the one before; the values, 8 bytes
 * little-endian each. A checksum over this and the row's other columns: a changed value is never served.
 */
#ifndef ROW_H
#define ROW_H

#include "collector/batch.h"

/* At most so many bytes for a result of n values. */
#define ROW_ROOM(n) (1 + 10 + 5 + (size_t)(n) * (5 + 8))

size_t row_encode(const struct result *, const uint32_t *series, const double *value, uint8_t *buf);
/* The number of values, without decoding the rest; or -EBADMSG. */
int64_t row_count(const uint8_t *data, size_t n);
/* series and value hold row_count each. 0 or -EBADMSG. */
int row_decode(const uint8_t *data, size_t n, struct result *, uint32_t *series, double *value);

uint32_t row_checksum(uint64_t epoch, uint64_t sequence, const struct result *, const uint8_t *data, size_t n);

#endif
