/*
 * queue.h - notices that wait to be sent, one file each, durable before the collector is told "queued". A sent one leaves a
 * mark, so that the same id is not sent again when the collector, having crashed, hands it over a second time.
 *
 * FOLDER/ID.notice   checksum, tries, packed rooms.Notice
 * FOLDER/ID.sent     empty; kept for 30 days
 * FOLDER/ID.given_up as .notice: until it is handed over again
 * FOLDER/reserve     64 KiB x 16 of room, let go when the disk is full, so that a last notice still gets out (R6)
 */
#ifndef NOTIFY_QUEUE_H
#define NOTIFY_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/rooms.pb-c.h"

#define QUEUE_MAX 10000

struct queued {
	struct queued *prev, *next;
	Rooms__Notice *notice;
	uint32_t tries;
	int64_t born;			/* wall, ns */
	int64_t due;			/* boot clock */
	bool sending;
	bool brief;			/* of no use in half a minute */
};

struct queue;

int queue_open(const char *folder, struct queue **ret);		/* and reads what waits; damaged files are set aside, logged */
void queue_close(struct queue *);

enum queue_taken { QUEUE_NEW, QUEUE_KNOWN, QUEUE_SENT_BEFORE };
/* 0 with what it was, durable; -ENOSPC, -EDQUOT: no room even with the reserve; -EINVAL: an id that is none. */
int queue_take(struct queue *, const Rooms__Notice *, int64_t now_boot, enum queue_taken *ret);

Rooms__Notice *queue_copy(const Rooms__Notice *);		/* NULL: no memory, or too long; rooms__notice__free_unpacked */

struct queued *queue_first(struct queue *);			/* list: walk with ->next */
int queue_tried(struct queue *, struct queued *);		/* writes the number of tries, before the try */
void queue_sent(struct queue *, struct queued *);		/* leaves the mark; frees */
void queue_drop(struct queue *, struct queued *);		/* given up; the file stays beside as .given_up; frees */
void queue_tidy(struct queue *, int64_t now_wall);		/* old marks; makes the reserve anew */

#endif
