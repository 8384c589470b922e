/*
 * copy.h - a copy of one of the store's files while it is at work (C4): of one view of it, as the last commit left it. Intake goes on.
 */
#ifndef STORE_COPY_H
#define STORE_COPY_H

#include <stdint.h>

#include "collector/store/reader.h"

#define STORE_COPY "copy.db"	/* in the store's folder, until copy_remove; it is not synced */

/* The files in the order in which they are to be copied: days, oldest first, then the main file, so that it knows every name that they use.
 * 0, -errno, or what `each` returned when that was not 0. */
int copy_parts(struct store_reader *, int (*each)(const char *name, void *arg), void *arg);
/* Any thread, with a reader of its own; one at a time. -ENOENT: there is no such file (any more); -ENOSPC: it would take the room that the store needs;
 * -EBADMSG: a page is damaged; -EAGAIN: the store is being opened anew, or ends. */
int copy_part(struct store_reader *, const char *name, uint64_t *ret_bytes);
void copy_remove(const char *folder);
void copy_abort(struct store_reader *);	/* any thread: the copy that is under way is given up, and none is begun any more; NULL is fine */

#endif
