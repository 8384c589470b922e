/* change_queue.h - a change on its way through the threads' queues: what store/keeper.c sees of it. */
#ifndef CHANGE_QUEUE_H
#define CHANGE_QUEUE_H

#include "collector/queue.h"
#include "collector/store/change.h"

/* First member of every change. */
struct change_node {
	struct node node;
	change_done *done;
	void *arg;
	int error;
	uint64_t entry;		/* by the store: number of the journal's last entry then */
};

#endif
