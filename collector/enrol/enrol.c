#include "collector/enrol/enrol.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "collector/enrol/visit.h"
#include "log.h"

#define AT_ONCE 16

/* ---- who comes ---- */

/* False: nobody is there. */
static bool accept_one(struct enrol *room)
{
	struct sockaddr_storage address = {0};
	socklen_t n = sizeof(address);
	int fd = accept4(room->door, (struct sockaddr *)&address, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct visitor *visitor;

	if (fd < 0) {
		if (errno == EINVAL)	/* the door was shut meanwhile */
			event_del(room->accepting);
		return errno == ECONNABORTED || errno == EINTR;
	}
	visitor = gate_enter(room->gate, (struct sockaddr *)&address, fd);
	if (visitor)
		visit_new(room, fd, visitor, (struct sockaddr *)&address);
	else
		close(fd);
	return true;
}

static void on_accept(evutil_socket_t door, short what, void *arg)
{
	for (int i = 0; i < AT_ONCE && accept_one(arg); i++)
		;
}

static void on_second(evutil_socket_t fd, short what, void *arg)
{
	struct enrol *room = arg;
	int64_t now = clock_boot();

	room->lines = 0;
	for (size_t i = 0; i < VISITS; i++)
		if (room->slots[i].visit)
			visit_look_after(room->slots[i].visit, now);
}

/* ---- what the engine says ---- */

static void answer(struct enrol *room, const struct sending *s)
{
	struct visit *v = s->from.slot < VISITS ? room->slots[s->from.slot].visit : NULL;

	if (v && room->slots[s->from.slot].generation == s->from.generation)
		visit_answer(v, s->frame, s->n);
}

static void handle(struct enrol *room, struct node *n)
{
	switch ((enum message_kind)n->kind) {
	case MESSAGE_DOOR:
		((struct door *)n)->open ? event_add(room->accepting, NULL) : event_del(room->accepting);
		break;
	case MESSAGE_SEND:
		answer(room, (struct sending *)n);
		break;
	case MESSAGE_CONTEXT:
		SSL_CTX_free(room->tls);
		room->tls = ((struct context *)n)->tls;
		break;
	case MESSAGE_STOP:
		event_base_loopbreak(room->loop);
		break;
	default:
		break;
	}
	free(n);
}

static void on_queue(evutil_socket_t fd, short what, void *arg)
{
	struct enrol *room = arg;
	struct node *n = queue_take(room->queue), *next;

	for (; n; n = next) {
		next = n->next;
		handle(room, n);
	}
}

/* ---- the thread ---- */

static void *run(void *arg)
{
	struct enrol *room = arg;

	event_base_loop(room->loop, EVLOOP_NO_EXIT_ON_EMPTY);
	for (size_t i = 0; i < VISITS; i++)
		if (room->slots[i].visit)
			visit_end(room->slots[i].visit);
	return NULL;
}

int enrol_new(const struct enrol_setup *its, struct enrol **ret)
{
	const struct timeval second = {.tv_sec = 1};
	struct enrol *room = calloc(1, sizeof(*room));

	if (!room)
		return -ENOMEM;
	room->door = its->door;
	room->patience = its->patience;
	room->tls = its->tls;
	SSL_CTX_up_ref(room->tls);
	room->queue = queue_new();
	room->gate = gate_new(its->of_one, its->in_all < VISITS ? its->in_all : VISITS);
	room->loop = event_base_new();
	if (room->loop && room->queue) {
		room->queued = event_new(room->loop, queue_fd(room->queue), EV_READ | EV_PERSIST, on_queue, room);
		room->accepting = event_new(room->loop, room->door, EV_READ | EV_PERSIST, on_accept, room);
		room->every_second = event_new(room->loop, -1, EV_PERSIST, on_second, room);
	}
	if (!room->gate || !room->queued || !room->accepting || !room->every_second || event_add(room->queued, NULL) < 0 ||
	    event_add(room->every_second, &second) < 0) {
		enrol_free(room);
		return -ENOMEM;
	}
	*ret = room;
	return 0;
}

struct queue *enrol_queue(const struct enrol *room)
{
	return room ? room->queue : NULL;
}

int enrol_start(struct enrol *room, struct queue *engine)
{
	room->engine = engine;
	room->running = pthread_create(&room->thread, NULL, run, room) == 0;
	return room->running ? 0 : -ENOMEM;
}

void enrol_stop(struct enrol *room)
{
	struct node *stop = room && room->running ? calloc(1, sizeof(*stop)) : NULL;

	if (!room || !room->running)
		return;
	if (!stop)
		abort();
	stop->kind = MESSAGE_STOP;
	queue_push(room->queue, stop);
	pthread_join(room->thread, NULL);
	room->running = false;
}

static void drop_rest(struct queue *queue)
{
	struct node *n = queue_take(queue), *next;

	for (; n; n = next) {
		next = n->next;
		if (n->kind == MESSAGE_CONTEXT)
			SSL_CTX_free(((struct context *)n)->tls);
		free(n);
	}
}

void enrol_free(struct enrol *room)
{
	if (!room)
		return;
	if (room->queue)
		drop_rest(room->queue);
	if (room->queued)
		event_free(room->queued);
	if (room->accepting)
		event_free(room->accepting);
	if (room->every_second)
		event_free(room->every_second);
	if (room->loop)
		event_base_free(room->loop);
	queue_free(room->queue);
	gate_free(room->gate);
	SSL_CTX_free(room->tls);
	free(room);
}
