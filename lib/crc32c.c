#include "crc32c.h"

#include <string.h>

/* Reflected polynomial of RFC 3720. */
#define POLYNOMIAL 0x82f63b78u

static uint32_t by_table(uint32_t crc, const unsigned char *p, size_t n)
{
	static uint32_t table[256];

	/* Idempotent, so two threads that fill it at once do no harm; the last entry is written last. */
	if (!__atomic_load_n(&table[255], __ATOMIC_ACQUIRE))
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t c = i;

			for (int k = 0; k < 8; k++)
				c = c & 1 ? c >> 1 ^ POLYNOMIAL : c >> 1;
			__atomic_store_n(&table[i], c, __ATOMIC_RELEASE);
		}
	while (n--)
		crc = crc >> 8 ^ __atomic_load_n(&table[(crc ^ *p++) & 0xff], __ATOMIC_RELAXED);
	return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t by_processor(uint32_t crc, const unsigned char *p, size_t n)
{
	uint64_t wide = crc, word;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&word, p, 8);
		wide = __builtin_ia32_crc32di(wide, word);
	}
	crc = (uint32_t)wide;
	while (n--)
		crc = __builtin_ia32_crc32qi(crc, *p++);
	return crc;
}
#endif

uint32_t crc32c(uint32_t crc, const void *data, size_t n)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		return ~by_processor(~crc, data, n);
#endif
	return ~by_table(~crc, data, n);
}
