/*
 * jobs.h - work that must not stop the engine: hashing passwords, reading the store. A few threads take jobs; each job's `done` is
 * called on the engine's thread. Bounded: a full pool refuses.
 */
#ifndef JOBS_H
#define JOBS_H

#include <stdbool.h>

struct jobs;
struct event_base;

/* First member of every job. work: on a thread of the pool, with nothing of the engine's; done: on the engine's, frees the job. */
struct job { struct job *next; void (*work)(struct job *, void *of_thread); void (*done)(struct job *); };

/* of_thread: one thing for each thread, handed to work (a store's reader, or NULL). */
struct jobs *jobs_new(struct event_base *, unsigned threads, void *const *of_thread);
void jobs_free(struct jobs *);				/* finishes what was taken; `done` of all the others is called as well */
bool jobs_add(struct jobs *, struct job *);		/* false: too many wait (64) */

#endif
