#include "collector/queue.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct queue {
	pthread_mutex_t lock;
	struct node *first, **end;
	int fd;
};

struct queue *queue_new(void)
{
	struct queue *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->fd < 0) {
		free(q);
		return NULL;
	}
	pthread_mutex_init(&q->lock, NULL);
	q->end = &q->first;
	return q;
}

void queue_free(struct queue *q)
{
	if (!q)
		return;
	close(q->fd);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

static void push(struct queue *q, struct node *first, struct node *last)
{
	const uint64_t one = 1;
	bool wake;

	last->next = NULL;
	pthread_mutex_lock(&q->lock);
	wake = !q->first;
	*q->end = first;
	q->end = &last->next;
	pthread_mutex_unlock(&q->lock);
	if (wake)
		while (write(q->fd, &one, sizeof(one)) < 0 && errno == EINTR)
			;
}

void queue_push(struct queue *q, struct node *n)
{
	push(q, n, n);
}

void queue_push_list(struct queue *q, struct node *first)
{
	struct node *last = first;

	if (!first)
		return;
	while (last->next)
		last = last->next;
	push(q, first, last);
}

struct node *queue_take(struct queue *q)
{
	struct node *all;
	uint64_t count;

	/* First the wake-up, then the list: a push in between wakes once too often, never too seldom. */
	while (read(q->fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
	pthread_mutex_lock(&q->lock);
	all = q->first;
	q->first = NULL;
	q->end = &q->first;
	pthread_mutex_unlock(&q->lock);
	return all;
}

int queue_fd(const struct queue *q)
{
	return q->fd;
}

void queue_wait(struct queue *q, int timeout_ms)
{
	struct pollfd p = {.fd = q->fd, .events = POLLIN};

	poll(&p, 1, timeout_ms);
}

struct budget {
	pthread_mutex_t lock;
	pthread_cond_t room;
	atomic_size_t used;	/* changed under the lock, read without */
	size_t limit;
};

struct budget *budget_new(size_t limit)
{
	struct budget *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->room, NULL);
	b->limit = limit;
	return b;
}

void budget_free(struct budget *b)
{
	if (!b)
		return;
	pthread_cond_destroy(&b->room);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

void budget_take(struct budget *b, size_t n)
{
	pthread_mutex_lock(&b->lock);
	b->used += n;
	pthread_mutex_unlock(&b->lock);
}

void budget_give(struct budget *b, size_t n)
{
	bool was;

	pthread_mutex_lock(&b->lock);
	was = budget_full(b);
	b->used -= n;
	if (was && !budget_full(b))
		pthread_cond_broadcast(&b->room);
	pthread_mutex_unlock(&b->lock);
}

bool budget_full(const struct budget *b)
{
	return atomic_load_explicit(&b->used, memory_order_relaxed) >= b->limit;
}

size_t budget_used(const struct budget *b)
{
	return atomic_load_explicit(&b->used, memory_order_relaxed);
}

void budget_wait(struct budget *b)
{
	pthread_mutex_lock(&b->lock);
	while (budget_full(b))
		pthread_cond_wait(&b->room, &b->lock);
	pthread_mutex_unlock(&b->lock);
}
