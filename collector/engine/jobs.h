/*
 * jobs.h - work that must not stop the engine: hashing passwords, reading the store. A few threads take jobs; each job's `done` is
 * called on the engine's thread. Bounded, and fair (W4, N6): addresses take turns, and in a full pool the last job of the address that has
 * most makes room for one of an address that has fewer.
 */
#ifndef JOBS_H
#define JOBS_H

#include <stdbool.h>
#include <stdint.h>

struct jobs;
struct event_base;

/* work: on a thread of the pool, with nothing of the engine's; done: on the engine's, frees the job. refused: its place was given away, and
 * there was no work. The rest is the pool's. */
struct job {
	struct job *next;
	void (*work)(struct job *, void *of_thread);
	void (*done)(struct job *);
	bool refused;
	uint64_t turn;
	char from[46];
};

/* of_thread: one thing for each thread, handed to work (a store's reader, or NULL). */
struct jobs *jobs_new(struct event_base *, unsigned threads, void *const *of_thread);
void jobs_free(struct jobs *);				/* finishes what was taken; `done` of all the others is called as well */
/* from: whose job it is, an address; NULL: the console's, which goes before all others. False: too many wait (64). */
bool jobs_add(struct jobs *, struct job *, const char *from);

#endif
