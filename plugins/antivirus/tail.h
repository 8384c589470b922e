/* tail.h - the end of a log, and what was added to it since the last look. */
#ifndef TAIL_H
#define TAIL_H

#include <stdint.h>
#include <sys/types.h>

/* The last `limit` bytes, NUL-terminated (NULs within become blanks), in *ret (free it); their offset in the file, when
 * asked for. Returns 0 or -errno. */
int tail_read(const char *path, size_t limit, char **ret, off_t *ret_offset);

/* How far a log was read. Kept in a file, so that a restart tells nothing twice. */
struct tail_mark { uint64_t inode, offset; };
int tail_load(const char *state, struct tail_mark *ret);	/* 0, -ENOENT: never read, -EBADMSG */
#define TAIL_TEXT 64
int tail_text(const struct tail_mark *, char text[TAIL_TEXT]);	/* what the file holds; returns its length */

/* Hands what stands behind the mark to `take`, which returns how many bytes (whole lines) it took, 0 for none now, and
 * moves the mark. A log that was rotated is read to its end under PATH.1 first. At most `limit` bytes a call. Returns 0
 * or -errno. */
typedef size_t tail_take(const char *text, size_t size, void *arg);
int tail_follow(const char *path, struct tail_mark *mark, size_t limit, tail_take *take, void *arg);
#endif
