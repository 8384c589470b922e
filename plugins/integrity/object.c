/* object.c - one name in a file system. */
#include "plugins/integrity/object.h"

#include <stdlib.h>
#include <string.h>

struct object *object_new(const char *path, const char *link)
{
	size_t path_room = strlen(path) + 1, link_room = link ? strlen(link) + 1 : 0;
	struct object *object = calloc(1, sizeof(*object) + path_room + link_room);

	if (!object)
		return NULL;
	object->path = memcpy(object + 1, path, path_room);
	if (link)
		object->link = memcpy((char *)(object + 1) + path_room, link, link_room);
	return object;
}

struct object *object_copy(const struct object *from)
{
	struct object *object = object_new(from->path, from->link);
	const char *path, *link;

	if (!object)
		return NULL;
	path = object->path;
	link = object->link;
	*object = *from;
	object->path = path;
	object->link = link;
	return object;
}

static int64_t nanoseconds(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void object_set_stat(struct object *object, const struct stat *st)
{
	object->mode = st->st_mode;
	object->uid = st->st_uid;
	object->gid = st->st_gid;
	object->inode = st->st_ino;
	object->size = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;
	object->device = S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode) ? st->st_rdev : 0;
	object->mtime = nanoseconds(st->st_mtim);
	object->ctime = nanoseconds(st->st_ctim);
}

bool object_untouched(const struct object *a, const struct object *b)
{
	return a->size == b->size && a->mtime == b->mtime && a->ctime == b->ctime && a->inode == b->inode;
}

static int rank(char c)
{
	return c == '\0' ? -1 : c == '/' ? 0 : (unsigned char)c;
}

int object_order(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return rank(*a) - rank(*b);
}

bool object_within(const char *path, const char *top)
{
	size_t n = strlen(top);

	if (n == 1)
		return true;
	return strncmp(path, top, n) == 0 && (path[n] == '/' || path[n] == '\0');
}
