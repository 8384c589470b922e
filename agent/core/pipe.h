/* pipe.h - frames over a non-blocking socket to a host, which may be hostile: bounds on what waits in either direction. */
#ifndef PIPE_H
#define PIPE_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/core/loop.h"

/* A whole round is at most 768 KiB of values (agent/host/report.h) and its head: with its series' definitions it must fit a Batch. */
#define PIPE_FRAME_MAX (800u * 1024)
#define PIPE_WAITING_MAX (1024u * 1024)

struct pipe {
	int fd;
	struct watch *watch;
	uint8_t *in, *out;
	size_t n_in, room_in, n_out, room_out;
	bool paused;
	/* 1: taken; 0: not now, the frame is offered again by pipe_resume; negative: stop reading, the pipe may be closed. */
	int (*frame)(void *arg, const uint8_t *frame, size_t n);
	void (*broken)(void *arg, const char *why);	/* NULL: the peer closed its end */
	void *arg;
};

/* Takes the descriptor, also on failure. fd < 0 in *p means closed. */
int pipe_open(struct pipe *p, struct loop *, int fd);
void pipe_close(struct pipe *p);
/* Waits for pipe_flush, so that several go in one call. 0; -ENOBUFS when the peer does not read; -ENOMEM or -EMSGSIZE. */
int pipe_send(struct pipe *p, const ProtobufCMessage *);
int pipe_flush(struct pipe *p);		/* as much as goes now; the rest follows by itself. 0 or -errno */
void pipe_resume(struct pipe *p);
/* Reads all that is there, to the end: for a host that has ended, or that nobody listens to any more. It can write no more then. */
void pipe_drain(struct pipe *p);

#endif
