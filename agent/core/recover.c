/* A spool at open and at close: which records are here, and whether the epoch goes on. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <utlist.h>

#include "agent/core/disk.h"
#include "agent/core/spool_inside.h"
#include "lib/cleanup.h"
#include "lib/crc32c.h"
#include "lib/io.h"
#include "lib/log.h"

static inline void closedir_p(DIR **d)
{
	if (*d)
		closedir(*d);
}

static int list(struct spool *s)
{
	CLEANUP(closedir_p) DIR *d = opendir(s->folder);
	struct dirent *e;

	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		struct segment found, *seg;

		if (!segment_parse(e->d_name, &found))
			continue;
		seg = malloc(sizeof(*seg));
		if (!seg)
			return -ENOMEM;
		*seg = found;
		DL_APPEND(s->segments, seg);
		if (seg->ordinal >= s->ordinal)
			s->ordinal = seg->ordinal + 1;
	}
	DL_SORT(s->segments, segment_compare);
	return 0;
}

/* A segment's size is that of its whole entries: a torn tail is left behind. */
static int measure(struct spool *s, struct segment *seg)
{
	struct segment_reader reader = {.fd = -1};
	struct entry e;
	struct stat st;
	uint64_t torn = 0;
	int r = segment_read(&reader, seg, s->folder);

	if (r == 0 && fstat(reader.fd, &st) < 0)
		r = -errno;
	while (r == 0 && (r = segment_next(&reader, (uint64_t)st.st_size, &e, &torn)) > 0) {
		r = 0;
		if (e.number < seg->first || e.number <= seg->last || (seg->next && seg->next->epoch == seg->epoch && e.number >= seg->next->first))
			continue;
		seg->last = e.number;
		if (s->hooks.found)
			s->hooks.found(s->hooks.arg, e.data, e.n);
	}
	if (r == 0) {
		seg->size = (uint64_t)st.st_size - torn;
		s->bytes += seg->size;
		if (torn)
			log_notice("spool: %s ends in the middle of a record, which is left out (%" PRIu64 " bytes at offset %" PRIu64 ")",
				   reader.path, torn, seg->size);
	}
	segment_close(&reader);
	return r;
}

/* "EPOCH NEXT CRC": written last, gone before the first record. */
static int clean_path(const struct spool *s, char path[PATH_MAX])
{
	return snprintf(path, PATH_MAX, "%s/clean", s->folder) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int recover_mark_clean(const struct spool *s)
{
	char path[PATH_MAX], text[64];
	int n, r = clean_path(s, path);

	n = snprintf(text, sizeof(text), "%016" PRIx64 " %016" PRIx64, s->epoch, s->next);
	n += snprintf(text + n, sizeof(text) - (size_t)n, " %08" PRIx32 "\n", crc32c(0, text, (size_t)n));
	return r < 0 ? r : io_replace_file(path, text, (size_t)n, 0600);
}

static bool was_clean(struct spool *s)
{
	char path[PATH_MAX];
	FREE char *text = NULL;
	size_t n;
	uint32_t crc;
	bool good;

	if (clean_path(s, path) < 0 || io_read_file(path, 64, &text, &n) < 0)
		return false;
	good = n == 43 && sscanf(text, "%16" SCNx64 " %16" SCNx64 " %8" SCNx32, &s->epoch, &s->next, &crc) == 3 &&
	       crc == crc32c(0, text, 33) && s->next > 0;
	return disk_unlink(path) == 0 && disk_sync_folder(s->folder) == 0 && good;
}

int recover_spool(struct spool *s)
{
	bool clean = was_clean(s);
	struct segment *seg, *next;
	int r = list(s);

	DL_FOREACH_SAFE(s->segments, seg, next) {
		if (r < 0)
			break;
		r = measure(s, seg);
		if (r == 0 && seg->last == 0)
			drain_forget(s, seg);
		else if (r == 0 && seg->epoch == s->epoch && seg->last >= s->next)
			clean = false;
	}
	if (r == 0 && !clean) {
		if (getrandom(&s->epoch, sizeof(s->epoch), 0) != sizeof(s->epoch))
			return -EIO;
		s->next = 1;
	}
	return r;
}
