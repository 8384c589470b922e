/* The file of a backup, any bytes (SECURITY N5): read to its end, or refused. */
#include <stdlib.h>
#include <string.h>

#include "cli/archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	FILE *in = n ? fmemopen((void *)data, n, "r") : NULL;
	struct archive_reader r;
	struct member m;
	uint8_t some[300];
	char why[256];

	if (!in || archive_open(&r, in) < 0)
		return 0;
	while (archive_next(&r, &m, why) > 0) {
		/* Never absolute, never upward: asked without the function that should see to it. */
		if (!archive_is_name(m.name) || m.name[0] == '/' || m.name[0] == '.' || strstr(m.name, "/."))
			abort();
		while (archive_read(&r, some, sizeof(some)) > 0)
			;
	}
	archive_close(&r);
	fclose(in);
	return 0;
}
