/*
 * post.h - notices on their way: kept on disk (queue.h), sent (sender.h), tried again with back-off until they are sent or given up. One
 * thread, which also waits here.
 */
#ifndef POST_H
#define POST_H

#include "channels.h"
#include "queue.h"
#include "sender.h"

struct post;

/* What became of a kept notice; it is logged already. */
typedef void post_told(const char *id, Rooms__DeliveryState, uint32_t tries, const char *text, void *arg);
/* What became of one that is not kept: error NULL is success. */
typedef void post_done(const char *error, void *arg);

struct post_setup {
	const struct channels *channels;	/* the caller's, like arg; both outlive the post */
	const char *folder;
	post_told *told;			/* NULL: nobody asks */
	post_done *done;			/* NULL: nothing is sent without being kept */
	void *arg;
};

int post_open(const struct post_setup *, struct post **ret);	/* 0 or -errno, which is logged */
void post_close(struct post *);					/* what waits stays on disk; NULL is fine */

int post_take(struct post *, const Rooms__Notice *, enum queue_taken *ret);	/* as queue_take */
/* One that is of no use later: tried at once, for half a minute at most, and not again. The notice is copied. 0; -EAGAIN: the last one is
 * still under way, or no memory; -EINVAL: it can never be sent. `done` is told only after 0. */
int post_once(struct post *, const Rooms__Notice *);

/* Sends what is due, and waits until `until` (boot clock) at most, or until the descriptor is readable. Readable: 1, else 0; or -EIO. */
int post_turn(struct post *, int fd, int64_t until);

#endif
