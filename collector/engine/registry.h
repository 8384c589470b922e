/*
 * registry.h - what the engine knows of each host, check and series by number: names for the screen, facts, when it was last heard of.
 * Numbers are the store's: dense, so these are plain arrays.
 */
#ifndef REGISTRY_H
#define REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/judge/rule.h"
#include "collector/procedure/inventory.h"
#include "collector/procedure/people.h"
#include "vec.h"

/* What happened of late, as JSON: detail for the incident that may follow. */
struct recent { char *json; int64_t at; struct recent *prev, *next; };	/* oldest first; at: boot clock */
struct fact { char *name, *labels, *value; size_t labels_size; int64_t at; };	/* labels: packed as a curve's; at: boot clock, last told */
typedef VEC(struct fact) fact_list;
struct skipped { char *what; int error; };	/* errno of the agent */
struct given_up { uint64_t results; int64_t from, to; };	/* of a check, since the start: the agent's spool was full; wall clock */
struct gap { uint64_t epoch, first, last; int64_t before, found; };	/* records that were acknowledged before a backup was put back, and are lost; wall clock */
typedef VEC(uint32_t) numbers;

struct host {
	uint32_t id;
	char *uuid, *name, *address;
	char *witnessed;			/* the checkpoint that it gave back and that waits for the signer (checkpoints.c); NULL: none */
	const struct people_host *people;	/* owner and deputy; NULL: nobody is named */
	unsigned connections;
	unsigned renewals;			/* asked for in the day that began at renewals_since (boot clock) */
	int64_t renewals_since;
	bool met;				/* its agent has connected at some time, */
	uint32_t generation;			/* and with this certificate of its at last */
	bool watches;				/* a watcher's, who never connects as an agent: it has looked since the start */
	bool revoked;				/* its record stays, nobody waits for it */
	int64_t seen;				/* wall clock of the last message; 0: not since start */
	int64_t offset, told;			/* its wall clock less ours, ns; as in reckoning.h */
	bool events_held;			/* it has no room for events at present (SECURITY R5) */
	numbers checks;
	VEC(struct gap) gaps;
	fact_list facts;				/* of its agent */
};

struct check {
	uint32_t id, host;
	char *name, *plugin, *why;		/* why: of the last round that failed; NULL */
	int64_t interval_ns, at;		/* at: the agent's stamp of the last round */
	bool gone;				/* the agent no longer has it */
	numbers series;
	fact_list facts;			/* of its plugin */
	VEC(struct skipped) skips;		/* sources that the last round left out, at most 64; skips_more: beyond these */
	size_t skips_more;
	struct recent *recent;			/* events that no incident has taken yet: events.c */
	size_t recent_bytes;
	uint64_t recent_lost;			/* older ones, let go for want of room */
	uint64_t more_events;			/* those that its agent only counted, of late */
	int64_t more_at;			/* the last of them; boot clock */
	struct given_up given_up;
};

/* What one series of values is (message.h has a struct series, which is its announcement). There may be hundreds of thousands, so
 * each is one small block. */
struct curve {
	const char *metric;
	const struct inventory_metric *known;	/* NULL: no plugin here declares it */
	uint32_t id, check;
	char packed[];				/* labels: name, NUL, value, NUL, ...; an empty name ends them */
};

struct registry {
	VEC(struct host *) hosts;		/* by number; NULL where there is none */
	VEC(struct check *) checks;
	VEC(struct curve *) series;
};

void registry_clear(struct registry *);

/* The thing of that number; made when it is new. NULL: no memory, or an absurd number. */
struct host *registry_host(struct registry *, uint32_t id, const char *uuid, const char *name);
struct check *registry_check(struct registry *, uint32_t id, uint32_t host, const char *name, const char *plugin, int64_t interval_ns);
/* labels: n of name and value, copied. */
struct registry_label { const char *name; const void *value; size_t size; };
struct curve *registry_series(struct registry *, uint32_t id, uint32_t check, const char *metric,
			       const struct registry_label *, size_t n, const struct inventory *);

#define REGISTRY_LABELS 16
/* The labels taken apart, ended by a NULL name; texts are the curve's. Returns ret. */
const struct rule_label *registry_labels(const struct curve *, struct rule_label ret[REGISTRY_LABELS + 1]);
const struct rule_label *registry_unpack(const char *packed, struct rule_label ret[REGISTRY_LABELS + 1]);
const char *registry_unit(const struct curve *);	/* "" where nothing is known of the metric */
const char *registry_kind(const struct curve *);	/* "gauge", "counter", "state" */

struct host *registry_get_host(const struct registry *, uint32_t id);
struct check *registry_get_check(const struct registry *, uint32_t id);
struct curve *registry_get_series(const struct registry *, uint32_t id);
struct host *registry_find_host(const struct registry *, const char *name_or_number);

void registry_forget_recent(struct check *);
/* Sets the one of that name and those labels; of more than 64 the one that was not told for longest is let go. */
void registry_fact(fact_list *, const char *name, const struct registry_label *, size_t labels, const void *value, size_t size);
void registry_forget_facts(fact_list *);
void registry_skip(struct check *, const void *what, size_t n, int error);	/* the text is made harmless */
void registry_forget_skips(struct check *);

#endif
