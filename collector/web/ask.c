#include "ask.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "clock.h"
#include "frame.h"
#include "proto/rooms.pb-c.h"

struct question { uint64_t number; int64_t until; ask_answer *answer; void *arg; UT_hash_handle hh; };

struct asks {
	struct bufferevent *pipe;
	struct event *tick;
	struct asks_calls calls;
	struct question *open;		/* oldest first: uthash keeps the order in which they came */
	struct arena *arena;
	uint64_t last;
	uint8_t *buf;
	size_t room;
};

static void on_reply(struct asks *a, const Rooms__Reply *r)
{
	struct question *q, gone;

	HASH_FIND(hh, a->open, &r->id, sizeof(r->id), q);
	if (!q)
		return;		/* nobody waits any more */
	gone = *q;
	HASH_DEL(a->open, q);
	free(q);
	gone.answer(gone.arg, r->status, (const char *)r->body.data, r->body.len);
}

/* False: the pipe is over. */
static bool read_one(struct asks *a, struct evbuffer *in)
{
	uint8_t head[FRAME_HEAD];
	int64_t n = frame_size(head, evbuffer_copyout(in, head, sizeof(head)) == sizeof(head) ? sizeof(head) : 0, ASK_ANSWER_MAX);
	const Rooms__Message *m;

	if (n < 0) {
		a->calls.end(a->calls.arg, "a message of impossible size");
		return false;
	}
	if (n == 0 || evbuffer_get_length(in) < (size_t)n)
		return false;
	m = (const Rooms__Message *)frame_unpack(&rooms__message__descriptor, evbuffer_pullup(in, (ev_ssize_t)n), (size_t)n, a->arena);
	if (m && m->message_case == ROOMS__MESSAGE__MESSAGE_REPLY)
		on_reply(a, m->reply);
	else if (m && m->message_case == ROOMS__MESSAGE__MESSAGE_PUSH)
		a->calls.push(a->calls.arg, m->push->topic, (const char *)m->push->body.data, m->push->body.len);
	else {
		a->calls.end(a->calls.arg, "a message that is none");
		return false;
	}
	evbuffer_drain(in, (size_t)n);
	arena_reset(a->arena);
	return true;
}

static void on_read(struct bufferevent *pipe, void *arg)
{
	while (read_one(arg, bufferevent_get_input(pipe)))
		;
}

static void on_event(struct bufferevent *pipe, short what, void *arg)
{
	struct asks *a = arg;

	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		a->calls.end(a->calls.arg, "it closed the pipe");
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct asks *a = arg;
	int64_t now = clock_boot();

	while (a->open && a->open->until < now) {
		struct question *q = a->open, gone = *q;

		HASH_DEL(a->open, q);
		free(q);
		gone.answer(gone.arg, 503, NULL, 0);
	}
}

struct asks *asks_new(struct event_base *base, int fd, struct asks_calls calls)
{
	struct asks *a = calloc(1, sizeof(*a));
	struct timeval second = {1, 0};

	if (!a)
		return NULL;
	a->calls = calls;
	evutil_make_socket_nonblocking(fd);
	evutil_make_socket_closeonexec(fd);
	a->arena = arena_new(2 * ASK_ANSWER_MAX);
	a->pipe = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	a->tick = event_new(base, -1, EV_PERSIST, on_tick, a);
	if (!a->arena || !a->pipe || !a->tick || event_add(a->tick, &second) < 0) {
		asks_free(a);
		return NULL;
	}
	bufferevent_setcb(a->pipe, on_read, NULL, on_event, a);
	bufferevent_enable(a->pipe, EV_READ | EV_WRITE);
	return a;
}

void asks_free(struct asks *a)
{
	struct question *q, *next;

	if (!a)
		return;
	HASH_ITER(hh, a->open, q, next) {
		HASH_DEL(a->open, q);
		free(q);
	}
	if (a->pipe)
		bufferevent_free(a->pipe);
	if (a->tick)
		event_free(a->tick);
	arena_free(a->arena);
	free(a->buf);
	free(a);
}

uint64_t ask(struct asks *a, const char *name, const char *session, const char *arguments, const char *from, ask_answer *answer, void *arg)
{
	Rooms__Message m = ROOMS__MESSAGE__INIT;
	Rooms__Query query = ROOMS__QUERY__INIT;
	struct question *q = HASH_COUNT(a->open) < ASK_MAX ? malloc(sizeof(*q)) : NULL;
	int64_t n;

	if (!q)
		return 0;
	*q = (struct question){.number = a->last + 1, .until = clock_boot() + ASK_PATIENCE_S * NS_PER_S, .answer = answer, .arg = arg};
	query.id = q->number;
	query.name = (char *)name;
	query.session = (char *)session;
	query.from = (char *)from;
	query.arguments = (ProtobufCBinaryData){strlen(arguments), (uint8_t *)arguments};
	m.message_case = ROOMS__MESSAGE__MESSAGE_QUERY;
	m.query = &query;
	n = frame_pack(&m.base, &a->buf, &a->room);
	if (n < 0 || bufferevent_write(a->pipe, a->buf, (size_t)n) < 0) {
		free(q);
		return 0;
	}
	HASH_ADD(hh, a->open, number, sizeof(q->number), q);
	return ++a->last;
}

void ask_forget(struct asks *a, uint64_t number)
{
	struct question *q;

	HASH_FIND(hh, a->open, &number, sizeof(number), q);
	if (q) {
		HASH_DEL(a->open, q);
		free(q);
	}
}
