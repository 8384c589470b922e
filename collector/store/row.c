#include "collector/store/row.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "crc32c.h"

static uint8_t *put(uint8_t *p, uint64_t v)
{
	while (v >= 0x80) {
		*p++ = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	*p++ = (uint8_t)v;
	return p;
}

static bool get(const uint8_t **p, const uint8_t *end, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; *p < end && shift < 64; shift += 7) {
		uint8_t byte = *(*p)++;

		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = v;
			return true;
		}
	}
	return false;
}

size_t row_encode(const struct result *result, const uint32_t *series, const double *value, uint8_t *buf)
{
	uint8_t *p = buf;
	uint32_t before = 0;

	*p++ = result->round ? 1 : 0;
	p = put(p, result->took_ns);
	p = put(p, result->values);
	for (uint32_t i = 0; i < result->values; i++) {
		int64_t step = (int64_t)series[i] - before;

		p = put(p, (uint64_t)step << 1 ^ (uint64_t)(step >> 63));
		before = series[i];
	}
#if __BYTE_ORDER == __LITTLE_ENDIAN
	if (result->values)
		memcpy(p, value, 8 * (size_t)result->values);
#else
	for (uint32_t i = 0; i < result->values; i++) {
		uint64_t bits;

		memcpy(&bits, &value[i], 8);
		bits = htole64(bits);
		memcpy(p + 8 * (size_t)i, &bits, 8);
	}
#endif
	return (size_t)(p - buf) + 8 * (size_t)result->values;
}

static bool head(const uint8_t **p, const uint8_t *end, uint8_t *flags, uint64_t *took, uint64_t *count)
{
	if (*p == end)
		return false;
	*flags = *(*p)++;
	return get(p, end, took) && get(p, end, count) && *count <= (uint64_t)(end - *p) / 9;
}

int64_t row_count(const uint8_t *data, size_t n)
{
	const uint8_t *p = data;
	uint64_t took, count;
	uint8_t flags;

	return head(&p, data + n, &flags, &took, &count) ? (int64_t)count : -EBADMSG;
}

int row_decode(const uint8_t *data, size_t n, struct result *result, uint32_t *series, double *value)
{
	const uint8_t *p = data, *end = data + n;
	int64_t number = 0;
	uint64_t count, step;
	uint8_t flags;

	if (!head(&p, end, &flags, &result->took_ns, &count))
		return -EBADMSG;
	for (uint64_t i = 0; i < count; i++) {
		if (!get(&p, end, &step))
			return -EBADMSG;
		number = (int64_t)((uint64_t)number + (step >> 1 ^ -(step & 1)));
		if (number < 0 || number > UINT32_MAX)
			return -EBADMSG;
		series[i] = (uint32_t)number;
	}
	if ((size_t)(end - p) != 8 * count)
		return -EBADMSG;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t bits;

		memcpy(&bits, p + 8 * i, 8);
		bits = le64toh(bits);
		memcpy(&value[i], &bits, 8);
	}
	result->round = flags & 1;
	result->values = (uint32_t)count;
	result->first_value = 0;
	return 0;
}

uint32_t row_checksum(uint64_t epoch, uint64_t sequence, const struct result *result, const uint8_t *data, size_t n)
{
	const uint64_t fixed[] = {htole64(epoch), htole64(sequence), htole64((uint64_t)result->at),
				  htole64((uint64_t)result->check << 8 | result->outcome)};
	uint32_t crc = crc32c(0, fixed, sizeof(fixed));

	crc = crc32c(crc, data, n);
	return result->extra_size ? crc32c(crc, result->extra, result->extra_size) : crc;
}
