/* scan.c - walk, hash and baseline brought together. */
#define _GNU_SOURCE
#include "plugins/integrity/scan.h"
#include "plugins/integrity/compare.h"
#include "plugins/integrity/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <sys/xattr.h>
#include <unistd.h>

#define AHEAD 512	/* objects on the way: a large file holds up the order, and not the others' hashing */

struct slot { struct object *before, *after; struct hash_job job; bool hashing, kept; };

struct scan {
	const struct scan_options *options;
	const struct scan_sink *sink;
	struct scan_counts counts;
	struct baseline_reader *baseline;
	struct object *next;	/* of the baseline */
	struct walk *walk;
	struct hasher *hasher;
	struct slot slots[AHEAD];
	size_t first, n;
	int noatime;		/* O_NOATIME until it was refused */
};

/* ---- out: the oldest slot ---- */

static void take_hash(struct scan *scan, struct slot *slot)
{
	struct object *after = slot->after;
	struct hash_job *job = &slot->job;

	hasher_wait(scan->hasher, job);
	slot->hashing = false;
	object_set_stat(after, &job->st);
	if (job->error && job->error != EAGAIN) {
		after->flags |= OBJECT_UNREADABLE;
		scan->sink->problem(job->error, after->path, scan->sink->arg);
		return;
	}
	if (job->error == 0) {
		after->flags |= OBJECT_HASHED;
		memcpy(after->sha256, job->sha256, 32);
	}
	if (job->unstable)
		after->flags |= OBJECT_UNSTABLE;
	scan->counts.hashed++;
	scan->counts.bytes += after->size;
}

static void count(struct scan_counts *counts, const struct object *object)
{
	counts->objects++;
	counts->unreadable += (object->flags & OBJECT_UNREADABLE) != 0;
	counts->unstable += (object->flags & OBJECT_UNSTABLE) != 0;
	counts->large += (object->flags & OBJECT_LARGE) != 0;
}

/* What would be approved: as found; but what cannot be read now stays as it was when it could be. */
static const struct object *approvable(const struct slot *slot)
{
	if (!slot->after || (slot->before && slot->after->flags & OBJECT_UNREADABLE))
		return slot->before;
	return slot->after;
}

static int emit(struct scan *scan, struct slot *slot)
{
	unsigned differences = 0;
	int error = 0;

	if (slot->after)
		count(&scan->counts, slot->after);
	if (slot->before && slot->after)
		differences = compare_objects(slot->before, slot->after);
	if (scan->baseline && !slot->kept && (!slot->before || !slot->after || differences))
		error = scan->sink->change(slot->before, slot->after, differences, scan->sink->arg);
	if (!error && scan->sink->object && (slot->after || slot->kept))
		error = scan->sink->object(approvable(slot), scan->sink->arg);
	return error;
}

static void clear(struct slot *slot)
{
	free(slot->before);
	free(slot->after);
	*slot = (struct slot){0};
}

static int finish_oldest(struct scan *scan)
{
	struct slot *slot = &scan->slots[scan->first];
	int error;

	if (slot->hashing)
		take_hash(scan, slot);
	error = emit(scan, slot);
	clear(slot);
	scan->first = (scan->first + 1) % AHEAD;
	scan->n--;
	return error;
}

/* ---- in: one more slot ---- */

static int new_slot(struct scan *scan, struct slot **ret)
{
	int error = scan->n == AHEAD ? finish_oldest(scan) : 0;

	if (!error)
		*ret = &scan->slots[(scan->first + scan->n++) % AHEAD];
	return error;
}

static int advance(struct scan *scan)
{
	scan->next = NULL;
	return scan->baseline ? baseline_next(scan->baseline, &scan->next) : 0;
}

/* The baseline's next object was not found again; or, `kept`, nobody could look. */
static int pass_over(struct scan *scan, bool kept)
{
	struct slot *slot;
	int error = new_slot(scan, &slot);

	if (error)
		return error;
	slot->before = scan->next;
	slot->kept = kept;
	return advance(scan);
}

static int catch_up(struct scan *scan, const char *path)
{
	int error = 0;

	while (!error && scan->next && (!path || object_order(scan->next->path, path) < 0))
		error = pass_over(scan, false);
	return error;
}

/* All below what could not be looked at stays as it was: no file is called removed because a folder is closed. */
static int keep_below(struct scan *scan, const char *path)
{
	int error = catch_up(scan, path);

	while (!error && scan->next && object_within(scan->next->path, path))
		error = pass_over(scan, true);
	return error;
}

static int open_file(struct scan *scan, const struct walk_item *item)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int fd = openat(item->folder, item->name, flags | scan->noatime);

	if (fd < 0 && errno == EPERM && scan->noatime) {	/* not for other people's files, without a capability */
		scan->noatime = 0;
		fd = openat(item->folder, item->name, flags);
	}
	return fd < 0 ? -errno : fd;
}

/* The file that was just looked at, opened; what was swapped for it in between is not read. */
static int begin_hash(struct scan *scan, struct slot *slot, const struct walk_item *item)
{
	int fd = open_file(scan, item), error = fd < 0 ? fd : 0;

	if (!error && fstat(fd, &slot->job.st) < 0)
		error = -errno;
	if (!error && (!S_ISREG(slot->job.st.st_mode) || slot->job.st.st_dev != item->st.st_dev ||
		       slot->job.st.st_ino != item->st.st_ino))
		error = -ESTALE;
	if (error) {
		slot->after->flags |= OBJECT_UNREADABLE;
		scan->sink->problem(-error, item->path, scan->sink->arg);
		if (fd >= 0)
			close(fd);
		return 0;
	}
	slot->job.fd = fd;
	slot->hashing = true;
	hasher_push(scan->hasher, &slot->job);
	return 0;
}

static int look_at_file(struct scan *scan, struct slot *slot, const struct walk_item *item)
{
	struct object *after = slot->after;
	const struct object *before = slot->before;

	if (after->size > scan->options->max_size) {
		after->flags |= OBJECT_LARGE;
		return 0;
	}
	if (!scan->options->rehash && before && S_ISREG(before->mode) && before->flags & OBJECT_HASHED &&
	    !(before->flags & OBJECT_UNSTABLE) && object_untouched(before, after)) {
		memcpy(after->sha256, before->sha256, 32);
		after->flags |= OBJECT_HASHED;
		return 0;
	}
	return begin_hash(scan, slot, item);
}

/* getxattr has no form that takes a folder; through /proc/self/fd it stays with the folder that the walk holds open. */
static void read_caps(struct object *object, const struct walk_item *item)
{
	char path[300];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", item->folder, item->name);
	n = lgetxattr(path, "security.capability", object->caps, OBJECT_CAPS_MAX);
	object->caps_n = n > 0 ? (uint8_t)n : 0;
}

static struct object *look(const struct walk_item *item)
{
	char target[OBJECT_PATH_MAX + 1];
	struct object *object;
	ssize_t n = -1;

	if (S_ISLNK(item->st.st_mode))
		n = readlinkat(item->folder, item->name, target, OBJECT_PATH_MAX);
	target[n > 0 ? n : 0] = '\0';
	object = object_new(item->path, S_ISLNK(item->st.st_mode) ? target : NULL);
	if (!object)
		return NULL;
	object_set_stat(object, &item->st);
	if (S_ISREG(item->st.st_mode) && item->st.st_mode & 0111)	/* on others they grant nothing */
		read_caps(object, item);
	return object;
}

static int take_item(struct scan *scan, const struct walk_item *item)
{
	struct slot *slot;
	int error;

	if (item->error) {
		scan->sink->problem(item->error, item->path, scan->sink->arg);
		scan->counts.unreadable++;
		return item->error == ENOENT ? 0 : keep_below(scan, item->path);
	}
	error = catch_up(scan, item->path);
	if (!error)
		error = new_slot(scan, &slot);
	if (error)
		return error;
	slot->after = look(item);
	if (!slot->after)
		return -ENOMEM;
	if (scan->next && strcmp(scan->next->path, item->path) == 0) {
		slot->before = scan->next;
		error = advance(scan);
	}
	if (!error && S_ISREG(item->st.st_mode))
		error = look_at_file(scan, slot, item);
	return error;
}

int scan_run(const struct scan_options *options, struct baseline_reader *baseline, const struct scan_sink *sink,
	     struct scan_counts *ret)
{
	struct scan scan = {.options = options, .sink = sink, .baseline = baseline, .noatime = O_NOATIME};
	struct walk_item item;
	int error = hasher_new(&scan.hasher, options->threads), more;

	if (!error)
		error = walk_open(&scan.walk, options->paths, options->paths_n, options->cross, options->filter);
	if (!error)
		error = advance(&scan);
	while (!error && (more = walk_next(scan.walk, &item)) != 0)
		error = more < 0 ? more : take_item(&scan, &item);
	if (!error)
		error = catch_up(&scan, NULL);
	while (!error && scan.n > 0)
		error = finish_oldest(&scan);

	for (; scan.n > 0; scan.n--, scan.first = (scan.first + 1) % AHEAD) {	/* after an error */
		if (scan.slots[scan.first].hashing)
			take_hash(&scan, &scan.slots[scan.first]);
		clear(&scan.slots[scan.first]);
	}
	free(scan.next);
	walk_close(scan.walk);
	hasher_free(scan.hasher);
	if (!error)
		*ret = scan.counts;
	return error;
}
