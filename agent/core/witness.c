#include "config.h"

#include "agent/core/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/disk.h"
#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/log.h"
#include "lib/text.h"

#define LINE 384
#define FILE_MAX (8u * 1024 * 1024)	/* then a new one is begun, and this one kept: some 60,000 in all */

struct line { char chain[65], hash[65]; int64_t number; };

struct witness {
	char path[PATH_MAX];
	char highest[LINE], newest[LINE];
	bool whole;			/* the file ends with a line's end */
	size_t size;
};

/* "checkpoint CHAIN NUMBER HASH TIME SIGNATURE" */
static bool parse(const char *text, struct line *ret)
{
	char copy[LINE], *field[7], *at = copy;
	size_t n = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	while (at && n < 7)
		field[n++] = strsep(&at, "\t");
	if (n != 6 || strcmp(field[0], "checkpoint") || strspn(field[1], "0123456789abcdef") != 64 || strlen(field[1]) != 64 ||
	    strspn(field[3], "0123456789abcdef") != 64 || strlen(field[3]) != 64 || strspn(field[5], "0123456789abcdef") != 128 ||
	    strlen(field[5]) != 128 || text_int(field[2], &ret->number) < 0 || ret->number < 1)
		return false;
	strcpy(ret->chain, field[1]);
	strcpy(ret->hash, field[3]);
	return true;
}

static void remember(struct witness *w, const char *text, const struct line *l)
{
	struct line highest;

	strcpy(w->newest, text);
	if (!parse(w->highest, &highest) || strcmp(l->chain, highest.chain) || l->number >= highest.number)
		strcpy(w->highest, text);
}

/* Each line of the file to `see`, until it returns true. */
static bool look(const char *path, bool (*see)(struct witness *, const char *text, const struct line *, const void *arg), struct witness *w,
		 const void *arg, size_t *ret_size)
{
	FREE char *all = NULL;
	char *at, *text;
	struct line l;
	size_t n;

	if (io_read_file(path, 2 * FILE_MAX, &all, &n) < 0)
		return false;
	if (ret_size)
		*ret_size = n;
	w->whole = n == 0 || all[n - 1] == '\n';
	for (at = all; (text = strsep(&at, "\n"));)
		if (strlen(text) < LINE && parse(text, &l) && see(w, text, &l, arg))
			return true;
	return false;
}

static bool load(struct witness *w, const char *text, const struct line *l, const void *arg)
{
	remember(w, text, l);
	return false;
}

struct witness *witness_open(const char *state)
{
	struct witness *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->whole = true;
	snprintf(w->path, sizeof(w->path), "%s/witness", state);
	look(w->path, load, w, NULL, &w->size);
	return w;
}

void witness_free(struct witness *w)
{
	free(w);
}

/* ---- what contradicts ---- */

static bool is_same(struct witness *w, const char *text, const struct line *l, const void *arg)
{
	const struct line *its = arg;

	return l->number == its->number && !strcmp(l->chain, its->chain) && !strcmp(l->hash, its->hash);
}

static bool rises(const struct witness *w, const struct line *l)
{
	struct line highest;

	return !parse(w->highest, &highest) || (!strcmp(l->chain, highest.chain) && l->number > highest.number);
}

static void compare(struct witness *w, const struct line *l)
{
	struct line highest;

	if (rises(w, l) || !parse(w->highest, &highest))
		return;
	if (strcmp(l->chain, highest.chain))
		log_error("the collector shows another journal than before: it was begun anew, or this is another collector");
	else
		log_error("the collector's journal went back: entry %" PRId64 " was witnessed, now it is shown up to %" PRId64, highest.number, l->number);
}

/* ---- the file ---- */

static int begin_anew(struct witness *w)
{
	char old[PATH_MAX + 8];
	int r;

	snprintf(old, sizeof(old), "%s.old", w->path);
	r = disk_rename(w->path, old);
	if (r == 0)
		w->size = 0;
	return r;
}

static int append(struct witness *w, const char *text)
{
	char line[LINE + 2];
	CLOSE int fd = -1;
	int n = snprintf(line, sizeof(line), "%s%s\n", w->whole ? "" : "\n", text), r = w->size > FILE_MAX ? begin_anew(w) : 0;

	if (r < 0)
		return r;
	fd = disk_open(w->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fd;
	w->whole = false;
	r = disk_write(fd, line, (size_t)n);
	if (r == 0)
		r = disk_sync(fd);
	if (r < 0)
		return r;
	w->whole = true;
	w->size += (size_t)n;
	return 0;
}

void witness_take(struct witness *w, const void *line, size_t n)
{
	char text[LINE] = "";
	struct line l;
	int r;

	if (n == 0 || n >= LINE || memchr(line, 0, n) || memchr(line, '\n', n))
		return;
	memcpy(text, line, n);
	if (!strcmp(text, w->newest) || !parse(text, &l) || (!rises(w, &l) && look(w->path, is_same, w, &l, NULL)))
		return;
	compare(w, &l);
	r = append(w, text);
	if (r < 0)
		log_warning("%s: %s: a checkpoint of the collector's journal cannot be kept", w->path, strerror(-r));
	else
		remember(w, text, &l);
}

const char *witness_last(const struct witness *w)
{
	return w->highest;
}
