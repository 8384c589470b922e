#include "pipe.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "frame.h"
#include "log.h"

#define UNREAD_MAX (32u * 1024 * 1024)	/* answers that a peer has not taken yet */

struct pipe {
	struct bufferevent *stream;
	uint32_t frame_max;
	const struct pipe_told *told;
	void *arg;
	struct arena *arena;
	uint8_t *out;
	size_t out_room;
	bool ended;
};

/* From the loop, not from within a callback of somebody who still holds the pipe. */
static void end(struct pipe *p)
{
	p->ended = true;
	p->told->ended(p, p->arg);
	pipe_free(p);
}

/* 1: one was read; 0: none is whole yet; -1: nonsense. */
static int read_one(struct pipe *p)
{
	struct evbuffer *in = bufferevent_get_input(p->stream);
	size_t n = evbuffer_get_length(in);
	unsigned char *head = evbuffer_pullup(in, FRAME_HEAD);
	int64_t size = head ? frame_size(head, n, p->frame_max) : 0;
	const Rooms__Message *m;

	if (size <= 0)
		return size < 0 ? -1 : 0;
	if ((size_t)size > n)
		return 0;
	arena_reset(p->arena);
	m = (const Rooms__Message *)frame_unpack(&rooms__message__descriptor, evbuffer_pullup(in, size), (size_t)size, p->arena);
	if (!m)
		return -1;
	p->told->message(p, m, p->arg);
	evbuffer_drain(in, (size_t)size);
	return 1;
}

static void readable(struct bufferevent *stream, void *arg)
{
	struct pipe *p = arg;
	int r;

	while ((r = read_one(p)) > 0 && !p->ended)
		;
	if (r < 0) {
		log_warning("a peer on the local socket sent what is not a message; closed");
		end(p);
	} else if (p->ended || evbuffer_get_length(bufferevent_get_output(stream)) > UNREAD_MAX)
		end(p);
}

static void happened(struct bufferevent *stream, short what, void *arg)
{
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		end(arg);
}

struct pipe *pipe_new(struct event_base *loop, int fd, uint32_t frame_max, const struct pipe_told *told, void *arg)
{
	struct pipe *p = calloc(1, sizeof(*p));

	if (p) {
		*p = (struct pipe){.frame_max = frame_max, .told = told, .arg = arg, .arena = arena_new(8 * (size_t)frame_max)};
		evutil_make_socket_nonblocking(fd);
		p->stream = bufferevent_socket_new(loop, fd, BEV_OPT_CLOSE_ON_FREE);
	}
	if (!p || !p->stream || !p->arena) {
		if (!p || !p->stream)
			close(fd);
		pipe_free(p);
		return NULL;
	}
	bufferevent_setcb(p->stream, readable, NULL, happened, p);
	bufferevent_setwatermark(p->stream, EV_READ, 0, (size_t)frame_max + FRAME_HEAD);
	bufferevent_enable(p->stream, EV_READ | EV_WRITE);
	return p;
}

void pipe_free(struct pipe *p)
{
	if (!p)
		return;
	if (p->stream)
		bufferevent_free(p->stream);
	arena_free(p->arena);
	free(p->out);
	free(p);
}

void pipe_send(struct pipe *p, const Rooms__Message *m)
{
	int64_t n = frame_pack(&m->base, &p->out, &p->out_room);

	if (n < 0 || bufferevent_write(p->stream, p->out, (size_t)n) < 0)
		p->ended = true;	/* seen when it next sends or closes: the peer gets no half frames */
}

int pipe_fd(const struct pipe *p)
{
	return bufferevent_getfd(p->stream);
}
