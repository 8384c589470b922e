/*
 * object.h - what is known of one name in a file system, and the order that baseline and walk share.
 *
 * An object is one block of memory: free() lets go of it.
 */
#ifndef OBJECT_H
#define OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define OBJECT_PATH_MAX 4095	/* bytes of a path or of a link's target */
#define OBJECT_CAPS_MAX 24	/* bytes of security.capability: struct vfs_ns_cap_data */

enum {
	OBJECT_HASHED = 1,	/* sha256 is set */
	OBJECT_UNSTABLE = 2,	/* kept changing while it was read */
	OBJECT_UNREADABLE = 4,	/* content could not be read */
	OBJECT_LARGE = 8,	/* over max_size: known by size and time alone */
};

struct object {
	const char *path, *link;	/* link: target of a symbolic link, else NULL */
	uint32_t mode, uid, gid;
	uint64_t size, inode, device;	/* device: of a device file */
	int64_t mtime, ctime;		/* ns */
	uint8_t flags, caps_n;
	uint8_t caps[OBJECT_CAPS_MAX];
	uint8_t sha256[32];
};

/* NULL when there is no memory. `link` may be NULL. */
struct object *object_new(const char *path, const char *link);
struct object *object_copy(const struct object *);
void object_set_stat(struct object *, const struct stat *);

/* Same file, not written to since: size, times and inode are what they were. */
bool object_untouched(const struct object *, const struct object *);

/* By byte, but '/' before all others, so that a folder's content comes directly after the folder: a, a/b, a.b. */
int object_order(const char *a, const char *b);

/* Is it `top`, or below it? */
bool object_within(const char *path, const char *top);

#endif
