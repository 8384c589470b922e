#include "base64.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char *base64_write(const void *data, size_t n)
{
	const uint8_t *in = data;
	char *text = malloc(n / 3 * 4 + 5), *to = text;
	uint32_t bits = 0;
	int have = 0;

	if (!text)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		bits = bits << 8 | in[i];
		for (have += 8; have >= 6; have -= 6)
			*to++ = letters[bits >> (have - 6) & 63];
	}
	if (have)
		*to++ = letters[bits << (6 - have) & 63];
	*to = 0;
	return text;
}

int base64_read(const char *text, uint8_t **ret, size_t *ret_n)
{
	size_t n = strlen(text);
	uint8_t *out = malloc(n / 4 * 3 + 4), *to = out;
	uint32_t bits = 0;
	int have = 0;

	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const char *at = strchr(letters, text[i]);

		if (!at) {
			free(out);
			return -EINVAL;
		}
		bits = bits << 6 | (uint32_t)(at - letters);
		have += 6;
		if (have >= 8) {
			have -= 8;
			*to++ = (uint8_t)(bits >> have);
		}
	}
	if (have == 6 || (bits & ((1u << have) - 1))) {
		free(out);
		return -EINVAL;
	}
	*ret = out;
	*ret_n = (size_t)(to - out);
	return 0;
}
