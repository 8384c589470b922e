#include "config.h"

#include "agent/core/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/cleanup.h"

static int real_open(const char *path, int flags, mode_t mode)
{
	return open(path, flags, mode);
}

static const struct disk_calls kernel = {real_open, write, fdatasync, rename, unlink};
static const struct disk_calls *calls = &kernel;

void disk_use(const struct disk_calls *c)
{
	calls = c ? c : &kernel;
}

int disk_open(const char *path, int flags, mode_t mode)
{
	int fd;

	do
		fd = calls->open(path, flags | O_CLOEXEC, mode);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

int disk_write(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n) {
		ssize_t k = calls->write(fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		if (k == 0)
			return -ENOSPC;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

int disk_sync(int fd)
{
	return calls->sync(fd) < 0 ? -errno : 0;
}

int disk_sync_folder(const char *path)
{
	CLOSE int fd = disk_open(path, O_RDONLY | O_DIRECTORY, 0);

	return fd < 0 ? fd : disk_sync(fd);
}

int disk_rename(const char *from, const char *to)
{
	return calls->rename(from, to) < 0 ? -errno : 0;
}

int disk_unlink(const char *path)
{
	return calls->unlink(path) < 0 ? -errno : 0;
}
