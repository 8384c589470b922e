/* disk.h - the system calls through which spool and dictionary touch the disk, so that a test can make each of them fail (SECURITY R7). */
#ifndef DISK_H
#define DISK_H

#include <stddef.h>
#include <sys/types.h>

/* As the system calls: -1 and errno. */
struct disk_calls {
	int (*open)(const char *path, int flags, mode_t mode);
	ssize_t (*write)(int fd, const void *data, size_t n);
	int (*sync)(int fd);
	int (*rename)(const char *from, const char *to);
	int (*unlink)(const char *path);
};
void disk_use(const struct disk_calls *);	/* for tests; NULL restores the kernel's */

/* 0, a descriptor, or -errno. */
int disk_open(const char *path, int flags, mode_t mode);
int disk_write(int fd, const void *data, size_t n);		/* all of it, or an error */
int disk_sync(int fd);						/* never again on this descriptor when it fails */
int disk_sync_folder(const char *path);
int disk_rename(const char *from, const char *to);
int disk_unlink(const char *path);

#endif
