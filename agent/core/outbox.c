#include "config.h"

#include "agent/core/outbox.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/entry.h"
#include "agent/core/fold.h"
#include "agent/core/loop.h"
#include "agent/core/record.h"
#include "agent/core/share.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/io.h"
#include "lib/log.h"
#include "lib/vec.h"

#define RETRY_FIRST NS_PER_S
#define RETRY_MOST (10 * NS_PER_S)
#define TELL_FIRST (60 * NS_PER_S)	/* while not connected: one notice of what was dropped, and check, then */
#define TELL_MOST (3600 * NS_PER_S)	/* twice as long until the next: they take room from events */
#define HELD_FOR (30 * NS_PER_S)	/* after the last that found no room */
#define ROUND_IT 256u			/* what a record is more than its events, at most */

struct dropped { uint64_t count, from, to; };

struct outbox {
	struct dictionary *dictionary;
	struct spool *measurements, *events;
	int64_t interval, synced;	/* when the last sync was */
	int64_t due;			/* of the next; LOOP_NEVER */
	int64_t retry;			/* pause after a failed sync; 0: the last one did not fail */
	int64_t tell, tell_pause;	/* when to tell what was dropped (LOOP_NEVER), and how long from then */
	VEC(struct dropped) dropped;	/* by check */
	struct folds folds;
	struct share share;		/* of events */
	int64_t refused;		/* when there last was no room for events; 0: never */
	VEC(bool) used;			/* by check */
	uint8_t *packed;
	size_t room;
};

/* ---- what is given up ---- */

static void on_found(void *arg, const void *data, size_t n)
{
	struct outbox *o = arg;
	struct record_view view;

	if (!record_look(data, n, &view) || view.check > DICTIONARY_CHECKS)
		return;
	while (o->used.n <= view.check)
		if (!vec_push(&o->used))
			return;
	o->used.at[view.check] = true;
}

static void on_lost(void *arg, const void *data, size_t n)
{
	struct outbox *o = arg;
	struct record_view view;
	struct dropped *d;

	if (!record_look(data, n, &view) || view.check > DICTIONARY_CHECKS)
		return;
	while (o->dropped.n <= view.check)
		if (!vec_push(&o->dropped))
			return;
	d = &o->dropped.at[view.check];
	if (d->count++ == 0)
		d->from = d->to = view.at;
	d->from = view.at < d->from ? view.at : d->from;
	d->to = view.at > d->to ? view.at : d->to;
	if (o->tell == LOOP_NEVER)
		o->tell = clock_boot() + o->tell_pause;
}

void outbox_lose(struct outbox *o, const void *record, size_t n)
{
	on_lost(o, record, n);
}

static int append(struct outbox *, struct spool *, const Wire__Record *, bool urgent);
static void want_sync(struct outbox *, int64_t at);

/* Turns the counts into records; what finds no room waits. */
static void tell_dropped(struct outbox *o, int64_t now)
{
	o->tell = LOOP_NEVER;
	for (size_t check = 0; check < o->dropped.n; check++) {
		struct dropped *d = &o->dropped.at[check];
		Wire__Record record = WIRE__RECORD__INIT;
		Wire__Dropped notice = WIRE__DROPPED__INIT;

		if (d->count == 0)
			continue;
		record.check = (uint32_t)check;
		record.at = (uint64_t)clock_wall();
		record.dropped = &notice;
		notice.count = d->count;
		notice.from = d->from;
		notice.to = d->to;
		if (append(o, o->events, &record, true) == 0)
			*d = (struct dropped){0};
		else
			o->tell = now + o->tell_pause;
		want_sync(o, now);
	}
}

void outbox_connected(struct outbox *o, int64_t now)
{
	o->tell_pause = TELL_FIRST;
	if (o->tell != LOOP_NEVER)
		tell_dropped(o, now);
}

/* An event that stands for more: into the spool. false: there is no room yet. */
static bool tell_fold(struct outbox *o, const struct fold *f, bool urgent)
{
	Wire__Record record = WIRE__RECORD__INIT;
	Wire__Event *event = f->event;
	const char *name = "?", *plugin;

	if (!urgent && outbox_full(o, f->check, wire__event__get_packed_size(event)))
		return false;
	record.check = f->check;
	record.at = (uint64_t)clock_wall();
	record.events = &event;
	record.n_events = 1;
	if (append(o, o->events, &record, urgent) < 0)
		return false;
	dictionary_check_name(o->dictionary, f->check, &name, &plugin);
	if (event->more)
		log_warning("check %s: there was no room for its events: of %s the first is sent, and the number of the others: %llu", name,
			    event->name, (unsigned long long)event->more);
	return true;
}

/* Those of one check in their order: none overtakes one that still waits. */
static void tell_folds(struct outbox *o, bool urgent, int64_t now)
{
	for (size_t i = 0; i < o->folds.all.n;)
		if ((urgent || !fold_behind(&o->folds, i)) && tell_fold(o, &o->folds.all.at[i], urgent)) {
			fold_drop(&o->folds, i);
			want_sync(o, now);
		} else
			i++;
}

/* ---- open and close ---- */

static int open_spool(const char *state, const char *name, uint64_t limit, uint64_t keep, bool lossy, struct outbox *o,
		      struct spool **ret)
{
	struct spool_hooks hooks = {.lost = on_lost, .found = on_found, .arg = o};
	char folder[PATH_MAX];

	if (snprintf(folder, sizeof(folder), "%s/%s", state, name) >= (int)sizeof(folder))
		return -ENAMETOOLONG;
	return spool_open(folder, limit, keep, lossy, &hooks, ret);
}

int outbox_open(const char *state, const struct outbox_room *room, int64_t sync_ns, struct outbox **ret)
{
	uint64_t kept_events = room->kept / 8;
	struct outbox *o = calloc(1, sizeof(*o));
	int r = o ? io_make_folders(state, 0700) : -ENOMEM;

	if (!o)
		return r;
	o->interval = sync_ns;
	o->tell_pause = TELL_FIRST;
	o->share.limit = room->events;
	o->due = o->tell = LOOP_NEVER;
	if (r == 0)
		r = dictionary_open(state, &o->dictionary);
	if (r == 0)
		r = open_spool(state, "events", room->events, kept_events, false, o, &o->events);
	if (r == 0)
		r = open_spool(state, "measurements", room->measurements, room->kept - kept_events, true, o, &o->measurements);
	if (r < 0)
		outbox_close(o);
	else
		*ret = o;
	return r;
}

int outbox_close(struct outbox *o)
{
	int r = 0, e = 0, m = 0;

	if (!o)
		return 0;
	if (o->events) {
		tell_dropped(o, clock_boot());
		tell_folds(o, true, clock_boot());
	}
	for (size_t i = 0; i < o->folds.all.n; i++)
		log_error("check %u: %llu of its events are lost: there is no room even for their number", o->folds.all.at[i].check,
			  (unsigned long long)o->folds.all.at[i].event->more + 1);
	if (o->dictionary)
		r = dictionary_sync(o->dictionary);
	if (r == 0) {
		e = spool_close(o->events);
		m = spool_close(o->measurements);
	} else {
		spool_abandon(o->events);
		spool_abandon(o->measurements);
	}
	dictionary_free(o->dictionary);
	fold_free(&o->folds);
	share_free(&o->share);
	vec_free(&o->dropped);
	vec_free(&o->used);
	free(o->packed);
	free(o);
	return r < 0 ? r : e < 0 ? e : m;
}

void outbox_set_sync(struct outbox *o, int64_t sync_ns)
{
	o->interval = sync_ns;
}

struct dictionary *outbox_dictionary(struct outbox *o)
{
	return o->dictionary;
}

struct spool *outbox_measurements(struct outbox *o)
{
	return o->measurements;
}

struct spool *outbox_events(struct outbox *o)
{
	return o->events;
}

bool outbox_uses_check(const struct outbox *o, uint32_t check)
{
	return check < o->used.n && o->used.at[check];
}

void outbox_refill(struct outbox *o)
{
	while (o->used.n <= dictionary_checks(o->dictionary))
		if (!vec_push(&o->used))
			break;
	for (size_t i = 0; i < o->used.n; i++)
		o->used.at[i] = true;
}

/* ---- in ---- */

/* Packs into a buffer of our own, kept while it is small. */
static int append(struct outbox *o, struct spool *s, const Wire__Record *record, bool urgent)
{
	size_t n = wire__record__get_packed_size(record);
	int r;

	if (n > o->room) {
		uint8_t *bigger = realloc(o->packed, n);

		if (!bigger)
			return -ENOMEM;
		o->packed = bigger;
		o->room = n;
	}
	wire__record__pack(record, o->packed);
	on_found(o, o->packed, n);
	r = spool_append(s, o->packed, n, urgent);
	if (r == 0 && s == o->events)
		share_add(&o->share, record->check, n + ENTRY_HEAD);
	if (o->room > 16 * 1024) {
		free(TAKE(o->packed));
		o->room = 0;
	}
	return r;
}

static void want_sync(struct outbox *o, int64_t at)
{
	if (o->retry == 0 && at < o->due)
		o->due = at;
}

void outbox_measured(struct outbox *o, const Wire__Record *record, int64_t now)
{
	int64_t at = o->synced ? o->synced + o->interval : now;
	int r = append(o, o->measurements, record, false);

	if (r < 0)
		log_error("a result is lost: %s", strerror(-r));
	want_sync(o, at > now ? at : now);
}

/* What comes with events is no event: it goes with what is measured. */
static void fold(struct outbox *o, const Wire__Record *record, int64_t now)
{
	Wire__Record rest = *record;
	int r = 0;

	for (size_t i = 0; i < record->n_events && r == 0; i++)
		r = fold_take(&o->folds, record->check, record->events[i]);
	if (r < 0)
		log_error("events are lost: %s", strerror(-r));
	rest.n_events = 0;
	if (rest.n_facts || rest.n_skips)
		outbox_measured(o, &rest, now);
}

void outbox_happened(struct outbox *o, const Wire__Record *record, int64_t now)
{
	tell_folds(o, false, now);
	if (fold_has(&o->folds, record->check) || outbox_full(o, record->check, wire__record__get_packed_size(record)) ||
	    append(o, o->events, record, false) < 0)
		fold(o, record, now);
	want_sync(o, now);
}

bool outbox_full(struct outbox *o, uint32_t check, size_t n)
{
	n += ROUND_IT;
	share_now(&o->share, spool_bytes(o->events));
	if (share_room(&o->share, check, n) && !spool_full(o->events, n))
		return false;
	o->refused = clock_boot();
	return true;
}

bool outbox_folds(const struct outbox *o, uint32_t check)
{
	return fold_has(&o->folds, check);
}

bool outbox_held(const struct outbox *o, int64_t now)
{
	return o->folds.all.n || (o->refused && now - o->refused < HELD_FOR);
}

/* ---- sync ---- */

int64_t outbox_wake(const struct outbox *o)
{
	return o->due < o->tell ? o->due : o->tell;
}

/* Names first: a record is worth nothing without them. Each spool is tried, whatever became of the other. */
static int sync_all(struct outbox *o)
{
	int r = dictionary_sync(o->dictionary), e, m;

	if (r < 0)
		return r;
	e = spool_sync(o->events);
	m = spool_sync(o->measurements);
	return e < 0 ? e : m;
}

bool outbox_tick(struct outbox *o, int64_t now)
{
	int r;

	if (o->tell <= now) {
		o->tell_pause = o->tell_pause * 2 < TELL_MOST ? o->tell_pause * 2 : TELL_MOST;
		tell_dropped(o, now);
	}
	tell_folds(o, false, now);
	if (o->due > now)
		return false;
	r = sync_all(o);
	o->synced = now;
	o->due = LOOP_NEVER;
	if (r < 0) {
		if (o->retry == 0)
			log_error("cannot write to the spool: %s; results wait in memory until it can be written", strerror(-r));
		o->retry = o->retry == 0 ? RETRY_FIRST : o->retry * 2 < RETRY_MOST ? o->retry * 2 : RETRY_MOST;
		o->due = now + o->retry;
	} else if (o->retry) {
		log_notice("the spool can be written again");
		o->retry = 0;
	}
	return true;
}
