/*
 * writable.h - the mounts that were once seen writable, kept in the plugin's state: fstab does not name them all.
 *
 * One that is not mounted any more is forgotten, so that the next one there is looked at anew.
 */
#ifndef WRITABLE_H
#define WRITABLE_H

#include <stdbool.h>
#include <stddef.h>

#define WRITABLE_MAX 1024	/* more are not remembered */

struct writable_mount { char *dir, *source; bool mounted; };
struct writable { struct writable_mount at[WRITABLE_MAX]; size_t n; bool changed; };

bool writable_has(const struct writable *, const char *dir, const char *source);
void writable_add(struct writable *, const char *dir, const char *source);

/* Before a new table: none is mounted; then writable_seen for each that is; then what is left is forgotten. */
void writable_begin(struct writable *);
void writable_seen(struct writable *, const char *dir, const char *source);
void writable_forget(struct writable *);

/* A file that is missing or damaged is an empty one. */
void writable_load(struct writable *, const char *path);
int writable_text(const struct writable *, char **ret, size_t *ret_n);	/* what the file holds: free it. 0 or -ENOMEM */
void writable_clear(struct writable *);

#endif
