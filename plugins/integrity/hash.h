/*
 * hash.h - threads that read files and give their SHA-256, in the order in which they were pushed.
 *
 * All functions are called from one thread. A job stays the caller's and is lent from push to wait; its descriptor is
 * handed over. The threads allocate nothing, so that a limit on address space is not eaten by a heap for each.
 */
#ifndef HASH_H
#define HASH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#define HASH_THREADS_MAX 16
#define HASH_OPEN_MAX 48	/* files open at once: a push waits for room */
#define HASH_TRIES 3		/* for a file that changes while it is read */

struct hasher;

struct hash_job {
	int fd;
	struct stat st;		/* on return: as it was before and after the last reading, or after it when unstable */
	uint8_t sha256[32];
	int error;		/* errno of the reading */
	bool unstable;		/* it changed during each try */
	bool done;		/* the hasher's */
	struct hash_job *next;	/* the hasher's */
};

int hasher_new(struct hasher **ret, unsigned threads);
void hasher_push(struct hasher *, struct hash_job *);
void hasher_wait(struct hasher *, struct hash_job *);
void hasher_free(struct hasher *);	/* no job may be left */

#endif
