/*
 * problem.h - what is wrong with what a person wrote: every error of every file, told in one run.
 * A line reads: FILE:LINE: ITEM: VALUE: reason (expected; did you mean "..."?)
 */
#ifndef PROBLEM_H
#define PROBLEM_H

#include <stddef.h>

struct problems;	/* a list that grows; bounded at 1,000, the rest is counted */

struct problems *problems_new(void);
void problems_free(struct problems *);
/* file and item may be NULL, line 0. The text is one line; no full stop. */
void problem(struct problems *, const char *file, unsigned line, const char *item, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
size_t problems_count(const struct problems *);
const char *problems_get(const struct problems *, size_t i);	/* the finished line */
void problems_print(const struct problems *);			/* to stderr, in order of file and line */

#endif
