/* case.h - one incident as escalation knows it: what has been waited, who was told. For escalation.c, calls.c and case.c
 * alone. */
#ifndef CASE_H
#define CASE_H

#include <uthash.h>

#include "escalation.h"
#include "lib/vec.h"

#define NOTHING (-1)

/* What one person has been told of it, and is owed. */
struct told {
	char person[PEOPLE_ID];
	int64_t last;			/* boot clock of the last notice */
	uint32_t count;
	enum state worst;		/* that the person knows of */
	int owed;			/* enum escalation_reason, or NOTHING */
	char *role, *clause;		/* by which he is told */
};

/* A clock that can stand still: what has passed, and since when it runs (-1: it stands). */
struct stopwatch { int64_t passed, since; };

struct escalation_case {
	uint64_t id;
	int64_t at;			/* of the incident, for names of notices */
	char kind[16];
	char *host;
	enum state severity;
	bool acknowledged;
	struct stopwatch waited;	/* unacknowledged: the chain */
	struct stopwatch age;		/* not recovered: reports at intervals */
	uint32_t done;			/* steps of the kind, a bit each */
	uint32_t repeated[ESCALATION_STEPS];
	VEC(struct told) told;
	bool newcomers;			/* a step that is done may have a holder who was not told */
	bool changed;
	int64_t saved;			/* boot clock */
	UT_hash_handle hh;
};

int64_t stopwatch_read(const struct stopwatch *, int64_t now);
void stopwatch_run(struct stopwatch *, bool run, int64_t now);

struct escalation_case *case_new(const struct incident *, const char *host, int64_t now_boot);
void case_free(struct escalation_case *);
struct told *case_told(struct escalation_case *, const char *person);	/* NULL: not yet */
/* Adds the person, or notes by which role he is called this time. NULL: no memory. */
struct told *case_tell(struct escalation_case *, const char *person, const char *role, const char *clause);

char *case_save(const struct escalation_case *, const struct kind *, int64_t now_boot);
int case_load(struct escalation_case *, const struct kind *, const char *text, int64_t now_boot);

#endif
