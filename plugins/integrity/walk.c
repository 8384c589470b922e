/* walk.c - an ordered walk with one open descriptor a level. */
#define _GNU_SOURCE
#include "plugins/integrity/walk.h"
#include "plugins/integrity/object.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A folder on the way to a configured path, of which only the names that lead there matter, is a passage. */
struct level {
	int fd;
	bool passage;
	dev_t device;
	size_t path_n;		/* length of the folder's path; 0 for "/" */
	char *text, **names;	/* of the folder, sorted */
	size_t n, i;
};

struct walk {
	char **paths;		/* sorted, none twice */
	size_t paths_n;
	bool cross;
	struct walk_filter filter;
	struct level levels[WALK_DEPTH_MAX];
	size_t depth;
	char path[OBJECT_PATH_MAX + 1];
	bool enter, enter_passage;	/* the last item is a folder to go into */
	struct stat enter_st;
};

static int by_order(const void *a, const void *b)
{
	return object_order(*(char *const *)a, *(char *const *)b);
}

static int by_byte(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Strips doubled and trailing slashes; NULL for what is relative or winds. */
static char *clean(const char *path)
{
	char *ret = *path == '/' ? strdup(path) : NULL, *to = ret;

	for (const char *s = path; ret && *s;) {
		size_t n;
		s += strspn(s, "/");
		n = strcspn(s, "/");
		if ((n == 1 && *s == '.') || (n == 2 && s[0] == '.' && s[1] == '.')) {
			free(ret);
			return NULL;
		}
		if (n > 0)
			*to++ = '/';
		memmove(to, s, n);
		to += n;
		s += n;
	}
	if (ret && to == ret)
		*to++ = '/';
	if (ret)
		*to = '\0';
	return ret;
}

static bool is_configured(const struct walk *walk, const char *path)
{
	return bsearch(&path, walk->paths, walk->paths_n, sizeof(char *), by_order) != NULL;
}

static bool leads_on(const struct walk *walk, const char *path)
{
	for (size_t i = 0; i < walk->paths_n; i++)
		if (strcmp(walk->paths[i], path) != 0 && object_within(walk->paths[i], path))
			return true;
	return false;
}

static void leave(struct walk *walk)
{
	struct level *level = &walk->levels[--walk->depth];

	close(level->fd);
	free(level->names);
	free(level->text);
}

/* Adds a name to the level's text; the pointers are made when all are there, as the text moves. */
static int add_name(struct level *level, size_t *used, size_t *room, const char *name)
{
	size_t n = strlen(name) + 1;

	if (*used + n > *room) {
		char *more;
		if (*used + n > WALK_FOLDER_MAX)
			return -EFBIG;
		*room = *room ? *room * 2 : 1024;
		more = realloc(level->text, *room);
		if (!more)
			return -ENOMEM;
		level->text = more;
	}
	memcpy(level->text + *used, name, n);
	*used += n;
	level->n++;
	return 0;
}

static int read_names(struct level *level, size_t *used)
{
	size_t room = 0;
	struct dirent *entry;
	int error = 0, fd = fcntl(level->fd, F_DUPFD_CLOEXEC, 0);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		error = -errno;
		if (fd >= 0)
			close(fd);
		return error;
	}
	while (!error && (errno = 0, entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			error = add_name(level, used, &room, entry->d_name);
	if (!error)
		error = -errno;
	closedir(dir);
	return error;
}

static int passage_names(const struct walk *walk, struct level *level, size_t *used)
{
	size_t room = 0, previous = 0;

	for (size_t i = 0; i < walk->paths_n; i++) {
		char name[256];
		const char *path = walk->paths[i], *s;
		size_t n;
		int error;
		if (strncmp(path, walk->path, level->path_n) != 0 || path[level->path_n] != '/')
			continue;
		s = path + level->path_n + 1;
		n = strcspn(s, "/");
		if (n == 0 || n >= sizeof(name))
			continue;
		memcpy(name, s, n);
		name[n] = '\0';
		if (level->n > 0 && strcmp(level->text + previous, name) == 0)	/* sorted: the same come together */
			continue;
		previous = *used;
		error = add_name(level, used, &room, name);
		if (error)
			return error;
	}
	return 0;
}

static int sort_names(struct level *level, size_t used)
{
	size_t i = 0;

	level->names = calloc(level->n + 1, sizeof(char *));
	if (!level->names)
		return -ENOMEM;
	for (size_t at = 0; at < used; at += strlen(level->text + at) + 1)
		level->names[i++] = level->text + at;
	qsort(level->names, level->n, sizeof(char *), by_byte);
	return 0;
}

/* Goes into folder `name` of `fd`, whose path stands in walk->path up to path_n. It must still be the one that stat
 * saw. */
static int enter(struct walk *walk, int fd, const char *name, size_t path_n, bool passage, const struct stat *seen)
{
	/* A passage is only searched: one may have the right to that, and not to read it. */
	int flags = (passage ? O_PATH : O_RDONLY | O_NONBLOCK) | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	struct level *level = &walk->levels[walk->depth];
	struct stat st;
	size_t used = 0;
	int error;

	if (walk->depth == WALK_DEPTH_MAX)
		return -ELOOP;
	*level = (struct level){.fd = openat(fd, name, flags), .passage = passage, .path_n = path_n};
	if (level->fd < 0)
		return -errno;
	walk->depth++;
	error = fstat(level->fd, &st) < 0 ? -errno : 0;
	if (!error && seen && (st.st_dev != seen->st_dev || st.st_ino != seen->st_ino))
		error = -ESTALE;
	level->device = st.st_dev;
	if (!error)
		error = passage ? passage_names(walk, level, &used) : read_names(level, &used);
	if (!error)
		error = sort_names(level, used);
	if (error)
		leave(walk);
	return error;
}

int walk_open(struct walk **ret, const char *const paths[], size_t n, bool cross, struct walk_filter filter)
{
	struct walk *walk = calloc(1, sizeof(*walk));
	int error;

	if (!walk)
		return -ENOMEM;
	walk->cross = cross;
	walk->filter = filter;
	walk->paths = calloc(n + 1, sizeof(char *));
	error = walk->paths ? 0 : -ENOMEM;
	for (size_t i = 0; i < n && !error; i++) {
		char *path = clean(paths[i]);
		if (path)
			walk->paths[walk->paths_n++] = path;
		else
			error = -EINVAL;
	}
	if (!error) {
		qsort(walk->paths, walk->paths_n, sizeof(char *), by_order);
		/* "/" is walked as any other: its path is empty where names are added */
		error = enter(walk, AT_FDCWD, "/", 0, walk->paths_n == 0 || strcmp(walk->paths[0], "/") != 0, NULL);
	}
	if (error)
		walk_close(walk);
	else
		*ret = walk;
	return error;
}

/* Decides what the next call does with a folder. */
static void look_inside(struct walk *walk, const struct level *level, const struct stat *st, bool passage)
{
	bool stays = walk->cross || st->st_dev == level->device || is_configured(walk, walk->path);

	walk->enter_passage = passage || !stays;
	walk->enter = !walk->enter_passage || leads_on(walk, walk->path);
	walk->enter_st = *st;
}

/* The next name of the innermost folder: 1 an item, 0 nothing to tell of it. */
static int visit(struct walk *walk, struct level *level, struct walk_item *ret)
{
	const char *name = level->names[level->i++];
	size_t n = strlen(name);
	bool passage;

	if (level->path_n + 1 + n > OBJECT_PATH_MAX) {
		*ret = (struct walk_item){.path = walk->path, .folder = -1, .error = ENAMETOOLONG};
		n = OBJECT_PATH_MAX - 1 - level->path_n;
	}
	walk->path[level->path_n] = '/';
	memcpy(walk->path + level->path_n + 1, name, n);
	walk->path[level->path_n + 1 + n] = '\0';
	if (n < strlen(name))
		return 1;
	passage = level->passage && !is_configured(walk, walk->path);
	if (!passage && walk->filter.skip && walk->filter.skip(walk->path, walk->filter.arg))
		return 0;

	*ret = (struct walk_item){.path = walk->path, .folder = level->fd, .name = name};
	if (fstatat(level->fd, name, &ret->st, AT_SYMLINK_NOFOLLOW) < 0) {
		ret->error = errno;
		return errno != ENOENT || level->passage;
	}
	if (S_ISDIR(ret->st.st_mode))
		look_inside(walk, level, &ret->st, passage);
	else if (passage)	/* configured is the real path, not one through a link */
		ret->error = S_ISLNK(ret->st.st_mode) ? ELOOP : ENOTDIR;
	return !passage || ret->error;
}

int walk_next(struct walk *walk, struct walk_item *ret)
{
	while (walk->depth > 0) {
		struct level *level = &walk->levels[walk->depth - 1];
		if (walk->enter) {
			int error;
			walk->enter = false;
			error = enter(walk, level->fd, level->names[level->i - 1], strlen(walk->path),
				      walk->enter_passage, &walk->enter_st);
			if (error == -ENOMEM)
				return error;
			if (error && (error != -ENOENT || walk->enter_passage)) {
				*ret = (struct walk_item){.path = walk->path, .folder = -1, .error = -error};
				return 1;
			}
		} else if (level->i == level->n) {
			leave(walk);
		} else if (visit(walk, level, ret)) {
			return 1;
		}
	}
	return 0;
}

void walk_close(struct walk *walk)
{
	if (!walk)
		return;
	while (walk->depth > 0)
		leave(walk);
	for (size_t i = 0; i < walk->paths_n; i++)
		free(walk->paths[i]);
	free(walk->paths);
	free(walk);
}
