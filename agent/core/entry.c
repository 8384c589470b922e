#include "config.h"

#include "agent/core/entry.h"

#include <endian.h>
#include <string.h>

#include "lib/crc32c.h"

#define MARKER UINT32_C(0x1EADBEAD)

static void put32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static uint32_t checksum(uint64_t salt, const void *data, size_t n)
{
	salt = htole64(salt);
	return crc32c(crc32c(0, &salt, sizeof(salt)), data, n);
}

void entry_head(uint8_t head[ENTRY_HEAD], uint64_t salt, uint64_t number, const void *data, size_t n)
{
	put32(head, MARKER);
	put32(head + 4, (uint32_t)n);
	put32(head + 8, (uint32_t)number);
	put32(head + 12, (uint32_t)(number >> 32));
	put32(head + 16, checksum(salt, data, n));
	put32(head + 20, checksum(salt, head, 20));
}

static int head_is_good(const uint8_t *p, uint64_t salt)
{
	return get32(p) == MARKER && get32(p + 4) <= ENTRY_MAX && get32(p + 20) == checksum(salt, p, 20);
}

/* The next place behind `from` where an entry begins, or may begin when more bytes come. */
static size_t find_head(const uint8_t *buf, size_t n, uint64_t salt, size_t from)
{
	static const uint8_t first = (uint8_t)(MARKER & 0xff);

	while (from < n) {
		const uint8_t *p = memchr(buf + from, first, n - from);

		if (!p)
			return n;
		from = (size_t)(p - buf);
		if (n - from < ENTRY_HEAD || head_is_good(p, salt))
			return from;
		from++;
	}
	return n;
}

enum entry_found entry_next(const uint8_t *buf, size_t n, uint64_t salt, size_t *offset, struct entry *ret, size_t *need)
{
	const uint8_t *p;
	size_t rest = n - *offset, length;

	*need = ENTRY_HEAD;
	if (rest < ENTRY_HEAD)
		return ENTRY_MORE;
	p = buf + *offset;
	ret->at = *offset;
	if (!head_is_good(p, salt)) {
		*offset = find_head(buf, n, salt, *offset + 1);
		return ENTRY_DAMAGED;
	}
	length = get32(p + 4);
	*need = ENTRY_HEAD + length;
	if (rest < *need)
		return ENTRY_MORE;
	*offset += *need;
	ret->digest = get32(p + 16);
	if (checksum(salt, p + ENTRY_HEAD, length) != ret->digest)
		return ENTRY_DAMAGED;
	ret->number = get32(p + 8) | (uint64_t)get32(p + 12) << 32;
	ret->data = p + ENTRY_HEAD;
	ret->n = length;
	return ENTRY_GOOD;
}
