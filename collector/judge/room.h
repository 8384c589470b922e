/* room.h - what the files of this room share: the judge's memory. Nobody else includes it. */
#ifndef JUDGE_ROOM_H
#define JUDGE_ROOM_H

#include <uthash.h>

#include "judge.h"
#include "lib/clock.h"
#include "lib/vec.h"

#define TURNS 5			/* changes in WINDOW rounds: flapping */
#define WINDOW 20
#define SETTLED 10		/* rounds without a change: no longer */
#define MISSED 3		/* delivered rounds that left a series out */
#define FAILED 2

/* What the fast path looks at: two to a cache line. lo > hi: every value takes the long way. */
struct hot { double lo, hi, value; int64_t at; };

struct series {
	const char *metric;
	char *labels;			/* name NUL value NUL ... NUL */
	uint32_t check, next;		/* next: of the same check */
	uint32_t track;			/* first of `tracks` in a row */
	uint16_t tracks, text;		/* text: bytes of the labels, at most 65535 counted */
	uint8_t missed;
	bool known;
};

/* One rule on one series. */
struct track {
	const struct rule *rule;
	uint32_t series;
	uint8_t level;			/* what the bounds say, after hysteresis and `for` */
	uint8_t told;			/* what the world was told: the level, UNKNOWN, or the worst while flapping */
	bool flapping, waiting, listed, busy;	/* waiting: `for` runs; busy: anything but plainly OK */
	int64_t waited[2];		/* crossed so long, by level: warning, critical; below 0: not crossed */
	int64_t arrived;		/* boot clock, of the value last counted in waited */
	double value;			/* last one judged: of a counter the rate */
	uint32_t turn[TURNS];		/* rounds of the last changes */
	uint8_t turned[TURNS], turns, head;
};

struct skip { char *what; uint8_t rounds; };	/* in a row, counted to 3 */

struct check {
	char *name;
	uint32_t host, next;		/* next: of the same host */
	uint32_t first;			/* series */
	uint32_t rounds, busy;		/* busy: tracks that are */
	int64_t interval, heard;
	int64_t whole;			/* stamp of the last round that left no source out */
	VEC(struct skip) skips;		/* of the last round that delivered */
	uint8_t failures;
	bool known, silent, failed, partial;
	bool skipped, skipping;		/* the round that ends now, and the one before it, left sources out */
};

struct host {
	char *name;
	uint32_t first;			/* check */
	uint32_t connections;
	int64_t lost;			/* boot clock: since when nobody is connected */
	bool known, gone;
	bool expected;			/* it was never connected, */
	bool looks;			/* for it is a watcher, which comes for an instant */
	bool retired;			/* revoked, nobody waits for it */
};

struct tracks { struct track *at; size_t n, room; };

struct metric_name { UT_hash_handle hh; char text[]; };

struct judge {
	judge_told *told;
	void *arg;
	const struct rule *const *rules;
	size_t rules_n;
	struct hot *hot;		/* beside series, same numbers */
	VEC(struct series) series;
	VEC(struct check) checks;
	VEC(struct host) hosts;
	struct tracks tracks;
	size_t holes;			/* places in it that nobody uses any more */
	VEC(uint32_t) waiting;		/* tracks whose `for` runs, or ran */
	struct metric_name *metrics;
	int64_t now, wall, patience, first;	/* as last told */
	int64_t wake;			/* boot clock: before it no silence can begin */
	size_t texts;			/* bytes of names and labels */
};

/* names.c */
int names_match(const struct judge *, uint32_t series, const struct rule *const *rules, size_t n, struct tracks *);

/* track.c */
void track_value(struct judge *, uint32_t series, double value, int64_t at);
void track_left_out(struct judge *, struct check *, int64_t at);
void track_tick(struct judge *);
void track_listen(struct judge *, uint32_t series);	/* sets the quiet interval */
void track_put(struct judge *, struct track *, enum state);	/* as restored */
/* OK from now on, told where it was not. The second: all tracks of the series, which are forgotten. */
void track_clear(struct judge *, struct track *, const char *why, int64_t at);
void track_drop(struct judge *, uint32_t series, const char *why, int64_t at);

/* skips.c */
void skips_round(struct judge *, uint32_t check, int64_t at);	/* a round has delivered */
void skips_free(struct check *);

/* renew.c */
void renew_compact(struct judge *);	/* without memory: the holes stay */

/* silence.c */
void silence_rules(struct judge *, const struct rule *const *rules, size_t n, int64_t at);	/* takes them */
void silence_restore(struct judge *, uint32_t host, uint32_t check, const struct rule *);
void silence_failed(struct judge *, uint32_t check, bool failed, const char *why, int64_t at);
void silence_partial(struct judge *, uint32_t check, bool partial, const char *why, int64_t at);
void silence_silent(struct judge *, uint32_t check, bool silent, int64_t at);
void silence_gone(struct judge *, uint32_t host, bool gone, int64_t at);
void silence_tick(struct judge *, int64_t now_wall);
int64_t silence_limit(const struct check *);

static inline struct check *check_of(struct judge *j, const struct track *t)
{
	return &j->checks.at[j->series.at[t->series].check];
}

#endif
