/*
 * mounts.h - the kernel's table of mounts, /proc/PID/mountinfo (proc_pid_mountinfo(5)), and fstab(5).
 *
 * Names are bytes; the table's octal escapes are undone. Both tables own their text: entries point into it.
 */
#ifndef MOUNTS_H
#define MOUNTS_H

#include <stdbool.h>
#include <stddef.h>

#define MOUNTS_TEXT_MAX (8u << 20)	/* bytes of a table: about 50,000 mounts */

struct mount {
	int id, parent;			/* the kernel's numbers of this mount and of the one that it stands on */
	unsigned int major, minor;	/* of the file system */
	const char *root;		/* which folder of the file system is mounted */
	const char *dir, *type, *source;
	bool readonly; /* the file system itself: this mount may be all the same, as every one is below ProtectSystem= */
	bool remote; /* a call on it may hang: it, or a mount on the way to it, hangs on a network or a program */
	bool hidden;			/* set by mounts_unique on the way */
	size_t place;			/* for who sorts them */
};

struct mounts { struct mount *at; size_t n; char *text; };

/* Reads from the beginning of `fd` (of a procfs file or a fixture). 0 or -errno; -EBADMSG for what is no such table. */
int mounts_read(int fd, struct mounts *ret);

/* Takes `text` over, also on error. */
int mounts_parse(char *text, struct mounts *ret);
void mounts_free(struct mounts *);

/* The mount with the kernel's number; NULL when there is none. */
const struct mount *mounts_find(const struct mounts *, int id);

/* In a chroot the table does not name what "/" stands on: adds that, first, when it is missing. 0 or -errno. */
int mounts_add_root(struct mounts *);

/* Leaves one mount of each file system, where the most of it is seen: bind mounts, subvolumes and a share mounted twice
 * go, and so do mounts that others cover. The order stays. */
void mounts_unique(struct mounts *);

struct fstab_entry { const char *dir, *type; bool readonly, automatic, mounted; };
struct fstab { struct fstab_entry *at; size_t n; char *text; };

int fstab_parse(char *text, struct fstab *ret);	/* takes `text` over; lines that are none are passed over */
const struct fstab_entry *fstab_find(const struct fstab *, const char *dir);
void fstab_free(struct fstab *);

/* Undoes octal escapes ("\\040") in place. */
void mounts_unescape(char *);

/* All of a small file, with a NUL after it; -EFBIG beyond `limit`. */
int mounts_read_text(int fd, size_t limit, char **ret);

#endif
