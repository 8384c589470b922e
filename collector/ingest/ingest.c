#include "collector/ingest/ingest.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collector/ingest/worker.h"
#include "log.h"

#define AT_ONCE 64		/* accepted before the connections get their turn */

struct ingest {
	struct shared shared;
	struct worker *workers;
	struct queue **queues;
	struct event *accepting, *accept_again;
	size_t next;			/* thread of the next connection */
};

int ingest_new(const struct ingest_setup *setup, struct ingest **ret)
{
	struct ingest *in = calloc(1, sizeof(*in));
	bool good;

	if (!in)
		return -ENOMEM;
	in->shared.its = *setup;
	in->shared.gate = gate_new(setup->strangers_of_one, setup->strangers);
	in->shared.credits = credits_new();
	in->workers = calloc(setup->threads, sizeof(*in->workers));
	in->queues = calloc(setup->threads, sizeof(*in->queues));
	good = in->shared.gate && in->shared.credits && in->workers && in->queues;
	for (size_t i = 0; i < setup->threads && good; i++) {
		in->queues[i] = queue_new();
		good = in->queues[i] && worker_prepare(&in->shared, &in->workers[i], (uint16_t)i, in->queues[i]);
	}
	if (!good) {
		ingest_free(in);
		return -ENOMEM;
	}
	*ret = in;
	return 0;
}

struct queue *const *ingest_queues(const struct ingest *in)
{
	return in->queues;
}

/* One accepted socket; false: none is there. */
static bool accept_one(struct ingest *in, int listener)
{
	struct arrival *a = calloc(1, sizeof(*a));
	socklen_t n = sizeof(a->address);
	const struct timeval second = {.tv_sec = 1};

	if (!a)
		return false;
	a->node.kind = MESSAGE_SOCKET;
	a->fd = accept4(listener, (struct sockaddr *)&a->address, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (a->fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			log_error("no more connections can be taken: %m");
			event_del(in->accepting);
			event_add(in->accept_again, &second);
		}
		free(a);
		return errno == ECONNABORTED || errno == EINTR;
	}
	a->visitor = gate_enter(in->shared.gate, (const struct sockaddr *)&a->address, a->fd);
	if (!a->visitor) {
		close(a->fd);
		free(a);
		return true;
	}
	queue_push(in->queues[in->next++ % in->shared.its.threads], &a->node);
	return true;
}

static void on_accept(evutil_socket_t listener, short what, void *arg)
{
	for (int i = 0; i < AT_ONCE && accept_one(arg, listener); i++)
		;
}

static void on_accept_again(evutil_socket_t fd, short what, void *arg)
{
	event_add(((struct ingest *)arg)->accepting, NULL);
}

int ingest_start(struct ingest *in, int listener, struct queue *store, struct queue *engine)
{
	struct event_base *loop = in->workers[0].loop;
	bool good;

	in->shared.store = store;
	in->shared.engine = engine;
	in->accepting = event_new(loop, listener, EV_READ | EV_PERSIST, on_accept, in);
	in->accept_again = event_new(loop, -1, 0, on_accept_again, in);
	good = in->accepting && in->accept_again && !event_add(in->accepting, NULL);
	for (size_t i = 0; i < in->shared.its.threads && good; i++)
		good = worker_start(&in->workers[i]);
	if (!good)
		ingest_stop(in);
	return good ? 0 : -ENOMEM;
}

void ingest_stop(struct ingest *in)
{
	for (size_t i = 0; i < in->shared.its.threads; i++)
		worker_stop(&in->workers[i]);
}

void ingest_free(struct ingest *in)
{
	if (!in)
		return;
	if (in->accepting)
		event_free(in->accepting);
	if (in->accept_again)
		event_free(in->accept_again);
	for (size_t i = 0; i < in->shared.its.threads; i++) {
		if (in->workers)
			worker_clear(&in->workers[i]);
		if (in->queues)
			queue_free(in->queues[i]);
	}
	gate_free(in->shared.gate);
	credits_free(in->shared.credits);
	free(in->workers);
	free(in->queues);
	free(in);
}
