/* What was acknowledged and is kept no more: a collector that was put back, and held it once, says that it is lost (SECURITY R4). One small file, written over
 * in place, since it is written when the disk is full. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/core/disk.h"
#include "agent/core/spool_inside.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/crc32c.h"
#include "lib/log.h"

/* As on disk, of this machine. A line that was torn is left out. */
struct line { struct spool_past past; uint32_t crc, pad; };

static int path_of(const struct spool *s, char path[PATH_MAX])
{
	return snprintf(path, PATH_MAX, "%s/past", s->folder) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static uint32_t crc_of(const struct spool_past *p)
{
	return crc32c(0, p, sizeof(*p));
}

static int save(const struct spool *s)
{
	struct line lines[SPOOL_PAST] = {0};
	char path[PATH_MAX];
	CLOSE int fd = -1;
	int r = path_of(s, path);

	for (size_t i = 0; i < s->n_past; i++)
		lines[i] = (struct line){s->past[i], crc_of(&s->past[i]), 0};
	if (r == 0)
		r = fd = disk_open(path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0600);
	if (r >= 0)
		r = disk_write(fd, lines, sizeof(lines));
	return r < 0 ? r : disk_sync(fd);
}

/* Where there is none its room is taken now. */
void past_load(struct spool *s)
{
	struct line lines[SPOOL_PAST] = {0};
	char path[PATH_MAX];
	CLOSE int fd = path_of(s, path) < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? 0 : read(fd, lines, sizeof(lines));

	for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(lines[0]); i++)
		if (lines[i].past.through && lines[i].crc == crc_of(&lines[i].past))
			s->past[s->n_past++] = lines[i].past;
	if (n == 0 && save(s) < 0)
		log_debug("spool: %s/past cannot be written yet", s->folder);
}

static struct spool_past *find(struct spool *s, uint64_t epoch)
{
	for (size_t i = 0; i < s->n_past; i++)
		if (s->past[i].epoch == epoch)
			return &s->past[i];
	if (s->n_past == SPOOL_PAST)
		memmove(s->past, s->past + 1, --s->n_past * sizeof(s->past[0]));
	s->past[s->n_past] = (struct spool_past){.epoch = epoch};
	return &s->past[s->n_past++];
}

void past_note(struct spool *s, const struct segment *seg)
{
	struct spool_past *p = find(s, seg->epoch);
	int r;

	if (seg->last <= p->through)
		return;
	p->through = seg->last;
	p->at = clock_wall() - (clock_boot() - seg->kept_since);
	r = save(s);
	if (r < 0)
		log_warning("spool: %s/past cannot be written: %s", s->folder, strerror(-r));
}

size_t spool_past(const struct spool *s, struct spool_past ret[SPOOL_PAST])
{
	memcpy(ret, s->past, s->n_past * sizeof(ret[0]));
	return s->n_past;
}
