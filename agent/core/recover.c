/* A spool at open: which records are here. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <utlist.h>

#include "agent/core/disk.h"
#include "agent/core/spool_inside.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
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

/* How long ago it was written, by the wall clock, when that is plausible: a clock that is years off ends no tail (SECURITY R12). */
static int64_t age_of(const struct stat *st)
{
	int64_t age = clock_wall() - (int64_t)st->st_mtim.tv_sec * NS_PER_S;

	return age > 0 && age < 31 * 86400 * NS_PER_S ? age : 0;
}

/* Of what is kept the name tells all but the size: it is read only when it is asked for. */
static int measure_kept(struct spool *s, struct segment *seg)
{
	char path[PATH_MAX];
	struct stat st;
	int r = segment_path(seg, s->folder, path);

	if (r < 0)
		return r;
	if (stat(path, &st) < 0)
		return -errno;
	seg->size = (uint64_t)st.st_size;
	seg->kept_since = clock_boot() - age_of(&st);
	s->kept_bytes += seg->size;
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

int recover_spool(struct spool *s)
{
	struct segment *seg, *next;
	int r = list(s);

	past_load(s);
	DL_FOREACH_SAFE(s->segments, seg, next) {
		if (r < 0)
			break;
		r = seg->kept ? measure_kept(s, seg) : measure(s, seg);
		if (r == 0 && seg->last == 0)
			drain_forget(s, seg);
	}
	if (r < 0)
		return r;
	tail_trim(s);
	return spool_new_epoch(s);
}
