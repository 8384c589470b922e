/*
 * pipe.h - one peer of the engine over a Unix socket: frames of rooms.proto both ways, on the engine's loop. A peer that does
 * not read what it asked for is cut off; one that sends what cannot be read, too.
 */
#ifndef PIPE_H
#define PIPE_H

#include <stddef.h>

#include "proto/rooms.pb-c.h"

struct pipe;
struct event_base;

struct pipe_told {
	void (*message)(struct pipe *, const Rooms__Message *, void *arg);	/* lives for the call */
	void (*ended)(struct pipe *, void *arg);				/* the pipe is freed after it */
};

/* Takes the descriptor. NULL: no memory (the descriptor is closed). */
struct pipe *pipe_new(struct event_base *, int fd, uint32_t frame_max, const struct pipe_told *, void *arg);
void pipe_free(struct pipe *);
void pipe_send(struct pipe *, const Rooms__Message *);
int pipe_fd(const struct pipe *);

#endif
