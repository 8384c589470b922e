#include "collector/engine_thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct engine_thread {
	struct queue *queue;
	struct queue *const *ingest;
	struct budget *in_flight, *backlog;
	struct keeper *keeper;
	pthread_t thread;
	bool stop;
};

void engine_thread_configure(struct collector_config *c, struct problems *p)
{
}

static void done(struct change_node *c)
{
	if (c->done)
		c->done(c->arg, c->error);
	change_free((struct store_change *)c);
}

static void handle(struct engine_thread *e, struct node *n)
{
	switch ((enum message_kind)n->kind) {
	case MESSAGE_HELLO:
		queue_push(e->ingest[((struct hello *)n)->from.thread], n);
		break;
	case MESSAGE_SERIES:
		queue_push(e->ingest[((struct series *)n)->from.thread], n);
		break;
	case MESSAGE_CHANGE:
		done((struct change_node *)n);
		break;
	case MESSAGE_STOP:
		e->stop = true;
		free(n);
		break;
	default:
		message_free(n, e->in_flight);
	}
}

static void *run(void *arg)
{
	struct engine_thread *e = arg;

	while (!e->stop) {
		struct node *n, *next;

		queue_wait(e->queue, 1000);
		for (n = queue_take(e->queue); n; n = next) {
			next = n->next;
			handle(e, n);
		}
	}
	return NULL;
}

int engine_thread_start(const struct collector_config *config, const struct engine_doors *doors, struct queue *queue,
			struct keeper *keeper, struct queue *const *ingest, struct budget *in_flight, struct budget *backlog,
			struct engine_thread **ret)
{
	struct engine_thread *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	*e = (struct engine_thread){.queue = queue, .ingest = ingest, .in_flight = in_flight, .backlog = backlog, .keeper = keeper};
	r = -pthread_create(&e->thread, NULL, run, e);
	if (r)
		free(e);
	else
		*ret = e;
	return r;
}

void engine_thread_stop(struct engine_thread *e)
{
	struct node *stop;

	if (!e)
		return;
	stop = calloc(1, sizeof(*stop));
	if (!stop)
		abort();
	stop->kind = MESSAGE_STOP;
	queue_push(e->queue, stop);
	pthread_join(e->thread, NULL);
	free(e);
}
