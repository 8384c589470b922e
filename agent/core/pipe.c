#include "config.h"

#include "agent/core/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/frame.h"

#define ROOM 4096u

static void set_watch(struct pipe *p)
{
	loop_change(p->watch, (p->paused ? 0 : LOOP_READ) | (p->n_out ? LOOP_WRITE : 0));
}

int pipe_flush(struct pipe *p)
{
	size_t done = 0;

	while (done < p->n_out) {
		ssize_t k = send(p->fd, p->out + done, p->n_out - done, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0 && errno != EAGAIN)
			return -errno;
		if (k < 0)
			break;
		done += (size_t)k;
	}
	p->n_out -= done;
	if (done)
		memmove(p->out, p->out + done, p->n_out);
	if (p->n_out == 0 && p->room_out > ROOM) {
		free(TAKE(p->out));
		p->room_out = 0;
	}
	set_watch(p);
	return 0;
}

/* Offers what has arrived, frame by frame. false: stop. */
static bool offer(struct pipe *p)
{
	size_t done = 0;
	int64_t n;

	while (p->fd >= 0 && (n = frame_size(p->in + done, p->n_in - done, PIPE_FRAME_MAX)) != 0) {
		int r;

		if (n < 0) {
			p->broken(p->arg, "sent a frame of a forbidden length");
			return false;
		}
		if ((size_t)n > p->n_in - done)
			break;
		r = p->frame(p->arg, p->in + done, (size_t)n);
		if (r < 0)
			return false;
		if (r == 0) {
			p->paused = true;
			break;
		}
		done += (size_t)n;
	}
	if (p->fd < 0)
		return false;
	p->n_in -= done;
	if (done)
		memmove(p->in, p->in + done, p->n_in);
	if (p->n_in == 0 && p->room_in > ROOM) {
		free(TAKE(p->in));
		p->room_in = 0;
	}
	set_watch(p);
	return !p->paused;
}

/* Room for the rest of the frame that has begun, or for a beginning. */
static bool make_room(struct pipe *p)
{
	int64_t n = frame_size(p->in, p->n_in, PIPE_FRAME_MAX);
	size_t room = n > ROOM ? (size_t)n : ROOM;
	uint8_t *bigger;

	if (room <= p->room_in)
		return true;
	bigger = realloc(p->in, room);
	if (!bigger)
		return false;
	p->in = bigger;
	p->room_in = room;
	return true;
}

/* 1: some came and was offered; 0: nothing more at present, or the pipe was closed. */
static int receive(struct pipe *p)
{
	ssize_t k;

	if (!make_room(p)) {
		p->broken(p->arg, "no memory for what it sent");
		return 0;
	}
	do
		k = recv(p->fd, p->in + p->n_in, p->room_in - p->n_in, MSG_DONTWAIT);
	while (k < 0 && errno == EINTR);
	if (k < 0 && errno == EAGAIN)
		return 0;
	if (k <= 0) {
		p->broken(p->arg, NULL);
		return 0;
	}
	p->n_in += (size_t)k;
	return offer(p);
}

static void on_ready(void *arg, int events)
{
	struct pipe *p = arg;

	if (events & LOOP_WRITE) {
		if (pipe_flush(p) < 0) {
			p->broken(p->arg, NULL);
			return;
		}
	}
	if (events & LOOP_READ && !p->paused)
		receive(p);
}

int pipe_open(struct pipe *p, struct loop *loop, int fd)
{
	p->fd = fd;
	p->watch = loop_watch(loop, fd, LOOP_READ, on_ready, p);
	if (p->watch)
		return 0;
	pipe_close(p);
	return -ENOMEM;
}

void pipe_close(struct pipe *p)
{
	loop_unwatch(TAKE(p->watch));
	if (p->fd >= 0)
		close(TAKE_FD(p->fd));
	free(TAKE(p->in));
	free(TAKE(p->out));
	p->n_in = p->n_out = p->room_in = p->room_out = 0;
	p->paused = false;
}

int pipe_send(struct pipe *p, const ProtobufCMessage *message)
{
	int64_t n = frame_append(message, &p->out, p->n_out, &p->room_out);

	if (n < 0)
		return (int)n;
	if (p->n_out + (size_t)n > PIPE_WAITING_MAX)
		return -ENOBUFS;
	p->n_out += (size_t)n;
	return 0;
}

void pipe_resume(struct pipe *p)
{
	if (p->fd < 0 || !p->paused)
		return;
	p->paused = false;
	offer(p);
}

void pipe_drain(struct pipe *p)
{
	if (p->fd >= 0)
		shutdown(p->fd, SHUT_RD);
	while (p->fd >= 0 && !p->paused && receive(p))
		;
}
