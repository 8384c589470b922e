/* hash.c - files in, SHA-256 out. */
#include "plugins/integrity/hash.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#define BUFFER 131072
#define STACK 131072

struct worker { struct hasher *hasher; EVP_MD_CTX *md; unsigned char *buffer; pthread_t thread; bool runs; };

struct hasher {
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	struct hash_job *first, **last;
	unsigned idle, open;
	bool stop;
	EVP_MD *sha256;
	struct worker workers[HASH_THREADS_MAX];
	unsigned n;
};

static int read_once(struct worker *worker, struct hash_job *job)
{
	off_t at = 0;

	if (!EVP_DigestInit_ex2(worker->md, worker->hasher->sha256, NULL))
		return EIO;
	for (;;) {
		ssize_t n = pread(job->fd, worker->buffer, BUFFER, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		if (n == 0)
			return EVP_DigestFinal_ex(worker->md, job->sha256, NULL) ? 0 : EIO;
		EVP_DigestUpdate(worker->md, worker->buffer, (size_t)n);
		at += n;
		/* A file that grows as fast as it is read would never end; a short read says that this was all. */
		if (at >= job->st.st_size && n < BUFFER)
			return EVP_DigestFinal_ex(worker->md, job->sha256, NULL) ? 0 : EIO;
		if (at > job->st.st_size + BUFFER)
			return EAGAIN;
	}
}

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void run_job(struct worker *worker, struct hash_job *job)
{
	for (int try = 0; try < HASH_TRIES; try++) {
		struct stat after;
		job->error = read_once(worker, job);
		if (fstat(job->fd, &after) < 0)
			job->error = errno;
		job->unstable = job->error == EAGAIN || !same(&job->st, &after);
		job->st = after;
		if (!job->unstable)
			return;
	}
}

static void *worker_main(void *arg)
{
	struct worker *worker = arg;
	struct hasher *hasher = worker->hasher;

	pthread_mutex_lock(&hasher->lock);
	for (;;) {
		struct hash_job *job = hasher->first;
		if (job) {
			hasher->first = job->next;
			if (!hasher->first)
				hasher->last = &hasher->first;
			pthread_mutex_unlock(&hasher->lock);
			run_job(worker, job);
			close(job->fd);
			pthread_mutex_lock(&hasher->lock);
			job->done = true;
			hasher->open--;
			pthread_cond_signal(&hasher->done);
		} else if (hasher->stop) {
			break;
		} else {
			hasher->idle++;
			pthread_cond_wait(&hasher->work, &hasher->lock);
			hasher->idle--;
		}
	}
	pthread_mutex_unlock(&hasher->lock);
	return NULL;
}

static int start_worker(struct hasher *hasher, struct worker *worker)
{
	pthread_attr_t attr;
	int error;

	worker->hasher = hasher;
	worker->md = EVP_MD_CTX_new();
	worker->buffer = malloc(BUFFER);
	if (!worker->md || !worker->buffer || !EVP_DigestInit_ex2(worker->md, hasher->sha256, NULL))
		return -ENOMEM;
	error = pthread_attr_init(&attr);
	if (error)
		return -error;
	pthread_attr_setstacksize(&attr, STACK);
	error = pthread_create(&worker->thread, &attr, worker_main, worker);
	pthread_attr_destroy(&attr);
	worker->runs = !error;
	return -error;
}

int hasher_new(struct hasher **ret, unsigned threads)
{
	struct hasher *hasher = calloc(1, sizeof(*hasher));
	int error = 0;

	if (!hasher)
		return -ENOMEM;
	pthread_mutex_init(&hasher->lock, NULL);
	pthread_cond_init(&hasher->work, NULL);
	pthread_cond_init(&hasher->done, NULL);
	hasher->last = &hasher->first;
	hasher->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!hasher->sha256)
		error = -ENOTSUP;
	while (!error && hasher->n < threads && hasher->n < HASH_THREADS_MAX)
		error = start_worker(hasher, &hasher->workers[hasher->n++]);
	if (error)
		hasher_free(hasher);
	else
		*ret = hasher;
	return error;
}

void hasher_push(struct hasher *hasher, struct hash_job *job)
{
	job->done = false;
	job->next = NULL;
	pthread_mutex_lock(&hasher->lock);
	while (hasher->open == HASH_OPEN_MAX)
		pthread_cond_wait(&hasher->done, &hasher->lock);
	hasher->open++;
	*hasher->last = job;
	hasher->last = &job->next;
	if (hasher->idle > 0)
		pthread_cond_signal(&hasher->work);
	pthread_mutex_unlock(&hasher->lock);
}

void hasher_wait(struct hasher *hasher, struct hash_job *job)
{
	pthread_mutex_lock(&hasher->lock);
	while (!job->done)
		pthread_cond_wait(&hasher->done, &hasher->lock);
	pthread_mutex_unlock(&hasher->lock);
}

void hasher_free(struct hasher *hasher)
{
	if (!hasher)
		return;
	pthread_mutex_lock(&hasher->lock);
	hasher->stop = true;
	pthread_cond_broadcast(&hasher->work);
	pthread_mutex_unlock(&hasher->lock);
	for (unsigned i = 0; i < hasher->n; i++) {
		if (hasher->workers[i].runs)
			pthread_join(hasher->workers[i].thread, NULL);
		EVP_MD_CTX_free(hasher->workers[i].md);
		free(hasher->workers[i].buffer);
	}
	EVP_MD_free(hasher->sha256);
	pthread_cond_destroy(&hasher->done);
	pthread_cond_destroy(&hasher->work);
	pthread_mutex_destroy(&hasher->lock);
	free(hasher);
}
