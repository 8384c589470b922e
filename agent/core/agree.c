/* What a collector says that it holds, against what is here: whose records are these numbers? (SECURITY R3) */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "agent/core/spool_inside.h"
#include "lib/cleanup.h"
#include "lib/log.h"

/* Of a record that is here and was not acknowledged. false: it is not. */
static bool digest_of(const struct spool *s, uint64_t epoch, uint64_t number, uint32_t *ret)
{
	struct segment_reader reader = {.fd = -1};
	const struct segment *seg;
	struct entry e;
	uint64_t torn;
	bool found = false;

	DL_FOREACH(s->segments, seg) {
		if (seg->epoch != epoch || number < seg->first || number > seg->last || number <= seg->acked || found)
			continue;
		if (segment_read(&reader, seg, s->folder) == 0)
			while (!found && segment_next(&reader, seg->size, &e, &torn) > 0)
				if ((found = e.number == number))
					*ret = e.digest;
		segment_close(&reader);
	}
	return found;
}

/* An epoch of an earlier life is never written to again: what the collector holds beyond its end came from the same life, before this
 * folder was put back. One that this life writes is another's as well when the machine was put back, or copied, while it ran. */
static bool is_parted(const struct spool *s, uint64_t epoch, uint64_t through, uint32_t digest)
{
	uint32_t ours;

	if (epoch == s->epoch && through > s->durable)
		return true;
	return digest && digest_of(s, epoch, through, &ours) && ours != digest;
}

/* Nothing is pending. On error all is as it was. */
static int move_segment(struct spool *s, struct segment *seg)
{
	struct segment_reader reader = {.fd = -1};
	uint64_t next = s->next, torn;
	struct entry e;
	int r = segment_read(&reader, seg, s->folder);

	seg->parted = false;
	while (r == 0 && (r = segment_next(&reader, seg->size, &e, &torn)) > 0)
		r = drain_counts(seg, e.number) ? spool_put(s, e.data, e.n) : 0;
	segment_close(&reader);
	if (r == 0)
		r = spool_sync(s);
	seg->parted = true;
	if (r == 0) {
		drain_forget(s, seg);
		return 0;
	}
	s->next = next;
	s->n_pending = 0;
	return r;
}

/* What could not be moved waits for the next Welcome, and is not handed out meanwhile. true: something was. */
static bool move_segments(struct spool *s, uint64_t epoch)
{
	struct segment *seg, *next;
	bool moved = false;
	int r = spool_sync(s);

	DL_FOREACH_SAFE(s->segments, seg, next) {
		if (!seg->parted || seg->epoch != epoch || r < 0)
			continue;
		r = move_segment(s, seg);
		moved |= r == 0;
	}
	if (r < 0)
		log_error("spool: records of epoch %016" PRIx64 " cannot be given new numbers: %s", epoch, strerror(-r));
	return moved;
}

/* What was not acknowledged gets new numbers, and stands behind what has such already. */
static bool part(struct spool *s, uint64_t epoch)
{
	FREE uint8_t *waiting = NULL;
	size_t n = 0, offset = 0, need;
	bool own = epoch == s->epoch, moved;
	struct segment *seg;
	struct entry e;

	DL_FOREACH(s->segments, seg)
		seg->parted |= seg->epoch == epoch;
	if (own) {
		waiting = TAKE(s->pending);
		n = s->n_pending;
		s->n_pending = s->room = 0;
		spool_end_segment(s);
		if (spool_new_epoch(s) < 0)
			abort();
	}
	moved = move_segments(s, epoch);
	while (entry_next(waiting, n, epoch, &offset, &e, &need) == ENTRY_GOOD)
		if (spool_put(s, e.data, e.n) < 0)
			s->hooks.lost(s->hooks.arg, e.data, e.n);
	return moved || own;
}

/* true: what was acknowledged is not held any more, and is given again. */
static bool take_back(struct spool *s, uint64_t epoch, uint64_t through)
{
	struct segment *seg;
	bool more = false;

	DL_FOREACH(s->segments, seg)
		if (seg->epoch == epoch && seg->last > through && seg->acked > through) {
			seg->acked = through;
			more = true;
		}
	if (more)
		log_notice("spool: the collector holds epoch %016" PRIx64 " only through %" PRIu64 ", and had more: it gets again what is still here",
			   epoch, through);
	return more;
}

enum spool_held spool_held(struct spool *s, uint64_t epoch, uint64_t through, uint32_t digest)
{
	struct segment *seg;
	bool parted = is_parted(s, epoch, through, digest);

	DL_FOREACH(s->segments, seg) {
		if (seg->epoch == epoch)
			seg->doubt = false;
		parted |= seg->epoch == epoch && seg->parted;
	}
	if (parted)
		return part(s, epoch) ? SPOOL_PARTED : SPOOL_AGREED;
	if (take_back(s, epoch, through))
		return SPOOL_REFILL;
	drain_acknowledge(s, epoch, through);
	return SPOOL_AGREED;
}
