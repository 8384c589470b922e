#include "config.h"

#include "agent/core/outbox.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/loop.h"
#include "agent/core/record.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/io.h"
#include "lib/log.h"
#include "lib/vec.h"

#define RETRY_FIRST NS_PER_S
#define RETRY_MOST (10 * NS_PER_S)
#define TELL_DROPPED (60 * NS_PER_S)	/* while not connected: one notice a minute and check, not one a second */

struct dropped { uint64_t count, from, to; };

struct outbox {
	struct dictionary *dictionary;
	struct spool *measurements, *events;
	int64_t interval, synced;	/* when the last sync was */
	int64_t due;			/* of the next; LOOP_NEVER */
	int64_t retry;			/* pause after a failed sync; 0: the last one did not fail */
	int64_t tell;			/* when to tell what was dropped; LOOP_NEVER */
	VEC(struct dropped) dropped;	/* by check */
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
		o->tell = clock_boot() + TELL_DROPPED;
}

void outbox_lose(struct outbox *o, const void *record, size_t n)
{
	on_lost(o, record, n);
}

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
		if (outbox_happened(o, &record, now) == 0)
			*d = (struct dropped){0};
		else
			o->tell = now + TELL_DROPPED;
	}
}

void outbox_connected(struct outbox *o, int64_t now)
{
	if (o->tell != LOOP_NEVER)
		tell_dropped(o, now);
}

/* ---- open and close ---- */

static int open_spool(const char *state, const char *name, uint64_t limit, bool lossy, struct outbox *o, struct spool **ret)
{
	struct spool_hooks hooks = {.lost = on_lost, .found = on_found, .arg = o};
	char folder[PATH_MAX];

	if (snprintf(folder, sizeof(folder), "%s/%s", state, name) >= (int)sizeof(folder))
		return -ENAMETOOLONG;
	return spool_open(folder, limit, lossy, &hooks, ret);
}

int outbox_open(const char *state, uint64_t measurements, uint64_t events, int64_t sync_ns, struct outbox **ret)
{
	struct outbox *o = calloc(1, sizeof(*o));
	int r = o ? io_make_folders(state, 0700) : -ENOMEM;

	if (!o)
		return r;
	o->interval = sync_ns;
	o->due = o->tell = LOOP_NEVER;
	if (r == 0)
		r = dictionary_open(state, &o->dictionary);
	if (r == 0)
		r = open_spool(state, "events", events, false, o, &o->events);
	if (r == 0)
		r = open_spool(state, "measurements", measurements, true, o, &o->measurements);
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
	if (o->events)
		tell_dropped(o, clock_boot());
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

int outbox_happened(struct outbox *o, const Wire__Record *record, int64_t now)
{
	int r = append(o, o->events, record, record->dropped != NULL);

	if (r == 0)
		want_sync(o, now);
	return r;
}

bool outbox_full(const struct outbox *o, size_t n)
{
	return spool_full(o->events, n + 256);
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

	if (o->tell <= now)
		tell_dropped(o, now);
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
