/*
 * walk.h - every name below the configured paths, once, in the order of object.h, without following a link.
 *
 * From "/" it descends by openat(2) with O_NOFOLLOW through real folders only, so nobody can lead it elsewhere by
 * swapping a folder for a link. It stays on the file system of each configured path unless told; a path that is
 * configured below another is walked as a part of it, on a file system of its own too.
 */
#ifndef WALK_H
#define WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#define WALK_DEPTH_MAX 128		/* folders, and so open descriptors */
#define WALK_FOLDER_MAX (256u << 20)	/* bytes of names in one folder */

struct walk;

struct walk_item {
	const char *path;
	int folder;		/* descriptor and name in it for openat; until the next call */
	const char *name;
	struct stat st;
	int error;		/* errno: `path`, and what is below it, could not be looked at; st is not set */
};

struct walk_filter { bool (*skip)(const char *path, void *arg); void *arg; };

/* `paths`: absolute, without "." and ".." (-EINVAL). All is copied. */
int walk_open(struct walk **ret, const char *const paths[], size_t n, bool cross, struct walk_filter filter);

/* 1: an item; 0: that was all; -errno: no memory. What vanishes on the way is passed over, unless it was configured. */
int walk_next(struct walk *, struct walk_item *ret);
void walk_close(struct walk *);

#endif
