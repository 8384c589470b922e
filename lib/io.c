#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

const char *io_path(char buf[PATH_MAX], const char *folder, const char *name)
{
	snprintf(buf, PATH_MAX, "%s/%s", folder, name);
	return buf;
}

int io_write_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n) {
		ssize_t k = write(fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

int io_read_file(const char *path, size_t limit, char **ret, size_t *ret_n)
{
	CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	FREE char *buf = NULL;
	size_t n = 0, room = 0;

	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t k;

		if (n == room) {
			char *bigger = realloc(buf, (room = room ? room * 2 : 4096) + 1);

			if (!bigger)
				return -ENOMEM;
			buf = bigger;
		}
		k = read(fd, buf + n, room - n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		if (k == 0)
			break;
		n += (size_t)k;
		if (n > limit)
			return -EFBIG;
	}
	buf[n] = 0;
	*ret = TAKE(buf);
	if (ret_n)
		*ret_n = n;
	return 0;
}

int io_sync_folder(const char *path)
{
	CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return fsync(fd) < 0 ? -errno : 0;
}

int io_sync_parent(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	if (!slash)
		return io_sync_folder(".");
	if (n >= sizeof(folder))
		return -ENAMETOOLONG;
	memcpy(folder, path, n);
	folder[n] = 0;
	return io_sync_folder(n ? folder : "/");
}

static int write_new(const char *path, const void *data, size_t n, mode_t mode)
{
	CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	int r;

	if (fd < 0)
		return -errno;
	if (fchmod(fd, mode) < 0)	/* the umask, or an older temporary, had its say */
		return -errno;
	r = io_write_all(fd, data, n);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r;
}

int io_replace_file(const char *path, const void *data, size_t n, mode_t mode)
{
	char temporary[PATH_MAX];
	int r;

	if (snprintf(temporary, sizeof(temporary), "%s.new", path) >= (int)sizeof(temporary))
		return -ENAMETOOLONG;
	r = write_new(temporary, data, n, mode);
	if (r == 0)
		r = io_rename(temporary, path);
	if (r < 0)
		unlink(temporary);
	return r;
}

int io_rename(const char *from, const char *to)
{
	return rename(from, to) < 0 ? -errno : io_sync_parent(to);
}

int io_make_folders(const char *path, mode_t mode)
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof(part))
		return n ? -ENAMETOOLONG : -EINVAL;
	memcpy(part, path, n + 1);
	for (char *p = part + 1;; p++) {
		char c = *p;
		struct stat st;

		if (c && c != '/')
			continue;
		*p = 0;
		if (mkdir(part, mode) == 0) {
			if (chmod(part, mode) < 0)	/* whatever the umask took: others pass through these */
				return -errno;
		} else if (errno != EEXIST || stat(part, &st) < 0 || !S_ISDIR(st.st_mode)) {
			return errno == EEXIST ? -ENOTDIR : -errno;
		}
		if (!c)
			return 0;
		*p = c;
	}
}

int io_give(const char *folder, const char *const *names, uid_t uid, gid_t gid)
{
	CLOSE int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || geteuid() != 0)
		return 0;
	for (; *names; names++)
		if (fstatat(fd, *names, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_uid == 0 && !S_ISLNK(st.st_mode) &&
		    fchownat(fd, *names, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
	return 0;
}

int io_send(int socket, const void *data, size_t n, int fd)
{
	union { struct cmsghdr head; char room[CMSG_SPACE(sizeof(int))]; } control = {0};
	struct iovec iov = {(void *)data, n};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t k;

	if (fd >= 0) {
		m.msg_control = control.room;
		m.msg_controllen = sizeof(control.room);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	}
	do
		k = sendmsg(socket, &m, MSG_NOSIGNAL);
	while (k < 0 && errno == EINTR);
	return k < 0 ? -errno : (size_t)k == n ? 0 : -EIO;
}

ssize_t io_receive(int socket, void *data, size_t room, int *ret_fd)
{
	union { struct cmsghdr head; char room[CMSG_SPACE(sizeof(int))]; } control = {0};
	struct iovec iov = {data, room};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room,
			   .msg_controllen = CMSG_LEN(sizeof(int))};	/* no room for a second one: the kernel closes it */
	int fd = -1;
	ssize_t k;

	do
		k = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
	while (k < 0 && errno == EINTR);
	if (k < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
			memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	if (ret_fd)
		*ret_fd = fd;
	else if (fd >= 0)
		close(fd);
	return k;
}

int io_pair(int type, int ret[2])
{
	return socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ret) < 0 ? -errno : 0;
}
