#include "landmark.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "vec.h"

#define SETTLED (100 * NS_PER_MS)	/* two changes within a clock's tick look like one */

static VEC(struct mark { char *path; dev_t device; ino_t inode; }) marks;	/* inode 0: nothing */
static VEC(struct folder { char *path; ino_t inode; int64_t changed; }) folders;	/* changed: 0 while not settled */

static int64_t ns_of(const struct timespec *t)
{
	return t->tv_sec * NS_PER_S + t->tv_nsec;
}

static int add_folder(const char *path)
{
	FREE char *copy = strdup(path);
	struct folder *f;

	if (!copy)
		return -ENOMEM;
	path = dirname(copy);
	for (size_t i = 0; i < folders.n; i++)
		if (strcmp(folders.at[i].path, path) == 0)
			return 0;
	f = vec_push(&folders);
	if (!f)
		return -ENOMEM;
	*f = (struct folder){.path = strdup(path)};
	return f->path ? 0 : -ENOMEM;
}

int landmark_add(const char *path, const struct stat *st)
{
	struct mark *m = vec_push(&marks);
	char real[PATH_MAX];
	int r;

	if (!m)
		return -ENOMEM;
	*m = (struct mark){strdup(path), st ? st->st_dev : 0, st ? st->st_ino : 0};
	if (!m->path)
		return -ENOMEM;
	r = add_folder(path);
	return r == 0 && realpath(path, real) && strcmp(path, real) != 0 ? add_folder(real) : r;
}

static bool is_other(const struct mark *m)
{
	struct stat st;

	if (stat(m->path, &st) < 0)
		return m->inode != 0 && errno == ENOENT;
	return m->inode != st.st_ino || m->device != st.st_dev;
}

/* Has something been made, removed or renamed in it since the last look? */
static bool look(struct folder *f, int64_t now)
{
	struct stat st;
	int64_t changed;

	if (stat(f->path, &st) < 0)
		st = (struct stat){.st_mtim.tv_nsec = 1};
	changed = ns_of(&st.st_mtim);
	if (f->changed && f->changed == changed && f->inode == st.st_ino)
		return false;
	f->inode = st.st_ino;
	f->changed = changed + SETTLED < now ? changed : 0;
	return true;
}

bool landmark_outdated(void)
{
	int64_t now = clock_wall();
	bool touched = false;

	for (size_t i = 0; i < folders.n; i++)
		touched |= look(&folders.at[i], now);
	for (size_t i = 0; touched && i < marks.n; i++)
		if (is_other(&marks.at[i]))
			return true;
	return false;
}
