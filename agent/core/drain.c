/* The way out of a spool: handing out, acknowledging, forgetting. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "agent/core/disk.h"
#include "agent/core/spool_inside.h"
#include "lib/log.h"

#define READ_TRIES 5u	/* of a segment, before its records are given up: what is skipped counts as acknowledged with what follows */

void drain_forget(struct spool *s, struct segment *seg)
{
	char path[PATH_MAX];
	int r = segment_path(seg, s->folder, path);

	if (r == 0)
		r = disk_unlink(path);
	if (r < 0)
		log_warning("spool: cannot remove %s, which is done with: %s", path, strerror(-r));
	if (s->at == seg) {
		s->at = seg->next;
		s->ungot = false;
		segment_close(&s->reader);
	}
	*(seg->kept ? &s->kept_bytes : &s->bytes) -= seg->size;
	DL_DELETE(s->segments, seg);
	free(seg);
}

/* ---- handing out ---- */

/* An entry that was written again in the segment behind, after a failed sync, counts there. */
bool drain_counts(const struct segment *seg, uint64_t number)
{
	const struct segment *next = seg->next;

	return !seg->parted && number > seg->acked && number <= seg->last && !(next && next->epoch == seg->epoch && number >= next->first);
}

static int hand_out(struct spool *s, struct spool_record *ret)
{
	*ret = (struct spool_record){s->at->epoch, s->given.number, s->given.data, s->given.n, s->given.digest, s->before};
	s->out_epoch = s->at->epoch;
	s->out = s->given.number;
	s->at->doubt = true;
	s->ungot = false;
	return 1;
}

/* What is given now, and what came before it. */
static void note_read(struct spool *s, uint64_t epoch)
{
	bool follows = s->read_epoch == epoch && s->read + 1 == s->given.number;

	s->before = follows ? s->read_digest : 0;
	s->read_epoch = epoch;
	s->read = s->given.number;
	s->read_digest = s->given.digest;
}

int spool_next(struct spool *s, struct spool_record *ret)
{
	uint64_t torn;

	if (s->ungot)
		return hand_out(s, ret);
	if (!s->at)
		s->at = s->segments;
	while (s->at) {
		struct segment *seg = s->at;
		int r;

		if (s->reader.fd < 0 && seg->kept && seg->acked >= seg->last) {
			s->at = seg->next;
			continue;
		}
		r = s->reader.fd < 0 ? segment_read(&s->reader, seg, s->folder) : 0;

		while (r == 0 && (r = segment_next(&s->reader, seg->size, &s->given, &torn)) > 0) {
			note_read(s, seg->epoch);
			if (drain_counts(seg, s->given.number) && (seg->epoch != s->out_epoch || s->given.number > s->out))
				return hand_out(s, ret);
			r = 0;
		}
		if (r < 0 && ++s->failures < READ_TRIES)
			return r;
		if (r < 0)
			log_error("spool: cannot read %s, going on behind it: %s", s->reader.path, strerror(-r));
		s->failures = 0;
		if (!seg->next) {
			segment_rest(&s->reader);
			return 0;
		}
		segment_close(&s->reader);
		s->at = seg->next;
	}
	return 0;
}

void spool_unget(struct spool *s)
{
	s->ungot = true;
}

void spool_rewind(struct spool *s)
{
	segment_close(&s->reader);
	s->at = s->segments;
	s->out_epoch = s->out = 0;
	s->ungot = false;
}

/* ---- acknowledging ---- */

void drain_acknowledge(struct spool *s, uint64_t epoch, uint64_t through)
{
	struct segment *seg, *next;

	DL_FOREACH_SAFE(s->segments, seg, next) {
		if (seg->epoch != epoch || seg->parted)
			continue;
		if (through > seg->acked)
			seg->acked = through;
		if (seg->acked < seg->last)
			continue;
		seg->doubt = false;
		if (!seg->kept && (seg->next || s->fd < 0))	/* not the one that is written to */
			tail_keep(s, seg);
	}
	tail_trim(s);
}

static uint64_t handed_out(const struct spool *s, uint64_t epoch)
{
	const struct segment *seg;
	uint64_t through = 0;

	if (epoch == s->out_epoch)
		return s->out;
	DL_FOREACH(s->segments, seg) {
		if (seg == s->at)
			break;
		if (seg->epoch == epoch)
			through = seg->last;
	}
	return through;
}

static bool is_here(const struct spool *s, uint64_t epoch)
{
	const struct segment *seg;

	DL_FOREACH(s->segments, seg)
		if (seg->epoch == epoch)
			return true;
	return epoch == s->epoch || epoch == s->out_epoch;
}

int spool_ack(struct spool *s, uint64_t epoch, uint64_t through)
{
	if (!is_here(s, epoch))
		return 0;
	if (through > handed_out(s, epoch))
		return -EBADMSG;
	drain_acknowledge(s, epoch, through);
	return 0;
}

/* Kept records are here too; of what is given out, only what was not acknowledged. */
static uint64_t oldest_here(const struct segment *seg)
{
	return !seg->kept && seg->acked >= seg->first ? seg->acked + 1 : seg->first;
}

size_t spool_spans(const struct spool *s, struct spool_span *spans, size_t room)
{
	struct spool_span own = {s->epoch, s->next, s->next};
	const struct segment *seg;
	size_t n = 0;

	DL_FOREACH(s->segments, seg) {
		if (seg->last == 0 || (seg->epoch == s->epoch && oldest_here(seg) > seg->last))
			continue;
		if (seg->epoch == s->epoch) {
			if (own.oldest == own.next)
				own.oldest = oldest_here(seg);
			continue;
		}
		if (n && spans[n - 1].epoch == seg->epoch) {
			spans[n - 1].next = seg->last + 1;
			continue;
		}
		if (n + 1 == room)
			memmove(spans, spans + 1, --n * sizeof(*spans));
		spans[n++] = (struct spool_span){seg->epoch, oldest_here(seg), seg->last + 1};
	}
	spans[n] = own;
	return n + 1;
}
