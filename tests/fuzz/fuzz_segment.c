/* A spool segment, and with it the dictionary's format: any bytes in a file, read at open and handed out (SECURITY N5, R8). */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/core/entry.h"
#include "agent/core/record.h"
#include "agent/core/spool.h"
#include "lib/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char folder[] = "/tmp/beadle-fuzz-XXXXXX";

static void quiet(enum log_level level, const char *line, void *arg)
{
}

static void lost(void *arg, const void *data, size_t n)
{
	struct record_view view;
	uint32_t number;

	if (record_look(data, n, &view))
		while (record_series(&view, &number))
			;
}

static void empty(void)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	char path[PATH_MAX];

	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		unlink(path);
	}
	if (d)
		closedir(d);
}

/* Behind an entry of ours come the bytes: as they are, and as the data of an entry with good checksums. */
static void write_segment(const uint8_t *data, size_t n, int whole)
{
	uint8_t head[ENTRY_HEAD];
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/00000000-0123456789abcdef-0000000000000001.seg", folder);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (whole) {
		entry_head(head, 0x0123456789abcdef, 1, data, n);
		if (write(fd, head, sizeof(head)) != sizeof(head))
			abort();
	}
	if (write(fd, data, n) != (ssize_t)n)
		abort();
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct spool_hooks hooks = {.lost = lost, .found = lost};
	struct spool_record r;
	struct spool *s;

	if (strstr(folder, "XXXXXX") && !mkdtemp(folder))
		abort();
	log_capture(quiet, NULL);
	for (int whole = 0; whole < 2; whole++) {
		write_segment(data, n, whole);
		if (spool_open(folder, 1 << 20, 1 << 20, true, &hooks, &s) < 0)
			abort();
		while (spool_next(s, &r) > 0)
			lost(NULL, r.data, r.n);
		spool_abandon(s);
	}
	empty();
	return 0;
}
