/*
 * scan.h - one pass over the configured paths against a baseline: the walk goes ahead, threads hash, results come in
 * order.
 *
 * Memory does not grow with the number of files: walk and baseline have one order and are merged as they come.
 */
#ifndef SCAN_H
#define SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "plugins/integrity/baseline.h"
#include "plugins/integrity/object.h"
#include "plugins/integrity/walk.h"

struct scan_options {
	const char *const *paths;
	size_t paths_n;
	struct walk_filter filter;
	bool cross;		/* go on to other file systems */
	bool rehash;		/* read files again that look untouched */
	uint64_t max_size;	/* larger files are known by size and time */
	unsigned threads;
};

struct scan_counts { uint64_t objects, hashed, bytes, unreadable, unstable, large; };

/* Called from scan_run's thread, in order. An error ends the scan. */
struct scan_sink {
	int (*object)(const struct object *, void *arg);	/* each, as it would be approved; may be NULL */
	int (*change)(const struct object *before, const struct object *after, unsigned differences, void *arg);
	void (*problem)(int error, const char *path, void *arg);
	void *arg;
};

/* `baseline` may be NULL: then nothing is a change. What cannot be looked at is told as a problem and
 * counts as it was. */
int scan_run(const struct scan_options *, struct baseline_reader *baseline, const struct scan_sink *,
	     struct scan_counts *ret);

#endif
