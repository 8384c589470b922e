/* The retained tail: what the collector has, and may lose (SECURITY R4). */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "agent/core/disk.h"
#include "agent/core/spool_inside.h"
#include "lib/clock.h"
#include "lib/log.h"

#define KEPT_FOR (7 * 86400 * NS_PER_S)	/* while we run by the boot clock, which nobody steps */
#define EPOCHS_MAX 100			/* Hello names each */

static void let_go(struct spool *s, struct segment *seg)
{
	past_note(s, seg);
	drain_forget(s, seg);
}

void tail_keep(struct spool *s, struct segment *seg)
{
	char from[PATH_MAX], to[PATH_MAX];
	struct segment kept = *seg;
	int r;

	kept.kept = true;
	r = segment_path(seg, s->folder, from);
	if (r == 0)
		r = segment_path(&kept, s->folder, to);
	if (r == 0 && s->keep)
		r = disk_rename(from, to);
	if (r < 0)
		log_warning("spool: cannot keep %s: %s", from, strerror(-r));
	if (r < 0 || !s->keep) {
		seg->kept_since = clock_boot();
		let_go(s, seg);
		return;
	}
	seg->kept = true;
	seg->kept_since = clock_boot();
	s->bytes -= seg->size;
	s->kept_bytes += seg->size;
}

/* The oldest that nobody waits for. */
static struct segment *oldest(const struct spool *s)
{
	struct segment *seg;

	DL_FOREACH(s->segments, seg)
		if (seg->kept && seg->acked >= seg->last)
			return seg;
	return NULL;
}

static size_t epochs(const struct spool *s)
{
	const struct segment *seg;
	size_t n = 0;

	DL_FOREACH(s->segments, seg)
		n += seg->kept && !(seg->next && seg->next->epoch == seg->epoch);
	return n;
}

void tail_trim(struct spool *s)
{
	int64_t now = clock_boot();
	struct segment *seg;

	while ((seg = oldest(s)) && (s->kept_bytes > s->keep || now - seg->kept_since > KEPT_FOR || epochs(s) > EPOCHS_MAX))
		let_go(s, seg);
}

bool tail_give_way(struct spool *s)
{
	struct segment *seg = oldest(s);

	if (seg)
		let_go(s, seg);
	return seg;
}
