/* calls.h - escalation's own memory, and what escalation.c and calls.c share. Nobody else includes it. */
#ifndef CALLS_H
#define CALLS_H

#include "case.h"

struct escalation {
	const struct kind *kinds;
	size_t n;
	const struct people *people;
	struct escalation_times times;
	escalation_due *due;
	void *arg;
	struct escalation_case *cases;
};

const struct kind *case_kind(const struct escalation *, const struct escalation_case *);	/* NULL: the procedure has it no longer */
/* What the person is owed goes out now, to each channel that reaches him. */
void calls_give(struct escalation *, struct escalation_case *, struct told *, int64_t now_boot);

#endif
