#include "config.h"

#include "agent/core/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/core/disk.h"
#include "lib/log.h"

#define WINDOW (64u * 1024)

int segment_path(const struct segment *s, const char *folder, char path[PATH_MAX])
{
	int n = snprintf(path, PATH_MAX, "%s/%08" PRIx32 "-%016" PRIx64 "-%016" PRIx64, folder, s->ordinal, s->epoch, s->first), m;

	if (n >= PATH_MAX)
		return -ENAMETOOLONG;
	if (s->kept)
		m = snprintf(path + n, (size_t)(PATH_MAX - n), "-%016" PRIx64 ".kept", s->last);
	else
		m = snprintf(path + n, (size_t)(PATH_MAX - n), ".seg");
	return n + m < PATH_MAX ? 0 : -ENAMETOOLONG;
}

bool segment_parse(const char *name, struct segment *ret)
{
	struct segment s = {0};
	int n = 0;

	s.kept = strlen(name) == 64 && sscanf(name, "%8" SCNx32 "-%16" SCNx64 "-%16" SCNx64 "-%16" SCNx64 ".kept%n", &s.ordinal, &s.epoch,
					      &s.first, &s.last, &n) == 4 && n == 64;
	if (s.kept) {
		s.acked = s.last;
		if (s.first == 0 || s.last < s.first)
			return false;
	} else if (strlen(name) != 46 || sscanf(name, "%8" SCNx32 "-%16" SCNx64 "-%16" SCNx64 ".seg%n", &s.ordinal, &s.epoch, &s.first,
						&n) != 3 || n != 46 || s.first == 0)
		return false;
	*ret = s;
	return true;
}

int segment_compare(const struct segment *a, const struct segment *b)
{
	return a->ordinal < b->ordinal ? -1 : a->ordinal > b->ordinal;
}

int segment_read(struct segment_reader *r, const struct segment *s, const char *folder)
{
	int e = segment_path(s, folder, r->path);

	if (r->fd >= 0)
		close(r->fd);
	r->fd = e < 0 ? e : disk_open(r->path, O_RDONLY, 0);
	r->epoch = s->epoch;
	r->n = r->offset = 0;
	r->base = r->damage = 0;
	if (r->fd >= 0)
		return 0;
	e = r->fd;
	r->fd = -1;
	return e;
}

/* Makes `need` bytes from the offset be in the window, as far as the file has them. 1: more came; 0: none did. */
static int fill(struct segment_reader *r, uint64_t end, size_t need)
{
	size_t want = need > WINDOW ? need : WINDOW;
	uint64_t left;

	r->n -= r->offset;
	if (r->offset)
		memmove(r->buf, r->buf + r->offset, r->n);
	r->base += r->offset;
	r->offset = 0;
	left = end - r->base - r->n;
	if (want > r->n + left)
		want = r->n + left;
	if (want <= r->n)
		return 0;
	if (want > r->room) {
		uint8_t *bigger = realloc(r->buf, want);

		if (!bigger)
			return -ENOMEM;
		r->buf = bigger;
		r->room = want;
	}
	for (;;) {
		ssize_t k = pread(r->fd, r->buf + r->n, want - r->n, (off_t)(r->base + r->n));

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		r->n += (size_t)k;
		return k > 0;
	}
}

int segment_next(struct segment_reader *r, uint64_t end, struct entry *ret, uint64_t *ret_torn)
{
	for (;;) {
		size_t need = ENTRY_HEAD;
		enum entry_found found = r->n ? entry_next(r->buf, r->n, r->epoch, &r->offset, ret, &need) : ENTRY_MORE;
		int k;

		if (found == ENTRY_GOOD)
			return 1;
		if (found == ENTRY_DAMAGED) {
			if (r->base + ret->at > r->damage || r->damage == 0)
				log_error("spool: %s is damaged at offset %" PRIu64 ": the record there is lost", r->path,
					  r->base + ret->at);
			r->damage = r->base + r->offset;
			continue;
		}
		k = fill(r, end, need);
		if (k <= 0) {
			*ret_torn = r->n - r->offset;
			return k;
		}
	}
}

void segment_rest(struct segment_reader *r)
{
	if (r->offset < r->n)
		return;
	r->base += r->offset;
	r->n = r->offset = r->room = 0;
	free(r->buf);
	r->buf = NULL;
}

void segment_close(struct segment_reader *r)
{
	if (r->fd >= 0)
		close(r->fd);
	free(r->buf);
	*r = (struct segment_reader){.fd = -1};
}
