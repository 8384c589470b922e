#include "jobs.h"

#include <event2/event.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utlist.h>

#include "log.h"

#define THREADS_MAX 4
#define WAITING_MAX 64
#define NICE 10			/* who asks may not take the processor from what takes measurements in (N6) */

struct worker { struct jobs *jobs; pthread_t thread; void *own; };

struct jobs {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct job *first;		/* by turn */
	struct job *finished;
	uint64_t turn;				/* of the last one that was begun */
	unsigned waiting, threads;
	bool ending;
	int wake;
	struct event *event;
	struct worker workers[THREADS_MAX];
};

static void hand_back(struct jobs *j, struct job *job)
{
	const uint64_t one = 1;

	LL_PREPEND(j->finished, job);
	if (write(j->wake, &one, sizeof(one)) < 0)
		log_debug("a job's end could not be told");
}

static void *run(void *arg)
{
	struct worker *w = arg;
	struct jobs *j = w->jobs;

	setpriority(PRIO_PROCESS, 0, NICE);	/* this thread's alone, on Linux */
	pthread_mutex_lock(&j->lock);
	for (;;) {
		struct job *job;

		while (!j->first && !j->ending)
			pthread_cond_wait(&j->more, &j->lock);
		if (j->ending)
			break;
		job = j->first;
		LL_DELETE(j->first, job);
		j->waiting--;
		j->turn = job->turn;
		pthread_mutex_unlock(&j->lock);
		job->work(job, w->own);
		pthread_mutex_lock(&j->lock);
		hand_back(j, job);
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
	struct job *job;

	if (!j)
		return;
	pthread_mutex_lock(&j->lock);
	j->ending = true;
	pthread_cond_broadcast(&j->more);
	pthread_mutex_unlock(&j->lock);
	for (unsigned i = 0; i < j->threads; i++)
		pthread_join(j->workers[i].thread, NULL);
	LL_FOREACH(j->first, job)	/* what nobody began is done with, too: it frees itself */
		job->refused = true;
	LL_CONCAT(j->finished, j->first);
	j->first = NULL;
	finish(j);
	if (j->event)
		event_free(j->event);
	if (j->wake >= 0)
		close(j->wake);
	pthread_cond_destroy(&j->more);
	pthread_mutex_destroy(&j->lock);
	free(j);
}

/* Each address's jobs have turns one after the other, so those of an address that has few come between those of one that has many. */
static uint64_t turn_for(const struct jobs *j, const char *from)
{
	uint64_t turn = j->turn;
	const struct job *job;

	if (!*from)
		return turn;
	LL_FOREACH(j->first, job)
		if (!strcmp(job->from, from))
			turn = job->turn;
	return turn + 1;
}

static bool make_room(struct jobs *j, uint64_t turn)
{
	struct job *last = j->first;

	if (j->waiting < WAITING_MAX)
		return true;
	while (last->next)
		last = last->next;
	if (last->turn <= turn)
		return false;
	LL_DELETE(j->first, last);
	j->waiting--;
	last->refused = true;
	hand_back(j, last);
	return true;
}

static void put(struct jobs *j, struct job *job)
{
	struct job **at = &j->first;

	while (*at && (*at)->turn <= job->turn)
		at = &(*at)->next;
	job->next = *at;
	*at = job;
	j->waiting++;
}

bool jobs_add(struct jobs *j, struct job *job, const char *from)
{
	bool taken;

	snprintf(job->from, sizeof(job->from), "%s", from ? from : "");
	pthread_mutex_lock(&j->lock);
	job->turn = turn_for(j, job->from);
	taken = !j->ending && make_room(j, job->turn);
	if (taken) {
		put(j, job);
		pthread_cond_signal(&j->more);
	}
	pthread_mutex_unlock(&j->lock);
	return taken;
}
