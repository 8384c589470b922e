/*
 * escalation.h - who is told of an incident, and when: at once those whom the kind names, in parallel with the delayed chain
 * (owner -> deputy -> computer-room manager -> as the kind says), until somebody acknowledges. Pure: time and rows are
 * arguments; delays are elapsed time on the boot clock, kept as "already waited" over a restart.
 */
#ifndef ESCALATION_H
#define ESCALATION_H

#include <stddef.h>
#include <stdint.h>

struct step { const char *role; int64_t after_ns; const char *clause; };	/* after 0: at once */
struct kind {						/* a row of CLAUSES.md's table of incident kinds */
	const char *id;					/* "INC-A" */
	const char *title_zh, *title_en;
	const struct step *steps; size_t n;		/* in order */
};

#endif
