/* A request's head from any bytes; what passes is spelt anew, and that must pass too and mean the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collector/web/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char written[HEAD_WRITTEN], *copy = malloc(n ? n : 1);	/* exact, so that a read behind it is seen */
	struct head h, again;
	const char *why;

	memcpy(copy, data, n);
	if (head_parse(copy, n, &h, &why) > 0) {
		size_t size = head_write(&h, written);

		if (size >= HEAD_WRITTEN || memchr(written, 0, size))
			abort();
		if (size <= HEAD_MAX && (head_parse(written, size, &again, &why) != (int)size || again.body != h.body ||
					 again.method != h.method || again.target.n != h.target.n))
			abort();
	}
	free(copy);
	return 0;
}
