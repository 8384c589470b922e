#include "jobs.h"

#include <event2/event.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "log.h"

#define THREADS_MAX 4
#define WAITING_MAX 64

struct worker { struct jobs *jobs; pthread_t thread; void *own; };

struct jobs {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct job *first, **last;		/* waiting */
	struct job *finished;
	unsigned waiting, threads;
	bool ending;
	int wake;
	struct event *event;
	struct worker workers[THREADS_MAX];
};

static void *run(void *arg)
{
	struct worker *w = arg;
	struct jobs *j = w->jobs;
	uint64_t one = 1;

	pthread_mutex_lock(&j->lock);
	for (;;) {
		struct job *job;

		while (!j->first && !j->ending)
			pthread_cond_wait(&j->more, &j->lock);
		if (j->ending)
			break;
		job = j->first;
		j->first = job->next;
		if (!j->first)
			j->last = &j->first;
		j->waiting--;
		pthread_mutex_unlock(&j->lock);
		job->work(job, w->own);
		pthread_mutex_lock(&j->lock);
		job->next = j->finished;
		j->finished = job;
		if (write(j->wake, &one, sizeof(one)) < 0)
			log_debug("a job's end could not be told");
	}
	pthread_mutex_unlock(&j->lock);
	return NULL;
}

static void finish(struct jobs *j)
{
	struct job *list;

	pthread_mutex_lock(&j->lock);
	list = j->finished;
	j->finished = NULL;
	pthread_mutex_unlock(&j->lock);
	while (list) {
		struct job *next = list->next;

		list->done(list);
		list = next;
	}
}

static void woken(evutil_socket_t fd, short what, void *arg)
{
	uint64_t n;

	if (read(fd, &n, sizeof(n)) > 0)
		finish(arg);
}

struct jobs *jobs_new(struct event_base *loop, unsigned threads, void *const *of_thread)
{
	struct jobs *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->more, NULL);
	j->last = &j->first;
	j->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	j->event = event_new(loop, j->wake, EV_READ | EV_PERSIST, woken, j);
	if (j->wake < 0 || !j->event || event_add(j->event, NULL) < 0) {
		jobs_free(j);
		return NULL;
	}
	for (unsigned i = 0; i < threads && i < THREADS_MAX; i++) {
		j->workers[i] = (struct worker){.jobs = j, .own = of_thread ? of_thread[i] : NULL};
		if (pthread_create(&j->workers[i].thread, NULL, run, &j->workers[i]) != 0)
			break;
		j->threads++;
	}
	if (j->threads == threads)
		return j;
	jobs_free(j);
	return NULL;
}

void jobs_free(struct jobs *j)
{
	if (!j)
		return;
	pthread_mutex_lock(&j->lock);
	j->ending = true;
	pthread_cond_broadcast(&j->more);
	pthread_mutex_unlock(&j->lock);
	for (unsigned i = 0; i < j->threads; i++)
		pthread_join(j->workers[i].thread, NULL);
	*j->last = j->finished;		/* what nobody began is done with, too: it frees itself */
	j->finished = j->first;
	j->first = NULL;
	j->last = &j->first;
	finish(j);
	if (j->event)
		event_free(j->event);
	if (j->wake >= 0)
		close(j->wake);
	pthread_cond_destroy(&j->more);
	pthread_mutex_destroy(&j->lock);
	free(j);
}

bool jobs_add(struct jobs *j, struct job *job)
{
	bool taken;

	job->next = NULL;
	pthread_mutex_lock(&j->lock);
	taken = j->waiting < WAITING_MAX && !j->ending;
	if (taken) {
		*j->last = job;
		j->last = &job->next;
		j->waiting++;
		pthread_cond_signal(&j->more);
	}
	pthread_mutex_unlock(&j->lock);
	return taken;
}
