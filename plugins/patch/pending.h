/*
 * pending.h - what the package manager said last, and since when each pending security update is known. Kept in a file
 * of the plugin's state, replaced as a whole. A package that is superseded while it waits keeps its first date.
 */
#ifndef PENDING_H
#define PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pending {
	uint64_t fingerprint;		/* of the lists and the package state that this was computed from; 0: never */
	int64_t computed;		/* seconds since 1970 */
	int64_t last_update;		/* when packages were last upgraded; 0: not known */
	uint64_t count;
	struct security { char *name; int64_t first; bool seen; } *security;
	size_t security_count, room;
};

/* 0, -ENOENT, -EBADMSG, -errno; after an error it is empty */
int pending_load(const char *path, struct pending *ret);
int pending_text(const struct pending *, char **ret, size_t *ret_n);	/* what the file holds: free it. 0 or -ENOMEM */
void pending_free(struct pending *);

/* A new computation: begin, one add per security update (twice the same is one), end forgets what is not pending any
 * more. */
void pending_begin(struct pending *);
int pending_add(struct pending *, const char *name, int64_t now);
void pending_end(struct pending *);
int64_t pending_oldest(const struct pending *);			/* 0: none is pending */
#endif
