#include "book.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#include "cleanup.h"
#include "io.h"

#define BOOK_MAX (64 * 1024 * 1024)

struct line_count { char about[64]; unsigned n; UT_hash_handle hh; };

struct book {
	char path[PATH_MAX];
	int fd, word;
	struct line_count *all;
};

static void about_of(const char *line, int word, char ret[64])
{
	const char *at = word == 1 ? line : line + strcspn(line, " \n");

	at += *at == ' ';
	snprintf(ret, 64, "%.*s", (int)strcspn(at, " \n"), at);
}

static struct line_count *find_or_add(struct book *b, const char *line)
{
	struct line_count *c;
	char about[64];

	about_of(line, b->word, about);
	HASH_FIND_STR(b->all, about, c);
	if (c)
		return c;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	strcpy(c->about, about);
	HASH_ADD_STR(b->all, about, c);
	return c;
}

static int read_all(struct book *b)
{
	FREE char *text = NULL;
	const char *line, *end;
	size_t n;
	int r = io_read_file(b->path, BOOK_MAX, &text, &n);

	if (r < 0)
		return r;
	for (line = text; (end = strchr(line, '\n')); line = end + 1) {
		struct line_count *c = find_or_add(b, line);

		if (!c)
			return -ENOMEM;
		c->n++;
	}
	return line < text + n && ftruncate(b->fd, line - text) < 0 ? -errno : 0;
}

int book_open(const char *folder, const char *name, int word, struct book **ret)
{
	struct book *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return -ENOMEM;
	snprintf(b->path, sizeof(b->path), "%s/%s", folder, name);
	b->word = word;
	b->fd = open(b->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	r = b->fd < 0 ? -errno : io_sync_folder(folder);
	if (r == 0)
		r = read_all(b);
	if (r == 0)
		*ret = b;
	else
		book_close(b);
	return r;
}

void book_close(struct book *b)
{
	struct line_count *c, *next;

	if (!b)
		return;
	HASH_ITER(hh, b->all, c, next) {
		HASH_DEL(b->all, c);
		free(c);
	}
	if (b->fd >= 0)
		close(b->fd);
	free(b);
}

unsigned book_count(const struct book *b, const char *about)
{
	const struct line_count *c;

	HASH_FIND_STR(b->all, about, c);
	return c ? c->n : 0;
}

int book_add(struct book *b, const char *line)
{
	struct line_count *c = find_or_add(b, line);
	struct stat before;
	int r;

	if (!c)
		return -ENOMEM;
	if (fstat(b->fd, &before) < 0)
		return -errno;
	r = io_write_all(b->fd, line, strlen(line));
	if (r == 0 && fsync(b->fd) < 0)
		r = -errno;
	if (r == 0)
		c->n++;
	else if (ftruncate(b->fd, before.st_size) < 0)
		return -errno;
	return r;
}

int book_text(const struct book *b, char **ret)
{
	return io_read_file(b->path, BOOK_MAX, ret, NULL);
}
