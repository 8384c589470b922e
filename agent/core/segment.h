/*
 * segment.h - the files of a spool: ORDINAL-EPOCH-FIRST.seg, rows of entries (entry.h) whose salt is the epoch and whose numbers are
 * sequences. The name says all that a head could, and a flipped bit cannot reach it. What is acknowledged as a whole and kept for a
 * collector that forgets is called ORDINAL-EPOCH-FIRST-LAST.kept.
 */
#ifndef SEGMENT_H
#define SEGMENT_H

#include <limits.h>
#include <stdbool.h>

#include "agent/core/entry.h"

struct segment {
	uint32_t ordinal;	/* in order of making */
	uint64_t epoch, first;
	uint64_t last;		/* 0: no record */
	uint64_t acked;		/* through which the collector holds its epoch */
	uint64_t size;		/* durable bytes */
	bool doubt;		/* handed out, and nobody said yet whether it arrived */
	bool kept;		/* of the retained tail (tail.c) */
	int64_t kept_since;	/* boot clock */
	bool parted;		/* the collector holds others under its numbers: is not handed out, but numbered anew */
	struct segment *prev, *next;
};

int segment_path(const struct segment *, const char *folder, char path[PATH_MAX]);
bool segment_parse(const char *name, struct segment *ret);	/* false: no segment's name */
int segment_compare(const struct segment *, const struct segment *);

/* Reads front to back, through a small window. What is damaged is logged, with file and offset, and left out. */
struct segment_reader {
	int fd;			/* -1: not open */
	char path[PATH_MAX];
	uint64_t epoch;
	uint8_t *buf;
	size_t n, room, offset;
	uint64_t base;		/* place of buf in the file */
	uint64_t damage;	/* end of the damage last told */
};
int segment_read(struct segment_reader *, const struct segment *, const char *folder);
/* The next entry before `end` (the durable size). 1; 0 at the end, *ret_torn bytes of which are no whole entry; or -errno. */
int segment_next(struct segment_reader *, uint64_t end, struct entry *ret, uint64_t *ret_torn);
void segment_rest(struct segment_reader *);	/* nothing to read: lets go of the window */
void segment_close(struct segment_reader *);

#endif
