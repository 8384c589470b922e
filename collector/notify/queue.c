#include "queue.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "cleanup.h"
#include "clock.h"
#include "crc32c.h"
#include "io.h"
#include "log.h"

#define NOTICE_MAX (256 * 1024)
#define RESERVE (1024 * 1024)
#define MARK_DAYS 30

struct head { uint32_t crc, tries; int64_t born; };	/* crc: of all behind it */

struct queue { char *folder; struct queued *list; size_t n; };

/* With the short name of a person in it (people.c), so with dots, but a file's name and never a path. */
static bool is_id(const char *id)
{
	size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

	return n > 0 && n < 200 && !id[n] && id[0] != '.';
}

static void path_of(const struct queue *q, const char *id, const char *suffix, char buf[PATH_MAX])
{
	snprintf(buf, PATH_MAX, "%s/%s%s", q->folder, id, suffix);
}

static void make_reserve(struct queue *q)
{
	char path[PATH_MAX];
	CLOSE int fd = -1;

	path_of(q, "reserve", "", path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && posix_fallocate(fd, 0, RESERVE) != 0)
		unlink(path);
}

static void queued_free(struct queued *d)
{
	rooms__notice__free_unpacked(d->notice, NULL);
	free(d);
}

/* ---- files ---- */

static int write_file(struct queue *q, const struct queued *d)
{
	size_t n = rooms__notice__get_packed_size(d->notice);
	FREE uint8_t *buf = malloc(sizeof(struct head) + n);
	struct head head = {0, d->tries, d->born};
	char path[PATH_MAX], reserve[PATH_MAX];
	int r;

	if (!buf)
		return -ENOMEM;
	memcpy(buf, &head, sizeof(head));
	rooms__notice__pack(d->notice, buf + sizeof(head));
	head.crc = crc32c(0, buf + sizeof(head.crc), sizeof(head) - sizeof(head.crc) + n);
	memcpy(buf, &head, sizeof(head));
	path_of(q, d->notice->id, ".notice", path);
	r = io_replace_file(path, buf, sizeof(head) + n, 0600);
	if (r == -ENOSPC || r == -EDQUOT) {
		path_of(q, "reserve", "", reserve);
		if (unlink(reserve) == 0)
			log_error("%s: the disk is full; notices go on from the reserve: free some space", q->folder);
		r = io_replace_file(path, buf, sizeof(head) + n, 0600);
	}
	return r;
}

static struct queued *read_file(const char *path)
{
	FREE char *text = NULL;
	struct queued *d;
	struct head head;
	size_t n;

	if (io_read_file(path, NOTICE_MAX + sizeof(head), &text, &n) < 0 || n < sizeof(head))
		return NULL;
	memcpy(&head, text, sizeof(head));
	if (crc32c(0, text + sizeof(head.crc), n - sizeof(head.crc)) != head.crc)
		return NULL;
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->tries = head.tries;
	d->born = head.born;
	d->notice = rooms__notice__unpack(NULL, n - sizeof(head), (uint8_t *)text + sizeof(head));
	if (d->notice && is_id(d->notice->id))
		return d;
	queued_free(d);
	return NULL;
}

static void load_one(struct queue *q, const char *name)
{
	char path[PATH_MAX], aside[PATH_MAX];
	size_t n = strlen(name);
	struct queued *d;

	if (n < 8 || strcmp(name + n - 7, ".notice"))
		return;
	path_of(q, name, "", path);
	d = read_file(path);
	if (d) {
		DL_APPEND(q->list, d);
		q->n++;
		return;
	}
	path_of(q, name, ".damaged", aside);
	log_error("%s is damaged; kept as %s", path, rename(path, aside) == 0 ? aside : path);
}

int queue_open(const char *folder, struct queue **ret)
{
	struct queue *q = calloc(1, sizeof(*q));
	struct dirent *e;
	DIR *dir;
	int r;

	if (!q || !(q->folder = strdup(folder))) {
		free(q);
		return -ENOMEM;
	}
	r = io_make_folders(folder, 0700);
	dir = r == 0 ? opendir(folder) : NULL;
	if (!dir) {
		r = r < 0 ? r : -errno;
		queue_close(q);
		return r;
	}
	while ((e = readdir(dir)))
		load_one(q, e->d_name);
	closedir(dir);
	make_reserve(q);
	*ret = q;
	return 0;
}

void queue_close(struct queue *q)
{
	struct queued *d, *safe;

	if (!q)
		return;
	DL_FOREACH_SAFE(q->list, d, safe)
		queued_free(d);
	free(q->folder);
	free(q);
}

struct queued *queue_first(struct queue *q)
{
	return q->list;
}

/* ---- life of a notice ---- */

static bool is_marked(const struct queue *q, const char *id)
{
	char path[PATH_MAX];

	path_of(q, id, ".sent", path);
	return access(path, F_OK) == 0;
}

Rooms__Notice *queue_copy(const Rooms__Notice *n)
{
	size_t size = rooms__notice__get_packed_size(n);
	FREE uint8_t *buf = size <= NOTICE_MAX ? malloc(size ? size : 1) : NULL;

	if (!buf)
		return NULL;
	rooms__notice__pack(n, buf);
	return rooms__notice__unpack(NULL, size, buf);
}

/* Given up before, and handed over anew: it is tried as if for the first time. */
static void drop_aside(const struct queue *q, const char *id)
{
	char path[PATH_MAX];

	path_of(q, id, ".given_up", path);
	if (unlink(path) < 0 && errno != ENOENT)
		log_warning("%s: %s", path, strerror(errno));
}

int queue_take(struct queue *q, const Rooms__Notice *notice, int64_t now_boot, enum queue_taken *ret)
{
	struct queued *d;
	int r;

	if (!is_id(notice->id))
		return -EINVAL;
	DL_FOREACH(q->list, d)
		if (!strcmp(d->notice->id, notice->id))
			return *ret = QUEUE_KNOWN, 0;
	if (is_marked(q, notice->id))
		return *ret = QUEUE_SENT_BEFORE, 0;
	if (q->n >= QUEUE_MAX)
		return -ENOSPC;
	d = calloc(1, sizeof(*d));
	if (!d || !(d->notice = queue_copy(notice))) {
		free(d);
		return -ENOMEM;
	}
	d->born = clock_wall();
	d->due = now_boot;
	r = write_file(q, d);
	if (r < 0) {
		queued_free(d);
		return r;
	}
	drop_aside(q, d->notice->id);
	DL_APPEND(q->list, d);
	q->n++;
	*ret = QUEUE_NEW;
	return 0;
}

int queue_tried(struct queue *q, struct queued *d)
{
	d->tries++;
	return write_file(q, d);
}

static void forget(struct queue *q, struct queued *d)
{
	DL_DELETE(q->list, d);
	q->n--;
	queued_free(d);
}

void queue_sent(struct queue *q, struct queued *d)
{
	char path[PATH_MAX], mark[PATH_MAX];
	int r;

	path_of(q, d->notice->id, ".notice", path);
	path_of(q, d->notice->id, ".sent", mark);
	/* One rename is both: the notice is gone and the mark is there. Its content goes afterwards. */
	r = io_rename(path, mark);
	if (r < 0)
		log_warning("%s: %s; after a crash this notice may be sent once more", path, strerror(-r));
	else if (truncate(mark, 0) < 0)
		log_debug("%s: %s", mark, strerror(errno));
	forget(q, d);
}

void queue_drop(struct queue *q, struct queued *d)
{
	char path[PATH_MAX], aside[PATH_MAX];

	path_of(q, d->notice->id, ".notice", path);
	path_of(q, d->notice->id, ".given_up", aside);
	if (rename(path, aside) < 0)
		log_warning("%s: %s", path, strerror(errno));
	forget(q, d);
}

void queue_tidy(struct queue *q, int64_t now_wall)
{
	DIR *dir = opendir(q->folder);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		size_t n = strlen(e->d_name);
		char path[PATH_MAX];
		struct stat st;

		path_of(q, e->d_name, "", path);
		if (n > 5 && !strcmp(e->d_name + n - 5, ".sent") && stat(path, &st) == 0 &&
		    now_wall / NS_PER_S - st.st_mtime > MARK_DAYS * 86400)
			unlink(path);
	}
	if (dir)
		closedir(dir);
	make_reserve(q);
}
