#include "config.h"

#include "agent/core/spool_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "agent/core/disk.h"
#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/log.h"

#define SEGMENT_LEAST (16u * 1024)
#define SEGMENT_MOST (1024u * 1024)
#define PENDING_MOST (1024u * 1024 + 64 * 1024)	/* while the disk takes nothing */
#define PENDING_KEPT (64u * 1024)		/* of the buffer, when it is empty */
#define URGENT (64u * 1024)

int spool_new_epoch(struct spool *s)
{
	if (getrandom(&s->epoch, sizeof(s->epoch), 0) != sizeof(s->epoch))
		return -EIO;
	s->next = 1;
	s->durable = 0;
	return 0;
}

void spool_abandon(struct spool *s)
{
	struct segment *seg, *next;

	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	segment_close(&s->reader);
	DL_FOREACH_SAFE(s->segments, seg, next)
		free(seg);
	free(s->pending);
	free(s);
}

int spool_open(const char *folder, uint64_t limit, uint64_t keep, bool lossy, const struct spool_hooks *hooks,
	       struct spool **ret)
{
	struct spool *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->fd = s->reader.fd = -1;
	s->limit = limit;
	s->keep = keep;
	s->segment_max = limit / 16;
	if (s->segment_max < SEGMENT_LEAST)
		s->segment_max = SEGMENT_LEAST;
	if (s->segment_max > SEGMENT_MOST)
		s->segment_max = SEGMENT_MOST;
	s->lossy = lossy;
	s->hooks = *hooks;
	r = snprintf(s->folder, sizeof(s->folder), "%s", folder) < (int)sizeof(s->folder) ? 0 : -ENAMETOOLONG;
	if (r == 0)
		r = io_make_folders(folder, 0700);
	if (r == 0)
		r = recover_spool(s);
	if (r < 0) {
		spool_abandon(s);
		return r;
	}
	*ret = s;
	return 0;
}

int spool_close(struct spool *s)
{
	int r;

	if (!s)
		return 0;
	r = spool_sync(s);
	spool_abandon(s);
	return r;
}

/* ---- room ---- */

static struct segment *droppable(struct spool *s)
{
	struct segment *seg;

	DL_FOREACH(s->segments, seg)
		if (!seg->doubt && !seg->kept && !(s->fd >= 0 && !seg->next))
			return seg;
	return NULL;
}

/* Tells each record of a segment, then lets go of it. */
static void drop(struct spool *s, struct segment *seg)
{
	struct segment_reader reader = {.fd = -1};
	struct entry e;
	uint64_t torn;

	if (segment_read(&reader, seg, s->folder) == 0)
		while (segment_next(&reader, seg->size, &e, &torn) > 0)
			if (e.number > seg->acked && e.number <= seg->last)
				s->hooks.lost(s->hooks.arg, e.data, e.n);
	segment_close(&reader);
	drain_forget(s, seg);
}

/* Gives up the oldest of what waits for a disk that takes nothing. */
static void drop_pending(struct spool *s, size_t need, size_t most)
{
	size_t offset = 0, n;
	struct entry e;

	while (offset < s->n_pending && s->n_pending - offset + need > most &&
	       entry_next(s->pending, s->n_pending, s->epoch, &offset, &e, &n) == ENTRY_GOOD)
		s->hooks.lost(s->hooks.arg, e.data, e.n);
	s->n_pending -= offset;
	if (offset)
		memmove(s->pending, s->pending + offset, s->n_pending);
}

bool spool_full(const struct spool *s, size_t n)
{
	n += ENTRY_HEAD;
	return !s->lossy && (s->bytes + s->n_pending + n > s->limit || s->n_pending + n > PENDING_MOST);
}

static bool make_room(struct spool *s, size_t n, bool urgent)
{
	struct segment *seg;
	size_t most;

	if (!s->lossy)
		return urgent ? s->bytes + s->n_pending + n <= s->limit + URGENT && s->n_pending + n <= PENDING_MOST + URGENT
			      : !spool_full(s, n - ENTRY_HEAD);
	while (s->bytes + s->n_pending + n > s->limit && (seg = droppable(s)))
		drop(s, seg);
	most = s->limit > s->bytes ? s->limit - s->bytes : 0;
	if (most > PENDING_MOST)
		most = PENDING_MOST;
	if (s->n_pending + n > most)
		drop_pending(s, n, most);
	return s->n_pending + n <= most;
}

/* ---- in ---- */

static int grow(struct spool *s, size_t n)
{
	size_t room = s->room ? s->room : 4096;
	uint8_t *bigger;

	if (s->n_pending + n <= s->room)
		return 0;
	while (room < s->n_pending + n)
		room *= 2;
	bigger = realloc(s->pending, room);
	if (!bigger)
		return -ENOMEM;
	s->pending = bigger;
	s->room = room;
	return 0;
}

int spool_put(struct spool *s, const void *data, size_t n)
{
	int r = grow(s, ENTRY_HEAD + n);

	if (r < 0)
		return r;
	entry_head(s->pending + s->n_pending, s->epoch, s->next++, data, n);
	memcpy(s->pending + s->n_pending + ENTRY_HEAD, data, n);
	s->n_pending += ENTRY_HEAD + n;
	return 0;
}

int spool_append(struct spool *s, const void *data, size_t n, bool urgent)
{
	if (n > ENTRY_MAX)
		return -EMSGSIZE;
	if (!make_room(s, ENTRY_HEAD + n, urgent)) {
		if (!s->lossy)
			return -ENOSPC;
		s->hooks.lost(s->hooks.arg, data, n);	/* all that is older may have arrived already */
		return 0;
	}
	return spool_put(s, data, n);
}

bool spool_pending(const struct spool *s)
{
	return s->n_pending > 0;
}

static int new_segment(struct spool *s)
{
	size_t offset = 0, need;
	struct segment *seg = calloc(1, sizeof(*seg));
	struct entry first;
	char path[PATH_MAX];
	int r;

	if (!seg)
		return -ENOMEM;
	if (entry_next(s->pending, s->n_pending, s->epoch, &offset, &first, &need) != ENTRY_GOOD) {
		free(seg);
		return -EBADMSG;	/* our own memory is damaged */
	}
	*seg = (struct segment){.ordinal = s->ordinal++, .epoch = s->epoch, .first = first.number};
	r = segment_path(seg, s->folder, path);
	if (r == 0)
		r = s->fd = disk_open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND, 0600);
	if (r < 0) {
		s->fd = -1;
		free(seg);
		return r;
	}
	DL_APPEND(s->segments, seg);
	return disk_sync_folder(s->folder);
}

void spool_end_segment(struct spool *s)
{
	if (s->fd >= 0)
		close(TAKE_FD(s->fd));
}

/* Whatever the descriptor still holds counts for nothing. */
static int fail_segment(struct spool *s, int error)
{
	struct segment *last = s->segments ? s->segments->prev : NULL;

	if (s->fd >= 0 && last && last->size == 0)
		drain_forget(s, last);
	spool_end_segment(s);
	if (error == -ENOSPC)
		tail_give_way(s);
	return error;
}

int spool_sync(struct spool *s)
{
	struct segment *seg;
	int r = 0;

	if (s->n_pending == 0)
		return 0;
	if (s->fd < 0)
		r = new_segment(s);
	if (r == 0)
		r = disk_write(s->fd, s->pending, s->n_pending);
	if (r == 0)
		r = disk_sync(s->fd);
	if (r < 0)
		return fail_segment(s, r);
	seg = s->segments->prev;
	seg->size += s->n_pending;
	seg->last = s->durable = s->next - 1;
	s->bytes += s->n_pending;
	s->n_pending = 0;
	if (s->room > PENDING_KEPT) {
		free(TAKE(s->pending));
		s->room = 0;
	}
	if (seg->size >= s->segment_max)
		spool_end_segment(s);
	return 0;
}

uint64_t spool_bytes(const struct spool *s)
{
	return s->bytes + s->n_pending;
}
