/* crc32c.h - CRC-32C (Castagnoli, RFC 3720 B.4), in hardware where the processor can. Start with 0. */
#ifndef CRC32C_H
#define CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(uint32_t crc, const void *data, size_t n);

#endif
