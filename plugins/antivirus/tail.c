/* tail.c - see tail.h */
#define _GNU_SOURCE
#include "plugins/antivirus/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK (64 << 10)

static int open_regular(const char *path, struct stat *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), error = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, ret) < 0)
		error = -errno;
	else if (!S_ISREG(ret->st_mode))
		error = -EINVAL;
	if (error)
		close(fd);
	return error ? error : fd;
}

int tail_read(const char *path, size_t limit, char **ret, off_t *ret_offset)
{
	struct stat st;
	int fd = open_regular(path, &st);
	off_t from;
	ssize_t n;
	char *text;

	if (fd < 0)
		return fd;
	from = st.st_size > (off_t)limit ? st.st_size - (off_t)limit : 0;
	text = malloc(limit + 1);
	n = text ? pread(fd, text, limit, from) : -1;
	close(fd);
	if (n < 0) {
		free(text);
		return text ? -EIO : -ENOMEM;
	}
	text[n] = '\0';
	for (ssize_t i = 0; i < n; i++)
		if (!text[i])
			text[i] = ' ';
	*ret = text;
	if (ret_offset)
		*ret_offset = from;
	return 0;
}

int tail_load(const char *state, struct tail_mark *ret)
{
	FILE *f = fopen(state, "re");
	struct tail_mark mark;
	int n;

	if (!f)
		return -errno;
	n = fscanf(f, "inode %" SCNu64 " offset %" SCNu64, &mark.inode, &mark.offset);
	fclose(f);
	if (n != 2)
		return -EBADMSG;
	*ret = mark;
	return 0;
}

int tail_text(const struct tail_mark *mark, char text[TAIL_TEXT])
{
	return snprintf(text, TAIL_TEXT, "inode %" PRIu64 " offset %" PRIu64 "\n", mark->inode, mark->offset);
}

/* A chunk without a whole line is either the growing end, or a line of nobody's; one of which nothing is taken ends it
 * for now. */
static int read_on(int fd, struct tail_mark *mark, size_t *left, tail_take *take, void *arg)
{
	char *chunk = malloc(CHUNK);
	int error = chunk ? 0 : -ENOMEM;

	while (!error && *left > 0) {
		ssize_t n = pread(fd, chunk, CHUNK, (off_t)mark->offset);
		size_t taken = n > 0 ? take(chunk, (size_t)n, arg) : 0;

		if (n < 0)
			error = -errno;
		if (n == CHUNK && taken == 0 && !memchr(chunk, '\n', CHUNK))
			taken = CHUNK;
		if (taken == 0)
			break;
		mark->offset += taken;
		*left -= taken < *left ? taken : *left;
	}
	free(chunk);
	return error;
}

int tail_follow(const char *path, struct tail_mark *mark, size_t limit, tail_take *take, void *arg)
{
	char rotated[PATH_MAX];
	struct stat st, old;
	int fd = open_regular(path, &st), old_fd, error;

	if (fd < 0)
		return fd;
	if (st.st_ino != mark->inode) {
		snprintf(rotated, sizeof(rotated), "%s.1", path);
		old_fd = mark->inode ? open_regular(rotated, &old) : -ENOENT;
		if (old_fd >= 0) {
			if (old.st_ino == mark->inode)
				read_on(old_fd, mark, &limit, take, arg);
			close(old_fd);
		}
		*mark = (struct tail_mark){.inode = st.st_ino};
	} else if ((uint64_t)st.st_size < mark->offset) {
		mark->offset = 0;	/* cut short: it begins anew */
	}
	error = read_on(fd, mark, &limit, take, arg);
	close(fd);
	return error;
}
